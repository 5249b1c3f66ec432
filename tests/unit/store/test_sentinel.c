/* The store behind sentinels: tests with a real primary, replicas and sentinels.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "fleet_fixture.h"
#include "load.h"
#include "store/store.h"

#define MS APR_TIME_C(1000)
#define DOWN_AFTER_MS 500

static cg_store_t *open_words(const char *words, apr_time_t operation_for,
                              apr_pool_t *pool)
{
    cg_store_t *store = NULL;
    cg_error_t err = {.text = ""};
    char **list;
    apr_array_header_t *array = apr_array_make(pool, 8, sizeof(char *));
    cg_store_options_t options = {.operation_for = operation_for};
    apr_tokenize_to_argv(words, &list, pool);
    for (int i = 0; list[i]; i++) {
        APR_ARRAY_PUSH(array, const char *) = list[i];
    }
    if (cg_store_access_read(&options.access, array, NULL, &err, pool) !=
            APR_SUCCESS ||
        cg_store_open(&store, &options, &err, pool) != APR_SUCCESS) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL_FATAL("the store does not open");
    }
    return store;
}

static apr_status_t set(cg_store_t *store, const char *value, cg_error_t *err,
                        apr_pool_t *pool)
{
    cg_str_t argv[] = {CG_STR("SET"), CG_STR("cg:test"), cg_str(value)};
    cg_reply_t r;
    return cg_store_call(store, argv, 3, &r, err, pool);
}

/* Sets until it works; the microseconds that took, or -1. */
static apr_time_t until_set(cg_store_t *store, apr_time_t at_most,
                            apr_pool_t *pool)
{
    apr_time_t began = cg_clock_monotonic();
    while (set(store, "again", NULL, pool) != APR_SUCCESS) {
        if (cg_clock_monotonic() - began > at_most) {
            return -1;
        }
        usleep(5000);
    }
    return cg_clock_monotonic() - began;
}

static void sentinels_lead_to_the_primary_and_over_a_failover_under_load(void)
{
    apr_pool_t *pool;
    fleet_t fleet;
    apr_pool_create(&pool, NULL);
    fleet_start_sentinels(&fleet, 2, DOWN_AFTER_MS, NULL);
    load_t *load = load_start(fleet.url, "cg", 8, 6000, pool);
    CU_ASSERT_TRUE_FATAL(load_await(load, 1500, apr_time_from_sec(20)) >= 0);
    load_sums_t before = load_now(load);
    CU_ASSERT_EQUAL(before.failed, 0);
    fleet_kill(&fleet, 0);
    apr_time_t took = load_await(load, 50, apr_time_from_sec(20));
    CU_ASSERT_TRUE_FATAL(took >= 0);
    load_sums_t sums = load_finish(load, apr_time_from_sec(30));
    int64_t lost;
    int64_t there = load_count(load, &lost);
    printf("\n    sentinel failover (down-after %d ms): serving again after "
           "%d ms; %d admitted, %d not for want of the store, of them %d "
           "unsure; in the store %d of 6000; lost %d\n",
           DOWN_AFTER_MS, (int)(took / 1000), (int)sums.admitted,
           (int)sums.failed, (int)sums.unsure, (int)there, (int)lost);
    CU_ASSERT(sums.admitted <= 6000);
    CU_ASSERT(there <= 6000);
    CU_ASSERT(there >= sums.admitted);
    CU_ASSERT_EQUAL(lost, 0);
    CU_ASSERT(sums.refused > 0);
    CU_ASSERT(sums.generation > before.generation);
    CU_ASSERT(took < apr_time_from_sec(8));
    fleet_stop(&fleet);
    apr_pool_destroy(pool);
}

static void sentinel_that_is_dead_or_frozen_does_not_matter(void)
{
    apr_pool_t *pool;
    fleet_t fleet;
    apr_pool_create(&pool, NULL);
    fleet_start_sentinels(&fleet, 1, DOWN_AFTER_MS, NULL);
    int first = fleet.servers;
    fleet_kill(&fleet, first);
    fleet_freeze(&fleet, first + 1);
    cg_store_t *store = open_words(fleet.url, 200 * MS, pool);
    cg_error_t err = {.text = ""};
    apr_time_t began = cg_clock_monotonic();
    CU_ASSERT_EQUAL(set(store, "x", &err, pool), APR_SUCCESS);
    CU_ASSERT(cg_clock_monotonic() - began < 1000 * MS);
    CU_ASSERT_EQUAL(cg_store_generation(store), 1);
    fleet_stop(&fleet);
    apr_pool_destroy(pool);
}

static void stale_primary_is_refused_by_its_role(void)
{
    apr_pool_t *pool;
    fleet_t fleet;
    apr_pool_create(&pool, NULL);
    /* Nobody notices for half a minute what happens here behind their backs. */
    fleet_start_sentinels(&fleet, 1, 30000, NULL);
    cg_store_t *store = open_words(fleet.url, 500 * MS, pool);
    cg_error_t err = {.text = ""};
    CU_ASSERT_EQUAL_FATAL(set(store, "x", &err, pool), APR_SUCCESS);
    fleet_call(&fleet, 1, pool, "REPLICAOF", "NO", "ONE", NULL);
    fleet_call(&fleet, 0, pool, "REPLICAOF", "127.0.0.1",
               apr_psprintf(pool, "%d", fleet.all[1].port), NULL);
    /* The open connection meets READONLY, a new one ROLE. */
    CU_ASSERT_NOT_EQUAL(set(store, "y", &err, pool), APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "ROLE says slave"));
    cg_reply_t r = fleet_call(&fleet, 0, pool, "GET", "cg:test", NULL);
    CU_ASSERT_FALSE(r.kind == CG_REPLY_TEXT && cg_str_is(r.text, "y"));
    fleet_stop(&fleet);
    apr_pool_destroy(pool);
}

static void count_message(void *baton, cg_str_t message)
{
    *(int *)baton += cg_str_is(message, "hello");
}

static apr_status_t publish(cg_store_t *store, apr_pool_t *pool)
{
    cg_str_t argv[] = {CG_STR("PUBLISH"), CG_STR("cg:test"), CG_STR("hello")};
    cg_reply_t r;
    return cg_store_call(store, argv, 3, &r, NULL, pool);
}

static void planned_failover_is_followed_by_calls_and_by_listeners(void)
{
    apr_pool_t *pool, *ear;
    fleet_t fleet;
    cg_listener_t *listener;
    int heard = 0;
    apr_pool_create(&pool, NULL);
    apr_pool_create(&ear, NULL);
    fleet_start_sentinels(&fleet, 1, DOWN_AFTER_MS, NULL);
    cg_store_t *store = open_words(fleet.url, 250 * MS, pool);
    CU_ASSERT_EQUAL_FATAL(
        cg_store_subscribe(store, "cg:test", &listener, NULL, ear),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(publish(store, pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_store_listen(listener, 300 * MS, count_message, &heard),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(heard, 1);
    fleet_call(&fleet, fleet.servers, pool, "SENTINEL", "FAILOVER", "main",
               NULL);
    apr_time_t began = cg_clock_monotonic();
    /* Who listens finds out although nothing was cut under him. */
    while (cg_store_listen(listener, 50 * MS, count_message, &heard) ==
               APR_SUCCESS &&
           cg_clock_monotonic() - began < apr_time_from_sec(10)) {
        continue;
    }
    CU_ASSERT(cg_clock_monotonic() - began < apr_time_from_sec(10));
    apr_pool_clear(ear);
    CU_ASSERT(until_set(store, apr_time_from_sec(10), pool) >= 0);
    while (cg_store_subscribe(store, "cg:test", &listener, NULL, ear) !=
               APR_SUCCESS &&
           cg_clock_monotonic() - began < apr_time_from_sec(10)) {
        apr_pool_clear(ear);
        usleep(20000);
    }
    CU_ASSERT_EQUAL(publish(store, pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_store_listen(listener, 300 * MS, count_message, &heard),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(heard, 2);
    cg_reply_t role = fleet_call(&fleet, 1, pool, "ROLE", NULL);
    CU_ASSERT(cg_str_is(role.items[0].text, "master"));
    CU_ASSERT_EQUAL(cg_store_generation(store), 2);
    apr_pool_destroy(ear);
    fleet_stop(&fleet);
    apr_pool_destroy(pool);
}

static void sentinels_may_have_a_password_of_their_own(void)
{
    apr_pool_t *pool;
    fleet_t fleet;
    cg_error_t err = {.text = ""};
    apr_pool_create(&pool, NULL);
    fleet_start_sentinels(&fleet, 1, DOWN_AFTER_MS, "wort99");
    char path[160];
    snprintf(path, sizeof path, "%s/secret", fleet.dir);
    FILE *file = fopen(path, "w");
    fputs("wort99\n", file);
    fclose(file);
    chmod(path, 0600);
    cg_store_t *store = open_words(
        apr_psprintf(pool, "%s sentinel-password=file:%s", fleet.url, path),
        500 * MS, pool);
    CU_ASSERT_EQUAL(set(store, "x", &err, pool), APR_SUCCESS);
    store = open_words(fleet.url, 500 * MS, pool);
    CU_ASSERT_NOT_EQUAL(set(store, "x", &err, pool), APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "NOAUTH"));
    CU_ASSERT_PTR_NULL(strstr(err.text, "wort99"));
    fleet_stop(&fleet);
    apr_pool_destroy(pool);
}

static void password_that_sentinels_do_not_want_does_no_harm(void)
{
    apr_pool_t *pool;
    fleet_t fleet;
    cg_error_t err = {.text = ""};
    apr_pool_create(&pool, NULL);
    fleet_start_sentinels(&fleet, 1, DOWN_AFTER_MS, NULL);
    char path[160];
    snprintf(path, sizeof path, "%s/secret", fleet.dir);
    FILE *file = fopen(path, "w");
    fputs("wort99\n", file);
    fclose(file);
    chmod(path, 0600);
    cg_store_t *store = open_words(
        apr_psprintf(pool, "%s sentinel-password=file:%s", fleet.url, path),
        500 * MS, pool);
    CU_ASSERT_EQUAL(set(store, "x", &err, pool), APR_SUCCESS);
    store = open_words(apr_pstrcat(pool, fleet.url, "x", NULL), 500 * MS, pool);
    CU_ASSERT_NOT_EQUAL(set(store, "x", &err, pool), APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "mainx"));
    fleet_stop(&fleet);
    apr_pool_destroy(pool);
}

CU_TestInfo test_store_sentinel[] = {
    {"sentinels_lead_to_the_primary_and_over_a_failover_under_load",
     sentinels_lead_to_the_primary_and_over_a_failover_under_load},
    {"sentinel_that_is_dead_or_frozen_does_not_matter",
     sentinel_that_is_dead_or_frozen_does_not_matter},
    {"stale_primary_is_refused_by_its_role",
     stale_primary_is_refused_by_its_role},
    {"planned_failover_is_followed_by_calls_and_by_listeners",
     planned_failover_is_followed_by_calls_and_by_listeners},
    {"sentinels_may_have_a_password_of_their_own",
     sentinels_may_have_a_password_of_their_own},
    {"password_that_sentinels_do_not_want_does_no_harm",
     password_that_sentinels_do_not_want_does_no_harm},
    CU_TEST_INFO_NULL,
};
