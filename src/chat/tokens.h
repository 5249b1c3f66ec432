/* How many tokens is a request?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Texts are counted as the model's vocabulary counts them; what a chat adds to them
 * by what OpenAI has published: the frame of a message, tools as text, pictures by
 * size. Where nothing is published, or the vocabulary is missing, the number is an
 * estimate on the high side, and says so.
 */
#ifndef CG_CHAT_TOKENS_H
#define CG_CHAT_TOKENS_H

#include "chat/request.h"
#include "token/vocabulary.h"

/* The vocabulary of a model; NULL: it could not be opened. out_is_known: the model
 * is one of those whose vocabulary is published; else it is taken to be o200k_base. */
const cg_vocabulary_t *cg_chat_vocabulary(const cg_vocabularies_t *vocabularies,
                                          cg_str_t model, bool *out_is_known);
/* Tokens of a decoded text; without a vocabulary its bytes: it has never more. */
int64_t cg_chat_tokens(const cg_vocabulary_t *vocabulary, cg_str_t text);
/* Input tokens of a whole request. vocabularies may be NULL. out_is_exact: the
 * provider should count the same. */
int64_t cg_chat_tokens_of_request(const cg_request_t *request,
                                  const cg_vocabularies_t *vocabularies,
                                  bool *out_is_exact, apr_pool_t *pool);

#endif
