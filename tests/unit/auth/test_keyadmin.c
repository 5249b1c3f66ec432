/* API keys for an operator: create, list, change, rotate, revoke.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "auth/keyrecord.h"
#include "base/share.h"
#include "key_fixture.h"

#define SECOND APR_TIME_C(1000000)

/* The same in every field that is kept; padding does not count. */
static bool is_same(const cg_key_t *a, const cg_key_t *b, apr_pool_t *pool)
{
    cg_str_t of_a[2 * CG_KEYRECORD_FIELDS], of_b[2 * CG_KEYRECORD_FIELDS];
    size_t count = cg_keyrecord_write(a, of_a, pool);
    bool is_equal =
        cg_keyrecord_write(b, of_b, pool) == count && strcmp(a->id, b->id) == 0;
    for (size_t i = 0; i < count; i++) {
        is_equal = is_equal && cg_str_equal(of_a[i], of_b[i]);
    }
    return is_equal;
}

static void key_is_kept_with_all_its_members(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {.text = ""};
    cg_key_t key, back;
    cg_key_t wanted = {.name = "M\xc3\xbcnchen app",
                       .owner = "ann",
                       .user = "ann@example.com",
                       .team = "red",
                       .models = "gpt-4o,o3*",
                       .tags = "prod,eu",
                       .endpoints = "chat,embeddings",
                       .addresses = "10.0.0.0/8,2001:db8::/32",
                       .vhosts = "*.example.com",
                       .hours = "mon-fri 08:00-18:00 Europe/Berlin"};
    key_fixture_open(&f, redis_fixture_shared(), 64, SECOND);
    wanted.expires_at = f.now + 1000 * SECOND;
    wanted.expires_at -= wanted.expires_at % 1000;
    CU_ASSERT(cg_key_add_limit(&wanted, CG_STR("100/60s"), &err));
    CU_ASSERT(cg_key_add_limit(&wanted, CG_STR("10000tokens/15min"), &err));
    CU_ASSERT(cg_key_add_limit(&wanted, CG_STR("0.25USD/month"), &err));
    wanted.limits[1].dimension = CG_DIMENSION_TEAM;
    wanted.limits[1].store_down = CG_STORE_DOWN_OPEN;
    CU_ASSERT_EQUAL_FATAL(
        cg_apikey_create(f.ring, &wanted, f.now, &key, spelled, &err, f.pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_apikey_get(f.ring, key.id, &back, &err, f.pool),
                    APR_SUCCESS);
    CU_ASSERT(is_same(&back, &key, f.pool));
    CU_ASSERT_EQUAL(back.version, 1);
    CU_ASSERT_EQUAL(back.limits_count, 3);
    CU_ASSERT_EQUAL(back.limits[1].store_down, CG_STORE_DOWN_OPEN);
    CU_ASSERT_EQUAL(back.limits[2].amount, 250000);
    key_fixture_close(&f);
}

static void store_never_holds_the_secret(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    key_fixture_open(&f, redis_fixture_shared(), 0, SECOND);
    cg_key_t key = key_fixture_create(&f, "app", spelled);
    const char *hash = apr_pstrcat(f.pool, "cg:key:", key.id, NULL);
    cg_reply_t all = redis_fixture_call(f.store, f.pool, "HGETALL", hash, NULL);
    char secret[44];
    apr_cpystrn(secret, spelled + 12, sizeof secret);
    for (size_t i = 0; i < all.count; i++) {
        CU_ASSERT_PTR_NULL(strstr(all.items[i].text.ptr, secret));
        CU_ASSERT_PTR_NULL(strstr(all.items[i].text.ptr, spelled));
    }
    key_fixture_close(&f);
}

static void texts_out_of_bounds_are_refused(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {.text = ""};
    cg_key_t key;
    cg_key_t bad[4] = {{.name = ""},
                       {.name = "a\nb"},
                       {.name = "x", .team = "\xff"},
                       {.name = "x", .state = 9}};
    key_fixture_open(&f, redis_fixture_shared(), 0, SECOND);
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(cg_apikey_create(f.ring, &bad[i], f.now, &key, spelled,
                                         &err, f.pool),
                        APR_EINVAL);
    }
    cg_key_t full = {.name = "x"};
    memset(full.owner, 'o', sizeof full.owner);
    CU_ASSERT_FALSE(cg_key_check(&full, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "owner"));
    cg_key_t many = {.name = "x"};
    for (int i = 0; i < CG_KEY_LIMITS_MAX; i++) {
        CU_ASSERT(cg_key_add_limit(&many, CG_STR("1/1s"), &err));
    }
    CU_ASSERT_FALSE(cg_key_add_limit(&many, CG_STR("1/1s"), &err));
    key_fixture_close(&f);
}

static void list_is_newest_first_and_stable_under_inserts(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {.text = ""};
    key_fixture_open(&f, redis_fixture_shared(), 0, SECOND);
    for (int i = 0; i < 25; i++) {
        /* Pairs are made in the same millisecond. */
        f.now += i % 2 ? 0 : SECOND;
        key_fixture_create(&f, apr_psprintf(f.pool, "key-%02d", i), spelled);
    }
    const char *cursor = NULL;
    bool is_seen[25] = {false};
    int pages = 0, count = 0;
    do {
        apr_array_header_t *keys;
        CU_ASSERT_EQUAL_FATAL(
            cg_apikey_list(f.ring, cursor, 10, &keys, &cursor, &err, f.pool),
            APR_SUCCESS);
        for (int i = 0; i < keys->nelts; i++) {
            int number = -1;
            cg_key_t *key = &APR_ARRAY_IDX(keys, i, cg_key_t);
            if (sscanf(key->name, "key-%d", &number) == 1 && number < 25) {
                CU_ASSERT(number / 2 == (24 - count) / 2 ||
                          number / 2 == (25 - count) / 2);
                CU_ASSERT_FALSE(is_seen[number]);
                is_seen[number] = true;
                count++;
            }
        }
        pages++;
        f.now += SECOND;
        key_fixture_create(&f, "late", spelled);
    } while (cursor && pages < 9);
    CU_ASSERT_EQUAL(pages, 3);
    CU_ASSERT_EQUAL(count, 25);
    apr_array_header_t *keys;
    CU_ASSERT_EQUAL(
        cg_apikey_list(f.ring, "nonsense", 10, &keys, &cursor, &err, f.pool),
        APR_EINVAL);
    CU_ASSERT_EQUAL(
        cg_apikey_list(f.ring, NULL, 501, &keys, &cursor, &err, f.pool),
        APR_EINVAL);
    key_fixture_close(&f);
}

static void update_needs_the_version_it_read(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {.text = ""};
    cg_key_t first, second, out;
    key_fixture_open(&f, redis_fixture_shared(), 0, SECOND);
    first = key_fixture_create(&f, "app", spelled);
    second = first;
    apr_cpystrn(first.team, "red", sizeof first.team);
    apr_cpystrn(second.team, "blue", sizeof second.team);
    CU_ASSERT_EQUAL(cg_apikey_update(f.ring, &first, &out, &err, f.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(out.version, 2);
    CU_ASSERT_EQUAL(cg_apikey_update(f.ring, &second, &out, &err, f.pool),
                    APR_EMISMATCH);
    CU_ASSERT_EQUAL(cg_apikey_get(f.ring, first.id, &out, &err, f.pool),
                    APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(out.team, "red");
    CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, NULL), CG_KEY_OK);
    apr_cpystrn(second.id, "zzzzzzzz", sizeof second.id);
    CU_ASSERT_EQUAL(cg_apikey_update(f.ring, &second, &out, &err, f.pool),
                    APR_NOTFOUND);
    key_fixture_close(&f);
}

static void revoked_key_stays_revoked(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {.text = ""};
    cg_key_t key, out;
    key_fixture_open(&f, redis_fixture_shared(), 0, SECOND);
    key = key_fixture_create(&f, "app", spelled);
    CU_ASSERT_EQUAL(cg_apikey_revoke(f.ring, key.id, &key, &err, f.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_apikey_revoke(f.ring, key.id, &key, &err, f.pool),
                    APR_SUCCESS);
    key.state = CG_KEY_STATE_ACTIVE;
    CU_ASSERT_EQUAL(cg_apikey_update(f.ring, &key, &out, &err, f.pool),
                    APR_EINVAL);
    CU_ASSERT_EQUAL(cg_apikey_rotate(f.ring, key.id, 0, f.now, 0, &out, spelled,
                                     &err, f.pool),
                    APR_EINVAL);
    CU_ASSERT_EQUAL(cg_apikey_revoke(f.ring, "zzzzzzzz", &key, &err, f.pool),
                    APR_NOTFOUND);
    CU_ASSERT_EQUAL(cg_apikey_revoke(f.ring, "../../x", &key, &err, f.pool),
                    APR_NOTFOUND);
    key_fixture_close(&f);
}

static void damaged_record_lets_nobody_in(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    static const char *const damage[][2] = {
        {"digest", "00"},
        {"state", "holy"},
        {"limits", "key:x/60s"},
        {"limits", "planet:1/1s"},
        {"version", "x"},
        {"expires_at", "soon"},
        {"name", "a\tb"},
        {"created_at", ""},
        {"previous_digest", "00"},
        {"previous_until", "2030-01-01T00:00:00.000Z"},
        {"last_used_at", "soon"},
        {"addresses", "a\tb"},
        {"digest",
         "0000000000000000000000000000000000000000000000000000000000000000"},
    };
    key_fixture_open(&f, redis_fixture_shared(), 64, SECOND);
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        cg_key_t key = key_fixture_create(&f, "app", spelled);
        const char *hash = apr_pstrcat(f.pool, "cg:key:", key.id, NULL);
        redis_fixture_call(f.store, f.pool, "HSET", hash, damage[i][0],
                           damage[i][1], NULL);
        CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, NULL),
                        CG_KEY_STORE_AWAY);
    }
    key_fixture_close(&f);
}

/* What is remembered bridges a store that is away, not one that says otherwise. */
static void damaged_record_ends_what_was_remembered_of_it(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    key_fixture_open(&f, redis_fixture_shared(), 64, SECOND);
    cg_key_t key = key_fixture_create(&f, "app", spelled);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, NULL), CG_KEY_OK);
    redis_fixture_call(f.store, f.pool, "HSET",
                       apr_pstrcat(f.pool, "cg:key:", key.id, NULL), "state",
                       "holy", NULL);
    for (int i = 0; i < 3; i++) {
        f.now += 2 * SECOND;
        CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, NULL),
                        CG_KEY_STORE_AWAY);
    }
    key_fixture_close(&f);
}

static key_fixture_t *crowd_fixture;
static const char *crowd_id;
static volatile int64_t crowd_saved;

static void *crowd(void *unused)
{
    apr_pool_t *pool;
    cg_key_t key;
    (void)unused;
    apr_pool_create(&pool, NULL);
    for (int i = 0; i < 50; i++) {
        if (cg_apikey_get(crowd_fixture->ring, crowd_id, &key, NULL, pool) ==
                APR_SUCCESS &&
            cg_apikey_update(crowd_fixture->ring, &key, &key, NULL, pool) ==
                APR_SUCCESS) {
            cg_atomic_add(&crowd_saved, 1);
        }
    }
    apr_pool_destroy(pool);
    return NULL;
}

static void no_update_is_lost_among_many_operators(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {.text = ""};
    pthread_t threads[8];
    key_fixture_open(&f, redis_fixture_shared(), 0, SECOND);
    cg_key_t key = key_fixture_create(&f, "app", spelled);
    crowd_fixture = &f;
    crowd_id = key.id;
    for (int i = 0; i < 8; i++) {
        pthread_create(&threads[i], NULL, crowd, NULL);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    CU_ASSERT_EQUAL(cg_apikey_get(f.ring, key.id, &key, &err, f.pool),
                    APR_SUCCESS);
    CU_ASSERT(crowd_saved >= 50);
    CU_ASSERT_EQUAL(key.version, crowd_saved + 1);
    key_fixture_close(&f);
}

CU_TestInfo test_auth_keyadmin[] = {
    {"key_is_kept_with_all_its_members", key_is_kept_with_all_its_members},
    {"store_never_holds_the_secret", store_never_holds_the_secret},
    {"texts_out_of_bounds_are_refused", texts_out_of_bounds_are_refused},
    {"list_is_newest_first_and_stable_under_inserts",
     list_is_newest_first_and_stable_under_inserts},
    {"update_needs_the_version_it_read", update_needs_the_version_it_read},
    {"revoked_key_stays_revoked", revoked_key_stays_revoked},
    {"damaged_record_lets_nobody_in", damaged_record_lets_nobody_in},
    {"damaged_record_ends_what_was_remembered_of_it",
     damaged_record_ends_what_was_remembered_of_it},
    {"no_update_is_lost_among_many_operators",
     no_update_is_lost_among_many_operators},
    CU_TEST_INFO_NULL,
};
