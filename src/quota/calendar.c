/* Calendar periods: from a moment to a civil date, to the period's first day,
 * and back to the moment at which that day begins.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/calendar.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/zone.h"

#define SECOND INT64_C(1000000)
#define DAY_SECONDS INT64_C(86400)
#define EARLIER_SECONDS (30 * 3600) /* no zone is further ahead of UTC */
#define CHANGES_MAX 8               /* of a zone's clocks within two days */
#define REMEMBERED 512

typedef struct date_t {
    int year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
} date_t;

/* ---- civil dates ----------------------------------------------------------- */

/* Years are counted from March, so that the leap day is their last. */
static int64_t day_of(date_t date)
{
    int64_t year = date.month > 2 ? date.year : date.year - 1;
    int64_t month = date.month > 2 ? date.month - 3 : date.month + 9;
    int64_t leaps = year / 4 - year / 100 + year / 400;
    /* 719,468 days from 1 March of the year 0 to 1970. */
    return year * 365 + leaps + (153 * month + 2) / 5 + date.day - 1 - 719468;
}

static date_t date_of(int64_t day)
{
    /* The right year or the one after it: then one step back. */
    int64_t year = 1970 + day * 400 / 146097 + 1;
    while (day_of((date_t){(int)year, 1, 1}) > day) {
        year--;
    }
    date_t date = {(int)year, 1, 1};
    while (date.month < 12 &&
           day_of((date_t){date.year, date.month + 1, 1}) <= day) {
        date.month++;
    }
    date.day = (int)(day - day_of(date)) + 1;
    return date;
}

static date_t step_months(date_t date, int by)
{
    int months = date.year * 12 + date.month - 1 + by;
    return (date_t){months / 12, months % 12 + 1, date.day};
}

/* ---- periods of civil days -------------------------------------------------- */

static int64_t first_day(const cg_limit_t *limit, int64_t day)
{
    date_t date = date_of(day);
    int start = limit->start_day ? limit->start_day : 1;
    if (limit->window_for == CG_WINDOW_DAY) {
        return day;
    }
    if (limit->window_for == CG_WINDOW_WEEK) {
        int64_t weekday = (day + 3) % 7 + 1; /* 1 January 1970: Thursday */
        return day - (weekday - start + 7) % 7;
    }
    date_t first = {date.year, date.month, start};
    if (limit->window_for == CG_WINDOW_YEAR) {
        first.month = limit->start_month ? limit->start_month : 1;
        first.year -= day_of(first) > day;
        return day_of(first);
    }
    return day_of(day_of(first) > day ? step_months(first, -1) : first);
}

static int64_t next_first(const cg_limit_t *limit, int64_t first)
{
    date_t date = date_of(first);
    switch (limit->window_for) {
    case CG_WINDOW_DAY:
        return first + 1;
    case CG_WINDOW_WEEK:
        return first + 7;
    case CG_WINDOW_YEAR:
        return day_of((date_t){date.year + 1, date.month, date.day});
    default:
        return day_of(step_months(date, 1));
    }
}

/* ---- zones ------------------------------------------------------------------ */

static bool find_span(const char *zone, apr_time_t at, cg_zone_span_t *out)
{
    *out = (cg_zone_span_t){.is_known = true, .changes_at = INT64_MAX};
    return !zone[0] || cg_zone_find(cg_str(zone), at, out);
}

/* The first moment at which clocks show midnight of the day, or later. */
static apr_time_t begin_of(const char *zone, int64_t day)
{
    int64_t shown = day * DAY_SECONDS;
    apr_time_t at = (shown - EARLIER_SECONDS) * SECOND;
    for (int i = 0; i < CHANGES_MAX; i++) {
        cg_zone_span_t span;
        if (!find_span(zone, at, &span)) {
            break;
        }
        apr_time_t begin = (shown - span.ahead_seconds) * SECOND;
        if (begin < span.changes_at) {
            return begin;
        }
        at = span.changes_at;
        if (at / SECOND + span.then_seconds >= shown) {
            return at; /* midnight was left out */
        }
    }
    return shown * SECOND;
}

static int64_t day_at(const char *zone, apr_time_t now)
{
    cg_zone_span_t span;
    int64_t seconds = now / SECOND;
    if (find_span(zone, now, &span)) {
        seconds += cg_zone_ahead(&span, now);
    }
    return seconds / DAY_SECONDS;
}

/* ---- names ------------------------------------------------------------------ */

/* The plain month and day need no letter: so they were called before there
 * were others. */
static void name(const cg_limit_t *limit, int64_t first, cg_period_t *out)
{
    date_t date = date_of(first);
    const char *at = limit->zone[0] ? "@" : "";
    if (limit->window_for == CG_WINDOW_MONTH && date.day == 1) {
        snprintf(out->name, sizeof out->name, "%04d-%02d%s%s", date.year,
                 date.month, at, limit->zone);
        return;
    }
    const char *kind = limit->window_for == CG_WINDOW_WEEK    ? "w"
                       : limit->window_for == CG_WINDOW_MONTH ? "m"
                       : limit->window_for == CG_WINDOW_YEAR  ? "y"
                                                              : "";
    snprintf(out->name, sizeof out->name, "%04d-%02d-%02d%s%s%s", date.year,
             date.month, date.day, kind, at, limit->zone);
}

static void find(const cg_limit_t *limit, apr_time_t now, cg_period_t *out)
{
    int64_t first = first_day(limit, day_at(limit->zone, now));
    int64_t next = next_first(limit, first);
    /* Where clocks are put back over midnight they show the day before once
     * more, although the next has begun. */
    if (begin_of(limit->zone, next) <= now) {
        first = next;
        next = next_first(limit, first);
    }
    memset(out, 0, sizeof *out);
    out->from = begin_of(limit->zone, first);
    out->stop = begin_of(limit->zone, next);
    name(limit, first, out);
}

/* ---- what is remembered ------------------------------------------------------ */

size_t cg_calendar_bytes(void)
{
    return cg_cache_bytes(REMEMBERED, sizeof(cg_period_t));
}

cg_cache_t *cg_calendar_attach(void *memory, apr_pool_t *pool)
{
    return cg_cache_attach(memory, REMEMBERED, sizeof(cg_period_t), pool);
}

static void hash_of(const cg_limit_t *limit, uint64_t out[2])
{
    char key[CG_LIMIT_ZONE_MAX + 3];
    memcpy(key, limit->zone, sizeof limit->zone);
    key[CG_LIMIT_ZONE_MAX] = (char)limit->window_for;
    key[CG_LIMIT_ZONE_MAX + 1] = (char)limit->start_month;
    key[CG_LIMIT_ZONE_MAX + 2] = (char)limit->start_day;
    out[0] = cg_hash64(0x9e3779b97f4a7c15, key, sizeof key);
    out[1] = cg_hash64(0xc2b2ae3d27d4eb4f, key, sizeof key);
}

void cg_calendar_find(cg_cache_t *cache, const cg_limit_t *limit,
                      apr_time_t now, cg_period_t *out)
{
    uint64_t hash[2];
    apr_time_t at;
    if (!cache) {
        find(limit, now, out);
        return;
    }
    hash_of(limit, hash);
    if (cg_cache_find(cache, hash, out, &at) && out->from <= now &&
        now < out->stop) {
        return;
    }
    find(limit, now, out);
    cg_cache_keep(cache, hash, out, now);
}
