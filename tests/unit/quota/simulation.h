/* The scripts in a real Redis, on a clock of the test's own.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Hours pass in a moment, and the exact time of each admission is known: a plain
 * list of them is the judge.
 */
#ifndef CG_TESTS_SIMULATION_H
#define CG_TESTS_SIMULATION_H

#include "quota/plan.h"
#include "quota/scripts.h"
#include "redis_fixture.h"

#define SIM_SECOND INT64_C(1000000)
#define SIM_START INT64_C(1764024511042017)
#define SIM_EVENTS 20000

typedef struct sim_event_t {
    int64_t at;
    int64_t cost;  /* as it was admitted with */
    int64_t least; /* of an expired hold */
    int64_t real;  /* what is in the books at the end */
    int64_t settle_at;
    bool is_open;
    int serial;
} sim_event_t;

typedef struct sim_t {
    apr_pool_t *pool;
    apr_pool_t *scratch;
    cg_store_t *store;
    cg_scripts_t scripts;
    cg_limit_t limit;
    sim_event_t events[SIM_EVENTS];
    int count;
    int serial;
} sim_t;

/* What the admission script said. */
typedef struct sim_answer_t {
    bool is_admitted;
    int64_t wait_for, remaining, held, reset_for;
    int64_t passed, slices;
} sim_answer_t;

sim_t *sim_open(const char *limit);
void sim_close(sim_t *sim);
sim_answer_t sim_ask(sim_t *sim, int64_t at, int64_t cost, int64_t least,
                     int64_t hold_for);
/* Ends the hold of ask `serial` (from 0) with what it really took. */
void sim_settle(sim_t *sim, int64_t at, int serial, int64_t real);
/* Remembers an admission for the judge. */
sim_event_t *sim_note(sim_t *sim, int64_t at, int64_t cost, int64_t least);
/* The most that stands in the books in any closed window of that length. */
int64_t sim_most_in(const sim_t *sim, int64_t window_for);

#endif
