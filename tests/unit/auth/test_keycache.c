/* Keys packed into shared memory: what goes in comes out, whatever its size.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/keycache.h"

#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "auth/keyrecord.h"
#include "key_fixture.h"

#define NOW apr_time_from_sec(1767225600)

static void *memory;

static cg_keycache_t *new_cache(size_t entries, apr_pool_t *pool)
{
    size_t bytes = (cg_keycache_bytes(entries) + 63) / 64 * 64;
    memory = aligned_alloc(64, bytes);
    memset(memory, 0, bytes);
    return cg_keycache_attach(memory, entries, pool);
}

static void fill(char *text, size_t room)
{
    memset(text, 'x', room - 1);
    text[room - 1] = '\0';
}

static cg_key_t small_key(const char *id)
{
    cg_key_t key = {.name = "app", .models = "gpt-4o*", .version = 7,
                    .created_at = NOW, .previous_until = NOW + 5,
                    .previous_last4 = "abcd", .tags = "a,b",
                    .zone = {true, 3600, 7200, NOW + 9}};
    apr_cpystrn(key.id, id, sizeof key.id);
    memset(key.digest, 1, sizeof key.digest);
    memset(key.previous_digest, 2, sizeof key.previous_digest);
    cg_key_add_limit(&key, CG_STR("100/60s"), NULL);
    return key;
}

static cg_key_t large_key(const char *id)
{
    cg_key_t key = small_key(id);
#define FILL(member) fill(key.member, sizeof key.member)
    FILL(name);
    FILL(owner);
    FILL(user);
    FILL(team);
    FILL(prefix);
    FILL(last4);
    FILL(models);
    FILL(redact);
    FILL(tags);
    FILL(endpoints);
    FILL(addresses);
    FILL(vhosts);
    FILL(hours);
    FILL(previous_last4);
#undef FILL
    while (key.limits_count < CG_KEY_LIMITS_MAX) {
        cg_key_add_limit(&key, CG_STR("5/1s"), NULL);
    }
    return key;
}

static bool comes_back(cg_keycache_t *cache, const cg_key_t *key,
                       apr_pool_t *pool)
{
    cg_key_t back;
    bool is_known = false;
    apr_time_t at = 0;
    cg_str_t a[2 * CG_KEYRECORD_FIELDS], b[2 * CG_KEYRECORD_FIELDS];
    if (!cg_keycache_get(cache, key->id, &back, &is_known, &at) || !is_known ||
        at != NOW || strcmp(back.id, key->id) != 0 ||
        memcmp(&back.zone, &key->zone, sizeof back.zone) != 0) {
        return false;
    }
    size_t count = cg_keyrecord_write(key, a, pool);
    bool is_same = cg_keyrecord_write(&back, b, pool) == count;
    for (size_t i = 0; i < count; i++) {
        is_same = is_same && cg_str_equal(a[i], b[i]);
    }
    return is_same;
}

static void keys_of_any_size_come_back_as_they_were(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    cg_keycache_t *cache = new_cache(64, pool);
    cg_key_t small = small_key("aaaaaaaa"), large = large_key("bbbbbbbb");
    cg_keycache_put(cache, small.id, &small, NOW, cg_keycache_mark(cache));
    cg_keycache_put(cache, large.id, &large, NOW, cg_keycache_mark(cache));
    CU_ASSERT(comes_back(cache, &small, pool));
    CU_ASSERT(comes_back(cache, &large, pool));
    /* Every length between them, over the border of the small slots. */
    for (size_t len = 0; len < sizeof small.models; len += 7) {
        memset(small.models, 0, sizeof small.models);
        memset(small.models, 'm', len);
        small.version++;
        cg_keycache_put(cache, small.id, &small, NOW, cg_keycache_mark(cache));
        CU_ASSERT(comes_back(cache, &small, pool));
    }
    free(memory);
    apr_pool_destroy(pool);
}

static void unknown_ids_are_remembered_as_such(void)
{
    apr_pool_t *pool;
    cg_key_t back = {.name = "left over"};
    bool is_known = true;
    apr_time_t at;
    apr_pool_create(&pool, NULL);
    cg_keycache_t *cache = new_cache(64, pool);
    CU_ASSERT_FALSE(cg_keycache_get(cache, "cccccccc", &back, &is_known, &at));
    cg_keycache_put(cache, "cccccccc", NULL, NOW, cg_keycache_mark(cache));
    CU_ASSERT(cg_keycache_get(cache, "cccccccc", &back, &is_known, &at));
    CU_ASSERT_FALSE(is_known);
    CU_ASSERT_EQUAL(back.name[0], '\0');
    free(memory);
    apr_pool_destroy(pool);
}

static void a_dropped_key_is_gone_and_a_late_answer_does_not_bring_it_back(void)
{
    apr_pool_t *pool;
    bool is_known;
    apr_time_t at;
    cg_key_t back;
    apr_pool_create(&pool, NULL);
    cg_keycache_t *cache = new_cache(64, pool);
    for (int i = 0; i < 2; i++) {
        cg_key_t key = i ? large_key("dddddddd") : small_key("dddddddd");
        cg_keycache_mark_t mark = cg_keycache_mark(cache);
        cg_keycache_put(cache, key.id, &key, NOW, mark);
        CU_ASSERT(cg_keycache_get(cache, key.id, &back, &is_known, &at));
        cg_keycache_drop(cache, key.id);
        CU_ASSERT_FALSE(cg_keycache_get(cache, key.id, &back, &is_known, &at));
        cg_keycache_put(cache, key.id, &key, NOW, mark);
        CU_ASSERT_FALSE(cg_keycache_get(cache, key.id, &back, &is_known, &at));
    }
    free(memory);
    apr_pool_destroy(pool);
}

static void a_large_key_that_was_pushed_out_is_asked_for_again(void)
{
    apr_pool_t *pool;
    int there = 0;
    apr_pool_create(&pool, NULL);
    cg_keycache_t *cache = new_cache(8, pool);
    for (int i = 0; i < 100; i++) {
        cg_key_t key = large_key(apr_psprintf(pool, "%08d", i));
        cg_keycache_put(cache, key.id, &key, NOW, cg_keycache_mark(cache));
    }
    for (int i = 0; i < 100; i++) {
        cg_key_t key = large_key(apr_psprintf(pool, "%08d", i)), back;
        bool is_known = false;
        apr_time_t at;
        if (cg_keycache_get(cache, key.id, &back, &is_known, &at)) {
            CU_ASSERT(comes_back(cache, &key, pool));
            there++;
        }
    }
    CU_ASSERT(there > 0 && there <= 16);
    free(memory);
    apr_pool_destroy(pool);
}

CU_TestInfo test_auth_keycache[] = {
    {"keys_of_any_size_come_back_as_they_were",
     keys_of_any_size_come_back_as_they_were},
    {"unknown_ids_are_remembered_as_such", unknown_ids_are_remembered_as_such},
    {"a_dropped_key_is_gone_and_a_late_answer_does_not_bring_it_back",
     a_dropped_key_is_gone_and_a_late_answer_does_not_bring_it_back},
    {"a_large_key_that_was_pushed_out_is_asked_for_again",
     a_large_key_that_was_pushed_out_is_asked_for_again},
    CU_TEST_INFO_NULL,
};
