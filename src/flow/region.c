/* Regions: what the packs of a region ask for, put together.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/region.h"

#include <apr_strings.h>

static bool speaks_for(const cg_pack_t *pack, const char *name)
{
    return pack->region && cg_str_is_nocase(cg_str(pack->region), name);
}

static void add_pack(cg_region_t *region, const cg_pack_t *pack, int number)
{
    region->name = pack->region;
    region->packs |= UINT64_C(1) << number;
    bool is_shorter =
        region->keep_for == 0 || pack->keep_for < region->keep_for;
    if (pack->keep_for && is_shorter) {
        region->keep_for = pack->keep_for;
    }
    if (pack->label == CG_LABEL_REQUIRED && !region->label) {
        region->label = pack;
    }
}

bool cg_region_find(const cg_rules_t *rules, const char *name, cg_region_t *out)
{
    *out = (cg_region_t){.rules = rules};
    for (size_t i = 0; i < cg_rules_pack_count(rules); i++) {
        const cg_pack_t *pack = cg_rules_pack(rules, (int)i);
        if (speaks_for(pack, name)) {
            add_pack(out, pack, (int)i);
        }
    }
    return out->name != NULL;
}

/* Was it said by a pack before this one? */
static bool is_repeated(const cg_rules_t *rules, size_t number)
{
    const char *name = cg_rules_pack(rules, (int)number)->region;
    for (size_t i = 0; i < number; i++) {
        if (speaks_for(cg_rules_pack(rules, (int)i), name)) {
            return true;
        }
    }
    return false;
}

const char *cg_region_names(const cg_rules_t *rules, apr_pool_t *pool)
{
    const char *names = "";
    for (size_t i = 0; i < cg_rules_pack_count(rules); i++) {
        const char *name = cg_rules_pack(rules, (int)i)->region;
        if (name && !is_repeated(rules, i)) {
            names = apr_pstrcat(pool, names, *names ? ", " : "", name, NULL);
        }
    }
    return names;
}

static bool names_upstream(const cg_pack_t *pack, const char *region)
{
    for (size_t i = 0; i < pack->upstream_count; i++) {
        if (region && cg_str_is_nocase(cg_str(pack->upstreams[i]), region)) {
            return true;
        }
    }
    return pack->upstream_count == 0;
}

bool cg_region_allows(const cg_region_t *region, const cg_account_t *account)
{
    for (uint64_t left = region->packs; left; left &= left - 1) {
        const cg_pack_t *pack =
            cg_rules_pack(region->rules, __builtin_ctzll(left));
        if (!names_upstream(pack, account->region)) {
            return false;
        }
    }
    return true;
}

uint32_t cg_region_barred(const cg_region_t *region,
                          const cg_accounts_t *accounts)
{
    uint32_t barred = 0;
    for (size_t i = 0; region->packs && i < accounts->count; i++) {
        if (!cg_region_allows(region, &accounts->rows[i])) {
            barred |= UINT32_C(1) << i;
        }
    }
    return barred;
}
