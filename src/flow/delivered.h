/* What the caller got of an answer, in tokens: our own count.
 * SPDX-License-Identifier: Apache-2.0
 *
 * It stands in where the provider says no usage: the caller left, the answer was cut
 * off. Only files of this room include it.
 */
#ifndef CG_FLOW_DELIVERED_H
#define CG_FLOW_DELIVERED_H

#include "flow/txn.h"
#include "token/stream.h"

/* One more running text of the answer: what is fed to it is counted. */
cg_token_stream_t *cg_delivered_open(cg_txn_t *txn);
/* A whole text of the answer. */
void cg_delivered_add(cg_txn_t *txn, cg_str_t text);

#endif
