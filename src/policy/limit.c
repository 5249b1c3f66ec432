/* A limit as an administrator writes it: its names, its scope, and writing it back.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "policy/limit_int.h"

#include <string.h>

#include <apr_strings.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const char *const dimension_names[] = {
#define CG_DIMENSION_NAME(id, name, words) [CG_DIMENSION_##id] = name,
    CG_DIMENSIONS(CG_DIMENSION_NAME)
#undef CG_DIMENSION_NAME
};

static const char *const quantity_names[] = {
#define CG_QUANTITY_NAME(id, unit, name, words) [CG_QUANTITY_##id] = name,
    CG_QUANTITIES(CG_QUANTITY_NAME)
#undef CG_QUANTITY_NAME
};

static const char *const quantity_units[] = {
#define CG_QUANTITY_UNIT(id, unit, name, words) [CG_QUANTITY_##id] = unit,
    CG_QUANTITIES(CG_QUANTITY_UNIT)
#undef CG_QUANTITY_UNIT
};

static const char *const store_down_names[] = {
    [CG_STORE_DOWN_CLOSED] = "closed",
    [CG_STORE_DOWN_LOCAL] = "local",
    [CG_STORE_DOWN_OPEN] = "open",
};

const char *const cg_limit_algorithms[] = {
    [CG_ALGORITHM_SLIDING] = "sliding",
    [CG_ALGORITHM_SMOOTH] = "smooth",
    [CG_ALGORITHM_EXACT] = "exact",
};

const cg_limit_period_t cg_limit_periods[] = {
    {"day", CG_WINDOW_DAY},
    {"week", CG_WINDOW_WEEK},
    {"month", CG_WINDOW_MONTH},
    {"year", CG_WINDOW_YEAR},
};

const char *const cg_limit_weekdays[] = {"mon", "tue", "wed", "thu",
                                         "fri", "sat", "sun"};

/* Units in which a window is written back, the greatest that divides it first.
 * One minute stays "60s", as everybody types it. */
static const struct unit_t {
    int64_t micros;
    const char *name;
} units[] = {
    {DAY, "d"}, {HOUR, "h"}, {MINUTE, "min"}, {SECOND, "s"}, {1000, "ms"},
};

#define COUNT_OF(table) (sizeof(table) / sizeof(table)[0])

/* ---- names ----------------------------------------------------------------- */

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
    if (cg_str_is_nocase(name, "organisation")) {
        *out = CG_DIMENSION_ORGANIZATION;
        return true;
    }
    return false;
}

const char *cg_limit_quantity_name(cg_quantity_t quantity)
{
    return (unsigned)quantity < CG_QUANTITY_COUNT ? quantity_names[quantity]
                                                  : "";
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

/* ---- scopes ---------------------------------------------------------------- */

bool cg_limit_split(cg_str_t text, char mark, cg_str_t *out_first,
                    cg_str_t *out_rest)
{
    const char *at = text.len ? memchr(text.ptr, mark, text.len) : NULL;
    if (!at) {
        return false;
    }
    size_t len = (size_t)(at - text.ptr);
    *out_first = (cg_str_t){text.ptr, len};
    *out_rest = (cg_str_t){at + 1, text.len - len - 1};
    return true;
}

bool cg_limit_scope_read(cg_str_t text, cg_limit_t *out)
{
    cg_str_t first = text, second;
    cg_dimension_t a, b;
    bool is_pair = cg_limit_split(text, '+', &first, &second);
    if (!cg_limit_dimension_find(first, &a) ||
        (is_pair && (!cg_limit_dimension_find(second, &b) || a == b))) {
        return false;
    }
    bool is_turned = is_pair && b < a;
    out->dimension = (uint8_t)(is_turned ? b : a);
    out->with = (uint8_t)(is_pair ? 1 + (is_turned ? a : b) : 0);
    return true;
}

const char *cg_limit_scope(const cg_limit_t *limit, apr_pool_t *pool)
{
    const char *first =
        cg_limit_dimension_name((cg_dimension_t)limit->dimension);
    if (!limit->with) {
        return first;
    }
    return apr_pstrcat(
        pool, first, "+",
        cg_limit_dimension_name((cg_dimension_t)(limit->with - 1)), NULL);
}

_Static_assert(CG_DIMENSION_COUNT *(CG_DIMENSION_COUNT + 1) / 2 <= CG_SCOPES,
               "all single dimensions and pairs have a number");

/* Single dimensions first, then the pairs by their second: 0+1, 0+2, 1+2, … */
int cg_limit_scope_index(const cg_limit_t *limit)
{
    if (!limit->with) {
        return limit->dimension;
    }
    int second = limit->with - 1;
    return CG_DIMENSION_COUNT + second * (second - 1) / 2 + limit->dimension;
}

bool cg_limit_scope_at(int index, cg_limit_t *out)
{
    *out = (cg_limit_t){.dimension = (uint8_t)index};
    for (int second = 1; index >= CG_DIMENSION_COUNT; second++) {
        int first = index - CG_DIMENSION_COUNT - second * (second - 1) / 2;
        if (second == CG_DIMENSION_COUNT) {
            return false;
        }
        if (first < second) {
            out->dimension = (uint8_t)first;
            out->with = (uint8_t)(1 + second);
            break;
        }
    }
    return true;
}

bool cg_limit_is_calendar(const cg_limit_t *limit)
{
    return limit->window_for <= 0 && limit->window_for > CG_WINDOW_NONE;
}

bool cg_limit_is_same(const cg_limit_t *a, const cg_limit_t *b)
{
    return a->dimension == b->dimension && a->with == b->with &&
           a->quantity == b->quantity && a->window_for == b->window_for;
}

/* ---- writing ----------------------------------------------------------------- */

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
    for (size_t i = 0; i < CG_LIMIT_PERIODS; i++) {
        if (cg_limit_periods[i].window_for == micros) {
            return cg_limit_periods[i].name;
        }
    }
    size_t i = 0;
    while (i < COUNT_OF(units) - 1 &&
           (micros % units[i].micros != 0 || micros == MINUTE) &&
           units[i].micros != SECOND) {
        i++;
    }
    if (micros % units[i].micros != 0) {
        i = COUNT_OF(units) - 1;
    }
    return apr_psprintf(pool, "%" APR_INT64_T_FMT "%s",
                        micros / units[i].micros, units[i].name);
}

const char *cg_limit_brief(const cg_limit_t *limit, apr_pool_t *pool)
{
    const char *amount =
        limit->quantity == CG_QUANTITY_MICROS
            ? format_money(limit->amount, pool)
            : apr_psprintf(pool, "%" APR_INT64_T_FMT "%s", limit->amount,
                           quantity_units[limit->quantity]);
    return limit->window_for == CG_WINDOW_NONE
               ? amount
               : apr_pstrcat(pool, amount, "/",
                             format_window(limit->window_for, pool), NULL);
}

/* Appends " word", or nothing for an empty one. */
static void add_word(cg_buf_t *out, char gap, const char *name,
                     const char *value)
{
    if (value && value[0]) {
        cg_buf_char(out, gap);
        cg_buf_str(out, name);
        cg_buf_str(out, value);
    }
}

static const char *format_start(const cg_limit_t *limit, apr_pool_t *pool)
{
    if (!limit->start_day) {
        return "";
    }
    if (limit->window_for == CG_WINDOW_WEEK) {
        return cg_limit_weekdays[limit->start_day - 1];
    }
    return limit->window_for == CG_WINDOW_YEAR
               ? apr_psprintf(pool, "%02d-%02d", limit->start_month,
                              limit->start_day)
               : apr_psprintf(pool, "%d", limit->start_day);
}

static const char *format(const cg_limit_t *limit, char gap, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, 64, pool);
    cg_buf_str(&out, cg_limit_brief(limit, pool));
    add_word(&out, gap, "",
             limit->algorithm ? cg_limit_algorithms[limit->algorithm] : "");
    add_word(&out, gap, "", limit->is_leased ? "leased" : "");
    add_word(&out, gap, "", limit->is_soft ? "soft" : "");
    add_word(&out, gap, "", store_down_names[limit->store_down]);
    add_word(&out, gap, "tz=", limit->zone);
    add_word(&out, gap, "start=", format_start(limit, pool));
    return cg_buf_cstr(&out);
}

const char *cg_limit_format(const cg_limit_t *limit, apr_pool_t *pool)
{
    return format(limit, ' ', pool);
}

const char *cg_limit_spell(const cg_limit_t *limit, apr_pool_t *pool)
{
    return format(limit, ';', pool);
}
