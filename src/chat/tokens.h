/* How many tokens is a request? A quick estimate until the exact counter.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Used for the hold only; what is charged is the provider's usage. The estimate
 * errs to the high side on ordinary text: ASCII words by 3 bytes a token, other
 * scripts by one token a character, plus the published overhead per message.
 */
#ifndef CG_CHAT_TOKENS_H
#define CG_CHAT_TOKENS_H

#include "chat/request.h"

/* Tokens of decoded or still escaped text. */
int64_t cg_chat_tokens_estimate(cg_str_t text);
/* Input tokens of a whole request: texts, names, tools, 3 a message, images and
 * token arrays of embeddings (one each). */
int64_t cg_chat_tokens_of_request(const cg_request_t *request);

#endif
