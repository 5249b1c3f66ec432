/* Signed requests: the examples of RFC 9421, and the profile that holds here.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Our own cases are a sound request with one thing changed and signed anew, so that
 * each is refused for that thing and for no other. The public corpus is run besides
 * when CG_CORPORA names its folder.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "auth/signature.h"
#include "auth/signfield.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/pkey.h"

#define NOW INT64_C(1700000030)
#define BODY "{\"model\":\"m\",\"messages\":[]}"
#define ALL "\"@method\" \"@target-uri\" \"content-digest\" \"authorization\""
#define SAID ";created=1700000000;keyid=\"k1\";nonce=\"n1\""

/* ---- helpers ----------------------------------------------------------------- */

static cg_pkey_t *secret_key(apr_pool_t *pool)
{
    char bytes[64];
    cg_error_t err;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)i;
    }
    return cg_pkey_from_secret((cg_str_t){bytes, sizeof bytes}, &err, pool);
}

static const char *digest_of(const char *body, bool is_sha512, apr_pool_t *pool)
{
    unsigned char bytes[CG_SHA512_BYTES];
    cg_buf_t out;
    cg_digester_t *digester = cg_digester_open(is_sha512, pool);
    cg_digester_feed(digester, body, strlen(body));
    size_t len = cg_digester_close(digester, bytes);
    cg_buf_init(&out, 128, pool);
    cg_buf_str(&out, is_sha512 ? "sha-512=:" : "sha-256=:");
    cg_sfv_write_base64(&out, (cg_str_t){(const char *)bytes, len});
    cg_buf_char(&out, ':');
    return cg_buf_cstr(&out);
}

static cg_message_t message_of(apr_table_t *headers, const char *method,
                               const char *target)
{
    return (cg_message_t){.method = cg_str(method),
                          .scheme = CG_STR("https"),
                          .authority = cg_str(apr_table_get(headers, "Host")),
                          .target = cg_str(target),
                          .headers = headers};
}

/* All that can be asked of a message without the store: NULL, or the fault. */
static const char *judge(const cg_message_t *message, cg_str_t body,
                         const cg_pkey_t *key, cg_sig_alg_t alg,
                         const char *alg_name, cg_signature_t *signature,
                         int64_t now, apr_pool_t *pool)
{
    cg_buf_t base;
    cg_signed_body_t *digest = NULL;
    cg_buf_init(&base, 512, pool);
    const char *fault = cg_signature_read(message, signature, pool);
    if (!fault) {
        fault = cg_signature_judge(message, signature, true,
                                   apr_time_from_sec(now));
    }
    if (!fault) {
        fault = cg_signed_body_open(message, &digest, pool);
    }
    if (!fault) {
        fault = cg_signature_base(message, signature, &base);
    }
    if (fault) {
        return fault;
    }
    if (signature->alg.len && !cg_str_is(signature->alg, alg_name)) {
        return "alg";
    }
    if (!cg_pkey_verify(key, alg, (cg_str_t){base.ptr, base.len},
                        signature->bytes)) {
        return "signature";
    }
    cg_signed_body_feed(digest, body.ptr, body.len / 2);
    cg_signed_body_feed(digest, body.ptr + body.len / 2,
                        body.len - body.len / 2);
    return cg_signed_body_matches(digest) ? NULL : "body";
}

/* Signs what the message says of itself in Signature-Input; a message that cannot
 * be signed gets some bytes. */
static void sign(cg_message_t *message, apr_table_t *headers, apr_pool_t *pool)
{
    cg_signature_t signature;
    cg_buf_t base, out;
    cg_error_t err;
    cg_str_t bytes = CG_STR("0123456789abcdef0123456789abcdef");
    cg_buf_init(&base, 512, pool);
    apr_table_setn(headers, "Signature", "sig1=:AAAA:");
    if (!cg_signature_read(message, &signature, pool) &&
        !cg_signature_base(message, &signature, &base)) {
        CU_ASSERT_EQUAL(cg_pkey_sign(secret_key(pool), CG_SIG_HS256,
                                     (cg_str_t){base.ptr, base.len}, &bytes,
                                     &err, pool),
                        APR_SUCCESS);
    }
    cg_buf_init(&out, 128, pool);
    cg_buf_str(&out, "sig1=:");
    cg_sfv_write_base64(&out, bytes);
    cg_buf_str(&out, ":");
    apr_table_setn(headers, "Signature", cg_buf_cstr(&out));
}

/* ---- our own cases -------------------------------------------------------------- */

typedef struct own_t {
    const char *name;
    const char *input;  /* of Signature-Input, without the label */
    const char *fault;  /* words that the answer has; NULL: accepted */
    const char *target; /* NULL: "/v1/chat/completions" */
    const char
        *header; /* one more, or in the place of another: "Name: value" */
} own_t;

static const own_t own[] = {
    {"all that is asked for", "(" ALL ")" SAID, NULL, NULL, NULL},
    {"its parts instead of the whole target",
     "(\"@method\" \"@authority\" \"@path\" \"content-digest\" "
     "\"authorization\")" SAID,
     NULL, NULL, NULL},
    {"its parts with the query",
     "(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\" "
     "\"authorization\")" SAID,
     NULL, "/v1/x?a=b", NULL},
    {"its parts without the query that is there",
     "(\"@method\" \"@authority\" \"@path\" \"content-digest\" "
     "\"authorization\")" SAID,
     "covers neither", "/v1/x?a=b", NULL},
    {"its parts without the empty query that is there",
     "(\"@method\" \"@authority\" \"@path\" \"content-digest\" "
     "\"authorization\")" SAID,
     "covers neither", "/v1/x?", NULL},
    {"path without authority",
     "(\"@method\" \"@path\" \"content-digest\" \"authorization\")" SAID,
     "covers neither", NULL, NULL},
    {"blanks where they may be",
     "( " ALL " );  created=1700000000;"
     "keyid=\"k1\"; nonce=\"n1\"",
     NULL, NULL, NULL},
    {"a tag", "(" ALL ")" SAID ";tag=\"app\"", NULL, NULL, NULL},
    {"an end that is to come", "(" ALL ")" SAID ";expires=1700000031", NULL,
     NULL, NULL},
    {"other fields and components",
     "(" ALL " \"@scheme\" \"@authority\" \"@path\" \"@query\" "
     "\"@request-target\" \"host\" \"content-type\")" SAID,
     NULL, NULL, NULL},
    {"one parameter of the query",
     "(" ALL " \"@query-param\";name=\"a%20b\")" SAID, NULL,
     "/v1/x?c=1&a+b=x%20y", NULL},
    {"a parameter of the query that stands twice",
     "(" ALL " \"@query-param\";name=\"a\")" SAID, "not in the message",
     "/v1/x?a=1&a=2", NULL},
    {"a parameter of the query that is not there",
     "(" ALL " \"@query-param\";name=\"a\")" SAID, "not in the message",
     "/v1/x?b=1", NULL},
    {"a parameter of the query without its name",
     "(" ALL " \"@query-param\")" SAID, "not supported", "/v1/x?a=1", NULL},
    {"a parameter of the query with a flag",
     "(" ALL " \"@query-param\";name=\"a\";req)" SAID, "not supported",
     "/v1/x?a=1", NULL},
    {"two parameters of the query",
     "(" ALL " \"@query-param\";name=\"a\" \"@query-param\";name=\"b\")" SAID,
     NULL, "/v1/x?a=1&b=2", NULL},
    {"nothing", "()" SAID, "does not cover @method", NULL, NULL},
    {"no method", "(\"@target-uri\" \"content-digest\" \"authorization\")" SAID,
     "does not cover @method", NULL, NULL},
    {"no digest", "(\"@method\" \"@target-uri\" \"authorization\")" SAID,
     "does not cover content-digest", NULL, NULL},
    {"no credential", "(\"@method\" \"@target-uri\" \"content-digest\")" SAID,
     "does not cover authorization", NULL, NULL},
    {"the whole target as a flag of itself",
     "(\"@method\" \"@target-uri\";req \"content-digest\" "
     "\"authorization\")" SAID,
     "covers neither", NULL, NULL},
    {"sf", "(" ALL " \"content-type\";sf)" SAID, "not supported", NULL, NULL},
    {"bs", "(" ALL " \"content-type\";bs)" SAID, "not supported", NULL, NULL},
    {"tr", "(" ALL " \"content-type\";tr)" SAID, "not supported", NULL, NULL},
    {"req", "(" ALL " \"content-type\";req)" SAID, "not supported", NULL, NULL},
    {"key", "(" ALL " \"content-digest\";key=\"sha-256\")" SAID,
     "not supported", NULL, NULL},
    {"method with a flag", "(" ALL " \"@path\";req)" SAID, "not supported",
     NULL, NULL},
    {"a status", "(" ALL " \"@status\")" SAID, "not supported", NULL, NULL},
    {"its own parameters", "(" ALL " \"@signature-params\")" SAID,
     "not supported", NULL, NULL},
    {"a component nobody knows", "(" ALL " \"@made-up\")" SAID, "not supported",
     NULL, NULL},
    {"a component in capitals", "(" ALL " \"Content-Type\")" SAID,
     "not supported", NULL, NULL},
    {"a component with a blank", "(" ALL " \"content type\")" SAID,
     "not supported", NULL, NULL},
    {"an empty component", "(" ALL " \"\")" SAID, "not supported", NULL, NULL},
    {"a token for a component", "(" ALL " host)" SAID, "not supported", NULL,
     NULL},
    {"a number for a component", "(" ALL " 7)" SAID, "not supported", NULL,
     NULL},
    {"the signature itself", "(" ALL " \"signature\")" SAID, "not supported",
     NULL, NULL},
    {"its own input", "(" ALL " \"signature-input\")" SAID, "not supported",
     NULL, NULL},
    {"a component twice", "(" ALL " \"@method\")" SAID, "twice", NULL, NULL},
    {"a field twice", "(" ALL " \"host\" \"host\")" SAID, "twice", NULL, NULL},
    {"a field that is absent", "(" ALL " \"x-absent\")" SAID,
     "not in the message", NULL, NULL},
    {"no created", "(" ALL ");keyid=\"k1\";nonce=\"n1\"", "created is missing",
     NULL, NULL},
    {"no keyid", "(" ALL ");created=1700000000;nonce=\"n1\"", "keyid", NULL,
     NULL},
    {"no nonce", "(" ALL ");created=1700000000;keyid=\"k1\"", "nonce", NULL,
     NULL},
    {"an empty nonce", "(" ALL ");created=1700000000;keyid=\"k1\";nonce=\"\"",
     "parameter", NULL, NULL},
    {"created at the edge of the past",
     "(" ALL ");created=1699999730;keyid=\"k1\";nonce=\"n1\"", NULL, NULL,
     NULL},
    {"created before it",
     "(" ALL ");created=1699999729;keyid=\"k1\";nonce=\"n1\"", "300 seconds",
     NULL, NULL},
    {"created at the edge of the future",
     "(" ALL ");created=1700000330;keyid=\"k1\";nonce=\"n1\"", NULL, NULL,
     NULL},
    {"created after it",
     "(" ALL ");created=1700000331;keyid=\"k1\";nonce=\"n1\"", "300 seconds",
     NULL, NULL},
    {"created below nothing", "(" ALL ");created=-1;keyid=\"k1\";nonce=\"n1\"",
     "parameter", NULL, NULL},
    {"created as a text",
     "(" ALL ");created=\"1700000000\";keyid=\"k1\";nonce=\"n1\"", "parameter",
     NULL, NULL},
    {"created as a fraction",
     "(" ALL ");created=1700000000.0;keyid=\"k1\";nonce=\"n1\"", "parameter",
     NULL, NULL},
    {"created as a date",
     "(" ALL ");created=@1700000000;keyid=\"k1\";nonce=\"n1\"", "parameter",
     NULL, NULL},
    {"created as a flag", "(" ALL ");created;keyid=\"k1\";nonce=\"n1\"",
     "parameter", NULL, NULL},
    {"created twice",
     "(" ALL ");created=1;created=1700000000;keyid=\"k1\";nonce=\"n1\"",
     "stands twice", NULL, NULL},
    {"keyid as a token", "(" ALL ");created=1700000000;keyid=k1;nonce=\"n1\"",
     "parameter", NULL, NULL},
    {"nonce as a number", "(" ALL ");created=1700000000;keyid=\"k1\";nonce=17",
     "parameter", NULL, NULL},
    {"ended this second", "(" ALL ")" SAID ";expires=1700000030", "expired",
     NULL, NULL},
    {"ended before it began",
     "(" ALL ");created=1700000100;expires=1700000050;keyid=\"k1\";"
     "nonce=\"n1\"",
     "expired", NULL, NULL},
    {"another algorithm", "(" ALL ")" SAID ";alg=\"ed25519\"", "alg", NULL,
     NULL},
    {"its own algorithm", "(" ALL ")" SAID ";alg=\"hmac-sha256\"", NULL, NULL,
     NULL},
    {"its algorithm in capitals", "(" ALL ")" SAID ";alg=\"HMAC-SHA256\"",
     "alg", NULL, NULL},
    {"an unknown parameter", "(" ALL ")" SAID ";scope=\"x\"", "parameter", NULL,
     NULL},
    {"no list", "\"@method\"" SAID, "no list", NULL, NULL},
    {"another form of target", "(" ALL ")" SAID, "not in the message",
     "https://gw.example/v1/x", NULL},
    {"a target that is a star", "(" ALL ")" SAID, "not in the message", "*",
     NULL},
    {"no credential in the message", "(" ALL ")" SAID, "not in the message",
     NULL, "Authorization:"},
    {"a digest nobody trusts alone", "(" ALL ")" SAID, "neither sha-256", NULL,
     "Content-Digest: md5=:+16cPGOaO7YiZgy20UJ7+A==:"},
    {"a digest of another length", "(" ALL ")" SAID, "length", NULL,
     "Content-Digest: sha-256=:AAAA:"},
    {"a digest as a text", "(" ALL ")" SAID, "length", NULL,
     "Content-Digest: sha-256=\"x\""},
    {"a digest that is a list", "(" ALL ")" SAID, "length", NULL,
     "Content-Digest: sha-256=(:AAAA:)"},
    {"a digest in capitals", "(" ALL ")" SAID, "dictionary", NULL,
     "Content-Digest: SHA-256=:AAAA:"},
    {"no digest in the message", "(" ALL ")" SAID, "missing", NULL,
     "Content-Digest:"},
    {"a digest of another body", "(" ALL ")" SAID, "body", NULL,
     "Content-Digest: "
     "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"},
};

static apr_table_t *sound_headers(apr_pool_t *pool)
{
    apr_table_t *headers = apr_table_make(pool, 8);
    apr_table_setn(headers, "Host", "GW.example:443");
    apr_table_setn(headers, "Content-Type", "application/json");
    apr_table_setn(headers, "Authorization", "Bearer some-key");
    apr_table_setn(headers, "Content-Digest", digest_of(BODY, false, pool));
    return headers;
}

static void put(apr_table_t *headers, const char *header, apr_pool_t *pool)
{
    size_t len = strcspn(header, ":");
    const char *name = apr_pstrmemdup(pool, header, len);
    const char *value = header + len + 1;
    apr_table_unset(headers, name);
    if (*value) {
        apr_table_setn(headers, name, value + 1);
    }
}

static void the_profile_is_held_in_every_point(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        const own_t *one = &own[i];
        cg_signature_t signature;
        apr_table_t *headers = sound_headers(pool);
        if (one->header) {
            put(headers, one->header, pool);
        }
        apr_table_setn(headers, "Signature-Input",
                       apr_pstrcat(pool, "sig1=", one->input, NULL));
        cg_message_t message =
            message_of(headers, "POST",
                       one->target ? one->target : "/v1/chat/completions");
        sign(&message, headers, pool);
        const char *fault =
            judge(&message, CG_STR(BODY), secret_key(pool), CG_SIG_HS256,
                  "hmac-sha256", &signature, NOW, pool);
        bool is_right =
            one->fault ? fault && strstr(fault, one->fault) : fault == NULL;
        CU_ASSERT(is_right);
        if (!is_right) {
            printf("\n  %s: %s\n", one->name, fault ? fault : "accepted");
        }
    }
    apr_pool_destroy(pool);
}

/* A sound, signed request; whoever changes something in it must be found out. */
static cg_message_t signed_message(apr_table_t **out_headers, apr_pool_t *pool)
{
    apr_table_t *headers = sound_headers(pool);
    apr_table_setn(headers, "Signature-Input",
                   "sig1=(" ALL " \"content-type\")" SAID);
    cg_message_t message = message_of(headers, "POST", "/v1/chat/completions");
    sign(&message, headers, pool);
    *out_headers = headers;
    return message;
}

static const char *judge_own(const cg_message_t *message, const char *body,
                             apr_pool_t *pool)
{
    cg_signature_t signature;
    return judge(message, cg_str(body), secret_key(pool), CG_SIG_HS256,
                 "hmac-sha256", &signature, NOW, pool);
}

static void whatever_is_changed_after_signing_is_found(void)
{
    static const char *const changes[] = {
        "Host: evil.example",
        "Host: gw.example:8443",
        "Content-Type: text/plain",
        "Authorization: Bearer other",
        "Authorization: bearer some-key",
        "Signature-Input: sig1=(" ALL " \"content-type\")"
        ";created=1700000001;keyid=\"k1\";nonce=\"n1\"",
        "Signature-Input: sig1=(" ALL " \"content-type\")"
        ";created=1700000000;keyid=\"k1\";nonce=\"n2\"",
        "Signature-Input: sig1=(" ALL " \"content-type\")"
        ";created=1700000000;nonce=\"n1\";keyid=\"k1\"",
        "Signature-Input: sig1=(" ALL ")" SAID,
        "Signature: sig1=:AAAA:",
    };
    apr_pool_t *pool;
    apr_table_t *headers;
    apr_pool_create(&pool, NULL);
    cg_message_t sound = signed_message(&headers, pool);
    CU_ASSERT_PTR_NULL(judge_own(&sound, BODY, pool));
    CU_ASSERT_STRING_EQUAL(judge_own(&sound, BODY " ", pool), "body");
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        cg_message_t message = signed_message(&headers, pool);
        put(headers, changes[i], pool);
        message.authority = cg_str(apr_table_get(headers, "Host"));
        const char *fault = judge_own(&message, BODY, pool);
        CU_ASSERT(fault && strcmp(fault, "signature") == 0);
    }
    cg_message_t other = signed_message(&headers, pool);
    other.method = CG_STR("PUT");
    CU_ASSERT_PTR_NOT_NULL(judge_own(&other, BODY, pool));
    other = signed_message(&headers, pool);
    other.target = CG_STR("/v1/chat/completions?x=1");
    CU_ASSERT_PTR_NOT_NULL(judge_own(&other, BODY, pool));
    other = signed_message(&headers, pool);
    other.scheme = CG_STR("http");
    CU_ASSERT_PTR_NOT_NULL(judge_own(&other, BODY, pool));
    apr_pool_destroy(pool);
}

static void a_second_line_of_a_covered_field_is_found(void)
{
    apr_pool_t *pool;
    apr_table_t *headers;
    apr_pool_create(&pool, NULL);
    cg_message_t message = signed_message(&headers, pool);
    apr_table_addn(headers, "Authorization", "Bearer second");
    CU_ASSERT_PTR_NOT_NULL(judge_own(&message, BODY, pool));
    message = signed_message(&headers, pool);
    apr_table_addn(headers, "Signature", "sig2=:AAAA:");
    CU_ASSERT_PTR_NOT_NULL(judge_own(&message, BODY, pool));
    message = signed_message(&headers, pool);
    apr_table_addn(headers, "Signature-Input", "sig2=(" ALL ")" SAID);
    CU_ASSERT_PTR_NOT_NULL(judge_own(&message, BODY, pool));
    message = signed_message(&headers, pool);
    apr_table_addn(headers, "Signature", apr_table_get(headers, "Signature"));
    CU_ASSERT_PTR_NOT_NULL(judge_own(&message, BODY, pool));
    apr_pool_destroy(pool);
}

static void both_digests_must_be_those_of_the_body(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    const char *short_one = digest_of(BODY, false, pool);
    const char *long_one = digest_of(BODY, true, pool);
    const struct {
        const char *field;
        const char *fault;
    } rows[] = {
        {long_one, NULL},
        {apr_pstrcat(pool, short_one, ", ", long_one, NULL), NULL},
        {apr_pstrcat(pool, short_one, ", ", digest_of("x", true, pool), NULL),
         "body"},
        {apr_pstrcat(pool, digest_of("x", false, pool), ", ", long_one, NULL),
         "body"},
        {apr_pstrcat(pool, "md5=:AAAA:, ", short_one, NULL), NULL},
        {apr_pstrcat(pool, digest_of("x", false, pool), ", ", short_one, NULL),
         "Content-Digest is missing or is no dictionary of RFC 9651"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        apr_table_t *headers = sound_headers(pool);
        apr_table_setn(headers, "Content-Digest", rows[i].field);
        apr_table_setn(headers, "Signature-Input", "sig1=(" ALL ")" SAID);
        cg_message_t message = message_of(headers, "POST", "/v1/x");
        sign(&message, headers, pool);
        const char *fault = judge_own(&message, BODY, pool);
        CU_ASSERT(rows[i].fault ? fault && !strcmp(fault, rows[i].fault)
                                : fault == NULL);
    }
    apr_pool_destroy(pool);
}

static void a_sender_known_by_his_connection_needs_no_credential(void)
{
    apr_pool_t *pool;
    cg_signature_t signature;
    apr_pool_create(&pool, NULL);
    apr_table_t *headers = sound_headers(pool);
    apr_table_unset(headers, "Authorization");
    apr_table_setn(
        headers, "Signature-Input",
        "sig1=(\"@method\" \"@target-uri\" \"content-digest\")" SAID);
    cg_message_t message = message_of(headers, "POST", "/v1/x");
    sign(&message, headers, pool);
    CU_ASSERT_PTR_NULL(cg_signature_read(&message, &signature, pool));
    apr_time_t now = apr_time_from_sec(NOW);
    CU_ASSERT_PTR_NULL(cg_signature_judge(&message, &signature, false, now));
    CU_ASSERT_PTR_NOT_NULL(cg_signature_judge(&message, &signature, true, now));
    apr_table_setn(headers, "Authorization", "Bearer added");
    CU_ASSERT_PTR_NOT_NULL(
        cg_signature_judge(&message, &signature, false, now));
    apr_pool_destroy(pool);
}

/* ---- the public corpus ----------------------------------------------------------- */

static cg_json_t *open_corpus(apr_pool_t *pool)
{
    const char *folder = getenv("CG_CORPORA");
    if (!folder || !folder[0]) {
        printf(" (left out: CG_CORPORA names no corpus) ");
        return NULL;
    }
    cg_error_t err = {""};
    cg_json_t *corpus = cg_json_load(
        apr_pstrcat(pool, folder, "/security/http-signatures-rfc9421.json",
                    NULL),
        &err, pool);
    CU_ASSERT_PTR_NOT_NULL(corpus);
    return corpus;
}

static apr_table_t *headers_of(const cg_json_t *list, apr_pool_t *pool)
{
    apr_table_t *headers = apr_table_make(pool, 8);
    for (size_t i = 0; i < cg_json_size(list); i++) {
        const cg_json_t *pair = cg_json_at(list, i);
        apr_table_addn(headers, cg_json_text(cg_json_at(pair, 0)),
                       cg_json_text(cg_json_at(pair, 1)));
    }
    return headers;
}

static cg_str_t member(const cg_json_t *jwk, const char *name, apr_pool_t *pool)
{
    const char *text = cg_json_get_str(jwk, name, "");
    unsigned char *bytes = apr_palloc(pool, strlen(text) + 1);
    size_t len = 0;
    CU_ASSERT(cg_b64url_decode(text, strlen(text), bytes, &len));
    return (cg_str_t){(const char *)bytes, len};
}

static cg_pkey_t *key_of(const cg_json_t *jwk, apr_pool_t *pool)
{
    cg_error_t err = {""};
    const char *kind = cg_json_get_str(jwk, "kty", "");
    const char *crv = cg_json_get_str(jwk, "crv", "");
    if (strcmp(kind, "RSA") == 0) {
        return cg_pkey_from_rsa(member(jwk, "n", pool), member(jwk, "e", pool),
                                &err, pool);
    }
    if (strcmp(kind, "EC") == 0) {
        return cg_pkey_from_ec(cg_str(crv), member(jwk, "x", pool),
                               member(jwk, "y", pool), &err, pool);
    }
    if (strcmp(kind, "OKP") == 0) {
        return cg_pkey_from_okp(cg_str(crv), member(jwk, "x", pool), &err,
                                pool);
    }
    cg_str_t secret = {"", 0};
    CU_ASSERT(cg_sfv_base64(cg_str(cg_json_get_str(jwk, "k_b64", "")), &secret,
                            pool));
    return cg_pkey_from_secret(secret, &err, pool);
}

static cg_sig_alg_t alg_of(const char *name)
{
    return strcmp(name, "hmac-sha256") == 0      ? CG_SIG_HS256
           : strcmp(name, "ed25519") == 0        ? CG_SIG_EDDSA
           : strcmp(name, "rsa-pss-sha512") == 0 ? CG_SIG_PS512
                                                 : CG_SIG_ES256;
}

/* "POST /foo HTTP/1.1" or "HTTP/1.1 200 OK". */
static cg_message_t started(const char *line, apr_table_t *headers,
                            apr_pool_t *pool)
{
    char *last;
    char *words = apr_pstrdup(pool, line);
    const char *first = apr_strtok(words, " ", &last);
    const char *second = apr_strtok(NULL, " ", &last);
    if (strncmp(first, "HTTP/", 5) == 0) {
        return (cg_message_t){.status = atoi(second), .headers = headers};
    }
    return message_of(headers, first, second);
}

static void run_example(const cg_json_t *corpus, const cg_json_t *one,
                        apr_pool_t *pool)
{
    const char *named = cg_json_get_str(one, "message", NULL);
    const cg_json_t *text =
        named ? cg_json_get(cg_json_get(corpus, "messages"), named)
              : cg_json_get(one, "message_inline");
    apr_table_t *headers = headers_of(cg_json_get(text, "headers"), pool);
    if (named) {
        apr_table_setn(headers, "Signature-Input",
                       cg_json_get_str(one, "signature_input", ""));
        apr_table_setn(headers, "Signature",
                       cg_json_get_str(one, "signature", ""));
    }
    cg_message_t message =
        started(cg_json_get_str(text, "start_line", ""), headers, pool);
    cg_signature_t signature;
    cg_buf_t base;
    cg_buf_init(&base, 512, pool);
    CU_ASSERT_PTR_NULL_FATAL(cg_signature_read(&message, &signature, pool));
    CU_ASSERT_PTR_NULL(cg_signature_base(&message, &signature, &base));
    const char *said = cg_json_get_str(one, "signature_base", NULL);
    if (said) {
        CU_ASSERT_STRING_EQUAL(cg_buf_cstr(&base), said);
    }
    const cg_json_t *jwk = cg_json_get(cg_json_get(corpus, "keys"),
                                       cg_json_get_str(one, "keyid", ""));
    bool is_right = cg_pkey_verify(
        key_of(jwk, pool), alg_of(cg_json_get_str(one, "alg", "")),
        (cg_str_t){base.ptr, base.len}, signature.bytes);
    bool is_valid = strcmp(cg_json_get_str(one, "expect", ""), "valid") == 0;
    CU_ASSERT_EQUAL(is_right, is_valid);
    if (is_right != is_valid) {
        printf("\n  %s\n", cg_json_get_str(one, "id", ""));
    }
}

static void the_examples_of_rfc_9421_are_verified(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    const cg_json_t *corpus = open_corpus(pool);
    const cg_json_t *cases = corpus ? cg_json_get(corpus, "cases") : NULL;
    for (size_t i = 0; cases && i < cg_json_size(cases); i++) {
        run_example(corpus, cg_json_at(cases, i), pool);
    }
    CU_ASSERT(!cases || cg_json_size(cases) >= 13);
    apr_pool_destroy(pool);
}

static const char *run_profile_case(const cg_json_t *corpus,
                                    const cg_json_t *one, apr_table_t *seen,
                                    apr_pool_t *pool)
{
    const cg_json_t *request = cg_json_get(one, "request");
    apr_table_t *headers = headers_of(cg_json_get(request, "headers"), pool);
    cg_message_t message =
        message_of(headers, cg_json_get_str(request, "method", ""),
                   cg_json_get_str(request, "path", ""));
    const cg_json_t *jwk =
        cg_json_get(cg_json_get(corpus, "keys"), "test-shared-secret");
    cg_signature_t signature;
    const char *fault =
        judge(&message, cg_str(cg_json_get_str(request, "body", "")),
              key_of(jwk, pool), CG_SIG_HS256, "hmac-sha256", &signature,
              cg_json_get_int(one, "verifier_time", 0), pool);
    if (!fault && !cg_str_is(signature.key_id, "test-shared-secret")) {
        return "unknown key";
    }
    const char *nonce = cg_str_dup(signature.nonce, pool);
    if (!fault && apr_table_get(seen, nonce)) {
        return "replayed";
    }
    if (!fault) {
        apr_table_set(seen, nonce, "");
    }
    return fault;
}

static void the_profile_cases_of_the_corpus_are_decided(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    const cg_json_t *corpus = open_corpus(pool);
    const cg_json_t *cases =
        corpus ? cg_json_get(corpus, "profile_cases") : NULL;
    for (size_t i = 0; cases && i < cg_json_size(cases); i++) {
        const cg_json_t *one = cg_json_at(cases, i);
        const char *expect = cg_json_get_str(one, "expect", "");
        apr_table_t *seen = apr_table_make(pool, 4);
        const char *fault = run_profile_case(corpus, one, seen, pool);
        bool is_right = (fault == NULL) == (strcmp(expect, "reject") != 0);
        if (strcmp(expect, "reject-second") == 0) {
            is_right =
                is_right && run_profile_case(corpus, one, seen, pool) != NULL;
        }
        CU_ASSERT(is_right);
        if (!is_right) {
            printf("\n  %s: %s\n", cg_json_get_str(one, "id", ""),
                   fault ? fault : "accepted");
        }
    }
    CU_ASSERT(!cases || cg_json_size(cases) >= 34);
    apr_pool_destroy(pool);
}

CU_TestInfo test_auth_signature[] = {
    {"the_profile_is_held_in_every_point", the_profile_is_held_in_every_point},
    {"whatever_is_changed_after_signing_is_found",
     whatever_is_changed_after_signing_is_found},
    {"a_second_line_of_a_covered_field_is_found",
     a_second_line_of_a_covered_field_is_found},
    {"both_digests_must_be_those_of_the_body",
     both_digests_must_be_those_of_the_body},
    {"a_sender_known_by_his_connection_needs_no_credential",
     a_sender_known_by_his_connection_needs_no_credential},
    {"the_examples_of_rfc_9421_are_verified",
     the_examples_of_rfc_9421_are_verified},
    {"the_profile_cases_of_the_corpus_are_decided",
     the_profile_cases_of_the_corpus_are_decided},
    CU_TEST_INFO_NULL,
};
