/* Structured Fields: what is read, what is refused, how each value is written.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "auth/signfield.h"

typedef struct row_t {
    const char *field;
    const char *written; /* NULL: refused */
} row_t;

/* A dictionary as it would be written. */
static const char *rewrite(const char *field, bool *out_repeated,
                           apr_pool_t *pool)
{
    cg_sfv_dictionary_t read;
    cg_buf_t out;
    cg_buf_init(&out, 64, pool);
    if (!cg_sfv_read(cg_str(field), &read, pool)) {
        return NULL;
    }
    *out_repeated = read.has_repeated;
    for (size_t i = 0; i < read.count; i++) {
        const cg_sfv_member_t *member = &read.members[i];
        cg_sfv_item_t item = {member->value, member->parameters};
        cg_buf_fmt(&out, "%s%.*s=", i ? ", " : "", (int)member->name.len,
                   member->name.ptr);
        if (member->is_list) {
            cg_sfv_write_list(&out, member);
        }
        else {
            cg_sfv_write_item(&out, &item);
        }
    }
    return cg_buf_cstr(&out);
}

static void hold(const row_t *rows, size_t count)
{
    apr_pool_t *pool;
    bool is_repeated;
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < count; i++) {
        const char *got = rewrite(rows[i].field, &is_repeated, pool);
        bool is_same = got && rows[i].written
                           ? strcmp(got, rows[i].written) == 0
                           : got == rows[i].written;
        CU_ASSERT(is_same);
        if (!is_same) {
            printf("\n  %s\n  gave %s\n", rows[i].field, got ? got : "nothing");
        }
    }
    apr_pool_destroy(pool);
}

#define HOLD(rows) hold(rows, sizeof(rows) / sizeof(rows)[0])

static void every_kind_of_value_is_read(void)
{
    static const row_t rows[] = {
        {"", ""},
        {"  ", ""},
        {"a", "a=?1"},
        {"a;x;y=2", "a=?1;x;y=2"},
        {"a=1", "a=1"},
        {"a=-0", "a=0"},
        {"a=00042", "a=42"},
        {"a=999999999999999", "a=999999999999999"},
        {"a=-999999999999999", "a=-999999999999999"},
        {"a=1.5", "a=1.5"},
        {"a=1.500", "a=1.5"},
        {"a=-2.05", "a=-2.05"},
        {"a=0.001", "a=0.001"},
        {"a=123456789012.123", "a=123456789012.123"},
        {"a=\"\"", "a=\"\""},
        {"a=\"x y\\\"z\\\\\"", "a=\"x y\\\"z\\\\\""},
        {"a=tok*en/1:2", "a=tok*en/1:2"},
        {"a=*star", "a=*star"},
        {"a=::", "a=::"},
        {"a=:AAECAw==:", "a=:AAECAw==:"},
        {"a=:/+8=:", "a=:/+8=:"},
        {"a=:AAEC:", "a=:AAEC:"},
        {"a=?0", "a=?0"},
        {"a=?1;b=?0", "a=?1;b=?0"},
        {"a=@1659578233", "a=@1659578233"},
        {"a=@-1", "a=@-1"},
        {"a=%\"f%c3%bc\"", "a=%\"f%c3%bc\""},
        {"a=()", "a=()"},
        {"a=( 1  2 )", "a=(1 2)"},
        {"a=(\"@method\" \"@path\";req);created=1 ,\tb=2",
         "a=(\"@method\" \"@path\";req);created=1, b=2"},
        {"a=1;  b=2;c", "a=1;b=2;c"},
        {"*a_-.*9=1", "*a_-.*9=1"},
        {"a=1, a=2", "a=2"},
        {"a=1;p=1;p=2", "a=1;p=2"},
        {"a=1\t", "a=1"},
    };
    HOLD(rows);
}

static void what_is_no_dictionary_is_refused(void)
{
    static const row_t rows[] = {
        {"A=1", NULL},
        {"1=1", NULL},
        {"=1", NULL},
        {"a=", NULL},
        {"a=1,", NULL},
        {"a=1,,b=2", NULL},
        {",a=1", NULL},
        {"a=1 b=2", NULL},
        {"a =1", NULL},
        {"a= 1", NULL},
        {"\ta=1", NULL},
        {"a=1;", NULL},
        {"a=1;P=1", NULL},
        {"a=1;p=", NULL},
        {"a=1 ;p", NULL},
        {"a=((", NULL},
        {"a=(", NULL},
        {"a=(1", NULL},
        {"a=(1,2)", NULL},
        {"a=(1 (2))", NULL},
        {"a=(\"x\"\"y\")", NULL},
        {"a=(1\t2)", NULL},
        {"a=)", NULL},
        {"a=\"x", NULL},
        {"a=\"x\\", NULL},
        {"a=\"\\n\"", NULL},
        {"a=\"\x7f\"", NULL},
        {"a=\"\xc3\xbc\"", NULL},
        {"a=\"\n\"", NULL},
        {"a=:AA:", NULL},
        {"a=:AAA:", NULL},
        {"a=:AAAAA:", NULL},
        {"a=:AAA=", NULL},
        {"a=:AB==:", NULL},
        {"a=:AAB=:", NULL},
        {"a=:A===:", NULL},
        {"a=:====:", NULL},
        {"a=:AA=A:", NULL},
        {"a=:AA A:", NULL},
        {"a=:AA-_:", NULL},
        {"a=?", NULL},
        {"a=?2", NULL},
        {"a=--1", NULL},
        {"a=-", NULL},
        {"a=1.", NULL},
        {"a=.5", NULL},
        {"a=1.2345", NULL},
        {"a=1.2.3", NULL},
        {"a=+1", NULL},
        {"a=1234567890123456", NULL},
        {"a=1234567890123.1", NULL},
        {"a=@", NULL},
        {"a=@1.5", NULL},
        {"a=%\"%C3%BC\"", NULL},
        {"a=%\"%ff\"", NULL},
        {"a=%\"%c\"", NULL},
        {"a=%x", NULL},
        {"a=%\"x", NULL},
        {"a=$1", NULL},
        {"a=\xc3\xbc", NULL},
        {"a=1\n", NULL},
    };
    HOLD(rows);
}

static void what_stands_twice_is_told(void)
{
    static const row_t rows[] = {{"a=1, b=2", ""},
                                 {"a=1, b=2, a=1", "x"},
                                 {"a=1;p;q", ""},
                                 {"a=1;p;q;p", "x"},
                                 {"a=(\"x\";p \"y\";p)", ""},
                                 {"a=(\"x\";p;p)", "x"}};
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool is_repeated = false;
        CU_ASSERT_PTR_NOT_NULL(rewrite(rows[i].field, &is_repeated, pool));
        CU_ASSERT_EQUAL(is_repeated, rows[i].written[0] != '\0');
    }
    apr_pool_destroy(pool);
}

static const char *repeat(const char *before, const char *after, int count,
                          apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, 1024, pool);
    for (int i = 0; i < count; i++) {
        cg_buf_str(&out, before);
        cg_buf_int(&out, i);
        cg_buf_str(&out, after);
    }
    return cg_buf_cstr(&out);
}

static void fields_beyond_the_bounds_are_refused(void)
{
    cg_sfv_dictionary_t read;
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    const char *most = repeat("m", "=1,", CG_SFV_MEMBERS_MAX - 1, pool);
    CU_ASSERT(
        cg_sfv_read(cg_str(apr_pstrcat(pool, most, "z", NULL)), &read, pool));
    CU_ASSERT_EQUAL(read.count, CG_SFV_MEMBERS_MAX);
    CU_ASSERT(!cg_sfv_read(cg_str(apr_pstrcat(pool, most, "y,z", NULL)), &read,
                           pool));
    const char *items = repeat("", " ", CG_SFV_MEMBERS_MAX + 1, pool);
    CU_ASSERT(!cg_sfv_read(cg_str(apr_pstrcat(pool, "a=(", items, ")", NULL)),
                           &read, pool));
    const char *names = repeat(";p", "", CG_SFV_PARAMETERS_MAX + 1, pool);
    CU_ASSERT(
        !cg_sfv_read(cg_str(apr_pstrcat(pool, "a", names, NULL)), &read, pool));
    const char *long_one = repeat("", "xxxxxxxxxxxxxx", 2000, pool);
    CU_ASSERT(!cg_sfv_read(
        cg_str(apr_pstrcat(pool, "a=\"", long_one, "\"", NULL)), &read, pool));
    CU_ASSERT(!cg_sfv_read((cg_str_t){"a=\"\0\"", 5}, &read, pool));
    apr_pool_destroy(pool);
}

static void members_and_parameters_are_found_by_name(void)
{
    cg_sfv_dictionary_t read;
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    CU_ASSERT_FATAL(cg_sfv_read(CG_STR("a=1;x=\"y\", b=:AAE=:"), &read, pool));
    const cg_sfv_member_t *a = cg_sfv_find(&read, "a");
    const cg_sfv_member_t *b = cg_sfv_find(&read, "b");
    CU_ASSERT_FATAL(a != NULL && b != NULL);
    CU_ASSERT_PTR_NULL(cg_sfv_find(&read, "c"));
    const cg_sfv_value_t *x = cg_sfv_parameter(&a->parameters, "x");
    CU_ASSERT(x && cg_str_is(x->text, "y"));
    CU_ASSERT_PTR_NULL(cg_sfv_parameter(&a->parameters, "y"));
    CU_ASSERT(b->value.text.len == 2 &&
              memcmp(b->value.text.ptr, "\0\1", 2) == 0);
    apr_pool_destroy(pool);
}

CU_TestInfo test_auth_signfield[] = {
    {"every_kind_of_value_is_read", every_kind_of_value_is_read},
    {"what_is_no_dictionary_is_refused", what_is_no_dictionary_is_refused},
    {"what_stands_twice_is_told", what_stands_twice_is_told},
    {"fields_beyond_the_bounds_are_refused",
     fields_beyond_the_bounds_are_refused},
    {"members_and_parameters_are_found_by_name",
     members_and_parameters_are_found_by_name},
    CU_TEST_INFO_NULL,
};
