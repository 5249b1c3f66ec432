/* Addresses of machines: IPv4, IPv6, MAC.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/redact_int.h"

#include <string.h>

/* Reads 0-255 without leading zero at i; returns its end or 0. */
static uint32_t read_octet(cg_window_t *w, uint32_t i, int *value)
{
    uint32_t from = i;
    *value = 0;
    while (i < from + 4 && cg_is(cg_at(w, i), CG_C_DIGIT)) {
        *value = *value * 10 + (int)(cg_at(w, i) - '0');
        i++;
    }
    bool is_padded = i > from + 1 && cg_at(w, from) == '0';
    return i > from && i <= from + 3 && *value <= 255 && !is_padded ? i : 0;
}

/* a.b.c.d at i; returns its end or 0. */
static uint32_t read_ip4(cg_window_t *w, uint32_t i, int octets[4])
{
    for (int k = 0; k < 4; k++) {
        i = read_octet(w, i, &octets[k]);
        if (i == 0 || (k < 3 && cg_at(w, i) != '.')) {
            return 0;
        }
        i += k < 3;
    }
    return i;
}

/* The zone and the prefix length that may follow: %eth0, /64. */
static uint32_t read_suffix(cg_window_t *w, uint32_t end, unsigned most)
{
    if (cg_at(w, end) == '%' && cg_is(cg_at(w, end + 1), CG_C_ALNUM)) {
        uint32_t from = end + 1;
        end = from;
        while (end < from + 16 && cg_is(cg_at(w, end), CG_C_ALNUM)) {
            end++;
        }
    }
    if (cg_at(w, end) == '/') {
        unsigned bits = 0;
        uint32_t i = end + 1;
        while (i < end + 5 && cg_is(cg_at(w, i), CG_C_DIGIT)) {
            bits = bits * 10 + (cg_at(w, i) - '0');
            i++;
        }
        if (i > end + 1 && bits <= most && !cg_is(cg_at(w, i), CG_C_ALNUM)) {
            return i;
        }
    }
    return end;
}

/* Addresses that lead to no machine are found beside a label only. */
static bool is_named(cg_window_t *w, uint32_t start)
{
    int distance = cg_label_distance(w, CG_TYPE_IP_ADDRESS, start);
    return distance >= 0 && distance <= 12;
}

static bool is_nowhere(const int octets[4])
{
    return octets[0] == 127 || octets[0] == 0 || octets[0] == 255;
}

/* Small numbers only: 1.5.4.7, 20.8.2.2. Of the addresses in use one in some
 * thousands looks so; 10.x and 8.8.8.8 are taken out. */
static bool is_numbering(const int octets[4])
{
    bool is_same = true;
    for (int i = 0; i < 4; i++) {
        is_same = is_same && octets[i] == octets[0];
        if (octets[i] > 30) {
            return false;
        }
    }
    return octets[0] != 10 && !is_same;
}

/* Version numbers look the same: a word decides. */
static bool is_version(cg_window_t *w, uint32_t start, const int octets[4])
{
    int against = cg_label_distance(w, CG_LABEL_COUNTER, start);
    int labelled = cg_label_distance(w, CG_TYPE_IP_ADDRESS, start);
    if (labelled < 0 && is_numbering(octets)) {
        return true;
    }
    return against >= 0 && against <= 16 &&
           (labelled < 0 || labelled > against);
}

void cg_scan_ip4(cg_window_t *w, uint32_t start)
{
    int octets[4];
    unsigned before = cg_before(w, start);
    bool is_tied = cg_is(before, CG_C_ALNUM) &&
                   (cg_is(before, CG_C_DIGIT) || !cg_label_touches(w, start));
    if (is_tied || before == '.' || before == '_') {
        return;
    }
    uint32_t end = read_ip4(w, start, octets);
    if (end == 0 || cg_is(cg_at(w, end), CG_C_ALNUM) ||
        (cg_at(w, end) == '.' && cg_is(cg_at(w, end + 1), CG_C_ALNUM)) ||
        (cg_at(w, end) == '-' && cg_is(cg_at(w, end + 1), CG_C_ALPHA)) ||
        (is_nowhere(octets) && !is_named(w, start)) ||
        is_version(w, start, octets)) {
        return;
    }
    cg_candidate(w, start, read_suffix(w, end, 32), CG_TYPE_IP_ADDRESS, 90);
}

typedef struct ip6_t {
    int groups;
    bool has_gap; /* :: */
    bool has_digit;
    bool has_long; /* a group of three or four */
    bool is_one;   /* ::1 */
    bool has_ip4;
    uint32_t end;
} ip6_t;

/* Reads groups of hexadecimal digits and colons. */
static ip6_t read_ip6(cg_window_t *w, uint32_t i)
{
    ip6_t ip = {.end = i};
    int octets[4];
    if (cg_at(w, i) == ':') {
        if (cg_at(w, i + 1) != ':') {
            return ip;
        }
        ip.has_gap = true;
        i += 2;
        ip.end = i;
    }
    while (ip.groups < 8) {
        uint32_t from = i;
        bool has_digit = false;
        while (i < from + 5 && cg_is(cg_at(w, i), CG_C_HEX)) {
            has_digit = has_digit || cg_is(cg_at(w, i), CG_C_DIGIT);
            i++;
        }
        if (i == from || i > from + 4) {
            ip.groups = i == from ? ip.groups : 99;
            return ip;
        }
        if (cg_at(w, i) == '.' && (ip.has_gap || ip.groups == 6)) {
            uint32_t end = read_ip4(w, from, octets);
            if (end) {
                ip.has_ip4 = true;
                ip.end = end;
                return ip;
            }
        }
        ip.groups++;
        ip.has_digit = ip.has_digit || has_digit;
        ip.has_long = ip.has_long || i > from + 2;
        ip.end = i;
        if (cg_at(w, i) != ':') {
            return ip;
        }
        i++;
        if (cg_at(w, i) == ':') {
            if (ip.has_gap) {
                ip.groups = 99;
                return ip;
            }
            ip.has_gap = true;
            i++;
            ip.end = i;
        }
    }
    return ip;
}

static bool is_whole_ip6(const ip6_t *ip)
{
    if (!ip->has_gap) {
        return ip->groups == 8 || (ip->groups == 6 && ip->has_ip4);
    }
    if (ip->has_ip4 || ip->is_one) {
        return true;
    }
    return ip->groups > 0 && ip->groups < 8 && ip->has_digit && ip->has_long;
}

static void try_ip6(cg_window_t *w, uint32_t start)
{
    ip6_t ip = read_ip6(w, start);
    ip.is_one = ip.has_gap && ip.end == start + 3 && cg_at(w, start) == ':' &&
                cg_at(w, start + 2) == '1';
    unsigned after = cg_at(w, ip.end);
    bool is_italic = after == '_' && cg_before(w, start) == '_';
    if (!is_whole_ip6(&ip) || cg_is(after, CG_C_ALNUM) || after == ':' ||
        (after == '_' && !is_italic) ||
        (after == '.' && cg_is(cg_at(w, ip.end + 1), CG_C_DIGIT))) {
        return;
    }
    uint32_t end = read_suffix(w, ip.end, 128);
    if (ip.is_one ? is_named(w, start)
                  : ip.groups > 1 || ip.has_ip4 || end > ip.end) {
        cg_candidate(w, start, end, CG_TYPE_IP_ADDRESS, 90);
    }
}

/* Six pairs with one separator, or Cisco's three fours. Returns the end. */
static uint32_t read_mac(cg_window_t *w, uint32_t i, bool *is_special)
{
    uint32_t start = i;
    uint32_t lettered = 0; /* groups with a letter */
    uint32_t size = cg_is(cg_at(w, i + 2), CG_C_HEX) ? 4 : 2;
    unsigned separator = cg_at(w, i + size);
    unsigned all_or = 0;
    unsigned all_and = 0xff;
    if (size == 4 ? separator != '.' : separator != ':' && separator != '-') {
        return 0;
    }
    for (uint32_t k = 0; k < 12 / size; k++) {
        bool has_letter = false;
        for (uint32_t d = 0; d < size; d++, i++) {
            unsigned c = cg_at(w, i);
            if (!cg_is(c, CG_C_HEX)) {
                return 0;
            }
            unsigned v = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
            has_letter = has_letter || v > 9;
            all_or |= v;
            all_and &= v;
        }
        lettered += has_letter;
        if (k + 1 < 12 / size && cg_at(w, i++) != separator) {
            return 0;
        }
    }
    unsigned after = cg_at(w, i);
    if (after == separator && cg_is(cg_at(w, i + 1), CG_C_ALNUM)) {
        return 0;
    }
    if (size == 4 && lettered < 2 &&
        cg_label_distance(w, CG_TYPE_MAC_ADDRESS, start) < 0) {
        return 0; /* 0328.0020.0004: a table of numbers */
    }
    *is_special = all_or == 0 || all_and == 0xf;
    return cg_is(after, CG_C_ALNUM) ? 0 : i;
}

/* Is this the rest of something longer with colons? "ab12:" and "fe80:" before
 * it are; "IP:" and "mac:" are labels. */
static bool is_rest(const cg_window_t *w, uint32_t start)
{
    uint32_t i = start;
    bool has_digit = false;
    bool is_hex = true;
    if (cg_before(w, i) != ':') {
        return false;
    }
    i--;
    while (i > 0 && start - i < 16 && cg_is(w->text[i - 1], CG_C_ALNUM)) {
        i--;
        has_digit = has_digit || cg_is(w->text[i], CG_C_DIGIT);
        is_hex = is_hex && cg_is(w->text[i], CG_C_HEX);
    }
    uint32_t len = start - 1 - i;
    return len == 0 ? cg_before(w, i) == ':'
                    : has_digit || (is_hex && len <= 4);
}

void cg_scan_colons(cg_window_t *w, uint32_t start)
{
    unsigned before = cg_before(w, start);
    bool is_special = false;
    bool is_tied = cg_is(before, CG_C_ALNUM) &&
                   (!cg_is(cg_at(w, start), CG_C_DIGIT) ||
                    cg_is(before, CG_C_DIGIT) || !cg_label_touches(w, start));
    if (is_tied || before == '.' || is_rest(w, start)) {
        return;
    }
    uint32_t end = cg_at(w, start) == ':' ? 0 : read_mac(w, start, &is_special);
    if (end) {
        if (!is_special && before != '-') {
            cg_candidate(w, start, end, CG_TYPE_MAC_ADDRESS, 90);
        }
        return;
    }
    try_ip6(w, start);
}
