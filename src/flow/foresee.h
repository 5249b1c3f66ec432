/* The forecast of a limit: its points in the store, and whether two looks agree.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_FLOW_FORESEE_H
#define CG_FLOW_FORESEE_H

#include "flow/gateway.h"
#include "quota/calendar.h"

/* A calendar limit and what is spent of it. name: what tells it from others, without
 * its amount. lives in: the caller */
typedef struct cg_foresee_t {
    const cg_limit_t *limit;
    const cg_period_t *period;
    const char *name;
    int64_t spent;
} cg_foresee_t;

/* The number of the step in which a point is kept: a look in each is enough. */
int64_t cg_foresee_step(const cg_period_t *period, apr_time_t now);
/* Keeps a point of now. True: the limit will be used up before its period ends, and
 * a look of an earlier step said so too; *out_end is when. */
bool cg_foresee(const cg_gateway_t *gateway, const cg_foresee_t *what,
                apr_time_t now, apr_time_t *out_end, apr_pool_t *pool);

#endif
