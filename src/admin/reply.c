/* Making the answer: JSON, lists, and problems of RFC 9457.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <apr_strings.h>

#include "admin/admin_int.h"
#include "base/clock.h"

#define RETRY_AFTER_SECONDS "5"
#define WHOLE_CURSOR "at-"

const cg_problem_row_t cg_admin_problems[CG_PROBLEM_KINDS] = {
#define CG_PROBLEM_ROW(id, slug, status, title) {slug, status, title},
    CG_PROBLEMS(CG_PROBLEM_ROW)
#undef CG_PROBLEM_ROW
};

void cg_admin_reply_init(cg_admin_reply_t *reply, apr_pool_t *pool)
{
    *reply = (cg_admin_reply_t){.status = 500};
    reply->headers = apr_table_make(pool, 8);
    cg_buf_init(&reply->body, 0, pool);
    apr_table_setn(reply->headers, "Cache-Control", "no-store");
    apr_table_setn(reply->headers, "X-Content-Type-Options", "nosniff");
    apr_table_setn(reply->headers, "Cross-Origin-Resource-Policy",
                   "same-origin");
}

/* Replaces whatever body was begun. */
static void set_body(cg_ask_t *ask, int status, const char *content_type,
                     const cg_json_t *value)
{
    size_t len = 0;
    const char *text = cg_json_dump(value, &len, ask->pool);
    ask->reply->status = status;
    ask->reply->content_type = content_type;
    ask->reply->body.len = 0;
    cg_buf_add(&ask->reply->body, text, len);
}

void cg_admin_json(cg_ask_t *ask, int status, const cg_json_t *value)
{
    set_body(ask, status, "application/json", value);
}

void cg_admin_list(cg_ask_t *ask, cg_json_t *items, const char *next_cursor)
{
    cg_json_t *list = cg_json_object(ask->pool);
    cg_json_set(list, "items", items);
    cg_json_set_str(list, "next_cursor", next_cursor);
    cg_admin_json(ask, 200, list);
}

/* Index that a cursor of a whole list names; -1: a cursor that is none. */
static apr_int64_t index_of(const cg_ask_t *ask)
{
    const char *cursor = cg_admin_param(ask, "cursor");
    if (!cursor) {
        return 0;
    }
    int64_t index = 0;
    size_t skip = sizeof WHOLE_CURSOR - 1;
    bool is_one = strncmp(cursor, WHOLE_CURSOR, skip) == 0 &&
                  cg_parse_count(cg_str(cursor + skip), &index);
    return is_one ? index : -1;
}

void cg_admin_list_whole(cg_ask_t *ask, const cg_json_t *all)
{
    apr_int64_t first = index_of(ask);
    if (first < 0) {
        cg_admin_refuse_cursor(ask);
        return;
    }
    size_t limit = cg_admin_param_limit(ask);
    size_t at = (size_t)first;
    cg_json_t *items = cg_json_array(ask->pool);
    for (; at < cg_json_size(all) && cg_json_size(items) < limit; at++) {
        cg_json_add(items, cg_json_at(all, at));
    }
    const char *next =
        at < cg_json_size(all)
            ? apr_psprintf(ask->pool, WHOLE_CURSOR "%" APR_SIZE_T_FMT, at)
            : NULL;
    cg_admin_list(ask, items, next);
}

/* The type leads to the problem's row in the OpenAPI document (RFC 9457 section
 * 3.1.1 wants a URI that names the kind, and may be looked up). */
void cg_admin_problem(cg_ask_t *ask, cg_problem_t problem, const char *fmt, ...)
{
    const cg_problem_row_t *row = &cg_admin_problems[problem];
    va_list ap;
    va_start(ap, fmt);
    const char *detail = apr_pvsprintf(ask->pool, fmt, ap);
    va_end(ap);
    const char *base = ask->call->base ? ask->call->base : "";
    cg_json_t *body = cg_json_object(ask->pool);
    cg_json_set_str(body, "type",
                    apr_pstrcat(ask->pool, base, "/openapi.json#/x-problems/",
                                row->slug, NULL));
    cg_json_set_str(body, "title", row->title);
    cg_json_set_int(body, "status", row->status);
    cg_json_set_str(body, "detail", detail);
    cg_json_set_str(body, "instance", ask->call->request_id);
    cg_json_set(body, "errors", ask->errors);
    set_body(ask, row->status, "application/problem+json", body);
}

void cg_admin_store_away(cg_ask_t *ask, const char *words)
{
    apr_table_setn(ask->reply->headers, "Retry-After", RETRY_AFTER_SECONDS);
    cg_admin_problem(ask, CG_PROBLEM_STORE, "%s",
                     words && *words ? words : "the store does not answer");
}

void cg_admin_refuse_faults(cg_ask_t *ask)
{
    cg_admin_problem(ask, CG_PROBLEM_INVALID,
                     "%" APR_SIZE_T_FMT " fault(s) in the request, see errors",
                     cg_json_size(ask->errors));
}

void cg_admin_refuse_cursor(cg_ask_t *ask)
{
    cg_admin_fault(ask, "query", "/cursor", "bad_cursor",
                   "a next_cursor of an earlier answer");
    cg_admin_refuse_faults(ask);
}

/* Strong (RFC 9110 section 8.8.3): a version never stands for two states. */
void cg_admin_etag(cg_ask_t *ask, apr_int64_t version)
{
    apr_table_setn(
        ask->reply->headers, "ETag",
        apr_psprintf(ask->pool, "\"%" APR_INT64_T_FMT "\"", version));
}

void cg_admin_set_time(cg_json_t *object, const char *name, apr_time_t at)
{
    if (at == 0) {
        cg_json_set_null(object, name);
        return;
    }
    char text[25];
    cg_clock_rfc3339(at, text);
    cg_json_set_str(object, name, text);
}

apr_status_t cg_admin_send_piece(cg_ask_t *ask)
{
    cg_admin_reply_t *reply = ask->reply;
    if (!ask->call->on_piece || reply->body.len == 0) {
        return APR_SUCCESS;
    }
    reply->was_streamed = true;
    cg_str_t piece = {reply->body.ptr, reply->body.len};
    apr_status_t rv = ask->call->on_piece(ask->call->piece_baton, piece);
    reply->body.len = 0;
    return rv;
}
