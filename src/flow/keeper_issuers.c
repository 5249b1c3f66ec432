/* The keeper's part in issuers: it fetches their keys, so that no request must.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each issuer is asked when its keys get old, sooner when a token named a key that
 * is not among them, and at once when an operator says so. A flood of tokens with
 * invented keys makes one call in REQUIRED_APART, for the whole server: the moment
 * of the last one stands in shared memory and outlives the process that leads.
 * What an issuer said last stays in force while it is away.
 */
#include "flow/keeper.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/share.h"
#include "flow/keysets.h"

#define FETCH_EACH (300 * CG_SECOND)
#define REQUIRED_APART (60 * CG_SECOND) /* calls that tokens cause */
#define ORDERED_APART (1 * CG_SECOND)   /* calls that operators cause */
#define RETRY_FIRST (2 * CG_SECOND)     /* then twice as long, up to ... */
#define RETRY_MOST (60 * CG_SECOND)

/* What the leading process knows of one issuer. */
typedef struct errand_t {
    apr_time_t due_at; /* wall clock, as all moments here */
    apr_time_t retry_for;
    bool is_troubled;
} errand_t;

typedef struct runner_t {
    const cg_gateway_t *gateway;
    const cg_keeper_watch_t *watch;
    apr_pool_t *scratch; /* cleared for each round */
    bool leads;
    errand_t errands[CG_ISSUERS_MAX];
} runner_t;

static void tell(runner_t *runner, const cg_issuer_t *issuer, errand_t *errand,
                 const char *words)
{
    bool is_news = errand->is_troubled != (words != NULL);
    errand->is_troubled = words != NULL;
    if (is_news && runner->watch->on_issuer) {
        runner->watch->on_issuer(runner->watch->baton, issuer->name, words);
    }
}

static void fetch(runner_t *runner, const cg_issuer_t *issuer, apr_time_t now)
{
    errand_t *errand = &runner->errands[issuer->index];
    cg_error_t err = {""};
    cg_atomic_set(&runner->gateway->issuers_shared[issuer->index].tried_at,
                  now);
    if (cg_keysets_fetch(runner->gateway, issuer, &err, runner->scratch) ==
        APR_SUCCESS) {
        errand->due_at = now + FETCH_EACH;
        errand->retry_for = RETRY_FIRST;
        cg_keysets_refresh(runner->gateway);
        tell(runner, issuer, errand, NULL);
        return;
    }
    errand->due_at = now + errand->retry_for;
    errand->retry_for *= 2;
    if (errand->retry_for > RETRY_MOST) {
        errand->retry_for = RETRY_MOST;
    }
    tell(runner, issuer, errand, err.text);
}

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

static void run_errand(runner_t *runner, const cg_issuer_t *issuer)
{
    apr_time_t now = cg_clock_now();
    errand_t *errand = &runner->errands[issuer->index];
    cg_issuer_shared_t *shared =
        &runner->gateway->issuers_shared[issuer->index];
    if (issuer->is_fetched && (is_due(errand, now) || is_ordered(shared, now) ||
                               is_required(shared, now))) {
        fetch(runner, issuer, now);
    }
}

/* Keys that are young enough are not fetched again because a process has begun. */
static void begin(runner_t *runner)
{
    const cg_issuer_rows_t *rows = runner->gateway->issuer_rows;
    for (size_t i = 0; i < rows->count; i++) {
        cg_keyset_state_t state;
        cg_keysets_state(runner->gateway, &rows->rows[i], &state,
                         runner->scratch);
        runner->errands[i] = (errand_t){
            .due_at = state.fetched_at ? state.fetched_at + FETCH_EACH : 0,
            .retry_for = RETRY_FIRST,
            .is_troubled = state.error[0] != '\0'};
    }
}

static void lead(runner_t *runner, const volatile int *stop)
{
    const cg_issuer_rows_t *rows = runner->gateway->issuer_rows;
    if (!runner->leads) {
        begin(runner);
    }
    for (size_t i = 0; i < rows->count && !*stop; i++) {
        run_errand(runner, &rows->rows[i]);
    }
}

void cg_keeper_issuers(const cg_gateway_t *gateway,
                       const cg_keeper_watch_t *watch, const volatile int *stop)
{
    apr_pool_t *own;
    if (!gateway->issuers || !gateway->journal) {
        return;
    }
    apr_pool_create(&own, NULL);
    runner_t *runner = apr_pcalloc(own, sizeof *runner);
    runner->gateway = gateway;
    runner->watch = watch;
    apr_pool_create(&runner->scratch, own);
    while (!*stop) {
        apr_pool_clear(runner->scratch);
        if (cg_keysets_are_old(gateway, runner->scratch)) {
            cg_keysets_refresh(gateway);
        }
        bool leads =
            watch->may_work(watch->baton) && cg_journal_leads(gateway->journal);
        if (leads) {
            lead(runner, stop);
        }
        runner->leads = leads;
        apr_pool_clear(runner->scratch);
        apr_sleep(CG_KEEPER_ISSUERS_EACH);
    }
    apr_pool_destroy(own);
}
