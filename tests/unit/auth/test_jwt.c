/* Tokens: whose key, which algorithm, known from before, and the attacks of the
 * public corpus.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/jwt.h"

#include "jwt_stage.h"

static void jwt_is_at_most_16_kib(void)
{
    stage_t stage = open_stage();
    char *pad = apr_palloc(stage.pool, 13001);
    for (int len = 11000; len <= 13000; len += 2000) {
        memset(pad, 'x', (size_t)len);
        pad[len] = '\0';
        CU_ASSERT_STRING_EQUAL(
            ask_claims(&stage,
                       apr_pstrcat(stage.pool, "{" GOOD TIMES ",\"x\":\"", pad,
                                   "\"}", NULL)),
            len == 11000 ? "" : "size");
    }
    close_stage(&stage);
}

/* ---- keys and algorithms ------------------------------------------------------ */

static const char *ask_with(const stage_t *stage, const cg_pkey_t *key,
                            cg_sig_alg_t alg, const char *header)
{
    return ask(stage,
               token_of(key, alg, header, "{" GOOD TIMES "}", stage->pool));
}

static void jwt_takes_every_algorithm_with_its_own_key_alone(void)
{
    static const cg_sig_alg_t all[] = {
        CG_SIG_RS256, CG_SIG_RS384, CG_SIG_RS512, CG_SIG_PS256, CG_SIG_PS384,
        CG_SIG_PS512, CG_SIG_ES256, CG_SIG_ES384, CG_SIG_ES512, CG_SIG_EDDSA};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *name = cg_sig_alg_name(all[i]);
        stage_t stage = {.pool = open_pool()};
        cg_str_t pem;
        cg_pkey_public_pem(key_of(all[i]), &pem, stage.pool);
        apr_array_header_t *rows = new_rows(stage.pool);
        add_row(rows, apr_psprintf(stage.pool,
                                   "corp issuer=https://idp.test "
                                   "audience=gateway jwks=file:%s "
                                   "algorithms=%s",
                                   file_of(pem, stage.pool), name));
        stage.issuers = issuers_of(rows, stage.pool);
        const char *header = apr_psprintf(stage.pool, "{\"alg\":\"%s\"}", name);
        CU_ASSERT_STRING_EQUAL(ask_with(&stage, key_of(all[i]), all[i], header),
                               "");
        for (int other = CG_SIG_NONE + 1; other < CG_SIG_COUNT; other++) {
            cg_sig_alg_t alg = (cg_sig_alg_t)other;
            if (alg == all[i]) {
                continue;
            }
            header = apr_psprintf(stage.pool, "{\"alg\":\"%s\"}",
                                  cg_sig_alg_name(alg));
            CU_ASSERT_STRING_EQUAL(ask_with(&stage, key_of(alg), alg, header),
                                   "algorithm");
        }
        close_stage(&stage);
    }
}

static void jwt_is_not_signed_with_the_text_of_a_public_key(void)
{
    stage_t stage = open_stage();
    cg_error_t err;
    cg_str_t pem;
    cg_pkey_public_pem(key_of(CG_SIG_RS256), &pem, stage.pool);
    const cg_pkey_t *confused = cg_pkey_from_secret(pem, &err, stage.pool);
    CU_ASSERT_STRING_EQUAL(
        ask_with(&stage, confused, CG_SIG_HS256, "{\"alg\":\"HS256\"}"),
        "algorithm");
    CU_ASSERT_STRING_EQUAL(
        ask_with(&stage, confused, CG_SIG_HS256, "{\"alg\":\"RS256\"}"),
        "signature");
    close_stage(&stage);
}

static void jwt_takes_hs_with_a_configured_secret_alone(void)
{
    stage_t stage = {.pool = open_pool()};
    apr_array_header_t *rows = new_rows(stage.pool);
    add_row(rows, apr_pstrcat(
                      stage.pool,
                      "corp issuer=https://idp.test audience=gateway "
                      "secret=file:",
                      file_of(CG_STR("a secret of the tests, which is as long "
                                     "as the longest of the digests\n"),
                              stage.pool),
                      " algorithms=HS256", NULL));
    stage.issuers = issuers_of(rows, stage.pool);
    const cg_pkey_t *key = key_of(CG_SIG_HS256);
    CU_ASSERT_STRING_EQUAL(
        ask_with(&stage, key, CG_SIG_HS256, "{\"alg\":\"HS256\"}"), "");
    CU_ASSERT_STRING_EQUAL(
        ask_with(&stage, key, CG_SIG_HS512, "{\"alg\":\"HS512\"}"),
        "algorithm");
    CU_ASSERT_STRING_EQUAL(ask_with(&stage, key_of(CG_SIG_RS256), CG_SIG_RS256,
                                    "{\"alg\":\"RS256\"}"),
                           "algorithm");
    close_stage(&stage);
}

static void jwt_flipped_anywhere_is_refused(void)
{
    stage_t stage = open_stage();
    const char *token = token_of(key_of(CG_SIG_RS256), CG_SIG_RS256, HEADER,
                                 "{" GOOD TIMES "}", stage.pool);
    CU_ASSERT_STRING_EQUAL(ask(&stage, token), "");
    for (size_t i = 0; i < strlen(token); i++) {
        char *other = apr_pstrdup(stage.pool, token);
        other[i] = other[i] == 'A' ? 'B' : 'A';
        CU_ASSERT_STRING_NOT_EQUAL(ask(&stage, other), "");
        CU_ASSERT_STRING_NOT_EQUAL(
            ask(&stage, apr_pstrmemdup(stage.pool, token, i)), "");
    }
    close_stage(&stage);
}

static void jwt_of_two_rows_with_one_iss_goes_by_its_algorithm(void)
{
    stage_t stage = open_stage();
    apr_array_header_t *rows = new_rows(stage.pool);
    cg_str_t rsa, ec;
    cg_pkey_public_pem(key_of(CG_SIG_RS256), &rsa, stage.pool);
    cg_pkey_public_pem(key_of(CG_SIG_ES256), &ec, stage.pool);
    add_row(rows, apr_psprintf(stage.pool,
                               "one issuer=https://idp.test audience=gateway "
                               "jwks=file:%s algorithms=RS256",
                               file_of(rsa, stage.pool)));
    add_row(rows, apr_psprintf(stage.pool,
                               "two issuer=https://idp.test audience=other "
                               "jwks=file:%s algorithms=ES256",
                               file_of(ec, stage.pool)));
    stage.issuers = issuers_of(rows, stage.pool);
    CU_ASSERT_STRING_EQUAL(ask_with(&stage, key_of(CG_SIG_RS256), CG_SIG_RS256,
                                    "{\"alg\":\"RS256\"}"),
                           "");
    CU_ASSERT_STRING_EQUAL(ask_with(&stage, key_of(CG_SIG_ES256), CG_SIG_ES256,
                                    "{\"alg\":\"ES256\"}"),
                           "aud");
    close_stage(&stage);
}

/* As they are when an issuer has an URL: shared words, and a set of its own. */
static void jwt_that_no_row_takes_asks_for_newer_keys(void)
{
    stage_t stage = open_stage();
    apr_array_header_t *rows = new_rows(stage.pool);
    cg_issuer_shared_t shared[2] = {{0}, {0}};
    const char *rule, *issuer;
    cg_claims_t claims;
    add_row(rows, "one issuer=https://idp.test audience=gateway "
                  "jwks=https://idp.test/one algorithms=RS256");
    add_row(rows, "two issuer=https://idp.test audience=gateway "
                  "jwks=https://idp.test/two algorithms=RS256");
    cg_jwk_t mine = {CG_STR("mine"), CG_SIG_RS256, key_of(CG_SIG_RS256)};
    cg_jwk_t others = {CG_STR("other"), CG_SIG_RS256, key_of(CG_SIG_RS384)};
    const cg_jwk_set_t first = {.keys = &others, .count = 1};
    const cg_jwk_set_t second = {.keys = &mine, .count = 1};
    stage.issuers = issuers_of(rows, stage.pool);
    stage.issuers->shared = shared;
    stage.issuers->sets[0] = &first;
    stage.issuers->sets[1] = &second;
    static const char named[] = "{\"alg\":\"RS256\",\"kid\":\"mine\"}";
    static const char invented[] = "{\"alg\":\"RS256\",\"kid\":\"x\"}";
    /* The second row takes it, so the first need not be asked. */
    CU_ASSERT_STRING_EQUAL(
        ask_with(&stage, key_of(CG_SIG_RS256), CG_SIG_RS256, named), "");
    CU_ASSERT_EQUAL(shared[0].wanted_at + shared[1].wanted_at, 0);
    const char *token = token_of(key_of(CG_SIG_RS256), CG_SIG_RS256, invented,
                                 "{" GOOD TIMES "}", stage.pool);
    cg_jwt_try(stage.issuers, cg_str(token), NOW, &claims, &rule, &issuer,
               stage.pool);
    CU_ASSERT_STRING_EQUAL(rule, "key-unknown");
    CU_ASSERT_EQUAL(shared[0].wanted_at + shared[1].wanted_at, 0);
    CU_ASSERT_STRING_EQUAL(ask(&stage, token), "key-unknown");
    CU_ASSERT_EQUAL(shared[0].wanted_at, NOW);
    CU_ASSERT_EQUAL(shared[1].wanted_at, NOW);
    /* The key may have been replaced under its name. */
    shared[1].wanted_at = 0;
    CU_ASSERT_STRING_EQUAL(
        ask_with(&stage, key_of(CG_SIG_RS512), CG_SIG_RS256, named),
        "signature");
    CU_ASSERT_EQUAL(shared[1].wanted_at, NOW);
    close_stage(&stage);
}

/* ---- tokens that were verified before ---------------------------------------- */

static void jwt_verified_before_is_known_until_it_expires_or_keys_change(void)
{
    stage_t stage = open_stage();
    cg_claims_t claims;
    const char *rule;
    size_t bytes = cg_cache_bytes(64, cg_issuers_value_bytes());
    void *memory = apr_pcalloc(stage.pool, bytes + 64);
    memory = (void *)(((uintptr_t)memory + 63) & ~(uintptr_t)63);
    stage.issuers->verified =
        cg_cache_attach(memory, 64, cg_issuers_value_bytes(), stage.pool);
    const char *token = token_of(key_of(CG_SIG_RS256), CG_SIG_RS256, HEADER,
                                 "{" GOOD TIMES ",\"team\":\"x\"}", stage.pool);
    CU_ASSERT_STRING_EQUAL(ask(&stage, token), "");
    /* Without its keys it is known still, so the cache has answered. */
    const cg_jwk_set_t *set = stage.issuers->sets[0];
    stage.issuers->sets[0] = NULL;
    CU_ASSERT_EQUAL(cg_jwt_verify(stage.issuers, cg_str(token), NOW, &claims,
                                  &rule, stage.pool),
                    CG_JWT_OK);
    CU_ASSERT_STRING_EQUAL(claims.sub, "alice");
    CU_ASSERT_STRING_EQUAL(claims.issuer, "corp");
    CU_ASSERT_EQUAL(claims.expires_at, apr_time_from_sec(1800000600));
    CU_ASSERT_STRING_EQUAL(cg_claims_text(&claims, "team", stage.pool), "x");
    /* One that was never verified is not. */
    CU_ASSERT_STRING_EQUAL(ask_claims(&stage, "{" GOOD TIMES "}"), "no-keys");
    stage.issuers->mark++;
    CU_ASSERT_STRING_EQUAL(ask(&stage, token), "no-keys");
    stage.issuers->mark--;
    stage.issuers->sets[0] = set;
    apr_time_t end = apr_time_from_sec(1800000660);
    CU_ASSERT_EQUAL(cg_jwt_verify(stage.issuers, cg_str(token), end - 1,
                                  &claims, &rule, stage.pool),
                    CG_JWT_OK);
    CU_ASSERT_EQUAL(cg_jwt_verify(stage.issuers, cg_str(token), end, &claims,
                                  &rule, stage.pool),
                    CG_JWT_STALE);
    CU_ASSERT_STRING_EQUAL(rule, "expired");
    close_stage(&stage);
}

static void jwt_on_trial_is_neither_remembered_nor_known(void)
{
    stage_t stage = open_stage();
    cg_claims_t claims;
    const char *rule;
    const char *issuer;
    const char *token = token_of(key_of(CG_SIG_RS256), CG_SIG_RS256, HEADER,
                                 "{" GOOD "\"exp\":1}", stage.pool);
    CU_ASSERT_EQUAL(cg_jwt_try(stage.issuers, cg_str(token), NOW, &claims,
                               &rule, &issuer, stage.pool),
                    CG_JWT_STALE);
    CU_ASSERT_STRING_EQUAL(rule, "expired");
    CU_ASSERT_STRING_EQUAL(issuer, "corp");
    CU_ASSERT_STRING_EQUAL(cg_jwt_rule_words(rule), "exp has not passed");
    CU_ASSERT_STRING_EQUAL(cg_jwt_rule_words("no such rule"), "");
    close_stage(&stage);
}

static void jwt_is_told_from_an_api_key(void)
{
    CU_ASSERT_TRUE(cg_jwt_is_spelled(CG_STR("eyJh.e30.c2ln")));
    CU_ASSERT_FALSE(cg_jwt_is_spelled(CG_STR("eyJh.e30")));
    CU_ASSERT_FALSE(cg_jwt_is_spelled(CG_STR("eyJh.e30.c.d")));
    CU_ASSERT_FALSE(cg_jwt_is_spelled(CG_STR("vk_a.b.c")));
    CU_ASSERT_FALSE(cg_jwt_is_spelled(CG_STR("")));
}

/* ---- the public corpus ---------------------------------------------------------- */

static cg_issuers_t *corpus_issuers(const cg_json_t *keys, apr_pool_t *pool)
{
    size_t len;
    const char *set = cg_json_dump(cg_json_get(keys, "jwks"), &len, pool);
    char *secret =
        apr_pstrdup(pool, cg_json_get_str(keys, "hs256_secret_b64", ""));
    for (char *at = secret; *at; at++) {
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at == '=' ? '\0' : *at;
    }
    const char *jwk = apr_psprintf(
        pool, "{\"kty\":\"oct\",\"alg\":\"HS256\",\"kid\":\"%s\",\"k\":\"%s\"}",
        cg_json_get_str(keys, "hs256_kid", ""), secret);
    const char *who = apr_psprintf(pool, "issuer=%s audience=%s",
                                   cg_json_get_str(keys, "issuer", ""),
                                   cg_json_get_str(keys, "audience", ""));
    apr_array_header_t *rows = new_rows(pool);
    add_row(rows, apr_psprintf(pool, "public %s jwks=file:%s", who,
                               file_of((cg_str_t){set, len}, pool)));
    add_row(rows, apr_psprintf(pool, "shared %s secret=file:%s", who,
                               file_of(cg_str(jwk), pool)));
    return issuers_of(rows, pool);
}

static int corpus_cases;
static const cg_issuers_t *corpus;

static void try_attack(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_claims_t claims;
    const char *rule;
    cg_str_t expect =
        cg_walk_string(row, cg_walk_member(row, 0, "expect"), pool);
    cg_str_t token = cg_walk_string(row, cg_walk_member(row, 0, "token"), pool);
    cg_str_t id = cg_walk_string(row, cg_walk_member(row, 0, "id"), pool);
    bool is_taken = cg_jwt_verify(corpus, token, cg_clock_now(), &claims, &rule,
                                  pool) == CG_JWT_OK;
    bool must_take = cg_str_has_prefix(expect, "accept");
    bool must_refuse = cg_str_is(expect, "reject");
    corpus_cases++;
    if ((must_take && !is_taken) || (must_refuse && is_taken)) {
        printf("\n    %.*s: %s\n", (int)id.len, id.ptr, rule ? rule : "taken");
    }
    CU_ASSERT_TRUE(is_taken ? !must_refuse : !must_take);
}

static void jwt_attacks_of_the_corpus_all_fail_and_its_valid_tokens_pass(void)
{
    apr_pool_t *pool = open_pool();
    const char *folder = getenv("CG_CORPORA");
    folder = apr_pstrcat(pool, folder ? folder : "", "/security/", NULL);
    cg_error_t err;
    cg_json_t *keys = cg_json_load(
        apr_pstrcat(pool, folder, "jwt-keys.json", NULL), &err, pool);
    FILE *file =
        fopen(apr_pstrcat(pool, folder, "jwt-attacks.jsonl", NULL), "r");
    if (keys && file) {
        corpus = corpus_issuers(keys, pool);
        corpus_cases = 0;
        CU_ASSERT_EQUAL(each_row(file, try_attack),
                        cg_json_get_int(keys, "count", -1));
        CU_ASSERT_TRUE(corpus_cases > 100);
    }
    else {
        printf(" (left out: CG_CORPORA names no corpus) ");
    }
    if (file) {
        fclose(file);
    }
    apr_pool_destroy(pool);
}

CU_TestInfo test_auth_jwt[] = {
    {"jwt is at most 16 KiB", jwt_is_at_most_16_kib},
    {"jwt takes every algorithm with its own key alone",
     jwt_takes_every_algorithm_with_its_own_key_alone},
    {"jwt is not signed with the text of a public key",
     jwt_is_not_signed_with_the_text_of_a_public_key},
    {"jwt takes HS with a configured secret alone",
     jwt_takes_hs_with_a_configured_secret_alone},
    {"jwt flipped anywhere is refused", jwt_flipped_anywhere_is_refused},
    {"jwt of two rows with one iss goes by its algorithm",
     jwt_of_two_rows_with_one_iss_goes_by_its_algorithm},
    {"jwt that no row takes asks for newer keys",
     jwt_that_no_row_takes_asks_for_newer_keys},
    {"jwt verified before is known until it expires or keys change",
     jwt_verified_before_is_known_until_it_expires_or_keys_change},
    {"jwt on trial is neither remembered nor known",
     jwt_on_trial_is_neither_remembered_nor_known},
    {"jwt is told from an API key", jwt_is_told_from_an_api_key},
    {"jwt attacks of the corpus all fail and its valid tokens pass",
     jwt_attacks_of_the_corpus_all_fail_and_its_valid_tokens_pass},
    CU_TEST_INFO_NULL};
