/* What apikey.c and keyadmin.c share: the keyring.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For these two files only.
 */
#ifndef CG_AUTH_APIKEY_INT_H
#define CG_AUTH_APIKEY_INT_H

#include "auth/apikey.h"

/* lives in: child pool · written by: cg_keyring_open · read by: all threads */
struct cg_keyring_t {
    cg_store_t *store;
    const cg_pepper_t *pepper;
    cg_cache_t *cache; /* NULL: none */
    apr_time_t stale_for;
    cg_script_t save;
};

void cg_pepper_digest(const cg_pepper_t *pepper, const void *secret, size_t len,
                      unsigned char out[32]);
/* Asks the store. APR_NOTFOUND: no such key. */
apr_status_t cg_keyring_fetch(cg_keyring_t *ring, const char *id, cg_key_t *out,
                              cg_error_t *err, apr_pool_t *pool);
extern const char cg_keyadmin_save[];

#endif
