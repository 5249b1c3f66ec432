/* Quota: may this request be served now, against all its limits at once?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Admission is one script in Redis, all or nothing: either every limit has room
 * for the request's worst case and is charged with it, or none is touched. A
 * refused request counts nowhere. Later the request is settled by its id with
 * what it really cost; the difference goes back.
 *
 *   admit(id, worst case) ---- held ----> settle(id, real) : charged real
 *                               |  \----> settle(id, released) : charged 0
 *                               |                (its request count stays)
 *                               \-- hold_for passes --> charged its floor;
 *                                   a settle that comes late corrects that
 *
 * Windows are conservative rings (quota/ring.lua), paced (smooth.lua) or logs
 * (exact.lua): never more than the limit in any true window. Tokens count at the
 * moment of admission. Calendar periods hold apart what is only held: spent +
 * held never passes the amount; the one way past it is a settle later than
 * hold_for, because then it was really used. All times come from Redis, so that
 * servers with wrong clocks agree. A soft limit is counted and refuses nobody.
 *
 * Two asks that would share a counter (same scope, subject, quantity and window)
 * are one counter with the smaller amount.
 *
 * A leased limit is taken from Redis in slices of a hundredth of it, which stand
 * in memory that this server's children share: a request that fits into them asks
 * nobody. What is taken counts as used until it is reported, and near the limit
 * nothing is taken: so it is as strict as the others (quota/lease.h).
 *
 * Store away: each ask does what its limit says. Slices are used up first. Then
 * one closed limit refuses the request (is_store_down); else local limits are
 * counted in shared memory, each against floor(amount / nodes), at least 1; open
 * ones are not counted. A calendar period set to local may use floor(last known
 * remainder / nodes) while the store is away, and is closed where no remainder
 * was seen. Local counts are settled like others, and what they come to is
 * brought back when the store answers again (quota/local.h).
 * An admission whose answer was lost is cancelled in Redis by the next settle.
 *
 * The counters of an organization stand apart from those of others. The id of a
 * hold names its organization, so that whoever settles needs to know no more.
 */
#ifndef CG_QUOTA_QUOTA_H
#define CG_QUOTA_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "base/error.h"
#include "base/text.h"
#include "policy/limit.h"
#include "store/store.h"

typedef struct cg_quota_t cg_quota_t;

#define CG_ASKS_MAX 24
#define CG_QUOTA_ID_MAX 128 /* bytes of a request id */

typedef struct cg_quota_ask_t {
    const cg_limit_t *limit;
    cg_str_t subject; /* who, in the limit's scope; of a pair cg_quota_pair */
    int64_t cost;     /* requests: 1; tokens, micro-dollars: the worst case */
    int64_t floor;    /* charged if the hold is never settled */
    cg_str_t organization; /* for cg_quota_usage; admission reads the id */
} cg_quota_ask_t;

typedef struct cg_quota_left_t {
    int64_t limit;     /* this server's share when decided locally */
    int64_t remaining; /* after this request, if it was admitted; >= 0 */
    int64_t held;      /* part of what is used that is only held; of windows
                          what servers took in advance */
    int64_t reset_for; /* micros until all of it is free again; 0: it is */
    int64_t wait_for;  /* of cg_quota_usage: micros until its cost would fit, if
                          nothing else comes; 0: it fits, or it never will */
} cg_quota_left_t;

/* A signed request's right to be seen once. How long it is remembered is more than
 * a signature is good for (twice CG_SIGNATURE_WINDOW_SECONDS) by what the clocks of
 * servers may differ; how many are remembered bounds what one key can fill. */
#define CG_NONCE_FOR apr_time_from_sec(900)
#define CG_NONCES_MAX 1000000 /* of one signing key in that time */

typedef struct cg_quota_nonce_t {
    cg_str_t sign_key; /* id */
    cg_str_t nonce;
    int64_t most; /* 0: CG_NONCES_MAX */
} cg_quota_nonce_t;

typedef enum cg_quota_once_t {
    CG_ONCE_NOT_ASKED,
    CG_ONCE_FIRST,    /* never seen, and remembered from now on */
    CG_ONCE_REPLAYED, /* refused: it was used before */
    CG_ONCE_CROWDED,  /* refused: its key has used too many */
    CG_ONCE_UNKNOWN   /* refused: the store did not say */
} cg_quota_once_t;

typedef struct cg_quota_grant_t {
    cg_quota_once_t once;
    bool is_admitted;
    int refused_by;       /* index of the ask that keeps it out longest; -1 */
    apr_time_t retry_for; /* until it would fit, if nothing else comes; 0: it
                             never will, the cost is above the limit */
    bool is_local;        /* some ask was counted without the store */
    bool is_open;         /* some ask was not counted at all */
    bool is_store_down;   /* refused because the store is away */
    bool is_here;         /* every ask came out of a slice: the store was not
                             asked, and knows no hold of this id */
    uint32_t passed;      /* bit per ask: a soft limit that this one passes */
    size_t count;
    cg_quota_left_t left[CG_ASKS_MAX]; /* as the asks; zero where not counted */
} cg_quota_grant_t;

/* The id of a hold: uuid, and the organization whose counters it stands in; empty:
 * none, the default tenant. At most 36 bytes of uuid. */
void cg_quota_id(char out[CG_QUOTA_ID_MAX + 1], const char *uuid,
                 cg_str_t organization);
/* The subject of a pair: "a+b", in the order of CG_DIMENSIONS. */
cg_str_t cg_quota_pair(cg_str_t first, cg_str_t second, apr_pool_t *pool);

/* Zeroed memory to be shared by all children; the same for every open. */
size_t cg_quota_shared_bytes(void);
/* Keeps store and shared, 64-byte aligned; lives as long as pool. Thread-safe from
 * here on. */
cg_quota_t *cg_quota_open(cg_store_t *store, void *shared, apr_pool_t *pool);
/* How many servers share the limits, for local mode; at first 1. */
void cg_quota_nodes(cg_quota_t *quota, int nodes);

/* Asks for all or nothing. The same id asked again gives the same hold, not a
 * second one: so the gateway must make the id, a caller's own x-request-id would
 * let him be counted once for many. Ask with a new id after a refusal. now is the local
 * clock: it serves local mode and names calendar periods. Bills that wait
 * (cg_quota_post) go to the store in the same round trip, ahead of it.
 * APR_SUCCESS: out is the decision, also when it was made locally because the
 * store is away (err then says why). Anything else is wrong use: more than
 * CG_ASKS_MAX asks, an id that is empty or too long. */
apr_status_t cg_quota_admit(cg_quota_t *quota, const char *id,
                            const cg_quota_ask_t *asks, size_t count,
                            apr_time_t hold_for, apr_time_t now,
                            cg_quota_grant_t *out, cg_error_t *err,
                            apr_pool_t *pool);

/* The same for a signed request: its nonce is used up in the same round trip, with
 * or without asks. Without the store it is refused, whatever its limits say:
 * is_admitted is false unless once is CG_ONCE_FIRST. nonce NULL: as cg_quota_admit. */
apr_status_t cg_quota_admit_once(cg_quota_t *quota, const char *id,
                                 const cg_quota_nonce_t *nonce,
                                 const cg_quota_ask_t *asks, size_t count,
                                 apr_time_t hold_for, apr_time_t now,
                                 cg_quota_grant_t *out, cg_error_t *err,
                                 apr_pool_t *pool);

/* The same for a request with a place in the live table (quota/live.h); 0: none. */
apr_status_t cg_quota_admit_live(cg_quota_t *quota, const char *id,
                                 uint32_t place, const cg_quota_nonce_t *nonce,
                                 const cg_quota_ask_t *asks, size_t count,
                                 apr_time_t hold_for, apr_time_t now,
                                 cg_quota_grant_t *out, cg_error_t *err,
                                 apr_pool_t *pool);

/* The same for a request that was admitted and asks again, for more: what it holds
 * as `replaces` is given back in the same step of the store, whole, whether there is
 * room for more or not. has_hold: the store knows it (not grant.is_here). Both ids
 * are of one organization. */
apr_status_t cg_quota_admit_instead(cg_quota_t *quota, const char *replaces,
                                    bool has_hold, const char *id,
                                    uint32_t place, const cg_quota_ask_t *asks,
                                    size_t count, apr_time_t hold_for,
                                    apr_time_t now, cg_quota_grant_t *out,
                                    cg_error_t *err, apr_pool_t *pool);

typedef struct cg_quota_bill_t {
    const char *id;
    int64_t input_tokens; /* each is clamped to [0, what was held] */
    int64_t output_tokens;
    int64_t micros;
    bool is_released; /* nothing was sent upstream: give back all but the
                         request count */
} cg_quota_bill_t;

/* Settles what stands in this server's memory at once, and puts the bill where
 * the next admission of any child, or cg_quota_flush, takes it from: so that a
 * caller's next request finds his last one settled. has_hold: the store knows
 * the id (not grant.is_here). The bill may be lost with the server: it must
 * stand somewhere else too, and be settled from there. Asks nobody. */
void cg_quota_post(cg_quota_t *quota, const cg_quota_bill_t *bill,
                   bool has_hold);
/* Settles the bills that wait, and reports slices that are used up. Meant to be
 * called every 20 ms. */
apr_status_t cg_quota_flush(cg_quota_t *quota, cg_error_t *err,
                            apr_pool_t *pool);

/* Settles; each id counts once however often it is sent; unknown ids do
 * nothing. On failure nothing is known to have happened: send all again later.
 * Sweeps a few expired holds too, reports slices that are used up, cancels what
 * was lost, and brings back what was counted during an outage; with count 0 it
 * does only that, for every organization. Meant for a background thread: call it
 * at least each few seconds. */
apr_status_t cg_quota_settle(cg_quota_t *quota, const cg_quota_bill_t *bills,
                             size_t count, cg_error_t *err, apr_pool_t *pool);

/* What requests under way have used so far: from now on the least they are
 * charged if nobody settles them. Only ever raises. */
typedef struct cg_quota_progress_t {
    const char *id;
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t micros;
} cg_quota_progress_t;

apr_status_t cg_quota_progress(cg_quota_t *quota,
                               const cg_quota_progress_t *holds, size_t count,
                               cg_error_t *err, apr_pool_t *pool);

/* ---- the live table, for the keeper: resend.c ----------------------------------- */

struct cg_live_t;
/* Requests under way stand in live, which must live as long. NULL: nowhere. */
void cg_quota_live(cg_quota_t *quota, struct cg_live_t *live);
/* Raises the least charge of all that stream. */
apr_status_t cg_quota_raise_live(cg_quota_t *quota, cg_error_t *err,
                                 apr_pool_t *pool);
/* Tells the store what stands nowhere but in the live table. */
apr_status_t cg_quota_pay_owed(cg_quota_t *quota, cg_error_t *err,
                               apr_pool_t *pool);
/* Sends again all holds, and the bills of the last CG_LIVE_AGAIN_FOR: when another
 * store serves now, which may not know of them. Changes nothing where it does. */
apr_status_t cg_quota_resend(cg_quota_t *quota, size_t *out_count,
                             cg_error_t *err, apr_pool_t *pool);
/* Another store serves now: slices taken of the last one are used no further. */
void cg_quota_new_store(cg_quota_t *quota);
/* Gives back what stands in this server's memory alone of an admission that was
 * not finished. */
void cg_quota_undo_here(cg_quota_t *quota, const char *id);

/* Reports the slices of this server that nobody uses: when it stops. */
apr_status_t cg_quota_return_slices(cg_quota_t *quota, cg_error_t *err,
                                    apr_pool_t *pool);

/* Reads the present use; floor is not looked at. out has room for count
 * answers. Changes nothing. Any count. */
apr_status_t cg_quota_usage(cg_quota_t *quota, const cg_quota_ask_t *asks,
                            size_t count, apr_time_t now, cg_quota_left_t *out,
                            cg_error_t *err, apr_pool_t *pool);

#endif
