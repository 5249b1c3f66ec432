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

bool cg_breaker_may_try(cg_breaker_t *breaker, apr_time_t now)
{
    if (!cg_breaker_is_open(breaker)) {
        return true;
    }
    int64_t due = cg_atomic_get(&breaker->next_probe_at);
    return now >= due && cg_atomic_swap_if(&breaker->next_probe_at, due,
                                           now + CG_BREAKER_PROBE_EACH);
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
    cg_atomic_set(&breaker->next_probe_at, now + CG_BREAKER_PROBE_EACH);
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
