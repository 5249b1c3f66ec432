/* A text cut anywhere is masked as the whole is.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Texts: tests/data/stream/texts.jsonl, and own-stream of the corpora where
 * present; each is cut at every byte, into single bytes, and as it came.
 */
#include "redact/stream.h"

#include "redact/cases.h"

typedef struct feeder_t {
    cg_stream_t *stream;
    cg_buf_t out;
    cg_actions_t actions;
} feeder_t;

static void begin(feeder_t *feeder, const cg_rules_t *rules, apr_pool_t *pool)
{
    cg_actions_default(&feeder->actions);
    feeder->stream = cg_stream_open(rules, &feeder->actions, NULL, pool);
    cg_buf_init(&feeder->out, 256, pool);
}

static void feed(feeder_t *feeder, const char *bytes, size_t len)
{
    cg_stream_feed(feeder->stream, (cg_str_t){bytes, len}, &feeder->out);
    CU_ASSERT_TRUE(cg_stream_held_bytes(feeder->stream) <= CG_STREAM_HELD_MAX);
}

static cg_str_t end(feeder_t *feeder)
{
    cg_stream_finish(feeder->stream, &feeder->out);
    return (cg_str_t){feeder->out.ptr, feeder->out.len};
}

static cg_str_t whole(cg_str_t text, apr_pool_t *pool)
{
    cg_actions_t actions;
    cg_actions_default(&actions);
    return masked(cg_rules_builtin(), &actions, text, CG_SCAN_PLAIN, pool);
}

static void check_cut(cg_str_t text, size_t at, cg_str_t want, apr_pool_t *pool)
{
    feeder_t feeder;
    begin(&feeder, cg_rules_builtin(), pool);
    feed(&feeder, text.ptr, at);
    feed(&feeder, text.ptr + at, text.len - at);
    if (!cg_str_equal(end(&feeder), want)) {
        fprintf(stderr, "cut at %zu: %.*s\n", at, (int)text.len, text.ptr);
        CU_FAIL("a cut that changes what comes out");
    }
}

static void check_pieces(cg_str_t text, size_t piece, cg_str_t want,
                         apr_pool_t *pool)
{
    feeder_t feeder;
    begin(&feeder, cg_rules_builtin(), pool);
    for (size_t at = 0; at < text.len; at += piece) {
        size_t left = text.len - at;
        feed(&feeder, text.ptr + at, left < piece ? left : piece);
    }
    if (!cg_str_equal(end(&feeder), want)) {
        fprintf(stderr, "pieces of %zu: %.*s\n", piece, (int)text.len,
                text.ptr);
        CU_FAIL("pieces that change what comes out");
    }
}

static void run_text(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t text = member_str(row, "text", pool);
    apr_pool_t *scratch = open_pool();
    cg_str_t want = whole(text, pool);
    for (size_t at = 0; at <= text.len; at++) {
        check_cut(text, at, want, scratch);
        apr_pool_clear(scratch);
    }
    for (size_t piece = 1; piece < 24; piece += piece < 4 ? 1 : 5) {
        check_pieces(text, piece, want, scratch);
    }
    apr_pool_destroy(scratch);
}

static void run_chunks(const cg_walk_t *row, apr_pool_t *pool)
{
    feeder_t feeder;
    uint32_t chunks = cg_walk_member(row, 0, "chunks");
    cg_str_t text = member_str(row, "text", pool);
    begin(&feeder, cg_rules_builtin(), pool);
    for (uint32_t at = row->nodes[chunks].child; at != CG_NODE_NONE;
         at = row->nodes[at].next) {
        cg_str_t delta = cg_walk_string(row, at, pool);
        feed(&feeder, delta.ptr, delta.len);
    }
    CU_ASSERT_TRUE(cg_str_equal(end(&feeder), whole(text, pool)));
    run_text(row, pool);
}

static void cut_at_every_byte_the_output_is_the_same(void)
{
    apr_pool_t *pool = open_pool();
    CU_ASSERT_TRUE(each_line(data_path("stream/texts.jsonl", pool), run_text) >
                   0);
    each_of_corpus("own-stream.jsonl", run_chunks);
    apr_pool_destroy(pool);
}

static void a_long_key_is_swallowed_without_being_held(void)
{
    apr_pool_t *pool = open_pool();
    feeder_t feeder;
    const char line[] = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIB\n";
    begin(&feeder, cg_rules_builtin(), pool);
    const char head[] = "key: -----BEGIN PRIVATE KEY-----\n";
    feed(&feeder, head, sizeof head - 1);
    for (int i = 0; i < 2000; i++) {
        feed(&feeder, line, sizeof line - 1);
        CU_ASSERT_TRUE(cg_stream_held_bytes(feeder.stream) <= 64);
    }
    const char tail[] = "-----END PRIVATE KEY----- and on";
    feed(&feeder, tail, sizeof tail - 1);
    CU_ASSERT_TRUE(
        cg_str_equal(end(&feeder), CG_STR("key: [SECRET_PRIVATE_KEY] and on")));
    CU_ASSERT_EQUAL(
        cg_stream_tally(feeder.stream)->by_type[CG_TYPE_SECRET_PRIVATE_KEY], 1);
    apr_pool_destroy(pool);
}

static void chinese_text_flows_at_once(void)
{
    apr_pool_t *pool = open_pool();
    feeder_t feeder;
    const char text[] = "请用通俗的语言解释量子纠缠";
    begin(&feeder, cg_rules_builtin(), pool);
    for (size_t at = 0; at + 3 < sizeof text; at += 3) {
        feed(&feeder, text + at, 3);
        CU_ASSERT_EQUAL(cg_stream_held_bytes(feeder.stream), 0);
    }
    apr_pool_destroy(pool);
}

static void finish_never_lets_a_held_value_go_raw(void)
{
    apr_pool_t *pool = open_pool();
    feeder_t feeder;
    begin(&feeder, cg_rules_builtin(), pool);
    feed(&feeder, "call 13800138000", 16);
    CU_ASSERT_TRUE(cg_stream_held_bytes(feeder.stream) >= 11);
    CU_ASSERT_TRUE(cg_str_equal(end(&feeder), CG_STR("call [PHONE_NUMBER]")));
    feed(&feeder, "13900139000", 11);
    CU_ASSERT_TRUE(cg_str_equal(end(&feeder),
                                CG_STR("call [PHONE_NUMBER][PHONE_NUMBER]")));
    CU_ASSERT_EQUAL(
        cg_stream_tally(feeder.stream)->by_type[CG_TYPE_PHONE_NUMBER], 2);
    apr_pool_destroy(pool);
}

static void after_a_block_nothing_more_is_put_out(void)
{
    apr_pool_t *pool = open_pool();
    feeder_t feeder;
    uint8_t type = 0;
    begin(&feeder, cg_rules_builtin(), pool);
    feeder.actions.by_type[CG_TYPE_US_SSN] = CG_ACTION_BLOCK;
    feed(&feeder, "one ", 4);
    CU_ASSERT_FALSE(cg_stream_is_blocked(feeder.stream, NULL));
    feed(&feeder, "512-12-1692, two", 16);
    feed(&feeder, " three", 6);
    cg_str_t out = end(&feeder);
    CU_ASSERT_TRUE(cg_stream_is_blocked(feeder.stream, &type));
    CU_ASSERT_EQUAL(type, CG_TYPE_US_SSN);
    CU_ASSERT_TRUE(cg_str_equal(out, CG_STR("one ")));
    apr_pool_destroy(pool);
}

static void what_is_only_logged_passes_and_is_counted(void)
{
    apr_pool_t *pool = open_pool();
    feeder_t feeder;
    begin(&feeder, cg_rules_builtin(), pool);
    feeder.actions.by_type[CG_TYPE_US_SSN] = CG_ACTION_LOG;
    feeder.actions.by_type[CG_TYPE_EMAIL_ADDRESS] = CG_ACTION_ALLOW;
    const char text[] = "512-12-1692 a@example.com";
    feed(&feeder, text, sizeof text - 1);
    CU_ASSERT_TRUE(cg_str_equal(end(&feeder), cg_str(text)));
    const cg_tally_t *tally = cg_stream_tally(feeder.stream);
    CU_ASSERT_EQUAL(tally->by_type[CG_TYPE_US_SSN], 1);
    CU_ASSERT_EQUAL(tally->by_type[CG_TYPE_EMAIL_ADDRESS], 0);
    apr_pool_destroy(pool);
}

static void one_large_delta_is_taken_in_pieces(void)
{
    apr_pool_t *pool = open_pool();
    cg_buf_t text;
    cg_buf_init(&text, 40000, pool);
    for (int i = 0; i < 1500; i++) {
        cg_buf_fmt(&text, "line %d: a%d@example.com; ", i, i);
    }
    cg_str_t all = {text.ptr, text.len};
    check_pieces(all, all.len, whole(all, pool), pool);
    check_pieces(all, 5000, whole(all, pool), pool);
    apr_pool_destroy(pool);
}

CU_TestInfo test_redact_stream[] = {
    {"cut_at_every_byte_the_output_is_the_same",
     cut_at_every_byte_the_output_is_the_same},
    {"a_long_key_is_swallowed_without_being_held",
     a_long_key_is_swallowed_without_being_held},
    {"chinese_text_flows_at_once", chinese_text_flows_at_once},
    {"finish_never_lets_a_held_value_go_raw",
     finish_never_lets_a_held_value_go_raw},
    {"after_a_block_nothing_more_is_put_out",
     after_a_block_nothing_more_is_put_out},
    {"what_is_only_logged_passes_and_is_counted",
     what_is_only_logged_passes_and_is_counted},
    {"one_large_delta_is_taken_in_pieces", one_large_delta_is_taken_in_pieces},
    CU_TEST_INFO_NULL,
};
