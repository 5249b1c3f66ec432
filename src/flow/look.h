/* One limit in a look of the keeper of alerts: is it worth asking, what was reached?
 * SPDX-License-Identifier: Apache-2.0
 *
 * A part counts as reached when so much was spent. A hundred counts also when a
 * request was refused by the limit while nearly all was spent or held: a limit that
 * refuses is never spent to the last. No store, no telling: flow/keeper_alerts.c.
 */
#ifndef CG_FLOW_LOOK_H
#define CG_FLOW_LOOK_H

#include "flow/gateway.h"
#include "quota/calendar.h"

/* What is remembered of the limit in a cell of the watch. */
typedef struct cg_seen_t {
    uint64_t hash;
    cg_period_t period;  /* of calendar limits; name "" of windows */
    int raised;          /* the highest part that is known to have been told */
    apr_time_t asked_at; /* monotonic */
    apr_time_t refused_at; /* the refusal that was looked at */
    int64_t slot;          /* of the last point of its forecast */
    bool is_foretold;
} cg_seen_t;

/* One limit in one look. */
typedef struct cg_look_t {
    cg_seen_t *seen;
    cg_watched_t watched;
    const cg_alert_rule_t *rule;
    bool is_refused;
    bool is_sampled; /* a point of its forecast is due */
} cg_look_t;

/* The parts of its rule, ascending, then 0; of a soft limit to pass it counts in any
 * case. */
int cg_look_part(const cg_look_t *look, int i);
/* Forgets what was of another limit or another period. */
void cg_look_renew(cg_look_t *look, apr_time_t now);
bool cg_look_has_forecast(const cg_look_t *look);
/* Sets is_refused and is_sampled, too. clock: monotonic. */
bool cg_look_is_worth_asking(cg_look_t *look, apr_time_t now, apr_time_t clock);
int64_t cg_look_held(const cg_quota_left_t *left);
int64_t cg_look_spent(const cg_quota_left_t *left);
/* The highest part that is reached now; 0: none. */
int cg_look_reached(const cg_look_t *look, const cg_quota_left_t *left);

#endif
