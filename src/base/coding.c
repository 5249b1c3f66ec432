/* Text in another coding than UTF-8, read as UTF-8 and written back.
 * SPDX-License-Identifier: Apache-2.0
 *
 * UTF-16 is done here. GB18030, with its tables, is iconv's, a character's bytes
 * at a time where it finds fault: such a byte is written as U+DC00 + byte.
 */
#include "base/coding.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#define HALF_FIRST 0xD800u
#define HALF_LOW 0xDC00u
#define HALF_END 0xE000u
#define PRIVATE_LAST 0xF8FFu /* they follow the halves of pairs */
#define STEP_BYTES 1024

/* ---- which is it? ------------------------------------------------------- */

static uint32_t unit_at(cg_str_t text, size_t at, bool is_big)
{
    unsigned char first = (unsigned char)text.ptr[at];
    unsigned char second = (unsigned char)text.ptr[at + 1];
    return is_big ? (uint32_t)first << 8 | second
                  : (uint32_t)second << 8 | first;
}

static bool is_control(uint32_t unit)
{
    return unit < 0x20 && !(unit >= '\b' && unit <= '\r') && unit != 0x1B;
}

/* Units that no text has: controls, halves of pairs, what is no character, or one
 * of nobody's. The last unit may be cut from its other half. */
static size_t count_odd_units(cg_str_t head, bool is_big)
{
    size_t odd = 0;
    for (size_t at = 0; at + 2 <= head.len; at += 2) {
        uint32_t unit = unit_at(head, at, is_big);
        bool is_high = unit >= HALF_FIRST && unit < HALF_LOW;
        bool has_next = at + 4 <= head.len;
        uint32_t next = has_next ? unit_at(head, at + 2, is_big) : HALF_LOW;
        if (is_high && next >= HALF_LOW && next < HALF_END) {
            at += 2;
            continue;
        }
        odd += is_control(unit) || unit >= 0xFFFE ||
               (unit >= HALF_FIRST && unit <= PRIVATE_LAST);
    }
    return odd;
}

/* What is nothing but printed ASCII is no text of wide units, whatever mark it
 * begins with: its pairs of letters would read as Chinese. */
static bool is_ascii(cg_str_t text)
{
    size_t printed = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        printed += (c >= 0x20 && c < 0x7F) || (c >= '\t' && c <= '\r');
    }
    return printed + text.len / 16 >= text.len;
}

static cg_coding_kind_t guess_marked(cg_str_t head)
{
    bool is_big = memcmp(head.ptr, "\xFE\xFF", 2) == 0;
    cg_str_t rest = {head.ptr + 2, head.len - 2};
    if ((!is_big && memcmp(head.ptr, "\xFF\xFE", 2) != 0) ||
        (rest.len > 0 && is_ascii(rest)) ||
        count_odd_units(rest, is_big) > rest.len / 32) {
        return CG_CODING_NONE;
    }
    return is_big ? CG_CODING_UTF16_BIG : CG_CODING_UTF16_LITTLE;
}

/* Sequences of UTF-8 of more than one byte, and bytes that are of none. */
static bool is_rather_utf8(cg_str_t head)
{
    size_t whole = 0;
    size_t broken = 0;
    for (size_t at = 0; at < head.len;) {
        uint32_t cp;
        int len = cg_utf8_decode(head.ptr + at, head.ptr + head.len, &cp);
        whole += len > 1;
        broken += len == 0 && head.len - at > 3; /* the last may be cut */
        at += len > 0 ? (size_t)len : 1;
    }
    return whole >= broken;
}

/* Without a mark: the zeros of ASCII stand in one place of each pair, and there are
 * enough of them. A text of UTF-8 with some NULs is none of wide units. */
static cg_coding_kind_t guess_wide(cg_str_t head)
{
    size_t zeros[2] = {0, 0};
    for (size_t i = 0; i < head.len; i++) {
        zeros[i % 2] += head.ptr[i] == '\0';
    }
    bool is_big = zeros[0] > zeros[1];
    size_t most = zeros[is_big ? 0 : 1];
    size_t least = head.len / (is_rather_utf8(head) ? 4 : 20);
    if (zeros[0] == zeros[1] || head.len < 4 || most < least ||
        count_odd_units(head, is_big) > 0) {
        return CG_CODING_NONE;
    }
    return is_big ? CG_CODING_UTF16_BIG : CG_CODING_UTF16_LITTLE;
}

/* Chinese in GB18030 is nearly all of the two-byte characters of GB2312; in texts
 * of one byte a letter, two letters beyond ASCII seldom stand side by side. */
static cg_coding_kind_t guess_chinese(cg_str_t head)
{
    size_t common = 0;
    size_t others = 0;
    for (size_t at = 0; at + 1 < head.len; at++) {
        unsigned char lead = (unsigned char)head.ptr[at];
        unsigned char trail = (unsigned char)head.ptr[at + 1];
        if (lead < 0x80) {
            continue;
        }
        bool is_common =
            lead >= 0xA1 && lead <= 0xF7 && trail >= 0xA1 && trail <= 0xFE;
        common += is_common;
        others += !is_common;
        at += trail >= 0x40 ? 1 : 0;
    }
    return common > 0 && common >= 4 * others ? CG_CODING_GB18030
                                              : CG_CODING_NONE;
}

cg_coding_kind_t cg_coding_guess(cg_str_t head)
{
    cg_coding_kind_t marked =
        head.len >= 2 ? guess_marked(head) : CG_CODING_NONE;
    if (marked != CG_CODING_NONE) {
        return marked;
    }
    if (memchr(head.ptr, '\0', head.len)) {
        return guess_wide(head);
    }
    return is_rather_utf8(head) ? CG_CODING_NONE : guess_chinese(head);
}

/* ---- opening ------------------------------------------------------------ */

static apr_status_t close_iconv(void *handle)
{
    iconv_close((iconv_t)handle);
    return APR_SUCCESS;
}

static void *open_iconv(const char *to, const char *from, apr_pool_t *pool)
{
    iconv_t handle = iconv_open(to, from);
    if (handle == (iconv_t)-1) {
        return NULL;
    }
    apr_pool_cleanup_register(pool, (void *)handle, close_iconv,
                              apr_pool_cleanup_null);
    return (void *)handle;
}

bool cg_coding_open(cg_coding_t *coding, cg_coding_kind_t kind,
                    apr_pool_t *pool)
{
    *coding = (cg_coding_t){.kind = kind};
    if (kind != CG_CODING_GB18030) {
        return true;
    }
    coding->reader = open_iconv("UTF-8", "GB18030", pool);
    coding->writer = open_iconv("GB18030", "UTF-8", pool);
    return coding->reader && coding->writer;
}

/* ---- characters --------------------------------------------------------- */

static void put_char(uint32_t cp, cg_buf_t *out)
{
    char bytes[4];
    if (cp >= HALF_FIRST && cp < HALF_END) {
        bytes[0] = (char)0xED;
        bytes[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        bytes[2] = (char)(0x80 | (cp & 0x3F));
        cg_buf_add(out, bytes, 3);
        return;
    }
    cg_buf_add(out, bytes, (size_t)cg_utf8_encode(cp, bytes));
}

/* Takes one character off the text, halves as put_char writes them too; a byte
 * that is of none gives a question mark. */
static uint32_t take_char(cg_str_t *text)
{
    uint32_t cp = '?';
    const unsigned char *at = (const unsigned char *)text->ptr;
    int len = cg_utf8_decode(text->ptr, text->ptr + text->len, &cp);
    if (len == 0 && text->len >= 3 && at[0] == 0xED && at[1] >= 0xA0) {
        cp = HALF_FIRST | ((at[1] & 0x1Fu) << 6) | (at[2] & 0x3Fu);
        len = 3;
    }
    if (len == 0) {
        cp = '?';
        len = 1;
    }
    *text = (cg_str_t){text->ptr + len, text->len - (size_t)len};
    return cp;
}

/* Bytes at the end that are the beginning of a sequence. */
static size_t cut_of(cg_str_t utf8)
{
    for (size_t back = 1; back <= 3 && back <= utf8.len; back++) {
        unsigned char c = (unsigned char)utf8.ptr[utf8.len - back];
        if (c >= 0xC0) {
            size_t need = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
            return need > back ? back : 0;
        }
        if (c < 0x80) {
            return 0;
        }
    }
    return 0;
}

/* ---- UTF-16 ------------------------------------------------------------- */

static void put_unit(const cg_coding_t *coding, uint32_t unit, cg_buf_t *out)
{
    bool is_big = coding->kind == CG_CODING_UTF16_BIG;
    char bytes[2] = {(char)(is_big ? unit >> 8 : unit),
                     (char)(is_big ? unit : unit >> 8)};
    cg_buf_add(out, bytes, 2);
}

/* Returns what was used: a unit that may be half of a pair waits for the other. */
static size_t read_units(const cg_coding_t *coding, cg_str_t bytes, bool is_end,
                         cg_buf_t *out)
{
    bool is_big = coding->kind == CG_CODING_UTF16_BIG;
    size_t at = 0;
    for (; at + 2 <= bytes.len; at += 2) {
        uint32_t unit = unit_at(bytes, at, is_big);
        bool is_high = unit >= HALF_FIRST && unit < HALF_LOW;
        if (is_high && at + 4 > bytes.len && !is_end) {
            break;
        }
        uint32_t next =
            is_high && at + 4 <= bytes.len ? unit_at(bytes, at + 2, is_big) : 0;
        if (next >= HALF_LOW && next < HALF_END) {
            unit = 0x10000 + ((unit - HALF_FIRST) << 10) + (next - HALF_LOW);
            at += 2;
        }
        put_char(unit, out);
    }
    return at;
}

static void write_units(const cg_coding_t *coding, cg_str_t utf8, cg_buf_t *out)
{
    while (utf8.len > 0) {
        uint32_t cp = take_char(&utf8);
        if (cp >= 0x10000) {
            put_unit(coding, HALF_FIRST + ((cp - 0x10000) >> 10), out);
            cp = HALF_LOW + ((cp - 0x10000) & 0x3FF);
        }
        put_unit(coding, cp, out);
    }
}

/* ---- GB18030 ------------------------------------------------------------ */

/* As far as iconv goes without a fault; says whether it met one. */
static size_t convert(void *handle, cg_str_t from, cg_buf_t *out,
                      bool *out_is_fault)
{
    char room[STEP_BYTES];
    char *at = (char *)(uintptr_t)from.ptr; /* iconv does not write there */
    size_t left = from.len;
    size_t rv = (size_t)-1;
    int error = E2BIG;
    while (rv == (size_t)-1 && error == E2BIG) {
        char *to = room;
        size_t free_bytes = sizeof room;
        rv = iconv((iconv_t)handle, &at, &left, &to, &free_bytes);
        error = errno;
        cg_buf_add(out, room, sizeof room - free_bytes);
    }
    *out_is_fault = rv == (size_t)-1 && error == EILSEQ;
    return from.len - left;
}

/* Returns what was used: a character that is cut waits for its rest. */
static size_t read_chinese(const cg_coding_t *coding, cg_str_t bytes,
                           bool is_end, cg_buf_t *out)
{
    size_t used = 0;
    while (used < bytes.len) {
        bool is_fault;
        used += convert(coding->reader,
                        (cg_str_t){bytes.ptr + used, bytes.len - used}, out,
                        &is_fault);
        if (used < bytes.len && (is_fault || is_end)) {
            put_char(HALF_LOW | (unsigned char)bytes.ptr[used], out);
            used++;
        }
        else if (used < bytes.len) {
            break;
        }
    }
    return used;
}

/* The next half of a pair in the text; its end: there is none. */
static size_t find_half(cg_str_t utf8)
{
    for (size_t i = 0; i + 1 < utf8.len; i++) {
        if ((unsigned char)utf8.ptr[i] == 0xED &&
            (unsigned char)utf8.ptr[i + 1] >= 0xA0) {
            return i;
        }
    }
    return utf8.len;
}

static void write_chinese(const cg_coding_t *coding, cg_str_t utf8,
                          cg_buf_t *out)
{
    while (utf8.len > 0) {
        bool is_fault;
        size_t plain = find_half(utf8);
        size_t used = convert(coding->writer, (cg_str_t){utf8.ptr, plain}, out,
                              &is_fault);
        utf8 = (cg_str_t){utf8.ptr + used, utf8.len - used};
        if (utf8.len > 0) {
            uint32_t cp = take_char(&utf8);
            cg_buf_char(out, (char)(cp >= HALF_LOW && cp < HALF_LOW + 0x100
                                        ? cp - HALF_LOW
                                        : '?'));
        }
    }
}

/* ---- both --------------------------------------------------------------- */

static size_t read_some(const cg_coding_t *coding, cg_str_t bytes, bool is_end,
                        cg_buf_t *out)
{
    return coding->kind == CG_CODING_GB18030
               ? read_chinese(coding, bytes, is_end, out)
               : read_units(coding, bytes, is_end, out);
}

/* Completes a character that was cut, a byte at a time. */
static void read_cut(cg_coding_t *coding, cg_str_t *bytes, cg_buf_t *out)
{
    while (coding->cut_len > 0 && bytes->len > 0) {
        coding->cut[coding->cut_len++] = *bytes->ptr;
        *bytes = (cg_str_t){bytes->ptr + 1, bytes->len - 1};
        cg_str_t cut = {coding->cut, coding->cut_len};
        size_t used = read_some(coding, cut, false, out);
        coding->cut_len -= used;
        memmove(coding->cut, coding->cut + used, coding->cut_len);
    }
}

void cg_coding_read(cg_coding_t *coding, cg_str_t bytes, cg_buf_t *out_utf8)
{
    read_cut(coding, &bytes, out_utf8);
    size_t used = read_some(coding, bytes, false, out_utf8);
    if (used < bytes.len) {
        coding->cut_len = bytes.len - used;
        memcpy(coding->cut, bytes.ptr + used, coding->cut_len);
    }
}

/* Half a unit of UTF-16 is nothing to be read: it is written at the end. */
void cg_coding_read_end(cg_coding_t *coding, cg_buf_t *out_utf8)
{
    cg_str_t cut = {coding->cut, coding->cut_len};
    size_t used = read_some(coding, cut, true, out_utf8);
    coding->cut_len -= used;
    memmove(coding->cut, coding->cut + used, coding->cut_len);
}

static void write_some(const cg_coding_t *coding, cg_str_t utf8, cg_buf_t *out)
{
    if (coding->kind == CG_CODING_GB18030) {
        write_chinese(coding, utf8, out);
    }
    else {
        write_units(coding, utf8, out);
    }
}

static void write_behind(cg_coding_t *coding, cg_str_t *utf8, cg_buf_t *out)
{
    while (coding->behind_len > 0 && utf8->len > 0) {
        coding->behind[coding->behind_len++] = *utf8->ptr;
        *utf8 = (cg_str_t){utf8->ptr + 1, utf8->len - 1};
        cg_str_t behind = {coding->behind, coding->behind_len};
        if (cut_of(behind) == 0) {
            write_some(coding, behind, out);
            coding->behind_len = 0;
        }
    }
}

void cg_coding_write(cg_coding_t *coding, cg_str_t utf8, cg_buf_t *out)
{
    write_behind(coding, &utf8, out);
    size_t cut = cut_of(utf8);
    write_some(coding, (cg_str_t){utf8.ptr, utf8.len - cut}, out);
    if (cut > 0) {
        memcpy(coding->behind, utf8.ptr + utf8.len - cut, cut);
        coding->behind_len = cut;
    }
}

void cg_coding_write_end(cg_coding_t *coding, cg_buf_t *out)
{
    write_some(coding, (cg_str_t){coding->behind, coding->behind_len}, out);
    cg_buf_add(out, coding->cut, coding->cut_len);
    coding->behind_len = coding->cut_len = 0;
}
