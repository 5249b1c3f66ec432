/* What expressions of httpd may ask of the gateway: claims, and who a caller is.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   %{chatgpt_claim:path}    one claim of a verified token, as text
 *   %{chatgpt_claims:path}   each element of a list, a newline behind each
 *   chatgpt_claims('path')   the list itself, for 'x' in …
 *   %{CHATGPT_TEAM} …        what is known of the caller by now
 *
 * They are empty where nobody is known, and so is a claim that is no plain text.
 */
#include "httpd/httpd_int.h"

#include <string.h>

#include <ap_expr.h>

#include "auth/claims.h"

const void *cg_expression_parse(void *baton, const char *text,
                                bool is_condition, cg_error_t *err)
{
    cmd_parms *cmd = baton;
    const char *why = NULL;
    const ap_expr_info_t *info = ap_expr_parse_cmd(
        cmd, text, is_condition ? 0 : AP_EXPR_FLAG_STRING_RESULT, &why, NULL);
    if (why || !info) {
        cg_error_set(err, "the expression cannot be read: %s", why ? why : "");
        return NULL;
    }
    return info;
}

static const cg_claims_t *claims_of(const ap_expr_eval_ctx_t *ctx)
{
    const cg_walk_in_t *in = ctx->r ? cg_gate_find(ctx->r) : NULL;
    return in ? in->txn.who.claims : NULL;
}

static const char *tell_claim(ap_expr_eval_ctx_t *ctx, const void *data,
                              const char *path)
{
    const cg_claims_t *claims = claims_of(ctx);
    const char *text = claims ? cg_claims_text(claims, path, ctx->p) : NULL;
    (void)data;
    return text && cg_identity_is_plain(cg_str(text)) ? text : "";
}

/* An element that is no plain text could be taken for two: it is left out. */
static apr_array_header_t *list_claims(ap_expr_eval_ctx_t *ctx,
                                       const void *data, const char *path)
{
    const cg_claims_t *claims = claims_of(ctx);
    apr_array_header_t *plain = apr_array_make(ctx->p, 8, sizeof(char *));
    (void)data;
    if (!claims) {
        return plain;
    }
    const apr_array_header_t *all = cg_claims_list(claims, path, ctx->p);
    for (int i = 0; i < all->nelts; i++) {
        const char *text = APR_ARRAY_IDX(all, i, const char *);
        if (cg_identity_is_plain(cg_str(text))) {
            APR_ARRAY_PUSH(plain, const char *) = text;
        }
    }
    return plain;
}

static const char *tell_claims(ap_expr_eval_ctx_t *ctx, const void *data,
                               const char *path)
{
    const apr_array_header_t *list = list_claims(ctx, data, path);
    cg_buf_t lines;
    cg_buf_init(&lines, 256, ctx->p);
    for (int i = 0; i < list->nelts; i++) {
        cg_buf_fmt(&lines, "%s\n", APR_ARRAY_IDX(list, i, const char *));
    }
    return cg_buf_cstr(&lines);
}

static const char *tell_user(const cg_txn_t *txn)
{
    return txn->who.user;
}

static const char *tell_team(const cg_txn_t *txn)
{
    return txn->who.team;
}

static const char *tell_key(const cg_txn_t *txn)
{
    return txn->who.key.id;
}

static const char *tell_source(const cg_txn_t *txn)
{
    return txn->who.source;
}

typedef const char *(*teller_t)(const cg_txn_t *txn);

/* %{CHATGPT_TEAM} and so on, in any expression of httpd. */
static const struct variable_t {
    const char *name;
    teller_t tell;
} variables[] = {{"CHATGPT_USER", tell_user},
                 {"CHATGPT_TEAM", tell_team},
                 {"CHATGPT_KEY", tell_key},
                 {"CHATGPT_SOURCE", tell_source}};

enum { VARIABLES = sizeof variables / sizeof variables[0] };

static const char *tell_variable(ap_expr_eval_ctx_t *ctx, const void *data)
{
    const struct variable_t *variable = data;
    const cg_walk_in_t *in = ctx->r ? cg_gate_find(ctx->r) : NULL;
    const char *text =
        in && in->txn.who.is_known ? variable->tell(&in->txn) : NULL;
    return text ? text : "";
}

/* httpd takes functions as void *, which C only knows by way of a number. */
static int offer(ap_expr_lookup_parms *parms, uintptr_t function,
                 const void *data)
{
    *parms->func = (const void *)function;
    *parms->data = data;
    return OK;
}

static int look_up(ap_expr_lookup_parms *parms)
{
    bool is_claim = strcasecmp(parms->name, "chatgpt_claim") == 0;
    bool is_claims = strcasecmp(parms->name, "chatgpt_claims") == 0;
    if (parms->type == AP_EXPR_FUNC_STRING && is_claim) {
        return offer(parms, (uintptr_t)tell_claim, NULL);
    }
    if (parms->type == AP_EXPR_FUNC_STRING && is_claims) {
        return offer(parms, (uintptr_t)tell_claims, NULL);
    }
    if (parms->type == AP_EXPR_FUNC_LIST && is_claims) {
        return offer(parms, (uintptr_t)list_claims, NULL);
    }
    for (int i = 0; parms->type == AP_EXPR_FUNC_VAR && i < VARIABLES; i++) {
        if (strcasecmp(parms->name, variables[i].name) == 0) {
            return offer(parms, (uintptr_t)tell_variable, &variables[i]);
        }
    }
    return DECLINED;
}

void cg_expression_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_expr_lookup(look_up, NULL, NULL, APR_HOOK_MIDDLE);
}
