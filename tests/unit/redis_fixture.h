/* A real redis-server of a test's own, on a Unix socket in a temporary folder.
 * SPDX-License-Identifier: Apache-2.0
 *
 * It is stopped by its process id, and dies with the test whatever happens.
 */
#ifndef CG_TESTS_REDIS_FIXTURE_H
#define CG_TESTS_REDIS_FIXTURE_H

#include <stdbool.h>
#include <sys/types.h>

#include "store/store.h"

typedef struct redis_fixture_t {
    pid_t pid; /* 0: not running */
    bool is_durable;
    char dir[96];
    char url[128];
} redis_fixture_t;

/* Starts a server and waits until it answers. is_durable: append-only file,
 * synced before each answer, so that a restart finds all that was answered. The
 * test fails fatally if it does not start. */
void redis_fixture_start(redis_fixture_t *redis, bool is_durable);
/* Stops it and removes its folder. */
void redis_fixture_stop(redis_fixture_t *redis);
/* SIGSTOP and SIGCONT. */
void redis_fixture_freeze(redis_fixture_t *redis);
void redis_fixture_thaw(redis_fixture_t *redis);
/* SIGKILL, and a start on the same folder. */
void redis_fixture_kill(redis_fixture_t *redis);
void redis_fixture_restart(redis_fixture_t *redis);

/* One server for all tests that do not harm it; emptied at each call. */
redis_fixture_t *redis_fixture_shared(void);
bool redis_fixture_is_shared(const redis_fixture_t *redis);

/* A store on it, in pool, patient: a busy machine must not fail a test that is
 * not about time. */
cg_store_t *redis_fixture_store(const redis_fixture_t *redis, apr_pool_t *pool);
/* One with the time-out of production, for drills. */
cg_store_t *redis_fixture_quick_store(const redis_fixture_t *redis,
                                      apr_pool_t *pool);
/* One command of words in a row, NULL at the end; fatal if the store is away.
 */
cg_reply_t redis_fixture_call(cg_store_t *store, apr_pool_t *pool, ...)
    __attribute__((sentinel));

#endif
