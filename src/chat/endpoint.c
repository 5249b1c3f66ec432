/* The endpoints of the API that the gateway understands: the table.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "chat/endpoint.h"

#include <string.h>

// clang-format off
const cg_endpoint_row_t cg_endpoints[CG_ENDPOINT_COUNT] = {
    [CG_ENDPOINT_CHAT] = {
        .name = "chat", .path = "/chat/completions", .method = "POST",
        .operation = "chat", .has_body = true, .can_stream = true },
    [CG_ENDPOINT_COMPLETIONS] = {
        .name = "completions", .path = "/completions", .method = "POST",
        .operation = "text_completion", .has_body = true, .can_stream = true },
    [CG_ENDPOINT_RESPONSES] = {
        .name = "responses", .path = "/responses", .method = "POST",
        .operation = "chat", .has_body = true, .can_stream = true },
    [CG_ENDPOINT_EMBEDDINGS] = {
        .name = "embeddings", .path = "/embeddings", .method = "POST",
        .operation = "embeddings", .has_body = true },
    [CG_ENDPOINT_MODELS] = {
        .name = "models", .path = "/models", .method = "GET",
        .operation = "list_models" },
    [CG_ENDPOINT_MODEL] = {
        .name = "model", .path = "/models/", .method = "GET",
        .operation = "get_model", .has_tail = true },
};
// clang-format on

#define TAIL_MAX 768 /* a model name of 256 bytes, each percent-encoded */

/* The next byte of a path; %2e and %2f count as what they stand for, because
 * the provider may decode them before it resolves the path. */
static size_t next_byte(cg_str_t path, size_t at, char *out)
{
    *out = path.ptr[at];
    if (path.len - at < 3 || path.ptr[at] != '%' || path.ptr[at + 1] != '2') {
        return at + 1;
    }
    char low = (char)(path.ptr[at + 2] | 0x20);
    if (low != 'e' && low != 'f') {
        return at + 1;
    }
    *out = low == 'e' ? '.' : '/';
    return at + 3;
}

/* An id may hold slashes, encoded or not, but no segment that is empty or only
 * dots: sent on, "/models/../files" would name something else. */
static bool is_id(cg_str_t tail)
{
    if (tail.len == 0 || tail.len > TAIL_MAX) {
        return false;
    }
    bool is_dots = true;
    for (size_t at = 0; at < tail.len;) {
        char c;
        at = next_byte(tail, at, &c);
        if ((unsigned char)c <= ' ' || c == 0x7f || strchr("\\?#", c) != NULL) {
            return false;
        }
        if (c == '/' && is_dots) {
            return false;
        }
        is_dots = c == '/' || (c == '.' && is_dots);
    }
    return !is_dots;
}

cg_endpoint_t cg_chat_endpoint_find(cg_str_t path, cg_str_t *out_tail)
{
    *out_tail = (cg_str_t){"", 0};
    for (int i = 0; i < CG_ENDPOINT_COUNT; i++) {
        const cg_endpoint_row_t *row = &cg_endpoints[i];
        if (!row->has_tail && cg_str_is(path, row->path)) {
            return (cg_endpoint_t)i;
        }
        if (!row->has_tail || !cg_str_has_prefix(path, row->path)) {
            continue;
        }
        size_t len = strlen(row->path);
        cg_str_t tail = {path.ptr + len, path.len - len};
        if (!is_id(tail)) {
            continue;
        }
        *out_tail = tail;
        return (cg_endpoint_t)i;
    }
    return CG_ENDPOINT_NONE;
}
