/* Base64 and hexadecimal runs: decoded once, and looked through.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only what decodes to text is looked through; a picture ends after its first
 * bytes. If a value is found the whole run is the finding, for there is no
 * telling which characters of it to leave. A run may go over lines, as mail and
 * PEM break it, and hexadecimal pairs may be set apart: 68 65, 68:65, 0x68, 0x65.
 */
#include <string.h>

#include "redact/redact_int.h"

#define RUN_MAX 2048  /* of a run so many are looked at */
#define TEXT_MAX 1600 /* decoded bytes */
#define CANDIDATES 48
#define LINE_MIN 32 /* characters of a line that goes on in the next */
#define PAIRS_MIN 12

// clang-format off
const uint8_t cg_b64_digits[256] = {
    ['+'] = 63, ['-'] = 63, ['/'] = 64, ['0'] = 53, ['1'] = 54, ['2'] = 55,
    ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61,
    ['9'] = 62, ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5,
    ['F'] = 6, ['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, ['K'] = 11,
    ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17,
    ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23,
    ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['_'] = 64, ['a'] = 27, ['b'] = 28,
    ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34,
    ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46,
    ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52,
};
// clang-format on

static const uint8_t hex_digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
    ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
    ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
    ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16};

static int hex_digit(unsigned c)
{
    return hex_digits[c & 255] - 1;
}

typedef struct encoded_t {
    uint32_t end; /* after its last character, padding included */
    uint32_t len; /* decoded bytes */
    int more;     /* bytes of UTF-8 that must follow */
    char text[TEXT_MAX];
} encoded_t;

/* Takes a decoded byte; false: this is no text. Most that is none shows it
 * within a few bytes. */
static bool take(encoded_t *run, unsigned char byte)
{
    if (run->more > 0) {
        if ((byte & 0xC0) != 0x80) {
            return false;
        }
        run->more--;
    }
    else if (byte >= 0x80) {
        if (byte < 0xC2 || byte > 0xF4) {
            return false;
        }
        run->more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
    }
    else if (byte < 0x20 ? byte != '\n' && byte != '\r' && byte != '\t'
                         : byte == 0x7f) {
        return false;
    }
    if (run->len < TEXT_MAX) {
        run->text[run->len++] = (char)byte;
    }
    return true;
}

typedef struct alphabet_t {
    const uint8_t *digits; /* one more than the value; 0: no digit */
    int bits;
    uint32_t least; /* characters of a run */
} alphabet_t;

static const alphabet_t base64 = {cg_b64_digits, 6, 16};
static const alphabet_t hexadecimal = {hex_digits, 4, 22};

/* Where the next line of a run begins, if a line end stands at i; or i. */
static uint32_t next_line(cg_window_t *w, uint32_t i)
{
    uint32_t after = i + (cg_at(w, i) == '\r');
    return cg_at(w, after) == '\n' ? after + 1 : i;
}

/* Decodes from start while characters of the alphabet stand there. False: too
 * short, or no text. */
static bool decode(cg_window_t *w, uint32_t start, const alphabet_t *alphabet,
                   bool has_lines, encoded_t *run)
{
    const unsigned char *text = w->text;
    const uint8_t *digits = alphabet->digits;
    uint32_t limit = w->limit;
    uint32_t stop = start + RUN_MAX < limit ? start + RUN_MAX : limit;
    uint32_t held = 0;
    int count = 0;
    uint32_t i = start;
    uint32_t line = start;
    run->len = 0;
    run->more = 0;
    for (;;) {
        while (i < stop && digits[text[i]] != 0) {
            held = held << alphabet->bits | (digits[text[i++]] - 1U);
            count += alphabet->bits;
            if (count >= 8) {
                count -= 8;
                if (!take(run, (unsigned char)(held >> count))) {
                    cg_at(w, i - 1);
                    return false;
                }
            }
        }
        uint32_t next = has_lines && i >= line + LINE_MIN && count % 8 == 0
                            ? next_line(w, i)
                            : i;
        if (next == i || i >= start + RUN_MAX || digits[cg_at(w, next)] == 0) {
            break;
        }
        i = next;
        line = next;
    }
    cg_at(w, i); /* what ended it was looked at */
    uint32_t padding = i;
    while (alphabet->bits == 6 && i < padding + 2 && cg_at(w, i) == '=') {
        i++;
    }
    run->end = i;
    return i - start >= alphabet->least;
}

/* Does the line that begins here go on what the line before began? */
static bool is_next_line(const cg_window_t *w, uint32_t start)
{
    uint32_t i = start;
    if (cg_before(w, i) != '\n') {
        return false;
    }
    i--;
    i -= cg_before(w, i) == '\r';
    uint32_t end = i;
    while (i > 0 && end - i < LINE_MIN && cg_b64_value(w->text[i - 1]) >= 0) {
        i--;
    }
    return end - i == LINE_MIN;
}

/* A pair of hexadecimal digits at i, perhaps after 0x; returns where it ends. */
static uint32_t read_pair(cg_window_t *w, uint32_t i, int *byte)
{
    if (cg_at(w, i) == '0' && (cg_at(w, i + 1) | 0x20) == 'x') {
        i += 2;
    }
    int high = hex_digit(cg_at(w, i));
    int low = high < 0 ? -1 : hex_digit(cg_at(w, i + 1));
    *byte = high * 16 + low;
    return low < 0 || cg_is(cg_at(w, i + 2), CG_C_ALNUM) ? 0 : i + 2;
}

static bool is_between_pairs(unsigned c)
{
    return c == ' ' || c == ':' || c == '-' || c == ',';
}

static bool decode_pairs(cg_window_t *w, uint32_t start, encoded_t *run)
{
    uint32_t i = start;
    uint32_t pairs = 0;
    run->len = 0;
    run->more = 0;
    while (i < start + RUN_MAX) {
        int byte;
        uint32_t end = read_pair(w, i, &byte);
        if (end == 0) {
            break;
        }
        if (!take(run, (unsigned char)byte)) {
            return false;
        }
        pairs++;
        run->end = end;
        if (!is_between_pairs(cg_at(w, end))) {
            break;
        }
        i = end + 1;
        i += cg_at(w, end) == ',' && cg_at(w, i) == ' ';
    }
    return pairs >= PAIRS_MIN;
}

/* Does a pair stand before? Then this is the middle of a row. */
static bool is_after_pair(const cg_window_t *w, uint32_t start)
{
    uint32_t i = start;
    i -= i > 1 && w->text[i - 1] == ' ' && w->text[i - 2] == ',';
    return i >= 3 && is_between_pairs(w->text[i - 1]) &&
           cg_is(w->text[i - 2], CG_C_HEX) && cg_is(w->text[i - 3], CG_C_HEX);
}

typedef struct found_t {
    bool is_found;
    uint8_t type;
    int16_t rule;
} found_t;

static void on_finding(void *ctx, uint32_t start, uint32_t end,
                       const cg_candidate_t *what, bool continues)
{
    found_t *found = ctx;
    (void)start;
    (void)end;
    if (!continues && !found->is_found) {
        *found = (found_t){true, what->type, what->rule};
    }
}

static void look_through(cg_window_t *w, uint32_t start, const encoded_t *run)
{
    unsigned char text[CG_LEFT_BYTES + TEXT_MAX];
    cg_break_t breaks[TEXT_MAX + 2];
    cg_candidate_t candidates[CANDIDATES];
    cg_room_t room = {text, breaks, TEXT_MAX + 2, candidates, CANDIDATES};
    cg_engine_t engine;
    found_t found = {0};
    uint32_t at = 0;
    cg_engine_init(&engine, w->rules, false);
    while (at < run->len && !found.is_found) {
        uint32_t done = cg_engine_run(&engine, run->text + at, run->len - at,
                                      true, &room, on_finding, &found);
        if (done == 0) {
            return;
        }
        at += done;
    }
    if (found.is_found) {
        cg_candidate_plain(w, start, run->end, found.type, 70, found.rule,
                           CG_SWALLOW_NONE);
    }
}

void cg_scan_encoded(cg_window_t *w, uint32_t start)
{
    encoded_t run;
    if (cg_b64_value(cg_before(w, start)) >= 0) {
        return;
    }
    uint32_t digits = start;
    if (cg_at(w, start) == '0' && (cg_at(w, start + 1) | 0x20) == 'x') {
        digits += 2;
    }
    bool has_lines = !is_next_line(w, start);
    if (decode(w, digits, &hexadecimal, has_lines, &run) &&
        cg_at(w, run.end) != '=' && cg_b64_value(cg_at(w, run.end)) < 0) {
        look_through(w, start, &run);
        return;
    }
    if (decode(w, start, &base64, has_lines, &run)) {
        look_through(w, start, &run);
    }
}

void cg_scan_pairs(cg_window_t *w, uint32_t start)
{
    encoded_t run;
    if (!is_after_pair(w, start) && decode_pairs(w, start, &run)) {
        look_through(w, start, &run);
    }
}
