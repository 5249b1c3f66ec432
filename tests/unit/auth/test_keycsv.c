/* Keys as CSV: what is written is read again, and what is no CSV is told.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/keyimport.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "key_fixture.h"

#define SECOND APR_TIME_C(1000000)

static const char *export_of(const cg_key_t *key, apr_time_t now,
                             apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, 512, pool);
    cg_keycsv_head(&out);
    cg_keycsv_write(key, now, &out, pool);
    return cg_buf_cstr(&out);
}

/* What the only line of text would do. */
static cg_key_import_t plan(key_fixture_t *f, const char *text)
{
    cg_key_import_t out;
    cg_keycsv_row_t row;
    cg_error_t err = {""};
    cg_keycsv_t *csv = cg_keycsv_open(cg_str(text), &err, f->pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(csv);
    CU_ASSERT_FATAL(cg_keycsv_next(csv, &row, f->pool));
    cg_keyimport_plan(f->ring, csv, &row, f->now, &out, f->pool);
    CU_ASSERT_FALSE(cg_keycsv_next(csv, &row, f->pool));
    return out;
}

static void an_export_that_is_imported_changes_nothing(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {""};
    cg_key_t key;
    key_fixture_open(&f, redis_fixture_shared(), 0, SECOND);
    cg_key_t wanted = {.name = "=HYPERLINK(\"x\"),; 'y' \xe5\xbc\xa0",
                       .owner = "a,b",
                       .user = "-1",
                       .team = "@red",
                       .models = "gpt-4o*,o3",
                       .tags = "prod,eu",
                       .endpoints = "chat,embeddings",
                       .addresses = "10.0.0.0/8,2001:db8::/32",
                       .vhosts = "*.example.com",
                       .hours = "mon-fri 08:00-18:00; sat 09:00-12:00 UTC",
                       .redact = "EMAIL_ADDRESS=block",
                       .expires_at = f.now + 100 * SECOND};
    wanted.expires_at -= wanted.expires_at % 1000;
    CU_ASSERT(cg_key_add_limit(&wanted, CG_STR("100/60s"), &err));
    CU_ASSERT(cg_key_add_limit(&wanted, CG_STR("9tokens/60s"), &err));
    CU_ASSERT(cg_key_add_limit(&wanted, CG_STR("5USD/month"), &err));
    wanted.limits[0].store_down = CG_STORE_DOWN_OPEN; /* CSV does not show it */
    CU_ASSERT_EQUAL_FATAL(
        cg_apikey_create(f.ring, &wanted, f.now, &key, spelled, &err, f.pool),
        APR_SUCCESS);
    const char *text = export_of(&key, f.now, f.pool);
    CU_ASSERT_PTR_NULL(strstr(text, ",=HYPER"));
    CU_ASSERT_PTR_NULL(strstr(text, spelled + 12));
    CU_ASSERT_EQUAL(plan(&f, text).result, CG_KEY_UNCHANGED);
    cg_apikey_rotate(f.ring, key.id, 0, f.now, SECOND, &key, spelled, &err,
                     f.pool);
    text = export_of(&key, f.now, f.pool);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "rotating"));
    CU_ASSERT_EQUAL(plan(&f, text).result, CG_KEY_UNCHANGED);
    text = export_of(&key, f.now + 200 * SECOND, f.pool);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "expired"));
    CU_ASSERT_EQUAL(plan(&f, text).result, CG_KEY_UNCHANGED);
    cg_apikey_revoke(f.ring, key.id, &key, &err, f.pool);
    text = export_of(&key, f.now, f.pool);
    CU_ASSERT_EQUAL(plan(&f, text).result, CG_KEY_UNCHANGED);
    key_fixture_close(&f);
}

/* As no cell of a spreadsheet may begin, and with marks of its own. */
static void whatever_a_name_begins_with_comes_back_and_is_no_formula(void)
{
    static const char *const names[] = {"=1",
                                        "+1",
                                        "-1",
                                        "@x",
                                        "'=1",
                                        "''=1",
                                        "'''@x",
                                        "'",
                                        "''",
                                        "'x",
                                        "x=1",
                                        " =1",
                                        "\"=1\"",
                                        "=\"1\"",
                                        "\xEF\xBC\x9D"
                                        "1",
                                        "\xEF\xBC\x8B"
                                        "1",
                                        "\xEF\xBC\x8D"
                                        "1",
                                        "\xEF\xBC\xA0"
                                        "x",
                                        "'\xEF\xBC\x9D"
                                        "1",
                                        "\xEF\xBC\x9E"
                                        "1"};
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    key_fixture_open(&f, redis_fixture_shared(), 0, SECOND);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cg_key_t key = key_fixture_create(&f, names[i], spelled);
        const char *text = export_of(&key, f.now, f.pool);
        const char *cell = strstr(text, key.id) + strlen(key.id) + 1;
        cell += *cell == '"';
        CU_ASSERT_PTR_NULL(strchr("=+-@", *cell));
        CU_ASSERT_NOT_EQUAL(strncmp(cell, "\xEF\xBC\x9D", 3), 0);
        cg_key_import_t got = plan(&f, text);
        CU_ASSERT_EQUAL(got.result, CG_KEY_UNCHANGED);
        CU_ASSERT_STRING_EQUAL(got.after.name, names[i]);
    }
    key_fixture_close(&f);
}

static void a_file_that_is_not_utf_8_is_told_so(void)
{
    static const char utf_16[] = "\xFF\xFEn\0a\0m\0e\0\n\0x\0\n";
    apr_pool_t *pool;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    CU_ASSERT_PTR_NULL(
        cg_keycsv_open((cg_str_t){utf_16, sizeof utf_16 - 1}, &err, pool));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "UTF-8"));
    CU_ASSERT_PTR_NULL(cg_keycsv_open(CG_STR("name\nM\xFCller\n"), &err, pool));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "UTF-8"));
    apr_pool_destroy(pool);
}

static void a_line_without_an_id_makes_a_key(void)
{
    static const struct {
        const char *text, *name;
        cg_key_result_t result;
    } cases[] = {
        {"name\nplain\n", "plain", CG_KEY_CREATED},
        {"name\r\n\r\n\r\n\"quoted \"\"x\"\"\"", "quoted \"x\"",
         CG_KEY_CREATED},
        {"\xEF\xBB\xBFname;team\na b;red\n", "a b", CG_KEY_CREATED},
        {"NAME,Team\r\"c, d\",red\r", "c, d", CG_KEY_CREATED},
        {"name\n'=1+1\n", "=1+1", CG_KEY_CREATED},
        {"name\n'plain'\n", "'plain'", CG_KEY_CREATED},
        {"name\n''=1\n", "'=1", CG_KEY_CREATED},
        {"name\n'\xEF\xBC\x9D"
         "1\n",
         "\xEF\xBC\x9D"
         "1",
         CG_KEY_CREATED},
        {"name,state\nx,suspended\n", "x", CG_KEY_CREATED},
        {"name,prefix,last4,created_at\nx,vk_a,abcd,never\n", "x",
         CG_KEY_CREATED},
        {"name,team\nx\n", "", CG_KEY_FAILED},
        {"name,team\nx,y,z\n", "", CG_KEY_FAILED},
        {"name\n\"x\n", "", CG_KEY_FAILED},
        {"name\n\"x\"y\n", "", CG_KEY_FAILED},
        {"name,team\n,red\n", "", CG_KEY_FAILED},
        {"name,state\nx,revoked\n", "x", CG_KEY_FAILED},
        {"name,state\nx,happy\n", "x", CG_KEY_FAILED},
        {"name,expires_at\nx,2020-01-01T00:00:00Z\n", "x", CG_KEY_FAILED},
        {"name,expires_at\nx,tomorrow\n", "x", CG_KEY_FAILED},
        {"name,limits\nx,5USD/month\n", "x", CG_KEY_FAILED},
        {"name,budget\nx,5/60s\n", "x", CG_KEY_FAILED},
        {"name,addresses\nx,10.0.0.1/8\n", "x", CG_KEY_FAILED},
        {"name,hours\nx,always\n", "x", CG_KEY_FAILED},
        {"name\n\"a\nb\"\n", "", CG_KEY_FAILED},
        {"id,name\nzzzzzzzz,x\n", "", CG_KEY_FAILED},
    };
    key_fixture_t f;
    key_fixture_open(&f, redis_fixture_shared(), 0, SECOND);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_key_import_t got = plan(&f, cases[i].text);
        if (got.result != cases[i].result) {
            fprintf(stderr, "\n    %d: %s\n", (int)i, got.err.text);
        }
        CU_ASSERT_EQUAL(got.result, cases[i].result);
        if (got.result == CG_KEY_CREATED) {
            CU_ASSERT_STRING_EQUAL(got.after.name, cases[i].name);
        }
        else {
            CU_ASSERT(strlen(got.err.text) > 5);
        }
    }
    key_fixture_close(&f);
}

static void a_line_with_an_id_changes_only_its_columns(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    key_fixture_open(&f, redis_fixture_shared(), 0, SECOND);
    cg_key_t key = key_fixture_create(&f, "app", spelled);
    cg_key_import_t got =
        plan(&f, apr_pstrcat(f.pool, "id,team\n", key.id, ",red\n", NULL));
    CU_ASSERT_EQUAL_FATAL(got.result, CG_KEY_UPDATED);
    cg_keyimport_do(f.ring, f.now, &got, f.pool);
    CU_ASSERT_EQUAL(got.result, CG_KEY_UPDATED);
    CU_ASSERT_STRING_EQUAL(got.after.name, "app");
    CU_ASSERT_STRING_EQUAL(got.after.owner, "o");
    CU_ASSERT_STRING_EQUAL(got.after.team, "red");
    got =
        plan(&f, apr_pstrcat(f.pool, "id,state\n", key.id, ",revoked\n", NULL));
    CU_ASSERT_EQUAL(got.result, CG_KEY_ENDED);
    cg_keyimport_do(f.ring, f.now, &got, f.pool);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, NULL), CG_KEY_REVOKED);
    got = plan(&f, apr_pstrcat(f.pool, "id,team\n", key.id, ",blue\n", NULL));
    CU_ASSERT_EQUAL(got.result, CG_KEY_FAILED);
    key_fixture_close(&f);
}

static void a_strange_first_line_is_refused(void)
{
    static const char *const bad[] = {"",          "\n\n",         "colour\n",
                                      "team\n",    "name,name",    "name,\n",
                                      "\"name\nx", "name limits\n"};
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cg_error_t err = {""};
        CU_ASSERT_PTR_NULL(cg_keycsv_open(cg_str(bad[i]), &err, pool));
        CU_ASSERT(strlen(err.text) > 10);
    }
    apr_pool_destroy(pool);
}

CU_TestInfo test_auth_keycsv[] = {
    {"an_export_that_is_imported_changes_nothing",
     an_export_that_is_imported_changes_nothing},
    {"whatever_a_name_begins_with_comes_back_and_is_no_formula",
     whatever_a_name_begins_with_comes_back_and_is_no_formula},
    {"a_file_that_is_not_utf_8_is_told_so",
     a_file_that_is_not_utf_8_is_told_so},
    {"a_line_without_an_id_makes_a_key", a_line_without_an_id_makes_a_key},
    {"a_line_with_an_id_changes_only_its_columns",
     a_line_with_an_id_changes_only_its_columns},
    {"a_strange_first_line_is_refused", a_strange_first_line_is_refused},
    CU_TEST_INFO_NULL,
};
