/* Answers and events: usage, errors, running texts and their ends.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Cases: tests/data/chat/usage.jsonl and deltas.jsonl.
 */
#include "chat/answer.h"

#include "cases.h"

static cg_walk_t walk_of(const char *text, apr_pool_t *pool)
{
    cg_walk_t walk;
    CU_ASSERT_EQUAL_FATAL(cg_walk(text, strlen(text), &walk, NULL, pool),
                          CG_WALK_OK);
    return walk;
}

static cg_walk_t document_of(const cg_walk_t *row, const char *name,
                             apr_pool_t *pool)
{
    cg_walk_t walk;
    cg_str_t doc = document_in(row, name, pool);
    CU_ASSERT_EQUAL_FATAL(cg_walk(doc.ptr, doc.len, &walk, NULL, pool),
                          CG_WALK_OK);
    return walk;
}

/* ---- usage, model, error ---------------------------------------------- */

/* The four numbers as they stand in the case: [input,output,cached,reasoning]
 */
static bool is_usage(cg_str_t want, const cg_usage_t *usage, apr_pool_t *pool)
{
    cg_buf_t text;
    cg_buf_init(&text, 64, pool);
    cg_buf_fmt(&text, "[%lld,%lld,%lld,%lld]", (long long)usage->input_tokens,
               (long long)usage->output_tokens, (long long)usage->cached_tokens,
               (long long)usage->reasoning_tokens);
    return usage->is_known && cg_str_is(want, cg_buf_cstr(&text));
}

static void check_usage(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_walk_t walk = document_of(row, "doc", pool);
    cg_usage_t usage;
    bool is_known = cg_chat_answer_usage(&walk, &usage);
    check(is_known == usage.is_known, row, "is_known");
    uint32_t want = cg_walk_member(row, 0, "usage");
    check(is_known == (want != CG_NODE_NONE), row, "known or not");
    if (is_known && want != CG_NODE_NONE) {
        check(is_usage(cg_walk_raw(row, want), &usage, pool), row, "numbers");
    }
    check(cg_str_equal(cg_chat_answer_model(&walk, pool),
                       text_in(row, "model", pool)),
          row, "model");
    check(cg_chat_answer_is_error(&walk) == flag_in(row, "is_error"), row,
          "error");
    check(cg_chat_answer_is_usage_chunk(&walk) == flag_in(row, "is_chunk"), row,
          "usage chunk");
}

static void usage_model_and_errors_are_read(void)
{
    each_case("chat/usage.jsonl", check_usage);
}

/* ---- deltas ----------------------------------------------------------- */

static cg_endpoint_t endpoint_of(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t name = text_in(row, "endpoint", pool);
    int i = 0;
    while (i < CG_ENDPOINT_COUNT && !cg_str_is(name, cg_endpoints[i].name)) {
        i++;
    }
    return (cg_endpoint_t)i;
}

static bool has_string(const cg_walk_t *row, const char *list, const char *text,
                       apr_pool_t *pool)
{
    uint32_t array = cg_walk_member(row, 0, list);
    uint32_t at = array == CG_NODE_NONE ? array : row->nodes[array].child;
    for (; at != CG_NODE_NONE; at = row->nodes[at].next) {
        if (cg_str_is(cg_walk_string(row, at, pool), text)) {
            return true;
        }
    }
    return false;
}

static size_t channels_in(const cg_delta_t *deltas, size_t count)
{
    size_t channels = 0;
    for (size_t i = 0; i < count; i++) {
        size_t j = 0;
        while (deltas[j].channel != deltas[i].channel) {
            j++;
        }
        channels += i == j;
    }
    return channels;
}

static void check_deltas(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_walk_t walk = document_of(row, "event", pool);
    cg_delta_t *deltas;
    size_t count =
        cg_chat_answer_deltas(&walk, endpoint_of(row, pool), &deltas, pool);
    uint32_t list = cg_walk_member(row, 0, "deltas");
    check(count == cg_walk_length(row, list), row, "count");
    uint32_t want = row->nodes[list].child;
    for (size_t i = 0; i < count && want != CG_NODE_NONE; i++) {
        const char *pointer = cg_walk_pointer(&walk, deltas[i].node, pool);
        check(cg_str_is(cg_walk_string(row, want, pool), pointer), row,
              pointer);
        check(deltas[i].is_json == has_string(row, "json", pointer, pool), row,
              "is_json");
        want = row->nodes[want].next;
    }
    check(channels_in(deltas, count) ==
              (size_t)number_in(row, "channels", (int64_t)count),
          row, "channels");
}

static void running_texts_are_found_in_order(void)
{
    each_case("chat/deltas.jsonl", check_deltas);
}

static void more_deltas_than_there_is_room_for_are_told(void)
{
    for (int choices = CG_DELTAS_MAX; choices <= CG_DELTAS_MAX + 1; choices++) {
        apr_pool_t *pool = open_pool();
        cg_buf_t text;
        cg_buf_init(&text, 0, pool);
        cg_buf_str(&text, "{\"choices\":[");
        for (int i = 0; i < choices; i++) {
            cg_buf_fmt(&text, "%s{\"index\":%d,\"text\":\"a\"}", i ? "," : "",
                       i);
        }
        cg_buf_str(&text, "]}");
        cg_walk_t walk = walk_of(cg_buf_cstr(&text), pool);
        cg_delta_t *deltas;
        size_t count = cg_chat_answer_deltas(&walk, CG_ENDPOINT_COMPLETIONS,
                                             &deltas, pool);
        CU_ASSERT_EQUAL(count,
                        choices == CG_DELTAS_MAX ? CG_DELTAS_MAX : SIZE_MAX);
        apr_pool_destroy(pool);
    }
}

/* ---- ends ------------------------------------------------------------- */

static uint64_t channel(const char *event, cg_endpoint_t endpoint)
{
    apr_pool_t *pool = open_pool();
    cg_walk_t walk = walk_of(event, pool);
    cg_delta_t *deltas;
    CU_ASSERT_EQUAL_FATAL(
        cg_chat_answer_deltas(&walk, endpoint, &deltas, pool), 1);
    uint64_t which = deltas[0].channel;
    apr_pool_destroy(pool);
    return which;
}

static void segments_of_a_transcript_are_one_running_text(void)
{
    static const char first[] = "{\"type\":\"transcript.text.segment\","
                                "\"id\":\"a\",\"text\":\"4111 1111\"}";
    static const char second[] = "{\"type\":\"transcript.text.segment\","
                                 "\"id\":\"b\",\"text\":\"1111 1111\"}";
    static const char delta[] =
        "{\"type\":\"transcript.text.delta\",\"delta\":\"4111\"}";
    uint64_t which = channel(first, CG_ENDPOINT_TRANSCRIPTIONS);
    CU_ASSERT_EQUAL(which, channel(second, CG_ENDPOINT_TRANSCRIPTIONS));
    CU_ASSERT_NOT_EQUAL(which, channel(delta, CG_ENDPOINT_TRANSCRIPTIONS));
}

static bool ends(const char *event, cg_endpoint_t endpoint, uint64_t which)
{
    apr_pool_t *pool = open_pool();
    cg_walk_t walk = walk_of(event, pool);
    bool is_end = cg_chat_answer_ends(&walk, endpoint, which);
    apr_pool_destroy(pool);
    return is_end;
}

static void a_finish_reason_ends_all_texts_of_its_choice(void)
{
    cg_endpoint_t chat = CG_ENDPOINT_CHAT;
    uint64_t first = channel(
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}", chat);
    uint64_t second = channel(
        "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"a\"}}]}", chat);
    uint64_t call = channel(
        "{\"choices\":[{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":3,"
        "\"function\":{\"arguments\":\"a\"}}]}}]}",
        chat);
    const char *end = "{\"choices\":[{\"index\":0,\"finish_reason\":null},"
                      "{\"index\":1,\"finish_reason\":\"stop\"}]}";
    CU_ASSERT_FALSE(ends(end, chat, first));
    CU_ASSERT_TRUE(ends(end, chat, second));
    CU_ASSERT_TRUE(ends(end, chat, call));
    CU_ASSERT_FALSE(ends("{\"choices\":[{\"index\":1}]}", chat, call));
    CU_ASSERT_FALSE(ends("{\"choices\":[]}", chat, first));
    CU_ASSERT_FALSE(ends("{}", chat, first));
}

static void an_index_of_any_size_keeps_its_channel(void)
{
    static const char *const indices[] = {"16777215", "16777216",
                                          "9223372036854775807", "-1", NULL};
    for (int i = 0; indices[i]; i++) {
        char event[200];
        snprintf(event, sizeof event,
                 "{\"choices\":[{\"index\":%s,\"text\":\"a\","
                 "\"finish_reason\":\"stop\"}]}",
                 indices[i]);
        uint64_t which = channel(event, CG_ENDPOINT_COMPLETIONS);
        CU_ASSERT_TRUE(ends(event, CG_ENDPOINT_COMPLETIONS, which));
    }
}

#define EVENT(type, rest) "{\"type\":\"response." type "\"" rest "}"
#define AT(output, content)                                                    \
    ",\"output_index\":" #output ",\"content_index\":" #content
#define RESPONSES CG_ENDPOINT_RESPONSES

static void a_done_event_ends_the_text_it_names(void)
{
    uint64_t text = channel(
        EVENT("output_text.delta", AT(1, 2) ",\"delta\":\"a\""), RESPONSES);
    CU_ASSERT_TRUE(ends(EVENT("output_text.done", AT(1, 2)), RESPONSES, text));
    CU_ASSERT_FALSE(ends(EVENT("output_text.done", AT(1, 1)), RESPONSES, text));
    CU_ASSERT_FALSE(ends(EVENT("output_text.done", AT(2, 2)), RESPONSES, text));
    CU_ASSERT_FALSE(ends(EVENT("refusal.done", AT(1, 2)), RESPONSES, text));
    CU_ASSERT_FALSE(
        ends(EVENT("output_text.delta", AT(1, 2)), RESPONSES, text));
    CU_ASSERT_TRUE(ends(EVENT("content_part.done", AT(1, 2)), RESPONSES, text));
    CU_ASSERT_FALSE(
        ends(EVENT("content_part.done", AT(1, 0)), RESPONSES, text));
    CU_ASSERT_TRUE(ends(EVENT("output_item.done", ",\"output_index\":1"),
                        RESPONSES, text));
    CU_ASSERT_FALSE(ends(EVENT("output_item.done", ",\"output_index\":0"),
                         RESPONSES, text));
}

static void texts_of_one_item_have_channels_of_their_own(void)
{
    uint64_t text = channel(
        EVENT("output_text.delta", AT(1, 2) ",\"delta\":\"a\""), RESPONSES);
    uint64_t refusal =
        channel(EVENT("refusal.delta", AT(1, 2) ",\"delta\":\"a\""), RESPONSES);
    uint64_t summary = channel(
        EVENT("reasoning_summary_text.delta",
              ",\"output_index\":1,\"summary_index\":2,\"delta\":\"a\""),
        RESPONSES);
    CU_ASSERT_NOT_EQUAL(text, refusal);
    CU_ASSERT_NOT_EQUAL(text, summary);
    CU_ASSERT_NOT_EQUAL(refusal, summary);
    CU_ASSERT_TRUE(ends(EVENT("reasoning_summary_part.done",
                              ",\"output_index\":1,\"summary_index\":2"),
                        RESPONSES, summary));
}

static void the_last_event_ends_every_text(void)
{
    static const char *const last[] = {
        EVENT("completed", ",\"response\":{}"), EVENT("incomplete", ""),
        EVENT("failed", ""), "{\"type\":\"error\"}", NULL};
    uint64_t text = channel(
        EVENT("output_text.delta", AT(1, 2) ",\"delta\":\"a\""), RESPONSES);
    for (int i = 0; last[i]; i++) {
        CU_ASSERT_TRUE(ends(last[i], RESPONSES, text));
    }
    CU_ASSERT_FALSE(ends(EVENT("in_progress", ""), RESPONSES, text));
    CU_ASSERT_FALSE(ends("{}", RESPONSES, text));
}

CU_TestInfo test_chat_answer[] = {
    {"usage_model_and_errors_are_read", usage_model_and_errors_are_read},
    {"running_texts_are_found_in_order", running_texts_are_found_in_order},
    {"segments_of_a_transcript_are_one_running_text",
     segments_of_a_transcript_are_one_running_text},
    {"more_deltas_than_there_is_room_for_are_told",
     more_deltas_than_there_is_room_for_are_told},
    {"a_finish_reason_ends_all_texts_of_its_choice",
     a_finish_reason_ends_all_texts_of_its_choice},
    {"an_index_of_any_size_keeps_its_channel",
     an_index_of_any_size_keeps_its_channel},
    {"a_done_event_ends_the_text_it_names",
     a_done_event_ends_the_text_it_names},
    {"texts_of_one_item_have_channels_of_their_own",
     texts_of_one_item_have_channels_of_their_own},
    {"the_last_event_ends_every_text", the_last_event_ends_every_text},
    CU_TEST_INFO_NULL,
};
