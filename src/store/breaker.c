/* A breaker: counting failures and letting one probe through.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/breaker.h"

#include "base/share.h"

enum { CLOSED, OPEN };

bool cg_breaker_is_open(const cg_breaker_t *breaker)
{
    return cg_atomic_get(&breaker->state) == OPEN;
}

/* Longer each time, to a bound, and a quarter more or less. The microsecond of a
 * clock that began when this machine did is as good as a die. */
static int64_t wait_for(int64_t probes, apr_time_t now)
{
    int64_t doublings = probes < CG_BREAKER_PROBE_DOUBLINGS
                            ? probes
                            : CG_BREAKER_PROBE_DOUBLINGS;
    int64_t span = CG_BREAKER_PROBE_FIRST << doublings;
    uint64_t die = (uint64_t)now * UINT64_C(0x9e3779b97f4a7c15) >> 33;
    return span - span / 4 + (int64_t)(die % (uint64_t)(span / 2));
}

bool cg_breaker_may_try(cg_breaker_t *breaker, apr_time_t now)
{
    if (!cg_breaker_is_open(breaker)) {
        return true;
    }
    int64_t due = cg_atomic_get(&breaker->next_probe_at);
    int64_t probes = cg_atomic_get(&breaker->probes);
    bool is_mine =
        now >= due && cg_atomic_swap_if(&breaker->next_probe_at, due,
                                        now + wait_for(probes + 1, now));
    if (is_mine) {
        cg_atomic_set(&breaker->probes, probes + 1);
    }
    return is_mine;
}

void cg_breaker_succeeded(cg_breaker_t *breaker)
{
    /* Reads first: the words are shared, and a write by every request of every
     * thread would move their cache line about. */
    if (cg_atomic_get(&breaker->failures) != 0) {
        cg_atomic_set(&breaker->failures, 0);
    }
    if (cg_breaker_is_open(breaker)) {
        cg_atomic_swap_if(&breaker->state, OPEN, CLOSED);
    }
}

static void open_it(cg_breaker_t *breaker, apr_time_t now)
{
    cg_atomic_set(&breaker->probes, 0);
    cg_atomic_set(&breaker->next_probe_at, now + wait_for(0, now));
    if (cg_atomic_swap_if(&breaker->state, CLOSED, OPEN)) {
        cg_atomic_set(&breaker->opened_at, now);
        cg_atomic_add(&breaker->opened_total, 1);
    }
}

void cg_breaker_failed(cg_breaker_t *breaker, apr_time_t now)
{
    cg_atomic_add(&breaker->failures_total, 1);
    if (cg_breaker_is_open(breaker)) {
        return;
    }
    int64_t first = cg_atomic_get(&breaker->first_failure_at);
    bool is_first = cg_atomic_get(&breaker->failures) == 0 ||
                    now - first > CG_BREAKER_WITHIN;
    if (is_first && cg_atomic_swap_if(&breaker->first_failure_at, first, now)) {
        cg_atomic_set(&breaker->failures, 0);
    }
    if (cg_atomic_add(&breaker->failures, 1) >= CG_BREAKER_FAILURES) {
        open_it(breaker, now);
    }
}
