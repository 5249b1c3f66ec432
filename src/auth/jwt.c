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
#include "auth/jwt.h"

#include <string.h>

#include <apr_strings.h>

#include "auth/jws.h"
#include "base/digest.h"

#define SUB_BYTES_MAX 255
#define SECONDS_MAX 253402300799.0 /* the last of the year 9999 */

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

/* ---- numbers of seconds ------------------------------------------------------ */

/* A sound JSON number; strtod would look at the locale. */
static double to_double(cg_str_t raw)
{
    const char *p = raw.ptr;
    const char *end = p + raw.len;
    bool is_negative = p < end && *p == '-';
    bool is_small = false; /* of the exponent */
    int exponent = 0;
    int shift = 0;
    double value = 0;
    p += is_negative;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (*p - '0');
    }
    if (p < end && *p == '.') {
        for (p++; p < end && *p >= '0' && *p <= '9'; p++, shift--) {
            value = value * 10 + (*p - '0');
        }
    }
    if (p < end) { /* e or E */
        p++;
        is_small = *p == '-';
        p += *p == '-' || *p == '+';
        for (; p < end && exponent < 10000; p++) {
            exponent = exponent * 10 + (*p - '0');
        }
    }
    shift += is_small ? -exponent : exponent;
    for (; shift > 0 && value < 1e300 && value > 0; shift--) {
        value *= 10;
    }
    for (; shift < 0 && value > 0; shift++) {
        value /= 10;
    }
    return is_negative ? -value : value;
}

/* NumericDate, RFC 7519 section 2. False: it is there and is none. */
static bool read_seconds(const cg_walk_t *walk, const char *name,
                         bool *out_is_there, apr_time_t *out)
{
    uint32_t at = cg_walk_member(walk, 0, name);
    *out_is_there = at != CG_NODE_NONE;
    if (!*out_is_there) {
        return true;
    }
    if (walk->nodes[at].kind != CG_NODE_NUMBER) {
        return false;
    }
    double seconds = to_double(cg_walk_raw(walk, at));
    if (!(seconds >= 0 && seconds <= SECONDS_MAX)) {
        return false;
    }
    *out = (apr_time_t)(seconds * APR_USEC_PER_SEC);
    return true;
}

/* ---- claims ------------------------------------------------------------------ */

static const char *string_claim(const cg_claims_t *claims, const char *name,
                                apr_pool_t *pool)
{
    uint32_t at = cg_walk_member(&claims->walk, 0, name);
    return at != CG_NODE_NONE && claims->walk.nodes[at].kind == CG_NODE_STRING
               ? cg_str_dup(cg_walk_string(&claims->walk, at, pool), pool)
               : NULL;
}

static bool is_audience(const cg_issuer_t *row, cg_str_t text)
{
    for (size_t i = 0; i < row->audiences_count; i++) {
        if (cg_str_is(text, row->audiences[i])) {
            return true;
        }
    }
    return false;
}

static bool is_for_us(const cg_walk_t *walk, const cg_issuer_t *row,
                      apr_pool_t *pool)
{
    uint32_t aud = cg_walk_member(walk, 0, "aud");
    if (aud == CG_NODE_NONE) {
        return false;
    }
    const cg_node_t *node = &walk->nodes[aud];
    if (node->kind == CG_NODE_STRING) {
        return is_audience(row, cg_walk_string(walk, aud, pool));
    }
    bool is_found = false;
    size_t strings = 0;
    if (node->kind != CG_NODE_ARRAY) {
        return false;
    }
    for (uint32_t at = node->child; at != CG_NODE_NONE;
         at = walk->nodes[at].next) {
        strings += walk->nodes[at].kind == CG_NODE_STRING;
        is_found = is_found || is_audience(row, cg_walk_string(walk, at, pool));
    }
    return is_found && strings == cg_walk_length(walk, aud);
}

/* Control characters would break lines of a log; what turns the direction of
 * writing makes one name look like another. */
static bool is_odd(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp <= 0x9F) || cp == 0x2028 ||
           cp == 0x2029 || (cp >= 0x202A && cp <= 0x202E) ||
           (cp >= 0x2066 && cp <= 0x2069);
}

static bool is_name(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    const char *end = text ? text + len : NULL;
    while (text && text < end) {
        uint32_t cp;
        int width = cg_utf8_decode(text, end, &cp);
        if (width == 0 || is_odd(cp)) {
            return false;
        }
        text += width;
    }
    return len > 0 && len <= SUB_BYTES_MAX;
}

static cg_jwt_rule_t check_past(const cg_claims_t *claims, const char *name,
                                apr_time_t latest, cg_jwt_rule_t rule)
{
    bool is_there;
    apr_time_t at = 0;
    bool is_right = read_seconds(&claims->walk, name, &is_there, &at) &&
                    (!is_there || at <= latest);
    return is_right ? CG_RULE_NONE : rule;
}

static cg_jwt_rule_t check_times(const asked_t *asked, const cg_issuer_t *row,
                                 cg_claims_t *claims)
{
    bool is_there;
    apr_time_t latest = asked->now + row->leeway;
    if (!read_seconds(&claims->walk, "exp", &is_there, &claims->expires_at) ||
        !is_there) {
        return CG_RULE_EXP;
    }
    if (asked->now >= claims->expires_at + row->leeway) {
        return CG_RULE_EXPIRED;
    }
    cg_jwt_rule_t rule = check_past(claims, "nbf", latest, CG_RULE_NBF);
    return rule ? rule : check_past(claims, "iat", latest, CG_RULE_IAT);
}

static cg_jwt_rule_t check_claims(const asked_t *asked, const cg_issuer_t *row,
                                  cg_claims_t *claims)
{
    claims->issuer = row->name;
    claims->iss = row->issuer;
    if (!is_for_us(&claims->walk, row, asked->pool)) {
        return CG_RULE_AUD;
    }
    claims->sub = string_claim(claims, "sub", asked->pool);
    if (!is_name(claims->sub)) {
        return CG_RULE_SUB;
    }
    cg_jwt_rule_t rule = check_times(asked, row, claims);
    if (rule) {
        return rule;
    }
    bool has_jti = cg_walk_member(&claims->walk, 0, "jti") != CG_NODE_NONE;
    return has_jti && !string_claim(claims, "jti", asked->pool) ? CG_RULE_JTI
                                                                : CG_RULE_NONE;
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

static void want_newer_keys(const asked_t *asked, const cg_issuer_t *row)
{
    if (row->is_fetched && asked->issuers->shared && !asked->is_trial) {
        cg_atomic_set(&asked->issuers->shared[row->index].wanted_at,
                      asked->now);
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
    if (rule == CG_RULE_UNKNOWN) {
        want_newer_keys(asked, row);
    }
    return rule ? rule : check_claims(asked, row, claims);
}

/* More than one row may have the same iss, with other keys or audiences. The rule
 * told is that of the row with which the token came furthest. */
static cg_jwt_rule_t ask_issuers(const asked_t *asked, cg_claims_t *claims,
                                 const cg_issuer_t **out_row)
{
    const cg_issuer_rows_t *of = asked->issuers->of;
    const char *iss = string_claim(claims, "iss", asked->pool);
    cg_jwt_rule_t furthest = CG_RULE_ISS;
    for (size_t i = 0; iss && i < of->count; i++) {
        const cg_issuer_t *row = &of->rows[i];
        if (strcmp(iss, row->issuer) != 0) {
            continue;
        }
        cg_jwt_rule_t rule = ask_issuer(asked, row, claims);
        if (rule == CG_RULE_NONE || rule > furthest) {
            furthest = rule;
            *out_row = row;
        }
        if (rule == CG_RULE_NONE) {
            return rule;
        }
    }
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
    out->sub = string_claim(out, "sub", asked->pool);
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
