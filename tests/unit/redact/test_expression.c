/* How large expressions become when they are written out.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/expression.h"

#include <string.h>

#include <CUnit/CUnit.h>

static const struct {
    const char *regex;
    uint64_t positions;
    uint64_t links;
    int depth;
} sizes[] = {
    {"abc", 3, 2, 0},
    {"a{3}", 3, 2, 0},
    {"(ab){3}", 6, 5, 1},
    {"(a|b)c", 3, 2, 1},
    {"((a{2}){3}){4}", 24, 23, 2},
    {"a{2,}", 2, 2, 0},
    {"a+b", 2, 2, 0},
    {"\\d\\x41[a-z]", 3, 2, 0},
    {"a?b?c", 3, 3, 0},
    {"机", 3, 2, 0},
    {"a{x}", 4, 3, 0},
    {"", 0, 0, 0},
};

static void size_is_that_of_the_expression_written_out(void)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        cg_expression_size_t size;
        CU_ASSERT_TRUE(cg_expression_measure(sizes[i].regex, &size));
        CU_ASSERT_EQUAL(size.positions, sizes[i].positions);
        CU_ASSERT_EQUAL(size.links, sizes[i].links);
        CU_ASSERT_EQUAL(size.depth, sizes[i].depth);
    }
}

static void what_multiplies_is_found_too_large_without_being_written(void)
{
    static const char *const regexes[] = {
        "((a{100}){100}){100}",
        "(((((a{999}){999}){999}){999}){999}){999}",
        "(a|b|c|d){1,200}(a?b?c?d?e?f?){1,200}",
        "[^x]{400}",
        "a{99999999999999999999}",
        "\\p{L}",
        "(*UCP)a",
        "(((((((((((((a)))))))))))))"};
    cg_expression_size_t size;
    for (size_t i = 0; i < sizeof regexes / sizeof regexes[0]; i++) {
        CU_ASSERT_FALSE(cg_expression_measure(regexes[i], &size));
    }
    char longer[CG_EXPRESSION_BYTES_MAX + 2];
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    CU_ASSERT_FALSE(cg_expression_measure(longer, &size));
}

static void what_is_malformed_ends(void)
{
    static const char *const regexes[] = {
        "(",    ")",    "a)b)c",   "[",        "[^",    "[]",
        "\\",   "a{",   "a{1",     "a{1,",     "a{,2}", "(?",
        "(?<a", "\\x{", "\\p",     "|",        "||",    "*",
        "(|)*", "[a\\", "\\p{Han", "(?P<n>a)", "\xE6",  "a{2}{3}"};
    cg_expression_size_t size;
    for (size_t i = 0; i < sizeof regexes / sizeof regexes[0]; i++) {
        cg_expression_measure(regexes[i], &size);
        CU_ASSERT_TRUE(size.positions < 200);
    }
}

CU_TestInfo test_redact_expression[] = {
    {"size_is_that_of_the_expression_written_out",
     size_is_that_of_the_expression_written_out},
    {"what_multiplies_is_found_too_large_without_being_written",
     what_multiplies_is_found_too_large_without_being_written},
    {"what_is_malformed_ends", what_is_malformed_ends},
    CU_TEST_INFO_NULL,
};
