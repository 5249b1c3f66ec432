/* Quota: how much of its limits is used.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/quota_int.h"

static int64_t number_at(const cg_reply_t *reply, size_t index)
{
    return index < reply->count ? reply->items[index].number : 0;
}

/* A left of a counter, as it looks to an ask with an amount of its own. */
static cg_quota_left_t left_of(const cg_quota_ask_t *ask,
                               const cg_counter_t *counter,
                               const cg_reply_t *reply, size_t at)
{
    int64_t more = ask->limit->amount - counter->amount;
    more = more > 0 ? more : 0;
    return (cg_quota_left_t){.limit = counter->amount + more,
                             .remaining = number_at(reply, 4 * at) + more,
                             .held = number_at(reply, 4 * at + 1),
                             .reset_for = number_at(reply, 4 * at + 2),
                             .wait_for = number_at(reply, 4 * at + 3)};
}

static apr_status_t usage_of_some(cg_quota_t *quota, const cg_quota_ask_t *asks,
                                  size_t count, apr_time_t now,
                                  cg_quota_left_t *out, cg_error_t *err,
                                  apr_pool_t *pool)
{
    cg_plan_t *plan = apr_palloc(pool, sizeof *plan);
    unsigned char packed[CG_ASKS_MAX * CG_PLAN_ASK_BYTES];
    unsigned char *to = packed;
    cg_str_t keys[CG_ASKS_MAX];
    cg_reply_t reply;
    cg_plan_make(plan, cg_quota_tenant(asks[0].organization, pool), asks, count,
                 now, quota->periods, pool);
    for (size_t i = 0; i < plan->count; i++) {
        keys[i] = plan->counters[i].key;
        to = cg_plan_pack_counter(to, &plan->counters[i]);
    }
    cg_str_t arg = {(const char *)packed, (size_t)(to - packed)};
    apr_status_t rv = cg_store_script(quota->store, &quota->scripts.usage, keys,
                                      plan->count, &arg, 1, &reply, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (reply.kind != CG_REPLY_ARRAY || reply.count != 4 * plan->count) {
        cg_error_set(err, "the usage script failed: %.200s",
                     reply.text.ptr ? reply.text.ptr : "no array came back");
        return APR_EGENERAL;
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = plan->counter_of[i];
        out[i] = left_of(&asks[i], &plan->counters[at], &reply, at);
    }
    return APR_SUCCESS;
}

apr_status_t cg_quota_usage(cg_quota_t *quota, const cg_quota_ask_t *asks,
                            size_t count, apr_time_t now, cg_quota_left_t *out,
                            cg_error_t *err, apr_pool_t *pool)
{
    apr_status_t rv = APR_SUCCESS;
    size_t i = 0;
    while (i < count && rv == APR_SUCCESS) {
        size_t some = 1;
        while (
            some < CG_ASKS_MAX && i + some < count &&
            cg_str_equal(asks[i + some].organization, asks[i].organization)) {
            some++;
        }
        rv = usage_of_some(quota, asks + i, some, now, out + i, err, pool);
        i += some;
    }
    return rv;
}
