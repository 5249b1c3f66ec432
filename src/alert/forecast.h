/* The forecast: at this rate, when is a limit used up?
 * SPDX-License-Identifier: Apache-2.0
 *
 * From what was used at moments of the past, across the beginnings of periods. The
 * rate is a mean over whole days (of the last seven; of yearly limits the last 28;
 * of daily ones over whole hours, the last six), so that nights and weekends are in
 * it; each day counts with twice the median at most, so that one burst does
 * not decide. It is told when the period would end over the amount by a twentieth;
 * sooner only when the whole last day, as a rate, would use the rest up in two.
 * The console shows the same rate and the same date, also of what is not told; with
 * less history than that, at the mean of what there is.
 */
#ifndef CG_ALERT_FORECAST_H
#define CG_ALERT_FORECAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_time.h>

#define CG_BURN_POINTS_MAX 400

/* What stood in the books at a moment; from one period to the next it falls. */
typedef struct cg_burn_point_t {
    apr_time_t at;
    int64_t used;
} cg_burn_point_t;

/* How far apart points are worth keeping, and how long, for a period of this
 * length. */
apr_time_t cg_forecast_step(apr_time_t period_for);
apr_time_t cg_forecast_keep(apr_time_t period_for);
/* How far back points must go before a mean of them says something. */
apr_time_t cg_forecast_least(apr_time_t period_for);

/* Where a limit is heading. */
typedef struct cg_forecast_t {
    double rate_per_day;
    apr_time_t end; /* at this rate it is used up then, be that after stop */
    bool is_told;   /* it ends so surely before stop that people are told */
} cg_forecast_t;

/* points ascend; the last is of now. All is 0 of fewer than two. */
void cg_forecast(const cg_burn_point_t *points, size_t count, apr_time_t from,
                 apr_time_t stop, int64_t amount, cg_forecast_t *out);

#endif
