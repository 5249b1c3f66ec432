/* What requests leave in shared memory: limits that are watched, sums of use.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/use.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

#include "alert/watch.h"
#include "redis_fixture.h"

#define NOW INT64_C(1795561200000000)
#define HOUR (NOW / APR_USEC_PER_SEC / 3600)

static apr_pool_t *pool;
static cg_error_t err;

static void *shared(size_t bytes)
{
    void *memory = NULL;
    apr_pool_create(&pool, NULL);
    CU_ASSERT_EQUAL_FATAL(posix_memalign(&memory, 64, bytes), 0);
    memset(memory, 0, bytes);
    return memory;
}

static cg_limit_t limit_of(const char *text)
{
    cg_limit_t limit = {.amount = 0};
    CU_ASSERT_FATAL(cg_limit_parse(cg_str(text), &limit, &err));
    CU_ASSERT_FATAL(cg_limit_scope_read(CG_STR("team"), &limit));
    return limit;
}

static size_t count_watched(cg_watch_t *watch, cg_watched_t *last)
{
    size_t count = 0;
    for (size_t i = 0; i < CG_WATCH_CELLS; i++) {
        cg_watched_t one;
        if (cg_watch_read(watch, i, &one)) {
            *last = one;
            count++;
        }
    }
    return count;
}

static void a_limit_is_watched_in_one_cell(void)
{
    void *memory = shared(cg_watch_bytes());
    cg_watch_t *watch = cg_watch_attach(memory, pool);
    cg_limit_t limit = limit_of("5USD/month"),
               soft = limit_of("4USD/month soft");
    cg_watched_t seen;
    CU_ASSERT_EQUAL(count_watched(watch, &seen), 0);
    cg_watch_note(watch, CG_STR("acme"), CG_STR("red"), &limit, 100, 60, 10,
                  false, NOW);
    cg_watch_note(watch, CG_STR("acme"), CG_STR("red"), &limit, 100, 30, 5,
                  true, NOW + 1);
    CU_ASSERT_EQUAL(count_watched(watch, &seen), 1);
    CU_ASSERT_EQUAL(seen.amount, 100);
    CU_ASSERT_EQUAL(seen.used, 70);
    CU_ASSERT_EQUAL(seen.held, 5);
    CU_ASSERT_EQUAL(seen.refused_at, NOW + 1);
    CU_ASSERT_STRING_EQUAL(seen.subject, "red");
    CU_ASSERT_STRING_EQUAL(seen.organization, "acme");
    CU_ASSERT_EQUAL(seen.limit.amount, 5000000);
    cg_watch_note(watch, CG_STR("acme"), CG_STR("red"), &soft, 100, 1, 0, false,
                  NOW);
    cg_watch_note(watch, CG_STR(""), CG_STR("red"), &limit, 100, 1, 0, false,
                  NOW);
    CU_ASSERT_EQUAL(count_watched(watch, &seen), 3);
    free(memory);
    apr_pool_destroy(pool);
}

static void a_full_watch_takes_the_cells_of_the_idle(void)
{
    void *memory = shared(cg_watch_bytes());
    cg_watch_t *watch = cg_watch_attach(memory, pool);
    cg_limit_t limit = limit_of("5USD/month");
    cg_watched_t seen;
    for (int i = 0; i < 3 * CG_WATCH_CELLS; i++) {
        cg_watch_note(watch, CG_STR(""), cg_str(apr_psprintf(pool, "t%d", i)),
                      &limit, 100, 1, 0, false, NOW);
    }
    size_t full = count_watched(watch, &seen);
    CU_ASSERT(full > CG_WATCH_CELLS * 9 / 10 && full <= CG_WATCH_CELLS);
    apr_time_t later = NOW + 2 * CG_WATCH_IDLE_AFTER;
    for (int i = 0; i < 1000; i++) {
        cg_watch_note(watch, CG_STR(""), cg_str(apr_psprintf(pool, "n%d", i)),
                      &limit, 100, 1, 0, false, later);
    }
    int fresh = 0;
    for (size_t i = 0; i < CG_WATCH_CELLS; i++) {
        fresh += cg_watch_read(watch, i, &seen) && seen.at == later;
    }
    CU_ASSERT_EQUAL(fresh, 1000);
    char *longer = apr_palloc(pool, CG_WATCH_TEXT_MAX + 1);
    memset(longer, 'x', CG_WATCH_TEXT_MAX + 1);
    cg_watch_note(watch, CG_STR(""), (cg_str_t){longer, CG_WATCH_TEXT_MAX + 1},
                  &limit, 100, 1, 0, false, later);
    free(memory);
    apr_pool_destroy(pool);
}

#define NOTERS 4
#define NOTES 5000

static void *note_many(void *data)
{
    cg_use_table_t *table = data;
    const cg_use_sums_t sums = {{10, 20, 1, 0, 1}};
    for (int i = 0; i < NOTES; i++) {
        cg_use_note(table, CG_USE_OF_KEY, i % 2 ? CG_STR("k1") : CG_STR("k2"),
                    &sums, NOW);
    }
    return NULL;
}

static void sums_of_many_threads_are_whole_and_reach_the_store(void)
{
    void *memory = shared(cg_use_bytes());
    cg_store_t *store = redis_fixture_store(redis_fixture_shared(), pool);
    cg_use_table_t *table = cg_use_attach(memory, pool);
    pthread_t threads[NOTERS];
    cg_used_t used[16];
    int64_t heard[2] = {0, 0};
    for (int i = 0; i < NOTERS; i++) {
        pthread_create(&threads[i], NULL, note_many, table);
    }
    for (int turn = 0; turn < 6; turn++) {
        size_t from = 0, count = 0;
        if (turn == 5) {
            for (int i = 0; i < NOTERS; i++) {
                pthread_join(threads[i], NULL);
            }
        }
        while (from < CG_USE_SUBJECTS) {
            CU_ASSERT_EQUAL_FATAL(cg_use_flush(table, store, HOUR, &from, used,
                                               16, &count, &err, pool),
                                  APR_SUCCESS);
            for (size_t i = 0; i < count; i++) {
                heard[used[i].name[1] - '1'] =
                    used[i].hour_sums.of[CG_USE_TOKENS];
            }
        }
    }
    /* A first note of each may be lost where two begin one place at once. */
    CU_ASSERT(heard[0] > 10 * NOTERS * NOTES / 2 - 50 * NOTERS);
    CU_ASSERT(heard[0] <= 10 * NOTERS * NOTES / 2);
    CU_ASSERT(heard[1] > 10 * NOTERS * NOTES / 2 - 50 * NOTERS);
    const char *cursor = "0";
    apr_array_header_t *found;
    CU_ASSERT_EQUAL(cg_use_scan(store, HOUR, &cursor, &found, &err, pool),
                    APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(cursor, "0");
    CU_ASSERT_EQUAL_FATAL(found->nelts, 2);
    for (int i = 0; i < 2; i++) {
        const cg_used_t *one = &APR_ARRAY_IDX(found, i, cg_used_t);
        CU_ASSERT_EQUAL(one->hour_sums.of[CG_USE_TOKENS],
                        heard[one->name[1] - '1']);
        CU_ASSERT_EQUAL(one->hour_sums.of[CG_USE_MICROS],
                        2 * one->hour_sums.of[CG_USE_TOKENS]);
        CU_ASSERT_EQUAL(one->hour_sums.of[CG_USE_ERRORS], 0);
    }
    free(memory);
    apr_pool_destroy(pool);
}

static void what_cannot_be_handed_on_stays(void)
{
    redis_fixture_t redis;
    void *memory = shared(cg_use_bytes());
    const cg_use_sums_t sums = {{7, 0, 1, 0, 0}};
    cg_use_table_t *table = cg_use_attach(memory, pool);
    cg_used_t used[4];
    size_t from = 0, count;
    redis_fixture_start(&redis, false);
    cg_store_t *store = redis_fixture_store(&redis, pool);
    cg_use_note(table, CG_USE_OF_TEAM, CG_STR("red"), &sums, NOW);
    redis_fixture_kill(&redis);
    CU_ASSERT_NOT_EQUAL(
        cg_use_flush(table, store, HOUR, &from, used, 4, &count, &err, pool),
        APR_SUCCESS);
    cg_use_note(table, CG_USE_OF_TEAM, CG_STR("red"), &sums, NOW);
    redis_fixture_restart(&redis);
    apr_status_t rv = APR_EGENERAL;
    for (int i = 0; i < 200 && rv != APR_SUCCESS; i++) {
        from = 0;
        rv = cg_use_flush(table, store, HOUR, &from, used, 4, &count, &err,
                          pool);
        apr_sleep(20000);
    }
    CU_ASSERT_EQUAL_FATAL(count, 1);
    CU_ASSERT_EQUAL(used[0].hour_sums.of[CG_USE_TOKENS], 14);
    apr_pool_destroy(pool);
    redis_fixture_stop(&redis);
    free(memory);
}

static void baselines_are_kept_and_found_again(void)
{
    apr_pool_create(&pool, NULL);
    cg_store_t *store = redis_fixture_store(redis_fixture_shared(), pool);
    cg_used_t who[2] = {{.kind = CG_USE_OF_KEY, .name = "k1"},
                        {.kind = CG_USE_OF_TEAM, .name = "k1"}};
    cg_baseline_t *some = apr_pcalloc(pool, 2 * sizeof *some);
    cg_baseline_t *back = apr_pcalloc(pool, 2 * sizeof *back);
    some[0].first_hour = HOUR;
    some[0].last_hour = HOUR + 5;
    some[0].codes[2][7] = 99;
    CU_ASSERT_EQUAL(cg_use_save(store, who, 1, some, &err, pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_use_load(store, who, 2, back, &err, pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(memcmp(&some[0], &back[0], sizeof back[0]), 0);
    CU_ASSERT_EQUAL(back[1].first_hour, 0);
    apr_pool_destroy(pool);
}

CU_TestInfo test_alert_use[] = {
    {"a_limit_is_watched_in_one_cell", a_limit_is_watched_in_one_cell},
    {"a_full_watch_takes_the_cells_of_the_idle",
     a_full_watch_takes_the_cells_of_the_idle},
    {"sums_of_many_threads_are_whole_and_reach_the_store",
     sums_of_many_threads_are_whole_and_reach_the_store},
    {"what_cannot_be_handed_on_stays", what_cannot_be_handed_on_stays},
    {"baselines_are_kept_and_found_again", baselines_are_kept_and_found_again},
    CU_TEST_INFO_NULL,
};
