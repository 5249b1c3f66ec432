/* A crowd that admits against a hard budget while servers die and slots move.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/share.h"

#define THREADS_MAX 16
#define PAUSE_US 300

/* KEYS counter, list, hold · ARGV limit, id, whether it was admitted before */
static const char source[] =
    "if redis.call('SISMEMBER', KEYS[2], ARGV[2]) == 1 then return 1 end\n"
    "if ARGV[3] == '0' and\n"
    "    tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[1]) "
    "then\n"
    "  return 0\n"
    "end\n"
    "redis.call('INCR', KEYS[1])\n"
    "redis.call('SADD', KEYS[2], ARGV[2])\n"
    "redis.call('SET', KEYS[3], '1', 'EX', 600)\n"
    "return 1\n";

typedef struct worker_t {
    load_t *load;
    int which;
    pthread_t thread;
    cg_store_t *store;
    apr_pool_t *pool;
    char (*kept)[32]; /* ids that were answered "admitted" */
    int64_t kept_count;
    int64_t generation;
    volatile int64_t refused; /* since it knows the newest generation */
} worker_t;

struct load_t {
    const char *tag;
    int64_t limit;
    cg_script_t script;
    worker_t workers[THREADS_MAX];
    int threads;
    volatile int64_t admitted, refused, failed, unsure;
    volatile int64_t is_over;
    apr_pool_t *pool;
};

static cg_store_t *open_store(const char *url, apr_pool_t *pool)
{
    cg_store_t *store = NULL;
    cg_error_t err = {.text = ""};
    cg_store_options_t options = {.url = url, .operation_for = 250000};
    if (cg_store_open(&store, &options, &err, pool) != APR_SUCCESS) {
        CU_FAIL_FATAL("the store does not open");
    }
    return store;
}

static cg_str_t key(const load_t *load, const char *name, apr_pool_t *pool)
{
    return cg_str(apr_pstrcat(pool, "{", load->tag, "}:", name, NULL));
}

static apr_status_t ask(worker_t *w, const char *id, bool was_admitted,
                        cg_reply_t *out, apr_pool_t *pool)
{
    load_t *load = w->load;
    cg_str_t keys[] = {key(load, "spent", pool), key(load, "all", pool),
                       key(load, id, pool)};
    cg_str_t args[] = {cg_str(apr_psprintf(pool, "%ld", (long)load->limit)),
                       cg_str(id), was_admitted ? CG_STR("1") : CG_STR("0")};
    return cg_store_script(w->store, &load->script, keys, 3, args, 3, out, NULL,
                           pool);
}

/* What was admitted before is told to a server that may not have heard of it,
 * before anything new is asked of it. */
static bool tell_again(worker_t *w, apr_pool_t *pool)
{
    for (int64_t i = 0; i < w->kept_count; i++) {
        cg_reply_t r;
        if (ask(w, w->kept[i], true, &r, pool) != APR_SUCCESS ||
            r.kind != CG_REPLY_INT) {
            return false;
        }
        if (i % 100 == 0) {
            apr_pool_clear(pool);
        }
    }
    return true;
}

static void admit(worker_t *w, int64_t turn, apr_pool_t *pool)
{
    load_t *load = w->load;
    char *id = w->kept[w->kept_count];
    cg_reply_t r = {.kind = CG_REPLY_NIL};
    apr_snprintf(id, 32, "%d-%ld", w->which, (long)turn);
    apr_status_t rv = ask(w, id, false, &r, pool);
    if (rv == APR_SUCCESS && r.kind == CG_REPLY_INT && r.number == 1) {
        w->kept_count++;
        cg_atomic_add(&load->admitted, 1);
    }
    else if (rv == APR_SUCCESS && r.kind == CG_REPLY_INT) {
        cg_atomic_add(&load->refused, 1);
        cg_atomic_add(&w->refused, 1);
        usleep(5000);
    }
    else {
        cg_atomic_add(&load->failed, 1);
        cg_atomic_add(&load->unsure, rv == APR_TIMEUP || rv == APR_ECONNRESET);
        usleep(2000);
    }
}

static void *work(void *data)
{
    worker_t *w = data;
    apr_pool_t *pool;
    apr_pool_create(&pool, w->pool);
    for (int64_t turn = 0; !cg_atomic_get(&w->load->is_over); turn++) {
        int64_t generation = cg_store_generation(w->store);
        if (generation != w->generation) {
            w->generation = tell_again(w, pool) ? generation : w->generation;
        }
        else if (w->kept_count < w->load->limit) {
            admit(w, turn, pool);
        }
        apr_pool_clear(pool);
        usleep(PAUSE_US);
    }
    return NULL;
}

load_t *load_start(const char *url, const char *tag, int threads, int64_t limit,
                   apr_pool_t *pool)
{
    load_t *load = apr_pcalloc(pool, sizeof *load);
    load->tag = tag;
    load->limit = limit;
    load->threads = threads;
    load->pool = pool;
    cg_script_init(&load->script, "admit", source);
    for (int i = 0; i < threads; i++) {
        worker_t *w = &load->workers[i];
        apr_pool_create(&w->pool, NULL);
        w->load = load;
        w->which = i;
        w->store =
            i % 2 ? load->workers[i - 1].store : open_store(url, w->pool);
        w->kept = calloc((size_t)limit + 1, sizeof *w->kept);
    }
    for (int i = 0; i < threads; i++) {
        pthread_create(&load->workers[i].thread, NULL, work, &load->workers[i]);
    }
    return load;
}

apr_time_t load_await(load_t *load, int64_t more, apr_time_t at_most)
{
    apr_time_t began = cg_clock_monotonic();
    int64_t want = cg_atomic_get(&load->admitted) + more;
    while (cg_atomic_get(&load->admitted) < want) {
        if (cg_clock_monotonic() - began > at_most) {
            return -1;
        }
        usleep(1000);
    }
    return cg_clock_monotonic() - began;
}

load_sums_t load_now(load_t *load)
{
    return (load_sums_t){
        cg_atomic_get(&load->admitted), cg_atomic_get(&load->refused),
        cg_atomic_get(&load->failed), cg_atomic_get(&load->unsure),
        cg_store_generation(load->workers[0].store)};
}

/* Has everybody met the end, and told again what he had to? */
static bool is_at_end(load_t *load)
{
    for (int i = 0; i < load->threads; i++) {
        if (cg_atomic_get(&load->workers[i].refused) < 2) {
            return false;
        }
    }
    return true;
}

/* The workers of one store share it, and its pool is the first one's. */
load_sums_t load_finish(load_t *load, apr_time_t at_most)
{
    apr_time_t until = cg_clock_monotonic() + at_most;
    while (cg_clock_monotonic() < until && !is_at_end(load)) {
        usleep(5000);
    }
    cg_atomic_set(&load->is_over, 1);
    for (int i = 0; i < load->threads; i++) {
        pthread_join(load->workers[i].thread, NULL);
    }
    return load_now(load);
}

static bool is_there(worker_t *w, const char *id)
{
    cg_str_t argv[] = {CG_STR("SISMEMBER"), key(w->load, "all", w->pool),
                       cg_str(id)};
    cg_reply_t r;
    apr_status_t rv = APR_EGENERAL;
    for (int try = 0; try < 50 && rv != APR_SUCCESS; try++) {
        rv = cg_store_call(w->store, argv, 3, &r, NULL, w->pool);
        if (rv != APR_SUCCESS) {
            usleep(20000); /* a breaker may be open yet */
        }
    }
    return rv == APR_SUCCESS && r.number == 1;
}

int64_t load_count(load_t *load, int64_t *out_lost)
{
    worker_t *first = &load->workers[0];
    cg_str_t argv[] = {CG_STR("SCARD"), key(load, "all", load->pool)};
    cg_reply_t r = {.kind = CG_REPLY_NIL};
    cg_store_call(first->store, argv, 2, &r, NULL, load->pool);
    *out_lost = 0;
    for (int i = 0; i < load->threads; i++) {
        worker_t *w = &load->workers[i];
        for (int64_t j = 0; j < w->kept_count; j++) {
            *out_lost += !is_there(w, w->kept[j]);
        }
        free(w->kept);
    }
    for (int i = load->threads - 1; i >= 0; i--) {
        apr_pool_destroy(load->workers[i].pool);
    }
    return r.number;
}
