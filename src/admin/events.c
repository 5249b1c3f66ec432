/* What operators did: their records in the ledger, in an operator's words.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "admin/records.h"

static cg_json_t *show_event(cg_ask_t *ask, cg_json_t *record)
{
    static const char *const MEMBERS[][2] = {
        {"id", "id"},
        {"at", "at"},
        {"user", "user"},
        {"address", "address"},
        {"operation", "reason"},
        {"decision", "decision"},
        {"status", "status"},
        {"subject", "subject"},
        {"change", "change"},
        {"request_id", "request_id"},
    };
    const char *subject = cg_admin_param(ask, "subject");
    if (!cg_admin_is_event(record) ||
        (subject &&
         strcmp(subject, cg_json_get_str(record, "subject", "")) != 0)) {
        return NULL;
    }
    cg_json_t *event = cg_json_object(ask->pool);
    for (size_t i = 0; i < sizeof MEMBERS / sizeof MEMBERS[0]; i++) {
        cg_json_t *value = cg_json_get(record, MEMBERS[i][1]);
        if (value) {
            cg_json_set(event, MEMBERS[i][0], value);
        }
        else {
            cg_json_set_null(event, MEMBERS[i][0]);
        }
    }
    return event;
}

void cg_admin_events_list(cg_ask_t *ask)
{
    cg_ledger_filter_t filter = cg_admin_filter(ask);
    filter.endpoint = CG_ADMIN_ENDPOINT_NAME;
    filter.reason = cg_admin_param(ask, "operation");
    filter.q = cg_admin_param(ask, "subject"); /* show_event looks closer */
    cg_admin_list_records(ask, filter, show_event);
}

void cg_admin_events_get(cg_ask_t *ask)
{
    cg_admin_get_record(ask, show_event);
}
