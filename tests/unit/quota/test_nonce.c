/* Nonces of signed requests: used up in the admission, once, on a real Redis.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "quota/quota.h"
#include "redis_fixture.h"

#define SECOND APR_TIME_C(1000000)
#define RACERS 20

typedef struct bench_t {
    apr_pool_t *pool;
    cg_store_t *store;
    cg_quota_t *quota;
    void *shared;
} bench_t;

static const cg_limit_t three = {.dimension = CG_DIMENSION_KEY,
                                 .quantity = CG_QUANTITY_REQUESTS,
                                 .amount = 3,
                                 .window_for = 60 * SECOND};
static const cg_limit_t open_limit = {.dimension = CG_DIMENSION_KEY,
                                      .quantity = CG_QUANTITY_REQUESTS,
                                      .store_down = CG_STORE_DOWN_OPEN,
                                      .amount = 1000,
                                      .window_for = 60 * SECOND};

static void bench_open(bench_t *b, const redis_fixture_t *redis, bool is_quick)
{
    apr_pool_create(&b->pool, NULL);
    b->store = is_quick ? redis_fixture_quick_store(redis, b->pool)
                        : redis_fixture_store(redis, b->pool);
    b->shared = calloc(1, cg_quota_shared_bytes());
    b->quota = cg_quota_open(b->store, b->shared, b->pool);
}

static void bench_close(bench_t *b)
{
    apr_pool_destroy(b->pool);
    free(b->shared);
}

static cg_quota_grant_t admit(bench_t *b, const char *id, const char *key,
                              const char *text, int64_t most,
                              const cg_limit_t *limit)
{
    cg_quota_grant_t grant;
    cg_error_t err = {""};
    apr_pool_t *pool;
    apr_pool_create(&pool, b->pool);
    cg_quota_nonce_t nonce = {cg_str(key), cg_str(text), most};
    cg_quota_ask_t ask = {.limit = limit, .subject = CG_STR("k1"), .cost = 1};
    CU_ASSERT_EQUAL(cg_quota_admit_once(b->quota, id, text ? &nonce : NULL,
                                        &ask, limit ? 1 : 0, SECOND,
                                        cg_clock_now(), &grant, &err, pool),
                    APR_SUCCESS);
    apr_pool_destroy(pool);
    return grant;
}

static void a_nonce_passes_once_with_and_without_limits(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared(), false);
    for (int i = 0; i < 2; i++) {
        const cg_limit_t *limit = i ? &three : NULL;
        const char *text = i ? "with" : "without";
        cg_quota_grant_t first = admit(&b, i ? "a" : "c", "sk", text, 0, limit);
        CU_ASSERT(first.is_admitted);
        CU_ASSERT_EQUAL(first.once, CG_ONCE_FIRST);
        cg_quota_grant_t again = admit(&b, i ? "b" : "d", "sk", text, 0, limit);
        CU_ASSERT(!again.is_admitted && !again.is_store_down);
        CU_ASSERT_EQUAL(again.once, CG_ONCE_REPLAYED);
    }
    CU_ASSERT(admit(&b, "e", "other", "with", 0, NULL).is_admitted);
    CU_ASSERT(admit(&b, "f", "sk", "With", 0, NULL).is_admitted);
    bench_close(&b);
}

static void who_bears_no_nonce_is_not_asked_for_one(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared(), false);
    cg_quota_grant_t grant = admit(&b, "a", "", NULL, 0, &three);
    CU_ASSERT(grant.is_admitted);
    CU_ASSERT_EQUAL(grant.once, CG_ONCE_NOT_ASKED);
    CU_ASSERT(admit(&b, "b", "", NULL, 0, NULL).is_admitted);
    bench_close(&b);
}

static void the_same_admission_sent_twice_is_no_replay_of_itself(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared(), false);
    CU_ASSERT(admit(&b, "same", "sk", "n", 0, NULL).is_admitted);
    cg_quota_grant_t again = admit(&b, "same", "sk", "n", 0, NULL);
    CU_ASSERT(again.is_admitted);
    CU_ASSERT_EQUAL(again.once, CG_ONCE_FIRST);
    bench_close(&b);
}

static void a_replay_uses_up_no_limit(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared(), false);
    CU_ASSERT(admit(&b, "a", "sk", "n", 0, &three).is_admitted);
    for (int i = 0; i < 5; i++) {
        char id[16];
        snprintf(id, sizeof id, "r%d", i);
        CU_ASSERT_EQUAL(admit(&b, id, "sk", "n", 0, &three).once,
                        CG_ONCE_REPLAYED);
    }
    CU_ASSERT(admit(&b, "b", "sk", "n2", 0, &three).is_admitted);
    cg_quota_grant_t third = admit(&b, "c", "sk", "n3", 0, &three);
    CU_ASSERT(third.is_admitted);
    CU_ASSERT_EQUAL(third.left[0].remaining, 0);
    bench_close(&b);
}

static void a_nonce_is_used_up_although_a_limit_refuses(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared(), false);
    for (int i = 0; i < 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "a%d", i);
        CU_ASSERT(admit(&b, id, "sk", id, 0, &three).is_admitted);
    }
    cg_quota_grant_t over = admit(&b, "o", "sk", "n", 0, &three);
    CU_ASSERT(!over.is_admitted);
    CU_ASSERT_EQUAL(over.once, CG_ONCE_FIRST);
    CU_ASSERT(over.retry_for > 0);
    CU_ASSERT_EQUAL(admit(&b, "p", "sk", "n", 0, NULL).once, CG_ONCE_REPLAYED);
    bench_close(&b);
}

static void nonces_of_one_key_are_bounded(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared(), false);
    for (int i = 0; i < 8; i++) {
        char id[16];
        snprintf(id, sizeof id, "n%d", i);
        cg_quota_grant_t grant = admit(&b, id, "sk", id, 5, NULL);
        CU_ASSERT_EQUAL(grant.is_admitted, i < 5);
        CU_ASSERT_EQUAL(grant.once, i < 5 ? CG_ONCE_FIRST : CG_ONCE_CROWDED);
    }
    CU_ASSERT(admit(&b, "z", "other", "n0", 5, NULL).is_admitted);
    cg_reply_t kept =
        redis_fixture_call(b.store, b.pool, "KEYS", "cg:{cg}:nonce:*", NULL);
    CU_ASSERT_EQUAL(kept.count, 6);
    bench_close(&b);
}

static void what_is_remembered_ends_and_the_last_use_is_kept(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared(), false);
    apr_time_t before = cg_clock_now();
    admit(&b, "a", "sk", "n", 0, NULL);
    cg_reply_t kept =
        redis_fixture_call(b.store, b.pool, "KEYS", "cg:{cg}:nonce:*", NULL);
    CU_ASSERT_EQUAL_FATAL(kept.count, 1);
    const char *const names[] = {kept.items[0].text.ptr, "cg:{cg}:nonces:sk"};
    for (int i = 0; i < 2; i++) {
        cg_reply_t left =
            redis_fixture_call(b.store, b.pool, "PTTL", names[i], NULL);
        CU_ASSERT(left.number > 880000 && left.number <= 900000);
    }
    cg_reply_t used =
        redis_fixture_call(b.store, b.pool, "GET", "cg:{cg}:signed:sk", NULL);
    int64_t at = 0;
    CU_ASSERT(cg_parse_count(used.text, &at));
    CU_ASSERT(at >= before - SECOND && at <= cg_clock_now() + SECOND);
    bench_close(&b);
}

static void a_nonce_of_any_bytes_has_a_short_name(void)
{
    bench_t b;
    bench_open(&b, redis_fixture_shared(), false);
    char text[129];
    memset(text, ':', sizeof text - 1);
    text[128] = '\0';
    CU_ASSERT(admit(&b, "a", "sk", text, 0, NULL).is_admitted);
    CU_ASSERT_EQUAL(admit(&b, "b", "sk", text, 0, NULL).once, CG_ONCE_REPLAYED);
    CU_ASSERT(admit(&b, "c", "sk", "#x y*", 0, NULL).is_admitted);
    CU_ASSERT_EQUAL(admit(&b, "d", "sk", "#x y*", 0, NULL).once,
                    CG_ONCE_REPLAYED);
    cg_reply_t kept =
        redis_fixture_call(b.store, b.pool, "KEYS", "cg:{cg}:nonce:*", NULL);
    CU_ASSERT_EQUAL_FATAL(kept.count, 2);
    CU_ASSERT_EQUAL(kept.items[0].text.len, kept.items[1].text.len);
    CU_ASSERT(kept.items[0].text.len < 40);
    bench_close(&b);
}

static void without_the_store_it_is_closed_whatever_the_limits_say(void)
{
    bench_t b;
    redis_fixture_t redis;
    redis_fixture_start(&redis, false);
    bench_open(&b, &redis, true);
    CU_ASSERT(admit(&b, "a", "sk", "n", 0, &open_limit).is_admitted);
    redis_fixture_kill(&redis);
    cg_quota_grant_t grant = admit(&b, "b", "sk", "n2", 0, &open_limit);
    CU_ASSERT(!grant.is_admitted && grant.is_store_down);
    CU_ASSERT_EQUAL(grant.once, CG_ONCE_UNKNOWN);
    CU_ASSERT(!admit(&b, "c", "sk", "n3", 0, NULL).is_admitted);
    CU_ASSERT(admit(&b, "d", "", NULL, 0, &open_limit).is_admitted);
    bench_close(&b);
    redis_fixture_stop(&redis);
}

typedef struct racer_t {
    bench_t *bench;
    char id[16];
    pthread_barrier_t *barrier;
    cg_quota_grant_t grant;
} racer_t;

static void *run_racer(void *data)
{
    racer_t *racer = data;
    cg_error_t err;
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    cg_quota_nonce_t nonce = {CG_STR("sk"), CG_STR("raced"), 0};
    pthread_barrier_wait(racer->barrier);
    cg_quota_admit_once(racer->bench->quota, racer->id, &nonce, NULL, 0, SECOND,
                        cg_clock_now(), &racer->grant, &err, pool);
    apr_pool_destroy(pool);
    return NULL;
}

static void of_twenty_at_once_exactly_one_passes(void)
{
    bench_t b;
    racer_t racers[RACERS];
    pthread_t threads[RACERS];
    pthread_barrier_t barrier;
    int passed = 0, refused = 0;
    bench_open(&b, redis_fixture_shared(), false);
    pthread_barrier_init(&barrier, NULL, RACERS);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (racer_t){.bench = &b, .barrier = &barrier};
        snprintf(racers[i].id, sizeof racers[i].id, "r%d", i);
        pthread_create(&threads[i], NULL, run_racer, &racers[i]);
    }
    for (int i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        passed += racers[i].grant.is_admitted;
        refused += racers[i].grant.once == CG_ONCE_REPLAYED;
    }
    CU_ASSERT_EQUAL(passed, 1);
    CU_ASSERT_EQUAL(refused, RACERS - 1);
    pthread_barrier_destroy(&barrier);
    bench_close(&b);
}

CU_TestInfo test_quota_nonce[] = {
    {"a_nonce_passes_once_with_and_without_limits",
     a_nonce_passes_once_with_and_without_limits},
    {"who_bears_no_nonce_is_not_asked_for_one",
     who_bears_no_nonce_is_not_asked_for_one},
    {"the_same_admission_sent_twice_is_no_replay_of_itself",
     the_same_admission_sent_twice_is_no_replay_of_itself},
    {"a_replay_uses_up_no_limit", a_replay_uses_up_no_limit},
    {"a_nonce_is_used_up_although_a_limit_refuses",
     a_nonce_is_used_up_although_a_limit_refuses},
    {"nonces_of_one_key_are_bounded", nonces_of_one_key_are_bounded},
    {"what_is_remembered_ends_and_the_last_use_is_kept",
     what_is_remembered_ends_and_the_last_use_is_kept},
    {"a_nonce_of_any_bytes_has_a_short_name",
     a_nonce_of_any_bytes_has_a_short_name},
    {"without_the_store_it_is_closed_whatever_the_limits_say",
     without_the_store_it_is_closed_whatever_the_limits_say},
    {"of_twenty_at_once_exactly_one_passes",
     of_twenty_at_once_exactly_one_passes},
    CU_TEST_INFO_NULL,
};
