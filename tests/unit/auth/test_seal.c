/* Sealed secrets: what opens, and what must not.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/seal.h"

#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

/* Master keys that are no secrets: one byte, repeated. */
#define KEY_A "4141414141414141414141414141414141414141414141414141414141414141"
#define KEY_B "4242424242424242424242424242424242424242424242424242424242424242"

static cg_sealer_t *sealer_of(const char *lines, apr_pool_t *pool)
{
    cg_sealer_t *sealer;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(cg_sealer_make(&sealer, cg_str(lines), &err, pool),
                          APR_SUCCESS);
    return sealer;
}

static const char *seal(const cg_sealer_t *sealer, const char *owner,
                        int64_t version, const char *plain, apr_pool_t *pool)
{
    const char *text = NULL;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(
        cg_seal(sealer, owner, version, cg_str(plain), &text, &err, pool),
        APR_SUCCESS);
    return text;
}

static apr_status_t status_of(const cg_sealer_t *sealer, const char *owner,
                              int64_t version, const char *text,
                              apr_pool_t *pool)
{
    cg_secret_t *secret = NULL;
    cg_error_t err = {""};
    apr_status_t rv =
        cg_unseal(sealer, owner, version, cg_str(text), &secret, &err, pool);
    CU_ASSERT_EQUAL(rv == APR_SUCCESS, secret != NULL);
    CU_ASSERT(rv == APR_SUCCESS || *err.text);
    return rv;
}

static void sealed_text_opens_for_its_owner_and_version_alone(void)
{
    apr_pool_t *pool;
    cg_secret_t *secret;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    const cg_sealer_t *sealer = sealer_of(KEY_A, pool);
    const char *text = seal(sealer, "credential:main", 3, "sk-canary", pool);
    CU_ASSERT_PTR_NULL(strstr(text, "canary"));
    CU_ASSERT_EQUAL_FATAL(cg_unseal(sealer, "credential:main", 3, cg_str(text),
                                    &secret, &err, pool),
                          APR_SUCCESS);
    CU_ASSERT(cg_str_is(cg_secret_open(secret), "sk-canary"));
    static const char *const others[] = {"credential:other", "signkey:main",
                                         "credential:main ", "credential:mai",
                                         ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        CU_ASSERT_EQUAL(status_of(sealer, others[i], 3, text, pool),
                        APR_EMISMATCH);
    }
    CU_ASSERT_EQUAL(status_of(sealer, "credential:main", 2, text, pool),
                    APR_EMISMATCH);
    CU_ASSERT_EQUAL(status_of(sealer, "credential:main", 33, text, pool),
                    APR_EMISMATCH);
    apr_pool_destroy(pool);
}

/* Made by another implementation, node's crypto: the form is not ours alone, and
 * what was sealed by one version of ours opens in the next. */
static void sealed_text_of_another_implementation_opens(void)
{
    static const char text[] =
        "cgs1.6f0c58ff08db4ee2.AQEBAQEBAQEBAQEBp019HH7LKDnygRlyiNB_ZrLOPZH-"
        "rI6ksw3SX0KEjcoz1fLBAIWTnl3ANdbJ5LVA.AgICAgICAgICAgIC."
        "hYp0Zs8MjHYJUV4kX7QHNaez-Yw";
    apr_pool_t *pool;
    cg_secret_t *secret;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    const cg_sealer_t *sealer = sealer_of(KEY_A, pool);
    CU_ASSERT_EQUAL_FATAL(cg_unseal(sealer, "credential:main", 7, cg_str(text),
                                    &secret, &err, pool),
                          APR_SUCCESS);
    CU_ASSERT(cg_str_is(cg_secret_open(secret), "word"));
    apr_pool_destroy(pool);
}

static void two_records_with_their_texts_swapped_do_not_open(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    const cg_sealer_t *sealer = sealer_of(KEY_A, pool);
    const char *a = seal(sealer, "credential:a", 1, "same secret", pool);
    const char *b = seal(sealer, "credential:b", 1, "same secret", pool);
    CU_ASSERT_STRING_NOT_EQUAL(a, b);
    CU_ASSERT_EQUAL(status_of(sealer, "credential:a", 1, b, pool),
                    APR_EMISMATCH);
    CU_ASSERT_EQUAL(status_of(sealer, "credential:b", 1, a, pool),
                    APR_EMISMATCH);
    /* Nor with the data keys swapped alone, nor the tails alone. */
    size_t head = strlen("cgs1.") + CG_SEAL_KEY_ID_LEN + 1 + 80;
    const char *mixed =
        apr_pstrcat(pool, apr_pstrmemdup(pool, a, head), b + head, NULL);
    CU_ASSERT_EQUAL(status_of(sealer, "credential:a", 1, mixed, pool),
                    APR_EMISMATCH);
    CU_ASSERT_EQUAL(status_of(sealer, "credential:b", 1, mixed, pool),
                    APR_EMISMATCH);
    apr_pool_destroy(pool);
}

static void no_changed_character_of_a_sealed_text_opens(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    const cg_sealer_t *sealer = sealer_of(KEY_A "\n" KEY_B, pool);
    const char *text = seal(sealer, "o", 1, "s", pool);
    for (size_t i = 0; i < strlen(text); i++) {
        char *changed = apr_pstrdup(pool, text);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        CU_ASSERT_NOT_EQUAL(status_of(sealer, "o", 1, changed, pool),
                            APR_SUCCESS);
        CU_ASSERT_NOT_EQUAL(
            status_of(sealer, "o", 1, apr_pstrndup(pool, text, i), pool),
            APR_SUCCESS);
    }
    static const char *const wrong[] = {
        "", "cgs1", "cgs1....", ".....", "cgs2.x.x.x.x", "plain secret"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CU_ASSERT_EQUAL(status_of(sealer, "o", 1, wrong[i], pool), APR_EINVAL);
    }
    CU_ASSERT_NOT_EQUAL(
        status_of(sealer, "o", 1, apr_pstrcat(pool, text, ".x", NULL), pool),
        APR_SUCCESS);
    apr_pool_destroy(pool);
}

static void old_master_keys_open_and_the_current_one_seals(void)
{
    apr_pool_t *pool;
    const char *again;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    const cg_sealer_t *a = sealer_of(KEY_A, pool);
    const cg_sealer_t *b = sealer_of(KEY_B, pool);
    const cg_sealer_t *both = sealer_of(KEY_B "\n" KEY_A "\n", pool);
    const char *text = seal(a, "o", 7, "secret", pool);
    CU_ASSERT_EQUAL(status_of(b, "o", 7, text, pool), APR_NOTFOUND);
    CU_ASSERT_EQUAL(status_of(both, "o", 7, text, pool), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(
        cg_seal_rewrap(both, cg_str(text), &again, &err, pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(status_of(b, "o", 7, again, pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(status_of(a, "o", 7, again, pool), APR_NOTFOUND);
    CU_ASSERT_EQUAL(status_of(b, "o", 8, again, pool), APR_EMISMATCH);
    /* The secret itself was not touched: nonce and ciphertext are the same. */
    CU_ASSERT_STRING_EQUAL(strrchr(text, '.'), strrchr(again, '.'));
    const char *third;
    CU_ASSERT_EQUAL(cg_seal_rewrap(both, cg_str(again), &third, &err, pool),
                    APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(third, again);
    CU_ASSERT_EQUAL(cg_seal_rewrap(b, cg_str(text), &third, &err, pool),
                    APR_NOTFOUND);
    CU_ASSERT_STRING_EQUAL(cg_seal_key_id(cg_str(text), pool),
                           cg_sealer_key_id(a, 0));
    CU_ASSERT_STRING_EQUAL(cg_seal_key_id(cg_str(again), pool),
                           cg_sealer_key_id(both, 0));
    CU_ASSERT_PTR_NULL(cg_seal_key_id(CG_STR("x.y.z"), pool));
    apr_pool_destroy(pool);
}

static void master_keys_are_read_in_all_their_spellings(void)
{
    static const char *const same[] = {
        KEY_A, "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE",
        "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\r\n",
        "# of 2026\n\n  " KEY_A "  \n"};
    static const char *const wrong[] = {
        "",
        "# nothing\n",
        "short",
        KEY_A "41",
        KEY_A "\nshort",
        "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUF",
        "zz41414141414141414141414141414141414141414141414141414141414141"};
    apr_pool_t *pool;
    char line[CG_SEAL_LINE_LEN + 1];
    apr_pool_create(&pool, NULL);
    const char *id = cg_sealer_key_id(sealer_of(KEY_A, pool), 0);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        CU_ASSERT_STRING_EQUAL(cg_sealer_key_id(sealer_of(same[i], pool), 0),
                               id);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cg_sealer_t *sealer;
        cg_error_t err = {""};
        CU_ASSERT_EQUAL(cg_sealer_make(&sealer, cg_str(wrong[i]), &err, pool),
                        APR_EINVAL);
        CU_ASSERT_PTR_NULL(sealer);
        CU_ASSERT_PTR_NULL(strstr(err.text, "4141"));
    }
    cg_sealer_new_key(line);
    CU_ASSERT_EQUAL(strlen(line), CG_SEAL_LINE_LEN);
    CU_ASSERT_EQUAL(cg_sealer_count(sealer_of(line, pool)), 1);
    CU_ASSERT_EQUAL(cg_sealer_count(sealer_of(KEY_A "\n" KEY_A, pool)), 1);
    CU_ASSERT_EQUAL(cg_sealer_count(NULL), 0);
    apr_pool_destroy(pool);
}

static void without_a_master_key_nothing_is_sealed_or_opened(void)
{
    apr_pool_t *pool;
    const char *text;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    const char *sealed = seal(sealer_of(KEY_A, pool), "o", 1, "s", pool);
    CU_ASSERT_EQUAL(cg_seal(NULL, "o", 1, CG_STR("s"), &text, &err, pool),
                    APR_ENOTIMPL);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "ChatGPTSealKey"));
    CU_ASSERT_EQUAL(status_of(NULL, "o", 1, sealed, pool), APR_ENOTIMPL);
    cg_sealer_t *none;
    CU_ASSERT_EQUAL(cg_sealer_open(&none, NULL, &err, pool), APR_SUCCESS);
    CU_ASSERT_PTR_NULL(none);
    apr_pool_destroy(pool);
}

static void secrets_have_a_bound_and_owners_a_form(void)
{
    apr_pool_t *pool;
    const char *text;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    const cg_sealer_t *sealer = sealer_of(KEY_A, pool);
    char *large = apr_palloc(pool, CG_SEAL_PLAIN_MAX + 2);
    memset(large, 'x', CG_SEAL_PLAIN_MAX + 1);
    large[CG_SEAL_PLAIN_MAX + 1] = '\0';
    cg_str_t most = {large, CG_SEAL_PLAIN_MAX};
    CU_ASSERT_EQUAL_FATAL(cg_seal(sealer, "o", 1, most, &text, &err, pool),
                          APR_SUCCESS);
    CU_ASSERT_EQUAL(status_of(sealer, "o", 1, text, pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_seal(sealer, "o", 1, cg_str(large), &text, &err, pool),
                    APR_EINVAL);
    CU_ASSERT_EQUAL(cg_seal(sealer, "o", 1, CG_STR(""), &text, &err, pool),
                    APR_EINVAL);
    static const char *const owners[] = {"", "a b", "a\nb", "a\x7f"};
    for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++) {
        CU_ASSERT_EQUAL(
            cg_seal(sealer, owners[i], 1, CG_STR("s"), &text, &err, pool),
            APR_EINVAL);
    }
    apr_pool_destroy(pool);
}

static void
sources_add_up_in_order_and_a_wrong_one_is_named_without_its_words(void)
{
    apr_pool_t *pool;
    cg_sealer_t *sealer;
    cg_error_t err = {""};
    apr_pool_create(&pool, NULL);
    apr_array_header_t *words = apr_array_make(pool, 2, sizeof(char *));
    setenv("CG_TEST_SEAL_A", KEY_A, 1);
    APR_ARRAY_PUSH(words, const char *) = "exec:/bin/echo " KEY_B;
    APR_ARRAY_PUSH(words, const char *) = "env:CG_TEST_SEAL_A";
    CU_ASSERT_EQUAL_FATAL(cg_sealer_open(&sealer, words, &err, pool),
                          APR_SUCCESS);
    unsetenv("CG_TEST_SEAL_A");
    CU_ASSERT_EQUAL(cg_sealer_count(sealer), 2);
    CU_ASSERT_STRING_EQUAL(cg_sealer_key_id(sealer, 0),
                           cg_sealer_key_id(sealer_of(KEY_B, pool), 0));
    CU_ASSERT_STRING_EQUAL(cg_sealer_key_id(sealer, 1),
                           cg_sealer_key_id(sealer_of(KEY_A, pool), 0));
    CU_ASSERT_PTR_NULL(cg_sealer_key_id(sealer, 2));
    CU_ASSERT_NOT_EQUAL(cg_sealer_open(&sealer, words, &err, pool),
                        APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "CG_TEST_SEAL_A"));
    APR_ARRAY_IDX(words, 0, const char *) = "exec:/bin/false hunter2";
    CU_ASSERT_NOT_EQUAL(cg_sealer_open(&sealer, words, &err, pool),
                        APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "exec:/bin/false"));
    CU_ASSERT_PTR_NULL(strstr(err.text, "hunter2"));
    APR_ARRAY_IDX(words, 0, const char *) = "hunter2";
    CU_ASSERT_NOT_EQUAL(cg_sealer_open(&sealer, words, &err, pool),
                        APR_SUCCESS);
    CU_ASSERT_PTR_NULL(strstr(err.text, "hunter2"));
    apr_pool_destroy(pool);
}

CU_TestInfo test_auth_seal[] = {
    {"sealed_text_opens_for_its_owner_and_version_alone",
     sealed_text_opens_for_its_owner_and_version_alone},
    {"sealed_text_of_another_implementation_opens",
     sealed_text_of_another_implementation_opens},
    {"two_records_with_their_texts_swapped_do_not_open",
     two_records_with_their_texts_swapped_do_not_open},
    {"no_changed_character_of_a_sealed_text_opens",
     no_changed_character_of_a_sealed_text_opens},
    {"old_master_keys_open_and_the_current_one_seals",
     old_master_keys_open_and_the_current_one_seals},
    {"master_keys_are_read_in_all_their_spellings",
     master_keys_are_read_in_all_their_spellings},
    {"without_a_master_key_nothing_is_sealed_or_opened",
     without_a_master_key_nothing_is_sealed_or_opened},
    {"secrets_have_a_bound_and_owners_a_form",
     secrets_have_a_bound_and_owners_a_form},
    {"sources_add_up_in_order_and_a_wrong_one_is_named_without_its_words",
     sources_add_up_in_order_and_a_wrong_one_is_named_without_its_words},
    CU_TEST_INFO_NULL,
};
