/* Asks made ready: counters with their keys, and the numbers packed for Lua.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For quota's own files.
 */
#ifndef CG_QUOTA_PLAN_H
#define CG_QUOTA_PLAN_H

#include "base/share.h"
#include "quota/quota.h"

#define CG_PLAN_ASK_BYTES 44                        /* as ASK in ring.lua */
#define CG_QUOTA_COUNT_MAX INT64_C(100000000000000) /* policy/limit.c */

/* As in ring.lua. */
typedef enum cg_counting_t {
    CG_COUNTING_WINDOW = 1, /* a ring */
    CG_COUNTING_CALENDAR,
    CG_COUNTING_SMOOTH,
    CG_COUNTING_EXACT,
    CG_COUNTING_CONCURRENT
} cg_counting_t;

typedef struct cg_counter_t {
    cg_str_t key;
    cg_quantity_t quantity;
    cg_counting_t counting;
    cg_store_down_t store_down; /* never CG_STORE_DOWN_UNSET */
    bool is_soft;
    int64_t amount;
    int64_t cost;
    int64_t floor;
    int64_t
        from; /* of a ring a sub-bucket's length; of other windows theirs; of
                      a calendar period its first moment */
    int64_t stop;  /* of a calendar period the first moment of the next */
    int64_t slice; /* of a leased limit, if the request fits in it; else 0 */
} cg_counter_t;

typedef struct cg_plan_t {
    size_t asks_count;
    size_t counter_of[CG_ASKS_MAX]; /* ask -> counter */
    size_t ask_of[CG_ASKS_MAX];     /* counter -> the ask with its amount */
    cg_counter_t counters[CG_ASKS_MAX];
    size_t count; /* of counters */
} cg_plan_t;

/* count <= CG_ASKS_MAX. Keys live in pool. tenant: cg_quota_tenant_of an id.
 * now names the periods; periods may be NULL (calendar.h). */
void cg_plan_make(cg_plan_t *plan, cg_str_t tenant, const cg_quota_ask_t *asks,
                  size_t count, apr_time_t now, cg_cache_t *periods,
                  apr_pool_t *pool);

/* One counter as the scripts read it, CG_PLAN_ASK_BYTES. */
unsigned char *cg_plan_pack_counter(unsigned char *to,
                                    const cg_counter_t *counter);
/* Little-endian, as struct.unpack('<I7'); returns the place after. */
unsigned char *cg_plan_pack(unsigned char *to, int64_t value, int bytes);

#endif
