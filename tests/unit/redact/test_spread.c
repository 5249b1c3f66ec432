/* Values that somebody hands over in pieces: tests of the pieces themselves. Whole
 * conversations: tests/unit/flow/test_review.c.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/spread.h"

#include <string.h>

#include "redact/cases.h"

#define TEXTS_MAX 12

/* "|" before a text: it goes on where the last one stopped; ">": somebody else
 * says it. Ends at NULL. */
typedef struct talk_t {
    const char *texts[TEXTS_MAX];
    int type;          /* of the one value; -1: there is none */
    const char *parts; /* joined by "+" */
} talk_t;

static void write_parts(const cg_spread_found_t *found,
                        const char *const texts[], cg_buf_t *out)
{
    for (int i = 0; i < found->count; i++) {
        const cg_spread_part_t *part = &found->parts[i];
        const char *text = texts[part->text];
        text += text[0] == '|';
        if (i) {
            cg_buf_char(out, '+');
        }
        cg_buf_add(out, text + part->start, part->end - part->start);
    }
}

static void hold(const talk_t *talk, bool needs_words)
{
    apr_pool_t *pool = open_pool();
    size_t count;
    cg_buf_t parts;
    cg_spread_t *spread =
        cg_spread_open(cg_rules_builtin(), needs_words, pool);
    for (uint32_t i = 0; i < TEXTS_MAX && talk->texts[i]; i++) {
        const char *text = talk->texts[i];
        if (text[0] == '>') {
            cg_spread_hear(spread, cg_str(text + 1));
            continue;
        }
        bool goes_on = text[0] == '|';
        CU_ASSERT_EQUAL(
            cg_spread_add(spread, i, cg_str(text + goes_on), goes_on),
            APR_SUCCESS);
    }
    const cg_spread_found_t *found = cg_spread_found(spread, &count);
    CU_ASSERT_EQUAL(count, talk->type < 0 ? 0 : 1);
    cg_buf_init(&parts, 64, pool);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL(found[i].type, talk->type);
        write_parts(&found[i], talk->texts, &parts);
    }
    const char *got = cg_buf_cstr(&parts);
    CU_ASSERT_STRING_EQUAL(got, talk->parts ? talk->parts : "");
    if (strcmp(got, talk->parts ? talk->parts : "") != 0) {
        printf("\n    %s: %s\n", talk->texts[0], got);
    }
    apr_pool_destroy(pool);
}

static void pieces_are_found_where_they_stand(void)
{
    static const talk_t talks[] = {
        {{"4111111111", "111111"}, CG_TYPE_CREDIT_CARD, "4111111111+111111"},
        {{"\"4111 1111\"", "(1111 1111)."}, CG_TYPE_CREDIT_CARD,
         "4111 1111+1111 1111"},
        {{"the first 8 digits are 41111111", "then 11111111"},
         CG_TYPE_CREDIT_CARD, "41111111+11111111"},
        {{"my card, first half: 4111-1111", "second half: 1111-1111"},
         CG_TYPE_CREDIT_CARD, "4111-1111+1111-1111"},
        {{"110-2", ">go on", "2-3333"}, CG_TYPE_US_SSN, "110-2+2-3333"},
        {{"first part: 110-22", "last part: 3333"}, CG_TYPE_US_SSN,
         "110-22+3333"},
        {{"bob@exam", "ple.com"}, CG_TYPE_EMAIL_ADDRESS, "bob@exam+ple.com"},
        {{"Pay with 4111 1111", "|1111 1111, please"}, CG_TYPE_CREDIT_CARD,
         "4111 1111+1111 1111"},
        {{"Pay with 4111", "|1111", "|1111", "|1111 at once"},
         CG_TYPE_CREDIT_CARD, "4111+1111+1111+1111"},
        {{"Mail: ann", "|.lee@", "|example.com"}, CG_TYPE_EMAIL_ADDRESS,
         "ann+.lee@+example.com"},
        {{"第一部分：41111111", "第二部分：11111111。"}, CG_TYPE_CREDIT_CARD,
         "41111111+11111111"},
        {{"first part: 41111111", "hm", "wait", "next: 11111111"},
         CG_TYPE_CREDIT_CARD, "41111111+11111111"},
    };
    for (size_t i = 0; i < sizeof talks / sizeof talks[0]; i++) {
        hold(&talks[i], false);
    }
}

static void harmless_texts_stay_apart(void)
{
    static const talk_t talks[] = {
        {{"", "   ", "...", "?!"}, -1, NULL},
        {{"order 41111111", "next order: 11111111"}, -1, NULL},
        {{"版本 41111111", "数量 11111111"}, -1, NULL},
        {{"I have 41111111 of them", "and 11111111 of those"}, -1, NULL},
        {{"4111111111", "and now for something else", "111111"}, -1, NULL},
        {{"4111", "1111", "1111", "1111", "7777"}, -1, NULL},
        {{"41", "11", "1111", "11111111"}, -1, NULL},
        {{"Pay 4111 1111 dollars", "|1111 1111"}, -1, NULL},
        {{"137443", "28471"}, -1, NULL}, /* a phone, if anything said so */
        {{"bob", "@alice said.hello"}, -1, NULL},
        {{"first part: a", "next: b", "last part: c"}, -1, NULL},
    };
    for (size_t i = 0; i < sizeof talks / sizeof talks[0]; i++) {
        hold(&talks[i], false);
    }
}

static void a_list_is_joined_only_where_a_word_says_so(void)
{
    static const talk_t silent = {{"4111111111", "111111"}, -1, NULL};
    static const talk_t said = {{"first part: 4111111111", "next: 111111"},
                                CG_TYPE_CREDIT_CARD, "4111111111+111111"};
    hold(&silent, true);
    hold(&said, true);
}

/* Texts that are nothing but bytes, however long, cost no more than their ends. */
static void texts_of_any_bytes_do_no_harm(void)
{
    apr_pool_t *pool = open_pool();
    cg_spread_t *spread = cg_spread_open(cg_rules_builtin(), false, pool);
    size_t len = 300000;
    char *text = apr_palloc(pool, len);
    for (uint32_t i = 0; i < 40; i++) {
        for (size_t at = 0; at < len; at++) {
            text[at] = (char)(i < 20 ? '1' + at % 9 * (i % 2) : at * (i + 3));
        }
        size_t part = i % 4 == 0 ? len : i * 7;
        CU_ASSERT_EQUAL(
            cg_spread_add(spread, i, (cg_str_t){text, part}, i % 3 == 0),
            APR_SUCCESS);
        cg_spread_hear(spread, (cg_str_t){text, part});
    }
    apr_pool_destroy(pool);
}

CU_TestInfo test_redact_spread[] = {
    {"pieces_are_found_where_they_stand", pieces_are_found_where_they_stand},
    {"harmless_texts_stay_apart", harmless_texts_stay_apart},
    {"a_list_is_joined_only_where_a_word_says_so",
     a_list_is_joined_only_where_a_word_says_so},
    {"texts_of_any_bytes_do_no_harm", texts_of_any_bytes_do_no_harm},
    CU_TEST_INFO_NULL,
};
