/* What this server counts by itself, in memory that its children share: slices
 * taken in advance, counters for when the store is away, and what waits to be
 * told to it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For quota's own files. One lock guards it all (latch.h). Everything is bounded:
 * where a table is full the store is asked, or the request refused; nothing that
 * counts is pushed out.
 *
 *   slice    a part of a leased limit, held in the store, used up here
 *   slot     a counter while the store is away
 *   hold     what one request took of both, until it is settled
 *   debt     what was counted here alone and must be told to the store
 *   bill     what a request cost, on its way to the store
 */
#ifndef CG_QUOTA_LOCAL_H
#define CG_QUOTA_LOCAL_H

#include "quota/plan.h"

typedef struct cg_local_t cg_local_t;

size_t cg_local_bytes(void);

/* ---- slots: local_slots.c ---------------------------------------------------- */

/* Answers of one counter. */
typedef struct cg_local_left_t {
    bool is_counted;
    bool has_room;
    bool is_unknown; /* no slot, or a period whose remainder was never seen */
    cg_quota_left_t left;
    apr_time_t wait_for; /* until it fits; 0: never */
} cg_local_left_t;

/* All counters that are local have room and are charged, or none. Those of drawn
 * (bits) came out of slices and are left alone. shares: how many servers. out: one
 * answer per counter of the plan. */
bool cg_local_take(cg_local_t *local, const char *id, const cg_plan_t *plan,
                   uint32_t drawn, int shares, apr_time_t hold_for,
                   apr_time_t now, cg_local_left_t *out);

/* Remembers what the store said remains of a period, for when it is away. */
void cg_local_remember(cg_local_t *local, const cg_counter_t *counter,
                       int64_t remaining, apr_time_t now);

/* ---- slices: local_slices.c -------------------------------------------------- */

/* How long a slice may be used, from before the store was asked for it. */
#define CG_SLICE_FOR apr_time_from_sec(60)

/* Takes what it can of the plan's leased counters out of slices, for the request
 * id; bit per counter. left gets how those stand. Where there is no place for a
 * further slice, or another request is asking for one, the counter's is set to 0:
 * one asks at a time. now is monotonic. */
uint32_t cg_local_draw(cg_local_t *local, const char *id, cg_plan_t *plan,
                       apr_time_t hold_for, apr_time_t now,
                       cg_quota_left_t *left);
/* The counter's slice that cg_local_draw left to be asked for was not taken. */
void cg_local_no_slice(cg_local_t *local, const cg_counter_t *counter);
/* A slice of the counter was taken by the store under the hold `lease`; the
 * request id is the first to use it. It may be used until usable_until, and is
 * charged in full at ends_at (monotonic). */
void cg_local_add_slice(cg_local_t *local, const char *id, const char *lease,
                        const cg_counter_t *counter,
                        const cg_quota_left_t *left, apr_time_t usable_until,
                        apr_time_t ends_at, apr_time_t hold_until);
/* Is a slice in use that was taken with the request id? */
bool cg_local_has_slice(cg_local_t *local, const char *id);
/* Nothing more is taken of slices there are: their store may have lost them. */
void cg_local_stop_slices(cg_local_t *local);
/* Slices that are to be reported, up to most: their holds and what was spent.
 * is_closing: also those that nobody uses now. Those that were told are forgotten with told. */
typedef struct cg_local_report_t {
    char lease[CG_QUOTA_ID_MAX + 4];
    int64_t spent;
    uint32_t place;
    uint32_t serial;
} cg_local_report_t;
bool cg_local_has_closed(const cg_local_t *local);
size_t cg_local_reports(cg_local_t *local, bool is_closing, apr_time_t now,
                        cg_local_report_t *out, size_t most);
void cg_local_reported(cg_local_t *local, const cg_local_report_t *reports,
                       size_t count);

/* ---- holds: local_holds.c ----------------------------------------------------- */

/* Ends the hold of a request that took something here; false: there is none. */
bool cg_local_settle(cg_local_t *local, const cg_quota_bill_t *bill);
/* Gives all of it back: the request was refused. */
void cg_local_undo(cg_local_t *local, const char *id);
void cg_local_progress(cg_local_t *local, const cg_quota_progress_t *progress);
/* Ends holds that nobody settled in time, at their floor. */
void cg_local_sweep(cg_local_t *local, apr_time_t now);

/* ---- debts: local_debts.c ------------------------------------------------------ */

#define CG_DEBT_KEY_MAX 384

typedef struct cg_debt_t {
    char report[40]; /* the id under which it is told once */
    char key[CG_DEBT_KEY_MAX];
    cg_counting_t counting;
    int64_t amount, from, stop;
    int64_t more, less;
    uint32_t place;
} cg_debt_t;

/* Takes up to most debts of one tenant; they stay taken, with their report's id,
 * until they are told or taken again. */
size_t cg_local_debts(cg_local_t *local, apr_time_t now, cg_debt_t *out,
                      size_t most);
/* is_told: they are paid; else they are there to be taken again. */
void cg_local_debts_told(cg_local_t *local, const cg_debt_t *debts,
                         size_t count, bool is_told);

/* ---- bills and lost admissions: local_bills.c ------------------------------------ */

/* Puts a bill where the next admission takes it; dropped if there is no room. */
void cg_local_wait(cg_local_t *local, const cg_quota_bill_t *bill);
/* Takes up to most bills of the tenant; their ids lie in ids. */
size_t cg_local_waiting(cg_local_t *local, cg_str_t tenant,
                        cg_quota_bill_t *out, char (*ids)[CG_QUOTA_ID_MAX + 1],
                        size_t most);
/* The tenant of the oldest bill that waits; false: none waits. */
bool cg_local_next_tenant(cg_local_t *local, char out[CG_QUOTA_ID_MAX + 1]);

/* Admissions whose answer was lost, to be cancelled when the store is back. The
 * list is bounded; what falls out is charged its floor when its hold expires.
 */
void cg_local_lose(cg_local_t *local, const char *id);
/* Takes up to most ids; each is CG_QUOTA_ID_MAX + 1 bytes. */
size_t cg_local_find_lost(cg_local_t *local, char (*out)[CG_QUOTA_ID_MAX + 1],
                          size_t most);

/* ---- tenants: local_bills.c ------------------------------------------------------- */

/* Tenants whose names stand in the store's list. */
bool cg_local_knows(const cg_local_t *local, cg_str_t tenant);
void cg_local_meet(cg_local_t *local, cg_str_t tenant);

#endif
