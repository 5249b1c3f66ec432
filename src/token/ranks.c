/* Reads the ranks as the npm package tiktoken has them.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   {"bpe_ranks": "! 0 IQ== Ig== …"}      "!", the rank of the first, tokens by rank
 *
 * Their digest is that of the same ranks as OpenAI publishes them: a line each, the
 * token in base64 and its rank.
 */
#include <string.h>

#include <apr_strings.h>

#include "base/digest.h"
#include "base/walk.h"
#include "token/compile_int.h"
#include "token/token_int.h"

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
                                 "stuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at ? (int)(at - digits) : -1;
}

static bool decode_base64(cg_str_t in, cg_str_t *out, apr_pool_t *pool)
{
    size_t len = in.len;
    while (len > 0 && in.ptr[len - 1] == '=') {
        len--;
    }
    char *bytes = apr_palloc(pool, len + 1);
    size_t count = 0;
    unsigned bits = 0;
    unsigned word = 0;
    for (size_t i = 0; i < len; i++) {
        int digit = digit_of(in.ptr[i]);
        if (digit < 0) {
            return false;
        }
        word = word << 6 | (unsigned)digit;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[count++] = (char)(word >> bits & 0xFF);
        }
    }
    *out = (cg_str_t){bytes, count};
    return count > 0;
}

static cg_str_t next_word(cg_str_t *text)
{
    size_t start = 0;
    while (start < text->len && strchr(" \n", text->ptr[start]) != NULL) {
        start++;
    }
    size_t end = start;
    while (end < text->len && text->ptr[end] != ' ' && text->ptr[end] != '\n') {
        end++;
    }
    cg_str_t word = {text->ptr + start, end - start};
    *text = (cg_str_t){text->ptr + end, text->len - end};
    return word;
}

/* One word of the list; false: it cannot be. */
static bool take_word(cg_ranks_t *ranks, cg_str_t word, cg_str_t *rest,
                      uint32_t most, apr_pool_t *pool)
{
    if (cg_str_is(word, "!")) {
        int64_t first = -1;
        return cg_parse_count(next_word(rest), &first) &&
               first == (int64_t)ranks->count;
    }
    cg_str_t *token = &ranks->tokens[ranks->count];
    if (ranks->count == most || !decode_base64(word, token, pool) ||
        token->len > CG_TOKEN_BYTES_MAX) {
        return false;
    }
    char rank[24];
    int len = apr_snprintf(rank, sizeof rank, " %u\n", ranks->count++);
    cg_digester_feed(ranks->digester, word.ptr, word.len);
    cg_digester_feed(ranks->digester, rank, (size_t)len);
    return true;
}

bool cg_ranks_read(cg_str_t json, uint32_t most, cg_ranks_t *out,
                   cg_error_t *err, apr_pool_t *pool)
{
    cg_walk_t walk;
    unsigned char digest[CG_SHA512_BYTES];
    if (cg_walk(json.ptr, json.len, &walk, err, pool) != CG_WALK_OK) {
        return false;
    }
    uint32_t node = cg_walk_member(&walk, 0, "bpe_ranks");
    cg_str_t rest = node == CG_NODE_NONE ? (cg_str_t){"", 0}
                                         : cg_walk_string(&walk, node, pool);
    out->count = 0;
    out->tokens = apr_palloc(pool, most * sizeof(cg_str_t));
    out->digester = cg_digester_open(false, pool);
    bool is_sound = true;
    cg_str_t word = next_word(&rest);
    for (; word.len > 0 && is_sound; word = next_word(&rest)) {
        is_sound = take_word(out, word, &rest, most, pool);
    }
    cg_digester_close(out->digester, digest);
    memcpy(out->digest, digest, sizeof out->digest);
    if (!is_sound || out->count != most) {
        cg_error_set(err, "its ranks cannot be read");
        return false;
    }
    return true;
}
