/* The rule at the end of a compiled zone: what holds after its last change.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   CET-1CEST,M3.5.0,M10.5.0/3     the last Sundays of March and October
 *   <+0330>-3:30                   never changes
 *
 * POSIX counts offsets westwards; RFC 8536 section 3.3.1 lets the time of day run
 * from -167 to 167 hours.
 */
#include "base/zone_int.h"

#include <apr_lib.h>

#define DAY 86400
#define YEARS 3 /* around the moment: before, of it, after */

/* When in the year a change comes. */
typedef struct date_t {
    char
        kind; /* 'M' month, week and day; 'J' 1-365 without leap day; 'n' 0-365 */
    int64_t month, week, day;
    int64_t time; /* seconds of the day, local before the change */
} date_t;

typedef struct reader_t {
    const char *at;
    const char *end;
} reader_t;

static bool take(reader_t *reader, char c)
{
    bool is_there = reader->at < reader->end && *reader->at == c;
    reader->at += is_there;
    return is_there;
}

static bool read_number(reader_t *reader, int64_t most, int64_t *out)
{
    const char *start = reader->at;
    *out = 0;
    while (reader->at < reader->end && apr_isdigit(*reader->at) &&
           reader->at - start < 4) {
        *out = *out * 10 + (*reader->at++ - '0');
    }
    return reader->at > start && *out <= most;
}

/* "CET" or "<+03>". */
static bool read_name(reader_t *reader)
{
    const char *start = reader->at;
    bool is_quoted = take(reader, '<');
    while (reader->at < reader->end &&
           (apr_isalpha(*reader->at) || (is_quoted && *reader->at != '>'))) {
        reader->at++;
    }
    return reader->at - start >= 3 && (!is_quoted || take(reader, '>'));
}

/* [+-]h[h[h]][:mm[:ss]] in seconds. */
static bool read_time(reader_t *reader, int64_t *out)
{
    int64_t hours, minutes = 0, seconds = 0;
    bool is_negative = take(reader, '-');
    if (!is_negative) {
        take(reader, '+');
    }
    if (!read_number(reader, 167, &hours) ||
        (take(reader, ':') && !read_number(reader, 59, &minutes)) ||
        (take(reader, ':') && !read_number(reader, 59, &seconds))) {
        return false;
    }
    *out = (hours * 60 + minutes) * 60 + seconds;
    *out = is_negative ? -*out : *out;
    return true;
}

static bool read_date(reader_t *reader, date_t *out)
{
    *out = (date_t){.kind = 'n', .time = 2 * 3600};
    bool is_date;
    if (take(reader, 'M')) {
        out->kind = 'M';
        is_date = read_number(reader, 12, &out->month) && out->month >= 1 &&
                  take(reader, '.') && read_number(reader, 5, &out->week) &&
                  out->week >= 1 && take(reader, '.') &&
                  read_number(reader, 6, &out->day);
    }
    else {
        out->kind = take(reader, 'J') ? 'J' : 'n';
        is_date = read_number(reader, 365, &out->day);
    }
    return is_date && (!take(reader, '/') || read_time(reader, &out->time));
}

/* ---- the calendar ------------------------------------------------------- */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the first of January. */
static int64_t days_before_year(int64_t year)
{
    int64_t past = year - 1;
    return (year - 1970) * 365 + (past / 4 - 1969 / 4) -
           (past / 100 - 1969 / 100) + (past / 400 - 1969 / 400);
}

static int64_t days_before_month(int64_t year, int64_t month)
{
    static const int before[] = {0,   31,  59,  90,  120, 151, 181,
                                 212, 243, 273, 304, 334, 365};
    return before[month - 1] + (month > 2 && is_leap(year));
}

static int64_t day_of(const date_t *date, int64_t year)
{
    int64_t start = days_before_year(year);
    if (date->kind == 'J') {
        bool is_after = is_leap(year) && date->day > 59;
        return start + date->day - 1 + is_after;
    }
    if (date->kind == 'n') {
        return start + date->day;
    }
    int64_t first = start + days_before_month(year, date->month);
    int64_t end = date->month == 12
                      ? days_before_year(year + 1)
                      : start + days_before_month(year, date->month + 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = first + (date->day - weekday + 7) % 7 + (date->week - 1) * 7;
    return day < end ? day : day - 7;
}

static int64_t year_of(int64_t seconds)
{
    int64_t year = 1970 + seconds / (int64_t)(365.2425 * DAY);
    while (days_before_year(year + 1) * DAY <= seconds) {
        year++;
    }
    while (days_before_year(year) * DAY > seconds) {
        year--;
    }
    return year;
}

/* ---- the rule ----------------------------------------------------------- */

typedef struct change_t {
    int64_t at;
    int64_t ahead; /* from then on */
} change_t;

/* Both changes of three years, in order; which of them comes first in a year
 * depends on the hemisphere. */
static void list_changes(const date_t dates[2], const int64_t ahead[2],
                         int64_t year, change_t out[2 * YEARS])
{
    for (int i = 0; i < YEARS; i++) {
        int64_t of = year - 1 + i;
        change_t summer = {
            day_of(&dates[0], of) * DAY + dates[0].time - ahead[0], ahead[1]};
        change_t winter = {
            day_of(&dates[1], of) * DAY + dates[1].time - ahead[1], ahead[0]};
        bool is_north = summer.at <= winter.at;
        out[2 * i] = is_north ? summer : winter;
        out[2 * i + 1] = is_north ? winter : summer;
    }
}

static bool read_rule(reader_t *reader, int64_t ahead[2], date_t dates[2],
                      bool *out_changes)
{
    int64_t west;
    *out_changes = false;
    if (!read_name(reader) || !read_time(reader, &west)) {
        return false;
    }
    ahead[0] = -west;
    if (reader->at == reader->end) {
        return true;
    }
    ahead[1] = ahead[0] + 3600;
    if (!read_name(reader)) {
        return false;
    }
    if (reader->at < reader->end && *reader->at != ',') {
        if (!read_time(reader, &west)) {
            return false;
        }
        ahead[1] = -west;
    }
    *out_changes = true;
    return take(reader, ',') && read_date(reader, &dates[0]) &&
           take(reader, ',') && read_date(reader, &dates[1]) &&
           reader->at == reader->end;
}

bool cg_zone_rule(cg_str_t rule, int64_t at_seconds, cg_zone_span_t *out)
{
    reader_t reader = {rule.ptr, rule.ptr + rule.len};
    int64_t ahead[2];
    date_t dates[2];
    bool changes;
    change_t list[2 * YEARS];
    if (!read_rule(&reader, ahead, dates, &changes)) {
        return false;
    }
    *out =
        (cg_zone_span_t){true, (int32_t)ahead[0], (int32_t)ahead[0], INT64_MAX};
    if (!changes) {
        return true;
    }
    list_changes(dates, ahead, year_of(at_seconds), list);
    for (int i = 0; i + 1 < 2 * YEARS; i++) {
        if (list[i].at <= at_seconds && at_seconds < list[i + 1].at) {
            out->ahead_seconds = (int32_t)list[i].ahead;
            out->then_seconds = (int32_t)list[i + 1].ahead;
            out->changes_at = apr_time_from_sec(list[i + 1].at);
            return true;
        }
    }
    return false;
}
