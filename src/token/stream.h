/* How many tokens is a text that arrives in pieces?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The same as of the whole, however it is cut, inside a character too. What cannot
 * be decided yet is kept: usually a word, at most the longest run of one kind.
 */
#ifndef CG_TOKEN_STREAM_H
#define CG_TOKEN_STREAM_H

#include "token/vocabulary.h"

/* lives in: the caller */
typedef struct cg_token_stream_t {
    const cg_vocabulary_t *vocabulary; /* NULL: bytes are counted */
    /* private */
    int64_t decided;
    cg_buf_t tail;
    size_t look_at; /* how long the tail is to be before it is looked at */
} cg_token_stream_t;

void cg_token_stream_init(cg_token_stream_t *stream,
                          const cg_vocabulary_t *vocabulary, apr_pool_t *pool);
void cg_token_stream_feed(cg_token_stream_t *stream, cg_str_t piece);
/* If the text ended here; it may go on afterwards. */
int64_t cg_token_stream_count(const cg_token_stream_t *stream);

#endif
