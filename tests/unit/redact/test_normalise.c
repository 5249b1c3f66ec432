/* Normalised spellings, and the way back to the source.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/redact_int.h"

#include "redact/cases.h"

#define CAP 1024

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
    {"a。b 1。2 中。文", "a.b 1,2 中。文"},
    {"12，34：56、78；9，a", "12,34,56,78,9，a"},
    {"138ー0013ー8000 カード", "138-0013-8000 カード"},
    {"A，B 1，中", "A，B 1，中"},
    /* every digit there is, the segmented and the newest ones too */
    {"🯰🯱𐵀𑛐𑛚𑯰𞗱𖄰𖵰𜳰", "01000000" "00"},
    {"㈠㈡㈢㈣㈤㈥㈦ ㊀㊁", "1234567 12"},
    {"〡〢〣〤〥〦〧〨〩", "123456789"},
    {"🄋➀🄌➊⓿❶🄰🅐🅰ⓐ⒜", "010101AAAaa"},
    {"ℂℍℕℤℎℯ Ⅰⅴ", "CHNZhe Iv"},
    /* numerals with separators, and among ASCII digits */
    {"三 五 二 八 五 六 二", "3 5 2 8 5 6 2"},
    {"一七六-七六-四八二零", "176-76-4820"},
    {"138零零一三八000", "13800138000"},
    {"手机13800138000一共", "手机13800138000一共"},
    {"第一、第二、第三 一二三", "第一、第二、第三 一二三"},
    {"공일공일이삼사", "0101234"},
    /* marks on ASCII go, on other letters they stay */
    {"1\u04892\u1dc03\ufe204(\u0301", "1234("},
    {"и\u0306", "и\u0306"},
    /* escapes */
    {"\\u{31}\\U00000032\\x{33}\\\\u0034", "1234"},
    {"\\ud835\\udfd2\\ud835", "4\\ud835"},
    {"\\061\\062\\063 \\062", "123 \\062"},
    {"&commat;&period;&#64&#46;&amp;#52;&nbsp;x&shy;y&bogus;", "@.@.4 xy&bogus;"},
    {"%2531%252532%u0033 100% %zz", "123 100% %zz"},
    {"%E4%B8%AD\\xe4\\xb8\\xad%C3", "中中%C3"},
    {"=31=32=33=34 a=40b x=3D", "1234 a=40b x=3D"},
    {"12=\n34 ab=\ncd", "1234 ab=\ncd"},
    {"a\\n4 C:\\new \\\"x\\\" b\\_c", "a\n4 C:\\new \"x\" b_c"},
    /* what nobody sees: noise, or a text */
    {"1\U000E00412\U000E0031\U000E0032", "12"},
    {"\U000E0031\U000E0033\U000E0038\U000E0030\U000E0030\U000E0031"
     "\U000E0033\U000E0038\U000E0030\U000E0030\U000E0030\U000E0030",
     "138001380000"},
    /* other alphabets */
    {"ᏀᎻ12345678 GᎻ1 ᏀᎻ", "GH12345678 GH1 ᏀᎻ"},
    {"հello ՕK", "hello OK"},
    {"ᴀbc ꓐA", "abc BA"},
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
