/* Slots of a cluster: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "fleet_fixture.h"
#include "store/keys.h"
#include "store/slots.h"

static int slot_of(const char *key)
{
    return cg_slots_of(cg_str(key));
}

static void slot_is_that_of_the_specification(void)
{
    CU_ASSERT_EQUAL(slot_of("123456789"), 0x31c3);
    CU_ASSERT_EQUAL(slot_of(""), 0);
    CU_ASSERT_EQUAL(slot_of("foo"), 12182);
    CU_ASSERT_EQUAL(slot_of("{user1000}.following"),
                    slot_of("{user1000}.followers"));
    CU_ASSERT_EQUAL(slot_of("{user1000}x"), slot_of("user1000"));
    CU_ASSERT_EQUAL(slot_of("foo{{bar}}zap"), slot_of("{bar"));
    CU_ASSERT_EQUAL(slot_of("foo{bar}{zap}"), slot_of("bar"));
    CU_ASSERT_NOT_EQUAL(slot_of("foo{}{bar}"), slot_of("bar"));
    CU_ASSERT_NOT_EQUAL(slot_of("foo{bar"), slot_of("bar"));
}

static void slot_is_what_redis_says_of_keys_of_any_bytes(void)
{
    apr_pool_t *pool;
    fleet_t fleet;
    apr_pool_create(&pool, NULL);
    fleet_start_one(&fleet, "--cluster-enabled yes");
    cg_store_t *store;
    cg_store_options_t options = {
        .url = apr_psprintf(pool, "redis://127.0.0.1:%d", fleet.all[0].port),
        .operation_for = apr_time_from_sec(5)};
    CU_ASSERT_EQUAL_FATAL(cg_store_open(&store, &options, NULL, pool),
                          APR_SUCCESS);
    uint64_t die = 88172645463325252u;
    for (int i = 0; i < 1000; i++) {
        char bytes[40];
        size_t len = 0;
        die ^= die << 13;
        die ^= die >> 7;
        die ^= die << 17;
        for (size_t most = die % sizeof bytes; len < most; len++) {
            uint64_t roll = (die >> (len % 48)) * 31 + len * 7;
            bytes[len] = "{}ab\0\xff\r c"[roll % 9];
        }
        cg_str_t key = {bytes, len};
        cg_str_t argv[] = {CG_STR("CLUSTER"), CG_STR("KEYSLOT"), key};
        cg_reply_t r;
        CU_ASSERT_EQUAL_FATAL(cg_store_call(store, argv, 3, &r, NULL, pool),
                              APR_SUCCESS);
        CU_ASSERT_EQUAL(r.number, cg_slots_of(key));
    }
    fleet_stop(&fleet);
    apr_pool_destroy(pool);
}

static cg_slots_target_t target(const char *words, int *out_slot)
{
    apr_pool_t *pool;
    char **list;
    cg_str_t argv[16];
    size_t argc = 0;
    apr_pool_create(&pool, NULL);
    apr_tokenize_to_argv(words, &list, pool);
    while (list[argc]) {
        argv[argc] = cg_str(list[argc]);
        argc++;
    }
    cg_store_command_t command = {argv, argc};
    cg_slots_target_t found = cg_slots_target(&command, out_slot);
    apr_pool_destroy(pool);
    return found;
}

static void key_of_a_command_is_found_wherever_it_stands(void)
{
    static const char *const keyed[] = {"GET foo",
                                        "HSET foo a b",
                                        "EVALSHA abc 2 foo bar 1",
                                        "eval x 1 foo",
                                        "XINFO STREAM foo",
                                        "XREAD COUNT 2 STREAMS foo 0",
                                        "XREADGROUP GROUP g c STREAMS foo >",
                                        "ZADD foo 0 x",
                                        "SET {foo}x y",
                                        "DEL foo",
                                        "OBJECT ENCODING foo"};
    static const char *const any[] = {
        "PING",        "TIME",        "EVALSHA abc 0 foo",
        "PUBLISH c m", "INFO server", "GET"};
    static const char *const every[] = {"SCRIPT FLUSH", "KEYS *", "DBSIZE",
                                        "FLUSHALL"};
    static const char *const none[] = {"SCAN 0", "MULTI", "SELECT 1"};
    int slot;
    for (size_t i = 0; i < sizeof keyed / sizeof keyed[0]; i++) {
        CU_ASSERT_EQUAL(target(keyed[i], &slot), CG_SLOTS_KEY);
        CU_ASSERT_EQUAL(slot, 12182);
    }
    for (size_t i = 0; i < sizeof any / sizeof any[0]; i++) {
        CU_ASSERT_EQUAL(target(any[i], &slot), CG_SLOTS_ANY);
    }
    for (size_t i = 0; i < sizeof every / sizeof every[0]; i++) {
        CU_ASSERT_EQUAL(target(every[i], &slot), CG_SLOTS_EVERY);
    }
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        CU_ASSERT_EQUAL(target(none[i], &slot), CG_SLOTS_NONE);
    }
}

/* The scripts take keys of several families: these must lie together. */
static void families_that_one_script_uses_share_a_slot(void)
{
    static const struct {
        cg_keys_id_t a, b;
    } together[] = {{CG_KEYS_CREDENTIAL, CG_KEYS_CREDENTIAL_NAMES},
                    {CG_KEYS_AUDIT_STREAM, CG_KEYS_AUDIT_NODES},
                    {CG_KEYS_AUDIT_STREAM, CG_KEYS_AUDIT_KEEP},
                    {CG_KEYS_AUDIT_STREAM, CG_KEYS_AUDIT_KEEPS},
                    {CG_KEYS_AUDIT_STREAM, CG_KEYS_AUDIT_STATS},
                    {CG_KEYS_POLICY_HEAD, CG_KEYS_POLICY_INDEX},
                    {CG_KEYS_POLICY_HEAD, CG_KEYS_POLICY_VERSION}};
    apr_pool_t *pool;
    cg_str_t parts[] = {CG_STR("a"), CG_STR("b"), CG_STR("c"), CG_STR("d")};
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof together / sizeof together[0]; i++) {
        CU_ASSERT_EQUAL(
            cg_slots_of(cg_keys_make(together[i].a, parts, 4, pool)),
            cg_slots_of(cg_keys_make(together[i].b, parts, 4, pool)));
    }
    apr_pool_destroy(pool);
}

CU_TestInfo test_store_slots[] = {
    {"slot_is_that_of_the_specification", slot_is_that_of_the_specification},
    {"slot_is_what_redis_says_of_keys_of_any_bytes",
     slot_is_what_redis_says_of_keys_of_any_bytes},
    {"key_of_a_command_is_found_wherever_it_stands",
     key_of_a_command_is_found_wherever_it_stands},
    {"families_that_one_script_uses_share_a_slot",
     families_that_one_script_uses_share_a_slot},
    CU_TEST_INFO_NULL,
};
