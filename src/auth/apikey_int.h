/* What the files about keys share: the keyring, and saving.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For auth's own files.
 */
#ifndef CG_AUTH_APIKEY_INT_H
#define CG_AUTH_APIKEY_INT_H

#include "auth/apikey.h"
#include "auth/keycache.h"
#include "auth/keyuse.h"

/* lives in: child pool · written by: cg_keyring_open · read by: all threads */
struct cg_keyring_t {
    cg_store_t *store;
    const cg_pepper_t *pepper;
    cg_keycache_t *cache; /* NULL: none */
    cg_keyuse_t *uses;    /* NULL: not noted */
    apr_time_t stale_for;
    cg_script_t save;
};

void cg_pepper_digest(const cg_pepper_t *pepper, const void *secret, size_t len,
                      unsigned char out[32]);
/* Asks the store. APR_NOTFOUND: no such key. */
apr_status_t cg_keyring_fetch(cg_keyring_t *ring, const char *id, cg_key_t *out,
                              cg_error_t *err, apr_pool_t *pool);
/* Writes key in place of version before; key->version becomes the next.
 * has_new_secrets: the moments of use go with them. */
apr_status_t cg_keyring_save(cg_keyring_t *ring, cg_key_t *key, int64_t before,
                             bool has_new_secrets, cg_error_t *err,
                             apr_pool_t *pool);
/* False, and words: it is revoked. */
bool cg_key_is_changeable(const cg_key_t *key, cg_error_t *err);

/* Members of both indexes sort by their moment, then by id:
 * "00001764024511042000:k3n7w2px", in microseconds. */
cg_str_t cg_keyring_member(apr_time_t at, const char *id, apr_pool_t *pool);
bool cg_keyring_is_member(const char *text);
/* Reads the keys of ids with one round trip; those that are gone or damaged are
 * left out. out: array of cg_key_t, added to. */
apr_status_t cg_keyring_fetch_all(cg_keyring_t *ring, const char *const *ids,
                                  size_t count, apr_array_header_t *out,
                                  cg_error_t *err, apr_pool_t *pool);
/* Puts a key into the index by expiry at that moment, or takes it out there. A
 * place that is not where the key's record says is passed over by who reads, so
 * a new place is taken before the record is saved and the old one left after. */
apr_status_t cg_keyring_index_expiry(cg_keyring_t *ring, const char *id,
                                     apr_time_t at, bool is_in, cg_error_t *err,
                                     apr_pool_t *pool);
/* What an operator may say about a key. */
void cg_key_copy_wanted(cg_key_t *to, const cg_key_t *from);
/* Gives key a new secret, and an id if it has none. */
void cg_keyring_issue(cg_keyring_t *ring, cg_key_t *key,
                      char out_spelled[CG_KEY_SPELLED_LEN + 1]);

#endif
