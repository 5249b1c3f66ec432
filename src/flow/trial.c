/* A trial: would this request pass, and which limit decides?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/trial.h"

#include <string.h>

#include "auth/keyplace.h"

#define CLAMPS_MAX 3

/* ---- the key ---------------------------------------------------------------------- */

/* As cg_apikey_verify and authenticate would, of a key whose secret is not asked. */
static cg_verdict_t check_key(cg_txn_t *txn)
{
    const cg_key_t *key = &txn->who.key;
    if (!key->id[0]) {
        return CG_PASS;
    }
    if (key->state == CG_KEY_STATE_REVOKED) {
        return cg_txn_refuse(txn, CG_KEY_REVOKED_REFUSED, NULL, NULL);
    }
    if (key->state == CG_KEY_STATE_SUSPENDED) {
        return cg_txn_refuse(txn, CG_KEY_SUSPENDED_REFUSED, NULL, NULL);
    }
    if (key->expires_at && key->expires_at <= txn->in.at) {
        return cg_txn_refuse(txn, CG_KEY_EXPIRED_REFUSED, NULL, NULL);
    }
    cg_key_hours_prepare(&txn->who.key, txn->in.at);
    cg_key_place_t place = cg_key_may_come(key, txn->in.address, txn->in.vhost,
                                           txn->in.endpoint, txn->in.at);
    return place == CG_KEY_PLACE_RIGHT
               ? CG_PASS
               : cg_txn_refuse(txn, CG_KEY_PLACE, cg_key_place_words(place),
                               NULL);
}

/* ---- the limits ------------------------------------------------------------------- */

static bool is_among(const cg_limit_t *limits, size_t count,
                     const cg_limit_t *limit)
{
    for (size_t i = 0; i < count; i++) {
        if (cg_limit_is_same(&limits[i], limit) &&
            limits[i].amount == limit->amount) {
            return true;
        }
    }
    return false;
}

static cg_trial_by_t by_whom(const cg_txn_t *txn, size_t which)
{
    const cg_limit_t *limit = &txn->grant.limits[which];
    const cg_override_t *row = cg_overrides_find(
        txn->grant.overrides, limit, txn->grant.asks[which].subject);
    if (row && is_among(row->limits, row->count, limit)) {
        return CG_TRIAL_BY_CONSOLE;
    }
    return is_among(txn->who.key.limits, txn->who.key.limits_count, limit)
               ? CG_TRIAL_BY_KEY
               : CG_TRIAL_BY_DIRECTIVE;
}

/* How long a limit keeps the request out. */
static apr_time_t wait_of(const cg_quota_ask_t *ask,
                          const cg_quota_left_t *left)
{
    if (ask->cost > ask->limit->amount) {
        return CG_TRIAL_NEVER;
    }
    return left->wait_for > 0 ? left->wait_for : 1;
}

static bool is_longer(apr_time_t a, apr_time_t b)
{
    return b != CG_TRIAL_NEVER && (a == CG_TRIAL_NEVER || a > b);
}

/* As the admission script: who keeps it out longest decides. A paced limit lets a
 * large request wait although it has room for fewer than its cost. */
static void judge(const cg_txn_t *txn, cg_trial_t *out)
{
    out->passes = true;
    out->decided_by = -1;
    out->wait_for = 0;
    for (size_t i = 0; i < txn->grant.count; i++) {
        const cg_quota_ask_t *ask = &txn->grant.asks[i];
        const cg_quota_left_t *left = &out->left[i];
        out->fits[i] = ask->cost <= ask->limit->amount && left->wait_for == 0;
        if (out->fits[i] || ask->limit->is_soft) {
            continue;
        }
        apr_time_t wait = wait_of(ask, left);
        out->passes = false;
        if (out->decided_by < 0 || is_longer(wait, out->wait_for)) {
            out->decided_by = (int)i;
            out->wait_for = wait;
        }
    }
}

static apr_status_t look(cg_txn_t *txn, cg_trial_t *out, cg_error_t *err)
{
    apr_status_t rv =
        cg_quota_usage(txn->gateway->quota, txn->grant.asks, txn->grant.count,
                       txn->in.at, out->left, err, txn->pool);
    if (rv == APR_SUCCESS) {
        memcpy(txn->grant.quota.left, out->left, sizeof out->left);
        judge(txn, out);
    }
    return rv;
}

apr_status_t cg_flow_trial(cg_txn_t *txn, int64_t input_tokens, cg_trial_t *out,
                           cg_error_t *err)
{
    memset(out, 0, sizeof *out);
    out->decided_by = -1;
    out->clamped_tokens = -1;
    if (check_key(txn) != CG_PASS ||
        cg_flow_admit_plan(txn, input_tokens) != CG_PASS) {
        out->wait_for = CG_TRIAL_NEVER;
        return APR_SUCCESS;
    }
    apr_status_t rv = look(txn, out, err);
    for (int i = 0; i < CLAMPS_MAX && rv == APR_SUCCESS && !out->passes &&
                    cg_flow_admit_clamp(txn);
         i++) {
        out->clamped_tokens = txn->grant.cap_tokens;
        rv = look(txn, out, err);
    }
    for (size_t i = 0; rv == APR_SUCCESS && i < txn->grant.count; i++) {
        out->by[i] = by_whom(txn, i);
    }
    if (rv == APR_SUCCESS && !out->passes) {
        txn->grant.quota.refused_by = out->decided_by;
        cg_flow_admit_refusal(txn);
    }
    return rv;
}
