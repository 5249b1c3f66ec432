/* Counting without the store, in memory that this server's children share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For quota's own files. One lock guards the table: it is used while the store
 * is away, holds for microseconds, and is taken over from a process that died
 * with it.
 */
#ifndef CG_QUOTA_LOCAL_H
#define CG_QUOTA_LOCAL_H

#include "quota/plan.h"

typedef struct cg_local_t cg_local_t;

size_t cg_local_bytes(void);

/* Answers of one counter. */
typedef struct cg_local_left_t {
    bool is_counted;
    bool has_room;
    bool is_unknown; /* no slot, or a budget whose remainder was never seen */
    cg_quota_left_t left;
    apr_time_t wait_for; /* until it fits; 0: never */
} cg_local_left_t;

/* All counters that are local have room and are charged, or none. shares: how
 * many servers. out: one answer per counter of the plan. */
bool cg_local_take(cg_local_t *local, const cg_plan_t *plan, int shares,
                   apr_time_t now, cg_local_left_t *out);

/* Remembers what the store said remains of a budget, for when it is away. */
void cg_local_remember(cg_local_t *local, const cg_counter_t *counter,
                       int64_t remaining, apr_time_t now);

/* Admissions whose answer was lost, to be cancelled when the store is back. The
 * list is bounded; what falls out is charged its floor when its hold expires.
 */
void cg_local_lose(cg_local_t *local, const char *id);
/* Takes up to most ids; each is CG_QUOTA_ID_MAX + 1 bytes. */
size_t cg_local_find_lost(cg_local_t *local, char (*out)[CG_QUOTA_ID_MAX + 1],
                          size_t most);

#endif
