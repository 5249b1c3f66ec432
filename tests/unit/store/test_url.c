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
    cg_store_kind_t kind;
    bool is_tls;
    int seeds_count;
    const char *master;
} cases[] = {
    {"unix:/run/r.sock", "/run/r.sock", NULL, 0, 0, NULL, NULL,
     "unix:/run/r.sock", CG_STORE_ONE, false, 1, NULL},
    {"unix:/run/r.sock?db=3", "/run/r.sock", NULL, 0, 3, NULL, NULL,
     "unix:/run/r.sock?db=3", CG_STORE_ONE, false, 1, NULL},
    {"redis://h", NULL, "h", 6379, 0, NULL, NULL, "redis://h:6379/0",
     CG_STORE_ONE, false, 1, NULL},
    {"redis://h:7000/2", NULL, "h", 7000, 2, NULL, NULL, "redis://h:7000/2",
     CG_STORE_ONE, false, 1, NULL},
    {"redis://h/", NULL, "h", 6379, 0, NULL, NULL, "redis://h:6379/0",
     CG_STORE_ONE, false, 1, NULL},
    {"redis://:pw@h", NULL, "h", 6379, 0, NULL, "pw", "redis://h:6379/0",
     CG_STORE_ONE, false, 1, NULL},
    {"redis://u:p%40%2Fw@h:1/9", NULL, "h", 1, 9, "u", "p@/w", "redis://h:1/9",
     CG_STORE_ONE, false, 1, NULL},
    {"redis://u@h", NULL, "h", 6379, 0, "u", NULL, "redis://h:6379/0",
     CG_STORE_ONE, false, 1, NULL},
    {"redis://[::1]:7/1", NULL, "::1", 7, 1, NULL, NULL, "redis://[::1]:7/1",
     CG_STORE_ONE, false, 1, NULL},
    {"redis://u:a/b@h", NULL, "h", 6379, 0, "u", "a/b", "redis://h:6379/0",
     CG_STORE_ONE, false, 1, NULL},
    {"rediss://u:a/b@h:1/2", NULL, "h", 1, 2, "u", "a/b", "rediss://h:1/2",
     CG_STORE_ONE, true, 1, NULL},
    {"sentinel://a,b:5,[::1]:6/main", NULL, "a", 26379, 0, NULL, NULL,
     "sentinel://a:26379,b:5,[::1]:6/main/0", CG_STORE_SENTINEL, false, 3,
     "main"},
    {"sentinel://u:a/b@h/main/4", NULL, "h", 26379, 4, "u", "a/b",
     "sentinel://h:26379/main/4", CG_STORE_SENTINEL, false, 1, "main"},
    {"cluster://a:1,b:2,c", NULL, "a", 1, 0, NULL, NULL,
     "cluster://a:1,b:2,c:6379", CG_STORE_CLUSTER, false, 3, NULL},
    {"cluster://u:pw@a/", NULL, "a", 6379, 0, "u", "pw", "cluster://a:6379",
     CG_STORE_CLUSTER, false, 1, NULL},
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
    "sentinel://",
    "sentinel://h",
    "sentinel://h/",
    "sentinel://h/m/x",
    "sentinel://h,/m",
    "sentinel://h:x/m",
    "cluster://",
    "cluster://a,,b",
    "cluster://a/1",
    "cluster://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a",
    "rediss:h",
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
        CU_ASSERT(is_same(url.seeds[0].path, c->path));
        CU_ASSERT(is_same(url.seeds[0].host, c->host));
        CU_ASSERT_EQUAL(url.seeds[0].port, c->port);
        CU_ASSERT_EQUAL(url.kind, c->kind);
        CU_ASSERT_EQUAL(url.is_tls, c->is_tls);
        CU_ASSERT_EQUAL(url.seeds_count, c->seeds_count);
        CU_ASSERT(is_same(url.master, c->master));
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
        "redis://u:geheim@h:x/1", "redis://u:geheim@", "http://u:geheim@h",
        "sentinel://u:geheim@h", "cluster://u:geheim@h/1"};
    for (size_t i = 0; i < 5; i++) {
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
