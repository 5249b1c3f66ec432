/* What is published, swapped under those who hold it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/gateway.h"

#include <CUnit/CUnit.h>
#include <apr_thread_proc.h>

extern CU_TestInfo test_flow_gateway[];

#define SWAPS 2000
#define TAKERS 4

static int64_t freed; /* atomic */

static apr_status_t count_freed(void *data)
{
    /* Whoever reads it afterwards finds nonsense. */
    ((cg_published_t *)data)->version = -1;
    __atomic_add_fetch(&freed, 1, __ATOMIC_RELAXED);
    return APR_SUCCESS;
}

static void swap_to(const cg_gateway_t *gateway, int64_t version)
{
    apr_pool_t *own;
    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    cg_published_t *set = apr_pcalloc(own, sizeof *set);
    set->version = version;
    set->rules = gateway->rules;
    apr_pool_cleanup_register(own, set, count_freed, apr_pool_cleanup_null);
    cg_gateway_swap(gateway, set, own);
}

static cg_gateway_t *new_gateway(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    cg_gateway_t *gateway = apr_pcalloc(pool, sizeof *gateway);
    gateway->pool = pool;
    gateway->rules = cg_rules_builtin();
    CU_ASSERT_EQUAL_FATAL(cg_gateway_open(gateway), APR_SUCCESS);
    freed = 0;
    return gateway;
}

static void the_rules_of_the_configuration_are_in_force_at_first(void)
{
    cg_gateway_t *gateway = new_gateway();
    const cg_published_t *set = cg_gateway_take(gateway, gateway->pool);
    CU_ASSERT_EQUAL(set->version, 0);
    CU_ASSERT_PTR_EQUAL(set->rules, gateway->rules);
    CU_ASSERT_FALSE(set->is_unloaded);
    gateway->swap = NULL; /* a gateway that never opened */
    set = cg_gateway_take(gateway, gateway->pool);
    CU_ASSERT_PTR_EQUAL(set->rules, gateway->rules);
    apr_pool_destroy(gateway->pool);
}

static void a_request_keeps_what_it_began_with(void)
{
    cg_gateway_t *gateway = new_gateway();
    apr_pool_t *old, *young;
    apr_pool_create(&old, NULL);
    apr_pool_create(&young, NULL);
    swap_to(gateway, 1);
    const cg_published_t *first = cg_gateway_take(gateway, old);
    swap_to(gateway, 2);
    const cg_published_t *second = cg_gateway_take(gateway, young);
    CU_ASSERT_EQUAL(first->version, 1);
    CU_ASSERT_EQUAL(second->version, 2);
    CU_ASSERT_EQUAL(freed, 0);
    apr_pool_destroy(old);
    CU_ASSERT_EQUAL(freed, 1);
    CU_ASSERT_EQUAL(second->version, 2);
    apr_pool_destroy(young);
    CU_ASSERT_EQUAL(freed, 1);
    apr_pool_destroy(gateway->pool);
    CU_ASSERT_EQUAL(freed, 2);
}

static void what_nobody_holds_is_freed_at_the_swap(void)
{
    cg_gateway_t *gateway = new_gateway();
    for (int i = 1; i <= 10; i++) {
        swap_to(gateway, i);
        CU_ASSERT_EQUAL(freed, i - 1);
    }
    apr_pool_destroy(gateway->pool);
    CU_ASSERT_EQUAL(freed, 10);
}

static void a_request_may_end_after_its_gateway(void)
{
    cg_gateway_t *gateway = new_gateway();
    apr_pool_t *request;
    apr_pool_create(&request, NULL);
    swap_to(gateway, 1);
    const cg_published_t *set = cg_gateway_take(gateway, request);
    apr_pool_destroy(gateway->pool);
    CU_ASSERT_EQUAL(set->version, 1);
    CU_ASSERT_EQUAL(freed, 0);
    apr_pool_destroy(request);
    CU_ASSERT_EQUAL(freed, 1);
}

typedef struct taking_t {
    const cg_gateway_t *gateway;
    const int *stop; /* atomic */
    int64_t taken;
    int64_t wrong; /* went back, or was freed while held */
} taking_t;

static void *APR_THREAD_FUNC take_often(apr_thread_t *thread, void *data)
{
    taking_t *taking = data;
    int64_t last = 0;
    (void)thread;
    while (!__atomic_load_n(taking->stop, __ATOMIC_ACQUIRE)) {
        apr_pool_t *pool;
        apr_pool_create(&pool, NULL);
        const cg_published_t *set = cg_gateway_take(taking->gateway, pool);
        taking->wrong += set->version < last;
        last = set->version;
        taking->taken++;
        apr_pool_destroy(pool);
    }
    return NULL;
}

static void many_threads_take_while_it_is_swapped(void)
{
    cg_gateway_t *gateway = new_gateway();
    apr_thread_t *threads[TAKERS];
    taking_t taking[TAKERS];
    int stop = 0;
    for (int i = 0; i < TAKERS; i++) {
        taking[i] = (taking_t){.gateway = gateway, .stop = &stop};
        CU_ASSERT_EQUAL_FATAL(apr_thread_create(&threads[i], NULL, take_often,
                                                &taking[i], gateway->pool),
                              APR_SUCCESS);
    }
    for (int i = 1; i <= SWAPS; i++) {
        swap_to(gateway, i);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < TAKERS; i++) {
        apr_status_t rv;
        apr_thread_join(&rv, threads[i]);
        CU_ASSERT_EQUAL(taking[i].wrong, 0);
    }
    CU_ASSERT_EQUAL(freed, SWAPS - 1);
    apr_pool_destroy(gateway->pool);
    CU_ASSERT_EQUAL(freed, SWAPS);
}

CU_TestInfo test_flow_gateway[] = {
    {"the_rules_of_the_configuration_are_in_force_at_first",
     the_rules_of_the_configuration_are_in_force_at_first},
    {"a_request_keeps_what_it_began_with", a_request_keeps_what_it_began_with},
    {"what_nobody_holds_is_freed_at_the_swap",
     what_nobody_holds_is_freed_at_the_swap},
    {"a_request_may_end_after_its_gateway",
     a_request_may_end_after_its_gateway},
    {"many_threads_take_while_it_is_swapped",
     many_threads_take_while_it_is_swapped},
    CU_TEST_INFO_NULL,
};
