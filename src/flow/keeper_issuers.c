/* The keeper's part in issuers: it fetches their keys, so that no request must.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each issuer is asked when its keys get old, sooner when a token named a key that
 * is not among them, and at once when an operator says so. A flood of tokens with
 * invented keys makes one call in REQUIRED_APART, for the whole server: the moment
 * of the last one stands in shared memory and outlives the process that leads.
 * What an issuer said last stays in force while it is away.
 *
 * Each call is a thread of its own, so that an issuer that takes its time holds up
 * neither the keys of another nor the end of the process.
 */
#include "flow/keeper.h"

#include <apr_thread_proc.h>

#include "base/clock.h"
#include "base/share.h"
#include "flow/keysets.h"

#define FETCH_EACH (300 * CG_SECOND)
#define REQUIRED_APART (60 * CG_SECOND) /* calls that tokens cause */
#define ORDERED_APART (1 * CG_SECOND)   /* calls that operators cause */
#define RETRY_FIRST (2 * CG_SECOND)     /* then twice as long, up to ... */
#define RETRY_MOST (60 * CG_SECOND)

/* What the leading process knows of one issuer. is_done is the one word that the
 * thread of a call writes while it runs; what else it leaves is read behind it. */
typedef struct errand_t {
    apr_time_t due_at; /* wall clock, as all moments here */
    apr_time_t retry_for;
    bool is_troubled;
    struct runner_t *runner;
    const cg_issuer_t *issuer;
    apr_thread_t *thread; /* NULL: no call is under way */
    apr_pool_t *pool;     /* of the call */
    apr_time_t began_at;
    apr_status_t rv;
    cg_error_t err;
    volatile int64_t is_done; /* atomic */
} errand_t;

typedef struct runner_t {
    const cg_gateway_t *gateway;
    const cg_keeper_watch_t *watch;
    const volatile int *stop;
    apr_pool_t *scratch; /* cleared for each round */
    bool leads;
    errand_t errands[CG_ISSUERS_MAX];
} runner_t;

/* ---- a call ------------------------------------------------------------------ */

static void tell(const runner_t *runner, errand_t *errand, const char *words)
{
    bool is_news = errand->is_troubled != (words != NULL);
    errand->is_troubled = words != NULL;
    if (is_news && runner->watch->on_issuer) {
        runner->watch->on_issuer(runner->watch->baton, errand->issuer->name,
                                 words);
    }
}

static void *APR_THREAD_FUNC call(apr_thread_t *thread, void *data)
{
    errand_t *errand = data;
    const runner_t *runner = errand->runner;
    (void)thread;
    errand->rv = cg_keysets_fetch(runner->gateway, errand->issuer, runner->stop,
                                  &errand->err, errand->pool);
    cg_atomic_set(&errand->is_done, 1);
    return NULL;
}

static void put_off(errand_t *errand)
{
    errand->due_at = errand->began_at + errand->retry_for;
    errand->retry_for *= 2;
    if (errand->retry_for > RETRY_MOST) {
        errand->retry_for = RETRY_MOST;
    }
}

static void begin_call(runner_t *runner, errand_t *errand, apr_time_t now)
{
    int row = errand->issuer->index;
    cg_atomic_set(&runner->gateway->issuers_shared[row].tried_at, now);
    errand->began_at = now;
    errand->err = (cg_error_t){""};
    cg_atomic_set(&errand->is_done, 0);
    apr_pool_create(&errand->pool, NULL);
    if (apr_thread_create(&errand->thread, NULL, call, errand, errand->pool) !=
        APR_SUCCESS) {
        errand->thread = NULL;
        apr_pool_destroy(errand->pool);
        put_off(errand);
        tell(runner, errand, "no thread can be started");
    }
}

/* Waits for the thread, if it has not ended. */
static void end_call(runner_t *runner, errand_t *errand)
{
    apr_status_t unused;
    apr_thread_join(&unused, errand->thread);
    errand->thread = NULL;
    if (errand->rv == APR_SUCCESS) {
        errand->due_at = errand->began_at + FETCH_EACH;
        errand->retry_for = RETRY_FIRST;
        tell(runner, errand, NULL);
    }
    else if (errand->rv != APR_EINTR) {
        put_off(errand);
        tell(runner, errand, errand->err.text);
    }
    apr_pool_destroy(errand->pool);
}

/* ---- when -------------------------------------------------------------------- */

/* A clock that was set back must not put an errand off for longer than it may. */
static bool is_apart(apr_time_t now, apr_time_t before, apr_time_t least)
{
    return now - before >= least || now < before;
}

static bool is_required(cg_issuer_shared_t *shared, apr_time_t now)
{
    apr_time_t last = cg_atomic_get(&shared->required_at);
    if (cg_atomic_get(&shared->wanted_at) <= cg_atomic_get(&shared->tried_at) ||
        !is_apart(now, last, REQUIRED_APART)) {
        return false;
    }
    cg_atomic_set(&shared->required_at, now);
    return true;
}

static bool is_ordered(cg_issuer_shared_t *shared, apr_time_t now)
{
    apr_time_t last = cg_atomic_get(&shared->tried_at);
    return cg_atomic_get(&shared->ordered_at) > last &&
           is_apart(now, last, ORDERED_APART);
}

static bool is_due(const errand_t *errand, apr_time_t now)
{
    return now >= errand->due_at || errand->due_at - now > FETCH_EACH;
}

static void run_errand(runner_t *runner, errand_t *errand)
{
    apr_time_t now = cg_clock_now();
    cg_issuer_shared_t *shared =
        &runner->gateway->issuers_shared[errand->issuer->index];
    if (errand->issuer->is_fetched && !errand->thread &&
        (is_due(errand, now) || is_ordered(shared, now) ||
         is_required(shared, now))) {
        begin_call(runner, errand, now);
    }
}

/* Keys that are young enough are not fetched again because a process has begun. */
static void begin(runner_t *runner)
{
    const cg_issuer_rows_t *rows = runner->gateway->issuer_rows;
    for (size_t i = 0; i < rows->count; i++) {
        errand_t *errand = &runner->errands[i];
        cg_keyset_state_t state;
        cg_keysets_state(runner->gateway, &rows->rows[i], &state,
                         runner->scratch);
        errand->due_at = state.fetched_at ? state.fetched_at + FETCH_EACH : 0;
        errand->retry_for = RETRY_FIRST;
        errand->is_troubled = state.error[0] != '\0';
    }
}

static void run_errands(runner_t *runner, bool leads)
{
    const cg_issuer_rows_t *rows = runner->gateway->issuer_rows;
    if (leads && !runner->leads) {
        begin(runner);
    }
    runner->leads = leads;
    for (size_t i = 0; i < rows->count && !*runner->stop; i++) {
        errand_t *errand = &runner->errands[i];
        if (errand->thread && cg_atomic_get(&errand->is_done)) {
            end_call(runner, errand);
        }
        if (leads) {
            run_errand(runner, errand);
        }
    }
}

static runner_t *make_runner(const cg_gateway_t *gateway,
                             const cg_keeper_watch_t *watch,
                             const volatile int *stop, apr_pool_t *pool)
{
    const cg_issuer_rows_t *rows = gateway->issuer_rows;
    runner_t *runner = apr_pcalloc(pool, sizeof *runner);
    runner->gateway = gateway;
    runner->watch = watch;
    runner->stop = stop;
    apr_pool_create(&runner->scratch, pool);
    for (size_t i = 0; i < rows->count; i++) {
        runner->errands[i].runner = runner;
        runner->errands[i].issuer = &rows->rows[i];
    }
    return runner;
}

void cg_keeper_issuers(const cg_gateway_t *gateway,
                       const cg_keeper_watch_t *watch, const volatile int *stop)
{
    apr_pool_t *own;
    if (!gateway->issuers || !gateway->journal) {
        return;
    }
    apr_pool_create(&own, NULL);
    runner_t *runner = make_runner(gateway, watch, stop, own);
    while (!*stop) {
        run_errands(runner, watch->may_work(watch->baton) &&
                                cg_journal_leads(gateway->journal));
        if (cg_keysets_are_old(gateway, runner->scratch)) {
            cg_keysets_refresh(gateway);
        }
        apr_pool_clear(runner->scratch);
        apr_sleep(CG_KEEPER_ISSUERS_EACH);
    }
    for (size_t i = 0; i < gateway->issuer_rows->count; i++) {
        if (runner->errands[i].thread) {
            end_call(runner, &runner->errands[i]);
        }
    }
    apr_pool_destroy(own);
}
