/* Structured Fields (RFC 9651): bare items, each by its first character.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The functions follow the algorithms of RFC 9651 section 4.2, by name where that
 * was possible.
 */
#include "auth/signfield_int.h"

#define INTEGER_DIGITS_MAX 15
#define DECIMAL_DIGITS_MAX 12 /* before the point */
#define DECIMAL_PLACES_MAX 3

static bool is_alpha(char c)
{
    return cg_sfv_is_lower(c) || (c >= 'A' && c <= 'Z');
}

/* ---- base64 --------------------------------------------------------------- */

static int value_of(char c)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(letters, c) : NULL;
    return at ? (int)(at - letters) : -1;
}

bool cg_sfv_base64(cg_str_t text, cg_str_t *out, apr_pool_t *pool)
{
    size_t pad = 0;
    while (pad < 2 && pad < text.len && text.ptr[text.len - 1 - pad] == '=') {
        pad++;
    }
    if (text.len % 4 != 0) {
        return false;
    }
    unsigned char *bytes = apr_palloc(pool, text.len / 4 * 3 + 1);
    size_t len = 0;
    uint32_t word = 0;
    for (size_t i = 0; i < text.len - pad; i++) {
        int value = value_of(text.ptr[i]);
        if (value < 0) {
            return false;
        }
        word = word << 6 | (uint32_t)value;
        if (i % 4 > 0) {
            bytes[len] = (unsigned char)(word >> (6 - 2 * (i % 4)));
            len++;
        }
    }
    /* The bits beyond the last byte must be none. */
    uint32_t stray = pad == 2 ? word & 15 : pad == 1 ? word & 3 : 0;
    *out = (cg_str_t){(const char *)bytes, len};
    return stray == 0;
}

/* ---- bare items ------------------------------------------------------------ */

static size_t read_digits(cg_sfv_reader_t *in, size_t most, int64_t *out)
{
    size_t count = 0;
    while (cg_sfv_is_digit(cg_sfv_peek(in)) && count <= most) {
        *out = *out * 10 + (*in->at - '0');
        in->at++;
        count++;
    }
    return count;
}

static bool read_number(cg_sfv_reader_t *in, cg_sfv_value_t *out)
{
    int64_t number = 0;
    bool is_negative = cg_sfv_take(in, '-');
    size_t digits = read_digits(in, INTEGER_DIGITS_MAX, &number);
    if (digits == 0 || digits > INTEGER_DIGITS_MAX) {
        return false;
    }
    out->kind = CG_SFV_INTEGER;
    if (cg_sfv_take(in, '.')) {
        int64_t part = 0;
        size_t places = read_digits(in, DECIMAL_PLACES_MAX, &part);
        if (digits > DECIMAL_DIGITS_MAX || places == 0 ||
            places > DECIMAL_PLACES_MAX) {
            return false;
        }
        for (; places < DECIMAL_PLACES_MAX; places++) {
            part *= 10;
        }
        out->kind = CG_SFV_DECIMAL;
        number = number * 1000 + part;
    }
    out->number = is_negative ? -number : number;
    return true;
}

static bool read_string(cg_sfv_reader_t *in, cg_sfv_value_t *out)
{
    cg_buf_t text;
    cg_buf_init(&text, 0, in->pool);
    out->kind = CG_SFV_STRING;
    in->at++;
    while (in->at < in->end) {
        char c = *in->at++;
        if (c == '"') {
            out->text = (cg_str_t){text.ptr ? text.ptr : "", text.len};
            return true;
        }
        if (c == '\\') {
            c = cg_sfv_peek(in);
            if (c != '"' && c != '\\') {
                return false;
            }
            in->at++;
        }
        else if (c < 0x20 || c > 0x7E) {
            return false;
        }
        cg_buf_char(&text, c);
    }
    return false;
}

static bool is_token_char(char c)
{
    return is_alpha(c) || cg_sfv_is_digit(c) ||
           cg_sfv_is_among(c, "!#$%&'*+-.^_`|~:/");
}

static bool read_token(cg_sfv_reader_t *in, cg_sfv_value_t *out)
{
    const char *from = in->at;
    while (is_token_char(cg_sfv_peek(in))) {
        in->at++;
    }
    out->kind = CG_SFV_TOKEN;
    out->text = (cg_str_t){from, (size_t)(in->at - from)};
    return true;
}

static bool read_bytes(cg_sfv_reader_t *in, cg_sfv_value_t *out)
{
    in->at++;
    const char *from = in->at;
    const char *stop = memchr(from, ':', (size_t)(in->end - from));
    if (!stop) {
        return false;
    }
    in->at = stop + 1;
    out->kind = CG_SFV_BYTES;
    return cg_sfv_base64((cg_str_t){from, (size_t)(stop - from)}, &out->text,
                         in->pool);
}

static bool read_boolean(cg_sfv_reader_t *in, cg_sfv_value_t *out)
{
    in->at++;
    char c = cg_sfv_peek(in);
    out->kind = CG_SFV_BOOLEAN;
    out->number = c == '1';
    in->at += c == '0' || c == '1';
    return c == '0' || c == '1';
}

static bool read_date(cg_sfv_reader_t *in, cg_sfv_value_t *out)
{
    in->at++;
    bool is_whole = read_number(in, out) && out->kind == CG_SFV_INTEGER;
    out->kind = CG_SFV_DATE;
    return is_whole;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool read_display(cg_sfv_reader_t *in, cg_sfv_value_t *out)
{
    cg_buf_t text;
    cg_buf_init(&text, 16, in->pool);
    in->at++;
    out->kind = CG_SFV_DISPLAY;
    if (!cg_sfv_take(in, '"')) {
        return false;
    }
    while (in->at < in->end) {
        char c = *in->at++;
        if (c == '"') {
            out->text = (cg_str_t){text.ptr, text.len};
            return cg_utf8_valid(text.ptr, text.len);
        }
        if (c < 0x20 || c > 0x7E) {
            return false;
        }
        if (c == '%') {
            int high = in->end - in->at >= 2 ? hex_digit(in->at[0]) : -1;
            int low = high >= 0 ? hex_digit(in->at[1]) : -1;
            if (low < 0) {
                return false;
            }
            c = (char)(high << 4 | low);
            in->at += 2;
        }
        cg_buf_char(&text, c);
    }
    return false;
}

bool cg_sfv_read_value(cg_sfv_reader_t *in, cg_sfv_value_t *out)
{
    char c = cg_sfv_peek(in);
    *out = (cg_sfv_value_t){.text = {"", 0}};
    if (cg_sfv_is_digit(c) || c == '-') {
        return read_number(in, out);
    }
    if (is_alpha(c) || c == '*') {
        return read_token(in, out);
    }
    switch (c) {
    case '"':
        return read_string(in, out);
    case ':':
        return read_bytes(in, out);
    case '?':
        return read_boolean(in, out);
    case '@':
        return read_date(in, out);
    case '%':
        return read_display(in, out);
    default:
        return false;
    }
}
