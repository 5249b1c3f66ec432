/* What one object has used, by the audit records: read once for all its limits.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Newest first, back to the beginning of the longest of its periods, and bounded: in
 * how many are taken, and in how many are looked at to find them. A request that was
 * refused by us used nothing up.
 */
#include <string.h>

#include <apr_strings.h>

#include "admin/limits.h"
#include "admin/records.h"
#include "base/clock.h"
#include "quota/calendar.h"

#define WEEK apr_time_from_sec(7 * 86400)
#define USES_MAX 10000
/* Of CG_LEDGER_SCAN_MAX records each; a console asks once a minute. */
#define LOOKS_MAX 25
#define EMPTY_LOOKS_MAX 3 /* that found none of this object */

/* ---- whose records -------------------------------------------------------------- */

/* The member of a record that says whom a dimension counts; NULL: none does. */
static const char *member_of(cg_dimension_t dimension)
{
    static const char *const members[CG_DIMENSION_COUNT] = {
        [CG_DIMENSION_KEY] = "key_id",
        [CG_DIMENSION_USER] = "user",
        [CG_DIMENSION_TEAM] = "team",
        [CG_DIMENSION_MODEL] = "model_asked",
        [CG_DIMENSION_ADDRESS] = "address",
        [CG_DIMENSION_VHOST] = "vhost",
        [CG_DIMENSION_ENDPOINT] = "endpoint"};
    return members[dimension];
}

/* A dated model counts for its family, whose name it begins with. */
static bool is_subject(const cg_json_t *record, cg_dimension_t dimension,
                       const char *subject)
{
    const char *member = member_of(dimension);
    const char *value = member ? cg_json_get_str(record, member, "") : "";
    size_t len = strlen(subject);
    if (dimension == CG_DIMENSION_MODEL) {
        return strncmp(value, subject, len) == 0 &&
               (value[len] == '\0' || value[len] == '-');
    }
    return strcmp(value, subject) == 0;
}

/* Do records say whom the limit counts? Of organizations they do not. */
static bool is_told(const cg_limit_t *limit)
{
    return member_of((cg_dimension_t)limit->dimension) &&
           (!limit->with || member_of((cg_dimension_t)(limit->with - 1)));
}

static bool is_counted(const cg_limit_history_t *history,
                       const cg_json_t *record)
{
    const cg_limit_t *scope = &history->scope;
    if (strcmp(cg_json_get_str(record, "decision", ""), "refused") == 0 ||
        cg_admin_is_event(record)) {
        return false;
    }
    return is_subject(record, (cg_dimension_t)scope->dimension,
                      history->first) &&
           (!scope->with ||
            is_subject(record, (cg_dimension_t)(scope->with - 1),
                       history->second));
}

static void add_record(cg_limit_history_t *history, const cg_json_t *record)
{
    apr_time_t at;
    if (!cg_clock_parse_rfc3339(cg_str(cg_json_get_str(record, "at", "")),
                                &at) ||
        at > history->ask->call->now) {
        return;
    }
    history->known_from = at < history->known_from ? at : history->known_from;
    if (is_counted(history, record)) {
        APR_ARRAY_PUSH(history->uses, cg_limit_use_t) =
            (cg_limit_use_t){at, cg_json_get_int(record, "input_tokens", 0),
                             cg_json_get_int(record, "output_tokens", 0),
                             cg_json_get_int(record, "cost_micros", 0)};
    }
}

/* ---- reading -------------------------------------------------------------------- */

/* What the ledger can look for itself; the rest is looked at here. */
static cg_ledger_filter_t filter_of(const cg_limit_history_t *history)
{
    cg_ledger_filter_t filter = {.from = history->from,
                                 .limit = CG_LEDGER_LIMIT_MAX};
    const char *subject = history->first;
    switch ((cg_dimension_t)history->scope.dimension) {
    case CG_DIMENSION_KEY:
        filter.key = subject;
        break;
    case CG_DIMENSION_USER:
        filter.user = subject;
        break;
    case CG_DIMENSION_TEAM:
        filter.team = subject;
        break;
    case CG_DIMENSION_ENDPOINT:
        filter.endpoint = subject;
        break;
    default:
        break;
    }
    return filter;
}

static bool read_page(cg_limit_history_t *history, cg_ledger_t *ledger,
                      cg_ledger_filter_t *filter, apr_pool_t *page)
{
    cg_buf_t text;
    cg_error_t err;
    const char *next = NULL;
    cg_buf_init(&text, 64 * 1024, page);
    if (cg_ledger_list(ledger, filter, &text, &next, &err, page) !=
        APR_SUCCESS) {
        return false;
    }
    const cg_json_t *items = cg_json_parse(text.ptr, text.len, NULL, page);
    for (size_t i = 0; i < cg_json_size(items); i++) {
        add_record(history, cg_json_at(items, i));
    }
    filter->cursor = next ? apr_pstrdup(history->ask->pool, next) : NULL;
    return true;
}

static bool read_all(cg_limit_history_t *history, cg_ledger_t *ledger)
{
    apr_pool_t *page;
    cg_ledger_filter_t filter = filter_of(history);
    bool is_read = true;
    int empty = 0;
    apr_pool_create(&page, history->ask->pool);
    for (int look = 0; look < LOOKS_MAX && empty < EMPTY_LOOKS_MAX; look++) {
        int before = history->uses->nelts;
        is_read = read_page(history, ledger, &filter, page);
        apr_pool_clear(page);
        empty += history->uses->nelts == before;
        if (!is_read || !filter.cursor || history->uses->nelts >= USES_MAX) {
            break;
        }
    }
    apr_pool_destroy(page);
    history->is_cut = filter.cursor != NULL;
    return is_read;
}

bool cg_admin_limit_history_read(cg_limit_history_t *history)
{
    cg_ledger_t *ledger = NULL;
    apr_pool_t *pool = history->ask->pool;
    if (!history->was_tried && history->first && history->ask->admin->store) {
        history->was_tried = true;
        history->is_read = cg_ledger_open(&ledger, history->ask->admin->store,
                                          NULL, 0, pool) == APR_SUCCESS &&
                           read_all(history, ledger);
    }
    return history->is_read;
}

/* ---- of which object ---------------------------------------------------------------- */

static apr_time_t beginning_of(const cg_limit_t *limit, apr_time_t now)
{
    cg_period_t period;
    if (!cg_limit_is_calendar(limit)) {
        return limit->window_for > 0 ? now - limit->window_for : now;
    }
    cg_calendar_find(NULL, limit, now, &period);
    return period.from;
}

cg_limit_history_t *
cg_admin_limit_history(cg_ask_t *ask, const cg_limit_row_t *rows, size_t count)
{
    apr_time_t now = ask->call->now;
    cg_limit_history_t *history = apr_pcalloc(ask->pool, sizeof *history);
    history->ask = ask;
    history->from = now - WEEK; /* which the rate is made of */
    history->known_from = now;
    history->uses = apr_array_make(ask->pool, 256, sizeof(cg_limit_use_t));
    for (size_t i = 0; i < count; i++) {
        apr_time_t from = beginning_of(&rows[i].limit, now);
        history->from = from < history->from ? from : history->from;
    }
    if (count == 0 || !is_told(&rows[0].limit)) {
        return history;
    }
    const char *subject = rows[0].subject;
    const char *plus = strchr(subject, '+');
    history->scope = rows[0].limit;
    history->first = subject;
    if (history->scope.with) {
        cg_str_t half = {subject, plus ? (size_t)(plus - subject) : 0};
        history->first = cg_admin_decode(half, false, ask->pool);
        history->second =
            cg_admin_decode(cg_str(plus ? plus + 1 : ""), false, ask->pool);
        history->first = history->second ? history->first : NULL;
    }
    return history;
}
