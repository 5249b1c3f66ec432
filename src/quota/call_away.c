/* One admission without the store: what each limit says for that.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/call.h"

#include "base/share.h"

static bool refuse_closed(const cg_call_t *call)
{
    const cg_plan_t *plan = call->plan;
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->counters[i].store_down == CG_STORE_DOWN_CLOSED &&
            !(call->drawn >> i & 1)) {
            call->out->is_store_down = true;
            call->out->refused_by = (int)plan->ask_of[i];
            return true;
        }
    }
    return false;
}

/* Names the counter that binds longest, as the script does. */
static void read_local_refusal(const cg_plan_t *plan,
                               const cg_local_left_t *lefts,
                               cg_quota_grant_t *out)
{
    apr_time_t longest = -1;
    for (size_t i = 0; i < plan->count; i++) {
        if (!lefts[i].is_counted || lefts[i].has_room) {
            continue;
        }
        if (lefts[i].is_unknown) {
            out->is_store_down = true;
            out->refused_by = (int)plan->ask_of[i];
            out->retry_for = 0;
            return;
        }
        apr_time_t wait = lefts[i].wait_for > 0 ? lefts[i].wait_for : INT64_MAX;
        if (wait > longest) {
            longest = wait;
            out->refused_by = (int)plan->ask_of[i];
            out->retry_for = lefts[i].wait_for;
        }
    }
}

static void read_local_lefts(const cg_call_t *call,
                             const cg_local_left_t *lefts)
{
    const cg_plan_t *plan = call->plan;
    for (size_t i = 0; i < plan->asks_count; i++) {
        size_t at = plan->counter_of[i];
        bool is_drawn = call->drawn >> at & 1;
        if (is_drawn || lefts[at].is_counted) {
            call->out->left[i] = cg_call_left_for(
                &call->asks[i], &plan->counters[at],
                is_drawn ? &call->drawn_left[at] : &lefts[at].left);
        }
    }
}

static void admit_locally(cg_call_t *call, apr_time_t now)
{
    cg_local_left_t lefts[CG_ASKS_MAX];
    cg_quota_grant_t *out = call->out;
    if (refuse_closed(call)) {
        return;
    }
    out->is_admitted = cg_local_take(
        call->quota->local, call->id, call->plan, call->drawn,
        (int)cg_atomic_get(&call->quota->nodes), call->hold_for, now, lefts);
    for (size_t i = 0; i < call->plan->count; i++) {
        bool is_drawn = call->drawn >> i & 1;
        out->is_local = out->is_local || (lefts[i].is_counted && !is_drawn);
        out->is_open = out->is_open || (!lefts[i].is_counted && !is_drawn);
    }
    out->is_here = out->is_admitted;
    if (!out->is_admitted) {
        out->is_open = false;
        read_local_refusal(call->plan, lefts, out);
    }
    read_local_lefts(call, lefts);
    if (out->is_admitted) {
        cg_call_end_requests(call);
    }
}

/* The command may have reached the store although no answer came. */
static bool is_in_doubt(apr_status_t rv)
{
    return rv == APR_TIMEUP || rv == APR_ECONNRESET;
}

void cg_call_away(cg_call_t *call, apr_status_t rv, apr_time_t now)
{
    cg_call_leave_slices(call, 0);
    if (call->nonce) {
        call->out->once = CG_ONCE_UNKNOWN;
        call->out->is_store_down = true;
    }
    else {
        admit_locally(call, now);
    }
    if (!call->out->is_admitted) {
        cg_call_undraw(call);
    }
    else {
        cg_live_plan(call->quota->live, call->place, NULL, 0, 0, false);
        cg_live_move(call->quota->live, call->place, CG_LIVE_HELD);
    }
    /* The live table has room for all of them, and keeps them. */
    if (is_in_doubt(rv) && (call->out->is_admitted ||
                            !cg_live_cancel(call->quota->live, call->place))) {
        cg_local_lose(call->quota->local, call->id);
    }
}
