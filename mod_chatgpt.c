/* mod_chatgpt: the gateway to OpenAI-compatible models inside Apache httpd.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The module record and its hooks, nothing else. Where a hook leads is the map of
 * the house: README.md and docs/rooms.
 */
#define CG_IS_MODULE_FILE
#include "httpd/httpd_int.h"

static void register_hooks(apr_pool_t *pool)
{
    cg_life_hooks(pool);
    cg_hush_hooks();
    cg_gate_hooks(pool);
    cg_expression_hooks(pool);
    cg_identity_hooks(pool);
    cg_require_hooks(pool);
    cg_attempts_hooks(pool);
    cg_upstream_hooks(pool);
    cg_answer_hooks(pool);
    cg_errors_hooks(pool);
    cg_farewell_hooks(pool);
    cg_console_hooks(pool);
}

AP_DECLARE_MODULE(chatgpt) = {
    STANDARD20_MODULE_STUFF, cg_config_create_dir,   cg_config_merge_dir,
    cg_config_create_server, cg_config_merge_server, cg_config_commands,
    register_hooks,          AP_MODULE_FLAG_NONE,
};
