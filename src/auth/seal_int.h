/* What the files about sealing share: the master keys.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For auth's own files.
 */
#ifndef CG_AUTH_SEAL_INT_H
#define CG_AUTH_SEAL_INT_H

#include "auth/seal.h"
#include "base/aead.h"

#define CG_SEAL_KEY_BYTES CG_AEAD_KEY_BYTES

typedef struct cg_master_t {
    char id[CG_SEAL_KEY_ID_LEN + 1];
    const cg_secret_t *key; /* CG_SEAL_KEY_BYTES */
} cg_master_t;

struct cg_sealer_t {
    size_t count;
    cg_master_t keys[CG_SEAL_KEYS_MAX]; /* the current one first */
};

/* NULL: it is not given. */
const cg_master_t *cg_sealer_find(const cg_sealer_t *sealer, cg_str_t id);

#endif
