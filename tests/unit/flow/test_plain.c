/* Is what arrives in pieces text? Cut anywhere, the same.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/plain.h"

#include <string.h>

#include <CUnit/CUnit.h>

typedef struct row_t {
    cg_str_t bytes;
    bool is_binary;
    bool is_odd;
} row_t;

// clang-format off
static const row_t ROWS[] = {
    {{"", 0},                                      false, false},
    {{"words\r\n\tand\f\x1b", 12},                 false, false},
    {{"\xC3\xA9 \xE4\xBD\xA0 \xF0\x9F\x98\x80", 11}, false, false},
    {{"caf\xE9 noir", 9},                          false, true},
    {{"caf\xE9", 4},                               false, true},
    {{"\xF0\x9F\x98", 3},                          false, true},
    {{"\xE4\xBD\xE4\xBD\xA0", 5},                  false, true},
    {{"\x80""abc", 4},                             false, true},
    {{"\xED\xA0\x80 surrogate", 13},               false, true},
    {{"\xC0\xAF overlong", 11},                    false, true},
    {{"\xF4\x90\x80\x80", 4},                      false, true},
    {{"\xFF\xFE""a", 3},                           false, true},
    {{"a\0b", 3},                                  true,  true},
    {{"a\x01", 2},                                 true,  true},
};
// clang-format on

static void text_is_told_from_binary_wherever_it_is_cut(void)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        cg_str_t all = ROWS[i].bytes;
        for (size_t step = 1; step <= all.len + 1; step++) {
            cg_plain_t plain = {0};
            for (size_t at = 0; at < all.len; at += step) {
                size_t len = all.len - at < step ? all.len - at : step;
                cg_plain_feed(&plain, (cg_str_t){all.ptr + at, len});
            }
            cg_plain_finish(&plain);
            CU_ASSERT_EQUAL(plain.is_binary, ROWS[i].is_binary);
            CU_ASSERT_EQUAL(plain.is_odd, ROWS[i].is_odd);
        }
    }
}

static void some_controls_do_not_make_a_text_binary(void)
{
    static const struct {
        cg_str_t head;
        bool is_binary;
    } rows[] = {
        {{"\0one NUL before a text", 22}, false},
        {{"\1\2\3\4 numbers", 12}, true},
        {{"\0\0\0\0\0\0caf\xE9 with many before it, of ISO 8859", 41}, true},
        {{"PK\x03\x04 words words words words words words", 40}, true},
        {{"ID3 is how this text begins", 27}, false},
        {{"%PDF-1.4\n1 0 obj\n", 17}, true},
        {{"%PDF-1.4 and nothing but words", 30}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CU_ASSERT_EQUAL(cg_plain_is_binary(rows[i].head), rows[i].is_binary);
    }
}

CU_TestInfo test_flow_plain[] = {
    {"text_is_told_from_binary_wherever_it_is_cut",
     text_is_told_from_binary_wherever_it_is_cut},
    {"some_controls_do_not_make_a_text_binary",
     some_controls_do_not_make_a_text_binary},
    CU_TEST_INFO_NULL,
};
