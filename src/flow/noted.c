/* What a request leaves for the alerts: how full its limits are, what it used.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/noted.h"

#include <string.h>

#include "base/clock.h"

/* Counts made without the store are of this server's share alone. */
static bool is_of_store(const cg_quota_grant_t *quota)
{
    return !quota->is_local && !quota->is_open && !quota->is_store_down;
}

void cg_flow_note_limits(const cg_txn_t *txn)
{
    const cg_gateway_t *gateway = txn->gateway;
    const cg_quota_grant_t *quota = &txn->grant.quota;
    if (!gateway->watch || !gateway->alert_rules || !is_of_store(quota)) {
        return;
    }
    cg_str_t organization = cg_str(txn->who.organization);
    apr_time_t now = cg_clock_now();
    for (size_t i = 0; i < txn->grant.count && i < quota->count; i++) {
        const cg_limit_t *limit = &txn->grant.limits[i];
        const cg_quota_left_t *left = &quota->left[i];
        bool is_refused = !quota->is_admitted && quota->refused_by == (int)i;
        if (left->limit > 0 &&
            cg_alert_rules_find(gateway->alert_rules, limit)) {
            cg_watch_note(gateway->watch, organization,
                          txn->grant.asks[i].subject, limit, left->limit,
                          left->remaining, left->held, is_refused, now);
        }
    }
}

static bool is_decision(const cg_record_t *record, const char *name)
{
    return strcmp(record->decision, name) == 0;
}

void cg_flow_note_use(const cg_txn_t *txn, const cg_record_t *record)
{
    cg_use_table_t *use = txn->gateway->use;
    if (!use || !txn->gateway->alert_rules ||
        txn->gateway->alert_rules->unusual.mode == CG_UNUSUAL_OFF) {
        return;
    }
    const cg_use_sums_t sums = {
        {[CG_USE_TOKENS] = record->input_tokens + record->output_tokens,
         [CG_USE_MICROS] = record->cost_micros,
         [CG_USE_REQUESTS] = 1,
         [CG_USE_ERRORS] = is_decision(record, "failed"),
         [CG_USE_REFUSALS] = is_decision(record, "refused")}};
    apr_time_t now = cg_clock_now();
    cg_use_note(use, CG_USE_OF_KEY, cg_str(record->key_id), &sums, now);
    cg_use_note(use, CG_USE_OF_TEAM, cg_str(record->team), &sums, now);
    cg_use_note(use, CG_USE_OF_ALL, CG_STR(""), &sums, now);
}
