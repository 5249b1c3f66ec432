/* Models and their prices: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "quota/prices.h"

static apr_status_t load(const char *json, cg_prices_t **out, cg_error_t *err,
                         apr_pool_t *pool)
{
    const char *tmp = getenv("TMPDIR");
    char *path = apr_pstrcat(pool, tmp && tmp[0] ? tmp : "/tmp",
                             "/cg-prices-XXXXXX", NULL);
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fputs(json, file);
    fclose(file);
    apr_status_t rv = cg_prices_load(path, out, err, pool);
    unlink(path);
    return rv;
}

static void prices_find_a_model_its_dated_ones_and_its_tuned_ones(void)
{
    static const char *const cases[][2] = {
        {"gpt-4o", "gpt-4o"},
        {"gpt-4o-2024-08-06", "gpt-4o"},
        {"gpt-4o-mini", "gpt-4o-mini"},
        {"gpt-4o-mini-2024-07-18", "gpt-4o-mini"},
        {"gpt-4o-2024-05-13", "gpt-4o-2024-05-13"},
        {"ft:gpt-4o-mini:acme::x1", "gpt-4o-mini"},
        {"ft:gpt-4o-2024-08-06:acme::x1", "gpt-4o"},
        {"gpt-4", NULL},
        {"gpt-4oo", NULL},
        {"gpt-4o-audio", NULL},
        {"-1", NULL},
        {"ft:", NULL},
        {"", NULL},
    };
    apr_pool_t *pool;
    cg_prices_t *prices;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    CU_ASSERT_EQUAL_FATAL(
        load("{\"models\":[{\"id\":\"gpt-4o\",\"input\":2.5,\"output\":10},"
             "{\"id\":\"gpt-4o-mini\",\"input\":0.15,\"output\":0.6,"
             "\"cached_input\":0.075},"
             "{\"id\":\"gpt-4o-2024-05-13\",\"input\":5,\"output\":15},"
             "{\"id\":\"free\"}]}",
             &prices, &err, pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_prices_count(prices), 4);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const cg_price_t *row = cg_prices_find(prices, cg_str(cases[i][0]));
        CU_ASSERT_EQUAL(row != NULL, cases[i][1] != NULL);
        if (row && cases[i][1]) {
            CU_ASSERT_STRING_EQUAL(row->id, cases[i][1]);
            CU_ASSERT_PTR_EQUAL(cg_prices_at(prices, (size_t)row->index), row);
        }
    }
    CU_ASSERT_FALSE(cg_prices_find(prices, CG_STR("free"))->is_priced);
    CU_ASSERT_EQUAL(cg_prices_find(prices, CG_STR("gpt-4o"))->cached_nanos,
                    2500);
    CU_ASSERT_EQUAL(cg_prices_find(prices, CG_STR("gpt-4o-mini"))->cached_nanos,
                    75);
    apr_pool_destroy(pool);
}

static void prices_refuse_a_file_that_is_wrong(void)
{
    static const char *const wrong[] = {
        "", "[]", "{}", "{\"models\":{}}", "{\"models\":[{}]}",
        "{\"models\":[{\"id\":\"\"}]}", "{\"models\":[1]}",
        "{\"models\":[{\"id\":\"a\",\"input\":-1}]}",
        "{\"models\":[{\"id\":\"a\",\"input\":1000001}]}",
        "{\"models\":[{\"id\":\"a\",\"input\":1,\"output\":1e300}]}",
        "{\"models\":[{\"id\":\"a\",\"max_output\":-1}]}",
    };
    apr_pool_t *pool;
    cg_prices_t *prices;
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cg_error_t err = {""};
        CU_ASSERT_NOT_EQUAL(load(wrong[i], &prices, &err, pool), APR_SUCCESS);
        CU_ASSERT(err.text[0]);
    }
    cg_error_t err = {""};
    CU_ASSERT_NOT_EQUAL(cg_prices_load("/nonexistent", &prices, &err, pool),
                        APR_SUCCESS);
    apr_pool_destroy(pool);
}

static void prices_round_up_and_never_wrap_around(void)
{
    const cg_price_t price = {.input_nanos = 2500, .cached_nanos = 1250,
                              .output_nanos = 10000, .is_priced = true};
    const cg_price_t cheap = {.input_nanos = 20, .cached_nanos = 20};
    const cg_price_t dear = {.input_nanos = 1000000000,
                             .cached_nanos = 1000000000,
                             .output_nanos = 1000000000};
    CU_ASSERT_EQUAL(cg_price_micros(&price, 0, 0, 0), 0);
    CU_ASSERT_EQUAL(cg_price_micros(&price, 1000, 0, 0), 2500);
    CU_ASSERT_EQUAL(cg_price_micros(&price, 1000, 400, 10), 2100);
    CU_ASSERT_EQUAL(cg_price_micros(&price, 10, 11, 0), 25); /* cached: absurd */
    CU_ASSERT_EQUAL(cg_price_micros(&price, 10, -1, 0), 25);
    CU_ASSERT_EQUAL(cg_price_micros(&cheap, 1, 0, 0), 1);
    CU_ASSERT_EQUAL(cg_price_micros(&cheap, 50, 0, 0), 1);
    CU_ASSERT_EQUAL(cg_price_micros(&cheap, 51, 0, 0), 2);
    CU_ASSERT_EQUAL(cg_price_micros(&dear, INT64_MAX, 0, 0), INT64_MAX);
    CU_ASSERT_EQUAL(cg_price_micros(&dear, 0, 0, INT64_MAX), INT64_MAX);
    CU_ASSERT_EQUAL(cg_price_micros(&dear, INT64_C(9000000000), 0,
                                    INT64_C(9000000000)),
                    INT64_MAX);
}

CU_TestInfo test_quota_prices[] = {
    {"prices_find_a_model_its_dated_ones_and_its_tuned_ones",
     prices_find_a_model_its_dated_ones_and_its_tuned_ones},
    {"prices_refuse_a_file_that_is_wrong", prices_refuse_a_file_that_is_wrong},
    {"prices_round_up_and_never_wrap_around",
     prices_round_up_and_never_wrap_around},
    CU_TEST_INFO_NULL,
};
