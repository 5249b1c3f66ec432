/* The steps of a request, in order.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Authentication stands before them, in httpd's own phase for it, so that other
 * providers and Require compose with it. What a step does when the store is out
 * of reach is its limit's to say (policy/limit.h); keys never seen are refused.
 */
#include "flow/flow.h"

typedef struct step_t {
    const char *name;
    cg_verdict_t (*run)(cg_txn_t *txn);
} step_t;

static const step_t steps[] = {
    {"admit", cg_flow_admit},
    {"inspect", cg_flow_inspect},
    {"route", cg_flow_route},
};

cg_verdict_t cg_flow_run(cg_txn_t *txn)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i].run(txn) != CG_PASS) {
            break;
        }
    }
    return txn->verdict;
}
