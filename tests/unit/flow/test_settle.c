/* Step 7, settle: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <CUnit/CUnit.h>

#include "walk.h"

#define CHAT "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\"}]}"

static cg_txn_t *open_txn(walk_t *walk)
{
    walk_open_dry(walk);
    cg_txn_t *txn = walk_request(walk, CG_ENDPOINT_CHAT, CHAT);
    CU_ASSERT_EQUAL_FATAL(cg_flow_admit(txn), CG_PASS);
    return txn;
}

static void settle_takes_the_providers_usage(void)
{
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    walk_answer_begins(txn, 200);
    txn->answer.usage = (cg_usage_t){.is_known = true, .input_tokens = 100,
                                     .output_tokens = 7, .cached_tokens = 40};
    txn->answer.text_bytes = 1000000;
    cg_flow_settle(txn);
    CU_ASSERT_STRING_EQUAL(txn->bill.tokens_from, "provider");
    CU_ASSERT_EQUAL(txn->bill.output_tokens, 7);
    CU_ASSERT_EQUAL(txn->bill.micros, 270); /* 150 + 50 + 70 */
    CU_ASSERT_FALSE(txn->bill.is_released);
    walk_close(&walk);
}

static void settle_estimates_what_was_delivered(void)
{
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    walk_answer_begins(txn, 200);
    txn->answer.text_bytes = 31;
    cg_flow_settle(txn);
    CU_ASSERT_STRING_EQUAL(txn->bill.tokens_from, "estimate");
    CU_ASSERT_EQUAL(txn->bill.output_tokens, 11);
    CU_ASSERT_EQUAL(txn->bill.input_tokens, txn->grant.input_tokens);
    walk_close(&walk);
}

static void settle_charges_nothing_where_no_answer_began(void)
{
    static const int statuses[] = {0, 400, 429, 500};
    for (int i = 0; i < 4; i++) {
        walk_t walk;
        cg_txn_t *txn = open_txn(&walk);
        txn->answer.status = statuses[i];
        txn->answer.has_begun = statuses[i] != 0;
        cg_flow_settle(txn);
        CU_ASSERT_STRING_EQUAL(txn->bill.tokens_from, "none");
        CU_ASSERT_EQUAL(txn->bill.micros, 0);
        CU_ASSERT(txn->bill.is_released);
        walk_close(&walk);
    }
}

static void settle_bounds_a_usage_beyond_reason(void)
{
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    cg_price_t dear = {.id = "dear", .input_nanos = 1000000000,
                       .cached_nanos = 1000000000, .output_nanos = 1000000000,
                       .is_priced = true};
    txn->grant.price = &dear;
    walk_answer_begins(txn, 200);
    txn->answer.usage = (cg_usage_t){.is_known = true,
                                     .input_tokens = INT64_C(1) << 40,
                                     .output_tokens = INT64_C(1) << 40};
    cg_flow_settle(txn);
    CU_ASSERT_EQUAL(txn->bill.micros, INT64_C(100000000000000));
    walk_close(&walk);
}

CU_TestInfo test_flow_settle[] = {
    {"settle_takes_the_providers_usage", settle_takes_the_providers_usage},
    {"settle_estimates_what_was_delivered",
     settle_estimates_what_was_delivered},
    {"settle_charges_nothing_where_no_answer_began",
     settle_charges_nothing_where_no_answer_began},
    {"settle_bounds_a_usage_beyond_reason",
     settle_bounds_a_usage_beyond_reason},
    CU_TEST_INFO_NULL,
};
