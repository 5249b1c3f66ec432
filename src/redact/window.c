/* What all scanners share: classes of characters, candidates, edges.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/redact_int.h"

#define D (CG_C_DIGIT | CG_C_HEX | CG_C_B64URL | CG_C_LOCAL | CG_C_TOKEN)
#define UH (CG_C_UPPER | CG_C_HEX | CG_C_B64URL | CG_C_LOCAL | CG_C_TOKEN)
#define U (CG_C_UPPER | CG_C_B64URL | CG_C_LOCAL | CG_C_TOKEN)
#define LH (CG_C_LOWER | CG_C_HEX | CG_C_B64URL | CG_C_LOCAL | CG_C_TOKEN)
#define L (CG_C_LOWER | CG_C_B64URL | CG_C_LOCAL | CG_C_TOKEN)
#define B (CG_C_B64URL | CG_C_LOCAL | CG_C_TOKEN)
#define M (CG_C_LOCAL | CG_C_TOKEN)
#define T CG_C_TOKEN

// clang-format off
const uint8_t cg_class[256] = {
    ['0'] = D, ['1'] = D, ['2'] = D, ['3'] = D, ['4'] = D, ['5'] = D,
    ['6'] = D, ['7'] = D, ['8'] = D, ['9'] = D,
    ['A'] = UH, ['B'] = UH, ['C'] = UH, ['D'] = UH, ['E'] = UH, ['F'] = UH,
    ['G'] = U, ['H'] = U, ['I'] = U, ['J'] = U, ['K'] = U, ['L'] = U,
    ['M'] = U, ['N'] = U, ['O'] = U, ['P'] = U, ['Q'] = U, ['R'] = U,
    ['S'] = U, ['T'] = U, ['U'] = U, ['V'] = U, ['W'] = U, ['X'] = U,
    ['Y'] = U, ['Z'] = U,
    ['a'] = LH, ['b'] = LH, ['c'] = LH, ['d'] = LH, ['e'] = LH, ['f'] = LH,
    ['g'] = L, ['h'] = L, ['i'] = L, ['j'] = L, ['k'] = L, ['l'] = L,
    ['m'] = L, ['n'] = L, ['o'] = L, ['p'] = L, ['q'] = L, ['r'] = L,
    ['s'] = L, ['t'] = L, ['u'] = L, ['v'] = L, ['w'] = L, ['x'] = L,
    ['y'] = L, ['z'] = L,
    ['-'] = B, ['_'] = B, ['.'] = M, ['+'] = M, ['%'] = M, ['\''] = T,
    ['&'] = T, ['\\'] = T, ['#'] = T, ['/'] = T, [':'] = T, ['='] = T,
    ['@'] = T, ['~'] = T, ['$'] = T, ['!'] = T, ['*'] = T, ['^'] = T,
};
// clang-format on

uint32_t cg_source_length(const cg_window_t *w, uint32_t from, uint32_t to)
{
    uint32_t back = from < w->left_len ? w->left_back[from] : 0;
    uint32_t less = to < w->left_len ? w->left_back[to] : 0;
    return back + cg_norm_source(w->norm, to) - less -
           cg_norm_source(w->norm, from);
}

void cg_begin(cg_window_t *w, uint32_t start)
{
    uint32_t limit = start + w->span;
    w->reach = start;
    if (w->begun == start + 1) { /* several scanners begin at one place */
        w->limit = w->begun_limit;
        return;
    }
    if (w->norm->break_count > 1 && start >= w->base) {
        uint32_t source = cg_norm_source(w->norm, start) + w->span;
        limit = source >= w->norm->used ? w->n : cg_norm_find(w->norm, source);
    }
    w->limit = limit < w->n ? limit : w->n;
    w->begun = start + 1;
    w->begun_limit = w->limit;
}

void cg_end(cg_window_t *w, uint32_t start)
{
    if (!w->is_final && w->reach > w->n && w->limit == w->n &&
        start < w->open) {
        w->open = start;
    }
}

/* Where a label speaks for a card or another row of digits, and where one speaks against
 * it: the nearer one counts. */
static int counter(cg_window_t *w, uint32_t start, int type, int labelled)
{
    int other = cg_label_distance(w, CG_LABEL_COUNTER, start);
    if (other < 0 || (labelled >= 0 && labelled <= other)) {
        return 0;
    }
    return type == CG_TYPE_PHONE_NUMBER ? 40 : 60;
}

void cg_candidate(cg_window_t *w, uint32_t start, uint32_t end, int type,
                  int score)
{
    const cg_detector_t *row = &cg_detectors[type];
    /* An address needs no label, and they are many. */
    int distance = row->contexts && type != CG_TYPE_EMAIL_ADDRESS
                       ? cg_label_distance(w, type, start)
                       : -1;
    if (row->needs_context && distance < 0) {
        return;
    }
    if (type == CG_TYPE_CREDIT_CARD || type == CG_TYPE_FR_NIR ||
        type == CG_TYPE_KR_RRN || type == CG_TYPE_CN_USCC ||
        (type == CG_TYPE_PHONE_NUMBER && score <= CG_SCORE_MEDIUM)) {
        score -= counter(w, start, type, distance);
    }
    /* A label that makes a telephone of any digits must not win over a number
     * with a check digit. */
    bool is_any = type == CG_TYPE_PHONE_NUMBER && score < CG_SCORE_FOUND;
    if (distance >= 0) {
        score = score + 35 > 100 ? 100 : score + 35;
    }
    if (score < CG_SCORE_FOUND) {
        return;
    }
    cg_candidate_plain(w, start, end, type, score, -1, CG_SWALLOW_NONE);
    cg_candidate_t *last = &w->found[w->found_count - 1];
    /* A date within beats a sum of digits. */
    last->rank = (uint16_t)(last->rank + (type == CG_TYPE_CN_RESIDENT_ID) * 20);
    if (distance >= 0 && !is_any) {
        last->rank =
            (uint16_t)(last->rank + 100 + (CG_CONTEXT_BACK - distance) / 2);
    }
}

void cg_candidate_plain(cg_window_t *w, uint32_t start, uint32_t end, int type,
                        int score, int rule, cg_swallow_t swallow)
{
    if (w->found_count == w->found_cap) {
        /* Full: what begins here is looked at again in the next window. The
         * last place is given up, so that the caller finds one. */
        w->found_count--;
        uint32_t given_up = w->found[w->found_count].start;
        start = start < given_up ? start : given_up;
        w->open = start < w->open ? start : w->open;
    }
    uint32_t reach = w->reach > end ? w->reach : end;
    if (w->is_final && reach > w->n) {
        reach = w->n; /* nothing is behind it, and nothing will be */
    }
    w->found[w->found_count++] = (cg_candidate_t){.start = (uint16_t)start,
                                                  .end = (uint16_t)end,
                                                  .reach = (uint16_t)reach,
                                                  .type = (uint8_t)type,
                                                  .score = (uint8_t)score,
                                                  .rank = (uint16_t)score,
                                                  .rule = (int16_t)rule,
                                                  .swallow = (uint8_t)swallow};
}

/* A word that has a digit, or four hexadecimal letters: part of an identifier
 * when it is tied to a number by a dash. */
static bool is_id_part(unsigned digits, unsigned hexes, unsigned length)
{
    return digits > 0 || (length == 4 && hexes == 4);
}

bool cg_left_is_free(cg_window_t *w, uint32_t start)
{
    unsigned before = cg_before(w, start);
    if (cg_is(before, CG_C_ALNUM)) {
        return cg_is(before, CG_C_ALPHA) &&
               cg_is(w->text[start], CG_C_DIGIT | CG_C_UPPER) &&
               cg_label_touches(w, start);
    }
    if (before == '.') {
        return start < 2 || !cg_is(w->text[start - 2], CG_C_DIGIT);
    }
    if (before != '-' && before != '_') {
        return true;
    }
    unsigned digits = 0;
    unsigned hexes = 0;
    unsigned length = 0;
    for (uint32_t i = start - 1; i > 0 && length < 12; i--, length++) {
        unsigned c = w->text[i - 1];
        if (!cg_is(c, CG_C_ALNUM)) {
            break;
        }
        digits += cg_is(c, CG_C_DIGIT);
        hexes += cg_is(c, CG_C_HEX);
    }
    return !is_id_part(digits, hexes, length);
}

bool cg_right_is_free(cg_window_t *w, uint32_t end)
{
    unsigned after = cg_at(w, end);
    if (cg_is(after, CG_C_ALNUM)) {
        return false;
    }
    if (after == '.') {
        return !cg_is(cg_at(w, end + 1), CG_C_DIGIT);
    }
    if (after != '-' && after != '_') {
        return true;
    }
    unsigned digits = 0;
    unsigned hexes = 0;
    unsigned length = 0;
    for (uint32_t i = end + 1; length < 12; i++, length++) {
        unsigned c = cg_at(w, i);
        if (!cg_is(c, CG_C_ALNUM)) {
            break;
        }
        digits += cg_is(c, CG_C_DIGIT);
        hexes += cg_is(c, CG_C_HEX);
    }
    return !is_id_part(digits, hexes, length);
}
