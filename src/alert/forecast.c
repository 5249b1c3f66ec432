/* The forecast: at this rate, when is a limit used up?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/forecast.h"

#include <stdlib.h>

#define HOUR apr_time_from_sec(3600)
#define DAY (24 * HOUR)
#define CYCLES_MAX 28
#define OVER 1.05       /* of the amount, at the end of the period */
#define USED_LEAST 0.05 /* of the amount: before it, a rate says little */
#define BURST_MOST 2.0  /* medians that one cycle counts at most */
#define SOON (2 * DAY)
#define FAR ((double)(3660 * DAY)) /* no date is shown beyond it */

/* How a period is cut: its cycle, how many there must be, how many count. */
typedef struct cut_t {
    apr_time_t period_most;
    apr_time_t cycle;
    int least, most;
    apr_time_t step;
    apr_time_t keep;
} cut_t;

static const cut_t cuts[] = {
    {2 * DAY, HOUR, 3, 6, 600 * APR_USEC_PER_SEC, DAY},
    {8 * DAY, DAY, 3, 7, HOUR, 8 * DAY},
    {32 * DAY, DAY, 7, 7, HOUR, 8 * DAY},
    {INT64_MAX, DAY, 7, CYCLES_MAX, 6 * HOUR, 29 * DAY},
};

static const cut_t *cut_of(apr_time_t period_for)
{
    const cut_t *cut = cuts;
    while (cut->period_most < period_for) {
        cut++;
    }
    return cut;
}

apr_time_t cg_forecast_step(apr_time_t period_for)
{
    return cut_of(period_for)->step;
}

apr_time_t cg_forecast_keep(apr_time_t period_for)
{
    return cut_of(period_for)->keep;
}

apr_time_t cg_forecast_least(apr_time_t period_for)
{
    const cut_t *cut = cut_of(period_for);
    return cut->least * cut->cycle;
}

/* What was used between two points: all of the later one when a period began. */
static double grown(const cg_burn_point_t *a, const cg_burn_point_t *b)
{
    return (double)(b->used >= a->used ? b->used - a->used : b->used);
}

/* What was used from a moment to another; between two points as on a line. */
static double used_between(const cg_burn_point_t *points, size_t count,
                           apr_time_t from, apr_time_t to)
{
    double sum = 0;
    for (size_t i = 1; i < count; i++) {
        const cg_burn_point_t *a = &points[i - 1], *b = &points[i];
        apr_time_t begin = a->at > from ? a->at : from;
        apr_time_t end = b->at < to ? b->at : to;
        if (begin < end) {
            sum +=
                grown(a, b) * (double)(end - begin) / (double)(b->at - a->at);
        }
    }
    return sum;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The mean of cycles, of which none counts more than BURST_MOST medians; where most
 * are empty, none more than the second largest. */
static double calm_mean(double *cycles, int count)
{
    qsort(cycles, (size_t)count, sizeof *cycles, by_size);
    double most = BURST_MOST * cycles[count / 2];
    double second = cycles[count - 2];
    double sum = 0;
    most = count >= 4 && second > most ? second : most;
    for (int i = 0; i < count; i++) {
        sum += cycles[i] < most ? cycles[i] : most;
    }
    return sum / count;
}

/* Would the period end over the amount by a twentieth? */
static bool is_over(double rate, apr_time_t cycle, double used, int64_t amount,
                    apr_time_t left)
{
    return rate > 0 &&
           used + rate * (double)left / (double)cycle >= OVER * (double)amount;
}

/* At this rate a cycle: when is the rest used up? */
static apr_time_t end_at(double rate, apr_time_t cycle, double left,
                         apr_time_t now)
{
    double wait = rate > 0 ? left / rate * (double)cycle : FAR;
    return now + (apr_time_t)(wait < FAR ? wait : FAR);
}

/* The whole cycles before now, the last one first. */
static int cut_cycles(const cg_burn_point_t *points, size_t count,
                      const cut_t *cut, double cycles[CYCLES_MAX])
{
    apr_time_t now = points[count - 1].at;
    int have = 0;
    while (have < cut->most && now - (have + 1) * cut->cycle >= points[0].at) {
        cycles[have] =
            used_between(points, count, now - (have + 1) * cut->cycle,
                         now - have * cut->cycle);
        have++;
    }
    return have;
}

/* Of all that is known, when that is less than is wanted; what came within the first
 * cycle is all that came in it, so that one busy hour does not make a day. */
static double plain_mean(const cg_burn_point_t *points, size_t count,
                         apr_time_t cycle)
{
    apr_time_t now = points[count - 1].at;
    apr_time_t known = now - points[0].at;
    double sum = used_between(points, count, points[0].at, now);
    return sum * (double)cycle / (double)(known > cycle ? known : cycle);
}

void cg_forecast(const cg_burn_point_t *points, size_t count, apr_time_t from,
                 apr_time_t stop, int64_t amount, cg_forecast_t *out)
{
    const cut_t *cut = cut_of(stop - from);
    double cycles[CYCLES_MAX];
    *out = (cg_forecast_t){.rate_per_day = 0};
    if (count < 2 || amount <= 0) {
        return;
    }
    apr_time_t now = points[count - 1].at;
    double used = (double)points[count - 1].used, left = (double)amount - used;
    int have = cut_cycles(points, count, cut, cycles);
    /* Sorted by calm_mean: the last whole cycle is asked for first. */
    double last = have >= 1 && cut->cycle == DAY ? cycles[0] : 0;
    bool is_known = have >= cut->least;
    double rate = is_known ? calm_mean(cycles, have)
                           : plain_mean(points, count, cut->cycle);
    bool is_soon = is_over(last, cut->cycle, used, amount, stop - now) &&
                   end_at(last, cut->cycle, left, now) <= now + SOON;
    bool is_open =
        now < stop && left > 0 && used >= USED_LEAST * (double)amount;
    rate = is_soon && is_open ? last : rate;
    out->rate_per_day = rate * (double)DAY / (double)cut->cycle;
    out->end = left > 0 ? end_at(rate, cut->cycle, left, now) : now;
    out->is_told =
        is_open && (is_soon || (is_known && is_over(rate, cut->cycle, used,
                                                    amount, stop - now)));
}
