/* API keys: list, create, read, update, rotate, revoke.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A change is done first and recorded second; when it cannot be recorded it is
 * taken back (create, update), so that no key works that the ledger does
 * not know. A revocation stays: it can only make things safer.
 */
#include <string.h>

#include <apr_strings.h>

#include "admin/admin_int.h"
#include "auth/apikey.h"
#include "base/clock.h"
#include "base/digest.h"
#include "redact/demand.h"

/* The members of a key that are plain words. */
static const struct {
    const char *name;
    size_t offset;
    size_t size; /* with the NUL */
} WORDS[] = {
    {"name", offsetof(cg_key_t, name), sizeof((cg_key_t *)0)->name},
    {"owner", offsetof(cg_key_t, owner), sizeof((cg_key_t *)0)->owner},
    {"user", offsetof(cg_key_t, user), sizeof((cg_key_t *)0)->user},
    {"team", offsetof(cg_key_t, team), sizeof((cg_key_t *)0)->team},
    {"redact", offsetof(cg_key_t, redact), sizeof((cg_key_t *)0)->redact},
};
#define WORDS_COUNT (sizeof WORDS / sizeof WORDS[0])

/* ---- a key as JSON ------------------------------------------------------ */

static const char *state_of(const cg_key_t *key, apr_time_t now)
{
    if (key->state == CG_KEY_STATE_ACTIVE && key->expires_at != 0 &&
        key->expires_at <= now) {
        return "expired";
    }
    return cg_key_state_name(key->state);
}

static cg_json_t *models_json(const cg_key_t *key, apr_pool_t *pool)
{
    cg_json_t *models = cg_json_array(pool);
    for (const char *p = key->models; *p;) {
        size_t len = strcspn(p, ",");
        cg_json_add_str(models, apr_pstrmemdup(pool, p, len));
        p += len + (p[len] == ',');
    }
    return models;
}

static void set_limits(cg_json_t *object, const cg_key_t *key, apr_pool_t *pool)
{
    cg_json_t *limits = cg_json_array(pool);
    cg_json_set_null(object, "budget");
    for (int i = 0; i < key->limits_count; i++) {
        const char *text = cg_limit_format(&key->limits[i], pool);
        if (key->limits[i].quantity == CG_QUANTITY_MICROS) {
            cg_json_set_str(object, "budget", text);
        }
        else {
            cg_json_add_str(limits, text);
        }
    }
    cg_json_set(object, "limits", limits);
}

static cg_json_t *key_json(const cg_ask_t *ask, const cg_key_t *key)
{
    cg_json_t *object = cg_json_object(ask->pool);
    cg_json_set_str(object, "id", key->id);
    for (size_t i = 0; i < WORDS_COUNT; i++) {
        cg_json_set_str(object, WORDS[i].name,
                        (const char *)key + WORDS[i].offset);
    }
    cg_json_set_str(object, "prefix", key->prefix);
    cg_json_set_str(object, "last4", key->last4);
    cg_json_set_str(object, "state", state_of(key, ask->call->now));
    cg_json_set(object, "models", models_json(key, ask->pool));
    set_limits(object, key, ask->pool);
    cg_admin_set_time(object, "created_at", key->created_at);
    cg_admin_set_time(object, "expires_at", key->expires_at);
    cg_json_set_int(object, "version", key->version);
    return object;
}

/* ---- a body into a key -------------------------------------------------- */

static void take_words(cg_ask_t *ask, cg_key_t *key)
{
    for (size_t i = 0; i < WORDS_COUNT; i++) {
        const cg_json_t *value = cg_json_get(ask->body, WORDS[i].name);
        if (!value) {
            continue;
        }
        const char *text = cg_json_text(value); /* null is "" */
        if (strlen(text) >= WORDS[i].size) {
            cg_admin_fault(
                ask, "body", apr_pstrcat(ask->pool, "/", WORDS[i].name, NULL),
                "too_long",
                apr_psprintf(ask->pool, "at most %" APR_SIZE_T_FMT " bytes",
                             WORDS[i].size - 1));
        }
        else {
            apr_cpystrn((char *)key + WORDS[i].offset, text, WORDS[i].size);
        }
    }
}

static void take_models(cg_ask_t *ask, cg_key_t *key)
{
    const cg_json_t *models = cg_json_get(ask->body, "models");
    if (!models) {
        return;
    }
    cg_buf_t list;
    cg_buf_init(&list, sizeof key->models, ask->pool);
    for (size_t i = 0; i < cg_json_size(models); i++) {
        const char *model = cg_json_text(cg_json_at(models, i));
        if (strpbrk(model, ", ")) {
            cg_admin_fault(
                ask, "body",
                apr_psprintf(ask->pool, "/models/%" APR_SIZE_T_FMT, i),
                "bad_model", "no comma or blank in a model's name");
        }
        cg_buf_fmt(&list, "%s%s", i ? "," : "", model);
    }
    if (list.len >= sizeof key->models) {
        cg_admin_fault(ask, "body", "/models", "too_long",
                       "the names together are too long; use patterns with *");
        return;
    }
    apr_cpystrn(key->models, cg_buf_cstr(&list), sizeof key->models);
}

/* Drops either the budget or all other limits. */
static void drop_limits(cg_key_t *key, bool is_budget)
{
    uint8_t kept = 0;
    for (uint8_t i = 0; i < key->limits_count; i++) {
        bool is_money = key->limits[i].quantity == CG_QUANTITY_MICROS;
        if (is_money != is_budget) {
            key->limits[kept] = key->limits[i];
            kept++;
        }
    }
    key->limits_count = kept;
}

static void add_limit(cg_ask_t *ask, cg_key_t *key, const char *text,
                      const char *pointer)
{
    cg_error_t err = {""};
    if (!cg_key_add_limit(key, cg_str(text), &err)) {
        cg_admin_fault(ask, "body", pointer, "bad_limit", err.text);
    }
}

static void take_limits(cg_ask_t *ask, cg_key_t *key)
{
    const cg_json_t *limits = cg_json_get(ask->body, "limits");
    const cg_json_t *budget = cg_json_get(ask->body, "budget");
    if (limits) {
        drop_limits(key, false);
    }
    if (budget) {
        drop_limits(key, true);
    }
    for (size_t i = 0; limits && i < cg_json_size(limits); i++) {
        add_limit(ask, key, cg_json_text(cg_json_at(limits, i)),
                  apr_psprintf(ask->pool, "/limits/%" APR_SIZE_T_FMT, i));
    }
    if (cg_json_is_string(budget)) {
        add_limit(ask, key, cg_json_text(budget), "/budget");
    }
}

static void take_expiry(cg_ask_t *ask, cg_key_t *key)
{
    const cg_json_t *value = cg_json_get(ask->body, "expires_at");
    if (!value) {
        return;
    }
    key->expires_at = 0;
    apr_time_t at = 0;
    if (cg_json_is_string(value) &&
        cg_clock_parse_rfc3339(cg_str(cg_json_text(value)), &at)) {
        key->expires_at = at;
        if (at <= ask->call->now) {
            cg_admin_fault(ask, "body", "/expires_at", "in_the_past",
                           "must lie in the future");
        }
    }
}

static void take_state(cg_ask_t *ask, cg_key_t *key)
{
    cg_key_state_t state = CG_KEY_STATE_ACTIVE;
    const char *name = cg_json_get_str(ask->body, "state", NULL);
    if (name && cg_key_state_find(cg_str(name), &state)) {
        key->state = (uint8_t)state;
    }
}

static void check_redact(cg_ask_t *ask, const cg_key_t *key)
{
    cg_demand_t demand;
    cg_error_t err = {""};
    if (!cg_demand_read(cg_str(key->redact), &demand, &err)) {
        cg_admin_fault(ask, "body", "/redact", "bad_redact", err.text);
        return;
    }
    for (size_t i = 0; i < demand.packs_count; i++) {
        const char *pack = cg_str_dup(demand.packs[i], ask->pool);
        if (ask->admin->rules &&
            cg_rules_pack_find(ask->admin->rules, pack) < 0) {
            cg_admin_fault(
                ask, "body", "/redact", "unknown_pack",
                apr_psprintf(ask->pool, "there is no pack %s here", pack));
        }
    }
}

/* Writes what the body gives over key; false: the faults are answered. */
static bool take_body(cg_ask_t *ask, cg_key_t *key)
{
    take_words(ask, key);
    take_models(ask, key);
    take_limits(ask, key);
    take_expiry(ask, key);
    take_state(ask, key);
    check_redact(ask, key);
    cg_error_t err = {""};
    if (!cg_admin_has_faults(ask) && !cg_key_check(key, &err)) {
        cg_admin_fault(ask, "body", "", "bad_key", err.text);
    }
    if (cg_admin_has_faults(ask)) {
        cg_admin_refuse_faults(ask);
        return false;
    }
    return true;
}

/* ---- answering ---------------------------------------------------------- */

static bool has_keyring(cg_ask_t *ask)
{
    if (ask->admin->keyring) {
        return true;
    }
    cg_admin_problem(ask, CG_PROBLEM_SERVICE, "API keys are not configured");
    return false;
}

static void refuse(cg_ask_t *ask, apr_status_t rv, const cg_error_t *err)
{
    if (APR_STATUS_IS_NOTFOUND(rv)) {
        cg_admin_problem(ask, CG_PROBLEM_ABSENT, "there is no such key");
    }
    else if (rv == APR_EMISMATCH) {
        cg_admin_problem(ask, CG_PROBLEM_STALE,
                         "somebody was faster; read it again");
    }
    else if (rv == APR_EINVAL) {
        cg_admin_problem(ask, CG_PROBLEM_CONFLICT, "%s",
                         *err->text ? err->text : "a revoked key stays so");
    }
    else {
        cg_admin_store_away(ask, err->text);
    }
}

static bool read_key(cg_ask_t *ask, cg_key_t *out)
{
    if (!has_keyring(ask)) {
        return false;
    }
    cg_error_t err = {""};
    apr_status_t rv =
        cg_apikey_get(ask->admin->keyring, ask->id, out, &err, ask->pool);
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
    }
    return rv == APR_SUCCESS;
}

static const char *subject_of(const cg_ask_t *ask, const cg_key_t *key)
{
    return apr_pstrcat(ask->pool, "keys/", key->id, NULL);
}

/* Records the step from before (NULL: there was none) to after. */
static const char *record_step(cg_ask_t *ask, int status,
                               const cg_key_t *before, const cg_key_t *after)
{
    cg_json_t *old = before ? key_json(ask, before) : NULL;
    cg_json_t *change =
        cg_admin_difference(old, key_json(ask, after), ask->pool);
    const char *reason = cg_json_get_str(ask->body, "reason", NULL);
    if (reason) {
        cg_json_t *pair = cg_json_object(ask->pool);
        cg_json_set_null(pair, "before");
        cg_json_set_str(pair, "after", reason);
        cg_json_set(change, "reason", pair);
    }
    return cg_admin_record(ask, "changed", status, subject_of(ask, after),
                           change);
}

static void reply_key(cg_ask_t *ask, int status, const cg_key_t *key,
                      const char *spelled, const char *audit_id)
{
    cg_json_t *object = key_json(ask, key);
    if (spelled) {
        cg_json_set_str(object, CG_ADMIN_SECRET_MEMBER, spelled);
    }
    if (audit_id) {
        cg_json_set_str(object, "audit_id", audit_id);
    }
    cg_admin_etag(ask, key->version);
    cg_admin_json(ask, status, object);
}

/* ---- the endpoints ------------------------------------------------------ */

void cg_admin_keys_list(cg_ask_t *ask)
{
    if (!has_keyring(ask)) {
        return;
    }
    apr_array_header_t *keys = NULL;
    const char *next = NULL;
    cg_error_t err = {""};
    apr_status_t rv = cg_apikey_list(
        ask->admin->keyring, cg_admin_param(ask, "cursor"),
        (int)cg_admin_param_limit(ask), &keys, &next, &err, ask->pool);
    if (rv == APR_EINVAL) {
        cg_admin_fault(ask, "query", "/cursor", "bad_cursor",
                       "a next_cursor of an earlier answer");
        cg_admin_refuse_faults(ask);
        return;
    }
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
        return;
    }
    cg_json_t *items = cg_json_array(ask->pool);
    for (int i = 0; i < keys->nelts; i++) {
        cg_json_add(items, key_json(ask, &APR_ARRAY_IDX(keys, i, cg_key_t)));
    }
    cg_admin_list(ask, items, next);
}

void cg_admin_keys_create(cg_ask_t *ask)
{
    cg_key_t wanted = {.state = CG_KEY_STATE_ACTIVE};
    if (!has_keyring(ask) || !take_body(ask, &wanted)) {
        return;
    }
    cg_key_t key;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {""};
    apr_status_t rv =
        cg_apikey_create(ask->admin->keyring, &wanted, ask->call->now, &key,
                         spelled, &err, ask->pool);
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
        return;
    }
    const char *audit_id = record_step(ask, 201, NULL, &key);
    if (audit_id) {
        apr_table_setn(
            ask->reply->headers, "Location",
            apr_pstrcat(ask->pool, ask->call->base, "/keys/", key.id, NULL));
        reply_key(ask, 201, &key, spelled, audit_id);
    }
    else {
        cg_apikey_revoke(ask->admin->keyring, key.id, &key, NULL, ask->pool);
    }
    cg_wipe(spelled, sizeof spelled);
}

void cg_admin_keys_get(cg_ask_t *ask)
{
    cg_key_t key;
    if (read_key(ask, &key)) {
        reply_key(ask, 200, &key, NULL, NULL);
    }
}

void cg_admin_keys_update(cg_ask_t *ask)
{
    cg_key_t before;
    if (!read_key(ask, &before) || !cg_admin_is_current(ask, before.version)) {
        return;
    }
    cg_key_t wanted = before;
    if (!take_body(ask, &wanted)) {
        return;
    }
    cg_key_t after;
    cg_error_t err = {""};
    apr_status_t rv =
        cg_apikey_update(ask->admin->keyring, &wanted, &after, &err, ask->pool);
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
        return;
    }
    const char *audit_id = record_step(ask, 200, &before, &after);
    if (audit_id) {
        reply_key(ask, 200, &after, NULL, audit_id);
        return;
    }
    before.version = after.version;
    cg_apikey_update(ask->admin->keyring, &before, &after, NULL, ask->pool);
}

void cg_admin_keys_rotate(cg_ask_t *ask)
{
    cg_key_t before;
    if (!read_key(ask, &before)) {
        return;
    }
    cg_key_t after;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {""};
    apr_status_t rv = cg_apikey_rotate(ask->admin->keyring, ask->id, &after,
                                       spelled, &err, ask->pool);
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
        return;
    }
    /* A new secret that nobody was told opens nothing: it need not be undone. */
    const char *audit_id = record_step(ask, 200, &before, &after);
    if (audit_id) {
        reply_key(ask, 200, &after, spelled, audit_id);
    }
    cg_wipe(spelled, sizeof spelled);
}

void cg_admin_keys_revoke(cg_ask_t *ask)
{
    cg_key_t before;
    if (!read_key(ask, &before)) {
        return;
    }
    cg_key_t after;
    cg_error_t err = {""};
    apr_status_t rv =
        cg_apikey_revoke(ask->admin->keyring, ask->id, &after, &err, ask->pool);
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
        return;
    }
    const char *audit_id = record_step(ask, 200, &before, &after);
    if (audit_id) {
        reply_key(ask, 200, &after, NULL, audit_id);
    }
}
