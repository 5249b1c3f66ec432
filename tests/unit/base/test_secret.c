/* Values that must not be shown: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/secret.h"

static apr_status_t load(const char *bytes, size_t len, cg_secret_t **out,
                         cg_error_t *err, apr_pool_t *pool)
{
    const char *tmp = getenv("TMPDIR");
    char *path = apr_pstrcat(pool, tmp && tmp[0] ? tmp : "/tmp",
                             "/cg-secret-XXXXXX", NULL);
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, bytes, len), (ssize_t)len);
    close(fd);
    apr_status_t rv = cg_secret_load(path, out, err, pool);
    unlink(path);
    return rv;
}

static void secret_keeps_its_own_copy_of_any_bytes(void)
{
    apr_pool_t *pool;
    char bytes[] = "a\0b";
    apr_pool_create(&pool, NULL);
    cg_secret_t *secret = cg_secret_make((cg_str_t){bytes, 3}, pool);
    memset(bytes, 'x', 3);
    CU_ASSERT(cg_str_equal(cg_secret_open(secret), CG_STR("a\0b")));
    CU_ASSERT_EQUAL(cg_secret_open(cg_secret_make(CG_STR(""), pool)).len, 0);
    char *large = apr_palloc(pool, 70000);
    memset(large, 'y', 70000);
    cg_str_t value =
        cg_secret_open(cg_secret_make((cg_str_t){large, 70000}, pool));
    CU_ASSERT_EQUAL(value.len, 70000);
    CU_ASSERT_EQUAL(memcmp(value.ptr, large, 70000), 0);
    apr_pool_destroy(pool);
}

static void secret_comes_from_a_file_less_one_newline(void)
{
    static const char *const cases[][2] = {
        {"word\n", "word"}, {"word", "word"},   {"two\n\n", "two\n"},
        {"", ""},           {"\n", ""},         {" a ", " a "},
    };
    apr_pool_t *pool;
    cg_secret_t *secret;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL_FATAL(load(cases[i][0], strlen(cases[i][0]), &secret,
                                   &err, pool),
                              APR_SUCCESS);
        CU_ASSERT(cg_str_is(cg_secret_open(secret), cases[i][1]));
    }
    char *large = apr_palloc(pool, 65537);
    memset(large, 'z', 65537);
    CU_ASSERT_EQUAL(load(large, 65535, &secret, &err, pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_secret_open(secret).len, 65535);
    CU_ASSERT_NOT_EQUAL(load(large, 65537, &secret, &err, pool), APR_SUCCESS);
    CU_ASSERT_PTR_NULL(strstr(err.text, "zz"));
    CU_ASSERT_NOT_EQUAL(cg_secret_load("/nonexistent/x", &secret, &err, pool),
                        APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nonexistent/x"));
    apr_pool_destroy(pool);
}

static void secret_comes_from_the_environment_unless_empty(void)
{
    apr_pool_t *pool;
    cg_secret_t *secret;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    setenv("CG_TEST_SECRET", "word", 1);
    CU_ASSERT_EQUAL(cg_secret_from_env("CG_TEST_SECRET", &secret, &err, pool),
                    APR_SUCCESS);
    setenv("CG_TEST_SECRET", "", 1);
    CU_ASSERT(cg_str_is(cg_secret_open(secret), "word"));
    CU_ASSERT_EQUAL(cg_secret_from_env("CG_TEST_SECRET", &secret, &err, pool),
                    APR_ENOENT);
    unsetenv("CG_TEST_SECRET");
    CU_ASSERT_EQUAL(cg_secret_from_env("CG_TEST_SECRET", &secret, &err, pool),
                    APR_ENOENT);
    apr_pool_destroy(pool);
}

/* Is the address mapped? write(2) says EFAULT where it is not. */
static bool is_mapped(const void *at)
{
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    bool is_there = write(ends[1], at, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return is_there;
}

static void secret_is_gone_with_its_pool(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    const char *at = cg_secret_open(cg_secret_make(CG_STR("word"), pool)).ptr;
    CU_ASSERT(is_mapped(at));
    apr_pool_destroy(pool);
    CU_ASSERT_FALSE(is_mapped(at));
}

CU_TestInfo test_base_secret[] = {
    {"secret_keeps_its_own_copy_of_any_bytes",
     secret_keeps_its_own_copy_of_any_bytes},
    {"secret_comes_from_a_file_less_one_newline",
     secret_comes_from_a_file_less_one_newline},
    {"secret_comes_from_the_environment_unless_empty",
     secret_comes_from_the_environment_unless_empty},
    {"secret_is_gone_with_its_pool", secret_is_gone_with_its_pool},
    CU_TEST_INFO_NULL,
};
