/* The file of a vocabulary as it lies in memory, and the questions that are asked
 * of it for every piece of text. Only the files of this room include it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All numbers are little-endian and aligned to their size. The file is mapped, so
 * what is here is read by every process of the server from the same pages.
 *
 *   blocks, classes   the class of each code point, in two steps
 *   short, medium     tokens of up to 7 and up to 15 bytes by their bytes
 *   nodes, node_ids   all tokens as a double-array trie
 *   wide, twins       where in it characters of three bytes lead, one and two
 *   parts             of each token: its two halves, its next shorter prefix
 *   signs             of each token: which tokens may merge with its ends
 *   filter, pairs     two tokens that make a longer one
 *   byte_pairs        the same for two bytes, by themselves
 */
#ifndef CG_TOKEN_INT_H
#define CG_TOKEN_INT_H

#include <string.h>

#include "token/classes.h"
#include "token/vocabulary.h"

#define CG_TOKEN_MAGIC "CGTOKEN"
#define CG_TOKEN_VERSION 1
#define CG_TOKEN_ALIGN 64
#define CG_TOKEN_BYTES_MAX 128 /* the longest token of all */

typedef enum cg_section_t {
    CG_SECTION_BLOCKS,
    CG_SECTION_CLASSES,
    CG_SECTION_BYTES,
    CG_SECTION_SHORT_KEYS,
    CG_SECTION_SHORT_IDS,
    CG_SECTION_MEDIUM_KEYS,
    CG_SECTION_MEDIUM_IDS,
    CG_SECTION_NODES,
    CG_SECTION_NODE_IDS,
    CG_SECTION_WIDE,
    CG_SECTION_TWINS,
    CG_SECTION_PARTS,
    CG_SECTION_SIGNS,
    CG_SECTION_FILTER,
    CG_SECTION_PAIRS,
    CG_SECTION_BYTE_PAIRS,
    CG_SECTION_COUNT
} cg_section_t;

typedef struct cg_token_header_t {
    char magic[8];
    uint32_t version;
    uint32_t kind;
    uint32_t tokens;
    uint32_t is_big_endian;   /* 0 */
    uint64_t bytes;           /* of the whole file */
    unsigned char source[32]; /* SHA-256 of the ranks, as OpenAI publishes it */
    unsigned char body[32];   /* SHA-256 of what follows the header */
    struct {
        uint64_t offset;
        uint64_t count; /* elements */
    } sections[CG_SECTION_COUNT];
} cg_token_header_t;

/* What a character of three bytes leads to in the trie, by its code point. */
#define CG_WIDE_FIRST 0x800
#define CG_WIDE_COUNT (0x10000 - CG_WIDE_FIRST)
typedef struct cg_wide_t {
    uint32_t node; /* 0: no token goes on behind it */
    uint32_t id;   /* the longest token within it; always one: a byte is */
    uint32_t next; /* bit by the low bits of the characters that may follow */
    uint16_t len;  /* of id */
    uint16_t is_torn; /* some token ends within the character behind it */
} cg_wide_t;

/* Two such characters of which some token begins, found by both. */
typedef struct cg_twin_t {
    uint32_t key;  /* 0: free */
    uint32_t node; /* 0: no token goes on behind them */
    uint32_t id;   /* the longest token within them ... */
    uint32_t len;  /* ... and its length */
} cg_twin_t;

static inline uint32_t cg_twin_key(uint32_t first, uint32_t second)
{
    return first << 16 | second;
}

static inline uint32_t cg_twin_hash(uint32_t key)
{
    return (key ^ key >> 15) * 0x9E3779B1u;
}

/* Which tokens may merge with the end of a token, and with which its beginning may:
 * a bit each, by a hash of the one that follows. Two tokens of which one's right
 * and the other's left have no bit in common stay apart. */
typedef struct cg_sign_t {
    uint64_t left;
    uint64_t right;
} cg_sign_t;

static inline uint64_t cg_sign_bit(uint32_t token)
{
    return UINT64_C(1) << (token * UINT64_C(0x9E3779B97F4A7C15) >> 58);
}

/* lives in: the pool given to cg_vocabulary_open · const afterwards */
struct cg_vocabulary_t {
    cg_encoding_t kind;
    uint32_t tokens;
    const uint8_t *blocks;
    const uint8_t *classes;
    const uint32_t *bytes; /* the token of each byte */
    const uint64_t *short_keys;
    const uint32_t *short_ids;
    const uint64_t *medium_keys;
    const uint32_t *medium_ids;
    const uint32_t *nodes;
    const uint32_t *node_ids;
    const cg_wide_t *wide;
    const cg_twin_t *twins;
    const uint64_t *parts;
    const cg_sign_t *signs;
    const uint64_t *filter;
    const uint64_t *pairs;
    const uint32_t *byte_pairs; /* CG_TOKEN_NONE: they make none */
    uint32_t nodes_count;
    uint32_t short_buckets;
    uint32_t medium_buckets;
    int filter_shift;
    int pairs_shift;
    int twins_shift; /* of 32 bits */
    const cg_token_header_t *header;
};

/* ---- tokens by their bytes -------------------------------------------- */

/* Keys stand in buckets of four, in the order in which they came; what has no room
 * goes on to the next bucket. A key is the bytes and, in its last byte, their
 * number; those of medium tokens are two words, all the first before all the
 * second. 0: no key. */
#define CG_BUCKET 4
#define CG_SHORT_MAX 7
#define CG_MEDIUM_MAX 15
#define CG_TOKEN_NONE UINT32_MAX

#define CG_MIX_A UINT64_C(0x9E3779B97F4A7C15)
#define CG_MIX_B UINT64_C(0xC2B2AE3D27D4EB4F)

/* A bucket of as many as there are, by a hash. */
static inline uint32_t cg_bucket_of(uint64_t hash, uint32_t buckets)
{
    return (uint32_t)((hash >> 32) * buckets >> 32);
}

static inline uint64_t cg_load64(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* The first len (0 to 7) bytes of a word. */
static inline uint64_t cg_keep_bytes(uint64_t word, size_t len)
{
    return word & ((UINT64_C(1) << (8 * len)) - 1);
}

static inline uint64_t cg_short_hash(uint64_t key)
{
    return (key ^ key >> 29) * CG_MIX_A;
}

static inline uint64_t cg_medium_hash(uint64_t low, uint64_t high)
{
    uint64_t hash = low * CG_MIX_A ^ (high ^ high >> 31) * CG_MIX_B;
    return (hash ^ hash >> 32) * CG_MIX_A;
}

/* ---- the trie --------------------------------------------------------- */

/* A node: the label by which it is reached, whether a token ends there, and its
 * base: the children stand at base + byte. No two nodes have the same base, so
 * the label alone tells whose child a node is. */
#define CG_NODE_ROOT 0
#define CG_NODE_LABEL 0x1FFu
#define CG_NODE_FREE 0x1FFu /* the label of what is no node */
#define CG_NODE_END 0x200u
#define CG_NODE_BASE_SHIFT 10

static inline uint32_t cg_node_step(const uint32_t *nodes, uint32_t at,
                                    unsigned char byte)
{
    uint32_t next = (nodes[at] >> CG_NODE_BASE_SHIFT) + byte;
    return (nodes[next] & CG_NODE_LABEL) == byte ? next : 0;
}

/* ---- the parts of a token --------------------------------------------- */

/* len 8 bits, then left, right and prefix of 18 bits each. A byte is its own left
 * and right; CG_PART_NONE: no shorter token is a prefix of it. */
#define CG_PART_BITS 18
#define CG_PART_NONE ((1u << CG_PART_BITS) - 1)

static inline uint32_t cg_part_len(uint64_t part)
{
    return (uint32_t)(part & 0xFF);
}

static inline uint32_t cg_part_left(uint64_t part)
{
    return (uint32_t)(part >> 8) & CG_PART_NONE;
}

static inline uint32_t cg_part_right(uint64_t part)
{
    return (uint32_t)(part >> 26) & CG_PART_NONE;
}

static inline uint32_t cg_part_prefix(uint64_t part)
{
    return (uint32_t)(part >> 44) & CG_PART_NONE;
}

/* ---- pairs ------------------------------------------------------------ */

#define CG_PAIR_FREE UINT64_MAX

static inline uint64_t cg_pair_key(uint32_t left, uint32_t right)
{
    return (uint64_t)left << CG_PART_BITS | right;
}

static inline uint64_t cg_pair_hash(uint64_t key)
{
    return (key ^ key >> 17) * CG_MIX_A;
}

/* The token that two tokens make, or CG_TOKEN_NONE. */
static inline uint32_t cg_pair_find(const cg_vocabulary_t *vocabulary,
                                    uint32_t left, uint32_t right)
{
    uint64_t key = cg_pair_key(left, right);
    uint64_t hash = cg_pair_hash(key);
    uint64_t bit = hash >> vocabulary->filter_shift;
    if ((vocabulary->filter[bit / 64] >> (bit % 64) & 1) == 0) {
        return CG_TOKEN_NONE;
    }
    uint64_t mask = (UINT64_C(1) << (64 - vocabulary->pairs_shift)) - 1;
    uint64_t at = hash >> vocabulary->pairs_shift;
    while (vocabulary->pairs[at] != CG_PAIR_FREE) {
        if (vocabulary->pairs[at] >> CG_PART_BITS == key) {
            return (uint32_t)vocabulary->pairs[at] & CG_PART_NONE;
        }
        at = (at + 1) & mask;
    }
    return CG_TOKEN_NONE;
}

#endif
