/* Rate limit headers: what is left, told to the caller.
 * SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI's x-ratelimit-{limit,remaining,reset}-{requests,tokens}, of the limit
 * with the least left; and the pair of draft-ietf-httpapi-ratelimit-headers,
 * RateLimit-Policy and RateLimit, one item a limit, which name no tenant.
 *
 * They go with every answer, so they are put together by hand: apr_psprintf cost
 * three times as much.
 */
#include "httpd/httpd_int.h"

#include "base/clock.h"

#define VALUE_BYTES 32 /* a number, a duration */
#define ITEMS_BYTES 128
#define RETRY_MOST 60 /* seconds: clients heed no longer one */

/* lives in: constant data */
typedef struct unit_t {
    cg_quantity_t quantity;
    const char *limit, *remaining, *reset;
} unit_t;

static const unit_t units[] = {
    {CG_QUANTITY_REQUESTS, "x-ratelimit-limit-requests",
     "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"},
    {CG_QUANTITY_TOKENS, "x-ratelimit-limit-tokens",
     "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"},
};

static void set(request_rec *r, const char *header, cg_buf_t *value)
{
    apr_table_setn(r->err_headers_out, header, cg_buf_cstr(value));
}

static void set_number(request_rec *r, const char *header, int64_t number)
{
    cg_buf_t value;
    cg_buf_init(&value, VALUE_BYTES, r->pool);
    cg_buf_int(&value, number);
    set(r, header, &value);
}

static void add_part(cg_buf_t *out, int64_t number, const char *unit)
{
    cg_buf_int(out, number);
    cg_buf_str(out, unit);
}

/* "1s", "6m0s", "12ms", as OpenAI writes durations. */
static void add_duration(cg_buf_t *out, int64_t micros)
{
    int64_t ms = (micros + 999) / 1000;
    if (ms < 1000) {
        add_part(out, ms, "ms");
        return;
    }
    int64_t seconds = (ms + 999) / 1000;
    if (seconds >= 3600) {
        add_part(out, seconds / 3600, "h");
    }
    if (seconds >= 60) {
        add_part(out, seconds / 60 % 60, "m");
    }
    add_part(out, seconds % 60, "s");
}

/* The ask of this quantity with the smallest share left; -1 none. */
static int tightest(const cg_txn_t *txn, cg_quantity_t quantity)
{
    const cg_quota_grant_t *quota = &txn->grant.quota;
    int best = -1;
    for (size_t i = 0; i < txn->grant.count; i++) {
        const cg_quota_left_t *left = &quota->left[i];
        const cg_limit_t *limit = &txn->grant.limits[i];
        if (limit->quantity != quantity || limit->is_soft || left->limit <= 0) {
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

static void set_of(request_rec *r, const cg_txn_t *txn, const unit_t *unit)
{
    int at = tightest(txn, unit->quantity);
    if (at < 0) {
        return;
    }
    const cg_quota_left_t *left = &txn->grant.quota.left[at];
    cg_buf_t reset;
    cg_buf_init(&reset, VALUE_BYTES, r->pool);
    add_duration(&reset, left->reset_for);
    set_number(r, unit->limit, left->limit);
    set_number(r, unit->remaining, left->remaining);
    set(r, unit->reset, &reset);
}

/* Of a calendar period its length, of months and years the longest. */
static int64_t window_seconds(const cg_limit_t *limit)
{
    switch (limit->window_for) {
    case CG_WINDOW_DAY:
        return 86400;
    case CG_WINDOW_WEEK:
        return 7 * 86400;
    case CG_WINDOW_MONTH:
        return 31 * 86400;
    case CG_WINDOW_YEAR:
        return 366 * 86400;
    default:
        return limit->window_for / CG_SECOND;
    }
}

/* One item of either header: "key-requests-60";q=100;w=60, named by what the
 * limit counts and its window, with two parameters. */
static void add_item(cg_buf_t *out, const cg_limit_t *limit, const char *first,
                     int64_t a, const char *second, int64_t b)
{
    cg_buf_str(out, out->len ? ", \"" : "\"");
    cg_buf_str(out, cg_limit_dimension_name((cg_dimension_t)limit->dimension));
    if (limit->with) {
        cg_buf_char(out, '+');
        cg_buf_str(out, cg_limit_dimension_name(
                            (cg_dimension_t)(limit->with - 1)));
    }
    cg_buf_char(out, '-');
    cg_buf_str(out, cg_limit_quantity_name((cg_quantity_t)limit->quantity));
    cg_buf_char(out, '-');
    cg_buf_int(out, window_seconds(limit));
    cg_buf_str(out, first);
    cg_buf_int(out, a);
    cg_buf_str(out, second);
    cg_buf_int(out, b);
}

static void set_ietf(request_rec *r, const cg_txn_t *txn)
{
    cg_buf_t policy, state;
    cg_buf_init(&policy, ITEMS_BYTES, r->pool);
    cg_buf_init(&state, ITEMS_BYTES, r->pool);
    for (size_t i = 0; i < txn->grant.count; i++) {
        const cg_limit_t *limit = &txn->grant.limits[i];
        const cg_quota_left_t *left = &txn->grant.quota.left[i];
        bool is_said = limit->quantity != CG_QUANTITY_MICROS &&
                       limit->quantity != CG_QUANTITY_CONCURRENT &&
                       !limit->is_soft;
        if (!is_said || left->limit <= 0) {
            continue;
        }
        add_item(&policy, limit, "\";q=", left->limit,
                 ";w=", window_seconds(limit));
        add_item(&state, limit, "\";r=", left->remaining,
                 ";t=", (left->reset_for + CG_SECOND - 1) / CG_SECOND);
    }
    if (policy.len) {
        set(r, "RateLimit-Policy", &policy);
        set(r, "RateLimit", &state);
    }
}

/* A key that ends soon says so with every answer: its holder need not read the
 * server's log. During a rotation this is the end of the previous secret. */
static void set_expiry(request_rec *r, const cg_txn_t *txn)
{
    apr_time_t until = txn->who.is_known ? cg_key_ends_at(&txn->who.key) : 0;
    if (until == 0 || until - txn->in.at > CG_KEY_EXPIRES_SOON) {
        return;
    }
    char *text = apr_palloc(r->pool, 25);
    cg_clock_rfc3339(until, text);
    apr_table_setn(r->err_headers_out, "x-chatgpt-key-expires", text);
}

/* What costs more than a whole limit need not be sent again as it is. */
static void set_retry(request_rec *r, const cg_txn_t *txn)
{
    const cg_quota_grant_t *quota = &txn->grant.quota;
    int64_t seconds = (quota->retry_for + CG_SECOND - 1) / CG_SECOND;
    seconds = seconds < 1 ? 1 : seconds > RETRY_MOST ? RETRY_MOST : seconds;
    int by = quota->refused_by;
    if (by >= 0 && txn->grant.asks[by].cost > txn->grant.limits[by].amount) {
        apr_table_setn(r->err_headers_out, "x-should-retry", "false");
        seconds = RETRY_MOST;
    }
    set_number(r, "Retry-After", seconds);
}

void cg_gate_headers(request_rec *r, cg_txn_t *txn)
{
    set_expiry(r, txn);
    if (txn->grant.count == 0 || txn->grant.quota.count == 0) {
        return;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        set_of(r, txn, &units[i]);
    }
    set_ietf(r, txn);
    if (txn->grant.is_clamped && txn->grant.quota.is_admitted) {
        set_number(r, "x-chatgpt-max-output-tokens", txn->grant.cap_tokens);
    }
    if (txn->verdict == CG_RATE_LIMIT || txn->verdict == CG_TOKEN_LIMIT) {
        set_retry(r, txn);
    }
}
