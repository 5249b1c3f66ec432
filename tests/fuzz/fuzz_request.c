/* Fuzz target: requests and answers of any shape.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte of an input chooses the endpoint, the rest is the body. A body
 * that is taken must keep what cg_request_t promises, and stay a sound request
 * when both edits are made. The same bytes are then read as an answer.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "chat/answer.h"
#include "chat/tokens.h"

#include "replay.h"

static cg_str_t splice(const cg_request_t *request, cg_str_t body,
                       apr_pool_t *pool)
{
    cg_splice_t splices[2];
    size_t count = 0;
    count += cg_chat_request_ask_usage(request, &splices[count], pool);
    count += cg_chat_request_cap_output(request, 8, &splices[count], pool);
    if (count == 2 && splices[1].start < splices[0].start) {
        cg_splice_t first = splices[1];
        splices[1] = splices[0];
        splices[0] = first;
    }
    MUST(count < 2 || splices[0].end <= splices[1].start);
    cg_buf_t out;
    cg_buf_init(&out, 0, pool);
    cg_walk_splice(body, splices, count, &out);
    return (cg_str_t){out.ptr, out.len};
}

static void check_edits(const cg_request_t *request, cg_str_t body,
                        apr_pool_t *pool)
{
    cg_request_t edited;
    const char *param = NULL;
    cg_str_t text = splice(request, body, pool);
    MUST(cg_chat_request_read(request->endpoint, text, &edited, &param, NULL,
                              pool) == CG_REQUEST_OK);
    bool is_talk = request->endpoint == CG_ENDPOINT_CHAT ||
                   request->endpoint == CG_ENDPOINT_COMPLETIONS;
    MUST(!edited.is_stream || !is_talk || edited.asks_usage);
    bool writes = is_talk || request->endpoint == CG_ENDPOINT_RESPONSES;
    MUST(!writes || edited.max_output_tokens >= 1);
    MUST(cg_str_equal(edited.model, request->model));
    MUST(edited.choices == request->choices);
}

static void check_texts(const cg_walk_t *walk)
{
    for (uint32_t node = 0; node < walk->count; node++) {
        if (cg_chat_is_text(walk, node)) {
            MUST(walk->nodes[node].kind == CG_NODE_STRING);
            MUST(cg_chat_tokens(NULL, cg_walk_raw(walk, node)) >= 0);
        }
    }
}

static void check_request(cg_endpoint_t endpoint, cg_str_t body,
                          apr_pool_t *pool)
{
    cg_request_t request;
    const char *param = NULL;
    cg_error_t err = {""};
    cg_request_status_t status =
        cg_chat_request_read(endpoint, body, &request, &param, &err, pool);
    MUST((status == CG_REQUEST_BAD_MEMBER) == (param != NULL));
    if (status != CG_REQUEST_OK) {
        MUST(err.text[0] != '\0');
        return;
    }
    MUST(request.model.len <= 256);
    MUST(request.model.len >= 1 || !cg_endpoints[endpoint].has_model);
    MUST(request.choices >= 1);
    MUST(request.max_output_tokens == -1 || request.max_output_tokens >= 1);
    bool is_exact = true;
    MUST(cg_chat_tokens_of_request(&request, NULL, &is_exact, pool) >= 0);
    MUST(!is_exact);
    check_texts(&request.walk);
    check_edits(&request, body, pool);
}

static void check_answer(cg_endpoint_t endpoint, cg_str_t body,
                         apr_pool_t *pool)
{
    cg_walk_t walk;
    if (cg_walk(body.ptr, body.len, &walk, NULL, pool) != CG_WALK_OK) {
        return;
    }
    cg_usage_t usage;
    bool is_known = cg_chat_answer_usage(&walk, &usage);
    MUST(is_known == usage.is_known);
    MUST(usage.input_tokens >= usage.cached_tokens && usage.cached_tokens >= 0);
    MUST(usage.output_tokens >= usage.reasoning_tokens &&
         usage.reasoning_tokens >= 0);
    cg_chat_answer_model(&walk, pool);
    cg_chat_answer_is_error(&walk);
    cg_chat_answer_is_usage_chunk(&walk);
    cg_delta_t *deltas;
    size_t count = cg_chat_answer_deltas(&walk, endpoint, &deltas, pool);
    MUST(count == SIZE_MAX || count <= CG_DELTAS_MAX);
    for (size_t i = 0; count != SIZE_MAX && i < count; i++) {
        MUST(walk.nodes[deltas[i].node].kind == CG_NODE_STRING);
        cg_chat_answer_ends(&walk, endpoint, deltas[i].channel);
    }
    check_texts(&walk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    cg_endpoint_t endpoint = (cg_endpoint_t)(data[0] % CG_ENDPOINT_COUNT);
    cg_str_t body = {(const char *)data + 1, size - 1};
    apr_pool_t *pool = NULL;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (cg_endpoints[endpoint].has_body && !cg_endpoints[endpoint].is_upload) {
        check_request(endpoint, body, pool);
    }
    check_answer(endpoint, body, pool);
    apr_pool_destroy(pool);
    return 0;
}
