/* One spelling for all the ways a character can be written.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Invisible characters go; full-width, mathematical, circled and foreign
 * digits and letters become ASCII; dashes become '-', blanks ' '; \u0041,
 * &#65;, %41 become the character they stand for (one level). Cyrillic and
 * Greek look-alikes become Latin letters only within a token that has an ASCII
 * letter or '@', or Russian text would turn into nonsense. Chinese numerals
 * become digits in runs of seven or more. The full-width colon stays, for it
 * separates a label from its value, unless full-width letters or digits stand
 * on both sides.
 *
 * The result is only looked at, never sent. Breaks lead back to the source;
 * plain ASCII and Chinese text needs none.
 */
#include "redact/redact_int.h"

#include <string.h>

#define KEEP (-1)
#define REMOVE (-2)

#define NUMERAL_RUN_MIN 7
#define FOLD_TOKEN_MAX 16 /* code points looked at for look-alikes */
#define FOLD_RUN_MAX 3    /* so many together may stand among ASCII letters */

/* Decimal digits of other scripts: each block has ten in order (Unicode 15,
 * general category Nd). Ascending. */
static const uint32_t digit_blocks[] = {
    0x0660,  0x06F0,  0x07C0,  0x0966,  0x09E6,  0x0A66,  0x0AE6,  0x0B66,
    0x0BE6,  0x0C66,  0x0CE6,  0x0D66,  0x0DE6,  0x0E50,  0x0ED0,  0x0F20,
    0x1040,  0x1090,  0x17E0,  0x1810,  0x1946,  0x19D0,  0x1A80,  0x1A90,
    0x1B50,  0x1BB0,  0x1C40,  0x1C50,  0xA620,  0xA8D0,  0xA900,  0xA9D0,
    0xA9F0,  0xAA50,  0xABF0,  0xFF10,  0x104A0, 0x10D30, 0x11066, 0x110F0,
    0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730,
    0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0,
    0x16B50, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E950, 0x1FBF0};

/* Ranges that become one thing, or count up from a first character. */
typedef struct range_t {
    uint32_t first;
    uint32_t last;
    int16_t to;   /* REMOVE, or the ASCII character of first */
    int16_t step; /* 1: counts up; 0: all the same */
} range_t;

// clang-format off
static const range_t ranges[] = {
    {0x00A0, 0x00A0, ' ', 0},      {0x00AD, 0x00AD, REMOVE, 0},
    {0x00B2, 0x00B3, '2', 1},      {0x00B7, 0x00B7, '.', 0},
    {0x00B9, 0x00B9, '1', 0},      {0x034F, 0x034F, REMOVE, 0},
    {0x061C, 0x061C, REMOVE, 0},   {0x115F, 0x1160, REMOVE, 0},
    {0x1680, 0x1680, ' ', 0},      {0x17B4, 0x17B5, REMOVE, 0},
    {0x180B, 0x180F, REMOVE, 0},   {0x2000, 0x200A, ' ', 0},
    {0x200B, 0x200F, REMOVE, 0},   {0x2010, 0x2015, '-', 0},
    {0x2022, 0x2022, '.', 0},      {0x2024, 0x2024, '.', 0},
    {0x2027, 0x2027, '.', 0},      {0x2028, 0x2029, '\n', 0},
    {0x202A, 0x202E, REMOVE, 0},   {0x202F, 0x202F, ' ', 0},
    {0x2043, 0x2043, '-', 0},      {0x205F, 0x205F, ' ', 0},
    {0x2060, 0x206F, REMOVE, 0},   {0x2070, 0x2070, '0', 0},
    {0x2074, 0x2079, '4', 1},      {0x207B, 0x207B, '-', 0},
    {0x2080, 0x2089, '0', 1},      {0x20D0, 0x20F0, REMOVE, 0},
    {0x2212, 0x2212, '-', 0},      {0x2219, 0x2219, '.', 0},
    {0x22C5, 0x22C5, '.', 0},      {0x2460, 0x2468, '1', 1},
    {0x2474, 0x247C, '1', 1},      {0x2488, 0x2490, '1', 1},
    {0x249C, 0x24B5, 'a', 1},      {0x24B6, 0x24CF, 'A', 1},
    {0x24D0, 0x24E9, 'a', 1},      {0x24EA, 0x24EA, '0', 0},
    {0x24F5, 0x24FD, '1', 1},      {0x24FF, 0x24FF, '0', 0},
    {0x2776, 0x277E, '1', 1},      {0x2780, 0x2788, '1', 1},
    {0x278A, 0x2792, '1', 1},      {0x2796, 0x2796, '-', 0},
    {0x2800, 0x2800, REMOVE, 0},   {0x2E3A, 0x2E3B, '-', 0},
    {0x3000, 0x3000, ' ', 0},      {0x30FB, 0x30FB, '.', 0},
    {0x3164, 0x3164, REMOVE, 0},   {0xFE00, 0xFE0F, REMOVE, 0},
    {0xFE31, 0xFE32, '-', 0},      {0xFE52, 0xFE52, '.', 0},
    {0xFE58, 0xFE58, '-', 0},      {0xFE63, 0xFE63, '-', 0},
    {0xFE6B, 0xFE6B, '@', 0},      {0xFEFF, 0xFEFF, REMOVE, 0},
    {0xFF08, 0xFF09, '(', 1},      {0xFF0B, 0xFF0B, '+', 0},
    {0xFF0D, 0xFF0F, '-', 1},      {0xFF20, 0xFF3A, '@', 1},
    {0xFF3F, 0xFF3F, '_', 0},      {0xFF41, 0xFF5A, 'a', 1},
    {0xFF65, 0xFF65, '.', 0},      {0xFFA0, 0xFFA0, REMOVE, 0},
    {0xFFF9, 0xFFFB, REMOVE, 0},   {0x1D173, 0x1D17A, REMOVE, 0},
    {0x1F101, 0x1F10A, '0', 1},    {0x1F110, 0x1F129, 'A', 1},
    {0x1F130, 0x1F149, 'A', 1},    {0x1F150, 0x1F169, 'A', 1},
    {0x1F170, 0x1F189, 'A', 1},    {0xE0000, 0xE01EF, REMOVE, 0},
};

/* Letters of other scripts that look like an ASCII letter. Ascending. */
static const struct { uint16_t cp; char to; } lookalikes[] = {
    {0x0131, 'i'}, {0x0261, 'g'}, {0x0391, 'A'}, {0x0392, 'B'}, {0x0395, 'E'},
    {0x0396, 'Z'}, {0x0397, 'H'}, {0x0399, 'I'}, {0x039A, 'K'}, {0x039C, 'M'},
    {0x039D, 'N'}, {0x039F, 'O'}, {0x03A1, 'P'}, {0x03A4, 'T'}, {0x03A5, 'Y'},
    {0x03A7, 'X'}, {0x03B1, 'a'}, {0x03B3, 'y'}, {0x03B9, 'i'}, {0x03BA, 'k'},
    {0x03BD, 'v'}, {0x03BF, 'o'}, {0x03C1, 'p'}, {0x03C4, 't'}, {0x03C5, 'u'},
    {0x03C7, 'x'}, {0x03F2, 'c'}, {0x03F3, 'j'}, {0x03F9, 'C'}, {0x0405, 'S'},
    {0x0406, 'I'}, {0x0408, 'J'}, {0x0410, 'A'}, {0x0412, 'B'}, {0x0415, 'E'},
    {0x041A, 'K'}, {0x041C, 'M'}, {0x041D, 'H'}, {0x041E, 'O'}, {0x0420, 'P'},
    {0x0421, 'C'}, {0x0422, 'T'}, {0x0423, 'Y'}, {0x0425, 'X'}, {0x0430, 'a'},
    {0x0432, 'b'}, {0x0433, 'r'}, {0x0435, 'e'}, {0x0438, 'u'}, {0x043A, 'k'},
    {0x043C, 'm'}, {0x043D, 'h'}, {0x043E, 'o'}, {0x043F, 'n'}, {0x0440, 'p'},
    {0x0441, 'c'}, {0x0442, 't'}, {0x0443, 'y'}, {0x0445, 'x'}, {0x044C, 'b'},
    {0x0455, 's'}, {0x0456, 'i'}, {0x0458, 'j'}, {0x0475, 'v'}, {0x04AE, 'Y'},
    {0x04AF, 'y'}, {0x04BB, 'h'}, {0x04C0, 'I'}, {0x04CF, 'l'}, {0x0501, 'd'},
    {0x051A, 'Q'}, {0x051B, 'q'}, {0x051C, 'W'}, {0x051D, 'w'}, {0x0578, 'n'},
    {0x057D, 'u'}, {0x0585, 'o'},
};

/* Chinese numerals: everyday, financial, spoken. Ascending. */
static const struct { uint16_t cp; char digit; } numerals[] = {
    {0x25CB, '0'}, {0x3007, '0'}, {0x4E00, '1'}, {0x4E03, '7'}, {0x4E09, '3'},
    {0x4E24, '2'}, {0x4E5D, '9'}, {0x4E8C, '2'}, {0x4E94, '5'}, {0x4F0D, '5'},
    {0x516B, '8'}, {0x516D, '6'}, {0x53C1, '3'}, {0x53C2, '3'}, {0x53C3, '3'},
    {0x53C4, '3'}, {0x5440, '0'}, {0x56DB, '4'}, {0x58F9, '1'}, {0x5E7A, '1'},
    {0x5F0C, '1'}, {0x634C, '8'}, {0x67D2, '7'}, {0x6D1E, '0'}, {0x7396, '9'},
    {0x8086, '4'}, {0x8CB3, '2'}, {0x8D30, '2'}, {0x9646, '6'}, {0x9678, '6'},
    {0x96F6, '0'},
};
// clang-format on

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static int digit_of_block(uint32_t cp)
{
    if (cp >= 0x1D7CE && cp <= 0x1D7FF) {
        return '0' + (int)((cp - 0x1D7CE) % 10);
    }
    size_t low = 0;
    size_t high = COUNT(digit_blocks);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (digit_blocks[mid] <= cp) {
            low = mid + 1;
        }
        else {
            high = mid;
        }
    }
    if (low > 0 && cp - digit_blocks[low - 1] < 10) {
        return '0' + (int)(cp - digit_blocks[low - 1]);
    }
    return KEEP;
}

static int range_of(uint32_t cp)
{
    size_t low = 0;
    size_t high = COUNT(ranges);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (ranges[mid].last < cp) {
            low = mid + 1;
        }
        else {
            high = mid;
        }
    }
    if (low == COUNT(ranges) || cp < ranges[low].first) {
        return KEEP;
    }
    const range_t *range = &ranges[low];
    return range->to < 0 ? REMOVE
                         : range->to + range->step * (int)(cp - range->first);
}

/* Mathematical letters: thirteen alphabets of 52 (with a few holes that hold
 * other letters of the same place). */
static int math_letter(uint32_t cp)
{
    if (cp < 0x1D400 || cp > 0x1D6A3) {
        return KEEP;
    }
    uint32_t place = (cp - 0x1D400) % 52;
    return place < 26 ? 'A' + (int)place : 'a' + (int)place - 26;
}

/* ASCII character, REMOVE or KEEP; look-alikes and numerals aside. */
static int fold(uint32_t cp, unsigned char last)
{
    if ((cp >= 0x3400 && cp <= 0x9FFF) || (cp >= 0x00C0 && cp < 0x0300) ||
        (cp >= 0x0370 && cp < 0x0600) || (cp >= 0x3041 && cp < 0x30FB) ||
        (cp >= 0xAC00 && cp < 0xD7B0)) {
        return KEEP;
    }
    if (cp >= 0x0300 && cp <= 0x036F) {
        return cp == 0x034F || cg_is(last, CG_C_TOKEN) ? REMOVE : KEEP;
    }
    int to = range_of(cp);
    if (to == KEEP) {
        to = digit_of_block(cp);
    }
    return to == KEEP ? math_letter(cp) : to;
}

static int lookalike(uint32_t cp)
{
    if (cp < 0x0131 || cp > 0x0585) {
        return KEEP;
    }
    size_t low = 0;
    size_t high = COUNT(lookalikes);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (lookalikes[mid].cp < cp) {
            low = mid + 1;
        }
        else {
            high = mid;
        }
    }
    return low < COUNT(lookalikes) && lookalikes[low].cp == cp
               ? lookalikes[low].to
               : KEEP;
}

static int numeral(uint32_t cp)
{
    if (cp < 0x25CB || cp > 0x96F6) {
        return KEEP;
    }
    size_t low = 0;
    size_t high = COUNT(numerals);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (numerals[mid].cp < cp) {
            low = mid + 1;
        }
        else {
            high = mid;
        }
    }
    return low < COUNT(numerals) && numerals[low].cp == cp ? numerals[low].digit
                                                           : KEEP;
}

/* Decodes at p; cut says that more bytes could complete the sequence. */
static int decode(const unsigned char *p, const unsigned char *end,
                  uint32_t *cp, bool *cut)
{
    int len = cg_utf8_decode((const char *)p, (const char *)end, cp);
    *cut = false;
    if (len == 0) {
        int need = *p >= 0xF0 && *p < 0xF5 ? 4 : *p >= 0xE0 ? 3 : 2;
        int have = 1;
        if (*p < 0xC2 || *p > 0xF4) {
            return 0;
        }
        while (have < need && p + have < end && (p[have] & 0xC0) == 0x80) {
            have++;
        }
        *cut = p + have == end && have < need;
    }
    return len;
}

static int hex_value(unsigned c)
{
    if (c >= '0' && c <= '9') {
        return (int)c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (int)c - 'a' + 10 : -1;
}

/* Exactly count hexadecimal digits at p. -1: no; -2: cut by the end. */
static int32_t hex_run(const unsigned char *p, const unsigned char *end,
                       int count)
{
    int32_t value = 0;
    for (int i = 0; i < count; i++) {
        if (p + i >= end) {
            return -2;
        }
        int digit = hex_value(p[i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/* &#65; &#x41; at p. Returns its length, 0: no, -1: cut by the end. */
static int entity(const unsigned char *p, const unsigned char *end,
                  uint32_t *cp)
{
    const unsigned char *at = p + 1;
    if (at >= end) {
        return -1;
    }
    if (*at++ != '#') {
        return 0;
    }
    bool is_hex = at < end && (*at | 0x20) == 'x';
    at += is_hex;
    uint32_t value = 0;
    int digits = 0;
    for (; at < end && digits < 8; at++, digits++) {
        int digit = hex_value(*at);
        if (digit < 0 || (!is_hex && digit > 9)) {
            break;
        }
        value = value * (is_hex ? 16 : 10) + (uint32_t)digit;
    }
    if (at >= end) {
        return -1;
    }
    if (digits == 0 || digits == 8 || *at != ';' || value > 0x10FFFF) {
        return 0;
    }
    *cp = value;
    return (int)(at + 1 - p);
}

/* An escape at p. Returns its length and what it stands for; 0: none; -1: the
 * end cuts what may be one. */
static int escape(const unsigned char *p, const unsigned char *end,
                  uint32_t *cp)
{
    int32_t value;
    int len;
    if (*p == '&') {
        len = entity(p, end, cp);
        return len > 0 && *cp == 0 ? 0 : len;
    }
    if (*p == '%') {
        len = 3;
        value = hex_run(p + 1, end, 2);
        value = value >= 0x80 ? -1 : value;
    }
    else {
        if (p + 1 >= end) {
            return -1;
        }
        if (p[1] != 'u' && p[1] != 'x') {
            return 0;
        }
        len = p[1] == 'u' ? 6 : 4;
        value = hex_run(p + 2, end, len - 2);
        if (value >= 0xD800 && value <= 0xDFFF) {
            return 0;
        }
    }
    if (value <= 0) {
        return value == -2 ? -1 : 0;
    }
    *cp = (uint32_t)value;
    return len;
}

typedef struct pass_t {
    cg_norm_state_t *state;
    const unsigned char *src;
    uint32_t len;
    uint32_t at;
    bool is_final;
    cg_norm_t *norm;
} pass_t;

/* From the next normalised byte on the source is at offset src. */
static void mark(pass_t *pass, uint32_t src)
{
    cg_norm_t *norm = pass->norm;
    if (norm->break_count > 0) {
        cg_break_t *last = &norm->breaks[norm->break_count - 1];
        if (last->norm == norm->len) {
            last->src = (uint16_t)src;
            return;
        }
        if (last->src + (norm->len - last->norm) == src) {
            return;
        }
    }
    norm->breaks[norm->break_count].norm = (uint16_t)norm->len;
    norm->breaks[norm->break_count].src = (uint16_t)src;
    norm->break_count++;
}

static bool is_token(unsigned c)
{
    return cg_is(c, CG_C_LOCAL) || c == '@';
}

static bool is_telling(unsigned c)
{
    return cg_is(c, CG_C_ALPHA) || c == '@';
}

static void put(pass_t *pass, unsigned char c)
{
    cg_norm_state_t *state = pass->state;
    pass->norm->text[pass->norm->len++] = c;
    state->last = c;
    state->has_alpha = is_token(c) && (state->has_alpha || is_telling(c));
}

/* Puts c for the source bytes [at, at+used). */
static void put_folded(pass_t *pass, int c, uint32_t used)
{
    put(pass, (unsigned char)c);
    pass->at += used;
    mark(pass, pass->at);
}

static void put_removed(pass_t *pass, uint32_t used)
{
    pass->at += used;
    mark(pass, pass->at);
}

/* Does the token that ends the bytes [from, to) have an ASCII letter? */
static bool ends_with_alpha(const pass_t *pass, uint32_t from, uint32_t to)
{
    while (to > from && is_token(pass->src[to - 1])) {
        if (is_telling(pass->src[to - 1])) {
            return true;
        }
        to--;
    }
    return to == from && pass->state->has_alpha;
}

static void put_kept(pass_t *pass, uint32_t used)
{
    memcpy(pass->norm->text + pass->norm->len, pass->src + pass->at, used);
    pass->norm->len += used;
    pass->state->last = pass->src[pass->at + used - 1];
    if (!pass->state->in_run) {
        pass->state->has_alpha =
            ends_with_alpha(pass, pass->at, pass->at + used);
    }
    pass->at += used;
}

/* A letter of the alphabets that have look-alikes. */
static bool is_foreign_letter(uint32_t cp)
{
    return cp == 0x0131 || cp == 0x0261 || (cp >= 0x0370 && cp <= 0x058F);
}

typedef struct token_t {
    int run;      /* foreign letters at its beginning */
    int capitals; /* of them */
    int digits;   /* ASCII, in the token */
    bool is_pure; /* they all look like ASCII letters */
    bool has_alpha;
    bool has_at;
    bool is_ended; /* before the text or the limit did */
    bool is_cut;   /* by the end of the text */
} token_t;

/* Takes one code point of a token into account. False: it ends there. */
static bool weigh(token_t *token, uint32_t cp, bool *in_run)
{
    *in_run = *in_run && is_foreign_letter(cp);
    if (*in_run) {
        int letter = lookalike(cp);
        token->run++;
        token->is_pure = token->is_pure && letter != KEEP;
        token->capitals += letter != KEEP && letter <= 'Z';
        return true;
    }
    if (cp < 0x80) {
        token->has_alpha = token->has_alpha || cg_is(cp, CG_C_ALPHA);
        token->has_at = token->has_at || cp == '@';
        token->digits += cg_is(cp, CG_C_DIGIT);
        return cg_is(cp, CG_C_LOCAL) || cp == '@';
    }
    token->has_at = token->has_at || cp == 0xFF20;
    return is_foreign_letter(cp) || fold(cp, 0) != KEEP;
}

static token_t look_ahead(const pass_t *pass)
{
    const unsigned char *end = pass->src + pass->len;
    const unsigned char *p = pass->src + pass->at;
    token_t token = {.is_pure = true};
    bool in_run = true;
    for (int count = 0; count < FOLD_TOKEN_MAX; count++) {
        uint32_t cp;
        bool cut = true;
        int len = p < end ? decode(p, end, &cp, &cut) : 0;
        if (len == 0) {
            token.is_cut = cut && !pass->is_final;
            token.is_ended = !token.is_cut;
            return token;
        }
        if (!token.is_pure || !weigh(&token, cp, &in_run)) {
            token.is_ended = true;
            return token;
        }
        p += len;
    }
    return token;
}

/* Decides at the first of a run of foreign letters whether they stand for
 * ASCII ones: few of them among ASCII letters do, or any number in an e-mail
 * address, or a few capitals before digits (an account, a plate). A whole
 * foreign word before an ASCII token does not. False: not known yet. */
static bool decide_folding(pass_t *pass)
{
    token_t token = look_ahead(pass);
    bool has_alpha = token.has_alpha || pass->state->has_alpha;
    if (token.is_cut && token.is_pure) {
        return false;
    }
    pass->state->is_folding =
        token.is_pure &&
        ((has_alpha && token.run <= FOLD_RUN_MAX) || token.has_at ||
         pass->state->last == '@' ||
         (token.digits >= 4 && token.run <= 4 && token.capitals == token.run));
    return true;
}

/* Length of the run of numerals here, looked at up to NUMERAL_RUN_MIN. */
static int numeral_run(const pass_t *pass, bool *is_open)
{
    const unsigned char *end = pass->src + pass->len;
    const unsigned char *p = pass->src + pass->at;
    int count = 0;
    *is_open = false;
    while (count < NUMERAL_RUN_MIN) {
        uint32_t cp;
        bool cut = true;
        int len = p < end ? decode(p, end, &cp, &cut) : 0;
        if (len == 0) {
            *is_open = cut && !pass->is_final;
            return count;
        }
        if (numeral(cp) == KEEP) {
            return count;
        }
        p += len;
        count++;
    }
    return count;
}

/* The Chinese full stop stands for a dot between ASCII letters or digits, but
 * not between two digits, where a sentence ends. */
static int full_stop(pass_t *pass, uint32_t next)
{
    if (!cg_is(pass->state->last, CG_C_ALNUM)) {
        return KEEP;
    }
    if (next >= pass->len) {
        return pass->is_final ? KEEP : REMOVE; /* REMOVE: not known yet */
    }
    unsigned after = pass->src[next];
    if (!cg_is(after, CG_C_ALNUM) ||
        (cg_is(after, CG_C_DIGIT) && cg_is(pass->state->last, CG_C_DIGIT))) {
        return KEEP;
    }
    return '.';
}

static bool is_wide_alnum(uint32_t cp)
{
    return (cp >= 0xFF10 && cp <= 0xFF19) || (cp >= 0xFF21 && cp <= 0xFF3A) ||
           (cp >= 0xFF41 && cp <= 0xFF5A);
}

/* A full-width colon: ':' between full-width letters and digits, or before
 * another such colon (in an IPv6 address). */
static int wide_colon(const pass_t *pass, uint32_t next, bool *is_open)
{
    const unsigned char *end = pass->src + pass->len;
    uint32_t cp = 0;
    bool cut = true;
    *is_open = false;
    if (!pass->state->is_wide) {
        return KEEP;
    }
    int len = next < pass->len ? decode(pass->src + next, end, &cp, &cut) : 0;
    if (len == 0) {
        *is_open = cut && !pass->is_final;
        return KEEP;
    }
    return is_wide_alnum(cp) || cp == 0xFF1A ? ':' : KEEP;
}

/* Writes the code point cp that used source bytes stand for. False: wait. */
static bool put_code_point(pass_t *pass, uint32_t cp, uint32_t used,
                           bool is_escaped)
{
    int to = numeral(cp);
    if (to != KEEP) {
        bool is_open = false;
        if (!pass->state->is_numeral_run &&
            numeral_run(pass, &is_open) >= NUMERAL_RUN_MIN) {
            pass->state->is_numeral_run = true;
        }
        if (is_open) {
            return false;
        }
        if (pass->state->is_numeral_run) {
            put_folded(pass, to, used);
            return true;
        }
    }
    pass->state->is_numeral_run = false;
    to = cp == 0x3002 || cp == 0xFF61 ? full_stop(pass, pass->at + used)
                                      : fold(cp, pass->state->last);
    if (to == REMOVE && (cp == 0x3002 || cp == 0xFF61)) {
        return false;
    }
    if (cp == 0xFF1A) {
        bool is_open;
        to = wide_colon(pass, pass->at + used, &is_open);
        if (is_open) {
            return false;
        }
    }
    pass->state->is_wide = is_wide_alnum(cp) || (cp == 0xFF1A && to == ':');
    if (is_foreign_letter(cp)) {
        if (!pass->state->in_run && !decide_folding(pass)) {
            return false;
        }
        pass->state->in_run = true;
        to = pass->state->is_folding ? lookalike(cp) : KEEP;
    }
    else if (to != REMOVE) {
        pass->state->in_run = false;
    }
    if (to == REMOVE) {
        put_removed(pass, used);
    }
    else if (to != KEEP) {
        put_folded(pass, to, used);
    }
    else if (!is_escaped) {
        put_kept(pass, used);
    }
    else {
        char bytes[4];
        int len = cg_utf8_encode(cp, bytes);
        for (int i = 0; i < len; i++) {
            put(pass, (unsigned char)bytes[i]);
        }
        pass->at += used;
        mark(pass, pass->at);
    }
    return true;
}

/* One character that is not plain. False: wait for more text. */
static bool step(pass_t *pass)
{
    const unsigned char *p = pass->src + pass->at;
    const unsigned char *end = pass->src + pass->len;
    uint32_t cp = 0;
    if (*p < 0x80) {
        int len = escape(p, end, &cp);
        if (len < 0 && !pass->is_final) {
            return false;
        }
        if (len <= 0) {
            pass->state->in_run = false;
            pass->state->is_numeral_run = false;
            pass->state->is_wide = false;
            put_kept(pass, 1);
            return true;
        }
        if (cp < 0x80) {
            pass->state->in_run = false;
            pass->state->is_numeral_run = false;
            pass->state->is_wide = false;
            put_folded(pass, cp < 0x20 ? ' ' : (int)cp, (uint32_t)len);
            return true;
        }
        return put_code_point(pass, cp, (uint32_t)len, true);
    }
    bool cut;
    int len = decode(p, end, &cp, &cut);
    if (len == 0) {
        if (cut && !pass->is_final) {
            return false;
        }
        pass->state->in_run = false;
        put_kept(pass, 1);
        return true;
    }
    return put_code_point(pass, cp, (uint32_t)len, false);
}

static bool is_plain(unsigned char c)
{
    return c < 0x80 && c != '\\' && c != '&' && c != '%';
}

#define EACH_BYTE UINT64_C(0x0101010101010101)

/* Is each of eight bytes plain? A byte that is zero in word ^ each has its high
 * bit set by subtracting one; a borrow can only come from such a byte. */
static bool are_plain8(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    uint64_t slash = word ^ EACH_BYTE * '\\';
    uint64_t entity = word ^ EACH_BYTE * '&';
    uint64_t percent = word ^ EACH_BYTE * '%';
    uint64_t odd = word | ((slash - EACH_BYTE) & ~slash) |
                   ((entity - EACH_BYTE) & ~entity) |
                   ((percent - EACH_BYTE) & ~percent);
    return (odd & EACH_BYTE * 0x80) == 0;
}

/* Second bytes of numerals, by the first (E4 to E9): a sieve. */
static const uint64_t numeral_sieve[6] = {
    UINT64_C(1) << 0x38 | UINT64_C(1) << 0x39 | UINT64_C(1) << 0x3A |
        UINT64_C(1) << 0x3C,
    UINT64_C(1) << 0x05 | UINT64_C(1) << 0x0F | UINT64_C(1) << 0x11 |
        UINT64_C(1) << 0x1B | UINT64_C(1) << 0x23 | UINT64_C(1) << 0x39 |
        UINT64_C(1) << 0x3C,
    UINT64_C(1) << 0x0D | UINT64_C(1) << 0x1F | UINT64_C(1) << 0x34,
    UINT64_C(1) << 0x0E,
    UINT64_C(1) << 0x02 | UINT64_C(1) << 0x32 | UINT64_C(1) << 0x34,
    UINT64_C(1) << 0x19 | UINT64_C(1) << 0x1A | UINT64_C(1) << 0x1B};

/* A Chinese character (U+4000 to U+9FFF) that is no numeral. */
static bool is_plain_wide(const unsigned char *p, const unsigned char *end)
{
    return *p >= 0xE4 && *p <= 0xE9 && end - p >= 3 && (p[1] & 0xC0) == 0x80 &&
           (p[2] & 0xC0) == 0x80 &&
           !(numeral_sieve[*p - 0xE4] >> (p[1] & 63) & 1);
}

/* Copies plain characters. */
static void run_plain(pass_t *pass, uint32_t stop)
{
    uint32_t from = pass->at;
    uint32_t at = from;
    const unsigned char *src = pass->src;
    for (;;) {
        while (stop - at >= 8 && are_plain8(src + at)) {
            at += 8;
        }
        while (at < stop && is_plain(src[at])) {
            at++;
        }
        if (at + 3 > stop || !is_plain_wide(src + at, src + stop)) {
            break;
        }
        at += 3;
    }
    if (at == from) {
        return;
    }
    pass->state->is_numeral_run = false;
    pass->state->is_wide = false;
    pass->state->in_run = false;
    put_kept(pass, at - from);
}

void cg_normalise(cg_norm_state_t *state, const unsigned char *src,
                  uint32_t len, uint32_t stop, bool is_final, cg_norm_t *norm)
{
    pass_t pass = {.state = state,
                   .src = src,
                   .len = len,
                   .is_final = is_final,
                   .norm = norm};
    mark(&pass, 0);
    while (pass.at < stop) {
        run_plain(&pass, stop);
        if (pass.at >= stop || !step(&pass)) {
            break;
        }
    }
    norm->used = pass.at;
}

uint32_t cg_norm_source(const cg_norm_t *norm, uint32_t at)
{
    if (norm->break_count == 1) { /* plain text: the usual case */
        const cg_break_t *only = &norm->breaks[0];
        return at < only->norm ? 0 : only->src + (at - only->norm);
    }
    uint32_t low = 0;
    uint32_t high = norm->break_count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (norm->breaks[mid].norm <= at) {
            low = mid + 1;
        }
        else {
            high = mid;
        }
    }
    if (low == 0) {
        return 0;
    }
    const cg_break_t *found = &norm->breaks[low - 1];
    return found->src + (at - found->norm);
}

uint32_t cg_norm_find(const cg_norm_t *norm, uint32_t src)
{
    uint32_t low = 0;
    uint32_t high = norm->break_count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (norm->breaks[mid].src <= src) {
            low = mid + 1;
        }
        else {
            high = mid;
        }
    }
    if (low == 0) {
        return 0;
    }
    const cg_break_t *found = &norm->breaks[low - 1];
    uint32_t at = found->norm + (src - found->src);
    uint32_t next =
        low < norm->break_count ? norm->breaks[low].norm : norm->len;
    return at < next ? at : next;
}
