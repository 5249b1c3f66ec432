/* Byte-pair encoding of one piece, exactly and in linear time.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only this room includes it.
 */
#ifndef CG_TOKEN_MERGE_H
#define CG_TOKEN_MERGE_H

#include "token/token_int.h"

/* How many tokens the piece is. ids: NULL, or room for len of them. */
size_t cg_token_merge(const cg_vocabulary_t *vocabulary, const char *piece,
                      size_t len, uint32_t *ids);
/* The same, by the slower of the two ways. For tests. */
size_t cg_token_merge_slowly(const cg_vocabulary_t *vocabulary,
                             const char *piece, size_t len, uint32_t *ids);

#endif
