/* The label of answers, whole and in events: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "flow/label.h"
#include "walk.h"

#define EN "(AI-generated)"
#define ZH "\xEF\xBC\x88\xE7\x94\xB1"                                          \
           "AI\xE7\x94\x9F\xE6\x88\x90\xEF\xBC\x89"
#define RULES                                                                  \
    "pack cn\nregion cn\nlabel required\nlabel-text zh \"" ZH "\"\n"           \
    "label-text en \"" EN "\"\n"

#define ASK "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}"
#define ZH_QUESTION "\xE8\xAF\xB7\xE6\x8A\x8A Apache \xE7\xBF\xBB\xE8\xAF\x91"

static void open_labelled(walk_t *walk)
{
    cg_rules_spec_t spec = {0};
    cg_rules_t *made = NULL;
    cg_error_t err = {""};
    walk_open_dry(walk);
    CU_ASSERT_EQUAL_FATAL(cg_rules_parse("cn.rules", cg_str(RULES), &spec, &err,
                                         walk->pool),
                          APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(cg_rules_create(&spec, &made, &err, walk->pool),
                          APR_SUCCESS);
    walk->gateway.rules = made;
    walk_say(walk, "ChatGPTRegion", "cn");
}

static cg_txn_t *ask(walk_t *walk, cg_endpoint_t endpoint, const char *body,
                     const char *spoken)
{
    cg_txn_t *txn = walk_request(walk, endpoint, body);
    txn->region.spoken = spoken;
    CU_ASSERT_EQUAL_FATAL(cg_flow_actions(txn), CG_PASS);
    cg_label_begin(txn, 200);
    return txn;
}

static cg_txn_t *ask_chat(walk_t *walk, const char *question,
                          const char *spoken)
{
    return ask(walk, CG_ENDPOINT_CHAT,
               apr_psprintf(walk->pool, ASK, question), spoken);
}

static const char *whole(cg_txn_t *txn, const char *answer)
{
    cg_buf_t out;
    cg_buf_init(&out, 256, txn->pool);
    cg_buf_str(&out, answer);
    cg_label_whole(txn, &out);
    cg_walk_t walk;
    CU_ASSERT_EQUAL(cg_walk(out.ptr, out.len, &walk, NULL, txn->pool),
                    CG_WALK_OK);
    return cg_buf_cstr(&out);
}

/* Events in pieces of count events; what the caller gets. */
static cg_str_t events(cg_txn_t *txn, const char *const *data, size_t count)
{
    cg_buf_t out;
    cg_buf_init(&out, 1024, txn->pool);
    for (size_t i = 0; i < count; i++) {
        size_t from = out.len;
        cg_buf_fmt(&out, "data: %s\n\n", data[i]);
        cg_label_events(txn, &out, from);
    }
    return (cg_str_t){out.ptr, out.len};
}

static bool holds(cg_str_t text, const char *word)
{
    return memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

static void label_speaks_the_readers_language(void)
{
    static const struct {
        const char *question, *spoken, *words;
    } cases[] = {
        {"hello", "zh-CN,zh;q=0.9,en;q=0.8", ZH},
        {ZH_QUESTION, "en-GB, zh;q=0.5", EN},
        {ZH_QUESTION, "fr, de;q=0.9", ZH},
        {ZH_QUESTION, "*", ZH},
        {ZH_QUESTION, NULL, ZH},
        {"what is this", NULL, EN},
        {"what is this", "zh;q=0", EN},
        {"what is this", ";;,,q=,=;zh", EN},
        {"12345", NULL, ZH}, /* no script: the pack's first */
    };
    walk_t walk;
    open_labelled(&walk);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_txn_t *txn = ask_chat(&walk, cases[i].question, cases[i].spoken);
        CU_ASSERT(txn->region.is_labelled);
        CU_ASSERT_STRING_EQUAL(txn->region.words, cases[i].words);
    }
    walk_close(&walk);
}

static void label_stands_behind_each_choice_of_a_whole_chat(void)
{
    walk_t walk;
    open_labelled(&walk);
    cg_txn_t *txn = ask_chat(&walk, "hello", NULL);
    CU_ASSERT_STRING_EQUAL(cg_label_header(txn), "?1;region=\"cn\"");
    const char *got = whole(
        txn, "{\"id\":\"x\",\"choices\":["
             "{\"index\":0,\"message\":{\"content\":\"one\"},"
             "\"finish_reason\":\"stop\"},"
             "{\"index\":1,\"message\":{\"content\":\"two\\n\"},"
             "\"finish_reason\":\"length\"},"
             "{\"index\":2,\"message\":{\"content\":\"call\",\"tool_calls\":["
             "{\"id\":\"c\"}]},\"finish_reason\":\"stop\"},"
             "{\"index\":3,\"message\":{\"content\":null},"
             "\"finish_reason\":\"tool_calls\"}]}");
    CU_ASSERT_PTR_NOT_NULL(strstr(got, "\"one\\n\\n" EN "\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(got, "\"two\\n\\n\\n" EN "\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(got, "\"content\":\"call\""));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(got, apr_psprintf(walk.pool,
                                 "{\"ai_generated\":{\"label\":true,\"region\":"
                                 "\"cn\",\"id\":\"%s\"},\"id\":\"x\"",
                                 txn->in.id)));
    CU_ASSERT(txn->region.was_shown);
    walk_close(&walk);
}

static void label_leaves_json_that_was_asked_for_as_it_is(void)
{
    static const struct {
        cg_endpoint_t endpoint;
        const char *body;
    } cases[] = {
        {CG_ENDPOINT_CHAT,
         "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":"
         "\"x\"}],\"response_format\":{\"type\":\"json_object\"}}"},
        {CG_ENDPOINT_CHAT,
         "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":"
         "\"x\"}],\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
         "{}}}"},
        {CG_ENDPOINT_RESPONSES,
         "{\"model\":\"gpt-4o\",\"input\":\"x\",\"text\":{\"format\":{\"type\":"
         "\"json_schema\"}}}"},
    };
    walk_t walk;
    open_labelled(&walk);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_txn_t *txn = ask(&walk, cases[i].endpoint, cases[i].body, NULL);
        const char *got = whole(
            txn, "{\"choices\":[{\"message\":{\"content\":\"{}\"},"
                 "\"finish_reason\":\"stop\"}],\"output\":[{\"content\":[{"
                 "\"type\":\"output_text\",\"text\":\"{}\"}]}]}");
        CU_ASSERT_PTR_NULL(strstr(got, EN));
        CU_ASSERT_PTR_NULL(strstr(got, ZH));
        CU_ASSERT_PTR_NOT_NULL(strstr(got, "\"ai_generated\""));
        CU_ASSERT_FALSE(txn->region.was_shown);
    }
    walk_close(&walk);
}

static void label_is_only_where_the_region_wants_it(void)
{
    walk_t walk;
    open_labelled(&walk);
    cg_txn_t *txn = ask_chat(&walk, "hello", NULL);
    cg_label_begin(txn, 400);
    CU_ASSERT_FALSE(txn->region.is_labelled);
    txn = ask(&walk, CG_ENDPOINT_EMBEDDINGS,
              "{\"model\":\"embed\",\"input\":\"x\"}", NULL);
    CU_ASSERT_FALSE(txn->region.is_labelled);
    walk_say(&walk, "ChatGPTLabel", "off");
    txn = ask_chat(&walk, "hello", NULL);
    CU_ASSERT_FALSE(txn->region.is_labelled);
    CU_ASSERT_PTR_NULL(cg_label_header(txn));
    CU_ASSERT_STRING_EQUAL(whole(txn, "{\"choices\":[]}"), "{\"choices\":[]}");
    walk_close(&walk);
}

static void label_is_one_more_delta_before_the_end_of_each_choice(void)
{
    static const char *const chunks[] = {
        "{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{"
        "\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":null},"
        "\"finish_reason\":null}],\"usage\":null}",
        "{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{"
        "\"content\":\"one\"},\"finish_reason\":null}]}",
        "{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":1,\"delta\":{"
        "\"content\":\"two\"},\"finish_reason\":\"stop\"}]}",
        "{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":2,\"delta\":{"
        "\"tool_calls\":[{\"index\":0}]},\"finish_reason\":null}]}",
        "{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":2,\"delta\":{},"
        "\"finish_reason\":\"tool_calls\"},{\"index\":0,\"delta\":{},"
        "\"finish_reason\":\"stop\"}]}",
        "[DONE]"};
    walk_t walk;
    open_labelled(&walk);
    cg_txn_t *txn = ask_chat(&walk, "hello", NULL);
    cg_str_t got = events(txn, chunks, sizeof chunks / sizeof chunks[0]);
    static const char *const texts[] = {"one\n\n" EN, "two\n\n" EN, ""};
    for (int i = 0; i < 3; i++) {
        cg_str_t text = walk_text_of(got, "content", i, walk.pool);
        CU_ASSERT(cg_str_is(text, texts[i]));
    }
    /* Ours has the head of theirs, stands before the end, and is no second end. */
    CU_ASSERT(holds(got, "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{"
                         "\"index\":0,\"delta\":{\"content\":\"\\n\\n" EN
                         "\"},\"finish_reason\":null}]}\n\ndata: "
                         "{\"ai_generated\""));
    CU_ASSERT(holds(got, "data: [DONE]\n\n"));
    walk_close(&walk);
}

static void label_is_said_before_done_when_no_choice_has_an_end(void)
{
    static const char *const chunks[] = {
        "{\"id\":\"c\",\"choices\":[{\"index\":0,\"text\":\"one\"}]}",
        "[DONE]"};
    walk_t walk;
    open_labelled(&walk);
    cg_txn_t *txn =
        ask(&walk, CG_ENDPOINT_COMPLETIONS,
            "{\"model\":\"gpt-4o\",\"prompt\":\"hello\"}", NULL);
    cg_str_t got = events(txn, chunks, 2);
    CU_ASSERT(cg_str_is(walk_text_of(got, "text", 0, walk.pool),
                        "one\n\n" EN));
    walk_close(&walk);
}

static void label_stands_in_every_text_of_a_streamed_response(void)
{
    static const char *const chunks[] = {
        "{\"type\":\"response.output_text.delta\",\"item_id\":\"i\","
        "\"output_index\":1,\"content_index\":0,\"delta\":\"one\","
        "\"sequence_number\":4}",
        "{\"type\":\"response.output_text.done\",\"item_id\":\"i\","
        "\"output_index\":1,\"content_index\":0,\"text\":\"one\","
        "\"sequence_number\":5}",
        "{\"type\":\"response.content_part.done\",\"part\":{\"type\":"
        "\"output_text\",\"text\":\"one\"},\"sequence_number\":6}",
        "{\"type\":\"response.output_item.done\",\"item\":{\"content\":[{"
        "\"type\":\"output_text\",\"text\":\"one\"}]},\"sequence_number\":7}",
        "{\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"output\":"
        "[{\"content\":[{\"type\":\"output_text\",\"text\":\"one\"}]},{\"type\":"
        "\"function_call\",\"arguments\":\"{}\"}]},\"sequence_number\":8}"};
    walk_t walk;
    open_labelled(&walk);
    cg_txn_t *txn = ask(&walk, CG_ENDPOINT_RESPONSES,
                        "{\"model\":\"gpt-4o\",\"input\":\"hello\"}", NULL);
    cg_str_t got = events(txn, chunks, sizeof chunks / sizeof chunks[0]);
    CU_ASSERT(cg_str_is(walk_text_of(got, "delta", -1, walk.pool),
                        "one\n\n" EN));
    CU_ASSERT(cg_str_is(walk_text_of(got, "text", -1, walk.pool),
                        "one\n\n" EN "one\n\n" EN "one\n\n" EN "one\n\n" EN));
    CU_ASSERT(holds(got, "\"output_index\":1,\"content_index\":0,\"delta\":\""
                         "\\n\\n" EN "\""));
    CU_ASSERT(holds(got, "\"response\":{\"ai_generated\""));
    for (int number = 4; number <= 9; number++) {
        CU_ASSERT(holds(got, apr_psprintf(walk.pool, "\"sequence_number\":%d}",
                                          number)));
    }
    CU_ASSERT(holds(got, "\"arguments\":\"{}\""));
    walk_close(&walk);
}

CU_TestInfo test_flow_label[] = {
    {"label_speaks_the_readers_language", label_speaks_the_readers_language},
    {"label_stands_behind_each_choice_of_a_whole_chat",
     label_stands_behind_each_choice_of_a_whole_chat},
    {"label_leaves_json_that_was_asked_for_as_it_is",
     label_leaves_json_that_was_asked_for_as_it_is},
    {"label_is_only_where_the_region_wants_it",
     label_is_only_where_the_region_wants_it},
    {"label_is_one_more_delta_before_the_end_of_each_choice",
     label_is_one_more_delta_before_the_end_of_each_choice},
    {"label_is_said_before_done_when_no_choice_has_an_end",
     label_is_said_before_done_when_no_choice_has_an_end},
    {"label_stands_in_every_text_of_a_streamed_response",
     label_stands_in_every_text_of_a_streamed_response},
    CU_TEST_INFO_NULL,
};
