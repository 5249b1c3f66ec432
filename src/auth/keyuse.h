/* When was each key used last? Noted in shared memory, written to the store now
 * and then.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A request only sets a word, and that once a second for a key. One thread of
 * the server flushes: a key's first use at once, later ones once a minute. A note
 * carries the beginning of the digest it was made by, so that after a rotation
 * the store still knows which of the two secrets was used. Bounded: when a set of
 * eight is full of notes not yet flushed, a further one is not made.
 */
#ifndef CG_AUTH_KEYUSE_H
#define CG_AUTH_KEYUSE_H

#include "auth/apikey.h"

#define CG_KEYUSE_AGAIN_AFTER apr_time_from_sec(60)

typedef struct cg_keyuse_t cg_keyuse_t;

size_t cg_keyuse_bytes(size_t entries);
/* Over zeroed memory, or what an earlier attach of as many entries left. */
cg_keyuse_t *cg_keyuse_attach(void *memory, size_t entries, apr_pool_t *pool);
void cg_keyuse_note(cg_keyuse_t *uses, const char *id,
                    const unsigned char digest[32], apr_time_t now);

/* Writes what is due to the store, at most most notes; *out_count: how many.
 * What could not be written stays noted. The ring's server does this in one
 * thread. Does nothing for a ring without memory. */
apr_status_t cg_keyring_flush_uses(cg_keyring_t *ring, apr_time_t now,
                                   size_t most, size_t *out_count,
                                   cg_error_t *err, apr_pool_t *pool);

#endif
