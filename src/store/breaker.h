/* A breaker: who fails three times is not asked for a while.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   closed --3 failures within 1 s, no success between--> open
 *   open   --one caller is let through now and then-----> closed, if it
 * succeeds
 *
 * Now and then: after 125 ms, after 250 ms more, then each 500 ms; each a quarter
 * more or less, so that many servers do not all knock at the same moment.
 *
 * A success between resets the count: one slow command, or one full client
 * table, must not turn away the thousands that are served meanwhile; a frozen
 * or dead store gives no success.
 *
 * Plain words, moved with atomics only: it may stand in memory that all
 * children share, and zeroed memory is a closed breaker. Nothing here can be
 * left locked by a process that dies.
 */
#ifndef CG_STORE_BREAKER_H
#define CG_STORE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include <apr_time.h>

#define CG_BREAKER_FAILURES 3
#define CG_BREAKER_WITHIN APR_TIME_C(1000000)
#define CG_BREAKER_PROBE_FIRST APR_TIME_C(125000)
#define CG_BREAKER_PROBE_DOUBLINGS 2

typedef struct cg_breaker_t {
    volatile int64_t state;            /* atomic: 0 closed, 1 open */
    volatile int64_t failures;         /* atomic: since first_failure_at */
    volatile int64_t first_failure_at; /* atomic: monotonic micros */
    volatile int64_t next_probe_at;    /* atomic: monotonic micros */
    volatile int64_t opened_total;     /* atomic: how often it opened */
    volatile int64_t failures_total;   /* atomic: failures ever counted */
    volatile int64_t opened_at;        /* atomic: monotonic micros, last time */
    volatile int64_t probes;           /* atomic: since it opened */
} cg_breaker_t;

/* May this caller try? now is monotonic. While open, true for one caller now and
 * then; that caller must report how it went. */
bool cg_breaker_may_try(cg_breaker_t *breaker, apr_time_t now);
void cg_breaker_succeeded(cg_breaker_t *breaker);
void cg_breaker_failed(cg_breaker_t *breaker, apr_time_t now);
bool cg_breaker_is_open(const cg_breaker_t *breaker);

#endif
