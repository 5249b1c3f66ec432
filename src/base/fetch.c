/* Outgoing HTTP calls of the gateway's own, never of a request.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One curl handle per call, or one per thread for those who call often: a handle
 * shared between threads would need a lock.
 */
#include "base/fetch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <apr_errno.h>
#include <apr_strings.h>
#include <curl/curl.h>

#include "base/digest.h"

#define CONNECT_FOR_DEFAULT apr_time_from_sec(2)
#define TOTAL_FOR_DEFAULT apr_time_from_sec(10)
#define ANSWER_MAX_DEFAULT ((size_t)1024 * 1024)

/* lives in: the stack of cg_fetch */
typedef struct exchange_t {
    const cg_fetch_t *call;
    CURL *curl;
    struct curl_slist *headers;
    cg_buf_t body;
    size_t body_max;
    bool is_too_large;
    apr_pool_t *pool;
} exchange_t;

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static pthread_key_t kept_handle; /* of each thread: a CURL, with connections */

static void close_kept(void *handle)
{
    curl_easy_cleanup(handle);
}

static void open_library(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        pthread_key_create(&kept_handle, close_kept) != 0) {
        abort();
    }
}

/* A reset handle keeps its connections, and nothing else of the last call. */
static CURL *open_handle(bool is_kept)
{
    CURL *curl = is_kept ? pthread_getspecific(kept_handle) : NULL;
    if (curl) {
        curl_easy_reset(curl);
        return curl;
    }
    curl = curl_easy_init();
    if (!curl || (is_kept && pthread_setspecific(kept_handle, curl) != 0)) {
        abort();
    }
    return curl;
}

/* ---- what may be sent ------------------------------------------------- */

/* Line ends would let a value become a header of its own. */
static bool is_one_line(const char *text)
{
    return strpbrk(text, "\r\n") == NULL;
}

static bool is_method(const char *text)
{
    return *text && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(text);
}

static const char *header_at(const cg_fetch_t *call, int i)
{
    return APR_ARRAY_IDX(call->headers, i, const char *);
}

static bool is_sound(const cg_fetch_t *call)
{
    if (!call->url || (call->method && !is_method(call->method))) {
        return false;
    }
    int count = call->headers ? call->headers->nelts : 0;
    for (int i = 0; i < count; i++) {
        if (!is_one_line(header_at(call, i))) {
            return false;
        }
    }
    return true;
}

/* ---- setting up ------------------------------------------------------- */

static size_t on_body(char *piece, size_t size, size_t count, void *data)
{
    exchange_t *exchange = data;
    size_t len = size * count;
    if (len > exchange->body_max - exchange->body.len) {
        exchange->is_too_large = true;
        return 0;
    }
    cg_buf_add(&exchange->body, piece, len);
    return len;
}

static void add_header(exchange_t *exchange, const char *line)
{
    struct curl_slist *longer = curl_slist_append(exchange->headers, line);
    if (!longer) {
        abort();
    }
    exchange->headers = longer;
}

/* Without "Expect:" curl would wait a second for servers that do not know
 * 100-continue. */
static void set_headers(exchange_t *exchange)
{
    const cg_fetch_t *call = exchange->call;
    add_header(exchange, "Expect:");
    int count = call->headers ? call->headers->nelts : 0;
    for (int i = 0; i < count; i++) {
        add_header(exchange, header_at(call, i));
    }
    curl_easy_setopt(exchange->curl, CURLOPT_HTTPHEADER, exchange->headers);
}

static void set_request(exchange_t *exchange)
{
    const cg_fetch_t *call = exchange->call;
    CURL *curl = exchange->curl;
    curl_easy_setopt(curl, CURLOPT_URL, call->url);
    if (call->socket) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, call->socket);
    }
    if (call->body.len) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)call->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.ptr);
    }
    bool is_head = call->method && strcmp(call->method, "HEAD") == 0;
    if (is_head) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
    else if (call->method) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    }
    set_headers(exchange);
}

/* curl asks once a second, and whenever something moves. */
static int on_progress(void *data, curl_off_t down_total, curl_off_t down,
                       curl_off_t up_total, curl_off_t up)
{
    const volatile int *stop = data;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return *stop != 0;
}

static long millis(apr_time_t wanted, apr_time_t fallback)
{
    apr_time_t micros = wanted > 0 ? wanted : fallback;
    return (long)((micros + 999) / 1000); /* 0 would mean no limit */
}

/* What holds of every call, whatever it speaks. */
static void set_care(CURL *curl, const char *authority, long connect_millis,
                     long total_millis, const volatile int *stop)
{
    if (stop) {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (void *)(uintptr_t)stop);
    }
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* not even from environment */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (authority) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, authority);
    }
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_millis);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, total_millis);
}

static void set_bounds(exchange_t *exchange)
{
    const cg_fetch_t *call = exchange->call;
    CURL *curl = exchange->curl;
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    set_care(curl, call->authority,
             millis(call->connect_for, CONNECT_FOR_DEFAULT),
             millis(call->total_for, TOTAL_FOR_DEFAULT), call->stop);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
}

/* ---- what came back --------------------------------------------------- */

/* "https://host:port" of a URL: an error must not show its user, password,
 * path or query. */
static const char *origin_of(const char *url, apr_pool_t *pool)
{
    CURLU *parts = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    const char *origin = "the URL";
    if (parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ==
            CURLUE_OK) {
        origin = apr_psprintf(pool, "%s://%s:%s", scheme, host, port);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return origin;
}

typedef struct failure_t {
    CURLcode code;
    apr_status_t status;
    const char *words;
} failure_t;

static const failure_t FAILURES[] = {
    {CURLE_URL_MALFORMAT, APR_EINVAL, "is not a URL"},
    {CURLE_UNSUPPORTED_PROTOCOL, APR_EINVAL, "only http and https are allowed"},
    {CURLE_COULDNT_RESOLVE_HOST, APR_EGENERAL,
     "the host name was not found; check the name and the resolver"},
    {CURLE_COULDNT_CONNECT, APR_ECONNREFUSED, "no connection"},
    {CURLE_OPERATION_TIMEDOUT, APR_TIMEUP, "no answer in time"},
    {CURLE_PEER_FAILED_VERIFICATION, APR_EGENERAL,
     "the server's certificate is not trusted"},
    {CURLE_SSL_CONNECT_ERROR, APR_EGENERAL, "the TLS handshake failed"},
    {CURLE_GOT_NOTHING, APR_EOF, "the connection closed without an answer"},
    {CURLE_PARTIAL_FILE, APR_EOF, "the answer was cut short"},
    {CURLE_RECV_ERROR, APR_EOF, "the connection broke"},
    {CURLE_ABORTED_BY_CALLBACK, APR_EINTR, "the call was given up"},
    {CURLE_USE_SSL_FAILED, APR_EGENERAL,
     "the server offers no STARTTLS, and mail leaves this machine only by TLS"},
    {CURLE_LOGIN_DENIED, APR_EACCES, "the server does not take the password"},
    {CURLE_SSL_CACERT_BADFILE, APR_EGENERAL,
     "the file of certificates cannot be read"},
};

static apr_status_t explain_code(CURL *curl, const char *origin, CURLcode code,
                                 cg_error_t *err)
{
    failure_t failure = {code, APR_EGENERAL, curl_easy_strerror(code)};
    for (size_t i = 0; i < sizeof FAILURES / sizeof FAILURES[0]; i++) {
        if (FAILURES[i].code == code) {
            failure = FAILURES[i];
        }
    }
    long os_error = 0;
    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
    char cause[120] = "";
    if (os_error && failure.status != APR_TIMEUP) {
        apr_strerror((apr_status_t)os_error, cause, sizeof cause);
    }
    cg_error_set(err, "%s: %s%s%s", origin, failure.words, *cause ? ": " : "",
                 cause);
    return failure.status;
}

static apr_status_t explain(const exchange_t *exchange, CURLcode code,
                            cg_error_t *err)
{
    const char *origin = origin_of(exchange->call->url, exchange->pool);
    if (exchange->is_too_large) {
        cg_error_set(err, "%s: the answer is larger than %zu bytes", origin,
                     exchange->body_max);
        return APR_ENOSPC;
    }
    return explain_code(exchange->curl, origin, code, err);
}

static apr_time_t took(CURL *curl, CURLINFO which)
{
    curl_off_t micros = 0;
    curl_easy_getinfo(curl, which, &micros);
    return (apr_time_t)micros;
}

static void read_facts(const exchange_t *exchange, cg_fetched_t *out)
{
    long status = 0;
    curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
    out->status = (int)status;
    out->body = (cg_str_t){exchange->body.ptr, exchange->body.len};
    out->connect_took = took(exchange->curl, CURLINFO_CONNECT_TIME_T);
    out->first_byte_took = took(exchange->curl, CURLINFO_STARTTRANSFER_TIME_T);
    out->total_took = took(exchange->curl, CURLINFO_TOTAL_TIME_T);
}

apr_status_t cg_fetch(const cg_fetch_t *call, cg_fetched_t *out,
                      cg_error_t *err, apr_pool_t *pool)
{
    *out = (cg_fetched_t){.body = CG_STR("")};
    if (!is_sound(call)) {
        cg_error_set(err, "not a call that may be sent: a URL is missing, or "
                          "method or headers hold forbidden characters");
        return APR_EINVAL;
    }
    pthread_once(&library_once, open_library);
    exchange_t exchange = {
        .call = call,
        .curl = open_handle(call->is_kept),
        .body_max = call->answer_max ? call->answer_max : ANSWER_MAX_DEFAULT,
        .pool = pool,
    };
    cg_buf_init(&exchange.body, 0, pool);
    set_request(&exchange);
    set_bounds(&exchange);
    CURLcode code = curl_easy_perform(exchange.curl);
    read_facts(&exchange, out);
    apr_status_t rv = APR_SUCCESS;
    if (code != CURLE_OK) {
        rv = explain(&exchange, code, err);
    }
    if (!call->is_kept) {
        curl_easy_cleanup(exchange.curl);
    }
    curl_slist_free_all(exchange.headers);
    return rv;
}

/* ---- mail -------------------------------------------------------------- */

/* What is left of a text that curl takes in pieces. */
static size_t on_upload(char *room, size_t size, size_t count, void *data)
{
    cg_str_t *left = data;
    size_t len = size * count < left->len ? size * count : left->len;
    memcpy(room, left->ptr, len);
    left->ptr += len;
    left->len -= len;
    return len;
}

/* What a server says is of no use to us, and must not go to standard output. */
static size_t on_nothing(char *piece, size_t size, size_t count, void *data)
{
    (void)piece;
    (void)data;
    return size * count;
}

static bool is_this_machine(const char *url)
{
    CURLU *parts = curl_url();
    char *host = NULL;
    bool is_here =
        parts && curl_url_set(parts, CURLUPART_URL, url,
                              CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
         (strncmp(host, "127.", 4) == 0 &&
          strspn(host, "0123456789.") == strlen(host)));
    curl_free(host);
    curl_url_cleanup(parts);
    return is_here;
}

static bool is_sound_mail(const cg_mail_t *mail)
{
    if (!mail->url || !mail->from || !mail->to || mail->to->nelts == 0 ||
        !is_one_line(mail->from)) {
        return false;
    }
    for (int i = 0; i < mail->to->nelts; i++) {
        if (!is_one_line(APR_ARRAY_IDX(mail->to, i, const char *))) {
            return false;
        }
    }
    return true;
}

static void set_mail(CURL *curl, const cg_mail_t *mail,
                     struct curl_slist *to, cg_str_t *left)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_SMTP | CURLPROTO_SMTPS);
#endif
    curl_easy_setopt(curl, CURLOPT_URL, mail->url);
    set_care(curl, mail->authority,
             millis(mail->connect_for, CONNECT_FOR_DEFAULT),
             millis(mail->total_for, TOTAL_FOR_DEFAULT), mail->stop);
    curl_easy_setopt(curl, CURLOPT_USE_SSL,
                     is_this_machine(mail->url) ? (long)CURLUSESSL_NONE
                                                : (long)CURLUSESSL_ALL);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, mail->from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_upload);
    curl_easy_setopt(curl, CURLOPT_READDATA, left);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_nothing);
}

/* curl keeps copies of what it is given here; the handle is closed soon. */
static void set_login(CURL *curl, const cg_mail_t *mail, apr_pool_t *pool)
{
    if (mail->user && mail->password) {
        char *password = cg_str_dup(cg_secret_open(mail->password), pool);
        curl_easy_setopt(curl, CURLOPT_USERNAME, mail->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, password);
        cg_wipe(password, strlen(password));
    }
}

apr_status_t cg_fetch_mail(const cg_mail_t *mail, int *out_reply,
                           cg_error_t *err, apr_pool_t *pool)
{
    struct curl_slist *to = NULL;
    cg_str_t left = mail->text;
    long reply = 0;
    apr_status_t rv = APR_SUCCESS;
    *out_reply = 0;
    if (!is_sound_mail(mail)) {
        cg_error_set(err, "not mail that may be sent: a URL or an address is "
                          "missing or holds forbidden characters");
        return APR_EINVAL;
    }
    pthread_once(&library_once, open_library);
    CURL *curl = open_handle(false);
    for (int i = 0; i < mail->to->nelts; i++) {
        to = curl_slist_append(to, APR_ARRAY_IDX(mail->to, i, const char *));
    }
    set_mail(curl, mail, to, &left);
    set_login(curl, mail, pool);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply);
    *out_reply = (int)reply;
    if (code != CURLE_OK) {
        const char *origin = origin_of(mail->url, pool);
        rv = explain_code(curl, origin, code, err);
        if (reply >= 400) {
            cg_error_set(err, "%s: the mail server said %ld", origin, reply);
        }
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(to);
    return rv;
}
