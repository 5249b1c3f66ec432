/* Uploads: what leaves of a form, wherever it is cut.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Cases: tests/data/upload/forms.jsonl; the boundary is X-b.
 */
#include "flow/upload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/walk.h"
#include "walk.h"

#define TYPE "multipart/form-data; boundary=X-b"

static walk_t fixture;

static cg_txn_t *begin(cg_endpoint_t endpoint, apr_pool_t *pool)
{
    cg_txn_t *txn = walk_request(&fixture, endpoint, "");
    txn->pool = pool;
    return txn;
}

/* In pieces of first, then step bytes, each in memory of its size. */
static cg_upload_t *send_cut(cg_txn_t *txn, cg_str_t body, size_t first,
                             size_t step)
{
    cg_upload_t *upload = cg_flow_upload_open(txn, TYPE, NULL);
    cg_verdict_t verdict = txn->verdict;
    for (size_t at = 0; at < body.len && verdict == CG_PASS;) {
        size_t len = at == 0 ? first : step;
        len = len < body.len - at ? len : body.len - at;
        char *copy = malloc(len);
        memcpy(copy, body.ptr + at, len);
        verdict = cg_flow_upload_feed(upload, (cg_str_t){copy, len});
        free(copy);
        at += len;
    }
    if (verdict == CG_PASS) {
        cg_flow_upload_finish(upload);
    }
    return upload;
}

static cg_str_t sent_of(const cg_upload_t *upload, apr_pool_t *pool)
{
    const cg_spill_t *spill = cg_flow_upload_body(upload);
    if (!spill->file) {
        return spill->memory;
    }
    char *bytes = apr_palloc(pool, (apr_size_t)spill->len);
    apr_off_t start = 0;
    apr_size_t len;
    apr_file_seek(spill->file, APR_SET, &start);
    CU_ASSERT_EQUAL(apr_file_read_full(spill->file, bytes,
                                       (apr_size_t)spill->len, &len),
                    APR_SUCCESS);
    return (cg_str_t){bytes, len};
}

static cg_str_t text_in(const cg_walk_t *row, const char *name,
                        apr_pool_t *pool)
{
    return cg_walk_string(row, cg_walk_member(row, 0, name), pool);
}

static void check(bool is_right, const cg_walk_t *row, const char *what)
{
    CU_ASSERT_TRUE(is_right);
    if (!is_right) {
        cg_str_t name = cg_walk_raw(row, cg_walk_member(row, 0, "name"));
        printf("\n    %.*s: %s\n", (int)name.len, name.ptr, what);
    }
}

static void check_refused(const cg_walk_t *row, const cg_txn_t *txn,
                          apr_pool_t *pool)
{
    cg_str_t param = text_in(row, "param", pool);
    const char *code =
        txn->verdict ? cg_reason_find(txn->verdict)->code : "(passed)";
    check(cg_str_is(text_in(row, "code", pool), code), row, code);
    check(param.len == 0 || (txn->param && cg_str_is(param, txn->param)), row,
          txn->param ? txn->param : "no param");
}

static void check_sent(const cg_walk_t *row, const cg_txn_t *txn,
                       const cg_upload_t *upload, apr_pool_t *pool)
{
    cg_str_t got = sent_of(upload, pool);
    cg_buf_t opaque;
    check(txn->verdict == CG_PASS, row,
          txn->verdict ? cg_reason_find(txn->verdict)->code : "");
    check(cg_str_equal(got, text_in(row, "sent", pool)), row,
          cg_str_dup(got, pool));
    cg_buf_init(&opaque, 32, pool);
    cg_opaque_write(&txn->out.opaque, &opaque);
    check(cg_str_equal((cg_str_t){opaque.ptr ? opaque.ptr : "", opaque.len},
                       text_in(row, "opaque", pool)),
          row, "opaque");
    int64_t found = -1;
    cg_walk_int(row, cg_walk_member(row, 0, "found"), &found);
    check(found < 0 || cg_tally_total(&txn->out.tally) == (uint32_t)found, row,
          "found");
}

static void check_cut(const cg_walk_t *row, cg_endpoint_t endpoint,
                      cg_str_t body, size_t first, size_t step)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, fixture.pool);
    cg_txn_t *txn = begin(endpoint, pool);
    cg_upload_t *upload = send_cut(txn, body, first, step);
    if (cg_walk_member(row, 0, "code") != CG_NODE_NONE) {
        check_refused(row, txn, pool);
    }
    else {
        check_sent(row, txn, upload, pool);
    }
    apr_pool_destroy(pool);
}

static void check_form(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t body = text_in(row, "body", pool);
    cg_str_t name = text_in(row, "endpoint", pool);
    cg_str_t actions = text_in(row, "policy", pool);
    cg_str_t opaque = text_in(row, "opaque_mode", pool);
    int endpoint = 0;
    while (endpoint < CG_ENDPOINT_COUNT &&
           !cg_str_is(name, cg_endpoints[endpoint].name)) {
        endpoint++;
    }
    walk_open_dry(&fixture);
    if (actions.len) {
        walk_say(&fixture, "ChatGPTRedact", cg_str_dup(actions, pool));
    }
    if (opaque.len) {
        walk_say(&fixture, "ChatGPTOpaque", cg_str_dup(opaque, pool));
    }
    check_cut(row, (cg_endpoint_t)endpoint, body, body.len, 1);
    for (size_t cut = 1; cut < body.len; cut++) {
        check_cut(row, (cg_endpoint_t)endpoint, body, cut, body.len);
    }
    check_cut(row, (cg_endpoint_t)endpoint, body, 1, 1);
    walk_close(&fixture);
}

static void a_form_leaves_the_same_wherever_it_is_cut(void)
{
    FILE *file = fopen("tests/data/upload/forms.jsonl", "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    apr_pool_t *pool;
    char *line = NULL;
    size_t cap = 0;
    int count = 0;
    apr_pool_create(&pool, NULL);
    for (ssize_t len = getline(&line, &cap, file); len > 0;
         len = getline(&line, &cap, file)) {
        cg_walk_t row;
        CU_ASSERT_EQUAL_FATAL(cg_walk(line, (size_t)len, &row, NULL, pool),
                              CG_WALK_OK);
        check_form(&row, pool);
        count++;
        apr_pool_clear(pool);
    }
    CU_ASSERT(count > 30);
    free(line);
    fclose(file);
    apr_pool_destroy(pool);
}

/* ---- long files --------------------------------------------------------- */

#define HEAD                                                                   \
    "--X-b\r\nContent-Disposition: form-data; name=\"file\"; "                 \
    "filename=\"a\"\r\n\r\n"
#define END "\r\n--X-b--\r\n"

/* Words with a value at every 4,000th byte or so, so that each edge of a block, of
 * what is sniffed and of a piece meets one. packed: in base64, too. */
static cg_str_t long_text(size_t bytes, const char *value, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, bytes + 8192, pool);
    cg_buf_str(&out, HEAD);
    for (int line = 0; out.len < bytes; line++) {
        for (int word = 0; word < 96 + line % 7; word++) {
            cg_buf_str(&out, "some words of a letter that nobody reads ");
        }
        cg_buf_str(&out, value);
        cg_buf_str(&out, line % 3 ? "\n" : " ");
    }
    cg_buf_str(&out, END);
    return (cg_str_t){out.ptr, out.len};
}

static size_t count_of(cg_str_t text, const char *words)
{
    size_t count = 0;
    size_t len = strlen(words);
    const char *at = memmem(text.ptr, text.len, words, len);
    for (; at; at = memmem(at + len,
                           text.len - (size_t)(at + len - text.ptr), words,
                           len)) {
        count++;
    }
    return count;
}

static void a_long_file_is_masked_at_every_edge(void)
{
    static const char *const values[] = {
        "4111 1111 1111 1111",
        "Y2FyZCA0MTExIDExMTEgMTExMSAxMTExIG9mIEFubg=="};
    for (int v = 0; v < 2; v++) {
        walk_open_dry(&fixture);
        cg_str_t body = long_text(3500000, values[v], fixture.pool);
        size_t before = count_of(body, values[v]);
        cg_str_t first = {"", 0};
        for (size_t step = 4099; step < 2000000; step = step * 21 + 1) {
            cg_txn_t *txn = begin(CG_ENDPOINT_FILE_UPLOAD, fixture.pool);
            cg_upload_t *upload = send_cut(txn, body, 77, step);
            cg_str_t got = sent_of(upload, fixture.pool);
            CU_ASSERT_EQUAL(txn->verdict, CG_PASS);
            CU_ASSERT_EQUAL(count_of(got, values[v]), 0);
            CU_ASSERT(count_of(got, "[CREDIT_CARD]") >= before);
            CU_ASSERT_EQUAL(cg_tally_total(&txn->out.tally), before);
            CU_ASSERT(first.len == 0 || cg_str_equal(first, got));
            first = got;
        }
        walk_close(&fixture);
    }
}

static void a_value_that_blocks_far_behind_refuses_the_whole(void)
{
    walk_open_dry(&fixture);
    walk_say(&fixture, "ChatGPTRedact", "CREDIT_CARD block");
    cg_str_t body = long_text(1500000, "", fixture.pool);
    cg_buf_t bad;
    cg_buf_init(&bad, body.len + 64, fixture.pool);
    cg_buf_add(&bad, body.ptr, body.len - (sizeof END - 1));
    cg_buf_str(&bad, "4111 1111 1111 1111" END);
    cg_txn_t *txn = begin(CG_ENDPOINT_FILE_UPLOAD, fixture.pool);
    send_cut(txn, (cg_str_t){bad.ptr, bad.len}, 50000, 50000);
    CU_ASSERT_EQUAL(txn->verdict, CG_CONTENT_BLOCKED);
    CU_ASSERT_STRING_EQUAL(txn->param, "file");
    walk_close(&fixture);
}

static void a_field_of_more_than_a_megabyte_is_too_large(void)
{
    walk_open_dry(&fixture);
    cg_buf_t body;
    cg_buf_init(&body, 1200000, fixture.pool);
    cg_buf_str(&body, "--X-b\r\nContent-Disposition: form-data; "
                      "name=\"prompt\"\r\n\r\n");
    for (int i = 0; i < 110000; i++) {
        cg_buf_str(&body, "ten bytes ");
    }
    cg_buf_str(&body, END);
    cg_txn_t *txn = begin(CG_ENDPOINT_IMAGE_EDITS, fixture.pool);
    send_cut(txn, (cg_str_t){body.ptr, body.len}, 50000, 50000);
    CU_ASSERT_EQUAL(txn->verdict, CG_TOO_LARGE);
    walk_close(&fixture);
}

static void the_form_says_what_the_request_is(void)
{
    static const char body[] =
        "--X-b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n"
        "gpt-4o-transcribe\r\n"
        "--X-b\r\nContent-Disposition: form-data; name=\"stream\"\r\n\r\n"
        "true\r\n"
        "--X-b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\n"
        "mail bob.smith@acme.com\r\n"
        "--X-b\r\nContent-Disposition: form-data; name=\"file\"; "
        "filename=\"a.wav\"\r\n\r\nRIFF\0\0\0\0WAVE\r\n--X-b--";
    walk_open_dry(&fixture);
    cg_txn_t *txn = begin(CG_ENDPOINT_TRANSCRIPTIONS, fixture.pool);
    cg_upload_t *upload =
        send_cut(txn, (cg_str_t){body, sizeof body - 1}, 100, 100);
    CU_ASSERT_EQUAL(txn->verdict, CG_PASS);
    CU_ASSERT(cg_str_is(txn->in.model, "gpt-4o-transcribe"));
    CU_ASSERT(txn->in.request.is_stream);
    CU_ASSERT_EQUAL(txn->in.request.choices, 1);
    CU_ASSERT(txn->in.upload_tokens > 0);
    CU_ASSERT(cg_str_is(txn->out.prompt,
                        "model: gpt-4o-transcribe\nstream: true\n"
                        "prompt: mail [EMAIL_ADDRESS]\nfile: a.wav "
                        "(12 bytes)"));
    CU_ASSERT_STRING_EQUAL(cg_flow_upload_type(upload), TYPE);
    walk_close(&fixture);
}

static void pseudonyms_of_a_form_are_those_of_a_chat(void)
{
    static const char body[] = HEAD "to bob.smith@acme.com" END;
    cg_error_t err;
    walk_open_dry(&fixture);
    walk_say(&fixture, "ChatGPTRedact", "EMAIL_ADDRESS pseudonym");
    fixture.gateway.pseudonym_keys = cg_pseudonym_keys_make(
        CG_STR("0123456789abcdef0123456789abcdef"), &err, fixture.pool);
    cg_txn_t *txn = begin(CG_ENDPOINT_FILE_UPLOAD, fixture.pool);
    cg_upload_t *upload =
        send_cut(txn, (cg_str_t){body, sizeof body - 1}, 9, 9);
    cg_str_t sent = sent_of(upload, fixture.pool);
    const char *token = memmem(sent.ptr, sent.len, "[[EMAIL_", 8);
    CU_ASSERT_PTR_NOT_NULL_FATAL(token);
    cg_txn_t *chat = walk_request(
        &fixture, CG_ENDPOINT_CHAT,
        "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\","
        "\"content\":\"to bob.smith@acme.com\"}]}");
    CU_ASSERT_EQUAL(cg_flow_inspect(chat), CG_PASS);
    CU_ASSERT_PTR_NOT_NULL(
        memmem(chat->out.body.ptr, chat->out.body.len, token, 13));
    walk_close(&fixture);
}

static void an_upload_that_cannot_be_kept_is_refused(void)
{
    walk_open_dry(&fixture);
    cg_str_t body = long_text(600000, "", fixture.pool);
    cg_txn_t *txn = begin(CG_ENDPOINT_FILE_UPLOAD, fixture.pool);
    cg_upload_t *upload =
        cg_flow_upload_open(txn, TYPE, "/nonexistent/folder");
    CU_ASSERT_EQUAL(cg_flow_upload_feed(upload, body), CG_UPLOAD_STORAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(cg_flow_upload_trouble(upload),
                                  "cannot keep an upload in "
                                  "/nonexistent/folder: "));
    walk_close(&fixture);
}

CU_TestInfo test_flow_upload[] = {
    {"a_form_leaves_the_same_wherever_it_is_cut",
     a_form_leaves_the_same_wherever_it_is_cut},
    {"a_long_file_is_masked_at_every_edge",
     a_long_file_is_masked_at_every_edge},
    {"a_value_that_blocks_far_behind_refuses_the_whole",
     a_value_that_blocks_far_behind_refuses_the_whole},
    {"a_field_of_more_than_a_megabyte_is_too_large",
     a_field_of_more_than_a_megabyte_is_too_large},
    {"the_form_says_what_the_request_is", the_form_says_what_the_request_is},
    {"pseudonyms_of_a_form_are_those_of_a_chat",
     pseudonyms_of_a_form_are_those_of_a_chat},
    {"an_upload_that_cannot_be_kept_is_refused",
     an_upload_that_cannot_be_kept_is_refused},
    CU_TEST_INFO_NULL,
};
