/* Lists of words, a hundred thousand of them, at the speed of reading.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The words stand sorted in their folded form. At a place of the text the
 * first two bytes choose a stretch of the list, and each further byte narrows
 * it; most places stop at once. Sorting is all the compiling there is (100,000
 * words: some ten milliseconds, where an automaton takes seconds), and a walk
 * that runs into the end of the text says by itself that a word may go on.
 *
 * Before that a filter of bits says of nearly every place that no word begins
 * there. Its keys are the first four bytes where all are ASCII and none a blank,
 * else the first two characters: what stands there in a text is one or the other.
 *
 * Folding: ASCII, Latin, Greek and Cyrillic letters to lower case, traditional
 * Chinese characters to simplified ones. In the text a run of blanks counts as
 * one, and a blank between two Chinese characters as none. The normaliser drops
 * the marks of "A" + U+0308: a word with "\u00c4" is looked for without its mark
 * too, but only counts where the source has one.
 */
#include "redact/words.h"

#include <stdlib.h>
#include <string.h>

#include "redact/rules_int.h"

#define WORD_BYTES_MAX 160
#define WORDS_MAX 8000000
#define HAN_FIRST 0x4E00
#define HAN_LAST 0x9FFF

#define HEAD 24

enum { IS_WHOLE = 1, IS_BARE = 2, IS_EXACT = 4 };

/* 32 bytes: two to a cache line, and most comparisons end in the head. */
typedef struct word_t {
    uint32_t at; /* of its folded bytes among the texts */
    uint16_t list;
    uint8_t len;
    uint8_t flags;            /* IS_EXACT: as written, behind the folded form */
    unsigned char head[HEAD]; /* the first folded bytes, then zeros */
} word_t;

_Static_assert(sizeof(word_t) == 32, "two to a cache line");

/* All of it in one piece without a pointer, so that it can be a part of a file:
 * this, then the words, the filter, the texts. */
typedef struct block_t {
    uint32_t count;
    uint32_t text_bytes;
    uint32_t are_whole;     /* every list wants whole words */
    uint32_t filter_bits;   /* the filter has two to the power of it */
    uint8_t may_begin[256]; /* a word, by its first byte, as it stands in a
                               text */
    uint16_t simple[HAN_LAST - HAN_FIRST + 1]; /* simplified forms; 0: itself */
    uint32_t first[65537]; /* by the first two bytes: where they begin */
    uint32_t end;          /* keeps the words on 8 bytes */
} block_t;

struct cg_words_t {
    const block_t *block;
    const word_t *words;
    const uint64_t *filter;
    const unsigned char *texts;
    bool are_whole;
    unsigned shift; /* of a hash: what is left of it counts the filter's bits */
    size_t bytes;   /* of the block and what follows it */
};

/* lives in: the stack of cg_words_create */
typedef struct maker_t {
    block_t *block;
    word_t *words;
    uint64_t *filter;
    uint32_t count;
    cg_buf_t texts;
} maker_t;

static size_t filter_words(const block_t *block)
{
    return (size_t)1 << (block->filter_bits - 6);
}

/* Folds one code point; keeps the length of its UTF-8. */
static uint32_t fold_letter(uint32_t cp)
{
    if (cp >= 'A' && cp <= 'Z') {
        return cp + 32;
    }
    if ((cp >= 0xC0 && cp <= 0xDE && cp != 0xD7) ||
        (cp >= 0x391 && cp <= 0x3A9) || (cp >= 0x410 && cp <= 0x42F)) {
        return cp + 32;
    }
    if (cp >= 0x400 && cp <= 0x40F) {
        return cp + 80;
    }
    if ((cp >= 0x100 && cp <= 0x137) || (cp >= 0x14A && cp <= 0x177) ||
        (cp >= 0x460 && cp <= 0x481)) {
        return cp | 1;
    }
    return cp;
}

/* Folded bytes of the character at p; its length is the same. */
static int fold_at(const uint16_t *simple, const unsigned char *p,
                   const unsigned char *end, unsigned char out[4])
{
    if (*p >= 0xE4 && *p <= 0xE9 && end - p >= 3) {
        uint32_t cp = (uint32_t)(*p & 15) << 12 | (uint32_t)(p[1] & 63) << 6 |
                      (uint32_t)(p[2] & 63);
        if (cp >= HAN_FIRST && simple[cp - HAN_FIRST]) {
            cg_utf8_encode(simple[cp - HAN_FIRST], (char *)out);
        }
        else {
            memcpy(out, p, 3);
        }
        return 3;
    }
    if (*p < 0x80) {
        out[0] = *p >= 'A' && *p <= 'Z' ? *p + 32 : *p;
        return 1;
    }
    if (*p >= 0xC3 && *p <= 0xD2 && p + 1 < end) {
        uint32_t cp = fold_letter((uint32_t)(*p & 31) << 6 | (p[1] & 63));
        out[0] = (unsigned char)(0xC0 | cp >> 6);
        out[1] = (unsigned char)(0x80 | (cp & 63));
        return 2;
    }
    out[0] = *p;
    return 1;
}

static void load_row(uint16_t *simple, const char *row)
{
    const char *end = row + strlen(row);
    for (const char *p = row; p < end; p += 6) {
        uint32_t from = HAN_FIRST;
        uint32_t to = 0;
        cg_utf8_decode(p, end, &from);
        cg_utf8_decode(p + 3, end, &to);
        simple[from - HAN_FIRST] = (uint16_t)to;
    }
}

static void load_han(uint16_t *simple)
{
    for (const char *const *row = cg_han_pairs; *row; row++) {
        load_row(simple, *row);
    }
}

static void fold_text(const uint16_t *simple, const unsigned char *in,
                      size_t len, unsigned char *out)
{
    const unsigned char *end = in + len;
    while (in < end) {
        unsigned char folded[4];
        int size = fold_at(simple, in, end, folded);
        memcpy(out, folded, (size_t)size);
        in += size;
        out += size;
    }
}

/* The normalised form of a word, one blank for a run, trimmed. */
static uint32_t normal_form(cg_str_t word, unsigned char *out)
{
    unsigned char text[1024];
    cg_break_t breaks[1025];
    cg_norm_state_t state = {0};
    cg_norm_t norm = {.text = text, .breaks = breaks, .break_cap = 1025};
    cg_normalise(&state, (const unsigned char *)word.ptr, (uint32_t)word.len,
                 (uint32_t)word.len, true, &norm);
    uint32_t len = 0;
    for (uint32_t i = 0; i < norm.len; i++) {
        bool is_blank = text[i] <= ' ';
        if (!is_blank) {
            out[len++] = text[i];
        }
        else if (len > 0 && out[len - 1] != ' ') {
            out[len++] = ' ';
        }
    }
    return len > 0 && out[len - 1] == ' ' ? len - 1 : len;
}

/* Letters of Latin-1 without their marks, from U+00C0; '-': has none. */
static const char bare_letters[] = "AAAAAA-CEEEEIIII-NOOOOO--UUUUY--"
                                   "aaaaaa-ceeeeiiii-nooooo--uuuuy-y";

/* Takes the marks off. Returns the new length, or 0 when there were none. */
static uint32_t strip_marks(const unsigned char *in, uint32_t len,
                            unsigned char *out)
{
    uint32_t to = 0;
    for (uint32_t i = 0; i < len; i++) {
        if (in[i] == 0xC3 && i + 1 < len &&
            bare_letters[in[i + 1] & 63] != '-') {
            out[to++] = (unsigned char)bare_letters[in[++i] & 63];
            continue;
        }
        out[to++] = in[i];
    }
    return to < len ? to : 0;
}

/* ---- the filter ---- */

#define ONE 0xFFFFFFFEu /* in the place of a second character: there is none */
#define ANY 0xFFFFFFFFu /* ... it is not asked for */

static bool is_plain(uint32_t four)
{
    return ((four | (four - 0x21212121u)) & 0x80808080u) == 0;
}

/* Four bytes of ASCII in small letters. */
static uint32_t lower_four(uint32_t four)
{
    uint32_t from_a = four + 0x3F3F3F3Fu;
    uint32_t above_z = four + 0x25252525u;
    return four + ((from_a & ~above_z & 0x80808080u) >> 2);
}

static uint64_t hash_four(uint32_t four)
{
    return (four + UINT64_C(0x100000000)) * UINT64_C(0x9E3779B97F4A7C15);
}

static uint64_t hash_pair(uint32_t first, uint32_t second)
{
    uint64_t pair = (uint64_t)first << 32 | second;
    return (pair ^ UINT64_C(0x5851F42D4C957F2D)) * UINT64_C(0xD6E8FEB86659FD93);
}

static bool has_bit(const cg_words_t *words, uint64_t hash)
{
    uint64_t bit = hash >> words->shift;
    return words->filter[bit >> 6] >> (bit & 63) & 1;
}

/* A folded character as a number. */
static uint32_t number_of(const unsigned char *folded, int size)
{
    uint32_t number = 0;
    for (int i = 0; i < size; i++) {
        number = number << 8 | folded[i];
    }
    return number;
}

/* Takes the next character of a folded word. */
static uint32_t take(const maker_t *maker, const unsigned char **p,
                     const unsigned char *end)
{
    unsigned char folded[4];
    if (*p == end) {
        return ONE;
    }
    int size = fold_at(maker->block->simple, *p, end, folded);
    *p += size;
    return number_of(folded, size);
}

static void set_bit(const maker_t *maker, uint64_t hash)
{
    uint64_t bit = hash >> (64 - maker->block->filter_bits);
    maker->filter[bit >> 6] |= UINT64_C(1) << (bit & 63);
}

static void filter_word(const maker_t *maker, const word_t *word)
{
    const unsigned char *p = (const unsigned char *)maker->texts.ptr + word->at;
    const unsigned char *end = p + word->len;
    uint32_t four = 0;
    memcpy(&four, p, word->len < 4 ? word->len : 4);
    if (is_plain(four)) {
        set_bit(maker, hash_four(four));
        return;
    }
    uint32_t first = take(maker, &p, end);
    set_bit(maker, hash_pair(first, take(maker, &p, end)));
    if (first >= 0x80) {
        set_bit(maker, hash_pair(first, ANY));
    }
}

/* Twelve bits a word, and a power of two. */
static void make_filter(maker_t *maker, apr_pool_t *pool)
{
    uint32_t bits = 12;
    while (bits < 24 && (UINT64_C(1) << bits) < (uint64_t)maker->count * 12) {
        bits++;
    }
    maker->block->filter_bits = bits;
    maker->filter =
        apr_pcalloc(pool, filter_words(maker->block) * sizeof(uint64_t));
    for (uint32_t i = 0; i < maker->count; i++) {
        filter_word(maker, &maker->words[i]);
    }
}

/* ---- making ---- */

static void keep_word(maker_t *maker, const unsigned char *normal, uint32_t len,
                      const cg_word_list_t *list, uint16_t number, bool is_bare)
{
    unsigned char folded[1024];
    word_t *word = &maker->words[maker->count++];
    fold_text(maker->block->simple, normal, len, folded);
    *word = (word_t){.at = (uint32_t)maker->texts.len,
                     .list = number,
                     .len = (uint8_t)len,
                     .flags = (uint8_t)((list->is_whole_word ? IS_WHOLE : 0) |
                                        (is_bare ? IS_BARE : 0) |
                                        (list->is_caseless ? 0 : IS_EXACT))};
    memcpy(word->head, folded, len < HEAD ? len : HEAD);
    cg_buf_add(&maker->texts, (const char *)folded, len);
    if (!list->is_caseless) {
        cg_buf_add(&maker->texts, (const char *)normal, len);
    }
    maker->block->are_whole = maker->block->are_whole && list->is_whole_word;
}

bool cg_word_is_fit(cg_str_t word)
{
    unsigned char normal[1024];
    if (word.len > sizeof normal) {
        return false;
    }
    uint32_t len = normal_form(word, normal);
    return len >= 2 && len <= WORD_BYTES_MAX;
}

/* False: too short or too long to be looked for. */
static bool add_word(maker_t *maker, cg_str_t text, const cg_word_list_t *list,
                     uint16_t number)
{
    unsigned char normal[1024];
    unsigned char bare[1024];
    if (text.len > sizeof normal) {
        return false;
    }
    uint32_t len = normal_form(text, normal);
    if (len < 2 || len > WORD_BYTES_MAX) {
        return false;
    }
    keep_word(maker, normal, len, list, number, false);
    len = strip_marks(normal, len, bare);
    if (len >= 2) {
        keep_word(maker, bare, len, list, number, true);
    }
    return true;
}

static apr_status_t add_lists(maker_t *maker, const cg_word_list_t *lists,
                              size_t count, cg_error_t *err)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < lists[i].count; k++) {
            if (!add_word(maker, lists[i].words[k], &lists[i], (uint16_t)i)) {
                cg_error_set(err, "list %s: word %zu must have 2 to %d bytes",
                             lists[i].name ? lists[i].name : "?", k + 1,
                             WORD_BYTES_MAX);
                return APR_EINVAL;
            }
        }
    }
    return APR_SUCCESS;
}

/* ---- sorting ---- */

/* What qsort_r hands on. */
typedef struct order_t {
    const char *texts;
    const cg_word_list_t *lists;
} order_t;

/* By their bytes; of the same word, the stricter list goes first. */
static int compare(const void *a, const void *b, void *data)
{
    const word_t *x = a;
    const word_t *y = b;
    const order_t *order = data;
    size_t len = x->len < y->len ? x->len : y->len;
    int less = memcmp(x->head, y->head, len < HEAD ? len : HEAD);
    if (less == 0 && len > HEAD) {
        less = memcmp(order->texts + x->at + HEAD, order->texts + y->at + HEAD,
                      len - HEAD);
    }
    if (less || x->len != y->len) {
        return less ? less : (int)x->len - (int)y->len;
    }
    int stricter =
        (int)order->lists[y->list].action - (int)order->lists[x->list].action;
    return stricter ? stricter : (int)x->list - (int)y->list;
}

static void index_words(const maker_t *maker)
{
    block_t *block = maker->block;
    uint32_t at = 0;
    for (uint32_t key = 0; key <= 65536; key++) {
        while (at < maker->count &&
               (uint32_t)(maker->words[at].head[0] << 8 |
                          maker->words[at].head[1]) < key) {
            at++;
        }
        block->first[key] = at;
    }
    /* Folding can change the first byte of a longer character into another such;
     * what is no first byte begins nothing. */
    for (unsigned c = '!'; c < 256; c++) {
        unsigned folded = c >= 'A' && c <= 'Z' ? c + 32 : c;
        bool has_words =
            block->first[folded << 8] < block->first[(folded + 1) << 8];
        bool has_wide = block->first[0xC0 << 8] < maker->count;
        block->may_begin[c] = c < 0x80 ? has_words : c >= 0xC0 && has_wide;
    }
}

/* Puts the parts where they stay. */
static cg_words_t *assemble(const maker_t *maker, apr_pool_t *pool)
{
    size_t words_bytes = maker->count * sizeof(word_t);
    size_t filter_bytes = filter_words(maker->block) * sizeof(uint64_t);
    size_t bytes =
        sizeof(block_t) + words_bytes + filter_bytes + maker->texts.len;
    char *block = apr_palloc(pool, bytes);
    char *at = block + sizeof(block_t);
    maker->block->count = maker->count;
    maker->block->text_bytes = (uint32_t)maker->texts.len;
    memcpy(block, maker->block, sizeof(block_t));
    memcpy(at, maker->words, words_bytes);
    memcpy(at + words_bytes, maker->filter, filter_bytes);
    memcpy(at + words_bytes + filter_bytes, maker->texts.ptr, maker->texts.len);
    return cg_words_open(block, bytes, UINT16_MAX, pool);
}

apr_status_t cg_words_create(const cg_word_list_t *lists, size_t count,
                             cg_words_t **out, cg_error_t *err,
                             apr_pool_t *pool)
{
    size_t total = 0;
    apr_pool_t *aside;
    for (size_t i = 0; i < count; i++) {
        total += lists[i].count * 2; /* each may have a bare form */
    }
    *out = NULL;
    if (total == 0) {
        return APR_SUCCESS;
    }
    if (total > WORDS_MAX || apr_pool_create(&aside, pool) != APR_SUCCESS) {
        cg_error_set(err, "more than %d words", WORDS_MAX / 2);
        return APR_ENOMEM;
    }
    maker_t maker = {.block = apr_pcalloc(aside, sizeof(block_t)),
                     .words = apr_palloc(aside, total * sizeof(word_t))};
    cg_buf_init(&maker.texts, total * 8, aside);
    maker.block->are_whole = true;
    load_han(maker.block->simple);
    apr_status_t status = add_lists(&maker, lists, count, err);
    if (status == APR_SUCCESS) {
        order_t order = {maker.texts.ptr, lists};
        qsort_r(maker.words, maker.count, sizeof maker.words[0], compare,
                &order);
        index_words(&maker);
        make_filter(&maker, aside);
        *out = assemble(&maker, pool);
    }
    apr_pool_destroy(aside);
    return status;
}

/* ---- as a part of a file ---- */

size_t cg_words_bytes(const cg_words_t *words, const void **out_block)
{
    *out_block = words->block;
    return words->bytes;
}

static bool is_sound(const cg_words_t *words, size_t list_count)
{
    const block_t *block = words->block;
    for (uint32_t key = 0; key < 65536; key++) {
        if (block->first[key] > block->first[key + 1]) {
            return false;
        }
    }
    for (uint32_t i = 0; i < block->count; i++) {
        const word_t *word = &words->words[i];
        size_t need = (size_t)word->len * (word->flags & IS_EXACT ? 2 : 1);
        if (word->len < 2 || word->at > block->text_bytes ||
            need > block->text_bytes - word->at || word->list >= list_count) {
            return false;
        }
    }
    return block->first[65536] == block->count;
}

cg_words_t *cg_words_open(const void *data, size_t len, size_t list_count,
                          apr_pool_t *pool)
{
    const block_t *block = data;
    if (len < sizeof *block || block->count > WORDS_MAX ||
        block->filter_bits < 6 || block->filter_bits > 32 ||
        len != sizeof *block + block->count * sizeof(word_t) +
                   filter_words(block) * sizeof(uint64_t) + block->text_bytes) {
        return NULL;
    }
    cg_words_t *words = apr_palloc(pool, sizeof *words);
    words->block = block;
    words->words = (const word_t *)(const void *)(block + 1);
    words->filter =
        (const uint64_t *)(const void *)(words->words + block->count);
    words->texts = (const unsigned char *)(words->filter + filter_words(block));
    words->shift = 64 - block->filter_bits;
    words->are_whole = block->are_whole != 0;
    words->bytes = len;
    return is_sound(words, list_count) ? words : NULL;
}

/* ---- looking ---- */

/* 0 behind its end, where the shorter words of a stretch stand first. */
static unsigned byte_at(const cg_words_t *words, uint32_t i, uint32_t depth)
{
    const word_t *word = &words->words[i];
    if (depth < HEAD) {
        return word->head[depth];
    }
    return depth < word->len ? words->texts[word->at + depth] : 0;
}

/* The part of [low, high) whose byte at depth is c. */
static void narrow(const cg_words_t *words, uint32_t depth, unsigned c,
                   uint32_t *low, uint32_t *high)
{
    uint32_t a = *low;
    uint32_t b = *high;
    unsigned first = a < b ? byte_at(words, a, depth) : 0;
    unsigned last = a < b ? byte_at(words, b - 1, depth) : 0;
    if (first == c && last == c) {
        return;
    }
    if (first > c || last < c) {
        *low = b;
        return;
    }
    while (a < b) {
        uint32_t mid = (a + b) / 2;
        if (byte_at(words, mid, depth) < c) {
            a = mid + 1;
        }
        else {
            b = mid;
        }
    }
    *low = a;
    b = *high;
    while (a < b) {
        uint32_t mid = (a + b) / 2;
        if (byte_at(words, mid, depth) <= c) {
            a = mid + 1;
        }
        else {
            b = mid;
        }
    }
    *high = a;
}

/* A word of a list that was not chosen is as if it were not there. */
static bool is_chosen(const cg_rules_t *rules, const word_t *word)
{
    return (rules->set->lists[word->list].packs & rules->packs) != 0;
}

/* Is the text the word as it is written? */
static bool is_exact(cg_window_t *w, const unsigned char *exact, uint32_t len,
                     uint32_t start, uint32_t end)
{
    uint32_t i = start;
    for (uint32_t k = 0; k < len; k++, i++) {
        while (cg_at(w, i) <= ' ' && exact[k] != ' ' && i < end) {
            i++;
        }
        if (exact[k] == ' ') {
            while (cg_at(w, i + 1) && cg_at(w, i + 1) <= ' ') {
                i++;
            }
            continue;
        }
        if (cg_at(w, i) != exact[k]) {
            return false;
        }
    }
    return true;
}

static bool is_fit(const cg_words_t *words, cg_window_t *w, const word_t *word,
                   uint32_t start, uint32_t end)
{
    const unsigned char *folded = words->texts + word->at;
    if (!is_chosen(w->rules, word)) {
        return false;
    }
    if ((word->flags & IS_BARE) &&
        cg_norm_source(w->norm, end) - cg_norm_source(w->norm, start) ==
            end - start) {
        return false;
    }
    if (word->flags & IS_WHOLE) {
        bool begins = cg_is(folded[0], CG_C_ALNUM);
        bool ends = cg_is(folded[word->len - 1], CG_C_ALNUM);
        if ((begins && cg_is(cg_before(w, start), CG_C_ALNUM)) ||
            (ends && cg_is(cg_at(w, end), CG_C_ALNUM))) {
            return false;
        }
    }
    return !(word->flags & IS_EXACT) ||
           is_exact(w, folded + word->len, word->len, start, end);
}

static bool is_blank(unsigned c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* After a Chinese character blanks before another one are skipped. */
static uint32_t skip_blanks(cg_window_t *w, uint32_t i, uint32_t most)
{
    uint32_t stop = i + most;
    while (i < stop && is_blank(cg_at(w, i))) {
        i++;
    }
    return i;
}

typedef struct walk_t {
    uint32_t low;
    uint32_t high;
    uint32_t depth;
    uint32_t at;
} walk_t;

/* Takes the next character of the text into the walk. False: no word goes on
 * with it. */
static bool step(const cg_words_t *words, cg_window_t *w, walk_t *walk)
{
    unsigned c = cg_at(w, walk->at);
    unsigned char folded[4];
    int size;
    if (c == 0) {
        return false;
    }
    if (is_blank(c)) {
        uint32_t after = skip_blanks(w, walk->at, 8);
        bool is_between = walk->at > 0 && w->text[walk->at - 1] >= 0x80 &&
                          cg_at(w, after) >= 0xE2 && after <= walk->at + 2;
        uint32_t low = walk->low;
        uint32_t high = walk->high;
        narrow(words, walk->depth, ' ', &low, &high);
        if (low < high) {
            walk->low = low;
            walk->high = high;
            walk->depth++;
            walk->at = after;
            return true;
        }
        walk->at = after;
        return is_between;
    }
    size = fold_at(words->block->simple, w->text + walk->at, w->text + w->limit,
                   folded);
    for (int k = 0; k < size; k++) {
        narrow(words, walk->depth + (uint32_t)k, folded[k], &walk->low,
               &walk->high);
    }
    walk->depth += (uint32_t)size;
    walk->at += (uint32_t)size;
    return walk->low < walk->high;
}

static void scan_at(const cg_words_t *words, cg_window_t *w, uint32_t start,
                    uint32_t low, uint32_t high)
{
    walk_t walk = {.low = low, .high = high, .at = start};
    const word_t *best = NULL;
    uint32_t best_end = 0;
    while (walk.low < walk.high && step(words, w, &walk)) {
        for (uint32_t i = walk.low;
             i < walk.high && words->words[i].len == walk.depth; i++) {
            if (is_fit(words, w, &words->words[i], start, walk.at)) {
                best = &words->words[i];
                best_end = walk.at;
                break;
            }
        }
    }
    if (best) {
        cg_candidate_plain(w, start, best_end, CG_TYPE_KEYWORD, 100, best->list,
                           CG_SWALLOW_NONE);
    }
}

#define LOOK_BYTES 8 /* so far may_begin looks */

/* May a word begin here? At the end of what is here, any may. */
static bool may_begin(const cg_words_t *words, const cg_window_t *w, uint32_t i)
{
    const unsigned char *p = w->text + i;
    const unsigned char *end = w->text + w->n;
    const uint16_t *simple = words->block->simple;
    unsigned char folded[4];
    unsigned char last[2 * LOOK_BYTES] = {0};
    uint32_t four;
    if (end - p < LOOK_BYTES) {
        if (!w->is_final) {
            return true; /* what comes may make it one */
        }
        memcpy(last, p, (size_t)(end - p));
        end = last + (end - p);
        p = last;
    }
    memcpy(&four, p, 4);
    if (is_plain(four)) {
        four = lower_four(four);
        return has_bit(words, hash_four(four)) ||
               has_bit(words, hash_pair(four & 0xFF, four >> 8 & 0xFF));
    }
    int size = fold_at(simple, p, end, folded);
    uint32_t first = number_of(folded, size);
    if (p[size] <= ' ') {
        /* A blank may stand for nothing between two characters. */
        return has_bit(words, hash_pair(first, first < 0x80 ? ' ' : ANY));
    }
    int next = fold_at(simple, p + size, end, folded);
    return has_bit(words, hash_pair(first, number_of(folded, next))) ||
           (first >= 0x80 && has_bit(words, hash_pair(first, ONE)));
}

static void look_at(const cg_words_t *words, cg_window_t *w, uint32_t i)
{
    const block_t *block = words->block;
    unsigned char folded[4];
    unsigned char next[4] = {0};
    int size = fold_at(block->simple, w->text + i, w->text + w->n, folded);
    if (size == 1 && i + 1 < w->n) {
        fold_at(block->simple, w->text + i + 1, w->text + w->n, next);
    }
    unsigned second = size == 1 ? next[0] : folded[1];
    /* a blank may stand for a run, or for nothing; the end for anything */
    bool is_open = second <= ' ';
    uint32_t key = (uint32_t)folded[0] << 8 | (is_open ? 0 : second);
    uint32_t low = block->first[key];
    uint32_t high = block->first[key + (is_open ? 256 : 1)];
    if (low < high) {
        cg_begin(w, i);
        scan_at(words, w, i, low, high);
        cg_end(w, i);
    }
}

void cg_words_scan(const cg_words_t *words, cg_window_t *w)
{
    const uint8_t *begins = words->block->may_begin;
    for (uint32_t i = w->base; i < w->n; i++) {
        unsigned c = w->text[i];
        if (!begins[c] || (words->are_whole && cg_is(c, CG_C_ALNUM) &&
                           cg_is(cg_before(w, i), CG_C_ALNUM))) {
            continue;
        }
        if (may_begin(words, w, i)) {
            look_at(words, w, i);
        }
    }
}
