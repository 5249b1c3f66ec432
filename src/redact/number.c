/* Numbers: cards, identity numbers, telephones.
 * SPDX-License-Identifier: Apache-2.0
 *
 * From one start, groups of digits and the gaps between them are read once:
 *
 *      4111-1111 1111  1111     groups 4 4 4 4, gaps - ' ' ' '
 *
 * Each prefix of the groups may be a number: number_rows.c and phone.c say which
 * types have so many digits, how they are usually grouped, and how sure a
 * grouping makes us. A number grouped in another way counts only beside a
 * label. Check digits come last, because they cost most.
 */
#include "redact/number_int.h"

#include <string.h>

#include "redact/check.h"

/* May these digits begin a number of a resident of China, who groups it in any
 * way: a province, and in the middle a year and a month? */
static bool may_be_resident(const char *d, int total)
{
    if (total >= 18 || (total >= 7 && d[6] != '1' && d[6] != '2') ||
        (total >= 8 && (d[6] == '1' ? d[7] < '8' : d[7] != '0'))) {
        return false;
    }
    return (total < 11 || d[10] <= '1') && (total < 2 || cg_is_cn_province(d));
}

/* Asked at most once for a number; *answer is -1 before. */
static bool may_be_odd(cg_window_t *w, uint32_t start, int *answer)
{
    if (*answer < 0) {
        *answer = cg_is_first_labelled(w, start);
    }
    return *answer;
}

/* Odd gaps of several kinds: only a mobile number of China bears them. */
static bool is_jumble(int gaps, char first)
{
    return (gaps & CG_GAP_ODD) && (gaps & (gaps - 1)) && first != '0' &&
           first != '1' && first != '8';
}

/* Groups that begin nothing is_promising() lets pass: without a label nothing
 * will come of more, so that rows of small numbers cost little. */
static bool is_hopeless(const cg_number_t *number, int total, int gaps)
{
    bool is_apart = number->groups == total && (gaps & (gaps - 1)) == 0;
    return !is_apart && (number->d[0] != '0' || total >= 11) &&
           !may_be_resident(number->d, total);
}

void cg_number_read(cg_window_t *w, uint32_t start, bool is_international,
                    cg_number_t *number)
{
    const unsigned char *text = w->text;
    const uint32_t limit = w->limit;
    uint8_t grouping = CG_GROUPING_ROOT;
    uint32_t i = start;
    int total = 0;
    int gap = 0;
    int gaps = 0; /* kinds seen */
    int odd = -1; /* may_be_odd */
    number->start = start;
    number->groups = 0;
    number->has_x = false;
    number->known = cg_groupings();
    for (;;) {
        uint32_t from = i;
        while (i < limit && cg_is(text[i], CG_C_DIGIT)) {
            if (total == CG_DIGITS_MAX) {
                cg_at(w, i);
                return; /* too long for anything */
            }
            number->d[total++] = (char)text[i++];
        }
        unsigned after = cg_at(w, i);
        if (total == 17 && (after | 0x20) == 'x') {
            number->d[total++] = 'X';
            number->has_x = true;
            after = cg_at(w, ++i);
        }
        if (i == from || cg_is(after, CG_C_DIGIT)) {
            return;
        }
        uint32_t len = i - from;
        gaps |= gap;
        grouping =
            len > CG_GROUP_DIGITS_MAX ? 0 : number->known[grouping].next[len];
        number->group[number->groups++] = (cg_group_t){
            i, (uint16_t)gap, (uint8_t)len, (uint8_t)total, grouping};
        if (total >= CG_DIGITS_MAX || number->has_x ||
            is_jumble(gaps, number->d[0]) || number->groups == CG_DIGITS_MAX ||
            (grouping == 0 && !is_international &&
             is_hopeless(number, total, gaps) && !may_be_odd(w, start, &odd))) {
            return;
        }
        if (after == ' ' && cg_is(cg_at(w, i + 1), CG_C_DIGIT)) {
            gap = CG_GAP_SPACE; /* most of them */
            i++;
            continue;
        }
        i = cg_gap_after(w, i, total == 17, &gap);
        if (i == 0 || (gap == CG_GAP_ODD && !may_be_odd(w, start, &odd))) {
            return;
        }
    }
}

/* Lets a prefix grow by the next group. */
static void grow(cg_prefix_t *prefix, const cg_number_t *number)
{
    const cg_group_t *group = &number->group[prefix->groups];
    uint8_t size = number->group[0].len;
    if (prefix->groups > 0) {
        bool was_even = prefix->groups == 1 ||
                        number->group[prefix->groups - 1].len == size;
        prefix->is_one_gap = prefix->is_one_gap &&
                             (prefix->gaps == 0 || prefix->gaps == group->gap);
        prefix->gaps |= group->gap;
        prefix->is_uniform =
            prefix->is_uniform && was_even && group->len <= size;
    }
    prefix->groups++;
    prefix->total = group->total;
    prefix->grouping = &number->known[group->grouping];
    prefix->end = group->end;
}

/* Is there anything this prefix may be? Most are passed over here. */
static bool is_promising(cg_window_t *w, const cg_number_t *number,
                         const cg_prefix_t *prefix)
{
    return prefix->total >= 7 &&
           (prefix->groups == 1 || prefix->total == 18 ||
            (prefix->groups == prefix->total && prefix->total >= 15) ||
            (number->d[0] == '0' && prefix->total <= 11) ||
            prefix->grouping->is_sure || cg_has_label(w, number->start));
}

/* Does a group of digits stand before, tied by a gap of one of the kinds? */
static bool has_group_before(cg_window_t *w, uint32_t start, int kinds)
{
    return kinds &&
           (cg_gap_between(w, cg_digits_before(w, start), start) & kinds);
}

/* Within a row of groups of one or two digits each, "1 2 3 4", only its
 * beginning is a start. */
static bool is_inside_row(cg_window_t *w, uint32_t start)
{
    uint32_t here = 1 + cg_is(cg_at(w, start + 1), CG_C_DIGIT);
    uint32_t after = start + here;
    uint32_t end = cg_digits_before(w, start);
    if (end < here || cg_is(cg_at(w, after), CG_C_DIGIT)) {
        return false;
    }
    for (uint32_t i = 1; i <= here; i++) {
        if (!cg_is(w->text[end - i], CG_C_DIGIT)) {
            return false;
        }
    }
    if (cg_is(cg_before(w, end - here), CG_C_DIGIT)) {
        return false;
    }
    int gap = cg_gap_between(w, end, start);
    /* "1,5-6956-…": the first column of a table is no part of the second. */
    bool is_loose = gap & (CG_GAP_ODD | CG_GAP_SPACE | CG_GAP_LINE);
    int next = gap ? cg_read_gap(w, &after, CG_C_DIGIT) : 0;
    return is_loose ? next == gap : next != 0;
}

/* A number that was written without gaps, or as if. */
void cg_scan_digits(cg_window_t *w, uint32_t start, uint32_t end,
                    const char *digits, int total)
{
    cg_number_t number = {.start = start, .groups = 1};
    cg_prefix_t prefix = {.groups = 1,
                          .total = total,
                          .grouping = cg_groupings(),
                          .end = end,
                          .is_one_gap = true,
                          .is_uniform = true,
                          .is_maximal = true,
                          .is_free = true};
    if (total >= 7 && total <= CG_DIGITS_MAX) {
        memcpy(number.d, digits, (size_t)total);
        number.group[0] = (cg_group_t){
            .end = end, .len = (uint8_t)total, .total = (uint8_t)total};
        cg_try_phone(w, &number, start, &prefix);
        cg_try_rows(w, &number, &prefix);
    }
}

/* 212) of (212): at most five digits. */
static bool is_area_code(cg_window_t *w, uint32_t digits)
{
    uint32_t i = digits;
    while (i < digits + 6 && cg_is(cg_at(w, i), CG_C_DIGIT)) {
        i++;
    }
    return i < digits + 6 && cg_at(w, i) == ')';
}

void cg_scan_number(cg_window_t *w, uint32_t start)
{
    uint32_t digits = start;
    bool is_paren = cg_at(w, digits) == '(';
    digits += is_paren;
    if (cg_at(w, digits) == '+') {
        cg_try_international(w, start, digits + 1);
        return;
    }
    if (!cg_is(cg_at(w, digits), CG_C_DIGIT) ||
        (is_paren ? !is_area_code(w, digits) ||
                        cg_is(cg_before(w, start), CG_C_ALNUM) ||
                        is_inside_row(w, digits)
                  : !cg_left_is_free(w, start) || is_inside_row(w, start))) {
        return;
    }
    cg_number_t number;
    cg_number_read(w, digits, false, &number);
    if (number.groups == 0 || number.group[number.groups - 1].total < 7) {
        return;
    }
    bool has_before =
        number.groups > 1 && has_group_before(w, start, number.group[1].gap);
    bool is_inside_paren =
        !is_paren && cg_before(w, start) == '(' && is_area_code(w, start);
    cg_prefix_t prefix = {.is_one_gap = true, .is_uniform = true};
    number.start = start;
    while (prefix.groups < number.groups) {
        grow(&prefix, &number);
        if (!is_promising(w, &number, &prefix)) {
            continue;
        }
        bool has_after = prefix.groups < number.groups &&
                         (number.group[prefix.groups].gap & prefix.gaps);
        prefix.is_maximal = !has_before && !has_after;
        prefix.is_free = cg_right_is_free(w, prefix.end);
        if (!is_inside_paren && cg_before(w, start) != '+') {
            cg_try_phone(w, &number, start, &prefix);
        }
        if (!is_paren && prefix.is_free) {
            cg_try_rows(w, &number, &prefix);
        }
    }
}
