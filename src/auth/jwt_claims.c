/* The claims of a signed token: is it for us, of somebody, and for now?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/jwt_int.h"

#include <string.h>

#define SUB_BYTES_MAX 255
#define SECONDS_MAX 253402300799.0 /* the last of the year 9999 */

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

const char *cg_jwt_string(const cg_claims_t *claims, const char *name,
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
    return cp < 0x20 || (cp >= 0x7F && cp <= 0x9F) || cp == 0x061C ||
           cp == 0x200E || cp == 0x200F || (cp >= 0x2028 && cp <= 0x202E) ||
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

static cg_jwt_rule_t check_times(cg_claims_t *claims, const cg_issuer_t *row,
                                 apr_time_t now)
{
    bool is_there;
    apr_time_t latest = now + row->leeway;
    if (!read_seconds(&claims->walk, "exp", &is_there, &claims->expires_at) ||
        !is_there) {
        return CG_RULE_EXP;
    }
    if (now >= claims->expires_at + row->leeway) {
        return CG_RULE_EXPIRED;
    }
    cg_jwt_rule_t rule = check_past(claims, "nbf", latest, CG_RULE_NBF);
    return rule ? rule : check_past(claims, "iat", latest, CG_RULE_IAT);
}

cg_jwt_rule_t cg_jwt_check(cg_claims_t *claims, const cg_issuer_t *row,
                           apr_time_t now, apr_pool_t *pool)
{
    claims->issuer = row->name;
    claims->iss = row->issuer;
    if (!is_for_us(&claims->walk, row, pool)) {
        return CG_RULE_AUD;
    }
    claims->sub = cg_jwt_string(claims, "sub", pool);
    if (!is_name(claims->sub)) {
        return CG_RULE_SUB;
    }
    cg_jwt_rule_t rule = check_times(claims, row, now);
    if (rule) {
        return rule;
    }
    bool has_jti = cg_walk_member(&claims->walk, 0, "jti") != CG_NODE_NONE;
    return has_jti && !cg_jwt_string(claims, "jti", pool) ? CG_RULE_JTI
                                                          : CG_RULE_NONE;
}
