/* Reading audit records for those files of this room that show them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "admin/records.h"

#include <string.h>

/* A page may need several looks at the ledger when most of what it finds is
 * left out; a call looks at this many times CG_LEDGER_SCAN_MAX records. */
#define LOOKS_MAX 4

cg_ledger_t *cg_admin_ledger(cg_ask_t *ask)
{
    cg_ledger_t *ledger = NULL;
    if (!ask->admin->store) {
        cg_admin_problem(ask, CG_PROBLEM_SERVICE, "there is no ledger");
        return NULL;
    }
    apr_status_t rv =
        cg_ledger_open(&ledger, ask->admin->store, NULL, 0, ask->pool);
    if (rv != APR_SUCCESS) {
        cg_admin_problem(ask, CG_PROBLEM_INTERNAL, "the ledger cannot be read");
        return NULL;
    }
    return ledger;
}

void cg_admin_ledger_refuse(cg_ask_t *ask, apr_status_t rv,
                            const cg_error_t *err, const char *pointer)
{
    if (rv == APR_EINVAL) {
        cg_admin_fault(ask, "query", pointer,
                       strcmp(pointer, "/cursor") == 0 ? "bad_cursor"
                                                       : "out_of_range",
                       *err->text ? err->text : "not valid");
        cg_admin_refuse_faults(ask);
    }
    else {
        cg_admin_store_away(ask, err->text);
    }
}

cg_ledger_filter_t cg_admin_filter(const cg_ask_t *ask)
{
    return (cg_ledger_filter_t){
        .from = cg_admin_param_time(ask, "from", 0),
        .to = cg_admin_param_time(ask, "to", 0),
        .key = cg_admin_param(ask, "key"),
        .team = cg_admin_param(ask, "team"),
        .user = cg_admin_param(ask, "user"),
        .model = cg_admin_param(ask, "model"),
        .decision = cg_admin_param(ask, "decision"),
        .reason = cg_admin_param(ask, "reason"),
        .endpoint = cg_admin_param(ask, "endpoint"),
        .finding = cg_admin_param(ask, "finding"),
        .q = cg_admin_param(ask, "q"),
        .limit = cg_admin_param_limit(ask),
        .cursor = cg_admin_param(ask, "cursor"),
    };
}

bool cg_admin_is_event(const cg_json_t *record)
{
    return strcmp(cg_json_get_str(record, "endpoint", ""),
                  CG_ADMIN_ENDPOINT_NAME) == 0;
}

void cg_admin_list_records(cg_ask_t *ask, cg_ledger_filter_t filter,
                           cg_json_t *(*show)(cg_ask_t *, cg_json_t *))
{
    cg_ledger_t *ledger = cg_admin_ledger(ask);
    if (!ledger) {
        return;
    }
    cg_json_t *items = cg_json_array(ask->pool);
    size_t wanted = filter.limit;
    for (int look = 0; look < LOOKS_MAX && cg_json_size(items) < wanted;
         look++) {
        cg_buf_t page;
        cg_buf_init(&page, 4096, ask->pool);
        cg_error_t err = {""};
        filter.limit = wanted - cg_json_size(items);
        apr_status_t rv = cg_ledger_list(ledger, &filter, &page, &filter.cursor,
                                         &err, ask->pool);
        if (rv != APR_SUCCESS) {
            cg_admin_ledger_refuse(ask, rv, &err, "/cursor");
            return;
        }
        const cg_json_t *records =
            cg_json_parse(page.ptr, page.len, NULL, ask->pool);
        for (size_t i = 0; i < cg_json_size(records); i++) {
            cg_json_t *shown = show(ask, cg_json_at(records, i));
            if (shown) {
                cg_json_add(items, shown);
            }
        }
        if (!filter.cursor) {
            break;
        }
    }
    cg_admin_list(ask, items, filter.cursor);
}

void cg_admin_get_record(cg_ask_t *ask,
                         cg_json_t *(*show)(cg_ask_t *, cg_json_t *))
{
    cg_ledger_t *ledger = cg_admin_ledger(ask);
    if (!ledger) {
        return;
    }
    cg_str_t text = CG_STR("");
    cg_error_t err = {""};
    apr_status_t rv = cg_ledger_get(ledger, ask->id, &text, &err, ask->pool);
    if (rv != APR_SUCCESS && !APR_STATUS_IS_NOTFOUND(rv) && rv != APR_EINVAL) {
        cg_admin_store_away(ask, err.text);
        return;
    }
    cg_json_t *record = rv == APR_SUCCESS
                            ? cg_json_parse(text.ptr, text.len, NULL, ask->pool)
                            : NULL;
    cg_json_t *shown = record ? show(ask, record) : NULL;
    if (!shown) {
        cg_admin_problem(ask, CG_PROBLEM_ABSENT,
                         "there is no such record (any more, or yet)");
        return;
    }
    cg_admin_json(ask, 200, shown);
}
