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

#define CG_STORE_SEEDS_MAX 16

typedef enum cg_store_kind_t {
    CG_STORE_ONE,      /* one server */
    CG_STORE_SENTINEL, /* the primary that sentinels name */
    CG_STORE_CLUSTER   /* the primaries of a cluster, by slot */
} cg_store_kind_t;

typedef struct cg_store_address_t {
    const char *path; /* of a Unix socket; else NULL */
    const char *host;
    int port;
} cg_store_address_t;

typedef struct cg_store_url_t {
    cg_store_kind_t kind;
    bool is_tls; /* rediss:// */
    /* The server; the sentinels; or some nodes of the cluster. */
    cg_store_address_t seeds[CG_STORE_SEEDS_MAX];
    int seeds_count;
    const char *master; /* what sentinels call the primary; else NULL */
    int db;
    const char *user;            /* NULL: the default user */
    const cg_secret_t *password; /* NULL: none */
    const char *where; /* the url for people, without user and password */
} cg_store_url_t;

/* Reads url; err names what is wrong without repeating user or password. */
bool cg_store_url_parse(const char *url, cg_store_url_t *out, cg_error_t *err,
                        apr_pool_t *pool);
/* "host:port", an IPv6 host in brackets; a Unix socket as "unix:/path". */
const char *cg_store_address_text(const cg_store_address_t *address,
                                  apr_pool_t *pool);

#endif
