/* Keys that sign and verify: from a PEM, from the members of a JWK, from a secret.
 * SPDX-License-Identifier: Apache-2.0
 *
 * With digest.h the only place that knows libcrypto. A key knows
 * which algorithms it fits, and nothing else verifies with it: the algorithm a
 * message names is never enough (RFC 8725 section 3.1). A key that is weak is none:
 * RSA below 2048 bits, an exponent of 1 or an even one, a modulus of the Infineon
 * generator (ROCA, CVE-2017-15361), a point that is not on its curve or, of
 * Ed25519, of small order.
 *
 * A key is const once made, and any number of threads may use it.
 */
#ifndef CG_BASE_PKEY_H
#define CG_BASE_PKEY_H

#include <stdbool.h>
#include <stddef.h>

#include <apr_errno.h>
#include <apr_pools.h>

#include "base/error.h"
#include "base/text.h"

/* The names of RFC 7518 and 8037. For HTTP signatures (RFC 9421): hmac-sha256 is
 * HS256, rsa-pss-sha512 PS512, ecdsa-p256-sha256 ES256, ed25519 EDDSA; the bytes
 * of the signatures are the same (ECDSA as r and s in a row, never DER; PSS with a
 * salt as long as the digest). */
typedef enum cg_sig_alg_t {
    CG_SIG_NONE, /* no algorithm: fits no key */
    CG_SIG_HS256,
    CG_SIG_HS384,
    CG_SIG_HS512,
    CG_SIG_RS256,
    CG_SIG_RS384,
    CG_SIG_RS512,
    CG_SIG_PS256,
    CG_SIG_PS384,
    CG_SIG_PS512,
    CG_SIG_ES256,
    CG_SIG_ES384,
    CG_SIG_ES512,
    CG_SIG_EDDSA, /* Ed25519 only */
    CG_SIG_COUNT
} cg_sig_alg_t;

typedef enum cg_pkey_kind_t {
    CG_PKEY_OCT, /* a shared secret */
    CG_PKEY_RSA,
    CG_PKEY_RSA_PSS, /* a PEM that says: for PSS only */
    CG_PKEY_P256,
    CG_PKEY_P384,
    CG_PKEY_P521,
    CG_PKEY_ED25519
} cg_pkey_kind_t;

typedef struct cg_pkey_t cg_pkey_t;

/* "RS256"; "" for none. */
const char *cg_sig_alg_name(cg_sig_alg_t alg);
/* By its exact name. */
bool cg_sig_alg_find(cg_str_t name, cg_sig_alg_t *out);
bool cg_sig_alg_is_hmac(cg_sig_alg_t alg);

/* One PEM block: PUBLIC KEY, RSA PUBLIC KEY, PRIVATE KEY, RSA PRIVATE KEY or
 * EC PRIVATE KEY; an encrypted one is refused, not asked about. NULL and words on
 * failure; this holds for all that make a key. */
cg_pkey_t *cg_pkey_from_pem(cg_str_t pem, cg_error_t *err, apr_pool_t *pool);
/* Bytes of big-endian numbers without a leading zero (RFC 7518 section 2). */
cg_pkey_t *cg_pkey_from_rsa(cg_str_t n, cg_str_t e, cg_error_t *err,
                            apr_pool_t *pool);
/* crv is "P-256", "P-384" or "P-521"; x and y have their curve's full width. */
cg_pkey_t *cg_pkey_from_ec(cg_str_t crv, cg_str_t x, cg_str_t y,
                           cg_error_t *err, apr_pool_t *pool);
/* crv is "Ed25519". */
cg_pkey_t *cg_pkey_from_okp(cg_str_t crv, cg_str_t x, cg_error_t *err,
                            apr_pool_t *pool);
/* Copies the secret, which is wiped with the pool and in no core dump. Fits an
 * HMAC whose digest is no longer than it (RFC 7518 section 3.2). */
cg_pkey_t *cg_pkey_from_secret(cg_str_t bytes, cg_error_t *err,
                               apr_pool_t *pool);
/* A new pair for alg (RSA: 2048 bits); out_private and out_public are PEM, the
 * private one wiped with the pool. APR_EINVAL for an HMAC. */
apr_status_t cg_pkey_generate(cg_sig_alg_t alg, cg_str_t *out_private,
                              cg_str_t *out_public, cg_error_t *err,
                              apr_pool_t *pool);
/* The public half as PEM; APR_EINVAL for a secret. */
apr_status_t cg_pkey_public_pem(const cg_pkey_t *key, cg_str_t *out,
                                apr_pool_t *pool);

cg_pkey_kind_t cg_pkey_kind(const cg_pkey_t *key);
/* Can it sign? */
bool cg_pkey_is_private(const cg_pkey_t *key);
bool cg_pkey_fits(const cg_pkey_t *key, cg_sig_alg_t alg);

/* False also when alg does not fit key. A secret is compared in constant time. */
bool cg_pkey_verify(const cg_pkey_t *key, cg_sig_alg_t alg, cg_str_t data,
                    cg_str_t sig);
/* For tools and tests. APR_EINVAL when alg does not fit or key is public only. */
apr_status_t cg_pkey_sign(const cg_pkey_t *key, cg_sig_alg_t alg, cg_str_t data,
                          cg_str_t *out, cg_error_t *err, apr_pool_t *pool);

#endif
