/* Values that must not be shown: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

/* The flags of the mapping in which an address lies, as the system tells them. */
static bool has_flag(const void *at, const char *flag)
{
    char line[512];
    unsigned long start, end;
    bool is_inside = false, has = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    while (maps && fgets(line, sizeof line, maps)) {
        char *rest;
        start = strtoul(line, &rest, 16);
        if (*rest == '-' && rest > line) {
            end = strtoul(rest + 1, NULL, 16);
            is_inside = (uintptr_t)at >= start && (uintptr_t)at < end;
        }
        has = has || (is_inside && strncmp(line, "VmFlags:", 8) == 0 &&
                      strstr(line, flag));
    }
    if (maps) {
        fclose(maps);
    }
    return has;
}

/* The address sanitizer makes mlock do nothing; tests/http looks without it. */
static bool can_lock_here(void)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_FATAL(page != MAP_FAILED && mlock(page, 4096) == 0);
    bool can_lock = has_flag(page, " lo");
    munmap(page, 4096);
    return can_lock;
}

static void secret_is_locked_in_memory_and_left_out_of_dumps(void)
{
    apr_pool_t *pool, *below;
    bool can_lock = can_lock_here();
    char *room;
    apr_pool_create(&pool, NULL);
    apr_pool_create(&below, pool);
    const void *at = cg_secret_open(cg_secret_make(CG_STR("value"), pool)).ptr;
    cg_secret_room(5, &room, below);
    CU_ASSERT_EQUAL(memcmp(room, "\0\0\0\0\0", 5), 0);
    CU_ASSERT(has_flag(at, " dd"));
    CU_ASSERT_EQUAL(has_flag(at, " lo"), can_lock);
    CU_ASSERT(has_flag(room, " dd"));
    /* As after a fork, which drops the locks. */
    munlock(at, 1);
    munlock(room, 1);
    CU_ASSERT_FALSE(has_flag(at, " lo"));
    CU_ASSERT(cg_secrets_lock(pool));
    CU_ASSERT_EQUAL(has_flag(at, " lo"), can_lock);
    CU_ASSERT_FALSE(has_flag(room, " lo"));
    CU_ASSERT(cg_secrets_lock(below));
    CU_ASSERT_EQUAL(has_flag(room, " lo"), can_lock);
    apr_pool_destroy(pool);
}

CU_TestInfo test_base_secret[] = {
    {"secret_is_locked_in_memory_and_left_out_of_dumps",
     secret_is_locked_in_memory_and_left_out_of_dumps},
    {"secret_keeps_its_own_copy_of_any_bytes",
     secret_keeps_its_own_copy_of_any_bytes},
    {"secret_comes_from_a_file_less_one_newline",
     secret_comes_from_a_file_less_one_newline},
    {"secret_comes_from_the_environment_unless_empty",
     secret_comes_from_the_environment_unless_empty},
    {"secret_is_gone_with_its_pool", secret_is_gone_with_its_pool},
    CU_TEST_INFO_NULL,
};
