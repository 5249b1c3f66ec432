/* The ring in Lua, on a clock of the test's own: is it ever passed?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The scripts run in a real Redis, but their clock is the last argument. So
 * hours pass in a moment, and each admission's exact time is known: a plain
 * list of them is the judge.
 */
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "quota/plan.h"
#include "quota/scripts.h"
#include "redis_fixture.h"

#define SECOND INT64_C(1000000)
#define START INT64_C(1764024511042017)
#define EVENTS_MAX 6000

typedef struct simulation_t {
    apr_pool_t *pool;
    apr_pool_t *scratch;
    cg_store_t *store;
    cg_script_t admit;
    cg_limit_t limit;
    int64_t times[EVENTS_MAX];
    int64_t costs[EVENTS_MAX];
    int count;
    int serial;
} simulation_t;

static const char *with_clock(const char *lua, apr_pool_t *pool)
{
    static const char clock_line[] = "local time = call('TIME')\n"
                                     "return time[1] * 1000000 + time[2]\n";
    const char *at = strstr(lua, clock_line);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    return apr_pstrcat(pool, apr_pstrmemdup(pool, lua, (size_t)(at - lua)),
                       "return tonumber(string.match(KEYS[1], '@(%d+)$'))\n",
                       at + sizeof clock_line - 1, NULL);
}

static void simulation_start(simulation_t *sim, int64_t amount,
                             int64_t window_for)
{
    memset(sim, 0, sizeof *sim);
    apr_pool_create(&sim->pool, NULL);
    apr_pool_create(&sim->scratch, sim->pool);
    sim->store = redis_fixture_store(redis_fixture_shared(), sim->pool);
    cg_scripts_t scripts;
    cg_scripts_init(&scripts, sim->pool);
    cg_script_init(&sim->admit, "admit",
                   with_clock(scripts.admit.source, sim->pool));
    sim->limit = (cg_limit_t){.dimension = CG_DIMENSION_KEY,
                              .quantity = CG_QUANTITY_REQUESTS,
                              .amount = amount,
                              .window_for = window_for};
}

static void simulation_stop(simulation_t *sim)
{
    apr_pool_destroy(sim->pool);
}

/* Asks at a moment; out gets verdict, bound, wait, remaining, held, reset. */
static bool ask(simulation_t *sim, int64_t at, int64_t cost, int64_t out[6])
{
    cg_plan_t plan;
    cg_reply_t reply;
    cg_error_t err = {.text = ""};
    cg_quota_ask_t quota_ask = {
        .limit = &sim->limit, .subject = CG_STR("sim"), .cost = cost};
    apr_pool_clear(sim->scratch);
    unsigned char packed[CG_PLAN_ASK_BYTES];
    cg_plan_make(&plan, CG_STR(""), &quota_ask, 1, at, NULL, sim->scratch);
    cg_plan_pack_counter(packed, &plan.counters[0]);
    cg_str_t keys[] = {
        cg_str(apr_psprintf(sim->scratch, "cg:{cg}:hold:%d@%" APR_INT64_T_FMT,
                            sim->serial++, at)),
        plan.counters[0].key, CG_STR("cg:{cg}:holds")};
    cg_str_t args[] = {{(const char *)packed, sizeof packed},
                       CG_STR("1000000"), CG_STR("1000000")};
    apr_status_t rv = cg_store_script(sim->store, &sim->admit, keys, 3, args, 3,
                                      &reply, &err, sim->scratch);
    if (rv != APR_SUCCESS || reply.kind != CG_REPLY_ARRAY) {
        CU_FAIL_FATAL("the script fails");
    }
    for (size_t i = 0; i < 6 && i < reply.count; i++) {
        out[i] = reply.items[i].number;
    }
    return out[0] == 1;
}

/* What was admitted in [at - span, at]. */
static int64_t admitted_since(const simulation_t *sim, int64_t at, int64_t span)
{
    int64_t sum = 0;
    for (int i = sim->count - 1; i >= 0 && sim->times[i] >= at - span; i--) {
        sum += sim->costs[i];
    }
    return sum;
}

/* One ask, judged: never above the limit in the true window; never refused when
 * even 60 parts of the window held little enough. */
static void ask_and_judge(simulation_t *sim, int64_t at, int64_t cost)
{
    int64_t out[6];
    int64_t window_for = sim->limit.window_for;
    int64_t parts_60 = (window_for + 58) / 59 * 60;
    int64_t in_window = admitted_since(sim, at, window_for);
    int64_t in_60_parts = admitted_since(sim, at, parts_60);
    if (ask(sim, at, cost, out)) {
        CU_ASSERT(in_window + cost <= sim->limit.amount);
        CU_ASSERT(out[3] <= sim->limit.amount - in_window - cost);
        sim->times[sim->count] = at;
        sim->costs[sim->count++] = cost;
        return;
    }
    CU_ASSERT(in_60_parts + cost > sim->limit.amount);
    CU_ASSERT(out[2] >= 0);
}

static void run_random(int64_t amount, int64_t window_for, int64_t most_step,
                       int64_t most_cost, int64_t start, int events)
{
    simulation_t *sim = calloc(1, sizeof *sim);
    simulation_start(sim, amount, window_for);
    int64_t at = start;
    for (int i = 0; i < events; i++) {
        bool is_pause = rand() % 200 == 0;
        at += is_pause ? window_for * (rand() % 3) / 2
                       : 1 + (int64_t)rand() % most_step;
        ask_and_judge(sim, at, 1 + (int64_t)rand() % most_cost);
    }
    CU_ASSERT(sim->count > 0);
    simulation_stop(sim);
    free(sim);
}

static void ring_is_never_passed_in_any_true_window(void)
{
    srand(7);
    run_random(100, 60 * SECOND, SECOND, 1, START, 3000);
    run_random(100, 60 * SECOND, 20000, 1, START, 1500);
    run_random(1000, 60 * SECOND, SECOND / 2, 90, START, 2000);
    run_random(3, SECOND, SECOND / 4, 1, START, 1000);
    run_random(500, 900 * SECOND, 30 * SECOND, 40, START, 2000);
    run_random(7, INT64_C(31) * 86400 * SECOND, INT64_C(86400) * SECOND, 1,
               START, 500);
}

static void ring_survives_the_turn_of_its_16_bit_stamps(void)
{
    srand(11);
    int64_t part = (60 * SECOND + 58) / 59;
    int64_t index = (START / part / 65536 + 1) * 65536 - 30;
    run_random(100, 60 * SECOND, SECOND, 1, index * part, 1000);
}

static void ring_refuses_a_late_burst_after_an_early_one(void)
{
    /* The pattern that lets the usual two-bucket counter admit 199 of 100. */
    simulation_t *sim = calloc(1, sizeof *sim);
    int64_t out[6];
    int admitted = 0;
    simulation_start(sim, 100, 60 * SECOND);
    for (int i = 0; i < 100; i++) {
        admitted += ask(sim, START + 59 * SECOND, 1, out);
    }
    for (int i = 0; i < 100; i++) {
        admitted += ask(sim, START + 61 * SECOND + i, 1, out);
    }
    CU_ASSERT_EQUAL(admitted, 100);
    simulation_stop(sim);
    free(sim);
}

static void ring_tells_when_it_has_room_again(void)
{
    simulation_t *sim = calloc(1, sizeof *sim);
    int64_t out[6];
    simulation_start(sim, 10, 60 * SECOND);
    for (int i = 0; i < 10; i++) {
        CU_ASSERT(ask(sim, START + i * SECOND, 1, out));
    }
    int64_t at = START + 20 * SECOND;
    CU_ASSERT_FALSE(ask(sim, at, 1, out));
    CU_ASSERT(out[2] > 39 * SECOND && out[2] < 42 * SECOND);
    CU_ASSERT_FALSE(ask(sim, at + out[2] - 1, 1, out));
    CU_ASSERT_EQUAL(out[2], 1);
    CU_ASSERT(ask(sim, at + 42 * SECOND, 1, out));
    CU_ASSERT_FALSE(ask(sim, at + 42 * SECOND, 11, out));
    CU_ASSERT_EQUAL(out[2], 0);
    simulation_stop(sim);
    free(sim);
}

static void ring_says_the_truth_about_its_reset(void)
{
    simulation_t *sim = calloc(1, sizeof *sim);
    int64_t out[6];
    simulation_start(sim, 10, 60 * SECOND);
    CU_ASSERT(ask(sim, START, 4, out));
    CU_ASSERT_EQUAL(out[3], 6);
    CU_ASSERT(out[5] >= 60 * SECOND && out[5] < 62 * SECOND);
    CU_ASSERT(ask(sim, START + out[5], 10, out));
    CU_ASSERT_EQUAL(out[3], 0);
    simulation_stop(sim);
    free(sim);
}

static void ring_stays_strict_when_the_clock_is_set_back(void)
{
    simulation_t *sim = calloc(1, sizeof *sim);
    int64_t out[6];
    simulation_start(sim, 10, 60 * SECOND);
    for (int i = 0; i < 10; i++) {
        CU_ASSERT(ask(sim, START + i, 1, out));
    }
    int64_t back = START - 3600 * SECOND;
    CU_ASSERT_FALSE(ask(sim, back, 1, out));
    CU_ASSERT_FALSE(ask(sim, back + 30 * SECOND, 1, out));
    CU_ASSERT_FALSE(ask(sim, back - 10 * SECOND, 1, out));
    simulation_stop(sim);
    free(sim);
}

static void ring_heals_within_a_window_after_the_clock_was_set_back(void)
{
    simulation_t *sim = calloc(1, sizeof *sim);
    int64_t out[6];
    simulation_start(sim, 10, 60 * SECOND);
    for (int i = 0; i < 9; i++) {
        CU_ASSERT(ask(sim, START + i, 1, out));
    }
    int64_t back = START - 3600 * SECOND;
    CU_ASSERT(ask(sim, back, 1, out));
    CU_ASSERT_FALSE(ask(sim, back + 59 * SECOND, 1, out));
    CU_ASSERT(ask(sim, back + 62 * SECOND, 10, out));
    simulation_stop(sim);
    free(sim);
}

static void ring_loses_little_of_what_an_exact_log_would_admit(void)
{
    /* At twice the limit, evenly: an exact log admits `amount` per window. */
    simulation_t *sim = calloc(1, sizeof *sim);
    int64_t out[6];
    int admitted = 0;
    simulation_start(sim, 100, 60 * SECOND);
    for (int i = 0; i < 2000; i++) {
        admitted += ask(sim, START + i * (60 * SECOND / 200), 1, out);
    }
    CU_ASSERT(admitted >= 970);
    CU_ASSERT(admitted <= 1100);
    simulation_stop(sim);
    free(sim);
}

CU_TestInfo test_quota_ring[] = {
    {"ring_is_never_passed_in_any_true_window",
     ring_is_never_passed_in_any_true_window},
    {"ring_survives_the_turn_of_its_16_bit_stamps",
     ring_survives_the_turn_of_its_16_bit_stamps},
    {"ring_refuses_a_late_burst_after_an_early_one",
     ring_refuses_a_late_burst_after_an_early_one},
    {"ring_tells_when_it_has_room_again", ring_tells_when_it_has_room_again},
    {"ring_says_the_truth_about_its_reset",
     ring_says_the_truth_about_its_reset},
    {"ring_stays_strict_when_the_clock_is_set_back",
     ring_stays_strict_when_the_clock_is_set_back},
    {"ring_heals_within_a_window_after_the_clock_was_set_back",
     ring_heals_within_a_window_after_the_clock_was_set_back},
    {"ring_loses_little_of_what_an_exact_log_would_admit",
     ring_loses_little_of_what_an_exact_log_would_admit},
    CU_TEST_INFO_NULL,
};
