/* Quota: asking the store, and what is done when it does not answer.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/call.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/share.h"
#include "quota/calendar.h"
#include "store/keys.h"

#define PERIOD_TRIES 3
#define SLICE_HOLD_MOST apr_time_from_sec(3 * 3600) /* ring.lua: ring_life */
#define ALIGNED 64

/* As in admit.lua. */
enum {
    VERDICT_REFUSED,
    VERDICT_ADMITTED,
    VERDICT_OTHER_PERIOD,
    VERDICT_REPLAYED = 4,
    VERDICT_CROWDED
};

/* ---- opening ----------------------------------------------------------------- */

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGNED - 1) / ALIGNED * ALIGNED;
}

size_t cg_quota_shared_bytes(void)
{
    return rounded(cg_local_bytes()) + cg_calendar_bytes() + ALIGNED;
}

cg_quota_t *cg_quota_open(cg_store_t *store, void *shared, apr_pool_t *pool)
{
    cg_quota_t *quota = apr_pcalloc(pool, sizeof *quota);
    uintptr_t periods = (uintptr_t)shared + cg_local_bytes() + ALIGNED - 1;
    quota->store = store;
    quota->local = shared;
    quota->periods =
        cg_calendar_attach((void *)(periods - periods % ALIGNED), pool);
    quota->nodes = 1;
    cg_scripts_init(&quota->scripts, pool);
    return quota;
}

void cg_quota_nodes(cg_quota_t *quota, int nodes)
{
    cg_atomic_set(&quota->nodes, nodes > 0 ? nodes : 1);
}

/* ---- tenants and nonces --------------------------------------------------------- */

/* Tenants are listed in the store, so that whoever sweeps finds them. */
static void list_tenant(cg_quota_t *quota, cg_str_t tenant, apr_pool_t *pool)
{
    cg_error_t err;
    cg_reply_t reply;
    if (tenant.len < 2 || cg_local_knows(quota->local, tenant)) {
        return;
    }
    cg_str_t argv[] = {CG_STR("SADD"),
                       cg_keys_make(CG_KEYS_ORGANIZATIONS, NULL, 0, pool),
                       {tenant.ptr + 1, tenant.len - 1}};
    if (cg_store_call(quota->store, argv, 3, &reply, &err, pool) ==
        APR_SUCCESS) {
        cg_local_meet(quota->local, tenant);
    }
}

static bool is_nonce_refused(const cg_reply_t *reply, cg_quota_grant_t *out)
{
    int64_t verdict = cg_call_number(reply, 0);
    if (verdict == VERDICT_REPLAYED || verdict == VERDICT_CROWDED) {
        out->once =
            verdict == VERDICT_REPLAYED ? CG_ONCE_REPLAYED : CG_ONCE_CROWDED;
        return true;
    }
    out->once = CG_ONCE_FIRST;
    return false;
}

/* A nonce is used up once for all tenants: a caller who could be taken for
 * another one's could else send a signed request again. Where the counters are
 * in another slot than the nonces this is a round trip of its own. */
static apr_status_t use_nonce(cg_call_t *call)
{
    static const cg_plan_t none = {.count = 0};
    cg_reply_t reply;
    const char *at = strchr(call->id, '@');
    if (!call->nonce || !at) {
        return APR_SUCCESS;
    }
    const char *id =
        apr_pstrmemdup(call->pool, call->id, (size_t)(at - call->id));
    apr_status_t rv = cg_call_run(call, call->nonce, &none, id, &reply);
    if (rv == APR_SUCCESS) {
        is_nonce_refused(&reply, call->out);
    }
    return rv;
}

/* ---- reading the answer ------------------------------------------------------------ */

static void read_grant(const cg_call_t *call, const cg_reply_t *reply)
{
    const cg_plan_t *plan = call->plan;
    cg_quota_grant_t *out = call->out;
    int64_t bound = cg_call_number(reply, 1);
    uint64_t passed = (uint64_t)cg_call_number(reply, 3 + 3 * plan->count);
    uint64_t taken = (uint64_t)cg_call_number(reply, 4 + 3 * plan->count);
    out->is_admitted = cg_call_number(reply, 0) == VERDICT_ADMITTED;
    if (bound >= 0 && (size_t)bound < plan->count) {
        out->refused_by = (int)plan->ask_of[bound];
    }
    out->retry_for = cg_call_number(reply, 2);
    for (size_t i = 0; i < plan->asks_count; i++) {
        size_t at = plan->counter_of[i];
        cg_quota_left_t left = call->drawn >> at & 1
                                   ? call->drawn_left[at]
                                   : cg_call_read_left(plan, at, reply);
        if (taken >> at & 1) { /* the slice is this server's to use */
            left.remaining +=
                plan->counters[at].slice - plan->counters[at].cost;
        }
        out->left[i] =
            cg_call_left_for(&call->asks[i], &plan->counters[at], &left);
        out->passed |= (uint32_t)(passed >> at & 1) << i;
    }
}

static void remember_periods(const cg_call_t *call, const cg_reply_t *reply,
                             apr_time_t now)
{
    for (size_t i = 0; i < call->plan->count; i++) {
        const cg_counter_t *counter = &call->plan->counters[i];
        if (counter->counting == CG_COUNTING_CALENDAR &&
            counter->store_down == CG_STORE_DOWN_LOCAL) {
            cg_local_remember(call->quota->local, counter,
                              cg_call_number(reply, 3 * i + 3), now);
        }
    }
}

/* ---- admission by the store ---------------------------------------------------------- */

/* Everything as of a moment of the store's; nothing is taken in advance. */
static void plan_again(cg_call_t *call, apr_time_t now)
{
    cg_call_undraw(call);
    cg_call_leave_slices(call, 0);
    cg_plan_make(call->plan, call->tenant, call->asks, call->count, now,
                 call->quota->periods, call->pool);
    cg_call_leave_out_slices(call);
}

/* One round trip; a second only when our clock and the store's are in different
 * periods: then the store's counts. */
static apr_status_t admit_by_store(cg_call_t *call, apr_time_t now)
{
    cg_reply_t reply;
    for (int i = 0; i < PERIOD_TRIES; i++) {
        cg_quota_keep_plan(call->quota, call->place, call->plan,
                           call->hold_for);
        apr_status_t rv =
            cg_call_run(call, call->nonce, call->plan, call->id, &reply);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        call->replaces = NULL;
        if (cg_call_number(&reply, 0) != VERDICT_OTHER_PERIOD) {
            break;
        }
        plan_again(call, cg_call_number(&reply, 1));
        now = cg_call_number(&reply, 1);
    }
    if (call->nonce && is_nonce_refused(&reply, call->out)) {
        cg_call_undraw(call);
        cg_call_leave_slices(call, 0);
        return APR_SUCCESS;
    }
    if (reply.count != 5 + 3 * call->plan->count) {
        cg_error_set(call->err,
                     "the admission was cancelled before it arrived");
        return APR_EGENERAL;
    }
    read_grant(call, &reply);
    remember_periods(call, &reply, now);
    if (!call->out->is_admitted) {
        cg_call_undraw(call);
        cg_call_leave_slices(call, 0);
        return APR_SUCCESS;
    }
    cg_call_add_slices(call, &reply);
    cg_live_move(call->quota->live, call->place, CG_LIVE_HELD);
    cg_call_end_requests(call);
    return APR_SUCCESS;
}

static apr_status_t admit(cg_call_t *call, apr_time_t now)
{
    apr_status_t rv = use_nonce(call);
    if (rv != APR_SUCCESS) {
        cg_call_leave_out_slices(call);
        cg_call_away(call, rv, now);
        return APR_SUCCESS;
    }
    if (call->nonce && strchr(call->id, '@')) {
        call->nonce = NULL;
        if (call->out->once != CG_ONCE_FIRST) {
            return APR_SUCCESS;
        }
    }
    if (call->count == 0 && !call->nonce) {
        call->out->is_admitted = true;
        return APR_SUCCESS;
    }
    cg_call_draw(call);
    if (cg_call_is_all_drawn(call) && !call->nonce) {
        cg_call_admit_here(call);
        cg_live_move(call->quota->live, call->place, CG_LIVE_HELD);
        return APR_SUCCESS;
    }
    cg_call_leave_out_drawn(call);
    rv = admit_by_store(call, now);
    if (rv != APR_SUCCESS) {
        cg_call_away(call, rv, now);
    }
    return APR_SUCCESS;
}

/* The store was not told, or it is not known whether it was: it is told later. Where
 * a slice that came with the hold is in use the hold is only released. */
static void replace_later(cg_quota_t *quota, const char *id)
{
    cg_quota_bill_t bill = {.id = id, .is_released = true};
    if (cg_local_has_slice(quota->local, id)) {
        cg_local_wait(quota->local, &bill);
    }
    else {
        cg_local_lose(quota->local, id);
    }
}

static apr_status_t admit_call(cg_call_t *call, apr_time_t now)
{
    apr_time_t held_for =
        call->hold_for < SLICE_HOLD_MOST ? call->hold_for : SLICE_HOLD_MOST;
    *call->out = (cg_quota_grant_t){.refused_by = -1, .count = call->count};
    if (call->count == 0 && !call->nonce) {
        call->out->is_admitted = true;
        return APR_SUCCESS;
    }
    if (call->count > CG_ASKS_MAX || !call->id[0] ||
        strlen(call->id) > CG_QUOTA_ID_MAX) {
        cg_error_set(call->err,
                     "a request takes at most %d limits at once and an id of "
                     "1 to %d bytes",
                     CG_ASKS_MAX, CG_QUOTA_ID_MAX);
        return APR_EINVAL;
    }
    call->tenant = cg_quota_tenant_of(call->id, call->pool);
    call->plan = apr_palloc(call->pool, sizeof *call->plan);
    call->slice_for = CG_SLICE_FOR + held_for;
    call->asked_at = cg_clock_monotonic();
    list_tenant(call->quota, call->tenant, call->pool);
    cg_plan_make(call->plan, call->tenant, call->asks, call->count, now,
                 call->quota->periods, call->pool);
    return admit(call, now);
}

apr_status_t cg_quota_admit_live(cg_quota_t *quota, const char *id,
                                 uint32_t place, const cg_quota_nonce_t *nonce,
                                 const cg_quota_ask_t *asks, size_t count,
                                 apr_time_t hold_for, apr_time_t now,
                                 cg_quota_grant_t *out, cg_error_t *err,
                                 apr_pool_t *pool)
{
    cg_call_t call = {.quota = quota,
                      .id = id,
                      .place = place,
                      .nonce = nonce,
                      .asks = asks,
                      .count = count,
                      .hold_for = hold_for,
                      .out = out,
                      .err = err,
                      .pool = pool};
    return admit_call(&call, now);
}

apr_status_t cg_quota_admit_instead(cg_quota_t *quota, const char *replaces,
                                    bool has_hold, const char *id,
                                    uint32_t place, const cg_quota_ask_t *asks,
                                    size_t count, apr_time_t hold_for,
                                    apr_time_t now, cg_quota_grant_t *out,
                                    cg_error_t *err, apr_pool_t *pool)
{
    cg_call_t call = {.quota = quota,
                      .id = id,
                      .place = place,
                      .replaces = has_hold ? replaces : NULL,
                      .asks = asks,
                      .count = count,
                      .hold_for = hold_for,
                      .out = out,
                      .err = err,
                      .pool = pool};
    cg_local_undo(quota->local, replaces);
    apr_status_t rv = admit_call(&call, now);
    if (call.replaces) {
        replace_later(quota, call.replaces);
    }
    return rv;
}

apr_status_t cg_quota_admit_once(cg_quota_t *quota, const char *id,
                                 const cg_quota_nonce_t *nonce,
                                 const cg_quota_ask_t *asks, size_t count,
                                 apr_time_t hold_for, apr_time_t now,
                                 cg_quota_grant_t *out, cg_error_t *err,
                                 apr_pool_t *pool)
{
    return cg_quota_admit_live(quota, id, 0, nonce, asks, count, hold_for, now,
                               out, err, pool);
}

apr_status_t cg_quota_admit(cg_quota_t *quota, const char *id,
                            const cg_quota_ask_t *asks, size_t count,
                            apr_time_t hold_for, apr_time_t now,
                            cg_quota_grant_t *out, cg_error_t *err,
                            apr_pool_t *pool)
{
    return cg_quota_admit_once(quota, id, NULL, asks, count, hold_for, now, out,
                               err, pool);
}
