/* One admission and its slices: what it takes of them, and how it gets new ones.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/call.h"

#include <apr_strings.h>

static bool needs_settling(const cg_plan_t *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->counters[i].quantity != CG_QUANTITY_REQUESTS) {
            return true;
        }
    }
    return false;
}

/* A hold of requests alone is over at once: nothing is ever given back. */
void cg_call_end_requests(const cg_call_t *call)
{
    cg_quota_bill_t bill = {.id = call->id};
    if (!needs_settling(call->plan)) {
        cg_local_settle(call->quota->local, &bill);
    }
}

void cg_call_draw(cg_call_t *call)
{
    call->drawn =
        cg_local_draw(call->quota->local, call->id, call->plan, call->hold_for,
                      call->asked_at, call->drawn_left);
}

/* Slices that were to be asked for, and were not taken. */
void cg_call_leave_slices(const cg_call_t *call, uint64_t taken)
{
    for (size_t i = 0; i < call->plan->count; i++) {
        if (call->plan->counters[i].slice > 0 && !(taken >> i & 1)) {
            cg_local_no_slice(call->quota->local, &call->plan->counters[i]);
            call->plan->counters[i].slice = 0;
        }
    }
}

/* Nothing is asked for in advance: none was left to be asked for. */
void cg_call_leave_out_slices(cg_call_t *call)
{
    for (size_t i = 0; i < call->plan->count; i++) {
        call->plan->counters[i].slice = 0;
    }
}

void cg_call_undraw(cg_call_t *call)
{
    if (call->drawn) {
        cg_local_undo(call->quota->local, call->id);
        call->drawn = 0;
    }
}

bool cg_call_is_all_drawn(const cg_call_t *call)
{
    for (size_t i = 0; i < call->plan->count; i++) {
        if (!(call->drawn >> i & 1)) {
            return false;
        }
    }
    return call->plan->count > 0;
}

void cg_call_admit_here(const cg_call_t *call)
{
    const cg_plan_t *plan = call->plan;
    call->out->is_admitted = true;
    call->out->is_here = true;
    for (size_t i = 0; i < plan->asks_count; i++) {
        size_t at = plan->counter_of[i];
        call->out->left[i] = cg_call_left_for(
            &call->asks[i], &plan->counters[at], &call->drawn_left[at]);
    }
    cg_call_end_requests(call);
}

/* The store is only asked how these stand. */
void cg_call_leave_out_drawn(cg_call_t *call)
{
    for (size_t i = 0; i < call->plan->count; i++) {
        if (call->drawn >> i & 1) {
            call->plan->counters[i].cost = 0;
            call->plan->counters[i].slice = 0;
        }
    }
}

/* A slice may be used for a while from before it was asked for, and not beyond
 * its calendar period, whose end the store has told. */
static void add_slice(const cg_call_t *call, size_t at, const cg_reply_t *reply)
{
    const cg_counter_t *counter = &call->plan->counters[at];
    cg_quota_left_t left = cg_call_read_left(call->plan, at, reply);
    apr_time_t usable_for = CG_SLICE_FOR;
    if (counter->counting == CG_COUNTING_CALENDAR &&
        left.reset_for < usable_for) {
        usable_for = left.reset_for;
    }
    const char *lease = apr_psprintf(call->pool, "%s~%d", call->id, (int)at);
    cg_local_add_slice(call->quota->local, call->id, lease, counter, &left,
                       call->asked_at + usable_for,
                       call->asked_at + call->slice_for,
                       call->asked_at + call->hold_for);
}

void cg_call_add_slices(const cg_call_t *call, const cg_reply_t *reply)
{
    uint64_t taken = (uint64_t)cg_call_number(reply, 4 + 3 * call->plan->count);
    cg_call_leave_slices(call, taken);
    for (size_t i = 0; i < call->plan->count; i++) {
        if (taken >> i & 1) {
            add_slice(call, i, reply);
        }
    }
}
