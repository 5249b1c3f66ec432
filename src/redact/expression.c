/* How large does a regular expression become when it is written out?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Of each part four numbers are known: how many characters it is written out,
 * how many of them may come first and last, and how many pairs may follow each
 * other. They follow from those of its parts (Glushkov's automaton, counted
 * instead of built), so nested repeats cost a loop of their own bound at most.
 */
#include "redact/expression.h"

#include <string.h>

#define REPEAT_MAX 1000
#define ENOUGH                                                                 \
    (UINT64_C(1) << 40) /* beyond every limit; keeps products small */

/* How many bytes stand for one character: more than one for what may be any
 * character of a script, as UTF-8 has them in several lengths. */
enum { ONE = 1, ANY = 8, SCRIPT = 120 };

typedef struct part_t {
    uint64_t positions;
    uint64_t first;
    uint64_t last;
    uint64_t links;
    bool is_nullable;
} part_t;

/* Scripts that may be named. A category such as \p{L} is hundreds of ranges, and
 * costs seconds and megabytes. */
static const char *const scripts[] = {
    "Han",   "Hiragana", "Katakana", "Hangul", "Cyrillic",
    "Greek", "Latin",    "Arabic",   "Hebrew", "Thai"};

typedef struct reader_t {
    bool has_foreign; /* a category, or a switch of the compiler's own */
    const char *at;
    int depth;
    int deepest;
} reader_t;

static part_t read_either(reader_t *reader);

static uint64_t at_most(uint64_t number)
{
    return number < ENOUGH ? number : ENOUGH;
}

static uint64_t pairs(uint64_t a, uint64_t b)
{
    a = a < (1 << 20) ? a : 1 << 20;
    b = b < (1 << 20) ? b : 1 << 20;
    return a * b;
}

static part_t character(uint64_t weight)
{
    uint64_t edge = weight == ONE ? ONE : weight / 2;
    return (part_t){
        .positions = weight, .first = edge, .last = edge, .links = weight - 1};
}

static part_t join(part_t a, part_t b)
{
    return (part_t){.positions = at_most(a.positions + b.positions),
                    .first = at_most(a.first + (a.is_nullable ? b.first : 0)),
                    .last = at_most(b.last + (b.is_nullable ? a.last : 0)),
                    .links =
                        at_most(a.links + b.links + pairs(a.last, b.first)),
                    .is_nullable = a.is_nullable && b.is_nullable};
}

/* {Han} behind \p or \P; at stands at the brace. */
static void check_script(reader_t *reader)
{
    size_t len = *reader->at == '{' ? strcspn(reader->at, "}") : 0;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        if (len == strlen(scripts[i]) + 1 &&
            strncmp(reader->at + 1, scripts[i], len - 1) == 0) {
            return;
        }
    }
    reader->has_foreign = true;
}

static part_t read_class(reader_t *reader)
{
    uint64_t weight = ONE;
    bool is_first = true;
    weight = *reader->at == '^' ? ANY : ONE;
    reader->at += *reader->at == '^';
    while (*reader->at && (*reader->at != ']' || is_first)) {
        is_first = false;
        if ((unsigned char)*reader->at >= 0x80) {
            weight = weight > ANY ? weight : ANY;
        }
        if (*reader->at == '\\' && reader->at[1]) {
            reader->at++;
            bool is_script = *reader->at == 'p' || *reader->at == 'P';
            bool is_wide = strchr("DSWx", *reader->at) != NULL;
            weight = is_script                 ? SCRIPT
                     : is_wide && weight < ANY ? ANY
                                               : weight;
            if (is_script) {
                reader->at++;
                check_script(reader);
                continue;
            }
        }
        reader->at++;
    }
    reader->at += *reader->at == ']';
    return character(weight);
}

/* Behind a backslash: one character, or a class by its name. */
static part_t read_backslash(reader_t *reader)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    char c = *reader->at;
    if (!c) {
        return character(ONE);
    }
    reader->at++;
    if (c == 'p' || c == 'P') {
        check_script(reader);
    }
    if (*reader->at == '{' && strchr("xpP", c)) {
        reader->at += strcspn(reader->at, "}");
        reader->at += *reader->at == '}';
    }
    for (int i = 0; c == 'x' && i < 2 && strchr(hex, *reader->at); i++) {
        reader->at += *reader->at != 0;
    }
    if (c == 'p' || c == 'P') {
        return character(SCRIPT);
    }
    return character(strchr("DSWXRN", c) ? ANY : ONE);
}

static part_t read_group(reader_t *reader)
{
    reader->depth++;
    reader->deepest =
        reader->depth > reader->deepest ? reader->depth : reader->deepest;
    reader->has_foreign = reader->has_foreign || *reader->at == '*';
    if (*reader->at == '?') {
        reader->at += strcspn(reader->at, ":)");
        reader->at += *reader->at == ':';
    }
    /* What is too deep is not gone into: the caller's stack has an end. */
    part_t part = {.is_nullable = true};
    if (reader->depth <= CG_EXPRESSION_DEPTH_MAX) {
        part = read_either(reader);
        reader->at += *reader->at == ')';
    }
    else {
        reader->at += strlen(reader->at);
    }
    reader->depth--;
    return part;
}

static part_t read_atom(reader_t *reader)
{
    unsigned char c = (unsigned char)*reader->at++;
    if (c == '(') {
        return read_group(reader);
    }
    if (c == '[') {
        return read_class(reader);
    }
    if (c == '\\') {
        return read_backslash(reader);
    }
    if (c >= 0xC0) {
        uint64_t bytes = 1;
        while (((unsigned char)*reader->at & 0xC0) == 0x80) {
            reader->at++;
            bytes++;
        }
        return (part_t){bytes, 1, 1, bytes - 1, false};
    }
    return character(c == '.' ? ANY : ONE);
}

/* {m}, {m,}, {m,n} at a brace; false: the brace is a plain one. */
static bool read_bounds(reader_t *reader, uint64_t *least, uint64_t *most)
{
    const char *p = reader->at + 1;
    uint64_t numbers[2] = {0, 0};
    bool is_open = false;
    size_t digits = 0;
    for (int i = 0; i < 2; i++) {
        for (digits = 0; *p >= '0' && *p <= '9'; p++, digits++) {
            numbers[i] = at_most(numbers[i] * 10 + (uint64_t)(*p - '0'));
        }
        if (i == 0 && digits == 0) {
            return false;
        }
        if (i == 0 && *p != ',') {
            numbers[1] = numbers[0];
            break;
        }
        is_open = i == 1 && digits == 0;
        p += i == 0;
    }
    if (*p != '}') {
        return false;
    }
    reader->at = p + 1;
    *least = numbers[0];
    *most = is_open ? UINT64_MAX : numbers[1];
    return true;
}

static part_t repeat(part_t one, uint64_t least, uint64_t most)
{
    uint64_t copies = most == UINT64_MAX ? least : most;
    copies = copies < 1 ? 1 : copies;
    if (copies > REPEAT_MAX) {
        return (part_t){ENOUGH, ENOUGH, ENOUGH, ENOUGH, false};
    }
    part_t all = one;
    all.is_nullable = one.is_nullable || least == 0;
    for (uint64_t i = 1; i < copies; i++) {
        part_t next = one;
        next.is_nullable = one.is_nullable || i >= least;
        all = join(all, next);
    }
    if (most == UINT64_MAX) {
        all.links = at_most(all.links + pairs(one.last, one.first));
    }
    return all;
}

static part_t read_repeated(reader_t *reader)
{
    part_t part = read_atom(reader);
    for (;;) {
        uint64_t least = 1;
        uint64_t most = 1;
        char c = *reader->at;
        if (c == '*' || c == '+' || c == '?') {
            reader->at++;
            least = c == '+';
            most = c == '?' ? 1 : UINT64_MAX;
        }
        else if (c != '{' || !read_bounds(reader, &least, &most)) {
            return part;
        }
        part = repeat(part, least, most);
    }
}

static part_t read_sequence(reader_t *reader)
{
    part_t all = {.is_nullable = true};
    while (*reader->at && *reader->at != '|' && *reader->at != ')') {
        all = join(all, read_repeated(reader));
    }
    return all;
}

static part_t read_either(reader_t *reader)
{
    part_t all = read_sequence(reader);
    while (*reader->at == '|') {
        reader->at++;
        part_t part = read_sequence(reader);
        all.positions = at_most(all.positions + part.positions);
        all.first = at_most(all.first + part.first);
        all.last = at_most(all.last + part.last);
        all.links = at_most(all.links + part.links);
        all.is_nullable = all.is_nullable || part.is_nullable;
    }
    return all;
}

bool cg_expression_measure(const char *regex, cg_expression_size_t *out)
{
    reader_t reader = {.at = regex};
    size_t len = strnlen(regex, CG_EXPRESSION_BYTES_MAX + 1);
    *out = (cg_expression_size_t){.positions = ENOUGH, .links = ENOUGH};
    if (len > CG_EXPRESSION_BYTES_MAX) {
        return false;
    }
    part_t all = {.is_nullable = true};
    while (*reader.at) { /* a parenthesis too many ends an expression early */
        all = join(all, read_either(&reader));
        reader.at += *reader.at == ')';
    }
    *out = (cg_expression_size_t){all.positions, all.links, reader.deepest,
                                  reader.has_foreign};
    return all.positions <= CG_EXPRESSION_POSITIONS_MAX &&
           all.links <= CG_EXPRESSION_LINKS_MAX &&
           reader.deepest <= CG_EXPRESSION_DEPTH_MAX && !reader.has_foreign;
}
