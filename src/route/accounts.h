/* Accounts: the upstreams that may answer, with their credentials.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An account is one row of ChatGPTUpstream: NAME URL
 * [file:PATH|env:NAME|stored:NAME] [provider=NAME] [region=NAME]. The URL goes up to
 * and including the API's version segment, as in an SDK's base_url:
 * https://api.openai.com/v1. What is "stored" is not read here: it stands in the
 * store, sealed, and whoever has opened it lends it (cg_credentials_t).
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
    const cg_secret_t *credential; /* NULL: none, or stored */
    const char *credential_from;   /* "file", "env", "stored", "none" */
    const char *stored;            /* its name in the store; NULL: not stored */
} cg_account_t;

typedef struct cg_accounts_t {
    size_t count;
    cg_account_t rows[CG_ACCOUNTS_MAX];
} cg_accounts_t;

/* Stored credentials that are open now. lives in: a pool of its own, swapped whole
 * (flow/gateway.h) · const once in force */
typedef struct cg_credentials_t {
    int64_t serial; /* of what they were read from; -1: nothing was read yet */
    size_t count;
    struct {
        const char *name;
        int64_t version;
        const cg_secret_t *secret;
    } rows[CG_ACCOUNTS_MAX];
} cg_credentials_t;

/* Reads the rows of the directive (arrays of words). opens_credentials false
 * only checks, as configtest does for files that only root may read. */
bool cg_accounts_read(const apr_array_header_t *rows, bool opens_credentials,
                      cg_accounts_t *out, cg_error_t *err, apr_pool_t *pool);
/* NULL when there is none of that name. */
const cg_account_t *cg_accounts_find(const cg_accounts_t *accounts,
                                     const char *name);
/* The credential of an account; stored may be NULL. NULL: it has none, or none can
 * be had now. */
const cg_secret_t *cg_account_credential(const cg_account_t *account,
                                         const cg_credentials_t *stored);
/* Bit per account whose stored credential cannot be had now: nothing may be sent
 * to it, since it would go out without one. */
uint32_t cg_accounts_unready(const cg_accounts_t *accounts,
                             const cg_credentials_t *stored);
/* Adds the headers by which the provider knows the account. credential NULL: it
 * has none. */
void cg_account_headers(const cg_account_t *account,
                        const cg_secret_t *credential, apr_table_t *headers,
                        apr_pool_t *pool);

#endif
