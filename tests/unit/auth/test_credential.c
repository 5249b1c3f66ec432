/* Credentials in the store, and the change of the master key over them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/credential.h"

#include <pthread.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "auth/sealed.h"
#include "redis_fixture.h"

#define KEY_A "4141414141414141414141414141414141414141414141414141414141414141"
#define KEY_B "4242424242424242424242424242424242424242424242424242424242424242"
#define NOW APR_TIME_C(1764024511000000)

typedef struct vault_t {
    apr_pool_t *pool;
    cg_store_t *store;
    cg_sealer_t *a;
    cg_sealer_t *both; /* B is current, A can be read */
} vault_t;

static void open_vault(vault_t *v)
{
    cg_error_t err = {""};
    apr_pool_create(&v->pool, NULL);
    v->store = redis_fixture_store(redis_fixture_shared(), v->pool);
    CU_ASSERT_EQUAL_FATAL(cg_sealer_make(&v->a, CG_STR(KEY_A), &err, v->pool),
                          APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(
        cg_sealer_make(&v->both, CG_STR(KEY_B "\n" KEY_A), &err, v->pool),
        APR_SUCCESS);
}

static cg_credential_t set(vault_t *v, const cg_sealer_t *sealer,
                           const char *name, const char *value)
{
    cg_credential_t made;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(cg_credential_set(v->store, sealer, name,
                                            cg_str(value), NOW, &made, &err,
                                            v->pool),
                          APR_SUCCESS);
    return made;
}

static const char *value_of(vault_t *v, const cg_sealer_t *sealer,
                            const char *name)
{
    cg_credential_t found;
    cg_secret_t *secret;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(
        cg_credential_fetch(v->store, &name, 1, &found, &err, v->pool),
        APR_SUCCESS);
    if (cg_credential_unseal(sealer, &found, &secret, &err, v->pool) !=
        APR_SUCCESS) {
        return "";
    }
    return cg_str_dup(cg_secret_open(secret), v->pool);
}

/* All of them under the current key; how many were wrapped anew. */
static int rotate(vault_t *v, const cg_sealer_t *sealer)
{
    apr_array_header_t *page;
    const char *next = "0";
    cg_error_t err = {""};
    int changed = 0;
    do {
        CU_ASSERT_EQUAL_FATAL(
            cg_sealed_page(v->store, next, &page, &next, &err, v->pool),
            APR_SUCCESS);
        for (int i = 0; i < page->nelts; i++) {
            bool has_changed;
            CU_ASSERT_EQUAL(
                cg_sealed_rewrap(v->store, sealer,
                                 &APR_ARRAY_IDX(page, i, cg_sealed_t),
                                 &has_changed, &err, v->pool),
                APR_SUCCESS);
            changed += has_changed ? 1 : 0;
        }
    } while (strcmp(next, "0") != 0);
    return changed;
}

static void credential_is_kept_sealed_and_its_versions_count(void)
{
    vault_t v;
    cg_error_t err = {""};
    apr_array_header_t *all;
    open_vault(&v);
    CU_ASSERT_EQUAL(set(&v, v.a, "main", "sk-canary-one").version, 1);
    CU_ASSERT_EQUAL(set(&v, v.a, "main", "sk-canary-two").version, 2);
    set(&v, v.a, "backup.eu-1", "x");
    CU_ASSERT_STRING_EQUAL(value_of(&v, v.a, "main"), "sk-canary-two");
    cg_reply_t all_fields = redis_fixture_call(
        v.store, v.pool, "HGETALL", "cg:{credential}:by-name:main", NULL);
    for (size_t i = 0; i < all_fields.count; i++) {
        CU_ASSERT_PTR_NULL(strstr(all_fields.items[i].text.ptr, "canary"));
    }
    CU_ASSERT_EQUAL_FATAL(cg_credential_list(v.store, &all, &err, v.pool),
                          APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(all->nelts, 2);
    CU_ASSERT_STRING_EQUAL(APR_ARRAY_IDX(all, 0, cg_credential_t).name,
                           "backup.eu-1");
    const cg_credential_t *main = &APR_ARRAY_IDX(all, 1, cg_credential_t);
    CU_ASSERT_STRING_EQUAL(main->key_id, cg_sealer_key_id(v.a, 0));
    CU_ASSERT_EQUAL(main->created_at, NOW);
    apr_pool_destroy(v.pool);
}

static void deleted_credential_is_gone_and_its_old_text_does_not_come_back(void)
{
    vault_t v;
    cg_credential_t gone;
    cg_error_t err = {""};
    open_vault(&v);
    const char *old = set(&v, v.a, "main", "first").sealed;
    CU_ASSERT_EQUAL(
        cg_credential_delete(v.store, "main", NOW, &gone, &err, v.pool),
        APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(value_of(&v, v.a, "main"), "");
    CU_ASSERT_EQUAL(
        cg_credential_delete(v.store, "main", NOW, &gone, &err, v.pool),
        APR_NOTFOUND);
    CU_ASSERT_EQUAL(
        cg_credential_delete(v.store, "other", NOW, &gone, &err, v.pool),
        APR_NOTFOUND);
    CU_ASSERT_EQUAL(set(&v, v.a, "main", "second").version, 3);
    redis_fixture_call(v.store, v.pool, "HSET", "cg:{credential}:by-name:main",
                       "sealed", old, NULL);
    CU_ASSERT_STRING_EQUAL(value_of(&v, v.a, "main"), "");
    apr_pool_destroy(v.pool);
}

static void ciphertexts_swapped_in_the_store_open_neither(void)
{
    vault_t v;
    open_vault(&v);
    const char *a = set(&v, v.a, "a", "secret-a").sealed;
    const char *b = set(&v, v.a, "b", "secret-b").sealed;
    redis_fixture_call(v.store, v.pool, "HSET", "cg:{credential}:by-name:a",
                       "sealed", b, NULL);
    redis_fixture_call(v.store, v.pool, "HSET", "cg:{credential}:by-name:b",
                       "sealed", a, NULL);
    CU_ASSERT_STRING_EQUAL(value_of(&v, v.a, "a"), "");
    CU_ASSERT_STRING_EQUAL(value_of(&v, v.a, "b"), "");
    apr_pool_destroy(v.pool);
}

static void
names_and_values_out_of_form_are_refused_before_anything_is_written(void)
{
    static const char *const names[] = {"", "a b", "a/b", "a:b", "\xc3\xa9"};
    static const char *const values[] = {"", "two lines\nof it", "a b", "a\r"};
    vault_t v;
    cg_credential_t made;
    cg_error_t err = {""};
    open_vault(&v);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CU_ASSERT_EQUAL(cg_credential_set(v.store, v.a, names[i], CG_STR("x"),
                                          NOW, &made, &err, v.pool),
                        APR_EINVAL);
    }
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        CU_ASSERT_EQUAL(cg_credential_set(v.store, v.a, "n", cg_str(values[i]),
                                          NOW, &made, &err, v.pool),
                        APR_EINVAL);
    }
    CU_ASSERT_EQUAL(cg_credential_set(v.store, NULL, "n", CG_STR("x"), NOW,
                                      &made, &err, v.pool),
                    APR_ENOTIMPL);
    CU_ASSERT_EQUAL(redis_fixture_call(v.store, v.pool, "DBSIZE", NULL).number,
                    0);
    apr_pool_destroy(v.pool);
}

static void rotation_wraps_all_anew_once_and_passes_over_what_is_gone(void)
{
    vault_t v;
    cg_credential_t gone;
    cg_error_t err = {""};
    open_vault(&v);
    for (int i = 0; i < 450; i++) {
        set(&v, v.a, apr_psprintf(v.pool, "n%d", i),
            apr_psprintf(v.pool, "secret-%d", i));
    }
    cg_credential_delete(v.store, "n7", NOW, &gone, &err, v.pool);
    cg_sealed_note(v.store, CG_STR("cg:never-written"), &err, v.pool);
    CU_ASSERT_EQUAL(rotate(&v, v.both), 449);
    CU_ASSERT_EQUAL(rotate(&v, v.both), 0);
    CU_ASSERT_STRING_EQUAL(value_of(&v, v.a, "n9"), "");
    CU_ASSERT_STRING_EQUAL(value_of(&v, v.both, "n9"), "secret-9");
    CU_ASSERT_STRING_EQUAL(value_of(&v, v.both, "n449"), "secret-449");
    apr_pool_destroy(v.pool);
}

static void text_that_somebody_changed_meanwhile_is_not_exchanged(void)
{
    vault_t v;
    cg_error_t err = {""};
    bool has_changed = true;
    open_vault(&v);
    cg_sealed_t read = {"cg:{credential}:by-name:main",
                        cg_str(set(&v, v.a, "main", "old").sealed)};
    set(&v, v.a, "main", "new");
    CU_ASSERT_EQUAL(
        cg_sealed_rewrap(v.store, v.both, &read, &has_changed, &err, v.pool),
        APR_SUCCESS);
    CU_ASSERT_FALSE(has_changed);
    CU_ASSERT_STRING_EQUAL(value_of(&v, v.both, "main"), "new");
    apr_pool_destroy(v.pool);
}

/* ---- many at a time ------------------------------------------------------ */

static volatile int is_ended;

static void *rotate_on(void *data)
{
    vault_t own = *(vault_t *)data;
    apr_pool_create(&own.pool, NULL);
    while (!__atomic_load_n(&is_ended, __ATOMIC_ACQUIRE)) {
        rotate(&own, own.both);
        apr_pool_clear(own.pool);
    }
    apr_pool_destroy(own.pool);
    return NULL;
}

static void rotation_beside_writers_loses_no_secret(void)
{
    vault_t v;
    pthread_t thread;
    open_vault(&v);
    is_ended = 0;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, rotate_on, &v), 0);
    for (int i = 0; i < 200; i++) {
        const char *name = apr_psprintf(v.pool, "n%d", i % 5);
        const char *value = apr_psprintf(v.pool, "secret-%d", i);
        set(&v, i % 2 ? v.a : v.both, name, value);
        CU_ASSERT_STRING_EQUAL(value_of(&v, v.both, name), value);
    }
    __atomic_store_n(&is_ended, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    rotate(&v, v.both);
    cg_sealer_t *b;
    cg_error_t err = {""};
    cg_sealer_make(&b, CG_STR(KEY_B), &err, v.pool);
    CU_ASSERT_STRING_EQUAL(value_of(&v, b, "n4"), "secret-199");
    CU_ASSERT_STRING_EQUAL(value_of(&v, b, "n0"), "secret-195");
    apr_pool_destroy(v.pool);
}

CU_TestInfo test_auth_credential[] = {
    {"credential_is_kept_sealed_and_its_versions_count",
     credential_is_kept_sealed_and_its_versions_count},
    {"deleted_credential_is_gone_and_its_old_text_does_not_come_back",
     deleted_credential_is_gone_and_its_old_text_does_not_come_back},
    {"ciphertexts_swapped_in_the_store_open_neither",
     ciphertexts_swapped_in_the_store_open_neither},
    {"names_and_values_out_of_form_are_refused_before_anything_is_written",
     names_and_values_out_of_form_are_refused_before_anything_is_written},
    {"rotation_wraps_all_anew_once_and_passes_over_what_is_gone",
     rotation_wraps_all_anew_once_and_passes_over_what_is_gone},
    {"text_that_somebody_changed_meanwhile_is_not_exchanged",
     text_that_somebody_changed_meanwhile_is_not_exchanged},
    {"rotation_beside_writers_loses_no_secret",
     rotation_beside_writers_loses_no_secret},
    CU_TEST_INFO_NULL,
};
