/* Sifting: every text of a JSON document is scanned and masked in place.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/sift.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "chat/request.h"

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

/* A text of the document, decoded, and the edits that mask it, in its bytes. */
typedef struct text_t {
    cg_str_t text;
    cg_str_t name;             /* its member's, as a label for the scan */
    apr_array_header_t *edits; /* of cg_splice_t; NULL: none */
    apr_array_header_t *spots; /* of cg_finding_t; NULL: none, or unwanted */
} text_t;

static void add_spot(cg_sift_t *sift, text_t *to, const cg_finding_t *finding)
{
    if (!to->spots) {
        to->spots = apr_array_make(sift->pool, 4, sizeof(cg_finding_t));
    }
    APR_ARRAY_PUSH(to->spots, cg_finding_t) = *finding;
}

static void add_edit(cg_sift_t *sift, text_t *to, const cg_finding_t *finding)
{
    char placeholder[CG_PLACEHOLDER_MAX];
    size_t len = cg_mask_placeholder(sift->rules, finding, placeholder);
    if (!to->edits) {
        to->edits = apr_array_make(sift->pool, 4, sizeof(cg_splice_t));
    }
    APR_ARRAY_PUSH(to->edits, cg_splice_t) = (cg_splice_t){
        .start = finding->start,
        .end = finding->end,
        .with = {apr_pstrmemdup(sift->pool, placeholder, len), len}};
}

static void block(cg_sift_t *sift, const cg_walk_t *walk, uint32_t node,
                  uint8_t type)
{
    if (!sift->is_blocked) {
        sift->is_blocked = true;
        sift->blocked_by = type;
        sift->blocked_at = cg_walk_pointer(walk, node, sift->pool);
    }
}

/* Scans one text and does with each finding what its action says. */
static apr_status_t scan(cg_sift_t *sift, const cg_walk_t *walk, uint32_t node,
                         text_t *to)
{
    apr_status_t rv = cg_redact_scan_named(sift->rules, to->name, to->text,
                                           sift->depth, &sift->findings);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (size_t i = 0; i < sift->findings.count; i++) {
        const cg_finding_t *finding = &sift->findings.items[i];
        uint8_t action = sift->actions->by_type[finding->type];
        if (action == CG_ACTION_ALLOW) {
            continue;
        }
        if (sift->tally) {
            sift->tally->by_type[finding->type]++;
        }
        if (sift->spots) {
            add_spot(sift, to, finding);
        }
        if (action == CG_ACTION_BLOCK) {
            block(sift, walk, node, finding->type);
        }
        else if (action != CG_ACTION_LOG) {
            add_edit(sift, to, finding);
        }
    }
    return APR_SUCCESS;
}

/* Could this text be a JSON object or array? */
static bool looks_like_json(cg_str_t text)
{
    size_t i = 0;
    while (i < text.len && strchr(" \t\r\n", text.ptr[i]) && text.ptr[i]) {
        i++;
    }
    return text.len - i >= 2 && (text.ptr[i] == '{' || text.ptr[i] == '[');
}

/* Masks inside a text that is JSON. False: it is none, treat it as words. */
static bool scan_nested(cg_sift_t *sift, const cg_walk_t *walk, uint32_t node,
                        text_t *to, apr_status_t *rv)
{
    cg_walk_t inner;
    if (sift->nesting >= CG_SIFT_NESTING_MAX || !looks_like_json(to->text) ||
        cg_walk(to->text.ptr, to->text.len, &inner, NULL, sift->pool) !=
            CG_WALK_OK) {
        return false;
    }
    cg_sift_t nested = *sift;
    nested.nesting++;
    nested.apart_count = 0;
    nested.on_text = NULL;
    nested.splices = apr_array_make(sift->pool, 4, sizeof(cg_splice_t));
    if (sift->spots) {
        nested.spots = apr_array_make(sift->pool, 4, sizeof(cg_finding_t));
    }
    *rv = cg_sift_document(&nested, &inner);
    to->edits = nested.splices->nelts ? nested.splices : NULL;
    to->spots = nested.spots;
    sift->findings = nested.findings;
    if (nested.is_blocked) {
        block(sift, walk, node, nested.blocked_by);
    }
    return true;
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
                                uint32_t node)
{
    const cg_node_t *at = &walk->nodes[node];
    apr_status_t rv = APR_SUCCESS;
    text_t text = {.text = cg_walk_string(walk, node, sift->pool),
                   .name = name_of(walk, node)};
    if (!scan_nested(sift, walk, node, &text, &rv)) {
        rv = scan(sift, walk, node, &text);
    }
    if (rv == APR_SUCCESS) {
        put(sift, &text, cg_walk_raw(walk, node), at->start, at->is_escaped);
    }
    if (sift->on_text && !sift->is_blocked) { /* what blocks is not masked */
        sift->on_text(sift->baton, walk, node, masked_text(sift, &text));
    }
    return rv;
}

/* A number inside nested JSON may be a card as well as a text may; what stands
 * in its place is a string. node is the number's, or that of its array. */
static apr_status_t sift_number(cg_sift_t *sift, const cg_walk_t *walk,
                                uint32_t node, uint32_t start, uint32_t end)
{
    text_t text = {.text = {walk->text + start, end - start},
                   .name = name_of(walk, node)};
    apr_status_t rv = APR_SUCCESS;
    if (end - start >= DIGITS_MIN) {
        rv = scan(sift, walk, node, &text);
    }
    if (rv == APR_SUCCESS && text.edits) {
        cg_str_t masked = masked_text(sift, &text);
        add(sift, start, end,
            escaped(masked.ptr, masked.len, true, sift->pool));
    }
    put_spots(sift, &text, NULL, start);
    return rv;
}

static apr_status_t sift_gap(cg_sift_t *sift, const cg_walk_t *walk,
                             uint32_t array, uint32_t at, uint32_t end)
{
    apr_status_t rv = APR_SUCCESS;
    while (at < end && rv == APR_SUCCESS) {
        uint32_t stop = at;
        while (stop < end && strchr("0123456789+-.eE", walk->text[stop]) &&
               walk->text[stop]) {
            stop++;
        }
        rv = sift_number(sift, walk, array, at, stop);
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
    apr_status_t rv = scan(sift, walk, where, &text);
    if (rv == APR_SUCCESS) {
        put(sift, &text, raw, at->key_start, at->key_is_escaped);
    }
    return rv;
}

static bool is_apart(cg_sift_t *sift, uint32_t node)
{
    for (size_t i = 0; i < sift->apart_count; i++) {
        if (sift->apart[i] == node) {
            return true;
        }
    }
    return false;
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
        if ((c >= '0' && c <= '9') || c == '@' || c >= 0x80 || c == '\\') {
            return true;
        }
    }
    return false;
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
        !is_apart(sift, node) &&
        (sift->nesting > 0 || cg_chat_is_text(walk, node))) {
        return sift_string(sift, walk, node);
    }
    if (at->kind == CG_NODE_NUMBER && sift->nesting > 0) {
        return sift_number(sift, walk, node, at->start, at->end);
    }
    if (at->kind == CG_NODE_ARRAY && sift->nesting > 0) {
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
