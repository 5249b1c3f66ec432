/* An upstream that costs next to nothing, so that a bench measures the gateway.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   upstream PORT EVENTS INTERVAL_MS
 *
 * Speaks as much HTTP/1.1 as mod_proxy_http does: kept connections, bodies with a
 * Content-Length, one request at a time. The model that a chat names says what
 * comes back: bench-1k, bench-16k, bench-256k give an answer of that size,
 * bench-fail the status 500, bench-cut half a stream; with "stream":true any
 * other gives EVENTS events, one each INTERVAL_MS.
 *
 * "created" of an event is the monotonic clock in microseconds at which it was
 * written, so that a client on the same machine can tell its delay. One thread,
 * one epoll; since all streams have the same interval, the queue of those that
 * wait is in order of time without sorting.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 16384 /* a head, and what of the body is looked at */
#define EVENT_MAX 1024
#define SOCKETS_MAX 65536
#define MICROS 1000000

typedef struct conn_t {
    int fd;
    char head[HEAD_MAX + 1];
    size_t head_len;
    size_t left; /* of the body, not yet read */
    bool has_head;
    const char *out; /* what waits for room in the socket */
    size_t out_len;
    char event[EVENT_MAX];
    int events_left; /* of the stream; 0 none */
    bool is_cut;     /* ends in the middle, without a word */
    int64_t next_at; /* micros */
    struct conn_t *before, *after; /* in the queue */
} conn_t;

typedef struct answer_t {
    const char *model;
    size_t bytes;
    char *text; /* head and body */
    size_t len;
} answer_t;

static answer_t answers[] = {
    {"bench-1k", 1024, NULL, 0},
    {"bench-16k", 16 * 1024, NULL, 0},
    {"bench-256k", 256 * 1024, NULL, 0},
};

static conn_t *conns[SOCKETS_MAX];
static conn_t *queue_first, *queue_last;
static int poller;
static int events_each;
static int64_t interval;

static int64_t now_micros(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MICROS + now.tv_nsec / 1000;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* -- answers ---------------------------------------------------------------- */

static const char prose[] =
    "The quarterly figures show that demand in the northern region has grown "
    "faster than planned, while the cost of freight stayed level. We suggest "
    "to move one shift to the second plant and to look at the contract again "
    "in spring. ";

static void make_answer(answer_t *answer)
{
    static const char front[] =
        "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\","
        "\"created\":1700000000,\"model\":\"bench\",\"choices\":[{\"index\":0,"
        "\"message\":{\"role\":\"assistant\",\"content\":\"";
    static const char back[] =
        "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":200,"
        "\"completion_tokens\":180,\"total_tokens\":380}}";
    size_t words = answer->bytes - strlen(front) - strlen(back);
    answer->text = malloc(answer->bytes + 256);
    int head = snprintf(answer->text, 256,
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        answer->bytes);
    char *at = stpcpy(answer->text + head, front);
    for (size_t i = 0; i < words; i++) {
        *at++ = prose[i % (sizeof prose - 1)];
    }
    at = stpcpy(at, back);
    answer->len = (size_t)(at - answer->text);
}

static const char models[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    "Content-Length: 27\r\n\r\n{\"object\":\"list\",\"data\":[]}";
static const char failure[] =
    "HTTP/1.1 500 Oh\r\nContent-Type: application/json\r\n"
    "Content-Length: 55\r\n\r\n"
    "{\"error\":{\"message\":\"as asked\",\"type\":\"server_error\"}}  ";
static const char stream_head[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";
static const char not_known[] =
    "HTTP/1.1 501 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/* -- connections ------------------------------------------------------------ */

static void leave_queue(conn_t *conn)
{
    if (conn->before) {
        conn->before->after = conn->after;
    }
    else if (queue_first == conn) {
        queue_first = conn->after;
    }
    if (conn->after) {
        conn->after->before = conn->before;
    }
    else if (queue_last == conn) {
        queue_last = conn->before;
    }
    conn->before = conn->after = NULL;
}

static void join_queue(conn_t *conn, int64_t at)
{
    conn->next_at = at;
    conn->before = queue_last;
    conn->after = NULL;
    if (queue_last) {
        queue_last->after = conn;
    }
    else {
        queue_first = conn;
    }
    queue_last = conn;
}

static void hang_up(conn_t *conn)
{
    if (conn->events_left) {
        leave_queue(conn);
    }
    close(conn->fd);
    conns[conn->fd] = NULL;
    free(conn);
}

static void watch(const conn_t *conn, bool is_writing)
{
    struct epoll_event event = {.events = EPOLLIN |
                                          (is_writing ? EPOLLOUT : 0U),
                                .data.fd = conn->fd};
    epoll_ctl(poller, EPOLL_CTL_MOD, conn->fd, &event);
}

/* Writes what it can; false when the connection is gone. */
static bool flush(conn_t *conn)
{
    while (conn->out_len) {
        ssize_t put = send(conn->fd, conn->out, conn->out_len, MSG_NOSIGNAL);
        if (put < 0 && errno == EAGAIN) {
            watch(conn, true);
            return true;
        }
        if (put < 0) {
            return false;
        }
        conn->out += put;
        conn->out_len -= (size_t)put;
    }
    return true;
}

static bool say(conn_t *conn, const char *text, size_t len)
{
    conn->out = text;
    conn->out_len = len;
    return flush(conn);
}

/* -- streams ---------------------------------------------------------------- */

static void add_chunk(char **at, const char *data)
{
    *at += sprintf(*at, "%zx\r\n%s\r\n", strlen(data), data);
}

/* The last piece of a stream: why it ended, what it cost, the end. */
static size_t write_last(char *out, int64_t now)
{
    char data[384];
    char *at = out;
    snprintf(data, sizeof data,
             "data: {\"id\":\"chatcmpl-bench\",\"object\":"
             "\"chat.completion.chunk\",\"created\":%" PRId64
             ",\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{},"
             "\"finish_reason\":\"stop\"}]}\n\n",
             now);
    add_chunk(&at, data);
    add_chunk(&at, "data: {\"id\":\"chatcmpl-bench\",\"object\":"
                   "\"chat.completion.chunk\",\"created\":0,\"model\":"
                   "\"bench\",\"choices\":[],\"usage\":{\"prompt_tokens\":200,"
                   "\"completion_tokens\":50,\"total_tokens\":250}}\n\n");
    add_chunk(&at, "data: [DONE]\n\n");
    at = stpcpy(at, "0\r\n\r\n");
    return (size_t)(at - out);
}

static size_t write_event(char *out, int64_t now, int number)
{
    static const char *const words[] = {"The ", "answer ", "comes ", "in ",
                                        "pieces, ", "word ", "by ", "word. "};
    char data[384];
    char *at = out;
    snprintf(data, sizeof data,
             "data: {\"id\":\"chatcmpl-bench\",\"object\":"
             "\"chat.completion.chunk\",\"created\":%" PRId64
             ",\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{"
             "\"content\":\"%s\"},\"finish_reason\":null}]}\n\n",
             now, words[number % 8]);
    add_chunk(&at, data);
    return (size_t)(at - out);
}

/* False when the connection is to be closed. */
static bool send_event(conn_t *conn, int64_t now)
{
    leave_queue(conn);
    if (conn->out_len) { /* the other side does not read: it waits */
        join_queue(conn, now + interval);
        return true;
    }
    conn->events_left--;
    if (conn->is_cut && conn->events_left < events_each / 2) {
        conn->events_left = 0;
        return false;
    }
    if (conn->events_left == 0) {
        return say(conn, conn->event, write_last(conn->event, now));
    }
    join_queue(conn, now + interval);
    return say(conn, conn->event,
               write_event(conn->event, now, conn->events_left));
}

static void send_due(void)
{
    int64_t now = now_micros();
    while (queue_first && queue_first->next_at <= now) {
        conn_t *conn = queue_first;
        if (!send_event(conn, now)) {
            hang_up(conn);
        }
    }
}

/* -- requests --------------------------------------------------------------- */

static bool has(const conn_t *conn, const char *text)
{
    return memmem(conn->head, conn->head_len, text, strlen(text)) != NULL;
}

/* Answers the request whose beginning stands in conn->head. */
static bool answer(conn_t *conn)
{
    if (strncmp(conn->head, "GET", 3) == 0) {
        return say(conn, models, sizeof models - 1);
    }
    if (has(conn, "\"bench-fail\"")) {
        return say(conn, failure, sizeof failure - 1);
    }
    if (has(conn, "\"stream\":true")) {
        conn->events_left = events_each;
        conn->is_cut = has(conn, "\"bench-cut\"");
        join_queue(conn, now_micros() + interval);
        return say(conn, stream_head, sizeof stream_head - 1);
    }
    size_t count = sizeof answers / sizeof answers[0];
    const answer_t *chosen = &answers[0];
    for (size_t i = 0; i < count; i++) {
        char quoted[32];
        snprintf(quoted, sizeof quoted, "\"%s\"", answers[i].model);
        chosen = has(conn, quoted) ? &answers[i] : chosen;
    }
    return say(conn, chosen->text, chosen->len);
}

/* Reads the head; false when it is nothing this server speaks. */
static bool read_head(conn_t *conn)
{
    conn->head[conn->head_len] = '\0';
    const char *end = strstr(conn->head, "\r\n\r\n");
    if (!end) {
        return conn->head_len < HEAD_MAX;
    }
    const char *length = strcasestr(conn->head, "\r\nContent-Length:");
    const char *coding = strcasestr(conn->head, "\r\nTransfer-Encoding:");
    if (coding && coding < end) {
        say(conn, not_known, sizeof not_known - 1);
        return false;
    }
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    size_t here = conn->head_len - (size_t)(end + 4 - conn->head);
    conn->has_head = true;
    conn->left = body > here ? body - here : 0;
    return here <= body;
}

/* Room for what is looked at, then a place for what is not. */
static ssize_t take(conn_t *conn)
{
    static char rest[1 << 18];
    size_t room = HEAD_MAX - conn->head_len;
    if (conn->has_head && (room == 0 || conn->left > room)) {
        size_t most = conn->left < sizeof rest ? conn->left : sizeof rest;
        ssize_t got = recv(conn->fd, rest, most ? most : 1, 0);
        conn->left -= got > 0 ? (size_t)got : 0;
        return got;
    }
    ssize_t got = recv(conn->fd, conn->head + conn->head_len, room, 0);
    if (got > 0) {
        conn->head_len += (size_t)got;
        conn->left -= conn->has_head ? (size_t)got : 0;
    }
    return got;
}

static bool read_more(conn_t *conn)
{
    for (;;) {
        ssize_t got = take(conn);
        if (got < 0 && errno == EAGAIN) {
            return true;
        }
        if (got <= 0 || (!conn->has_head && !read_head(conn))) {
            return false;
        }
        if (!conn->has_head || conn->left) {
            continue;
        }
        bool is_well = answer(conn);
        conn->head_len = 0;
        conn->has_head = false;
        return is_well;
    }
}

static void welcome(int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0 || fd >= SOCKETS_MAX) {
            return;
        }
        int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        conns[fd] = calloc(1, sizeof(conn_t));
        conns[fd]->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static void serve(conn_t *conn, uint32_t what)
{
    bool is_well = true;
    if (what & EPOLLOUT) {
        watch(conn, false);
        is_well = flush(conn);
    }
    if (is_well && (what & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
        is_well = read_more(conn);
    }
    if (!is_well) {
        hang_up(conn);
    }
}

static int listen_at(int port)
{
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) != 0 ||
        listen(fd, 1024) != 0) {
        die("listen");
    }
    return fd;
}

static int wait_for(void)
{
    if (!queue_first) {
        return -1;
    }
    int64_t left = queue_first->next_at - now_micros();
    return left > 0 ? (int)((left + 999) / 1000) : 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: upstream PORT EVENTS INTERVAL_MS\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    events_each = atoi(argv[2]);
    interval = (int64_t)atoi(argv[3]) * 1000;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        make_answer(&answers[i]);
    }
    poller = epoll_create1(0);
    int listener = listen_at(atoi(argv[1]));
    struct epoll_event first = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &first);
    for (;;) {
        struct epoll_event ready[256];
        int count = epoll_wait(poller, ready, 256, wait_for());
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener) {
                welcome(listener);
            }
            else if (conns[fd]) {
                serve(conns[fd], ready[i].events);
            }
        }
        send_due();
    }
}
