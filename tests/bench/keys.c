/* make bench: what it costs to know a key, among few and among a million.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The whole of step 1 for an API key: its spelling and checksum, the look-up in
 * the memory of all children, HMAC-SHA-256 under the pepper, the comparison, the
 * note of use. Keys come in random order, so that with a million of them hardly
 * any is in the processor's own caches. Nothing is asked of a store: who is not
 * remembered any more is counted as pushed out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "auth/apikey_int.h"
#include "auth/keyspell.h"
#include "base/clock.h"
#include "base/digest.h"

#define ROUNDS 5
#define CALLS 200000

static double now_micros(void)
{
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

/* What an ordinary key says. */
static void remember(cg_keyring_t *ring, size_t number, apr_time_t now,
                     char out_spelled[CG_KEY_SPELLED_LEN + 1])
{
    cg_key_t key = {.owner = "platform", .team = "team-17",
                    .models = "gpt-4o*,text-embedding-3-small",
                    .tags = "prod", .version = 1};
    key.created_at = now;
    apr_snprintf(key.name, sizeof key.name, "service %lu",
                 (unsigned long)number);
    apr_snprintf(key.user, sizeof key.user, "svc-%lu@example.com",
                 (unsigned long)number);
    cg_key_add_limit(&key, CG_STR("100/60s"), NULL);
    cg_key_add_limit(&key, CG_STR("5USD/month"), NULL);
    cg_keyring_issue(ring, &key, out_spelled);
    cg_keycache_put(ring->cache, key.id, &key, now,
                    cg_keycache_mark(ring->cache));
}

static double measure(cg_keyring_t *ring,
                      char (*spelled)[CG_KEY_SPELLED_LEN + 1], size_t count,
                      apr_time_t now, size_t *out_missed)
{
    apr_pool_t *pool;
    cg_key_t key;
    cg_error_t err;
    double best = 1e12;
    *out_missed = 0;
    apr_pool_create(&pool, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t dice = 88172645463325252u + (uint64_t)round;
        double before = now_micros();
        for (int i = 0; i < CALLS; i++) {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            *out_missed += cg_apikey_verify(ring, cg_str(spelled[dice % count]),
                                            now, &key, &err,
                                            pool) != CG_KEY_OK;
        }
        double took = (now_micros() - before) / CALLS;
        best = took < best ? took : best;
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return best;
}

static void tell(size_t count, size_t entries)
{
    apr_pool_t *pool;
    cg_store_t *store;
    cg_error_t err = {""};
    size_t bytes = cg_keyring_shared_bytes(entries);
    size_t missed;
    apr_time_t now = cg_clock_now();
    apr_pool_create(&pool, NULL);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char(*spelled)[CG_KEY_SPELLED_LEN + 1] = malloc(count * sizeof *spelled);
    cg_store_options_t nowhere = {.url = "unix:/nonexistent"};
    if (memory == MAP_FAILED || !spelled ||
        cg_store_open(&store, &nowhere, &err, pool) != APR_SUCCESS) {
        printf("%9lu keys  not measured: no memory\n", (unsigned long)count);
        free(spelled);
        apr_pool_destroy(pool);
        return;
    }
    cg_keyring_t *ring = cg_keyring_open(
        store, cg_pepper_make("0123456789abcdef0123456789abcdef", 32, &err, pool),
        memory, entries, apr_time_from_sec(86400), pool);
    for (size_t i = 0; i < count; i++) {
        remember(ring, i, now, spelled[i]);
    }
    double took = measure(ring, spelled, count, now, &missed);
    printf("%9lu keys, ChatGPTKeyCache %7lu  %6.2f  %6.1f %%\n",
           (unsigned long)count, (unsigned long)entries, took,
           100.0 * (double)missed / (ROUNDS * (double)CALLS));
    munmap(memory, bytes);
    free(spelled);
    apr_pool_destroy(pool);
}

static void tell_hmac(void)
{
    unsigned char out[32], secret[32] = {1}, pepper[32] = {2};
    double before = now_micros();
    for (int i = 0; i < CALLS; i++) {
        secret[0] = (unsigned char)i;
        cg_hmac_sha256(pepper, sizeof pepper, secret, sizeof secret, out);
    }
    printf("of it HMAC-SHA-256                      %6.2f\n",
           (now_micros() - before) / CALLS);
}

int main(void)
{
    apr_initialize();
    puts("an API key known, us of CPU                     pushed out");
    tell(1000, 16384);
    tell(100000, 262144);
    tell(1000000, 2097152);
    tell_hmac();
    return 0;
}
