/* Unusual use: what came together is handed on, judged and learned.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/unusual.h"

#include <inttypes.h>
#include <string.h>

#include <apr_strings.h>

#include "alert/baseline.h"
#include "base/clock.h"
#include "store/keys.h"

#define FLUSH_EACH (2 * CG_SECOND)
#define SOME 256 /* subjects of one turn */
#define HOUR (3600 * CG_SECOND)
#define LEARN_AFTER                                                            \
    (90 * CG_SECOND)        /* others hand on what they have until then */
#define LEARN_BACK 3        /* hours before the last that are looked after */
#define LEARN_BACK_FIRST 48 /* when this process begins to lead */
#define BUSY_SECONDS "600"  /* who learns an hour has so long */
#define DONE_SECONDS "345600"
#define TOLD_FOR CG_DAY
#define TOLD_WEEK_FOR (7 * CG_DAY)

/* What is told once, whichever pattern it is. */
typedef enum group_t {
    GROUP_VOLUME,
    GROUP_WEEK,
    GROUP_ERRORS,
    GROUP_REFUSALS,
    GROUP_COUNT
} group_t;

static const group_t groups[CG_PATTERN_COUNT] = {
    [CG_PATTERN_HOUR] = GROUP_VOLUME,   [CG_PATTERN_QUIET] = GROUP_VOLUME,
    [CG_PATTERN_DAY] = GROUP_VOLUME,    [CG_PATTERN_WEEK] = GROUP_WEEK,
    [CG_PATTERN_ERRORS] = GROUP_ERRORS, [CG_PATTERN_REFUSALS] = GROUP_REFUSALS,
};
static const char *const group_names[GROUP_COUNT] = {"volume", "week", "errors",
                                                     "refusals"};

/* What is known of the subject in a place of the table. */
typedef struct known_t {
    cg_use_kind_t kind;
    char name[CG_USE_NAME_MAX + 1];
    uint32_t told; /* bit per group: said in this hour */
    cg_bounds_t bounds;
} known_t;

struct cg_unusual_t {
    const cg_gateway_t *gateway;
    const cg_keeper_watch_t *watch;
    known_t *known; /* by place; NULL until this process leads */
    apr_pool_t *pool;
    cg_use_sums_t all; /* of this hour, as far as was heard */
    int64_t all_hour;
    apr_time_t flushed_at; /* monotonic */
    int64_t learned_hour;  /* the last that was looked after */
    apr_time_t learned_at; /* monotonic, of the last look */
    bool was_first;
};

cg_unusual_t *cg_unusual_open(const cg_gateway_t *gateway,
                              const cg_keeper_watch_t *watch, apr_pool_t *pool)
{
    cg_unusual_t *unusual = apr_pcalloc(pool, sizeof *unusual);
    unusual->gateway = gateway;
    unusual->watch = watch;
    unusual->pool = pool;
    return unusual;
}

static const cg_unusual_rule_t *rule_of(const cg_unusual_t *unusual)
{
    return &unusual->gateway->alert_rules->unusual;
}

/* ---- telling ----------------------------------------------------------------- */

static cg_str_t mark_of(const char *what, const cg_used_t *used,
                        apr_pool_t *pool)
{
    return cg_str(apr_psprintf(pool, "%s|%c|%s", what,
                               cg_use_kind_letter(used->kind), used->name));
}

/* A short mark first, a long one when it is done: who dies in between is not the
 * last who could. */
static bool suspend_once(cg_unusual_t *unusual, const cg_used_t *used,
                         apr_time_t now, apr_pool_t *pool)
{
    cg_error_t err;
    cg_reply_t reply;
    cg_str_t mark = mark_of("suspend", used, pool);
    cg_str_t key = cg_keys_make(CG_KEYS_ALERT_ONCE, &mark, 1, pool);
    cg_str_t take[] = {CG_STR("SET"), key,          CG_STR("1"),
                       CG_STR("NX"),  CG_STR("EX"), CG_STR("60")};
    cg_str_t keep[] = {CG_STR("EXPIRE"), key, CG_STR("86400")};
    if (cg_store_call(unusual->gateway->store, take, 6, &reply, &err, pool) !=
            APR_SUCCESS ||
        reply.kind != CG_REPLY_TEXT ||
        !cg_flow_suspend(unusual->gateway, used->name, now, pool)) {
        return false;
    }
    cg_store_call(unusual->gateway->store, keep, 3, &reply, &err, pool);
    return true;
}

static const char *quantity_of(cg_use_t use)
{
    return use == CG_USE_TOKENS   ? "tokens"
           : use == CG_USE_MICROS ? "micros"
                                  : "requests";
}

static void tell(cg_unusual_t *unusual, known_t *known, const cg_used_t *used,
                 const cg_finding_of_use_t *finding, apr_time_t now,
                 apr_pool_t *pool)
{
    static const char *const dimensions[] = {"key", "team", "organization"};
    group_t group = groups[finding->pattern];
    bool is_key = used->kind == CG_USE_OF_KEY;
    bool is_away;
    cg_alert_t alert = {
        .at = now,
        .kind = CG_ALERT_UNUSUAL,
        .dimension = dimensions[used->kind],
        .subject = used->kind == CG_USE_OF_ALL ? "*" : used->name,
        .subject_name =
            is_key ? cg_flow_key_name(unusual->gateway, used->name, pool) : "",
        .quantity = quantity_of(finding->use),
        .pattern = cg_pattern_name(finding->pattern),
        .used = finding->used,
        .usual = finding->usual};
    if (is_key && group == GROUP_VOLUME &&
        rule_of(unusual)->mode == CG_UNUSUAL_SUSPEND) {
        alert.is_suspended = suspend_once(unusual, used, now, pool);
    }
    cg_str_t mark = mark_of(
        apr_pstrcat(pool, "unusual|", group_names[group], NULL), used, pool);
    cg_flow_raise(unusual->gateway, unusual->watch, &alert, &mark, 1,
                  group == GROUP_WEEK ? TOLD_WEEK_FOR : TOLD_FOR, &is_away,
                  pool);
    if (!is_away) {
        known->told |= 1u << group;
    }
}

static bool is_upstream(const cg_unusual_t *unusual, const cg_used_t *used,
                        const cg_finding_of_use_t *finding)
{
    return used->kind != CG_USE_OF_ALL &&
           finding->pattern == CG_PATTERN_ERRORS &&
           cg_baseline_is_common(&used->hour_sums, &unusual->all, finding->use);
}

static void judge(cg_unusual_t *unusual, const cg_used_t *used, apr_time_t now,
                  apr_pool_t *pool)
{
    cg_finding_of_use_t found[CG_FINDINGS_OF_USE_MAX];
    known_t *known = &unusual->known[used->index];
    size_t count = cg_baseline_judge(&known->bounds, &used->hour_sums,
                                     rule_of(unusual), found);
    for (size_t i = 0; i < count; i++) {
        bool is_told = known->told >> groups[found[i].pattern] & 1;
        if (!is_told && !is_upstream(unusual, used, &found[i])) {
            tell(unusual, known, used, &found[i], now, pool);
        }
    }
}

/* ---- handing on ----------------------------------------------------------------- */

static bool is_known(const known_t *known, const cg_used_t *used, int64_t hour)
{
    return known->bounds.hour == hour && known->kind == used->kind &&
           strcmp(known->name, used->name) == 0;
}

/* Bounds of those whose hour is new, by one question to the store. */
static void learn_bounds(cg_unusual_t *unusual, const cg_used_t *used,
                         size_t count, int64_t hour, apr_pool_t *pool)
{
    cg_error_t err;
    cg_used_t *asked = apr_palloc(pool, count * sizeof *asked);
    size_t asks = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_known(&unusual->known[used[i].index], &used[i], hour)) {
            asked[asks++] = used[i];
        }
    }
    cg_baseline_t *baselines = apr_palloc(pool, (asks + 1) * sizeof *baselines);
    if (asks == 0 || cg_use_load(unusual->gateway->store, asked, asks,
                                 baselines, &err, pool) != APR_SUCCESS) {
        return;
    }
    for (size_t i = 0; i < asks; i++) {
        known_t *known = &unusual->known[asked[i].index];
        known->kind = asked[i].kind;
        memcpy(known->name, asked[i].name, sizeof known->name);
        known->told = 0;
        cg_baseline_bounds(&baselines[i], hour, rule_of(unusual),
                           &known->bounds);
    }
}

static void hear_all(cg_unusual_t *unusual, const cg_used_t *used, size_t count,
                     int64_t hour)
{
    if (unusual->all_hour != hour) {
        unusual->all = (cg_use_sums_t){{0}};
        unusual->all_hour = hour;
    }
    for (size_t i = 0; i < count; i++) {
        if (used[i].kind == CG_USE_OF_ALL) {
            unusual->all = used[i].hour_sums;
        }
    }
}

static void flush(cg_unusual_t *unusual, apr_time_t now, apr_pool_t *pool)
{
    const cg_gateway_t *gateway = unusual->gateway;
    cg_error_t err;
    size_t from = 0, count;
    int64_t hour = now / HOUR;
    apr_pool_t *turn;
    apr_pool_create(&turn, pool);
    while (from < CG_USE_SUBJECTS) {
        cg_used_t *used = apr_palloc(turn, SOME * sizeof *used);
        if (cg_use_flush(gateway->use, gateway->store, hour, &from, used, SOME,
                         &count, &err, turn) != APR_SUCCESS) {
            break;
        }
        learn_bounds(unusual, used, count, hour, turn);
        hear_all(unusual, used, count, hour);
        for (size_t i = 0; i < count; i++) {
            if (is_known(&unusual->known[used[i].index], &used[i], hour)) {
                judge(unusual, &used[i], now, turn);
            }
        }
        apr_pool_clear(turn);
    }
    apr_pool_destroy(turn);
}

/* ---- hours that have ended -------------------------------------------------------- */

static cg_str_t hour_mark(int64_t hour, apr_pool_t *pool)
{
    cg_str_t mark = cg_str(apr_psprintf(pool, "learn|%" PRId64, hour));
    return cg_keys_make(CG_KEYS_ALERT_ONCE, &mark, 1, pool);
}

static apr_status_t learn_some(cg_unusual_t *unusual, int64_t hour,
                               const apr_array_header_t *subjects,
                               cg_error_t *err, apr_pool_t *pool)
{
    cg_store_t *store = unusual->gateway->store;
    const cg_used_t *used = (const cg_used_t *)(const void *)subjects->elts;
    size_t count = (size_t)subjects->nelts;
    for (size_t at = 0; at < count; at += SOME) {
        size_t some = count - at < SOME ? count - at : SOME;
        cg_baseline_t *baselines = apr_palloc(pool, some * sizeof *baselines);
        apr_status_t rv =
            cg_use_load(store, used + at, some, baselines, err, pool);
        for (size_t i = 0; i < some && rv == APR_SUCCESS; i++) {
            cg_bounds_t bounds;
            cg_baseline_bounds(&baselines[i], hour, rule_of(unusual), &bounds);
            cg_baseline_learn(&baselines[i], hour, &used[at + i].hour_sums,
                              &bounds);
        }
        if (rv == APR_SUCCESS) {
            rv = cg_use_save(store, used + at, some, baselines, err, pool);
        }
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

/* To learn an hour twice changes nothing: so who began and died is followed by
 * another when its mark has gone. */
static bool learn_hour(cg_unusual_t *unusual, int64_t hour, apr_pool_t *pool)
{
    cg_error_t err;
    cg_reply_t reply;
    const char *cursor = "0";
    cg_store_t *store = unusual->gateway->store;
    cg_str_t key = hour_mark(hour, pool);
    cg_str_t take[] = {CG_STR("SET"), key,          CG_STR("busy"),
                       CG_STR("NX"),  CG_STR("EX"), CG_STR(BUSY_SECONDS)};
    cg_str_t done[] = {CG_STR("SET"), key, CG_STR("done"), CG_STR("EX"),
                       CG_STR(DONE_SECONDS)};
    if (cg_store_call(store, take, 6, &reply, &err, pool) != APR_SUCCESS) {
        return false;
    }
    if (reply.kind != CG_REPLY_TEXT) {
        cg_str_t look[] = {CG_STR("GET"), key};
        return cg_store_call(store, look, 2, &reply, &err, pool) ==
                   APR_SUCCESS &&
               cg_str_is(reply.text, "done"); /* else another is at it: wait */
    }
    apr_pool_t *turn;
    apr_pool_create(&turn, pool);
    do {
        apr_array_header_t *subjects;
        const char *next = cursor;
        apr_status_t rv =
            cg_use_scan(store, hour, &next, &subjects, &err, turn);
        if (rv == APR_SUCCESS && subjects->nelts) {
            rv = learn_some(unusual, hour, subjects, &err, turn);
        }
        if (rv != APR_SUCCESS) {
            apr_pool_destroy(turn);
            return false;
        }
        cursor = apr_pstrdup(pool, next);
        apr_pool_clear(turn);
    } while (strcmp(cursor, "0") != 0);
    apr_pool_destroy(turn);
    return cg_store_call(store, done, 5, &reply, &err, pool) == APR_SUCCESS;
}

static void learn(cg_unusual_t *unusual, apr_time_t now, apr_pool_t *pool)
{
    int64_t last = (now - LEARN_AFTER) / HOUR - 1;
    int back = unusual->was_first ? LEARN_BACK : LEARN_BACK_FIRST;
    apr_time_t clock = cg_clock_monotonic();
    bool is_due = unusual->learned_hour != last ||
                  clock - unusual->learned_at > 600 * CG_SECOND;
    if (!is_due) {
        return;
    }
    unusual->learned_at = clock;
    for (int64_t hour = last - back; hour <= last; hour++) {
        if (!learn_hour(unusual, hour, pool)) {
            return;
        }
    }
    unusual->was_first = true;
    unusual->learned_hour = last;
}

void cg_unusual_look(cg_unusual_t *unusual, apr_time_t now, apr_pool_t *pool)
{
    apr_time_t clock = cg_clock_monotonic();
    if (!unusual->gateway->use || rule_of(unusual)->mode == CG_UNUSUAL_OFF ||
        clock - unusual->flushed_at < FLUSH_EACH) {
        return;
    }
    if (!unusual->known) {
        unusual->known =
            apr_pcalloc(unusual->pool, CG_USE_SUBJECTS * sizeof(known_t));
    }
    unusual->flushed_at = clock;
    flush(unusual, now, pool);
    learn(unusual, now, pool);
}
