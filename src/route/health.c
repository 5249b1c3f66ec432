/* Health: how each account has been doing, seen by all children.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "route/health.h"

#include "base/share.h"

enum { UNKNOWN, UP, DOWN };

#define REST_MAX (60 * INT64_C(1000000))

static void turn(cg_health_row_t *row, int64_t state, apr_time_t now)
{
    if (cg_atomic_get(&row->is_up) != state) {
        cg_atomic_set(&row->is_up, state);
        cg_atomic_set(&row->state_since, now);
    }
}

/* Exponentially weighted, an eighth for the newest; 0 was not measured. */
static void smooth(cg_health_row_t *row, apr_time_t took)
{
    if (took <= 0) {
        return;
    }
    int64_t old = cg_atomic_get(&row->latency_for);
    cg_atomic_set(&row->latency_for, old ? old + (took - old) / 8 : took);
}

void cg_health_success(cg_health_t *health, int account, apr_time_t took,
                       apr_time_t now)
{
    cg_health_row_t *row = &health->rows[account];
    cg_atomic_add(&row->requests, 1);
    if (cg_atomic_get(&row->failures_in_a_row)) {
        cg_atomic_set(&row->failures_in_a_row, 0);
        cg_atomic_set(&row->resting_until, 0);
    }
    smooth(row, took);
    turn(row, UP, now);
}

void cg_health_failure(cg_health_t *health, int account, apr_time_t rest_for,
                       apr_time_t now)
{
    cg_health_row_t *row = &health->rows[account];
    cg_atomic_add(&row->requests, 1);
    cg_atomic_add(&row->failures, 1);
    int64_t run = cg_atomic_add(&row->failures_in_a_row, 1);
    if (rest_for <= 0 && run >= CG_HEALTH_FAILURES_MAX) {
        rest_for = CG_HEALTH_REST_FOR;
    }
    if (rest_for > 0) {
        rest_for = rest_for < REST_MAX ? rest_for : REST_MAX;
        cg_atomic_set(&row->resting_until, now + rest_for);
        turn(row, DOWN, now);
    }
}

void cg_health_probed(cg_health_t *health, int account, bool is_up,
                      apr_time_t took, apr_time_t now)
{
    cg_health_row_t *row = &health->rows[account];
    cg_atomic_set(&row->probed_at, now);
    if (is_up) {
        smooth(row, took);
    }
    turn(row, is_up ? UP : DOWN, now);
}

bool cg_health_is_resting(const cg_health_t *health, int account,
                          apr_time_t now)
{
    return cg_atomic_get(&health->rows[account].resting_until) > now;
}

const char *cg_health_state(const cg_health_t *health, int account)
{
    static const char *const words[] = {"unknown", "up", "down"};
    return words[cg_atomic_get(&health->rows[account].is_up)];
}
