/* The gate: where a request comes in and is asked who, whether and what.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Identity is a httpd authentication type (authn.c), so Require and other
 * providers compose with it. Policy, quota and inspection act in fixups,
 * after every authorization; a request that nobody authenticated goes no further,
 * whatever "Require all granted" was inherited from.
 */
#include "httpd/httpd_int.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"

cg_walk_in_t *cg_gate_find(const request_rec *r)
{
    return ap_get_module_config(r->request_config, &chatgpt_module);
}

static bool is_sane_id(const char *id)
{
    size_t len = id ? strlen(id) : 0;
    return len > 0 && len <= CG_QUOTA_ID_MAX &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                      "0123456789._-") == len;
}

/* "/v1/chat/completions" or "/ai/v1/…": what follows the version segment. */
static const char *path_below_root(const char *uri)
{
    const char *at = uri ? strstr(uri, "/v1") : NULL;
    while (at && at[3] && at[3] != '/') {
        at = strstr(at + 3, "/v1");
    }
    return at ? at + 3 : NULL;
}

#define QUERY_VALUE_MAX 128

static bool is_among(const char *names, cg_str_t name)
{
    size_t len;
    for (; *names; names += len + (names[len] == '|')) {
        len = strcspn(names, "|");
        if (name.len == len && memcmp(name.ptr, names, len) == 0) {
            return true;
        }
    }
    return false;
}

/* Of a query only names that the endpoint knows, with plain values: nothing else
 * of it was looked at. */
static const char *query_of(const char *args, const char *names,
                            apr_pool_t *pool)
{
    const char *query = "";
    size_t len;
    for (; names && args && *args; args += len + (args[len] == '&')) {
        len = strcspn(args, "&");
        size_t name = strcspn(args, "=&");
        size_t value = name < len ? len - name - 1 : 0;
        bool is_plain =
            value > 0 && value <= QUERY_VALUE_MAX &&
            strspn(args + name + 1,
                   "abcdefghijklmnopqrstuvwxyz"
                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == value;
        if (is_plain && is_among(names, (cg_str_t){args, name})) {
            query = apr_psprintf(pool, "%s%c%.*s", query, *query ? '&' : '?',
                                 (int)len, args);
        }
    }
    return query;
}

/* What is asked for: all that the path and the query say. */
static void find_endpoint(request_rec *r, cg_walk_in_t *in)
{
    cg_txn_t *txn = &in->txn;
    cg_str_t tail = {"", 0};
    txn->in.endpoint = CG_ENDPOINT_NONE;
    txn->in.query = "";
    in->path = path_below_root(r->uri);
    if (in->path) {
        txn->in.endpoint =
            cg_chat_endpoint_find(cg_str(in->path), r->method, &tail);
    }
    if (txn->in.endpoint == CG_ENDPOINT_NONE) {
        return;
    }
    txn->in.id_in_path = (cg_str_t){cg_str_dup(tail, r->pool), tail.len};
    txn->in.query =
        query_of(r->args, cg_endpoints[txn->in.endpoint].query, r->pool);
    if (txn->in.endpoint == CG_ENDPOINT_MODEL) {
        char *model = cg_str_dup(tail, r->pool);
        ap_unescape_url_keep2f(model, 1);
        txn->in.model = cg_str(model);
    }
}

static cg_walk_in_t *make(request_rec *r)
{
    cg_walk_in_t *in = apr_pcalloc(r->pool, sizeof *in);
    cg_txn_t *txn = &in->txn;
    const char *id = apr_table_get(r->headers_in, "X-Request-Id");
    txn->pool = r->pool;
    txn->gateway = cg_life_gateway();
    txn->policy = cg_config_policy(r);
    if (txn->gateway) {
        txn->published = cg_gateway_take(txn->gateway, r->pool);
    }
    txn->rules = txn->published ? txn->published->rules : cg_rules_builtin();
    txn->in.at = r->request_time;
    txn->in.started_at =
        cg_clock_monotonic() - (cg_clock_now() - r->request_time);
    if (is_sane_id(id)) {
        apr_cpystrn(txn->in.id, id, sizeof txn->in.id);
    }
    else {
        cg_clock_uuid7(r->request_time, txn->in.id);
    }
    txn->in.address = r->useragent_ip;
    txn->region.spoken = apr_table_get(r->headers_in, "Accept-Language");
    txn->in.vhost =
        r->server->server_hostname ? r->server->server_hostname : "";
    find_endpoint(r, in);
    apr_table_setn(r->err_headers_out, "X-Request-Id", txn->in.id);
    apr_table_setn(r->notes, "chatgpt-request-id", txn->in.id);
    ap_set_module_config(r->request_config, &chatgpt_module, in);
    return in;
}

cg_walk_in_t *cg_gate_find_or_make(request_rec *r)
{
    cg_walk_in_t *in = cg_gate_find(r);
    if (!in) {
        return make(r);
    }
    in->txn.policy = cg_config_policy(r); /* fixups may see a merged one */
    return in;
}

static int level_of(const cg_reason_t *reason)
{
    switch (reason->level) {
    case 'e':
        return APLOG_ERR;
    case 'w':
        return APLOG_WARNING;
    case 'i':
        return APLOG_INFO;
    default:
        return APLOG_DEBUG;
    }
}

bool cg_gate_is_our_type(request_rec *r)
{
    const char *type = ap_auth_type(r);
    return type && strcasecmp(type, CG_AUTH_TYPE) == 0;
}

static void allow_methods(request_rec *r, cg_endpoint_t endpoint)
{
    ap_allow_methods(r, REPLACE_ALLOW, cg_endpoints[endpoint].method, NULL);
    for (int i = 0; i < CG_ENDPOINT_COUNT; i++) {
        if (cg_chat_endpoint_is_beside(endpoint, (cg_endpoint_t)i)) {
            ap_allow_methods(r, MERGE_ALLOW, cg_endpoints[i].method, NULL);
        }
    }
}

static void advise(request_rec *r, const cg_txn_t *txn,
                   const cg_reason_t *reason)
{
    apr_table_t *headers = r->err_headers_out;
    bool is_others = ap_auth_type(r) && !cg_gate_is_our_type(r);
    if (reason->status == 401 && !is_others) { /* others ask in their own way */
        apr_table_setn(headers, "WWW-Authenticate", "Bearer realm=\"chatgpt\"");
    }
    if (txn->verdict == CG_SIGNATURE_MISSING ||
        txn->verdict == CG_SIGNATURE_INVALID) {
        apr_table_setn(headers, "Accept-Signature",
                       "sig1=(\"@method\" \"@target-uri\" \"content-digest\" "
                       "\"authorization\");created");
        apr_table_setn(headers, "Want-Content-Digest", "sha-256=10");
    }
    if (reason->status == 503) {
        apr_table_setn(headers, "Retry-After", "5");
    }
    if (txn->wait_for > 0) {
        apr_time_t seconds = (txn->wait_for + CG_SECOND - 1) / CG_SECOND;
        apr_table_setn(headers, "Retry-After",
                       apr_ltoa(r->pool, (long)seconds));
    }
    if (txn->verdict == CG_BUDGET) {
        apr_table_setn(headers, "x-should-retry", "false");
    }
    if (txn->blocked_type) {
        apr_table_setn(headers, "x-chatgpt-policy", txn->blocked_type);
    }
    if (txn->verdict == CG_METHOD) {
        allow_methods(r, txn->in.endpoint);
    }
}

int cg_gate_refuse(request_rec *r, cg_txn_t *txn)
{
    const cg_reason_t *reason = cg_reason_find(txn->verdict);
    ap_log_rerror(APLOG_MARK, level_of(reason), 0, r,
                  "CG%d refused %s: %s (request %s)", (int)reason->number,
                  reason->code, txn->words ? txn->words : reason->words,
                  txn->in.id);
    advise(r, txn, reason);
    return reason->status;
}

/* The message as it came: headers_in and the request line, before either is
 * changed for the upstream. */
static cg_verdict_t check_signature(request_rec *r, cg_txn_t *txn)
{
    cg_message_t message = {.method = cg_str(r->method),
                            .scheme = cg_str(ap_http_scheme(r)),
                            .authority =
                                cg_str(apr_table_get(r->headers_in, "Host")),
                            .target = cg_str(r->unparsed_uri),
                            .headers = r->headers_in};
    return cg_flow_signature(txn, &message);
}

static bool is_json(const request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    if (!type) {
        return true; /* inspected as JSON, and sent on as JSON */
    }
    size_t len = strcspn(type, "; \t");
    return len == 16 && strncasecmp(type, "application/json", 16) == 0;
}

/* Its boundary is the reader's to judge (chat/multipart.h). */
static bool is_form(const request_rec *r)
{
    static const char form[] = "multipart/form-data";
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    return type && strncasecmp(type, form, sizeof form - 1) == 0;
}

static bool is_plain(const request_rec *r)
{
    const char *coding = apr_table_get(r->headers_in, "Content-Encoding");
    return !coding || strcasecmp(coding, "identity") == 0;
}

static cg_verdict_t check_request(request_rec *r, cg_walk_in_t *in)
{
    cg_txn_t *txn = &in->txn;
    if (txn->in.endpoint == CG_ENDPOINT_NONE) {
        return cg_txn_refuse(txn, CG_UNKNOWN_URL, NULL, NULL);
    }
    const cg_endpoint_row_t *row = &cg_endpoints[txn->in.endpoint];
    if (strcmp(r->method, row->method) != 0) {
        return cg_txn_refuse(txn, CG_METHOD, NULL, NULL);
    }
    if (row->is_upload && !is_form(r)) {
        return cg_txn_refuse(txn, CG_CONTENT_TYPE,
                             "Send the body as multipart/form-data.", NULL);
    }
    if (row->has_body && !row->is_upload && !is_json(r)) {
        return cg_txn_refuse(txn, CG_CONTENT_TYPE, NULL, NULL);
    }
    if (row->has_body && !is_plain(r)) {
        return cg_txn_refuse(txn, CG_CONTENT_ENCODING, NULL, NULL);
    }
    return CG_PASS;
}

static cg_verdict_t gather(request_rec *r, cg_walk_in_t *in)
{
    cg_txn_t *txn = &in->txn;
    cg_str_t body = {"", 0};
    if (cg_endpoints[txn->in.endpoint].is_upload) {
        in->is_gathered = true;
        return cg_body_spool(r, txn, &in->upload);
    }
    if (cg_body_gather(r, txn, &body) != CG_PASS) {
        return txn->verdict;
    }
    in->is_gathered = true;
    cg_flow_signed_feed(txn, body.ptr, body.len);
    if (cg_flow_signed_end(txn) != CG_PASS) {
        return txn->verdict;
    }
    if (!cg_endpoints[txn->in.endpoint].has_body) {
        txn->out.body = (cg_str_t){"", 0}; /* a GET's body goes nowhere */
        return CG_PASS;
    }
    return cg_txn_body(txn, body);
}

/* What inspection could not do, or not read. */
static void tell_of_inspection(request_rec *r, const cg_txn_t *txn)
{
    uint32_t opaque = cg_opaque_total(&txn->out.opaque);
    if (txn->out.trouble) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "CG3020 %s (request %s)",
                      txn->out.trouble, txn->in.id);
    }
    if (opaque > 0 && txn->policy->opaque != CG_OPAQUE_ALLOW) {
        apr_table_setn(r->err_headers_out, "x-chatgpt-opaque",
                       apr_psprintf(r->pool, "%u", opaque));
    }
}

static int walk_in(request_rec *r)
{
    const cg_policy_t *policy = cg_config_policy(r);
    if (!policy->is_on || r->main || r->prev) {
        return DECLINED;
    }
    cg_walk_in_t *in = cg_gate_find_or_make(r);
    cg_txn_t *txn = &in->txn;
    if (!txn->gateway) {
        cg_txn_refuse(txn, CG_NOT_CONFIGURED, NULL, NULL);
        return cg_gate_refuse(r, txn);
    }
    if (policy->audit == 1 && !txn->gateway->journal) {
        cg_txn_refuse(txn, CG_AUDIT_FAILED, NULL, NULL);
    }
    if (txn->published->is_unloaded) {
        cg_txn_refuse(txn, CG_POLICY_UNLOADED, NULL, NULL);
    }
    bool may_walk = cg_authn_check(r, in) == CG_PASS &&
                    check_signature(r, txn) == CG_PASS &&
                    check_request(r, in) == CG_PASS &&
                    cg_places_judge(r, txn) == CG_PASS;
    if (may_walk && gather(r, in) == CG_PASS) {
        cg_flow_run(txn);
    }
    tell_of_inspection(r, txn);
    cg_gate_headers(r, txn);
    if (txn->verdict != CG_PASS) {
        return cg_gate_refuse(r, txn);
    }
    r->proxyreq = PROXYREQ_NONE;
    r->handler = CG_HANDLER;
    return OK;
}

apr_status_t cg_gate_record(request_rec *r, cg_txn_t *txn, int status)
{
    cg_error_t err = {""};
    apr_status_t rv = cg_flow_record(txn, status, &err);
    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      "CG8002 request %s was not recorded: %s", txn->in.id,
                      err.text);
    }
    return rv;
}

void cg_gate_hooks(apr_pool_t *pool)
{
    cg_authn_hooks(pool);
    ap_hook_fixups(walk_in, NULL, NULL, APR_HOOK_LAST);
    cg_body_hooks();
}
