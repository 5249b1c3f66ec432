/* Admission and settling on a real Redis.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/share.h"
#include "quota/quota.h"
#include "redis_fixture.h"

#define SECOND APR_TIME_C(1000000)
#define HOUR (3600 * SECOND)

typedef struct bench_t {
    apr_pool_t *pool;
    cg_store_t *store;
    cg_quota_t *quota;
    void *shared;
} bench_t;

static const cg_limit_t requests_100 = {.dimension = CG_DIMENSION_KEY,
                                        .quantity = CG_QUANTITY_REQUESTS,
                                        .amount = 100,
                                        .window_for = 60 * SECOND};
static const cg_limit_t tokens_1000 = {.dimension = CG_DIMENSION_KEY,
                                       .quantity = CG_QUANTITY_TOKENS,
                                       .amount = 1000,
                                       .window_for = 60 * SECOND};
static const cg_limit_t budget_5 = {.dimension = CG_DIMENSION_KEY,
                                    .quantity = CG_QUANTITY_MICROS,
                                    .amount = 5000000,
                                    .window_for = CG_WINDOW_MONTH};

static void bench_open(bench_t *b, const redis_fixture_t *redis)
{
    apr_pool_create(&b->pool, NULL);
    b->store = redis_fixture_store(redis, b->pool);
    b->shared = calloc(1, cg_quota_shared_bytes());
    b->quota = cg_quota_open(b->store, b->shared, b->pool);
}

static void bench_close(bench_t *b)
{
    apr_pool_destroy(b->pool);
    free(b->shared);
}

static cg_quota_ask_t ask_of(const cg_limit_t *limit, int64_t cost,
                             int64_t least)
{
    return (cg_quota_ask_t){limit, CG_STR("k1"), cost, least, {"", 0}};
}

static cg_quota_grant_t admit_for(bench_t *b, const char *id,
                                  const cg_quota_ask_t *asks, size_t count,
                                  apr_time_t hold_for)
{
    cg_quota_grant_t grant;
    cg_error_t err = {.text = ""};
    apr_status_t rv = cg_quota_admit(b->quota, id, asks, count, hold_for,
                                     cg_clock_now(), &grant, &err, b->pool);
    CU_ASSERT_EQUAL_FATAL(rv, APR_SUCCESS);
    return grant;
}

static cg_quota_grant_t admit(bench_t *b, const char *id,
                              const cg_quota_ask_t *asks, size_t count)
{
    return admit_for(b, id, asks, count, HOUR);
}

static void settle(bench_t *b, const char *id, int64_t tokens, int64_t micros,
                   bool is_released)
{
    cg_error_t err = {.text = ""};
    cg_quota_bill_t bill = {id, 0, tokens, micros, is_released};
    CU_ASSERT_EQUAL_FATAL(cg_quota_settle(b->quota, &bill, 1, &err, b->pool),
                          APR_SUCCESS);
}

static cg_quota_left_t usage_of(bench_t *b, const cg_limit_t *limit)
{
    cg_quota_left_t left = {0};
    cg_error_t err = {.text = ""};
    cg_quota_ask_t ask = ask_of(limit, 0, 0);
    CU_ASSERT_EQUAL_FATAL(
        cg_quota_usage(b->quota, &ask, 1, cg_clock_now(), &left, &err, b->pool),
        APR_SUCCESS);
    return left;
}

static int64_t used_of(bench_t *b, const cg_limit_t *limit)
{
    cg_quota_left_t left = usage_of(b, limit);
    return left.limit - left.remaining;
}

static bool has_holds(bench_t *b)
{
    return redis_fixture_call(b->store, b->pool, "ZCARD", "cg:{cg}:holds", NULL)
               .number > 0;
}

/* ---- windows ------------------------------------------------------------ */

static bench_t *crowd_bench;
static volatile int64_t crowd_admitted, crowd_serial;

static void *crowd(void *unused)
{
    apr_pool_t *pool;
    (void)unused;
    apr_pool_create(&pool, NULL);
    for (int i = 0; i < 3; i++) {
        cg_quota_ask_t ask = ask_of(&requests_100, 1, 1);
        cg_quota_grant_t grant;
        cg_error_t err = {.text = ""};
        const char *id = apr_psprintf(pool, "crowd-%" APR_INT64_T_FMT,
                                      cg_atomic_add(&crowd_serial, 1));
        cg_quota_admit(crowd_bench->quota, id, &ask, 1, HOUR, cg_clock_now(),
                       &grant, &err, pool);
        if (grant.is_admitted && !grant.is_local) {
            cg_atomic_add(&crowd_admitted, 1);
        }
    }
    apr_pool_destroy(pool);
    return NULL;
}

static void window_admits_exactly_100_of_150_sent_by_50_threads(void)
{
    bench_t b;
    pthread_t threads[50];
    bench_open(&b, redis_fixture_shared());
    crowd_bench = &b;
    for (int i = 0; i < 50; i++) {
        pthread_create(&threads[i], NULL, crowd, NULL);
    }
    for (int i = 0; i < 50; i++) {
        pthread_join(threads[i], NULL);
    }
    CU_ASSERT_EQUAL(crowd_serial, 150);
    CU_ASSERT_EQUAL(crowd_admitted, 100);
    bench_close(&b);
}

static void window_refuses_the_request_after_the_last(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_limit_t limit = requests_100;
    limit.amount = 2;
    cg_quota_ask_t ask = ask_of(&limit, 1, 1);
    cg_quota_grant_t grant = admit(&b, "a", &ask, 1);
    CU_ASSERT(grant.is_admitted);
    CU_ASSERT_EQUAL(grant.refused_by, -1);
    CU_ASSERT_EQUAL(grant.left[0].limit, 2);
    CU_ASSERT_EQUAL(grant.left[0].remaining, 1);
    CU_ASSERT(grant.left[0].reset_for > 59 * SECOND);
    CU_ASSERT(admit(&b, "b", &ask, 1).is_admitted);
    grant = admit(&b, "c", &ask, 1);
    CU_ASSERT_FALSE(grant.is_admitted);
    CU_ASSERT_FALSE(grant.is_local || grant.is_store_down || grant.is_open);
    CU_ASSERT_EQUAL(grant.refused_by, 0);
    CU_ASSERT_EQUAL(grant.left[0].remaining, 0);
    CU_ASSERT(grant.retry_for > 58 * SECOND && grant.retry_for < 63 * SECOND);
    bench_close(&b);
}

static void refusal_touches_no_limit(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_quota_ask_t asks[] = {ask_of(&requests_100, 1, 1),
                             ask_of(&tokens_1000, 1001, 5),
                             ask_of(&budget_5, 10, 1)};
    cg_quota_grant_t grant = admit(&b, "a", asks, 3);
    CU_ASSERT_FALSE(grant.is_admitted);
    CU_ASSERT_EQUAL(grant.refused_by, 1);
    CU_ASSERT_EQUAL(grant.retry_for, 0);
    CU_ASSERT_EQUAL(used_of(&b, &requests_100), 0);
    CU_ASSERT_EQUAL(used_of(&b, &budget_5), 0);
    CU_ASSERT_FALSE(has_holds(&b));
    bench_close(&b);
}

static void refusal_names_the_limit_that_keeps_out_longest(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_limit_t hour = requests_100;
    hour.window_for = HOUR;
    hour.amount = 1;
    cg_limit_t minute = requests_100;
    minute.amount = 1;
    cg_quota_ask_t asks[] = {ask_of(&minute, 1, 1), ask_of(&hour, 1, 1)};
    CU_ASSERT(admit(&b, "a", asks, 2).is_admitted);
    cg_quota_grant_t grant = admit(&b, "b", asks, 2);
    CU_ASSERT_EQUAL(grant.refused_by, 1);
    CU_ASSERT(grant.retry_for > 3500 * SECOND);
    bench_close(&b);
}

/* ---- holds -------------------------------------------------------------- */

static void same_id_asked_twice_is_held_once(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_quota_ask_t asks[] = {ask_of(&requests_100, 1, 1),
                             ask_of(&tokens_1000, 600, 5)};
    CU_ASSERT(admit(&b, "a", asks, 2).is_admitted);
    cg_quota_grant_t grant = admit(&b, "a", asks, 2);
    CU_ASSERT(grant.is_admitted);
    CU_ASSERT_EQUAL(grant.left[0].remaining, 99);
    CU_ASSERT_EQUAL(grant.left[1].remaining, 400);
    CU_ASSERT_EQUAL(used_of(&b, &tokens_1000), 600);
    CU_ASSERT_FALSE(admit(&b, "b", asks, 2).is_admitted);
    bench_close(&b);
}

static void settle_gives_back_what_was_not_used(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_quota_ask_t asks[] = {ask_of(&requests_100, 1, 1),
                             ask_of(&tokens_1000, 600, 5),
                             ask_of(&budget_5, 3000000, 7)};
    cg_quota_grant_t grant = admit(&b, "a", asks, 3);
    CU_ASSERT_EQUAL(grant.left[2].held, 3000000);
    CU_ASSERT_EQUAL(usage_of(&b, &budget_5).held, 3000000);
    settle(&b, "a", 150, 1250000, false);
    CU_ASSERT_EQUAL(used_of(&b, &requests_100), 1);
    CU_ASSERT_EQUAL(used_of(&b, &tokens_1000), 150);
    CU_ASSERT_EQUAL(used_of(&b, &budget_5), 1250000);
    CU_ASSERT_EQUAL(usage_of(&b, &budget_5).held, 0);
    CU_ASSERT_FALSE(has_holds(&b));
    bench_close(&b);
}

static void settle_counts_once_and_ignores_unknown_ids(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_quota_ask_t ask = ask_of(&budget_5, 1000, 7);
    admit(&b, "a", &ask, 1);
    settle(&b, "a", 0, 400, false);
    settle(&b, "a", 0, 400, false);
    settle(&b, "never", 0, 400, false);
    CU_ASSERT_EQUAL(used_of(&b, &budget_5), 400);
    bench_close(&b);
}

static void settle_clamps_absurd_usage_to_the_hold(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_quota_ask_t ask = ask_of(&budget_5, 1000, 7);
    admit(&b, "a", &ask, 1);
    settle(&b, "a", INT64_MAX, INT64_MAX, false);
    CU_ASSERT_EQUAL(used_of(&b, &budget_5), 1000);
    admit(&b, "b", &ask, 1);
    settle(&b, "b", INT64_MIN, -5, false);
    CU_ASSERT_EQUAL(used_of(&b, &budget_5), 1000);
    bench_close(&b);
}

static void release_gives_back_all_but_the_request_count(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_quota_ask_t asks[] = {ask_of(&requests_100, 1, 1),
                             ask_of(&tokens_1000, 600, 5),
                             ask_of(&budget_5, 3000000, 7)};
    admit(&b, "a", asks, 3);
    settle(&b, "a", 500, 500, true);
    CU_ASSERT_EQUAL(used_of(&b, &requests_100), 1);
    CU_ASSERT_EQUAL(used_of(&b, &tokens_1000), 0);
    CU_ASSERT_EQUAL(used_of(&b, &budget_5), 0);
    bench_close(&b);
}

static void hold_that_expires_is_charged_its_floor(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_quota_ask_t asks[] = {ask_of(&tokens_1000, 600, 40),
                             ask_of(&budget_5, 3000000, 7000)};
    admit_for(&b, "a", asks, 2, 1000);
    usleep(20000);
    CU_ASSERT_EQUAL(used_of(&b, &budget_5), 3000000);
    /* Any admission sweeps; so does a settle of nothing. */
    cg_quota_grant_t grant = admit(&b, "b", asks, 1);
    CU_ASSERT(grant.is_admitted);
    CU_ASSERT_EQUAL(used_of(&b, &budget_5), 7000);
    CU_ASSERT_EQUAL(usage_of(&b, &budget_5).held, 0);
    CU_ASSERT_EQUAL(used_of(&b, &tokens_1000), 640);
    bench_close(&b);
}

static void settle_that_comes_late_corrects_the_floor(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_quota_ask_t asks[] = {ask_of(&tokens_1000, 600, 40),
                             ask_of(&budget_5, 3000000, 7000)};
    admit_for(&b, "up", asks, 2, 1000);
    usleep(20000);
    CU_ASSERT_EQUAL(cg_quota_settle(b.quota, NULL, 0, NULL, b.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(used_of(&b, &budget_5), 7000);
    settle(&b, "up", 90, 9000, false);
    CU_ASSERT_EQUAL(used_of(&b, &budget_5), 9000);
    CU_ASSERT_EQUAL(used_of(&b, &tokens_1000), 90);
    settle(&b, "up", 90, 9000, false);
    CU_ASSERT_EQUAL(used_of(&b, &budget_5), 9000);
    bench_close(&b);
}

/* ---- budgets ------------------------------------------------------------ */

static void budget_is_never_passed_and_opens_with_the_next_month(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_quota_ask_t ask = ask_of(&budget_5, 2000000, 7);
    CU_ASSERT(admit(&b, "a", &ask, 1).is_admitted);
    CU_ASSERT(admit(&b, "b", &ask, 1).is_admitted);
    cg_quota_grant_t grant = admit(&b, "c", &ask, 1);
    CU_ASSERT_FALSE(grant.is_admitted);
    CU_ASSERT(grant.retry_for > 0);
    CU_ASSERT(grant.retry_for <= 31 * 24 * HOUR);
    CU_ASSERT_EQUAL(grant.left[0].remaining, 1000000);
    CU_ASSERT_EQUAL(grant.left[0].reset_for > 0, true);
    settle(&b, "a", 0, 1, false);
    CU_ASSERT(admit(&b, "d", &ask, 1).is_admitted);
    bench_close(&b);
}

static void budget_takes_its_month_from_the_store(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_quota_ask_t ask = ask_of(&budget_5, 3000000, 7);
    cg_quota_grant_t grant;
    cg_error_t err = {.text = ""};
    CU_ASSERT(admit(&b, "a", &ask, 1).is_admitted);
    for (int days = -70; days <= 70; days += 140) {
        apr_time_t wrong = cg_clock_now() + days * 24 * HOUR;
        CU_ASSERT_EQUAL_FATAL(cg_quota_admit(b.quota, "b", &ask, 1, HOUR, wrong,
                                             &grant, &err, b.pool),
                              APR_SUCCESS);
        CU_ASSERT_FALSE(grant.is_admitted);
        CU_ASSERT_FALSE(grant.is_local);
        CU_ASSERT_EQUAL(grant.left[0].remaining, 2000000);
    }
    bench_close(&b);
}

static void budget_is_exact_at_the_greatest_amounts(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_limit_t limit = budget_5;
    limit.amount = INT64_C(100000000000000);
    cg_quota_ask_t asks[2] = {ask_of(&limit, limit.amount - 1, 7),
                              ask_of(&limit, 2, 0)};
    CU_ASSERT(admit(&b, "a", &asks[0], 1).is_admitted);
    CU_ASSERT_FALSE(admit(&b, "b", &asks[1], 1).is_admitted);
    asks[1].cost = 1;
    cg_quota_grant_t grant = admit(&b, "c", &asks[1], 1);
    CU_ASSERT(grant.is_admitted);
    CU_ASSERT_EQUAL(grant.left[0].remaining, 0);
    settle(&b, "a", 0, INT64_C(99999999999997), false);
    CU_ASSERT_EQUAL(used_of(&b, &limit), INT64_C(99999999999998));
    asks[1].cost = INT64_MAX;
    CU_ASSERT_FALSE(admit(&b, "d", &asks[1], 1).is_admitted);
    bench_close(&b);
}

static void free_request_passes_a_spent_budget(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_quota_ask_t ask = ask_of(&budget_5, 5000000, 7);
    CU_ASSERT(admit(&b, "a", &ask, 1).is_admitted);
    ask.cost = 0;
    CU_ASSERT(admit(&b, "b", &ask, 1).is_admitted);
    ask.cost = 1;
    CU_ASSERT_FALSE(admit(&b, "c", &ask, 1).is_admitted);
    bench_close(&b);
}

/* ---- many limits -------------------------------------------------------- */

static void asks_on_one_counter_are_merged_to_the_smaller_amount(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_limit_t wide = requests_100, narrow = requests_100;
    narrow.amount = 3;
    cg_quota_ask_t asks[] = {ask_of(&wide, 1, 1), ask_of(&narrow, 1, 1)};
    for (int i = 0; i < 3; i++) {
        const char *id = apr_psprintf(b.pool, "m%d", i);
        cg_quota_grant_t grant = admit(&b, id, asks, 2);
        CU_ASSERT(grant.is_admitted);
        CU_ASSERT_EQUAL(grant.left[0].remaining, 99 - i);
        CU_ASSERT_EQUAL(grant.left[0].limit, 100);
        CU_ASSERT_EQUAL(grant.left[1].remaining, 2 - i);
    }
    cg_quota_grant_t grant = admit(&b, "m3", asks, 2);
    CU_ASSERT_FALSE(grant.is_admitted);
    CU_ASSERT_EQUAL(grant.refused_by, 1);
    CU_ASSERT_EQUAL(used_of(&b, &wide), 3);
    bench_close(&b);
}

static void admission_takes_24_limits_and_no_more(void)
{
    bench_t b;
    cg_limit_t limits[CG_ASKS_MAX];
    cg_quota_ask_t asks[CG_ASKS_MAX + 1];
    cg_quota_left_t lefts[CG_ASKS_MAX];
    bench_open(&b, redis_fixture_shared());
    for (int i = 0; i < CG_ASKS_MAX; i++) {
        limits[i] = i % 2 ? tokens_1000 : budget_5;
        asks[i] = ask_of(&limits[i], 10, 1);
        asks[i].subject = cg_str(apr_psprintf(b.pool, "subject-%d", i));
    }
    cg_quota_grant_t grant = admit(&b, "a", asks, CG_ASKS_MAX);
    CU_ASSERT(grant.is_admitted);
    CU_ASSERT_EQUAL(grant.count, CG_ASKS_MAX);
    settle(&b, "a", 3, 3, false);
    CU_ASSERT_EQUAL(cg_quota_usage(b.quota, asks, CG_ASKS_MAX, cg_clock_now(),
                                   lefts, NULL, b.pool),
                    APR_SUCCESS);
    for (int i = 0; i < CG_ASKS_MAX; i++) {
        CU_ASSERT_EQUAL(lefts[i].limit - lefts[i].remaining, 3);
    }
    asks[CG_ASKS_MAX] = asks[0];
    CU_ASSERT_EQUAL(cg_quota_admit(b.quota, "b", asks, CG_ASKS_MAX + 1, HOUR,
                                   cg_clock_now(), &grant, NULL, b.pool),
                    APR_EINVAL);
    CU_ASSERT_EQUAL(cg_quota_admit(b.quota, "", asks, 1, HOUR, cg_clock_now(),
                                   &grant, NULL, b.pool),
                    APR_EINVAL);
    CU_ASSERT(admit(&b, "c", asks, 0).is_admitted);
    bench_close(&b);
}

static void subjects_may_be_any_text(void)
{
    bench_t b;
    static const char *const names[] = {
        "", "a b", "{x}:y", "*?[", "M\xc3\xbcller", "a\nb", "#", "2001:db8::1"};
    bench_open(&b, redis_fixture_shared());
    cg_limit_t one = requests_100;
    one.amount = 1;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cg_quota_ask_t ask = {&one, cg_str(names[i]), 1, 1, {"", 0}};
        const char *id = apr_psprintf(b.pool, "s%d", (int)i);
        const char *again = apr_psprintf(b.pool, "t%d", (int)i);
        CU_ASSERT(admit(&b, id, &ask, 1).is_admitted);
        CU_ASSERT_FALSE(admit(&b, again, &ask, 1).is_admitted);
    }
    bench_close(&b);
}

static void usage_changes_nothing(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    CU_ASSERT_EQUAL(used_of(&b, &requests_100), 0);
    CU_ASSERT_EQUAL(used_of(&b, &budget_5), 0);
    CU_ASSERT_EQUAL(usage_of(&b, &budget_5).reset_for, 0);
    CU_ASSERT_EQUAL(redis_fixture_call(b.store, b.pool, "DBSIZE", NULL).number,
                    0);
    bench_close(&b);
}

static void every_key_has_a_life_or_waits_for_its_settle(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    cg_quota_ask_t asks[] = {ask_of(&requests_100, 1, 1),
                             ask_of(&tokens_1000, 600, 5),
                             ask_of(&budget_5, 3000000, 7)};
    admit(&b, "a", asks, 3);
    settle(&b, "a", 1, 1, false);
    admit(&b, "only-requests", asks, 1);
    cg_reply_t keys = redis_fixture_call(b.store, b.pool, "KEYS", "*", NULL);
    CU_ASSERT_EQUAL(keys.count, 5); /* three counters, one hold, one mark */
    for (size_t i = 0; i < keys.count; i++) {
        cg_reply_t ttl = redis_fixture_call(b.store, b.pool, "PTTL",
                                            keys.items[i].text.ptr, NULL);
        CU_ASSERT(ttl.number > 0);
    }
    bench_close(&b);
}

CU_TestInfo test_quota_quota[] = {
    {"window_admits_exactly_100_of_150_sent_by_50_threads",
     window_admits_exactly_100_of_150_sent_by_50_threads},
    {"window_refuses_the_request_after_the_last",
     window_refuses_the_request_after_the_last},
    {"refusal_touches_no_limit", refusal_touches_no_limit},
    {"refusal_names_the_limit_that_keeps_out_longest",
     refusal_names_the_limit_that_keeps_out_longest},
    {"same_id_asked_twice_is_held_once", same_id_asked_twice_is_held_once},
    {"settle_gives_back_what_was_not_used",
     settle_gives_back_what_was_not_used},
    {"settle_counts_once_and_ignores_unknown_ids",
     settle_counts_once_and_ignores_unknown_ids},
    {"settle_clamps_absurd_usage_to_the_hold",
     settle_clamps_absurd_usage_to_the_hold},
    {"release_gives_back_all_but_the_request_count",
     release_gives_back_all_but_the_request_count},
    {"hold_that_expires_is_charged_its_floor",
     hold_that_expires_is_charged_its_floor},
    {"settle_that_comes_late_corrects_the_floor",
     settle_that_comes_late_corrects_the_floor},
    {"budget_is_never_passed_and_opens_with_the_next_month",
     budget_is_never_passed_and_opens_with_the_next_month},
    {"budget_takes_its_month_from_the_store",
     budget_takes_its_month_from_the_store},
    {"budget_is_exact_at_the_greatest_amounts",
     budget_is_exact_at_the_greatest_amounts},
    {"free_request_passes_a_spent_budget", free_request_passes_a_spent_budget},
    {"asks_on_one_counter_are_merged_to_the_smaller_amount",
     asks_on_one_counter_are_merged_to_the_smaller_amount},
    {"admission_takes_24_limits_and_no_more",
     admission_takes_24_limits_and_no_more},
    {"subjects_may_be_any_text", subjects_may_be_any_text},
    {"usage_changes_nothing", usage_changes_nothing},
    {"every_key_has_a_life_or_waits_for_its_settle",
     every_key_has_a_life_or_waits_for_its_settle},
    CU_TEST_INFO_NULL,
};
