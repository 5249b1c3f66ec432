/* Calendar periods: their borders where clocks are changed, and their names.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/clock.h"
#include "base/zone.h"
#include "quota/calendar.h"

#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)

static cg_limit_t limit_of(const char *text)
{
    cg_limit_t limit = {0};
    cg_error_t err = {.text = ""};
    if (!cg_limit_parse(cg_str(text), &limit, &err)) {
        fprintf(stderr, "%s: %s\n", text, err.text);
        CU_FAIL_FATAL("a limit is not read");
    }
    return limit;
}

static apr_time_t moment(const char *text)
{
    apr_time_t at = 0;
    CU_ASSERT_FATAL(cg_clock_parse_rfc3339(cg_str(text), &at));
    return at;
}

/* The borders are those that a calendar on the wall shows. */
static const struct border_t {
    const char *limit;
    const char *now;
    const char *from, *stop;
    const char *name;
} borders[] = {
    {"1/day", "2026-11-25T13:00:00Z", "2026-11-25T00:00:00Z",
     "2026-11-26T00:00:00Z", "2026-11-25"},
    {"1/month", "2026-02-28T23:59:59Z", "2026-02-01T00:00:00Z",
     "2026-03-01T00:00:00Z", "2026-02"},
    {"1/month", "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z",
     "2028-03-01T00:00:00Z", "2028-02"},
    {"1/year", "2026-12-31T23:59:59Z", "2026-01-01T00:00:00Z",
     "2027-01-01T00:00:00Z", "2026-01-01y"},
    {"1/week", "2026-11-25T13:00:00Z", "2026-11-23T00:00:00Z",
     "2026-11-30T00:00:00Z", "2026-11-23w"},
    {"1/week start=sun", "2026-11-25T13:00:00Z", "2026-11-22T00:00:00Z",
     "2026-11-29T00:00:00Z", "2026-11-22w"},
    {"1/week start=wed", "2026-11-25T00:00:00Z", "2026-11-25T00:00:00Z",
     "2026-12-02T00:00:00Z", "2026-11-25w"},
    {"1/month start=15", "2026-11-14T23:00:00Z", "2026-10-15T00:00:00Z",
     "2026-11-15T00:00:00Z", "2026-10-15m"},
    {"1/month start=15", "2026-01-03T00:00:00Z", "2025-12-15T00:00:00Z",
     "2026-01-15T00:00:00Z", "2025-12-15m"},
    {"1/year start=04-06", "2026-04-05T12:00:00Z", "2025-04-06T00:00:00Z",
     "2026-04-06T00:00:00Z", "2025-04-06y"},
    {"1/year start=10-01 tz=America/New_York", "2026-11-25T13:00:00Z",
     "2026-10-01T04:00:00Z", "2027-10-01T04:00:00Z",
     "2026-10-01y@America/New_York"},
    /* Clocks put forward and back: days of 23 and 25 hours. */
    {"1/day tz=Europe/Berlin", "2026-03-29T10:00:00Z", "2026-03-28T23:00:00Z",
     "2026-03-29T22:00:00Z", "2026-03-29@Europe/Berlin"},
    {"1/day tz=Europe/Berlin", "2026-10-25T10:00:00Z", "2026-10-24T22:00:00Z",
     "2026-10-25T23:00:00Z", "2026-10-25@Europe/Berlin"},
    {"1/month tz=Europe/Berlin", "2026-10-31T23:30:00Z", "2026-10-31T23:00:00Z",
     "2026-11-30T23:00:00Z", "2026-11@Europe/Berlin"},
    {"1/month tz=Europe/Berlin", "2026-03-31T21:59:59Z", "2026-02-28T23:00:00Z",
     "2026-03-31T22:00:00Z", "2026-03@Europe/Berlin"},
    {"1/day tz=America/New_York", "2026-03-08T12:00:00Z",
     "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z",
     "2026-03-08@America/New_York"},
    /* Midnight itself is left out: the day begins at one. */
    {"1/day tz=America/Santiago", "2026-09-06T12:00:00Z",
     "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z",
     "2026-09-06@America/Santiago"},
    {"1/day tz=Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z",
     "2026-04-24T21:00:00Z", "2026-04-24@Africa/Cairo"},
    /* Midnight comes twice: at 24:00 clocks go back to 23:00. */
    {"1/day tz=America/Santiago", "2026-04-05T03:30:00Z",
     "2026-04-04T03:00:00Z", "2026-04-05T04:00:00Z",
     "2026-04-04@America/Santiago"},
    {"1/day tz=America/Havana", "2026-11-01T05:30:00Z", "2026-11-01T04:00:00Z",
     "2026-11-02T05:00:00Z", "2026-11-01@America/Havana"},
    {"1/day tz=+05:30", "2026-11-25T18:30:00Z", "2026-11-25T18:30:00Z",
     "2026-11-26T18:30:00Z", "2026-11-26@+05:30"},
    {"1/day tz=Pacific/Kiritimati", "2026-11-25T13:00:00Z",
     "2026-11-25T10:00:00Z", "2026-11-26T10:00:00Z",
     "2026-11-26@Pacific/Kiritimati"},
    {"1/day tz=Asia/Kathmandu", "2026-11-25T18:14:59Z", "2026-11-24T18:15:00Z",
     "2026-11-25T18:15:00Z", "2026-11-25@Asia/Kathmandu"},
};

static void calendar_borders_are_those_on_the_wall(void)
{
    for (size_t i = 0; i < sizeof borders / sizeof borders[0]; i++) {
        cg_limit_t limit = limit_of(borders[i].limit);
        cg_period_t period;
        cg_calendar_find(NULL, &limit, moment(borders[i].now), &period);
        bool is_right = period.from == moment(borders[i].from) &&
                        period.stop == moment(borders[i].stop) &&
                        strcmp(period.name, borders[i].name) == 0;
        if (!is_right) {
            char from[25], stop[25];
            cg_clock_rfc3339(period.from, from);
            cg_clock_rfc3339(period.stop, stop);
            fprintf(stderr, "%s at %s: %s to %s, %s\n", borders[i].limit,
                    borders[i].now, from, stop, period.name);
        }
        CU_ASSERT(is_right);
    }
}

/* A day that was left out: Samoa went over the date line. */
static void calendar_has_no_day_that_was_left_out(void)
{
    cg_limit_t limit = limit_of("1/day tz=Pacific/Apia");
    cg_period_t period;
    cg_calendar_find(NULL, &limit, moment("2011-12-30T09:59:59Z"), &period);
    CU_ASSERT_EQUAL(period.stop, moment("2011-12-30T10:00:00Z"));
    cg_calendar_find(NULL, &limit, moment("2011-12-30T10:00:00Z"), &period);
    CU_ASSERT_EQUAL(period.from, moment("2011-12-30T10:00:00Z"));
    CU_ASSERT_EQUAL(period.stop, moment("2011-12-31T10:00:00Z"));
}

static const char *const zones[] = {
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Santiago",
    "America/Havana",
    "America/St_Johns",
    "America/Asuncion",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Antarctica/Troll",
};

/* One after the other, without gap or overlap, each begins where clocks first show
 * its first day. */
static void walk(const char *text, apr_time_t from, apr_time_t until)
{
    cg_limit_t limit = limit_of(text);
    cg_period_t period, again, next;
    cg_calendar_find(NULL, &limit, from, &period);
    CU_ASSERT(period.from <= from && from < period.stop);
    while (period.stop < until) {
        cg_calendar_find(NULL, &limit, period.stop, &next);
        cg_calendar_find(NULL, &limit, period.stop - 1, &again);
        bool is_right = next.from == period.stop && next.stop > next.from &&
                        again.from == period.from &&
                        again.stop == period.stop &&
                        strcmp(again.name, period.name) == 0 &&
                        strcmp(next.name, period.name) > 0;
        if (!is_right) {
            fprintf(stderr, "%s: %s, %s\n", text, period.name, next.name);
            CU_FAIL("periods do not follow each other");
            return;
        }
        period = next;
    }
}

static void calendar_periods_follow_each_other_in_every_zone(void)
{
    static const char *const kinds[] = {
        "1/day", "1/week start=thu", "1/month start=28", "1/year start=03-29"};
    for (size_t z = 0; z < sizeof zones / sizeof zones[0]; z++) {
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            char text[80];
            snprintf(text, sizeof text, "%s tz=%s", kinds[k], zones[z]);
            walk(text, moment("2006-01-01T00:00:00Z"),
                 moment(k == 0 ? "2012-06-01T00:00:00Z"
                               : "2040-01-01T00:00:00Z"));
            walk(text, moment("2025-09-01T00:00:00Z"),
                 moment("2027-06-01T00:00:00Z"));
        }
    }
}

static void calendar_day_at_any_moment_is_the_one_clocks_show(void)
{
    srand(4);
    for (size_t z = 0; z < sizeof zones / sizeof zones[0]; z++) {
        char text[80];
        snprintf(text, sizeof text, "1/day tz=%s", zones[z]);
        cg_limit_t limit = limit_of(text);
        for (int i = 0; i < 400; i++) {
            apr_time_t at = moment("2015-01-01T00:00:00Z") +
                            (int64_t)(rand() % 5000) * DAY +
                            (int64_t)(rand() % 86400) * SECOND;
            cg_zone_span_t span;
            cg_period_t period;
            char shown[25];
            cg_calendar_find(NULL, &limit, at, &period);
            CU_ASSERT_FATAL(cg_zone_find(cg_str(zones[z]), at, &span));
            cg_clock_rfc3339(at + cg_zone_ahead(&span, at) * SECOND, shown);
            CU_ASSERT(period.from <= at && at < period.stop);
            /* Only in an hour that comes twice may the day be over already. */
            if (strncmp(shown, period.name, 10) != 0) {
                CU_ASSERT(at - period.from < 7200 * SECOND);
            }
        }
    }
}

static void calendar_remembers_without_mixing_up(void)
{
    static const char *const texts[] = {
        "1/day",           "1/day tz=Europe/Berlin", "1/month",
        "1/month start=2", "1/year start=02-01",     "1/week start=tue"};
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    void *memory = NULL;
    CU_ASSERT_EQUAL_FATAL(posix_memalign(&memory, 64, cg_calendar_bytes()), 0);
    memset(memory, 0, cg_calendar_bytes());
    cg_cache_t *cache = cg_calendar_attach(memory, pool);
    for (int i = 0; i < 2000; i++) {
        cg_limit_t limit = limit_of(texts[i % 6]);
        apr_time_t at =
            moment("2026-01-01T00:00:00Z") + (int64_t)i * 7 * 3600 * SECOND;
        cg_period_t remembered, found;
        cg_calendar_find(cache, &limit, at, &remembered);
        cg_calendar_find(NULL, &limit, at, &found);
        CU_ASSERT_EQUAL(memcmp(&remembered, &found, sizeof found), 0);
    }
    free(memory);
    apr_pool_destroy(pool);
}

CU_TestInfo test_quota_calendar[] = {
    {"calendar_borders_are_those_on_the_wall",
     calendar_borders_are_those_on_the_wall},
    {"calendar_has_no_day_that_was_left_out",
     calendar_has_no_day_that_was_left_out},
    {"calendar_periods_follow_each_other_in_every_zone",
     calendar_periods_follow_each_other_in_every_zone},
    {"calendar_day_at_any_moment_is_the_one_clocks_show",
     calendar_day_at_any_moment_is_the_one_clocks_show},
    {"calendar_remembers_without_mixing_up",
     calendar_remembers_without_mixing_up},
    CU_TEST_INFO_NULL,
};
