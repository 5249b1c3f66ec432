/* A limit as an administrator writes it: reading "100/60s" and the words after it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Amounts stop at 10^14: a sub-bucket of a window is kept in six bytes, and
 * sums of three such numbers stay exact in the doubles of Redis' Lua.
 */
#include "policy/limit_int.h"

#include <string.h>

#include "base/clock.h"
#include "base/zone.h"

#define AMOUNT_MAX INT64_C(100000000000000)
#define SECOND INT64_C(1000000)
#define WINDOW_MAX (366 * 86400 * SECOND)
#define LEASED_MIN (60 * SECOND) /* as long as a slice may be used */
#define SHOWN_MAX 60             /* bytes of a wrong text in a message */
#define COUNT_OF(table) (sizeof(table) / sizeof(table)[0])

/* What is read for a unit, longest first: "input_tokens" ends on "tokens". */
static const struct spelling_t {
    const char *text;
    cg_quantity_t quantity;
} spellings[] = {
    {"output_tokens", CG_QUANTITY_OUTPUT_TOKENS},
    {"output_token", CG_QUANTITY_OUTPUT_TOKENS},
    {"input_tokens", CG_QUANTITY_INPUT_TOKENS},
    {"input_token", CG_QUANTITY_INPUT_TOKENS},
    {"concurrent", CG_QUANTITY_CONCURRENT},
    {"requests", CG_QUANTITY_REQUESTS},
    {"request", CG_QUANTITY_REQUESTS},
    {"tokens", CG_QUANTITY_TOKENS},
    {"token", CG_QUANTITY_TOKENS},
    {"usd", CG_QUANTITY_MICROS},
};

/* ---- amount and window ------------------------------------------------------ */

/* Takes word off the end of text, in any case of letters. */
static bool cut_suffix(cg_str_t *text, const char *word)
{
    size_t len = cg_str(word).len;
    if (text->len <= len) {
        return false;
    }
    cg_str_t tail = {text->ptr + text->len - len, len};
    if (!cg_str_is_nocase(tail, word)) {
        return false;
    }
    text->len -= len;
    return true;
}

static bool parse_amount(cg_str_t text, cg_limit_t *out)
{
    cg_str_t number = text;
    out->quantity = CG_QUANTITY_REQUESTS;
    for (size_t i = 0; i < COUNT_OF(spellings); i++) {
        if (cut_suffix(&number, spellings[i].text)) {
            out->quantity = (uint8_t)spellings[i].quantity;
            break;
        }
    }
    return out->quantity == CG_QUANTITY_MICROS
               ? cg_parse_money(number, &out->amount)
               : cg_parse_count(number, &out->amount);
}

static bool parse_window(cg_str_t text, cg_limit_t *out)
{
    for (size_t i = 0; i < CG_LIMIT_PERIODS; i++) {
        if (cg_str_is_nocase(text, cg_limit_periods[i].name)) {
            out->window_for = cg_limit_periods[i].window_for;
            return true;
        }
    }
    return cg_parse_duration(text, &out->window_for) &&
           out->window_for >= SECOND && out->window_for <= WINDOW_MAX;
}

static int shown(cg_str_t text)
{
    return text.len > SHOWN_MAX ? SHOWN_MAX : (int)text.len;
}

static bool parse_core(cg_str_t text, cg_limit_t *out, cg_error_t *err)
{
    cg_str_t amount = text, window = {"", 0};
    bool has_window = cg_limit_split(text, '/', &amount, &window);
    bool is_amount = parse_amount(amount, out);
    bool is_concurrent = is_amount && out->quantity == CG_QUANTITY_CONCURRENT;
    if (has_window == is_concurrent) {
        cg_error_set(err,
                     "'%.*s' is no limit: write an amount, a slash and a "
                     "window, as 100/60s, 10000tokens/day or 5USD/month, or "
                     "an amount at once, as 20concurrent",
                     shown(text), text.ptr);
        return false;
    }
    if (!is_amount || out->amount <= 0 || out->amount > AMOUNT_MAX) {
        cg_error_set(err,
                     "'%.*s': the amount must be a number above 0 and at most "
                     "10^14 (micro-dollars for USD), followed by nothing "
                     "(requests), tokens, input_tokens, output_tokens, USD or "
                     "concurrent",
                     shown(text), text.ptr);
        return false;
    }
    out->window_for = CG_WINDOW_NONE;
    if (has_window && !parse_window(window, out)) {
        cg_error_set(err,
                     "'%.*s': the window must be 1s to 366d, as 60s, 15min, 2h "
                     "or 30d, or a calendar period: day, week, month, year",
                     shown(text), text.ptr);
        return false;
    }
    return true;
}

/* ---- the words after it ------------------------------------------------------ */

static bool parse_number(cg_str_t text, int64_t least, int64_t most,
                         uint8_t *out)
{
    int64_t number;
    if (!cg_parse_count(text, &number) || number < least || number > most) {
        return false;
    }
    *out = (uint8_t)number;
    return true;
}

static bool parse_weekday(cg_str_t text, uint8_t *out)
{
    for (size_t i = 0; i < CG_LIMIT_WEEKDAYS; i++) {
        if (cg_str_is_nocase(text, cg_limit_weekdays[i])) {
            *out = (uint8_t)(i + 1);
            return true;
        }
    }
    return false;
}

/* "04-06". 29 February would not come every year. */
static bool parse_date(cg_str_t text, cg_limit_t *out)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30,
                                   31, 31, 30, 31, 30, 31};
    cg_str_t month, day;
    return cg_limit_split(text, '-', &month, &day) &&
           parse_number(month, 1, 12, &out->start_month) &&
           parse_number(day, 1, days[out->start_month - 1], &out->start_day);
}

static bool parse_start(cg_str_t text, cg_limit_t *out)
{
    switch (out->window_for) {
    case CG_WINDOW_WEEK:
        return parse_weekday(text, &out->start_day);
    case CG_WINDOW_MONTH:
        return parse_number(text, 1, 28, &out->start_day);
    case CG_WINDOW_YEAR:
        return parse_date(text, out);
    default:
        return false;
    }
}

static bool parse_zone(cg_str_t text, cg_limit_t *out)
{
    cg_zone_span_t span;
    if (!cg_limit_is_calendar(out) || text.len >= sizeof out->zone ||
        !cg_zone_find(text, cg_clock_now(), &span)) {
        return false;
    }
    memset(out->zone, 0, sizeof out->zone);
    if (!cg_str_is_nocase(text, "UTC") && !cg_str_is_nocase(text, "Z")) {
        memcpy(out->zone, text.ptr, text.len);
    }
    return true;
}

/* What a word is about: each may be said once. */
typedef enum about_t {
    ABOUT_NOTHING,
    ABOUT_ALGORITHM = 1,
    ABOUT_LEASE = 2,
    ABOUT_SOFT = 4,
    ABOUT_STORE = 8,
    ABOUT_ZONE = 16,
    ABOUT_START = 32
} about_t;

static about_t parse_algorithm(cg_str_t word, cg_limit_t *out)
{
    for (size_t i = 0; i < CG_LIMIT_ALGORITHMS; i++) {
        if (cg_str_is_nocase(word, cg_limit_algorithms[i])) {
            out->algorithm = (uint8_t)i;
            return out->window_for > 0 ? ABOUT_ALGORITHM : ABOUT_NOTHING;
        }
    }
    return ABOUT_NOTHING;
}

/* Words that set one member. */
static about_t parse_flag(cg_str_t word, cg_limit_t *out)
{
    const struct {
        const char *word;
        bool *member;
        bool value;
        about_t about;
    } flags[] = {{"leased", &out->is_leased, true, ABOUT_LEASE},
                 {"strict", &out->is_leased, false, ABOUT_LEASE},
                 {"soft", &out->is_soft, true, ABOUT_SOFT},
                 {"hard", &out->is_soft, false, ABOUT_SOFT}};
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        if (cg_str_is_nocase(word, flags[i].word)) {
            *flags[i].member = flags[i].value;
            return flags[i].about;
        }
    }
    return ABOUT_NOTHING;
}

static about_t parse_setting(cg_str_t name, cg_str_t value, cg_limit_t *out)
{
    if (cg_str_is_nocase(name, "tz") && parse_zone(value, out)) {
        return ABOUT_ZONE;
    }
    return cg_str_is_nocase(name, "start") && parse_start(value, out)
               ? ABOUT_START
               : ABOUT_NOTHING;
}

static about_t parse_word(cg_str_t word, cg_limit_t *out)
{
    cg_str_t name, value;
    cg_store_down_t mode;
    if (cg_limit_split(word, '=', &name, &value)) {
        return parse_setting(name, value, out);
    }
    if (cg_limit_store_down_find(word, &mode)) {
        out->store_down = (uint8_t)mode;
        return ABOUT_STORE;
    }
    about_t about = parse_flag(word, out);
    return about ? about : parse_algorithm(word, out);
}

static bool is_gap(char c)
{
    return c == ' ' || c == '\t' || c == ';';
}

/* The next word; text moves on behind it. Empty at the end. */
static cg_str_t next_word(cg_str_t *text)
{
    while (text->len && is_gap(text->ptr[0])) {
        text->ptr++;
        text->len--;
    }
    cg_str_t word = {text->ptr, 0};
    while (word.len < text->len && !is_gap(word.ptr[word.len])) {
        word.len++;
    }
    text->ptr += word.len;
    text->len -= word.len;
    return word;
}

static bool refuse_word(cg_str_t word, cg_error_t *err)
{
    cg_error_set(
        err,
        "'%.*s' is not legal here; legal, each once: sliding, smooth or exact "
        "(windows), leased (sliding windows of 60s or more, calendar periods), "
        "strict, hard, soft, closed, local, open, tz=Area/City "
        "(calendar periods), start= mon to sun (week), 1 to 28 "
        "(month), MM-DD (year)",
        shown(word), word.ptr);
    return false;
}

/* Slices are taken of what is counted in the store as a sum. */
static bool can_lease(const cg_limit_t *limit)
{
    return !limit->is_leased || cg_limit_is_calendar(limit) ||
           (limit->window_for >= LEASED_MIN &&
            limit->algorithm == CG_ALGORITHM_SLIDING);
}

bool cg_limit_parse(cg_str_t text, cg_limit_t *out, cg_error_t *err)
{
    cg_limit_t limit = {.dimension = out->dimension,
                        .with = out->with,
                        .store_down = out->store_down};
    cg_str_t rest = text;
    if (!parse_core(next_word(&rest), &limit, err)) {
        return false;
    }
    unsigned said = 0;
    for (cg_str_t word = next_word(&rest); word.len; word = next_word(&rest)) {
        about_t about = parse_word(word, &limit);
        if (!about || (said & about) || !can_lease(&limit)) {
            return refuse_word(word, err);
        }
        said |= about;
    }
    *out = limit;
    return true;
}
