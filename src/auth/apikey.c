/* API keys: judging a spelled key, and the cache before the store.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The order of questions keeps secrets: shape, then the secret, and only who
 * has the right secret learns that the key is revoked, expired or suspended.
 * For an unknown id the digest is computed all the same, so that time tells
 * nothing.
 */
#include "auth/apikey.h"

#include <string.h>

#include "auth/apikey_int.h"
#include "auth/keyrecord.h"
#include "auth/keyspell.h"
#include "base/digest.h"
#include "base/secret.h"
#include "store/keys.h"

#define PEPPER_MIN 32
#define UNKNOWN_FOR APR_TIME_C(1000000)

struct cg_pepper_t {
    cg_secret_t *secret;
};

/* What stands in the shared cache under a key's id. */
typedef struct entry_t {
    bool is_known;
    cg_key_t key;
} entry_t;

typedef enum found_t { FOUND, NOT_FOUND, STORE_AWAY } found_t;

/* ---- the pepper -------------------------------------------------------- */

static cg_pepper_t *wrap(cg_secret_t *secret, cg_error_t *err, apr_pool_t *pool)
{
    if (cg_secret_open(secret).len < PEPPER_MIN) {
        cg_error_set(err,
                     "the pepper must have at least %d bytes; write 32 random "
                     "ones into its file, mode 0600, and keep a copy: without "
                     "it no key is valid any more",
                     PEPPER_MIN);
        return NULL;
    }
    cg_pepper_t *pepper = apr_pcalloc(pool, sizeof *pepper);
    pepper->secret = secret;
    return pepper;
}

cg_pepper_t *cg_pepper_make(const void *bytes, size_t len, cg_error_t *err,
                            apr_pool_t *pool)
{
    return wrap(cg_secret_make((cg_str_t){bytes, len}, pool), err, pool);
}

cg_pepper_t *cg_pepper_load(const char *path, cg_error_t *err, apr_pool_t *pool)
{
    cg_secret_t *secret;
    if (cg_secret_load(path, &secret, err, pool) != APR_SUCCESS) {
        return NULL;
    }
    return wrap(secret, err, pool);
}

void cg_pepper_digest(const cg_pepper_t *pepper, const void *secret, size_t len,
                      unsigned char out[32])
{
    cg_str_t bytes = cg_secret_open(pepper->secret);
    cg_hmac_sha256(bytes.ptr, bytes.len, secret, len, out);
}

/* Secrets of keys are 32 bytes under the same HMAC; no label is as long. */
void cg_pepper_derive(const cg_pepper_t *pepper, const char *label,
                      unsigned char out[32])
{
    cg_pepper_digest(pepper, label, strlen(label), out);
}

/* ---- the ring ---------------------------------------------------------- */

size_t cg_keyring_value_bytes(void)
{
    return sizeof(entry_t);
}

cg_keyring_t *cg_keyring_open(cg_store_t *store, const cg_pepper_t *pepper,
                              cg_cache_t *cache, apr_time_t stale_for,
                              apr_pool_t *pool)
{
    cg_keyring_t *ring = apr_pcalloc(pool, sizeof *ring);
    ring->store = store;
    ring->pepper = pepper;
    ring->cache = cache;
    ring->stale_for = stale_for;
    cg_script_init(&ring->save, "save key", cg_keyadmin_save);
    return ring;
}

void cg_keyring_forget(cg_keyring_t *ring, const char *id)
{
    if (ring->cache) {
        cg_cache_drop(ring->cache, id, strlen(id));
    }
}

void cg_keyring_doubt_all(cg_keyring_t *ring)
{
    if (ring->cache) {
        cg_cache_outdate(ring->cache);
    }
}

apr_status_t cg_keyring_fetch(cg_keyring_t *ring, const char *id, cg_key_t *out,
                              cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t part = cg_str(id);
    cg_str_t argv[2] = {CG_STR("HGETALL"),
                        cg_keys_make(CG_KEYS_KEY, &part, 1, pool)};
    cg_reply_t reply;
    apr_status_t rv = cg_store_call(ring->store, argv, 2, &reply, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return cg_keyrecord_read(&reply, id, out, err);
}

/* Asks the store and remembers what it said, unless a change arrived meanwhile.
 */
static found_t ask_store(cg_keyring_t *ring, const char *id, apr_time_t now,
                         entry_t *entry, cg_error_t *err, apr_pool_t *pool)
{
    int64_t mark = ring->cache ? cg_cache_mark(ring->cache) : 0;
    memset(entry, 0, sizeof *entry);
    apr_status_t rv = cg_keyring_fetch(ring, id, &entry->key, err, pool);
    if (rv != APR_SUCCESS && !APR_STATUS_IS_NOTFOUND(rv)) {
        return STORE_AWAY;
    }
    entry->is_known = rv == APR_SUCCESS;
    if (ring->cache) {
        cg_cache_put_if(ring->cache, id, CG_KEY_ID_LEN, entry, now, mark);
    }
    return entry->is_known ? FOUND : NOT_FOUND;
}

static found_t find(cg_keyring_t *ring, const char *id, apr_time_t now,
                    cg_key_t *out, cg_error_t *err, apr_pool_t *pool)
{
    entry_t entry, fetched;
    apr_time_t at = 0;
    bool is_cached = ring->cache &&
                     cg_cache_get(ring->cache, id, CG_KEY_ID_LEN, &entry, &at);
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

/* ---- judging ----------------------------------------------------------- */

static cg_key_verdict_t judge(const cg_key_t *key, apr_time_t now)
{
    if (key->state == CG_KEY_STATE_REVOKED) {
        return CG_KEY_REVOKED;
    }
    if (key->expires_at && now >= key->expires_at) {
        return CG_KEY_EXPIRED;
    }
    return key->state == CG_KEY_STATE_ACTIVE ? CG_KEY_OK : CG_KEY_SUSPENDED;
}

cg_key_verdict_t cg_apikey_verify(cg_keyring_t *ring, cg_str_t spelled,
                                  apr_time_t now, cg_key_t *out,
                                  cg_error_t *err, apr_pool_t *pool)
{
    cg_key_parts_t parts;
    unsigned char digest[32];
    if (!cg_keyspell_parse(spelled, &parts)) {
        memset(out, 0, sizeof *out);
        return CG_KEY_MALFORMED;
    }
    found_t found = find(ring, parts.id, now, out, err, pool);
    cg_pepper_digest(ring->pepper, parts.secret, sizeof parts.secret, digest);
    cg_wipe(&parts, sizeof parts);
    bool is_right = cg_is_equal_secret(digest, out->digest, sizeof digest);
    if (found == FOUND && is_right) {
        return judge(out, now);
    }
    memset(out, 0, sizeof *out);
    if (found == STORE_AWAY) {
        return CG_KEY_STORE_AWAY;
    }
    return found == FOUND ? CG_KEY_WRONG_SECRET : CG_KEY_UNKNOWN;
}

/* Does text fit pattern, in which * stands for any run of characters? Only the
 * last star needs to be gone back to, so the time is bounded by the product of
 * the lengths. */
static bool fits(cg_str_t pattern, cg_str_t text)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX, star_text = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            star_text = t;
        }
        else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        }
        else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++star_text;
        }
        else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

static cg_str_t trim(cg_str_t text)
{
    while (text.len && text.ptr[0] == ' ') {
        text.ptr++;
        text.len--;
    }
    while (text.len && text.ptr[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

bool cg_key_may_use(const cg_key_t *key, cg_str_t model)
{
    const char *at = key->models;
    if (trim(cg_str(at)).len == 0) {
        return true;
    }
    for (;;) {
        size_t len = strcspn(at, ",");
        cg_str_t pattern = trim((cg_str_t){at, len});
        if (pattern.len && fits(pattern, model)) {
            return true;
        }
        if (!at[len]) {
            return false;
        }
        at += len + 1;
    }
}
