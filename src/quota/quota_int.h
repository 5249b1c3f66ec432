/* What quota.c, settling.c and usage.c share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For these files only.
 */
#ifndef CG_QUOTA_QUOTA_INT_H
#define CG_QUOTA_QUOTA_INT_H

#include "quota/live.h"
#include "quota/local.h"
#include "quota/scripts.h"

#define CG_BILLS_PER_CALL 16 /* a script must not hold Redis long */
#define CG_BILL_BYTES 22     /* as BILL in settle.lua */

/* As in ring.lua. */
typedef enum cg_how_t {
    CG_HOW_SETTLE = 1,
    CG_HOW_RELEASE,
    CG_HOW_CANCEL,
    CG_HOW_REPORT = 5,
    CG_HOW_REPLACE
} cg_how_t;

/* lives in: child pool · used by: every thread of the child */
struct cg_quota_t {
    cg_store_t *store;
    cg_local_t *local;
    cg_cache_t *periods;
    cg_live_t *live;        /* NULL: none is kept */
    volatile int64_t nodes; /* atomic */
    cg_scripts_t scripts;
};

/* The organization's part of a hold's id, with its colon; empty: the default. */
cg_str_t cg_quota_tenant_of(const char *id, apr_pool_t *pool);
/* The same part for an organization that is not in an id yet. */
cg_str_t cg_quota_tenant(cg_str_t organization, apr_pool_t *pool);
cg_str_t cg_quota_hold_key(const char *id, apr_pool_t *pool);
cg_str_t cg_quota_holds_key(cg_str_t tenant, apr_pool_t *pool);

/* Writes into the place of the live table what the store is about to be asked. */
void cg_quota_keep_plan(cg_quota_t *quota, uint32_t place,
                        const cg_plan_t *plan, apr_time_t hold_for);

/* A call of settle.lua that is being put together. */
typedef struct cg_settling_t {
    cg_str_t keys[CG_BILLS_PER_CALL + 1];
    unsigned char packed[CG_BILLS_PER_CALL * CG_BILL_BYTES];
    cg_str_t arg;
    size_t count; /* of bills */
} cg_settling_t;

void cg_settling_add(cg_settling_t *settling, const char *id, cg_how_t how,
                     int64_t input, int64_t output, int64_t micros,
                     apr_pool_t *pool);
void cg_settling_add_bill(cg_settling_t *settling, const cg_quota_bill_t *bill,
                          apr_pool_t *pool);
/* Its last key, and its argument. */
void cg_settling_end(cg_settling_t *settling, cg_str_t tenant,
                     apr_pool_t *pool);

/* EVALSHA as a command of a pipeline. */
cg_store_command_t cg_quota_command(const cg_script_t *script,
                                    const cg_str_t *keys, size_t keys_count,
                                    const cg_str_t *args, size_t args_count,
                                    apr_pool_t *pool);

#endif
