/* Every directive of the module: defaults, reading, merging, from the rows.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "policy/policy.h"

#include <stddef.h>

#include <apr_strings.h>

// clang-format off
const cg_policy_row_t cg_policy_rows[CG_ROW_COUNT] = {
#define CG_ROW(member_, kind_, directive_, where_, default_, least_, most_, choices_, help_) \
    {.directive = directive_, .member = #member_, .kind = &cg_kind_##kind_,                  \
     .where = CG_WHERE_##where_, .offset = offsetof(cg_policy_t, member_),                   \
     .least = least_, .most = most_, .choices = choices_, .help = help_},
    CG_POLICY_ROWS(CG_ROW)
#undef CG_ROW
};

static const cg_policy_t defaults = {
#define CG_DEFAULT(member_, kind_, directive_, where_, default_, ...) .member_ = default_,
    CG_POLICY_ROWS(CG_DEFAULT)
#undef CG_DEFAULT
};
// clang-format on

_Static_assert(CG_ROW_COUNT <= 64, "cg_policy_t.set holds 64 rows");

static void *member_of(cg_policy_t *policy, const cg_policy_row_t *row)
{
    return (char *)policy + row->offset;
}

static const void *member_in(const cg_policy_t *policy,
                             const cg_policy_row_t *row)
{
    return (const char *)policy + row->offset;
}

cg_policy_t *cg_policy_create(apr_pool_t *pool)
{
    return apr_pmemdup(pool, &defaults, sizeof defaults);
}

cg_policy_t *cg_policy_merge(const cg_policy_t *outer, const cg_policy_t *inner,
                             apr_pool_t *pool)
{
    cg_policy_t *merged = apr_pmemdup(pool, outer, sizeof *outer);
    for (int i = 0; i < CG_ROW_COUNT; i++) {
        const cg_policy_row_t *row = &cg_policy_rows[i];
        uint64_t bit = UINT64_C(1) << i;
        if (!(inner->set & bit)) {
            continue;
        }
        bool is_tightening = (inner->tight & bit) != 0;
        row->kind->merge(member_of(merged, row), member_in(inner, row),
                         is_tightening, pool);
        if (is_tightening && !(outer->set & bit)) {
            merged->tight |= bit;
        }
        if (!is_tightening && !row->kind->merges_parts) {
            merged->tight &= ~bit;
        }
    }
    merged->set |= inner->set;
    return merged;
}

bool cg_policy_read(cg_policy_t *policy, const cg_policy_row_t *row, int argc,
                    char *const argv[], cg_kind_ask_t *ask, cg_error_t *err,
                    apr_pool_t *pool)
{
    const cg_kind_t *kind = row->kind;
    ask->directive = row->directive;
    ask->choices = row->choices;
    ask->least = row->least;
    ask->most = row->most;
    if (argc < kind->args_min || argc > kind->args_max) {
        cg_error_set(err, "%s takes %d to %d words (%s), %d given",
                     row->directive, kind->args_min, kind->args_max, row->help,
                     argc);
        return false;
    }
    if (!kind->read(member_of(policy, row), argc, argv, ask, err, pool)) {
        return false;
    }
    uint64_t bit = UINT64_C(1) << (row - cg_policy_rows);
    policy->set |= bit;
    policy->tight |= ask->is_tightening ? bit : 0;
    return true;
}

bool cg_policy_is_set(const cg_policy_t *policy, int row)
{
    return (policy->set & (UINT64_C(1) << row)) != 0;
}
