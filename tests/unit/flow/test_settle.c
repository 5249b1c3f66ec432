/* Step 7, settle: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

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

#define PIECE(text) \
    CG_STR("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text \
           "\"}}]}\n\n")

/* "Hello, wonderful world!" in o200k_base: Hello · , · wonderful · world · ! */
static void settle_counts_what_the_caller_got_before_leaving(void)
{
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    cg_buf_t out;
    cg_buf_init(&out, 0, walk.pool);
    walk_answer_begins(txn, 200);
    cg_flow_observe_open(txn);
    cg_flow_observe_feed(txn, PIECE("Hel"), &out);
    cg_flow_observe_feed(txn, PIECE("lo, wonder"), &out);
    bool is_exact = false;
    CU_ASSERT_EQUAL(cg_flow_delivered(txn, &is_exact), 3);
    cg_flow_observe_feed(txn, PIECE("ful world!"), &out);
    txn->answer.is_aborted = true;
    cg_flow_settle(txn);
    CU_ASSERT_STRING_EQUAL(txn->bill.tokens_from, "counted");
    CU_ASSERT_EQUAL(txn->bill.output_tokens, 5);
    CU_ASSERT_EQUAL(txn->bill.input_tokens, txn->grant.input_tokens);
    CU_ASSERT_TRUE(txn->grant.is_exact);
    walk_close(&walk);
}

static void settle_counts_a_whole_answer_without_usage(void)
{
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    cg_buf_t out;
    cg_buf_init(&out, 0, walk.pool);
    walk_answer_begins(txn, 200);
    cg_flow_observe_whole(
        txn,
        CG_STR("{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":"
               "\"Hello, wonderful \\u0077orld!\"}}]}"),
        &out);
    cg_flow_settle(txn);
    CU_ASSERT_STRING_EQUAL(txn->bill.tokens_from, "counted");
    CU_ASSERT_EQUAL(txn->bill.output_tokens, 5);
    walk_close(&walk);
}

/* No more than was held: the provider cannot have written more. */
static void settle_without_a_vocabulary_takes_a_bound(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    walk.gateway.vocabularies = NULL;
    cg_txn_t *txn = walk_request(
        &walk, CG_ENDPOINT_CHAT,
        "{\"model\":\"gpt-4o\",\"max_tokens\":7,\"messages\":[{\"role\":\"user\"}]}");
    cg_buf_t out;
    cg_buf_init(&out, 0, walk.pool);
    CU_ASSERT_EQUAL_FATAL(cg_flow_admit(txn), CG_PASS);
    walk_answer_begins(txn, 200);
    cg_flow_observe_open(txn);
    cg_flow_observe_feed(txn, PIECE("Hel"), &out);
    bool is_exact = true;
    CU_ASSERT_EQUAL(cg_flow_delivered(txn, &is_exact), 3);
    CU_ASSERT_FALSE(is_exact);
    cg_flow_observe_feed(txn, PIECE("lo, wonderful world!"), &out);
    cg_flow_settle(txn);
    CU_ASSERT_STRING_EQUAL(txn->bill.tokens_from, "estimate");
    CU_ASSERT_EQUAL(txn->bill.output_tokens, 7);
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

static void settle_charges_the_input_of_who_left_before_the_first_word(void)
{
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    txn->answer.is_aborted = true; /* while it was read, nothing had left */
    cg_flow_settle(txn);
    CU_ASSERT_EQUAL(txn->bill.micros, 0);
    CU_ASSERT(txn->bill.is_released);
    memset(&txn->bill, 0, sizeof txn->bill);
    CU_ASSERT_EQUAL_FATAL(cg_flow_route(txn), CG_PASS);
    cg_flow_attempted(txn, 0, "aborted", 0);
    cg_flow_settle(txn);
    CU_ASSERT_FALSE(txn->bill.is_released);
    CU_ASSERT_EQUAL(txn->bill.input_tokens, txn->grant.input_tokens);
    CU_ASSERT_EQUAL(txn->bill.output_tokens, 0);
    CU_ASSERT(txn->bill.micros > 0);
    walk_close(&walk);
}

/* The counters take no more than was held; nor do the records say more. */
static void settle_takes_no_more_than_was_held(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    cg_txn_t *txn = walk_request(
        &walk, CG_ENDPOINT_CHAT,
        "{\"model\":\"gpt-4o\",\"max_tokens\":7,\"messages\":[{\"role\":\"user\"}]}");
    CU_ASSERT_EQUAL_FATAL(cg_flow_admit(txn), CG_PASS);
    txn->grant.is_bounded = true;
    walk_answer_begins(txn, 200);
    txn->answer.usage = (cg_usage_t){.is_known = true,
                                     .input_tokens = INT64_MAX / 2,
                                     .output_tokens = INT64_MAX - 5};
    cg_flow_settle(txn);
    CU_ASSERT_EQUAL(txn->bill.input_tokens, txn->grant.input_tokens);
    CU_ASSERT_EQUAL(txn->bill.output_tokens, 7);
    int64_t most = cg_price_micros(txn->grant.price, txn->grant.input_tokens,
                                   0, 7);
    CU_ASSERT_EQUAL(txn->bill.micros, most);
    walk_close(&walk);
}

CU_TestInfo test_flow_settle[] = {
    {"settle_takes_the_providers_usage", settle_takes_the_providers_usage},
    {"settle_estimates_what_was_delivered",
     settle_estimates_what_was_delivered},
    {"settle_counts_what_the_caller_got_before_leaving",
     settle_counts_what_the_caller_got_before_leaving},
    {"settle_counts_a_whole_answer_without_usage",
     settle_counts_a_whole_answer_without_usage},
    {"settle_without_a_vocabulary_takes_a_bound",
     settle_without_a_vocabulary_takes_a_bound},
    {"settle_charges_nothing_where_no_answer_began",
     settle_charges_nothing_where_no_answer_began},
    {"settle_bounds_a_usage_beyond_reason",
     settle_bounds_a_usage_beyond_reason},
    {"settle_charges_the_input_of_who_left_before_the_first_word",
     settle_charges_the_input_of_who_left_before_the_first_word},
    {"settle_takes_no_more_than_was_held", settle_takes_no_more_than_was_held},
    CU_TEST_INFO_NULL,
};
