/* What to look for beside the built-in types, and what to do with a finding.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/rules.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "redact/rules_int.h"

static const char *const action_names[] = {
    [CG_ACTION_ALLOW] = "allow",     [CG_ACTION_LOG] = "log",
    [CG_ACTION_PARTIAL] = "partial", [CG_ACTION_PSEUDONYM] = "pseudonym",
    [CG_ACTION_MASK] = "mask",       [CG_ACTION_BLOCK] = "block",
};
#define ACTIONS (sizeof action_names / sizeof action_names[0])

static const cg_rule_set_t no_set;
static const cg_rules_t builtin = {.set = &no_set, .packs = CG_PACK_EVERYWHERE};

void cg_actions_all(cg_actions_t *out, cg_action_t action)
{
    *out = (cg_actions_t){.least_keyword = 0};
    memset(out->by_type, (int)action, sizeof out->by_type);
}

void cg_actions_default(cg_actions_t *out)
{
    cg_actions_all(out, CG_ACTION_MASK);
}

bool cg_actions_set(cg_actions_t *actions, const char *type, cg_action_t action)
{
    if (strcmp(type, "*") == 0) {
        memset(actions->by_type, (int)action, sizeof actions->by_type);
        return true;
    }
    if (strcmp(type, "SECRET_*") == 0) {
        for (int i = 0; i < CG_TYPE_COUNT; i++) {
            if (cg_detector_is_secret(i)) {
                actions->by_type[i] = (uint8_t)action;
            }
        }
        return true;
    }
    int found = cg_detector_find(type);
    if (found < 0) {
        return false;
    }
    actions->by_type[found] = (uint8_t)action;
    return true;
}

bool cg_action_parse(const char *name, cg_action_t *out)
{
    for (size_t i = 0; i < ACTIONS; i++) {
        if (strcasecmp(name, action_names[i]) == 0) {
            *out = (cg_action_t)i;
            return true;
        }
    }
    return false;
}

const char *cg_action_name(cg_action_t action)
{
    return (size_t)action < ACTIONS ? action_names[action] : "unknown";
}

const cg_rules_t *cg_rules_builtin(void)
{
    return &builtin;
}

/* ---- making ---- */

static bool is_name(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= 64 &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789-_") == len;
}

static void copy_lists(const cg_rules_spec_t *spec, cg_rule_set_t *set,
                       apr_pool_t *pool)
{
    cg_rule_t *lists =
        apr_pcalloc(pool, (spec->list_count + 1) * sizeof *lists);
    for (size_t i = 0; i < spec->list_count; i++) {
        const cg_word_list_t *from = &spec->lists[i];
        lists[i] = (cg_rule_t){apr_pstrdup(pool, from->name ? from->name : ""),
                               cg_packs_of(from->packs), from->action};
    }
    set->lists = lists;
    set->list_count = spec->list_count;
}

static apr_status_t copy_regexes(const cg_rules_spec_t *spec,
                                 cg_rule_set_t *set, cg_error_t *err,
                                 apr_pool_t *pool)
{
    cg_rule_t *regexes =
        apr_pcalloc(pool, (spec->regex_count + 1) * sizeof *regexes);
    for (size_t i = 0; i < spec->regex_count; i++) {
        const cg_regex_t *from = &spec->regexes[i];
        if (!from->name || !is_name(from->name)) {
            cg_error_set(err,
                         "regex %s: its name must be 1 to 64 letters, digits, "
                         "- or _",
                         from->name ? from->name : "?");
            return APR_EINVAL;
        }
        regexes[i] = (cg_rule_t){apr_pstrdup(pool, from->name),
                                 cg_packs_of(from->packs), from->action};
    }
    set->regexes = regexes;
    set->regex_count = spec->regex_count;
    return APR_SUCCESS;
}

static void copy_allowed(const cg_rules_spec_t *spec, cg_rule_set_t *set,
                         apr_pool_t *pool)
{
    size_t count = spec->allowed_count;
    cg_str_t *allowed = apr_palloc(pool, (count + 1) * sizeof *allowed);
    uint64_t *packs = apr_palloc(pool, (count + 1) * sizeof *packs);
    for (size_t i = 0; i < count; i++) {
        allowed[i] = (cg_str_t){cg_str_dup(spec->allowed[i], pool),
                                spec->allowed[i].len};
        packs[i] =
            cg_packs_of(spec->allowed_packs ? spec->allowed_packs[i] : 0);
    }
    set->allowed = allowed;
    set->allowed_packs = packs;
    set->allowed_count = count;
    set->allow = cg_allow_create(allowed, packs, count, pool);
}

static cg_pack_t copy_pack(const cg_pack_t *from, apr_pool_t *pool)
{
    cg_pack_t pack = *from;
    const char **upstreams =
        apr_pcalloc(pool, (from->upstream_count + 1) * sizeof *upstreams);
    pack.name = apr_pstrdup(pool, from->name);
    pack.title = apr_pstrdup(pool, from->title);
    pack.path = apr_pstrdup(pool, from->path);
    pack.region = apr_pstrdup(pool, from->region);
    for (size_t i = 0; i < from->upstream_count; i++) {
        upstreams[i] = apr_pstrdup(pool, from->upstreams[i]);
    }
    pack.upstreams = upstreams;
    for (size_t i = 0; i < from->label_count; i++) {
        pack.labels[i].language = apr_pstrdup(pool, from->labels[i].language);
        pack.labels[i].text = apr_pstrdup(pool, from->labels[i].text);
    }
    return pack;
}

static void copy_packs(const cg_rules_spec_t *spec, cg_rule_set_t *set,
                       apr_pool_t *pool)
{
    cg_pack_t *packs =
        apr_pcalloc(pool, (spec->pack_count + 1) * sizeof *packs);
    for (size_t i = 0; i < spec->pack_count; i++) {
        packs[i] = copy_pack(&spec->packs[i], pool);
    }
    set->packs = packs;
    set->pack_count = spec->pack_count;
}

static apr_status_t check_counts(const cg_rules_spec_t *spec, cg_error_t *err)
{
    if (spec->list_count > INT16_MAX || spec->regex_count > INT16_MAX) {
        cg_error_set(err, "more than %d lists or regexes", INT16_MAX);
        return APR_EINVAL;
    }
    if (spec->pack_count > CG_PACKS_MAX) {
        cg_error_set(err, "more than %d packs", CG_PACKS_MAX);
        return APR_EINVAL;
    }
    for (size_t i = 0; i < spec->allowed_count; i++) {
        if (!cg_allow_check(spec->allowed[i], err)) {
            return APR_EINVAL;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t compile(const cg_rules_spec_t *spec, cg_rule_set_t *set,
                            cg_error_t *err, apr_pool_t *pool)
{
    cg_words_t *words = NULL;
    cg_patterns_t *patterns = NULL;
    apr_status_t status = check_counts(spec, err);
    if (status == APR_SUCCESS) {
        status = copy_regexes(spec, set, err, pool);
    }
    if (status == APR_SUCCESS) {
        status =
            cg_words_create(spec->lists, spec->list_count, &words, err, pool);
    }
    if (status == APR_SUCCESS) {
        status = cg_patterns_create(spec->regexes, spec->regex_count, &patterns,
                                    err, pool);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    set->words = words;
    set->patterns = patterns;
    copy_lists(spec, set, pool);
    copy_allowed(spec, set, pool);
    copy_packs(spec, set, pool);
    set->version = cg_rules_version_of(spec);
    return APR_SUCCESS;
}

apr_status_t cg_rules_create(const cg_rules_spec_t *spec, cg_rules_t **out,
                             cg_error_t *err, apr_pool_t *pool)
{
    static const cg_rules_spec_t nothing;
    cg_rule_set_t *set = apr_pcalloc(pool, sizeof *set);
    *out = NULL;
    apr_status_t status = compile(spec ? spec : &nothing, set, err, pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    *out = apr_palloc(pool, sizeof **out);
    cg_rules_view(*out, set);
    return APR_SUCCESS;
}

/* ---- one rule ---- */

static const cg_rule_t *rule_of(const cg_rules_t *rules, int type, int rule)
{
    const cg_rule_set_t *set = rules->set;
    if (type == CG_TYPE_KEYWORD && rule >= 0 &&
        (size_t)rule < set->list_count) {
        return &set->lists[rule];
    }
    if (type == CG_TYPE_CUSTOM && rule >= 0 &&
        (size_t)rule < set->regex_count) {
        return &set->regexes[rule];
    }
    return NULL;
}

const char *cg_rules_name(const cg_rules_t *rules, int type, int rule)
{
    const cg_rule_t *found = rule_of(rules, type, rule);
    return found ? found->name : "";
}

cg_action_t cg_rules_action(const cg_rules_t *rules,
                            const cg_actions_t *actions, int type, int rule)
{
    const cg_rule_t *found = rule_of(rules, type, rule);
    if (!found || !found->action) {
        return (cg_action_t)actions->by_type[type];
    }
    unsigned least = type == CG_TYPE_KEYWORD ? actions->least_keyword
                                             : actions->least_custom;
    unsigned own = found->action - 1u;
    return (cg_action_t)(own > least ? own : least);
}

static bool can_change(const cg_rule_t *rules, size_t count, uint64_t packs)
{
    for (size_t i = 0; i < count; i++) {
        if ((rules[i].packs & packs) && rules[i].action > 1 + CG_ACTION_LOG) {
            return true;
        }
    }
    return false;
}

bool cg_rules_can_change(const cg_rules_t *rules, const cg_actions_t *actions)
{
    const cg_rule_set_t *set = rules->set;
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        if (actions->by_type[t] > CG_ACTION_LOG) {
            return true;
        }
    }
    return actions->least_keyword > CG_ACTION_LOG ||
           actions->least_custom > CG_ACTION_LOG ||
           can_change(set->lists, set->list_count, rules->packs) ||
           can_change(set->regexes, set->regex_count, rules->packs);
}

static bool has_own(const cg_rule_t *rules, size_t count, uint64_t packs,
                    cg_action_t action)
{
    for (size_t i = 0; i < count; i++) {
        if ((rules[i].packs & packs) && rules[i].action == 1 + action) {
            return true;
        }
    }
    return false;
}

bool cg_rules_has_action(const cg_rules_t *rules, const cg_actions_t *actions,
                         cg_action_t action)
{
    const cg_rule_set_t *set = rules->set;
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        if (actions->by_type[t] == action) {
            return true;
        }
    }
    return actions->least_keyword == action ||
           actions->least_custom == action ||
           has_own(set->lists, set->list_count, rules->packs, action) ||
           has_own(set->regexes, set->regex_count, rules->packs, action);
}
