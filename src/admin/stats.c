/* Sums over time, for charts.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "admin/records.h"
#include "base/clock.h"

#define MINUTE 60
#define HOUR 3600
#define POINTS_DEFAULT 60

/* The ledger writes epoch seconds; the API's times are RFC 3339. */
static cg_json_t *moments(const cg_json_t *seconds, apr_pool_t *pool)
{
    cg_json_t *out = cg_json_array(pool);
    for (size_t i = 0; i < cg_json_size(seconds); i++) {
        char text[25];
        cg_clock_rfc3339(cg_json_int(cg_json_at(seconds, i)) * APR_USEC_PER_SEC,
                         text);
        cg_json_add_str(out, text);
    }
    return out;
}

static apr_int64_t sum(const cg_json_t *column)
{
    apr_int64_t total = 0;
    for (size_t i = 0; i < cg_json_size(column); i++) {
        apr_int64_t value = cg_json_int(cg_json_at(column, i));
        if (__builtin_add_overflow(total, value, &total)) {
            return INT64_MAX;
        }
    }
    return total;
}

static void reply_columns(cg_ask_t *ask, const char *step, cg_json_t *columns)
{
    cg_json_t *series = cg_json_object(ask->pool);
    cg_json_t *totals = cg_json_object(ask->pool);
    void *iter = NULL;
    const char *name = NULL;
    cg_json_t *column = NULL;
    while (columns && cg_json_each(columns, &iter, &name, &column)) {
        if (!cg_json_is_array(column)) {
            continue;
        }
        if (strcmp(name, "at") == 0) {
            cg_json_set(series, name, moments(column, ask->pool));
        }
        else {
            cg_json_set(series, name, column);
            cg_json_set_int(totals, name, sum(column));
        }
    }
    cg_json_t *answer = cg_json_object(ask->pool);
    cg_json_set_str(answer, "step", step);
    cg_json_set(answer, "series", series);
    cg_json_set(answer, "totals", totals);
    cg_admin_json(ask, 200, answer);
}

void cg_admin_stats_get(cg_ask_t *ask)
{
    cg_ledger_t *ledger = cg_admin_ledger(ask);
    if (!ledger) {
        return;
    }
    const char *step = cg_admin_param(ask, "step");
    step = step ? step : "minute";
    apr_int64_t seconds = strcmp(step, "hour") == 0 ? HOUR : MINUTE;
    apr_time_t to = cg_admin_param_time(ask, "to", ask->call->now);
    apr_time_t from = cg_admin_param_time(
        ask, "from", to - apr_time_from_sec(seconds * POINTS_DEFAULT));
    cg_buf_t columns;
    cg_buf_init(&columns, 4096, ask->pool);
    cg_error_t err = {""};
    apr_status_t rv =
        cg_ledger_stats(ledger, from, to, seconds, &columns, &err, ask->pool);
    if (rv != APR_SUCCESS) {
        cg_admin_ledger_refuse(ask, rv, &err, "/from");
        return;
    }
    reply_columns(ask, step,
                  cg_json_parse(columns.ptr, columns.len, NULL, ask->pool));
}
