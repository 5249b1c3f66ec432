/* Sentinels: who is the primary now?
 * SPDX-License-Identifier: Apache-2.0
 *
 *   a call fails -> in doubt -> ask the sentinels -> the newest answer wins ->
 *   connect; ROLE must say "master" (redis.c), else in doubt again
 *
 * All sentinels that answer in time are asked, for one that was cut off knows only
 * the primary of before; each answer carries the epoch of its failover, which
 * only grows. A primary that was cut off itself may still say "master": nobody
 * goes back to an older epoch for it.
 */
#include "store/store_int.h"

#include <apr_strings.h>

#include "base/clock.h"

/* All sentinels together, in units of one operation. */
#define PATIENCE 3

typedef struct answer_t {
    const char *host;
    int port;
    int64_t epoch;
} answer_t;

static const cg_reply_t *field(const cg_reply_t *reply, const char *name)
{
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        if (cg_str_is(reply->items[i].text, name)) {
            return &reply->items[i + 1];
        }
    }
    return NULL;
}

static int64_t number_of(const cg_reply_t *reply)
{
    int64_t number = 0;
    return reply && cg_parse_count(reply->text, &number) ? number : 0;
}

/* Reads what SENTINEL MASTER says: names and values in a row. */
static bool read_answer(const cg_reply_t *reply, answer_t *out)
{
    const cg_reply_t *host = field(reply, "ip");
    out->port = (int)number_of(field(reply, "port"));
    out->epoch = number_of(field(reply, "config-epoch"));
    out->host = host && host->text.len ? host->text.ptr : NULL;
    return out->host && out->port > 0 && out->port < 65536;
}

static apr_status_t ask_one(cg_store_t *store, const cg_store_address_t *at,
                            answer_t *out, cg_error_t *err, apr_pool_t *pool)
{
    const char *where = cg_store_address_text(at, pool);
    char unused[CG_RUN_ID_LEN + 1];
    cg_connection_t connection;
    cg_dial_t dial = {.address = at,
                      .where = where,
                      .user = store->access.sentinel_user,
                      .password = store->access.sentinel_password,
                      .tls = store->access.tls,
                      .is_sentinel = true,
                      .within = store->operation_for};
    cg_str_t argv[] = {CG_STR("SENTINEL"), CG_STR("MASTER"),
                       cg_str(store->access.url.master)};
    cg_store_command_t command = {argv, 3};
    cg_reply_t reply;
    apr_status_t rv = cg_connection_open(&dial, &connection, unused, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    cg_connection_add(&connection, &command, pool);
    rv = cg_connection_read(&connection, &reply, where, err, pool);
    cg_connection_close(&connection);
    if (rv == APR_SUCCESS && !read_answer(&reply, out)) {
        cg_error_set(err, "the sentinel at %s names no primary %s: %.120s",
                     where, store->access.url.master,
                     reply.kind == CG_REPLY_ERROR ? reply.text.ptr
                                                  : "an odd answer");
        return APR_EGENERAL;
    }
    return rv;
}

/* Takes the newest answer; a primary that is the same stays. */
static void settle(cg_store_t *store, const answer_t *best)
{
    cg_store_address_t address = {.host = best->host, .port = best->port};
    apr_thread_mutex_lock(store->lock);
    if (best->epoch >= store->epoch) {
        cg_node_t *node = cg_store_node(store, &address);
        store->epoch = best->epoch;
        store->primary = node ? node : store->primary;
        store->is_in_doubt = false;
    }
    apr_thread_mutex_unlock(store->lock);
}

/* Asks them in turn, from the one that answered last. */
static void ask_all(cg_store_t *store, cg_error_t *err, apr_pool_t *pool)
{
    const cg_store_url_t *url = &store->access.url;
    apr_time_t until = cg_clock_monotonic() + PATIENCE * store->operation_for;
    answer_t best = {.epoch = -1};
    int first = store->next_seed;
    for (int i = 0; i < url->seeds_count && cg_clock_monotonic() < until; i++) {
        int which = (first + i) % url->seeds_count;
        answer_t answer;
        if (ask_one(store, &url->seeds[which], &answer, err, pool) ==
                APR_SUCCESS &&
            answer.epoch > best.epoch) {
            best = answer;
            store->next_seed = which;
        }
    }
    if (best.host) {
        settle(store, &best);
    }
    else {
        store->next_seed = (first + 1) % url->seeds_count;
    }
}

void cg_sentinel_ask(cg_store_t *store, apr_time_t since, cg_error_t *err)
{
    apr_pool_t *scratch;
    apr_thread_mutex_lock(store->lock);
    bool is_mine = cg_store_begin_asking(store, since);
    apr_thread_mutex_unlock(store->lock);
    if (!is_mine) {
        return;
    }
    if (apr_pool_create(&scratch, NULL) == APR_SUCCESS) {
        ask_all(store, err, scratch);
        apr_pool_destroy(scratch);
    }
    apr_thread_mutex_lock(store->lock);
    cg_store_end_asking(store);
    apr_thread_mutex_unlock(store->lock);
}

cg_node_t *cg_sentinel_primary(cg_store_t *store, apr_time_t began,
                               cg_error_t *err)
{
    apr_thread_mutex_lock(store->lock);
    bool must_ask = !store->primary || store->is_in_doubt;
    apr_thread_mutex_unlock(store->lock);
    if (must_ask) {
        cg_sentinel_ask(store, began, err);
    }
    apr_thread_mutex_lock(store->lock);
    cg_node_t *primary = store->primary;
    apr_thread_mutex_unlock(store->lock);
    return primary;
}
