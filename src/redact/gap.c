/* What stands between two groups of digits: a blank, a dash, a tag …
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/number_int.h"

#include <string.h>

#define GAP_BYTES_MAX 12 /* tags aside */
#define TAG_BYTES_MAX 48

/* Tags that stand within a line of text; others part one thing from another. */
static bool is_inline_tag(const char *name)
{
    static const char *const names[] = {
        "b",    "i",    "u",    "s",     "em",  "strong", "span",
        "font", "code", "mark", "small", "sub", "sup",    "del",
        "ins",  "wbr",  "tt",   "big",   "a",   "nobr"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (name[0] == names[i][0] && strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* <b>, </strong>, <span class="x">: returns the offset after it, or 0. */
static uint32_t read_tag(cg_window_t *w, uint32_t i, int *kind)
{
    char name[8];
    uint32_t letters = 0;
    uint32_t stop = i + TAG_BYTES_MAX;
    i++;
    i += cg_at(w, i) == '/';
    while (letters + 1 < sizeof name && cg_is(cg_at(w, i), CG_C_ALPHA)) {
        name[letters++] = (char)(cg_at(w, i++) | 0x20);
    }
    name[letters] = 0;
    if (letters > 0 && (cg_at(w, i) == ' ' || cg_at(w, i) == '/')) {
        while (i < stop && cg_at(w, i) >= ' ' && cg_at(w, i) != '>' &&
               cg_at(w, i) != '<') {
            i++;
        }
    }
    *kind = is_inline_tag(name) ? CG_GAP_MARK : CG_GAP_ODD;
    return letters > 0 && cg_at(w, i) == '>' ? i + 1 : 0;
}

static const uint16_t kinds_of[128] = {
    ['-'] = CG_GAP_DASH,  ['.'] = CG_GAP_DOT,   ['/'] = CG_GAP_SLASH,
    ['_'] = CG_GAP_UNDER, ['('] = CG_GAP_PAREN, [')'] = CG_GAP_PAREN,
    ['\n'] = CG_GAP_LINE, ['\r'] = CG_GAP_LINE, ['*'] = CG_GAP_MARK,
    ['`'] = CG_GAP_MARK,  ['~'] = CG_GAP_MARK,  [','] = CG_GAP_ODD,
    [';'] = CG_GAP_ODD,   [':'] = CG_GAP_ODD,   ['|'] = CG_GAP_ODD,
    ['\\'] = CG_GAP_ODD,  ['+'] = CG_GAP_ODD,   ['='] = CG_GAP_ODD,
    ['#'] = CG_GAP_ODD,   ['&'] = CG_GAP_ODD,   ['^'] = CG_GAP_ODD,
    ['!'] = CG_GAP_ODD,   ['"'] = CG_GAP_ODD,   ['\''] = CG_GAP_ODD,
    ['['] = CG_GAP_ODD,   [']'] = CG_GAP_ODD,   ['{'] = CG_GAP_ODD,
    ['}'] = CG_GAP_ODD,   ['\t'] = CG_GAP_ODD,  ['@'] = CG_GAP_ODD,
    ['$'] = CG_GAP_ODD,   ['%'] = CG_GAP_ODD,
};

static int kind_of(unsigned c)
{
    return c < 128 ? kinds_of[c] : 0;
}

/* One of the kinds a gap may have, from all that stands in it. */
static int settle_kind(int kinds, int spaces, int signs)
{
    if (kinds & CG_GAP_ODD) {
        return spaces <= 2 && signs <= 6 ? CG_GAP_ODD : 0;
    }
    if (kinds == CG_GAP_LINE) {
        return spaces <= 4 ? CG_GAP_LINE : 0;
    }
    if (kinds & CG_GAP_MARK) {
        return kinds & ~(CG_GAP_MARK | CG_GAP_DASH | CG_GAP_LINE) ? 0
                                                                  : CG_GAP_MARK;
    }
    if (kinds & CG_GAP_LINE) {
        return 0;
    }
    if (kinds & CG_GAP_PAREN) {
        return signs <= 3 ? CG_GAP_PAREN : 0;
    }
    if (kinds == 0) {
        return spaces <= 2 ? CG_GAP_SPACE : 0;
    }
    if (kinds == CG_GAP_UNDER && signs == 2 && spaces == 0) {
        return CG_GAP_MARK; /* __ is bold */
    }
    if (signs == 1 && (spaces == 0 || (spaces == 2 && kinds == CG_GAP_DASH))) {
        return kinds;
    }
    return signs <= 2 && spaces <= 2 ? CG_GAP_ODD : 0;
}

/* A gap of more than one character. */
static int read_long_gap(cg_window_t *w, uint32_t *at, unsigned next)
{
    int kinds = 0;
    int spaces = 0;
    int signs = 0;
    uint32_t i = *at;
    uint32_t stop = i + GAP_BYTES_MAX;
    unsigned first = cg_at(w, i);
    unsigned last = first;
    while (i < stop) {
        unsigned c = cg_at(w, i);
        if (cg_is(c, next)) {
            bool is_apart = spaces >= 2 && first == ' ' && last == ' ';
            *at = i;
            kinds |= is_apart && (kinds & CG_GAP_MARK) ? CG_GAP_ODD : 0;
            return settle_kind(kinds, spaces, signs);
        }
        last = c;
        if (c == ' ') {
            spaces++;
            i++;
            continue;
        }
        int kind = kind_of(c);
        uint32_t after = i + 1;
        if (c == '<') {
            after = read_tag(w, i, &kind);
            stop += after ? after - i : 0;
        }
        if (kind == 0 || after == 0 || signs > 6) {
            return 0;
        }
        kinds |= kind;
        signs += kind != CG_GAP_LINE;
        i = after;
    }
    return 0;
}

/* Several starts look at the same gap: what was found there is kept, with how
 * far it took to see it. */
static int recall_gap(cg_window_t *w, uint32_t *at)
{
    cg_gap_t *kept = &w->gaps[*at % CG_GAPS_KEPT];
    if (kept->at != *at + 1 || kept->reach > w->limit) {
        uint32_t reach = w->reach;
        kept->at = *at + 1;
        kept->next = *at;
        w->reach = *at;
        kept->kind = (uint16_t)read_long_gap(w, &kept->next, CG_C_DIGIT);
        kept->reach = w->reach;
        w->reach = reach;
    }
    if (kept->reach > w->reach) {
        w->reach = kept->reach;
    }
    *at = kept->next;
    return kept->kind;
}

int cg_read_gap(cg_window_t *w, uint32_t *at, unsigned next)
{
    unsigned first = cg_at(w, *at);
    unsigned second = cg_at(w, *at + 1);
    if (first != '<' && cg_is(second, next)) { /* one character: most gaps */
        ++*at;
        return first == ' ' ? CG_GAP_SPACE : kind_of(first);
    }
    if (first != ' ' && first != '<' && kind_of(first) == 0 &&
        !cg_is(first, next)) {
        return 0;
    }
    return next == CG_C_DIGIT ? recall_gap(w, at) : read_long_gap(w, at, next);
}

/* Reads a gap at i. Returns where the next digit stands, or 0. */
uint32_t cg_gap_after(cg_window_t *w, uint32_t i, bool may_be_x, int *gap)
{
    *gap = cg_read_gap(w, &i, CG_C_DIGIT);
    if (*gap == 0 && may_be_x) {
        *gap = cg_read_gap(w, &i, CG_C_ALPHA);
        return *gap && (cg_at(w, i) | 0x20) == 'x' ? i : 0;
    }
    return *gap ? i : 0;
}

uint32_t cg_digits_before(const cg_window_t *w, uint32_t start)
{
    uint32_t i = start;
    bool is_tag = false;
    while (i > 0 && start - i < TAG_BYTES_MAX) {
        unsigned c = w->text[i - 1];
        if (cg_is(c, CG_C_DIGIT) && !is_tag) {
            break;
        }
        is_tag = c == '>' || (is_tag && c != '<');
        if (!is_tag && c != ' ' && c != '<' && kind_of(c) == 0) {
            return 0;
        }
        i--;
    }
    return i > 0 && i < start && cg_is(w->text[i - 1], CG_C_DIGIT) ? i : 0;
}

int cg_gap_between(cg_window_t *w, uint32_t end, uint32_t start)
{
    int gap = end > 0 ? cg_read_gap(w, &end, CG_C_DIGIT) : 0;
    return end == start ? gap : 0;
}
