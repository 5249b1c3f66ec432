/* Health: how each account has been doing, seen by all children.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Plain words in shared memory, one set an account: a run of failures rests the
 * account for a while (a 429 or 503 for as long as its Retry-After says), and the
 * first success ends the run. Probes and calls feed the same words.
 */
#ifndef CG_ROUTE_HEALTH_H
#define CG_ROUTE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include <apr_time.h>

#include "route/accounts.h"

typedef struct cg_health_row_t {
    volatile int64_t failures_in_a_row; /* atomic */
    volatile int64_t resting_until;     /* atomic · apr_time_t */
    volatile int64_t state_since;       /* atomic · apr_time_t */
    volatile int64_t requests;          /* atomic */
    volatile int64_t failures;          /* atomic */
    volatile int64_t latency_for;       /* atomic · smoothed, micros; 0 none */
    volatile int64_t probed_at;         /* atomic · apr_time_t; 0 never */
    volatile int64_t is_up;             /* atomic · 0 unknown, 1 up, 2 down */
} cg_health_row_t;

/* lives in: shared memory, zeroed */
typedef struct cg_health_t {
    cg_health_row_t rows[CG_ACCOUNTS_MAX];
} cg_health_t;

#define CG_HEALTH_FAILURES_MAX 3                  /* then it rests */
#define CG_HEALTH_REST_FOR (5 * INT64_C(1000000)) /* micros */

void cg_health_success(cg_health_t *health, int account, apr_time_t took,
                       apr_time_t now);
/* rest_for > 0: what the provider asked for; else the rule above. */
void cg_health_failure(cg_health_t *health, int account, apr_time_t rest_for,
                       apr_time_t now);
void cg_health_probed(cg_health_t *health, int account, bool is_up,
                      apr_time_t took, apr_time_t now);
bool cg_health_is_resting(const cg_health_t *health, int account,
                          apr_time_t now);
const char *cg_health_state(const cg_health_t *health, int account);

#endif
