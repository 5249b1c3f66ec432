/* What the meter's own files share: the rows and the walk over all series. For
 * metrics.c and expose.c only.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_METER_METRICS_INT_H
#define CG_METER_METRICS_INT_H

#include "meter/metrics.h"

#define CG_METER_BUCKETS 15 /* and one for what is longer than all */
#define CG_METER_LABELS_MAX 3

typedef enum cg_metric_kind_t {
    CG_METRIC_COUNTER,
    CG_METRIC_GAUGE,
    CG_METRIC_HISTOGRAM
} cg_metric_kind_t;

typedef struct cg_metric_row_t {
    const char *name;
    cg_metric_kind_t kind;
    cg_meter_label_t labels[CG_METER_LABELS_MAX];
    int scale; /* decimal places of a published number */
    const char *help;
} cg_metric_row_t;

extern const cg_metric_row_t cg_metric_rows[CG_METRIC_COUNT];
extern const char *const cg_meter_label_names[CG_METER_LABEL_COUNT];
/* Upper bounds in microseconds, ascending. */
extern const int64_t cg_meter_buckets[CG_METER_BUCKETS];

/* One series: its label values ("" for NONE) and its words: one, or for a
 * histogram the buckets, the one above all, and the sum. */
typedef void (*cg_meter_on_series)(void *baton, const cg_metric_row_t *row,
                                   const char *const *values,
                                   const int64_t *words);
/* Calls on_series for every series of a family that was ever counted, and for
 * the only series of a family without labels. words is a copy. */
void cg_meter_each(const cg_meter_t *meter, cg_metric_t metric,
                   cg_meter_on_series on_series, void *baton);

#endif
