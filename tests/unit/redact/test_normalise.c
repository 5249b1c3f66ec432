/* Normalised spellings, and the way back to the source.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/redact_int.h"

#include "redact/cases.h"

#define CAP 512

typedef struct result_t {
    unsigned char text[CAP];
    cg_break_t breaks[CAP];
    cg_norm_t norm;
} result_t;

static void normalise(const char *source, bool is_final, result_t *out)
{
    cg_norm_state_t state = {0};
    uint32_t len = (uint32_t)strlen(source);
    out->norm =
        (cg_norm_t){.text = out->text, .breaks = out->breaks, .break_cap = CAP};
    cg_normalise(&state, (const unsigned char *)source, len, len, is_final,
                 &out->norm);
    out->text[out->norm.len] = 0;
}

static const struct {
    const char *source;
    const char *normal;
} pairs[] = {
    {"plain ASCII\n", "plain ASCII\n"},
    {"中文，不变。", "中文，不变。"},
    {"ＡＢＣ１２３＠", "ABC123@"},
    {"IP：１", "IP：1"},
    {"ａ：：１", "a::1"},
    {"手机：１", "手机：1"},
    {"1\u200b2\u200d3\ufeff4", "1234"},
    {"1\ufe0f\u20e32\ufe0f\u20e3", "12"},
    {"3\u03361\u0336", "31"},
    {"٣٧५६𝟓𝟐①②⓪⁴₅", "37565212045"},
    {"4111–2222−3333‑4444", "4111-2222-3333-4444"},
    {"a\u00a0b\u3000c\u2009d", "a b c d"},
    {"\\u0041\\x42&#67;&#x44;%45", "ABCDE"},
    {"&#x110000; &# \\u00 %4 \\q", "&#x110000; &# \\u00 %4 \\q"},
    {"frаnk@еxample", "frank@example"},
    {"номер5367", "номер5367"},
    {"привет мир", "привет мир"},
    {"一三八零零一三八", "13800138"},
    {"一九九七年七月一日", "一九九七年七月一日"},
    {"a。b 1。2 中。文", "a.b 1。2 中。文"},
    {"می\u200cخواهم", "میخواهم"},
};

static void many_spellings_become_one(void)
{
    result_t result;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        normalise(pairs[i].source, true, &result);
        CU_ASSERT_STRING_EQUAL((char *)result.text, pairs[i].normal);
        CU_ASSERT_EQUAL(result.norm.used, strlen(pairs[i].source));
        CU_ASSERT_TRUE(result.norm.len <= strlen(pairs[i].source));
    }
}

static void offsets_lead_back_to_the_source(void)
{
    result_t result;
    normalise("x１２\u200b３y", true, &result); /* x12 3y: 0 1 4 10 13 14 */
    CU_ASSERT_EQUAL(cg_norm_source(&result.norm, 0), 0);
    CU_ASSERT_EQUAL(cg_norm_source(&result.norm, 1), 1);
    CU_ASSERT_EQUAL(cg_norm_source(&result.norm, 2), 4);
    CU_ASSERT_EQUAL(cg_norm_source(&result.norm, 3), 10);
    CU_ASSERT_EQUAL(cg_norm_source(&result.norm, 4), 13);
    CU_ASSERT_EQUAL(cg_norm_source(&result.norm, 5), 14);
    for (uint32_t at = 0; at <= result.norm.len; at++) {
        CU_ASSERT_EQUAL(
            cg_norm_find(&result.norm, cg_norm_source(&result.norm, at)), at);
    }
}

static void an_end_that_may_go_on_waits(void)
{
    static const char *const ends[] = {"a&#5",      "a\\u00", "a%4",
                                       "a\xE4\xB8", "a一二",  "a。"};
    result_t result;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        normalise(ends[i], false, &result);
        CU_ASSERT_EQUAL(result.norm.used, 1);
        normalise(ends[i], true, &result);
        CU_ASSERT_EQUAL(result.norm.used, strlen(ends[i]));
    }
}

static void every_piece_gives_what_the_whole_gives(void)
{
    result_t whole;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const unsigned char *source = (const unsigned char *)pairs[i].source;
        uint32_t len = (uint32_t)strlen(pairs[i].source);
        normalise(pairs[i].source, true, &whole);
        for (uint32_t cut = 0; cut <= len; cut++) {
            unsigned char text[CAP];
            cg_break_t breaks[CAP];
            cg_norm_state_t state = {0};
            cg_norm_t norm = {.text = text, .breaks = breaks, .break_cap = CAP};
            cg_normalise(&state, source, cut, cut, false, &norm);
            uint32_t used = norm.used;
            norm.break_count = 0;
            norm.used = 0;
            cg_normalise(&state, source + used, len - used, len - used, true,
                         &norm);
            CU_ASSERT_EQUAL(norm.len, whole.norm.len);
            CU_ASSERT_EQUAL(memcmp(text, whole.text, whole.norm.len), 0);
        }
    }
}

CU_TestInfo test_redact_normalise[] = {
    {"many_spellings_become_one", many_spellings_become_one},
    {"offsets_lead_back_to_the_source", offsets_lead_back_to_the_source},
    {"an_end_that_may_go_on_waits", an_end_that_may_go_on_waits},
    {"every_piece_gives_what_the_whole_gives",
     every_piece_gives_what_the_whole_gives},
    CU_TEST_INFO_NULL,
};
