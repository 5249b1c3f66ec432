/* What the console published, swapped under requests that are on their way.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each set counts those who hold it; the gateway itself is one of them while the
 * set is the current one. To take the current set is two steps, reading the
 * pointer and counting oneself, between which it could be swapped and freed: a
 * mutex held for these two steps joins them. To give a set back touches nothing
 * but its own count, so that a request may end after the gateway is gone.
 */
#include "flow/gateway.h"

#include <apr_thread_mutex.h>

/* lives in: own */
typedef struct held_t {
    const cg_published_t *set;
    apr_pool_t *own;
    int64_t holders; /* atomic */
} held_t;

/* lives in: gateway->pool */
struct cg_swap_t {
    apr_thread_mutex_t *mutex;
    held_t *current; /* under mutex */
};

static apr_status_t give_back(void *data)
{
    held_t *held = data;
    if (__atomic_sub_fetch(&held->holders, 1, __ATOMIC_ACQ_REL) == 0) {
        apr_pool_destroy(held->own);
    }
    return APR_SUCCESS;
}

static apr_status_t close_swap(void *data)
{
    cg_swap_t *swap = data;
    return give_back(swap->current);
}

/* The set with the gateway as its first holder. */
static held_t *hold(const cg_published_t *set, apr_pool_t *own)
{
    if (!own) {
        apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    }
    held_t *held = apr_palloc(own, sizeof *held);
    *held = (held_t){set, own, 1};
    return held;
}

static held_t *hold_configured(const cg_rules_t *rules)
{
    apr_pool_t *own;
    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    cg_published_t *set = apr_pcalloc(own, sizeof *set);
    set->rules = rules;
    return hold(set, own);
}

apr_status_t cg_gateway_open(cg_gateway_t *gateway)
{
    cg_swap_t *swap = apr_pcalloc(gateway->pool, sizeof *swap);
    apr_status_t rv = apr_thread_mutex_create(
        &swap->mutex, APR_THREAD_MUTEX_DEFAULT, gateway->pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    swap->current = hold_configured(gateway->rules);
    apr_pool_cleanup_register(gateway->pool, swap, close_swap,
                              apr_pool_cleanup_null);
    gateway->swap = swap;
    return APR_SUCCESS;
}

const cg_published_t *cg_gateway_take(const cg_gateway_t *gateway,
                                      apr_pool_t *pool)
{
    cg_swap_t *swap = gateway->swap;
    if (!swap) {
        cg_published_t *configured = apr_pcalloc(pool, sizeof *configured);
        configured->rules = gateway->rules;
        return configured;
    }
    apr_thread_mutex_lock(swap->mutex);
    held_t *held = swap->current;
    __atomic_add_fetch(&held->holders, 1, __ATOMIC_RELAXED);
    apr_thread_mutex_unlock(swap->mutex);
    apr_pool_cleanup_register(pool, held, give_back, apr_pool_cleanup_null);
    return held->set;
}

void cg_gateway_swap(const cg_gateway_t *gateway, const cg_published_t *next,
                     apr_pool_t *own)
{
    cg_swap_t *swap = gateway->swap;
    held_t *held = hold(next, own);
    apr_thread_mutex_lock(swap->mutex);
    held_t *before = swap->current;
    swap->current = held;
    apr_thread_mutex_unlock(swap->mutex);
    give_back(before);
}
