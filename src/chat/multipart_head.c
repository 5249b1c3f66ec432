/* The head of a part: what it is called and what it says it is.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "chat/multipart_int.h"

#define HEADS_MAX 8

/* What is left of a line or a value, read from the left. */
typedef struct rest_t {
    const char *at;
    const char *end;
} rest_t;

static bool is_token_byte(char c)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_letter || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(marks, c) != NULL);
}

static void skip_blanks(rest_t *rest)
{
    while (rest->at < rest->end && (*rest->at == ' ' || *rest->at == '\t')) {
        rest->at++;
    }
}

static bool take(rest_t *rest, char c)
{
    bool is_there = rest->at < rest->end && *rest->at == c;
    rest->at += is_there;
    return is_there;
}

static cg_str_t take_token(rest_t *rest)
{
    const char *from = rest->at;
    while (rest->at < rest->end && is_token_byte(*rest->at)) {
        rest->at++;
    }
    return (cg_str_t){from, (size_t)(rest->at - from)};
}

/* A token, or a quoted text without a backslash: readers differ on what that
 * means (RFC 7578 section 4.2 and the browsers write %22 for a quote). */
static bool take_value(rest_t *rest, cg_str_t *out)
{
    if (!take(rest, '"')) {
        *out = take_token(rest);
        return out->len > 0;
    }
    const char *from = rest->at;
    while (rest->at < rest->end && *rest->at != '"' && *rest->at != '\\') {
        rest->at++;
    }
    *out = (cg_str_t){from, (size_t)(rest->at - from)};
    return take(rest, '"');
}

/* The next "; name=value"; false: there is none, or it is wrong, and then rest stays
 * where it was. */
static bool take_parameter(rest_t *rest, cg_str_t *out_name,
                           cg_str_t *out_value)
{
    rest_t at = *rest;
    skip_blanks(&at);
    if (!take(&at, ';')) {
        return false;
    }
    skip_blanks(&at);
    *out_name = take_token(&at);
    if (out_name->len == 0 || !take(&at, '=') || !take_value(&at, out_value)) {
        return false;
    }
    *rest = at;
    return true;
}

static bool is_over(rest_t *rest)
{
    skip_blanks(rest);
    return rest->at == rest->end;
}

static cg_str_t take_media_type(rest_t *rest)
{
    const char *from = rest->at;
    cg_str_t type = take_token(rest);
    bool has_slash = take(rest, '/');
    cg_str_t subtype = take_token(rest);
    if (type.len == 0 || !has_slash || subtype.len == 0) {
        return (cg_str_t){"", 0};
    }
    return (cg_str_t){from, (size_t)(rest->at - from)};
}

/* ---- the body's own type ------------------------------------------------ */

static bool is_boundary(cg_str_t boundary)
{
    static const char marks[] = "'()+_,-./:=? ";
    if (boundary.len == 0 || boundary.len > CG_MULTIPART_BOUNDARY_MAX ||
        boundary.ptr[boundary.len - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < boundary.len; i++) {
        char c = boundary.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_mark = c != '\0' && strchr(marks, c) != NULL;
        if (!is_letter && !(c >= '0' && c <= '9') && !is_mark) {
            return false;
        }
    }
    return true;
}

bool cg_multipart_boundary(cg_str_t content_type, cg_str_t *out,
                           const char **out_fault)
{
    rest_t rest = {content_type.ptr, content_type.ptr + content_type.len};
    cg_str_t name, value;
    *out = (cg_str_t){"", 0};
    *out_fault = "the Content-Type is not multipart/form-data";
    if (!cg_str_is_nocase(take_media_type(&rest), "multipart/form-data")) {
        return false;
    }
    *out_fault = "the Content-Type names no boundary that can be used";
    while (take_parameter(&rest, &name, &value)) {
        bool is_it = cg_str_is_nocase(name, "boundary");
        bool is_split = memchr(name.ptr, '*', name.len) != NULL;
        if ((is_it && out->len > 0) || is_split) {
            return false;
        }
        *out = is_it ? value : *out;
    }
    return is_over(&rest) && is_boundary(*out);
}

/* ---- Content-Disposition ------------------------------------------------ */

static bool is_name(cg_str_t name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_mark = c != '\0' && strchr("_-.[]", c) != NULL;
        if (!is_letter && !(c >= '0' && c <= '9') && !is_mark) {
            return false;
        }
    }
    return name.len > 0 && name.len <= CG_MULTIPART_NAME_MAX;
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* The byte that stands at, "%" and two hex digits decoded; -1: a broken escape. */
static int byte_at(cg_str_t text, size_t *at)
{
    unsigned char c = (unsigned char)text.ptr[*at];
    if (c != '%') {
        *at += 1;
        return c;
    }
    int high = text.len - *at < 3 ? -1 : hex_of(text.ptr[*at + 1]);
    int low = high < 0 ? -1 : hex_of(text.ptr[*at + 2]);
    if (low < 0) {
        *at += 1;
        return -1;
    }
    *at += 3;
    return high * 16 + low;
}

/* No folder in it, no line end or control character, escaped or not. */
static bool is_filename(cg_str_t name)
{
    for (size_t at = 0; at < name.len;) {
        int byte = byte_at(name, &at);
        if ((byte >= 0 && byte < 0x20) || byte == 0x7F || byte == '/' ||
            byte == '\\') {
            return false;
        }
    }
    return cg_utf8_valid(name.ptr, name.len);
}

/* RFC 8187: UTF-8''name, its bytes percent-encoded. RFC 7578 has no use for it,
 * but .NET sends it beside filename. */
static bool decode_star(cg_multipart_t *multipart, cg_str_t value,
                        cg_str_t *out)
{
    static const char charset[] = "utf-8'";
    size_t len = 0;
    cg_str_t start = {value.ptr, sizeof charset - 1};
    if (value.len < sizeof charset || !cg_str_is_nocase(start, charset)) {
        return false;
    }
    const char *quote = memchr(value.ptr + sizeof charset - 1, '\'',
                               value.len - (sizeof charset - 1));
    size_t at = quote ? (size_t)(quote - value.ptr) + 1 : value.len;
    bool is_sound = quote != NULL;
    while (at < value.len && is_sound) {
        int byte = byte_at(value, &at);
        is_sound = byte >= 0;
        multipart->star[len++] = (char)byte;
    }
    *out = (cg_str_t){multipart->star, len};
    return is_sound && len > 0 && is_filename(*out);
}

static const char *add_parameter(cg_multipart_t *multipart, cg_part_t *part,
                                 cg_str_t name, cg_str_t value)
{
    if (cg_str_is_nocase(name, "name") && part->name.len == 0) {
        part->name = value;
        return is_name(value) ? NULL : "a part's name is not a plain word";
    }
    if (cg_str_is_nocase(name, "filename") && !part->has_filename) {
        part->has_filename = true;
        part->filename = value;
        return is_filename(value) ? NULL : "a filename is not a plain name";
    }
    if (cg_str_is_nocase(name, "filename*") && part->filename_star.len == 0) {
        return decode_star(multipart, value, &part->filename_star)
                   ? NULL
                   : "a filename* is not a plain name in UTF-8";
    }
    return "a part's Content-Disposition cannot be read";
}

static const char *read_disposition(cg_multipart_t *multipart, cg_part_t *part,
                                    rest_t rest)
{
    cg_str_t name, value;
    if (!cg_str_is_nocase(take_token(&rest), "form-data")) {
        return "a part's Content-Disposition is not form-data";
    }
    while (take_parameter(&rest, &name, &value)) {
        const char *fault = add_parameter(multipart, part, name, value);
        if (fault) {
            return fault;
        }
    }
    return is_over(&rest) ? NULL
                          : "a part's Content-Disposition cannot be read";
}

/* ---- Content-Type ------------------------------------------------------- */

static bool is_any(cg_str_t word, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (cg_str_is_nocase(word, *list)) {
            return true;
        }
    }
    return false;
}

/* Charsets in which ASCII is ASCII; in another (UTF-7, UTF-16) bytes that look
 * harmless may say anything. */
static const char *const CHARSETS[] = {
    "utf-8",       "utf8",         "us-ascii", "ascii", "iso-8859-1", "latin1",
    "iso-8859-15", "windows-1252", "gb2312",   "gbk",   "gb18030",    NULL};

static bool is_nested(cg_str_t type)
{
    cg_str_t multipart = {type.ptr, type.len < 10 ? type.len : 10};
    cg_str_t message = {type.ptr, type.len < 8 ? type.len : 8};
    return cg_str_is_nocase(multipart, "multipart/") ||
           cg_str_is_nocase(message, "message/");
}

static const char *read_type(cg_part_t *part, rest_t rest)
{
    cg_str_t name, value;
    part->media_type = take_media_type(&rest);
    if (part->media_type.len == 0) {
        return "a part's Content-Type cannot be read";
    }
    if (is_nested(part->media_type)) {
        return "a part is multipart itself";
    }
    while (take_parameter(&rest, &name, &value)) {
        bool is_split = memchr(name.ptr, '*', name.len) != NULL;
        bool is_charset = cg_str_is_nocase(name, "charset");
        if (is_split || (is_charset && !is_any(value, CHARSETS))) {
            return "a part's charset is none in which ASCII stays ASCII";
        }
    }
    return is_over(&rest) ? NULL : "a part's Content-Type cannot be read";
}

/* ---- the lines ---------------------------------------------------------- */

static const char *const IDENTITIES[] = {"binary", "8bit", "7bit", NULL};

static const char *read_line(cg_multipart_t *multipart, cg_part_t *part,
                             cg_str_t line)
{
    rest_t rest = {line.ptr, line.ptr + line.len};
    cg_str_t name = take_token(&rest);
    if (name.len == 0 || !take(&rest, ':')) {
        return "a header of a part cannot be read";
    }
    skip_blanks(&rest);
    cg_str_t value = {rest.at, (size_t)(rest.end - rest.at)};
    if (cg_str_is_nocase(name, "content-disposition") &&
        part->disposition.len == 0) {
        part->disposition = line;
        return read_disposition(multipart, part, rest);
    }
    if (cg_str_is_nocase(name, "content-type") && part->type.len == 0) {
        part->type = line;
        return read_type(part, rest);
    }
    int64_t length;
    if (cg_str_is_nocase(name, "content-length") &&
        cg_parse_count(value, &length)) {
        return NULL; /* some clients say it; it is not sent on */
    }
    if (cg_str_is_nocase(name, "content-transfer-encoding")) {
        return is_any(value, IDENTITIES) ? NULL
                                         : "a part has a transfer encoding";
    }
    return "a part has a header twice, or one that it may not have";
}

/* Of these a reader takes one value: "model[]" must not be another spelling. */
static const char *const SCALARS[] = {"model",  "purpose", "prompt",
                                      "stream", "n",       NULL};

static const char *check_name(cg_multipart_t *multipart, cg_str_t name)
{
    const char *bracket = memchr(name.ptr, '[', name.len);
    cg_str_t stem = {name.ptr,
                     bracket ? (size_t)(bracket - name.ptr) : name.len};
    if (bracket && is_any(stem, SCALARS)) {
        return "a field that has one value is sent as a list";
    }
    if (!bracket && is_any(name, SCALARS)) {
        for (const char *const *word = SCALARS; *word; word++) {
            if (cg_str_is_nocase(name, *word) && !cg_str_is(name, *word)) {
                return "the name of a field is written in capitals";
            }
        }
    }
    if (cg_str_is_nocase(name, "_charset_")) {
        return "a field would change the charset of the others";
    }
    bool is_list =
        name.len > 2 && memcmp(name.ptr + name.len - 2, "[]", 2) == 0;
    const char *at = multipart->names;
    const char *end = multipart->names + multipart->names_len;
    for (; at < end && !is_list; at += strlen(at) + 1) {
        if (cg_str_is_nocase(name, at)) {
            return "two parts have the same name";
        }
    }
    memcpy(multipart->names + multipart->names_len, name.ptr, name.len);
    multipart->names_len += name.len;
    multipart->names[multipart->names_len++] = '\0';
    return NULL;
}

const char *cg_multipart_read_head(cg_multipart_t *multipart, cg_part_t *out)
{
    const char *at = multipart->head;
    const char *end = multipart->head + multipart->head_len;
    *out = (cg_part_t){.name = {"", 0}, .media_type = {"", 0}};
    for (int lines = 0; at < end; lines++) {
        const char *cr = memchr(at, '\r', (size_t)(end - at));
        cg_str_t line = {at, (size_t)(cr - at)};
        const char *fault = lines == HEADS_MAX
                                ? "a part has too many headers"
                                : read_line(multipart, out, line);
        if (fault) {
            return fault;
        }
        at = cr + 2;
    }
    if (out->name.len == 0) {
        return "a part has no name";
    }
    out->has_filename = out->has_filename || out->filename_star.len > 0;
    return check_name(multipart, out->name);
}
