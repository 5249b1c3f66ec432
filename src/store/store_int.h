/* What the files of the store share: the store itself, and who may serve now.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   store.c      calls, tries, the breaker       serve.c     nodes, generations
 *   access.c     url, user, TLS                  node.c      one server's pool
 *   sentinel.c   who is the primary              cluster.c   whose slot it is
 *   listener.c   a channel                       redis.c     a connection
 */
#ifndef CG_STORE_STORE_INT_H
#define CG_STORE_STORE_INT_H

#include "store/node.h"

/* Addresses ever met by one child: where servers get new ones at each restart,
 * years of them. */
#define CG_STORE_NODES_MAX 1024

/* lives in: child pool · used by: every thread of the child */
struct cg_store_t {
    cg_store_access_t access;
    apr_time_t operation_for;
    int connections_max;
    cg_breaker_t *breaker;
    cg_breaker_t own_breaker;
    volatile int64_t generation; /* atomic */

    apr_thread_mutex_t *lock; /* guards what follows; never held over a wait
                                 for the network */
    apr_thread_cond_t *asked;
    apr_pool_t *pool; /* of nodes */
    cg_node_t *nodes[CG_STORE_NODES_MAX];
    int nodes_count;
    bool is_asking;      /* one thread asks sentinels, or nodes for the map */
    bool is_in_doubt;    /* who serves may have changed: ask before the next */
    apr_time_t asked_at; /* monotonic: when an answer was last sought */
    int next_seed;       /* whom to ask first */

    cg_node_t *primary;             /* of one server, or by the sentinels */
    char run_id[CG_RUN_ID_LEN + 1]; /* of the primary's run */
    int64_t epoch;                  /* of the sentinels' answer */

    cg_node_t **owners; /* by slot, of a cluster; NULL: not known */
    bool has_map;
};

/* The node at address, made when it is new; under the lock. NULL: too many. */
cg_node_t *cg_store_node(cg_store_t *store, const cg_store_address_t *address);
/* One round of commands on one connection: all sent, all read. Not APR_SUCCESS
 * when one of them says that the server cannot serve; *out_is_moved: because it
 * is a replica, nothing was changed. */
apr_status_t cg_store_read_all(cg_node_t *node, cg_node_slot_t *slot,
                               cg_reply_t *out, size_t count,
                               bool *out_is_moved, cg_error_t *err,
                               apr_pool_t *pool);
bool cg_store_is_away_reply(const cg_reply_t *reply);
bool cg_store_has_code(const cg_reply_t *reply, const char *code);
/* May all be sent again after a connection broke under them? */
bool cg_store_are_safe(const cg_store_command_t *commands, size_t count);
/* Only one thread asks at a time, others wait for its answer. False: somebody
 * asked since the moment; what he found is there. Under the lock, both. */
bool cg_store_begin_asking(cg_store_t *store, apr_time_t since);
void cg_store_end_asking(cg_store_t *store);
/* Another server, or another run of it, serves: what the last one may have lost
 * can be sent again. */
void cg_store_new_generation(cg_store_t *store);

/* Something failed: who serves is asked before the next connection. */
void cg_store_doubt(cg_store_t *store);
/* The one server, or the sentinels' primary; NULL: none is known. */
cg_node_t *cg_store_primary(cg_store_t *store, apr_time_t began,
                            cg_error_t *err);

/* The primary by the sentinels; asks them when it is not known, or in doubt
 * since before this call began. NULL: none is known. */
cg_node_t *cg_sentinel_primary(cg_store_t *store, apr_time_t began,
                               cg_error_t *err);
void cg_sentinel_ask(cg_store_t *store, apr_time_t since, cg_error_t *err);

/* A pipeline, split by who has the slots and joined again in order. */
apr_status_t cg_cluster_pipeline(cg_store_t *store,
                                 const cg_store_command_t *commands,
                                 size_t count, cg_reply_t *out, cg_error_t *err,
                                 apr_pool_t *pool);
/* A node that has slots, in turn; NULL: none is known or can be asked. */
cg_node_t *cg_cluster_any(cg_store_t *store, cg_error_t *err);
/* Asks for the map anew unless somebody did since. */
apr_status_t cg_cluster_ask(cg_store_t *store, apr_time_t since,
                            cg_error_t *err);

/* A connection for a listener, and to which server. */
apr_status_t cg_store_dial(cg_store_t *store, cg_connection_t *out,
                           cg_node_t **out_node, cg_error_t *err);
/* Once in a while, by who has time: is it still the same primary, or map? */
void cg_store_tend(cg_store_t *store);
/* Does node still serve? */
bool cg_store_serves(cg_store_t *store, const cg_node_t *node);

#endif
