/* The watch: which limits are used, as requests see it, in memory that all children
 * share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An admission's grant says how much of each limit is left; a request writes that
 * down here and asks nobody. One thread of the server reads it and knows which
 * limits could have come to a part that somebody wants to hear of; only of these it
 * asks the store. So a limit that is far from full costs a few words of memory.
 *
 * Bounded: CG_WATCH_CELLS limits at once; one that was not used for long gives its
 * cell to another, and while all are in use a further one is not watched here (on
 * the servers where it has a cell it is).
 */
#ifndef CG_ALERT_WATCH_H
#define CG_ALERT_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "base/text.h"
#include "policy/limit.h"

#define CG_WATCH_CELLS 8192
#define CG_WATCH_TEXT_MAX 128 /* bytes of a subject or organization */
#define CG_WATCH_IDLE_AFTER apr_time_from_sec(900)

typedef struct cg_watch_t cg_watch_t;

size_t cg_watch_bytes(void);
/* Over zeroed memory, 64-byte aligned, or what an earlier attach left. */
cg_watch_t *cg_watch_attach(void *memory, apr_pool_t *pool);

/* What a grant says of one limit. used: with what is held. Longer texts than
 * CG_WATCH_TEXT_MAX are not watched. */
typedef struct cg_watched_t {
    uint64_t hash[2]; /* of all that names the counter */
    cg_limit_t limit;
    char subject[CG_WATCH_TEXT_MAX + 1];
    char organization[CG_WATCH_TEXT_MAX + 1];
    int64_t amount;
    int64_t used;
    int64_t held;
    apr_time_t at;         /* of the last request */
    apr_time_t refused_at; /* a request was refused by it; 0: none */
} cg_watched_t;

void cg_watch_note(cg_watch_t *watch, cg_str_t organization, cg_str_t subject,
                   const cg_limit_t *limit, int64_t amount, int64_t remaining,
                   int64_t held, bool is_refused, apr_time_t now);
/* The cell of this number; false when it is free or written right now. */
bool cg_watch_read(cg_watch_t *watch, size_t index, cg_watched_t *out);

#endif
