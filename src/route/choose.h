/* The choice: which account shall answer this attempt?
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_ROUTE_CHOOSE_H
#define CG_ROUTE_CHOOSE_H

#include "route/health.h"

/* The first account, in the order of names (NULL: all, as configured), that is not
 * passed over (bit per account: tried, or barred) and does not rest; else the
 * first such one though it rests, since a try may be better than a refusal; else
 * NULL. */
const cg_account_t *cg_route_choose(const cg_accounts_t *accounts,
                                    const apr_array_header_t *names,
                                    const cg_health_t *health, uint32_t passed,
                                    apr_time_t now);

#endif
