/* The label: an answer says that a machine wrote it, where a region wants that.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Twice. For programs: a header, and a member at the top of the JSON,
 *
 *   x-chatgpt-ai-generated: ?1;region="cn"      (a structured field, RFC 9651)
 *   "ai_generated":{"label":true,"region":"cn","id":"<request id>"}
 *
 * of a stream in the events that end a choice or the response. For people: the
 * pack's words in the reader's language, behind the last words of each choice; of
 * a stream as one more delta before its end. Not where text must stay what it is:
 * in JSON that was asked for, and in a choice that calls tools.
 *
 * This is the last thing that is done to an answer, on bytes that have been
 * observed: it sees what the caller would get, and adds to it.
 */
#ifndef CG_FLOW_LABEL_H
#define CG_FLOW_LABEL_H

#include "flow/txn.h"

/* Before an answer of this status begins: is it to be labelled, in what words? */
void cg_label_begin(cg_txn_t *txn, int status);
/* The value of the header; NULL: none. */
const char *cg_label_header(const cg_txn_t *txn);
/* Labels a whole answer in place. */
void cg_label_whole(cg_txn_t *txn, cg_buf_t *answer);
/* Labels the events that stand in answer from a place on: whole ones only. */
void cg_label_events(cg_txn_t *txn, cg_buf_t *answer, size_t from);

/* -- for label*.c ------------------------------------------------------------- */

/* The words in the reader's language (label_words.c). */
const char *cg_label_words(const cg_txn_t *txn);
/* Was JSON asked for, or is there no running text to add to? */
bool cg_label_is_hidden(const cg_txn_t *txn);

/* Edits of one document. */
typedef struct cg_label_edit_t {
    cg_txn_t *txn;
    const cg_walk_t *walk;
    cg_str_t words;              /* escaped for a JSON string */
    apr_array_header_t *splices; /* of cg_splice_t */
    apr_pool_t *pool;
} cg_label_edit_t;

void cg_label_edit_open(cg_label_edit_t *edit, cg_txn_t *txn,
                        const cg_walk_t *walk, apr_pool_t *pool);
/* Puts the words behind a string; the member into an object, as its first. */
void cg_label_add_words(cg_label_edit_t *edit, uint32_t string);
void cg_label_add_member(cg_label_edit_t *edit, uint32_t object);
void cg_label_put(cg_label_edit_t *edit, uint32_t start, uint32_t end,
                  cg_str_t with);
/* The edited document. */
cg_str_t cg_label_apply(cg_label_edit_t *edit);
/* Is there a string that is not empty? */
bool cg_label_is_text(const cg_walk_t *walk, uint32_t node);
/* Every output_text of a response or one of its events gets the words. */
void cg_label_parts(cg_label_edit_t *edit);
/* Does this value of finish_reason end running text? Not when tools are called. */
bool cg_label_is_end(const cg_walk_t *walk, uint32_t reason);

#endif
