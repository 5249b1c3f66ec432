/* The claims of a token: every rule with claims that break it alone.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/jwt.h"

#include "jwt_stage.h"

static void check(const stage_t *stage, const char *claims, const char *rule)
{
    const char *got = ask_claims(stage, claims);
    if (strcmp(got, rule) != 0) {
        printf("\n    %s: \"%s\", not \"%s\"\n", claims, got, rule);
    }
    CU_ASSERT_STRING_EQUAL(got, rule);
}

static void jwt_takes_a_token_for_us_of_an_issuer_we_trust(void)
{
    stage_t stage = open_stage();
    check(&stage, "{" GOOD TIMES "}", "");
    check(&stage, " {" GOOD TIMES "}\n", "");
    check(&stage, "{" GOOD "\"exp\":1800000600}", "");
    check(&stage, "{" GOOD "\"exp\":1800000600.5,\"x\":{\"y\":[1,null]}}", "");
    check(&stage, "{" GOOD "\"exp\":1.8000006e9}", "");
    check(&stage, "{" GOOD "\"exp\":18000006e2}", "");
    check(&stage, "{" GOOD "\"exp\":253402300799}", "");
    close_stage(&stage);
}

static void jwt_wants_iss_to_the_letter(void)
{
    static const char *const wrong[] = {"null",
                                        "1",
                                        "[]",
                                        "[\"https://idp.test\"]",
                                        "\"\"",
                                        "{}",
                                        "true",
                                        "\"https://idp.test/\"",
                                        "\" https://idp.test\"",
                                        "\"HTTPS://idp.test\"",
                                        "\"https://idp.test.evil.example\"",
                                        "\"https://evil.example@idp.test\"",
                                        "\"https://idp.tes\""};
    stage_t stage = open_stage();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        check(&stage,
              apr_psprintf(
                  stage.pool,
                  "{\"iss\":%s,\"aud\":\"gateway\",\"sub\":\"a\"," TIMES "}",
                  wrong[i]),
              "iss");
    }
    check(&stage, "{\"aud\":\"gateway\",\"sub\":\"a\"," TIMES "}", "iss");
    check(&stage,
          "{\"iss\":\"https:\\/\\/"
          "idp.test\",\"aud\":\"gateway\",\"sub\":\"a\"," TIMES "}",
          "");
    close_stage(&stage);
}

static void check_member(const stage_t *stage, const char *format,
                         const char *const *values, size_t count,
                         const char *rule)
{
    for (size_t i = 0; i < count; i++) {
        const char *claims = format;
        const char *at = strchr(format, '@');
        claims = apr_pstrcat(
            stage->pool,
            apr_pstrmemdup(stage->pool, format, (apr_size_t)(at - format)),
            values[i], at + 1, NULL);
        check(stage, claims, rule);
    }
}

#define EACH(list) list, sizeof(list) / sizeof *(list)

static void jwt_wants_aud_to_name_us_to_the_letter(void)
{
    static const char *const right[] = {"\"gateway\"", "[\"gateway\"]",
                                        "[\"x\",\"gateway\"]", "\"console\""};
    static const char *const wrong[] = {"\"\"",
                                        "\"gateway \"",
                                        "\"Gateway\"",
                                        "\"gateway2\"",
                                        "\"gatewa\"",
                                        "\"*\"",
                                        "\"x,gateway\"",
                                        "[]",
                                        "null",
                                        "1",
                                        "{}",
                                        "true",
                                        "{\"gateway\":1}",
                                        "[\"x\"]",
                                        "[\"gateway\",1]",
                                        "[1,\"gateway\"]",
                                        "[\"gateway\",null]",
                                        "[[\"gateway\"]]",
                                        "[\"gateway\",[\"x\"]]"};
    static const char format[] =
        "{\"iss\":\"https://idp.test\",\"sub\":\"a\",\"aud\":@," TIMES "}";
    stage_t stage = open_stage();
    check_member(&stage, format, EACH(right), "");
    check_member(&stage, format, EACH(wrong), "aud");
    check(&stage, "{\"iss\":\"https://idp.test\",\"sub\":\"a\"," TIMES "}",
          "aud");
    close_stage(&stage);
}

static void jwt_wants_sub_to_be_a_name(void)
{
    static const char *const right[] = {"\"alice\"", "\"\\u00e9 \xCE\xB1\"",
                                        "\"../admin\"", "\"a b\""};
    static const char *const wrong[] = {"\"\"",
                                        "null",
                                        "1",
                                        "[]",
                                        "[\"alice\"]",
                                        "{}",
                                        "\"a\\nb\"",
                                        "\"a\\u007f\"",
                                        "\"\\u202eadmin\"",
                                        "\"a\\u0085b\"",
                                        "\"a\\u200fb\"",
                                        "\"a\\u061cb\""};
    static const char format[] =
        "{\"iss\":\"https://idp.test\",\"aud\":\"gateway\",\"sub\":@," TIMES
        "}";
    stage_t stage = open_stage();
    check_member(&stage, format, EACH(right), "");
    check_member(&stage, format, EACH(wrong), "sub");
    char *name = apr_pcalloc(stage.pool, 300);
    const char *lengths[2];
    for (int i = 0; i < 2; i++) {
        memset(name, 'a', (size_t)(255 + i));
        lengths[i] = apr_psprintf(stage.pool, "\"%s\"", name);
    }
    check_member(&stage, format, &lengths[0], 1, "");
    check_member(&stage, format, &lengths[1], 1, "sub");
    close_stage(&stage);
}

static void jwt_wants_exp_to_be_a_moment_to_come(void)
{
    static const char *const wrong[] = {"null",
                                        "true",
                                        "\"1800000600\"",
                                        "\"never\"",
                                        "[1800000600]",
                                        "{}",
                                        "-1",
                                        "-1800000600",
                                        "253402300800",
                                        "1e400",
                                        "99999999999999999999",
                                        "18446744075509552216",
                                        "1800000600000"};
    static const char *const past[] = {
        "0",   "1",   "1800000", "1799999940",   "1799999939.9",
        "1e9", "0e0", "-0",      "1800000600e-3"};
    static const char format[] = "{" GOOD "\"exp\":@}";
    stage_t stage = open_stage();
    check(&stage, "{" GOOD "\"nbf\":1}", "exp");
    check_member(&stage, format, EACH(wrong), "exp");
    check_member(&stage, format, EACH(past), "expired");
    check(&stage, "{" GOOD "\"exp\":1799999941}", "");
    static const char *const no_json[] = {
        "NaN", "Infinity", "+1800000600", "01800000600", ".5", "1800000600."};
    check_member(&stage, format, EACH(no_json), "claims");
    close_stage(&stage);
}

static void jwt_wants_nbf_and_iat_to_have_passed(void)
{
    static const char *const right[] = {"0", "1800000000", "1800000060",
                                        "1799999999.5"};
    static const char *const wrong[] = {"null", "true",       "\"1\"", "[]",
                                        "-1",   "1800000061", "1e300"};
    stage_t stage = open_stage();
    static const char nbf[] = "{" GOOD "\"exp\":1800000600,\"nbf\":@}";
    static const char iat[] = "{" GOOD "\"exp\":1800000600,\"iat\":@}";
    check_member(&stage, nbf, EACH(right), "");
    check_member(&stage, nbf, EACH(wrong), "nbf");
    check_member(&stage, iat, EACH(right), "");
    check_member(&stage, iat, EACH(wrong), "iat");
    check(&stage, "{" GOOD TIMES ",\"jti\":\"x\"}", "");
    check(&stage, "{" GOOD TIMES ",\"jti\":1}", "jti");
    close_stage(&stage);
}

static void jwt_keeps_to_the_leeway_of_its_issuer(void)
{
    stage_t stage = open_stage_with("leeway=0s");
    check(&stage, "{" GOOD "\"exp\":1800000001}", "");
    check(&stage, "{" GOOD "\"exp\":1800000000}", "expired");
    check(&stage, "{" GOOD "\"exp\":1800000009,\"nbf\":1800000001}", "nbf");
    close_stage(&stage);
}

static void jwt_reads_one_object_of_claims_without_doubt(void)
{
    static const char *const wrong[] = {
        "",
        "null",
        "1",
        "\"x\"",
        "[]",
        "{]",
        "{" GOOD TIMES "}x",
        "{" GOOD TIMES ",}",
        "/**/{" GOOD TIMES "}",
        "\xEF\xBB\xBF{" GOOD TIMES "}",
        "{" GOOD TIMES ",\"sub\":\"bob\"}",
        "{" GOOD TIMES ",\"s\\u0075b\":\"bob\"}",
        "{" GOOD TIMES ",\"deep\":{\"a\":[{\"b\":1,\"b\":2}]}}",
        "{" GOOD TIMES ",\"x\":\"\\u0000\"}",
        "{" GOOD TIMES ",\"x\":\"\xFF\"}",
        "{" GOOD TIMES ",\"x\":\"\\ud800\"}"};
    stage_t stage = open_stage();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        check(&stage, wrong[i], "claims");
    }
    close_stage(&stage);
}

CU_TestInfo test_auth_jwt_claims[] = {
    {"jwt takes a token for us of an issuer we trust",
     jwt_takes_a_token_for_us_of_an_issuer_we_trust},
    {"jwt wants iss to the letter", jwt_wants_iss_to_the_letter},
    {"jwt wants aud to name us to the letter",
     jwt_wants_aud_to_name_us_to_the_letter},
    {"jwt wants sub to be a name", jwt_wants_sub_to_be_a_name},
    {"jwt wants exp to be a moment to come",
     jwt_wants_exp_to_be_a_moment_to_come},
    {"jwt wants nbf and iat to have passed",
     jwt_wants_nbf_and_iat_to_have_passed},
    {"jwt keeps to the leeway of its issuer",
     jwt_keeps_to_the_leeway_of_its_issuer},
    {"jwt reads one object of claims without doubt",
     jwt_reads_one_object_of_claims_without_doubt},
    CU_TEST_INFO_NULL};
