/* The endpoints: what is one, what is none.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "chat/endpoint.h"

#include <string.h>

#include <CUnit/CUnit.h>

static cg_endpoint_t find_by(const char *method, const char *path)
{
    cg_str_t tail;
    return cg_chat_endpoint_find(cg_str(path), method, &tail);
}

static cg_endpoint_t find(const char *path)
{
    return find_by("GET", path);
}

static void each_row_is_found_by_its_path(void)
{
    for (int i = 0; i < CG_ENDPOINT_COUNT; i++) {
        CU_ASSERT_PTR_NOT_NULL(cg_endpoints[i].name);
        if (!cg_endpoints[i].has_tail) {
            CU_ASSERT_EQUAL(
                find_by(cg_endpoints[i].method, cg_endpoints[i].path),
                (cg_endpoint_t)i);
        }
    }
}

static void a_path_that_is_no_row_is_none(void)
{
    static const char *const paths[] = {"",
                                        "/",
                                        "/chat",
                                        "/chat/",
                                        "/chat/completions/",
                                        "/chat/completionsx",
                                        "/Chat/Completions",
                                        "//chat/completions",
                                        "/chat//completions",
                                        "/chat/completions/x",
                                        "/uploads",
                                        "/uploads/upload_1/parts",
                                        "/files/",
                                        "/files/file-1/",
                                        "/files/file-1/contents",
                                        "/files/../models",
                                        "/files/file%2D1",
                                        "/files/a/b",
                                        "/files/..",
                                        "/files/...",
                                        "/files//content",
                                        "/files/../content",
                                        "/batches/b/cancel/x",
                                        "/audio",
                                        "/audio/speech/x",
                                        "/images",
                                        "/responses/resp_1",
                                        "/models/",
                                        NULL};
    for (int i = 0; paths[i]; i++) {
        CU_ASSERT_EQUAL(find(paths[i]), CG_ENDPOINT_NONE);
    }
}

static void a_model_keeps_its_id_as_it_came(void)
{
    static const char *const ids[] = {
        "gpt-4o",  "acme%2Fgpt-x", "acme/gpt-x", "a%20b", "ft:gpt-4o:acme::1",
        "gpt-4.1", "a.b/..c",      NULL};
    for (int i = 0; ids[i]; i++) {
        char path[100] = "/models/";
        strcat(path, ids[i]);
        cg_str_t tail;
        CU_ASSERT_EQUAL(cg_chat_endpoint_find(cg_str(path), "GET", &tail),
                        CG_ENDPOINT_MODEL);
        CU_ASSERT_TRUE(cg_str_is(tail, ids[i]));
    }
}

static void an_id_cannot_climb_out_of_models(void)
{
    static const char *const paths[] = {"/models/..",
                                        "/models/../files",
                                        "/models/a/../../files",
                                        "/models/%2e%2E/files",
                                        "/models/..%2ffiles",
                                        "/models/.%2e",
                                        "/models/a/.",
                                        "/models//a",
                                        "/models/a//b",
                                        "/models/a/",
                                        "/models/a%2F",
                                        "/models/a\\..\\b",
                                        "/models/a?b",
                                        "/models/a b",
                                        "/models/a\tb",
                                        NULL};
    for (int i = 0; paths[i]; i++) {
        CU_ASSERT_EQUAL(find(paths[i]), CG_ENDPOINT_NONE);
    }
}

static void a_file_and_a_batch_are_found_by_method_and_id(void)
{
    static const struct {
        const char *method;
        const char *path;
        cg_endpoint_t endpoint;
        const char *id;
    } rows[] = {
        {"GET", "/files", CG_ENDPOINT_FILES, ""},
        {"POST", "/files", CG_ENDPOINT_FILE_UPLOAD, ""},
        {"GET", "/files/file-1", CG_ENDPOINT_FILE, "file-1"},
        {"DELETE", "/files/file-1", CG_ENDPOINT_FILE_DELETE, "file-1"},
        {"GET", "/files/file-1/content", CG_ENDPOINT_FILE_CONTENT, "file-1"},
        {"GET", "/files/content", CG_ENDPOINT_FILE, "content"},
        {"POST", "/batches", CG_ENDPOINT_BATCH_CREATE, ""},
        {"GET", "/batches/b_1", CG_ENDPOINT_BATCH, "b_1"},
        {"POST", "/batches/b_1/cancel", CG_ENDPOINT_BATCH_CANCEL, "b_1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cg_str_t tail;
        CU_ASSERT_EQUAL(cg_chat_endpoint_find(cg_str(rows[i].path),
                                              rows[i].method, &tail),
                        rows[i].endpoint);
        CU_ASSERT(cg_str_is(tail, rows[i].id));
    }
}

static void a_method_that_a_path_has_not_finds_one_that_it_has(void)
{
    cg_endpoint_t files = find_by("PUT", "/files");
    CU_ASSERT_NOT_EQUAL_FATAL(files, CG_ENDPOINT_NONE);
    CU_ASSERT(cg_chat_endpoint_is_beside(files, CG_ENDPOINT_FILES));
    CU_ASSERT(cg_chat_endpoint_is_beside(files, CG_ENDPOINT_FILE_UPLOAD));
    CU_ASSERT_FALSE(cg_chat_endpoint_is_beside(files, CG_ENDPOINT_FILE));
    CU_ASSERT_FALSE(cg_chat_endpoint_is_beside(CG_ENDPOINT_FILE,
                                               CG_ENDPOINT_FILE_CONTENT));
    CU_ASSERT_EQUAL(find_by("GET", "/batches/b_1/cancel"),
                    CG_ENDPOINT_BATCH_CANCEL);
}

static void a_batch_may_ask_for_what_has_lines(void)
{
    CU_ASSERT_EQUAL(cg_chat_endpoint_of_batch(CG_STR("/v1/chat/completions")),
                    CG_ENDPOINT_CHAT);
    static const char *const urls[] = {
        "", "/v1", "/v1/", "/chat/completions", "/v1/files", "/v1/batches",
        "/v1/chat/completions/", "/v2/chat/completions",
        "/v1/audio/transcriptions", "https://x.example/v1/chat/completions",
        NULL};
    for (int i = 0; urls[i]; i++) {
        CU_ASSERT_EQUAL(cg_chat_endpoint_of_batch(cg_str(urls[i])),
                        CG_ENDPOINT_NONE);
    }
}

CU_TestInfo test_chat_endpoint[] = {
    {"a_file_and_a_batch_are_found_by_method_and_id",
     a_file_and_a_batch_are_found_by_method_and_id},
    {"a_method_that_a_path_has_not_finds_one_that_it_has",
     a_method_that_a_path_has_not_finds_one_that_it_has},
    {"a_batch_may_ask_for_what_has_lines", a_batch_may_ask_for_what_has_lines},
    {"each_row_is_found_by_its_path", each_row_is_found_by_its_path},
    {"a_path_that_is_no_row_is_none", a_path_that_is_no_row_is_none},
    {"a_model_keeps_its_id_as_it_came", a_model_keeps_its_id_as_it_came},
    {"an_id_cannot_climb_out_of_models", an_id_cannot_climb_out_of_models},
    CU_TEST_INFO_NULL,
};
