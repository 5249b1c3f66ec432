/* The hours of a key: on which days, from when to when, in which zone?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/keyhours.h"

#include <string.h>

#include <apr_lib.h>

#define ALL_DAYS 0x7F
#define DAY_MINUTES 1440

static const char day_names[7][4] = {"sun", "mon", "tue", "wed",
                                     "thu", "fri", "sat"};

/* ---- words --------------------------------------------------------------- */

/* The next word; a mark between spans ends one and is passed over. */
static bool next_word(cg_str_t *rest, cg_str_t *out)
{
    size_t start = 0;
    while (start < rest->len && strchr(" ;", rest->ptr[start])) {
        start++;
    }
    size_t end = start;
    while (end < rest->len && !strchr(" ;", rest->ptr[end])) {
        end++;
    }
    *out = (cg_str_t){rest->ptr + start, end - start};
    *rest = (cg_str_t){rest->ptr + end, rest->len - end};
    return out->len > 0;
}

static int find_day(cg_str_t name)
{
    for (int i = 0; i < 7; i++) {
        if (cg_str_is_nocase(name, day_names[i])) {
            return i;
        }
    }
    return -1;
}

/* "mon" or "fri-mon". */
static bool read_range(cg_str_t text, uint8_t *days)
{
    const char *dash = memchr(text.ptr, '-', text.len);
    size_t len = dash ? (size_t)(dash - text.ptr) : text.len;
    int from = find_day((cg_str_t){text.ptr, len});
    int to = dash ? find_day((cg_str_t){dash + 1, text.len - len - 1}) : from;
    if (from < 0 || to < 0) {
        return false;
    }
    for (int day = from;; day = (day + 1) % 7) {
        *days |= (uint8_t)(1 << day);
        if (day == to) {
            return true;
        }
    }
}

/* "mon-fri,sun". */
static bool read_days(cg_str_t text, uint8_t *out)
{
    *out = 0;
    while (text.len) {
        const char *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma ? (size_t)(comma - text.ptr) : text.len;
        if (!read_range((cg_str_t){text.ptr, len}, out)) {
            return false;
        }
        text.ptr += len + (comma != NULL);
        text.len -= len + (comma != NULL);
    }
    return *out != 0;
}

/* "08:30" as minutes; 24:00 is the end of a day. */
static bool read_clock(const char *text, int16_t *out)
{
    for (int i = 0; i < 5; i++) {
        if (i == 2 ? text[i] != ':' : !apr_isdigit(text[i])) {
            return false;
        }
    }
    int hours = (text[0] - '0') * 10 + text[1] - '0';
    int minutes = (text[3] - '0') * 10 + text[4] - '0';
    *out = (int16_t)(hours * 60 + minutes);
    return minutes < 60 && *out <= DAY_MINUTES;
}

static bool read_span(cg_str_t text, int16_t *from, int16_t *to)
{
    return text.len == 11 && text.ptr[5] == '-' && read_clock(text.ptr, from) &&
           read_clock(text.ptr + 6, to) && *from < DAY_MINUTES && *from != *to;
}

/* ---- reading ------------------------------------------------------------- */

static bool refuse(cg_str_t word, cg_error_t *err)
{
    cg_error_set(err,
                 "\"%.*s\" in hours is not understood; write them as: mon-fri "
                 "08:00-18:00; sat 09:00-12:00 Europe/Berlin",
                 (int)(word.len < 40 ? word.len : 40), word.ptr);
    return false;
}

bool cg_keyhours_read(cg_str_t text, cg_keyhours_t *out, cg_error_t *err)
{
    cg_str_t word;
    uint8_t days = ALL_DAYS;
    bool has_days = false;
    memset(out, 0, sizeof *out);
    out->zone = CG_STR("UTC");
    while (next_word(&text, &word)) {
        int16_t from, to;
        if (read_span(word, &from, &to)) {
            if (out->count == CG_KEY_SPANS_MAX) {
                cg_error_set(err, "hours have at most %d spans",
                             CG_KEY_SPANS_MAX);
                return false;
            }
            out->spans[out->count].days = days;
            out->spans[out->count].from = from;
            out->spans[out->count].to = to;
            out->count++;
            days = ALL_DAYS;
            has_days = false;
            continue;
        }
        if (!has_days && read_days(word, &days)) {
            has_days = true;
            continue;
        }
        cg_str_t rest = text, more;
        if (has_days || out->count == 0 || next_word(&rest, &more)) {
            return refuse(word, err);
        }
        out->zone = word; /* the last word */
    }
    return out->count > 0 && !has_days ? true : refuse(text, err);
}

bool cg_keyhours_has(const cg_keyhours_t *hours, int64_t local_seconds)
{
    int64_t day = local_seconds / 86400 - (local_seconds % 86400 < 0);
    int64_t minute = (local_seconds - day * 86400) / 60;
    int today = (int)(((day + 4) % 7 + 7) % 7); /* 1970-01-01: Thursday */
    int before = (today + 6) % 7;
    for (int i = 0; i < hours->count; i++) {
        int from = hours->spans[i].from, to = hours->spans[i].to;
        bool is_today = hours->spans[i].days >> today & 1;
        bool is_from_before = hours->spans[i].days >> before & 1;
        bool is_within = from < to ? is_today && minute >= from && minute < to
                                   : (is_today && minute >= from) ||
                                         (is_from_before && minute < to);
        if (is_within) {
            return true;
        }
    }
    return false;
}
