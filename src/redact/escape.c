/* One character written as several: \u0041 &#65; %41 =41 and their kin.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What begins an escape looks like a plain sign everywhere else, so each form
 * asks for its whole shape, and octal and quoted-printable, whose shape many a
 * path and query has, for three of them in a row.
 */
#include "redact/redact_int.h"

#include <string.h>

#define CUT (-1) /* the end of the text cuts what may be one */
#define ROW_MIN 3
#define AGAIN_MAX 3 /* an escape of an escape, so deep */

static int hex_value(unsigned c)
{
    if (c >= '0' && c <= '9') {
        return (int)c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (int)c - 'a' + 10 : -1;
}

/* Hexadecimal digits at p, exactly so many. Returns the value, -1: no, or -2:
 * cut by the end. */
static int64_t hex_run(const unsigned char *p, const unsigned char *end,
                       int count)
{
    int64_t value = 0;
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

/* ---- bytes: %41, \x41, =41, \101; of several bytes, one character ---- */

/* "25" and two more digits: a % that was escaped once more. 1, 0 or CUT. */
static int is_again(const unsigned char *at, const unsigned char *end)
{
    for (int i = 0; i < 4; i++) {
        if (at + i >= end) {
            return CUT;
        }
        if (i < 2 ? at[i] != "25"[i] : hex_value(at[i]) < 0) {
            return 0;
        }
    }
    return 1;
}

/* One escaped byte at p. Returns its length, 0: none, CUT. */
static int read_percent(const unsigned char *p, const unsigned char *end,
                        int *value)
{
    const unsigned char *at = p + 1;
    int again = is_again(at, end);
    for (int i = 0; i < AGAIN_MAX && again > 0; i++) {
        at += 2;
        again = is_again(at, end);
    }
    int64_t byte = hex_run(at, end, 2);
    *value = (int)byte;
    return again == CUT || byte == -2 ? CUT : byte >= 0 ? (int)(at + 2 - p) : 0;
}

static int read_hex(const unsigned char *p, const unsigned char *end,
                    int *value)
{
    int64_t byte = hex_run(p + 2, end, 2);
    *value = (int)byte;
    return byte >= 0 ? 4 : byte == -2 ? CUT : 0;
}

static bool is_upper_hex(unsigned c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

static int read_quoted(const unsigned char *p, const unsigned char *end,
                       int *value)
{
    for (int i = 1; i <= 2; i++) {
        if (p + i >= end) {
            return CUT;
        }
        if (!is_upper_hex(p[i])) {
            return 0;
        }
    }
    *value = hex_value(p[1]) * 16 + hex_value(p[2]);
    return 3;
}

static int read_octal(const unsigned char *p, const unsigned char *end,
                      int *value)
{
    *value = 0;
    for (int i = 1; i <= 3; i++) {
        if (p + i >= end) {
            return CUT;
        }
        if (p[i] < '0' || p[i] > (i == 1 ? '3' : '7')) {
            return 0;
        }
        *value = *value * 8 + (p[i] - '0');
    }
    return 4;
}

typedef int (*read_byte_t)(const unsigned char *p, const unsigned char *end,
                           int *value);

/* Do so many stand in a row? 1, 0 or CUT. */
static int is_row(const unsigned char *p, const unsigned char *end,
                  read_byte_t read)
{
    for (int i = 0; i < ROW_MIN; i++) {
        int value;
        int len = p < end ? read(p, end, &value) : CUT;
        if (len <= 0) {
            return len;
        }
        p += len;
        if (p < end && i + 1 < ROW_MIN && *p != '=' && *p != '\\') {
            return 0;
        }
    }
    return 1;
}

/* The character whose first byte is escaped at p, the others after it in the
 * same way. */
static int read_bytes(const unsigned char *p, const unsigned char *end,
                      read_byte_t read, uint32_t *cp)
{
    char bytes[4];
    int value = 0;
    int used = read(p, end, &value);
    if (used <= 0 || value == 0) {
        return used < 0 ? CUT : 0;
    }
    if (value < 0x80) {
        *cp = (uint32_t)value;
        return used;
    }
    int need = value >= 0xF0 ? 4 : value >= 0xE0 ? 3 : value >= 0xC2 ? 2 : 0;
    bytes[0] = (char)value;
    for (int i = 1; i < need; i++) {
        const unsigned char *at = p + used;
        if (at >= end) {
            return CUT;
        }
        int len = *at == *p ? read(at, end, &value) : 0;
        if (len <= 0) {
            return len;
        }
        bytes[i] = (char)value;
        used += len;
    }
    return need && cg_utf8_decode(bytes, bytes + need, cp) == need ? used : 0;
}

/* ---- %, = ---- */

static int read_percent_u(const unsigned char *p, const unsigned char *end,
                          uint32_t *cp)
{
    int64_t value = hex_run(p + 2, end, 4);
    *cp = (uint32_t)value;
    if (value <= 0 || (value >= 0xD800 && value <= 0xDFFF)) {
        return value == -2 ? CUT : 0;
    }
    return 6;
}

/* "=" and a line end between digits: a line of quoted-printable was broken. */
static int read_soft_break(const unsigned char *p, const unsigned char *end,
                           unsigned last, uint32_t *cp)
{
    const unsigned char *at = p + 1;
    if (!cg_is(last, CG_C_DIGIT)) {
        return 0;
    }
    at += *at == '\r';
    if (at >= end) {
        return CUT;
    }
    if (*at++ != '\n') {
        return 0;
    }
    *cp = 0x200B;
    return at >= end ? CUT : cg_is(*at, CG_C_DIGIT) ? (int)(at - p) : 0;
}

static int read_equals(const unsigned char *p, const unsigned char *end,
                       const cg_norm_state_t *state, uint32_t *cp)
{
    if (p + 1 >= end) {
        return CUT;
    }
    if (p[1] == '\r' || p[1] == '\n') {
        return read_soft_break(p, end, state->last, cp);
    }
    if (!is_upper_hex(p[1])) {
        return 0;
    }
    int row = state->row == '=' ? 1 : is_row(p, end, read_quoted);
    return row <= 0 ? row : read_bytes(p, end, read_quoted, cp);
}

/* ---- entities ---- */

// clang-format off
/* By name, ascending. What is removed stands as U+200B. */
static const struct { const char *name; uint16_t cp; } names[] = {
    {"NewLine", '\n'}, {"NoBreak", 0x200B}, {"Tab", '\t'},
    {"ZeroWidthSpace", 0x200B}, {"amp", '&'}, {"apos", '\''}, {"ast", '*'},
    {"bsol", '\\'}, {"bull", 0x2022}, {"centerdot", 0xB7}, {"colon", ':'},
    {"comma", ','}, {"commat", '@'}, {"dash", '-'}, {"dollar", '$'},
    {"emsp", ' '}, {"ensp", ' '}, {"equals", '='}, {"excl", '!'}, {"gt", '>'},
    {"hairsp", ' '}, {"hyphen", '-'}, {"lbrack", '['}, {"lcub", '{'},
    {"lowbar", '_'}, {"lpar", '('}, {"lrm", 0x200B}, {"lsqb", '['},
    {"lt", '<'}, {"mdash", '-'}, {"middot", 0xB7}, {"minus", '-'},
    {"nbsp", ' '}, {"ndash", '-'}, {"num", '#'}, {"numsp", ' '},
    {"percnt", '%'}, {"period", '.'}, {"plus", '+'}, {"puncsp", ' '},
    {"quot", '"'}, {"rbrack", ']'}, {"rcub", '}'}, {"rlm", 0x200B},
    {"rpar", ')'}, {"rsqb", ']'}, {"semi", ';'}, {"shy", 0x200B},
    {"sol", '/'}, {"thinsp", ' '}, {"verbar", '|'}, {"zwj", 0x200B},
    {"zwnj", 0x200B},
};
// clang-format on
#define ENTITY_MAX 14

static uint32_t named(const unsigned char *name, size_t len)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].name[0] == (char)name[0] &&
            strncmp(names[i].name, (const char *)name, len) == 0 &&
            names[i].name[len] == 0) {
            return names[i].cp;
        }
    }
    return 0;
}

/* &#65; &#x41; and, as browsers read them, without the semicolon. */
static int read_number_entity(const unsigned char *at, const unsigned char *end,
                              bool is_final, uint32_t *cp)
{
    const unsigned char *begin = at++;
    bool is_hex = at < end && (*at | 0x20) == 'x';
    uint32_t value = 0;
    int digits = 0;
    at += is_hex;
    for (; at < end && digits < 8; at++, digits++) {
        int digit = hex_value(*at);
        if (digit < 0 || (!is_hex && digit > 9)) {
            break;
        }
        value = value * (is_hex ? 16 : 10) + (uint32_t)digit;
    }
    if (at >= end && !is_final) {
        return CUT;
    }
    if (digits < 2 || digits == 8 || value == 0 || value > 0x10FFFF) {
        return 0;
    }
    *cp = value;
    return (int)(at - begin) + (at < end && *at == ';');
}

static int read_entity(const unsigned char *p, const unsigned char *end,
                       bool is_final, uint32_t *cp)
{
    const unsigned char *at = p + 1;
    for (int i = 0; i < AGAIN_MAX && end - at >= 4; i++) {
        if (memcmp(at, "amp;", 4) != 0) {
            break;
        }
        if (end - at == 4) {
            *cp = '&';
            return is_final ? (int)(at + 4 - p) : CUT;
        }
        if (at[4] != '#' && !cg_is(at[4], CG_C_ALPHA)) {
            break;
        }
        at += 4;
    }
    if (at >= end) {
        return CUT;
    }
    if (*at == '#') {
        int len = read_number_entity(at, end, is_final, cp);
        return len > 0 ? (int)(at - p) + len : len;
    }
    const unsigned char *name = at;
    while (at < end && at - name < ENTITY_MAX && cg_is(*at, CG_C_ALPHA)) {
        at++;
    }
    if (at >= end) {
        return CUT;
    }
    *cp = *at == ';' && at > name ? named(name, (size_t)(at - name)) : 0;
    return *cp ? (int)(at + 1 - p) : 0;
}

/* ---- backslashes ---- */

/* {41} after \u or \x. */
static int read_braces(const unsigned char *at, const unsigned char *end,
                       uint32_t *cp)
{
    uint32_t value = 0;
    int digits = 0;
    for (const unsigned char *p = at + 1; digits < 8; p++, digits++) {
        if (p >= end) {
            return CUT;
        }
        int digit = hex_value(*p);
        if (digit < 0) {
            *cp = value;
            return *p == '}' && value > 0 && value <= 0x10FFFF
                       ? (int)(p + 1 - at)
                       : 0;
        }
        value = value * 16 + (uint32_t)digit;
    }
    return 0;
}

/* A pair of surrogates is one character. */
static int read_u(const unsigned char *p, const unsigned char *end,
                  uint32_t *cp)
{
    int64_t value = hex_run(p + 2, end, 4);
    if (value <= 0 || (value >= 0xDC00 && value <= 0xDFFF)) {
        return value == -2 ? CUT : 0;
    }
    if (value < 0xD800 || value > 0xDBFF) {
        *cp = (uint32_t)value;
        return 6;
    }
    const unsigned char *low = p + 6;
    if (low >= end || (*low == '\\' && low + 1 >= end)) {
        return CUT;
    }
    if (low[0] != '\\' || low[1] != 'u') {
        return 0;
    }
    int64_t second = hex_run(low + 2, end, 4);
    if (second < 0xDC00 || second > 0xDFFF) {
        return second == -2 ? CUT : 0;
    }
    *cp = (uint32_t)(0x10000 + ((value - 0xD800) << 10) + (second - 0xDC00));
    return 12;
}

/* \n \r \t before anything but a small letter, which a path has there; a sign
 * that needs no backslash. */
static int read_sign(const unsigned char *p, const unsigned char *end,
                     uint32_t *cp)
{
    if (p[1] == 'n' || p[1] == 'r' || p[1] == 't') {
        *cp = p[1] == 't' ? ' ' : '\n';
        return p + 2 >= end ? CUT : cg_is(p[2], CG_C_LOWER) ? 0 : 2;
    }
    *cp = p[1];
    return p[1] > ' ' && p[1] < 0x7f && strchr("\"'/@.-_*+#()[]", p[1]) ? 2 : 0;
}

static int read_backslash(const unsigned char *p, const unsigned char *end,
                          const cg_norm_state_t *state, uint32_t *cp)
{
    const unsigned char *at = p;
    for (int i = 0; i < AGAIN_MAX && at + 1 < end && at[1] == '\\'; i++) {
        at++;
    }
    int before = (int)(at - p);
    int len = 0;
    if (at + 1 >= end) {
        return CUT;
    }
    if ((at[1] == 'u' || at[1] == 'x') && at + 2 < end && at[2] == '{') {
        len = read_braces(at + 2, end, cp);
        len += len > 0 ? 2 : 0;
    }
    else if (at[1] == 'u') {
        len = read_u(at, end, cp);
    }
    else if (at[1] == 'U') {
        int64_t value = hex_run(at + 2, end, 8);
        *cp = (uint32_t)value;
        len = value == -2 ? CUT : value > 0 && value <= 0x10FFFF ? 10 : 0;
    }
    else if (at[1] == 'x') {
        len = read_bytes(at, end, read_hex, cp);
    }
    else if (at[1] >= '0' && at[1] <= '3') {
        int row = state->row == '\\' ? 1 : is_row(at, end, read_octal);
        len = row <= 0 ? row : read_bytes(at, end, read_octal, cp);
    }
    else {
        len = read_sign(at, end, cp);
    }
    return len > 0 ? len + before : len;
}

int cg_escape(const unsigned char *p, const unsigned char *end, bool is_final,
              const cg_norm_state_t *state, uint32_t *cp)
{
    if (*p == '&') {
        return read_entity(p, end, is_final, cp);
    }
    if (*p == '=') {
        return read_equals(p, end, state, cp);
    }
    if (*p == '\\') {
        return read_backslash(p, end, state, cp);
    }
    if (p + 1 < end && p[1] == 'u') {
        return read_percent_u(p, end, cp);
    }
    return p + 1 < end ? read_bytes(p, end, read_percent, cp) : CUT;
}
