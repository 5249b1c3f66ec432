/* Bodies: reading a request's body, and handing another one on.
 * SPDX-License-Identifier: Apache-2.0
 *
 * LimitRequestBody is not enforced once a request is mod_proxy's (tried on
 * 2.4.71), so the bound is kept here: by Content-Length before a byte is read,
 * then while reading. What is too large is read and dropped within a bound, so
 * that the caller sees the answer and not a reset.
 *
 * An upload is not held but inspected as it comes, into a spill (base/spill.h);
 * each attempt reads it from there. Its time grows with what has arrived: a slow
 * line may send a large file, one who sends nothing is given no longer.
 */
#include "httpd/httpd_int.h"

#include <apr_network_io.h>
#include <apr_strings.h>
#include <http_connection.h>

#include "base/clock.h"

#define DRAIN_BYTES_MAX (64 * CG_MIB)
#define DRAIN_FOR (5 * CG_SECOND)
#define READ_BYTES 65536
#define FIRST_BYTES_MAX (256 * CG_KIB)
#define UPLOAD_RATE (128 * CG_KIB) /* bytes a second that earn more time */

static ap_filter_rec_t *replay_filter;

typedef struct reading_t {
    request_rec *r;
    apr_off_t most;
    apr_time_t until; /* monotonic */
    apr_off_t total;
    cg_upload_t *upload; /* takes the bytes; NULL: buf does */
    cg_txn_t *txn;       /* of upload */
    cg_buf_t buf;
    bool is_ended;
} reading_t;

static apr_status_t take(reading_t *reading, apr_bucket_brigade *brigade)
{
    for (apr_bucket *b = APR_BRIGADE_FIRST(brigade);
         b != APR_BRIGADE_SENTINEL(brigade); b = APR_BUCKET_NEXT(b)) {
        const char *data;
        apr_size_t len;
        if (APR_BUCKET_IS_EOS(b)) {
            reading->is_ended = true;
            break;
        }
        if (APR_BUCKET_IS_METADATA(b)) {
            continue;
        }
        apr_status_t rv = apr_bucket_read(b, &data, &len, APR_BLOCK_READ);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (reading->total + (apr_off_t)len > reading->most) {
            return APR_ENOSPC;
        }
        reading->total += (apr_off_t)len;
        if (!reading->upload) {
            cg_buf_add(&reading->buf, data, len);
            continue;
        }
        cg_flow_signed_feed(reading->txn, data, len);
        if (cg_flow_upload_feed(reading->upload, (cg_str_t){data, len}) !=
            CG_PASS) {
            return APR_EGENERAL; /* the verdict says why */
        }
    }
    return APR_SUCCESS;
}

/* One read waits at most until the body's time is over, and not for Timeout; a
 * stream of h2 has no socket of its own, there Timeout holds. */
static apr_status_t read_brigade(reading_t *reading,
                                 apr_bucket_brigade *brigade)
{
    conn_rec *c = reading->r->connection;
    apr_socket_t *socket = c->master ? NULL : ap_get_conn_socket(c);
    apr_interval_time_t usual = -1;
    apr_time_t earned =
        reading->upload ? reading->total * CG_SECOND / UPLOAD_RATE : 0;
    apr_time_t left = reading->until + earned - cg_clock_monotonic();
    if (left <= 0) {
        return APR_TIMEUP;
    }
    if (socket && apr_socket_timeout_get(socket, &usual) == APR_SUCCESS &&
        (usual < 0 || left < usual)) {
        apr_socket_timeout_set(socket, left);
    }
    apr_status_t rv =
        ap_get_brigade(reading->r->input_filters, brigade, AP_MODE_READBYTES,
                       APR_BLOCK_READ, READ_BYTES);
    if (socket) {
        apr_socket_timeout_set(socket, usual);
    }
    return rv;
}

static apr_status_t read_some(reading_t *reading, apr_bucket_brigade *brigade)
{
    apr_brigade_cleanup(brigade);
    apr_status_t rv = read_brigade(reading, brigade);
    return rv == APR_SUCCESS ? take(reading, brigade) : rv;
}

/* Drops what still comes of a body that is too large. */
static void drain(request_rec *r, apr_bucket_brigade *brigade)
{
    apr_off_t dropped = 0;
    apr_time_t until = cg_clock_monotonic() + DRAIN_FOR;
    while (dropped < DRAIN_BYTES_MAX && cg_clock_monotonic() < until) {
        apr_off_t len = 0;
        apr_brigade_cleanup(brigade);
        if (ap_get_brigade(r->input_filters, brigade, AP_MODE_READBYTES,
                           APR_BLOCK_READ, READ_BYTES) != APR_SUCCESS ||
            APR_BRIGADE_EMPTY(brigade) ||
            APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(brigade))) {
            break;
        }
        apr_brigade_length(brigade, 0, &len);
        dropped += len > 0 ? len : 0;
    }
    apr_brigade_cleanup(brigade);
}

static apr_off_t length_of(const request_rec *r)
{
    apr_off_t length = 0;
    char *end;
    const char *said = apr_table_get(r->headers_in, "Content-Length");
    if (!said || apr_strtoff(&length, said, &end, 10) != APR_SUCCESS || *end ||
        length < 0) {
        return -1;
    }
    return length;
}

apr_status_t cg_body_read(request_rec *r, apr_off_t most, apr_time_t most_for,
                          cg_str_t *out)
{
    apr_bucket_brigade *brigade =
        apr_brigade_create(r->pool, r->connection->bucket_alloc);
    reading_t reading = {
        .r = r, .most = most, .until = cg_clock_monotonic() + most_for};
    apr_off_t length = length_of(r);
    apr_status_t rv = length > most ? APR_ENOSPC : APR_SUCCESS;
    if (rv == APR_SUCCESS) {
        /* What a caller announces is not yet sent: only so much is set aside. */
        apr_off_t first = length < 0 ? 4096 : length;
        first = first < FIRST_BYTES_MAX ? first : FIRST_BYTES_MAX;
        cg_buf_init(&reading.buf, (size_t)first, r->pool);
    }
    while (rv == APR_SUCCESS && !reading.is_ended) {
        rv = read_some(&reading, brigade);
    }
    if (rv == APR_ENOSPC && !(length > most && r->expecting_100)) {
        drain(r, brigade);
    }
    apr_brigade_destroy(brigade);
    *out = (cg_str_t){reading.buf.ptr ? reading.buf.ptr : "", reading.buf.len};
    return rv;
}

static cg_verdict_t refuse(request_rec *r, cg_txn_t *txn, apr_status_t rv)
{
    r->connection->keepalive = AP_CONN_CLOSE;
    if (txn->verdict != CG_PASS) {
        return txn->verdict;
    }
    if (rv == APR_ENOSPC) {
        return cg_txn_refuse(txn, CG_TOO_LARGE, NULL, NULL);
    }
    if (APR_STATUS_IS_TIMEUP(rv)) {
        return cg_txn_refuse(txn, CG_BODY_SLOW, NULL, NULL);
    }
    txn->answer.is_aborted = r->connection->aborted != 0;
    return cg_txn_refuse(txn, CG_BODY_BROKEN, NULL, NULL);
}

cg_verdict_t cg_body_gather(request_rec *r, cg_txn_t *txn, cg_str_t *out)
{
    apr_status_t rv =
        cg_body_read(r, txn->policy->body_max, txn->policy->body_for, out);
    return rv == APR_SUCCESS ? CG_PASS : refuse(r, txn, rv);
}

/* What cannot be kept is the operator's to mend: the words name folder and error. */
static cg_verdict_t log_trouble(request_rec *r, const cg_txn_t *txn,
                                const cg_upload_t *upload)
{
    if (txn->verdict == CG_UPLOAD_STORAGE) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "CG3014 %s (request %s)",
                      cg_flow_upload_trouble(upload), txn->in.id);
    }
    return txn->verdict;
}

/* Who is over a limit has sent the body, or is about to. */
static cg_verdict_t refuse_unread(request_rec *r, cg_txn_t *txn,
                                  apr_bucket_brigade *brigade)
{
    if (!r->expecting_100) {
        drain(r, brigade);
    }
    apr_brigade_destroy(brigade);
    return refuse(r, txn, APR_EGENERAL);
}

cg_verdict_t cg_body_spool(request_rec *r, cg_txn_t *txn, cg_upload_t **out)
{
    apr_bucket_brigade *brigade =
        apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_time_t begun = cg_clock_monotonic();
    reading_t reading = {.r = r,
                         .txn = txn,
                         .most = txn->policy->upload_max,
                         .until = begun + txn->policy->body_for};
    apr_off_t length = length_of(r);
    apr_status_t rv = length > reading.most ? APR_ENOSPC : APR_SUCCESS;
    if (rv == APR_SUCCESS && (cg_flow_signed_use(txn) != CG_PASS ||
                              cg_flow_admit_early(txn) != CG_PASS)) {
        return refuse_unread(r, txn, brigade);
    }
    reading.upload =
        cg_flow_upload_open(txn, apr_table_get(r->headers_in, "Content-Type"),
                            txn->gateway->upload_folder);
    if (!reading.upload) {
        return txn->verdict;
    }
    while (rv == APR_SUCCESS && !reading.is_ended) {
        rv = read_some(&reading, brigade);
    }
    if ((rv == APR_ENOSPC || txn->verdict != CG_PASS) && !reading.is_ended &&
        !(length > reading.most && r->expecting_100)) {
        drain(r, brigade);
    }
    apr_brigade_destroy(brigade);
    txn->in.upload_for = cg_clock_monotonic() - begun;
    *out = reading.upload;
    if (rv != APR_SUCCESS) {
        refuse(r, txn, rv);
    }
    else if (cg_flow_signed_end(txn) == CG_PASS) {
        cg_flow_upload_finish(reading.upload);
    }
    return log_trouble(r, txn, reading.upload);
}

/* -- handing on ------------------------------------------------------------- */

typedef struct replay_t {
    const cg_walk_in_t *in;
    bool is_sent;
} replay_t;

static apr_off_t length_out(const cg_walk_in_t *in)
{
    return in->upload ? cg_flow_upload_body(in->upload)->len
                      : (apr_off_t)in->txn.out.body.len;
}

/* All of what may leave. A file is read at its own places each time. */
static void put_body(const cg_walk_in_t *in, apr_bucket_brigade *brigade)
{
    apr_bucket_alloc_t *alloc = brigade->bucket_alloc;
    const cg_spill_t *spill =
        in->upload ? cg_flow_upload_body(in->upload) : NULL;
    cg_str_t body = spill ? spill->memory : in->txn.out.body;
    if (spill && spill->file) {
        apr_brigade_insert_file(brigade, spill->file, 0, spill->len,
                                in->txn.pool);
    }
    else if (body.len) {
        APR_BRIGADE_INSERT_TAIL(
            brigade, apr_bucket_immortal_create(body.ptr, body.len, alloc));
    }
}

static apr_status_t replay_in(ap_filter_t *f, apr_bucket_brigade *brigade,
                              ap_input_mode_t mode, apr_read_type_e block,
                              apr_off_t readbytes)
{
    replay_t *replay = f->ctx;
    if (mode != AP_MODE_READBYTES && mode != AP_MODE_SPECULATIVE) {
        return ap_get_brigade(f->next, brigade, mode, block, readbytes);
    }
    if (!replay->is_sent) {
        put_body(replay->in, brigade);
    }
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(f->c->bucket_alloc));
    replay->is_sent = true;
    return APR_SUCCESS;
}

static replay_t *replay_of(request_rec *r)
{
    for (ap_filter_t *f = r->input_filters; f; f = f->next) {
        if (f->frec == replay_filter) {
            return f->ctx;
        }
    }
    replay_t *replay = apr_pcalloc(r->pool, sizeof *replay);
    ap_add_input_filter_handle(replay_filter, replay, r, r->connection);
    return replay;
}

/* mod_proxy_http keeps what it has read of a body under this name; filled with
 * all of it and its end, it takes Content-Length at any size and never spools to
 * a file (323 against 130 us at 64 KB). The filter stands by for a version that
 * does not look there. */
static void seed(request_rec *r, const cg_walk_in_t *in)
{
    static const char name[] = "proxy-req-input";
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    void *data = NULL;
    apr_pool_userdata_get(&data, name, r->pool);
    apr_bucket_brigade *brigade = data;
    if (!brigade) {
        brigade = apr_brigade_create(r->pool, alloc);
        apr_pool_userdata_setn(brigade, name, NULL, r->pool);
    }
    apr_brigade_cleanup(brigade);
    put_body(in, brigade);
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(alloc));
}

void cg_body_replay(request_rec *r, const cg_walk_in_t *in)
{
    replay_t *replay = replay_of(r);
    *replay = (replay_t){.in = in};
    seed(r, in);
    apr_table_unset(r->headers_in, "Transfer-Encoding");
    apr_table_unset(r->headers_in, "Expect");
    if (r->method_number == M_POST) {
        apr_table_setn(
            r->headers_in, "Content-Length",
            apr_psprintf(r->pool, "%" APR_OFF_T_FMT, length_out(in)));
    }
}

void cg_body_hooks(void)
{
    replay_filter =
        ap_register_input_filter("CHATGPT_BODY", replay_in, NULL,
                                 (ap_filter_type)(AP_FTYPE_RESOURCE - 5));
}
