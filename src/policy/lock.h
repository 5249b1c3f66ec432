/* The lock: which line would have loosened what an outer place has locked?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Below ChatGPTRedactLock a policy can only be made stricter, step by step: what
 * a section adds holds for those further in. cg_policy_merge sees to that, and
 * notes the first line that asked for less. Two things it leaves to its caller,
 * since this room knows neither the names of types nor the packs of rules: words,
 * and what a type comes to of which nobody above the lock has said anything.
 *
 * lives in: the pool of the merge
 */
#ifndef CG_POLICY_LOCK_H
#define CG_POLICY_LOCK_H

#include "policy/policy.h"

struct cg_policy_breach_t {
    const cg_policy_line_t *line; /* asks for less */
    bool is_htaccess;             /* ... in a .htaccess */
    const cg_policy_line_t *held; /* said what it would have loosened; NULL: the
                                     packs or the default do */
    const cg_policy_line_t *lock;
    int part;     /* ACTIONS: type, + CG_POLICY_TYPES_MAX for answers */
    uint8_t from; /* ACTIONS: 1 + action */
    uint8_t to;
};

/* Who knows more. */
typedef struct cg_policy_names_t {
    const char *(*type_name)(int type);
    const char *(*action_name)(int action);
    /* Fills what is not said in actions (request, answer) with what it comes to
     * in the place of policy: 1 + action. */
    void (*fill)(void *baton, const cg_policy_t *policy,
                 cg_kind_ACTIONS_t *actions);
    /* How a place (file:line) is shown; NULL: as it is. */
    const char *(*show)(void *baton, const char *where, apr_pool_t *pool);
    void *baton;
} cg_policy_names_t;

/* The first line that loosens a lock; NULL when none does. Costs nothing but
 * where policy->has_doubt. */
const cg_policy_breach_t *cg_policy_judge(const cg_policy_t *policy,
                                          const cg_policy_names_t *names,
                                          apr_pool_t *pool);
/* In words: the line and its place, what it would have loosened, what locks it. */
const char *cg_policy_explain(const cg_policy_breach_t *breach,
                              const cg_policy_names_t *names, apr_pool_t *pool);
/* The innermost line of a row that the lock covers; NULL: it was not said. */
const cg_policy_line_t *cg_policy_line_in(const cg_policy_t *policy, int row);

/* -- for policy.c ------------------------------------------------------------ */

/* Lays one section over what is outside of it. */
void cg_policy_lay(cg_policy_t *to, const cg_policy_t *level, apr_pool_t *pool);
/* Notes in to->breach (or has_doubt) when level asks for less than to has. */
void cg_policy_watch(cg_policy_t *to, const cg_policy_t *level, int row,
                     apr_pool_t *pool);
/* The last line of a section's row; part >= 0: that says something of the part. */
const cg_policy_line_t *cg_policy_line_of(const cg_policy_t *level, int row,
                                          int part);
/* Which way is stricter below the lock; NONE: the row is not covered. */
cg_stricter_t cg_policy_locked(int row);

#endif
