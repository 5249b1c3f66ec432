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
#define ADMISSIONS 100000
#define BUDGET INT64_C(20000000)
#define FLOOR 17
#define HOLD_FOR (20 * SECOND)
#define SHORT_FOR 1000

typedef struct tally_t {
    volatile int64_t asked, admitted, refused, away;
    volatile int64_t spent; /* what settles and floors must come to */
    volatile int64_t requests;
    volatile int64_t cpu_micros;
} tally_t;

typedef struct worker_t {
    tally_t *tally;
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
};
#define LIMITS (sizeof limits / sizeof limits[0])

static cg_quota_grant_t admit(worker_t *worker, const char *id, int64_t cost,
                              apr_time_t hold_for, apr_pool_t *pool)
{
    cg_quota_ask_t asks[LIMITS];
    cg_quota_grant_t grant;
    cg_error_t err = {.text = ""};
    for (size_t i = 0; i < LIMITS; i++) {
        bool is_count = limits[i].quantity == CG_QUANTITY_REQUESTS;
        asks[i] = (cg_quota_ask_t){&limits[i], CG_STR("storm"),
                                   is_count ? 1 : cost, FLOOR};
    }
    cg_quota_admit(worker->quota, id, asks, LIMITS, hold_for, cg_clock_now(),
                   &grant, &err, pool);
    return grant;
}

static void settle(worker_t *worker, const char *id, int64_t used,
                   bool is_released, apr_pool_t *pool)
{
    cg_quota_bill_t bill = {id, used, used, is_released};
    apr_status_t rv = APR_EGENERAL;
    for (int i = 0; i < 100 && rv != APR_SUCCESS; i++) {
        rv = cg_quota_settle(worker->quota, &bill, 1, NULL, pool);
    }
}

/* One request, start to end; fate says how it ends. */
static void live(worker_t *worker, int serial, unsigned *seed, apr_pool_t *pool)
{
    tally_t *tally = worker->tally;
    int fate = rand_r(seed) % 20;
    int64_t cost = 100 + rand_r(seed) % 900;
    int64_t used = rand_r(seed) % 1000;
    const char *id = apr_psprintf(pool, "%d-%d", worker->number, serial);
    cg_quota_grant_t grant =
        admit(worker, id, cost, fate == 0 ? SHORT_FOR : HOLD_FOR, pool);
    if (grant.is_local || grant.is_store_down) {
        cg_atomic_add(&tally->away, 1);
        return;
    }
    if (!grant.is_admitted) {
        cg_atomic_add(&tally->refused, 1);
        return;
    }
    cg_atomic_add(&tally->admitted, 1);
    if (fate == 0) {
        cg_atomic_add(&tally->spent, FLOOR);
        return;
    }
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
    for (int i = 0; cg_atomic_add(&worker->tally->asked, 1) <= ADMISSIONS;
         i++) {
        live(worker, i, &seed, scratch);
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(pool);
    return NULL;
}

static void run_process(const redis_fixture_t *redis, tally_t *tally,
                        void *shared, int number)
{
    apr_pool_t *pool;
    pthread_t threads[THREADS];
    worker_t workers[THREADS];
    struct rusage use;
    apr_pool_create(&pool, NULL);
    cg_quota_t *quota =
        cg_quota_open(redis_fixture_store(redis, pool), shared, pool);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker_t){tally, quota, number * THREADS + i};
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    getrusage(RUSAGE_SELF, &use);
    cg_atomic_add(&tally->cpu_micros,
                  (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 +
                      use.ru_utime.tv_usec + use.ru_stime.tv_usec);
    _exit(0);
}

/* spent and held of the tightest budget, read beside the gateway. */
static void read_budget(cg_store_t *store, apr_pool_t *pool, int64_t out[2])
{
    char month[8];
    cg_clock_month(cg_clock_now(), month);
    const char *key =
        apr_pstrcat(pool, "cg:{cg}:budget:key:", month, ":storm", NULL);
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
static int64_t watch(cg_store_t *store, const pid_t *pids, apr_pool_t *pool)
{
    int64_t most = 0, seen[2];
    apr_pool_t *scratch;
    apr_pool_create(&scratch, pool);
    for (int ended = 0; ended < PROCESSES;) {
        if (waitpid(pids[ended], NULL, WNOHANG) != 0) {
            ended++;
            continue;
        }
        read_budget(store, scratch, seen);
        most = seen[0] + seen[1] > most ? seen[0] + seen[1] : most;
        apr_pool_clear(scratch);
        usleep(2000);
    }
    return most;
}

static int64_t use_of(cg_quota_t *quota, const cg_limit_t *limit,
                      apr_pool_t *pool)
{
    cg_quota_ask_t ask = {limit, CG_STR("storm"), 0, 0};
    cg_quota_left_t left = {0};
    CU_ASSERT_EQUAL(
        cg_quota_usage(quota, &ask, 1, cg_clock_now(), &left, NULL, pool),
        APR_SUCCESS);
    return left.limit - left.remaining;
}

static void print_times(cg_store_t *store, const tally_t *tally,
                        apr_pool_t *pool)
{
    cg_reply_t info =
        redis_fixture_call(store, pool, "INFO", "commandstats", NULL);
    const char *line = strstr(info.text.ptr, "cmdstat_evalsha:");
    if (getenv("CG_TEST_VERBOSE") && line) {
        printf("\n    %.*s; our CPU %.1f us per admission and settle\n",
               (int)strcspn(line, "\r\n"), line,
               (double)tally->cpu_micros / ADMISSIONS);
    }
}

static void storm_of_100000_admissions_passes_no_limit_and_leaks_no_hold(void)
{
    apr_pool_t *pool;
    redis_fixture_t redis;
    pid_t pids[PROCESSES];
    int64_t last[2];
    apr_pool_create(&pool, NULL);
    redis_fixture_start(&redis, false);
    tally_t *tally = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    void *shared = mmap(NULL, cg_quota_shared_bytes(), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            run_process(&redis, tally, shared, i);
        }
    }
    cg_store_t *store = redis_fixture_store(&redis, pool);
    cg_quota_t *quota = cg_quota_open(store, shared, pool);
    int64_t most = watch(store, pids, pool);
    for (int i = 0; i < 1000; i++) {
        cg_quota_settle(quota, NULL, 0, NULL, pool);
    }
    read_budget(store, pool, last);
    print_times(store, tally, pool);
    CU_ASSERT_EQUAL(tally->admitted + tally->refused, ADMISSIONS);
    CU_ASSERT_EQUAL(tally->away, 0);
    CU_ASSERT(tally->refused > 1000);
    CU_ASSERT(most <= BUDGET);
    CU_ASSERT(most > BUDGET - 2000);
    CU_ASSERT_EQUAL(last[0], tally->spent);
    CU_ASSERT_EQUAL(last[1], 0);
    CU_ASSERT(last[0] <= BUDGET);
    CU_ASSERT_EQUAL(use_of(quota, &limits[0], pool), tally->admitted);
    CU_ASSERT_EQUAL(use_of(quota, &limits[3], pool), tally->spent);
    CU_ASSERT_EQUAL(use_of(quota, &limits[8], pool), tally->spent);
    CU_ASSERT_EQUAL(
        redis_fixture_call(store, pool, "ZCARD", "cg:{cg}:holds", NULL).number,
        0);
    munmap(shared, cg_quota_shared_bytes());
    munmap(tally, 4096);
    redis_fixture_stop(&redis);
    apr_pool_destroy(pool);
}

CU_TestInfo test_quota_storm[] = {
    {"storm_of_100000_admissions_passes_no_limit_and_leaks_no_hold",
     storm_of_100000_admissions_passes_no_limit_and_leaks_no_hold},
    CU_TEST_INFO_NULL,
};
