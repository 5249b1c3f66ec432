/* A limit as an administrator writes it: reading and writing "100/60s".
 * SPDX-License-Identifier: Apache-2.0
 *
 * Amounts stop at 10^14: a sub-bucket of a window is kept in six bytes, and
 * sums of three such numbers stay exact in the doubles of Redis' Lua.
 */
#include "policy/limit.h"

#include <apr_strings.h>

#define AMOUNT_MAX INT64_C(100000000000000)
#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WINDOW_MAX (31 * DAY)

static const char *const dimension_names[] = {
#define CG_DIMENSION_NAME(id, name, words) [CG_DIMENSION_##id] = name,
    CG_DIMENSIONS(CG_DIMENSION_NAME)
#undef CG_DIMENSION_NAME
};

static const char *const store_down_names[] = {
    [CG_STORE_DOWN_CLOSED] = "closed",
    [CG_STORE_DOWN_LOCAL] = "local",
    [CG_STORE_DOWN_OPEN] = "open",
};

/* Units in which a window is written back, the greatest that divides it first.
 * One minute stays "60s", as everybody types it. */
static const struct unit_t {
    int64_t micros;
    const char *name;
} units[] = {
    {DAY, "d"}, {HOUR, "h"}, {MINUTE, "min"}, {SECOND, "s"}, {1000, "ms"},
};

const char *cg_limit_dimension_name(cg_dimension_t dimension)
{
    if ((unsigned)dimension >= CG_DIMENSION_COUNT) {
        return "";
    }
    return dimension_names[dimension];
}

bool cg_limit_dimension_find(cg_str_t name, cg_dimension_t *out)
{
    for (int i = 0; i < CG_DIMENSION_COUNT; i++) {
        if (cg_str_is_nocase(name, dimension_names[i])) {
            *out = (cg_dimension_t)i;
            return true;
        }
    }
    return false;
}

bool cg_limit_store_down_find(cg_str_t name, cg_store_down_t *out)
{
    for (int i = CG_STORE_DOWN_CLOSED; i <= CG_STORE_DOWN_OPEN; i++) {
        if (cg_str_is_nocase(name, store_down_names[i])) {
            *out = (cg_store_down_t)i;
            return true;
        }
    }
    return false;
}

/* Cuts text at the first slash; false if there is none. */
static bool split(cg_str_t text, cg_str_t *out_amount, cg_str_t *out_window)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '/') {
            *out_amount = (cg_str_t){text.ptr, i};
            *out_window = (cg_str_t){text.ptr + i + 1, text.len - i - 1};
            return true;
        }
    }
    return false;
}

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
    if (cut_suffix(&number, "usd")) {
        out->quantity = CG_QUANTITY_MICROS;
        return cg_parse_money(number, &out->amount);
    }
    bool is_tokens = cut_suffix(&number, "tokens");
    if (!is_tokens) {
        is_tokens = cut_suffix(&number, "token");
    }
    out->quantity = is_tokens ? CG_QUANTITY_TOKENS : CG_QUANTITY_REQUESTS;
    return cg_parse_count(number, &out->amount);
}

static bool parse_window(cg_str_t text, cg_limit_t *out)
{
    if (out->quantity == CG_QUANTITY_MICROS) {
        out->window_for = CG_WINDOW_MONTH;
        return cg_str_is_nocase(text, "month");
    }
    return cg_parse_duration(text, &out->window_for) &&
           out->window_for >= SECOND && out->window_for <= WINDOW_MAX;
}

bool cg_limit_parse(cg_str_t text, cg_limit_t *out, cg_error_t *err)
{
    cg_limit_t limit = {.dimension = out->dimension,
                        .store_down = out->store_down};
    cg_str_t amount, window;
    int shown = text.len > 40 ? 40 : (int)text.len;
    if (!split(text, &amount, &window)) {
        cg_error_set(err,
                     "'%.*s' is no limit: write an amount, a slash and a "
                     "window, as 100/60s, 10000tokens/60s or 5USD/month",
                     shown, text.ptr);
        return false;
    }
    if (!parse_amount(amount, &limit) || limit.amount <= 0 ||
        limit.amount > AMOUNT_MAX) {
        cg_error_set(err,
                     "'%.*s': the amount must be a number above 0 and at most "
                     "10^14 (micro-dollars for USD), followed by nothing "
                     "(requests), tokens or USD",
                     shown, text.ptr);
        return false;
    }
    if (!parse_window(window, &limit)) {
        cg_error_set(err,
                     limit.quantity == CG_QUANTITY_MICROS
                         ? "'%.*s': the window of a budget must be month"
                         : "'%.*s': the window must be 1s to 31d, as 60s, "
                           "15min, 2h or 1d",
                     shown, text.ptr);
        return false;
    }
    *out = limit;
    return true;
}

static const char *format_money(int64_t micros, apr_pool_t *pool)
{
    int64_t whole = micros / 1000000;
    int64_t rest = micros % 1000000;
    if (rest == 0) {
        return apr_psprintf(pool, "%" APR_INT64_T_FMT "USD", whole);
    }
    char *text = apr_psprintf(pool, "%" APR_INT64_T_FMT ".%06" APR_INT64_T_FMT,
                              whole, rest);
    size_t len = cg_str(text).len;
    while (text[len - 1] == '0') {
        text[--len] = '\0';
    }
    return apr_pstrcat(pool, text, "USD", NULL);
}

static const char *format_window(int64_t micros, apr_pool_t *pool)
{
    size_t count = sizeof units / sizeof units[0];
    size_t i = 0;
    while (i < count - 1 &&
           (micros % units[i].micros != 0 || micros == MINUTE) &&
           units[i].micros != SECOND) {
        i++;
    }
    if (micros % units[i].micros != 0) {
        i = count - 1;
    }
    return apr_psprintf(pool, "%" APR_INT64_T_FMT "%s",
                        micros / units[i].micros, units[i].name);
}

const char *cg_limit_format(const cg_limit_t *limit, apr_pool_t *pool)
{
    const char *window = limit->window_for == CG_WINDOW_MONTH
                             ? "month"
                             : format_window(limit->window_for, pool);
    if (limit->quantity == CG_QUANTITY_MICROS) {
        return apr_pstrcat(pool, format_money(limit->amount, pool), "/", window,
                           NULL);
    }
    const char *unit = limit->quantity == CG_QUANTITY_TOKENS ? "tokens" : "";
    return apr_psprintf(pool, "%" APR_INT64_T_FMT "%s/%s", limit->amount, unit,
                        window);
}
