/* Step 1, authenticate: who is asking?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/flow.h"

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

cg_verdict_t cg_flow_authenticate(cg_txn_t *txn, cg_str_t spelled)
{
    cg_error_t err;
    if (spelled.len == 0) {
        return cg_txn_refuse(txn, CG_NO_KEY, NULL, NULL);
    }
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
    txn->who.user = key->user[0] ? key->user : key->id;
    txn->who.team = key->team;
    return CG_PASS;
}
