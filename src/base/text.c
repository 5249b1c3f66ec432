/* Bytes with a length, a buffer that grows, UTF-8, and spellings of bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#define BUF_CAP_MIN 64
#define MICROS INT64_C(1000000) /* in a second, in a dollar */

/* ---- strings ---------------------------------------------------------- */

static unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

cg_str_t cg_str(const char *cstr)
{
    return cstr ? (cg_str_t){cstr, strlen(cstr)} : CG_STR("");
}

bool cg_str_equal(cg_str_t a, cg_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool cg_str_is(cg_str_t a, const char *cstr)
{
    return cg_str_equal(a, cg_str(cstr));
}

bool cg_str_is_nocase(cg_str_t a, const char *cstr)
{
    cg_str_t b = cg_str(cstr);
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool cg_str_has_prefix(cg_str_t a, const char *prefix)
{
    cg_str_t b = cg_str(prefix);
    return a.len >= b.len && (b.len == 0 || memcmp(a.ptr, b.ptr, b.len) == 0);
}

char *cg_str_dup(cg_str_t a, apr_pool_t *pool)
{
    return a.len ? apr_pstrmemdup(pool, a.ptr, a.len) : apr_pstrdup(pool, "");
}

/* ---- the buffer ------------------------------------------------------- */

/* Room for more bytes and one NUL. Running out of memory ends the process, as
 * httpd's own pools do: there is no half-written buffer to hand on. */
static void reserve(cg_buf_t *buf, size_t more)
{
    if (more >= SIZE_MAX / 2 - buf->len) {
        abort();
    }
    size_t need = buf->len + more + 1;
    if (need <= buf->cap) {
        return;
    }
    size_t cap = buf->cap < BUF_CAP_MIN ? BUF_CAP_MIN : buf->cap * 2;
    if (cap < need) {
        cap = need;
    }
    char *ptr = apr_palloc(buf->pool, cap);
    if (!ptr) {
        abort();
    }
    if (buf->len) {
        memcpy(ptr, buf->ptr, buf->len);
    }
    buf->ptr = ptr;
    buf->cap = cap;
}

void cg_buf_init(cg_buf_t *buf, size_t cap, apr_pool_t *pool)
{
    *buf = (cg_buf_t){.pool = pool};
    if (cap) {
        reserve(buf, cap);
    }
}

void cg_buf_add(cg_buf_t *buf, const char *ptr, size_t len)
{
    if (len == 0) {
        return;
    }
    reserve(buf, len);
    memcpy(buf->ptr + buf->len, ptr, len);
    buf->len += len;
}

void cg_buf_str(cg_buf_t *buf, const char *cstr)
{
    if (cstr) {
        cg_buf_add(buf, cstr, strlen(cstr));
    }
}

void cg_buf_char(cg_buf_t *buf, char c)
{
    reserve(buf, 1);
    buf->ptr[buf->len++] = c;
}

void cg_buf_fmt(cg_buf_t *buf, const char *fmt, ...)
{
    reserve(buf, 0);
    va_list ap;
    va_start(ap, fmt);
    va_list again;
    va_copy(again, ap);
    size_t room = buf->cap - buf->len;
    int len = vsnprintf(buf->ptr + buf->len, room, fmt, ap);
    va_end(ap);
    if (len > 0 && (size_t)len >= room) {
        reserve(buf, (size_t)len);
        vsnprintf(buf->ptr + buf->len, (size_t)len + 1, fmt, again);
    }
    va_end(again);
    if (len > 0) {
        buf->len += (size_t)len;
    }
}

/* By hand, from the back: printf costs some 500 instructions a number. */
void cg_buf_int(cg_buf_t *buf, int64_t number)
{
    char digits[20]; /* and a sign: INT64_MIN has 19 and one */
    char *at = digits + sizeof digits;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (number < 0) {
        *--at = '-';
    }
    cg_buf_add(buf, at, (size_t)(digits + sizeof digits - at));
}

char *cg_buf_cstr(cg_buf_t *buf)
{
    reserve(buf, 0);
    buf->ptr[buf->len] = '\0';
    return buf->ptr;
}

/* ---- JSON strings ----------------------------------------------------- */

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Eight at once. A byte below b has its high bit set in (word - b each) & ~word,
 * and a byte equal to c becomes zero, that is below one, by an exclusive or. A
 * borrow can only come from a byte that is itself not plain. */
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static bool are_plain8(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    uint64_t quote = word ^ EACH('"');
    uint64_t slash = word ^ EACH('\\');
    uint64_t bad = word | ((word - EACH(0x20)) & ~word) |
                   ((quote - EACH(1)) & ~quote) | ((slash - EACH(1)) & ~slash);
    return (bad & EACH(0x80)) == 0;
}

static void add_escape(cg_buf_t *buf, unsigned char c)
{
    static const char HEX[] = "0123456789abcdef";
    static const char SHORT[] = {
        ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
        ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't',
    };
    if (SHORT[c]) {
        cg_buf_add(buf, (char[]){'\\', SHORT[c]}, 2);
        return;
    }
    char out[6] = {'\\', 'u', '0', '0', HEX[c >> 4], HEX[c & 15]};
    cg_buf_add(buf, out, sizeof out);
}

void cg_buf_json_escape(cg_buf_t *buf, const char *ptr, size_t len)
{
    const char *end = ptr + len;
    const char *from = ptr; /* not yet copied */
    reserve(buf, len);
    for (const char *p = ptr; p < end;) {
        if (end - p >= 8 && are_plain8(p)) {
            p += 8;
            continue;
        }
        unsigned char c = (unsigned char)*p;
        if (is_plain(c)) {
            p++;
            continue;
        }
        uint32_t cp = 0;
        int step = c < 0x80 ? 0 : cg_utf8_decode(p, end, &cp);
        if (step) {
            p += step;
            continue;
        }
        cg_buf_add(buf, from, (size_t)(p - from));
        if (c < 0x80) {
            add_escape(buf, c);
        }
        else {
            cg_buf_add(buf, "\xEF\xBF\xBD", 3);
        }
        from = ++p;
    }
    cg_buf_add(buf, from, (size_t)(end - from));
}

void cg_buf_json_string(cg_buf_t *buf, const char *ptr, size_t len)
{
    cg_buf_char(buf, '"');
    cg_buf_json_escape(buf, ptr, len);
    cg_buf_char(buf, '"');
}

/* ---- UTF-8 ------------------------------------------------------------ */

/* The length a lead byte announces; 0 for a byte that cannot lead (80-C1: a
 * trail or an overlong form; F5-FF: beyond U+10FFFF). */
static int announced(unsigned char lead)
{
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xC2 || lead > 0xF4) {
        return 0;
    }
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

static bool is_trail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

int cg_utf8_decode(const char *p, const char *end, uint32_t *out_cp)
{
    static const unsigned char LEAD_MASK[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    static const uint32_t SMALLEST[] = {0, 0, 0x80, 0x800, 0x10000};
    if (p >= end) {
        return 0;
    }
    unsigned char lead = (unsigned char)*p;
    int len = announced(lead);
    if (len == 0 || end - p < len) {
        return 0;
    }
    uint32_t cp = lead & LEAD_MASK[len];
    for (int i = 1; i < len; i++) {
        unsigned char c = (unsigned char)p[i];
        if (!is_trail(c)) {
            return 0;
        }
        cp = cp << 6 | (c & 0x3F);
    }
    bool is_surrogate = cp >= 0xD800 && cp <= 0xDFFF;
    if (cp < SMALLEST[len] || is_surrogate || cp > 0x10FFFF) {
        return 0;
    }
    *out_cp = cp;
    return len;
}

int cg_utf8_encode(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (cp >> 18 & 0x07));
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

static bool is_ascii8(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return (word & UINT64_C(0x8080808080808080)) == 0;
}

bool cg_utf8_valid(const char *ptr, size_t len)
{
    const char *p = ptr;
    const char *end = ptr + len;
    while (p < end) {
        if (end - p >= 8 && is_ascii8(p)) {
            p += 8;
            continue;
        }
        uint32_t cp = 0;
        int step = cg_utf8_decode(p, end, &cp);
        if (step == 0) {
            return false;
        }
        p += step;
    }
    return true;
}

size_t cg_utf8_whole(const char *ptr, size_t len)
{
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        unsigned char c = (unsigned char)ptr[len - back];
        if (is_trail(c)) {
            continue;
        }
        return (size_t)announced(c) > back ? len - back : len;
    }
    return len;
}

/* ---- spellings of bytes ----------------------------------------------- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    unsigned char l = lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

void cg_hex_encode(const unsigned char *in, size_t len, char *out)
{
    static const char HEX[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *out++ = HEX[in[i] >> 4];
        *out++ = HEX[in[i] & 15];
    }
    *out = '\0';
}

bool cg_hex_decode(const char *in, size_t len, unsigned char *out)
{
    if (len % 2) {
        return false;
    }
    for (size_t i = 0; i < len; i += 2) {
        int high = hex_value(in[i]);
        int low = hex_value(in[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i / 2] = (unsigned char)(high << 4 | low);
    }
    return true;
}

size_t cg_b64url_encode(const unsigned char *in, size_t len, char *out)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789-_";
    char *to = out;
    uint32_t bits = 0;
    int held = 0; /* bits not yet written */
    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | in[i];
        held += 8;
        while (held >= 6) {
            held -= 6;
            *to++ = DIGITS[bits >> held & 63];
        }
    }
    if (held) {
        *to++ = DIGITS[bits << (6 - held) & 63];
    }
    *to = '\0';
    return (size_t)(to - out);
}

static int b64url_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool cg_b64url_decode(const char *in, size_t len, unsigned char *out,
                      size_t *out_len)
{
    if (len % 4 == 1) {
        return false;
    }
    unsigned char *to = out;
    uint32_t bits = 0;
    int held = 0;
    for (size_t i = 0; i < len; i++) {
        int value = b64url_value(in[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            *to++ = (unsigned char)(bits >> held);
        }
    }
    *out_len = (size_t)(to - out);
    /* Stray bits would give one value several spellings. */
    return (bits & ((1U << held) - 1)) == 0;
}

/* ---- numbers with units ----------------------------------------------- */

typedef struct unit_t {
    const char *name;
    int64_t factor;
} unit_t;

/* Reads the digits at the front of text and moves it past them. */
static bool take_digits(cg_str_t *text, int64_t *out)
{
    int64_t value = 0;
    size_t i = 0;
    while (i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9') {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text->ptr[i] - '0', &value)) {
            return false;
        }
        i++;
    }
    if (i == 0) {
        return false;
    }
    *text = (cg_str_t){text->ptr + i, text->len - i};
    *out = value;
    return true;
}

static bool parse_with_unit(cg_str_t text, const unit_t *units, int64_t *out)
{
    int64_t value = 0;
    if (!take_digits(&text, &value)) {
        return false;
    }
    for (const unit_t *unit = units; unit->name; unit++) {
        if (cg_str_is(text, unit->name)) {
            return !__builtin_mul_overflow(value, unit->factor, out);
        }
    }
    return false;
}

bool cg_parse_count(cg_str_t text, int64_t *out)
{
    static const unit_t UNITS[] = {{"", 1}, {NULL, 0}};
    return parse_with_unit(text, UNITS, out);
}

bool cg_parse_duration(cg_str_t text, int64_t *out_micros)
{
    static const unit_t UNITS[] = {
        {"", MICROS},
        {"ms", 1000},
        {"s", MICROS},
        {"min", 60 * MICROS},
        {"h", 3600 * MICROS},
        {"d", 86400 * MICROS},
        {NULL, 0},
    };
    return parse_with_unit(text, UNITS, out_micros);
}

bool cg_parse_size(cg_str_t text, int64_t *out_bytes)
{
    static const unit_t UNITS[] = {
        {"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1L << 30L}, {NULL, 0},
    };
    return parse_with_unit(text, UNITS, out_bytes);
}

/* ".25" gives 250000; nothing gives 0. Moves text past it. */
static bool take_decimals(cg_str_t *text, int64_t *out_micros)
{
    *out_micros = 0;
    if (text->len == 0 || text->ptr[0] != '.') {
        return true;
    }
    cg_str_t digits = {text->ptr + 1, text->len - 1};
    size_t before = digits.len;
    if (!take_digits(&digits, out_micros)) {
        return false;
    }
    size_t count = before - digits.len;
    if (count > 6) {
        return false;
    }
    for (; count < 6; count++) {
        *out_micros *= 10;
    }
    *text = digits;
    return true;
}

bool cg_parse_money(cg_str_t text, int64_t *out_micros)
{
    int64_t whole = 0;
    int64_t decimals = 0;
    if (!take_digits(&text, &whole) || !take_decimals(&text, &decimals)) {
        return false;
    }
    if (text.len && !cg_str_is(text, "USD")) {
        return false;
    }
    int64_t micros = 0;
    if (__builtin_mul_overflow(whole, MICROS, &micros) ||
        __builtin_add_overflow(micros, decimals, &micros)) {
        return false;
    }
    *out_micros = micros;
    return true;
}
