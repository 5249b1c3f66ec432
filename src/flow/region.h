/* Regions: what the packs of a region ask for, put together.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A region is data: every pack that says "region NAME" speaks for it. Where
 * several do, all of them hold: an upstream must be in a region that each of them
 * names, records live as long as the shortest of them says, and one that wants
 * the label is enough.
 */
#ifndef CG_FLOW_REGION_H
#define CG_FLOW_REGION_H

#include "redact/rules.h"
#include "route/accounts.h"

typedef struct cg_region_t {
    const char *name;        /* NULL: none */
    uint64_t packs;          /* bit by number of those that speak for it */
    int64_t keep_for;        /* microseconds that records live; 0: no bound */
    const cg_pack_t *label;  /* whose words answers must carry; NULL: none */
    const cg_rules_t *rules; /* where the packs are */
} cg_region_t;

/* False when no pack speaks for it; out is zeroed then. Keeps name and rules. */
bool cg_region_find(const cg_rules_t *rules, const char *name,
                    cg_region_t *out);
/* The names of all regions of the rules, commas between. */
const char *cg_region_names(const cg_rules_t *rules, apr_pool_t *pool);
/* May this account receive what is asked in the region? Always without one. An
 * account whose region nobody said may not where upstreams are named. */
bool cg_region_allows(const cg_region_t *region, const cg_account_t *account);
/* Accounts that may not: bit by index. */
uint32_t cg_region_barred(const cg_region_t *region,
                          const cg_accounts_t *accounts);

#endif
