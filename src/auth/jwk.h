/* Sets of keys as RFC 7517 writes them: which of them may verify, and what.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each key is for one algorithm (RFC 8725 section 3.1): the one its "alg" says, or,
 * without, the first of the issuer's that fits its kind. A key that is not for
 * signatures, of another kind or weak is left out (RFC 7517 section 5), not the
 * set. The whole set is refused when it is not one sound JSON document, or has
 * secrets beside public keys: then an attacker could choose which it is.
 */
#ifndef CG_AUTH_JWK_H
#define CG_AUTH_JWK_H

#include "base/pkey.h"

#define CG_JWK_KEYS_MAX 100
#define CG_JWK_SET_BYTES_MAX 262144

typedef struct cg_jwk_t {
    cg_str_t kid; /* ptr NULL: it has none */
    cg_sig_alg_t alg;
    const cg_pkey_t *key;
} cg_jwk_t;

/* lives in: the pool given to cg_jwk_set_read · const */
typedef struct cg_jwk_set_t {
    cg_jwk_t *keys;
    size_t count;
    size_t left_out;
    const char *left_out_why; /* of the first that was; NULL: none was */
} cg_jwk_set_t;

typedef enum cg_jwk_from_t {
    CG_JWK_PUBLIC, /* what others can read: secrets and private keys are left out */
    CG_JWK_SECRET /* a file of ours: secrets (oct), and only those */
} cg_jwk_from_t;

/* Reads a set, a single JWK or a PEM block. algs: what the issuer may use, the
 * preferred first, CG_SIG_NONE behind the last. NULL and words when there is no key
 * in it that can be used. Keeps nothing of text. */
cg_jwk_set_t *cg_jwk_set_read(cg_str_t text, cg_jwk_from_t from,
                              const cg_sig_alg_t *algs, cg_error_t *err,
                              apr_pool_t *pool);
/* Is it a sound set or a single JWK, though perhaps without a key that can be
 * used? Of an issuer that says: there are no others. */
bool cg_jwk_is_set(cg_str_t text, apr_pool_t *pool);
/* A set of one secret without a name. */
cg_jwk_set_t *cg_jwk_set_of_secret(cg_str_t bytes, const cg_sig_alg_t *algs,
                                   cg_error_t *err, apr_pool_t *pool);

typedef enum cg_jwk_found_t {
    CG_JWK_FOUND,
    CG_JWK_UNNAMED,  /* no kid, but more than one key */
    CG_JWK_UNKNOWN,  /* no key of that name: there may be a newer set */
    CG_JWK_OTHER_ALG /* the key is for another algorithm, or the name for two */
} cg_jwk_found_t;

/* kid.ptr NULL: the token names none. */
cg_jwk_found_t cg_jwk_find(const cg_jwk_set_t *set, cg_str_t kid,
                           cg_sig_alg_t alg, const cg_jwk_t **out);

#endif
