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
#include "admin/keyjson.h"
#include "auth/keyfind.h"
#include "base/digest.h"

#define EXPIRING_MAX apr_time_from_sec(INT64_C(3650) * 86400)

/* ---- answering ---------------------------------------------------------- */

bool cg_admin_has_keyring(cg_ask_t *ask)
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
    if (!cg_admin_has_keyring(ask)) {
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

const char *cg_admin_record_key(cg_ask_t *ask, int status,
                                const cg_key_t *before, const cg_key_t *after)
{
    cg_json_t *old = before ? cg_admin_key_json(ask, before) : NULL;
    return cg_admin_record_change(ask, status, subject_of(ask, after), old,
                                  cg_admin_key_json(ask, after));
}

static void reply_key(cg_ask_t *ask, int status, const cg_key_t *key,
                      const char *spelled, const char *audit_id)
{
    cg_json_t *object = cg_admin_key_json(ask, key);
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

/* False: the faults are answered. */
bool cg_admin_key_filter(cg_ask_t *ask, cg_key_filter_t *out)
{
    const char *expiring = cg_admin_param(ask, "expiring");
    int64_t span = 0;
    *out = (cg_key_filter_t){
        .state = cg_admin_param(ask, "state"),
        .team = cg_admin_param(ask, "team"),
        .user = cg_admin_param(ask, "user"),
        .tag = cg_admin_param(ask, "tag"),
        .q = cg_admin_param(ask, "q"),
    };
    if (!expiring) {
        return true;
    }
    if (!cg_parse_duration(cg_str(expiring), &span) || span <= 0 ||
        span > EXPIRING_MAX) {
        cg_admin_fault(ask, "query", "/expiring", "bad_duration",
                       "a duration of up to 3650 days, e.g. 30d");
        cg_admin_refuse_faults(ask);
        return false;
    }
    out->expires_before = ask->call->now + span;
    return true;
}

void cg_admin_keys_list(cg_ask_t *ask)
{
    cg_key_filter_t filter;
    if (!cg_admin_has_keyring(ask) || !cg_admin_key_filter(ask, &filter)) {
        return;
    }
    apr_array_header_t *keys = NULL;
    const char *next = NULL;
    cg_error_t err = {""};
    apr_status_t rv = cg_apikey_find(
        ask->admin->keyring, &filter, ask->call->now,
        cg_admin_param(ask, "cursor"), (int)cg_admin_param_limit(ask), &keys,
        &next, &err, ask->pool);
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
                    cg_admin_key_json(ask, &APR_ARRAY_IDX(keys, i, cg_key_t)));
    }
    cg_admin_list(ask, items, next);
}

void cg_admin_keys_create(cg_ask_t *ask)
{
    cg_key_t wanted = {.state = CG_KEY_STATE_ACTIVE};
    if (!cg_admin_has_keyring(ask) || !cg_admin_take_key(ask, &wanted)) {
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
    const char *audit_id = cg_admin_record_key(ask, 201, NULL, &key);
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
    if (!cg_admin_take_key(ask, &wanted)) {
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
    /* Uses are noted meanwhile, and are nobody's change. */
    before.last_used_at = after.last_used_at;
    before.previous_used_at = after.previous_used_at;
    const char *audit_id = cg_admin_record_key(ask, 200, &before, &after);
    if (audit_id) {
        reply_key(ask, 200, &after, NULL, audit_id);
        return;
    }
    before.version = after.version;
    cg_apikey_update(ask->admin->keyring, &before, &after, NULL, ask->pool);
}

/* False: the fault is answered. */
static bool take_grace(cg_ask_t *ask, apr_time_t *out)
{
    const char *text = cg_json_get_str(ask->body, "grace", NULL);
    int64_t span = CG_KEY_GRACE;
    *out = CG_KEY_GRACE;
    if (text &&
        (!cg_parse_duration(cg_str(text), &span) || span > CG_KEY_GRACE_MAX)) {
        cg_admin_fault(ask, "body", "/grace", "bad_duration",
                       "a duration of up to 90 days, e.g. 24h; 0s: none");
        cg_admin_refuse_faults(ask);
        return false;
    }
    *out = span;
    return true;
}

void cg_admin_keys_rotate(cg_ask_t *ask)
{
    cg_key_t before;
    apr_time_t grace_for;
    if (!take_grace(ask, &grace_for) || !read_key(ask, &before) ||
        !cg_admin_is_current(ask, before.version)) {
        return;
    }
    cg_key_t after;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {""};
    cg_keyring_t *ring = ask->admin->keyring;
    bool keeps_previous =
        strcmp(cg_json_get_str(ask->body, "keep", ""), "previous") == 0;
    apr_status_t rv =
        keeps_previous
            ? cg_apikey_replace(ring, ask->id, before.version, ask->call->now,
                                &after, spelled, &err, ask->pool)
            : cg_apikey_rotate(ring, ask->id, before.version, ask->call->now,
                               grace_for, &after, spelled, &err, ask->pool);
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
        return;
    }
    const char *audit_id = cg_admin_record_key(ask, 200, &before, &after);
    if (audit_id) {
        reply_key(ask, 200, &after, spelled, audit_id);
    }
    else {
        /* Nobody was told the new secret, and the old one must not end. */
        cg_apikey_put_back(ring, &before, NULL, ask->pool);
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
    const char *audit_id = cg_admin_record_key(ask, 200, &before, &after);
    if (audit_id) {
        reply_key(ask, 200, &after, NULL, audit_id);
    }
}

void cg_admin_keys_end_grace(cg_ask_t *ask)
{
    cg_key_t before;
    if (!read_key(ask, &before) || !cg_admin_is_current(ask, before.version)) {
        return;
    }
    cg_key_t after;
    cg_error_t err = {""};
    apr_status_t rv =
        cg_apikey_end_grace(ask->admin->keyring, ask->id, before.version,
                            ask->call->now, &after, &err, ask->pool);
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
        return;
    }
    const char *audit_id = cg_admin_record_key(ask, 200, &before, &after);
    if (audit_id) {
        reply_key(ask, 200, &after, NULL, audit_id);
    }
}
