/* Rate limit headers: what is left, told to the caller.
 * SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI's x-ratelimit-{limit,remaining,reset}-{requests,tokens}, of the limit
 * with the least left; and the pair of draft-ietf-httpapi-ratelimit-headers,
 * RateLimit-Policy and RateLimit, one item a limit, which name no tenant.
 */
#include "httpd/httpd_int.h"

#include <apr_strings.h>

/* "1s", "6m0s", "12ms", as OpenAI writes durations. */
static const char *duration(int64_t micros, apr_pool_t *pool)
{
    int64_t ms = (micros + 999) / 1000;
    if (ms < 1000) {
        return apr_psprintf(pool, "%" APR_INT64_T_FMT "ms", ms);
    }
    int64_t seconds = (ms + 999) / 1000;
    if (seconds < 60) {
        return apr_psprintf(pool, "%" APR_INT64_T_FMT "s", seconds);
    }
    if (seconds < 3600) {
        return apr_psprintf(pool, "%" APR_INT64_T_FMT "m%" APR_INT64_T_FMT "s",
                            seconds / 60, seconds % 60);
    }
    return apr_psprintf(pool,
                        "%" APR_INT64_T_FMT "h%" APR_INT64_T_FMT
                        "m%" APR_INT64_T_FMT "s",
                        seconds / 3600, seconds / 60 % 60, seconds % 60);
}

/* The ask of this quantity with the smallest share left; -1 none. */
static int tightest(const cg_txn_t *txn, cg_quantity_t quantity)
{
    const cg_quota_grant_t *quota = &txn->grant.quota;
    int best = -1;
    for (size_t i = 0; i < txn->grant.count; i++) {
        const cg_quota_left_t *left = &quota->left[i];
        if (txn->grant.limits[i].quantity != quantity || left->limit <= 0) {
            continue;
        }
        bool is_tighter =
            best < 0 || left->remaining < quota->left[best].remaining;
        if ((int)i == quota->refused_by) {
            return (int)i;
        }
        best = is_tighter ? (int)i : best;
    }
    return best;
}

static void set(request_rec *r, const char *what, const char *unit,
                const char *value)
{
    apr_table_setn(r->err_headers_out,
                   apr_pstrcat(r->pool, "x-ratelimit-", what, "-", unit, NULL),
                   value);
}

static void set_of(request_rec *r, const cg_txn_t *txn, cg_quantity_t quantity,
                   const char *unit)
{
    int at = tightest(txn, quantity);
    if (at < 0) {
        return;
    }
    const cg_quota_left_t *left = &txn->grant.quota.left[at];
    set(r, "limit", unit, apr_ltoa(r->pool, (long)left->limit));
    set(r, "remaining", unit, apr_ltoa(r->pool, (long)left->remaining));
    set(r, "reset", unit, duration(left->reset_for, r->pool));
}

/* Items are named by what they limit and their window: "requests-60". */
static void set_ietf(request_rec *r, const cg_txn_t *txn)
{
    const char *policy = NULL;
    const char *state = NULL;
    for (size_t i = 0; i < txn->grant.count; i++) {
        const cg_limit_t *limit = &txn->grant.limits[i];
        const cg_quota_left_t *left = &txn->grant.quota.left[i];
        if (limit->quantity == CG_QUANTITY_MICROS || left->limit <= 0) {
            continue;
        }
        int64_t window = limit->window_for / CG_SECOND;
        const char *name = apr_psprintf(
            r->pool, "\"%s-%s-%" APR_INT64_T_FMT "\"",
            cg_limit_dimension_name((cg_dimension_t)limit->dimension),
            limit->quantity == CG_QUANTITY_TOKENS ? "tokens" : "requests",
            window);
        policy = apr_psprintf(r->pool,
                              "%s%s%s;q=%" APR_INT64_T_FMT
                              ";w=%" APR_INT64_T_FMT,
                              policy ? policy : "", policy ? ", " : "", name,
                              left->limit, window);
        state = apr_psprintf(
            r->pool, "%s%s%s;r=%" APR_INT64_T_FMT ";t=%" APR_INT64_T_FMT,
            state ? state : "", state ? ", " : "", name, left->remaining,
            (left->reset_for + CG_SECOND - 1) / CG_SECOND);
    }
    if (policy) {
        apr_table_setn(r->err_headers_out, "RateLimit-Policy", policy);
        apr_table_setn(r->err_headers_out, "RateLimit", state);
    }
}

void cg_gate_headers(request_rec *r, cg_txn_t *txn)
{
    if (txn->grant.count == 0 || txn->grant.quota.count == 0) {
        return;
    }
    set_of(r, txn, CG_QUANTITY_REQUESTS, "requests");
    set_of(r, txn, CG_QUANTITY_TOKENS, "tokens");
    set_ietf(r, txn);
    if (txn->verdict == CG_RATE_LIMIT || txn->verdict == CG_TOKEN_LIMIT) {
        int64_t seconds =
            (txn->grant.quota.retry_for + CG_SECOND - 1) / CG_SECOND;
        seconds = seconds < 1 ? 1 : seconds > 60 ? 60 : seconds;
        apr_table_setn(r->err_headers_out, "Retry-After",
                       apr_ltoa(r->pool, (long)seconds));
    }
}
