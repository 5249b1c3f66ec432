/* Files inside strings: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/payload.h"

#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_general.h>

static const char bytes[] =
    "~~?\x3F>~ a file of some length, \xE4\xB8\xAD ~?>~?>~?>";

static void a_payload_is_found_and_comes_back_as_it_was(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (size_t len = 20; len < sizeof bytes; len++) {
        for (int way = 0; way < 4; way++) {
            cg_payload_t form = {.is_url_safe = way & 1, .is_padded = way & 2};
            cg_payload_t found;
            cg_str_t base64 =
                cg_payload_encode((cg_str_t){bytes, len}, &form, pool);
            CU_ASSERT_TRUE_FATAL(cg_payload_find(base64, &found));
            cg_str_t back = cg_payload_decode(base64, &found, pool);
            CU_ASSERT_TRUE(cg_str_equal(back, (cg_str_t){bytes, len}));
            cg_str_t again = cg_payload_encode(back, &found, pool);
            CU_ASSERT_TRUE(cg_str_equal(again, base64));
        }
    }
    apr_pool_destroy(pool);
}

static void words_and_pictures_by_reference_are_no_payload(void)
{
    static const char *const others[] = {
        "", "hello", "data:", "data:,hello", "data:text/plain,hello you there",
        "https://example.com/a.png?x=aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ",
        "some words that are nothing but letters and blanks",
        "data:text/plain;base64", "data:text/plain;base64,aGVsbG8",
        "data:text/plain;base64,aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ\"x"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        cg_payload_t found;
        CU_ASSERT_FALSE(cg_payload_find(cg_str(others[i]), &found));
    }
}

static void a_data_url_tells_its_type(void)
{
    cg_payload_t found;
    cg_str_t url = CG_STR("Data:Text/CSV;charset=utf-8;Base64,"
                          "aGVsbG8gd29ybGQg\r\naGVsbG8gd29ybGQg");
    CU_ASSERT_TRUE_FATAL(cg_payload_find(url, &found));
    CU_ASSERT_TRUE(cg_str_is(found.media_type, "Text/CSV"));
    CU_ASSERT_EQUAL(found.start, 35);
    CU_ASSERT_EQUAL(found.end, url.len);
}

static void runs_that_follow_each_other_are_all_read(void)
{
    apr_pool_t *pool;
    cg_payload_t found;
    apr_pool_create(&pool, NULL);
    cg_str_t two = CG_STR("data:;base64,NDExMTExMTExMQ==NDExMTExMTExMQ==");
    CU_ASSERT_TRUE_FATAL(cg_payload_find(two, &found));
    cg_str_t text = cg_payload_decode(two, &found, pool);
    CU_ASSERT_TRUE(cg_str_is(text, "41111111114111111111"));
    CU_ASSERT_TRUE(
        cg_str_has_prefix(cg_payload_head(two, &found, pool), "411111"));
    apr_pool_destroy(pool);
}

/* Lines of letters that are a text when decoded, width letters each. */
static cg_str_t make_run(size_t lines, size_t width, const char *end,
                         apr_pool_t *pool)
{
    cg_buf_t text;
    cg_buf_t out;
    cg_buf_init(&text, 4096, pool);
    cg_buf_init(&out, 4096, pool);
    while (text.len * 4 / 3 < lines * width) {
        cg_buf_str(&text, "a line of some words\n");
    }
    cg_payload_t form = {.is_padded = true};
    cg_str_t letters =
        cg_payload_encode((cg_str_t){text.ptr, text.len}, &form, pool);
    for (size_t at = 0; at < letters.len; at += width) {
        size_t rest = letters.len - at;
        cg_buf_add(&out, letters.ptr + at, rest < width ? rest : width);
        cg_buf_str(&out, rest > width ? end : "");
    }
    return (cg_str_t){out.ptr, out.len};
}

static cg_str_t join(const char *head, cg_str_t run, const char *tail,
                     apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, run.len + 64, pool);
    cg_buf_str(&out, head);
    cg_buf_add(&out, run.ptr, run.len);
    cg_buf_str(&out, tail);
    return (cg_str_t){out.ptr, out.len};
}

static void long_base64_is_found_among_words(void)
{
    static const struct {
        const char *head, *end, *tail;
        size_t width;
        const char *type;
    } rows[] = {
        {"a,b\n1,", "", ",2\n", 9999, ""},
        {"see data:text/csv;base64,", "", " and so on", 9999, "text/csv"},
        {"Content:\n\n", "\n", "\n--boundary--\n", 76, ""},
        {"Content:\r\n\r\n", "\r\n", "\r\n\r\nshort\r\n", 64, ""},
    };
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cg_payload_t found;
        cg_str_t run = make_run(40, rows[i].width == 9999 ? 60 : rows[i].width,
                                rows[i].end, pool);
        cg_str_t text = join(rows[i].head, run, rows[i].tail, pool);
        CU_ASSERT_TRUE_FATAL(cg_payload_among(text, 0, &found));
        CU_ASSERT_EQUAL(found.start, strlen(rows[i].head));
        CU_ASSERT_EQUAL(found.end, found.start + run.len);
        CU_ASSERT(cg_str_is(found.media_type, rows[i].type));
        cg_str_t back = cg_payload_decode(text, &found, pool);
        CU_ASSERT(cg_str_equal(cg_payload_encode(back, &found, pool), run));
        CU_ASSERT_FALSE(cg_payload_among(text, found.end, &found));
    }
    CU_ASSERT_FALSE(cg_payload_among(make_run(4, 64, "\n", pool), 0,
                                     &(cg_payload_t){0}));
    apr_pool_destroy(pool);
}

/* Every piece decodes by itself, to the same text when joined. */
static void a_cut_inside_of_base64_leaves_whole_lines_of_what_it_says(void)
{
    static const size_t widths[] = {76, 77, 33, 100000};
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        cg_payload_t whole;
        cg_str_t run = make_run(1, 20000, "", pool);
        run = widths[w] > 1000
                  ? run
                  : make_run(20000 / widths[w], widths[w], "\r\n", pool);
        CU_ASSERT_TRUE_FATAL(cg_payload_find(run, &whole));
        cg_str_t want = cg_payload_decode(run, &whole, pool);
        for (size_t block = 2048; block < 2060; block++) {
            cg_buf_t got;
            size_t at = 0;
            cg_buf_init(&got, 4096, pool);
            while (at < run.len) {
                cg_payload_t part;
                bool is_inside = false;
                size_t rest = run.len - at;
                size_t len =
                    rest <= block
                        ? rest
                        : cg_payload_cut((cg_str_t){run.ptr + at, block},
                                         &is_inside);
                cg_str_t piece = {run.ptr + at, len};
                CU_ASSERT_FATAL(len > 0);
                if (cg_payload_resume(piece, &part)) {
                    cg_str_t said = cg_payload_decode(piece, &part, pool);
                    cg_buf_add(&got, said.ptr, said.len);
                    CU_ASSERT(!is_inside ||
                              said.ptr[said.len - 1] == '\n');
                }
                at += len;
            }
            CU_ASSERT(cg_str_equal((cg_str_t){got.ptr, got.len}, want));
        }
    }
    apr_pool_destroy(pool);
}

static void what_ends_before_the_cut_stays_whole(void)
{
    bool is_inside;
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    cg_str_t run = make_run(20, 76, "\n", pool);
    cg_str_t text = join("words\nand words\n", run, "", pool);
    CU_ASSERT_EQUAL(cg_payload_cut(text, &is_inside), 16);
    CU_ASSERT_FALSE(is_inside);
    text = join("words\n", run, " and then some", pool);
    CU_ASSERT_EQUAL(cg_payload_cut(text, &is_inside), text.len - 4);
    CU_ASSERT_EQUAL(cg_payload_cut(CG_STR("a line\nand a"), &is_inside), 7);
    CU_ASSERT_EQUAL(cg_payload_cut(CG_STR("two words"), &is_inside), 4);
    apr_pool_destroy(pool);
}

CU_TestInfo test_flow_payload[] = {
    {"long_base64_is_found_among_words", long_base64_is_found_among_words},
    {"a_cut_inside_of_base64_leaves_whole_lines_of_what_it_says",
     a_cut_inside_of_base64_leaves_whole_lines_of_what_it_says},
    {"what_ends_before_the_cut_stays_whole",
     what_ends_before_the_cut_stays_whole},
    {"a_payload_is_found_and_comes_back_as_it_was",
     a_payload_is_found_and_comes_back_as_it_was},
    {"words_and_pictures_by_reference_are_no_payload",
     words_and_pictures_by_reference_are_no_payload},
    {"a_data_url_tells_its_type", a_data_url_tells_its_type},
    {"runs_that_follow_each_other_are_all_read",
     runs_that_follow_each_other_are_all_read},
    CU_TEST_INFO_NULL,
};
