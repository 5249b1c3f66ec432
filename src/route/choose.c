/* The choice: which account shall answer this attempt?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "route/choose.h"

static const cg_account_t *nth(const cg_accounts_t *accounts,
                               const apr_array_header_t *names, int i)
{
    if (!names) {
        return &accounts->rows[i];
    }
    return cg_accounts_find(accounts, APR_ARRAY_IDX(names, i, const char *));
}

const cg_account_t *cg_route_choose(const cg_accounts_t *accounts,
                                    const apr_array_header_t *names,
                                    const cg_health_t *health, uint32_t passed,
                                    apr_time_t now)
{
    int count = names ? names->nelts : (int)accounts->count;
    const cg_account_t *resting = NULL;
    for (int i = 0; i < count; i++) {
        const cg_account_t *account = nth(accounts, names, i);
        if (!account || (passed & (UINT32_C(1) << account->index))) {
            continue;
        }
        if (!cg_health_is_resting(health, account->index, now)) {
            return account;
        }
        resting = resting ? resting : account;
    }
    return resting;
}
