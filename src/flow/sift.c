/* Sifting: every text of a JSON document is scanned and masked in place.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/sift.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "flow/sift_int.h"

/* Shorter than any value worth masking as a member name or a number. */
#define NAME_BYTES_MIN 8
#define DIGITS_MIN 8

void cg_sift_open(cg_sift_t *sift)
{
    cg_findings_init(&sift->findings, sift->pool);
    sift->splices = apr_array_make(sift->pool, 8, sizeof(cg_splice_t));
}

void cg_sift_add(cg_sift_t *sift, cg_splice_t splice)
{
    apr_array_push(sift->splices);
    cg_splice_t *all = (cg_splice_t *)sift->splices->elts;
    int at = sift->splices->nelts - 1;
    while (at > 0 && all[at - 1].start > splice.start) {
        all[at] = all[at - 1];
        at--;
    }
    all[at] = splice;
}

static void add(cg_sift_t *sift, uint32_t start, uint32_t end, cg_str_t with)
{
    cg_splice_t *splice = apr_array_push(sift->splices);
    *splice = (cg_splice_t){.start = start, .end = end, .with = with};
}

cg_str_t cg_sift_apply(const cg_sift_t *sift, cg_str_t source)
{
    if (sift->splices->nelts == 0) {
        return source;
    }
    cg_buf_t out;
    cg_buf_init(&out, source.len + 256, sift->pool);
    cg_walk_splice(source, (const cg_splice_t *)sift->splices->elts,
                   (size_t)sift->splices->nelts, &out);
    return (cg_str_t){out.ptr, out.len};
}

static cg_str_t escaped(const char *text, size_t len, bool is_quoted,
                        apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, len + 16, pool);
    if (is_quoted) {
        cg_buf_json_string(&out, text, len);
    }
    else {
        cg_buf_json_escape(&out, text, len);
    }
    return (cg_str_t){out.ptr, out.len};
}

typedef cg_sift_text_t text_t;

void cg_sift_block(cg_sift_t *sift, const cg_walk_t *walk, uint32_t node,
                   uint8_t type)
{
    if (!sift->is_blocked) {
        sift->is_blocked = true;
        sift->blocked_by = type;
        sift->blocked_at = cg_walk_pointer(walk, node, sift->pool);
    }
}

/* Offset in raw of each byte of the decoded text; NULL: they are the same. */
static const uint32_t *map_of(const cg_sift_t *sift, cg_str_t raw,
                              bool is_escaped)
{
    if (!is_escaped) {
        return NULL;
    }
    char *decoded = apr_palloc(sift->pool, raw.len + 1);
    uint32_t *map = apr_palloc(sift->pool, (raw.len + 1) * sizeof *map);
    cg_walk_unescape(raw, decoded, map);
    return map;
}

/* Turns edits of the decoded text into splices of the document: only the bytes
 * of what was found are replaced, however the rest of the string is spelled. */
static void put_edits(cg_sift_t *sift, const text_t *from, const uint32_t *map,
                      uint32_t start)
{
    for (int i = 0; from->edits && i < from->edits->nelts; i++) {
        const cg_splice_t *edit = &APR_ARRAY_IDX(from->edits, i, cg_splice_t);
        add(sift, start + (map ? map[edit->start] : edit->start),
            start + (map ? map[edit->end] : edit->end),
            escaped(edit->with.ptr, edit->with.len, false, sift->pool));
    }
}

static void put_spots(cg_sift_t *sift, const text_t *from, const uint32_t *map,
                      uint32_t start)
{
    for (int i = 0; from->spots && i < from->spots->nelts; i++) {
        cg_finding_t spot = APR_ARRAY_IDX(from->spots, i, cg_finding_t);
        spot.start = start + (map ? map[spot.start] : spot.start);
        spot.end = start + (map ? map[spot.end] : spot.end);
        APR_ARRAY_PUSH(sift->spots, cg_finding_t) = spot;
    }
}

/* Brings what was found in a decoded text into the document's own bytes. */
static void put(cg_sift_t *sift, const text_t *from, cg_str_t raw,
                uint32_t start, bool is_escaped)
{
    if (from->edits || from->spots) {
        const uint32_t *map = map_of(sift, raw, is_escaped);
        put_edits(sift, from, map, start);
        put_spots(sift, from, map, start);
    }
}

static cg_str_t masked_text(const cg_sift_t *sift, const text_t *from)
{
    if (!from->edits) {
        return from->text;
    }
    cg_buf_t out;
    cg_buf_init(&out, from->text.len + 64, sift->pool);
    cg_walk_splice(from->text, (const cg_splice_t *)from->edits->elts,
                   (size_t)from->edits->nelts, &out);
    return (cg_str_t){out.ptr, out.len};
}

/* The members by which the API knows an end user ask for a hash; a bare number
 * there is the number of a person, and is scanned as if it were labelled so. */
static bool names_a_person(const cg_walk_t *walk, uint32_t node)
{
    return cg_walk_key_is(walk, node, "safety_identifier") ||
           cg_walk_key_is(walk, node, "user");
}

static cg_str_t name_of(const cg_walk_t *walk, uint32_t node)
{
    uint32_t at = node;
    while (walk->nodes[at].parent != CG_NODE_NONE &&
           walk->nodes[walk->nodes[at].parent].kind == CG_NODE_ARRAY) {
        at = walk->nodes[at].parent; /* elements go by their array's name */
    }
    const cg_node_t *named = &walk->nodes[at];
    if (named->parent == CG_NODE_NONE) {
        return (cg_str_t){"", 0};
    }
    if (names_a_person(walk, at)) {
        return CG_STR("social security number");
    }
    return (cg_str_t){walk->text + named->key_start, named->key_len};
}

static apr_status_t sift_string(cg_sift_t *sift, const cg_walk_t *walk,
                                uint32_t node, cg_content_t content)
{
    const cg_node_t *at = &walk->nodes[node];
    text_t text = {.text = cg_walk_string(walk, node, sift->pool),
                   .name = name_of(walk, node)};
    apr_status_t rv = cg_sift_text(sift, walk, node, content, &text);
    if (sift->on_plain && rv == APR_SUCCESS && content == CG_CONTENT_TEXT) {
        sift->on_plain(sift->plain_baton, walk, node, text.text);
    }
    if (rv == APR_SUCCESS) {
        put(sift, &text, cg_walk_raw(walk, node), at->start, at->is_escaped);
    }
    /* What blocks is not masked. */
    if (sift->on_text && !sift->is_blocked && content == CG_CONTENT_TEXT) {
        sift->on_text(sift->baton, walk, node, masked_text(sift, &text));
    }
    return rv;
}

#define PLAIN_DIGITS_MAX 32

/* The digits of a whole number that is written with a point or an exponent, as
 * 4111111111111111.0 and 4.111111111111111e15 are; empty if it is plain already,
 * or no whole number. */
static cg_str_t plain_digits(cg_str_t number, char out[PLAIN_DIGITS_MAX])
{
    size_t len = 0;
    size_t behind_point = 0;
    bool has_point = false;
    size_t i = 0;
    for (; i < number.len && (number.ptr[i] | 0x20) != 'e'; i++) {
        char c = number.ptr[i];
        has_point = has_point || c == '.';
        if (c >= '0' && c <= '9') {
            if (len == PLAIN_DIGITS_MAX) {
                return (cg_str_t){"", 0};
            }
            out[len++] = c;
            behind_point += has_point;
        }
    }
    bool is_plain = i == number.len && !has_point;
    size_t exponent = 0;
    for (; i < number.len && exponent < PLAIN_DIGITS_MAX; i++) {
        char c = number.ptr[i];
        exponent =
            c >= '0' && c <= '9' ? exponent * 10 + (size_t)(c - '0') : exponent;
        is_plain = is_plain || c == '-';
    }
    for (; behind_point > exponent && out[len - 1] == '0'; behind_point--) {
        len--;
    }
    bool is_whole = !is_plain && behind_point <= exponent &&
                    len + exponent - behind_point <= PLAIN_DIGITS_MAX;
    for (; is_whole && behind_point < exponent; behind_point++) {
        out[len++] = '0';
    }
    return is_whole ? (cg_str_t){out, len} : (cg_str_t){"", 0};
}

/* A number inside nested JSON may be a card as well as a text may; what stands
 * in its place is a string. node is the number's, or that of its array. */
static apr_status_t sift_number(cg_sift_t *sift, const cg_walk_t *walk,
                                uint32_t node, uint32_t start, uint32_t end)
{
    char digits[PLAIN_DIGITS_MAX];
    cg_str_t raw = {walk->text + start, end - start};
    cg_str_t plain = plain_digits(raw, digits);
    text_t text = {.text = plain.len ? plain : raw,
                   .name = name_of(walk, node)};
    apr_status_t rv = cg_sift_words(sift, walk, node, &text);
    if (rv == APR_SUCCESS && text.edits) {
        cg_str_t masked = masked_text(sift, &text);
        add(sift, start, end,
            escaped(masked.ptr, masked.len, true, sift->pool));
    }
    for (int i = 0; plain.len && text.spots && i < text.spots->nelts; i++) {
        cg_finding_t *spot = &APR_ARRAY_IDX(text.spots, i, cg_finding_t);
        spot->start = 0; /* the number as it is written */
        spot->end = end - start;
    }
    put_spots(sift, &text, NULL, start);
    return rv;
}

static bool is_number_byte(char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' ||
           (c | 0x20) == 'e';
}

static apr_status_t sift_gap(cg_sift_t *sift, const cg_walk_t *walk,
                             uint32_t array, uint32_t at, uint32_t end)
{
    apr_status_t rv = APR_SUCCESS;
    while (at < end && rv == APR_SUCCESS) {
        uint32_t stop = at;
        while (stop < end && is_number_byte(walk->text[stop])) {
            stop++;
        }
        if (stop - at >= DIGITS_MIN) {
            rv = sift_number(sift, walk, array, at, stop);
        }
        at = stop + 1;
    }
    return rv;
}

/* Numbers of an array have no nodes: they stand between those that do. */
static apr_status_t sift_numbers(cg_sift_t *sift, const cg_walk_t *walk,
                                 uint32_t array)
{
    uint32_t at = walk->nodes[array].start + 1;
    apr_status_t rv = APR_SUCCESS;
    for (uint32_t child = walk->nodes[array].child;
         child != CG_NODE_NONE && rv == APR_SUCCESS;
         child = walk->nodes[child].next) {
        const cg_node_t *node = &walk->nodes[child];
        uint32_t quote = node->kind == CG_NODE_STRING ? 1 : 0;
        rv = sift_gap(sift, walk, array, at, node->start - quote);
        at = node->end + quote;
    }
    return rv == APR_SUCCESS
               ? sift_gap(sift, walk, array, at, walk->nodes[array].end - 1)
               : rv;
}

static apr_status_t sift_name(cg_sift_t *sift, const cg_walk_t *walk,
                              uint32_t node)
{
    const cg_node_t *at = &walk->nodes[node];
    cg_str_t raw = {walk->text + at->key_start, at->key_len};
    text_t text = {.text = raw, .name = {"", 0}};
    /* Its own pointer would repeat what was found. */
    uint32_t where = at->parent;
    if (at->key_is_escaped) {
        char *decoded = apr_palloc(sift->pool, raw.len + 1);
        text.text = (cg_str_t){decoded, cg_walk_unescape(raw, decoded, NULL)};
    }
    apr_status_t rv = cg_sift_words(sift, walk, where, &text);
    if (rv == APR_SUCCESS) {
        put(sift, &text, raw, at->key_start, at->key_is_escaped);
    }
    return rv;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *left = a;
    const uint32_t *right = b;
    return (*left > *right) - (*left < *right);
}

static bool is_apart(const cg_sift_t *sift, uint32_t node)
{
    return sift->apart_count > 0 &&
           bsearch(&node, sift->apart, sift->apart_count, sizeof node,
                   by_number);
}

static bool has_long_name(const cg_walk_t *walk, uint32_t node)
{
    uint32_t parent = walk->nodes[node].parent;
    return parent != CG_NODE_NONE &&
           walk->nodes[parent].kind == CG_NODE_OBJECT &&
           walk->nodes[node].key_len >= NAME_BYTES_MIN;
}

/* Names that the API gives hold no value; a value has a digit or an @ in it, or
 * is a word of an administrator's list, which this spares from being found in
 * "messages". */
static bool may_hide(const cg_walk_t *walk, uint32_t node)
{
    const cg_node_t *at = &walk->nodes[node];
    for (uint32_t i = 0; i < at->key_len; i++) {
        unsigned char c = (unsigned char)walk->text[at->key_start + i];
        if ((c >= '0' && c <= '9') || c == '@' || c >= 0x80 || c == '\\' ||
            c == ' ') {
            return true;
        }
    }
    return false;
}

static cg_content_t content_of(const cg_sift_t *sift, const cg_walk_t *walk,
                               uint32_t node)
{
    cg_content_t content = cg_chat_content(walk, node);
    if (content == CG_CONTENT_TEXT) {
        return content;
    }
    if (content == CG_CONTENT_WORD || !sift->opaque) {
        return sift->nesting > 0 ? CG_CONTENT_TEXT : CG_CONTENT_WORD;
    }
    return content;
}

/* A model, or an id of the API, is nobody's text, but nothing says how it is made:
 * one long enough to hold a key is looked at, also behind its prefix ("call_"). */
#define WORD_LONG 20

static apr_status_t sift_word(cg_sift_t *sift, const cg_walk_t *walk,
                              uint32_t node)
{
    const cg_node_t *at = &walk->nodes[node];
    cg_str_t raw = cg_walk_raw(walk, node);
    if (!sift->opaque || raw.len < WORD_LONG) {
        return APR_SUCCESS;
    }
    text_t whole = {.text = raw, .name = {"", 0}};
    apr_status_t rv = cg_sift_words(sift, walk, node, &whole);
    size_t prefix = 0;
    while (prefix < raw.len && raw.ptr[prefix] != '_' &&
           raw.ptr[prefix] != '-') {
        prefix++;
    }
    if (rv == APR_SUCCESS && !whole.edits && prefix + WORD_LONG / 2 < raw.len) {
        uint32_t from = (uint32_t)prefix + 1;
        text_t rest = {.text = {raw.ptr + from, raw.len - from},
                       .name = {"", 0}};
        rv = cg_sift_words(sift, walk, node, &rest);
        put(sift, &rest, rest.text, at->start + from, false);
    }
    put(sift, &whole, raw, at->start, false);
    return rv;
}

/* Numbers of a request that count or tell the time, however large. */
static bool is_plain_number(const cg_walk_t *walk, uint32_t node)
{
    static const char *const names[] = {"seed", "created", "timestamp"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (cg_walk_key_is(walk, node, names[i])) {
            return true;
        }
    }
    const cg_node_t *at = &walk->nodes[node];
    return at->key_len > 3 &&
           memcmp(walk->text + at->key_start + at->key_len - 3, "_at", 3) == 0;
}

/* In a request a number is looked at wherever it stands; in an answer only in
 * JSON that is nested in a text. */
static bool has_numbers(const cg_sift_t *sift, const cg_walk_t *walk,
                        uint32_t node)
{
    return sift->nesting > 0 || (sift->opaque && !is_plain_number(walk, node));
}

static apr_status_t sift_node(cg_sift_t *sift, const cg_walk_t *walk,
                              uint32_t node)
{
    const cg_node_t *at = &walk->nodes[node];
    apr_status_t rv = APR_SUCCESS;
    if (has_long_name(walk, node) && may_hide(walk, node)) {
        rv = sift_name(sift, walk, node);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (at->kind == CG_NODE_STRING && at->end > at->start &&
        !is_apart(sift, node)) {
        cg_content_t content = content_of(sift, walk, node);
        return content == CG_CONTENT_WORD
                   ? sift_word(sift, walk, node)
                   : sift_string(sift, walk, node, content);
    }
    if (at->kind == CG_NODE_NUMBER && at->end - at->start >= DIGITS_MIN &&
        has_numbers(sift, walk, node)) {
        return sift_number(sift, walk, node, at->start, at->end);
    }
    if (at->kind == CG_NODE_ARRAY && has_numbers(sift, walk, node)) {
        return sift_numbers(sift, walk, node);
    }
    return APR_SUCCESS;
}

static int by_start(const void *a, const void *b)
{
    const cg_splice_t *left = a;
    const cg_splice_t *right = b;
    return (left->start > right->start) - (left->start < right->start);
}

/* An array's numbers come before what stands between them. */
static void put_in_order(apr_array_header_t *splices)
{
    const cg_splice_t *all = (const cg_splice_t *)splices->elts;
    for (int i = 1; i < splices->nelts; i++) {
        if (all[i].start < all[i - 1].start) {
            qsort(splices->elts, (size_t)splices->nelts, sizeof(cg_splice_t),
                  by_start);
            return;
        }
    }
}

/* A splice that covers this one, and what else it reaches into. */
static cg_splice_t cover_of(cg_sift_t *sift, const cg_walk_t *walk,
                            const cg_cover_t *cover)
{
    const cg_node_t *at = &walk->nodes[cover->node];
    const uint32_t *map =
        map_of(sift, cg_walk_raw(walk, cover->node), at->is_escaped);
    const cg_finding_t *finding = &cover->finding;
    return (cg_splice_t){
        .start = at->start + (map ? map[finding->start] : finding->start),
        .end = at->start + (map ? map[finding->end] : finding->end),
        .with = cover->with};
}

static void add_cover_spot(cg_sift_t *sift, const cg_cover_t *cover,
                           const cg_splice_t *splice)
{
    if (sift->spots) {
        cg_finding_t spot = cover->finding;
        spot.start = splice->start;
        spot.end = splice->end;
        APR_ARRAY_PUSH(sift->spots, cg_finding_t) = spot;
    }
}

/* Puts two ascending lists together; where they meet, the cover stands. */
static apr_array_header_t *merge(const apr_array_header_t *splices,
                                 const apr_array_header_t *covers,
                                 apr_pool_t *pool)
{
    const cg_splice_t *old = (const cg_splice_t *)splices->elts;
    const cg_splice_t *cover = (const cg_splice_t *)covers->elts;
    apr_array_header_t *out = apr_array_make(
        pool, splices->nelts + covers->nelts, sizeof(cg_splice_t));
    int i = 0;
    for (int k = 0; k < covers->nelts; k++) {
        cg_splice_t splice = cover[k];
        while (i < splices->nelts && old[i].end <= splice.start) {
            APR_ARRAY_PUSH(out, cg_splice_t) = old[i++];
        }
        while (i < splices->nelts && old[i].start < splice.end) {
            splice.start =
                old[i].start < splice.start ? old[i].start : splice.start;
            splice.end = old[i].end > splice.end ? old[i].end : splice.end;
            i++;
        }
        const cg_splice_t *last =
            out->nelts ? &APR_ARRAY_IDX(out, out->nelts - 1, cg_splice_t)
                       : NULL;
        if (!last || last->end <= splice.start) {
            APR_ARRAY_PUSH(out, cg_splice_t) = splice;
        }
        else if (last->end < splice.end) {
            APR_ARRAY_IDX(out, out->nelts - 1, cg_splice_t).end = splice.end;
        }
    }
    while (i < splices->nelts) {
        APR_ARRAY_PUSH(out, cg_splice_t) = old[i++];
    }
    return out;
}

void cg_sift_cover(cg_sift_t *sift, const cg_walk_t *walk,
                   const cg_cover_t *covers, size_t count)
{
    apr_array_header_t *splices =
        apr_array_make(sift->pool, (int)count + 1, sizeof(cg_splice_t));
    for (size_t i = 0; i < count; i++) {
        cg_splice_t splice = cover_of(sift, walk, &covers[i]);
        add_cover_spot(sift, &covers[i], &splice);
        if (covers[i].with.ptr) {
            APR_ARRAY_PUSH(splices, cg_splice_t) = splice;
        }
    }
    if (splices->nelts > 0) {
        put_in_order(splices);
        sift->splices = merge(sift->splices, splices, sift->pool);
    }
}

/* The first splice that does not end before at. */
static int splice_from(const apr_array_header_t *splices, uint32_t at)
{
    const cg_splice_t *all = (const cg_splice_t *)splices->elts;
    int low = 0;
    int high = splices->nelts;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (all[middle].end <= at) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low;
}

cg_str_t cg_sift_masked(const cg_sift_t *sift, const cg_walk_t *walk,
                        uint32_t node, apr_pool_t *pool)
{
    const cg_node_t *at = &walk->nodes[node];
    const cg_splice_t *all = (const cg_splice_t *)sift->splices->elts;
    int first = splice_from(sift->splices, at->start);
    int end = first;
    while (end < sift->splices->nelts && all[end].start < at->end) {
        end++;
    }
    if (end == first) {
        return cg_walk_string(walk, node, pool);
    }
    cg_buf_t raw;
    uint32_t from = at->start;
    cg_buf_init(&raw, at->end - at->start + 64, pool);
    for (int i = first; i < end; i++) {
        cg_buf_add(&raw, walk->text + from, all[i].start - from);
        cg_buf_add(&raw, all[i].with.ptr, all[i].with.len);
        from = all[i].end;
    }
    cg_buf_add(&raw, walk->text + from, at->end - from);
    char *text = apr_palloc(pool, raw.len + 1);
    size_t len = cg_walk_unescape((cg_str_t){raw.ptr, raw.len}, text, NULL);
    return (cg_str_t){text, len};
}

apr_status_t cg_sift_document(cg_sift_t *sift, const cg_walk_t *walk)
{
    for (uint32_t node = 0; node < walk->count; node++) {
        apr_status_t rv = sift_node(sift, walk, node);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    put_in_order(sift->splices);
    return APR_SUCCESS;
}
