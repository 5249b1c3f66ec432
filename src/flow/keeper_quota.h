/* The keeper's part in quota: holds of processes that are gone, and of a store that
 * forgets.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For the one process that leads. Within CG_KEEPER_ORPHANS_EACH of the death of
 * another process its requests are settled at what they had used, and recorded.
 */
#ifndef CG_FLOW_KEEPER_QUOTA_H
#define CG_FLOW_KEEPER_QUOTA_H

#include "flow/gateway.h"

#define CG_KEEPER_ORPHANS_EACH (200 * CG_MS)
#define CG_KEEPER_RAISE_EACH (2 * CG_SECOND)

typedef struct cg_keeper_quota_t {
    apr_time_t orphans_at, raised_at; /* monotonic */
    apr_time_t resend_at;             /* 0: no more */
    int resends_left;
    int64_t generation; /* of the store, as it was last seen */
} cg_keeper_quota_t;

/* This process leads from now on. */
void cg_keeper_quota_begin(cg_keeper_quota_t *keeper);
/* Does what is due. */
void cg_keeper_quota_step(cg_keeper_quota_t *keeper,
                          const cg_gateway_t *gateway, apr_pool_t *scratch);

#endif
