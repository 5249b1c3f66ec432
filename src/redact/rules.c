/* What to look for beside the built-in types, and what to do with a finding.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/rules.h"

#include <string.h>
#include <strings.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "redact/rules_int.h"

static const char *const action_names[] = {
    [CG_ACTION_ALLOW] = "allow", [CG_ACTION_LOG] = "log",
    [CG_ACTION_MASK] = "mask",   [CG_ACTION_PSEUDONYM] = "pseudonym",
    [CG_ACTION_BLOCK] = "block",
};
#define ACTIONS (sizeof action_names / sizeof action_names[0])

static const cg_rules_t builtin;

void cg_actions_all(cg_actions_t *out, cg_action_t action)
{
    memset(out->by_type, (int)action, sizeof out->by_type);
}

void cg_actions_default(cg_actions_t *out)
{
    cg_actions_all(out, CG_ACTION_MASK);
}

bool cg_actions_set(cg_actions_t *actions, const char *type, cg_action_t action)
{
    if (strcmp(type, "*") == 0) {
        cg_actions_all(actions, action);
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

static bool is_name(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= 64 &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789-_") == len;
}

static apr_status_t copy_names(const cg_rules_spec_t *spec, cg_rules_t *rules,
                               cg_error_t *err, apr_pool_t *pool)
{
    const char **lists =
        apr_palloc(pool, (spec->list_count + 1) * sizeof *lists);
    const char **regexes =
        apr_palloc(pool, (spec->regex_count + 1) * sizeof *regexes);
    if (spec->list_count > INT16_MAX || spec->regex_count > INT16_MAX) {
        cg_error_set(err, "more than %d lists or regexes", INT16_MAX);
        return APR_EINVAL;
    }
    for (size_t i = 0; i < spec->list_count; i++) {
        lists[i] = apr_pstrdup(pool, spec->lists[i].name);
    }
    for (size_t i = 0; i < spec->regex_count; i++) {
        const char *name = spec->regexes[i].name;
        if (!name || !is_name(name)) {
            cg_error_set(err,
                         "regex %s: its name must be 1 to 64 letters, digits, "
                         "- or _",
                         name ? name : "?");
            return APR_EINVAL;
        }
        regexes[i] = apr_pstrdup(pool, name);
    }
    rules->list_names = lists;
    rules->list_count = spec->list_count;
    rules->regex_names = regexes;
    rules->regex_count = spec->regex_count;
    return APR_SUCCESS;
}

static void copy_allowed(const cg_rules_spec_t *spec, cg_rules_t *rules,
                         apr_pool_t *pool)
{
    cg_str_t *allowed =
        apr_palloc(pool, (spec->allowed_count + 1) * sizeof *allowed);
    for (size_t i = 0; i < spec->allowed_count; i++) {
        allowed[i] = (cg_str_t){cg_str_dup(spec->allowed[i], pool),
                                spec->allowed[i].len};
    }
    rules->allowed = allowed;
    rules->allowed_count = spec->allowed_count;
}

apr_status_t cg_rules_create(const cg_rules_spec_t *spec, cg_rules_t **out,
                             cg_error_t *err, apr_pool_t *pool)
{
    cg_rules_t *rules = apr_pcalloc(pool, sizeof *rules);
    *out = NULL;
    if (spec) {
        apr_status_t status = copy_names(spec, rules, err, pool);
        if (status == APR_SUCCESS) {
            status = cg_words_create(spec->lists, spec->list_count,
                                     &rules->words, err, pool);
        }
        if (status == APR_SUCCESS) {
            status = cg_patterns_create(spec->regexes, spec->regex_count,
                                        &rules->patterns, err, pool);
        }
        if (status != APR_SUCCESS) {
            return status;
        }
        copy_allowed(spec, rules, pool);
    }
    *out = rules;
    return APR_SUCCESS;
}

const char *cg_rules_name(const cg_rules_t *rules, int type, int rule)
{
    if (type == CG_TYPE_KEYWORD && rule >= 0 &&
        (size_t)rule < rules->list_count) {
        return rules->list_names[rule];
    }
    if (type == CG_TYPE_CUSTOM && rule >= 0 &&
        (size_t)rule < rules->regex_count) {
        return rules->regex_names[rule];
    }
    return "";
}

bool cg_rules_allow(const cg_rules_t *rules, int type, cg_str_t value)
{
    for (size_t i = 0; i < rules->allowed_count; i++) {
        cg_str_t allowed = rules->allowed[i];
        bool is_domain = type == CG_TYPE_EMAIL_ADDRESS && allowed.len > 1 &&
                         allowed.ptr[0] == '@';
        if (value.len == allowed.len ||
            (is_domain && value.len > allowed.len)) {
            const char *tail = value.ptr + (value.len - allowed.len);
            if (strncasecmp(tail, allowed.ptr, allowed.len) == 0) {
                return true;
            }
        }
    }
    return false;
}
