/* Answers: what comes back from an upstream, on its way to the caller.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first filter in the chain, so that an answer which is withheld initialises
 * no other. For each attempt it decides once, at the first byte of a body or its
 * end, what becomes of the answer:
 *
 *   withheld  another attempt is worth it: nothing passes, upstream.c goes on
 *   refused   the verdict is set: nothing passes, upstream.c says it
 *   whole     gathered to its end, observed, passed in one piece
 *   stream    observed and passed event by event
 *   file      not JSON: observed and passed as it comes
 *
 * A stream that breaks gets an error event and no clean end (an error bucket makes
 * httpd leave out the last chunk).
 */
#include "httpd/httpd_int.h"

#include <string.h>

#include <apr_date.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "flow/label.h"
#include "flow/observe_file.h"
#include "route/providers.h"

static ap_filter_rec_t *answer_filter;

typedef enum fate_t {
    UNDECIDED,
    SWALLOWED,
    WHOLE,
    STREAM,
    PLAIN_FILE,
    OVER
} fate_t;

/* Gathered of a file before its first bytes go: a refusal until then is clean. */
#define FILE_BYTES 65536

/* lives in: r->pool, one a request, made new for each attempt */
typedef struct answer_t {
    cg_walk_in_t *in;
    fate_t fate;
    cg_buf_t whole;
    cg_buf_t out;
    apr_pool_t *scratch; /* cleared for each brigade of a stream */
} answer_t;

static bool is_event_stream(const request_rec *r)
{
    return r->content_type &&
           strncasecmp(r->content_type, "text/event-stream", 17) == 0;
}

static bool is_json(const request_rec *r)
{
    const char *type = r->content_type ? r->content_type : "";
    size_t len = strcspn(type, "; \t");
    return len == 16 && strncasecmp(type, "application/json", 16) == 0;
}

/* What somebody stored is a file, whatever the provider takes it for. */
static bool is_file(const request_rec *r, const cg_txn_t *txn)
{
    return r->status < 300 && cg_endpoints[txn->in.endpoint].may_be_file &&
           (txn->in.endpoint == CG_ENDPOINT_FILE_CONTENT || !is_json(r));
}

/* Delta seconds or a date; bounded by what health.c makes of it. */
static apr_time_t retry_after(const request_rec *r)
{
    const char *ms = apr_table_get(r->headers_out, "retry-after-ms");
    const char *value = apr_table_get(r->headers_out, "Retry-After");
    int64_t number;
    if (ms && cg_parse_count(cg_str(ms), &number)) {
        return number < 3600000 ? number * CG_MS : 3600 * CG_SECOND;
    }
    if (!value) {
        return 0;
    }
    if (cg_parse_count(cg_str(value), &number)) {
        return number < 3600 ? number * CG_SECOND : 3600 * CG_SECOND;
    }
    apr_time_t at = apr_date_parse_http(value);
    apr_time_t now = cg_clock_now();
    return at > now ? at - now : 0;
}

/* What a caller gets of a provider's headers; its cookies, its names for the
 * account and its rate limits stay here. */
static void choose_headers(request_rec *r, cg_txn_t *txn)
{
    static const char *const kept[] = {"openai-version", "openai-processing-ms",
                                       "Date"};
    apr_table_t *headers = apr_table_make(r->pool, 8);
    const char *id = apr_table_get(r->headers_out, "x-request-id");
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        const char *value = apr_table_get(r->headers_out, kept[i]);
        if (value) {
            apr_table_setn(headers, kept[i], value);
        }
    }
    if (id && strlen(id) <= CG_QUOTA_ID_MAX) {
        txn->answer.upstream_id = id;
        apr_table_setn(headers, "x-upstream-request-id", id);
    }
    const char *after = apr_table_get(r->headers_out, "Retry-After");
    if (after && (r->status == 429 || r->status == 503)) {
        apr_table_setn(headers, "Retry-After", after);
    }
    if (r->status == 429) {
        apr_table_unset(r->err_headers_out, "Retry-After");
    }
    apr_table_setn(headers, "Cache-Control", "no-store");
    cg_label_begin(txn, r->status);
    if (txn->region.is_labelled) {
        apr_table_setn(headers, "x-chatgpt-ai-generated", cg_label_header(txn));
    }
    r->headers_out = headers;
}

static fate_t decide(request_rec *r, answer_t *answer)
{
    cg_walk_in_t *in = answer->in;
    cg_txn_t *txn = &in->txn;
    const cg_provider_t *provider =
        cg_provider_find(txn->route.account->provider);
    in->attempt.is_decided = true;
    in->attempt.status = r->status;
    in->attempt.rest_for = retry_after(r);
    if (cg_flow_may_retry(txn, r->status)) {
        in->attempt.is_withheld = true;
        return SWALLOWED;
    }
    if (provider->is_credential_dead(r->status)) {
        cg_txn_refuse(txn, CG_UPSTREAM_CREDENTIALS, NULL, NULL);
        return SWALLOWED;
    }
    if (r->status < 200 || (r->status >= 300 && r->status < 400)) {
        cg_txn_refuse(txn, CG_UPSTREAM_BROKEN, NULL, NULL);
        return SWALLOWED;
    }
    txn->answer.status = r->status;
    txn->answer.has_begun = true;
    txn->answer.first_byte_at = cg_clock_monotonic();
    choose_headers(r, txn);
    bool is_stream = r->status < 300 && is_event_stream(r) &&
                     txn->in.endpoint != CG_ENDPOINT_FILE_CONTENT;
    return is_stream ? STREAM : is_file(r, txn) ? PLAIN_FILE : WHOLE;
}

static apr_status_t pass(ap_filter_t *f, cg_str_t bytes, bool is_flushed,
                         bool is_cut, bool is_end)
{
    answer_t *answer = f->ctx;
    apr_bucket_alloc_t *alloc = f->c->bucket_alloc;
    apr_bucket_brigade *out = apr_brigade_create(f->r->pool, alloc);
    if (bytes.len) {
        APR_BRIGADE_INSERT_TAIL(
            out, apr_bucket_transient_create(bytes.ptr, bytes.len, alloc));
    }
    if (is_flushed && !is_end) {
        APR_BRIGADE_INSERT_TAIL(out, apr_bucket_flush_create(alloc));
    }
    if (is_cut) {
        f->r->connection->keepalive = AP_CONN_CLOSE;
        APR_BRIGADE_INSERT_TAIL(out, apr_bucket_flush_create(alloc));
        APR_BRIGADE_INSERT_TAIL(
            out,
            ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, f->r->pool, alloc));
    }
    if (is_end) {
        APR_BRIGADE_INSERT_TAIL(out, apr_bucket_eos_create(alloc));
    }
    answer->in->is_passed = true;
    apr_status_t rv = ap_pass_brigade(f->next, out);
    apr_brigade_destroy(out);
    return rv;
}

/* -- whole answers ---------------------------------------------------------- */

static apr_status_t refuse_whole(answer_t *answer, cg_verdict_t verdict)
{
    cg_txn_t *txn = &answer->in->txn;
    cg_txn_refuse(txn, verdict, NULL, NULL);
    txn->answer.has_begun = false;
    answer->fate = OVER;
    return APR_ECONNABORTED; /* mod_proxy stops reading */
}

/* An error that is no JSON (a page of some box on the way) gets our shape. */
static void replace_error(const request_rec *r, cg_buf_t *out)
{
    out->len = 0;
    cg_refuse_write_status(r->status, out);
}

static void tell_of_opaque(request_rec *r, const cg_txn_t *txn)
{
    uint32_t opaque = cg_opaque_total(&txn->out.opaque);
    if (opaque > 0 && txn->policy->opaque != CG_OPAQUE_ALLOW) {
        apr_table_setn(r->err_headers_out, "x-chatgpt-opaque",
                       apr_psprintf(r->pool, "%u", opaque));
    }
}

static apr_status_t end_whole(ap_filter_t *f, answer_t *answer)
{
    request_rec *r = f->r;
    cg_txn_t *txn = &answer->in->txn;
    cg_str_t body = {answer->whole.ptr, answer->whole.len};
    cg_buf_init(&answer->out, body.len + 64, r->pool);
    cg_verdict_t verdict = cg_flow_observe_whole(txn, body, &answer->out);
    if (verdict == CG_UPSTREAM_BROKEN && r->status >= 400) {
        txn->verdict = CG_PASS;
        txn->answer.is_whole = true;
        replace_error(r, &answer->out);
        verdict = CG_PASS;
    }
    if (verdict != CG_PASS) {
        txn->answer.has_begun = false;
        answer->fate = OVER;
        if (verdict == CG_UPSTREAM_BROKEN) {
            /* Garbage is as good as no answer: another attempt may mend it. */
            txn->verdict = CG_PASS;
            answer->in->attempt.status = 0;
        }
        return APR_SUCCESS;
    }
    cg_label_whole(txn, &answer->out);
    tell_of_opaque(r, txn);
    if (cg_gate_record(r, txn, r->status) != APR_SUCCESS &&
        txn->policy->audit == 1) {
        return refuse_whole(answer, CG_AUDIT_FAILED);
    }
    ap_set_content_type(r, "application/json");
    ap_set_content_length(r, (apr_off_t)answer->out.len);
    answer->fate = OVER;
    return pass(f, (cg_str_t){answer->out.ptr, answer->out.len}, false, false,
                true);
}

static apr_status_t add_whole(answer_t *answer, const char *data, size_t len)
{
    size_t most = (size_t)answer->in->txn.policy->answer_max;
    if (answer->whole.len + len > most) {
        return refuse_whole(answer, CG_ANSWER_TOO_LARGE);
    }
    cg_buf_add(&answer->whole, data, len);
    return APR_SUCCESS;
}

/* -- streams ---------------------------------------------------------------- */

static void begin_stream(request_rec *r, answer_t *answer)
{
    cg_txn_t *txn = &answer->in->txn;
    apr_pool_create(&answer->scratch, r->pool);
    cg_flow_observe_open(txn);
    cg_meter_stream_open(txn->gateway->meter);
    apr_table_unset(r->headers_out, "Content-Length");
}

/* Ends a stream with what is in answer->out, no clean end. */
static apr_status_t cut_stream(ap_filter_t *f, answer_t *answer)
{
    cg_gate_record(f->r, &answer->in->txn, f->r->status);
    answer->fate = OVER;
    pass(f, (cg_str_t){answer->out.ptr, answer->out.len}, true, true, true);
    return APR_ECONNABORTED;
}

/* The record stands in the journal before the last event is sent. */
static bool is_recorded(request_rec *r, answer_t *answer)
{
    cg_txn_t *txn = &answer->in->txn;
    if (!txn->answer.is_whole || txn->is_recorded) {
        return true;
    }
    if (cg_gate_record(r, txn, r->status) == APR_SUCCESS ||
        txn->policy->audit != 1) {
        return true;
    }
    answer->out.len = 0;
    cg_txn_refuse(txn, CG_AUDIT_FAILED, NULL, NULL);
    cg_flow_observe_finish(txn, true, &answer->out);
    return false;
}

static apr_status_t feed_stream(ap_filter_t *f, answer_t *answer,
                                const char *data, size_t len)
{
    cg_txn_t *txn = &answer->in->txn;
    size_t from = answer->out.len;
    cg_verdict_t verdict =
        cg_flow_observe_feed(txn, (cg_str_t){data, len}, &answer->out);
    cg_label_events(txn, &answer->out, from);
    return verdict == CG_PASS ? APR_SUCCESS : cut_stream(f, answer);
}

static apr_status_t send_stream(ap_filter_t *f, answer_t *answer)
{
    if (answer->out.len == 0) {
        return APR_SUCCESS;
    }
    if (!is_recorded(f->r, answer)) {
        return cut_stream(f, answer);
    }
    return pass(f, (cg_str_t){answer->out.ptr, answer->out.len}, true, false,
                false);
}

static apr_status_t end_stream(ap_filter_t *f, answer_t *answer, bool is_cut)
{
    cg_txn_t *txn = &answer->in->txn;
    size_t from = answer->out.len;
    cg_verdict_t verdict = cg_flow_observe_finish(txn, is_cut, &answer->out);
    cg_label_events(txn, &answer->out, from);
    if (verdict != CG_PASS || !is_recorded(f->r, answer)) {
        return cut_stream(f, answer);
    }
    answer->fate = OVER;
    return pass(f, (cg_str_t){answer->out.ptr, answer->out.len}, false, false,
                true);
}

/* -- files ------------------------------------------------------------------ */

static void begin_file(request_rec *r, answer_t *answer)
{
    cg_txn_t *txn = &answer->in->txn;
    cg_flow_observe_file_open(txn, r->content_type);
    cg_buf_init(&answer->out, 4096, r->pool);
    apr_table_unset(r->headers_out, "Content-Length");
}

static apr_status_t refuse_file(ap_filter_t *f, answer_t *answer)
{
    cg_txn_t *txn = &answer->in->txn;
    if (!answer->in->is_passed) {
        return refuse_whole(answer, txn->verdict);
    }
    answer->out.len = 0;
    return cut_stream(f, answer);
}

static apr_status_t pass_file(ap_filter_t *f, answer_t *answer, bool is_end)
{
    const cg_txn_t *txn = &answer->in->txn;
    if (!answer->in->is_passed) {
        tell_of_opaque(f->r, txn);
    }
    apr_status_t rv = pass(f, (cg_str_t){answer->out.ptr, answer->out.len},
                           false, false, is_end);
    answer->out.len = 0;
    return rv;
}

static apr_status_t feed_file(ap_filter_t *f, answer_t *answer,
                              const char *data, size_t len)
{
    cg_txn_t *txn = &answer->in->txn;
    if (cg_flow_observe_file_feed(txn, (cg_str_t){data, len}, &answer->out) !=
        CG_PASS) {
        return refuse_file(f, answer);
    }
    return answer->out.len < FILE_BYTES ? APR_SUCCESS
                                        : pass_file(f, answer, false);
}

static apr_status_t end_file(ap_filter_t *f, answer_t *answer, bool is_cut)
{
    cg_txn_t *txn = &answer->in->txn;
    if (cg_flow_observe_file_finish(txn, is_cut, &answer->out) != CG_PASS) {
        return refuse_file(f, answer);
    }
    if (cg_gate_record(f->r, txn, f->r->status) != APR_SUCCESS &&
        txn->policy->audit == 1) {
        cg_txn_refuse(txn, CG_AUDIT_FAILED, NULL, NULL);
        return refuse_file(f, answer);
    }
    answer->fate = OVER;
    return pass_file(f, answer, true);
}

/* -- the filter ------------------------------------------------------------- */

static void ensure_decided(request_rec *r, answer_t *answer)
{
    if (answer->fate != UNDECIDED) {
        return;
    }
    answer->fate = decide(r, answer);
    if (answer->fate == STREAM) {
        begin_stream(r, answer);
        cg_buf_init(&answer->out, 512, answer->scratch);
    }
    if (answer->fate == PLAIN_FILE) {
        begin_file(r, answer);
    }
    if (answer->fate == WHOLE) {
        cg_buf_init(&answer->whole,
                    r->clength > 0 && r->clength < 16 * CG_MIB
                        ? (size_t)r->clength
                        : 2048,
                    r->pool);
    }
}

static apr_status_t take_data(ap_filter_t *f, answer_t *answer, apr_bucket *b)
{
    const char *data;
    apr_size_t len;
    apr_status_t rv = apr_bucket_read(b, &data, &len, APR_BLOCK_READ);
    if (rv != APR_SUCCESS || len == 0) {
        return rv;
    }
    ensure_decided(f->r, answer);
    if (answer->fate == WHOLE) {
        return add_whole(answer, data, len);
    }
    if (answer->fate == PLAIN_FILE) {
        return feed_file(f, answer, data, len);
    }
    return answer->fate == STREAM ? feed_stream(f, answer, data, len)
                                  : APR_SUCCESS;
}

static apr_status_t take_end(ap_filter_t *f, answer_t *answer)
{
    ensure_decided(f->r, answer);
    if (answer->fate == WHOLE) {
        return end_whole(f, answer);
    }
    if (answer->fate == PLAIN_FILE) {
        return end_file(f, answer, false);
    }
    return answer->fate == STREAM ? end_stream(f, answer, false) : APR_SUCCESS;
}

/* mod_proxy says that the upstream broke off. */
static apr_status_t take_break(ap_filter_t *f, answer_t *answer)
{
    if (answer->in->txn.answer.is_aborted) {
        answer->fate = OVER;
        return APR_ECONNABORTED;
    }
    if (answer->fate == STREAM) {
        return end_stream(f, answer, true);
    }
    if (answer->fate == PLAIN_FILE && answer->in->is_passed) {
        return end_file(f, answer, true);
    }
    if (answer->fate == WHOLE || answer->fate == PLAIN_FILE) {
        answer->in->attempt.status = 0;
        answer->in->txn.answer.has_begun = false;
    }
    answer->fate = OVER;
    return APR_SUCCESS;
}

static apr_status_t take_bucket(ap_filter_t *f, answer_t *answer, apr_bucket *b)
{
    if (answer->fate == OVER) {
        return APR_SUCCESS;
    }
    if (AP_BUCKET_IS_ERROR(b)) {
        return take_break(f, answer);
    }
    if (APR_BUCKET_IS_EOS(b)) {
        return take_end(f, answer);
    }
    return APR_BUCKET_IS_METADATA(b) ? APR_SUCCESS : take_data(f, answer, b);
}

static apr_status_t answer_out(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    answer_t *answer = f->ctx;
    apr_status_t rv = APR_SUCCESS;
    if (answer->fate == STREAM) {
        apr_pool_clear(answer->scratch);
        cg_buf_init(&answer->out, 512, answer->scratch);
    }
    for (apr_bucket *b = APR_BRIGADE_FIRST(brigade);
         b != APR_BRIGADE_SENTINEL(brigade) && rv == APR_SUCCESS;
         b = APR_BUCKET_NEXT(b)) {
        rv = take_bucket(f, answer, b);
    }
    if (rv == APR_SUCCESS && answer->fate == STREAM) {
        rv = send_stream(f, answer);
    }
    apr_brigade_cleanup(brigade);
    if (f->c->aborted) {
        answer->in->txn.answer.is_aborted = !answer->in->txn.answer.is_whole;
    }
    return rv;
}

void cg_answer_await(request_rec *r, cg_walk_in_t *in)
{
    for (ap_filter_t *f = r->output_filters; f; f = f->next) {
        if (f->frec == answer_filter) {
            answer_t *answer = f->ctx;
            *answer = (answer_t){.in = in};
            return;
        }
    }
    answer_t *answer = apr_pcalloc(r->pool, sizeof *answer);
    answer->in = in;
    ap_add_output_filter_handle(answer_filter, answer, r, r->connection);
}

void cg_answer_hooks(apr_pool_t *pool)
{
    (void)pool;
    answer_filter =
        ap_register_output_filter("CHATGPT_ANSWER", answer_out, NULL,
                                  (ap_filter_type)(AP_FTYPE_RESOURCE - 5));
}
