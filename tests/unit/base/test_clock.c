/* How a time is written and read.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <CUnit/CUnit.h>

#define MICROS INT64_C(1000000)

static bool writes(apr_time_t at, const char *text)
{
    char out[25];
    cg_clock_rfc3339(at, out);
    return strcmp(out, text) == 0;
}

static bool reads(const char *text, apr_time_t at)
{
    apr_time_t out = -1;
    return cg_clock_parse_rfc3339(cg_str(text), &out) && out == at;
}

static bool refuses(const char *text)
{
    apr_time_t out = 0;
    return !cg_clock_parse_rfc3339(cg_str(text), &out);
}

static void moments_are_written_with_milliseconds(void)
{
    CU_ASSERT_TRUE(writes(0, "1970-01-01T00:00:00.000Z"));
    CU_ASSERT_TRUE(writes(951782400 * MICROS, "2000-02-29T00:00:00.000Z"));
    CU_ASSERT_TRUE(
        writes(1795560511 * MICROS + 42999, "2026-11-24T22:48:31.042Z"));
    CU_ASSERT_TRUE(
        writes(4107542399 * MICROS + 999999, "2100-02-28T23:59:59.999Z"));
    CU_ASSERT_TRUE(writes(4107542400 * MICROS, "2100-03-01T00:00:00.000Z"));
}

static void moments_without_a_four_digit_year_go_to_the_nearest(void)
{
    CU_ASSERT_TRUE(writes(-1, "1970-01-01T00:00:00.000Z"));
    CU_ASSERT_TRUE(writes(INT64_MAX, "9999-12-31T23:59:59.000Z"));
}

static void every_day_agrees_with_the_c_library(void)
{
    int wrong = 0;
    for (time_t day = 0; day < 60000; day++) {
        time_t second = day * 86400 + 45296;
        struct tm tm;
        gmtime_r(&second, &tm);
        char text[40];
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &tm);
        wrong += !writes(second * MICROS, text);
        wrong += !reads(text, second * MICROS);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void all_forms_of_rfc3339_are_read(void)
{
    apr_time_t at = 1795560511 * MICROS;
    CU_ASSERT_TRUE(reads("2026-11-24T22:48:31Z", at));
    CU_ASSERT_TRUE(reads("2026-11-24t22:48:31z", at));
    CU_ASSERT_TRUE(reads("2026-11-25T00:18:31+01:30", at));
    CU_ASSERT_TRUE(reads("2026-11-24T14:48:31-08:00", at));
    CU_ASSERT_TRUE(reads("2026-11-24T22:48:31.5Z", at + 500000));
    CU_ASSERT_TRUE(reads("2026-11-24T22:48:31.0000019Z", at + 1));
    CU_ASSERT_TRUE(reads("1969-12-31T23:59:59Z", -MICROS));
    CU_ASSERT_TRUE(reads("2016-12-31T23:59:60Z", 1483228800 * MICROS));
    CU_ASSERT_TRUE(reads("2024-02-29T00:00:00Z", 1709164800 * MICROS));
}

static void other_text_is_refused(void)
{
    static const char *const CASES[] = {
        "",
        "2026-11-24",
        "2026-11-24 22:48:31Z",
        "2026-11-24T22:48:31",
        "2026-11-24T22:48:31+0130",
        "2026-11-24T22:48:31+24:00",
        "2026-11-24T22:48:31 01:00",
        "2026-11-24T22:48:31.Z",
        "2026-11-24T22:48:31ZZ",
        "2026-13-24T22:48:31Z",
        "2026-00-24T22:48:31Z",
        "2026-11-31T22:48:31Z",
        "2026-11-00T22:48:31Z",
        "2026-02-29T22:48:31Z",
        "2100-02-29T22:48:31Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T22:60:31Z",
        "2026-11-24T22:48:61Z",
        "-026-11-24T22:48:31Z",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        CU_ASSERT_TRUE(refuses(CASES[i]));
    }
}

static void month_is_year_and_month(void)
{
    char out[8];
    cg_clock_month(1795560511 * MICROS, out);
    CU_ASSERT_STRING_EQUAL(out, "2026-11");
    cg_clock_month(0, out);
    CU_ASSERT_STRING_EQUAL(out, "1970-01");
}

/* The fields of the example in RFC 9562 appendix A.6: 017F22E2-79B0. */
static void uuid7_begins_with_its_millisecond(void)
{
    char id[37];
    cg_clock_uuid7(INT64_C(1645557742000) * 1000, id);
    CU_ASSERT_EQUAL(strlen(id), 36);
    CU_ASSERT_EQUAL(strncmp(id, "017f22e2-79b0-7000-", 19), 0);
    CU_ASSERT_PTR_NOT_NULL(strchr("89ab", id[19]));
    CU_ASSERT_EQUAL(id[23], '-');
}

static void uuid7s_sort_by_time_and_differ_at_one_moment(void)
{
    char before[37] = "";
    char id[37];
    int wrong = 0;
    for (int i = 0; i < 2000; i++) {
        cg_clock_uuid7(1795560511 * MICROS + i, id);
        wrong += strcmp(before, id) >= 0;
        memcpy(before, id, sizeof id);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    cg_clock_uuid7(1, before);
    cg_clock_uuid7(1, id);
    CU_ASSERT_STRING_NOT_EQUAL(before, id);
}

static void monotonic_time_does_not_go_back(void)
{
    apr_time_t before = cg_clock_monotonic();
    for (int i = 0; i < 1000; i++) {
        apr_time_t now = cg_clock_monotonic();
        CU_ASSERT_TRUE(now >= before);
        before = now;
    }
    CU_ASSERT_TRUE(cg_clock_now() > 1700000000 * MICROS);
}

CU_TestInfo test_base_clock[] = {
    {"moments_are_written_with_milliseconds",
     moments_are_written_with_milliseconds},
    {"moments_without_a_four_digit_year_go_to_the_nearest",
     moments_without_a_four_digit_year_go_to_the_nearest},
    {"every_day_agrees_with_the_c_library",
     every_day_agrees_with_the_c_library},
    {"all_forms_of_rfc3339_are_read", all_forms_of_rfc3339_are_read},
    {"other_text_is_refused", other_text_is_refused},
    {"month_is_year_and_month", month_is_year_and_month},
    {"uuid7_begins_with_its_millisecond", uuid7_begins_with_its_millisecond},
    {"uuid7s_sort_by_time_and_differ_at_one_moment",
     uuid7s_sort_by_time_and_differ_at_one_moment},
    {"monotonic_time_does_not_go_back", monotonic_time_does_not_go_back},
    CU_TEST_INFO_NULL,
};
