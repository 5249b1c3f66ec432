/* The claims of a token, once it has been verified: what mappings ask of them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/claims.h"

#include <string.h>

#include <apr_strings.h>

bool cg_claims_parse(cg_str_t json, cg_claims_t *out, apr_pool_t *pool)
{
    cg_error_t unused;
    out->payload = json;
    return cg_walk(json.ptr, json.len, &out->walk, &unused, pool) ==
               CG_WALK_OK &&
           out->walk.nodes[0].kind == CG_NODE_OBJECT;
}

/* ---- paths ---------------------------------------------------------------- */

/* One step of a path: a name, or (name.ptr NULL) the number of an element. */
typedef struct step_t {
    cg_str_t name;
    int64_t index;
} step_t;

/* What stands before the next dot or bracket. */
static bool read_name(const char **at, step_t *out)
{
    size_t len = strcspn(*at, ".[");
    out->name = (cg_str_t){*at, len};
    *at += len;
    return len > 0;
}

/* [12] or ["a name"]; *at stands on the bracket. */
static bool read_bracket(const char **at, step_t *out)
{
    const char *p = *at + 1;
    bool is_quoted = *p == '"' || *p == '\'';
    const char *end = is_quoted ? strchr(p + 1, *p) : strchr(p, ']');
    if (!end || (is_quoted && end[1] != ']')) {
        return false;
    }
    cg_str_t inside = {p + is_quoted, (size_t)(end - p) - is_quoted};
    *at = end + 1 + is_quoted;
    if (is_quoted) {
        out->name = inside;
        return inside.len > 0;
    }
    out->name = (cg_str_t){NULL, 0};
    return cg_parse_count(inside, &out->index);
}

static bool read_step(const char **at, bool is_first, step_t *out)
{
    if (**at == '[') {
        return read_bracket(at, out);
    }
    if (!is_first) {
        if (**at != '.') {
            return false;
        }
        (*at)++;
    }
    return read_name(at, out);
}

static uint32_t element(const cg_walk_t *walk, uint32_t array, int64_t index)
{
    uint32_t at = walk->nodes[array].child;
    while (at != CG_NODE_NONE && walk->nodes[at].key_start != index) {
        at = walk->nodes[at].next;
    }
    return at;
}

static uint32_t follow(const cg_claims_t *claims, uint32_t from,
                       const step_t *step, apr_pool_t *pool)
{
    const cg_walk_t *walk = &claims->walk;
    int wanted = step->name.ptr ? CG_NODE_OBJECT : CG_NODE_ARRAY;
    if (walk->nodes[from].kind != wanted) {
        return CG_NODE_NONE;
    }
    return step->name.ptr
               ? cg_walk_member(walk, from, cg_str_dup(step->name, pool))
               : element(walk, from, step->index);
}

static uint32_t find(const cg_claims_t *claims, const char *path,
                     apr_pool_t *pool)
{
    if (!claims || !path || strlen(path) > CG_CLAIMS_PATH_MAX) {
        return CG_NODE_NONE;
    }
    uint32_t whole = cg_walk_member(&claims->walk, 0, path);
    if (whole != CG_NODE_NONE) {
        return whole;
    }
    uint32_t node = 0;
    const char *at = path;
    do {
        step_t step;
        if (!read_step(&at, at == path, &step)) {
            return CG_NODE_NONE;
        }
        node = follow(claims, node, &step, pool);
    } while (*at && node != CG_NODE_NONE);
    return node;
}

/* ---- values --------------------------------------------------------------- */

static const char *text_of(const cg_walk_t *walk, uint32_t node,
                           apr_pool_t *pool)
{
    switch (walk->nodes[node].kind) {
    case CG_NODE_STRING:
        return cg_str_dup(cg_walk_string(walk, node, pool), pool);
    case CG_NODE_NUMBER:
    case CG_NODE_TRUE:
    case CG_NODE_FALSE:
        return cg_str_dup(cg_walk_raw(walk, node), pool);
    default:
        return NULL;
    }
}

const char *cg_claims_text(const cg_claims_t *claims, const char *path,
                           apr_pool_t *pool)
{
    uint32_t node = find(claims, path, pool);
    return node == CG_NODE_NONE ? NULL : text_of(&claims->walk, node, pool);
}

static void add(apr_array_header_t *list, const char *text)
{
    if (text && *text && list->nelts < CG_CLAIMS_LIST_MAX) {
        APR_ARRAY_PUSH(list, const char *) = text;
    }
}

static bool is_scope(const cg_walk_t *walk, uint32_t node)
{
    return cg_walk_key_is(walk, node, "scope") ||
           cg_walk_key_is(walk, node, "scp");
}

static void add_words(apr_array_header_t *list, const char *text)
{
    char *last;
    char *copy = apr_pstrdup(list->pool, text);
    for (char *word = apr_strtok(copy, " ", &last); word;
         word = apr_strtok(NULL, " ", &last)) {
        add(list, word);
    }
}

apr_array_header_t *cg_claims_list(const cg_claims_t *claims, const char *path,
                                   apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 8, sizeof(char *));
    uint32_t node = find(claims, path, pool);
    if (node == CG_NODE_NONE) {
        return list;
    }
    const cg_walk_t *walk = &claims->walk;
    if (walk->nodes[node].kind != CG_NODE_ARRAY) {
        const char *text = text_of(walk, node, pool);
        if (text && is_scope(walk, node)) {
            add_words(list, text);
        }
        else {
            add(list, text);
        }
        return list;
    }
    uint32_t at = walk->nodes[node].child;
    for (; at != CG_NODE_NONE; at = walk->nodes[at].next) {
        add(list, text_of(walk, at, pool));
    }
    return list;
}

bool cg_claims_has(const cg_claims_t *claims, const char *path,
                   const char *value, apr_pool_t *pool)
{
    apr_array_header_t *list = cg_claims_list(claims, path, pool);
    for (int i = 0; i < list->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(list, i, const char *), value) == 0) {
            return true;
        }
    }
    return false;
}
