/* Could a match of some regex still begin, or grow, at the end of this text?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The engine that matches does not tell what is half matched, so a stream would
 * have to hold back the longest possible match, always. This is a small reader
 * of the same expressions that only answers that question. Each character of an
 * expression is a position; which positions may come first, and which may
 * follow which, is all there is (Glushkov's automaton). Anchors and word edges
 * are taken as fulfilled. What is not understood makes it give up.
 */
#include "redact/prefix.h"

#include <string.h>

#define POSITIONS_MAX 512
#define WORDS (POSITIONS_MAX / 64)
#define REPEAT_MAX 256
#define DEPTH_MAX 24

typedef struct set_t {
    uint64_t bits[WORDS];
} set_t;

struct cg_prefix_t {
    int count;
    set_t first;
    set_t follow[POSITIONS_MAX];
    set_t by_byte[256]; /* the positions a byte stands at */
};

/* What a part of an expression may begin and end with. */
typedef struct part_t {
    set_t first;
    set_t last;
    bool is_nullable;
} part_t;

typedef struct reader_t {
    cg_prefix_t *prefix;
    const char *at;
    const char *end;
    bool is_caseless;
    bool has_failed;
    int depth;
} reader_t;

typedef struct class_t {
    bool has[256];
} class_t;

static part_t read_either(reader_t *reader);

static void add(set_t *set, const set_t *other)
{
    for (int i = 0; i < WORDS; i++) {
        set->bits[i] |= other->bits[i];
    }
}

static bool is_in(const set_t *set, int at)
{
    return set->bits[at / 64] >> (at % 64) & 1;
}

/* Every position of from may be followed by those of to. */
static void link_sets(cg_prefix_t *prefix, const set_t *from, const set_t *to)
{
    for (int i = 0; i < prefix->count; i++) {
        if (is_in(from, i)) {
            add(&prefix->follow[i], to);
        }
    }
}

static part_t fail(reader_t *reader)
{
    reader->has_failed = true;
    return (part_t){.is_nullable = true};
}

static part_t nothing(void)
{
    return (part_t){.is_nullable = true};
}

static part_t new_position(reader_t *reader, const class_t *class)
{
    part_t part = {.is_nullable = false};
    cg_prefix_t *prefix = reader->prefix;
    if (prefix->count == POSITIONS_MAX) {
        return fail(reader);
    }
    int at = prefix->count++;
    uint64_t bit = UINT64_C(1) << (at % 64);
    for (int c = 0; c < 256; c++) {
        int other = c >= 'A' && c <= 'Z'   ? c + 32
                    : c >= 'a' && c <= 'z' ? c - 32
                                           : c;
        if (class->has[c] || (reader->is_caseless && class->has[other])) {
            prefix->by_byte[c].bits[at / 64] |= bit;
        }
    }
    part.first.bits[at / 64] = bit;
    part.last.bits[at / 64] = bit;
    return part;
}

/* One after the other. */
static part_t join(reader_t *reader, const part_t *a, const part_t *b)
{
    part_t part = {.first = a->first,
                   .last = b->last,
                   .is_nullable = a->is_nullable && b->is_nullable};
    link_sets(reader->prefix, &a->last, &b->first);
    if (a->is_nullable) {
        add(&part.first, &b->first);
    }
    if (b->is_nullable) {
        add(&part.last, &a->last);
    }
    return part;
}

static void set_range(class_t *class, int from, int to)
{
    for (int c = from; c <= to; c++) {
        class->has[c] = true;
    }
}

static void invert(class_t *class)
{
    for (int c = 0; c < 256; c++) {
        class->has[c] = !class->has[c];
    }
}

/* \d \w \s and their opposites. */
static bool set_named(class_t *class, char name)
{
    class_t named = {{false}};
    switch (name | 0x20) {
    case 'd':
        set_range(&named, '0', '9');
        break;
    case 'w':
        set_range(&named, '0', '9');
        set_range(&named, 'A', 'Z');
        set_range(&named, 'a', 'z');
        named.has['_'] = true;
        break;
    case 's':
        set_range(&named, '\t', '\r');
        named.has[' '] = true;
        break;
    default:
        return false;
    }
    if (!(name & 0x20)) {
        invert(&named);
    }
    for (int c = 0; c < 256; c++) {
        class->has[c] = class->has[c] || named.has[c];
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte an escape stands for, reader->at behind the backslash. -1: none. */
static int read_escape(reader_t *reader)
{
    static const char names[] = "ntrfae";
    static const char bytes[] = "\n\t\r\f\a\033";
    if (reader->at >= reader->end) {
        return -1;
    }
    char c = *reader->at++;
    const char *named = strchr(names, c);
    if (c && named) {
        return (unsigned char)bytes[named - names];
    }
    if (c == 'x' && reader->end - reader->at >= 2) {
        int high = hex_digit(reader->at[0]);
        int low = hex_digit(reader->at[1]);
        reader->at += 2;
        return high < 0 || low < 0 ? -1 : high * 16 + low;
    }
    bool is_word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                   (c >= 'a' && c <= 'z');
    return is_word ? -1 : (unsigned char)c;
}

/* One member of a class in brackets; -1: it was a whole class, or failed. */
static int read_member(reader_t *reader, class_t *class)
{
    char c = *reader->at++;
    if (c == '[' && reader->at < reader->end && strchr(":.=", *reader->at)) {
        reader->has_failed = true;
        return -1;
    }
    if (c != '\\') {
        return (unsigned char)c;
    }
    if (reader->at < reader->end && set_named(class, *reader->at)) {
        reader->at++;
        return -1;
    }
    if (reader->at < reader->end && *reader->at == 'b') {
        reader->at++;
        return '\b';
    }
    int byte = read_escape(reader);
    reader->has_failed = reader->has_failed || byte < 0;
    return byte;
}

/* [a-z_], reader->at behind the bracket. */
static part_t read_class(reader_t *reader)
{
    class_t class = {{false}};
    bool is_inverted = reader->at < reader->end && *reader->at == '^';
    reader->at += is_inverted;
    bool is_first = true;
    while (reader->at < reader->end && (*reader->at != ']' || is_first)) {
        is_first = false;
        int from = read_member(reader, &class);
        if (reader->has_failed) {
            return fail(reader);
        }
        if (from < 0) {
            continue;
        }
        int to = from;
        if (reader->end - reader->at >= 2 && reader->at[0] == '-' &&
            reader->at[1] != ']') {
            reader->at++;
            to = read_member(reader, &class);
            if (to < from) {
                return fail(reader);
            }
        }
        set_range(&class, from, to);
    }
    if (reader->at >= reader->end) {
        return fail(reader);
    }
    reader->at++;
    /* The other case first: what a caseless class leaves out, it leaves out in
     * both. */
    for (int c = 'a'; reader->is_caseless && c <= 'z'; c++) {
        bool has = class.has[c] || class.has[c - 32];
        class.has[c] = class.has[c - 32] = has;
    }
    if (is_inverted) {
        invert(&class);
    }
    return new_position(reader, &class);
}

/* (…), (?:…), (?i:…), (?i); reader->at behind the parenthesis. */
static part_t read_group(reader_t *reader)
{
    bool was_caseless = reader->is_caseless;
    if (reader->at < reader->end && *reader->at == '?') {
        reader->at++;
        while (reader->at < reader->end && strchr("imsx-", *reader->at)) {
            if (*reader->at != 'i') {
                return fail(reader);
            }
            reader->is_caseless = true;
            reader->at++;
        }
        if (reader->at < reader->end && *reader->at == ')') {
            reader->at++;
            return nothing();
        }
        if (reader->at >= reader->end || *reader->at != ':') {
            return fail(reader);
        }
        reader->at++;
    }
    part_t part = read_either(reader);
    if (reader->at >= reader->end || *reader->at != ')') {
        return fail(reader);
    }
    reader->at++;
    reader->is_caseless = was_caseless;
    return part;
}

static part_t read_backslash(reader_t *reader)
{
    class_t class = {{false}};
    if (reader->at >= reader->end) {
        return fail(reader);
    }
    if (strchr("bBAzZG", *reader->at)) {
        reader->at++;
        return nothing();
    }
    if (set_named(&class, *reader->at)) {
        reader->at++;
        return new_position(reader, &class);
    }
    int byte = read_escape(reader);
    if (byte < 0) {
        return fail(reader);
    }
    class.has[byte] = true;
    return new_position(reader, &class);
}

static part_t read_atom(reader_t *reader)
{
    class_t class = {{false}};
    char c = *reader->at++;
    switch (c) {
    case '(':
        return read_group(reader);
    case '[':
        return read_class(reader);
    case '\\':
        return read_backslash(reader);
    case '^':
    case '$':
        return nothing();
    case '.':
        invert(&class);
        return new_position(reader, &class);
    case '*':
    case '+':
    case '?':
        return fail(reader);
    default:
        class.has[(unsigned char)c] = true;
        return new_position(reader, &class);
    }
}

/* Reads {m}, {m,}, {m,n} at a brace. False: the brace is a plain one. */
static bool read_bounds(reader_t *reader, int *least, int *most)
{
    const char *p = reader->at + 1;
    int values[2] = {0, -1};
    int digits = 0;
    for (int i = 0; i < 2; i++) {
        digits = 0;
        while (p < reader->end && *p >= '0' && *p <= '9' && digits < 5) {
            values[i] = (digits ? values[i] * 10 : 0) + (*p++ - '0');
            digits++;
        }
        if (i == 0 && (digits == 0 || p >= reader->end)) {
            return false;
        }
        if (i == 0 && *p == '}') {
            values[1] = values[0];
            break;
        }
        if (i == 0 && *p++ != ',') {
            return false;
        }
    }
    if (p >= reader->end || *p != '}') {
        return false;
    }
    reader->at = p + 1;
    *least = values[0];
    *most = values[1];
    return true;
}

/* How often the atom before may stand: -1 for without end. */
static void read_quantifier(reader_t *reader, int *least, int *most)
{
    char c = reader->at < reader->end ? *reader->at : 0;
    *least = 1;
    *most = 1;
    if (c == '*' || c == '+' || c == '?') {
        reader->at++;
        *least = c == '+';
        *most = c == '?' ? 1 : -1;
    }
    else if (c != '{' || !read_bounds(reader, least, most)) {
        return;
    }
    if (reader->at < reader->end && *reader->at == '?') {
        reader->at++;
    }
}

/* An atom as often as its quantifier says: read anew for every copy. */
static part_t read_repeated(reader_t *reader)
{
    const char *atom = reader->at;
    int least;
    int most;
    bool is_caseless = reader->is_caseless;
    part_t part = read_atom(reader);
    read_quantifier(reader, &least, &most);
    const char *rest = reader->at;
    int copies = most < 0 ? (least > 1 ? least : 1) : most;
    if (reader->has_failed || copies > REPEAT_MAX || copies == 0) {
        return fail(reader);
    }
    part_t all = part;
    all.is_nullable = all.is_nullable || least == 0;
    for (int i = 1; i < copies && !reader->has_failed; i++) {
        bool was_caseless = reader->is_caseless;
        reader->at = atom;
        reader->is_caseless = is_caseless;
        part = read_atom(reader);
        reader->is_caseless = was_caseless;
        part.is_nullable = part.is_nullable || i >= least;
        all = join(reader, &all, &part);
    }
    if (most < 0) {
        link_sets(reader->prefix, &part.last, &part.first);
    }
    reader->at = rest;
    return all;
}

static part_t read_sequence(reader_t *reader)
{
    part_t all = nothing();
    while (reader->at < reader->end && *reader->at != '|' &&
           *reader->at != ')' && !reader->has_failed) {
        part_t part = read_repeated(reader);
        all = join(reader, &all, &part);
    }
    return all;
}

static part_t read_either(reader_t *reader)
{
    reader->depth++;
    if (reader->depth > DEPTH_MAX) {
        return fail(reader);
    }
    part_t all = read_sequence(reader);
    while (reader->at < reader->end && *reader->at == '|' &&
           !reader->has_failed) {
        reader->at++;
        part_t part = read_sequence(reader);
        add(&all.first, &part.first);
        add(&all.last, &part.last);
        all.is_nullable = all.is_nullable || part.is_nullable;
    }
    reader->depth--;
    return all;
}

cg_prefix_t *cg_prefix_create(const cg_regex_t *regexes, size_t count,
                              apr_pool_t *pool)
{
    cg_prefix_t *prefix = apr_pcalloc(pool, sizeof *prefix);
    for (size_t i = 0; i < count; i++) {
        reader_t reader = {.prefix = prefix,
                           .at = regexes[i].regex,
                           .end = regexes[i].regex + strlen(regexes[i].regex),
                           .is_caseless = regexes[i].is_caseless};
        part_t part = read_either(&reader);
        if (reader.has_failed || reader.at != reader.end) {
            return NULL;
        }
        add(&prefix->first, &part.first);
    }
    return prefix;
}

/* Can the bytes [start, n) be the beginning of a match? */
static bool is_beginning(const cg_prefix_t *prefix, const unsigned char *text,
                         uint32_t start, uint32_t n)
{
    set_t state = prefix->first;
    int words = (prefix->count + 63) / 64;
    for (uint32_t i = start; i < n; i++) {
        const set_t *here = &prefix->by_byte[text[i]];
        set_t next = {{0}};
        bool is_alive = false;
        for (int k = 0; k < words; k++) {
            uint64_t bits = state.bits[k] & here->bits[k];
            is_alive = is_alive || bits;
            while (bits) {
                int at = k * 64 + __builtin_ctzll(bits);
                bits &= bits - 1;
                add(&next, &prefix->follow[at]);
            }
        }
        if (!is_alive) {
            return false;
        }
        state = next;
    }
    return true;
}

uint32_t cg_prefix_open(const cg_prefix_t *prefix, const unsigned char *text,
                        uint32_t from, uint32_t n)
{
    while (from < n && !is_beginning(prefix, text, from, n)) {
        from++;
    }
    return from;
}
