/* Which records of the ledger does a reader want to see?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "audit/ledger.h"
#include "audit/ledger_int.h"

#include <stddef.h>
#include <string.h>

#include "base/walk.h"

typedef struct rule_t {
    size_t filter; /* offset of the wanted word */
    const char *members[2];
} rule_t;

#define WANT(field) offsetof(cg_ledger_filter_t, field)

static const rule_t RULES[] = {
    {WANT(key), {"key_id", "key_name"}},
    {WANT(team), {"team", NULL}},
    {WANT(user), {"user", NULL}},
    {WANT(model), {"model_asked", "model_served"}},
    {WANT(decision), {"decision", NULL}},
    {WANT(reason), {"reason", NULL}},
    {WANT(endpoint), {"endpoint", NULL}},
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* needle is lower case already. */
static bool contains(cg_str_t text, cg_str_t needle)
{
    for (size_t i = 0; i + needle.len <= text.len; i++) {
        size_t same = 0;
        while (same < needle.len &&
               lower(text.ptr[i + same]) == needle.ptr[same]) {
            same++;
        }
        if (same == needle.len) {
            return true;
        }
    }
    return false;
}

static bool member_is(const cg_walk_t *walk, const char *member,
                      const char *wanted, apr_pool_t *pool)
{
    uint32_t node = cg_walk_member(walk, 0, member);
    return node != CG_NODE_NONE &&
           cg_str_is_nocase(cg_walk_string(walk, node, pool), wanted);
}

static bool rule_holds(const cg_walk_t *walk, const rule_t *rule,
                       const cg_ledger_filter_t *filter, apr_pool_t *pool)
{
    const char *wanted = *(
        const char *const *)(const void *)((const char *)filter + rule->filter);
    if (!wanted || !*wanted) {
        return true;
    }
    for (int i = 0; i < 2 && rule->members[i]; i++) {
        if (member_is(walk, rule->members[i], wanted, pool)) {
            return true;
        }
    }
    return false;
}

static bool has_finding(const cg_walk_t *walk, const char *type,
                        apr_pool_t *pool)
{
    if (!type || !*type) {
        return true;
    }
    uint32_t list = cg_walk_member(walk, 0, "findings");
    uint32_t one = list == CG_NODE_NONE ? list : walk->nodes[list].child;
    for (; one != CG_NODE_NONE; one = walk->nodes[one].next) {
        uint32_t node = cg_walk_member(walk, one, "type");
        if (node != CG_NODE_NONE &&
            cg_str_is_nocase(cg_walk_string(walk, node, pool), type)) {
            return true;
        }
    }
    return false;
}

/* q is looked for in the values as they are written, escapes and all; so the
 * words are escaped the same way, and member names never match. */
static bool has_words(const cg_walk_t *walk, cg_str_t json, const char *q,
                      apr_pool_t *pool)
{
    if (!q || !*q) {
        return true;
    }
    cg_buf_t needle;
    cg_buf_init(&needle, 64, pool);
    cg_buf_json_escape(&needle, q, strlen(q));
    for (size_t i = 0; i < needle.len; i++) {
        needle.ptr[i] = lower(needle.ptr[i]);
    }
    cg_str_t words = {needle.ptr, needle.len};
    if (!contains(json, words)) {
        return false;
    }
    for (uint32_t node = 0; node < walk->count; node++) {
        if (walk->nodes[node].kind == CG_NODE_STRING &&
            contains(cg_walk_raw(walk, node), words)) {
            return true;
        }
    }
    return false;
}

bool cg_filter_matches(const cg_line_t *line, const cg_ledger_filter_t *filter,
                       apr_pool_t *pool)
{
    if (line->at < filter->from || (filter->to && line->at >= filter->to)) {
        return false;
    }
    cg_walk_t walk;
    cg_error_t ignored;
    if (cg_walk(line->json.ptr, line->json.len, &walk, &ignored, pool) !=
            CG_WALK_OK ||
        walk.nodes[0].kind != CG_NODE_OBJECT) {
        return false; /* not ours: it would break the page it stands on */
    }
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++) {
        if (!rule_holds(&walk, &RULES[i], filter, pool)) {
            return false;
        }
    }
    return has_finding(&walk, filter->finding, pool) &&
           has_words(&walk, line->json, filter->q, pool);
}
