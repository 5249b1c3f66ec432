/* Half-matched regexes: what may still become a match, and what may not.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/prefix.h"

#include "redact/cases.h"

#define ALL CG_PACKS_ALL

static cg_prefix_t *make(const cg_regex_t *regexes, size_t count,
                         apr_pool_t *pool)
{
    static const uint32_t widths[2] = {40, 60};
    cg_prefix_t *prefix = cg_prefix_create(regexes, widths, count, pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(prefix);
    return prefix;
}

static uint32_t open_in(const cg_prefix_t *prefix, uint64_t packs,
                        const char *text)
{
    return cg_prefix_open(prefix, packs, (const unsigned char *)text, 0,
                          (uint32_t)strlen(text));
}

static uint32_t open_at(const char *regex, bool is_caseless, const char *text)
{
    apr_pool_t *pool = open_pool();
    const cg_regex_t one = {"x", regex, is_caseless, 0, 0, 0};
    cg_prefix_t *prefix = make(&one, 1, pool);
    CU_ASSERT_EQUAL(cg_prefix_unread(prefix, ALL), 0);
    uint32_t open = open_in(prefix, ALL, text);
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
    {"机密?文", false, "看机文", 3},
    {"机密?文", false, "看机密x", 10},
    {"[京沪]A\\d", false, "去沪", 3},
    {"[京沪]A\\d", false, "去沪B", 7},
    {"[^，]{2}x", false, "a一", 0},
    {"\\p{Han}{2}x", false, "一二", 0},
    {"\\x{4e00}b", false, "a\xE4\xB8", 1},
    {"[\\x{4e00}-\\x{9fa5}]+号", false, "编号", 0},
    {"é+x", true, "aÉ", 1},
    {"ok", true, "o\xE2\x84", 0},
    {"end$", false, "end\n", 0},
    {"end$", false, "end\nx", 5},
    {"end", false, "end\n", 4},
};

static void the_first_start_that_may_go_on_is_told(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(
            open_at(cases[i].regex, cases[i].is_caseless, cases[i].text),
            cases[i].open);
    }
}

static void what_is_not_understood_is_held_as_long_as_a_match_may_be(void)
{
    static const char *const regexes[] = {"[[:alpha:]]+", "(?x)a b", "a{300}b",
                                          "(?=a)b",       "(a",      "a{0}b",
                                          "(?-i)a",       "\\Qa\\E"};
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof regexes / sizeof regexes[0]; i++) {
        const cg_regex_t two[] = {{"x", regexes[i], false, 2, 0, 0},
                                  {"y", "abc", false, 4, 0, 0}};
        cg_prefix_t *prefix = make(two, 2, pool);
        CU_ASSERT_EQUAL(cg_prefix_unread(prefix, ALL), 40);
        CU_ASSERT_EQUAL(cg_prefix_unread(prefix, 2), 40);
        CU_ASSERT_EQUAL(cg_prefix_unread(prefix, 4), 0);
        CU_ASSERT_EQUAL(open_in(prefix, 4, "..ab"), 2);
    }
    apr_pool_destroy(pool);
}

static void several_regexes_are_looked_for_at_once(void)
{
    apr_pool_t *pool = open_pool();
    const cg_regex_t two[] = {{"a", "abc", false, 0, 0, 0},
                              {"b", "xyz", true, 0, 0, 0}};
    cg_prefix_t *prefix = make(two, 2, pool);
    CU_ASSERT_EQUAL(open_in(prefix, ALL, "..XY"), 2);
    CU_ASSERT_EQUAL(open_in(prefix, ALL, "..ab"), 2);
    CU_ASSERT_EQUAL(open_in(prefix, ALL, "..AB"), 4);
    apr_pool_destroy(pool);
}

static void only_regexes_of_the_packs_asked_for_keep_a_text_open(void)
{
    apr_pool_t *pool = open_pool();
    const cg_regex_t two[] = {{"a", "abc", false, 1, 0, 0},
                              {"b", "bcd", false, 2, 0, 0}};
    cg_prefix_t *prefix = make(two, 2, pool);
    CU_ASSERT_EQUAL(open_in(prefix, 1, ".ab"), 1);
    CU_ASSERT_EQUAL(open_in(prefix, 2, ".ab"), 2);
    CU_ASSERT_EQUAL(open_in(prefix, 3, ".ab"), 1);
    CU_ASSERT_EQUAL(open_in(prefix, 4, ".ab"), 3);
    apr_pool_destroy(pool);
}

/* Three hundred regexes have more characters than one machine has room for. */
static void any_number_of_regexes_is_held_in_view(void)
{
    enum { MANY = 300 };
    apr_pool_t *pool = open_pool();
    cg_regex_t regexes[MANY];
    uint32_t widths[MANY];
    for (int i = 0; i < MANY; i++) {
        regexes[i] = (cg_regex_t){
            .name = "x", .regex = apr_psprintf(pool, "n%d-[0-9]{4}z", i)};
        widths[i] = 16;
    }
    cg_prefix_t *prefix = cg_prefix_create(regexes, widths, MANY, pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(prefix);
    CU_ASSERT_EQUAL(cg_prefix_unread(prefix, ALL), 0);
    for (int i = 0; i < MANY; i++) {
        CU_ASSERT_EQUAL(
            open_in(prefix, ALL, apr_psprintf(pool, "ab n%d-12", i)), 3);
    }
    CU_ASSERT_EQUAL(open_in(prefix, ALL, "ab n300-12"), 10);
    apr_pool_destroy(pool);
}

CU_TestInfo test_redact_prefix[] = {
    {"the_first_start_that_may_go_on_is_told",
     the_first_start_that_may_go_on_is_told},
    {"what_is_not_understood_is_held_as_long_as_a_match_may_be",
     what_is_not_understood_is_held_as_long_as_a_match_may_be},
    {"only_regexes_of_the_packs_asked_for_keep_a_text_open",
     only_regexes_of_the_packs_asked_for_keep_a_text_open},
    {"any_number_of_regexes_is_held_in_view",
     any_number_of_regexes_is_held_in_view},
    {"several_regexes_are_looked_for_at_once",
     several_regexes_are_looked_for_at_once},
    CU_TEST_INFO_NULL,
};
