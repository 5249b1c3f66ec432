/* Which limits a request meets, and what it costs each of them at worst.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For the step of admission (flow/admit.c) and whoever asks what it would decide.
 */
#ifndef CG_FLOW_ASKS_H
#define CG_FLOW_ASKS_H

#include "flow/flow.h"

/* Input and output tokens of the request, into txn->grant: exact where the model's
 * vocabulary is known, the output by what the caller allows at most. */
void cg_asks_estimate(cg_txn_t *txn);
/* All limits that apply, into txn->grant.asks. False: there is no room for them,
 * and what is not counted must not pass. */
bool cg_asks_fill(cg_txn_t *txn);
/* Whose limits are meant; empty: the default tenant's. Lives with txn. */
cg_str_t cg_asks_organization(const cg_txn_t *txn);
/* Does the quantity grow with tokens? */
bool cg_asks_is_of_tokens(cg_quantity_t quantity);

#endif
