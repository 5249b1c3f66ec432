/* Which stretch of a text is a piece of a value?
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "redact/spread_int.h"

#define PIECE_MAX 2048 /* bytes of one piece */
#define LOOK_BACK 64   /* bytes before a piece in which words are looked for */
#define LOOK_AFTER 40

enum {
    BYTE_VALUE = 1,  /* may stand inside a value */
    BYTE_TELLING = 2 /* hardly stands anywhere else: a digit, @ */
};

#define V BYTE_VALUE
#define T (BYTE_VALUE | BYTE_TELLING)

// clang-format off
static const uint8_t bytes[256] = { /* sixteen a row, from the blank on */
    [0x20] = 0, 0, 0, 0, 0, V, 0, 0, 0, 0, 0, V, 0, V, V, V,
    [0x30] = T, T, T, T, T, T, T, T, T, T, 0, 0, 0, V, 0, 0,
    [0x40] = T, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    [0x50] = V, V, V, V, V, V, V, V, V, V, V, 0, 0, 0, 0, V,
    [0x60] = 0, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    [0x70] = V, V, V, V, V, V, V, V, V, V, V, 0, 0, 0, V, 0,
    [0xEF] = BYTE_TELLING, /* full-width forms */
};
// clang-format on

#undef V
#undef T

static bool is_invisible(uint32_t cp)
{
    return (cp >= 0x200B && cp <= 0x200F) || cp == 0x2060 || cp == 0xFEFF ||
           cp == 0xAD;
}

/* May this character beyond ASCII stand inside a value? */
static bool is_value(uint32_t cp)
{
    if (cp >= 0xFF01 && cp <= 0xFF5E) {
        cp -= 0xFEE0;
        return cp != ':' && cp != ',' && cp != '(' && cp != ')' && cp != '!' &&
               cp != '?' && cp != ';';
    }
    return cp >= 0x80 && is_invisible(cp);
}

/* Does a value character stand at at? Returns its length. */
static inline size_t value_at(cg_str_t text, size_t at)
{
    unsigned char c = (unsigned char)text.ptr[at];
    if (c < 0xC0 && c != 0xAD) {
        return (bytes[c] & BYTE_VALUE) != 0;
    }
    uint32_t cp = 0;
    int len = cg_utf8_decode(text.ptr + at, text.ptr + text.len, &cp);
    return len > 0 && is_value(cp) ? (size_t)len : 0;
}

static size_t before(cg_str_t text, size_t at)
{
    at--;
    while (at > 0 && ((unsigned char)text.ptr[at] & 0xC0) == 0x80) {
        at--;
    }
    return at;
}

/* A group that a blank may part from the next one of the same value: of capital
 * letters and digits, a digit among them. */
static bool is_group(cg_str_t text, size_t from, size_t to)
{
    bool has_digit = false;
    for (size_t i = from; i < to; i++) {
        char c = text.ptr[i];
        has_digit = has_digit || cg_is_digit(c);
        if (!cg_is_digit(c) && !(c >= 'A' && c <= 'Z')) {
            return false;
        }
    }
    return has_digit;
}

/* The run of value characters, and of groups parted by one blank, that ends at
 * end. */
static cg_piece_t run_back(cg_str_t text, size_t end)
{
    size_t at = end;
    size_t group_end = end;
    while (at > 0 && end - at < PIECE_MAX) {
        size_t one = before(text, at);
        if (value_at(text, one) > 0) {
            at = one;
            continue;
        }
        bool is_blank = text.ptr[one] == ' ' && one > 0 && at < group_end;
        if (!is_blank || !is_group(text, at, group_end)) {
            break;
        }
        size_t from = one;
        while (from > 0 && value_at(text, before(text, from)) > 0) {
            from = before(text, from);
        }
        if (from == one || !is_group(text, from, one)) {
            break;
        }
        group_end = one;
        at = from;
    }
    return (cg_piece_t){(uint32_t)at, (uint32_t)end};
}

static cg_piece_t run_forth(cg_str_t text, size_t start)
{
    size_t at = start;
    size_t group = start;
    while (at < text.len && at - start < PIECE_MAX) {
        size_t len = value_at(text, at);
        if (len > 0) {
            at += len;
            continue;
        }
        size_t next = at + 1;
        while (next < text.len && value_at(text, next) > 0) {
            next += value_at(text, next);
        }
        bool goes_on = text.ptr[at] == ' ' && at > group &&
                       is_group(text, group, at) && next > at + 1 &&
                       is_group(text, at + 1, next);
        if (!goes_on) {
            break;
        }
        group = at + 1;
        at = next;
    }
    return (cg_piece_t){(uint32_t)start, (uint32_t)at};
}

bool cg_spread_looks_like_value(cg_str_t text, cg_piece_t piece)
{
    int digits = 0;
    int capitals = 0;
    int letters = 0;
    for (uint32_t i = piece.start; i < piece.end; i++) {
        char c = text.ptr[i];
        digits += cg_is_digit(c) || (unsigned char)c == 0xEF; /* full-width */
        capitals += c >= 'A' && c <= 'Z';
        letters += cg_is_letter(c);
        if (c == '@') {
            return true;
        }
    }
    return digits > 0 || (capitals >= 6 && capitals == letters);
}

static bool is_edge(uint32_t cp)
{
    static const uint32_t marks[] = {
        0x3002, 0xFF0C, 0xFF01, 0xFF1F, 0x3001, 0x201C, 0x201D, 0x2018, 0x2019,
        0x2026, 0xFF08, 0xFF09, 0x300C, 0x300D, 0x3000, 0xFF1A, 0xFF1B};
    if (cp < 0x80) {
        return cp <= ' ' || strchr(",!?;:\"'`()[]{}<>*|#", (int)cp) != NULL;
    }
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (marks[i] == cp) {
            return true;
        }
    }
    return false;
}

/* Without white space and the marks that end a sentence or set off a word. */
static cg_piece_t trimmed(cg_str_t text)
{
    uint32_t cp;
    size_t start = 0;
    size_t end = text.len;
    while (start < end) {
        int len = cg_utf8_decode(text.ptr + start, text.ptr + end, &cp);
        if (len == 0 || !is_edge(cp)) {
            break;
        }
        start += (size_t)len;
    }
    while (end > start) {
        size_t one = before(text, end);
        int len = cg_utf8_decode(text.ptr + one, text.ptr + end, &cp);
        bool is_stop = cp == '.' && one > start &&
                       strchr(")]}\"'", text.ptr[one - 1]) != NULL;
        if (len == 0 || (!is_edge(cp) && !is_stop)) {
            break;
        }
        end = one;
    }
    return (cg_piece_t){(uint32_t)start, (uint32_t)end};
}

/* Is there nothing between a word and its piece but "is", "are", a colon, or how
 * many digits there are? */
static bool is_beside(cg_str_t text, size_t from, size_t to)
{
    int digits = 0;
    while (from < to) {
        uint32_t cp;
        int len = cg_utf8_decode(text.ptr + from, text.ptr + to, &cp);
        if (len == 0) {
            return false;
        }
        bool is_count = cp < 0x80 && cg_is_digit((char)cp) && ++digits <= 2;
        if (is_edge(cp) || cp == '=' || cp == '-' || is_count) {
            from += (size_t)len;
            continue;
        }
        size_t best = cg_spread_plain_word((cg_str_t){text.ptr, to}, from);
        if (best == 0) {
            return false;
        }
        from += best;
    }
    return true;
}

/* Notes what words stand around the slot's piece. False: it counts something. */
static bool note_words(cg_str_t text, cg_slot_t *slot)
{
    cg_piece_t piece = slot->whole;
    size_t from = piece.start > LOOK_BACK ? piece.start - LOOK_BACK : 0;
    size_t to =
        piece.end + LOOK_AFTER < text.len ? piece.end + LOOK_AFTER : text.len;
    size_t end = 0;
    int kinds = cg_spread_words(text, from, piece.start,
                                CG_WORD_PIECE | CG_WORD_BESIDE, &end);
    bool is_pointed = end > 0 && is_beside(text, end, piece.start);
    size_t unused;
    int after = cg_spread_words(text, piece.end, to, CG_WORD_PIECE, &unused);
    slot->has_label = (kinds & CG_WORD_LABEL) != 0;
    if (!is_pointed && ((kinds | after) & CG_WORD_COUNTER)) {
        return false;
    }
    bool is_short =
        text.len <= CG_SPREAD_SHORT && cg_spread_looks_like_value(text, piece);
    slot->has_word =
        is_pointed || (is_short && ((kinds | after) & CG_WORD_PIECE) != 0);
    return true;
}

/* Where from on a byte stands that tells of a value: a digit, @, or the sixth
 * capital in a row; the text's end if none does. */
static size_t next_telling(cg_str_t text, size_t from)
{
    int capitals = 0;
    for (size_t i = from; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        capitals = c >= 'A' && c <= 'Z' ? capitals + 1 : 0;
        if ((bytes[c] & BYTE_TELLING) || capitals == 6) {
            return i;
        }
    }
    return text.len;
}

/* The only run of the text that looks like a value; empty if there are none or
 * several. */
static cg_piece_t only_value(cg_str_t text)
{
    cg_piece_t only = {0, 0};
    size_t at = next_telling(text, 0);
    while (at < text.len) {
        size_t start = at;
        while (start > only.end && value_at(text, before(text, start)) > 0) {
            start = before(text, start);
        }
        cg_piece_t run = run_forth(text, start);
        if (cg_spread_looks_like_value(text, run)) {
            if (!cg_piece_is_empty(only)) {
                return (cg_piece_t){0, 0};
            }
            only = run;
        }
        at = next_telling(text, run.end > at ? run.end : at + 1);
    }
    return only;
}

/* A full stop behind digits ends the sentence; behind letters it may be an
 * address's. */
static void drop_stop(cg_str_t text, cg_piece_t *piece)
{
    uint32_t len = piece->end - piece->start;
    if (len > 1 && text.ptr[piece->end - 1] == '.' &&
        cg_is_digit(text.ptr[piece->end - 2])) {
        piece->end--;
    }
}

bool cg_spread_read(cg_str_t text, cg_slot_t *slot)
{
    cg_piece_t all = trimmed(text);
    drop_stop(text, &all);
    slot->head = run_forth(text, all.start);
    slot->tail = run_back(text, all.end);
    slot->is_bare =
        !cg_piece_is_empty(slot->tail) && slot->tail.start == all.start;
    slot->whole = slot->tail;
    if (slot->is_bare) {
        return true;
    }
    if (!cg_piece_is_empty(slot->whole) && note_words(text, slot) &&
        (slot->has_word ||
         (slot->has_label && cg_spread_looks_like_value(text, slot->whole)))) {
        return true;
    }
    slot->has_word = slot->has_label = false;
    slot->whole =
        text.len <= CG_SPREAD_SHORT ? only_value(text) : (cg_piece_t){0, 0};
    if (cg_piece_is_empty(slot->whole) || !note_words(text, slot)) {
        slot->whole = (cg_piece_t){0, 0};
        slot->has_word = slot->has_label = false;
        return false;
    }
    uint32_t len = slot->whole.end - slot->whole.start;
    slot->is_most = 2 * len > all.end - all.start;
    return slot->has_word || slot->is_most || slot->has_label;
}
