/* Tools as the text that a model is told of them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI turns the JSON schemas of functions into something like TypeScript; its
 * tokens are what they cost. Only this room includes it.
 */
#ifndef CG_CHAT_TOOLS_TEXT_H
#define CG_CHAT_TOOLS_TEXT_H

#include "base/walk.h"

/* Appends the text of a list of tools, or of functions (is_flat: their members stand
 * in the element itself, as in "functions" and in the Responses API). What is no
 * function is left out; returns how many were. */
size_t cg_chat_tools_text(const cg_walk_t *walk, uint32_t list, bool is_flat,
                          cg_buf_t *out, apr_pool_t *pool);

#endif
