/* The map of a cluster: which node has which slot.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For cluster.c, every.c and map.c only; what the other files use is in store_int.h.
 */
#ifndef CG_STORE_CLUSTER_INT_H
#define CG_STORE_CLUSTER_INT_H

#include "store/store_int.h"

/* NULL: nobody is known to have it. */
cg_node_t *cg_cluster_owner(cg_store_t *store, int slot);
/* A node said who has the slot now; the whole map is looked at soon. */
void cg_cluster_moved(cg_store_t *store, int slot, cg_node_t *node);
/* All that have slots, asked for when none is known; out has room for
 * CG_STORE_NODES_MAX. */
int cg_cluster_primaries(cg_store_t *store, cg_node_t **out, cg_error_t *err);
/* Asks a command of all primaries, one after the other, and joins the answers:
 * numbers add up, lists are put together, an error stays. */
apr_status_t cg_cluster_every(cg_store_t *store,
                              const cg_store_command_t *command,
                              cg_reply_t *out, cg_error_t *err,
                              apr_pool_t *pool);
/* Did any node answer when the map was last sought? */
bool cg_cluster_is_reached(cg_store_t *store);

#endif
