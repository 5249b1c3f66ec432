/* A keyring on the shared test Redis, with or without a cache.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_TESTS_KEY_FIXTURE_H
#define CG_TESTS_KEY_FIXTURE_H

#include "auth/apikey.h"
#include "redis_fixture.h"

typedef struct key_fixture_t {
    apr_pool_t *pool;
    cg_store_t *store;
    void *memory;
    cg_keyring_t *ring;
    apr_time_t now;
} key_fixture_t;

/* entries 0: no cache. Entries of the cache are fresh for stale_for. A redis that
 * is not the shared one is for drills: its store has the time-out of production. */
void key_fixture_open(key_fixture_t *f, const redis_fixture_t *redis,
                      size_t entries, apr_time_t stale_for);
void key_fixture_close(key_fixture_t *f);
/* A key with that name; its spelling in out_spelled. */
cg_key_t key_fixture_create(key_fixture_t *f, const char *name,
                            char out_spelled[CG_KEY_SPELLED_LEN + 1]);
cg_key_verdict_t key_fixture_verify(key_fixture_t *f, const char *spelled,
                                    cg_key_t *out);
/* How many HGETALL the server has seen. */
int64_t key_fixture_lookups(key_fixture_t *f);

#endif
