/* Cuts text where the patterns of OpenAI's vocabularies cut it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The patterns are regular expressions with look-ahead; here they are one pass
 * over the classes of characters. Only this room includes it.
 */
#ifndef CG_TOKEN_SPLIT_H
#define CG_TOKEN_SPLIT_H

#include "token/token_int.h"

/* Where the piece that begins at p ends; p < end. out_seen: how far had to be
 * looked to say so. Bytes that are no UTF-8 count as marks of their own. */
const char *cg_token_split(const cg_vocabulary_t *vocabulary, const char *p,
                           const char *end, const char **out_seen);

#endif
