/* Where secrets come from: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/source.h"

static const char *write_file(const char *bytes, mode_t mode, apr_pool_t *pool)
{
    const char *tmp = getenv("TMPDIR");
    char *path = apr_pstrcat(pool, tmp && tmp[0] ? tmp : "/tmp",
                             "/cg-source-XXXXXX", NULL);
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
    CU_ASSERT_EQUAL(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static void source_has_one_of_three_forms_and_repeats_no_other(void)
{
    static const char *const good[] = {"file:/a", "env:A", "exec:/bin/x y"};
    static const char *const wrong[] = {
        "",       "file:",   "file:a",  "env:",     "exec:x",
        "/etc/x", "hunter2", "FILE:/a", "file :/a", "stored:x"};
    cg_error_t err = {""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CU_ASSERT(cg_source_check(good[i], &err));
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        apr_pool_t *pool;
        cg_secret_t *secret = NULL;
        apr_pool_create(&pool, NULL);
        CU_ASSERT_FALSE(cg_source_check(wrong[i], &err));
        CU_ASSERT_NOT_EQUAL(cg_source_read(wrong[i], &secret, &err, pool),
                            APR_SUCCESS);
        CU_ASSERT_PTR_NULL(secret);
        CU_ASSERT_PTR_NULL(strstr(err.text, "hunter2"));
        apr_pool_destroy(pool);
    }
}

static void source_file_must_be_closed_to_all_but_its_owner(void)
{
    static const mode_t open_modes[] = {0640, 0604, 0444, 0660, 0601, 0620};
    apr_pool_t *pool;
    cg_secret_t *secret;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    const char *path = write_file("word\n", 0400, pool);
    const char *word = apr_pstrcat(pool, "file:", path, NULL);
    CU_ASSERT_EQUAL_FATAL(cg_source_read(word, &secret, &err, pool),
                          APR_SUCCESS);
    CU_ASSERT(cg_str_is(cg_secret_open(secret), "word"));
    for (size_t i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
        CU_ASSERT_EQUAL(chmod(path, open_modes[i]), 0);
        CU_ASSERT_NOT_EQUAL(cg_source_read(word, &secret, &err, pool),
                            APR_SUCCESS);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "chmod 0400"));
    }
    unlink(path);
    CU_ASSERT_NOT_EQUAL(cg_source_read(word, &secret, &err, pool), APR_SUCCESS);
    apr_pool_destroy(pool);
}

static void source_file_must_belong_to_root_or_to_who_reads_it(void)
{
    apr_pool_t *pool;
    cg_secret_t *secret = NULL;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    const char *path = write_file("word\n", 0400, pool);
    const char *word = apr_pstrcat(pool, "file:", path, NULL);
    if (chown(path, 65534, (gid_t)-1) == 0) { /* only root can try */
        CU_ASSERT_NOT_EQUAL(cg_source_read(word, &secret, &err, pool),
                            APR_SUCCESS);
        CU_ASSERT_PTR_NULL(secret);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "chown"));
    }
    unlink(path);
    apr_pool_destroy(pool);
}

static void source_link_is_followed_and_a_pipe_or_a_folder_is_no_file(void)
{
    apr_pool_t *pool;
    cg_secret_t *secret = NULL;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    const char *path = write_file("word\n", 0400, pool);
    const char *link = apr_pstrcat(pool, path, ".link", NULL);
    const char *pipe = apr_pstrcat(pool, path, ".pipe", NULL);
    CU_ASSERT_EQUAL(symlink(path, link), 0);
    CU_ASSERT_EQUAL(mkfifo(pipe, 0400), 0);
    CU_ASSERT_EQUAL_FATAL(cg_source_read(apr_pstrcat(pool, "file:", link, NULL),
                                         &secret, &err, pool),
                          APR_SUCCESS);
    CU_ASSERT(cg_str_is(cg_secret_open(secret), "word"));
    CU_ASSERT_EQUAL(chmod(path, 0444), 0); /* a link has no mode of its own */
    CU_ASSERT_NOT_EQUAL(cg_source_read(apr_pstrcat(pool, "file:", link, NULL),
                                       &secret, &err, pool),
                        APR_SUCCESS);
    CU_ASSERT_NOT_EQUAL(cg_source_read(apr_pstrcat(pool, "file:", pipe, NULL),
                                       &secret, &err, pool),
                        APR_SUCCESS); /* and nobody waits for its other end */
    CU_ASSERT_NOT_EQUAL(cg_source_read("file:/", &secret, &err, pool),
                        APR_SUCCESS);
    unlink(pipe);
    unlink(link);
    unlink(path);
    apr_pool_destroy(pool);
}

/* Ten seconds, each of them idle. */
static void source_program_that_closes_its_output_and_goes_on_is_ended(void)
{
    apr_pool_t *pool;
    cg_secret_t *secret = NULL;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    apr_time_t began = apr_time_now();
    CU_ASSERT_EQUAL(cg_source_read("exec:/bin/sh -c 'echo half; exec >&-; "
                                   "exec sleep 60'",
                                   &secret, &err, pool),
                    APR_TIMEUP);
    CU_ASSERT(apr_time_now() - began < apr_time_from_sec(15));
    CU_ASSERT_PTR_NULL(secret);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "10 s"));
    apr_pool_destroy(pool);
}

static void source_program_gives_what_it_writes_when_it_ends_well(void)
{
    static const struct {
        const char *word, *value; /* NULL: fails */
    } cases[] = {
        {"exec:/bin/echo two words", "two words"},
        {"exec:/bin/echo 'two  words'", "two  words"},
        {"exec:/bin/sh -c 'echo ab; echo'", "ab\n"},
        {"exec:/bin/sh -c 'echo half; exit 3'", NULL},
        {"exec:/bin/sh -c 'echo half; kill -9 $$'", NULL},
        {"exec:/nonexistent/program", NULL},
        {"exec:/bin/sh -c 'head -c 70000 /dev/zero'", NULL},
    };
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_secret_t *secret = NULL;
        cg_error_t err = {""};
        apr_status_t rv = cg_source_read(cases[i].word, &secret, &err, pool);
        CU_ASSERT_EQUAL(rv == APR_SUCCESS, cases[i].value != NULL);
        if (cases[i].value && rv == APR_SUCCESS) {
            CU_ASSERT(cg_str_is(cg_secret_open(secret), cases[i].value));
        }
        if (!cases[i].value) {
            CU_ASSERT_PTR_NULL(secret);
            CU_ASSERT(*err.text && !strstr(err.text, "half"));
        }
    }
    apr_pool_destroy(pool);
}

CU_TestInfo test_base_source[] = {
    {"source_has_one_of_three_forms_and_repeats_no_other",
     source_has_one_of_three_forms_and_repeats_no_other},
    {"source_file_must_be_closed_to_all_but_its_owner",
     source_file_must_be_closed_to_all_but_its_owner},
    {"source_file_must_belong_to_root_or_to_who_reads_it",
     source_file_must_belong_to_root_or_to_who_reads_it},
    {"source_link_is_followed_and_a_pipe_or_a_folder_is_no_file",
     source_link_is_followed_and_a_pipe_or_a_folder_is_no_file},
    {"source_program_that_closes_its_output_and_goes_on_is_ended",
     source_program_that_closes_its_output_and_goes_on_is_ended},
    {"source_program_gives_what_it_writes_when_it_ends_well",
     source_program_gives_what_it_writes_when_it_ends_well},
    CU_TEST_INFO_NULL,
};
