/* Other codings than UTF-8: told apart, and nothing is lost on the way.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/coding.h"

#include <string.h>

#include <CUnit/CUnit.h>

#define WIDE(literal)                                                          \
    {                                                                          \
        (literal), sizeof(literal) - 1                                         \
    }

typedef struct row_t {
    cg_str_t bytes;
    cg_coding_kind_t kind;
    const char *utf8; /* NULL: not looked at */
} row_t;

// clang-format off
static const row_t ROWS[] = {
    {WIDE("\xFF\xFE" "a\0b\0\n\0"), CG_CODING_UTF16_LITTLE, "\xEF\xBB\xBF" "ab\n"},
    {WIDE("\xFE\xFF\0a\0b\0\n"),   CG_CODING_UTF16_BIG, "\xEF\xBB\xBF" "ab\n"},
    {WIDE("c\0a\0r\0d\0 \0\x34\0"), CG_CODING_UTF16_LITTLE, "card 4"},
    {WIDE("\0c\0a\0r\0d\0 \0\x34"), CG_CODING_UTF16_BIG, "card 4"},
    {WIDE("\xFF\xFE\x60\x4F\x7D\x59\x3D\xD8\x00\xDE"), CG_CODING_UTF16_LITTLE,
     "\xEF\xBB\xBF\xE4\xBD\xA0\xE5\xA5\xBD\xF0\x9F\x98\x80"},
    /* a half of a pair, and half a unit at the end: kept as they are */
    {WIDE("\xFF\xFE" "a\0b\0c\0d\0e\0f\0g\0h\0i\0j\0k\0l\0m\0n\0o\0p\0q\0"
          "\x3D\xD8z\0z"), CG_CODING_UTF16_LITTLE, NULL},
    /* a mark before ASCII is no mark: its pairs would be Chinese */
    {WIDE("\xFF\xFEmy card is 4111 1111 1111 1111"), CG_CODING_NONE, NULL},
    {WIDE("\xFF\xFE\0\0a\0\0\0b\0\0\0"), CG_CODING_NONE, NULL}, /* UTF-32 */
    {WIDE("one NUL\0in a text of letters"), CG_CODING_NONE, NULL},
    {WIDE("\xE4\xBD\xA0\xE5\xA5\xBD\0\xE4\xBD\xA0\xE5\xA5\xBD"), CG_CODING_NONE, NULL},
    {WIDE("\1\0\2\0\3\0\4\0"), CG_CODING_NONE, NULL}, /* numbers */
    {WIDE("\xBF\xA8\xBA\xC5,4111\n"), CG_CODING_GB18030,
     "\xE5\x8D\xA1\xE5\x8F\xB7,4111\n"},
    {WIDE("\xC4\xE3\xBA\xC3 \x81\x30\x81\x30 \x80 \xFF \xA1"), CG_CODING_NONE, NULL},
    {WIDE("\xC4\xE3\xBA\xC3\xC4\xE3\xBA\xC3\xC4\xE3\xBA\xC3\xC4\xE3\xBA\xC3"
          "\xC4\xE3\xBA\xC3\xC4\xE3\xBA\xC3\xC4\xE3\xBA\xC3\xC4\xE3\xBA\xC3 \x80 "
          "\x81\x30\x81\x30\xFF\xA1"), CG_CODING_GB18030, NULL},
    {WIDE("Z\xFCrich, caf\xE9 noir, \xE9t\xE9"), CG_CODING_NONE, NULL},
    {WIDE("plain"), CG_CODING_NONE, NULL},
    {WIDE(""), CG_CODING_NONE, NULL},
    {WIDE("\xE4\xBD\xA0\xE5\xA5\xBD \xFF"), CG_CODING_NONE, NULL},
};
// clang-format on

static apr_pool_t *make_pool(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    return pool;
}

static void read_all(cg_coding_t *coding, cg_str_t bytes, size_t step,
                     cg_buf_t *out)
{
    for (size_t at = 0; at < bytes.len; at += step) {
        size_t len = bytes.len - at < step ? bytes.len - at : step;
        cg_coding_read(coding, (cg_str_t){bytes.ptr + at, len}, out);
    }
    cg_coding_read_end(coding, out);
}

static void write_all(cg_coding_t *coding, cg_str_t utf8, size_t step,
                      cg_buf_t *out)
{
    for (size_t at = 0; at < utf8.len; at += step) {
        size_t len = utf8.len - at < step ? utf8.len - at : step;
        cg_coding_write(coding, (cg_str_t){utf8.ptr + at, len}, out);
    }
    cg_coding_write_end(coding, out);
}

/* There and back, cut after every so many bytes. */
static void check_way(const row_t *row, cg_coding_kind_t kind, size_t step,
                      apr_pool_t *pool)
{
    cg_coding_t coding;
    cg_buf_t utf8, back;
    cg_buf_init(&utf8, 0, pool);
    cg_buf_init(&back, 0, pool);
    CU_ASSERT_FATAL(cg_coding_open(&coding, kind, pool));
    read_all(&coding, row->bytes, step, &utf8);
    if (row->utf8) {
        CU_ASSERT(cg_str_is((cg_str_t){utf8.ptr, utf8.len}, row->utf8));
    }
    write_all(&coding, (cg_str_t){utf8.ptr, utf8.len}, step, &back);
    CU_ASSERT(cg_str_equal((cg_str_t){back.ptr ? back.ptr : "", back.len},
                           row->bytes));
}

static void a_coding_is_told_by_its_bytes(void)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        CU_ASSERT_EQUAL(cg_coding_guess(ROWS[i].bytes), ROWS[i].kind);
    }
}

static void nothing_is_lost_however_it_is_cut(void)
{
    apr_pool_t *pool = make_pool();
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        for (size_t step = 1; step <= ROWS[i].bytes.len + 1; step++) {
            if (ROWS[i].kind != CG_CODING_NONE) {
                check_way(&ROWS[i], ROWS[i].kind, step, pool);
            }
        }
    }
    apr_pool_destroy(pool);
}

/* Of any bytes, whatever they were meant to be. */
static void bytes_that_are_no_text_come_back_as_they_were(void)
{
    apr_pool_t *pool = make_pool();
    char bytes[509];
    uint32_t seed = 7;
    for (int round = 0; round < 60; round++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = (char)(seed >> 24);
        }
        row_t row = {.bytes = {bytes, sizeof bytes}};
        check_way(&row, CG_CODING_UTF16_LITTLE, 1 + (size_t)round % 7, pool);
        check_way(&row, CG_CODING_UTF16_BIG, 1 + (size_t)round % 5, pool);
        check_way(&row, CG_CODING_GB18030, 1 + (size_t)round % 6, pool);
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
}

static void every_pair_of_bytes_of_gb18030_comes_back(void)
{
    apr_pool_t *pool = make_pool();
    char bytes[256 * 3];
    for (unsigned lead = 0x80; lead <= 0xFF; lead++) {
        for (unsigned trail = 0; trail <= 0xFF; trail++) {
            bytes[trail * 3] = (char)lead;
            bytes[trail * 3 + 1] = (char)trail;
            bytes[trail * 3 + 2] = '\n';
        }
        row_t row = {.bytes = {bytes, sizeof bytes}};
        check_way(&row, CG_CODING_GB18030, sizeof bytes, pool);
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
}

CU_TestInfo test_base_coding[] = {
    {"a_coding_is_told_by_its_bytes", a_coding_is_told_by_its_bytes},
    {"nothing_is_lost_however_it_is_cut", nothing_is_lost_however_it_is_cut},
    {"bytes_that_are_no_text_come_back_as_they_were",
     bytes_that_are_no_text_come_back_as_they_were},
    {"every_pair_of_bytes_of_gb18030_comes_back",
     every_pair_of_bytes_of_gb18030_comes_back},
    CU_TEST_INFO_NULL,
};
