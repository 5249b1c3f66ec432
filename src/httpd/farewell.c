/* Farewell: the client has its last byte, or has left; what is not recorded yet
 * is recorded now.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "httpd/httpd_int.h"

#include <apr_strings.h>

static void export(request_rec *r, const cg_txn_t *txn)
{
    apr_table_t *env = r->subprocess_env;
    apr_table_setn(env, "CHATGPT_REQUEST_ID", txn->in.id);
    apr_table_setn(env, "CHATGPT_KEY", txn->who.key.id);
    apr_table_setn(env, "CHATGPT_INPUT_TOKENS",
                   apr_ltoa(r->pool, (long)txn->bill.input_tokens));
    apr_table_setn(env, "CHATGPT_OUTPUT_TOKENS",
                   apr_ltoa(r->pool, (long)txn->bill.output_tokens));
    apr_table_setn(env, "CHATGPT_COST_MICROS",
                   apr_ltoa(r->pool, (long)txn->bill.micros));
    apr_table_setn(env, "CHATGPT_ATTEMPTS",
                   apr_itoa(r->pool, txn->route.attempts));
    if (txn->route.account) {
        apr_table_setn(env, "CHATGPT_UPSTREAM", txn->route.account->name);
    }
}

static int say_farewell(request_rec *r)
{
    /* After an internal redirect (ErrorDocument) the first request knows. */
    request_rec *first = r;
    while (first->prev) {
        first = first->prev;
    }
    cg_walk_in_t *in = cg_gate_find(first);
    if (!in || !in->txn.gateway || !in->txn.policy->is_on) {
        return DECLINED;
    }
    cg_txn_t *txn = &in->txn;
    if (!txn->is_recorded) {
        bool has_left = r->connection->aborted && !txn->answer.is_whole;
        txn->answer.is_aborted = txn->answer.is_aborted || has_left;
        txn->answer.status = r->status;
        cg_gate_record(first, txn, r->status);
    }
    if (txn->answer.is_stream) {
        cg_meter_stream_close(txn->gateway->meter);
        txn->answer.is_stream = false;
    }
    export(r, txn);
    return DECLINED;
}

void cg_farewell_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_log_transaction(say_farewell, NULL, NULL, APR_HOOK_FIRST);
}
