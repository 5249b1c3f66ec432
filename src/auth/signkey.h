/* Signing keys: by which key is a request signed, and whose is it?
 * SPDX-License-Identifier: Apache-2.0
 *
 * A record says the algorithm, and the key can do no other: what a signature names
 * is compared, never believed. It belongs to an API key, or to a user or a team
 * (of callers whom a token or httpd itself has identified).
 *
 * Of an asymmetric key the public half is kept as it is. A shared secret is kept
 * sealed (auth/seal.h): bound to its record, useless without the master key. It is
 * told once, when it is made. There is no rotation in place: a second key is made,
 * both work, the first one is revoked.
 *
 * The look-up goes through a cache that all children share, as that of API keys
 * does; a change is published on the channel of theirs (auth/apikey.h).
 */
#ifndef CG_AUTH_SIGNKEY_H
#define CG_AUTH_SIGNKEY_H

#include <stdbool.h>
#include <stdint.h>

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "auth/seal.h"
#include "auth/signature.h"
#include "base/error.h"
#include "base/pkey.h"
#include "base/share.h"
#include "base/text.h"
#include "store/store.h"

#define CG_SIGNKEY_CACHE 1024 /* keys that the children remember */
#define CG_SIGNKEY_SECRET_MAX 512
#define CG_SIGNKEY_LIST_MAX 500

typedef enum cg_signkey_state_t {
    CG_SIGNKEY_ACTIVE,
    CG_SIGNKEY_SUSPENDED,
    CG_SIGNKEY_REVOKED,
    CG_SIGNKEY_STATES
} cg_signkey_state_t;

/* Plain and of fixed size: it stands in the shared cache. */
typedef struct cg_signkey_t {
    char id[CG_SIGNATURE_KEY_ID_MAX + 1]; /* keyid of a signature */
    char name[64];                        /* what people call it */
    char key[16];                         /* id of the API key it belongs to */
    char user[64]; /* or whose it is; what is "" may be anybody's */
    char team[64];
    uint8_t alg;   /* cg_sig_alg_t */
    uint8_t state; /* cg_signkey_state_t */
    apr_time_t created_at;
    apr_time_t expires_at;   /* 0: never */
    apr_time_t last_used_at; /* 0: never; get and list only */
    int64_t version;
    char material[1600]; /* PEM of the public key, or the sealed secret */
} cg_signkey_t;

const char *cg_signkey_state_name(int state);
bool cg_signkey_state_find(cg_str_t name, cg_signkey_state_t *out);
/* "hmac-sha256", "ed25519", "ecdsa-p256-sha256", "rsa-pss-sha512", as signatures
 * say it; "" for another. */
const char *cg_signkey_alg_name(int alg);
bool cg_signkey_alg_find(cg_str_t name, uint8_t *out);
/* Names in turn; NULL after the last. */
const char *cg_signkey_alg_at(size_t index);

typedef struct cg_signring_t cg_signring_t;

size_t cg_signring_value_bytes(void);
/* Keeps all it is given. cache may be NULL (tools): each look-up asks. sealer may
 * be NULL: shared secrets can be neither made nor used. */
cg_signring_t *cg_signring_open(cg_store_t *store, const cg_sealer_t *sealer,
                                cg_cache_t *cache, apr_time_t stale_for,
                                apr_pool_t *pool);
/* Both bear a ring of NULL. */
void cg_signring_forget(cg_signring_t *ring, const char *id);
void cg_signring_doubt_all(cg_signring_t *ring);

typedef enum cg_signkey_verdict_t {
    CG_SIGNKEY_OK,
    CG_SIGNKEY_WRONG, /* unknown, suspended, revoked, expired, or the signature is
                         not its own: to the caller all the same, in words and
                         about in time */
    CG_SIGNKEY_STORE_AWAY, /* never seen, and nobody to ask */
    CG_SIGNKEY_SEALED      /* its secret cannot be opened here: see err */
} cg_signkey_verdict_t;

/* Is base signed as signature says? out is filled when OK, else zeroed. */
cg_signkey_verdict_t cg_signkey_verify(cg_signring_t *ring,
                                       const cg_signature_t *signature,
                                       cg_str_t base, apr_time_t now,
                                       cg_signkey_t *out, cg_error_t *err,
                                       apr_pool_t *pool);
/* May who is known like this sign with it? Empty texts are nobody's. */
bool cg_signkey_is_of(const cg_signkey_t *key, cg_str_t api_key, cg_str_t user,
                      cg_str_t team);

/* Are all texts in bounds, and does it belong to somebody? For people's input. */
bool cg_signkey_check(const cg_signkey_t *key, cg_error_t *err);
/* Of an operator. wanted gives name, alg, key, user, team, expires_at, and id or ""
 * to have one made. material is the PEM of the public key; of hmac-sha256 the
 * secret in base64, or empty to have one made. out_secret gets a made secret in
 * base64, this once; NULL when there is none to tell. APR_EEXIST: the id is taken.
 * APR_EINVAL: something is wrong with it. APR_ENOTIMPL: no master key. */
apr_status_t cg_signkey_create(cg_signring_t *ring, const cg_signkey_t *wanted,
                               cg_str_t material, apr_time_t now,
                               cg_signkey_t *out, const char **out_secret,
                               cg_error_t *err, apr_pool_t *pool);
/* Newest first; cursor as cg_apikey_list's. out: array of cg_signkey_t. */
apr_status_t cg_signkey_list(cg_signring_t *ring, const char *cursor, int limit,
                             apr_array_header_t **out, const char **out_next,
                             cg_error_t *err, apr_pool_t *pool);
/* APR_NOTFOUND if there is none. Asks the store, not the cache. */
apr_status_t cg_signkey_get(cg_signring_t *ring, const char *id,
                            cg_signkey_t *out, cg_error_t *err,
                            apr_pool_t *pool);
/* Writes name, key, user, team, state and expires_at of wanted if the stored
 * version is wanted->version, else APR_EMISMATCH. A revoked key stays revoked:
 * APR_EINVAL. */
apr_status_t cg_signkey_update(cg_signring_t *ring, const cg_signkey_t *wanted,
                               cg_signkey_t *out, cg_error_t *err,
                               apr_pool_t *pool);
/* For good. Revoking twice is no failure. */
apr_status_t cg_signkey_revoke(cg_signring_t *ring, const char *id,
                               cg_signkey_t *out, cg_error_t *err,
                               apr_pool_t *pool);

#endif
