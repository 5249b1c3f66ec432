/* Limits and budgets in force, with what is used of them now.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rows are ordered by dimension, subject and limit, and a cursor holds the place of
 * the last row shown: rows that come or go meanwhile move nothing. limits_gather.c
 * says which rows there are.
 */
#include "admin/limits.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "quota/calendar.h"

/* ---- what is asked ------------------------------------------------------- */

bool cg_admin_has_quota(cg_ask_t *ask)
{
    if (ask->admin->quota) {
        return true;
    }
    cg_admin_problem(ask, CG_PROBLEM_SERVICE, "limits are not configured");
    return false;
}

bool cg_admin_limits_wish(cg_ask_t *ask, cg_limit_wish_t *out)
{
    const char *kind = cg_admin_param(ask, "kind");
    const char *scope = cg_admin_param(ask, "dimension");
    const char *name = scope ? "/dimension" : "/scope";
    scope = scope ? scope : cg_admin_param(ask, "scope");
    *out = (cg_limit_wish_t){
        .has_scope = scope != NULL,
        .subject = cg_admin_param(ask, "subject"),
        .q = cg_admin_param(ask, "q"),
        .organization = cg_admin_param(ask, "organization"),
    };
    if (kind) {
        out->kind = strcmp(kind, "budget") == 0 ? CG_LIMIT_KIND_BUDGET
                                                : CG_LIMIT_KIND_LIMIT;
    }
    if (scope && !cg_limit_scope_read(cg_str(scope), &out->scope)) {
        cg_admin_fault(ask, "query", name, "not_a_choice",
                       "key, user, team, organization, model, endpoint, vhost "
                       "or address, or two of them: team+model");
        cg_admin_refuse_faults(ask);
        return false;
    }
    return true;
}

/* ---- the page ------------------------------------------------------------ */

static const char *cursor_of(const cg_limit_row_t *row, apr_pool_t *pool)
{
    size_t len = strlen(row->place);
    char *out = apr_palloc(pool, (len * 4 + 2) / 3 + 1);
    cg_b64url_encode((const unsigned char *)row->place, len, out);
    return out;
}

/* Index of the first row after the cursor's; -1: a cursor that is none. */
static int first_after(const cg_ask_t *ask, const apr_array_header_t *rows)
{
    const char *cursor = cg_admin_param(ask, "cursor");
    if (!cursor) {
        return 0;
    }
    size_t len = 0;
    unsigned char *place = apr_pcalloc(ask->pool, strlen(cursor) + 1);
    if (!cg_b64url_decode(cursor, strlen(cursor), place, &len) ||
        !memchr(place, 0x1f, len)) {
        return -1;
    }
    place[len] = '\0';
    int first = 0;
    while (first < rows->nelts &&
           strcmp(APR_ARRAY_IDX(rows, first, cg_limit_row_t).place,
                  (const char *)place) <= 0) {
        first++;
    }
    return first;
}

cg_quota_left_t *cg_admin_limits_usage(cg_ask_t *ask,
                                       const cg_limit_row_t *rows, size_t count)
{
    cg_quota_ask_t *asks = apr_pcalloc(ask->pool, (count + 1) * sizeof *asks);
    cg_quota_left_t *left = apr_pcalloc(ask->pool, (count + 1) * sizeof *left);
    for (size_t i = 0; i < count; i++) {
        asks[i].limit = &rows[i].limit;
        asks[i].subject = cg_str(rows[i].subject);
        asks[i].organization = cg_str(rows[i].organization);
    }
    cg_error_t err = {""};
    apr_status_t rv =
        count == 0 ? APR_SUCCESS
                   : cg_quota_usage(ask->admin->quota, asks, count,
                                    ask->call->now, left, &err, ask->pool);
    if (rv != APR_SUCCESS) {
        cg_admin_store_away(ask, err.text);
        return NULL;
    }
    return left;
}

static apr_int64_t seconds_up(apr_int64_t micros)
{
    return micros <= 0 ? 0 : (micros - 1) / APR_USEC_PER_SEC + 1;
}

/* ---- as JSON -------------------------------------------------------------- */

static const char *const algorithm_names[] = {[CG_ALGORITHM_SLIDING] =
                                                  "sliding",
                                              [CG_ALGORITHM_SMOOTH] = "smooth",
                                              [CG_ALGORITHM_EXACT] = "exact"};

static const char *const store_down_names[] = {[CG_STORE_DOWN_UNSET] = NULL,
                                               [CG_STORE_DOWN_CLOSED] =
                                                   "closed",
                                               [CG_STORE_DOWN_LOCAL] = "local",
                                               [CG_STORE_DOWN_OPEN] = "open"};

/* "60s", "month"; of concurrent requests none. */
static const char *window_of(const cg_limit_t *limit, apr_pool_t *pool)
{
    const char *brief = cg_limit_brief(limit, pool);
    const char *slash = strchr(brief, '/');
    return slash ? slash + 1 : "";
}

void cg_admin_limit_facts(const cg_ask_t *ask, cg_json_t *object,
                          const cg_limit_t *limit)
{
    bool is_window = limit->window_for > 0;
    bool is_money = limit->quantity == CG_QUANTITY_MICROS;
    cg_json_set_str(object, "limit", cg_limit_format(limit, ask->pool));
    cg_json_set_str(object, "kind", is_money ? "budget" : "limit");
    cg_json_set_str(object, "quantity",
                    cg_limit_quantity_name((cg_quantity_t)limit->quantity));
    cg_json_set_str(object, "window", window_of(limit, ask->pool));
    if (is_window) {
        cg_json_set_int(object, "window_seconds",
                        limit->window_for / APR_USEC_PER_SEC);
    }
    else {
        cg_json_set_null(object, "window_seconds");
    }
    cg_json_set_str(object, "algorithm",
                    is_window ? algorithm_names[limit->algorithm] : NULL);
    cg_json_set_str(object, "mode", limit->is_soft ? "soft" : "hard");
    cg_json_set_bool(object, "leased", limit->is_leased);
    cg_json_set_str(object, "store_down", store_down_names[limit->store_down]);
}

/* Zeros of a window. */
static cg_period_t period_of(const cg_ask_t *ask, const cg_limit_t *limit)
{
    cg_period_t period = {.from = 0, .stop = 0};
    if (cg_limit_is_calendar(limit)) {
        cg_calendar_find(NULL, limit, ask->call->now, &period);
    }
    return period;
}

/* A paced limit lets little pass at once: what it does not let pass now is not used.
 * Used is what has not drained yet. */
static int64_t used_of(const cg_limit_t *limit, const cg_quota_left_t *left)
{
    int64_t at_once = limit->amount;
    if (limit->algorithm == CG_ALGORITHM_SMOOTH &&
        !cg_limit_is_calendar(limit)) {
        at_once = limit->amount / CG_LIMIT_PACED_PART;
        at_once = at_once > 0 ? at_once : 1;
    }
    return left->remaining < at_once ? at_once - left->remaining : 0;
}

cg_json_t *cg_admin_limit_json(const cg_ask_t *ask, const cg_limit_row_t *row,
                               const cg_quota_left_t *left)
{
    const char *scope = cg_limit_scope(&row->limit, ask->pool);
    apr_time_t reset_for = left->reset_for > 0 ? left->reset_for : 0;
    cg_period_t period = period_of(ask, &row->limit);
    cg_json_t *object = cg_json_object(ask->pool);
    cg_json_set_str(object, "dimension", scope);
    cg_json_set_str(object, "scope", scope);
    cg_json_set_str(object, "subject", row->subject);
    cg_json_set_str(object, "label", row->label);
    cg_json_set_str(object, "organization", row->organization);
    cg_admin_limit_facts(ask, object, &row->limit);
    cg_json_set_int(object, "amount", row->limit.amount);
    cg_json_set_int(object, "used", used_of(&row->limit, left));
    cg_json_set_int(object, "held", left->held);
    cg_json_set_int(object, "remaining", left->remaining);
    cg_json_set_int(object, "reset_seconds", seconds_up(reset_for));
    apr_time_t free_at = period.stop ? period.stop : ask->call->now + reset_for;
    cg_admin_set_time(object, "resets_at", reset_for ? free_at : 0);
    cg_admin_set_time(object, "period_from", period.from);
    cg_admin_set_time(object, "period_to", period.stop);
    cg_json_set_str(object, "set_by", cg_admin_limit_by_name(row->by));
    cg_json_set_str(object, "source", row->source);
    return object;
}

static cg_json_t *budget_json(const cg_ask_t *ask, const cg_limit_row_t *row,
                              const cg_quota_left_t *left)
{
    cg_period_t period = {.name = ""};
    if (cg_limit_is_calendar(&row->limit)) {
        cg_calendar_find(NULL, &row->limit, ask->call->now, &period);
    }
    cg_json_t *object = cg_json_object(ask->pool);
    cg_json_set_str(object, "scope", cg_limit_scope(&row->limit, ask->pool));
    cg_json_set_str(object, "subject", row->subject);
    cg_json_set_str(object, "label", row->label);
    cg_json_set_str(object, "limit", cg_limit_format(&row->limit, ask->pool));
    cg_json_set_str(object, "period", period.name);
    cg_json_set_int(object, "amount_micros", row->limit.amount);
    cg_json_set_int(object, "used_micros", used_of(&row->limit, left));
    cg_json_set_int(object, "held_micros", left->held);
    cg_json_set_int(object, "remaining_micros", left->remaining);
    cg_json_set_int(object, "reset_seconds", seconds_up(left->reset_for));
    cg_json_set_str(object, "source", row->source);
    return object;
}

/* ---- the endpoints --------------------------------------------------------- */

typedef cg_json_t *(*show_t)(const cg_ask_t *ask, const cg_limit_row_t *row,
                             const cg_quota_left_t *left);

static void reply_page(cg_ask_t *ask, const apr_array_header_t *rows, int first,
                       show_t show)
{
    int last = first + (int)cg_admin_param_limit(ask);
    if (last > rows->nelts) {
        last = rows->nelts;
    }
    const cg_limit_row_t *from = &APR_ARRAY_IDX(rows, first, cg_limit_row_t);
    size_t count = (size_t)(last - first);
    cg_quota_left_t *left = cg_admin_limits_usage(ask, from, count);
    if (!left) {
        return;
    }
    cg_json_t *items = cg_json_array(ask->pool);
    for (size_t i = 0; i < count; i++) {
        cg_json_add(items, show(ask, &from[i], &left[i]));
    }
    bool is_end = last == rows->nelts;
    cg_admin_list(ask, items,
                  is_end ? NULL : cursor_of(&from[count - 1], ask->pool));
}

static void list(cg_ask_t *ask, const cg_limit_wish_t *wish, show_t show)
{
    apr_array_header_t *rows = cg_admin_limits_gather(ask, wish);
    int first = rows ? first_after(ask, rows) : 0;
    if (!rows) {
        return;
    }
    if (first < 0) {
        cg_admin_refuse_cursor(ask);
        return;
    }
    reply_page(ask, rows, first, show);
}

void cg_admin_limits_list(cg_ask_t *ask)
{
    cg_limit_wish_t wish;
    if (cg_admin_has_quota(ask) && cg_admin_limits_wish(ask, &wish)) {
        list(ask, &wish, cg_admin_limit_json);
    }
}

void cg_admin_budgets_list(cg_ask_t *ask)
{
    cg_limit_wish_t wish;
    if (cg_admin_has_quota(ask) && cg_admin_limits_wish(ask, &wish)) {
        wish.kind = CG_LIMIT_KIND_BUDGET;
        list(ask, &wish, budget_json);
    }
}
