/* Packs: what is chosen of the compiled rules, and what tells one choice from
 * another.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A view is three pointers and a mask: choosing costs a walk over the names of
 * lists and regexes, and nothing is compiled.
 */
#include <string.h>

#include <apr_strings.h>

#include "base/digest.h"
#include "redact/rules_int.h"

uint64_t cg_packs_of(uint64_t packs)
{
    return packs ? packs & ~CG_PACK_EVERYWHERE : CG_PACK_EVERYWHERE;
}

/* ---- identity ---- */

static uint64_t mix(uint64_t seed, const void *data, size_t len)
{
    return cg_hash64(seed, data, len) ^ (seed * UINT64_C(0x9E3779B97F4A7C15));
}

static uint64_t mix_text(uint64_t seed, const char *text)
{
    return text ? mix(seed, text, strlen(text) + 1) : mix(seed, "", 0);
}

static uint64_t mix_rule(uint64_t seed, const char *name, uint64_t packs,
                         uint8_t action, bool a, bool b)
{
    const uint64_t facts[] = {cg_packs_of(packs), action, a, b};
    return mix(mix_text(seed, name), facts, sizeof facts);
}

static uint64_t mix_pack(uint64_t seed, const cg_pack_t *pack)
{
    const uint64_t facts[] = {(uint64_t)pack->keep_for, pack->label,
                              pack->has_types, pack->upstream_count,
                              pack->label_count};
    seed = mix(seed, pack->action, sizeof pack->action);
    seed = mix(mix_text(seed, pack->name), facts, sizeof facts);
    seed = mix_text(seed, pack->region);
    for (size_t i = 0; i < pack->upstream_count; i++) {
        seed = mix_text(seed, pack->upstreams[i]);
    }
    for (size_t i = 0; i < pack->label_count; i++) {
        seed = mix_text(mix_text(seed, pack->labels[i].language),
                        pack->labels[i].text);
    }
    return seed;
}

/* What was given, and what this library knows by itself. */
uint64_t cg_rules_version_of(const cg_rules_spec_t *spec)
{
    uint64_t version = 1;
    for (int i = 0; i < CG_TYPE_COUNT; i++) {
        version = mix_text(version, cg_detectors[i].name);
    }
    for (size_t i = 0; i < spec->list_count; i++) {
        const cg_word_list_t *list = &spec->lists[i];
        version = mix_rule(version, list->name, list->packs, list->action,
                           list->is_caseless, list->is_whole_word);
        for (size_t k = 0; k < list->count; k++) {
            version = mix(version, list->words[k].ptr, list->words[k].len);
        }
    }
    for (size_t i = 0; i < spec->regex_count; i++) {
        const cg_regex_t *regex = &spec->regexes[i];
        version = mix_rule(version, regex->name, regex->packs, regex->action,
                           regex->is_caseless, true);
        version = mix_text(version, regex->regex);
    }
    for (size_t i = 0; i < spec->allowed_count; i++) {
        version = mix_rule(version, "",
                           spec->allowed_packs ? spec->allowed_packs[i] : 0, 0,
                           false, false);
        version = mix(version, spec->allowed[i].ptr, spec->allowed[i].len);
    }
    for (size_t i = 0; i < spec->pack_count; i++) {
        version = mix_pack(version, &spec->packs[i]);
    }
    return version;
}

/* ---- views ---- */

static bool has_any(const cg_rule_t *rules, size_t count, uint64_t packs)
{
    for (size_t i = 0; i < count; i++) {
        if (rules[i].packs & packs) {
            return true;
        }
    }
    return false;
}

static void choose(cg_rules_t *view, const cg_rule_set_t *set, uint64_t packs)
{
    uint64_t there = ((UINT64_C(1) << set->pack_count) - 1) | CG_PACK_PUBLISHED;
    packs = (packs & there) | CG_PACK_EVERYWHERE;
    view->set = set;
    view->packs = packs;
    view->words =
        has_any(set->lists, set->list_count, packs) ? set->words : NULL;
    view->patterns =
        has_any(set->regexes, set->regex_count, packs) ? set->patterns : NULL;
    view->version = mix(set->version, &packs, sizeof packs);
}

void cg_rules_view(cg_rules_t *view, const cg_rule_set_t *set)
{
    *view = (cg_rules_t){.allowed_count = set->allowed_count};
    choose(view, set, CG_PACKS_ALL);
}

const cg_rules_t *cg_rules_select(const cg_rules_t *all, uint64_t packs,
                                  apr_pool_t *pool)
{
    cg_rules_t *view = apr_palloc(pool, sizeof *view);
    cg_rules_view(view, all->set);
    choose(view, all->set, packs);
    return view;
}

const cg_rules_t *cg_rules_allow_more(const cg_rules_t *rules,
                                      const cg_str_t *values, size_t count,
                                      apr_pool_t *pool)
{
    if (count == 0) {
        return rules;
    }
    cg_rules_t *view = apr_pmemdup(pool, rules, sizeof *rules);
    view->more = cg_allow_create(values, NULL, count, pool);
    view->allowed_count = rules->set->allowed_count + count;
    for (size_t i = 0; i < count; i++) {
        view->version = mix(view->version, values[i].ptr, values[i].len);
    }
    return view;
}

static cg_weight_t weight_of(unsigned action)
{
    static const uint8_t weights[] = {[CG_ACTION_ALLOW] = CG_WEIGHT_ALLOW,
                                      [CG_ACTION_LOG] = CG_WEIGHT_LOG,
                                      [CG_ACTION_PARTIAL] = CG_WEIGHT_PARTIAL,
                                      [CG_ACTION_PSEUDONYM] = CG_WEIGHT_HIDDEN,
                                      [CG_ACTION_MASK] = CG_WEIGHT_HIDDEN,
                                      [CG_ACTION_BLOCK] = CG_WEIGHT_BLOCK};
    return (cg_weight_t)weights[action];
}

const cg_rules_t *cg_rules_look_for(const cg_rules_t *rules,
                                    const cg_actions_t *actions,
                                    apr_pool_t *pool)
{
    uint8_t weights[CG_DETECTORS_MAX + 2];
    if (!rules->words && !rules->patterns) {
        return rules;
    }
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        weights[t] = weight_of(actions->by_type[t]);
    }
    weights[CG_DETECTORS_MAX] = weight_of(actions->least_keyword);
    weights[CG_DETECTORS_MAX + 1] = weight_of(actions->least_custom);
    cg_rules_t *view = apr_pmemdup(pool, rules, sizeof *rules);
    view->is_weighed = true;
    view->actions = *actions;
    view->version = mix(rules->version, weights, sizeof weights);
    return view;
}

cg_weight_t cg_rules_weight(const cg_rules_t *rules, int type, int rule)
{
    return weight_of(cg_rules_action(rules, &rules->actions, type, rule));
}

uint64_t cg_rules_packs(const cg_rules_t *rules)
{
    return rules->packs & ~(CG_PACK_EVERYWHERE | CG_PACK_PUBLISHED);
}

uint64_t cg_rules_version(const cg_rules_t *rules)
{
    return rules->version;
}

bool cg_rules_allow(const cg_rules_t *rules, int type, cg_str_t value)
{
    const cg_allow_t *allow = rules->set->allow;
    return (allow && cg_allow_has(allow, rules->packs, type, value)) ||
           (rules->more &&
            cg_allow_has(rules->more, CG_PACK_EVERYWHERE, type, value));
}

/* ---- packs ---- */

int cg_rules_pack_find(const cg_rules_t *rules, const char *name)
{
    for (size_t i = 0; i < rules->set->pack_count; i++) {
        const cg_pack_t *pack = &rules->set->packs[i];
        if (strcmp(pack->name, name) == 0 ||
            (pack->path && strcmp(pack->path, name) == 0)) {
            return (int)i;
        }
    }
    return -1;
}

size_t cg_rules_pack_count(const cg_rules_t *rules)
{
    return rules->set->pack_count;
}

const cg_pack_t *cg_rules_pack(const cg_rules_t *rules, int number)
{
    return number >= 0 && (size_t)number < rules->set->pack_count
               ? &rules->set->packs[number]
               : NULL;
}

bool cg_rules_needs_pack(int type)
{
    return type != CG_TYPE_KEYWORD && type != CG_TYPE_CUSTOM &&
           type != CG_TYPE_PERSON && type != CG_TYPE_LOCATION &&
           type != CG_TYPE_ORGANIZATION;
}

void cg_rules_pack_actions(const cg_rules_t *rules, cg_actions_t *out)
{
    const cg_rule_set_t *set = rules->set;
    uint8_t said[CG_DETECTORS_MAX] = {0};
    bool has_types = false;
    for (size_t i = 0; i < set->pack_count; i++) {
        const cg_pack_t *pack = &set->packs[i];
        if (!(rules->packs >> i & 1)) {
            continue;
        }
        has_types = has_types || pack->has_types;
        for (int t = 0; t < CG_DETECTORS_MAX; t++) {
            said[t] = pack->action[t] > said[t] ? pack->action[t] : said[t];
        }
    }
    *out = (cg_actions_t){.least_keyword = 0};
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        bool is_wanted = !has_types || !cg_rules_needs_pack(t);
        cg_action_t unsaid = is_wanted ? CG_ACTION_MASK : CG_ACTION_ALLOW;
        out->by_type[t] = (uint8_t)(said[t] ? said[t] - 1 : (int)unsaid);
    }
}

/* ---- joining ---- */

static void *joined(const void *a, size_t a_count, const void *b,
                    size_t b_count, size_t size, apr_pool_t *pool)
{
    char *both = apr_palloc(pool, (a_count + b_count + 1) * size);
    if (a_count) {
        memcpy(both, a, a_count * size);
    }
    if (b_count) {
        memcpy(both + a_count * size, b, b_count * size);
    }
    return both;
}

static apr_status_t join_packs(cg_rules_spec_t *spec,
                               const cg_rules_spec_t *more, cg_error_t *err,
                               apr_pool_t *pool)
{
    for (size_t i = 0; i < more->pack_count; i++) {
        for (size_t k = 0; k < spec->pack_count; k++) {
            if (strcmp(spec->packs[k].name, more->packs[i].name) == 0) {
                cg_error_set(err, "%s: pack %s is already in %s",
                             more->packs[i].path, more->packs[i].name,
                             spec->packs[k].path);
                return APR_EINVAL;
            }
        }
    }
    spec->packs = joined(spec->packs, spec->pack_count, more->packs,
                         more->pack_count, sizeof *spec->packs, pool);
    spec->pack_count += more->pack_count;
    if (spec->pack_count > CG_PACKS_MAX) {
        cg_error_set(err, "more than %d packs", CG_PACKS_MAX);
        return APR_EINVAL;
    }
    return APR_SUCCESS;
}

static void join_allowed(cg_rules_spec_t *spec, const cg_rules_spec_t *more,
                         unsigned shift, apr_pool_t *pool)
{
    size_t count = spec->allowed_count + more->allowed_count;
    uint64_t *packs = apr_pcalloc(pool, (count + 1) * sizeof *packs);
    for (size_t i = 0; i < count; i++) {
        size_t k = i - spec->allowed_count;
        if (i < spec->allowed_count) {
            packs[i] = spec->allowed_packs ? spec->allowed_packs[i] : 0;
        }
        else if (more->allowed_packs) {
            packs[i] = more->allowed_packs[k] << shift;
        }
    }
    spec->allowed = joined(spec->allowed, spec->allowed_count, more->allowed,
                           more->allowed_count, sizeof *spec->allowed, pool);
    spec->allowed_packs = packs;
    spec->allowed_count = count;
}

apr_status_t cg_rules_spec_add(cg_rules_spec_t *spec,
                               const cg_rules_spec_t *more, cg_error_t *err,
                               apr_pool_t *pool)
{
    unsigned shift = (unsigned)spec->pack_count;
    apr_status_t status = join_packs(spec, more, err, pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    cg_word_list_t *lists = joined(spec->lists, spec->list_count, more->lists,
                                   more->list_count, sizeof *lists, pool);
    for (size_t i = 0; i < more->list_count; i++) {
        lists[spec->list_count + i].packs <<= shift;
    }
    cg_regex_t *regexes =
        joined(spec->regexes, spec->regex_count, more->regexes,
               more->regex_count, sizeof *regexes, pool);
    for (size_t i = 0; i < more->regex_count; i++) {
        regexes[spec->regex_count + i].packs <<= shift;
    }
    join_allowed(spec, more, shift, pool);
    spec->lists = lists;
    spec->list_count += more->list_count;
    spec->regexes = regexes;
    spec->regex_count += more->regex_count;
    return APR_SUCCESS;
}
