/* A key's life: rotation with both secrets, last use, the end that is announced.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "auth/keyexpiry.h"
#include "auth/keyfind.h"
#include "auth/keyuse.h"
#include "base/clock.h"
#include "key_fixture.h"

#define SECOND APR_TIME_C(1000000)
#define DAY (86400 * SECOND)

static cg_key_t rotate(key_fixture_t *f, const char *id, apr_time_t grace,
                       char out_spelled[CG_KEY_SPELLED_LEN + 1])
{
    cg_key_t key;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(cg_apikey_rotate(f->ring, id, 0, f->now, grace, &key,
                                           out_spelled, &err, f->pool),
                          APR_SUCCESS);
    return key;
}

static cg_key_t read_key(key_fixture_t *f, const char *id)
{
    cg_key_t key;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(cg_apikey_get(f->ring, id, &key, &err, f->pool),
                          APR_SUCCESS);
    return key;
}

static void both_secrets_open_a_rotating_key_until_the_grace_is_over(void)
{
    key_fixture_t f;
    char old[CG_KEY_SPELLED_LEN + 1], new[CG_KEY_SPELLED_LEN + 1];
    cg_key_t out;
    key_fixture_open(&f, redis_fixture_shared(), 64, 3600 * SECOND);
    cg_key_t made = key_fixture_create(&f, "app", old);
    cg_key_t key = rotate(&f, made.id, 100 * SECOND, new);
    CU_ASSERT_STRING_EQUAL(key.id, made.id);
    CU_ASSERT_STRING_EQUAL(key.previous_last4, made.last4);
    CU_ASSERT_STRING_EQUAL(cg_key_state_at(&key, f.now), "rotating");
    CU_ASSERT_EQUAL(key_fixture_verify(&f, old, &out), CG_KEY_OK);
    CU_ASSERT(out.is_by_previous);
    CU_ASSERT_EQUAL(cg_key_ends_at(&out), key.previous_until);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, new, &out), CG_KEY_OK);
    CU_ASSERT_FALSE(out.is_by_previous);
    CU_ASSERT_EQUAL(cg_key_ends_at(&out), 0);
    f.now = key.previous_until - 1;
    CU_ASSERT_EQUAL(key_fixture_verify(&f, old, NULL), CG_KEY_OK);
    f.now = key.previous_until;
    CU_ASSERT_EQUAL(key_fixture_verify(&f, old, &out), CG_KEY_WRONG_SECRET);
    CU_ASSERT_EQUAL(out.id[0], '\0');
    CU_ASSERT_EQUAL(key_fixture_verify(&f, new, NULL), CG_KEY_OK);
    CU_ASSERT_STRING_EQUAL(cg_key_state_at(&key, f.now), "active");
    key_fixture_close(&f);
}

static void end_now_ends_the_previous_secret_alone(void)
{
    key_fixture_t f;
    char old[CG_KEY_SPELLED_LEN + 1], new[CG_KEY_SPELLED_LEN + 1];
    cg_key_t key;
    cg_error_t err = {""};
    key_fixture_open(&f, redis_fixture_shared(), 64, 3600 * SECOND);
    cg_key_t made = key_fixture_create(&f, "app", old);
    CU_ASSERT_EQUAL(
        cg_apikey_end_grace(f.ring, made.id, 0, f.now, &key, &err, f.pool),
        APR_EINVAL);
    rotate(&f, made.id, DAY, new);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, old, NULL), CG_KEY_OK);
    CU_ASSERT_EQUAL(
        cg_apikey_end_grace(f.ring, made.id, 0, f.now, &key, &err, f.pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, old, NULL), CG_KEY_WRONG_SECRET);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, new, NULL), CG_KEY_OK);
    cg_reply_t kept = redis_fixture_call(
        f.store, f.pool, "HGET", apr_pstrcat(f.pool, "cg:key:", key.id, NULL),
        "previous_digest", NULL);
    CU_ASSERT_EQUAL(kept.text.len, 0);
    key_fixture_close(&f);
}

static void a_second_rotation_leaves_two_secrets_not_three(void)
{
    key_fixture_t f;
    char one[CG_KEY_SPELLED_LEN + 1], two[CG_KEY_SPELLED_LEN + 1];
    char three[CG_KEY_SPELLED_LEN + 1];
    key_fixture_open(&f, redis_fixture_shared(), 64, SECOND);
    cg_key_t made = key_fixture_create(&f, "app", one);
    rotate(&f, made.id, DAY, two);
    rotate(&f, made.id, DAY, three);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, one, NULL), CG_KEY_WRONG_SECRET);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, two, NULL), CG_KEY_OK);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, three, NULL), CG_KEY_OK);
    key_fixture_close(&f);
}

static void a_lost_secret_is_replaced_and_the_one_in_use_goes_on(void)
{
    key_fixture_t f;
    char one[CG_KEY_SPELLED_LEN + 1], two[CG_KEY_SPELLED_LEN + 1];
    char three[CG_KEY_SPELLED_LEN + 1];
    cg_key_t key;
    cg_error_t err = {""};
    key_fixture_open(&f, redis_fixture_shared(), 64, SECOND);
    cg_key_t made = key_fixture_create(&f, "app", one);
    CU_ASSERT_EQUAL(
        cg_apikey_replace(f.ring, made.id, 0, f.now, &key, three, &err, f.pool),
        APR_EINVAL);
    apr_time_t until = rotate(&f, made.id, DAY, two).previous_until;
    CU_ASSERT_EQUAL(
        cg_apikey_replace(f.ring, made.id, 0, f.now, &key, three, &err, f.pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(key.previous_until, until);
    CU_ASSERT_STRING_EQUAL(key.previous_last4, made.last4);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, one, NULL), CG_KEY_OK);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, two, NULL), CG_KEY_WRONG_SECRET);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, three, NULL), CG_KEY_OK);
    key_fixture_close(&f);
}

static void a_rotation_is_taken_back_unless_more_has_changed(void)
{
    key_fixture_t f;
    char old[CG_KEY_SPELLED_LEN + 1], new[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {""};
    key_fixture_open(&f, redis_fixture_shared(), 64, SECOND);
    cg_key_t made = key_fixture_create(&f, "app", old);
    rotate(&f, made.id, 0, new);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, old, NULL), CG_KEY_WRONG_SECRET);
    CU_ASSERT_EQUAL(cg_apikey_put_back(f.ring, &made, &err, f.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, old, NULL), CG_KEY_OK);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, new, NULL), CG_KEY_WRONG_SECRET);
    cg_key_t before = read_key(&f, made.id);
    cg_key_t key = rotate(&f, made.id, 0, new);
    cg_apikey_revoke(f.ring, made.id, &key, &err, f.pool);
    CU_ASSERT_EQUAL(cg_apikey_put_back(f.ring, &before, &err, f.pool),
                    APR_EMISMATCH);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, new, NULL), CG_KEY_REVOKED);
    key_fixture_close(&f);
}

static void a_revoked_or_expired_key_is_over_for_both_secrets(void)
{
    key_fixture_t f;
    char old[CG_KEY_SPELLED_LEN + 1], new[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {""};
    key_fixture_open(&f, redis_fixture_shared(), 64, SECOND);
    cg_key_t made = key_fixture_create(&f, "app", old);
    cg_key_t key = rotate(&f, made.id, DAY, new);
    key.expires_at = f.now + 10 * SECOND;
    CU_ASSERT_EQUAL(cg_apikey_update(f.ring, &key, &key, &err, f.pool),
                    APR_SUCCESS);
    f.now += 11 * SECOND;
    CU_ASSERT_EQUAL(key_fixture_verify(&f, old, NULL), CG_KEY_EXPIRED);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, new, NULL), CG_KEY_EXPIRED);
    CU_ASSERT_STRING_EQUAL(cg_key_state_at(&key, f.now), "expired");
    cg_apikey_revoke(f.ring, key.id, &key, &err, f.pool);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, old, NULL), CG_KEY_REVOKED);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, new, NULL), CG_KEY_REVOKED);
    CU_ASSERT_STRING_EQUAL(cg_key_state_at(&key, f.now), "revoked");
    CU_ASSERT_EQUAL(cg_apikey_rotate(f.ring, made.id, 0, f.now, -1, &key, old,
                                     &err, f.pool),
                    APR_EINVAL);
    CU_ASSERT_EQUAL(cg_apikey_rotate(f.ring, made.id, 0, f.now,
                                     CG_KEY_GRACE_MAX + 1, &key, old, &err,
                                     f.pool),
                    APR_EINVAL);
    key_fixture_close(&f);
}

/* ---- last use ----------------------------------------------------------------- */

static size_t flush(key_fixture_t *f)
{
    size_t count = 0;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL(
        cg_keyring_flush_uses(f->ring, f->now, 1000, &count, &err, f->pool),
        APR_SUCCESS);
    return count;
}

static void last_use_is_written_by_the_flush_and_by_nothing_else(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    key_fixture_open(&f, redis_fixture_shared(), 64, 3600 * SECOND);
    cg_key_t made = key_fixture_create(&f, "app", spelled);
    CU_ASSERT_EQUAL(read_key(&f, made.id).last_used_at, 0);
    apr_time_t first = f.now;
    key_fixture_verify(&f, spelled, NULL);
    CU_ASSERT_EQUAL(read_key(&f, made.id).last_used_at, 0);
    CU_ASSERT_EQUAL(flush(&f), 1);
    CU_ASSERT_EQUAL(read_key(&f, made.id).last_used_at, first - first % 1000);
    f.now += 30 * SECOND;
    key_fixture_verify(&f, spelled, NULL);
    CU_ASSERT_EQUAL(flush(&f), 0); /* once a minute */
    f.now += 31 * SECOND;
    CU_ASSERT_EQUAL(flush(&f), 1);
    CU_ASSERT_EQUAL(read_key(&f, made.id).last_used_at / SECOND,
                    first / SECOND + 30);
    CU_ASSERT_EQUAL(flush(&f), 0);
    key_fixture_close(&f);
}

static void a_refused_key_is_not_used(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {""};
    key_fixture_open(&f, redis_fixture_shared(), 64, 3600 * SECOND);
    cg_key_t made = key_fixture_create(&f, "app", spelled);
    cg_apikey_revoke(f.ring, made.id, &made, &err, f.pool);
    key_fixture_verify(&f, spelled, NULL);
    CU_ASSERT_EQUAL(flush(&f), 0);
    key_fixture_close(&f);
}

static void each_secret_has_its_own_last_use(void)
{
    key_fixture_t f;
    char old[CG_KEY_SPELLED_LEN + 1], new[CG_KEY_SPELLED_LEN + 1];
    key_fixture_open(&f, redis_fixture_shared(), 64, 3600 * SECOND);
    cg_key_t made = key_fixture_create(&f, "app", old);
    apr_time_t first = f.now - f.now % 1000;
    key_fixture_verify(&f, old, NULL);
    flush(&f);
    f.now += 5 * SECOND;
    key_fixture_verify(&f, old, NULL); /* noted before, flushed after */
    cg_key_t key = rotate(&f, made.id, DAY, new);
    CU_ASSERT_EQUAL(key.last_used_at, 0);
    CU_ASSERT_EQUAL(read_key(&f, made.id).previous_used_at, first);
    f.now += 60 * SECOND;
    key_fixture_verify(&f, new, NULL);
    CU_ASSERT_EQUAL(flush(&f), 2);
    key = read_key(&f, made.id);
    CU_ASSERT_EQUAL(key.previous_used_at, first + 5 * SECOND);
    CU_ASSERT_EQUAL(key.last_used_at, f.now - f.now % 1000);
    /* A change of the key leaves the moments alone. */
    cg_error_t err = {""};
    cg_key_t wanted = read_key(&f, made.id);
    cg_apikey_update(f.ring, &wanted, &wanted, &err, f.pool);
    CU_ASSERT_EQUAL(read_key(&f, made.id).last_used_at, key.last_used_at);
    key_fixture_close(&f);
}

static void a_flush_makes_no_key_anew_and_an_older_moment_changes_nothing(void)
{
    key_fixture_t f;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    key_fixture_open(&f, redis_fixture_shared(), 64, 3600 * SECOND);
    cg_key_t made = key_fixture_create(&f, "app", spelled);
    const char *hash = apr_pstrcat(f.pool, "cg:key:", made.id, NULL);
    key_fixture_verify(&f, spelled, NULL);
    redis_fixture_call(f.store, f.pool, "HSET", hash, "last_used_at",
                       "2999-01-01T00:00:00.000Z", NULL);
    flush(&f);
    cg_reply_t at =
        redis_fixture_call(f.store, f.pool, "HGET", hash, "last_used_at", NULL);
    CU_ASSERT_STRING_EQUAL(at.text.ptr, "2999-01-01T00:00:00.000Z");
    f.now += 120 * SECOND;
    key_fixture_verify(&f, spelled, NULL);
    redis_fixture_call(f.store, f.pool, "DEL", hash, NULL);
    CU_ASSERT_EQUAL(flush(&f), 1);
    cg_reply_t there =
        redis_fixture_call(f.store, f.pool, "EXISTS", hash, NULL);
    CU_ASSERT_EQUAL(there.number, 0);
    key_fixture_close(&f);
}

static void notes_are_bounded_and_survive_a_store_that_is_away(void)
{
    key_fixture_t f;
    redis_fixture_t redis;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    size_t count;
    cg_error_t err = {""};
    redis_fixture_start(&redis, true);
    key_fixture_open(&f, &redis, 8, 3600 * SECOND);
    cg_key_t made = key_fixture_create(&f, "app", spelled);
    key_fixture_verify(&f, spelled, NULL);
    redis_fixture_kill(&redis);
    CU_ASSERT_NOT_EQUAL(
        cg_keyring_flush_uses(f.ring, f.now, 1000, &count, &err, f.pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(count, 0);
    redis_fixture_restart(&redis);
    apr_sleep(600000); /* the breaker's probe */
    CU_ASSERT_EQUAL(flush(&f), 1);
    CU_ASSERT_EQUAL(read_key(&f, made.id).last_used_at, f.now - f.now % 1000);
    for (int i = 0; i < 20; i++) {
        key_fixture_create(&f, "more", spelled);
        key_fixture_verify(&f, spelled, NULL);
    }
    CU_ASSERT(flush(&f) <= 8);
    key_fixture_close(&f);
    redis_fixture_stop(&redis);
}

/* ---- the end that is announced -------------------------------------------------- */

static int told;
static char told_id[12];

static void on_key(void *baton, const cg_key_t *key)
{
    (void)baton;
    told++;
    memcpy(told_id, key->id, sizeof told_id);
}

/* A round from its beginning to its end; how many end soon. */
static int64_t go_round(key_fixture_t *f, cg_keyexpiry_t *round)
{
    int64_t count = -1;
    cg_error_t err = {""};
    told = 0;
    for (int i = 0; i < 200 && count < 0; i++) {
        CU_ASSERT_EQUAL_FATAL(cg_keyexpiry_step(round, f->ring, f->now, on_key,
                                                NULL, &count, &err, f->pool),
                              APR_SUCCESS);
    }
    return count;
}

static cg_key_t create_until(key_fixture_t *f, apr_time_t expires_at)
{
    cg_key_t wanted = {.name = "ends", .expires_at = expires_at}, key;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(cg_apikey_create(f->ring, &wanted, f->now, &key,
                                           spelled, &err, f->pool),
                          APR_SUCCESS);
    return key;
}

static void an_end_within_14_days_is_told_once_a_day(void)
{
    key_fixture_t f;
    redis_fixture_t redis;
    cg_keyexpiry_t round = {.is_going = false}, other = {.is_going = false};
    redis_fixture_start(&redis, false);
    key_fixture_open(&f, &redis, 0, SECOND);
    create_until(&f, 0);
    create_until(&f, f.now + 15 * DAY);
    cg_key_t soon = create_until(&f, f.now + 13 * DAY);
    CU_ASSERT_EQUAL(go_round(&f, &round), 1);
    CU_ASSERT_EQUAL(told, 1);
    CU_ASSERT_STRING_EQUAL(told_id, soon.id);
    f.now += CG_KEYEXPIRY_EACH;
    CU_ASSERT_EQUAL(go_round(&f, &round), 1);
    CU_ASSERT_EQUAL(told, 0);
    CU_ASSERT_EQUAL(go_round(&f, &other), 1); /* another server */
    CU_ASSERT_EQUAL(told, 0);
    f.now += 2 * DAY;
    CU_ASSERT_EQUAL(go_round(&f, &round), 2);
    CU_ASSERT_EQUAL(told, 2);
    key_fixture_close(&f);
    redis_fixture_stop(&redis);
}

static void a_key_that_was_extended_or_revoked_is_not_told_of(void)
{
    key_fixture_t f;
    redis_fixture_t redis;
    cg_keyexpiry_t round = {.is_going = false};
    cg_error_t err = {""};
    redis_fixture_start(&redis, false);
    key_fixture_open(&f, &redis, 0, SECOND);
    cg_key_t one = create_until(&f, f.now + DAY);
    cg_key_t two = create_until(&f, f.now + DAY);
    cg_key_t three = create_until(&f, f.now + DAY);
    one.expires_at = f.now + 100 * DAY;
    cg_apikey_update(f.ring, &one, &one, &err, f.pool);
    two.expires_at = 0;
    cg_apikey_update(f.ring, &two, &two, &err, f.pool);
    cg_apikey_revoke(f.ring, three.id, &three, &err, f.pool);
    CU_ASSERT_EQUAL(go_round(&f, &round), 0);
    CU_ASSERT_EQUAL(told, 0);
    key_fixture_close(&f);
    redis_fixture_stop(&redis);
}

static void keys_from_before_the_index_are_found(void)
{
    key_fixture_t f;
    redis_fixture_t redis;
    cg_keyexpiry_t round = {.is_going = false};
    redis_fixture_start(&redis, false);
    key_fixture_open(&f, &redis, 0, SECOND);
    for (int i = 0; i < 230; i++) {
        f.now += 1000;
        create_until(&f, i % 2 ? f.now + DAY : 0);
    }
    redis_fixture_call(f.store, f.pool, "DEL", "cg:keys:by-expiry", NULL);
    CU_ASSERT_EQUAL(go_round(&f, &round), 115);
    CU_ASSERT_EQUAL(told, 115);
    key_fixture_close(&f);
    redis_fixture_stop(&redis);
}

CU_TestInfo test_auth_keylife[] = {
    {"both_secrets_open_a_rotating_key_until_the_grace_is_over",
     both_secrets_open_a_rotating_key_until_the_grace_is_over},
    {"end_now_ends_the_previous_secret_alone",
     end_now_ends_the_previous_secret_alone},
    {"a_second_rotation_leaves_two_secrets_not_three",
     a_second_rotation_leaves_two_secrets_not_three},
    {"a_lost_secret_is_replaced_and_the_one_in_use_goes_on",
     a_lost_secret_is_replaced_and_the_one_in_use_goes_on},
    {"a_rotation_is_taken_back_unless_more_has_changed",
     a_rotation_is_taken_back_unless_more_has_changed},
    {"a_revoked_or_expired_key_is_over_for_both_secrets",
     a_revoked_or_expired_key_is_over_for_both_secrets},
    {"last_use_is_written_by_the_flush_and_by_nothing_else",
     last_use_is_written_by_the_flush_and_by_nothing_else},
    {"a_refused_key_is_not_used", a_refused_key_is_not_used},
    {"each_secret_has_its_own_last_use", each_secret_has_its_own_last_use},
    {"a_flush_makes_no_key_anew_and_an_older_moment_changes_nothing",
     a_flush_makes_no_key_anew_and_an_older_moment_changes_nothing},
    {"notes_are_bounded_and_survive_a_store_that_is_away",
     notes_are_bounded_and_survive_a_store_that_is_away},
    {"an_end_within_14_days_is_told_once_a_day",
     an_end_within_14_days_is_told_once_a_day},
    {"a_key_that_was_extended_or_revoked_is_not_told_of",
     a_key_that_was_extended_or_revoked_is_not_told_of},
    {"keys_from_before_the_index_are_found",
     keys_from_before_the_index_are_found},
    CU_TEST_INFO_NULL,
};
