/* One pass over a JSON document: spans, not values.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The document is read as a row of steps. A step takes one member or element
 * of the innermost open container, or closes it:
 *
 *   {"a":[1,2]}      open {   step "a": open [   step 1   step 2   close ]
 *                    close }
 *
 * so the only memory of what is open is a small array of frames, and a hostile
 * depth ends at its sixty-fifth byte. A first byte picks its reader from a
 * table. Inside strings, where nearly all bytes of a chat stand, sixteen bytes
 * go in one step as long as none of them is a quote, a backslash, a control or
 * the start of a longer UTF-8 sequence.
 *
 * Member names are compared in pairs while an object is small; from the
 * seventeenth on they stand in a hash table whose seed is random, so that an
 * object with 100,000 chosen names still costs no more than its bytes.
 */
#include "base/walk.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/digest.h"
#include "base/walk_int.h"

#define PAIRWISE_MAX 16   /* members compared without a table */
#define NODES_AT_FIRST 32 /* and one more for each ... */
#define BYTES_PER_NODE 128
#define GUESS_MAX 4096

/* ---- bytes of a string ------------------------------------------------ */

#if defined(__SSE2__)
#define STRIDE 16

/* A bit for each of sixteen bytes that needs a look. */
static inline uint64_t odd_ones(const char *p)
{
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i slash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20);
    __m128i bytes;
    memcpy(&bytes, p, sizeof bytes);
    /* Compared as signed, bytes from 0x80 on are below a space too. */
    __m128i odd = _mm_or_si128(_mm_cmplt_epi8(bytes, space),
                               _mm_or_si128(_mm_cmpeq_epi8(bytes, quote),
                                            _mm_cmpeq_epi8(bytes, slash)));
    return (uint64_t)_mm_movemask_epi8(odd);
}

static inline int first_odd(uint64_t odd)
{
    return __builtin_ctzll(odd);
}
#else
#define STRIDE 8
#define EACH_BYTE UINT64_C(0x0101010101010101)
#define HIGH_BITS (EACH_BYTE * 0x80)

/* The high bit of each of eight bytes that needs a look. A borrow can mark a
 * byte above a marked one, never below: the first mark is always right. */
static inline uint64_t odd_ones(const char *p)
{
    uint64_t word = 0;
    for (int i = 0; i < STRIDE; i++) {
        word |= (uint64_t)(unsigned char)p[i] << 8 * i;
    }
    uint64_t quote = word ^ EACH_BYTE * '"';
    uint64_t slash = word ^ EACH_BYTE * '\\';
    uint64_t odd = (quote - EACH_BYTE) | (slash - EACH_BYTE) |
                   (word - EACH_BYTE * 0x20) | word;
    return odd & HIGH_BITS;
}

static inline int first_odd(uint64_t odd)
{
    return __builtin_ctzll(odd) / 8;
}
#endif

static inline bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static inline const char *skip_plain(const char *p, const char *end)
{
    while (end - p >= STRIDE) {
        uint64_t odd = odd_ones(p);
        if (odd) {
            return p + first_odd(odd);
        }
        p += STRIDE;
    }
    while (p < end && is_plain((unsigned char)*p)) {
        p++;
    }
    return p;
}

/* A sound three-byte sequence (most of Chinese, Japanese, Thai) in one look at
 * four bytes: E0-EF, trail, trail; neither overlong nor a surrogate, both of
 * which show in the lead's low bits and bit 5 of the second byte. */
static inline bool is_three(const char *p)
{
    uint32_t a = (unsigned char)p[0];
    uint32_t b = (unsigned char)p[1];
    uint32_t c = (unsigned char)p[2];
    uint32_t word = a | b << 8 | c << 16;
    uint32_t row = word & 0x200F;
    return (word & 0xC0C0F0) == 0x8080E0 && row != 0 && row != 0x200D;
}

/* Moves over bytes from 0x80 on; stops at the first byte below, or where the
 * UTF-8 is not sound. */
static const char *skip_wide(const char *p, const char *end)
{
    while (p < end && (unsigned char)*p >= 0x80) {
        if (end - p >= 3 && is_three(p)) {
            p += 3;
            continue;
        }
        uint32_t cp = 0;
        int len = cg_utf8_decode(p, end, &cp);
        if (len == 0) {
            return p;
        }
        p += len;
    }
    return p;
}

/* ---- the walker ------------------------------------------------------- */

/* Member names of a large object: open addressing, slots of the high half of
 * the hash and the node's number plus one. The block is kept for the next
 * large object of the same depth, which uses as much of it as it needs. */
typedef struct names_t {
    uint64_t *slots;
    uint32_t cap; /* slots there are */
    uint32_t use; /* slots of the present object: a power of two, or 0 */
} names_t;

typedef struct frame_t {
    uint32_t node; /* the container */
    uint32_t last; /* its newest child, or CG_NODE_NONE */
} frame_t;

/* lives on the stack of cg_walk */
typedef struct walker_t {
    const char *text;
    const char *end;
    const char *p; /* next byte */
    cg_node_t *nodes;
    uint32_t count;
    uint32_t cap;
    uint32_t depth; /* containers open */
    bool key_is_escaped;
    uint32_t key_start; /* where the next value belongs: as in cg_node_t */
    uint32_t key_len;
    names_t *names; /* one per depth; made at the first large object */
    uint64_t seed;
    cg_buf_t scratch; /* a decoded member name */
    cg_error_t *err;
    apr_pool_t *pool;
    frame_t frames[CG_WALK_DEPTH_MAX];
} walker_t;

static cg_walk_status_t fail(walker_t *w, cg_walk_status_t status,
                             const char *at, const char *words)
{
    cg_error_set(w->err, "byte %zu: %s", (size_t)(at - w->text), words);
    return status;
}

static cg_walk_status_t unexpected(walker_t *w, const char *words)
{
    return fail(w, CG_WALK_SYNTAX, w->p,
                w->p == w->end ? "the document ends too early" : words);
}

static frame_t *top(walker_t *w)
{
    return &w->frames[w->depth - 1];
}

static bool is_in_array(walker_t *w)
{
    return w->depth && w->nodes[top(w)->node].kind == CG_NODE_ARRAY;
}

static inline void skip_blanks(walker_t *w)
{
    while (w->p < w->end &&
           (*w->p == ' ' || *w->p == '\n' || *w->p == '\t' || *w->p == '\r')) {
        w->p++;
    }
}

static uint32_t offset(const walker_t *w, const char *at)
{
    return (uint32_t)(at - w->text);
}

/* ---- nodes ------------------------------------------------------------ */

static cg_walk_status_t grow_nodes(walker_t *w)
{
    if (w->count >= CG_WALK_NODES_MAX) {
        return fail(w, CG_WALK_TOO_MANY, w->p, "too many strings and members");
    }
    size_t cap = w->cap ? (size_t)w->cap * 2
                        : (size_t)(w->end - w->text) / BYTES_PER_NODE;
    if (w->cap == 0) {
        cap = cap > GUESS_MAX ? GUESS_MAX : cap + NODES_AT_FIRST;
    }
    if (cap > CG_WALK_NODES_MAX) {
        cap = CG_WALK_NODES_MAX;
    }
    cg_node_t *nodes = apr_palloc(w->pool, cap * sizeof *nodes);
    if (!nodes) {
        abort();
    }
    if (w->count) {
        memcpy(nodes, w->nodes, w->count * sizeof *nodes);
    }
    w->nodes = nodes;
    w->cap = (uint32_t)cap;
    return CG_WALK_OK;
}

static cg_walk_status_t add_node(walker_t *w, cg_node_kind_t kind,
                                 const char *start, const char *end,
                                 bool is_escaped)
{
    if (w->count == w->cap) {
        cg_walk_status_t status = grow_nodes(w);
        if (status != CG_WALK_OK) {
            return status;
        }
    }
    uint32_t added = w->count++;
    uint32_t parent = CG_NODE_NONE;
    if (w->depth) {
        frame_t *frame = top(w);
        parent = frame->node;
        if (frame->last == CG_NODE_NONE) {
            w->nodes[parent].child = added;
        }
        else {
            w->nodes[frame->last].next = added;
        }
        frame->last = added;
    }
    w->nodes[added] = (cg_node_t){
        .kind = (uint8_t)kind,
        .is_escaped = is_escaped,
        .key_is_escaped = w->key_is_escaped,
        .depth = (uint8_t)w->depth,
        .start = offset(w, start),
        .end = offset(w, end),
        .parent = parent,
        .next = CG_NODE_NONE,
        .child = CG_NODE_NONE,
        .key_start = w->key_start,
        .key_len = w->key_len,
    };
    return CG_WALK_OK;
}

/* A number or literal that ends before end. In an array it is only counted. */
static cg_walk_status_t add_plain(walker_t *w, cg_node_kind_t kind,
                                  const char *end)
{
    const char *start = w->p;
    w->p = end;
    return is_in_array(w) ? CG_WALK_OK : add_node(w, kind, start, end, false);
}

/* ---- strings ---------------------------------------------------------- */

/* Moves over the escape at the walker's place. */
static cg_walk_status_t check_escape(walker_t *w)
{
    const char *p = w->p;
    if (w->end - p >= 2 && cg_walk_simple_escape(p[1])) {
        w->p += 2;
        return CG_WALK_OK;
    }
    int32_t unit = cg_walk_unicode_escape(p, w->end);
    if (unit < 0) {
        return fail(w, CG_WALK_SYNTAX, p, "not an escape of JSON");
    }
    if (unit == 0) {
        return fail(w, CG_WALK_ENCODING, p, "a NUL character in a string");
    }
    bool is_pair = cg_is_high_surrogate(unit);
    if (cg_is_low_surrogate(unit) ||
        (is_pair &&
         !cg_is_low_surrogate(cg_walk_unicode_escape(p + 6, w->end)))) {
        return fail(w, CG_WALK_ENCODING, p, "an unpaired surrogate");
    }
    w->p += is_pair ? 12 : 6;
    return CG_WALK_OK;
}

/* From after the opening quote to the closing one. */
static cg_walk_status_t scan_string(walker_t *w, bool *out_is_escaped)
{
    *out_is_escaped = false;
    for (;;) {
        w->p = skip_plain(w->p, w->end);
        if (w->p == w->end) {
            return fail(w, CG_WALK_SYNTAX, w->p, "a string is not closed");
        }
        unsigned char c = (unsigned char)*w->p;
        if (c == '"') {
            return CG_WALK_OK;
        }
        if (c < 0x20) {
            return fail(w, CG_WALK_SYNTAX, w->p,
                        "a control character in a string must be escaped");
        }
        if (c == '\\') {
            *out_is_escaped = true;
            cg_walk_status_t status = check_escape(w);
            if (status != CG_WALK_OK) {
                return status;
            }
            continue;
        }
        const char *sound = skip_wide(w->p, w->end);
        if (sound < w->end && (unsigned char)*sound >= 0x80) {
            return fail(w, CG_WALK_ENCODING, sound, "invalid UTF-8");
        }
        w->p = sound;
    }
}

/* ---- member names ----------------------------------------------------- */

/* A member name, decoded; good until the next call. */
static cg_str_t plain_name(walker_t *w, cg_str_t raw, bool is_escaped)
{
    if (!is_escaped) {
        return raw;
    }
    if (raw.len > w->scratch.cap) {
        cg_buf_init(&w->scratch, raw.len * 2, w->pool);
    }
    size_t len = cg_walk_unescape(raw, w->scratch.ptr, NULL);
    return (cg_str_t){w->scratch.ptr, len};
}

static cg_str_t pending_name(walker_t *w)
{
    cg_str_t raw = {w->text + w->key_start, w->key_len};
    return plain_name(w, raw, w->key_is_escaped);
}

static uint64_t hash_of_node(walker_t *w, const cg_node_t *node)
{
    cg_str_t name =
        plain_name(w, cg_walk_key(w->text, node), node->key_is_escaped);
    return cg_hash64(w->seed, name.ptr, name.len);
}

static void put_name(names_t *names, uint64_t hash, uint32_t node)
{
    uint32_t mask = names->use - 1;
    uint32_t i = (uint32_t)hash & mask;
    while (names->slots[i]) {
        i = (i + 1) & mask;
    }
    names->slots[i] = (hash >> 32 << 32) | (node + 1);
}

static bool has_name(const walker_t *w, const names_t *names, uint64_t hash,
                     cg_str_t name)
{
    uint32_t mask = names->use - 1;
    for (uint32_t i = (uint32_t)hash & mask; names->slots[i];
         i = (i + 1) & mask) {
        uint64_t slot = names->slots[i];
        if (slot >> 32 == hash >> 32 &&
            cg_walk_is_named(w->text, &w->nodes[(uint32_t)slot - 1], name)) {
            return true;
        }
    }
    return false;
}

static void make_names(walker_t *w)
{
    w->names = apr_pcalloc(w->pool, CG_WALK_DEPTH_MAX * sizeof *w->names);
    if (!w->names) {
        abort();
    }
    cg_random(&w->seed, sizeof w->seed);
}

/* Lays the names of the open object out over use slots. */
static void lay_names(walker_t *w, names_t *names, uint32_t use)
{
    if (use > names->cap) {
        names->slots = apr_palloc(w->pool, use * sizeof *names->slots);
        names->cap = use;
    }
    if (!names->slots) {
        abort();
    }
    memset(names->slots, 0, use * sizeof *names->slots);
    names->use = use;
    uint32_t i = w->nodes[top(w)->node].child;
    for (; i != CG_NODE_NONE; i = w->nodes[i].next) {
        put_name(names, hash_of_node(w, &w->nodes[i]), i);
    }
}

/* The pending member becomes node w->count: a member always takes one. */
static bool is_known_to_table(walker_t *w, uint32_t members)
{
    if (!w->names) {
        make_names(w);
    }
    names_t *names = &w->names[w->depth - 1];
    if (members == PAIRWISE_MAX) {
        lay_names(w, names, PAIRWISE_MAX * 4);
    }
    else if (members * 2 >= names->use) {
        lay_names(w, names, names->use * 2);
    }
    cg_str_t name = pending_name(w);
    uint64_t hash = cg_hash64(w->seed, name.ptr, name.len);
    if (has_name(w, names, hash, name)) {
        return true;
    }
    put_name(names, hash, w->count);
    return false;
}

static bool is_duplicate(walker_t *w)
{
    const cg_node_t *object = &w->nodes[top(w)->node];
    if (object->length >= PAIRWISE_MAX) {
        return is_known_to_table(w, object->length);
    }
    cg_str_t name = pending_name(w);
    for (uint32_t i = object->child; i != CG_NODE_NONE; i = w->nodes[i].next) {
        if (cg_walk_is_named(w->text, &w->nodes[i], name)) {
            return true;
        }
    }
    return false;
}

/* ---- values ----------------------------------------------------------- */

static cg_walk_status_t take_string(walker_t *w)
{
    const char *start = ++w->p;
    bool is_escaped = false;
    cg_walk_status_t status = scan_string(w, &is_escaped);
    if (status != CG_WALK_OK) {
        return status;
    }
    const char *end = w->p++;
    return add_node(w, CG_NODE_STRING, start, end, is_escaped);
}

static bool is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

static const char *skip_digits(const char *p, const char *end)
{
    while (is_digit(p, end)) {
        p++;
    }
    return p;
}

/* RFC 8259 section 6. On failure the walker stands at the wrong byte. */
static cg_walk_status_t take_number(walker_t *w)
{
    static const char DIGIT_MISSING[] = "a digit is missing in a number";
    const char *start = w->p;
    const char *p = start + (*start == '-');
    bool is_sound = is_digit(p, w->end);
    if (is_sound) {
        p = *p == '0' ? p + 1 : skip_digits(p, w->end);
    }
    if (is_sound && p < w->end && *p == '.') {
        is_sound = is_digit(++p, w->end);
        p = skip_digits(p, w->end);
    }
    if (is_sound && p < w->end && (*p | 0x20) == 'e') {
        p++;
        p += p < w->end && (*p == '+' || *p == '-');
        is_sound = is_digit(p, w->end);
        p = skip_digits(p, w->end);
    }
    if (!is_sound) {
        w->p = p;
        return unexpected(w, DIGIT_MISSING);
    }
    return add_plain(w, CG_NODE_NUMBER, p);
}

static cg_walk_status_t take_word(walker_t *w, const char *word, size_t len,
                                  cg_node_kind_t kind)
{
    if ((size_t)(w->end - w->p) < len || memcmp(w->p, word, len) != 0) {
        return fail(w, CG_WALK_SYNTAX, w->p, "not a value of JSON");
    }
    return add_plain(w, kind, w->p + len);
}

static cg_walk_status_t take_true(walker_t *w)
{
    return take_word(w, "true", 4, CG_NODE_TRUE);
}

static cg_walk_status_t take_false(walker_t *w)
{
    return take_word(w, "false", 5, CG_NODE_FALSE);
}

static cg_walk_status_t take_null(walker_t *w)
{
    return take_word(w, "null", 4, CG_NODE_NULL);
}

static cg_walk_status_t open_container(walker_t *w, cg_node_kind_t kind)
{
    if (w->depth == CG_WALK_DEPTH_MAX) {
        return fail(w, CG_WALK_TOO_DEEP, w->p, "nested too deeply");
    }
    cg_walk_status_t status = add_node(w, kind, w->p, w->p, false);
    if (status != CG_WALK_OK) {
        return status;
    }
    w->frames[w->depth++] = (frame_t){w->count - 1, CG_NODE_NONE};
    w->p++;
    return CG_WALK_OK;
}

static cg_walk_status_t open_object(walker_t *w)
{
    return open_container(w, CG_NODE_OBJECT);
}

static cg_walk_status_t open_array(walker_t *w)
{
    return open_container(w, CG_NODE_ARRAY);
}

typedef cg_walk_status_t take_fn(walker_t *w);

// clang-format off
static take_fn *const TAKE[256] = {
    ['{'] = open_object, ['['] = open_array, ['"'] = take_string,
    ['t'] = take_true,   ['f'] = take_false, ['n'] = take_null,
    ['-'] = take_number,
    ['0'] = take_number, ['1'] = take_number, ['2'] = take_number,
    ['3'] = take_number, ['4'] = take_number, ['5'] = take_number,
    ['6'] = take_number, ['7'] = take_number, ['8'] = take_number,
    ['9'] = take_number,
};
// clang-format on

static cg_walk_status_t take_value(walker_t *w)
{
    take_fn *take = w->p < w->end ? TAKE[(unsigned char)*w->p] : NULL;
    return take ? take(w) : unexpected(w, "a value is missing");
}

/* ---- steps ------------------------------------------------------------ */

static cg_walk_status_t close_container(walker_t *w)
{
    w->nodes[top(w)->node].end = offset(w, ++w->p);
    w->depth--;
    return CG_WALK_OK;
}

/* A name, its colon and the blanks around them. */
static cg_walk_status_t take_name(walker_t *w)
{
    if (w->p == w->end || *w->p != '"') {
        return unexpected(w, "a member name in quotes is missing");
    }
    const char *start = ++w->p;
    cg_walk_status_t status = scan_string(w, &w->key_is_escaped);
    if (status != CG_WALK_OK) {
        return status;
    }
    w->key_start = offset(w, start);
    w->key_len = (uint32_t)(w->p - start);
    if (is_duplicate(w)) {
        return fail(w, CG_WALK_DUPLICATE, start,
                    "this member name stands twice in its object");
    }
    w->p++;
    skip_blanks(w);
    if (w->p == w->end || *w->p != ':') {
        return unexpected(w, "a colon is missing after a member name");
    }
    w->p++;
    skip_blanks(w);
    return CG_WALK_OK;
}

static cg_walk_status_t take_member(walker_t *w)
{
    cg_walk_status_t status = take_name(w);
    if (status != CG_WALK_OK) {
        return status;
    }
    w->nodes[top(w)->node].length++;
    return take_value(w);
}

static cg_walk_status_t take_element(walker_t *w)
{
    w->key_start = w->nodes[top(w)->node].length++;
    w->key_len = 0;
    w->key_is_escaped = false;
    return take_value(w);
}

/* One member or element of the innermost container, or its end. */
static cg_walk_status_t step(walker_t *w)
{
    const cg_node_t *open = &w->nodes[top(w)->node];
    bool is_array = open->kind == CG_NODE_ARRAY;
    skip_blanks(w);
    if (w->p < w->end && *w->p == (is_array ? ']' : '}')) {
        return close_container(w);
    }
    if (open->length) {
        if (w->p == w->end || *w->p != ',') {
            return unexpected(w, "a comma or a closing bracket is missing");
        }
        w->p++;
        skip_blanks(w);
    }
    return is_array ? take_element(w) : take_member(w);
}

static cg_walk_status_t run(walker_t *w)
{
    if (w->end - w->p >= 3 && memcmp(w->p, "\xEF\xBB\xBF", 3) == 0) {
        return fail(w, CG_WALK_SYNTAX, w->p, "a byte order mark");
    }
    skip_blanks(w);
    cg_walk_status_t status = take_value(w);
    while (status == CG_WALK_OK && w->depth) {
        status = step(w);
    }
    if (status != CG_WALK_OK) {
        return status;
    }
    skip_blanks(w);
    if (w->p != w->end) {
        return fail(w, CG_WALK_SYNTAX, w->p, "more text after the document");
    }
    return CG_WALK_OK;
}

cg_walk_status_t cg_walk(const char *text, size_t len, cg_walk_t *out,
                         cg_error_t *err, apr_pool_t *pool)
{
    *out = (cg_walk_t){.text = text, .len = len};
    if (len >= UINT32_MAX) {
        cg_error_set(err, "the document is larger than 4 GiB");
        return CG_WALK_TOO_MANY;
    }
    walker_t w; /* its frames are written before they are read */
    memset(&w, 0, offsetof(walker_t, frames));
    w.text = text ? text : "";
    w.p = w.text;
    w.end = w.text + len;
    w.err = err;
    w.pool = pool;
    cg_walk_status_t status = run(&w);
    if (status == CG_WALK_OK) {
        out->nodes = w.nodes;
        out->count = w.count;
    }
    return status;
}
