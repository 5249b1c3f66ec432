/* One server of the store: its address, and a bounded pool of connections to it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For the store's own files. A slot of the pool carries a number, its
 * generation. To flush the idle ones is to count the node's generation up: a
 * slot of an older generation is closed by whoever takes it next, so nobody
 * touches a connection another thread uses.
 */
#ifndef CG_STORE_NODE_H
#define CG_STORE_NODE_H

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "store/access.h"
#include "store/breaker.h"
#include "store/connection.h"

#define CG_NODE_HOST_MAX 256

typedef struct cg_node_slot_t {
    cg_connection_t connection;
    int64_t generation;
} cg_node_slot_t;

/* lives in: the store's pool · used by: every thread of the child */
typedef struct cg_node_t {
    char host[CG_NODE_HOST_MAX];
    cg_store_address_t address; /* of host, or of a Unix socket */
    char where[CG_NODE_HOST_MAX + 32];
    const cg_store_access_t *access;
    bool needs_primary;
    apr_time_t operation_for;
    /* Told of each new connection, by the thread that made it. */
    void (*on_open)(void *baton, struct cg_node_t *node, const char *run_id);
    void *baton;
    cg_breaker_t breaker;           /* of this child alone; in a cluster */
    char run_id[CG_RUN_ID_LEN + 1]; /* guarded by the store's lock */
    volatile int64_t generation;    /* atomic */

    apr_thread_mutex_t *lock; /* guards what follows */
    apr_thread_cond_t *freed;
    cg_node_slot_t *slots;
    int slots_count;
    cg_node_slot_t **idle; /* connected; the last used on top */
    int idle_count;
    cg_node_slot_t **spare; /* not connected */
    int spare_count;
} cg_node_t;

/* A server at address, whose strings it copies. Connects nowhere. */
apr_status_t cg_node_make(cg_node_t **out, const cg_store_address_t *address,
                          const cg_store_access_t *access,
                          apr_time_t operation_for, int connections_max,
                          apr_pool_t *pool);
void cg_node_close(cg_node_t *node);
/* A connection beside the pool. */
apr_status_t cg_node_dial(cg_node_t *node, cg_connection_t *out,
                          cg_error_t *err);
/* A connection of the pool, made ready; *out_is_used: it has served before.
 * APR_EBUSY: none is free. */
apr_status_t cg_node_take(cg_node_t *node, cg_node_slot_t **out,
                          bool *out_is_used, cg_error_t *err);
/* is_good false: an answer of it was lost; it is closed, and so are the idle
 * ones before they are used again. */
void cg_node_give_back(cg_node_t *node, cg_node_slot_t *slot, bool is_good);

#endif
