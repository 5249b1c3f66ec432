/* One connection to Redis. The only file that knows hiredis, 0.14 or later.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/connection.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <apr_strings.h>

#include <hiredis/hiredis.h>

/* What went wrong, as a status; at_errno is errno just after the call. */
static apr_status_t status_of(const redisContext *ctx, int at_errno)
{
    if (ctx->err == REDIS_ERR_EOF) {
        return APR_ECONNRESET;
    }
#ifdef REDIS_ERR_TIMEOUT
    if (ctx->err == REDIS_ERR_TIMEOUT) {
        return APR_TIMEUP;
    }
#endif
    if (ctx->err != REDIS_ERR_IO) {
        return APR_EGENERAL;
    }
    if (at_errno == EAGAIN || at_errno == EWOULDBLOCK ||
        at_errno == ETIMEDOUT) {
        return APR_TIMEUP;
    }
    if (at_errno == EPIPE || at_errno == ECONNRESET) {
        return APR_ECONNRESET;
    }
    return at_errno ? APR_FROM_OS_ERROR(at_errno) : APR_EGENERAL;
}

static apr_status_t explain(const redisContext *ctx, int at_errno,
                            const char *where, const char *doing,
                            cg_error_t *err)
{
    apr_status_t rv = status_of(ctx, at_errno);
    cg_error_set(err, "the store at %s: %s: %s", where, doing,
                 rv == APR_TIMEUP ? "no answer in time" : ctx->errstr);
    return rv;
}

/* ---- replies ----------------------------------------------------------- */

static cg_reply_kind_t kind_of(const redisReply *raw)
{
    static const struct {
        int type;
        cg_reply_kind_t kind;
    } kinds[] = {
        {REDIS_REPLY_STRING, CG_REPLY_TEXT},
        {REDIS_REPLY_INTEGER, CG_REPLY_INT},
        {REDIS_REPLY_ARRAY, CG_REPLY_ARRAY},
        {REDIS_REPLY_STATUS, CG_REPLY_TEXT},
        {REDIS_REPLY_ERROR, CG_REPLY_ERROR},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (raw->type == kinds[i].type) {
            return kinds[i].kind;
        }
    }
    return CG_REPLY_NIL;
}

/* Depth is bounded by hiredis' reader (7 or 9 levels). */
static void copy_reply(const redisReply *raw, cg_reply_t *out, apr_pool_t *pool)
{
    *out = (cg_reply_t){.kind = kind_of(raw)};
    if (out->kind == CG_REPLY_INT) {
        out->number = raw->integer;
    }
    if (out->kind == CG_REPLY_TEXT || out->kind == CG_REPLY_ERROR) {
        out->text.ptr =
            apr_pstrmemdup(pool, raw->str ? raw->str : "", raw->len);
        out->text.len = raw->len;
    }
    if (out->kind == CG_REPLY_ARRAY) {
        out->count = raw->elements;
        out->items = apr_palloc(pool, sizeof *out->items * (raw->elements + 1));
        for (size_t i = 0; i < raw->elements; i++) {
            copy_reply(raw->element[i], &out->items[i], pool);
        }
    }
}

apr_status_t cg_connection_read(cg_connection_t *connection, cg_reply_t *out,
                                const char *where, cg_error_t *err,
                                apr_pool_t *pool)
{
    void *raw = NULL;
    errno = 0;
    if (redisGetReply(connection, &raw) != REDIS_OK) {
        apr_status_t rv = explain(connection, errno, where, "a command", err);
        return rv == APR_TIMEUP ? rv : APR_ECONNRESET;
    }
    copy_reply(raw, out, pool);
    freeReplyObject(raw);
    return APR_SUCCESS;
}

apr_status_t cg_connection_next(cg_connection_t *connection, cg_reply_t *out,
                                bool *out_has_one, apr_pool_t *pool)
{
    void *raw = NULL;
    if (redisGetReplyFromReader(connection, &raw) != REDIS_OK) {
        return APR_ECONNRESET;
    }
    *out_has_one = raw != NULL;
    if (raw) {
        copy_reply(raw, out, pool);
        freeReplyObject(raw);
    }
    return APR_SUCCESS;
}

/* ---- commands ---------------------------------------------------------- */

void cg_connection_add(cg_connection_t *connection,
                       const cg_store_command_t *command, apr_pool_t *pool)
{
    const char **argv = apr_palloc(pool, sizeof *argv * command->argc);
    size_t *lens = apr_palloc(pool, sizeof *lens * command->argc);
    for (size_t i = 0; i < command->argc; i++) {
        argv[i] = command->argv[i].ptr;
        lens[i] = command->argv[i].len;
    }
    redisAppendCommandArgv(connection, (int)command->argc, argv, lens);
}

apr_status_t cg_connection_flush(cg_connection_t *connection)
{
    int is_done = 0;
    while (!is_done) {
        if (redisBufferWrite(connection, &is_done) != REDIS_OK) {
            return APR_ECONNRESET;
        }
    }
    return APR_SUCCESS;
}

apr_status_t cg_connection_receive(cg_connection_t *connection)
{
    return redisBufferRead(connection) == REDIS_OK ? APR_SUCCESS
                                                   : APR_ECONNRESET;
}

int cg_connection_fd(const cg_connection_t *connection)
{
    return connection->fd;
}

bool cg_connection_is_dead(const cg_connection_t *connection)
{
    char byte;
    ssize_t got = recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* ---- opening ----------------------------------------------------------- */

/* Reads a reply that must not be an error. */
static apr_status_t expect_ok(redisContext *ctx, const char *where,
                              const char *doing, cg_error_t *err)
{
    void *raw = NULL;
    errno = 0;
    if (redisGetReply(ctx, &raw) != REDIS_OK) {
        return explain(ctx, errno, where, doing, err);
    }
    redisReply *reply = raw;
    apr_status_t rv = APR_SUCCESS;
    if (reply->type == REDIS_REPLY_ERROR) {
        cg_error_set(err, "the store at %s: %s: %s", where, doing, reply->str);
        rv = APR_EGENERAL;
    }
    freeReplyObject(reply);
    return rv;
}

static void add_auth(redisContext *ctx, const cg_store_url_t *url)
{
    cg_str_t password = cg_secret_open(url->password);
    const char *argv[3] = {"AUTH", url->user, password.ptr};
    size_t lens[3] = {4, url->user ? strlen(url->user) : 0, password.len};
    if (!url->user) {
        argv[1] = password.ptr;
        lens[1] = password.len;
    }
    redisAppendCommandArgv(ctx, url->user ? 3 : 2, argv, lens);
}

/* Signs in and chooses the database, in one round trip. */
static apr_status_t greet(redisContext *ctx, const cg_store_url_t *url,
                          cg_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    if (url->password) {
        add_auth(ctx, url);
    }
    if (url->db) {
        redisAppendCommand(ctx, "SELECT %d", url->db);
    }
    if (url->password) {
        rv = expect_ok(ctx, url->where, "signing in", err);
    }
    if (rv == APR_SUCCESS && url->db) {
        rv = expect_ok(ctx, url->where, "choosing the database", err);
    }
    return rv;
}

static apr_status_t set_up(redisContext *ctx, const cg_store_url_t *url,
                           const struct timeval within, cg_error_t *err)
{
    if (redisSetTimeout(ctx, within) != REDIS_OK) {
        return explain(ctx, errno, url->where, "setting the time-out", err);
    }
    if (!url->path) {
        redisEnableKeepAlive(ctx);
    }
    return greet(ctx, url, err);
}

apr_status_t cg_connection_open(const cg_store_url_t *url,
                                apr_time_t operation_for, cg_connection_t **out,
                                cg_error_t *err)
{
    struct timeval within = {
        .tv_sec = (time_t)(operation_for / APR_USEC_PER_SEC),
        .tv_usec = (suseconds_t)(operation_for % APR_USEC_PER_SEC)};
    errno = 0;
    redisContext *ctx =
        url->path ? redisConnectUnixWithTimeout(url->path, within)
                  : redisConnectWithTimeout(url->host, url->port, within);
    int at_errno = errno;
    if (!ctx) {
        cg_error_set(err, "the store at %s: out of memory", url->where);
        return APR_ENOMEM;
    }
    apr_status_t rv =
        ctx->err ? explain(ctx, at_errno, url->where, "connecting", err)
                 : set_up(ctx, url, within, err);
    if (rv != APR_SUCCESS) {
        redisFree(ctx);
        return rv;
    }
    *out = ctx;
    return APR_SUCCESS;
}

void cg_connection_close(cg_connection_t *connection)
{
    redisFree(connection);
}
