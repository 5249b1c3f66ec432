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
#include <hiredis/sds.h>

#define READ_MAX 16384

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

/* Waits for one reply. TLS stands between hiredis' buffers and the socket. */
static apr_status_t await(cg_connection_t *connection, void **out)
{
    redisContext *ctx = connection->context;
    apr_status_t rv = APR_SUCCESS;
    if (redisGetReplyFromReader(ctx, out) != REDIS_OK) {
        return APR_ECONNRESET;
    }
    if (!*out) {
        rv = cg_connection_flush(connection);
    }
    while (!*out && rv == APR_SUCCESS) {
        rv = cg_connection_receive(connection);
        if (rv == APR_SUCCESS &&
            redisGetReplyFromReader(ctx, out) != REDIS_OK) {
            rv = APR_ECONNRESET;
        }
    }
    return rv;
}

static apr_status_t get_reply(cg_connection_t *connection, void **out,
                              const char *where, const char *doing,
                              cg_error_t *err)
{
    *out = NULL;
    errno = 0;
    if (!connection->tls) {
        return redisGetReply(connection->context, out) == REDIS_OK
                   ? APR_SUCCESS
                   : explain(connection->context, errno, where, doing, err);
    }
    apr_status_t rv = await(connection, out);
    if (rv != APR_SUCCESS) {
        cg_error_set(err, "the store at %s: %s: %s", where, doing,
                     rv == APR_TIMEUP ? "no answer in time"
                                      : "the TLS connection was cut");
    }
    return rv;
}

apr_status_t cg_connection_read(cg_connection_t *connection, cg_reply_t *out,
                                const char *where, cg_error_t *err,
                                apr_pool_t *pool)
{
    void *raw;
    apr_status_t rv = get_reply(connection, &raw, where, "a command", err);
    if (rv != APR_SUCCESS) {
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
    if (redisGetReplyFromReader(connection->context, &raw) != REDIS_OK) {
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
    redisAppendCommandArgv(connection->context, (int)command->argc, argv, lens);
}

static apr_status_t flush_tls(cg_connection_t *connection)
{
    sds waiting = connection->context->obuf;
    apr_status_t rv = APR_SUCCESS;
    if (sdslen(waiting) > 0) {
        rv = cg_tls_write(connection->tls, waiting, sdslen(waiting));
        sdsclear(waiting);
    }
    return rv;
}

apr_status_t cg_connection_flush(cg_connection_t *connection)
{
    int is_done = 0;
    if (connection->tls) {
        return flush_tls(connection);
    }
    while (!is_done) {
        if (redisBufferWrite(connection->context, &is_done) != REDIS_OK) {
            return APR_ECONNRESET;
        }
    }
    return APR_SUCCESS;
}

/* All that is deciphered: poll would not tell of the rest. */
static apr_status_t receive_tls(cg_connection_t *connection)
{
    char chunk[READ_MAX];
    size_t len;
    do {
        apr_status_t rv =
            cg_tls_read(connection->tls, chunk, sizeof chunk, &len);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (redisReaderFeed(connection->context->reader, chunk, len) !=
            REDIS_OK) {
            return APR_ECONNRESET;
        }
    } while (cg_tls_has_more(connection->tls));
    return APR_SUCCESS;
}

apr_status_t cg_connection_receive(cg_connection_t *connection)
{
    if (connection->tls) {
        return receive_tls(connection);
    }
    return redisBufferRead(connection->context) == REDIS_OK ? APR_SUCCESS
                                                            : APR_ECONNRESET;
}

int cg_connection_fd(const cg_connection_t *connection)
{
    return connection->context->fd;
}

bool cg_connection_is_dead(const cg_connection_t *connection)
{
    char byte;
    ssize_t got =
        recv(connection->context->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* ---- opening ----------------------------------------------------------- */

/* The steps of a greeting, all sent in one round trip. */
typedef struct greeting_t {
    cg_connection_t *connection;
    const cg_dial_t *dial;
    char *run_id;
} greeting_t;

static void add_auth(const greeting_t *to)
{
    const char *user = to->dial->user;
    cg_str_t password = cg_secret_open(to->dial->password);
    const char *argv[3] = {"AUTH", user, password.ptr};
    size_t lens[3] = {4, user ? strlen(user) : 0, password.len};
    if (!user) {
        argv[1] = password.ptr;
        lens[1] = password.len;
    }
    redisAppendCommandArgv(to->connection->context, user ? 3 : 2, argv, lens);
}

/* A sentinel mostly has no password; one that is given does no harm. */
static apr_status_t on_auth(const greeting_t *to, const redisReply *reply,
                            cg_error_t *err)
{
    bool is_refused = reply->type == REDIS_REPLY_ERROR;
    bool is_needless = is_refused && to->dial->is_sentinel &&
                       strncmp(reply->str, "ERR ", 4) == 0;
    if (!is_refused || is_needless) {
        return APR_SUCCESS;
    }
    cg_error_set(err, "the store at %s: signing in: %s", to->dial->where,
                 reply->str);
    return APR_EGENERAL;
}

static apr_status_t on_select(const greeting_t *to, const redisReply *reply,
                              cg_error_t *err)
{
    if (reply->type != REDIS_REPLY_ERROR) {
        return APR_SUCCESS;
    }
    cg_error_set(err, "the store at %s: choosing the database: %s",
                 to->dial->where, reply->str);
    return APR_EGENERAL;
}

/* Who was the primary and does not know yet that it is no more says so here;
 * who was cut off and still believes it is found by asking the sentinels. */
static apr_status_t on_role(const greeting_t *to, const redisReply *reply,
                            cg_error_t *err)
{
    const redisReply *first =
        reply->type == REDIS_REPLY_ARRAY && reply->elements ? reply->element[0]
                                                            : reply;
    if (first != reply && first->str && strcmp(first->str, "master") == 0) {
        return APR_SUCCESS;
    }
    cg_error_set(err, "the store at %s is no primary: ROLE says %.80s",
                 to->dial->where, first->str ? first->str : "nothing");
    return APR_EGENERAL;
}

/* Who may not ask has a store without generations, and is told in the manual. */
static apr_status_t on_info(const greeting_t *to, const redisReply *reply,
                            cg_error_t *err)
{
    static const char label[] = "run_id:";
    (void)err;
    const char *at = reply->type != REDIS_REPLY_ERROR && reply->str
                         ? strstr(reply->str, label)
                         : NULL;
    if (at && strlen(at) >= sizeof label - 1 + CG_RUN_ID_LEN) {
        memcpy(to->run_id, at + sizeof label - 1, CG_RUN_ID_LEN);
        to->run_id[CG_RUN_ID_LEN] = '\0';
    }
    return APR_SUCCESS;
}

static apr_status_t expect(const greeting_t *to, const char *doing,
                           apr_status_t (*on_reply)(const greeting_t *to,
                                                    const redisReply *reply,
                                                    cg_error_t *err),
                           cg_error_t *err)
{
    void *raw;
    apr_status_t rv =
        get_reply(to->connection, &raw, to->dial->where, doing, err);
    if (rv == APR_SUCCESS) {
        rv = on_reply(to, raw, err);
        freeReplyObject(raw);
    }
    return rv;
}

static apr_status_t greet(const greeting_t *to, cg_error_t *err)
{
    const cg_dial_t *dial = to->dial;
    redisContext *ctx = to->connection->context;
    apr_status_t rv = APR_SUCCESS;
    if (dial->password) {
        add_auth(to);
    }
    if (dial->db) {
        redisAppendCommand(ctx, "SELECT %d", dial->db);
    }
    if (dial->needs_primary) {
        redisAppendCommand(ctx, "ROLE");
    }
    if (!dial->is_sentinel) {
        redisAppendCommand(ctx, "INFO server");
    }
    if (dial->password) {
        rv = expect(to, "signing in", on_auth, err);
    }
    if (rv == APR_SUCCESS && dial->db) {
        rv = expect(to, "choosing the database", on_select, err);
    }
    if (rv == APR_SUCCESS && dial->needs_primary) {
        rv = expect(to, "asking its role", on_role, err);
    }
    if (rv == APR_SUCCESS && !dial->is_sentinel) {
        rv = expect(to, "asking its name", on_info, err);
    }
    return rv;
}

static apr_status_t set_up(const greeting_t *to, const struct timeval within,
                           cg_error_t *err)
{
    const cg_dial_t *dial = to->dial;
    redisContext *ctx = to->connection->context;
    cg_error_t why;
    if (redisSetTimeout(ctx, within) != REDIS_OK) {
        return explain(ctx, errno, dial->where, "setting the time-out", err);
    }
    if (!dial->address->path) {
        redisEnableKeepAlive(ctx);
    }
    if (dial->tls) {
        apr_status_t rv = cg_tls_begin(dial->tls, ctx->fd, dial->address->host,
                                       &to->connection->tls, &why);
        if (rv != APR_SUCCESS) {
            cg_error_set(err, "the store at %s: %.200s", dial->where, why.text);
            return rv;
        }
    }
    return greet(to, err);
}

apr_status_t cg_connection_open(const cg_dial_t *dial, cg_connection_t *out,
                                char out_run_id[CG_RUN_ID_LEN + 1],
                                cg_error_t *err)
{
    const cg_store_address_t *at = dial->address;
    struct timeval within = {
        .tv_sec = (time_t)(dial->within / APR_USEC_PER_SEC),
        .tv_usec = (suseconds_t)(dial->within % APR_USEC_PER_SEC)};
    greeting_t to = {out, dial, out_run_id};
    *out = (cg_connection_t){NULL, NULL};
    out_run_id[0] = '\0';
    errno = 0;
    out->context = at->path
                       ? redisConnectUnixWithTimeout(at->path, within)
                       : redisConnectWithTimeout(at->host, at->port, within);
    int at_errno = errno;
    if (!out->context) {
        cg_error_set(err, "the store at %s: out of memory", dial->where);
        return APR_ENOMEM;
    }
    apr_status_t rv =
        out->context->err
            ? explain(out->context, at_errno, dial->where, "connecting", err)
            : set_up(&to, within, err);
    if (rv != APR_SUCCESS) {
        cg_connection_close(out);
    }
    return rv;
}

void cg_connection_close(cg_connection_t *connection)
{
    if (connection->context) {
        cg_tls_end(connection->tls);
        redisFree(connection->context);
        *connection = (cg_connection_t){NULL, NULL};
    }
}
