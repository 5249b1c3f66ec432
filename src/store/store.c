/* The store: a bounded pool of connections, and calls that are bounded in time.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   call -> breaker -> take -> make ready -> send, read all -> give back
 *                       |         |               |
 *                  idle or     found dead?     cut: flush the idle ones, and
 *                  spare       connect anew    once more if that does no harm
 *
 * A slot of the pool carries a number, its generation. To flush the idle ones is
 * to count the store's generation up: a slot of an older generation is closed by
 * whoever takes it next, so nobody touches a connection another thread uses.
 */
#include "store/store.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/share.h"
#include "store/connection.h"
#include "store/store_int.h"

#define OPERATION_FOR APR_TIME_C(100000)
#define CONNECTIONS_MAX 64
#define COMMANDS_MAX 1024 /* of one pipeline */

typedef struct slot_t {
    cg_connection_t *connection; /* NULL: not connected */
    int64_t generation;
} slot_t;

/* lives in: child pool · used by: every thread of the child */
struct cg_store_t {
    cg_store_url_t url;
    apr_time_t operation_for;
    cg_breaker_t *breaker;
    cg_breaker_t own_breaker;
    volatile int64_t generation; /* atomic */

    apr_thread_mutex_t *lock; /* guards what follows */
    apr_thread_cond_t *freed;
    slot_t *slots;
    int slots_count;
    slot_t **idle; /* connected; the last used on top */
    int idle_count;
    slot_t **spare; /* not connected */
    int spare_count;
};

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
    "SADD", "SREM", "SMEMBERS", "SCARD",
    "XRANGE", "XREVRANGE", "XLEN", "XINFO",
    "EXISTS", "EXPIRE", "PEXPIRE", "TTL", "PTTL", "TYPE", "SCAN",
    "PING", "TIME", "INFO", "DBSIZE",
};
// clang-format on

/* ---- the pool ---------------------------------------------------------- */

static slot_t *pop(cg_store_t *store)
{
    if (store->idle_count) {
        return store->idle[--store->idle_count];
    }
    return store->spare_count ? store->spare[--store->spare_count] : NULL;
}

static slot_t *take(cg_store_t *store, cg_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    apr_thread_mutex_lock(store->lock);
    slot_t *slot = pop(store);
    while (!slot && rv == APR_SUCCESS) {
        rv = apr_thread_cond_timedwait(store->freed, store->lock,
                                       store->operation_for);
        slot = pop(store);
    }
    apr_thread_mutex_unlock(store->lock);
    if (!slot) {
        cg_error_set(err,
                     "the store at %s: all %d connections are in use; allow "
                     "as many as there are threads",
                     store->url.where, store->slots_count);
    }
    return slot;
}

static void give_back(cg_store_t *store, slot_t *slot)
{
    apr_thread_mutex_lock(store->lock);
    if (slot->connection) {
        store->idle[store->idle_count++] = slot;
    }
    else {
        store->spare[store->spare_count++] = slot;
    }
    apr_thread_cond_signal(store->freed);
    apr_thread_mutex_unlock(store->lock);
}

static void disconnect(slot_t *slot)
{
    if (slot->connection) {
        cg_connection_close(slot->connection);
        slot->connection = NULL;
    }
}

static void flush_idle(cg_store_t *store)
{
    cg_atomic_add(&store->generation, 1);
}

/* Makes a taken slot usable; *out_is_used: its connection has served before. */
static apr_status_t make_ready(cg_store_t *store, slot_t *slot,
                               bool *out_is_used, cg_error_t *err)
{
    int64_t generation = cg_atomic_get(&store->generation);
    if (slot->connection && (slot->generation != generation ||
                             cg_connection_is_dead(slot->connection))) {
        disconnect(slot);
    }
    *out_is_used = slot->connection != NULL;
    if (slot->connection) {
        return APR_SUCCESS;
    }
    slot->generation = generation;
    return cg_store_dial(store, &slot->connection, err);
}

/* ---- a call ------------------------------------------------------------ */

static bool has_code(cg_str_t text, const char *code)
{
    size_t len = cg_str(code).len;
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

/* Sends all, reads all. All are read even if one says that the store cannot
 * serve. */
static apr_status_t exchange(const cg_store_t *store,
                             cg_connection_t *connection,
                             const cg_store_command_t *commands, size_t count,
                             cg_reply_t *out, cg_error_t *err, apr_pool_t *pool)
{
    apr_status_t result = APR_SUCCESS;
    for (size_t i = 0; i < count; i++) {
        cg_connection_add(connection, &commands[i], pool);
    }
    for (size_t i = 0; i < count; i++) {
        apr_status_t rv = cg_connection_read(connection, &out[i],
                                             store->url.where, err, pool);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (result == APR_SUCCESS && is_away_reply(&out[i])) {
            cg_error_set(err, "the store at %s cannot serve: %.120s",
                         store->url.where, out[i].text.ptr);
            result = APR_EGENERAL;
        }
    }
    return result;
}

/* One try on one connection, which is closed if it fails. */
static apr_status_t attempt(cg_store_t *store,
                            const cg_store_command_t *commands, size_t count,
                            cg_reply_t *out, bool *out_is_used, cg_error_t *err,
                            apr_pool_t *pool)
{
    *out_is_used = false;
    slot_t *slot = take(store, err);
    if (!slot) {
        return APR_EBUSY;
    }
    apr_status_t rv = make_ready(store, slot, out_is_used, err);
    if (rv == APR_SUCCESS) {
        rv = exchange(store, slot->connection, commands, count, out, err, pool);
    }
    if (rv != APR_SUCCESS) {
        disconnect(slot);
        flush_idle(store);
    }
    give_back(store, slot);
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
        /* The first try may have been carried out, whatever ails the second. */
        rv = rv == APR_SUCCESS || rv == APR_TIMEUP ? rv : APR_ECONNRESET;
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
    for (int i = 0; i < store->slots_count; i++) {
        disconnect(&store->slots[i]);
    }
    return APR_SUCCESS;
}

static apr_status_t make_slots(cg_store_t *store, int count, apr_pool_t *pool)
{
    size_t n = (size_t)count;
    store->slots_count = count;
    store->slots = apr_pcalloc(pool, n * sizeof *store->slots);
    store->idle = apr_pcalloc(pool, n * sizeof *store->idle);
    store->spare = apr_pcalloc(pool, n * sizeof *store->spare);
    for (int i = 0; i < count; i++) {
        store->spare[store->spare_count++] = &store->slots[i];
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
    int count = options->connections_max > 0 ? options->connections_max
                                             : CONNECTIONS_MAX;
    apr_status_t rv = make_slots(store, count, pool);
    if (rv != APR_SUCCESS) {
        cg_error_set(err, "cannot make the lock of the store's connections");
        return rv;
    }
    apr_pool_cleanup_register(pool, store, close_store, apr_pool_cleanup_null);
    *out = store;
    return APR_SUCCESS;
}

apr_status_t cg_store_dial(const cg_store_t *store, cg_connection_t **out,
                           cg_error_t *err)
{
    return cg_connection_open(&store->url, store->operation_for, out, err);
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
