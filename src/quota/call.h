/* One admission on its way: what quota.c and call*.c share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For these files only.
 */
#ifndef CG_QUOTA_CALL_H
#define CG_QUOTA_CALL_H

#include "quota/quota_int.h"

/* What one admission is about; lives on the caller's stack. */
typedef struct cg_call_t {
    cg_quota_t *quota;
    const char *id;
    uint32_t place;       /* in the live table */
    const char *replaces; /* id of a hold that is given back in the same step;
                             NULL: none, or the store was told */
    cg_str_t tenant;
    const cg_quota_nonce_t *nonce; /* NULL: none, or used up already */
    const cg_quota_ask_t *asks;
    size_t count;
    cg_plan_t *plan;
    apr_time_t hold_for, slice_for;
    apr_time_t asked_at; /* monotonic, before the store was asked */
    uint32_t drawn;      /* bit per counter: came out of a slice */
    cg_quota_left_t drawn_left[CG_ASKS_MAX];
    cg_quota_grant_t *out;
    cg_error_t *err;
    apr_pool_t *pool;
} cg_call_t;

/* ---- the round trip: call.c ------------------------------------------------------ */

/* admit.lua for the plan under that id, with the bills that wait. */
apr_status_t cg_call_run(const cg_call_t *call, const cg_quota_nonce_t *nonce,
                         const cg_plan_t *plan, const char *id,
                         cg_reply_t *out);
/* A number of the answer; 0: there are not so many. */
int64_t cg_call_number(const cg_reply_t *reply, size_t index);
cg_quota_left_t cg_call_read_left(const cg_plan_t *plan, size_t at,
                                  const cg_reply_t *reply);
/* A left of a counter, as it looks to an ask with an amount of its own. */
cg_quota_left_t cg_call_left_for(const cg_quota_ask_t *ask,
                                 const cg_counter_t *counter,
                                 const cg_quota_left_t *of_counter);

/* ---- slices: call_slices.c --------------------------------------------------------- */

/* Takes what it can out of slices. */
void cg_call_draw(cg_call_t *call);
/* Gives it back. */
void cg_call_undraw(cg_call_t *call);
bool cg_call_is_all_drawn(const cg_call_t *call);
void cg_call_admit_here(const cg_call_t *call);
/* The store is only asked how those stand that were drawn. */
void cg_call_leave_out_drawn(cg_call_t *call);
/* Slices that were to be asked for, and were not taken (bits). */
void cg_call_leave_slices(const cg_call_t *call, uint64_t taken);
/* None was left to be asked for. */
void cg_call_leave_out_slices(cg_call_t *call);
/* Keeps those that the store gave. */
void cg_call_add_slices(const cg_call_t *call, const cg_reply_t *reply);
/* A hold of requests alone is over at once: nothing is ever given back. */
void cg_call_end_requests(const cg_call_t *call);

/* ---- without the store: call_away.c ------------------------------------------------- */

/* What the limits say for when the store is away; rv is how it was found so. */
void cg_call_away(cg_call_t *call, apr_status_t rv, apr_time_t now);

#endif
