/* Tokens: is this a JWT of an issuer we trust, for us, and still good?
 * SPDX-License-Identifier: Apache-2.0
 *
 * By RFC 7515, 7519 and 8725, and nothing that they leave to taste is left open:
 *
 *   size     at most 16 KiB
 *   frame    three parts, base64url without padding or stray bits
 *   header   one JSON object, no member twice; alg one that the issuer may use;
 *            typ JWT, at+jwt or none; crit, jwk, jku, x5u, x5c, zip, cty, enc and
 *            b64 never
 *   key      the one that kid names, or the only one; its algorithm is its own,
 *            and what the header says must be that
 *   claims   one JSON object, no member twice at any level; iss and aud to the
 *            letter; sub a name; exp a number that has not passed, nbf and iat
 *            numbers that have
 *
 * The caller is told only that a token is not accepted. Which rule refused it is
 * for an operator who tries one in the console.
 */
#ifndef CG_AUTH_JWT_H
#define CG_AUTH_JWT_H

#include "auth/claims.h"
#include "auth/issuers.h"

#define CG_JWT_BYTES_MAX 16384

typedef enum cg_jwt_verdict_t {
    CG_JWT_OK,
    CG_JWT_INVALID,
    CG_JWT_STALE, /* signed by an issuer, but not for us, or not now */
    CG_JWT_NO_KEYS /* its issuer has no keys that can be used: it cannot be told */
} cg_jwt_verdict_t;

/* Is this bearer to be judged as a token, not as an API key? */
bool cg_jwt_is_spelled(cg_str_t bearer);

/* now is the wall clock. out is filled for OK only, and lives in pool. rule (may
 * be NULL) is then NULL; else the rule that refused, which has words below. */
cg_jwt_verdict_t cg_jwt_verify(const cg_issuers_t *issuers, cg_str_t token,
                               apr_time_t now, cg_claims_t *out,
                               const char **rule, apr_pool_t *pool);
/* The same without looking at the tokens that were verified before, and without
 * noting an unknown key or keeping anything: for who tries a token. out_issuer is
 * the name of the issuer it claims, or "". */
cg_jwt_verdict_t cg_jwt_try(const cg_issuers_t *issuers, cg_str_t token,
                            apr_time_t now, cg_claims_t *out, const char **rule,
                            const char **out_issuer, apr_pool_t *pool);
/* What a rule asks for, in words for an operator. */
const char *cg_jwt_rule_words(const char *rule);

#endif
