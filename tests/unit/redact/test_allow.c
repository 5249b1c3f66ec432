/* Values that are never found: spellings, domains, ranges, packs.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/allow.h"

#include "redact/cases.h"

static const char *left_of(const char *const *values, const char *text,
                           apr_pool_t *pool)
{
    cg_str_t allowed[8];
    size_t count = 0;
    for (; values[count]; count++) {
        allowed[count] = cg_str(values[count]);
    }
    const cg_rules_spec_t spec = {.allowed = allowed, .allowed_count = count};
    cg_rules_t *rules = NULL;
    cg_actions_t actions;
    CU_ASSERT_EQUAL_FATAL(cg_rules_create(&spec, &rules, NULL, pool),
                          APR_SUCCESS);
    cg_actions_default(&actions);
    return cg_str_dup(
        masked(rules, &actions, cg_str(text), CG_SCAN_PLAIN, pool), pool);
}

/* Allowed values, a text, what is left of it. */
static const struct {
    const char *values[4];
    const char *text;
    const char *want;
} cases[] = {
    {{"4111111111111111"},
     "card 4111 1111 1111 1111, 4111-1111-1111-1111, 4012 8888 8888 1881",
     "card 4111 1111 1111 1111, 4111-1111-1111-1111, [CREDIT_CARD]"},
    {{"4111-1111 1111-1111"},
     "card ４１１１１１１１１１１１１１１１",
     "card ４１１１１１１１１１１１１１１１"},
    {{"@example.com"},
     "Bob@Example.COM bob@sub.example.com bob@notexample.com",
     "Bob@Example.COM [EMAIL_ADDRESS] [EMAIL_ADDRESS]"},
    {{"@*.example.com"},
     "a@example.com a@x.example.com a@y.x.example.com a@xexample.com",
     "[EMAIL_ADDRESS] a@x.example.com a@y.x.example.com [EMAIL_ADDRESS]"},
    {{"Help.Desk@example.org"},
     "help.desk@example.org helpdesk@example.org",
     "help.desk@example.org [EMAIL_ADDRESS]"},
    {{"203.0.114.0/24", "2a02:908::/32"},
     "from 203.0.114.7 to 203.0.115.7 via 2a02:908:1::2 and 2a03:908::1",
     "from 203.0.114.7 to [IP_ADDRESS] via 2a02:908:1::2 and [IP_ADDRESS]"},
    {{"8.8.8.8", "2a02:908:0:0::1"},
     "dns 8.8.8.8 8.8.4.4 2a02:908::1",
     "dns 8.8.8.8 [IP_ADDRESS] 2a02:908::1"},
    {{"+86 138 0013 8000"},
     "打 +8613800138000 或 +86-138-0013-8001",
     "打 +8613800138000 或 [PHONE_NUMBER]"},
    {{"京A12345"},
     "车牌 京A12345 京A12346",
     "车牌 京A12345 [CN_LICENSE_PLATE]"},
};

static void values_are_known_in_every_spelling(void)
{
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = left_of(cases[i].values, cases[i].text, pool);
        if (strcmp(got, cases[i].want) != 0) {
            fprintf(stderr, "%s: %s\n", cases[i].values[0], got);
            CU_FAIL("an allowed value");
        }
    }
    apr_pool_destroy(pool);
}

static void a_secret_is_only_allowed_byte_by_byte(void)
{
    apr_pool_t *pool = open_pool();
    const char *secret = "ghp"
                         "_0123456789abcdefghijABCDEFGHIJ012345";
    const char *other = "ghp"
                        "_0123456789abcdefghijabcdefghij012345";
    const cg_str_t values[] = {cg_str(secret)};
    cg_allow_t *allow = cg_allow_create(values, NULL, 1, pool);
    CU_ASSERT_TRUE(cg_allow_has(allow, CG_PACKS_ALL,
                                CG_TYPE_SECRET_GITHUB_TOKEN, cg_str(secret)));
    CU_ASSERT_FALSE(cg_allow_has(allow, CG_PACKS_ALL,
                                 CG_TYPE_SECRET_GITHUB_TOKEN, cg_str(other)));
    apr_pool_destroy(pool);
}

static void a_value_of_a_pack_counts_where_the_pack_does(void)
{
    apr_pool_t *pool = open_pool();
    const cg_str_t values[] = {CG_STR("4111111111111111"), CG_STR("a-1"),
                               CG_STR("A1")};
    const uint64_t packs[] = {2, 4, 8};
    cg_allow_t *allow = cg_allow_create(values, packs, 3, pool);
    cg_str_t card = CG_STR("4111111111111111");
    CU_ASSERT_TRUE(cg_allow_has(allow, 2, CG_TYPE_CREDIT_CARD, card));
    CU_ASSERT_FALSE(cg_allow_has(allow, 4, CG_TYPE_CREDIT_CARD, card));
    CU_ASSERT_TRUE(cg_allow_has(allow, 8, CG_TYPE_HK_ID, CG_STR("a 1")));
    CU_ASSERT_TRUE(cg_allow_has(allow, 4, CG_TYPE_HK_ID, CG_STR("a1")));
    CU_ASSERT_FALSE(cg_allow_has(allow, 2, CG_TYPE_HK_ID, CG_STR("a1")));
    apr_pool_destroy(pool);
}

static void what_cannot_be_meant_is_refused(void)
{
    static const char *const refused[] = {
        "", "  ", "-.-", "10.0.0.0/33", "10.0.0/8", "2001:db8::/129", "1:2/64"};
    static const char *const accepted[] = {
        "a/b", "10/8", "x", "10.0.0.0/0", "::/0", "2026/10/01", "@x.example"};
    cg_error_t err;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        CU_ASSERT_FALSE(cg_allow_check(cg_str(refused[i]), &err));
    }
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        CU_ASSERT_TRUE(cg_allow_check(cg_str(accepted[i]), &err));
    }
    char longer[600];
    memset(longer, 'a', sizeof longer);
    CU_ASSERT_FALSE(cg_allow_check((cg_str_t){longer, sizeof longer}, &err));
}

static void ten_thousand_values_are_each_found(void)
{
    enum { MANY = 10000 };
    apr_pool_t *pool = open_pool();
    cg_str_t *values = apr_palloc(pool, MANY * sizeof *values);
    for (int i = 0; i < MANY; i++) {
        values[i] = cg_str(apr_psprintf(pool, "u%d@example.org", i * 7919));
    }
    cg_allow_t *allow = cg_allow_create(values, NULL, MANY, pool);
    for (int i = 0; i < MANY; i++) {
        CU_ASSERT_TRUE(cg_allow_has(allow, CG_PACKS_ALL, CG_TYPE_EMAIL_ADDRESS,
                                    values[i]));
    }
    CU_ASSERT_FALSE(cg_allow_has(allow, CG_PACKS_ALL, CG_TYPE_EMAIL_ADDRESS,
                                 CG_STR("u1@example.org")));
    apr_pool_destroy(pool);
}

CU_TestInfo test_redact_allow[] = {
    {"values_are_known_in_every_spelling", values_are_known_in_every_spelling},
    {"a_secret_is_only_allowed_byte_by_byte",
     a_secret_is_only_allowed_byte_by_byte},
    {"a_value_of_a_pack_counts_where_the_pack_does",
     a_value_of_a_pack_counts_where_the_pack_does},
    {"what_cannot_be_meant_is_refused", what_cannot_be_meant_is_refused},
    {"ten_thousand_values_are_each_found", ten_thousand_values_are_each_found},
    CU_TEST_INFO_NULL,
};
