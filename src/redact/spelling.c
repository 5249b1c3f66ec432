/* One character of a token, in whatever spelling it stands.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/spelling.h"

#include <string.h>

typedef struct entity_t {
    const char *name; /* after the & */
    char c;
} entity_t;

static const entity_t ENTITIES[] = {
    {"lbrack;", '['}, {"lsqb;", '['},   {"rbrack;", ']'},
    {"rsqb;", ']'},   {"lowbar;", '_'}, {"UnderBar;", '_'},
};
#define ENTITY_COUNT (sizeof ENTITIES / sizeof ENTITIES[0])

bool cg_spelling_may_bracket(char byte)
{
    switch ((unsigned char)byte) {
    case '[':
    case '\\':
    case '&':
    case '%':
    case 0xEF: /* full-width */
    case 0xE3: /* 【 */
        return true;
    default:
        return false;
    }
}

bool cg_spelling_is_code(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7');
}

static int fold(uint32_t cp)
{
    if (cp < 0x80) {
        return (int)cp;
    }
    if (cp >= 0xFF01 && cp <= 0xFF5E) {
        return (int)(cp - 0xFEE0);
    }
    if (cp == 0x3010 || cp == 0x3011) { /* 【】 */
        return cp == 0x3010 ? '[' : ']';
    }
    return CG_SPELLING_OTHER;
}

static bool is_invisible(uint32_t cp)
{
    return cp == 0xAD || cp == 0xFEFF || (cp >= 0x200B && cp <= 0x200F) ||
           (cp >= 0x202A && cp <= 0x202E) || (cp >= 0x2060 && cp <= 0x206F) ||
           (cp >= 0xFE00 && cp <= 0xFE0F) || (cp >= 0xE0000 && cp <= 0xE01EF);
}

static int digit_of(char c, unsigned base)
{
    int value = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : 16;
    return value < (int)base ? value : -1;
}

/* Up to most digits at text. Returns how many. */
static size_t read_digits(cg_str_t text, unsigned base, size_t most,
                          uint32_t *out)
{
    size_t n = 0;
    *out = 0;
    while (n < text.len && n < most && digit_of(text.ptr[n], base) >= 0) {
        *out = *out * base + (uint32_t)digit_of(text.ptr[n], base);
        n++;
    }
    return n;
}

static cg_str_t after(cg_str_t text, size_t n)
{
    return (cg_str_t){text.ptr + n, text.len - n};
}

/* What a reader of one spelling says. */
#define CUT 0           /* the text ends within it */
#define NOT_IT SIZE_MAX /* it is something else */

/* #91; or #x5B;, behind an &. */
static size_t read_number(cg_str_t text, size_t most, uint32_t *out)
{
    if (text.len == 1) {
        return CUT;
    }
    bool is_hex = text.ptr[1] == 'x' || text.ptr[1] == 'X';
    size_t at = is_hex ? 2 : 1;
    size_t n = read_digits(after(text, at), is_hex ? 16 : 10, most, out);
    if (at + n == text.len) {
        return n <= most ? CUT : NOT_IT;
    }
    return n > 0 && text.ptr[at + n] == ';' ? at + n + 1 : NOT_IT;
}

static size_t read_entity(cg_str_t text, size_t most, uint32_t *out)
{
    if (text.len == 0) {
        return CUT;
    }
    if (text.ptr[0] == '#') {
        return read_number(text, most, out);
    }
    for (size_t i = 0; i < ENTITY_COUNT; i++) {
        size_t len = strlen(ENTITIES[i].name);
        size_t have = text.len < len ? text.len : len;
        if (memcmp(text.ptr, ENTITIES[i].name, have) == 0) {
            *out = (uint32_t)ENTITIES[i].c;
            return have == len ? len : CUT;
        }
    }
    return NOT_IT;
}

/* Two hexadecimal digits, behind a %. */
static size_t read_percent(cg_str_t text, uint32_t *out)
{
    size_t n = read_digits(text, 16, 2, out);
    return n == 2 ? 2 : n == text.len ? CUT : NOT_IT;
}

/* u and four hexadecimal digits, behind a backslash. */
static size_t read_unicode(cg_str_t text, uint32_t *out)
{
    size_t n = read_digits(after(text, 1), 16, 4, out);
    return n == 4 ? 5 : n + 1 == text.len ? CUT : NOT_IT;
}

/* What stands behind one backslash, or two as JSON writes it: \_ \\_ \u005B */
static size_t read_escape(cg_str_t text, uint32_t *out)
{
    size_t at = text.len > 0 && text.ptr[0] == '\\' ? 1 : 0;
    if (at == text.len) {
        return CUT;
    }
    if (at == 0 && text.ptr[0] == 'u') {
        return read_unicode(text, out);
    }
    *out = (unsigned char)text.ptr[at];
    return *out == '[' || *out == ']' || *out == '_' ? at + 1 : NOT_IT;
}

static size_t read_wide(cg_str_t text, int *out)
{
    uint32_t cp;
    int len = cg_utf8_decode(text.ptr, text.ptr + text.len, &cp);
    if (len > 0) {
        *out = fold(cp);
        return (size_t)len;
    }
    *out = CG_SPELLING_OTHER;
    return cg_utf8_whole(text.ptr, text.len < 4 ? text.len : 4) == 0 &&
                   text.len < 4
               ? CUT
               : 1;
}

size_t cg_spelling_read(cg_str_t text, int *out)
{
    uint32_t cp = 0;
    size_t used = NOT_IT;
    cg_str_t rest = after(text, 1);
    switch (text.ptr[0]) {
    case '\\':
        used = read_escape(rest, &cp);
        break;
    case '&':
        used = read_entity(rest, 5, &cp);
        break;
    case '%':
        used = read_percent(rest, &cp);
        break;
    default:
        if ((unsigned char)text.ptr[0] >= 0x80) {
            return read_wide(text, out);
        }
        *out = (unsigned char)text.ptr[0];
        return 1;
    }
    if (used == CUT) {
        return 0;
    }
    *out = used == NOT_IT ? CG_SPELLING_OTHER : fold(cp);
    return used == NOT_IT ? 1 : 1 + used;
}

static size_t skip_all(cg_str_t text, const char *word)
{
    size_t len = strlen(word);
    size_t at = 0;
    while (text.len - at >= len && memcmp(text.ptr + at, word, len) == 0) {
        at += len;
    }
    return at;
}

/* One character below the escapes of HTML and percent text: backslashes gone,
 * \uXXXX decoded. */
static size_t read_unit(cg_str_t text, uint32_t *cp)
{
    size_t at = skip_all(text, "\\");
    if (at == text.len) {
        *cp = '\\';
        return at;
    }
    if (at > 0 && text.ptr[at] == 'u') {
        size_t used = read_unicode(after(text, at), cp);
        if (used != CUT && used != NOT_IT) {
            return at + used;
        }
    }
    if (at > 0 && strchr("bfnrt", text.ptr[at])) {
        *cp = ' '; /* a control character */
        return at + 1;
    }
    int len = cg_utf8_decode(text.ptr + at, text.ptr + text.len, cp);
    if (len == 0) {
        *cp = 0xFFFD;
        return at + 1;
    }
    return at + (size_t)len;
}

size_t cg_spelling_read_deep(cg_str_t text, int *out)
{
    uint32_t cp = 0;
    uint32_t inner = 0;
    size_t used = NOT_IT;
    size_t at = read_unit(text, &cp);
    if (cp == '&') {
        size_t more = skip_all(after(text, at), "amp;");
        used = read_entity(after(text, at + more), 8, &inner);
        used = used == CUT || used == NOT_IT ? NOT_IT : more + used;
    }
    else if (cp == '%') {
        size_t more = skip_all(after(text, at), "25");
        used = read_percent(after(text, at + more), &inner);
        used = used == CUT || used == NOT_IT ? NOT_IT : more + used;
    }
    if (used != NOT_IT) {
        at += used;
        cp = inner;
    }
    *out = is_invisible(cp) || cp == '\\' ? CG_SPELLING_NOTHING : fold(cp);
    return at;
}
