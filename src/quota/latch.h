/* A lock over memory that processes share, taken over from one that died in it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For quota's own files. Held for microseconds. The word says who has it: only
 * from a process that is gone is it taken, never from one that is merely slow.
 */
#ifndef CG_QUOTA_LATCH_H
#define CG_QUOTA_LATCH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct cg_latch_t {
    volatile int64_t word; /* atomic: process id and time; 0: free */
} cg_latch_t;

/* False only if the machine is so busy that nobody leaves it in time. */
bool cg_latch_take(cg_latch_t *latch, int64_t *out_ticket);
void cg_latch_give(cg_latch_t *latch, int64_t ticket);

#endif
