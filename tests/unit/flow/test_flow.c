/* A request through all steps, to the record in the ledger: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/clock.h"
#include "walk.h"

#define CHAT                                                                   \
    "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\","                  \
    "\"content\":\"My card is 4111 1111 1111 1111.\"}],\"max_tokens\":50}"
#define STREAMED                                                               \
    "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":\"user\"," \
    "\"content\":\"hi\"}]}"

static bool has(cg_str_t text, const char *words)
{
    return text.len &&
           memmem(text.ptr, text.len, words, strlen(words)) != NULL;
}

static bool has_buf(const cg_buf_t *buf, const char *words)
{
    return has((cg_str_t){buf->ptr, buf->len}, words);
}

static void flow_charges_what_a_whole_answer_cost_and_records_it_once(void)
{
    static const char answer[] =
        "{\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,"
        "\"message\":{\"role\":\"assistant\",\"content\":"
        "\"Thanks, bob.smith@acme.com\"},\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":10,"
        "\"total_tokens\":30}}";
    walk_t walk;
    cg_buf_t out, ledger;
    cg_error_t err = {""};
    walk_open(&walk, "5USD/month 100000tokens/60s");
    walk_say(&walk, "ChatGPTBudget", "team 100USD/month");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, CHAT);
    CU_ASSERT_EQUAL_FATAL(walk_in(&walk, txn), CG_PASS);
    CU_ASSERT(txn->grant.has_hold);
    CU_ASSERT_EQUAL(txn->grant.count, 3);
    CU_ASSERT(has(txn->out.body, "[CREDIT_CARD]"));
    CU_ASSERT_FALSE(has(txn->out.body, "4111"));
    CU_ASSERT_STRING_EQUAL(txn->route.account->name, "one");
    cg_quota_left_t left =
        walk_budget(&walk, CG_DIMENSION_KEY, walk.key.id, 5000000);
    CU_ASSERT(left.held >= 500); /* 50 tokens out, at 10 a million */

    walk_answer_begins(txn, 200);
    cg_buf_init(&out, 0, walk.pool);
    CU_ASSERT_EQUAL(cg_flow_observe_whole(txn, CG_STR(answer), &out), CG_PASS);
    CU_ASSERT(has_buf(&out, "Thanks, [EMAIL_ADDRESS]"));
    CU_ASSERT_EQUAL(cg_flow_record(txn, 200, &err), APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_flow_record(txn, 200, &err), APR_SUCCESS);
    CU_ASSERT_EQUAL(txn->bill.micros, 150); /* 20 * 2.5 + 10 * 10 */

    CU_ASSERT_EQUAL(walk_keep(&walk, 1, &ledger), 1);
    CU_ASSERT(has_buf(&ledger, txn->in.id));
    CU_ASSERT(has_buf(&ledger, "\"decision\":\"served\""));
    CU_ASSERT(has_buf(&ledger, "\"cost_micros\":150"));
    CU_ASSERT(has_buf(&ledger, "user: My card is [CREDIT_CARD]."));
    CU_ASSERT_FALSE(has_buf(&ledger, "4111"));
    CU_ASSERT_FALSE(has_buf(&ledger, "bob.smith"));
    left = walk_budget(&walk, CG_DIMENSION_KEY, walk.key.id, 5000000);
    CU_ASSERT_EQUAL(left.held, 0);
    CU_ASSERT_EQUAL(left.remaining, 5000000 - 150);
    left = walk_budget(&walk, CG_DIMENSION_TEAM, "red", 100000000);
    CU_ASSERT_EQUAL(left.held, 0);
    CU_ASSERT_EQUAL(left.remaining, 100000000 - 150);
    CU_ASSERT_EQUAL(walk.troubles, 0);
    walk_close(&walk);
}

static void flow_charges_a_stream_by_its_usage_chunk(void)
{
    static const char events[] =
        "data: {\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":"
        "{\"role\":\"assistant\",\"content\":\"Hello \"}}],\"usage\":null}\n\n"
        "data: {\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":"
        "{\"content\":\"world\"},\"finish_reason\":\"stop\"}],"
        "\"usage\":null}\n\n"
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":100,"
        "\"completion_tokens\":100}}\n\n"
        "data: [DONE]\n\n";
    walk_t walk;
    cg_buf_t ledger;
    cg_error_t err = {""};
    walk_open(&walk, "5USD/month");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, STREAMED);
    CU_ASSERT_EQUAL_FATAL(walk_in(&walk, txn), CG_PASS);
    CU_ASSERT(has(txn->out.body, "\"include_usage\":true"));
    CU_ASSERT(has(txn->out.body, "\"max_completion_tokens\":4096"));
    walk_answer_begins(txn, 200);
    cg_str_t out = walk_stream(txn, CG_STR(events), 7, false);
    CU_ASSERT_FALSE(has(out, "usage"));
    CU_ASSERT(has(out, "data: [DONE]\n\n"));
    cg_str_t text = walk_text_of(out, "content", 0, walk.pool);
    CU_ASSERT(cg_str_is(text, "Hello world"));
    CU_ASSERT_EQUAL(cg_flow_record(txn, 200, &err), APR_SUCCESS);
    /* The input estimate bounds what a hold is charged for; money is bounded by
     * the whole hold, which has the output's worst case in it. */
    CU_ASSERT_EQUAL(txn->bill.micros, 1250);
    CU_ASSERT_EQUAL(walk_keep(&walk, 1, &ledger), 1);
    CU_ASSERT(has_buf(&ledger, "\"stream\":true"));
    CU_ASSERT(has_buf(&ledger, "\"answer\":\"Hello world\""));
    cg_quota_left_t left =
        walk_budget(&walk, CG_DIMENSION_KEY, walk.key.id, 5000000);
    CU_ASSERT_EQUAL(left.held, 0);
    CU_ASSERT_EQUAL(left.remaining, 5000000 - 1250);
    walk_close(&walk);
}

static void flow_gives_the_hold_back_when_no_answer_came(void)
{
    walk_t walk;
    cg_buf_t ledger;
    cg_error_t err = {""};
    walk_open(&walk, "5USD/month");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, CHAT);
    CU_ASSERT_EQUAL_FATAL(walk_in(&walk, txn), CG_PASS);
    cg_txn_refuse(txn, CG_UPSTREAM_SLOW, NULL, NULL);
    CU_ASSERT_EQUAL(cg_flow_record(txn, 504, &err), APR_SUCCESS);
    CU_ASSERT_EQUAL(walk_keep(&walk, 1, &ledger), 1);
    CU_ASSERT(has_buf(&ledger, "\"decision\":\"failed\""));
    CU_ASSERT(has_buf(&ledger, "\"tokens_from\":\"none\""));
    cg_quota_left_t left =
        walk_budget(&walk, CG_DIMENSION_KEY, walk.key.id, 5000000);
    CU_ASSERT_EQUAL(left.held, 0);
    CU_ASSERT_EQUAL(left.remaining, 5000000);
    walk_close(&walk);
}

static void flow_bills_a_caller_who_left_by_estimate(void)
{
    walk_t walk;
    cg_buf_t out, ledger;
    cg_error_t err = {""};
    walk_open(&walk, "5USD/month");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, STREAMED);
    CU_ASSERT_EQUAL_FATAL(walk_in(&walk, txn), CG_PASS);
    walk_answer_begins(txn, 200);
    cg_buf_init(&out, 0, walk.pool);
    cg_flow_observe_open(txn);
    cg_flow_observe_feed(txn,
                         CG_STR("data: {\"choices\":[{\"index\":0,\"delta\":"
                                "{\"content\":\"one two three four \"}}]}\n\n"),
                         &out);
    txn->answer.is_aborted = true;
    CU_ASSERT_EQUAL(cg_flow_record(txn, 200, &err), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(txn->bill.tokens_from, "counted");
    CU_ASSERT_EQUAL(txn->bill.output_tokens, 5);
    CU_ASSERT_EQUAL(walk_keep(&walk, 1, &ledger), 1);
    CU_ASSERT(has_buf(&ledger, "\"decision\":\"aborted\""));
    cg_quota_left_t left =
        walk_budget(&walk, CG_DIMENSION_KEY, walk.key.id, 5000000);
    CU_ASSERT_EQUAL(left.held, 0);
    CU_ASSERT_EQUAL(left.remaining, 5000000 - txn->bill.micros);
    walk_close(&walk);
}

static void flow_refuses_who_shows_no_key_or_a_wrong_one(void)
{
    walk_t walk;
    walk_open(&walk, "");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, CHAT);
    CU_ASSERT_EQUAL(cg_flow_authenticate(txn, CG_STR("")), CG_NO_KEY);
    txn = walk_request(&walk, CG_ENDPOINT_CHAT, CHAT);
    CU_ASSERT_EQUAL(cg_flow_authenticate(txn, CG_STR("sk-nothing")),
                    CG_BAD_KEY);
    CU_ASSERT_FALSE(txn->who.is_known);
    txn = walk_request(&walk, CG_ENDPOINT_CHAT, CHAT);
    CU_ASSERT_EQUAL(cg_flow_authenticate(txn, cg_str(walk.spelled)), CG_PASS);
    CU_ASSERT_STRING_EQUAL(txn->who.user, walk.key.id);
    CU_ASSERT_STRING_EQUAL(txn->who.team, "red");
    walk_close(&walk);
}

static void flow_records_what_it_refused_and_keeps_no_secret_of_it(void)
{
    walk_t walk;
    cg_buf_t ledger;
    cg_error_t err = {""};
    walk_open(&walk, "");
    walk_say(&walk, "ChatGPTRedact", "CREDIT_CARD block request");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, CHAT);
    CU_ASSERT_EQUAL(walk_in(&walk, txn), CG_CONTENT_BLOCKED);
    CU_ASSERT_STRING_EQUAL(txn->param, "/messages/0/content");
    CU_ASSERT_EQUAL(cg_flow_record(txn, 400, &err), APR_SUCCESS);
    CU_ASSERT_EQUAL(walk_keep(&walk, 1, &ledger), 1);
    CU_ASSERT(has_buf(&ledger, "\"decision\":\"refused\""));
    CU_ASSERT(has_buf(&ledger, "\"reason\":\"content_policy_violation\""));
    CU_ASSERT(has_buf(&ledger, "\"type\":\"CREDIT_CARD\""));
    CU_ASSERT_FALSE(has_buf(&ledger, "4111"));
    walk_close(&walk);
}

static void flow_leaves_out_texts_that_no_record_can_hold(void)
{
    walk_t walk;
    cg_buf_t body, ledger;
    cg_error_t err = {""};
    walk_open(&walk, "");
    walk_say(&walk, "ChatGPTAuditTextLimit", "1M");
    cg_buf_init(&body, 1 << 23, walk.pool);
    cg_buf_str(&body, "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\","
                      "\"content\":\"");
    for (int i = 0; i < 1 << 20; i++) {
        cg_buf_str(&body, "\\u0001");
    }
    cg_buf_str(&body, "\"}]}");
    cg_txn_t *txn =
        walk_request(&walk, CG_ENDPOINT_CHAT, cg_buf_cstr(&body));
    CU_ASSERT_EQUAL(walk_in(&walk, txn), CG_PASS);
    CU_ASSERT_EQUAL(cg_flow_record(txn, 502, &err), APR_SUCCESS);
    CU_ASSERT_EQUAL(walk_keep(&walk, 1, &ledger), 1);
    CU_ASSERT(has_buf(&ledger, "\"prompt_cut\":true"));
    walk_close(&walk);
}

static void flow_keeps_nothing_without_a_journal_and_says_so(void)
{
    walk_t walk;
    cg_error_t err = {""};
    walk_open_dry(&walk);
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, CHAT);
    CU_ASSERT_NOT_EQUAL(cg_flow_record(txn, 200, &err), APR_SUCCESS);
    CU_ASSERT(strlen(err.text) > 0);
    walk_close(&walk);
}

CU_TestInfo test_flow_flow[] = {
    {"flow_charges_what_a_whole_answer_cost_and_records_it_once",
     flow_charges_what_a_whole_answer_cost_and_records_it_once},
    {"flow_charges_a_stream_by_its_usage_chunk",
     flow_charges_a_stream_by_its_usage_chunk},
    {"flow_gives_the_hold_back_when_no_answer_came",
     flow_gives_the_hold_back_when_no_answer_came},
    {"flow_bills_a_caller_who_left_by_estimate",
     flow_bills_a_caller_who_left_by_estimate},
    {"flow_refuses_who_shows_no_key_or_a_wrong_one",
     flow_refuses_who_shows_no_key_or_a_wrong_one},
    {"flow_records_what_it_refused_and_keeps_no_secret_of_it",
     flow_records_what_it_refused_and_keeps_no_secret_of_it},
    {"flow_leaves_out_texts_that_no_record_can_hold",
     flow_leaves_out_texts_that_no_record_can_hold},
    {"flow_keeps_nothing_without_a_journal_and_says_so",
     flow_keeps_nothing_without_a_journal_and_says_so},
    CU_TEST_INFO_NULL,
};
