/* Signed envelopes in the compact form of RFC 7515: frame, header, signature.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/jws.h"

#include <string.h>

#include "base/walk.h"

/* ---- the frame -------------------------------------------------------------- */

typedef struct parts_t {
    cg_str_t header, payload, sig;
} parts_t;

/* A fourth part is found in the third, which then is no base64url. */
static bool split(cg_str_t token, parts_t *out)
{
    const char *end = token.ptr + token.len;
    const char *first = token.len ? memchr(token.ptr, '.', token.len) : NULL;
    const char *second =
        first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    if (!second) {
        return false;
    }
    out->header = (cg_str_t){token.ptr, (size_t)(first - token.ptr)};
    out->payload = (cg_str_t){first + 1, (size_t)(second - first - 1)};
    out->sig = (cg_str_t){second + 1, (size_t)(end - second - 1)};
    return out->header.len && out->sig.len &&
           !memchr(out->sig.ptr, '.', out->sig.len);
}

static bool decode(cg_str_t part, cg_str_t *out, apr_pool_t *pool)
{
    unsigned char *bytes = apr_palloc(pool, part.len + 1);
    out->ptr = (const char *)bytes;
    return cg_b64url_decode(part.ptr, part.len, bytes, &out->len);
}

bool cg_jws_payload(cg_str_t token, cg_str_t *out, apr_pool_t *pool)
{
    parts_t parts;
    return split(token, &parts) && decode(parts.payload, out, pool);
}

/* ---- the header ------------------------------------------------------------- */

/* Of these each would let the token say how it is to be verified, or be more than
 * a signed text (RFC 8725 section 3.10, RFC 7515 section 4.1.11, RFC 7797). */
static const char *const refused[] = {"crit", "jwk", "jku", "x5u", "x5c",
                                      "zip",  "cty", "enc", "b64"};

/* Media types are compared without case (RFC 7515 section 4.1.9). */
static const char *const types[] = {"JWT", "at+jwt", "application/jwt",
                                    "application/at+jwt"};

static cg_jwt_rule_t read_alg(const cg_walk_t *walk, cg_jws_t *out,
                              apr_pool_t *pool)
{
    uint32_t at = cg_walk_member(walk, 0, "alg");
    bool is_known = at != CG_NODE_NONE &&
                    walk->nodes[at].kind == CG_NODE_STRING &&
                    cg_sig_alg_find(cg_walk_string(walk, at, pool), &out->alg);
    return is_known ? CG_RULE_NONE : CG_RULE_ALG;
}

static cg_jwt_rule_t check_members(const cg_walk_t *walk)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (cg_walk_member(walk, 0, refused[i]) != CG_NODE_NONE) {
            return CG_RULE_MEMBER;
        }
    }
    return CG_RULE_NONE;
}

static cg_jwt_rule_t check_typ(const cg_walk_t *walk, apr_pool_t *pool)
{
    uint32_t at = cg_walk_member(walk, 0, "typ");
    if (at == CG_NODE_NONE) {
        return CG_RULE_NONE;
    }
    /* Of another kind than a string this is empty, and no type. */
    cg_str_t typ = cg_walk_string(walk, at, pool);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (cg_str_is_nocase(typ, types[i])) {
            return CG_RULE_NONE;
        }
    }
    return CG_RULE_TYP;
}

static cg_jwt_rule_t read_kid(const cg_walk_t *walk, cg_jws_t *out,
                              apr_pool_t *pool)
{
    uint32_t at = cg_walk_member(walk, 0, "kid");
    out->kid = (cg_str_t){NULL, 0};
    if (at == CG_NODE_NONE) {
        return CG_RULE_NONE;
    }
    if (walk->nodes[at].kind == CG_NODE_STRING) {
        out->kid = cg_walk_string(walk, at, pool);
    }
    return out->kid.len ? CG_RULE_NONE : CG_RULE_KID;
}

static cg_jwt_rule_t read_header(cg_str_t json, cg_jws_t *out, apr_pool_t *pool)
{
    cg_walk_t walk;
    cg_error_t unused;
    if (cg_walk(json.ptr, json.len, &walk, &unused, pool) != CG_WALK_OK ||
        walk.nodes[0].kind != CG_NODE_OBJECT) {
        return CG_RULE_HEADER;
    }
    cg_jwt_rule_t rule = read_alg(&walk, out, pool);
    rule = rule ? rule : check_members(&walk);
    rule = rule ? rule : check_typ(&walk, pool);
    return rule ? rule : read_kid(&walk, out, pool);
}

/* ---- all of it -------------------------------------------------------------- */

cg_jwt_rule_t cg_jws_read(cg_str_t token, cg_jws_t *out, apr_pool_t *pool)
{
    parts_t parts;
    cg_str_t header;
    if (!split(token, &parts)) {
        return CG_RULE_PARTS;
    }
    if (!decode(parts.header, &header, pool) ||
        !decode(parts.payload, &out->payload, pool) ||
        !decode(parts.sig, &out->sig, pool)) {
        return CG_RULE_CODING;
    }
    out->covered =
        (cg_str_t){token.ptr, (size_t)(parts.sig.ptr - token.ptr) - 1};
    return read_header(header, out, pool);
}

cg_jwt_rule_t cg_jws_verify(const cg_jws_t *jws, const cg_jwk_set_t *set)
{
    static const cg_jwt_rule_t rules[] = {[CG_JWK_FOUND] = CG_RULE_NONE,
                                          [CG_JWK_UNNAMED] = CG_RULE_UNNAMED,
                                          [CG_JWK_UNKNOWN] = CG_RULE_UNKNOWN,
                                          [CG_JWK_OTHER_ALG] = CG_RULE_KEY_ALG};
    const cg_jwk_t *key;
    cg_jwk_found_t found = cg_jwk_find(set, jws->kid, jws->alg, &key);
    if (found != CG_JWK_FOUND) {
        return rules[found];
    }
    return cg_pkey_verify(key->key, jws->alg, jws->covered, jws->sig)
               ? CG_RULE_NONE
               : CG_RULE_SIGNATURE;
}
