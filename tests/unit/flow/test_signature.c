/* Signed requests on their walk: who is asked for a signature, and when it counts.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "auth/signfield.h"
#include "base/clock.h"
#include "base/digest.h"
#include "walk.h"

#define BODY                                                                   \
    "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":"      \
    "\"hi\"}]}"
#define COVERED                                                                \
    "(\"@method\" \"@target-uri\" \"content-digest\" \"authorization\")"

/* lives in: one test */
typedef struct signer_t {
    walk_t walk;
    cg_pkey_t *secret;
    cg_signkey_t key;
    apr_table_t *headers;
} signer_t;

static void open_signer(signer_t *s)
{
    cg_str_t private_pem, public_pem;
    cg_error_t err = {""};
    const char *told;
    walk_open(&s->walk, "");
    apr_pool_t *pool = s->walk.pool;
    s->walk.gateway.signring =
        cg_signring_open(s->walk.gateway.store, NULL, NULL, CG_SECOND, pool);
    CU_ASSERT_EQUAL_FATAL(
        cg_pkey_generate(CG_SIG_EDDSA, &private_pem, &public_pem, &err, pool),
        APR_SUCCESS);
    s->secret = cg_pkey_from_pem(private_pem, &err, pool);
    cg_signkey_t wanted = {.name = "k", .alg = CG_SIG_EDDSA};
    memcpy(wanted.key, s->walk.key.id, strlen(s->walk.key.id));
    CU_ASSERT_EQUAL_FATAL(cg_signkey_create(s->walk.gateway.signring, &wanted,
                                            public_pem, cg_clock_now(), &s->key,
                                            &told, &err, pool),
                          APR_SUCCESS);
}

static void close_signer(signer_t *s)
{
    walk_close(&s->walk);
}

static cg_message_t message_of(signer_t *s)
{
    return (cg_message_t){.method = CG_STR("POST"),
                          .scheme = CG_STR("https"),
                          .authority = CG_STR("gw.example"),
                          .target = CG_STR("/v1/chat/completions"),
                          .headers = s->headers};
}

static void put_base64(signer_t *s, const char *name, const char *before,
                       cg_str_t bytes)
{
    cg_buf_t out;
    cg_buf_init(&out, 256, s->walk.pool);
    cg_buf_str(&out, before);
    cg_sfv_write_base64(&out, bytes);
    cg_buf_char(&out, ':');
    apr_table_setn(s->headers, name, cg_buf_cstr(&out));
}

/* The headers of a request that was signed so many seconds ago. */
static cg_message_t sign(signer_t *s, const char *nonce, int64_t ago)
{
    apr_pool_t *pool = s->walk.pool;
    unsigned char digest[CG_SHA256_BYTES];
    cg_signature_t signature;
    cg_str_t bytes;
    cg_buf_t base;
    cg_error_t err = {""};
    s->headers = apr_table_make(pool, 8);
    apr_table_setn(s->headers, "Authorization",
                   apr_pstrcat(pool, "Bearer ", s->walk.spelled, NULL));
    cg_sha256(BODY, strlen(BODY), digest);
    put_base64(s, "Content-Digest",
               "sha-256=:", (cg_str_t){(const char *)digest, sizeof digest});
    apr_table_setn(s->headers, "Signature-Input",
                   apr_psprintf(pool,
                                "s=" COVERED ";created=%" APR_INT64_T_FMT
                                ";keyid=\"%s\";nonce=\"%s\"",
                                (int64_t)apr_time_sec(cg_clock_now()) - ago,
                                s->key.id, nonce));
    apr_table_setn(s->headers, "Signature", "s=:AAAA:");
    cg_message_t message = message_of(s);
    cg_buf_init(&base, 512, pool);
    CU_ASSERT_PTR_NULL_FATAL(cg_signature_read(&message, &signature, pool));
    CU_ASSERT_PTR_NULL_FATAL(cg_signature_base(&message, &signature, &base));
    CU_ASSERT_EQUAL(cg_pkey_sign(s->secret, CG_SIG_EDDSA,
                                 (cg_str_t){base.ptr, base.len}, &bytes, &err,
                                 pool),
                    APR_SUCCESS);
    put_base64(s, "Signature", "s=:", bytes);
    return message;
}

/* As the gate does it: identity, signature, body, limits. */
static cg_verdict_t walk_signed(signer_t *s, const cg_message_t *message,
                                const char *body, cg_txn_t **out)
{
    cg_txn_t *txn = walk_request(&s->walk, CG_ENDPOINT_CHAT, BODY);
    *out = txn;
    if (cg_flow_authenticate(txn, cg_str(s->walk.spelled)) != CG_PASS ||
        cg_flow_signature(txn, message) != CG_PASS) {
        return txn->verdict;
    }
    cg_flow_signed_feed(txn, body, strlen(body));
    if (cg_flow_signed_end(txn) != CG_PASS) {
        return txn->verdict;
    }
    return cg_flow_admit(txn);
}

static void a_place_that_wants_none_looks_at_none(void)
{
    signer_t s;
    cg_txn_t *txn;
    open_signer(&s);
    cg_message_t message = sign(&s, "n", 0);
    apr_table_setn(s.headers, "Signature", "garbage");
    CU_ASSERT_EQUAL(walk_signed(&s, &message, "another body", &txn), CG_PASS);
    CU_ASSERT_PTR_NULL(txn->signature.key_id);
    close_signer(&s);
}

static void optional_lets_the_unsigned_pass_and_no_bad_signature(void)
{
    signer_t s;
    cg_txn_t *txn;
    open_signer(&s);
    walk_say(&s.walk, "ChatGPTSignature", "optional");
    cg_message_t message = sign(&s, "n", 0);
    CU_ASSERT_EQUAL(walk_signed(&s, &message, BODY, &txn), CG_PASS);
    CU_ASSERT_STRING_EQUAL(txn->signature.key_id, s.key.id);
    apr_table_unset(s.headers, "Signature");
    CU_ASSERT_EQUAL(walk_signed(&s, &message, BODY, &txn),
                    CG_SIGNATURE_INVALID);
    apr_table_unset(s.headers, "Signature-Input");
    CU_ASSERT_EQUAL(walk_signed(&s, &message, BODY, &txn), CG_PASS);
    close_signer(&s);
}

static void required_lets_only_the_signed_pass_and_once(void)
{
    signer_t s;
    cg_txn_t *txn;
    open_signer(&s);
    walk_say(&s.walk, "ChatGPTSignature", "required");
    cg_message_t message = sign(&s, "n", 0);
    CU_ASSERT_EQUAL(walk_signed(&s, &message, BODY " ", &txn),
                    CG_SIGNATURE_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(txn->words, "Content-Digest"));
    CU_ASSERT_EQUAL(walk_signed(&s, &message, BODY, &txn), CG_PASS);
    CU_ASSERT_EQUAL(walk_signed(&s, &message, BODY, &txn),
                    CG_SIGNATURE_REPLAYED);
    message = sign(&s, "n2", 301);
    CU_ASSERT_EQUAL(walk_signed(&s, &message, BODY, &txn),
                    CG_SIGNATURE_INVALID);
    s.headers = apr_table_make(s.walk.pool, 1);
    message = message_of(&s);
    CU_ASSERT_EQUAL(walk_signed(&s, &message, BODY, &txn),
                    CG_SIGNATURE_MISSING);
    close_signer(&s);
}

static void a_body_that_comes_slowly_does_not_outlive_its_nonce(void)
{
    signer_t s;
    cg_txn_t *txn;
    open_signer(&s);
    walk_say(&s.walk, "ChatGPTSignature", "required");
    cg_message_t message = sign(&s, "n", 290);
    txn = walk_request(&s.walk, CG_ENDPOINT_CHAT, BODY);
    CU_ASSERT_EQUAL(cg_flow_authenticate(txn, cg_str(s.walk.spelled)), CG_PASS);
    CU_ASSERT_EQUAL(cg_flow_signature(txn, &message), CG_PASS);
    txn->in.started_at = cg_clock_monotonic() - 200 * CG_SECOND;
    cg_flow_signed_feed(txn, BODY, strlen(BODY));
    CU_ASSERT_EQUAL(cg_flow_signed_end(txn), CG_SIGNATURE_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(txn->words, "too long"));
    close_signer(&s);
}

static void the_nonce_of_an_upload_is_used_before_it_comes(void)
{
    signer_t s;
    cg_txn_t *txn;
    open_signer(&s);
    walk_say(&s.walk, "ChatGPTSignature", "required");
    cg_message_t message = sign(&s, "n", 290);
    for (int i = 0; i < 2; i++) {
        txn = walk_request(&s.walk, CG_ENDPOINT_CHAT, BODY);
        CU_ASSERT_EQUAL(cg_flow_authenticate(txn, cg_str(s.walk.spelled)),
                        CG_PASS);
        CU_ASSERT_EQUAL(cg_flow_signature(txn, &message), CG_PASS);
        CU_ASSERT_EQUAL(cg_flow_signed_use(txn),
                        i ? CG_SIGNATURE_REPLAYED : CG_PASS);
        if (i == 0) {
            txn->in.started_at = cg_clock_monotonic() - 2000 * CG_SECOND;
            cg_flow_signed_feed(txn, BODY, strlen(BODY));
            CU_ASSERT_EQUAL(cg_flow_signed_end(txn), CG_PASS);
            CU_ASSERT_EQUAL(cg_flow_admit(txn), CG_PASS);
        }
    }
    close_signer(&s);
}

CU_TestInfo test_flow_signature[] = {
    {"a_place_that_wants_none_looks_at_none",
     a_place_that_wants_none_looks_at_none},
    {"optional_lets_the_unsigned_pass_and_no_bad_signature",
     optional_lets_the_unsigned_pass_and_no_bad_signature},
    {"required_lets_only_the_signed_pass_and_once",
     required_lets_only_the_signed_pass_and_once},
    {"a_body_that_comes_slowly_does_not_outlive_its_nonce",
     a_body_that_comes_slowly_does_not_outlive_its_nonce},
    {"the_nonce_of_an_upload_is_used_before_it_comes",
     the_nonce_of_an_upload_is_used_before_it_comes},
    CU_TEST_INFO_NULL,
};
