/* TLS to the store: whom we trust, who we are, and a session over a socket.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For the store's own files. Our own, and not hiredis' helper: that one exists
 * from 1.0 on only, and its releases send the server's name without comparing it
 * with the certificate. So TLS works with every hiredis.
 *
 * A cg_tls_t is made by who may read the private key (the parent process of
 * httpd) and used by all children.
 */
#ifndef CG_STORE_TLS_H
#define CG_STORE_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include <apr_errno.h>
#include <apr_pools.h>

#include "base/error.h"

typedef struct cg_tls_t cg_tls_t;
typedef struct ssl_st cg_tls_session_t;

typedef struct cg_tls_files_t {
    const char *ca;          /* PEM; NULL: those that the system trusts */
    const char *certificate; /* PEM, with its chain; NULL: none */
    const char *key;         /* PEM; NULL: it stands in certificate */
    const char *server_name; /* NULL: the host that is connected to */
} cg_tls_files_t;

/* Reads the files; err says which of them is wrong. Lives as long as pool. */
apr_status_t cg_tls_open(cg_tls_t **out, const cg_tls_files_t *files,
                         cg_error_t *err, apr_pool_t *pool);
/* The handshake, over a socket that blocks with a time-out. The server has to
 * prove that it is host (or server_name). */
apr_status_t cg_tls_begin(const cg_tls_t *tls, int fd, const char *host,
                          cg_tls_session_t **out, cg_error_t *err);
/* All of it, or a status: APR_TIMEUP, APR_ECONNRESET. */
apr_status_t cg_tls_write(cg_tls_session_t *session, const char *bytes,
                          size_t len);
/* What has arrived, at least a byte. */
apr_status_t cg_tls_read(cg_tls_session_t *session, char *out, size_t room,
                         size_t *out_len);
/* Is there something deciphered that was not read yet? poll does not know. */
bool cg_tls_has_more(const cg_tls_session_t *session);
void cg_tls_end(cg_tls_session_t *session);

#endif
