/* Limits of single objects, on a real Redis: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "quota/overrides.h"
#include "redis_fixture.h"

#define HASH "cg:{limits}:by-object"
#define LOAD_WITHIN apr_time_from_sec(10) /* with ASan, beside others */

typedef struct bench_t {
    apr_pool_t *pool;
    cg_store_t *store;
} bench_t;

static void bench_open(bench_t *b)
{
    apr_pool_create(&b->pool, NULL);
    b->store = redis_fixture_store(redis_fixture_shared(), b->pool);
}

static cg_override_t row_of(bench_t *b, const char *scope, const char *subject,
                            const char *limits)
{
    cg_error_t err = {""};
    char *last;
    cg_override_t row = {.subject = subject,
                         .limits = apr_pcalloc(b->pool, 4 * sizeof(cg_limit_t)),
                         .changed_at = cg_clock_now(),
                         .changed_by = "ada \"the\" first"};
    CU_ASSERT_FATAL(cg_limit_scope_read(cg_str(scope), &row.scope));
    char *words = apr_pstrdup(b->pool, limits);
    for (char *word = apr_strtok(words, " ", &last); word;
         word = apr_strtok(NULL, " ", &last)) {
        row.limits[row.count] = row.scope;
        CU_ASSERT_FATAL(
            cg_limit_parse(cg_str(word), &row.limits[row.count++], &err));
    }
    return row;
}

static cg_override_put_t put(bench_t *b, const cg_override_t *row,
                             int64_t wanted, int64_t *version)
{
    cg_error_t err = {""};
    cg_override_put_t done = CG_OVERRIDE_FULL;
    CU_ASSERT_EQUAL_FATAL(
        cg_override_put(b->store, row, wanted, &done, version, &err, b->pool),
        APR_SUCCESS);
    return done;
}

static const cg_overrides_t *fetch(bench_t *b)
{
    cg_overrides_t *set = NULL;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(cg_overrides_fetch(b->store, &set, &err, b->pool),
                          APR_SUCCESS);
    return set;
}

static const cg_override_t *find(const cg_overrides_t *set, const char *scope,
                                 const char *subject)
{
    cg_limit_t limit = {0};
    CU_ASSERT_FATAL(cg_limit_scope_read(cg_str(scope), &limit));
    return cg_overrides_find(set, &limit, cg_str(subject));
}

static void what_is_put_is_what_is_fetched(void)
{
    bench_t b;
    int64_t version = 0;
    bench_open(&b);
    apr_time_t before = cg_clock_now();
    cg_override_t row = row_of(&b, "team", "R&D \"x\" \xe7\x8e\x8b",
                               "100/60s 2000tokens/day 5USD/month");
    CU_ASSERT_EQUAL(put(&b, &row, 0, &version), CG_OVERRIDE_DONE);
    CU_ASSERT_EQUAL(version, 1);
    row = row_of(&b, "model+team", "red+gpt-4o", "7/1h");
    CU_ASSERT_EQUAL(put(&b, &row, -1, &version), CG_OVERRIDE_DONE);

    const cg_overrides_t *set = fetch(&b);
    CU_ASSERT_EQUAL_FATAL(cg_overrides_count(set), 2);
    const cg_override_t *team = find(set, "team", "R&D \"x\" \xe7\x8e\x8b");
    CU_ASSERT_PTR_NOT_NULL_FATAL(team);
    CU_ASSERT_EQUAL_FATAL(team->count, 3);
    CU_ASSERT_STRING_EQUAL(cg_limit_format(&team->limits[0], b.pool),
                           "100/60s");
    CU_ASSERT_EQUAL(team->limits[1].quantity, CG_QUANTITY_TOKENS);
    CU_ASSERT_EQUAL(team->limits[2].amount, 5000000);
    CU_ASSERT_EQUAL(team->limits[2].dimension, CG_DIMENSION_TEAM);
    CU_ASSERT_EQUAL(team->version, 1);
    CU_ASSERT_STRING_EQUAL(team->changed_by, "ada \"the\" first");
    CU_ASSERT(team->changed_at >= before - 1000 &&
              team->changed_at <= cg_clock_now());
    CU_ASSERT_PTR_NOT_NULL(find(set, "team+model", "red+gpt-4o"));
    CU_ASSERT_PTR_NULL(find(set, "team", "R&D"));
    CU_ASSERT_PTR_NULL(find(set, "user", "R&D \"x\" \xe7\x8e\x8b"));
    CU_ASSERT_PTR_NULL(find(set, "team", ""));
    CU_ASSERT_PTR_NULL(find(NULL, "team", "red"));
    apr_pool_destroy(b.pool);
}

static void who_changes_another_version_is_told_of_it(void)
{
    bench_t b;
    int64_t version = 0;
    bench_open(&b);
    cg_override_t row = row_of(&b, "team", "red", "1/60s");
    CU_ASSERT_EQUAL(put(&b, &row, 4, &version), CG_OVERRIDE_CONFLICT);
    CU_ASSERT_EQUAL(version, 0);
    CU_ASSERT_EQUAL(put(&b, &row, 0, &version), CG_OVERRIDE_DONE);
    row = row_of(&b, "team", "red", "2/60s");
    CU_ASSERT_EQUAL(put(&b, &row, 0, &version), CG_OVERRIDE_CONFLICT);
    CU_ASSERT_EQUAL(version, 1);
    CU_ASSERT_EQUAL(find(fetch(&b), "team", "red")->limits[0].amount, 1);
    CU_ASSERT_EQUAL(put(&b, &row, 1, &version), CG_OVERRIDE_DONE);
    CU_ASSERT_EQUAL(version, 2);
    CU_ASSERT_EQUAL(find(fetch(&b), "team", "red")->limits[0].amount, 2);

    row.count = 0;
    CU_ASSERT_EQUAL(put(&b, &row, 1, &version), CG_OVERRIDE_CONFLICT);
    CU_ASSERT_EQUAL(version, 2);
    CU_ASSERT_EQUAL(put(&b, &row, 2, &version), CG_OVERRIDE_DONE);
    CU_ASSERT_EQUAL(version, 0);
    const cg_overrides_t *set = fetch(&b);
    CU_ASSERT_EQUAL(cg_overrides_count(set), 0);
    CU_ASSERT_EQUAL(cg_overrides_scopes(set), 0);
    CU_ASSERT_PTR_NULL(find(set, "team", "red"));
    CU_ASSERT_EQUAL(
        redis_fixture_call(b.store, b.pool, "EXISTS", HASH, NULL).number, 0);
    apr_pool_destroy(b.pool);
}

static void note_message(void *baton, cg_str_t message)
{
    *(int *)baton += cg_str_is(message, "team:red");
}

static void every_change_is_said_on_the_channel(void)
{
    bench_t b;
    int64_t version;
    int heard = 0;
    cg_error_t err = {""};
    cg_listener_t *listener;
    bench_open(&b);
    CU_ASSERT_EQUAL_FATAL(
        cg_store_subscribe(b.store, "cg:limits", &listener, &err, b.pool),
        APR_SUCCESS);
    cg_override_t row = row_of(&b, "team", "red", "1/60s");
    put(&b, &row, 0, &version);
    put(&b, &row, 7, &version); /* a conflict changes nothing */
    row.count = 0;
    put(&b, &row, -1, &version);
    for (int i = 0; i < 50 && heard < 2; i++) {
        cg_store_listen(listener, apr_time_from_msec(100), note_message,
                        &heard);
    }
    CU_ASSERT_EQUAL(heard, 2);
    apr_pool_destroy(b.pool);
}

static void what_cannot_be_read_is_left_out_and_the_rest_stays(void)
{
    static const char *const bad[][2] = {
        {"team:a", "{"},
        {"team:b", "{\"version\":1,\"limits\":[\"many\"]}"},
        {"team:c", "{\"version\":1,\"limits\":[\"5USD/month\"]}"},
        {"team:d", "{\"version\":1,\"budgets\":[\"5/60s\"]}"},
        {"team:", "{\"version\":1,\"limits\":[\"5/60s\"]}"},
        {"colour:e", "{\"version\":1,\"limits\":[\"5/60s\"]}"},
        {"team+team:f+f", "{\"version\":1,\"limits\":[\"5/60s\"]}"},
        {"nothing", "{\"version\":1,\"limits\":[\"5/60s\"]}"},
    };
    bench_t b;
    int64_t version;
    bench_open(&b);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        redis_fixture_call(b.store, b.pool, "HSET", HASH, bad[i][0], bad[i][1],
                           NULL);
    }
    cg_override_t row = row_of(&b, "team", "good", "5/60s");
    put(&b, &row, 0, &version);
    const cg_overrides_t *set = fetch(&b);
    CU_ASSERT_EQUAL(cg_overrides_count(set), 1);
    CU_ASSERT_PTR_NOT_NULL(find(set, "team", "good"));
    apr_pool_destroy(b.pool);
}

static void a_hundred_thousand_are_all_there_may_be(void)
{
    static const char *const fill =
        "for i = 1, 100000 do redis.call('HSET', KEYS[1], 'user:u' .. i, "
        "'{\"version\":1,\"limits\":[\"' .. i .. "
        "'/60s\"],\"budgets\":[\"5USD/month\"],\"changed_at\":"
        "\"2026-11-25T10:00:00.000Z\",\"changed_by\":\"ada\"}') end";
    bench_t b;
    int64_t version = 0;
    bench_open(&b);
    redis_fixture_call(b.store, b.pool, "EVAL", fill, "1", HASH, NULL);
    cg_override_t row = row_of(&b, "user", "one more", "1/60s");
    CU_ASSERT_EQUAL(put(&b, &row, 0, &version), CG_OVERRIDE_FULL);
    row = row_of(&b, "user", "u7", "77/60s");
    CU_ASSERT_EQUAL(put(&b, &row, 1, &version), CG_OVERRIDE_DONE);
    /* One that came past the script is not taken either. */
    redis_fixture_call(b.store, b.pool, "HSET", HASH, "user:smuggled",
                       "{\"version\":1,\"limits\":[\"5/60s\"]}", NULL);

    apr_time_t began = cg_clock_monotonic();
    const cg_overrides_t *set = fetch(&b);
    apr_time_t took = cg_clock_monotonic() - began;
    CU_ASSERT(took < LOAD_WITHIN);
    CU_ASSERT_EQUAL(cg_overrides_count(set), CG_OVERRIDES_MAX);
    CU_ASSERT_EQUAL(find(set, "user", "u7")->limits[0].amount, 77);
    size_t found = 0;
    for (int i = 1; i <= 100000; i++) {
        const cg_override_t *at =
            find(set, "user", apr_psprintf(b.pool, "u%d", i));
        found += at && at->count == 2;
    }
    CU_ASSERT(found >= CG_OVERRIDES_MAX - 2);
    apr_pool_destroy(b.pool);
}

static void what_is_written_is_read_back_the_same(void)
{
    bench_t b;
    cg_error_t err = {""};
    bench_open(&b);
    cg_override_t row =
        row_of(&b, "address", "2001:db8::7", "3concurrent 9/1h 2USD/week");
    row.version = 41;
    cg_overrides_t *set = cg_overrides_create(b.pool);
    CU_ASSERT(cg_overrides_add(set, cg_str(cg_override_field(&row, b.pool)),
                               cg_str(cg_override_write(&row, b.pool)), &err));
    const cg_override_t *back = find(set, "address", "2001:db8::7");
    CU_ASSERT_PTR_NOT_NULL_FATAL(back);
    CU_ASSERT_EQUAL(back->version, 41);
    CU_ASSERT_EQUAL(back->count, 3);
    CU_ASSERT_STRING_EQUAL(cg_override_write(back, b.pool),
                           cg_override_write(&row, b.pool));
    /* The same field again stands in the place of the first. */
    row.count = 1;
    cg_overrides_add(set, cg_str(cg_override_field(&row, b.pool)),
                     cg_str(cg_override_write(&row, b.pool)), &err);
    CU_ASSERT_EQUAL(cg_overrides_count(set), 1);
    CU_ASSERT_EQUAL(find(set, "address", "2001:db8::7")->count, 1);
    apr_pool_destroy(b.pool);
}

CU_TestInfo test_quota_overrides[] = {
    {"what_is_put_is_what_is_fetched", what_is_put_is_what_is_fetched},
    {"who_changes_another_version_is_told_of_it",
     who_changes_another_version_is_told_of_it},
    {"every_change_is_said_on_the_channel",
     every_change_is_said_on_the_channel},
    {"what_cannot_be_read_is_left_out_and_the_rest_stays",
     what_cannot_be_read_is_left_out_and_the_rest_stays},
    {"a_hundred_thousand_are_all_there_may_be",
     a_hundred_thousand_are_all_there_may_be},
    {"what_is_written_is_read_back_the_same",
     what_is_written_is_read_back_the_same},
    CU_TEST_INFO_NULL,
};
