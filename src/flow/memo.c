/* The memory of texts that were scanned: a text seen before costs a hash.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A value of the cache holds six findings. The further ones of a text stand
 * under hashes of their own, made from its hash; one of them missing, or not as
 * it should be, is as if nothing were known.
 */
#include "flow/memo.h"

#include <string.h>

#include "base/digest.h"

#define FINDINGS_A_PART 6
#define PARTS_MAX (CG_MEMO_FINDINGS_MAX / FINDINGS_A_PART)

/* An entry in use is written anew once in this time, so that it counts as young
 * when room is needed. */
#define YOUNG_FOR apr_time_from_sec(60)

struct cg_memo_t {
    cg_cache_t *cache;
    uint64_t secret[2];
};

typedef struct part_t {
    uint32_t text_len;
    uint16_t total; /* findings of the text */
    uint16_t part;
    cg_finding_t findings[FINDINGS_A_PART];
} part_t;

_Static_assert(sizeof(part_t) == 80, "an entry fills two lines of the cache");

size_t cg_memo_bytes(size_t entries)
{
    return cg_cache_bytes(entries, sizeof(part_t));
}

cg_memo_t *cg_memo_open(void *memory, size_t entries, const uint64_t secret[2],
                        apr_pool_t *pool)
{
    cg_memo_t *memo = apr_palloc(pool, sizeof *memo);
    memo->cache = cg_cache_attach(memory, entries, sizeof(part_t), pool);
    memo->secret[0] = secret[0];
    memo->secret[1] = secret[1];
    return memo;
}

cg_memo_key_t cg_memo_key(const cg_memo_t *memo, uint64_t version, uint64_t how,
                          cg_str_t name, cg_str_t text)
{
    cg_memo_key_t key;
    uint64_t of[4] = {version, how};
    cg_siphash(memo->secret, name.ptr, name.len, of + 2);
    cg_siphash(memo->secret, of, sizeof of, key.hash);
    cg_siphash(key.hash, text.ptr, text.len, key.hash);
    return key;
}

static cg_memo_key_t key_of_part(const cg_memo_key_t *key, size_t part)
{
    cg_memo_key_t of = *key;
    uint64_t number = part;
    if (part > 0) {
        cg_siphash(key->hash, &number, sizeof number, of.hash);
    }
    return of;
}

static size_t parts_for(size_t findings)
{
    return findings == 0 ? 1 : (findings - 1) / FINDINGS_A_PART + 1;
}

static size_t count_in(const part_t *part)
{
    size_t left = part->total - (size_t)part->part * FINDINGS_A_PART;
    return left < FINDINGS_A_PART ? left : FINDINGS_A_PART;
}

/* Does a character begin here, or the text end? */
static bool is_boundary(cg_str_t text, uint32_t at)
{
    return at == text.len || ((unsigned char)text.ptr[at] & 0xC0) != 0x80;
}

/* What the cache gives is believed only if it could be right. */
static bool is_sound(const cg_finding_t *finding, uint32_t after, cg_str_t text)
{
    return finding->start >= after && finding->end > finding->start &&
           finding->end <= text.len && finding->type < CG_TYPE_COUNT &&
           is_boundary(text, finding->start) && is_boundary(text, finding->end);
}

static void make_room(cg_findings_t *out, size_t count)
{
    if (out->cap < count) {
        out->items = apr_palloc(out->pool, count * sizeof *out->items);
        out->cap = count;
    }
    out->count = 0;
}

static bool take_part(const part_t *part, cg_str_t text, cg_findings_t *out)
{
    size_t count = count_in(part);
    uint32_t after = out->count ? out->items[out->count - 1].end : 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_sound(&part->findings[i], after, text)) {
            return false;
        }
        after = part->findings[i].end;
        out->items[out->count++] = part->findings[i];
    }
    return true;
}

static bool get_part(cg_memo_t *memo, const cg_memo_key_t *key, size_t number,
                     cg_str_t text, apr_time_t now, part_t *out)
{
    apr_time_t put_at;
    cg_memo_key_t of = key_of_part(key, number);
    if (!cg_cache_find(memo->cache, of.hash, out, &put_at) ||
        out->text_len != text.len || out->part != number ||
        out->total > CG_MEMO_FINDINGS_MAX) {
        return false;
    }
    if (now - put_at > YOUNG_FOR) {
        cg_cache_keep(memo->cache, of.hash, out, now);
    }
    return true;
}

bool cg_memo_get(cg_memo_t *memo, const cg_memo_key_t *key, cg_str_t text,
                 apr_time_t now, cg_findings_t *out)
{
    part_t part;
    out->count = 0;
    if (!get_part(memo, key, 0, text, now, &part)) {
        return false;
    }
    size_t total = part.total;
    make_room(out, total);
    bool is_good = take_part(&part, text, out);
    for (size_t i = 1; is_good && i < parts_for(total); i++) {
        is_good = get_part(memo, key, i, text, now, &part) &&
                  part.total == total && take_part(&part, text, out);
    }
    if (!is_good) {
        out->count = 0;
    }
    return is_good;
}

void cg_memo_put(cg_memo_t *memo, const cg_memo_key_t *key, cg_str_t text,
                 const cg_findings_t *findings, apr_time_t now)
{
    if (findings->count > CG_MEMO_FINDINGS_MAX || text.len > UINT32_MAX) {
        return;
    }
    for (size_t i = 0; i < parts_for(findings->count); i++) {
        part_t part = {.text_len = (uint32_t)text.len,
                       .total = (uint16_t)findings->count,
                       .part = (uint16_t)i};
        size_t count = count_in(&part);
        for (size_t k = 0; k < count; k++) {
            part.findings[k] = findings->items[i * FINDINGS_A_PART + k];
        }
        cg_memo_key_t of = key_of_part(key, i);
        cg_cache_keep(memo->cache, of.hash, &part, now);
    }
}
