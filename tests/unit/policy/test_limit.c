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
    {"100requests/60s", CG_QUANTITY_REQUESTS, 100, 60000000, "100/60s"},
    {"5USD/60s", CG_QUANTITY_MICROS, 5000000, 60000000, "5USD/60s"},
    {"5tokens/month", CG_QUANTITY_TOKENS, 5, CG_WINDOW_MONTH, "5tokens/month"},
    {"100/day", CG_QUANTITY_REQUESTS, 100, CG_WINDOW_DAY, "100/day"},
    {"100/366d", CG_QUANTITY_REQUESTS, 100, INT64_C(31622400000000),
     "100/366d"},
    {"7input_tokens/1h", CG_QUANTITY_INPUT_TOKENS, 7, INT64_C(3600000000),
     "7input_tokens/1h"},
    {"7output_tokens/week", CG_QUANTITY_OUTPUT_TOKENS, 7, CG_WINDOW_WEEK,
     "7output_tokens/week"},
    {"20concurrent", CG_QUANTITY_CONCURRENT, 20, CG_WINDOW_NONE,
     "20concurrent"},
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
    "100/367d",
    "100/fortnight",
    "20concurrent/60s",
    "100/60s slidingly",
    "100/60s tz=Europe/Berlin",
    "100/60s start=mon",
    "100/day start=3",
    "100/day smooth",
    "100/day tz=Atlantis/Deep",
    "100/week start=8",
    "100/month start=29",
    "100/month start=0",
    "100/year start=02-29",
    "100/year start=13-01",
    "20concurrent leased",
    "20concurrent exact",
    "100/60s smooth leased",
    "100/60s leased exact",
    "100/59s leased",
    "100/60s closed ajar",
    "100/0s",
    "100/999ms",
    "5USD/",
    "USD/month",
    "tokens/60s",
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
        CU_ASSERT_STRING_EQUAL(cg_limit_brief(&limit, pool), cases[i].written);
        limit.store_down = CG_STORE_DOWN_UNSET;
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

/* Words as they are typed, and in the order in which they are written. */
static const char *const spellings[][2] = {
    {"100/60s  smooth", "100/60s smooth"},
    {"100/60s;EXACT;Closed", "100/60s exact closed"},
    {"100/60s sliding strict hard", "100/60s"},
    {"100/60s leased local", "100/60s leased local"},
    {"5USD/month soft leased open", "5USD/month leased soft open"},
    {"5USD/month tz=UTC", "5USD/month"},
    {"5USD/month tz=Europe/Berlin", "5USD/month tz=Europe/Berlin"},
    {"5USD/day tz=+05:30 soft", "5USD/day soft tz=+05:30"},
    {"5USD/week start=SUN", "5USD/week start=sun"},
    {"5USD/month start=28", "5USD/month start=28"},
    {"5USD/year start=4-6 tz=Europe/London",
     "5USD/year tz=Europe/London start=04-06"},
};

static void limit_reads_and_writes_its_words(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        cg_limit_t limit = {0}, again = {0}, spelled = {0};
        cg_error_t err = {.text = ""};
        if (!cg_limit_parse(cg_str(spellings[i][0]), &limit, &err)) {
            CU_FAIL("a limit was not read");
            fprintf(stderr, "%s: %s\n", spellings[i][0], err.text);
        }
        CU_ASSERT_STRING_EQUAL(cg_limit_format(&limit, pool), spellings[i][1]);
        CU_ASSERT(cg_limit_parse(cg_str(spellings[i][1]), &again, &err));
        CU_ASSERT_EQUAL(memcmp(&again, &limit, sizeof limit), 0);
        CU_ASSERT_PTR_NULL(strchr(cg_limit_spell(&limit, pool), ' '));
        CU_ASSERT(cg_limit_parse(cg_str(cg_limit_spell(&limit, pool)), &spelled,
                                 &err));
        CU_ASSERT_EQUAL(memcmp(&spelled, &limit, sizeof limit), 0);
    }
    apr_pool_destroy(pool);
}

static void limit_scopes_are_single_or_pairs_in_one_order(void)
{
    apr_pool_t *pool;
    cg_limit_t a = {0}, b = {0};
    uint64_t seen = 0;
    apr_pool_create(&pool, NULL);
    CU_ASSERT(cg_limit_scope_read(CG_STR("model+Team"), &a));
    CU_ASSERT(cg_limit_scope_read(CG_STR("team+model"), &b));
    CU_ASSERT_STRING_EQUAL(cg_limit_scope(&a, pool), "team+model");
    CU_ASSERT_EQUAL(cg_limit_scope_index(&a), cg_limit_scope_index(&b));
    CU_ASSERT(cg_limit_scope_read(CG_STR("organisation"), &a));
    CU_ASSERT_STRING_EQUAL(cg_limit_scope(&a, pool), "organization");
    CU_ASSERT_FALSE(cg_limit_scope_read(CG_STR("team+team"), &a));
    CU_ASSERT_FALSE(cg_limit_scope_read(CG_STR("team+"), &a));
    CU_ASSERT_FALSE(cg_limit_scope_read(CG_STR("team+model+user"), &a));
    for (int i = 0; i < CG_SCOPES; i++) {
        if (cg_limit_scope_at(i, &a)) {
            CU_ASSERT_EQUAL(cg_limit_scope_index(&a), i);
            CU_ASSERT(cg_limit_scope_read(cg_str(cg_limit_scope(&a, pool)),
                                          &b));
            CU_ASSERT_EQUAL(cg_limit_scope_index(&b), i);
            seen |= UINT64_C(1) << i;
        }
    }
    CU_ASSERT_EQUAL(seen, (UINT64_C(1) << (CG_DIMENSION_COUNT *
                                           (CG_DIMENSION_COUNT + 1) / 2)) -
                              1);
    apr_pool_destroy(pool);
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
    {"limit_reads_and_writes_its_words", limit_reads_and_writes_its_words},
    {"limit_scopes_are_single_or_pairs_in_one_order",
     limit_scopes_are_single_or_pairs_in_one_order},
    {"limit_finds_dimensions_and_store_down_by_name",
     limit_finds_dimensions_and_store_down_by_name},
    CU_TEST_INFO_NULL,
};
