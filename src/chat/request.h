/* A request of the OpenAI API: what the gateway must know of it, and where its
 * text stands.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The body is walked once (base/walk.h) and never rebuilt. What is checked here
 * is what admission, routing and inspection rely on; everything else is the
 * provider's to judge.
 */
#ifndef CG_CHAT_REQUEST_H
#define CG_CHAT_REQUEST_H

#include "base/error.h"
#include "base/walk.h"
#include "chat/endpoint.h"

/* lives in: the pool given to cg_chat_request_read · borrows the body */
typedef struct cg_request_t {
    cg_endpoint_t endpoint;
    cg_walk_t walk;
    cg_str_t model; /* decoded; 1 to 256 bytes; empty: the endpoint has none */
    uint32_t model_node; /* CG_NODE_NONE: the API's own is meant */
    bool is_stream;
    bool asks_usage;           /* stream_options.include_usage is true */
    int64_t max_output_tokens; /* as asked, per choice; -1 when not said */
    int64_t choices; /* answers that are written and billed, at least 1:
                                  n; completions: max(n, best_of) times prompts */
} cg_request_t;

typedef enum cg_request_status_t {
    CG_REQUEST_OK,
    CG_REQUEST_NOT_JSON,  /* err: words; code invalid_json */
    CG_REQUEST_BAD_MEMBER /* out_param names the member */
} cg_request_status_t;

/* Walks and checks: the document is an object; model a non-empty string;
 * messages (chat) a non-empty array of objects with string role; prompt / input
 * present where the endpoint needs it; stream, stream_options, n and the
 * token caps of right type and range (n 1..128, caps >= 1). out_param is a
 * static string or lives in pool. */
cg_request_status_t cg_chat_request_read(cg_endpoint_t endpoint, cg_str_t body,
                                         cg_request_t *out,
                                         const char **out_param,
                                         cg_error_t *err, apr_pool_t *pool);

/* Can this be a model's name: 1 to 256 bytes without control characters? */
bool cg_chat_model_is_sound(cg_str_t model);

/* Is this string node text of a person, to be inspected? All strings are, but a
 * short list: model, role, type, object, id, *_id, encoding_format,
 * reasoning_effort and other enumerations the API defines, and data: URLs. A
 * value of the list is only skipped when it looks like what it should be (short,
 * [A-Za-z0-9._:/-]); else it is text: nothing hides in "role". The same rule
 * serves requests and answers. */
bool cg_chat_is_text(const cg_walk_t *walk, uint32_t node);

/* What a node holds, where it is not simply text. */
typedef enum cg_content_t {
    CG_CONTENT_WORD,  /* one of the API's own words or ids, or no string */
    CG_CONTENT_TEXT,  /* cg_chat_is_text */
    CG_CONTENT_FILE,  /* base64 or a data: URL, where the API has files */
    CG_CONTENT_SEALED /* base64 that only the provider can open */
} cg_content_t;

cg_content_t cg_chat_content(const cg_walk_t *walk, uint32_t node);

/* Splice that makes a streamed chat/completions request ask for the usage
 * chunk; false when it already does or the endpoint needs none (responses sends
 * usage by itself). */
bool cg_chat_request_ask_usage(const cg_request_t *request, cg_splice_t *out,
                               apr_pool_t *pool);
/* Splices that put what the caller said down to tokens, where it is more. */
#define CG_CAPS_MAX 2
size_t cg_chat_request_clamp_output(const cg_request_t *request, int64_t tokens,
                                    cg_splice_t out[CG_CAPS_MAX],
                                    apr_pool_t *pool);
/* Splice that caps the output at tokens when the caller said nothing
 * (max_completion_tokens / max_tokens / max_output_tokens by endpoint). */
bool cg_chat_request_cap_output(const cg_request_t *request, int64_t tokens,
                                cg_splice_t *out, apr_pool_t *pool);

#endif
