/* Synthetic months: what keys and teams use, and what thieves and faults add.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "months.h"

#include <math.h>

#define DAYS_FROM(hour) (((hour)-FIRST_HOUR) / 24)

/* A number of 64 bits that depends on all of these: no state, so that any hour can
 * be asked for by itself. */
static uint64_t mix(uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t x = seed ^ (a * UINT64_C(0x9e3779b97f4a7c15)) ^
                 (b * UINT64_C(0xc2b2ae3d27d4eb4f));
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static double uniform(uint64_t seed, int64_t a, int64_t b)
{
    return ((double)(mix(seed, (uint64_t)a, (uint64_t)b) >> 11) + 0.5) /
           9007199254740992.0;
}

static double normal(uint64_t seed, int64_t a, int64_t b)
{
    double u = uniform(seed, a, 2 * b), v = uniform(seed, a, 2 * b + 1);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static double from_to(double low, double high, double u)
{
    return low * pow(high / low, u);
}

enum {
    DRAW_LEVEL = 1,
    DRAW_NOISE,
    DRAW_GROWTH,
    DRAW_ERRORS,
    DRAW_REFUSALS,
    DRAW_HOUR,
    DRAW_BURST,
    DRAW_BURST_SIZE,
    DRAW_NIGHT,
    DRAW_ABSENT,
    DRAW_SELDOM,
    DRAW_BUILD,
    DRAW_FAIL,
    DRAW_LIMITED,
    DRAW_STEP,
    DRAW_HARM,
    DRAW_HARM_SIZE
};

subject_t subject_make(uint64_t seed, int index)
{
    uint64_t own = mix(seed, (uint64_t)index, 77);
    subject_t subject = {.seed = own,
                         .habit = (habit_t)(index % HABIT_COUNT),
                         .is_chinese = index / HABIT_COUNT % 2 == 0};
    subject.level = from_to(20000, 3000000, uniform(own, DRAW_LEVEL, 0));
    subject.noise = 0.25 + 0.4 * uniform(own, DRAW_NOISE, 0);
    subject.growth = 0.08 * uniform(own, DRAW_GROWTH, 0);
    subject.errors = 0.002 + 0.03 * uniform(own, DRAW_ERRORS, 0);
    subject.refusals = 0.06 * pow(uniform(own, DRAW_REFUSALS, 0), 2);
    return subject;
}

/* ---- the calendar ---------------------------------------------------------- */

/* Days since 31 August 2026. */
static bool is_holiday(bool is_chinese, int64_t day)
{
    bool is_autumn = day >= 25 && day <= 27;   /* 25 to 27 September */
    bool is_national = day >= 31 && day <= 37; /* 1 to 7 October */
    bool is_christmas = day >= 115 && day <= 124;
    return is_chinese ? is_autumn || is_national
                      : is_christmas || day == 33 || day == 62;
}

/* Weekends on which China works for its holidays. */
static bool is_workday(bool is_chinese, int64_t day)
{
    bool is_weekend = day % 7 >= 5;
    bool is_made_up = is_chinese && (day == 20 || day == 40);
    return (!is_weekend || is_made_up) && !is_holiday(is_chinese, day);
}

/* The part of a busy hour that people are at work. */
static double office(int clock)
{
    static const double by_clock[24] = {
        0,   0,   0, 0, 0,   0,    0.02, 0.1, 0.6, 0.9,  1,    0.9,
        0.4, 0.8, 1, 1, 0.9, 0.75, 0.4,  0.2, 0.1, 0.05, 0.01, 0};
    return by_clock[clock];
}

/* People who use a service at any time. */
static double anybody(int clock)
{
    return 0.35 +
           0.65 * (0.5 - 0.5 * cos((clock - 3) * 6.283185307179586 / 24));
}

/* ---- one hour ---------------------------------------------------------------- */

static double bursts(const subject_t *subject, int64_t day, int clock)
{
    uint64_t seed = subject->seed;
    if (uniform(seed, DRAW_BURST, day) > 0.05) {
        return 1;
    }
    int from = 9 + (int)(6 * uniform(seed, DRAW_BURST_SIZE, 3 * day));
    int hours = 1 + (int)(3 * uniform(seed, DRAW_BURST_SIZE, 3 * day + 1));
    double size = 1.5 + 2 * uniform(seed, DRAW_BURST_SIZE, 3 * day + 2);
    return clock >= from && clock < from + hours ? size : 1;
}

/* Some nights somebody stays. */
static double late(const subject_t *subject, int64_t day, int clock)
{
    double u = uniform(subject->seed, DRAW_NIGHT, day);
    return u < 0.015 && (clock >= 20 || clock <= 1) ? 0.35 : 0;
}

static double at_work(const subject_t *subject, int64_t day, int clock)
{
    double part = office(clock);
    if (!is_workday(subject->is_chinese, day)) {
        return 0.02 * part;
    }
    return (part + late(subject, day, clock)) * bursts(subject, day, clock);
}

static double part_of(const subject_t *subject, int64_t day, int clock)
{
    uint64_t seed = subject->seed;
    bool is_work = is_workday(subject->is_chinese, day);
    int64_t hour = 24 * day + clock;
    switch (subject->habit) {
    case HABIT_DEVELOPER:
        if (uniform(seed, DRAW_ABSENT, day) < 0.12 ||
            uniform(seed, DRAW_ABSENT, 1000 + hour) < 0.3) {
            return 0;
        }
        return at_work(subject, day, clock);
    case HABIT_CUSTOMERS:
        return anybody(clock) *
               (is_holiday(subject->is_chinese, day) ? 1.3 : 1);
    case HABIT_BATCH:
        return clock == 2 || clock == 3 ? 1 + 3.0 * (day % 7 == 6)
                                        : 0.03 * anybody(clock);
    case HABIT_MONTHLY: {
        bool is_first = day == 1 || day == 31 || day == 62 || day == 92;
        return at_work(subject, day, clock) +
               (is_first && clock >= 1 && clock <= 3 ? 2.5 : 0);
    }
    case HABIT_BUILDS:
        return is_work && uniform(seed, DRAW_BUILD, hour) < 0.5 ? 1 : 0.01;
    case HABIT_SELDOM: {
        double often = 0.06 * office(clock) * (is_work ? 1 : 0.2) + 0.003;
        return uniform(seed, DRAW_SELDOM, hour) < often ? 1 : 0;
    }
    case HABIT_NEW:
        return day < 38 ? 0 : at_work(subject, day, clock);
    default:
        return at_work(subject, day, clock);
    }
}

static void add(cg_use_sums_t *sums, double tokens, double errors,
                double refusals)
{
    int64_t requests = (int64_t)(tokens / 1500 + 0.5);
    requests = requests < 1 && tokens > 0 ? 1 : requests;
    sums->of[CG_USE_TOKENS] += (int64_t)tokens;
    sums->of[CG_USE_MICROS] += (int64_t)(tokens * 2.5);
    sums->of[CG_USE_REQUESTS] += requests + (int64_t)refusals;
    sums->of[CG_USE_ERRORS] += (int64_t)((double)requests * errors);
    sums->of[CG_USE_REFUSALS] += (int64_t)refusals;
}

static int clock_of(const subject_t *subject, int64_t hour, int64_t *day)
{
    int64_t local = hour - FIRST_HOUR + (subject->is_chinese ? 8 : 1);
    *day = local / 24;
    return (int)(local % 24);
}

cg_use_sums_t subject_hour(const subject_t *subject, int64_t hour)
{
    cg_use_sums_t sums = {{0}};
    uint64_t seed = subject->seed;
    int64_t day;
    int clock = clock_of(subject, hour, &day);
    double part = part_of(subject, day, clock);
    double grown = pow(1 + subject->growth, (double)day / 7);
    /* A third of the subjects win colleagues at once, in the tenth week. */
    if (uniform(seed, DRAW_STEP, 0) < 0.33 && day > 65) {
        grown *= 1.7;
    }
    double tokens = subject->level * part * grown *
                    exp(subject->noise * normal(seed, DRAW_HOUR, hour));
    if (tokens < 200) {
        return sums;
    }
    double noise = exp(0.7 * normal(seed, DRAW_FAIL, hour));
    double limited = uniform(seed, DRAW_LIMITED, hour);
    double refused =
        tokens / 1500 * subject->refusals * (limited > 0.995 ? 5 : 2 * limited);
    add(&sums, tokens, fmin(subject->errors * noise, 0.2), refused);
    return sums;
}

/* ---- harms --------------------------------------------------------------------- */

int64_t harm_start(const subject_t *subject, harm_t harm, int64_t day)
{
    int ahead = subject->is_chinese ? 8 : 1;
    double u = uniform(subject->seed, DRAW_HARM, harm * 1000 + day);
    int clock = harm == HARM_STOLEN_NIGHT ? 1 + (int)(2 * u)
                : harm == HARM_SCRAPING   ? (int)(24 * u)
                                          : 9 + (int)(6 * u);
    while (harm != HARM_STOLEN_NIGHT && harm != HARM_SCRAPING &&
           !is_workday(subject->is_chinese, day)) {
        day++;
    }
    return FIRST_HOUR + 24 * day + clock - ahead;
}

bool harm_hour(const subject_t *subject, harm_t harm, int64_t start,
               int64_t hour, cg_use_sums_t *sums)
{
    double u = uniform(subject->seed, DRAW_HARM_SIZE, harm * 100000 + start);
    double grown = pow(1 + subject->growth, (double)DAYS_FROM(start) / 7);
    double level = subject->level * grown;
    int64_t after = hour - start;
    int64_t lasts = harm == HARM_LEAK     ? 168
                    : harm == HARM_ERRORS ? 3
                                          : 3 + (int64_t)(3 * u);
    if (after < 0 || after >= lasts) {
        return false;
    }
    switch (harm) {
    case HARM_STOLEN_NIGHT:
        add(sums, level * from_to(1, 6, u), 0.01, 0);
        break;
    case HARM_RUNAWAY:
        add(sums, level * from_to(8, 30, u), 0.01, 0);
        break;
    case HARM_LEAK:
        add(sums, level * from_to(0.2, 0.8, u), 0.01, 0);
        break;
    case HARM_ERRORS: {
        double requests = fmax((double)sums->of[CG_USE_REQUESTS], 20);
        double failed = requests * from_to(1, 3, u);
        sums->of[CG_USE_REQUESTS] = (int64_t)(failed * 1.2);
        sums->of[CG_USE_ERRORS] = (int64_t)failed;
        break;
    }
    case HARM_SCRAPING:
        add(sums, 1, 0, from_to(150, 2000, u));
        break;
    default:
        break;
    }
    return true;
}
