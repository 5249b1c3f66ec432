/* Outgoing HTTP calls of the gateway's own (probes, the external detector), never
 * to an upstream for a request; the only file that knows libcurl.
 * SPDX-License-Identifier: Apache-2.0
 *
 * http and https only, no redirects, no proxy from the environment, TLS
 * verified, bounded answer. Threads may call it at the same time.
 */
#ifndef CG_BASE_FETCH_H
#define CG_BASE_FETCH_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "base/error.h"
#include "base/text.h"

typedef struct cg_fetch_t {
    const char *method; /* NULL: GET, or POST with a body */
    const char *url;
    const char *socket; /* path of a socket to go by; NULL: as the URL says */
    const apr_array_header_t *headers; /* of const char * "Name: value"; NULL */
    cg_str_t body;
    apr_time_t connect_for; /* 0: 2 s */
    apr_time_t total_for;   /* 0: 10 s */
    size_t answer_max;      /* bytes; 0: 1 MiB */
    bool is_kept; /* the connection stays open for the thread's next call */
    const volatile int *stop; /* not 0: the call ends within a second; NULL */
} cg_fetch_t;

typedef struct cg_fetched_t {
    int status; /* HTTP status; 0 when none came */
    cg_str_t body;
    apr_time_t connect_took;
    apr_time_t first_byte_took;
    apr_time_t total_took;
} cg_fetched_t;

/* APR_SUCCESS whenever an HTTP answer came, whatever its status. */
apr_status_t cg_fetch(const cg_fetch_t *call, cg_fetched_t *out,
                      cg_error_t *err, apr_pool_t *pool);

#endif
