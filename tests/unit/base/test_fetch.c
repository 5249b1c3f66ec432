/* Outgoing calls, against a server that answers one connection and no more.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/fetch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n"

typedef struct server_t {
    int listener;
    int port;
    const char *answer; /* NULL: read, then say nothing until the caller goes */
    const char *needle; /* a request is whole when it ends with this */
    char request[8192];
    size_t request_len;
    pthread_t thread;
} server_t;

static apr_pool_t *open_pool(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    return pool;
}

static bool has_whole_request(const server_t *server)
{
    size_t len = strlen(server->needle);
    return server->request_len >= len &&
           memcmp(server->request + server->request_len - len, server->needle,
                  len) == 0;
}

/* More bytes within five seconds? */
static bool read_more(server_t *server, int caller)
{
    struct pollfd ready = {.fd = caller, .events = POLLIN};
    size_t room = sizeof server->request - 1 - server->request_len;
    if (poll(&ready, 1, 5000) <= 0 || room == 0) {
        return false;
    }
    ssize_t got = read(caller, server->request + server->request_len, room);
    if (got <= 0) {
        return false;
    }
    server->request_len += (size_t)got;
    return true;
}

static void *serve(void *data)
{
    server_t *server = data;
    struct pollfd ready = {.fd = server->listener, .events = POLLIN};
    if (poll(&ready, 1, 5000) <= 0) {
        return NULL;
    }
    int caller = accept(server->listener, NULL, NULL);
    bool is_open = true;
    while (is_open && !has_whole_request(server)) {
        is_open = read_more(server, caller);
    }
    server->request[server->request_len] = '\0';
    if (server->answer) {
        send(caller, server->answer, strlen(server->answer), MSG_NOSIGNAL);
    } else {
        read_more(server, caller);
    }
    close(caller);
    return NULL;
}

static void listen_on(server_t *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    bind(server->listener, (struct sockaddr *)&address, len);
    listen(server->listener, 1);
    getsockname(server->listener, (struct sockaddr *)&address, &len);
    server->port = ntohs(address.sin_port);
}

static void open_server_for(server_t *server, const char *needle,
                            const char *answer)
{
    *server = (server_t){.answer = answer, .needle = needle};
    listen_on(server);
    pthread_create(&server->thread, NULL, serve, server);
}

static void open_server(server_t *server, const char *answer)
{
    open_server_for(server, "\r\n\r\n", answer);
}

static void close_server(server_t *server)
{
    pthread_join(server->thread, NULL);
    close(server->listener);
}

static int closed_port(void)
{
    server_t server;
    listen_on(&server);
    close(server.listener);
    return server.port;
}

static const char *url_of(int port, const char *rest, apr_pool_t *pool)
{
    cg_buf_t buf;
    cg_buf_init(&buf, 0, pool);
    cg_buf_fmt(&buf, "http://127.0.0.1:%d%s", port, rest);
    return cg_buf_cstr(&buf);
}

/* ---- answers ---------------------------------------------------------- */

static void an_answer_comes_with_status_body_and_times(void)
{
    apr_pool_t *pool = open_pool();
    server_t server;
    open_server(&server, OK_HEAD "Content-Length: 5\r\n\r\nhello");
    cg_fetch_t call = {.url = url_of(server.port, "/v1/models?x=1", pool)};
    cg_fetched_t got;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL(cg_fetch(&call, &got, &err, pool), APR_SUCCESS);
    close_server(&server);
    CU_ASSERT_EQUAL(got.status, 200);
    CU_ASSERT_TRUE(cg_str_is(got.body, "hello"));
    CU_ASSERT_TRUE(got.connect_took <= got.first_byte_took);
    CU_ASSERT_TRUE(got.first_byte_took <= got.total_took);
    CU_ASSERT_TRUE(got.total_took > 0 && got.total_took < apr_time_from_sec(5));
    CU_ASSERT_EQUAL(
        strncmp(server.request, "GET /v1/models?x=1 HTTP/1.1\r\n", 29), 0);
    apr_pool_destroy(pool);
}

static void a_body_is_posted_with_the_given_headers(void)
{
    apr_pool_t *pool = open_pool();
    apr_array_header_t *headers = apr_array_make(pool, 2, sizeof(char *));
    APR_ARRAY_PUSH(headers, const char *) = "Content-Type: application/json";
    APR_ARRAY_PUSH(headers, const char *) = "X-Probe: 1";
    server_t server;
    open_server_for(&server, "{\"a\":1}", OK_HEAD "Content-Length: 0\r\n\r\n");
    cg_fetch_t call = {
        .url = url_of(server.port, "/", pool),
        .headers = headers,
        .body = CG_STR("{\"a\":1}"),
    };
    cg_fetched_t got;
    CU_ASSERT_EQUAL(cg_fetch(&call, &got, NULL, pool), APR_SUCCESS);
    close_server(&server);
    CU_ASSERT_EQUAL(got.body.len, 0);
    CU_ASSERT_EQUAL(strncmp(server.request, "POST / HTTP/1.1\r\n", 17), 0);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(server.request, "\r\nContent-Type: application/json\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(server.request, "\r\nX-Probe: 1\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(server.request, "\r\nContent-Length: 7\r\n"));
    CU_ASSERT_PTR_NULL(strstr(server.request, "Expect"));
    apr_pool_destroy(pool);
}

static void other_methods_are_sent_as_named(void)
{
    static const char *const METHODS[] = {"DELETE", "HEAD", "PUT"};
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < 3; i++) {
        server_t server;
        open_server(&server, "HTTP/1.1 204 No Content\r\n"
                             "Connection: close\r\n\r\n");
        cg_fetch_t call = {
            .method = METHODS[i],
            .url = url_of(server.port, "/x", pool),
        };
        cg_fetched_t got;
        CU_ASSERT_EQUAL(cg_fetch(&call, &got, NULL, pool), APR_SUCCESS);
        close_server(&server);
        CU_ASSERT_EQUAL(got.status, 204);
        size_t len = strlen(METHODS[i]);
        CU_ASSERT_EQUAL(strncmp(server.request, METHODS[i], len), 0);
        CU_ASSERT_EQUAL(server.request[len], ' ');
    }
    apr_pool_destroy(pool);
}

static void a_redirect_is_an_answer_and_is_not_followed(void)
{
    apr_pool_t *pool = open_pool();
    server_t server;
    open_server(&server, "HTTP/1.1 302 Found\r\nConnection: close\r\n"
                         "Location: http://127.0.0.1:1/\r\n"
                         "Content-Length: 0\r\n\r\n");
    cg_fetch_t call = {.url = url_of(server.port, "/", pool)};
    cg_fetched_t got;
    CU_ASSERT_EQUAL(cg_fetch(&call, &got, NULL, pool), APR_SUCCESS);
    close_server(&server);
    CU_ASSERT_EQUAL(got.status, 302);
    apr_pool_destroy(pool);
}

static void proxies_of_the_environment_are_ignored(void)
{
    apr_pool_t *pool = open_pool();
    setenv("http_proxy", url_of(closed_port(), "/", pool), 1);
    setenv("all_proxy", url_of(closed_port(), "/", pool), 1);
    server_t server;
    open_server(&server, OK_HEAD "Content-Length: 2\r\n\r\nok");
    cg_fetch_t call = {.url = url_of(server.port, "/", pool)};
    cg_fetched_t got;
    CU_ASSERT_EQUAL(cg_fetch(&call, &got, NULL, pool), APR_SUCCESS);
    close_server(&server);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    CU_ASSERT_EQUAL(got.status, 200);
    apr_pool_destroy(pool);
}

/* ---- what goes wrong -------------------------------------------------- */

static void an_answer_larger_than_the_bound_is_an_error(void)
{
    apr_pool_t *pool = open_pool();
    server_t server;
    open_server(&server, OK_HEAD "\r\n0123456789");
    cg_fetch_t call = {
        .url = url_of(server.port, "/", pool),
        .answer_max = 9,
    };
    cg_fetched_t got;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL(cg_fetch(&call, &got, &err, pool), APR_ENOSPC);
    close_server(&server);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "larger than 9 bytes"));
    open_server(&server, OK_HEAD "\r\n012345678");
    call.url = url_of(server.port, "/", pool);
    CU_ASSERT_EQUAL(cg_fetch(&call, &got, &err, pool), APR_SUCCESS);
    close_server(&server);
    CU_ASSERT_EQUAL(got.body.len, 9);
    apr_pool_destroy(pool);
}

static void an_answer_cut_short_is_an_error(void)
{
    apr_pool_t *pool = open_pool();
    server_t server;
    open_server(&server, OK_HEAD "Content-Length: 100\r\n\r\nhello");
    cg_fetch_t call = {.url = url_of(server.port, "/", pool)};
    cg_fetched_t got;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL(cg_fetch(&call, &got, &err, pool), APR_EOF);
    close_server(&server);
    CU_ASSERT_EQUAL(got.status, 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cut short"));
    apr_pool_destroy(pool);
}

static void no_answer_at_all_is_an_error(void)
{
    apr_pool_t *pool = open_pool();
    server_t server;
    open_server(&server, "");
    cg_fetch_t call = {.url = url_of(server.port, "/", pool)};
    cg_fetched_t got;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL(cg_fetch(&call, &got, &err, pool), APR_EOF);
    close_server(&server);
    CU_ASSERT_EQUAL(got.status, 0);
    CU_ASSERT_TRUE(*err.text != '\0');
    apr_pool_destroy(pool);
}

static void a_silent_server_is_left_in_time(void)
{
    apr_pool_t *pool = open_pool();
    server_t server;
    open_server(&server, NULL);
    cg_fetch_t call = {
        .url = url_of(server.port, "/", pool),
        .total_for = 100000,
    };
    cg_fetched_t got;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL(cg_fetch(&call, &got, &err, pool), APR_TIMEUP);
    close_server(&server);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no answer in time"));
    CU_ASSERT_TRUE(got.total_took < 2000000);
    apr_pool_destroy(pool);
}

static void a_closed_port_is_named_without_the_urls_secrets(void)
{
    apr_pool_t *pool = open_pool();
    cg_buf_t url;
    cg_buf_init(&url, 0, pool);
    int port = closed_port();
    cg_buf_fmt(&url, "http://user:hunter2@127.0.0.1:%d/p?key=hunter2", port);
    cg_fetch_t call = {.url = cg_buf_cstr(&url)};
    cg_fetched_t got;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL(cg_fetch(&call, &got, &err, pool), APR_ECONNREFUSED);
    CU_ASSERT_EQUAL(got.status, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, url_of(port, ": ", pool)));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "refused"));
    CU_ASSERT_PTR_NULL(strstr(err.text, "hunter2"));
    apr_pool_destroy(pool);
}

static void only_http_and_https_are_spoken(void)
{
    static const char *const URLS[] = {
        "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/",
        "not a url",          "http://",          "",
    };
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof URLS / sizeof URLS[0]; i++) {
        cg_fetch_t call = {.url = URLS[i]};
        cg_fetched_t got;
        cg_error_t err = {""};
        CU_ASSERT_EQUAL(cg_fetch(&call, &got, &err, pool), APR_EINVAL);
        CU_ASSERT_TRUE(*err.text != '\0');
    }
    apr_pool_destroy(pool);
}

static void what_would_add_lines_to_the_request_is_not_sent(void)
{
    apr_pool_t *pool = open_pool();
    apr_array_header_t *headers = apr_array_make(pool, 1, sizeof(char *));
    APR_ARRAY_PUSH(headers, const char *) = "X: 1\r\nAuthorization: y";
    const char *url = url_of(closed_port(), "/", pool);
    const cg_fetch_t calls[] = {
        {.url = NULL},
        {.url = url, .method = "GET / HTTP/1.1\r\n\r\n"},
        {.url = url, .method = ""},
        {.url = url, .headers = headers},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        cg_fetched_t got;
        CU_ASSERT_EQUAL(cg_fetch(&calls[i], &got, NULL, pool), APR_EINVAL);
    }
    apr_pool_destroy(pool);
}

/* ---- many at once ----------------------------------------------------- */

static void *fetch_once(void *data)
{
    int *port = data;
    apr_pool_t *pool = open_pool();
    cg_fetch_t call = {.url = url_of(*port, "/", pool)};
    cg_fetched_t got;
    apr_status_t rv = cg_fetch(&call, &got, NULL, pool);
    *port = rv == APR_SUCCESS && cg_str_is(got.body, "hi") ? 0 : -1;
    apr_pool_destroy(pool);
    return NULL;
}

static void threads_may_call_at_the_same_time(void)
{
    enum { COUNT = 4 };
    server_t servers[COUNT];
    pthread_t threads[COUNT];
    int ports[COUNT];
    for (int i = 0; i < COUNT; i++) {
        open_server(&servers[i], OK_HEAD "Content-Length: 2\r\n\r\nhi");
        ports[i] = servers[i].port;
        pthread_create(&threads[i], NULL, fetch_once, &ports[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        pthread_join(threads[i], NULL);
        close_server(&servers[i]);
        CU_ASSERT_EQUAL(ports[i], 0);
    }
}

CU_TestInfo test_base_fetch[] = {
    {"an_answer_comes_with_status_body_and_times",
     an_answer_comes_with_status_body_and_times},
    {"a_body_is_posted_with_the_given_headers",
     a_body_is_posted_with_the_given_headers},
    {"other_methods_are_sent_as_named", other_methods_are_sent_as_named},
    {"a_redirect_is_an_answer_and_is_not_followed",
     a_redirect_is_an_answer_and_is_not_followed},
    {"proxies_of_the_environment_are_ignored",
     proxies_of_the_environment_are_ignored},
    {"an_answer_larger_than_the_bound_is_an_error",
     an_answer_larger_than_the_bound_is_an_error},
    {"an_answer_cut_short_is_an_error", an_answer_cut_short_is_an_error},
    {"no_answer_at_all_is_an_error", no_answer_at_all_is_an_error},
    {"a_silent_server_is_left_in_time", a_silent_server_is_left_in_time},
    {"a_closed_port_is_named_without_the_urls_secrets",
     a_closed_port_is_named_without_the_urls_secrets},
    {"only_http_and_https_are_spoken", only_http_and_https_are_spoken},
    {"what_would_add_lines_to_the_request_is_not_sent",
     what_would_add_lines_to_the_request_is_not_sent},
    {"threads_may_call_at_the_same_time", threads_may_call_at_the_same_time},
    CU_TEST_INFO_NULL,
};
