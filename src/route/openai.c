/* OpenAI, and the many servers that speak as it does.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <apr_strings.h>

#include "route/providers.h"

static void headers(const cg_secret_t *credential, apr_table_t *table,
                    apr_pool_t *pool)
{
    cg_str_t key = cg_secret_open(credential);
    apr_table_setn(table, "Authorization",
                   apr_psprintf(pool, "Bearer %.*s", (int)key.len, key.ptr));
}

/* What openai's own clients retry, less 409, which the caller may resolve. */
static bool is_retryable(int status)
{
    return status == 408 || status == 429 || (status >= 500 && status != 501);
}

static bool is_credential_dead(int status)
{
    return status == 401 || status == 402 || status == 403;
}

const cg_provider_t cg_provider_openai = {
    .name = "openai",
    .headers = headers,
    .is_retryable = is_retryable,
    .is_credential_dead = is_credential_dead,
};
