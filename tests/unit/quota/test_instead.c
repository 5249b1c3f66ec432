/* A request that was admitted asks again, for more: on a real Redis.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "quota/quota.h"
#include "redis_fixture.h"

#define LIMITS 6
#define HOUR apr_time_from_sec(3600)

typedef struct bench_t {
    apr_pool_t *pool;
    cg_store_t *store;
    cg_quota_t *quota;
    void *shared;
    cg_limit_t limits[LIMITS];
} bench_t;

static const char *const limits_of[LIMITS] = {
    "10/60s closed",           "10/month closed",    "1000tokens/60s closed",
    "1000tokens/month closed", "1concurrent closed", "10/60s exact closed"};

static void bench_open(bench_t *b, const redis_fixture_t *redis)
{
    cg_error_t err = {""};
    apr_pool_create(&b->pool, NULL);
    b->store = redis_fixture_quick_store(redis, b->pool);
    b->shared = calloc(1, cg_quota_shared_bytes());
    b->quota = cg_quota_open(b->store, b->shared, b->pool);
    for (int i = 0; i < LIMITS; i++) {
        b->limits[i] = (cg_limit_t){.dimension = CG_DIMENSION_KEY};
        CU_ASSERT_FATAL(
            cg_limit_parse(cg_str(limits_of[i]), &b->limits[i], &err));
    }
}

static void bench_close(bench_t *b)
{
    apr_pool_destroy(b->pool);
    free(b->shared);
}

static void fill(bench_t *b, int64_t tokens, cg_quota_ask_t *asks)
{
    for (int i = 0; i < LIMITS; i++) {
        bool is_tokens = b->limits[i].quantity == CG_QUANTITY_TOKENS;
        asks[i] = (cg_quota_ask_t){.limit = &b->limits[i],
                                   .subject = CG_STR("k1"),
                                   .cost = is_tokens ? tokens : 1};
    }
}

static cg_quota_grant_t admit(bench_t *b, const char *replaces, const char *id,
                              int64_t tokens)
{
    cg_quota_ask_t asks[LIMITS];
    cg_quota_grant_t grant;
    cg_error_t err = {""};
    fill(b, tokens, asks);
    apr_status_t rv =
        replaces ? cg_quota_admit_instead(b->quota, replaces, true, id, 0, asks,
                                          LIMITS, HOUR, cg_clock_now(), &grant,
                                          &err, b->pool)
                 : cg_quota_admit(b->quota, id, asks, LIMITS, HOUR,
                                  cg_clock_now(), &grant, &err, b->pool);
    CU_ASSERT_EQUAL_FATAL(rv, APR_SUCCESS);
    return grant;
}

static void assert_used(bench_t *b, const int64_t *used)
{
    cg_quota_ask_t asks[LIMITS];
    cg_quota_left_t left[LIMITS];
    cg_error_t err = {""};
    fill(b, 0, asks);
    CU_ASSERT_EQUAL_FATAL(cg_quota_usage(b->quota, asks, LIMITS, cg_clock_now(),
                                         left, &err, b->pool),
                          APR_SUCCESS);
    for (int i = 0; i < LIMITS; i++) {
        CU_ASSERT_EQUAL(left[i].limit - left[i].remaining, used[i]);
    }
}

static int64_t holds_of(bench_t *b)
{
    return redis_fixture_call(b->store, b->pool, "ZCARD", "cg:{cg}:holds", NULL)
        .number;
}

static const int64_t nothing[LIMITS] = {0};

static void it_counts_once_whatever_is_counted(void)
{
    static const int64_t more[LIMITS] = {1, 1, 700, 700, 1, 1};
    static const int64_t real[LIMITS] = {1, 1, 650, 650, 0, 1};
    bench_t b;
    cg_error_t err = {""};
    bench_open(&b, redis_fixture_shared());
    CU_ASSERT(admit(&b, NULL, "one", 600).is_admitted);
    /* 600 and 700 have no room together: the first is given back before. */
    CU_ASSERT(admit(&b, "one", "two", 700).is_admitted);
    assert_used(&b, more);
    CU_ASSERT_EQUAL(holds_of(&b), 1);
    cg_quota_bill_t bills[] = {{.id = "one", .output_tokens = 600},
                               {.id = "two", .output_tokens = 650}};
    CU_ASSERT_EQUAL(cg_quota_settle(b.quota, bills, 2, &err, b.pool),
                    APR_SUCCESS);
    assert_used(&b, real);
    CU_ASSERT_EQUAL(holds_of(&b), 0);
    bench_close(&b);
}

static void who_is_refused_holds_nothing_any_more(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared());
    CU_ASSERT(admit(&b, NULL, "one", 600).is_admitted);
    cg_quota_grant_t grant = admit(&b, "one", "two", 1001);
    CU_ASSERT_FALSE(grant.is_admitted);
    CU_ASSERT_EQUAL(b.limits[grant.refused_by].quantity, CG_QUANTITY_TOKENS);
    assert_used(&b, nothing);
    CU_ASSERT_EQUAL(holds_of(&b), 0);
    bench_close(&b);
}

static void when_the_store_is_away_meanwhile_all_is_given_back_later(void)
{
    bench_t b;
    redis_fixture_t redis;
    cg_error_t err = {""};
    redis_fixture_start(&redis, false);
    for (int is_frozen = 0; is_frozen < 2; is_frozen++) {
        bench_open(&b, &redis);
        CU_ASSERT(admit(&b, NULL, "one", 600).is_admitted);
        cg_quota_grant_t grant;
        if (is_frozen) {
            redis_fixture_freeze(&redis); /* it will run what was sent */
            grant = admit(&b, "one", "two", 700);
            redis_fixture_thaw(&redis);
        }
        else {
            redis_fixture_freeze(&redis);
            admit(&b, "none", "nobody", 1); /* found to be away */
            grant = admit(&b, "one", "two", 700);
            redis_fixture_thaw(&redis);
        }
        CU_ASSERT_FALSE(grant.is_admitted);
        CU_ASSERT(grant.is_store_down);
        apr_status_t rv = APR_EGENERAL;
        for (int i = 0; i < 100 && rv != APR_SUCCESS; i++) {
            apr_sleep(apr_time_from_msec(50));
            rv = cg_quota_settle(b.quota, NULL, 0, &err, b.pool);
        }
        CU_ASSERT_EQUAL(rv, APR_SUCCESS);
        assert_used(&b, nothing);
        CU_ASSERT_EQUAL(holds_of(&b), 0);
        redis_fixture_call(b.store, b.pool, "FLUSHALL", NULL);
        bench_close(&b);
    }
    redis_fixture_stop(&redis);
}

CU_TestInfo test_quota_instead[] = {
    {"it_counts_once_whatever_is_counted", it_counts_once_whatever_is_counted},
    {"who_is_refused_holds_nothing_any_more",
     who_is_refused_holds_nothing_any_more},
    {"when_the_store_is_away_meanwhile_all_is_given_back_later",
     when_the_store_is_away_meanwhile_all_is_given_back_later},
    CU_TEST_INFO_NULL,
};
