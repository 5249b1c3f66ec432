/* The endpoints: what is one, what is none.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "chat/endpoint.h"

#include <string.h>

#include <CUnit/CUnit.h>

static apr_pool_t *pool(void)
{
    static apr_pool_t *one;
    if (!one) {
        apr_pool_create(&one, NULL);
    }
    return one;
}

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

CU_TestInfo test_chat_endpoint[] = {
    {"each_row_is_found_by_its_path", each_row_is_found_by_its_path},
    {"a_path_that_is_no_row_is_none", a_path_that_is_no_row_is_none},
    {"a_model_keeps_its_id_as_it_came", a_model_keeps_its_id_as_it_came},
    {"an_id_cannot_climb_out_of_models", an_id_cannot_climb_out_of_models},
    CU_TEST_INFO_NULL,
};
