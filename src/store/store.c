/* The store: calls that are bounded in time, to whoever serves now.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   call -> breaker -> primary -> take -> send, read all -> give back
 *                         |         |           |
 *                     sentinels   idle, or   cut, or a replica: once more,
 *                     in doubt    connect    if that does no harm
 *
 * A cluster has its own way (cluster.c).
 */
#include "store/store.h"

#include <string.h>

#include "base/clock.h"
#include "base/share.h"
#include "store/slots.h"
#include "store/store_int.h"

#define OPERATION_FOR APR_TIME_C(100000)
#define CONNECTIONS_MAX 64
#define COMMANDS_MAX 1024 /* of one pipeline */

/* First words of errors by which a server says that it cannot serve now. */
static const char *const away_codes[] = {
    "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN",  "MISCONF",
    "OOM",     "BUSY",     "NOREPLICAS", "NOAUTH",      "UNBLOCKED",
};

/* Verbs that may be sent again after a connection broke under them: what is done
 * twice is as if done once. */
// clang-format off
static const char *const safe_verbs[] = {
    "EVALSHA", "EVAL",
    "GET", "MGET", "SET", "DEL", "UNLINK", "STRLEN",
    "HGET", "HMGET", "HGETALL", "HSET", "HDEL",
    "ZADD", "ZREM", "ZSCORE", "ZCARD", "ZRANGE", "ZREVRANGE",
    "ZRANGEBYSCORE", "ZREVRANGEBYSCORE", "ZRANGEBYLEX", "ZREVRANGEBYLEX",
    "SADD", "SREM", "SMEMBERS", "SISMEMBER", "SCARD",
    "XRANGE", "XREVRANGE", "XLEN", "XINFO",
    "EXISTS", "EXPIRE", "PEXPIRE", "TTL", "PTTL", "TYPE", "SCAN",
    "PING", "TIME", "INFO", "DBSIZE",
};
// clang-format on

/* ---- what a reply says ------------------------------------------------- */

bool cg_store_has_code(const cg_reply_t *reply, const char *code)
{
    size_t len = strlen(code);
    return reply->kind == CG_REPLY_ERROR &&
           cg_str_has_prefix(reply->text, code) &&
           (reply->text.len == len || reply->text.ptr[len] == ' ');
}

bool cg_store_is_away_reply(const cg_reply_t *reply)
{
    if (reply->kind != CG_REPLY_ERROR) {
        return false;
    }
    for (size_t i = 0; i < sizeof away_codes / sizeof away_codes[0]; i++) {
        if (cg_store_has_code(reply, away_codes[i])) {
            return true;
        }
    }
    return false;
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

bool cg_store_are_safe(const cg_store_command_t *commands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_safe(&commands[i])) {
            return false;
        }
    }
    return true;
}

/* All are read even if one says that the server cannot serve. */
apr_status_t cg_store_read_all(cg_node_t *node, cg_node_slot_t *slot,
                               cg_reply_t *out, size_t count,
                               bool *out_is_moved, cg_error_t *err,
                               apr_pool_t *pool)
{
    apr_status_t result = APR_SUCCESS;
    *out_is_moved = false;
    for (size_t i = 0; i < count; i++) {
        apr_status_t rv = cg_connection_read(&slot->connection, &out[i],
                                             node->where, err, pool);
        if (rv != APR_SUCCESS) {
            *out_is_moved = false;
            return rv;
        }
        if (result == APR_SUCCESS && cg_store_is_away_reply(&out[i])) {
            cg_error_set(err, "the store at %s cannot serve: %.120s",
                         node->where, out[i].text.ptr);
            *out_is_moved = cg_store_has_code(&out[i], "READONLY") ||
                            cg_store_has_code(&out[i], "MASTERDOWN");
            result = APR_EGENERAL;
        }
    }
    return result;
}

/* ---- a call ------------------------------------------------------------ */

/* How a try went. */
typedef struct try_t {
    apr_status_t status;
    bool is_used;  /* on a connection that had served before */
    bool is_sent;  /* the commands may have been carried out */
    bool is_moved; /* they were not, for it was a replica */
} try_t;

/* One try on one connection, which is closed if it fails. */
static try_t attempt(cg_store_t *store, apr_time_t began,
                     const cg_store_command_t *commands, size_t count,
                     cg_reply_t *out, cg_error_t *err, apr_pool_t *pool)
{
    try_t try = {.status = APR_ENOSOCKET};
    cg_node_slot_t *slot;
    cg_node_t *node = cg_store_primary(store, began, err);
    if (node) {
        try.status = cg_node_take(node, &slot, &try.is_used, err);
    }
    if (try.status != APR_SUCCESS) {
        return try;
    }
    for (size_t i = 0; i < count; i++) {
        cg_connection_add(&slot->connection, &commands[i], pool);
    }
    try.is_sent = true;
    try.status =
        cg_store_read_all(node, slot, out, count, &try.is_moved, err, pool);
    cg_node_give_back(node, slot, try.status == APR_SUCCESS);
    return try;
}

/* Sentinels know of another primary sooner or later; who was not reached, or
 * found to be a replica, has done nothing. */
static bool may_try_again(const cg_store_t *store, const try_t *try,
                          const cg_store_command_t *commands, size_t count)
{
    if (try->status == APR_SUCCESS || try->status == APR_EBUSY) {
        return false;
    }
    if (try->status == APR_ECONNRESET && try->is_sent) {
        return try->is_used && cg_store_are_safe(commands, count);
    }
    return store->access.url.kind == CG_STORE_SENTINEL &&
           (!try->is_sent || try->is_moved);
}

static apr_status_t call_primary(cg_store_t *store,
                                 const cg_store_command_t *commands,
                                 size_t count, cg_reply_t *out, cg_error_t *err,
                                 apr_pool_t *pool)
{
    try_t try =
        attempt(store, cg_clock_monotonic(), commands, count, out, err, pool);
    if (try.status != APR_SUCCESS && try.status != APR_EBUSY) {
        cg_store_doubt(store);
    }
    if (may_try_again(store, &try, commands, count)) {
        bool was_sent = try.is_sent && !try.is_moved;
        try = attempt(store, cg_clock_monotonic(), commands, count, out, err,
                      pool);
        /* The first try may have been carried out, whatever ails the second. */
        if (was_sent && try.status != APR_SUCCESS && try.status != APR_TIMEUP) {
            try.status = APR_ECONNRESET;
        }
        if (try.status != APR_SUCCESS && try.status != APR_EBUSY) {
            cg_store_doubt(store);
        }
    }
    if (try.status == APR_SUCCESS) {
        cg_breaker_succeeded(store->breaker);
    }
    else if (try.status != APR_EBUSY) {
        cg_breaker_failed(store->breaker, cg_clock_monotonic());
    }
    return try.status;
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
                     store->access.url.where);
        return APR_EAGAIN;
    }
    return store->access.url.kind == CG_STORE_CLUSTER
               ? cg_cluster_pipeline(store, commands, count, out, err, pool)
               : call_primary(store, commands, count, out, err, pool);
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
    for (int i = 0; i < store->nodes_count; i++) {
        cg_node_close(store->nodes[i]);
    }
    return APR_SUCCESS;
}

static bool read_access(cg_store_t *store, const cg_store_options_t *options,
                        cg_error_t *err, apr_pool_t *pool)
{
    const cg_store_access_t *access = options->access;
    if (!access) {
        apr_array_header_t *words = apr_array_make(pool, 1, sizeof(char *));
        APR_ARRAY_PUSH(words, const char *) = options->url;
        if (cg_store_access_read(&access, words, NULL, err, pool) !=
            APR_SUCCESS) {
            return false;
        }
    }
    store->access = *access;
    if (options->password && options->password[0]) {
        store->access.url.password =
            cg_secret_make(cg_str(options->password), pool);
    }
    return true;
}

static apr_status_t make_parts(cg_store_t *store, apr_pool_t *pool)
{
    const cg_store_url_t *url = &store->access.url;
    apr_status_t rv = apr_pool_create(&store->pool, pool);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_mutex_create(&store->lock, APR_THREAD_MUTEX_DEFAULT,
                                     pool);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&store->asked, pool);
    }
    if (rv == APR_SUCCESS && url->kind == CG_STORE_ONE) {
        store->primary = cg_store_node(store, &url->seeds[0]);
        rv = store->primary ? rv : APR_ENOMEM;
    }
    return rv;
}

apr_status_t cg_store_open(cg_store_t **out, const cg_store_options_t *options,
                           cg_error_t *err, apr_pool_t *pool)
{
    cg_store_t *store = apr_pcalloc(pool, sizeof *store);
    if (!read_access(store, options, err, pool)) {
        return APR_EINVAL;
    }
    store->operation_for =
        options->operation_for > 0 ? options->operation_for : OPERATION_FOR;
    store->breaker = options->breaker ? options->breaker : &store->own_breaker;
    store->connections_max = options->connections_max > 0
                                 ? options->connections_max
                                 : CONNECTIONS_MAX;
    if (store->access.url.kind == CG_STORE_CLUSTER) {
        store->owners = apr_pcalloc(pool, CG_SLOTS * sizeof *store->owners);
    }
    if (make_parts(store, pool) != APR_SUCCESS) {
        cg_error_set(err, "cannot make the lock of the store's connections");
        return APR_EGENERAL;
    }
    apr_pool_cleanup_register(pool, store, close_store, apr_pool_cleanup_null);
    *out = store;
    return APR_SUCCESS;
}

const char *cg_store_where(const cg_store_t *store)
{
    return store->access.url.where;
}

bool cg_store_is_away(const cg_store_t *store)
{
    return cg_breaker_is_open(store->breaker);
}

int64_t cg_store_generation(const cg_store_t *store)
{
    return cg_atomic_get(&store->generation);
}
