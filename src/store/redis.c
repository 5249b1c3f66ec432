/* The store over hiredis: a bounded pool of connections, bounded calls, and the
 * listener's connection. The only file that knows hiredis.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   call -> breaker -> take -> ready -> send, read all -> give back
 *                       |        |            |
 *                  idle or    found dead?     cut: flush the idle ones, and
 *                  spare      connect anew    once more if that does no harm
 *
 * A connection is a slot with a number, its generation. To flush the idle ones
 * is to count the store's generation up: a slot of an older generation is
 * closed by whoever takes it next, so nobody touches a connection another
 * thread uses.
 *
 * After any failure the connection is closed: a late answer must not be read as
 * the answer to the next command.
 */
#include "store/store.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/share.h"
#include "store/url.h"

#define OPERATION_FOR APR_TIME_C(100000)
#define CONNECTIONS_MAX 64
#define COMMANDS_MAX 1024              /* of one pipeline */
#define BEAT_EACH APR_TIME_C(200000)   /* a silent server is asked after this */
#define BEAT_WITHIN APR_TIME_C(250000) /* and given up after this again */

typedef struct connection_t {
    redisContext *ctx; /* NULL: not connected */
    int64_t generation;
} connection_t;

/* lives in: child pool · used by: every thread of the child */
struct cg_store_t {
    cg_store_url_t url;
    apr_time_t operation_for;
    cg_breaker_t *breaker;
    cg_breaker_t own_breaker;
    volatile int64_t generation; /* atomic */

    apr_thread_mutex_t *lock; /* guards what follows */
    apr_thread_cond_t *freed;
    connection_t *connections;
    int connections_max;
    connection_t **idle; /* connected; the last used on top */
    int idle_count;
    connection_t **spare; /* not connected */
    int spare_count;
};

struct cg_listener_t {
    redisContext *ctx;
    apr_time_t heard_at;  /* monotonic */
    apr_time_t pinged_at; /* 0: no answer is awaited */
};

/* First words of errors by which a server says that it cannot serve now. */
static const char *const away_codes[] = {
    "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN",  "MISCONF",
    "OOM",     "BUSY",     "NOREPLICAS", "NOAUTH",      "UNBLOCKED",
};

/* Verbs that may be sent again after a connection broke under them. */
static const char *const safe_verbs[] = {
    "EVALSHA",
    "EVAL",
    "GET",
    "MGET",
    "HGETALL",
    "HMGET",
    "HGET",
    "SET",
    "DEL",
    "UNLINK",
    "HSET",
    "HDEL",
    "ZADD",
    "ZREM",
    "ZSCORE",
    "ZRANGE",
    "ZCARD",
    "ZREVRANGE",
    "EXISTS",
    "EXPIRE",
    "PEXPIRE",
    "TTL",
    "PTTL",
    "TYPE",
    "XRANGE",
    "XREVRANGE",
    "XLEN",
    "XINFO",
    "SCAN",
    "INFO",
    "PING",
    "TIME",
    "STRLEN",
    "SADD",
    "SREM",
    "SMEMBERS",
    "SCARD",
    "ZREVRANGEBYLEX",
    "ZRANGEBYLEX",
    "ZRANGEBYSCORE",
    "ZREVRANGEBYSCORE",
    "DBSIZE",
};

/* ---- one connection ---------------------------------------------------- */

static struct timeval timeval_of(apr_time_t span)
{
    return (struct timeval){.tv_sec = (time_t)(span / APR_USEC_PER_SEC),
                            .tv_usec = (suseconds_t)(span % APR_USEC_PER_SEC)};
}

static void disconnect(connection_t *connection)
{
    if (connection->ctx) {
        redisFree(connection->ctx);
        connection->ctx = NULL;
    }
}

/* What went wrong on ctx, as a status; at_errno is errno just after the call.
 */
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

static apr_status_t explain(const cg_store_t *store, const redisContext *ctx,
                            int at_errno, const char *doing, cg_error_t *err)
{
    apr_status_t rv = status_of(ctx, at_errno);
    if (rv == APR_TIMEUP) {
        cg_error_set(err, "the store at %s: %s: no answer within %d ms",
                     store->url.where, doing,
                     (int)(store->operation_for / 1000));
    }
    else {
        cg_error_set(err, "the store at %s: %s: %s", store->url.where, doing,
                     ctx->errstr);
    }
    return rv;
}

/* Reads a reply that must not be an error. */
static apr_status_t expect_ok(const cg_store_t *store, redisContext *ctx,
                              const char *doing, cg_error_t *err)
{
    void *raw = NULL;
    errno = 0;
    if (redisGetReply(ctx, &raw) != REDIS_OK) {
        return explain(store, ctx, errno, doing, err);
    }
    redisReply *reply = raw;
    apr_status_t rv = APR_SUCCESS;
    if (reply->type == REDIS_REPLY_ERROR) {
        cg_error_set(err, "the store at %s: %s: %s", store->url.where, doing,
                     reply->str);
        rv = APR_EGENERAL;
    }
    freeReplyObject(reply);
    return rv;
}

/* Signs in and selects the database, in one round trip. */
static apr_status_t greet(const cg_store_t *store, redisContext *ctx,
                          cg_error_t *err)
{
    const cg_store_url_t *url = &store->url;
    char db[16];
    if (url->password) {
        cg_str_t password = cg_secret_open(url->password);
        const char *argv[3] = {"AUTH", url->user ? url->user : password.ptr,
                               password.ptr};
        size_t lens[3] = {4, url->user ? strlen(url->user) : password.len,
                          password.len};
        redisAppendCommandArgv(ctx, url->user ? 3 : 2, argv, lens);
    }
    if (url->db) {
        apr_snprintf(db, sizeof db, "%d", url->db);
        redisAppendCommand(ctx, "SELECT %s", db);
    }
    apr_status_t rv = APR_SUCCESS;
    if (url->password) {
        rv = expect_ok(store, ctx, "signing in", err);
    }
    if (rv == APR_SUCCESS && url->db) {
        rv = expect_ok(store, ctx, "choosing the database", err);
    }
    return rv;
}

static apr_status_t dial(const cg_store_t *store, redisContext **out,
                         cg_error_t *err)
{
    const cg_store_url_t *url = &store->url;
    struct timeval within = timeval_of(store->operation_for);
    errno = 0;
    redisContext *ctx =
        url->path ? redisConnectUnixWithTimeout(url->path, within)
                  : redisConnectWithTimeout(url->host, url->port, within);
    int at_errno = errno;
    if (!ctx) {
        cg_error_set(err, "the store at %s: out of memory", url->where);
        return APR_ENOMEM;
    }
    apr_status_t rv = APR_SUCCESS;
    if (ctx->err) {
        rv = explain(store, ctx, at_errno, "connecting", err);
    }
    else if (redisSetTimeout(ctx, within) != REDIS_OK) {
        rv = explain(store, ctx, errno, "setting the time-out", err);
    }
    else {
        if (!url->path) {
            redisEnableKeepAlive(ctx);
        }
        rv = greet(store, ctx, err);
    }
    if (rv != APR_SUCCESS) {
        redisFree(ctx);
        return rv;
    }
    *out = ctx;
    return APR_SUCCESS;
}

/* Has the other side closed, or said something nobody asked for? */
static bool is_dead(const redisContext *ctx)
{
    char byte;
    ssize_t got = recv(ctx->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* ---- the pool ---------------------------------------------------------- */

static apr_status_t take(cg_store_t *store, connection_t **out, cg_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    apr_thread_mutex_lock(store->lock);
    while (rv == APR_SUCCESS && !store->idle_count && !store->spare_count) {
        rv = apr_thread_cond_timedwait(store->freed, store->lock,
                                       store->operation_for);
    }
    if (store->idle_count) {
        *out = store->idle[--store->idle_count];
        rv = APR_SUCCESS;
    }
    else if (store->spare_count) {
        *out = store->spare[--store->spare_count];
        rv = APR_SUCCESS;
    }
    apr_thread_mutex_unlock(store->lock);
    if (rv != APR_SUCCESS) {
        cg_error_set(err,
                     "the store at %s: all %d connections are in use; allow "
                     "as many as there are threads",
                     store->url.where, store->connections_max);
    }
    return rv;
}

static void give_back(cg_store_t *store, connection_t *connection)
{
    apr_thread_mutex_lock(store->lock);
    if (connection->ctx) {
        store->idle[store->idle_count++] = connection;
    }
    else {
        store->spare[store->spare_count++] = connection;
    }
    apr_thread_cond_signal(store->freed);
    apr_thread_mutex_unlock(store->lock);
}

static void flush_idle(cg_store_t *store)
{
    cg_atomic_add(&store->generation, 1);
}

/* Makes a taken connection usable; *out_is_used: it has served before. */
static apr_status_t make_ready(cg_store_t *store, connection_t *connection,
                               bool *out_is_used, cg_error_t *err)
{
    int64_t generation = cg_atomic_get(&store->generation);
    if (connection->ctx &&
        (connection->generation != generation || is_dead(connection->ctx))) {
        disconnect(connection);
    }
    *out_is_used = connection->ctx != NULL;
    if (connection->ctx) {
        return APR_SUCCESS;
    }
    connection->generation = generation;
    return dial(store, &connection->ctx, err);
}

/* ---- replies ----------------------------------------------------------- */

static void copy_text(const redisReply *raw, cg_reply_t *out, apr_pool_t *pool)
{
    out->text.ptr = apr_pstrmemdup(pool, raw->str ? raw->str : "", raw->len);
    out->text.len = raw->len;
}

/* Depth is bounded by hiredis' reader (7 or 9 levels). */
static void copy_reply(const redisReply *raw, cg_reply_t *out, apr_pool_t *pool)
{
    *out = (cg_reply_t){.kind = CG_REPLY_NIL};
    if (raw->type == REDIS_REPLY_INTEGER) {
        out->kind = CG_REPLY_INT;
        out->number = raw->integer;
    }
    else if (raw->type == REDIS_REPLY_STRING ||
             raw->type == REDIS_REPLY_STATUS) {
        out->kind = CG_REPLY_TEXT;
        copy_text(raw, out, pool);
    }
    else if (raw->type == REDIS_REPLY_ERROR) {
        out->kind = CG_REPLY_ERROR;
        copy_text(raw, out, pool);
    }
    else if (raw->type == REDIS_REPLY_ARRAY) {
        out->kind = CG_REPLY_ARRAY;
        out->count = raw->elements;
        out->items = apr_palloc(pool, sizeof *out->items * (raw->elements + 1));
        for (size_t i = 0; i < raw->elements; i++) {
            copy_reply(raw->element[i], &out->items[i], pool);
        }
    }
}

static bool has_code(cg_str_t text, const char *code)
{
    size_t len = strlen(code);
    return cg_str_has_prefix(text, code) &&
           (text.len == len || text.ptr[len] == ' ');
}

static bool is_away_reply(const cg_reply_t *reply)
{
    if (reply->kind != CG_REPLY_ERROR) {
        return false;
    }
    for (size_t i = 0; i < sizeof away_codes / sizeof away_codes[0]; i++) {
        if (has_code(reply->text, away_codes[i])) {
            return true;
        }
    }
    return false;
}

/* ---- a call ------------------------------------------------------------ */

static void append(redisContext *ctx, const cg_store_command_t *command,
                   apr_pool_t *pool)
{
    const char **argv = apr_palloc(pool, sizeof *argv * command->argc);
    size_t *lens = apr_palloc(pool, sizeof *lens * command->argc);
    for (size_t i = 0; i < command->argc; i++) {
        argv[i] = command->argv[i].ptr;
        lens[i] = command->argv[i].len;
    }
    redisAppendCommandArgv(ctx, (int)command->argc, argv, lens);
}

static apr_status_t read_replies(const cg_store_t *store, redisContext *ctx,
                                 size_t count, cg_reply_t *out, cg_error_t *err,
                                 apr_pool_t *pool)
{
    apr_status_t rv = APR_SUCCESS;
    for (size_t i = 0; i < count; i++) {
        void *raw = NULL;
        errno = 0;
        if (redisGetReply(ctx, &raw) != REDIS_OK) {
            return explain(store, ctx, errno, "a command", err);
        }
        copy_reply(raw, &out[i], pool);
        freeReplyObject(raw);
        if (rv == APR_SUCCESS && is_away_reply(&out[i])) {
            cg_error_set(err, "the store at %s cannot serve: %.120s",
                         store->url.where, out[i].text.ptr);
            rv = APR_EGENERAL;
        }
    }
    return rv;
}

/* Sends all and reads all on one connection, which is closed if that fails. */
static apr_status_t attempt(cg_store_t *store,
                            const cg_store_command_t *commands, size_t count,
                            cg_reply_t *out, bool *out_is_used, cg_error_t *err,
                            apr_pool_t *pool)
{
    connection_t *connection = NULL;
    *out_is_used = false;
    if (take(store, &connection, err) != APR_SUCCESS) {
        return APR_EBUSY;
    }
    apr_status_t rv = make_ready(store, connection, out_is_used, err);
    if (rv == APR_SUCCESS) {
        for (size_t i = 0; i < count; i++) {
            append(connection->ctx, &commands[i], pool);
        }
        rv = read_replies(store, connection->ctx, count, out, err, pool);
    }
    if (rv != APR_SUCCESS) {
        disconnect(connection);
        flush_idle(store);
    }
    give_back(store, connection);
    return rv;
}

static bool is_safe(const cg_store_command_t *command)
{
    size_t count = sizeof safe_verbs / sizeof safe_verbs[0];
    for (size_t i = 0; i < count; i++) {
        if (cg_str_is_nocase(command->argv[0], safe_verbs[i])) {
            return true;
        }
    }
    return false;
}

static bool are_safe(const cg_store_command_t *commands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_safe(&commands[i])) {
            return false;
        }
    }
    return true;
}

apr_status_t cg_store_pipeline(cg_store_t *store,
                               const cg_store_command_t *commands, size_t count,
                               cg_reply_t *out, cg_error_t *err,
                               apr_pool_t *pool)
{
    if (count == 0) {
        return APR_SUCCESS;
    }
    if (count > COMMANDS_MAX) {
        cg_error_set(err, "%d commands are too many for one pipeline",
                     (int)count);
        return APR_EINVAL;
    }
    if (!cg_breaker_may_try(store->breaker, cg_clock_monotonic())) {
        cg_error_set(err, "the store at %s is away; not asked again yet",
                     store->url.where);
        return APR_EAGAIN;
    }
    bool is_used;
    apr_status_t rv = attempt(store, commands, count, out, &is_used, err, pool);
    if (rv == APR_ECONNRESET && is_used && are_safe(commands, count)) {
        rv = attempt(store, commands, count, out, &is_used, err, pool);
    }
    if (rv == APR_SUCCESS) {
        cg_breaker_succeeded(store->breaker);
    }
    else if (rv != APR_EBUSY) {
        cg_breaker_failed(store->breaker, cg_clock_monotonic());
    }
    return rv;
}

apr_status_t cg_store_call(cg_store_t *store, const cg_str_t *argv, size_t argc,
                           cg_reply_t *out, cg_error_t *err, apr_pool_t *pool)
{
    cg_store_command_t command = {argv, argc};
    return cg_store_pipeline(store, &command, 1, out, err, pool);
}

/* ---- opening ----------------------------------------------------------- */

static apr_status_t close_store(void *data)
{
    cg_store_t *store = data;
    for (int i = 0; i < store->connections_max; i++) {
        disconnect(&store->connections[i]);
    }
    return APR_SUCCESS;
}

static apr_status_t make_pool(cg_store_t *store, int most, apr_pool_t *pool)
{
    store->connections_max = most;
    store->connections = apr_pcalloc(pool, sizeof(connection_t) * (size_t)most);
    store->idle = apr_pcalloc(pool, sizeof(connection_t *) * (size_t)most);
    store->spare = apr_pcalloc(pool, sizeof(connection_t *) * (size_t)most);
    for (int i = 0; i < most; i++) {
        store->spare[store->spare_count++] = &store->connections[i];
    }
    apr_status_t rv =
        apr_thread_mutex_create(&store->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&store->freed, pool);
    }
    return rv;
}

apr_status_t cg_store_open(cg_store_t **out, const cg_store_options_t *options,
                           cg_error_t *err, apr_pool_t *pool)
{
    cg_store_t *store = apr_pcalloc(pool, sizeof *store);
    if (!cg_store_url_parse(options->url, &store->url, err, pool)) {
        return APR_EINVAL;
    }
    if (options->password && options->password[0]) {
        store->url.password = cg_secret_make(cg_str(options->password), pool);
    }
    store->operation_for =
        options->operation_for > 0 ? options->operation_for : OPERATION_FOR;
    store->breaker = options->breaker ? options->breaker : &store->own_breaker;
    int most = options->connections_max > 0 ? options->connections_max
                                            : CONNECTIONS_MAX;
    apr_status_t rv = make_pool(store, most, pool);
    if (rv != APR_SUCCESS) {
        cg_error_set(err, "cannot make the store's lock");
        return rv;
    }
    apr_pool_cleanup_register(pool, store, close_store, apr_pool_cleanup_null);
    *out = store;
    return APR_SUCCESS;
}

bool cg_store_url_check(const char *url, cg_error_t *err)
{
    apr_pool_t *pool;
    cg_store_url_t parsed;
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return false;
    }
    bool is_right = cg_store_url_parse(url, &parsed, err, pool);
    apr_pool_destroy(pool);
    return is_right;
}

const char *cg_store_where(const cg_store_t *store)
{
    return store->url.where;
}

bool cg_store_is_away(const cg_store_t *store)
{
    return cg_breaker_is_open(store->breaker);
}

/* ---- the listener ------------------------------------------------------ */

static apr_status_t close_listener(void *data)
{
    cg_listener_t *listener = data;
    redisFree(listener->ctx);
    return APR_SUCCESS;
}

apr_status_t cg_store_subscribe(cg_store_t *store, const char *channel,
                                cg_listener_t **out, cg_error_t *err,
                                apr_pool_t *pool)
{
    redisContext *ctx;
    apr_status_t rv = dial(store, &ctx, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    redisAppendCommand(ctx, "SUBSCRIBE %s", channel);
    rv = expect_ok(store, ctx, "subscribing", err);
    if (rv != APR_SUCCESS) {
        redisFree(ctx);
        return rv;
    }
    cg_listener_t *listener = apr_pcalloc(pool, sizeof *listener);
    listener->ctx = ctx;
    listener->heard_at = cg_clock_monotonic();
    apr_pool_cleanup_register(pool, listener, close_listener,
                              apr_pool_cleanup_null);
    *out = listener;
    return APR_SUCCESS;
}

/* A message is ["message", channel, text]; an answer to PING ["pong", ""]. */
static void hand_over(const redisReply *reply,
                      void (*on_message)(void *baton, cg_str_t message),
                      void *baton)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) {
        return;
    }
    const redisReply *kind = reply->element[0];
    const redisReply *text = reply->element[2];
    if (kind->type == REDIS_REPLY_STRING && text->type == REDIS_REPLY_STRING &&
        cg_str_is((cg_str_t){kind->str, kind->len}, "message")) {
        on_message(baton, (cg_str_t){text->str, text->len});
    }
}

/* Hands over what is already read. */
static apr_status_t drain(cg_listener_t *listener,
                          void (*on_message)(void *baton, cg_str_t message),
                          void *baton)
{
    for (;;) {
        void *raw = NULL;
        if (redisGetReplyFromReader(listener->ctx, &raw) != REDIS_OK) {
            return APR_ECONNRESET;
        }
        if (!raw) {
            return APR_SUCCESS;
        }
        hand_over(raw, on_message, baton);
        freeReplyObject(raw);
    }
}

static apr_status_t send_ping(cg_listener_t *listener, apr_time_t now)
{
    int is_done = 0;
    listener->pinged_at = now;
    redisAppendCommand(listener->ctx, "PING");
    while (!is_done) {
        if (redisBufferWrite(listener->ctx, &is_done) != REDIS_OK) {
            return APR_ECONNRESET;
        }
    }
    return APR_SUCCESS;
}

/* Asks a silent server for a sign of life; gives it up if none comes. */
static apr_status_t beat(cg_listener_t *listener, apr_time_t now)
{
    if (listener->pinged_at) {
        return now - listener->pinged_at > BEAT_WITHIN ? APR_TIMEUP
                                                       : APR_SUCCESS;
    }
    if (now - listener->heard_at < BEAT_EACH) {
        return APR_SUCCESS;
    }
    return send_ping(listener, now);
}

apr_status_t cg_store_listen(cg_listener_t *listener, apr_time_t wait_for,
                             void (*on_message)(void *baton, cg_str_t message),
                             void *baton)
{
    struct pollfd ready = {.fd = listener->ctx->fd, .events = POLLIN};
    apr_time_t now = cg_clock_monotonic();
    apr_time_t until = now + wait_for;
    apr_time_t span = 0; /* first look at what already waits, then judge */
    for (;;) {
        int got = poll(&ready, 1, (int)((span + 999) / 1000));
        now = cg_clock_monotonic();
        apr_status_t rv = APR_SUCCESS;
        if (got > 0) {
            if (redisBufferRead(listener->ctx) != REDIS_OK) {
                return APR_ECONNRESET;
            }
            listener->heard_at = now;
            listener->pinged_at = 0;
            rv = drain(listener, on_message, baton);
        }
        else {
            rv = beat(listener, now);
        }
        if (rv != APR_SUCCESS || now >= until) {
            return rv;
        }
        span = until - now < BEAT_EACH ? until - now : BEAT_EACH;
    }
}
