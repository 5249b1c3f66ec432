/* What the files of jwk.h share: one key of a set that is being read.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For auth/jwk*.c only.
 */
#ifndef CG_AUTH_JWK_INT_H
#define CG_AUTH_JWK_INT_H

#include "auth/jwk.h"
#include "base/walk.h"

/* lives in: the stack of who reads it */
typedef struct cg_jwk_reading_t {
    const cg_walk_t *walk;
    uint32_t object;
    cg_jwk_from_t from;
    const cg_sig_alg_t *algs;
    apr_pool_t *pool;
} cg_jwk_reading_t;

/* False: it is there and no string. out->ptr is NULL when it is not there. */
bool cg_jwk_string(const cg_jwk_reading_t *in, const char *name, cg_str_t *out);
/* NULL: it is, or may be, for signatures. */
const char *cg_jwk_use_fault(const cg_jwk_reading_t *in);
/* The first of algs that key fits; false: none does. */
bool cg_jwk_choose_alg(const cg_sig_alg_t *algs, const cg_pkey_t *key,
                       cg_sig_alg_t *out);
bool cg_jwk_read(const cg_jwk_reading_t *in, cg_jwk_t *out, cg_error_t *err);

#endif
