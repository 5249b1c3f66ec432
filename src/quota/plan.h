/* Asks made ready: counters with their keys, and the numbers packed for Lua.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For quota's own files.
 */
#ifndef CG_QUOTA_PLAN_H
#define CG_QUOTA_PLAN_H

#include "quota/quota.h"

#define CG_PLAN_ASK_BYTES 37                        /* as ASK in ring.lua */
#define CG_QUOTA_COUNT_MAX INT64_C(100000000000000) /* policy/limit.c */

typedef struct cg_counter_t {
    cg_str_t key;
    cg_quantity_t quantity;
    cg_store_down_t store_down; /* never CG_STORE_DOWN_UNSET */
    bool is_month;
    int64_t amount;
    int64_t cost;
    int64_t floor;
    int64_t window_for; /* microseconds; of a month, until its end */
    int64_t from;       /* sub-bucket's length, or first moment of the month */
    int64_t stop;       /* first moment of the next month */
} cg_counter_t;

typedef struct cg_plan_t {
    size_t asks_count;
    size_t counter_of[CG_ASKS_MAX]; /* ask -> counter */
    size_t ask_of[CG_ASKS_MAX];     /* counter -> the ask with its amount */
    cg_counter_t counters[CG_ASKS_MAX];
    size_t count; /* of counters */
    unsigned char packed[CG_ASKS_MAX * CG_PLAN_ASK_BYTES];
} cg_plan_t;

/* count <= CG_ASKS_MAX. Keys live in pool. now names the month. */
void cg_plan_make(cg_plan_t *plan, const cg_quota_ask_t *asks, size_t count,
                  apr_time_t now, apr_pool_t *pool);

/* Little-endian, as struct.unpack('<I7'); returns the place after. */
unsigned char *cg_plan_pack(unsigned char *to, int64_t value, int bytes);

#endif
