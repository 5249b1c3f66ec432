/* Step 6, observe: files in answers that are JSON.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>

#include "walk.h"

#define PNG "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
#define PCM "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"
#define TEXT "VGhpcyBpcyBub3RoaW5nIGJ1dCBwbGFpbiB0ZXh0IGhlcmU="

static const struct {
    const char *body;
    const char *kinds;
} ROWS[] = {
    {"{\"data\":[{\"b64_json\":\"" PNG "\"},{\"b64_json\":\"" PNG "\"}]}",
     "image=2"},
    {"{\"data\":[{\"b64_json\":\"" PCM "\"}]}", "image=1"},
    {"{\"choices\":[{\"message\":{\"audio\":{\"id\":\"a\",\"data\":\"" PCM
     "\"}}}]}",
     "audio=1"},
    {"{\"output\":[{\"type\":\"image_generation_call\",\"result\":\"" PCM
     "\"}]}",
     "image=1"},
    {"{\"url\":\"data:audio/wav;base64," PCM "\"}", "audio=1"},
    {"{\"data\":[{\"b64_json\":\"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCA\\/AAAAfFcSJ"
     "\"}]}",
     "image=1"},
    /* ids and digests look like base64; text can be read */
    {"{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"data\":\"" PCM "\"}",
     ""},
    {"{\"data\":[{\"b64_json\":\"" TEXT "\"}]}", ""},
    {"{\"choices\":[{\"message\":{\"content\":\"words\"}}]}", ""},
};

static cg_txn_t *answered(walk_t *walk)
{
    cg_txn_t *txn =
        walk_request(walk, CG_ENDPOINT_CHAT,
                     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}]}");
    CU_ASSERT_EQUAL_FATAL(cg_flow_actions(txn), CG_PASS);
    walk_answer_begins(txn, 200);
    return txn;
}

static bool has_kinds(const cg_txn_t *txn, const char *want)
{
    cg_buf_t kinds;
    cg_buf_init(&kinds, 64, txn->pool);
    cg_opaque_write(&txn->out.opaque, &kinds);
    return cg_str_is((cg_str_t){kinds.ptr, kinds.len}, want);
}

static void files_of_an_answer_are_counted_and_pass_as_they_are(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        cg_buf_t out;
        cg_txn_t *txn = answered(&walk);
        cg_buf_init(&out, 256, txn->pool);
        CU_ASSERT_EQUAL(cg_flow_observe_whole(txn, cg_str(ROWS[i].body), &out),
                        CG_PASS);
        CU_ASSERT(cg_str_is((cg_str_t){out.ptr, out.len}, ROWS[i].body));
        CU_ASSERT(has_kinds(txn, ROWS[i].kinds));
    }
    walk_close(&walk);
}

static void deny_refuses_an_answer_that_holds_one(void)
{
    walk_t walk;
    walk_open_dry(&walk);
    walk_say(&walk, "ChatGPTOpaque", "deny");
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        cg_buf_t out;
        cg_txn_t *txn = answered(&walk);
        cg_buf_init(&out, 256, txn->pool);
        cg_flow_observe_whole(txn, cg_str(ROWS[i].body), &out);
        CU_ASSERT_EQUAL(txn->verdict,
                        ROWS[i].kinds[0] ? CG_ANSWER_OPAQUE : CG_PASS);
        CU_ASSERT(!ROWS[i].kinds[0] || out.len == 0);
    }
    walk_close(&walk);
}

static void a_stream_counts_each_kind_once(void)
{
    static const char event[] =
        "data: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"" PNG
        "\"}\n\n";
    walk_t walk;
    walk_open_dry(&walk);
    cg_txn_t *txn = answered(&walk);
    cg_buf_t bytes;
    cg_buf_init(&bytes, 512, txn->pool);
    for (int i = 0; i < 3; i++) {
        cg_buf_str(&bytes, event);
    }
    cg_buf_str(&bytes, "data: [DONE]\n\n");
    cg_str_t all = {bytes.ptr, bytes.len};
    CU_ASSERT(cg_str_equal(walk_stream(txn, all, 7, false), all));
    CU_ASSERT(has_kinds(txn, "image=1"));
    walk_say(&walk, "ChatGPTOpaque", "deny");
    txn = answered(&walk);
    cg_str_t got = walk_stream(txn, all, 7, false);
    CU_ASSERT_EQUAL(txn->verdict, CG_ANSWER_OPAQUE);
    CU_ASSERT_PTR_NULL(memmem(got.ptr, got.len, "iVBOR", 5));
    walk_close(&walk);
}

CU_TestInfo test_flow_observe_opaque[] = {
    {"files_of_an_answer_are_counted_and_pass_as_they_are",
     files_of_an_answer_are_counted_and_pass_as_they_are},
    {"deny_refuses_an_answer_that_holds_one",
     deny_refuses_an_answer_that_holds_one},
    {"a_stream_counts_each_kind_once", a_stream_counts_each_kind_once},
    CU_TEST_INFO_NULL,
};
