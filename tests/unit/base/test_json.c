/* JSON as values: what is read, what is refused, what is written.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

static apr_pool_t *open_pool(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    return pool;
}

static cg_json_t *parse(const char *text, cg_error_t *err, apr_pool_t *pool)
{
    return cg_json_parse(text, strlen(text), err, pool);
}

static void members_are_read_by_name_and_kind(void)
{
    apr_pool_t *pool = open_pool();
    cg_json_t *doc = parse("{\"s\":\"x\",\"i\":-7,\"r\":2.5,\"t\":true,"
                           "\"n\":null,\"a\":[1,\"two\"],\"o\":{}}",
                           NULL, pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(doc);
    CU_ASSERT_TRUE(cg_json_is_object(doc));
    CU_ASSERT_EQUAL(cg_json_size(doc), 7);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(doc, "s", "?"), "x");
    CU_ASSERT_EQUAL(cg_json_get_int(doc, "i", 0), -7);
    CU_ASSERT_EQUAL(cg_json_get_real(doc, "r", 0), 2.5);
    CU_ASSERT_EQUAL(cg_json_get_real(doc, "i", 0), -7.0);
    CU_ASSERT_TRUE(cg_json_get_bool(doc, "t", false));
    CU_ASSERT_TRUE(cg_json_is_bool(cg_json_get(doc, "t")));
    CU_ASSERT_TRUE(cg_json_is_null(cg_json_get(doc, "n")));
    cg_json_t *array = cg_json_get(doc, "a");
    CU_ASSERT_TRUE(cg_json_is_array(array));
    CU_ASSERT_EQUAL(cg_json_size(array), 2);
    CU_ASSERT_EQUAL(cg_json_int(cg_json_at(array, 0)), 1);
    CU_ASSERT_TRUE(cg_json_is_int(cg_json_at(array, 0)));
    CU_ASSERT_TRUE(cg_json_is_string(cg_json_at(array, 1)));
    CU_ASSERT_STRING_EQUAL(cg_json_text(cg_json_at(array, 1)), "two");
    apr_pool_destroy(pool);
}

static void missing_and_mistyped_members_give_the_fallback(void)
{
    apr_pool_t *pool = open_pool();
    cg_json_t *doc = parse("{\"s\":\"x\",\"i\":7}", NULL, pool);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(doc, "i", "?"), "?");
    CU_ASSERT_EQUAL(cg_json_get_int(doc, "s", 5), 5);
    CU_ASSERT_EQUAL(cg_json_get_int(NULL, "s", 5), 5);
    CU_ASSERT_EQUAL(cg_json_get_real(doc, "gone", 0.5), 0.5);
    CU_ASSERT_TRUE(cg_json_get_bool(doc, "i", true));
    CU_ASSERT_PTR_NULL(cg_json_get(doc, "gone"));
    CU_ASSERT_PTR_NULL(cg_json_get(cg_json_get(doc, "i"), "x"));
    CU_ASSERT_PTR_NULL(cg_json_at(doc, 0));
    CU_ASSERT_STRING_EQUAL(cg_json_text(NULL), "");
    CU_ASSERT_EQUAL(cg_json_int(NULL), 0);
    CU_ASSERT_EQUAL(cg_json_size(NULL), 0);
    CU_ASSERT_FALSE(cg_json_is_object(NULL));
    apr_pool_destroy(pool);
}

static void bad_documents_are_refused_with_a_place_and_without_a_quote(void)
{
    static const struct {
        const char *text;
        const char *words;
    } CASES[] = {
        {"", "ends too early"},
        {"{\"a\":", "ends too early"},
        {"{\"a\":1,\"a\":2}", "stands twice"},
        {"{\"a\":hunter2}", "not valid JSON"},
        {"[1] hunter2", "more text after the end"},
        {"[\"\\u0000\"]", "NUL"},
        {"[\"\xFF\"]", "UTF-8"},
        {"[99999999999999999999]", "out of range"},
    };
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        cg_error_t err = {""};
        CU_ASSERT_PTR_NULL(parse(CASES[i].text, &err, pool));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, CASES[i].words));
        CU_ASSERT_EQUAL(strncmp(err.text, "line ", 5), 0);
        CU_ASSERT_PTR_NULL(strstr(err.text, "hunter2"));
    }
    apr_pool_destroy(pool);
}

static void deep_nesting_is_refused(void)
{
    apr_pool_t *pool = open_pool();
    char *deep = malloc(100001);
    memset(deep, '[', 100000);
    deep[100000] = '\0';
    cg_error_t err = {""};
    CU_ASSERT_PTR_NULL(parse(deep, &err, pool));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "nested"));
    free(deep);
    apr_pool_destroy(pool);
}

static void what_is_written_reads_back_in_the_same_order(void)
{
    apr_pool_t *pool = open_pool();
    cg_json_t *doc = cg_json_object(pool);
    cg_json_t *list = cg_json_array(pool);
    cg_json_set_str(doc, "z", "a\"b");
    cg_json_set_strn(doc, "part", (cg_str_t){"abcdef", 3});
    cg_json_set_int(doc, "big", INT64_MAX);
    cg_json_set_real(doc, "tenth", 0.1);
    cg_json_set_bool(doc, "no", false);
    cg_json_set_null(doc, "nil");
    cg_json_set(doc, "list", list);
    cg_json_add_str(list, "s");
    cg_json_add_int(list, 5);
    cg_json_add(list, cg_json_object(pool));
    size_t len = 0;
    const char *text = cg_json_dump(doc, &len, pool);
    CU_ASSERT_STRING_EQUAL(
        text, "{\"z\":\"a\\\"b\",\"part\":\"abc\",\"big\":9223372036854775807,"
              "\"tenth\":0.1,\"no\":false,\"nil\":null,"
              "\"list\":[\"s\",5,{}]}");
    CU_ASSERT_EQUAL(len, strlen(text));
    CU_ASSERT_PTR_NOT_NULL(cg_json_parse(text, len, NULL, pool));
    apr_pool_destroy(pool);
}

static void what_cannot_be_written_becomes_null_or_is_repaired(void)
{
    apr_pool_t *pool = open_pool();
    cg_json_t *doc = cg_json_object(pool);
    cg_json_set_str(doc, "none", NULL);
    cg_json_set(doc, "nothing", NULL);
    cg_json_set_real(doc, "inf", __builtin_inf());
    cg_json_set_strn(doc, "cut", (cg_str_t){"a\xE4\xB8", 3});
    cg_json_set_strn(doc, "empty", (cg_str_t){NULL, 0});
    CU_ASSERT_STRING_EQUAL(cg_json_dump(doc, NULL, pool),
                           "{\"none\":null,\"nothing\":null,\"inf\":null,"
                           "\"cut\":\"a\xEF\xBF\xBD\xEF\xBF\xBD\","
                           "\"empty\":\"\"}");
    cg_json_t *list = cg_json_array(pool);
    cg_json_add(list, NULL);
    cg_json_add_str(list, NULL);
    CU_ASSERT_STRING_EQUAL(cg_json_dump(list, NULL, pool), "[null,null]");
    CU_ASSERT_STRING_EQUAL(cg_json_dump(NULL, NULL, pool), "null");
    apr_pool_destroy(pool);
}

static void members_come_in_turn(void)
{
    apr_pool_t *pool = open_pool();
    cg_json_t *doc = parse("{\"b\":1,\"a\":2,\"c\":3}", NULL, pool);
    char names[8] = "";
    int64_t sum = 0;
    void *iter = NULL;
    const char *name = NULL;
    cg_json_t *value = NULL;
    while (cg_json_each(doc, &iter, &name, &value)) {
        strncat(names, name, 1);
        sum += cg_json_int(value);
    }
    CU_ASSERT_STRING_EQUAL(names, "bac");
    CU_ASSERT_EQUAL(sum, 6);
    iter = NULL;
    CU_ASSERT_FALSE(cg_json_each(NULL, &iter, &name, &value));
    apr_pool_destroy(pool);
}

/* A value may be a member of two trees whose pools end at different times. */
static void a_value_outlives_the_pool_it_was_made_in(void)
{
    apr_pool_t *pool = open_pool();
    apr_pool_t *shorter = NULL;
    apr_pool_create(&shorter, pool);
    cg_json_t *doc = cg_json_object(pool);
    cg_json_t *part = cg_json_object(shorter);
    cg_json_set_str(part, "x", "y");
    cg_json_set(doc, "part", part);
    apr_pool_destroy(shorter);
    CU_ASSERT_STRING_EQUAL(cg_json_dump(doc, NULL, pool),
                           "{\"part\":{\"x\":\"y\"}}");
    apr_pool_destroy(pool);
}

static void files_are_loaded_and_errors_name_the_file(void)
{
    apr_pool_t *pool = open_pool();
    char path[] = "/tmp/cg-test-json-XXXXXX";
    int fd = mkstemp(path);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, "{\"a\":1}\n", 8), 8);
    cg_error_t err = {""};
    cg_json_t *doc = cg_json_load(path, &err, pool);
    CU_ASSERT_EQUAL(cg_json_get_int(doc, "a", 0), 1);
    CU_ASSERT_EQUAL(write(fd, "{", 1), 1);
    CU_ASSERT_PTR_NULL(cg_json_load(path, &err, pool));
    CU_ASSERT_EQUAL(strncmp(err.text, path, strlen(path)), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ": line 2, column 1: "));
    close(fd);
    unlink(path);
    CU_ASSERT_PTR_NULL(cg_json_load(path, &err, pool));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "No such file"));
    CU_ASSERT_PTR_NULL(cg_json_load("/tmp", &err, pool));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "directory"));
    CU_ASSERT_PTR_NULL(cg_json_load("/tmp", NULL, pool));
    apr_pool_destroy(pool);
}

CU_TestInfo test_base_json[] = {
    {"members_are_read_by_name_and_kind", members_are_read_by_name_and_kind},
    {"missing_and_mistyped_members_give_the_fallback",
     missing_and_mistyped_members_give_the_fallback},
    {"bad_documents_are_refused_with_a_place_and_without_a_quote",
     bad_documents_are_refused_with_a_place_and_without_a_quote},
    {"deep_nesting_is_refused", deep_nesting_is_refused},
    {"what_is_written_reads_back_in_the_same_order",
     what_is_written_reads_back_in_the_same_order},
    {"what_cannot_be_written_becomes_null_or_is_repaired",
     what_cannot_be_written_becomes_null_or_is_repaired},
    {"members_come_in_turn", members_come_in_turn},
    {"a_value_outlives_the_pool_it_was_made_in",
     a_value_outlives_the_pool_it_was_made_in},
    {"files_are_loaded_and_errors_name_the_file",
     files_are_loaded_and_errors_name_the_file},
    CU_TEST_INFO_NULL,
};
