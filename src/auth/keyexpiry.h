/* Which keys end soon, told once a day each.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The servers of one store share the memory of what was told (a set of ids for
 * each day), so a restart or another server tells nothing twice. A round goes
 * through the index by expiry in steps, a page a step, so that the one thread
 * that does it stays quick with its other work; a first round of all puts keys
 * into the index that were made before there was one.
 */
#ifndef CG_AUTH_KEYEXPIRY_H
#define CG_AUTH_KEYEXPIRY_H

#include "auth/apikey.h"

#define CG_KEYEXPIRY_EACH apr_time_from_sec(600)

/* lives in: whoever goes the rounds; zeroed at first */
typedef struct cg_keyexpiry_t {
    bool is_going;      /* within a round */
    bool is_index_made; /* known to be there */
    apr_time_t next_at; /* of a round; monotonic or wall, as now is */
    char cursor[48];    /* "": from the start */
    int64_t seen;       /* keys of this round that end soon */
} cg_keyexpiry_t;

/* Does a step if it is time. on_key hears of each key that ends within
 * CG_KEY_EXPIRES_SOON and was not told today; out_count (when a round has ended;
 * else -1): how many end soon. */
apr_status_t cg_keyexpiry_step(cg_keyexpiry_t *round, cg_keyring_t *ring,
                               apr_time_t now,
                               void (*on_key)(void *baton, const cg_key_t *key),
                               void *baton, int64_t *out_count, cg_error_t *err,
                               apr_pool_t *pool);

#endif
