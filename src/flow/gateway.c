/* What changes while requests are on their way, swapped whole under them.
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
    const void *set;
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
static held_t *hold(const void *set, apr_pool_t *own)
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

/* first becomes the swap's. */
static apr_status_t open_swap(cg_swap_t **out, held_t *first, apr_pool_t *pool)
{
    cg_swap_t *swap = apr_pcalloc(pool, sizeof *swap);
    apr_status_t rv =
        apr_thread_mutex_create(&swap->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv != APR_SUCCESS) {
        give_back(first);
        return rv;
    }
    swap->current = first;
    apr_pool_cleanup_register(pool, swap, close_swap, apr_pool_cleanup_null);
    *out = swap;
    return APR_SUCCESS;
}

static const void *take(cg_swap_t *swap, apr_pool_t *pool)
{
    apr_thread_mutex_lock(swap->mutex);
    held_t *held = swap->current;
    __atomic_add_fetch(&held->holders, 1, __ATOMIC_RELAXED);
    apr_thread_mutex_unlock(swap->mutex);
    apr_pool_cleanup_register(pool, held, give_back, apr_pool_cleanup_null);
    return held->set;
}

static void exchange(cg_swap_t *swap, held_t *held)
{
    apr_thread_mutex_lock(swap->mutex);
    held_t *before = swap->current;
    swap->current = held;
    apr_thread_mutex_unlock(swap->mutex);
    give_back(before);
}

/* ---- the published policy -------------------------------------------------- */

apr_status_t cg_gateway_open(cg_gateway_t *gateway)
{
    return open_swap(&gateway->swap, hold_configured(gateway->rules),
                     gateway->pool);
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
    return take(swap, pool);
}

void cg_gateway_swap(const cg_gateway_t *gateway, const cg_published_t *next,
                     apr_pool_t *own)
{
    exchange(gateway->swap, hold(next, own));
}

/* ---- stored credentials ---------------------------------------------------- */

apr_status_t cg_gateway_open_credentials(cg_gateway_t *gateway)
{
    static const cg_credentials_t none = {.serial = -1};
    if (!cg_accounts_unready(gateway->accounts, NULL)) {
        return APR_SUCCESS;
    }
    return open_swap(&gateway->credentials, hold(&none, NULL), gateway->pool);
}

const cg_credentials_t *cg_gateway_take_credentials(const cg_gateway_t *gateway,
                                                    apr_pool_t *pool)
{
    return gateway->credentials ? take(gateway->credentials, pool) : NULL;
}

void cg_gateway_swap_credentials(const cg_gateway_t *gateway,
                                 const cg_credentials_t *next, apr_pool_t *own)
{
    exchange(gateway->credentials, hold(next, own));
}

/* ---- issuers of tokens ----------------------------------------------------- */

apr_status_t cg_gateway_open_issuers(cg_gateway_t *gateway)
{
    apr_pool_t *own;
    if (!gateway->issuer_rows || !gateway->issuer_rows->count) {
        return APR_SUCCESS;
    }
    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    const cg_issuers_t *first =
        cg_issuers_make(gateway->issuer_rows, gateway->issuers_shared,
                        gateway->verified_tokens, own);
    return open_swap(&gateway->issuers, hold(first, own), gateway->pool);
}

const cg_issuers_t *cg_gateway_take_issuers(const cg_gateway_t *gateway,
                                            apr_pool_t *pool)
{
    return gateway->issuers ? take(gateway->issuers, pool) : NULL;
}

void cg_gateway_swap_issuers(const cg_gateway_t *gateway,
                             const cg_issuers_t *next, apr_pool_t *own)
{
    exchange(gateway->issuers, hold(next, own));
}

/* ---- limits of single objects ------------------------------------------------ */

apr_status_t cg_gateway_open_overrides(cg_gateway_t *gateway)
{
    apr_pool_t *own;
    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    cg_overrides_t *none = cg_overrides_create(own);
    cg_overrides_set_serial(none, -1);
    return open_swap(&gateway->overrides, hold(none, own), gateway->pool);
}

const cg_overrides_t *cg_gateway_take_overrides(const cg_gateway_t *gateway,
                                                apr_pool_t *pool)
{
    return gateway->overrides ? take(gateway->overrides, pool) : NULL;
}

void cg_gateway_swap_overrides(const cg_gateway_t *gateway,
                               const cg_overrides_t *next, apr_pool_t *own)
{
    exchange(gateway->overrides, hold(next, own));
}
