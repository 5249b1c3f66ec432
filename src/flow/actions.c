/* What is done with each type of finding in this request, and by what rules.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   what the chosen packs want          ChatGPTRules, ChatGPTRegion, the key
 *     unless the published document     the console; below a lock only if it is
 *                                       stricter
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

/* How the published document and the place stand to each other. */
typedef struct order_t {
    bool is_below_lock; /* the document cannot loosen the packs */
    bool is_locked;     /* the place cannot loosen the document */
} order_t;

static void compose(const cg_actions_t *base, const uint8_t *published,
                    order_t order, const uint8_t *said, const uint8_t *least,
                    cg_actions_t *out)
{
    cg_actions_t packs = *base;
    *out = *base;
    if (published) {
        say(published, out->by_type);
    }
    if (order.is_below_lock) {
        cg_actions_raise(out, &packs);
    }
    say(said, out->by_type);
    demand(least, out);
    if (published && order.is_locked) {
        demand(published, out);
    }
}

void cg_flow_actions_of(const cg_rules_t *rules, const cg_policy_t *policy,
                        const cg_published_t *published,
                        cg_actions_t *out_request, cg_actions_t *out_answer)
{
    const cg_kind_ACTIONS_t *at = &policy->actions;
    order_t order = {policy->lock != NULL, published && published->is_locked};
    cg_actions_t base;
    cg_rules_pack_actions(rules, &base);
    compose(&base, published ? published->said_request : NULL, order,
            at->request, at->least_request, out_request);
    compose(&base, published ? published->said_answer : NULL, order, at->answer,
            at->least_answer, out_answer);
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
    bool published_is_locked = is_published && published->is_locked;
    if (!named_packs(rules, policy, &packs)) {
        return false;
    }
    /* The document chooses where nobody else has; else it adds to the choice. */
    bool is_chosen = policy->packs || policy->lock || published_is_locked;
    if (is_published) {
        packs = is_chosen ? packs | published->packs : published->packs;
    }
    cg_region_t region = {.name = NULL};
    if (policy->region && !cg_region_find(rules, policy->region, &region)) {
        return false;
    }
    packs |= region.packs | CG_PACK_PUBLISHED;
    *out = policy->lock ? packs & ~CG_PACK_PUBLISHED : packs;
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

const cg_rules_t *cg_flow_rules_of(const cg_rules_t *rules,
                                   const cg_policy_t *policy,
                                   const cg_published_t *published,
                                   cg_actions_t *out, apr_pool_t *pool)
{
    cg_actions_t answer;
    uint64_t packs;
    if (cg_flow_packs(rules, policy, published, &packs)) {
        rules = cg_rules_select(rules, packs, pool);
    }
    cg_flow_actions_of(rules, policy, published, out, &answer);
    rules = allow_values(rules, policy, pool);
    return cg_rules_look_for(rules, out, pool);
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
    txn->rules = cg_rules_select(txn->rules, packs, txn->pool);
    txn->rules = allow_values(txn->rules, txn->policy, txn->pool);
    cg_flow_actions_of(txn->rules, txn->policy, txn->published,
                       &txn->out.actions, &txn->out.answer_actions);
    if (redact[0]) {
        cg_actions_raise(&txn->out.actions, &key.request);
        cg_actions_raise(&txn->out.answer_actions, &key.answer);
    }
    txn->out.masks_answers =
        cg_rules_can_change(txn->rules, &txn->out.answer_actions);
    txn->out.answer_rules =
        cg_rules_look_for(txn->rules, &txn->out.answer_actions, txn->pool);
    txn->rules = cg_rules_look_for(txn->rules, &txn->out.actions, txn->pool);
    return CG_PASS;
}
