/* One admission's round trip: its keys and arguments, and the bills that go with it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/call.h"

#include <string.h>

#include <apr_strings.h>

#include "base/digest.h"
#include "store/keys.h"

#define NONCE_BYTES 16 /* of its digest */

static cg_str_t number(const cg_call_t *call, int64_t value)
{
    return cg_str(apr_psprintf(call->pool, "%" APR_INT64_T_FMT, value));
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
static void add_nonce(const cg_call_t *call, const cg_quota_nonce_t *nonce,
                      cg_str_t *keys, cg_str_t *args)
{
    cg_str_t name = nonce_name(nonce, call->pool);
    keys[0] = cg_keys_make(CG_KEYS_NONCE, &name, 1, call->pool);
    keys[1] = cg_keys_make(CG_KEYS_NONCES, &nonce->sign_key, 1, call->pool);
    keys[2] = cg_keys_make(CG_KEYS_SIGNED, &nonce->sign_key, 1, call->pool);
    args[0] = number(call, apr_time_as_msec(CG_NONCE_FOR));
    args[1] = number(call, nonce->most > 0 ? nonce->most : CG_NONCES_MAX);
}

/* Bills that go with an admission, ahead of it in the same script. */
typedef struct waiting_t {
    cg_quota_bill_t bills[CG_BILLS_PER_CALL];
    char ids[CG_BILLS_PER_CALL][CG_QUOTA_ID_MAX + 1];
    size_t count;
} waiting_t;

/* Appends the holds of the bills, and the bills; how many there are. First what is
 * replaced: no other bill may be in its way. */
static size_t add_bills(const cg_call_t *call, const waiting_t *waiting,
                        cg_str_t *keys, cg_str_t *args)
{
    cg_settling_t *settling = apr_palloc(call->pool, sizeof *settling);
    settling->count = 0;
    if (call->replaces) {
        cg_settling_add(settling, call->replaces, CG_HOW_REPLACE, 0, 0, 0,
                        call->pool);
    }
    for (size_t i = 0; i < waiting->count; i++) {
        cg_settling_add_bill(settling, &waiting->bills[i], call->pool);
    }
    memcpy(keys, settling->keys, settling->count * sizeof *keys);
    args[0] = number(call, (int64_t)settling->count);
    args[1] = (cg_str_t){(const char *)settling->packed,
                         settling->count * CG_BILL_BYTES};
    return settling->count;
}

/* admit.lua as a command. */
static cg_store_command_t admission(const cg_call_t *call,
                                    const cg_quota_nonce_t *nonce,
                                    const cg_plan_t *plan, const char *id,
                                    const waiting_t *waiting)
{
    cg_str_t keys[CG_ASKS_MAX + 5 + CG_BILLS_PER_CALL];
    cg_str_t args[7];
    size_t keys_count = 0;
    unsigned char *packed =
        apr_palloc(call->pool, plan->count * CG_PLAN_ASK_BYTES + 1);
    unsigned char *to = packed;
    keys[keys_count++] = cg_quota_hold_key(id, call->pool);
    for (size_t i = 0; i < plan->count; i++) {
        keys[keys_count++] = plan->counters[i].key;
        to = cg_plan_pack_counter(to, &plan->counters[i]);
    }
    keys[keys_count++] =
        cg_quota_holds_key(cg_quota_tenant_of(id, call->pool), call->pool);
    args[0] = (cg_str_t){(const char *)packed, (size_t)(to - packed)};
    args[1] = number(call, call->hold_for);
    args[2] = number(call, call->slice_for);
    if (nonce) {
        add_nonce(call, nonce, keys + keys_count, args + 5);
        keys_count += 3;
    }
    keys_count += add_bills(call, waiting, keys + keys_count, args + 3);
    return cg_quota_command(&call->quota->scripts.admit, keys, keys_count, args,
                            nonce ? 7 : 5, call->pool);
}

/* ---- the round trip ----------------------------------------- */

static bool is_unknown_script(const cg_reply_t *reply)
{
    return reply->kind == CG_REPLY_ERROR &&
           cg_str_has_prefix(reply->text, "NOSCRIPT");
}

/* The same once more, with the whole script. */
static apr_status_t send_whole(const cg_call_t *call, const cg_script_t *script,
                               const cg_store_command_t *command,
                               cg_reply_t *out)
{
    cg_str_t *argv =
        apr_pmemdup(call->pool, command->argv, command->argc * sizeof *argv);
    argv[0] = CG_STR("EVAL");
    argv[1] = cg_str(script->source);
    return cg_store_call(call->quota->store, argv, command->argc, out,
                         call->err, call->pool);
}

static void put_back(const cg_call_t *call, const waiting_t *waiting)
{
    for (size_t i = 0; i < waiting->count; i++) {
        cg_local_wait(call->quota->local, &waiting->bills[i]);
    }
}

/* Bills that wait are taken with it: what they give back may be what this request
 * needs. */
apr_status_t cg_call_run(const cg_call_t *call, const cg_quota_nonce_t *nonce,
                         const cg_plan_t *plan, const char *id, cg_reply_t *out)
{
    cg_str_t tenant = cg_quota_tenant_of(id, call->pool);
    waiting_t waiting;
    waiting.count = cg_local_waiting(
        call->quota->local, cg_str(tenant.len ? tenant.ptr + 1 : ""),
        waiting.bills, waiting.ids,
        call->replaces ? CG_BILLS_PER_CALL - 1 : CG_BILLS_PER_CALL);
    cg_store_command_t command = admission(call, nonce, plan, id, &waiting);
    apr_status_t rv = cg_store_call(call->quota->store, command.argv,
                                    command.argc, out, call->err, call->pool);
    if (rv == APR_SUCCESS && is_unknown_script(out)) {
        rv = send_whole(call, &call->quota->scripts.admit, &command, out);
    }
    if (rv != APR_SUCCESS || out->kind != CG_REPLY_ARRAY) {
        put_back(call, &waiting);
    }
    if (rv == APR_SUCCESS && out->kind != CG_REPLY_ARRAY) {
        cg_error_set(call->err, "the admission script failed: %.200s",
                     out->text.ptr ? out->text.ptr : "no array came back");
        return APR_EGENERAL;
    }
    return rv;
}

/* ---- its answer --------------------------------------------------------------- */

int64_t cg_call_number(const cg_reply_t *reply, size_t index)
{
    return index < reply->count ? reply->items[index].number : 0;
}

/* A left of a counter, as it looks to an ask with an amount of its own. */
cg_quota_left_t cg_call_left_for(const cg_quota_ask_t *ask,
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

cg_quota_left_t cg_call_read_left(const cg_plan_t *plan, size_t at,
                                  const cg_reply_t *reply)
{
    return (cg_quota_left_t){.limit = plan->counters[at].amount,
                             .remaining = cg_call_number(reply, 3 * at + 3),
                             .held = cg_call_number(reply, 3 * at + 4),
                             .reset_for = cg_call_number(reply, 3 * at + 5)};
}
