/* New secrets of keys: who may give one when, and what ends them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>

#include <CUnit/CUnit.h>

#include "key_fixture.h"

#define SECOND APR_TIME_C(1000000)
#define DAY (86400 * SECOND)
#define PEOPLE 4

/* Two people see the same key; the second must not end what the first began. */
static void only_one_of_two_rotations_of_what_was_seen_is_done(void)
{
    key_fixture_t f;
    char old[CG_KEY_SPELLED_LEN + 1], one[CG_KEY_SPELLED_LEN + 1];
    char two[CG_KEY_SPELLED_LEN + 1];
    cg_key_t key;
    cg_error_t err = {""};
    key_fixture_open(&f, redis_fixture_shared(), 64, 3600 * SECOND);
    cg_key_t seen = key_fixture_create(&f, "app", old);
    CU_ASSERT_EQUAL(cg_apikey_rotate(f.ring, seen.id, seen.version, f.now, DAY,
                                     &key, one, &err, f.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_apikey_rotate(f.ring, seen.id, seen.version, f.now, DAY,
                                     &key, two, &err, f.pool),
                    APR_EMISMATCH);
    CU_ASSERT_EQUAL(two[3], '\0');
    CU_ASSERT_EQUAL(cg_apikey_end_grace(f.ring, seen.id, seen.version, f.now,
                                        &key, &err, f.pool),
                    APR_EMISMATCH);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, old, NULL), CG_KEY_OK);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, one, NULL), CG_KEY_OK);
    key_fixture_close(&f);
}

typedef struct person_t {
    key_fixture_t *f;
    cg_key_t seen;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    apr_status_t rv;
} person_t;

static void *rotate_what_was_seen(void *baton)
{
    person_t *person = baton;
    apr_pool_t *pool;
    cg_key_t key;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    person->rv = cg_apikey_rotate(person->f->ring, person->seen.id,
                                  person->seen.version, person->f->now, DAY,
                                  &key, person->spelled, &err, pool);
    apr_pool_destroy(pool);
    return NULL;
}

static void of_many_rotations_at_once_one_is_done_and_the_old_secret_lives(void)
{
    key_fixture_t f;
    char old[CG_KEY_SPELLED_LEN + 1];
    key_fixture_open(&f, redis_fixture_shared(), 64, 3600 * SECOND);
    for (int round = 0; round < 10; round++) {
        person_t people[PEOPLE];
        pthread_t threads[PEOPLE];
        int done = 0;
        cg_key_t seen = key_fixture_create(&f, "app", old);
        for (int i = 0; i < PEOPLE; i++) {
            people[i] = (person_t){.f = &f, .seen = seen};
            pthread_create(&threads[i], NULL, rotate_what_was_seen, &people[i]);
        }
        for (int i = 0; i < PEOPLE; i++) {
            pthread_join(threads[i], NULL);
            bool is_done = people[i].rv == APR_SUCCESS;
            CU_ASSERT(is_done || people[i].rv == APR_EMISMATCH);
            CU_ASSERT(!is_done || key_fixture_verify(&f, people[i].spelled,
                                                     NULL) == CG_KEY_OK);
            done += is_done;
        }
        CU_ASSERT_EQUAL(done, 1);
        CU_ASSERT_EQUAL(key_fixture_verify(&f, old, NULL), CG_KEY_OK);
    }
    key_fixture_close(&f);
}

/* In force before the grace is over, for both. */
static void a_revocation_ends_both_secrets_and_a_suspension_rests_them(void)
{
    key_fixture_t f;
    char old[CG_KEY_SPELLED_LEN + 1], new[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {""};
    cg_key_t key;
    key_fixture_open(&f, redis_fixture_shared(), 64, 3600 * SECOND);
    cg_key_t made = key_fixture_create(&f, "app", old);
    CU_ASSERT_EQUAL_FATAL(cg_apikey_rotate(f.ring, made.id, 0, f.now, DAY, &key,
                                           new, &err, f.pool),
                          APR_SUCCESS);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, old, NULL), CG_KEY_OK);
    key.state = CG_KEY_STATE_SUSPENDED;
    CU_ASSERT_EQUAL(cg_apikey_update(f.ring, &key, &key, &err, f.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, old, NULL), CG_KEY_SUSPENDED);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, new, NULL), CG_KEY_SUSPENDED);
    key.state = CG_KEY_STATE_ACTIVE;
    CU_ASSERT_EQUAL(cg_apikey_update(f.ring, &key, &key, &err, f.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, old, NULL), CG_KEY_OK);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, new, NULL), CG_KEY_OK);
    CU_ASSERT_EQUAL(cg_apikey_revoke(f.ring, made.id, &key, &err, f.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, old, NULL), CG_KEY_REVOKED);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, new, NULL), CG_KEY_REVOKED);
    key_fixture_close(&f);
}

CU_TestInfo test_auth_keyrotate[] = {
    {"only_one_of_two_rotations_of_what_was_seen_is_done",
     only_one_of_two_rotations_of_what_was_seen_is_done},
    {"of_many_rotations_at_once_one_is_done_and_the_old_secret_lives",
     of_many_rotations_at_once_one_is_done_and_the_old_secret_lives},
    {"a_revocation_ends_both_secrets_and_a_suspension_rests_them",
     a_revocation_ends_both_secrets_and_a_suspension_rests_them},
    CU_TEST_INFO_NULL,
};
