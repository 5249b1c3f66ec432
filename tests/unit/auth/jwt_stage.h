/* One issuer with an RSA key, and tokens that are put to it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_TESTS_JWT_STAGE_H
#define CG_TESTS_JWT_STAGE_H

#include "jwt_fixture.h"

#define HEADER "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"
#define GOOD                                                                   \
    "\"iss\":\"https://idp.test\",\"aud\":\"gateway\",\"sub\":\"alice\","
#define TIMES "\"exp\":1800000600,\"nbf\":1799999000,\"iat\":1799999000"

/* lives in: the pool of a test */
typedef struct stage_t {
    apr_pool_t *pool;
    cg_issuers_t *issuers;
} stage_t;

static inline stage_t open_stage_with(const char *more)
{
    stage_t stage = {.pool = open_pool()};
    cg_str_t pem;
    cg_pkey_public_pem(key_of(CG_SIG_RS256), &pem, stage.pool);
    apr_array_header_t *rows = new_rows(stage.pool);
    add_row(rows, apr_pstrcat(stage.pool,
                              "corp issuer=https://idp.test audience=gateway "
                              "audience=console jwks=file:",
                              file_of(pem, stage.pool), " ", more, NULL));
    stage.issuers = issuers_of(rows, stage.pool);
    return stage;
}

static inline stage_t open_stage(void)
{
    return open_stage_with("");
}

static inline void close_stage(stage_t *stage)
{
    apr_pool_destroy(stage->pool);
}

/* The name of the rule that a token breaks; "" if it is accepted. */
static inline const char *ask(const stage_t *stage, const char *token)
{
    cg_claims_t claims;
    const char *rule;
    cg_jwt_verdict_t verdict = cg_jwt_verify(stage->issuers, cg_str(token), NOW,
                                             &claims, &rule, stage->pool);
    CU_ASSERT_EQUAL(verdict == CG_JWT_OK, rule == NULL);
    if (verdict == CG_JWT_OK) {
        CU_ASSERT_PTR_NOT_NULL(claims.sub);
    }
    return rule ? rule : "";
}

static inline const char *ask_claims(const stage_t *stage, const char *claims)
{
    return ask(stage, token_of(key_of(CG_SIG_RS256), CG_SIG_RS256, HEADER,
                               claims, stage->pool));
}

#endif
