/* Keys as CSV: taken out without their secrets, and brought in.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An import does line for line what the other endpoints do, and each line is
 * recorded like them: a key that cannot be recorded is taken back, and the lines
 * behind it are left; the secrets of those before it are told all the same.
 */
#include <string.h>

#include <apr_strings.h>

#include "admin/keyjson.h"
#include "admin/members.h"
#include "auth/keyimport.h"
#include "base/digest.h"

#define PAGE 250
#define LINES_MAX 2000 /* one call is one round trip of a browser */

/* ---- export ------------------------------------------------------------------ */

static apr_status_t send_keys(cg_ask_t *ask, const cg_key_filter_t *filter,
                              cg_error_t *err)
{
    const char *cursor = NULL;
    apr_status_t rv = APR_SUCCESS;
    apr_pool_t *page;
    apr_pool_create(&page, ask->pool);
    do {
        apr_array_header_t *keys;
        const char *next;
        rv = cg_apikey_find(ask->admin->keyring, filter, ask->call->now, cursor,
                            PAGE, &keys, &next, err, page);
        for (int i = 0; rv == APR_SUCCESS && i < keys->nelts; i++) {
            cg_keycsv_write(&APR_ARRAY_IDX(keys, i, cg_key_t), ask->call->now,
                            &ask->reply->body, page);
        }
        if (rv == APR_SUCCESS && ask->reply->body.len >= CG_ADMIN_PIECE_BYTES) {
            rv = cg_admin_send_piece(ask);
        }
        cursor =
            rv == APR_SUCCESS && next ? apr_pstrdup(ask->pool, next) : NULL;
        apr_pool_clear(page);
    } while (cursor);
    apr_pool_destroy(page);
    return rv;
}

void cg_admin_keys_export(cg_ask_t *ask)
{
    cg_key_filter_t filter;
    if (!cg_admin_has_keyring(ask) || !cg_admin_key_filter(ask, &filter)) {
        return;
    }
    ask->reply->status = 200;
    ask->reply->content_type = "text/csv; charset=utf-8";
    apr_table_setn(ask->reply->headers, "Content-Disposition",
                   "attachment; filename=\"chatgpt-keys.csv\"");
    if (strcmp(ask->call->method, "HEAD") == 0) {
        return;
    }
    cg_error_t err = {""};
    cg_keycsv_head(&ask->reply->body);
    apr_status_t rv = send_keys(ask, &filter, &err);
    if (rv == APR_SUCCESS) {
        rv = cg_admin_send_piece(ask);
    }
    if (rv == APR_SUCCESS) {
        return;
    }
    if (ask->reply->was_streamed) {
        ask->reply->is_cut = true; /* nobody must take a part for the whole */
        return;
    }
    apr_table_unset(ask->reply->headers, "Content-Disposition");
    cg_admin_store_away(ask, err.text);
}

/* ---- import ------------------------------------------------------------------ */

static cg_json_t *line_json(cg_ask_t *ask, int64_t line,
                            const cg_key_import_t *done, const char *audit_id)
{
    cg_json_t *item = cg_json_object(ask->pool);
    bool has_failed = done->result == CG_KEY_FAILED;
    cg_json_set_int(item, "line", line);
    cg_json_set_str(item, "result", cg_key_result_name(done->result));
    if (done->after.id[0] && !has_failed) {
        cg_json_set_str(item, "id", done->after.id);
    }
    else {
        cg_json_set_null(item, "id");
    }
    cg_json_set_str(item, "name", done->after.name);
    if (done->spelled[0] && !has_failed) {
        cg_json_set_str(item, "key", done->spelled);
    }
    else {
        cg_json_set_null(item, "key");
    }
    cg_json_set_str(item, "detail", has_failed ? done->err.text : "");
    if (audit_id) {
        cg_json_set_str(item, "audit_id", audit_id);
    }
    else {
        cg_json_set_null(item, "audit_id");
    }
    return item;
}

/* A pack must be one of this server, as for a key of the form. */
static void check_packs(const cg_ask_t *ask, cg_key_import_t *plan)
{
    cg_error_t err = {""};
    if (plan->result != CG_KEY_FAILED &&
        !cg_admin_redact_check(ask, plan->after.redact, &err)) {
        plan->result = CG_KEY_FAILED;
        cg_error_set(&plan->err, "redact: %.300s", err.text);
    }
}

/* As create and update do: done, recorded, or taken back. False: it could not be
 * recorded. */
static bool do_line(cg_ask_t *ask, cg_key_import_t *plan,
                    const char **out_audit_id)
{
    cg_keyring_t *ring = ask->admin->keyring;
    cg_keyimport_do(ring, ask->call->now, plan, ask->pool);
    if (plan->result == CG_KEY_FAILED || plan->result == CG_KEY_UNCHANGED) {
        return true;
    }
    bool is_new = plan->result == CG_KEY_CREATED;
    *out_audit_id = cg_admin_record_key(
        ask, is_new ? 201 : 200, is_new ? NULL : &plan->before, &plan->after);
    if (*out_audit_id) {
        return true;
    }
    if (is_new) {
        cg_apikey_revoke(ring, plan->after.id, &plan->after, NULL, ask->pool);
    }
    else if (plan->result == CG_KEY_UPDATED) {
        plan->before.version = plan->after.version;
        cg_apikey_update(ring, &plan->before, &plan->after, NULL, ask->pool);
    }
    return false;
}

/* Has a line a secret to tell, or a change? */
static bool has_done(const int64_t counts[CG_KEY_RESULT_COUNT])
{
    return counts[CG_KEY_CREATED] || counts[CG_KEY_UPDATED] ||
           counts[CG_KEY_ENDED];
}

/* False: nothing was done, since nothing can be recorded, which is answered. */
static bool read_lines(cg_ask_t *ask, cg_keycsv_t *csv, bool is_dry,
                       cg_json_t *items, int64_t counts[CG_KEY_RESULT_COUNT])
{
    cg_keycsv_row_t row;
    bool goes_on = true;
    cg_key_import_t *plan = apr_palloc(ask->pool, sizeof *plan);
    while (cg_keycsv_next(csv, &row, ask->pool)) {
        const char *audit_id = NULL;
        if (goes_on) {
            cg_keyimport_plan(ask->admin->keyring, csv, &row, ask->call->now,
                              plan, ask->pool);
            check_packs(ask, plan);
            goes_on = is_dry || do_line(ask, plan, &audit_id);
        }
        if (!goes_on) {
            *plan = (cg_key_import_t){.result = CG_KEY_FAILED};
            cg_error_set(&plan->err, "changes cannot be recorded now: this "
                                     "line was not done");
        }
        counts[plan->result]++;
        cg_json_add(items, line_json(ask, row.line, plan, audit_id));
        cg_wipe(plan->spelled, sizeof plan->spelled);
    }
    return goes_on || has_done(counts);
}

void cg_admin_keys_import(cg_ask_t *ask)
{
    cg_str_t text = cg_str(cg_json_get_str(ask->body, "csv", ""));
    bool is_dry = cg_json_get_bool(ask->body, "dry_run", false);
    int64_t counts[CG_KEY_RESULT_COUNT] = {0};
    cg_error_t err = {""};
    if (!cg_admin_has_keyring(ask)) {
        return;
    }
    cg_keycsv_t *csv =
        cg_admin_csv_fits(ask, text, LINES_MAX,
                          "; chatgptctl key import takes any number")
            ? cg_keycsv_open(text, &err, ask->pool)
            : NULL;
    if (!csv) {
        if (!cg_admin_has_faults(ask)) {
            cg_admin_fault(ask, "body", "/csv", "bad_csv", err.text);
        }
        cg_admin_refuse_faults(ask);
        return;
    }
    cg_json_t *answer = cg_json_object(ask->pool);
    cg_json_t *items = cg_json_array(ask->pool);
    if (!read_lines(ask, csv, is_dry, items, counts)) {
        return;
    }
    cg_json_set(answer, "items", items);
    cg_json_set_bool(answer, "dry_run", is_dry);
    for (int i = 0; i < CG_KEY_RESULT_COUNT; i++) {
        cg_json_set_int(answer, cg_key_result_name((cg_key_result_t)i),
                        counts[i]);
    }
    cg_admin_json(ask, 200, answer);
}
