/* Errors: every one that a caller can meet has OpenAI's shape.
 * SPDX-License-Identifier: Apache-2.0
 *
 * httpd writes its errors as HTML through the output filters; a filter put there
 * by insert_error_filter lets the page go and writes JSON in its stead: for
 * refusals of our own, and for what httpd's core, mod_proxy or another module
 * says in a place that the gateway serves. A request that failed before it
 * reached a place (a broken request line, a header too long) counts as ours in a
 * virtual host that serves the API.
 */
#include "httpd/httpd_int.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"

static ap_filter_rec_t *error_filter;

static bool is_ours(request_rec *r)
{
    const cg_policy_t *policy = cg_config_policy(r);
    bool has_place = r->per_dir_config != r->server->lookup_defaults;
    if (policy->is_on) {
        return true;
    }
    return !has_place && cg_config_server(r->server)->serves;
}

static void write_error(request_rec *r, cg_buf_t *out)
{
    cg_walk_in_t *in = cg_gate_find(r);
    if (in && in->txn.verdict != CG_PASS) {
        const cg_reason_t *reason = cg_reason_find(in->txn.verdict);
        if (reason->status == r->status) {
            cg_refuse_write(reason, in->txn.words, in->txn.param, out);
            return;
        }
    }
    cg_refuse_write_status(r->status, out);
    if (!in) { /* it failed before it came to the gate */
        char *id = apr_palloc(r->pool, 37);
        cg_clock_uuid7(r->request_time, id);
        apr_table_setn(r->err_headers_out, "X-Request-Id", id);
    }
}

/* The record goes to the journal before the answer's last byte to the caller. */
static void record(request_rec *r)
{
    cg_walk_in_t *in = cg_gate_find(r);
    if (in && in->txn.policy->is_on && in->txn.gateway && !r->main) {
        in->txn.answer.status = r->status;
        cg_gate_record(r, &in->txn, r->status);
    }
}

static apr_status_t error_out(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    request_rec *r = f->r;
    bool is_end = !APR_BRIGADE_EMPTY(brigade) &&
                  APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(brigade));
    if (r->status < 400) {
        ap_remove_output_filter(f);
        return ap_pass_brigade(f->next, brigade);
    }
    apr_brigade_cleanup(brigade);
    if (!is_end) {
        return APR_SUCCESS;
    }
    cg_buf_t body;
    cg_buf_init(&body, 256, r->pool);
    write_error(r, &body);
    record(r);
    ap_set_content_type(r, "application/json");
    ap_set_content_length(r, (apr_off_t)body.len);
    apr_table_unset(r->headers_out, "ETag");
    apr_table_unset(r->headers_out, "Last-Modified");
    r->no_cache = 1;
    APR_BRIGADE_INSERT_TAIL(brigade,
                            apr_bucket_pool_create(body.ptr, body.len, r->pool,
                                                   f->c->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(f->c->bucket_alloc));
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, brigade);
}

static void insert(request_rec *r)
{
    if (is_ours(r)) {
        ap_add_output_filter_handle(error_filter, NULL, r, r->connection);
    }
}

void cg_errors_hooks(apr_pool_t *pool)
{
    (void)pool;
    error_filter =
        ap_register_output_filter("CHATGPT_ERROR", error_out, NULL,
                                  (ap_filter_type)(AP_FTYPE_RESOURCE - 5));
    ap_hook_insert_error_filter(insert, NULL, NULL, APR_HOOK_LAST);
}
