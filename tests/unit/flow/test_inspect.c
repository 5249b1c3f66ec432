/* Step 3, inspect: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>

#include "walk.h"

#define TOLD                                                                   \
    "{\"model\":\"gpt-4o\",\"stream\":true,\"stream_options\":{"               \
    "\"include_usage\":false},\"messages\":["                                  \
    "{\"role\":\"system\",\"content\":\"Be kind.\"},"                          \
    "{\"role\":\"4111111111111111\",\"content\":\"a\"},"                       \
    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"             \
    "\"mail bob.smith@acme.com\"},{\"type\":\"text\",\"text\":\"ok\"}]}]}"

static bool has(cg_str_t text, const char *words)
{
    return text.len && memmem(text.ptr, text.len, words, strlen(words));
}

static void inspect_masks_and_puts_in_what_the_gateway_needs(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, TOLD);
    CU_ASSERT_EQUAL(cg_flow_inspect(txn), CG_PASS);
    CU_ASSERT(has(txn->out.body, "{\"include_usage\":true}"));
    CU_ASSERT(has(txn->out.body, "mail [EMAIL_ADDRESS]"));
    CU_ASSERT(txn->out.is_usage_ours);
    CU_ASSERT(txn->out.masks_answers);
    CU_ASSERT_EQUAL(cg_tally_total(&txn->out.tally), 2);
    walk_close(&walk);
}

static void inspect_keeps_the_conversation_masked_with_its_roles(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, TOLD);
    cg_flow_inspect(txn);
    CU_ASSERT(cg_str_is(txn->out.prompt,
                        "system: Be kind.\n[CREDIT_CARD]\na\n"
                        "user: mail [EMAIL_ADDRESS]\nok"));
    CU_ASSERT_FALSE(txn->out.prompt_cut);
    walk_say(&walk, "ChatGPTAuditText", "off");
    txn = walk_request(&walk, CG_ENDPOINT_CHAT, TOLD);
    cg_flow_inspect(txn);
    CU_ASSERT_PTR_NULL(txn->out.prompt.ptr);
    walk_close(&walk);
}

static void inspect_cuts_the_record_on_a_character(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    walk_say(&walk, "ChatGPTAuditTextLimit", "4");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_COMPLETIONS,
                                 "{\"model\":\"m\",\"prompt\":"
                                 "\"x\xe4\xbd\xa0\xe4\xbd\xa0\"}");
    cg_flow_inspect(txn);
    CU_ASSERT(cg_str_is(txn->out.prompt, "\xe4\xbd\xa0"));
    CU_ASSERT(txn->out.prompt_cut);
    walk_close(&walk);
}

static void inspect_leaves_a_clean_body_as_it_is(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    cg_txn_t *txn =
        walk_request(&walk, CG_ENDPOINT_CHAT,
                     " {\"model\":\"m\" , \"seed\":9223372036854775807,"
                     "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]} ");
    CU_ASSERT_EQUAL(cg_flow_inspect(txn), CG_PASS);
    CU_ASSERT_PTR_EQUAL(txn->out.body.ptr, txn->in.body.ptr);
    CU_ASSERT_EQUAL(txn->out.body.len, txn->in.body.len);
    walk_close(&walk);
}

static void inspect_obeys_actions_by_direction(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    walk_say(&walk, "ChatGPTRedact", "* allow answer");
    walk_say(&walk, "ChatGPTRedact", "EMAIL_ADDRESS log request");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, TOLD);
    CU_ASSERT_EQUAL(cg_flow_inspect(txn), CG_PASS);
    CU_ASSERT(has(txn->out.body, "bob.smith@acme.com"));
    CU_ASSERT_FALSE(txn->out.masks_answers);
    CU_ASSERT_EQUAL(txn->out.tally.by_type[CG_TYPE_EMAIL_ADDRESS], 1);
    walk_close(&walk);
}

CU_TestInfo test_flow_inspect[] = {
    {"inspect_masks_and_puts_in_what_the_gateway_needs",
     inspect_masks_and_puts_in_what_the_gateway_needs},
    {"inspect_keeps_the_conversation_masked_with_its_roles",
     inspect_keeps_the_conversation_masked_with_its_roles},
    {"inspect_cuts_the_record_on_a_character",
     inspect_cuts_the_record_on_a_character},
    {"inspect_leaves_a_clean_body_as_it_is",
     inspect_leaves_a_clean_body_as_it_is},
    {"inspect_obeys_actions_by_direction", inspect_obeys_actions_by_direction},
    CU_TEST_INFO_NULL,
};
