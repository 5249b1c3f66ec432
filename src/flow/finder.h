/* Finding in the texts of one request: remembered, scanned, or asked of others.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a text holds is looked up first (memo.h); what is not known is scanned, and
 * the findings of the external detector (external.h), if there is one, are put
 * beside our own. Our own win: they have check digits; of the others what sticks
 * out of them stays.
 */
#ifndef CG_FLOW_FINDER_H
#define CG_FLOW_FINDER_H

#include "flow/external.h"
#include "flow/memo.h"

/* lives in: the caller, for one request */
typedef struct cg_finder_t {
    const cg_rules_t *rules;
    cg_scan_depth_t depth;
    cg_memo_t *memo;         /* NULL: nothing is remembered */
    cg_external_t *external; /* NULL: nobody else is asked */
    uint64_t version;        /* of the rules */
    uint64_t how;            /* what else the findings depend on */
    apr_time_t now;          /* wall clock */
    /* results: texts that were looked up */
    int64_t hits;
    int64_t misses;
} cg_finder_t;

void cg_finder_open(cg_finder_t *finder, const cg_rules_t *rules,
                    cg_scan_depth_t depth, cg_memo_t *memo, apr_time_t now);
/* Findings are the detector's too, from now on. */
void cg_finder_ask(cg_finder_t *finder, cg_external_t *external);

/* cg_find_t; the first pass, when others are asked: finds nothing, but notes the
 * texts that nothing is known of. */
apr_status_t cg_finder_collect(void *finder, cg_str_t name, cg_str_t text,
                               cg_findings_t *out);
/* cg_find_t */
apr_status_t cg_finder_find(void *finder, cg_str_t name, cg_str_t text,
                            cg_findings_t *out);

#endif
