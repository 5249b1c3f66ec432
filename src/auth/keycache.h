/* The keys that all children remember, packed into shared memory.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Most keys say little: packed they need some 300 bytes, a key with every text at
 * its longest ten times as many. So there are two caches: in the first every key
 * has a small slot; a key that does not fit there leaves a mark in it and lies in
 * the second, which has an eighth of the entries. A million keys take 0.9 GB.
 *
 * For auth's own files and make bench.
 */
#ifndef CG_AUTH_KEYCACHE_H
#define CG_AUTH_KEYCACHE_H

#include "auth/apikey.h"

typedef struct cg_keycache_t cg_keycache_t;

/* What both caches had seen before a look-up (cg_cache_mark). */
typedef struct cg_keycache_mark_t {
    int64_t small;
    int64_t large;
} cg_keycache_mark_t;

size_t cg_keycache_bytes(size_t entries);
/* As cg_cache_attach. */
cg_keycache_t *cg_keycache_attach(void *memory, size_t entries,
                                  apr_pool_t *pool);
/* False: not remembered. *out_is_known false: remembered as unknown, and out is
 * zeroed. */
bool cg_keycache_get(cg_keycache_t *cache, const char *id, cg_key_t *out,
                     bool *out_is_known, apr_time_t *out_at);
cg_keycache_mark_t cg_keycache_mark(cg_keycache_t *cache);
/* key NULL: there is none of that id. Nothing is kept if id was dropped after
 * mark. */
void cg_keycache_put(cg_keycache_t *cache, const char *id, const cg_key_t *key,
                     apr_time_t now, cg_keycache_mark_t mark);
void cg_keycache_drop(cg_keycache_t *cache, const char *id);
void cg_keycache_outdate(cg_keycache_t *cache);

#endif
