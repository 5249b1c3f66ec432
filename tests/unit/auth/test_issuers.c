/* Issuers: which lines of ChatGPTIssuer are legal, and what they mean.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/issuers.h"

#include "jwt_fixture.h"

#define WHO "issuer=https://idp.test audience=gateway "

static bool is_legal(const char *const *lines, size_t count,
                     cg_issuer_rows_t *out, apr_pool_t *pool)
{
    cg_error_t err = {""};
    apr_array_header_t *rows = new_rows(pool);
    for (size_t i = 0; i < count; i++) {
        add_row(rows, lines[i]);
    }
    bool is_right = cg_issuers_read(rows, as_it_is, out, &err, pool);
    CU_ASSERT_EQUAL(is_right, err.text[0] == '\0');
    if (!is_right) {
        CU_ASSERT_EQUAL(strncmp(err.text, "ChatGPTIssuer: ", 15), 0);
    }
    return is_right;
}

static bool is_line_legal(const char *line)
{
    apr_pool_t *pool = open_pool();
    cg_issuer_rows_t rows;
    bool is_right = is_legal(&line, 1, &rows, pool);
    apr_pool_destroy(pool);
    return is_right;
}

static void issuers_are_read_with_their_defaults(void)
{
    apr_pool_t *pool = open_pool();
    cg_issuer_rows_t rows;
    static const char *const lines[] = {
        "corp " WHO "jwks=https://idp.test/keys",
        "more issuer=urn:x audience=a audience=b leeway=0s "
        "algorithms=ES256,RS256,ES256 jwks=http://127.0.0.1:8080/keys?x=1"};
    CU_ASSERT_TRUE_FATAL(is_legal(lines, 2, &rows, pool));
    CU_ASSERT_EQUAL(rows.count, 2);
    const cg_issuer_t *corp = cg_issuers_find(&rows, "corp");
    CU_ASSERT_STRING_EQUAL(corp->issuer, "https://idp.test");
    CU_ASSERT_EQUAL(corp->leeway, CG_ISSUER_LEEWAY_DEFAULT);
    CU_ASSERT_EQUAL(corp->algs[0], CG_SIG_RS256);
    CU_ASSERT_TRUE(corp->is_fetched);
    CU_ASSERT_PTR_NULL(corp->fixed);
    for (size_t i = 0; corp->algs[i] != CG_SIG_NONE; i++) {
        CU_ASSERT_FALSE(cg_sig_alg_is_hmac(corp->algs[i]));
    }
    const cg_issuer_t *more = cg_issuers_find(&rows, "more");
    CU_ASSERT_EQUAL(more->audiences_count, 2);
    CU_ASSERT_EQUAL(more->leeway, 0);
    CU_ASSERT_EQUAL(more->algs[0], CG_SIG_ES256);
    CU_ASSERT_EQUAL(more->algs[1], CG_SIG_RS256);
    CU_ASSERT_EQUAL(more->algs[2], CG_SIG_NONE);
    CU_ASSERT_PTR_NULL(cg_issuers_find(&rows, "nobody"));
    apr_pool_destroy(pool);
}

static void issuers_that_are_not_whole_or_not_safe_are_refused(void)
{
    static const char *const wrong[] = {
        "corp",
        "corp issuer=https://idp.test",
        "corp issuer=https://idp.test audience=g",
        "corp audience=g jwks=https://idp.test/keys",
        "corp issuer= audience=g jwks=https://idp.test/keys",
        "corp issuer=https://idp.test audience= jwks=https://idp.test/keys",
        "a/b " WHO "jwks=https://idp.test/keys",
        "corp " WHO "jwks=http://idp.test/keys",
        "corp " WHO "jwks=http://127.0.0.1.evil.test/keys",
        "corp " WHO "jwks=ftp://idp.test/keys",
        "corp " WHO "jwks=https://user@idp.test/keys",
        "corp " WHO "jwks=https://idp.test/keys#x",
        "corp " WHO "jwks=/etc/passwd",
        "corp " WHO "jwks=file:/no/such/file",
        "corp " WHO "jwks=https://a.test/k jwks=https://b.test/k",
        "corp " WHO "jwks=https://a.test/k secret=file:/dev/null",
        "corp " WHO "secret=https://a.test/k",
        "corp " WHO "secret=file:/dev/null",
        "corp " WHO "jwks=https://a.test/k algorithms=HS256",
        "corp " WHO "jwks=https://a.test/k algorithms=none",
        "corp " WHO "jwks=https://a.test/k algorithms=rs256",
        "corp " WHO "jwks=https://a.test/k algorithms=",
        "corp " WHO "jwks=https://a.test/k algorithms=,",
        "corp " WHO "jwks=https://a.test/k leeway=6min",
        "corp " WHO "jwks=https://a.test/k leeway=x",
        "corp " WHO "jwks=https://a.test/k colour=red"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (is_line_legal(wrong[i])) {
            printf("\n    %s\n", wrong[i]);
        }
        CU_ASSERT_FALSE(is_line_legal(wrong[i]));
    }
}

static void issuers_have_names_of_their_own(void)
{
    apr_pool_t *pool = open_pool();
    cg_issuer_rows_t rows;
    static const char *const twice[] = {"corp " WHO "jwks=https://idp.test/a",
                                        "corp " WHO "jwks=https://idp.test/b"};
    CU_ASSERT_FALSE(is_legal(twice, 2, &rows, pool));
    const char *many[CG_ISSUERS_MAX + 1];
    for (int i = 0; i < CG_ISSUERS_MAX + 1; i++) {
        many[i] = apr_psprintf(pool, "n%d " WHO "jwks=https://idp.test/a", i);
    }
    CU_ASSERT_TRUE(is_legal(many, CG_ISSUERS_MAX, &rows, pool));
    CU_ASSERT_FALSE(is_legal(many, CG_ISSUERS_MAX + 1, &rows, pool));
    CU_ASSERT_TRUE(cg_issuers_read(NULL, as_it_is, &rows, NULL, pool));
    CU_ASSERT_EQUAL(rows.count, 0);
    apr_pool_destroy(pool);
}

static void issuers_that_differ_have_another_mark(void)
{
    apr_pool_t *pool = open_pool();
    cg_issuer_rows_t rows;
    uint64_t marks[4];
    const char *secrets[] = {
        file_of(CG_STR("0123456789abcdef0123456789abcdef\n"), pool),
        file_of(CG_STR("0123456789abcdef0123456789abcdeF\n"), pool)};
    const char *lines[] = {
        "corp " WHO "jwks=https://idp.test/a",
        "corp " WHO "jwks=https://idp.test/b",
        apr_pstrcat(pool, "corp " WHO "secret=file:", secrets[0], NULL),
        apr_pstrcat(pool, "corp " WHO "secret=file:", secrets[0], NULL)};
    for (size_t i = 0; i < 4; i++) {
        if (i == 3) { /* the same file, with another secret */
            rename(secrets[1], secrets[0]);
        }
        CU_ASSERT_TRUE_FATAL(is_legal(&lines[i], 1, &rows, pool));
        marks[i] = cg_issuers_make(&rows, NULL, NULL, pool)->mark;
        for (size_t j = 0; j < i; j++) {
            CU_ASSERT_NOT_EQUAL(marks[i], marks[j]);
        }
    }
    apr_pool_destroy(pool);
}

CU_TestInfo test_auth_issuers[] = {
    {"issuers are read with their defaults",
     issuers_are_read_with_their_defaults},
    {"issuers that are not whole or not safe are refused",
     issuers_that_are_not_whole_or_not_safe_are_refused},
    {"issuers have names of their own", issuers_have_names_of_their_own},
    {"issuers that differ have another mark",
     issuers_that_differ_have_another_mark},
    CU_TEST_INFO_NULL};
