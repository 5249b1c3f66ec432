/* Texts that arrive in pieces: the count is that of the whole.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "token/stream.h"

#include "token_fixture.h"

static const char *const UNITS[] = {
    " ",      "\n",    "word ",  "'",  "'re", "don't ", "ABC\xE3\x81\xAE",
    "\xE4\xB8\xAD", "1234", "://", "--",  "\r\n",   "e\xCC\x81",
    "\xF0\x9F\x91\xA9\xE2\x80\x8D", "\xC5\xBF", "MixedCase", "\t", "{\"a\":"};
#define UNITS_COUNT (sizeof UNITS / sizeof UNITS[0])

static void feed_in(cg_token_stream_t *stream, cg_str_t text, uint32_t most,
                    uint64_t *state)
{
    for (size_t at = 0; at < text.len;) {
        size_t piece = 1 + draw(state, most);
        piece = piece < text.len - at ? piece : text.len - at;
        cg_token_stream_feed(stream, (cg_str_t){text.ptr + at, piece});
        at += piece;
    }
}

static cg_str_t text_of(uint64_t *state, uint32_t units, apr_pool_t *pool)
{
    cg_buf_t text;
    cg_buf_init(&text, units * 6, pool);
    for (uint32_t i = 0; i < units; i++) {
        const char *unit = UNITS[draw(state, UNITS_COUNT)];
        for (uint32_t k = draw(state, 4) + 1; k > 0; k--) {
            cg_buf_str(&text, unit);
        }
    }
    return (cg_str_t){text.ptr, text.len};
}

static void any_cut_gives_the_count_of_the_whole(void)
{
    apr_pool_t *pool = open_pool();
    apr_pool_t *scratch = NULL;
    uint64_t state = 11;
    apr_pool_create(&scratch, pool);
    for (int v = 0; v < CG_ENCODING_COUNT; v++) {
        const cg_vocabulary_t *with = open_vocabulary((cg_encoding_t)v, pool);
        for (int i = 0; i < 200; i++) {
            cg_token_stream_t stream;
            cg_str_t text = text_of(&state, 1 + draw(&state, 400), scratch);
            cg_token_stream_init(&stream, with, scratch);
            feed_in(&stream, text, 1 + draw(&state, 60), &state);
            CU_ASSERT_EQUAL(cg_token_stream_count(&stream),
                            cg_token_count(with, text));
            apr_pool_clear(scratch);
        }
    }
    apr_pool_destroy(pool);
}

static void every_beginning_can_be_asked_for(void)
{
    apr_pool_t *pool = open_pool();
    uint64_t state = 5;
    const cg_vocabulary_t *with = open_vocabulary(CG_ENCODING_O200K, pool);
    cg_str_t text = text_of(&state, 100, pool);
    cg_token_stream_t stream;
    cg_token_stream_init(&stream, with, pool);
    for (size_t at = 0; at < text.len; at++) {
        cg_token_stream_feed(&stream, (cg_str_t){text.ptr + at, 1});
        if (cg_utf8_whole(text.ptr, at + 1) == at + 1) {
            CU_ASSERT_EQUAL(cg_token_stream_count(&stream),
                            cg_token_count(with, (cg_str_t){text.ptr, at + 1}));
        }
    }
    apr_pool_destroy(pool);
}

static void only_what_is_undecided_is_kept(void)
{
    apr_pool_t *pool = open_pool();
    const cg_vocabulary_t *with = open_vocabulary(CG_ENCODING_O200K, pool);
    cg_token_stream_t stream;
    cg_token_stream_init(&stream, with, pool);
    for (int i = 0; i < 100000; i++) {
        cg_token_stream_feed(&stream, CG_STR("some words "));
        CU_ASSERT_TRUE_FATAL(stream.tail.len < 1024);
    }
    CU_ASSERT_TRUE(stream.tail.cap <= 1024);
    apr_pool_destroy(pool);
}

static void one_run_byte_by_byte_costs_no_more_than_its_length(void)
{
    apr_pool_t *pool = open_pool();
    const cg_vocabulary_t *with = open_vocabulary(CG_ENCODING_O200K, pool);
    cg_token_stream_t stream;
    cg_token_stream_init(&stream, with, pool);
    for (int i = 0; i < 1000000; i++) { /* squared it would take minutes */
        cg_token_stream_feed(&stream, CG_STR(" "));
    }
    CU_ASSERT_EQUAL(cg_token_stream_count(&stream), 7813);
    apr_pool_destroy(pool);
}

static void without_a_vocabulary_bytes_are_counted(void)
{
    apr_pool_t *pool = open_pool();
    cg_token_stream_t stream;
    cg_token_stream_init(&stream, NULL, pool);
    cg_token_stream_feed(&stream, CG_STR("hello"));
    cg_token_stream_feed(&stream, CG_STR(" you"));
    CU_ASSERT_EQUAL(cg_token_stream_count(&stream), 9);
    apr_pool_destroy(pool);
}

CU_TestInfo test_token_stream[] = {
    {"any_cut_gives_the_count_of_the_whole",
     any_cut_gives_the_count_of_the_whole},
    {"every_beginning_can_be_asked_for", every_beginning_can_be_asked_for},
    {"only_what_is_undecided_is_kept", only_what_is_undecided_is_kept},
    {"one_run_byte_by_byte_costs_no_more_than_its_length",
     one_run_byte_by_byte_costs_no_more_than_its_length},
    {"without_a_vocabulary_bytes_are_counted",
     without_a_vocabulary_bytes_are_counted},
    CU_TEST_INFO_NULL,
};
