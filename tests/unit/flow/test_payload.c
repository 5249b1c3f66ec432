/* Files inside strings: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/payload.h"

#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_general.h>

static const char bytes[] =
    "~~?\x3F>~ a file of some length, \xE4\xB8\xAD ~?>~?>~?>";

static void a_payload_is_found_and_comes_back_as_it_was(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (size_t len = 20; len < sizeof bytes; len++) {
        for (int way = 0; way < 4; way++) {
            cg_payload_t form = {.is_url_safe = way & 1, .is_padded = way & 2};
            cg_payload_t found;
            cg_str_t base64 =
                cg_payload_encode((cg_str_t){bytes, len}, &form, pool);
            CU_ASSERT_TRUE_FATAL(cg_payload_find(base64, &found));
            cg_str_t back = cg_payload_decode(base64, &found, pool);
            CU_ASSERT_TRUE(cg_str_equal(back, (cg_str_t){bytes, len}));
            cg_str_t again = cg_payload_encode(back, &found, pool);
            CU_ASSERT_TRUE(cg_str_equal(again, base64));
        }
    }
    apr_pool_destroy(pool);
}

static void words_and_pictures_by_reference_are_no_payload(void)
{
    static const char *const others[] = {
        "", "hello", "data:", "data:,hello", "data:text/plain,hello you there",
        "https://example.com/a.png?x=aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ",
        "some words that are nothing but letters and blanks",
        "data:text/plain;base64", "data:text/plain;base64,aGVsbG8",
        "data:text/plain;base64,aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ\"x"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        cg_payload_t found;
        CU_ASSERT_FALSE(cg_payload_find(cg_str(others[i]), &found));
    }
}

static void a_data_url_tells_its_type(void)
{
    cg_payload_t found;
    cg_str_t url = CG_STR("Data:Text/CSV;charset=utf-8;Base64,"
                          "aGVsbG8gd29ybGQg\r\naGVsbG8gd29ybGQg");
    CU_ASSERT_TRUE_FATAL(cg_payload_find(url, &found));
    CU_ASSERT_TRUE(cg_str_is(found.media_type, "Text/CSV"));
    CU_ASSERT_EQUAL(found.start, 35);
    CU_ASSERT_EQUAL(found.end, url.len);
}

static void runs_that_follow_each_other_are_all_read(void)
{
    apr_pool_t *pool;
    cg_payload_t found;
    apr_pool_create(&pool, NULL);
    cg_str_t two = CG_STR("data:;base64,NDExMTExMTExMQ==NDExMTExMTExMQ==");
    CU_ASSERT_TRUE_FATAL(cg_payload_find(two, &found));
    cg_str_t text = cg_payload_decode(two, &found, pool);
    CU_ASSERT_TRUE(cg_str_is(text, "41111111114111111111"));
    CU_ASSERT_TRUE(
        cg_str_has_prefix(cg_payload_head(two, &found, pool), "411111"));
    apr_pool_destroy(pool);
}

CU_TestInfo test_flow_payload[] = {
    {"a_payload_is_found_and_comes_back_as_it_was",
     a_payload_is_found_and_comes_back_as_it_was},
    {"words_and_pictures_by_reference_are_no_payload",
     words_and_pictures_by_reference_are_no_payload},
    {"a_data_url_tells_its_type", a_data_url_tells_its_type},
    {"runs_that_follow_each_other_are_all_read",
     runs_that_follow_each_other_are_all_read},
    CU_TEST_INFO_NULL,
};
