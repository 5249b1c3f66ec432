/* API keys, for an operator: rotate, end the previous secret, revoke.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each is read, changed and saved, and done anew when somebody changed the key
 * meanwhile; but for a new secret in between. Whoever rotates a key sees it as it is
 * now: were the rotations of two people done one after the other, the second would
 * end the secret that all callers use, a moment after the first.
 */
#include <string.h>

#include <apr_strings.h>

#include "auth/apikey.h"
#include "auth/apikey_int.h"
#include "base/digest.h"

#define TRIES 5

/* What a change is told, and what it tells. */
typedef struct act_t {
    int64_t version; /* of the key as it was seen; 0: as it is found */
    apr_time_t now;
    apr_time_t grace_for;
    char *out_spelled;
} act_t;

/* Is it the key that was seen? Else it is somebody's new secret that would end. */
static bool is_seen(const cg_key_t *key, const act_t *act,
                    const unsigned char digest[32], cg_error_t *err)
{
    bool has_other = act && act->version && key->version != act->version;
    has_other = has_other ||
                (act && memcmp(key->digest, digest, sizeof key->digest) != 0);
    if (has_other) {
        cg_error_set(err, "the key %.16s was changed meanwhile; read it again",
                     key->id);
    }
    return !has_other;
}

/* Reads, changes and saves; anew when somebody was faster. */
static apr_status_t change(cg_keyring_t *ring, const char *id,
                           bool (*apply)(cg_keyring_t *ring, cg_key_t *key,
                                         const act_t *act, cg_error_t *err),
                           const act_t *act, cg_key_t *out, cg_error_t *err,
                           apr_pool_t *pool)
{
    unsigned char digest[sizeof out->digest] = {0};
    apr_status_t rv = APR_EMISMATCH;
    id = apr_pstrdup(pool, id); /* it may be out's own */
    for (int i = 0; i < TRIES && rv == APR_EMISMATCH; i++) {
        rv = cg_apikey_get(ring, id, out, err, pool);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (i == 0) {
            memcpy(digest, out->digest, sizeof digest);
        }
        if (!is_seen(out, act, digest, err)) {
            return APR_EMISMATCH;
        }
        if (!apply(ring, out, act, err)) {
            return APR_EINVAL;
        }
        rv = cg_keyring_save(ring, out, out->version, act != NULL, err, pool);
    }
    return rv;
}

/* The same with a new secret, which nobody is told when it did not come to be. */
static apr_status_t issue(cg_keyring_t *ring, const char *id,
                          bool (*apply)(cg_keyring_t *ring, cg_key_t *key,
                                        const act_t *act, cg_error_t *err),
                          const act_t *act, cg_key_t *out, cg_error_t *err,
                          apr_pool_t *pool)
{
    apr_status_t rv = change(ring, id, apply, act, out, err, pool);
    if (rv != APR_SUCCESS) {
        cg_wipe(act->out_spelled, CG_KEY_SPELLED_LEN + 1);
    }
    return rv;
}

static bool apply_revoke(cg_keyring_t *ring, cg_key_t *key, const act_t *act,
                         cg_error_t *err)
{
    (void)ring;
    (void)act;
    (void)err;
    key->state = CG_KEY_STATE_REVOKED;
    return true;
}

static void end_previous(cg_key_t *key)
{
    memset(key->previous_digest, 0, sizeof key->previous_digest);
    memset(key->previous_last4, 0, sizeof key->previous_last4);
    key->previous_until = 0;
    key->previous_used_at = 0;
}

static bool apply_rotate(cg_keyring_t *ring, cg_key_t *key, const act_t *act,
                         cg_error_t *err)
{
    if (!cg_key_is_changeable(key, err)) {
        return false;
    }
    end_previous(key);
    if (act->grace_for > 0) {
        memcpy(key->previous_digest, key->digest, sizeof key->digest);
        memcpy(key->previous_last4, key->last4, sizeof key->last4);
        key->previous_until = act->now + act->grace_for;
        key->previous_until -=
            key->previous_until % 1000; /* as it is written */
        key->previous_used_at = key->last_used_at;
    }
    key->last_used_at = 0;
    cg_keyring_issue(ring, key, act->out_spelled);
    return true;
}

static bool has_previous(const cg_key_t *key, apr_time_t now, cg_error_t *err)
{
    if (now < key->previous_until) {
        return true;
    }
    cg_error_set(err, "no previous secret opens the key %.16s any more",
                 key->id);
    return false;
}

static bool apply_replace(cg_keyring_t *ring, cg_key_t *key, const act_t *act,
                          cg_error_t *err)
{
    if (!cg_key_is_changeable(key, err) || !has_previous(key, act->now, err)) {
        return false;
    }
    key->last_used_at = 0;
    cg_keyring_issue(ring, key, act->out_spelled);
    return true;
}

static bool apply_end_grace(cg_keyring_t *ring, cg_key_t *key, const act_t *act,
                            cg_error_t *err)
{
    (void)ring;
    if (!has_previous(key, act->now, err)) {
        return false;
    }
    end_previous(key);
    return true;
}

apr_status_t cg_apikey_revoke(cg_keyring_t *ring, const char *id, cg_key_t *out,
                              cg_error_t *err, apr_pool_t *pool)
{
    apr_status_t rv = change(ring, id, apply_revoke, NULL, out, err, pool);
    if (rv == APR_SUCCESS) {
        cg_keyring_index_expiry(ring, out->id, out->expires_at, false, NULL,
                                pool);
    }
    return rv;
}

apr_status_t cg_apikey_rotate(cg_keyring_t *ring, const char *id,
                              int64_t version, apr_time_t now,
                              apr_time_t grace_for, cg_key_t *out,
                              char out_spelled[CG_KEY_SPELLED_LEN + 1],
                              cg_error_t *err, apr_pool_t *pool)
{
    act_t act = {version, now, grace_for, out_spelled};
    if (grace_for < 0 || grace_for > CG_KEY_GRACE_MAX) {
        cg_error_set(err, "the grace period is 0 to 90 days");
        return APR_EINVAL;
    }
    return issue(ring, id, apply_rotate, &act, out, err, pool);
}

apr_status_t cg_apikey_end_grace(cg_keyring_t *ring, const char *id,
                                 int64_t version, apr_time_t now, cg_key_t *out,
                                 cg_error_t *err, apr_pool_t *pool)
{
    act_t act = {version, now, 0, NULL};
    return change(ring, id, apply_end_grace, &act, out, err, pool);
}

apr_status_t cg_apikey_replace(cg_keyring_t *ring, const char *id,
                               int64_t version, apr_time_t now, cg_key_t *out,
                               char out_spelled[CG_KEY_SPELLED_LEN + 1],
                               cg_error_t *err, apr_pool_t *pool)
{
    act_t act = {version, now, 0, out_spelled};
    return issue(ring, id, apply_replace, &act, out, err, pool);
}

apr_status_t cg_apikey_put_back(cg_keyring_t *ring, const cg_key_t *before,
                                cg_error_t *err, apr_pool_t *pool)
{
    cg_key_t key = *before;
    return cg_keyring_save(ring, &key, before->version + 1, true, err, pool);
}
