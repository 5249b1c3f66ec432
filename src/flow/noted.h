/* What a request leaves for the alerts: how full its limits are, what it used.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Some words in shared memory, nobody is asked; flow/keeper_alerts.c reads them.
 */
#ifndef CG_FLOW_NOTED_H
#define CG_FLOW_NOTED_H

#include "audit/record.h"
#include "flow/txn.h"

/* After admission, whatever it said. */
void cg_flow_note_limits(const cg_txn_t *txn);
/* At the end, with the record as it is kept. */
void cg_flow_note_use(const cg_txn_t *txn, const cg_record_t *record);

#endif
