/* Could a match of some regex still begin, or grow, at the end of this text?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The engine that matches does not tell what is half matched, so a stream would
 * have to hold back the longest possible match, always. This is a small reader
 * of the same expressions that only answers that question. Each character of an
 * expression is a position; which positions may come first, and which may
 * follow which, is all there is (Glushkov's automaton). Anchors and word edges
 * are taken as fulfilled. What is not understood makes it give up.
 *
 * A character beyond ASCII is the bytes of its UTF-8; a class that may hold some
 * is a first byte and any that go on. As many regexes as have room, of the same
 * packs, share a machine.
 */
#include "redact/prefix.h"

#include <string.h>

#include <apr_strings.h>

#define POSITIONS_MAX 512
#define WORDS (POSITIONS_MAX / 64)
#define REPEAT_MAX 256
#define DEPTH_MAX 24

typedef struct set_t {
    uint64_t bits[WORDS];
} set_t;

typedef struct machine_t {
    uint64_t packs;
    int32_t count;
    int32_t unused;
    set_t first;
    set_t follow[POSITIONS_MAX];
    set_t by_byte[256]; /* the positions a byte stands at */
} machine_t;

/* A regex that could not be read. */
typedef struct unread_t {
    uint64_t packs;
    uint64_t width;
} unread_t;

/* Without a pointer, so that it can be a part of a file: this, then the machines,
 * then the regexes that could not be read. */
typedef struct block_t {
    uint64_t machine_count;
    uint64_t unread_count;
} block_t;

struct cg_prefix_t {
    const block_t *block;
    const machine_t *machines;
    const unread_t *unread;
    size_t bytes;
};

/* What a part of an expression may begin and end with. */
typedef struct part_t {
    set_t first;
    set_t last;
    bool is_nullable;
} part_t;

typedef struct reader_t {
    machine_t *machine;
    const char *at;
    const char *end;
    bool is_caseless;
    bool is_bytes; /* beyond ASCII every byte is a character */
    bool has_failed;
    bool is_full; /* there was no more room: another machine may have it */
    int depth;
} reader_t;

typedef struct class_t {
    bool has[128];
    bool is_wide; /* it may hold characters beyond ASCII */
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
static void link_sets(machine_t *machine, const set_t *from, const set_t *to)
{
    for (int i = 0; i < machine->count; i++) {
        if (is_in(from, i)) {
            add(&machine->follow[i], to);
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

/* A position at which the bytes from .. to, and those of class, may stand. */
static part_t new_position(reader_t *reader, const class_t *class, int from,
                           int to)
{
    part_t part = {.is_nullable = false};
    machine_t *machine = reader->machine;
    if (machine->count == POSITIONS_MAX) {
        reader->is_full = true;
        return fail(reader);
    }
    int at = machine->count++;
    uint64_t bit = UINT64_C(1) << (at % 64);
    for (int c = 0; c < 256; c++) {
        bool has = c < 128 && class && class->has[c];
        if (has || (c >= from && c <= to)) {
            machine->by_byte[c].bits[at / 64] |= bit;
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
    link_sets(reader->machine, &a->last, &b->first);
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
    for (int c = from; c <= to && c < 128; c++) {
        class->has[c] = true;
    }
    class->is_wide = class->is_wide || to >= 128;
}

static void invert(class_t *class)
{
    for (int c = 0; c < 128; c++) {
        class->has[c] = !class->has[c];
    }
    class->is_wide = true;
}

/* In both cases. k and s have a third, beyond ASCII. */
static void widen_case(class_t *class)
{
    for (int c = 'a'; c <= 'z'; c++) {
        bool has = class->has[c] || class->has[c - 32];
        class->has[c] = class->has[c - 32] = has;
    }
    class->is_wide = class->is_wide || class->has['k'] || class->has['s'];
}

static part_t new_character(reader_t *reader, class_t *class)
{
    if (reader->is_caseless) {
        widen_case(class);
    }
    int none = 256;
    int first = reader->is_bytes ? 0x80 : 0xC2;
    part_t part =
        new_position(reader, class, class->is_wide ? first : none, 0xFF);
    if (!class->is_wide || reader->is_bytes) {
        return part;
    }
    part_t more = new_position(reader, NULL, 0x80, 0xBF);
    more.is_nullable = true;
    link_sets(reader->machine, &more.last, &more.first);
    return join(reader, &part, &more);
}

/* One character by its code point. */
static part_t new_literal(reader_t *reader, uint32_t cp)
{
    class_t class = {.is_wide = cp >= 128 && reader->is_caseless};
    char bytes[4];
    if (cp < 128) {
        class.has[cp] = true;
    }
    if (cp < 128 || class.is_wide) {
        return new_character(reader, &class);
    }
    int len = cg_utf8_encode(cp, bytes);
    part_t all = {.is_nullable = true};
    for (int i = 0; i < len; i++) {
        int byte = (unsigned char)bytes[i];
        part_t part = new_position(reader, NULL, byte, byte);
        all = join(reader, &all, &part);
    }
    return all;
}

/* \d \w \s and their opposites. */
static bool set_named(class_t *class, char name)
{
    class_t named = {.is_wide = false};
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
    for (int c = 0; c < 128; c++) {
        class->has[c] = class->has[c] || named.has[c];
    }
    class->is_wide = class->is_wide || named.is_wide;
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

/* \x41, \x{4e2d}; reader->at behind the x. -1: neither. */
static int read_hex(reader_t *reader)
{
    bool is_long = reader->at < reader->end && *reader->at == '{';
    int value = 0;
    int digits = 0;
    reader->at += is_long;
    while (reader->at < reader->end && digits < (is_long ? 6 : 2) &&
           hex_digit(*reader->at) >= 0) {
        value = value * 16 + hex_digit(*reader->at++);
        digits++;
    }
    if (is_long && (reader->at >= reader->end || *reader->at++ != '}')) {
        return -1;
    }
    return digits == 0 || value > 0x10FFFF ? -1 : value;
}

/* What an escape stands for, reader->at behind the backslash. -1: none. */
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
    if (c == 'x') {
        return read_hex(reader);
    }
    bool is_word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                   (c >= 'a' && c <= 'z');
    return is_word || (c & 0x80) ? -1 : (unsigned char)c;
}

/* \p{Han}: some characters, nobody here knows which. */
static bool skip_property(reader_t *reader)
{
    if (reader->at >= reader->end || (*reader->at | 0x20) != 'p') {
        return false;
    }
    reader->at++;
    if (reader->at < reader->end && *reader->at == '{') {
        while (reader->at < reader->end && *reader->at != '}') {
            reader->at++;
        }
    }
    reader->at += reader->at < reader->end;
    return true;
}

/* The character at reader->at; -1: it is no UTF-8. */
static int read_character(reader_t *reader)
{
    uint32_t cp = 0;
    int len = cg_utf8_decode(reader->at, reader->end, &cp);
    reader->at += len > 0 ? len : 1;
    reader->has_failed = reader->has_failed || len == 0;
    return len > 0 ? (int)cp : -1;
}

/* One member of a class in brackets; -1: it was a whole class, or failed. */
static int read_member(reader_t *reader, class_t *class)
{
    char c = *reader->at;
    if (c != '\\' && c != '[') {
        return read_character(reader);
    }
    reader->at++;
    if (c == '[') {
        bool is_posix = reader->at < reader->end && strchr(":.=", *reader->at);
        reader->has_failed = reader->has_failed || is_posix;
        return is_posix ? -1 : '[';
    }
    if (reader->at < reader->end && set_named(class, *reader->at)) {
        reader->at++;
        return -1;
    }
    if (skip_property(reader)) {
        set_range(class, 0, 0x10FFFF);
        return -1;
    }
    if (reader->at < reader->end && *reader->at == 'b') {
        reader->at++;
        return '\b';
    }
    int cp = read_escape(reader);
    reader->has_failed = reader->has_failed || cp < 0;
    return cp;
}

/* [a-z_], reader->at behind the bracket. */
static part_t read_class(reader_t *reader)
{
    class_t class = {.is_wide = false};
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
    if (reader->is_caseless) {
        widen_case(&class);
    }
    if (is_inverted) {
        invert(&class);
    }
    return new_character(reader, &class);
}

/* $ also holds before a line's end: whether that is the last one, the next piece
 * of text tells. */
static part_t line_end(reader_t *reader)
{
    part_t part = new_position(reader, NULL, '\n', '\n');
    part.is_nullable = true;
    return part;
}

/* (…), (?:…), (?i:…), (?i); reader->at behind the parenthesis. */
static part_t read_group(reader_t *reader)
{
    bool was_caseless = reader->is_caseless;
    if (reader->at < reader->end && *reader->at == '?') {
        reader->at++;
        while (reader->at < reader->end && strchr("imsx-", *reader->at)) {
            if (*reader->at == 'x' || *reader->at == '-') {
                return fail(reader);
            }
            reader->is_caseless = reader->is_caseless || *reader->at == 'i';
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
    class_t class = {.is_wide = false};
    if (reader->at >= reader->end) {
        return fail(reader);
    }
    if (strchr("bBAzZG", *reader->at)) {
        return *reader->at++ == 'Z' ? line_end(reader) : nothing();
    }
    if (set_named(&class, *reader->at)) {
        reader->at++;
        return new_character(reader, &class);
    }
    if (skip_property(reader)) {
        set_range(&class, 0, 0x10FFFF);
        return new_character(reader, &class);
    }
    int cp = read_escape(reader);
    return cp < 0 ? fail(reader) : new_literal(reader, (uint32_t)cp);
}

static part_t read_atom(reader_t *reader)
{
    class_t class = {.is_wide = false};
    int c = read_character(reader);
    switch (c) {
    case '(':
        return read_group(reader);
    case '[':
        return read_class(reader);
    case '\\':
        return read_backslash(reader);
    case '^':
        return nothing();
    case '$':
        return line_end(reader);
    case '.':
        invert(&class);
        return new_character(reader, &class);
    case '*':
    case '+':
    case '?':
    case -1:
        return fail(reader);
    default:
        return new_literal(reader, (uint32_t)c);
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
        link_sets(reader->machine, &part.last, &part.first);
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

typedef enum fit_t { FITS, IS_FULL, IS_UNREAD } fit_t;

/* Adds a regex to a machine, or leaves it as it is. */
static fit_t add_regex(machine_t *machine, const cg_regex_t *regex,
                       machine_t *spare)
{
    *spare = *machine;
    reader_t reader = {.machine = machine,
                       .at = regex->regex,
                       .end = regex->regex + strlen(regex->regex),
                       .is_caseless = regex->is_caseless,
                       .is_bytes = regex->fit == CG_REGEX_BYTES};
    part_t part = read_either(&reader);
    if (!reader.has_failed && reader.at == reader.end) {
        add(&machine->first, &part.first);
        return FITS;
    }
    *machine = *spare;
    return reader.is_full ? IS_FULL : IS_UNREAD;
}

/* lives in: the stack of cg_prefix_create */
typedef struct maker_t {
    machine_t *machines;
    size_t machine_count;
    unread_t *unread;
    size_t unread_count;
    machine_t *spare;
} maker_t;

static fit_t place(maker_t *maker, const cg_regex_t *regex, uint64_t packs)
{
    fit_t fit = IS_FULL;
    size_t last = maker->machine_count;
    bool is_shared = last > 0 && maker->machines[last - 1].packs == packs;
    if (is_shared) {
        fit = add_regex(&maker->machines[last - 1], regex, maker->spare);
    }
    if (fit == IS_FULL) {
        machine_t *machine = &maker->machines[last];
        memset(machine, 0, sizeof *machine);
        machine->packs = packs;
        fit = add_regex(machine, regex, maker->spare);
        maker->machine_count += fit == FITS;
    }
    return fit;
}

static cg_prefix_t *assemble(const maker_t *maker, apr_pool_t *pool)
{
    size_t machines = maker->machine_count * sizeof(machine_t);
    size_t unread = maker->unread_count * sizeof(unread_t);
    char *data = apr_palloc(pool, sizeof(block_t) + machines + unread);
    block_t block = {maker->machine_count, maker->unread_count};
    memcpy(data, &block, sizeof block);
    memcpy(data + sizeof block, maker->machines, machines);
    memcpy(data + sizeof block + machines, maker->unread, unread);
    return cg_prefix_map(data, sizeof block + machines + unread, pool);
}

cg_prefix_t *cg_prefix_create(const cg_regex_t *regexes, const uint32_t *widths,
                              size_t count, apr_pool_t *pool)
{
    apr_pool_t *aside;
    if (count == 0 || apr_pool_create(&aside, pool) != APR_SUCCESS) {
        return NULL;
    }
    maker_t maker = {.machines = apr_palloc(aside, count * sizeof(machine_t)),
                     .unread = apr_palloc(aside, count * sizeof(unread_t)),
                     .spare = apr_palloc(aside, sizeof(machine_t))};
    for (size_t i = 0; i < count; i++) {
        uint64_t packs = regexes[i].packs ? regexes[i].packs : ~UINT64_C(0);
        if (place(&maker, &regexes[i], packs) != FITS) {
            maker.unread[maker.unread_count++] = (unread_t){packs, widths[i]};
        }
    }
    cg_prefix_t *prefix = assemble(&maker, pool);
    apr_pool_destroy(aside);
    return prefix;
}

/* ---- as a part of a file ---- */

size_t cg_prefix_bytes(const cg_prefix_t *prefix, const void **out_block)
{
    *out_block = prefix->block;
    return prefix->bytes;
}

cg_prefix_t *cg_prefix_map(const void *data, size_t len, apr_pool_t *pool)
{
    const block_t *block = data;
    if (len < sizeof *block || block->machine_count > len / sizeof(machine_t) ||
        block->unread_count > len / sizeof(unread_t) ||
        len != sizeof *block + block->machine_count * sizeof(machine_t) +
                   block->unread_count * sizeof(unread_t)) {
        return NULL;
    }
    cg_prefix_t *prefix = apr_palloc(pool, sizeof *prefix);
    prefix->block = block;
    prefix->machines = (const machine_t *)(const void *)(block + 1);
    prefix->unread = (const unread_t *)(const void *)(prefix->machines +
                                                      block->machine_count);
    prefix->bytes = len;
    for (size_t i = 0; i < block->machine_count; i++) {
        int32_t count = prefix->machines[i].count;
        if (count < 0 || count > POSITIONS_MAX) {
            return NULL;
        }
    }
    return prefix;
}

/* ---- asking ---- */

/* Can the bytes [start, n) be the beginning of a match? */
static bool is_beginning(const machine_t *machine, const unsigned char *text,
                         uint32_t start, uint32_t n)
{
    set_t state = machine->first;
    int words = (machine->count + 63) / 64;
    for (uint32_t i = start; i < n; i++) {
        const set_t *here = &machine->by_byte[text[i]];
        set_t next = {{0}};
        bool is_alive = false;
        for (int k = 0; k < words; k++) {
            uint64_t bits = state.bits[k] & here->bits[k];
            is_alive = is_alive || bits;
            while (bits) {
                int at = k * 64 + __builtin_ctzll(bits);
                bits &= bits - 1;
                add(&next, &machine->follow[at]);
            }
        }
        if (!is_alive) {
            return false;
        }
        state = next;
    }
    return true;
}

uint32_t cg_prefix_open(const cg_prefix_t *prefix, uint64_t packs,
                        const unsigned char *text, uint32_t from, uint32_t n)
{
    uint32_t open = n;
    for (size_t i = 0; i < prefix->block->machine_count; i++) {
        const machine_t *machine = &prefix->machines[i];
        uint32_t at = machine->packs & packs ? from : open;
        while (at < open && !is_beginning(machine, text, at, n)) {
            at++;
        }
        open = at;
    }
    return open;
}

uint32_t cg_prefix_unread(const cg_prefix_t *prefix, uint64_t packs)
{
    uint64_t most = 0;
    for (size_t i = 0; i < prefix->block->unread_count; i++) {
        const unread_t *unread = &prefix->unread[i];
        if ((unread->packs & packs) && unread->width > most) {
            most = unread->width;
        }
    }
    return (uint32_t)most;
}
