/* The memory that local_*.c share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For these files only. Whoever reads or writes it has taken the latch.
 */
#ifndef CG_QUOTA_LOCAL_INT_H
#define CG_QUOTA_LOCAL_INT_H

#include "quota/latch.h"
#include "quota/local.h"

#define CG_SLOTS 8192
#define CG_SLOT_PROBES 64
#define CG_SLOT_PARTS 60
#define CG_SLICES 2048
#define CG_SLICE_PROBES 32
#define CG_HOLDS 4096
#define CG_HOLD_PROBES 32
#define CG_DEBTS 1024
#define CG_DEBT_PROBES 32
#define CG_BILLS 1024
#define CG_LOST 256
#define CG_TENANTS 1024

typedef struct cg_tag_t {
    uint64_t word[2]; /* 128 bits of a hash */
} cg_tag_t;

typedef struct cg_slot_t {
    cg_tag_t tag;
    int64_t expires_at; /* wall clock; free from then on */
    int64_t head;       /* number of the newest sub-bucket */
    int64_t sum;
    int64_t known; /* a calendar period's remainder */
    int64_t counts[CG_SLOT_PARTS];
} cg_slot_t;

typedef enum cg_slice_state_t {
    CG_SLICE_FREE,
    CG_SLICE_AWAITED, /* the store is being asked; free when usable_until is over */
    CG_SLICE_OPEN,
    CG_SLICE_CLOSED /* nothing more is taken of it; to be reported */
} cg_slice_state_t;

typedef struct cg_slice_t {
    cg_tag_t tag;
    uint32_t state;  /* cg_slice_state_t */
    uint32_t serial; /* grows with each use of this place */
    int32_t users;   /* holds that are not settled */
    int64_t size, left, spent;
    int64_t amount, known; /* of the limit; what remained when it was taken */
    apr_time_t usable_until, ends_at;
    apr_time_t resets_at; /* when the whole limit is free again */
    char lease[CG_QUOTA_ID_MAX + 4];
} cg_slice_t;

typedef enum cg_part_where_t {
    CG_PART_SLICE = 1,
    CG_PART_SLOT,
    CG_PART_DEBT /* an open counter: only owed */
} cg_part_where_t;

/* What a hold took of one counter. */
typedef struct cg_part_t {
    uint8_t where;    /* cg_part_where_t */
    uint8_t quantity; /* cg_quantity_t */
    uint32_t place;   /* of the slice or slot; the debt's is found by tag */
    uint32_t serial;  /* of the slice */
    int32_t debt;     /* -1: none */
    int64_t stamp;    /* of a slot: its sub-bucket, or -1 */
    int64_t cost, floor;
} cg_part_t;

typedef struct cg_hold_t {
    cg_tag_t tag;
    apr_time_t ends_at; /* monotonic; free from then on, when it was swept */
    uint32_t count;     /* 0: free */
    cg_part_t parts[CG_ASKS_MAX];
} cg_hold_t;

/* more and less wait; those that were taken to be told stand apart until they
 * were. */
typedef struct cg_debt_slot_t {
    cg_tag_t tag;
    bool is_used;
    cg_debt_t debt;
    int64_t told_more, told_less;
    apr_time_t taken_at; /* monotonic; 0: nobody tells it */
    apr_time_t used_at;  /* monotonic */
} cg_debt_slot_t;

typedef struct cg_waiting_t {
    bool is_used;
    char id[CG_QUOTA_ID_MAX + 1];
    cg_quota_bill_t bill; /* its id is the one above, in whatever process */
} cg_waiting_t;

/* lives in: shared memory, zeroed at first · written by: all children */
struct cg_local_t {
    cg_latch_t latch; /* the first word */
    int64_t lost_next;
    int64_t lost_count;
    char lost[CG_LOST][CG_QUOTA_ID_MAX + 1];
    uint64_t bills_head, bills_tail;
    volatile int64_t bills_count;  /* atomic: is there anything to take? */
    volatile int64_t slices_count; /* atomic: likewise */
    volatile int64_t closed_count; /* atomic: slices to be reported */
    volatile int64_t holds_count;  /* atomic: likewise */
    volatile int64_t debts_count;  /* atomic: likewise */
    uint32_t sweep_at;
    volatile int64_t tenants_count; /* atomic */
    cg_tag_t tenants[CG_TENANTS];
    cg_waiting_t bills[CG_BILLS];
    cg_slot_t slots[CG_SLOTS];
    cg_slice_t slices[CG_SLICES];
    cg_hold_t holds[CG_HOLDS];
    cg_debt_slot_t debts[CG_DEBTS];
};

cg_tag_t cg_local_tag(cg_str_t text);
bool cg_local_is_tag(const cg_tag_t *a, const cg_tag_t *b);

/* The slot's part of a settled hold. */
void cg_local_slot_less(cg_slot_t *slot, int64_t stamp, int64_t less);

/* The hold of a request; made if is_new. NULL: none, or no room. */
cg_hold_t *cg_local_hold(cg_local_t *local, const char *id, bool is_new,
                         apr_time_t ends_at);
/* Adds a part; false: no room. */
bool cg_local_hold_add(cg_hold_t *hold, const cg_part_t *part);

/* Adds to the debt of the counter; -1: no room. */
int32_t cg_local_owe(cg_local_t *local, const cg_counter_t *counter,
                     int64_t more);

#endif
