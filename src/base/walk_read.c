/* What a walked document says: names, strings, numbers, places; and editing it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything here trusts that cg_walk has found the document sound.
 */
#include <stdlib.h>
#include <string.h>

#include "base/walk.h"
#include "base/walk_int.h"

/* ---- escapes ---------------------------------------------------------- */

/* What stands for c after a backslash; 0 if nothing does. */
char cg_walk_simple_escape(char c)
{
    static const char MEANS[128] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
    };
    unsigned char byte = (unsigned char)c;
    if (byte >= sizeof MEANS) {
        return '\0';
    }
    return MEANS[byte];
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char l = (char)(c | 0x20);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* The number of \uXXXX at p, or -1 if that does not stand there. */
int32_t cg_walk_unicode_escape(const char *p, const char *end)
{
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return -1;
    }
    int32_t value = 0;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

/* Decodes the sound escape at p into out; returns how many bytes it took. */
static int decode_escape(const char *p, const char *end, char out[4],
                         int *out_len)
{
    if (p[1] != 'u') {
        out[0] = cg_walk_simple_escape(p[1]);
        *out_len = 1;
        return 2;
    }
    int32_t unit = cg_walk_unicode_escape(p, end);
    if (!cg_is_high_surrogate(unit)) {
        *out_len = cg_utf8_encode((uint32_t)unit, out);
        return 6;
    }
    int32_t low = cg_walk_unicode_escape(p + 6, end);
    uint32_t cp =
        0x10000U + ((uint32_t)(unit & 0x3FF) << 10) + (uint32_t)(low & 0x3FF);
    *out_len = cg_utf8_encode(cp, out);
    return 12;
}

/* Bytes first, first + 1, ... of the source. */
static void map_run(uint32_t *map, size_t first, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        map[i] = (uint32_t)(first + i);
    }
}

size_t cg_walk_unescape(cg_str_t raw, char *out, uint32_t *map)
{
    const char *end = raw.ptr + raw.len;
    const char *p = raw.ptr;
    size_t len = 0; /* decoded */
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((slash ? slash : end) - p);
        memcpy(out + len, p, run);
        if (map) {
            map_run(map + len, (size_t)(p - raw.ptr), run);
        }
        len += run;
        p += run;
        if (!slash) {
            break;
        }
        char bytes[4];
        int size = 0;
        int taken = decode_escape(p, end, bytes, &size);
        for (int i = 0; i < size; i++, len++) {
            out[len] = bytes[i];
            if (map) {
                map[len] = (uint32_t)(p - raw.ptr);
            }
        }
        p += taken;
    }
    if (map) {
        map[len] = (uint32_t)raw.len;
    }
    return len;
}

/* Does the sound but escaped raw mean text? Decodes as it goes. */
static bool means(cg_str_t raw, cg_str_t text)
{
    const char *p = raw.ptr;
    const char *end = raw.ptr + raw.len;
    const char *q = text.ptr;
    const char *text_end = text.ptr + text.len;
    while (p < end && q < text_end) {
        if (*p != '\\') {
            if (*p++ != *q++) {
                return false;
            }
            continue;
        }
        char bytes[4];
        int len = 0;
        p += decode_escape(p, end, bytes, &len);
        if (text_end - q < len || memcmp(q, bytes, (size_t)len) != 0) {
            return false;
        }
        q += len;
    }
    return p == end && q == text_end;
}

cg_str_t cg_walk_key(const char *text, const cg_node_t *node)
{
    return (cg_str_t){text + node->key_start, node->key_len};
}

bool cg_walk_is_named(const char *text, const cg_node_t *node, cg_str_t name)
{
    cg_str_t key = cg_walk_key(text, node);
    return node->key_is_escaped ? means(key, name) : cg_str_equal(key, name);
}

/* ---- asking ----------------------------------------------------------- */

static const cg_node_t *node_of(const cg_walk_t *walk, uint32_t node)
{
    return node < walk->count ? &walk->nodes[node] : NULL;
}

static bool is_kind(const cg_walk_t *walk, uint32_t node, cg_node_kind_t kind)
{
    return node < walk->count && walk->nodes[node].kind == kind;
}

bool cg_walk_key_is(const cg_walk_t *walk, uint32_t node, const char *name)
{
    const cg_node_t *found = node_of(walk, node);
    return found && is_kind(walk, found->parent, CG_NODE_OBJECT) &&
           cg_walk_is_named(walk->text, found, cg_str(name));
}

uint32_t cg_walk_member(const cg_walk_t *walk, uint32_t object,
                        const char *name)
{
    if (!is_kind(walk, object, CG_NODE_OBJECT)) {
        return CG_NODE_NONE;
    }
    cg_str_t wanted = cg_str(name);
    uint32_t i = walk->nodes[object].child;
    while (i != CG_NODE_NONE &&
           !cg_walk_is_named(walk->text, &walk->nodes[i], wanted)) {
        i = walk->nodes[i].next;
    }
    return i;
}

size_t cg_walk_length(const cg_walk_t *walk, uint32_t array)
{
    return is_kind(walk, array, CG_NODE_ARRAY) ? walk->nodes[array].length : 0;
}

cg_str_t cg_walk_raw(const cg_walk_t *walk, uint32_t node)
{
    const cg_node_t *found = node_of(walk, node);
    if (!found) {
        return CG_STR("");
    }
    return (cg_str_t){walk->text + found->start, found->end - found->start};
}

static cg_str_t decoded(cg_str_t raw, bool is_escaped, apr_pool_t *pool)
{
    if (!is_escaped) {
        return raw;
    }
    char *out = apr_palloc(pool, raw.len);
    if (!out) {
        abort();
    }
    return (cg_str_t){out, cg_walk_unescape(raw, out, NULL)};
}

cg_str_t cg_walk_string(const cg_walk_t *walk, uint32_t node, apr_pool_t *pool)
{
    if (!is_kind(walk, node, CG_NODE_STRING)) {
        return CG_STR("");
    }
    return decoded(cg_walk_raw(walk, node), walk->nodes[node].is_escaped, pool);
}

/* The exponent of a sound number, 0 without one; drawn in to where it can no
 * longer matter. */
static int64_t exponent_of(const char *p, const char *end)
{
    if (p == end) {
        return 0;
    }
    bool is_negative = p[1] == '-';
    int64_t value = 0;
    for (p += 1 + (p[1] == '-' || p[1] == '+'); p < end; p++) {
        value = value > INT64_C(1) << 40 ? value : value * 10 + (*p - '0');
    }
    return is_negative ? -value : value;
}

/* value * 10^power - digit, if it fits. */
static bool shift(int64_t *value, int64_t power, int digit)
{
    for (; power > 0 && *value; power--) {
        if (__builtin_mul_overflow(*value, 10, value)) {
            return false;
        }
    }
    return !__builtin_sub_overflow(*value, digit, value);
}

/* 1.0, 100e-2 and 1e0 are the whole number 1 to every other reader, so they are
 * to us. Kept below zero while it grows: that side has one value more. */
bool cg_walk_int(const cg_walk_t *walk, uint32_t node, int64_t *out)
{
    if (!is_kind(walk, node, CG_NODE_NUMBER)) {
        return false;
    }
    cg_str_t raw = cg_walk_raw(walk, node);
    const char *end = raw.ptr + raw.len;
    const char *p = raw.ptr + (*raw.ptr == '-');
    int64_t value = 0;
    int64_t decimals = 0;
    int64_t zeros = 0; /* read but not yet multiplied in */
    bool is_after_point = false;
    for (; p < end && (*p | 0x20) != 'e'; p++) {
        if (*p == '.') {
            is_after_point = true;
            continue;
        }
        decimals += is_after_point;
        zeros++;
        if (*p != '0') {
            if (!shift(&value, zeros, *p - '0')) {
                return false;
            }
            zeros = 0;
        }
    }
    int64_t power = value ? exponent_of(p, end) - decimals + zeros : 0;
    if (power < 0 || !shift(&value, power, 0)) {
        return false;
    }
    int64_t sign = *raw.ptr == '-' ? 1 : -1;
    if (__builtin_mul_overflow(value, sign, &value)) {
        return false;
    }
    *out = value;
    return true;
}

bool cg_walk_is_true(const cg_walk_t *walk, uint32_t node)
{
    return is_kind(walk, node, CG_NODE_TRUE);
}

/* RFC 6901 section 3: ~ and / are written ~0 and ~1. */
static void add_reference(cg_buf_t *buf, cg_str_t name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '~' || c == '/') {
            cg_buf_str(buf, c == '~' ? "~0" : "~1");
        }
        else {
            cg_buf_char(buf, c);
        }
    }
}

const char *cg_walk_pointer(const cg_walk_t *walk, uint32_t node,
                            apr_pool_t *pool)
{
    uint32_t path[CG_WALK_DEPTH_MAX + 1];
    size_t count = 0;
    cg_buf_t buf;
    cg_buf_init(&buf, 64, pool);
    for (uint32_t i = node; i < walk->count && walk->nodes[i].depth;
         i = walk->nodes[i].parent) {
        path[count++] = i;
    }
    while (count) {
        const cg_node_t *at = &walk->nodes[path[--count]];
        cg_buf_char(&buf, '/');
        if (is_kind(walk, at->parent, CG_NODE_ARRAY)) {
            cg_buf_fmt(&buf, "%u", at->key_start);
            continue;
        }
        add_reference(&buf, decoded(cg_walk_key(walk->text, at),
                                    at->key_is_escaped, pool));
    }
    return cg_buf_cstr(&buf);
}

/* ---- editing ---------------------------------------------------------- */

void cg_walk_splice(cg_str_t source, const cg_splice_t *splices, size_t count,
                    cg_buf_t *out)
{
    size_t from = 0;
    for (size_t i = 0; i < count; i++) {
        if (splices[i].start < from) { /* inside the one before: gone with it */
            from = splices[i].end > from ? splices[i].end : from;
            continue;
        }
        cg_buf_add(out, source.ptr + from, splices[i].start - from);
        cg_buf_add(out, splices[i].with.ptr, splices[i].with.len);
        from = splices[i].end;
    }
    cg_buf_add(out, source.ptr + from, source.len - from);
}
