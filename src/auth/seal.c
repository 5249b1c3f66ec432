/* Sealed secrets: what the store may hold of a credential or a signing secret.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/seal.h"

#include <string.h>

#include <apr_strings.h>

#include "base/aead.h"
#include "base/digest.h"
#include "base/source.h"

#define FORM "cgs1"
#define OWNER_MAX 128
#define KEY_BYTES CG_AEAD_KEY_BYTES
#define NONCE_BYTES CG_AEAD_NONCE_BYTES
#define TAG_BYTES CG_AEAD_TAG_BYTES
#define WRAPPED_BYTES (NONCE_BYTES + KEY_BYTES + TAG_BYTES)
#define WRAPPED_CHARS 80 /* in base64url */
#define NONCE_CHARS 16
#define SEALED_CHARS_MAX ((CG_SEAL_PLAIN_MAX + TAG_BYTES) * 4 / 3 + 4)
#define KEY_ID_LABEL "mod_chatgpt seal key id 1"

typedef struct master_t {
    char id[CG_SEAL_KEY_ID_LEN + 1];
    const cg_secret_t *key; /* KEY_BYTES */
} master_t;

struct cg_sealer_t {
    size_t count;
    master_t keys[CG_SEAL_KEYS_MAX]; /* the current one first */
};

/* The five parts of a sealed text. lives in: the text itself */
typedef struct parts_t {
    cg_str_t key_id;
    cg_str_t wrapped;
    cg_str_t nonce;
    cg_str_t sealed;
} parts_t;

/* ---- master keys --------------------------------------------------------- */

static cg_str_t trim(cg_str_t text)
{
    while (text.len && strchr(" \t\r", text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len && strchr(" \t\r", text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* 64 hexadecimal digits, or base64 of either alphabet with or without its "=". */
static bool read_key(cg_str_t line, unsigned char out[KEY_BYTES])
{
    char plain[CG_SEAL_LINE_LEN];
    size_t len = 0;
    if (line.len == 2 * KEY_BYTES) {
        return cg_hex_decode(line.ptr, line.len, out);
    }
    if (line.len == CG_SEAL_LINE_LEN + 1 && line.ptr[CG_SEAL_LINE_LEN] == '=') {
        line.len--;
    }
    if (line.len != CG_SEAL_LINE_LEN) {
        return false;
    }
    for (size_t i = 0; i < sizeof plain; i++) {
        char c = line.ptr[i];
        plain[i] = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    bool is_read = cg_b64url_decode(plain, sizeof plain, out, &len);
    cg_wipe(plain, sizeof plain);
    return is_read && len == KEY_BYTES;
}

/* The id is told by the key, so that nobody has to number keys, and no two files
 * call different keys the same. */
static void name_key(master_t *key)
{
    unsigned char digest[CG_SHA256_BYTES];
    cg_str_t bytes = cg_secret_open(key->key);
    cg_hmac_sha256(bytes.ptr, bytes.len, KEY_ID_LABEL, strlen(KEY_ID_LABEL),
                   digest);
    cg_hex_encode(digest, CG_SEAL_KEY_ID_LEN / 2, key->id);
}

static const master_t *find_key(const cg_sealer_t *sealer, cg_str_t id)
{
    for (size_t i = 0; i < sealer->count; i++) {
        if (cg_str_is(id, sealer->keys[i].id)) {
            return &sealer->keys[i];
        }
    }
    return NULL;
}

static apr_status_t add_key(cg_sealer_t *sealer, cg_str_t line, int number,
                            cg_error_t *err, apr_pool_t *pool)
{
    unsigned char bytes[KEY_BYTES];
    if (sealer->count == CG_SEAL_KEYS_MAX) {
        cg_error_set(err, "there are more than %d master keys",
                     CG_SEAL_KEYS_MAX);
        return APR_EINVAL;
    }
    if (!read_key(line, bytes)) {
        cg_wipe(bytes, sizeof bytes);
        cg_error_set(err,
                     "line %d is not a master key: 32 random bytes as 64 "
                     "hexadecimal digits or 43 characters of base64url; "
                     "chatgptctl seal new-key writes one",
                     number);
        return APR_EINVAL;
    }
    master_t *key = &sealer->keys[sealer->count];
    key->key =
        cg_secret_make((cg_str_t){(const char *)bytes, sizeof bytes}, pool);
    cg_wipe(bytes, sizeof bytes);
    name_key(key);
    if (!find_key(sealer, cg_str(key->id))) {
        sealer->count++; /* else the same key again */
    }
    return APR_SUCCESS;
}

static apr_status_t add_lines(cg_sealer_t *sealer, cg_str_t text,
                              cg_error_t *err, apr_pool_t *pool)
{
    size_t before = sealer->count;
    apr_status_t rv = APR_SUCCESS;
    for (int number = 1; text.len && rv == APR_SUCCESS; number++) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        cg_str_t line = trim((cg_str_t){text.ptr, len});
        if (line.len && line.ptr[0] != '#') {
            rv = add_key(sealer, line, number, err, pool);
        }
        text.ptr += len + (end ? 1 : 0);
        text.len -= len + (end ? 1 : 0);
    }
    if (rv == APR_SUCCESS && sealer->count == before && before == 0) {
        cg_error_set(err, "there is no master key in it; chatgptctl seal "
                          "new-key writes one");
        return APR_EINVAL;
    }
    return rv;
}

bool cg_sealer_check(const char *word, cg_error_t *err)
{
    return cg_source_check(word, err);
}

apr_status_t cg_sealer_make(cg_sealer_t **out, cg_str_t lines, cg_error_t *err,
                            apr_pool_t *pool)
{
    cg_sealer_t *sealer = apr_pcalloc(pool, sizeof *sealer);
    apr_status_t rv = add_lines(sealer, lines, err, pool);
    *out = rv == APR_SUCCESS ? sealer : NULL;
    return rv;
}

/* The text of a source lives in a pool of its own, and is wiped with it. */
static apr_status_t add_source(cg_sealer_t *sealer, const char *word,
                               cg_error_t *err, apr_pool_t *pool)
{
    apr_pool_t *own;
    cg_secret_t *text = NULL;
    cg_error_t why = {.text = ""};
    apr_pool_create(&own, pool);
    apr_status_t rv = cg_source_read(word, &text, &why, own);
    if (rv == APR_SUCCESS) {
        rv = add_lines(sealer, cg_secret_open(text), &why, pool);
    }
    apr_pool_destroy(own);
    if (rv != APR_SUCCESS) {
        /* What follows a program's path may be anything, and is not shown. */
        bool is_legal = cg_source_check(word, NULL);
        int len = is_legal ? (int)strcspn(word, " ") : 0;
        cg_error_set(err, "%.*s%s%s", len < 100 ? len : 100, word,
                     is_legal ? ": " : "", why.text);
    }
    return rv;
}

apr_status_t cg_sealer_open(cg_sealer_t **out, const apr_array_header_t *words,
                            cg_error_t *err, apr_pool_t *pool)
{
    cg_sealer_t *sealer = apr_pcalloc(pool, sizeof *sealer);
    *out = NULL;
    for (int i = 0; words && i < words->nelts; i++) {
        apr_status_t rv = add_source(
            sealer, APR_ARRAY_IDX(words, i, const char *), err, pool);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    *out = sealer->count ? sealer : NULL;
    return APR_SUCCESS;
}

void cg_sealer_new_key(char *out)
{
    unsigned char bytes[KEY_BYTES];
    cg_random(bytes, sizeof bytes);
    cg_b64url_encode(bytes, sizeof bytes, out);
    cg_wipe(bytes, sizeof bytes);
}

size_t cg_sealer_count(const cg_sealer_t *sealer)
{
    return sealer ? sealer->count : 0;
}

const char *cg_sealer_key_id(const cg_sealer_t *sealer, size_t index)
{
    return index < cg_sealer_count(sealer) ? sealer->keys[index].id : NULL;
}

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

static const unsigned char *bytes_of(const master_t *key)
{
    return (const unsigned char *)cg_secret_open(key->key).ptr;
}

static cg_str_t bound_key(const char *id, apr_pool_t *pool)
{
    return cg_str(apr_pstrcat(pool, FORM " data key\n", id, NULL));
}

static const char *wrap(const master_t *key, const unsigned char *data_key,
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
    const master_t *key = find_key(sealer, parts->key_id);
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
    const master_t *current = &sealer->keys[0];
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
