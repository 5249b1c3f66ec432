/* Is the check digit right? Pure functions over characters.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/check.h"

#include <string.h>

#include "base/digest.h"
#include "redact/detectors.h"

static int value_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'Z' ? c - 'A' + 10 : -1;
}

static bool are_digits(const char *s, int len)
{
    for (int i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return false;
        }
    }
    return true;
}

static bool are_letters(const char *s, int len)
{
    for (int i = 0; i < len; i++) {
        if (s[i] < 'A' || s[i] > 'Z') {
            return false;
        }
    }
    return true;
}

static int number(const char *d, int len)
{
    int value = 0;
    for (int i = 0; i < len; i++) {
        value = value * 10 + (d[i] - '0');
    }
    return value;
}

static bool is_one_digit(const char *d, int len)
{
    for (int i = 1; i < len; i++) {
        if (d[i] != d[0]) {
            return false;
        }
    }
    return true;
}

static int weighted(const char *d, const int *weights, int len)
{
    int sum = 0;
    for (int i = 0; i < len; i++) {
        sum += (d[i] - '0') * weights[i];
    }
    return sum;
}

static bool is_day(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1) {
        return false;
    }
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] + (month == 2 && is_leap);
}

bool cg_check_luhn(const char *d, int len)
{
    static const int doubled[] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
    int sum = 0;
    for (int i = 0; i < len; i++) {
        int digit = d[len - 1 - i] - '0';
        sum += i % 2 ? doubled[digit] : digit;
    }
    return sum % 10 == 0;
}

/* Ranges of first four digits and the lengths issued there (bit n: n digits).
 * Networks' published ranges: Visa, Mastercard, American Express, Diners,
 * Discover, JCB, UnionPay, Maestro, RuPay, Mir, Dankort, older China. */
static bool is_issued(const char *d, int len)
{
    static const struct {
        int first, last;
        uint32_t lengths;
    } ranges[] = {
        {1800, 1800, 0x8000},  {1000, 1999, 0x8000},  {2131, 2131, 0x8000},
        {2200, 2204, 0xF0000}, {2221, 2720, 0x10000}, {3000, 3059, 0x4000},
        {3095, 3095, 0x4000},  {3400, 3499, 0x8000},  {3500, 3599, 0x10000},
        {3600, 3699, 0x4000},  {3700, 3799, 0x8000},  {3800, 3999, 0x14000},
        {4000, 4999, 0x92000}, {5000, 5099, 0xFE000}, {5100, 5599, 0x10000},
        {5600, 5999, 0xFE000}, {6000, 6099, 0xF0000}, {6200, 6299, 0xFC000},
        {6300, 6399, 0xFE000}, {6440, 6499, 0xF0000}, {6500, 6599, 0xF0000},
        {6700, 6799, 0xFE000}, {8100, 8199, 0xF0000}, {9558, 9558, 0x80000},
        {9792, 9792, 0x10000}};
    int first = number(d, 4);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (first >= ranges[i].first && first <= ranges[i].last) {
            return (ranges[i].lengths >> len) & 1;
        }
    }
    return false;
}

bool cg_card_is_usual(const char *d, int len)
{
    int first = number(d, 2);
    bool is_many = (d[0] == '1' && first != 18) || first == 50 ||
                   (first >= 56 && first <= 59) || first == 63 || first == 67 ||
                   (first == 62 && len < 16);
    return !is_many || (d[0] != '1' && (len == 16 || len == 19));
}

bool cg_check_card(const char *d, int len)
{
    return len >= 13 && len <= 19 && is_issued(d, len) &&
           cg_check_luhn(d, len) && !is_one_digit(d, len);
}

/* Length of an account of each country (SWIFT IBAN registry), by the two
 * letters. */
// clang-format off
#define L(letter) [letter - 'A']
static const uint8_t iban_lengths[26][26] = {
    L('A') = {L('D') = 24, L('E') = 23, L('L') = 28, L('T') = 20,
        L('Z') = 28},
    L('B') = {L('A') = 20, L('E') = 16, L('G') = 22, L('H') = 22, L('I') = 27,
        L('R') = 29, L('Y') = 28},
    L('C') = {L('H') = 21, L('R') = 22, L('Y') = 28, L('Z') = 24},
    L('D') = {L('E') = 22, L('J') = 27, L('K') = 18, L('O') = 28},
    L('E') = {L('E') = 20, L('G') = 29, L('S') = 24},
    L('F') = {L('I') = 18, L('K') = 18, L('O') = 18, L('R') = 27},
    L('G') = {L('B') = 22, L('E') = 22, L('I') = 23, L('L') = 18, L('R') = 27,
        L('T') = 28},
    L('H') = {L('N') = 28, L('R') = 21, L('U') = 28},
    L('I') = {L('E') = 22, L('L') = 23, L('Q') = 23, L('S') = 26,
        L('T') = 27},
    L('J') = {L('O') = 30},
    L('K') = {L('W') = 30, L('Z') = 20},
    L('L') = {L('B') = 28, L('C') = 32, L('I') = 21, L('T') = 20, L('U') = 20,
        L('V') = 21, L('Y') = 25},
    L('M') = {L('C') = 27, L('D') = 24, L('E') = 22, L('K') = 19, L('N') = 20,
        L('R') = 27, L('T') = 31, L('U') = 30},
    L('N') = {L('I') = 28, L('L') = 18, L('O') = 15},
    L('O') = {L('M') = 23},
    L('P') = {L('K') = 24, L('L') = 28, L('S') = 29, L('T') = 25},
    L('Q') = {L('A') = 29},
    L('R') = {L('O') = 24, L('S') = 22, L('U') = 33},
    L('S') = {L('A') = 24, L('C') = 31, L('D') = 18, L('E') = 24, L('I') = 19,
        L('K') = 24, L('M') = 27, L('O') = 23, L('T') = 25, L('V') = 28},
    L('T') = {L('L') = 23, L('N') = 24, L('R') = 26},
    L('U') = {L('A') = 29},
    L('V') = {L('A') = 22, L('G') = 24},
    L('X') = {L('K') = 20},
    L('Y') = {L('E') = 30},
};
#undef L
// clang-format on

int cg_iban_length(const char *s)
{
    bool are_both = s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z';
    return are_both ? iban_lengths[s[0] - 'A'][s[1] - 'A'] : 0;
}

static int mod97(const char *s, int len, int rest)
{
    for (int i = 0; i < len; i++) {
        int v = value_of(s[i]);
        if (v < 0) {
            return -1;
        }
        rest = (v > 9 ? rest * 100 + v : rest * 10 + v) % 97;
    }
    return rest;
}

bool cg_check_iban(const char *s, int len)
{
    if (len < 15 || len > 34 || !are_letters(s, 2) || !are_digits(s + 2, 2) ||
        cg_iban_length(s) != len) {
        return false;
    }
    int rest = mod97(s + 4, len - 4, 0);
    return rest >= 0 && mod97(s, 4, rest) == 1;
}

bool cg_is_cn_province(const char *two)
{
    static const uint16_t units[10] = {
        [1] = 0x03F, [2] = 0x00E, [3] = 0x0FE, [4] = 0x07E, [5] = 0x01F,
        [6] = 0x03E, [7] = 0x002, [8] = 0x00E, [9] = 0x002};
    unsigned ten = (unsigned char)two[0] - '0';
    unsigned unit = (unsigned char)two[1] - '0';
    return ten < 10 && unit < 10 && (units[ten] >> unit & 1);
}

bool cg_check_cn_id(const char *s)
{
    static const int weights[] = {7, 9, 10, 5,  8, 4, 2, 1, 6,
                                  3, 7, 9,  10, 5, 8, 4, 2};
    static const char codes[] = "10X98765432";
    if (!are_digits(s, 17)) {
        return false;
    }
    int year = number(s + 6, 4);
    return cg_is_cn_province(s) && strncmp(s, "10", 2) != 0 && year >= 1890 &&
           year <= 2099 && is_day(year, number(s + 10, 2), number(s + 12, 2)) &&
           codes[weighted(s, weights, 17) % 11] == s[17];
}

bool cg_check_cn_uscc(const char *s)
{
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    static const int weights[] = {1,  3,  9,  27, 19, 26, 16, 17, 20,
                                  29, 25, 13, 8,  24, 10, 30, 28};
    static const char kinds[] = "11 12 13 19 21 29 31 32 33 34 35 39 41 49 51 "
                                "52 53 54 59 61 62 69 71 72 79 81 89 91 92 93 "
                                "A1 A9 N1 N2 N3 N9 Y1 ";
    const char kind[] = {s[0], s[1], ' ', 0};
    int sum = 0;
    if (!are_digits(s + 2, 6) || !strstr(kinds, kind) ||
        !cg_is_cn_province(s + 2)) {
        return false;
    }
    for (int i = 0; i < 17; i++) {
        const char *at = memchr(alphabet, s[i], 31);
        if (!at) {
            return false;
        }
        sum += (int)(at - alphabet) * weights[i];
    }
    return alphabet[(31 - sum % 31) % 31] == s[17];
}

bool cg_check_hk_id(const char *s, int len)
{
    int letters = len - 7;
    if (!are_letters(s, letters) || !are_digits(s + letters, 6) ||
        (value_of(s[len - 1]) > 10 || value_of(s[len - 1]) < 0)) {
        return false;
    }
    int sum = letters == 2 ? value_of(s[0]) * 9 : 36 * 9;
    for (int i = letters - 1; i < len - 1; i++) {
        sum += value_of(s[i]) * (len - i);
    }
    sum += value_of(s[len - 1]);
    return sum % 11 == 0;
}

bool cg_check_us_ssn(const char *d)
{
    return strncmp(d, "000", 3) != 0 && strncmp(d, "666", 3) != 0 &&
           d[0] != '9' && strncmp(d + 3, "00", 2) != 0 &&
           strncmp(d + 5, "0000", 4) != 0 && !is_one_digit(d, 9) &&
           strncmp(d, "123456789", 9) != 0 && strncmp(d, "987654320", 8) != 0;
}

bool cg_check_us_itin(const char *d)
{
    int group = number(d + 3, 2);
    return d[0] == '9' &&
           ((group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
            (group >= 90 && group <= 92) || group >= 94);
}

bool cg_check_uk_nino(const char *s)
{
    static const char *const never[] = {"BG", "GB", "KN", "NK",
                                        "NT", "TN", "ZZ"};
    if (!are_letters(s, 2) || !are_digits(s + 2, 6) || s[8] < 'A' ||
        s[8] > 'D' || strchr("DFIQUV", s[0]) || strchr("DFIQUVO", s[1])) {
        return false;
    }
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        if (strncmp(s, never[i], 2) == 0) {
            return false;
        }
    }
    return true;
}

/* The check digit was given up for numbers issued since October 2020, so only
 * date and century digit are looked at. */
bool cg_check_kr_rrn(const char *d)
{
    static const int weights[] = {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5};
    if (d[6] < '1' || d[6] > '4' ||
        !is_day(2000 + number(d, 2), number(d + 2, 2), number(d + 4, 2))) {
        return false;
    }
    bool is_new = (d[6] == '3' || d[6] == '4') && number(d, 2) >= 20;
    return is_new || (11 - weighted(d, weights, 12) % 11) % 10 == d[12] - '0';
}

bool cg_check_sg_nric(const char *s)
{
    static const int weights[] = {2, 7, 6, 5, 4, 3, 2};
    const char *codes;
    if (!are_digits(s + 1, 7)) {
        return false;
    }
    int sum = weighted(s + 1, weights, 7);
    switch (s[0]) {
    case 'S':
    case 'T':
        codes = "JZIHGFEDCBA";
        break;
    case 'F':
    case 'G':
        codes = "XWUTRQPNMLK";
        break;
    case 'M':
        codes = "XWUTRQPNJLK";
        return codes[10 - (10 - (sum + 3) % 11)] == s[8];
    default:
        return false;
    }
    return codes[(sum + (s[0] == 'T' || s[0] == 'G' ? 4 : 0)) % 11] == s[8];
}

bool cg_check_fr_nir(const char *s)
{
    char d[16];
    memcpy(d, s, 15);
    long long value = 0;
    int month;
    if ((s[5] == '2') && (s[6] == 'A' || s[6] == 'B')) {
        d[5] = '1';
        d[6] = s[6] == 'A' ? '9' : '8'; /* INSEE: 2A counts as 19, 2B as 18 */
    }
    if (!are_digits(d, 15) || (d[0] != '1' && d[0] != '2')) {
        return false;
    }
    month = number(d + 3, 2);
    if (month < 1 || (month > 12 && month < 20) || (month > 42 && month < 50)) {
        return false;
    }
    for (int i = 0; i < 13; i++) {
        value = value * 10 + (d[i] - '0');
    }
    return 97 - (int)(value % 97) == number(d + 13, 2);
}

static char nif_letter(int value)
{
    return "TRWAGMYFPDXBNJZSQVHLCKE"[value % 23];
}

bool cg_check_es_nif(const char *s)
{
    return are_digits(s, 8) && nif_letter(number(s, 8)) == s[8];
}

bool cg_check_es_nie(const char *s)
{
    return s[0] >= 'X' && s[0] <= 'Z' && are_digits(s + 1, 7) &&
           nif_letter((s[0] - 'X') * 10000000 + number(s + 1, 7)) == s[8];
}

bool cg_check_it_fiscal(const char *s)
{
    static const char shape[] = "AAAAAA99A99A999A";
    static const int odd[] = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
                              20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
    int sum = 0;
    for (int i = 0; i < 16; i++) {
        bool is_digit = s[i] >= '0' && s[i] <= '9';
        bool is_omocode = !is_digit && strchr("LMNPQRSTUV", s[i]);
        if (shape[i] == 'A' ? value_of(s[i]) < 10 : !is_digit && !is_omocode) {
            return false;
        }
        if (i < 15) {
            int v = is_digit ? s[i] - '0' : s[i] - 'A';
            sum += i % 2 ? v : odd[v];
        }
    }
    return strchr("ABCDEHLMPRST", s[8]) && 'A' + sum % 26 == s[15];
}

bool cg_check_fi_hetu(const char *s)
{
    static const char codes[] = "0123456789ABCDEFHJKLMNPRSTUVWXY";
    if (!are_digits(s, 6) || !strchr("+-ABCDEFUVWXY", s[6]) ||
        !are_digits(s + 7, 3)) {
        return false;
    }
    int century = s[6] == '+' ? 1800 : strchr("ABCDEF", s[6]) ? 2000 : 1900;
    return is_day(century + number(s + 4, 2), number(s + 2, 2), number(s, 2)) &&
           number(s + 7, 3) >= 2 &&
           codes[(number(s, 6) * 1000 + number(s + 7, 3)) % 31] == s[10];
}

/* Two check digits, each (sum of digit times weight) * 10 mod 11 mod 10. */
static int br_digit(const char *d, int len, int most)
{
    int sum = 0;
    for (int i = 0; i < len; i++) {
        int weight = 2 + (len - 1 - i) % (most - 1);
        sum += (d[i] - '0') * weight;
    }
    return sum * 10 % 11 % 10;
}

bool cg_check_br_cpf(const char *d)
{
    return !is_one_digit(d, 11) && br_digit(d, 9, 12) == d[9] - '0' &&
           br_digit(d, 10, 12) == d[10] - '0';
}

bool cg_check_br_cnpj(const char *d)
{
    return !is_one_digit(d, 14) && br_digit(d, 12, 9) == d[12] - '0' &&
           br_digit(d, 13, 9) == d[13] - '0';
}

bool cg_check_in_gstin(const char *s)
{
    int sum = 0;
    int state = are_digits(s, 2) ? number(s, 2) : 0;
    if (state < 1 || (state > 38 && state != 97 && state != 99) ||
        !are_letters(s + 2, 5) || !are_digits(s + 7, 4) ||
        !are_letters(s + 11, 1) || value_of(s[12]) < 1 || s[13] != 'Z') {
        return false;
    }
    for (int i = 0; i < 14; i++) {
        int product = value_of(s[i]) * (i % 2 ? 2 : 1);
        sum += product / 36 + product % 36;
    }
    return (36 - sum % 36) % 36 == value_of(s[14]);
}

bool cg_check_tw_id(const char *s)
{
    static const char order[] = "ABCDEFGHJKLMNPQRSTUVXYWZIO"; /* 10 .. 35 */
    const char *at = memchr(order, s[0], 26);
    if (!at || !are_digits(s + 1, 9) || !strchr("1289", s[1])) {
        return false;
    }
    int code = 10 + (int)(at - order);
    int sum = code / 10 + code % 10 * 9;
    for (int i = 1; i < 9; i++) {
        sum += (s[i] - '0') * (9 - i);
    }
    return (sum + s[9] - '0') % 10 == 0;
}

bool cg_check_uk_nhs(const char *d)
{
    static const int weights[] = {10, 9, 8, 7, 6, 5, 4, 3, 2};
    int check = 11 - weighted(d, weights, 9) % 11;
    return !is_one_digit(d, 10) && (check == 11 ? 0 : check) == d[9] - '0';
}

bool cg_check_au_tfn(const char *d, int len)
{
    static const int nine[] = {1, 4, 3, 7, 5, 8, 6, 9, 10};
    static const int eight[] = {10, 7, 8, 4, 6, 3, 5, 1};
    return !is_one_digit(d, len) &&
           weighted(d, len == 9 ? nine : eight, len) % 11 == 0;
}

bool cg_check_au_abn(const char *d)
{
    static const int weights[] = {10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19};
    return d[0] != '0' && (weighted(d, weights, 11) - 10) % 89 == 0;
}

bool cg_check_au_medicare(const char *d, int len)
{
    static const int weights[] = {1, 3, 7, 9, 1, 3, 7, 9};
    return d[0] >= '2' && d[0] <= '6' &&
           weighted(d, weights, 8) % 10 == d[8] - '0' && d[9] != '0' &&
           (len == 10 || d[10] != '0');
}

bool cg_check_ca_sin(const char *d)
{
    return d[0] != '0' && d[0] != '8' && !is_one_digit(d, 9) &&
           cg_check_luhn(d, 9);
}

/* ISO 7812 prefix 80840 stands before the number for the Luhn sum. */
bool cg_check_us_npi(const char *d)
{
    char full[15];
    memcpy(full, "80840", 5);
    memcpy(full + 5, d, 10);
    return (d[0] == '1' || d[0] == '2') && !is_one_digit(d + 1, 9) &&
           cg_check_luhn(full, 15);
}

bool cg_check_us_mbi(const char *s)
{
    static const char shape[] = "CAN9AN9AA99"; /* CMS: S L O I B Z excluded */
    for (int i = 0; i < 11; i++) {
        bool is_digit = s[i] >= '0' && s[i] <= '9';
        bool is_letter = s[i] >= 'A' && s[i] <= 'Z' && !strchr("SLOIBZ", s[i]);
        if ((shape[i] == 'C' && (!is_digit || s[i] == '0')) ||
            (shape[i] == 'A' && !is_letter) || (shape[i] == '9' && !is_digit) ||
            (shape[i] == 'N' && !is_digit && !is_letter)) {
            return false;
        }
    }
    return true;
}

bool cg_check_us_dea(const char *s)
{
    static const int weights[] = {1, 2, 1, 2, 1, 2};
    return strchr("ABCDEFGHJKLMPRSTUX", s[0]) &&
           (are_letters(s + 1, 1) || s[1] == '9') && are_digits(s + 2, 7) &&
           weighted(s + 2, weights, 6) % 10 == s[8] - '0';
}

bool cg_check_aba(const char *d)
{
    static const int weights[] = {3, 7, 1, 3, 7, 1, 3, 7, 1};
    int district = number(d, 2);
    return ((district >= 1 && district <= 12) ||
            (district >= 21 && district <= 32) ||
            (district >= 61 && district <= 72) || district == 80) &&
           weighted(d, weights, 9) % 10 == 0;
}

/* Verhoeff: the dihedral group of the pentagon. */
bool cg_check_aadhaar(const char *d)
{
    static const char product[10][11] = {
        "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
        "5987604321", "6598710432", "7659821043", "8765932104", "9876543210"};
    static const char permuted[8][11] = {
        "0123456789", "1576283094", "5803796142", "8916043527",
        "9453126870", "4286573901", "2793806415", "7046913258"};
    int c = 0;
    for (int i = 0; i < 12; i++) {
        c = product[c][permuted[i % 8][d[11 - i] - '0'] - '0'] - '0';
    }
    return d[0] >= '2' && c == 0 && !is_one_digit(d, 12);
}

bool cg_check_in_pan(const char *s)
{
    return are_letters(s, 5) && are_digits(s + 5, 4) && are_letters(s + 9, 1);
}

bool cg_check_jp_my_number(const char *d)
{
    static const int weights[] = {6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
    int rest = weighted(d, weights, 11) % 11;
    return (rest <= 1 ? 0 : 11 - rest) == d[11] - '0' && !is_one_digit(d, 12);
}

bool cg_check_pl_pesel(const char *d)
{
    static const int weights[] = {1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1};
    static const int centuries[] = {1900, 2000, 2100, 2200, 1800};
    int month = number(d + 2, 2);
    return month / 20 < 5 &&
           is_day(centuries[month / 20] + number(d, 2), month % 20,
                  number(d + 4, 2)) &&
           weighted(d, weights, 11) % 10 == 0;
}

bool cg_check_nl_bsn(const char *d)
{
    static const int weights[] = {9, 8, 7, 6, 5, 4, 3, 2, -1};
    return weighted(d, weights, 9) % 11 == 0 && !is_one_digit(d, 9);
}

bool cg_check_tr_id(const char *d)
{
    int odd = 0;
    int even = 0;
    for (int i = 0; i < 9; i++) {
        if (i % 2) {
            even += d[i] - '0';
        }
        else {
            odd += d[i] - '0';
        }
    }
    int tenth = ((odd * 7 - even) % 10 + 10) % 10;
    return d[0] != '0' && tenth == d[9] - '0' &&
           (odd + even + tenth) % 10 == d[10] - '0';
}

bool cg_check_th_id(const char *d)
{
    int sum = 0;
    for (int i = 0; i < 12; i++) {
        sum += (d[i] - '0') * (13 - i);
    }
    return d[0] != '0' && (11 - sum % 11) % 10 == d[12] - '0' &&
           !is_one_digit(d, 13);
}

/* ISO 7064 MOD 11,10; of the first ten digits one or two occur repeatedly. */
bool cg_check_de_tax_id(const char *d)
{
    int seen[10] = {0};
    int product = 10;
    int repeated = 0;
    for (int i = 0; i < 10; i++) {
        seen[d[i] - '0']++;
        int sum = (d[i] - '0' + product) % 10;
        product = (sum ? sum : 10) * 2 % 11;
    }
    for (int i = 0; i < 10; i++) {
        if (seen[i] > 3) {
            return false;
        }
        repeated += seen[i] > 1;
    }
    return d[0] != '0' && repeated == 1 && (11 - product) % 10 == d[10] - '0';
}

bool cg_check_za_id(const char *d)
{
    return is_day(2000 + number(d, 2), number(d + 2, 2), number(d + 4, 2)) &&
           (d[10] == '0' || d[10] == '1' || d[10] == '2') &&
           cg_check_luhn(d, 13);
}

bool cg_check_se_personnummer(const char *d, int len)
{
    if (len == 12) {
        int century = number(d, 2);
        if (century < 18 || century > 20) {
            return false;
        }
        d += 2;
    }
    int day = number(d + 4, 2);
    return is_day(2000, number(d + 2, 2), day > 60 ? day - 60 : day) &&
           cg_check_luhn(d, 10);
}

bool cg_check_kr_brn(const char *d)
{
    static const int weights[] = {1, 3, 7, 1, 3, 7, 1, 3, 5};
    int sum = weighted(d, weights, 9) + (d[8] - '0') * 5 / 10;
    return (10 - sum % 10) % 10 == d[9] - '0' && !is_one_digit(d, 10);
}

/* Five digits of base 58 at a time: seven words hold the 25 bytes. False: no
 * digit, or too large. */
static bool decode_base58(const char *s, size_t len, unsigned char raw[25])
{
    static const char alphabet[] =
        "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    uint32_t words[7] = {0};
    for (size_t i = 0; i < len;) {
        uint64_t carry = 0;
        uint32_t scale = 1;
        for (int k = 0; k < 5 && i < len; k++, i++) {
            const char *at = memchr(alphabet, s[i], 58);
            if (!at) {
                return false;
            }
            carry = carry * 58 + (uint64_t)(at - alphabet);
            scale *= 58;
        }
        for (int k = 6; k >= 0; k--) {
            carry += (uint64_t)words[k] * scale;
            words[k] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    for (int i = 0; i < 25; i++) {
        int bit = (24 - i) * 8;
        raw[i] = (unsigned char)(words[6 - bit / 32] >> bit % 32);
    }
    return words[0] < 256;
}

bool cg_check_base58(const char *s, size_t len)
{
    unsigned char raw[25];
    unsigned char once[32];
    unsigned char twice[32];
    if (len < 26 || len > 35 || (s[0] != '1' && s[0] != '3') ||
        !decode_base58(s, len, raw) || (raw[0] != 0 && raw[0] != 5)) {
        return false;
    }
    cg_sha256(raw, 21, once);
    cg_sha256(once, 32, twice);
    return memcmp(twice, raw + 21, 4) == 0;
}

static uint32_t bech32_step(uint32_t sum, int value)
{
    static const uint32_t generators[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa,
                                          0x3d4233dd, 0x2a1462b3};
    uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ (uint32_t)value;
    for (int i = 0; i < 5; i++) {
        if (top >> i & 1) {
            sum ^= generators[i];
        }
    }
    return sum;
}

bool cg_check_bech32(const char *s, size_t len)
{
    static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    uint32_t sum = 1;
    size_t split = len;
    if (len < 14 || len > 90) {
        return false;
    }
    while (split > 0 && s[split - 1] != '1') {
        split--;
    }
    if (split < 2 || split + 6 > len) {
        return false;
    }
    for (size_t i = 0; i + 1 < split; i++) {
        sum = bech32_step(sum, (s[i] | 0x20) >> 5);
    }
    sum = bech32_step(sum, 0);
    for (size_t i = 0; i + 1 < split; i++) {
        sum = bech32_step(sum, (s[i] | 0x20) & 31);
    }
    for (size_t i = split; i < len; i++) {
        char c = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i];
        const char *at = memchr(alphabet, c, 32);
        if (!at) {
            return false;
        }
        sum = bech32_step(sum, (int)(at - alphabet));
    }
    return sum == 1 || sum == 0x2bc830a3;
}

typedef struct checker_t {
    uint8_t type;
    uint8_t min;
    uint8_t max;
    bool has_letters;
    bool (*fixed)(const char *s);
    bool (*sized)(const char *s, int len);
} checker_t;

// clang-format off
static const checker_t checkers[] = {
    {CG_TYPE_CREDIT_CARD, 13, 19, false, NULL, cg_check_card},
    {CG_TYPE_IBAN_CODE, 15, 34, true, NULL, cg_check_iban},
    {CG_TYPE_CN_RESIDENT_ID, 18, 18, true, cg_check_cn_id, NULL},
    {CG_TYPE_CN_USCC, 18, 18, true, cg_check_cn_uscc, NULL},
    {CG_TYPE_HK_ID, 8, 9, true, NULL, cg_check_hk_id},
    {CG_TYPE_US_SSN, 9, 9, false, cg_check_us_ssn, NULL},
    {CG_TYPE_US_ITIN, 9, 9, false, cg_check_us_itin, NULL},
    {CG_TYPE_UK_NINO, 9, 9, true, cg_check_uk_nino, NULL},
    {CG_TYPE_KR_RRN, 13, 13, false, cg_check_kr_rrn, NULL},
    {CG_TYPE_SG_NRIC_FIN, 9, 9, true, cg_check_sg_nric, NULL},
    {CG_TYPE_FR_NIR, 15, 15, true, cg_check_fr_nir, NULL},
    {CG_TYPE_ES_NIF, 9, 9, true, cg_check_es_nif, NULL},
    {CG_TYPE_ES_NIE, 9, 9, true, cg_check_es_nie, NULL},
    {CG_TYPE_IT_FISCAL_CODE, 16, 16, true, cg_check_it_fiscal, NULL},
    {CG_TYPE_BR_CPF, 11, 11, false, cg_check_br_cpf, NULL},
    {CG_TYPE_BR_CNPJ, 14, 14, false, cg_check_br_cnpj, NULL},
    {CG_TYPE_IN_GSTIN, 15, 15, true, cg_check_in_gstin, NULL},
    {CG_TYPE_TW_ID, 10, 10, true, cg_check_tw_id, NULL},
    {CG_TYPE_UK_NHS, 10, 10, false, cg_check_uk_nhs, NULL},
    {CG_TYPE_AU_TFN, 8, 9, false, NULL, cg_check_au_tfn},
    {CG_TYPE_AU_ABN, 11, 11, false, cg_check_au_abn, NULL},
    {CG_TYPE_AU_MEDICARE, 10, 11, false, NULL, cg_check_au_medicare},
    {CG_TYPE_CA_SIN, 9, 9, false, cg_check_ca_sin, NULL},
    {CG_TYPE_US_NPI, 10, 10, false, cg_check_us_npi, NULL},
    {CG_TYPE_US_MBI, 11, 11, true, cg_check_us_mbi, NULL},
    {CG_TYPE_MEDICAL_LICENSE, 9, 9, true, cg_check_us_dea, NULL},
    {CG_TYPE_ABA_ROUTING_NUMBER, 9, 9, false, cg_check_aba, NULL},
    {CG_TYPE_IN_AADHAAR, 12, 12, false, cg_check_aadhaar, NULL},
    {CG_TYPE_IN_PAN, 10, 10, true, cg_check_in_pan, NULL},
    {CG_TYPE_JP_MY_NUMBER, 12, 12, false, cg_check_jp_my_number, NULL},
    {CG_TYPE_PL_PESEL, 11, 11, false, cg_check_pl_pesel, NULL},
    {CG_TYPE_NL_BSN, 9, 9, false, cg_check_nl_bsn, NULL},
    {CG_TYPE_TR_NATIONAL_ID, 11, 11, false, cg_check_tr_id, NULL},
    {CG_TYPE_TH_TNIN, 13, 13, false, cg_check_th_id, NULL},
    {CG_TYPE_DE_TAX_ID, 11, 11, false, cg_check_de_tax_id, NULL},
    {CG_TYPE_ZA_ID_NUMBER, 13, 13, false, cg_check_za_id, NULL},
    {CG_TYPE_SE_PERSONNUMMER, 10, 12, false, NULL, cg_check_se_personnummer},
    {CG_TYPE_KR_BRN, 10, 10, false, cg_check_kr_brn, NULL},
};
// clang-format on

/* Letters and digits of value, upper case; -1 when there are too many. */
static int strip(cg_str_t value, char *out, int cap)
{
    int len = 0;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        c = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
        if (value_of(c) < 0) {
            continue;
        }
        if (len == cap) {
            return -1;
        }
        out[len++] = c;
    }
    return len;
}

bool cg_check_value(int type, cg_str_t value)
{
    char s[40];
    int len = strip(value, s, (int)sizeof s);
    if (type == CG_TYPE_FI_PERSONAL_IDENTITY_CODE) {
        return value.len == 11 && cg_check_fi_hetu(value.ptr);
    }
    for (size_t i = 0; i < sizeof checkers / sizeof checkers[0]; i++) {
        const checker_t *row = &checkers[i];
        if (row->type != type) {
            continue;
        }
        if (len < row->min || len > row->max ||
            (!row->has_letters && !are_digits(s, len))) {
            return false;
        }
        return row->fixed ? row->fixed(s) : row->sized(s, len);
    }
    return false;
}
