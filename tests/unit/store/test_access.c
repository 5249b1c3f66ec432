/* The words of ChatGPTStore: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "redis_fixture.h"
#include "store/access.h"

static const cg_store_access_t *read_words(const char *words, cg_error_t *err,
                                           apr_pool_t *pool)
{
    const cg_store_access_t *access = NULL;
    char **list;
    apr_array_header_t *array = apr_array_make(pool, 8, sizeof(char *));
    apr_tokenize_to_argv(words, &list, pool);
    for (int i = 0; list[i]; i++) {
        APR_ARRAY_PUSH(array, const char *) = list[i];
    }
    return cg_store_access_read(&access, array, NULL, err, pool) == APR_SUCCESS
               ? access
               : NULL;
}

static const char *secret_file(apr_pool_t *pool, const char *text)
{
    char path[] = "/tmp/cg-secret-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        CU_FAIL_FATAL("no temporary file");
    }
    close(fd);
    return apr_pstrdup(pool, path);
}

static void words_behind_the_url_say_who_we_are(void)
{
    apr_pool_t *pool;
    cg_error_t err = {.text = ""};
    apr_pool_create(&pool, NULL);
    const char *one = secret_file(pool, "geheim1\n");
    setenv("CG_TEST_STORE_SECRET", "geheim2", 1);
    const cg_store_access_t *access =
        read_words(apr_psprintf(pool,
                                "sentinel://a/m user=gate password=file:%s "
                                "sentinel-user=eye "
                                "sentinel-password=env:CG_TEST_STORE_SECRET",
                                one),
                   &err, pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(access);
    CU_ASSERT_STRING_EQUAL(access->url.user, "gate");
    CU_ASSERT(cg_str_is(cg_secret_open(access->url.password), "geheim1"));
    CU_ASSERT_STRING_EQUAL(access->sentinel_user, "eye");
    CU_ASSERT(cg_str_is(cg_secret_open(access->sentinel_password), "geheim2"));
    CU_ASSERT_PTR_NULL(access->tls);
    access = read_words("redis://u:pw@h user=other tls=off", &err, pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(access);
    CU_ASSERT_STRING_EQUAL(access->url.user, "other");
    CU_ASSERT_PTR_NOT_NULL(access->url.password);
    access = read_words("rediss://h", &err, pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(access);
    CU_ASSERT_PTR_NOT_NULL(access->tls);
    access =
        read_words("cluster://h tls=on server-name=redis.test", &err, pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(access);
    CU_ASSERT_PTR_NOT_NULL(access->tls);
    access = read_words("sentinel://a/m tls=on redis://b user=x", &err, pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(access);
    CU_ASSERT_STRING_EQUAL(access->url.where, "redis://b:6379/0");
    CU_ASSERT_PTR_NULL(access->tls);
    CU_ASSERT_STRING_EQUAL(access->url.user, "x");
    unsetenv("CG_TEST_STORE_SECRET");
    remove(one);
    apr_pool_destroy(pool);
}

static void words_that_are_wrong_are_refused_and_say_what_is_legal(void)
{
    static const struct {
        const char *words, *why;
    } cases[] = {
        {"redis://h geheim9", "password="},
        {"redis://h user=", "user="},
        {"redis://h password=geheim9", "file:"},
        {"redis://h password=file:/nonexistent/geheim", "password=:"},
        {"redis://h password=env:CG_TEST_IS_NOT_SET", "password=:"},
        {"redis://h tls=yes", "on or off"},
        {"rediss://h tls=off", "rediss"},
        {"redis://h ca=/x", "tls=on"},
        {"unix:/r tls=on", "Unix socket"},
        {"rediss://h key=/x", "certificate="},
        {"rediss://h ca=/nonexistent/ca.pem", "/nonexistent/ca.pem"},
        {"rediss://h certificate=/nonexistent/c", "/nonexistent/c"},
        {"redis://h sentinel-password=env:HOME", "sentinel://"},
        {"sentinel://h/m sentinel-user=x", "sentinel-password="},
        {"http://h", "sentinel://"},
    };
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_error_t err = {.text = ""};
        CU_ASSERT_PTR_NULL(read_words(cases[i].words, &err, pool));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].why));
        CU_ASSERT_PTR_NULL(strstr(err.text, "geheim9"));
    }
    apr_pool_destroy(pool);
}

/* The rights that docs/manual/store.md names are enough. */
static void user_of_an_access_list_may_do_what_the_manual_names(void)
{
    apr_pool_t *pool;
    redis_fixture_t redis;
    cg_store_t *store;
    cg_listener_t *listener;
    cg_reply_t r;
    cg_error_t err = {.text = ""};
    apr_pool_create(&pool, NULL);
    redis_fixture_start(&redis, false);
    cg_store_t *admin = redis_fixture_store(&redis, pool);
    redis_fixture_call(admin, pool, "ACL", "SETUSER", "gate", "on", ">geheim3",
                       "~cg:*", "&cg:*", "+@read", "+@write", "+@scripting",
                       "+@pubsub", "+@connection", "+info", "+role", "+time",
                       NULL);
    redis_fixture_call(admin, pool, "ACL", "SETUSER", "default", "off", NULL);
    const char *file = secret_file(pool, "geheim3");
    cg_store_options_t options = {
        .access = read_words(apr_psprintf(pool, "%s user=gate password=file:%s",
                                          redis.url, file),
                             &err, pool),
        .operation_for = apr_time_from_sec(5)};
    CU_ASSERT_PTR_NOT_NULL_FATAL(options.access);
    CU_ASSERT_EQUAL_FATAL(cg_store_open(&store, &options, &err, pool),
                          APR_SUCCESS);
    r = redis_fixture_call(store, pool, "SET", "cg:a", "1", NULL);
    CU_ASSERT(cg_str_is(r.text, "OK"));
    r = redis_fixture_call(store, pool, "EVAL",
                           "return redis.call('INCR', KEYS[1])", "1", "cg:a",
                           NULL);
    CU_ASSERT_EQUAL(r.number, 2);
    r = redis_fixture_call(store, pool, "SET", "other", "1", NULL);
    CU_ASSERT_EQUAL(r.kind, CG_REPLY_ERROR);
    CU_ASSERT_EQUAL(cg_store_subscribe(store, "cg:keys", &listener, &err, pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_store_generation(store), 1);
    remove(file);
    redis_fixture_stop(&redis);
    apr_pool_destroy(pool);
}

CU_TestInfo test_store_access[] = {
    {"words_behind_the_url_say_who_we_are",
     words_behind_the_url_say_who_we_are},
    {"words_that_are_wrong_are_refused_and_say_what_is_legal",
     words_that_are_wrong_are_refused_and_say_what_is_legal},
    {"user_of_an_access_list_may_do_what_the_manual_names",
     user_of_an_access_list_may_do_what_the_manual_names},
    CU_TEST_INFO_NULL,
};
