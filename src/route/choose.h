/* The choice: which account shall answer this attempt?
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_ROUTE_CHOOSE_H
#define CG_ROUTE_CHOOSE_H

#include "route/health.h"

/* The first account, in the order of names (NULL: all, as configured), that has
 * not been tried (bit per account) and does not rest; else the first untried one
 * though it rests, since a try may be better than a refusal; else NULL. */
const cg_account_t *cg_route_choose(const cg_accounts_t *accounts,
                                    const apr_array_header_t *names,
                                    const cg_health_t *health, uint32_t tried,
                                    apr_time_t now);

#endif
