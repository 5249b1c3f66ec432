/* make bench: what it costs to admit a request and to settle it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Six limits and three budgets, a thousand callers, a Redis of its own on a Unix
 * socket. A request is admitted, its bill goes with the next admission in one round
 * trip: so each row is reserve and settle together. Redis' time is what Redis says
 * of its own commands (INFO commandstats), ours is CPU of the thread. Beside them
 * a plain PING in the same run. The best of some rounds counts: the machine may
 * have other work.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "quota/quota.h"

#define ROUNDS 100
#define REQUESTS 400
#define CALLERS_MOST 1000
#define CALLERS_FEW 10 /* of leased limits: who has slices uses them up */
#define HOLD_FOR apr_time_from_sec(660)

static const char *const limits_of[] = {
    "key 1000000/60s",          "user 1000000/60s",
    "address 1000000/15min",    "key 100000000tokens/60s",
    "team 100000000tokens/day", "model 1000000/60s",
    "key 1000000USD/month",     "team 1000000USD/month",
    "user 1000000USD/month",
};
#define LIMITS (sizeof limits_of / sizeof limits_of[0])

typedef struct figures_t {
    double redis_micros, cpu_micros, half_micros, late_micros, calls;
} figures_t;

typedef struct stand_t {
    apr_pool_t *pool;
    apr_pool_t *scratch;
    char folder[64];
    pid_t redis;
    cg_store_t *store;
    cg_quota_t *quota;
    cg_limit_t limits[LIMITS];
    long serial;
    long callers;
} stand_t;

static double cpu_now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

static double wall_now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

static cg_reply_t call(stand_t *stand, const char *a, const char *b)
{
    cg_str_t argv[] = {cg_str(a), cg_str(b)};
    cg_reply_t reply = {.kind = CG_REPLY_NIL};
    cg_error_t err;
    cg_store_call(stand->store, argv, b ? 2 : 1, &reply, &err, stand->pool);
    return reply;
}

static bool start_redis(stand_t *stand)
{
    strcpy(stand->folder, "/tmp/cg-bench-XXXXXX");
    if (!mkdtemp(stand->folder)) {
        return false;
    }
    const char *socket_path =
        apr_pstrcat(stand->pool, stand->folder, "/redis.sock", NULL);
    stand->redis = fork();
    if (stand->redis == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (chdir(stand->folder) == 0 && freopen("/dev/null", "w", stdout)) {
            execlp("redis-server", "redis-server", "--port", "0",
                   "--unixsocket", socket_path, "--save", "", NULL);
        }
        _exit(127);
    }
    cg_error_t err;
    cg_store_options_t options = {
        .url = apr_pstrcat(stand->pool, "unix:", socket_path, NULL),
        .operation_for = apr_time_from_sec(2)};
    for (int i = 0; i < 500; i++) {
        usleep(10000);
        if (access(socket_path, F_OK) == 0) {
            return cg_store_open(&stand->store, &options, &err, stand->pool) ==
                   APR_SUCCESS;
        }
    }
    return false;
}

static void stop_redis(stand_t *stand)
{
    kill(stand->redis, SIGTERM);
    waitpid(stand->redis, NULL, 0);
    unlink(apr_pstrcat(stand->pool, stand->folder, "/redis.sock", NULL));
    rmdir(stand->folder);
}

static void read_limits(stand_t *stand, const char *words)
{
    cg_error_t err;
    for (size_t i = 0; i < LIMITS; i++) {
        const char *blank = strchr(limits_of[i], ' ');
        cg_limit_t *limit = &stand->limits[i];
        const char *text =
            apr_pstrcat(stand->pool, blank + 1, " ", words, NULL);
        *limit = (cg_limit_t){.dimension = 0};
        cg_limit_scope_read(
            (cg_str_t){limits_of[i], (size_t)(blank - limits_of[i])}, limit);
        if (!cg_limit_parse(cg_str(text), limit, &err)) {
            fprintf(stderr, "%s: %s\n", text, err.text);
            exit(1);
        }
    }
}

/* Microseconds of Redis and calls since the last reset, of one command. */
static void read_stats(stand_t *stand, const char *command, double *out_micros,
                       double *out_calls)
{
    cg_reply_t info = call(stand, "INFO", "commandstats");
    const char *name =
        apr_pstrcat(stand->pool, "cmdstat_", command, ":calls=", NULL);
    const char *at = info.text.ptr ? strstr(info.text.ptr, name) : NULL;
    *out_calls = at ? strtod(at + strlen(name), NULL) : 0;
    at = at ? strstr(at, "usec=") : NULL;
    *out_micros = at ? strtod(at + 5, NULL) : 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* One request: admitted, answered, its bill left for the next. */
static bool serve(stand_t *stand, cg_quota_ask_t *asks)
{
    char uuid[37], id[CG_QUOTA_ID_MAX + 1];
    cg_quota_grant_t grant;
    cg_error_t err;
    apr_time_t now = cg_clock_now();
    const char *who = apr_psprintf(stand->scratch, "caller-%ld",
                                   stand->serial++ * 7919 % stand->callers);
    for (size_t i = 0; i < LIMITS; i++) {
        asks[i].subject = cg_str(who);
    }
    cg_clock_uuid7(now, uuid);
    cg_quota_id(id, uuid, (cg_str_t){"", 0});
    cg_quota_admit(stand->quota, id, asks, LIMITS, HOLD_FOR, now, &grant, &err,
                   stand->scratch);
    cg_quota_bill_t bill = {.id = id,
                            .input_tokens = 300,
                            .output_tokens = 200,
                            .micros = 2000};
    cg_quota_post(stand->quota, &bill, !grant.is_here);
    apr_pool_clear(stand->scratch);
    return grant.is_admitted && !grant.is_local;
}

static figures_t measure_requests(stand_t *stand)
{
    static double took[REQUESTS];
    figures_t best = {1e9, 1e9, 1e9, 1e9, 1e9};
    cg_quota_ask_t asks[LIMITS];
    double micros, calls;
    for (size_t i = 0; i < LIMITS; i++) {
        bool is_count = stand->limits[i].quantity == CG_QUANTITY_REQUESTS;
        asks[i] = (cg_quota_ask_t){.limit = &stand->limits[i],
                                   .cost = is_count ? 1 : 4400,
                                   .floor = is_count ? 1 : 300};
    }
    for (int round = 0; round < ROUNDS; round++) {
        call(stand, "CONFIG", "RESETSTAT");
        double cpu = 0;
        for (int i = 0; i < REQUESTS; i++) {
            double cpu_before = cpu_now(), before = wall_now();
            if (!serve(stand, asks)) {
                fprintf(stderr, "a request was refused\n");
                exit(1);
            }
            took[i] = wall_now() - before;
            cpu += cpu_now() - cpu_before;
        }
        read_stats(stand, "evalsha", &micros, &calls);
        qsort(took, REQUESTS, sizeof took[0], compare);
        figures_t now = {micros / REQUESTS, cpu / REQUESTS, took[REQUESTS / 2],
                         took[REQUESTS * 99 / 100], calls / REQUESTS};
        best = round == 0 || now.redis_micros < best.redis_micros ? now : best;
    }
    return best;
}

static figures_t measure_ping(stand_t *stand)
{
    static double took[REQUESTS];
    figures_t best = {1e9, 1e9, 1e9, 1e9, 1e9};
    double micros, calls;
    for (int round = 0; round < ROUNDS; round++) {
        call(stand, "CONFIG", "RESETSTAT");
        double cpu = 0;
        for (int i = 0; i < REQUESTS; i++) {
            double cpu_before = cpu_now(), before = wall_now();
            call(stand, "PING", NULL);
            took[i] = wall_now() - before;
            cpu += cpu_now() - cpu_before;
        }
        read_stats(stand, "ping", &micros, &calls);
        qsort(took, REQUESTS, sizeof took[0], compare);
        figures_t now = {micros / REQUESTS, cpu / REQUESTS, took[REQUESTS / 2],
                         took[REQUESTS * 99 / 100], calls / REQUESTS};
        best = round == 0 || now.half_micros < best.half_micros ? now : best;
    }
    return best;
}

static void print(const char *name, figures_t f)
{
    printf("  %-28s %10.1f %10.1f %10.1f %10.1f %10.2f\n", name, f.redis_micros,
           f.cpu_micros, f.half_micros, f.late_micros, f.calls);
}

int main(void)
{
    static stand_t stand;
    apr_initialize();
    signal(SIGPIPE, SIG_IGN);
    apr_pool_create(&stand.pool, NULL);
    apr_pool_create(&stand.scratch, stand.pool);
    if (!start_redis(&stand)) {
        fprintf(stderr, "redis-server does not start\n");
        return 1;
    }
    void *shared = NULL;
    if (posix_memalign(&shared, 64, cg_quota_shared_bytes()) != 0) {
        return 1;
    }
    memset(shared, 0, cg_quota_shared_bytes());
    stand.quota = cg_quota_open(stand.store, shared, stand.pool);
    printf("quota: admit and settle with 6 limits and 3 budgets, microseconds\n"
           "  %-28s %10s %10s %10s %10s %10s\n",
           "", "Redis", "our CPU", "half", "99 of 100", "calls");
    print("PING", measure_ping(&stand));
    stand.callers = CALLERS_MOST;
    read_limits(&stand, "");
    print("strict", measure_requests(&stand));
    stand.callers = CALLERS_FEW;
    read_limits(&stand, "leased");
    print("leased", measure_requests(&stand));
    stop_redis(&stand);
    free(shared);
    return 0;
}
