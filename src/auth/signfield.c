/* Structured Fields (RFC 9651): the reader goes through the field once.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The functions follow the algorithms of RFC 9651 section 4.2, by name where that
 * was possible.
 */
#include "auth/signfield.h"

#include <string.h>

#include <apr_strings.h>

#define INTEGER_DIGITS_MAX 15
#define DECIMAL_DIGITS_MAX 12 /* before the point */
#define DECIMAL_PLACES_MAX 3

/* What is left of the field, and where it goes. */
typedef struct reader_t {
    const char *at;
    const char *end;
    bool has_repeated;
    apr_pool_t *pool;
} reader_t;

/* ---- characters ---------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_alpha(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool is_among(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static char peek(const reader_t *in)
{
    return in->at < in->end ? *in->at : '\0';
}

static bool take(reader_t *in, char c)
{
    if (in->at < in->end && *in->at == c) {
        in->at++;
        return true;
    }
    return false;
}

static void skip(reader_t *in, const char *set)
{
    while (in->at < in->end && is_among(*in->at, set)) {
        in->at++;
    }
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

static size_t read_digits(reader_t *in, size_t most, int64_t *out)
{
    size_t count = 0;
    while (is_digit(peek(in)) && count <= most) {
        *out = *out * 10 + (*in->at - '0');
        in->at++;
        count++;
    }
    return count;
}

static bool read_number(reader_t *in, cg_sfv_value_t *out)
{
    int64_t number = 0;
    bool is_negative = take(in, '-');
    size_t digits = read_digits(in, INTEGER_DIGITS_MAX, &number);
    if (digits == 0 || digits > INTEGER_DIGITS_MAX) {
        return false;
    }
    out->kind = CG_SFV_INTEGER;
    if (take(in, '.')) {
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

static bool read_string(reader_t *in, cg_sfv_value_t *out)
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
            c = peek(in);
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
    return is_alpha(c) || is_digit(c) || is_among(c, "!#$%&'*+-.^_`|~:/");
}

static bool read_token(reader_t *in, cg_sfv_value_t *out)
{
    const char *from = in->at;
    while (is_token_char(peek(in))) {
        in->at++;
    }
    out->kind = CG_SFV_TOKEN;
    out->text = (cg_str_t){from, (size_t)(in->at - from)};
    return true;
}

static bool read_bytes(reader_t *in, cg_sfv_value_t *out)
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

static bool read_boolean(reader_t *in, cg_sfv_value_t *out)
{
    in->at++;
    char c = peek(in);
    out->kind = CG_SFV_BOOLEAN;
    out->number = c == '1';
    in->at += c == '0' || c == '1';
    return c == '0' || c == '1';
}

static bool read_date(reader_t *in, cg_sfv_value_t *out)
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

static bool read_display(reader_t *in, cg_sfv_value_t *out)
{
    cg_buf_t text;
    cg_buf_init(&text, 16, in->pool);
    in->at++;
    out->kind = CG_SFV_DISPLAY;
    if (!take(in, '"')) {
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

static bool read_value(reader_t *in, cg_sfv_value_t *out)
{
    char c = peek(in);
    *out = (cg_sfv_value_t){.text = {"", 0}};
    if (is_digit(c) || c == '-') {
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

/* ---- items, lists, members -------------------------------------------------- */

static bool read_name(reader_t *in, cg_str_t *out)
{
    const char *from = in->at;
    if (!is_lower(peek(in)) && peek(in) != '*') {
        return false;
    }
    while (is_lower(peek(in)) || is_digit(peek(in)) ||
           is_among(peek(in), "_-.*")) {
        in->at++;
    }
    *out = (cg_str_t){from, (size_t)(in->at - from)};
    return true;
}

/* The row of a name that is there already, else the next one; NULL: no room. */
static cg_sfv_parameter_t *place_of(reader_t *in, cg_sfv_parameters_t *to,
                                    cg_str_t name)
{
    for (size_t i = 0; i < to->count; i++) {
        if (cg_str_equal(to->rows[i].name, name)) {
            in->has_repeated = true;
            return &to->rows[i];
        }
    }
    if (to->count == CG_SFV_PARAMETERS_MAX) {
        return NULL;
    }
    if (!to->rows) {
        to->rows =
            apr_palloc(in->pool, CG_SFV_PARAMETERS_MAX * sizeof *to->rows);
    }
    to->count++;
    return &to->rows[to->count - 1];
}

static bool read_parameters(reader_t *in, cg_sfv_parameters_t *out)
{
    *out = (cg_sfv_parameters_t){NULL, 0};
    while (take(in, ';')) {
        cg_sfv_parameter_t row = {
            .value = {.kind = CG_SFV_BOOLEAN, .number = 1, .text = {"", 0}}};
        skip(in, " ");
        if (!read_name(in, &row.name) ||
            (take(in, '=') && !read_value(in, &row.value))) {
            return false;
        }
        cg_sfv_parameter_t *place = place_of(in, out, row.name);
        if (!place) {
            return false;
        }
        *place = row;
    }
    return true;
}

static bool read_list(reader_t *in, cg_sfv_member_t *out)
{
    cg_sfv_item_t items[CG_SFV_MEMBERS_MAX];
    in->at++;
    out->is_list = true;
    for (;;) {
        skip(in, " ");
        if (take(in, ')')) {
            break;
        }
        if (out->count == CG_SFV_MEMBERS_MAX ||
            !read_value(in, &items[out->count].value) ||
            !read_parameters(in, &items[out->count].parameters)) {
            return false;
        }
        out->count++;
        if (peek(in) != ' ' && peek(in) != ')') {
            return false;
        }
    }
    if (out->count) {
        out->items = apr_pmemdup(in->pool, items, out->count * sizeof items[0]);
    }
    return true;
}

static bool read_member(reader_t *in, cg_sfv_member_t *out)
{
    *out = (cg_sfv_member_t){
        .value = {.kind = CG_SFV_BOOLEAN, .number = 1, .text = {"", 0}}};
    if (!read_name(in, &out->name)) {
        return false;
    }
    if (take(in, '=')) {
        bool is_read =
            peek(in) == '(' ? read_list(in, out) : read_value(in, &out->value);
        if (!is_read) {
            return false;
        }
    }
    return read_parameters(in, &out->parameters);
}

static bool put_member(reader_t *in, cg_sfv_dictionary_t *to,
                       const cg_sfv_member_t *member)
{
    for (size_t i = 0; i < to->count; i++) {
        if (cg_str_equal(to->members[i].name, member->name)) {
            in->has_repeated = true;
            to->members[i] = *member;
            return true;
        }
    }
    if (to->count == CG_SFV_MEMBERS_MAX) {
        return false;
    }
    to->members[to->count] = *member;
    to->count++;
    return true;
}

static bool read_members(reader_t *in, cg_sfv_dictionary_t *out)
{
    skip(in, " ");
    while (in->at < in->end) {
        cg_sfv_member_t member;
        if (!read_member(in, &member) || !put_member(in, out, &member)) {
            return false;
        }
        skip(in, " \t");
        if (in->at == in->end) {
            return true;
        }
        if (!take(in, ',')) {
            return false;
        }
        skip(in, " \t");
        if (in->at == in->end) {
            return false; /* a comma with nothing after it */
        }
    }
    return true;
}

bool cg_sfv_read(cg_str_t text, cg_sfv_dictionary_t *out, apr_pool_t *pool)
{
    reader_t in = {.at = text.ptr, .end = text.ptr + text.len, .pool = pool};
    *out = (cg_sfv_dictionary_t){NULL, 0, false};
    if (text.len > CG_SFV_BYTES_MAX) {
        return false;
    }
    out->members = apr_palloc(pool, CG_SFV_MEMBERS_MAX * sizeof *out->members);
    bool is_read = read_members(&in, out);
    out->has_repeated = in.has_repeated;
    return is_read;
}

const cg_sfv_member_t *cg_sfv_find(const cg_sfv_dictionary_t *dictionary,
                                   const char *name)
{
    for (size_t i = 0; i < dictionary->count; i++) {
        if (cg_str_is(dictionary->members[i].name, name)) {
            return &dictionary->members[i];
        }
    }
    return NULL;
}

const cg_sfv_value_t *cg_sfv_parameter(const cg_sfv_parameters_t *parameters,
                                       const char *name)
{
    for (size_t i = 0; i < parameters->count; i++) {
        if (cg_str_is(parameters->rows[i].name, name)) {
            return &parameters->rows[i].value;
        }
    }
    return NULL;
}
