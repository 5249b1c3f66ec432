/* Memory that all children share: counters, and a bounded cache of records.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A cg_share_t is one anonymous mapping made by the parent before it forks;
 * parts are carved from it in a fixed order and never freed. It is laid out
 * anew only when its size or version word changes. Pointers into it are valid
 * in every child because the mapping is inherited.
 *
 * The cache is set-associative: a 64-bit hash picks a set of eight slots; each
 * slot carries a sequence word, odd while it is written. Readers copy and check
 * the word again, so they take no lock; a writer who dies inside a slot leaves
 * it odd: it is skipped by readers and taken again by a later writer after
 * CG_CACHE_STUCK_FOR. A checksum over key and value makes sure that a writer
 * who was only asleep, and wakes up in a slot that is no longer its own, cannot
 * give one key the value of another.
 */
#ifndef CG_BASE_SHARE_H
#define CG_BASE_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>
#include <apr_time.h>

typedef struct cg_share_t cg_share_t;

/* bytes of zeroed memory, shared by this process and all it forks later. */
apr_status_t cg_share_create(cg_share_t **out, size_t bytes, apr_pool_t *pool);
/* Next part, 64-byte aligned; NULL when the mapping is used up. */
void *cg_share_carve(cg_share_t *share, size_t bytes);

/* Atomics on 64-bit words in shared memory (relaxed add, acquire/release). */
int64_t cg_atomic_add(volatile int64_t *word, int64_t by); /* value after */
int64_t cg_atomic_get(const volatile int64_t *word);
void cg_atomic_set(volatile int64_t *word, int64_t value);
bool cg_atomic_swap_if(volatile int64_t *word, int64_t expected, int64_t value);

typedef struct cg_cache_t cg_cache_t;

/* How long a slot may stay half-written before its writer is taken for dead. */
#define CG_CACHE_STUCK_FOR apr_time_from_sec(1)

/* Memory that cg_cache_attach will need. */
size_t cg_cache_bytes(size_t entries, size_t value_bytes);
/* Lays a cache over zeroed or earlier laid-out memory of that many bytes, which
 * must be 64-byte aligned. The handle lives in pool; make it before forking or
 * once per child, as you like. Memory last laid out for other numbers is
 * cleared first: then do it while nobody else uses it. */
cg_cache_t *cg_cache_attach(void *memory, size_t entries, size_t value_bytes,
                            apr_pool_t *pool);
/* Copies the value of key out; false if absent or written this very moment, and
 * out_value then holds nothing of use. key is a string of any length, at best
 * of few bytes; 128 bits of its SHA-256 are compared. out_at (may be NULL) is
 * the moment given to cg_cache_put. */
bool cg_cache_get(cg_cache_t *cache, const void *key, size_t key_len,
                  void *out_value, apr_time_t *out_at);
void cg_cache_put(cg_cache_t *cache, const void *key, size_t key_len,
                  const void *value, apr_time_t now);
/* The same for who has hashed already: 128 bits that the callers' data cannot
 * choose (cg_siphash). A cache is used in one of the two ways only. */
bool cg_cache_find(cg_cache_t *cache, const uint64_t hash[2], void *out_value,
                   apr_time_t *out_at);
void cg_cache_keep(cg_cache_t *cache, const uint64_t hash[2], const void *value,
                   apr_time_t now);
/* Forgets key, and with it the up to seven others of its set: one word says
 * that what was looked up before this moment no longer counts, so that a value
 * being written right now is forgotten too. */
void cg_cache_drop(cg_cache_t *cache, const void *key, size_t key_len);
/* Makes every entry old at once, whatever its moment: cg_cache_get gives 0 as
 * out_at of what was looked up before now. The values stay, for those who have
 * nobody to ask. */
void cg_cache_outdate(cg_cache_t *cache);
/* The generation before a slow look-up; cg_cache_put_if drops the value when
 * key was dropped since: else a revocation that arrives between the look-up and the put would be lost. */
int64_t cg_cache_mark(cg_cache_t *cache);
void cg_cache_put_if(cg_cache_t *cache, const void *key, size_t key_len,
                     const void *value, apr_time_t now, int64_t mark);

#endif
