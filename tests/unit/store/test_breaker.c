/* The breaker: tests, on a clock of their own.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>

#include <CUnit/CUnit.h>

#include "base/share.h"
#include "store/breaker.h"

#define MS APR_TIME_C(1000)

static void breaker_opens_after_three_failures_within_a_second(void)
{
    cg_breaker_t b = {0};
    CU_ASSERT(cg_breaker_may_try(&b, 1));
    cg_breaker_failed(&b, 1 * MS);
    cg_breaker_failed(&b, 500 * MS);
    CU_ASSERT_FALSE(cg_breaker_is_open(&b));
    cg_breaker_failed(&b, 900 * MS);
    CU_ASSERT(cg_breaker_is_open(&b));
    CU_ASSERT_EQUAL(b.opened_total, 1);
    CU_ASSERT_FALSE(cg_breaker_may_try(&b, 901 * MS));
}

static void breaker_stays_closed_when_failures_are_far_apart(void)
{
    cg_breaker_t b = {0};
    for (int i = 1; i < 20; i++) {
        cg_breaker_failed(&b, i * 600 * MS);
    }
    CU_ASSERT_FALSE(cg_breaker_is_open(&b));
}

static void breaker_forgets_failures_after_a_success(void)
{
    cg_breaker_t b = {0};
    for (int i = 1; i < 20; i++) {
        cg_breaker_failed(&b, i * MS);
        cg_breaker_failed(&b, i * MS);
        cg_breaker_succeeded(&b);
    }
    CU_ASSERT_FALSE(cg_breaker_is_open(&b));
}

static void open_now(cg_breaker_t *b, apr_time_t at)
{
    for (int i = 0; i < 3; i++) {
        cg_breaker_failed(b, at);
    }
}

static void breaker_probes_sooner_at_first_and_never_twice_at_once(void)
{
    cg_breaker_t b = {0};
    apr_time_t at[64];
    int probes = 0;
    open_now(&b, 1000 * MS);
    for (int t = 1000; t < 11000; t++) {
        for (int caller = 0; caller < 10; caller++) {
            if (cg_breaker_may_try(&b, t * MS) && probes < 64) {
                at[probes++] = t;
            }
        }
    }
    CU_ASSERT(probes >= 15 && probes <= 28);
    CU_ASSERT(at[0] - 1000 >= 93 && at[0] - 1000 <= 158);
    CU_ASSERT(at[1] - at[0] >= 187 && at[1] - at[0] <= 314);
    for (int i = 2; i < probes; i++) {
        CU_ASSERT(at[i] - at[i - 1] >= 375 && at[i] - at[i - 1] <= 626);
    }
    CU_ASSERT(cg_breaker_is_open(&b));
}

static void breakers_of_many_servers_do_not_probe_in_step(void)
{
    bool is_met[600] = {false};
    int moments = 0;
    for (int server = 0; server < 100; server++) {
        cg_breaker_t b = {0};
        apr_time_t opened = 5000 * MS + server * 7;
        int t = 0;
        open_now(&b, opened);
        while (t < 599 && !cg_breaker_may_try(&b, opened + t * MS)) {
            t++;
        }
        moments += !is_met[t];
        is_met[t] = true;
    }
    CU_ASSERT(moments >= 30);
}

static void breaker_closes_when_the_probe_succeeds(void)
{
    cg_breaker_t b = {0};
    open_now(&b, 1000 * MS);
    CU_ASSERT(cg_breaker_may_try(&b, 1300 * MS));
    cg_breaker_succeeded(&b);
    CU_ASSERT_FALSE(cg_breaker_is_open(&b));
    cg_breaker_failed(&b, 1301 * MS);
    CU_ASSERT_FALSE(cg_breaker_is_open(&b));
}

static cg_breaker_t contested;
static volatile int64_t winners;

static void *contend(void *unused)
{
    (void)unused;
    for (int t = 0; t < 5000; t++) {
        if (cg_breaker_may_try(&contested, (2000 + t) * MS)) {
            cg_atomic_add(&winners, 1);
        }
    }
    return NULL;
}

static void breaker_has_one_probe_also_among_many_threads(void)
{
    pthread_t threads[8];
    open_now(&contested, 1000 * MS);
    winners = 0;
    for (int i = 0; i < 8; i++) {
        pthread_create(&threads[i], NULL, contend, NULL);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    /* Threads run through the same five seconds at different paces; whoever is
     * behind never gets a probe that another had. */
    CU_ASSERT(winners >= 8);
    CU_ASSERT(winners <= 15);
}

CU_TestInfo test_store_breaker[] = {
    {"breaker_opens_after_three_failures_within_a_second",
     breaker_opens_after_three_failures_within_a_second},
    {"breaker_stays_closed_when_failures_are_far_apart",
     breaker_stays_closed_when_failures_are_far_apart},
    {"breaker_forgets_failures_after_a_success",
     breaker_forgets_failures_after_a_success},
    {"breaker_probes_sooner_at_first_and_never_twice_at_once",
     breaker_probes_sooner_at_first_and_never_twice_at_once},
    {"breakers_of_many_servers_do_not_probe_in_step",
     breakers_of_many_servers_do_not_probe_in_step},
    {"breaker_closes_when_the_probe_succeeds",
     breaker_closes_when_the_probe_succeeds},
    {"breaker_has_one_probe_also_among_many_threads",
     breaker_has_one_probe_also_among_many_threads},
    CU_TEST_INFO_NULL,
};
