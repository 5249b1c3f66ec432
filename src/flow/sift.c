/* Sifting: every text of a JSON document is scanned and masked in place.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/sift.h"

#include <string.h>

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

static cg_str_t escaped(cg_str_t text, bool is_quoted, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, text.len + 16, pool);
    if (is_quoted) {
        cg_buf_json_string(&out, text.ptr, text.len);
    }
    else {
        cg_buf_json_escape(&out, text.ptr, text.len);
    }
    return (cg_str_t){out.ptr, out.len};
}

/* Scans one text; *out is what may leave (text itself when nothing is masked). */
static apr_status_t mask(cg_sift_t *sift, const cg_walk_t *walk, uint32_t node,
                         cg_str_t text, cg_str_t *out)
{
    *out = text;
    apr_status_t rv =
        cg_redact_scan(sift->rules, text, sift->depth, &sift->findings);
    if (rv != APR_SUCCESS || sift->findings.count == 0) {
        return rv;
    }
    cg_buf_t masked;
    cg_buf_init(&masked, 0, sift->pool);
    cg_mask_result_t result = cg_redact_mask(
        sift->rules, text, &sift->findings, sift->actions, sift->tally, &masked);
    if (result.is_blocked && !sift->is_blocked) {
        sift->is_blocked = true;
        sift->blocked_by = result.blocked_by;
        sift->blocked_at = cg_walk_pointer(walk, node, sift->pool);
    }
    if (result.is_changed) {
        *out = (cg_str_t){masked.ptr, masked.len};
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
static bool mask_nested(cg_sift_t *sift, cg_str_t text, cg_str_t *out,
                        apr_status_t *rv)
{
    cg_walk_t inner;
    if (sift->nesting >= CG_SIFT_NESTING_MAX || !looks_like_json(text) ||
        cg_walk(text.ptr, text.len, &inner, NULL, sift->pool) != CG_WALK_OK) {
        return false;
    }
    cg_sift_t nested = *sift;
    nested.nesting++;
    nested.apart_count = 0;
    nested.on_text = NULL;
    nested.splices = apr_array_make(sift->pool, 4, sizeof(cg_splice_t));
    *rv = cg_sift_document(&nested, &inner);
    *out = cg_sift_apply(&nested, text);
    sift->findings = nested.findings;
    sift->is_blocked = nested.is_blocked;
    sift->blocked_by = nested.blocked_by;
    sift->blocked_at = nested.blocked_at;
    return true;
}

static apr_status_t sift_string(cg_sift_t *sift, const cg_walk_t *walk,
                                uint32_t node)
{
    apr_status_t rv = APR_SUCCESS;
    cg_str_t text = cg_walk_string(walk, node, sift->pool);
    cg_str_t out = text;
    if (!mask_nested(sift, text, &out, &rv)) {
        rv = mask(sift, walk, node, text, &out);
    }
    if (rv == APR_SUCCESS && out.ptr != text.ptr) {
        add(sift, walk->nodes[node].start, walk->nodes[node].end,
            escaped(out, false, sift->pool));
    }
    if (sift->on_text) {
        sift->on_text(sift->baton, walk, node, out);
    }
    return rv;
}

/* A number inside nested JSON may be a card as well as a text may. */
static apr_status_t sift_number(cg_sift_t *sift, const cg_walk_t *walk,
                                uint32_t node)
{
    cg_str_t text = cg_walk_raw(walk, node);
    cg_str_t out = text;
    apr_status_t rv = mask(sift, walk, node, text, &out);
    if (rv == APR_SUCCESS && out.ptr != text.ptr) {
        add(sift, walk->nodes[node].start, walk->nodes[node].end,
            escaped(out, true, sift->pool));
    }
    return rv;
}

static apr_status_t sift_name(cg_sift_t *sift, const cg_walk_t *walk,
                              uint32_t node)
{
    const cg_node_t *at = &walk->nodes[node];
    cg_str_t raw = {walk->text + at->key_start, at->key_len};
    cg_str_t text = raw;
    if (at->key_is_escaped) {
        char *decoded = apr_palloc(sift->pool, raw.len + 1);
        text = (cg_str_t){decoded, cg_walk_unescape(raw, decoded, NULL)};
    }
    cg_str_t out = text;
    apr_status_t rv = mask(sift, walk, node, text, &out);
    if (rv == APR_SUCCESS && out.ptr != text.ptr) {
        add(sift, at->key_start, at->key_start + at->key_len,
            escaped(out, false, sift->pool));
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
    if (at->kind == CG_NODE_NUMBER && sift->nesting > 0 &&
        at->end - at->start >= DIGITS_MIN) {
        return sift_number(sift, walk, node);
    }
    return APR_SUCCESS;
}

apr_status_t cg_sift_document(cg_sift_t *sift, const cg_walk_t *walk)
{
    for (uint32_t node = 0; node < walk->count; node++) {
        apr_status_t rv = sift_node(sift, walk, node);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_SUCCESS;
}
