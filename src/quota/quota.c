/* Quota: asking the store, and what is done when it does not answer.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/quota.h"

#include <string.h>

#include <apr_strings.h>

#include "base/digest.h"
#include "base/share.h"
#include "quota/local.h"
#include "quota/plan.h"
#include "store/keys.h"

#include "gen/admit_lua.h"
#include "gen/ring_lua.h"
#include "gen/settle_lua.h"
#include "gen/usage_lua.h"

#define BILLS_PER_CALL 16 /* a script must not hold Redis long */
#define BILL_BYTES 15     /* as BILL in settle.lua */
#define MONTH_TRIES 3
#define NONCE_BYTES 16 /* of its digest */

/* As in ring.lua. */
enum {
    VERDICT_REFUSED,
    VERDICT_ADMITTED,
    VERDICT_OTHER_MONTH,
    VERDICT_REPLAYED = 4, /* as in admit.lua */
    VERDICT_CROWDED
};
enum { HOW_SETTLE = 1, HOW_RELEASE, HOW_CANCEL };

/* lives in: child pool · used by: every thread of the child */
struct cg_quota_t {
    cg_store_t *store;
    cg_local_t *local;
    volatile int64_t nodes; /* atomic */
    cg_script_t admit;
    cg_script_t settle;
    cg_script_t usage;
};

size_t cg_quota_shared_bytes(void)
{
    return cg_local_bytes();
}

cg_quota_t *cg_quota_open(cg_store_t *store, void *shared, apr_pool_t *pool)
{
    cg_quota_t *quota = apr_pcalloc(pool, sizeof *quota);
    quota->store = store;
    quota->local = shared;
    quota->nodes = 1;
    cg_script_init(&quota->admit, "admit",
                   apr_pstrcat(pool, cg_lua_ring, cg_lua_admit, NULL));
    cg_script_init(&quota->settle, "settle",
                   apr_pstrcat(pool, cg_lua_ring, cg_lua_settle, NULL));
    cg_script_init(&quota->usage, "usage",
                   apr_pstrcat(pool, cg_lua_ring, cg_lua_usage, NULL));
    return quota;
}

void cg_quota_nodes(cg_quota_t *quota, int nodes)
{
    cg_atomic_set(&quota->nodes, nodes > 0 ? nodes : 1);
}

static cg_str_t hold_key(const char *id, apr_pool_t *pool)
{
    cg_str_t part = cg_str(id);
    return cg_keys_make(CG_KEYS_HOLD, &part, 1, pool);
}

static cg_str_t holds_key(apr_pool_t *pool)
{
    return cg_keys_make(CG_KEYS_HOLD_INDEX, NULL, 0, pool);
}

/* ---- admission by the store -------------------------------------------- */

static int64_t number_at(const cg_reply_t *reply, size_t index)
{
    return index < reply->count ? reply->items[index].number : 0;
}

static bool is_numbers(const cg_reply_t *reply, size_t count)
{
    return reply->kind == CG_REPLY_ARRAY && reply->count == count;
}

/* A nonce of a key by its digest: whatever a caller writes, what is remembered of it
 * takes the same few bytes. */
static cg_str_t nonce_name(const cg_quota_nonce_t *nonce, apr_pool_t *pool)
{
    unsigned char digest[CG_SHA256_BYTES];
    char *name = apr_palloc(pool, 2 * NONCE_BYTES);
    cg_str_t whole =
        cg_str(apr_pstrcat(pool, cg_str_dup(nonce->sign_key, pool), "\n",
                           cg_str_dup(nonce->nonce, pool), NULL));
    cg_sha256(whole.ptr, whole.len, digest);
    cg_b64url_encode(digest, NONCE_BYTES, name);
    return cg_str(name);
}

/* Appends the keys and arguments of a nonce. */
static void add_nonce(const cg_quota_nonce_t *nonce, cg_str_t *keys,
                      cg_str_t *args, apr_pool_t *pool)
{
    cg_str_t name = nonce_name(nonce, pool);
    keys[0] = cg_keys_make(CG_KEYS_NONCE, &name, 1, pool);
    keys[1] = cg_keys_make(CG_KEYS_NONCES, &nonce->sign_key, 1, pool);
    keys[2] = cg_keys_make(CG_KEYS_SIGNED, &nonce->sign_key, 1, pool);
    int64_t most = nonce->most > 0 ? nonce->most : CG_NONCES_MAX;
    args[0] = cg_str(
        apr_psprintf(pool, "%" APR_TIME_T_FMT, apr_time_as_msec(CG_NONCE_FOR)));
    args[1] = cg_str(apr_psprintf(pool, "%" APR_INT64_T_FMT, most));
}

static apr_status_t run_admit(cg_quota_t *quota, const char *id,
                              const cg_quota_nonce_t *nonce,
                              const cg_plan_t *plan, apr_time_t hold_for,
                              cg_reply_t *out, cg_error_t *err,
                              apr_pool_t *pool)
{
    cg_str_t keys[CG_ASKS_MAX + 5];
    cg_str_t args[4];
    size_t keys_count = plan->count + 2;
    keys[0] = hold_key(id, pool);
    for (size_t i = 0; i < plan->count; i++) {
        keys[i + 1] = plan->counters[i].key;
    }
    keys[plan->count + 1] = holds_key(pool);
    args[0] =
        (cg_str_t){(const char *)plan->packed, plan->count * CG_PLAN_ASK_BYTES};
    args[1] = cg_str(apr_psprintf(pool, "%" APR_TIME_T_FMT, hold_for));
    if (nonce) {
        add_nonce(nonce, keys + keys_count, args + 2, pool);
        keys_count += 3;
    }
    apr_status_t rv =
        cg_store_script(quota->store, &quota->admit, keys, keys_count, args,
                        nonce ? 4 : 2, out, err, pool);
    if (rv == APR_SUCCESS && out->kind != CG_REPLY_ARRAY) {
        cg_error_set(err, "the admission script failed: %.200s",
                     out->text.ptr ? out->text.ptr : "no array came back");
        return APR_EGENERAL;
    }
    return rv;
}

/* A left of a counter, as it looks to an ask with an amount of its own. */
static cg_quota_left_t left_for(const cg_quota_ask_t *ask,
                                const cg_counter_t *counter,
                                const cg_quota_left_t *of_counter)
{
    cg_quota_left_t left = *of_counter;
    int64_t more = ask->limit->amount - counter->amount;
    if (more > 0) {
        left.limit += more;
        left.remaining += more;
    }
    return left;
}

static void read_grant(const cg_quota_ask_t *asks, const cg_plan_t *plan,
                       const cg_reply_t *reply, cg_quota_grant_t *out)
{
    int64_t bound = number_at(reply, 1);
    out->is_admitted = number_at(reply, 0) == VERDICT_ADMITTED;
    if (bound >= 0 && (size_t)bound < plan->count) {
        out->refused_by = (int)plan->ask_of[bound];
    }
    out->retry_for = number_at(reply, 2);
    for (size_t i = 0; i < plan->asks_count; i++) {
        size_t at = plan->counter_of[i];
        const cg_counter_t *counter = &plan->counters[at];
        cg_quota_left_t left = {.limit = counter->amount,
                                .remaining = number_at(reply, 3 * at + 3),
                                .held = number_at(reply, 3 * at + 4),
                                .reset_for = number_at(reply, 3 * at + 5)};
        out->left[i] = left_for(&asks[i], counter, &left);
    }
}

static void remember_budgets(cg_quota_t *quota, const cg_plan_t *plan,
                             const cg_reply_t *reply, apr_time_t now)
{
    for (size_t i = 0; i < plan->count; i++) {
        const cg_counter_t *counter = &plan->counters[i];
        if (counter->is_month && counter->store_down == CG_STORE_DOWN_LOCAL) {
            cg_local_remember(quota->local, counter,
                              number_at(reply, 3 * i + 3), now);
        }
    }
}

static bool is_nonce_refused(const cg_reply_t *reply, cg_quota_grant_t *out)
{
    int64_t verdict = number_at(reply, 0);
    if (verdict == VERDICT_REPLAYED || verdict == VERDICT_CROWDED) {
        out->once =
            verdict == VERDICT_REPLAYED ? CG_ONCE_REPLAYED : CG_ONCE_CROWDED;
        return true;
    }
    out->once = CG_ONCE_FIRST;
    return false;
}

/* One round trip; a second only when our clock and the store's are in different
 * months: then the store's counts. */
static apr_status_t admit_by_store(cg_quota_t *quota, const char *id,
                                   const cg_quota_nonce_t *nonce,
                                   const cg_quota_ask_t *asks, cg_plan_t *plan,
                                   apr_time_t hold_for, apr_time_t now,
                                   cg_quota_grant_t *out, cg_error_t *err,
                                   apr_pool_t *pool)
{
    cg_reply_t reply;
    for (int i = 0; i < MONTH_TRIES; i++) {
        apr_status_t rv =
            run_admit(quota, id, nonce, plan, hold_for, &reply, err, pool);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (number_at(&reply, 0) != VERDICT_OTHER_MONTH) {
            break;
        }
        now = number_at(&reply, 1);
        cg_plan_make(plan, asks, plan->asks_count, now, pool);
    }
    if (nonce && is_nonce_refused(&reply, out)) {
        return APR_SUCCESS;
    }
    if (!is_numbers(&reply, 3 + 3 * plan->count)) {
        cg_error_set(err, "the admission was cancelled before it arrived");
        return APR_EGENERAL;
    }
    read_grant(asks, plan, &reply, out);
    remember_budgets(quota, plan, &reply, now);
    return APR_SUCCESS;
}

/* ---- admission without the store --------------------------------------- */

static bool refuse_closed(const cg_plan_t *plan, cg_quota_grant_t *out)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->counters[i].store_down == CG_STORE_DOWN_CLOSED) {
            out->is_store_down = true;
            out->refused_by = (int)plan->ask_of[i];
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

static void admit_locally(cg_quota_t *quota, const cg_quota_ask_t *asks,
                          const cg_plan_t *plan, apr_time_t now,
                          cg_quota_grant_t *out)
{
    cg_local_left_t lefts[CG_ASKS_MAX];
    if (refuse_closed(plan, out)) {
        return;
    }
    out->is_admitted = cg_local_take(
        quota->local, plan, (int)cg_atomic_get(&quota->nodes), now, lefts);
    for (size_t i = 0; i < plan->count; i++) {
        out->is_local = out->is_local || lefts[i].is_counted;
        out->is_open = out->is_open || !lefts[i].is_counted;
    }
    if (!out->is_admitted) {
        out->is_open = false;
        read_local_refusal(plan, lefts, out);
    }
    for (size_t i = 0; i < plan->asks_count; i++) {
        size_t at = plan->counter_of[i];
        if (lefts[at].is_counted) {
            out->left[i] =
                left_for(&asks[i], &plan->counters[at], &lefts[at].left);
        }
    }
}

/* The command may have reached the store although no answer came. */
static bool is_in_doubt(apr_status_t rv)
{
    return rv == APR_TIMEUP || rv == APR_ECONNRESET;
}

apr_status_t cg_quota_admit_once(cg_quota_t *quota, const char *id,
                                 const cg_quota_nonce_t *nonce,
                                 const cg_quota_ask_t *asks, size_t count,
                                 apr_time_t hold_for, apr_time_t now,
                                 cg_quota_grant_t *out, cg_error_t *err,
                                 apr_pool_t *pool)
{
    *out = (cg_quota_grant_t){.refused_by = -1, .count = count};
    if (count == 0 && !nonce) {
        out->is_admitted = true;
        return APR_SUCCESS;
    }
    if (count > CG_ASKS_MAX || !id[0] || strlen(id) > CG_QUOTA_ID_MAX) {
        cg_error_set(err,
                     "a request takes at most %d limits at once and an id of "
                     "1 to %d bytes",
                     CG_ASKS_MAX, CG_QUOTA_ID_MAX);
        return APR_EINVAL;
    }
    cg_plan_t *plan = apr_palloc(pool, sizeof *plan);
    cg_plan_make(plan, asks, count, now, pool);
    apr_status_t rv = admit_by_store(quota, id, nonce, asks, plan, hold_for,
                                     now, out, err, pool);
    if (rv == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    if (nonce) {
        out->once = CG_ONCE_UNKNOWN;
        out->is_store_down = true;
    }
    else {
        admit_locally(quota, asks, plan, now, out);
    }
    if (!out->is_admitted && is_in_doubt(rv)) {
        cg_local_lose(quota->local, id);
    }
    return APR_SUCCESS;
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

/* ---- settling ---------------------------------------------------------- */

static unsigned char *pack_bill(unsigned char *to, int how, int64_t tokens,
                                int64_t micros)
{
    *to++ = (unsigned char)how;
    to = cg_plan_pack(to, tokens > 0 ? tokens : 0, 7);
    return cg_plan_pack(to, micros > 0 ? micros : 0, 7);
}

static int64_t in_bounds(int64_t value)
{
    return value > CG_QUOTA_COUNT_MAX ? CG_QUOTA_COUNT_MAX : value;
}

static apr_status_t run_settle(cg_quota_t *quota, cg_str_t *keys, size_t count,
                               const unsigned char *packed, cg_error_t *err,
                               apr_pool_t *pool)
{
    cg_reply_t reply;
    cg_str_t arg = {(const char *)packed, count * BILL_BYTES};
    keys[count] = holds_key(pool);
    apr_status_t rv = cg_store_script(quota->store, &quota->settle, keys,
                                      count + 1, &arg, 1, &reply, err, pool);
    if (rv == APR_SUCCESS && reply.kind != CG_REPLY_INT) {
        cg_error_set(err, "the settling script failed: %.200s",
                     reply.text.ptr ? reply.text.ptr : "no number came back");
        return APR_EGENERAL;
    }
    return rv;
}

static apr_status_t cancel_lost(cg_quota_t *quota, cg_error_t *err,
                                apr_pool_t *pool)
{
    char lost[BILLS_PER_CALL][CG_QUOTA_ID_MAX + 1];
    unsigned char packed[BILLS_PER_CALL * BILL_BYTES];
    cg_str_t keys[BILLS_PER_CALL + 1];
    for (;;) {
        size_t count = cg_local_find_lost(quota->local, lost, BILLS_PER_CALL);
        if (count == 0) {
            return APR_SUCCESS;
        }
        unsigned char *to = packed;
        for (size_t i = 0; i < count; i++) {
            keys[i] = hold_key(lost[i], pool);
            to = pack_bill(to, HOW_CANCEL, 0, 0);
        }
        apr_status_t rv = run_settle(quota, keys, count, packed, err, pool);
        if (rv != APR_SUCCESS) {
            for (size_t i = 0; i < count; i++) {
                cg_local_lose(quota->local, lost[i]);
            }
            return rv;
        }
    }
}

static apr_status_t settle_some(cg_quota_t *quota, const cg_quota_bill_t *bills,
                                size_t count, cg_error_t *err, apr_pool_t *pool)
{
    unsigned char packed[BILLS_PER_CALL * BILL_BYTES];
    cg_str_t keys[BILLS_PER_CALL + 1];
    unsigned char *to = packed;
    for (size_t i = 0; i < count; i++) {
        keys[i] = hold_key(bills[i].id, pool);
        to = pack_bill(to, bills[i].is_released ? HOW_RELEASE : HOW_SETTLE,
                       in_bounds(bills[i].tokens), in_bounds(bills[i].micros));
    }
    return run_settle(quota, keys, count, packed, err, pool);
}

apr_status_t cg_quota_settle(cg_quota_t *quota, const cg_quota_bill_t *bills,
                             size_t count, cg_error_t *err, apr_pool_t *pool)
{
    apr_status_t rv = cancel_lost(quota, err, pool);
    if (rv == APR_SUCCESS && count == 0) {
        return settle_some(quota, bills, 0, err, pool);
    }
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i += BILLS_PER_CALL) {
        size_t rest = count - i;
        rv = settle_some(quota, bills + i,
                         rest < BILLS_PER_CALL ? rest : BILLS_PER_CALL, err,
                         pool);
    }
    return rv;
}

/* ---- use --------------------------------------------------------------- */

static apr_status_t usage_of_some(cg_quota_t *quota, const cg_quota_ask_t *asks,
                                  size_t count, apr_time_t now,
                                  cg_quota_left_t *out, cg_error_t *err,
                                  apr_pool_t *pool)
{
    cg_plan_t *plan = apr_palloc(pool, sizeof *plan);
    cg_str_t keys[CG_ASKS_MAX];
    cg_reply_t reply;
    cg_plan_make(plan, asks, count, now, pool);
    for (size_t i = 0; i < plan->count; i++) {
        keys[i] = plan->counters[i].key;
    }
    cg_str_t arg = {(const char *)plan->packed,
                    plan->count * CG_PLAN_ASK_BYTES};
    apr_status_t rv = cg_store_script(quota->store, &quota->usage, keys,
                                      plan->count, &arg, 1, &reply, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!is_numbers(&reply, 3 * plan->count)) {
        cg_error_set(err, "the usage script failed: %.200s",
                     reply.text.ptr ? reply.text.ptr : "no array came back");
        return APR_EGENERAL;
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = plan->counter_of[i];
        const cg_counter_t *counter = &plan->counters[at];
        cg_quota_left_t left = {.limit = counter->amount,
                                .remaining = number_at(&reply, 3 * at),
                                .held = number_at(&reply, 3 * at + 1),
                                .reset_for = number_at(&reply, 3 * at + 2)};
        out[i] = left_for(&asks[i], counter, &left);
    }
    return APR_SUCCESS;
}

apr_status_t cg_quota_usage(cg_quota_t *quota, const cg_quota_ask_t *asks,
                            size_t count, apr_time_t now, cg_quota_left_t *out,
                            cg_error_t *err, apr_pool_t *pool)
{
    apr_status_t rv = APR_SUCCESS;
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i += CG_ASKS_MAX) {
        size_t rest = count - i;
        rv = usage_of_some(quota, asks + i,
                           rest < CG_ASKS_MAX ? rest : CG_ASKS_MAX, now,
                           out + i, err, pool);
    }
    return rv;
}
