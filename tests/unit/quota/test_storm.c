/* A storm: 64 threads in 8 processes against one budget and several windows.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each admission holds a worst case, "calls a model", then settles, releases,
 * settles twice, or dies without a word. What the processes settled is added up
 * in shared memory, beside the gateway: the store must come to the same sum,
 * must never stand above the limit on the way, and must hold nothing at the
 * end.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/share.h"
#include "quota/quota.h"
#include "redis_fixture.h"

#define SECOND APR_TIME_C(1000000)
#define PROCESSES 8
#define THREADS 8
#define BUDGET INT64_C(20000000)
#define COST_MAX 1000
#define AT_ONCE 60 /* of 64 */
#define FLOOR 17
#define HOLD_FOR (30 * SECOND)
#define SHORT_FOR 1000

/* lives in: memory all processes share */
typedef struct tally_t {
    volatile int64_t asked, admitted, refused, away;
    volatile int64_t spent; /* what settles and floors must come to */
    volatile int64_t under_way, most_under_way; /* of those that are settled */
    volatile int64_t passed; /* served above the soft limit */
    volatile int64_t cpu_micros;
} tally_t;

typedef struct storm_t {
    redis_fixture_t redis;
    apr_pool_t *pool;
    tally_t *tally;
    void *shared;
    cg_store_t *store; /* the watcher's, patient */
    cg_quota_t *quota;
    pid_t pids[PROCESSES];
    int64_t admissions;
    apr_time_t hold_for;
    bool is_rough; /* the store goes away: time-outs of production */
} storm_t;

typedef struct worker_t {
    const storm_t *storm;
    cg_quota_t *quota;
    int number;
} worker_t;

static const cg_limit_t limits[] = {
    {.dimension = CG_DIMENSION_KEY,
     .quantity = CG_QUANTITY_REQUESTS,
     .amount = 10000000,
     .window_for = 3600 * SECOND},
    {.dimension = CG_DIMENSION_USER,
     .quantity = CG_QUANTITY_REQUESTS,
     .amount = 10000000,
     .window_for = 3600 * SECOND},
    {.dimension = CG_DIMENSION_ADDRESS,
     .quantity = CG_QUANTITY_REQUESTS,
     .amount = 10000000,
     .window_for = 900 * SECOND},
    {.dimension = CG_DIMENSION_KEY,
     .quantity = CG_QUANTITY_TOKENS,
     .amount = INT64_C(100000000000),
     .window_for = 3600 * SECOND},
    {.dimension = CG_DIMENSION_TEAM,
     .quantity = CG_QUANTITY_TOKENS,
     .amount = INT64_C(100000000000),
     .window_for = 3600 * SECOND},
    {.dimension = CG_DIMENSION_MODEL,
     .quantity = CG_QUANTITY_REQUESTS,
     .amount = 10000000,
     .window_for = 3600 * SECOND},
    {.dimension = CG_DIMENSION_KEY,
     .quantity = CG_QUANTITY_MICROS,
     .amount = BUDGET,
     .window_for = CG_WINDOW_MONTH},
    {.dimension = CG_DIMENSION_TEAM,
     .quantity = CG_QUANTITY_MICROS,
     .amount = 2 * BUDGET,
     .window_for = CG_WINDOW_MONTH},
    {.dimension = CG_DIMENSION_USER,
     .quantity = CG_QUANTITY_MICROS,
     .amount = 3 * BUDGET,
     .window_for = CG_WINDOW_MONTH},
    {.dimension = CG_DIMENSION_TEAM,
     .with = 1 + CG_DIMENSION_MODEL,
     .quantity = CG_QUANTITY_OUTPUT_TOKENS,
     .amount = 2 * BUDGET,
     .window_for = CG_WINDOW_YEAR},
    {.dimension = CG_DIMENSION_KEY,
     .quantity = CG_QUANTITY_CONCURRENT,
     .amount = AT_ONCE,
     .window_for = CG_WINDOW_NONE},
    {.dimension = CG_DIMENSION_ORGANIZATION,
     .quantity = CG_QUANTITY_REQUESTS,
     .is_leased = true,
     .amount = 10000000,
     .window_for = 3600 * SECOND},
    {.dimension = CG_DIMENSION_ENDPOINT,
     .quantity = CG_QUANTITY_TOKENS,
     .is_leased = true,
     .amount = 2 * BUDGET,
     .window_for = CG_WINDOW_WEEK},
    {.dimension = CG_DIMENSION_VHOST,
     .quantity = CG_QUANTITY_TOKENS,
     .algorithm = CG_ALGORITHM_SMOOTH,
     .amount = INT64_C(100000000000),
     .window_for = 3600 * SECOND},
    {.dimension = CG_DIMENSION_ADDRESS,
     .quantity = CG_QUANTITY_OUTPUT_TOKENS,
     .algorithm = CG_ALGORITHM_EXACT,
     .amount = INT64_C(100000000000),
     .window_for = 3600 * SECOND},
    {.dimension = CG_DIMENSION_VHOST,
     .quantity = CG_QUANTITY_MICROS,
     .is_soft = true,
     .amount = BUDGET / 2,
     .window_for = CG_WINDOW_DAY},
};
#define LIMITS (sizeof limits / sizeof limits[0])
enum { PAIR = 9, CONCURRENT, LEASED, LEASED_TOKENS, SMOOTH, EXACT, SOFT };

static cg_quota_grant_t admit(worker_t *worker, const char *id, int64_t cost,
                              apr_time_t hold_for, apr_pool_t *pool)
{
    cg_quota_ask_t asks[LIMITS];
    cg_quota_grant_t grant;
    cg_error_t err = {.text = ""};
    for (size_t i = 0; i < LIMITS; i++) {
        bool is_count = limits[i].quantity == CG_QUANTITY_REQUESTS ||
                        limits[i].quantity == CG_QUANTITY_CONCURRENT;
        asks[i] = (cg_quota_ask_t){
            &limits[i], CG_STR("storm"), is_count ? 1 : cost, FLOOR, {"", 0}};
    }
    cg_quota_admit(worker->quota, id, asks, LIMITS, hold_for, cg_clock_now(),
                   &grant, &err, pool);
    return grant;
}

/* Sends the bill until it is taken, as the background thread does. */
static void settle(worker_t *worker, const char *id, int64_t used,
                   bool is_released, apr_pool_t *pool)
{
    cg_quota_bill_t bill = {id, 0, used, used, is_released};
    for (int i = 0; i < 4000; i++) {
        if (cg_quota_settle(worker->quota, &bill, 1, NULL, pool) ==
            APR_SUCCESS) {
            return;
        }
        usleep(5000);
    }
}

static void enter(tally_t *tally)
{
    int64_t now = cg_atomic_add(&tally->under_way, 1);
    int64_t most = cg_atomic_get(&tally->most_under_way);
    while (now > most &&
           !cg_atomic_swap_if(&tally->most_under_way, most, now)) {
        most = cg_atomic_get(&tally->most_under_way);
    }
}

/* One request, start to end; fate says how it ends. */
static void live(worker_t *worker, int serial, unsigned *seed, apr_pool_t *pool)
{
    tally_t *tally = worker->storm->tally;
    int fate = rand_r(seed) % 20;
    int64_t cost = 100 + rand_r(seed) % (COST_MAX - 99);
    int64_t used = rand_r(seed) % COST_MAX;
    const char *id = apr_psprintf(pool, "%d-%d", worker->number, serial);
    cg_quota_grant_t grant =
        admit(worker, id, cost, fate == 0 ? SHORT_FOR : worker->storm->hold_for,
              pool);
    for (int i = 0;
         grant.refused_by == CONCURRENT && !grant.is_store_down && i < 1000;
         i++) {
        usleep(500);
        id = apr_psprintf(pool, "%d-%d-%d", worker->number, serial, i);
        grant = admit(worker, id, cost,
                      fate == 0 ? SHORT_FOR : worker->storm->hold_for, pool);
    }
    if (grant.is_store_down) {
        cg_atomic_add(&tally->away, 1);
        usleep(20000);
        return;
    }
    if (!grant.is_admitted) {
        cg_atomic_add(&tally->refused, 1);
        return;
    }
    cg_atomic_add(&tally->admitted, 1);
    cg_atomic_add(&tally->passed, grant.passed == 1u << SOFT);
    if (fate == 0) {
        cg_atomic_add(&tally->spent, FLOOR);
        return;
    }
    enter(tally);
    usleep(fate == 3 ? 2000 : 0);
    cg_atomic_add(&tally->under_way, -1);
    if (fate == 1) {
        settle(worker, id, used, true, pool);
        return;
    }
    cg_atomic_add(&tally->spent, used < cost ? used : cost);
    settle(worker, id, used, false, pool);
    if (fate == 2) {
        settle(worker, id, used, false, pool);
    }
}

static void *work(void *baton)
{
    worker_t *worker = baton;
    apr_pool_t *pool, *scratch;
    unsigned seed = (unsigned)worker->number;
    apr_pool_create(&pool, NULL);
    apr_pool_create(&scratch, pool);
    for (int i = 0; cg_atomic_add(&worker->storm->tally->asked, 1) <=
                    worker->storm->admissions;
         i++) {
        live(worker, i, &seed, scratch);
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(pool);
    return NULL;
}

static void run_process(const storm_t *storm, int number)
{
    apr_pool_t *pool;
    pthread_t threads[THREADS];
    worker_t workers[THREADS];
    struct rusage use;
    apr_pool_create(&pool, NULL);
    cg_store_t *store = storm->is_rough
                            ? redis_fixture_quick_store(&storm->redis, pool)
                            : redis_fixture_store(&storm->redis, pool);
    cg_quota_t *quota = cg_quota_open(store, storm->shared, pool);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker_t){storm, quota, number * THREADS + i};
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    getrusage(RUSAGE_SELF, &use);
    cg_atomic_add(&storm->tally->cpu_micros,
                  (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 +
                      use.ru_utime.tv_usec + use.ru_stime.tv_usec);
    _exit(0);
}

static void storm_begin(storm_t *storm)
{
    apr_pool_create(&storm->pool, NULL);
    redis_fixture_start(&storm->redis, storm->is_rough);
    storm->tally = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    storm->shared = mmap(NULL, cg_quota_shared_bytes(), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < PROCESSES; i++) {
        storm->pids[i] = fork();
        if (storm->pids[i] == 0) {
            run_process(storm, i);
        }
    }
    storm->store = redis_fixture_store(&storm->redis, storm->pool);
    storm->quota = cg_quota_open(storm->store, storm->shared, storm->pool);
}

static void storm_end(storm_t *storm)
{
    munmap(storm->shared, cg_quota_shared_bytes());
    munmap(storm->tally, 4096);
    redis_fixture_stop(&storm->redis);
    apr_pool_destroy(storm->pool);
}

/* spent and held of the tightest budget, read beside the gateway. */
static void read_budget(cg_store_t *store, apr_pool_t *pool, int64_t out[2])
{
    char month[8];
    cg_clock_month(cg_clock_now(), month);
    const char *key =
        apr_pstrcat(pool, "cg:{cg}:budget:key:micros:", month, ":storm", NULL);
    cg_reply_t reply = redis_fixture_call(store, pool, "GET", key, NULL);
    out[0] = out[1] = 0;
    if (reply.text.len != 14) {
        return;
    }
    for (int i = 6; i >= 0; i--) {
        out[0] = out[0] << 8 | (unsigned char)reply.text.ptr[i];
        out[1] = out[1] << 8 | (unsigned char)reply.text.ptr[7 + i];
    }
}

/* Watches the budget until all have ended; returns the most it stood at. */
static int64_t watch(const storm_t *storm)
{
    int64_t most = 0, seen[2];
    apr_pool_t *scratch;
    apr_pool_create(&scratch, storm->pool);
    for (int ended = 0; ended < PROCESSES;) {
        if (waitpid(storm->pids[ended], NULL, WNOHANG) != 0) {
            ended++;
            continue;
        }
        read_budget(storm->store, scratch, seen);
        most = seen[0] + seen[1] > most ? seen[0] + seen[1] : most;
        apr_pool_clear(scratch);
        usleep(2000);
    }
    return most;
}

/* Lets every hold that has expired be swept, and every slice be reported. */
static void sweep(const storm_t *storm)
{
    for (int i = 0; i < 1000; i++) {
        cg_quota_settle(storm->quota, NULL, 0, NULL, storm->pool);
    }
    CU_ASSERT_EQUAL(cg_quota_return_slices(storm->quota, NULL, storm->pool),
                    APR_SUCCESS);
}

static int64_t use_of(const storm_t *storm, const cg_limit_t *limit)
{
    cg_quota_ask_t ask = {limit, CG_STR("storm"), 0, 0, {"", 0}};
    cg_quota_left_t left = {0};
    CU_ASSERT_EQUAL(cg_quota_usage(storm->quota, &ask, 1, cg_clock_now(), &left,
                                   NULL, storm->pool),
                    APR_SUCCESS);
    return left.limit - left.remaining;
}

static int64_t held_of(const storm_t *storm, const cg_limit_t *limit)
{
    cg_quota_ask_t ask = {limit, CG_STR("storm"), 0, 0, {"", 0}};
    cg_quota_left_t left = {0};
    cg_quota_usage(storm->quota, &ask, 1, cg_clock_now(), &left, NULL,
                   storm->pool);
    return left.held;
}

/* Every counter of the storm comes to what the processes know they used. */
static void judge_books(const storm_t *storm)
{
    const tally_t *tally = storm->tally;
    static const int of_tokens[] = {3, 4, 6, 7, 8, PAIR, LEASED_TOKENS, EXACT};
    static const int of_requests[] = {0, 1, 5, LEASED};
    for (size_t i = 0; i < sizeof of_tokens / sizeof of_tokens[0]; i++) {
        int64_t used = use_of(storm, &limits[of_tokens[i]]);
        if (used != tally->spent) {
            fprintf(stderr, "limit %d: %ld used, %ld spent\n", of_tokens[i],
                    (long)used, (long)tally->spent);
        }
        CU_ASSERT_EQUAL(used, tally->spent);
    }
    for (size_t i = 0; i < sizeof of_requests / sizeof of_requests[0]; i++) {
        CU_ASSERT_EQUAL(use_of(storm, &limits[of_requests[i]]),
                        tally->admitted);
    }
    for (size_t i = 0; i < LIMITS; i++) {
        int64_t held = held_of(storm, &limits[i]);
        if (held) {
            fprintf(stderr, "limit %d: %ld held\n", (int)i, (long)held);
        }
        CU_ASSERT_EQUAL(held, 0);
    }
    CU_ASSERT_EQUAL(use_of(storm, &limits[CONCURRENT]), 0);
    CU_ASSERT(tally->most_under_way <= AT_ONCE);
}

static int64_t holds_of(const storm_t *storm)
{
    return redis_fixture_call(storm->store, storm->pool, "ZCARD",
                              "cg:{cg}:holds", NULL)
        .number;
}

/* For people who want the figures: CG_TEST_VERBOSE=1. */
static void print_times(const storm_t *storm)
{
    cg_reply_t info = redis_fixture_call(storm->store, storm->pool, "INFO",
                                         "commandstats", NULL);
    const char *line = strstr(info.text.ptr, "cmdstat_evalsha:");
    if (getenv("CG_TEST_VERBOSE") && line) {
        printf("\n    %.*s; our CPU %.1f us per admission and settle; "
               "admitted %d, refused %d, away %d\n    ",
               (int)strcspn(line, "\r\n"), line,
               (double)storm->tally->cpu_micros / (double)storm->admissions,
               (int)storm->tally->admitted, (int)storm->tally->refused,
               (int)storm->tally->away);
    }
}

static void storm_of_100000_admissions_passes_no_limit_and_leaks_no_hold(void)
{
    int64_t last[2];
    storm_t storm = {.admissions = 100000, .hold_for = HOLD_FOR};
    storm_begin(&storm);
    int64_t most = watch(&storm);
    sweep(&storm);
    read_budget(storm.store, storm.pool, last);
    print_times(&storm);
    CU_ASSERT_EQUAL(storm.tally->admitted + storm.tally->refused,
                    storm.admissions);
    CU_ASSERT_EQUAL(storm.tally->away, 0);
    CU_ASSERT(storm.tally->refused > 1000);
    CU_ASSERT(most <= BUDGET);
    CU_ASSERT(most > BUDGET - 2 * COST_MAX);
    CU_ASSERT_EQUAL(last[0], storm.tally->spent);
    CU_ASSERT_EQUAL(last[1], 0);
    CU_ASSERT(last[0] <= BUDGET);
    judge_books(&storm);
    CU_ASSERT(storm.tally->passed > 1000);
    CU_ASSERT_EQUAL(holds_of(&storm), 0);
    storm_end(&storm);
}

static void storm_through_outages_of_the_store_leaves_no_phantom_spend(void)
{
    int64_t last[2];
    storm_t storm = {
        .admissions = 30000, .hold_for = HOLD_FOR, .is_rough = true};
    storm_begin(&storm);
    for (int i = 0; i < 4; i++) {
        usleep(300000);
        if (i % 2) {
            redis_fixture_kill(&storm.redis);
            usleep(300000);
            redis_fixture_restart(&storm.redis);
        }
        else {
            redis_fixture_freeze(&storm.redis);
            usleep(400000);
            redis_fixture_thaw(&storm.redis);
        }
    }
    int64_t most = watch(&storm);
    sweep(&storm);
    read_budget(storm.store, storm.pool, last);
    print_times(&storm);
    CU_ASSERT(storm.tally->away > 0);
    CU_ASSERT(storm.tally->admitted > 1000);
    CU_ASSERT(most <= BUDGET);
    CU_ASSERT_EQUAL(last[0], storm.tally->spent);
    CU_ASSERT_EQUAL(last[1], 0);
    judge_books(&storm);
    CU_ASSERT_EQUAL(holds_of(&storm), 0);
    storm_end(&storm);
}

static void storm_of_killed_processes_leaves_no_hold(void)
{
    int64_t last[2];
    storm_t storm = {.admissions = INT64_C(100000000), .hold_for = 2 * SECOND};
    storm_begin(&storm);
    usleep(400000);
    for (int i = 0; i < PROCESSES; i++) {
        usleep(50000);
        kill(storm.pids[i], SIGKILL);
        waitpid(storm.pids[i], NULL, 0);
    }
    usleep(2200000);
    sweep(&storm);
    for (size_t i = 0; i < LIMITS; i++) {
        CU_ASSERT_EQUAL(held_of(&storm, &limits[i]), 0);
    }
    read_budget(storm.store, storm.pool, last);
    int64_t in_flight = PROCESSES * THREADS * COST_MAX;
    CU_ASSERT(storm.tally->admitted > 100);
    CU_ASSERT_EQUAL(last[1], 0);
    CU_ASSERT_EQUAL(holds_of(&storm), 0);
    CU_ASSERT(last[0] <= BUDGET);
    CU_ASSERT(llabs(last[0] - storm.tally->spent) <= in_flight);
    storm_end(&storm);
}

CU_TestInfo test_quota_storm[] = {
    {"storm_of_100000_admissions_passes_no_limit_and_leaks_no_hold",
     storm_of_100000_admissions_passes_no_limit_and_leaks_no_hold},
    {"storm_through_outages_of_the_store_leaves_no_phantom_spend",
     storm_through_outages_of_the_store_leaves_no_phantom_spend},
    {"storm_of_killed_processes_leaves_no_hold",
     storm_of_killed_processes_leaves_no_hold},
    CU_TEST_INFO_NULL,
};
