/* Where in a running text that may be JSON are we?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/place.h"

#include <string.h>

#define LEVELS CG_SIFT_NESTING_MAX
/* States of cg_level_t.escape: none, behind \, behind \u and n digits. */
#define ESCAPE_BEGUN 1
#define ESCAPE_UNICODE 2
#define ESCAPE_LAST (ESCAPE_UNICODE + 3)
#define OTHER 0x80 /* a character that no JSON text has outside of strings */

void cg_place_open(cg_place_t *place, bool is_arguments)
{
    memset(place, 0, sizeof *place);
    place->levels[0].prose =
        is_arguments ? CG_PROSE_ARGUMENTS : CG_PROSE_UNKNOWN;
}

static bool is_json(const cg_level_t *level)
{
    return level->prose >= CG_PROSE_JSON;
}

static bool is_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Could c begin a number, true, false or null, or go on with one? */
static bool is_of_word(const cg_level_t *level, unsigned char c)
{
    if (!level->is_word) {
        return c == '-' || (c >= '0' && c <= '9') || c == 't' || c == 'f' ||
               c == 'n';
    }
    return c != '\0' && strchr("0123456789+-.eEtrufalsn", c) != NULL;
}

/* Outside of strings. What no JSON text has there makes it prose. */
static void step_outside(cg_level_t *level, unsigned char c)
{
    bool is_open = c == '{' || c == '[';
    bool is_close = c == '}' || c == ']';
    bool is_word = !is_open && is_of_word(level, c);
    bool is_over = level->depth == 0 && !is_blank(c) && !is_open;
    bool is_sign = is_open || is_close || is_blank(c) || c == ',' || c == ':' ||
                   c == '"' || is_word;
    level->sign = is_word || is_blank(c) ? level->sign : c;
    level->is_word = is_word;
    level->is_string = c == '"';
    level->depth =
        (uint16_t)(level->depth + is_open - (is_close && level->depth > 0));
    if (level->prose == CG_PROSE_JSON && (is_over || !is_sign)) {
        level->prose = CG_PROSE;
        level->is_string = false;
    }
}

static unsigned digit_of(unsigned char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (c | 0x20u) - 'a' + 10u;
}

#define MORE (-1) /* an escape that goes on */

/* What a letter behind a backslash means. */
static int meant_by(unsigned char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

/* One character of a string as it is written. Returns the one that it is in the
 * string's text; MORE: there is none yet, or the string has ended. */
static int read_string(cg_level_t *level, unsigned char c)
{
    if (level->escape == 0) {
        level->escape = c == '\\' ? ESCAPE_BEGUN : 0;
        level->is_string = c != '"';
        return level->is_string && c != '\\' ? c : MORE;
    }
    if (level->escape == ESCAPE_BEGUN) {
        level->escape = c == 'u' ? ESCAPE_UNICODE : 0;
        level->spoken = 0;
        return c == 'u' ? MORE : meant_by(c);
    }
    level->spoken = (uint16_t)(level->spoken << 4 | (digit_of(c) & 15));
    bool is_last = level->escape == ESCAPE_LAST;
    level->escape = is_last ? 0 : level->escape + 1;
    return !is_last ? MORE : level->spoken < OTHER ? level->spoken : OTHER;
}

/* Goes on by one character, from level to level as far as strings hold it.
 * Returns the one that it is at last; MORE: it is within an escape. */
static int step(cg_place_t *place, unsigned char c)
{
    cg_level_t *end = place->levels + LEVELS;
    for (cg_level_t *level = place->levels; level < end; level++) {
        if (level->prose == CG_PROSE_UNKNOWN && !is_blank(c)) {
            level->prose = c == '{' || c == '[' ? CG_PROSE_JSON : CG_PROSE;
        }
        if (!is_json(level)) {
            return c;
        }
        if (!level->is_string) {
            step_outside(level, c);
            if (level->is_string && level + 1 < end) {
                memset(level + 1, 0, sizeof *level);
            }
            return c;
        }
        int read = read_string(level, c);
        if (read == MORE) {
            return level->is_string ? MORE : c;
        }
        c = (unsigned char)read;
    }
    return c;
}

/* How many strings hold the place, one in the other. */
static uint8_t strings(const cg_place_t *place)
{
    uint8_t count = 0;
    while (count < LEVELS && is_json(&place->levels[count]) &&
           place->levels[count].is_string) {
        count++;
    }
    return count;
}

static bool is_within_escape(const cg_place_t *place)
{
    uint8_t count = strings(place);
    bool is = false;
    for (uint8_t i = 0; i < count; i++) {
        is = is || place->levels[i].escape != 0;
    }
    return is;
}

/* ---- line breaks and tabs ---- */

/* U+2064, which no scanner sees: in a string, before a break that is no escape. */
#define MARK "\xE2\x81\xA4"
#define MARK_LEN 3

/* The letter that a break is escaped with; 0: it is none. */
static char letter_of(int c)
{
    switch (c) {
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return '\0';
    }
}

/* A break as it is written in so many strings: \n, \\n, \\\\n, ... Returns its
 * length. */
static size_t write_break(int c, uint8_t depth, char out[CG_PLACE_PENDING])
{
    size_t slashes = (size_t)1 << (depth - 1);
    memset(out, '\\', slashes);
    out[slashes] = letter_of(c);
    return slashes + 1;
}

static void put_pending(cg_place_t *place, int c, cg_buf_t *out)
{
    char spelled[CG_PLACE_PENDING];
    uint8_t depth = strings(place);
    bool may_be = depth > 0 && !place->is_late;
    size_t len = place->pending_len;
    place->pending_len = 0;
    if (may_be && len == 1 && letter_of(c)) {
        cg_buf_str(out, MARK);
    }
    if (may_be && letter_of(c) && write_break(c, depth, spelled) == len &&
        memcmp(spelled, place->pending, len) == 0) {
        cg_buf_char(out, (char)c);
    }
    else {
        cg_buf_add(out, place->pending, len);
    }
}

void cg_place_read(cg_place_t *place, cg_str_t text, cg_buf_t *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (place->levels[0].prose == CG_PROSE) {
            cg_buf_add(out, text.ptr + i, text.len - i);
            return;
        }
        if (place->pending_len == 0) {
            place->is_late = is_within_escape(place);
        }
        place->pending[place->pending_len++] = text.ptr[i];
        int c = step(place, (unsigned char)text.ptr[i]);
        if (c != MORE || place->pending_len == CG_PLACE_PENDING) {
            put_pending(place, c, out);
        }
    }
}

void cg_place_read_end(cg_place_t *place, cg_buf_t *out)
{
    cg_buf_add(out, place->pending, place->pending_len);
    place->pending_len = 0;
}

static void pass_one(cg_place_t *place, uint8_t depth, char c, cg_buf_t *out)
{
    char spelled[CG_PLACE_PENDING];
    bool is_break = depth > 0 && letter_of(c);
    if (place->is_marked && !is_break) {
        cg_buf_str(out, MARK); /* the text's own */
    }
    if (is_break && !place->is_marked) {
        cg_buf_add(out, spelled, write_break(c, depth, spelled));
    }
    else {
        cg_buf_char(out, c);
    }
    place->is_marked = false;
    step(place, (unsigned char)c);
}

void cg_place_pass(cg_place_t *place, cg_str_t text, cg_buf_t *out)
{
    size_t at = 0;
    while (at < text.len && place->levels[0].prose != CG_PROSE) {
        uint8_t depth = is_within_escape(place) ? 0 : strings(place);
        cg_str_t rest = {text.ptr + at, text.len - at};
        if (depth > 0 && !place->is_marked && cg_str_has_prefix(rest, MARK)) {
            place->is_marked = true;
            at += MARK_LEN;
            continue;
        }
        pass_one(place, depth, text.ptr[at], out);
        at++;
    }
    cg_buf_add(out, text.ptr + at, text.len - at);
}

/* ---- putting in ---- */

cg_stood_t cg_place_stood(cg_str_t text)
{
    bool is_number = text.len > 0 && text.ptr[0] != '+';
    int points = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\0' || !strchr("0123456789+-.eE", c)) {
            is_number = false;
        }
        bool is_signed = (c == '-' || c == '+') && i > 0;
        points += c == '.';
        is_number = is_number && points <= 1 &&
                    (!is_signed || (text.ptr[i - 1] | 32) == 'e');
        if (c == '\0' || !strchr("0123456789+-.eEtrufalsn ,:[]{}\t\r\n", c)) {
            return CG_STOOD_WORDS;
        }
    }
    return is_number ? CG_STOOD_NUMBER : CG_STOOD_SIGNS;
}

cg_written_t cg_place_put(cg_place_t *place, cg_stood_t stood)
{
    cg_written_t how = {0};
    place->is_marked = false;
    for (cg_level_t *level = place->levels; level < place->levels + LEVELS;
         level++) {
        if (level->prose == CG_PROSE_UNKNOWN) {
            level->prose = CG_PROSE;
        }
        if (!is_json(level)) {
            return how;
        }
        if (!level->is_string) {
            bool is_sure = level->prose == CG_PROSE_ARGUMENTS;
            bool is_value =
                level->sign == ':' || level->sign == ',' || level->sign == '[';
            how.is_quoted = is_sure || (stood == CG_STOOD_NUMBER && is_value);
            if (!is_sure && stood == CG_STOOD_WORDS) {
                level->prose = CG_PROSE;
            }
            return how;
        }
        level->escape = 0;
        how.escapes++;
    }
    return how;
}

void cg_place_write(cg_written_t how, cg_str_t text, apr_pool_t *scratch,
                    cg_buf_t *out)
{
    int layers = how.escapes + how.is_quoted;
    for (int i = 0; i < layers; i++) {
        cg_buf_t next;
        cg_buf_init(&next, text.len + 16, scratch);
        if (i == 0 && how.is_quoted) {
            cg_buf_json_string(&next, text.ptr, text.len);
        }
        else {
            cg_buf_json_escape(&next, text.ptr, text.len);
        }
        text = (cg_str_t){next.ptr, next.len};
    }
    cg_buf_add(out, text.ptr, text.len);
}
