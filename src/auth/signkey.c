/* Signing keys: the look-up, and whether a signature is a key's own.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For a key that is unknown, or cannot be used, a signature is verified all the
 * same, with a key nobody has, so that time tells about as little as words.
 */
#include "auth/signkey.h"

#include <string.h>

#include "auth/signkey_int.h"
#include "base/digest.h"
#include "store/keys.h"

#define UNKNOWN_FOR APR_TIME_C(1000000)
#define DECOY_BYTES 32
#define PARSED_KEYS 32

/* What stands in the shared cache under a key's id. */
typedef struct entry_t {
    bool is_known;
    cg_signkey_t key;
} entry_t;

typedef enum found_t { FOUND, NOT_FOUND, STORE_AWAY } found_t;

/* ---- the ring ------------------------------------------------------------------ */

size_t cg_signring_value_bytes(void)
{
    return sizeof(entry_t);
}

cg_signring_t *cg_signring_open(cg_store_t *store, const cg_sealer_t *sealer,
                                cg_cache_t *cache, apr_time_t stale_for,
                                apr_pool_t *pool)
{
    cg_signring_t *ring = apr_pcalloc(pool, sizeof *ring);
    ring->store = store;
    ring->sealer = sealer;
    ring->cache = cache;
    ring->stale_for = stale_for;
    cg_script_init(&ring->save, "save signing key", cg_signkey_save);
    return ring;
}

void cg_signring_forget(cg_signring_t *ring, const char *id)
{
    if (ring && ring->cache) {
        cg_cache_drop(ring->cache, id, strlen(id));
    }
}

void cg_signring_doubt_all(cg_signring_t *ring)
{
    if (ring && ring->cache) {
        cg_cache_outdate(ring->cache);
    }
}

apr_status_t cg_signring_fetch(cg_signring_t *ring, const char *id,
                               cg_signkey_t *out, cg_error_t *err,
                               apr_pool_t *pool)
{
    cg_str_t part = cg_str(id);
    cg_str_t argv[2] = {CG_STR("HGETALL"),
                        cg_keys_make(CG_KEYS_SIGNKEY, &part, 1, pool)};
    cg_reply_t reply;
    apr_status_t rv = cg_store_call(ring->store, argv, 2, &reply, err, pool);
    return rv == APR_SUCCESS ? cg_signkey_read(&reply, id, out, err) : rv;
}

/* Asks the store and remembers what it said, unless a change arrived meanwhile. */
static found_t ask_store(cg_signring_t *ring, const char *id, apr_time_t now,
                         entry_t *entry, cg_error_t *err, apr_pool_t *pool)
{
    int64_t mark = ring->cache ? cg_cache_mark(ring->cache) : 0;
    memset(entry, 0, sizeof *entry);
    apr_status_t rv = cg_signring_fetch(ring, id, &entry->key, err, pool);
    if (rv != APR_SUCCESS && !APR_STATUS_IS_NOTFOUND(rv)) {
        return STORE_AWAY;
    }
    entry->is_known = rv == APR_SUCCESS;
    if (ring->cache) {
        cg_cache_put_if(ring->cache, id, strlen(id), entry, now, mark);
    }
    return entry->is_known ? FOUND : NOT_FOUND;
}

static found_t find(cg_signring_t *ring, const char *id, apr_time_t now,
                    cg_signkey_t *out, cg_error_t *err, apr_pool_t *pool)
{
    entry_t entry, fetched;
    apr_time_t at = 0;
    bool is_cached =
        ring->cache && cg_cache_get(ring->cache, id, strlen(id), &entry, &at);
    if (is_cached) {
        apr_time_t fresh_for = entry.is_known ? ring->stale_for : UNKNOWN_FOR;
        *out = entry.key;
        if (now >= at && now - at < fresh_for) {
            return entry.is_known ? FOUND : NOT_FOUND;
        }
    }
    found_t found = ask_store(ring, id, now, &fetched, err, pool);
    if (found == STORE_AWAY && is_cached && entry.is_known) {
        return FOUND;
    }
    *out = fetched.key;
    return found;
}

/* ---- judging --------------------------------------------------------------------- */

/* Public keys that this thread has read: a PEM takes OpenSSL some hundred
 * microseconds, which is ten times what a signature takes. Found by the digest of
 * the text, so that a record which changed finds another; a thread of httpd ends
 * with its process. */
static _Thread_local struct {
    unsigned char digest[CG_SHA256_BYTES];
    apr_pool_t *pool;
    const cg_pkey_t *key;
} parsed[PARSED_KEYS];

static const cg_pkey_t *parse(cg_str_t pem, cg_error_t *err)
{
    unsigned char digest[CG_SHA256_BYTES];
    apr_pool_t *own;
    cg_sha256(pem.ptr, pem.len, digest);
    unsigned at = digest[0] % PARSED_KEYS;
    if (parsed[at].key &&
        memcmp(parsed[at].digest, digest, sizeof digest) == 0) {
        return parsed[at].key;
    }
    if (apr_pool_create_unmanaged_ex(&own, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    const cg_pkey_t *key = cg_pkey_from_pem(pem, err, own);
    if (!key) {
        apr_pool_destroy(own);
        return NULL;
    }
    if (parsed[at].pool) {
        apr_pool_destroy(parsed[at].pool);
    }
    memcpy(parsed[at].digest, digest, sizeof digest);
    parsed[at].pool = own;
    parsed[at].key = key;
    return key;
}

void cg_signring_forget_parsed(void)
{
    for (int i = 0; i < PARSED_KEYS; i++) {
        if (parsed[i].pool) {
            apr_pool_destroy(parsed[i].pool);
        }
        memset(&parsed[i], 0, sizeof parsed[i]);
    }
}

/* A shared secret is open only until pool is cleared. */
static const cg_pkey_t *open_key(const cg_signring_t *ring,
                                 const cg_signkey_t *key, bool *out_is_sealed,
                                 cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t material = cg_str(key->material);
    if (!cg_sig_alg_is_hmac((cg_sig_alg_t)key->alg)) {
        return parse(material, err);
    }
    cg_secret_t *secret = NULL;
    apr_status_t rv =
        cg_unseal(ring->sealer, cg_signkey_owner(key->id, pool),
                  CG_SIGNKEY_SECRET_VERSION, material, &secret, err, pool);
    *out_is_sealed = rv != APR_SUCCESS;
    return secret ? cg_pkey_from_secret(cg_secret_open(secret), err, pool)
                  : NULL;
}

static void verify_in_vain(cg_str_t base, cg_str_t bytes, apr_pool_t *pool)
{
    unsigned char random[DECOY_BYTES];
    cg_error_t err;
    cg_random_id(random, sizeof random);
    cg_pkey_t *decoy = cg_pkey_from_secret(
        (cg_str_t){(const char *)random, sizeof random}, &err, pool);
    if (decoy) {
        cg_pkey_verify(decoy, CG_SIG_HS256, base, bytes);
    }
}

static bool is_usable(const cg_signkey_t *key, const cg_signature_t *signature,
                      apr_time_t now)
{
    bool is_named = signature->alg.len == 0 ||
                    cg_str_is(signature->alg, cg_signkey_alg_name(key->alg));
    return is_named && key->state == CG_SIGNKEY_ACTIVE &&
           (!key->expires_at || now < key->expires_at);
}

cg_signkey_verdict_t cg_signkey_verify(cg_signring_t *ring,
                                       const cg_signature_t *signature,
                                       cg_str_t base, apr_time_t now,
                                       cg_signkey_t *out, cg_error_t *err,
                                       apr_pool_t *pool)
{
    apr_pool_t *brief;
    bool is_sealed = false;
    bool is_right = false;
    found_t found = NOT_FOUND;
    memset(out, 0, sizeof *out);
    apr_pool_create(&brief, pool);
    const char *id = cg_str_dup(signature->key_id, brief);
    if (cg_signkey_is_id(signature->key_id)) {
        found = find(ring, id, now, out, err, brief);
    }
    if (found == FOUND && is_usable(out, signature, now)) {
        const cg_pkey_t *key = open_key(ring, out, &is_sealed, err, brief);
        if (is_sealed && ring->cache) { /* wrapped anew since it was read? */
            cg_signring_forget(ring, id);
            found = find(ring, id, now, out, err, brief);
            key = found == FOUND ? open_key(ring, out, &is_sealed, err, brief)
                                 : NULL;
        }
        is_right = key && cg_pkey_verify(key, (cg_sig_alg_t)out->alg, base,
                                         signature->bytes);
    }
    else {
        verify_in_vain(base, signature->bytes, brief);
    }
    apr_pool_destroy(brief);
    if (is_right) {
        return CG_SIGNKEY_OK;
    }
    memset(out, 0, sizeof *out);
    if (is_sealed) {
        return CG_SIGNKEY_SEALED;
    }
    return found == STORE_AWAY ? CG_SIGNKEY_STORE_AWAY : CG_SIGNKEY_WRONG;
}

static bool is_whose(const char *owner, cg_str_t who)
{
    return !owner[0] || cg_str_is(who, owner);
}

bool cg_signkey_is_of(const cg_signkey_t *key, cg_str_t api_key, cg_str_t user,
                      cg_str_t team)
{
    bool has_owner = key->key[0] || key->user[0] || key->team[0];
    return has_owner && is_whose(key->key, api_key) &&
           is_whose(key->user, user) && is_whose(key->team, team);
}
