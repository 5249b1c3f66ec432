/* The console's limits of single objects on this server's disk, from where every
 * child takes them.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   limits.jsonl   a line of JSON an object: field, and what the store has of it
 *
 * It stands in the journal's folder: what the store said last is in force after a
 * restart before Redis is asked, and also when it cannot be asked.
 */
#ifndef CG_FLOW_OVERRIDES_H
#define CG_FLOW_OVERRIDES_H

#include "flow/gateway.h"

/* Puts what the store said into the folder and moves gateway->overrides_serial.
 * For the process that leads. */
apr_status_t cg_flow_overrides_install(const cg_gateway_t *gateway,
                                       const cg_overrides_t *said,
                                       cg_error_t *err, apr_pool_t *pool);
/* Puts what stands in the folder in force in this child. APR_SUCCESS also when
 * there is nothing there. One thread at a time. */
apr_status_t cg_flow_overrides_refresh(const cg_gateway_t *gateway,
                                       cg_error_t *err);

#endif
