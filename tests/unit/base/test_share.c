/* Shared memory and the cache in it, by several processes and threads.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/share.h"

#include "base/digest.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include "base/clock.h"
#include "base/share_int.h"

#define NOW (INT64_C(1795560511) * 1000000)
#define SECOND apr_time_from_sec(1)
#define CHILDREN 3

static apr_pool_t *open_pool(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    return pool;
}

static void *shared(size_t bytes, apr_pool_t *pool)
{
    cg_share_t *share = NULL;
    CU_ASSERT_EQUAL_FATAL(cg_share_create(&share, bytes, pool), APR_SUCCESS);
    return cg_share_carve(share, bytes);
}

static cg_cache_t *cache_of(size_t entries, size_t value_bytes,
                            apr_pool_t *pool)
{
    void *memory = shared(cg_cache_bytes(entries, value_bytes), pool);
    return cg_cache_attach(memory, entries, value_bytes, pool);
}

typedef void child_fn(void *data, int number);

/* Runs the function in some children; true if all ended well. */
static bool in_children(child_fn *run, void *data)
{
    pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            alarm(60);
            run(data, i);
            _exit(0);
        }
    }
    bool is_well = true;
    for (int i = 0; i < CHILDREN; i++) {
        int status = 0;
        is_well &= waitpid(children[i], &status, 0) == children[i];
        is_well &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    return is_well;
}

/* ---- the mapping and its words ---------------------------------------- */

static void parts_are_aligned_zeroed_and_run_out(void)
{
    apr_pool_t *pool = open_pool();
    cg_share_t *share = NULL;
    CU_ASSERT_EQUAL(cg_share_create(&share, 256, pool), APR_SUCCESS);
    unsigned char *a = cg_share_carve(share, 1);
    unsigned char *b = cg_share_carve(share, 100);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b);
    CU_ASSERT_EQUAL((uintptr_t)a % 64, 0);
    CU_ASSERT_EQUAL(b - a, 64);
    CU_ASSERT_EQUAL(b[0] | b[99], 0);
    CU_ASSERT_PTR_NULL(cg_share_carve(share, 65));
    CU_ASSERT_PTR_NOT_NULL(cg_share_carve(share, 64));
    CU_ASSERT_PTR_NULL(cg_share_carve(share, 1));
    CU_ASSERT_EQUAL(cg_share_create(&share, 0, pool), APR_EINVAL);
    CU_ASSERT_NOT_EQUAL(cg_share_create(&share, SIZE_MAX, pool), APR_SUCCESS);
    CU_ASSERT_PTR_NULL(share);
    apr_pool_destroy(pool);
}

static void count_up(void *data, int number)
{
    (void)number;
    for (int i = 0; i < 100000; i++) {
        cg_atomic_add(data, 1);
    }
}

static void children_count_in_one_word_without_loss(void)
{
    apr_pool_t *pool = open_pool();
    int64_t *word = shared(64, pool);
    CU_ASSERT_TRUE(in_children(count_up, word));
    CU_ASSERT_EQUAL(cg_atomic_get(word), CHILDREN * 100000);
    CU_ASSERT_EQUAL(cg_atomic_add(word, -1), CHILDREN * 100000 - 1);
    CU_ASSERT_FALSE(cg_atomic_swap_if(word, 5, 6));
    CU_ASSERT_TRUE(cg_atomic_swap_if(word, CHILDREN * 100000 - 1, 6));
    CU_ASSERT_EQUAL(cg_atomic_get(word), 6);
    cg_atomic_set(word, 7);
    CU_ASSERT_EQUAL(*word, 7);
    apr_pool_destroy(pool);
}

/* ---- one user of the cache -------------------------------------------- */

static void what_is_put_is_found_until_it_is_dropped(void)
{
    apr_pool_t *pool = open_pool();
    cg_cache_t *cache = cache_of(100, 13, pool);
    char out[14] = "";
    apr_time_t at = 0;
    CU_ASSERT_FALSE(cg_cache_get(cache, "k", 1, out, &at));
    cg_cache_put(cache, "k", 1, "thirteen byte", NOW);
    cg_cache_put(cache, "", 0, "of empty key.", NOW + 1);
    CU_ASSERT_TRUE(cg_cache_get(cache, "k", 1, out, &at));
    CU_ASSERT_STRING_EQUAL(out, "thirteen byte");
    CU_ASSERT_EQUAL(at, NOW);
    CU_ASSERT_TRUE(cg_cache_get(cache, "", 0, out, NULL));
    CU_ASSERT_STRING_EQUAL(out, "of empty key.");
    cg_cache_put(cache, "k", 1, "another value", NOW + 2);
    CU_ASSERT_TRUE(cg_cache_get(cache, "k", 1, out, &at));
    CU_ASSERT_STRING_EQUAL(out, "another value");
    CU_ASSERT_EQUAL(at, NOW + 2);
    cg_cache_drop(cache, "k", 1);
    CU_ASSERT_FALSE(cg_cache_get(cache, "k", 1, out, &at));
    cg_cache_put(cache, "k", 1, "and once more", NOW + 3);
    CU_ASSERT_TRUE(cg_cache_get(cache, "k", 1, out, &at));
    CU_ASSERT_STRING_EQUAL(out, "and once more");
    apr_pool_destroy(pool);
}

/* 1,000 keys, 2,048 places: each is found again, under its own hash alone. */
static void who_has_hashed_already_finds_the_same(void)
{
    apr_pool_t *pool = open_pool();
    cg_cache_t *cache = cache_of(2048, 8, pool);
    uint64_t key[2] = {1, 2};
    uint64_t hash[2];
    int64_t out = 0;
    apr_time_t at = 0;
    int found = 0;
    for (int64_t i = 0; i < 1000; i++) {
        cg_siphash(key, &i, sizeof i, hash);
        CU_ASSERT_FALSE(cg_cache_find(cache, hash, &out, NULL));
        cg_cache_keep(cache, hash, &i, NOW + i);
    }
    for (int64_t i = 0; i < 1000; i++) {
        cg_siphash(key, &i, sizeof i, hash);
        if (cg_cache_find(cache, hash, &out, &at)) {
            found++;
            CU_ASSERT_TRUE(out == i && at == NOW + i);
        }
        hash[1] ^= 1;
        CU_ASSERT_FALSE(cg_cache_find(cache, hash, &out, NULL));
    }
    CU_ASSERT_TRUE(found > 980); /* a few sets of eight overflow */
    apr_pool_destroy(pool);
}

static void outdating_makes_everything_old_at_once(void)
{
    apr_pool_t *pool = open_pool();
    cg_cache_t *cache = cache_of(1000, 8, pool);
    for (int64_t i = 0; i < 500; i++) {
        cg_cache_put(cache, &i, sizeof i, &i, NOW);
    }
    cg_cache_outdate(cache);
    int old = 0;
    for (int64_t i = 0; i < 500; i++) {
        int64_t out = 0;
        apr_time_t at = NOW;
        bool found = cg_cache_get(cache, &i, sizeof i, &out, &at);
        old += found && out == i && at == 0;
    }
    CU_ASSERT_TRUE(old > 400);
    int64_t key = 1;
    int64_t out = 0;
    apr_time_t at = 0;
    cg_cache_put(cache, &key, sizeof key, &key, NOW);
    CU_ASSERT_TRUE(cg_cache_get(cache, &key, sizeof key, &out, &at));
    CU_ASSERT_EQUAL(at, NOW);
    apr_pool_destroy(pool);
}

static void a_full_set_gives_up_its_oldest(void)
{
    apr_pool_t *pool = open_pool();
    cg_cache_t *cache = cache_of(CG_CACHE_WAYS, 8, pool);
    int64_t out = 0;
    for (int64_t i = 0; i < CG_CACHE_WAYS; i++) {
        cg_cache_put(cache, &i, sizeof i, &i, NOW + i);
    }
    int64_t key = 0; /* the oldest becomes the newest */
    cg_cache_put(cache, &key, sizeof key, &key, NOW + 100);
    key = 99;
    cg_cache_put(cache, &key, sizeof key, &key, NOW + 101);
    for (int64_t i = 0; i < CG_CACHE_WAYS; i++) {
        bool is_found = cg_cache_get(cache, &i, sizeof i, &out, NULL);
        CU_ASSERT_EQUAL(is_found, i != 1);
        CU_ASSERT_TRUE(!is_found || out == i);
    }
    CU_ASSERT_TRUE(cg_cache_get(cache, &key, sizeof key, &out, NULL));
    apr_pool_destroy(pool);
}

static void most_of_its_size_is_usable(void)
{
    apr_pool_t *pool = open_pool();
    cg_cache_t *cache = cache_of(8192, 8, pool);
    int found = 0;
    for (int64_t i = 0; i < 4096; i++) {
        cg_cache_put(cache, &i, sizeof i, &i, NOW + i);
    }
    for (int64_t i = 0; i < 4096; i++) {
        int64_t out = -1;
        found += cg_cache_get(cache, &i, sizeof i, &out, NULL) && out == i;
    }
    CU_ASSERT_TRUE(found > 3900);
    apr_pool_destroy(pool);
}

static void a_drop_during_the_look_up_wins(void)
{
    apr_pool_t *pool = open_pool();
    cg_cache_t *cache = cache_of(4096, 8, pool);
    int64_t out = 0;
    int64_t mark = cg_cache_mark(cache);
    cg_cache_drop(cache, "key", 3);
    cg_cache_put_if(cache, "key", 3, &mark, NOW, mark);
    CU_ASSERT_FALSE(cg_cache_get(cache, "key", 3, &out, NULL));
    mark = cg_cache_mark(cache);
    apr_time_t at = NOW;
    cg_cache_outdate(cache);
    cg_cache_put_if(cache, "key", 3, &mark, NOW, mark);
    CU_ASSERT_TRUE(cg_cache_get(cache, "key", 3, &out, &at));
    CU_ASSERT_EQUAL(at, 0);
    mark = cg_cache_mark(cache);
    cg_cache_put_if(cache, "key", 3, &mark, NOW, mark);
    CU_ASSERT_TRUE(cg_cache_get(cache, "key", 3, &out, NULL));
    CU_ASSERT_EQUAL(out, mark);
    apr_pool_destroy(pool);
}

static void a_drop_elsewhere_does_not_stop_a_put(void)
{
    apr_pool_t *pool = open_pool();
    cg_cache_t *cache = cache_of(4096, 8, pool);
    int lost = 0;
    for (int64_t i = 0; i < 200; i++) {
        int64_t other = i + 1000;
        int64_t out = 0;
        int64_t mark = cg_cache_mark(cache);
        cg_cache_drop(cache, &other, sizeof other);
        cg_cache_put_if(cache, &i, sizeof i, &i, NOW, mark);
        lost += !cg_cache_get(cache, &i, sizeof i, &out, NULL);
    }
    CU_ASSERT_TRUE(lost < 10);
    apr_pool_destroy(pool);
}

static void attaching_again_keeps_what_is_there_if_the_size_is_the_same(void)
{
    apr_pool_t *pool = open_pool();
    void *memory = shared(cg_cache_bytes(100, 8), pool);
    cg_cache_t *first = cg_cache_attach(memory, 100, 8, pool);
    int64_t value = 5;
    int64_t out = 0;
    cg_cache_put(first, "k", 1, &value, NOW);
    cg_cache_t *second = cg_cache_attach(memory, 100, 8, pool);
    CU_ASSERT_TRUE(cg_cache_get(second, "k", 1, &out, NULL));
    second = cg_cache_attach(memory, 50, 8, pool);
    CU_ASSERT_FALSE(cg_cache_get(second, "k", 1, &out, NULL));
    cg_cache_put(second, "k", 1, &value, NOW);
    CU_ASSERT_TRUE(cg_cache_get(second, "k", 1, &out, NULL));
    apr_pool_destroy(pool);
}

/* ---- writers who die or sleep ----------------------------------------- */

static cg_cache_slot_t *slot_of(void *memory, size_t way)
{
    void *slot = (char *)memory + 2 * CG_LINE_BYTES + way * CG_LINE_BYTES;
    return slot;
}

/* As a writer leaves it that died after the first word. */
static void leave_half_written(cg_cache_slot_t *slot, apr_time_t since)
{
    slot->seq = (int64_t)((uint64_t)(since / 1000) << 24 | 3);
    slot->key[0] ^= 1;
}

static void a_slot_left_half_written_is_skipped_and_taken_again_later(void)
{
    apr_pool_t *pool = open_pool();
    void *memory = shared(cg_cache_bytes(CG_CACHE_WAYS, 8), pool);
    cg_cache_t *cache = cg_cache_attach(memory, CG_CACHE_WAYS, 8, pool);
    int64_t value = 5;
    int64_t out = 0;
    for (size_t way = 0; way < CG_CACHE_WAYS; way++) {
        leave_half_written(slot_of(memory, way), NOW);
    }
    cg_cache_put(cache, "k", 1, &value, NOW + SECOND / 2);
    CU_ASSERT_FALSE(cg_cache_get(cache, "k", 1, &out, NULL));
    cg_cache_put(cache, "k", 1, &value, NOW + 2 * SECOND);
    CU_ASSERT_TRUE(cg_cache_get(cache, "k", 1, &out, NULL));
    CU_ASSERT_EQUAL(out, 5);
    apr_pool_destroy(pool);
}

/* One caller's clock reading may be older than another's by a while. */
static void a_writer_with_a_later_clock_is_not_taken_for_dead(void)
{
    apr_pool_t *pool = open_pool();
    void *memory = shared(cg_cache_bytes(CG_CACHE_WAYS, 8), pool);
    cg_cache_t *cache = cg_cache_attach(memory, CG_CACHE_WAYS, 8, pool);
    int64_t value = 5;
    for (size_t way = 0; way < CG_CACHE_WAYS; way++) {
        leave_half_written(slot_of(memory, way), NOW + 5 * SECOND);
    }
    int64_t before = slot_of(memory, 0)->seq;
    cg_cache_put(cache, "k", 1, &value, NOW);
    CU_ASSERT_FALSE(cg_cache_get(cache, "k", 1, &value, NULL));
    CU_ASSERT_EQUAL(slot_of(memory, 0)->seq, before);
    apr_pool_destroy(pool);
}

static void one_dead_slot_leaves_the_others_in_use(void)
{
    apr_pool_t *pool = open_pool();
    void *memory = shared(cg_cache_bytes(CG_CACHE_WAYS, 8), pool);
    cg_cache_t *cache = cg_cache_attach(memory, CG_CACHE_WAYS, 8, pool);
    int64_t out = 0;
    leave_half_written(slot_of(memory, 0), NOW);
    for (int64_t i = 0; i < CG_CACHE_WAYS - 1; i++) {
        cg_cache_put(cache, &i, sizeof i, &i, NOW);
    }
    for (int64_t i = 0; i < CG_CACHE_WAYS - 1; i++) {
        CU_ASSERT_TRUE(cg_cache_get(cache, &i, sizeof i, &out, NULL));
    }
    apr_pool_destroy(pool);
}

/* A writer stopped inside a slot for longer than CG_CACHE_STUCK_FOR goes on
 * writing there when it wakes: what it leaves must not be taken for a value. */
static void a_value_mixed_from_two_writers_is_not_given_out(void)
{
    apr_pool_t *pool = open_pool();
    void *memory = shared(cg_cache_bytes(CG_CACHE_WAYS, 8), pool);
    cg_cache_t *cache = cg_cache_attach(memory, CG_CACHE_WAYS, 8, pool);
    int64_t value = 5;
    int64_t out = 0;
    cg_cache_put(cache, "k", 1, &value, NOW);
    CU_ASSERT_TRUE(cg_cache_get(cache, "k", 1, &out, NULL));
    for (size_t way = 0; way < CG_CACHE_WAYS; way++) {
        slot_of(memory, way)->value[0] ^= 1;
    }
    CU_ASSERT_FALSE(cg_cache_get(cache, "k", 1, &out, NULL));
    cg_cache_put(cache, "k", 1, &value, NOW);
    CU_ASSERT_TRUE(cg_cache_get(cache, "k", 1, &out, NULL));
    for (size_t way = 0; way < CG_CACHE_WAYS; way++) {
        slot_of(memory, way)->at ^= 1;
    }
    CU_ASSERT_FALSE(cg_cache_get(cache, "k", 1, &out, NULL));
    apr_pool_destroy(pool);
}

/* ---- many users ------------------------------------------------------- */

enum { KEYS = 64, WORDS = 20, ROUNDS = 30000 };

static void fill(int64_t value[WORDS], int64_t key, int64_t salt)
{
    for (int64_t i = 0; i < WORDS; i++) {
        value[i] = key * 1000003 + salt * (i + 1);
    }
}

static bool is_whole(const int64_t value[WORDS], int64_t key)
{
    int64_t salt = value[0] - key * 1000003;
    int64_t wanted[WORDS];
    fill(wanted, key, salt);
    return memcmp(value, wanted, sizeof wanted) == 0;
}

/* Each value tells its key and is whole, however the users interleave. */
static bool hammer(cg_cache_t *cache, int number)
{
    uint64_t dice = (uint64_t)number * 7919 + 1;
    for (int i = 0; i < ROUNDS; i++) {
        dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
        int64_t key = (int64_t)(dice >> 33) % KEYS;
        int64_t value[WORDS];
        int deed = (int)(dice >> 60);
        if (deed == 0) {
            cg_cache_drop(cache, &key, sizeof key);
        } else if (deed < 6) {
            fill(value, key, i);
            cg_cache_put(cache, &key, sizeof key, value, NOW + i);
        } else if (cg_cache_get(cache, &key, sizeof key, value, NULL) &&
                   !is_whole(value, key)) {
            return false;
        }
    }
    return true;
}

static void hammer_in_child(void *data, int number)
{
    if (!hammer(data, number)) {
        _exit(1);
    }
}

static void children_never_see_a_torn_value(void)
{
    apr_pool_t *pool = open_pool();
    cg_cache_t *cache = cache_of(32, WORDS * 8, pool);
    CU_ASSERT_TRUE(in_children(hammer_in_child, cache));
    apr_pool_destroy(pool);
}

typedef struct worker_t {
    cg_cache_t *cache;
    int number;
    bool is_well;
} worker_t;

static void *hammer_in_thread(void *data)
{
    worker_t *worker = data;
    worker->is_well = hammer(worker->cache, worker->number);
    return NULL;
}

/* ThreadSanitizer sees only this one. */
static void threads_never_see_a_torn_value(void)
{
    apr_pool_t *pool = open_pool();
    cg_cache_t *cache = cache_of(32, WORDS * 8, pool);
    pthread_t threads[CHILDREN];
    worker_t workers[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        workers[i] = (worker_t){cache, i, false};
        pthread_create(&threads[i], NULL, hammer_in_thread, &workers[i]);
    }
    for (int i = 0; i < CHILDREN; i++) {
        pthread_join(threads[i], NULL);
        CU_ASSERT_TRUE(workers[i].is_well);
    }
    apr_pool_destroy(pool);
}

static void killed_children_do_not_spoil_the_cache(void)
{
    apr_pool_t *pool = open_pool();
    cg_cache_t *cache = cache_of(32, WORDS * 8, pool);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(60);
            for (int k = 0; k < 1000; k++) {
                hammer(cache, k);
            }
            _exit(0);
        }
        usleep(2000 + 97 * (useconds_t)i);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    CU_ASSERT_TRUE(hammer(cache, 1));
    /* Whatever died half-written is taken again after a while. */
    int found = 0;
    for (int64_t key = 0; key < KEYS; key++) {
        int64_t value[WORDS];
        fill(value, key, 1);
        cg_cache_put(cache, &key, sizeof key, value, NOW + 60 * SECOND + key);
        found += cg_cache_get(cache, &key, sizeof key, value, NULL) &&
                 is_whole(value, key);
    }
    CU_ASSERT_EQUAL(found, KEYS);
    apr_pool_destroy(pool);
}

/* The truth is a number that only grows; one child changes it and drops the
 * key, the others look it up and put what they saw. */
typedef struct truth_t {
    cg_cache_t *cache;
    int64_t *number; /* shared */
} truth_t;

static void look_up_and_put(const truth_t *truth)
{
    for (int i = 0; i < ROUNDS; i++) {
        int64_t mark = cg_cache_mark(truth->cache);
        int64_t seen = cg_atomic_get(truth->number);
        for (volatile int wait = 0; wait < i % 50; wait++) {
        }
        cg_cache_put_if(truth->cache, "key", 3, &seen, NOW + i, mark);
    }
}

static void change_and_drop(void *data, int number)
{
    const truth_t *truth = data;
    if (number > 0) {
        look_up_and_put(truth);
        return;
    }
    for (int i = 0; i < ROUNDS; i++) {
        int64_t now = cg_atomic_add(truth->number, 1);
        int64_t seen = 0;
        cg_cache_drop(truth->cache, "key", 3);
        for (int look = 0; look < 5; look++) {
            if (cg_cache_get(truth->cache, "key", 3, &seen, NULL) &&
                seen != now) {
                _exit(1);
            }
        }
    }
}

static void a_dropped_value_never_comes_back(void)
{
    apr_pool_t *pool = open_pool();
    truth_t truth = {cache_of(64, 8, pool), shared(64, pool)};
    CU_ASSERT_TRUE(in_children(change_and_drop, &truth));
    apr_pool_destroy(pool);
}

CU_TestInfo test_base_share[] = {
    {"parts_are_aligned_zeroed_and_run_out",
     parts_are_aligned_zeroed_and_run_out},
    {"children_count_in_one_word_without_loss",
     children_count_in_one_word_without_loss},
    {"what_is_put_is_found_until_it_is_dropped",
     what_is_put_is_found_until_it_is_dropped},
    {"who_has_hashed_already_finds_the_same",
     who_has_hashed_already_finds_the_same},
    {"outdating_makes_everything_old_at_once", outdating_makes_everything_old_at_once},
    {"a_full_set_gives_up_its_oldest", a_full_set_gives_up_its_oldest},
    {"most_of_its_size_is_usable", most_of_its_size_is_usable},
    {"a_drop_during_the_look_up_wins", a_drop_during_the_look_up_wins},
    {"a_drop_elsewhere_does_not_stop_a_put",
     a_drop_elsewhere_does_not_stop_a_put},
    {"attaching_again_keeps_what_is_there_if_the_size_is_the_same",
     attaching_again_keeps_what_is_there_if_the_size_is_the_same},
    {"a_slot_left_half_written_is_skipped_and_taken_again_later",
     a_slot_left_half_written_is_skipped_and_taken_again_later},
    {"a_writer_with_a_later_clock_is_not_taken_for_dead",
     a_writer_with_a_later_clock_is_not_taken_for_dead},
    {"one_dead_slot_leaves_the_others_in_use",
     one_dead_slot_leaves_the_others_in_use},
    {"a_value_mixed_from_two_writers_is_not_given_out",
     a_value_mixed_from_two_writers_is_not_given_out},
    {"children_never_see_a_torn_value", children_never_see_a_torn_value},
    {"threads_never_see_a_torn_value", threads_never_see_a_torn_value},
    {"killed_children_do_not_spoil_the_cache",
     killed_children_do_not_spoil_the_cache},
    {"a_dropped_value_never_comes_back", a_dropped_value_never_comes_back},
    CU_TEST_INFO_NULL,
};
