/* The store on a real Redis: calls, the pool, failures, the listener.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Times are bounds for a busy machine of two cores; what they forbid is a
 * thread that waits for seconds.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/share.h"
#include "redis_fixture.h"
#include "store/store.h"

#define MS APR_TIME_C(1000)

static apr_status_t call(cg_store_t *store, const char *a, const char *b,
                         cg_reply_t *out, cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t argv[] = {cg_str(a), cg_str(b)};
    return cg_store_call(store, argv, b ? 2 : 1, out, err, pool);
}

static void store_copies_every_kind_of_reply(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    cg_store_t *store = redis_fixture_store(redis_fixture_shared(), pool);
    cg_reply_t r = redis_fixture_call(store, pool, "GET", "none", NULL);
    CU_ASSERT_EQUAL(r.kind, CG_REPLY_NIL);
    r = redis_fixture_call(store, pool, "SET", "a", "1", NULL);
    CU_ASSERT_EQUAL(r.kind, CG_REPLY_TEXT);
    CU_ASSERT(cg_str_is(r.text, "OK"));
    r = redis_fixture_call(store, pool, "INCR", "a", NULL);
    CU_ASSERT_EQUAL(r.kind, CG_REPLY_INT);
    CU_ASSERT_EQUAL(r.number, 2);
    r = redis_fixture_call(store, pool, "LPUSH", "a", "x", NULL);
    CU_ASSERT_EQUAL(r.kind, CG_REPLY_ERROR);
    CU_ASSERT(cg_str_has_prefix(r.text, "WRONGTYPE"));
    r = redis_fixture_call(store, pool, "EVAL",
                           "return {1, 'x', {2, false}, ''}", "0", NULL);
    CU_ASSERT_EQUAL(r.kind, CG_REPLY_ARRAY);
    CU_ASSERT_EQUAL_FATAL(r.count, 4);
    CU_ASSERT(cg_str_is(r.items[1].text, "x"));
    CU_ASSERT_EQUAL(r.items[2].items[0].number, 2);
    CU_ASSERT_EQUAL(r.items[2].items[1].kind, CG_REPLY_NIL);
    CU_ASSERT_EQUAL(r.items[3].text.len, 0);
    apr_pool_destroy(pool);
}

static void store_carries_bytes_of_any_value(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    cg_store_t *store = redis_fixture_store(redis_fixture_shared(), pool);
    char bytes[256];
    for (int i = 0; i < 256; i++) {
        bytes[i] = (char)i;
    }
    cg_str_t set[] = {CG_STR("SET"), CG_STR("b"), {bytes, 256}};
    cg_reply_t r;
    CU_ASSERT_EQUAL(cg_store_call(store, set, 3, &r, NULL, pool), APR_SUCCESS);
    r = redis_fixture_call(store, pool, "GET", "b", NULL);
    CU_ASSERT_EQUAL_FATAL(r.text.len, 256);
    CU_ASSERT(memcmp(r.text.ptr, bytes, 256) == 0);
    apr_pool_destroy(pool);
}

static void store_sends_a_pipeline_in_one_go(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    cg_store_t *store = redis_fixture_store(redis_fixture_shared(), pool);
    cg_str_t incr[] = {CG_STR("INCR"), CG_STR("n")};
    cg_str_t bad[] = {CG_STR("NOSUCH")};
    cg_store_command_t commands[100];
    cg_reply_t replies[100];
    for (int i = 0; i < 100; i++) {
        commands[i] = (cg_store_command_t){incr, 2};
    }
    commands[50] = (cg_store_command_t){bad, 1};
    CU_ASSERT_EQUAL(
        cg_store_pipeline(store, commands, 100, replies, NULL, pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(replies[99].number, 99);
    CU_ASSERT_EQUAL(replies[50].kind, CG_REPLY_ERROR);
    apr_pool_destroy(pool);
}

static void store_loads_a_script_again_after_it_was_flushed(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    cg_store_t *store = redis_fixture_store(redis_fixture_shared(), pool);
    cg_script_t script;
    cg_reply_t r;
    cg_str_t key = CG_STR("k"), arg = CG_STR("v");
    cg_script_init(&script, "test", "return {KEYS[1], ARGV[1]}");
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL_FATAL(
            cg_store_script(store, &script, &key, 1, &arg, 1, &r, NULL, pool),
            APR_SUCCESS);
        CU_ASSERT_EQUAL_FATAL(r.count, 2);
        CU_ASSERT(cg_str_is(r.items[1].text, "v"));
        if (i == 1) {
            redis_fixture_call(store, pool, "SCRIPT", "FLUSH", NULL);
        }
    }
    cg_script_init(&script, "bad", "return redis.call('NOSUCH')");
    CU_ASSERT_EQUAL(
        cg_store_script(store, &script, NULL, 0, NULL, 0, &r, NULL, pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(r.kind, CG_REPLY_ERROR);
    apr_pool_destroy(pool);
}

/* ---- failures ---------------------------------------------------------- */

static void store_opens_without_a_server_and_then_says_refused(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    cg_store_t *store;
    cg_error_t err = {.text = ""};
    cg_store_options_t options = {.url = "unix:/nonexistent/cg.sock"};
    cg_reply_t r;
    CU_ASSERT_EQUAL_FATAL(cg_store_open(&store, &options, &err, pool),
                          APR_SUCCESS);
    CU_ASSERT_FALSE(cg_store_is_away(store));
    for (int i = 0; i < 3; i++) {
        apr_status_t rv = call(store, "PING", NULL, &r, &err, pool);
        CU_ASSERT_NOT_EQUAL(rv, APR_SUCCESS);
        CU_ASSERT_NOT_EQUAL(rv, APR_EAGAIN);
    }
    CU_ASSERT(cg_store_is_away(store));
    CU_ASSERT_EQUAL(call(store, "PING", NULL, &r, &err, pool), APR_EAGAIN);
    CU_ASSERT(strlen(err.text) > 10);
    apr_pool_destroy(pool);
}

static void store_replaces_a_connection_that_a_restart_killed_unseen(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    redis_fixture_t redis;
    redis_fixture_start(&redis, true);
    cg_store_t *store = redis_fixture_quick_store(&redis, pool);
    redis_fixture_call(store, pool, "SET", "a", "1", NULL);
    redis_fixture_kill(&redis);
    redis_fixture_restart(&redis);
    cg_reply_t r = redis_fixture_call(store, pool, "INCR", "a", NULL);
    CU_ASSERT_EQUAL(r.number, 2);
    CU_ASSERT_FALSE(cg_store_is_away(store));
    redis_fixture_stop(&redis);
    apr_pool_destroy(pool);
}

/* Calls until one succeeds; how long it took, or -1 after five seconds. */
static apr_time_t wait_until_up(cg_store_t *store, apr_pool_t *pool)
{
    apr_time_t start = cg_clock_monotonic();
    cg_reply_t r;
    while (cg_clock_monotonic() - start < 5000 * MS) {
        if (call(store, "PING", NULL, &r, NULL, pool) == APR_SUCCESS) {
            return cg_clock_monotonic() - start;
        }
        usleep(5000);
    }
    return -1;
}

static void store_bounds_a_frozen_server_and_recovers(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    redis_fixture_t redis;
    redis_fixture_start(&redis, false);
    cg_store_t *store = redis_fixture_quick_store(&redis, pool);
    cg_error_t err = {.text = ""};
    cg_reply_t r;
    redis_fixture_call(store, pool, "PING", NULL);
    redis_fixture_freeze(&redis);
    for (int i = 0; i < 3; i++) {
        apr_time_t start = cg_clock_monotonic();
        CU_ASSERT_EQUAL(call(store, "GET", "a", &r, &err, pool), APR_TIMEUP);
        apr_time_t took = cg_clock_monotonic() - start;
        CU_ASSERT(took >= 90 * MS);
        CU_ASSERT(took < 400 * MS);
    }
    CU_ASSERT(cg_store_is_away(store));
    apr_time_t worst = 0, total = 0;
    for (int i = 0; i < 1000; i++) {
        apr_time_t start = cg_clock_monotonic();
        CU_ASSERT_NOT_EQUAL(call(store, "GET", "a", &r, &err, pool),
                            APR_SUCCESS);
        apr_time_t took = cg_clock_monotonic() - start;
        worst = took > worst ? took : worst;
        total += took;
    }
    CU_ASSERT(worst < 400 * MS);
    CU_ASSERT(total / 1000 < 10 * MS);
    redis_fixture_thaw(&redis);
    apr_time_t took = wait_until_up(store, pool);
    CU_ASSERT(took >= 0 && took < 1000 * MS);
    CU_ASSERT_FALSE(cg_store_is_away(store));
    redis_fixture_stop(&redis);
    apr_pool_destroy(pool);
}

static void store_recovers_within_a_second_after_a_restart(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    redis_fixture_t redis;
    redis_fixture_start(&redis, false);
    cg_store_t *store = redis_fixture_quick_store(&redis, pool);
    cg_reply_t r;
    redis_fixture_call(store, pool, "PING", NULL);
    redis_fixture_kill(&redis);
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_NOT_EQUAL(call(store, "PING", NULL, &r, NULL, pool),
                            APR_SUCCESS);
    }
    CU_ASSERT(cg_store_is_away(store));
    redis_fixture_restart(&redis);
    apr_time_t took = wait_until_up(store, pool);
    CU_ASSERT(took >= 0 && took < 1000 * MS);
    redis_fixture_stop(&redis);
    apr_pool_destroy(pool);
}

static void store_takes_a_server_that_cannot_serve_for_away(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    redis_fixture_t redis;
    redis_fixture_start(&redis, false);
    cg_store_t *store = redis_fixture_quick_store(&redis, pool);
    cg_error_t err = {.text = ""};
    cg_reply_t r;
    /* A replica of nobody answers writes with READONLY. */
    redis_fixture_call(store, pool, "REPLICAOF", "127.0.0.1", "1", NULL);
    cg_str_t set[] = {CG_STR("SET"), CG_STR("a"), CG_STR("1")};
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_NOT_EQUAL(cg_store_call(store, set, 3, &r, &err, pool),
                            APR_SUCCESS);
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "READONLY"));
    CU_ASSERT(cg_store_is_away(store));
    redis_fixture_stop(&redis);
    apr_pool_destroy(pool);
}

static void store_signs_in_and_never_shows_the_password(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    redis_fixture_t redis;
    redis_fixture_start(&redis, false);
    cg_store_t *admin = redis_fixture_store(&redis, pool);
    redis_fixture_call(admin, pool, "CONFIG", "SET", "requirepass", "geheim7",
                       NULL);
    cg_store_t *store;
    cg_error_t err = {.text = ""};
    cg_reply_t r;
    cg_store_options_t right = {.operation_for = 10000 * MS,
                                .url =
                                    apr_pstrcat(pool, redis.url, "?db=2", NULL),
                                .password = "geheim7"};
    CU_ASSERT_EQUAL_FATAL(cg_store_open(&store, &right, &err, pool),
                          APR_SUCCESS);
    CU_ASSERT_EQUAL(call(store, "PING", NULL, &r, &err, pool), APR_SUCCESS);
    cg_store_options_t wrong = {.url = redis.url, .password = "falsch99"};
    CU_ASSERT_EQUAL_FATAL(cg_store_open(&store, &wrong, &err, pool),
                          APR_SUCCESS);
    CU_ASSERT_NOT_EQUAL(call(store, "PING", NULL, &r, &err, pool), APR_SUCCESS);
    CU_ASSERT(strlen(err.text) > 10);
    CU_ASSERT_PTR_NULL(strstr(err.text, "falsch99"));
    cg_store_options_t none = {.url = redis.url};
    CU_ASSERT_EQUAL_FATAL(cg_store_open(&store, &none, &err, pool),
                          APR_SUCCESS);
    CU_ASSERT_NOT_EQUAL(call(store, "PING", NULL, &r, &err, pool), APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "NOAUTH"));
    redis_fixture_stop(&redis);
    apr_pool_destroy(pool);
}

/* ---- many threads ------------------------------------------------------ */

static cg_store_t *crowd_store;
static volatile int64_t crowd_failures;

static void *crowd(void *unused)
{
    apr_pool_t *pool, *scratch;
    (void)unused;
    apr_pool_create(&pool, NULL);
    apr_pool_create(&scratch, pool);
    for (int i = 0; i < 500; i++) {
        cg_reply_t r;
        if (call(crowd_store, "INCR", "crowd", &r, NULL, scratch) !=
            APR_SUCCESS) {
            cg_atomic_add(&crowd_failures, 1);
        }
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(pool);
    return NULL;
}

static void store_serves_more_threads_than_connections(void)
{
    apr_pool_t *pool;
    pthread_t threads[16];
    apr_pool_create(&pool, NULL);
    redis_fixture_t *redis = redis_fixture_shared();
    cg_store_options_t options = {
        .url = redis->url, .operation_for = 10000 * MS, .connections_max = 3};
    CU_ASSERT_EQUAL_FATAL(cg_store_open(&crowd_store, &options, NULL, pool),
                          APR_SUCCESS);
    for (int i = 0; i < 16; i++) {
        pthread_create(&threads[i], NULL, crowd, NULL);
    }
    for (int i = 0; i < 16; i++) {
        pthread_join(threads[i], NULL);
    }
    CU_ASSERT_EQUAL(crowd_failures, 0);
    cg_reply_t r = redis_fixture_call(crowd_store, pool, "GET", "crowd", NULL);
    CU_ASSERT(cg_str_is(r.text, "8000"));
    apr_pool_destroy(pool);
}

/* ---- the listener ------------------------------------------------------ */

static void collect(void *baton, cg_str_t message)
{
    cg_buf_t *buf = baton;
    cg_buf_add(buf, message.ptr, message.len);
    cg_buf_char(buf, ',');
}

static void listener_hands_over_messages_and_survives_silence(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    cg_store_t *store = redis_fixture_store(redis_fixture_shared(), pool);
    cg_listener_t *listener;
    cg_buf_t got;
    cg_buf_init(&got, 64, pool);
    CU_ASSERT_EQUAL_FATAL(
        cg_store_subscribe(store, "cg:test", &listener, NULL, pool),
        APR_SUCCESS);
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(cg_store_listen(listener, 300 * MS, collect, &got),
                        APR_SUCCESS);
    }
    CU_ASSERT_EQUAL(got.len, 0);
    redis_fixture_call(store, pool, "PUBLISH", "cg:test", "one", NULL);
    redis_fixture_call(store, pool, "PUBLISH", "cg:test", "two", NULL);
    redis_fixture_call(store, pool, "PUBLISH", "cg:other", "no", NULL);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(cg_store_listen(listener, 50 * MS, collect, &got),
                        APR_SUCCESS);
    }
    CU_ASSERT_STRING_EQUAL(cg_buf_cstr(&got), "one,two,");
    apr_pool_destroy(pool);
}

static void listener_finds_out_a_frozen_server_within_half_a_second(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    redis_fixture_t redis;
    redis_fixture_start(&redis, false);
    cg_store_t *store = redis_fixture_quick_store(&redis, pool);
    cg_listener_t *listener;
    cg_buf_t got;
    cg_buf_init(&got, 64, pool);
    CU_ASSERT_EQUAL_FATAL(
        cg_store_subscribe(store, "cg:test", &listener, NULL, pool),
        APR_SUCCESS);
    redis_fixture_freeze(&redis);
    apr_time_t start = cg_clock_monotonic();
    CU_ASSERT_NOT_EQUAL(cg_store_listen(listener, 3000 * MS, collect, &got),
                        APR_SUCCESS);
    apr_time_t took = cg_clock_monotonic() - start;
    CU_ASSERT(took > 300 * MS && took < 1000 * MS);
    redis_fixture_thaw(&redis);
    CU_ASSERT_EQUAL(cg_store_subscribe(store, "cg:test", &listener, NULL, pool),
                    APR_SUCCESS);
    redis_fixture_kill(&redis);
    CU_ASSERT_NOT_EQUAL(cg_store_listen(listener, 3000 * MS, collect, &got),
                        APR_SUCCESS);
    CU_ASSERT_NOT_EQUAL(
        cg_store_subscribe(store, "cg:test", &listener, NULL, pool),
        APR_SUCCESS);
    redis_fixture_stop(&redis);
    apr_pool_destroy(pool);
}

CU_TestInfo test_store_redis[] = {
    {"store_copies_every_kind_of_reply", store_copies_every_kind_of_reply},
    {"store_carries_bytes_of_any_value", store_carries_bytes_of_any_value},
    {"store_sends_a_pipeline_in_one_go", store_sends_a_pipeline_in_one_go},
    {"store_loads_a_script_again_after_it_was_flushed",
     store_loads_a_script_again_after_it_was_flushed},
    {"store_opens_without_a_server_and_then_says_refused",
     store_opens_without_a_server_and_then_says_refused},
    {"store_replaces_a_connection_that_a_restart_killed_unseen",
     store_replaces_a_connection_that_a_restart_killed_unseen},
    {"store_bounds_a_frozen_server_and_recovers",
     store_bounds_a_frozen_server_and_recovers},
    {"store_recovers_within_a_second_after_a_restart",
     store_recovers_within_a_second_after_a_restart},
    {"store_takes_a_server_that_cannot_serve_for_away",
     store_takes_a_server_that_cannot_serve_for_away},
    {"store_signs_in_and_never_shows_the_password",
     store_signs_in_and_never_shows_the_password},
    {"store_serves_more_threads_than_connections",
     store_serves_more_threads_than_connections},
    {"listener_hands_over_messages_and_survives_silence",
     listener_hands_over_messages_and_survives_silence},
    {"listener_finds_out_a_frozen_server_within_half_a_second",
     listener_finds_out_a_frozen_server_within_half_a_second},
    CU_TEST_INFO_NULL,
};
