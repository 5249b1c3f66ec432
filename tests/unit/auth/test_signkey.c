/* Signing keys on a real Redis: kept, looked up, judged, changed, ended.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "auth/sealed.h"
#include "auth/signfield.h"
#include "auth/signkey.h"
#include "base/clock.h"
#include "redis_fixture.h"

#define SECOND APR_TIME_C(1000000)
#define ENTRIES 64
#define MASTER_A                                                               \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define MASTER_B                                                               \
    "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define BASE CG_STR("the base of a signature")

typedef struct bench_t {
    apr_pool_t *pool;
    cg_store_t *store;
    cg_sealer_t *sealer;
    cg_cache_t *cache;
    void *memory;
    cg_signring_t *ring;
    apr_time_t now;
} bench_t;

static cg_sealer_t *sealer_of(const char *lines, apr_pool_t *pool)
{
    cg_sealer_t *sealer = NULL;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL(cg_sealer_make(&sealer, cg_str(lines), &err, pool),
                    APR_SUCCESS);
    return sealer;
}

static void bench_open(bench_t *b, const redis_fixture_t *redis, bool has_cache)
{
    memset(b, 0, sizeof *b);
    apr_pool_create(&b->pool, NULL);
    b->store = redis_fixture_is_shared(redis)
                   ? redis_fixture_store(redis, b->pool)
                   : redis_fixture_quick_store(redis, b->pool);
    b->now = cg_clock_now();
    b->sealer = sealer_of(MASTER_A, b->pool);
    if (has_cache) {
        size_t bytes = cg_cache_bytes(ENTRIES, cg_signring_value_bytes());
        b->memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
        memset(b->memory, 0, bytes);
        b->cache = cg_cache_attach(b->memory, ENTRIES,
                                   cg_signring_value_bytes(), b->pool);
    }
    b->ring =
        cg_signring_open(b->store, b->sealer, b->cache, 60 * SECOND, b->pool);
}

static void bench_close(bench_t *b)
{
    apr_pool_destroy(b->pool);
    free(b->memory);
}

static cg_signkey_t wanted_of(cg_sig_alg_t alg)
{
    cg_signkey_t wanted = {.name = "a key", .key = "k3n7w2px"};
    wanted.alg = (uint8_t)alg;
    return wanted;
}

/* A key of alg; *out_secret signs for it. */
static cg_signkey_t create(bench_t *b, cg_sig_alg_t alg, cg_pkey_t **out_secret)
{
    cg_signkey_t key, wanted = wanted_of(alg);
    cg_error_t err = {""};
    cg_str_t private_pem, public_pem = {"", 0};
    const char *told = NULL;
    if (alg != CG_SIG_HS256) {
        CU_ASSERT_EQUAL_FATAL(
            cg_pkey_generate(alg, &private_pem, &public_pem, &err, b->pool),
            APR_SUCCESS);
    }
    CU_ASSERT_EQUAL_FATAL(cg_signkey_create(b->ring, &wanted, public_pem,
                                            b->now, &key, &told, &err, b->pool),
                          APR_SUCCESS);
    if (alg != CG_SIG_HS256) {
        CU_ASSERT_PTR_NULL(told);
        *out_secret = cg_pkey_from_pem(private_pem, &err, b->pool);
        return key;
    }
    cg_str_t bytes;
    CU_ASSERT_FATAL(told && cg_sfv_base64(cg_str(told), &bytes, b->pool));
    CU_ASSERT_EQUAL(bytes.len, 32);
    *out_secret = cg_pkey_from_secret(bytes, &err, b->pool);
    return key;
}

static cg_signature_t signature_by(bench_t *b, const char *id,
                                   const cg_pkey_t *secret, cg_sig_alg_t alg,
                                   const char *said_alg)
{
    cg_signature_t signature = {.key_id = cg_str(id), .alg = cg_str(said_alg)};
    cg_error_t err = {""};
    CU_ASSERT_EQUAL(
        cg_pkey_sign(secret, alg, BASE, &signature.bytes, &err, b->pool),
        APR_SUCCESS);
    return signature;
}

static cg_signkey_verdict_t verify(bench_t *b, const cg_signature_t *signature)
{
    cg_signkey_t key;
    cg_error_t err = {""};
    cg_signkey_verdict_t verdict = cg_signkey_verify(
        b->ring, signature, BASE, b->now, &key, &err, b->pool);
    CU_ASSERT_EQUAL(key.id[0] != '\0', verdict == CG_SIGNKEY_OK);
    return verdict;
}

static const cg_sig_alg_t algorithms[] = {CG_SIG_HS256, CG_SIG_EDDSA,
                                          CG_SIG_ES256, CG_SIG_PS512};
enum { ALGORITHMS = sizeof algorithms / sizeof algorithms[0] };

static void every_algorithm_is_verified_by_its_own_key_alone(void)
{
    bench_t b;
    cg_signkey_t keys[ALGORITHMS];
    cg_pkey_t *secrets[ALGORITHMS];
    bench_open(&b, redis_fixture_shared(), true);
    for (int i = 0; i < ALGORITHMS; i++) {
        keys[i] = create(&b, algorithms[i], &secrets[i]);
    }
    for (int i = 0; i < ALGORITHMS; i++) {
        for (int j = 0; j < ALGORITHMS; j++) {
            cg_signature_t signature =
                signature_by(&b, keys[j].id, secrets[i], algorithms[i], "");
            CU_ASSERT_EQUAL(verify(&b, &signature),
                            i == j ? CG_SIGNKEY_OK : CG_SIGNKEY_WRONG);
            signature.alg = cg_str(cg_signkey_alg_name(algorithms[i]));
            CU_ASSERT_EQUAL(verify(&b, &signature),
                            i == j ? CG_SIGNKEY_OK : CG_SIGNKEY_WRONG);
        }
    }
    bench_close(&b);
}

/* The oldest trick: the public key as the secret of an HMAC. */
static void a_public_key_is_no_shared_secret(void)
{
    bench_t b;
    cg_pkey_t *secret;
    cg_error_t err = {""};
    bench_open(&b, redis_fixture_shared(), true);
    cg_signkey_t key = create(&b, CG_SIG_PS512, &secret);
    cg_pkey_t *trick = cg_pkey_from_secret(cg_str(key.material), &err, b.pool);
    cg_signature_t signature =
        signature_by(&b, key.id, trick, CG_SIG_HS256, "hmac-sha256");
    CU_ASSERT_EQUAL(verify(&b, &signature), CG_SIGNKEY_WRONG);
    signature.alg = CG_STR("rsa-pss-sha512");
    CU_ASSERT_EQUAL(verify(&b, &signature), CG_SIGNKEY_WRONG);
    bench_close(&b);
}

static void unknown_and_odd_ids_are_wrong(void)
{
    static const char *const ids[] = {
        "nobody",
        "",
        "a b",
        "../x",
        "*",
        "a:b",
        ".hidden",
        "\xff",
        "0123456789012345678901234567890123456789012345678901234567890123456"};
    bench_t b;
    cg_pkey_t *secret;
    bench_open(&b, redis_fixture_shared(), true);
    create(&b, CG_SIG_HS256, &secret);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        cg_signature_t signature =
            signature_by(&b, ids[i], secret, CG_SIG_HS256, "");
        CU_ASSERT_EQUAL(verify(&b, &signature), CG_SIGNKEY_WRONG);
    }
    bench_close(&b);
}

/* They would drive the keys that there are out of the cache. */
static void ids_that_nobody_has_are_not_remembered(void)
{
    bench_t b;
    cg_pkey_t *secret;
    bench_open(&b, redis_fixture_shared(), true);
    cg_signkey_t key = create(&b, CG_SIG_EDDSA, &secret);
    cg_signature_t known = signature_by(&b, key.id, secret, CG_SIG_EDDSA, "");
    CU_ASSERT_EQUAL(verify(&b, &known), CG_SIGNKEY_OK);
    for (int i = 0; i < 4 * ENTRIES; i++) {
        cg_signature_t made_up = known;
        made_up.key_id = cg_str(apr_psprintf(b.pool, "nobody%d", i));
        CU_ASSERT_EQUAL(verify(&b, &made_up), CG_SIGNKEY_WRONG);
    }
    cg_signkey_t kept;
    CU_ASSERT(cg_cache_get(b.cache, key.id, strlen(key.id), &kept, NULL));
    CU_ASSERT(!cg_cache_get(b.cache, "nobody0", 7, &kept, NULL));
    bench_close(&b);
}

static void only_an_active_key_signs(void)
{
    bench_t b;
    cg_pkey_t *secret;
    cg_signkey_t after;
    cg_error_t err = {""};
    bench_open(&b, redis_fixture_shared(), true);
    cg_signkey_t key = create(&b, CG_SIG_HS256, &secret);
    cg_signature_t signature =
        signature_by(&b, key.id, secret, CG_SIG_HS256, "");
    CU_ASSERT_EQUAL(verify(&b, &signature), CG_SIGNKEY_OK);
    key.state = CG_SIGNKEY_SUSPENDED;
    CU_ASSERT_EQUAL(cg_signkey_update(b.ring, &key, &after, &err, b.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(verify(&b, &signature), CG_SIGNKEY_WRONG);
    after.state = CG_SIGNKEY_ACTIVE;
    after.expires_at = b.now - b.now % 1000 + SECOND;
    CU_ASSERT_EQUAL(cg_signkey_update(b.ring, &after, &after, &err, b.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(verify(&b, &signature), CG_SIGNKEY_OK);
    b.now += 2 * SECOND;
    CU_ASSERT_EQUAL(verify(&b, &signature), CG_SIGNKEY_WRONG);
    b.now -= 2 * SECOND;
    CU_ASSERT_EQUAL(cg_signkey_revoke(b.ring, key.id, &after, &err, b.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(verify(&b, &signature), CG_SIGNKEY_WRONG);
    int64_t version = after.version;
    CU_ASSERT_EQUAL(cg_signkey_revoke(b.ring, key.id, &after, &err, b.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(after.version, version);
    after.state = CG_SIGNKEY_ACTIVE;
    CU_ASSERT_EQUAL(cg_signkey_update(b.ring, &after, &after, &err, b.pool),
                    APR_EINVAL);
    bench_close(&b);
}

static void a_change_of_another_version_is_refused(void)
{
    bench_t b;
    cg_pkey_t *secret;
    cg_signkey_t after;
    cg_error_t err = {""};
    bench_open(&b, redis_fixture_shared(), false);
    cg_signkey_t key = create(&b, CG_SIG_EDDSA, &secret);
    cg_signkey_t mine = key;
    apr_cpystrn(mine.name, "mine", sizeof mine.name);
    CU_ASSERT_EQUAL(cg_signkey_update(b.ring, &mine, &after, &err, b.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(after.version, 2);
    CU_ASSERT_EQUAL(cg_signkey_update(b.ring, &key, &after, &err, b.pool),
                    APR_EMISMATCH);
    CU_ASSERT_EQUAL(cg_signkey_get(b.ring, key.id, &after, &err, b.pool),
                    APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(after.name, "mine");
    CU_ASSERT_STRING_EQUAL(after.material, key.material);
    CU_ASSERT(APR_STATUS_IS_NOTFOUND(
        cg_signkey_get(b.ring, "nobody", &after, &err, b.pool)));
    bench_close(&b);
}

static void whose_key_it_is_decides_who_may_sign(void)
{
    static const struct {
        const char *key, *user, *team; /* of the signing key */
        const char *by, *who, *their;  /* who comes */
        bool may;
    } rows[] = {
        {"k1", "", "", "k1", "ann", "red", true},
        {"k1", "", "", "k2", "ann", "red", false},
        {"k1", "", "", "", "ann", "red", false},
        {"", "ann", "", "", "ann", "", true},
        {"", "ann", "", "", "bob", "", false},
        {"", "ann", "", "", "", "", false},
        {"", "", "red", "k1", "x", "red", true},
        {"", "", "red", "k1", "x", "blue", false},
        {"", "ann", "red", "", "ann", "blue", false},
        {"k1", "ann", "", "k1", "bob", "", false},
        {"", "", "", "k1", "ann", "red", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cg_signkey_t key = {.id = "x"};
        apr_cpystrn(key.key, rows[i].key, sizeof key.key);
        apr_cpystrn(key.user, rows[i].user, sizeof key.user);
        apr_cpystrn(key.team, rows[i].team, sizeof key.team);
        CU_ASSERT_EQUAL(cg_signkey_is_of(&key, cg_str(rows[i].by),
                                         cg_str(rows[i].who),
                                         cg_str(rows[i].their)),
                        rows[i].may);
    }
}

static void a_shared_secret_is_kept_sealed_and_bound_to_its_record(void)
{
    bench_t b;
    cg_pkey_t *secret, *other_secret;
    bench_open(&b, redis_fixture_shared(), false);
    cg_signkey_t key = create(&b, CG_SIG_HS256, &secret);
    cg_signkey_t other = create(&b, CG_SIG_HS256, &other_secret);
    CU_ASSERT(cg_str_has_prefix(cg_str(key.material), "cgs1."));
    const char *name = apr_pstrcat(b.pool, "cg:auth:signkey:", key.id, NULL);
    cg_reply_t noted = redis_fixture_call(b.store, b.pool, "SISMEMBER",
                                          "cg:sealed", name, NULL);
    CU_ASSERT_EQUAL(noted.number, 1);
    redis_fixture_call(b.store, b.pool, "HSET", name, "sealed", other.material,
                       NULL);
    cg_signature_t signature =
        signature_by(&b, key.id, other_secret, CG_SIG_HS256, "");
    CU_ASSERT_EQUAL(verify(&b, &signature), CG_SIGNKEY_SEALED);
    bench_close(&b);
}

static void without_a_master_key_no_secret_is_made_or_used(void)
{
    bench_t b;
    cg_pkey_t *secret;
    cg_signkey_t key, wanted = wanted_of(CG_SIG_HS256);
    const char *told = "";
    cg_error_t err = {""};
    bench_open(&b, redis_fixture_shared(), false);
    cg_signkey_t before = create(&b, CG_SIG_HS256, &secret);
    b.ring = cg_signring_open(b.store, NULL, NULL, SECOND, b.pool);
    cg_signature_t signature =
        signature_by(&b, before.id, secret, CG_SIG_HS256, "");
    CU_ASSERT_EQUAL(verify(&b, &signature), CG_SIGNKEY_SEALED);
    CU_ASSERT_EQUAL(cg_signkey_create(b.ring, &wanted, CG_STR(""), b.now, &key,
                                      &told, &err, b.pool),
                    APR_ENOTIMPL);
    CU_ASSERT_PTR_NULL(told);
    create(&b, CG_SIG_EDDSA, &secret);
    bench_close(&b);
}

/* What the servers remember may be wrapped under a master key that is gone. */
static void a_secret_that_was_wrapped_anew_is_found_again(void)
{
    bench_t b;
    cg_pkey_t *secret;
    apr_array_header_t *records;
    const char *next;
    bool has_changed = false;
    cg_error_t err = {""};
    bench_open(&b, redis_fixture_shared(), true);
    cg_signkey_t key = create(&b, CG_SIG_HS256, &secret);
    cg_signature_t signature =
        signature_by(&b, key.id, secret, CG_SIG_HS256, "");
    CU_ASSERT_EQUAL(verify(&b, &signature), CG_SIGNKEY_OK);
    cg_sealer_t *both = sealer_of(MASTER_B "\n" MASTER_A, b.pool);
    CU_ASSERT_EQUAL(cg_sealed_page(b.store, "0", &records, &next, &err, b.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(records->nelts, 1);
    CU_ASSERT_EQUAL(cg_sealed_rewrap(b.store, both,
                                     &APR_ARRAY_IDX(records, 0, cg_sealed_t),
                                     &has_changed, &err, b.pool),
                    APR_SUCCESS);
    CU_ASSERT(has_changed);
    b.ring = cg_signring_open(b.store, sealer_of(MASTER_B, b.pool), b.cache,
                              60 * SECOND, b.pool);
    CU_ASSERT_EQUAL(verify(&b, &signature), CG_SIGNKEY_OK);
    /* And a change of the record does not write the old text back. */
    cg_signkey_t after;
    CU_ASSERT_EQUAL(cg_signkey_update(b.ring, &key, &after, &err, b.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(verify(&b, &signature), CG_SIGNKEY_OK);
    bench_close(&b);
}

static void an_id_is_taken_once(void)
{
    bench_t b;
    cg_signkey_t key, wanted = wanted_of(CG_SIG_HS256);
    cg_str_t bytes = CG_STR("an imported secret of 40 bytes, at least");
    const char *told = NULL;
    cg_error_t err = {""};
    cg_buf_t given;
    bench_open(&b, redis_fixture_shared(), false);
    apr_cpystrn(wanted.id, "legacy-1", sizeof wanted.id);
    cg_buf_init(&given, 64, b.pool);
    cg_sfv_write_base64(&given, bytes);
    cg_str_t material = {given.ptr, given.len};
    CU_ASSERT_EQUAL(cg_signkey_create(b.ring, &wanted, material, b.now, &key,
                                      &told, &err, b.pool),
                    APR_SUCCESS);
    CU_ASSERT_PTR_NULL(told);
    cg_signature_t signature =
        signature_by(&b, "legacy-1", cg_pkey_from_secret(bytes, &err, b.pool),
                     CG_SIG_HS256, "");
    CU_ASSERT_EQUAL(verify(&b, &signature), CG_SIGNKEY_OK);
    CU_ASSERT_EQUAL(cg_signkey_create(b.ring, &wanted, material, b.now, &key,
                                      &told, &err, b.pool),
                    APR_EEXIST);
    bench_close(&b);
}

static void lists_are_stable_and_newest_first(void)
{
    bench_t b;
    cg_pkey_t *secret;
    char ids[5][CG_SIGNATURE_KEY_ID_MAX + 1];
    const char *cursor = NULL;
    int seen = 0;
    cg_error_t err = {""};
    bench_open(&b, redis_fixture_shared(), false);
    for (int i = 0; i < 5; i++) {
        b.now += 1000;
        memcpy(ids[4 - i], create(&b, CG_SIG_EDDSA, &secret).id, sizeof ids[0]);
    }
    do {
        apr_array_header_t *page;
        CU_ASSERT_EQUAL_FATAL(
            cg_signkey_list(b.ring, cursor, 2, &page, &cursor, &err, b.pool),
            APR_SUCCESS);
        for (int i = 0; i < page->nelts && seen < 5; i++, seen++) {
            CU_ASSERT_STRING_EQUAL(APR_ARRAY_IDX(page, i, cg_signkey_t).id,
                                   ids[seen]);
        }
    } while (cursor);
    CU_ASSERT_EQUAL(seen, 5);
    apr_array_header_t *unused;
    CU_ASSERT_EQUAL(
        cg_signkey_list(b.ring, "x", 2, &unused, &cursor, &err, b.pool),
        APR_EINVAL);
    bench_close(&b);
}

static void a_damaged_record_lets_nobody_in(void)
{
    static const struct {
        const char *field;
        const char *value;
    } rows[] = {{"state", "shiny"},  {"alg", "none"},    {"version", "0"},
                {"version", "x"},    {"created_at", ""}, {"public_key", ""},
                {"public_key", "x"}, {"key", ""},        {"expires_at", "?"},
                {"state", "revoked"}};
    bench_t b;
    cg_pkey_t *secret;
    bench_open(&b, redis_fixture_shared(), false);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cg_signkey_t key = create(&b, CG_SIG_EDDSA, &secret);
        cg_signature_t signature =
            signature_by(&b, key.id, secret, CG_SIG_EDDSA, "");
        CU_ASSERT_EQUAL(verify(&b, &signature), CG_SIGNKEY_OK);
        redis_fixture_call(
            b.store, b.pool, "HSET",
            apr_pstrcat(b.pool, "cg:auth:signkey:", key.id, NULL),
            rows[i].field, rows[i].value, NULL);
        CU_ASSERT_NOT_EQUAL(verify(&b, &signature), CG_SIGNKEY_OK);
    }
    redis_fixture_call(b.store, b.pool, "SET", "cg:auth:signkey:text", "x",
                       NULL);
    cg_signature_t signature =
        signature_by(&b, "text", secret, CG_SIG_EDDSA, "");
    CU_ASSERT_NOT_EQUAL(verify(&b, &signature), CG_SIGNKEY_OK);
    bench_close(&b);
}

static void while_the_store_is_away_known_keys_are_judged_and_others_not(void)
{
    bench_t b;
    redis_fixture_t redis;
    cg_pkey_t *secret, *other_secret;
    redis_fixture_start(&redis, false);
    bench_open(&b, &redis, true);
    cg_signkey_t key = create(&b, CG_SIG_EDDSA, &secret);
    cg_signkey_t other = create(&b, CG_SIG_EDDSA, &other_secret);
    cg_signature_t known = signature_by(&b, key.id, secret, CG_SIG_EDDSA, "");
    cg_signature_t unseen =
        signature_by(&b, other.id, other_secret, CG_SIG_EDDSA, "");
    CU_ASSERT_EQUAL(verify(&b, &known), CG_SIGNKEY_OK);
    redis_fixture_kill(&redis);
    cg_signring_doubt_all(b.ring);
    CU_ASSERT_EQUAL(verify(&b, &known), CG_SIGNKEY_OK);
    CU_ASSERT_EQUAL(verify(&b, &unseen), CG_SIGNKEY_STORE_AWAY);
    /* What is wrong is not told from what was never seen. */
    known.bytes = unseen.bytes;
    CU_ASSERT_EQUAL(verify(&b, &known), CG_SIGNKEY_STORE_AWAY);
    unseen.key_id = CG_STR("nobody");
    CU_ASSERT_EQUAL(verify(&b, &unseen), CG_SIGNKEY_STORE_AWAY);
    bench_close(&b);
    redis_fixture_stop(&redis);
}

static void what_is_no_sound_key_is_not_taken(void)
{
    bench_t b;
    cg_error_t err = {""};
    cg_str_t private_pem, public_pem;
    cg_signkey_t key;
    const char *told;
    bench_open(&b, redis_fixture_shared(), false);
    cg_pkey_generate(CG_SIG_EDDSA, &private_pem, &public_pem, &err, b.pool);
    const struct {
        cg_sig_alg_t alg;
        cg_str_t material;
    } rows[] = {
        {CG_SIG_EDDSA, CG_STR("")},         {CG_SIG_EDDSA, CG_STR("x")},
        {CG_SIG_EDDSA, private_pem},        {CG_SIG_ES256, public_pem},
        {CG_SIG_PS512, public_pem},         {CG_SIG_HS256, public_pem},
        {CG_SIG_HS256, CG_STR("c2hvcnQ=")}, {CG_SIG_HS256, CG_STR("?")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cg_signkey_t wanted = wanted_of(rows[i].alg);
        CU_ASSERT_EQUAL(cg_signkey_create(b.ring, &wanted, rows[i].material,
                                          b.now, &key, &told, &err, b.pool),
                        APR_EINVAL);
    }
    cg_signkey_t bad[4] = {{.name = ""},
                           {.name = "x"},
                           {.name = "a\nb", .key = "k"},
                           {.name = "x", .key = "k", .id = "a b"}};
    for (int i = 0; i < 4; i++) {
        bad[i].alg = CG_SIG_EDDSA;
        CU_ASSERT_EQUAL(cg_signkey_create(b.ring, &bad[i], public_pem, b.now,
                                          &key, &told, &err, b.pool),
                        APR_EINVAL);
    }
    bench_close(&b);
}

CU_TestInfo test_auth_signkey[] = {
    {"every_algorithm_is_verified_by_its_own_key_alone",
     every_algorithm_is_verified_by_its_own_key_alone},
    {"a_public_key_is_no_shared_secret", a_public_key_is_no_shared_secret},
    {"unknown_and_odd_ids_are_wrong", unknown_and_odd_ids_are_wrong},
    {"ids_that_nobody_has_are_not_remembered",
     ids_that_nobody_has_are_not_remembered},
    {"only_an_active_key_signs", only_an_active_key_signs},
    {"a_change_of_another_version_is_refused",
     a_change_of_another_version_is_refused},
    {"whose_key_it_is_decides_who_may_sign",
     whose_key_it_is_decides_who_may_sign},
    {"a_shared_secret_is_kept_sealed_and_bound_to_its_record",
     a_shared_secret_is_kept_sealed_and_bound_to_its_record},
    {"without_a_master_key_no_secret_is_made_or_used",
     without_a_master_key_no_secret_is_made_or_used},
    {"a_secret_that_was_wrapped_anew_is_found_again",
     a_secret_that_was_wrapped_anew_is_found_again},
    {"an_id_is_taken_once", an_id_is_taken_once},
    {"lists_are_stable_and_newest_first", lists_are_stable_and_newest_first},
    {"a_damaged_record_lets_nobody_in", a_damaged_record_lets_nobody_in},
    {"while_the_store_is_away_known_keys_are_judged_and_others_not",
     while_the_store_is_away_known_keys_are_judged_and_others_not},
    {"what_is_no_sound_key_is_not_taken", what_is_no_sound_key_is_not_taken},
    CU_TEST_INFO_NULL,
};
