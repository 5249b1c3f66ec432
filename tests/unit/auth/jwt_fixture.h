/* An issuer that the tests play: keys made here and now, tokens signed with them.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_TESTS_JWT_FIXTURE_H
#define CG_TESTS_JWT_FIXTURE_H

#include <unistd.h>

#include "auth/jwt.h"
#include "base/clock.h"
#include "base/json.h"
#include "rows.h"

#define NOW apr_time_from_sec(1800000000)

/* One pair of keys per algorithm, made when it is first asked for; for as long as
 * the tests run. */
static inline const cg_pkey_t *key_of(cg_sig_alg_t alg)
{
    static const cg_pkey_t *keys[CG_SIG_COUNT];
    static apr_pool_t *forever;
    cg_error_t err;
    cg_str_t secret, unused;
    if (!forever) {
        apr_pool_create(&forever, NULL);
    }
    if (!keys[alg] && cg_sig_alg_is_hmac(alg)) {
        keys[alg] = cg_pkey_from_secret(
            CG_STR("a secret of the tests, which is as long as the longest of "
                   "the digests"),
            &err, forever);
    }
    else if (!keys[alg] && cg_pkey_generate(alg, &secret, &unused, &err,
                                            forever) == APR_SUCCESS) {
        keys[alg] = cg_pkey_from_pem(secret, &err, forever);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(keys[alg]);
    return keys[alg];
}

static inline const char *b64url(cg_str_t bytes, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, bytes.len * 4 / 3 + 4);
    cg_b64url_encode((const unsigned char *)bytes.ptr, bytes.len, text);
    return text;
}

/* A token of that header and those claims, whatever they are. */
static inline const char *token_of(const cg_pkey_t *key, cg_sig_alg_t alg,
                                   const char *header, const char *claims,
                                   apr_pool_t *pool)
{
    cg_error_t err;
    cg_str_t sig;
    const char *covered = apr_pstrcat(pool, b64url(cg_str(header), pool), ".",
                                      b64url(cg_str(claims), pool), NULL);
    apr_status_t rv = cg_pkey_sign(key, alg, cg_str(covered), &sig, &err, pool);
    CU_ASSERT_EQUAL_FATAL(rv, APR_SUCCESS);
    return apr_pstrcat(pool, covered, ".", b64url(sig, pool), NULL);
}

static inline const char *as_it_is(const char *path, apr_pool_t *pool)
{
    return apr_pstrdup(pool, path);
}

/* Writes text into a file that goes with pool. */
static inline apr_status_t remove_file(void *path)
{
    unlink(path);
    return APR_SUCCESS;
}

static inline const char *file_of(cg_str_t text, apr_pool_t *pool)
{
    char *path = apr_pstrdup(pool, "/tmp/cg-jwt-XXXXXX");
    int fd = mkstemp(path);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, text.ptr, text.len), (ssize_t)text.len);
    close(fd);
    apr_pool_cleanup_register(pool, path, remove_file, apr_pool_cleanup_null);
    return path;
}

/* A row as httpd would give it: words with blanks between. */
static inline void add_row(apr_array_header_t *rows, const char *line)
{
    char *last;
    char *copy = apr_pstrdup(rows->pool, line);
    apr_array_header_t *words = apr_array_make(rows->pool, 8, sizeof(char *));
    for (char *word = apr_strtok(copy, " ", &last); word;
         word = apr_strtok(NULL, " ", &last)) {
        APR_ARRAY_PUSH(words, const char *) = word;
    }
    APR_ARRAY_PUSH(rows, const apr_array_header_t *) = words;
}

static inline apr_array_header_t *new_rows(apr_pool_t *pool)
{
    return apr_array_make(pool, 2, sizeof(apr_array_header_t *));
}

static inline cg_issuers_t *issuers_of(const apr_array_header_t *rows,
                                       apr_pool_t *pool)
{
    cg_error_t err = {""};
    cg_issuer_rows_t *made = apr_palloc(pool, sizeof *made);
    if (!cg_issuers_read(rows, as_it_is, made, &err, pool)) {
        printf("\n    %s\n", err.text);
        CU_FAIL_FATAL("the issuers must be legal");
    }
    return cg_issuers_make(made, NULL, NULL, pool);
}

#endif
