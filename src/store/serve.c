/* Who serves now: nodes by their addresses, generations, and asking one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "base/clock.h"
#include "base/share.h"
#include "store/store_int.h"

#define TEND_EACH APR_TIME_C(1000000)

void cg_store_new_generation(cg_store_t *store)
{
    cg_atomic_add(&store->generation, 1);
}

static bool is_same(const cg_store_address_t *a, const cg_store_address_t *b)
{
    if (a->path || b->path) {
        return a->path && b->path && strcmp(a->path, b->path) == 0;
    }
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* A run that was not met before: of the node in a cluster, of the store else. */
static void on_open(void *baton, cg_node_t *node, const char *run_id)
{
    cg_store_t *store = baton;
    bool is_cluster = store->access.url.kind == CG_STORE_CLUSTER;
    char *known = is_cluster ? node->run_id : store->run_id;
    apr_thread_mutex_lock(store->lock);
    bool is_other = run_id[0] && strcmp(known, run_id) != 0;
    bool is_first = is_other && !known[0];
    if (is_other) {
        memcpy(known, run_id, CG_RUN_ID_LEN + 1);
    }
    apr_thread_mutex_unlock(store->lock);
    /* Of a cluster a node that is met first is no news, but for the first. */
    if (is_other &&
        (!is_first || !is_cluster || cg_atomic_get(&store->generation) == 0)) {
        cg_store_new_generation(store);
    }
}

cg_node_t *cg_store_node(cg_store_t *store, const cg_store_address_t *address)
{
    cg_node_t *node = NULL;
    for (int i = 0; i < store->nodes_count; i++) {
        if (is_same(&store->nodes[i]->address, address)) {
            return store->nodes[i];
        }
    }
    if (store->nodes_count == CG_STORE_NODES_MAX ||
        cg_node_make(&node, address, &store->access, store->operation_for,
                     store->connections_max, store->pool) != APR_SUCCESS) {
        return NULL;
    }
    node->needs_primary = store->access.url.kind == CG_STORE_SENTINEL;
    node->on_open = on_open;
    node->baton = store;
    store->nodes[store->nodes_count++] = node;
    return node;
}

bool cg_store_begin_asking(cg_store_t *store, apr_time_t since)
{
    apr_status_t rv = APR_SUCCESS;
    while (store->is_asking && rv == APR_SUCCESS) {
        rv = apr_thread_cond_timedwait(store->asked, store->lock,
                                       2 * store->operation_for);
    }
    if (store->is_asking || store->asked_at > since) {
        return false;
    }
    store->is_asking = true;
    return true;
}

void cg_store_end_asking(cg_store_t *store)
{
    store->is_asking = false;
    store->asked_at = cg_clock_monotonic();
    apr_thread_cond_broadcast(store->asked);
}

void cg_store_doubt(cg_store_t *store)
{
    apr_thread_mutex_lock(store->lock);
    store->is_in_doubt = true;
    apr_thread_mutex_unlock(store->lock);
}

bool cg_store_serves(cg_store_t *store, const cg_node_t *node)
{
    bool is_serving = true;
    if (store->access.url.kind == CG_STORE_SENTINEL) {
        apr_thread_mutex_lock(store->lock);
        is_serving = store->primary == node;
        apr_thread_mutex_unlock(store->lock);
    }
    return is_serving;
}

void cg_store_tend(cg_store_t *store)
{
    apr_time_t now = cg_clock_monotonic();
    cg_store_kind_t kind = store->access.url.kind;
    cg_error_t unused;
    if (kind == CG_STORE_ONE) {
        return;
    }
    apr_thread_mutex_lock(store->lock);
    bool is_due = !store->is_asking && now - store->asked_at > TEND_EACH;
    apr_thread_mutex_unlock(store->lock);
    if (is_due && kind == CG_STORE_SENTINEL) {
        cg_sentinel_ask(store, now, &unused);
    }
    if (is_due && kind == CG_STORE_CLUSTER) {
        cg_cluster_ask(store, now, &unused);
    }
}

cg_node_t *cg_store_primary(cg_store_t *store, apr_time_t began,
                            cg_error_t *err)
{
    return store->access.url.kind == CG_STORE_SENTINEL
               ? cg_sentinel_primary(store, began, err)
               : store->primary;
}

apr_status_t cg_store_dial(cg_store_t *store, cg_connection_t *out,
                           cg_node_t **out_node, cg_error_t *err)
{
    apr_time_t began = cg_clock_monotonic();
    *out_node = store->access.url.kind == CG_STORE_CLUSTER
                    ? cg_cluster_any(store, err)
                    : cg_store_primary(store, began, err);
    if (!*out_node) {
        return APR_ENOSOCKET;
    }
    apr_status_t rv = cg_node_dial(*out_node, out, err);
    if (rv != APR_SUCCESS) {
        cg_store_doubt(store);
    }
    return rv;
}
