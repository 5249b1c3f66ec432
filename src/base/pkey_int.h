/* What the files of pkey.h share: the key, and what makes one weak.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For base/pkey*.c only.
 */
#ifndef CG_BASE_PKEY_INT_H
#define CG_BASE_PKEY_INT_H

#include <openssl/evp.h>

#include "base/pkey.h"
#include "base/secret.h"

#define CG_PKEY_RSA_BITS_MAX 8192 /* a key must not be a burden by its size */
#define CG_PKEY_RSA_E_BYTES_MAX 8

/* lives in: the pool it was made in · read by: all threads */
struct cg_pkey_t {
    cg_pkey_kind_t kind;
    bool is_private;
    EVP_PKEY *evp;       /* NULL for a secret */
    cg_secret_t *secret; /* NULL for all others */
    size_t bytes;        /* of the modulus, of a coordinate, or of the secret */
};

/* Of which kind is it, and what is wrong with it? NULL: nothing. */
const char *cg_pkey_fault(EVP_PKEY *evp, cg_pkey_kind_t *out_kind);

/* Fits the key to its pool; NULL and words if it is weak. Takes evp over. */
cg_pkey_t *cg_pkey_adopt(EVP_PKEY *evp, bool is_private, cg_error_t *err,
                         apr_pool_t *pool);

#endif
