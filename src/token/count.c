/* How many tokens is a text, and which?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Most of a text are words of ASCII that are tokens as a whole: for these there is
 * a short way, sixteen bytes at a time. The end of a word is found from one
 * comparison of all bytes, without a branch for each; the token from its bytes,
 * as a number.
 */
#include "token/count.h"

#include "token/merge.h"
#include "token/split.h"
#include "token/token_int.h"

/* ---- whole pieces ----------------------------------------------------- */

/* Four keys are compared at once, without a guess at which of them it is. */
static inline uint32_t find_short(const cg_vocabulary_t *vocabulary,
                                  uint64_t word, size_t len)
{
    uint64_t key = cg_keep_bytes(word, len) | (uint64_t)len << 56;
    uint32_t at = cg_bucket_of(cg_short_hash(key), vocabulary->short_buckets);
    for (;;) {
        const uint64_t *keys = vocabulary->short_keys + (size_t)CG_BUCKET * at;
        if ((keys[0] == key) | (keys[1] == key) | (keys[2] == key) |
            (keys[3] == key)) {
            return at;
        }
        if (keys[CG_BUCKET - 1] == 0) {
            return CG_TOKEN_NONE;
        }
        at = at + 1 < vocabulary->short_buckets ? at + 1 : 0;
    }
}

static uint32_t short_id(const cg_vocabulary_t *vocabulary, uint32_t bucket,
                         uint64_t word, size_t len)
{
    uint64_t key = cg_keep_bytes(word, len) | (uint64_t)len << 56;
    size_t at = (size_t)CG_BUCKET * bucket;
    while (vocabulary->short_keys[at] != key) {
        at++;
    }
    return vocabulary->short_ids[at];
}

static inline uint32_t find_medium(const cg_vocabulary_t *vocabulary,
                                   uint64_t low, uint64_t high, size_t len)
{
    high = cg_keep_bytes(high, len - 8) | (uint64_t)len << 56;
    uint32_t at =
        cg_bucket_of(cg_medium_hash(low, high), vocabulary->medium_buckets);
    for (;;) {
        const uint64_t *keys =
            vocabulary->medium_keys + (size_t)(2 * CG_BUCKET) * at;
        if ((((keys[0] ^ low) | (keys[4] ^ high)) == 0) |
            (((keys[1] ^ low) | (keys[5] ^ high)) == 0) |
            (((keys[2] ^ low) | (keys[6] ^ high)) == 0) |
            (((keys[3] ^ low) | (keys[7] ^ high)) == 0)) {
            return at;
        }
        if (keys[2 * CG_BUCKET - 1] == 0) {
            return CG_TOKEN_NONE;
        }
        at = at + 1 < vocabulary->medium_buckets ? at + 1 : 0;
    }
}

static uint32_t medium_id(const cg_vocabulary_t *vocabulary, uint32_t bucket,
                          uint64_t low, uint64_t high, size_t len)
{
    high = cg_keep_bytes(high, len - 8) | (uint64_t)len << 56;
    const uint64_t *keys =
        vocabulary->medium_keys + (size_t)(2 * CG_BUCKET) * bucket;
    size_t at = 0;
    while (keys[at] != low || keys[CG_BUCKET + at] != high) {
        at++;
    }
    return vocabulary->medium_ids[(size_t)CG_BUCKET * bucket + at];
}

/* The sixteen bytes at p; behind the end they are zero. */
static inline void load(const char *p, const char *end, uint64_t word[2])
{
    if (end - p >= 16) {
        memcpy(word, p, 16);
        return;
    }
    word[0] = 0;
    word[1] = 0;
    memcpy(word, p, (size_t)(end - p));
}

/* A piece of up to CG_MEDIUM_MAX bytes, which word begins with; ids: NULL, or where
 * its tokens go. */
static inline size_t count_word(const cg_vocabulary_t *vocabulary,
                                const char *p, size_t len,
                                const uint64_t word[2], uint32_t *ids)
{
    bool is_short = len <= CG_SHORT_MAX;
    uint32_t bucket = is_short ? find_short(vocabulary, word[0], len)
                               : find_medium(vocabulary, word[0], word[1], len);
    if (bucket == CG_TOKEN_NONE) {
        return cg_token_merge(vocabulary, p, len, ids);
    }
    if (ids) {
        *ids = is_short ? short_id(vocabulary, bucket, word[0], len)
                        : medium_id(vocabulary, bucket, word[0], word[1], len);
    }
    return 1;
}

static inline size_t count_piece(const cg_vocabulary_t *vocabulary,
                                 const char *p, size_t len, const char *end,
                                 uint32_t *ids)
{
    uint64_t word[2];
    if (len > CG_MEDIUM_MAX) {
        return cg_token_merge(vocabulary, p, len, ids);
    }
    load(p, end, word);
    return count_word(vocabulary, p, len, word, ids);
}

/* ---- words of ASCII --------------------------------------------------- */

#ifdef __SSE2__
#include <emmintrin.h>

/* A bit for each of sixteen bytes from low to high. */
static inline uint32_t between(__m128i block, char low, char high)
{
    __m128i above = _mm_cmpgt_epi8(block, _mm_set1_epi8((char)(low - 1)));
    __m128i below = _mm_cmplt_epi8(block, _mm_set1_epi8((char)(high + 1)));
    return (uint32_t)_mm_movemask_epi8(_mm_and_si128(above, below));
}

static inline void letters_at(const char *p, uint32_t *small, uint32_t *capital)
{
    __m128i block = _mm_loadu_si128((const __m128i *)(const void *)p);
    *small = between(block, 'a', 'z');
    *capital = between(block, 'A', 'Z');
}

#else

static inline void letters_at(const char *p, uint32_t *small, uint32_t *capital)
{
    *small = 0;
    *capital = 0;
    for (int i = 0; i < 16; i++) {
        *small |= (uint32_t)(p[i] >= 'a' && p[i] <= 'z') << i;
        *capital |= (uint32_t)(p[i] >= 'A' && p[i] <= 'Z') << i;
    }
}

#endif

#define BLOCK 16

typedef enum kind_t { SLOW, LETTER, LEAD } kind_t;

#define S SLOW
#define A LETTER
#define P LEAD
// clang-format off
static const uint8_t KINDS[256] = { /* sixteen a row; the rest are slow */
    P, P, P, P, P, P, P, P, P, P, S, P, P, S, P, P,
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    S, S, S, S, S, S, S, S, S, S, P, P, P, P, P, P,
    P, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
    A, A, A, A, A, A, A, A, A, A, A, P, P, P, P, P,
    P, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
    A, A, A, A, A, A, A, A, A, A, A, P, P, P, P, P,
};
// clang-format on
#undef S
#undef A
#undef P

/* The length of the piece at p if it is a plain word of ASCII, else 0. At least
 * BLOCK bytes follow p. An apostrophe may begin a contraction. */
static inline size_t plain_word(bool is_cased, const char *p)
{
    uint32_t small;
    uint32_t capital;
    kind_t kind = (kind_t)KINDS[(unsigned char)*p];
    size_t lead = kind == LEAD;
    letters_at(p, &small, &capital);
    small >>= lead;
    capital >>= lead;
    size_t len;
    if (is_cased) {
        size_t capitals = (size_t)__builtin_ctz(~capital);
        len = capitals + (size_t)__builtin_ctz(~(small >> capitals));
    }
    else {
        len = (size_t)__builtin_ctz(~(small | capital));
    }
    if (len == 0 || lead + len >= BLOCK || (!is_cased && *p == '\'')) {
        return 0;
    }
    char behind = p[lead + len];
    bool is_longer = (signed char)behind < 0 || (is_cased && behind == '\'');
    return is_longer ? 0 : lead + len;
}

/* How a text is counted. */
typedef struct task_t {
    const cg_vocabulary_t *vocabulary;
    cg_str_t text;
    size_t limit;     /* stop when there are more */
    uint32_t *ids;    /* NULL, or where the tokens go */
    bool may_go_on;   /* stop where what follows could matter */
    const char *stop; /* it was counted up to here */
} task_t;

/* A piece is what it is when this much stands behind what was looked at: a
 * character that is cut, and a contraction. */
#define MARGIN 8

static inline size_t count_all(task_t *task, bool is_cased, bool with_ids)
{
    const cg_vocabulary_t *vocabulary = task->vocabulary;
    const char *p = task->text.ptr;
    const char *end = p + task->text.len;
    size_t count = 0;
    while (p < end && count <= task->limit) {
        uint32_t *ids = with_ids ? task->ids + count : NULL;
        size_t len = end - p > BLOCK ? plain_word(is_cased, p) : 0;
        if (len > 0) {
            uint64_t word[2];
            memcpy(word, p, sizeof word);
            count += count_word(vocabulary, p, len, word, ids);
            p += len;
            continue;
        }
        const char *seen;
        len = (size_t)(cg_token_split(vocabulary, p, end, &seen) - p);
        if (task->may_go_on && end - seen < MARGIN) {
            break;
        }
        count += count_piece(vocabulary, p, len, end, ids);
        p += len;
    }
    task->stop = p;
    return count;
}

static size_t run(task_t *task)
{
    if (task->vocabulary->kind == CG_ENCODING_O200K) {
        return task->ids ? count_all(task, true, true)
                         : count_all(task, true, false);
    }
    return task->ids ? count_all(task, false, true)
                     : count_all(task, false, false);
}

/* ---- the calls -------------------------------------------------------- */

int64_t cg_token_count_until(const cg_vocabulary_t *vocabulary, cg_str_t text,
                             int64_t limit)
{
    size_t most = limit < 0 ? 0 : (size_t)limit;
    task_t task = {.vocabulary = vocabulary, .text = text, .limit = most};
    size_t count = run(&task);
    return count > most ? limit + 1 : (int64_t)count;
}

int64_t cg_token_count(const cg_vocabulary_t *vocabulary, cg_str_t text)
{
    task_t task = {.vocabulary = vocabulary, .text = text, .limit = SIZE_MAX};
    return (int64_t)run(&task);
}

size_t cg_token_encode(const cg_vocabulary_t *vocabulary, cg_str_t text,
                       uint32_t *ids)
{
    task_t task = {
        .vocabulary = vocabulary, .text = text, .limit = SIZE_MAX, .ids = ids};
    return run(&task);
}

int64_t cg_token_count_decided(const cg_vocabulary_t *vocabulary, cg_str_t text,
                               size_t *out_used)
{
    task_t task = {.vocabulary = vocabulary,
                   .text = text,
                   .limit = SIZE_MAX,
                   .may_go_on = true};
    size_t count = run(&task);
    *out_used = (size_t)(task.stop - text.ptr);
    return (int64_t)count;
}

int64_t cg_token_bound(cg_str_t text)
{
    return (int64_t)text.len;
}
