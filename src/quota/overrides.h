/* Limits of single objects (a team, a user, a model, a pair), set in the console.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An override stands in the place of the configured limits of the same scope and
 * quantity for its subject, and of a key's own; it also adds what is configured
 * nowhere. All of them stand in one hash of the store, field "team:red",
 *
 *   {"version":3,"limits":["100/60s"],"budgets":["500USD/month"],
 *    "changed_at":"2026-11-25T10:00:00.000Z","changed_by":"ada"}
 *
 * and, whole, in the memory of every child (flow/overrides.h).
 */
#ifndef CG_QUOTA_OVERRIDES_H
#define CG_QUOTA_OVERRIDES_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/json.h"
#include "policy/limit.h"
#include "store/store.h"

#define CG_OVERRIDES_MAX 100000
#define CG_OVERRIDE_LIMITS_MAX 16 /* of one object */
#define CG_OVERRIDE_SUBJECT_MAX 256

typedef struct cg_override_t {
    cg_limit_t scope; /* dimension and with alone */
    const char *subject;
    cg_limit_t *limits; /* of the scope; money among them */
    size_t count;
    int64_t version;
    apr_time_t changed_at;
    const char *changed_by;
} cg_override_t;

/* lives in: a pool of its own · const once it is in force */
typedef struct cg_overrides_t cg_overrides_t;

cg_overrides_t *cg_overrides_create(apr_pool_t *pool);
/* Reads one field. False and words: what it says cannot be read; it is left out. */
bool cg_overrides_add(cg_overrides_t *set, cg_str_t field, cg_str_t json,
                      cg_error_t *err);
/* All of the store's. APR_EGENERAL: it answers something else. */
apr_status_t cg_overrides_fetch(cg_store_t *store, cg_overrides_t **out,
                                cg_error_t *err, apr_pool_t *pool);

/* NULL: nothing is said of it. scope: dimension and with of any limit; subject as
 * cg_quota_ask_t has it. set may be NULL. */
const cg_override_t *cg_overrides_find(const cg_overrides_t *set,
                                       const cg_limit_t *scope,
                                       cg_str_t subject);
/* Bit by cg_limit_scope_index: something is said of some subject of it. */
uint64_t cg_overrides_scopes(const cg_overrides_t *set);
size_t cg_overrides_count(const cg_overrides_t *set);
const cg_override_t *cg_overrides_at(const cg_overrides_t *set, size_t index);
/* Its number of the shared word when it was read (flow/overrides.h). */
int64_t cg_overrides_serial(const cg_overrides_t *set);
void cg_overrides_set_serial(cg_overrides_t *set, int64_t serial);

const char *cg_override_field(const cg_override_t *row, apr_pool_t *pool);
/* As it stands in the hash. */
const char *cg_override_write(const cg_override_t *row, apr_pool_t *pool);

typedef enum cg_override_put_t {
    CG_OVERRIDE_DONE,
    CG_OVERRIDE_CONFLICT, /* another version is there: *out_version */
    CG_OVERRIDE_FULL
} cg_override_put_t;

/* Sets row, or with count 0 takes it away, and tells all servers. wanted: the
 * version that is to be changed, 0 none yet, -1 whichever. row->version is not
 * looked at; the new one is *out_version. */
apr_status_t cg_override_put(cg_store_t *store, const cg_override_t *row,
                             int64_t wanted, cg_override_put_t *out,
                             int64_t *out_version, cg_error_t *err,
                             apr_pool_t *pool);

#endif
