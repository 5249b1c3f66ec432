/* Fuzz target: whatever the bytes, all ways of counting them agree.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte says which vocabulary, the second how long the pieces are in which
 * the text arrives; the rest is the text. CG_TOKENS names the folder of the
 * vocabularies; without it build/tokens.
 *
 *   encode = count = in pieces = as far as a limit = fast and slow merging
 *   the bytes of the tokens, one behind the other, are the text
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "token/count.h"
#include "token/merge.h"
#include "token/stream.h"

#include "replay.h"

#define SLOW_MOST 4096 /* bytes that are merged the slow way as well */

static const cg_vocabulary_t *open_one(cg_encoding_t encoding)
{
    static const cg_vocabulary_t *opened[CG_ENCODING_COUNT];
    static apr_pool_t *pool;
    if (!opened[encoding]) {
        const char *folder = getenv("CG_TOKENS");
        cg_error_t err = {""};
        if (!pool) {
            apr_initialize();
            apr_pool_create(&pool, NULL);
        }
        if (cg_vocabulary_open(folder ? folder : "build/tokens", encoding,
                               &opened[encoding], &err, pool) != APR_SUCCESS) {
            fprintf(stderr, "fuzz_tokens: %s\n", err.text);
            exit(1);
        }
    }
    return opened[encoding];
}

/* Tokens by their lengths: their bytes are those of the text. */
static void check_lengths(const cg_vocabulary_t *vocabulary, cg_str_t text,
                          const uint32_t *ids, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += cg_part_len(vocabulary->parts[ids[i]]);
    }
    MUST(sum == text.len);
}

/* Any bytes may be a piece, UTF-8 or not. */
static void check_merges(const cg_vocabulary_t *vocabulary, cg_str_t piece)
{
    if (piece.len == 0 || piece.len > SLOW_MOST) {
        return;
    }
    uint32_t *ids = malloc(2 * piece.len * sizeof *ids);
    MUST(ids);
    size_t fast = cg_token_merge(vocabulary, piece.ptr, piece.len, ids);
    size_t slow = cg_token_merge_slowly(vocabulary, piece.ptr, piece.len,
                                        ids + piece.len);
    MUST(fast == slow && memcmp(ids, ids + piece.len, fast * sizeof *ids) == 0);
    check_lengths(vocabulary, piece, ids, fast);
    MUST(cg_token_merge(vocabulary, piece.ptr, piece.len, NULL) == fast);
    free(ids);
}

static void check_text(const cg_vocabulary_t *vocabulary, cg_str_t text,
                       size_t piece, apr_pool_t *pool)
{
    uint32_t *ids = malloc((text.len + 1) * sizeof *ids);
    MUST(ids);
    size_t count = cg_token_encode(vocabulary, text, ids);
    check_lengths(vocabulary, text, ids, count);
    free(ids);
    MUST(cg_token_count(vocabulary, text) == (int64_t)count);
    MUST(cg_token_bound(text) >= (int64_t)count);
    int64_t limit = (int64_t)count / 2;
    MUST(cg_token_count_until(vocabulary, text, (int64_t)count) ==
         (int64_t)count);
    MUST(cg_token_count_until(vocabulary, text, limit) ==
         (count > (size_t)limit ? limit + 1 : limit));
    cg_token_stream_t stream;
    cg_token_stream_init(&stream, vocabulary, pool);
    for (size_t at = 0; at < text.len; at += piece) {
        size_t len = piece < text.len - at ? piece : text.len - at;
        char *copy = malloc(len);
        MUST(copy);
        memcpy(copy, text.ptr + at, len);
        cg_token_stream_feed(&stream, (cg_str_t){copy, len});
        free(copy);
    }
    MUST(cg_token_stream_count(&stream) == (int64_t)count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    apr_pool_t *pool = NULL;
    const cg_vocabulary_t *vocabulary =
        open_one((cg_encoding_t)(data[0] % CG_ENCODING_COUNT));
    cg_str_t bytes = {(const char *)data + 2, size - 2};
    apr_pool_create(&pool, NULL);
    check_merges(vocabulary, bytes);
    cg_str_t repaired = cg_token_repair(bytes, pool);
    MUST(cg_utf8_valid(repaired.ptr, repaired.len));
    check_text(vocabulary, repaired, (size_t)data[1] % 64 + 1, pool);
    if (bytes.len > 0) { /* nothing is read beyond, whatever the bytes */
        MUST(cg_token_count(vocabulary, bytes) >= 1);
    }
    apr_pool_destroy(pool);
    return 0;
}
