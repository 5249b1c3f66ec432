/* Identifiers of letters and digits: IBAN, tax and identity numbers, plates.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A word with a digit in it is copied in upper case, separators aside, and its
 * picture taken: where its letters stand. The picture and the length say which
 * few checks are worth their cost.
 */
#include "redact/redact_int.h"

#include <pthread.h>
#include <string.h>

#include "redact/check.h"

#define CHARS_MAX 34
#define USCC_CHARS 18
#define SHORT_CHARS 10
#define TIE_MAX 12 /* characters between two groups, looked at backwards */

typedef struct token_t {
    char s[CHARS_MAX + 1];       /* upper case, without separators */
    uint64_t letters;            /* bit by place; the others are digits */
    uint32_t end[CHARS_MAX + 1]; /* after each character, in the text */
    int len;
    int lower;      /* letters that were lower case */
    int first_word; /* characters before the first separator */
} token_t;

static void take(token_t *token, unsigned c, uint32_t at)
{
    bool is_lower = cg_is(c, CG_C_LOWER);
    token->lower += is_lower;
    token->s[token->len] = (char)(is_lower ? c - 32 : c);
    token->letters |= (uint64_t)!cg_is(c, CG_C_DIGIT) << token->len;
    token->end[token->len] = at + 1;
    token->len++;
}

/* Characters that an account of this country has; others have no more than an
 * account of any. */
static int most_of(const token_t *token)
{
    int length = cg_iban_length(token->s);
    return length > 0 ? length : USCC_CHARS;
}

/* Two letters and two digits: so an account begins, … */
static bool begins_account(const token_t *token)
{
    return token->len >= 4 && (token->letters & 15) == 3;
}

/* … in groups of four. */
static bool is_account(const token_t *token)
{
    return token->first_word == 4 && begins_account(token);
}

/* Bits of the first len places. */
static uint64_t first(int len)
{
    return (UINT64_C(1) << len) - 1;
}

typedef struct shape_t {
    const char *shape; /* A letter, 9 digit, '?' either */
    uint8_t len;
    uint8_t type;
    uint8_t score;
    bool may_be_split; /* separators may stand between */
    bool (*check)(const char *s);
} shape_t;

static bool check_hk8(const char *s)
{
    return cg_check_hk_id(s, 8);
}

static bool check_hk9(const char *s)
{
    return cg_check_hk_id(s, 9);
}

/* Ordinary passports since 1997: E or G and eight digits, or two letters (not
 * I, O) and seven; diplomatic and service ones D, S, P. */
static bool check_cn_passport(const char *s)
{
    if (s[1] <= '9') {
        return strchr("EGDSPHM", s[0]) != NULL;
    }
    return strchr("EDSPK", s[0]) != NULL && s[1] != 'I' && s[1] != 'O';
}

// clang-format off
#define SHAPE(text) text, sizeof text - 1
static const shape_t shapes[] = {
    {SHAPE("99999999A"), CG_TYPE_ES_NIF, 70, true, cg_check_es_nif},
    {SHAPE("A9999999A"), CG_TYPE_ES_NIE, 80, true, cg_check_es_nie},
    {SHAPE("A9999999A"), CG_TYPE_SG_NRIC_FIN, 80, false, cg_check_sg_nric},
    {SHAPE("AA999999A"), CG_TYPE_UK_NINO, 80, true, cg_check_uk_nino},
    {SHAPE("A9999999"), CG_TYPE_HK_ID, 30, false, check_hk8},
    {SHAPE("A999999A"), CG_TYPE_HK_ID, 30, false, check_hk8},
    {SHAPE("AA9999999"), CG_TYPE_HK_ID, 30, false, check_hk9},
    {SHAPE("AA999999A"), CG_TYPE_HK_ID, 20, false, check_hk9},
    {SHAPE("AA9999999"), CG_TYPE_MEDICAL_LICENSE, 30, false, cg_check_us_dea},
    {SHAPE("A99999999"), CG_TYPE_MEDICAL_LICENSE, 30, false, cg_check_us_dea},
    {SHAPE("A99999999"), CG_TYPE_CN_PASSPORT, 30, false, check_cn_passport},
    {SHAPE("AA9999999"), CG_TYPE_CN_PASSPORT, 30, false, check_cn_passport},
    {SHAPE("A999999999"), CG_TYPE_TW_ID, 30, false, cg_check_tw_id},
    {SHAPE("AAAAA9999A"), CG_TYPE_IN_PAN, 30, false, cg_check_in_pan},
    {SHAPE("99AAAAA9999A?A?"), CG_TYPE_IN_GSTIN, 100, false, cg_check_in_gstin},
    {SHAPE("AAAAAA??A??A???A"), CG_TYPE_IT_FISCAL_CODE, 100, true, cg_check_it_fiscal},
    {SHAPE("9A?9A?9AA99"), CG_TYPE_US_MBI, 40, true, cg_check_us_mbi},
    {SHAPE("99999A999999999"), CG_TYPE_FR_NIR, 90, true, cg_check_fr_nir},
};
// clang-format on

#define SHAPES (sizeof shapes / sizeof shapes[0])

/* The shapes as bits. Built once per process from constant data. */
static struct {
    pthread_once_t once;
    uint64_t letters[SHAPES];
    uint64_t fixed[SHAPES]; /* not '?' */
} bits = {.once = PTHREAD_ONCE_INIT};

static void build(void)
{
    for (size_t i = 0; i < SHAPES; i++) {
        for (int k = 0; k < shapes[i].len; k++) {
            bits.letters[i] |= (uint64_t)(shapes[i].shape[k] == 'A') << k;
            bits.fixed[i] |= (uint64_t)(shapes[i].shape[k] != '?') << k;
        }
    }
}

/* Do the first len characters of the token fit row i? */
static bool fits(size_t i, const token_t *token, int len)
{
    uint64_t odd = (token->letters ^ bits.letters[i]) & bits.fixed[i];
    return (odd & first(len)) == 0;
}

/* Does what was read begin something that has separators in it: a shape, or a
 * company's code, whose third to eighth are digits? */
static bool may_be_split(const token_t *token)
{
    for (size_t i = 0; i < SHAPES; i++) {
        if (shapes[i].may_be_split && token->len <= shapes[i].len &&
            fits(i, token, token->len)) {
            return true;
        }
    }
    return (token->letters & first(token->len) & 0xFC) == 0;
}

/* Can the word that has ended be followed by another of the same token? "A1 "
 * begins nothing that has blanks in it; an account has groups of four. */
static bool may_go_on(const token_t *token, int word)
{
    if (is_account(token)) {
        return word == 4;
    }
    if (token->len == token->first_word && token->len <= 3 &&
        token->letters != 0 && token->letters != first(token->len)) {
        return false;
    }
    return may_be_split(token) ||
           (token->first_word % 4 == 0 && begins_account(token));
}

/* Reads words tied by one blank, dash or dot each. */
static void read_token(cg_window_t *w, uint32_t start, token_t *token)
{
    uint32_t i = start;
    int word = 0;          /* where the word begins */
    int most = USCC_CHARS; /* but for an account */
    token->len = 0;
    token->letters = 0;
    token->lower = 0;
    token->first_word = 0;
    while (token->len < most) {
        unsigned c = cg_at(w, i);
        if (cg_is(c, CG_C_ALNUM)) {
            take(token, c, i++);
            if (token->len == 4 && begins_account(token)) {
                most = most_of(token);
            }
            continue;
        }
        if (token->first_word == 0) {
            token->first_word = token->len;
            /* "AB 12 34 56 C" is the longest that begins so short. */
            most = token->len <= 2 ? SHORT_CHARS : most;
        }
        if ((c != ' ' && c != '-' && c != '.') ||
            !cg_is(cg_at(w, i + 1), CG_C_ALNUM) ||
            !may_go_on(token, token->len - word)) {
            break;
        }
        word = token->len;
        i++;
    }
    if (token->first_word == 0) {
        token->first_word = token->len;
    }
    token->s[token->len] = 0;
}

/* Are characters [0, len) of the token whole words? */
static bool is_edge(cg_window_t *w, const token_t *token, int len)
{
    return len <= token->len && cg_right_is_free(w, token->end[len - 1]);
}

static void found(cg_window_t *w, uint32_t start, const token_t *token, int len,
                  int type, int score)
{
    if (is_edge(w, token, len)) {
        cg_candidate(w, start, token->end[len - 1], type, score);
    }
}

/* Groups of four tied in any way, as long as it is the same. */
static void read_groups(cg_window_t *w, uint32_t start, token_t *token)
{
    uint32_t i = start;
    int tie = 0;
    token->len = 0;
    token->letters = 0;
    token->lower = 0;
    token->first_word = 4;
    while (token->len < CHARS_MAX) {
        int group = 0;
        while (group < 4 && cg_is(cg_at(w, i), CG_C_ALNUM)) {
            take(token, cg_at(w, i), i);
            i++;
            group++;
            if (token->len == CHARS_MAX) {
                return;
            }
        }
        int gap = group == 4 ? cg_read_gap(w, &i, CG_C_ALNUM) : 0;
        if (gap == 0 || (tie && gap != tie)) {
            return;
        }
        tie = gap;
    }
}

static void try_iban(cg_window_t *w, uint32_t start, const token_t *token)
{
    if (token->len < 15 || !begins_account(token) ||
        (token->first_word != 4 && token->first_word < 15 &&
         token->first_word % 4 != 0)) {
        return;
    }
    int len = cg_iban_length(token->s);
    if (len > 0 && len <= token->len && cg_check_iban(token->s, len)) {
        found(w, start, token, len, CG_TYPE_IBAN_CODE,
              token->lower > 2 && token->lower < len / 3 ? 60 : 100);
    }
}

/* DE44|5001|0517|5407|3249|31 */
static void try_spread_iban(cg_window_t *w, uint32_t start,
                            const token_t *first)
{
    token_t token;
    if (first->len < 4 || !is_account(first) || cg_iban_length(first->s) == 0) {
        return;
    }
    read_groups(w, start, &token);
    token.s[token.len] = 0;
    try_iban(w, start, &token);
}

/* Written with its dashes, or in the person's series, it is known without a
 * label. */
static int score_shape(cg_window_t *w, const shape_t *row, const token_t *token)
{
    if (row->type == CG_TYPE_US_MBI && token->first_word == 4 &&
        cg_at(w, token->end[3]) == '-' && cg_at(w, token->end[6]) == '-') {
        return 60;
    }
    if (row->type == CG_TYPE_IN_PAN && token->lower == 0 &&
        strchr("ABCFGHLJPT", token->s[3])) {
        return 55;
    }
    return row->score;
}

static void try_shapes(cg_window_t *w, uint32_t start, const token_t *token)
{
    for (size_t i = 0; i < SHAPES; i++) {
        const shape_t *row = &shapes[i];
        int len = row->len;
        if (len > token->len || !fits(i, token, len) ||
            (token->first_word != len && !row->may_be_split) ||
            !row->check(token->s)) {
            continue;
        }
        found(w, start, token, len, row->type, score_shape(w, row, token));
    }
}

/* Eighteen characters of the alphabet without I, O, S, V, Z. Digits alone pass
 * once in 31 times: without a label only those of companies count. */
static void try_uscc(cg_window_t *w, uint32_t start, const token_t *token)
{
    if (token->len >= 18 && cg_check_cn_uscc(token->s)) {
        bool is_doubtful =
            (token->letters & first(18)) == 0 &&
            (token->s[0] != '9' || (token->s[1] != '1' && token->s[1] != '2'));
        found(w, start, token, 18, CG_TYPE_CN_USCC,
              is_doubtful               ? CG_SCORE_WEAK
              : token->first_word == 18 ? 100
                                        : 60);
    }
}

/* 131052-308T: the sign tells the century. */
static void try_hetu(cg_window_t *w, uint32_t start)
{
    char s[11];
    for (uint32_t i = 0; i < 11; i++) {
        unsigned c = cg_at(w, start + i);
        s[i] = (char)(cg_is(c, CG_C_LOWER) ? c - 32 : c);
        if (i < 6 && !cg_is(c, CG_C_DIGIT)) {
            return;
        }
    }
    if (cg_check_fi_hetu(s) && cg_right_is_free(w, start + 11)) {
        cg_candidate(w, start, start + 11, CG_TYPE_FI_PERSONAL_IDENTITY_CODE,
                     s[6] == '-' || s[6] == '+' || s[6] == 'A' ? 100 : 60);
    }
}

/* A123456(7) */
static void try_hk_id(cg_window_t *w, uint32_t start, const token_t *token)
{
    int letters = token->letters & 1 ? 1 + (int)(token->letters >> 1 & 1) : 0;
    int len = letters + 6;
    if (letters == 0 || token->first_word != len) {
        return;
    }
    uint32_t at = token->end[len - 1];
    unsigned digit = cg_at(w, at + 1);
    if (cg_at(w, at) != '(' || cg_at(w, at + 2) != ')') {
        return;
    }
    char s[10];
    memcpy(s, token->s, (size_t)len);
    s[len] = (char)(digit == 'a' ? 'A' : digit);
    if (cg_check_hk_id(s, len + 1)) {
        cg_candidate(w, start, at + 3, CG_TYPE_HK_ID, 100);
    }
}

static bool is_account_word(const unsigned char *p)
{
    return cg_is(p[0], CG_C_ALPHA) && cg_is(p[1], CG_C_ALPHA) &&
           cg_is(p[2], CG_C_DIGIT) && cg_is(p[3], CG_C_DIGIT);
}

/* In a row of words that accounts could begin with, "DE12 DE34", only the first
 * is a start. */
static bool is_inside_accounts(cg_window_t *w, uint32_t start)
{
    uint32_t i = start;
    if (!cg_is(cg_at(w, start), CG_C_ALPHA) ||
        cg_is(cg_at(w, start + 4), CG_C_ALNUM) || start + 4 > w->limit ||
        !is_account_word(w->text + start)) {
        return false;
    }
    bool is_tag = false;
    while (i > 0 && start - i < TIE_MAX &&
           (is_tag || !cg_is(w->text[i - 1], CG_C_ALNUM))) {
        is_tag = w->text[i - 1] == '>' || (is_tag && w->text[i - 1] != '<');
        i--;
    }
    return i >= 4 && i < start && is_account_word(w->text + i - 4);
}

void cg_scan_alnum(cg_window_t *w, uint32_t start)
{
    token_t token;
    if (!cg_left_is_free(w, start) || is_inside_accounts(w, start)) {
        return;
    }
    pthread_once(&bits.once, build);
    read_token(w, start, &token);
    if (token.first_word == 4 && token.len < 15) {
        try_spread_iban(w, start, &token);
    }
    if (token.len < 7) {
        return;
    }
    try_iban(w, start, &token);
    try_uscc(w, start, &token);
    try_shapes(w, start, &token);
    try_hk_id(w, start, &token);
    if ((token.letters & first(6)) == 0) {
        try_hetu(w, start);
    }
}

#define ADDRESS_MAX 90

static void try_ether(cg_window_t *w, uint32_t start)
{
    if (cg_at(w, start) != '0' || (cg_at(w, start + 1) | 0x20) != 'x') {
        return;
    }
    unsigned digits = 0;
    for (uint32_t i = start + 2; i < start + 42; i++) {
        if (!cg_is(cg_at(w, i), CG_C_HEX)) {
            return;
        }
        digits += cg_is(cg_at(w, i), CG_C_DIGIT);
    }
    if (digits > 4 && digits < 36 && !cg_is(cg_at(w, start + 42), CG_C_ALNUM)) {
        cg_candidate(w, start, start + 42, CG_TYPE_CRYPTO, 70);
    }
}

void cg_scan_crypto(cg_window_t *w, uint32_t start)
{
    char s[ADDRESS_MAX + 1];
    uint32_t len = 0;
    unsigned first = cg_at(w, start);
    if (cg_is(cg_before(w, start), CG_C_ALNUM)) {
        return;
    }
    if (first == '0') {
        try_ether(w, start);
        return;
    }
    while (len < ADDRESS_MAX && cg_is(cg_at(w, start + len), CG_C_ALNUM)) {
        s[len] = (char)cg_at(w, start + len);
        len++;
    }
    if (cg_is(cg_at(w, start + len), CG_C_ALNUM) || len < 26) {
        return;
    }
    bool is_sound = first == '1' || first == '3' ? cg_check_base58(s, len)
                                                 : cg_check_bech32(s, len);
    if (is_sound) {
        cg_candidate(w, start, start + len, CG_TYPE_CRYPTO, 100);
    }
}

/* The 31 provinces' signs, three UTF-8 bytes each. */
static const char provinces[] = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉"
                                "闽贵粤青藏川宁琼使";

static bool is_province(cg_window_t *w, uint32_t at)
{
    for (const char *p = provinces; *p; p += 3) {
        if (cg_at(w, at) == (unsigned char)p[0] &&
            cg_at(w, at + 1) == (unsigned char)p[1] &&
            cg_at(w, at + 2) == (unsigned char)p[2]) {
            return true;
        }
    }
    return false;
}

/* 京A·12345 and 京AD12345 (new energy: one more). */
void cg_scan_plate(cg_window_t *w, uint32_t start)
{
    static const char tails[] = "挂学警港澳";
    if (!is_province(w, start)) {
        return;
    }
    uint32_t i = start + 3;
    i += cg_at(w, i) == ' ';
    unsigned letter = cg_at(w, i++);
    if (!cg_is(letter, CG_C_UPPER) || letter == 'I') {
        return;
    }
    i += cg_at(w, i) == '.' || cg_at(w, i) == ' ' || cg_at(w, i) == '-';
    unsigned digits = 0;
    uint32_t len = 0;
    for (; len < 6; len++, i++) {
        unsigned c = cg_at(w, i);
        if (!cg_is(c, CG_C_DIGIT | CG_C_UPPER) || c == 'I' || c == 'O') {
            break;
        }
        digits += cg_is(c, CG_C_DIGIT);
    }
    for (const char *p = tails; len == 4 && *p; p += 3) {
        if (cg_at(w, i) == (unsigned char)p[0] &&
            cg_at(w, i + 1) == (unsigned char)p[1] &&
            cg_at(w, i + 2) == (unsigned char)p[2]) {
            i += 3;
            len++;
        }
    }
    if (len >= 5 && digits > 0 && !cg_is(cg_at(w, i), CG_C_ALNUM)) {
        cg_candidate(w, start, i, CG_TYPE_CN_LICENSE_PLATE, 80);
    }
}
