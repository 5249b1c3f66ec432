/* Keys that sign and verify: how they are made, and which are refused.
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

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192 /* a key must not be a burden by its size */
#define RSA_E_BYTES_MAX 8

/* ---- ROCA ------------------------------------------------------------- */

/* Primes of the weak generator are k*M + (65537^a mod M), M the product of small
 * primes; so a modulus is, for each of these, a power of 65537. A sound one is so
 * for all of them once in 2^27. */
static const unsigned char roca_primes[] = {
    3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,
    47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};

static bool is_power_of_65537(unsigned rest, unsigned prime)
{
    unsigned power = 1;
    for (unsigned i = 0; i < prime; i++) {
        if (power == rest) {
            return true;
        }
        power = power * (65537 % prime) % prime;
    }
    return false;
}

static bool is_roca(const BIGNUM *n)
{
    for (size_t i = 0; i < sizeof roca_primes; i++) {
        BN_ULONG rest = BN_mod_word(n, roca_primes[i]);
        if (!is_power_of_65537((unsigned)rest, roca_primes[i])) {
            return false;
        }
    }
    return true;
}

/* ---- what is weak ----------------------------------------------------- */

/* NULL: nothing is wrong with it. */
static const char *rsa_fault(const EVP_PKEY *evp)
{
    BIGNUM *n = NULL;
    BIGNUM *e = NULL;
    const char *fault = "the key has no modulus or exponent";
    if (EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
        EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_RSA_E, &e) == 1) {
        fault = BN_num_bits(n) < RSA_BITS_MIN
                    ? "an RSA key of less than 2048 bits"
                : BN_num_bits(n) > RSA_BITS_MAX
                    ? "an RSA key of more than 8192 bits"
                : !BN_is_odd(n) ? "an even RSA modulus"
                : !BN_is_odd(e) ? "an even RSA exponent"
                : BN_is_one(e)  ? "an RSA exponent of 1"
                : BN_num_bytes(e) > RSA_E_BYTES_MAX
                    ? "an RSA exponent of more than 64 bits"
                : is_roca(n) ? "an RSA modulus of a weak generator (ROCA)"
                             : NULL;
    }
    BN_free(n);
    BN_free(e);
    return fault;
}

/* On its curve, of its order: libcrypto's own check. */
static const char *point_fault(EVP_PKEY *evp)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);
    bool is_sound = ctx && EVP_PKEY_public_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return is_sound ? NULL : "a public key that is not on its curve";
}

static bool find_curve(const EVP_PKEY *evp, cg_pkey_kind_t *out)
{
    static const struct {
        const char *name;
        cg_pkey_kind_t kind;
    } curves[] = {{"prime256v1", CG_PKEY_P256},
                  {"secp384r1", CG_PKEY_P384},
                  {"secp521r1", CG_PKEY_P521}};
    char name[40] = "";
    EVP_PKEY_get_utf8_string_param(evp, OSSL_PKEY_PARAM_GROUP_NAME, name,
                                   sizeof name, NULL);
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        if (strcmp(name, curves[i].name) == 0) {
            *out = curves[i].kind;
            return true;
        }
    }
    return false;
}

static bool find_kind(const EVP_PKEY *evp, cg_pkey_kind_t *out)
{
    if (EVP_PKEY_is_a(evp, "EC")) {
        return find_curve(evp, out);
    }
    *out = EVP_PKEY_is_a(evp, "RSA")       ? CG_PKEY_RSA
           : EVP_PKEY_is_a(evp, "RSA-PSS") ? CG_PKEY_RSA_PSS
                                           : CG_PKEY_ED25519;
    return *out != CG_PKEY_ED25519 || EVP_PKEY_is_a(evp, "ED25519");
}

static const char *fault_of(EVP_PKEY *evp, cg_pkey_kind_t *out_kind)
{
    if (!find_kind(evp, out_kind)) {
        return "a key of a kind that is not used here";
    }
    return *out_kind == CG_PKEY_RSA || *out_kind == CG_PKEY_RSA_PSS
               ? rsa_fault(evp)
               : point_fault(evp);
}

static apr_status_t free_evp(void *evp)
{
    EVP_PKEY_free(evp);
    return APR_SUCCESS;
}

cg_pkey_t *cg_pkey_adopt(EVP_PKEY *evp, bool is_private, cg_error_t *err,
                         apr_pool_t *pool)
{
    cg_pkey_kind_t kind;
    const char *fault = fault_of(evp, &kind);
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
    if (!is_number(n, RSA_BITS_MAX / 8) || !is_number(e, RSA_E_BYTES_MAX)) {
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
