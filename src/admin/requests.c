/* The audit records of requests.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The text of prompts and answers, masked as it is, goes only to roles that may
 * see texts. Others get null there, and may not search by text either: a search
 * that finds or does not find tells the text letter by letter.
 *
 * Records of operators stand in the same ledger; here they are left out, as
 * events.c shows them.
 */
#include "admin/records.h"

#define ROLES_OF_TEXTS (CG_ROLE_COMPLIANCE | CG_ROLE_APPROVER | CG_ROLE_ADMIN)

static bool may_see_texts(const cg_ask_t *ask)
{
    return (ask->call->operator.roles & ROLES_OF_TEXTS) != 0;
}

static cg_json_t *show_request(cg_ask_t *ask, cg_json_t *record)
{
    if (cg_admin_is_event(record)) {
        return NULL;
    }
    if (!may_see_texts(ask)) {
        cg_json_set_null(record, "prompt");
        cg_json_set_null(record, "answer");
    }
    return record;
}

void cg_admin_requests_list(cg_ask_t *ask)
{
    if (cg_admin_param(ask, "q") && !may_see_texts(ask)) {
        cg_admin_fault(ask, "query", "/q", "role_required",
                       "searching by text needs a role that may see texts");
        cg_admin_problem(ask, CG_PROBLEM_ROLE,
                         "searching by text needs the role compliance");
        return;
    }
    cg_admin_list_records(ask, cg_admin_filter(ask), show_request);
}

void cg_admin_requests_get(cg_ask_t *ask)
{
    cg_admin_get_record(ask, show_request);
}
