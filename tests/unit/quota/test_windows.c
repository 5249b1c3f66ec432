/* Windows of all three kinds, judged by the true window.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Random traffic, paced and in bursts, of requests and of tokens that are settled
 * later with less: no closed window of that length may ever hold more than the
 * limit, and most of what an exact count would admit must be admitted.
 */
#include <stdio.h>
#include <stdlib.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "simulation.h"

#define MINUTE (60 * SIM_SECOND)

typedef struct traffic_t {
    const char *limit;
    int asks;
    int64_t gap;  /* mean, microseconds */
    int bursts;   /* one ask in so many starts a burst; 0: none */
    int64_t most; /* cost of one */
    bool is_settled;
    bool dies; /* some are never settled */
} traffic_t;

static int64_t below(int64_t n)
{
    return n > 0 ? ((int64_t)rand() << 31 | rand()) % n : 0;
}

/* Settles what is due; the sweep of the next ask ends what has expired. */
static void settle_due(sim_t *sim, int64_t now, int from)
{
    for (int i = from; i < sim->count; i++) {
        sim_event_t *event = &sim->events[i];
        if (event->is_open && event->settle_at && event->settle_at <= now) {
            event->is_open = false;
            event->real = below(event->cost + 1);
            sim_settle(sim, event->settle_at, event->serial, event->real);
        }
    }
}

static void expire_due(sim_t *sim, int64_t now, int64_t hold_for, int from)
{
    for (int i = from; i < sim->count; i++) {
        sim_event_t *event = &sim->events[i];
        if (event->is_open && !event->settle_at &&
            event->at + hold_for <= now) {
            event->is_open = false;
            event->real = event->least;
        }
    }
}

/* Returns how much of the limit was admitted a window, in the mean. */
static double run(const traffic_t *traffic)
{
    sim_t *sim = sim_open(traffic->limit);
    int64_t window_for = sim->limit.window_for;
    int64_t hold_for = window_for / 3;
    int64_t now = SIM_START;
    int64_t admitted = 0;
    int burst = 0;
    for (int i = 0; i < traffic->asks; i++) {
        int from = sim->count > 600 ? sim->count - 600 : 0;
        burst = burst > 0 ? burst - 1 : 0;
        if (burst == 0 && traffic->bursts && below(traffic->bursts) == 0) {
            burst = 60;
        }
        now += burst ? below(50) : below(2 * traffic->gap);
        settle_due(sim, now, from);
        int64_t cost = 1 + below(traffic->most);
        int64_t least = traffic->dies ? below(cost) : cost;
        sim_answer_t answer = sim_ask(sim, now, cost, least, hold_for);
        expire_due(sim, now, hold_for, from);
        if (!answer.is_admitted) {
            CU_ASSERT(answer.wait_for > 0 || cost > sim->limit.amount);
            continue;
        }
        sim_event_t *event = sim_note(sim, now, cost, least);
        bool is_lost = traffic->dies && below(4) == 0;
        event->settle_at =
            traffic->is_settled && !is_lost ? now + 1 + below(hold_for) : 0;
        admitted += cost;
    }
    int64_t most = sim_most_in(sim, window_for);
    if (most > sim->limit.amount) {
        fprintf(stderr, "%s: %ld in a window\n", traffic->limit, (long)most);
    }
    CU_ASSERT(most <= sim->limit.amount);
    double windows = (double)(now - SIM_START) / (double)window_for;
    double share = (double)admitted / windows / (double)sim->limit.amount;
    sim_close(sim);
    return share;
}

static const char *const kinds[] = {"sliding", "smooth", "exact"};

static void run_kinds(const char *limit, traffic_t traffic)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (int k = 0; k < 3; k++) {
        traffic.limit = apr_pstrcat(pool, limit, " ", kinds[k], NULL);
        run(&traffic);
    }
    apr_pool_destroy(pool);
}

static void windows_of_requests_are_never_passed(void)
{
    srand(3);
    run_kinds("100/60s",
              (traffic_t){.asks = 900, .gap = MINUTE / 150, .most = 1});
    run_kinds(
        "100/60s",
        (traffic_t){.asks = 900, .gap = MINUTE / 60, .bursts = 90, .most = 1});
    run_kinds("7/1s", (traffic_t){.asks = 500,
                                  .gap = SIM_SECOND / 12,
                                  .bursts = 70,
                                  .most = 1});
    run_kinds("1/5s", (traffic_t){.asks = 300, .gap = SIM_SECOND, .most = 1});
    run_kinds("2/5s", (traffic_t){.asks = 300, .gap = SIM_SECOND, .most = 1});
    run_kinds(
        "20/60s",
        (traffic_t){.asks = 500, .gap = SIM_SECOND, .bursts = 50, .most = 1});
    run_kinds("5000/30d", (traffic_t){.asks = 900,
                                      .gap = INT64_C(3600) * SIM_SECOND,
                                      .bursts = 30,
                                      .most = 1});
    run_kinds("300/366d", (traffic_t){.asks = 700,
                                      .gap = INT64_C(86400) * SIM_SECOND,
                                      .most = 1});
}

static void windows_of_tokens_that_are_settled_are_never_passed(void)
{
    srand(5);
    run_kinds("100000tokens/60s", (traffic_t){.asks = 900,
                                              .gap = MINUTE / 60,
                                              .bursts = 100,
                                              .most = 9000,
                                              .is_settled = true});
    run_kinds("1000output_tokens/15min", (traffic_t){.asks = 900,
                                                     .gap = 20 * SIM_SECOND,
                                                     .bursts = 0,
                                                     .most = 1000,
                                                     .is_settled = true});
    run_kinds("5USD/1h", (traffic_t){.asks = 700,
                                     .gap = 60 * SIM_SECOND,
                                     .bursts = 60,
                                     .most = 400000,
                                     .is_settled = true});
}

static void windows_with_holds_that_expire_are_never_passed(void)
{
    srand(11);
    run_kinds("100000tokens/60s", (traffic_t){.asks = 900,
                                              .gap = MINUTE / 60,
                                              .bursts = 80,
                                              .most = 9000,
                                              .is_settled = true,
                                              .dies = true});
    run_kinds("3000tokens/10s", (traffic_t){.asks = 900,
                                            .gap = SIM_SECOND / 5,
                                            .bursts = 0,
                                            .most = 3000,
                                            .is_settled = true,
                                            .dies = true});
}

/* At twice the limit, evenly: an exact count admits the amount a window. */
static void windows_admit_most_of_what_an_exact_count_would(void)
{
    static const double least[] = {0.96, 0.93, 0.985};
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (int k = 0; k < 3; k++) {
        srand(13);
        traffic_t traffic = {.limit =
                                 apr_pstrcat(pool, "100/60s ", kinds[k], NULL),
                             .asks = 4000,
                             .gap = MINUTE / 200,
                             .most = 1};
        double share = run(&traffic);
        if (getenv("CG_TEST_VERBOSE")) {
            printf("\n    %s: %.3f of an exact count\n", kinds[k], share);
        }
        CU_ASSERT(share >= least[k]);
        CU_ASSERT(share <= 1.06);
    }
    apr_pool_destroy(pool);
}

static void smooth_lets_a_twentieth_through_at_once_and_paces_the_rest(void)
{
    sim_t *sim = sim_open("100/60s smooth");
    int64_t at = SIM_START;
    for (int i = 0; i < 5; i++) {
        CU_ASSERT(sim_ask(sim, at, 1, 1, MINUTE).is_admitted);
    }
    sim_answer_t answer = sim_ask(sim, at, 1, 1, MINUTE);
    CU_ASSERT_FALSE(answer.is_admitted);
    CU_ASSERT_EQUAL(answer.remaining, 0);
    CU_ASSERT(answer.wait_for > 0 && answer.wait_for < SIM_SECOND);
    CU_ASSERT_FALSE(
        sim_ask(sim, at + answer.wait_for - 1, 1, 1, MINUTE).is_admitted);
    CU_ASSERT(sim_ask(sim, at + answer.wait_for, 1, 1, MINUTE).is_admitted);
    sim_close(sim);
}

static void smooth_lets_a_large_request_pass_after_a_pause_as_long(void)
{
    sim_t *sim = sim_open("1000tokens/60s smooth");
    CU_ASSERT(sim_ask(sim, SIM_START, 1000, 0, MINUTE).is_admitted);
    CU_ASSERT_FALSE(
        sim_ask(sim, SIM_START + MINUTE, 500, 0, MINUTE).is_admitted);
    sim_answer_t answer = sim_ask(sim, SIM_START + MINUTE, 500, 0, MINUTE);
    CU_ASSERT(answer.wait_for > 20 * SIM_SECOND &&
              answer.wait_for < 40 * SIM_SECOND);
    CU_ASSERT(sim_ask(sim, SIM_START + MINUTE + answer.wait_for, 500, 0, MINUTE)
                  .is_admitted);
    answer = sim_ask(sim, SIM_START + 5 * MINUTE, 1001, 0, MINUTE);
    CU_ASSERT_FALSE(answer.is_admitted);
    CU_ASSERT_EQUAL(answer.wait_for, 0);
    sim_close(sim);
}

static void exact_tells_the_microsecond_of_its_room(void)
{
    sim_t *sim = sim_open("3/60s exact");
    for (int i = 0; i < 3; i++) {
        CU_ASSERT(
            sim_ask(sim, SIM_START + i * SIM_SECOND, 1, 1, MINUTE).is_admitted);
    }
    int64_t at = SIM_START + 10 * SIM_SECOND;
    sim_answer_t answer = sim_ask(sim, at, 1, 1, MINUTE);
    CU_ASSERT_FALSE(answer.is_admitted);
    CU_ASSERT_EQUAL(answer.wait_for, 50 * SIM_SECOND + 1);
    CU_ASSERT_FALSE(
        sim_ask(sim, at + 50 * SIM_SECOND, 1, 1, MINUTE).is_admitted);
    CU_ASSERT(sim_ask(sim, at + 50 * SIM_SECOND + 1, 1, 1, MINUTE).is_admitted);
    sim_close(sim);
}

static void exact_stays_bounded_and_strict_beyond_its_log(void)
{
    sim_t *sim = sim_open("3000/60s exact");
    int64_t at = SIM_START;
    for (int i = 0; i < 9000; i++) {
        at += below(2 * MINUTE / 6000);
        if (sim_ask(sim, at, 1, 1, MINUTE).is_admitted) {
            sim_note(sim, at, 1, 1);
        }
    }
    CU_ASSERT(sim_most_in(sim, MINUTE) <= 3000);
    CU_ASSERT(sim->count > 4000);
    cg_reply_t size =
        redis_fixture_call(sim->store, sim->pool, "STRLEN",
                           "cg:{cg}:window:key:requests:60000-exact:sim", NULL);
    CU_ASSERT(size.number > 500 && size.number < 14 * 1025 + 15);
    sim_close(sim);
}

static void windows_stay_strict_when_the_clock_is_set_back(void)
{
    static const char *const limits[] = {"10/60s", "10/60s smooth",
                                         "10/60s exact"};
    for (int k = 0; k < 3; k++) {
        sim_t *sim = sim_open(limits[k]);
        int admitted = 0;
        int64_t at = SIM_START;
        for (int i = 0; i < 40; i++) {
            admitted +=
                sim_ask(sim, at + i * SIM_SECOND, 1, 1, MINUTE).is_admitted;
        }
        CU_ASSERT(admitted >= 7 && admitted <= 10);
        at = SIM_START - 3600 * SIM_SECOND;
        for (int i = 0; i < 15; i++) {
            admitted +=
                sim_ask(sim, at + i * SIM_SECOND, 1, 1, MINUTE).is_admitted;
        }
        CU_ASSERT(admitted <= 10);
        sim_close(sim);
    }
}

CU_TestInfo test_quota_windows[] = {
    {"windows_of_requests_are_never_passed",
     windows_of_requests_are_never_passed},
    {"windows_of_tokens_that_are_settled_are_never_passed",
     windows_of_tokens_that_are_settled_are_never_passed},
    {"windows_with_holds_that_expire_are_never_passed",
     windows_with_holds_that_expire_are_never_passed},
    {"windows_admit_most_of_what_an_exact_count_would",
     windows_admit_most_of_what_an_exact_count_would},
    {"smooth_lets_a_twentieth_through_at_once_and_paces_the_rest",
     smooth_lets_a_twentieth_through_at_once_and_paces_the_rest},
    {"smooth_lets_a_large_request_pass_after_a_pause_as_long",
     smooth_lets_a_large_request_pass_after_a_pause_as_long},
    {"exact_tells_the_microsecond_of_its_room",
     exact_tells_the_microsecond_of_its_room},
    {"exact_stays_bounded_and_strict_beyond_its_log",
     exact_stays_bounded_and_strict_beyond_its_log},
    {"windows_stay_strict_when_the_clock_is_set_back",
     windows_stay_strict_when_the_clock_is_set_back},
    CU_TEST_INFO_NULL,
};
