/* Authentication: AuthType ChatGPT, and who is known when the gate asks.
 * SPDX-License-Identifier: Apache-2.0
 *
 * httpd authenticates only where a Require needs a user. "Require all granted", or
 * an address that a RequireAny is content with, lets a request past that nobody was
 * asked about, and then a "Require not chatgpt-team" has forbidden nobody. So
 * whoever was not asked is asked here, and authorized once more as who they are.
 */
#include "httpd/httpd_int.h"

#include <string.h>

#include <apr_strings.h>
#include <mod_auth.h>

static cg_str_t bearer_of(const request_rec *r)
{
    const char *value = apr_table_get(r->headers_in, "Authorization");
    if (!value || strncasecmp(value, "Bearer", 6) != 0 ||
        (value[6] != ' ' && value[6] != '\t')) {
        return (cg_str_t){"", 0};
    }
    value += 7;
    while (*value == ' ' || *value == '\t') {
        value++;
    }
    return cg_str(value);
}

static cg_verdict_t authenticate(request_rec *r, cg_walk_in_t *in)
{
    cg_txn_t *txn = &in->txn;
    in->was_authn_run = true;
    if (!txn->gateway) {
        return cg_txn_refuse(txn, CG_NOT_CONFIGURED, NULL, NULL);
    }
    if (cg_flow_authenticate(txn, bearer_of(r)) == CG_PASS &&
        cg_identity_map(r, in) == CG_PASS) {
        r->user = apr_pstrdup(r->pool, txn->who.user);
        r->ap_auth_type = apr_pstrdup(r->pool, CG_AUTH_TYPE);
        apr_table_setn(r->notes, "chatgpt-key", txn->who.key.id);
    }
    return txn->verdict;
}

static int check_authn(request_rec *r)
{
    if (!cg_gate_is_our_type(r)) {
        return DECLINED;
    }
    cg_walk_in_t *in = cg_gate_find_or_make(r);
    return authenticate(r, in) == CG_PASS ? OK : cg_gate_refuse(r, &in->txn);
}

/* As httpd would have done it, had a Require needed a user. */
static cg_verdict_t authenticate_late(request_rec *r, cg_walk_in_t *in)
{
    cg_txn_t *txn = &in->txn;
    if (cg_gate_is_our_type(r)) {
        authenticate(r, in);
    }
    else if (ap_run_check_user_id(r) != OK || !cg_identity_find(r, in)) {
        cg_txn_refuse(txn, CG_NOT_AUTHENTICATED, NULL, NULL);
    }
    if (txn->verdict != CG_PASS || ap_satisfies(r) == SATISFY_ANY) {
        return txn->verdict;
    }
    in->is_judged = true; /* the answer as it is, without that of require.c */
    int rc = ap_run_auth_checker(r);
    if (rc != OK && rc != DECLINED) {
        apr_table_unset(r->err_headers_out, "WWW-Authenticate");
        cg_txn_refuse(txn, CG_NOT_ALLOWED, NULL, NULL);
    }
    return txn->verdict;
}

cg_verdict_t cg_authn_check(request_rec *r, cg_walk_in_t *in)
{
    cg_txn_t *txn = &in->txn;
    bool was_asked = cg_gate_is_our_type(r) ? in->was_authn_run
                                            : r->user || !ap_auth_type(r);
    if (txn->verdict == CG_PASS && !was_asked) {
        return authenticate_late(r, in);
    }
    if (txn->verdict == CG_PASS && !cg_identity_find(r, in)) {
        return cg_txn_refuse(txn, CG_NOT_AUTHENTICATED, NULL, NULL);
    }
    return txn->verdict;
}

void cg_authn_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_check_authn(check_authn, NULL, NULL, APR_HOOK_MIDDLE,
                        AP_AUTH_INTERNAL_PER_CONF);
}
