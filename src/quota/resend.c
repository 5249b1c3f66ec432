/* Holds and bills of the live table, told to the store: again, to one that may have
 * lost what it had answered; for the first time, where the journal has no bill.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An admission is sent again as it was, but soft: it was granted, and there is no
 * taking it back. Whatever the store remembers makes that do nothing: the hold
 * itself, the mark of one that was cancelled, and for a while that of one that was
 * settled. What is over is settled in the next breath.
 */
#include "quota/quota_int.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "quota/live.h"

#define AT_ONCE 16
#define KEY_LEN_BYTES 2
#define BRIEF_FOR                                                              \
    apr_time_from_sec(8) /* admit.lua keeps these for ten seconds */

/* ---- what was asked for -------------------------------------------------------- */

/* Counters that cost nothing were only looked at. */
static bool is_asked(const cg_counter_t *counter)
{
    return counter->cost > 0;
}

static bool is_brief(const cg_plan_t *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (is_asked(&plan->counters[i]) &&
            plan->counters[i].quantity != CG_QUANTITY_REQUESTS) {
            return false;
        }
    }
    return true;
}

void cg_quota_keep_plan(cg_quota_t *quota, uint32_t place,
                        const cg_plan_t *plan, apr_time_t hold_for)
{
    unsigned char packed[CG_LIVE_PLAN_MAX];
    unsigned char *to = packed;
    bool does_fit = true;
    if (!quota->live || place == 0) {
        return;
    }
    for (size_t i = 0; i < plan->count; i++) {
        cg_counter_t counter = plan->counters[i];
        size_t bytes = KEY_LEN_BYTES + counter.key.len + CG_PLAN_ASK_BYTES;
        if (!is_asked(&counter)) {
            continue;
        }
        if (bytes > (size_t)(packed + sizeof packed - to)) {
            does_fit = false;
            break;
        }
        counter.is_soft = true;
        counter.slice = 0;
        to = cg_plan_pack(to, (int64_t)counter.key.len, KEY_LEN_BYTES);
        memcpy(to, counter.key.ptr, counter.key.len);
        to = cg_plan_pack_counter(to + counter.key.len, &counter);
    }
    /* One that does not fit is held like the others, but never sent again. */
    cg_live_plan(quota->live, place, packed,
                 does_fit ? (size_t)(to - packed) : CG_LIVE_PLAN_MAX + 1,
                 hold_for, is_brief(plan));
}

/* ---- sent again ------------------------------------------------------------------ */

static size_t key_len_at(const unsigned char *at)
{
    return (size_t)at[0] | (size_t)at[1] << 8;
}

static size_t count_of(const cg_live_copy_t *copy)
{
    size_t count = 0;
    const unsigned char *stop = copy->plan + copy->plan_len;
    for (const unsigned char *at = copy->plan; at < stop;
         at += KEY_LEN_BYTES + key_len_at(at) + CG_PLAN_ASK_BYTES) {
        count++;
    }
    return count;
}

static cg_store_run_t admission(const cg_quota_t *quota,
                                const cg_live_copy_t *copy, apr_pool_t *pool)
{
    size_t count = count_of(copy);
    cg_str_t *keys = apr_palloc(pool, (count + 2) * sizeof *keys);
    cg_str_t *args = apr_palloc(pool, 3 * sizeof *args);
    cg_buf_t asks;
    cg_buf_init(&asks, count * CG_PLAN_ASK_BYTES + 1, pool);
    const unsigned char *at = copy->plan;
    keys[0] = cg_quota_hold_key(copy->id, pool);
    for (size_t i = 0; i < count; i++) {
        size_t len = key_len_at(at);
        cg_str_t key = {(const char *)at + KEY_LEN_BYTES, len};
        keys[i + 1] = (cg_str_t){cg_str_dup(key, pool), len};
        at += KEY_LEN_BYTES + len;
        cg_buf_add(&asks, (const char *)at, CG_PLAN_ASK_BYTES);
        at += CG_PLAN_ASK_BYTES;
    }
    keys[count + 1] =
        cg_quota_holds_key(cg_quota_tenant_of(copy->id, pool), pool);
    args[0] = (cg_str_t){asks.ptr, asks.len};
    args[1] = args[2] =
        cg_str(apr_psprintf(pool, "%" APR_TIME_T_FMT, copy->hold_for));
    return (cg_store_run_t){&quota->scripts.admit, keys, count + 2, args, 3};
}

/* Of one whose admission is under way nothing may be sent: it has not been granted
 * yet. Of what is over only while the store would still know it. */
static bool is_to_be_sent(const cg_live_copy_t *copy, apr_time_t now)
{
    if (copy->plan_len == 0 || !copy->id[0] || copy->is_cancelled ||
        copy->state == CG_LIVE_ASKING) {
        return false;
    }
    if (copy->is_brief) {
        return now - copy->at < BRIEF_FOR;
    }
    return copy->state < CG_LIVE_BILLED ||
           now - copy->billed_at < CG_LIVE_AGAIN_FOR;
}

/* Puts up to AT_ONCE places from *place on into copies. */
static size_t gather(const cg_quota_t *quota, uint32_t *place,
                     cg_live_copy_t *copies, apr_time_t now)
{
    size_t count = 0;
    while (*place <= cg_live_slots(quota->live) && count < AT_ONCE) {
        if (cg_live_state(quota->live, *place) != CG_LIVE_FREE &&
            cg_live_read(quota->live, *place, &copies[count]) &&
            is_to_be_sent(&copies[count], now)) {
            copies[count].bill.id = copies[count].id;
            count++;
        }
        ++*place;
    }
    return count;
}

static apr_status_t send_some(cg_quota_t *quota, const cg_live_copy_t *copies,
                              size_t count, cg_error_t *err, apr_pool_t *pool)
{
    cg_store_run_t runs[AT_ONCE] = {{NULL, NULL, 0, NULL, 0}};
    cg_reply_t replies[AT_ONCE];
    cg_quota_bill_t bills[AT_ONCE];
    size_t over = 0;
    for (size_t i = 0; i < count; i++) {
        runs[i] = admission(quota, &copies[i], pool);
        if (copies[i].state >= CG_LIVE_BILLED && copies[i].has_hold) {
            bills[over++] = copies[i].bill;
        }
    }
    apr_status_t rv =
        cg_store_scripts(quota->store, runs, count, replies, err, pool);
    if (rv == APR_SUCCESS && over) {
        rv = cg_quota_settle(quota, bills, over, err, pool);
    }
    return rv;
}

apr_status_t cg_quota_resend(cg_quota_t *quota, size_t *out_count,
                             cg_error_t *err, apr_pool_t *pool)
{
    cg_live_copy_t *copies = apr_palloc(pool, AT_ONCE * sizeof *copies);
    apr_time_t now = cg_clock_monotonic();
    apr_pool_t *scratch;
    apr_status_t rv = APR_SUCCESS;
    uint32_t place = 1;
    *out_count = 0;
    apr_pool_create(&scratch, pool);
    while (rv == APR_SUCCESS && place <= cg_live_slots(quota->live)) {
        size_t count = gather(quota, &place, copies, now);
        if (count) {
            rv = send_some(quota, copies, count, err, scratch);
            *out_count += count;
        }
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(scratch);
    return rv;
}

/* ---- live holds ------------------------------------------------------------------- */

apr_status_t cg_quota_raise_live(cg_quota_t *quota, cg_error_t *err,
                                 apr_pool_t *pool)
{
    cg_live_copy_t *copy = apr_palloc(pool, sizeof *copy);
    cg_quota_progress_t holds[AT_ONCE];
    apr_status_t rv = APR_SUCCESS;
    size_t count = 0;
    for (uint32_t place = 1;
         place <= cg_live_slots(quota->live) && rv == APR_SUCCESS; place++) {
        bool is_live = cg_live_state(quota->live, place) == CG_LIVE_SENT &&
                       cg_live_read(quota->live, place, copy) &&
                       copy->output > 0 && copy->id[0];
        if (is_live) {
            holds[count++] =
                (cg_quota_progress_t){apr_pstrdup(pool, copy->id), copy->input,
                                      copy->output, copy->micros};
        }
        if (count == AT_ONCE) {
            rv = cg_quota_progress(quota, holds, count, err, pool);
            count = 0;
        }
    }
    return rv == APR_SUCCESS && count
               ? cg_quota_progress(quota, holds, count, err, pool)
               : rv;
}

/* ---- what is owed ----------------------------------------------------------------- */

/* Undoes an admission of which nobody heard. Where one of its slices has come into
 * use its hold is only released: the others of this server count on it. */
static apr_status_t cancel(cg_quota_t *quota, const char *id, cg_error_t *err,
                           apr_pool_t *pool)
{
    cg_settling_t settling = {.count = 0};
    cg_reply_t reply;
    bool is_used = cg_local_has_slice(quota->local, id);
    cg_settling_add(&settling, id, is_used ? CG_HOW_RELEASE : CG_HOW_CANCEL, 0,
                    0, 0, pool);
    cg_settling_end(&settling, cg_quota_tenant_of(id, pool), pool);
    apr_status_t rv = cg_store_script(quota->store, &quota->scripts.settle,
                                      settling.keys, settling.count + 1,
                                      &settling.arg, 1, &reply, err, pool);
    return rv == APR_SUCCESS && reply.kind != CG_REPLY_INT ? APR_EGENERAL : rv;
}

/* Up to AT_ONCE places from *place on that are owed. */
static size_t gather_owed(const cg_quota_t *quota, uint32_t *place,
                          cg_live_copy_t *copies)
{
    size_t count = 0;
    while (*place <= cg_live_slots(quota->live) && count < AT_ONCE) {
        if (cg_live_state(quota->live, *place) == CG_LIVE_OWED &&
            cg_live_read(quota->live, *place, &copies[count]) &&
            copies[count].state == CG_LIVE_OWED) {
            copies[count].bill.id = copies[count].id;
            count++;
        }
        ++*place;
    }
    return count;
}

static apr_status_t pay(cg_quota_t *quota, const cg_live_copy_t *copies,
                        size_t count, cg_error_t *err, apr_pool_t *pool)
{
    cg_quota_bill_t bills[AT_ONCE];
    apr_status_t rv = APR_SUCCESS;
    size_t some = 0;
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i++) {
        if (copies[i].is_cancelled) {
            rv = cancel(quota, copies[i].id, err, pool);
        }
        else {
            bills[some++] = copies[i].bill;
        }
    }
    if (rv == APR_SUCCESS && some) {
        rv = cg_quota_settle(quota, bills, some, err, pool);
    }
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i++) {
        cg_live_paid(quota->live, &copies[i]);
    }
    return rv;
}

static bool is_owed(const cg_quota_t *quota)
{
    for (uint32_t place = 1; place <= cg_live_slots(quota->live); place++) {
        if (cg_live_state(quota->live, place) == CG_LIVE_OWED) {
            return true;
        }
    }
    return false;
}

apr_status_t cg_quota_pay_owed(cg_quota_t *quota, cg_error_t *err,
                               apr_pool_t *pool)
{
    apr_status_t rv = APR_SUCCESS;
    apr_pool_t *scratch;
    uint32_t place = 1;
    if (!is_owed(quota)) {
        return APR_SUCCESS;
    }
    cg_live_copy_t *copies = apr_palloc(pool, AT_ONCE * sizeof *copies);
    apr_pool_create(&scratch, pool);
    while (rv == APR_SUCCESS && place <= cg_live_slots(quota->live)) {
        size_t count = gather_owed(quota, &place, copies);
        rv = pay(quota, copies, count, err, scratch);
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(scratch);
    return rv;
}

/* ---- of a process that is gone -------------------------------------------------------- */

void cg_quota_new_store(cg_quota_t *quota)
{
    cg_local_stop_slices(quota->local);
}

void cg_quota_undo_here(cg_quota_t *quota, const char *id)
{
    cg_local_undo(quota->local, id);
}

void cg_quota_live(cg_quota_t *quota, cg_live_t *live)
{
    quota->live = live;
}
