/* make bench: what it costs to tell that a request is signed as it should be.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One line an algorithm: the profile alone (both fields read, judged, the signature
 * base made, Content-Digest opened), the whole with a key that the thread has open,
 * and what is added when the key must be opened first. No store: the key stands in the
 * cache that children share. CPU time of one thread, the median of rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "auth/signfield.h"
#include "auth/signkey.h"
#include "base/clock.h"
#include "base/digest.h"

#define ROUNDS 21
#define CALLS 200
#define ENTRIES 64
#define ID "sgn_4f0c9a1be27d3355aa01"
#define BODY "{\"model\":\"m\",\"messages\":[]}"

/* lives in: one algorithm's measurement */
typedef struct case_t {
    cg_message_t message;
    cg_sealer_t *sealer;
    cg_cache_t *cache;
    cg_signring_t *ring;
} case_t;

static double now_micros(void)
{
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

static void give_up(const char *words)
{
    fprintf(stderr, "signatures: %s\n", words);
    exit(1);
}

static const char *base64_of(cg_str_t bytes, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, 512, pool);
    cg_sfv_write_base64(&out, bytes);
    return cg_buf_cstr(&out);
}

static apr_table_t *headers_of(apr_pool_t *pool)
{
    unsigned char digest[CG_SHA256_BYTES];
    apr_table_t *headers = apr_table_make(pool, 16);
    cg_sha256(BODY, strlen(BODY), digest);
    apr_table_setn(headers, "Host", "gateway.example");
    apr_table_setn(headers, "Accept", "application/json");
    apr_table_setn(headers, "User-Agent", "OpenAI/JS 4.0.0");
    apr_table_setn(headers, "Content-Type", "application/json");
    apr_table_setn(headers, "Authorization", "Bearer of a key, which has about sixty characters, as this");
    apr_table_setn(headers, "Content-Digest",
                   apr_pstrcat(pool, "sha-256=:", base64_of((cg_str_t){(char *)digest, sizeof digest}, pool), ":", NULL));
    apr_table_setn(headers, "Signature-Input",
                   apr_psprintf(pool,
                                "sig1=(\"@method\" \"@target-uri\" \"content-digest\" \"authorization\");created=%" APR_TIME_T_FMT
                                ";keyid=\"" ID "\";nonce=\"0c9a4c9be27d3355aa010c9a4c9be27d\"",
                                apr_time_sec(cg_clock_now())));
    apr_table_setn(headers, "Signature", "sig1=:AAAA:");
    return headers;
}

/* True when all holds but, perhaps, the signature itself. */
static void read_all(const cg_message_t *message, cg_signature_t *signature, cg_buf_t *base, apr_pool_t *pool)
{
    cg_signed_body_t *body;
    const char *fault = cg_signature_read(message, signature, pool);
    fault = fault ? fault : cg_signature_judge(message, signature, true, cg_clock_now());
    fault = fault ? fault : cg_signed_body_open(message, &body, pool);
    fault = fault ? fault : cg_signature_base(message, signature, base);
    if (fault)
        give_up(fault);
}

static void profile(const case_t *one, apr_pool_t *pool)
{
    cg_signature_t signature;
    cg_buf_t base;
    cg_buf_init(&base, 1024, pool);
    read_all(&one->message, &signature, &base, pool);
}

static void verify_by(cg_signring_t *ring, const case_t *one, apr_pool_t *pool)
{
    cg_signature_t signature;
    cg_signkey_t key;
    cg_error_t err = {""};
    cg_buf_t base;
    cg_buf_init(&base, 1024, pool);
    read_all(&one->message, &signature, &base, pool);
    if (cg_signkey_verify(ring, &signature, (cg_str_t){base.ptr, base.len}, cg_clock_now(), &key, &err, pool) !=
        CG_SIGNKEY_OK)
        give_up("a good signature is refused");
}

static void whole(const case_t *one, apr_pool_t *pool)
{
    verify_by(one->ring, one, pool);
}

/* A ring of its own has nothing open. */
static void opened(const case_t *one, apr_pool_t *pool)
{
    verify_by(cg_signring_open(NULL, one->sealer, one->cache, apr_time_from_sec(600), pool), one, pool);
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double measure(void (*work)(const case_t *, apr_pool_t *), const case_t *one)
{
    double took[ROUNDS];
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        double before = now_micros();
        for (int j = 0; j < CALLS; j++) {
            work(one, pool);
            apr_pool_clear(pool);
        }
        took[i] = (now_micros() - before) / CALLS;
    }
    apr_pool_destroy(pool);
    qsort(took, ROUNDS, sizeof *took, by_size);
    return took[ROUNDS / 2];
}

static cg_cache_t *cache_with(const cg_signkey_t *key, apr_pool_t *pool)
{
    char *memory = apr_pcalloc(pool, cg_cache_bytes(ENTRIES, cg_signring_value_bytes()) + 64);
    memory += 64 - ((uintptr_t)memory & 63);
    cg_cache_t *cache = cg_cache_attach(memory, ENTRIES, cg_signring_value_bytes(), pool);
    cg_cache_put(cache, ID, strlen(ID), key, cg_clock_now());
    return cache;
}

/* What signs for key; its material is what a record would hold. */
static cg_pkey_t *make_key(const case_t *one, cg_signkey_t *key, apr_pool_t *pool)
{
    cg_error_t err = {""};
    cg_str_t secret, shown = {"", 0};
    const char *sealed;
    unsigned char bytes[32];
    if (cg_sig_alg_is_hmac((cg_sig_alg_t)key->alg)) {
        cg_random(bytes, sizeof bytes);
        secret = (cg_str_t){(char *)bytes, sizeof bytes};
        if (cg_seal(one->sealer, "signkey:" ID, 1, secret, &sealed, &err, pool) != APR_SUCCESS)
            give_up(err.text);
        apr_cpystrn(key->material, sealed, sizeof key->material);
        return cg_pkey_from_secret(secret, &err, pool);
    }
    if (cg_pkey_generate((cg_sig_alg_t)key->alg, &secret, &shown, &err, pool) != APR_SUCCESS)
        give_up(err.text);
    memcpy(key->material, shown.ptr, shown.len);
    return cg_pkey_from_pem(secret, &err, pool);
}

static void run(const char *name, apr_pool_t *pool)
{
    case_t one = {.message = {.method = CG_STR("POST"),
                              .scheme = CG_STR("https"),
                              .authority = CG_STR("gateway.example"),
                              .target = CG_STR("/v1/chat/completions")}};
    cg_signkey_t key = {.id = ID, .name = "bench", .key = "k3n7w2px", .created_at = 1, .version = 1};
    cg_signature_t signature;
    cg_error_t err = {""};
    cg_str_t bytes;
    cg_buf_t base;
    char master[CG_SEAL_LINE_LEN + 1];
    cg_sealer_new_key(master);
    apr_table_t *headers = headers_of(pool);
    one.message.headers = headers;
    cg_signkey_alg_find(cg_str(name), &key.alg);
    if (cg_sealer_make(&one.sealer, cg_str(master), &err, pool) != APR_SUCCESS)
        give_up(err.text);
    cg_pkey_t *signer = make_key(&one, &key, pool);
    cg_buf_init(&base, 1024, pool);
    read_all(&one.message, &signature, &base, pool);
    if (cg_pkey_sign(signer, (cg_sig_alg_t)key.alg, (cg_str_t){base.ptr, base.len}, &bytes, &err, pool) != APR_SUCCESS)
        give_up(err.text);
    apr_table_setn(headers, "Signature", apr_pstrcat(pool, "sig1=:", base64_of(bytes, pool), ":", NULL));
    one.cache = cache_with(&key, pool);
    one.ring = cg_signring_open(NULL, one.sealer, one.cache, apr_time_from_sec(600), pool);
    double read = measure(profile, &one);
    double known = measure(whole, &one);
    printf("%-18s  %6.1f us read  %7.1f us verified  %7.1f us more to open the key\n", name, read, known,
           measure(opened, &one) - known);
}

int main(void)
{
    apr_pool_t *pool;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    puts("a signed request (RFC 9421), CPU of one thread:");
    for (size_t i = 0; cg_signkey_alg_at(i); i++)
        run(cg_signkey_alg_at(i), pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
