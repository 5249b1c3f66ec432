/* Synthetic months: what keys and teams of a company use, hour by hour, and what
 * thieves and faults add to it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The same seed gives the same months. Not drawn from any of the detector's own
 * numbers: levels are lognormal, habits differ from subject to subject.
 */
#ifndef CG_TESTS_MONTHS_H
#define CG_TESTS_MONTHS_H

#include "alert/baseline.h"

/* How a subject works: name, what it is. */
typedef enum habit_t {
    HABIT_OFFICE,    /* a team, workdays, lunch, some evenings */
    HABIT_DEVELOPER, /* one person: bursts of work, late nights now and then */
    HABIT_CUSTOMERS, /* a service used day and night, growing */
    HABIT_BATCH,     /* nightly, and more on Sundays */
    HABIT_MONTHLY,   /* an office team with a job on the first of a month */
    HABIT_BUILDS,    /* machines that build at any time of workdays */
    HABIT_SELDOM,    /* a few times a week */
    HABIT_NEW,       /* an office team that begins in the sixth week */
    HABIT_COUNT
} habit_t;

typedef enum harm_t {
    HARM_NONE,
    HARM_STOLEN_NIGHT, /* a stolen key, used for hours at night */
    HARM_RUNAWAY,      /* a loop that calls again and again by day */
    HARM_LEAK,     /* somebody uses a part of it day and night, for a week */
    HARM_ERRORS,   /* most requests fail for some hours */
    HARM_SCRAPING, /* what is not allowed is tried again and again */
    HARM_COUNT
} harm_t;

typedef struct subject_t {
    uint64_t seed;
    habit_t habit;
    bool is_chinese; /* its holidays and clock */
    double level;    /* tokens of a busy hour */
    double noise;
    double growth; /* a week */
    double errors, refusals;
} subject_t;

#define MONTH_HOURS (30 * 24)
/* Monday, 31 August 2026, 00:00 UTC: the weeks from here on have the Mid-Autumn and
 * National Day holidays, two working weekends, and Christmas. */
#define FIRST_HOUR INT64_C(496704)

subject_t subject_make(uint64_t seed, int index);
/* What it uses in an hour, by itself. */
cg_use_sums_t subject_hour(const subject_t *subject, int64_t hour);
/* Adds what a harm that began at start does in this hour; false when it does
 * nothing then. */
bool harm_hour(const subject_t *subject, harm_t harm, int64_t start,
               int64_t hour, cg_use_sums_t *sums);
/* The hour at which a harm of this subject begins, on or after day. */
int64_t harm_start(const subject_t *subject, harm_t harm, int64_t day);

#endif
