/* Keys that sign and verify: how they are made.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/pkey_int.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "base/digest.h"

static apr_status_t free_evp(void *evp)
{
    EVP_PKEY_free(evp);
    return APR_SUCCESS;
}

cg_pkey_t *cg_pkey_adopt(EVP_PKEY *evp, bool is_private, cg_error_t *err,
                         apr_pool_t *pool)
{
    cg_pkey_kind_t kind;
    const char *fault = cg_pkey_fault(evp, &kind);
    ERR_clear_error(); /* httpd would log what stays there as its own */
    if (fault) {
        EVP_PKEY_free(evp);
        cg_error_set(err, "%s is refused", fault);
        return NULL;
    }
    cg_pkey_t *key = apr_pcalloc(pool, sizeof *key);
    key->kind = kind;
    key->is_private = is_private;
    key->evp = evp;
    key->bytes = ((size_t)EVP_PKEY_get_bits(evp) + 7) / 8;
    apr_pool_cleanup_register(pool, evp, free_evp, apr_pool_cleanup_null);
    return key;
}

/* ---- from the members of a JWK ---------------------------------------- */

static EVP_PKEY *make_from(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY *evp = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (ctx && params && EVP_PKEY_fromdata_init(ctx) == 1) {
        EVP_PKEY_fromdata(ctx, &evp, EVP_PKEY_PUBLIC_KEY, params);
    }
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return evp;
}

static bool is_number(cg_str_t bytes, size_t max)
{
    return bytes.len && bytes.len <= max && bytes.ptr[0] != 0;
}

static BIGNUM *to_number(cg_str_t bytes)
{
    return BN_bin2bn((const unsigned char *)bytes.ptr, (int)bytes.len, NULL);
}

cg_pkey_t *cg_pkey_from_rsa(cg_str_t n, cg_str_t e, cg_error_t *err,
                            apr_pool_t *pool)
{
    if (!is_number(n, CG_PKEY_RSA_BITS_MAX / 8) ||
        !is_number(e, CG_PKEY_RSA_E_BYTES_MAX)) {
        cg_error_set(err, "n and e of an RSA key must be numbers without a "
                          "leading zero, n of at most 8192 bits");
        return NULL;
    }
    BIGNUM *modulus = to_number(n);
    BIGNUM *exponent = to_number(e);
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    if (OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, exponent) == 1) {
        params = OSSL_PARAM_BLD_to_param(bld);
    }
    EVP_PKEY *evp = make_from("RSA", params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_free(modulus);
    BN_free(exponent);
    if (!evp) {
        cg_error_set(err, "n and e make no RSA key");
        return NULL;
    }
    return cg_pkey_adopt(evp, false, err, pool);
}

cg_pkey_t *cg_pkey_from_ec(cg_str_t crv, cg_str_t x, cg_str_t y,
                           cg_error_t *err, apr_pool_t *pool)
{
    size_t width = cg_str_is(crv, "P-256")   ? 32
                   : cg_str_is(crv, "P-384") ? 48
                   : cg_str_is(crv, "P-521") ? 66
                                             : 0;
    unsigned char point[1 + 2 * 66] = {4}; /* uncompressed, SEC 1 2.3.3 */
    if (width == 0 || x.len != width || y.len != width) {
        cg_error_set(err, "an EC key must be of P-256, P-384 or P-521, with x "
                          "and y of the curve's full width");
        return NULL;
    }
    memcpy(point + 1, x.ptr, width);
    memcpy(point + 1 + width, y.ptr, width);
    char group[8];
    apr_cpystrn(group, crv.ptr, crv.len + 1);
    OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, crv.len),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * width),
        OSSL_PARAM_END};
    EVP_PKEY *evp = make_from("EC", params);
    if (!evp) {
        cg_error_set(err, "x and y are no point of the curve");
        return NULL;
    }
    return cg_pkey_adopt(evp, false, err, pool);
}

cg_pkey_t *cg_pkey_from_okp(cg_str_t crv, cg_str_t x, cg_error_t *err,
                            apr_pool_t *pool)
{
    if (!cg_str_is(crv, "Ed25519") || x.len != 32) {
        cg_error_set(err, "an OKP key must be of Ed25519, with x of 32 bytes");
        return NULL;
    }
    EVP_PKEY *evp = EVP_PKEY_new_raw_public_key(
        EVP_PKEY_ED25519, NULL, (const unsigned char *)x.ptr, x.len);
    if (!evp) {
        ERR_clear_error();
        cg_error_set(err, "x is no Ed25519 key");
        return NULL;
    }
    return cg_pkey_adopt(evp, false, err, pool);
}

cg_pkey_t *cg_pkey_from_secret(cg_str_t bytes, cg_error_t *err,
                               apr_pool_t *pool)
{
    if (bytes.len < CG_SHA256_BYTES) {
        cg_error_set(err, "a shared secret must have at least 32 bytes");
        return NULL;
    }
    cg_pkey_t *key = apr_pcalloc(pool, sizeof *key);
    key->kind = CG_PKEY_OCT;
    key->is_private = true;
    key->secret = cg_secret_make(bytes, pool);
    key->bytes = bytes.len;
    return key;
}

/* ---- what it is ------------------------------------------------------- */

cg_pkey_kind_t cg_pkey_kind(const cg_pkey_t *key)
{
    return key->kind;
}

bool cg_pkey_is_private(const cg_pkey_t *key)
{
    return key->is_private;
}
