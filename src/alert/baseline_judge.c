/* The baseline: what is far from usual?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/baseline.h"

#include <math.h>

#include "alert/alert_int.h"

#define Z 3.0 /* of the confidence in a share */

static const cg_pattern_t span_patterns[CG_SPANS] = {
    [CG_SPAN_HOUR] = CG_PATTERN_HOUR,
    [CG_SPAN_QUIET] = CG_PATTERN_QUIET,
    [CG_SPAN_DAY] = CG_PATTERN_DAY,
    [CG_SPAN_WEEK] = CG_PATTERN_WEEK,
};

/* The share that part of whole is at least, by Wilson's score. */
static double sure_share(double part, double whole)
{
    double p = part / whole;
    double middle = p + Z * Z / (2 * whole);
    double width = Z * sqrt(p * (1 - p) / whole + Z * Z / (4 * whole * whole));
    return (middle - width) / (1 + Z * Z / whole);
}

static size_t judge_share(const cg_bounds_t *bounds, const cg_use_sums_t *sums,
                          const cg_unusual_rule_t *rule, int which,
                          cg_finding_of_use_t *out)
{
    double part = (double)sums->of[CG_USE_ERRORS + which];
    double whole = (double)sums->of[CG_USE_REQUESTS];
    if (part < (double)rule->requests_least || part < 1 || whole < part ||
        sure_share(part, whole) <= bounds->share_most[which]) {
        return 0;
    }
    *out =
        (cg_finding_of_use_t){which ? CG_PATTERN_REFUSALS : CG_PATTERN_ERRORS,
                              (cg_use_t)(CG_USE_ERRORS + which), (int64_t)part,
                              (int64_t)(bounds->share_usual[which] * whole)};
    return 1;
}

size_t cg_baseline_judge(const cg_bounds_t *bounds, const cg_use_sums_t *sums,
                         const cg_unusual_rule_t *rule,
                         cg_finding_of_use_t out[CG_FINDINGS_OF_USE_MAX])
{
    size_t count = 0;
    if (!bounds->is_judged) {
        return 0;
    }
    for (int use = 0; use < CG_USE_VOLUMES; use++) {
        double now = (double)sums->of[use];
        for (int span = 0; span < CG_SPANS; span++) {
            double sum = now + bounds->before[use][span];
            bool counts = span != CG_SPAN_QUIET || bounds->is_quiet[use];
            /* Who stopped an hour ago is not far from usual now. */
            if (counts && now > 0 && sum > bounds->most[use][span]) {
                out[count++] = (cg_finding_of_use_t){
                    span_patterns[span], (cg_use_t)use, (int64_t)sum,
                    (int64_t)bounds->usual[use][span]};
            }
        }
    }
    count += judge_share(bounds, sums, rule, 0, out + count);
    return count + judge_share(bounds, sums, rule, 1, out + count);
}
