/* Real redis-servers of a test's own, several together: a primary with replicas
 * and sentinels, or a cluster; on loopback, in a temporary folder.
 * SPDX-License-Identifier: Apache-2.0
 *
 * They are stopped by their process ids, and die with the test whatever happens.
 */
#ifndef CG_TESTS_FLEET_FIXTURE_H
#define CG_TESTS_FLEET_FIXTURE_H

#include <stdbool.h>
#include <sys/types.h>

#include "store/store.h"

#define FLEET_MAX 12

typedef struct fleet_server_t {
    pid_t pid; /* 0: not running */
    int port;
    int bus; /* of a cluster */
    bool is_sentinel;
    char options[600]; /* of its command line, apart by blanks */
} fleet_server_t;

typedef struct fleet_t {
    char dir[96];
    char url[400]; /* sentinel://… or cluster://… */
    int count;
    int servers; /* the sentinels stand behind them */
    fleet_server_t all[FLEET_MAX];
} fleet_t;

/* Server 0 is the primary, then its replicas, then three sentinels, who know it
 * as "main". sentinel_password may be NULL. */
void fleet_start_sentinels(fleet_t *fleet, int replicas, int down_after_ms,
                           const char *sentinel_password);
/* Servers 0, 1 and 2 are primaries with a third of the slots each, then come as
 * many replicas of them in turn. */
void fleet_start_cluster(fleet_t *fleet, int replicas, int node_timeout_ms);
/* One server with these options and a port of its own. */
void fleet_start_one(fleet_t *fleet, const char *options);
void fleet_start_one_at(fleet_t *fleet, const char *options, int port);
void fleet_stop(fleet_t *fleet);

void fleet_kill(fleet_t *fleet, int which);
void fleet_freeze(fleet_t *fleet, int which);
void fleet_thaw(fleet_t *fleet, int which);
void fleet_restart(fleet_t *fleet, int which);

/* One command of words in a row to one server, NULL at the end. */
cg_reply_t fleet_call(const fleet_t *fleet, int which, apr_pool_t *pool, ...)
    __attribute__((sentinel));
/* A port nobody listens at now. */
int fleet_free_port(void);
/* The server that has the slot of key; by its own word. */
int fleet_owner(const fleet_t *fleet, const char *key, apr_pool_t *pool);
/* Moves a slot as redis-cli does, batch keys at a time, resting between. */
void fleet_move_slot(const fleet_t *fleet, int slot, int from, int to,
                     int batch, int rest_ms);

#endif
