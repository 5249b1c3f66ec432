/* Require chatgpt-user|team|role|scope|model|key: what httpd may ask of a caller.
 * SPDX-License-Identifier: Apache-2.0
 *
 * They are authorization providers like any other of httpd, so that RequireAny,
 * RequireAll, RequireNone, "Require not", .htaccess and ChatGPTRole take them.
 *
 * httpd answers 401 to a user who is known but not wanted, which makes clients send
 * the same credential again. Where the gateway serves, such a user gets a 403: our
 * hook runs the authorization of the others itself, and looks at what came of it.
 */
#include "httpd/httpd_int.h"

#include <string.h>

#include <ap_expr.h>
#include <ap_provider.h>
#include <apr_strings.h>
#include <mod_auth.h>

/* -- what a caller has --------------------------------------------------------- */

typedef bool (*has_t)(const cg_txn_t *txn, const char *word);

static bool is_same(const char *text, const char *word)
{
    return text && text[0] && strcmp(text, word) == 0;
}

static bool is_among(const char *const *list, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_user(const cg_txn_t *txn, const char *word)
{
    return is_same(txn->who.user, word);
}

static bool has_team(const cg_txn_t *txn, const char *word)
{
    return is_same(txn->who.team, word);
}

static bool has_role(const cg_txn_t *txn, const char *word)
{
    return is_among(txn->who.roles, txn->who.roles_count, word);
}

static bool has_scope(const cg_txn_t *txn, const char *word)
{
    return is_among(txn->who.scopes, txn->who.scopes_count, word);
}

static bool has_model(const cg_txn_t *txn, const char *word)
{
    return cg_key_may_use(&txn->who.key, cg_str(word));
}

static bool has_key(const cg_txn_t *txn, const char *word)
{
    return is_same(txn->who.key.id, word);
}

/* -- asking --------------------------------------------------------------------- */

/* Nobody known: httpd must authenticate first, if there is a way to. */
static authz_status deny(request_rec *r, bool is_known)
{
    bool can_ask = !is_known && !r->user && ap_auth_type(r);
    return can_ask ? AUTHZ_DENIED_NO_USER : AUTHZ_DENIED;
}

/* Any word of the line will do, as with "Require user". */
static authz_status judge(request_rec *r, const void *parsed, has_t has)
{
    cg_walk_in_t *in = cg_gate_find_or_make(r);
    const char *why = NULL;
    if (!cg_identity_find(r, in)) {
        return deny(r, false);
    }
    const char *words = ap_expr_str_exec(r, parsed, &why);
    if (why || !words) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "CG1029 Require chatgpt-…: the expression failed: %s",
                      why ? why : "");
        /* Behind "not" a denial lets pass; this verdict does not. */
        cg_txn_refuse(&in->txn, CG_IDENTITY_UNCLEAR, NULL, NULL);
        return AUTHZ_DENIED;
    }
    while (*words) {
        const char *word = ap_getword_conf(r->pool, &words);
        if (*word && has(&in->txn, word)) {
            return AUTHZ_GRANTED;
        }
    }
    return deny(r, true);
}

static const char *parse(cmd_parms *cmd, const char *line, const void **parsed)
{
    const char *why = NULL;
    if (!line[strspn(line, " \t")]) {
        return "Require chatgpt-…: names at least one that may come in";
    }
    if (cg_confsecrets_has_key(line)) { /* also in a .htaccess */
        return "Require chatgpt-…: holds a whole API key; write its id, the "
               "eight characters behind vk_";
    }
    *parsed =
        ap_expr_parse_cmd(cmd, line, AP_EXPR_FLAG_STRING_RESULT, &why, NULL);
    return why ? apr_pstrcat(cmd->pool, "Require chatgpt-…: ", why, NULL)
               : NULL;
}

/* The list from which providers are made: what stands behind "chatgpt-". */
// clang-format off
#define PROVIDERS(X) X(user) X(team) X(role) X(scope) X(model) X(key)
// clang-format on

#define MAKE(name)                                                             \
    static authz_status judge_##name(request_rec *r, const char *line,         \
                                     const void *parsed)                       \
    {                                                                          \
        (void)line;                                                            \
        return judge(r, parsed, has_##name);                                   \
    }                                                                          \
    static const authz_provider provider_##name = {judge_##name, parse};
PROVIDERS(MAKE)
#undef MAKE

/* -- 403 for who is known -------------------------------------------------------- */

/* SetHandler has its say only in fixups; until then it is an expression. */
static bool is_console(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *why = NULL;
    const char *handler = core->expr_handler
                              ? ap_expr_str_exec(r, core->expr_handler, &why)
                              : core->handler;
    return !why && handler && strcmp(handler, CG_CONSOLE_HANDLER) == 0;
}

static bool is_ours(request_rec *r)
{
    return cg_config_policy(r)->is_on || cg_gate_is_our_type(r) ||
           is_console(r);
}

static int check_authz(request_rec *r)
{
    cg_walk_in_t *in = is_ours(r) ? cg_gate_find_or_make(r) : NULL;
    if (!in || in->is_judged) {
        return DECLINED;
    }
    in->is_judged = true;
    if (is_console(r)) {
        cg_config_roles(r);
    }
    int rc = ap_run_auth_checker(r);
    if (rc != HTTP_UNAUTHORIZED || !r->user) {
        return rc;
    }
    if (in->txn.verdict != CG_PASS) {
        return cg_gate_refuse(r, &in->txn);
    }
    apr_table_unset(r->err_headers_out, "WWW-Authenticate");
    cg_txn_refuse(&in->txn, CG_NOT_ALLOWED, NULL, NULL);
    return cg_gate_refuse(r, &in->txn);
}

void cg_require_hooks(apr_pool_t *pool)
{
#define OFFER(name)                                                            \
    ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, "chatgpt-" #name,    \
                              AUTHZ_PROVIDER_VERSION, &provider_##name,        \
                              AP_AUTH_INTERNAL_PER_CONF);
    PROVIDERS(OFFER)
#undef OFFER
    ap_hook_check_authz(check_authz, NULL, NULL, APR_HOOK_FIRST,
                        AP_AUTH_INTERNAL_PER_CONF);
}
