/* Step 6, observe: answers that are files, and transcripts.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/observe_file.h"

#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "walk.h"

static walk_t fixture;

static cg_txn_t *begin(cg_endpoint_t endpoint)
{
    cg_txn_t *txn = walk_request(&fixture, endpoint, "");
    CU_ASSERT_EQUAL_FATAL(cg_flow_actions(txn), CG_PASS);
    walk_answer_begins(txn, 200);
    return txn;
}

/* What the caller got, in pieces of that many bytes. */
static cg_str_t pass(cg_txn_t *txn, cg_str_t file, size_t piece, bool is_cut)
{
    cg_buf_t out;
    cg_verdict_t verdict = cg_flow_observe_file_open(txn, "text/plain");
    cg_buf_init(&out, 256, txn->pool);
    for (size_t at = 0; at < file.len && verdict == CG_PASS; at += piece) {
        size_t len = file.len - at < piece ? file.len - at : piece;
        char *copy = malloc(len);
        memcpy(copy, file.ptr + at, len);
        verdict =
            cg_flow_observe_file_feed(txn, (cg_str_t){copy, len}, &out);
        free(copy);
    }
    if (verdict == CG_PASS) {
        cg_flow_observe_file_finish(txn, is_cut, &out);
    }
    return (cg_str_t){out.ptr, out.len};
}

static void check_pieces(cg_endpoint_t endpoint, cg_str_t file,
                         const char *want)
{
    for (size_t piece = 1; piece <= file.len; piece++) {
        cg_txn_t *txn = begin(endpoint);
        cg_str_t got = pass(txn, file, piece, false);
        CU_ASSERT_EQUAL(txn->verdict, CG_PASS);
        CU_ASSERT(cg_str_is(got, want));
        CU_ASSERT(txn->answer.is_whole);
    }
}

static void a_text_is_masked_in_any_pieces(void)
{
    walk_open_dry(&fixture);
    check_pieces(CG_ENDPOINT_TRANSCRIPTIONS,
                 CG_STR("1\n00:00:00,000 --> 00:00:04,000\nmy card is 4111 "
                        "1111 1111 1111, mail bob.smith@acme.com\n\n"),
                 "1\n00:00:00,000 --> 00:00:04,000\nmy card is [CREDIT_CARD], "
                 "mail [EMAIL_ADDRESS]\n\n");
    walk_close(&fixture);
}

static void lines_are_masked_each_and_stay_documents(void)
{
    walk_open_dry(&fixture);
    check_pieces(CG_ENDPOINT_FILE_CONTENT,
                 CG_STR("{\"a\":\"to bob.smith@acme.com\"}\r\n\n"
                        "{\"card\":4111111111111111,\"n\":[1,2]}"),
                 "{\"a\":\"to [EMAIL_ADDRESS]\"}\r\n\n"
                 "{\"card\":\"[CREDIT_CARD]\",\"n\":[1,2]}");
    walk_close(&fixture);
}

static void what_cannot_be_read_goes_as_the_place_says(void)
{
    static const char bytes[] = "RIFF\0\0\0\0WAVE 4111 1111 1111 1111";
    cg_str_t file = {bytes, sizeof bytes - 1};
    walk_open_dry(&fixture);
    cg_txn_t *txn = begin(CG_ENDPOINT_FILE_CONTENT);
    CU_ASSERT(cg_str_equal(pass(txn, file, 5, false), file));
    CU_ASSERT_EQUAL(txn->out.opaque.by_kind[CG_OPAQUE_AUDIO], 1);
    walk_say(&fixture, "ChatGPTOpaque", "deny");
    txn = begin(CG_ENDPOINT_FILE_CONTENT);
    CU_ASSERT_EQUAL(pass(txn, file, 5, false).len, 0);
    CU_ASSERT_EQUAL(txn->verdict, CG_ANSWER_OPAQUE);
    walk_close(&fixture);
}

static void a_blocked_type_ends_the_answer(void)
{
    walk_open_dry(&fixture);
    walk_say(&fixture, "ChatGPTRedact", "CREDIT_CARD block answer");
    cg_txn_t *txn = begin(CG_ENDPOINT_FILE_CONTENT);
    cg_str_t got =
        pass(txn, CG_STR("the card 4111 1111 1111 1111 of Ann"), 3, false);
    CU_ASSERT_EQUAL(txn->verdict, CG_ANSWER_BLOCKED);
    CU_ASSERT_STRING_EQUAL(txn->blocked_type, "CREDIT_CARD");
    CU_ASSERT_PTR_NULL(memmem(got.ptr, got.len, "4111", 4));
    walk_close(&fixture);
}

static void a_file_that_is_cut_is_not_whole(void)
{
    walk_open_dry(&fixture);
    cg_txn_t *txn = begin(CG_ENDPOINT_FILE_CONTENT);
    pass(txn, CG_STR("some text"), 4, true);
    CU_ASSERT_EQUAL(txn->verdict, CG_UPSTREAM_BROKEN);
    CU_ASSERT_FALSE(txn->answer.is_whole);
    walk_close(&fixture);
}

static void an_empty_file_is_one(void)
{
    walk_open_dry(&fixture);
    cg_txn_t *txn = begin(CG_ENDPOINT_FILE_CONTENT);
    CU_ASSERT_EQUAL(pass(txn, CG_STR(""), 1, false).len, 0);
    CU_ASSERT_EQUAL(txn->verdict, CG_PASS);
    CU_ASSERT(txn->answer.is_whole);
    walk_close(&fixture);
}

static void pseudonyms_of_the_request_come_back_as_values(void)
{
    cg_error_t err;
    walk_open_dry(&fixture);
    walk_say(&fixture, "ChatGPTRedact", "EMAIL_ADDRESS pseudonym");
    fixture.gateway.pseudonym_keys = cg_pseudonym_keys_make(
        CG_STR("0123456789abcdef0123456789abcdef"), &err, fixture.pool);
    cg_buf_t token;
    cg_txn_t *txn = begin(CG_ENDPOINT_TRANSCRIPTIONS);
    cg_txn_pseudonyms(txn, CG_STR("bob.smith@acme.com"));
    cg_buf_init(&token, 64, fixture.pool);
    cg_buf_str(&token, "The caller is ");
    CU_ASSERT_FATAL(cg_pseudonyms_issue(txn->out.pseudonyms,
                                        CG_TYPE_EMAIL_ADDRESS,
                                        CG_STR("bob.smith@acme.com"), &token));
    cg_str_t got =
        pass(txn, (cg_str_t){token.ptr, token.len}, 3, false);
    CU_ASSERT(cg_str_is(got, "The caller is bob.smith@acme.com"));
    CU_ASSERT(cg_str_equal((cg_str_t){txn->answer.text.ptr,
                                      txn->answer.text.len},
                           (cg_str_t){token.ptr, token.len}));
    walk_close(&fixture);
}

static void check_transcript(const char *body, const char *want)
{
    cg_buf_t out;
    walk_open_dry(&fixture);
    cg_txn_t *txn = begin(CG_ENDPOINT_TRANSCRIPTIONS);
    cg_buf_init(&out, 256, txn->pool);
    CU_ASSERT_EQUAL(cg_flow_observe_whole(txn, cg_str(body), &out), CG_PASS);
    CU_ASSERT(cg_str_is((cg_str_t){out.ptr, out.len}, want));
    walk_close(&fixture);
}

static void pieces_of_a_transcript_do_not_tell_what_the_whole_hides(void)
{
    check_transcript(
        "{\"text\":\"card 4111 1111 1111 1111 ok\",\"segments\":[{\"text\":"
        "\"card 4111 1111\"},{\"text\":\"1111 1111 ok\"}],\"words\":[{\"word\":"
        "\"card\"},{\"word\":\"4111\"}]}",
        "{\"text\":\"card [CREDIT_CARD] ok\",\"segments\":[],\"words\":[]}");
    check_transcript(
        "{\"text\":\"card 4111 1111 1111 1111 ok\",\"segments\":[{\"text\":"
        "\"card 4111 1111 1111 1111\",\"words\":[{\"word\":\"4111\"}]},"
        "{\"text\":\"ok\"}]}",
        "{\"text\":\"card [CREDIT_CARD] ok\",\"segments\":[{\"text\":"
        "\"card [CREDIT_CARD]\",\"words\":[]},{\"text\":\"ok\"}]}");
    check_transcript("{\"text\":\"fine\",\"segments\":[{\"text\":\"fine\"}],"
                     "\"words\":[{\"word\":\"fine\"}]}",
                     "{\"text\":\"fine\",\"segments\":[{\"text\":\"fine\"}],"
                     "\"words\":[{\"word\":\"fine\"}]}");
}

CU_TestInfo test_flow_observe_file[] = {
    {"a_text_is_masked_in_any_pieces", a_text_is_masked_in_any_pieces},
    {"lines_are_masked_each_and_stay_documents",
     lines_are_masked_each_and_stay_documents},
    {"what_cannot_be_read_goes_as_the_place_says",
     what_cannot_be_read_goes_as_the_place_says},
    {"a_blocked_type_ends_the_answer", a_blocked_type_ends_the_answer},
    {"a_file_that_is_cut_is_not_whole", a_file_that_is_cut_is_not_whole},
    {"an_empty_file_is_one", an_empty_file_is_one},
    {"pseudonyms_of_the_request_come_back_as_values",
     pseudonyms_of_the_request_come_back_as_values},
    {"pieces_of_a_transcript_do_not_tell_what_the_whole_hides",
     pieces_of_a_transcript_do_not_tell_what_the_whole_hides},
    CU_TEST_INFO_NULL,
};
