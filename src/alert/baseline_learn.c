/* The baseline: how an hour is learned, written down and read again.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/baseline.h"

#include <math.h>
#include <string.h>

#include "alert/alert_int.h"

#define HOURS CG_BASELINE_HOURS
#define STEPS_PER_DOUBLING 6.0
#define COMMON_PART 0.5 /* of a share that all others have too */

/* ---- codes -------------------------------------------------------------- */

uint8_t cg_baseline_code(int64_t value)
{
    if (value <= 0) {
        return 0;
    }
    double code = 1 + round(STEPS_PER_DOUBLING * log2((double)value));
    return code > 255 ? 255 : (uint8_t)code;
}

double cg_baseline_value(uint8_t code)
{
    return code ? exp2((code - 1) / STEPS_PER_DOUBLING) : 0;
}

/* ---- learning ------------------------------------------------------------------- */

static void forget_hour(cg_baseline_t *baseline, int64_t hour)
{
    for (int use = 0; use < CG_USE_COUNT; use++) {
        baseline->codes[use][hour % HOURS] = 0;
    }
}

/* Nothing for five weeks: a key that comes back is a new one. */
static bool is_forgotten(const cg_baseline_t *baseline, int64_t hour)
{
    return baseline->first_hour == 0 || hour - baseline->last_hour >= HOURS;
}

/* What was far from usual is learned up to its bound. */
static int64_t bounded(const cg_bounds_t *bounds, const cg_use_sums_t *sums,
                       int use)
{
    double value = (double)sums->of[use];
    double most = INFINITY;
    if (use < CG_USE_VOLUMES) {
        most = bounds->most[use][CG_SPAN_HOUR];
    }
    else if (use != CG_USE_REQUESTS) {
        most = bounds->share_most[use - CG_USE_ERRORS] *
               (double)sums->of[CG_USE_REQUESTS];
    }
    return bounds->is_judged && value > most ? (int64_t)most : sums->of[use];
}

void cg_baseline_learn(cg_baseline_t *baseline, int64_t hour,
                       const cg_use_sums_t *sums, const cg_bounds_t *bounds)
{
    if (is_forgotten(baseline, hour)) {
        *baseline = (cg_baseline_t){.first_hour = hour, .last_hour = hour - 1};
    }
    if (hour <= baseline->last_hour) {
        return;
    }
    for (int64_t gap = baseline->last_hour + 1; gap < hour; gap++) {
        forget_hour(baseline, gap);
    }
    baseline->last_hour = hour;
    for (int use = 0; use < CG_USE_COUNT; use++) {
        baseline->codes[use][hour % HOURS] =
            cg_baseline_code(bounded(bounds, sums, use));
    }
}

/* ---- what befalls all ------------------------------------------------------------ */

bool cg_baseline_is_common(const cg_use_sums_t *own, const cg_use_sums_t *all,
                           cg_use_t use)
{
    double rest = (double)(all->of[CG_USE_REQUESTS] - own->of[CG_USE_REQUESTS]);
    double part = (double)(all->of[use] - own->of[use]);
    double share =
        (double)own->of[use] / fmax((double)own->of[CG_USE_REQUESTS], 1);
    return rest >= CG_SHARE_REQUESTS && part / rest >= COMMON_PART * share;
}

/* ---- for the store ---------------------------------------------------------------- */

#define PACKED_VERSION 1

static unsigned char *put_number(unsigned char *to, int64_t number)
{
    for (int i = 0; i < 8; i++) {
        *to++ = (unsigned char)((uint64_t)number >> (8 * i));
    }
    return to;
}

static int64_t take_number(const unsigned char *from)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number |= (uint64_t)from[i] << (8 * i);
    }
    return (int64_t)number;
}

/* Version, first and last hour, then codes; a run of zeros is 0 and its length. */
size_t cg_baseline_pack(const cg_baseline_t *baseline, unsigned char *out)
{
    const uint8_t *codes = baseline->codes[0];
    unsigned char *to = out;
    *to++ = PACKED_VERSION;
    to = put_number(to, baseline->first_hour);
    to = put_number(to, baseline->last_hour);
    for (size_t i = 0; i < sizeof baseline->codes;) {
        size_t run = 0;
        while (i + run < sizeof baseline->codes && codes[i + run] == 0 &&
               run < 255) {
            run++;
        }
        *to++ = codes[i];
        if (run > 0) {
            *to++ = (unsigned char)run;
        }
        i += run ? run : 1;
    }
    return (size_t)(to - out);
}

bool cg_baseline_unpack(cg_str_t bytes, cg_baseline_t *out)
{
    const unsigned char *from = (const unsigned char *)bytes.ptr;
    const unsigned char *end = from + bytes.len;
    uint8_t *codes = out->codes[0];
    size_t i = 0;
    *out = (cg_baseline_t){.first_hour = 0};
    if (bytes.len < 17 || *from != PACKED_VERSION) {
        return false;
    }
    int64_t first = take_number(from + 1), last = take_number(from + 9);
    for (from += 17; from < end && i < sizeof out->codes; from++) {
        size_t run = *from == 0 && from + 1 < end ? *++from : 0;
        codes[i] = run ? 0 : *from;
        i += run ? run : 1;
    }
    if (i != sizeof out->codes || from != end || first < 0 ||
        last < first - 1) {
        *out = (cg_baseline_t){.first_hour = 0};
        return false;
    }
    out->first_hour = first;
    out->last_hour = last;
    return true;
}
