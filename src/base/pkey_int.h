/* What the two files of pkey.h share: the key, and the row of an algorithm.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For base/pkey*.c only.
 */
#ifndef CG_BASE_PKEY_INT_H
#define CG_BASE_PKEY_INT_H

#include <openssl/evp.h>

#include "base/pkey.h"
#include "base/secret.h"

/* lives in: the pool it was made in · read by: all threads */
struct cg_pkey_t {
    cg_pkey_kind_t kind;
    bool is_private;
    EVP_PKEY *evp;       /* NULL for a secret */
    cg_secret_t *secret; /* NULL for all others */
    size_t bytes;        /* of the modulus, of a coordinate, or of the secret */
};

/* Fits the key to its pool; NULL and words if it is weak. Takes evp over. */
cg_pkey_t *cg_pkey_adopt(EVP_PKEY *evp, bool is_private, cg_error_t *err,
                         apr_pool_t *pool);

#endif
