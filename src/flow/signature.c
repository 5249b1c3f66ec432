/* Step 1 as well: is the request signed, and by whom it claims to be from?
 * SPDX-License-Identifier: Apache-2.0
 *
 * All that can be known without a key is looked at first, and may be told; of the
 * key itself only that the signature is not valid. Whether the nonce is a new one
 * says the store, together with the limits (admit.c), when the body is known to be
 * the one that was signed; of an upload before it comes.
 */
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "flow/flow.h"

/* Longer than all that a look-up and a signature take: see even_out. */
#define REFUSED_FOR APR_TIME_C(5000)

enum { SIGNATURE_OFF, SIGNATURE_OPTIONAL, SIGNATURE_REQUIRED }; /* policy.h */

static cg_verdict_t refuse(cg_txn_t *txn, const char *fault)
{
    const char *words = apr_pstrcat(
        txn->pool, "The signature of this request is not valid: ", fault, ".",
        NULL);
    return cg_txn_refuse(txn, CG_SIGNATURE_INVALID, words, NULL);
}

/* Somebody who is known by the connection itself sends no credential. */
static bool has_credential(const cg_txn_t *txn)
{
    return !txn->who.source || strcmp(txn->who.source, "httpd") != 0;
}

static const char *look(cg_txn_t *txn, const cg_message_t *message,
                        cg_signature_t *out, cg_buf_t *out_base)
{
    const char *fault = cg_signature_read(message, out, txn->pool);
    if (!fault) {
        fault =
            cg_signature_judge(message, out, has_credential(txn), txn->in.at);
    }
    if (!fault) {
        fault = cg_signed_body_open(message, &txn->signature.body, txn->pool);
    }
    return fault ? fault : cg_signature_base(message, out, out_base);
}

static cg_verdict_t verify(cg_txn_t *txn, const cg_signature_t *signature,
                           cg_str_t base)
{
    cg_signkey_t key;
    cg_error_t err = {""};
    cg_signkey_verdict_t verdict =
        cg_signkey_verify(txn->gateway->signring, signature, base, txn->in.at,
                          &key, &err, txn->pool);
    if (verdict == CG_SIGNKEY_STORE_AWAY) {
        cg_meter_store_error(txn->gateway->meter, "key");
        return CG_SIGNATURE_UNCHECKED;
    }
    if (verdict == CG_SIGNKEY_SEALED) {
        return CG_SIGNATURE_SEALED;
    }
    bool is_right =
        verdict == CG_SIGNKEY_OK &&
        cg_signkey_is_of(&key, cg_str(txn->who.key.id), cg_str(txn->who.user),
                         cg_str(txn->who.team));
    return is_right ? CG_PASS : CG_SIGNATURE_INVALID;
}

/* Who tries out ids of keys must not see by the clock which there are: a public key
 * takes a hundred microseconds, an unknown one none. So each answer that is no
 * leaves at a whole multiple of the same time. */
static void even_out(apr_time_t begun)
{
    apr_time_t took = cg_clock_monotonic() - begun;
    apr_sleep(REFUSED_FOR - took % REFUSED_FOR);
}

/* A signature is never the same twice: who signed well with this key, from this
 * address and as this caller, is known again by that. */
static cg_try_t attempt_of(const cg_txn_t *txn, const cg_signature_t *signature)
{
    const char *who =
        apr_pstrcat(txn->pool, "signature ", txn->who.key.id, " ",
                    txn->who.user ? txn->who.user : "", " ",
                    cg_str_dup(signature->key_id, txn->pool), NULL);
    return (cg_try_t){.address = txn->in.address,
                      .id = signature->key_id,
                      .credential = cg_str(who)};
}

cg_verdict_t cg_flow_signature(cg_txn_t *txn, const cg_message_t *message)
{
    cg_signature_t signature;
    cg_buf_t base;
    int wanted = txn->policy->signature;
    if (wanted == SIGNATURE_OFF) {
        return CG_PASS;
    }
    if (!cg_signature_is_there(message)) {
        return wanted == SIGNATURE_REQUIRED
                   ? cg_txn_refuse(txn, CG_SIGNATURE_MISSING, NULL, NULL)
                   : CG_PASS;
    }
    cg_buf_init(&base, 1024, txn->pool);
    const char *fault = look(txn, message, &signature, &base);
    if (fault) {
        return refuse(txn, fault);
    }
    cg_try_t attempt = attempt_of(txn, &signature);
    if (cg_flow_may_try(txn, &attempt) != CG_PASS) {
        return txn->verdict;
    }
    apr_time_t begun = cg_clock_monotonic();
    cg_verdict_t verdict =
        verify(txn, &signature, (cg_str_t){base.ptr, base.len});
    verdict = cg_flow_tried(txn, &attempt, verdict);
    if (verdict != CG_PASS) {
        even_out(begun);
        return cg_txn_refuse(txn, verdict, NULL, NULL);
    }
    txn->signature.key_id = cg_str_dup(signature.key_id, txn->pool);
    txn->signature.nonce = signature.nonce;
    txn->signature.created_at = apr_time_from_sec(signature.created);
    return CG_PASS;
}

void cg_flow_signed_feed(cg_txn_t *txn, const void *data, size_t len)
{
    if (txn->signature.key_id) {
        cg_signed_body_feed(txn->signature.body, data, len);
    }
}

/* The nonce of an upload is used up before it comes, which may take long. */
static bool is_late(const cg_txn_t *txn)
{
    apr_time_t now = txn->in.at + (cg_clock_monotonic() - txn->in.started_at);
    return !txn->signature.is_used &&
           now - txn->signature.created_at >
               apr_time_from_sec(CG_SIGNATURE_BODY_SECONDS);
}

cg_verdict_t cg_flow_signed_end(cg_txn_t *txn)
{
    if (!txn->signature.key_id) {
        return CG_PASS;
    }
    if (!cg_signed_body_matches(txn->signature.body)) {
        return refuse(txn, "Content-Digest is not that of the body");
    }
    return is_late(txn) ? refuse(txn, "its body took too long to come")
                        : CG_PASS;
}
