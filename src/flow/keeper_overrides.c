/* The keeper's ear for the console's limits of single objects.
 * SPDX-License-Identifier: Apache-2.0
 *
 * As for stored credentials: the channel says when to look, the store what is
 * there. What was said while nobody listened is not heard, so the store is also
 * asked after each new subscription and every ASK_EACH. Many changes in a row are
 * read together. While the store is away what was in force stays.
 */
#include "flow/keeper.h"

#include "base/clock.h"
#include "base/share.h"
#include "flow/overrides.h"
#include "store/keys.h"

#define ASK_EACH (30 * CG_SECOND)
#define TOGETHER_FOR (200 * CG_MS) /* changes within it are read at once */
#define RETRY_EACH (1 * CG_SECOND)
#define LISTEN_FOR (100 * CG_MS)

typedef struct ear_t {
    const cg_gateway_t *gateway;
    apr_pool_t *scratch; /* cleared for each round */
    apr_pool_t *listening;
    cg_listener_t *listener;
    bool is_called;       /* a message came */
    apr_time_t asked_at;  /* monotonic */
    apr_time_t failed_at; /* of a refresh; 0: it did not fail */
} ear_t;

/* ---- every child ---------------------------------------------------------------- */

static void refresh(ear_t *ear)
{
    const cg_gateway_t *gateway = ear->gateway;
    apr_time_t now = cg_clock_monotonic();
    cg_error_t err;
    int64_t serial =
        cg_overrides_serial(cg_gateway_take_overrides(gateway, ear->scratch));
    if (serial == cg_atomic_get(gateway->overrides_serial) ||
        (ear->failed_at && now - ear->failed_at < RETRY_EACH)) {
        return;
    }
    bool is_done = cg_flow_overrides_refresh(gateway, &err) == APR_SUCCESS;
    ear->failed_at = is_done ? 0 : now;
}

/* ---- the one that leads ----------------------------------------------------------- */

static void ask(ear_t *ear)
{
    cg_overrides_t *said;
    cg_error_t err = {""};
    cg_store_t *store =
        ear->gateway->documents ? ear->gateway->documents : ear->gateway->store;
    ear->asked_at = cg_clock_monotonic();
    ear->is_called =
        cg_overrides_fetch(store, &said, &err, ear->scratch) != APR_SUCCESS ||
        cg_flow_overrides_install(ear->gateway, said, &err, ear->scratch) !=
            APR_SUCCESS;
    refresh(ear);
}

static void on_message(void *baton, cg_str_t message)
{
    (void)message;
    ((ear_t *)baton)->is_called = true;
}

static void unlisten(ear_t *ear)
{
    ear->listener = NULL;
    apr_pool_clear(ear->listening);
}

static void listen_for(ear_t *ear, apr_time_t wait_for)
{
    cg_error_t err;
    if (!ear->listener) {
        cg_str_t channel =
            cg_keys_make(CG_KEYS_OVERRIDE_CHANNEL, NULL, 0, ear->scratch);
        unlisten(ear);
        if (cg_store_subscribe(ear->gateway->store, channel.ptr, &ear->listener,
                               &err, ear->listening) != APR_SUCCESS) {
            ear->listener = NULL;
            apr_sleep(wait_for);
            return;
        }
        ear->is_called = true;
    }
    if (cg_store_listen(ear->listener, wait_for, on_message, ear) !=
        APR_SUCCESS) {
        unlisten(ear);
    }
}

static void lead(ear_t *ear)
{
    apr_time_t since = cg_clock_monotonic() - ear->asked_at;
    bool is_due = ear->is_called ? since > TOGETHER_FOR : since > ASK_EACH;
    /* Who can listen can ask, also while the breaker still holds others back. */
    if (is_due && ear->listener) {
        ask(ear);
    }
    listen_for(ear, LISTEN_FOR);
}

void cg_keeper_overrides(const cg_gateway_t *gateway,
                         const cg_keeper_watch_t *watch,
                         const volatile int *stop)
{
    apr_pool_t *own;
    if (!gateway->overrides || !gateway->journal) {
        return;
    }
    apr_pool_create(&own, NULL);
    ear_t *ear = apr_pcalloc(own, sizeof *ear);
    ear->gateway = gateway;
    apr_pool_create(&ear->scratch, own);
    apr_pool_create(&ear->listening, own);
    while (!*stop) {
        apr_pool_clear(ear->scratch);
        refresh(ear);
        if (watch->may_work(watch->baton) &&
            cg_journal_leads(gateway->journal)) {
            lead(ear);
        }
        else {
            unlisten(ear);
            apr_sleep(LISTEN_FOR);
        }
    }
    unlisten(ear);
    apr_pool_destroy(own);
}
