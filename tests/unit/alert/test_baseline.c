/* The baseline by itself: its codes, its memory, what it says in plain cases.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/baseline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#define FIRST INT64_C(496704)

static const cg_unusual_rule_t rule = {CG_UNUSUAL_ALERT, 2.5, 20000, 1000000,
                                       30};

static cg_use_sums_t using(int64_t tokens, int64_t requests)
{
    return (cg_use_sums_t){{tokens, tokens * 2, requests, 0, 0}};
}

/* Weeks of 100,000 tokens from eight to eighteen, each day. */
static void live(cg_baseline_t *baseline, int days)
{
    *baseline = (cg_baseline_t){.first_hour = 0};
    for (int64_t hour = FIRST; hour < FIRST + 24 * days; hour++) {
        cg_bounds_t bounds;
        bool is_work = hour % 24 >= 8 && hour % 24 < 18;
        cg_use_sums_t sums = using(is_work ? 100000 : 0, is_work ? 50 : 0);
        if (is_work) {
            cg_baseline_bounds(baseline, hour, &rule, &bounds);
            cg_baseline_learn(baseline, hour, &sums, &bounds);
        }
    }
}

static size_t judge(const cg_baseline_t *baseline, int64_t hour,
                    cg_use_sums_t sums, cg_pattern_t *out)
{
    cg_bounds_t bounds;
    cg_finding_of_use_t found[CG_FINDINGS_OF_USE_MAX];
    cg_baseline_bounds(baseline, hour, &rule, &bounds);
    size_t count = cg_baseline_judge(&bounds, &sums, &rule, found);
    *out = count ? found[0].pattern : CG_PATTERN_COUNT;
    return count;
}

static void codes_keep_six_percent(void)
{
    CU_ASSERT_EQUAL(cg_baseline_code(0), 0);
    CU_ASSERT_EQUAL(cg_baseline_code(-5), 0);
    CU_ASSERT_EQUAL(cg_baseline_value(0), 0);
    for (double value = 1; value < 1e12; value *= 1.37) {
        double back = cg_baseline_value(cg_baseline_code((int64_t)value));
        CU_ASSERT(fabs(back / (double)(int64_t)value - 1) < 0.06);
    }
    CU_ASSERT_EQUAL(cg_baseline_code(INT64_MAX), 255);
}

static void what_is_packed_is_unpacked_and_nothing_else(void)
{
    static unsigned char bytes[CG_BASELINE_BYTES_MAX];
    cg_baseline_t baseline, back;
    live(&baseline, 20);
    for (int i = 0; i < CG_BASELINE_HOURS; i += 2) {
        baseline.codes[CG_USE_ERRORS][i] = 7; /* no run is long */
    }
    size_t len = cg_baseline_pack(&baseline, bytes);
    CU_ASSERT_FATAL(len <= sizeof bytes);
    CU_ASSERT(cg_baseline_unpack((cg_str_t){(char *)bytes, len}, &back));
    CU_ASSERT_EQUAL(memcmp(&baseline, &back, sizeof back), 0);
    for (size_t cut = 0; cut < len; cut += 13) {
        CU_ASSERT_FALSE(
            cg_baseline_unpack((cg_str_t){(char *)bytes, cut}, &back));
        CU_ASSERT_EQUAL(back.first_hour, 0);
    }
    bytes[0] = 9;
    CU_ASSERT_FALSE(cg_baseline_unpack((cg_str_t){(char *)bytes, len}, &back));
}

static void bytes_that_nobody_packed_harm_nothing(void)
{
    static unsigned char bytes[3000];
    uint32_t x = 12345;
    for (int round = 0; round < 200; round++) {
        cg_baseline_t back;
        for (size_t i = 0; i < sizeof bytes; i++) {
            x = x * 1664525 + 1013904223;
            bytes[i] = round % 2 ? (unsigned char)(x >> 24)
                                 : (unsigned char)((x >> 30) ? 0 : x >> 24);
        }
        bytes[0] = 1;
        if (cg_baseline_unpack((cg_str_t){(char *)bytes, sizeof bytes},
                               &back)) {
            cg_bounds_t bounds;
            cg_baseline_bounds(&back, FIRST, &rule, &bounds);
        }
    }
}

static void the_usual_is_not_told_and_the_unusual_is(void)
{
    cg_baseline_t baseline;
    cg_pattern_t what;
    live(&baseline, 30);
    int64_t noon = FIRST + 30 * 24 + 12, night = FIRST + 30 * 24 + 3;
    CU_ASSERT_EQUAL(judge(&baseline, noon, using(100000, 50), &what), 0);
    CU_ASSERT_EQUAL(judge(&baseline, noon, using(200000, 50), &what), 0);
    CU_ASSERT(judge(&baseline, noon, using(300000, 50), &what) > 0);
    CU_ASSERT_EQUAL(what, CG_PATTERN_HOUR);
    CU_ASSERT_EQUAL(judge(&baseline, night, using(15000, 5), &what), 0);
    CU_ASSERT(judge(&baseline, night, using(120000, 50), &what) > 0);
    CU_ASSERT_EQUAL(what, CG_PATTERN_HOUR);
}

static void a_leak_is_told_by_the_quiet_hours_it_fills(void)
{
    cg_baseline_t baseline;
    cg_pattern_t what = CG_PATTERN_COUNT;
    live(&baseline, 30);
    int64_t hour = FIRST + 30 * 24 - 6; /* from six in the evening on */
    size_t found = 0;
    for (; found == 0 && hour < FIRST + 31 * 24; hour++) {
        cg_bounds_t bounds;
        cg_use_sums_t sums = using(30000, 10);
        found = judge(&baseline, hour, sums, &what);
        cg_baseline_bounds(&baseline, hour, &rule, &bounds);
        cg_baseline_learn(&baseline, hour, &sums, &bounds);
    }
    CU_ASSERT_EQUAL(what, CG_PATTERN_QUIET);
    CU_ASSERT(hour < FIRST + 30 * 24 + 8);
}

static void a_new_key_is_not_judged_and_a_young_one_mildly(void)
{
    cg_baseline_t baseline;
    cg_pattern_t what;
    live(&baseline, 2);
    CU_ASSERT_EQUAL(judge(&baseline, FIRST + 60, using(100000000, 50), &what),
                    0);
    live(&baseline, 9);
    int64_t noon = FIRST + 9 * 24 + 12;
    CU_ASSERT_EQUAL(judge(&baseline, noon, using(450000, 50), &what), 0);
    CU_ASSERT(judge(&baseline, noon, using(600000, 50), &what) > 0);
    baseline = (cg_baseline_t){.first_hour = 0};
    CU_ASSERT_EQUAL(judge(&baseline, noon, using(600000, 50), &what), 0);
}

static void errors_are_told_by_their_share_and_number(void)
{
    cg_baseline_t baseline;
    cg_pattern_t what;
    live(&baseline, 20);
    int64_t noon = FIRST + 20 * 24 + 12;
    cg_use_sums_t sums = using(50000, 60);
    sums.of[CG_USE_ERRORS] = 6;
    CU_ASSERT_EQUAL(judge(&baseline, noon, sums, &what), 0);
    sums.of[CG_USE_ERRORS] = 45;
    CU_ASSERT_EQUAL(judge(&baseline, noon, sums, &what), 1);
    CU_ASSERT_EQUAL(what, CG_PATTERN_ERRORS);
    sums.of[CG_USE_REQUESTS] = 20;
    sums.of[CG_USE_ERRORS] = 20; /* all, but few */
    CU_ASSERT_EQUAL(judge(&baseline, noon, sums, &what), 0);
    sums = using(50000, 90);
    sums.of[CG_USE_REFUSALS] = 70;
    CU_ASSERT_EQUAL(judge(&baseline, noon, sums, &what), 1);
    CU_ASSERT_EQUAL(what, CG_PATTERN_REFUSALS);
}

static void what_all_suffer_is_nobodys_fault(void)
{
    cg_use_sums_t own = using(0, 40), all = using(0, 1000);
    own.of[CG_USE_ERRORS] = 40;
    all.of[CG_USE_ERRORS] = 900;
    CU_ASSERT(cg_baseline_is_common(&own, &all, CG_USE_ERRORS));
    all.of[CG_USE_ERRORS] = 60;
    CU_ASSERT_FALSE(cg_baseline_is_common(&own, &all, CG_USE_ERRORS));
    all = own; /* nobody else is there to compare with */
    CU_ASSERT_FALSE(cg_baseline_is_common(&own, &all, CG_USE_ERRORS));
}

static void an_attack_does_not_become_usual(void)
{
    cg_baseline_t baseline;
    cg_pattern_t what;
    live(&baseline, 30);
    int64_t night = FIRST + 30 * 24 + 3;
    for (int day = 0; day < 2; day++, night += 24) {
        cg_bounds_t bounds;
        cg_use_sums_t sums = using(5000000, 900);
        CU_ASSERT(judge(&baseline, night, sums, &what) > 0);
        cg_baseline_bounds(&baseline, night, &rule, &bounds);
        cg_baseline_learn(&baseline, night, &sums, &bounds);
    }
    CU_ASSERT(judge(&baseline, night, using(5000000, 900), &what) > 0);
}

static void an_hour_is_learned_once_and_never_backwards(void)
{
    cg_baseline_t baseline, before;
    cg_bounds_t bounds = {.is_judged = false};
    cg_use_sums_t sums = using(777, 1);
    live(&baseline, 10);
    before = baseline;
    cg_baseline_learn(&baseline, baseline.last_hour, &sums, &bounds);
    cg_baseline_learn(&baseline, baseline.last_hour - 40, &sums, &bounds);
    CU_ASSERT_EQUAL(memcmp(&before, &baseline, sizeof before), 0);
    cg_baseline_learn(&baseline, baseline.last_hour + 6 * 168, &sums, &bounds);
    CU_ASSERT_EQUAL(baseline.first_hour, baseline.last_hour);
}

CU_TestInfo test_alert_baseline[] = {
    {"codes_keep_six_percent", codes_keep_six_percent},
    {"what_is_packed_is_unpacked_and_nothing_else",
     what_is_packed_is_unpacked_and_nothing_else},
    {"bytes_that_nobody_packed_harm_nothing",
     bytes_that_nobody_packed_harm_nothing},
    {"the_usual_is_not_told_and_the_unusual_is",
     the_usual_is_not_told_and_the_unusual_is},
    {"a_leak_is_told_by_the_quiet_hours_it_fills",
     a_leak_is_told_by_the_quiet_hours_it_fills},
    {"a_new_key_is_not_judged_and_a_young_one_mildly",
     a_new_key_is_not_judged_and_a_young_one_mildly},
    {"errors_are_told_by_their_share_and_number",
     errors_are_told_by_their_share_and_number},
    {"what_all_suffer_is_nobodys_fault", what_all_suffer_is_nobodys_fault},
    {"an_attack_does_not_become_usual", an_attack_does_not_become_usual},
    {"an_hour_is_learned_once_and_never_backwards",
     an_hour_is_learned_once_and_never_backwards},
    CU_TEST_INFO_NULL,
};
