/* The store's url: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>

#include "store/store.h"
#include "store/url.h"

static const struct case_t {
    const char *url;
    const char *path, *host;
    int port, db;
    const char *user, *password, *where;
} cases[] = {
    {"unix:/run/r.sock", "/run/r.sock", NULL, 0, 0, NULL, NULL,
     "unix:/run/r.sock"},
    {"unix:/run/r.sock?db=3", "/run/r.sock", NULL, 0, 3, NULL, NULL,
     "unix:/run/r.sock?db=3"},
    {"redis://h", NULL, "h", 6379, 0, NULL, NULL, "redis://h:6379/0"},
    {"redis://h:7000/2", NULL, "h", 7000, 2, NULL, NULL, "redis://h:7000/2"},
    {"redis://h/", NULL, "h", 6379, 0, NULL, NULL, "redis://h:6379/0"},
    {"redis://:pw@h", NULL, "h", 6379, 0, NULL, "pw", "redis://h:6379/0"},
    {"redis://u:p%40%2Fw@h:1/9", NULL, "h", 1, 9, "u", "p@/w", "redis://h:1/9"},
    {"redis://u@h", NULL, "h", 6379, 0, "u", NULL, "redis://h:6379/0"},
    {"redis://[::1]:7/1", NULL, "::1", 7, 1, NULL, NULL, "redis://[::1]:7/1"},
    {"redis://u:a/b@h", NULL, "h", 6379, 0, "u", "a/b", "redis://h:6379/0"},
};

static const char *const wrong[] = {
    "",
    "redis",
    "http://h",
    "unix:relative",
    "unix:",
    "unix:/a?db=x",
    "unix:/a?x=1",
    "unix:/a?db=99999",
    "redis://",
    "redis://:pw@",
    "redis://h:0",
    "redis://h:65536",
    "redis://h:",
    "redis://h:1x",
    "redis://h/x",
    "redis://[::1",
    "redis://[::1]x",
    "redis://u:%4@h",
    "redis://u:%00@h",
    "rediss://h",
    "redis://a b",
    "unix:/a\nb",
};

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void url_is_read_in_all_its_forms(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct case_t *c = &cases[i];
        cg_store_url_t url;
        cg_error_t err = {.text = ""};
        CU_ASSERT_FATAL(cg_store_url_parse(c->url, &url, &err, pool));
        CU_ASSERT(is_same(url.path, c->path));
        CU_ASSERT(is_same(url.host, c->host));
        CU_ASSERT_EQUAL(url.port, c->port);
        CU_ASSERT_EQUAL(url.db, c->db);
        CU_ASSERT(is_same(url.user, c->user));
        CU_ASSERT_EQUAL(url.password == NULL, c->password == NULL);
        if (url.password && c->password) {
            CU_ASSERT(cg_str_is(cg_secret_open(url.password), c->password));
        }
        CU_ASSERT_STRING_EQUAL(url.where, c->where);
        CU_ASSERT(cg_store_url_check(c->url, &err));
    }
    apr_pool_destroy(pool);
}

static void url_that_is_wrong_is_refused_with_the_legal_forms(void)
{
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cg_error_t err = {.text = ""};
        CU_ASSERT_FALSE(cg_store_url_check(wrong[i], &err));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "unix:/path"));
    }
}

static void url_never_shows_a_password(void)
{
    static const char *const urls[] = {
        "redis://u:geheim@h:x/1", "redis://u:geheim@", "http://u:geheim@h"};
    for (size_t i = 0; i < 3; i++) {
        cg_error_t err = {.text = ""};
        CU_ASSERT_FALSE(cg_store_url_check(urls[i], &err));
        CU_ASSERT_PTR_NULL(strstr(err.text, "geheim"));
    }
}

CU_TestInfo test_store_url[] = {
    {"url_is_read_in_all_its_forms", url_is_read_in_all_its_forms},
    {"url_that_is_wrong_is_refused_with_the_legal_forms",
     url_that_is_wrong_is_refused_with_the_legal_forms},
    {"url_never_shows_a_password", url_never_shows_a_password},
    CU_TEST_INFO_NULL,
};
