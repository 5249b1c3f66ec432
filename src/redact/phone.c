/* Telephone numbers.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/number_int.h"

#include <string.h>

#define PHONE_DIGITS_MAX 15

// clang-format off
const cg_phone_shape_t cg_phone_shapes[] = {
    {0x2B, CG_PHONE_CHINA}, {0x4B, CG_PHONE_CHINA}, {0x344, CG_PHONE_CHINA},
    {0x335, CG_PHONE_CHINA}, {0x353, CG_PHONE_CHINA}, {0x245, CG_PHONE_CHINA},
    {0x443, CG_PHONE_CHINA}, {0x2344, CG_PHONE_CHINA}, {0x4344, CG_PHONE_CHINA},
    {0x37, CG_PHONE_NANP}, {0x334, CG_PHONE_NANP},
    {0x137, CG_PHONE_NANP_1 | CG_PHONE_TRUNK},
    {0x1334, CG_PHONE_NANP_1 | CG_PHONE_TRUNK},
    {0x3334, CG_PHONE_NANP_001},
    {0x13322, CG_PHONE_TRUNK},
    {0x3322, CG_PHONE_BARE | CG_PHONE_DOTS}, {0x22222, CG_PHONE_DOTS},
    {0x333, CG_PHONE_CALLED},
    {0x54, CG_PHONE_NOT}, {0x324, CG_PHONE_NOT},
    {0, 0},
};
// clang-format on

static bool has_label_near(cg_window_t *w, int type, uint32_t start)
{
    return cg_label_distance(w, type, start) >= 0 &&
           cg_is_labelled(w, type, start, true);
}

/* A Chinese mobile number, however grouped. */
static bool looks_mobile(const cg_number_t *number, const cg_prefix_t *prefix)
{
    return prefix->total == 11 && number->d[0] == '1' && number->d[1] >= '3';
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
static bool is_counting(const cg_number_t *number, int total)
{
    int steps = 0;
    for (int i = 1; i < total; i++) {
        steps += number->d[i] == number->d[i - 1] + 1;
    }
    return steps >= total - 2;
}

/* Four groups and dots: an address of a machine. */
static bool has_ip4_form(const cg_number_t *number, const cg_prefix_t *prefix)
{
    if (prefix->groups != 4 || prefix->gaps != CG_GAP_DOT) {
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
static bool is_date(const cg_number_t *number, int groups)
{
    const char *d = number->d;
    if (groups == 2 && number->group[0].len == 4 && number->group[1].len == 4) {
        return cg_is_year(d) && cg_is_year(d + 4);
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
static int international(const cg_number_t *number)
{
    int most = most_digits(number->d);
    int found = 0;
    for (int i = 0; i < number->groups; i++) {
        const cg_group_t *group = &number->group[i];
        if (i > 0 &&
            !(group->gap & (CG_GAP_TIGHT | CG_GAP_PAREN | CG_GAP_SLASH |
                            CG_GAP_UNDER | CG_GAP_MARK))) {
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
static int china_code(const char *d, int total)
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
static bool is_one_kind(const cg_prefix_t *prefix)
{
    int gaps = prefix->gaps & ~CG_GAP_PAREN;
    return (gaps & (gaps - 1)) == 0;
}

/* A number may have one digit by itself: a trunk code. Others are lists. */
static bool is_list(const cg_number_t *number, const cg_prefix_t *prefix)
{
    int single = 0;
    for (int i = 0; i < prefix->groups; i++) {
        single += number->group[i].len == 1;
    }
    return single > 1 || prefix->groups > 6;
}

/* Forms of other countries that are known by their zero, or their grouping:
 * 09171234567, 090-1234-5678, 0216 123 45 67, 532 123 45 67. */
static bool is_national(const cg_number_t *number, const cg_prefix_t *prefix)
{
    const char *d = number->d;
    int groups = prefix->groups;
    int forms = prefix->grouping->phone;
    if (prefix->gaps &
        ~(CG_GAP_SPACE | CG_GAP_DASH | CG_GAP_PAREN | CG_GAP_DOT)) {
        return false;
    }
    if (prefix->gaps & CG_GAP_DOT) {
        return (forms & CG_PHONE_DOTS) != 0;
    }
    if (d[0] != '0') {
        return d[0] >= '2' && (forms & CG_PHONE_BARE);
    }
    if (groups == 1) {
        return prefix->total == 11 && d[1] != '0' && has_variety(d, 11);
    }
    if (!is_one_kind(prefix)) {
        return false;
    }
    if (number->group[0].len == 1) {
        return (forms & CG_PHONE_TRUNK) != 0;
    }
    return prefix->total >= 9 && prefix->total <= 11 && d[1] != '0' &&
           groups <= 5 && number->group[0].len <= 5 &&
           !(forms & CG_PHONE_NOT) && !is_date(number, groups);
}

/* How sure is it that this prefix is a telephone number? */
static int score_phone(const cg_number_t *number, const cg_prefix_t *prefix)
{
    const char *d = number->d;
    int forms = prefix->grouping->phone;
    int code = china_code(d, prefix->total);
    bool is_one_block = prefix->groups == 1;
    bool is_tight = (prefix->gaps & ~(CG_GAP_TIGHT | CG_GAP_PAREN)) == 0;
    if (code >= 0 && d[code] == '1' && d[code + 1] >= '3') {
        if (is_one_block && memcmp(d, "17179869184", 11) == 0) {
            return 20; /* 2 to the 34th: 16 GiB */
        }
        bool is_shape = (forms & CG_PHONE_CHINA) != 0;
        bool is_regular =
            (is_shape || prefix->is_uniform) && prefix->is_maximal;
        if ((prefix->gaps & CG_GAP_ODD) && !is_regular) {
            return 0;
        }
        return is_one_block || (is_tight && is_shape) ? 70 : 20;
    }
    if (prefix->gaps & CG_GAP_ODD) {
        return 0;
    }
    if (is_tight && prefix->total == 10 && !is_one_block && is_nanp(d) &&
        (forms & CG_PHONE_NANP) &&
        (prefix->is_one_gap || !(prefix->gaps & CG_GAP_DOT))) {
        return prefix->groups == 3 ? 80 : 50;
    }
    if (is_tight && prefix->total == 11 && d[0] == '1' && is_nanp(d + 1) &&
        (forms & CG_PHONE_NANP_1)) {
        return 80;
    }
    if (is_tight && prefix->total == 13 && memcmp(d, "001", 3) == 0 &&
        is_nanp(d + 3) && (forms & CG_PHONE_NANP_001)) {
        return 80;
    }
    if (is_counting(number, prefix->total) || has_ip4_form(number, prefix)) {
        return 0;
    }
    if (is_national(number, prefix)) {
        return 55;
    }
    if (prefix->total < 8 || prefix->total > 12 || !is_one_kind(prefix) ||
        is_list(number, prefix) || is_date(number, prefix->groups) ||
        (prefix->gaps & CG_GAP_LINE) ||
        (prefix->gaps == CG_GAP_DOT && prefix->groups == 2)) {
        return 0;
    }
    return 20;
}

void cg_try_phone(cg_window_t *w, const cg_number_t *number, uint32_t start,
                  const cg_prefix_t *prefix)
{
    uint32_t digits_end = prefix->end;
    int score = score_phone(number, prefix);
    uint32_t end = score ? read_extension(w, digits_end) : digits_end;
    if (score == 0 || (!prefix->is_free && end == digits_end)) {
        return;
    }
    if (score < 60 && prefix->is_uniform && prefix->groups > 1 &&
        (!prefix->is_maximal || is_in_dump(w, start, digits_end))) {
        return;
    }
    if (score < CG_SCORE_FOUND &&
        !(looks_mobile(number, prefix)
              ? cg_is_labelled(w, CG_TYPE_PHONE_NUMBER, start, true)
              : has_label_near(w, CG_TYPE_PHONE_NUMBER, start))) {
        if (!is_called_after(w, end)) {
            return;
        }
        score = CG_SCORE_FOUND;
    }
    if (score < CG_SCORE_FOUND && looks_mobile(number, prefix) &&
        cg_label_distance(w, CG_TYPE_PHONE_NUMBER, start) < 0) {
        score =
            CG_SCORE_FOUND; /* "号码是1 3 8 …": any number's label will do */
    }
    cg_candidate(w, start, end, CG_TYPE_PHONE_NUMBER, score);
}

void cg_try_international(cg_window_t *w, uint32_t start, uint32_t digits)
{
    cg_number_t number;
    if (cg_is(cg_before(w, start), CG_C_ALNUM) || cg_before(w, start) == '+' ||
        cg_at(w, digits) == '0') {
        return;
    }
    cg_number_read(w, digits, true, &number);
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
