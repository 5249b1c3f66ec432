/* Cuts text where the patterns of OpenAI's vocabularies cut it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * cl100k_base, alternatives in order (L letters, N numbers, the rest P, blanks \s):
 *
 *   'contraction | [^\r\n L N]? L+ | N{1,3} | ' '? P+ [\r\n]* | blanks
 *
 * o200k_base tells capitals (U) from small letters (L); what has no case, and
 * marks, are both. The contraction comes behind a word, and / behind marks:
 *
 *   [^\r\n L N]? U* L+ contraction? | [^\r\n L N]? U+ L* contraction? |
 *   N{1,3} | ' '? P+ [\r\n/]* | blanks
 *
 * blanks are \s*[\r\n]+ | \s+(?!\S) | \s+ in both. What a regular expression
 * would try and take back is said beside each function. Every character is looked
 * at a constant number of times.
 */
#include "token/split.h"

/* ---- characters ------------------------------------------------------- */

#define BIT(class) (1u << (class))
#define IS(class, set) ((BIT(class) & (set)) != 0)

enum {
    LETTERS = BIT(CG_CLASS_UPPER) | BIT(CG_CLASS_LOWER) | BIT(CG_CLASS_BOTH),
    NUMBERS = BIT(CG_CLASS_NUMBER),
    BLANKS = BIT(CG_CLASS_BLANK) | BIT(CG_CLASS_BREAK),
    PUNCTUATION = BIT(CG_CLASS_OTHER) | BIT(CG_CLASS_MARK),
    LEADS = PUNCTUATION | BIT(CG_CLASS_BLANK),
    CASELESS = BIT(CG_CLASS_BOTH) | BIT(CG_CLASS_MARK),
    UPPERS = BIT(CG_CLASS_UPPER) | CASELESS,
    LOWERS = BIT(CG_CLASS_LOWER) | CASELESS
};

/* Han from U+4E00 to U+9FFF, by their first two bytes: letters without case. */
#define HAN_FIRST 0xE4B8
#define HAN_LAST 0xE9BF
#define HAN_BYTES 3

static bool is_tail(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

static uint8_t class_of(const cg_vocabulary_t *vocabulary, uint32_t code_point)
{
    size_t block = vocabulary->blocks[code_point >> 8];
    return vocabulary->classes[block << 8 | (code_point & 0xFF)];
}

/* With two bytes behind p at least. */
static inline bool is_han(const char *p)
{
    unsigned first = (unsigned char)p[0] << 8 | (unsigned char)p[1];
    return first - HAN_FIRST <= HAN_LAST - HAN_FIRST;
}

static uint8_t wide_class(const cg_vocabulary_t *vocabulary, const char *p,
                          const char *end, const char **out_next)
{
    unsigned first = (unsigned char)p[0];
    uint32_t code_point;
    if (first >= 0xE0 && first < 0xF0 && end - p >= 3 && is_tail(p[1]) &&
        is_tail(p[2])) {
        *out_next = p + 3;
        code_point = (first & 0xF) << 12 | ((unsigned char)p[1] & 0x3F) << 6 |
                     ((unsigned char)p[2] & 0x3F);
        return class_of(vocabulary, code_point);
    }
    if (first >= 0xC2 && first < 0xE0 && end - p >= 2 && is_tail(p[1])) {
        *out_next = p + 2;
        code_point = (first & 0x1F) << 6 | ((unsigned char)p[1] & 0x3F);
        return class_of(vocabulary, code_point);
    }
    int len = cg_utf8_decode(p, end, &code_point);
    *out_next = p + (len > 0 ? len : 1);
    return len > 0 ? class_of(vocabulary, code_point) : CG_CLASS_OTHER;
}

/* The class of the character at p, and where the next one is. */
static inline uint8_t next_class(const cg_vocabulary_t *vocabulary,
                                 const char *p, const char *end,
                                 const char **out_next)
{
    unsigned char first = (unsigned char)*p;
    if (first < 0x80) {
        *out_next = p + 1;
        return vocabulary->classes[first]; /* the first block is block 0 */
    }
    if (end - p >= HAN_BYTES && is_han(p)) {
        *out_next = p + HAN_BYTES;
        return CG_CLASS_BOTH;
    }
    return wide_class(vocabulary, p, end, out_next);
}

/* Behind the characters of a set; out_class is that of the one behind them, and
 * CG_CLASS_NONE at the end. */
#define CG_CLASS_NONE 8

static const char *skip(const cg_vocabulary_t *vocabulary, const char *p,
                        const char *end, unsigned set, uint8_t *out_class)
{
    while (p < end) {
        const char *next;
        uint8_t class = next_class(vocabulary, p, end, &next);
        if (!IS(class, set)) {
            *out_class = class;
            return p;
        }
        p = next;
    }
    *out_class = CG_CLASS_NONE;
    return p;
}

/* ---- contractions ----------------------------------------------------- */

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* 's 't 're 've 'm 'll 'd in either case; U+017F, the long s, is an s as well. */
static size_t contraction(const char *p, const char *end)
{
    if (end - p < 2 || p[0] != '\'') {
        return 0;
    }
    char first = small(p[1]);
    char second = end - p > 2 ? small(p[2]) : '\0';
    if (first == 's' || first == 't' || first == 'm' || first == 'd') {
        return 2;
    }
    if (((first == 'r' || first == 'v') && second == 'e') ||
        (first == 'l' && second == 'l')) {
        return 3;
    }
    return p[1] == '\xC5' && second == '\xBF' ? 3 : 0;
}

/* ---- words ------------------------------------------------------------ */

/* class is that of the character at p, next the one behind it. */
static const char *word_cl100k(const cg_vocabulary_t *vocabulary, uint8_t class,
                               const char *next, const char *end)
{
    uint8_t behind;
    const char *stop = skip(vocabulary, next, end, LETTERS, &behind);
    return IS(class, LETTERS) || stop > next ? stop : NULL;
}

/* U* takes all it can, and when no L follows gives back up to the last character
 * that is both; then L+ is that one, and what follows it is capitals. */
static const char *cased_run(const cg_vocabulary_t *vocabulary, const char *p,
                             const char *end, const char **out_both,
                             const char **out_seen)
{
    uint8_t class = CG_CLASS_NONE;
    *out_both = NULL;
    while (p < end) {
        const char *next;
        class = next_class(vocabulary, p, end, &next);
        if (!IS(class, UPPERS)) {
            break;
        }
        p = next;
        if (class != CG_CLASS_UPPER) {
            *out_both = p;
        }
        class = CG_CLASS_NONE;
    }
    *out_seen = p;
    if (class != CG_CLASS_LOWER) {
        return p;
    }
    uint8_t behind;
    p = skip(vocabulary, p, end, LOWERS, &behind);
    *out_seen = p;
    *out_both = p;
    return p;
}

/* The order of tries: with the leading character as U* L+; a mark alone, which
 * then is L+; with the leading character as U+. */
static const char *word_o200k(const cg_vocabulary_t *vocabulary, uint8_t class,
                              const char *p, const char *next, const char *end,
                              const char **out_seen)
{
    const char *both;
    const char *start = IS(class, LEADS) ? next : p;
    const char *stop = cased_run(vocabulary, start, end, &both, out_seen);
    if (both) {
        stop = both;
    }
    else if (class == CG_CLASS_MARK) {
        stop = next;
    }
    else if (stop == start) {
        return NULL;
    }
    return stop + contraction(stop, end);
}

/* ---- the rest --------------------------------------------------------- */

static const char *numbers(const cg_vocabulary_t *vocabulary, const char *p,
                           const char *end)
{
    for (int i = 0; i < 3 && p < end; i++) {
        const char *next;
        if (!IS(next_class(vocabulary, p, end, &next), NUMBERS)) {
            break;
        }
        p = next;
    }
    return p;
}

static const char *punctuation(const cg_vocabulary_t *vocabulary, const char *p,
                               const char *end)
{
    uint8_t behind;
    const char *start = *p == ' ' ? p + 1 : p;
    const char *stop = skip(vocabulary, start, end, PUNCTUATION, &behind);
    if (stop == start) {
        return NULL;
    }
    bool with_slash = vocabulary->kind == CG_ENCODING_O200K;
    while (stop < end &&
           (*stop == '\n' || *stop == '\r' || (with_slash && *stop == '/'))) {
        stop++;
    }
    return stop;
}

/* Up to the last line break; else all but the last blank, which goes with what
 * follows; else all. */
static const char *blanks(const cg_vocabulary_t *vocabulary, const char *p,
                          const char *end, const char **out_seen)
{
    const char *broken = NULL;
    const char *last = p;
    const char *at = p;
    while (at < end) {
        const char *next;
        uint8_t class = next_class(vocabulary, at, end, &next);
        if (!IS(class, BLANKS)) {
            break;
        }
        if (class == CG_CLASS_BREAK) {
            broken = next;
        }
        last = at;
        at = next;
    }
    *out_seen = at;
    if (broken) {
        return broken;
    }
    return at < end && last > p ? last : at;
}

static const char *split_rest(const cg_vocabulary_t *vocabulary, uint8_t class,
                              const char *p, const char *end,
                              const char **out_seen)
{
    const char *stop = NULL;
    if (*p == ' ' || IS(class, PUNCTUATION)) {
        stop = punctuation(vocabulary, p, end);
    }
    if (!stop) {
        return blanks(vocabulary, p, end, out_seen);
    }
    *out_seen = stop;
    return stop;
}

const char *cg_token_split(const cg_vocabulary_t *vocabulary, const char *p,
                           const char *end, const char **out_seen)
{
    const char *next;
    const char *stop = NULL;
    uint8_t class = next_class(vocabulary, p, end, &next);
    if (IS(class, NUMBERS)) {
        stop = numbers(vocabulary, p, end);
        *out_seen = stop;
        return stop;
    }
    if (class == CG_CLASS_BREAK) {
        return blanks(vocabulary, p, end, out_seen);
    }
    if (vocabulary->kind == CG_ENCODING_O200K) {
        stop = word_o200k(vocabulary, class, p, next, end, out_seen);
    }
    else {
        size_t len = contraction(p, end);
        stop = len > 0 ? p + len : word_cl100k(vocabulary, class, next, end);
        *out_seen = stop;
    }
    return stop ? stop : split_rest(vocabulary, class, p, end, out_seen);
}
