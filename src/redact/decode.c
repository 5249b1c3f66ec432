/* Base64 and hexadecimal runs: decoded once, and looked through.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only what decodes to text is looked through; a picture ends after its first
 * bytes. If a value is found the whole run is the finding, for there is no
 * telling which characters of it to leave.
 */
#include <string.h>

#include "redact/redact_int.h"

#define RUN_MIN 24    /* characters */
#define RUN_MAX 2048  /* of a run so many are looked at */
#define TEXT_MAX 1600 /* decoded bytes */
#define SAMPLE 18     /* decoded bytes that must be text */
#define CANDIDATES 48

static int b64_digit(unsigned c)
{
    if (cg_is(c, CG_C_UPPER)) {
        return (int)c - 'A';
    }
    if (cg_is(c, CG_C_LOWER)) {
        return (int)c - 'a' + 26;
    }
    if (cg_is(c, CG_C_DIGIT)) {
        return (int)c - '0' + 52;
    }
    if (c == '+' || c == '-') {
        return 62;
    }
    return c == '/' || c == '_' ? 63 : -1;
}

static int hex_digit(unsigned c)
{
    if (!cg_is(c, CG_C_HEX)) {
        return -1;
    }
    return cg_is(c, CG_C_DIGIT) ? (int)c - '0' : (int)(c | 0x20) - 'a' + 10;
}

/* ASCII text, or the beginning of UTF-8. */
static bool is_text_byte(unsigned char c)
{
    return c >= 0x20 ? c != 0x7f : c == '\n' || c == '\r' || c == '\t';
}

typedef struct encoded_t {
    uint32_t end; /* after its last character, padding included */
    uint32_t len; /* decoded bytes */
    char text[TEXT_MAX];
} encoded_t;

/* Decodes from start while characters of the alphabet stand there; bits is 6
 * or 4. False: too short, or no text. */
static bool decode(cg_window_t *w, uint32_t start, int bits, encoded_t *run)
{
    uint32_t held = 0;
    int count = 0;
    uint32_t i = start;
    run->len = 0;
    while (i < start + RUN_MAX) {
        unsigned c = cg_at(w, i);
        int digit = bits == 6 ? b64_digit(c) : hex_digit(c);
        if (digit < 0) {
            break;
        }
        i++;
        held = held << bits | (uint32_t)digit;
        count += bits;
        if (count < 8) {
            continue;
        }
        count -= 8;
        unsigned char byte = (unsigned char)(held >> count);
        if (!is_text_byte(byte)) {
            return false;
        }
        if (run->len < TEXT_MAX) {
            run->text[run->len++] = (char)byte;
        }
        if (run->len == SAMPLE &&
            cg_utf8_whole(run->text, SAMPLE) + 3 < SAMPLE) {
            return false;
        }
    }
    while (bits == 6 && cg_at(w, i) == '=') {
        i++;
    }
    run->end = i;
    return i - start >= RUN_MIN &&
           cg_utf8_whole(run->text, run->len) + 3 >= run->len;
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
    unsigned before = cg_before(w, start);
    if (b64_digit(before) >= 0) {
        return;
    }
    if (decode(w, start, 4, &run) && cg_at(w, run.end) != '=' &&
        b64_digit(cg_at(w, run.end)) < 0) {
        look_through(w, start, &run);
        return;
    }
    if (decode(w, start, 6, &run)) {
        look_through(w, start, &run);
    }
}
