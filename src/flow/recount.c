/* What leaves is what is paid for: a masked body is counted again.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A token or a pseudonym may be longer than the value in whose place it stands. It
 * is the whole body that is counted, not the places that were changed: so the sum is
 * what admission would have found, wherever the change lies and however it is
 * counted there.
 */
#include "flow/recount.h"

#include "chat/tokens.h"

cg_verdict_t cg_flow_recount(cg_txn_t *txn, cg_str_t masked)
{
    apr_pool_t *temp;
    cg_request_t request;
    cg_error_t err;
    const char *param;
    int64_t tokens = 0;
    if (!cg_endpoints[txn->in.endpoint].has_tokens) {
        return CG_PASS;
    }
    apr_pool_create(&temp, txn->pool);
    bool is_read = cg_chat_request_read(txn->in.endpoint, masked, &request,
                                        &param, &err, temp) == CG_REQUEST_OK;
    if (is_read) {
        tokens = cg_chat_tokens_of_request(&request, txn->gateway->vocabularies,
                                           &txn->grant.is_exact, temp);
    }
    apr_pool_destroy(temp);
    return is_read ? cg_flow_admit_masked(txn, tokens)
                   : cg_txn_refuse(txn, CG_INSPECTION_FAILED, NULL, NULL);
}
