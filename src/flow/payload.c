/* A file inside a string: a data: URL, or base64 alone.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/payload.h"

#include <string.h>
#include <strings.h>

#define HEAD_BYTES 512 /* decoded, to tell text from pictures */
#define URL_HEAD 256   /* "data:type;parameters;base64," */

enum { VALUE_NONE = 64, VALUE_IDLE = 65 }; /* idle: padding and white space */

static uint8_t value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (uint8_t)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (uint8_t)(c - 'a' + 26);
    }
    if (c >= '0' && c <= '9') {
        return (uint8_t)(c - '0' + 52);
    }
    if (c == '+' || c == '-') {
        return 62;
    }
    if (c == '/' || c == '_') {
        return 63;
    }
    bool is_idle = c == '=' || c == '\n' || c == '\r' || c == ' ' || c == '\t';
    return is_idle ? VALUE_IDLE : VALUE_NONE;
}

/* Where the base64 of a data: URL begins; 0: it is none. */
static size_t url_payload(cg_str_t string, cg_payload_t *out)
{
    static const char scheme[] = "data:";
    static const char coding[] = ";base64";
    size_t most = string.len < URL_HEAD ? string.len : URL_HEAD;
    if (most < sizeof scheme - 1 ||
        strncasecmp(string.ptr, scheme, sizeof scheme - 1) != 0) {
        return 0;
    }
    const char *comma = memchr(string.ptr, ',', most);
    size_t head = comma ? (size_t)(comma - string.ptr) : 0;
    if (head < sizeof scheme - 1 + sizeof coding - 1 ||
        strncasecmp(comma - (sizeof coding - 1), coding, sizeof coding - 1) !=
            0) {
        return 0;
    }
    const char *type = string.ptr + sizeof scheme - 1;
    const char *end = memchr(type, ';', (size_t)(comma - type));
    out->media_type = (cg_str_t){type, (size_t)(end - type)};
    return head + 1;
}

/* Nothing but base64 from start on? Notes its alphabet. Words and blanks are not
 * taken for it: only behind "data:" may a blank stand. */
static bool is_base64(cg_str_t string, cg_payload_t *out)
{
    size_t letters = 0;
    bool may_blank = out->start > 0;
    out->is_padded = false;
    out->is_url_safe = false;
    for (size_t i = out->start; i < string.len; i++) {
        char c = string.ptr[i];
        uint8_t value = value_of(c);
        if (c == '\n' && out->line == 0) {
            out->line = letters;
            out->has_cr = i > 0 && string.ptr[i - 1] == '\r';
        }
        bool is_blank = c == ' ' || c == '\t';
        if (value == VALUE_NONE || (is_blank && !may_blank)) {
            return false;
        }
        letters += value < VALUE_NONE;
        out->is_padded = out->is_padded || c == '=';
        out->is_url_safe = out->is_url_safe || c == '-' || c == '_';
    }
    out->is_padded = out->is_padded || letters % 4 == 0;
    out->line = out->line < letters ? out->line : 0; /* the last has an end */
    return letters >= CG_PAYLOAD_MIN;
}

bool cg_payload_find(cg_str_t string, cg_payload_t *out)
{
    *out = (cg_payload_t){.media_type = CG_STR(""), .end = string.len};
    out->start = url_payload(string, out);
    if (out->start == 0 && string.len < CG_PAYLOAD_MIN) {
        return false;
    }
    return is_base64(string, out);
}

/* ---- among words -------------------------------------------------------- */

/* A run of lines, each of at least that many letters, save the last. */
#define LINE_MIN 32

static bool is_letter(cg_str_t text, size_t at)
{
    return value_of(text.ptr[at]) < VALUE_NONE;
}

/* Bytes of the line end that stands here; 0: none does. */
static size_t line_end(cg_str_t text, size_t at)
{
    size_t cr = at < text.len && text.ptr[at] == '\r' ? 1 : 0;
    return at + cr < text.len && text.ptr[at + cr] == '\n' ? cr + 1 : 0;
}

static size_t letters_from(cg_str_t text, size_t at)
{
    size_t from = at;
    while (at < text.len && is_letter(text, at)) {
        at++;
    }
    return at - from;
}

/* A boundary of MIME may stand behind the last line. */
static bool is_boundary(cg_str_t text, size_t at)
{
    return text.len - at >= 2 && memcmp(text.ptr + at, "--", 2) == 0;
}

/* Follows the run whose first line begins at start. Returns its letters. */
static size_t follow(cg_str_t text, size_t start, cg_payload_t *out)
{
    size_t at = start;
    size_t letters = 0;
    size_t line = letters_from(text, at);
    *out = (cg_payload_t){.media_type = CG_STR(""), .start = start};
    while (line > 0) {
        letters += line;
        at += line;
        size_t end = line_end(text, at);
        bool may_go_on = end > 0 && !is_boundary(text, at + end);
        size_t next = may_go_on ? letters_from(text, at + end) : 0;
        if ((line < LINE_MIN && at > line) || next == 0) {
            break; /* at the text's beginning a line may have been cut */
        }
        out->line = out->line ? out->line : line;
        out->has_cr = end == 2;
        at += end;
        line = next;
    }
    for (int i = 0; i < 2 && at < text.len && text.ptr[at] == '='; i++) {
        out->is_padded = true;
        at++;
    }
    out->end = at;
    return letters;
}

/* "data:text/csv;base64," before it says what it is. */
static void read_type(cg_str_t text, cg_payload_t *payload)
{
    size_t most = payload->start < URL_HEAD ? payload->start : URL_HEAD;
    const char *from = text.ptr + payload->start - most;
    for (size_t i = most; i >= 5; i--) {
        cg_payload_t url = {.start = 0};
        cg_str_t head = {from + most - i, i};
        if (url_payload(head, &url) == i) {
            payload->media_type = url.media_type;
            return;
        }
    }
}

static void describe(cg_str_t text, size_t letters, cg_payload_t *out)
{
    out->is_padded = out->is_padded || letters % 4 == 0;
    for (size_t i = out->start; i < out->end; i++) {
        out->is_url_safe =
            out->is_url_safe || text.ptr[i] == '-' || text.ptr[i] == '_';
    }
}

bool cg_payload_resume(cg_str_t text, cg_payload_t *out)
{
    size_t start = line_end(text, 0);
    size_t letters = follow(text, start, out);
    describe(text, letters, out);
    return letters > 0;
}

/* A line of LINE_MIN letters has one at a place that is a multiple of it: only
 * those are looked at. */
bool cg_payload_among(cg_str_t text, size_t from, cg_payload_t *out)
{
    size_t at = (from + LINE_MIN - 1) / LINE_MIN * LINE_MIN;
    while (at < text.len) {
        size_t start = at;
        while (start > from && is_letter(text, start) &&
               is_letter(text, start - 1)) {
            start--;
        }
        size_t letters = is_letter(text, at) ? follow(text, start, out) : 0;
        if (letters >= CG_PAYLOAD_LONG) {
            describe(text, letters, out);
            read_type(text, out);
            return true;
        }
        size_t end = letters > 0 ? out->end : at;
        at = (end / LINE_MIN + 1) * LINE_MIN;
    }
    return false;
}

/* ---- where to cut ------------------------------------------------------- */

/* The beginning of the run that the text ends in; its end: it ends in none. */
static size_t last_run(cg_str_t text)
{
    size_t start = text.len;
    size_t at = text.len;
    while (at > 0) {
        size_t end = at;
        while (end > 0 &&
               (text.ptr[end - 1] == '\n' || text.ptr[end - 1] == '\r') &&
               at - end < 2) {
            end--;
        }
        size_t from = end;
        while (from > 0 && is_letter(text, from - 1)) {
            from--;
        }
        bool may_be_short = start == text.len || from == 0; /* as it was cut */
        if (end == from || is_boundary(text, from) ||
            (!may_be_short && end - from < LINE_MIN)) {
            break;
        }
        start = at = from;
    }
    return text.len - start < LINE_MIN ? text.len : start;
}

/* Inside of one run: behind a group of four letters whose bytes end a line, else a
 * word, else a character. */
static size_t cut_run(cg_str_t text)
{
    size_t line = 0, word = 0, character = 0, group = 0;
    uint32_t bits = 0;
    int letters = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t value = value_of(text.ptr[i]);
        if (value >= VALUE_NONE) {
            continue;
        }
        bits = bits << 6 | value;
        letters++;
        if (letters == 2 && (bits >> 4 & 0xC0) != 0x80) {
            character = group; /* the next byte begins one */
        }
        if (letters == 4) {
            group = i + 1;
            line = (bits & 0xFF) == '\n' ? group : line;
            word = (bits & 0xFF) == ' ' ? group : word;
            letters = 0;
            bits = 0;
        }
    }
    size_t half = text.len / 2;
    if (line > half || word > half) {
        return line > half ? line : word;
    }
    return character > half ? character : group;
}

size_t cg_payload_cut(cg_str_t text, bool *out_is_inside)
{
    size_t run = last_run(text);
    *out_is_inside = run == 0;
    if (run == 0) {
        size_t cut = cut_run(text);
        return cut > 0 ? cut : text.len;
    }
    if (run < text.len) {
        return run;
    }
    const char *line = memrchr(text.ptr, '\n', text.len);
    size_t before = line ? (size_t)(line - text.ptr) : 0;
    bool is_in_run = line && last_run((cg_str_t){text.ptr, before}) < before;
    const char *word = memrchr(text.ptr, ' ', text.len);
    const char *end = line && !(is_in_run && word > line) ? line : word;
    return end ? (size_t)(end - text.ptr) + 1
               : cg_utf8_whole(text.ptr, text.len);
}

/* ---- decoded ------------------------------------------------------------ */

static cg_str_t decode(cg_str_t base64, size_t most, apr_pool_t *pool)
{
    size_t room = base64.len / 4 * 3 + 3;
    unsigned char *out = apr_palloc(pool, room < most ? room : most + 3);
    size_t len = 0;
    uint32_t bits = 0;
    int count = 0;
    for (size_t i = 0; i < base64.len && len < most; i++) {
        uint8_t value = value_of(base64.ptr[i]);
        if (base64.ptr[i] == '=') {
            count = 0; /* another run may follow: each is decoded by itself */
        }
        if (value >= VALUE_NONE) {
            continue;
        }
        bits = bits << 6 | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[len++] = (unsigned char)(bits >> count);
        }
    }
    return (cg_str_t){(const char *)out, len};
}

cg_str_t cg_payload_decode(cg_str_t string, const cg_payload_t *payload,
                           apr_pool_t *pool)
{
    cg_str_t base64 = {string.ptr + payload->start,
                       payload->end - payload->start};
    return decode(base64, SIZE_MAX - 3, pool);
}

cg_str_t cg_payload_head(cg_str_t string, const cg_payload_t *payload,
                         apr_pool_t *pool)
{
    cg_str_t base64 = {string.ptr + payload->start,
                       payload->end - payload->start};
    return decode(base64, HEAD_BYTES, pool);
}

/* In lines as long as those that were read. */
static cg_str_t in_lines(cg_str_t letters, const cg_payload_t *payload,
                         apr_pool_t *pool)
{
    cg_buf_t out;
    if (payload->line == 0) {
        return letters;
    }
    cg_buf_init(&out, letters.len + letters.len / payload->line * 2 + 2, pool);
    for (size_t at = 0; at < letters.len; at += payload->line) {
        size_t rest = letters.len - at;
        cg_buf_add(&out, letters.ptr + at,
                   rest < payload->line ? rest : payload->line);
        if (rest > payload->line) {
            cg_buf_str(&out, payload->has_cr ? "\r\n" : "\n");
        }
    }
    return (cg_str_t){out.ptr, out.len};
}

/* Blanks, up to whole groups: what goes on behind must not be moved. */
static cg_str_t fill(cg_str_t bytes, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, bytes.len + 2, pool);
    cg_buf_add(&out, bytes.ptr, bytes.len);
    while (out.len % 3 != 0) {
        cg_buf_char(&out, ' ');
    }
    return (cg_str_t){out.ptr, out.len};
}

cg_str_t cg_payload_encode(cg_str_t bytes, const cg_payload_t *payload,
                           apr_pool_t *pool)
{
    bytes = payload->is_open ? fill(bytes, pool) : bytes;
    char *out = apr_palloc(pool, (bytes.len + 2) / 3 * 4 + 1);
    size_t len =
        cg_b64url_encode((const unsigned char *)bytes.ptr, bytes.len, out);
    for (size_t i = 0; !payload->is_url_safe && i < len; i++) {
        out[i] = (char)(out[i] == '-' ? '+' : out[i] == '_' ? '/' : out[i]);
    }
    while (payload->is_padded && len % 4 != 0) {
        out[len++] = '=';
    }
    return in_lines((cg_str_t){out, len}, payload, pool);
}
