/* One server of the store: taking connections and giving them back.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/node.h"

#include <apr_strings.h>

#include "base/share.h"

apr_status_t cg_node_make(cg_node_t **out, const cg_store_address_t *address,
                          const cg_store_access_t *access,
                          apr_time_t operation_for, int connections_max,
                          apr_pool_t *pool)
{
    cg_node_t *node = apr_pcalloc(pool, sizeof *node);
    size_t n = (size_t)connections_max;
    node->address = *address;
    if (address->path) {
        node->address.path = apr_pstrdup(pool, address->path);
    }
    else {
        apr_cpystrn(node->host, address->host, sizeof node->host);
        node->address.host = node->host;
    }
    apr_cpystrn(node->where, cg_store_address_text(&node->address, pool),
                sizeof node->where);
    node->access = access;
    node->operation_for = operation_for;
    node->slots_count = connections_max;
    node->slots = apr_pcalloc(pool, n * sizeof *node->slots);
    node->idle = apr_pcalloc(pool, n * sizeof *node->idle);
    node->spare = apr_pcalloc(pool, n * sizeof *node->spare);
    for (int i = 0; i < connections_max; i++) {
        node->spare[node->spare_count++] = &node->slots[i];
    }
    apr_status_t rv =
        apr_thread_mutex_create(&node->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&node->freed, pool);
    }
    *out = node;
    return rv;
}

void cg_node_close(cg_node_t *node)
{
    for (int i = 0; i < node->slots_count; i++) {
        cg_connection_close(&node->slots[i].connection);
    }
}

apr_status_t cg_node_dial(cg_node_t *node, cg_connection_t *out,
                          cg_error_t *err)
{
    const cg_store_url_t *url = &node->access->url;
    char run_id[CG_RUN_ID_LEN + 1];
    cg_dial_t dial = {.address = &node->address,
                      .where = node->where,
                      .user = url->user,
                      .password = url->password,
                      .db = url->db,
                      .tls = node->access->tls,
                      .needs_primary = node->needs_primary,
                      .within = node->operation_for};
    apr_status_t rv = cg_connection_open(&dial, out, run_id, err);
    if (rv == APR_SUCCESS) {
        node->on_open(node->baton, node, run_id);
    }
    return rv;
}

static cg_node_slot_t *pop(cg_node_t *node)
{
    if (node->idle_count) {
        return node->idle[--node->idle_count];
    }
    return node->spare_count ? node->spare[--node->spare_count] : NULL;
}

static cg_node_slot_t *wait_for_slot(cg_node_t *node, cg_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    apr_thread_mutex_lock(node->lock);
    cg_node_slot_t *slot = pop(node);
    while (!slot && rv == APR_SUCCESS) {
        rv = apr_thread_cond_timedwait(node->freed, node->lock,
                                       node->operation_for);
        slot = pop(node);
    }
    apr_thread_mutex_unlock(node->lock);
    if (!slot) {
        cg_error_set(err,
                     "the store at %s: all %d connections are in use; allow "
                     "as many as there are threads",
                     node->where, node->slots_count);
    }
    return slot;
}

static void put_back(cg_node_t *node, cg_node_slot_t *slot)
{
    apr_thread_mutex_lock(node->lock);
    if (slot->connection.context) {
        node->idle[node->idle_count++] = slot;
    }
    else {
        node->spare[node->spare_count++] = slot;
    }
    apr_thread_cond_signal(node->freed);
    apr_thread_mutex_unlock(node->lock);
}

void cg_node_give_back(cg_node_t *node, cg_node_slot_t *slot, bool is_good)
{
    if (!is_good) {
        cg_connection_close(&slot->connection);
        cg_atomic_add(&node->generation, 1);
    }
    put_back(node, slot);
}

apr_status_t cg_node_take(cg_node_t *node, cg_node_slot_t **out,
                          bool *out_is_used, cg_error_t *err)
{
    *out_is_used = false;
    cg_node_slot_t *slot = wait_for_slot(node, err);
    if (!slot) {
        return APR_EBUSY;
    }
    int64_t generation = cg_atomic_get(&node->generation);
    if (slot->connection.context &&
        (slot->generation != generation ||
         cg_connection_is_dead(&slot->connection))) {
        cg_connection_close(&slot->connection);
    }
    *out = slot;
    *out_is_used = slot->connection.context != NULL;
    if (*out_is_used) {
        return APR_SUCCESS;
    }
    slot->generation = generation;
    apr_status_t rv = cg_node_dial(node, &slot->connection, err);
    if (rv != APR_SUCCESS) {
        cg_node_give_back(node, slot, false);
    }
    return rv;
}
