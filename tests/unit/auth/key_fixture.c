/* A keyring on a test's Redis.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "key_fixture.h"

#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"

void key_fixture_open(key_fixture_t *f, const redis_fixture_t *redis,
                      size_t entries, apr_time_t stale_for)
{
    cg_error_t err = {.text = ""};
    memset(f, 0, sizeof *f);
    apr_pool_create(&f->pool, NULL);
    f->store = redis_fixture_is_shared(redis)
                   ? redis_fixture_store(redis, f->pool)
                   : redis_fixture_quick_store(redis, f->pool);
    f->now = cg_clock_now();
    if (entries) {
        size_t bytes = cg_keyring_shared_bytes(entries);
        f->memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
        memset(f->memory, 0, bytes);
    }
    cg_pepper_t *pepper =
        cg_pepper_make("0123456789abcdef0123456789abcdef", 32, &err, f->pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pepper);
    f->ring = cg_keyring_open(f->store, pepper, f->memory, entries, stale_for,
                              f->pool);
}

void key_fixture_close(key_fixture_t *f)
{
    apr_pool_destroy(f->pool);
    free(f->memory);
}

cg_key_t key_fixture_create(key_fixture_t *f, const char *name,
                            char out_spelled[CG_KEY_SPELLED_LEN + 1])
{
    cg_key_t wanted = {.owner = "o"}, key;
    cg_error_t err = {.text = ""};
    apr_cpystrn(wanted.name, name, sizeof wanted.name);
    CU_ASSERT_EQUAL_FATAL(cg_apikey_create(f->ring, &wanted, f->now, &key,
                                           out_spelled, &err, f->pool),
                          APR_SUCCESS);
    return key;
}

cg_key_verdict_t key_fixture_verify(key_fixture_t *f, const char *spelled,
                                    cg_key_t *out)
{
    cg_key_t unused;
    cg_error_t err = {.text = ""};
    return cg_apikey_verify(f->ring, cg_str(spelled), f->now,
                            out ? out : &unused, &err, f->pool);
}

int64_t key_fixture_lookups(key_fixture_t *f)
{
    cg_reply_t info =
        redis_fixture_call(f->store, f->pool, "INFO", "commandstats", NULL);
    const char *line = strstr(info.text.ptr, "cmdstat_hgetall:calls=");
    return line ? atoll(line + strlen("cmdstat_hgetall:calls=")) : 0;
}
