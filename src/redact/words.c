/* Lists of words, a hundred thousand of them, at the speed of reading.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The words stand sorted in their folded form. At a place of the text the
 * first two bytes choose a stretch of the list, and each further byte narrows
 * it; most places stop at once. Sorting is all the compiling there is (100,000
 * words: some ten milliseconds, where an automaton takes seconds), and a walk
 * that runs into the end of the text says by itself that a word may go on.
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

#define WORD_BYTES_MAX 160
#define HAN_FIRST 0x4E00
#define HAN_LAST 0x9FFF

#define HEAD 11

/* 32 bytes: two to a cache line, and most comparisons end in the head. */
typedef struct word_t {
    const unsigned char *folded;
    const unsigned char *exact; /* as written, when its case matters */
    unsigned char head[HEAD];   /* the first folded bytes, then zeros */
    uint8_t len;
    bool is_whole;
    bool is_bare; /* written without its marks */
    uint16_t list;
} word_t;

struct cg_words_t {
    word_t *words;
    uint32_t count;
    bool are_whole; /* every list wants whole words */
    uint16_t simple[HAN_LAST - HAN_FIRST + 1]; /* simplified forms; 0: itself */
    uint32_t first[65537]; /* by the first two bytes: where they begin */
    bool may_begin[256]; /* a word, by its first byte, as it stands in a text */
};

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
static int fold_at(const cg_words_t *words, const unsigned char *p,
                   const unsigned char *end, unsigned char out[4])
{
    if (*p >= 0xE4 && *p <= 0xE9 && end - p >= 3) {
        uint32_t cp = (uint32_t)(*p & 15) << 12 | (uint32_t)(p[1] & 63) << 6 |
                      (uint32_t)(p[2] & 63);
        if (cp >= HAN_FIRST && words->simple[cp - HAN_FIRST]) {
            cg_utf8_encode(words->simple[cp - HAN_FIRST], (char *)out);
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

static void load_row(cg_words_t *words, const char *row)
{
    const char *end = row + strlen(row);
    for (const char *p = row; p < end; p += 6) {
        uint32_t from = HAN_FIRST;
        uint32_t to = 0;
        cg_utf8_decode(p, end, &from);
        cg_utf8_decode(p + 3, end, &to);
        words->simple[from - HAN_FIRST] = (uint16_t)to;
    }
}

static void load_han(cg_words_t *words)
{
    for (const char *const *row = cg_han_pairs; *row; row++) {
        load_row(words, *row);
    }
}

static void fold_text(const cg_words_t *words, const unsigned char *in,
                      size_t len, unsigned char *out)
{
    const unsigned char *end = in + len;
    while (in < end) {
        unsigned char folded[4];
        int size = fold_at(words, in, end, folded);
        memcpy(out, folded, (size_t)size);
        in += size;
        out += size;
    }
}

static int compare(const void *a, const void *b)
{
    const word_t *x = a;
    const word_t *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->folded, y->folded, len);
    return order ? order : (int)x->len - (int)y->len;
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

static void keep_word(cg_words_t *words, const unsigned char *normal,
                      uint32_t len, const cg_word_list_t *list, uint16_t number,
                      bool is_bare, apr_pool_t *pool)
{
    unsigned char *kept = apr_palloc(pool, len * (list->is_caseless ? 1 : 2));
    fold_text(words, normal, len, kept);
    word_t *word = &words->words[words->count++];
    *word = (word_t){.folded = kept,
                     .len = (uint8_t)len,
                     .is_whole = list->is_whole_word,
                     .is_bare = is_bare,
                     .list = number};
    memcpy(word->head, kept, len < HEAD ? len : HEAD);
    if (!list->is_caseless) {
        memcpy(kept + len, normal, len);
        word->exact = kept + len;
    }
    words->are_whole = words->are_whole && list->is_whole_word;
}

/* False: too short or too long to be looked for. */
static bool add_word(cg_words_t *words, cg_str_t text,
                     const cg_word_list_t *list, uint16_t number,
                     apr_pool_t *pool)
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
    keep_word(words, normal, len, list, number, false, pool);
    len = strip_marks(normal, len, bare);
    if (len >= 2) {
        keep_word(words, bare, len, list, number, true, pool);
    }
    return true;
}

static void index_words(cg_words_t *words)
{
    uint32_t at = 0;
    qsort(words->words, words->count, sizeof words->words[0], compare);
    for (uint32_t key = 0; key <= 65536; key++) {
        while (at < words->count &&
               (uint32_t)(words->words[at].folded[0] << 8 |
                          words->words[at].folded[1]) < key) {
            at++;
        }
        words->first[key] = at;
    }
    /* Folding can change the first byte of a longer character into another such;
     * what is no first byte begins nothing. */
    for (unsigned c = '!'; c < 256; c++) {
        unsigned folded = c >= 'A' && c <= 'Z' ? c + 32 : c;
        bool has_words =
            words->first[folded << 8] < words->first[(folded + 1) << 8];
        bool has_wide = words->first[0xC0 << 8] < words->count;
        words->may_begin[c] = c < 0x80 ? has_words : c >= 0xC0 && has_wide;
    }
}

apr_status_t cg_words_create(const cg_word_list_t *lists, size_t count,
                             cg_words_t **out, cg_error_t *err,
                             apr_pool_t *pool)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += lists[i].count * 2; /* each may have a bare form */
    }
    *out = NULL;
    if (total == 0) {
        return APR_SUCCESS;
    }
    cg_words_t *words = apr_pcalloc(pool, sizeof *words);
    words->words = apr_palloc(pool, total * sizeof words->words[0]);
    words->are_whole = true;
    load_han(words);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < lists[i].count; k++) {
            if (!add_word(words, lists[i].words[k], &lists[i], (uint16_t)i,
                          pool)) {
                cg_error_set(err, "list %s: word %zu must have 2 to %d bytes",
                             lists[i].name ? lists[i].name : "?", k + 1,
                             WORD_BYTES_MAX);
                return APR_EINVAL;
            }
        }
    }
    index_words(words);
    *out = words;
    return APR_SUCCESS;
}

/* 0 behind its end, where the shorter words of a stretch stand first. */
static unsigned byte_at(const word_t *word, uint32_t depth)
{
    if (depth < HEAD) {
        return word->head[depth];
    }
    return depth < word->len ? word->folded[depth] : 0;
}

/* The part of [low, high) whose byte at depth is c. */
static void narrow(const cg_words_t *words, uint32_t depth, unsigned c,
                   uint32_t *low, uint32_t *high)
{
    uint32_t a = *low;
    uint32_t b = *high;
    unsigned first = a < b ? byte_at(&words->words[a], depth) : 0;
    unsigned last = a < b ? byte_at(&words->words[b - 1], depth) : 0;
    if (first == c && last == c) {
        return;
    }
    if (first > c || last < c) {
        *low = b;
        return;
    }
    while (a < b) {
        uint32_t mid = (a + b) / 2;
        if (byte_at(&words->words[mid], depth) < c) {
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
        if (byte_at(&words->words[mid], depth) <= c) {
            a = mid + 1;
        }
        else {
            b = mid;
        }
    }
    *high = a;
}

static bool is_fit(cg_window_t *w, const word_t *word, uint32_t start,
                   uint32_t end)
{
    if (word->is_bare &&
        cg_norm_source(w->norm, end) - cg_norm_source(w->norm, start) ==
            end - start) {
        return false;
    }
    if (word->is_whole) {
        bool begins = cg_is(word->folded[0], CG_C_ALNUM);
        bool ends = cg_is(word->folded[word->len - 1], CG_C_ALNUM);
        if ((begins && cg_is(cg_before(w, start), CG_C_ALNUM)) ||
            (ends && cg_is(cg_at(w, end), CG_C_ALNUM))) {
            return false;
        }
    }
    if (!word->exact) {
        return true;
    }
    uint32_t i = start;
    for (uint32_t k = 0; k < word->len; k++, i++) {
        while (cg_at(w, i) <= ' ' && word->exact[k] != ' ' && i < end) {
            i++;
        }
        if (word->exact[k] == ' ') {
            while (cg_at(w, i + 1) && cg_at(w, i + 1) <= ' ') {
                i++;
            }
            continue;
        }
        if (cg_at(w, i) != word->exact[k]) {
            return false;
        }
    }
    return true;
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
    size = fold_at(words, w->text + walk->at, w->text + w->limit, folded);
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
            if (is_fit(w, &words->words[i], start, walk.at)) {
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

void cg_words_scan(const cg_words_t *words, cg_window_t *w)
{
    for (uint32_t i = w->base; i < w->n; i++) {
        unsigned c = w->text[i];
        if (!words->may_begin[c] || (words->are_whole && cg_is(c, CG_C_ALNUM) &&
                                     cg_is(cg_before(w, i), CG_C_ALNUM))) {
            continue;
        }
        unsigned char folded[4];
        unsigned char next[4] = {0};
        int size = fold_at(words, w->text + i, w->text + w->n, folded);
        if (size == 1 && i + 1 < w->n) {
            fold_at(words, w->text + i + 1, w->text + w->n, next);
        }
        unsigned second = size == 1 ? next[0] : folded[1];
        /* a blank may stand for a run, or for nothing; the end for anything */
        bool is_open = second <= ' ';
        uint32_t key = (uint32_t)folded[0] << 8 | (is_open ? 0 : second);
        uint32_t low = words->first[key];
        uint32_t high = words->first[key + (is_open ? 256 : 1)];
        if (low < high) {
            cg_begin(w, i);
            scan_at(words, w, i, low, high);
            cg_end(w, i);
        }
    }
}
