/* Step 4, route: who shall answer? And what an attempt has taught.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "flow/flow.h"
#include "flow/lives.h"
#include "route/choose.h"
#include "route/providers.h"

/* The account of the next attempt, tried ones and those left out that are barred:
 * for them there is no last resort. */
static const cg_account_t *choose(const cg_txn_t *txn, uint32_t tried)
{
    const cg_gateway_t *gateway = txn->gateway;
    return cg_route_choose(gateway->accounts, txn->policy->routes,
                           gateway->health, tried | txn->route.barred,
                           cg_clock_now());
}

cg_verdict_t cg_flow_route(cg_txn_t *txn)
{
    if (txn->out.answer_rules) {
        txn->rules = txn->out.answer_rules; /* the request has been inspected */
    }
    const cg_gateway_t *gateway = txn->gateway;
    const cg_credentials_t *stored =
        cg_gateway_take_credentials(gateway, txn->pool);
    uint32_t by_region =
        cg_region_barred(&txn->region.rules, gateway->accounts);
    txn->route.barred = by_region;
    bool is_barred = by_region && !choose(txn, 0);
    txn->route.barred |= cg_accounts_unready(gateway->accounts, stored);
    const cg_account_t *account = choose(txn, txn->route.tried);
    if (!account) {
        return cg_txn_refuse(
            txn, is_barred ? CG_REGION_UNSERVED : CG_NO_UPSTREAM, NULL, NULL);
    }
    txn->route.account = account;
    txn->route.credential = cg_account_credential(account, stored);
    txn->route.tried |= UINT32_C(1) << account->index;
    txn->route.attempts++;
    txn->route.sent_at = cg_clock_monotonic();
    cg_lives_sent(txn);
    return CG_PASS;
}

void cg_flow_attempted(cg_txn_t *txn, int status, const char *outcome,
                       apr_time_t rest_for)
{
    const cg_account_t *account = txn->route.account;
    cg_health_t *health = txn->gateway->health;
    const cg_provider_t *provider = cg_provider_find(account->provider);
    apr_time_t now = cg_clock_now();
    cg_meter_attempt(txn->gateway->meter, account->name, outcome);
    if (txn->answer.is_aborted) {
        txn->route.was_left = true;
        return; /* the caller's doing, not the account's */
    }
    bool is_failure = status == 0 || provider->is_retryable(status) ||
                      provider->is_credential_dead(status);
    if (is_failure) {
        cg_health_failure(health, account->index, rest_for, now);
        return;
    }
    apr_time_t first = txn->answer.first_byte_at;
    cg_health_success(health, account->index,
                      first ? first - txn->route.sent_at : 0, now);
}

bool cg_flow_may_retry(cg_txn_t *txn, int status)
{
    const cg_provider_t *provider =
        cg_provider_find(txn->route.account->provider);
    apr_time_t spent =
        cg_clock_monotonic() - txn->in.started_at - txn->in.upload_for;
    bool is_worth_it = status == 0 || provider->is_retryable(status) ||
                       provider->is_credential_dead(status);
    if (!is_worth_it || txn->answer.is_aborted ||
        txn->route.attempts > txn->policy->retries ||
        spent > txn->policy->total_for) {
        return false;
    }
    if (choose(txn, txn->route.tried)) {
        return true;
    }
    /* All were tried. One more round helps against a broken connection or a
     * hiccup, not against a full quota or a dead credential. */
    bool helps = status == 0 || status >= 500;
    if (helps) {
        txn->route.tried = 0;
    }
    return helps;
}
