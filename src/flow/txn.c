/* One request on its walk: what each step has found out, in the order of steps.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/txn.h"

#include <apr_strings.h>

cg_verdict_t cg_txn_refuse(cg_txn_t *txn, cg_verdict_t verdict,
                           const char *words, const char *param)
{
    if (txn->verdict == CG_PASS) {
        txn->verdict = verdict;
        txn->words = words;
        txn->param = param;
    }
    return txn->verdict;
}

void cg_txn_pseudonyms(cg_txn_t *txn, cg_str_t source)
{
    const cg_pseudonym_keys_t *keys =
        txn->gateway ? txn->gateway->pseudonym_keys : NULL;
    bool is_wanted = cg_rules_has_action(txn->rules, &txn->out.actions,
                                         CG_ACTION_PSEUDONYM) ||
                     cg_rules_has_action(txn->rules, &txn->out.answer_actions,
                                         CG_ACTION_PSEUDONYM);
    if (!txn->out.pseudonyms && keys && is_wanted) {
        txn->out.pseudonyms = cg_pseudonyms_open(keys, txn->pool);
    }
    if (txn->out.pseudonyms) {
        cg_pseudonyms_note_typed(txn->out.pseudonyms, source);
    }
}

cg_verdict_t cg_txn_body(cg_txn_t *txn, cg_str_t body)
{
    cg_error_t err = {""};
    const char *param = NULL;
    txn->in.body = body;
    txn->out.body = body;
    cg_request_status_t status = cg_chat_request_read(
        txn->in.endpoint, body, &txn->in.request, &param, &err, txn->pool);
    if (status == CG_REQUEST_OK) {
        txn->in.model = txn->in.request.model;
        return CG_PASS;
    }
    const char *words = apr_pstrdup(txn->pool, err.text);
    return cg_txn_refuse(
        txn, status == CG_REQUEST_NOT_JSON ? CG_INVALID_JSON : CG_BAD_MEMBER,
        words, param);
}
