/* Tokens that stand for values: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/pseudonym.h"

#include <unistd.h>

#include <apr_hash.h>

#include "redact/cases.h"

#define KEY_A "a key of at least thirty-two bytes, a"
#define KEY_B "a key of at least thirty-two bytes, b"

static cg_pseudonym_keys_t *key(const char *text, apr_pool_t *pool)
{
    cg_error_t err = {""};
    cg_pseudonym_keys_t *keys =
        cg_pseudonym_keys_make(cg_str(text), &err, pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(keys);
    return keys;
}

static cg_pseudonyms_t *open_typed(const char *typed, apr_pool_t *pool)
{
    cg_pseudonyms_t *all = cg_pseudonyms_open(key(KEY_A, pool), pool);
    cg_pseudonyms_note_typed(all, cg_str(typed));
    return all;
}

static const char *issue(cg_pseudonyms_t *all, int type, const char *value,
                         apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, 32, pool);
    return cg_pseudonyms_issue(all, type, cg_str(value), &out)
               ? cg_buf_cstr(&out)
               : "";
}

static const char *token(int type, const char *value, apr_pool_t *pool)
{
    return issue(open_typed("", pool), type, value, pool);
}

static bool is_code(const char *text, size_t len)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz234567") == len;
}

static void a_token_has_the_name_of_its_type_and_five_characters(void)
{
    apr_pool_t *pool = open_pool();
    const char *text = token(CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool);
    CU_ASSERT_EQUAL(strncmp(text, "[[EMAIL_", 8), 0);
    CU_ASSERT_TRUE(is_code(text + 8, 5));
    CU_ASSERT_STRING_EQUAL(text + 13, "]]");
    for (int type = 0; type < CG_TYPE_COUNT; type++) {
        text = token(type, "some value 12345", pool);
        const char *code = strrchr(text, '_');
        CU_ASSERT_TRUE(code && code - text <= 2 + CG_PSEUDONYM_NAME_MAX);
        CU_ASSERT_TRUE(code && is_code(code + 1, 5));
    }
    apr_pool_destroy(pool);
}

static void the_same_value_has_the_same_token_everywhere(void)
{
    static const struct {
        int type;
        const char *one, *other;
    } same[] = {
        {CG_TYPE_CREDIT_CARD, "4111 1111 1111 1111", "4111-1111-1111-1111"},
        {CG_TYPE_CREDIT_CARD, "4111111111111111",
         "\xef\xbc\x94"
         "111111111111111"},
        {CG_TYPE_EMAIL_ADDRESS, "Ann@Example.COM", "ann@example.com"},
        {CG_TYPE_IBAN_CODE, "DE89 3704 0044 0532 0130 00",
         "de89370400440532013000"},
        {CG_TYPE_IP_ADDRESS, "2001:DB8::1", "2001:db8::1"},
        {CG_TYPE_MAC_ADDRESS, "00:1B:44:11:3A:B7", "00-1b-44-11-3a-b7"},
        {CG_TYPE_KEYWORD, "Project Falcon", "project falcon"},
    };
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        CU_ASSERT_STRING_EQUAL(token(same[i].type, same[i].one, pool),
                               token(same[i].type, same[i].other, pool));
    }
    apr_pool_destroy(pool);
}

static void different_values_have_different_tokens(void)
{
    static const struct {
        int type;
        const char *one, *other;
    } different[] = {
        {CG_TYPE_EMAIL_ADDRESS, "ann@example.com", "bob@example.com"},
        {CG_TYPE_SECRET_PASSWORD, "Hunter2!", "hunter2!"},
        {CG_TYPE_CRYPTO, "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
         "1boatSLRHtKNngkdXEeobR76b53LETtpyT"},
        {CG_TYPE_IP_ADDRESS, "10.11.1.1", "10.1.11.1"},
        /* base64, where case makes another value */
        {CG_TYPE_EMAIL_ADDRESS, "YW5uQGV4YW1wbGUuY29tIQaa",
         "yW5uQGV4YW1wbGUuY29tIQaa"},
    };
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof different / sizeof different[0]; i++) {
        CU_ASSERT_STRING_NOT_EQUAL(
            token(different[i].type, different[i].one, pool),
            token(different[i].type, different[i].other, pool));
    }
    CU_ASSERT_STRING_NOT_EQUAL(token(CG_TYPE_US_SSN, "078051120", pool),
                               token(CG_TYPE_US_ITIN, "078051120", pool));
    apr_pool_destroy(pool);
}

static void the_first_spelling_of_a_request_is_put_back(void)
{
    apr_pool_t *pool = open_pool();
    cg_pseudonyms_t *all = open_typed("", pool);
    const char *text =
        issue(all, CG_TYPE_CREDIT_CARD, "4111 1111 1111 1111", pool);
    issue(all, CG_TYPE_CREDIT_CARD, "4111111111111111", pool);
    cg_str_t inside = {text + 2, strlen(text) - 4};
    char *lower = cg_str_dup(inside, pool);
    for (char *c = lower; *c; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    }
    const cg_pseudonym_t *found = cg_pseudonyms_find(all, cg_str(lower));
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_TRUE(cg_str_is(found->value, "4111 1111 1111 1111"));
    apr_pool_destroy(pool);
}

/* Values whose tokens begin alike, found by trying. */
static void find_two_alike(cg_pseudonyms_t *all, char one[32], char other[32],
                           apr_pool_t *pool)
{
    apr_hash_t *seen = apr_hash_make(pool);
    for (int i = 0; i < 100000; i++) {
        char value[32];
        snprintf(value, sizeof value, "u%d@example.com", i);
        const char *text = issue(all, CG_TYPE_EMAIL_ADDRESS, value, pool);
        if (strlen(text) > strlen("[[EMAIL_k7q2x]]")) {
            const char *first =
                apr_hash_get(seen, text, strlen("[[EMAIL_k7q2x"));
            CU_ASSERT_PTR_NOT_NULL_FATAL(first);
            strcpy(one, first);
            strcpy(other, value);
            return;
        }
        apr_hash_set(seen, text, strlen("[[EMAIL_k7q2x"),
                     apr_pstrdup(pool, value));
    }
    CU_FAIL_FATAL("no two alike");
}

static void two_values_that_would_share_a_token_do_not(void)
{
    apr_pool_t *pool = open_pool();
    char one[32], other[32];
    find_two_alike(open_typed("", pool), one, other, pool);
    cg_pseudonyms_t *all = open_typed("", pool);
    const char *first = issue(all, CG_TYPE_EMAIL_ADDRESS, one, pool);
    const char *second = issue(all, CG_TYPE_EMAIL_ADDRESS, other, pool);
    CU_ASSERT_EQUAL(strlen(first), strlen("[[EMAIL_k7q2x]]"));
    CU_ASSERT_EQUAL(strlen(second), strlen("[[EMAIL_k7q2xa]]"));
    CU_ASSERT_EQUAL(strncmp(first, second, strlen("[[EMAIL_k7q2x")), 0);
    apr_pool_destroy(pool);
}

/* ---- typed ---- */

static void a_token_is_never_what_the_caller_typed(void)
{
    static const char *const spellings[] = {
        "%s",
        "{\"content\":\"say %s\"}",
        "%s and so on",
        "in an array [[1,2],[%s]]",
    };
    apr_pool_t *pool = open_pool();
    const char *plain = token(CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool);
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        const char *typed = cg_str_dup(cg_str(spellings[i]), pool);
        const char *at = strstr(typed, "%s");
        typed = apr_pstrcat(pool, apr_pstrndup(pool, typed, at - typed), plain,
                            at + 2, NULL);
        const char *text = issue(open_typed(typed, pool), CG_TYPE_EMAIL_ADDRESS,
                                 "ann@example.com", pool);
        CU_ASSERT_EQUAL(strlen(text), strlen(plain) + 1);
        CU_ASSERT_EQUAL(strncmp(text, plain, strlen(plain) - 2), 0);
    }
    apr_pool_destroy(pool);
}

/* Writes each character of a token in its own way. */
static const char *spelled(const char *text, const char *open,
                           const char *underscore, bool is_upper,
                           apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, 64, pool);
    for (; *text; text++) {
        if (*text == '[') {
            cg_buf_str(&out, open);
        }
        else if (*text == '_') {
            cg_buf_str(&out, underscore);
        }
        else {
            bool is_lower = *text >= 'a' && *text <= 'z';
            cg_buf_char(&out,
                        (char)(is_upper && is_lower ? *text - 32 : *text));
        }
    }
    return cg_buf_cstr(&out);
}

static void no_spelling_of_a_typed_token_is_overlooked(void)
{
    static const char *const opens[] = {
        "[",         "\\[",          "\\\\[",        "\\u005b",
        "\\\\u005B", "&#91;",        "&#x5b;",       "&lbrack;",
        "&lsqb;",    "&amp;#91;",    "\\u0026#91;",  "%5B",
        "%255b",     "\xef\xbc\xbb", "\xe3\x80\x90", "\xe2\x80\x8b[",
        "\\u200b[",  "&#0091;"};
    static const char *const underscores[] = {
        "_",        "\\_", "\\\\_",        "\\u005f",   "&#95;",
        "&lowbar;", "%5f", "\xef\xbc\xbf", "\\\\\\\\_", "\xe2\x80\x8b_"};
    apr_pool_t *pool = open_pool();
    const char *plain = token(CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool);
    for (size_t i = 0; i < sizeof opens / sizeof opens[0]; i++) {
        for (size_t k = 0; k < sizeof underscores / sizeof underscores[0];
             k++) {
            const char *typed =
                spelled(plain, opens[i], underscores[k], k % 2, pool);
            const char *text =
                issue(open_typed(typed, pool), CG_TYPE_EMAIL_ADDRESS,
                      "ann@example.com", pool);
            if (strcmp(text, plain) == 0) {
                fprintf(stderr, "overlooked: %s\n", typed);
                CU_FAIL("a typed token was issued");
            }
        }
    }
    apr_pool_destroy(pool);
}

static void a_typed_beginning_is_not_issued_either(void)
{
    apr_pool_t *pool = open_pool();
    const char *plain = token(CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool);
    const char *cut = apr_pstrndup(pool, plain, strlen(plain) - 2);
    static const char *const tails[] = {"",        "\"}", " and then",
                                        "\\nline", "zzz", "]"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        const char *typed = apr_pstrcat(pool, cut, tails[i], NULL);
        const char *text = issue(open_typed(typed, pool), CG_TYPE_EMAIL_ADDRESS,
                                 "ann@example.com", pool);
        CU_ASSERT_STRING_NOT_EQUAL(text, plain);
    }
    apr_pool_destroy(pool);
}

static void what_is_typed_after_it_was_issued_is_not_put_back(void)
{
    apr_pool_t *pool = open_pool();
    cg_pseudonyms_t *all = open_typed("", pool);
    const char *text =
        issue(all, CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool);
    const char *inside =
        apr_pstrcat(pool, "email_", apr_pstrndup(pool, text + 8, 5), NULL);
    CU_ASSERT_PTR_NOT_NULL(cg_pseudonyms_find(all, cg_str(inside)));
    cg_pseudonyms_note_typed(
        all, cg_str(apr_pstrcat(pool, "a later part: ", text, NULL)));
    CU_ASSERT_PTR_NULL(cg_pseudonyms_find(all, cg_str(inside)));
    CU_ASSERT_STRING_EQUAL(
        issue(all, CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool), text);
    apr_pool_destroy(pool);
}

static void where_every_length_is_typed_there_is_no_token(void)
{
    apr_pool_t *pool = open_pool();
    cg_pseudonyms_t *all = open_typed("", pool);
    cg_buf_t typed;
    cg_buf_init(&typed, 256, pool);
    for (int i = 0; i < 12; i++) { /* the caller types what he was given */
        all = open_typed(cg_buf_cstr(&typed), pool);
        cg_buf_str(&typed,
                   issue(all, CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool));
    }
    CU_ASSERT_STRING_EQUAL(
        issue(all, CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool), "");
    CU_ASSERT_FALSE(cg_pseudonyms_has_any(all));
    apr_pool_destroy(pool);
}

static void a_caller_who_types_too_many_has_all_masked(void)
{
    apr_pool_t *pool = open_pool();
    cg_buf_t typed;
    cg_buf_init(&typed, 1 << 20, pool);
    for (int i = 0; i < 70000; i++) {
        cg_buf_fmt(&typed, "[[A_%c%c%c%ca]]", 'a' + i % 26, 'a' + i / 26 % 26,
                   'a' + i / 676 % 26, 'a' + i / 17576 % 26);
    }
    cg_pseudonyms_t *all = open_typed(cg_buf_cstr(&typed), pool);
    CU_ASSERT_STRING_EQUAL(
        issue(all, CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool), "");
    CU_ASSERT_FALSE(cg_pseudonyms_has_any(all));
    apr_pool_destroy(pool);
}

static void values_beyond_the_bound_are_masked(void)
{
    apr_pool_t *pool = open_pool();
    cg_pseudonyms_t *all = open_typed("", pool);
    char value[32];
    cg_buf_t out;
    cg_buf_init(&out, 64, pool);
    for (int i = 0; i < 65536; i++) {
        snprintf(value, sizeof value, "u%d@example.com", i);
        out.len = 0;
        CU_ASSERT_TRUE(cg_pseudonyms_issue(all, CG_TYPE_EMAIL_ADDRESS,
                                           cg_str(value), &out));
    }
    CU_ASSERT_STRING_EQUAL(
        issue(all, CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool), "");
    CU_ASSERT_STRING_NOT_EQUAL(
        issue(all, CG_TYPE_EMAIL_ADDRESS, "u7@example.com", pool), "");
    apr_pool_destroy(pool);
}

/* ---- keys ---- */

static const char *write_file(const char *text, apr_pool_t *pool)
{
    char *path = apr_pstrdup(pool, "/tmp/cg-pseudonym-XXXXXX");
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void old_keys_are_understood_and_the_first_is_used(void)
{
    apr_pool_t *pool = open_pool();
    cg_error_t err = {""};
    cg_pseudonym_keys_t *both = NULL;
    const char *path = write_file(KEY_B "\n\n  " KEY_A "\r\n", pool);
    CU_ASSERT_EQUAL_FATAL(cg_pseudonym_keys_load(path, &both, &err, pool),
                          APR_SUCCESS);
    unlink(path);
    const char *old = token(CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool);
    cg_pseudonyms_t *all = cg_pseudonyms_open(both, pool);
    const char *text =
        issue(all, CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool);
    CU_ASSERT_STRING_EQUAL(
        text, issue(cg_pseudonyms_open(key(KEY_B, pool), pool),
                    CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool));
    CU_ASSERT_STRING_NOT_EQUAL(text, old);
    const char *inside =
        apr_pstrcat(pool, "email_", apr_pstrndup(pool, old + 8, 5), NULL);
    const cg_pseudonym_t *found = cg_pseudonyms_find(all, cg_str(inside));
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_TRUE(cg_str_is(found->value, "ann@example.com"));
    /* ... but not one that the caller typed */
    all = cg_pseudonyms_open(both, pool);
    cg_pseudonyms_note_typed(all, cg_str(old));
    issue(all, CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool);
    CU_ASSERT_PTR_NULL(cg_pseudonyms_find(all, cg_str(inside)));
    apr_pool_destroy(pool);
}

static void check_file(const char *text, const char *words, apr_pool_t *pool)
{
    cg_error_t err = {""};
    cg_pseudonym_keys_t *keys = NULL;
    const char *path = write_file(text, pool);
    CU_ASSERT_NOT_EQUAL(cg_pseudonym_keys_load(path, &keys, &err, pool),
                        APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, words));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, path));
    CU_ASSERT_PTR_NULL(keys);
    unlink(path);
}

static void a_file_without_good_keys_is_refused(void)
{
    apr_pool_t *pool = open_pool();
    cg_error_t err = {""};
    cg_pseudonym_keys_t *keys;
    check_file("", "no key", pool);
    check_file("\n \n", "no key", pool);
    check_file("short\n", "5 bytes", pool);
    check_file(KEY_A "\nshort\n", "5 bytes", pool);
    check_file(KEY_A "\n" KEY_A "\n" KEY_A "\n" KEY_A "\n" KEY_A "\n" KEY_A
                     "\n" KEY_A "\n" KEY_A "\n" KEY_A "\n",
               "more than 8", pool);
    CU_ASSERT_NOT_EQUAL(
        cg_pseudonym_keys_load("/nowhere/keys", &keys, &err, pool),
        APR_SUCCESS);
    apr_pool_destroy(pool);
}

static void values_of_an_answer_are_named_but_not_put_back(void)
{
    apr_pool_t *pool = open_pool();
    cg_pseudonyms_t *all = open_typed("", pool);
    const char *own =
        issue(all, CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool);
    cg_pseudonyms_end_request(all);
    const char *text =
        issue(all, CG_TYPE_EMAIL_ADDRESS, "bob@example.com", pool);
    CU_ASSERT_STRING_EQUAL(
        text, token(CG_TYPE_EMAIL_ADDRESS, "bob@example.com", pool));
    const char *inside =
        apr_pstrcat(pool, "email_", apr_pstrndup(pool, text + 8, 5), NULL);
    CU_ASSERT_PTR_NULL(cg_pseudonyms_find(all, cg_str(inside)));
    CU_ASSERT_STRING_EQUAL(
        issue(all, CG_TYPE_EMAIL_ADDRESS, "ann@example.com", pool), own);
    CU_ASSERT_STRING_EQUAL(
        issue(all, CG_TYPE_SECRET_PASSWORD, "Hunter2!", pool), "");
    apr_pool_destroy(pool);
}

CU_TestInfo test_redact_pseudonym[] = {
    {"a_token_has_the_name_of_its_type_and_five_characters",
     a_token_has_the_name_of_its_type_and_five_characters},
    {"the_same_value_has_the_same_token_everywhere",
     the_same_value_has_the_same_token_everywhere},
    {"different_values_have_different_tokens",
     different_values_have_different_tokens},
    {"the_first_spelling_of_a_request_is_put_back",
     the_first_spelling_of_a_request_is_put_back},
    {"two_values_that_would_share_a_token_do_not",
     two_values_that_would_share_a_token_do_not},
    {"a_token_is_never_what_the_caller_typed",
     a_token_is_never_what_the_caller_typed},
    {"no_spelling_of_a_typed_token_is_overlooked",
     no_spelling_of_a_typed_token_is_overlooked},
    {"a_typed_beginning_is_not_issued_either",
     a_typed_beginning_is_not_issued_either},
    {"what_is_typed_after_it_was_issued_is_not_put_back",
     what_is_typed_after_it_was_issued_is_not_put_back},
    {"where_every_length_is_typed_there_is_no_token",
     where_every_length_is_typed_there_is_no_token},
    {"a_caller_who_types_too_many_has_all_masked",
     a_caller_who_types_too_many_has_all_masked},
    {"values_beyond_the_bound_are_masked", values_beyond_the_bound_are_masked},
    {"old_keys_are_understood_and_the_first_is_used",
     old_keys_are_understood_and_the_first_is_used},
    {"a_file_without_good_keys_is_refused",
     a_file_without_good_keys_is_refused},
    {"values_of_an_answer_are_named_but_not_put_back",
     values_of_an_answer_are_named_but_not_put_back},
    CU_TEST_INFO_NULL,
};
