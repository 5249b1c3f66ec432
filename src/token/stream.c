/* How many tokens is a text that arrives in pieces?
 * SPDX-License-Identifier: Apache-2.0
 *
 * A piece of the splitter is decided when what was looked at to find its end lies
 * before the end of what has come. The tail is looked at when there is some of it,
 * and when nothing was decided only once it is twice as long, so that one run of a
 * megabyte that comes byte by byte costs a constant for each.
 */
#include "token/stream.h"

#include <string.h>

#include "token/count.h"

#define LOOK_LEAST 256

void cg_token_stream_init(cg_token_stream_t *stream,
                          const cg_vocabulary_t *vocabulary, apr_pool_t *pool)
{
    stream->vocabulary = vocabulary;
    stream->decided = 0;
    stream->look_at = LOOK_LEAST;
    cg_buf_init(&stream->tail, 0, pool);
}

static void look(cg_token_stream_t *stream)
{
    cg_str_t tail = {stream->tail.ptr, stream->tail.len};
    size_t used;
    stream->decided += cg_token_count_decided(stream->vocabulary, tail, &used);
    stream->tail.len -= used;
    memmove(stream->tail.ptr, stream->tail.ptr + used, stream->tail.len);
    stream->look_at = 2 * stream->tail.len + LOOK_LEAST;
}

void cg_token_stream_feed(cg_token_stream_t *stream, cg_str_t piece)
{
    if (!stream->vocabulary) {
        stream->decided += (int64_t)piece.len;
        return;
    }
    while (piece.len > 0) {
        size_t room = stream->look_at - stream->tail.len;
        size_t take = piece.len < room ? piece.len : room;
        cg_buf_add(&stream->tail, piece.ptr, take);
        piece = (cg_str_t){piece.ptr + take, piece.len - take};
        if (stream->tail.len == stream->look_at) {
            look(stream);
        }
    }
}

int64_t cg_token_stream_count(const cg_token_stream_t *stream)
{
    if (!stream->vocabulary || stream->tail.len == 0) {
        return stream->decided;
    }
    cg_str_t tail = {stream->tail.ptr, stream->tail.len};
    return stream->decided + cg_token_count(stream->vocabulary, tail);
}
