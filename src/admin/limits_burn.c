/* Burn-down: what was used of a limit over its period, and when it will be used up.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The counter knows one number, what is used now. How it came to that tell the points
 * that alerts keep of the limits they watch (alert/forecast.h), as far as they go
 * back; before them the audit records of the period, newest first and so many at most.
 * Where there were more the bars begin later, and is_cut says so.
 *
 * Where it is heading says the forecast of alerts, from these points; where they do
 * not go back far enough for it, from the hours of the last seven days as records
 * tell them. A request that was refused by us used nothing up.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "admin/limits.h"
#include "alert/feed.h"
#include "alert/forecast.h"
#include "base/clock.h"
#include "quota/calendar.h"
#include "store/keys.h"

#define HOUR apr_time_from_sec(3600)
#define DAY (24 * HOUR)
#define STEPS_MAX 400
#define BY_HOUR_MOST (8 * DAY) /* periods up to this are told by the hour */
#define HOURS_MAX 168          /* that the forecast is made of */
#define POINTS_FOR (62 * DAY)  /* no point is older */

/* lives in: one call */
typedef struct burn_t {
    cg_ask_t *ask;
    const cg_limit_row_t *row;
    apr_time_t from; /* of the period */
    apr_time_t stop; /* of a window that rolls: now */
    apr_time_t step;
    size_t count; /* of steps up to now */
    double sums[STEPS_MAX];
    double hours[HOURS_MAX]; /* the last 60 minutes first */
    int64_t spent;           /* without what is only held */
    cg_burn_point_t *points; /* with one of now */
    size_t points_count;
    apr_time_t known_from;  /* nothing is known of what was before */
    apr_time_t points_from; /* from then on points tell; records do before */
    bool has_all;           /* the points reach to the beginning */
    bool is_cut;
} burn_t;

static void add_amount(burn_t *burn, apr_time_t at, double amount)
{
    apr_time_t now = burn->ask->call->now;
    if (at >= burn->from) {
        size_t step = (size_t)((at - burn->from) / burn->step);
        burn->sums[step < burn->count ? step : burn->count - 1] += amount;
    }
    if (at <= now && now - at < HOURS_MAX * HOUR) {
        burn->hours[(now - at) / HOUR] += amount;
    }
}

/* ---- the points of a limit ------------------------------------------------------ */

static int by_time(const void *a, const void *b)
{
    const cg_burn_point_t *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

static size_t read_points(const burn_t *burn, const cg_limit_t *limit,
                          cg_burn_point_t *out)
{
    cg_reply_t reply = {0};
    size_t count = 0;
    cg_str_t name = cg_str(cg_alert_burn_name(
        limit, burn->row->organization, burn->row->subject, burn->ask->pool));
    cg_str_t argv[] = {
        CG_STR("HGETALL"),
        cg_keys_make(CG_KEYS_ALERT_BURN, &name, 1, burn->ask->pool)};
    if (cg_store_call(burn->ask->admin->store, argv, 2, &reply, NULL,
                      burn->ask->pool) != APR_SUCCESS ||
        reply.kind != CG_REPLY_ARRAY) {
        return 0;
    }
    for (size_t i = 1; i < reply.count && count < CG_BURN_POINTS_MAX; i += 2) {
        char *text = cg_str_dup(reply.items[i].text, burn->ask->pool);
        char *blank = strchr(text, ' ');
        apr_time_t at = apr_time_from_sec(apr_atoi64(text));
        if (blank && at > burn->ask->call->now - POINTS_FOR) {
            out[count++] = (cg_burn_point_t){at, apr_atoi64(blank + 1)};
        }
    }
    qsort(out, count, sizeof *out, by_time);
    return count;
}

/* What was used between two points, hour by hour as on a line. */
static void add_between(burn_t *burn, const cg_burn_point_t *a,
                        const cg_burn_point_t *b)
{
    apr_time_t span = b->at - a->at;
    double grown = (double)(b->used >= a->used ? b->used - a->used : b->used);
    if (span <= 0 || grown <= 0) {
        return;
    }
    for (apr_time_t at = a->at; at < b->at; at += HOUR / 2) {
        apr_time_t part = b->at - at < HOUR / 2 ? b->at - at : HOUR / 2;
        add_amount(burn, at, grown * (double)part / (double)span);
    }
}

/* An admission's copy of a limit also says what its place says of an outage. */
static void add_points(burn_t *burn)
{
    cg_limit_t limit = burn->row->limit;
    cg_burn_point_t *points =
        apr_palloc(burn->ask->pool, (CG_BURN_POINTS_MAX + 1) * sizeof *points);
    size_t count = 0;
    for (int mode = CG_STORE_DOWN_UNSET; mode <= CG_STORE_DOWN_OPEN && !count;
         mode++) {
        bool is_it = limit.store_down == CG_STORE_DOWN_UNSET ||
                     burn->row->limit.store_down == mode;
        limit.store_down = (uint8_t)mode;
        count = is_it ? read_points(burn, &limit, points) : 0;
        limit.store_down = burn->row->limit.store_down;
    }
    if (count == 0 || points[count - 1].at > burn->ask->call->now) {
        return;
    }
    points[count] = (cg_burn_point_t){burn->ask->call->now, burn->spent};
    burn->points = points;
    burn->points_count = count + 1;
    for (size_t i = 1; i <= count; i++) {
        add_between(burn, &points[i - 1], &points[i]);
    }
    /* A point is of a whole second: what came within the first was before it. */
    burn->points_from = points[0].at + APR_USEC_PER_SEC;
    burn->known_from = points[0].at;
    burn->has_all = points[0].at <= burn->from;
}

/* ---- the records of a subject (limits_history.c) ---------------------------------- */

static int64_t amount_of(const burn_t *burn, const cg_limit_use_t *use)
{
    switch ((cg_quantity_t)burn->row->limit.quantity) {
    case CG_QUANTITY_TOKENS:
        return use->input_tokens + use->output_tokens;
    case CG_QUANTITY_INPUT_TOKENS:
        return use->input_tokens;
    case CG_QUANTITY_OUTPUT_TOKENS:
        return use->output_tokens;
    case CG_QUANTITY_MICROS:
        return use->micros;
    default:
        return 1;
    }
}

static bool add_records(burn_t *burn, cg_limit_history_t *history)
{
    if (!cg_admin_limit_history_read(history)) {
        return false;
    }
    for (int i = 0; i < history->uses->nelts; i++) {
        const cg_limit_use_t *use =
            &APR_ARRAY_IDX(history->uses, i, cg_limit_use_t);
        if (use->at < burn->points_from) {
            add_amount(burn, use->at, (double)amount_of(burn, use));
        }
    }
    if (history->known_from < burn->known_from) {
        burn->known_from = history->known_from;
    }
    /* What was cut off lies before the oldest that was read. */
    burn->is_cut = history->is_cut && history->known_from > burn->from;
    return true;
}

/* ---- where it is heading ------------------------------------------------------------ */

/* Points of the hours, that end with what is spent now. */
static size_t points_of_hours(const burn_t *burn,
                              cg_burn_point_t points[HOURS_MAX + 1])
{
    apr_time_t now = burn->ask->call->now;
    size_t hours = (size_t)((now - burn->known_from + HOUR - 1) / HOUR);
    double used = (double)burn->spent;
    hours = hours < HOURS_MAX ? hours : HOURS_MAX;
    for (size_t i = 0; i <= hours; i++) { /* the last one first */
        apr_time_t at = now - (apr_time_t)i * HOUR;
        points[hours - i] = (cg_burn_point_t){
            at > burn->known_from ? at : burn->known_from, (int64_t)used};
        used -= i < hours ? burn->hours[i] : 0;
    }
    return hours + 1;
}

static void foresee(const burn_t *burn, cg_forecast_t *out)
{
    cg_burn_point_t hourly[HOURS_MAX + 1];
    apr_time_t least = cg_forecast_least(burn->stop - burn->from);
    const cg_burn_point_t *points = burn->points;
    size_t count = burn->points_count;
    if (count == 0 || points[0].at > burn->ask->call->now - least) {
        count = points_of_hours(burn, hourly);
        points = hourly;
    }
    cg_forecast(points, count, burn->from, burn->stop, burn->row->limit.amount,
                out);
}

/* A window that rolls gives back what it took: it is used up only if a whole one at
 * this rate would be more than the amount. */
static bool will_end(const burn_t *burn, const cg_forecast_t *forecast)
{
    const cg_limit_t *limit = &burn->row->limit;
    if (cg_limit_is_calendar(limit)) {
        return forecast->end < burn->stop;
    }
    return forecast->end < burn->ask->call->now + 366 * DAY &&
           forecast->rate_per_day * (double)limit->window_for / (double)DAY >
               (double)limit->amount;
}

static void set_rounded(cg_json_t *object, const char *name, double value)
{
    cg_json_set_int(object, name,
                    value < 9e15 ? (apr_int64_t)(value + 0.5) : INT64_MAX);
}

static void set_forecast(const burn_t *burn, cg_json_t *object)
{
    cg_forecast_t forecast;
    foresee(burn, &forecast);
    double rate = forecast.rate_per_day;
    double days =
        (double)(burn->stop - burn->ask->call->now) / (double)DAY; /* or 0 */
    set_rounded(object, "rate_per_day", rate);
    set_rounded(object, "projected", (double)burn->spent + rate * days);
    cg_admin_set_time(object, "exhausted_at",
                      rate > 0 && will_end(burn, &forecast) ? forecast.end : 0);
}

/* ---- all of it ---------------------------------------------------------------------- */

static bool take_period(burn_t *burn)
{
    const cg_limit_t *limit = &burn->row->limit;
    apr_time_t now = burn->ask->call->now;
    if (cg_limit_is_calendar(limit)) {
        cg_period_t period;
        cg_calendar_find(NULL, limit, now, &period);
        burn->from = period.from;
        burn->stop = period.stop;
    }
    else {
        burn->from = now - limit->window_for;
        burn->stop = now;
    }
    bool is_long = cg_limit_is_calendar(limit) || limit->window_for >= DAY;
    burn->step = burn->stop - burn->from <= BY_HOUR_MOST ? HOUR : DAY;
    burn->count = (size_t)((now - burn->from) / burn->step) + 1;
    burn->known_from = now;
    burn->points_from = now + 1;
    return is_long && now >= burn->from && burn->count <= STEPS_MAX;
}

static void set_columns(const burn_t *burn, cg_json_t *object)
{
    cg_json_t *at = cg_json_array(burn->ask->pool);
    cg_json_t *amounts = cg_json_array(burn->ask->pool);
    for (size_t i = 0; i < burn->count; i++) {
        char text[25];
        cg_clock_rfc3339(burn->from + (apr_time_t)i * burn->step, text);
        cg_json_add_str(at, text);
        cg_json_add_int(amounts, (int64_t)(burn->sums[i] + 0.5));
    }
    cg_json_set(object, "at", at);
    cg_json_set(object, "amounts", amounts);
}

cg_json_t *cg_admin_limit_burn(cg_limit_history_t *history,
                               const cg_limit_row_t *row,
                               const cg_quota_left_t *left)
{
    cg_ask_t *ask = history->ask;
    burn_t *burn = apr_pcalloc(ask->pool, sizeof *burn);
    burn->ask = ask;
    burn->row = row;
    burn->spent = row->limit.amount - left->remaining - left->held;
    if (!ask->admin->store || !take_period(burn)) {
        return NULL;
    }
    if (cg_limit_is_calendar(&row->limit)) {
        add_points(burn);
    }
    bool has_points = burn->points_from <= ask->call->now;
    bool has_records = !burn->has_all && add_records(burn, history);
    if (!has_points && !has_records) {
        return NULL;
    }
    cg_json_t *object = cg_json_object(ask->pool);
    cg_admin_set_time(object, "from", burn->from);
    cg_admin_set_time(object, "to", burn->stop);
    cg_json_set_int(object, "step_seconds", apr_time_sec(burn->step));
    set_columns(burn, object);
    cg_json_set_bool(object, "is_cut", burn->is_cut);
    set_forecast(burn, object);
    return object;
}
