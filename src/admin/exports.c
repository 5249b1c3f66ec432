/* Taking records out of the house as JSON lines, oldest first.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An export holds operators' records too, so that it can be checked as a whole.
 * Who took what is recorded before the first line leaves. The records go out in
 * pieces: memory stays small whatever their number.
 */
#include <string.h>

#include "admin/admin_int.h"
#include "admin/records.h"

static apr_status_t on_line(void *baton, cg_str_t json)
{
    cg_ask_t *ask = baton;
    cg_buf_add(&ask->reply->body, json.ptr, json.len);
    cg_buf_char(&ask->reply->body, '\n');
    return ask->reply->body.len < CG_ADMIN_PIECE_BYTES
               ? APR_SUCCESS
               : cg_admin_send_piece(ask);
}

static void begin_export(cg_ask_t *ask)
{
    ask->reply->status = 200;
    ask->reply->content_type = "application/x-ndjson";
    apr_table_setn(ask->reply->headers, "Content-Disposition",
                   "attachment; filename=\"chatgpt-audit.jsonl\"");
}

/* Nobody must take a part for the whole: after the first piece only cutting the
 * connection says so. */
static void break_off(cg_ask_t *ask, const cg_error_t *err)
{
    if (ask->reply->was_streamed) {
        ask->reply->is_cut = true;
        return;
    }
    apr_table_unset(ask->reply->headers, "Content-Disposition");
    cg_admin_store_away(ask, err->text);
}

/* What was taken out of the house, by the filter that chose it. */
static cg_json_t *filter_json(const cg_ask_t *ask)
{
    cg_json_t *filter = cg_json_object(ask->pool);
    for (const cg_field_t *f = ask->endpoint->params; f->name; f++) {
        const char *value = cg_admin_param(ask, f->name);
        if (value && strcmp(f->name, "q") != 0) {
            cg_json_set_str(filter, f->name, value);
        }
    }
    cg_json_set_bool(filter, "q", cg_admin_param(ask, "q") != NULL);
    return filter;
}

void cg_admin_exports_get(cg_ask_t *ask)
{
    if (strcmp(ask->call->method, "HEAD") == 0) {
        begin_export(ask);
        return;
    }
    cg_ledger_t *ledger = cg_admin_ledger(ask);
    if (!ledger) {
        return;
    }
    const char *audit_id =
        cg_admin_record(ask, "read", 200, "exports", filter_json(ask));
    if (!audit_id) {
        return;
    }
    apr_table_setn(ask->reply->headers, "X-Audit-Id", audit_id);
    begin_export(ask);
    cg_ledger_filter_t filter = cg_admin_filter(ask);
    filter.limit = 0;
    cg_error_t err = {""};
    apr_status_t rv =
        cg_ledger_export(ledger, &filter, on_line, ask, &err, ask->pool);
    if (rv == APR_SUCCESS) {
        rv = cg_admin_send_piece(ask);
    }
    if (rv != APR_SUCCESS) {
        break_off(ask, &err);
    }
}
