/* Asks made ready: which counters are meant, under what keys, in what period.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/plan.h"

#include <string.h>

#include <apr_strings.h>

#include "quota/calendar.h"
#include "store/keys.h"

/* A window is cut into 59 parts and 60 are kept; ring.lua says why. */
#define PARTS 59
#define COST_MAX INT64_C(1000000000000000)
#define SOFT 128                             /* as in admit.lua */
#define SLICE_PART 100                       /* of a leased limit */
#define SLICE_WINDOW_LEAST INT64_C(60000000) /* ring.lua: ring_life */

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
    return limit->quantity == CG_QUANTITY_MICROS ? CG_STORE_DOWN_CLOSED
                                                 : CG_STORE_DOWN_LOCAL;
}

static cg_counting_t counting_of(const cg_limit_t *limit)
{
    if (limit->quantity == CG_QUANTITY_CONCURRENT) {
        return CG_COUNTING_CONCURRENT;
    }
    if (cg_limit_is_calendar(limit)) {
        return CG_COUNTING_CALENDAR;
    }
    return limit->algorithm == CG_ALGORITHM_SMOOTH  ? CG_COUNTING_SMOOTH
           : limit->algorithm == CG_ALGORITHM_EXACT ? CG_COUNTING_EXACT
                                                    : CG_COUNTING_WINDOW;
}

static cg_str_t window_of(const cg_limit_t *limit, apr_pool_t *pool)
{
    static const char *const tails[] = {[CG_ALGORITHM_SLIDING] = "",
                                        [CG_ALGORITHM_SMOOTH] = "-smooth",
                                        [CG_ALGORITHM_EXACT] = "-exact"};
    cg_buf_t text;
    cg_buf_init(&text, 32, pool);
    cg_buf_int(&text, limit->window_for / 1000);
    cg_buf_str(&text, tails[limit->algorithm]);
    return (cg_str_t){text.ptr, text.len};
}

static cg_str_t key_of(const cg_quota_ask_t *ask, cg_counting_t counting,
                       cg_str_t tenant, const cg_period_t *period,
                       apr_pool_t *pool)
{
    const cg_limit_t *limit = ask->limit;
    cg_str_t scope = cg_str(cg_limit_scope(limit, pool));
    cg_str_t quantity =
        cg_str(cg_limit_quantity_name((cg_quantity_t)limit->quantity));
    if (counting == CG_COUNTING_CONCURRENT) {
        cg_str_t parts[] = {tenant, scope, ask->subject};
        return cg_keys_make(CG_KEYS_CONCURRENT, parts, 3, pool);
    }
    if (counting == CG_COUNTING_CALENDAR) {
        cg_str_t parts[] = {tenant, scope, quantity, cg_str(period->name),
                            ask->subject};
        return cg_keys_make(CG_KEYS_BUDGET, parts, 5, pool);
    }
    cg_str_t parts[] = {tenant, scope, quantity, window_of(limit, pool),
                        ask->subject};
    return cg_keys_make(CG_KEYS_WINDOW, parts, 5, pool);
}

/* What is taken in advance: of a limit near which it matters, and of a request
 * that is larger than a slice, nothing. */
static int64_t slice_of(const cg_limit_t *limit, const cg_counter_t *counter)
{
    bool is_short =
        limit->window_for > 0 && limit->window_for < SLICE_WINDOW_LEAST;
    int64_t slice = counter->amount / SLICE_PART;
    return limit->is_leased && !is_short && slice >= counter->cost ? slice : 0;
}

static void fill(cg_counter_t *counter, const cg_quota_ask_t *ask,
                 cg_str_t tenant, apr_time_t now, cg_cache_t *periods,
                 apr_pool_t *pool)
{
    const cg_limit_t *limit = ask->limit;
    cg_period_t period = {.from = limit->window_for};
    counter->counting = counting_of(limit);
    if (counter->counting == CG_COUNTING_CALENDAR) {
        cg_calendar_find(periods, limit, now, &period);
    }
    else if (counter->counting == CG_COUNTING_WINDOW) {
        period.from = (limit->window_for + PARTS - 1) / PARTS;
    }
    else if (counter->counting == CG_COUNTING_CONCURRENT) {
        period.from = 0;
    }
    counter->key = key_of(ask, counter->counting, tenant, &period, pool);
    counter->quantity = (cg_quantity_t)limit->quantity;
    counter->store_down = store_down_of(limit);
    counter->is_soft = limit->is_soft;
    counter->amount = clamp(limit->amount, CG_QUOTA_COUNT_MAX);
    counter->cost = clamp(ask->cost, COST_MAX);
    counter->floor = limit->quantity == CG_QUANTITY_REQUESTS
                         ? counter->cost
                         : clamp(ask->floor, counter->cost);
    counter->from = period.from;
    counter->stop = period.stop;
    counter->slice = slice_of(limit, counter);
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

/* Two asks on one counter: the smaller amount, the stricter way when away; hard
 * if one of them is. */
static void merge(cg_plan_t *plan, size_t into, const cg_counter_t *other,
                  size_t ask)
{
    cg_counter_t *counter = &plan->counters[into];
    if (other->store_down < counter->store_down) {
        counter->store_down = other->store_down;
    }
    bool is_harder = counter->is_soft && !other->is_soft;
    bool is_smaller = other->amount < counter->amount;
    if (is_harder || (is_smaller && counter->is_soft == other->is_soft)) {
        counter->amount = other->amount;
        counter->is_soft = other->is_soft;
        plan->ask_of[into] = ask;
    }
    counter->slice =
        other->slice < counter->slice ? other->slice : counter->slice;
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

unsigned char *cg_plan_pack_counter(unsigned char *to,
                                    const cg_counter_t *counter)
{
    *to++ = (unsigned char)counter->quantity;
    *to++ = (unsigned char)(counter->counting + (counter->is_soft ? SOFT : 0));
    to = cg_plan_pack(to, counter->amount, 7);
    to = cg_plan_pack(to, counter->cost, 7);
    to = cg_plan_pack(to, counter->floor, 7);
    to = cg_plan_pack(to, counter->from, 7);
    to = cg_plan_pack(to, counter->stop, 7);
    return cg_plan_pack(to, counter->slice, 7);
}

void cg_plan_make(cg_plan_t *plan, cg_str_t tenant, const cg_quota_ask_t *asks,
                  size_t count, apr_time_t now, cg_cache_t *periods,
                  apr_pool_t *pool)
{
    plan->asks_count = count;
    plan->count = 0;
    for (size_t i = 0; i < count; i++) {
        cg_counter_t *counter = &plan->counters[plan->count];
        fill(counter, &asks[i], tenant, now, periods, pool);
        size_t at = find(plan, counter->key);
        plan->counter_of[i] = at;
        if (at < plan->count) {
            merge(plan, at, counter, i);
            continue;
        }
        plan->ask_of[at] = i;
        plan->count++;
    }
}
