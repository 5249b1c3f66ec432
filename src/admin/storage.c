/* Is the store there, and how much waits for it?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "admin/admin_int.h"
#include "base/clock.h"
#include "meter/metrics.h"
#include "store/breaker.h"
#include "store/store.h"

/* Asked, not remembered: one PING, bounded by the store's time-out. */
static bool is_up(const cg_ask_t *ask)
{
    const cg_str_t ping[] = {CG_STR("PING")};
    cg_reply_t answer = {0};
    return ask->admin->store &&
           cg_store_call(ask->admin->store, ping, 1, &answer, NULL,
                         ask->pool) == APR_SUCCESS &&
           answer.kind != CG_REPLY_ERROR;
}

/* The breaker keeps a monotonic moment; 0 when it was never open. */
static apr_time_t down_since(const cg_ask_t *ask)
{
    const cg_breaker_t *breaker = ask->admin->breaker;
    if (!breaker || !cg_breaker_is_open(breaker)) {
        return 0;
    }
    return ask->call->now - (cg_clock_monotonic() - breaker->opened_at);
}

void cg_admin_store_get(cg_ask_t *ask)
{
    bool was_up = is_up(ask);
    cg_json_t *store = cg_json_object(ask->pool);
    cg_json_set_str(store, "state", was_up ? "up" : "down");
    cg_admin_set_time(store, "since", was_up ? 0 : down_since(ask));
    cg_json_set_str(store, "where",
                    ask->admin->store ? cg_store_where(ask->admin->store)
                                      : NULL);
    cg_meter_summary_t summary = {0};
    if (ask->admin->meter) {
        cg_meter_summary(ask->admin->meter, &summary);
    }
    cg_json_set_int(store, "journal_backlog_records",
                    summary.journal_backlog_records);
    cg_json_set_int(store, "journal_backlog_bytes",
                    summary.journal_backlog_bytes);
    cg_admin_json(ask, 200, store);
}
