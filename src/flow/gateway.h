/* The gateway of one child process: what outlives a request.
 * SPDX-License-Identifier: Apache-2.0
 *
 * lives in: child pool · written by: httpd/life.c once · read by: every step
 */
#ifndef CG_FLOW_GATEWAY_H
#define CG_FLOW_GATEWAY_H

#include "audit/journal.h"
#include "auth/apikey.h"
#include "meter/metrics.h"
#include "policy/policy.h"
#include "quota/prices.h"
#include "quota/quota.h"
#include "redact/rules.h"
#include "route/accounts.h"
#include "route/health.h"
#include "store/store.h"

typedef struct cg_gateway_t {
    apr_pool_t *pool;
    cg_store_t *store;
    cg_keyring_t *keyring;
    cg_quota_t *quota;
    cg_journal_t *journal; /* NULL: its folder could not be opened */
    cg_meter_t *meter;
    const cg_rules_t *rules;
    const cg_prices_t *prices;
    const cg_accounts_t *accounts;
    cg_health_t *health;       /* shared by all children */
    cg_breaker_t *breaker;     /* likewise; the store's */
    volatile int64_t *servers; /* shared · atomic · how many share the limits */
    const char *node;
    int64_t audit_keep; /* records a node's stream keeps, about */
} cg_gateway_t;

#endif
