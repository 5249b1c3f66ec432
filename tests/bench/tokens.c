/* make bench: what it costs to tell that a token (JWT) is good.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One line an algorithm: judged from nothing (frame, header, signature, claims), and
 * known from before by its digest. CPU time of one thread, the median of rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "auth/jwt.h"
#include "base/clock.h"

#define ROUNDS 21
#define CALLS 200
#define ENTRIES 1024

static double now_micros(void)
{
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

static void give_up(const char *words)
{
    fprintf(stderr, "tokens: %s\n", words);
    exit(1);
}

static const char *part_of(cg_str_t bytes, apr_pool_t *pool)
{
    char *part = apr_palloc(pool, (bytes.len * 4 + 2) / 3 + 1);
    cg_b64url_encode((const unsigned char *)bytes.ptr, bytes.len, part);
    return part;
}

static const char *token_of(const cg_pkey_t *key, cg_sig_alg_t alg, apr_pool_t *pool)
{
    cg_error_t err = {""};
    cg_str_t sig;
    apr_int64_t now = apr_time_sec(cg_clock_now());
    const char *header = apr_psprintf(pool, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", cg_sig_alg_name(alg));
    const char *claims = apr_psprintf(pool,
        "{\"iss\":\"https://idp.example/realms/corp\",\"aud\":[\"gateway\",\"account\"],"
        "\"sub\":\"f3b0c44298fc1c149afbf4c8996fb924\",\"iat\":%" APR_INT64_T_FMT ",\"exp\":%" APR_INT64_T_FMT ","
        "\"azp\":\"portal\",\"scope\":\"openid profile email\",\"realm_access\":{\"roles\":[\"staff\",\"ai-user\"]},"
        "\"groups\":[\"/engineering\",\"/engineering/search\"],\"preferred_username\":\"alice\"}", now, now + 600);
    const char *covered = apr_pstrcat(pool, part_of(cg_str(header), pool), ".", part_of(cg_str(claims), pool), NULL);
    if (cg_pkey_sign(key, alg, cg_str(covered), &sig, &err, pool) != APR_SUCCESS)
        give_up(err.text);
    return apr_pstrcat(pool, covered, ".", part_of(sig, pool), NULL);
}

static const char *file_of(cg_str_t text, apr_pool_t *pool)
{
    char *path = apr_pstrdup(pool, "/tmp/cg-bench-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len)
        give_up("a file cannot be written");
    close(fd);
    return path;
}

static const char *same_path(const char *path, apr_pool_t *pool)
{
    return apr_pstrdup(pool, path);
}

static cg_issuers_t *issuers_of(cg_sig_alg_t alg, cg_str_t key, apr_pool_t *pool)
{
    cg_error_t err = {""};
    const char *path = file_of(key, pool);
    cg_issuer_rows_t *rows = apr_palloc(pool, sizeof *rows);
    apr_array_header_t *lines = apr_array_make(pool, 1, sizeof(apr_array_header_t *));
    apr_array_header_t *words = apr_array_make(pool, 5, sizeof(char *));
    APR_ARRAY_PUSH(words, const char *) = "corp";
    APR_ARRAY_PUSH(words, const char *) = "issuer=https://idp.example/realms/corp";
    APR_ARRAY_PUSH(words, const char *) = "audience=gateway";
    APR_ARRAY_PUSH(words, const char *) =
        apr_pstrcat(pool, cg_sig_alg_is_hmac(alg) ? "secret=file:" : "jwks=file:", path, NULL);
    APR_ARRAY_PUSH(words, const char *) = apr_pstrcat(pool, "algorithms=", cg_sig_alg_name(alg), NULL);
    APR_ARRAY_PUSH(lines, const apr_array_header_t *) = words;
    bool is_read = cg_issuers_read(lines, same_path, rows, &err, pool);
    unlink(path);
    if (!is_read)
        give_up(err.text);
    return cg_issuers_make(rows, NULL, NULL, pool);
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double measure(const cg_issuers_t *issuers, cg_str_t token)
{
    double took[ROUNDS];
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        double before = now_micros();
        for (int j = 0; j < CALLS; j++) {
            cg_claims_t claims;
            if (cg_jwt_verify(issuers, token, cg_clock_now(), &claims, NULL, pool) != CG_JWT_OK)
                give_up("a good token is refused");
            apr_pool_clear(pool);
        }
        took[i] = (now_micros() - before) / CALLS;
    }
    apr_pool_destroy(pool);
    qsort(took, ROUNDS, sizeof *took, by_size);
    return took[ROUNDS / 2];
}

static void run(cg_sig_alg_t alg, apr_pool_t *pool)
{
    cg_error_t err = {""};
    cg_str_t secret = CG_STR("a secret of the bench, as long as the longest of all the digests there are");
    cg_str_t shown = secret;
    cg_pkey_t *key;
    if (cg_sig_alg_is_hmac(alg)) {
        key = cg_pkey_from_secret(secret, &err, pool);
    }
    else {
        if (cg_pkey_generate(alg, &secret, &shown, &err, pool) != APR_SUCCESS)
            give_up(err.text);
        key = cg_pkey_from_pem(secret, &err, pool);
    }
    cg_issuers_t *issuers = issuers_of(alg, shown, pool);
    cg_str_t token = cg_str(token_of(key, alg, pool));
    double anew = measure(issuers, token);
    size_t bytes = cg_cache_bytes(ENTRIES, cg_issuers_value_bytes());
    char *memory = apr_pcalloc(pool, bytes + 64);
    memory += 64 - ((uintptr_t)memory & 63);
    issuers->verified = cg_cache_attach(memory, ENTRIES, cg_issuers_value_bytes(), pool);
    printf("%-6s  %5zu bytes  %7.1f us judged  %7.1f us known\n", cg_sig_alg_name(alg), token.len, anew,
           measure(issuers, token));
}

int main(void)
{
    static const cg_sig_alg_t algs[] = {CG_SIG_HS256, CG_SIG_RS256, CG_SIG_RS512, CG_SIG_PS256,
                                        CG_SIG_ES256, CG_SIG_ES384, CG_SIG_EDDSA};
    apr_pool_t *pool;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    puts("a token (JWT), CPU of one thread:");
    for (size_t i = 0; i < sizeof algs / sizeof *algs; i++)
        run(algs[i], pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
