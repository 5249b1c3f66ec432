/* Signing keys, for an operator: create, change, revoke.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A change is one script, as that of an API key (versioned.h).
 */
#include <string.h>

#include <apr_strings.h>

#include "auth/apikey.h"
#include "auth/sealed.h"
#include "auth/signfield.h"
#include "auth/signkey_int.h"
#include "auth/versioned.h"
#include "base/digest.h"
#include "store/keys.h"

#define TRIES 5
#define ID_PREFIX "sgn_"
#define ID_BYTES 10
#define SECRET_BYTES 32

/* ---- saving ---------------------------------------------------------------------- */

/* Writes key in place of version before; key->version becomes the next. */
static apr_status_t save(cg_signring_t *ring, cg_signkey_t *key, int64_t before,
                         cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t args[CG_VERSIONED_ARGS + 2 * CG_SIGNKEY_FIELDS];
    cg_str_t id = cg_str(key->id);
    cg_str_t hash = cg_keys_make(CG_KEYS_SIGNKEY, &id, 1, pool);
    key->version = before + 1;
    cg_versioned_begin(args, key->id, before, pool);
    size_t count =
        CG_VERSIONED_ARGS +
        cg_signkey_write(key, before == 0, args + CG_VERSIONED_ARGS, pool);
    apr_status_t rv = cg_versioned_save(ring->store, &ring->save, hash, args,
                                        count, "signing key", err, pool);
    cg_signring_forget(ring, key->id);
    return rv;
}

/* Members sort by time, then id: "00001764024511042000:sgn_4f0c…". */
static apr_status_t add_to_index(cg_signring_t *ring, const cg_signkey_t *key,
                                 cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t argv[] = {CG_STR("ZADD"),
                       cg_keys_make(CG_KEYS_SIGNKEY_INDEX, NULL, 0, pool),
                       CG_STR("0"),
                       cg_str(apr_psprintf(pool, "%020" APR_INT64_T_FMT ":%s",
                                           key->created_at, key->id))};
    cg_reply_t reply;
    apr_status_t rv = cg_store_call(ring->store, argv, 4, &reply, err, pool);
    if (rv == APR_SUCCESS && reply.kind == CG_REPLY_ERROR) {
        cg_error_set(err, "the index of signing keys cannot be written: %.200s",
                     reply.text.ptr);
        return APR_EGENERAL;
    }
    return rv;
}

static void take_back(cg_signring_t *ring, const cg_signkey_t *key,
                      apr_pool_t *pool)
{
    cg_str_t id = cg_str(key->id);
    cg_str_t argv[] = {CG_STR("DEL"),
                       cg_keys_make(CG_KEYS_SIGNKEY, &id, 1, pool)};
    cg_reply_t ignored;
    cg_store_call(ring->store, argv, 2, &ignored, NULL, pool);
    cg_signring_forget(ring, key->id);
}

/* ---- creating -------------------------------------------------------------------- */

static void make_id(cg_signkey_t *key)
{
    unsigned char dice[ID_BYTES];
    cg_random_id(dice, sizeof dice);
    memcpy(key->id, ID_PREFIX, sizeof ID_PREFIX);
    cg_hex_encode(dice, sizeof dice, key->id + strlen(ID_PREFIX));
}

static bool keep_material(cg_signkey_t *key, cg_str_t material, cg_error_t *err)
{
    if (material.len >= sizeof key->material) {
        cg_error_set(err, "the key is too large");
        return false;
    }
    memcpy(key->material, material.ptr, material.len);
    return true;
}

/* Only the public half is kept, whatever was given. */
static apr_status_t take_public(cg_signkey_t *key, cg_str_t pem,
                                cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t kept;
    cg_error_t why = {""};
    const cg_pkey_t *read = cg_pkey_from_pem(pem, &why, pool);
    if (!read) {
        cg_error_set(err, "public_key: %s", why.text);
        return APR_EINVAL;
    }
    if (cg_pkey_is_private(read)) {
        cg_error_set(err,
                     "public_key: this is a private key; keep it, and give "
                     "its public half");
        return APR_EINVAL;
    }
    if (!cg_pkey_fits(read, (cg_sig_alg_t)key->alg)) {
        cg_error_set(err, "public_key: the key is not one for %s",
                     cg_signkey_alg_name(key->alg));
        return APR_EINVAL;
    }
    if (cg_pkey_public_pem(read, &kept, pool) != APR_SUCCESS ||
        !keep_material(key, kept, err)) {
        return APR_EINVAL;
    }
    return APR_SUCCESS;
}

static apr_status_t seal_secret(const cg_signring_t *ring, cg_signkey_t *key,
                                cg_str_t secret, cg_error_t *err,
                                apr_pool_t *pool)
{
    const char *sealed = NULL;
    cg_str_t id = cg_str(key->id);
    apr_status_t rv =
        cg_seal(ring->sealer, cg_signkey_owner(key->id, pool),
                CG_SIGNKEY_SECRET_VERSION, secret, &sealed, err, pool);
    if (rv == APR_SUCCESS && !keep_material(key, cg_str(sealed), err)) {
        rv = APR_EINVAL;
    }
    if (rv == APR_SUCCESS) { /* before it is there: no wrapping may miss it */
        rv = cg_sealed_note(ring->store,
                            cg_keys_make(CG_KEYS_SIGNKEY, &id, 1, pool), err,
                            pool);
    }
    return rv;
}

static apr_status_t take_secret(const cg_signring_t *ring, cg_signkey_t *key,
                                cg_str_t given, const char **out_secret,
                                cg_error_t *err, apr_pool_t *pool)
{
    unsigned char made[SECRET_BYTES];
    cg_str_t secret = {(const char *)made, sizeof made};
    cg_buf_t told;
    if (given.len > 0) {
        if (!cg_sfv_base64(given, &secret, pool) || secret.len < SECRET_BYTES ||
            secret.len > CG_SIGNKEY_SECRET_MAX) {
            cg_error_set(err, "secret: it must be base64 of %d to %d bytes",
                         SECRET_BYTES, CG_SIGNKEY_SECRET_MAX);
            return APR_EINVAL;
        }
        return seal_secret(ring, key, secret, err, pool);
    }
    cg_random(made, sizeof made);
    apr_status_t rv = seal_secret(ring, key, secret, err, pool);
    if (rv == APR_SUCCESS) {
        cg_buf_init(&told, 2 * sizeof made, pool);
        cg_sfv_write_base64(&told, secret);
        *out_secret = cg_buf_cstr(&told);
    }
    cg_wipe(made, sizeof made);
    return rv;
}

static apr_status_t take_material(const cg_signring_t *ring, cg_signkey_t *key,
                                  cg_str_t material, const char **out_secret,
                                  cg_error_t *err, apr_pool_t *pool)
{
    return cg_sig_alg_is_hmac((cg_sig_alg_t)key->alg)
               ? take_secret(ring, key, material, out_secret, err, pool)
               : take_public(key, material, err, pool);
}

apr_status_t cg_signkey_create(cg_signring_t *ring, const cg_signkey_t *wanted,
                               cg_str_t material, apr_time_t now,
                               cg_signkey_t *out, const char **out_secret,
                               cg_error_t *err, apr_pool_t *pool)
{
    cg_signkey_t made = *wanted;
    *out_secret = NULL;
    if (!cg_signkey_check(wanted, err)) {
        return APR_EINVAL;
    }
    if (!made.id[0]) {
        make_id(&made);
    }
    memset(made.material, 0, sizeof made.material);
    made.state = CG_SIGNKEY_ACTIVE;
    made.last_used_at = 0;
    made.created_at = now - now % 1000; /* as it is written */
    apr_status_t rv =
        take_material(ring, &made, material, out_secret, err, pool);
    if (rv == APR_SUCCESS) {
        rv = save(ring, &made, 0, err, pool);
    }
    /* After the record: an id that is taken must not stand there twice. */
    if (rv == APR_SUCCESS) {
        rv = add_to_index(ring, &made, err, pool);
        if (rv != APR_SUCCESS) {
            take_back(ring, &made, pool); /* no key works that no list has */
        }
    }
    if (rv != APR_SUCCESS) {
        *out_secret = NULL;
    }
    *out = made;
    return rv;
}

/* ---- changing -------------------------------------------------------------------- */

apr_status_t cg_signkey_update(cg_signring_t *ring, const cg_signkey_t *wanted,
                               cg_signkey_t *out, cg_error_t *err,
                               apr_pool_t *pool)
{
    cg_signkey_t now;
    if (!cg_signkey_check(wanted, err)) {
        return APR_EINVAL;
    }
    apr_status_t rv = cg_signkey_get(ring, wanted->id, &now, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (now.state == CG_SIGNKEY_REVOKED) {
        cg_error_set(err, "a revoked signing key stays so; create another");
        return APR_EINVAL;
    }
    if (now.version != wanted->version) {
        return cg_versioned_stale("signing key", now.id, err);
    }
    memcpy(now.name, wanted->name, sizeof now.name);
    memcpy(now.key, wanted->key, sizeof now.key);
    memcpy(now.user, wanted->user, sizeof now.user);
    memcpy(now.team, wanted->team, sizeof now.team);
    now.state = wanted->state;
    now.expires_at = wanted->expires_at;
    rv = save(ring, &now, now.version, err, pool);
    *out = now;
    return rv;
}

apr_status_t cg_signkey_revoke(cg_signring_t *ring, const char *id,
                               cg_signkey_t *out, cg_error_t *err,
                               apr_pool_t *pool)
{
    apr_status_t rv = APR_EMISMATCH;
    for (int i = 0; i < TRIES && rv == APR_EMISMATCH; i++) {
        rv = cg_signkey_get(ring, id, out, err, pool);
        if (rv == APR_SUCCESS && out->state != CG_SIGNKEY_REVOKED) {
            out->state = CG_SIGNKEY_REVOKED;
            rv = save(ring, out, out->version, err, pool);
        }
    }
    return rv;
}
