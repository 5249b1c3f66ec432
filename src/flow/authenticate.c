/* Step 1, authenticate: who is asking?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/flow.h"

#include "auth/jwt.h"
#include "auth/keyplace.h"
#include "base/clock.h"

/* What somebody hears who may not know the secret; while the store is away nobody
 * hears more. To count another: a row. */
static const cg_verdict_t guesses[] = {CG_SIGNATURE_INVALID, CG_BAD_KEY,
                                       CG_KEY_UNCHECKED, CG_TOKEN_INVALID};

enum { GUESSES = sizeof guesses / sizeof guesses[0] };

/* The clock of now: a request's own moment is as old as its sender likes. */
cg_verdict_t cg_flow_may_try(cg_txn_t *txn, const cg_try_t *attempt)
{
    if (cg_attempts_may(txn->gateway->attempts, &txn->policy->attempts, attempt,
                        cg_clock_now(), &txn->wait_for)) {
        return CG_PASS;
    }
    return cg_txn_refuse(txn, CG_TOO_MANY_ATTEMPTS, NULL, NULL);
}

static bool is_guess(cg_verdict_t verdict)
{
    for (int i = 0; i < GUESSES; i++) {
        if (verdict == guesses[i]) {
            return true;
        }
    }
    return false;
}

cg_verdict_t cg_flow_tried(cg_txn_t *txn, const cg_try_t *attempt,
                           cg_verdict_t verdict)
{
    cg_attempts_t *attempts = txn->gateway->attempts;
    const cg_kind_ATTEMPTS_t *rule = &txn->policy->attempts;
    apr_time_t now = cg_clock_now();
    bool may;
    if (is_guess(verdict)) {
        may = cg_attempts_failed(attempts, rule, attempt, now, &txn->wait_for);
    }
    else if (verdict == CG_PASS) {
        may =
            cg_attempts_succeeded(attempts, rule, attempt, now, &txn->wait_for);
    }
    else {
        may = cg_attempts_may(attempts, rule, attempt, now, &txn->wait_for);
    }
    if (may) {
        return verdict;
    }
    txn->verdict = CG_TOO_MANY_ATTEMPTS;
    txn->words = NULL;
    txn->param = NULL;
    return txn->verdict;
}

static cg_verdict_t verdict_of(cg_key_verdict_t verdict)
{
    switch (verdict) {
    case CG_KEY_OK:
        return CG_PASS;
    case CG_KEY_REVOKED:
        return CG_KEY_REVOKED_REFUSED;
    case CG_KEY_EXPIRED:
        return CG_KEY_EXPIRED_REFUSED;
    case CG_KEY_SUSPENDED:
        return CG_KEY_SUSPENDED_REFUSED;
    case CG_KEY_STORE_AWAY:
        return CG_KEY_UNCHECKED;
    case CG_KEY_MALFORMED:
    case CG_KEY_UNKNOWN:
    case CG_KEY_WRONG_SECRET:
        break;
    }
    return CG_BAD_KEY; /* wrong and unknown look alike */
}

static cg_verdict_t by_key(cg_txn_t *txn, cg_str_t spelled)
{
    cg_error_t err;
    cg_key_verdict_t verdict =
        cg_apikey_verify(txn->gateway->keyring, spelled, txn->in.at,
                         &txn->who.key, &err, txn->pool);
    if (verdict == CG_KEY_STORE_AWAY) {
        cg_meter_store_error(txn->gateway->meter, "key");
    }
    if (verdict != CG_KEY_OK) {
        return cg_txn_refuse(txn, verdict_of(verdict), NULL, NULL);
    }
    const cg_key_t *key = &txn->who.key;
    txn->who.is_known = true;
    txn->who.source = "key";
    txn->who.user = key->user[0] ? key->user : key->id;
    txn->who.team = key->team;
    cg_key_place_t place = cg_key_may_come(key, txn->in.address, txn->in.vhost,
                                           txn->in.endpoint, txn->in.at);
    if (place != CG_KEY_PLACE_RIGHT) {
        return cg_txn_refuse(txn, CG_KEY_PLACE, cg_key_place_words(place),
                             NULL);
    }
    return CG_PASS;
}

/* Of a token that an issuer did sign, but for others, too early or too late, nobody
 * guessed anything: it does not count as an attempt, and looks the same. */
static cg_verdict_t by_token(cg_txn_t *txn, const cg_issuers_t *issuers,
                             cg_str_t token)
{
    cg_claims_t *claims = apr_pcalloc(txn->pool, sizeof *claims);
    switch (
        cg_jwt_verify(issuers, token, txn->in.at, claims, NULL, txn->pool)) {
    case CG_JWT_OK:
        break;
    case CG_JWT_NO_KEYS:
        return cg_txn_refuse(txn, CG_TOKEN_UNCHECKED, NULL, NULL);
    case CG_JWT_STALE:
        return cg_txn_refuse(txn, CG_TOKEN_STALE, NULL, NULL);
    default:
        return cg_txn_refuse(txn, CG_TOKEN_INVALID, NULL, NULL);
    }
    txn->who.is_known = true;
    txn->who.source = "jwt";
    txn->who.user = claims->sub;
    txn->who.team = "";
    txn->who.claims = claims;
    return CG_PASS;
}

static cg_verdict_t by_bearer(cg_txn_t *txn, cg_str_t spelled)
{
    const cg_issuers_t *issuers =
        cg_jwt_is_spelled(spelled)
            ? cg_gateway_take_issuers(txn->gateway, txn->pool)
            : NULL;
    return issuers ? by_token(txn, issuers, spelled) : by_key(txn, spelled);
}

cg_verdict_t cg_flow_authenticate(cg_txn_t *txn, cg_str_t spelled)
{
    if (spelled.len == 0) {
        return cg_txn_refuse(txn, CG_NO_KEY, NULL, NULL);
    }
    cg_try_t attempt = cg_try_make(txn->in.address, spelled);
    if (cg_flow_may_try(txn, &attempt) != CG_PASS) {
        return txn->verdict;
    }
    cg_verdict_t verdict = by_bearer(txn, spelled);
    if (cg_flow_tried(txn, &attempt, verdict) == CG_TOO_MANY_ATTEMPTS) {
        txn->who.is_known = false;
    }
    return txn->verdict;
}
