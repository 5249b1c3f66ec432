/* Byte-pair encoding by merging, window by window: for pieces that are hard to guess.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only this room includes it.
 */
#ifndef CG_TOKEN_HEAP_H
#define CG_TOKEN_HEAP_H

#include "token/token_int.h"

/* How many tokens the piece is; SIZE_MAX: its windows do not join. ids: NULL, or
 * room for len of them. */
size_t cg_token_merge_windows(const cg_vocabulary_t *vocabulary,
                              const char *piece, size_t len, uint32_t *ids);

#endif
