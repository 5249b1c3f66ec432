/* Keys as lines of CSV: what export writes and import reads.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/keycsv.h"

#include <string.h>

#include <apr_strings.h>

#include "auth/keycells.h"
#include "base/clock.h"

#define COLUMNS_MAX 64

typedef enum how_t { ID, STATE, TEXT, LIMITS, BUDGET, EXPIRY, TOLD } how_t;

/* In the order in which they are written. To add one: a row. */
#define TEXT_ROW(member)                                                       \
    {                                                                          \
#member, TEXT, offsetof(cg_key_t, member),                             \
            sizeof(((cg_key_t *)0)->member)                                    \
    }
static const struct column_t {
    const char *name;
    how_t how;
    size_t offset;
    size_t bytes;
} columns[] = {
    {"id", ID, 0, 0},
    TEXT_ROW(name),
    TEXT_ROW(owner),
    TEXT_ROW(user),
    TEXT_ROW(team),
    {"state", STATE, 0, 0},
    TEXT_ROW(models),
    {"limits", LIMITS, 0, 0},
    {"budget", BUDGET, 0, 0},
    TEXT_ROW(redact),
    TEXT_ROW(tags),
    TEXT_ROW(endpoints),
    TEXT_ROW(addresses),
    TEXT_ROW(vhosts),
    TEXT_ROW(hours),
    {"expires_at", EXPIRY, 0, 0},
    {"created_at", TOLD, offsetof(cg_key_t, created_at), 0},
    {"last_used_at", TOLD, offsetof(cg_key_t, last_used_at), 0},
    {"previous_until", TOLD, offsetof(cg_key_t, previous_until), 0},
    {"previous_used_at", TOLD, offsetof(cg_key_t, previous_used_at), 0},
    {"prefix", TOLD, offsetof(cg_key_t, prefix), 16},
    {"last4", TOLD, offsetof(cg_key_t, last4), 5}};
#undef TEXT_ROW
#define COLUMNS (sizeof columns / sizeof columns[0])

/* lives in: the pool given to open */
struct cg_keycsv_t {
    cg_cells_t cells;
    int order[COLUMNS_MAX]; /* of columns, by place in the file */
    int count;
};

/* ---- the header ---------------------------------------------------------------- */

static int find_column(const char *name)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        if (cg_str_is_nocase(cg_str(name), columns[i].name)) {
            return (int)i;
        }
    }
    return -1;
}

static bool take_names(cg_keycsv_t *csv, const char *const *names, int count,
                       cg_error_t *err)
{
    bool is_there[COLUMNS] = {false};
    for (int i = 0; i < count; i++) {
        int column = find_column(names[i]);
        if (column < 0) {
            cg_error_set(err, "there is no column \"%.40s\"", names[i]);
            return false;
        }
        if (is_there[column]) {
            cg_error_set(err, "the column %s is there twice", names[i]);
            return false;
        }
        is_there[column] = true;
        csv->order[i] = column;
    }
    csv->count = count;
    if (!is_there[find_column("name")] && !is_there[find_column("id")]) {
        cg_error_set(err, "the first line must hold the names of the columns, "
                          "name or id among them");
        return false;
    }
    return true;
}

cg_keycsv_t *cg_keycsv_open(cg_str_t text, cg_error_t *err, apr_pool_t *pool)
{
    cg_keycsv_t *csv = apr_pcalloc(pool, sizeof *csv);
    const char *names[COLUMNS_MAX];
    if (!cg_utf8_valid(text.ptr, text.len)) {
        cg_error_set(err, "the file is not UTF-8; save it as CSV UTF-8");
        return NULL;
    }
    cg_cells_open(&csv->cells, text);
    int count = cg_cells_next(&csv->cells, names, COLUMNS_MAX, pool);
    if (count < 1 || count > COLUMNS_MAX) {
        cg_error_set(err, "the first line must hold the names of the columns");
        return NULL;
    }
    return take_names(csv, names, count, err) ? csv : NULL;
}

/* ---- lines ----------------------------------------------------------------------- */

bool cg_keycsv_next(cg_keycsv_t *csv, cg_keycsv_row_t *out, apr_pool_t *pool)
{
    memset(out, 0, sizeof *out);
    if (!cg_cells_more(&csv->cells)) {
        return false;
    }
    out->line = csv->cells.line;
    out->id = "";
    out->cells = apr_pcalloc(pool, (size_t)csv->count * sizeof *out->cells);
    for (int i = 0; i < csv->count; i++) {
        out->cells[i] = "";
    }
    int count = cg_cells_next(&csv->cells, out->cells, csv->count, pool);
    if (count != csv->count) {
        out->fault = count < 0 ? "a quoted cell does not end as it should"
                               : apr_psprintf(pool,
                                              "it has %d cells, the "
                                              "first line %d",
                                              count, csv->count);
        return true;
    }
    for (int i = 0; i < csv->count; i++) {
        how_t how = columns[csv->order[i]].how;
        out->id = how == ID ? out->cells[i] : out->id;
        out->state = how == STATE ? out->cells[i] : out->state;
    }
    return true;
}

/* Drops the budget, or all but it. */
static void drop_limits(cg_key_t *key, bool is_budget)
{
    uint8_t kept = 0;
    for (uint8_t i = 0; i < key->limits_count; i++) {
        bool is_money = key->limits[i].quantity == CG_QUANTITY_MICROS;
        if (is_money != is_budget) {
            key->limits[kept++] = key->limits[i];
        }
    }
    key->limits_count = kept;
}

/* "100/60s, 10000tokens/60s": commas or blanks between. */
static bool take_limits(cg_key_t *key, const char *cell, bool is_budget,
                        cg_error_t *err)
{
    cg_str_t rest = cg_str(cell);
    drop_limits(key, is_budget);
    while (rest.len) {
        size_t len = 0;
        while (len < rest.len && rest.ptr[len] != ',' && rest.ptr[len] != ' ') {
            len++;
        }
        cg_str_t word = {rest.ptr, len};
        rest.ptr += len + (len < rest.len);
        rest.len -= len + (len < rest.len);
        if (!word.len) {
            continue;
        }
        if (!cg_key_add_limit(key, word, err)) {
            return false;
        }
        bool is_money =
            key->limits[key->limits_count - 1].quantity == CG_QUANTITY_MICROS;
        if (is_money != is_budget) {
            cg_error_set(err, is_budget ? "budget takes money, as 5USD/month"
                                        : "limits takes requests or tokens, "
                                          "budget takes money");
            return false;
        }
    }
    return true;
}

static bool take_text(cg_key_t *key, const struct column_t *column,
                      const char *cell, cg_error_t *err)
{
    if (strlen(cell) >= column->bytes) {
        cg_error_set(err, "%s takes at most %d bytes", column->name,
                     (int)column->bytes - 1);
        return false;
    }
    memset((char *)key + column->offset, 0, column->bytes);
    memcpy((char *)key + column->offset, cell, strlen(cell));
    return true;
}

static bool take_expiry(cg_key_t *key, const char *cell, cg_error_t *err)
{
    key->expires_at = 0;
    if (cell[0] && !cg_clock_parse_rfc3339(cg_str(cell), &key->expires_at)) {
        cg_error_set(err, "expires_at is a time as 2026-12-31T00:00:00Z");
        return false;
    }
    return true;
}

/* ---- writing ------------------------------------------------------------------------ */

static void put_cell(cg_buf_t *out, const char *cell)
{
    bool is_marked = cg_cells_needs_mark(cell);
    bool is_quoted = is_marked || strpbrk(cell, ",;\"\r\n") != NULL;
    if (!is_quoted) {
        cg_buf_str(out, cell);
        return;
    }
    cg_buf_str(out, is_marked ? "\"'" : "\"");
    for (; *cell; cell++) {
        cg_buf_str(out, *cell == '"' ? "\"" : "");
        cg_buf_char(out, *cell);
    }
    cg_buf_char(out, '"');
}

static const char *limits_text(const cg_key_t *key, bool is_budget,
                               apr_pool_t *pool)
{
    const char *text = "";
    for (int i = 0; i < key->limits_count; i++) {
        bool is_money = key->limits[i].quantity == CG_QUANTITY_MICROS;
        if (is_money == is_budget) {
            text = apr_pstrcat(pool, text, text[0] ? " " : "",
                               cg_limit_spell(&key->limits[i], pool), NULL);
        }
    }
    return text;
}

/* A line may say nothing new: then what CSV does not show of a limit stays. */
static bool is_limits_text(const cg_key_t *key, const char *cell,
                           bool is_budget, apr_pool_t *pool)
{
    return strcmp(cell, limits_text(key, is_budget, pool)) == 0;
}

static const char *time_text(apr_time_t at, apr_pool_t *pool)
{
    char *text = apr_pcalloc(pool, 25);
    if (at) {
        cg_clock_rfc3339(at, text);
    }
    return text;
}

static const char *cell_of(const cg_key_t *key, const struct column_t *column,
                           apr_time_t now, apr_pool_t *pool)
{
    const char *member = (const char *)key + column->offset;
    switch (column->how) {
    case ID:
        return key->id;
    case STATE:
        return cg_key_state_at(key, now);
    case TEXT:
        return member;
    case LIMITS:
    case BUDGET:
        return limits_text(key, column->how == BUDGET, pool);
    case EXPIRY:
        return time_text(key->expires_at, pool);
    case TOLD:
        break;
    }
    if (column->bytes) {
        return member;
    }
    apr_time_t at;
    memcpy(&at, member, sizeof at);
    return time_text(at, pool);
}

bool cg_keycsv_apply(const cg_keycsv_t *csv, const cg_keycsv_row_t *row,
                     cg_key_t *key, cg_error_t *err, apr_pool_t *pool)
{
    bool is_sound = true;
    for (int i = 0; i < csv->count && is_sound; i++) {
        const struct column_t *column = &columns[csv->order[i]];
        const char *cell = row->cells[i];
        switch (column->how) {
        case TEXT:
            is_sound = take_text(key, column, cell, err);
            break;
        case LIMITS:
        case BUDGET:
            is_sound = is_limits_text(key, cell, column->how == BUDGET, pool) ||
                       take_limits(key, cell, column->how == BUDGET, err);
            break;
        case EXPIRY:
            is_sound = take_expiry(key, cell, err);
            break;
        case ID:
        case STATE:
        case TOLD:
            break;
        }
    }
    return is_sound && cg_key_check(key, err);
}

void cg_keycsv_head(cg_buf_t *out)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        cg_buf_fmt(out, "%s%s", i ? "," : "", columns[i].name);
    }
    cg_buf_str(out, "\r\n");
}

void cg_keycsv_write(const cg_key_t *key, apr_time_t now, cg_buf_t *out,
                     apr_pool_t *pool)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        if (i) {
            cg_buf_char(out, ',');
        }
        put_cell(out, cell_of(key, &columns[i], now, pool));
    }
    cg_buf_str(out, "\r\n");
}
