/* TLS to the store: the only file of this room that knows OpenSSL.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/tls.h"

#include <errno.h>

#include <apr_network_io.h>
#include <apr_strings.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* lives in: configuration pool · used by: every thread of every child */
struct cg_tls_t {
    SSL_CTX *context;
    const char *server_name;
};

static apr_status_t end_tls(void *data)
{
    cg_tls_t *tls = data;
    SSL_CTX_free(tls->context);
    return APR_SUCCESS;
}

/* OpenSSL's own words for the last error, without its numbers. */
static const char *reason(void)
{
    const char *words = ERR_reason_error_string(ERR_peek_last_error());
    return words ? words : "no reason given";
}

static apr_status_t refuse(cg_error_t *err, const char *what, const char *path)
{
    /* The first error is the cause; of the system's own there are no words. */
    const char *words = ERR_reason_error_string(ERR_peek_error());
    cg_error_set(err, "%s %s: %s", what, path,
                 words ? words : "it cannot be read");
    ERR_clear_error();
    return APR_EINVAL;
}

static apr_status_t read_files(SSL_CTX *context, const cg_tls_files_t *files,
                               cg_error_t *err)
{
    const char *key = files->key ? files->key : files->certificate;
    if (files->ca ? SSL_CTX_load_verify_locations(context, files->ca, NULL) != 1
                  : SSL_CTX_set_default_verify_paths(context) != 1) {
        return refuse(err, "ca", files->ca ? files->ca : "of the system");
    }
    if (files->certificate &&
        SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1) {
        return refuse(err, "certificate", files->certificate);
    }
    if (files->certificate &&
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        return refuse(err, "key", key);
    }
    if (files->certificate && SSL_CTX_check_private_key(context) != 1) {
        return refuse(err, "key", key);
    }
    return APR_SUCCESS;
}

/* A key under a passphrase must not make httpd ask for it at a terminal. */
static int on_passphrase(char *out, int room, int is_writing, void *unused)
{
    (void)out;
    (void)room;
    (void)is_writing;
    (void)unused;
    return 0;
}

apr_status_t cg_tls_open(cg_tls_t **out, const cg_tls_files_t *files,
                         cg_error_t *err, apr_pool_t *pool)
{
    cg_tls_t *tls = apr_pcalloc(pool, sizeof *tls);
    ERR_clear_error();
    tls->context = SSL_CTX_new(TLS_client_method());
    if (!tls->context) {
        cg_error_set(err, "TLS: %s", reason());
        return APR_ENOMEM;
    }
    apr_pool_cleanup_register(pool, tls, end_tls, apr_pool_cleanup_null);
    tls->server_name = apr_pstrdup(pool, files->server_name);
    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_default_passwd_cb(tls->context, on_passphrase);
    *out = tls;
    return read_files(tls->context, files, err);
}

static bool is_address(const char *name)
{
    ASN1_OCTET_STRING *bytes = a2i_IPADDRESS(name);
    bool is_one = bytes != NULL;
    ASN1_OCTET_STRING_free(bytes);
    ERR_clear_error();
    return is_one;
}

/* Whose certificate will do. */
static bool demand(SSL *session, const char *name)
{
    if (is_address(name)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name) ==
               1;
    }
    return SSL_set_tlsext_host_name(session, name) == 1 &&
           SSL_set1_host(session, name) == 1;
}

/* What a call that did not succeed means; at_errno is errno just after it. */
static apr_status_t status_of(const SSL *session, int got, int at_errno)
{
    int why = SSL_get_error(session, got);
    bool is_late = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ||
                   (why == SSL_ERROR_SYSCALL &&
                    (at_errno == EAGAIN || at_errno == EWOULDBLOCK));
    return is_late ? APR_TIMEUP : APR_ECONNRESET;
}

apr_status_t cg_tls_begin(const cg_tls_t *tls, int fd, const char *host,
                          cg_tls_session_t **out, cg_error_t *err)
{
    const char *name = tls->server_name ? tls->server_name : host;
    ERR_clear_error();
    SSL *session = SSL_new(tls->context);
    if (!session || SSL_set_fd(session, fd) != 1 || !demand(session, name)) {
        cg_error_set(err, "TLS: %s", reason());
        SSL_free(session);
        return APR_EGENERAL;
    }
    errno = 0;
    int got = SSL_connect(session);
    if (got == 1) {
        *out = session;
        return APR_SUCCESS;
    }
    apr_status_t rv = status_of(session, got, errno);
    long verdict = SSL_get_verify_result(session);
    cg_error_set(err, "TLS: %s",
                 rv == APR_TIMEUP       ? "no answer in time"
                 : verdict != X509_V_OK ? X509_verify_cert_error_string(verdict)
                                        : reason());
    ERR_clear_error();
    SSL_free(session);
    return rv == APR_TIMEUP ? rv : APR_EGENERAL;
}

apr_status_t cg_tls_write(cg_tls_session_t *session, const char *bytes,
                          size_t len)
{
    size_t sent = 0;
    while (sent < len) {
        size_t now = 0;
        ERR_clear_error();
        errno = 0;
        int got = SSL_write_ex(session, bytes + sent, len - sent, &now);
        if (got != 1) {
            return status_of(session, got, errno);
        }
        sent += now;
    }
    return APR_SUCCESS;
}

apr_status_t cg_tls_read(cg_tls_session_t *session, char *out, size_t room,
                         size_t *out_len)
{
    ERR_clear_error();
    errno = 0;
    int got = SSL_read_ex(session, out, room, out_len);
    return got == 1 ? APR_SUCCESS : status_of(session, got, errno);
}

bool cg_tls_has_more(const cg_tls_session_t *session)
{
    return SSL_pending(session) > 0;
}

void cg_tls_end(cg_tls_session_t *session)
{
    if (session) {
        SSL_shutdown(session);
        ERR_clear_error();
        SSL_free(session);
    }
}
