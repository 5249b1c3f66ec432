/* Unusual use: what came together of keys and teams is handed on, judged and learned.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Done by the thread of the alerts of the process that leads, every few seconds.
 * An hour that has ended is learned by one server for all.
 */
#ifndef CG_FLOW_UNUSUAL_H
#define CG_FLOW_UNUSUAL_H

#include "flow/keeper.h"

/* lives in: the thread's pool */
typedef struct cg_unusual_t cg_unusual_t;

cg_unusual_t *cg_unusual_open(const cg_gateway_t *gateway,
                              const cg_keeper_watch_t *watch, apr_pool_t *pool);
/* now: the wall clock. */
void cg_unusual_look(cg_unusual_t *unusual, apr_time_t now, apr_pool_t *pool);

/* Suspends a key that is active, and writes the record of it. False: it was not
 * active, or could not be. */
bool cg_flow_suspend(const cg_gateway_t *gateway, const char *id,
                     apr_time_t now, apr_pool_t *pool);
/* What people call a key; "" when that is not known. */
const char *cg_flow_key_name(const cg_gateway_t *gateway, const char *id,
                             apr_pool_t *pool);
/* Raises an alert, counts and tells it. False: it was raised before, or the store is
 * away (*out_is_away). */
bool cg_flow_raise(const cg_gateway_t *gateway, const cg_keeper_watch_t *watch,
                   cg_alert_t *alert, const cg_str_t *marks, size_t count,
                   apr_time_t mark_life, bool *out_is_away, apr_pool_t *pool);

#endif
