/* A signing key as a Redis hash, the names of its words, and their bounds.
 * SPDX-License-Identifier: Apache-2.0
 *
 * To add a field: a member in cg_signkey_t, a row in texts or a line in write and
 * read here.
 */
#include <string.h>

#include <apr_strings.h>

#include "auth/sealed.h"
#include "auth/signkey_int.h"
#include "auth/versioned.h"
#include "base/clock.h"

static const char *const states[] = {
    [CG_SIGNKEY_ACTIVE] = "active",
    [CG_SIGNKEY_SUSPENDED] = "suspended",
    [CG_SIGNKEY_REVOKED] = "revoked",
};

/* RFC 9421 section 3.3. To allow another algorithm: a row. */
static const struct {
    const char *name;
    cg_sig_alg_t alg;
} algorithms[] = {
    {"hmac-sha256", CG_SIG_HS256},
    {"ed25519", CG_SIG_EDDSA},
    {"ecdsa-p256-sha256", CG_SIG_ES256},
    {"rsa-pss-sha512", CG_SIG_PS512},
};
enum { ALGORITHMS = sizeof algorithms / sizeof algorithms[0] };

/* The members that are read and written as they are. */
static const struct {
    const char *name;
    size_t offset;
    size_t bytes;
} texts[] = {
#define MEMBER(name)                                                           \
    {                                                                          \
#name, offsetof(cg_signkey_t, name), sizeof(((cg_signkey_t *)0)->name) \
    }
    MEMBER(name), MEMBER(key), MEMBER(user), MEMBER(team), MEMBER(material),
#undef MEMBER
};
enum { TEXTS = sizeof texts / sizeof texts[0], MATERIAL = TEXTS - 1 };

/* Under which name the material stands: a secret where those who wrap sealed texts
 * anew look for it. */
static const char *material_name(int alg)
{
    return cg_sig_alg_is_hmac((cg_sig_alg_t)alg) ? CG_SEALED_FIELD
                                                 : "public_key";
}

const char *cg_signkey_state_name(int state)
{
    return state >= 0 && state < CG_SIGNKEY_STATES ? states[state] : "";
}

bool cg_signkey_state_find(cg_str_t name, cg_signkey_state_t *out)
{
    for (int i = 0; i < CG_SIGNKEY_STATES; i++) {
        if (cg_str_is(name, states[i])) {
            *out = (cg_signkey_state_t)i;
            return true;
        }
    }
    return false;
}

const char *cg_signkey_alg_name(int alg)
{
    for (int i = 0; i < ALGORITHMS; i++) {
        if ((int)algorithms[i].alg == alg) {
            return algorithms[i].name;
        }
    }
    return "";
}

bool cg_signkey_alg_find(cg_str_t name, uint8_t *out)
{
    for (int i = 0; i < ALGORITHMS; i++) {
        if (cg_str_is(name, algorithms[i].name)) {
            *out = (uint8_t)algorithms[i].alg;
            return true;
        }
    }
    return false;
}

const char *cg_signkey_alg_at(size_t index)
{
    return index < ALGORITHMS ? algorithms[index].name : NULL;
}

const char *cg_signkey_owner(const char *id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "signkey:", id, NULL);
}

/* It stands in a header, in names of keys and in paths. */
bool cg_signkey_is_id(cg_str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_one = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                      (c >= 'A' && c <= 'Z') || (i && c && strchr("._-", c));
        if (!is_one) {
            return false;
        }
    }
    return text.len > 0 && text.len <= CG_SIGNATURE_KEY_ID_MAX;
}

static bool is_text(cg_str_t text, size_t room, bool is_lines)
{
    if (text.len >= room || !cg_utf8_valid(text.ptr, text.len)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && !(is_lines && c == '\n')) || c == 0x7F) {
            return false;
        }
    }
    return true;
}

bool cg_signkey_check(const cg_signkey_t *key, cg_error_t *err)
{
    for (int i = 0; i < TEXTS; i++) {
        const char *text = (const char *)key + texts[i].offset;
        if (!memchr(text, '\0', texts[i].bytes) ||
            !is_text(cg_str(text), texts[i].bytes, i == MATERIAL)) {
            cg_error_set(err,
                         "%s must be UTF-8 of at most %d bytes without control "
                         "characters",
                         texts[i].name, (int)texts[i].bytes - 1);
            return false;
        }
    }
    if (!key->name[0]) {
        cg_error_set(err, "name must not be empty");
        return false;
    }
    if (!key->key[0] && !key->user[0] && !key->team[0]) {
        cg_error_set(err, "it must belong to somebody: key (the id of an API "
                          "key), user or team");
        return false;
    }
    if (key->id[0] && !cg_signkey_is_id(cg_str(key->id))) {
        cg_error_set(err,
                     "id must be 1 to %d letters, digits, \".\", \"_\" or "
                     "\"-\", and begin with one of the first two",
                     CG_SIGNATURE_KEY_ID_MAX);
        return false;
    }
    return true;
}

/* ---- the hash ------------------------------------------------------------------ */

size_t cg_signkey_write(const cg_signkey_t *key, bool is_new,
                        cg_str_t out[2 * CG_SIGNKEY_FIELDS], apr_pool_t *pool)
{
    size_t n = 0;
    if (is_new) {
        n = cg_versioned_put(out, n, material_name(key->alg),
                             cg_str(key->material));
    }
    for (int i = 0; i < MATERIAL; i++) {
        n = cg_versioned_put(out, n, texts[i].name,
                             cg_str((const char *)key + texts[i].offset));
    }
    n = cg_versioned_put(out, n, "alg", cg_str(cg_signkey_alg_name(key->alg)));
    n = cg_versioned_put(out, n, "state",
                         cg_str(cg_signkey_state_name(key->state)));
    n = cg_versioned_put(out, n, "created_at",
                         cg_versioned_time(key->created_at, pool));
    n = cg_versioned_put(out, n, "expires_at",
                         cg_versioned_time(key->expires_at, pool));
    return cg_versioned_put(
        out, n, "version",
        cg_str(apr_psprintf(pool, "%" APR_INT64_T_FMT, key->version)));
}

static bool read_time(cg_str_t value, apr_time_t *out)
{
    return value.len == 0 || cg_clock_parse_rfc3339(value, out);
}

static bool read_field(const char *name, cg_str_t value, cg_signkey_t *key)
{
    cg_signkey_state_t state = CG_SIGNKEY_REVOKED;
    if (strcmp(name, "alg") == 0) {
        return cg_signkey_alg_find(value, &key->alg);
    }
    if (strcmp(name, "state") == 0) {
        bool is_state = cg_signkey_state_find(value, &state);
        key->state = (uint8_t)state;
        return is_state;
    }
    if (strcmp(name, "created_at") == 0) {
        return read_time(value, &key->created_at);
    }
    if (strcmp(name, "expires_at") == 0) {
        return read_time(value, &key->expires_at);
    }
    if (strcmp(name, "version") == 0) {
        return cg_parse_count(value, &key->version);
    }
    bool is_material =
        strcmp(name, CG_SEALED_FIELD) == 0 || strcmp(name, "public_key") == 0;
    for (int i = 0; i < TEXTS; i++) {
        if (i == MATERIAL ? is_material : strcmp(name, texts[i].name) == 0) {
            if (!is_text(value, texts[i].bytes, i == MATERIAL)) {
                return false;
            }
            memcpy((char *)key + texts[i].offset, value.ptr, value.len);
        }
    }
    return true; /* or a field of a later version */
}

apr_status_t cg_signkey_read(const cg_reply_t *reply, const char *id,
                             cg_signkey_t *out, cg_error_t *err)
{
    char name[sizeof out->id] = "";
    apr_cpystrn(name, id, sizeof name); /* id may be out's own */
    memset(out, 0, sizeof *out);
    if (reply->kind == CG_REPLY_ARRAY && reply->count == 0) {
        cg_error_set(err, "there is no signing key with the id %s", name);
        return APR_NOTFOUND;
    }
    bool is_sound = reply->kind == CG_REPLY_ARRAY;
    for (size_t i = 0; is_sound && i + 1 < reply->count; i += 2) {
        is_sound =
            read_field(reply->items[i].text.ptr, reply->items[i + 1].text, out);
    }
    bool has_owner = out->key[0] || out->user[0] || out->team[0];
    if (!is_sound || out->version < 1 || !out->created_at ||
        !out->material[0] || out->alg == CG_SIG_NONE || !has_owner) {
        memset(out, 0, sizeof *out);
        cg_error_set(err, "the record of the signing key %s is damaged", name);
        return APR_EGENERAL;
    }
    memcpy(out->id, name, sizeof out->id);
    return APR_SUCCESS;
}
