/* Step 7, settle: what did it cost?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The provider's usage decides. Where it gave none (an aborted stream, a broken
 * answer) the gateway's own estimate of what was sent and delivered stands in,
 * and the record says so. An answer that never began costs nothing.
 */
#include "chat/tokens.h"
#include "flow/flow.h"

/* Bytes of running text to one token, as chat/tokens.h estimates ASCII. */
#define BYTES_PER_TOKEN 3

/* A hundred million dollars, the most a limit can say: a usage beyond reason must
 * not make the sums of the ledger overflow. */
#define MICROS_MAX INT64_C(100000000000000)

static void bill_nothing(cg_txn_t *txn)
{
    txn->bill.tokens_from = "none";
    txn->bill.is_released = true;
}

static bool is_charged(const cg_txn_t *txn)
{
    bool has_tokens = cg_endpoints[txn->in.endpoint].has_tokens;
    bool is_ok = txn->answer.status >= 200 && txn->answer.status < 300;
    return has_tokens && txn->answer.has_begun && is_ok;
}

void cg_flow_settle(cg_txn_t *txn)
{
    const cg_usage_t *usage = &txn->answer.usage;
    if (usage->is_known) {
        txn->bill.tokens_from = "provider";
        txn->bill.input_tokens = usage->input_tokens;
        txn->bill.output_tokens = usage->output_tokens;
    }
    else if (is_charged(txn)) {
        txn->bill.tokens_from = "estimate";
        txn->bill.input_tokens = txn->grant.input_tokens;
        txn->bill.output_tokens =
            (txn->answer.text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
    }
    else {
        bill_nothing(txn);
        return;
    }
    if (txn->grant.price) {
        txn->bill.micros =
            cg_price_micros(txn->grant.price, txn->bill.input_tokens,
                            usage->is_known ? usage->cached_tokens : 0,
                            txn->bill.output_tokens);
        if (txn->bill.micros > MICROS_MAX) {
            txn->bill.micros = MICROS_MAX;
        }
    }
}
