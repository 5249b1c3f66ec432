/* Places: the sections of the configuration as they come together, and the lock.
 * SPDX-License-Identifier: Apache-2.0
 *
 * When the server starts, every place is looked at that the files alone make: the
 * server, each virtual host, each section, with the plain ones it stands in. What
 * httpd brings together only with a request (.htaccess, <If>, <Directory> with
 * <Location>, patterns) is looked at then; the words are the same.
 */
#include "httpd/httpd_int.h"

#include <string.h>

#include <apr_strings.h>

#include "policy/lock.h"

/* -- words of the lock -------------------------------------------------------- */

static const char *action_name(int action)
{
    return cg_action_name((cg_action_t)action);
}

/* lives in: one call */
typedef struct judge_t {
    const cg_rules_t *rules;
    request_rec *r; /* NULL: at the start */
    apr_pool_t *pool;
} judge_t;

static void fill(void *baton, const cg_policy_t *policy,
                 cg_kind_ACTIONS_t *actions)
{
    const judge_t *judge = baton;
    cg_actions_t request, answer;
    uint64_t packs;
    const cg_rules_t *rules = judge->rules;
    if (cg_flow_packs(rules, policy, NULL, &packs)) {
        rules = cg_rules_select(rules, packs, judge->pool);
    }
    cg_flow_actions_of(rules, policy, NULL, &request, &answer);
    for (int t = 0; t < CG_POLICY_TYPES_MAX; t++) {
        actions->request[t] = (uint8_t)(request.by_type[t] + 1);
        actions->answer[t] = (uint8_t)(answer.by_type[t] + 1);
    }
}

/* A caller is told the line, not where on the disk the file stands. */
static const char *show(void *baton, const char *where, apr_pool_t *pool)
{
    const judge_t *judge = baton;
    const char *root = ap_document_root(judge->r);
    size_t len = root ? strlen(root) : 0;
    const char *name = strrchr(where, '/');
    if (len && strncmp(where, root, len) == 0) {
        return apr_pstrcat(pool, where[len] == '/' ? "" : "/", where + len,
                           NULL);
    }
    return name ? name + 1 : where;
}

static cg_policy_names_t names_of(judge_t *judge)
{
    return (cg_policy_names_t){.type_name = cg_detector_name,
                               .action_name = action_name,
                               .fill = fill,
                               .baton = judge};
}

cg_verdict_t cg_places_judge(request_rec *r, cg_txn_t *txn)
{
    judge_t judge = {txn->gateway->rules, r, r->pool};
    cg_policy_names_t names = names_of(&judge);
    const cg_policy_breach_t *breach =
        cg_policy_judge(txn->policy, &names, r->pool);
    if (!breach) {
        return CG_PASS;
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "CG9017 ChatGPTRedactLock: %s",
                  cg_policy_explain(breach, &names, r->pool));
    names.show = show;
    const char *words =
        apr_pstrcat(r->pool, "ChatGPTRedactLock: ",
                    cg_policy_explain(breach, &names, r->pool), NULL);
    return cg_txn_refuse(txn, CG_LOCK_LOOSENED, words, NULL);
}

/* -- what is asked of a place ------------------------------------------------- */

/* lives in: one check */
typedef struct check_t {
    const cg_rules_t *rules;
    const cg_accounts_t *accounts;
    cg_error_t *err;
    apr_pool_t *pool;
} check_t;

static bool check_lock(const check_t *check, const cg_policy_t *policy)
{
    judge_t judge = {check->rules, NULL, check->pool};
    cg_policy_names_t names = names_of(&judge);
    const cg_policy_breach_t *breach =
        cg_policy_judge(policy, &names, check->pool);
    if (breach) {
        cg_error_set(check->err, "ChatGPTRedactLock: %s",
                     cg_policy_explain(breach, &names, check->pool));
    }
    return !breach;
}

static bool may_answer(const check_t *check, const cg_policy_t *policy,
                       const cg_region_t *region)
{
    uint32_t barred = cg_region_barred(region, check->accounts);
    const apr_array_header_t *routes = policy->routes;
    size_t count = routes ? (size_t)routes->nelts : check->accounts->count;
    for (size_t i = 0; i < count; i++) {
        const cg_account_t *account =
            routes ? cg_accounts_find(check->accounts,
                                      APR_ARRAY_IDX(routes, i, const char *))
                   : &check->accounts->rows[i];
        if (account && !(barred & (UINT32_C(1) << account->index))) {
            return true;
        }
    }
    return false;
}

static bool check_region(const check_t *check, const cg_policy_t *policy)
{
    cg_region_t region;
    if (!policy->region) {
        return true;
    }
    const cg_policy_line_t *line = cg_policy_line_in(policy, CG_ROW_region);
    const char *where = line ? line->where : "";
    if (!cg_region_find(check->rules, policy->region, &region)) {
        cg_error_set(check->err,
                     "ChatGPTRegion: no pack of rules speaks for \"%s\" (%s); "
                     "legal: %s",
                     policy->region, where,
                     cg_region_names(check->rules, check->pool));
        return false;
    }
    if (policy->is_on && !may_answer(check, policy, &region)) {
        cg_error_set(check->err,
                     "ChatGPTRegion: of the upstreams of the place none is in "
                     "a region that %s allows (%s); say region=NAME behind a "
                     "ChatGPTUpstream, or another ChatGPTRoute",
                     policy->region, where);
        return false;
    }
    return true;
}

static bool check_place(const check_t *check, const cg_policy_t *policy)
{
    return check_lock(check, policy) && check_region(check, policy);
}

/* -- the places --------------------------------------------------------------- */

static const cg_policy_t *policy_in(const ap_conf_vector_t *section)
{
    return ap_get_module_config(section, &chatgpt_module);
}

static const ap_conf_vector_t *section_at(const apr_array_header_t *sections,
                                          int i)
{
    return APR_ARRAY_IDX(sections, i, const ap_conf_vector_t *);
}

static bool is_plain(const core_dir_config *core)
{
    return core->d && !core->d_is_fnmatch && !core->r;
}

/* Does all that inner holds for stand inside outer? */
static bool holds(const ap_conf_vector_t *outer, const ap_conf_vector_t *inner)
{
    const core_dir_config *around = ap_get_core_module_config(outer);
    const core_dir_config *within = ap_get_core_module_config(inner);
    if (!is_plain(around) || !is_plain(within)) {
        return false;
    }
    size_t len = strlen(around->d);
    bool is_begun = strncmp(around->d, within->d, len) == 0;
    bool is_slash = len > 0 && around->d[len - 1] == '/';
    return is_begun &&
           (is_slash || within->d[len] == '/' || within->d[len] == '\0');
}

/* <Files> and <If> inside a section. */
static bool check_inner(const check_t *check, const cg_policy_t *policy,
                        const ap_conf_vector_t *section)
{
    const core_dir_config *core = ap_get_core_module_config(section);
    const apr_array_header_t *lists[] = {core->sec_file, core->sec_if};
    for (size_t l = 0; l < 2; l++) {
        for (int i = 0; lists[l] && i < lists[l]->nelts; i++) {
            const cg_policy_t *own = policy_in(section_at(lists[l], i));
            if (own && own->set &&
                !check_place(check,
                             cg_policy_merge(policy, own, check->pool))) {
                return false;
            }
        }
    }
    return true;
}

static bool check_sections(const check_t *check, const cg_policy_t *base,
                           const apr_array_header_t *sections)
{
    for (int i = 0; i < sections->nelts; i++) {
        const ap_conf_vector_t *section = section_at(sections, i);
        const cg_policy_t *place = base;
        for (int o = 0; o <= i; o++) {
            const ap_conf_vector_t *outer = section_at(sections, o);
            const cg_policy_t *own = policy_in(outer);
            if (own && own->set && (o == i || holds(outer, section))) {
                place = cg_policy_merge(place, own, check->pool);
            }
        }
        if (!check_place(check, place) || !check_inner(check, place, section)) {
            return false;
        }
    }
    return true;
}

bool cg_places_check(server_rec *s, const cg_rules_t *rules,
                     const cg_accounts_t *accounts, cg_error_t *err,
                     apr_pool_t *pool)
{
    check_t check = {rules, accounts, err, pool};
    for (; s; s = s->next) {
        const core_server_config *core =
            ap_get_core_module_config(s->module_config);
        const cg_policy_t *base = policy_in(s->lookup_defaults);
        if (!check_place(&check, base) ||
            !check_inner(&check, base, s->lookup_defaults) ||
            !check_sections(&check, base, core->sec_dir) ||
            !check_sections(&check, base, core->sec_url)) {
            return false;
        }
    }
    return true;
}
