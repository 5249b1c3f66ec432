/* The steps of a request, in order, each one file with one question.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   1 authenticate  who is asking?            8 record   what do we keep of it?
 *   2 admit         may they, now?            7 settle   what did it cost?
 *   3 inspect       what must not leave?      6 observe  what came back?
 *   4 route         who shall answer?         5 proxy    mod_proxy_http carries
 *
 * A step says CG_PASS, or refuses through cg_txn_refuse and returns the verdict.
 */
#ifndef CG_FLOW_FLOW_H
#define CG_FLOW_FLOW_H

#include "flow/txn.h"

/* Steps 2 to 4 in the order of the table in flow.c, until one says no. */
cg_verdict_t cg_flow_run(cg_txn_t *txn);

/* Before anything that a caller claims to be is looked up: was too much wrong from
 * there lately? Refuses with TOO_MANY_ATTEMPTS. Call cg_flow_tried when it is
 * decided, with the verdict: only what may have been guessed counts. It gives the
 * verdict back, or TOO_MANY_ATTEMPTS when others have left no room meanwhile, and
 * then that is the answer, right or wrong. */
cg_verdict_t cg_flow_may_try(cg_txn_t *txn, const cg_try_t *attempt);
cg_verdict_t cg_flow_tried(cg_txn_t *txn, const cg_try_t *attempt,
                           cg_verdict_t verdict);
/* 1. spelled is what stood after "Bearer ", empty if nothing did. */
cg_verdict_t cg_flow_authenticate(cg_txn_t *txn, cg_str_t spelled);
/* 1. Is it signed, and by a key of who is known? As ChatGPTSignature has it. The
 * body must then be what Content-Digest says: feed it raw, and ask at its end,
 * before anything leaves. */
cg_verdict_t cg_flow_signature(cg_txn_t *txn, const cg_message_t *message);
void cg_flow_signed_feed(cg_txn_t *txn, const void *data, size_t len);
cg_verdict_t cg_flow_signed_end(cg_txn_t *txn);
/* 2. Of an upload, before it is read: uses up its nonce, so that no body which
 * comes slowly outlives the memory of it. */
cg_verdict_t cg_flow_signed_use(cg_txn_t *txn);
/* 2. Models allowed, then all limits and budgets in one round trip. */
cg_verdict_t cg_flow_admit(cg_txn_t *txn);
/* The body that may leave has so many tokens, not those that were admitted: holds
 * what it is more, at every limit, or refuses. Asks nobody where it is not more. */
cg_verdict_t cg_flow_admit_masked(cg_txn_t *txn, int64_t input_tokens);
/* The same of what is known before a body is read: refuses who is over a limit as
 * it stands, so that nothing large is read in vain. Charges nothing. */
cg_verdict_t cg_flow_admit_early(cg_txn_t *txn);
/* May this model be shown to the caller in a list? */
bool cg_flow_may_list(const cg_txn_t *txn, cg_str_t model);
/* May this caller ask for this model here, as far as a list tells? CG_PASS, or the
 * reason; refuses nothing itself. */
cg_verdict_t cg_flow_may_ask(const cg_txn_t *txn, cg_str_t model);
/* 3. Masks or refuses; out.body is what may leave. */
cg_verdict_t cg_flow_inspect(cg_txn_t *txn);
/* Chooses packs and region, and fills out.actions and out.answer_actions; inspect
 * calls it first (actions.c). */
cg_verdict_t cg_flow_actions(cg_txn_t *txn);
/* The same for a place, no key: rules is what its packs have chosen; published
 * may be NULL. */
void cg_flow_actions_of(const cg_rules_t *rules, const cg_policy_t *policy,
                        const cg_published_t *published,
                        cg_actions_t *out_request, cg_actions_t *out_answer);
/* What is looked for in requests of a place, no key, and what is done with it;
 * rules is all there are. */
const cg_rules_t *cg_flow_rules_of(const cg_rules_t *rules,
                                   const cg_policy_t *policy,
                                   const cg_published_t *published,
                                   cg_actions_t *out, apr_pool_t *pool);
/* The packs of a place, its region's too, as bits; false when it names one that is
 * not there. */
bool cg_flow_packs(const cg_rules_t *rules, const cg_policy_t *policy,
                   const cg_published_t *published, uint64_t *out);
/* 4. Chooses the account of the next attempt. */
cg_verdict_t cg_flow_route(cg_txn_t *txn);

/* 5. How an attempt went: feeds health and metrics. status 0: no answer came;
 * rest_for: what a Retry-After asked for, micros, else 0. */
void cg_flow_attempted(cg_txn_t *txn, int status, const char *outcome,
                       apr_time_t rest_for);
/* Is another attempt worth it, and allowed? Nothing has reached the caller. */
bool cg_flow_may_retry(cg_txn_t *txn, int status);

/* 6. A whole answer: usage, texts masked. out gets the bytes for the caller. */
cg_verdict_t cg_flow_observe_whole(cg_txn_t *txn, cg_str_t body, cg_buf_t *out);
/* 6. A stream, piece by piece; out is appended to. _finish with is_cut true ends
 * it with an error event. What a verdict says no to has been written as an error
 * event: pass out on, then end the answer without a clean end. */
cg_verdict_t cg_flow_observe_open(cg_txn_t *txn);
cg_verdict_t cg_flow_observe_feed(cg_txn_t *txn, cg_str_t piece, cg_buf_t *out);
cg_verdict_t cg_flow_observe_finish(cg_txn_t *txn, bool is_cut, cg_buf_t *out);

/* Tokens of the answer's texts as far as they came, by our own count, at any time.
 * out_is_exact: the model's vocabulary is known and was there. */
int64_t cg_flow_delivered(const cg_txn_t *txn, bool *out_is_exact);

/* 7. Computes the bill; the hold itself is settled by the keeper, from the
 * journal, so that nothing after the answer waits for the store. */
void cg_flow_settle(cg_txn_t *txn);
/* 8. Settles and appends the record to the journal, once. status is what the
 * caller got. APR_SUCCESS also when it had been done before. */
apr_status_t cg_flow_record(cg_txn_t *txn, int status, cg_error_t *err);

#endif
