/* Putting values back: tests. Cases: tests/data/restore/cases.jsonl, and
 * own-restore of the corpora where present, each cut at every byte.
 * SPDX-License-Identifier: Apache-2.0
 *
 * In a case "§n§" stands for the token of the n-th of "originals"; "typed" is what
 * the caller typed himself.
 */
#include "redact/restore.h"

#include "redact/cases.h"
#include "redact/stream.h"

#define MARK "\xc2\xa7"

static cg_pseudonyms_t *open_typed(cg_str_t typed, apr_pool_t *pool)
{
    cg_error_t err = {""};
    cg_pseudonym_keys_t *keys = cg_pseudonym_keys_make(
        CG_STR("a key of at least thirty-two bytes"), &err, pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(keys);
    cg_pseudonyms_t *all = cg_pseudonyms_open(keys, pool);
    cg_pseudonyms_note_typed(all, typed);
    return all;
}

typedef struct case_t {
    cg_pseudonyms_t *all;
    const char *tokens[10];
    int count;
} case_t;

static void issue_all(case_t *to, const cg_walk_t *row, apr_pool_t *pool)
{
    uint32_t list = cg_walk_member(row, 0, "originals");
    to->all = open_typed(member_str(row, "typed", pool), pool);
    to->count = 0;
    for (uint32_t at = row->nodes[list].child; at != CG_NODE_NONE;
         at = row->nodes[at].next) {
        cg_str_t type =
            cg_walk_string(row, cg_walk_member(row, at, "type"), pool);
        cg_str_t value =
            cg_walk_string(row, cg_walk_member(row, at, "value"), pool);
        cg_buf_t out;
        cg_buf_init(&out, 32, pool);
        CU_ASSERT_FATAL(cg_pseudonyms_issue(
            to->all, cg_detector_find(cg_str_dup(type, pool)), value, &out));
        to->tokens[to->count++] = cg_buf_cstr(&out);
    }
    cg_pseudonyms_end_request(to->all);
}

/* Writes the tokens where the marks stand: §1§ as issued, §1u§ in upper case,
 * §1m§ as Markdown escapes it, §1h§ with entities, §1p§ percent-encoded, §1w§ with
 * wide brackets. */
static void put_token(const char *token, char how, cg_buf_t *out)
{
    for (; *token; token++) {
        bool is_open = *token == '[';
        bool is_bracket = is_open || *token == ']';
        if (how == 'u' && *token >= 'a' && *token <= 'z') {
            cg_buf_char(out, (char)(*token - 32));
        }
        else if (how == 'm' && (is_bracket || *token == '_')) {
            cg_buf_char(out, '\\');
            cg_buf_char(out, *token);
        }
        else if (how == 'h' && is_bracket) {
            cg_buf_str(out, is_open ? "&#91;" : "&#x5D;");
        }
        else if (how == 'e' && is_bracket) {
            cg_buf_str(out, is_open ? "&lbrack;" : "&rsqb;");
        }
        else if (how == 'p' && is_bracket) {
            cg_buf_str(out, is_open ? "%5B" : "%5d");
        }
        else if (how == 'w' && is_bracket) {
            cg_buf_str(out, is_open ? "\xe3\x80\x90" : "\xe3\x80\x91");
        }
        else if (how == 'j' && is_bracket) {
            cg_buf_str(out, is_open ? "\\u005b" : "\\u005D");
        }
        else {
            cg_buf_char(out, *token);
        }
    }
}

static cg_str_t fill_in(const case_t *with, cg_str_t text, apr_pool_t *pool)
{
    cg_buf_t out;
    const char *at = cg_str_dup(text, pool);
    cg_buf_init(&out, text.len + 64, pool);
    for (const char *mark = strstr(at, MARK); mark; mark = strstr(at, MARK)) {
        cg_buf_add(&out, at, (size_t)(mark - at));
        int number = mark[2] - '1';
        CU_ASSERT_FATAL(number >= 0 && number < with->count);
        bool is_plain = strncmp(mark + 3, MARK, 2) == 0;
        put_token(with->tokens[number], is_plain ? 0 : mark[3], &out);
        at = mark + (is_plain ? 5 : 6);
    }
    cg_buf_str(&out, at);
    return (cg_str_t){out.ptr, out.len};
}

static cg_str_t joined(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_buf_t out;
    uint32_t list = cg_walk_member(row, 0, "answer_chunks");
    cg_buf_init(&out, 256, pool);
    for (uint32_t at = row->nodes[list].child; at != CG_NODE_NONE;
         at = row->nodes[at].next) {
        cg_str_t piece = cg_walk_string(row, at, pool);
        cg_buf_add(&out, piece.ptr, piece.len);
    }
    return (cg_str_t){out.ptr, out.len};
}

/* ---- cutting ---- */

typedef struct feeder_t {
    cg_restore_t restore;
    cg_stream_t *stream;
    cg_actions_t actions;
    cg_buf_t hidden;
    cg_buf_t masked;
    cg_buf_t out;
    const cg_pseudonyms_t *all;
    size_t most_held;
} feeder_t;

static void begin(feeder_t *feeder, cg_pseudonyms_t *all, apr_pool_t *pool)
{
    memset(feeder, 0, sizeof *feeder);
    feeder->restore.pseudonyms = all;
    feeder->all = all;
    cg_actions_default(&feeder->actions);
    feeder->stream =
        cg_stream_open(cg_rules_builtin(), &feeder->actions, all, pool);
    cg_buf_init(&feeder->hidden, 64, pool);
    cg_buf_init(&feeder->masked, 64, pool);
    cg_buf_init(&feeder->out, 256, pool);
}

static void show(feeder_t *feeder)
{
    size_t held =
        feeder->restore.held_len + cg_stream_held_bytes(feeder->stream);
    feeder->most_held = held > feeder->most_held ? held : feeder->most_held;
    CU_ASSERT_TRUE(held <= CG_STREAM_HELD_MAX);
    cg_restore_show(feeder->all,
                    (cg_str_t){feeder->masked.ptr, feeder->masked.len},
                    &feeder->out);
    feeder->masked.len = 0;
    feeder->hidden.len = 0;
}

static void feed(feeder_t *feeder, const char *bytes, size_t len)
{
    cg_restore_hide(&feeder->restore, (cg_str_t){bytes, len}, &feeder->hidden);
    cg_stream_feed(feeder->stream,
                   (cg_str_t){feeder->hidden.ptr, feeder->hidden.len},
                   &feeder->masked);
    show(feeder);
}

static cg_str_t end(feeder_t *feeder)
{
    cg_restore_end(&feeder->restore, &feeder->hidden);
    cg_stream_feed(feeder->stream,
                   (cg_str_t){feeder->hidden.ptr, feeder->hidden.len},
                   &feeder->masked);
    cg_stream_finish(feeder->stream, &feeder->masked);
    show(feeder);
    return (cg_str_t){feeder->out.ptr, feeder->out.len};
}

static void check_out(cg_str_t got, cg_str_t want, cg_str_t text, size_t cut)
{
    if (!cg_str_equal(got, want)) {
        fprintf(stderr, "cut %zu of: %.*s\n got: %.*s\nwant: %.*s\n", cut,
                (int)text.len, text.ptr, (int)got.len, got.ptr, (int)want.len,
                want.ptr);
        CU_FAIL("not what was to be put back");
    }
}

static void check_every_cut(cg_pseudonyms_t *all, cg_str_t text, cg_str_t want)
{
    feeder_t feeder;
    apr_pool_t *pool = open_pool();
    for (size_t cut = 0; cut <= text.len; cut++) {
        begin(&feeder, all, pool);
        feed(&feeder, text.ptr, cut);
        feed(&feeder, text.ptr + cut, text.len - cut);
        check_out(end(&feeder), want, text, cut);
        apr_pool_clear(pool);
    }
    for (size_t piece = 1; piece < 30; piece += piece < 5 ? 1 : 6) {
        begin(&feeder, all, pool);
        for (size_t at = 0; at < text.len; at += piece) {
            size_t left = text.len - at;
            feed(&feeder, text.ptr + at, left < piece ? left : piece);
        }
        check_out(end(&feeder), want, text, piece);
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
}

/* What the whole text becomes, hidden in one piece. */
static cg_str_t whole(cg_pseudonyms_t *all, cg_str_t text, apr_pool_t *pool)
{
    apr_array_header_t *tokens;
    cg_buf_t out;
    cg_actions_t actions;
    cg_actions_default(&actions);
    cg_buf_init(&out, 256, pool);
    cg_str_t hidden = cg_restore_hide_all(all, text, &tokens, pool);
    cg_restore_show(
        all, masked(cg_rules_builtin(), &actions, hidden, CG_SCAN_PLAIN, pool),
        &out);
    for (int i = 0; tokens && i < tokens->nelts; i++) {
        const cg_hidden_t *one = &APR_ARRAY_IDX(tokens, i, cg_hidden_t);
        CU_ASSERT_EQUAL(cg_restore_source(tokens, one->at), one->start);
        CU_ASSERT_EQUAL(cg_restore_source(tokens, one->at + CG_STAND_IN_BYTES),
                        one->end);
    }
    return (cg_str_t){out.ptr, out.len};
}

static void run_case(const cg_walk_t *row, apr_pool_t *pool)
{
    case_t with;
    issue_all(&with, row, pool);
    cg_str_t text = fill_in(&with, joined(row, pool), pool);
    cg_str_t want = fill_in(&with, member_str(row, "expected", pool), pool);
    check_every_cut(with.all, text, want);
    check_out(whole(with.all, text, pool), want, text, 0);
}

/* A text of the streams' tests with two tokens put into it. */
static void run_text(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t text = member_str(row, "text", pool);
    cg_pseudonyms_t *all = open_typed(CG_STR(""), pool);
    cg_buf_t token;
    cg_buf_t with;
    cg_buf_init(&token, 32, pool);
    cg_buf_init(&with, text.len + 64, pool);
    CU_ASSERT_TRUE(cg_pseudonyms_issue(all, CG_TYPE_EMAIL_ADDRESS,
                                       CG_STR("ann@example.com"), &token));
    size_t cut = cg_utf8_whole(text.ptr, text.len / 2);
    cg_buf_add(&with, text.ptr, cut);
    cg_buf_add(&with, token.ptr, token.len);
    cg_buf_add(&with, text.ptr + cut, text.len - cut);
    cg_buf_add(&with, token.ptr, token.len);
    cg_str_t answer = {with.ptr, with.len};
    cg_str_t want = whole(all, answer, pool);
    CU_ASSERT_PTR_NOT_NULL(memmem(want.ptr, want.len, "ann@example.com", 15));
    check_every_cut(all, answer, want);
}

static void values_are_put_back_at_every_cut(void)
{
    apr_pool_t *pool = open_pool();
    CU_ASSERT_TRUE(each_line(data_path("restore/cases.jsonl", pool), run_case) >
                   0);
    CU_ASSERT_TRUE(each_line(data_path("restore/own.jsonl", pool), run_case) ==
                   30);
    apr_pool_destroy(pool);
}

static void texts_with_tokens_in_them_are_the_same_at_every_cut(void)
{
    apr_pool_t *pool = open_pool();
    CU_ASSERT_TRUE(each_line(data_path("stream/texts.jsonl", pool), run_text) >
                   0);
    each_of_corpus("own-stream.jsonl", run_text);
    apr_pool_destroy(pool);
}

static void a_text_without_brackets_is_held_no_longer(void)
{
    static const char text[] = "Brackets such as [1] or [link](u), a\\b, 50%, "
                               "R&D and [[wiki]] links flow on. ";
    apr_pool_t *pool = open_pool();
    cg_pseudonyms_t *all = open_typed(CG_STR(""), pool);
    cg_buf_t out;
    cg_restore_t restore = {.pseudonyms = all};
    cg_buf_init(&out, 256, pool);
    CU_ASSERT_TRUE(cg_pseudonyms_issue(all, CG_TYPE_EMAIL_ADDRESS,
                                       CG_STR("ann@example.com"), &out));
    for (size_t i = 0; i < sizeof text - 1; i++) {
        cg_restore_hide(&restore, (cg_str_t){text + i, 1}, &out);
        CU_ASSERT_TRUE(restore.held_len <= 3);
    }
    CU_ASSERT_EQUAL(restore.held_len, 0);
    apr_pool_destroy(pool);
}

CU_TestInfo test_redact_restore[] = {
    {"values_are_put_back_at_every_cut", values_are_put_back_at_every_cut},
    {"texts_with_tokens_in_them_are_the_same_at_every_cut",
     texts_with_tokens_in_them_are_the_same_at_every_cut},
    {"a_text_without_brackets_is_held_no_longer",
     a_text_without_brackets_is_held_no_longer},
    CU_TEST_INFO_NULL,
};
