/* Step 2, admit: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "walk.h"

static cg_txn_t *ask(walk_t *walk, cg_endpoint_t endpoint, const char *model,
                     const char *more)
{
    const char *what = endpoint == CG_ENDPOINT_CHAT
                           ? "\"messages\":[{\"role\":\"user\",\"content\":"
                             "\"hello there\"}]"
                       : endpoint == CG_ENDPOINT_EMBEDDINGS
                           ? "\"input\":\"hello there\""
                           : "\"prompt\":[\"a\",\"b\"]";
    cg_txn_t *txn = walk_request(
        walk, endpoint,
        apr_psprintf(walk->pool, "{\"model\":\"%s\",%s%s}", model, what, more));
    CU_ASSERT_EQUAL_FATAL(txn->verdict, CG_PASS);
    CU_ASSERT_EQUAL_FATAL(cg_flow_authenticate(txn, cg_str(walk->spelled)),
                          CG_PASS);
    return txn;
}

static const cg_quota_ask_t *ask_of(const cg_txn_t *txn,
                                    cg_quantity_t quantity)
{
    for (size_t i = 0; i < txn->grant.count; i++) {
        if (txn->grant.limits[i].quantity == quantity) {
            return &txn->grant.asks[i];
        }
    }
    CU_FAIL_FATAL("no such limit was asked for");
    return NULL;
}

static void admit_knows_models_by_list_place_and_key(void)
{
    walk_t walk;
    walk_open(&walk, "");
    cg_txn_t *txn = ask(&walk, CG_ENDPOINT_CHAT, "nobody", "");
    CU_ASSERT_EQUAL(cg_flow_admit(txn), CG_MODEL_NOT_FOUND);
    CU_ASSERT_STRING_EQUAL(txn->param, "model");
    walk_say(&walk, "ChatGPTUnknownModel", "allow");
    CU_ASSERT_EQUAL(cg_flow_admit(ask(&walk, CG_ENDPOINT_CHAT, "nobody", "")),
                    CG_PASS);
    walk_say(&walk, "ChatGPTAllowModel", "gpt-* tiny");
    CU_ASSERT_EQUAL(cg_flow_admit(ask(&walk, CG_ENDPOINT_CHAT, "nobody", "")),
                    CG_MODEL_NOT_ALLOWED);
    CU_ASSERT_EQUAL(cg_flow_admit(ask(&walk, CG_ENDPOINT_CHAT, "tiny", "")),
                    CG_PASS);
    txn = ask(&walk, CG_ENDPOINT_CHAT, "gpt-4o", "");
    apr_cpystrn(txn->who.key.models, "tiny", sizeof txn->who.key.models);
    CU_ASSERT_EQUAL(cg_flow_admit(txn), CG_MODEL_NOT_ALLOWED);
    CU_ASSERT_FALSE(cg_flow_may_list(txn, CG_STR("gpt-4o")));
    CU_ASSERT_FALSE(cg_flow_may_list(txn, CG_STR("embed")));
    CU_ASSERT(cg_flow_may_list(txn, CG_STR("tiny")));
    walk_close(&walk);
}

static void admit_hides_models_one_may_not_use(void)
{
    walk_t walk;
    walk_open(&walk, "");
    walk_say(&walk, "ChatGPTAllowModel", "tiny");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_MODEL, NULL);
    txn->in.model = CG_STR("gpt-4o");
    cg_flow_authenticate(txn, cg_str(walk.spelled));
    CU_ASSERT_EQUAL(cg_flow_admit(txn), CG_MODEL_NOT_FOUND);
    txn = walk_request(&walk, CG_ENDPOINT_MODELS, NULL);
    cg_flow_authenticate(txn, cg_str(walk.spelled));
    CU_ASSERT_EQUAL(cg_flow_admit(txn), CG_PASS);
    walk_close(&walk);
}

static void admit_holds_the_worst_case(void)
{
    walk_t walk;
    walk_open(&walk, "1000000tokens/60s 1000USD/month");
    cg_txn_t *txn = ask(&walk, CG_ENDPOINT_CHAT, "gpt-4o",
                        ",\"max_tokens\":100,\"n\":3");
    CU_ASSERT_EQUAL(cg_flow_admit(txn), CG_PASS);
    int64_t in = txn->grant.input_tokens;
    CU_ASSERT(in > 0);
    CU_ASSERT_EQUAL(ask_of(txn, CG_QUANTITY_TOKENS)->cost, in + 300);
    CU_ASSERT_EQUAL(ask_of(txn, CG_QUANTITY_TOKENS)->floor, in);
    CU_ASSERT_EQUAL(ask_of(txn, CG_QUANTITY_MICROS)->cost,
                    (in * 2500 + 300 * 10000 + 999) / 1000);
    CU_ASSERT_EQUAL(txn->grant.cap_tokens, 0);

    txn = ask(&walk, CG_ENDPOINT_CHAT, "gpt-4o", "");
    cg_flow_admit(txn);
    CU_ASSERT_EQUAL(txn->grant.cap_tokens, 4096);
    CU_ASSERT_EQUAL(txn->grant.output_tokens, 4096);
    txn = ask(&walk, CG_ENDPOINT_CHAT, "tiny", "");
    cg_flow_admit(txn);
    CU_ASSERT_EQUAL(txn->grant.cap_tokens, 100); /* all the model can */
    txn = ask(&walk, CG_ENDPOINT_COMPLETIONS, "gpt-4o",
              ",\"max_tokens\":10,\"best_of\":4");
    cg_flow_admit(txn);
    CU_ASSERT_EQUAL(txn->grant.output_tokens, 10 * 4 * 2);
    txn = ask(&walk, CG_ENDPOINT_EMBEDDINGS, "embed", "");
    CU_ASSERT_EQUAL(cg_flow_admit(txn), CG_PASS);
    CU_ASSERT_EQUAL(txn->grant.output_tokens, 0);
    CU_ASSERT_EQUAL(txn->grant.cap_tokens, 0);
    walk_close(&walk);
}

static void admit_refuses_numbers_that_would_wrap_around(void)
{
    static const char *const wishes[] = {
        ",\"max_tokens\":9223372036854775807",
        ",\"max_tokens\":9223372036854775807,\"n\":128",
        ",\"max_tokens\":4611686018427387904,\"n\":2",
        ",\"max_tokens\":72057594037927937,\"n\":128",
        ",\"max_tokens\":922337203685478",
    };
    walk_t walk;
    walk_open(&walk, "1000000tokens/60s");
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        cg_txn_t *txn = ask(&walk, CG_ENDPOINT_CHAT, "gpt-4o", wishes[i]);
        CU_ASSERT_EQUAL(cg_flow_admit(txn), CG_TOKEN_LIMIT);
        CU_ASSERT(txn->grant.output_tokens > 0);
        CU_ASSERT_FALSE(txn->grant.has_hold);
    }
    walk_close(&walk);
    walk_open(&walk, "1000USD/month");
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        cg_txn_t *txn = ask(&walk, CG_ENDPOINT_CHAT, "gpt-4o", wishes[i]);
        CU_ASSERT_EQUAL(cg_flow_admit(txn), CG_BUDGET);
        CU_ASSERT(ask_of(txn, CG_QUANTITY_MICROS)->cost > 0);
    }
    walk_close(&walk);
}

static void admit_lets_the_keys_own_limit_stand_for_the_configured_one(void)
{
    walk_t walk;
    walk_open(&walk, "2/60s");
    walk_say(&walk, "ChatGPTLimit", "key 1/60s");
    walk_say(&walk, "ChatGPTLimit", "key 1000000tokens/60s");
    walk_say(&walk, "ChatGPTLimit", "address 50/60s");
    cg_txn_t *txn = ask(&walk, CG_ENDPOINT_CHAT, "gpt-4o", "");
    CU_ASSERT_EQUAL(cg_flow_admit(txn), CG_PASS);
    CU_ASSERT_EQUAL(txn->grant.count, 3);
    CU_ASSERT_EQUAL(cg_flow_admit(ask(&walk, CG_ENDPOINT_CHAT, "gpt-4o", "")),
                    CG_PASS);
    txn = ask(&walk, CG_ENDPOINT_CHAT, "gpt-4o", "");
    CU_ASSERT_EQUAL(cg_flow_admit(txn), CG_RATE_LIMIT);
    CU_ASSERT_PTR_NOT_NULL(strstr(txn->words, "2/60s"));
    walk_close(&walk);
}

static void admit_counts_who_has_no_key_by_the_user(void)
{
    walk_t walk;
    walk_open(&walk, "");
    walk_say(&walk, "ChatGPTLimit", "key 1/60s");
    static const char *const users[] = {"ann", "bob"};
    for (int i = 0; i < 4; i++) {
        cg_txn_t *txn = ask(&walk, CG_ENDPOINT_CHAT, "gpt-4o", "");
        memset(&txn->who.key, 0, sizeof txn->who.key);
        txn->who.source = "jwt";
        txn->who.user = users[i % 2];
        CU_ASSERT_EQUAL(cg_flow_admit(txn), i < 2 ? CG_PASS : CG_RATE_LIMIT);
        CU_ASSERT_EQUAL(txn->grant.count, 1);
    }
    walk_close(&walk);
}

static void admit_counts_requests_alone_where_nothing_is_generated(void)
{
    walk_t walk;
    walk_open(&walk, "5/60s 10tokens/60s 1USD/month");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_MODELS, NULL);
    cg_flow_authenticate(txn, cg_str(walk.spelled));
    CU_ASSERT_EQUAL(cg_flow_admit(txn), CG_PASS);
    CU_ASSERT_EQUAL(txn->grant.count, 1);
    CU_ASSERT_FALSE(txn->grant.has_hold);
    walk_close(&walk);
}

static void admit_refuses_early_who_is_over_a_limit_and_charges_nobody(void)
{
    walk_t walk;
    walk_open(&walk, "2/60s 10000000tokens/60s");
    walk_say(&walk, "ChatGPTLimit", "address 50/60s");
    for (int i = 0; i < 5; i++) {
        cg_txn_t *early =
            ask(&walk, CG_ENDPOINT_TRANSCRIPTIONS, "whisper-1", "");
        CU_ASSERT_EQUAL(cg_flow_admit_early(early), CG_PASS);
        CU_ASSERT_EQUAL(early->grant.count, 0);
    }
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(
            cg_flow_admit(ask(&walk, CG_ENDPOINT_CHAT, "gpt-4o", "")), CG_PASS);
    }
    cg_txn_t *txn = ask(&walk, CG_ENDPOINT_TRANSCRIPTIONS, "whisper-1", "");
    CU_ASSERT_EQUAL(cg_flow_admit_early(txn), CG_RATE_LIMIT);
    CU_ASSERT_PTR_NOT_NULL(strstr(txn->words, "2/60s"));
    CU_ASSERT(txn->grant.quota.retry_for > 0);
    CU_ASSERT_EQUAL(txn->grant.count, 1);
    CU_ASSERT_FALSE(txn->grant.has_hold);
    walk_close(&walk);
}

static void admit_wants_a_price_under_a_budget(void)
{
    walk_t walk;
    walk_open(&walk, "1USD/month");
    walk_say(&walk, "ChatGPTUnknownModel", "allow");
    cg_txn_t *txn = ask(&walk, CG_ENDPOINT_CHAT, "nobody", "");
    CU_ASSERT_EQUAL(cg_flow_admit(txn), CG_MODEL_UNPRICED);
    CU_ASSERT_FALSE(txn->grant.has_hold);
    CU_ASSERT_EQUAL(cg_flow_admit(ask(&walk, CG_ENDPOINT_CHAT, "free", "")),
                    CG_MODEL_UNPRICED);
    walk_close(&walk);
}

static void admit_caps_the_output_only_where_it_is_limited(void)
{
    walk_t walk;
    walk_open(&walk, "5/60s");
    cg_txn_t *txn = ask(&walk, CG_ENDPOINT_CHAT, "gpt-4o", "");
    CU_ASSERT_EQUAL(cg_flow_run(txn), CG_PASS);
    CU_ASSERT(cg_str_equal(txn->out.body, txn->in.body));
    walk_close(&walk);
}

static void admit_refuses_more_limits_than_can_be_counted(void)
{
    walk_t walk;
    walk_open(&walk, "1000/1s 1000/2s 1000/3s 1000/4s 1000/5s 1000/6s 1000/7s "
                     "1000/8s");
    for (int i = 1; i <= 16; i++) {
        walk_say(&walk, "ChatGPTLimit",
                 apr_psprintf(walk.pool, "user 1000/%ds", i));
    }
    CU_ASSERT_EQUAL(cg_flow_admit(ask(&walk, CG_ENDPOINT_CHAT, "gpt-4o", "")),
                    CG_PASS);
    walk_say(&walk, "ChatGPTBudget", "team 1USD/month");
    cg_txn_t *txn = ask(&walk, CG_ENDPOINT_CHAT, "gpt-4o", "");
    CU_ASSERT_EQUAL(cg_flow_admit(txn), CG_NOT_CONFIGURED);
    CU_ASSERT_FALSE(txn->grant.has_hold);
    walk_close(&walk);
}

static void admit_never_takes_the_callers_id_for_a_hold(void)
{
    walk_t walk;
    walk_open(&walk, "1/60s");
    cg_txn_t *first = ask(&walk, CG_ENDPOINT_CHAT, "gpt-4o", "");
    cg_txn_t *again = ask(&walk, CG_ENDPOINT_CHAT, "gpt-4o", "");
    apr_cpystrn(again->in.id, first->in.id, sizeof again->in.id);
    CU_ASSERT_EQUAL(cg_flow_admit(first), CG_PASS);
    CU_ASSERT_EQUAL(cg_flow_admit(again), CG_RATE_LIMIT);
    walk_close(&walk);
}

CU_TestInfo test_flow_admit[] = {
    {"admit_knows_models_by_list_place_and_key",
     admit_knows_models_by_list_place_and_key},
    {"admit_hides_models_one_may_not_use", admit_hides_models_one_may_not_use},
    {"admit_holds_the_worst_case", admit_holds_the_worst_case},
    {"admit_refuses_numbers_that_would_wrap_around",
     admit_refuses_numbers_that_would_wrap_around},
    {"admit_lets_the_keys_own_limit_stand_for_the_configured_one",
     admit_lets_the_keys_own_limit_stand_for_the_configured_one},
    {"admit_counts_who_has_no_key_by_the_user",
     admit_counts_who_has_no_key_by_the_user},
    {"admit_counts_requests_alone_where_nothing_is_generated",
     admit_counts_requests_alone_where_nothing_is_generated},
    {"admit_refuses_early_who_is_over_a_limit_and_charges_nobody",
     admit_refuses_early_who_is_over_a_limit_and_charges_nobody},
    {"admit_wants_a_price_under_a_budget", admit_wants_a_price_under_a_budget},
    {"admit_caps_the_output_only_where_it_is_limited",
     admit_caps_the_output_only_where_it_is_limited},
    {"admit_refuses_more_limits_than_can_be_counted",
     admit_refuses_more_limits_than_can_be_counted},
    {"admit_never_takes_the_callers_id_for_a_hold",
     admit_never_takes_the_callers_id_for_a_hold},
    CU_TEST_INFO_NULL,
};
