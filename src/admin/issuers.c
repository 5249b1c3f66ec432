/* The issuers of tokens: are their keys here and fresh, and would a token do?
 * SPDX-License-Identifier: Apache-2.0
 *
 * A token that is tried is kept nowhere: not in a record, not in a log, not among
 * the tokens that were verified.
 */
#include <string.h>

#include <apr_strings.h>

#include "admin/admin_int.h"
#include "auth/jwt.h"
#include "base/share.h"

static const char *kty_of(const cg_pkey_t *key)
{
    static const char *const names[] = {
        [CG_PKEY_OCT] = "oct",     [CG_PKEY_RSA] = "RSA",
        [CG_PKEY_RSA_PSS] = "RSA", [CG_PKEY_P256] = "EC",
        [CG_PKEY_P384] = "EC",     [CG_PKEY_P521] = "EC",
        [CG_PKEY_ED25519] = "OKP"};
    return names[cg_pkey_kind(key)];
}

static cg_json_t *keys_json(const cg_jwk_set_t *set, apr_pool_t *pool)
{
    cg_json_t *keys = cg_json_array(pool);
    for (size_t i = 0; set && i < set->count; i++) {
        const cg_jwk_t *row = &set->keys[i];
        cg_json_t *key = cg_json_object(pool);
        cg_json_set_strn(key, "kid",
                         row->kid.ptr ? row->kid : (cg_str_t){"", 0});
        cg_json_set_str(key, "alg", cg_sig_alg_name(row->alg));
        cg_json_set_str(key, "kty", kty_of(row->key));
        cg_json_add(keys, key);
    }
    return keys;
}

static const char *state_of(const cg_jwk_set_t *set,
                            const cg_issuer_view_t *view)
{
    bool is_well = view->error[0] == '\0';
    if (set) {
        return is_well ? "ok" : "stale";
    }
    return is_well ? "never" : "failed";
}

static cg_json_t *issuer_json(const cg_ask_t *ask, const cg_issuer_t *issuer)
{
    const cg_admin_t *admin = ask->admin;
    const cg_jwk_set_t *set = admin->issuers->sets[issuer->index];
    cg_issuer_view_t view = {.error = ""};
    cg_json_t *json = cg_json_object(ask->pool);
    cg_json_t *audience = cg_json_array(ask->pool);
    cg_json_t *algorithms = cg_json_array(ask->pool);
    if (admin->read_issuer) {
        admin->read_issuer(admin->issuers_baton, issuer, &view, ask->pool);
    }
    for (size_t i = 0; i < issuer->audiences_count; i++) {
        cg_json_add_str(audience, issuer->audiences[i]);
    }
    for (size_t i = 0; issuer->algs[i] != CG_SIG_NONE; i++) {
        cg_json_add_str(algorithms, cg_sig_alg_name(issuer->algs[i]));
    }
    cg_json_set_str(json, "name", issuer->name);
    cg_json_set_str(json, "issuer", issuer->issuer);
    cg_json_set(json, "audience", audience);
    cg_json_set(json, "algorithms", algorithms);
    cg_json_set_str(json, "jwks", issuer->is_secret ? "secret" : issuer->from);
    cg_json_set_str(json, "state", state_of(set, &view));
    cg_json_set(json, "keys", keys_json(set, ask->pool));
    cg_admin_set_time(json, "refreshed_at", view.fetched_at);
    cg_admin_set_time(json, "tried_at", view.tried_at);
    if (view.error[0]) {
        cg_json_set_str(json, "error", view.error);
    }
    else {
        cg_json_set_null(json, "error");
    }
    return json;
}

void cg_admin_issuers_list(cg_ask_t *ask)
{
    const cg_issuers_t *issuers = ask->admin->issuers;
    cg_json_t *items = cg_json_array(ask->pool);
    for (size_t i = 0; issuers && i < issuers->of->count; i++) {
        cg_json_add(items, issuer_json(ask, &issuers->of->rows[i]));
    }
    cg_admin_list_whole(ask, items);
}

void cg_admin_issuers_refresh(cg_ask_t *ask)
{
    const cg_issuers_t *issuers = ask->admin->issuers;
    const cg_issuer_t *issuer =
        issuers ? cg_issuers_find(issuers->of, ask->id) : NULL;
    if (!issuer) {
        cg_admin_problem(ask, CG_PROBLEM_ABSENT,
                         "the configuration has no issuer of this name");
        return;
    }
    if (!issuer->is_fetched || !issuers->shared) {
        cg_admin_problem(ask, CG_PROBLEM_CONFLICT,
                         "its keys are in a file, which is read when httpd "
                         "starts or is reloaded");
        return;
    }
    const char *subject = apr_pstrcat(ask->pool, "issuers/", ask->id, NULL);
    if (!cg_admin_record(ask, "changed", ask->endpoint->status, subject,
                         NULL)) {
        return;
    }
    cg_atomic_set(&issuers->shared[issuer->index].ordered_at, ask->call->now);
    cg_admin_json(ask, ask->endpoint->status, issuer_json(ask, issuer));
}

/* ---- a token to try ------------------------------------------------------- */

static void add_claims(cg_json_t *json, const cg_claims_t *claims,
                       apr_pool_t *pool)
{
    cg_error_t unused;
    cg_json_set_str(json, "user", claims->sub);
    cg_admin_set_time(json, "expires_at", claims->expires_at);
    cg_json_set(
        json, "claims",
        cg_json_parse(claims->payload.ptr, claims->payload.len, &unused, pool));
}

static void set_or_null(cg_json_t *json, const char *name, const char *text)
{
    if (text && text[0]) {
        cg_json_set_str(json, name, text);
    }
    else {
        cg_json_set_null(json, name);
    }
}

/* What is not asked here: it may name the request, and each place has its own. */
static cg_json_t *identity_lines(const cg_ask_t *ask)
{
    const cg_admin_t *admin = ask->admin;
    cg_json_t *lines = cg_json_array(ask->pool);
    for (size_t i = 0; i < admin->policies_count; i++) {
        const cg_admin_policy_t *line = &admin->policies[i];
        if (strcmp(line->directive, "ChatGPTIdentity") == 0) {
            cg_json_add_str(lines, apr_pstrcat(ask->pool, line->value, " (",
                                               line->where, ")", NULL));
        }
    }
    return lines;
}

void cg_admin_token_checks_create(cg_ask_t *ask)
{
    const cg_issuers_t *issuers = ask->admin->issuers;
    cg_claims_t claims;
    const char *rule;
    const char *issuer;
    if (!issuers) {
        cg_admin_problem(ask, CG_PROBLEM_SERVICE,
                         "the configuration has no ChatGPTIssuer");
        return;
    }
    cg_str_t token = cg_str(cg_json_get_str(ask->body, "token", ""));
    bool is_accepted = cg_jwt_try(issuers, token, ask->call->now, &claims,
                                  &rule, &issuer, ask->pool) == CG_JWT_OK;
    cg_json_t *json = cg_json_object(ask->pool);
    cg_json_set_bool(json, "accepted", is_accepted);
    set_or_null(json, "issuer", issuer);
    set_or_null(json, "rule", rule);
    set_or_null(json, "detail", cg_jwt_rule_words(rule));
    cg_json_set_null(json, "user");
    cg_json_set_null(json, "team");
    cg_json_set(json, "roles", cg_json_array(ask->pool));
    cg_json_set(json, "identity_lines", identity_lines(ask));
    cg_json_set_null(json, "expires_at");
    cg_json_set_null(json, "claims");
    if (is_accepted) {
        add_claims(json, &claims, ask->pool);
    }
    cg_admin_json(ask, ask->endpoint->status, json);
}
