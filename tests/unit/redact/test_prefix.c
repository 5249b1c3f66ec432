/* Half-matched regexes: what may still become a match, and what may not.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/prefix.h"

#include "redact/cases.h"

static uint32_t open_at(const char *regex, bool is_caseless, const char *text)
{
    apr_pool_t *pool = open_pool();
    const cg_regex_t one = {"x", regex, is_caseless};
    cg_prefix_t *prefix = cg_prefix_create(&one, 1, pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(prefix);
    uint32_t len = (uint32_t)strlen(text);
    uint32_t open = cg_prefix_open(prefix, (const unsigned char *)text, 0, len);
    apr_pool_destroy(pool);
    return open;
}

static const struct {
    const char *regex;
    bool is_caseless;
    const char *text;
    uint32_t open;
} cases[] = {
    {"CASE-[0-9]{4,6}", false, "see CA", 4},
    {"CASE-[0-9]{4,6}", false, "see CASE-12", 4},
    {"CASE-[0-9]{4,6}", false, "see CASE-123456", 4},
    {"CASE-[0-9]{4,6}", false, "see CASE-1234567", 16},
    {"CASE-[0-9]{4,6}", false, "see case-1", 10},
    {"CASE-[0-9]{4,6}", true, "see case-1", 4},
    {"(?i)case-\\d+", false, "x CaSe-99", 2},
    {"ab|cd", false, "xa", 1},
    {"ab|cd", false, "xc", 1},
    {"ab|cd", false, "xb", 2},
    {"(foo|ba[rz])+!", false, "foobarba", 0},
    {"(foo|ba[rz])+!", false, "foobarbx", 8},
    {"a.c", false, "xab", 1},
    {"\\bEMP\\d{3}\\b", false, "EMP12", 0},
    {"[^a-c]x", false, "az", 1},
    {"[^a-c]x", true, "aB", 2},
    {"x{2}y?z*", false, "xxyzz", 0},
    {"x{2}y?z*", false, "xxyzy", 5},
    {"a{2}b{0,2}c", false, "aabb", 0},
    {"a{2}b{0,2}c", false, "aabbb", 5},
    {"[\\d\\-x]+\\.", false, "12-x", 0},
    {"\\x41\\n", false, "A", 0},
    {"项目[0-9]", false, "看项\xE7\x9B", 3},
};

static void the_first_start_that_may_go_on_is_told(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(
            open_at(cases[i].regex, cases[i].is_caseless, cases[i].text),
            cases[i].open);
    }
}

static void what_is_not_understood_is_given_up(void)
{
    static const char *const regexes[] = {"[[:alpha:]]+", "\\p{L}+", "(?x)a b",
                                          "a{300}b",      "(?=a)b",  "(a",
                                          "a{0}b"};
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof regexes / sizeof regexes[0]; i++) {
        const cg_regex_t one = {"x", regexes[i], false};
        CU_ASSERT_PTR_NULL(cg_prefix_create(&one, 1, pool));
    }
    apr_pool_destroy(pool);
}

static void several_regexes_are_looked_for_at_once(void)
{
    apr_pool_t *pool = open_pool();
    const cg_regex_t two[] = {{"a", "abc", false}, {"b", "xyz", true}};
    cg_prefix_t *prefix = cg_prefix_create(two, 2, pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(prefix);
    CU_ASSERT_EQUAL(cg_prefix_open(prefix, (const unsigned char *)"..XY", 0, 4),
                    2);
    CU_ASSERT_EQUAL(cg_prefix_open(prefix, (const unsigned char *)"..ab", 0, 4),
                    2);
    CU_ASSERT_EQUAL(cg_prefix_open(prefix, (const unsigned char *)"..AB", 0, 4),
                    4);
    apr_pool_destroy(pool);
}

CU_TestInfo test_redact_prefix[] = {
    {"the_first_start_that_may_go_on_is_told",
     the_first_start_that_may_go_on_is_told},
    {"what_is_not_understood_is_given_up", what_is_not_understood_is_given_up},
    {"several_regexes_are_looked_for_at_once",
     several_regexes_are_looked_for_at_once},
    CU_TEST_INFO_NULL,
};
