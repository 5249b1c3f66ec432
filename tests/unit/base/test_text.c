/* Strings, the buffer, UTF-8, and spellings of bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

static apr_pool_t *open_pool(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    return pool;
}

static void strings_compare_by_length_and_bytes(void)
{
    CU_ASSERT_TRUE(cg_str_equal(CG_STR("abc"), cg_str("abc")));
    CU_ASSERT_FALSE(cg_str_equal(CG_STR("abc"), cg_str("abcd")));
    CU_ASSERT_TRUE(cg_str_is(cg_str(NULL), ""));
    CU_ASSERT_TRUE(cg_str_is(CG_STR(""), NULL));
    CU_ASSERT_FALSE(cg_str_is(CG_STR("a\0b"), "a"));
    CU_ASSERT_TRUE(cg_str_has_prefix(CG_STR("sk-1"), "sk-"));
    CU_ASSERT_FALSE(cg_str_has_prefix(CG_STR("sk"), "sk-"));
    CU_ASSERT_TRUE(cg_str_has_prefix(CG_STR(""), ""));
}

static void case_is_folded_for_ascii_letters_only(void)
{
    CU_ASSERT_TRUE(cg_str_is_nocase(CG_STR("BeAReR"), "bearer"));
    CU_ASSERT_FALSE(cg_str_is_nocase(CG_STR("@"), "`"));
    CU_ASSERT_FALSE(cg_str_is_nocase(CG_STR("\xC3\x84"), "\xC3\xA4"));
    CU_ASSERT_FALSE(cg_str_is_nocase(CG_STR("beare"), "bearer"));
}

static void copies_end_with_a_nul(void)
{
    apr_pool_t *pool = open_pool();
    CU_ASSERT_STRING_EQUAL(cg_str_dup((cg_str_t){"abcdef", 3}, pool), "abc");
    CU_ASSERT_STRING_EQUAL(cg_str_dup((cg_str_t){NULL, 0}, pool), "");
    apr_pool_destroy(pool);
}

static void buffer_grows_and_keeps_what_it_has(void)
{
    apr_pool_t *pool = open_pool();
    cg_buf_t buf;
    cg_buf_init(&buf, 0, pool);
    for (int i = 0; i < 10000; i++) {
        cg_buf_char(&buf, (char)('a' + i % 26));
    }
    CU_ASSERT_EQUAL(buf.len, 10000);
    int wrong = 0;
    for (int i = 0; i < 10000; i++) {
        wrong += buf.ptr[i] != (char)('a' + i % 26);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(strlen(cg_buf_cstr(&buf)), 10000);
    CU_ASSERT_EQUAL(buf.len, 10000);
    apr_pool_destroy(pool);
}

static void buffer_formats_text_longer_than_its_room(void)
{
    apr_pool_t *pool = open_pool();
    cg_buf_t buf;
    cg_buf_init(&buf, 8, pool);
    cg_buf_str(&buf, "n=");
    cg_buf_fmt(&buf, "%0200d|%s", 7, "end");
    cg_buf_str(&buf, NULL);
    CU_ASSERT_EQUAL(buf.len, 2 + 200 + 4);
    CU_ASSERT_STRING_EQUAL(cg_buf_cstr(&buf) + 2 + 199, "7|end");
    apr_pool_destroy(pool);
}

static void json_strings_escape_what_must_be(void)
{
    static const struct {
        const char *in;
        size_t len;
        const char *out;
    } CASES[] = {
        {"plain", 5, "\"plain\""},
        {"", 0, "\"\""},
        {"a\"b\\c/", 6, "\"a\\\"b\\\\c/\""},
        {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"\0\x1f\x7f", 3, "\"\\u0000\\u001f\x7f\""},
        {"\xE4\xB8\xAD\xF0\x9F\x98\x80", 7, "\"\xE4\xB8\xAD\xF0\x9F\x98\x80\""},
        {"x\xFFy", 3, "\"x\xEF\xBF\xBDy\""},
        {"cut\xE4\xB8", 5, "\"cut\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        cg_buf_t buf;
        cg_buf_init(&buf, 0, pool);
        cg_buf_json_string(&buf, CASES[i].in, CASES[i].len);
        CU_ASSERT_STRING_EQUAL(cg_buf_cstr(&buf), CASES[i].out);
    }
    apr_pool_destroy(pool);
}

/* Text is looked at eight bytes at once: each byte in each place of them, beside
 * bytes that a borrow could reach. */
static void json_escapes_hold_at_every_place_of_eight(void)
{
    apr_pool_t *pool = open_pool();
    int wrong = 0;
    for (int c = 0; c < 0x80; c++) {
        for (size_t at = 0; at < 17; at++) {
            char text[17];
            cg_buf_t whole, parts;
            memset(text, at % 2 ? '#' : ' ', sizeof text);
            text[at] = (char)c;
            cg_buf_init(&whole, 64, pool);
            cg_buf_init(&parts, 64, pool);
            cg_buf_json_escape(&whole, text, sizeof text);
            for (size_t i = 0; i < sizeof text; i++) {
                cg_buf_json_escape(&parts, text + i, 1);
            }
            wrong += strcmp(cg_buf_cstr(&whole), cg_buf_cstr(&parts)) != 0;
        }
        apr_pool_clear(pool);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    apr_pool_destroy(pool);
}

static void buffer_writes_numbers_as_printf_does(void)
{
    static const int64_t CASES[] = {0, 7, -7, 10, 99, 100, -1000,
                                    INT64_MAX, INT64_MIN};
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        cg_buf_t buf, wanted;
        cg_buf_init(&buf, 0, pool);
        cg_buf_init(&wanted, 0, pool);
        cg_buf_int(&buf, CASES[i]);
        cg_buf_fmt(&wanted, "%" PRId64, CASES[i]);
        CU_ASSERT_STRING_EQUAL(cg_buf_cstr(&buf), cg_buf_cstr(&wanted));
    }
    apr_pool_destroy(pool);
}

static void every_code_point_comes_back_from_utf8(void)
{
    int wrong = 0;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        char out[4];
        uint32_t back = 0;
        int len = cg_utf8_encode(cp, out);
        int got = cg_utf8_decode(out, out + len, &back);
        bool is_surrogate = cp >= 0xD800 && cp <= 0xDFFF;
        wrong += is_surrogate ? got != 0 : got != len || back != cp;
        wrong += got && cg_utf8_decode(out, out + len - 1, &back) != 0;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void unsound_utf8_is_refused(void)
{
    static const char *const CASES[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xE0\x80\x80",
        "\xE0\x9F\xBF",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xE4\xB8",
        "\xE4\xB8z",
        "\xF0\x80\x80\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFE",
        "\xFF",
        "12345678\xC3",
        "1234567\xFF",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        CU_ASSERT_FALSE(cg_utf8_valid(CASES[i], strlen(CASES[i])));
    }
    CU_ASSERT_TRUE(cg_utf8_valid("12345678\xE4\xB8\xAD 12345678 \xC3\xA4", 23));
    CU_ASSERT_TRUE(cg_utf8_valid(NULL, 0));
    CU_ASSERT_TRUE(cg_utf8_valid("a\0b", 3));
}

static void a_cut_code_point_is_held_back(void)
{
    CU_ASSERT_EQUAL(cg_utf8_whole("ab", 2), 2);
    CU_ASSERT_EQUAL(cg_utf8_whole("a\xE4", 2), 1);
    CU_ASSERT_EQUAL(cg_utf8_whole("a\xE4\xB8", 3), 1);
    CU_ASSERT_EQUAL(cg_utf8_whole("a\xE4\xB8\xAD", 4), 4);
    CU_ASSERT_EQUAL(cg_utf8_whole("\xF0\x9F\x98", 3), 0);
    CU_ASSERT_EQUAL(cg_utf8_whole("\xF0\x9F\x98\x80", 4), 4);
    /* Nothing will ever complete these: they are passed on as they stand. */
    CU_ASSERT_EQUAL(cg_utf8_whole("\x80\x80\x80\x80", 4), 4);
    CU_ASSERT_EQUAL(cg_utf8_whole("a\xFF", 2), 2);
    CU_ASSERT_EQUAL(cg_utf8_whole("", 0), 0);
}

static void hex_goes_there_and_back(void)
{
    unsigned char bytes[] = {0x00, 0x7F, 0xAB, 0xFF};
    char hex[9];
    unsigned char back[4];
    cg_hex_encode(bytes, sizeof bytes, hex);
    CU_ASSERT_STRING_EQUAL(hex, "007fabff");
    CU_ASSERT_TRUE(cg_hex_decode("007FabFF", 8, back));
    CU_ASSERT_EQUAL(memcmp(bytes, back, 4), 0);
    CU_ASSERT_FALSE(cg_hex_decode("007", 3, back));
    CU_ASSERT_FALSE(cg_hex_decode("0g", 2, back));
    CU_ASSERT_FALSE(cg_hex_decode("/0", 2, back));
    CU_ASSERT_FALSE(cg_hex_decode("0@", 2, back));
}

/* RFC 4648 section 10, without the padding. */
static void base64url_gives_the_vectors_of_the_rfc(void)
{
    static const char *const CASES[][2] = {
        {"", ""},
        {"f", "Zg"},
        {"fo", "Zm8"},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg"},
        {"fooba", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy"},
        {"\xFB\xFF\xFE", "-__-"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char out[16];
        unsigned char back[16];
        size_t len = strlen(CASES[i][0]);
        size_t back_len = 99;
        unsigned char in[8];
        memcpy(in, CASES[i][0], len + 1);
        CU_ASSERT_EQUAL(cg_b64url_encode(in, len, out), strlen(CASES[i][1]));
        CU_ASSERT_STRING_EQUAL(out, CASES[i][1]);
        CU_ASSERT_TRUE(cg_b64url_decode(out, strlen(out), back, &back_len));
        CU_ASSERT_EQUAL(back_len, len);
        CU_ASSERT_EQUAL(memcmp(back, in, len), 0);
    }
}

static void base64url_has_one_spelling_for_one_value(void)
{
    unsigned char out[16];
    size_t len = 0;
    CU_ASSERT_FALSE(cg_b64url_decode("Zg==", 4, out, &len));
    CU_ASSERT_FALSE(cg_b64url_decode("Zh", 2, out, &len));
    CU_ASSERT_FALSE(cg_b64url_decode("Zm9", 3, out, &len));
    CU_ASSERT_FALSE(cg_b64url_decode("Z", 1, out, &len));
    CU_ASSERT_FALSE(cg_b64url_decode("Zm 9", 4, out, &len));
    CU_ASSERT_FALSE(cg_b64url_decode("+/+/", 4, out, &len));
}

static void counts_are_digits_and_nothing_else(void)
{
    int64_t n = -1;
    CU_ASSERT_TRUE(cg_parse_count(CG_STR("0"), &n));
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_TRUE(cg_parse_count(CG_STR("9223372036854775807"), &n));
    CU_ASSERT_EQUAL(n, INT64_MAX);
    CU_ASSERT_FALSE(cg_parse_count(CG_STR("9223372036854775808"), &n));
    CU_ASSERT_FALSE(cg_parse_count(CG_STR("99999999999999999999"), &n));
    CU_ASSERT_FALSE(cg_parse_count(CG_STR(""), &n));
    CU_ASSERT_FALSE(cg_parse_count(CG_STR("-1"), &n));
    CU_ASSERT_FALSE(cg_parse_count(CG_STR("+1"), &n));
    CU_ASSERT_FALSE(cg_parse_count(CG_STR("1 "), &n));
    CU_ASSERT_FALSE(cg_parse_count(CG_STR("1.0"), &n));
}

static void durations_have_units(void)
{
    static const struct {
        const char *text;
        int64_t micros; /* -1: refused */
    } CASES[] = {
        {"10ms", 10000},
        {"60s", 60000000},
        {"15min", 900000000},
        {"2h", 7200000000},
        {"1d", 86400000000},
        {"5", 5000000},
        {"0", 0},
        {"1m", -1},
        {"1 s", -1},
        {"s", -1},
        {"", -1},
        {"-1s", -1},
        {"1.5s", -1},
        {"106751991d", 9223372022400000000},
        {"106751992d", -1},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int64_t micros = -1;
        bool is_read = cg_parse_duration(cg_str(CASES[i].text), &micros);
        CU_ASSERT_EQUAL(is_read, CASES[i].micros >= 0);
        CU_ASSERT_TRUE(!is_read || micros == CASES[i].micros);
    }
}

static void sizes_are_powers_of_1024(void)
{
    int64_t bytes = 0;
    CU_ASSERT_TRUE(cg_parse_size(CG_STR("1024"), &bytes));
    CU_ASSERT_EQUAL(bytes, 1024);
    CU_ASSERT_TRUE(cg_parse_size(CG_STR("16K"), &bytes));
    CU_ASSERT_EQUAL(bytes, 16384);
    CU_ASSERT_TRUE(cg_parse_size(CG_STR("32M"), &bytes));
    CU_ASSERT_EQUAL(bytes, 33554432);
    CU_ASSERT_TRUE(cg_parse_size(CG_STR("1G"), &bytes));
    CU_ASSERT_EQUAL(bytes, 1073741824);
    CU_ASSERT_FALSE(cg_parse_size(CG_STR("1KB"), &bytes));
    CU_ASSERT_FALSE(cg_parse_size(CG_STR("1.5M"), &bytes));
    CU_ASSERT_FALSE(cg_parse_size(CG_STR("9007199254740992K"), &bytes));
}

static void money_is_read_in_micro_dollars(void)
{
    static const struct {
        const char *text;
        int64_t micros; /* -1: refused */
    } CASES[] = {
        {"5USD", 5000000},
        {"0.25USD", 250000},
        {"5", 5000000},
        {"0.000001", 1},
        {"0.0000001", -1},
        {"1.", -1},
        {".5", -1},
        {"5EUR", -1},
        {"5 USD", -1},
        {"-1USD", -1},
        {"", -1},
        {"9223372036854.775807", INT64_MAX},
        {"9223372036854.775808", -1},
        {"9223372036855", -1},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int64_t micros = -1;
        bool is_read = cg_parse_money(cg_str(CASES[i].text), &micros);
        CU_ASSERT_EQUAL(is_read, CASES[i].micros >= 0);
        CU_ASSERT_TRUE(!is_read || micros == CASES[i].micros);
    }
}

CU_TestInfo test_base_text[] = {
    {"strings_compare_by_length_and_bytes",
     strings_compare_by_length_and_bytes},
    {"case_is_folded_for_ascii_letters_only",
     case_is_folded_for_ascii_letters_only},
    {"copies_end_with_a_nul", copies_end_with_a_nul},
    {"buffer_grows_and_keeps_what_it_has", buffer_grows_and_keeps_what_it_has},
    {"buffer_formats_text_longer_than_its_room",
     buffer_formats_text_longer_than_its_room},
    {"buffer_writes_numbers_as_printf_does",
     buffer_writes_numbers_as_printf_does},
    {"json_strings_escape_what_must_be", json_strings_escape_what_must_be},
    {"json_escapes_hold_at_every_place_of_eight",
     json_escapes_hold_at_every_place_of_eight},
    {"every_code_point_comes_back_from_utf8",
     every_code_point_comes_back_from_utf8},
    {"unsound_utf8_is_refused", unsound_utf8_is_refused},
    {"a_cut_code_point_is_held_back", a_cut_code_point_is_held_back},
    {"hex_goes_there_and_back", hex_goes_there_and_back},
    {"base64url_gives_the_vectors_of_the_rfc",
     base64url_gives_the_vectors_of_the_rfc},
    {"base64url_has_one_spelling_for_one_value",
     base64url_has_one_spelling_for_one_value},
    {"counts_are_digits_and_nothing_else", counts_are_digits_and_nothing_else},
    {"durations_have_units", durations_have_units},
    {"sizes_are_powers_of_1024", sizes_are_powers_of_1024},
    {"money_is_read_in_micro_dollars", money_is_read_in_micro_dollars},
    CU_TEST_INFO_NULL,
};
