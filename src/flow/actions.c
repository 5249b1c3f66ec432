/* What is done with each type of finding in this request, and by what rules.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   what the chosen packs want          ChatGPTRules, ChatGPTRegion, the key
 *     unless the published document     the console
 *     unless the place says             ChatGPTRedact
 *   but at least what is demanded       .htaccess, below the lock; a published
 *                                       document that is locked; the key
 *
 * Arrays of bytes by type, three or four passes over them: two tenths of a
 * microsecond for both directions, so nothing is kept from request to request.
 */
#include <string.h>

#include "flow/flow.h"
#include "flow/region.h"
#include "redact/demand.h"

_Static_assert(CG_POLICY_TYPES_MAX == CG_DETECTORS_MAX,
               "policy and redact count the same types");

/* Values are 1 + action, 0 for nothing; actions have no such zero. */
static void say(const uint8_t *restrict said, uint8_t *restrict by_type)
{
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        by_type[t] = said[t] ? (uint8_t)(said[t] - 1) : by_type[t];
    }
}

static void demand(const uint8_t *restrict least, cg_actions_t *actions)
{
    cg_actions_t all;
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        all.by_type[t] = least[t] ? (uint8_t)(least[t] - 1) : 0;
    }
    cg_actions_raise(actions, &all);
}

static void compose(const cg_actions_t *base, const uint8_t *published,
                    bool is_locked, const uint8_t *said, const uint8_t *least,
                    cg_actions_t *out)
{
    *out = *base;
    if (published) {
        say(published, out->by_type);
    }
    say(said, out->by_type);
    demand(least, out);
    if (published && is_locked) {
        demand(published, out);
    }
}

void cg_flow_actions_of(const cg_rules_t *rules, const cg_policy_t *policy,
                        const cg_published_t *published,
                        cg_actions_t *out_request, cg_actions_t *out_answer)
{
    const cg_kind_ACTIONS_t *at = &policy->actions;
    bool is_locked = published && published->is_locked;
    cg_actions_t base;
    cg_rules_pack_actions(rules, &base);
    compose(&base, published ? published->said_request : NULL, is_locked,
            at->request, at->least_request, out_request);
    compose(&base, published ? published->said_answer : NULL, is_locked,
            at->answer, at->least_answer, out_answer);
}

/* -- which packs ------------------------------------------------------------- */

/* The packs a place names; "*" stands for those of the rules folder. */
static bool named_packs(const cg_rules_t *rules, const cg_policy_t *policy,
                        uint64_t *out)
{
    const apr_array_header_t *names = policy->packs;
    uint64_t packs = 0;
    if (!names) {
        return true;
    }
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        int found = cg_rules_pack_find(rules, name);
        if (found < 0 && strcmp(name, "*") != 0) {
            return false;
        }
        packs |= found < 0 ? *out : UINT64_C(1) << found;
    }
    *out = packs;
    return true;
}

bool cg_flow_packs(const cg_rules_t *rules, const cg_policy_t *policy,
                   const cg_published_t *published, uint64_t *out)
{
    uint64_t packs = cg_rules_packs(rules);
    bool is_published = published && published->has_packs;
    if (!named_packs(rules, policy, &packs)) {
        return false;
    }
    /* A lock's packs, and a locked document's, can only be added to. */
    if (is_published && (policy->lock || published->is_locked)) {
        packs |= published->packs;
    }
    else if (is_published) {
        packs = published->packs;
    }
    cg_region_t region = {.name = NULL};
    if (policy->region && !cg_region_find(rules, policy->region, &region)) {
        return false;
    }
    *out = packs | region.packs;
    return true;
}

static bool add_packs(const cg_rules_t *rules, const cg_demand_t *key,
                      uint64_t *packs)
{
    for (size_t i = 0; i < key->packs_count; i++) {
        char name[80] = "";
        cg_str_t word = key->packs[i];
        if (word.len < sizeof name) {
            memcpy(name, word.ptr, word.len);
        }
        int found = cg_rules_pack_find(rules, name);
        if (found < 0) {
            return false;
        }
        *packs |= UINT64_C(1) << found;
    }
    return true;
}

/* The values that ChatGPTAllowValue names here are never found. */
static const cg_rules_t *allow_values(const cg_rules_t *rules,
                                      const cg_policy_t *policy,
                                      apr_pool_t *pool)
{
    const apr_array_header_t *words = policy->allowed;
    if (!words || words->nelts == 0) {
        return rules;
    }
    cg_str_t *values = apr_palloc(pool, (size_t)words->nelts * sizeof *values);
    for (int i = 0; i < words->nelts; i++) {
        values[i] = cg_str(APR_ARRAY_IDX(words, i, const char *));
    }
    return cg_rules_allow_more(rules, values, (size_t)words->nelts, pool);
}

/* -- one request ------------------------------------------------------------- */

cg_verdict_t cg_flow_actions(cg_txn_t *txn)
{
    const char *redact = txn->who.key.redact;
    cg_demand_t key;
    uint64_t packs = 0;
    if (!cg_demand_read(cg_str(redact), &key, NULL) ||
        !add_packs(txn->rules, &key, &packs)) {
        return cg_txn_refuse(txn, CG_KEY_POLICY_UNKNOWN, NULL, NULL);
    }
    const char *region = txn->policy->region;
    if (region && !cg_region_find(txn->rules, region, &txn->region.rules)) {
        return cg_txn_refuse(txn, CG_REGION_UNKNOWN, NULL, NULL);
    }
    uint64_t chosen;
    if (!cg_flow_packs(txn->rules, txn->policy, txn->published, &chosen)) {
        return cg_txn_refuse(txn, CG_PACK_UNKNOWN, NULL, NULL);
    }
    packs |= chosen;
    if (packs != cg_rules_packs(txn->rules)) {
        txn->rules = cg_rules_select(txn->rules, packs, txn->pool);
    }
    txn->rules = allow_values(txn->rules, txn->policy, txn->pool);
    cg_flow_actions_of(txn->rules, txn->policy, txn->published,
                       &txn->out.actions, &txn->out.answer_actions);
    if (redact[0]) {
        cg_actions_raise(&txn->out.actions, &key.request);
        cg_actions_raise(&txn->out.answer_actions, &key.answer);
    }
    txn->rules = cg_rules_look_for(txn->rules, &txn->out.actions,
                                   &txn->out.answer_actions, txn->pool);
    txn->out.masks_answers =
        cg_rules_can_change(txn->rules, &txn->out.answer_actions);
    return CG_PASS;
}
