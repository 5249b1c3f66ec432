/* Step 7, settle: what did it cost?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The provider's usage decides. Where it gave none (an aborted stream, a broken
 * answer) the gateway's own count of what was sent and delivered stands in, and
 * the record says so, and whether it is exact. An answer that never began costs
 * nothing, unless it was the caller who did not wait for it.
 */
#include "flow/flow.h"

/* A hundred million dollars, the most a limit can say: a usage beyond reason must
 * not make the sums of the ledger overflow. */
#define MICROS_MAX INT64_C(100000000000000)

static void bill_nothing(cg_txn_t *txn)
{
    txn->bill.tokens_from = "none";
    txn->bill.is_released = true;
}

/* A caller who leaves while the model is at work has used it all the same: what he
 * sent is read, and paid for. Else a budget would be no limit to who always leaves
 * before the first word. */
static bool is_charged(const cg_txn_t *txn)
{
    bool has_tokens = cg_endpoints[txn->in.endpoint].has_tokens;
    bool is_ok = txn->answer.status >= 200 && txn->answer.status < 300;
    return has_tokens && (txn->answer.has_begun ? is_ok : txn->route.was_left);
}

/* What was held is the most the provider can have written: a bound that is taken
 * because the vocabulary is missing does not pass it. */
static void bill_our_count(cg_txn_t *txn)
{
    bool is_exact;
    int64_t output = cg_flow_delivered(txn, &is_exact);
    if (!is_exact && txn->grant.output_tokens > 0 &&
        output > txn->grant.output_tokens) {
        output = txn->grant.output_tokens;
    }
    is_exact = is_exact && txn->grant.is_exact;
    txn->bill.tokens_from = is_exact ? "counted" : "estimate";
    txn->bill.input_tokens = txn->grant.input_tokens;
    txn->bill.output_tokens = output;
}

static int64_t least_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What a provider says that it used and that cannot be. The counters take no more
 * than what was held, so the record says no more either. */
static void bound(cg_txn_t *txn)
{
    int64_t held, said;
    bool is_endless = __builtin_add_overflow(txn->grant.input_tokens,
                                             txn->grant.output_tokens, &held);
    bool is_absurd = __builtin_add_overflow(txn->bill.input_tokens,
                                            txn->bill.output_tokens, &said);
    if (is_endless || (!is_absurd && said <= held)) {
        return;
    }
    txn->bill.input_tokens =
        least_of(txn->bill.input_tokens, txn->grant.input_tokens);
    txn->bill.output_tokens =
        least_of(txn->bill.output_tokens, txn->grant.output_tokens);
}

static void bound_micros(cg_txn_t *txn)
{
    int64_t most = cg_price_micros(txn->grant.price, txn->grant.input_tokens, 0,
                                   txn->grant.output_tokens);
    if (txn->grant.is_bounded) {
        txn->bill.micros = least_of(txn->bill.micros, most);
    }
    txn->bill.micros = least_of(txn->bill.micros, MICROS_MAX);
}

void cg_flow_settle(cg_txn_t *txn)
{
    const cg_usage_t *usage = &txn->answer.usage;
    if (usage->is_known) {
        txn->bill.tokens_from = "provider";
        txn->bill.input_tokens = usage->input_tokens;
        txn->bill.output_tokens = usage->output_tokens;
        if (txn->grant.is_bounded) {
            bound(txn);
        }
    }
    else if (is_charged(txn)) {
        bill_our_count(txn);
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
        bound_micros(txn);
    }
}
