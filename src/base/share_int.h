/* How a cache lies in shared memory; for share.c and its test alone.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   head | set: dropped, slot slot slot slot slot slot slot slot | set: ...
 *
 * Everything is 64-bit words read and written as atomics.
 */
#ifndef CG_BASE_SHARE_INT_H
#define CG_BASE_SHARE_INT_H

#include <stdint.h>

#define CG_LINE_BYTES 64
#define CG_CACHE_WAYS 8

typedef struct cg_cache_head_t {
    int64_t layout;   /* version, entries and value bytes, mixed */
    int64_t changes;  /* drops and outdates so far */
    int64_t outdated; /* changes after the last outdate */
} cg_cache_head_t;

typedef struct cg_cache_set_t {
    int64_t dropped; /* changes after the last drop of a key of this set */
} cg_cache_set_t;

/* An entry counts when its mark is at least the set's dropped; it is old when its
 * mark is below the head's outdated. */
typedef struct cg_cache_slot_t {
    int64_t seq;    /* 0 never used; bit 0 being written, since bits 24-63 ms */
    int64_t sum;    /* over all that follows */
    int64_t key[2]; /* half of the SHA-256 of the key */
    int64_t at;     /* when it was put */
    int64_t mark;   /* changes before its look-up */
    int64_t value[];
} cg_cache_slot_t;

#endif
