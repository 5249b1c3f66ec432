/* What does a character stand for? Tables of Unicode, nothing else.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Digits of every script, full-width, mathematical, circled letters, dashes and
 * blanks have one ASCII character that they stand for wherever they are. Three
 * kinds have it only in company, which the normaliser judges: letters that look
 * like ASCII ones, Chinese and Korean numerals, and characters that hide a text
 * (tags, variation selectors).
 */
#include "redact/redact_int.h"

#include <assert.h>
#include <pthread.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define REMOVE (-1)

/* Decimal digits of other scripts: each block has ten in order (Unicode 17,
 * general category Nd). Ascending. */
static const uint32_t digit_blocks[] = {
    0x0660,  0x06F0,  0x07C0,  0x0966,  0x09E6,  0x0A66,  0x0AE6,  0x0B66,
    0x0BE6,  0x0C66,  0x0CE6,  0x0D66,  0x0DE6,  0x0E50,  0x0ED0,  0x0F20,
    0x1040,  0x1090,  0x17E0,  0x1810,  0x1946,  0x19D0,  0x1A80,  0x1A90,
    0x1B50,  0x1BB0,  0x1C40,  0x1C50,  0xA620,  0xA8D0,  0xA900,  0xA9D0,
    0xA9F0,  0xAA50,  0xABF0,  0xFF10,  0x104A0, 0x10D30, 0x10D40, 0x11066,
    0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0,
    0x116D0, 0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50,
    0x11DA0, 0x11DE0, 0x11F50, 0x16130, 0x16A60, 0x16AC0, 0x16B50, 0x16D70,
    0x1CCF0, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0};

/* Ranges that become one thing, or count up from a first character. */
typedef struct range_t {
    uint32_t first;
    uint32_t last;
    int16_t to;   /* REMOVE, or the ASCII character of first */
    int16_t step; /* 1: counts up; 0: all the same */
} range_t;

typedef struct span_t {
    uint32_t first;
    uint32_t last;
} span_t;

/* A character and what stands for it. */
typedef struct pair_t {
    uint16_t cp;
    char to;
} pair_t;

// clang-format off
static const range_t ranges[] = {
    {0x0085, 0x0085, '\n', 0}, {0x00A0, 0x00A0, ' ', 0},
    {0x00A6, 0x00A6, '|', 0}, {0x00AD, 0x00AD, REMOVE, 0},
    {0x00B2, 0x00B3, '2', 1}, {0x00B7, 0x00B7, '.', 0},
    {0x00B9, 0x00B9, '1', 0}, {0x01C0, 0x01C0, '|', 0},
    {0x02D7, 0x02D7, '-', 0}, {0x034F, 0x034F, REMOVE, 0},
    {0x058A, 0x058A, '-', 0}, {0x05BE, 0x05BE, '-', 0},
    {0x061C, 0x061C, REMOVE, 0}, {0x115F, 0x1160, REMOVE, 0},
    {0x1680, 0x1680, ' ', 0}, {0x17B4, 0x17B5, REMOVE, 0},
    {0x1806, 0x1806, '-', 0}, {0x180B, 0x180F, REMOVE, 0},
    {0x2000, 0x200A, ' ', 0}, {0x200B, 0x200F, REMOVE, 0},
    {0x2010, 0x2015, '-', 0}, {0x2022, 0x2022, '.', 0},
    {0x2024, 0x2024, '.', 0}, {0x2027, 0x2027, '.', 0},
    {0x2028, 0x2029, '\n', 0}, {0x202A, 0x202E, REMOVE, 0},
    {0x202F, 0x202F, ' ', 0}, {0x2043, 0x2043, '-', 0},
    {0x2044, 0x2044, '/', 0}, {0x204E, 0x204E, '*', 0},
    {0x2053, 0x2053, '-', 0}, {0x205F, 0x205F, ' ', 0},
    {0x2060, 0x206F, REMOVE, 0}, {0x2070, 0x2070, '0', 0},
    {0x2074, 0x2079, '4', 1}, {0x207B, 0x207B, '-', 0},
    {0x2080, 0x2089, '0', 1}, {0x20D0, 0x20F0, REMOVE, 0},
    {0x2102, 0x2102, 'C', 0}, {0x210A, 0x210A, 'g', 0},
    {0x210B, 0x210D, 'H', 0}, {0x210E, 0x210E, 'h', 0},
    {0x2110, 0x2111, 'I', 0}, {0x2112, 0x2112, 'L', 0},
    {0x2113, 0x2113, 'l', 0}, {0x2115, 0x2115, 'N', 0},
    {0x2119, 0x2119, 'P', 0}, {0x211A, 0x211A, 'Q', 0},
    {0x211B, 0x211D, 'R', 0}, {0x2124, 0x2124, 'Z', 0},
    {0x2128, 0x2128, 'Z', 0}, {0x212A, 0x212A, 'K', 0},
    {0x212C, 0x212D, 'B', 1}, {0x212F, 0x212F, 'e', 0},
    {0x2130, 0x2130, 'E', 0}, {0x2131, 0x2131, 'F', 0},
    {0x2133, 0x2133, 'M', 0}, {0x2134, 0x2134, 'o', 0},
    {0x2160, 0x2160, 'I', 0}, {0x2164, 0x2164, 'V', 0},
    {0x2169, 0x2169, 'X', 0}, {0x216C, 0x216C, 'L', 0},
    {0x216D, 0x216D, 'C', 0}, {0x216E, 0x216E, 'D', 0},
    {0x216F, 0x216F, 'M', 0}, {0x2170, 0x2170, 'i', 0},
    {0x2174, 0x2174, 'v', 0}, {0x2179, 0x2179, 'x', 0},
    {0x217C, 0x217C, 'l', 0}, {0x217D, 0x217D, 'c', 0},
    {0x217E, 0x217E, 'd', 0}, {0x217F, 0x217F, 'm', 0},
    {0x2212, 0x2212, '-', 0}, {0x2215, 0x2215, '/', 0},
    {0x2217, 0x2217, '*', 0}, {0x2219, 0x2219, '.', 0},
    {0x2223, 0x2223, '|', 0}, {0x22C5, 0x22C5, '.', 0},
    {0x2460, 0x2468, '1', 1}, {0x2474, 0x247C, '1', 1},
    {0x2488, 0x2490, '1', 1}, {0x249C, 0x24B5, 'a', 1},
    {0x24B6, 0x24CF, 'A', 1}, {0x24D0, 0x24E9, 'a', 1},
    {0x24EA, 0x24EA, '0', 0}, {0x24F5, 0x24FD, '1', 1},
    {0x24FF, 0x24FF, '0', 0}, {0x2500, 0x2500, '-', 0},
    {0x2501, 0x2501, '-', 0}, {0x2502, 0x2502, '|', 0},
    {0x2776, 0x277E, '1', 1}, {0x2780, 0x2788, '1', 1},
    {0x278A, 0x2792, '1', 1}, {0x2796, 0x2796, '-', 0},
    {0x2800, 0x2800, REMOVE, 0}, {0x29F8, 0x29F8, '/', 0},
    {0x2E17, 0x2E17, '-', 0}, {0x2E1A, 0x2E1A, '-', 0},
    {0x2E3A, 0x2E3B, '-', 0}, {0x2E40, 0x2E40, '-', 0},
    {0x3000, 0x3000, ' ', 0}, {0x3010, 0x3010, '[', 0},
    {0x3011, 0x3011, ']', 0}, {0x30FB, 0x30FB, '.', 0},
    {0x3164, 0x3164, REMOVE, 0}, {0xFE00, 0xFE0F, REMOVE, 0},
    {0xFE31, 0xFE32, '-', 0}, {0xFE49, 0xFE49, '-', 0},
    {0xFE52, 0xFE52, '.', 0}, {0xFE58, 0xFE58, '-', 0},
    {0xFE63, 0xFE63, '-', 0}, {0xFE68, 0xFE68, '\\', 0},
    {0xFE6B, 0xFE6B, '@', 0}, {0xFEFF, 0xFEFF, REMOVE, 0},
    {0xFF03, 0xFF03, '#', 0}, {0xFF08, 0xFF09, '(', 1},
    {0xFF0A, 0xFF0A, '*', 0}, {0xFF0B, 0xFF0B, '+', 0},
    {0xFF0D, 0xFF0F, '-', 1}, {0xFF1D, 0xFF1D, '=', 0},
    {0xFF20, 0xFF3A, '@', 1}, {0xFF3B, 0xFF3B, '[', 0},
    {0xFF3C, 0xFF3C, '\\', 0}, {0xFF3D, 0xFF3D, ']', 0},
    {0xFF3F, 0xFF3F, '_', 0}, {0xFF41, 0xFF5A, 'a', 1},
    {0xFF5B, 0xFF5B, '{', 0}, {0xFF5C, 0xFF5C, '|', 0},
    {0xFF5D, 0xFF5D, '}', 0}, {0xFF5E, 0xFF5E, '~', 0},
    {0xFF65, 0xFF65, '.', 0}, {0xFFA0, 0xFFA0, REMOVE, 0},
    {0xFFF9, 0xFFFB, REMOVE, 0}, {0x10EAD, 0x10EAD, '-', 0},
    {0x1D173, 0x1D17A, REMOVE, 0}, {0x1F100, 0x1F100, '0', 0},
    {0x1F101, 0x1F10A, '0', 1}, {0x1F10B, 0x1F10C, '0', 0},
    {0x1F110, 0x1F129, 'A', 1}, {0x1F130, 0x1F149, 'A', 1},
    {0x1F150, 0x1F169, 'A', 1}, {0x1F170, 0x1F189, 'A', 1},
    {0xE0000, 0xE01EF, REMOVE, 0},
};

/* Marks that are put on the character before: on an ASCII one they only
 * disguise it. Ascending. */
static const span_t marks[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x05BF, 0x05BF},
    {0x05C1, 0x05C5}, {0x0610, 0x061A}, {0x064B, 0x065F}, {0x0670, 0x0670},
    {0x06D6, 0x06DC}, {0x0900, 0x0903}, {0x093C, 0x093C}, {0x0E31, 0x0E31},
    {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1ACE}, {0x1DC0, 0x1DFF},
    {0x302A, 0x302F}, {0x3099, 0x309A}, {0xA66F, 0xA672}, {0xFE20, 0xFE2F},
};

/* Letters of other scripts that look like an ASCII letter. Ascending. */
static const pair_t lookalikes[] = {
    {0x0131, 'i'}, {0x0251, 'a'}, {0x0261, 'g'}, {0x0262, 'g'}, {0x026A, 'i'},
    {0x0274, 'n'}, {0x0280, 'r'}, {0x028F, 'y'}, {0x0299, 'b'}, {0x029C, 'h'},
    {0x029F, 'l'}, {0x0391, 'A'}, {0x0392, 'B'}, {0x0395, 'E'}, {0x0396, 'Z'},
    {0x0397, 'H'}, {0x0399, 'I'}, {0x039A, 'K'}, {0x039C, 'M'}, {0x039D, 'N'},
    {0x039F, 'O'}, {0x03A1, 'P'}, {0x03A4, 'T'}, {0x03A5, 'Y'}, {0x03A7, 'X'},
    {0x03B1, 'a'}, {0x03B3, 'y'}, {0x03B9, 'i'}, {0x03BA, 'k'}, {0x03BD, 'v'},
    {0x03BF, 'o'}, {0x03C1, 'p'}, {0x03C4, 't'}, {0x03C5, 'u'}, {0x03C7, 'x'},
    {0x03F2, 'c'}, {0x03F3, 'j'}, {0x03F9, 'C'}, {0x0405, 'S'}, {0x0406, 'I'},
    {0x0408, 'J'}, {0x0410, 'A'}, {0x0412, 'B'}, {0x0415, 'E'}, {0x041A, 'K'},
    {0x041C, 'M'}, {0x041D, 'H'}, {0x041E, 'O'}, {0x0420, 'P'}, {0x0421, 'C'},
    {0x0422, 'T'}, {0x0423, 'Y'}, {0x0425, 'X'}, {0x0430, 'a'}, {0x0432, 'b'},
    {0x0433, 'r'}, {0x0435, 'e'}, {0x0438, 'u'}, {0x043A, 'k'}, {0x043C, 'm'},
    {0x043D, 'h'}, {0x043E, 'o'}, {0x043F, 'n'}, {0x0440, 'p'}, {0x0441, 'c'},
    {0x0442, 't'}, {0x0443, 'y'}, {0x0445, 'x'}, {0x044C, 'b'}, {0x0455, 's'},
    {0x0456, 'i'}, {0x0458, 'j'}, {0x0475, 'v'}, {0x04AE, 'Y'}, {0x04AF, 'y'},
    {0x04BB, 'h'}, {0x04C0, 'I'}, {0x04CF, 'l'}, {0x0501, 'd'}, {0x051A, 'Q'},
    {0x051B, 'q'}, {0x051C, 'W'}, {0x051D, 'w'}, {0x053C, 'L'}, {0x054D, 'U'},
    {0x054F, 'S'}, {0x0555, 'O'}, {0x0566, 'q'}, {0x0570, 'h'}, {0x0575, 'j'},
    {0x0578, 'n'}, {0x057D, 'u'}, {0x0581, 'g'}, {0x0584, 'p'}, {0x0585, 'o'},
    {0x13A0, 'D'}, {0x13A1, 'R'}, {0x13A2, 'T'}, {0x13A9, 'Y'}, {0x13AA, 'A'},
    {0x13AB, 'J'}, {0x13AC, 'E'}, {0x13B3, 'W'}, {0x13B7, 'M'}, {0x13BB, 'H'},
    {0x13C0, 'G'}, {0x13C3, 'Z'}, {0x13CE, '4'}, {0x13D2, 'R'}, {0x13D4, 'W'},
    {0x13D9, 'V'}, {0x13DA, 'S'}, {0x13DE, 'L'}, {0x13DF, 'C'}, {0x13E2, 'P'},
    {0x13E6, 'K'}, {0x13F4, 'B'}, {0x1D00, 'a'}, {0x1D04, 'c'}, {0x1D05, 'd'},
    {0x1D07, 'e'}, {0x1D0A, 'j'}, {0x1D0B, 'k'}, {0x1D0D, 'm'}, {0x1D0F, 'o'},
    {0x1D18, 'p'}, {0x1D1B, 't'}, {0x1D1C, 'u'}, {0x1D20, 'v'}, {0x1D21, 'w'},
    {0x1D22, 'z'}, {0x2C80, 'A'}, {0x2C82, 'B'}, {0x2C88, 'E'}, {0x2C8E, 'H'},
    {0x2C92, 'I'}, {0x2C94, 'K'}, {0x2C98, 'M'}, {0x2C9A, 'N'}, {0x2C9E, 'O'},
    {0x2C9F, 'o'}, {0x2CA2, 'P'}, {0x2CA3, 'p'}, {0x2CA4, 'C'}, {0x2CA5, 'c'},
    {0x2CA6, 'T'}, {0x2CA8, 'Y'}, {0x2CAC, 'X'}, {0xA4D0, 'B'}, {0xA4D1, 'P'},
    {0xA4D3, 'D'}, {0xA4D4, 'T'}, {0xA4D6, 'G'}, {0xA4D7, 'K'}, {0xA4D9, 'J'},
    {0xA4DA, 'C'}, {0xA4DC, 'Z'}, {0xA4DD, 'F'}, {0xA4DF, 'M'}, {0xA4E0, 'N'},
    {0xA4E1, 'L'}, {0xA4E2, 'S'}, {0xA4E3, 'R'}, {0xA4E6, 'V'}, {0xA4E7, 'H'},
    {0xA4EA, 'W'}, {0xA4EB, 'X'}, {0xA4EC, 'Y'}, {0xA4EE, 'A'}, {0xA4F0, 'E'},
    {0xA4F2, 'I'}, {0xA4F3, 'O'}, {0xA4F4, 'U'}, {0xA731, 's'},
};

/* Numerals: everyday, financial, spoken, in circles, of the market; Korean.
 * Ascending. */
static const pair_t numerals[] = {
    {0x25CB, '0'}, {0x3007, '0'}, {0x3021, '1'}, {0x3022, '2'}, {0x3023, '3'},
    {0x3024, '4'}, {0x3025, '5'}, {0x3026, '6'}, {0x3027, '7'}, {0x3028, '8'},
    {0x3029, '9'}, {0x3220, '1'}, {0x3221, '2'}, {0x3222, '3'}, {0x3223, '4'},
    {0x3224, '5'}, {0x3225, '6'}, {0x3226, '7'}, {0x3227, '8'}, {0x3228, '9'},
    {0x3280, '1'}, {0x3281, '2'}, {0x3282, '3'}, {0x3283, '4'}, {0x3284, '5'},
    {0x3285, '6'}, {0x3286, '7'}, {0x3287, '8'}, {0x3288, '9'}, {0x4E00, '1'},
    {0x4E03, '7'}, {0x4E09, '3'}, {0x4E24, '2'}, {0x4E5D, '9'}, {0x4E8C, '2'},
    {0x4E94, '5'}, {0x4F0D, '5'}, {0x5169, '2'}, {0x516B, '8'}, {0x516D, '6'},
    {0x52FE, '9'}, {0x53C1, '3'}, {0x53C2, '3'}, {0x53C3, '3'}, {0x53C4, '3'},
    {0x5440, '0'}, {0x56DB, '4'}, {0x58F1, '1'}, {0x58F9, '1'}, {0x5E7A, '1'},
    {0x5F0C, '1'}, {0x5F0D, '2'}, {0x5F0E, '3'}, {0x5F10, '2'}, {0x62D0, '7'},
    {0x634C, '8'}, {0x67D2, '7'}, {0x6D1E, '0'}, {0x6F06, '7'}, {0x7396, '9'},
    {0x8086, '4'}, {0x8CAE, '2'}, {0x8CB3, '2'}, {0x8D30, '2'}, {0x9264, '9'},
    {0x94A9, '9'}, {0x9646, '6'}, {0x9678, '6'}, {0x96F6, '0'}, {0xACF5, '0'},
    {0xAD6C, '9'}, {0xB959, '6'}, {0xC0AC, '4'}, {0xC0BC, '3'}, {0xC601, '0'},
    {0xC624, '5'}, {0xC721, '6'}, {0xC774, '2'}, {0xC77C, '1'}, {0xCE60, '7'},
    {0xD314, '8'},
};

/* The letters of the scripts that have look-alikes, all of them. */
static const span_t scripts[] = {
    {0x0131, 0x0131}, {0x0250, 0x02AF}, {0x0370, 0x0482}, {0x048A, 0x0589},
    {0x058B, 0x058F}, {0x13A0, 0x13FF}, {0x1D00, 0x1D2B}, {0x2C80, 0x2CFF},
    {0xA4D0, 0xA4F7}, {0xA731, 0xA731},
};

/* Signs that become ASCII only in the middle of a value: comma, stops, colon,
 * semicolon; what makes a vowel long and looks like a dash; the wave dash. */
static const uint32_t inner_signs[] = {
    0x3001, 0x3002, 0x301C, 0x30FC, 0x3161, 0xFF0C, 0xFF1A, 0xFF1B, 0xFF61,
    0xFF70,
};
// clang-format on

static struct {
    pthread_once_t once;
    cg_fold_table_t is;
    uint8_t count; /* pages in use */
} table = {.once = PTHREAD_ONCE_INIT};

/* The row of cp, to be written. The first page is that of all that stays. */
static cg_sign_t *row(uint32_t cp)
{
    uint8_t *page = &table.is.page_of[cp >> 8];
    if (*page == 0) {
        assert(table.count + 1 < CG_FOLD_PAGES);
        *page = ++table.count;
    }
    return &table.is.pages[*page][cp & 255];
}

static void set(uint32_t cp, int kind, int to)
{
    cg_sign_t *sign = row(cp);
    sign->kind |= (uint8_t)kind;
    sign->to = (unsigned char)to;
}

static void set_kind(uint32_t first, uint32_t last, int kind)
{
    for (uint32_t cp = first; cp <= last; cp++) {
        row(cp)->kind |= (uint8_t)kind;
    }
}

static void build_digits(void)
{
    for (size_t i = 0; i < COUNT(digit_blocks); i++) {
        for (uint32_t digit = 0; digit < 10; digit++) {
            set(digit_blocks[i] + digit, CG_FOLD_TO, '0' + (int)digit);
        }
    }
    for (uint32_t i = 0; i < 50; i++) { /* mathematical: five kinds */
        set(0x1D7CE + i, CG_FOLD_TO, '0' + (int)(i % 10));
    }
}

/* Mathematical letters: thirteen alphabets of 52 (with a few holes that hold
 * other letters of the same place). */
static void build_math_letters(void)
{
    for (uint32_t i = 0; i <= 0x1D6A3 - 0x1D400; i++) {
        int place = (int)(i % 52);
        set(0x1D400 + i, CG_FOLD_TO,
            place < 26 ? 'A' + place : 'a' + place - 26);
    }
}

static void build_ranges(void)
{
    for (size_t i = 0; i < COUNT(ranges); i++) {
        const range_t *range = &ranges[i];
        for (uint32_t cp = range->first; cp <= range->last; cp++) {
            int to = range->to + range->step * (int)(cp - range->first);
            set(cp, range->to < 0 ? CG_FOLD_GOES : CG_FOLD_TO,
                range->to < 0 ? 0 : to);
        }
    }
}

static void build_in_company(void)
{
    for (size_t i = 0; i < COUNT(scripts); i++) {
        set_kind(scripts[i].first, scripts[i].last, CG_FOLD_FOREIGN);
    }
    for (size_t i = 0; i < COUNT(lookalikes); i++) {
        set(lookalikes[i].cp, CG_FOLD_FOREIGN, lookalikes[i].to);
    }
    for (size_t i = 0; i < COUNT(numerals); i++) {
        set(numerals[i].cp, CG_FOLD_NUMERAL, numerals[i].to);
    }
    for (uint32_t c = ' '; c < 0x7F; c++) { /* tags, variation selectors */
        set(0xE0000 + c, CG_FOLD_HIDDEN, (int)c);
        set(0xE00F0 + c, CG_FOLD_HIDDEN, (int)c);
    }
    for (size_t i = 0; i < COUNT(inner_signs); i++) {
        set_kind(inner_signs[i], inner_signs[i], CG_FOLD_INNER);
    }
    for (size_t i = 0; i < COUNT(marks); i++) {
        set_kind(marks[i].first, marks[i].last, CG_FOLD_MARK);
    }
}

static void build(void)
{
    build_digits();
    build_math_letters();
    build_ranges();
    build_in_company();
    set_kind(0xFF10, 0xFF19, CG_FOLD_WIDE);
    set_kind(0xFF21, 0xFF3A, CG_FOLD_WIDE);
    set_kind(0xFF41, 0xFF5A, CG_FOLD_WIDE);
}

const cg_fold_table_t *cg_fold_table(void)
{
    pthread_once(&table.once, build);
    return &table.is;
}
