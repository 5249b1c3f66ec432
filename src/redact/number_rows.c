/* Numbers of digits alone that have a check digit or a form, a row each.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/number_int.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "redact/check.h"

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
#define SDD CG_GAP_TIGHT
#define SHAPES(...) (const uint32_t[]){__VA_ARGS__, 0}
static const row_t rows[] = {
    {CG_TYPE_CREDIT_CARD, 13, 19, 100, 100, 25,
     SDD | CG_GAP_MARK | CG_GAP_SLASH | CG_GAP_UNDER,
     SHAPES(0x4444, 0x465, 0x464, 0x44443, 0x44442, 0x44441, 0x4443, 0x4441, 0x88, 0x6A, 0xA6, 0x613, 0x466), NULL, cg_check_card},
    {CG_TYPE_CN_RESIDENT_ID, 18, 18, 100, 100, 70, SDD,
     SHAPES(0x684, 0x6444, 0x3384, 0x33444, 0x648), cg_check_cn_id, NULL},
    {CG_TYPE_US_SSN, 9, 9, 30, 85, 25, SDD, SHAPES(0x324), cg_check_us_ssn, NULL},
    {CG_TYPE_US_ITIN, 9, 9, 30, 85, 25, SDD, SHAPES(0x324), cg_check_us_itin, NULL},
    {CG_TYPE_KR_RRN, 13, 13, 60, 100, 25, SDD, SHAPES(0x67), cg_check_kr_rrn, NULL},
    {CG_TYPE_FR_NIR, 15, 15, 100, 100, 25, SDD, SHAPES(0x1222332, 0x13A, 0xD2), check_nir, NULL},
    {CG_TYPE_BR_CPF, 11, 11, 30, 100, 25, CG_GAP_DOT | CG_GAP_DASH, SHAPES(0x3332, 0x92), cg_check_br_cpf, NULL},
    {CG_TYPE_BR_CNPJ, 14, 14, 30, 100, 25, CG_GAP_DOT | CG_GAP_DASH | CG_GAP_SLASH, SHAPES(0x23342), cg_check_br_cnpj, NULL},
    {CG_TYPE_UK_NHS, 10, 10, 30, 30, 25, SDD, SHAPES(0x334), cg_check_uk_nhs, NULL},
    {CG_TYPE_AU_TFN, 8, 9, 30, 30, 25, SDD, SHAPES(0x333, 0x323), NULL, cg_check_au_tfn},
    {CG_TYPE_AU_ABN, 11, 11, 30, 30, 25, SDD, SHAPES(0x2333), cg_check_au_abn, NULL},
    {CG_TYPE_AU_MEDICARE, 10, 11, 30, 30, 25, SDD | CG_GAP_SLASH, SHAPES(0x451, 0x4511), NULL, cg_check_au_medicare},
    {CG_TYPE_CA_SIN, 9, 9, 30, 30, 25, SDD, SHAPES(0x333), cg_check_ca_sin, NULL},
    {CG_TYPE_US_NPI, 10, 10, 30, 30, 25, SDD, SHAPES(0x433), cg_check_us_npi, NULL},
    {CG_TYPE_ABA_ROUTING_NUMBER, 9, 9, 30, 30, 25, SDD, SHAPES(0x441), cg_check_aba, NULL},
    {CG_TYPE_IN_AADHAAR, 12, 12, 30, 30, 25, SDD, SHAPES(0x444), cg_check_aadhaar, NULL},
    {CG_TYPE_JP_MY_NUMBER, 12, 12, 30, 30, 25, SDD, SHAPES(0x444), cg_check_jp_my_number, NULL},
    {CG_TYPE_PL_PESEL, 11, 11, 30, 30, 25, SDD, SHAPES(0x65), cg_check_pl_pesel, NULL},
    {CG_TYPE_NL_BSN, 9, 9, 30, 30, 25, SDD, SHAPES(0x333, 0x423, 0x45), cg_check_nl_bsn, NULL},
    {CG_TYPE_TR_NATIONAL_ID, 11, 11, 30, 30, 25, SDD, SHAPES(0x3332), cg_check_tr_id, NULL},
    {CG_TYPE_TH_TNIN, 13, 13, 30, 30, 25, SDD, SHAPES(0x14521), cg_check_th_id, NULL},
    {CG_TYPE_DE_TAX_ID, 11, 11, 30, 30, 25, SDD | CG_GAP_SLASH, SHAPES(0x2333), cg_check_de_tax_id, NULL},
    {CG_TYPE_ZA_ID_NUMBER, 13, 13, 30, 30, 25, SDD, SHAPES(0x643, 0x6421, 0x6412), cg_check_za_id, NULL},
    {CG_TYPE_SE_PERSONNUMMER, 10, 12, 30, 30, 25, SDD, SHAPES(0x64, 0x84), NULL, cg_check_se_personnummer},
    {CG_TYPE_KR_BRN, 10, 10, 30, 30, 25, SDD, SHAPES(0x325), cg_check_kr_brn, NULL},
};
// clang-format on
#define ROWS (sizeof rows / sizeof rows[0])

/* Built once per process from constant data, constant afterwards. */
static struct {
    pthread_once_t once;
    cg_grouping_t nodes[CG_GROUPINGS_MAX];
    int count;
    uint32_t rows_of[CG_DIGITS_MAX + 1]; /* rows by number of digits */
    uint32_t solid;                      /* rows that need no label: solid, */
    uint32_t other;                      /* and in any grouping */
} table = {.once = PTHREAD_ONCE_INIT};

/* The node of a grouping; the path to it is made. */
static cg_grouping_t *node_of(uint32_t shape)
{
    uint8_t at = CG_GROUPING_ROOT;
    for (int shift = 28; shift >= 0; shift -= 4) {
        uint32_t size = shape >> shift & 15;
        uint8_t *next = &table.nodes[at].next[size];
        if (size > 0 && *next == 0) {
            assert(table.count < CG_GROUPINGS_MAX);
            *next = (uint8_t)table.count++;
        }
        at = size > 0 ? *next : at;
    }
    return &table.nodes[at];
}

static void build(void)
{
    table.count = CG_GROUPING_ROOT + 1;
    for (size_t i = 0; i < ROWS; i++) {
        uint32_t bit = 1u << i;
        for (const uint32_t *shape = rows[i].shapes; *shape; shape++) {
            cg_grouping_t *node = node_of(*shape);
            node->rows |= bit;
            node->is_sure = node->is_sure || rows[i].shaped >= CG_SCORE_FOUND;
        }
        for (int digits = rows[i].min; digits <= rows[i].max; digits++) {
            table.rows_of[digits] |= bit;
        }
        table.solid |= rows[i].solid >= CG_SCORE_FOUND ? bit : 0;
        table.other |= rows[i].other >= CG_SCORE_FOUND ? bit : 0;
    }
    for (const cg_phone_shape_t *form = cg_phone_shapes; form->shape; form++) {
        cg_grouping_t *node = node_of(form->shape);
        node->phone |= form->forms;
        node->is_sure = node->is_sure || (form->forms & CG_PHONE_SURE);
    }
}

const cg_grouping_t *cg_groupings(void)
{
    pthread_once(&table.once, build);
    return table.nodes;
}

/* Score of a row for a prefix; 0: not so. */
static int score_row(const row_t *row, const cg_prefix_t *prefix)
{
    bool is_usual = (prefix->grouping->rows >> (row - rows) & 1) != 0;
    if (prefix->groups == 1) {
        return row->solid;
    }
    if ((prefix->gaps & ~row->gaps) == 0 && is_usual) {
        bool is_mixed = !prefix->is_one_gap && row->type != CG_TYPE_BR_CPF &&
                        row->type != CG_TYPE_BR_CNPJ;
        return is_mixed ? row->other : row->shaped;
    }
    bool is_odd = (prefix->gaps & CG_GAP_ODD) != 0;
    bool is_regular = prefix->is_uniform || is_usual;
    if ((prefix->is_uniform || is_odd) && !prefix->is_maximal) {
        return 0;
    }
    if (is_odd) {
        return is_regular && prefix->is_one_gap ? row->other : 0;
    }
    /* 4 1 1 1 1 1 …: as many digits as a card has, and no more */
    if (row->type == CG_TYPE_CREDIT_CARD && prefix->is_uniform &&
        prefix->is_one_gap && prefix->total >= 15 &&
        prefix->groups == prefix->total) {
        return CG_SCORE_MEDIUM;
    }
    return row->other;
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
static bool is_rising(const cg_number_t *number)
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

bool cg_is_year(const char *d)
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
               (total == 18 && cg_is_year(d + 6) && d[10] <= '1');
    }
    return type == CG_TYPE_KR_RRN &&
           ((d[6] <= '2' && d[0] == '1' && d[1] >= '5') ||
            memcmp(d + 9, "0000", 4) == 0);
}

/* Rows of so many digits, a bit each; without a label, those that need none. */
static uint32_t possible_rows(cg_window_t *w, const cg_number_t *number,
                              const cg_prefix_t *prefix)
{
    uint32_t possible = table.rows_of[prefix->total];
    bool is_apart = prefix->groups == prefix->total; /* 4 1 1 1 1 … */
    if (possible && !is_apart && !cg_has_label(w, number->start)) {
        possible &= prefix->groups == 1 ? table.solid
                                        : table.other | prefix->grouping->rows;
    }
    return possible;
}

void cg_try_rows(cg_window_t *w, const cg_number_t *number,
                 const cg_prefix_t *prefix)
{
    for (uint32_t left = possible_rows(w, number, prefix); left;
         left &= left - 1) {
        const row_t *row = &rows[__builtin_ctz(left)];
        if (number->has_x && prefix->groups == number->groups &&
            row->type != CG_TYPE_CN_RESIDENT_ID) {
            continue;
        }
        int score = score_row(row, prefix);
        if (score == 0 || (score < CG_SCORE_FOUND &&
                           !cg_is_labelled(w, row->type, number->start,
                                           score <= CG_SCORE_ODD))) {
            continue;
        }
        if (score <= CG_SCORE_ODD && row->type == CG_TYPE_CREDIT_CARD) {
            score = CG_SCORE_FOUND;
        }
        if (is_doubtful(row->type, number->d, prefix->total)) {
            score = CG_SCORE_WEAK;
        }
        if (row->fixed ? !row->fixed(number->d)
                       : !row->sized(number->d, prefix->total)) {
            continue;
        }
        if (row->type == CG_TYPE_CREDIT_CARD && (prefix->gaps & CG_GAP_SPACE) &&
            number->group[0].len == 4 &&
            (is_rising(number) || is_table(w, number->start, prefix->end)) &&
            cg_label_distance(w, row->type, number->start) < 0) {
            continue;
        }
        cg_candidate(w, number->start, prefix->end, row->type, score);
    }
}
