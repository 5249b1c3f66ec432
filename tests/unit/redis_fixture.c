/* A real redis-server of a test's own.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redis_fixture.h"

#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#define START_TRIES 500 /* of 10 ms */
#define WORDS_MAX 24

static void run_server(const redis_fixture_t *redis)
{
    char socket_path[128], log[128];
    snprintf(socket_path, sizeof socket_path, "%s/s", redis->dir);
    snprintf(log, sizeof log, "%s/log", redis->dir);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
           socket_path, "--dir", redis->dir, "--save", "", "--appendonly",
           redis->is_durable ? "yes" : "no", "--appendfsync", "always",
           "--logfile", log, "--daemonize", "no", "--maxclients", "2000",
           (char *)NULL);
    _exit(127);
}

static bool can_connect(const redis_fixture_t *redis)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char answer[8] = "";
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", redis->dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_up =
        connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6 &&
        recv(fd, answer, sizeof answer - 1, 0) > 0 && answer[0] == '+';
    close(fd);
    return is_up;
}

static void launch(redis_fixture_t *redis)
{
    redis->pid = fork();
    if (redis->pid == 0) {
        run_server(redis);
    }
    for (int i = 0; i < START_TRIES; i++) {
        if (can_connect(redis)) {
            return;
        }
        usleep(10000);
    }
    CU_FAIL_FATAL("redis-server does not start");
}

void redis_fixture_start(redis_fixture_t *redis, bool is_durable)
{
    const char *tmp = getenv("TMPDIR");
    memset(redis, 0, sizeof *redis);
    signal(SIGPIPE, SIG_IGN);
    redis->is_durable = is_durable;
    snprintf(redis->dir, sizeof redis->dir, "%.60s/cg-redis-XXXXXX",
             tmp && tmp[0] ? tmp : "/tmp");
    if (!mkdtemp(redis->dir)) {
        CU_FAIL_FATAL("no temporary folder");
    }
    snprintf(redis->url, sizeof redis->url, "unix:%s/s", redis->dir);
    launch(redis);
}

static void end(redis_fixture_t *redis, int with)
{
    if (redis->pid > 0) {
        kill(redis->pid, with);
        kill(redis->pid, SIGCONT);
        waitpid(redis->pid, NULL, 0);
        redis->pid = 0;
    }
}

static int remove_one(const char *path, const struct stat *info, int flag,
                      struct FTW *walk)
{
    (void)info;
    (void)flag;
    (void)walk;
    return remove(path);
}

void redis_fixture_stop(redis_fixture_t *redis)
{
    end(redis, SIGKILL);
    nftw(redis->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void redis_fixture_freeze(redis_fixture_t *redis)
{
    kill(redis->pid, SIGSTOP);
    waitpid(redis->pid, NULL, WUNTRACED);
}

void redis_fixture_thaw(redis_fixture_t *redis)
{
    kill(redis->pid, SIGCONT);
}

void redis_fixture_kill(redis_fixture_t *redis)
{
    end(redis, SIGKILL);
}

void redis_fixture_restart(redis_fixture_t *redis)
{
    launch(redis);
}

static redis_fixture_t shared;
static pid_t shared_by;

static void stop_shared(void)
{
    if (shared_by == getpid()) {
        redis_fixture_stop(&shared);
    }
}

redis_fixture_t *redis_fixture_shared(void)
{
    apr_pool_t *pool;
    if (!shared.pid) {
        redis_fixture_start(&shared, false);
        shared_by = getpid();
        atexit(stop_shared);
    }
    apr_pool_create(&pool, NULL);
    cg_store_t *store = redis_fixture_store(&shared, pool);
    redis_fixture_call(store, pool, "FLUSHALL", NULL);
    apr_pool_destroy(pool);
    return &shared;
}

bool redis_fixture_is_shared(const redis_fixture_t *redis)
{
    return redis == &shared;
}

static cg_store_t *open_store(const redis_fixture_t *redis,
                              apr_time_t operation_for, apr_pool_t *pool)
{
    cg_store_t *store = NULL;
    cg_error_t err = {.text = ""};
    cg_store_options_t options = {.url = redis->url,
                                  .operation_for = operation_for,
                                  .connections_max = 64};
    if (cg_store_open(&store, &options, &err, pool) != APR_SUCCESS) {
        CU_FAIL_FATAL("the store does not open");
    }
    return store;
}

cg_store_t *redis_fixture_store(const redis_fixture_t *redis, apr_pool_t *pool)
{
    return open_store(redis, apr_time_from_sec(10), pool);
}

cg_store_t *redis_fixture_quick_store(const redis_fixture_t *redis,
                                      apr_pool_t *pool)
{
    return open_store(redis, 0, pool);
}

cg_reply_t redis_fixture_call(cg_store_t *store, apr_pool_t *pool, ...)
{
    cg_str_t argv[WORDS_MAX];
    size_t argc = 0;
    cg_reply_t reply;
    cg_error_t err = {.text = ""};
    va_list words;
    va_start(words, pool);
    for (;;) {
        const char *word = va_arg(words, const char *);
        if (!word || argc == WORDS_MAX) {
            break;
        }
        argv[argc++] = cg_str(word);
    }
    va_end(words);
    if (cg_store_call(store, argv, argc, &reply, &err, pool) != APR_SUCCESS) {
        fprintf(stderr, "%s: %s\n", argv[0].ptr, err.text);
        CU_FAIL_FATAL("the store is away");
    }
    return reply;
}
