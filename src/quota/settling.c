/* Settling: what requests cost, told to the store; and what else it must be told.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/quota_int.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "store/keys.h"

#define FLUSHES_MAX 64
#define TENANTS_SWEPT "32" /* of one call, chosen at random */
#define SO_FAR_BYTES 21    /* as SO_FAR in progress.lua */
#define CHARGE_BYTES 36    /* as CHARGE in charge.lua */
#define DEBT_CALLS_MAX 64

/* ---- commands ----------------------------------------------------------------- */

cg_store_command_t cg_quota_command(const cg_script_t *script,
                                    const cg_str_t *keys, size_t keys_count,
                                    const cg_str_t *args, size_t args_count,
                                    apr_pool_t *pool)
{
    size_t argc = 3 + keys_count + args_count;
    cg_str_t *argv = apr_palloc(pool, sizeof *argv * argc);
    argv[0] = CG_STR("EVALSHA");
    argv[1] = (cg_str_t){script->sha1, 40};
    argv[2] = cg_str(apr_itoa(pool, (int)keys_count));
    memcpy(argv + 3, keys, keys_count * sizeof *keys);
    memcpy(argv + 3 + keys_count, args, args_count * sizeof *args);
    return (cg_store_command_t){argv, argc};
}

static int64_t in_bounds(int64_t value)
{
    if (value < 0) {
        return 0;
    }
    return value > CG_QUOTA_COUNT_MAX ? CG_QUOTA_COUNT_MAX : value;
}

void cg_settling_add(cg_settling_t *settling, const char *id, cg_how_t how,
                     int64_t input, int64_t output, int64_t micros,
                     apr_pool_t *pool)
{
    unsigned char *to = settling->packed + settling->count * CG_BILL_BYTES;
    settling->keys[settling->count++] = cg_quota_hold_key(id, pool);
    *to++ = (unsigned char)how;
    to = cg_plan_pack(to, in_bounds(input), 7);
    to = cg_plan_pack(to, in_bounds(output), 7);
    cg_plan_pack(to, in_bounds(micros), 7);
}

void cg_settling_add_bill(cg_settling_t *settling, const cg_quota_bill_t *bill,
                          apr_pool_t *pool)
{
    cg_settling_add(
        settling, bill->id, bill->is_released ? CG_HOW_RELEASE : CG_HOW_SETTLE,
        bill->input_tokens, bill->output_tokens, bill->micros, pool);
}

void cg_settling_end(cg_settling_t *settling, cg_str_t tenant, apr_pool_t *pool)
{
    settling->keys[settling->count] = cg_quota_holds_key(tenant, pool);
    settling->arg = (cg_str_t){(const char *)settling->packed,
                               settling->count * CG_BILL_BYTES};
}

static apr_status_t run(cg_quota_t *quota, const cg_script_t *script,
                        const cg_str_t *keys, size_t keys_count,
                        const cg_str_t *arg, cg_error_t *err, apr_pool_t *pool)
{
    cg_reply_t reply;
    apr_status_t rv = cg_store_script(quota->store, script, keys, keys_count,
                                      arg, 1, &reply, err, pool);
    if (rv == APR_SUCCESS && reply.kind != CG_REPLY_INT) {
        cg_error_set(err, "the %s script failed: %.200s", script->name,
                     reply.text.ptr ? reply.text.ptr : "no number came back");
        return APR_EGENERAL;
    }
    return rv;
}

static apr_status_t tell(cg_quota_t *quota, cg_settling_t *settling,
                         cg_str_t tenant, cg_error_t *err, apr_pool_t *pool)
{
    cg_settling_end(settling, tenant, pool);
    apr_status_t rv = run(quota, &quota->scripts.settle, settling->keys,
                          settling->count + 1, &settling->arg, err, pool);
    settling->count = 0;
    return rv;
}

/* ---- bills -------------------------------------------------------------------- */

void cg_quota_post(cg_quota_t *quota, const cg_quota_bill_t *bill,
                   bool has_hold)
{
    cg_local_settle(quota->local, bill);
    if (has_hold) {
        cg_local_wait(quota->local, bill);
    }
}

/* ---- lost admissions ------------------------------------------------------------ */

/* Of one tenant at a time: those of others go back. */
static apr_status_t cancel_lost(cg_quota_t *quota, cg_error_t *err,
                                apr_pool_t *pool)
{
    char lost[CG_BILLS_PER_CALL][CG_QUOTA_ID_MAX + 1];
    for (;;) {
        size_t count =
            cg_local_find_lost(quota->local, lost, CG_BILLS_PER_CALL);
        apr_status_t rv = APR_SUCCESS;
        for (size_t i = 0; i < count; i++) {
            cg_settling_t settling = {.count = 0};
            cg_settling_add(&settling, lost[i], CG_HOW_CANCEL, 0, 0, 0, pool);
            rv = rv != APR_SUCCESS
                     ? rv
                     : tell(quota, &settling, cg_quota_tenant_of(lost[i], pool),
                            err, pool);
            if (rv != APR_SUCCESS) {
                cg_local_lose(quota->local, lost[i]);
            }
        }
        if (count == 0 || rv != APR_SUCCESS) {
            return rv;
        }
    }
}

/* ---- slices ---------------------------------------------------------------------- */

static apr_status_t report_slices(cg_quota_t *quota, bool is_closing,
                                  cg_error_t *err, apr_pool_t *pool)
{
    cg_local_report_t reports[CG_BILLS_PER_CALL];
    for (;;) {
        size_t count =
            cg_local_reports(quota->local, is_closing, cg_clock_monotonic(),
                             reports, CG_BILLS_PER_CALL);
        if (count == 0) {
            return APR_SUCCESS;
        }
        for (size_t i = 0; i < count; i++) {
            cg_settling_t settling = {.count = 0};
            char id[CG_QUOTA_ID_MAX + 4];
            apr_cpystrn(id, reports[i].lease, sizeof id);
            cg_settling_add(&settling, id, CG_HOW_REPORT, reports[i].spent, 0,
                            0, pool);
            apr_status_t rv =
                tell(quota, &settling, cg_quota_tenant_of(id, pool), err, pool);
            if (rv != APR_SUCCESS) {
                return rv;
            }
            cg_local_reported(quota->local, &reports[i], 1);
        }
    }
}

apr_status_t cg_quota_flush(cg_quota_t *quota, cg_error_t *err,
                            apr_pool_t *pool)
{
    char name[CG_QUOTA_ID_MAX + 1];
    char ids[CG_BILLS_PER_CALL][CG_QUOTA_ID_MAX + 1];
    cg_quota_bill_t bills[CG_BILLS_PER_CALL];
    for (int i = 0; i < FLUSHES_MAX && cg_local_next_tenant(quota->local, name);
         i++) {
        cg_settling_t settling = {.count = 0};
        cg_str_t tenant = name[0] ? cg_str(apr_pstrcat(pool, ":", name, NULL))
                                  : (cg_str_t){"", 0};
        size_t count = cg_local_waiting(quota->local, cg_str(name), bills, ids,
                                        CG_BILLS_PER_CALL);
        for (size_t b = 0; b < count; b++) {
            cg_settling_add_bill(&settling, &bills[b], pool);
        }
        apr_status_t rv = tell(quota, &settling, tenant, err, pool);
        for (size_t b = 0; rv != APR_SUCCESS && b < count; b++) {
            cg_local_wait(quota->local, &bills[b]);
        }
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return cg_local_has_closed(quota->local)
               ? report_slices(quota, false, err, pool)
               : APR_SUCCESS;
}

apr_status_t cg_quota_return_slices(cg_quota_t *quota, cg_error_t *err,
                                    apr_pool_t *pool)
{
    return report_slices(quota, true, err, pool);
}

/* ---- debts ------------------------------------------------------------------------ */

static unsigned char *pack_debt(unsigned char *to, const cg_debt_t *debt)
{
    *to++ = (unsigned char)debt->counting;
    to = cg_plan_pack(to, debt->amount, 7);
    to = cg_plan_pack(to, in_bounds(debt->more), 7);
    to = cg_plan_pack(to, in_bounds(debt->less), 7);
    to = cg_plan_pack(to, debt->from, 7);
    return cg_plan_pack(to, debt->stop, 7);
}

/* The mark of a report must lie in its counter's slot. */
static cg_str_t report_key(const cg_debt_t *debt, apr_pool_t *pool)
{
    const char *open = strchr(debt->key, '{');
    size_t len = strcspn(open, "}") - 3; /* without {cg */
    cg_str_t parts[] = {{open + 3, len}, cg_str(debt->report)};
    return cg_keys_make(CG_KEYS_REPORT, parts, 2, pool);
}

static apr_status_t tell_debts(cg_quota_t *quota, cg_error_t *err,
                               apr_pool_t *pool)
{
    cg_debt_t debt;
    for (int i = 0; i < DEBT_CALLS_MAX; i++) {
        unsigned char packed[CHARGE_BYTES];
        if (cg_local_debts(quota->local, cg_clock_monotonic(), &debt, 1) == 0) {
            break;
        }
        pack_debt(packed, &debt);
        cg_str_t keys[] = {report_key(&debt, pool), cg_str(debt.key)};
        cg_str_t arg = {(const char *)packed, sizeof packed};
        apr_status_t rv =
            run(quota, &quota->scripts.charge, keys, 2, &arg, err, pool);
        cg_local_debts_told(quota->local, &debt, 1, rv == APR_SUCCESS);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

/* ---- all of it ---------------------------------------------------------------------- */

/* Ends what has expired, of the default tenant and of some others. */
static apr_status_t sweep(cg_quota_t *quota, cg_error_t *err, apr_pool_t *pool)
{
    cg_settling_t settling = {.count = 0};
    cg_reply_t names;
    cg_str_t argv[] = {CG_STR("SRANDMEMBER"),
                       cg_keys_make(CG_KEYS_ORGANIZATIONS, NULL, 0, pool),
                       CG_STR(TENANTS_SWEPT)};
    apr_status_t rv = tell(quota, &settling, (cg_str_t){"", 0}, err, pool);
    if (rv == APR_SUCCESS) {
        rv = cg_store_call(quota->store, argv, 3, &names, err, pool);
    }
    if (rv != APR_SUCCESS || names.kind != CG_REPLY_ARRAY) {
        return rv;
    }
    for (size_t i = 0; i < names.count && rv == APR_SUCCESS; i++) {
        cg_str_t tenant = cg_str(apr_pstrcat(
            pool, ":", cg_str_dup(names.items[i].text, pool), NULL));
        rv = tell(quota, &settling, tenant, err, pool);
    }
    return rv;
}

static apr_status_t keep_house(cg_quota_t *quota, cg_error_t *err,
                               apr_pool_t *pool)
{
    cg_local_sweep(quota->local, cg_clock_monotonic());
    apr_status_t rv = tell_debts(quota, err, pool);
    if (rv == APR_SUCCESS) {
        rv = report_slices(quota, false, err, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = cg_quota_flush(quota, err, pool);
    }
    return rv == APR_SUCCESS ? sweep(quota, err, pool) : rv;
}

/* Bills of one tenant in a row go together. */
static apr_status_t settle_all(cg_quota_t *quota, const cg_quota_bill_t *bills,
                               size_t count, cg_error_t *err, apr_pool_t *pool)
{
    cg_settling_t settling = {.count = 0};
    cg_str_t tenant = {"", 0};
    apr_status_t rv = APR_SUCCESS;
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i++) {
        cg_str_t next = cg_quota_tenant_of(bills[i].id, pool);
        bool is_full =
            settling.count == CG_BILLS_PER_CALL || !cg_str_equal(next, tenant);
        if (settling.count && is_full) {
            rv = tell(quota, &settling, tenant, err, pool);
        }
        tenant = next;
        cg_local_settle(quota->local, &bills[i]);
        cg_settling_add_bill(&settling, &bills[i], pool);
    }
    return rv == APR_SUCCESS ? tell(quota, &settling, tenant, err, pool) : rv;
}

apr_status_t cg_quota_settle(cg_quota_t *quota, const cg_quota_bill_t *bills,
                             size_t count, cg_error_t *err, apr_pool_t *pool)
{
    apr_status_t rv = cancel_lost(quota, err, pool);
    if (rv == APR_SUCCESS && cg_local_has_closed(quota->local)) {
        rv = report_slices(quota, false, err, pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return count ? settle_all(quota, bills, count, err, pool)
                 : keep_house(quota, err, pool);
}

/* ---- progress ------------------------------------------------------------------------ */

static apr_status_t raise_some(cg_quota_t *quota,
                               const cg_quota_progress_t *holds, size_t count,
                               cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t keys[CG_BILLS_PER_CALL];
    unsigned char packed[CG_BILLS_PER_CALL * SO_FAR_BYTES];
    unsigned char *to = packed;
    for (size_t i = 0; i < count; i++) {
        keys[i] = cg_quota_hold_key(holds[i].id, pool);
        to = cg_plan_pack(to, in_bounds(holds[i].input_tokens), 7);
        to = cg_plan_pack(to, in_bounds(holds[i].output_tokens), 7);
        to = cg_plan_pack(to, in_bounds(holds[i].micros), 7);
    }
    cg_str_t arg = {(const char *)packed, (size_t)(to - packed)};
    return run(quota, &quota->scripts.progress, keys, count, &arg, err, pool);
}

apr_status_t cg_quota_progress(cg_quota_t *quota,
                               const cg_quota_progress_t *holds, size_t count,
                               cg_error_t *err, apr_pool_t *pool)
{
    apr_status_t rv = APR_SUCCESS;
    size_t i = 0;
    while (i < count && rv == APR_SUCCESS) {
        cg_str_t tenant = cg_quota_tenant_of(holds[i].id, pool);
        size_t some = 0;
        while (some < CG_BILLS_PER_CALL && i + some < count &&
               cg_str_equal(cg_quota_tenant_of(holds[i + some].id, pool),
                            tenant)) {
            cg_local_progress(quota->local, &holds[i + some]);
            some++;
        }
        rv = raise_some(quota, holds + i, some, err, pool);
        i += some;
    }
    return rv;
}
