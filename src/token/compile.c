/* Makes the file of a vocabulary from the ranks that OpenAI publishes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Of each token it is worked out which two tokens it is merged from: the last
 * merge that byte-pair encoding makes of its bytes. As every token can be
 * reached by merges, these pairs are all there is to know about the ranks.
 */
#include "token/compile.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "token/compile_int.h"
#include "token/token_int.h"

#define FILTER_WORDS 32768 /* 256 KB */
#define CODE_POINT_BLOCK 256

typedef struct compiler_t {
    cg_ranks_t ranks;
    cg_trie_t trie;
    cg_vocabulary_t tables; /* pairs and filter, as they grow */
    uint64_t *pairs;
    uint64_t *filter;
    uint64_t *parts;
    uint32_t bytes[256];
    cg_token_header_t header;
    cg_buf_t *out;
    apr_pool_t *pool;
} compiler_t;

/* ---- pairs ------------------------------------------------------------ */

static void add_pair(compiler_t *compiler, uint32_t left, uint32_t right,
                     uint32_t token)
{
    uint64_t key = cg_pair_key(left, right);
    uint64_t hash = cg_pair_hash(key);
    uint64_t bit = hash >> compiler->tables.filter_shift;
    compiler->filter[bit / 64] |= UINT64_C(1) << (bit % 64);
    uint64_t at = hash >> compiler->tables.pairs_shift;
    uint64_t mask = (UINT64_C(1) << (64 - compiler->tables.pairs_shift)) - 1;
    while (compiler->pairs[at] != CG_PAIR_FREE) {
        at = (at + 1) & mask;
    }
    compiler->pairs[at] = key << CG_PART_BITS | token;
}

/* Merges the bytes of a token by the pairs of lower ranks; true when two parts
 * are left, which then are its halves. */
static bool halve(const compiler_t *compiler, cg_str_t text, uint32_t halves[2])
{
    uint32_t list[CG_TOKEN_BYTES_MAX];
    size_t count = text.len;
    for (size_t i = 0; i < count; i++) {
        list[i] = compiler->bytes[(unsigned char)text.ptr[i]];
    }
    while (count > 2) {
        uint32_t best = CG_TOKEN_NONE;
        size_t at = 0;
        for (size_t i = 0; i + 1 < count; i++) {
            uint32_t made =
                cg_pair_find(&compiler->tables, list[i], list[i + 1]);
            if (made < best) {
                best = made;
                at = i;
            }
        }
        if (best == CG_TOKEN_NONE) {
            return false;
        }
        list[at] = best;
        count--;
        memmove(&list[at + 1], &list[at + 2], (count - at - 1) * sizeof *list);
    }
    halves[0] = list[0];
    halves[1] = list[1];
    return true;
}

static uint64_t pack_part(size_t len, uint32_t left, uint32_t right,
                          uint32_t prefix)
{
    return (uint64_t)len | (uint64_t)left << 8 | (uint64_t)right << 26 |
           (uint64_t)prefix << 44;
}

/* The longest token that begins the text and is shorter than it. */
static uint32_t prefix_of(const compiler_t *compiler, cg_str_t text)
{
    uint32_t best = CG_PART_NONE;
    uint32_t at = CG_NODE_ROOT;
    for (size_t i = 0; i + 1 < text.len; i++) {
        at = cg_node_step(compiler->trie.nodes, at, (unsigned char)text.ptr[i]);
        if ((compiler->trie.nodes[at] & CG_NODE_END) != 0) {
            best = compiler->trie.ids[at];
        }
    }
    return best;
}

static bool make_pairs(compiler_t *compiler)
{
    const cg_ranks_t *ranks = &compiler->ranks;
    for (uint32_t i = 0; i < ranks->count; i++) {
        if (ranks->tokens[i].len == 1) {
            compiler->bytes[(unsigned char)ranks->tokens[i].ptr[0]] = i;
        }
    }
    for (uint32_t i = 0; i < ranks->count; i++) {
        cg_str_t text = ranks->tokens[i];
        uint32_t halves[2] = {i, i};
        if (text.len > 1) {
            if (!halve(compiler, text, halves)) {
                return false;
            }
            add_pair(compiler, halves[0], halves[1], i);
        }
        compiler->parts[i] = pack_part(text.len, halves[0], halves[1],
                                       prefix_of(compiler, text));
    }
    return true;
}

static uint64_t room_for(uint64_t count)
{
    uint64_t room = 64;
    while (room < count + count / 4) {
        room *= 2;
    }
    return room;
}

static int shift_of(uint64_t count)
{
    return 64 - __builtin_ctzll(count);
}

static uint64_t open_pairs(compiler_t *compiler)
{
    uint64_t room = room_for(compiler->ranks.count);
    compiler->pairs = apr_palloc(compiler->pool, room * sizeof(uint64_t));
    memset(compiler->pairs, 0xFF, room * sizeof(uint64_t));
    compiler->filter =
        apr_pcalloc(compiler->pool, FILTER_WORDS * sizeof(uint64_t));
    compiler->parts =
        apr_palloc(compiler->pool, compiler->ranks.count * sizeof(uint64_t));
    compiler->tables.pairs = compiler->pairs;
    compiler->tables.filter = compiler->filter;
    compiler->tables.pairs_shift = shift_of(room);
    compiler->tables.filter_shift = shift_of(FILTER_WORDS * 64);
    return room;
}

/* ---- writing ---------------------------------------------------------- */

static void write_section(compiler_t *compiler, cg_section_t which,
                          const void *elements, uint64_t count, size_t size)
{
    static const char zeros[CG_TOKEN_ALIGN] = {0};
    size_t over = compiler->out->len % CG_TOKEN_ALIGN;
    if (over > 0) {
        cg_buf_add(compiler->out, zeros, CG_TOKEN_ALIGN - over);
    }
    compiler->header.sections[which].offset = compiler->out->len;
    compiler->header.sections[which].count = count;
    cg_buf_add(compiler->out, elements, (size_t)count * size);
}

/* Blocks of 256 code points that are alike stand once. */
static void write_classes(compiler_t *compiler)
{
    uint8_t *all = apr_palloc(compiler->pool, CG_CODE_POINTS);
    uint8_t blocks[CG_CODE_POINTS / CODE_POINT_BLOCK];
    uint32_t different = 0;
    uint8_t *classes = apr_palloc(compiler->pool, CG_CODE_POINTS);
    cg_token_classes(all);
    for (uint32_t i = 0; i < sizeof blocks; i++) {
        const uint8_t *block = all + (size_t)i * CODE_POINT_BLOCK;
        uint32_t same = 0;
        while (same < different &&
               memcmp(classes + (size_t)same * CODE_POINT_BLOCK, block,
                      CODE_POINT_BLOCK) != 0) {
            same++;
        }
        if (same == different) {
            memcpy(classes + (size_t)same * CODE_POINT_BLOCK, block,
                   CODE_POINT_BLOCK);
            different++;
        }
        blocks[i] = (uint8_t)same;
    }
    write_section(compiler, CG_SECTION_BLOCKS, blocks, sizeof blocks, 1);
    write_section(compiler, CG_SECTION_CLASSES, classes,
                  (uint64_t)different * CODE_POINT_BLOCK, 1);
}

/* Places in whole buckets, a third of them free: few run over. */
static uint64_t buckets_for(uint64_t count)
{
    return (count + count / 2 + CG_BUCKET) / CG_BUCKET * CG_BUCKET;
}

static uint64_t count_within(const cg_ranks_t *ranks, size_t least, size_t most)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < ranks->count; i++) {
        size_t len = ranks->tokens[i].len;
        count += len >= least && len <= most;
    }
    return count;
}

/* The first free place of the bucket that the hash says, or of one behind it. words:
 * of a key; the last of them is never 0. */
static uint64_t free_place(const uint64_t *keys, uint64_t room, uint64_t bucket,
                           size_t words)
{
    for (;;) {
        const uint64_t *last = keys + (bucket * words + words - 1) * CG_BUCKET;
        for (uint64_t i = 0; i < CG_BUCKET; i++) {
            if (last[i] == 0) {
                return bucket * CG_BUCKET + i;
            }
        }
        bucket = bucket + 1 < room / CG_BUCKET ? bucket + 1 : 0;
    }
}

/* Those that are met most, which have the lowest ranks, stand first. */
static void write_short(compiler_t *compiler)
{
    const cg_ranks_t *ranks = &compiler->ranks;
    uint64_t room = buckets_for(count_within(ranks, 1, CG_SHORT_MAX));
    uint64_t *keys = apr_pcalloc(compiler->pool, room * sizeof *keys);
    uint32_t *ids = apr_pcalloc(compiler->pool, room * sizeof *ids);
    uint32_t buckets = (uint32_t)room / CG_BUCKET;
    for (uint32_t i = 0; i < ranks->count; i++) {
        cg_str_t text = ranks->tokens[i];
        if (text.len > CG_SHORT_MAX) {
            continue;
        }
        uint64_t key = 0;
        memcpy(&key, text.ptr, text.len);
        key |= (uint64_t)text.len << 56;
        uint64_t at = free_place(keys, room,
                                 cg_bucket_of(cg_short_hash(key), buckets), 1);
        keys[at] = key;
        ids[at] = i;
    }
    write_section(compiler, CG_SECTION_SHORT_KEYS, keys, room, sizeof *keys);
    write_section(compiler, CG_SECTION_SHORT_IDS, ids, room, sizeof *ids);
}

static void write_medium(compiler_t *compiler)
{
    const cg_ranks_t *ranks = &compiler->ranks;
    uint64_t room =
        buckets_for(count_within(ranks, CG_SHORT_MAX + 1, CG_MEDIUM_MAX));
    uint64_t *keys = apr_pcalloc(compiler->pool, 2 * room * sizeof *keys);
    uint32_t *ids = apr_pcalloc(compiler->pool, room * sizeof *ids);
    uint32_t buckets = (uint32_t)room / CG_BUCKET;
    for (uint32_t i = 0; i < ranks->count; i++) {
        cg_str_t text = ranks->tokens[i];
        if (text.len <= CG_SHORT_MAX || text.len > CG_MEDIUM_MAX) {
            continue;
        }
        uint64_t key[2] = {0, 0};
        memcpy(key, text.ptr, text.len);
        key[1] |= (uint64_t)text.len << 56;
        uint64_t at = free_place(
            keys, room, cg_bucket_of(cg_medium_hash(key[0], key[1]), buckets),
            2);
        uint64_t first = at / CG_BUCKET * 2 * CG_BUCKET + at % CG_BUCKET;
        keys[first] = key[0];
        keys[first + CG_BUCKET] = key[1];
        ids[at] = i;
    }
    write_section(compiler, CG_SECTION_MEDIUM_KEYS, keys, 2 * room,
                  sizeof *keys);
    write_section(compiler, CG_SECTION_MEDIUM_IDS, ids, room, sizeof *ids);
}

/* ---- characters of three bytes ---------------------------------------- */

static uint32_t step_over(const compiler_t *compiler, uint32_t node,
                          uint32_t code_point, uint32_t *id, uint32_t *len)
{
    const cg_trie_t *trie = &compiler->trie;
    char bytes[4];
    uint32_t before = *len;
    (void)cg_utf8_encode(code_point, bytes);
    for (uint32_t i = 0; i < 3; i++) {
        node = cg_node_step(trie->nodes, node, (unsigned char)bytes[i]);
        if (node == 0) {
            return 0;
        }
        if ((trie->nodes[node] & CG_NODE_END) != 0) {
            *id = trie->ids[node];
            *len = before + i + 1;
        }
    }
    return node;
}

/* The code point of three bytes, or 0. */
static uint32_t wide_at(cg_str_t text, size_t at)
{
    const unsigned char *p = (const unsigned char *)text.ptr + at;
    if (text.len < at + 3 || (p[0] & 0xF0) != 0xE0 || (p[1] & 0xC0) != 0x80 ||
        (p[2] & 0xC0) != 0x80) {
        return 0;
    }
    uint32_t code_point =
        (p[0] & 0xFu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    return code_point >= CG_WIDE_FIRST ? code_point : 0;
}

/* Is there a token of one such character and a part of another? */
static bool is_torn(cg_str_t text)
{
    bool has_more = text.len == 4 || text.len == 5;
    return has_more && ((unsigned char)text.ptr[3] & 0xF0) == 0xE0;
}

static void add_twin(compiler_t *compiler, cg_twin_t *twins, uint32_t room,
                     const uint32_t cps[2], const cg_wide_t *first)
{
    uint32_t key = cg_twin_key(cps[0], cps[1]);
    uint32_t at = cg_twin_hash(key) >> (32 - __builtin_ctz(room));
    while (twins[at].key != 0 && twins[at].key != key) {
        at = (at + 1) & (room - 1);
    }
    if (twins[at].key == key) {
        return;
    }
    cg_twin_t twin = {.key = key, .id = first->id, .len = 3};
    uint32_t len = 3;
    twin.node = step_over(compiler, first->node, cps[1], &twin.id, &len);
    twin.len = len > 3 ? len : first->len;
    uint32_t base = compiler->trie.nodes[twin.node] >> CG_NODE_BASE_SHIFT;
    bool is_leaf = base + 256 == compiler->trie.count;
    twin.node = is_leaf ? 0 : twin.node;
    twins[at] = twin;
}

static uint64_t count_twins(const cg_ranks_t *ranks)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < ranks->count; i++) {
        count += wide_at(ranks->tokens[i], 0) != 0 &&
                 wide_at(ranks->tokens[i], 3) != 0;
    }
    return count;
}

static void write_wide(compiler_t *compiler)
{
    const cg_ranks_t *ranks = &compiler->ranks;
    cg_wide_t *wide = apr_pcalloc(compiler->pool, CG_WIDE_COUNT * sizeof *wide);
    uint32_t room = (uint32_t)room_for(count_twins(ranks));
    cg_twin_t *twins = apr_pcalloc(compiler->pool, room * sizeof *twins);
    for (uint32_t i = 0; i < CG_WIDE_COUNT; i++) {
        uint32_t len = 0;
        wide[i].node = step_over(compiler, CG_NODE_ROOT, CG_WIDE_FIRST + i,
                                 &wide[i].id, &len);
        wide[i].len = (uint16_t)len;
    }
    uint32_t used = 0;
    for (uint32_t i = 0; i < ranks->count; i++) {
        uint32_t cps[2] = {wide_at(ranks->tokens[i], 0),
                           wide_at(ranks->tokens[i], 3)};
        if (cps[0] == 0) {
            continue;
        }
        cg_wide_t *first = &wide[cps[0] - CG_WIDE_FIRST];
        first->is_torn |= is_torn(ranks->tokens[i]);
        if (cps[1] != 0) {
            first->next |= 1u << (cps[1] & 31);
            add_twin(compiler, twins, room, cps, first);
            used++;
        }
    }
    write_section(compiler, CG_SECTION_WIDE, wide, CG_WIDE_COUNT, sizeof *wide);
    write_section(compiler, CG_SECTION_TWINS, twins, room, sizeof *twins);
    if (getenv("SHOW")) {
        uint32_t torn = 0;
        for (uint32_t i = 0; i < CG_WIDE_COUNT; i++)
            torn += wide[i].is_torn;
        fprintf(stderr, "twins %u room %u torn %u\n", used, room, torn);
    }
}

/* ---- signs ------------------------------------------------------------ */

static void write_signs(compiler_t *compiler)
{
    uint32_t count = compiler->ranks.count;
    const uint64_t *parts = compiler->parts;
    uint64_t *merges = apr_pcalloc(compiler->pool, count * sizeof *merges);
    cg_sign_t *signs = apr_pcalloc(compiler->pool, count * sizeof *signs);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t left = cg_part_left(parts[i]);
        if (left != i) {
            merges[left] |= cg_sign_bit(cg_part_right(parts[i]));
        }
    }
    for (uint32_t i = 0; i < count; i++) { /* halves have lower ranks */
        uint32_t left = cg_part_left(parts[i]);
        uint32_t right = cg_part_right(parts[i]);
        signs[i].left = cg_sign_bit(i) | (left != i ? signs[left].left : 0);
        signs[i].right = merges[i] | (right != i ? signs[right].right : 0);
    }
    write_section(compiler, CG_SECTION_SIGNS, signs, count, sizeof *signs);
}

static void write_byte_pairs(compiler_t *compiler)
{
    uint32_t *made = apr_palloc(compiler->pool, 65536 * sizeof *made);
    for (uint32_t i = 0; i < 65536; i++) {
        made[i] = cg_pair_find(&compiler->tables, compiler->bytes[i >> 8],
                               compiler->bytes[i & 0xFF]);
    }
    write_section(compiler, CG_SECTION_BYTE_PAIRS, made, 65536, sizeof *made);
}

static void write_all(compiler_t *compiler, uint64_t pairs_room)
{
    cg_token_header_t *header = &compiler->header;
    size_t start = compiler->out->len;
    cg_buf_add(compiler->out, (const char *)header, sizeof *header);
    write_classes(compiler);
    write_section(compiler, CG_SECTION_BYTES, compiler->bytes, 256,
                  sizeof compiler->bytes[0]);
    write_short(compiler);
    write_medium(compiler);
    write_section(compiler, CG_SECTION_NODES, compiler->trie.nodes,
                  compiler->trie.count, sizeof(uint32_t));
    write_section(compiler, CG_SECTION_NODE_IDS, compiler->trie.ids,
                  compiler->trie.count, sizeof(uint32_t));
    write_wide(compiler);
    write_section(compiler, CG_SECTION_PARTS, compiler->parts,
                  compiler->ranks.count, sizeof(uint64_t));
    write_signs(compiler);
    write_section(compiler, CG_SECTION_FILTER, compiler->filter, FILTER_WORDS,
                  sizeof(uint64_t));
    write_section(compiler, CG_SECTION_PAIRS, compiler->pairs, pairs_room,
                  sizeof(uint64_t));
    write_byte_pairs(compiler);
    header->bytes = compiler->out->len - start;
    cg_sha256(compiler->out->ptr + start + sizeof *header,
              header->bytes - sizeof *header, header->body);
    memcpy(compiler->out->ptr + start, header, sizeof *header);
}

static bool are_published(const compiler_t *compiler, cg_encoding_t encoding)
{
    char digest[2 * CG_SHA256_BYTES + 1];
    cg_hex_encode(compiler->ranks.digest, CG_SHA256_BYTES, digest);
    return strcmp(digest, cg_encodings[encoding].sha256) == 0;
}

static void begin_header(compiler_t *compiler, cg_encoding_t encoding)
{
    cg_token_header_t *header = &compiler->header;
    memcpy(header->magic, CG_TOKEN_MAGIC, sizeof CG_TOKEN_MAGIC);
    memcpy(header->source, compiler->ranks.digest, CG_SHA256_BYTES);
    header->version = CG_TOKEN_VERSION;
    header->kind = encoding;
    header->tokens = compiler->ranks.count;
}

apr_status_t cg_vocabulary_compile(cg_encoding_t encoding, cg_str_t json,
                                   cg_buf_t *out, cg_error_t *err,
                                   apr_pool_t *pool)
{
    const cg_encoding_row_t *row = &cg_encodings[encoding];
    compiler_t compiler = {.out = out, .pool = pool};
    if (!cg_ranks_read(json, row->tokens, &compiler.ranks, err, pool)) {
        return APR_EGENERAL;
    }
    if (!are_published(&compiler, encoding)) {
        cg_error_set(err, "its ranks of %s are not those that OpenAI publishes",
                     row->name);
        return APR_EGENERAL;
    }
    begin_header(&compiler, encoding);
    uint64_t room = open_pairs(&compiler);
    cg_trie_build(&compiler.ranks, &compiler.trie, pool);
    if (!make_pairs(&compiler)) {
        cg_error_set(err, "a token of %s cannot be reached by merges",
                     row->name);
        return APR_EGENERAL;
    }
    write_all(&compiler, room);
    return APR_SUCCESS;
}
