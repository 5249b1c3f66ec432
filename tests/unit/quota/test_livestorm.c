/* A storm against limits of every kind, whose processes are killed: 64 threads in 8
 * processes, a live table, and one who keeps house.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each admission has a row of its own beside the gateway, in memory that all
 * processes share, where what became of it is written: by its thread, or, for who
 * was killed, by the housekeeper, whose word is the last. In the end every counter
 * must come to the sum of these rows. CG_STORM: how many admissions.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/share.h"
#include "quota/live.h"
#include "redis_fixture.h"

#define SECOND APR_TIME_C(1000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define PROCESSES 8
#define THREADS 8
#define SLOTS 2048
#define USUAL 15000
#define COST_MAX 1000
#define BIG INT64_C(1000000000)
#define HOUSE_EACH 2000 /* micros */

typedef enum fate_t {
    FATE_NONE,
    FATE_REFUSED,
    FATE_CANCELLED, /* killed before it knew */
    FATE_RELEASED,
    FATE_BILLED
} fate_t;

/* lives in: memory all processes share */
typedef struct row_t {
    volatile int64_t fate, used;
    volatile int64_t is_last; /* the housekeeper's word */
} row_t;

typedef struct storm_t {
    redis_fixture_t redis;
    apr_pool_t *pool;
    int64_t admissions;
    int64_t budget;
    row_t *rows;
    volatile int64_t *asked;
    void *shared;
    void *table;
    cg_store_t *store;
    cg_quota_t *quota;
    cg_live_t *live;
    pid_t pids[PROCESSES];
    int kills;
    int64_t most; /* that the tightest budget stood at */
} storm_t;

/* Every dimension that matters here, quantity, window and way of counting; the
 * budget of a key is the one that binds. */
static cg_limit_t limits[] = {
    {.dimension = CG_DIMENSION_KEY, .quantity = CG_QUANTITY_REQUESTS,
     .amount = BIG, .window_for = HOUR},
    {.dimension = CG_DIMENSION_KEY, .quantity = CG_QUANTITY_TOKENS,
     .amount = BIG, .window_for = HOUR},
    {.dimension = CG_DIMENSION_TEAM, .quantity = CG_QUANTITY_OUTPUT_TOKENS,
     .amount = BIG, .window_for = 30 * DAY},
    {.dimension = CG_DIMENSION_USER, .quantity = CG_QUANTITY_TOKENS,
     .amount = BIG, .window_for = HOUR, .algorithm = CG_ALGORITHM_EXACT},
    {.dimension = CG_DIMENSION_MODEL, .quantity = CG_QUANTITY_REQUESTS,
     .amount = BIG, .window_for = HOUR, .algorithm = CG_ALGORITHM_SMOOTH},
    {.dimension = CG_DIMENSION_KEY, .quantity = CG_QUANTITY_CONCURRENT,
     .amount = 1000, .window_for = CG_WINDOW_NONE},
    {.dimension = CG_DIMENSION_TEAM, .with = 1 + CG_DIMENSION_MODEL,
     .quantity = CG_QUANTITY_TOKENS, .amount = BIG,
     .window_for = CG_WINDOW_DAY},
    {.dimension = CG_DIMENSION_ORGANIZATION, .quantity = CG_QUANTITY_MICROS,
     .amount = BIG, .window_for = CG_WINDOW_YEAR, .start_month = 4},
    {.dimension = CG_DIMENSION_USER, .quantity = CG_QUANTITY_MICROS,
     .amount = 1, .window_for = CG_WINDOW_MONTH, .is_soft = true},
    {.dimension = CG_DIMENSION_ADDRESS, .quantity = CG_QUANTITY_TOKENS,
     .amount = BIG, .window_for = HOUR, .is_leased = true},
    {.dimension = CG_DIMENSION_TEAM, .quantity = CG_QUANTITY_MICROS,
     .amount = BIG, .window_for = CG_WINDOW_MONTH, .is_leased = true},
    {.dimension = CG_DIMENSION_KEY, .quantity = CG_QUANTITY_MICROS,
     .amount = 0, .window_for = CG_WINDOW_MONTH},
};
#define LIMITS (sizeof limits / sizeof limits[0])
#define TIGHTEST (LIMITS - 1)

static int64_t cost_of(const cg_limit_t *limit, int64_t cost)
{
    return limit->quantity == CG_QUANTITY_REQUESTS ||
                   limit->quantity == CG_QUANTITY_CONCURRENT
               ? 1
               : cost;
}

/* ---- one request -------------------------------------------------------------- */

typedef struct worker_t {
    const storm_t *storm;
    cg_quota_t *quota;
    cg_live_t *live;
    unsigned seed;
} worker_t;

static void end(worker_t *worker, const char *id, uint32_t place,
                const cg_quota_bill_t *bill)
{
    (void)id;
    cg_live_bill(worker->live, place, bill, true);
    cg_live_end(worker->live, place, false); /* there is no journal here */
    cg_quota_post(worker->quota, bill, true);
    if (rand_r(&worker->seed) % 8 == 0) {
        cg_quota_post(worker->quota, bill, true);
    }
}

/* All bills wait for the housekeeper, who has no journal: there may be no place. */
static uint32_t take_place(worker_t *worker, const char *id)
{
    uint32_t place = 0;
    while (place == 0) {
        place = cg_live_claim(worker->live, id, "", 0, cg_clock_monotonic());
        usleep(place ? 0 : 1000);
    }
    return place;
}

static void live_one(worker_t *worker, int64_t serial, apr_pool_t *pool)
{
    cg_quota_ask_t asks[LIMITS];
    cg_quota_grant_t grant;
    cg_error_t err;
    row_t *row = &worker->storm->rows[serial];
    int64_t cost = 100 + rand_r(&worker->seed) % (COST_MAX - 99);
    int64_t used = rand_r(&worker->seed) % COST_MAX;
    const char *id = apr_psprintf(pool, "%" APR_INT64_T_FMT, serial);
    used = used < cost ? used : cost;
    for (size_t i = 0; i < LIMITS; i++) {
        asks[i] = (cg_quota_ask_t){&limits[i], CG_STR("storm"),
                                   cost_of(&limits[i], cost), 0, {"", 0}};
    }
    uint32_t place = take_place(worker, id);
    cg_quota_admit_live(worker->quota, id, place, NULL, asks, LIMITS, HOUR,
                        cg_clock_now(), &grant, &err, pool);
    if (!grant.is_admitted) {
        cg_live_free(worker->live, place);
        cg_atomic_set(&row->fate, FATE_REFUSED);
        return;
    }
    cg_live_move(worker->live, place, CG_LIVE_SENT);
    cg_live_progress(worker->live, place, 0, used / 2, used / 2);
    bool is_released = rand_r(&worker->seed) % 16 == 0;
    cg_quota_bill_t bill = {id, 0, used, used, is_released};
    cg_atomic_set(&row->used, is_released ? 0 : used);
    cg_atomic_set(&row->fate, is_released ? FATE_RELEASED : FATE_BILLED);
    end(worker, id, place, &bill);
}

static void *work(void *baton)
{
    worker_t *worker = baton;
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (;;) {
        int64_t serial = cg_atomic_add(worker->storm->asked, 1) - 1;
        if (serial >= worker->storm->admissions) {
            break;
        }
        live_one(worker, serial, pool);
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return NULL;
}

static void run_process(const storm_t *storm, int number)
{
    apr_pool_t *pool;
    pthread_t threads[THREADS];
    worker_t workers[THREADS];
    apr_pool_create(&pool, NULL);
    cg_store_t *store = redis_fixture_store(&storm->redis, pool);
    cg_quota_t *quota = cg_quota_open(store, storm->shared, pool);
    cg_live_t *live = cg_live_attach(storm->table, SLOTS, pool);
    cg_quota_live(quota, live);
    for (int i = 0; i < THREADS; i++) {
        workers[i] =
            (worker_t){storm, quota, live, (unsigned)(number * THREADS + i)};
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    _exit(0);
}

/* ---- keeping house ----------------------------------------------------------------- */

static void last_word(const storm_t *storm, const cg_live_copy_t *copy,
                      fate_t fate, int64_t used)
{
    if (copy->id[0]) {
        row_t *row = &storm->rows[atoll(copy->id)];
        cg_atomic_set(&row->used, used);
        cg_atomic_set(&row->fate, fate);
        cg_atomic_set(&row->is_last, 1);
    }
}

static void end_orphan(storm_t *storm, const cg_live_copy_t *copy)
{
    cg_quota_bill_t bill = {copy->id, copy->input, copy->output, copy->micros,
                            copy->state == CG_LIVE_HELD};
    if (copy->state == CG_LIVE_ASKING) {
        cg_quota_undo_here(storm->quota, copy->id);
        if (copy->id[0]) {
            cg_live_cancel(storm->live, copy->place);
        }
        else {
            cg_live_free(storm->live, copy->place);
        }
        last_word(storm, copy, FATE_CANCELLED, 0);
        return;
    }
    if (copy->state == CG_LIVE_BILLED) {
        bill = copy->bill;
        bill.id = copy->id;
    }
    cg_live_bill(storm->live, copy->place, &bill, true);
    cg_live_end(storm->live, copy->place, false);
    cg_quota_post(storm->quota, &bill, false);
    last_word(storm, copy, bill.is_released ? FATE_RELEASED : FATE_BILLED,
              bill.is_released ? 0 : bill.output_tokens);
}

static void keep_house(storm_t *storm, apr_pool_t *scratch)
{
    cg_error_t err;
    cg_live_copy_t *copy = apr_palloc(scratch, sizeof *copy);
    cg_live_look(storm->live);
    for (uint32_t place = 1; place <= SLOTS; place++) {
        if (cg_live_is_orphan(storm->live, place) &&
            cg_live_read(storm->live, place, copy) &&
            cg_live_adopt(storm->live, copy)) {
            end_orphan(storm, copy);
        }
    }
    cg_quota_flush(storm->quota, &err, scratch);
    cg_quota_pay_owed(storm->quota, &err, scratch);
}

/* ---- the storm ------------------------------------------------------------------------- */

static void *map(size_t bytes)
{
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                -1, 0);
}

static pid_t start(const storm_t *storm, int number)
{
    pid_t pid = fork();
    if (pid == 0) {
        run_process(storm, number);
    }
    return pid;
}

static size_t rows_bytes(const storm_t *storm)
{
    return (size_t)storm->admissions * sizeof(row_t) + 64;
}

static void storm_begin(storm_t *storm)
{
    apr_pool_create(&storm->pool, NULL);
    redis_fixture_start(&storm->redis, false);
    limits[TIGHTEST].amount = storm->budget;
    storm->rows = map(rows_bytes(storm));
    storm->asked = (int64_t *)(storm->rows + storm->admissions);
    storm->shared = map(cg_quota_shared_bytes());
    storm->table = map(cg_live_bytes(SLOTS));
    for (int i = 0; i < PROCESSES; i++) {
        storm->pids[i] = start(storm, i);
    }
    storm->store = redis_fixture_store(&storm->redis, storm->pool);
    storm->quota = cg_quota_open(storm->store, storm->shared, storm->pool);
    storm->live = cg_live_attach(storm->table, SLOTS, storm->pool);
    cg_quota_live(storm->quota, storm->live);
}

static void storm_end(storm_t *storm)
{
    munmap(storm->rows, rows_bytes(storm));
    munmap(storm->shared, cg_quota_shared_bytes());
    munmap(storm->table, cg_live_bytes(SLOTS));
    redis_fixture_stop(&storm->redis);
    apr_pool_destroy(storm->pool);
}

/* spent and held of the tightest budget as they stand in the store. */
static int64_t read_budget(const storm_t *storm, apr_pool_t *pool)
{
    char month[8];
    int64_t sum = 0;
    cg_clock_month(cg_clock_now(), month);
    const char *key =
        apr_pstrcat(pool, "cg:{cg}:budget:key:micros:", month, ":storm", NULL);
    cg_reply_t reply =
        redis_fixture_call(storm->store, pool, "GET", key, NULL);
    for (int i = 6; i >= 0 && reply.text.len == 14; i--) {
        int64_t both = (unsigned char)reply.text.ptr[i] +
                       (unsigned char)reply.text.ptr[7 + i];
        sum = sum * 256 + both;
    }
    return sum;
}

/* Kills one now and then, and starts another in its place. */
static void kill_one(storm_t *storm, int round)
{
    int i = round % PROCESSES;
    if (storm->pids[i] <= 0) {
        return; /* it has ended by itself */
    }
    if (waitpid(storm->pids[i], NULL, WNOHANG) == 0) {
        kill(storm->pids[i], SIGKILL);
        waitpid(storm->pids[i], NULL, 0);
        storm->kills++;
        storm->pids[i] = start(storm, 100 + round);
    }
    else {
        storm->pids[i] = 0;
    }
}

static bool is_going(storm_t *storm)
{
    bool is = false;
    for (int i = 0; i < PROCESSES; i++) {
        if (storm->pids[i] && waitpid(storm->pids[i], NULL, WNOHANG) != 0) {
            storm->pids[i] = 0;
        }
        is = is || storm->pids[i];
    }
    return is;
}

static void rage(storm_t *storm, apr_time_t kill_each)
{
    apr_pool_t *scratch;
    apr_time_t began = cg_clock_monotonic();
    apr_pool_create(&scratch, storm->pool);
    int killed = 0;
    while (is_going(storm)) {
        int64_t stands = read_budget(storm, scratch);
        storm->most = stands > storm->most ? stands : storm->most;
        keep_house(storm, scratch);
        if (kill_each && (cg_clock_monotonic() - began) / kill_each > killed) {
            kill_one(storm, killed++);
        }
        apr_pool_clear(scratch);
        usleep(HOUSE_EACH);
    }
    for (int i = 0; i < 50; i++) {
        keep_house(storm, scratch);
    }
    cg_error_t err;
    CU_ASSERT_EQUAL(cg_quota_settle(storm->quota, NULL, 0, &err, scratch),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_quota_return_slices(storm->quota, &err, scratch),
                    APR_SUCCESS);
}

static int64_t use_of(const storm_t *storm, const cg_limit_t *limit,
                      int64_t *out_held)
{
    cg_error_t err;
    cg_limit_t wide = *limit; /* so that what is over shows */
    wide.amount = limit->quantity == CG_QUANTITY_CONCURRENT ? 1000 : BIG;
    cg_quota_ask_t ask = {&wide, CG_STR("storm"), 0, 0, {"", 0}};
    cg_quota_left_t left = {0};
    CU_ASSERT_EQUAL(cg_quota_usage(storm->quota, &ask, 1, cg_clock_now(), &left,
                                   &err, storm->pool),
                    APR_SUCCESS);
    *out_held = left.held;
    return left.limit - left.remaining;
}

static void check(const storm_t *storm)
{
    int64_t used = 0, requests = 0, refused = 0, lost = 0, unknown = 0, held;
    for (int64_t i = 0; i < storm->admissions; i++) {
        const row_t *row = &storm->rows[i];
        used += row->used;
        requests += row->fate >= FATE_RELEASED;
        refused += row->fate == FATE_REFUSED;
        lost += row->is_last;
        unknown += row->fate == FATE_NONE;
    }
    if (getenv("CG_TEST_VERBOSE")) {
        printf("\n    %d kills, %d lost, %d admitted, %d refused, spent %d of %d"
               "\n    ",
               storm->kills, (int)lost, (int)requests, (int)refused, (int)used,
               (int)storm->budget);
    }
    CU_ASSERT(unknown <= storm->kills * THREADS); /* killed before they asked */
    CU_ASSERT(requests > storm->admissions / 20);
    CU_ASSERT(refused > storm->admissions / 20);
    CU_ASSERT(used <= storm->budget);
    CU_ASSERT(storm->most <= storm->budget);
    CU_ASSERT(storm->most > storm->budget - 2 * COST_MAX);
    for (size_t i = 0; i < LIMITS; i++) {
        const cg_limit_t *limit = &limits[i];
        int64_t stands = use_of(storm, limit, &held);
        bool is_count = limit->quantity == CG_QUANTITY_REQUESTS;
        CU_ASSERT_EQUAL(held, 0);
        if (limit->algorithm == CG_ALGORITHM_SMOOTH) {
            continue; /* it has leaked meanwhile */
        }
        int64_t want = is_count ? requests : used;
        want = limit->quantity == CG_QUANTITY_CONCURRENT ? 0 : want;
        if (stands != want) {
            printf("\n    limit %d stands at %d, not %d\n", (int)i, (int)stands,
                   (int)want);
        }
        CU_ASSERT_EQUAL(stands, want);
    }
    CU_ASSERT_EQUAL(redis_fixture_call(storm->store, storm->pool, "ZCARD",
                                       "cg:{cg}:holds", NULL)
                        .number,
                    0);
}

static int64_t how_many(void)
{
    const char *said = getenv("CG_STORM");
    return said ? atoll(said) : USUAL;
}

static void storm_against_limits_of_every_kind_passes_none_and_leaks_nothing(void)
{
    storm_t storm = {.admissions = how_many()};
    storm.budget = storm.admissions * 150;
    storm_begin(&storm);
    rage(&storm, 0);
    check(&storm);
    storm_end(&storm);
}

static void storm_whose_processes_are_killed_passes_none_and_leaks_nothing(void)
{
    storm_t storm = {.admissions = how_many()};
    storm.budget = storm.admissions * 150;
    storm_begin(&storm);
    rage(&storm, SECOND / 10);
    CU_ASSERT(storm.kills > 1);
    check(&storm);
    storm_end(&storm);
}

CU_TestInfo test_quota_livestorm[] = {
    {"storm_against_limits_of_every_kind_passes_none_and_leaks_nothing",
     storm_against_limits_of_every_kind_passes_none_and_leaks_nothing},
    {"storm_whose_processes_are_killed_passes_none_and_leaks_nothing",
     storm_whose_processes_are_killed_passes_none_and_leaks_nothing},
    CU_TEST_INFO_NULL,
};
