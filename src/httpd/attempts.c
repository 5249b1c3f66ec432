/* Attempts at other authentications of httpd: Basic, and bearers of other modules.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keys, tokens and signatures are counted where they are judged (flow). What another
 * module judges is counted here, in places that the gateway serves and wherever
 * ChatGPTAttempts was written, such as the console: our hook runs the authentication
 * of the others itself, and looks at what came of it.
 */
#include "httpd/httpd_int.h"

#include <string.h>

#include <apr_strings.h>
#include <mod_auth.h>

#include "auth/attempts.h"

static bool is_counted(request_rec *r)
{
    const cg_policy_t *policy = cg_config_policy(r);
    bool is_place = policy->is_on || cg_policy_is_set(policy, CG_ROW_attempts);
    return is_place && policy->attempts.amount > 0 && cg_life_gateway() &&
           !cg_gate_is_our_type(r);
}

/* Only schemes that send the secret, or its like, and are decided by one answer. */
static const char *credential_of(request_rec *r)
{
    const char *value = apr_table_get(r->headers_in, "Authorization");
    bool is_whole = value && (strncasecmp(value, "Basic ", 6) == 0 ||
                              strncasecmp(value, "Bearer ", 7) == 0);
    return is_whole ? value : NULL;
}

/* What the others' answer says of the credential; else they have not judged it. */
static cg_verdict_t verdict_of(int rc)
{
    if (rc == HTTP_UNAUTHORIZED || rc == HTTP_FORBIDDEN) {
        return CG_BAD_KEY;
    }
    return rc == OK ? CG_PASS : CG_NOT_AUTHENTICATED;
}

static int check_authn(request_rec *r)
{
    const char *credential = is_counted(r) ? credential_of(r) : NULL;
    if (!credential) {
        return DECLINED;
    }
    cg_walk_in_t *in = cg_gate_find_or_make(r);
    cg_txn_t *txn = &in->txn;
    if (in->is_tried || !txn->gateway) {
        return DECLINED;
    }
    in->is_tried = true;
    cg_try_t attempt = {.address = txn->in.address,
                        .credential = cg_str(credential)};
    if (cg_flow_may_try(txn, &attempt) != CG_PASS) {
        return cg_gate_refuse(r, txn);
    }
    int rc = ap_run_check_user_id(r);
    cg_verdict_t verdict = verdict_of(rc);
    if (verdict != CG_NOT_AUTHENTICATED &&
        cg_flow_tried(txn, &attempt, verdict) == CG_TOO_MANY_ATTEMPTS) {
        r->user = NULL;
        apr_table_unset(r->err_headers_out, "WWW-Authenticate");
        return cg_gate_refuse(r, txn);
    }
    return rc;
}

void cg_attempts_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_check_authn(check_authn, NULL, NULL, APR_HOOK_FIRST,
                        AP_AUTH_INTERNAL_PER_CONF);
}
