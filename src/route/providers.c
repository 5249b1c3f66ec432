/* Providers: whose wire an account speaks. One row, and one file, each.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "route/providers.h"

#include <string.h>

#include <apr_strings.h>

static const cg_provider_t *const providers[] = {
    &cg_provider_openai, /* and whatever speaks as OpenAI does */
};

enum { PROVIDERS = sizeof providers / sizeof providers[0] };

const cg_provider_t *cg_provider_find(const char *name)
{
    for (int i = 0; i < PROVIDERS; i++) {
        if (strcmp(providers[i]->name, name) == 0) {
            return providers[i];
        }
    }
    return NULL;
}

const char *cg_provider_names(apr_pool_t *pool)
{
    const char *names = providers[0]->name;
    for (int i = 1; i < PROVIDERS; i++) {
        names = apr_pstrcat(pool, names, "|", providers[i]->name, NULL);
    }
    return names;
}
