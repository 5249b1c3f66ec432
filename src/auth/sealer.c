/* The master keys under which secrets are sealed: where they come from, and which
 * is the current one.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/seal_int.h"

#include <string.h>

#include "base/digest.h"
#include "base/source.h"

#define KEY_ID_LABEL "mod_chatgpt seal key id 1"

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
static bool read_key(cg_str_t line, unsigned char out[CG_SEAL_KEY_BYTES])
{
    char plain[CG_SEAL_LINE_LEN];
    size_t len = 0;
    if (line.len == 2 * CG_SEAL_KEY_BYTES) {
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
    return is_read && len == CG_SEAL_KEY_BYTES;
}

/* The id is told by the key, so that nobody has to number keys, and no two files
 * call different keys the same. */
static void name_key(cg_master_t *key)
{
    unsigned char digest[CG_SHA256_BYTES];
    cg_str_t bytes = cg_secret_open(key->key);
    cg_hmac_sha256(bytes.ptr, bytes.len, KEY_ID_LABEL, strlen(KEY_ID_LABEL),
                   digest);
    cg_hex_encode(digest, CG_SEAL_KEY_ID_LEN / 2, key->id);
}

const cg_master_t *cg_sealer_find(const cg_sealer_t *sealer, cg_str_t id)
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
    unsigned char bytes[CG_SEAL_KEY_BYTES];
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
    cg_master_t *key = &sealer->keys[sealer->count];
    key->key =
        cg_secret_make((cg_str_t){(const char *)bytes, sizeof bytes}, pool);
    cg_wipe(bytes, sizeof bytes);
    name_key(key);
    if (!cg_sealer_find(sealer, cg_str(key->id))) {
        sealer->count++; /* else the same key again */
    }
    return APR_SUCCESS;
}

static apr_status_t add_lines(cg_sealer_t *sealer, cg_str_t text,
                              cg_error_t *err, apr_pool_t *pool)
{
    bool has_key = false;
    apr_status_t rv = APR_SUCCESS;
    for (int number = 1; text.len && rv == APR_SUCCESS; number++) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        cg_str_t line = trim((cg_str_t){text.ptr, len});
        if (line.len && line.ptr[0] != '#') {
            rv = add_key(sealer, line, number, err, pool);
            has_key = true;
        }
        text.ptr += len + (end ? 1 : 0);
        text.len -= len + (end ? 1 : 0);
    }
    if (!has_key) { /* of a source that fell silent no secret would open */
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
    unsigned char bytes[CG_SEAL_KEY_BYTES];
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
