/* Leased limits: three servers that take slices of one limit.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each server is a process with memory of its own. What they admitted is added up
 * beside them: never more than the limit, and after the end of the last lease the
 * store comes to the same sum, or to one slice more for a server that was killed.
 */
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
#include "quota/quota.h"
#include "redis_fixture.h"

#define SECOND APR_TIME_C(1000000)
#define SERVERS 3
#define HOLD_FOR (30 * SECOND)

typedef struct tally_t {
    volatile int64_t admitted, refused, here, spent;
} tally_t;

typedef struct stand_t {
    redis_fixture_t redis;
    apr_pool_t *pool;
    cg_store_t *store;
    cg_quota_t *quota; /* a server of the test's own */
    void *shared;
    tally_t *tally;
    cg_limit_t limit;
    pid_t pids[SERVERS];
} stand_t;

static void *memory_of(size_t bytes)
{
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                -1, 0);
}

static void stand_open(stand_t *stand, const char *limit)
{
    cg_error_t err = {.text = ""};
    memset(stand, 0, sizeof *stand);
    apr_pool_create(&stand->pool, NULL);
    redis_fixture_start(&stand->redis, true);
    stand->store = redis_fixture_store(&stand->redis, stand->pool);
    stand->shared = memory_of(cg_quota_shared_bytes());
    stand->tally = memory_of(4096);
    stand->quota = cg_quota_open(stand->store, stand->shared, stand->pool);
    stand->limit.dimension = CG_DIMENSION_TEAM;
    CU_ASSERT_FATAL(cg_limit_parse(cg_str(limit), &stand->limit, &err));
}

static void stand_close(stand_t *stand)
{
    munmap(stand->shared, cg_quota_shared_bytes());
    munmap(stand->tally, 4096);
    redis_fixture_stop(&stand->redis);
    apr_pool_destroy(stand->pool);
}

static cg_quota_grant_t ask(const stand_t *stand, cg_quota_t *quota,
                            const char *id, int64_t cost, apr_pool_t *pool)
{
    cg_quota_grant_t grant;
    cg_error_t err = {.text = ""};
    cg_quota_ask_t ask = {.limit = &stand->limit,
                          .subject = CG_STR("red"),
                          .cost = cost,
                          .floor = cost / 10};
    cg_quota_admit(quota, id, &ask, 1, HOLD_FOR, cg_clock_now(), &grant, &err,
                   pool);
    return grant;
}

static void serve(const stand_t *stand, cg_quota_t *quota, int serial,
                  int64_t most, apr_pool_t *pool)
{
    int64_t cost = 1 + rand() % most;
    int64_t used = rand() % (cost + 1);
    const char *id = apr_psprintf(pool, "%d-%d", (int)getpid(), serial);
    cg_quota_grant_t grant = ask(stand, quota, id, cost, pool);
    if (!grant.is_admitted) {
        cg_atomic_add(&stand->tally->refused, 1);
        return;
    }
    cg_atomic_add(&stand->tally->admitted, 1);
    cg_atomic_add(&stand->tally->here, grant.is_here);
    bool is_count = stand->limit.quantity == CG_QUANTITY_REQUESTS;
    cg_atomic_add(&stand->tally->spent, is_count ? 1 : used);
    cg_quota_bill_t bill = {.id = id, .output_tokens = used, .micros = used};
    if (!is_count) {
        cg_quota_post(quota, &bill, !grant.is_here);
    }
}

/* One server: asks requests times, then stops in order. */
static void run_server(const stand_t *stand, int requests, int64_t most)
{
    apr_pool_t *pool, *scratch;
    apr_pool_create(&pool, NULL);
    apr_pool_create(&scratch, pool);
    void *shared = memory_of(cg_quota_shared_bytes());
    cg_quota_t *quota =
        cg_quota_open(redis_fixture_store(&stand->redis, pool), shared, pool);
    srand((unsigned)getpid());
    for (int i = 0; i < requests; i++) {
        serve(stand, quota, i, most, scratch);
        if (i % 10 == 0) {
            cg_quota_flush(quota, NULL, scratch);
        }
        apr_pool_clear(scratch);
    }
    cg_quota_settle(quota, NULL, 0, NULL, scratch);
    cg_quota_return_slices(quota, NULL, scratch);
    _exit(0);
}

static void start_servers(stand_t *stand, int requests, int64_t most)
{
    for (int i = 0; i < SERVERS; i++) {
        stand->pids[i] = fork();
        if (stand->pids[i] == 0) {
            run_server(stand, requests, most);
        }
    }
}

static void wait_servers(stand_t *stand)
{
    for (int i = 0; i < SERVERS; i++) {
        int status = 0;
        waitpid(stand->pids[i], &status, 0);
    }
}

static cg_quota_left_t left_of(const stand_t *stand)
{
    cg_quota_ask_t of = {.limit = &stand->limit, .subject = CG_STR("red")};
    cg_quota_left_t left = {0};
    CU_ASSERT_EQUAL(cg_quota_usage(stand->quota, &of, 1, cg_clock_now(), &left,
                                   NULL, stand->pool),
                    APR_SUCCESS);
    return left;
}

static double calls_of(const stand_t *stand)
{
    cg_reply_t info = redis_fixture_call(stand->store, stand->pool, "INFO",
                                         "commandstats", NULL);
    const char *at = strstr(info.text.ptr, "cmdstat_evalsha:calls=");
    return at ? strtod(at + strlen("cmdstat_evalsha:calls="), NULL) : 0;
}

static void judge(stand_t *stand)
{
    cg_quota_left_t left = left_of(stand);
    int64_t used = left.limit - left.remaining;
    CU_ASSERT(stand->tally->spent <= stand->limit.amount);
    CU_ASSERT_EQUAL(left.held, 0);
    CU_ASSERT_EQUAL(used, stand->tally->spent);
}

static void three_servers_never_pass_a_leased_window(void)
{
    stand_t stand;
    stand_open(&stand, "20000/1h leased");
    start_servers(&stand, 9000, 1);
    wait_servers(&stand);
    CU_ASSERT_EQUAL(stand.tally->admitted, 20000);
    CU_ASSERT_EQUAL(stand.tally->refused, 3 * 9000 - 20000);
    judge(&stand);
    stand_close(&stand);
}

static void three_servers_never_pass_a_leased_budget(void)
{
    stand_t stand;
    stand_open(&stand, "2USD/month leased");
    start_servers(&stand, 5000, 1000);
    wait_servers(&stand);
    CU_ASSERT(stand.tally->refused > 0);
    CU_ASSERT(stand.tally->spent > 1900000);
    judge(&stand);
    stand_close(&stand);
}

static void a_hundredth_of_the_calls_is_made_far_from_the_limit(void)
{
    stand_t stand;
    stand_open(&stand, "1000000/1h leased");
    start_servers(&stand, 20000, 1);
    wait_servers(&stand);
    CU_ASSERT_EQUAL(stand.tally->admitted, 60000);
    CU_ASSERT(stand.tally->here > 59000);
    CU_ASSERT(calls_of(&stand) < 600);
    judge(&stand);
    stand_close(&stand);
}

static void a_killed_server_costs_a_slice_and_lets_nothing_through(void)
{
    stand_t stand;
    int64_t slice = 200;
    stand_open(&stand, "20000tokens/day leased");
    start_servers(&stand, 100000, 20);
    while (cg_atomic_get(&stand.tally->admitted) < 300) {
        usleep(1000);
    }
    kill(stand.pids[0], SIGKILL);
    wait_servers(&stand);
    cg_quota_left_t left = left_of(&stand);
    int64_t used = left.limit - left.remaining;
    CU_ASSERT(stand.tally->spent <= stand.limit.amount);
    CU_ASSERT(used >= stand.tally->spent);
    CU_ASSERT(used <= stand.limit.amount);
    /* What it had: a slice in use, those used up since it told last (of ten
     * requests), the bill and the request it died with. */
    CU_ASSERT(left.held <= 3 * slice + 20);
    CU_ASSERT(used - stand.tally->spent <= 3 * slice + 40);
    stand_close(&stand);
}

static void a_slice_serves_through_an_outage_until_it_is_used_up(void)
{
    stand_t stand;
    stand_open(&stand, "10000/1h leased closed");
    CU_ASSERT(ask(&stand, stand.quota, "first", 1, stand.pool).is_admitted);
    redis_fixture_kill(&stand.redis);
    int admitted = 0;
    for (int i = 0; i < 200; i++) {
        cg_quota_grant_t grant =
            ask(&stand, stand.quota, apr_psprintf(stand.pool, "x%d", i), 1,
                stand.pool);
        admitted += grant.is_admitted;
        CU_ASSERT_EQUAL(grant.is_store_down, !grant.is_admitted);
    }
    CU_ASSERT_EQUAL(admitted, 99);
    redis_fixture_restart(&stand.redis);
    for (int i = 0; i < 300 && cg_quota_settle(stand.quota, NULL, 0, NULL,
                                               stand.pool) != APR_SUCCESS;
         i++) {
        usleep(10000);
    }
    CU_ASSERT_EQUAL(cg_quota_return_slices(stand.quota, NULL, stand.pool),
                    APR_SUCCESS);
    cg_quota_left_t left = left_of(&stand);
    CU_ASSERT_EQUAL(left.limit - left.remaining, 100);
    CU_ASSERT_EQUAL(left.held, 0);
    stand_close(&stand);
}

static void near_the_limit_each_request_is_decided_by_the_store(void)
{
    stand_t stand;
    stand_open(&stand, "1000/1h leased");
    int here = 0, admitted = 0;
    for (int i = 0; i < 1100; i++) {
        cg_quota_grant_t grant =
            ask(&stand, stand.quota, apr_psprintf(stand.pool, "n%d", i), 1,
                stand.pool);
        admitted += grant.is_admitted;
        here += grant.is_here;
        CU_ASSERT(i < 960 || !grant.is_here);
        cg_quota_flush(stand.quota, NULL, stand.pool);
    }
    CU_ASSERT_EQUAL(admitted, 1000);
    CU_ASSERT(here > 800);
    stand_close(&stand);
}

CU_TestInfo test_quota_leased[] = {
    {"three_servers_never_pass_a_leased_window",
     three_servers_never_pass_a_leased_window},
    {"three_servers_never_pass_a_leased_budget",
     three_servers_never_pass_a_leased_budget},
    {"a_hundredth_of_the_calls_is_made_far_from_the_limit",
     a_hundredth_of_the_calls_is_made_far_from_the_limit},
    {"a_killed_server_costs_a_slice_and_lets_nothing_through",
     a_killed_server_costs_a_slice_and_lets_nothing_through},
    {"a_slice_serves_through_an_outage_until_it_is_used_up",
     a_slice_serves_through_an_outage_until_it_is_used_up},
    {"near_the_limit_each_request_is_decided_by_the_store",
     near_the_limit_each_request_is_decided_by_the_store},
    CU_TEST_INFO_NULL,
};
