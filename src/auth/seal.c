/* Sealed secrets: what the store may hold of a credential or a signing secret.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/seal_int.h"

#include <string.h>

#include <apr_strings.h>

#include "base/digest.h"

#define FORM "cgs1"
#define OWNER_MAX 128
#define KEY_BYTES CG_SEAL_KEY_BYTES
#define NONCE_BYTES CG_AEAD_NONCE_BYTES
#define TAG_BYTES CG_AEAD_TAG_BYTES
#define WRAPPED_BYTES (NONCE_BYTES + KEY_BYTES + TAG_BYTES)
#define WRAPPED_CHARS 80 /* in base64url */
#define NONCE_CHARS 16
#define SEALED_CHARS_MAX ((CG_SEAL_PLAIN_MAX + TAG_BYTES) * 4 / 3 + 4)

/* The five parts of a sealed text. lives in: the text itself */
typedef struct parts_t {
    cg_str_t key_id;
    cg_str_t wrapped;
    cg_str_t nonce;
    cg_str_t sealed;
} parts_t;

/* ---- the text ------------------------------------------------------------ */

static bool take_part(cg_str_t *rest, cg_str_t *out)
{
    const char *end = memchr(rest->ptr, '.', rest->len);
    if (!end) {
        return false;
    }
    *out = (cg_str_t){rest->ptr, (size_t)(end - rest->ptr)};
    rest->ptr += out->len + 1;
    rest->len -= out->len + 1;
    return true;
}

static bool parse(cg_str_t text, parts_t *out)
{
    cg_str_t form;
    bool has_parts =
        take_part(&text, &form) && take_part(&text, &out->key_id) &&
        take_part(&text, &out->wrapped) && take_part(&text, &out->nonce);
    out->sealed = text;
    return has_parts && cg_str_is(form, FORM) &&
           out->key_id.len == CG_SEAL_KEY_ID_LEN &&
           out->wrapped.len == WRAPPED_CHARS && out->nonce.len == NONCE_CHARS &&
           out->sealed.len > 0 && out->sealed.len <= SEALED_CHARS_MAX;
}

static bool decode(cg_str_t part, unsigned char *out, size_t bytes)
{
    size_t len = 0;
    return cg_b64url_decode(part.ptr, part.len, out, &len) && len == bytes;
}

static const char *encode(const unsigned char *bytes, size_t len,
                          apr_pool_t *pool)
{
    char *out = apr_palloc(pool, (len * 4 + 2) / 3 + 1);
    cg_b64url_encode(bytes, len, out);
    return out;
}

/* ---- data keys ----------------------------------------------------------- */

static const unsigned char *bytes_of(const cg_master_t *key)
{
    return (const unsigned char *)cg_secret_open(key->key).ptr;
}

static cg_str_t bound_key(const char *id, apr_pool_t *pool)
{
    return cg_str(apr_pstrcat(pool, FORM " data key\n", id, NULL));
}

static const char *wrap(const cg_master_t *key, const unsigned char *data_key,
                        apr_pool_t *pool)
{
    unsigned char wrapped[WRAPPED_BYTES];
    cg_random(wrapped, NONCE_BYTES);
    cg_aead_seal(bytes_of(key), wrapped, bound_key(key->id, pool), data_key,
                 KEY_BYTES, wrapped + NONCE_BYTES);
    return encode(wrapped, sizeof wrapped, pool);
}

static apr_status_t no_key(cg_error_t *err)
{
    cg_error_set(err, "secrets cannot be stored: there is no master key; say "
                      "ChatGPTSealKey");
    return APR_ENOTIMPL;
}

static apr_status_t not_true(cg_error_t *err)
{
    cg_error_set(err, "the sealed text was changed, or is that of another "
                      "record or version");
    return APR_EMISMATCH;
}

static apr_status_t unwrap(const cg_sealer_t *sealer, const parts_t *parts,
                           unsigned char out[KEY_BYTES], cg_error_t *err,
                           apr_pool_t *pool)
{
    unsigned char wrapped[WRAPPED_BYTES];
    const cg_master_t *key = cg_sealer_find(sealer, parts->key_id);
    if (!key) {
        cg_error_set(err,
                     "it is sealed under the master key %.*s, which "
                     "ChatGPTSealKey does not give",
                     (int)parts->key_id.len, parts->key_id.ptr);
        return APR_NOTFOUND;
    }
    if (!decode(parts->wrapped, wrapped, sizeof wrapped) ||
        !cg_aead_open(bytes_of(key), wrapped, bound_key(key->id, pool),
                      wrapped + NONCE_BYTES, KEY_BYTES + TAG_BYTES, out)) {
        return not_true(err);
    }
    return APR_SUCCESS;
}

/* ---- secrets ------------------------------------------------------------- */

static bool is_owner(const char *owner)
{
    size_t len = strlen(owner);
    for (size_t i = 0; i < len; i++) {
        if (owner[i] <= ' ' || owner[i] >= 0x7F) {
            return false;
        }
    }
    return len > 0 && len <= OWNER_MAX;
}

/* An owner has no line end, so no two pairs give the same bytes. */
static cg_str_t bound_secret(const char *owner, int64_t version,
                             apr_pool_t *pool)
{
    return cg_str(apr_psprintf(pool, FORM " secret\n%s\n%" APR_INT64_T_FMT,
                               owner, version));
}

apr_status_t cg_seal(const cg_sealer_t *sealer, const char *owner,
                     int64_t version, cg_str_t plain, const char **out_text,
                     cg_error_t *err, apr_pool_t *pool)
{
    unsigned char data_key[KEY_BYTES];
    unsigned char nonce[NONCE_BYTES];
    if (!sealer) {
        return no_key(err);
    }
    if (!is_owner(owner) || plain.len == 0 || plain.len > CG_SEAL_PLAIN_MAX) {
        cg_error_set(err,
                     "a secret has 1 to %d bytes, its owner's name 1 to %d",
                     CG_SEAL_PLAIN_MAX, OWNER_MAX);
        return APR_EINVAL;
    }
    unsigned char *sealed = apr_palloc(pool, plain.len + TAG_BYTES);
    cg_random(data_key, sizeof data_key);
    cg_random(nonce, sizeof nonce);
    cg_aead_seal(data_key, nonce, bound_secret(owner, version, pool), plain.ptr,
                 plain.len, sealed);
    *out_text = apr_pstrcat(pool, FORM ".", sealer->keys[0].id, ".",
                            wrap(&sealer->keys[0], data_key, pool), ".",
                            encode(nonce, sizeof nonce, pool), ".",
                            encode(sealed, plain.len + TAG_BYTES, pool), NULL);
    cg_wipe(data_key, sizeof data_key);
    return APR_SUCCESS;
}

static apr_status_t parse_for(const cg_sealer_t *sealer, cg_str_t text,
                              parts_t *out, cg_error_t *err)
{
    if (!sealer) {
        return no_key(err);
    }
    if (!parse(text, out)) {
        cg_error_set(err, "it is no sealed text");
        return APR_EINVAL;
    }
    return APR_SUCCESS;
}

apr_status_t cg_unseal(const cg_sealer_t *sealer, const char *owner,
                       int64_t version, cg_str_t text, cg_secret_t **out,
                       cg_error_t *err, apr_pool_t *pool)
{
    unsigned char data_key[KEY_BYTES];
    unsigned char nonce[NONCE_BYTES];
    parts_t parts;
    size_t len = 0;
    *out = NULL;
    apr_status_t rv = parse_for(sealer, text, &parts, err);
    if (rv == APR_SUCCESS) {
        rv = unwrap(sealer, &parts, data_key, err, pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    unsigned char *sealed = apr_palloc(pool, parts.sealed.len);
    char *room = NULL;
    bool is_read =
        decode(parts.nonce, nonce, sizeof nonce) &&
        cg_b64url_decode(parts.sealed.ptr, parts.sealed.len, sealed, &len) &&
        len > TAG_BYTES;
    cg_secret_t *secret =
        is_read ? cg_secret_room(len - TAG_BYTES, &room, pool) : NULL;
    bool is_true = is_read && cg_aead_open(data_key, nonce,
                                           bound_secret(owner, version, pool),
                                           sealed, len, (unsigned char *)room);
    cg_wipe(data_key, sizeof data_key);
    *out = is_true ? secret : NULL;
    return is_true ? APR_SUCCESS : not_true(err);
}

apr_status_t cg_seal_rewrap(const cg_sealer_t *sealer, cg_str_t text,
                            const char **out_text, cg_error_t *err,
                            apr_pool_t *pool)
{
    unsigned char data_key[KEY_BYTES];
    parts_t parts;
    apr_status_t rv = parse_for(sealer, text, &parts, err);
    if (rv == APR_SUCCESS) {
        rv = unwrap(sealer, &parts, data_key, err, pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    const cg_master_t *current = &sealer->keys[0];
    const char *wrapped = cg_str_is(parts.key_id, current->id)
                              ? cg_str_dup(parts.wrapped, pool)
                              : wrap(current, data_key, pool);
    cg_wipe(data_key, sizeof data_key);
    *out_text = apr_pstrcat(pool, FORM ".", current->id, ".", wrapped, ".",
                            cg_str_dup(parts.nonce, pool), ".",
                            cg_str_dup(parts.sealed, pool), NULL);
    return APR_SUCCESS;
}

const char *cg_seal_key_id(cg_str_t text, apr_pool_t *pool)
{
    parts_t parts;
    return parse(text, &parts) ? cg_str_dup(parts.key_id, pool) : NULL;
}
