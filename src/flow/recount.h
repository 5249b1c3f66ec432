/* What leaves is what is paid for: a masked body is counted again.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_FLOW_RECOUNT_H
#define CG_FLOW_RECOUNT_H

#include "flow/flow.h"

/* Admission has counted in.body as it came; masked is what is left of it once
 * something was replaced, before the gateway's own members are put in. Refuses where
 * there is no room for what it has become. */
cg_verdict_t cg_flow_recount(cg_txn_t *txn, cg_str_t masked);

#endif
