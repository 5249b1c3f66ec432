/* Memory that all children share: counters, and a bounded cache of records.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Order without fences: a writer first makes the sequence word odd, then writes
 * each word with release; a reader reads each word with acquire and the
 * sequence word once more at the end. Who has seen a new word therefore sees
 * the odd sequence word too. (Fences would do as well, but ThreadSanitizer does
 * not understand them.)
 */
#include "base/share.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/digest.h"
#include "base/share_int.h"

#define LAYOUT_VERSION 2
#define READ_TRIES 3
#define WRITE_TRIES 4

/* ---- the mapping ------------------------------------------------------ */

/* lives in: the pool of its process; what it maps is shared */
struct cg_share_t {
    unsigned char *base;
    size_t size;
    size_t used;
};

static apr_status_t unmap(void *data)
{
    cg_share_t *share = data;
    return munmap(share->base, share->size) ? errno : APR_SUCCESS;
}

static size_t round_up(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

apr_status_t cg_share_create(cg_share_t **out, size_t bytes, apr_pool_t *pool)
{
    *out = NULL;
    if (bytes == 0 || bytes > SIZE_MAX / 2) {
        return APR_EINVAL;
    }
    void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        return errno;
    }
    cg_share_t *share = apr_pcalloc(pool, sizeof *share);
    share->base = base;
    share->size = bytes;
    apr_pool_cleanup_register(pool, share, unmap, apr_pool_cleanup_null);
    *out = share;
    return APR_SUCCESS;
}

void *cg_share_carve(cg_share_t *share, size_t bytes)
{
    if (bytes > share->size - share->used) {
        return NULL;
    }
    void *part = share->base + share->used;
    size_t next = round_up(share->used + bytes, CG_LINE_BYTES);
    share->used = next < share->size ? next : share->size;
    return part;
}

/* ---- words ------------------------------------------------------------ */

int64_t cg_atomic_add(volatile int64_t *word, int64_t by)
{
    return __atomic_add_fetch(word, by, __ATOMIC_RELAXED);
}

int64_t cg_atomic_get(const volatile int64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

void cg_atomic_set(volatile int64_t *word, int64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

bool cg_atomic_swap_if(volatile int64_t *word, int64_t expected, int64_t value)
{
    return __atomic_compare_exchange_n(word, &expected, value, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Raises word to at least value. */
static void raise_to(int64_t *word, int64_t value)
{
    int64_t seen = cg_atomic_get(word);
    while (seen < value && !cg_atomic_swap_if(word, seen, value)) {
        seen = cg_atomic_get(word);
    }
}

static void copy_out(const int64_t *words, void *bytes, size_t len)
{
    unsigned char *to = bytes;
    for (; len; words++) {
        int64_t word = cg_atomic_get(words);
        size_t step = len < sizeof word ? len : sizeof word;
        memcpy(to, &word, step);
        to += step;
        len -= step;
    }
}

static void copy_in(int64_t *words, const void *bytes, size_t len)
{
    const unsigned char *from = bytes;
    for (; len; words++) {
        int64_t word = 0;
        size_t step = len < sizeof word ? len : sizeof word;
        memcpy(&word, from, step);
        cg_atomic_set(words, word);
        from += step;
        len -= step;
    }
}

/* ---- the cache -------------------------------------------------------- */

typedef cg_cache_head_t head_t;
typedef cg_cache_set_t set_t;
typedef cg_cache_slot_t slot_t;

/* lives in: the pool given to attach; what it points to is shared */
struct cg_cache_t {
    head_t *head;
    unsigned char *sets;
    size_t set_count;
    size_t set_bytes;
    size_t slot_bytes;
    size_t value_bytes;
};

/* Where a key lives, and what its slot must say. */
typedef struct place_t {
    set_t *set;
    int64_t key[2];
} place_t;

/* A slot's content but its value. */
typedef struct entry_t {
    int64_t sum;
    int64_t key[2];
    int64_t at;
    int64_t mark;
} entry_t;

static cg_cache_t shape_of(size_t entries, size_t value_bytes)
{
    size_t slot = round_up(sizeof(slot_t) + value_bytes, CG_LINE_BYTES);
    return (cg_cache_t){
        .set_count = entries ? (entries - 1) / CG_CACHE_WAYS + 1 : 1,
        .set_bytes = CG_LINE_BYTES + CG_CACHE_WAYS * slot,
        .slot_bytes = slot,
        .value_bytes = value_bytes,
    };
}

size_t cg_cache_bytes(size_t entries, size_t value_bytes)
{
    cg_cache_t shape = shape_of(entries, value_bytes);
    return CG_LINE_BYTES + shape.set_count * shape.set_bytes;
}

static int64_t layout_of(const cg_cache_t *cache)
{
    uint64_t numbers[] = {cache->set_count, cache->value_bytes};
    uint64_t mixed = cg_hash64(LAYOUT_VERSION, numbers, sizeof numbers);
    return (int64_t)(mixed | 1); /* never the 0 of fresh memory */
}

cg_cache_t *cg_cache_attach(void *memory, size_t entries, size_t value_bytes,
                            apr_pool_t *pool)
{
    cg_cache_t *cache = apr_palloc(pool, sizeof *cache);
    *cache = shape_of(entries, value_bytes);
    cache->head = memory;
    cache->sets = (unsigned char *)memory + CG_LINE_BYTES;
    int64_t layout = layout_of(cache);
    int64_t found = cg_atomic_get(&cache->head->layout);
    if (found != layout && found != 0) {
        memset(memory, 0, cg_cache_bytes(entries, value_bytes));
    }
    cg_atomic_set(&cache->head->layout, layout);
    return cache;
}

static place_t place_of(const cg_cache_t *cache, const void *key,
                        size_t key_len)
{
    union {
        unsigned char bytes[CG_SHA256_BYTES];
        uint64_t words[4];
    } digest;
    cg_sha256(key, key_len, digest.bytes);
    size_t number = digest.words[2] % cache->set_count;
    void *set = cache->sets + number * cache->set_bytes;
    return (place_t){
        .set = set,
        .key = {(int64_t)digest.words[0], (int64_t)digest.words[1]},
    };
}

static place_t place_of_hash(const cg_cache_t *cache, const uint64_t hash[2])
{
    size_t number = (hash[0] ^ hash[1] >> 7) % cache->set_count;
    void *set = cache->sets + number * cache->set_bytes;
    return (place_t){.set = set, .key = {(int64_t)hash[0], (int64_t)hash[1]}};
}

static slot_t *slot_at(const cg_cache_t *cache, set_t *set, size_t way)
{
    void *slot = (unsigned char *)set + CG_LINE_BYTES + way * cache->slot_bytes;
    return slot;
}

static int64_t sum_of(const cg_cache_t *cache, const entry_t *entry,
                      const void *value)
{
    uint64_t seed =
        cg_hash64((uint64_t)entry->mark, entry->key, sizeof entry->key);
    seed ^= (uint64_t)entry->at;
    return (int64_t)cg_hash64(seed, value, cache->value_bytes);
}

/* The oldest mark that still counts in this set. */
static int64_t oldest_mark(const set_t *set)
{
    return cg_atomic_get(&set->dropped);
}

static bool holds_key(const slot_t *slot, const place_t *place)
{
    return cg_atomic_get(&slot->key[0]) == place->key[0] &&
           cg_atomic_get(&slot->key[1]) == place->key[1];
}

/* ---- reading ---------------------------------------------------------- */

/* A copy of a slot that no writer touched meanwhile. */
static bool read_slot(const cg_cache_t *cache, const slot_t *slot,
                      entry_t *out_entry, void *out_value)
{
    for (int i = 0; i < READ_TRIES; i++) {
        int64_t seq = cg_atomic_get(&slot->seq);
        if (seq == 0) {
            return false;
        }
        if (seq & 1) {
            continue;
        }
        out_entry->sum = cg_atomic_get(&slot->sum);
        out_entry->key[0] = cg_atomic_get(&slot->key[0]);
        out_entry->key[1] = cg_atomic_get(&slot->key[1]);
        out_entry->at = cg_atomic_get(&slot->at);
        out_entry->mark = cg_atomic_get(&slot->mark);
        copy_out(slot->value, out_value, cache->value_bytes);
        if (cg_atomic_get(&slot->seq) == seq) {
            return true;
        }
    }
    return false;
}

static bool get_at(const cg_cache_t *cache, place_t place, void *out_value,
                   apr_time_t *out_at)
{
    int64_t oldest = oldest_mark(place.set);
    for (size_t way = 0; way < CG_CACHE_WAYS; way++) {
        slot_t *slot = slot_at(cache, place.set, way);
        entry_t entry;
        if (!holds_key(slot, &place) ||
            !read_slot(cache, slot, &entry, out_value)) {
            continue;
        }
        if (memcmp(entry.key, place.key, sizeof entry.key) == 0 &&
            entry.mark >= oldest &&
            entry.sum == sum_of(cache, &entry, out_value)) {
            if (out_at) {
                bool is_old =
                    entry.mark < cg_atomic_get(&cache->head->outdated);
                *out_at = is_old ? 0 : entry.at;
            }
            return true;
        }
    }
    return false;
}

bool cg_cache_get(cg_cache_t *cache, const void *key, size_t key_len,
                  void *out_value, apr_time_t *out_at)
{
    return get_at(cache, place_of(cache, key, key_len), out_value, out_at);
}

bool cg_cache_find(cg_cache_t *cache, const uint64_t hash[2], void *out_value,
                   apr_time_t *out_at)
{
    return get_at(cache, place_of_hash(cache, hash), out_value, out_at);
}

/* ---- writing ---------------------------------------------------------- */

/* An odd sequence word that tells since when: the milliseconds stand in it, so
 * that taking a slot and saying when is one act. They wrap after 34 years;
 * only differences are used. */
static int64_t taken(int64_t before, apr_time_t now)
{
    uint64_t count = ((uint64_t)before + 2) & 0xFFFFFE;
    return (int64_t)((uint64_t)(now / 1000) << 24 | count | 1);
}

/* The two readings of the clock come from different callers: the slot's may
 * well be the later one, which does not make its writer dead. */
static bool is_stuck(int64_t seq, apr_time_t now)
{
    uint64_t since = (uint64_t)seq >> 24;
    uint64_t ahead = ((uint64_t)(now / 1000) - since) << 24;
    return (int64_t)ahead >> 24 > CG_CACHE_STUCK_FOR / 1000;
}

/* Makes the slot ours; 0 if somebody else is writing it. */
static int64_t take_slot(slot_t *slot, apr_time_t now)
{
    int64_t seq = cg_atomic_get(&slot->seq);
    if ((seq & 1) && !is_stuck(seq, now)) {
        return 0;
    }
    int64_t mine = taken(seq, now);
    return cg_atomic_swap_if(&slot->seq, seq, mine) ? mine : 0;
}

/* Fails only when we were taken for dead: the slot is not ours any more. */
static void give_slot(slot_t *slot, int64_t mine)
{
    cg_atomic_swap_if(&slot->seq, mine, mine ^ 1);
}

/* How gladly a slot is given up: the smaller, the sooner. The key's own slot
 * comes first, then one that holds nothing that counts, then the oldest. */
static apr_time_t worth(const slot_t *slot, const place_t *place,
                        int64_t oldest, apr_time_t now)
{
    int64_t seq = cg_atomic_get(&slot->seq);
    if ((seq & 1) && !is_stuck(seq, now)) {
        return INT64_MAX;
    }
    if (holds_key(slot, place)) {
        return INT64_MIN;
    }
    if (seq == 0 || (seq & 1) || cg_atomic_get(&slot->mark) < oldest) {
        return INT64_MIN + 1;
    }
    return cg_atomic_get(&slot->at);
}

static slot_t *choose_slot(const cg_cache_t *cache, const place_t *place,
                           int64_t oldest, apr_time_t now)
{
    slot_t *chosen = NULL;
    apr_time_t least = INT64_MAX;
    for (size_t way = 0; way < CG_CACHE_WAYS; way++) {
        slot_t *slot = slot_at(cache, place->set, way);
        apr_time_t value = worth(slot, place, oldest, now);
        if (value < least) {
            least = value;
            chosen = slot;
        }
    }
    return chosen;
}

static void write_slot(const cg_cache_t *cache, slot_t *slot,
                       const entry_t *entry, const void *value)
{
    cg_atomic_set(&slot->sum, entry->sum);
    cg_atomic_set(&slot->key[0], entry->key[0]);
    cg_atomic_set(&slot->key[1], entry->key[1]);
    cg_atomic_set(&slot->at, entry->at);
    cg_atomic_set(&slot->mark, entry->mark);
    copy_in(slot->value, value, cache->value_bytes);
}

/* Two writers of a new key may each have chosen a slot: the later put leaves
 * one, lest the other show an old value when the newer one is evicted. */
static void forget_others(const cg_cache_t *cache, const place_t *place,
                          const slot_t *kept, apr_time_t now)
{
    for (size_t way = 0; way < CG_CACHE_WAYS; way++) {
        slot_t *slot = slot_at(cache, place->set, way);
        if (slot == kept || !holds_key(slot, place)) {
            continue;
        }
        int64_t mine = take_slot(slot, now);
        if (mine) {
            cg_atomic_set(&slot->key[0], 0);
            cg_atomic_set(&slot->mark, -1);
            give_slot(slot, mine);
        }
    }
}

static void put_at(const cg_cache_t *cache, place_t place, const void *value,
                   apr_time_t now, int64_t mark)
{
    int64_t oldest = oldest_mark(place.set);
    if (mark < oldest) {
        return;
    }
    entry_t entry = {
        .key = {place.key[0], place.key[1]},
        .at = now,
        .mark = mark,
    };
    entry.sum = sum_of(cache, &entry, value);
    for (int i = 0; i < WRITE_TRIES; i++) {
        slot_t *slot = choose_slot(cache, &place, oldest, now);
        int64_t mine = slot ? take_slot(slot, now) : 0;
        if (mine) {
            write_slot(cache, slot, &entry, value);
            give_slot(slot, mine);
            forget_others(cache, &place, slot, now);
            return;
        }
    }
}

void cg_cache_put_if(cg_cache_t *cache, const void *key, size_t key_len,
                     const void *value, apr_time_t now, int64_t mark)
{
    put_at(cache, place_of(cache, key, key_len), value, now, mark);
}

void cg_cache_keep(cg_cache_t *cache, const uint64_t hash[2], const void *value,
                   apr_time_t now)
{
    put_at(cache, place_of_hash(cache, hash), value, now, cg_cache_mark(cache));
}

void cg_cache_put(cg_cache_t *cache, const void *key, size_t key_len,
                  const void *value, apr_time_t now)
{
    cg_cache_put_if(cache, key, key_len, value, now, cg_cache_mark(cache));
}

int64_t cg_cache_mark(cg_cache_t *cache)
{
    return cg_atomic_get(&cache->head->changes);
}

/* The counter moves first: a mark taken from now on belongs to a look-up that
 * began after the drop. */
static int64_t next_change(cg_cache_t *cache)
{
    return __atomic_add_fetch(&cache->head->changes, 1, __ATOMIC_ACQ_REL);
}

void cg_cache_drop(cg_cache_t *cache, const void *key, size_t key_len)
{
    place_t place = place_of(cache, key, key_len);
    raise_to(&place.set->dropped, next_change(cache));
}

void cg_cache_outdate(cg_cache_t *cache)
{
    raise_to(&cache->head->outdated, next_change(cache));
}
