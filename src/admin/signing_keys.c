/* Signing keys: list, create, read, update, revoke.
 * SPDX-License-Identifier: Apache-2.0
 *
 * As with API keys, a change is done first and recorded second, and taken back when
 * it cannot be recorded; a revocation stays.
 */
#include <string.h>

#include <apr_strings.h>

#include "admin/members.h"
#include "auth/signkey.h"
#include "base/clock.h"

#define SECRET_MEMBER "secret"

/* The members that are plain words. */
static const cg_admin_word_t WORDS[] = {
    CG_ADMIN_WORD(cg_signkey_t, id),   CG_ADMIN_WORD(cg_signkey_t, name),
    CG_ADMIN_WORD(cg_signkey_t, key),  CG_ADMIN_WORD(cg_signkey_t, user),
    CG_ADMIN_WORD(cg_signkey_t, team),
};
#define WORDS_COUNT (sizeof WORDS / sizeof WORDS[0])

/* ---- a signing key as JSON ------------------------------------------------------- */

static const char *state_of(const cg_signkey_t *key, apr_time_t now)
{
    if (key->state == CG_SIGNKEY_ACTIVE && key->expires_at != 0 &&
        key->expires_at <= now) {
        return "expired";
    }
    return cg_signkey_state_name(key->state);
}

static cg_json_t *key_json(const cg_ask_t *ask, const cg_signkey_t *key)
{
    cg_json_t *object = cg_json_object(ask->pool);
    cg_admin_set_words(object, key, WORDS, WORDS_COUNT);
    cg_json_set_str(object, "algorithm", cg_signkey_alg_name(key->alg));
    if (cg_sig_alg_is_hmac((cg_sig_alg_t)key->alg)) {
        cg_json_set_null(object, "public_key");
    }
    else {
        cg_json_set_str(object, "public_key", key->material);
    }
    cg_json_set_str(object, "state", state_of(key, ask->call->now));
    cg_admin_set_time(object, "created_at", key->created_at);
    cg_admin_set_time(object, "expires_at", key->expires_at);
    cg_admin_set_time(object, "last_used_at", key->last_used_at);
    cg_json_set_int(object, "version", key->version);
    return object;
}

/* ---- a body into a signing key ----------------------------------------------------- */

static void take_state(cg_ask_t *ask, cg_signkey_t *key)
{
    cg_signkey_state_t state = CG_SIGNKEY_ACTIVE;
    const char *name = cg_json_get_str(ask->body, "state", NULL);
    if (name && cg_signkey_state_find(cg_str(name), &state)) {
        key->state = (uint8_t)state;
    }
}

/* Writes what the body gives over key; false: the faults are answered. */
static bool take_body(cg_ask_t *ask, cg_signkey_t *key)
{
    cg_error_t err = {""};
    cg_admin_take_words(ask, key, WORDS, WORDS_COUNT);
    cg_admin_take_expiry(ask, &key->expires_at);
    take_state(ask, key);
    if (!cg_admin_has_faults(ask) && !cg_signkey_check(key, &err)) {
        cg_admin_fault(ask, "body", "", "bad_signing_key", err.text);
    }
    if (cg_admin_has_faults(ask)) {
        cg_admin_refuse_faults(ask);
        return false;
    }
    return true;
}

/* The public key, or a secret that others have already; empty: one is made. */
static bool take_material(cg_ask_t *ask, const cg_signkey_t *key, cg_str_t *out)
{
    const char *pem = cg_json_get_str(ask->body, "public_key", "");
    const char *secret = cg_json_get_str(ask->body, SECRET_MEMBER, "");
    bool is_shared = cg_sig_alg_is_hmac((cg_sig_alg_t)key->alg);
    if (is_shared && pem[0]) {
        cg_admin_fault(ask, "body", "/public_key", "not_public",
                       "hmac-sha256 has a shared secret");
    }
    if (!is_shared && secret[0]) {
        cg_admin_fault(ask, "body", "/" SECRET_MEMBER, "not_shared",
                       "this algorithm has a key pair; give its public half");
    }
    if (!is_shared && !pem[0]) {
        cg_admin_fault(ask, "body", "/public_key", "missing",
                       "this algorithm needs it, as PEM");
    }
    if (cg_admin_has_faults(ask)) {
        cg_admin_refuse_faults(ask);
        return false;
    }
    *out = cg_str(is_shared ? secret : pem);
    return true;
}

/* ---- answering ---------------------------------------------------------------------- */

static bool has_ring(cg_ask_t *ask)
{
    if (ask->admin->signring) {
        return true;
    }
    cg_admin_problem(ask, CG_PROBLEM_SERVICE,
                     "signing keys are not configured");
    return false;
}

static void refuse(cg_ask_t *ask, apr_status_t rv, const cg_error_t *err)
{
    if (APR_STATUS_IS_NOTFOUND(rv)) {
        cg_admin_problem(ask, CG_PROBLEM_ABSENT,
                         "there is no such signing key");
    }
    else if (rv == APR_EMISMATCH) {
        cg_admin_problem(ask, CG_PROBLEM_STALE,
                         "somebody was faster; read it again");
    }
    else if (rv == APR_EEXIST) {
        cg_admin_problem(ask, CG_PROBLEM_CONFLICT, "%s", err->text);
    }
    else if (rv == APR_ENOTIMPL) {
        cg_admin_problem(ask, CG_PROBLEM_SERVICE,
                         "shared secrets are kept sealed only: %s", err->text);
    }
    else {
        cg_admin_store_away(ask, err->text);
    }
}

static bool read_key(cg_ask_t *ask, cg_signkey_t *out)
{
    if (!has_ring(ask)) {
        return false;
    }
    cg_error_t err = {""};
    apr_status_t rv =
        cg_signkey_get(ask->admin->signring, ask->id, out, &err, ask->pool);
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
    }
    return rv == APR_SUCCESS;
}

/* Records the step from before (NULL: there was none) to after. */
static const char *record_step(cg_ask_t *ask, int status,
                               const cg_signkey_t *before,
                               const cg_signkey_t *after)
{
    cg_json_t *old = before ? key_json(ask, before) : NULL;
    return cg_admin_record_change(
        ask, status, apr_pstrcat(ask->pool, "signing-keys/", after->id, NULL),
        old, key_json(ask, after));
}

/* secret "": none was made, and is told as null. */
static void reply_key(cg_ask_t *ask, int status, const cg_signkey_t *key,
                      const char *secret, const char *audit_id)
{
    cg_json_t *object = key_json(ask, key);
    if (secret && secret[0]) {
        cg_json_set_str(object, SECRET_MEMBER, secret);
    }
    else if (secret) {
        cg_json_set_null(object, SECRET_MEMBER);
    }
    if (audit_id) {
        cg_json_set_str(object, "audit_id", audit_id);
    }
    cg_admin_etag(ask, key->version);
    cg_admin_json(ask, status, object);
}

/* ---- the endpoints ------------------------------------------------------------------- */

void cg_admin_signing_keys_list(cg_ask_t *ask)
{
    if (!has_ring(ask)) {
        return;
    }
    apr_array_header_t *keys = NULL;
    const char *next = NULL;
    cg_error_t err = {""};
    apr_status_t rv = cg_signkey_list(
        ask->admin->signring, cg_admin_param(ask, "cursor"),
        (int)cg_admin_param_limit(ask), &keys, &next, &err, ask->pool);
    if (rv == APR_EINVAL) {
        cg_admin_refuse_cursor(ask);
        return;
    }
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
        return;
    }
    cg_json_t *items = cg_json_array(ask->pool);
    for (int i = 0; i < keys->nelts; i++) {
        cg_json_add(items,
                    key_json(ask, &APR_ARRAY_IDX(keys, i, cg_signkey_t)));
    }
    cg_admin_list(ask, items, next);
}

void cg_admin_signing_keys_create(cg_ask_t *ask)
{
    cg_signkey_t wanted = {.state = CG_SIGNKEY_ACTIVE};
    cg_str_t material;
    cg_signkey_alg_find(cg_str(cg_json_get_str(ask->body, "algorithm", "")),
                        &wanted.alg);
    if (!has_ring(ask) || !take_body(ask, &wanted) ||
        !take_material(ask, &wanted, &material)) {
        return;
    }
    cg_signkey_t key;
    const char *secret = NULL;
    cg_error_t err = {""};
    apr_status_t rv =
        cg_signkey_create(ask->admin->signring, &wanted, material,
                          ask->call->now, &key, &secret, &err, ask->pool);
    if (rv == APR_EINVAL) {
        bool is_shared = cg_sig_alg_is_hmac((cg_sig_alg_t)wanted.alg);
        cg_admin_fault(ask, "body",
                       is_shared ? "/" SECRET_MEMBER : "/public_key", "bad_key",
                       err.text);
        cg_admin_refuse_faults(ask);
        return;
    }
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
        return;
    }
    const char *audit_id = record_step(ask, 201, NULL, &key);
    if (!audit_id) {
        cg_signkey_revoke(ask->admin->signring, key.id, &key, NULL, ask->pool);
        return;
    }
    apr_table_setn(ask->reply->headers, "Location",
                   apr_pstrcat(ask->pool, ask->call->base, "/signing-keys/",
                               key.id, NULL));
    reply_key(ask, 201, &key, secret ? secret : "", audit_id);
}

void cg_admin_signing_keys_get(cg_ask_t *ask)
{
    cg_signkey_t key;
    if (read_key(ask, &key)) {
        reply_key(ask, 200, &key, NULL, NULL);
    }
}

void cg_admin_signing_keys_update(cg_ask_t *ask)
{
    cg_signkey_t before;
    if (!read_key(ask, &before) || !cg_admin_is_current(ask, before.version)) {
        return;
    }
    cg_signkey_t wanted = before;
    if (!take_body(ask, &wanted)) {
        return;
    }
    if (before.state == CG_SIGNKEY_REVOKED) {
        cg_admin_problem(ask, CG_PROBLEM_CONFLICT,
                         "a revoked signing key stays so; create another");
        return;
    }
    cg_signkey_t after;
    cg_error_t err = {""};
    apr_status_t rv = cg_signkey_update(ask->admin->signring, &wanted, &after,
                                        &err, ask->pool);
    if (rv != APR_SUCCESS) {
        refuse(ask, rv == APR_EINVAL ? APR_EMISMATCH : rv, &err);
        return;
    }
    const char *audit_id = record_step(ask, 200, &before, &after);
    if (audit_id) {
        reply_key(ask, 200, &after, NULL, audit_id);
        return;
    }
    before.version = after.version;
    cg_signkey_update(ask->admin->signring, &before, &after, NULL, ask->pool);
}

void cg_admin_signing_keys_revoke(cg_ask_t *ask)
{
    cg_signkey_t before;
    if (!read_key(ask, &before)) {
        return;
    }
    cg_signkey_t after;
    cg_error_t err = {""};
    apr_status_t rv = cg_signkey_revoke(ask->admin->signring, ask->id, &after,
                                        &err, ask->pool);
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
        return;
    }
    const char *audit_id = record_step(ask, 200, &before, &after);
    if (audit_id) {
        reply_key(ask, 200, &after, NULL, audit_id);
    }
}
