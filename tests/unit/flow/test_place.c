/* Where in a running JSON text: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/place.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#define PIECES_MAX 24
#define ROUNDS 4000

/* What texts are made of: all that moves a place, and what must not. */
static const char *const PIECES[] = {
    "{",       "}",     "[",     "]",         "\"",        "\\\"",
    "\\\\\"",  "\\\\",  "\\n",   "\\\\n",     "\\\\\\\\n", "\\t",
    "\\r",     "\\f",   "\\b",   "\r",        "\v",        "\xE2\x81\xA4x",
    "\f",      "\n",    "\t",    ":",         ",",         "\\u000a",
    "\\u0022", "\\u00", "a",     "1",         " ",         "\xC3\xA9",
    "true",    "{\\\"", "\\\"}", "[\\\\\\\"", "\\"};
#define PIECE_COUNT (sizeof PIECES / sizeof PIECES[0])

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

static void make_text(uint32_t *seed, cg_buf_t *out)
{
    uint32_t count = 1 + next(seed) % PIECES_MAX;
    cg_buf_str(out, next(seed) % 4 ? "{\"a\":\"" : "");
    for (uint32_t i = 0; i < count; i++) {
        cg_buf_str(out, PIECES[next(seed) % PIECE_COUNT]);
    }
}

/* Reads text cut at random and passes what was read, cut elsewhere. */
static cg_str_t there_and_back(cg_str_t text, bool is_arguments, uint32_t *seed,
                               apr_pool_t *pool)
{
    cg_place_t read;
    cg_place_t place;
    cg_buf_t middle;
    cg_buf_t out;
    cg_place_open(&read, is_arguments);
    cg_place_open(&place, is_arguments);
    cg_buf_init(&middle, text.len + 16, pool);
    cg_buf_init(&out, text.len + 16, pool);
    for (size_t at = 0; at < text.len;) {
        size_t len = 1 + next(seed) % 5;
        len = len < text.len - at ? len : text.len - at;
        cg_place_read(&read, (cg_str_t){text.ptr + at, len}, &middle);
        at += len;
    }
    cg_place_read_end(&read, &middle);
    cg_place_pass(&place, (cg_str_t){middle.ptr, middle.len}, &out);
    return (cg_str_t){out.ptr, out.len};
}

static void what_is_read_is_written_as_it_was(void)
{
    uint32_t seed = 7;
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        cg_buf_t text;
        apr_pool_clear(pool);
        cg_buf_init(&text, 128, pool);
        make_text(&seed, &text);
        cg_str_t given = {text.ptr, text.len};
        cg_str_t got = there_and_back(given, i % 2, &seed, pool);
        CU_ASSERT(cg_str_equal(given, got));
        if (!cg_str_equal(given, got)) {
            fprintf(stderr, "given %.*s\n  got %.*s\n", (int)given.len,
                    given.ptr, (int)got.len, got.ptr);
            break;
        }
    }
    apr_pool_destroy(pool);
}

static void check_read(apr_pool_t *pool, const char *text, const char *want)
{
    cg_place_t place;
    cg_buf_t out;
    cg_place_open(&place, false);
    cg_buf_init(&out, 64, pool);
    cg_place_read(&place, (cg_str_t){text, strlen(text)}, &out);
    CU_ASSERT(cg_str_is((cg_str_t){out.ptr, out.len}, want));
}

static void line_breaks_are_read_in_the_strings_of_json_alone(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    check_read(pool, "{\"a\":\"b\\nc\\td\"}", "{\"a\":\"b\nc\td\"}");
    check_read(pool, "{\"a\":\"b\\\\nc\"}", "{\"a\":\"b\\\\nc\"}");
    check_read(pool, "{\"a\":\"{\\\"b\\\":\\\"c\\\\nd\\\"}\"}",
               "{\"a\":\"{\\\"b\\\":\\\"c\nd\\\"}\"}");
    check_read(pool, "{\"a\":\"[x] c\\nd\"}", "{\"a\":\"[x] c\nd\"}");
    check_read(pool, "a \"b\\nc\"", "a \"b\\nc\"");
    check_read(pool, "{x \"b\\nc\"}", "{x \"b\\nc\"}");
    apr_pool_destroy(pool);
}

static void what_stood_in_a_place_is_told_apart(void)
{
    CU_ASSERT(cg_place_stood(CG_STR("-4.1e+5")) == CG_STOOD_NUMBER);
    CU_ASSERT(cg_place_stood(CG_STR("4111111111111111")) == CG_STOOD_NUMBER);
    CU_ASSERT(cg_place_stood(CG_STR("192.168.1.2")) == CG_STOOD_SIGNS);
    CU_ASSERT(cg_place_stood(CG_STR("4111 1111")) == CG_STOOD_SIGNS);
    CU_ASSERT(cg_place_stood(CG_STR("123-45-6789")) == CG_STOOD_SIGNS);
    CU_ASSERT(cg_place_stood(CG_STR("(415) 555")) == CG_STOOD_WORDS);
    CU_ASSERT(cg_place_stood(CG_STR("ann@example.com")) == CG_STOOD_WORDS);
}

// clang-format off
CU_TestInfo test_flow_place[] = {
    {"what_is_read_is_written_as_it_was", what_is_read_is_written_as_it_was},
    {"line_breaks_are_read_in_the_strings_of_json_alone",
     line_breaks_are_read_in_the_strings_of_json_alone},
    {"what_stood_in_a_place_is_told_apart", what_stood_in_a_place_is_told_apart},
    CU_TEST_INFO_NULL};
// clang-format on
