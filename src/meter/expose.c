/* The page that Prometheus reads.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "meter/expose.h"
#include "meter/metrics_int.h"

#include <inttypes.h>

static const char *const KIND_NAMES[] = {
    [CG_METRIC_COUNTER] = "counter",
    [CG_METRIC_GAUGE] = "gauge",
    [CG_METRIC_HISTOGRAM] = "histogram",
};

static void put_escaped(cg_buf_t *out, const char *value)
{
    for (const char *p = value; *p; p++) {
        if (*p == '\\' || *p == '"') {
            cg_buf_char(out, '\\');
        }
        if (*p == '\n') {
            cg_buf_str(out, "\\n");
        }
        else {
            cg_buf_char(out, *p);
        }
    }
}

/* An exact decimal: a double would round large sums of money. */
static void put_number(cg_buf_t *out, int64_t number, int scale)
{
    int64_t unit = 1;
    for (int i = 0; i < scale; i++) {
        unit *= 10;
    }
    int64_t rest = number % unit;
    bool is_negative = number < 0;
    cg_buf_fmt(out, "%s%" PRId64, is_negative && number / unit == 0 ? "-" : "",
               number / unit);
    if (rest == 0) {
        return;
    }
    rest = rest < 0 ? -rest : rest;
    cg_buf_char(out, '.');
    while (rest) {
        unit /= 10;
        cg_buf_char(out, (char)('0' + rest / unit));
        rest %= unit;
    }
}

static void put_labels(cg_buf_t *out, const cg_metric_row_t *row,
                       const char *const *values)
{
    char before = '{';
    for (int i = 0; i < CG_METER_LABELS_MAX; i++) {
        if (row->labels[i] == CG_METER_NONE) {
            continue;
        }
        cg_buf_char(out, before);
        cg_buf_fmt(out, "%s=\"", cg_meter_label_names[row->labels[i]]);
        put_escaped(out, values[i]);
        cg_buf_char(out, '"');
        before = ',';
    }
    if (before == ',') {
        cg_buf_char(out, '}');
    }
}

static void put_series(cg_buf_t *out, const cg_metric_row_t *row,
                       const char *suffix, const char *const *values,
                       int64_t number, int scale)
{
    cg_buf_fmt(out, "%s%s", row->name, suffix);
    put_labels(out, row, values);
    cg_buf_char(out, ' ');
    put_number(out, number, scale);
    cg_buf_char(out, '\n');
}

static void put_bucket(cg_buf_t *out, const cg_metric_row_t *row,
                       const char *const *values, int bucket, int64_t count)
{
    cg_buf_fmt(out, "%s_bucket", row->name);
    put_labels(out, row, values);
    if (row->labels[0] == CG_METER_NONE) {
        cg_buf_char(out, '{');
    }
    else {
        out->ptr[out->len - 1] = ','; /* instead of the closing brace */
    }
    cg_buf_str(out, "le=\"");
    if (bucket < CG_METER_BUCKETS) {
        put_number(out, cg_meter_buckets[bucket], row->scale);
    }
    else {
        cg_buf_str(out, "+Inf");
    }
    cg_buf_fmt(out, "\"} %" PRId64 "\n", count);
}

static void put_histogram(cg_buf_t *out, const cg_metric_row_t *row,
                          const char *const *values, const int64_t *words)
{
    int64_t count = 0;
    for (int i = 0; i <= CG_METER_BUCKETS; i++) {
        count += words[i];
        put_bucket(out, row, values, i, count);
    }
    put_series(out, row, "_sum", values, words[CG_METER_BUCKETS + 1],
               row->scale);
    put_series(out, row, "_count", values, count, 0);
}

static void put_one(void *baton, const cg_metric_row_t *row,
                    const char *const *values, const int64_t *words)
{
    if (row->kind == CG_METRIC_HISTOGRAM) {
        put_histogram(baton, row, values, words);
    }
    else {
        put_series(baton, row, "", values, words[0], row->scale);
    }
}

void cg_meter_expose(const cg_meter_t *meter, cg_buf_t *out)
{
    for (int i = 0; i < CG_METRIC_COUNT; i++) {
        const cg_metric_row_t *row = &cg_metric_rows[i];
        cg_buf_fmt(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help,
                   row->name, KIND_NAMES[row->kind]);
        cg_meter_each(meter, (cg_metric_t)i, put_one, out);
    }
}
