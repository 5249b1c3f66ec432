/* The conversation reviewed as a whole: values spread over several messages.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each role speaks for itself, others may speak between; the parts of one
 * message touch. What is found so is treated as its type's action says: every part
 * is masked in its own message, since half a value gives half of it away. A
 * pseudonym cannot stand for pieces: it acts as mask.
 */
#ifndef CG_FLOW_REVIEW_H
#define CG_FLOW_REVIEW_H

#include "flow/sift.h"
#include "redact/spread.h"

#define CG_REVIEW_SPEAKERS 5

/* lives in: the caller, for one document */
typedef struct cg_review_t {
    const cg_rules_t *rules;
    apr_pool_t *pool;
    cg_spread_t *speakers[CG_REVIEW_SPEAKERS];
    uint32_t message; /* the last text's */
    int speaker;      /* likewise; -1: none yet */
    apr_status_t status;
} cg_review_t;

/* Opens a review and has the sift tell it of every text. */
void cg_review_open(cg_review_t *review, cg_sift_t *sift);
/* After cg_sift_document: masks, counts or refuses what was found. Failure means
 * that the conversation could not be reviewed: it must not pass. */
apr_status_t cg_review_finish(cg_review_t *review, cg_sift_t *sift,
                              const cg_walk_t *walk);

#endif
