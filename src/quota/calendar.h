/* Calendar periods: when did this month begin in Berlin, and when does it end?
 * SPDX-License-Identifier: Apache-2.0
 *
 * A period begins at the first moment at which the clocks of its zone show its
 * first day or later: so it has no gap and no overlap however they are changed.
 * What was found is remembered, since a zone is read from a file.
 */
#ifndef CG_QUOTA_CALENDAR_H
#define CG_QUOTA_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>

#include <apr_time.h>

#include "base/share.h"
#include "policy/limit.h"

typedef struct cg_period_t {
    char name[64]; /* "2026-11", "2026-11-24", "2026-11@Europe/Berlin" */
    apr_time_t from;
    apr_time_t stop; /* first moment of the next */
} cg_period_t;

/* Periods that are remembered; to be laid over zeroed shared memory. */
size_t cg_calendar_bytes(void);
cg_cache_t *cg_calendar_attach(void *memory, apr_pool_t *pool);

/* The period of a calendar limit that now lies in. cache may be NULL. A zone
 * that cannot be read any more counts as UTC. */
void cg_calendar_find(cg_cache_t *cache, const cg_limit_t *limit,
                      apr_time_t now, cg_period_t *out);

#endif
