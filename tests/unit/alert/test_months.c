/* How often unusual use is told wrongly, and how often it is found: on months that a
 * generator makes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The figures stand in docs/manual/alerts.md; here they are bounds. CG_MONTHS=1
 * prints them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "months.h"

#define SEED UINT64_C(20261124)
#define WEEKS 16
#define SUBJECTS (4 * HABIT_COUNT)
#define HARM_FROM_DAY 50
#define TOLD_FOR 24       /* hours in which it is told once */
#define TOLD_WEEK_FOR 168 /* of what is seen over a week */

static const cg_unusual_rule_t rule = {CG_UNUSUAL_ALERT, 2.5, 20000, 1000000,
                                       30};

/* One subject's months so far. */
typedef struct life_t {
    subject_t subject;
    cg_baseline_t baseline;
    int64_t told_at[CG_PATTERN_COUNT]; /* hours of the last alerts */
} life_t;

/* Judges and learns one hour; true: somebody is told. */
static bool live(life_t *life, int64_t hour, const cg_use_sums_t *sums,
                 cg_finding_of_use_t *out)
{
    cg_bounds_t bounds = {.is_judged = false};
    cg_finding_of_use_t found[CG_FINDINGS_OF_USE_MAX];
    if (sums->of[CG_USE_REQUESTS] == 0) {
        return false; /* nothing is written for an hour without requests */
    }
    cg_baseline_bounds(&life->baseline, hour, &rule, &bounds);
    size_t count = cg_baseline_judge(&bounds, sums, &rule, found);
    cg_baseline_learn(&life->baseline, hour, sums, &bounds);
    for (size_t i = 0; i < count; i++) {
        int64_t *told_at = &life->told_at[found[i].pattern];
        bool is_week = found[i].pattern == CG_PATTERN_WEEK;
        if (found[i].pattern <= CG_PATTERN_DAY) {
            told_at = &life->told_at[CG_PATTERN_HOUR];
        }
        if (hour - *told_at >= (is_week ? TOLD_WEEK_FOR : TOLD_FOR)) {
            *told_at = hour;
            *out = found[i];
            return true;
        }
    }
    return false;
}

typedef struct figures_t {
    int months; /* of subjects */
    int false_alarms;
    int by_habit[HABIT_COUNT];
    int tried[HARM_COUNT];
    int nights_tried, nights_found; /* stolen keys of who sleeps at night */
    int found[HARM_COUNT];
    int64_t hours[HARM_COUNT]; /* until it was found, together */
} figures_t;

static bool sleeps(habit_t habit)
{
    return habit == HABIT_OFFICE || habit == HABIT_DEVELOPER ||
           habit == HABIT_MONTHLY || habit == HABIT_NEW;
}

static void suffer(const life_t *before, harm_t harm, int64_t day,
                   figures_t *figures)
{
    life_t life = *before;
    cg_finding_of_use_t finding;
    int64_t start = harm_start(&life.subject, harm, day);
    bool is_found = false;
    memset(life.told_at, 0, sizeof life.told_at);
    for (int64_t hour = FIRST_HOUR + 24 * day; hour < start; hour++) {
        cg_use_sums_t sums = subject_hour(&life.subject, hour);
        live(&life, hour, &sums, &finding);
    }
    memset(life.told_at, 0, sizeof life.told_at);
    bool is_night = harm == HARM_STOLEN_NIGHT && sleeps(life.subject.habit);
    figures->tried[harm]++;
    figures->nights_tried += is_night;
    for (int64_t hour = start; !is_found; hour++) {
        cg_use_sums_t sums = subject_hour(&life.subject, hour);
        if (!harm_hour(&life.subject, harm, start, hour, &sums)) {
            break;
        }
        is_found = live(&life, hour, &sums, &finding);
        if (is_found) {
            figures->found[harm]++;
            figures->nights_found += is_night;
            figures->hours[harm] += hour - start + 1;
        }
    }
    if (!is_found && getenv("CG_MONTHS")) {
        printf("  harm %d not found, habit %d\n", (int)harm,
               (int)life.subject.habit);
    }
}

static void live_all(uint64_t seed, figures_t *figures)
{
    bool is_told = getenv("CG_MONTHS") != NULL;
    for (int i = 0; i < SUBJECTS; i++) {
        life_t life = {.subject = subject_make(seed, i)};
        int64_t end = FIRST_HOUR + WEEKS * 168;
        int64_t harm_at = FIRST_HOUR + 24 * (HARM_FROM_DAY + 5 * (i / 8));
        for (int64_t hour = FIRST_HOUR; hour < end; hour++) {
            cg_finding_of_use_t finding;
            cg_use_sums_t sums = subject_hour(&life.subject, hour);
            for (int harm = 1; hour == harm_at && harm < HARM_COUNT; harm++) {
                suffer(&life, (harm_t)harm, (hour - FIRST_HOUR) / 24, figures);
            }
            if (live(&life, hour, &sums, &finding)) {
                figures->false_alarms++;
                figures->by_habit[life.subject.habit]++;
                if (is_told) {
                    printf("  habit %d day %d %s %s %lld usual %lld\n",
                           (int)life.subject.habit,
                           (int)((hour - FIRST_HOUR) / 24),
                           cg_pattern_name(finding.pattern),
                           finding.use == CG_USE_TOKENS ? "tokens" : "other",
                           (long long)finding.used, (long long)finding.usual);
                }
            }
        }
        figures->months += WEEKS * 168 / MONTH_HOURS;
    }
    for (int harm = 1; is_told && harm < HARM_COUNT; harm++) {
        printf("  harm %d: %d of %d, %.1f hours\n", harm, figures->found[harm],
               figures->tried[harm],
               figures->found[harm]
                   ? (double)figures->hours[harm] / figures->found[harm]
                   : 0);
    }
    if (is_told) {
        printf("  of who sleeps at night: %d of %d\n", figures->nights_found,
               figures->nights_tried);
        printf("  false alarms: %d in %d months\n", figures->false_alarms,
               figures->months);
    }
}

static bool finds(const figures_t *figures, harm_t harm, int percent)
{
    return figures->found[harm] * 100 >= percent * figures->tried[harm];
}

static void quiet_months_are_quiet_and_harms_are_found(void)
{
    figures_t figures = {.months = 0};
    live_all(SEED, &figures);
    CU_ASSERT_EQUAL(figures.months, SUBJECTS * 3);
    CU_ASSERT(figures.false_alarms * 100 <= 13 * figures.months);
    CU_ASSERT(figures.nights_found * 100 >= 80 * figures.nights_tried);
    CU_ASSERT(finds(&figures, HARM_STOLEN_NIGHT, 60));
    CU_ASSERT(finds(&figures, HARM_RUNAWAY, 90));
    CU_ASSERT(finds(&figures, HARM_LEAK, 75));
    CU_ASSERT(finds(&figures, HARM_ERRORS, 75));
    CU_ASSERT(finds(&figures, HARM_SCRAPING, 95));
}

CU_TestInfo test_alert_months[] = {
    {"quiet_months_are_quiet_and_harms_are_found",
     quiet_months_are_quiet_and_harms_are_found},
    CU_TEST_INFO_NULL,
};
