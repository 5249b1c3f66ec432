/* An API key as a Redis hash, and the bounds of its texts.
 * SPDX-License-Identifier: Apache-2.0
 *
 * To add a field: a row in fields, a writer and a reader here, a member in
 * cg_key_t. Limits are written "<dimension>:<limit>[:<store down>]", a blank
 * between two: key:100/60s key:5USD/month:closed
 */
#include "auth/keyrecord.h"

#include <string.h>

#include <apr_strings.h>

#include "auth/keyplace.h"
#include "auth/versioned.h"
#include "base/clock.h"
#include "redact/demand.h"

static const char *const state_names[] = {
    [CG_KEY_STATE_ACTIVE] = "active",
    [CG_KEY_STATE_SUSPENDED] = "suspended",
    [CG_KEY_STATE_REVOKED] = "revoked",
};

const char *cg_key_state_name(int state)
{
    return state >= 0 && state < CG_KEY_STATE_COUNT ? state_names[state] : "";
}

bool cg_key_state_find(cg_str_t name, cg_key_state_t *out)
{
    for (int i = 0; i < CG_KEY_STATE_COUNT; i++) {
        if (cg_str_is(name, state_names[i])) {
            *out = (cg_key_state_t)i;
            return true;
        }
    }
    return false;
}

/* ---- texts: members of cg_key_t that are read and written as they are ---- */

static const struct text_member_t {
    const char *name;
    size_t offset;
    size_t bytes;
} text_members[] = {
#define MEMBER(name)                                                           \
    {                                                                          \
#name, offsetof(cg_key_t, name), sizeof(((cg_key_t *)0)->name)         \
    }
    MEMBER(name),   MEMBER(owner),          MEMBER(user),      MEMBER(team),
    MEMBER(prefix), MEMBER(last4),          MEMBER(models),    MEMBER(redact),
    MEMBER(tags),   MEMBER(endpoints),      MEMBER(addresses), MEMBER(vhosts),
    MEMBER(hours),  MEMBER(previous_last4),
#undef MEMBER
};
#define TEXT_MEMBERS (sizeof text_members / sizeof text_members[0])

static char *member_of(cg_key_t *key, const struct text_member_t *member)
{
    return (char *)key + member->offset;
}

static const char *text_of(const cg_key_t *key,
                           const struct text_member_t *member)
{
    return (const char *)key + member->offset;
}

static bool is_text(cg_str_t text, size_t room)
{
    if (text.len >= room || !cg_utf8_valid(text.ptr, text.len)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return true;
}

bool cg_key_check(const cg_key_t *key, cg_error_t *err)
{
    for (size_t i = 0; i < TEXT_MEMBERS; i++) {
        const struct text_member_t *member = &text_members[i];
        const char *text = text_of(key, member);
        if (!memchr(text, '\0', member->bytes) ||
            !is_text(cg_str(text), member->bytes)) {
            cg_error_set(err,
                         "%s must be UTF-8 of at most %d bytes without control "
                         "characters",
                         member->name, (int)member->bytes - 1);
            return false;
        }
    }
    if (!key->name[0]) {
        cg_error_set(err, "name must not be empty");
        return false;
    }
    if (key->state >= CG_KEY_STATE_COUNT) {
        cg_error_set(err, "state must be active, suspended or revoked");
        return false;
    }
    if (key->expires_at < 0) {
        cg_error_set(err, "expires_at must lie after 1970");
        return false;
    }
    if (key->limits_count > CG_KEY_LIMITS_MAX) {
        cg_error_set(err, "a key has at most %d limits", CG_KEY_LIMITS_MAX);
        return false;
    }
    cg_demand_t demand;
    cg_error_t why;
    if (!cg_demand_read(cg_str(key->redact), &demand, &why)) {
        cg_error_set(err, "redact: %s", why.text);
        return false;
    }
    return cg_key_endpoints_check(key->endpoints, err) &&
           cg_key_addresses_check(key->addresses, err) &&
           cg_key_vhosts_check(key->vhosts, err) &&
           cg_key_hours_check(key->hours, err) &&
           cg_key_tags_check(key->tags, err);
}

/* ---- limits ------------------------------------------------------------ */

bool cg_key_add_limit(cg_key_t *key, cg_str_t text, cg_error_t *err)
{
    cg_limit_t limit = {.dimension = CG_DIMENSION_KEY};
    if (key->limits_count >= CG_KEY_LIMITS_MAX) {
        cg_error_set(err, "a key has at most %d limits", CG_KEY_LIMITS_MAX);
        return false;
    }
    if (!cg_limit_parse(text, &limit, err)) {
        return false;
    }
    key->limits[key->limits_count++] = limit;
    return true;
}

static const char *write_limits(const cg_key_t *key, apr_pool_t *pool)
{
    const char *text = "";
    for (int i = 0; i < key->limits_count; i++) {
        const cg_limit_t *limit = &key->limits[i];
        text =
            apr_pstrcat(pool, text, i ? " " : "", cg_limit_scope(limit, pool),
                        ":", cg_limit_spell(limit, pool), NULL);
    }
    return text;
}

/* The piece of text up to the first of stops; text moves on behind it. */
static cg_str_t cut(cg_str_t *text, char stop)
{
    const char *end = text->len ? memchr(text->ptr, stop, text->len) : NULL;
    cg_str_t piece = *text;
    if (!end) {
        text->len = 0;
        return piece;
    }
    piece.len = (size_t)(end - text->ptr);
    text->ptr = end + 1;
    text->len -= piece.len + 1;
    return piece;
}

/* Records of before 0.2 say ":closed" where ";closed" stands now. */
static cg_store_down_t cut_store_down(cg_str_t *text)
{
    cg_store_down_t mode = CG_STORE_DOWN_UNSET;
    size_t at = text->len;
    while (at > 0 && text->ptr[at - 1] != ':') {
        at--;
    }
    cg_str_t tail = {text->ptr + at, text->len - at};
    if (at > 0 && cg_limit_store_down_find(tail, &mode)) {
        text->len = at - 1;
    }
    return mode;
}

static bool read_limit(cg_str_t text, cg_key_t *key, cg_error_t *err)
{
    cg_limit_t scope = {0};
    cg_str_t name = cut(&text, ':');
    cg_store_down_t mode = cut_store_down(&text);
    if (!cg_limit_scope_read(name, &scope) ||
        !cg_key_add_limit(key, text, err)) {
        return false;
    }
    cg_limit_t *limit = &key->limits[key->limits_count - 1];
    limit->dimension = scope.dimension;
    limit->with = scope.with;
    if (mode != CG_STORE_DOWN_UNSET) {
        limit->store_down = (uint8_t)mode;
    }
    return true;
}

static bool read_limits(cg_str_t text, cg_key_t *key, cg_error_t *err)
{
    while (text.len) {
        if (!read_limit(cut(&text, ' '), key, err)) {
            return false;
        }
    }
    return true;
}

/* ---- the hash ---------------------------------------------------------- */

size_t cg_keyrecord_write(const cg_key_t *key,
                          cg_str_t out[2 * CG_KEYRECORD_FIELDS],
                          apr_pool_t *pool)
{
    size_t n = 0;
    char *digest = apr_palloc(pool, 2 * sizeof key->digest + 1);
    char *previous = apr_pcalloc(pool, 2 * sizeof key->digest + 1);
    cg_hex_encode(key->digest, sizeof key->digest, digest);
    if (key->previous_until) {
        cg_hex_encode(key->previous_digest, sizeof key->previous_digest,
                      previous);
    }
    for (size_t i = 0; i < TEXT_MEMBERS; i++) {
        n = cg_versioned_put(out, n, text_members[i].name,
                             cg_str(text_of(key, &text_members[i])));
    }
    n = cg_versioned_put(out, n, "digest", cg_str(digest));
    n = cg_versioned_put(out, n, "previous_digest", cg_str(previous));
    n = cg_versioned_put(out, n, "previous_until",
                         cg_versioned_time(key->previous_until, pool));
    n = cg_versioned_put(out, n, "state",
                         cg_str(cg_key_state_name(key->state)));
    n = cg_versioned_put(out, n, "created_at",
                         cg_versioned_time(key->created_at, pool));
    n = cg_versioned_put(out, n, "expires_at",
                         cg_versioned_time(key->expires_at, pool));
    n = cg_versioned_put(out, n, "limits", cg_str(write_limits(key, pool)));
    n = cg_versioned_put(
        out, n, "version",
        cg_str(apr_psprintf(pool, "%" APR_INT64_T_FMT, key->version)));
    return n;
}

static bool read_text(cg_str_t value, const char *name, cg_key_t *key)
{
    for (size_t i = 0; i < TEXT_MEMBERS; i++) {
        const struct text_member_t *member = &text_members[i];
        if (strcmp(member->name, name) == 0) {
            if (!is_text(value, member->bytes)) {
                return false;
            }
            memcpy(member_of(key, member), value.ptr, value.len);
            return true;
        }
    }
    return true; /* a field of a later version */
}

static bool read_time(cg_str_t value, apr_time_t *out)
{
    return value.len == 0 || cg_clock_parse_rfc3339(value, out);
}

static bool read_digest(cg_str_t value, unsigned char out[32])
{
    return value.len == 64 && cg_hex_decode(value.ptr, value.len, out);
}

/* True, and *out_is_sound, if name is a moment of a key. */
static bool is_time(const char *name, cg_str_t value, cg_key_t *key,
                    bool *out_is_sound)
{
    const struct {
        const char *name;
        apr_time_t *to;
    } times[] = {{"created_at", &key->created_at},
                 {"expires_at", &key->expires_at},
                 {"previous_until", &key->previous_until},
                 {"last_used_at", &key->last_used_at},
                 {"previous_used_at", &key->previous_used_at}};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        if (strcmp(name, times[i].name) == 0) {
            *out_is_sound = read_time(value, times[i].to);
            return true;
        }
    }
    return false;
}

static bool read_field(const char *name, cg_str_t value, cg_key_t *key)
{
    cg_key_state_t state;
    bool is_sound;
    if (strcmp(name, "digest") == 0) {
        return read_digest(value, key->digest);
    }
    if (strcmp(name, "previous_digest") == 0) {
        return value.len == 0 || read_digest(value, key->previous_digest);
    }
    if (is_time(name, value, key, &is_sound)) {
        return is_sound;
    }
    if (strcmp(name, "state") == 0) {
        bool is_state = cg_key_state_find(value, &state);
        key->state = is_state ? (uint8_t)state : CG_KEY_STATE_REVOKED;
        return is_state;
    }
    if (strcmp(name, "limits") == 0) {
        return read_limits(value, key, NULL);
    }
    if (strcmp(name, "version") == 0) {
        return cg_parse_count(value, &key->version);
    }
    return read_text(value, name, key);
}

apr_status_t cg_keyrecord_read(const cg_reply_t *reply, const char *id,
                               cg_key_t *out, cg_error_t *err)
{
    static const unsigned char none[sizeof out->digest];
    char name[sizeof out->id] = "";
    apr_cpystrn(name, id, sizeof name); /* id may be out's own */
    memset(out, 0, sizeof *out);
    if (reply->kind != CG_REPLY_ARRAY) {
        cg_error_set(err,
                     "the store has something else than a key under the "
                     "id %s",
                     name);
        return APR_EGENERAL;
    }
    if (reply->count == 0) {
        cg_error_set(err, "there is no key with the id %s", name);
        return APR_NOTFOUND;
    }
    memcpy(out->id, name, sizeof out->id);
    bool is_sound = true;
    for (size_t i = 0; i + 1 < reply->count && is_sound; i += 2) {
        is_sound =
            read_field(reply->items[i].text.ptr, reply->items[i + 1].text, out);
    }
    if (!is_sound || out->version < 1 || !out->created_at ||
        memcmp(out->digest, none, sizeof none) == 0 ||
        (out->previous_until &&
         memcmp(out->previous_digest, none, sizeof none) == 0)) {
        memset(out, 0, sizeof *out);
        cg_error_set(err, "the record of the key %s is damaged", name);
        return APR_EINVAL;
    }
    return APR_SUCCESS;
}
