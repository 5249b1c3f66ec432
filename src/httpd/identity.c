/* Identity: what httpd's expressions make of whoever it knows (ChatGPTIdentity).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Three sources say who a caller is: an API key, a verified token, or httpd's own
 * authentication (Basic, OpenID Connect, LDAP, a client certificate). The lines of
 * ChatGPTIdentity are laid over any of them, once, and every later question is put
 * to what comes out: txn.who.
 *
 * What a client merely sends is no identity. A place without an AuthType knows a
 * caller only by a certificate that mod_ssl has verified, whatever an expression
 * makes of the request's headers; and headers of our own name are taken away as
 * soon as a request has been read, so that no expression, no SetEnvIf and no module
 * behind us ever meets one that we did not write.
 */
#include "httpd/httpd_int.h"

#include <string.h>

#include <ap_expr.h>
#include <apr_strings.h>
#include <mod_ssl.h>

#include "auth/claims.h"

#define VALUE_BYTES_MAX 255
#define VALUES_MAX 256
#define OWN_HEADERS "X-ChatGPT-"
#define CONSOLE_HEADER                                                         \
    "X-ChatGPT-Console" /* of the console's pages, to guard.c */
#define NO_MODEL "!"    /* a pattern that no model's name fits */

/* lives in: one call */
typedef struct mapping_t {
    request_rec *r;
    cg_txn_t *txn;
    const char *trouble; /* why nothing may come of it; NULL: nothing yet */
    apr_array_header_t *values[CG_TRAIT_COUNT]; /* NULL: no line speaks of it */
} mapping_t;

/* -- values ------------------------------------------------------------------ */

static cg_str_t trim(cg_str_t text)
{
    while (text.len > 0 && strchr(" \t", text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && strchr(" \t", text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

bool cg_identity_is_plain(cg_str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (byte < 0x20 || byte == 0x7F) {
            return false;
        }
    }
    return text.len <= VALUE_BYTES_MAX && cg_utf8_valid(text.ptr, text.len);
}

static void add_value(mapping_t *mapping, cg_trait_t trait, cg_str_t text)
{
    apr_array_header_t *values = mapping->values[trait];
    cg_str_t value = trim(text);
    if (value.len == 0) {
        return;
    }
    if (!cg_identity_is_plain(value) || values->nelts == VALUES_MAX) {
        mapping->trouble = "a value is too long, is no text, or there are too "
                           "many";
        return;
    }
    APR_ARRAY_PUSH(values, const char *) = cg_str_dup(value, mapping->r->pool);
}

static bool is_single(cg_trait_t trait)
{
    return trait == CG_TRAIT_USER || trait == CG_TRAIT_TEAM ||
           trait == CG_TRAIT_ORGANIZATION;
}

/* A list of claims has each on its line, whatever blanks and commas are in it: a
 * group that is called "not admin" must not make an admin. Other texts are cut at
 * commas; scopes at blanks too, as OAuth writes them. */
static const char *cuts_of(cg_trait_t trait, const char *text)
{
    if (is_single(trait)) {
        return "";
    }
    if (strchr(text, '\n')) {
        return "\n";
    }
    return trait == CG_TRAIT_SCOPE ? ", " : ",";
}

static void add_values(mapping_t *mapping, cg_trait_t trait, const char *text)
{
    const char *cuts = cuts_of(trait, text);
    while (*text && !mapping->trouble) {
        size_t len = strcspn(text, cuts);
        add_value(mapping, trait, (cg_str_t){text, len});
        text += len + (text[len] != '\0');
    }
}

/* Of user, team and organization the first line that says anything counts. */
static bool is_decided(const mapping_t *mapping, cg_trait_t trait)
{
    return is_single(trait) && mapping->values[trait]->nelts > 0;
}

static void read_line(mapping_t *mapping, const cg_identity_line_t *line)
{
    request_rec *r = mapping->r;
    const char *why = NULL;
    if (!mapping->values[line->trait]) {
        mapping->values[line->trait] =
            apr_array_make(r->pool, 4, sizeof(const char *));
    }
    if (is_decided(mapping, line->trait)) {
        return;
    }
    if (line->condition) {
        int is_true = ap_expr_exec(r, line->condition, &why);
        if (is_true == 0 && !why) {
            return;
        }
    }
    const char *text = why ? NULL : ap_expr_str_exec(r, line->expression, &why);
    if (why || !text) {
        mapping->trouble = "an expression failed";
        return;
    }
    add_values(mapping, line->trait, text);
}

/* -- laying them over -------------------------------------------------------- */

static const char *first_of(const mapping_t *mapping, cg_trait_t trait,
                            const char *otherwise)
{
    const apr_array_header_t *values = mapping->values[trait];
    return values && values->nelts ? APR_ARRAY_IDX(values, 0, const char *)
                                   : otherwise;
}

static void lay_list(const apr_array_header_t *values,
                     const char *const **out_items, size_t *out_count)
{
    if (values) {
        const void *items = values->elts;
        *out_items = items;
        *out_count = (size_t)values->nelts;
    }
}

/* Without a line of ChatGPTIdentity a token's scopes are those it was given. */
static const apr_array_header_t *scopes_of(const mapping_t *mapping)
{
    const cg_claims_t *claims = mapping->txn->who.claims;
    if (mapping->values[CG_TRAIT_SCOPE] || !claims) {
        return mapping->values[CG_TRAIT_SCOPE];
    }
    const apr_array_header_t *scopes =
        cg_claims_list(claims, "scope", mapping->r->pool);
    return scopes->nelts ? scopes
                         : cg_claims_list(claims, "scp", mapping->r->pool);
}

/* Lines that say which models, and of which none holds, allow no model. */
static void lay_models(mapping_t *mapping)
{
    const apr_array_header_t *values = mapping->values[CG_TRAIT_MODEL];
    cg_key_t *key = &mapping->txn->who.key;
    cg_buf_t models;
    if (!values) {
        return;
    }
    cg_buf_init(&models, sizeof key->models, mapping->r->pool);
    for (int i = 0; i < values->nelts; i++) {
        cg_buf_fmt(&models, "%s%s", i ? "," : "",
                   APR_ARRAY_IDX(values, i, const char *));
    }
    if (models.len >= sizeof key->models) {
        mapping->trouble = "more models than there is room for";
        return;
    }
    apr_cpystrn(key->models, values->nelts ? cg_buf_cstr(&models) : NO_MODEL,
                sizeof key->models);
}

/* Who has no key is counted as a user. */
static void lay_limits(mapping_t *mapping)
{
    const apr_array_header_t *values = mapping->values[CG_TRAIT_LIMIT];
    cg_key_t *key = &mapping->txn->who.key;
    cg_error_t ignored;
    for (int i = 0; values && i < values->nelts; i++) {
        cg_str_t text = cg_str(APR_ARRAY_IDX(values, i, const char *));
        if (!cg_key_add_limit(key, text, &ignored)) {
            mapping->trouble = "a limit cannot be read";
            return;
        }
    }
    for (int i = 0; i < key->limits_count; i++) {
        key->limits[i].dimension = CG_DIMENSION_USER;
    }
}

static void lay(mapping_t *mapping)
{
    cg_txn_t *txn = mapping->txn;
    txn->who.user = first_of(mapping, CG_TRAIT_USER, txn->who.user);
    txn->who.team = first_of(mapping, CG_TRAIT_TEAM, txn->who.team);
    txn->who.organization = first_of(mapping, CG_TRAIT_ORGANIZATION,
                                     txn->policy->organization);
    lay_list(mapping->values[CG_TRAIT_ROLE], &txn->who.roles,
             &txn->who.roles_count);
    lay_list(scopes_of(mapping), &txn->who.scopes, &txn->who.scopes_count);
    if (!txn->who.key.id[0]) { /* a key's record says what it may */
        lay_models(mapping);
        lay_limits(mapping);
    }
}

static void refuse(mapping_t *mapping)
{
    cg_txn_t *txn = mapping->txn;
    txn->who.is_known = false;
    cg_txn_refuse(txn, CG_IDENTITY_UNCLEAR, NULL, NULL);
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, mapping->r,
                  "CG1028 ChatGPTIdentity: %s; the request is refused (request "
                  "%s)",
                  mapping->trouble, txn->in.id);
}

cg_verdict_t cg_identity_map(request_rec *r, cg_walk_in_t *in)
{
    const apr_array_header_t *lines = in->txn.policy->identity;
    mapping_t mapping = {.r = r, .txn = &in->txn};
    in->is_mapped = true;
    for (int i = 0; lines && i < lines->nelts && !mapping.trouble; i++) {
        read_line(&mapping, &APR_ARRAY_IDX(lines, i, cg_identity_line_t));
    }
    if (!mapping.trouble) {
        lay(&mapping);
    }
    if (mapping.trouble) {
        refuse(&mapping);
    }
    return in->txn.verdict;
}

/* -- who httpd knows --------------------------------------------------------- */

static APR_OPTIONAL_FN_TYPE(ssl_var_lookup) * look_up_tls;

static void find_tls(void)
{
    look_up_tls = APR_RETRIEVE_OPTIONAL_FN(ssl_var_lookup);
}

/* "optional_no_ca" lets in certificates that anybody can make: those are not
 * SUCCESS. */
static bool has_certificate(request_rec *r)
{
    static char name[] = "SSL_CLIENT_VERIFY";
    const char *verified =
        look_up_tls ? look_up_tls(r->pool, r->server, r->connection, r, name)
                    : NULL;
    return verified && strcmp(verified, "SUCCESS") == 0;
}

static bool maps_user(const cg_policy_t *policy)
{
    const apr_array_header_t *lines = policy->identity;
    for (int i = 0; lines && i < lines->nelts; i++) {
        if (APR_ARRAY_IDX(lines, i, cg_identity_line_t).trait ==
            CG_TRAIT_USER) {
            return true;
        }
    }
    return false;
}

/* A certificate is an identity only where a line says whose. */
static void find_by_certificate(request_rec *r, cg_walk_in_t *in)
{
    cg_txn_t *txn = &in->txn;
    if (!maps_user(txn->policy) || !has_certificate(r)) {
        return;
    }
    txn->who.user = "";
    cg_identity_map(r, in);
    txn->who.is_known = txn->verdict == CG_PASS && txn->who.user[0];
    txn->who.source = txn->who.is_known ? "httpd" : NULL;
    if (txn->who.is_known && !r->user) {
        r->user = apr_pstrdup(r->pool, txn->who.user);
    }
}

bool cg_identity_find(request_rec *r, cg_walk_in_t *in)
{
    cg_txn_t *txn = &in->txn;
    if (txn->verdict != CG_PASS) {
        return false;
    }
    if (in->is_mapped || cg_gate_is_our_type(r)) {
        return txn->who.is_known; /* of our type: authentication has its say */
    }
    txn->who.team = "";
    if (r->user && r->ap_auth_type) {
        txn->who.is_known = true;
        txn->who.source = "httpd";
        txn->who.user = r->user;
        cg_identity_map(r, in);
    }
    else if (!ap_auth_type(r)) {
        find_by_certificate(r, in);
    }
    return txn->verdict == CG_PASS && txn->who.is_known;
}

/* -- headers of our own name -------------------------------------------------- */

static int strip(request_rec *r)
{
    const cg_server_t *server = cg_config_server(r->server);
    const apr_array_header_t *list = apr_table_elts(r->headers_in);
    const apr_table_entry_t *rows = (const void *)list->elts;
    apr_array_header_t *names = apr_array_make(r->pool, 0, sizeof(char *));
    for (int i = 0; server->serves && i < list->nelts; i++) {
        const char *name = rows[i].key;
        if (strncasecmp(name, OWN_HEADERS, sizeof OWN_HEADERS - 1) == 0 &&
            strcasecmp(name, CONSOLE_HEADER) != 0) {
            APR_ARRAY_PUSH(names, const char *) = name;
        }
    }
    for (int i = 0; i < names->nelts; i++) {
        apr_table_unset(r->headers_in, APR_ARRAY_IDX(names, i, const char *));
    }
    return DECLINED;
}

void cg_identity_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_optional_fn_retrieve(find_tls, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_read_request(strip, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
