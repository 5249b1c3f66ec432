/* Accounts: the upstreams that may answer, with their credentials.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "route/accounts.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_uri.h>

#include "route/providers.h"

/* A blank or a control character would end the request line early. */
static bool is_printable(cg_str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c >= 0x7F) {
            return false;
        }
    }
    return text.len > 0;
}

/* apr_uri_parse would take 65616 for 80. */
static bool is_port(const char *text)
{
    int64_t port;
    return !text ||
           (cg_parse_count(cg_str(text), &port) && port >= 1 && port <= 65535);
}

/* What was typed is not repeated: it may hold a password. */
static bool read_url(cg_account_t *account, const char *url, cg_error_t *err,
                     apr_pool_t *pool)
{
    apr_uri_t uri;
    bool is_url = is_printable(cg_str(url)) &&
                  apr_uri_parse(pool, url, &uri) == APR_SUCCESS && uri.scheme &&
                  uri.hostname && uri.hostname[0] && !uri.user && !uri.query &&
                  !uri.fragment && is_port(uri.port_str);
    bool is_http = is_url && strcmp(uri.scheme, "http") == 0;
    account->is_tls = is_url && strcmp(uri.scheme, "https") == 0;
    if (!is_http && !account->is_tls) {
        cg_error_set(err,
                     "the URL of %s is not legal; legal: "
                     "http://host[:port]/path or https://host[:port]/path, up "
                     "to the version segment, without user, query or fragment",
                     account->name);
        return false;
    }
    apr_port_t port = uri.port ? uri.port : account->is_tls ? 443 : 80;
    const char *path = uri.path ? uri.path : "";
    size_t len = strlen(path);
    while (len && path[len - 1] == '/') {
        len--;
    }
    bool is_v6 = strchr(uri.hostname, ':') != NULL;
    account->origin =
        apr_psprintf(pool, "%s://%s%s%s:%d", uri.scheme, is_v6 ? "[" : "",
                     uri.hostname, is_v6 ? "]" : "", (int)port);
    account->base =
        apr_psprintf(pool, "%s%.*s", account->origin, (int)len, path);
    return true;
}

static bool is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                              "WXYZ0123456789-_.");
    return len > 0 && len <= 64 && !name[len];
}

static bool read_credential(cg_account_t *account, const char *word, bool opens,
                            cg_error_t *err, apr_pool_t *pool)
{
    cg_secret_t *secret = NULL;
    apr_status_t rv = APR_SUCCESS;
    bool is_file = strncmp(word, "file:", 5) == 0;
    account->credential_from = is_file ? "file" : "env";
    if (opens && is_file) {
        rv = cg_secret_load(word + 5, &secret, err, pool);
    }
    else if (opens) {
        rv = cg_secret_from_env(word + 4, &secret, err, pool);
    }
    if (secret && !is_printable(cg_secret_open(secret))) {
        cg_error_set(err,
                     "the credential of %s is not legal; legal: one line "
                     "of printable ASCII without blanks",
                     account->name);
        return false;
    }
    account->credential = secret;
    return rv == APR_SUCCESS;
}

static bool read_word(cg_account_t *account, const char *word, bool opens,
                      cg_error_t *err, apr_pool_t *pool)
{
    if (strncmp(word, "file:", 5) == 0 || strncmp(word, "env:", 4) == 0) {
        return read_credential(account, word, opens, err, pool);
    }
    if (strncmp(word, "stored:", 7) == 0 && is_name(word + 7)) {
        account->stored = apr_pstrdup(pool, word + 7);
        account->credential_from = "stored";
        return true;
    }
    if (strncmp(word, "provider=", 9) == 0 && cg_provider_find(word + 9)) {
        account->provider = apr_pstrdup(pool, word + 9);
        return true;
    }
    if (strncmp(word, "region=", 7) == 0 && is_name(word + 7)) {
        account->region = apr_pstrdup(pool, word + 7);
        return true;
    }
    /* The word may be a credential that was typed here by mistake. */
    cg_error_set(err,
                 "a word is not legal; legal: file:PATH, env:NAME, "
                 "stored:NAME, provider=%s, region=NAME",
                 cg_provider_names(pool));
    return false;
}

static bool read_account(const apr_array_header_t *words, bool opens,
                         cg_accounts_t *accounts, cg_error_t *err,
                         apr_pool_t *pool)
{
    if (words->nelts < 2 || accounts->count == CG_ACCOUNTS_MAX) {
        cg_error_set(err,
                     "legal: NAME URL [file:PATH|env:NAME|stored:NAME] "
                     "[provider=NAME] [region=NAME], at most %d times",
                     CG_ACCOUNTS_MAX);
        return false;
    }
    cg_account_t *account = &accounts->rows[accounts->count];
    const char *name = APR_ARRAY_IDX(words, 0, const char *);
    *account = (cg_account_t){.index = (int)accounts->count,
                              .name = name,
                              .provider = "openai",
                              .credential_from = "none"};
    if (!is_name(name) || cg_accounts_find(accounts, name)) {
        cg_error_set(err,
                     "\"%s\" is not legal or stands twice; legal: a name "
                     "of letters, digits, - _ .",
                     name);
        return false;
    }
    if (!read_url(account, APR_ARRAY_IDX(words, 1, const char *), err, pool)) {
        return false;
    }
    for (int i = 2; i < words->nelts; i++) {
        const char *word = APR_ARRAY_IDX(words, i, const char *);
        if (!read_word(account, word, opens, err, pool)) {
            return false;
        }
    }
    accounts->count++;
    return true;
}

bool cg_accounts_read(const apr_array_header_t *rows, bool opens_credentials,
                      cg_accounts_t *out, cg_error_t *err, apr_pool_t *pool)
{
    *out = (cg_accounts_t){0};
    for (int i = 0; rows && i < rows->nelts; i++) {
        cg_error_t why;
        const apr_array_header_t *words =
            APR_ARRAY_IDX(rows, i, const apr_array_header_t *);
        if (!read_account(words, opens_credentials, out, &why, pool)) {
            cg_error_set(err, "ChatGPTUpstream: %s", why.text);
            return false;
        }
    }
    return true;
}

const cg_account_t *cg_accounts_find(const cg_accounts_t *accounts,
                                     const char *name)
{
    for (size_t i = 0; i < accounts->count; i++) {
        if (strcmp(accounts->rows[i].name, name) == 0) {
            return &accounts->rows[i];
        }
    }
    return NULL;
}

const cg_secret_t *cg_account_credential(const cg_account_t *account,
                                         const cg_credentials_t *stored)
{
    if (!account->stored) {
        return account->credential;
    }
    for (size_t i = 0; stored && i < stored->count; i++) {
        if (strcmp(stored->rows[i].name, account->stored) == 0) {
            return stored->rows[i].secret;
        }
    }
    return NULL;
}

uint32_t cg_accounts_unready(const cg_accounts_t *accounts,
                             const cg_credentials_t *stored)
{
    uint32_t unready = 0;
    for (size_t i = 0; i < accounts->count; i++) {
        const cg_account_t *account = &accounts->rows[i];
        if (account->stored && !cg_account_credential(account, stored)) {
            unready |= UINT32_C(1) << i;
        }
    }
    return unready;
}

void cg_account_headers(const cg_account_t *account,
                        const cg_secret_t *credential, apr_table_t *headers,
                        apr_pool_t *pool)
{
    if (credential) {
        cg_provider_find(account->provider)->headers(credential, headers, pool);
    }
}
