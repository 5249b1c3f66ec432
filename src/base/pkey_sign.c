/* Keys that sign and verify: the algorithms, and signatures as JOSE writes them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/pkey_int.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "base/digest.h"

#define DER_MAX 160 /* of an ECDSA signature over P-521 */

typedef enum family_t {
    NO_FAMILY,
    HMAC_SHA,
    PKCS1,
    PSS,
    ECDSA,
    EDDSA
} family_t;

typedef struct alg_t {
    const char *name;
    family_t family;
    cg_pkey_kind_t kind;
    const EVP_MD *(*digest)(void);
    size_t digest_bytes;
} alg_t;

// clang-format off
static const alg_t algs[CG_SIG_COUNT] = {
    [CG_SIG_NONE]  = {"",      NO_FAMILY, CG_PKEY_OCT,     NULL,        0},
    [CG_SIG_HS256] = {"HS256", HMAC_SHA,  CG_PKEY_OCT,     EVP_sha256, 32},
    [CG_SIG_HS384] = {"HS384", HMAC_SHA,  CG_PKEY_OCT,     EVP_sha384, 48},
    [CG_SIG_HS512] = {"HS512", HMAC_SHA,  CG_PKEY_OCT,     EVP_sha512, 64},
    [CG_SIG_RS256] = {"RS256", PKCS1,     CG_PKEY_RSA,     EVP_sha256, 32},
    [CG_SIG_RS384] = {"RS384", PKCS1,     CG_PKEY_RSA,     EVP_sha384, 48},
    [CG_SIG_RS512] = {"RS512", PKCS1,     CG_PKEY_RSA,     EVP_sha512, 64},
    [CG_SIG_PS256] = {"PS256", PSS,       CG_PKEY_RSA,     EVP_sha256, 32},
    [CG_SIG_PS384] = {"PS384", PSS,       CG_PKEY_RSA,     EVP_sha384, 48},
    [CG_SIG_PS512] = {"PS512", PSS,       CG_PKEY_RSA,     EVP_sha512, 64},
    [CG_SIG_ES256] = {"ES256", ECDSA,     CG_PKEY_P256,    EVP_sha256, 32},
    [CG_SIG_ES384] = {"ES384", ECDSA,     CG_PKEY_P384,    EVP_sha384, 48},
    [CG_SIG_ES512] = {"ES512", ECDSA,     CG_PKEY_P521,    EVP_sha512, 64},
    [CG_SIG_EDDSA] = {"EdDSA", EDDSA,     CG_PKEY_ED25519, NULL,        0},
};
// clang-format on

const char *cg_sig_alg_name(cg_sig_alg_t alg)
{
    return alg < CG_SIG_COUNT ? algs[alg].name : "";
}

bool cg_sig_alg_find(cg_str_t name, cg_sig_alg_t *out)
{
    for (int i = CG_SIG_NONE + 1; i < CG_SIG_COUNT; i++) {
        if (cg_str_is(name, algs[i].name)) {
            *out = (cg_sig_alg_t)i;
            return true;
        }
    }
    return false;
}

bool cg_sig_alg_is_hmac(cg_sig_alg_t alg)
{
    return alg < CG_SIG_COUNT && algs[alg].family == HMAC_SHA;
}

bool cg_pkey_fits(const cg_pkey_t *key, cg_sig_alg_t alg)
{
    if (alg == CG_SIG_NONE || alg >= CG_SIG_COUNT) {
        return false;
    }
    const alg_t *row = &algs[alg];
    if (row->family == HMAC_SHA) {
        return key->kind == CG_PKEY_OCT && key->bytes >= row->digest_bytes;
    }
    return key->kind == row->kind ||
           (key->kind == CG_PKEY_RSA_PSS && row->family == PSS);
}

/* ---- HMAC ------------------------------------------------------------- */

static bool mac(const cg_pkey_t *key, const alg_t *alg, cg_str_t data,
                unsigned char out[EVP_MAX_MD_SIZE])
{
    cg_str_t secret = cg_secret_open(key->secret);
    return HMAC(alg->digest(), secret.ptr, (int)secret.len,
                (const unsigned char *)data.ptr, data.len, out, NULL) != NULL;
}

static bool verify_mac(const cg_pkey_t *key, const alg_t *alg, cg_str_t data,
                       cg_str_t sig)
{
    unsigned char right[EVP_MAX_MD_SIZE];
    bool is_right = sig.len == alg->digest_bytes &&
                    mac(key, alg, data, right) &&
                    cg_is_equal_secret(right, sig.ptr, sig.len);
    cg_wipe(right, sizeof right);
    return is_right;
}

/* ---- ECDSA: r and s in a row, RFC 7518 section 3.4 ---------------------- */

/* Returns the length of the DER; 0: no signature of that width. That r and s are
 * in range is libcrypto's to check. */
static size_t to_der(cg_str_t sig, size_t width, unsigned char out[DER_MAX])
{
    if (sig.len != 2 * width) {
        return 0;
    }
    const unsigned char *bytes = (const unsigned char *)sig.ptr;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes, (int)width, NULL);
    BIGNUM *s = BN_bin2bn(bytes + width, (int)width, NULL);
    int len = 0;
    if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = NULL;
        s = NULL;
        len = i2d_ECDSA_SIG(pair, &out);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return len > 0 ? (size_t)len : 0;
}

static bool from_der(const unsigned char *der, size_t len, size_t width,
                     unsigned char *out)
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
    bool is_done =
        pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, (int)width) > 0 &&
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + width, (int)width) > 0;
    ECDSA_SIG_free(pair);
    return is_done;
}

/* ---- RSA, ECDSA, Ed25519 ---------------------------------------------- */

/* PSS is given its salt and mask as RFC 7518 section 3.5 has them: another salt
 * is another algorithm. */
static bool set_padding(EVP_PKEY_CTX *ctx, const alg_t *alg,
                        const EVP_MD *digest)
{
    if (alg->family == PSS) {
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, digest) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) ==
                   1;
    }
    return alg->family != PKCS1 ||
           EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
}

static bool verify_evp(const cg_pkey_t *key, const alg_t *alg, cg_str_t data,
                       const unsigned char *sig, size_t sig_len)
{
    EVP_PKEY_CTX *how = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *digest = alg->digest ? alg->digest() : NULL;
    bool is_right =
        ctx && EVP_DigestVerifyInit(ctx, &how, digest, NULL, key->evp) == 1 &&
        set_padding(how, alg, digest) &&
        EVP_DigestVerify(ctx, sig, sig_len, (const unsigned char *)data.ptr,
                         data.len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error(); /* httpd would log what stays there as its own */
    return is_right;
}

bool cg_pkey_verify(const cg_pkey_t *key, cg_sig_alg_t alg, cg_str_t data,
                    cg_str_t sig)
{
    if (!cg_pkey_fits(key, alg)) {
        return false;
    }
    const alg_t *row = &algs[alg];
    if (row->family == HMAC_SHA) {
        return verify_mac(key, row, data, sig);
    }
    if (row->family == ECDSA) {
        unsigned char der[DER_MAX];
        size_t len = to_der(sig, key->bytes, der);
        return len && verify_evp(key, row, data, der, len);
    }
    size_t width = row->family == EDDSA ? 64 : key->bytes;
    return sig.len == width &&
           verify_evp(key, row, data, (const unsigned char *)sig.ptr, sig.len);
}

static bool sign_evp(const cg_pkey_t *key, const alg_t *alg, cg_str_t data,
                     unsigned char *out, size_t *out_len)
{
    EVP_PKEY_CTX *how = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *digest = alg->digest ? alg->digest() : NULL;
    bool is_done =
        ctx && EVP_DigestSignInit(ctx, &how, digest, NULL, key->evp) == 1 &&
        set_padding(how, alg, digest) &&
        EVP_DigestSign(ctx, out, out_len, (const unsigned char *)data.ptr,
                       data.len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return is_done;
}

static bool make_signature(const cg_pkey_t *key, const alg_t *alg,
                           cg_str_t data, cg_str_t *out, apr_pool_t *pool)
{
    size_t len = alg->family == HMAC_SHA ? alg->digest_bytes
                 : alg->family == ECDSA  ? 2 * key->bytes
                 : alg->family == EDDSA  ? 64
                                         : key->bytes;
    unsigned char *sig =
        apr_palloc(pool, len > EVP_MAX_MD_SIZE ? len : EVP_MAX_MD_SIZE);
    *out = (cg_str_t){(const char *)sig, len};
    if (alg->family == HMAC_SHA) {
        return mac(key, alg, data, sig);
    }
    if (alg->family == ECDSA) {
        unsigned char der[DER_MAX];
        size_t der_len = sizeof der;
        return sign_evp(key, alg, data, der, &der_len) &&
               from_der(der, der_len, key->bytes, sig);
    }
    size_t made = len;
    return sign_evp(key, alg, data, sig, &made) && made == len;
}

apr_status_t cg_pkey_sign(const cg_pkey_t *key, cg_sig_alg_t alg, cg_str_t data,
                          cg_str_t *out, cg_error_t *err, apr_pool_t *pool)
{
    if (!key->is_private || !cg_pkey_fits(key, alg)) {
        cg_error_set(err, "this key does not sign %s", cg_sig_alg_name(alg));
        return APR_EINVAL;
    }
    if (!make_signature(key, &algs[alg], data, out, pool)) {
        cg_error_set(err, "libcrypto made no %s signature",
                     cg_sig_alg_name(alg));
        return APR_EGENERAL;
    }
    return APR_SUCCESS;
}
