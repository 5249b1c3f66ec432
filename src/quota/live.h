/* The live table: every request under way, in memory that all children share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A request takes a place before it asks for admission and leaves it when its bill
 * is safe. Whoever is killed in between leaves the place behind, with what was used
 * up to then; another process finds it and ends the hold for him.
 *
 *   ASKING --admitted--> HELD --> SENT --> BILLED --in the journal--> DONE
 *      |                                     \--not in the journal--> OWED -> DONE
 *      \--refused--> FREE
 *
 * There is no lock. One word says who has a place and how far he is: the state, a
 * serial number of its use, and the process, by its id and the moment it began (a
 * later process of the same id is another one). The rest is written by the owner
 * alone; a place is taken over from a process that is gone, by one compare-and-swap,
 * and never from one that is merely slow. What is done is kept for a while, for a
 * store that forgets what it had answered (resend.c), and is written over first.
 *
 * Places are numbered from 1; 0 is none: every call bears it, so that a request for
 * which there was no room goes on without.
 */
#ifndef CG_QUOTA_LIVE_H
#define CG_QUOTA_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "quota/quota.h"

#define CG_LIVE_NOTE_MAX 656
#define CG_LIVE_PLAN_MAX 3072
#define CG_LIVE_SLOTS_MIN 1024
#define CG_LIVE_SLOTS_MAX 16384

/* What is done is sent again this long to a store that may have lost it. Shorter
 * than the store remembers what it has settled (settle.lua), by more than a command
 * can be under way. */
#define CG_LIVE_AGAIN_FOR apr_time_from_sec(20)

typedef enum cg_live_state_t {
    CG_LIVE_FREE,
    CG_LIVE_ASKING, /* the store may, or may not, have been asked */
    CG_LIVE_HELD,   /* admitted; nothing has left */
    CG_LIVE_SENT,   /* the upstream has it, or may have */
    CG_LIVE_BILLED, /* over; perhaps it stands in the journal */
    CG_LIVE_OWED,   /* over; it stands nowhere else: the store is to be told */
    CG_LIVE_DONE
} cg_live_state_t;

/* The handle of one process: make it after the fork. */
typedef struct cg_live_t cg_live_t;

size_t cg_live_bytes(size_t slots);
/* Over zeroed memory, or that of earlier processes of the same slots. */
cg_live_t *cg_live_attach(void *memory, size_t slots, apr_pool_t *pool);
size_t cg_live_slots(const cg_live_t *live);

/* ---- for who serves a request -------------------------------------------------- */

/* Takes a place for the hold id. note, at most CG_LIVE_NOTE_MAX bytes, is the
 * caller's: who asks, for whoever has to end it. 0: no room. */
uint32_t cg_live_claim(cg_live_t *live, const char *id, const void *note,
                       size_t note_len, apr_time_t now);
/* For quota.c: what the store is asked for, as resend.c reads it; NULL: nothing
 * stands there (any more). is_brief: the store forgets it by itself. */
void cg_live_plan(cg_live_t *live, uint32_t place, const void *plan, size_t len,
                  apr_time_t hold_for, bool is_brief);
void cg_live_move(cg_live_t *live, uint32_t place, cg_live_state_t state);
/* What was used so far. Only ever raises. */
void cg_live_progress(cg_live_t *live, uint32_t place, int64_t input,
                      int64_t output, int64_t micros);
/* It is over, and this is what it came to. bill->id is not looked at. */
void cg_live_bill(cg_live_t *live, uint32_t place, const cg_quota_bill_t *bill,
                  bool has_hold);
/* The bill stands in the journal; or it does not, and is owed. */
void cg_live_end(cg_live_t *live, uint32_t place, bool is_journaled);
/* Refused: nothing is held. What is owed stays. */
void cg_live_free(cg_live_t *live, uint32_t place);

/* ---- for who keeps house --------------------------------------------------------- */

/* A place as it was at one moment. */
typedef struct cg_live_copy_t {
    uint32_t place;
    int64_t word; /* for cg_live_adopt */
    cg_live_state_t state;
    char id[CG_QUOTA_ID_MAX + 1]; /* empty: the store was not asked */
    apr_time_t at, billed_at;     /* monotonic */
    apr_time_t hold_for;
    bool has_hold; /* the store has it, or may */
    bool is_brief;
    bool is_cancelled;             /* owed: the admission is to be undone */
    int64_t input, output, micros; /* so far */
    cg_quota_bill_t bill; /* once it is over; its id is the one above */
    size_t note_len, plan_len;
    unsigned char note[CG_LIVE_NOTE_MAX];
    unsigned char plan[CG_LIVE_PLAN_MAX];
} cg_live_copy_t;

/* The state of a place, without its contents. */
cg_live_state_t cg_live_state(const cg_live_t *live, uint32_t place);
/* False: it is free, or was changed meanwhile. */
bool cg_live_read(const cg_live_t *live, uint32_t place, cg_live_copy_t *out);
/* Has its process ended? of many places of one process, asked once: forget with
 * cg_live_look. */
bool cg_live_is_orphan(cg_live_t *live, uint32_t place);
/* Begins a round: processes are looked at anew. */
void cg_live_look(cg_live_t *live);
/* Makes the place this process's own. False: it was changed, or another was first. */
bool cg_live_adopt(cg_live_t *live, cg_live_copy_t *copy);
/* Owes the undoing of an admission. False: the place is not this process's. */
bool cg_live_cancel(cg_live_t *live, uint32_t place);
/* What was owed is paid. */
void cg_live_paid(cg_live_t *live, const cg_live_copy_t *copy);

#endif
