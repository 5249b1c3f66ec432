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
 * Windows are conservative rings (quota/ring.lua): never more than the limit in
 * any true window. Tokens count at the moment of admission. Budgets are
 * calendar months in UTC: spent + held never passes the amount; the one way
 * past it is a settle later than hold_for, because then the money was really
 * spent. All times come from Redis, so that servers with wrong clocks agree.
 *
 * Two asks that would share a counter (same dimension, subject, quantity and
 * window) are one counter with the smaller amount.
 *
 * Store away: each ask does what its limit says. One closed limit refuses the
 * request (is_store_down); else local limits are counted in memory that this
 * server's children share, each against floor(amount / nodes), at least 1; open
 * ones are not counted. A budget set to local may spend floor(last known
 * remainder / nodes) while the store is away, and is closed where no remainder
 * was seen. Local counts are not settled (they keep the worst case) and not
 * brought back to Redis.
 * An admission whose answer was lost is cancelled in Redis by the next settle.
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
    cg_str_t subject; /* who, in the limit's dimension */
    int64_t cost;     /* requests: 1; tokens, micro-dollars: the worst case */
    int64_t floor;    /* charged if the hold is never settled */
} cg_quota_ask_t;

typedef struct cg_quota_left_t {
    int64_t limit;     /* this server's share when decided locally */
    int64_t remaining; /* after this request, if it was admitted; >= 0 */
    int64_t held;      /* budgets: part of what is used that is only held */
    int64_t reset_for; /* micros until all of it is free again; 0: it is */
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
    size_t count;
    cg_quota_left_t left[CG_ASKS_MAX]; /* as the asks; zero where not counted */
} cg_quota_grant_t;

/* Zeroed memory to be shared by all children; the same for every open. */
size_t cg_quota_shared_bytes(void);
/* Keeps store and shared; lives as long as pool. Thread-safe from here on. */
cg_quota_t *cg_quota_open(cg_store_t *store, void *shared, apr_pool_t *pool);
/* How many servers share the limits, for local mode; at first 1. */
void cg_quota_nodes(cg_quota_t *quota, int nodes);

/* Asks for all or nothing. The same id asked again gives the same hold, not a
 * second one: so the gateway must make the id, a caller's own x-request-id would
 * let him be counted once for many. Ask with a new id after a refusal. now is the local clock: it serves local mode and names the month.
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

typedef struct cg_quota_bill_t {
    const char *id;
    int64_t tokens;   /* clamped to [0, what was held] */
    int64_t micros;   /* likewise */
    bool is_released; /* nothing was sent upstream: give back all but the
                         request count */
} cg_quota_bill_t;

/* Settles; each id counts once however often it is sent; unknown ids do
 * nothing. On failure nothing is known to have happened: send all again later.
 * Sweeps a few expired holds too; with count 0 it does only that. Meant for a
 * background thread: call it at least each few seconds. */
apr_status_t cg_quota_settle(cg_quota_t *quota, const cg_quota_bill_t *bills,
                             size_t count, cg_error_t *err, apr_pool_t *pool);

/* Reads the present use; cost and floor are not looked at. out has room for
 * count answers. Changes nothing. Any count. */
apr_status_t cg_quota_usage(cg_quota_t *quota, const cg_quota_ask_t *asks,
                            size_t count, apr_time_t now, cg_quota_left_t *out,
                            cg_error_t *err, apr_pool_t *pool);

#endif
