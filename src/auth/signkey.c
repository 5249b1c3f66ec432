/* Signing keys: the look-up, and whether a signature is a key's own.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is right by the record that is remembered costs nobody a question. What is
 * not costs the store exactly one, whether the key is unknown, ended, somebody
 * else's or the signature is wrong: so that they take the same way, also while the
 * store is away, and a record that has just changed is found. flow/signature.c
 * evens out what is left.
 */
#include "auth/signkey.h"

#include <string.h>

#include "auth/signkey_int.h"
#include "auth/versioned.h"
#include "auth/signopen.h"
#include "store/keys.h"

typedef enum found_t { FOUND, NOT_FOUND, STORE_AWAY } found_t;

/* ---- the ring ------------------------------------------------------------------ */

size_t cg_signring_value_bytes(void)
{
    return sizeof(cg_signkey_t);
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
    ring->open = cg_signopen_make(pool);
    cg_script_init(&ring->save, "save signing key", cg_versioned_source);
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

/* Asks the store and remembers a key that it has, unless a change arrived
 * meanwhile. An id that nobody has is not remembered: whoever makes up ids would
 * drive the keys out. */
static found_t ask_store(cg_signring_t *ring, const char *id, apr_time_t now,
                         cg_signkey_t *out, cg_error_t *err, apr_pool_t *pool)
{
    int64_t mark = ring->cache ? cg_cache_mark(ring->cache) : 0;
    apr_status_t rv = cg_signring_fetch(ring, id, out, err, pool);
    if (rv != APR_SUCCESS) {
        memset(out, 0, sizeof *out);
        return APR_STATUS_IS_NOTFOUND(rv) ? NOT_FOUND : STORE_AWAY;
    }
    if (ring->cache) {
        cg_cache_put_if(ring->cache, id, strlen(id), out, now, mark);
    }
    return FOUND;
}

static bool remembers(const cg_signring_t *ring, const char *id, apr_time_t now,
                      cg_signkey_t *out, bool *out_is_fresh)
{
    apr_time_t at = 0;
    if (!ring->cache || !cg_cache_get(ring->cache, id, strlen(id), out, &at)) {
        return false;
    }
    *out_is_fresh = now >= at && now - at < ring->stale_for;
    return true;
}

/* ---- judging --------------------------------------------------------------------- */

static bool is_usable(const cg_signkey_t *key, const cg_signature_t *signature,
                      apr_time_t now)
{
    bool is_named = signature->alg.len == 0 ||
                    cg_str_is(signature->alg, cg_signkey_alg_name(key->alg));
    return is_named && key->state == CG_SIGNKEY_ACTIVE &&
           (!key->expires_at || now < key->expires_at);
}

static cg_signkey_verdict_t judge(const cg_signring_t *ring,
                                  const cg_signkey_t *key,
                                  const cg_signature_t *signature,
                                  cg_str_t base, apr_time_t now,
                                  cg_error_t *err, apr_pool_t *pool)
{
    return is_usable(key, signature, now)
               ? cg_signopen_verify(ring->open, ring->sealer, key, base,
                                    signature->bytes, err, pool)
               : CG_SIGNKEY_WRONG;
}

static cg_signkey_verdict_t look_up(cg_signring_t *ring, const char *id,
                                    const cg_signature_t *signature,
                                    cg_str_t base, apr_time_t now,
                                    cg_signkey_t *out, cg_error_t *err,
                                    apr_pool_t *pool)
{
    cg_signkey_t fetched;
    bool is_fresh = false;
    bool is_known = remembers(ring, id, now, out, &is_fresh);
    if (is_known && is_fresh &&
        judge(ring, out, signature, base, now, err, pool) == CG_SIGNKEY_OK) {
        return CG_SIGNKEY_OK;
    }
    found_t found = ask_store(ring, id, now, &fetched, err, pool);
    if (found == FOUND) {
        *out = fetched;
        return judge(ring, out, signature, base, now, err, pool);
    }
    if (found == NOT_FOUND) {
        return CG_SIGNKEY_WRONG;
    }
    bool is_right =
        is_known && !is_fresh &&
        judge(ring, out, signature, base, now, err, pool) == CG_SIGNKEY_OK;
    return is_right ? CG_SIGNKEY_OK : CG_SIGNKEY_STORE_AWAY;
}

cg_signkey_verdict_t cg_signkey_verify(cg_signring_t *ring,
                                       const cg_signature_t *signature,
                                       cg_str_t base, apr_time_t now,
                                       cg_signkey_t *out, cg_error_t *err,
                                       apr_pool_t *pool)
{
    apr_pool_t *brief;
    cg_signkey_verdict_t verdict = CG_SIGNKEY_WRONG;
    apr_pool_create(&brief, pool);
    if (cg_signkey_is_id(signature->key_id)) {
        verdict = look_up(ring, cg_str_dup(signature->key_id, brief), signature,
                          base, now, out, err, brief);
    }
    apr_pool_destroy(brief);
    if (verdict != CG_SIGNKEY_OK) {
        memset(out, 0, sizeof *out);
    }
    return verdict;
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
