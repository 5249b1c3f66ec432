/* Signed envelopes in the compact form of RFC 7515: frame, header, signature.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is inside is bytes to this file; jwt.c knows claims. The rules stand here
 * in the order in which they are asked, so the last of them to refuse a token is
 * the one that it came furthest with.
 */
#ifndef CG_AUTH_JWS_H
#define CG_AUTH_JWS_H

#include "auth/jwk.h"

// clang-format off
#define CG_JWT_RULES(X)                                                        \
    X(SIZE,       "size",        "a token has at most 16 KiB")                 \
    X(PARTS,      "parts",       "a token is three parts with dots between: header, claims and signature, and of them header and signature are not empty") \
    X(CODING,     "base64url",   "every part is base64url without padding, blanks, other characters or stray bits") \
    X(HEADER,     "header",      "the header is one sound JSON object in which no member stands twice") \
    X(ALG,        "alg",         "alg is the exact name of an algorithm that is known here, and never none") \
    X(MEMBER,     "header-member", "crit, jwk, jku, x5u, x5c, zip, cty, enc and b64 must not stand in the header") \
    X(TYP,        "typ",         "typ, if it is there, is JWT or at+jwt")      \
    X(KID,        "kid",         "kid, if it is there, is a string that is not empty") \
    X(CLAIMS,     "claims",      "the claims are one sound JSON object in which no member stands twice at any level") \
    X(ISS,        "iss",         "iss is, to the letter, that of a ChatGPTIssuer") \
    X(ISSUER_ALG, "algorithm",   "alg is one of the issuer's algorithms")      \
    X(NO_KEYS,    "no-keys",     "there are keys of the issuer that can be used") \
    X(UNNAMED,    "kid-missing", "with more than one key, kid says which it is") \
    X(UNKNOWN,    "key-unknown", "kid names a key that the issuer publishes")  \
    X(KEY_ALG,    "key-alg",     "alg is the one algorithm of the key that kid names, and kid names one key only") \
    X(SIGNATURE,  "signature",   "the signature is right")                     \
    X(AUD,        "aud",         "aud is, or holds, one of the issuer's audiences to the letter, and all of it is strings") \
    X(SUB,        "sub",         "sub is a string of 1 to 255 bytes without control or direction characters") \
    X(EXP,        "exp",         "exp is a number of seconds since 1970, up to the year 9999") \
    X(EXPIRED,    "expired",     "exp has not passed")                         \
    X(NBF,        "nbf",         "nbf, if it is there, is a number of seconds that has passed") \
    X(IAT,        "iat",         "iat, if it is there, is a number of seconds that has passed") \
    X(JTI,        "jti",         "jti, if it is there, is a string")
// clang-format on

typedef enum cg_jwt_rule_t {
    CG_RULE_NONE, /* nothing is wrong */
#define CG_RULE_ENUM(id, name, words) CG_RULE_##id,
    CG_JWT_RULES(CG_RULE_ENUM)
#undef CG_RULE_ENUM
} cg_jwt_rule_t;

/* lives in: the pool given to cg_jws_read; points into the token */
typedef struct cg_jws_t {
    cg_sig_alg_t alg;
    cg_str_t kid;     /* ptr NULL: none */
    cg_str_t payload; /* decoded; any bytes, none as well */
    cg_str_t covered; /* what the signature is over */
    cg_str_t sig;     /* decoded */
} cg_jws_t;

/* Takes a token apart and judges frame and header; nothing is verified yet. */
cg_jwt_rule_t cg_jws_read(cg_str_t token, cg_jws_t *out, apr_pool_t *pool);
/* The payload alone of a token that was judged before. */
bool cg_jws_payload(cg_str_t token, cg_str_t *out, apr_pool_t *pool);
/* Does the key that the header means have made the signature? */
cg_jwt_rule_t cg_jws_verify(const cg_jws_t *jws, const cg_jwk_set_t *set);

#endif
