/* Step 3, inspect: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
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

/* A conversation of so many messages, each long enough to be remembered. */
static const char *conversation(int messages, apr_pool_t *pool)
{
    cg_buf_t body;
    cg_buf_init(&body, 1024, pool);
    cg_buf_str(&body, "{\"model\":\"gpt-4o\",\"messages\":[");
    for (int i = 0; i < messages; i++) {
        cg_buf_fmt(&body,
                   "%s{\"role\":\"user\",\"content\":\"Message %d of a long "
                   "conversation, in which bob%d@example.com is named once and "
                   "then a good deal more is said about the matter.\"}",
                   i ? "," : "", i, i);
    }
    cg_buf_str(&body, "]}");
    return cg_buf_cstr(&body);
}

static int64_t looked_up(const walk_t *walk, const char *result)
{
    return cg_meter_value(walk->gateway.meter, CG_METRIC_REDACT_CACHE, result,
                          NULL, NULL);
}

static void inspect_one(walk_t *walk, int messages)
{
    cg_txn_t *txn = walk_request(walk, CG_ENDPOINT_CHAT,
                                 conversation(messages, walk->pool));
    CU_ASSERT_EQUAL(cg_flow_inspect(txn), CG_PASS);
    CU_ASSERT_EQUAL(txn->out.tally.by_type[CG_TYPE_EMAIL_ADDRESS],
                    (uint32_t)messages);
    CU_ASSERT_FALSE(has(txn->out.body, "@example.com"));
}

/* Counted, not timed: of 201 messages one is scanned. */
static void a_long_chat_costs_its_new_message(void)
{
    static const uint64_t secret[2] = {5, 6};
    walk_t walk;
    walk_open_dry(&walk);
    size_t bytes = (cg_memo_bytes(4096) + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    memset(memory, 0, bytes);
    walk.gateway.memo = cg_memo_open(memory, 4096, secret, walk.pool);
    inspect_one(&walk, 200);
    CU_ASSERT_EQUAL(looked_up(&walk, "miss"), 200);
    CU_ASSERT_EQUAL(looked_up(&walk, "hit"), 0);
    inspect_one(&walk, 201);
    CU_ASSERT_EQUAL(looked_up(&walk, "miss"), 201);
    CU_ASSERT_EQUAL(looked_up(&walk, "hit"), 200);
    /* Another place does something else with the same verdicts. */
    walk_say(&walk, "ChatGPTRedact", "EMAIL_ADDRESS block");
    cg_txn_t *txn =
        walk_request(&walk, CG_ENDPOINT_CHAT, conversation(201, walk.pool));
    CU_ASSERT_EQUAL(cg_flow_inspect(txn), CG_CONTENT_BLOCKED);
    CU_ASSERT_EQUAL(looked_up(&walk, "miss"), 201);
    walk_close(&walk);
    free(memory);
}

#define PNG "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
#define PICTURE                                                                \
    "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":["    \
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"" PNG "\"}}]}]}"

static void what_cannot_be_read_is_counted_or_refused(void)
{
    static const struct {
        const char *mode;
        cg_verdict_t verdict;
    } cases[] = {
        {"allow", CG_PASS}, {"log", CG_PASS}, {"deny", CG_OPAQUE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        walk_t walk;
        walk_open_dry(&walk);
        walk_say(&walk, "ChatGPTOpaque", cases[i].mode);
        cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, PICTURE);
        CU_ASSERT_EQUAL(cg_flow_inspect(txn), cases[i].verdict);
        CU_ASSERT_EQUAL(txn->out.opaque.by_kind[CG_OPAQUE_IMAGE], 1);
        CU_ASSERT(cases[i].verdict == CG_PASS ||
                  strcmp(txn->param, "/messages/0/content/0/image_url/url") ==
                      0);
        walk_close(&walk);
    }
}

static void what_cannot_be_inspected_is_refused(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    cg_buf_t body;
    cg_buf_init(&body, 1024, walk.pool);
    cg_buf_str(&body, "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\","
                      "\"content\":\"x ");
    for (int i = 0; i < 512; i++) {
        cg_buf_char(&body, '\\');
    }
    cg_buf_str(&body, "u0034111111111111111\"}]}");
    cg_txn_t *txn =
        walk_request(&walk, CG_ENDPOINT_CHAT, cg_buf_cstr(&body));
    CU_ASSERT_EQUAL(cg_flow_inspect(txn), CG_INSPECTION_FAILED);
    walk_close(&walk);
}

static void a_value_in_pieces_is_in_no_record(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    cg_txn_t *txn = walk_request(
        &walk, CG_ENDPOINT_CHAT,
        "{\"model\":\"gpt-4o\",\"messages\":["
        "{\"role\":\"user\",\"content\":\"first part: 41111111\"},"
        "{\"role\":\"assistant\",\"content\":\"go on\"},"
        "{\"role\":\"user\",\"content\":\"the rest: 11111111\"}]}");
    CU_ASSERT_EQUAL(cg_flow_inspect(txn), CG_PASS);
    CU_ASSERT_FALSE(has(txn->out.body, "1111"));
    CU_ASSERT(cg_str_is(txn->out.prompt,
                        "user: first part: [CREDIT_CARD]\nassistant: go on\n"
                        "user: the rest: [CREDIT_CARD]"));
    walk_close(&walk);
}

static void without_its_detector_a_request_does_what_the_place_says(void)
{
    static const struct {
        const char *words;
        cg_verdict_t verdict;
    } cases[] = {
        {"unix:/tmp/cg-no-detector-here", CG_DETECTOR_AWAY},
        {"unix:/tmp/cg-no-detector-here fail=closed", CG_DETECTOR_AWAY},
        {"unix:/tmp/cg-no-detector-here fail=open", CG_PASS},
        {"off", CG_PASS}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        walk_t walk;
        walk_open_dry(&walk);
        walk_say(&walk, "ChatGPTDetector", cases[i].words);
        cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, TOLD);
        CU_ASSERT_EQUAL(cg_flow_inspect(txn), cases[i].verdict);
        bool is_off = strcmp(cases[i].words, "off") == 0;
        CU_ASSERT_EQUAL(txn->out.trouble == NULL, is_off);
        CU_ASSERT_EQUAL(cg_meter_value(walk.gateway.meter, CG_METRIC_DETECTOR,
                                       "error", NULL, NULL),
                        is_off ? 0 : 1);
        if (cases[i].verdict == CG_PASS) {
            CU_ASSERT(has(txn->out.body, "mail [EMAIL_ADDRESS]"));
        }
        walk_close(&walk);
    }
}

CU_TestInfo test_flow_inspect[] = {
    {"a_long_chat_costs_its_new_message", a_long_chat_costs_its_new_message},
    {"what_cannot_be_read_is_counted_or_refused",
     what_cannot_be_read_is_counted_or_refused},
    {"what_cannot_be_inspected_is_refused",
     what_cannot_be_inspected_is_refused},
    {"a_value_in_pieces_is_in_no_record", a_value_in_pieces_is_in_no_record},
    {"without_its_detector_a_request_does_what_the_place_says",
     without_its_detector_a_request_does_what_the_place_says},
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
