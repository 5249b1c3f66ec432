/* What stands in the place of a finding: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/mask.h"

#include "redact/cases.h"

static const char *replaced(cg_action_t action, int type, const char *value,
                            cg_pseudonyms_t *pseudonyms, apr_pool_t *pool)
{
    cg_finding_t finding = {.type = (uint8_t)type, .rule = -1};
    cg_buf_t out;
    cg_buf_init(&out, 32, pool);
    size_t len = cg_mask_replace(cg_rules_builtin(), pseudonyms, action,
                                 &finding, cg_str(value), &out);
    CU_ASSERT_EQUAL(len, out.len);
    return cg_buf_cstr(&out);
}

static void partial_leaves_the_last_four_and_never_more_than_half(void)
{
    static const struct {
        int type;
        const char *value, *want;
    } cases[] = {
        {CG_TYPE_CREDIT_CARD, "4111 1111 1111 1111", "**** **** **** 1111"},
        {CG_TYPE_CREDIT_CARD, "4111-1111-1111-1111", "****-****-****-1111"},
        {CG_TYPE_CREDIT_CARD, "4111111111111111", "************1111"},
        {CG_TYPE_PHONE_NUMBER, "+86 138 0013 8000", "+** *** **** 8000"},
        {CG_TYPE_US_SSN, "078-05-1120", "***-**-1120"},
        {CG_TYPE_CN_RESIDENT_ID, "11010519491231002X", "**************002X"},
        {CG_TYPE_IP_ADDRESS, "8.8.8.8", "*.*.8.8"},
        {CG_TYPE_CN_LICENSE_PLATE, "\xe4\xba\xac"
                                   "A12345",
         "****345"},
        {CG_TYPE_EMAIL_ADDRESS, "ann.lee@example.com", "a**.***@example.com"},
        {CG_TYPE_EMAIL_ADDRESS, "a@example.com", "*@*******.***"},
        {CG_TYPE_KEYWORD, "ox", "*x"},
        {CG_TYPE_KEYWORD, "x", "*"},
        {CG_TYPE_KEYWORD, "a\"b\\c\nd", "***\\0"},
        {CG_TYPE_SECRET_PASSWORD, "Hunter2!x", "[SECRET_PASSWORD]"},
        {CG_TYPE_SECRET_JWT, "eyJhbGciOi", "[SECRET_JWT]"},
    };
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = replaced(CG_ACTION_PARTIAL, cases[i].type,
                                   cases[i].value, NULL, pool);
        if (strchr(cases[i].want, '\\')) { /* nothing that JSON would mind */
            CU_ASSERT_EQUAL(strcspn(got, "\"\\\n"), strlen(got));
        }
        else {
            CU_ASSERT_STRING_EQUAL(got, cases[i].want);
        }
    }
    apr_pool_destroy(pool);
}

static void what_is_not_known_or_has_no_token_is_masked(void)
{
    apr_pool_t *pool = open_pool();
    cg_error_t err = {""};
    cg_pseudonyms_t *all = cg_pseudonyms_open(
        cg_pseudonym_keys_make(CG_STR("0123456789abcdef0123456789abcdef"), &err,
                               pool),
        pool);
    CU_ASSERT_STRING_EQUAL(replaced(CG_ACTION_PSEUDONYM, CG_TYPE_EMAIL_ADDRESS,
                                    "ann@example.com", NULL, pool),
                           "[EMAIL_ADDRESS]");
    CU_ASSERT_STRING_EQUAL(
        replaced(CG_ACTION_PSEUDONYM, CG_TYPE_EMAIL_ADDRESS, "", all, pool),
        "[EMAIL_ADDRESS]");
    CU_ASSERT_STRING_EQUAL(
        replaced(CG_ACTION_PARTIAL, CG_TYPE_EMAIL_ADDRESS, "", all, pool),
        "[EMAIL_ADDRESS]");
    CU_ASSERT_STRING_EQUAL(replaced(CG_ACTION_MASK, CG_TYPE_EMAIL_ADDRESS,
                                    "ann@example.com", all, pool),
                           "[EMAIL_ADDRESS]");
    CU_ASSERT_EQUAL(strncmp(replaced(CG_ACTION_PSEUDONYM,
                                     CG_TYPE_EMAIL_ADDRESS, "ann@example.com",
                                     all, pool),
                            "[[EMAIL_", 8),
                    0);
    apr_pool_destroy(pool);
}

static void actions_go_from_lax_to_strict(void)
{
    static const char *const names[] = {"allow",     "log",  "partial",
                                        "pseudonym", "mask", "block"};
    for (int i = 0; i < 6; i++) {
        cg_action_t action;
        CU_ASSERT_TRUE(cg_action_parse(names[i], &action));
        CU_ASSERT_EQUAL((int)action, i);
        CU_ASSERT_STRING_EQUAL(cg_action_name(action), names[i]);
    }
}

CU_TestInfo test_redact_mask[] = {
    {"partial_leaves_the_last_four_and_never_more_than_half",
     partial_leaves_the_last_four_and_never_more_than_half},
    {"what_is_not_known_or_has_no_token_is_masked",
     what_is_not_known_or_has_no_token_is_masked},
    {"actions_go_from_lax_to_strict", actions_go_from_lax_to_strict},
    CU_TEST_INFO_NULL,
};
