/* A file of JSON lines, read as it arrives, and what a line of a batch must be.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "chat/jsonl.h"

#include <string.h>

#include "chat/request.h"

void cg_jsonl_open(cg_jsonl_t *jsonl, size_t most, apr_pool_t *pool)
{
    *jsonl = (cg_jsonl_t){.most = most};
    cg_buf_init(&jsonl->held, 0, pool);
}

static bool tell(cg_jsonl_t *jsonl, cg_str_t line, size_t end)
{
    end += line.len > 0 && end > 0 && line.ptr[line.len - 1] == '\r';
    size_t feed = end > 0 ? 1 : 0; /* the LF stands behind line */
    size_t whole = line.len + feed;
    size_t len = whole - end;
    jsonl->lines++;
    return jsonl->on_line(jsonl->baton, jsonl->lines, (cg_str_t){line.ptr, len},
                          (cg_str_t){line.ptr + len, end});
}

static bool hold(cg_jsonl_t *jsonl, cg_str_t piece)
{
    if (piece.len > jsonl->most - jsonl->held.len) {
        jsonl->is_too_long = true;
        return false;
    }
    cg_buf_add(&jsonl->held, piece.ptr, piece.len);
    return true;
}

/* The line that ends with piece's LF, which stands at its end. */
static bool take_line(cg_jsonl_t *jsonl, cg_str_t piece)
{
    cg_str_t line = {piece.ptr, piece.len - 1};
    if (line.len > jsonl->most - jsonl->held.len) {
        jsonl->is_too_long = true;
        return false;
    }
    if (jsonl->held.len == 0) {
        return tell(jsonl, line, 1);
    }
    cg_buf_add(&jsonl->held, piece.ptr, piece.len);
    line = (cg_str_t){jsonl->held.ptr, jsonl->held.len - 1};
    jsonl->held.len = 0;
    return tell(jsonl, line, 1);
}

bool cg_jsonl_feed(cg_jsonl_t *jsonl, cg_str_t piece)
{
    while (piece.len > 0 && !jsonl->is_too_long) {
        const char *end = memchr(piece.ptr, '\n', piece.len);
        if (!end) {
            return hold(jsonl, piece);
        }
        size_t len = (size_t)(end - piece.ptr) + 1;
        if (!take_line(jsonl, (cg_str_t){piece.ptr, len})) {
            return false;
        }
        piece = (cg_str_t){piece.ptr + len, piece.len - len};
    }
    return !jsonl->is_too_long;
}

bool cg_jsonl_finish(cg_jsonl_t *jsonl)
{
    cg_str_t line = {jsonl->held.ptr, jsonl->held.len};
    if (jsonl->is_too_long || line.len == 0) {
        return !jsonl->is_too_long;
    }
    jsonl->held.len = 0;
    return tell(jsonl, line, 0);
}

bool cg_jsonl_is_blank(cg_str_t line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '\0' || strchr(" \t\r\n", line.ptr[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* ---- a line of a batch -------------------------------------------------- */

static bool is_text(const cg_walk_t *walk, uint32_t node)
{
    return node != CG_NODE_NONE && walk->nodes[node].kind == CG_NODE_STRING &&
           walk->nodes[node].end > walk->nodes[node].start;
}

const char *cg_jsonl_batch_line(const cg_walk_t *walk, cg_str_t *out_model,
                                cg_endpoint_t *out_endpoint, apr_pool_t *pool)
{
    uint32_t method = cg_walk_member(walk, 0, "method");
    uint32_t url = cg_walk_member(walk, 0, "url");
    uint32_t body = cg_walk_member(walk, 0, "body");
    *out_model = (cg_str_t){"", 0};
    *out_endpoint = CG_ENDPOINT_NONE;
    if (!is_text(walk, cg_walk_member(walk, 0, "custom_id"))) {
        return "'custom_id' must be a string";
    }
    if (!is_text(walk, method) ||
        !cg_str_is(cg_walk_string(walk, method, pool), "POST")) {
        return "'method' must be POST";
    }
    if (is_text(walk, url)) {
        *out_endpoint =
            cg_chat_endpoint_of_batch(cg_walk_string(walk, url, pool));
    }
    if (*out_endpoint == CG_ENDPOINT_NONE) {
        return "'url' must be an endpoint that a batch may ask for";
    }
    if (body == CG_NODE_NONE || walk->nodes[body].kind != CG_NODE_OBJECT) {
        return "'body' must be an object";
    }
    uint32_t model = cg_walk_member(walk, body, "model");
    const char *usual = cg_endpoints[*out_endpoint].model;
    *out_model = model == CG_NODE_NONE && usual
                     ? cg_str(usual)
                     : cg_walk_string(walk, model, pool);
    return cg_chat_model_is_sound(*out_model)
               ? NULL
               : "'body.model' must be a string of 1 to 256 bytes";
}
