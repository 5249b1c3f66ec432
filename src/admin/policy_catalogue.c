/* What a policy may speak of: types, packs, actions.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "admin/policy.h"

#include <ctype.h>
#include <string.h>

/* Types that a country gives its people and companies begin with its two letters
 * (UK stands for GB in the names). */
static const char *family_of(int type)
{
    const char *name = cg_detector_name(type);
    if (type == CG_TYPE_KEYWORD || type == CG_TYPE_CUSTOM) {
        return "custom";
    }
    if (cg_detector_is_secret(type)) {
        return "secret";
    }
    bool has_country = isupper((unsigned char)name[0]) &&
                       isupper((unsigned char)name[1]) && name[2] == '_' &&
                       strncmp(name, "IP_", 3) != 0;
    return has_country ? "identity" : "general";
}

static cg_json_t *types_json(cg_ask_t *ask)
{
    cg_json_t *types = cg_json_array(ask->pool);
    for (int t = 0; t < CG_TYPE_COUNT; t++) {
        cg_json_t *type = cg_json_object(ask->pool);
        cg_json_set_str(type, "name", cg_detectors[t].name);
        cg_json_set_str(type, "what", cg_detectors[t].what);
        cg_json_set_str(type, "family", family_of(t));
        cg_json_set_bool(type, "needs_context", cg_detectors[t].needs_context);
        cg_json_set_bool(type, "needs_pack", cg_rules_needs_pack(t));
        cg_json_add(types, type);
    }
    return types;
}

static cg_json_t *pack_json(cg_ask_t *ask, const cg_pack_t *pack)
{
    cg_json_t *types = cg_json_array(ask->pool);
    for (int t = 0; t < CG_TYPE_COUNT; t++) {
        if (pack->action[t]) {
            cg_json_t *type = cg_json_object(ask->pool);
            cg_json_set_str(type, "type", cg_detectors[t].name);
            cg_json_set_str(type, "action",
                            cg_action_name((cg_action_t)(pack->action[t] - 1)));
            cg_json_add(types, type);
        }
    }
    cg_json_t *object = cg_json_object(ask->pool);
    cg_json_set_str(object, "name", pack->name);
    cg_json_set_str(object, "title", pack->title ? pack->title : pack->name);
    cg_json_set(object, "types", types);
    return object;
}

static cg_json_t *packs_json(cg_ask_t *ask)
{
    const cg_rules_t *known = cg_admin_policy_known(ask);
    cg_json_t *packs = cg_json_array(ask->pool);
    for (size_t i = 0; i < cg_rules_pack_count(known); i++) {
        cg_json_add(packs, pack_json(ask, cg_rules_pack(known, (int)i)));
    }
    return packs;
}

void cg_admin_policy_catalogue_get(cg_ask_t *ask)
{
    static const char *const approvals[] = {"never", "loosening", "always"};
    cg_json_t *actions = cg_json_array(ask->pool);
    for (int a = CG_ACTION_ALLOW; a <= CG_ACTION_BLOCK; a++) {
        cg_json_add_str(actions, cg_action_name((cg_action_t)a));
    }
    cg_json_t *catalogue = cg_json_object(ask->pool);
    cg_json_set(catalogue, "types", types_json(ask));
    cg_json_set(catalogue, "packs", packs_json(ask));
    cg_json_set(catalogue, "actions", actions);
    cg_json_set_str(catalogue, "approval",
                    approvals[ask->admin->policy_approval]);
    cg_json_set_int(catalogue, "in_force", ask->admin->policy_in_force);
    cg_admin_json(ask, 200, catalogue);
}
