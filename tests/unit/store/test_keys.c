/* Families of keys: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>

#include "store/keys.h"

static void keys_all_begin_with_the_prefix_and_say_what_they_hold(void)
{
    for (int i = 0; i < CG_KEYS_COUNT; i++) {
        const cg_keys_family_t *family = cg_keys_family((cg_keys_id_t)i);
        CU_ASSERT_PTR_NOT_NULL_FATAL(family);
        CU_ASSERT(strncmp(family->pattern, "cg:", 3) == 0);
        CU_ASSERT(strlen(family->life) > 3);
        CU_ASSERT(strlen(family->person) > 3);
        bool is_quota = strcmp(family->room, "quota") == 0;
        bool is_counted = strstr(family->pattern, "{cg}") ||
                          strstr(family->pattern, "{cg<:organization>}");
        bool is_common = i == CG_KEYS_ORGANIZATIONS || i == CG_KEYS_OVERRIDES ||
                         i == CG_KEYS_OVERRIDE_CHANNEL;
        CU_ASSERT_EQUAL(is_counted, is_quota && !is_common);
    }
    CU_ASSERT_PTR_NULL(cg_keys_family(CG_KEYS_COUNT));
}

static void keys_fill_their_pattern_in_order(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    cg_str_t parts[] = {CG_STR(""), CG_STR("key"), CG_STR("tokens"),
                        CG_STR("60000"), CG_STR("a<b>:{x}")};
    cg_str_t key = cg_keys_make(CG_KEYS_WINDOW, parts, 5, pool);
    CU_ASSERT_STRING_EQUAL(key.ptr, "cg:{cg}:window:key:tokens:60000:a<b>:{x}");
    CU_ASSERT_EQUAL(key.len, strlen(key.ptr));
    cg_str_t tenant = CG_STR(":acme");
    key = cg_keys_make(CG_KEYS_HOLD_INDEX, &tenant, 1, pool);
    CU_ASSERT_STRING_EQUAL(key.ptr, "cg:{cg:acme}:holds");
    key = cg_keys_make(CG_KEYS_HOLD_INDEX, NULL, 0, pool);
    CU_ASSERT_STRING_EQUAL(key.ptr, "cg:{cg}:holds");
    apr_pool_destroy(pool);
}

static void keys_replace_a_part_that_is_long_or_not_plain(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    char lengthy[200];
    memset(lengthy, 'x', sizeof lengthy);
    const cg_str_t parts[] = {
        {lengthy, 129}, {"a\0b", 3}, CG_STR("a\nb"), CG_STR("#abc")};
    for (size_t i = 0; i < 4; i++) {
        cg_str_t key = cg_keys_make(CG_KEYS_KEY, &parts[i], 1, pool);
        CU_ASSERT_EQUAL(key.len, strlen("cg:key:#") + 64);
        CU_ASSERT_EQUAL(strlen(key.ptr), key.len);
        CU_ASSERT_EQUAL(key.ptr[7], '#');
    }
    cg_str_t most = {lengthy, 128};
    CU_ASSERT_EQUAL(cg_keys_make(CG_KEYS_KEY, &most, 1, pool).len, 7 + 128);
    apr_pool_destroy(pool);
}

CU_TestInfo test_store_keys[] = {
    {"keys_all_begin_with_the_prefix_and_say_what_they_hold",
     keys_all_begin_with_the_prefix_and_say_what_they_hold},
    {"keys_fill_their_pattern_in_order", keys_fill_their_pattern_in_order},
    {"keys_replace_a_part_that_is_long_or_not_plain",
     keys_replace_a_part_that_is_long_or_not_plain},
    CU_TEST_INFO_NULL,
};
