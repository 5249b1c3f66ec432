/* The one place that asks what time it is, and how a time is written.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Calendar days are counted from 1 March of the year 0, so that the leap day
 * is the last of its year and a year is 153 days per five months plus a rest:
 * no table of months, and no call into libc's time zones.
 */
#include "base/clock.h"

#include <string.h>
#include <time.h>

#include "base/digest.h"

#define MICROS INT64_C(1000000)
#define DAY_SECONDS INT64_C(86400)
#define ERA_DAYS INT64_C(146097)          /* 400 years */
#define EPOCH_DAY INT64_C(719468)         /* 0000-03-01 to 1970-01-01 */
#define LAST_SECOND INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

typedef struct civil_t {
    int64_t year;
    int month; /* 1-12 */
    int day;   /* 1-31 */
    int hour;
    int minute;
    int second;
    int millis;
} civil_t;

apr_time_t cg_clock_now(void)
{
    return apr_time_now();
}

apr_time_t cg_clock_monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (apr_time_t)now.tv_sec * MICROS + now.tv_nsec / 1000;
}

/* ---- calendar --------------------------------------------------------- */

/* days since 1970, not before the year 0. */
static void set_date(civil_t *civil, int64_t days)
{
    days += EPOCH_DAY;
    int64_t era = days / ERA_DAYS;
    int64_t day = days % ERA_DAYS;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    int64_t month = (5 * day + 2) / 153; /* 0 is March */
    civil->day = (int)(day - (153 * month + 2) / 5) + 1;
    civil->month = (int)(month < 10 ? month + 3 : month - 9);
    civil->year = era * 400 + year + (month >= 10);
}

static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = year / 400;
    int64_t rest = year % 400;
    int64_t month_day = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5;
    return era * ERA_DAYS + rest * 365 + rest / 4 - rest / 100 + month_day +
           day - 1 - EPOCH_DAY;
}

/* Moments outside 1970-9999 are drawn to the nearer end: the forms below have
 * four digits for a year. */
static civil_t civil_of(apr_time_t at)
{
    if (at < 0) {
        at = 0;
    }
    else if (at / MICROS > LAST_SECOND) {
        at = LAST_SECOND * MICROS;
    }
    int64_t seconds = at / MICROS;
    int rest = (int)(seconds % DAY_SECONDS);
    civil_t civil = {
        .hour = rest / 3600,
        .minute = rest / 60 % 60,
        .second = rest % 60,
        .millis = (int)(at % MICROS / 1000),
    };
    set_date(&civil, seconds / DAY_SECONDS);
    return civil;
}

static void put_digits(char *out, int64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void cg_clock_rfc3339(apr_time_t at, char out[25])
{
    civil_t civil = civil_of(at);
    memcpy(out, "0000-00-00T00:00:00.000Z", 25);
    put_digits(out, civil.year, 4);
    put_digits(out + 5, civil.month, 2);
    put_digits(out + 8, civil.day, 2);
    put_digits(out + 11, civil.hour, 2);
    put_digits(out + 14, civil.minute, 2);
    put_digits(out + 17, civil.second, 2);
    put_digits(out + 20, civil.millis, 3);
}

void cg_clock_month(apr_time_t at, char out[8])
{
    civil_t civil = civil_of(at);
    memcpy(out, "0000-00", 8);
    put_digits(out, civil.year, 4);
    put_digits(out + 5, civil.month, 2);
}

/* ---- reading RFC 3339 ------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* text has the form of shape, where 0 stands for a digit and T for t or T. */
static bool has_shape(const char *text, const char *shape)
{
    for (; *shape; text++, shape++) {
        bool fits = *shape == '0'   ? is_digit(*text)
                    : *shape == 'T' ? *text == 'T' || *text == 't'
                                    : *text == *shape;
        if (!fits) {
            return false;
        }
    }
    return true;
}

static int number_at(const char *text, int width)
{
    int value = 0;
    for (int i = 0; i < width; i++) {
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static bool is_date(int year, int month, int day)
{
    static const int LAST[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1 || day > LAST[month - 1]) {
        return false;
    }
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month != 2 || day < 29 || is_leap;
}

/* A fraction of a second at the front of text, moving it on; digits after the
 * sixth are dropped. */
static bool take_fraction(cg_str_t *text, int64_t *out_micros)
{
    *out_micros = 0;
    if (text->len == 0 || text->ptr[0] != '.') {
        return true;
    }
    int64_t unit = MICROS / 10;
    size_t i = 1;
    for (; i < text->len && is_digit(text->ptr[i]); i++, unit /= 10) {
        *out_micros += (text->ptr[i] - '0') * unit;
    }
    *text = (cg_str_t){text->ptr + i, text->len - i};
    return i > 1;
}

static bool parse_zone(cg_str_t text, int *out_minutes)
{
    *out_minutes = 0;
    if (text.len == 1) {
        return text.ptr[0] == 'Z' || text.ptr[0] == 'z';
    }
    if (text.len != 6 || !has_shape(text.ptr + 1, "00:00")) {
        return false;
    }
    int hours = number_at(text.ptr + 1, 2);
    int minutes = number_at(text.ptr + 4, 2);
    if (hours > 23 || minutes > 59) {
        return false;
    }
    *out_minutes = hours * 60 + minutes;
    if (text.ptr[0] == '-') {
        *out_minutes = -*out_minutes;
        return true;
    }
    return text.ptr[0] == '+';
}

bool cg_clock_parse_rfc3339(cg_str_t text, apr_time_t *out)
{
    if (text.len < 20 || !has_shape(text.ptr, "0000-00-00T00:00:00")) {
        return false;
    }
    int year = number_at(text.ptr, 4);
    int month = number_at(text.ptr + 5, 2);
    int day = number_at(text.ptr + 8, 2);
    int hour = number_at(text.ptr + 11, 2);
    int minute = number_at(text.ptr + 14, 2);
    int second = number_at(text.ptr + 17, 2); /* 60 in a leap second */
    if (!is_date(year, month, day) || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    cg_str_t rest = {text.ptr + 19, text.len - 19};
    int64_t micros = 0;
    int zone = 0;
    if (!take_fraction(&rest, &micros) || !parse_zone(rest, &zone)) {
        return false;
    }
    int minutes = hour * 60 + minute - zone;
    int64_t seconds = days_of(year, month, day) * DAY_SECONDS +
                      (int64_t)minutes * 60 + second;
    *out = seconds * MICROS + micros;
    return true;
}

/* ---- UUIDv7 ----------------------------------------------------------- */

/* The twelve bits after the version hold the fraction of the millisecond
 * (RFC 9562 section 6.2, method 3), so that ids of one process sort by time to
 * a quarter of a microsecond without any shared counter. */
void cg_clock_uuid7(apr_time_t at, char out[37])
{
    unsigned char id[16];
    uint64_t millis = at < 0 ? 0 : (uint64_t)at / 1000;
    uint64_t fraction = at < 0 ? 0 : (uint64_t)at % 1000 * 4096 / 1000;
    cg_random_id(id + 8, 8);
    for (int i = 0; i < 6; i++) {
        id[i] = (unsigned char)(millis >> (40 - 8 * i));
    }
    id[6] = (unsigned char)(0x70 | fraction >> 8);
    id[7] = (unsigned char)fraction;
    id[8] = (unsigned char)(0x80 | (id[8] & 0x3F));
    char hex[33];
    cg_hex_encode(id, sizeof id, hex);
    const char *from = hex;
    for (int i = 0; i < 36; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash) {
            out[i] = '-';
        }
        else {
            out[i] = *from++;
        }
    }
    out[36] = '\0';
}
