/* Reading requests and the edits made to them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Cases: tests/data/chat/requests.jsonl and edits.jsonl, and of the public
 * corpora security/chat-bodies.jsonl.
 */
#include "chat/request.h"

#include "cases.h"

#include <apr_strings.h>

/* ---- reading ---------------------------------------------------------- */

static cg_endpoint_t endpoint_of(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t name = text_in(row, "endpoint", pool);
    int i = 0;
    while (i < CG_ENDPOINT_COUNT && !cg_str_is(name, cg_endpoints[i].name)) {
        i++;
    }
    return (cg_endpoint_t)i;
}

static void check_refused(const cg_walk_t *row, cg_request_status_t status,
                          const char *param, const cg_error_t *err,
                          apr_pool_t *pool)
{
    cg_str_t want = text_in(row, "param", pool);
    if (cg_str_is(want, "(json)")) {
        check(status == CG_REQUEST_NOT_JSON && !param, row, err->text);
    } else {
        check(status == CG_REQUEST_BAD_MEMBER && param &&
                  cg_str_is(want, param),
              row, err->text);
    }
    check(err->text[0] != '\0', row, "no words");
}

static void check_read(const cg_walk_t *row, const cg_request_t *request,
                       apr_pool_t *pool)
{
    cg_str_t model = text_in(row, "model", pool);
    check(cg_str_equal(request->model, model), row, "model");
    check(request->model_node == CG_NODE_NONE
              ? cg_walk_member(&request->walk, 0, "model") == CG_NODE_NONE
              : cg_walk_key_is(&request->walk, request->model_node, "model"),
          row, "model_node");
    check(request->is_stream == flag_in(row, "stream"), row, "stream");
    check(request->asks_usage == flag_in(row, "asks_usage"), row, "usage");
    check(request->max_output_tokens == number_in(row, "max", -1), row, "max");
    check(request->choices == number_in(row, "choices", 1), row, "choices");
}

static void check_request(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_request_t request;
    const char *param = NULL;
    cg_error_t err = {""};
    cg_str_t body = document_in(row, "body", pool);
    cg_request_status_t status = cg_chat_request_read(
        endpoint_of(row, pool), body, &request, &param, &err, pool);
    if (cg_walk_member(row, 0, "param") != CG_NODE_NONE) {
        check_refused(row, status, param, &err, pool);
        return;
    }
    check(status == CG_REQUEST_OK, row, err.text);
    if (status == CG_REQUEST_OK) {
        check_read(row, &request, pool);
    }
}

static void requests_are_read_or_refused_by_name(void)
{
    each_case("chat/requests.jsonl", check_request);
}

/* ---- edits ------------------------------------------------------------ */

static void check_edit(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_request_t request;
    const char *param = NULL;
    cg_error_t err = {""};
    cg_str_t body = document_in(row, "body", pool);
    cg_request_status_t status = cg_chat_request_read(
        endpoint_of(row, pool), body, &request, &param, &err, pool);
    check(status == CG_REQUEST_OK, row, err.text);
    if (status != CG_REQUEST_OK) {
        return;
    }
    cg_splice_t splices[2];
    size_t count = 0;
    count += cg_chat_request_ask_usage(&request, &splices[count], pool);
    count += cg_chat_request_cap_output(&request, number_in(row, "cap", 1),
                                        &splices[count], pool);
    if (count == 2 && splices[1].start < splices[0].start) {
        cg_splice_t first = splices[1];
        splices[1] = splices[0];
        splices[0] = first;
    }
    cg_buf_t out;
    cg_buf_init(&out, 0, pool);
    cg_walk_splice(body, splices, count, &out);
    cg_str_t edited = {out.ptr, out.len};
    check(cg_str_equal(edited, text_in(row, "want", pool)), row,
          cg_buf_cstr(&out));
    status = cg_chat_request_read(request.endpoint, edited, &request, &param,
                                  &err, pool);
    check(status == CG_REQUEST_OK, row, err.text);
}

static void edits_leave_a_sound_request(void)
{
    each_case("chat/edits.jsonl", check_edit);
}

/* ---- the public corpus ------------------------------------------------ */

/* The inside of member name of a case, as it stands in the line. These lines
 * cannot be walked: some hold what the walker refuses. */
static bool raw_member(const char *line, const char *name, cg_str_t *out,
                       apr_pool_t *pool)
{
    const char *mark = apr_pstrcat(pool, "\"", name, "\": \"", NULL);
    const char *at = strstr(line, mark);
    if (!at || at == line || at[-1] == '\\') {
        return false;
    }
    at += strlen(mark);
    const char *end = at;
    while (*end && *end != '"') {
        end += *end == '\\' ? 2 : 1;
    }
    *out = (cg_str_t){at, (size_t)(end - at)};
    return true;
}

static cg_str_t member_or_empty(const char *line, const char *name,
                                apr_pool_t *pool)
{
    cg_str_t raw = CG_STR("");
    raw_member(line, name, &raw, pool);
    char *out = apr_palloc(pool, raw.len + 1);
    size_t len = cg_walk_unescape(raw, out, NULL);
    out[len] = '\0';
    return (cg_str_t){out, len};
}

static void add_times(cg_buf_t *out, cg_str_t unit, long times)
{
    for (long i = 0; i < times; i++) {
        cg_buf_add(out, unit.ptr, unit.len);
    }
}

static long count_in(const char *line, const char *name, long fallback)
{
    const char *at = strstr(line, name);
    return at ? strtol(at + strlen(name), NULL, 10) : fallback;
}

/* prefix + unit x n + middle + unit2 x n2 + suffix */
static cg_str_t made_body(const char *line, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, 0, pool);
    cg_str_t part = member_or_empty(line, "prefix", pool);
    long n = count_in(line, "\"n\": ", 0);
    add_times(&out, part, 1);
    add_times(&out, member_or_empty(line, "unit", pool), n);
    add_times(&out, member_or_empty(line, "middle", pool), 1);
    add_times(&out, member_or_empty(line, "unit2", pool),
              count_in(line, "\"n2\": ", n));
    add_times(&out, member_or_empty(line, "suffix", pool), 1);
    return (cg_str_t){out.ptr, out.len};
}

/* False for the bodies in base64, which only the HTTP suite unpacks. */
static bool corpus_body(const char *line, cg_str_t *out, apr_pool_t *pool)
{
    cg_str_t raw;
    if (raw_member(line, "body", &raw, pool)) {
        *out = member_or_empty(line, "body", pool);
        return true;
    }
    if (!strstr(line, "\"gen\": {")) {
        return false;
    }
    *out = made_body(line, pool);
    return true;
}

static bool check_corpus_line(const char *line, apr_pool_t *pool)
{
    cg_str_t body;
    if (!corpus_body(line, &body, pool)) {
        return false;
    }
    cg_request_t request;
    const char *param = NULL;
    cg_error_t err = {""};
    cg_request_status_t status = cg_chat_request_read(
        CG_ENDPOINT_CHAT, body, &request, &param, &err, pool);
    cg_str_t expect = member_or_empty(line, "expect", pool);
    bool is_right = cg_str_is(expect, "2xx")   ? status == CG_REQUEST_OK
                    : cg_str_is(expect, "4xx") ? status != CG_REQUEST_OK
                                               : true;
    CU_ASSERT_TRUE(is_right);
    if (!is_right) {
        printf("\n    %.60s: %s\n", line, err.text);
    }
    return true;
}

static void bodies_of_the_public_corpus_are_taken_or_refused(void)
{
    FILE *file = open_corpus("security/chat-bodies.jsonl");
    if (!file) {
        return;
    }
    apr_pool_t *pool = open_pool();
    char *line = NULL;
    size_t cap = 0;
    int count = 0;
    while (getline(&line, &cap, file) > 0) {
        count += check_corpus_line(line, pool);
        apr_pool_clear(pool);
    }
    CU_ASSERT_TRUE(count >= 100);
    free(line);
    fclose(file);
    apr_pool_destroy(pool);
}

CU_TestInfo test_chat_request[] = {
    {"requests_are_read_or_refused_by_name",
     requests_are_read_or_refused_by_name},
    {"edits_leave_a_sound_request", edits_leave_a_sound_request},
    {"bodies_of_the_public_corpus_are_taken_or_refused",
     bodies_of_the_public_corpus_are_taken_or_refused},
    CU_TEST_INFO_NULL,
};
