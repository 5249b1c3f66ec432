/* Callers of streams: how late does each event come, and does each come?
 * SPDX-License-Identifier: Apache-2.0
 *
 *   streams PORT PATH KEY CONNECTIONS SECONDS
 *
 * Each connection asks for a stream, reads it to its end and asks again, until
 * the time is up; then those under way are read to their ends. The delay of an
 * event is the clock now less its "created" (upstream.c). Prints one line of
 * JSON: streams and events that came, those that failed, delays in micros.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MICROS 1000000
#define READ_BYTES 65536
#define CARRY_MAX 64   /* a number may be cut by two reads */
#define BUCKETS 100000 /* of 10 us each: up to a second */
#define PATIENCE 30    /* seconds that a stream may still take at the end */

typedef struct caller_t {
    int fd;
    char carry[CARRY_MAX];
    size_t carry_len;
    bool has_status;
    bool is_busy;
} caller_t;

static char request[4096];
static size_t request_len;
static int port;
static int poller;
static int64_t delays[BUCKETS];
static int64_t events, streams, failed;
static int busy;

static int64_t now_micros(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MICROS + now.tv_nsec / 1000;
}

static void note_delay(int64_t delay)
{
    int64_t bucket = delay / 10;
    bucket = bucket < 0 ? 0 : bucket >= BUCKETS ? BUCKETS - 1 : bucket;
    delays[bucket]++;
    events++;
}

static int64_t delay_at(double share)
{
    int64_t wanted = (int64_t)(share * (double)events);
    int64_t seen = 0;
    for (int i = 0; i < BUCKETS; i++) {
        seen += delays[i];
        if (seen > wanted) {
            return 10 * (int64_t)i;
        }
    }
    return 0;
}

static void write_request(const char *path, const char *key)
{
    static const char body[] =
        "{\"model\":\"bench-1k\",\"stream\":true,\"stream_options\":"
        "{\"include_usage\":true},\"messages\":[{\"role\":\"user\",\"content\":"
        "\"Please sum up the report of the northern region in a few words.\"}]}";
    request_len = (size_t)snprintf(
        request, sizeof request,
        "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
        path, key, strlen(body), body);
}

static bool dial(caller_t *caller)
{
    struct sockaddr_in there = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    caller->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(caller->fd, (struct sockaddr *)&there, sizeof there) != 0) {
        return false;
    }
    setsockopt(caller->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = caller};
    return epoll_ctl(poller, EPOLL_CTL_ADD, caller->fd, &event) == 0;
}

static void ask(caller_t *caller)
{
    caller->carry_len = 0;
    caller->has_status = false;
    if (send(caller->fd, request, request_len, MSG_NOSIGNAL) ==
        (ssize_t)request_len) {
        caller->is_busy = true;
        busy++;
    }
}

static void end(caller_t *caller, bool is_well)
{
    busy -= caller->is_busy;
    caller->is_busy = false;
    streams += is_well;
    failed += !is_well;
}

/* Every "created": of text; what may be the beginning of one is carried over. */
static void look(caller_t *caller, const char *text, size_t len, int64_t now)
{
    static const char mark[] = "\"created\":";
    const char *at = text;
    const char *stop = text + len;
    for (;;) {
        const char *found = memmem(at, (size_t)(stop - at), mark, 10);
        if (!found || !memchr(found, ',', (size_t)(stop - found))) {
            at = found ? found : at;
            break;
        }
        int64_t created = strtoll(found + 10, NULL, 10);
        if (created > 0) {
            note_delay(now - created);
        }
        at = found + 10;
    }
    size_t rest = (size_t)(stop - at);
    rest = rest < CARRY_MAX ? rest : CARRY_MAX;
    memcpy(caller->carry, stop - rest, rest);
    caller->carry_len = rest;
}

/* False when the stream has ended, *is_well tells how. */
static bool read_some(caller_t *caller, bool *is_well)
{
    static char buf[CARRY_MAX + READ_BYTES + 1];
    memcpy(buf, caller->carry, caller->carry_len);
    ssize_t got =
        recv(caller->fd, buf + caller->carry_len, READ_BYTES, MSG_DONTWAIT);
    *is_well = false;
    if (got < 0 && errno == EAGAIN) {
        return true;
    }
    if (got <= 0) {
        return false;
    }
    size_t len = caller->carry_len + (size_t)got;
    buf[len] = '\0';
    if (!caller->has_status) {
        caller->has_status = true;
        if (!strstr(buf, " 200 ")) {
            return false;
        }
    }
    look(caller, buf, len, now_micros());
    *is_well = len >= 7 && memcmp(buf + len - 7, "\r\n0\r\n\r\n", 7) == 0;
    return !*is_well;
}

static void serve(caller_t *caller, bool is_over)
{
    bool is_well;
    if (read_some(caller, &is_well)) {
        return;
    }
    end(caller, is_well);
    if (!is_well) {
        close(caller->fd);
    }
    if (!is_over && (is_well || dial(caller))) {
        ask(caller);
    }
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fputs("usage: streams PORT PATH KEY CONNECTIONS SECONDS\n", stderr);
        return 2;
    }
    port = atoi(argv[1]);
    write_request(argv[2], argv[3]);
    int count = atoi(argv[4]);
    int64_t stop_at = now_micros() + (int64_t)(atof(argv[5]) * MICROS);
    caller_t *callers = calloc((size_t)count, sizeof *callers);
    poller = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        if (!dial(&callers[i])) {
            perror("connect");
            return 1;
        }
        ask(&callers[i]);
        /* Spread over an interval, as callers are. */
        usleep(500);
    }
    int64_t last_at = stop_at + (int64_t)PATIENCE * MICROS;
    while (busy && now_micros() < last_at) {
        struct epoll_event ready[256];
        int got = epoll_wait(poller, ready, 256, 100);
        bool is_over = now_micros() >= stop_at;
        for (int i = 0; i < got; i++) {
            serve(ready[i].data.ptr, is_over);
        }
    }
    printf("{\"streams\":%" PRId64 ",\"events\":%" PRId64 ",\"failed\":%" PRId64
           ",\"p50\":%" PRId64 ",\"p99\":%" PRId64 "}\n",
           streams, events, failed + busy, delay_at(0.5), delay_at(0.99));
    return 0;
}
