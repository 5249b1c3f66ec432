/* The watch: while an upstream is silent, is the caller still there, and is there
 * still time?
 * SPDX-License-Identifier: Apache-2.0
 *
 * mod_proxy_http blocks in a read of the upstream's connection and learns that
 * the caller has left only when it next writes to it (up to two events later). So
 * a filter right above that connection's socket tries to read without blocking,
 * and while there is nothing waits on both sockets at once. It also owns the time
 * limits of an answer: first byte, silence, whole.
 *
 * An upstream's connection is pooled: the filter is added to it once and finds
 * the request under way in the connection's config. That is set when a request has
 * been sent, before its answer is read; between two requests nobody reads and
 * blocks, so what is left there of the last one is not looked at.
 */
#include "httpd/httpd_int.h"

#include <errno.h>
#include <poll.h>

#include <apr_portable.h>
#include <http_connection.h>

#include "base/clock.h"

/* An h2 stream has no socket of its own to poll. */
#define SLICE_FOR (250 * CG_MS)

static ap_filter_rec_t *watch_filter;

/* lives in: r->pool · found through the upstream connection's config */
typedef struct watch_t {
    request_rec *r;
    cg_walk_in_t *in;
    int upstream;
    int caller; /* -1: a stream of h2 */
} watch_t;

static int socket_of(conn_rec *c)
{
    apr_socket_t *socket = ap_get_conn_socket(c);
    apr_os_sock_t fd = -1;
    if (!socket || apr_os_sock_get(&fd, socket) != APR_SUCCESS) {
        return -1;
    }
    return fd;
}

static apr_time_t time_left(const watch_t *watch, apr_time_t waiting_since)
{
    const cg_txn_t *txn = &watch->in->txn;
    apr_time_t now = cg_clock_monotonic();
    apr_time_t silence = watch->in->attempt.has_bytes
                             ? txn->policy->idle_for
                             : txn->policy->first_byte_for;
    apr_time_t until = waiting_since + silence;
    apr_time_t end =
        txn->in.started_at + txn->in.upload_for + txn->policy->total_for;
    until = until < end ? until : end;
    return until > now ? until - now : 0;
}

static apr_status_t caller_left(watch_t *watch)
{
    watch->r->connection->aborted = 1;
    watch->in->txn.answer.is_aborted = true;
    return APR_ECONNABORTED;
}

/* Waits until the upstream has something to read. */
static apr_status_t wait_for_bytes(watch_t *watch, apr_time_t since)
{
    for (;;) {
        apr_time_t left = time_left(watch, since);
        if (left == 0) {
            watch->in->attempt.is_timed_out = true;
            return APR_TIMEUP;
        }
        bool is_h2 = watch->caller < 0;
        apr_time_t step = is_h2 && left > SLICE_FOR ? SLICE_FOR : left;
        struct pollfd fds[2] = {{watch->upstream, POLLIN, 0},
                                {watch->caller, POLLRDHUP, 0}};
        int ready = poll(fds, is_h2 ? 1 : 2, (int)((step + 999) / 1000));
        if (ready < 0 && errno != EINTR) {
            return APR_FROM_OS_ERROR(errno);
        }
        bool has_left = !is_h2 && ready > 0 &&
                        (fds[1].revents & (POLLRDHUP | POLLHUP | POLLERR));
        if (has_left || watch->r->connection->aborted) {
            return caller_left(watch);
        }
        if (ready > 0 && fds[0].revents) {
            return APR_SUCCESS;
        }
    }
}

static apr_status_t watch_in(ap_filter_t *f, apr_bucket_brigade *brigade,
                             ap_input_mode_t mode, apr_read_type_e block,
                             apr_off_t readbytes)
{
    watch_t *watch = ap_get_module_config(f->c->conn_config, &chatgpt_module);
    if (!watch || block != APR_BLOCK_READ ||
        (mode != AP_MODE_READBYTES && mode != AP_MODE_GETLINE)) {
        return ap_get_brigade(f->next, brigade, mode, block, readbytes);
    }
    apr_time_t since = cg_clock_monotonic();
    for (;;) {
        apr_status_t rv = ap_get_brigade(f->next, brigade, mode,
                                         APR_NONBLOCK_READ, readbytes);
        bool is_empty = APR_STATUS_IS_EAGAIN(rv) ||
                        (rv == APR_SUCCESS && APR_BRIGADE_EMPTY(brigade));
        if (!is_empty) {
            watch->in->attempt.has_bytes = true;
            return rv;
        }
        rv = wait_for_bytes(watch, since);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
}

static bool has_filter(const conn_rec *c)
{
    for (ap_filter_t *f = c->input_filters; f; f = f->next) {
        if (f->frec == watch_filter) {
            return true;
        }
    }
    return false;
}

void cg_watch_arm(request_rec *r, conn_rec *origin, cg_walk_in_t *in)
{
    watch_t *watch = apr_pcalloc(r->pool, sizeof *watch);
    *watch = (watch_t){
        .r = r,
        .in = in,
        .upstream = socket_of(origin),
        .caller = r->connection->master ? -1 : socket_of(r->connection)};
    if (watch->upstream < 0) {
        return;
    }
    ap_set_module_config(origin->conn_config, &chatgpt_module, watch);
    if (!has_filter(origin)) {
        ap_add_input_filter_handle(watch_filter, NULL, NULL, origin);
    }
}

void cg_watch_hooks(void)
{
    watch_filter =
        ap_register_input_filter("CHATGPT_WATCH", watch_in, NULL,
                                 (ap_filter_type)(AP_FTYPE_NETWORK - 1));
}
