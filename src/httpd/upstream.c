/* Upstream: steps 4 and 5, once per attempt, through mod_proxy_http.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each attempt gives the request to mod_proxy as a reverse proxy would and runs
 * the handlers again (ours declines, the name of the handler has changed), so
 * that ProxyRemote, SSLProxy* and all else of httpd holds. A pre_request hook
 * hands mod_proxy a worker of our own, one per account and child, whose
 * connections are reused and which never rests by mod_proxy's rules: health.c
 * keeps that. The answer filter (answer.c) decides what becomes of an answer.
 */
#include "httpd/httpd_int.h"

#include <string.h>

#include <apr_optional_hooks.h>
#include <apr_strings.h>
#include <mod_proxy.h>

#include "base/clock.h"

static proxy_worker *workers[CG_ACCOUNTS_MAX];

#define CALLER_LEFT 499 /* status in logs, as is customary; it is never sent */
#define ADDRESS_TTL 60  /* seconds; mod_proxy's own is for ever */

static bool open_worker(apr_pool_t *child, server_rec *s,
                        const cg_account_t *account, apr_time_t connect_for)
{
    proxy_worker *worker = NULL;
    char *why =
        ap_proxy_define_worker(child, &worker, NULL, NULL, account->origin, 0);
    if (why) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     "CG4010 upstream %s cannot be used: %s", account->name,
                     why);
        return false;
    }
    worker->s->conn_timeout = connect_for;
    worker->s->conn_timeout_set = 1;
    worker->s->address_ttl = ADDRESS_TTL;
    worker->s->address_ttl_set = 1;
    if (ap_proxy_initialize_worker(worker, s, child) != APR_SUCCESS) {
        return false;
    }
    workers[account->index] = worker;
    return true;
}

void cg_upstream_open(apr_pool_t *child, server_rec *s,
                      const cg_accounts_t *accounts, apr_time_t connect_for)
{
    for (size_t i = 0; i < accounts->count; i++) {
        open_worker(child, s, &accounts->rows[i], connect_for);
    }
}

/* -- what mod_proxy asks us ------------------------------------------------- */

static cg_walk_in_t *attempt_of(request_rec *r)
{
    cg_walk_in_t *in = cg_gate_find(r);
    return in && in->txn.route.account ? in : NULL;
}

static int give_worker(proxy_worker **worker, proxy_balancer **balancer,
                       request_rec *r, proxy_server_conf *conf, char **url)
{
    (void)conf;
    (void)url;
    cg_walk_in_t *in = attempt_of(r);
    if (!in || !workers[in->txn.route.account->index]) {
        return DECLINED;
    }
    *worker = workers[in->txn.route.account->index];
    *balancer = NULL;
    return OK;
}

/* What may go to a provider of a caller's headers; all else stays here, and so do
 * the Forwarded headers, Via and the Host that mod_proxy would send. */
static const char *const passed_on[] = {"Accept", "Content-Type", "OpenAI-Beta",
                                        "Idempotency-Key", "User-Agent"};

static int write_headers(request_rec *r)
{
    cg_walk_in_t *in = attempt_of(r);
    if (!in) {
        return DECLINED;
    }
    apr_table_t *headers = apr_table_make(r->pool, 10);
    for (size_t i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++) {
        const char *value = apr_table_get(r->headers_in, passed_on[i]);
        if (value) {
            apr_table_setn(headers, passed_on[i], value);
        }
    }
    if (cg_endpoints[in->txn.in.endpoint].has_body) {
        apr_table_setn(headers, "Content-Type",
                       in->upload ? cg_flow_upload_type(in->upload)
                                  : "application/json");
    }
    apr_table_setn(headers, "X-Request-Id", in->txn.in.id);
    cg_account_headers(in->txn.route.account, in->txn.route.credential, headers,
                       r->pool);
    /* The table itself stays: mod_proxy holds on to it. */
    apr_table_clear(r->headers_in);
    apr_table_overlap(r->headers_in, headers, APR_OVERLAP_TABLES_SET);
    return OK;
}

static int request_sent(request_rec *r, request_rec *answer)
{
    cg_walk_in_t *in = attempt_of(r);
    if (!in) {
        return DECLINED;
    }
    cg_watch_arm(r, answer->connection, in);
    return OK;
}

/* -- attempts --------------------------------------------------------------- */

static const char *escape_segment(cg_str_t text, apr_pool_t *pool)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = apr_palloc(pool, 3 * text.len + 1);
    char *at = out;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (apr_isalnum(c) || strchr("-._~:", c)) {
            *at++ = (char)c;
            continue;
        }
        *at++ = '%';
        *at++ = hex[c >> 4];
        *at++ = hex[c & 15];
    }
    *at = '\0';
    return out;
}

static const char *target_of(const cg_txn_t *txn)
{
    const cg_endpoint_row_t *row = &cg_endpoints[txn->in.endpoint];
    cg_str_t id = row->has_model ? txn->in.model : txn->in.id_in_path;
    const char *tail = row->has_tail ? escape_segment(id, txn->pool) : "";
    return apr_pstrcat(txn->pool, "proxy:", txn->route.account->base, row->path,
                       tail, row->suffix ? row->suffix : "", txn->in.query,
                       NULL);
}

static void reset(request_rec *r)
{
    static const char *const notes[] = {
        "proxy-status",   "error-notes",        "verbose-error-to",
        "proxy_timedout", "proxy-100-continue", "proxy-error-override"};
    r->status = HTTP_OK;
    r->status_line = NULL;
    r->headers_out = apr_table_make(r->pool, 12);
    r->trailers_out = apr_table_make(r->pool, 2);
    r->content_type = NULL;
    r->content_encoding = NULL;
    r->clength = 0;
    r->sent_bodyct = 0;
    r->no_cache = 0;
    r->no_local_copy = 0;
    r->eos_sent = 0;
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        apr_table_unset(r->notes, notes[i]);
    }
    apr_table_unset(r->subprocess_env, "proxy-nokeepalive");
}

static int attempt(request_rec *r, cg_walk_in_t *in)
{
    ap_conn_keepalive_e keepalive = r->connection->keepalive;
    char *filename = r->filename;
    in->attempt = (cg_attempt_t){0};
    reset(r);
    cg_body_replay(r, in);
    apr_table_unset(r->headers_in, "Max-Forwards"); /* mod_proxy would count */
    cg_answer_await(r, in);
    r->filename = apr_pstrdup(r->pool, target_of(&in->txn));
    r->proxyreq = PROXYREQ_REVERSE;
    r->handler = "proxy-server";
    int rv = ap_run_handler(r);
    r->handler = CG_HANDLER;
    r->filename = filename;
    if (!in->is_passed) {
        /* A broken attempt is no reason to part with the caller. */
        r->connection->keepalive = keepalive;
    }
    return rv;
}

static const char *outcome_of(const cg_walk_in_t *in)
{
    const cg_attempt_t *last = &in->attempt;
    if (in->txn.answer.is_aborted) {
        return "aborted";
    }
    if (last->is_timed_out) {
        return "timeout";
    }
    if (last->status == 0) {
        return "error";
    }
    return last->is_withheld    ? "retried"
           : last->status < 400 ? "ok"
                                : "refused";
}

/* Nothing has gone out and no further attempt is made: what shall be said? */
static int give_up(request_rec *r, cg_walk_in_t *in, int rv)
{
    cg_txn_t *txn = &in->txn;
    r->proxyreq = PROXYREQ_NONE;
    reset(r);
    if (txn->answer.is_aborted) { /* nobody is there to be told */
        r->connection->aborted = 1;
        r->status = CALLER_LEFT;
        return OK;
    }
    if (in->attempt.is_timed_out) {
        cg_txn_refuse(txn, CG_UPSTREAM_SLOW, NULL, NULL);
    }
    bool is_away = rv == HTTP_SERVICE_UNAVAILABLE;
    cg_txn_refuse(txn, is_away ? CG_NO_UPSTREAM : CG_UPSTREAM_BROKEN, NULL,
                  NULL);
    return cg_gate_refuse(r, txn);
}

/* Has the attempt failed in a way that another may mend? */
static bool has_failed(const cg_walk_in_t *in)
{
    return !in->is_passed && in->txn.verdict == CG_PASS;
}

static int answer_request(request_rec *r)
{
    cg_walk_in_t *in = cg_gate_find(r);
    if (!in || strcmp(r->handler, CG_HANDLER) != 0) {
        return DECLINED;
    }
    cg_txn_t *txn = &in->txn;
    for (;;) {
        int rv = attempt(r, in);
        bool has_tried_again = in->attempt.is_withheld;
        cg_flow_attempted(txn, in->attempt.status, outcome_of(in),
                          in->attempt.rest_for);
        if (has_failed(in) && !has_tried_again) {
            has_tried_again = cg_flow_may_retry(txn, in->attempt.status);
        }
        if (!has_failed(in) || !has_tried_again) {
            return in->is_passed ? OK : give_up(r, in, rv);
        }
        if (cg_flow_route(txn) != CG_PASS) {
            return give_up(r, in, rv);
        }
    }
}

void cg_upstream_hooks(apr_pool_t *pool)
{
    (void)pool;
    static const char *const before[] = {"mod_proxy.c", NULL};
    ap_hook_handler(answer_request, NULL, before, APR_HOOK_FIRST);
    proxy_hook_pre_request(give_worker, NULL, NULL, APR_HOOK_REALLY_FIRST);
    APR_OPTIONAL_HOOK(proxy, fixups, write_headers, NULL, NULL, APR_HOOK_LAST);
    APR_OPTIONAL_HOOK(proxy, create_req, request_sent, NULL, NULL,
                      APR_HOOK_LAST);
    cg_watch_hooks();
}
