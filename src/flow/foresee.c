/* The forecast of a limit: its points in the store, and whether two looks agree.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/foresee.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "alert/forecast.h"
#include "store/keys.h"

#define CONFIRM_STEPS 3 /* within which a second look must say the same */

int64_t cg_foresee_step(const cg_period_t *period, apr_time_t now)
{
    return now / cg_forecast_step(period->stop - period->from);
}

static int by_time(const void *a, const void *b)
{
    const cg_burn_point_t *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Pairs of step and "seconds used"; those that are too old are to be dropped. */
static size_t read_points(const cg_reply_t *reply, apr_time_t oldest,
                          cg_burn_point_t *points, cg_str_t *old,
                          size_t *old_count)
{
    size_t count = 0;
    *old_count = 0;
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        cg_str_t text = reply->items[i + 1].text;
        const char *blank = memchr(text.ptr, ' ', text.len);
        size_t len = blank ? (size_t)(blank - text.ptr) : 0;
        int64_t seconds = 0, used = 0;
        bool is_right =
            blank && cg_parse_count((cg_str_t){text.ptr, len}, &seconds) &&
            cg_parse_count((cg_str_t){blank + 1, text.len - len - 1}, &used);
        apr_time_t at = apr_time_from_sec(seconds);
        if (!is_right || at < oldest) {
            if (*old_count < CG_BURN_POINTS_MAX) {
                old[(*old_count)++] = reply->items[i].text;
            }
        }
        else if (count < CG_BURN_POINTS_MAX) {
            points[count++] = (cg_burn_point_t){at, used};
        }
    }
    qsort(points, count, sizeof *points, by_time);
    return count;
}

static cg_str_t number(int64_t value, apr_pool_t *pool)
{
    return cg_str(apr_psprintf(pool, "%" PRId64, value));
}

/* Keeps a point of now and reads all of them, in one round trip. */
static bool sample(const cg_gateway_t *gateway, const cg_foresee_t *what,
                   apr_time_t now, cg_burn_point_t *points, size_t *out_count,
                   apr_pool_t *pool)
{
    apr_time_t keep = cg_forecast_keep(what->period->stop - what->period->from);
    cg_str_t part = cg_str(what->name);
    cg_str_t key = cg_keys_make(CG_KEYS_ALERT_BURN, &part, 1, pool);
    cg_str_t add[] = {CG_STR("HSETNX"), key,
                      number(cg_foresee_step(what->period, now), pool),
                      cg_str(apr_psprintf(pool, "%" PRId64 " %" PRId64,
                                          apr_time_sec(now), what->spent))};
    cg_str_t stay[] = {CG_STR("EXPIRE"), key,
                       number(2 * apr_time_sec(keep), pool)};
    cg_str_t read[] = {CG_STR("HGETALL"), key};
    cg_store_command_t commands[] = {{add, 4}, {stay, 3}, {read, 2}};
    cg_reply_t replies[3];
    cg_error_t err;
    cg_str_t drop[CG_BURN_POINTS_MAX + 2] = {CG_STR("HDEL"), key};
    size_t old = 0;
    if (cg_store_pipeline(gateway->store, commands, 3, replies, &err, pool) !=
            APR_SUCCESS ||
        replies[2].kind != CG_REPLY_ARRAY) {
        return false;
    }
    *out_count = read_points(&replies[2], now - keep, points, drop + 2, &old);
    if (old > 0) {
        cg_store_call(gateway->store, drop, 2 + old, replies, &err, pool);
    }
    return true;
}

/* The first look that foresees an end leaves a mark, one of a later step confirms
 * it: whichever server has them. */
static bool is_confirmed(const cg_gateway_t *gateway, const cg_foresee_t *what,
                         apr_time_t now, bool will_end, apr_pool_t *pool)
{
    apr_time_t step = cg_forecast_step(what->period->stop - what->period->from);
    cg_str_t mark = cg_str(apr_pstrcat(pool, "foreseen|", what->period->name,
                                       "|", what->name, NULL));
    cg_str_t key = cg_keys_make(CG_KEYS_ALERT_ONCE, &mark, 1, pool);
    cg_str_t slot = number(cg_foresee_step(what->period, now), pool);
    cg_str_t set[] = {
        CG_STR("SET"), key,
        slot,          CG_STR("NX"),
        CG_STR("EX"),  number(CONFIRM_STEPS * apr_time_sec(step), pool)};
    cg_str_t get[] = {CG_STR("GET"), key};
    cg_str_t drop[] = {CG_STR("DEL"), key};
    cg_store_command_t commands[] = {{set, 6}, {get, 2}};
    cg_reply_t replies[2];
    cg_error_t err;
    if (!will_end) {
        cg_store_call(gateway->store, drop, 2, replies, &err, pool);
        return false;
    }
    return cg_store_pipeline(gateway->store, commands, 2, replies, &err,
                             pool) == APR_SUCCESS &&
           replies[1].kind == CG_REPLY_TEXT &&
           !cg_str_equal(replies[1].text, slot);
}

bool cg_foresee(const cg_gateway_t *gateway, const cg_foresee_t *what,
                apr_time_t now, apr_time_t *out_end, apr_pool_t *pool)
{
    size_t count = 0;
    cg_burn_point_t *points =
        apr_palloc(pool, (CG_BURN_POINTS_MAX + 1) * sizeof *points);
    if (!sample(gateway, what, now, points, &count, pool)) {
        return false;
    }
    if (count == 0 || points[count - 1].at < now) {
        points[count++] = (cg_burn_point_t){now, what->spent};
    }
    cg_forecast_t forecast;
    cg_forecast(points, count, what->period->from, what->period->stop,
                what->limit->amount, &forecast);
    *out_end = forecast.end;
    return is_confirmed(gateway, what, now, forecast.is_told, pool);
}
