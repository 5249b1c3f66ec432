/* The map of a cluster: asking for it, and looking things up in it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * CLUSTER SLOTS answers [first, last, [host, port, id …], replicas …] for each
 * range. Replicas are kept as nodes too: one of them may be asked when all
 * primaries we know are gone. A host that is empty or "?" is the one that was
 * asked.
 */
#include <string.h>

#include "base/clock.h"
#include "base/share.h"
#include "store/cluster_int.h"
#include "store/slots.h"

#define PATIENCE 2 /* of all that are asked, in operations */
/* Under load every call that fails wants the map; more often than this it does not
 * change. */
#define ASK_EACH APR_TIME_C(50000)

/* ---- looking up -------------------------------------------------------- */

cg_node_t *cg_cluster_owner(cg_store_t *store, int slot)
{
    apr_thread_mutex_lock(store->lock);
    cg_node_t *node = store->owners[slot];
    apr_thread_mutex_unlock(store->lock);
    return node;
}

void cg_cluster_moved(cg_store_t *store, int slot, cg_node_t *node)
{
    apr_thread_mutex_lock(store->lock);
    if (slot >= 0) {
        store->owners[slot] = node;
    }
    store->is_in_doubt = true;
    apr_thread_mutex_unlock(store->lock);
}

bool cg_cluster_is_reached(cg_store_t *store)
{
    apr_thread_mutex_lock(store->lock);
    bool is_reached = store->has_map;
    apr_thread_mutex_unlock(store->lock);
    return is_reached;
}

static bool has_one(cg_node_t *const *nodes, int count, const cg_node_t *node)
{
    for (int i = 0; i < count; i++) {
        if (nodes[i] == node) {
            return true;
        }
    }
    return false;
}

/* Owners stand in ranges, so most neighbours are the same. */
static int list_owners(cg_node_t *const *owners, cg_node_t **out)
{
    int count = 0;
    const cg_node_t *last = NULL;
    for (int i = 0; i < CG_SLOTS; i++) {
        cg_node_t *node = owners[i];
        if (node && node != last && count < CG_STORE_NODES_MAX &&
            !has_one(out, count, node)) {
            out[count++] = node;
        }
        last = node;
    }
    return count;
}

int cg_cluster_primaries(cg_store_t *store, cg_node_t **out, cg_error_t *err)
{
    apr_thread_mutex_lock(store->lock);
    int count = list_owners(store->owners, out);
    apr_thread_mutex_unlock(store->lock);
    if (count == 0) {
        cg_cluster_ask(store, cg_clock_monotonic(), err);
        apr_thread_mutex_lock(store->lock);
        count = list_owners(store->owners, out);
        apr_thread_mutex_unlock(store->lock);
    }
    return count;
}

cg_node_t *cg_cluster_any(cg_store_t *store, cg_error_t *err)
{
    cg_node_t *nodes[CG_STORE_NODES_MAX];
    int count = cg_cluster_primaries(store, nodes, err);
    int first = count ? (int)(cg_clock_monotonic() % count) : 0;
    for (int i = 0; i < count; i++) {
        cg_node_t *node = nodes[(first + i) % count];
        if (!cg_breaker_is_open(&node->breaker)) {
            return node;
        }
    }
    return count ? nodes[first] : NULL;
}

/* ---- asking ------------------------------------------------------------ */

/* Reads [host, port, …]; the node, made when it is new; under the lock. */
static cg_node_t *read_node(cg_store_t *store, const cg_reply_t *reply,
                            const cg_node_t *asked)
{
    if (reply->kind != CG_REPLY_ARRAY || reply->count < 2 ||
        reply->items[1].kind != CG_REPLY_INT || reply->items[1].number < 1 ||
        reply->items[1].number > 65535) {
        return NULL;
    }
    const cg_reply_t *host = &reply->items[0];
    bool is_named = host->kind == CG_REPLY_TEXT && host->text.len &&
                    host->text.len < CG_NODE_HOST_MAX &&
                    !cg_str_is(host->text, "?");
    cg_store_address_t address = {.host =
                                      is_named ? host->text.ptr : asked->host,
                                  .port = (int)reply->items[1].number};
    return cg_store_node(store, &address);
}

/* Reads a range into owners; under the lock. */
static bool read_range(cg_store_t *store, const cg_reply_t *range,
                       const cg_node_t *asked, cg_node_t **owners)
{
    if (range->kind != CG_REPLY_ARRAY || range->count < 3) {
        return false;
    }
    int64_t first = range->items[0].number, last = range->items[1].number;
    if (first < 0 || last < first || last >= CG_SLOTS) {
        return false;
    }
    cg_node_t *owner = read_node(store, &range->items[2], asked);
    for (int64_t i = first; i <= last; i++) {
        owners[i] = owner;
    }
    for (size_t i = 3; i < range->count; i++) {
        read_node(store, &range->items[i], asked);
    }
    return true;
}

/* Has somebody lost all slots he had? Another took them over; if that was because
 * he died, it may lack his last writes. */
static bool has_lost_one(cg_node_t *const *before, cg_node_t *const *after)
{
    cg_node_t *old[CG_STORE_NODES_MAX], *now[CG_STORE_NODES_MAX];
    int old_count = list_owners(before, old);
    int now_count = list_owners(after, now);
    for (int i = 0; i < old_count; i++) {
        if (!has_one(now, now_count, old[i])) {
            return true;
        }
    }
    return false;
}

static bool read_map(cg_store_t *store, const cg_reply_t *reply,
                     const cg_node_t *asked, apr_pool_t *pool)
{
    size_t bytes = CG_SLOTS * sizeof(cg_node_t *);
    cg_node_t **owners = apr_pcalloc(pool, bytes);
    bool is_right = reply->kind == CG_REPLY_ARRAY && reply->count > 0;
    bool is_lost = false;
    apr_thread_mutex_lock(store->lock);
    for (size_t i = 0; i < reply->count && is_right; i++) {
        is_right = read_range(store, &reply->items[i], asked, owners);
    }
    if (is_right) {
        is_lost = has_lost_one(store->owners, owners);
        memcpy(store->owners, owners, bytes);
        store->is_in_doubt = false;
    }
    apr_thread_mutex_unlock(store->lock);
    if (is_lost) {
        cg_store_new_generation(store);
    }
    return is_right;
}

static apr_status_t ask_one(cg_store_t *store, cg_node_t *node, cg_error_t *err,
                            apr_pool_t *pool)
{
    cg_str_t argv[] = {CG_STR("CLUSTER"), CG_STR("SLOTS")};
    cg_store_command_t command = {argv, 2};
    cg_node_slot_t *slot;
    cg_reply_t reply;
    bool unused;
    apr_status_t rv = cg_node_take(node, &slot, &unused, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    cg_connection_add(&slot->connection, &command, pool);
    rv = cg_store_read_all(node, slot, &reply, 1, &unused, err, pool);
    cg_node_give_back(node, slot, rv == APR_SUCCESS);
    if (rv == APR_SUCCESS && !read_map(store, &reply, node, pool)) {
        cg_error_set(err, "the store at %s gives no map of a cluster: %.120s",
                     node->where,
                     reply.kind == CG_REPLY_ERROR ? reply.text.ptr
                                                  : "no slot is given out");
        return APR_EGENERAL;
    }
    return rv;
}

/* Adds a node that is not there yet; one whose breaker is open is for the end. */
static int propose(cg_node_t *node, bool is_well, cg_node_t **out, int count)
{
    if (node && count < CG_STORE_NODES_MAX && !has_one(out, count, node) &&
        cg_breaker_is_open(&node->breaker) != is_well) {
        out[count++] = node;
    }
    return count;
}

/* Whom to ask, the likely ones first: who has slots, in turn, then who was
 * configured, then all that were ever met; and first of all those that are well. */
static int candidates(cg_store_t *store, cg_node_t **out)
{
    const cg_store_url_t *url = &store->access.url;
    cg_node_t *owners[CG_STORE_NODES_MAX];
    int count = 0;
    apr_thread_mutex_lock(store->lock);
    int known = list_owners(store->owners, owners);
    int first = store->next_seed++;
    for (int i = 0; i < known; i++) {
        count = propose(owners[(first + i) % known], true, out, count);
    }
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < url->seeds_count; i++) {
            cg_node_t *seed = cg_store_node(store, &url->seeds[i]);
            count = propose(seed, turn == 0, out, count);
        }
        for (int i = 0; i < store->nodes_count; i++) {
            count = propose(store->nodes[i], turn == 0, out, count);
        }
    }
    store->next_seed %= 1 << 20;
    apr_thread_mutex_unlock(store->lock);
    return count;
}

static apr_status_t ask_all(cg_store_t *store, cg_error_t *err)
{
    cg_node_t *nodes[CG_STORE_NODES_MAX];
    apr_time_t until = cg_clock_monotonic() + PATIENCE * store->operation_for;
    apr_status_t rv = APR_ENOSOCKET;
    apr_pool_t *scratch;
    int count = candidates(store, nodes);
    if (apr_pool_create(&scratch, NULL) != APR_SUCCESS) {
        return APR_ENOMEM;
    }
    for (int i = 0; i < count && rv != APR_SUCCESS; i++) {
        if (i && cg_clock_monotonic() >= until) {
            break;
        }
        rv = ask_one(store, nodes[i], err, scratch);
        if (rv != APR_SUCCESS && rv != APR_EBUSY) {
            cg_breaker_failed(&nodes[i]->breaker, cg_clock_monotonic());
        }
    }
    apr_pool_destroy(scratch);
    return rv;
}

apr_status_t cg_cluster_ask(cg_store_t *store, apr_time_t since,
                            cg_error_t *err)
{
    apr_time_t soon = cg_clock_monotonic() - ASK_EACH;
    apr_thread_mutex_lock(store->lock);
    bool is_mine = cg_store_begin_asking(
        store, store->has_map && soon < since ? soon : since);
    apr_thread_mutex_unlock(store->lock);
    if (!is_mine) {
        return APR_SUCCESS;
    }
    apr_status_t rv = ask_all(store, err);
    apr_thread_mutex_lock(store->lock);
    store->has_map = rv == APR_SUCCESS;
    cg_store_end_asking(store);
    apr_thread_mutex_unlock(store->lock);
    return rv;
}
