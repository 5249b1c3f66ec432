/* The feed: alerts in the store, each raised once, and the queues they wait in.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   cg:{alert}:feed          sorted set of ids, which sort by time
 *   cg:{alert}:by-id:<id>    hash: its JSON; for each way state, tries, error;
 *                            who has seen it
 *   cg:{alert}:once:<mark>   what was raised already
 *   cg:{alert}:queue:<way>   sorted set of ids by when they are due
 *   cg:{alert}:dead          what could not be sent
 *
 * To decide that an alert is new and to put it into its queues is one script: so it
 * is neither lost nor told twice, whichever server dies when.
 */
#ifndef CG_ALERT_FEED_H
#define CG_ALERT_FEED_H

#include "alert/rules.h"
#include "store/store.h"

#define CG_ALERT_FEED_MOST 10000  /* older ones go */
#define CG_ALERT_QUEUE_MOST 10000 /* of one way; more are not sent */
#define CG_ALERT_DEAD_MOST 1000
#define CG_ALERT_MARKS_MAX (CG_ALERT_PERCENTS_MAX + 1)
/* More than a call of this way takes. */
#define CG_ALERT_LEASE_FOR(way) (2 * (way)->total_for + apr_time_from_sec(2))

/* Scripts and store. lives in: pool · any thread */
typedef struct cg_alert_feed_t cg_alert_feed_t;

cg_alert_feed_t *cg_alert_feed_open(cg_store_t *store, apr_pool_t *pool);

/* Raises it, unless the last of marks stands already; all of them then stand for
 * mark_life. No mark: always. only: the one way it goes; NULL: all that take its
 * kind. alert->id is made when it is empty. */
apr_status_t cg_alert_raise(cg_alert_feed_t *feed,
                            const cg_alert_rules_t *rules, cg_alert_t *alert,
                            const cg_str_t *marks, size_t count,
                            apr_time_t mark_life, const char *only,
                            bool *out_is_new, cg_error_t *err,
                            apr_pool_t *pool);
/* Forgets marks: their cause is gone, and may come anew. */
apr_status_t cg_alert_forget(cg_alert_feed_t *feed, const cg_str_t *marks,
                             size_t count, cg_error_t *err, apr_pool_t *pool);

/* How an alert went one way. */
typedef struct cg_alert_sent_t {
    const char *way;
    const char *state; /* "waiting", "sent", "dead", "dropped" */
    int64_t tries;
    const char *error;   /* of the last try; "" */
    const char *sent_at; /* "" */
} cg_alert_sent_t;

/* lives in: the caller's pool */
typedef struct cg_alert_entry_t {
    cg_alert_t alert;
    cg_json_t *json;            /* as it was written */
    apr_time_t acknowledged_at; /* 0: nobody has seen it */
    const char *acknowledged_by;
    const char *acknowledged_note;
    const apr_array_header_t *sent; /* of cg_alert_sent_t */
} cg_alert_entry_t;

typedef struct cg_alert_filter_t {
    const char *kind;     /* NULL: any */
    const char *subject;  /* exactly */
    const char *delivery; /* some way has this state */
    int acknowledged;     /* 1, 0; -1: any */
    apr_time_t from, to;  /* 0: any */
} cg_alert_filter_t;

/* Newest first. cursor: the id after which to go on; NULL: from the newest.
 * *out_next NULL: there are no more. */
apr_status_t cg_alert_list(cg_alert_feed_t *feed,
                           const cg_alert_filter_t *filter, const char *cursor,
                           size_t limit, apr_array_header_t **out,
                           const char **out_next, cg_error_t *err,
                           apr_pool_t *pool);
/* APR_NOTFOUND if there is none. */
apr_status_t cg_alert_get(cg_alert_feed_t *feed, const char *id,
                          cg_alert_entry_t *out, cg_error_t *err,
                          apr_pool_t *pool);
/* APR_EEXIST when somebody was before; APR_NOTFOUND. at 0 takes it back. */
apr_status_t cg_alert_acknowledge(cg_alert_feed_t *feed, const char *id,
                                  apr_time_t at, const char *who,
                                  const char *note, cg_error_t *err,
                                  apr_pool_t *pool);

/* What the points of a limit's burn-down are kept by (CG_KEYS_ALERT_BURN): a hash,
 * field any, value "<epoch seconds> <used>". The same however much there is of it. */
const char *cg_alert_burn_name(const cg_limit_t *limit,
                               const char *organization, const char *subject,
                               apr_pool_t *pool);

/* ---- the queues (queue.c) --------------------------------------------------- */

typedef struct cg_alert_letter_t {
    const char *id;
    int64_t tries; /* this one counts */
    cg_str_t json;
} cg_alert_letter_t;

/* Lends up to most that are due; *out_count: how many. */
apr_status_t cg_alert_take(cg_alert_feed_t *feed, const cg_alert_way_t *way,
                           cg_alert_letter_t *out, size_t most,
                           size_t *out_count, cg_error_t *err,
                           apr_pool_t *pool);
apr_status_t cg_alert_sent(cg_alert_feed_t *feed, const cg_alert_way_t *way,
                           const char *id, apr_time_t now, cg_error_t *err,
                           apr_pool_t *pool);
/* Not sent: again after cg_alert_pause, or never when its tries are used up or
 * is_final. words say why. *out_is_dead: it is a dead letter now. */
apr_status_t cg_alert_failed(cg_alert_feed_t *feed, const cg_alert_way_t *way,
                             const cg_alert_letter_t *letter, bool is_final,
                             const char *words, bool *out_is_dead,
                             cg_error_t *err, apr_pool_t *pool);
/* A dead letter is sent again, with all its tries. */
apr_status_t cg_alert_resend(cg_alert_feed_t *feed, const char *way,
                             const char *id, apr_time_t now, cg_error_t *err,
                             apr_pool_t *pool);
/* Until the next try: 1 s, doubled each time, an hour at most; random 0 to 1 makes
 * half of it up to one and a half. */
apr_time_t cg_alert_pause(int64_t tries, double random);
/* What waits and what is dead, of all ways. */
apr_status_t cg_alert_depth(cg_alert_feed_t *feed,
                            const cg_alert_rules_t *rules, int64_t *out_waiting,
                            int64_t *out_dead, cg_error_t *err,
                            apr_pool_t *pool);

#endif
