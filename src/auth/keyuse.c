/* When was each key used last?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/keyuse.h"

#include <string.h>

#include <apr_strings.h>

#include "auth/apikey_int.h"
#include "auth/keyspell.h"
#include "base/clock.h"
#include "base/digest.h"
#include "store/keys.h"

#define WAYS 8
#define NOTED_EACH APR_USEC_PER_SEC
#define BATCH 128
#define TAKEN 1    /* no id; who dies in between costs one slot */
#define TAG_HEX 16 /* of the digest: half of its hex */

/* KEYS: the hash of a key. ARGV: the first digits of the digest, the moment. A
 * key that is gone is not made anew; a later moment stays. */
static const char save_use[] =
    "local h = redis.call('HMGET', KEYS[1], 'digest', 'previous_digest', "
    "'last_used_at', 'previous_used_at')\n"
    "local n = #ARGV[1]\n"
    "if h[1] and string.sub(h[1], 1, n) == ARGV[1] then\n"
    "  if not h[3] or h[3] < ARGV[2] then\n"
    "    redis.call('HSET', KEYS[1], 'last_used_at', ARGV[2]) end\n"
    "elseif h[2] and string.sub(h[2], 1, n) == ARGV[1] then\n"
    "  if not h[4] or h[4] < ARGV[2] then\n"
    "    redis.call('HSET', KEYS[1], 'previous_used_at', ARGV[2]) end\n"
    "end\n"
    "return 1\n";

/* All words are atomics. id 0: free. A slot changes hands only between uses that
 * were flushed, so the worst a race can do is to lose one note. */
typedef struct slot_t {
    int64_t id;     /* its eight characters */
    int64_t digest; /* its first eight bytes */
    int64_t at;
    int64_t flushed_at; /* the at that was flushed last */
} slot_t;

/* lives in: the pool given to attach; slots are shared */
struct cg_keyuse_t {
    slot_t *slots;
    size_t sets;
};

static size_t sets_of(size_t entries)
{
    return entries ? (entries - 1) / WAYS + 1 : 1;
}

size_t cg_keyuse_bytes(size_t entries)
{
    return sets_of(entries) * WAYS * sizeof(slot_t);
}

cg_keyuse_t *cg_keyuse_attach(void *memory, size_t entries, apr_pool_t *pool)
{
    cg_keyuse_t *uses = apr_palloc(pool, sizeof *uses);
    uses->slots = memory;
    uses->sets = sets_of(entries);
    return uses;
}

static int64_t word_of(const void *bytes)
{
    int64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* ---- noting ---------------------------------------------------------------- */

static slot_t *set_of(const cg_keyuse_t *uses, int64_t id, int64_t digest)
{
    int64_t words[2] = {id, digest};
    return uses->slots + cg_hash64(0, words, sizeof words) % uses->sets * WAYS;
}

/* The slot of this secret, else the one that is given up most gladly: free, or
 * flushed the longest ago. NULL: all hold what was not flushed yet. */
static slot_t *choose(slot_t *set, int64_t id, int64_t digest)
{
    slot_t *chosen = NULL;
    int64_t oldest = INT64_MAX;
    for (int i = 0; i < WAYS; i++) {
        slot_t *slot = &set[i];
        int64_t at = cg_atomic_get(&slot->at);
        if (cg_atomic_get(&slot->id) == id &&
            cg_atomic_get(&slot->digest) == digest) {
            return slot;
        }
        bool is_free = cg_atomic_get(&slot->id) != TAKEN &&
                       at <= cg_atomic_get(&slot->flushed_at);
        if (is_free && at < oldest) {
            oldest = at;
            chosen = slot;
        }
    }
    return chosen;
}

void cg_keyuse_note(cg_keyuse_t *uses, const char *id,
                    const unsigned char digest[32], apr_time_t now)
{
    int64_t name = word_of(id), tag = word_of(digest);
    slot_t *slot = choose(set_of(uses, name, tag), name, tag);
    if (!slot) {
        return;
    }
    int64_t before = cg_atomic_get(&slot->id);
    if (before == name && cg_atomic_get(&slot->digest) == tag) {
        if (now - cg_atomic_get(&slot->at) >= NOTED_EACH) {
            cg_atomic_set(&slot->at, now);
        }
        return;
    }
    /* Who takes the slot first has it; the other's note waits for the next
     * use. */
    if (before == TAKEN || !cg_atomic_swap_if(&slot->id, before, TAKEN)) {
        return;
    }
    cg_atomic_set(&slot->flushed_at, 0);
    cg_atomic_set(&slot->digest, tag);
    cg_atomic_set(&slot->at, now);
    cg_atomic_set(&slot->id, name);
}

/* ---- flushing --------------------------------------------------------------- */

/* One note on its way to the store. */
typedef struct due_t {
    slot_t *slot;
    int64_t at;
} due_t;

static bool is_due(const slot_t *slot, apr_time_t now)
{
    int64_t at = cg_atomic_get(&slot->at);
    int64_t flushed = cg_atomic_get(&slot->flushed_at);
    int64_t id = cg_atomic_get(&slot->id);
    return id != 0 && id != TAKEN && at > flushed &&
           (flushed == 0 || now - flushed >= CG_KEYUSE_AGAIN_AFTER);
}

static void write_command(const due_t *due, cg_store_command_t *out,
                          apr_pool_t *pool)
{
    cg_str_t *argv = apr_palloc(pool, 6 * sizeof *argv);
    char *id = apr_pcalloc(pool, CG_KEY_ID_LEN + 1);
    char *tag = apr_palloc(pool, TAG_HEX + 1);
    char *at = apr_palloc(pool, 25);
    int64_t words[2] = {cg_atomic_get(&due->slot->id),
                        cg_atomic_get(&due->slot->digest)};
    memcpy(id, &words[0], CG_KEY_ID_LEN);
    unsigned char bytes[sizeof words[1]];
    memcpy(bytes, &words[1], sizeof bytes);
    cg_hex_encode(bytes, sizeof bytes, tag);
    cg_clock_rfc3339(due->at, at);
    cg_str_t part = cg_str(id);
    argv[0] = CG_STR("EVAL");
    argv[1] = (cg_str_t){save_use, sizeof save_use - 1};
    argv[2] = CG_STR("1");
    argv[3] = cg_keys_make(CG_KEYS_KEY, &part, 1, pool);
    argv[4] = cg_str(tag);
    argv[5] = cg_str(at);
    *out = (cg_store_command_t){argv, 6};
}

static apr_status_t flush_batch(cg_keyring_t *ring, const due_t *due,
                                size_t count, cg_error_t *err, apr_pool_t *pool)
{
    cg_store_command_t commands[BATCH] = {{NULL, 0}};
    cg_reply_t replies[BATCH];
    for (size_t i = 0; i < count; i++) {
        write_command(&due[i], &commands[i], pool);
    }
    apr_status_t rv =
        cg_store_pipeline(ring->store, commands, count, replies, err, pool);
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i++) {
        /* What a script refuses, it would refuse again. */
        cg_atomic_set(&due[i].slot->flushed_at, due[i].at);
    }
    return rv;
}

apr_status_t cg_keyring_flush_uses(cg_keyring_t *ring, apr_time_t now,
                                   size_t most, size_t *out_count,
                                   cg_error_t *err, apr_pool_t *pool)
{
    due_t due[BATCH];
    size_t count = 0;
    *out_count = 0;
    size_t slots = ring->uses ? ring->uses->sets * WAYS : 0;
    for (size_t i = 0; i < slots && *out_count + count < most; i++) {
        slot_t *slot = &ring->uses->slots[i];
        if (is_due(slot, now)) {
            due[count++] = (due_t){slot, cg_atomic_get(&slot->at)};
        }
        if (count == BATCH) {
            apr_status_t rv = flush_batch(ring, due, count, err, pool);
            if (rv != APR_SUCCESS) {
                return rv;
            }
            *out_count += count;
            count = 0;
        }
    }
    apr_status_t rv =
        count ? flush_batch(ring, due, count, err, pool) : APR_SUCCESS;
    *out_count += rv == APR_SUCCESS ? count : 0;
    return rv;
}
