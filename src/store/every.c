/* A cluster: what has to be asked of all primaries, and their answers as one.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "store/cluster_int.h"

/* Joins an answer of one more node: numbers add up, lists grow, an error stays. */
static void join(cg_reply_t *to, const cg_reply_t *more, apr_pool_t *pool)
{
    if (to->kind == CG_REPLY_NIL || more->kind == CG_REPLY_ERROR) {
        *to = *more;
    }
    else if (to->kind == CG_REPLY_INT) {
        to->number += more->number;
    }
    else if (to->kind == CG_REPLY_ARRAY && more->kind == CG_REPLY_ARRAY) {
        cg_reply_t *items =
            apr_palloc(pool, (to->count + more->count + 1) * sizeof *items);
        memcpy(items, to->items, to->count * sizeof *items);
        memcpy(items + to->count, more->items, more->count * sizeof *items);
        to->items = items;
        to->count += more->count;
    }
}

apr_status_t cg_cluster_every(cg_store_t *store,
                              const cg_store_command_t *command,
                              cg_reply_t *out, cg_error_t *err,
                              apr_pool_t *pool)
{
    cg_node_t *nodes[CG_STORE_NODES_MAX];
    int count = cg_cluster_primaries(store, nodes, err);
    apr_status_t rv = count ? APR_SUCCESS : APR_ENOSOCKET;
    *out = (cg_reply_t){.kind = CG_REPLY_NIL};
    for (int i = 0; i < count && rv == APR_SUCCESS; i++) {
        cg_node_slot_t *slot;
        cg_reply_t reply;
        bool unused;
        rv = cg_node_take(nodes[i], &slot, &unused, err);
        if (rv != APR_SUCCESS) {
            break;
        }
        cg_connection_add(&slot->connection, command, pool);
        rv = cg_store_read_all(nodes[i], slot, &reply, 1, &unused, err, pool);
        cg_node_give_back(nodes[i], slot, rv == APR_SUCCESS);
        if (rv == APR_SUCCESS) {
            join(out, &reply, pool);
        }
    }
    return rv;
}
