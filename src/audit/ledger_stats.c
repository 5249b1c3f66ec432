/* The ledger that keeps the audit records: sums over time, for charts.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "audit/ledger.h"
#include "audit/ledger_int.h"

#include <inttypes.h>

#define PIPELINE_MAX 250 /* buckets asked in one round trip */
#define ARGC (2 + CG_LEDGER_SUM_COUNT)

/* lives in: the pool of one call */
typedef struct series_t {
    int64_t from; /* seconds, on a step */
    int64_t step;
    size_t points;
    int64_t (*sums)[CG_LEDGER_SUM_COUNT]; /* one row a point */
} series_t;

static int64_t sum_of(const cg_reply_t *reply, size_t i)
{
    int64_t sum = 0;
    if (reply->kind != CG_REPLY_ARRAY || i >= reply->count) {
        return 0;
    }
    cg_str_t text = reply->items[i].text;
    bool is_text = reply->items[i].kind == CG_REPLY_TEXT;
    return is_text && cg_parse_count(text, &sum) ? sum : 0;
}

static void add_bucket(series_t *series, int64_t at, const cg_reply_t *reply)
{
    size_t point = (size_t)((at - series->from) / series->step);
    for (size_t i = 0; i < CG_LEDGER_SUM_COUNT; i++) {
        series->sums[point][i] += sum_of(reply, i);
    }
}

static apr_status_t read_buckets(cg_ledger_t *ledger, series_t *series,
                                 int step, int64_t at, size_t count,
                                 cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t argv[PIPELINE_MAX][ARGC];
    cg_store_command_t commands[PIPELINE_MAX] = {{NULL, 0}};
    cg_reply_t replies[PIPELINE_MAX];
    int64_t seconds = cg_ledger_steps[step].seconds;
    for (size_t i = 0; i < count; i++) {
        argv[i][0] = CG_STR("HMGET");
        argv[i][1] = cg_ledger_stats_key(step, at + (int64_t)i * seconds, pool);
        for (int sum = 0; sum < CG_LEDGER_SUM_COUNT; sum++) {
            argv[i][2 + sum] = cg_str(cg_ledger_sums[sum]);
        }
        commands[i] = (cg_store_command_t){argv[i], ARGC};
    }
    apr_status_t status =
        cg_store_pipeline(ledger->store, commands, count, replies, err, pool);
    for (size_t i = 0; status == APR_SUCCESS && i < count; i++) {
        add_bucket(series, at + (int64_t)i * seconds, &replies[i]);
    }
    return status;
}

static void write_columns(const series_t *series, cg_buf_t *out)
{
    cg_buf_fmt(out, "{\"step\":%" PRId64 ",\"at\":[", series->step);
    for (size_t i = 0; i < series->points; i++) {
        cg_buf_fmt(out, "%s%" PRId64, i ? "," : "",
                   series->from + (int64_t)i * series->step);
    }
    for (int sum = 0; sum < CG_LEDGER_SUM_COUNT; sum++) {
        cg_buf_fmt(out, "],\"%s\":[", cg_ledger_sums[sum]);
        for (size_t i = 0; i < series->points; i++) {
            cg_buf_fmt(out, "%s%" PRId64, i ? "," : "", series->sums[i][sum]);
        }
    }
    cg_buf_str(out, "]}");
}

/* The kind of bucket that a step is made of, or -1. */
static int step_kind(int64_t step)
{
    if (step >= 3600) {
        return step % 3600 == 0 ? CG_LEDGER_HOUR : -1;
    }
    return step >= 60 && step <= 1800 && step % 60 == 0 ? CG_LEDGER_MINUTE : -1;
}

apr_status_t cg_ledger_stats(cg_ledger_t *ledger, apr_time_t from,
                             apr_time_t to, int64_t step, cg_buf_t *out,
                             cg_error_t *err, apr_pool_t *pool)
{
    int kind = step_kind(step);
    if (kind < 0) {
        cg_error_set(err, "step: must be a multiple of 60 up to 1800, or of "
                          "3600, in seconds");
        return APR_EINVAL;
    }
    if (from < 0 || to <= from) {
        cg_error_set(err, "from, to: the range must not be empty");
        return APR_EINVAL;
    }
    int64_t first = apr_time_sec(from) - apr_time_sec(from) % step;
    int64_t points = (apr_time_sec(to - 1) - first) / step + 1;
    int64_t seconds = cg_ledger_steps[kind].seconds;
    if (points > CG_LEDGER_POINTS_MAX * seconds / step) {
        cg_error_set(err, "from, to: the range holds more than %d %ss",
                     CG_LEDGER_POINTS_MAX, cg_ledger_steps[kind].name);
        return APR_EINVAL;
    }
    series_t series = {.from = first, .step = step, .points = (size_t)points};
    series.sums = apr_pcalloc(pool, series.points * sizeof *series.sums);
    int64_t buckets = points * step / seconds;
    for (int64_t done = 0; done < buckets; done += PIPELINE_MAX) {
        int64_t left = buckets - done;
        apr_status_t status = read_buckets(
            ledger, &series, kind, first + done * seconds,
            (size_t)(left < PIPELINE_MAX ? left : PIPELINE_MAX), err, pool);
        if (status != APR_SUCCESS) {
            return status;
        }
    }
    write_columns(&series, out);
    return APR_SUCCESS;
}
