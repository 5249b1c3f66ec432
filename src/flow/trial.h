/* A trial: would this request pass, and which limit decides?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Asks what admission would ask, of the same limits, and charges nothing: no counter,
 * no hold, no record. It is an answer about this moment; another request may come in
 * between. What a leased limit has in the memory of a server counts as used, so a
 * trial may say no where that server would still serve.
 */
#ifndef CG_FLOW_TRIAL_H
#define CG_FLOW_TRIAL_H

#include "flow/flow.h"

#define CG_TRIAL_NEVER (-1)

/* Whose word a limit is. */
typedef enum cg_trial_by_t {
    CG_TRIAL_BY_DIRECTIVE,
    CG_TRIAL_BY_KEY,
    CG_TRIAL_BY_CONSOLE
} cg_trial_by_t;

/* lives in: txn->pool; grant.limits and grant.asks of the txn go with it */
typedef struct cg_trial_t {
    bool passes;
    int decided_by;      /* index of the limit; -1: none, or another reason */
    apr_time_t wait_for; /* until it would pass, if nothing else comes;
                            CG_TRIAL_NEVER */
    int64_t clamped_tokens; /* output is put down to; -1: it is not */
    bool fits[CG_ASKS_MAX];
    cg_trial_by_t by[CG_ASKS_MAX];
    cg_quota_left_t left[CG_ASKS_MAX];
} cg_trial_t;

/* txn: gateway, policy, pool, in.at, address, vhost, endpoint, request, model, and who
 * asks. input_tokens: in the place of what the request has; -1: count it. The
 * verdict, words and grant stand in txn as after admission. Anything but
 * APR_SUCCESS: the store does not answer. */
apr_status_t cg_flow_trial(cg_txn_t *txn, int64_t input_tokens, cg_trial_t *out,
                           cg_error_t *err);

/* ---- admit.c --------------------------------------------------------------------- */

/* Finds the limits of the request and its worst case; asks nobody. */
cg_verdict_t cg_flow_admit_plan(cg_txn_t *txn, int64_t input_tokens);
/* Puts the output down to what grant.quota.left says; false: it may not, or it would
 * not help. The limits are found anew. */
bool cg_flow_admit_clamp(cg_txn_t *txn);
/* Refuses by grant.quota.refused_by. */
cg_verdict_t cg_flow_admit_refusal(cg_txn_t *txn);

#endif
