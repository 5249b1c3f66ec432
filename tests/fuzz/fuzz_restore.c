/* Fuzz target: values are put back the same however an answer is cut, and what the
 * caller typed is never a token.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first two bytes of an input say how long its pieces are; up to the first
 * line feed it is the request as the caller typed it, the rest the answer, in
 * which the bytes 1 to 3 stand for tokens that were issued.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "redact/mask.h"
#include "redact/restore.h"
#include "redact/scan.h"
#include "redact/stream.h"

#include "replay.h"

#define TOKENS 3

typedef struct issued_t {
    cg_pseudonyms_t *all;
    cg_buf_t tokens[TOKENS];
} issued_t;

static bool has_nocase(cg_str_t text, cg_str_t part)
{
    for (size_t at = 0; at + part.len <= text.len; at++) {
        size_t i = 0;
        while (i < part.len && tolower((unsigned char)text.ptr[at + i]) ==
                                   tolower((unsigned char)part.ptr[i])) {
            i++;
        }
        if (i == part.len) {
            return true;
        }
    }
    return false;
}

static void issue(issued_t *to, cg_str_t typed, apr_pool_t *pool)
{
    static const struct {
        int type;
        cg_str_t value;
    } values[TOKENS] = {{CG_TYPE_EMAIL_ADDRESS, {"ann@example.com", 15}},
                        {CG_TYPE_CREDIT_CARD, {"4111 1111 1111 1111", 19}},
                        {CG_TYPE_CUSTOM, {"[[A_\xf4\x80\x80\x81\"\\]]", 12}}};
    cg_pseudonym_keys_t *keys = cg_pseudonym_keys_make(
        (cg_str_t){"0123456789abcdef0123456789abcdef", 32}, NULL, pool);
    to->all = cg_pseudonyms_open(keys, pool);
    cg_pseudonyms_note_typed(to->all, typed);
    for (int i = 0; i < TOKENS; i++) {
        cg_buf_init(&to->tokens[i], 32, pool);
        if (cg_pseudonyms_issue(to->all, values[i].type, values[i].value,
                                &to->tokens[i])) {
            MUST(!has_nocase(typed,
                             (cg_str_t){to->tokens[i].ptr, to->tokens[i].len}));
        }
    }
    cg_pseudonyms_end_request(to->all);
}

static cg_str_t fill_in(const issued_t *from, cg_str_t text, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, text.len + 64, pool);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= 1 && text.ptr[i] <= TOKENS) {
            const cg_buf_t *token = &from->tokens[text.ptr[i] - 1];
            cg_buf_add(&out, token->ptr, token->len);
        }
        else {
            cg_buf_char(&out, text.ptr[i]);
        }
    }
    return (cg_str_t){out.ptr, out.len};
}

static cg_str_t restore_whole(cg_pseudonyms_t *all, const cg_actions_t *actions,
                              cg_str_t text, apr_pool_t *pool)
{
    cg_findings_t findings;
    apr_array_header_t *tokens;
    cg_buf_t masked;
    cg_buf_t out;
    cg_str_t hidden = cg_restore_hide_all(all, text, &tokens, pool);
    MUST(tokens || hidden.ptr == text.ptr);
    for (int i = 0; tokens && i < tokens->nelts; i++) {
        const cg_hidden_t *one = &APR_ARRAY_IDX(tokens, i, cg_hidden_t);
        MUST(one->start < one->end && one->end <= text.len);
        MUST(cg_restore_source(tokens, one->at) == one->start);
    }
    cg_findings_init(&findings, pool);
    MUST(cg_redact_scan(cg_rules_builtin(), hidden, CG_SCAN_PLAIN, &findings) ==
         APR_SUCCESS);
    cg_buf_init(&masked, hidden.len + 64, pool);
    cg_mask_result_t result = cg_redact_mask(
        cg_rules_builtin(), hidden, &findings, actions, all, NULL, &masked);
    cg_buf_init(&out, hidden.len + 64, pool);
    cg_restore_show(
        all, result.is_changed ? (cg_str_t){masked.ptr, masked.len} : hidden,
        &out);
    return (cg_str_t){out.ptr, out.len};
}

typedef struct pieces_t {
    cg_restore_t restore;
    cg_stream_t *stream;
    cg_buf_t hidden;
    cg_buf_t masked;
    cg_buf_t out;
} pieces_t;

static void pass_on(pieces_t *to)
{
    cg_stream_feed(to->stream, (cg_str_t){to->hidden.ptr, to->hidden.len},
                   &to->masked);
    cg_restore_show(to->restore.pseudonyms,
                    (cg_str_t){to->masked.ptr, to->masked.len}, &to->out);
    to->hidden.len = 0;
    to->masked.len = 0;
    MUST(to->restore.held_len <= CG_RESTORE_HELD_MAX);
    MUST(to->restore.held_len + cg_stream_held_bytes(to->stream) <=
         CG_STREAM_HELD_MAX);
}

static cg_str_t restore_pieces(cg_pseudonyms_t *all,
                               const cg_actions_t *actions, cg_str_t text,
                               size_t a, size_t b, apr_pool_t *pool)
{
    pieces_t to = {.restore.pseudonyms = all,
                   .stream =
                       cg_stream_open(cg_rules_builtin(), actions, all, pool)};
    cg_buf_init(&to.hidden, 64, pool);
    cg_buf_init(&to.masked, 64, pool);
    cg_buf_init(&to.out, text.len + 64, pool);
    for (size_t at = 0, i = 0; at < text.len; i++) {
        size_t piece = i % 2 ? b : a;
        piece = piece < text.len - at ? piece : text.len - at;
        char *copy = malloc(piece);
        MUST(copy);
        memcpy(copy, text.ptr + at, piece);
        cg_restore_hide(&to.restore, (cg_str_t){copy, piece}, &to.hidden);
        free(copy);
        pass_on(&to);
        at += piece;
    }
    cg_restore_end(&to.restore, &to.hidden);
    pass_on(&to);
    cg_stream_finish(to.stream, &to.masked);
    pass_on(&to);
    return (cg_str_t){to.out.ptr, to.out.len};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_ready;
    issued_t issued;
    cg_actions_t actions;
    apr_pool_t *pool = NULL;
    if (size < 2) {
        return 0;
    }
    if (!is_ready) {
        apr_initialize();
        atexit(apr_terminate);
        is_ready = true;
    }
    apr_pool_create(&pool, NULL);
    cg_actions_default(&actions);
    actions.by_type[CG_TYPE_EMAIL_ADDRESS] = CG_ACTION_PSEUDONYM;
    actions.by_type[CG_TYPE_CREDIT_CARD] = CG_ACTION_PARTIAL;
    cg_str_t text = {(const char *)data + 2, size - 2};
    const char *line = memchr(text.ptr, '\n', text.len);
    size_t typed = line ? (size_t)(line - text.ptr) : 0;
    size_t a = data[0] >= 250 ? 4000 : data[0] % 64 + 1;
    size_t b = data[1] >= 250 ? 9000 : data[1] % 64 + 1;
    issue(&issued, (cg_str_t){text.ptr, typed}, pool);
    cg_str_t answer =
        fill_in(&issued, (cg_str_t){text.ptr + typed, text.len - typed}, pool);
    cg_str_t whole = restore_whole(issued.all, &actions, answer, pool);
    cg_str_t pieces = restore_pieces(issued.all, &actions, answer, a, b, pool);
    MUST(cg_str_equal(whole, pieces));
    apr_pool_destroy(pool);
    return 0;
}
