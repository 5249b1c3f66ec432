/* How many tokens is a text, and which?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Exactly those of OpenAI's tiktoken (encode_ordinary): what looks like a special
 * token is text. Time is linear in the length, whatever the text. Text must be
 * UTF-8; what may not be goes through cg_token_repair first.
 */
#ifndef CG_TOKEN_COUNT_H
#define CG_TOKEN_COUNT_H

#include "token/vocabulary.h"

int64_t cg_token_count(const cg_vocabulary_t *vocabulary, cg_str_t text);
/* The same, but stops once there are more than limit; then limit + 1. */
int64_t cg_token_count_until(const cg_vocabulary_t *vocabulary, cg_str_t text,
                             int64_t limit);
/* ids has room for text.len tokens; returns how many there are. */
size_t cg_token_encode(const cg_vocabulary_t *vocabulary, cg_str_t text,
                       uint32_t *ids);
/* Of a text that may go on: the tokens of as much of it as is cut and counted the
 * same whatever follows; out_used: how many bytes that are. The end of text may be
 * within a character. */
int64_t cg_token_count_decided(const cg_vocabulary_t *vocabulary, cg_str_t text,
                               size_t *out_used);
/* Without a vocabulary: no text has more tokens than bytes. */
int64_t cg_token_bound(cg_str_t text);

/* Text as a decoder of the WHATWG reads bytes: what is no UTF-8 becomes U+FFFD,
 * one for each part that could have begun a character. In pool if it changes. */
cg_str_t cg_token_repair(cg_str_t bytes, apr_pool_t *pool);

#endif
