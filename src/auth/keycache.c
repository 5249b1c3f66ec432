/* The keys that all children remember, packed into shared memory.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   head | limits, as many as there are | texts, each with its NUL
 */
#include "auth/keycache.h"

#include <string.h>

#include "auth/keyspell.h"

#define SMALL_BYTES 464 /* a slot of 512 with what the cache adds */
#define LARGE_SHARE 8

typedef enum kind_t { UNKNOWN, HERE, IN_LARGE } kind_t;

typedef struct head_t {
    uint8_t kind;
    uint8_t state;
    uint8_t limits_count;
    uint16_t texts_bytes;
    int64_t version;
    apr_time_t created_at;
    apr_time_t expires_at;
    apr_time_t previous_until;
    unsigned char digest[32];
    unsigned char previous_digest[32];
    cg_zone_span_t zone;
} head_t;

#define TEXT(member)                                                           \
    {                                                                          \
        offsetof(cg_key_t, member), sizeof(((cg_key_t *)0)->member)            \
    }
static const struct text_t {
    size_t offset;
    size_t bytes;
} texts[] = {TEXT(name),      TEXT(owner),         TEXT(user),
             TEXT(team),      TEXT(prefix),        TEXT(last4),
             TEXT(models),    TEXT(redact),        TEXT(tags),
             TEXT(hours),     TEXT(vhosts),        TEXT(addresses),
             TEXT(endpoints), TEXT(previous_last4)};
#undef TEXT
#define TEXTS (sizeof texts / sizeof texts[0])

/* The most a key can need: every text at its longest. */
typedef struct large_t {
    head_t head;
    cg_limit_t limits[CG_KEY_LIMITS_MAX];
    char texts[4 * 64 + 16 + 5 + 512 + 256 + 128 + 128 + 256 + 512 + 256 + 5];
} large_t;

/* lives in: the pool given to attach */
struct cg_keycache_t {
    cg_cache_t *small;
    cg_cache_t *large;
};

static size_t large_entries(size_t entries)
{
    return entries / LARGE_SHARE + 8;
}

size_t cg_keycache_bytes(size_t entries)
{
    return cg_cache_bytes(entries, SMALL_BYTES) +
           cg_cache_bytes(large_entries(entries), sizeof(large_t));
}

cg_keycache_t *cg_keycache_attach(void *memory, size_t entries,
                                  apr_pool_t *pool)
{
    cg_keycache_t *cache = apr_palloc(pool, sizeof *cache);
    unsigned char *large =
        (unsigned char *)memory + cg_cache_bytes(entries, SMALL_BYTES);
    cache->small = cg_cache_attach(memory, entries, SMALL_BYTES, pool);
    cache->large =
        cg_cache_attach(large, large_entries(entries), sizeof(large_t), pool);
    return cache;
}

/* ---- packing --------------------------------------------------------------- */

/* How many bytes of to are used; the rest of the first room bytes is zeroed. 0:
 * it needs more room. */
static size_t pack(const cg_key_t *key, unsigned char *to, size_t room)
{
    head_t head = {
        .kind = HERE,
        .state = key->state,
        .limits_count = key->limits_count,
        .version = key->version,
        .created_at = key->created_at,
        .expires_at = key->expires_at,
        .previous_until = key->previous_until,
        .zone = key->zone,
    };
    size_t limits = key->limits_count * sizeof key->limits[0];
    size_t at = sizeof head + limits;
    if (at > room) {
        return 0;
    }
    memcpy(head.digest, key->digest, sizeof head.digest);
    memcpy(head.previous_digest, key->previous_digest,
           sizeof head.previous_digest);
    memcpy(to + sizeof head, key->limits, limits);
    for (size_t i = 0; i < TEXTS; i++) {
        const char *text = (const char *)key + texts[i].offset;
        size_t len = strlen(text) + 1;
        if (len > room - at) {
            return 0;
        }
        memcpy(to + at, text, len);
        at += len;
    }
    head.texts_bytes = (uint16_t)(at - sizeof head - limits);
    memcpy(to, &head, sizeof head);
    memset(to + at, 0, room - at);
    return at;
}

/* What another process wrote is not trusted with lengths. */
static bool unpack(const unsigned char *from, size_t room, const char *id,
                   cg_key_t *out)
{
    head_t head;
    memcpy(&head, from, sizeof head);
    size_t limits = head.limits_count * sizeof out->limits[0];
    size_t at = sizeof head + limits;
    size_t end = at + head.texts_bytes;
    memset(out, 0, sizeof *out);
    if (head.limits_count > CG_KEY_LIMITS_MAX || end > room) {
        return false;
    }
    for (size_t i = 0; i < TEXTS; i++) {
        const unsigned char *nul = memchr(from + at, '\0', end - at);
        size_t len = nul ? (size_t)(nul - (from + at)) + 1 : 0;
        if (len == 0 || len > texts[i].bytes) {
            return false;
        }
        memcpy((char *)out + texts[i].offset, from + at, len);
        at += len;
    }
    memcpy(out->limits, from + sizeof head, limits);
    memcpy(out->id, id, CG_KEY_ID_LEN);
    memcpy(out->digest, head.digest, sizeof out->digest);
    memcpy(out->previous_digest, head.previous_digest,
           sizeof out->previous_digest);
    out->limits_count = head.limits_count;
    out->state = head.state;
    out->version = head.version;
    out->created_at = head.created_at;
    out->expires_at = head.expires_at;
    out->previous_until = head.previous_until;
    out->zone = head.zone;
    return true;
}

/* ---- the two caches --------------------------------------------------------- */

bool cg_keycache_get(cg_keycache_t *cache, const char *id, cg_key_t *out,
                     bool *out_is_known, apr_time_t *out_at)
{
    unsigned char small[SMALL_BYTES];
    unsigned char large[sizeof(large_t)];
    head_t head;
    if (!cg_cache_get(cache->small, id, CG_KEY_ID_LEN, small, out_at)) {
        return false;
    }
    memcpy(&head, small, sizeof head);
    *out_is_known = head.kind != UNKNOWN;
    if (head.kind == UNKNOWN) {
        memset(out, 0, sizeof *out);
        return true;
    }
    if (head.kind == HERE) {
        return unpack(small, sizeof small, id, out);
    }
    /* Of another version, or pushed out: as if it were not there. */
    return cg_cache_get(cache->large, id, CG_KEY_ID_LEN, large, NULL) &&
           unpack(large, sizeof large, id, out) && out->version == head.version;
}

cg_keycache_mark_t cg_keycache_mark(cg_keycache_t *cache)
{
    return (cg_keycache_mark_t){cg_cache_mark(cache->small),
                                cg_cache_mark(cache->large)};
}

void cg_keycache_put(cg_keycache_t *cache, const char *id, const cg_key_t *key,
                     apr_time_t now, cg_keycache_mark_t mark)
{
    unsigned char small[SMALL_BYTES] = {0};
    unsigned char large[sizeof(large_t)];
    if (key && !pack(key, small, sizeof small) &&
        pack(key, large, sizeof large)) {
        head_t head = {.kind = IN_LARGE, .version = key->version};
        memset(small, 0, sizeof small);
        memcpy(small, &head, sizeof head);
        cg_cache_put_if(cache->large, id, CG_KEY_ID_LEN, large, now,
                        mark.large);
    }
    cg_cache_put_if(cache->small, id, CG_KEY_ID_LEN, small, now, mark.small);
}

void cg_keycache_drop(cg_keycache_t *cache, const char *id)
{
    cg_cache_drop(cache->small, id, strlen(id));
    cg_cache_drop(cache->large, id, strlen(id));
}

void cg_keycache_outdate(cg_keycache_t *cache)
{
    cg_cache_outdate(cache->small);
}
