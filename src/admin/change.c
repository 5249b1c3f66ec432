/* What an operator did, as a record of the ledger.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The record has the shape of a request's (audit/record.h) with endpoint
 * "admin", so that one journal, one export and one chain hold both; three more
 * members stand at its end:
 *
 *   "request_id": of the call · "subject": what was changed, e.g. "keys/ab12"
 *   "change": {"name":{"before":"a","after":"b"}}
 *
 * No member ever holds a secret: what is compared are the same objects that the
 * API shows.
 */
#include <string.h>

#include <apr_strings.h>

#include "admin/admin_int.h"
#include "audit/journal.h"
#include "audit/record.h"
#include "base/clock.h"

/* ---- what differs ------------------------------------------------------- */

static bool is_same(const cg_json_t *a, const cg_json_t *b, apr_pool_t *pool)
{
    return strcmp(cg_json_dump(a, NULL, pool), cg_json_dump(b, NULL, pool)) ==
           0;
}

/* Adds the members of one that differ in the other; both calls together find
 * those that only one side has. */
static void add_differing(const cg_json_t *one, const cg_json_t *before,
                          const cg_json_t *after, cg_json_t *out,
                          apr_pool_t *pool)
{
    void *iter = NULL;
    const char *name = NULL;
    cg_json_t *ignored = NULL;
    while (one && cg_json_each(one, &iter, &name, &ignored)) {
        cg_json_t *old = cg_json_get(before, name);
        cg_json_t *new = cg_json_get(after, name);
        if (is_same(old, new, pool) || cg_json_get(out, name)) {
            continue;
        }
        cg_json_t *pair = cg_json_object(pool);
        cg_json_set(pair, "before", old);
        cg_json_set(pair, "after", new);
        cg_json_set(out, name, pair);
    }
}

cg_json_t *cg_admin_difference(const cg_json_t *before, const cg_json_t *after,
                               apr_pool_t *pool)
{
    cg_json_t *out = cg_json_object(pool);
    add_differing(before, before, after, out, pool);
    add_differing(after, before, after, out, pool);
    return out;
}

/* ---- the record --------------------------------------------------------- */

static void add_own_members(const cg_ask_t *ask, const char *subject,
                            const cg_json_t *change, cg_buf_t *out)
{
    const char *request_id = ask->call->request_id ? ask->call->request_id : "";
    out->len--; /* the closing brace */
    cg_buf_str(out, ",\"request_id\":");
    cg_buf_json_string(out, request_id, strlen(request_id));
    cg_buf_str(out, ",\"subject\":");
    cg_buf_json_string(out, subject, strlen(subject));
    cg_buf_str(out, ",\"change\":");
    cg_buf_str(out, cg_json_dump(change, NULL, ask->pool));
    cg_buf_char(out, '}');
}

static apr_status_t append(const cg_ask_t *ask, const cg_record_t *record,
                           const char *subject, const cg_json_t *change,
                           cg_error_t *err)
{
    cg_buf_t text;
    cg_buf_init(&text, 1024, ask->pool);
    cg_record_write(record, &text);
    add_own_members(ask, subject, change, &text);
    cg_journal_entry_t entry = {.at = 0};
    cg_journal_entry_make(record, (cg_str_t){text.ptr, text.len}, &entry);
    return cg_journal_append(ask->admin->journal, &entry, err);
}

const char *cg_admin_record(cg_ask_t *ask, const char *decision, int status,
                            const char *subject, const cg_json_t *change)
{
    if (!ask->admin->journal) {
        cg_admin_problem(ask, CG_PROBLEM_SERVICE, "there is no audit journal");
        return NULL;
    }
    char *id = apr_palloc(ask->pool, 37);
    cg_clock_uuid7(ask->call->now, id);
    cg_record_t record = {
        .id = id,
        .at = ask->call->now,
        .user = ask->call->operator.name,
        .address = ask->call->operator.address,
        .endpoint = CG_ADMIN_ENDPOINT_NAME,
        .model_asked = CG_STR(""),
        .model_served = CG_STR(""),
        .decision = decision,
        .reason = ask->endpoint->operation,
        .status = status,
        .tokens_from = "none",
    };
    cg_error_t err = {""};
    if (append(ask, &record, subject ? subject : "", change, &err) !=
        APR_SUCCESS) {
        cg_admin_problem(ask, CG_PROBLEM_UNRECORDED, "%s", err.text);
        return NULL;
    }
    return id;
}

const char *cg_admin_record_change(cg_ask_t *ask, int status,
                                   const char *subject, const cg_json_t *before,
                                   const cg_json_t *after)
{
    cg_json_t *change = cg_admin_difference(before, after, ask->pool);
    const char *reason = cg_json_get_str(ask->body, "reason", NULL);
    if (reason) {
        cg_json_t *pair = cg_json_object(ask->pool);
        cg_json_set_null(pair, "before");
        cg_json_set_str(pair, "after", reason);
        cg_json_set(change, "reason", pair);
    }
    return cg_admin_record(ask, "changed", status, subject, change);
}
