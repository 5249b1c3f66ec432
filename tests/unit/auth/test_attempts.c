/* Failed authentications: who is over the limit, who is not, and who else.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

#include "auth/attempts.h"

#define SECOND APR_TIME_C(1000000)
#define START (APR_TIME_C(1800000000) * SECOND)

static const cg_kind_ATTEMPTS_t ten = {10, 60 * SECOND};

typedef struct bench_t {
    apr_pool_t *pool;
    void *memory;
    cg_attempts_t *attempts;
} bench_t;

static bench_t setup(void)
{
    bench_t b;
    apr_pool_create(&b.pool, NULL);
    b.memory = aligned_alloc(64, (cg_attempts_shared_bytes() + 63) / 64 * 64);
    memset(b.memory, 0, cg_attempts_shared_bytes());
    cg_attempts_prepare(b.memory);
    b.attempts = cg_attempts_open(b.memory, b.pool);
    return b;
}

static void teardown(bench_t *b)
{
    apr_pool_destroy(b->pool);
    free(b->memory);
}

static cg_try_t of(const char *address, const char *id, const char *credential)
{
    return (cg_try_t){address, cg_str(id), cg_str(credential)};
}

static bool may(bench_t *b, const char *address, const char *id,
                const char *credential, apr_time_t at, apr_time_t *out_wait)
{
    cg_try_t attempt = of(address, id, credential);
    return cg_attempts_may(b->attempts, &ten, &attempt, at, out_wait);
}

static bool was_wrong(bench_t *b, const cg_kind_ATTEMPTS_t *rule,
                      const cg_try_t *attempt, apr_time_t at)
{
    apr_time_t wait;
    bool may =
        cg_attempts_failed(b ? b->attempts : NULL, rule, attempt, at, &wait);
    CU_ASSERT_EQUAL(may, wait == 0);
    return may;
}

static bool was_right(bench_t *b, const cg_kind_ATTEMPTS_t *rule,
                      const cg_try_t *attempt, apr_time_t at)
{
    apr_time_t wait;
    bool may =
        cg_attempts_succeeded(b ? b->attempts : NULL, rule, attempt, at, &wait);
    CU_ASSERT_EQUAL(may, wait == 0);
    return may;
}

static void fail(bench_t *b, const char *address, const char *id, int times,
                 apr_time_t at)
{
    for (int i = 0; i < times; i++) {
        cg_try_t attempt = of(address, id, apr_itoa(b->pool, i));
        was_wrong(b, &ten, &attempt, at);
    }
}

static void eleventh_try_waits_until_a_part_of_the_window_is_over(void)
{
    bench_t b = setup();
    apr_time_t wait = 1;
    fail(&b, "192.0.2.1", "", 9, START);
    CU_ASSERT_TRUE(may(&b, "192.0.2.1", "", "x", START, &wait));
    CU_ASSERT_EQUAL(wait, 0);
    fail(&b, "192.0.2.1", "", 1, START);
    CU_ASSERT_FALSE(may(&b, "192.0.2.1", "", "x", START, &wait));
    CU_ASSERT_EQUAL(wait, 6 * SECOND);
    CU_ASSERT_FALSE(
        may(&b, "192.0.2.1", "", "x", START + 6 * SECOND - 1, &wait));
    CU_ASSERT_TRUE(may(&b, "192.0.2.1", "", "x", START + 6 * SECOND, &wait));
    fail(&b, "192.0.2.1", "", 1, START + 6 * SECOND);
    CU_ASSERT_FALSE(may(&b, "192.0.2.1", "", "x", START + 6 * SECOND, &wait));
    teardown(&b);
}

static void failures_never_wait_longer_than_one_window(void)
{
    bench_t b = setup();
    apr_time_t wait;
    fail(&b, "192.0.2.1", "", 5000, START);
    CU_ASSERT_FALSE(may(&b, "192.0.2.1", "", "x", START, &wait));
    CU_ASSERT_EQUAL(wait, 6 * SECOND);
    CU_ASSERT_TRUE(may(&b, "192.0.2.1", "", "x", START + 6 * SECOND, &wait));
    teardown(&b);
}

static void other_addresses_are_not_touched(void)
{
    bench_t b = setup();
    apr_time_t wait;
    fail(&b, "192.0.2.1", "", 20, START);
    CU_ASSERT_TRUE(may(&b, "192.0.2.2", "", "x", START, &wait));
    CU_ASSERT_TRUE(may(&b, "2001:db8::1", "", "x", START, &wait));
    teardown(&b);
}

static void addresses_of_one_ipv6_network_are_one(void)
{
    bench_t b = setup();
    apr_time_t wait;
    for (int i = 0; i < 10; i++) {
        fail(&b, apr_psprintf(b.pool, "2001:db8:1:2:%x::7", i + 1), "", 1,
             START);
    }
    CU_ASSERT_FALSE(may(&b, "2001:db8:1:2:ffff::", "", "x", START, &wait));
    CU_ASSERT_TRUE(may(&b, "2001:db8:1:3::1", "", "x", START, &wait));
    teardown(&b);
}

static void mapped_ipv4_address_is_the_ipv4_address(void)
{
    bench_t b = setup();
    apr_time_t wait;
    fail(&b, "::ffff:192.0.2.9", "", 10, START);
    CU_ASSERT_FALSE(may(&b, "192.0.2.9", "", "x", START, &wait));
    CU_ASSERT_TRUE(may(&b, "192.0.2.8", "", "x", START, &wait));
    CU_ASSERT_TRUE(may(&b, "::ffff:192.0.2.8", "", "x", START, &wait));
    teardown(&b);
}

static void key_id_is_counted_from_whatever_address(void)
{
    bench_t b = setup();
    apr_time_t wait;
    for (int i = 0; i < 10; i++) {
        fail(&b, apr_psprintf(b.pool, "198.51.100.%d", i), "k3n7w2px", 1,
             START);
    }
    CU_ASSERT_FALSE(may(&b, "203.0.113.5", "k3n7w2px", "x", START, &wait));
    CU_ASSERT_TRUE(may(&b, "203.0.113.5", "aaaaaaaa", "x", START, &wait));
    CU_ASSERT_TRUE(may(&b, "203.0.113.5", "", "x", START, &wait));
    teardown(&b);
}

static void who_was_right_passes_while_others_are_wrong(void)
{
    bench_t b = setup();
    apr_time_t wait;
    cg_try_t right = of("192.0.2.1", "k3n7w2px", "the right one");
    was_right(&b, &ten, &right, START);
    fail(&b, "192.0.2.1", "k3n7w2px", 30, START);
    CU_ASSERT_TRUE(
        may(&b, "192.0.2.1", "k3n7w2px", "the right one", START, &wait));
    CU_ASSERT_FALSE(
        may(&b, "192.0.2.1", "k3n7w2px", "a wrong one", START, &wait));
    CU_ASSERT_FALSE(
        may(&b, "192.0.2.7", "k3n7w2px", "the right one", START, &wait));
    teardown(&b);
}

static void what_was_right_and_is_wrong_now_counts_no_longer(void)
{
    bench_t b = setup();
    apr_time_t wait;
    cg_try_t right = of("192.0.2.1", "k3n7w2px", "it");
    was_right(&b, &ten, &right, START);
    fail(&b, "192.0.2.1", "k3n7w2px", 10, START);
    CU_ASSERT_TRUE(may(&b, "192.0.2.1", "k3n7w2px", "it", START, &wait));
    was_wrong(&b, &ten, &right, START);
    CU_ASSERT_FALSE(may(&b, "192.0.2.1", "k3n7w2px", "it", START, &wait));
    teardown(&b);
}

static void being_right_is_forgotten_after_a_day(void)
{
    bench_t b = setup();
    apr_time_t wait;
    cg_try_t right = of("192.0.2.1", "", "it");
    was_right(&b, &ten, &right, START);
    apr_time_t late = START + 25 * 3600 * SECOND;
    fail(&b, "192.0.2.1", "", 10, late);
    CU_ASSERT_FALSE(may(&b, "192.0.2.1", "", "it", late, &wait));
    teardown(&b);
}

static void no_number_of_successes_counts(void)
{
    bench_t b = setup();
    apr_time_t wait;
    for (int i = 0; i < 1000; i++) {
        cg_try_t right = of("192.0.2.1", "k3n7w2px", apr_itoa(b.pool, i));
        was_right(&b, &ten, &right, START);
    }
    CU_ASSERT_TRUE(may(&b, "192.0.2.1", "k3n7w2px", "new", START, &wait));
    teardown(&b);
}

static void off_is_off_and_nothing_is_nothing(void)
{
    bench_t b = setup();
    cg_kind_ATTEMPTS_t off = {0, 0};
    apr_time_t wait;
    cg_try_t attempt = of("192.0.2.1", "k3n7w2px", "x");
    for (int i = 0; i < 50; i++) {
        CU_ASSERT_TRUE(was_wrong(&b, &off, &attempt, START));
        CU_ASSERT_TRUE(was_wrong(NULL, &ten, &attempt, START));
    }
    CU_ASSERT_TRUE(cg_attempts_may(b.attempts, &off, &attempt, START, &wait));
    CU_ASSERT_TRUE(cg_attempts_may(b.attempts, &ten, &attempt, START, &wait));
    CU_ASSERT_TRUE(cg_attempts_may(NULL, &ten, &attempt, START, &wait));
    CU_ASSERT_TRUE(was_right(NULL, &ten, &attempt, START));
    teardown(&b);
}

static void clock_that_was_set_back_locks_nobody_out(void)
{
    bench_t b = setup();
    apr_time_t wait;
    fail(&b, "192.0.2.1", "", 10, START + 3600 * SECOND);
    CU_ASSERT_TRUE(may(&b, "192.0.2.1", "", "x", START, &wait));
    fail(&b, "192.0.2.1", "", 10, START);
    CU_ASSERT_FALSE(may(&b, "192.0.2.1", "", "x", START, &wait));
    CU_ASSERT(wait <= 60 * SECOND);
    teardown(&b);
}

/* 200,000 addresses that were wrong once do not push out one over its limit. */
static void flood_of_addresses_frees_nobody(void)
{
    bench_t b = setup();
    apr_time_t wait;
    fail(&b, "192.0.2.1", "", 10, START);
    for (int i = 0; i < 200000; i++) {
        fail(
            &b,
            apr_psprintf(b.pool, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255),
            "", 1, START);
    }
    CU_ASSERT_FALSE(may(&b, "192.0.2.1", "", "x", START, &wait));
    teardown(&b);
}

static void only_a_sound_key_names_an_id(void)
{
    cg_try_t none = cg_try_make("192.0.2.1", CG_STR("vk_k3n7w2px_typo"));
    CU_ASSERT_EQUAL(none.id.len, 0);
    CU_ASSERT_EQUAL(none.credential.len, 16);
}

typedef struct crowd_t {
    bench_t *bench;
    pthread_t thread;
} crowd_t;

static void *fail_twice(void *data)
{
    crowd_t *one = data;
    cg_kind_ATTEMPTS_t hundred = {100, 100 * SECOND};
    cg_try_t attempt = of("192.0.2.1", "", "x");
    for (int i = 0; i < 12; i++) {
        was_wrong(one->bench, &hundred, &attempt, START);
    }
    return NULL;
}

/* 96 failures by eight at once are 96: four more have room, and no fifth. */
static void failures_at_the_same_time_are_all_counted(void)
{
    bench_t b = setup();
    crowd_t crowd[8];
    cg_kind_ATTEMPTS_t hundred = {100, 100 * SECOND};
    cg_try_t attempt = of("192.0.2.1", "", "x");
    apr_time_t wait;
    was_wrong(&b, &hundred, &attempt, START);
    for (int i = 0; i < 8; i++) {
        crowd[i].bench = &b;
        pthread_create(&crowd[i].thread, NULL, fail_twice, &crowd[i]);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(crowd[i].thread, NULL);
    }
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(
            cg_attempts_may(b.attempts, &hundred, &attempt, START, &wait));
        was_wrong(&b, &hundred, &attempt, START);
    }
    CU_ASSERT_FALSE(
        cg_attempts_may(b.attempts, &hundred, &attempt, START, &wait));
    teardown(&b);
}

/* Both began before the counter was full; its sender chose how long ago. */
static void late_end_of_an_early_request_finds_no_room(void)
{
    bench_t b = setup();
    apr_time_t wait;
    cg_try_t slow = of("192.0.2.1", "", "slow");
    CU_ASSERT_TRUE(may(&b, "192.0.2.1", "", "slow", START, &wait));
    fail(&b, "192.0.2.1", "", 10, START + 5 * SECOND);
    CU_ASSERT_FALSE(may(&b, "192.0.2.1", "", "slow", START, &wait));
    CU_ASSERT_FALSE(was_wrong(&b, &ten, &slow, START));
    CU_ASSERT_FALSE(may(&b, "192.0.2.1", "", "x", START + 5 * SECOND, &wait));
    teardown(&b);
}

typedef struct guesser_t {
    bench_t *bench;
    pthread_t thread;
    pthread_barrier_t *start;
    const char *id;
    int told; /* how many were told that they were wrong */
} guesser_t;

/* All are let in before the first of them is decided. */
static void *guess(void *data)
{
    guesser_t *one = data;
    cg_try_t attempt = of("192.0.2.1", one->id, "x");
    apr_time_t wait;
    bool is_in =
        cg_attempts_may(one->bench->attempts, &ten, &attempt, START, &wait);
    pthread_barrier_wait(one->start);
    for (int i = 0; is_in && i < 4; i++) {
        one->told += was_wrong(one->bench, &ten, &attempt, START);
    }
    return NULL;
}

static int told_in_all(const char *id)
{
    bench_t b = setup();
    pthread_barrier_t start;
    guesser_t crowd[16];
    int told = 0;
    pthread_barrier_init(&start, NULL, 16);
    for (int i = 0; i < 16; i++) {
        crowd[i] = (guesser_t){.bench = &b, .start = &start, .id = id};
        pthread_create(&crowd[i].thread, NULL, guess, &crowd[i]);
    }
    for (int i = 0; i < 16; i++) {
        pthread_join(crowd[i].thread, NULL);
        told += crowd[i].told;
    }
    pthread_barrier_destroy(&start);
    teardown(&b);
    return told;
}

/* Of a key's id too: who finds the last room of the one may not find it of the
 * other, so there may be fewer, and never more. */
static void guesses_at_the_same_time_are_told_no_more_than_others(void)
{
    for (int round = 0; round < 50; round++) {
        CU_ASSERT_EQUAL(told_in_all(""), 10);
        int told = told_in_all("k3n7w2px");
        CU_ASSERT(told >= 5 && told <= 10);
    }
}

static void right_one_among_too_many_guesses_is_not_told(void)
{
    bench_t b = setup();
    apr_time_t wait;
    cg_try_t right = of("192.0.2.1", "k3n7w2px", "the right one");
    cg_try_t known = of("192.0.2.1", "k3n7w2px", "one that was right before");
    CU_ASSERT_TRUE(was_right(&b, &ten, &known, START));
    CU_ASSERT_TRUE(
        may(&b, "192.0.2.1", "k3n7w2px", "the right one", START, &wait));
    fail(&b, "192.0.2.1", "k3n7w2px", 10, START);
    CU_ASSERT_FALSE(was_right(&b, &ten, &right, START));
    CU_ASSERT_FALSE(
        may(&b, "192.0.2.1", "k3n7w2px", "the right one", START, &wait));
    CU_ASSERT_TRUE(was_right(&b, &ten, &known, START));
    teardown(&b);
}

CU_TestInfo test_auth_attempts[] = {
    {"the eleventh try waits until a part of the window is over",
     eleventh_try_waits_until_a_part_of_the_window_is_over},
    {"failures never wait longer than one window",
     failures_never_wait_longer_than_one_window},
    {"other addresses are not touched", other_addresses_are_not_touched},
    {"the addresses of one IPv6 network are one",
     addresses_of_one_ipv6_network_are_one},
    {"a mapped IPv4 address is the IPv4 address",
     mapped_ipv4_address_is_the_ipv4_address},
    {"a key id is counted from whatever address",
     key_id_is_counted_from_whatever_address},
    {"who was right passes while others are wrong",
     who_was_right_passes_while_others_are_wrong},
    {"what was right and is wrong now counts no longer",
     what_was_right_and_is_wrong_now_counts_no_longer},
    {"being right is forgotten after a day",
     being_right_is_forgotten_after_a_day},
    {"no number of successes counts", no_number_of_successes_counts},
    {"off is off and nothing is nothing", off_is_off_and_nothing_is_nothing},
    {"a clock that was set back locks nobody out",
     clock_that_was_set_back_locks_nobody_out},
    {"a flood of addresses frees nobody", flood_of_addresses_frees_nobody},
    {"only a sound key names an id", only_a_sound_key_names_an_id},
    {"failures at the same time are all counted",
     failures_at_the_same_time_are_all_counted},
    {"the late end of an early request finds no room",
     late_end_of_an_early_request_finds_no_room},
    {"guesses at the same time are told no more than others",
     guesses_at_the_same_time_are_told_no_more_than_others},
    {"the right one among too many guesses is not told",
     right_one_among_too_many_guesses_is_not_told},
    CU_TEST_INFO_NULL,
};
