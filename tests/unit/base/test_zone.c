/* Time zones, beside what the C library says of them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/zone.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <CUnit/CUnit.h>

#include "base/zone_int.h"

#define AT(seconds) apr_time_from_sec((int64_t)(seconds))

/* The C library knows one zone at a time. */
static long of_library(const char *name, time_t at)
{
    struct tm tm;
    setenv("TZ", name, 1);
    tzset();
    localtime_r(&at, &tm);
    return tm.tm_gmtoff;
}

static const char *const names[] = {
    "Europe/Berlin",   "Europe/Dublin",       "America/New_York",
    "America/Caracas", "Australia/Lord_Howe", "Asia/Kathmandu",
    "Asia/Shanghai",   "Africa/Casablanca",   "Pacific/Apia",
    "America/Santiago"};
enum { NAMES = sizeof names / sizeof names[0] };

static void zones_agree_with_the_c_library_from_1972_to_2090(void)
{
    int differing = 0;
    for (int i = 0; i < NAMES; i++) {
        for (int64_t at = INT64_C(63072000); at < INT64_C(3786912000);
             at += 86400 * 9 + 3607) {
            cg_zone_span_t span;
            bool is_found = cg_zone_find(cg_str(names[i]), AT(at), &span);
            differing += !is_found || !span.is_known ||
                         cg_zone_ahead(&span, AT(at)) !=
                             of_library(names[i], (time_t)at);
        }
    }
    unsetenv("TZ");
    tzset();
    CU_ASSERT_EQUAL(differing, 0);
}

/* A span is kept for a day at most; here until well after its change. */
static void a_span_holds_over_its_next_change(void)
{
    int differing = 0;
    for (int i = 0; i < NAMES; i++) {
        for (int64_t at = INT64_C(1767225600); at < INT64_C(1798761600);
             at += 86400 * 5) {
            cg_zone_span_t span;
            cg_zone_find(cg_str(names[i]), AT(at), &span);
            for (int64_t later = at; later < at + 2 * 86400; later += 1800) {
                differing += cg_zone_ahead(&span, AT(later)) !=
                             of_library(names[i], (time_t)later);
            }
        }
    }
    unsetenv("TZ");
    tzset();
    CU_ASSERT_EQUAL(differing, 0);
}

static void offsets_are_zones_that_never_change(void)
{
    static const struct {
        const char *name;
        int ahead;
    } cases[] = {{"UTC", 0},           {"Z", 0},           {"+02:00", 7200},
                 {"-0530", -19800},    {"+14:00", 50400},  {"-00:00", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_zone_span_t span;
        CU_ASSERT(cg_zone_find(cg_str(cases[i].name), 0, &span));
        CU_ASSERT_EQUAL(span.ahead_seconds, cases[i].ahead);
        CU_ASSERT_EQUAL(span.changes_at, INT64_MAX);
    }
}

static void what_is_no_zone_is_not_found(void)
{
    static const char *const bad[] = {
        "",          "Nowhere/Land",   "../../etc/passwd", "/etc/localtime",
        "Europe",    "Europe/",        "Europe//Berlin",   "+25:00",
        "+02:60",    "+2",             "02:00",            "Europe/Berlin ",
        "zone.tab",  "Europe/../UTC",  "+0a:00",           "+02-00"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cg_zone_span_t span;
        CU_ASSERT_FALSE(cg_zone_find(cg_str(bad[i]), AT(1767225600), &span));
        CU_ASSERT_FALSE(span.is_known);
    }
}

static void rules_are_read_as_posix_writes_them(void)
{
    static const struct {
        const char *rule;
        int64_t at;
        int ahead, then;
        int64_t changes;
    } cases[] = {
        /* 2026-03-29 01:00 UTC and 2026-10-25 01:00 UTC */
        {"CET-1CEST,M3.5.0,M10.5.0/3", 1774745999, 3600, 7200, 1774746000},
        {"CET-1CEST,M3.5.0,M10.5.0/3", 1774746000, 7200, 3600, 1792890000},
        {"<+0330>-3:30", 1774746000, 12600, 12600, INT64_MAX / 1000000},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", 1767225600, 39600, 36000, 1775318400},
        /* Day 60 of the year is the 1st of March, leap year or not. */
        {"AAA0BBB,J60/0,J300/0", 1709251199, 0, 3600, 1709251200},
        {"AAA0BBB,59/0,J300/0", 1709164799, 0, 3600, 1709164800},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_zone_span_t span;
        CU_ASSERT(cg_zone_rule(cg_str(cases[i].rule), cases[i].at, &span));
        CU_ASSERT_EQUAL(span.ahead_seconds, cases[i].ahead);
        CU_ASSERT_EQUAL(span.then_seconds, cases[i].then);
        CU_ASSERT_EQUAL(span.changes_at / 1000000, cases[i].changes);
    }
    static const char *const bad[] = {
        "",  "CET", "C-1", "CET-1CEST", "CET-1CEST,M13.1.0,M10.5.0",
        "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,M10.5.0/3 ", "<CET-1", "CET-999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cg_zone_span_t span;
        CU_ASSERT_FALSE(cg_zone_rule(cg_str(bad[i]), 0, &span));
    }
}

/* Every cut and every changed byte of a file: no answer is fine, a crash is
 * not. */
static void damaged_zones_are_read_without_harm(void)
{
    unsigned char bytes[300] = "TZif2";
    bytes[20 + 19] = 1; /* one type */
    cg_zone_span_t span;
    memcpy(bytes + 50, "TZif2", 5);
    bytes[50 + 20 + 19] = 1;
    memcpy(bytes + 100, "\nUTC0\n", 6);
    CU_ASSERT(cg_zone_read(bytes, 106, 0, &span));
    for (size_t len = 0; len < 106; len++) {
        CU_ASSERT_FALSE(cg_zone_read(bytes, len, 0, &span));
    }
    for (size_t i = 0; i < 106; i++) {
        for (int value = 0; value < 256; value += 15) {
            unsigned char before = bytes[i];
            bytes[i] = (unsigned char)value;
            cg_zone_read(bytes, 106, AT(1767225600), &span);
            bytes[i] = before;
        }
    }
}

CU_TestInfo test_base_zone[] = {
    {"zones_agree_with_the_c_library_from_1972_to_2090",
     zones_agree_with_the_c_library_from_1972_to_2090},
    {"a_span_holds_over_its_next_change", a_span_holds_over_its_next_change},
    {"offsets_are_zones_that_never_change",
     offsets_are_zones_that_never_change},
    {"what_is_no_zone_is_not_found", what_is_no_zone_is_not_found},
    {"rules_are_read_as_posix_writes_them",
     rules_are_read_as_posix_writes_them},
    {"damaged_zones_are_read_without_harm",
     damaged_zones_are_read_without_harm},
    CU_TEST_INFO_NULL,
};
