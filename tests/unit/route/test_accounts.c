/* Accounts as they are configured: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "route/accounts.h"

/* One row of words, apart by blanks. */
static bool read_row(const char *row, bool opens, cg_accounts_t *out,
                     cg_error_t *err, apr_pool_t *pool)
{
    apr_array_header_t *rows = apr_array_make(pool, 1, sizeof(void *));
    apr_array_header_t *words = apr_array_make(pool, 4, sizeof(char *));
    char *last;
    char *copy = apr_pstrdup(pool, row);
    for (char *word = apr_strtok(copy, " ", &last); word;
         word = apr_strtok(NULL, " ", &last)) {
        APR_ARRAY_PUSH(words, const char *) = word;
    }
    APR_ARRAY_PUSH(rows, apr_array_header_t *) = words;
    return cg_accounts_read(rows, opens, out, err, pool);
}

static void accounts_read_urls(void)
{
    static const char *const good[][3] = {
        {"a https://api.example.com/v1", "https://api.example.com:443/v1",
         "https://api.example.com:443"},
        {"a http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1",
         "http://127.0.0.1:8080"},
        {"a http://host", "http://host:80", "http://host:80"},
        {"a http://[2001:db8::1]:81/x//", "http://[2001:db8::1]:81/x",
         "http://[2001:db8::1]:81"},
    };
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cg_accounts_t accounts;
        cg_error_t err = {""};
        CU_ASSERT_FATAL(read_row(good[i][0], true, &accounts, &err, pool));
        CU_ASSERT_STRING_EQUAL(accounts.rows[0].base, good[i][1]);
        CU_ASSERT_STRING_EQUAL(accounts.rows[0].origin, good[i][2]);
        CU_ASSERT_EQUAL(accounts.rows[0].is_tls, good[i][0][6] == 's');
        CU_ASSERT_STRING_EQUAL(accounts.rows[0].credential_from, "none");
    }
    apr_pool_destroy(pool);
}

static void accounts_refuse_what_is_not_legal_and_repeat_no_secret(void)
{
    static const char *const wrong[] = {
        "a", "a ftp://host/v1", "a host/v1", "a http:///v1",
        "a http://user:hunter2@host/v1", "a http://host/v1?k=hunter2",
        "a http://host/v1#x", "a http://host:65616/v1", "a http://host:0/v1",
        "a http://host:x/v1", "a http://ho\tst/v1", "a/b http://host/v1",
        "a http://host/v1 hunter2", "a http://host/v1 provider=nobody",
        "a http://host/v1 env:CG_TEST_NO_SUCH_NAME",
        "a http://host/v1 file:/nonexistent/key",
    };
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cg_accounts_t accounts;
        cg_error_t err = {""};
        if (read_row(wrong[i], true, &accounts, &err, pool)) {
            CU_FAIL("a wrong account was taken");
            fprintf(stderr, "taken: %s\n", wrong[i]);
        }
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "ChatGPTUpstream"));
        CU_ASSERT_PTR_NULL(strstr(err.text, "hunter2"));
    }
    apr_pool_destroy(pool);
}

static void accounts_open_credentials_fit_for_a_header(void)
{
    static const char *const wrong[] = {"", "two lines\nof it", "a b",
                                        "cr\r", "caf\xc3\xa9"};
    apr_pool_t *pool;
    cg_accounts_t accounts;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    setenv("CG_TEST_CREDENTIAL", "sk-1234", 1);
    CU_ASSERT_FATAL(read_row("a http://h env:CG_TEST_CREDENTIAL", true,
                             &accounts, &err, pool));
    apr_table_t *headers = apr_table_make(pool, 2);
    cg_account_headers(&accounts.rows[0],
                       cg_account_credential(&accounts.rows[0], NULL), headers,
                       pool);
    CU_ASSERT_STRING_EQUAL(apr_table_get(headers, "Authorization"),
                           "Bearer sk-1234");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        setenv("CG_TEST_CREDENTIAL", wrong[i], 1);
        CU_ASSERT_FALSE(read_row("a http://h env:CG_TEST_CREDENTIAL", true,
                                 &accounts, &err, pool));
    }
    unsetenv("CG_TEST_CREDENTIAL");
    CU_ASSERT(read_row("a http://h env:CG_TEST_CREDENTIAL", false, &accounts,
                       &err, pool));
    CU_ASSERT_STRING_EQUAL(accounts.rows[0].credential_from, "env");
    apr_pool_destroy(pool);
}

static void accounts_have_names_of_their_own_and_an_end(void)
{
    apr_pool_t *pool;
    cg_accounts_t accounts;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    apr_array_header_t *rows = apr_array_make(pool, 40, sizeof(void *));
    for (int i = 0; i <= CG_ACCOUNTS_MAX; i++) {
        apr_array_header_t *words = apr_array_make(pool, 2, sizeof(char *));
        APR_ARRAY_PUSH(words, const char *) = apr_psprintf(pool, "n%d", i);
        APR_ARRAY_PUSH(words, const char *) = "http://h/v1";
        APR_ARRAY_PUSH(rows, apr_array_header_t *) = words;
    }
    CU_ASSERT_FALSE(cg_accounts_read(rows, true, &accounts, &err, pool));
    rows->nelts = CG_ACCOUNTS_MAX;
    CU_ASSERT(cg_accounts_read(rows, true, &accounts, &err, pool));
    CU_ASSERT_EQUAL(accounts.count, CG_ACCOUNTS_MAX);
    CU_ASSERT_EQUAL(cg_accounts_find(&accounts, "n31")->index, 31);
    CU_ASSERT_PTR_NULL(cg_accounts_find(&accounts, "n32"));
    APR_ARRAY_IDX(rows, 1, apr_array_header_t *) =
        APR_ARRAY_IDX(rows, 0, apr_array_header_t *);
    CU_ASSERT_FALSE(cg_accounts_read(rows, true, &accounts, &err, pool));
    CU_ASSERT(cg_accounts_read(NULL, true, &accounts, &err, pool));
    CU_ASSERT_EQUAL(accounts.count, 0);
    apr_pool_destroy(pool);
}

static void accounts_name_what_is_stored_and_wait_for_it(void)
{
    apr_pool_t *pool;
    cg_accounts_t accounts;
    cg_error_t err = {""};
    cg_credentials_t stored = {.count = 1};
    apr_pool_create(&pool, NULL);
    CU_ASSERT_FATAL(
        read_row("a http://h stored:main.eu-1", true, &accounts, &err, pool));
    CU_ASSERT_STRING_EQUAL(accounts.rows[0].stored, "main.eu-1");
    CU_ASSERT_STRING_EQUAL(accounts.rows[0].credential_from, "stored");
    CU_ASSERT_EQUAL(cg_accounts_unready(&accounts, NULL), 1);
    CU_ASSERT_PTR_NULL(cg_account_credential(&accounts.rows[0], NULL));
    stored.rows[0].name = "other";
    stored.rows[0].secret = cg_secret_make(CG_STR("sk-other"), pool);
    CU_ASSERT_EQUAL(cg_accounts_unready(&accounts, &stored), 1);
    stored.rows[0].name = "main.eu-1";
    CU_ASSERT_EQUAL(cg_accounts_unready(&accounts, &stored), 0);
    CU_ASSERT_PTR_EQUAL(cg_account_credential(&accounts.rows[0], &stored),
                        stored.rows[0].secret);
    static const char *const wrong[] = {
        "a http://h stored:", "a http://h stored:a/b", "a http://h stored:a:b"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CU_ASSERT_FALSE(read_row(wrong[i], true, &accounts, &err, pool));
    }
    CU_ASSERT_FATAL(read_row("a http://h", true, &accounts, &err, pool));
    CU_ASSERT_EQUAL(cg_accounts_unready(&accounts, NULL), 0);
    apr_pool_destroy(pool);
}

CU_TestInfo test_route_accounts[] = {
    {"accounts_name_what_is_stored_and_wait_for_it",
     accounts_name_what_is_stored_and_wait_for_it},
    {"accounts_read_urls", accounts_read_urls},
    {"accounts_refuse_what_is_not_legal_and_repeat_no_secret",
     accounts_refuse_what_is_not_legal_and_repeat_no_secret},
    {"accounts_open_credentials_fit_for_a_header",
     accounts_open_credentials_fit_for_a_header},
    {"accounts_have_names_of_their_own_and_an_end",
     accounts_have_names_of_their_own_and_an_end},
    CU_TEST_INFO_NULL,
};
