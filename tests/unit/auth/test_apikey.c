/* Judging API keys: verdicts, the cache, revocation, an absent store.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "auth/keyspell.h"
#include "base/clock.h"
#include "key_fixture.h"

#define SECOND APR_TIME_C(1000000)

static void right_secret_is_let_in(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_key_t key;
    key_fixture_open(&f, redis_fixture_shared(), 64, SECOND);
    cg_key_t made = key_fixture_create(&f, "app", spelled);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, &key), CG_KEY_OK);
    CU_ASSERT_STRING_EQUAL(key.id, made.id);
    CU_ASSERT_STRING_EQUAL(key.name, "app");
    CU_ASSERT_STRING_EQUAL(key.owner, "o");
    CU_ASSERT_EQUAL(key.created_at, made.created_at);
    CU_ASSERT(strncmp(spelled, key.prefix, 11) == 0);
    CU_ASSERT_STRING_EQUAL(spelled + CG_KEY_SPELLED_LEN - 4, key.last4);
    key_fixture_close(&f);
}

static void wrong_secret_unknown_and_malformed_tell_nothing(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_key_t key;
    cg_key_t zero;
    memset(&zero, 0, sizeof zero);
    key_fixture_open(&f, redis_fixture_shared(), 64, SECOND);
    cg_key_t made = key_fixture_create(&f, "app", spelled);
    cg_key_parts_t parts = {.id = ""};
    memcpy(parts.id, made.id, sizeof parts.id);
    cg_keyspell_make(&parts);
    cg_keyspell_write(&parts, spelled);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, &key), CG_KEY_WRONG_SECRET);
    CU_ASSERT(memcmp(&key, &zero, sizeof key) == 0);
    parts.id[0] = '\0';
    cg_keyspell_make(&parts);
    cg_keyspell_write(&parts, spelled);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, &key), CG_KEY_UNKNOWN);
    CU_ASSERT(memcmp(&key, &zero, sizeof key) == 0);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, "sk-123", &key), CG_KEY_MALFORMED);
    CU_ASSERT(memcmp(&key, &zero, sizeof key) == 0);
    key_fixture_close(&f);
}

static void states_are_told_only_to_who_has_the_secret(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_key_t key, out;
    cg_error_t err = {.text = ""};
    key_fixture_open(&f, redis_fixture_shared(), 64, SECOND);
    key = key_fixture_create(&f, "app", spelled);
    key.state = CG_KEY_STATE_SUSPENDED;
    CU_ASSERT_EQUAL_FATAL(cg_apikey_update(f.ring, &key, &key, &err, f.pool),
                          APR_SUCCESS);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, &out), CG_KEY_SUSPENDED);
    CU_ASSERT_STRING_EQUAL(out.name, "app");
    key.state = CG_KEY_STATE_ACTIVE;
    key.expires_at = f.now + 10 * SECOND;
    CU_ASSERT_EQUAL_FATAL(cg_apikey_update(f.ring, &key, &key, &err, f.pool),
                          APR_SUCCESS);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, NULL), CG_KEY_OK);
    f.now += 11 * SECOND;
    CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, NULL), CG_KEY_EXPIRED);
    CU_ASSERT_EQUAL(cg_apikey_revoke(f.ring, key.id, &key, &err, f.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, NULL), CG_KEY_REVOKED);
    key_fixture_close(&f);
}

/* ---- the cache ---------------------------------------------------------- */

static void key_once_seen_is_not_asked_for_again(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    key_fixture_open(&f, redis_fixture_shared(), 64, SECOND);
    key_fixture_create(&f, "app", spelled);
    key_fixture_verify(&f, spelled, NULL);
    int64_t before = key_fixture_lookups(&f);
    for (int i = 0; i < 1000; i++) {
        CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, NULL), CG_KEY_OK);
    }
    CU_ASSERT_EQUAL(key_fixture_lookups(&f), before);
    f.now += 2 * SECOND;
    key_fixture_verify(&f, spelled, NULL);
    key_fixture_verify(&f, spelled, NULL);
    CU_ASSERT_EQUAL(key_fixture_lookups(&f), before + 1);
    key_fixture_close(&f);
}

/* Unknown, unknown a moment ago, and known with another secret: the time of an
 * answer must not tell which. */
static void whatever_is_not_right_costs_one_question(void)
{
    key_fixture_t f;
    cg_key_parts_t unknown = {.id = ""};
    cg_key_parts_t known = {.id = ""};
    char spelled[CG_KEY_SPELLED_LEN + 1];
    key_fixture_open(&f, redis_fixture_shared(), 64, SECOND);
    cg_key_t made = key_fixture_create(&f, "app", spelled);
    memcpy(known.id, made.id, sizeof known.id);
    for (int i = 0; i < 20; i++) {
        int64_t before = key_fixture_lookups(&f);
        cg_keyspell_make(&unknown); /* another secret for the same id */
        cg_keyspell_write(&unknown, spelled);
        CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, NULL), CG_KEY_UNKNOWN);
        CU_ASSERT_EQUAL(key_fixture_lookups(&f), before + 1);
        cg_keyspell_make(&known);
        cg_keyspell_write(&known, spelled);
        CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, NULL),
                        CG_KEY_WRONG_SECRET);
        CU_ASSERT_EQUAL(key_fixture_lookups(&f), before + 2);
    }
    key_fixture_close(&f);
}

static void malformed_key_is_looked_up_nowhere(void)
{
    key_fixture_t f;
    key_fixture_open(&f, redis_fixture_shared(), 64, SECOND);
    int64_t before = key_fixture_lookups(&f);
    for (int i = 0; i < 100; i++) {
        key_fixture_verify(
            &f,
            "vk_0a1b2c3d_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_000000",
            NULL);
    }
    CU_ASSERT_EQUAL(key_fixture_lookups(&f), before);
    key_fixture_close(&f);
}

static void change_here_is_seen_here_at_once(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1], other[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {.text = ""};
    cg_key_t key;
    key_fixture_open(&f, redis_fixture_shared(), 64, 3600 * SECOND);
    key = key_fixture_create(&f, "app", spelled);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, NULL), CG_KEY_OK);
    CU_ASSERT_EQUAL(cg_apikey_rotate(f.ring, key.id, 0, f.now, 0, &key, other,
                                     &err, f.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, NULL), CG_KEY_WRONG_SECRET);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, other, NULL), CG_KEY_OK);
    cg_apikey_revoke(f.ring, key.id, &key, &err, f.pool);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, other, NULL), CG_KEY_REVOKED);
    key_fixture_close(&f);
}

/* ---- another server ------------------------------------------------------ */

static void on_change(void *baton, cg_str_t message)
{
    key_fixture_t *f = baton;
    cg_keyring_forget(f->ring, cg_str_dup(message, f->pool));
}

static void revocation_elsewhere_arrives_through_the_listener(void)
{
    key_fixture_t here, elsewhere;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_listener_t *listener;
    cg_error_t err = {.text = ""};
    cg_key_t key;
    redis_fixture_t *redis = redis_fixture_shared();
    key_fixture_open(&here, redis, 64, 3600 * SECOND);
    key_fixture_open(&elsewhere, redis, 64, SECOND);
    CU_ASSERT_EQUAL_FATAL(cg_store_subscribe(here.store, CG_KEY_CHANNEL,
                                             &listener, &err, here.pool),
                          APR_SUCCESS);
    key = key_fixture_create(&elsewhere, "app", spelled);
    CU_ASSERT_EQUAL(key_fixture_verify(&here, spelled, NULL), CG_KEY_OK);
    cg_apikey_revoke(elsewhere.ring, key.id, &key, &err, elsewhere.pool);
    CU_ASSERT_EQUAL(key_fixture_verify(&here, spelled, NULL), CG_KEY_OK);
    apr_time_t start = cg_clock_monotonic();
    cg_key_verdict_t verdict = CG_KEY_OK;
    while (verdict == CG_KEY_OK && cg_clock_monotonic() - start < 2 * SECOND) {
        cg_store_listen(listener, 20000, on_change, &here);
        verdict = key_fixture_verify(&here, spelled, NULL);
    }
    CU_ASSERT_EQUAL(verdict, CG_KEY_REVOKED);
    CU_ASSERT(cg_clock_monotonic() - start < SECOND / 2);
    key_fixture_close(&here);
    key_fixture_close(&elsewhere);
}

static void revocation_without_a_listener_arrives_by_age(void)
{
    key_fixture_t here, elsewhere;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {.text = ""};
    cg_key_t key;
    redis_fixture_t *redis = redis_fixture_shared();
    key_fixture_open(&here, redis, 64, SECOND);
    key_fixture_open(&elsewhere, redis, 0, SECOND);
    key = key_fixture_create(&elsewhere, "app", spelled);
    CU_ASSERT_EQUAL(key_fixture_verify(&here, spelled, NULL), CG_KEY_OK);
    cg_apikey_revoke(elsewhere.ring, key.id, &key, &err, elsewhere.pool);
    here.now += SECOND;
    CU_ASSERT_EQUAL(key_fixture_verify(&here, spelled, NULL), CG_KEY_REVOKED);
    cg_keyring_doubt_all(here.ring);
    CU_ASSERT_EQUAL(key_fixture_verify(&here, spelled, NULL), CG_KEY_REVOKED);
    key_fixture_close(&here);
    key_fixture_close(&elsewhere);
}

/* ---- the store is away ----------------------------------------------------
 */

static void
known_key_is_served_and_unseen_key_refused_while_the_store_is_away(void)
{
    key_fixture_t f;
    redis_fixture_t redis;
    char seen[CG_KEY_SPELLED_LEN + 1], unseen[CG_KEY_SPELLED_LEN + 1];
    redis_fixture_start(&redis, true);
    key_fixture_open(&f, &redis, 64, SECOND);
    key_fixture_create(&f, "seen", seen);
    key_fixture_create(&f, "unseen", unseen);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, seen, NULL), CG_KEY_OK);
    redis_fixture_kill(&redis);
    f.now += 10 * SECOND;
    for (int i = 0; i < 10; i++) {
        CU_ASSERT_EQUAL(key_fixture_verify(&f, seen, NULL), CG_KEY_OK);
        CU_ASSERT_EQUAL(key_fixture_verify(&f, unseen, NULL),
                        CG_KEY_STORE_AWAY);
    }
    redis_fixture_restart(&redis);
    usleep(300000);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, unseen, NULL), CG_KEY_OK);
    key_fixture_close(&f);
    redis_fixture_stop(&redis);
}

static void no_bad_key_is_let_in_while_the_store_is_frozen(void)
{
    key_fixture_t f;
    redis_fixture_t redis;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    redis_fixture_start(&redis, false);
    key_fixture_open(&f, &redis, 64, SECOND);
    cg_key_t key = key_fixture_create(&f, "app", spelled);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled, NULL), CG_KEY_OK);
    redis_fixture_freeze(&redis);
    f.now += 10 * SECOND;
    for (int i = 0; i < 200; i++) {
        cg_key_parts_t parts = {.id = ""};
        if (i % 2) {
            memcpy(parts.id, key.id, sizeof parts.id);
        }
        cg_keyspell_make(&parts);
        cg_keyspell_write(&parts, spelled);
        cg_key_verdict_t verdict = key_fixture_verify(&f, spelled, NULL);
        CU_ASSERT(verdict == CG_KEY_WRONG_SECRET ||
                  verdict == CG_KEY_STORE_AWAY);
    }
    redis_fixture_thaw(&redis);
    key_fixture_close(&f);
    redis_fixture_stop(&redis);
}

/* ---- models ----------------------------------------------------------------
 */

static void models_are_names_or_patterns(void)
{
    static const struct {
        const char *models, *model;
        bool may;
    } cases[] = {
        {"", "anything", true},
        {"  ", "anything", true},
        {"gpt-4o", "gpt-4o", true},
        {"gpt-4o", "gpt-4o-mini", false},
        {"gpt-4o*", "gpt-4o-mini", true},
        {"gpt-4o, o3*", "o3-mini", true},
        {"gpt-4o, o3*", "o1", false},
        {"*-mini", "gpt-4o-mini", true},
        {"*-mini", "gpt-4o-mini-x", false},
        {"a*b*c", "aXbYc", true},
        {"a*b*c", "abcbd", false},
        {"*", "", true},
        {"*", "x", true},
        {",", "x", false},
        {"GPT-4o", "gpt-4o", false},
        {"*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_key_t key = {.id = "x"};
        apr_cpystrn(key.models, cases[i].models, sizeof key.models);
        CU_ASSERT_EQUAL(cg_key_may_use(&key, cg_str(cases[i].model)),
                        cases[i].may);
    }
}

static void pepper_must_have_32_bytes_and_decides(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {.text = ""};
    cg_key_t key;
    key_fixture_open(&f, redis_fixture_shared(), 0, SECOND);
    CU_ASSERT_PTR_NULL(cg_pepper_make("short", 5, &err, f.pool));
    CU_ASSERT(strlen(err.text) > 20);
    CU_ASSERT_PTR_NULL(cg_pepper_load("/nonexistent/p", &err, f.pool));
    key_fixture_create(&f, "app", spelled);
    cg_pepper_t *other =
        cg_pepper_make("another pepper of thirty-two bytes", 32, &err, f.pool);
    cg_keyring_t *ring = cg_keyring_open(f.store, other, NULL, 0, 0, f.pool);
    CU_ASSERT_EQUAL(
        cg_apikey_verify(ring, cg_str(spelled), f.now, &key, &err, f.pool),
        CG_KEY_WRONG_SECRET);
    key_fixture_close(&f);
}

static void pepper_file_that_is_open_to_everybody_is_refused(void)
{
    static const struct {
        mode_t mode;
        bool is_taken;
    } cases[] = {{0600, true},  {0400, true},  {0640, true},
                 {0644, false}, {0604, false}, {0602, false}};
    apr_pool_t *pool;
    cg_error_t err = {""};
    char path[] = "/tmp/cg-pepper-XXXXXX";
    apr_pool_create(&pool, NULL);
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, "0123456789abcdef0123456789abcdef\n", 33), 33);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(fchmod(fd, cases[i].mode), 0);
        CU_ASSERT_EQUAL(cg_pepper_load(path, &err, pool) != NULL,
                        cases[i].is_taken);
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "chmod 0600"));
    close(fd);
    unlink(path);
    apr_pool_destroy(pool);
}

CU_TestInfo test_auth_apikey[] = {
    {"pepper_file_that_is_open_to_everybody_is_refused",
     pepper_file_that_is_open_to_everybody_is_refused},
    {"right_secret_is_let_in", right_secret_is_let_in},
    {"wrong_secret_unknown_and_malformed_tell_nothing",
     wrong_secret_unknown_and_malformed_tell_nothing},
    {"states_are_told_only_to_who_has_the_secret",
     states_are_told_only_to_who_has_the_secret},
    {"key_once_seen_is_not_asked_for_again",
     key_once_seen_is_not_asked_for_again},
    {"whatever_is_not_right_costs_one_question",
     whatever_is_not_right_costs_one_question},
    {"malformed_key_is_looked_up_nowhere", malformed_key_is_looked_up_nowhere},
    {"change_here_is_seen_here_at_once", change_here_is_seen_here_at_once},
    {"revocation_elsewhere_arrives_through_the_listener",
     revocation_elsewhere_arrives_through_the_listener},
    {"revocation_without_a_listener_arrives_by_age",
     revocation_without_a_listener_arrives_by_age},
    {"known_key_is_served_and_unseen_key_refused_while_the_store_is_away",
     known_key_is_served_and_unseen_key_refused_while_the_store_is_away},
    {"no_bad_key_is_let_in_while_the_store_is_frozen",
     no_bad_key_is_let_in_while_the_store_is_frozen},
    {"models_are_names_or_patterns", models_are_names_or_patterns},
    {"pepper_must_have_32_bytes_and_decides",
     pepper_must_have_32_bytes_and_decides},
    CU_TEST_INFO_NULL,
};
