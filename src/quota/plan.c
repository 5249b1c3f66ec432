/* Asks made ready: which counters are meant, under what keys, in what month.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/plan.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "store/keys.h"

/* A window is cut into 59 parts and 60 are kept; ring.lua says why. */
#define PARTS 59
#define WINDOW 1 /* as in ring.lua */
#define CALENDAR 2
#define COST_MAX INT64_C(1000000000000000)

static const char *const quantity_names[] = {
    [CG_QUANTITY_REQUESTS] = "requests",
    [CG_QUANTITY_TOKENS] = "tokens",
    [CG_QUANTITY_MICROS] = "micros",
};

typedef struct month_t {
    char name[8]; /* "2026-11" */
    apr_time_t start_at;
    apr_time_t end_at;
} month_t;

static apr_time_t month_start(int years, int months)
{
    apr_time_exp_t exp = {0};
    apr_time_t at = 0;
    exp.tm_year = years + months / 12;
    exp.tm_mon = months % 12;
    exp.tm_mday = 1;
    apr_time_exp_gmt_get(&at, &exp);
    return at;
}

static void find_month(apr_time_t now, month_t *out)
{
    apr_time_exp_t exp;
    apr_time_exp_gmt(&exp, now);
    cg_clock_month(now, out->name);
    out->start_at = month_start(exp.tm_year, exp.tm_mon);
    out->end_at = month_start(exp.tm_year, exp.tm_mon + 1);
}

static int64_t clamp(int64_t value, int64_t most)
{
    if (value < 0) {
        return 0;
    }
    return value > most ? most : value;
}

static cg_store_down_t store_down_of(const cg_limit_t *limit)
{
    if (limit->store_down != CG_STORE_DOWN_UNSET) {
        return (cg_store_down_t)limit->store_down;
    }
    return limit->window_for == CG_WINDOW_MONTH ? CG_STORE_DOWN_CLOSED
                                                : CG_STORE_DOWN_LOCAL;
}

static cg_str_t key_of(const cg_quota_ask_t *ask, const month_t *month,
                       apr_pool_t *pool)
{
    const cg_limit_t *limit = ask->limit;
    cg_str_t dimension =
        cg_str(cg_limit_dimension_name((cg_dimension_t)limit->dimension));
    cg_str_t quantity = cg_str(quantity_names[limit->quantity]);
    if (limit->window_for == CG_WINDOW_MONTH) {
        cg_str_t parts[] = {dimension, quantity, cg_str(month->name),
                            ask->subject};
        return cg_keys_make(CG_KEYS_BUDGET, parts, 4, pool);
    }
    cg_str_t parts[] = {dimension, quantity,
                        cg_str(apr_psprintf(pool, "%" APR_INT64_T_FMT,
                                            limit->window_for / 1000)),
                        ask->subject};
    return cg_keys_make(CG_KEYS_WINDOW, parts, 4, pool);
}

static void fill(cg_counter_t *counter, const cg_quota_ask_t *ask,
                 const month_t *month, apr_time_t now, apr_pool_t *pool)
{
    const cg_limit_t *limit = ask->limit;
    counter->key = key_of(ask, month, pool);
    counter->quantity = (cg_quantity_t)limit->quantity;
    counter->store_down = store_down_of(limit);
    counter->is_month = limit->window_for == CG_WINDOW_MONTH;
    counter->amount = clamp(limit->amount, CG_QUOTA_COUNT_MAX);
    counter->cost = clamp(ask->cost, COST_MAX);
    counter->floor = limit->quantity == CG_QUANTITY_REQUESTS
                         ? counter->cost
                         : clamp(ask->floor, counter->cost);
    if (counter->is_month) {
        counter->from = month->start_at;
        counter->stop = month->end_at;
        counter->window_for = month->end_at - now;
        return;
    }
    counter->window_for = limit->window_for;
    counter->from = (limit->window_for + PARTS - 1) / PARTS;
    counter->stop = 0;
}

/* The counter with this key among the first count, or count. */
static size_t find(const cg_plan_t *plan, cg_str_t key)
{
    size_t i = 0;
    while (i < plan->count && !cg_str_equal(plan->counters[i].key, key)) {
        i++;
    }
    return i;
}

/* Two asks on one counter: the smaller amount, the stricter way when away. */
static void merge(cg_plan_t *plan, size_t into, const cg_counter_t *other,
                  size_t ask)
{
    cg_counter_t *counter = &plan->counters[into];
    if (other->store_down < counter->store_down) {
        counter->store_down = other->store_down;
    }
    if (other->amount < counter->amount) {
        counter->amount = other->amount;
        plan->ask_of[into] = ask;
    }
}

unsigned char *cg_plan_pack(unsigned char *to, int64_t value, int bytes)
{
    uint64_t rest = (uint64_t)value;
    for (int i = 0; i < bytes; i++) {
        *to++ = (unsigned char)rest;
        rest >>= 8;
    }
    return to;
}

static unsigned char *pack(unsigned char *to, const cg_counter_t *counter)
{
    *to++ = (unsigned char)counter->quantity;
    *to++ = counter->is_month ? CALENDAR : WINDOW;
    to = cg_plan_pack(to, counter->amount, 7);
    to = cg_plan_pack(to, counter->cost, 7);
    to = cg_plan_pack(to, counter->floor, 7);
    to = cg_plan_pack(to, counter->from, 7);
    return cg_plan_pack(to, counter->stop, 7);
}

void cg_plan_make(cg_plan_t *plan, const cg_quota_ask_t *asks, size_t count,
                  apr_time_t now, apr_pool_t *pool)
{
    month_t month;
    find_month(now, &month);
    plan->asks_count = count;
    plan->count = 0;
    for (size_t i = 0; i < count; i++) {
        cg_counter_t counter;
        fill(&counter, &asks[i], &month, now, pool);
        size_t at = find(plan, counter.key);
        plan->counter_of[i] = at;
        if (at < plan->count) {
            merge(plan, at, &counter, i);
            continue;
        }
        plan->counters[at] = counter;
        plan->ask_of[at] = i;
        plan->count++;
    }
    unsigned char *to = plan->packed;
    for (size_t i = 0; i < plan->count; i++) {
        to = pack(to, &plan->counters[i]);
    }
}
