/* Sets of keys as RFC 7517 writes them: which of them may verify, and what.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/jwk.h"

#include <string.h>

#include <apr_strings.h>

#include "base/digest.h"
#include "base/walk.h"

#define KID_BYTES_MAX 512

/* One key of a set that is being read. lives in: the stack of read_key */
typedef struct reading_t {
    const cg_walk_t *walk;
    uint32_t object;
    cg_jwk_from_t from;
    const cg_sig_alg_t *algs;
    apr_pool_t *pool;
} reading_t;

/* ---- members ------------------------------------------------------------ */

/* False: it is there and no string. out->ptr is NULL when it is not there. */
static bool read_string(const reading_t *in, const char *name, cg_str_t *out)
{
    uint32_t at = cg_walk_member(in->walk, in->object, name);
    *out = (cg_str_t){NULL, 0};
    if (at == CG_NODE_NONE) {
        return true;
    }
    if (in->walk->nodes[at].kind != CG_NODE_STRING) {
        return false;
    }
    *out = cg_walk_string(in->walk, at, in->pool);
    return true;
}

/* Bytes in base64url; false if it is not there or not so spelled. */
static bool read_bytes(const reading_t *in, const char *name, cg_str_t *out)
{
    cg_str_t text;
    if (!read_string(in, name, &text) || text.len == 0) {
        return false;
    }
    unsigned char *bytes = apr_palloc(in->pool, text.len);
    out->ptr = (const char *)bytes;
    return cg_b64url_decode(text.ptr, text.len, bytes, &out->len);
}

static bool has_member(const reading_t *in, const char *name)
{
    return cg_walk_member(in->walk, in->object, name) != CG_NODE_NONE;
}

/* ---- what a key is for ---------------------------------------------------- */

static bool may_verify(const reading_t *in)
{
    uint32_t ops = cg_walk_member(in->walk, in->object, "key_ops");
    if (ops == CG_NODE_NONE) {
        return true;
    }
    if (in->walk->nodes[ops].kind != CG_NODE_ARRAY) {
        return false;
    }
    uint32_t at = in->walk->nodes[ops].child;
    for (; at != CG_NODE_NONE; at = in->walk->nodes[at].next) {
        if (cg_str_is(cg_walk_string(in->walk, at, in->pool), "verify")) {
            return true;
        }
    }
    return false;
}

static const char *use_fault(const reading_t *in)
{
    cg_str_t use;
    if (!read_string(in, "use", &use) || (use.ptr && !cg_str_is(use, "sig"))) {
        return "its use is not sig";
    }
    return may_verify(in) ? NULL : "its key_ops do not hold verify";
}

static bool is_allowed(const cg_sig_alg_t *algs, cg_sig_alg_t alg)
{
    for (; *algs != CG_SIG_NONE; algs++) {
        if (*algs == alg) {
            return true;
        }
    }
    return false;
}

static bool choose_alg(const cg_sig_alg_t *algs, const cg_pkey_t *key,
                       cg_sig_alg_t *out)
{
    for (; *algs != CG_SIG_NONE; algs++) {
        if (cg_pkey_fits(key, *algs)) {
            *out = *algs;
            return true;
        }
    }
    return false;
}

/* Examples of RFC 7520 and who copied them call ES512, on P-521, ES521. */
static bool find_alg(cg_str_t name, cg_sig_alg_t *out)
{
    if (cg_str_is(name, "ES521")) {
        *out = CG_SIG_ES512;
        return true;
    }
    return cg_sig_alg_find(name, out);
}

/* The one algorithm of a key; words if it has none that may be used. */
static const char *pin(const reading_t *in, const cg_pkey_t *key,
                       cg_sig_alg_t *out)
{
    cg_str_t name;
    if (!read_string(in, "alg", &name)) {
        return "its alg is no string";
    }
    if (!name.ptr) {
        return choose_alg(in->algs, key, out)
                   ? NULL
                   : "it fits none of the issuer's algorithms";
    }
    if (!find_alg(name, out) || !cg_pkey_fits(key, *out)) {
        return "its alg is unknown or does not fit it";
    }
    return is_allowed(in->algs, *out) ? NULL
                                      : "its alg is none of the issuer's";
}

/* ---- one key -------------------------------------------------------------- */

static cg_pkey_t *make_rsa(const reading_t *in, cg_error_t *err)
{
    cg_str_t n, e;
    if (!read_bytes(in, "n", &n) || !read_bytes(in, "e", &e)) {
        cg_error_set(err, "n or e is missing or no base64url");
        return NULL;
    }
    return cg_pkey_from_rsa(n, e, err, in->pool);
}

static cg_pkey_t *make_ec(const reading_t *in, cg_error_t *err)
{
    cg_str_t crv, x, y;
    if (!read_string(in, "crv", &crv) || !crv.ptr || !read_bytes(in, "x", &x) ||
        !read_bytes(in, "y", &y)) {
        cg_error_set(err, "crv, x or y is missing or no base64url");
        return NULL;
    }
    return cg_pkey_from_ec(crv, x, y, err, in->pool);
}

static cg_pkey_t *make_okp(const reading_t *in, cg_error_t *err)
{
    cg_str_t crv, x;
    if (!read_string(in, "crv", &crv) || !crv.ptr || !read_bytes(in, "x", &x)) {
        cg_error_set(err, "crv or x is missing or no base64url");
        return NULL;
    }
    return cg_pkey_from_okp(crv, x, err, in->pool);
}

static cg_pkey_t *make_oct(const reading_t *in, cg_error_t *err)
{
    cg_str_t k;
    if (!read_bytes(in, "k", &k)) {
        cg_error_set(err, "k is missing or no base64url");
        return NULL;
    }
    cg_pkey_t *key = cg_pkey_from_secret(k, err, in->pool);
    cg_wipe((void *)(uintptr_t)k.ptr, k.len);
    return key;
}

static cg_pkey_t *make_key(const reading_t *in, cg_error_t *err)
{
    static const struct {
        const char *kty;
        cg_jwk_from_t from;
        cg_pkey_t *(*make)(const reading_t *, cg_error_t *);
    } kinds[] = {{"RSA", CG_JWK_PUBLIC, make_rsa},
                 {"EC", CG_JWK_PUBLIC, make_ec},
                 {"OKP", CG_JWK_PUBLIC, make_okp},
                 {"oct", CG_JWK_SECRET, make_oct}};
    cg_str_t kty;
    if (!read_string(in, "kty", &kty) || !kty.ptr) {
        cg_error_set(err, "it has no kty");
        return NULL;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (cg_str_is(kty, kinds[i].kty) && kinds[i].from == in->from) {
            return kinds[i].make(in, err);
        }
    }
    cg_error_set(err, "a key of its kty is not used here");
    return NULL;
}

static bool read_key(const reading_t *in, cg_jwk_t *out, cg_error_t *err)
{
    const char *fault = use_fault(in);
    if (!fault && (!read_string(in, "kid", &out->kid) ||
                   (out->kid.ptr &&
                    (out->kid.len == 0 || out->kid.len > KID_BYTES_MAX)))) {
        fault = "its kid is no string of 1 to 512 bytes";
    }
    if (!fault && in->from == CG_JWK_PUBLIC && has_member(in, "d")) {
        fault = "it is a private key, which nobody else should see";
    }
    if (fault) {
        cg_error_set(err, "%s", fault);
        return false;
    }
    cg_pkey_t *key = make_key(in, err);
    if (!key) {
        return false;
    }
    fault = pin(in, key, &out->alg);
    if (fault) {
        cg_error_set(err, "%s", fault);
        return false;
    }
    out->key = key;
    out->kid.ptr = out->kid.ptr ? cg_str_dup(out->kid, in->pool) : NULL;
    return true;
}

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
        reading_t in = {.walk = walk, .object = at, .pool = pool};
        if (walk->nodes[at].kind == CG_NODE_OBJECT && !use_fault(&in)) {
            is_seen[is_secret_key(walk, at, pool)] = true;
        }
    }
    return is_seen[0] && is_seen[1];
}

/* Is there another key for signatures of its kind and name, even one that is left
 * out? Then nobody can say which was meant. */
static bool has_twin(const reading_t *in, uint32_t first)
{
    cg_str_t kid, kty;
    read_string(in, "kid", &kid);
    read_string(in, "kty", &kty);
    for (uint32_t at = first; at != CG_NODE_NONE;
         at = in->walk->nodes[at].next) {
        reading_t other = *in;
        cg_str_t other_kid, other_kty;
        other.object = at;
        if (at != in->object && in->walk->nodes[at].kind == CG_NODE_OBJECT &&
            !use_fault(&other) && read_string(&other, "kid", &other_kid) &&
            read_string(&other, "kty", &other_kty) && kid.ptr &&
            other_kid.ptr && cg_str_equal(kid, other_kid) &&
            cg_str_equal(kty, other_kty)) {
            return true;
        }
    }
    return false;
}

static void add_key(cg_jwk_set_t *set, const reading_t *in, uint32_t first)
{
    cg_error_t why = {"it is no object"};
    bool is_object = in->walk->nodes[in->object].kind == CG_NODE_OBJECT;
    if (is_object && has_twin(in, first)) {
        cg_error_set(&why, "its kid stands twice");
    }
    else if (is_object && read_key(in, &set->keys[set->count], &why)) {
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

static cg_jwk_set_t *read_json(cg_str_t text, cg_jwk_from_t from,
                               const cg_sig_alg_t *algs, cg_error_t *err,
                               apr_pool_t *pool)
{
    cg_walk_t walk;
    cg_error_t why;
    uint32_t first;
    size_t count;
    if (cg_walk(text.ptr, text.len, &walk, &why, pool) != CG_WALK_OK) {
        cg_error_set(err, "the set of keys is no sound JSON: %s", why.text);
        return NULL;
    }
    if (!find_first(&walk, &first, &count) || count > CG_JWK_KEYS_MAX) {
        cg_error_set(err,
                     "this is no set of keys; legal: {\"keys\": [...]} of at "
                     "most %d, or one key",
                     CG_JWK_KEYS_MAX);
        return NULL;
    }
    if (is_mixed(&walk, first, pool)) {
        cg_error_set(err, "the set has secrets (oct) beside public keys, so "
                          "none of them is used");
        return NULL;
    }
    cg_jwk_set_t *set = apr_pcalloc(pool, sizeof *set);
    set->keys = apr_pcalloc(pool, (count + 1) * sizeof *set->keys);
    for (uint32_t at = first; at != CG_NODE_NONE; at = walk.nodes[at].next) {
        reading_t in = {&walk, at, from, algs, pool};
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

static cg_jwk_set_t *set_of_one(cg_pkey_t *key, const cg_sig_alg_t *algs,
                                cg_error_t *err, apr_pool_t *pool)
{
    cg_jwk_set_t *set = apr_pcalloc(pool, sizeof *set);
    set->keys = apr_pcalloc(pool, sizeof *set->keys);
    if (!choose_alg(algs, key, &set->keys->alg)) {
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
