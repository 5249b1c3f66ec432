/* The baseline: how much is usual.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/baseline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alert/alert_int.h"

#define HOURS CG_BASELINE_HOURS
#define DAYS_MAX 35
#define WEEKS_MAX 5
#define JUDGED_AFTER_DAYS 3
#define GROWN_UP_AFTER_DAYS 14
#define YOUNG_FACTOR 2.0  /* times the factor, in the first two weeks */
#define WEEK_FACTOR 0.8   /* times the factor: a week is steadier */
#define ACTIVE_LEAST 80   /* active hours before a time of day says much */
#define SPARSE_LEAST 10   /* fewer active hours say nothing at all */
#define SPARSE_FACTOR 2.0 /* times the factor, below ACTIVE_LEAST */
#define QUIET_HOURS 6     /* with use, of 24, make a leak */
#define QUIET_BURST 3.0   /* busy hours, in fewer quiet hours than these */
#define QUIET_PART 0.05   /* of a busy hour: less is a quiet time */
#define SPREAD 5.0        /* deviations that widen a bound */
#define SPREAD_LEAST 10   /* values before a spread is known */
#define SHARE_LEAST 0.25  /* less is never far */

/* ---- reading the ring ----------------------------------------------------- */

/* lives in: one call · the values of one quantity, decoded: those of the HOURS
 * before the one that is judged. What is not known is 0. */
typedef struct series_t {
    int use;
    int64_t hour;
    int known; /* hours before it that are known */
    int days;  /* whole ones of these */
    double values[HOURS];
    uint8_t codes[HOURS];
} series_t;

static void read_series(series_t *series, const cg_baseline_t *baseline,
                        int use, int64_t hour)
{
    int64_t known = hour - baseline->first_hour;
    series->use = use;
    series->hour = hour;
    series->known = known > HOURS ? HOURS : (int)known;
    series->days = series->known / 24;
    for (int i = 0; i < HOURS; i++) {
        int64_t then = hour - HOURS + i;
        bool is_known =
            i >= HOURS - series->known && then <= baseline->last_hour;
        series->codes[i] = is_known ? baseline->codes[use][then % HOURS] : 0;
        series->values[i] = cg_baseline_value(series->codes[i]);
    }
}

/* So many hours before the one that is judged. */
static double ago(const series_t *series, int hours)
{
    return hours > 0 && hours <= HOURS ? series->values[HOURS - hours] : 0;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void sort(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_size);
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* The highest of values by day: without the highest of all once there are enough. */
static double top_of(const double *values, int count)
{
    double first = 0, second = 0;
    for (int i = 0; i < count; i++) {
        second = larger(second, values[i] < first ? values[i] : first);
        first = larger(first, values[i]);
    }
    return count >= GROWN_UP_AFTER_DAYS ? second : first;
}

static double highest_near(const series_t *series, int hours)
{
    return larger(ago(series, hours),
                  larger(ago(series, hours - 1), ago(series, hours + 1)));
}

/* ---- one hour ---------------------------------------------------------------- */

/* What all hours together say. */
typedef struct whole_t {
    int active;     /* hours with any use */
    double busy;    /* an hour that nine of ten active ones stay below */
    double highest; /* of all hours, the second of them when there are some */
} whole_t;

static double value_at_rank(const int *counts, int rank)
{
    int code = 1;
    for (int seen = counts[1]; seen <= rank && code < 255;) {
        seen += counts[++code];
    }
    return cg_baseline_value((uint8_t)code);
}

static whole_t look_at_all(const series_t *series)
{
    int counts[256] = {0};
    whole_t whole = {.active = 0};
    for (int i = 0; i < HOURS; i++) {
        counts[series->codes[i]]++;
    }
    whole.active = HOURS - counts[0];
    if (whole.active > 0) {
        whole.busy = value_at_rank(counts, whole.active * 9 / 10);
        whole.highest = value_at_rank(
            counts, whole.active >= 20 ? whole.active - 2 : whole.active - 1);
    }
    return whole;
}

/* The highest of a time of day, so many hours before this one, on any day. */
static double top_of_time(const series_t *series, int hours)
{
    double values[DAYS_MAX];
    for (int day = 1; day <= series->days; day++) {
        values[day - 1] = highest_near(series, hours + 24 * day);
    }
    return top_of(values, series->days);
}

/* The same time about a month ago: jobs of the first or last of a month. */
static double top_of_month(const series_t *series)
{
    double top = 0;
    for (int day = 28; day <= 31; day++) {
        top = larger(top, highest_near(series, 24 * day));
    }
    return top;
}

static double median_of_weeks(const series_t *series)
{
    double values[WEEKS_MAX];
    int count = 0;
    for (int week = 1; week <= WEEKS_MAX && 168 * week < series->known;
         week++) {
        values[count++] = highest_near(series, 168 * week);
    }
    if (count < 2) {
        return 0;
    }
    sort(values, count);
    return values[count / 2];
}

/* Where the values of this time of day end, by median and deviation of their
 * logarithms; 0 when there are few. */
static double end_of_spread(const series_t *series)
{
    double logs[3 * DAYS_MAX];
    int count = 0;
    for (int day = 1; day <= series->days; day++) {
        for (int near = -1; near <= 1; near++) {
            double value = ago(series, 24 * day + near);
            if (value > 0) {
                logs[count++] = log(value);
            }
        }
    }
    if (count < SPREAD_LEAST) {
        return 0;
    }
    sort(logs, count);
    double median = logs[count / 2];
    for (int i = 0; i < count; i++) {
        logs[i] = fabs(logs[i] - median);
    }
    sort(logs, count);
    return exp(median + SPREAD * 1.4826 * logs[count / 2]);
}

static void bound_hour(const series_t *series, const whole_t *whole,
                       double factor, double least, cg_bounds_t *out)
{
    int use = series->use;
    double top = larger(top_of_time(series, 0),
                        larger(median_of_weeks(series), top_of_month(series)));
    if (whole->active < ACTIVE_LEAST) {
        top = larger(top, whole->highest);
    }
    double most = larger(factor * top, end_of_spread(series));
    out->usual[use][CG_SPAN_HOUR] = top;
    out->most[use][CG_SPAN_HOUR] = larger(most, larger(whole->busy, least));
    out->before[use][CG_SPAN_HOUR] = 0;
}

/* ---- quiet times, days and weeks ------------------------------------------- */

/* The sum of count hours up to the one that was so many hours ago (0: up to, but
 * without, this one). mask: by hours ago modulo a day; NULL: all. */
static double sum_before(const series_t *series, int hours, int count,
                         const bool *mask)
{
    double sum = 0;
    for (int i = hours ? hours : 1; i < hours + count + (hours == 0); i++) {
        if (!mask || mask[i % 24]) {
            sum += ago(series, i);
        }
    }
    return sum;
}

/* Hours with use, of the 23 before this one. */
static int count_before(const series_t *series, const bool *mask)
{
    int count = 0;
    for (int i = 1; i < 24; i++) {
        count += mask[i] && ago(series, i) > 0;
    }
    return count;
}

/* The highest sum of 24 hours that ended a whole number of days ago. */
static double top_of_days(const series_t *series, const bool *mask)
{
    double values[DAYS_MAX];
    int count = 0;
    for (int day = 1; day < series->days; day++) {
        values[count++] = sum_before(series, 24 * day, 24, mask);
    }
    return top_of(values, count);
}

static void bound_quiet(const series_t *series, const whole_t *whole,
                        double factor, double least, cg_bounds_t *out)
{
    int use = series->use;
    bool mask[24];
    out->is_quiet[use] = false;
    if (whole->active < ACTIVE_LEAST) {
        return;
    }
    for (int i = 0; i < 24; i++) {
        mask[i] = top_of_time(series, i) < QUIET_PART * whole->busy;
    }
    double top = top_of_days(series, mask);
    for (int day = 28; day <= 31; day++) { /* as top_of_month */
        top = larger(top, sum_before(series, 24 * day, 24, mask));
    }
    out->is_quiet[use] = mask[0];
    out->usual[use][CG_SPAN_QUIET] = top;
    out->before[use][CG_SPAN_QUIET] = sum_before(series, 0, 23, mask);
    /* Somebody who stays late is done in some hours; a leak is not. */
    double floor =
        whole->busy *
        (count_before(series, mask) < QUIET_HOURS - 1 ? QUIET_BURST : 1);
    out->most[use][CG_SPAN_QUIET] = larger(factor * top, larger(floor, least));
}

static void bound_day(const series_t *series, double factor, double least,
                      cg_bounds_t *out)
{
    int use = series->use;
    double top = top_of_days(series, NULL);
    out->usual[use][CG_SPAN_DAY] = top;
    out->before[use][CG_SPAN_DAY] = sum_before(series, 0, 23, NULL);
    out->most[use][CG_SPAN_DAY] = larger(factor * top, 2 * least);
}

static void bound_week(const series_t *series, double factor, double least,
                       cg_bounds_t *out)
{
    int use = series->use;
    double top = 0;
    int weeks = 0;
    for (int week = 1; week < WEEKS_MAX; week++) {
        if (168 * (week + 1) <= series->known) {
            top = larger(top, sum_before(series, 168 * week, 168, NULL));
            weeks++;
        }
    }
    out->usual[use][CG_SPAN_WEEK] = top;
    out->before[use][CG_SPAN_WEEK] = sum_before(series, 0, 167, NULL);
    out->most[use][CG_SPAN_WEEK] =
        weeks < 3 ? INFINITY : larger(WEEK_FACTOR * factor * top, 4 * least);
}

/* ---- shares ------------------------------------------------------------------- */

/* The highest share of an hour, by day. */
static void bound_share(const cg_baseline_t *baseline, int64_t hour, int which,
                        cg_bounds_t *out)
{
    series_t some, all;
    double values[DAYS_MAX];
    int count = 0;
    read_series(&some, baseline, CG_USE_ERRORS + which, hour);
    read_series(&all, baseline, CG_USE_REQUESTS, hour);
    for (int day = 0; day < all.days; day++) {
        double highest = -1;
        for (int i = 24 * day + 1; i <= 24 * day + 24; i++) {
            if (ago(&all, i) >= CG_SHARE_REQUESTS) {
                highest = larger(highest, ago(&some, i) / ago(&all, i));
            }
        }
        if (highest >= 0) {
            values[count++] = highest > 1 ? 1 : highest;
        }
    }
    double top = top_of(values, count);
    out->share_usual[which] = top;
    out->share_most[which] =
        count < JUDGED_AFTER_DAYS ? 1 : larger(SHARE_LEAST, 1.5 * top + 0.1);
}

/* ---- bounds ------------------------------------------------------------------ */

void cg_baseline_bounds(const cg_baseline_t *baseline, int64_t hour,
                        const cg_unusual_rule_t *rule, cg_bounds_t *out)
{
    const int64_t least[] = {rule->tokens_least, rule->micros_least};
    *out = (cg_bounds_t){.hour = hour};
    if (baseline->first_hour == 0 || hour <= baseline->first_hour) {
        return;
    }
    for (int use = 0; use < CG_USE_VOLUMES; use++) {
        series_t series;
        read_series(&series, baseline, use, hour);
        if (series.days < JUDGED_AFTER_DAYS) {
            return;
        }
        whole_t whole = look_at_all(&series);
        double factor = rule->factor *
                        (series.days < GROWN_UP_AFTER_DAYS ? YOUNG_FACTOR : 1);
        double small = (double)least[use];
        bound_hour(&series, &whole, factor, small, out);
        bound_quiet(&series, &whole, factor, small, out);
        bound_day(&series, factor, small, out);
        bound_week(&series, factor, small, out);
        if (whole.active <
            ACTIVE_LEAST) { /* chance has the most of its weeks */
            out->most[use][CG_SPAN_WEEK] = INFINITY;
        }
        if (whole.active < SPARSE_LEAST) {
            for (int span = 0; span < CG_SPANS; span++) {
                out->most[use][span] = INFINITY;
            }
        }
    }
    bound_share(baseline, hour, 0, out);
    bound_share(baseline, hour, 1, out);
    out->is_judged = true;
}
