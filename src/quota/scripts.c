/* The scripts that run in Redis: what they share, then each its own.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/scripts.h"

#include <apr_strings.h>

#include "gen/admit_lua.h"
#include "gen/bills_lua.h"
#include "gen/books_lua.h"
#include "gen/charge_lua.h"
#include "gen/exact_lua.h"
#include "gen/progress_lua.h"
#include "gen/ring_lua.h"
#include "gen/settle_lua.h"
#include "gen/smooth_lua.h"
#include "gen/usage_lua.h"

static void init(cg_script_t *script, const char *name, const char *lua,
                 apr_pool_t *pool)
{
    cg_script_init(script, name,
                   apr_pstrcat(pool, cg_lua_ring, cg_lua_smooth, cg_lua_exact,
                               cg_lua_books, cg_lua_bills, lua, NULL));
}

void cg_scripts_init(cg_scripts_t *scripts, apr_pool_t *pool)
{
    init(&scripts->admit, "admit", cg_lua_admit, pool);
    init(&scripts->settle, "settle", cg_lua_settle, pool);
    init(&scripts->usage, "usage", cg_lua_usage, pool);
    init(&scripts->progress, "progress", cg_lua_progress, pool);
    init(&scripts->charge, "charge", cg_lua_charge, pool);
}
