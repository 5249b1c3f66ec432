/* Real redis-servers of a test's own, several together.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fleet_fixture.h"

#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "store/slots.h"

#define WAIT_TRIES 1000 /* of 10 ms */
#define WORDS_MAX 120

/* Below the ports that the system gives to clients: one of those could take it
 * before the server does. */
int fleet_free_port(void)
{
    static unsigned turn;
    for (int i = 0; i < WAIT_TRIES; i++) {
        int port = 20000 + (int)(((unsigned)getpid() * 131u + turn++) % 12000u);
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)port)};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool is_free =
            bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
        close(fd);
        if (is_free) {
            return port;
        }
    }
    CU_FAIL_FATAL("no free port");
    return 0;
}

/* ---- servers ----------------------------------------------------------- */

static void run_server(const fleet_t *fleet, const fleet_server_t *server)
{
    static char words[800], log[160], port[16];
    char *argv[WORDS_MAX] = {"redis-server"};
    int argc = 1;
    char *last;
    snprintf(log, sizeof log, "%s/%d.log", fleet->dir, server->port);
    snprintf(port, sizeof port, "%d", server->port);
    snprintf(words, sizeof words, "%s", server->options);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (char *word = strtok_r(words, " ", &last); word;
         word = strtok_r(NULL, " ", &last)) {
        argv[argc++] = word;
    }
    /* A server of TLS says its port itself, and has no other. */
    bool is_tls = strstr(server->options, "--tls-port") != NULL;
    char *rest[] = {"--logfile", log,      "--bind",
                    "127.0.0.1", "--port", is_tls ? "0" : port};
    for (int i = 0; i < 6 && !server->is_sentinel; i++) {
        argv[argc++] = rest[i];
    }
    argv[argc] = NULL;
    execvp("redis-server", argv);
    _exit(127);
}

static bool can_connect(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_up = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return is_up;
}

static void launch(fleet_t *fleet, fleet_server_t *server)
{
    server->pid = fork();
    if (server->pid == 0) {
        run_server(fleet, server);
    }
}

static void await(const fleet_server_t *server)
{
    for (int i = 0; i < WAIT_TRIES; i++) {
        if (can_connect(server->port)) {
            return;
        }
        usleep(10000);
    }
    CU_FAIL_FATAL("redis-server does not start");
}

static fleet_server_t *add(fleet_t *fleet)
{
    fleet_server_t *server = &fleet->all[fleet->count++];
    server->port = fleet_free_port();
    server->bus = fleet_free_port();
    return server;
}

static void begin(fleet_t *fleet)
{
    const char *tmp = getenv("TMPDIR");
    memset(fleet, 0, sizeof *fleet);
    signal(SIGPIPE, SIG_IGN);
    snprintf(fleet->dir, sizeof fleet->dir, "%.60s/cg-fleet-XXXXXX",
             tmp && tmp[0] ? tmp : "/tmp");
    if (!mkdtemp(fleet->dir)) {
        CU_FAIL_FATAL("no temporary folder");
    }
}

static void end(fleet_server_t *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
        server->pid = 0;
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

void fleet_stop(fleet_t *fleet)
{
    for (int i = 0; i < fleet->count; i++) {
        end(&fleet->all[i]);
    }
    if (!getenv("CG_KEEP")) {
        nftw(fleet->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
}

void fleet_kill(fleet_t *fleet, int which)
{
    end(&fleet->all[which]);
}

void fleet_freeze(fleet_t *fleet, int which)
{
    kill(fleet->all[which].pid, SIGSTOP);
}

void fleet_thaw(fleet_t *fleet, int which)
{
    kill(fleet->all[which].pid, SIGCONT);
}

void fleet_restart(fleet_t *fleet, int which)
{
    launch(fleet, &fleet->all[which]);
    await(&fleet->all[which]);
}

static cg_reply_t call(const fleet_t *fleet, int which, apr_pool_t *pool,
                       const cg_str_t *argv, size_t argc)
{
    cg_store_t *store = NULL;
    cg_error_t err = {.text = ""};
    cg_reply_t reply = {.kind = CG_REPLY_NIL};
    cg_store_options_t options = {
        .url =
            apr_psprintf(pool, "redis://127.0.0.1:%d", fleet->all[which].port),
        .operation_for = apr_time_from_sec(5),
        .connections_max = 1};
    if (cg_store_open(&store, &options, &err, pool) != APR_SUCCESS ||
        cg_store_call(store, argv, argc, &reply, &err, pool) != APR_SUCCESS) {
        fprintf(stderr, "server %d: %s: %s\n", which, argv[0].ptr, err.text);
        CU_FAIL_FATAL("a server of the fleet is away");
    }
    return reply;
}

cg_reply_t fleet_call(const fleet_t *fleet, int which, apr_pool_t *pool, ...)
{
    cg_str_t argv[24];
    size_t argc = 0;
    cg_reply_t reply;
    apr_pool_t *own;
    va_list words;
    va_start(words, pool);
    for (;;) {
        const char *word = va_arg(words, const char *);
        if (!word || argc == 24) {
            break;
        }
        argv[argc++] = cg_str(word);
    }
    va_end(words);
    /* The connection goes with a pool; the answer stays. */
    apr_pool_create(&own, pool);
    reply = call(fleet, which, own, argv, argc);
    return reply;
}

/* Waits until a server's answer holds words. */
static void until_says(const fleet_t *fleet, int which, const char *words,
                       const char *a, const char *b)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (int i = 0; i < WAIT_TRIES; i++) {
        cg_reply_t r = fleet_call(fleet, which, pool, a, b, NULL);
        if (r.kind == CG_REPLY_TEXT && strstr(r.text.ptr, words)) {
            apr_pool_destroy(pool);
            return;
        }
        usleep(10000);
        apr_pool_clear(pool);
    }
    fprintf(stderr, "server %d never says %s\n", which, words);
    CU_FAIL_FATAL("the fleet does not come up");
}

void fleet_start_one(fleet_t *fleet, const char *options)
{
    fleet_start_one_at(fleet, options, fleet_free_port());
}

void fleet_start_one_at(fleet_t *fleet, const char *options, int port)
{
    begin(fleet);
    fleet_server_t *server = add(fleet);
    server->port = port;
    snprintf(server->options, sizeof server->options, "--dir %s --save \"\" %s",
             fleet->dir, options);
    fleet->servers = 1;
    launch(fleet, server);
    await(server);
}

/* ---- sentinels --------------------------------------------------------- */

static void write_sentinel(const fleet_t *fleet, fleet_server_t *server,
                           int down_after_ms, const char *password)
{
    char path[160];
    snprintf(path, sizeof path, "%s/sentinel-%d.conf", fleet->dir,
             server->port);
    FILE *file = fopen(path, "w");
    fprintf(file,
            "port %d\nbind 127.0.0.1\ndir %s\nlogfile %s.log\n"
            "sentinel monitor main 127.0.0.1 %d 2\n"
            "sentinel down-after-milliseconds main %d\n"
            "sentinel failover-timeout main 3000\n"
            "sentinel parallel-syncs main 2\n",
            server->port, fleet->dir, path, fleet->all[0].port, down_after_ms);
    if (password) {
        fprintf(file, "requirepass %s\nsentinel sentinel-pass %s\n", password,
                password);
    }
    fclose(file);
    snprintf(server->options, sizeof server->options, "%s --sentinel", path);
    server->is_sentinel = true;
}

/* Until each sentinel knows the replicas and the two others. */
static void await_sentinels(const fleet_t *fleet, int replicas,
                            const char *password)
{
    apr_pool_t *pool;
    char want[80];
    snprintf(want, sizeof want, "slaves=%d,sentinels=3", replicas);
    for (int i = fleet->servers; i < fleet->count; i++) {
        bool is_ready = false;
        for (int try = 0; try < WAIT_TRIES && !is_ready; try++) {
            cg_store_t *store;
            cg_reply_t r;
            apr_pool_create(&pool, NULL);
            cg_store_options_t options = {
                .url = apr_psprintf(pool, "redis://127.0.0.1:%d",
                                    fleet->all[i].port),
                .password = password,
                .operation_for = apr_time_from_sec(2)};
            cg_str_t argv[] = {CG_STR("INFO"), CG_STR("sentinel")};
            cg_store_open(&store, &options, NULL, pool);
            is_ready =
                cg_store_call(store, argv, 2, &r, NULL, pool) == APR_SUCCESS &&
                r.kind == CG_REPLY_TEXT && strstr(r.text.ptr, want);
            apr_pool_destroy(pool);
            if (!is_ready) {
                usleep(10000);
            }
        }
        CU_ASSERT_TRUE_FATAL(is_ready);
    }
}

void fleet_start_sentinels(fleet_t *fleet, int replicas, int down_after_ms,
                           const char *sentinel_password)
{
    begin(fleet);
    for (int i = 0; i <= replicas; i++) {
        fleet_server_t *server = add(fleet);
        int len = snprintf(server->options, sizeof server->options,
                           "--dir %s --save \"\" --appendonly no "
                           "--dbfilename %d.rdb --repl-diskless-sync-delay 0",
                           fleet->dir, server->port);
        if (i) {
            snprintf(server->options + len,
                     sizeof server->options - (size_t)len,
                     " --replicaof 127.0.0.1 %d", fleet->all[0].port);
        }
        launch(fleet, server);
    }
    fleet->servers = fleet->count;
    for (int i = 0; i < fleet->servers; i++) {
        await(&fleet->all[i]);
    }
    for (int i = 1; i < fleet->servers; i++) {
        until_says(fleet, i, "master_link_status:up", "INFO", "replication");
    }
    for (int i = 0; i < 3; i++) {
        fleet_server_t *server = add(fleet);
        write_sentinel(fleet, server, down_after_ms, sentinel_password);
        launch(fleet, server);
        await(server);
    }
    const fleet_server_t *s = fleet->all + fleet->servers;
    snprintf(fleet->url, sizeof fleet->url,
             "sentinel://127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/main",
             s[0].port, s[1].port, s[2].port);
    await_sentinels(fleet, replicas, sentinel_password);
}

/* ---- a cluster --------------------------------------------------------- */

static const char *number(apr_pool_t *pool, int n)
{
    return apr_psprintf(pool, "%d", n);
}

static void join_cluster(const fleet_t *fleet, apr_pool_t *pool)
{
    for (int i = 0; i < 3; i++) {
        fleet_call(fleet, i, pool, "CLUSTER", "ADDSLOTSRANGE",
                   number(pool, i * CG_SLOTS / 3),
                   number(pool, (i + 1) * CG_SLOTS / 3 - 1), NULL);
    }
    for (int i = 0; i < fleet->count; i++) {
        fleet_call(fleet, i, pool, "CLUSTER", "SET-CONFIG-EPOCH",
                   number(pool, i + 1), NULL);
    }
    for (int i = 1; i < fleet->count; i++) {
        fleet_call(fleet, i, pool, "CLUSTER", "MEET", "127.0.0.1",
                   number(pool, fleet->all[0].port),
                   number(pool, fleet->all[0].bus), NULL);
    }
    for (int i = 0; i < fleet->count; i++) {
        until_says(fleet, i, apr_psprintf(pool, "known_nodes:%d", fleet->count),
                   "CLUSTER", "INFO");
    }
}

void fleet_start_cluster(fleet_t *fleet, int replicas, int node_timeout_ms)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    begin(fleet);
    for (int i = 0; i < 3 + replicas; i++) {
        fleet_server_t *server = add(fleet);
        snprintf(server->options, sizeof server->options,
                 "--dir %s --save \"\" --appendonly no --dbfilename %d.rdb "
                 "--cluster-enabled yes --cluster-config-file %d.nodes "
                 "--cluster-node-timeout %d --cluster-port %d "
                 "--repl-diskless-sync-delay 0 "
                 "--cluster-replica-validity-factor 0",
                 fleet->dir, server->port, server->port, node_timeout_ms,
                 server->bus);
        launch(fleet, server);
    }
    fleet->servers = fleet->count;
    for (int i = 0; i < fleet->count; i++) {
        await(&fleet->all[i]);
    }
    join_cluster(fleet, pool);
    for (int i = 3; i < fleet->count; i++) {
        cg_reply_t id = fleet_call(fleet, i % 3, pool, "CLUSTER", "MYID", NULL);
        fleet_call(fleet, i, pool, "CLUSTER", "REPLICATE", id.text.ptr, NULL);
    }
    for (int i = 0; i < fleet->count; i++) {
        until_says(fleet, i, "cluster_state:ok", "CLUSTER", "INFO");
    }
    for (int i = 3; i < fleet->count; i++) {
        until_says(fleet, i, "master_link_status:up", "INFO", "replication");
    }
    snprintf(fleet->url, sizeof fleet->url,
             "cluster://127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d",
             fleet->all[0].port, fleet->all[1].port, fleet->all[2].port);
    apr_pool_destroy(pool);
}

int fleet_owner(const fleet_t *fleet, const char *key, apr_pool_t *pool)
{
    for (int i = 0; i < fleet->count; i++) {
        if (fleet->all[i].pid > 0) {
            cg_reply_t r = fleet_call(fleet, i, pool, "EXISTS", key, NULL);
            cg_reply_t role = fleet_call(fleet, i, pool, "ROLE", NULL);
            if (r.kind == CG_REPLY_INT &&
                cg_str_is(role.items[0].text, "master")) {
                return i;
            }
        }
    }
    CU_FAIL_FATAL("nobody has the key's slot");
    return -1;
}

static void migrate(const fleet_t *fleet, int slot, int from, int to, int batch,
                    int rest_ms, apr_pool_t *pool)
{
    for (;;) {
        apr_pool_t *own;
        apr_pool_create(&own, pool);
        cg_reply_t keys =
            fleet_call(fleet, from, own, "CLUSTER", "GETKEYSINSLOT",
                       number(own, slot), number(own, batch), NULL);
        if (keys.count == 0) {
            apr_pool_destroy(own);
            return;
        }
        cg_str_t *argv = apr_palloc(own, (7 + keys.count) * sizeof *argv);
        argv[0] = CG_STR("MIGRATE");
        argv[1] = CG_STR("127.0.0.1");
        argv[2] = cg_str(number(own, fleet->all[to].port));
        argv[3] = CG_STR("");
        argv[4] = CG_STR("0");
        argv[5] = CG_STR("5000");
        argv[6] = CG_STR("KEYS");
        for (size_t i = 0; i < keys.count; i++) {
            argv[7 + i] = keys.items[i].text;
        }
        cg_reply_t r = call(fleet, from, own, argv, 7 + keys.count);
        CU_ASSERT_EQUAL_FATAL(r.kind, CG_REPLY_TEXT);
        apr_pool_destroy(own);
        usleep((useconds_t)rest_ms * 1000);
    }
}

void fleet_move_slot(const fleet_t *fleet, int slot, int from, int to,
                     int batch, int rest_ms)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    const char *text = number(pool, slot);
    const char *source =
        fleet_call(fleet, from, pool, "CLUSTER", "MYID", NULL).text.ptr;
    const char *target =
        fleet_call(fleet, to, pool, "CLUSTER", "MYID", NULL).text.ptr;
    fleet_call(fleet, to, pool, "CLUSTER", "SETSLOT", text, "IMPORTING", source,
               NULL);
    fleet_call(fleet, from, pool, "CLUSTER", "SETSLOT", text, "MIGRATING",
               target, NULL);
    migrate(fleet, slot, from, to, batch, rest_ms, pool);
    fleet_call(fleet, to, pool, "CLUSTER", "SETSLOT", text, "NODE", target,
               NULL);
    fleet_call(fleet, from, pool, "CLUSTER", "SETSLOT", text, "NODE", target,
               NULL);
    apr_pool_destroy(pool);
}
