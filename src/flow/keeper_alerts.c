/* The keeper of alerts: which limits have come to a part that somebody wants to hear
 * of, and which will be used up.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Requests have written down how much of each limit is used, with what is only held
 * (alert/watch.h). That can only be too much: what is below the next part need not be
 * looked at. What is not is asked of the store, which knows what was really used.
 * That an alert is raised once over all servers is decided there (alert/feed.h); what
 * is remembered here only saves asking.
 */
#include "flow/keeper.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "flow/foresee.h"
#include "flow/look.h"
#include "flow/unusual.h"
#include "quota/calendar.h"

#define ASKS_MOST 240 /* limits asked of the store in one look */
#define WATCHED_FOR CG_DAY
#define FALLEN_BELOW 0.9 /* of a part: then it may be reached anew */
#define DEPTH_EACH (5 * CG_SECOND)
#define MARK_LEAST (3600 * CG_SECOND)

typedef struct crier_t {
    const cg_gateway_t *gateway;
    const cg_keeper_watch_t *watch;
    cg_unusual_t *unusual;
    cg_seen_t *seen; /* NULL until this process leads */
    apr_pool_t *pool;
    apr_pool_t *scratch; /* cleared for each look */
    apr_time_t depth_at;
    size_t next; /* cell where the next look begins: all get their turn */
    size_t count;
    cg_look_t looks[ASKS_MOST];
    cg_quota_ask_t asks[ASKS_MOST];
    cg_quota_left_t left[ASKS_MOST];
} crier_t;

/* ---- which limits are asked of --------------------------------------------------- */

static void choose(crier_t *crier, apr_time_t now)
{
    const cg_gateway_t *gateway = crier->gateway;
    apr_time_t clock = cg_clock_monotonic();
    crier->count = 0;
    for (size_t i = 0; i < CG_WATCH_CELLS && crier->count < ASKS_MOST; i++) {
        size_t cell = (crier->next + i) % CG_WATCH_CELLS;
        cg_look_t *look = &crier->looks[crier->count];
        if (!cg_watch_read(gateway->watch, cell, &look->watched) ||
            now - look->watched.at > WATCHED_FOR) {
            continue;
        }
        if (look->watched.limit.algorithm == CG_ALGORITHM_SMOOTH) {
            continue; /* paced: what does not pass now is not used */
        }
        look->rule =
            cg_alert_rules_find(gateway->alert_rules, &look->watched.limit);
        if (!look->rule) {
            continue;
        }
        look->seen = &crier->seen[cell];
        cg_look_renew(look, now);
        if (cg_look_is_worth_asking(look, now, clock)) {
            look->seen->asked_at = clock;
            crier->asks[crier->count++] = (cg_quota_ask_t){
                .limit = &look->watched.limit,
                .subject = cg_str(look->watched.subject),
                .organization = cg_str(look->watched.organization)};
        }
    }
    crier->next = (crier->next + ASKS_MOST) % CG_WATCH_CELLS;
}

/* ---- telling ------------------------------------------------------------------ */

/* All that tells this limit, this period and this part from others. */
static cg_str_t mark_of(const cg_look_t *look, const char *what,
                        apr_pool_t *pool)
{
    const cg_watched_t *watched = &look->watched;
    return cg_str(apr_psprintf(pool, "%s|%s|%s|%s|%" APR_SIZE_T_FMT "|%s|%s",
                               what, cg_limit_scope(&watched->limit, pool),
                               cg_limit_spell(&watched->limit, pool),
                               look->seen->period.name,
                               strlen(watched->organization),
                               watched->organization, watched->subject));
}

static cg_str_t part_mark(const cg_look_t *look, int part, apr_pool_t *pool)
{
    return mark_of(look, apr_psprintf(pool, "part%d", part), pool);
}

static apr_time_t mark_life(const cg_look_t *look, apr_time_t now)
{
    apr_time_t life = look->seen->period.name[0]
                          ? look->seen->period.stop - now + MARK_LEAST
                          : 2 * look->watched.limit.window_for;
    return life > MARK_LEAST ? life : MARK_LEAST;
}

static cg_alert_t alert_of(const crier_t *crier, const cg_look_t *look,
                           const cg_quota_left_t *left, cg_alert_kind_t kind,
                           apr_time_t now)
{
    const cg_watched_t *watched = &look->watched;
    const cg_limit_t *limit = &watched->limit;
    bool is_key = limit->dimension == CG_DIMENSION_KEY && !limit->with;
    apr_pool_t *pool = crier->scratch;
    return (cg_alert_t){
        .at = now,
        .kind = kind,
        .organization = watched->organization,
        .dimension = cg_limit_scope(limit, pool),
        .subject = watched->subject,
        .subject_name =
            is_key ? cg_flow_key_name(crier->gateway, watched->subject, pool)
                   : "",
        .quantity = cg_limit_quantity_name((cg_quantity_t)limit->quantity),
        .limit = cg_limit_brief(limit, pool),
        .period = look->seen->period.name,
        .amount = limit->amount,
        .used = cg_look_spent(left),
        .held = cg_look_held(left),
        .period_ends_at = look->seen->period.stop};
}

/* Its own and all lower parts, which are told with it. */
static size_t marks_of(const cg_look_t *look, int reached,
                       cg_str_t marks[CG_ALERT_MARKS_MAX], apr_pool_t *pool)
{
    size_t count = 0;
    for (int i = 0; cg_look_part(look, i) && cg_look_part(look, i) <= reached;
         i++) {
        marks[count++] = part_mark(look, cg_look_part(look, i), pool);
    }
    return count;
}

static void tell_part(crier_t *crier, cg_look_t *look,
                      const cg_quota_left_t *left, int reached, apr_time_t now)
{
    cg_str_t marks[CG_ALERT_MARKS_MAX];
    bool is_away;
    size_t count = marks_of(look, reached, marks, crier->scratch);
    bool is_passed = reached == 100 && look->watched.limit.is_soft;
    cg_alert_t alert = alert_of(
        crier, look, left, is_passed ? CG_ALERT_SOFT : CG_ALERT_THRESHOLD, now);
    alert.percent = reached;
    cg_flow_raise(crier->gateway, crier->watch, &alert, marks, count,
                  mark_life(look, now), &is_away, crier->scratch);
    if (!is_away) {
        look->seen->raised = reached;
    }
}

/* Of a window: parts that its use has fallen well below may be reached anew. */
static void forget_parts(crier_t *crier, cg_look_t *look, int64_t spent)
{
    cg_str_t marks[CG_ALERT_MARKS_MAX];
    cg_error_t err;
    size_t count = 0;
    int kept = 0;
    for (int i = 0;
         cg_look_part(look, i) && cg_look_part(look, i) <= look->seen->raised;
         i++) {
        int part = cg_look_part(look, i);
        bool is_fallen =
            (double)spent * 100 <
            FALLEN_BELOW * part * (double)look->watched.limit.amount;
        if (is_fallen) {
            marks[count++] = part_mark(look, part, crier->scratch);
        }
        else {
            kept = part;
        }
    }
    if (count > 0 && cg_alert_forget(crier->gateway->alerts, marks, count, &err,
                                     crier->scratch) == APR_SUCCESS) {
        look->seen->raised = kept;
    }
}

/* ---- the forecast ---------------------------------------------------------------- */

/* What tells a limit from others, however much there is of it. */
static const char *name_of(const cg_look_t *look, apr_pool_t *pool)
{
    const cg_watched_t *watched = &look->watched;
    return cg_alert_burn_name(&watched->limit, watched->organization,
                              watched->subject, pool);
}

static void foresee(crier_t *crier, cg_look_t *look,
                    const cg_quota_left_t *left, apr_time_t now)
{
    cg_seen_t *seen = look->seen;
    bool is_away = false;
    apr_time_t end = 0;
    const cg_foresee_t what = {.limit = &look->watched.limit,
                               .period = &seen->period,
                               .name = name_of(look, crier->scratch),
                               .spent = cg_look_spent(left)};
    seen->slot = cg_foresee_step(&seen->period, now);
    if (!cg_foresee(crier->gateway, &what, now, &end, crier->scratch)) {
        return;
    }
    cg_alert_t alert = alert_of(crier, look, left, CG_ALERT_FORECAST, now);
    cg_str_t mark = mark_of(look, "forecast", crier->scratch);
    alert.exhausted_at = end;
    alert.percent = (int)((double)what.spent * 100 / (double)alert.amount);
    cg_flow_raise(crier->gateway, crier->watch, &alert, &mark, 1,
                  mark_life(look, now), &is_away, crier->scratch);
    seen->is_foretold = !is_away;
}

/* ---- the look --------------------------------------------------------------------- */

static void judge(crier_t *crier, cg_look_t *look, const cg_quota_left_t *left,
                  apr_time_t now)
{
    bool is_window = !look->seen->period.name[0];
    int reached = cg_look_reached(look, left);
    if (reached > look->seen->raised ||
        (is_window && reached > 0 && reached == look->seen->raised)) {
        tell_part(crier, look, left, reached, now); /* or keeps its marks */
    }
    else if (is_window && look->seen->raised > 0) {
        forget_parts(crier, look, cg_look_spent(left));
    }
    if (look->is_refused) {
        look->seen->refused_at = look->watched.refused_at;
    }
    if (look->is_sampled && cg_look_has_forecast(look)) {
        foresee(crier, look, left, now);
    }
}

static void look_at_limits(crier_t *crier, apr_time_t now)
{
    const cg_gateway_t *gateway = crier->gateway;
    cg_error_t err;
    choose(crier, now);
    if (crier->count == 0 ||
        cg_quota_usage(gateway->quota, crier->asks, crier->count, now,
                       crier->left, &err, crier->scratch) != APR_SUCCESS) {
        return;
    }
    for (size_t i = 0; i < crier->count; i++) {
        judge(crier, &crier->looks[i], &crier->left[i], now);
    }
}

static void measure(crier_t *crier)
{
    const cg_gateway_t *gateway = crier->gateway;
    apr_time_t clock = cg_clock_monotonic();
    cg_error_t err;
    int64_t waiting, dead;
    if (clock - crier->depth_at < DEPTH_EACH) {
        return;
    }
    crier->depth_at = clock;
    if (cg_alert_depth(gateway->alerts, gateway->alert_rules, &waiting, &dead,
                       &err, crier->scratch) == APR_SUCCESS) {
        cg_meter_alerts(gateway->meter, waiting, dead);
    }
}

static void look(crier_t *crier)
{
    apr_time_t now = cg_clock_now();
    if (!crier->seen) {
        crier->seen =
            apr_pcalloc(crier->pool, CG_WATCH_CELLS * sizeof *crier->seen);
    }
    if (cg_store_is_away(crier->gateway->store)) {
        return;
    }
    look_at_limits(crier, now);
    cg_unusual_look(crier->unusual, now, crier->scratch);
    measure(crier);
}

void cg_keeper_alerts(const cg_gateway_t *gateway,
                      const cg_keeper_watch_t *watch, const volatile int *stop)
{
    apr_pool_t *own;
    if (!gateway->alert_rules || !gateway->alerts || !gateway->watch ||
        !gateway->journal) {
        return;
    }
    apr_pool_create(&own, NULL);
    crier_t *crier = apr_pcalloc(own, sizeof *crier);
    crier->gateway = gateway;
    crier->watch = watch;
    crier->pool = own;
    crier->unusual = cg_unusual_open(gateway, watch, own);
    apr_pool_create(&crier->scratch, own);
    while (!*stop) {
        bool leads =
            watch->may_work(watch->baton) && cg_journal_leads(gateway->journal);
        if (leads) {
            look(crier);
            apr_pool_clear(crier->scratch);
        }
        apr_sleep(leads ? CG_KEEPER_ALERTS_EACH : CG_KEEPER_STANDBY_FOR);
    }
    apr_pool_destroy(own);
}
