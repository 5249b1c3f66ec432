/* Keys that sign and verify: which are made, what they fit, and vectors of the RFCs.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/pkey.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

static apr_pool_t *open_pool(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    return pool;
}

/* Bytes of base64url. */
static cg_str_t bytes(const char *text, apr_pool_t *pool)
{
    cg_str_t out;
    unsigned char *room = apr_palloc(pool, strlen(text) + 1);
    bool is_right = cg_b64url_decode(text, strlen(text), room, &out.len);
    CU_ASSERT_TRUE(is_right);
    out.ptr = (const char *)room;
    return out;
}

static void each_algorithm_verifies_what_it_signed_and_nothing_else(void)
{
    for (int i = CG_SIG_RS256; i < CG_SIG_COUNT; i++) {
        cg_sig_alg_t alg = (cg_sig_alg_t)i;
        apr_pool_t *pool = open_pool();
        cg_error_t err = {""};
        cg_str_t secret, shown, sig;
        CU_ASSERT_EQUAL_FATAL(
            cg_pkey_generate(alg, &secret, &shown, &err, pool), APR_SUCCESS);
        cg_pkey_t *key = cg_pkey_from_pem(secret, &err, pool);
        cg_pkey_t *half = cg_pkey_from_pem(shown, &err, pool);
        CU_ASSERT_PTR_NOT_NULL_FATAL(key);
        CU_ASSERT_PTR_NOT_NULL_FATAL(half);
        CU_ASSERT_TRUE(cg_pkey_is_private(key));
        CU_ASSERT_FALSE(cg_pkey_is_private(half));
        CU_ASSERT_EQUAL(
            cg_pkey_sign(key, alg, CG_STR("text"), &sig, &err, pool),
            APR_SUCCESS);
        CU_ASSERT_TRUE(cg_pkey_verify(half, alg, CG_STR("text"), sig));
        CU_ASSERT_FALSE(cg_pkey_verify(half, alg, CG_STR("texT"), sig));
        CU_ASSERT_FALSE(cg_pkey_verify(half, alg, CG_STR(""), sig));
        char *other = apr_pstrmemdup(pool, sig.ptr, sig.len);
        for (size_t at = 0; at < sig.len; at++) {
            other[at] ^= 1;
            CU_ASSERT_FALSE(cg_pkey_verify(half, alg, CG_STR("text"),
                                           (cg_str_t){other, sig.len}));
            other[at] ^= 1;
        }
        cg_str_t cut = {sig.ptr, sig.len - 1};
        CU_ASSERT_FALSE(cg_pkey_verify(half, alg, CG_STR("text"), cut));
        cg_str_t longer = {apr_pstrcat(pool, other, "\0", NULL), sig.len + 1};
        CU_ASSERT_FALSE(cg_pkey_verify(half, alg, CG_STR("text"), longer));
        CU_ASSERT_FALSE(
            cg_pkey_verify(half, alg, CG_STR("text"), (cg_str_t){"", 0}));
        CU_ASSERT_EQUAL(
            cg_pkey_sign(half, alg, CG_STR("text"), &sig, &err, pool),
            APR_EINVAL);
        apr_pool_destroy(pool);
    }
}

static void a_key_fits_the_algorithms_of_its_kind(void)
{
    static const struct {
        cg_sig_alg_t of;
        const char *fits;
    } rows[] = {{CG_SIG_RS256, "RS256 RS384 RS512 PS256 PS384 PS512 "},
                {CG_SIG_ES256, "ES256 "},
                {CG_SIG_ES384, "ES384 "},
                {CG_SIG_ES512, "ES512 "},
                {CG_SIG_EDDSA, "EdDSA "}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        apr_pool_t *pool = open_pool();
        cg_error_t err;
        cg_str_t secret, shown;
        const char *fits = "";
        cg_pkey_generate(rows[i].of, &secret, &shown, &err, pool);
        const cg_pkey_t *key = cg_pkey_from_pem(shown, &err, pool);
        for (int alg = 0; alg < CG_SIG_COUNT + 1; alg++) {
            if (cg_pkey_fits(key, (cg_sig_alg_t)alg)) {
                fits = apr_pstrcat(
                    pool, fits, cg_sig_alg_name((cg_sig_alg_t)alg), " ", NULL);
            }
        }
        CU_ASSERT_STRING_EQUAL(fits, rows[i].fits);
        apr_pool_destroy(pool);
    }
}

static void a_secret_fits_the_digests_it_is_long_enough_for(void)
{
    static const char text[] =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    apr_pool_t *pool = open_pool();
    cg_error_t err = {""};
    cg_str_t sig;
    CU_ASSERT_PTR_NULL(cg_pkey_from_secret((cg_str_t){text, 31}, &err, pool));
    CU_ASSERT_STRING_NOT_EQUAL(err.text, "");
    static const size_t lengths[] = {32, 47, 48, 63, 64};
    static const int fits[] = {1, 1, 2, 2, 3};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const cg_pkey_t *key =
            cg_pkey_from_secret((cg_str_t){text, lengths[i]}, &err, pool);
        CU_ASSERT_EQUAL(cg_pkey_fits(key, CG_SIG_HS256) +
                            cg_pkey_fits(key, CG_SIG_HS384) +
                            cg_pkey_fits(key, CG_SIG_HS512),
                        fits[i]);
        CU_ASSERT_FALSE(cg_pkey_fits(key, CG_SIG_RS256));
        CU_ASSERT_EQUAL(
            cg_pkey_sign(key, CG_SIG_HS256, CG_STR("x"), &sig, &err, pool),
            APR_SUCCESS);
        CU_ASSERT_TRUE(cg_pkey_verify(key, CG_SIG_HS256, CG_STR("x"), sig));
        CU_ASSERT_FALSE(cg_pkey_verify(key, CG_SIG_HS256, CG_STR("y"), sig));
    }
    apr_pool_destroy(pool);
}

/* RFC 8037 appendix A.4 and RFC 7515 appendix A.3. */
static void vectors_of_the_rfcs_verify(void)
{
    apr_pool_t *pool = open_pool();
    cg_error_t err = {""};
    const cg_pkey_t *ed = cg_pkey_from_okp(
        CG_STR("Ed25519"),
        bytes("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", pool), &err, pool);
    CU_ASSERT_TRUE(cg_pkey_verify(
        ed, CG_SIG_EDDSA,
        CG_STR("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"),
        bytes("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B"
              "hVsPt9g7sVvpAr_MuM0KAg",
              pool)));
    const cg_pkey_t *ec = cg_pkey_from_ec(
        CG_STR("P-256"),
        bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", pool),
        bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", pool), &err, pool);
    CU_ASSERT_TRUE(cg_pkey_verify(
        ec, CG_SIG_ES256,
        CG_STR("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzOD"
               "AsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"),
        bytes("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
              "pmWQxfKTUJqPP3-Kg6NU1Q",
              pool)));
    apr_pool_destroy(pool);
}

static void ecdsa_takes_no_zero_no_der_and_no_other_width(void)
{
    apr_pool_t *pool = open_pool();
    cg_error_t err;
    cg_str_t secret, shown;
    char sig[140] = {0};
    cg_pkey_generate(CG_SIG_ES256, &secret, &shown, &err, pool);
    const cg_pkey_t *key = cg_pkey_from_pem(shown, &err, pool);
    for (size_t len = 0; len <= sizeof sig; len++) {
        CU_ASSERT_FALSE(cg_pkey_verify(key, CG_SIG_ES256, CG_STR("x"),
                                       (cg_str_t){sig, len}));
    }
    memset(sig, 0xFF, sizeof sig);
    CU_ASSERT_FALSE(
        cg_pkey_verify(key, CG_SIG_ES256, CG_STR("x"), (cg_str_t){sig, 64}));
    apr_pool_destroy(pool);
}

static void weak_and_broken_keys_are_refused(void)
{
    apr_pool_t *pool = open_pool();
    cg_error_t err;
    char n[1026];
    memset(n, 0xC3, sizeof n);
    cg_str_t e = {"\x01\x00\x01", 3};
    static const struct {
        size_t len;
        const char *e;
        size_t e_len;
    } rows[] = {{255, "\x01\x00\x01", 3},
                {0, "\x01\x00\x01", 3},
                {1025, "\x01\x00\x01", 3},
                {256, "\x01", 1},
                {256, "\x02", 1},
                {256, "", 0},
                {256, "\x00\x03", 2},
                {256, "\x01\x01\x01\x01\x01\x01\x01\x01\x01", 9}};
    CU_ASSERT_PTR_NOT_NULL(cg_pkey_from_rsa((cg_str_t){n, 256}, e, &err, pool));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CU_ASSERT_PTR_NULL(
            cg_pkey_from_rsa((cg_str_t){n, rows[i].len},
                             (cg_str_t){rows[i].e, rows[i].e_len}, &err, pool));
    }
    n[255] = 2;
    CU_ASSERT_PTR_NULL(cg_pkey_from_rsa((cg_str_t){n, 256}, e, &err, pool));
    n[0] = 0;
    CU_ASSERT_PTR_NULL(cg_pkey_from_rsa((cg_str_t){n, 257}, e, &err, pool));
    memset(n, 0, sizeof n);
    cg_str_t zero = {n, 32};
    CU_ASSERT_PTR_NULL(
        cg_pkey_from_ec(CG_STR("P-256"), zero, zero, &err, pool));
    CU_ASSERT_PTR_NULL(
        cg_pkey_from_ec(CG_STR("P-384"), zero, zero, &err, pool));
    CU_ASSERT_PTR_NULL(
        cg_pkey_from_ec(CG_STR("secp256k1"), zero, zero, &err, pool));
    CU_ASSERT_PTR_NULL(cg_pkey_from_okp(CG_STR("Ed448"), zero, &err, pool));
    CU_ASSERT_PTR_NULL(
        cg_pkey_from_okp(CG_STR("Ed25519"), (cg_str_t){n, 31}, &err, pool));
    apr_pool_destroy(pool);
}

/* y, the lowest byte first, and the bit of x. */
static void an_ed25519_key_of_small_order_or_off_its_curve_is_refused(void)
{
    static const struct {
        unsigned char first, fill, last;
    } rows[] = {{0x01, 0x00, 0x00}, {0x01, 0x00, 0x80}, {0x00, 0x00, 0x00},
                {0x00, 0x00, 0x80}, {0xEC, 0xFF, 0x7F}, {0xEC, 0xFF, 0xFF},
                {0xED, 0xFF, 0x7F}, {0xEE, 0xFF, 0xFF}, {0xF0, 0xFF, 0x7F},
                {0x02, 0x00, 0x00}, {0x07, 0x00, 0x00}};
    static const char *const eighths[] = {
        "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
        "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
        "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA_o"};
    apr_pool_t *pool = open_pool();
    cg_error_t err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char x[32];
        memset(x, rows[i].fill, sizeof x);
        x[0] = (char)rows[i].first;
        x[31] = (char)rows[i].last;
        CU_ASSERT_PTR_NULL(
            cg_pkey_from_okp(CG_STR("Ed25519"), (cg_str_t){x, 32}, &err, pool));
    }
    for (size_t i = 0; i < sizeof eighths / sizeof *eighths; i++) {
        CU_ASSERT_PTR_NULL(cg_pkey_from_okp(
            CG_STR("Ed25519"), bytes(eighths[i], pool), &err, pool));
        CU_ASSERT_STRING_EQUAL(err.text,
                               "an Ed25519 key of small order is refused");
    }
    apr_pool_destroy(pool);
}

static void a_pem_is_one_block_that_is_no_riddle(void)
{
    apr_pool_t *pool = open_pool();
    cg_error_t err = {""};
    cg_str_t secret, shown;
    cg_pkey_generate(CG_SIG_ES256, &secret, &shown, &err, pool);
    const char *pem = cg_str_dup(shown, pool);
    const char *twice = apr_pstrcat(pool, pem, pem, NULL);
    CU_ASSERT_PTR_NULL(cg_pkey_from_pem(cg_str(twice), &err, pool));
    CU_ASSERT_PTR_NULL(cg_pkey_from_pem(cg_str(""), &err, pool));
    CU_ASSERT_PTR_NULL(
        cg_pkey_from_pem(CG_STR("ssh-ed25519 AAAA"), &err, pool));
    cg_str_t half = {shown.ptr, shown.len / 2};
    CU_ASSERT_PTR_NULL(cg_pkey_from_pem(half, &err, pool));
    CU_ASSERT_PTR_NOT_NULL(cg_pkey_from_pem(
        cg_str(apr_pstrcat(pool, "a remark\n", pem, NULL)), &err, pool));
    apr_pool_destroy(pool);
}

static void algorithms_have_their_exact_names(void)
{
    cg_sig_alg_t alg;
    for (int i = CG_SIG_NONE + 1; i < CG_SIG_COUNT; i++) {
        const char *name = cg_sig_alg_name((cg_sig_alg_t)i);
        CU_ASSERT_TRUE(cg_sig_alg_find(cg_str(name), &alg));
        CU_ASSERT_EQUAL((int)alg, i);
    }
    CU_ASSERT_FALSE(cg_sig_alg_find(CG_STR(""), &alg));
    CU_ASSERT_FALSE(cg_sig_alg_find(CG_STR("none"), &alg));
    CU_ASSERT_FALSE(cg_sig_alg_find(CG_STR("hs256"), &alg));
    CU_ASSERT_STRING_EQUAL(cg_sig_alg_name(CG_SIG_NONE), "");
}

CU_TestInfo test_base_pkey[] = {
    {"each algorithm verifies what it signed and nothing else",
     each_algorithm_verifies_what_it_signed_and_nothing_else},
    {"a key fits the algorithms of its kind",
     a_key_fits_the_algorithms_of_its_kind},
    {"a secret fits the digests it is long enough for",
     a_secret_fits_the_digests_it_is_long_enough_for},
    {"vectors of the RFCs verify", vectors_of_the_rfcs_verify},
    {"ecdsa takes no zero, no DER and no other width",
     ecdsa_takes_no_zero_no_der_and_no_other_width},
    {"weak and broken keys are refused", weak_and_broken_keys_are_refused},
    {"an Ed25519 key of small order or off its curve is refused",
     an_ed25519_key_of_small_order_or_off_its_curve_is_refused},
    {"a PEM is one block that is no riddle",
     a_pem_is_one_block_that_is_no_riddle},
    {"algorithms have their exact names", algorithms_have_their_exact_names},
    CU_TEST_INFO_NULL};
