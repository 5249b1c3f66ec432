/* Limits of single objects as CSV: taken out, and brought in.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   dimension,subject,limits,budgets,version,changed_at,changed_by
 *   team,red,100/60s 10000tokens/60s,500USD/month;hard,3,2026-11-25T…,ada
 *
 * A line is an object: limits and budgets are all that the console says of it, with
 * blanks between and semicolons for the blanks in one. Both empty: nothing is said of
 * it any more. The last three columns only tell. A column that is not there leaves
 * what stands. Cells are read and written as those of keys are (auth/keycells.h),
 * also what a spreadsheet would take for a formula.
 */
#include <string.h>

#include <apr_strings.h>

#include "admin/limits.h"
#include "admin/members.h"
#include "auth/keycells.h"
#include "base/clock.h"

#define COLUMNS_MAX 16
#define LINES_MAX 2000

typedef enum column_t {
    DIMENSION,
    SUBJECT,
    LIMITS,
    BUDGETS,
    VERSION,
    CHANGED_AT,
    CHANGED_BY,
    COLUMNS
} column_t;

static const char *const column_names[COLUMNS] = {
    "dimension", "subject",    "limits",    "budgets",
    "version",   "changed_at", "changed_by"};

typedef enum result_t {
    CREATED,
    UPDATED,
    REMOVED,
    UNCHANGED,
    FAILED,
    RESULTS
} result_t;

static const char *const result_names[RESULTS] = {
    "created", "updated", "removed", "unchanged", "failed"};

/* ---- export -------------------------------------------------------------------- */

static void put_cell(cg_buf_t *out, const char *cell, bool is_last)
{
    bool is_marked = cg_cells_needs_mark(cell);
    bool is_quoted = is_marked || strpbrk(cell, ",;\"\r\n") != NULL;
    cg_buf_str(out, !is_quoted ? "" : is_marked ? "\"'" : "\"");
    for (; *cell; cell++) {
        cg_buf_str(out, is_quoted && *cell == '"' ? "\"" : "");
        cg_buf_char(out, *cell);
    }
    cg_buf_str(out, is_quoted ? "\"" : "");
    cg_buf_str(out, is_last ? "\r\n" : ",");
}

static const char *spelled(const cg_override_t *row, bool is_money,
                           apr_pool_t *pool)
{
    const char *text = "";
    for (size_t i = 0; i < row->count; i++) {
        if ((row->limits[i].quantity == CG_QUANTITY_MICROS) == is_money) {
            text = apr_pstrcat(pool, text, *text ? " " : "",
                               cg_limit_spell(&row->limits[i], pool), NULL);
        }
    }
    return text;
}

static void put_line(cg_buf_t *out, const cg_override_t *row, apr_pool_t *pool)
{
    char at[25] = "";
    if (row->changed_at) {
        cg_clock_rfc3339(row->changed_at, at);
    }
    put_cell(out, cg_limit_scope(&row->scope, pool), false);
    put_cell(out, row->subject, false);
    put_cell(out, spelled(row, false, pool), false);
    put_cell(out, spelled(row, true, pool), false);
    put_cell(out, apr_psprintf(pool, "%" APR_INT64_T_FMT, row->version), false);
    put_cell(out, at, false);
    put_cell(out, row->changed_by ? row->changed_by : "", true);
}

static bool is_wanted(const cg_override_t *row, const cg_limit_wish_t *wish)
{
    return (!wish->has_scope ||
            (row->scope.dimension == wish->scope.dimension &&
             row->scope.with == wish->scope.with)) &&
           (!wish->subject || strcmp(row->subject, wish->subject) == 0) &&
           (!wish->q || strstr(row->subject, wish->q));
}

void cg_admin_limits_export(cg_ask_t *ask)
{
    cg_limit_wish_t wish;
    apr_pool_t *temp;
    if (!cg_admin_has_quota(ask) || !cg_admin_limits_wish(ask, &wish)) {
        return;
    }
    const cg_overrides_t *all = cg_admin_overrides(ask);
    if (!all) {
        return;
    }
    ask->reply->status = 200;
    ask->reply->content_type = "text/csv; charset=utf-8";
    apr_table_setn(ask->reply->headers, "Content-Disposition",
                   "attachment; filename=\"chatgpt-limits.csv\"");
    if (strcmp(ask->call->method, "HEAD") == 0) {
        return;
    }
    for (int i = 0; i < COLUMNS; i++) {
        put_cell(&ask->reply->body, column_names[i], i + 1 == COLUMNS);
    }
    apr_pool_create(&temp, ask->pool);
    for (size_t i = 0; i < cg_overrides_count(all); i++) {
        const cg_override_t *row = cg_overrides_at(all, i);
        if (is_wanted(row, &wish)) {
            put_line(&ask->reply->body, row, temp);
            apr_pool_clear(temp);
        }
    }
    apr_pool_destroy(temp);
}

/* ---- the file ---------------------------------------------------------------------- */

/* lives in: one import */
typedef struct file_t {
    cg_cells_t cells;
    int place[COLUMNS]; /* of a column in the file; -1: it is not there */
    int count;
} file_t;

static int find_column(const char *name)
{
    for (int i = 0; i < COLUMNS; i++) {
        if (cg_str_is_nocase(cg_str(name), column_names[i])) {
            return i;
        }
    }
    return -1;
}

static bool open_file(file_t *file, cg_str_t text, cg_error_t *err,
                      apr_pool_t *pool)
{
    const char *names[COLUMNS_MAX];
    if (!cg_utf8_valid(text.ptr, text.len)) {
        cg_error_set(err, "the file is not UTF-8; save it as CSV UTF-8");
        return false;
    }
    for (int i = 0; i < COLUMNS; i++) {
        file->place[i] = -1;
    }
    cg_cells_open(&file->cells, text);
    file->count = cg_cells_next(&file->cells, names, COLUMNS_MAX, pool);
    for (int i = 0; i < file->count && i < COLUMNS_MAX; i++) {
        int column = find_column(names[i]);
        if (column < 0 || file->place[column] >= 0) {
            cg_error_set(err,
                         column < 0 ? "there is no column \"%.40s\""
                                    : "the column %.40s is there twice",
                         names[i]);
            return false;
        }
        file->place[column] = i;
    }
    bool is_whole = file->count > 0 && file->count <= COLUMNS_MAX &&
                    file->place[DIMENSION] >= 0 && file->place[SUBJECT] >= 0;
    if (!is_whole) {
        cg_error_set(err, "the first line must hold the names of the columns, "
                          "dimension and subject among them");
    }
    return is_whole;
}

/* ---- a line ------------------------------------------------------------------------- */

/* lives in: one import, used again for each line */
typedef struct line_t {
    int64_t number;
    const char *dimension;
    const char *subject;
    cg_override_t before;
    cg_override_t after;
    result_t result;
    const char *detail;
    const char *audit_id;
} line_t;

static void fail(line_t *line, const char *detail)
{
    line->result = FAILED;
    line->detail = detail;
}

static const char *cell_of(const file_t *file, const char *const *cells,
                           column_t column)
{
    return file->place[column] < 0 ? NULL : cells[file->place[column]];
}

static void keep(cg_override_t *out, const cg_override_t *from, bool is_money)
{
    for (size_t i = 0; i < from->count; i++) {
        if ((from->limits[i].quantity == CG_QUANTITY_MICROS) == is_money) {
            out->limits[out->count++] = from->limits[i];
        }
    }
}

/* Reads "100/60s 20concurrent" into out. False: the line has failed. */
static bool take_list(cg_ask_t *ask, line_t *line, const char *cell,
                      bool is_money)
{
    char *last = NULL;
    cg_override_t *out = &line->after;
    char *copy = apr_pstrdup(ask->pool, cell);
    for (char *word = apr_strtok(copy, " \t\r\n", &last); word;
         word = apr_strtok(NULL, " \t\r\n", &last)) {
        cg_error_t err = {""};
        cg_limit_t limit = out->scope;
        if (!cg_limit_parse(cg_str(word), &limit, &err)) {
            fail(line, apr_pstrdup(ask->pool, err.text));
            return false;
        }
        bool is_same = false;
        for (size_t i = 0; i < out->count; i++) {
            is_same = is_same || cg_limit_is_same(&out->limits[i], &limit);
        }
        bool is_full = out->count == CG_OVERRIDE_LIMITS_MAX;
        if ((limit.quantity == CG_QUANTITY_MICROS) != is_money || is_same ||
            is_full) {
            fail(line, apr_psprintf(
                           ask->pool, "'%.60s': %s", word,
                           is_same    ? "the same quantity and window twice"
                           : is_full  ? "at most 16 limits of one object"
                           : is_money ? "a budget counts USD, as 500USD/month"
                                      : "USD belongs into budgets"));
            return false;
        }
        out->limits[out->count++] = limit;
    }
    return true;
}

/* False: the store is away, which is answered, or the line has failed. */
static bool read_object(cg_ask_t *ask, line_t *line)
{
    cg_limit_t scope = {0};
    if (!cg_limit_scope_read(cg_str(line->dimension), &scope)) {
        fail(line,
             apr_psprintf(ask->pool,
                          "'%.40s' is no dimension: key, user, team, "
                          "organization, model, endpoint, vhost, address, "
                          "or two of them with +",
                          line->dimension));
        return false;
    }
    if (!cg_admin_subject_is_sound(&scope, line->subject)) {
        fail(line, "the subject must have 1 to 256 bytes in one line; of two "
                   "dimensions two with + between them");
        return false;
    }
    line->after = (cg_override_t){
        .scope = scope,
        .subject = line->subject,
        .limits = apr_pcalloc(ask->pool, (CG_OVERRIDE_LIMITS_MAX * 2 + 2) *
                                             sizeof(cg_limit_t))};
    return cg_admin_override_read(ask, &scope, line->subject, &line->before);
}

/* What the line asks for; result is what it would be. False: answered. */
static bool plan(cg_ask_t *ask, const file_t *file, const char *const *cells,
                 line_t *line)
{
    line->dimension = cell_of(file, cells, DIMENSION);
    line->subject = cell_of(file, cells, SUBJECT);
    if (!read_object(ask, line)) {
        return line->result == FAILED;
    }
    const char *limits = cell_of(file, cells, LIMITS);
    const char *budgets = cell_of(file, cells, BUDGETS);
    if (!limits) {
        keep(&line->after, &line->before, false);
    }
    if (limits && !take_list(ask, line, limits, false)) {
        return true;
    }
    if (!budgets) {
        keep(&line->after, &line->before, true);
    }
    if (budgets && !take_list(ask, line, budgets, true)) {
        return true;
    }
    bool was_there = line->before.count > 0;
    bool is_there = line->after.count > 0;
    bool is_same =
        cg_admin_override_is_same(&line->before, &line->after, ask->pool);
    line->result = is_same      ? UNCHANGED
                   : !is_there  ? REMOVED
                   : !was_there ? CREATED
                                : UPDATED;
    return true;
}

static void read_line(file_t *file, const char **cells, line_t *line,
                      apr_pool_t *pool)
{
    *line = (line_t){.number = file->cells.line,
                     .dimension = "",
                     .subject = "",
                     .detail = ""};
    int count = cg_cells_next(&file->cells, cells, COLUMNS_MAX, pool);
    if (count != file->count) {
        fail(line, count < 0 ? "a quoted cell does not end as it should"
                             : apr_psprintf(pool,
                                            "it has %d cells, the first line "
                                            "%d",
                                            count, file->count));
    }
}

/* ---- import --------------------------------------------------------------------------- */

static cg_json_t *line_json(const line_t *line, apr_pool_t *pool)
{
    cg_json_t *item = cg_json_object(pool);
    cg_json_set_int(item, "line", line->number);
    cg_json_set_str(item, "result", result_names[line->result]);
    cg_json_set_str(item, "dimension", line->dimension);
    cg_json_set_str(item, "subject", line->subject);
    cg_json_set_str(item, "detail", line->detail);
    cg_json_set_str(item, "audit_id", line->audit_id);
    return item;
}

static bool is_change(const line_t *line)
{
    return line->result == CREATED || line->result == UPDATED ||
           line->result == REMOVED;
}

/* The store or the journal went away in the middle: what was done is told, and the
 * lines behind are failed. False, with the problem answered, if nothing was done. */
static bool read_lines(cg_ask_t *ask, file_t *file, bool is_dry,
                       cg_json_t *items, int64_t counts[RESULTS])
{
    bool goes_on = true;
    const char *cells[COLUMNS_MAX];
    while (cg_cells_more(&file->cells)) {
        line_t line;
        read_line(file, cells, &line, ask->pool);
        if (goes_on && line.result != FAILED) {
            goes_on = plan(ask, file, cells, &line);
        }
        if (goes_on && !is_dry && is_change(&line)) {
            line.audit_id = cg_admin_override_set(
                ask, &line.before, &line.after,
                line.before.count ? line.before.version : 0);
            goes_on = line.audit_id != NULL;
        }
        if (!goes_on) {
            fail(&line, "changes cannot be made or recorded now: this line was "
                        "not done");
        }
        counts[line.result]++;
        cg_json_add(items, line_json(&line, ask->pool));
    }
    return goes_on || counts[CREATED] + counts[UPDATED] + counts[REMOVED] > 0;
}

void cg_admin_limits_import(cg_ask_t *ask)
{
    cg_str_t text = cg_str(cg_json_get_str(ask->body, "csv", ""));
    bool is_dry = cg_json_get_bool(ask->body, "dry_run", false);
    int64_t counts[RESULTS] = {0};
    cg_error_t err = {""};
    file_t file;
    if (!cg_admin_has_quota(ask)) {
        return;
    }
    if (!cg_admin_csv_fits(ask, text, LINES_MAX, "") ||
        !open_file(&file, text, &err, ask->pool)) {
        if (!cg_admin_has_faults(ask)) {
            cg_admin_fault(ask, "body", "/csv", "bad_csv", err.text);
        }
        cg_admin_refuse_faults(ask);
        return;
    }
    cg_json_t *answer = cg_json_object(ask->pool);
    cg_json_t *items = cg_json_array(ask->pool);
    if (!read_lines(ask, &file, is_dry, items, counts)) {
        return;
    }
    cg_json_set(answer, "items", items);
    cg_json_set_bool(answer, "dry_run", is_dry);
    for (int i = 0; i < RESULTS; i++) {
        cg_json_set_int(answer, result_names[i], counts[i]);
    }
    cg_admin_json(ask, 200, answer);
}
