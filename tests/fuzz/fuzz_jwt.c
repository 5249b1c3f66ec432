/* Fuzz target: tokens, their claims, and the keys of issuers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte of an input says what the rest is:
 *   T  a token, as it comes: nobody here can have signed it
 *   S  a header and claims with a line feed between: they are signed with the right
 *      secret, and what is accepted must be so by jansson's reading as well
 *   K  a set of keys: those that are taken fit their algorithms
 *   P  a path and claims with a line feed between
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "auth/jwt.h"
#include "base/json.h"

#include "replay.h"

#define NOW apr_time_from_sec(1800000000)
#define SECRET "a secret of the fuzz target, of 32 bytes and more"

static const char *const audiences[] = {"gateway"};

static cg_issuers_t *issuers_of(apr_pool_t *pool)
{
    cg_error_t err;
    cg_issuer_t *row = apr_pcalloc(pool, sizeof *row);
    cg_issuer_rows_t *rows = apr_pcalloc(pool, sizeof *rows);
    *row = (cg_issuer_t){.name = "corp",
                         .issuer = "https://idp.test",
                         .audiences = audiences,
                         .audiences_count = 1,
                         .algs = {CG_SIG_HS256, CG_SIG_NONE},
                         .leeway = apr_time_from_sec(60),
                         .is_secret = true};
    row->fixed = cg_jwk_set_of_secret(CG_STR(SECRET), row->algs, &err, pool);
    MUST(row->fixed);
    *rows = (cg_issuer_rows_t){.rows = row, .count = 1};
    return cg_issuers_make(rows, NULL, NULL, pool);
}

/* ---- T -------------------------------------------------------------------- */

static void try_token(cg_str_t token, apr_pool_t *pool)
{
    cg_claims_t claims;
    const char *rule;
    MUST(cg_jwt_verify(issuers_of(pool), token, NOW, &claims, &rule, pool) ==
         CG_JWT_INVALID);
    MUST(rule && *cg_jwt_rule_words(rule));
}

/* ---- S -------------------------------------------------------------------- */

static const char *part_of(cg_str_t bytes, apr_pool_t *pool)
{
    char *part = apr_palloc(pool, (bytes.len * 4 + 2) / 3 + 1);
    cg_b64url_encode((const unsigned char *)bytes.ptr, bytes.len, part);
    return part;
}

static const char *token_of(cg_str_t header, cg_str_t claims, apr_pool_t *pool)
{
    cg_error_t err;
    cg_str_t sig;
    const cg_pkey_t *key = cg_pkey_from_secret(CG_STR(SECRET), &err, pool);
    const char *covered = apr_pstrcat(pool, part_of(header, pool), ".",
                                      part_of(claims, pool), NULL);
    MUST(cg_pkey_sign(key, CG_SIG_HS256, cg_str(covered), &sig, &err, pool) ==
         APR_SUCCESS);
    return apr_pstrcat(pool, covered, ".", part_of(sig, pool), NULL);
}

static bool is_for_us(const cg_json_t *aud)
{
    bool is_found =
        cg_json_is_string(aud) && strcmp(cg_json_text(aud), "gateway") == 0;
    for (size_t i = 0; cg_json_is_array(aud) && i < cg_json_size(aud); i++) {
        const cg_json_t *one = cg_json_at(aud, i);
        MUST(cg_json_is_string(one));
        is_found = is_found || strcmp(cg_json_text(one), "gateway") == 0;
    }
    return is_found;
}

/* NULL: a number is larger than jansson takes, which is no fault. */
static cg_json_t *read_other(cg_str_t text, apr_pool_t *pool)
{
    cg_error_t err = {""};
    cg_json_t *json = cg_json_parse(text.ptr, text.len, &err, pool);
    MUST(json || strstr(err.text, "out of range"));
    return json;
}

/* What was accepted, read by another reader. */
static void check_accepted(cg_str_t header, cg_str_t claims,
                           const cg_claims_t *out, apr_pool_t *pool)
{
    static const char *const never[] = {"crit", "jwk", "jku", "x5u", "x5c",
                                        "zip",  "cty", "enc", "b64"};
    const cg_json_t *head = read_other(header, pool);
    const cg_json_t *body = read_other(claims, pool);
    if (!head || !body) {
        return;
    }
    MUST(cg_json_is_object(head) && cg_json_is_object(body));
    MUST(strcmp(cg_json_get_str(head, "alg", ""), "HS256") == 0);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        MUST(!cg_json_get(head, never[i]));
    }
    MUST(strcmp(cg_json_get_str(body, "iss", ""), "https://idp.test") == 0);
    MUST(is_for_us(cg_json_get(body, "aud")));
    MUST(strcmp(cg_json_get_str(body, "sub", ""), out->sub) == 0 && *out->sub);
    double exp =
        cg_json_get_real(body, "exp", (double)cg_json_get_int(body, "exp", -1));
    MUST(exp > 1799999939 && exp < 253402300800.0);
    MUST(
        cg_json_get_real(body, "nbf", (double)cg_json_get_int(body, "nbf", 0)) <
        1800000061);
}

static void try_signed(cg_str_t header, cg_str_t claims, apr_pool_t *pool)
{
    cg_claims_t out;
    const char *rule;
    cg_str_t token = cg_str(token_of(header, claims, pool));
    if (cg_jwt_verify(issuers_of(pool), token, NOW, &out, &rule, pool) ==
        CG_JWT_OK) {
        MUST(!rule);
        check_accepted(header, claims, &out, pool);
        return;
    }
    MUST(rule && strcmp(rule, "signature") != 0);
}

/* ---- K and P ---------------------------------------------------------------- */

static void try_keys(cg_str_t text, apr_pool_t *pool)
{
    static const cg_sig_alg_t publics[] = {CG_SIG_RS256, CG_SIG_PS256,
                                           CG_SIG_ES256, CG_SIG_ES384,
                                           CG_SIG_EDDSA, CG_SIG_NONE};
    static const cg_sig_alg_t secrets[] = {CG_SIG_HS256, CG_SIG_HS512,
                                           CG_SIG_NONE};
    for (int i = 0; i < 2; i++) {
        cg_error_t err = {""};
        const cg_jwk_set_t *set =
            cg_jwk_set_read(text, i ? CG_JWK_SECRET : CG_JWK_PUBLIC,
                            i ? secrets : publics, &err, pool);
        MUST(set || err.text[0]);
        for (size_t j = 0; set && j < set->count; j++) {
            const cg_jwk_t *key = &set->keys[j];
            MUST(cg_pkey_fits(key->key, key->alg));
            MUST(cg_sig_alg_is_hmac(key->alg) == (i == 1));
            MUST(!cg_pkey_verify(key->key, key->alg, text, text));
        }
    }
}

static void try_path(cg_str_t path, cg_str_t json, apr_pool_t *pool)
{
    cg_claims_t claims;
    const char *name = cg_str_dup(path, pool);
    if (!cg_claims_parse(json, &claims, pool)) {
        return;
    }
    const char *text = cg_claims_text(&claims, name, pool);
    const apr_array_header_t *list = cg_claims_list(&claims, name, pool);
    MUST(list->nelts <= CG_CLAIMS_LIST_MAX);
    for (int i = 0; i < list->nelts; i++) {
        const char *one = APR_ARRAY_IDX(list, i, const char *);
        MUST(*one && cg_claims_has(&claims, name, one, pool));
    }
    MUST(!text || !*text || list->nelts > 0 || strspn(text, " ") > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    apr_initialize();
    if (size == 0) {
        return 0;
    }
    apr_pool_create(&pool, NULL);
    cg_str_t rest = {(const char *)data + 1, size - 1};
    const char *line = rest.len ? memchr(rest.ptr, '\n', rest.len) : NULL;
    size_t first = line ? (size_t)(line - rest.ptr) : rest.len;
    cg_str_t a = {rest.ptr, first};
    cg_str_t b = {rest.ptr + first + (line != NULL),
                  rest.len - first - (line != NULL)};
    switch (data[0]) {
    case 'S':
        try_signed(a, b, pool);
        break;
    case 'K':
        try_keys(rest, pool);
        break;
    case 'P':
        try_path(a, b, pool);
        break;
    default:
        try_token(rest, pool);
        break;
    }
    apr_pool_destroy(pool);
    return 0;
}
