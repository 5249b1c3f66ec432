/* The forecast, on made courses of use: what is told, and what is not.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/forecast.h"

#include <math.h>

#include <CUnit/CUnit.h>

#define HOUR apr_time_from_sec(3600)
#define DAY (24 * HOUR)
#define MONTH (30 * DAY)
#define START (INT64_C(20700) * DAY)
#define AMOUNT 1000000

static cg_burn_point_t points[CG_BURN_POINTS_MAX];

/* Hourly points of a month's budget, of the eight days before now. */
static size_t course(double (*used)(double day), double now_day)
{
    size_t count = 0;
    double first = now_day > 8 ? now_day - 8 : 0;
    for (double at = first; at < now_day; at += 1.0 / 24) {
        points[count++] =
            (cg_burn_point_t){START + (apr_time_t)(at * (double)DAY),
                              (int64_t)(used(at) * AMOUNT)};
    }
    points[count++] =
        (cg_burn_point_t){START + (apr_time_t)(now_day * (double)DAY),
                          (int64_t)(used(now_day) * AMOUNT)};
    return count;
}

static bool foresees(double (*used)(double day), double now_day, double *at_day)
{
    cg_forecast_t forecast;
    size_t count = course(used, now_day);
    cg_forecast(points, count, START, START + MONTH, AMOUNT, &forecast);
    *at_day = (double)(forecast.end - START) / (double)DAY;
    return forecast.is_told;
}

static double even(double day)
{
    return day / 20; /* used up on day 20 */
}

static double thrifty(double day)
{
    return day / 31; /* not used up in this month */
}

/* Only by day, and not on weekends; the month begins on a Monday. */
static double work(double day, double a_day)
{
    double whole = floor(day), part = day - whole;
    double weeks = floor(whole / 7);
    double days = whole - 7 * weeks;
    double done = weeks * 5 + (days < 5 ? days : 5);
    double today = days < 5 ? fmin(fmax((part - 1.0 / 3) * 2, 0), 1) : 0;
    return (done + today) * a_day;
}

static double workdays(double day)
{
    return work(day, 1.0 / 24); /* of 22 workdays */
}

static double many_workdays(double day)
{
    return work(day, 1.0 / 16);
}

static double burst(double day)
{
    return day / 45 + (day > 9.5 ? 0.3 : 0);
}

static double runaway(double day)
{
    return day / 60 + (day > 10 ? (day - 10) * 0.5 : 0);
}

static void an_even_course_is_foreseen_to_the_day(void)
{
    double at;
    CU_ASSERT(foresees(even, 9, &at));
    CU_ASSERT_DOUBLE_EQUAL(at, 20, 0.5);
    CU_ASSERT(foresees(even, 15, &at));
    CU_ASSERT_DOUBLE_EQUAL(at, 20, 0.5);
}

static void what_lasts_to_the_end_is_not_told(void)
{
    double at;
    for (double day = 1; day < 30; day += 0.25) {
        CU_ASSERT_FALSE(foresees(thrifty, day, &at));
    }
}

static void nights_and_weekends_mislead_nobody(void)
{
    double at;
    for (double day = 7.2; day < 29; day += 0.125) {
        CU_ASSERT_FALSE(foresees(workdays, day, &at));
    }
    int told = 0, asked = 0;
    for (double day = 9; day < 19; day += 0.125, asked++) {
        told += foresees(many_workdays, day, &at);
    }
    CU_ASSERT(told * 10 >= asked * 9);
}

static void one_burst_is_no_course(void)
{
    double at;
    for (double day = 10.75; day < 20; day += 0.25) {
        CU_ASSERT_FALSE(foresees(burst, day, &at));
    }
}

static void what_would_end_it_within_two_days_is_told_at_once(void)
{
    double at;
    CU_ASSERT(foresees(runaway, 11, &at));
    CU_ASSERT(at < 12.5);
}

static bool is_told(size_t count, int64_t amount)
{
    cg_forecast_t forecast;
    cg_forecast(points, count, START, START + MONTH, amount, &forecast);
    return forecast.is_told;
}

static void little_known_or_little_used_tells_nothing(void)
{
    size_t count = course(even, 0.5);
    CU_ASSERT_FALSE(is_told(count, AMOUNT));
    CU_ASSERT_FALSE(is_told(1, AMOUNT));
    CU_ASSERT_FALSE(is_told(count, 0));
    count = course(even, 25); /* beyond its end */
    CU_ASSERT_FALSE(is_told(count, AMOUNT));
}

static void what_is_shown_is_the_rate_that_would_be_told(void)
{
    cg_forecast_t forecast;
    /* Half a day is known, and is all of a day. */
    size_t count = course(even, 0.5);
    cg_forecast(points, count, START, START + MONTH, AMOUNT, &forecast);
    CU_ASSERT_DOUBLE_EQUAL(forecast.rate_per_day, AMOUNT / 40.0, 100);
    /* Two days are known: shown, not told. */
    count = course(even, 2);
    cg_forecast(points, count, START, START + MONTH, AMOUNT, &forecast);
    CU_ASSERT_FALSE(forecast.is_told);
    CU_ASSERT_DOUBLE_EQUAL(forecast.rate_per_day, AMOUNT / 20.0, 100);
    CU_ASSERT_DOUBLE_EQUAL((double)(forecast.end - START) / (double)DAY, 20,
                           0.1);
    /* It lasts: the date lies after the period. */
    count = course(thrifty, 15);
    cg_forecast(points, count, START, START + MONTH, AMOUNT, &forecast);
    CU_ASSERT_FALSE(forecast.is_told);
    CU_ASSERT(forecast.end > START + MONTH);
    /* One day that would use the rest up in two is the rate, for both. */
    count = course(runaway, 11);
    cg_forecast(points, count, START, START + MONTH, AMOUNT, &forecast);
    CU_ASSERT(forecast.is_told);
    CU_ASSERT_DOUBLE_EQUAL(forecast.rate_per_day, AMOUNT * (0.5 + 1 / 60.0),
                           AMOUNT / 100.0);
    cg_forecast(points, 1, START, START + MONTH, AMOUNT, &forecast);
    CU_ASSERT(forecast.end == 0 && forecast.rate_per_day == 0);
}

static void the_course_goes_on_over_the_beginning_of_a_period(void)
{
    cg_forecast_t forecast;
    size_t count = 0;
    /* A tenth a day; the period began two days ago. */
    for (int hour = -6 * 24; hour <= 48; hour += 3) {
        double used = hour < 0 ? (hour + 240) / 240.0 : hour / 240.0;
        points[count++] =
            (cg_burn_point_t){START + hour * HOUR, (int64_t)(used * AMOUNT)};
    }
    cg_forecast(points, count, START, START + MONTH, AMOUNT, &forecast);
    CU_ASSERT(forecast.is_told);
    CU_ASSERT_DOUBLE_EQUAL((double)(forecast.end - START) / (double)DAY, 10,
                           0.7);
}

static void a_day_is_foreseen_by_its_hours(void)
{
    cg_forecast_t forecast;
    size_t count = 0;
    for (int i = 0; i <= 10 * 6; i++) { /* ten hours, each ten minutes */
        points[count++] = (cg_burn_point_t){START + i * HOUR / 6,
                                            (int64_t)i * AMOUNT / (16 * 6)};
    }
    cg_forecast(points, count, START, START + DAY, AMOUNT, &forecast);
    CU_ASSERT(forecast.is_told);
    CU_ASSERT_DOUBLE_EQUAL((double)(forecast.end - START) / (double)HOUR, 16,
                           0.3);
}

CU_TestInfo test_alert_forecast[] = {
    {"an_even_course_is_foreseen_to_the_day",
     an_even_course_is_foreseen_to_the_day},
    {"what_lasts_to_the_end_is_not_told", what_lasts_to_the_end_is_not_told},
    {"nights_and_weekends_mislead_nobody", nights_and_weekends_mislead_nobody},
    {"one_burst_is_no_course", one_burst_is_no_course},
    {"what_would_end_it_within_two_days_is_told_at_once",
     what_would_end_it_within_two_days_is_told_at_once},
    {"little_known_or_little_used_tells_nothing",
     little_known_or_little_used_tells_nothing},
    {"what_is_shown_is_the_rate_that_would_be_told",
     what_is_shown_is_the_rate_that_would_be_told},
    {"the_course_goes_on_over_the_beginning_of_a_period",
     the_course_goes_on_over_the_beginning_of_a_period},
    {"a_day_is_foreseen_by_its_hours", a_day_is_foreseen_by_its_hours},
    CU_TEST_INFO_NULL,
};
