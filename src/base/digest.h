/* Digests, keyed digests, randomness, comparison in constant time.
 * SPDX-License-Identifier: Apache-2.0
 *
 * With pkey.h the only place that knows libcrypto. OpenSSL fetches an algorithm by name for
 * each use unless it is kept, which costs more than hashing 1 KB; so the
 * algorithms are fetched once, at the first call in a process.
 */
#ifndef CG_BASE_DIGEST_H
#define CG_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>

#define CG_SHA256_BYTES 32

void cg_sha256(const void *data, size_t len, unsigned char out[32]);
void cg_hmac_sha256(const void *key, size_t key_len, const void *data,
                    size_t len, unsigned char out[32]);
/* SHA-256 and SHA-512 of one text that comes in pieces. Freed with its pool. */
typedef struct cg_digester_t cg_digester_t;
#define CG_SHA512_BYTES 64
cg_digester_t *cg_digester_open(bool is_sha512, apr_pool_t *pool);
void cg_digester_feed(cg_digester_t *digester, const void *data, size_t len);
/* Ends it; returns how many bytes of out were written: 32 or 64. */
size_t cg_digester_close(cg_digester_t *digester,
                         unsigned char out[CG_SHA512_BYTES]);
uint32_t cg_crc32(uint32_t seed, const void *data, size_t len); /* IEEE */
/* A fast unkeyed 64-bit hash for tables (not against an adversary who may
 * choose both sides); seed it per process where callers choose the input. */
uint64_t cg_hash64(uint64_t seed, const void *data, size_t len);
/* SipHash-2-4 with 128 bits (Aumasson and Bernstein, 2012): a keyed hash that
 * tells nothing of the data to who lacks the key, several times faster than
 * SHA-256 on short texts. */
void cg_siphash(const uint64_t key[2], const void *data, size_t len,
                uint64_t out[2]);
bool cg_is_equal_secret(const void *a, const void *b, size_t len);
/* Random bytes from the CSPRNG; aborts the process if there are none. */
void cg_random(void *out, size_t len);
/* Up to 512 of them for an id: they come from a reserve of the thread, which stays
 * in memory, so they are unique and not to be foretold, but are no secret. */
void cg_random_id(void *out, size_t len);
/* Forgets: the compiler may not drop the write. */
void cg_wipe(void *ptr, size_t len);

#endif
