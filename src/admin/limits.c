/* Limits and budgets with what is used of them now.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A limit is known for as many subjects as can be named: every key that may
 * still be used, the users and teams of keys, the models of the models file.
 * Addresses, and users that come by a token, are too many to list; ask for one
 * by scope and subject. As at admission, a key's own limit stands in the place
 * of the configured one of the same quantity.
 *
 * Rows are ordered by scope, subject and limit, and a cursor holds the place of
 * the last row shown: rows that come or go meanwhile move nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "admin/admin_int.h"
#include "auth/apikey.h"
#include "base/clock.h"
#include "quota/quota.h"

#define KEYS_MAX 10000 /* read for one answer */
#define KEYS_PAGE 500

typedef struct row_t {
    cg_limit_t limit;
    const char *subject;
    const char *label; /* for people: a key's name */
    const char *source;
    const char *place; /* sorts */
} row_t;

/* What is being gathered, and of which kind. */
typedef struct rows_t {
    cg_ask_t *ask;
    apr_array_header_t *rows; /* of row_t */
    bool is_money;
} rows_t;

/* ---- gathering ---------------------------------------------------------- */

static bool is_wanted(const rows_t *all, const cg_limit_t *limit,
                      const char *subject)
{
    const char *scope = cg_admin_param(all->ask, "scope");
    const char *only = cg_admin_param(all->ask, "subject");
    return *subject &&
           (limit->quantity == CG_QUANTITY_MICROS) == all->is_money &&
           (!scope ||
            strcmp(scope, cg_limit_dimension_name(
                              (cg_dimension_t)limit->dimension)) == 0) &&
           (!only || strcmp(only, subject) == 0);
}

static void add_row(rows_t *all, const cg_limit_t *limit, const char *subject,
                    const char *label, const char *source)
{
    if (!is_wanted(all, limit, subject)) {
        return;
    }
    apr_pool_t *pool = all->ask->pool;
    row_t *row = apr_array_push(all->rows);
    row->limit = *limit;
    row->subject = apr_pstrdup(pool, subject);
    row->label = apr_pstrdup(pool, label);
    row->source = source;
    row->place = apr_psprintf(
        pool, "%d %s\x1f%d %020" APR_INT64_T_FMT " %020" APR_INT64_T_FMT,
        limit->dimension, row->subject, limit->quantity, limit->window_for,
        limit->amount);
}

static bool has_own(const cg_key_t *key, const cg_limit_t *configured)
{
    for (int i = 0; i < key->limits_count; i++) {
        if (key->limits[i].quantity == configured->quantity) {
            return true;
        }
    }
    return false;
}

/* Whom a configured limit counts when this key is used; "": nobody. */
static const char *subject_of(const cg_key_t *key, const cg_limit_t *limit)
{
    switch ((cg_dimension_t)limit->dimension) {
    case CG_DIMENSION_KEY:
        return has_own(key, limit) ? "" : key->id;
    case CG_DIMENSION_USER:
        return key->user;
    case CG_DIMENSION_TEAM:
        return key->team;
    default:
        return "";
    }
}

static void add_key(rows_t *all, const cg_key_t *key)
{
    const cg_admin_t *admin = all->ask->admin;
    bool is_over = key->state == CG_KEY_STATE_REVOKED ||
                   (key->expires_at && key->expires_at <= all->ask->call->now);
    if (is_over) {
        return;
    }
    for (int i = 0; i < key->limits_count; i++) {
        add_row(all, &key->limits[i], key->id, key->name,
                apr_pstrcat(all->ask->pool, "key ", key->id, NULL));
    }
    for (size_t i = 0; i < admin->default_limits_count; i++) {
        const cg_admin_limit_t *row = &admin->default_limits[i];
        const char *subject = subject_of(key, &row->limit);
        bool is_key = row->limit.dimension == CG_DIMENSION_KEY;
        add_row(all, &row->limit, subject, is_key ? key->name : subject,
                row->where);
    }
}

/* Models, which need no key, and the one subject that was asked for. */
static void add_named(rows_t *all)
{
    const cg_admin_t *admin = all->ask->admin;
    const char *only = cg_admin_param(all->ask, "subject");
    for (size_t i = 0; i < admin->default_limits_count; i++) {
        const cg_admin_limit_t *row = &admin->default_limits[i];
        bool is_model = row->limit.dimension == CG_DIMENSION_MODEL;
        for (size_t m = 0; is_model && m < admin->models_count; m++) {
            add_row(all, &row->limit, admin->models[m], admin->models[m],
                    row->where);
        }
        if (only && row->limit.dimension != CG_DIMENSION_KEY) {
            add_row(all, &row->limit, only, only, row->where);
        }
    }
}

static apr_status_t add_keys(rows_t *all, cg_error_t *err)
{
    const char *cursor = NULL;
    cg_keyring_t *ring = all->ask->admin->keyring;
    for (int read = 0; ring && read < KEYS_MAX; read += KEYS_PAGE) {
        apr_array_header_t *keys = NULL;
        const char *next = NULL;
        apr_status_t rv = cg_apikey_list(ring, cursor, KEYS_PAGE, &keys, &next,
                                         err, all->ask->pool);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        for (int i = 0; i < keys->nelts; i++) {
            add_key(all, &APR_ARRAY_IDX(keys, i, cg_key_t));
        }
        if (!next) {
            break;
        }
        cursor = next;
    }
    return APR_SUCCESS;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const row_t *)a)->place, ((const row_t *)b)->place);
}

/* Two keys of one team, or two locations, give the same row twice. */
static void sort_rows(apr_array_header_t *rows)
{
    qsort(rows->elts, (size_t)rows->nelts, sizeof(row_t), compare);
    int kept = 0;
    for (int i = 0; i < rows->nelts; i++) {
        row_t *row = &APR_ARRAY_IDX(rows, i, row_t);
        if (kept == 0 || strcmp(APR_ARRAY_IDX(rows, kept - 1, row_t).place,
                                row->place) != 0) {
            APR_ARRAY_IDX(rows, kept, row_t) = *row;
            kept++;
        }
    }
    rows->nelts = kept;
}

/* ---- the page ----------------------------------------------------------- */

static const char *cursor_of(const row_t *row, apr_pool_t *pool)
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
           strcmp(APR_ARRAY_IDX(rows, first, row_t).place,
                  (const char *)place) <= 0) {
        first++;
    }
    return first;
}

static cg_quota_left_t *read_usage(cg_ask_t *ask, const row_t *rows,
                                   size_t count)
{
    cg_quota_ask_t *asks = apr_pcalloc(ask->pool, (count + 1) * sizeof *asks);
    cg_quota_left_t *left = apr_pcalloc(ask->pool, (count + 1) * sizeof *left);
    for (size_t i = 0; i < count; i++) {
        asks[i].limit = &rows[i].limit;
        asks[i].subject = cg_str(rows[i].subject);
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

static cg_json_t *row_json(const cg_ask_t *ask, const row_t *row,
                           const cg_quota_left_t *left)
{
    bool is_money = row->limit.quantity == CG_QUANTITY_MICROS;
    apr_int64_t used = row->limit.amount - left->remaining;
    cg_json_t *object = cg_json_object(ask->pool);
    cg_json_set_str(
        object, "scope",
        cg_limit_dimension_name((cg_dimension_t)row->limit.dimension));
    cg_json_set_str(object, "subject", row->subject);
    cg_json_set_str(object, "label", row->label);
    cg_json_set_str(object, "limit", cg_limit_format(&row->limit, ask->pool));
    if (is_money) {
        char month[8];
        cg_clock_month(ask->call->now, month);
        cg_json_set_str(object, "period", month);
        cg_json_set_int(object, "amount_micros", row->limit.amount);
        cg_json_set_int(object, "used_micros", used);
        cg_json_set_int(object, "held_micros", left->held);
        cg_json_set_int(object, "remaining_micros", left->remaining);
    }
    else {
        cg_json_set_str(object, "quantity",
                        row->limit.quantity == CG_QUANTITY_TOKENS ? "tokens"
                                                                  : "requests");
        cg_json_set_int(object, "window_seconds",
                        row->limit.window_for / APR_USEC_PER_SEC);
        cg_json_set_int(object, "amount", row->limit.amount);
        cg_json_set_int(object, "used", used);
        cg_json_set_int(object, "remaining", left->remaining);
    }
    cg_json_set_int(object, "reset_seconds", seconds_up(left->reset_for));
    cg_json_set_str(object, "source", row->source);
    return object;
}

static void reply_page(cg_ask_t *ask, const apr_array_header_t *rows, int first)
{
    int last = first + (int)cg_admin_param_limit(ask);
    if (last > rows->nelts) {
        last = rows->nelts;
    }
    const row_t *from = &APR_ARRAY_IDX(rows, first, row_t);
    size_t count = (size_t)(last - first);
    cg_quota_left_t *left = read_usage(ask, from, count);
    if (!left) {
        return;
    }
    cg_json_t *items = cg_json_array(ask->pool);
    for (size_t i = 0; i < count; i++) {
        cg_json_add(items, row_json(ask, &from[i], &left[i]));
    }
    bool is_end = last == rows->nelts;
    cg_admin_list(ask, items,
                  is_end ? NULL : cursor_of(&from[count - 1], ask->pool));
}

static void list(cg_ask_t *ask, bool is_money)
{
    if (!ask->admin->quota) {
        cg_admin_problem(ask, CG_PROBLEM_SERVICE, "limits are not configured");
        return;
    }
    rows_t all = {ask, apr_array_make(ask->pool, 64, sizeof(row_t)), is_money};
    cg_error_t err = {""};
    if (add_keys(&all, &err) != APR_SUCCESS) {
        cg_admin_store_away(ask, err.text);
        return;
    }
    add_named(&all);
    sort_rows(all.rows);
    int first = first_after(ask, all.rows);
    if (first < 0) {
        cg_admin_fault(ask, "query", "/cursor", "bad_cursor",
                       "a next_cursor of an earlier answer");
        cg_admin_refuse_faults(ask);
        return;
    }
    reply_page(ask, all.rows, first);
}

void cg_admin_limits_list(cg_ask_t *ask)
{
    list(ask, false);
}

void cg_admin_budgets_list(cg_ask_t *ask)
{
    list(ask, true);
}
