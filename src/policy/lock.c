/* The lock: which line would have loosened what an outer place has locked?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "policy/lock.h"

#include <apr_strings.h>

/* What actions say of a part: a type of requests, or of answers behind them. */
static uint8_t said_of(const cg_kind_ACTIONS_t *actions, int part)
{
    return part < CG_POLICY_TYPES_MAX
               ? actions->request[part]
               : actions->answer[part - CG_POLICY_TYPES_MAX];
}

static uint8_t held_of(const cg_kind_ACTIONS_t *actions, int part)
{
    uint8_t said = said_of(actions, part);
    uint8_t least = part < CG_POLICY_TYPES_MAX
                        ? actions->least_request[part]
                        : actions->least_answer[part - CG_POLICY_TYPES_MAX];
    return said > least ? said : least;
}

static bool is_actions(int row)
{
    return cg_policy_rows[row].kind == &cg_kind_ACTIONS;
}

const cg_policy_line_t *cg_policy_line_of(const cg_policy_t *level, int row,
                                          int part)
{
    for (int i = level->lines ? level->lines->nelts : 0; i > 0; i--) {
        const cg_policy_line_t *line =
            &APR_ARRAY_IDX(level->lines, i - 1, const cg_policy_line_t);
        if (line->row == row && (part < 0 || said_of(line->value, part))) {
            return line;
        }
    }
    return NULL;
}

/* The line that made a value what it is: the innermost, or of several that are
 * added up by type the innermost that says as much. */
static const cg_policy_line_t *find_held(const cg_policy_t *policy, int row,
                                         int part, uint8_t as_much)
{
    for (int i = policy->levels_count; i > 0; i--) {
        const cg_policy_line_t *line =
            cg_policy_line_of(policy->levels[i - 1], row, part);
        if (line && (part < 0 || said_of(line->value, part) >= as_much)) {
            return line;
        }
    }
    return NULL;
}

static cg_policy_breach_t *make(const cg_policy_t *to, const cg_policy_t *level,
                                int row, int part, apr_pool_t *pool)
{
    cg_policy_breach_t *breach = apr_pcalloc(pool, sizeof *breach);
    int of = is_actions(row) ? part : -1;
    *breach = (cg_policy_breach_t){.line = cg_policy_line_of(level, row, of),
                                   .is_htaccess = level->is_htaccess,
                                   .lock = to->lock,
                                   .part = part};
    if (is_actions(row)) {
        breach->from = held_of(&to->actions, part);
        breach->to = said_of(&level->actions, part);
    }
    breach->held = find_held(to, row, of, breach->from);
    return breach;
}

static bool is_doubtful(const uint8_t *restrict outer,
                        const uint8_t *restrict inner)
{
    unsigned doubts = 0;
    for (int t = 0; t < CG_POLICY_TYPES_MAX; t++) {
        doubts += (inner[t] != 0) & (outer[t] == 0);
    }
    return doubts > 0;
}

void cg_policy_watch(cg_policy_t *to, const cg_policy_t *level, int row,
                     apr_pool_t *pool)
{
    const cg_kind_t *kind = cg_policy_rows[row].kind;
    int part = 0;
    if (kind->loosens &&
        kind->loosens(cg_policy_member(to, row), cg_policy_member(level, row),
                      cg_policy_locked(row), &part)) {
        to->breach = make(to, level, row, part, pool);
        return;
    }
    to->has_doubt =
        to->has_doubt ||
        (is_actions(row) &&
         (is_doubtful(to->actions.request, level->actions.request) ||
          is_doubtful(to->actions.answer, level->actions.answer)));
}

const cg_policy_breach_t *cg_policy_judge(const cg_policy_t *policy,
                                          const cg_policy_names_t *names,
                                          apr_pool_t *pool)
{
    if (policy->breach || !policy->has_doubt) {
        return policy->breach;
    }
    cg_policy_t *again = cg_policy_create(pool);
    bool is_filled = false;
    again->levels = policy->levels;
    for (int i = 0; i < policy->levels_count && !again->breach; i++) {
        again->levels_count = i;
        if (again->lock && !is_filled) {
            names->fill(names->baton, again, &again->actions);
            is_filled = true;
        }
        cg_policy_lay(again, policy->levels[i], pool);
    }
    return again->breach;
}

const cg_policy_line_t *cg_policy_line_in(const cg_policy_t *policy, int row)
{
    return policy->levels_count ? find_held(policy, row, -1, 0)
                                : cg_policy_line_of(policy, row, -1);
}

static const char *quote(const cg_policy_line_t *line,
                         const cg_policy_names_t *names, apr_pool_t *pool)
{
    const char *where = names->show
                            ? names->show(names->baton, line->where, pool)
                            : line->where;
    return apr_pstrcat(pool, "\"", cg_policy_rows[line->row].directive, " ",
                       line->words, "\" (", where, ")", NULL);
}

/* "EMAIL_ADDRESS in requests from mask to log" */
static const char *what_of(const cg_policy_breach_t *breach,
                           const cg_policy_names_t *names, apr_pool_t *pool)
{
    if (!is_actions(breach->line->row)) {
        return cg_policy_rows[breach->line->row].directive;
    }
    bool is_answer = breach->part >= CG_POLICY_TYPES_MAX;
    int type = breach->part - (is_answer ? CG_POLICY_TYPES_MAX : 0);
    return apr_pstrcat(pool, names->type_name(type),
                       is_answer ? " in answers" : " in requests", " from ",
                       names->action_name(breach->from - 1), " to ",
                       names->action_name(breach->to - 1), NULL);
}

const char *cg_policy_explain(const cg_policy_breach_t *breach,
                              const cg_policy_names_t *names, apr_pool_t *pool)
{
    const char *held =
        breach->held && breach->held != breach->lock
            ? apr_pstrcat(pool, "said by ", quote(breach->held, names, pool),
                          ", ", NULL)
            : "";
    return apr_pstrcat(pool, quote(breach->line, names, pool), " would loosen ",
                       what_of(breach, names, pool), "; ", held, "locked by ",
                       quote(breach->lock, names, pool), NULL);
}
