/* One limit in a look of the keeper of alerts: is it worth asking, what was reached?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/look.h"

#include "flow/foresee.h"

#define ASK_AGAIN (2 * CG_SECOND) /* one limit */
#define CALM_EACH (5 * CG_SECOND) /* a window whose use may have fallen */
#define REFUSED_AT                                                             \
    0.9 /* of a limit, spent or held, when refusals say it is full */

int cg_look_part(const cg_look_t *look, int i)
{
    const cg_alert_rule_t *rule = look->rule;
    if (i < rule->count) {
        return rule->percents[i];
    }
    bool has_all = rule->count > 0 && rule->percents[rule->count - 1] == 100;
    bool adds = look->watched.limit.is_soft && !has_all && i == rule->count;
    return adds ? 100 : 0;
}

static bool is_reached(int64_t used, int part, int64_t amount)
{
    return (double)used * 100 >= (double)part * (double)amount;
}

/* The lowest part above what was told; 0: none is left. */
static int next_part(const cg_look_t *look)
{
    for (int i = 0; cg_look_part(look, i); i++) {
        if (cg_look_part(look, i) > look->seen->raised) {
            return cg_look_part(look, i);
        }
    }
    return 0;
}

void cg_look_renew(cg_look_t *look, apr_time_t now)
{
    cg_seen_t *seen = look->seen;
    bool is_calendar = cg_limit_is_calendar(&look->watched.limit);
    if (seen->hash == look->watched.hash[0] &&
        (!is_calendar || now < seen->period.stop)) {
        return;
    }
    *seen = (cg_seen_t){.hash = look->watched.hash[0]};
    if (is_calendar) {
        cg_calendar_find(NULL, &look->watched.limit, now, &seen->period);
    }
}

bool cg_look_has_forecast(const cg_look_t *look)
{
    return look->rule->has_forecast && look->seen->period.name[0] &&
           !look->seen->is_foretold && look->seen->raised < 100;
}

bool cg_look_is_worth_asking(cg_look_t *look, apr_time_t now, apr_time_t clock)
{
    const cg_watched_t *watched = &look->watched;
    cg_seen_t *seen = look->seen;
    int part = next_part(look);
    apr_time_t since = clock - seen->asked_at;
    look->is_refused = watched->refused_at > seen->refused_at && part > 0;
    look->is_sampled = cg_look_has_forecast(look) &&
                       cg_foresee_step(&seen->period, now) != seen->slot;
    bool may_have_come =
        part > 0 && is_reached(watched->used, part, watched->amount);
    bool may_have_fallen = seen->raised > 0 && !seen->period.name[0];
    return (may_have_come && since >= ASK_AGAIN) || look->is_refused ||
           look->is_sampled || (may_have_fallen && since >= CALM_EACH);
}

int64_t cg_look_held(const cg_quota_left_t *left)
{
    return left->held > 0 ? left->held : 0;
}

int64_t cg_look_spent(const cg_quota_left_t *left)
{
    int64_t spent = left->limit - left->remaining - cg_look_held(left);
    return spent > 0 ? spent : 0;
}

int cg_look_reached(const cg_look_t *look, const cg_quota_left_t *left)
{
    int64_t spent = cg_look_spent(left), amount = look->watched.limit.amount;
    bool is_full = look->is_refused && (double)(spent + cg_look_held(left)) >=
                                           REFUSED_AT * (double)amount;
    int reached = 0;
    for (int i = 0; cg_look_part(look, i); i++) {
        int part = cg_look_part(look, i);
        if (is_reached(spent, part, amount) || (part == 100 && is_full)) {
            reached = part;
        }
    }
    return reached;
}
