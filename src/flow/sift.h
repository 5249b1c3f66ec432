/* Sifting: every text of a JSON document is scanned and masked in place.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where text is says chat (cg_chat_is_text); what must not pass says redact; this
 * file joins the two. A text that is itself JSON (the arguments of a tool call, a
 * tool's result) is walked in turn, so that what is put there stays valid JSON and
 * an escape inside an escape hides nothing; in it numbers are looked at too.
 * Member names are looked at as well. Bytes that are not masked are not touched.
 */
#ifndef CG_FLOW_SIFT_H
#define CG_FLOW_SIFT_H

#include <apr_tables.h>

#include "base/walk.h"
#include "redact/mask.h"
#include "redact/scan.h"

#define CG_SIFT_NESTING_MAX 4 /* JSON in JSON in JSON ... */

/* lives in: the caller, for one document or many of one request */
typedef struct cg_sift_t {
    const cg_rules_t *rules;
    const cg_actions_t *actions;
    cg_scan_depth_t depth;
    cg_tally_t *tally;
    apr_pool_t *pool;
    /* Told of every text in turn, as it will leave; may be NULL. */
    void (*on_text)(void *baton, const cg_walk_t *walk, uint32_t node,
                    cg_str_t masked);
    void *baton;
    /* Nodes left alone because they are masked elsewhere (running text of a
     * stream); ascending; may be NULL. */
    const uint32_t *apart;
    size_t apart_count;
    /* Made by a caller who wants to know each finding that is not allowed: an
     * array of cg_finding_t, whose places are in bytes of the document as it
     * stands; added to in order. Else NULL. */
    apr_array_header_t *spots;
    /* results */
    bool is_blocked;
    uint8_t blocked_by;
    const char *blocked_at; /* JSON pointer of the text, in pool */
    /* private */
    cg_findings_t findings;
    apr_array_header_t *splices; /* of cg_splice_t */
    int nesting;
} cg_sift_t;

void cg_sift_open(cg_sift_t *sift);
/* Adds the splices that mask the document to sift->splices, ascending. Failure
 * means that it could not be inspected: it must not pass. */
apr_status_t cg_sift_document(cg_sift_t *sift, const cg_walk_t *walk);
/* Adds one more splice, kept in order. */
void cg_sift_add(cg_sift_t *sift, cg_splice_t splice);
/* The edited document: source itself when there is no splice. */
cg_str_t cg_sift_apply(const cg_sift_t *sift, cg_str_t source);

#endif
