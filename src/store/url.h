/* Where the store is: reading its url.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For the store's own files.
 */
#ifndef CG_STORE_URL_H
#define CG_STORE_URL_H

#include <stdbool.h>

#include <apr_pools.h>

#include "base/error.h"
#include "base/secret.h"

typedef struct cg_store_url_t {
    const char *path; /* of a Unix socket; else NULL */
    const char *host;
    int port;
    int db;
    const char *user;      /* NULL: the default user */
    cg_secret_t *password; /* NULL: none */
    const char *where;     /* the url for people, without user and password */
} cg_store_url_t;

/* Reads url; err names what is wrong without repeating user or password. */
bool cg_store_url_parse(const char *url, cg_store_url_t *out, cg_error_t *err,
                        apr_pool_t *pool);

#endif
