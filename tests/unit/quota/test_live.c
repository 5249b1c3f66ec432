/* The live table, and what is made of it when a process or a store is lost.
 * SPDX-License-Identifier: Apache-2.0
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
#include "quota/live.h"
#include "redis_fixture.h"

#define SECOND APR_TIME_C(1000000)
#define HOUR (3600 * SECOND)
#define SLOTS 64

typedef struct bench_t {
    apr_pool_t *pool;
    void *memory; /* of the table */
    void *shared; /* of quota */
    cg_live_t *live;
    cg_store_t *store;
    cg_quota_t *quota;
} bench_t;

static const cg_limit_t tokens_1000 = {.dimension = CG_DIMENSION_KEY,
                                       .quantity = CG_QUANTITY_TOKENS,
                                       .amount = 1000,
                                       .window_for = 60 * SECOND};
static const cg_limit_t budget_5 = {.dimension = CG_DIMENSION_KEY,
                                    .quantity = CG_QUANTITY_MICROS,
                                    .amount = 5000000,
                                    .window_for = CG_WINDOW_MONTH};
static const cg_limit_t four_at_once = {.dimension = CG_DIMENSION_KEY,
                                        .quantity = CG_QUANTITY_CONCURRENT,
                                        .amount = 4,
                                        .window_for = CG_WINDOW_NONE};
static const cg_limit_t requests_100 = {.dimension = CG_DIMENSION_KEY,
                                        .quantity = CG_QUANTITY_REQUESTS,
                                        .amount = 100,
                                        .window_for = 60 * SECOND};

static void *map(size_t bytes)
{
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                -1, 0);
}

static void table_open(bench_t *b)
{
    *b = (bench_t){.memory = map(cg_live_bytes(SLOTS))};
    apr_pool_create(&b->pool, NULL);
    b->live = cg_live_attach(b->memory, SLOTS, b->pool);
}

static void bench_open(bench_t *b, const redis_fixture_t *redis)
{
    table_open(b);
    b->shared = map(cg_quota_shared_bytes());
    b->store = redis_fixture_store(redis, b->pool);
    b->quota = cg_quota_open(b->store, b->shared, b->pool);
    cg_quota_live(b->quota, b->live);
}

static void bench_close(bench_t *b)
{
    apr_pool_destroy(b->pool);
    munmap(b->memory, cg_live_bytes(SLOTS));
    if (b->shared) {
        munmap(b->shared, cg_quota_shared_bytes());
    }
}

/* Runs work in a process of its own, which then is killed as it stands. */
static pid_t in_child(bench_t *b, void (*work)(bench_t *b, cg_live_t *live))
{
    int ready[2];
    char byte;
    CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        work(b, cg_live_attach(b->memory, SLOTS, b->pool));
        (void)!write(ready[1], "x", 1);
        for (;;) {
            pause();
        }
    }
    CU_ASSERT_EQUAL_FATAL(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static size_t orphans(bench_t *b)
{
    size_t count = 0;
    cg_live_look(b->live);
    for (uint32_t place = 1; place <= SLOTS; place++) {
        count += cg_live_is_orphan(b->live, place);
    }
    return count;
}

/* The one place in use. */
static uint32_t only(bench_t *b)
{
    uint32_t found = 0;
    for (uint32_t place = 1; place <= SLOTS; place++) {
        if (cg_live_state(b->live, place) != CG_LIVE_FREE) {
            CU_ASSERT_EQUAL(found, 0);
            found = place;
        }
    }
    return found;
}

/* ---- places ---------------------------------------------------------------- */

static void a_place_is_taken_told_of_and_left(void)
{
    bench_t b;
    cg_live_copy_t copy;
    table_open(&b);
    uint32_t place = cg_live_claim(b.live, "id-1", "note", 4, 1000);
    CU_ASSERT(place > 0);
    cg_live_progress(b.live, place, 10, 20, 30);
    cg_live_progress(b.live, place, 5, 25, 20);
    CU_ASSERT_FATAL(cg_live_read(b.live, place, &copy));
    CU_ASSERT_EQUAL(copy.state, CG_LIVE_ASKING);
    CU_ASSERT_STRING_EQUAL(copy.id, "id-1");
    CU_ASSERT_EQUAL(copy.note_len, 4);
    CU_ASSERT_EQUAL(memcmp(copy.note, "note", 4), 0);
    CU_ASSERT_EQUAL(copy.input, 10);
    CU_ASSERT_EQUAL(copy.output, 25);
    CU_ASSERT_EQUAL(copy.micros, 30);
    cg_live_free(b.live, place);
    CU_ASSERT_FALSE(cg_live_read(b.live, place, &copy));
    bench_close(&b);
}

static void none_of_it_needs_a_place(void)
{
    bench_t b;
    cg_quota_bill_t bill = {.id = "x"};
    table_open(&b);
    cg_live_move(b.live, 0, CG_LIVE_SENT);
    cg_live_progress(b.live, 0, 1, 1, 1);
    cg_live_bill(b.live, 0, &bill, true);
    cg_live_end(b.live, 0, true);
    cg_live_free(NULL, 0);
    CU_ASSERT_EQUAL(cg_live_claim(NULL, "x", "", 0, 1), 0);
    CU_ASSERT_EQUAL(only(&b), 0);
    bench_close(&b);
}

static void a_full_table_turns_away_and_what_is_owed_is_never_written_over(void)
{
    bench_t b;
    uint32_t places[SLOTS];
    cg_quota_bill_t bill = {.id = "x", .micros = 7};
    table_open(&b);
    for (int i = 0; i < SLOTS; i++) {
        places[i] = cg_live_claim(b.live, "id", "", 0, 1);
        CU_ASSERT(places[i] > 0);
        cg_live_plan(b.live, places[i], "plan", 4, HOUR, false);
        cg_live_bill(b.live, places[i], &bill, true);
    }
    CU_ASSERT_EQUAL(cg_live_claim(b.live, "more", "", 0, 1), 0);
    cg_live_end(b.live, places[3], false);
    CU_ASSERT_EQUAL(cg_live_state(b.live, places[3]), CG_LIVE_OWED);
    CU_ASSERT_EQUAL(cg_live_claim(b.live, "more", "", 0, 1), 0);
    cg_live_end(b.live, places[4], true);
    CU_ASSERT_EQUAL(cg_live_state(b.live, places[4]), CG_LIVE_DONE);
    CU_ASSERT_EQUAL(cg_live_claim(b.live, "more", "", 0, 1), places[4]);
    bench_close(&b);
}

/* ---- processes ----------------------------------------------------------------- */

static void claim_one(bench_t *b, cg_live_t *live)
{
    (void)b;
    uint32_t place = cg_live_claim(live, "lost", "", 0, 1);
    cg_live_move(live, place, CG_LIVE_SENT);
    cg_live_progress(live, place, 3, 4, 5);
}

static void only_the_dead_are_orphans_and_the_unburied_are_dead(void)
{
    bench_t b;
    cg_live_copy_t copy;
    table_open(&b);
    pid_t pid = in_child(&b, claim_one);
    CU_ASSERT_EQUAL(orphans(&b), 0);
    kill(pid, SIGSTOP); /* slow is not dead */
    usleep(20000);
    CU_ASSERT_EQUAL(orphans(&b), 0);
    kill(pid, SIGKILL);
    for (int i = 0; i < 200 && orphans(&b) == 0; i++) {
        usleep(5000);
    }
    CU_ASSERT_EQUAL(orphans(&b), 1); /* nobody has waited for it yet */
    waitpid(pid, NULL, 0);
    CU_ASSERT_EQUAL(orphans(&b), 1);
    CU_ASSERT_FATAL(cg_live_read(b.live, only(&b), &copy));
    CU_ASSERT_EQUAL(copy.output, 4);
    cg_live_copy_t second = copy;
    CU_ASSERT(cg_live_adopt(b.live, &copy));
    CU_ASSERT_FALSE(cg_live_adopt(b.live, &second)); /* one is first */
    CU_ASSERT_EQUAL(orphans(&b), 0);
    cg_live_free(b.live, copy.place);
    CU_ASSERT_EQUAL(only(&b), 0);
    bench_close(&b);
}

/* The word of a place, by a process of this id that began at another moment. */
static void a_later_process_of_the_same_id_is_another_one(void)
{
    bench_t b;
    table_open(&b);
    uint32_t place = cg_live_claim(b.live, "mine", "", 0, 1);
    int64_t *words = (int64_t *)((char *)b.memory + 64);
    CU_ASSERT_EQUAL((words[place - 1] >> 10) & 0x3fffff, (int64_t)getpid());
    CU_ASSERT_EQUAL(orphans(&b), 0);
    words[place - 1] -= INT64_C(1) << 32; /* began a tick earlier */
    CU_ASSERT_EQUAL(orphans(&b), 1);
    cg_live_free(b.live, place); /* not ours any more */
    CU_ASSERT_EQUAL(orphans(&b), 1);
    bench_close(&b);
}

/* Killed between the word and what belongs to it: the last use's id is no id. */
static void a_place_taken_by_one_who_wrote_nothing_asks_for_nothing(void)
{
    bench_t b;
    cg_live_copy_t copy;
    table_open(&b);
    uint32_t place = cg_live_claim(b.live, "earlier", "", 0, 1);
    int64_t *words = (int64_t *)((char *)b.memory + 64);
    words[place - 1] += INT64_C(1) << 3; /* the next use */
    CU_ASSERT_FATAL(cg_live_read(b.live, place, &copy));
    CU_ASSERT_STRING_EQUAL(copy.id, "");
    bench_close(&b);
}

static int64_t *claimed;

static void storm_child(bench_t *b, cg_live_t *live)
{
    (void)b;
    for (int i = 0; i < 20000; i++) {
        uint32_t place = cg_live_claim(live, "storm", "", 0, i);
        cg_quota_bill_t bill = {.id = "storm"};
        if (place) {
            cg_atomic_add(&claimed[place], 1);
            if (cg_atomic_get(&claimed[place]) != 1) {
                cg_atomic_add(&claimed[0], 1);
            }
            cg_atomic_add(&claimed[place], -1);
            if (i % 3 == 0) {
                cg_live_free(live, place);
            }
            else {
                cg_live_plan(live, place, "p", 1, 1, false);
                cg_live_bill(live, place, &bill, true);
                cg_live_end(live, place, true);
            }
        }
    }
}

static void no_place_is_ever_given_to_two(void)
{
    bench_t b;
    pid_t pids[4];
    table_open(&b);
    claimed = map((SLOTS + 1) * sizeof *claimed);
    for (int i = 0; i < 4; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            storm_child(&b, cg_live_attach(b.memory, SLOTS, b.pool));
            _exit(0);
        }
    }
    for (int i = 0; i < 4; i++) {
        waitpid(pids[i], NULL, 0);
    }
    CU_ASSERT_EQUAL(claimed[0], 0);
    CU_ASSERT_EQUAL(orphans(&b), 0);
    munmap(claimed, (SLOTS + 1) * sizeof *claimed);
    bench_close(&b);
}

/* ---- holds of the dead ----------------------------------------------------------- */

static cg_quota_ask_t ask_of(const cg_limit_t *limit, int64_t cost,
                             int64_t floor)
{
    return (cg_quota_ask_t){limit, CG_STR("k1"), cost, floor, {"", 0}};
}

/* All kinds of limits at once: 600 tokens, 900 micro-dollars, one at a time. */
static uint32_t admit(bench_t *b, cg_live_t *live, const char *id,
                      bool *out_is_admitted)
{
    cg_error_t err;
    cg_quota_grant_t grant;
    cg_quota_ask_t asks[] = {ask_of(&tokens_1000, 300, 10),
                             ask_of(&budget_5, 900, 30),
                             ask_of(&four_at_once, 1, 0),
                             ask_of(&requests_100, 1, 1)};
    uint32_t place = cg_live_claim(live, id, "", 0, cg_clock_monotonic());
    cg_quota_live(b->quota, live);
    CU_ASSERT_EQUAL(cg_quota_admit_live(b->quota, id, place, NULL, asks, 4,
                                        HOUR, cg_clock_now(), &grant, &err,
                                        b->pool),
                    APR_SUCCESS);
    *out_is_admitted = grant.is_admitted;
    return place;
}

static int64_t used_of(bench_t *b, const cg_limit_t *limit)
{
    cg_error_t err;
    cg_quota_left_t left = {0};
    cg_quota_ask_t ask = ask_of(limit, 0, 0);
    CU_ASSERT_EQUAL_FATAL(cg_quota_usage(b->quota, &ask, 1, cg_clock_now(),
                                         &left, &err, b->pool),
                          APR_SUCCESS);
    return left.limit - left.remaining;
}

static int64_t held_of(bench_t *b, const cg_limit_t *limit)
{
    cg_error_t err;
    cg_quota_left_t left = {0};
    cg_quota_ask_t ask = ask_of(limit, 0, 0);
    cg_quota_usage(b->quota, &ask, 1, cg_clock_now(), &left, &err, b->pool);
    return left.held;
}

static void expect(bench_t *b, int64_t tokens, int64_t micros, int64_t at_once,
                   int64_t requests)
{
    CU_ASSERT_EQUAL(used_of(b, &tokens_1000), tokens);
    CU_ASSERT_EQUAL(used_of(b, &budget_5), micros);
    CU_ASSERT_EQUAL(used_of(b, &four_at_once), at_once);
    CU_ASSERT_EQUAL(used_of(b, &requests_100), requests);
}

static bool is_empty(bench_t *b)
{
    return redis_fixture_call(b->store, b->pool, "ZCARD", "cg:{cg}:holds", NULL)
               .number == 0;
}

static void hold_and_stay(bench_t *b, cg_live_t *live)
{
    bool is_admitted;
    b->store = redis_fixture_store(redis_fixture_shared(), b->pool);
    uint32_t place = admit(b, live, "dead-1", &is_admitted);
    cg_live_move(live, place, CG_LIVE_SENT);
    cg_live_progress(live, place, 10, 40, 120);
}

static void admission_of_a_process_killed_before_the_answer_is_undone(void)
{
    bench_t b;
    bool is_admitted;
    cg_error_t err;
    cg_live_copy_t copy;
    bench_open(&b, redis_fixture_shared());
    uint32_t place = admit(&b, b.live, "asked", &is_admitted);
    CU_ASSERT(is_admitted);
    CU_ASSERT_EQUAL(cg_live_state(b.live, place), CG_LIVE_HELD);
    expect(&b, 300, 900, 1, 1);
    /* As if the process had not lived to hear of it. */
    cg_live_move(b.live, place, CG_LIVE_ASKING);
    cg_quota_undo_here(b.quota, "asked");
    cg_live_cancel(b.live, place);
    CU_ASSERT_FATAL(cg_live_read(b.live, place, &copy));
    CU_ASSERT(copy.is_cancelled);
    CU_ASSERT_EQUAL(cg_quota_pay_owed(b.quota, &err, b.pool), APR_SUCCESS);
    expect(&b, 0, 0, 0, 0);
    CU_ASSERT(is_empty(&b));
    CU_ASSERT_EQUAL(only(&b), 0);
    bench_close(&b);
}

static void what_is_owed_is_paid_once_also_after_an_outage(void)
{
    bench_t b;
    bool is_admitted;
    cg_error_t err;
    redis_fixture_t redis = {0};
    redis_fixture_start(&redis, true);
    bench_open(&b, &redis);
    uint32_t place = admit(&b, b.live, "owed", &is_admitted);
    cg_quota_bill_t bill = {.input_tokens = 10, .output_tokens = 20,
                            .micros = 77};
    cg_live_bill(b.live, place, &bill, true);
    cg_live_end(b.live, place, false);
    redis_fixture_kill(&redis);
    CU_ASSERT(cg_quota_pay_owed(b.quota, &err, b.pool) != APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_live_state(b.live, place), CG_LIVE_OWED);
    redis_fixture_restart(&redis);
    for (int i = 0; i < 3; i++) {
        for (int t = 0; t < 100 && cg_quota_pay_owed(b.quota, &err, b.pool) !=
                                       APR_SUCCESS;
             t++) {
            usleep(20000);
        }
    }
    expect(&b, 30, 77, 0, 1);
    CU_ASSERT_EQUAL(cg_live_state(b.live, place), CG_LIVE_DONE);
    bench_close(&b);
    redis_fixture_stop(&redis);
}

static void live_streams_raise_what_they_are_charged_if_all_dies(void)
{
    bench_t b;
    bool is_admitted;
    cg_error_t err;
    cg_quota_grant_t grant;
    cg_quota_ask_t asks[] = {ask_of(&tokens_1000, 300, 10),
                             ask_of(&budget_5, 900, 30)};
    bench_open(&b, redis_fixture_shared());
    uint32_t place = cg_live_claim(b.live, "streams", "", 0, 1);
    cg_quota_admit_live(b.quota, "streams", place, NULL, asks, 2, SECOND / 10,
                        cg_clock_now(), &grant, &err, b.pool);
    CU_ASSERT(grant.is_admitted);
    cg_live_move(b.live, place, CG_LIVE_SENT);
    cg_live_progress(b.live, place, 10, 50, 222);
    CU_ASSERT_EQUAL(cg_quota_raise_live(b.quota, &err, b.pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(used_of(&b, &budget_5), 900);
    usleep(120000);
    cg_quota_settle(b.quota, NULL, 0, &err, b.pool);
    CU_ASSERT_EQUAL(used_of(&b, &tokens_1000), 60);
    CU_ASSERT_EQUAL(used_of(&b, &budget_5), 222);
    CU_ASSERT_EQUAL(held_of(&b, &budget_5), 0);
    (void)is_admitted;
    bench_close(&b);
}

/* ---- a store that forgets ---------------------------------------------------------- */

static void holds_and_bills_that_a_store_has_lost_are_there_again(void)
{
    bench_t b;
    bool is_admitted;
    cg_error_t err;
    size_t count;
    redis_fixture_t redis = {0};
    redis_fixture_start(&redis, false);
    bench_open(&b, &redis);
    uint32_t settled = admit(&b, b.live, "settled", &is_admitted);
    admit(&b, b.live, "under way", &is_admitted);
    admit(&b, b.live, "asking", &is_admitted);
    cg_quota_bill_t bill = {.id = "settled", .input_tokens = 10,
                            .output_tokens = 20, .micros = 77};
    cg_live_bill(b.live, settled, &bill, true);
    cg_live_end(b.live, settled, true);
    cg_quota_settle(b.quota, &bill, 1, &err, b.pool);
    cg_live_move(b.live, 3, CG_LIVE_ASKING);
    expect(&b, 630, 1877, 2, 3);
    for (int i = 0; i < 3; i++) { /* a store that forgot nothing */
        CU_ASSERT_EQUAL(cg_quota_resend(b.quota, &count, &err, b.pool),
                        APR_SUCCESS);
        CU_ASSERT_EQUAL(count, 2);
        expect(&b, 630, 1877, 2, 3);
    }
    redis_fixture_call(b.store, b.pool, "FLUSHALL", NULL);
    for (int i = 0; i < 3; i++) { /* one that forgot all */
        CU_ASSERT_EQUAL(cg_quota_resend(b.quota, &count, &err, b.pool),
                        APR_SUCCESS);
        expect(&b, 330, 977, 1, 2);
    }
    cg_quota_bill_t last = {.id = "under way", .input_tokens = 1,
                            .output_tokens = 2, .micros = 3};
    cg_quota_settle(b.quota, &last, 1, &err, b.pool);
    expect(&b, 33, 80, 0, 2);
    CU_ASSERT(is_empty(&b));
    bench_close(&b);
    redis_fixture_stop(&redis);
}

static void a_hold_is_restored_also_where_there_is_no_room_for_it(void)
{
    bench_t b;
    bool is_admitted;
    cg_error_t err;
    size_t count;
    redis_fixture_t redis = {0};
    redis_fixture_start(&redis, false);
    bench_open(&b, &redis);
    for (int i = 0; i < 3; i++) {
        admit(&b, b.live, apr_psprintf(b.pool, "a%d", i), &is_admitted);
        CU_ASSERT(is_admitted);
    }
    redis_fixture_call(b.store, b.pool, "FLUSHALL", NULL);
    for (int i = 0; i < 3; i++) { /* others were admitted meanwhile */
        admit(&b, NULL, apr_psprintf(b.pool, "b%d", i), &is_admitted);
        CU_ASSERT(is_admitted);
    }
    cg_quota_live(b.quota, b.live);
    CU_ASSERT_EQUAL(cg_quota_resend(b.quota, &count, &err, b.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(used_of(&b, &tokens_1000), 1000); /* 1800 of 1000 */
    CU_ASSERT_EQUAL(held_of(&b, &budget_5), 6 * 900);
    admit(&b, b.live, "more", &is_admitted);
    CU_ASSERT_FALSE(is_admitted);
    bench_close(&b);
    redis_fixture_stop(&redis);
}

/* The same command, arriving late, must not hold anew what is settled. */
static void an_admission_that_comes_after_its_settling_holds_nothing(void)
{
    bench_t b;
    bool is_admitted;
    cg_error_t err;
    bench_open(&b, redis_fixture_shared());
    admit(&b, b.live, "late", &is_admitted);
    cg_quota_bill_t bill = {.id = "late", .output_tokens = 5, .micros = 9};
    cg_quota_settle(b.quota, &bill, 1, &err, b.pool);
    expect(&b, 5, 9, 0, 1);
    admit(&b, b.live, "late", &is_admitted);
    expect(&b, 5, 9, 0, 1);
    CU_ASSERT(is_empty(&b));
    bench_close(&b);
}

/* Many at once: the list of lost admissions has room for 256. */
static void admissions_whose_answers_were_lost_are_all_undone(void)
{
    bench_t b;
    cg_error_t err;
    bool is_admitted;
    redis_fixture_t redis = {0};
    redis_fixture_start(&redis, false);
    bench_open(&b, &redis);
    admit(&b, b.live, "first", &is_admitted);
    b.store = redis_fixture_quick_store(&redis, b.pool);
    b.quota = cg_quota_open(b.store, b.shared, b.pool);
    redis_fixture_freeze(&redis);
    for (int i = 0; i < 3; i++) {
        uint32_t place =
            admit(&b, b.live, apr_psprintf(b.pool, "lost-%d", i), &is_admitted);
        CU_ASSERT_FALSE(is_admitted);
        cg_live_free(b.live, place); /* it was refused */
    }
    CU_ASSERT_EQUAL(cg_live_state(b.live, 2), CG_LIVE_OWED);
    redis_fixture_thaw(&redis);
    for (int i = 0; i < 200 && cg_quota_pay_owed(b.quota, &err, b.pool) !=
                                   APR_SUCCESS;
         i++) {
        usleep(20000);
    }
    expect(&b, 300, 900, 1, 1);
    CU_ASSERT_EQUAL(cg_live_state(b.live, 2), CG_LIVE_FREE);
    bench_close(&b);
    redis_fixture_stop(&redis);
}

static void streamed_count_of_a_killed_process_is_there_for_another(void)
{
    bench_t b;
    cg_error_t err;
    cg_live_copy_t copy;
    bench_open(&b, redis_fixture_shared());
    pid_t pid = in_child(&b, hold_and_stay);
    CU_ASSERT_EQUAL(orphans(&b), 0);
    expect(&b, 300, 900, 1, 1);
    end(pid);
    CU_ASSERT_EQUAL_FATAL(orphans(&b), 1);
    CU_ASSERT_FATAL(cg_live_read(b.live, only(&b), &copy));
    CU_ASSERT_EQUAL(copy.state, CG_LIVE_SENT);
    CU_ASSERT(copy.has_hold);
    CU_ASSERT(cg_live_adopt(b.live, &copy));
    cg_quota_bill_t bill = {.input_tokens = copy.input,
                            .output_tokens = copy.output,
                            .micros = copy.micros};
    cg_live_bill(b.live, copy.place, &bill, true);
    cg_live_end(b.live, copy.place, false);
    CU_ASSERT_EQUAL(cg_quota_pay_owed(b.quota, &err, b.pool), APR_SUCCESS);
    expect(&b, 50, 120, 0, 1);
    CU_ASSERT(is_empty(&b));
    bench_close(&b);
}

CU_TestInfo test_quota_live[] = {
    {"a_place_is_taken_told_of_and_left", a_place_is_taken_told_of_and_left},
    {"none_of_it_needs_a_place", none_of_it_needs_a_place},
    {"a_full_table_turns_away_and_what_is_owed_is_never_written_over",
     a_full_table_turns_away_and_what_is_owed_is_never_written_over},
    {"only_the_dead_are_orphans_and_the_unburied_are_dead",
     only_the_dead_are_orphans_and_the_unburied_are_dead},
    {"a_later_process_of_the_same_id_is_another_one",
     a_later_process_of_the_same_id_is_another_one},
    {"a_place_taken_by_one_who_wrote_nothing_asks_for_nothing",
     a_place_taken_by_one_who_wrote_nothing_asks_for_nothing},
    {"no_place_is_ever_given_to_two", no_place_is_ever_given_to_two},
    {"admission_of_a_process_killed_before_the_answer_is_undone",
     admission_of_a_process_killed_before_the_answer_is_undone},
    {"what_is_owed_is_paid_once_also_after_an_outage",
     what_is_owed_is_paid_once_also_after_an_outage},
    {"live_streams_raise_what_they_are_charged_if_all_dies",
     live_streams_raise_what_they_are_charged_if_all_dies},
    {"holds_and_bills_that_a_store_has_lost_are_there_again",
     holds_and_bills_that_a_store_has_lost_are_there_again},
    {"a_hold_is_restored_also_where_there_is_no_room_for_it",
     a_hold_is_restored_also_where_there_is_no_room_for_it},
    {"an_admission_that_comes_after_its_settling_holds_nothing",
     an_admission_that_comes_after_its_settling_holds_nothing},
    {"admissions_whose_answers_were_lost_are_all_undone",
     admissions_whose_answers_were_lost_are_all_undone},
    {"streamed_count_of_a_killed_process_is_there_for_another",
     streamed_count_of_a_killed_process_is_there_for_another},
    CU_TEST_INFO_NULL,
};
