/* A file of JSON lines, read as it arrives, and what a line of a batch must be.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A line ends with LF; a CR before it belongs to the end. The last line may have
 * none. The bytes of each line and of its end are told of as they came.
 */
#ifndef CG_CHAT_JSONL_H
#define CG_CHAT_JSONL_H

#include "base/text.h"
#include "base/walk.h"
#include "chat/endpoint.h"

typedef struct cg_jsonl_t {
    size_t most; /* bytes of the longest line */
    uint64_t lines;
    bool is_too_long; /* a line was; nothing is told of any more */
    cg_buf_t held;    /* a line that is not whole yet */
    /* False stops the reader. */
    bool (*on_line)(void *baton, uint64_t number, cg_str_t line, cg_str_t end);
    void *baton;
} cg_jsonl_t;

/* Keeps pool for what it holds: a line at most. */
void cg_jsonl_open(cg_jsonl_t *jsonl, size_t most, apr_pool_t *pool);
/* False: a line is too long, or on_line said so. */
bool cg_jsonl_feed(cg_jsonl_t *jsonl, cg_str_t piece);
bool cg_jsonl_finish(cg_jsonl_t *jsonl);

bool cg_jsonl_is_blank(cg_str_t line);

/* {"custom_id","method":"POST","url","body":{"model",…}}: what is wrong with it, in
 * words that hold nothing of it; NULL: it is one. out_model lives in pool. */
const char *cg_jsonl_batch_line(const cg_walk_t *walk, cg_str_t *out_model,
                                cg_endpoint_t *out_endpoint, apr_pool_t *pool);

#endif
