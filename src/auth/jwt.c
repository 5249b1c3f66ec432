/* Tokens: is this a JWT of an issuer we trust, for us, and still good?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The issuer is read from claims that nobody has vouched for yet: it only chooses
 * which keys must have made the signature. A key that is not there is noted for
 * the keeper, never fetched here.
 *
 * A token that was verified is remembered by its digest, until it expires or the
 * keys or the configuration change: then its entry has another mark.
 */
#include "auth/jwt_int.h"

#include <string.h>

#include <apr_strings.h>

#include "base/digest.h"

/* A value of the cache of verified tokens. */
typedef struct verified_t {
    unsigned char digest[CG_SHA256_BYTES];
    uint64_t mark; /* of the issuers it was verified with */
    apr_time_t expires_at;
    int64_t row;
} verified_t;

/* One token under way. lives in: the stack of judge */
typedef struct asked_t {
    const cg_issuers_t *issuers;
    cg_str_t token;
    apr_time_t now;
    bool is_trial; /* nothing is remembered */
    cg_jws_t jws;
    apr_pool_t *pool;
} asked_t;

size_t cg_issuers_value_bytes(void)
{
    return sizeof(verified_t);
}

bool cg_jwt_is_spelled(cg_str_t bearer)
{
    size_t dots = 0;
    for (size_t i = 0; i < bearer.len; i++) {
        dots += bearer.ptr[i] == '.';
    }
    return dots == 2 && cg_str_has_prefix(bearer, "eyJ");
}

/* ---- rules ------------------------------------------------------------------ */

static const struct {
    const char *name;
    const char *words;
} rules[] = {{NULL, ""},
#define CG_RULE_ROW(id, name, words) {name, words},
             CG_JWT_RULES(CG_RULE_ROW)
#undef CG_RULE_ROW
};

const char *cg_jwt_rule_words(const char *rule)
{
    for (size_t i = 1; rule && i < sizeof rules / sizeof *rules; i++) {
        if (strcmp(rule, rules[i].name) == 0) {
            return rules[i].words;
        }
    }
    return "";
}

/* ---- issuers ------------------------------------------------------------------ */

static bool may_use(const cg_issuer_t *row, cg_sig_alg_t alg)
{
    const cg_sig_alg_t *at = row->algs;
    while (*at != CG_SIG_NONE && *at != alg) {
        at++;
    }
    return *at != CG_SIG_NONE;
}

/* A key that was replaced under its old name, or has none, shows as a wrong
 * signature. */
static bool is_for_newer_keys(cg_jwt_rule_t rule)
{
    return rule == CG_RULE_UNKNOWN || rule == CG_RULE_SIGNATURE;
}

/* For a token that no row has taken: what one of them takes is no reason to ask
 * the issuer of another. */
static void want_newer_keys(const asked_t *asked, const bool *is_wanted)
{
    const cg_issuers_t *issuers = asked->issuers;
    for (size_t i = 0; i < issuers->of->count; i++) {
        if (is_wanted[i] && issuers->of->rows[i].is_fetched &&
            issuers->shared && !asked->is_trial) {
            cg_atomic_set(&issuers->shared[i].wanted_at, asked->now);
        }
    }
}

static cg_jwt_rule_t ask_issuer(const asked_t *asked, const cg_issuer_t *row,
                                cg_claims_t *claims)
{
    const cg_jwk_set_t *set = asked->issuers->sets[row->index];
    if (!may_use(row, asked->jws.alg)) {
        return CG_RULE_ISSUER_ALG;
    }
    if (!set) {
        return CG_RULE_NO_KEYS;
    }
    cg_jwt_rule_t rule = cg_jws_verify(&asked->jws, set);
    return rule ? rule : cg_jwt_check(claims, row, asked->now, asked->pool);
}

/* More than one row may have the same iss, with other keys or audiences. The rule
 * told is that of the row with which the token came furthest. */
static cg_jwt_rule_t ask_issuers(const asked_t *asked, cg_claims_t *claims,
                                 const cg_issuer_t **out_row)
{
    const cg_issuer_rows_t *of = asked->issuers->of;
    const char *iss = cg_jwt_string(claims, "iss", asked->pool);
    cg_jwt_rule_t furthest = CG_RULE_ISS;
    bool is_wanted[CG_ISSUERS_MAX] = {false};
    for (size_t i = 0; iss && i < of->count; i++) {
        const cg_issuer_t *row = &of->rows[i];
        if (strcmp(iss, row->issuer) != 0) {
            continue;
        }
        cg_jwt_rule_t rule = ask_issuer(asked, row, claims);
        is_wanted[i] = is_for_newer_keys(rule);
        if (rule == CG_RULE_NONE || rule > furthest) {
            furthest = rule;
            *out_row = row;
        }
        if (rule == CG_RULE_NONE) {
            return rule;
        }
    }
    want_newer_keys(asked, is_wanted);
    return furthest;
}

static cg_jwt_rule_t judge(asked_t *asked, cg_claims_t *out,
                           const cg_issuer_t **out_row)
{
    if (asked->token.len > CG_JWT_BYTES_MAX) {
        return CG_RULE_SIZE;
    }
    cg_jwt_rule_t rule = cg_jws_read(asked->token, &asked->jws, asked->pool);
    if (rule) {
        return rule;
    }
    if (!cg_claims_parse(asked->jws.payload, out, asked->pool)) {
        return CG_RULE_CLAIMS;
    }
    return ask_issuers(asked, out, out_row);
}

/* ---- tokens that were verified before ------------------------------------------- */

static bool recall(const asked_t *asked, const verified_t *kept,
                   cg_claims_t *out)
{
    const cg_issuer_t *row = &asked->issuers->of->rows[kept->row];
    cg_str_t payload;
    if (asked->now >= kept->expires_at + row->leeway ||
        !cg_jws_payload(asked->token, &payload, asked->pool) ||
        !cg_claims_parse(payload, out, asked->pool)) {
        return false;
    }
    out->issuer = row->name;
    out->iss = row->issuer;
    out->sub = cg_jwt_string(out, "sub", asked->pool);
    out->expires_at = kept->expires_at;
    return out->sub != NULL;
}

static bool look_up(const asked_t *asked, const unsigned char digest[32],
                    cg_claims_t *out)
{
    verified_t kept;
    cg_cache_t *cache = asked->issuers->verified;
    return cg_cache_get(cache, digest, CG_SHA256_BYTES, &kept, NULL) &&
           kept.mark == asked->issuers->mark &&
           memcmp(kept.digest, digest, sizeof kept.digest) == 0 &&
           kept.row >= 0 && (size_t)kept.row < asked->issuers->of->count &&
           recall(asked, &kept, out);
}

static void remember(const asked_t *asked, const unsigned char digest[32],
                     const cg_claims_t *claims, const cg_issuer_t *row)
{
    verified_t kept = {.mark = asked->issuers->mark,
                       .expires_at = claims->expires_at,
                       .row = row->index};
    memcpy(kept.digest, digest, sizeof kept.digest);
    cg_cache_put(asked->issuers->verified, digest, CG_SHA256_BYTES, &kept,
                 asked->now);
}

/* ---- the two questions ------------------------------------------------------------ */

static cg_jwt_verdict_t verdict_of(cg_jwt_rule_t rule, const char **out)
{
    if (out) {
        *out = rules[rule].name;
    }
    return rule == CG_RULE_NONE       ? CG_JWT_OK
           : rule == CG_RULE_NO_KEYS  ? CG_JWT_NO_KEYS
           : rule > CG_RULE_SIGNATURE ? CG_JWT_STALE
                                      : CG_JWT_INVALID;
}

cg_jwt_verdict_t cg_jwt_verify(const cg_issuers_t *issuers, cg_str_t token,
                               apr_time_t now, cg_claims_t *out,
                               const char **rule, apr_pool_t *pool)
{
    unsigned char digest[CG_SHA256_BYTES];
    const cg_issuer_t *row = NULL;
    asked_t asked = {
        .issuers = issuers, .token = token, .now = now, .pool = pool};
    bool is_kept = issuers->verified && token.len <= CG_JWT_BYTES_MAX;
    if (is_kept) {
        cg_sha256(token.ptr, token.len, digest);
        if (look_up(&asked, digest, out)) {
            return verdict_of(CG_RULE_NONE, rule);
        }
    }
    cg_jwt_rule_t broken = judge(&asked, out, &row);
    if (broken == CG_RULE_NONE && is_kept) {
        remember(&asked, digest, out, row);
    }
    return verdict_of(broken, rule);
}

cg_jwt_verdict_t cg_jwt_try(const cg_issuers_t *issuers, cg_str_t token,
                            apr_time_t now, cg_claims_t *out, const char **rule,
                            const char **out_issuer, apr_pool_t *pool)
{
    const cg_issuer_t *row = NULL;
    asked_t asked = {.issuers = issuers,
                     .token = token,
                     .now = now,
                     .is_trial = true,
                     .pool = pool};
    cg_jwt_rule_t broken = judge(&asked, out, &row);
    *out_issuer = row ? row->name : "";
    return verdict_of(broken, rule);
}
