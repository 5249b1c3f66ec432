/* Lists of words to look for.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_REDACT_WORDS_H
#define CG_REDACT_WORDS_H

#include "redact/redact_int.h"

typedef struct cg_words_t cg_words_t;

/* han.c: traditional and simplified characters in turn, three bytes each, in
 * rows; NULL ends. */
extern const char *const cg_han_pairs[];

/* Copies the words. *out is NULL when there are none. APR_EINVAL names a word
 * by its place in its list. */
apr_status_t cg_words_create(const cg_word_list_t *lists, size_t count,
                             cg_words_t **out, cg_error_t *err,
                             apr_pool_t *pool);

/* Can a word be looked for? Not when it is too short, or too long. */
bool cg_word_is_fit(cg_str_t word);

/* Words as a part of a file, without a pointer: the bytes, to be put where an
 * address is a multiple of 8, and back. They are not copied. NULL: damaged, or
 * of a list there is not. */
size_t cg_words_bytes(const cg_words_t *words, const void **out_block);
cg_words_t *cg_words_open(const void *data, size_t len, size_t list_count,
                          apr_pool_t *pool);

/* Notes candidates of every place of the window; of lists that the window's
 * rules have chosen. */
void cg_words_scan(const cg_words_t *words, cg_window_t *w);

#endif
