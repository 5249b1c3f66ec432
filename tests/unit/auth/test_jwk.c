/* Sets of keys: which of their keys verify, and which key a token means.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/jwk.h"

#include "jwt_fixture.h"

static const cg_sig_alg_t all[] = {CG_SIG_RS256, CG_SIG_ES256, CG_SIG_EDDSA,
                                   CG_SIG_PS256, CG_SIG_NONE};
static const cg_sig_alg_t hmacs[] = {CG_SIG_HS256, CG_SIG_HS384, CG_SIG_NONE};

#define X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define ED "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X "\""
#define EC                                                                     \
    "\"kty\":\"EC\",\"crv\":\"P-256\","                                        \
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","                   \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define K32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define OCT "\"kty\":\"oct\",\"k\":\"" K32 "\""

/* How many keys of a text can be used; -1: none, with words. */
static int count_of(const char *text, cg_jwk_from_t from)
{
    apr_pool_t *pool = open_pool();
    cg_error_t err = {""};
    const cg_jwk_set_t *set = cg_jwk_set_read(
        cg_str(text), from, from == CG_JWK_SECRET ? hmacs : all, &err, pool);
    int count = set ? (int)set->count : -1;
    CU_ASSERT_EQUAL(set == NULL, err.text[0] != '\0');
    apr_pool_destroy(pool);
    return count;
}

static void a_set_keeps_the_keys_that_can_be_used(void)
{
    CU_ASSERT_EQUAL(count_of("{" ED "}", CG_JWK_PUBLIC), 1);
    CU_ASSERT_EQUAL(count_of("{\"keys\":[{" ED ",\"kid\":\"a\"},{" EC
                             ",\"kid\":\"b\"}],\"more\":1}",
                             CG_JWK_PUBLIC),
                    2);
    CU_ASSERT_EQUAL(count_of("{\"keys\":[{" ED
                             "},{\"kty\":\"EC\"},{\"kty\":\"new\"},1,"
                             "null,[],{}]}",
                             CG_JWK_PUBLIC),
                    1);
    CU_ASSERT_EQUAL(count_of("{" OCT "}", CG_JWK_SECRET), 1);
}

static void a_key_that_is_not_for_signatures_is_left_out(void)
{
    static const char *const out[] = {
        "\"use\":\"enc\"",        "\"use\":\"Sig\"",  "\"use\":1",
        "\"use\":null",           "\"key_ops\":[]",   "\"key_ops\":[\"sign\"]",
        "\"key_ops\":\"verify\"", "\"key_ops\":[1]",  "\"alg\":\"RS256\"",
        "\"alg\":\"ES384\"",      "\"alg\":\"none\"", "\"alg\":1",
        "\"alg\":\"ES521\"",      "\"kid\":1",        "\"kid\":\"\"",
        "\"d\":\"AA\"",           "\"d\":null",       "\"p\":\"AA\"",
        "\"qi\":\"AA\"",          "\"oth\":[]",       "\"k\":\"AA\""};
    static const char *const in[] = {"\"use\":\"sig\"",
                                     "\"key_ops\":[\"sign\",\"verify\"]",
                                     "\"alg\":\"ES256\"", "\"x5c\":[\"AA\"]"};
    char json[400];
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        snprintf(json, sizeof json, "{" EC ",%s}", out[i]);
        CU_ASSERT_EQUAL(count_of(json, CG_JWK_PUBLIC), -1);
    }
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        snprintf(json, sizeof json, "{" EC ",%s}", in[i]);
        CU_ASSERT_EQUAL(count_of(json, CG_JWK_PUBLIC), 1);
    }
}

static void a_text_that_is_no_sound_set_is_refused_whole(void)
{
    static const char *const wrong[] = {
        "",
        "x",
        "[]",
        "{}",
        "null",
        "{\"keys\":{}}",
        "{\"keys\":[]}",
        "{\"keys\":[{" ED "}]}x",
        "{\"keys\":[{" ED "}],\"keys\":[]}",
        "{\"keys\":[{" ED ",\"kty\":\"OKP\"}]}",
        "{\"keys\":[{" ED "}",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CU_ASSERT_EQUAL(count_of(wrong[i], CG_JWK_PUBLIC), -1);
    }
}

static void a_sound_set_may_be_one_without_a_key_that_can_be_used(void)
{
    static const char *const sound[] = {"{\"keys\":[]}", "{\"keys\":[null,{}]}",
                                        "{\"keys\":[{" OCT "}]}",
                                        "{" EC ",\"use\":\"enc\"}", "{" ED "}"};
    static const char *const wrong[] = {"",
                                        "{}",
                                        "[]",
                                        "{\"keys\":{}}",
                                        "{\"keys\":[]} x",
                                        "<html>",
                                        "{\"error\":\"away\"}",
                                        "{\"keys\":[{" OCT "},{" ED "}]}"};
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof sound / sizeof *sound; i++) {
        CU_ASSERT_TRUE(cg_jwk_is_set(cg_str(sound[i]), pool));
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CU_ASSERT_FALSE(cg_jwk_is_set(cg_str(wrong[i]), pool));
    }
    apr_pool_destroy(pool);
}

static void secrets_and_public_keys_are_never_in_one_set(void)
{
    static const char mixed[] =
        "{\"keys\":[{" OCT ",\"kid\":\"a\"},{" ED ",\"kid\":\"b\"}]}";
    CU_ASSERT_EQUAL(count_of(mixed, CG_JWK_PUBLIC), -1);
    CU_ASSERT_EQUAL(count_of(mixed, CG_JWK_SECRET), -1);
    CU_ASSERT_EQUAL(count_of("{\"keys\":[{" OCT "}]}", CG_JWK_PUBLIC), -1);
    CU_ASSERT_EQUAL(count_of("{\"keys\":[{" ED "}]}", CG_JWK_SECRET), -1);
    CU_ASSERT_EQUAL(count_of("{\"keys\":[{" OCT ",\"use\":\"enc\"},{" ED "}]}",
                             CG_JWK_PUBLIC),
                    1);
}

static void a_name_that_stands_twice_is_nobodys(void)
{
    CU_ASSERT_EQUAL(count_of("{\"keys\":[{" ED ",\"kid\":\"a\"},{" ED
                             ",\"kid\":\"a\"},{" EC ",\"kid\":\"c\"}]}",
                             CG_JWK_PUBLIC),
                    1);
    /* Even beside a key that could not be used itself. */
    CU_ASSERT_EQUAL(
        count_of("{\"keys\":[{" ED ",\"kid\":\"a\"},"
                 "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\","
                 "\"kid\":\"a\"}]}",
                 CG_JWK_PUBLIC),
        -1);
}

static cg_jwk_found_t find(const char *text, const char *kid, cg_sig_alg_t alg)
{
    apr_pool_t *pool = open_pool();
    cg_error_t err;
    const cg_jwk_t *key = NULL;
    const cg_jwk_set_t *set =
        cg_jwk_set_read(cg_str(text), CG_JWK_PUBLIC, all, &err, pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    cg_str_t name = kid ? cg_str(kid) : (cg_str_t){NULL, 0};
    cg_jwk_found_t found = cg_jwk_find(set, name, alg, &key);
    if (found == CG_JWK_FOUND) {
        CU_ASSERT_EQUAL(key->alg, alg);
    }
    apr_pool_destroy(pool);
    return found;
}

static void a_token_means_the_key_it_names_or_the_only_one(void)
{
    static const char one[] = "{" ED ",\"kid\":\"a\"}";
    static const char nameless[] = "{" ED "}";
    static const char two[] =
        "{\"keys\":[{" ED ",\"kid\":\"a\"},{" EC ",\"kid\":\"b\"}]}";
    static const char half[] = "{\"keys\":[{" ED ",\"kid\":\"a\"},{" EC "}]}";
    CU_ASSERT_EQUAL(find(one, "a", CG_SIG_EDDSA), CG_JWK_FOUND);
    CU_ASSERT_EQUAL(find(one, NULL, CG_SIG_EDDSA), CG_JWK_FOUND);
    CU_ASSERT_EQUAL(find(one, "b", CG_SIG_EDDSA), CG_JWK_UNKNOWN);
    CU_ASSERT_EQUAL(find(one, "a", CG_SIG_ES256), CG_JWK_OTHER_ALG);
    CU_ASSERT_EQUAL(find(nameless, "x", CG_SIG_EDDSA), CG_JWK_FOUND);
    CU_ASSERT_EQUAL(find(nameless, NULL, CG_SIG_EDDSA), CG_JWK_FOUND);
    CU_ASSERT_EQUAL(find(two, NULL, CG_SIG_EDDSA), CG_JWK_UNNAMED);
    CU_ASSERT_EQUAL(find(two, "b", CG_SIG_ES256), CG_JWK_FOUND);
    CU_ASSERT_EQUAL(find(two, "b", CG_SIG_EDDSA), CG_JWK_OTHER_ALG);
    CU_ASSERT_EQUAL(find(half, "x", CG_SIG_ES256), CG_JWK_UNKNOWN);
}

static void a_key_without_alg_is_for_the_first_that_fits(void)
{
    apr_pool_t *pool = open_pool();
    cg_error_t err;
    cg_str_t pem;
    static const cg_sig_alg_t pss[] = {CG_SIG_ES256, CG_SIG_PS256, CG_SIG_RS256,
                                       CG_SIG_NONE};
    cg_pkey_public_pem(key_of(CG_SIG_RS256), &pem, pool);
    CU_ASSERT_EQUAL(
        cg_jwk_set_read(pem, CG_JWK_PUBLIC, all, &err, pool)->keys[0].alg,
        CG_SIG_RS256);
    CU_ASSERT_EQUAL(
        cg_jwk_set_read(pem, CG_JWK_PUBLIC, pss, &err, pool)->keys[0].alg,
        CG_SIG_PS256);
    apr_pool_destroy(pool);
}

CU_TestInfo test_auth_jwk[] = {
    {"a set keeps the keys that can be used",
     a_set_keeps_the_keys_that_can_be_used},
    {"a key that is not for signatures is left out",
     a_key_that_is_not_for_signatures_is_left_out},
    {"a text that is no sound set is refused whole",
     a_text_that_is_no_sound_set_is_refused_whole},
    {"a sound set may be one without a key that can be used",
     a_sound_set_may_be_one_without_a_key_that_can_be_used},
    {"secrets and public keys are never in one set",
     secrets_and_public_keys_are_never_in_one_set},
    {"a name that stands twice is nobody's",
     a_name_that_stands_twice_is_nobodys},
    {"a token means the key it names, or the only one",
     a_token_means_the_key_it_names_or_the_only_one},
    {"a key without alg is for the first that fits",
     a_key_without_alg_is_for_the_first_that_fits},
    CU_TEST_INFO_NULL};
