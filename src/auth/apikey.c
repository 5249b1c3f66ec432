/* API keys: judging a spelled key, by what is remembered or by the store.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The order of questions keeps secrets: shape, then the secret, and only who
 * has the right secret learns that the key is revoked, expired or suspended.
 * For an unknown id the digest is computed all the same, so that time tells
 * nothing.
 */
#include "auth/apikey.h"

#include <string.h>

#include <apr_file_info.h>

#include "auth/apikey_int.h"
#include "auth/versioned.h"
#include "auth/keyplace.h"
#include "auth/keyrecord.h"
#include "auth/keyspell.h"
#include "base/digest.h"
#include "base/secret.h"
#include "store/keys.h"

#define PEPPER_MIN 32
#define NO_ID "--------" /* as long as an id, and none */
#define UNKNOWN_FOR APR_TIME_C(1000000)

struct cg_pepper_t {
    cg_secret_t *secret;
};

typedef enum found_t { FOUND, NOT_FOUND, DAMAGED, STORE_AWAY } found_t;

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
    apr_finfo_t about;
    if (apr_stat(&about, path, APR_FINFO_PROT, pool) == APR_SUCCESS &&
        about.protection & (APR_FPROT_WREAD | APR_FPROT_WWRITE)) {
        cg_error_set(err, "%s is open to everybody; write chmod 0600", path);
        return NULL;
    }
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

static size_t line_up(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

size_t cg_keyring_shared_bytes(size_t entries)
{
    return line_up(cg_keycache_bytes(entries)) + cg_keyuse_bytes(entries);
}

cg_keyring_t *cg_keyring_open(cg_store_t *store, const cg_pepper_t *pepper,
                              void *memory, size_t entries,
                              apr_time_t stale_for, apr_pool_t *pool)
{
    cg_keyring_t *ring = apr_pcalloc(pool, sizeof *ring);
    ring->store = store;
    ring->pepper = pepper;
    ring->stale_for = stale_for;
    cg_script_init(&ring->save, "save key", cg_versioned_source);
    if (memory) {
        void *uses =
            (unsigned char *)memory + line_up(cg_keycache_bytes(entries));
        ring->cache = cg_keycache_attach(memory, entries, pool);
        ring->uses = cg_keyuse_attach(uses, entries, pool);
    }
    return ring;
}

void cg_keyring_forget(cg_keyring_t *ring, const char *id)
{
    if (ring->cache) {
        cg_keycache_drop(ring->cache, id);
    }
}

void cg_keyring_doubt_all(cg_keyring_t *ring)
{
    if (ring->cache) {
        cg_keycache_outdate(ring->cache);
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
static found_t ask_store(cg_keyring_t *ring, const char *id, bool is_cached,
                         apr_time_t now, cg_key_t *out, cg_error_t *err,
                         apr_pool_t *pool)
{
    cg_keycache_mark_t mark = {0, 0};
    if (ring->cache) {
        mark = cg_keycache_mark(ring->cache);
    }
    memset(out, 0, sizeof *out);
    apr_status_t rv = cg_keyring_fetch(ring, id, out, err, pool);
    if (rv == APR_EINVAL) {
        cg_keyring_forget(ring, id); /* what it was once is no answer */
        return DAMAGED;
    }
    if (rv != APR_SUCCESS && !APR_STATUS_IS_NOTFOUND(rv)) {
        return STORE_AWAY;
    }
    bool is_known = rv == APR_SUCCESS;
    if (is_known) {
        cg_key_hours_prepare(out, now);
    }
    /* Ids that never were are not kept: whoever invents them would push out keys. */
    if (ring->cache && (is_known || is_cached)) {
        cg_keycache_put(ring->cache, id, is_known ? out : NULL, now, mark);
    }
    return is_known ? FOUND : NOT_FOUND;
}

/* *out_asked: the store has just said so. */
static found_t find(cg_keyring_t *ring, const char *id, apr_time_t now,
                    cg_key_t *out, bool *out_asked, cg_error_t *err,
                    apr_pool_t *pool)
{
    *out_asked = false;
    cg_key_t fetched;
    apr_time_t at = 0;
    bool is_known = false;
    bool is_cached =
        ring->cache && cg_keycache_get(ring->cache, id, out, &is_known, &at);
    if (is_cached) {
        apr_time_t fresh_for = is_known ? ring->stale_for : UNKNOWN_FOR;
        if (now >= at && now - at < fresh_for) {
            return is_known ? FOUND : NOT_FOUND;
        }
    }
    found_t found = ask_store(ring, id, is_cached, now, &fetched, err, pool);
    if (found == STORE_AWAY && is_cached && is_known) {
        return FOUND;
    }
    *out_asked = true;
    *out = fetched;
    return found;
}

/* What is not right costs one question to the store, and the answer that an unknown
 * id gets, whether the id is unknown, known, or was asked a moment ago: else the time
 * would tell which. False: the store is away, which would tell it, too. */
static bool ask_in_vain(cg_keyring_t *ring, cg_error_t *err, apr_pool_t *pool)
{
    cg_key_t nothing;
    apr_status_t rv = cg_keyring_fetch(ring, NO_ID, &nothing, err, pool);
    return rv == APR_SUCCESS || APR_STATUS_IS_NOTFOUND(rv);
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

const char *cg_key_state_at(const cg_key_t *key, apr_time_t now)
{
    switch (judge(key, now)) {
    case CG_KEY_EXPIRED:
        return "expired";
    case CG_KEY_OK:
        return now < key->previous_until ? "rotating" : "active";
    default:
        return cg_key_state_name(key->state);
    }
}

apr_time_t cg_key_ends_at(const cg_key_t *key)
{
    apr_time_t until = key->is_by_previous ? key->previous_until : 0;
    if (!until || (key->expires_at && key->expires_at < until)) {
        return key->expires_at;
    }
    return until;
}

/* Both secrets are compared whatever the first comparison says. */
static bool is_secret_of(cg_key_t *key, const unsigned char digest[32],
                         apr_time_t now)
{
    bool is_now = cg_is_equal_secret(digest, key->digest, sizeof key->digest);
    bool is_before = cg_is_equal_secret(digest, key->previous_digest,
                                        sizeof key->previous_digest);
    key->is_by_previous = !is_now && is_before && now < key->previous_until;
    return is_now || key->is_by_previous;
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
    bool has_asked;
    found_t found = find(ring, parts.id, now, out, &has_asked, err, pool);
    cg_pepper_digest(ring->pepper, parts.secret, sizeof parts.secret, digest);
    cg_wipe(&parts, sizeof parts);
    bool is_right = is_secret_of(out, digest, now) && found == FOUND;
    if (!is_right && !has_asked && !ask_in_vain(ring, err, pool)) {
        found = STORE_AWAY;
    }
    if (is_right) {
        cg_key_verdict_t verdict = judge(out, now);
        if (verdict == CG_KEY_OK && ring->uses) {
            cg_keyuse_note(ring->uses, out->id, digest, now);
        }
        return verdict;
    }
    memset(out, 0, sizeof *out);
    if (found == STORE_AWAY || found == DAMAGED) {
        return CG_KEY_STORE_AWAY;
    }
    return found == FOUND ? CG_KEY_WRONG_SECRET : CG_KEY_UNKNOWN;
}
