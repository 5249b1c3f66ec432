/* Outgoing HTTP calls of the gateway's own (probes, the external detector, webhooks),
 * never to an upstream for a request, and mail; the only file that knows libcurl.
 * SPDX-License-Identifier: Apache-2.0
 *
 * http and https only, no redirects, no proxy from the environment, TLS
 * verified, bounded answer. Mail by smtp and smtps; smtp must become TLS (STARTTLS),
 * verified too, unless it goes to this machine. Threads may call it at the same time.
 */
#ifndef CG_BASE_FETCH_H
#define CG_BASE_FETCH_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "base/error.h"
#include "base/secret.h"
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
    const char *authority; /* file of certificates; NULL: the system's */
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

typedef struct cg_mail_t {
    const char *url; /* smtp://host:port, smtps://host:port */
    const char *from;
    const apr_array_header_t *to; /* of const char * */
    cg_str_t text;                /* headers and body; CRLF at each end */
    const char *user;             /* NULL: nobody signs in */
    const cg_secret_t *password;
    const char *authority; /* as above */
    apr_time_t connect_for;
    apr_time_t total_for;
    const volatile int *stop; /* as above */
} cg_mail_t;

/* APR_SUCCESS when the server has taken it for all its addresses. *out_reply: the
 * server's last number, 0 when it said none. */
apr_status_t cg_fetch_mail(const cg_mail_t *mail, int *out_reply,
                           cg_error_t *err, apr_pool_t *pool);

#endif
