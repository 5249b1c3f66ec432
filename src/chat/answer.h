/* An answer of the API, whole or as an event of a stream: usage, model, texts.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_CHAT_ANSWER_H
#define CG_CHAT_ANSWER_H

#include "base/walk.h"
#include "chat/endpoint.h"

typedef struct cg_usage_t {
    bool is_known;
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cached_tokens;    /* part of input */
    int64_t reasoning_tokens; /* part of output */
} cg_usage_t;

/* Reads usage of chat/completions/embeddings ("usage": prompt_tokens ...) and of
 * responses (usage or response.usage: input_tokens ...). Absurd numbers
 * (negative, > 2^40) leave it unknown. Returns is_known. */
bool cg_chat_answer_usage(const cg_walk_t *walk, cg_usage_t *out);
/* The model the provider says it served ("model" or response.model); empty if
 * it says none. */
cg_str_t cg_chat_answer_model(const cg_walk_t *walk, apr_pool_t *pool);
/* Does this document carry an error (an "error" object, or type "error" /
 * "response.failed")? */
bool cg_chat_answer_is_error(const cg_walk_t *walk);

/* One piece of streamed text inside an event, and the stream it belongs to. */
typedef struct cg_delta_t {
    uint32_t node;    /* the string */
    uint64_t channel; /* which running text: choice, member, tool call index,
                         output/content index */
    bool is_json;     /* tool arguments: pieces of a JSON text */
} cg_delta_t;

#define CG_DELTAS_MAX 4096

/* Finds the pieces of running text of one event, in document order:
 * chat: choices[].delta.{content,refusal,reasoning_content,reasoning},
 * tool_calls[].function.arguments, function_call.arguments, audio.transcript, and
 * the texts of what is an array or object there (content parts, thinking,
 * reasoning_details); completions: choices[].text; responses: "delta" of
 * response.*.delta events. Other strings of the event are whole texts
 * (cg_chat_is_text). *out is in pool. Returns how many; SIZE_MAX when there are
 * more than CG_DELTAS_MAX. */
size_t cg_chat_answer_deltas(const cg_walk_t *walk, cg_endpoint_t endpoint,
                             cg_delta_t **out, apr_pool_t *pool);
/* Which running texts end with this event? chat: the choice of each
 * finish_reason that is not null (all its channels); responses: the *.done event
 * of a channel, response.completed (all). Returns true when channel ends. */
bool cg_chat_answer_ends(const cg_walk_t *walk, cg_endpoint_t endpoint,
                         uint64_t channel);
/* A chunk that carries nothing but usage (chat/completions: choices is empty). */
bool cg_chat_answer_is_usage_chunk(const cg_walk_t *walk);

#endif
