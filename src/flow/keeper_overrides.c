/* The keeper's ear for the console's limits of single objects.
 * SPDX-License-Identifier: Apache-2.0
 *
 * As for stored credentials: the channel says when to look, the store what is
 * there. What was said while nobody listened is not heard, so the store is also
 * asked after each new subscription and every ASK_EACH. Many changes in a row are
 * read together. While the store is away what was in force stays.
 */
#include "flow/ear.h"

#include "base/clock.h"
#include "base/share.h"
#include "flow/overrides.h"

#define ASK_EACH (30 * CG_SECOND)
#define TOGETHER_FOR (200 * CG_MS) /* changes within it are read at once */
#define RETRY_EACH (1 * CG_SECOND)
#define LISTEN_FOR (100 * CG_MS)

typedef struct hearing_t {
    cg_ear_t ear;
    apr_time_t failed_at; /* of a refresh; 0: it did not fail */
} hearing_t;

/* ---- every child ---------------------------------------------------------------- */

static void refresh(void *baton)
{
    hearing_t *hearing = baton;
    const cg_gateway_t *gateway = hearing->ear.gateway;
    apr_time_t now = cg_clock_monotonic();
    cg_error_t err;
    int64_t serial = cg_overrides_serial(
        cg_gateway_take_overrides(gateway, hearing->ear.scratch));
    if (serial == cg_atomic_get(gateway->overrides_serial) ||
        (hearing->failed_at && now - hearing->failed_at < RETRY_EACH)) {
        return;
    }
    bool is_done = cg_flow_overrides_refresh(gateway, &err) == APR_SUCCESS;
    hearing->failed_at = is_done ? 0 : now;
}

/* ---- the one that leads ----------------------------------------------------------- */

static void ask(hearing_t *hearing)
{
    cg_overrides_t *said;
    cg_error_t err = {""};
    cg_store_t *store = cg_ear_documents(&hearing->ear);
    hearing->ear.asked_at = cg_clock_monotonic();
    hearing->ear.is_called =
        cg_overrides_fetch(store, &said, &err, hearing->ear.scratch) !=
            APR_SUCCESS ||
        cg_flow_overrides_install(hearing->ear.gateway, said, &err,
                                  hearing->ear.scratch) != APR_SUCCESS;
    refresh(hearing);
}

static void lead(void *baton)
{
    hearing_t *hearing = baton;
    apr_time_t since = cg_clock_monotonic() - hearing->ear.asked_at;
    bool is_due =
        hearing->ear.is_called ? since > TOGETHER_FOR : since > ASK_EACH;
    /* Who can listen can ask, also while the breaker still holds others back. */
    if (is_due && hearing->ear.listener) {
        ask(hearing);
    }
}

void cg_keeper_overrides(const cg_gateway_t *gateway,
                         const cg_keeper_watch_t *watch,
                         const volatile int *stop)
{
    static const cg_ear_work_t work = {CG_KEYS_OVERRIDE_CHANNEL, LISTEN_FOR,
                                       refresh, lead};
    hearing_t hearing = {.ear = {.gateway = gateway, .watch = watch}};
    if (gateway->overrides && gateway->journal) {
        cg_ear_run(&hearing.ear, &work, &hearing, stop);
    }
}
