/* Accounts: the upstreams that may answer, with their credentials.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An account is one row of ChatGPTUpstream: NAME URL [file:PATH|env:NAME]
 * [provider=NAME] [region=NAME]. The URL goes up to and including the API's version segment,
 * as in an SDK's base_url: https://api.openai.com/v1.
 */
#ifndef CG_ROUTE_ACCOUNTS_H
#define CG_ROUTE_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include <apr_pools.h>
#include <apr_tables.h>

#include "base/error.h"
#include "base/secret.h"
#include "base/text.h"

#define CG_ACCOUNTS_MAX 32

/* lives in: configuration pool · const once read */
typedef struct cg_account_t {
    int index;
    const char *name;
    const char *provider; /* row of route/providers.c */
    const char *base;     /* URL without a slash at its end */
    const char *origin;   /* scheme://host:port */
    const char *region; /* where it stands, as rules call it; NULL: not said */
    bool is_tls;
    const cg_secret_t *credential; /* NULL: none */
    const char *credential_from;   /* "file", "env", "none" */
} cg_account_t;

typedef struct cg_accounts_t {
    size_t count;
    cg_account_t rows[CG_ACCOUNTS_MAX];
} cg_accounts_t;

/* Reads the rows of the directive (arrays of words). opens_credentials false
 * only checks, as configtest does for files that only root may read. */
bool cg_accounts_read(const apr_array_header_t *rows, bool opens_credentials,
                      cg_accounts_t *out, cg_error_t *err, apr_pool_t *pool);
/* NULL when there is none of that name. */
const cg_account_t *cg_accounts_find(const cg_accounts_t *accounts,
                                     const char *name);
/* Adds the headers by which the provider knows the account. */
void cg_account_headers(const cg_account_t *account, apr_table_t *headers,
                        apr_pool_t *pool);

#endif
