/* What zone.c and zone_rule.c share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For these two files only.
 */
#ifndef CG_BASE_ZONE_INT_H
#define CG_BASE_ZONE_INT_H

#include "base/zone.h"

/* The rule at the end of a compiled zone, as POSIX writes TZ:
 * CET-1CEST,M3.5.0,M10.5.0/3. False when it is no such rule. */
bool cg_zone_rule(cg_str_t rule, int64_t at_seconds, cg_zone_span_t *out);

#endif
