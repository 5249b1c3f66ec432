/* Pseudonyms out and values back, through inspect and observe: tests.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Cases: tests/data/flow/pseudonyms.jsonl. "§n§" in an answer stands for the n-th
 * token of the request as it left; the answer comes whole, and as a stream cut in
 * two at every character, and in single characters; the caller reads "want" every
 * time, and the record keeps what has no value in it.
 */
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "../chat/cases.h"
#include "flow/observe_int.h"
#include "walk.h"

#define MARK "\xc2\xa7"
#define TOKENS_MAX 8

typedef struct shape_t {
    const char *member; /* of the case, and by which the text is found again */
    cg_endpoint_t endpoint;
    const char *whole;  /* around the escaped text: %s */
    const char *piece;  /* of a stream */
    const char *end;
} shape_t;

// clang-format off
static const shape_t shapes[] = {
    {"content", CG_ENDPOINT_CHAT,
     "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\"}}]}",
     "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"}}]}\n\n",
     "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"},
    {"text", CG_ENDPOINT_CHAT,
     "{\"choices\":[{\"index\":0,\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}}]}",
     "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}}]}\n\n",
     "data: [DONE]\n\n"},
    {"refusal", CG_ENDPOINT_CHAT,
     "{\"choices\":[{\"index\":0,\"message\":{\"content\":null,\"refusal\":\"%s\"}}]}",
     "data: {\"choices\":[{\"index\":0,\"delta\":{\"refusal\":\"%s\"}}]}\n\n",
     "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"},
    {"reasoning_content", CG_ENDPOINT_CHAT,
     "{\"choices\":[{\"index\":0,\"message\":{\"reasoning_content\":\"%s\"}}]}",
     "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"%s\"}}]}\n\n",
     "data: [DONE]\n\n"},
    {"transcript", CG_ENDPOINT_CHAT,
     "{\"choices\":[{\"index\":0,\"message\":{\"audio\":{\"id\":\"a\",\"transcript\":\"%s\"}}}]}",
     "data: {\"choices\":[{\"index\":0,\"delta\":{\"audio\":{\"transcript\":\"%s\"}}}]}\n\n",
     "data: [DONE]\n\n"},
    {"arguments", CG_ENDPOINT_CHAT,
     "{\"choices\":[{\"index\":0,\"message\":{\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"%s\"}}]}}]}",
     "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"%s\"}}]}}]}\n\n",
     "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n"},
    {"completion", CG_ENDPOINT_COMPLETIONS,
     "{\"choices\":[{\"index\":0,\"text\":\"%s\"}]}",
     "data: {\"choices\":[{\"index\":0,\"text\":\"%s\"}]}\n\n",
     "data: [DONE]\n\n"},
    {"output_text", CG_ENDPOINT_RESPONSES,
     "{\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"%s\"}]}]}",
     "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,\"delta\":\"%s\"}\n\n",
     "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":1,\"output_tokens\":1,\"total_tokens\":2}}}\n\n"},
    {"output_arguments", CG_ENDPOINT_RESPONSES,
     "{\"output\":[{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":\"%s\"}]}",
     "event: response.function_call_arguments.delta\ndata: {\"type\":\"response.function_call_arguments.delta\",\"output_index\":0,\"delta\":\"%s\"}\n\n",
     "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"server_error\",\"message\":\"x\"}}}\n\n"},
};
// clang-format on
#define SHAPES (sizeof shapes / sizeof shapes[0])

/* By what walk_text_of finds a shape's text in a document, and in events. */
static const char *name_of(const shape_t *shape, bool is_stream)
{
    if (strcmp(shape->member, "completion") == 0) {
        return "text";
    }
    if (shape->endpoint == CG_ENDPOINT_RESPONSES) {
        return is_stream ? "delta"
               : strcmp(shape->member, "output_text") == 0 ? "text"
                                                           : "arguments";
    }
    return shape->member;
}

/* A case under way. */
typedef struct run_t {
    walk_t walk;
    const cg_walk_t *row;
    const shape_t *shape;
    const char *tokens[TOKENS_MAX];
    int count;
} run_t;

static const cg_rules_t *make_rules(cg_str_t pattern, apr_pool_t *pool)
{
    cg_regex_t regex = {.name = "own", .regex = cg_str_dup(pattern, pool)};
    cg_rules_spec_t spec = {.regexes = &regex, .regex_count = 1};
    cg_rules_t *rules;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(cg_rules_create(&spec, &rules, &err, pool),
                          APR_SUCCESS);
    return rules;
}

static void set_up(run_t *run)
{
    const cg_walk_t *row = run->row;
    cg_error_t err = {""};
    walk_open_dry(&run->walk);
    apr_pool_t *pool = run->walk.pool;
    run->walk.gateway.pseudonym_keys = cg_pseudonym_keys_make(
        CG_STR("a key of at least thirty-two bytes"), &err, pool);
    cg_str_t pattern = text_in(row, "pattern", pool);
    if (pattern.len) {
        run->walk.gateway.rules = make_rules(pattern, pool);
    }
    uint32_t said = cg_walk_member(row, 0, "redact");
    if (said == CG_NODE_NONE) {
        walk_say(&run->walk, "ChatGPTRedact", "* pseudonym request");
    }
    for (uint32_t at = said == CG_NODE_NONE ? said : row->nodes[said].child;
         at != CG_NODE_NONE; at = row->nodes[at].next) {
        walk_say(&run->walk, "ChatGPTRedact",
                 cg_str_dup(cg_walk_string(row, at, pool), pool));
    }
}

/* The request as the row has it, and what left of it. */
static cg_txn_t *ask(run_t *run)
{
    apr_pool_t *pool = run->walk.pool;
    uint32_t request = cg_walk_member(run->row, 0, "request");
    cg_str_t raw = cg_walk_raw(run->row, request);
    cg_txn_t *txn = walk_request(&run->walk, run->shape->endpoint,
                                 cg_str_dup(raw, pool));
    check(cg_flow_inspect(txn) == CG_PASS, run->row, "inspected");
    txn->out.is_usage_ours = false;
    return txn;
}

static bool is_known(const run_t *run, const char *token)
{
    for (int i = 0; i < run->count; i++) {
        if (strcmp(run->tokens[i], token) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_typed(const run_t *run, const char *token)
{
    cg_str_t raw = cg_walk_raw(run->row, cg_walk_member(run->row, 0, "request"));
    return memmem(raw.ptr, raw.len, token, strlen(token)) != NULL;
}

/* The tokens of the request as it left, in their order, but typed ones. */
static void read_tokens(run_t *run, cg_str_t body)
{
    apr_pool_t *pool = run->walk.pool;
    const char *at = cg_str_dup(body, pool);
    run->count = 0;
    for (at = strstr(at, "[["); at; at = strstr(at + 2, "[[")) {
        size_t len = strcspn(at, "]") + 2;
        const char *token = apr_pstrndup(pool, at, len);
        if (at[2] >= 'A' && at[2] <= 'Z' && !is_known(run, token) &&
            !is_typed(run, token) && run->count < TOKENS_MAX) {
            run->tokens[run->count++] = token;
        }
    }
}

static cg_str_t fill_in(const run_t *run, cg_str_t text, apr_pool_t *pool)
{
    cg_buf_t out;
    const char *at = cg_str_dup(text, pool);
    cg_buf_init(&out, text.len + 64, pool);
    for (const char *mark = strstr(at, MARK); mark; mark = strstr(at, MARK)) {
        int number = mark[2] - '1';
        cg_buf_add(&out, at, (size_t)(mark - at));
        check(number >= 0 && number < run->count, run->row, "a token");
        cg_buf_str(&out, number < run->count ? run->tokens[number] : "?");
        at = mark + 5;
    }
    cg_buf_str(&out, at);
    return (cg_str_t){out.ptr, out.len};
}

static void put_around(cg_buf_t *out, const char *format, cg_str_t text)
{
    const char *at = strstr(format, "%s");
    cg_buf_add(out, format, (size_t)(at - format));
    cg_buf_json_escape(out, text.ptr, text.len);
    cg_buf_str(out, at + 2);
}

/* No value of the row stands in what the record keeps, or in what left. */
static void check_absent(const run_t *run, cg_str_t in, const char *where)
{
    const cg_walk_t *row = run->row;
    uint32_t values = cg_walk_member(row, 0, "values");
    for (uint32_t at = values == CG_NODE_NONE ? values
                                              : row->nodes[values].child;
         at != CG_NODE_NONE; at = row->nodes[at].next) {
        cg_str_t value = cg_walk_string(row, at, run->walk.pool);
        check(!memmem(in.ptr, in.len, value.ptr, value.len), row, where);
    }
}

static void check_got(const run_t *run, const cg_txn_t *txn, cg_str_t got,
                      const char *how)
{
    cg_str_t want = fill_in(run, text_in(run->row, "want", txn->pool),
                            txn->pool);
    if (!cg_str_equal(got, want)) {
        fprintf(stderr, "%s, %s: got %.*s\nwant %.*s\n", run->shape->member,
                how, (int)got.len, got.ptr, (int)want.len, want.ptr);
    }
    check(cg_str_equal(got, want), run->row, how);
    check_absent(run, (cg_str_t){txn->answer.text.ptr, txn->answer.text.len},
                 "a value in the record");
}

static void run_whole(run_t *run)
{
    cg_txn_t *txn = ask(run);
    cg_buf_t body;
    cg_buf_t out;
    read_tokens(run, txn->out.body);
    check_absent(run, txn->out.body, "a value in what left");
    check_absent(run, txn->out.prompt, "a value in the prompt's record");
    cg_buf_init(&body, 512, txn->pool);
    cg_buf_init(&out, 512, txn->pool);
    put_around(&body, run->shape->whole,
               fill_in(run, text_in(run->row, "answer", txn->pool), txn->pool));
    walk_answer_begins(txn, 200);
    check(cg_flow_observe_whole(txn, (cg_str_t){body.ptr, body.len}, &out) ==
              CG_PASS,
          run->row, "observed");
    cg_buf_t event;
    cg_buf_init(&event, out.len + 16, txn->pool);
    cg_buf_str(&event, "data: ");
    cg_buf_add(&event, out.ptr, out.len);
    cg_buf_str(&event, "\n\n");
    check_got(run, txn,
              walk_text_of((cg_str_t){event.ptr, event.len},
                           name_of(run->shape, false), -1, txn->pool),
              "whole");
}

/* The stream cut into pieces: at cut, or into single characters (SIZE_MAX). */
static void run_stream(run_t *run, size_t cut)
{
    cg_txn_t *txn = ask(run);
    cg_buf_t sse;
    cg_str_t text =
        fill_in(run, text_in(run->row, "answer", txn->pool), txn->pool);
    cg_buf_init(&sse, 1024, txn->pool);
    for (size_t at = 0; at < text.len;) {
        size_t len = cut == SIZE_MAX ? 1 : at < cut ? cut - at : text.len - at;
        while (at + len < text.len &&
               ((unsigned char)text.ptr[at + len] & 0xC0) == 0x80) {
            len++;
        }
        len = len < text.len - at ? len : text.len - at;
        put_around(&sse, run->shape->piece, (cg_str_t){text.ptr + at, len});
        at += len;
    }
    cg_buf_str(&sse, run->shape->end);
    walk_answer_begins(txn, 200);
    cg_str_t out =
        walk_stream(txn, (cg_str_t){sse.ptr, sse.len}, cut % 97, false);
    check_got(run, txn,
              walk_text_of(out, name_of(run->shape, true), -1, txn->pool),
              "stream");
}

static void run_shape(const cg_walk_t *row, const shape_t *shape)
{
    run_t run = {.row = row, .shape = shape};
    set_up(&run);
    run_whole(&run);
    size_t len =
        fill_in(&run, text_in(row, "answer", run.walk.pool), run.walk.pool).len;
    for (size_t cut = 0; cut < len; cut++) {
        run_stream(&run, cut);
    }
    run_stream(&run, SIZE_MAX);
    walk_close(&run.walk);
}

/* A row without a member goes for all shapes that are no JSON. */
static void run_row(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t member = text_in(row, "member", pool);
    bool is_run = false;
    for (size_t i = 0; i < SHAPES; i++) {
        bool is_json = strstr(shapes[i].member, "arguments") != NULL;
        bool is_wanted = cg_str_is(member, "arguments") ? is_json
                         : member.len ? cg_str_is(member, shapes[i].member)
                                      : !is_json;
        cg_str_t raw = cg_walk_raw(row, cg_walk_member(row, 0, "request"));
        bool is_chat = memmem(raw.ptr, raw.len, "\"messages\"", 10) != NULL;
        if (is_wanted && is_chat == (shapes[i].endpoint == CG_ENDPOINT_CHAT)) {
            run_shape(row, &shapes[i]);
            is_run = true;
        }
    }
    check(is_run, row, "a shape of that name");
}

static void tokens_go_out_and_values_come_back_whatever_the_cut(void)
{
    each_case("flow/pseudonyms.jsonl", run_row);
}

/* ---- what the model wrote ---- */

static cg_txn_t *ask_plain(walk_t *walk, const char *action)
{
    cg_error_t err = {""};
    walk_open_dry(walk);
    walk_say(walk, "ChatGPTRedact", action);
    walk->gateway.pseudonym_keys = cg_pseudonym_keys_make(
        CG_STR("a key of at least thirty-two bytes"), &err, walk->pool);
    cg_txn_t *txn = walk_request(
        walk, CG_ENDPOINT_CHAT,
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
        "\"ann@example.com\"}]}");
    CU_ASSERT_EQUAL(cg_flow_inspect(txn), CG_PASS);
    txn->out.is_usage_ours = false;
    walk_answer_begins(txn, 200);
    return txn;
}

static void values_of_the_model_get_tokens_that_stay(void)
{
    static const char event[] =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ask "
        "bob@example.com, password: Hunter2!x \"}}]}\n\ndata: [DONE]\n\n";
    walk_t walk;
    cg_txn_t *txn = ask_plain(&walk, "* pseudonym");
    cg_buf_t out;
    cg_buf_init(&out, 256, walk.pool);
    CU_ASSERT_EQUAL(
        cg_flow_observe_whole(
            txn,
            CG_STR("{\"choices\":[{\"index\":0,\"message\":{\"content\":"
                   "\"ask bob@example.com, password: Hunter2!x \"}}]}"),
            &out),
        CG_PASS);
    cg_str_t sse = {apr_pstrcat(walk.pool, "data: ", cg_buf_cstr(&out),
                                "\n\n", NULL),
                    out.len + 8};
    cg_str_t whole = walk_text_of(sse, "content", -1, walk.pool);
    cg_str_t stream = walk_text_of(walk_stream(txn, CG_STR(event), 3, false),
                                   "content", -1, walk.pool);
    CU_ASSERT(cg_str_has_prefix(whole, "ask [[EMAIL_"));
    CU_ASSERT_PTR_NOT_NULL(memmem(whole.ptr, whole.len,
                                  "]], password: [SECRET_PASSWORD] ", 32));
    CU_ASSERT(cg_str_equal(whole, stream));
    walk_close(&walk);
}

static void without_keys_pseudonyms_are_masks(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    walk_say(&walk, "ChatGPTRedact", "* pseudonym");
    cg_txn_t *txn = walk_request(
        &walk, CG_ENDPOINT_CHAT,
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
        "\"ann@example.com\"}]}");
    CU_ASSERT_EQUAL(cg_flow_inspect(txn), CG_PASS);
    CU_ASSERT_PTR_NOT_NULL(memmem(txn->out.body.ptr, txn->out.body.len,
                                  "\"[EMAIL_ADDRESS]\"", 17));
    CU_ASSERT_PTR_NULL(txn->out.pseudonyms);
    walk_close(&walk);
}

/* ---- many texts in one event ---- */

static void an_event_may_hold_the_texts_of_many_choices(void)
{
    walk_t walk;
    cg_buf_t sse;
    cg_txn_t *txn = ask_plain(&walk, "* mask");
    cg_buf_init(&sse, 4096, walk.pool);
    for (int half = 0; half < 2; half++) {
        cg_buf_str(&sse, "data: {\"choices\":[");
        for (int i = 0; i < 200; i++) {
            cg_buf_fmt(&sse, "%s{\"index\":%d,\"delta\":{\"content\":\"%s\"}}",
                       i ? "," : "", i, half ? "0138000." : "no 1380");
        }
        cg_buf_str(&sse, "]}\n\n");
    }
    cg_buf_str(&sse, "data: [DONE]\n\n");
    cg_str_t out = walk_stream(txn, (cg_str_t){sse.ptr, sse.len}, 0, false);
    CU_ASSERT_EQUAL(txn->verdict, CG_PASS);
    for (int i = 0; i < 200; i += 199) {
        CU_ASSERT(cg_str_is(walk_text_of(out, "content", i, walk.pool),
                            "no [PHONE_NUMBER]."));
    }
    walk_close(&walk);
}

CU_TestInfo test_flow_observe_restore[] = {
    {"tokens_go_out_and_values_come_back_whatever_the_cut",
     tokens_go_out_and_values_come_back_whatever_the_cut},
    {"values_of_the_model_get_tokens_that_stay",
     values_of_the_model_get_tokens_that_stay},
    {"without_keys_pseudonyms_are_masks", without_keys_pseudonyms_are_masks},
    {"an_event_may_hold_the_texts_of_many_choices",
     an_event_may_hold_the_texts_of_many_choices},
    CU_TEST_INFO_NULL,
};
