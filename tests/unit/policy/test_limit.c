/* Limits as they are typed: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "policy/limit.h"

static const struct case_t {
    const char *text;
    int quantity;
    int64_t amount;
    int64_t window_for;
    const char *written;
} cases[] = {
    {"100/60s", CG_QUANTITY_REQUESTS, 100, 60000000, "100/60s"},
    {"1/1s", CG_QUANTITY_REQUESTS, 1, 1000000, "1/1s"},
    {"100/15min", CG_QUANTITY_REQUESTS, 100, 900000000, "100/15min"},
    {"100/1min", CG_QUANTITY_REQUESTS, 100, 60000000, "100/60s"},
    {"100/90", CG_QUANTITY_REQUESTS, 100, 90000000, "100/90s"},
    {"5/1500ms", CG_QUANTITY_REQUESTS, 5, 1500000, "5/1500ms"},
    {"7/31d", CG_QUANTITY_REQUESTS, 7, INT64_C(2678400000000), "7/31d"},
    {"7/2h", CG_QUANTITY_REQUESTS, 7, INT64_C(7200000000), "7/2h"},
    {"10000tokens/60s", CG_QUANTITY_TOKENS, 10000, 60000000, "10000tokens/60s"},
    {"1token/1h", CG_QUANTITY_TOKENS, 1, INT64_C(3600000000), "1tokens/1h"},
    {"5USD/month", CG_QUANTITY_MICROS, 5000000, CG_WINDOW_MONTH, "5USD/month"},
    {"0.25usd/month", CG_QUANTITY_MICROS, 250000, CG_WINDOW_MONTH,
     "0.25USD/month"},
    {"0.000001USD/month", CG_QUANTITY_MICROS, 1, CG_WINDOW_MONTH,
     "0.000001USD/month"},
    {"100000000USD/month", CG_QUANTITY_MICROS, INT64_C(100000000000000),
     CG_WINDOW_MONTH, "100000000USD/month"},
};

static const char *const wrong[] = {
    "",
    "100",
    "/60s",
    "100/",
    "0/60s",
    "-1/60s",
    "+1/60s",
    "1.5/60s",
    "100/0s",
    "100/999ms",
    "100/32d",
    "100/month",
    "5USD/60s",
    "5USD/",
    "USD/month",
    "tokens/60s",
    "5tokens/month",
    "100/60s/60s",
    "100 /60s",
    "100/60 s",
    "0USD/month",
    "0.0000001USD/month",
    "100000000000001/60s",
    "9223372036854775808/60s",
    "100000001USD/month",
    "x/60s",
    "100/x",
};

static void limit_reads_and_writes_the_grammar(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_limit_t limit = {.dimension = CG_DIMENSION_TEAM,
                            .store_down = CG_STORE_DOWN_OPEN};
        cg_limit_t again = {0};
        cg_error_t err = {.text = ""};
        CU_ASSERT_FATAL(cg_limit_parse(cg_str(cases[i].text), &limit, &err));
        CU_ASSERT_EQUAL(limit.quantity, cases[i].quantity);
        CU_ASSERT_EQUAL(limit.amount, cases[i].amount);
        CU_ASSERT_EQUAL(limit.window_for, cases[i].window_for);
        CU_ASSERT_EQUAL(limit.dimension, CG_DIMENSION_TEAM);
        CU_ASSERT_EQUAL(limit.store_down, CG_STORE_DOWN_OPEN);
        const char *written = cg_limit_format(&limit, pool);
        CU_ASSERT_STRING_EQUAL(written, cases[i].written);
        CU_ASSERT(cg_limit_parse(cg_str(written), &again, &err));
        CU_ASSERT_EQUAL(again.amount, limit.amount);
        CU_ASSERT_EQUAL(again.window_for, limit.window_for);
    }
    apr_pool_destroy(pool);
}

static void limit_refuses_what_is_not_legal_and_says_what_is(void)
{
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cg_limit_t limit = {.amount = 77};
        cg_error_t err = {.text = ""};
        if (cg_limit_parse(cg_str(wrong[i]), &limit, &err)) {
            CU_FAIL("a wrong limit was taken");
            fprintf(stderr, "taken: %s\n", wrong[i]);
        }
        CU_ASSERT_EQUAL(limit.amount, 77);
        CU_ASSERT(strlen(err.text) > 20);
    }
}

static void limit_finds_dimensions_and_store_down_by_name(void)
{
    cg_dimension_t dimension;
    cg_store_down_t down;
    for (int i = 0; i < CG_DIMENSION_COUNT; i++) {
        const char *name = cg_limit_dimension_name((cg_dimension_t)i);
        CU_ASSERT(cg_limit_dimension_find(cg_str(name), &dimension));
        CU_ASSERT_EQUAL(dimension, (cg_dimension_t)i);
    }
    CU_ASSERT_FALSE(cg_limit_dimension_find(CG_STR("planet"), &dimension));
    CU_ASSERT_FALSE(cg_limit_dimension_find(CG_STR(""), &dimension));
    CU_ASSERT(cg_limit_store_down_find(CG_STR("Closed"), &down));
    CU_ASSERT_EQUAL(down, CG_STORE_DOWN_CLOSED);
    CU_ASSERT_FALSE(cg_limit_store_down_find(CG_STR("ajar"), &down));
}

CU_TestInfo test_policy_limit[] = {
    {"limit_reads_and_writes_the_grammar", limit_reads_and_writes_the_grammar},
    {"limit_refuses_what_is_not_legal_and_says_what_is",
     limit_refuses_what_is_not_legal_and_says_what_is},
    {"limit_finds_dimensions_and_store_down_by_name",
     limit_finds_dimensions_and_store_down_by_name},
    CU_TEST_INFO_NULL,
};
