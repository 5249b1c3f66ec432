/* The upstream accounts and how they do. Never their credentials.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "admin/admin_int.h"

static cg_json_t *account_json(const cg_account_view_t *view, apr_pool_t *pool)
{
    cg_json_t *account = cg_json_object(pool);
    cg_json_set_str(account, "name", view->name);
    cg_json_set_str(account, "url", view->url);
    cg_json_set_str(account, "provider", view->provider);
    cg_json_set_str(account, "state", view->state);
    cg_admin_set_time(account, "since", view->since);
    cg_admin_set_time(account, "last_probe_at", view->last_probe_at);
    if (view->latency_for < 0) {
        cg_json_set_null(account, "latency_ms");
    }
    else {
        cg_json_set_int(account, "latency_ms", view->latency_for / 1000);
    }
    cg_json_set_int(account, "requests", view->requests);
    cg_json_set_int(account, "failures", view->failures);
    cg_json_set_str(account, "credential", view->credential);
    cg_json_set_str(account, "region", view->region ? view->region : "");
    return account;
}

void cg_admin_accounts_list(cg_ask_t *ask)
{
    const cg_admin_t *admin = ask->admin;
    cg_account_view_t *views = NULL;
    size_t count =
        admin->read_accounts
            ? admin->read_accounts(admin->accounts_baton, &views, ask->pool)
            : 0;
    cg_json_t *items = cg_json_array(ask->pool);
    for (size_t i = 0; i < count; i++) {
        cg_json_add(items, account_json(&views[i], ask->pool));
    }
    cg_admin_list_whole(ask, items);
}
