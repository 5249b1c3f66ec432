/* The directives in force, as configured. Read only: they are httpd's.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "admin/admin_int.h"

void cg_admin_policies_list(cg_ask_t *ask)
{
    cg_json_t *items = cg_json_array(ask->pool);
    for (size_t i = 0; i < ask->admin->policies_count; i++) {
        const cg_admin_policy_t *row = &ask->admin->policies[i];
        cg_json_t *policy = cg_json_object(ask->pool);
        cg_json_set_str(policy, "directive", row->directive);
        cg_json_set_str(policy, "value", row->value);
        cg_json_set_str(policy, "where", row->where);
        cg_json_add(items, policy);
    }
    cg_admin_list_whole(ask, items);
}
