/* What the caller got of an answer, in tokens: our own count.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/delivered.h"

#include "chat/tokens.h"
#include "flow/flow.h"

/* Of text that is counted by its length: answers that are files. */
#define BYTES_PER_TOKEN 3

static const cg_vocabulary_t *vocabulary_of(const cg_txn_t *txn,
                                            bool *out_is_known)
{
    return cg_chat_vocabulary(txn->gateway->vocabularies, txn->in.model,
                              out_is_known);
}

cg_token_stream_t *cg_delivered_open(cg_txn_t *txn)
{
    bool is_known;
    cg_token_stream_t *stream = apr_palloc(txn->pool, sizeof *stream);
    cg_token_stream_init(stream, vocabulary_of(txn, &is_known), txn->pool);
    if (!txn->answer.counts) {
        txn->answer.counts =
            apr_array_make(txn->pool, 2, sizeof(cg_token_stream_t *));
    }
    APR_ARRAY_PUSH(txn->answer.counts, cg_token_stream_t *) = stream;
    return stream;
}

void cg_delivered_add(cg_txn_t *txn, cg_str_t text)
{
    bool is_known;
    txn->answer.text_tokens +=
        cg_chat_tokens(vocabulary_of(txn, &is_known), text);
}

int64_t cg_flow_delivered(const cg_txn_t *txn, bool *out_is_exact)
{
    const apr_array_header_t *counts = txn->answer.counts;
    int64_t sum = txn->answer.text_tokens;
    for (int i = 0; counts && i < counts->nelts; i++) {
        sum += cg_token_stream_count(
            APR_ARRAY_IDX(counts, i, const cg_token_stream_t *));
    }
    bool is_known;
    *out_is_exact = vocabulary_of(txn, &is_known) != NULL && is_known &&
                    txn->answer.text_bytes == 0;
    sum += (txn->answer.text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
    return sum;
}
