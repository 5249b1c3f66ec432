/* Sets of keys as RFC 7517 writes them: which of them may verify, and what.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/jwk_int.h"

#include <apr_strings.h>

/* ---- the set -------------------------------------------------------------- */

static bool is_secret_key(const cg_walk_t *walk, uint32_t key, apr_pool_t *pool)
{
    uint32_t kty = cg_walk_member(walk, key, "kty");
    return kty != CG_NODE_NONE &&
           cg_str_is(cg_walk_string(walk, kty, pool), "oct");
}

static bool is_mixed(const cg_walk_t *walk, uint32_t first, apr_pool_t *pool)
{
    bool is_seen[2] = {false, false};
    for (uint32_t at = first; at != CG_NODE_NONE; at = walk->nodes[at].next) {
        cg_jwk_reading_t in = {.walk = walk, .object = at, .pool = pool};
        if (walk->nodes[at].kind == CG_NODE_OBJECT && !cg_jwk_use_fault(&in)) {
            is_seen[is_secret_key(walk, at, pool)] = true;
        }
    }
    return is_seen[0] && is_seen[1];
}

/* Is there another key for signatures of its kind and name, even one that is left
 * out? Then nobody can say which was meant. */
static bool has_twin(const cg_jwk_reading_t *in, uint32_t first)
{
    cg_str_t kid, kty;
    cg_jwk_string(in, "kid", &kid);
    cg_jwk_string(in, "kty", &kty);
    for (uint32_t at = first; at != CG_NODE_NONE;
         at = in->walk->nodes[at].next) {
        cg_jwk_reading_t other = *in;
        cg_str_t other_kid, other_kty;
        other.object = at;
        if (at != in->object && in->walk->nodes[at].kind == CG_NODE_OBJECT &&
            !cg_jwk_use_fault(&other) &&
            cg_jwk_string(&other, "kid", &other_kid) &&
            cg_jwk_string(&other, "kty", &other_kty) && kid.ptr &&
            other_kid.ptr && cg_str_equal(kid, other_kid) &&
            cg_str_equal(kty, other_kty)) {
            return true;
        }
    }
    return false;
}

static void add_key(cg_jwk_set_t *set, const cg_jwk_reading_t *in,
                    uint32_t first)
{
    cg_error_t why = {"it is no object"};
    bool is_object = in->walk->nodes[in->object].kind == CG_NODE_OBJECT;
    if (is_object && has_twin(in, first)) {
        cg_error_set(&why, "its kid stands twice");
    }
    else if (is_object && cg_jwk_read(in, &set->keys[set->count], &why)) {
        set->count++;
        return;
    }
    if (set->left_out++ == 0) {
        set->left_out_why = apr_pstrdup(in->pool, why.text);
    }
}

/* The first key of a set, or the document itself when it is a key. */
static bool find_first(const cg_walk_t *walk, uint32_t *out, size_t *out_count)
{
    if (walk->nodes[0].kind != CG_NODE_OBJECT) {
        return false;
    }
    uint32_t keys = cg_walk_member(walk, 0, "keys");
    if (keys == CG_NODE_NONE) {
        *out = 0;
        *out_count = 1;
        return cg_walk_member(walk, 0, "kty") != CG_NODE_NONE;
    }
    *out = walk->nodes[keys].child;
    *out_count = cg_walk_length(walk, keys);
    return walk->nodes[keys].kind == CG_NODE_ARRAY;
}

/* The document as a sound set, whatever its keys are worth. */
static bool open_set(cg_str_t text, cg_walk_t *walk, uint32_t *out_first,
                     size_t *out_count, cg_error_t *err, apr_pool_t *pool)
{
    cg_error_t why;
    if (cg_walk(text.ptr, text.len, walk, &why, pool) != CG_WALK_OK) {
        cg_error_set(err, "the set of keys is no sound JSON: %s", why.text);
        return false;
    }
    if (!find_first(walk, out_first, out_count) ||
        *out_count > CG_JWK_KEYS_MAX) {
        cg_error_set(err,
                     "this is no set of keys; legal: {\"keys\": [...]} of at "
                     "most %d, or one key",
                     CG_JWK_KEYS_MAX);
        return false;
    }
    if (is_mixed(walk, *out_first, pool)) {
        cg_error_set(err, "the set has secrets (oct) beside public keys, so "
                          "none of them is used");
        return false;
    }
    return true;
}

static cg_jwk_set_t *read_json(cg_str_t text, cg_jwk_from_t from,
                               const cg_sig_alg_t *algs, cg_error_t *err,
                               apr_pool_t *pool)
{
    cg_walk_t walk;
    uint32_t first;
    size_t count;
    if (!open_set(text, &walk, &first, &count, err, pool)) {
        return NULL;
    }
    cg_jwk_set_t *set = apr_pcalloc(pool, sizeof *set);
    set->keys = apr_pcalloc(pool, (count + 1) * sizeof *set->keys);
    for (uint32_t at = first; at != CG_NODE_NONE; at = walk.nodes[at].next) {
        cg_jwk_reading_t in = {&walk, at, from, algs, pool};
        add_key(set, &in, first);
    }
    if (set->count == 0) {
        cg_error_set(err, "there is no key in it that can be used%s%s",
                     set->left_out ? "; the first: " : "",
                     set->left_out ? set->left_out_why : "");
        return NULL;
    }
    return set;
}

bool cg_jwk_is_set(cg_str_t text, apr_pool_t *pool)
{
    cg_walk_t walk;
    cg_error_t unused;
    uint32_t first;
    size_t count;
    return text.len <= CG_JWK_SET_BYTES_MAX &&
           open_set(text, &walk, &first, &count, &unused, pool);
}

static cg_jwk_set_t *set_of_one(cg_pkey_t *key, const cg_sig_alg_t *algs,
                                cg_error_t *err, apr_pool_t *pool)
{
    cg_jwk_set_t *set = apr_pcalloc(pool, sizeof *set);
    set->keys = apr_pcalloc(pool, sizeof *set->keys);
    if (!cg_jwk_choose_alg(algs, key, &set->keys->alg)) {
        cg_error_set(err, "the key fits none of the issuer's algorithms");
        return NULL;
    }
    set->keys->key = key;
    set->count = 1;
    return set;
}

cg_jwk_set_t *cg_jwk_set_of_secret(cg_str_t bytes, const cg_sig_alg_t *algs,
                                   cg_error_t *err, apr_pool_t *pool)
{
    cg_pkey_t *key = cg_pkey_from_secret(bytes, err, pool);
    return key ? set_of_one(key, algs, err, pool) : NULL;
}

static cg_jwk_set_t *read_pem(cg_str_t text, const cg_sig_alg_t *algs,
                              cg_error_t *err, apr_pool_t *pool)
{
    cg_pkey_t *key = cg_pkey_from_pem(text, err, pool);
    if (key && cg_pkey_is_private(key)) {
        cg_error_set(err, "this is a private key; to verify, the public one is "
                          "enough");
        return NULL;
    }
    return key ? set_of_one(key, algs, err, pool) : NULL;
}

cg_jwk_set_t *cg_jwk_set_read(cg_str_t text, cg_jwk_from_t from,
                              const cg_sig_alg_t *algs, cg_error_t *err,
                              apr_pool_t *pool)
{
    if (text.len == 0 || text.len > CG_JWK_SET_BYTES_MAX) {
        cg_error_set(err, "a set of keys has 1 to %d bytes",
                     CG_JWK_SET_BYTES_MAX);
        return NULL;
    }
    if (from == CG_JWK_PUBLIC && cg_str_has_prefix(text, "-----BEGIN ")) {
        return read_pem(text, algs, err, pool);
    }
    return read_json(text, from, algs, err, pool);
}

/* ---- the key of a token --------------------------------------------------- */

cg_jwk_found_t cg_jwk_find(const cg_jwk_set_t *set, cg_str_t kid,
                           cg_sig_alg_t alg, const cg_jwk_t **out)
{
    size_t named = 0;
    size_t fit = 0;
    bool is_only = set->count == 1;
    if (!kid.ptr && !is_only) {
        return CG_JWK_UNNAMED;
    }
    for (size_t i = 0; i < set->count; i++) {
        const cg_jwk_t *key = &set->keys[i];
        /* A key without a name is meant only when there is no other. */
        bool is_meant =
            kid.ptr && key->kid.ptr ? cg_str_equal(kid, key->kid) : is_only;
        named += is_meant;
        if (is_meant && key->alg == alg) {
            *out = key;
            fit++;
        }
    }
    if (named == 0) {
        return CG_JWK_UNKNOWN;
    }
    return fit == 1 ? CG_JWK_FOUND : CG_JWK_OTHER_ALG;
}
