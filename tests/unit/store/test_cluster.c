/* The store as a cluster: tests with three real primaries and their replicas.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/share.h"
#include "fleet_fixture.h"
#include "load.h"
#include "store/slots.h"
#include "store/store.h"

#define MS APR_TIME_C(1000)
#define TIMEOUT_MS 1000

static cg_store_t *open_store(const char *url, apr_time_t operation_for,
                              apr_pool_t *pool)
{
    cg_store_t *store = NULL;
    cg_error_t err = {.text = ""};
    cg_store_options_t options = {.url = url, .operation_for = operation_for};
    CU_ASSERT_EQUAL_FATAL(cg_store_open(&store, &options, &err, pool),
                          APR_SUCCESS);
    return store;
}

static cg_reply_t ask(cg_store_t *store, apr_pool_t *pool, const char *a,
                      const char *b, const char *c)
{
    cg_str_t argv[] = {cg_str(a), cg_str(b), cg_str(c)};
    cg_reply_t r = {.kind = CG_REPLY_NIL};
    cg_error_t err = {.text = ""};
    CU_ASSERT_EQUAL(cg_store_call(store, argv,
                                  c   ? 3
                                  : b ? 2
                                      : 1,
                                  &r, &err, pool),
                    APR_SUCCESS);
    if (err.text[0]) {
        fprintf(stderr, "%s: %s\n", a, err.text);
    }
    return r;
}

static void pipeline_over_all_nodes_is_joined_in_order(cg_store_t *store,
                                                       apr_pool_t *pool)
{
    enum { COUNT = 1000 };
    cg_store_command_t *commands = apr_palloc(pool, COUNT * sizeof *commands);
    cg_reply_t *replies = apr_palloc(pool, COUNT * sizeof *replies);
    for (int i = 0; i < COUNT; i++) {
        cg_str_t *argv = apr_palloc(pool, 3 * sizeof *argv);
        argv[0] = i % 2 ? CG_STR("GET") : CG_STR("SET");
        argv[1] = cg_str(apr_psprintf(pool, "cg:key:%d", i / 2));
        argv[2] = cg_str(apr_psprintf(pool, "%d", i / 2));
        commands[i] = (cg_store_command_t){argv, i % 2 ? 2 : 3};
    }
    commands[500].argc = 1; /* SET without a word: an error at its place */
    CU_ASSERT_EQUAL(
        cg_store_pipeline(store, commands, COUNT, replies, NULL, pool),
        APR_SUCCESS);
    int wrong = 0;
    for (int i = 1; i < COUNT; i += 2) {
        bool is_empty = i == 501;
        wrong += is_empty ? replies[i].kind != CG_REPLY_NIL
                          : replies[i].kind != CG_REPLY_TEXT ||
                                !cg_str_is(replies[i].text,
                                           apr_psprintf(pool, "%d", i / 2));
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(replies[500].kind, CG_REPLY_ERROR);
    CU_ASSERT_EQUAL(ask(store, pool, "DBSIZE", NULL, NULL).number, 499);
    CU_ASSERT_EQUAL(ask(store, pool, "KEYS", "cg:key:*", NULL).count, 499);
}

static void scripts_are_loaded_where_they_are_run(cg_store_t *store,
                                                  apr_pool_t *pool)
{
    cg_script_t script;
    cg_store_run_t runs[60];
    cg_reply_t replies[60];
    cg_str_t arg = CG_STR("7");
    cg_script_init(&script, "add",
                   "return redis.call('INCRBY', KEYS[1], "
                   "ARGV[1])");
    for (int turn = 1; turn <= 3; turn++) {
        for (int i = 0; i < 60; i++) {
            cg_str_t *key = apr_palloc(pool, sizeof *key);
            *key = cg_str(apr_psprintf(pool, "n:%d", i % 30));
            runs[i] = (cg_store_run_t){&script, key, 1, &arg, 1};
        }
        CU_ASSERT_EQUAL(cg_store_scripts(store, runs, 60, replies, NULL, pool),
                        APR_SUCCESS);
        for (int i = 0; i < 60; i++) {
            CU_ASSERT_EQUAL(replies[i].kind, CG_REPLY_INT);
        }
        CU_ASSERT_EQUAL(replies[59].number, 14 * turn);
        CU_ASSERT(
            cg_str_is(ask(store, pool, "SCRIPT", "FLUSH", NULL).text, "OK"));
    }
}

static void count_message(void *baton, cg_str_t message)
{
    *(int *)baton += cg_str_is(message, "hello");
}

static void messages_reach_who_listens_at_any_node(cg_store_t *store,
                                                   apr_pool_t *pool)
{
    cg_listener_t *listener;
    apr_pool_t *ear;
    int heard = 0;
    for (int i = 0; i < 5; i++) {
        apr_pool_create(&ear, pool);
        CU_ASSERT_EQUAL_FATAL(
            cg_store_subscribe(store, "cg:test", &listener, NULL, ear),
            APR_SUCCESS);
        ask(store, pool, "PUBLISH", "cg:test", "hello");
        CU_ASSERT_EQUAL(
            cg_store_listen(listener, 200 * MS, count_message, &heard),
            APR_SUCCESS);
        apr_pool_destroy(ear);
    }
    CU_ASSERT_EQUAL(heard, 5);
}

static void what_a_cluster_cannot_do_is_an_error(cg_store_t *store,
                                                 apr_pool_t *pool)
{
    cg_str_t two[] = {CG_STR("MGET"), CG_STR("a"), CG_STR("b")};
    cg_reply_t r;
    CU_ASSERT_EQUAL(ask(store, pool, "SCAN", "0", NULL).kind, CG_REPLY_ERROR);
    CU_ASSERT_EQUAL(cg_store_call(store, two, 3, &r, NULL, pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(r.kind, CG_REPLY_ERROR);
    CU_ASSERT(cg_str_has_prefix(r.text, "CROSSSLOT"));
}

static void cluster_serves_pipelines_scripts_and_channels(void)
{
    apr_pool_t *pool;
    fleet_t fleet;
    apr_pool_create(&pool, NULL);
    fleet_start_cluster(&fleet, 0, TIMEOUT_MS);
    cg_store_t *store = open_store(fleet.url, 2000 * MS, pool);
    pipeline_over_all_nodes_is_joined_in_order(store, pool);
    scripts_are_loaded_where_they_are_run(store, pool);
    messages_reach_who_listens_at_any_node(store, pool);
    what_a_cluster_cannot_do_is_an_error(store, pool);
    CU_ASSERT_EQUAL(cg_store_generation(store), 1);
    fleet_stop(&fleet);
    apr_pool_destroy(pool);
}

/* ---- slots that move --------------------------------------------------- */

static void slots_that_move_under_load_lose_nothing(void)
{
    apr_pool_t *pool;
    fleet_t fleet;
    apr_pool_create(&pool, NULL);
    fleet_start_cluster(&fleet, 0, TIMEOUT_MS);
    load_t *load = load_start(fleet.url, "cg", 6, 4000, pool);
    int slot = cg_slots_of(CG_STR("{cg}"));
    int from = fleet_owner(&fleet, "{cg}", pool);
    CU_ASSERT_TRUE_FATAL(load_await(load, 1000, apr_time_from_sec(20)) >= 0);
    load_sums_t before = load_now(load);
    CU_ASSERT_EQUAL(before.failed, 0);
    apr_time_t began = cg_clock_monotonic();
    fleet_move_slot(&fleet, slot, from, (from + 1) % 3, 50, 5);
    apr_time_t moved = cg_clock_monotonic() - began;
    apr_time_t took = load_await(load, 20, apr_time_from_sec(10));
    fleet_move_slot(&fleet, slot, (from + 1) % 3, (from + 2) % 3, 500, 0);
    load_sums_t sums = load_finish(load, apr_time_from_sec(30));
    int64_t lost;
    int64_t there = load_count(load, &lost);
    printf("\n    slot moved twice under load (%d ms, keys on their way): "
           "serving again %d ms behind; %d admitted, %d not for want of the "
           "store; in the store %d of 4000; lost %d\n",
           (int)(moved / 1000), (int)(took / 1000), (int)sums.admitted,
           (int)sums.failed, (int)there, (int)lost);
    CU_ASSERT(took >= 0 && took < 2000 * MS);
    CU_ASSERT(sums.admitted <= 4000 && there <= 4000);
    CU_ASSERT(sums.refused > 0);
    CU_ASSERT_EQUAL(lost, 0);
    fleet_stop(&fleet);
    apr_pool_destroy(pool);
}

typedef struct reader_t {
    cg_store_t *store;
    volatile int64_t reads, wrong, is_over;
} reader_t;

/* Keys of one word are found on either side, by ASK, at every moment. */
static void *read_on(void *data)
{
    reader_t *reader = data;
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (int i = 0; !cg_atomic_get(&reader->is_over); i++) {
        cg_str_t argv[] = {CG_STR("GET"),
                           cg_str(apr_psprintf(pool, "{m}:%d", i % 500))};
        cg_reply_t r = {.kind = CG_REPLY_NIL};
        apr_status_t rv = cg_store_call(reader->store, argv, 2, &r, NULL, pool);
        cg_atomic_add(&reader->reads, 1);
        cg_atomic_add(&reader->wrong,
                      rv != APR_SUCCESS || r.kind != CG_REPLY_TEXT ||
                          !cg_str_is(r.text, apr_itoa(pool, i % 500)));
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return NULL;
}

static void single_keys_are_found_at_every_moment_of_a_move(void)
{
    apr_pool_t *pool;
    fleet_t fleet;
    pthread_t threads[3];
    apr_pool_create(&pool, NULL);
    fleet_start_cluster(&fleet, 0, TIMEOUT_MS);
    reader_t reader = {.store = open_store(fleet.url, 1000 * MS, pool)};
    int slot = cg_slots_of(CG_STR("{m}"));
    for (int i = 0; i < 500; i++) {
        ask(reader.store, pool, "SET", apr_psprintf(pool, "{m}:%d", i),
            apr_itoa(pool, i));
    }
    int from = fleet_owner(&fleet, "{m}", pool);
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, read_on, &reader);
    }
    for (int turn = 0; turn < 4; turn++) {
        int next = (from + 1) % 3;
        fleet_move_slot(&fleet, slot, from, next, 20, 2);
        from = next;
    }
    cg_atomic_set(&reader.is_over, 1);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("\n    slot moved four times under %d reads: %d failed\n",
           (int)reader.reads, (int)reader.wrong);
    CU_ASSERT(reader.reads > 500);
    CU_ASSERT_EQUAL(reader.wrong, 0);
    CU_ASSERT_EQUAL(cg_store_generation(reader.store), 1);
    fleet_stop(&fleet);
    apr_pool_destroy(pool);
}

/* It names a key that is at neither end, and counts at one that is still behind. */
static void script_is_not_run_where_a_slot_is_half(void)
{
    apr_pool_t *pool;
    fleet_t fleet;
    cg_script_t script;
    cg_reply_t r;
    cg_error_t err = {""};
    cg_str_t key = CG_STR("{u}:hold");
    apr_pool_create(&pool, NULL);
    fleet_start_cluster(&fleet, 0, TIMEOUT_MS);
    cg_store_t *store = open_store(fleet.url, 100 * MS, pool);
    cg_script_init(&script, "count",
                   "redis.call('SET', KEYS[1], 1) "
                   "return redis.call('INCR', '{u}:counter')");
    ask(store, pool, "SET", "{u}:counter", "5");
    int slot = cg_slots_of(key);
    int from = fleet_owner(&fleet, "{u}", pool);
    int to = (from + 1) % 3;
    const char *number = apr_itoa(pool, slot);
    const char *source =
        fleet_call(&fleet, from, pool, "CLUSTER", "MYID", NULL).text.ptr;
    const char *target =
        fleet_call(&fleet, to, pool, "CLUSTER", "MYID", NULL).text.ptr;
    fleet_call(&fleet, to, pool, "CLUSTER", "SETSLOT", number, "IMPORTING",
               source, NULL);
    fleet_call(&fleet, from, pool, "CLUSTER", "SETSLOT", number, "MIGRATING",
               target, NULL);
    CU_ASSERT_EQUAL(
        cg_store_script(store, &script, &key, 1, NULL, 0, &r, &err, pool),
        APR_EGENERAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "being moved"));
    fleet_move_slot(&fleet, slot, from, to, 10, 0);
    CU_ASSERT_EQUAL(
        cg_store_script(store, &script, &key, 1, NULL, 0, &r, &err, pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(r.number, 6);
    fleet_stop(&fleet);
    apr_pool_destroy(pool);
}

/* ---- a primary that dies ----------------------------------------------- */

static void primary_that_dies_is_replaced_under_load(void)
{
    apr_pool_t *pool;
    fleet_t fleet;
    apr_pool_create(&pool, NULL);
    fleet_start_cluster(&fleet, 3, TIMEOUT_MS);
    load_t *load = load_start(fleet.url, "cg", 8, 5000, pool);
    int owner = fleet_owner(&fleet, "{cg}", pool);
    CU_ASSERT_TRUE_FATAL(load_await(load, 1500, apr_time_from_sec(20)) >= 0);
    load_sums_t before = load_now(load);
    fleet_kill(&fleet, owner);
    apr_time_t took = load_await(load, 50, apr_time_from_sec(20));
    CU_ASSERT_TRUE_FATAL(took >= 0);
    load_sums_t sums = load_finish(load, apr_time_from_sec(30));
    int64_t lost;
    int64_t there = load_count(load, &lost);
    printf("\n    cluster failover (node-timeout %d ms): serving again after "
           "%d ms; %d admitted, %d not for want of the store, of them %d "
           "unsure; in the store %d of 5000; lost %d\n",
           TIMEOUT_MS, (int)(took / 1000), (int)sums.admitted, (int)sums.failed,
           (int)sums.unsure, (int)there, (int)lost);
    CU_ASSERT(sums.admitted <= 5000 && there <= 5000);
    CU_ASSERT(sums.refused > 0);
    CU_ASSERT_EQUAL(lost, 0);
    CU_ASSERT(sums.generation > before.generation);
    CU_ASSERT(took < apr_time_from_sec(10));
    fleet_stop(&fleet);
    apr_pool_destroy(pool);
}

/* Gets keys of the living nodes while one is frozen. */
static void node_that_hangs_does_not_hold_the_others(void)
{
    apr_pool_t *pool;
    fleet_t fleet;
    apr_pool_create(&pool, NULL);
    fleet_start_cluster(&fleet, 0, 15000);
    cg_store_t *store = open_store(fleet.url, 100 * MS, pool);
    char *keys[3] = {NULL, NULL, NULL};
    for (int i = 0; !keys[0] || !keys[1] || !keys[2]; i++) {
        char *key = apr_psprintf(pool, "k%d", i);
        keys[cg_slots_of(cg_str(key)) * 3 / CG_SLOTS] = key;
    }
    for (int i = 0; i < 3; i++) {
        ask(store, pool, "SET", keys[i], "x");
    }
    fleet_freeze(&fleet, 0);
    apr_time_t slowest = 0;
    int served = 0, refused = 0;
    for (int i = 0; i < 60; i++) {
        cg_str_t argv[] = {CG_STR("GET"), cg_str(keys[i % 3])};
        cg_reply_t r;
        apr_time_t began = cg_clock_monotonic();
        apr_status_t rv = cg_store_call(store, argv, 2, &r, NULL, pool);
        apr_time_t took = cg_clock_monotonic() - began;
        served += rv == APR_SUCCESS;
        refused += rv != APR_SUCCESS;
        slowest = took > slowest ? took : slowest;
    }
    CU_ASSERT_EQUAL(served, 40);
    CU_ASSERT_EQUAL(refused, 20);
    CU_ASSERT(slowest < 500 * MS);
    CU_ASSERT_FALSE(cg_store_is_away(store));
    fleet_thaw(&fleet, 0);
    apr_time_t began = cg_clock_monotonic();
    cg_str_t argv[] = {CG_STR("GET"), cg_str(keys[0])};
    cg_reply_t r;
    while (cg_store_call(store, argv, 2, &r, NULL, pool) != APR_SUCCESS &&
           cg_clock_monotonic() - began < apr_time_from_sec(5)) {
        usleep(10000);
    }
    CU_ASSERT(cg_clock_monotonic() - began < 1500 * MS);
    fleet_stop(&fleet);
    apr_pool_destroy(pool);
}

CU_TestInfo test_store_cluster[] = {
    {"cluster_serves_pipelines_scripts_and_channels",
     cluster_serves_pipelines_scripts_and_channels},
    {"slots_that_move_under_load_lose_nothing",
     slots_that_move_under_load_lose_nothing},
    {"single_keys_are_found_at_every_moment_of_a_move",
     single_keys_are_found_at_every_moment_of_a_move},
    {"script_is_not_run_where_a_slot_is_half",
     script_is_not_run_where_a_slot_is_half},
    {"primary_that_dies_is_replaced_under_load",
     primary_that_dies_is_replaced_under_load},
    {"node_that_hangs_does_not_hold_the_others",
     node_that_hangs_does_not_hold_the_others},
    CU_TEST_INFO_NULL,
};
