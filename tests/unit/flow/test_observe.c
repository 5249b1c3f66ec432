/* Step 6, observe, whole answers: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>

#include "walk.h"

static cg_txn_t *answered(walk_t *walk, cg_endpoint_t endpoint, int status)
{
    cg_txn_t *txn = walk_request(
        walk, endpoint,
        endpoint == CG_ENDPOINT_EMBEDDINGS
            ? "{\"model\":\"embed\",\"input\":\"a\"}"
            : "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\"}]}");
    cg_flow_inspect(txn);
    walk_answer_begins(txn, status);
    return txn;
}

/* Empty when the answer was refused. */
static cg_str_t observe(cg_txn_t *txn, const char *body)
{
    cg_buf_t out;
    cg_buf_init(&out, 16, txn->pool);
    cg_flow_observe_whole(txn, cg_str(body), &out);
    return (cg_str_t){out.ptr, out.len};
}

static cg_str_t kept(const cg_txn_t *txn)
{
    return (cg_str_t){txn->answer.text.ptr, txn->answer.text.len};
}

static void observe_passes_a_clean_answer_byte_for_byte(void)
{
    static const char body[] =
        " {\"choices\":[{\"message\":{\"content\":\"hi\"},\"logprobs\":{"
        "\"content\":[]}}] , \"usage\":{\"prompt_tokens\":1,"
        "\"completion_tokens\":2},\"model\":\"gpt-4o-x\"}\n";
    walk_t walk;
    walk_open_dry(&walk);
    cg_txn_t *txn = answered(&walk, CG_ENDPOINT_CHAT, 200);
    CU_ASSERT(cg_str_is(observe(txn, body), body));
    CU_ASSERT(cg_str_is(txn->answer.model, "gpt-4o-x"));
    CU_ASSERT_EQUAL(txn->answer.usage.output_tokens, 2);
    CU_ASSERT(txn->answer.is_whole);
    CU_ASSERT(cg_str_is(kept(txn), "hi"));
    walk_close(&walk);
}

static void observe_masks_texts_and_drops_their_logprobs(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    cg_txn_t *txn = answered(&walk, CG_ENDPOINT_CHAT, 200);
    cg_str_t out = observe(
        txn, "{\"choices\":[{\"message\":{\"content\":\"4111111111111111\"},"
             "\"logprobs\":{\"content\":[{\"token\":\"4111111111111111\"}]}},"
             "{\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"b\"}]},"
             "\"logprobs\":null}]}");
    CU_ASSERT(cg_str_is(
        out, "{\"choices\":[{\"message\":{\"content\":\"[CREDIT_CARD]\"},"
             "\"logprobs\":null},"
             "{\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"b\"}]},"
             "\"logprobs\":null}]}"));
    CU_ASSERT(cg_str_is(kept(txn), "[CREDIT_CARD]\nb"));
    walk_close(&walk);
}

static void observe_keeps_no_text_that_blocked(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    walk_say(&walk, "ChatGPTRedact", "* block answer");
    cg_txn_t *txn = answered(&walk, CG_ENDPOINT_CHAT, 200);
    cg_str_t out = observe(
        txn, "{\"choices\":[{\"message\":{\"content\":\"fine\"}},{\"message\":"
             "{\"content\":\"4111111111111111\"}}]}");
    CU_ASSERT_EQUAL(out.len, 0);
    CU_ASSERT_EQUAL(txn->verdict, CG_ANSWER_BLOCKED);
    CU_ASSERT_STRING_EQUAL(txn->blocked_type, "CREDIT_CARD");
    CU_ASSERT(cg_str_is(kept(txn), "fine"));
    walk_close(&walk);
}

static void observe_refuses_what_is_no_json_object(void)
{
    static const char *const bodies[] = {"", "<html>", "[]", "{", "null"};
    walk_t walk;
    walk_open_dry(&walk);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        cg_txn_t *txn = answered(&walk, CG_ENDPOINT_CHAT, 200);
        CU_ASSERT_EQUAL(observe(txn, bodies[i]).len, 0);
        CU_ASSERT_EQUAL(txn->verdict, CG_UPSTREAM_BROKEN);
    }
    walk_close(&walk);
}

static void observe_masks_errors_of_the_upstream_too(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    cg_txn_t *txn = answered(&walk, CG_ENDPOINT_EMBEDDINGS, 400);
    cg_str_t out = observe(txn, "{\"error\":{\"message\":\"unknown user "
                                "bob.smith@acme.com\"}}");
    CU_ASSERT(cg_str_is(out, "{\"error\":{\"message\":\"unknown user "
                             "[EMAIL_ADDRESS]\"}}"));
    walk_close(&walk);
}

static void observe_leaves_embeddings_alone(void)
{
    static const char body[] = "{\"data\":[{\"embedding\":[0.4111111111111111]}"
                               "],\"usage\":{\"prompt_tokens\":3,"
                               "\"total_tokens\":3}}";
    walk_t walk;
    walk_open_dry(&walk);
    cg_txn_t *txn = answered(&walk, CG_ENDPOINT_EMBEDDINGS, 200);
    CU_ASSERT(cg_str_is(observe(txn, body), body));
    CU_ASSERT_EQUAL(txn->answer.usage.input_tokens, 3);
    CU_ASSERT_EQUAL(txn->answer.usage.output_tokens, 0);
    walk_close(&walk);
}

static void observe_lists_the_models_one_may_use(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    walk_say(&walk, "ChatGPTAllowModel", "gpt-*");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_MODELS, NULL);
    walk_answer_begins(txn, 200);
    cg_str_t out = observe(
        txn, "{\"object\":\"list\",\"data\":[{\"id\":\"tiny\"}, "
             "{\"id\":\"gpt-4o\",\"x\":1.0},3,{\"id\":7},{},\"a\","
             "{\"id\":\"gpt-9\"},{\"id\":\"gpt-4o-2024-08-06\"}]}");
    CU_ASSERT(cg_str_is(out, "{\"object\":\"list\",\"data\":[{\"id\":\"gpt-4o\""
                             ",\"x\":1.0},{\"id\":\"gpt-4o-2024-08-06\"}]}"));
    walk_close(&walk);
}

CU_TestInfo test_flow_observe[] = {
    {"observe_passes_a_clean_answer_byte_for_byte",
     observe_passes_a_clean_answer_byte_for_byte},
    {"observe_masks_texts_and_drops_their_logprobs",
     observe_masks_texts_and_drops_their_logprobs},
    {"observe_keeps_no_text_that_blocked", observe_keeps_no_text_that_blocked},
    {"observe_refuses_what_is_no_json_object",
     observe_refuses_what_is_no_json_object},
    {"observe_masks_errors_of_the_upstream_too",
     observe_masks_errors_of_the_upstream_too},
    {"observe_leaves_embeddings_alone", observe_leaves_embeddings_alone},
    {"observe_lists_the_models_one_may_use",
     observe_lists_the_models_one_may_use},
    CU_TEST_INFO_NULL,
};
