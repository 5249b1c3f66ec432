/* API keys, for an operator: create and change.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A change is one script (versioned.h). The index by time is a key of its own, in
 * another slot of a cluster: it is written before the hash, and an entry without a
 * hash is passed over by list.
 */
#include <string.h>

#include <apr_strings.h>

#include "auth/apikey.h"
#include "auth/apikey_int.h"
#include "auth/keyrecord.h"
#include "auth/keyspell.h"
#include "auth/versioned.h"
#include "base/clock.h"
#include "base/digest.h"
#include "store/keys.h"

#define TRIES 5
#define PREFIX_LEN 11 /* vk_ and the id */

bool cg_key_is_changeable(const cg_key_t *key, cg_error_t *err)
{
    if (key->state != CG_KEY_STATE_REVOKED) {
        return true;
    }
    cg_error_set(err, "the key %.16s is revoked for good; create another",
                 key->id);
    return false;
}

/* The moments of use belong to keyuse.c, but for a rotation: the secret of now
 * becomes the previous one, and takes its moment along. */
static size_t write_uses(const cg_key_t *key, cg_str_t *out, apr_pool_t *pool)
{
    out[0] = CG_STR("last_used_at");
    out[1] = cg_versioned_time(key->last_used_at, pool);
    out[2] = CG_STR("previous_used_at");
    out[3] = cg_versioned_time(key->previous_used_at, pool);
    return 4;
}

apr_status_t cg_keyring_save(cg_keyring_t *ring, cg_key_t *key, int64_t before,
                             bool has_new_secrets, cg_error_t *err,
                             apr_pool_t *pool)
{
    cg_str_t args[CG_VERSIONED_ARGS + 2 * CG_KEYRECORD_FIELDS + 4];
    cg_str_t id = cg_str(key->id);
    cg_str_t hash = cg_keys_make(CG_KEYS_KEY, &id, 1, pool);
    key->version = before + 1;
    cg_versioned_begin(args, key->id, before, pool);
    size_t count = CG_VERSIONED_ARGS +
                   cg_keyrecord_write(key, args + CG_VERSIONED_ARGS, pool);
    if (has_new_secrets && before) {
        count += write_uses(key, args + count, pool);
    }
    apr_status_t rv = cg_versioned_save(ring->store, &ring->save, hash, args,
                                        count, "key", err, pool);
    cg_keyring_forget(ring, key->id);
    return rv;
}

cg_str_t cg_keyring_member(apr_time_t at, const char *id, apr_pool_t *pool)
{
    return cg_str(apr_psprintf(pool, "%020" APR_INT64_T_FMT ":%s", at, id));
}

static apr_status_t add_to_index(cg_keyring_t *ring, const cg_key_t *key,
                                 cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t argv[] = {
        CG_STR("ZADD"), cg_keys_make(CG_KEYS_KEY_INDEX, NULL, 0, pool),
        CG_STR("0"), cg_keyring_member(key->created_at, key->id, pool)};
    cg_reply_t reply;
    apr_status_t rv = cg_store_call(ring->store, argv, 4, &reply, err, pool);
    if (rv == APR_SUCCESS && reply.kind == CG_REPLY_ERROR) {
        cg_error_set(err, "the index of keys cannot be written: %.200s",
                     reply.text.ptr);
        return APR_EGENERAL;
    }
    return rv;
}

apr_status_t cg_keyring_index_expiry(cg_keyring_t *ring, const char *id,
                                     apr_time_t at, bool is_in, cg_error_t *err,
                                     apr_pool_t *pool)
{
    cg_str_t index = cg_keys_make(CG_KEYS_KEY_EXPIRY, NULL, 0, pool);
    cg_str_t member = cg_keyring_member(at, id, pool);
    cg_str_t add[] = {CG_STR("ZADD"), index, CG_STR("0"), member};
    cg_str_t drop[] = {CG_STR("ZREM"), index, member};
    cg_reply_t reply;
    if (at == 0) {
        return APR_SUCCESS;
    }
    apr_status_t rv = cg_store_call(ring->store, is_in ? add : drop,
                                    is_in ? 4 : 3, &reply, err, pool);
    if (rv == APR_SUCCESS && reply.kind == CG_REPLY_ERROR) {
        cg_error_set(err,
                     "the index of keys that expire cannot be written: %.200s",
                     reply.text.ptr);
        return APR_EGENERAL;
    }
    return rv;
}

void cg_key_copy_wanted(cg_key_t *to, const cg_key_t *from)
{
#define COPY(member) memcpy(to->member, from->member, sizeof to->member)
    COPY(name);
    COPY(owner);
    COPY(user);
    COPY(team);
    COPY(models);
    COPY(redact);
    COPY(tags);
    COPY(endpoints);
    COPY(addresses);
    COPY(vhosts);
    COPY(hours);
    COPY(limits);
#undef COPY
    to->limits_count = from->limits_count;
    to->state = from->state;
    to->expires_at =
        from->expires_at - from->expires_at % 1000; /* as written */
}

void cg_keyring_issue(cg_keyring_t *ring, cg_key_t *key,
                      char out_spelled[CG_KEY_SPELLED_LEN + 1])
{
    cg_key_parts_t parts = {.id = ""};
    memcpy(parts.id, key->id, sizeof parts.id);
    cg_keyspell_make(&parts);
    cg_keyspell_write(&parts, out_spelled);
    cg_pepper_digest(ring->pepper, parts.secret, sizeof parts.secret,
                     key->digest);
    cg_wipe(&parts, sizeof parts);
    memcpy(key->id, out_spelled + 3, CG_KEY_ID_LEN);
    apr_cpystrn(key->prefix, out_spelled, PREFIX_LEN + 1);
    apr_cpystrn(key->last4, out_spelled + CG_KEY_SPELLED_LEN - 4, 5);
}

apr_status_t cg_apikey_create(cg_keyring_t *ring, const cg_key_t *wanted,
                              apr_time_t now, cg_key_t *out,
                              char out_spelled[CG_KEY_SPELLED_LEN + 1],
                              cg_error_t *err, apr_pool_t *pool)
{
    apr_status_t rv = APR_EEXIST;
    if (!cg_key_check(wanted, err)) {
        return APR_EINVAL;
    }
    for (int i = 0; i < TRIES && rv == APR_EEXIST; i++) {
        memset(out, 0, sizeof *out);
        cg_key_copy_wanted(out, wanted);
        out->created_at = now - now % 1000; /* as it is written */
        cg_keyring_issue(ring, out, out_spelled);
        rv = add_to_index(ring, out, err, pool);
        if (rv == APR_SUCCESS) {
            rv = cg_keyring_index_expiry(ring, out->id, out->expires_at, true,
                                         err, pool);
        }
        if (rv == APR_SUCCESS) {
            rv = cg_keyring_save(ring, out, 0, true, err, pool);
        }
    }
    if (rv != APR_SUCCESS) {
        cg_wipe(out_spelled, CG_KEY_SPELLED_LEN + 1);
    }
    return rv;
}

apr_status_t cg_apikey_get(cg_keyring_t *ring, const char *id, cg_key_t *out,
                           cg_error_t *err, apr_pool_t *pool)
{
    if (!cg_keyspell_is_id(cg_str(id))) {
        cg_error_set(err, "an id of a key has %d characters", CG_KEY_ID_LEN);
        return APR_NOTFOUND;
    }
    return cg_keyring_fetch(ring, id, out, err, pool);
}

apr_status_t cg_apikey_update(cg_keyring_t *ring, const cg_key_t *wanted,
                              cg_key_t *out, cg_error_t *err, apr_pool_t *pool)
{
    cg_key_t given = *wanted; /* wanted and out may be the same */
    if (!cg_key_check(&given, err)) {
        return APR_EINVAL;
    }
    apr_status_t rv = cg_apikey_get(ring, given.id, out, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (out->version != given.version) {
        return cg_versioned_stale("key", out->id, err);
    }
    if (!cg_key_is_changeable(out, err)) {
        return APR_EINVAL;
    }
    apr_time_t ended_at = out->expires_at;
    cg_key_copy_wanted(out, &given);
    bool moves = ended_at != out->expires_at;
    if (moves) {
        rv = cg_keyring_index_expiry(ring, out->id, out->expires_at, true, err,
                                     pool);
    }
    if (rv == APR_SUCCESS) {
        rv = cg_keyring_save(ring, out, given.version, false, err, pool);
    }
    if (rv == APR_SUCCESS && moves) {
        cg_keyring_index_expiry(ring, out->id, ended_at, false, NULL, pool);
    }
    return rv;
}
