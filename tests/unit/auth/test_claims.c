/* Claims: what paths lead to.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/claims.h"

#include "rows.h"

static const char json[] =
    "{\"sub\":\"alice\",\"n\":42,\"ok\":true,\"no\":false,\"nil\":null,"
    "\"groups\":[\"a\",\"b\",3,\"c\",{\"name\":\"d\"},\"\"],"
    "\"realm_access\":{\"roles\":[\"staff\",\"ai\"]},"
    "\"https://idp.test/"
    "roles\":[\"x\"],\"a.b\":\"whole\",\"a\":{\"b\":\"deep\"},"
    "\"scope\":\" openid  email \",\"dept\":\"R & D\",\"esc\":\"\\u00e9\","
    "\"deep\":{\"scp\":\"one two\",\"[x]\":\"odd\"}}";

static void check(const char *path, const char *text, const char *list)
{
    apr_pool_t *pool = open_pool();
    cg_claims_t claims;
    CU_ASSERT_TRUE_FATAL(cg_claims_parse(cg_str(json), &claims, pool));
    const char *got = cg_claims_text(&claims, path, pool);
    CU_ASSERT_STRING_EQUAL(got ? got : "-", text ? text : "-");
    const apr_array_header_t *all = cg_claims_list(&claims, path, pool);
    const char *joined = "";
    for (int i = 0; i < all->nelts; i++) {
        joined = apr_pstrcat(pool, joined, i ? "|" : "",
                             APR_ARRAY_IDX(all, i, const char *), NULL);
    }
    if (strcmp(joined, list) != 0) {
        printf("\n    %s: %s\n", path, joined);
    }
    CU_ASSERT_STRING_EQUAL(joined, list);
    apr_pool_destroy(pool);
}

static void paths_lead_to_strings_numbers_and_lists(void)
{
    check("sub", "alice", "alice");
    check("n", "42", "42");
    check("ok", "true", "true");
    check("no", "false", "false");
    check("esc", "\xC3\xA9", "\xC3\xA9");
    check("dept", "R & D", "R & D");
    check("groups", NULL, "a|b|c");
    check("groups[1]", "b", "b");
    check("groups[3]", "c", "c");
    check("groups[4].name", "d", "d");
    check("realm_access.roles", NULL, "staff|ai");
    check("realm_access.roles[0]", "staff", "staff");
    check("[\"realm_access\"]['roles'][1]", "ai", "ai");
}

static void a_name_with_dots_needs_no_quotes_at_the_top(void)
{
    check("https://idp.test/roles", NULL, "x");
    check("[\"https://idp.test/roles\"][0]", "x", "x");
    check("a.b", "whole", "whole");
    check("[\"a\"].b", "deep", "deep");
    check("deep[\"[x]\"]", "odd", "odd");
}

static void a_scope_is_cut_at_blanks(void)
{
    check("scope", " openid  email ", "openid|email");
    check("deep.scp", "one two", "one|two");
}

static void what_is_not_there_is_nothing(void)
{
    static const char *const paths[] = {"",
                                        "nobody",
                                        "sub.x",
                                        "sub[0]",
                                        "groups.x",
                                        "groups[9]",
                                        "groups[-1]",
                                        "groups[",
                                        "groups[]",
                                        "groups[x]",
                                        ".sub",
                                        "sub.",
                                        "sub..x",
                                        "[",
                                        "[\"sub\"",
                                        "['sub\"]",
                                        "[\"\"]",
                                        "groups[1]x",
                                        "nil",
                                        "realm_access",
                                        "groups[99999999999999999999]"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        check(paths[i], NULL, "");
    }
    apr_pool_t *pool = open_pool();
    CU_ASSERT_PTR_NULL(cg_claims_text(NULL, "sub", pool));
    CU_ASSERT_EQUAL(cg_claims_list(NULL, "sub", pool)->nelts, 0);
    apr_pool_destroy(pool);
}

static void a_value_is_found_whole(void)
{
    apr_pool_t *pool = open_pool();
    cg_claims_t claims;
    CU_ASSERT_TRUE_FATAL(cg_claims_parse(cg_str(json), &claims, pool));
    CU_ASSERT_TRUE(cg_claims_has(&claims, "realm_access.roles", "ai", pool));
    CU_ASSERT_FALSE(cg_claims_has(&claims, "realm_access.roles", "a", pool));
    CU_ASSERT_FALSE(cg_claims_has(&claims, "realm_access.roles", "AI", pool));
    CU_ASSERT_FALSE(cg_claims_has(&claims, "nobody", "", pool));
    CU_ASSERT_TRUE(cg_claims_has(&claims, "scope", "email", pool));
    CU_ASSERT_FALSE(cg_claims_parse(CG_STR("[]"), &claims, pool));
    CU_ASSERT_FALSE(
        cg_claims_parse(CG_STR("{\"a\":1,\"a\":2}"), &claims, pool));
    CU_ASSERT_FALSE(cg_claims_parse(CG_STR(""), &claims, pool));
    apr_pool_destroy(pool);
}

CU_TestInfo test_auth_claims[] = {
    {"paths lead to strings, numbers and lists",
     paths_lead_to_strings_numbers_and_lists},
    {"a name with dots needs no quotes at the top",
     a_name_with_dots_needs_no_quotes_at_the_top},
    {"a scope is cut at blanks", a_scope_is_cut_at_blanks},
    {"what is not there is nothing", what_is_not_there_is_nothing},
    {"a value is found whole", a_value_is_found_whole},
    CU_TEST_INFO_NULL};
