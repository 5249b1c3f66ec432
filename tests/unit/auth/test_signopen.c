/* Signing keys that a thread has open: the right one answers, and none stays behind.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "auth/signopen.h"
#include "base/digest.h"

#define MASTER                                                                 \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define BASE CG_STR("the base of a signature")
#define KEYS 60 /* more than a thread keeps open */

typedef struct bench_t {
    apr_pool_t *pool;
    cg_sealer_t *sealer;
    cg_signopen_t *open;
} bench_t;

static void bench_open(bench_t *b)
{
    cg_error_t err = {""};
    apr_pool_create(&b->pool, NULL);
    CU_ASSERT_EQUAL_FATAL(
        cg_sealer_make(&b->sealer, CG_STR(MASTER), &err, b->pool), APR_SUCCESS);
    b->open = cg_signopen_make(b->pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->open);
}

static void bench_close(bench_t *b)
{
    apr_pool_destroy(b->pool);
}

/* A shared secret of len bytes, each of them fill. */
static cg_signkey_t shared_key(bench_t *b, const char *id, char fill, size_t len)
{
    cg_signkey_t key = {.alg = CG_SIG_HS256};
    char secret[200];
    const char *sealed = "";
    cg_error_t err = {""};
    memset(secret, fill, sizeof secret);
    apr_cpystrn(key.id, id, sizeof key.id);
    cg_seal(b->sealer, apr_pstrcat(b->pool, "signkey:", id, NULL), 1,
            (cg_str_t){secret, len}, &sealed, &err, b->pool);
    apr_cpystrn(key.material, sealed, sizeof key.material);
    return key;
}

static cg_str_t signed_by(bench_t *b, char fill, size_t len)
{
    char secret[200];
    unsigned char *made = apr_palloc(b->pool, CG_SHA256_BYTES);
    memset(secret, fill, sizeof secret);
    cg_hmac_sha256(secret, len, BASE.ptr, BASE.len, made);
    return (cg_str_t){(const char *)made, CG_SHA256_BYTES};
}

static cg_signkey_verdict_t verify(bench_t *b, const cg_signkey_t *key,
                                   cg_str_t bytes)
{
    cg_error_t err = {""};
    return cg_signopen_verify(b->open, b->sealer, key, BASE, bytes, &err,
                              b->pool);
}

static void secrets_of_every_length_sign_as_rfc_2104_says(void)
{
    static const size_t lengths[] = {32, 63, 64, 65, 200};
    bench_t b;
    bench_open(&b);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char id[16];
        snprintf(id, sizeof id, "k%zu", lengths[i]);
        cg_signkey_t key = shared_key(&b, id, 'x', lengths[i]);
        cg_str_t right = signed_by(&b, 'x', lengths[i]);
        for (int again = 0; again < 2; again++) {
            CU_ASSERT_EQUAL(verify(&b, &key, right), CG_SIGNKEY_OK);
            CU_ASSERT_EQUAL(verify(&b, &key, signed_by(&b, 'y', lengths[i])),
                            CG_SIGNKEY_WRONG);
            CU_ASSERT_EQUAL(verify(&b, &key, (cg_str_t){right.ptr, 31}),
                            CG_SIGNKEY_WRONG);
            CU_ASSERT_EQUAL(verify(&b, &key, CG_STR("")), CG_SIGNKEY_WRONG);
        }
    }
    cg_signkey_t weak = shared_key(&b, "weak", 'x', 31);
    CU_ASSERT_EQUAL(verify(&b, &weak, signed_by(&b, 'x', 31)),
                    CG_SIGNKEY_WRONG);
    bench_close(&b);
}

static void more_keys_than_are_kept_answer_each_for_itself(void)
{
    bench_t b;
    cg_signkey_t keys[KEYS];
    cg_str_t bytes[KEYS];
    bench_open(&b);
    for (int i = 0; i < KEYS; i++) {
        char id[16];
        snprintf(id, sizeof id, "k%d", i);
        keys[i] = shared_key(&b, id, (char)('0' + i), 40);
        bytes[i] = signed_by(&b, (char)('0' + i), 40);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < KEYS; i++) {
            CU_ASSERT_EQUAL(verify(&b, &keys[i], bytes[i]), CG_SIGNKEY_OK);
            CU_ASSERT_EQUAL(verify(&b, &keys[i], bytes[(i + 1) % KEYS]),
                            CG_SIGNKEY_WRONG);
        }
    }
    bench_close(&b);
}

/* What is open under one record must not answer for another. */
static void a_secret_that_is_open_serves_its_own_record_alone(void)
{
    bench_t b;
    bench_open(&b);
    cg_signkey_t key = shared_key(&b, "mine", 'x', 40);
    cg_str_t right = signed_by(&b, 'x', 40);
    CU_ASSERT_EQUAL(verify(&b, &key, right), CG_SIGNKEY_OK);
    cg_signkey_t copied = key;
    apr_cpystrn(copied.id, "other", sizeof copied.id);
    CU_ASSERT_EQUAL(verify(&b, &copied, right), CG_SIGNKEY_SEALED);
    cg_signkey_t turned = key;
    turned.alg = CG_SIG_EDDSA;
    CU_ASSERT_EQUAL(verify(&b, &turned, right), CG_SIGNKEY_WRONG);
    CU_ASSERT_EQUAL(verify(&b, &key, right), CG_SIGNKEY_OK);
    bench_close(&b);
}

static void a_public_key_changes_with_its_record(void)
{
    bench_t b;
    cg_error_t err = {""};
    cg_str_t private_pem[2], public_pem[2], bytes[2];
    cg_signkey_t keys[2];
    bench_open(&b);
    for (int i = 0; i < 2; i++) {
        cg_pkey_generate(CG_SIG_EDDSA, &private_pem[i], &public_pem[i], &err,
                         b.pool);
        cg_pkey_sign(cg_pkey_from_pem(private_pem[i], &err, b.pool),
                     CG_SIG_EDDSA, BASE, &bytes[i], &err, b.pool);
        keys[i] = (cg_signkey_t){.id = "k", .alg = CG_SIG_EDDSA};
        memcpy(keys[i].material, public_pem[i].ptr, public_pem[i].len);
    }
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(verify(&b, &keys[i % 2], bytes[i % 2]), CG_SIGNKEY_OK);
        CU_ASSERT_EQUAL(verify(&b, &keys[i % 2], bytes[(i + 1) % 2]),
                        CG_SIGNKEY_WRONG);
    }
    bench_close(&b);
}

typedef struct thread_t {
    bench_t *bench;
    const cg_signkey_t *key;
    cg_str_t bytes;
    apr_pool_t *pool;
    cg_signkey_verdict_t verdict;
} thread_t;

static void *APR_THREAD_FUNC run_thread(apr_thread_t *thread, void *data)
{
    thread_t *self = data;
    cg_error_t err = {""};
    (void)thread;
    self->verdict =
        cg_signopen_verify(self->bench->open, self->bench->sealer, self->key,
                           BASE, self->bytes, &err, self->pool);
    return NULL;
}

/* ASan tells of what a thread leaves behind. */
static void a_thread_that_ends_takes_its_keys_with_it(void)
{
    bench_t b;
    bench_open(&b);
    cg_signkey_t key = shared_key(&b, "k", 'x', 40);
    thread_t self = {.bench = &b, .key = &key};
    self.bytes = signed_by(&b, 'x', 40);
    for (int i = 0; i < 8; i++) {
        apr_thread_t *thread;
        apr_status_t ended;
        apr_pool_create(&self.pool, b.pool);
        CU_ASSERT_EQUAL_FATAL(
            apr_thread_create(&thread, NULL, run_thread, &self, b.pool),
            APR_SUCCESS);
        apr_thread_join(&ended, thread);
        CU_ASSERT_EQUAL(self.verdict, CG_SIGNKEY_OK);
    }
    bench_close(&b);
}

CU_TestInfo test_auth_signopen[] = {
    {"secrets_of_every_length_sign_as_rfc_2104_says",
     secrets_of_every_length_sign_as_rfc_2104_says},
    {"more_keys_than_are_kept_answer_each_for_itself",
     more_keys_than_are_kept_answer_each_for_itself},
    {"a_secret_that_is_open_serves_its_own_record_alone",
     a_secret_that_is_open_serves_its_own_record_alone},
    {"a_public_key_changes_with_its_record",
     a_public_key_changes_with_its_record},
    {"a_thread_that_ends_takes_its_keys_with_it",
     a_thread_that_ends_takes_its_keys_with_it},
    CU_TEST_INFO_NULL,
};
