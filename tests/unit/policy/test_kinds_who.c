/* ChatGPTIdentity and ChatGPTAttempts as they are read and merged: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "policy/policy.h"

static apr_pool_t *pool;
static int parsed; /* how many texts were given to the parser */

static const void *parse(void *baton, const char *text, bool is_condition,
                         cg_error_t *err)
{
    (void)baton;
    parsed++;
    if (strstr(text, "broken")) {
        cg_error_set(err, "broken");
        return NULL;
    }
    return apr_pstrcat(pool, is_condition ? "if " : "", text, NULL);
}

static bool read_words(cg_policy_t *policy, int row, const char *one,
                       const char *two, const char *three, cg_error_t *err)
{
    char *argv[4] = {apr_pstrdup(pool, one),
                     two ? apr_pstrdup(pool, two) : NULL,
                     three ? apr_pstrdup(pool, three) : NULL, NULL};
    cg_kind_ask_t ask = {.parse_expression = parse};
    int argc = three ? 3 : two ? 2 : 1;
    return cg_policy_read(policy, &cg_policy_rows[row], argc, argv, &ask, err,
                          pool);
}

static void lines_are_kept_in_order_with_their_conditions(void)
{
    cg_error_t err;
    apr_pool_create(&pool, NULL);
    cg_policy_t *policy = cg_policy_create(pool);
    CU_ASSERT_PTR_NULL(policy->identity);
    CU_ASSERT_TRUE(
        read_words(policy, CG_ROW_identity, "Team", "red", NULL, &err));
    CU_ASSERT_TRUE(
        read_words(policy, CG_ROW_identity, "user", "x", "expr=a == b", &err));
    CU_ASSERT_EQUAL(policy->identity->nelts, 2);
    const cg_identity_line_t *lines = (const void *)policy->identity->elts;
    CU_ASSERT_EQUAL(lines[0].trait, CG_TRAIT_TEAM);
    CU_ASSERT_STRING_EQUAL(lines[0].expression, "red");
    CU_ASSERT_PTR_NULL(lines[0].condition);
    CU_ASSERT_EQUAL(lines[1].trait, CG_TRAIT_USER);
    CU_ASSERT_STRING_EQUAL(lines[1].words, "x");
    CU_ASSERT_STRING_EQUAL(lines[1].condition, "if a == b");
    apr_pool_destroy(pool);
}

static void wrong_lines_are_refused_and_say_why(void)
{
    cg_error_t err;
    apr_pool_create(&pool, NULL);
    cg_policy_t *policy = cg_policy_create(pool);
    CU_ASSERT_FALSE(
        read_words(policy, CG_ROW_identity, "colour", "x", NULL, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "user, team, role, scope"));
    CU_ASSERT_FALSE(
        read_words(policy, CG_ROW_identity, "team", "broken", NULL, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "ChatGPTIdentity: broken"));
    CU_ASSERT_FALSE(
        read_words(policy, CG_ROW_identity, "team", "x", "expr=broken", &err));
    CU_ASSERT_FALSE(
        read_words(policy, CG_ROW_identity, "team", "x", "if=a", &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "expr="));
    CU_ASSERT_FALSE(
        read_words(policy, CG_ROW_identity, "team", NULL, NULL, &err));
    CU_ASSERT_PTR_NULL(policy->identity);
    apr_pool_destroy(pool);
}

static void lines_further_in_replace_all_outer_ones(void)
{
    cg_error_t err;
    apr_pool_create(&pool, NULL);
    cg_policy_t *outer = cg_policy_create(pool);
    cg_policy_t *inner = cg_policy_create(pool);
    read_words(outer, CG_ROW_identity, "team", "out", NULL, &err);
    read_words(outer, CG_ROW_identity, "role", "out", NULL, &err);
    read_words(inner, CG_ROW_identity, "team", "in", NULL, &err);
    const cg_policy_t *both = cg_policy_merge(outer, inner, pool);
    CU_ASSERT_EQUAL(both->identity->nelts, 1);
    CU_ASSERT_STRING_EQUAL(
        APR_ARRAY_IDX(both->identity, 0, cg_identity_line_t).words, "in");
    both = cg_policy_merge(outer, cg_policy_create(pool), pool);
    CU_ASSERT_EQUAL(both->identity->nelts, 2);
    apr_pool_destroy(pool);
}

static void every_trait_has_its_name(void)
{
    static const char *const names[CG_TRAIT_COUNT] = {
        "user", "team", "role", "scope", "model", "limit", "organization"};
    for (int i = 0; i < CG_TRAIT_COUNT; i++) {
        CU_ASSERT_STRING_EQUAL(cg_trait_name((cg_trait_t)i), names[i]);
    }
}

static void attempts_are_failures_in_a_time_or_off(void)
{
    cg_error_t err;
    apr_pool_create(&pool, NULL);
    cg_policy_t *policy = cg_policy_create(pool);
    CU_ASSERT_EQUAL(policy->attempts.amount, 10);
    CU_ASSERT_EQUAL(policy->attempts.window_for, 60 * CG_SECOND);
    CU_ASSERT_TRUE(
        read_words(policy, CG_ROW_attempts, "5/15min", NULL, NULL, &err));
    CU_ASSERT_EQUAL(policy->attempts.amount, 5);
    CU_ASSERT_EQUAL(policy->attempts.window_for, 900 * CG_SECOND);
    cg_policy_t *inner = cg_policy_create(pool);
    CU_ASSERT_TRUE(read_words(inner, CG_ROW_attempts, "Off", NULL, NULL, &err));
    CU_ASSERT_EQUAL(cg_policy_merge(policy, inner, pool)->attempts.amount, 0);
    static const char *const wrong[] = {"",           "5",    "0/60s",
                                        "-1/60s",     "5/0s", "5tokens/60s",
                                        "5USD/month", "on",   "5/60s x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CU_ASSERT_FALSE(
            read_words(policy, CG_ROW_attempts, wrong[i], NULL, NULL, &err));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "10/60s"));
    }
    CU_ASSERT_EQUAL(policy->attempts.amount, 5);
    apr_pool_destroy(pool);
}

CU_TestInfo test_policy_kinds_who[] = {
    {"lines are kept in order with their conditions",
     lines_are_kept_in_order_with_their_conditions},
    {"wrong lines are refused and say why",
     wrong_lines_are_refused_and_say_why},
    {"lines further in replace all outer ones",
     lines_further_in_replace_all_outer_ones},
    {"every trait has its name", every_trait_has_its_name},
    {"attempts are failures in a time, or off",
     attempts_are_failures_in_a_time_or_off},
    CU_TEST_INFO_NULL,
};
