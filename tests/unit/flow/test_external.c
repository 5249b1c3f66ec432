/* The external detector, played by a thread of the test.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/external.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <CUnit/CUnit.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "base/walk.h"
#include "flow/finder.h"

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define NOW apr_time_from_sec(1000000)

/* lives in: the test · answers every request of a connection the same */
typedef struct service_t {
    char path[64];
    int listener;
    const char *head;
    const char *body; /* NULL: says nothing until the caller goes */
    int connections;
    int requests;
    char asked[CG_EXTERNAL_POST_MAX + 65536]; /* the last request's body */
    pthread_t thread;
    volatile int is_over;
} service_t;

static bool read_until(int caller, char *into, size_t *len, size_t want)
{
    struct pollfd ready = {.fd = caller, .events = POLLIN};
    while (*len < want) {
        if (poll(&ready, 1, 5000) <= 0) {
            return false;
        }
        ssize_t got = read(caller, into + *len, want - *len);
        if (got <= 0) {
            return false;
        }
        *len += (size_t)got;
    }
    return true;
}

static bool read_request(service_t *service, int caller)
{
    char head[4096];
    size_t len = 0;
    while (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0) {
        if (len + 1 >= sizeof head || !read_until(caller, head, &len, len + 1)) {
            return false;
        }
    }
    head[len] = 0;
    char *at = strcasestr(head, "content-length:");
    size_t body = at ? (size_t)atoi(at + 15) : 0;
    size_t got = 0;
    if (body >= sizeof service->asked ||
        !read_until(caller, service->asked, &got, body)) {
        return false;
    }
    service->asked[body] = 0;
    service->requests++;
    return true;
}

static void answer(service_t *service, int caller)
{
    char head[256];
    if (!service->body) {
        char gone;
        struct pollfd ready = {.fd = caller, .events = POLLIN};
        poll(&ready, 1, 5000);
        (void)!read(caller, &gone, 1);
        return;
    }
    int len = snprintf(head, sizeof head, "%sContent-Length: %zu\r\n\r\n",
                       service->head, strlen(service->body));
    send(caller, head, (size_t)len, MSG_NOSIGNAL);
    send(caller, service->body, strlen(service->body), MSG_NOSIGNAL);
}

static void *serve(void *data)
{
    service_t *service = data;
    while (!service->is_over) {
        struct pollfd ready = {.fd = service->listener, .events = POLLIN};
        if (poll(&ready, 1, 20) <= 0) {
            continue;
        }
        int caller = accept(service->listener, NULL, NULL);
        service->connections++;
        bool is_open = true;
        while (is_open && !service->is_over) {
            struct pollfd more = {.fd = caller, .events = POLLIN};
            if (poll(&more, 1, 20) <= 0) {
                continue;
            }
            is_open = read_request(service, caller);
            if (is_open) {
                answer(service, caller);
            }
        }
        close(caller);
    }
    return NULL;
}

static void open_service(service_t *service, const char *head, const char *body)
{
    static int number;
    memset(service, 0, sizeof *service);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(service->path, sizeof service->path, "/tmp/cg-detector-%d-%d",
             (int)getpid(), number++);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", service->path);
    service->head = head;
    service->body = body;
    unlink(service->path);
    service->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL_FATAL(bind(service->listener, (struct sockaddr *)&address,
                               sizeof address),
                          0);
    listen(service->listener, 4);
    pthread_create(&service->thread, NULL, serve, service);
}

static void close_service(service_t *service)
{
    service->is_over = 1;
    pthread_join(service->thread, NULL);
    close(service->listener);
    unlink(service->path);
}

static bool read_words(const char *words, cg_external_spec_t *out,
                       apr_pool_t *pool)
{
    cg_error_t err;
    char *last;
    char *copy = apr_pstrdup(pool, words);
    apr_array_header_t *list = apr_array_make(pool, 4, sizeof(char *));
    for (char *word = apr_strtok(copy, " ", &last); word;
         word = apr_strtok(NULL, " ", &last)) {
        APR_ARRAY_PUSH(list, const char *) = word;
    }
    return cg_external_read(list, out, &err, pool);
}

static cg_external_t *open_external(const service_t *service,
                                    cg_breaker_t *breakers, apr_pool_t *pool)
{
    cg_external_spec_t spec;
    CU_ASSERT_TRUE_FATAL(read_words(
        apr_pstrcat(pool, "unix:", service->path, ":/detect timeout=200ms",
                    NULL),
        &spec, pool));
    return cg_external_open(&spec, breakers, "request-1", pool);
}

static apr_pool_t *open_pool(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    return pool;
}

/* ---- tests --------------------------------------------------------------- */

static void the_directive_is_read_or_refused(void)
{
    static const char *const good[] = {
        "off", "http://127.0.0.1:9000/x", "https://detector.example.com/",
        "unix:/run/detector.sock", "unix:/run/d.sock:/v1/find fail=open",
        "http://x/ timeout=1s fail=closed"};
    static const char *const bad[] = {
        "on", "ftp://x/", "http://", "unix:run", "unix:/a:b", "http://x/ open",
        "http://x/ timeout=0ms", "http://x/ timeout=1h", "http://x/ timeout=x",
        "http://x/ fail=perhaps", "off fail=open"};
    apr_pool_t *pool = open_pool();
    cg_external_spec_t spec;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CU_ASSERT_TRUE(read_words(good[i], &spec, pool));
        CU_ASSERT_EQUAL(spec.url == NULL, i == 0);
    }
    CU_ASSERT_EQUAL(spec.wait, apr_time_from_sec(1));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_FALSE(read_words(bad[i], &spec, pool));
    }
    CU_ASSERT_TRUE(read_words("unix:/a/b:/c", &spec, pool));
    CU_ASSERT_STRING_EQUAL(spec.socket, "/a/b");
    CU_ASSERT_STRING_EQUAL(spec.url, "http://localhost/c");
    CU_ASSERT_FALSE(spec.is_open);
    apr_pool_destroy(pool);
}

#define TEXT "\xE6\x88\x91 am Ann Lee, ann@example.com" /* 我 */

/* Asks about TEXT and another; what the finder finds in TEXT after that. */
static cg_external_status_t ask_about(cg_external_t *external,
                                      cg_findings_t *out, apr_status_t *rv)
{
    cg_finder_t finder;
    cg_error_t err = {""};
    int asked = 0;
    cg_finder_open(&finder, cg_rules_builtin(), CG_SCAN_DEEP, NULL, NOW);
    cg_finder_ask(&finder, external);
    cg_finder_collect(&finder, CG_STR(""), CG_STR("another \"text\""), out);
    cg_finder_collect(&finder, CG_STR(""), CG_STR(TEXT), out);
    cg_finder_collect(&finder, CG_STR(""), CG_STR(TEXT), out);
    cg_finder_collect(&finder, CG_STR(""), CG_STR("12345 6"), out);
    cg_external_status_t status = cg_external_ask(external, &asked, &err);
    CU_ASSERT_PTR_NULL(strstr(err.text, "Ann"));
    *rv = cg_finder_find(&finder, CG_STR(""), CG_STR(TEXT), out);
    return status;
}

static void the_contract_is_kept(void)
{
    apr_pool_t *pool = open_pool();
    service_t service;
    cg_findings_t out;
    apr_status_t rv;
    cg_findings_init(&out, pool);
    open_service(&service, HEAD,
                 "{\"findings\":["
                 "{\"id\":\"1\",\"type\":\"PERSON\",\"start\":5,\"end\":12,"
                 "\"score\":0.93},"
                 "{\"id\":\"1\",\"type\":\"LOCATION\",\"start\":2,\"end\":4,"
                 "\"score\":0.2},"
                 "{\"id\":\"1\",\"type\":\"PERSON\",\"start\":14,\"end\":29}]}");
    cg_external_t *external = open_external(&service, NULL, pool);
    CU_ASSERT_EQUAL(ask_about(external, &out, &rv), CG_EXTERNAL_OK);
    CU_ASSERT_STRING_EQUAL(
        service.asked,
        "{\"version\":1,\"request_id\":\"request-1\",\"texts\":["
        "{\"id\":\"0\",\"text\":\"another \\\"text\\\"\"},"
        "{\"id\":\"1\",\"text\":\"" TEXT "\"}]}");
    CU_ASSERT_EQUAL(rv, APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(out.count, 2); /* our address wins */
    CU_ASSERT_EQUAL(out.items[0].type, CG_TYPE_PERSON);
    CU_ASSERT_EQUAL(out.items[0].start, 7);
    CU_ASSERT_EQUAL(out.items[0].end, 14);
    CU_ASSERT_EQUAL(out.items[0].score, 93);
    CU_ASSERT_EQUAL(out.items[1].type, CG_TYPE_EMAIL_ADDRESS);
    close_service(&service);
    apr_pool_destroy(pool);
}

static void an_answer_that_is_not_as_agreed_is_none(void)
{
#define ONE(rest) "{\"findings\":[{" rest "}]}"
    static const char *const bodies[] = {
        "", "nonsense", "[]", "{}", "{\"findings\":{}}", "{\"findings\":[1]}",
        "{\"findings\":[\"x\"]}",
        ONE("\"type\":\"PERSON\",\"start\":0,\"end\":1"),
        ONE("\"id\":1,\"type\":\"PERSON\",\"start\":0,\"end\":1"),
        ONE("\"id\":\"2\",\"type\":\"PERSON\",\"start\":0,\"end\":1"),
        ONE("\"id\":\"x\",\"type\":\"PERSON\",\"start\":0,\"end\":1"),
        ONE("\"id\":\"0\",\"type\":\"ALIEN\",\"start\":0,\"end\":1"),
        ONE("\"id\":\"0\",\"type\":\"KEYWORD\",\"start\":0,\"end\":1"),
        ONE("\"id\":\"0\",\"type\":\"CUSTOM:x\",\"start\":0,\"end\":1"),
        ONE("\"id\":\"0\",\"start\":0,\"end\":1"),
        ONE("\"id\":\"0\",\"type\":\"PERSON\",\"start\":1,\"end\":1"),
        ONE("\"id\":\"0\",\"type\":\"PERSON\",\"start\":-1,\"end\":1"),
        ONE("\"id\":\"0\",\"type\":\"PERSON\",\"start\":0,\"end\":15"),
        ONE("\"id\":\"1\",\"type\":\"PERSON\",\"start\":0,\"end\":30"),
        ONE("\"id\":\"0\",\"type\":\"PERSON\",\"start\":0.5,\"end\":1"),
        ONE("\"id\":\"0\",\"type\":\"PERSON\",\"start\":0,\"end\":1,"
            "\"score\":1.1"),
        ONE("\"id\":\"0\",\"type\":\"PERSON\",\"start\":0,\"end\":1,"
            "\"score\":\"high\""),
        "{\"findings\":[],\"findings\":[]}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        apr_pool_t *pool = open_pool();
        service_t service;
        cg_findings_t out;
        apr_status_t rv;
        cg_findings_init(&out, pool);
        open_service(&service, HEAD, bodies[i]);
        cg_external_t *external = open_external(&service, NULL, pool);
        CU_ASSERT_EQUAL(ask_about(external, &out, &rv), CG_EXTERNAL_ERROR);
        CU_ASSERT_NOT_EQUAL(rv, APR_SUCCESS); /* nobody looked at the text */
        close_service(&service);
        apr_pool_destroy(pool);
    }
}

static void a_service_that_fails_or_is_late_is_told_apart(void)
{
    static const struct {
        const char *head;
        const char *body;
        cg_external_status_t status;
    } cases[] = {
        {"HTTP/1.1 500 Broken\r\n", "{\"findings\":[]}", CG_EXTERNAL_ERROR},
        {"HTTP/1.1 302 Moved\r\nLocation: http://127.0.0.1:1/\r\n", "",
         CG_EXTERNAL_ERROR},
        {HEAD, NULL, CG_EXTERNAL_TIMEOUT},
        {HEAD, "{\"findings\":[]}", CG_EXTERNAL_OK}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        apr_pool_t *pool = open_pool();
        service_t service;
        cg_findings_t out;
        apr_status_t rv;
        cg_findings_init(&out, pool);
        open_service(&service, cases[i].head, cases[i].body);
        cg_external_t *external = open_external(&service, NULL, pool);
        CU_ASSERT_EQUAL(ask_about(external, &out, &rv), cases[i].status);
        close_service(&service);
        apr_pool_destroy(pool);
    }
}

static void a_dead_service_is_not_asked_by_every_request(void)
{
    apr_pool_t *pool = open_pool();
    cg_breaker_t breakers[CG_EXTERNAL_BREAKERS] = {{0}};
    service_t gone = {.path = "/tmp/cg-detector-that-is-not-there"};
    cg_findings_t out;
    apr_status_t rv;
    cg_findings_init(&out, pool);
    cg_external_status_t status = CG_EXTERNAL_OK;
    for (int i = 0; i <= CG_BREAKER_FAILURES; i++) {
        status = ask_about(open_external(&gone, breakers, pool), &out, &rv);
    }
    CU_ASSERT_EQUAL(status, CG_EXTERNAL_SKIPPED);
    CU_ASSERT_NOT_EQUAL(rv, APR_SUCCESS);
    apr_pool_destroy(pool);
}

static void a_connection_is_used_again(void)
{
    apr_pool_t *pool = open_pool();
    service_t service;
    cg_findings_t out;
    apr_status_t rv;
    cg_findings_init(&out, pool);
    open_service(&service, HEAD, "{\"findings\":[]}");
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(
            ask_about(open_external(&service, NULL, pool), &out, &rv),
            CG_EXTERNAL_OK);
    }
    CU_ASSERT_EQUAL(service.requests, 5);
    CU_ASSERT_EQUAL(service.connections, 1);
    close_service(&service);
    apr_pool_destroy(pool);
}

static void what_is_known_is_not_asked_again(void)
{
    apr_pool_t *pool = open_pool();
    service_t service;
    cg_findings_t out;
    size_t bytes = cg_memo_bytes(64);
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    uint64_t secret[2] = {3, 4};
    memset(memory, 0, bytes);
    cg_memo_t *memo = cg_memo_open(memory, 64, secret, pool);
    cg_findings_init(&out, pool);
    open_service(&service, HEAD,
                 "{\"findings\":[{\"id\":\"0\",\"type\":\"PERSON\","
                 "\"start\":5,\"end\":12}]}");
    for (int i = 0; i < 3; i++) {
        cg_finder_t finder;
        cg_error_t err;
        int asked;
        cg_finder_open(&finder, cg_rules_builtin(), CG_SCAN_DEEP, memo, NOW);
        cg_finder_ask(&finder, open_external(&service, NULL, pool));
        cg_finder_collect(&finder, CG_STR(""), CG_STR(TEXT), &out);
        CU_ASSERT_EQUAL(cg_external_ask(finder.external, &asked, &err),
                        CG_EXTERNAL_OK);
        CU_ASSERT_EQUAL(asked, i == 0 ? 1 : 0);
        CU_ASSERT_EQUAL(
            cg_finder_find(&finder, CG_STR(""), CG_STR(TEXT), &out),
            APR_SUCCESS);
        CU_ASSERT_EQUAL(out.count, 2);
        CU_ASSERT_EQUAL(finder.hits, i == 0 ? 0 : 1);
    }
    CU_ASSERT_EQUAL(service.requests, 1);
    /* Without the detector its verdict is another text's. */
    cg_finder_t alone;
    cg_finder_open(&alone, cg_rules_builtin(), CG_SCAN_DEEP, memo, NOW);
    cg_finder_find(&alone, CG_STR(""), CG_STR(TEXT), &out);
    CU_ASSERT_EQUAL(out.count, 1);
    close_service(&service);
    free(memory);
    apr_pool_destroy(pool);
}

static void what_is_too_much_for_a_call_goes_in_several(void)
{
    apr_pool_t *pool = open_pool();
    service_t service;
    open_service(&service, HEAD, "{\"findings\":[]}");
    cg_error_t err = {""};
    int asked;
    char *large = apr_palloc(pool, 40000);
    memset(large, 'a', 40000);
    cg_external_t *external = open_external(&service, NULL, pool);
    for (size_t i = 0; i < 20; i++) {
        cg_external_want(external, CG_STR(""), (cg_str_t){large, 40000 - i});
    }
    CU_ASSERT_EQUAL(cg_external_ask(external, &asked, &err), CG_EXTERNAL_OK);
    CU_ASSERT_EQUAL(asked, 2);
    CU_ASSERT_EQUAL(service.requests, 2);
    for (size_t i = 0; i < 20; i++) {
        CU_ASSERT_PTR_NOT_NULL(cg_external_found(
            external, CG_STR(""), (cg_str_t){large, 40000 - i}));
    }
    CU_ASSERT_PTR_NULL(cg_external_found(external, CG_STR(""), CG_STR("x")));
    external = open_external(&service, NULL, pool);
    for (size_t i = 0; i < 300; i++) { /* twelve megabytes */
        cg_external_want(external, CG_STR(""), (cg_str_t){large, 40000 - i});
    }
    CU_ASSERT_EQUAL(cg_external_ask(external, &asked, &err), CG_EXTERNAL_ERROR);
    CU_ASSERT_EQUAL(asked, 0);
    close_service(&service);
    apr_pool_destroy(pool);
}

/* Others' findings give way to ours, and what sticks out of ours stays. */
static void ours_win_and_the_rest_stays(void)
{
    apr_pool_t *pool = open_pool();
    service_t service;
    cg_findings_t out;
    apr_status_t rv;
    cg_findings_init(&out, pool);
    open_service(&service, HEAD,
                 "{\"findings\":["
                 "{\"id\":\"1\",\"type\":\"ORGANIZATION\",\"start\":2,"
                 "\"end\":29},"
                 "{\"id\":\"1\",\"type\":\"PERSON\",\"start\":0,\"end\":3},"
                 "{\"id\":\"1\",\"type\":\"PERSON\",\"start\":20,\"end\":22}]}");
    CU_ASSERT_EQUAL(ask_about(open_external(&service, NULL, pool), &out, &rv),
                    CG_EXTERNAL_OK);
    static const uint32_t places[][2] = {{0, 5}, {5, 16}, {16, 31}};
    static const uint8_t types[] = {CG_TYPE_PERSON, CG_TYPE_ORGANIZATION,
                                    CG_TYPE_EMAIL_ADDRESS};
    CU_ASSERT_EQUAL_FATAL(out.count, 3);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(out.items[i].type, types[i]);
        CU_ASSERT_EQUAL(out.items[i].start, places[i][0]);
        CU_ASSERT_EQUAL(out.items[i].end, places[i][1]);
    }
    close_service(&service);
    apr_pool_destroy(pool);
}

CU_TestInfo test_flow_external[] = {
    {"the_directive_is_read_or_refused", the_directive_is_read_or_refused},
    {"the_contract_is_kept", the_contract_is_kept},
    {"an_answer_that_is_not_as_agreed_is_none",
     an_answer_that_is_not_as_agreed_is_none},
    {"a_service_that_fails_or_is_late_is_told_apart",
     a_service_that_fails_or_is_late_is_told_apart},
    {"a_dead_service_is_not_asked_by_every_request",
     a_dead_service_is_not_asked_by_every_request},
    {"a_connection_is_used_again", a_connection_is_used_again},
    {"what_is_known_is_not_asked_again", what_is_known_is_not_asked_again},
    {"what_is_too_much_for_a_call_goes_in_several",
     what_is_too_much_for_a_call_goes_in_several},
    {"ours_win_and_the_rest_stays", ours_win_and_the_rest_stays},
    CU_TEST_INFO_NULL,
};
