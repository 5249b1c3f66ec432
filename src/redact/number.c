/* Numbers: cards, identity numbers, telephones.
 * SPDX-License-Identifier: Apache-2.0
 *
 * From one start, groups of digits and the gaps between them are read once:
 *
 *      4111-1111 1111  1111     groups 4 4 4 4, gaps - ' ' ' '
 *
 * Each prefix of the groups is a window; the table says which types have so
 * many digits, how they are usually grouped, and how sure a grouping makes us.
 * A number grouped in another way counts only beside a label. Check digits
 * come last, because they cost most.
 */
#include "redact/redact_int.h"

#include <string.h>

#include "redact/check.h"

#define DIGITS_MAX 20
#define GAP_BYTES_MAX 12 /* tags aside */
#define TAG_BYTES_MAX 48
#define PHONE_DIGITS_MAX 15
#define ODD_LABEL_BACK 40 /* bytes */
#define SHAPE_NONE 0xFFFFFFFF
#define SCORE_ODD 25 /* grouped in no usual way */

enum gap_t {
    GAP_SPACE = 1,
    GAP_DASH = 2,
    GAP_DOT = 4,
    GAP_SLASH = 8,
    GAP_UNDER = 16,
    GAP_PAREN = 32,
    GAP_LINE = 64,
    GAP_MARK = 128, /* **, `, <b> */
    GAP_ODD = 256,  /* anything else: only beside a label */
    GAP_TIGHT = GAP_SPACE | GAP_DASH | GAP_DOT
};

typedef struct group_t {
    uint32_t end; /* after its last digit */
    uint8_t len;
    uint8_t total;  /* digits up to its end */
    uint16_t gap;   /* kind of the gap before it */
    uint32_t shape; /* lengths up to it, one hexadecimal digit each */
} group_t;

typedef struct number_t {
    uint32_t start;
    char d[DIGITS_MAX + 2];
    group_t group[DIGITS_MAX + 1];
    int groups;
    bool has_x; /* the last of 18 is X */
} number_t;

typedef struct row_t {
    uint8_t type;
    uint8_t min;
    uint8_t max;
    uint8_t solid;          /* score without gaps; 0: not so */
    uint8_t shaped;         /* score in a usual grouping */
    uint8_t other;          /* score in any other grouping */
    uint8_t gaps;           /* gaps of a usual grouping */
    const uint32_t *shapes; /* usual groupings, a digit a group; 0 ends */
    bool (*fixed)(const char *d);
    bool (*sized)(const char *d, int len);
} row_t;

static bool check_nir(const char *d)
{
    return cg_check_fr_nir(d);
}

// clang-format off
#define SDD GAP_TIGHT
#define SHAPES(...) (const uint32_t[]){__VA_ARGS__, 0}
static const row_t rows[] = {
    {CG_TYPE_CREDIT_CARD, 13, 19, 100, 100, 25,
     SDD | GAP_MARK | GAP_SLASH | GAP_UNDER,
     SHAPES(0x4444, 0x465, 0x464, 0x44443, 0x44442, 0x44441, 0x4443, 0x4441, 0x88, 0x6A, 0xA6, 0x613, 0x466), NULL, cg_check_card},
    {CG_TYPE_CN_RESIDENT_ID, 18, 18, 100, 100, 70, SDD,
     SHAPES(0x684, 0x6444, 0x3384, 0x33444, 0x648), cg_check_cn_id, NULL},
    {CG_TYPE_US_SSN, 9, 9, 30, 85, 25, SDD, SHAPES(0x324), cg_check_us_ssn, NULL},
    {CG_TYPE_US_ITIN, 9, 9, 30, 85, 25, SDD, SHAPES(0x324), cg_check_us_itin, NULL},
    {CG_TYPE_KR_RRN, 13, 13, 60, 100, 25, SDD, SHAPES(0x67), cg_check_kr_rrn, NULL},
    {CG_TYPE_FR_NIR, 15, 15, 100, 100, 25, SDD, SHAPES(0x1222332, 0x13A, 0xD2), check_nir, NULL},
    {CG_TYPE_BR_CPF, 11, 11, 30, 100, 25, GAP_DOT | GAP_DASH, SHAPES(0x3332, 0x92), cg_check_br_cpf, NULL},
    {CG_TYPE_BR_CNPJ, 14, 14, 30, 100, 25, GAP_DOT | GAP_DASH | GAP_SLASH, SHAPES(0x23342), cg_check_br_cnpj, NULL},
    {CG_TYPE_UK_NHS, 10, 10, 30, 30, 25, SDD, SHAPES(0x334), cg_check_uk_nhs, NULL},
    {CG_TYPE_AU_TFN, 8, 9, 30, 30, 25, SDD, SHAPES(0x333, 0x323), NULL, cg_check_au_tfn},
    {CG_TYPE_AU_ABN, 11, 11, 30, 30, 25, SDD, SHAPES(0x2333), cg_check_au_abn, NULL},
    {CG_TYPE_AU_MEDICARE, 10, 11, 30, 30, 25, SDD | GAP_SLASH, SHAPES(0x451, 0x4511), NULL, cg_check_au_medicare},
    {CG_TYPE_CA_SIN, 9, 9, 30, 30, 25, SDD, SHAPES(0x333), cg_check_ca_sin, NULL},
    {CG_TYPE_US_NPI, 10, 10, 30, 30, 25, SDD, SHAPES(0x433), cg_check_us_npi, NULL},
    {CG_TYPE_ABA_ROUTING_NUMBER, 9, 9, 30, 30, 25, SDD, SHAPES(0x441), cg_check_aba, NULL},
    {CG_TYPE_IN_AADHAAR, 12, 12, 30, 30, 25, SDD, SHAPES(0x444), cg_check_aadhaar, NULL},
    {CG_TYPE_JP_MY_NUMBER, 12, 12, 30, 30, 25, SDD, SHAPES(0x444), cg_check_jp_my_number, NULL},
    {CG_TYPE_PL_PESEL, 11, 11, 30, 30, 25, SDD, SHAPES(0x65), cg_check_pl_pesel, NULL},
    {CG_TYPE_NL_BSN, 9, 9, 30, 30, 25, SDD, SHAPES(0x333, 0x423, 0x45), cg_check_nl_bsn, NULL},
    {CG_TYPE_TR_NATIONAL_ID, 11, 11, 30, 30, 25, SDD, SHAPES(0x3332), cg_check_tr_id, NULL},
    {CG_TYPE_TH_TNIN, 13, 13, 30, 30, 25, SDD, SHAPES(0x14521), cg_check_th_id, NULL},
    {CG_TYPE_DE_TAX_ID, 11, 11, 30, 30, 25, SDD | GAP_SLASH, SHAPES(0x2333), cg_check_de_tax_id, NULL},
    {CG_TYPE_ZA_ID_NUMBER, 13, 13, 30, 30, 25, SDD, SHAPES(0x643, 0x6421, 0x6412), cg_check_za_id, NULL},
    {CG_TYPE_SE_PERSONNUMMER, 10, 12, 30, 30, 25, SDD, SHAPES(0x64, 0x84), NULL, cg_check_se_personnummer},
    {CG_TYPE_KR_BRN, 10, 10, 30, 30, 25, SDD, SHAPES(0x325), cg_check_kr_brn, NULL},
};
// clang-format on
/* Groupings that say something without a label, by their number of groups:
 * those of the rows above whose score in a usual grouping is CG_SCORE_FOUND or
 * more, and of telephones. */
static const uint32_t *const sure_shapes[] = {
    [2] = SHAPES(0x88, 0x6A, 0xA6, 0x67, 0xD2, 0x92, 0x37, 0x2B, 0x4B),
    [3] = SHAPES(0x333, 0x465, 0x464, 0x613, 0x466, 0x684, 0x648, 0x324, 0x13A,
                 0x334, 0x137, 0x344, 0x335, 0x353, 0x245, 0x443),
    [4] = SHAPES(0x4444, 0x4443, 0x4441, 0x6444, 0x3384, 0x3332, 0x1334, 0x3334,
                 0x2344, 0x4344, 0x3322),
    [5] = SHAPES(0x44443, 0x44442, 0x44441, 0x33444, 0x23342),
    [6] = SHAPES(0),
    [7] = SHAPES(0x1222332),
};
#define SURE_GROUPS_MAX 7
/* The sizes of the second groups, theirs and of those that need a label, a bit
 * each, by the size of the first. */
static const uint16_t sure_seconds[16] = {
    [1] = 1 << 2 | 1 << 3 | 1 << 4,
    [2] = 1 << 3 | 1 << 4 | 1 << 11,
    [3] = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 7,
    [4] = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 11,
    [6] = 1 << 1 | 1 << 4 | 1 << 7 | 1 << 8 | 1 << 10,
    [8] = 1 << 8,
    [9] = 1 << 2,
    [10] = 1 << 6,
    [13] = 1 << 2,
};
/* Groupings of more digits than a telephone has, by their number of groups, of
 * all rows above. */
#define LONG_FROM 12
static const uint32_t *const long_shapes[] = {
    [0] = SHAPES(0),
    [1] = SHAPES(0),
    [2] = SHAPES(0x88, 0x6A, 0xA6, 0x67, 0xD2),
    [3] = SHAPES(0x465, 0x464, 0x613, 0x466, 0x684, 0x648, 0x13A, 0x643),
    [4] = SHAPES(0x4444, 0x4443, 0x4441, 0x6444, 0x3384, 0x6421, 0x6412),
    [5] = SHAPES(0x44443, 0x44442, 0x44441, 0x33444, 0x23342, 0x14521),
    [6] = SHAPES(0),
    [7] = SHAPES(0x1222332),
};
#define ROW_DIGITS_MIN 8
#define ROWS (sizeof rows / sizeof rows[0])

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
    *kind = is_inline_tag(name) ? GAP_MARK : GAP_ODD;
    return letters > 0 && cg_at(w, i) == '>' ? i + 1 : 0;
}

static const uint16_t kinds_of[128] = {
    ['-'] = GAP_DASH,  ['.'] = GAP_DOT,   ['/'] = GAP_SLASH, ['_'] = GAP_UNDER,
    ['('] = GAP_PAREN, [')'] = GAP_PAREN, ['\n'] = GAP_LINE, ['\r'] = GAP_LINE,
    ['*'] = GAP_MARK,  ['`'] = GAP_MARK,  ['~'] = GAP_MARK,  [','] = GAP_ODD,
    [';'] = GAP_ODD,   [':'] = GAP_ODD,   ['|'] = GAP_ODD,   ['\\'] = GAP_ODD,
    ['+'] = GAP_ODD,   ['='] = GAP_ODD,   ['#'] = GAP_ODD,   ['&'] = GAP_ODD,
    ['^'] = GAP_ODD,   ['!'] = GAP_ODD,   ['"'] = GAP_ODD,   ['\''] = GAP_ODD,
    ['['] = GAP_ODD,   [']'] = GAP_ODD,   ['{'] = GAP_ODD,   ['}'] = GAP_ODD,
    ['\t'] = GAP_ODD,  ['@'] = GAP_ODD,   ['$'] = GAP_ODD,   ['%'] = GAP_ODD,
};

static int kind_of(unsigned c)
{
    return c < 128 ? kinds_of[c] : 0;
}

/* One of the kinds a gap may have, from all that stands in it. */
static int settle_kind(int kinds, int spaces, int signs)
{
    if (kinds & GAP_ODD) {
        return spaces <= 2 && signs <= 6 ? GAP_ODD : 0;
    }
    if (kinds == GAP_LINE) {
        return spaces <= 4 ? GAP_LINE : 0;
    }
    if (kinds & GAP_MARK) {
        return kinds & ~(GAP_MARK | GAP_DASH | GAP_LINE) ? 0 : GAP_MARK;
    }
    if (kinds & GAP_LINE) {
        return 0;
    }
    if (kinds & GAP_PAREN) {
        return signs <= 3 ? GAP_PAREN : 0;
    }
    if (kinds == 0) {
        return spaces <= 2 ? GAP_SPACE : 0;
    }
    if (kinds == GAP_UNDER && signs == 2 && spaces == 0) {
        return GAP_MARK; /* __ is bold */
    }
    if (signs == 1 && (spaces == 0 || (spaces == 2 && kinds == GAP_DASH))) {
        return kinds;
    }
    return signs <= 2 && spaces <= 2 ? GAP_ODD : 0;
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
            kinds |= is_apart && (kinds & GAP_MARK) ? GAP_ODD : 0;
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
        signs += kind != GAP_LINE;
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
        return first == ' ' ? GAP_SPACE : kind_of(first);
    }
    if (first != ' ' && first != '<' && kind_of(first) == 0 &&
        !cg_is(first, next)) {
        return 0;
    }
    return next == CG_C_DIGIT ? recall_gap(w, at)
                              : read_long_gap(w, at, next);
}

/* Reads a gap at i. Returns where the next digit stands, or 0. */
static uint32_t read_gap(cg_window_t *w, uint32_t i, bool may_be_x, int *gap)
{
    *gap = cg_read_gap(w, &i, CG_C_DIGIT);
    if (*gap == 0 && may_be_x) {
        *gap = cg_read_gap(w, &i, CG_C_ALPHA);
        return *gap && (cg_at(w, i) | 0x20) == 'x' ? i : 0;
    }
    return *gap ? i : 0;
}

/* Is this the first number behind a label of any type? Only then can it be
 * grouped in any way. */
static bool is_first_labelled(cg_window_t *w, uint32_t start)
{
    if (!cg_has_label(w, start)) {
        return false;
    }
    uint32_t end = w->label_last - 1;
    unsigned digits = 0;
    for (uint32_t i = end; i < start && digits < 4; i++) {
        digits += cg_is(w->text[i], CG_C_DIGIT);
    }
    return start - end <= ODD_LABEL_BACK && digits < 4;
}

/* Do groups of more digits than a telephone has begin a long number: in a usual
 * grouping, or any of a resident of China, who has a year in the middle? */
static bool is_long_form(const number_t *number)
{
    const char *year = number->d + 6;
    uint32_t shape = number->group[number->groups - 1].shape;
    if ((year[0] == '1' && year[1] >= '8') || (year[0] == '2' && year[1] == '0')) {
        return true;
    }
    for (int groups = number->groups; groups <= SURE_GROUPS_MAX; groups++) {
        const uint32_t *whole = long_shapes[groups];
        for (; *whole; whole++) {
            if (*whole >> 4 * (groups - number->groups) == shape) {
                return true;
            }
        }
    }
    return false;
}

/* Groups of different sizes that begin none of the sure groupings: without a
 * label nothing will come of them, so that rows of small numbers cost little. */
static bool is_hopeless(cg_window_t *w, const number_t *number)
{
    if (number->groups <= 2 || number->d[0] == '0') {
        return false;
    }
    uint32_t first = number->group[0].len;
    uint32_t second = number->group[1].len;
    bool may_be_sure = number->groups <= SURE_GROUPS_MAX && first < 16 &&
                       second < 16 && (sure_seconds[first] >> second & 1) &&
                       (number->group[number->groups - 1].total <= LONG_FROM ||
                        is_long_form(number));
    return !may_be_sure && !is_first_labelled(w, number->start);
}

/* Reads groups from start on until DIGITS_MAX digits or something else. */
static void read_number(cg_window_t *w, uint32_t start, bool is_international,
                        number_t *number)
{
    uint32_t i = start;
    int total = 0;
    int gap = 0;
    uint32_t shape = 0;
    bool is_even = true;
    number->start = start;
    number->groups = 0;
    number->has_x = false;
    for (;;) {
        uint32_t from = i;
        while (total < DIGITS_MAX && i < w->limit &&
               cg_is(w->text[i], CG_C_DIGIT)) {
            number->d[total++] = (char)w->text[i++];
        }
        if (total == 17 && (cg_at(w, i) | 0x20) == 'x') {
            number->d[total++] = 'X';
            number->has_x = true;
            i++;
        }
        bool is_cut = cg_is(cg_at(w, i), CG_C_DIGIT);
        if (is_cut || i == from) {
            return;
        }
        uint32_t len = i - from;
        shape = len > 15 || shape >> 28 ? SHAPE_NONE : shape << 4 | len;
        number->group[number->groups++] =
            (group_t){i, (uint8_t)len, (uint8_t)total, (uint16_t)gap, shape};
        is_even = is_even && len == number->group[0].len;
        if (total >= DIGITS_MAX || number->has_x ||
            number->groups == DIGITS_MAX ||
            (!is_even && !is_international && is_hopeless(w, number))) {
            return;
        }
        i = read_gap(w, i, total == 17, &gap);
        if (i == 0 || (gap == GAP_ODD && !is_first_labelled(w, start))) {
            return;
        }
    }
}

static bool is_in(uint32_t shape, const uint32_t *shapes)
{
    while (*shapes && *shapes != shape) {
        shapes++;
    }
    return *shapes != 0;
}

typedef struct window_t {
    int groups;
    int total;
    uint32_t shape;
    uint32_t end;
    int gaps;        /* kinds of gaps within */
    bool is_one_gap; /* all of one kind */
    bool is_uniform; /* groups of one size, the last may be shorter */
    bool is_maximal; /* the row of digits begins and ends with it */
    bool is_free;    /* its end is an edge */
} window_t;

/* Lets a window grow by the next group. */
static void grow(window_t *window, const number_t *number)
{
    const group_t *group = &number->group[window->groups];
    uint8_t size = number->group[0].len;
    if (window->groups > 0) {
        bool was_even = window->groups == 1 ||
                        number->group[window->groups - 1].len == size;
        window->is_one_gap = window->is_one_gap &&
                             (window->gaps == 0 || window->gaps == group->gap);
        window->gaps |= group->gap;
        window->is_uniform =
            window->is_uniform && was_even && group->len <= size;
    }
    window->groups++;
    window->total = group->total;
    window->shape = group->shape;
    window->end = group->end;
}

/* Is there anything this window may be? Most are passed over here. */
static bool is_promising(cg_window_t *w, const number_t *number,
                         const window_t *window)
{
    return window->total >= 7 &&
           (window->groups == 1 || window->total == 18 ||
            (window->groups == window->total && window->total >= 15) ||
            (number->d[0] == '0' && window->total <= 11) ||
            (window->groups <= SURE_GROUPS_MAX &&
             is_in(window->shape, sure_shapes[window->groups])) ||
            cg_has_label(w, number->start));
}

/* Score of a row for a window; 0: not so. */
static int score_row(const row_t *row, const window_t *window)
{
    if (window->groups == 1) {
        return row->solid;
    }
    if ((window->gaps & ~row->gaps) == 0 && is_in(window->shape, row->shapes)) {
        bool is_mixed = !window->is_one_gap && row->type != CG_TYPE_BR_CPF &&
                        row->type != CG_TYPE_BR_CNPJ;
        return is_mixed ? row->other : row->shaped;
    }
    bool is_odd = (window->gaps & GAP_ODD) != 0;
    bool is_regular = window->is_uniform || is_in(window->shape, row->shapes);
    if ((window->is_uniform || is_odd) && !window->is_maximal) {
        return 0;
    }
    if (is_odd) {
        return is_regular && window->is_one_gap ? row->other : 0;
    }
    /* 4 1 1 1 1 1 …: as many digits as a card has, and no more */
    if (row->type == CG_TYPE_CREDIT_CARD && window->is_uniform &&
        window->is_one_gap && window->total >= 15 &&
        window->groups == window->total) {
        return CG_SCORE_MEDIUM;
    }
    return row->other;
}

/* Does a label speak for a number that is not sure by itself? Grouped oddly, it
 * must be near and the first number after the label. */
static bool is_labelled(cg_window_t *w, int type, uint32_t start, bool is_odd)
{
    int distance = cg_label_distance(w, type, start);
    if (distance < 0 && is_odd) {
        distance = cg_label_distance(w, CG_LABEL_NUMBER, start);
    }
    if (distance < 0 || !is_odd) {
        return distance >= 0;
    }
    if (distance > ODD_LABEL_BACK) {
        return false;
    }
    int digits = 0;
    for (uint32_t i = start - (uint32_t)distance; i < start; i++) {
        digits += cg_is(w->text[i], CG_C_DIGIT);
    }
    return digits < 4;
}

static bool has_label_near(cg_window_t *w, int type, uint32_t start)
{
    return cg_label_distance(w, type, start) >= 0 &&
           is_labelled(w, type, start, true);
}

/* Is there a word of four hexadecimal characters at i? is_hex: with a letter, but
 * no "DE89", with which an account number may begin. */
static bool is_four(cg_window_t *w, uint32_t i, bool *is_hex)
{
    char four[4];
    bool has_letter = false;
    for (uint32_t k = 0; k < 4; k++) {
        unsigned c = cg_at(w, i + k);
        if (!cg_is(c, CG_C_HEX)) {
            return false;
        }
        has_letter = has_letter || !cg_is(c, CG_C_DIGIT);
        four[k] = (char)c;
    }
    bool is_word = !cg_is(cg_at(w, i + 4), CG_C_ALNUM);
    bool is_account = cg_is(four[2], CG_C_DIGIT) &&
                      cg_is(four[3], CG_C_DIGIT) && cg_iban_length(four) > 0;
    *is_hex = *is_hex || (is_word && has_letter && !is_account);
    return is_word;
}

/* Does a word begin at i that is tied to nothing? */
static bool is_word_start(const cg_window_t *w, uint32_t i)
{
    return i == 0 || w->text[i - 1] <= ' ' ||
           memchr("([{<\"':;,|", w->text[i - 1], 10) != NULL;
}

/* 5414 5415 5416 5417: each four a little more than the one before. */
static bool is_rising(const number_t *number)
{
    int before = 0;
    for (int i = 0; i < 4; i++) {
        int here = 0;
        for (int k = 0; k < 4; k++) {
            here = here * 10 + (number->d[i * 4 + k] - '0');
        }
        if (i > 0 && (here <= before || here > before + 20)) {
            return false;
        }
        before = here;
    }
    return true;
}

/* Sixteen digits in fours may be a piece of a table of fours, such as code
 * points: then others stand before or behind, though not four of them, or some
 * have letters. */
static bool is_table(cg_window_t *w, uint32_t start, uint32_t end)
{
    bool is_hex = false;
    int before = 0;
    int after = 0;
    uint32_t i = start;
    while (before < 4 && i >= 5 && w->text[i - 1] <= ' ' &&
           is_word_start(w, i - 5) && is_four(w, i - 5, &is_hex)) {
        before++;
        i -= 5;
    }
    i = end;
    while (after < 4 && cg_at(w, i) <= ' ' && cg_at(w, i) &&
           is_four(w, i + 1, &is_hex)) {
        after++;
        i += 5;
    }
    return is_hex || (before > 0 && before < 4) || (after > 1 && after < 4);
}

static bool is_year(const char *d)
{
    return memcmp(d, "19", 2) == 0 || memcmp(d, "20", 2) == 0;
}

/* Sound, but so are many numbers that are something else: a card of an unusual
 * length, or of 18 digits with a date where a resident's number has one; a resident of Korea born from 1915 to 1919, for 13 digits that begin
 * so are mostly a time in milliseconds, and so are those that end in zeros. */
static bool is_doubtful(int type, const char *d, int total)
{
    if (type == CG_TYPE_CREDIT_CARD) {
        return !cg_card_is_usual(d, total) ||
               (total == 18 && is_year(d + 6) && d[10] <= '1');
    }
    return type == CG_TYPE_KR_RRN &&
           ((d[6] <= '2' && d[0] == '1' && d[1] >= '5') ||
            memcmp(d + 9, "0000", 4) == 0);
}

static void try_rows(cg_window_t *w, const number_t *number,
                     const window_t *window)
{
    size_t count = window->total < ROW_DIGITS_MIN ? 0 : ROWS;
    for (size_t i = 0; i < count; i++) {
        const row_t *row = &rows[i];
        if (window->total < row->min || window->total > row->max ||
            (number->has_x && window->groups == number->groups &&
             row->type != CG_TYPE_CN_RESIDENT_ID)) {
            continue;
        }
        int score = score_row(row, window);
        if (score == 0 ||
            (score < CG_SCORE_FOUND &&
             !is_labelled(w, row->type, number->start, score <= SCORE_ODD))) {
            continue;
        }
        if (score <= SCORE_ODD && row->type == CG_TYPE_CREDIT_CARD) {
            score = CG_SCORE_FOUND;
        }
        if (is_doubtful(row->type, number->d, window->total)) {
            score = CG_SCORE_WEAK;
        }
        if (row->fixed ? !row->fixed(number->d)
                       : !row->sized(number->d, window->total)) {
            continue;
        }
        if (row->type == CG_TYPE_CREDIT_CARD && (window->gaps & GAP_SPACE) &&
            number->group[0].len == 4 &&
            (is_rising(number) || is_table(w, number->start, window->end)) &&
            cg_label_distance(w, row->type, number->start) < 0) {
            continue;
        }
        cg_candidate(w, number->start, window->end, row->type, score);
    }
}
/* A Chinese mobile number, however grouped. */
static bool looks_mobile(const number_t *number, const window_t *window)
{
    return window->total == 11 && number->d[0] == '1' && number->d[1] >= '3';
}

/* " ext. 12", " x12", "转12": returns its end, or end. */
static uint32_t read_extension(cg_window_t *w, uint32_t end)
{
    static const char *const words[] = {"extension",
                                        "ext.",
                                        "ext",
                                        "x",
                                        "#",
                                        "\xe8\xbd\xac",
                                        "\xe5\x88\x86\xe6\x9c\xba"};
    uint32_t i = end;
    while (i < end + 2 && (cg_at(w, i) == ' ' || cg_at(w, i) == ',')) {
        i++;
    }
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        uint32_t at = i;
        const char *p = words[k];
        while (*p && (cg_at(w, at) == (unsigned char)*p ||
                      (cg_at(w, at) | 0x20) == (unsigned char)*p)) {
            at++;
            p++;
        }
        if (*p) {
            continue;
        }
        at += cg_at(w, at) == ':';
        at += cg_at(w, at) == ' ';
        uint32_t from = at;
        while (at < from + 6 && cg_is(cg_at(w, at), CG_C_DIGIT)) {
            at++;
        }
        if (at > from && at < from + 6) {
            return at;
        }
    }
    return end;
}

/* "5551234-Office", "655 437 108 mobile": what it is stands behind. */
static bool is_called_after(cg_window_t *w, uint32_t end)
{
    static const char *const words[] = {"office", "fax",  "mobile", "cell",
                                        "home",   "work", "phone",  "tel"};
    uint32_t i = end;
    while (i < end + 3 &&
           (cg_at(w, i) == ' ' || cg_at(w, i) == '-' || cg_at(w, i) == '(')) {
        i++;
    }
    for (size_t k = 0; i > end && k < sizeof words / sizeof words[0]; k++) {
        uint32_t at = i;
        const char *p = words[k];
        while (*p && (cg_at(w, at) | 0x20) == (unsigned char)*p) {
            at++;
            p++;
        }
        if (*p == 0 && !cg_is(cg_at(w, at), CG_C_ALNUM)) {
            return true;
        }
    }
    return false;
}

static bool is_nanp(const char *d)
{
    return d[0] >= '2' && d[3] >= '2' && !(d[1] == '1' && d[2] == '1') &&
           !(d[4] == '1' && d[5] == '1');
}

/* 0123456789 is an alphabet. */
static bool is_counting(const number_t *number, int total)
{
    int steps = 0;
    for (int i = 1; i < total; i++) {
        steps += number->d[i] == number->d[i - 1] + 1;
    }
    return steps >= total - 2;
}

/* Four groups and dots: an address of a machine. */
static bool has_ip4_form(const number_t *number, const window_t *window)
{
    if (window->groups != 4 || window->gaps != GAP_DOT) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        const char *d =
            number->d + number->group[i].total - number->group[i].len;
        if (number->group[i].len > 3 ||
            (number->group[i].len == 3 && memcmp(d, "256", 3) >= 0)) {
            return false;
        }
    }
    return true;
}

/* 2024-05-12, 12.05.2024, 12 05 24: a date, not a number to call;
 * and so is 1998-2024. */
static bool is_date(const number_t *number, int groups)
{
    const char *d = number->d;
    if (groups == 2 && number->group[0].len == 4 && number->group[1].len == 4) {
        return is_year(d) && is_year(d + 4);
    }
    if (groups < 3 || number->group[2].total != 8) {
        return false;
    }
    bool is_year_first = number->group[0].len == 4 && number->group[1].len == 2;
    bool is_year_last = number->group[0].len == 2 && number->group[1].len == 2;
    return (is_year_first && (d[0] == '1' || d[0] == '2')) ||
           (is_year_last && (d[4] == '1' || d[4] == '2'));
}

/* Most digits of a number that begins with a country code (E.164). */
static int most_digits(const char *d)
{
    static const struct {
        const char *code;
        int most;
    } table[] = {{"1", 11},   {"7", 11},   {"86", 13},  {"33", 11}, {"34", 11},
                 {"44", 12},  {"81", 12},  {"82", 12},  {"65", 10}, {"852", 11},
                 {"853", 11}, {"886", 12}, {"91", 12},  {"61", 11}, {"90", 12},
                 {"972", 12}, {"47", 10},  {"45", 10},  {"31", 11}, {"32", 11},
                 {"41", 11},  {"48", 11},  {"60", 12},  {"66", 11}, {"62", 14},
                 {"63", 12},  {"351", 12}, {"353", 12}, {"27", 11}, {"971", 12},
                 {"966", 12}, {"55", 13},  {"52", 13},  {"54", 13}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strncmp(d, table[i].code, strlen(table[i].code)) == 0) {
            return table[i].most;
        }
    }
    return 13;
}

/* Number of groups of an international number (after '+'), or 0. */
static int international(const number_t *number)
{
    int most = most_digits(number->d);
    int found = 0;
    for (int i = 0; i < number->groups; i++) {
        const group_t *group = &number->group[i];
        if (i > 0 && !(group->gap & (GAP_TIGHT | GAP_PAREN | GAP_SLASH |
                                     GAP_UNDER | GAP_MARK))) {
            break;
        }
        if (group->total > (i == 0 ? PHONE_DIGITS_MAX : most + 1)) {
            break;
        }
        if (group->total >= 8) {
            found = i + 1;
        }
        if (group->total >= most) {
            break;
        }
    }
    return found;
}

/* Length of 86, 0086 or 086 before a Chinese mobile number. */
static int china_prefix(const char *d, int total)
{
    if (total == 13 && memcmp(d, "86", 2) == 0) {
        return 2;
    }
    if (total == 15 && memcmp(d, "0086", 4) == 0) {
        return 4;
    }
    return total == 11 ? 0 : -1;
}

/* 08 37 56 48 18 among other pairs of hexadecimal digits is a dump. */
static bool is_in_dump(cg_window_t *w, uint32_t start, uint32_t end)
{
    bool is_after = cg_at(w, end) == ' ' &&
                    cg_is(cg_at(w, end + 1), CG_C_HEX) &&
                    cg_is(cg_at(w, end + 2), CG_C_HEX) &&
                    !cg_is(cg_at(w, end + 3), CG_C_ALNUM);
    return is_after || (start >= 3 && w->text[start - 1] == ' ' &&
                        cg_is(w->text[start - 2], CG_C_HEX) &&
                        cg_is(w->text[start - 3], CG_C_HEX) &&
                        !cg_is(cg_before(w, start - 3), CG_C_ALNUM));
}

/* Five different digits: tables have rows like 01232323232. */
static bool has_variety(const char *d, int total)
{
    unsigned seen = 0;
    int distinct = 0;
    for (int i = 0; i < total; i++) {
        unsigned bit = 1u << (d[i] - '0');
        distinct += !(seen & bit);
        seen |= bit;
    }
    return distinct >= 5;
}

/* Gaps of one kind, brackets aside. */
static bool is_one_kind(const window_t *window)
{
    int gaps = window->gaps & ~GAP_PAREN;
    return (gaps & (gaps - 1)) == 0;
}

/* A number may have one digit by itself: a trunk code. Others are lists. */
static bool is_list(const number_t *number, const window_t *window)
{
    int single = 0;
    for (int i = 0; i < window->groups; i++) {
        single += number->group[i].len == 1;
    }
    return single > 1 || window->groups > 6;
}

/* Forms of other countries that are known by their zero, or their grouping:
 * 09171234567, 090-1234-5678, 0216 123 45 67, 532 123 45 67. */
static bool is_national(const number_t *number, const window_t *window)
{
    const char *d = number->d;
    int groups = window->groups;
    if (window->gaps & ~(GAP_SPACE | GAP_DASH | GAP_PAREN | GAP_DOT)) {
        return false;
    }
    if (window->gaps & GAP_DOT) {
        return is_in(window->shape, SHAPES(0x22222, 0x3322));
    }
    if (d[0] != '0') {
        return d[0] >= '2' && is_in(window->shape, SHAPES(0x3322));
    }
    if (groups == 1) {
        return window->total == 11 && d[1] != '0' && has_variety(d, 11);
    }
    if (!is_one_kind(window)) {
        return false;
    }
    if (number->group[0].len == 1) {
        return is_in(window->shape, SHAPES(0x13322, 0x1334, 0x137));
    }
    return window->total >= 9 && window->total <= 11 && d[1] != '0' &&
           groups <= 5 && number->group[0].len <= 5 &&
           !is_in(window->shape, SHAPES(0x54, 0x324)) &&
           !is_date(number, groups);
}

/* How sure is it that this window is a telephone number? */
static int score_phone(const number_t *number, const window_t *window)
{
    const char *d = number->d;
    int prefix = china_prefix(d, window->total);
    bool is_one_block = window->groups == 1;
    bool is_tight = (window->gaps & ~(GAP_TIGHT | GAP_PAREN)) == 0;
    if (prefix >= 0 && d[prefix] == '1' && d[prefix + 1] >= '3') {
        if (is_one_block && memcmp(d, "17179869184", 11) == 0) {
            return 20; /* 2 to the 34th: 16 GiB */
        }
        bool is_shape =
            is_in(window->shape, SHAPES(0x344, 0x2B, 0x2344, 0x4B, 0x4344,
                                        0x335, 0x353, 0x245, 0x443));
        bool is_regular =
            (is_shape || window->is_uniform) && window->is_maximal;
        if ((window->gaps & GAP_ODD) && !is_regular) {
            return 0;
        }
        return is_one_block || (is_tight && is_shape) ? 70 : 20;
    }
    if (window->gaps & GAP_ODD) {
        return 0;
    }
    if (is_tight && window->total == 10 && !is_one_block && is_nanp(d) &&
        is_in(window->shape, SHAPES(0x334, 0x37)) &&
        (window->is_one_gap || !(window->gaps & GAP_DOT))) {
        return window->groups == 3 ? 80 : 50;
    }
    if (is_tight && window->total == 11 && d[0] == '1' && is_nanp(d + 1) &&
        is_in(window->shape, SHAPES(0x1334, 0x137))) {
        return 80;
    }
    if (is_tight && window->total == 13 && memcmp(d, "001", 3) == 0 &&
        is_nanp(d + 3) && is_in(window->shape, SHAPES(0x3334))) {
        return 80;
    }
    if (is_counting(number, window->total) || has_ip4_form(number, window)) {
        return 0;
    }
    if (is_national(number, window)) {
        return 55;
    }
    if (window->total < 8 || window->total > 12 || !is_one_kind(window) ||
        is_list(number, window) || is_date(number, window->groups) ||
        (window->gaps & GAP_LINE) ||
        (window->gaps == GAP_DOT && window->groups == 2)) {
        return 0;
    }
    return 20;
}

static void try_phone(cg_window_t *w, const number_t *number, uint32_t start,
                      const window_t *window)
{
    uint32_t digits_end = window->end;
    int score = score_phone(number, window);
    uint32_t end = score ? read_extension(w, digits_end) : digits_end;
    if (score == 0 || (!window->is_free && end == digits_end)) {
        return;
    }
    if (score < 60 && window->is_uniform && window->groups > 1 &&
        (!window->is_maximal || is_in_dump(w, start, digits_end))) {
        return;
    }
    if (score < CG_SCORE_FOUND &&
        !(looks_mobile(number, window)
              ? is_labelled(w, CG_TYPE_PHONE_NUMBER, start, true)
              : has_label_near(w, CG_TYPE_PHONE_NUMBER, start))) {
        if (!is_called_after(w, end)) {
            return;
        }
        score = CG_SCORE_FOUND;
    }
    if (score < CG_SCORE_FOUND && looks_mobile(number, window) &&
        cg_label_distance(w, CG_TYPE_PHONE_NUMBER, start) < 0) {
        score =
            CG_SCORE_FOUND; /* "号码是1 3 8 …": any number's label will do */
    }
    cg_candidate(w, start, end, CG_TYPE_PHONE_NUMBER, score);
}

static void try_international(cg_window_t *w, uint32_t start, uint32_t digits)
{
    number_t number;
    if (cg_is(cg_before(w, start), CG_C_ALNUM) || cg_before(w, start) == '+' ||
        cg_at(w, digits) == '0') {
        return;
    }
    read_number(w, digits, true, &number);
    if (number.groups == 0 || number.group[number.groups - 1].total < 8) {
        return;
    }
    int groups = international(&number);
    if (groups == 0) {
        return;
    }
    uint32_t end = read_extension(w, number.group[groups - 1].end);
    if (end == number.group[groups - 1].end &&
        cg_is(cg_at(w, end), CG_C_ALNUM)) {
        return;
    }
    cg_candidate(w, start, end, CG_TYPE_PHONE_NUMBER, 80);
}

/* Where the digits before start end, if a gap ties them to it, and its kind. */
static uint32_t group_before(cg_window_t *w, uint32_t start, int *gap)
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
    uint32_t end = i;
    if (i == 0 || i == start || !cg_is(w->text[i - 1], CG_C_DIGIT)) {
        return 0;
    }
    *gap = cg_read_gap(w, &i, CG_C_DIGIT);
    return *gap && i == start ? end : 0;
}

/* Does a group of digits stand before, tied by a gap of this kind? */
static bool has_group_before(cg_window_t *w, uint32_t start, int kinds)
{
    int gap = 0;
    return kinds && group_before(w, start, &gap) && (gap & kinds);
}

/* Within a row of groups of one or two digits each, "1 2 3 4", only its
 * beginning is a start. */
static bool is_inside_row(cg_window_t *w, uint32_t start)
{
    uint32_t here = 1 + cg_is(cg_at(w, start + 1), CG_C_DIGIT);
    uint32_t before = 0;
    uint32_t after = start + here;
    int gap = 0;
    if (cg_is(cg_at(w, after), CG_C_DIGIT)) {
        return false;
    }
    uint32_t end = group_before(w, start, &gap);
    if (end == 0) {
        return false;
    }
    while (before < 3 && before < end &&
           cg_is(w->text[end - 1 - before], CG_C_DIGIT)) {
        before++;
    }
    /* "1,5-6956-…": the first column of a table is no part of the second. */
    bool is_loose = gap & (GAP_ODD | GAP_SPACE | GAP_LINE);
    int next = cg_read_gap(w, &after, CG_C_DIGIT);
    return before == here && (is_loose ? next == gap : next != 0);
}

/* A number that was written without gaps, or as if. */
void cg_scan_digits(cg_window_t *w, uint32_t start, uint32_t end,
                    const char *digits, int total)
{
    number_t number = {.start = start, .groups = 1};
    window_t window = {.groups = 1,
                       .total = total,
                       .shape = (uint32_t)total,
                       .end = end,
                       .is_one_gap = true,
                       .is_uniform = true,
                       .is_maximal = true,
                       .is_free = true};
    if (total >= 7 && total <= DIGITS_MAX) {
        memcpy(number.d, digits, (size_t)total);
        number.group[0] = (group_t){.end = end,
                                    .len = (uint8_t)total,
                                    .total = (uint8_t)total,
                                    .shape = (uint32_t)total};
        try_phone(w, &number, start, &window);
        try_rows(w, &number, &window);
    }
}

void cg_scan_number(cg_window_t *w, uint32_t start)
{
    uint32_t digits = start;
    bool is_paren = cg_at(w, digits) == '(';
    digits += is_paren;
    if (cg_at(w, digits) == '+') {
        try_international(w, start, digits + 1);
        return;
    }
    if (!cg_is(cg_at(w, digits), CG_C_DIGIT) ||
        (is_paren ? cg_is(cg_before(w, start), CG_C_ALNUM) ||
                        is_inside_row(w, digits)
                  : !cg_left_is_free(w, start) || is_inside_row(w, start))) {
        return;
    }
    number_t number;
    read_number(w, digits, false, &number);
    if (number.groups == 0 || number.group[number.groups - 1].total < 7) {
        return;
    }
    if (is_paren &&
        (number.group[0].len > 5 || cg_at(w, number.group[0].end) != ')')) {
        return;
    }
    bool has_before =
        number.groups > 1 && has_group_before(w, start, number.group[1].gap);
    bool is_inside_paren = !is_paren && cg_before(w, start) == '(' &&
                           number.group[0].len <= 5 &&
                           cg_at(w, number.group[0].end) == ')';
    window_t window = {.is_one_gap = true, .is_uniform = true};
    number.start = start;
    while (window.groups < number.groups) {
        grow(&window, &number);
        if (!is_promising(w, &number, &window)) {
            continue;
        }
        bool has_after = window.groups < number.groups &&
                         (number.group[window.groups].gap & window.gaps);
        window.is_maximal = !has_before && !has_after;
        window.is_free = cg_right_is_free(w, window.end);
        if (!is_inside_paren && cg_before(w, start) != '+') {
            try_phone(w, &number, start, &window);
        }
        if (!is_paren && window.is_free) {
            try_rows(w, &number, &window);
        }
    }
}
