/* Step 6, observe, streams: tests. Cases: tests/data/flow/streams.jsonl, each
 * run whole and cut into pieces of every length up to 40 bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "../chat/cases.h"
#include "flow/observe_int.h"
#include "walk.h"

static const char *const bodies[CG_ENDPOINT_COUNT] = {
    [CG_ENDPOINT_CHAT] = "{\"model\":\"m\",\"stream\":true,\"messages\":"
                         "[{\"role\":\"user\"}]}",
    [CG_ENDPOINT_COMPLETIONS] =
        "{\"model\":\"m\",\"stream\":true,\"prompt\":\"\"}",
    [CG_ENDPOINT_RESPONSES] =
        "{\"model\":\"m\",\"stream\":true,\"input\":\"\"}",
};

static cg_endpoint_t endpoint_named(cg_str_t name)
{
    int i = 0;
    while (i < CG_ENDPOINT_COUNT && !cg_str_is(name, cg_endpoints[i].name)) {
        i++;
    }
    return (cg_endpoint_t)i;
}

static cg_txn_t *stream_txn(walk_t *walk, cg_endpoint_t endpoint)
{
    cg_txn_t *txn = walk_request(walk, endpoint, bodies[endpoint]);
    cg_flow_inspect(txn);
    txn->out.is_usage_ours = false;
    walk_answer_begins(txn, 200);
    return txn;
}

static void check_one(const cg_walk_t *row, cg_txn_t *txn, cg_str_t out)
{
    apr_pool_t *pool = txn->pool;
    cg_str_t member = text_in(row, "member", pool);
    cg_str_t ends = text_in(row, "ends", pool);
    cg_str_t exact = text_in(row, "out", pool);
    const char *name = member.len ? cg_str_dup(member, pool) : "content";
    check((int64_t)txn->verdict == number_in(row, "verdict", 0), row,
          "the verdict");
    if (exact.len) {
        check(cg_str_equal(out, exact), row, cg_str_dup(out, pool));
        return;
    }
    cg_str_t text =
        walk_text_of(out, name, number_in(row, "choice", -1), pool);
    check(cg_str_equal(text, text_in(row, "text", pool)), row,
          cg_str_dup(out, pool));
    bool has_error = memmem(out.ptr, out.len, "{\"error\":{", 10) != NULL;
    check(ends.len || has_error == flag_in(row, "error"), row, "an error");
    check(ends.len <= out.len &&
              memcmp(out.ptr + out.len - ends.len, ends.ptr, ends.len) == 0,
          row, cg_str_dup(out, pool));
    check(!memmem(out.ptr, out.len, "1111 1111", 9), row, "a secret");
    if (number_in(row, "count", -1) >= 0) {
        cg_observe_close(txn);
        check(cg_tally_total(&txn->answer.tally) ==
                  number_in(row, "count", -1),
              row, "how often it was found");
    }
}

/* What must stand before a mark has been put out when the mark comes. */
static void check_order(const cg_walk_t *row, cg_txn_t *txn, cg_str_t out)
{
    cg_str_t mark = text_in(row, "before", txn->pool);
    const char *at =
        mark.len ? memmem(out.ptr, out.len, mark.ptr, mark.len) : NULL;
    const char *mask = memmem(out.ptr, out.len, "[CREDIT_CARD]", 13);
    check(!mark.len || (at && mask && mask < at), row, "too late");
}

static void run_case(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t in = document_in(row, "in", pool);
    cg_str_t word = text_in(row, "action", pool);
    cg_endpoint_t endpoint = endpoint_named(text_in(row, "endpoint", pool));
    walk_t walk;
    walk_open_dry(&walk);
    if (word.len) {
        walk_say(&walk, "ChatGPTRedact",
                 apr_psprintf(pool, "* %.*s", (int)word.len, word.ptr));
    }
    cg_str_t first = {"", 0};
    for (size_t piece = 0; piece <= 40; piece++) {
        cg_txn_t *txn = stream_txn(&walk, endpoint);
        txn->out.is_usage_ours = flag_in(row, "ours");
        cg_str_t out = walk_stream(txn, in, piece, flag_in(row, "cut"));
        if (piece == 0) {
            first = out;
            check_one(row, txn, out);
            check_order(row, txn, out);
        }
        check(cg_str_equal(out, first), row, "the cut makes a difference");
    }
    walk_close(&walk);
}

static void streams_are_masked_whatever_the_cut(void)
{
    each_case("flow/streams.jsonl", run_case);
}

#define PROSE                                                                  \
    "Dear Bob, your card 4111 1111 1111 1111 (bob.smith@acme.com) and "       \
    "5500-0000-0000-0004 were seen from 10.20.30.40; the key is "              \
    "AKIAIOSFODNN7EXAMPLE. \\u4f60\\u597d, caf\\u00e9 \\\"ok\\\"."

/* The text cut at every place into two deltas is masked as the whole is. */
static void streams_mask_as_whole_answers_do(void)
{
    walk_t walk;
    cg_buf_t out;
    walk_open_dry(&walk);
    cg_txn_t *txn = stream_txn(&walk, CG_ENDPOINT_CHAT);
    cg_buf_init(&out, 0, walk.pool);
    CU_ASSERT_EQUAL(
        cg_flow_observe_whole(txn, CG_STR("{\"choices\":[{\"message\":"
                                          "{\"content\":\"" PROSE "\"}}]}"),
                              &out),
        CG_PASS);
    cg_walk_t doc;
    cg_walk(out.ptr, out.len, &doc, NULL, walk.pool);
    uint32_t node = doc.count - 1;
    cg_str_t whole = cg_walk_string(&doc, node, walk.pool);
    CU_ASSERT_PTR_NOT_NULL(memmem(whole.ptr, whole.len, "[CREDIT_CARD]", 13));
    cg_str_t prose = CG_STR(PROSE);
    for (size_t at = 0; at < prose.len; at++) {
        size_t from = at > 6 ? at - 6 : 0;
        if (memchr(prose.ptr + from, '\\', at - from)) {
            continue; /* not inside an escape */
        }
        cg_str_t sse = cg_str(apr_psprintf(
            walk.pool,
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%.*s\"}}"
            "]}\n\n"
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"}}]}"
            "\n\ndata: [DONE]\n\n",
            (int)at, prose.ptr, prose.ptr + at));
        txn = stream_txn(&walk, CG_ENDPOINT_CHAT);
        cg_str_t got = walk_text_of(walk_stream(txn, sse, 0, false), "content",
                                    0, walk.pool);
        CU_ASSERT(cg_str_equal(got, whole));
        CU_ASSERT(cg_str_equal(
            (cg_str_t){txn->answer.text.ptr, txn->answer.text.len}, whole));
    }
    walk_close(&walk);
}

static void streams_refuse_an_event_beyond_the_bound(void)
{
    walk_t walk;
    cg_buf_t sse;
    walk_open_dry(&walk);
    walk_say(&walk, "ChatGPTAnswerLimit", "1K");
    cg_txn_t *txn = stream_txn(&walk, CG_ENDPOINT_CHAT);
    cg_buf_init(&sse, 0, walk.pool);
    cg_buf_str(&sse, "data: {\"choices\":[{\"index\":0,\"delta\":{"
                     "\"content\":\"");
    for (int i = 0; i < 2000; i++) {
        cg_buf_char(&sse, 'a');
    }
    cg_str_t out = walk_stream(txn, (cg_str_t){sse.ptr, sse.len}, 100, true);
    CU_ASSERT_EQUAL(txn->verdict, CG_ANSWER_TOO_LARGE);
    CU_ASSERT_PTR_NOT_NULL(
        memmem(out.ptr, out.len, "answer_too_large", 16));
    walk_close(&walk);
}

static void streams_bound_the_texts_that_run_at_once(void)
{
    walk_t walk;
    cg_buf_t sse;
    walk_open_dry(&walk);
    cg_txn_t *txn = stream_txn(&walk, CG_ENDPOINT_CHAT);
    cg_buf_init(&sse, 0, walk.pool);
    for (int i = 0; i < 1025; i++) {
        cg_buf_fmt(&sse, "data: {\"choices\":[{\"index\":%d,\"delta\":{"
                         "\"content\":\"a\"}}]}\n\n", i);
    }
    walk_stream(txn, (cg_str_t){sse.ptr, sse.len}, 0, false);
    CU_ASSERT_EQUAL(txn->verdict, CG_ANSWER_TOO_LARGE);
    walk_close(&walk);
}

static void streams_keep_within_the_records_bound(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    walk_say(&walk, "ChatGPTAuditTextLimit", "4");
    cg_txn_t *txn = stream_txn(&walk, CG_ENDPOINT_CHAT);
    walk_stream(txn,
                CG_STR("data: {\"choices\":[{\"index\":0,\"delta\":{"
                       "\"content\":\"abc\xe4\xbd\xa0 \"}}]}\n\n"
                       "data: [DONE]\n\n"),
                0, false);
    CU_ASSERT(txn->answer.text_cut);
    CU_ASSERT(cg_str_is((cg_str_t){txn->answer.text.ptr, txn->answer.text.len},
                        "abc"));
    bool is_exact = false;
    CU_ASSERT_EQUAL(cg_flow_delivered(txn, &is_exact), 3); /* abc, 你, blank */
    walk_close(&walk);
}

CU_TestInfo test_flow_observe_stream[] = {
    {"streams_are_masked_whatever_the_cut",
     streams_are_masked_whatever_the_cut},
    {"streams_mask_as_whole_answers_do", streams_mask_as_whole_answers_do},
    {"streams_refuse_an_event_beyond_the_bound",
     streams_refuse_an_event_beyond_the_bound},
    {"streams_bound_the_texts_that_run_at_once",
     streams_bound_the_texts_that_run_at_once},
    {"streams_keep_within_the_records_bound",
     streams_keep_within_the_records_bound},
    CU_TEST_INFO_NULL,
};
