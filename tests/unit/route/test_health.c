/* Health of accounts, and the choice among them: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <CUnit/CUnit.h>

#include "route/choose.h"

#define SECOND INT64_C(1000000)

static void health_rests_after_three_failures_in_a_row(void)
{
    cg_health_t health = {0};
    cg_health_failure(&health, 0, 0, 10);
    cg_health_failure(&health, 0, 0, 10);
    cg_health_success(&health, 0, 0, 10);
    cg_health_failure(&health, 0, 0, 10);
    cg_health_failure(&health, 0, 0, 10);
    CU_ASSERT_FALSE(cg_health_is_resting(&health, 0, 10));
    CU_ASSERT_STRING_EQUAL(cg_health_state(&health, 0), "up");
    cg_health_failure(&health, 0, 0, 10);
    CU_ASSERT(cg_health_is_resting(&health, 0, 10));
    CU_ASSERT(cg_health_is_resting(&health, 0, 9 + 5 * SECOND));
    CU_ASSERT_FALSE(cg_health_is_resting(&health, 0, 10 + 5 * SECOND));
    CU_ASSERT_STRING_EQUAL(cg_health_state(&health, 0), "down");
    cg_health_failure(&health, 0, 0, 10 + 6 * SECOND); /* at once again */
    CU_ASSERT(cg_health_is_resting(&health, 0, 11 + 6 * SECOND));
    cg_health_success(&health, 0, 0, 10 + 7 * SECOND);
    CU_ASSERT_FALSE(cg_health_is_resting(&health, 0, 11 + 7 * SECOND));
}

static void health_rests_as_long_as_it_is_asked_but_a_minute(void)
{
    cg_health_t health = {0};
    cg_health_failure(&health, 3, 2 * SECOND, 0);
    CU_ASSERT(cg_health_is_resting(&health, 3, 2 * SECOND - 1));
    CU_ASSERT_FALSE(cg_health_is_resting(&health, 3, 2 * SECOND));
    cg_health_failure(&health, 3, INT64_MAX, 0);
    CU_ASSERT(cg_health_is_resting(&health, 3, 60 * SECOND - 1));
    CU_ASSERT_FALSE(cg_health_is_resting(&health, 3, 60 * SECOND));
}

static void health_smooths_what_was_measured(void)
{
    cg_health_t health = {0};
    cg_health_success(&health, 0, 800, 1);
    CU_ASSERT_EQUAL(health.rows[0].latency_for, 800);
    cg_health_success(&health, 0, 1600, 1);
    CU_ASSERT_EQUAL(health.rows[0].latency_for, 900);
    cg_health_success(&health, 0, 0, 1); /* not measured */
    CU_ASSERT_EQUAL(health.rows[0].latency_for, 900);
    cg_health_probed(&health, 0, false, 0, 7);
    CU_ASSERT_STRING_EQUAL(cg_health_state(&health, 0), "down");
    CU_ASSERT_EQUAL(health.rows[0].state_since, 7);
    CU_ASSERT_STRING_EQUAL(cg_health_state(&health, 1), "unknown");
}

static cg_accounts_t three(void)
{
    return (cg_accounts_t){.count = 3,
                           .rows = {{.index = 0, .name = "a"},
                                    {.index = 1, .name = "b"},
                                    {.index = 2, .name = "c"}}};
}

static void choose_takes_the_first_that_neither_rests_nor_was_tried(void)
{
    cg_accounts_t accounts = three();
    cg_health_t health = {0};
    CU_ASSERT_PTR_EQUAL(cg_route_choose(&accounts, NULL, &health, 0, 1),
                        &accounts.rows[0]);
    cg_health_failure(&health, 0, SECOND, 0);
    CU_ASSERT_PTR_EQUAL(cg_route_choose(&accounts, NULL, &health, 0, 1),
                        &accounts.rows[1]);
    CU_ASSERT_PTR_EQUAL(cg_route_choose(&accounts, NULL, &health, 2, 1),
                        &accounts.rows[2]);
    CU_ASSERT_PTR_EQUAL(cg_route_choose(&accounts, NULL, &health, 6, 1),
                        &accounts.rows[0]); /* rests, but is all there is */
    CU_ASSERT_PTR_NULL(cg_route_choose(&accounts, NULL, &health, 7, 1));
}

static void choose_keeps_to_the_names_and_their_order(void)
{
    apr_pool_t *pool;
    cg_accounts_t accounts = three();
    cg_health_t health = {0};
    apr_pool_create(&pool, NULL);
    apr_array_header_t *names = apr_array_make(pool, 3, sizeof(char *));
    APR_ARRAY_PUSH(names, const char *) = "nobody";
    APR_ARRAY_PUSH(names, const char *) = "c";
    APR_ARRAY_PUSH(names, const char *) = "a";
    CU_ASSERT_PTR_EQUAL(cg_route_choose(&accounts, names, &health, 0, 1),
                        &accounts.rows[2]);
    CU_ASSERT_PTR_EQUAL(cg_route_choose(&accounts, names, &health, 4, 1),
                        &accounts.rows[0]);
    CU_ASSERT_PTR_NULL(cg_route_choose(&accounts, names, &health, 5, 1));
    apr_pool_destroy(pool);
}

CU_TestInfo test_route_health[] = {
    {"health_rests_after_three_failures_in_a_row",
     health_rests_after_three_failures_in_a_row},
    {"health_rests_as_long_as_it_is_asked_but_a_minute",
     health_rests_as_long_as_it_is_asked_but_a_minute},
    {"health_smooths_what_was_measured", health_smooths_what_was_measured},
    {"choose_takes_the_first_that_neither_rests_nor_was_tried",
     choose_takes_the_first_that_neither_rests_nor_was_tried},
    {"choose_keeps_to_the_names_and_their_order",
     choose_keeps_to_the_names_and_their_order},
    CU_TEST_INFO_NULL,
};
