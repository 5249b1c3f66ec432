/* What the parts of step 6 share; only observe*.c and record.c include it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_FLOW_OBSERVE_INT_H
#define CG_FLOW_OBSERVE_INT_H

#include "flow/flow.h"
#include "flow/sift.h"

/* Reads usage and model of an answer or an event into txn->answer. */
void cg_observe_facts(cg_txn_t *txn, const cg_walk_t *walk, apr_pool_t *pool);
/* Keeps masked text for the record, within the policy's bound. */
void cg_observe_keep(cg_txn_t *txn, cg_str_t text);
/* The request is over: values that are met from now on are the answer's. */
void cg_observe_begin(cg_txn_t *txn);
/* A sift that masks answers; scratch is its pool. */
void cg_observe_sift_open(cg_txn_t *txn, cg_sift_t *sift, apr_pool_t *scratch);
/* Makes a sift find nothing inside the tokens that were issued in this request. */
void cg_observe_hide_tokens(cg_txn_t *txn, cg_sift_t *sift);
/* After cg_sift_document: adds the splices that put back what the document's
 * tokens stand for. */
void cg_observe_restore(cg_txn_t *txn, cg_sift_t *sift, const cg_walk_t *walk);
/* Puts null (or an empty list) in the place of logprobs, whose tokens repeat the text in pieces. */
void cg_observe_drop_logprobs(cg_sift_t *sift, const cg_walk_t *walk);
/* The same for the words and segments of a transcript. */
void cg_observe_drop_pieces(cg_sift_t *sift, const cg_walk_t *walk);

/* Counts the files in an answer or an event that are no text, and refuses it where
 * they may not pass. */
cg_verdict_t cg_observe_files(cg_txn_t *txn, const cg_walk_t *walk,
                              apr_pool_t *pool);

/* Adds what the running texts' scanners found to the answer's tally; once. */
void cg_observe_close(cg_txn_t *txn);

#endif
