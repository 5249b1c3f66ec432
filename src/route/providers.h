/* Providers: whose wire an account speaks. One row, and one file, each.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_ROUTE_PROVIDERS_H
#define CG_ROUTE_PROVIDERS_H

#include "route/accounts.h"

typedef struct cg_provider_t {
    const char *name;
    /* Adds what shows the credential to the provider. */
    void (*headers)(const cg_secret_t *credential, apr_table_t *headers,
                    apr_pool_t *pool);
    /* Does an answer of this status deserve another account? */
    bool (*is_retryable)(int status);
    /* Does it say that the account's credential is dead? */
    bool (*is_credential_dead)(int status);
} cg_provider_t;

/* NULL when there is none of that name. */
const cg_provider_t *cg_provider_find(const char *name);
const char *cg_provider_names(apr_pool_t *pool); /* "openai|…" */

extern const cg_provider_t cg_provider_openai; /* openai.c */

#endif
