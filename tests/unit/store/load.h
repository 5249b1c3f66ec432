/* A crowd that admits against a hard budget while servers die and slots move.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each admission is a script with three keys of one tag: a counter, the list of
 * what was admitted, and a key of this admission alone, as a hold is. The same
 * id twice is one admission. What was answered "admitted" is kept, and is sent
 * again when the store tells of another generation, as the gateway does with its
 * journal; so nothing of it may be missing at the end.
 */
#ifndef CG_TESTS_STORE_LOAD_H
#define CG_TESTS_STORE_LOAD_H

#include <stdbool.h>

#include "store/store.h"

typedef struct load_t load_t;

/* threads admit, each with a store of its own every second of them, until limit
 * is reached or load_stop. */
load_t *load_start(const char *url, const char *tag, int threads, int64_t limit,
                   apr_pool_t *pool);
/* Waits until n more are admitted; the microseconds that took, or -1. */
apr_time_t load_await(load_t *load, int64_t more, apr_time_t at_most);
typedef struct load_sums_t {
    int64_t admitted; /* answered so */
    int64_t refused;  /* the budget is used up */
    int64_t failed;   /* the store was away: not admitted */
    int64_t unsure;   /* of those: may have been carried out */
    int64_t generation;
} load_sums_t;
load_sums_t load_now(load_t *load);
/* Lets it run until the budget is used up, or at_most. */
load_sums_t load_finish(load_t *load, apr_time_t at_most);
/* After load_finish: what the store holds; *out_lost: answered "admitted", and
 * not there. */
int64_t load_count(load_t *load, int64_t *out_lost);

#endif
