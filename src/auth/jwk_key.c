/* One key of a set, as RFC 7517 and 7518 write it: may it verify, and what?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/jwk_int.h"

#include <apr_strings.h>

#include "base/digest.h"

#define KID_BYTES_MAX 512

/* ---- members ------------------------------------------------------------ */

bool cg_jwk_string(const cg_jwk_reading_t *in, const char *name, cg_str_t *out)
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
static bool read_bytes(const cg_jwk_reading_t *in, const char *name,
                       cg_str_t *out)
{
    cg_str_t text;
    if (!cg_jwk_string(in, name, &text) || text.len == 0) {
        return false;
    }
    unsigned char *bytes = apr_palloc(in->pool, text.len);
    out->ptr = (const char *)bytes;
    return cg_b64url_decode(text.ptr, text.len, bytes, &out->len);
}

/* RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1: one of them is enough to tell that
 * more was written than others may see. */
static bool is_private(const cg_jwk_reading_t *in)
{
    static const char *const secrets[] = {"d",  "p",  "q",   "dp",
                                          "dq", "qi", "oth", "k"};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (cg_walk_member(in->walk, in->object, secrets[i]) != CG_NODE_NONE) {
            return true;
        }
    }
    return false;
}

/* ---- what a key is for ---------------------------------------------------- */

static bool may_verify(const cg_jwk_reading_t *in)
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

const char *cg_jwk_use_fault(const cg_jwk_reading_t *in)
{
    cg_str_t use;
    if (!cg_jwk_string(in, "use", &use) ||
        (use.ptr && !cg_str_is(use, "sig"))) {
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

bool cg_jwk_choose_alg(const cg_sig_alg_t *algs, const cg_pkey_t *key,
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
static const char *pin(const cg_jwk_reading_t *in, const cg_pkey_t *key,
                       cg_sig_alg_t *out)
{
    cg_str_t name;
    if (!cg_jwk_string(in, "alg", &name)) {
        return "its alg is no string";
    }
    if (!name.ptr) {
        return cg_jwk_choose_alg(in->algs, key, out)
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

static cg_pkey_t *make_rsa(const cg_jwk_reading_t *in, cg_error_t *err)
{
    cg_str_t n, e;
    if (!read_bytes(in, "n", &n) || !read_bytes(in, "e", &e)) {
        cg_error_set(err, "n or e is missing or no base64url");
        return NULL;
    }
    return cg_pkey_from_rsa(n, e, err, in->pool);
}

static cg_pkey_t *make_ec(const cg_jwk_reading_t *in, cg_error_t *err)
{
    cg_str_t crv, x, y;
    if (!cg_jwk_string(in, "crv", &crv) || !crv.ptr ||
        !read_bytes(in, "x", &x) || !read_bytes(in, "y", &y)) {
        cg_error_set(err, "crv, x or y is missing or no base64url");
        return NULL;
    }
    return cg_pkey_from_ec(crv, x, y, err, in->pool);
}

static cg_pkey_t *make_okp(const cg_jwk_reading_t *in, cg_error_t *err)
{
    cg_str_t crv, x;
    if (!cg_jwk_string(in, "crv", &crv) || !crv.ptr ||
        !read_bytes(in, "x", &x)) {
        cg_error_set(err, "crv or x is missing or no base64url");
        return NULL;
    }
    return cg_pkey_from_okp(crv, x, err, in->pool);
}

static cg_pkey_t *make_oct(const cg_jwk_reading_t *in, cg_error_t *err)
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

static cg_pkey_t *make_key(const cg_jwk_reading_t *in, cg_error_t *err)
{
    static const struct {
        const char *kty;
        cg_jwk_from_t from;
        cg_pkey_t *(*make)(const cg_jwk_reading_t *, cg_error_t *);
    } kinds[] = {{"RSA", CG_JWK_PUBLIC, make_rsa},
                 {"EC", CG_JWK_PUBLIC, make_ec},
                 {"OKP", CG_JWK_PUBLIC, make_okp},
                 {"oct", CG_JWK_SECRET, make_oct}};
    cg_str_t kty;
    if (!cg_jwk_string(in, "kty", &kty) || !kty.ptr) {
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

bool cg_jwk_read(const cg_jwk_reading_t *in, cg_jwk_t *out, cg_error_t *err)
{
    const char *fault = cg_jwk_use_fault(in);
    if (!fault && (!cg_jwk_string(in, "kid", &out->kid) ||
                   (out->kid.ptr &&
                    (out->kid.len == 0 || out->kid.len > KID_BYTES_MAX)))) {
        fault = "its kid is no string of 1 to 512 bytes";
    }
    if (!fault && in->from == CG_JWK_PUBLIC && is_private(in)) {
        fault = "it has a private or secret part, which nobody else should "
                "see";
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
