/* What limit.c and limit_read.c share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For these two files only.
 */
#ifndef CG_POLICY_LIMIT_INT_H
#define CG_POLICY_LIMIT_INT_H

#include "policy/limit.h"

typedef struct cg_limit_period_t {
    const char *name;
    int64_t window_for;
} cg_limit_period_t;

#define CG_LIMIT_PERIODS 4
#define CG_LIMIT_ALGORITHMS 3
#define CG_LIMIT_WEEKDAYS 7

extern const cg_limit_period_t cg_limit_periods[CG_LIMIT_PERIODS];
extern const char *const cg_limit_algorithms[CG_LIMIT_ALGORITHMS];
extern const char *const cg_limit_weekdays[CG_LIMIT_WEEKDAYS];

/* Cuts text at the first mark; false if there is none. */
bool cg_limit_split(cg_str_t text, char mark, cg_str_t *out_first,
                    cg_str_t *out_rest);

#endif
