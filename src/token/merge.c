/* Byte-pair encoding of one piece, exactly and in linear time.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Merging pairs by rank is one way to find the encoding of a text; here it is
 * known by what it is: the only row of tokens in which each two neighbours are
 * left as they are when merged alone (the idea of github/rust-gems, bpe). So the
 * longest token that fits is put down, checked against the one before it, and
 * taken back for a shorter one where it does not go on:
 *
 *   reach   tokens so far end here; positions found to be dead ends are marked
 *   fit     a token is tried once at a position, longest first
 *
 * Only the last tokens are kept, as far as is ever taken back. When too many have
 * been tried the piece is merged after all (heap.h). Should even that not go, it is
 * found by trying all tokens at all positions: every beginning of the text has one
 * last token, and it is enough to know those of the last 128.
 */
#include "token/merge.h"

#include "token/heap.h"

/* ---- do two tokens stand beside each other? --------------------------- */

/* Undoes the merges of both from the later to the earlier; if on the way two
 * neighbours would have merged across the border, they do not stay apart. */
static bool are_apart(const cg_vocabulary_t *vocabulary, uint32_t left,
                      uint32_t right)
{
    const uint64_t *parts = vocabulary->parts;
    uint32_t limit = UINT32_MAX;
    for (;;) {
        if (cg_pair_find(vocabulary, left, right) < limit) {
            return false;
        }
        uint32_t half;
        if (left > right) {
            limit = left;
            half = cg_part_right(parts[left]);
            if (half != left) {
                left = half;
                continue;
            }
            limit = right + 1;
            half = cg_part_left(parts[right]);
            if (half == right) {
                return true;
            }
            right = half;
        }
        else {
            limit = right + 1;
            half = cg_part_left(parts[right]);
            if (half != right) {
                right = half;
                continue;
            }
            limit = left;
            half = cg_part_right(parts[left]);
            if (half == left) {
                return true;
            }
            left = half;
        }
    }
}

/* ---- the longest token ------------------------------------------------ */

typedef struct match_t {
    uint32_t id;
    uint32_t len;
} match_t;

/* The code point of three bytes at p, or 0. */
static inline uint32_t wide_at(const char *p, const char *end)
{
    if (end - p < 3) {
        return 0;
    }
    uint32_t first = (unsigned char)p[0];
    uint32_t second = (unsigned char)p[1];
    uint32_t third = (unsigned char)p[2];
    bool is_wide = (first & 0xF0) == 0xE0 && (second & 0xC0) == 0x80 &&
                   (third & 0xC0) == 0x80;
    uint32_t code_point =
        (first & 0xF) << 12 | (second & 0x3F) << 6 | (third & 0x3F);
    return is_wide && code_point >= CG_WIDE_FIRST ? code_point : 0;
}

/* Goes on from a node that stands len bytes behind start. */
static inline match_t walk(const cg_vocabulary_t *vocabulary, uint32_t node,
                           const char *start, uint32_t len, const char *end,
                           match_t best)
{
    const uint32_t *nodes = vocabulary->nodes;
    const char *p = start + len;
    uint32_t found = 0;
    while (node != 0 && p < end) {
        node = cg_node_step(nodes, node, (unsigned char)*p++);
        if ((nodes[node] & CG_NODE_END) != 0) {
            found = node;
            best.len = (uint32_t)(p - start);
        }
    }
    if (found != 0) {
        best.id = vocabulary->node_ids[found];
    }
    return best;
}

static inline match_t wide_match(const cg_vocabulary_t *vocabulary,
                                 uint32_t code_point, const char *p,
                                 const char *end)
{
    const cg_wide_t *wide = &vocabulary->wide[code_point - CG_WIDE_FIRST];
    match_t best = {wide->id, wide->len};
    uint32_t second = wide->is_torn ? 0 : wide_at(p + 3, end);
    if (second == 0) {
        return walk(vocabulary, wide->node, p, 3, end, best);
    }
    if ((wide->next >> (second & 31) & 1) == 0) {
        return best;
    }
    uint32_t key = cg_twin_key(code_point, second);
    uint32_t mask = (1u << (32 - vocabulary->twins_shift)) - 1;
    uint32_t at = cg_twin_hash(key) >> vocabulary->twins_shift;
    const cg_twin_t *twins = vocabulary->twins;
    while (twins[at].key != key) {
        if (twins[at].key == 0) {
            return best;
        }
        at = (at + 1) & mask;
    }
    best = (match_t){twins[at].id, twins[at].len};
    return twins[at].node == 0
               ? best
               : walk(vocabulary, twins[at].node, p, 6, end, best);
}

static inline match_t longest(const cg_vocabulary_t *vocabulary, const char *p,
                              const char *end)
{
    uint32_t code_point = wide_at(p, end);
    if (code_point != 0) {
        return wide_match(vocabulary, code_point, p, end);
    }
    unsigned char first = (unsigned char)*p;
    match_t best = {vocabulary->bytes[first], 1};
    uint32_t node = cg_node_step(vocabulary->nodes, CG_NODE_ROOT, first);
    return walk(vocabulary, node, p, 1, end, best);
}

/* ---- by trying and taking back ---------------------------------------- */

#define TRIES_PER_BYTE 2
#define TRIES_FREE 64
#define KEPT 512 /* tokens that may be taken back */
#define WORD_BITS 64
#define DEAD_WORDS (2 * KEPT * CG_TOKEN_BYTES_MAX / WORD_BITS)

/* lives in: the stack, for one piece */
typedef struct search_t {
    const cg_vocabulary_t *vocabulary;
    uint32_t *row; /* of tokens */
    size_t mask;   /* of an index into it */
    size_t count;
    size_t kept;               /* of them can be taken back */
    size_t tries;              /* that are left */
    size_t clean;              /* positions before it have their bit in dead */
    uint64_t dead[DEAD_WORDS]; /* a bit for each position, going around */
} search_t;

/* Bits that are met for the first time are cleared: they are those of positions
 * from which the row has long gone on. */
static inline bool is_dead(search_t *search, size_t at)
{
    while (at >= search->clean) {
        search->dead[search->clean / WORD_BITS % DEAD_WORDS] = 0;
        search->clean += WORD_BITS;
    }
    return (search->dead[at / WORD_BITS % DEAD_WORDS] >> (at % WORD_BITS) &
            1) != 0;
}

static void put_down(search_t *search, uint32_t token)
{
    search->row[search->count & search->mask] = token;
    search->count++;
    search->kept += search->kept < KEPT;
}

/* The position *at is a dead end: the token before it is taken back, and is the
 * one to find a shorter for. False: it is not kept any more. */
static bool take_back(search_t *search, size_t *at, uint32_t *out_token)
{
    if (search->kept == 0) {
        return false;
    }
    search->dead[*at / WORD_BITS % DEAD_WORDS] |= UINT64_C(1)
                                                  << (*at % WORD_BITS);
    search->count--;
    *out_token = search->row[search->count & search->mask];
    search->kept--;
    *at -= cg_part_len(search->vocabulary->parts[*out_token]);
    return true;
}

static inline bool fits(search_t *search, uint32_t token, size_t reach,
                        bool is_ascii)
{
    if (is_dead(search, reach)) {
        return false;
    }
    if (search->count == 0) {
        return true;
    }
    const cg_vocabulary_t *vocabulary = search->vocabulary;
    uint32_t last = search->row[(search->count - 1) & search->mask];
    if (!is_ascii &&
        (vocabulary->signs[last].right & vocabulary->signs[token].left) == 0) {
        return true;
    }
    return are_apart(vocabulary, last, token);
}

/* False: it was given up. */
static bool find_row(search_t *search, const char *piece, size_t len)
{
    const cg_vocabulary_t *vocabulary = search->vocabulary;
    const char *end = piece + len;
    size_t at = 0;
    match_t next = longest(vocabulary, piece, end);
    while (search->tries > 0) {
        size_t reach = at + next.len;
        if (fits(search, next.id, reach, (signed char)piece[at] >= 0)) {
            put_down(search, next.id);
            if (reach == len) {
                return true;
            }
            at = reach;
            next = longest(vocabulary, piece + at, end);
            continue;
        }
        search->tries--;
        next.id = cg_part_prefix(vocabulary->parts[next.id]);
        if (next.id == CG_PART_NONE && !take_back(search, &at, &next.id)) {
            return false;
        }
        next.len = cg_part_len(vocabulary->parts[next.id]);
    }
    return false;
}

/* ---- by trying all ---------------------------------------------------- */

#define STATES 256 /* more than the longest token has bytes */

/* lives in: the stack; the beginnings of a piece that end at the last positions */
typedef struct states_t {
    uint32_t
        last[STATES]; /* the last token of each; CG_TOKEN_NONE: not yet known */
    size_t count[STATES];
} states_t;

static void go_on(const cg_vocabulary_t *vocabulary, states_t *states,
                  const char *piece, size_t len, size_t at)
{
    uint32_t last = states->last[at % STATES];
    uint32_t node = CG_NODE_ROOT;
    for (size_t stop = at; stop < len;) {
        node =
            cg_node_step(vocabulary->nodes, node, (unsigned char)piece[stop++]);
        if (node == 0) {
            return;
        }
        if ((vocabulary->nodes[node] & CG_NODE_END) == 0 ||
            states->last[stop % STATES] != CG_TOKEN_NONE) {
            continue;
        }
        uint32_t token = vocabulary->node_ids[node];
        if (at == 0 || are_apart(vocabulary, last, token)) {
            states->last[stop % STATES] = token;
            states->count[stop % STATES] = states->count[at % STATES] + 1;
        }
    }
}

/* ids hold the last token of each beginning: the row is read from its end. */
static void gather(const cg_vocabulary_t *vocabulary, uint32_t *ids, size_t len,
                   size_t count)
{
    size_t to = len;
    for (size_t at = len; at > 0;) {
        uint32_t token = ids[at - 1];
        at -= cg_part_len(vocabulary->parts[token]);
        ids[--to] = token;
    }
    memmove(ids, ids + to, count * sizeof *ids);
}

size_t cg_token_merge_slowly(const cg_vocabulary_t *vocabulary,
                             const char *piece, size_t len, uint32_t *ids)
{
    states_t states;
    memset(states.last, 0xFF, sizeof states.last);
    states.count[0] = 0;
    for (size_t at = 0; at < len; at++) {
        states.last[(at + CG_TOKEN_BYTES_MAX) % STATES] = CG_TOKEN_NONE;
        go_on(vocabulary, &states, piece, len, at);
        if (ids) {
            ids[at] = states.last[(at + 1) % STATES];
        }
    }
    if (ids) {
        gather(vocabulary, ids, len, states.count[len % STATES]);
    }
    return states.count[len % STATES];
}

/* ---- by merging ------------------------------------------------------- */

#define FEW 15 /* bytes for which it is the quickest */
#define FEW_BITS 4
#define FEW_NONE (CG_TOKEN_NONE >> FEW_BITS)

/* A pair is merged: what stands behind it moves up, and it has new neighbours. */
static size_t merge_at(const cg_vocabulary_t *vocabulary, uint32_t *row,
                       uint32_t *made, size_t count, size_t at)
{
    row[at] = made[at];
    for (size_t i = at + 1; i + 1 < count; i++) {
        row[i] = row[i + 1];
        made[i - 1] = made[i];
    }
    count--;
    if (at + 1 < count) {
        made[at] = cg_pair_find(vocabulary, row[at], row[at + 1]) & FEW_NONE;
    }
    if (at > 0) {
        made[at - 1] =
            cg_pair_find(vocabulary, row[at - 1], row[at]) & FEW_NONE;
    }
    return count;
}

/* As tiktoken does it: the pair of the lowest rank first. */
static size_t merge_few(const cg_vocabulary_t *vocabulary, const char *piece,
                        size_t len, uint32_t *ids)
{
    uint32_t own[FEW];
    uint32_t made[FEW]; /* by each token and the one behind it */
    uint32_t *row = ids ? ids : own;
    const unsigned char *bytes = (const unsigned char *)piece;
    size_t count = len;
    row[0] = vocabulary->bytes[bytes[0]];
    for (size_t i = 1; i < len; i++) {
        row[i] = vocabulary->bytes[bytes[i]];
        made[i - 1] =
            vocabulary->byte_pairs[bytes[i - 1] << 8 | bytes[i]] & FEW_NONE;
    }
    while (count > 1) {
        uint32_t best = CG_TOKEN_NONE; /* a rank and a place, as one number */
        for (uint32_t i = 0; i + 1 < count; i++) {
            uint32_t next = made[i] << FEW_BITS | i;
            best = next < best ? next : best;
        }
        if (best >> FEW_BITS == FEW_NONE) {
            return count;
        }
        count = merge_at(vocabulary, row, made, count,
                         best & ((1u << FEW_BITS) - 1));
    }
    return count;
}

/* ---- all of them ------------------------------------------------------ */

/* Not in line with the short way: what it keeps on the stack would be in its way. */
static __attribute__((noinline)) size_t
merge_many(const cg_vocabulary_t *vocabulary, const char *piece, size_t len,
           uint32_t *ids)
{
    uint32_t row[KEPT];
    search_t search;
    search.vocabulary = vocabulary;
    search.row = ids ? ids : row;
    search.mask = ids ? SIZE_MAX : KEPT - 1;
    search.count = 0;
    search.kept = 0;
    search.tries = TRIES_FREE + TRIES_PER_BYTE * len;
    search.clean = 0;
    if (find_row(&search, piece, len)) {
        return search.count;
    }
    size_t count = cg_token_merge_windows(vocabulary, piece, len, ids);
    return count != SIZE_MAX
               ? count
               : cg_token_merge_slowly(vocabulary, piece, len, ids);
}

size_t cg_token_merge(const cg_vocabulary_t *vocabulary, const char *piece,
                      size_t len, uint32_t *ids)
{
    if (len == 0) {
        return 0;
    }
    bool is_few = len <= FEW && (signed char)*piece >= 0;
    return is_few ? merge_few(vocabulary, piece, len, ids)
                  : merge_many(vocabulary, piece, len, ids);
}
