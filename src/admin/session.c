/* Who am I here? What the console asks first.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "admin/admin_int.h"

/* Which of the console's languages comes first in Accept-Language? Weights are
 * not read: browsers list their languages in the order of preference. */
static const char *language_of(const char *accepted)
{
    static const char *const LANGUAGES[] = {"en", "zh"};
    for (const char *p = accepted ? accepted : ""; *p;) {
        p += strspn(p, " \t,");
        size_t len = strcspn(p, ",;- \t");
        for (size_t i = 0; i < sizeof LANGUAGES / sizeof LANGUAGES[0]; i++) {
            if (cg_str_is_nocase((cg_str_t){p, len}, LANGUAGES[i])) {
                return LANGUAGES[i];
            }
        }
        p += strcspn(p, ",");
    }
    return LANGUAGES[0];
}

void cg_admin_session_get(cg_ask_t *ask)
{
    cg_json_t *roles = cg_json_array(ask->pool);
#define ADD_ROLE(id, bit, name, words)                                         \
    if (ask->call->operator.roles &(bit)) {                                    \
        cg_json_add_str(roles, name);                                          \
    }
    CG_ROLES(ADD_ROLE)
#undef ADD_ROLE
    cg_json_t *session = cg_json_object(ask->pool);
    cg_json_set_str(session, "user", ask->call->operator.name);
    cg_json_set(session, "roles", roles);
    cg_json_set_str(session, "version", ask->admin->version);
    cg_json_set_str(session, "node", ask->admin->node);
    cg_json_set_str(session, "language_hint",
                    language_of(cg_admin_header(ask, "Accept-Language")));
    cg_admin_json(ask, 200, session);
}
