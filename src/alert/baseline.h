/* The baseline: how much a key or a team uses, learned by hour of the week, and what
 * is far from it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Kept are five weeks of hourly sums, each in one byte on a scale of logarithms
 * (steps of a twelfth). A sum is held against the highest of its like:
 *
 *   hour      the same time of day, an hour more or less, of all days; and the
 *             median of the same hour of the week
 *   quiet     the sum of 24 hours over times of day that are usually quiet
 *   day, week the sums of 24 hours, of seven days
 *   errors, refusals   their share of an hour's requests
 *
 * The highest is taken without the one day that is the highest of all once there are
 * fourteen, so that one odd day neither hides the next nor makes it usual; what was
 * found to be far is learned only up to the bound it passed. A wide spread (median
 * absolute deviation) widens the bound. Where data are few (a key that is used
 * now and then) a time of day says nothing, and the highest of all hours counts.
 * In the first three days nothing is judged, in the first two weeks twice as mildly.
 *
 * All time is UTC: a shift by daylight saving is within the hour more or less.
 */
#ifndef CG_ALERT_BASELINE_H
#define CG_ALERT_BASELINE_H

#include "alert/alert.h"
#include "alert/rules.h"

/* What is summed up by the hour. */
typedef enum cg_use_t {
    CG_USE_TOKENS,
    CG_USE_MICROS,
    CG_USE_REQUESTS,
    CG_USE_ERRORS,
    CG_USE_REFUSALS,
    CG_USE_COUNT
} cg_use_t;

#define CG_USE_VOLUMES 2 /* tokens and micro-dollars are judged by size */

typedef struct cg_use_sums_t {
    int64_t of[CG_USE_COUNT];
} cg_use_sums_t;

#define CG_BASELINE_HOURS (5 * 168)

/* lives in: whoever judges; kept in the store by pack and unpack */
typedef struct cg_baseline_t {
    int64_t first_hour; /* of all that is known; 0: nothing is */
    int64_t last_hour;  /* the newest that was learned */
    uint8_t codes[CG_USE_COUNT][CG_BASELINE_HOURS]; /* by hour modulo */
} cg_baseline_t;

/* What one hour may come to. lives in: whoever judges; const once made */
typedef struct cg_bounds_t {
    int64_t hour;
    bool is_judged; /* false: too little is known */
    bool is_quiet[CG_USE_VOLUMES];
    /* The most that may be, what is usual there, and what the hours before this one
     * of the same 24 or 168 have; by hour, quiet, day, week. */
    double most[CG_USE_VOLUMES][4];
    double usual[CG_USE_VOLUMES][4];
    double before[CG_USE_VOLUMES][4];
    double share_most[2]; /* of errors, refusals */
    double share_usual[2];
} cg_bounds_t;

typedef struct cg_finding_of_use_t {
    cg_pattern_t pattern;
    cg_use_t use;
    int64_t used;
    int64_t usual;
} cg_finding_of_use_t;

#define CG_FINDINGS_OF_USE_MAX 10

/* Bytes for the store; the longest is CG_BASELINE_BYTES_MAX. */
#define CG_BASELINE_BYTES_MAX (32 + 2 * CG_USE_COUNT * CG_BASELINE_HOURS)
size_t cg_baseline_pack(const cg_baseline_t *baseline, unsigned char *out);
/* False: not what pack made; baseline is empty then. */
bool cg_baseline_unpack(cg_str_t bytes, cg_baseline_t *out);

/* Takes an hour in that has ended (hours since 1970); those between are empty. An
 * hour that was learned, or is older, changes nothing. bounds: of this hour. */
void cg_baseline_learn(cg_baseline_t *baseline, int64_t hour,
                       const cg_use_sums_t *sums, const cg_bounds_t *bounds);
void cg_baseline_bounds(const cg_baseline_t *baseline, int64_t hour,
                        const cg_unusual_rule_t *rule, cg_bounds_t *out);
/* What is far from usual in an hour, also while it runs: sums only grow. Returns how
 * many findings. */
size_t cg_baseline_judge(const cg_bounds_t *bounds, const cg_use_sums_t *sums,
                         const cg_unusual_rule_t *rule,
                         cg_finding_of_use_t out[CG_FINDINGS_OF_USE_MAX]);

/* Errors (or refusals) that all others have about as much of: an upstream that is
 * away, and nothing of this key. */
bool cg_baseline_is_common(const cg_use_sums_t *own, const cg_use_sums_t *all,
                           cg_use_t use);

/* One sum as a code, and back (within six percent). */
uint8_t cg_baseline_code(int64_t value);
double cg_baseline_value(uint8_t code);

#endif
