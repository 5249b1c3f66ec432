/* The listener of store.h: messages of a channel, on a connection of its own.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A frozen server sends nothing and closes nothing. So a server that is silent
 * for BEAT_EACH is asked with PING, and given up BEAT_WITHIN later. And who listens
 * has time: once a second he asks for the store whether it is still the same
 * primary, or the same map of a cluster.
 */
#include "store/store.h"

#include <poll.h>

#include "base/clock.h"
#include "store/store_int.h"

#define BEAT_EACH APR_TIME_C(200000)
#define BEAT_WITHIN APR_TIME_C(250000)

/* lives in: the subscriber's pool · used by: the thread that listens */
struct cg_listener_t {
    cg_store_t *store;
    cg_node_t *node; /* whom it listens to */
    cg_connection_t connection;
    apr_pool_t *scratch;  /* cleared for each batch of messages */
    apr_time_t heard_at;  /* monotonic */
    apr_time_t pinged_at; /* 0: no answer is awaited */
};

static apr_status_t close_listener(void *data)
{
    cg_listener_t *listener = data;
    cg_connection_close(&listener->connection);
    return APR_SUCCESS;
}

static apr_status_t subscribe(cg_connection_t *connection, const char *where,
                              const char *channel, cg_error_t *err,
                              apr_pool_t *pool)
{
    cg_str_t argv[] = {CG_STR("SUBSCRIBE"), cg_str(channel)};
    cg_store_command_t command = {argv, 2};
    cg_reply_t reply;
    cg_connection_add(connection, &command, pool);
    apr_status_t rv = cg_connection_read(connection, &reply, where, err, pool);
    if (rv == APR_SUCCESS && reply.kind == CG_REPLY_ERROR) {
        cg_error_set(err, "the store at %s: subscribing: %.120s", where,
                     reply.text.ptr);
        return APR_EGENERAL;
    }
    return rv;
}

apr_status_t cg_store_subscribe(cg_store_t *store, const char *channel,
                                cg_listener_t **out, cg_error_t *err,
                                apr_pool_t *pool)
{
    cg_listener_t *listener = apr_pcalloc(pool, sizeof *listener);
    apr_status_t rv = apr_pool_create(&listener->scratch, pool);
    if (rv == APR_SUCCESS) {
        rv = cg_store_dial(store, &listener->connection, &listener->node, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_cleanup_register(pool, listener, close_listener,
                              apr_pool_cleanup_null);
    listener->store = store;
    listener->heard_at = cg_clock_monotonic();
    *out = listener;
    return subscribe(&listener->connection, listener->node->where, channel, err,
                     listener->scratch);
}

/* A message is ["message", channel, text]; an answer to PING ["pong", ""]. */
static bool is_message(const cg_reply_t *reply)
{
    return reply->kind == CG_REPLY_ARRAY && reply->count == 3 &&
           reply->items[0].kind == CG_REPLY_TEXT &&
           cg_str_is(reply->items[0].text, "message") &&
           reply->items[2].kind == CG_REPLY_TEXT;
}

/* Reads what has arrived and hands the messages over. */
static apr_status_t hear(cg_listener_t *listener, apr_time_t now,
                         void (*on_message)(void *baton, cg_str_t message),
                         void *baton)
{
    apr_status_t rv = cg_connection_receive(&listener->connection);
    bool has_one = rv == APR_SUCCESS;
    listener->heard_at = now;
    listener->pinged_at = 0;
    while (has_one) {
        cg_reply_t reply;
        rv = cg_connection_next(&listener->connection, &reply, &has_one,
                                listener->scratch);
        has_one = has_one && rv == APR_SUCCESS;
        if (has_one && is_message(&reply)) {
            on_message(baton, reply.items[2].text);
        }
    }
    apr_pool_clear(listener->scratch);
    return rv;
}

/* Asks a silent server for a sign of life; gives it up if none comes. */
static apr_status_t beat(cg_listener_t *listener, apr_time_t now)
{
    cg_str_t ping = CG_STR("PING");
    cg_store_command_t command = {&ping, 1};
    if (listener->pinged_at) {
        return now - listener->pinged_at > BEAT_WITHIN ? APR_TIMEUP
                                                       : APR_SUCCESS;
    }
    if (now - listener->heard_at < BEAT_EACH) {
        return APR_SUCCESS;
    }
    listener->pinged_at = now;
    cg_connection_add(&listener->connection, &command, listener->scratch);
    apr_pool_clear(listener->scratch);
    return cg_connection_flush(&listener->connection);
}

apr_status_t cg_store_listen(cg_listener_t *listener, apr_time_t wait_for,
                             void (*on_message)(void *baton, cg_str_t message),
                             void *baton)
{
    struct pollfd ready = {.fd = cg_connection_fd(&listener->connection),
                           .events = POLLIN};
    apr_time_t now = cg_clock_monotonic();
    apr_time_t until = now + wait_for;
    apr_time_t span = 0; /* first look at what already waits, then judge */
    cg_store_tend(listener->store);
    if (!cg_store_serves(listener->store, listener->node)) {
        return APR_ECONNRESET;
    }
    for (;;) {
        int got = poll(&ready, 1, (int)((span + 999) / 1000));
        now = cg_clock_monotonic();
        apr_status_t rv = got > 0 ? hear(listener, now, on_message, baton)
                                  : beat(listener, now);
        if (rv != APR_SUCCESS || now >= until) {
            return rv;
        }
        span = until - now < BEAT_EACH ? until - now : BEAT_EACH;
    }
}
