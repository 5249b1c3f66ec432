/* Every directive of the module: defaults, reading, merging, from the rows.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "policy/policy.h"

#include <stddef.h>
#include <string.h>

#include <apr_strings.h>

#include "policy/lock.h"

// clang-format off
const cg_policy_row_t cg_policy_rows[CG_ROW_COUNT] = {
#define CG_ROW(member_, kind_, directive_, where_, default_, least_, most_, choices_, help_) \
    {.directive = directive_, .member = #member_, .kind = &cg_kind_##kind_,                  \
     .where = CG_WHERE_##where_, .offset = offsetof(cg_policy_t, member_),                   \
     .least = least_, .most = most_, .choices = choices_, .help = help_},
    CG_POLICY_ROWS(CG_ROW)
#undef CG_ROW
};

static const uint8_t locked_rows[CG_ROW_COUNT] = {
#define CG_LOCKED(member_, stricter_) [CG_ROW_##member_] = CG_STRICTER_##stricter_,
    CG_POLICY_LOCKED(CG_LOCKED)
#undef CG_LOCKED
};

static const cg_policy_t defaults = {
#define CG_DEFAULT(member_, kind_, directive_, where_, default_, ...) .member_ = default_,
    CG_POLICY_ROWS(CG_DEFAULT)
#undef CG_DEFAULT
};
// clang-format on

_Static_assert(CG_ROW_COUNT <= 64, "cg_policy_t.set holds 64 rows");

static void *member_of(cg_policy_t *policy, int row)
{
    return (char *)policy + cg_policy_rows[row].offset;
}

const void *cg_policy_member(const cg_policy_t *policy, int row)
{
    return (const char *)policy + cg_policy_rows[row].offset;
}

cg_stricter_t cg_policy_locked(int row)
{
    return (cg_stricter_t)locked_rows[row];
}

cg_policy_t *cg_policy_create(apr_pool_t *pool)
{
    return apr_pmemdup(pool, &defaults, sizeof defaults);
}

void cg_policy_lay(cg_policy_t *to, const cg_policy_t *level, apr_pool_t *pool)
{
    for (uint64_t left = level->set; left; left &= left - 1) {
        int row = __builtin_ctzll(left);
        const cg_kind_t *kind = cg_policy_rows[row].kind;
        cg_stricter_t locked = cg_policy_locked(row);
        cg_stricter_t stricter = CG_STRICTER_NONE;
        if (level->is_htaccess || (to->lock && locked)) {
            stricter = locked ? locked : kind->stricter;
        }
        if (to->lock && locked && !to->breach) {
            cg_policy_watch(to, level, row, pool);
        }
        kind->merge(member_of(to, row), cg_policy_member(level, row), stricter,
                    pool);
    }
    to->set |= level->set;
    if (!to->lock && to->redact_lock) {
        to->lock = cg_policy_line_of(level, CG_ROW_redact_lock, -1);
    }
}

/* The sections of a policy, or itself if it is one that says anything. */
static int levels_of(const cg_policy_t *const *policy,
                     const cg_policy_t *const **out)
{
    *out = (*policy)->levels_count ? (*policy)->levels : policy;
    return (*policy)->levels_count ? (*policy)->levels_count
                                   : (*policy)->set != 0;
}

/* Appends those sections of policy that are, or are not, of .htaccess files. */
static int append(const cg_policy_t **levels, int count,
                  const cg_policy_t *policy, bool is_htaccess)
{
    const cg_policy_t *const *own;
    int owned = levels_of(&policy, &own);
    for (int i = 0; i < owned; i++) {
        if (own[i]->is_htaccess == is_htaccess) {
            levels[count++] = own[i];
        }
    }
    return count;
}

cg_policy_t *cg_policy_merge(const cg_policy_t *outer, const cg_policy_t *inner,
                             apr_pool_t *pool)
{
    const cg_policy_t *const *ignored;
    int most = levels_of(&outer, &ignored) + levels_of(&inner, &ignored);
    const cg_policy_t **levels =
        apr_palloc(pool, (apr_size_t)(most + 1) * sizeof *levels);
    int count = append(levels, 0, outer, false);
    /* Outer sections that were laid already need not be laid again. */
    bool is_laid = outer->levels_count == count && count > 0;
    int laid = is_laid ? count : 0;
    count = append(levels, count, inner, false);
    count = append(levels, count, outer, true);
    count = append(levels, count, inner, true);
    cg_policy_t *merged = is_laid ? apr_pmemdup(pool, outer, sizeof *outer)
                                  : cg_policy_create(pool);
    merged->levels = levels;
    for (int i = laid; i < count; i++) {
        merged->levels_count = i; /* what it is made of so far */
        cg_policy_lay(merged, levels[i], pool);
    }
    merged->levels_count = count;
    return merged;
}

static const char *words_of(int argc, char *const argv[], apr_pool_t *pool)
{
    const char *words = "";
    for (int i = 0; i < argc; i++) {
        words = apr_pstrcat(pool, words, i ? " " : "", argv[i], NULL);
    }
    return words;
}

/* Keeps a line that the lock may have to judge. */
static void keep_line(cg_policy_t *policy, int row, int argc,
                      char *const argv[], const cg_kind_ask_t *ask,
                      apr_pool_t *pool)
{
    const cg_kind_t *kind = cg_policy_rows[row].kind;
    void *value = apr_pcalloc(pool, kind->size);
    cg_error_t ignored;
    kind->read(value, argc, argv, ask, &ignored, pool);
    if (!policy->lines) {
        policy->lines = apr_array_make(pool, 4, sizeof(cg_policy_line_t));
    }
    APR_ARRAY_PUSH(policy->lines, cg_policy_line_t) = (cg_policy_line_t){
        .row = row,
        .words = words_of(argc, argv, pool),
        .where = ask->where ? apr_pstrdup(pool, ask->where) : "",
        .value = value};
}

bool cg_policy_read(cg_policy_t *policy, const cg_policy_row_t *row, int argc,
                    char *const argv[], cg_kind_ask_t *ask, cg_error_t *err,
                    apr_pool_t *pool)
{
    const cg_kind_t *kind = row->kind;
    int number = (int)(row - cg_policy_rows);
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
    if (!kind->read(member_of(policy, number), argc, argv, ask, err, pool)) {
        return false;
    }
    policy->set |= UINT64_C(1) << number;
    policy->is_htaccess = policy->is_htaccess || ask->is_tightening;
    if (cg_policy_locked(number)) {
        keep_line(policy, number, argc, argv, ask, pool);
    }
    return true;
}

bool cg_policy_is_set(const cg_policy_t *policy, int row)
{
    return (policy->set & (UINT64_C(1) << row)) != 0;
}
