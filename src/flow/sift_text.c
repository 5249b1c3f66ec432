/* Sifting one text: words, JSON, lines of JSON, or a file in base64.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "flow/payload.h"
#include "flow/sift_int.h"

typedef cg_sift_text_t text_t;

/* ---- words ------------------------------------------------------------ */

static void add_spot(cg_sift_t *sift, text_t *to, const cg_finding_t *finding)
{
    if (!to->spots) {
        to->spots = apr_array_make(sift->pool, 4, sizeof(cg_finding_t));
    }
    APR_ARRAY_PUSH(to->spots, cg_finding_t) = *finding;
}

static void push_edit(cg_sift_t *sift, text_t *to, cg_splice_t edit)
{
    if (!to->edits) {
        to->edits = apr_array_make(sift->pool, 4, sizeof(cg_splice_t));
    }
    APR_ARRAY_PUSH(to->edits, cg_splice_t) = edit;
}

static void add_edit(cg_sift_t *sift, text_t *to, const cg_finding_t *finding,
                     cg_action_t action)
{
    cg_buf_t with;
    cg_str_t value = {to->text.ptr + finding->start,
                      finding->end - finding->start};
    cg_buf_init(&with, 32, sift->pool);
    cg_mask_replace(sift->rules, sift->pseudonyms, action, finding, value,
                    &with);
    push_edit(sift, to,
              (cg_splice_t){.start = finding->start,
                            .end = finding->end,
                            .with = {with.ptr, with.len}});
}

static apr_status_t find(cg_sift_t *sift, cg_str_t name, cg_str_t text)
{
    return sift->find ? sift->find(sift->finder, name, text, &sift->findings)
                      : cg_redact_scan_named(sift->rules, name, text,
                                             sift->depth, &sift->findings);
}

static void act(cg_sift_t *sift, const cg_walk_t *walk, uint32_t node,
                text_t *to, const cg_finding_t *finding)
{
    cg_action_t action = cg_rules_action(sift->rules, sift->actions,
                                         finding->type, finding->rule);
    if (action == CG_ACTION_ALLOW) {
        return;
    }
    sift->found++;
    if (sift->tally) {
        sift->tally->by_type[finding->type]++;
    }
    if (sift->spots) {
        add_spot(sift, to, finding);
    }
    if (action == CG_ACTION_BLOCK) {
        cg_sift_block(sift, walk, node, finding->type);
    }
    else if (action != CG_ACTION_LOG) {
        add_edit(sift, to, finding, action);
    }
}

/* ---- escapes inside escapes -------------------------------------------- */

/* A text from which a level of escapes was taken off. */
typedef struct level_t {
    cg_str_t text;
    uint32_t *map; /* of each byte and of the end: place in the first text */
} level_t;

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \u00XX of a visible ASCII character; 0 if something else stands here. */
static char unicode_escape(cg_str_t text, size_t at)
{
    if (text.len - at < 6 || memcmp(text.ptr + at, "\\u00", 4) != 0) {
        return 0;
    }
    int high = hex_digit(text.ptr[at + 4]);
    int low = hex_digit(text.ptr[at + 5]);
    int c = high * 16 + low;
    return high >= 0 && low >= 0 && c >= 0x20 && c < 0x7F ? (char)c : 0;
}

/* The scan itself reads one level of escapes. Two, if a backslash is escaped. */
static bool has_deeper(cg_str_t text)
{
    const char *at = text.ptr;
    const char *end = text.ptr + text.len;
    while (at < end) {
        at = memchr(at, '\\', (size_t)(end - at));
        if (!at || end - at < 2) {
            return false;
        }
        size_t here = (size_t)(at - text.ptr);
        if (at[1] == '\\' || unicode_escape(text, here) == '\\') {
            return true;
        }
        at += 2;
    }
    return false;
}

/* The character an escape at at stands for, and its length; 0 if it is to stay. */
static char unescape_one(cg_str_t text, size_t at, size_t *out_len)
{
    if (text.ptr[at] != '\\' || text.len - at < 2) {
        return 0;
    }
    char next = text.ptr[at + 1];
    *out_len = 2;
    if (next == '\\' || next == '"' || next == '/') {
        return next;
    }
    *out_len = 6;
    return unicode_escape(text, at);
}

static level_t take_off(const level_t *from, apr_pool_t *pool)
{
    size_t len = 0;
    char *out = apr_palloc(pool, from->text.len + 1);
    uint32_t *map = apr_palloc(pool, (from->text.len + 1) * sizeof *map);
    for (size_t i = 0; i < from->text.len;) {
        size_t step = 1;
        char c = unescape_one(from->text, i, &step);
        if (c == 0) {
            c = from->text.ptr[i];
            step = 1;
        }
        map[len] = from->map ? from->map[i] : (uint32_t)i;
        out[len++] = c;
        i += step;
    }
    map[len] = from->map ? from->map[from->text.len] : (uint32_t)from->text.len;
    return (level_t){.text = {out, len}, .map = map};
}

static bool overlaps(const apr_array_header_t *findings, uint32_t start,
                     uint32_t end)
{
    for (int i = 0; i < findings->nelts; i++) {
        const cg_finding_t *at = &APR_ARRAY_IDX(findings, i, cg_finding_t);
        if (at->start < end && start < at->end) {
            return true;
        }
    }
    return false;
}

static void insert(apr_array_header_t *findings, cg_finding_t finding)
{
    apr_array_push(findings);
    cg_finding_t *all = (cg_finding_t *)findings->elts;
    int at = findings->nelts - 1;
    while (at > 0 && all[at - 1].start > finding.start) {
        all[at] = all[at - 1];
        at--;
    }
    all[at] = finding;
}

static void add_level(const cg_findings_t *found, const level_t *level,
                      apr_array_header_t *to)
{
    for (size_t i = 0; i < found->count; i++) {
        cg_finding_t finding = found->items[i];
        finding.start = level->map[finding.start];
        finding.end = level->map[finding.end];
        if (!overlaps(to, finding.start, finding.end)) {
            insert(to, finding);
        }
    }
}

/* Adds what is found below further levels of escapes. What is escaped more often
 * than that cannot be inspected. */
static apr_status_t find_deeper(cg_sift_t *sift, const text_t *in,
                                apr_array_header_t *findings)
{
    level_t level = {.text = in->text};
    for (int i = 0; has_deeper(level.text); i++) {
        if (i == CG_SIFT_ESCAPES_MAX) {
            return APR_EGENERAL;
        }
        level = take_off(&level, sift->pool);
        apr_status_t rv = find(sift, in->name, level.text);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        add_level(&sift->findings, &level, findings);
    }
    return APR_SUCCESS;
}

apr_status_t cg_sift_words(cg_sift_t *sift, const cg_walk_t *walk,
                           uint32_t node, text_t *to)
{
    apr_status_t rv = find(sift, to->name, to->text);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    bool is_deep = sift->depth == CG_SCAN_DEEP && has_deeper(to->text);
    if (!is_deep) {
        for (size_t i = 0; i < sift->findings.count; i++) {
            act(sift, walk, node, to, &sift->findings.items[i]);
        }
        return APR_SUCCESS;
    }
    apr_array_header_t *all =
        apr_array_make(sift->pool, 8, sizeof(cg_finding_t));
    for (size_t i = 0; i < sift->findings.count; i++) {
        APR_ARRAY_PUSH(all, cg_finding_t) = sift->findings.items[i];
    }
    rv = find_deeper(sift, to, all);
    for (int i = 0; rv == APR_SUCCESS && i < all->nelts; i++) {
        act(sift, walk, node, to, &APR_ARRAY_IDX(all, i, cg_finding_t));
    }
    return rv;
}

/* ---- JSON in a text ---------------------------------------------------- */

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
    nested.on_plain = NULL;
    nested.splices = apr_array_make(sift->pool, 4, sizeof(cg_splice_t));
    if (sift->spots) {
        nested.spots = apr_array_make(sift->pool, 4, sizeof(cg_finding_t));
    }
    *rv = cg_sift_document(&nested, &inner);
    to->edits = nested.splices->nelts ? nested.splices : NULL;
    to->spots = nested.spots;
    sift->findings = nested.findings;
    sift->found = nested.found;
    if (nested.is_blocked) {
        cg_sift_block(sift, walk, node, nested.blocked_by);
    }
    if (nested.opaque_at && !sift->opaque_at) {
        sift->opaque_at = cg_walk_pointer(walk, node, sift->pool);
    }
    return true;
}

static apr_status_t scan_value(cg_sift_t *sift, const cg_walk_t *walk,
                               uint32_t node, text_t *to)
{
    apr_status_t rv = APR_SUCCESS;
    if (!scan_nested(sift, walk, node, to, &rv)) {
        rv = cg_sift_words(sift, walk, node, to);
    }
    return rv;
}

/* ---- files ------------------------------------------------------------- */

/* The first line that holds anything is a JSON object of its own. */
static bool looks_like_lines(cg_str_t text, apr_pool_t *pool)
{
    cg_walk_t walk;
    const char *end = memchr(text.ptr, '\n', text.len);
    if (!end || !looks_like_json(text)) {
        return false;
    }
    return cg_walk(text.ptr, (size_t)(end - text.ptr), &walk, NULL, pool) ==
           CG_WALK_OK;
}

static void shift_into(text_t *to, const text_t *line, uint32_t by,
                       cg_sift_t *sift)
{
    for (int i = 0; line->edits && i < line->edits->nelts; i++) {
        cg_splice_t edit = APR_ARRAY_IDX(line->edits, i, cg_splice_t);
        edit.start += by;
        edit.end += by;
        push_edit(sift, to, edit);
    }
    for (int i = 0; line->spots && i < line->spots->nelts; i++) {
        cg_finding_t spot = APR_ARRAY_IDX(line->spots, i, cg_finding_t);
        spot.start += by;
        spot.end += by;
        add_spot(sift, to, &spot);
    }
}

static apr_status_t scan_lines(cg_sift_t *sift, const cg_walk_t *walk,
                               uint32_t node, text_t *to)
{
    apr_status_t rv = APR_SUCCESS;
    size_t at = 0;
    while (at < to->text.len && rv == APR_SUCCESS) {
        const char *from = to->text.ptr + at;
        const char *end = memchr(from, '\n', to->text.len - at);
        size_t len = end ? (size_t)(end - from) : to->text.len - at;
        text_t line = {.text = {from, len}, .name = to->name};
        rv = scan_value(sift, walk, node, &line);
        shift_into(to, &line, (uint32_t)at, sift);
        at += len + 1;
    }
    return rv;
}

static cg_str_t edited(const text_t *from, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, from->text.len + 64, pool);
    cg_walk_splice(from->text, (const cg_splice_t *)from->edits->elts,
                   (size_t)from->edits->nelts, &out);
    return (cg_str_t){out.ptr, out.len};
}

/* A text of another coding as UTF-8, or back. */
static cg_str_t recoded(cg_str_t text, cg_coding_kind_t kind, bool is_read,
                        apr_pool_t *pool)
{
    cg_coding_t coding;
    cg_buf_t out;
    if (kind == CG_CODING_NONE || !cg_coding_open(&coding, kind, pool)) {
        return text;
    }
    cg_buf_init(&out, text.len * 2 + 16, pool);
    if (is_read) {
        cg_coding_read(&coding, text, &out);
        cg_coding_read_end(&coding, &out);
    }
    else {
        cg_coding_write(&coding, text, &out);
        cg_coding_write_end(&coding, &out);
    }
    return (cg_str_t){out.ptr ? out.ptr : "", out.len};
}

static uint32_t within(size_t at, const cg_payload_t *payload)
{
    return (uint32_t)(at < payload->end ? at : payload->end);
}

/* Brings what was found in the file's content into the string that holds it. A
 * spot is where its bytes are spelled, to the group of four letters; of a text in
 * another coding all of it. */
static void put_back(cg_sift_t *sift, const text_t *content,
                     const cg_payload_t *payload, text_t *to)
{
    for (int i = 0; content->spots && i < content->spots->nelts; i++) {
        cg_finding_t spot = APR_ARRAY_IDX(content->spots, i, cg_finding_t);
        bool is_coded = payload->coding != CG_CODING_NONE;
        size_t end =
            is_coded ? payload->end : payload->start + (spot.end + 2) / 3 * 4;
        size_t start =
            is_coded ? payload->start : payload->start + spot.start / 3 * 4;
        spot.start = within(start, payload);
        spot.end = within(end, payload);
        add_spot(sift, to, &spot);
    }
    if (content->edits) {
        cg_str_t bytes = recoded(edited(content, sift->pool), payload->coding,
                                 false, sift->pool);
        push_edit(sift, to,
                  (cg_splice_t){
                      .start = (uint32_t)payload->start,
                      .end = (uint32_t)payload->end,
                      .with = cg_payload_encode(bytes, payload, sift->pool)});
    }
}

static apr_status_t scan_content(cg_sift_t *sift, const cg_walk_t *walk,
                                 uint32_t node, text_t *content)
{
    cg_sift_t inner = *sift;
    inner.nesting++;
    inner.on_text = NULL;
    inner.on_plain = NULL;
    apr_status_t rv = looks_like_lines(content->text, sift->pool)
                          ? scan_lines(&inner, walk, node, content)
                          : scan_value(&inner, walk, node, content);
    inner.nesting = sift->nesting;
    inner.on_text = sift->on_text;
    inner.on_plain = sift->on_plain;
    *sift = inner;
    return rv;
}

/* The content of the file if it is text; false: it is none. */
static bool read_content(cg_sift_t *sift, cg_str_t string,
                         cg_payload_t *payload, bool is_said, cg_str_t *out)
{
    cg_str_t head = cg_payload_head(string, payload, sift->pool);
    payload->coding =
        cg_opaque_is_known(head) ? CG_CODING_NONE : cg_coding_guess(head);
    bool is_coded = payload->coding != CG_CODING_NONE;
    if (!is_coded &&
        (!cg_opaque_is_text(head) || cg_opaque_is_document(head))) {
        *out = head;
        return false;
    }
    *out = recoded(cg_payload_decode(string, payload, sift->pool),
                   payload->coding, true, sift->pool);
    return cg_opaque_is_text(*out) &&
           (is_said || cg_utf8_valid(out->ptr, out->len));
}

static void count_opaque(cg_sift_t *sift, const cg_walk_t *walk, uint32_t node,
                         cg_opaque_kind_t kind)
{
    sift->opaque->by_kind[kind]++;
    if (!sift->opaque_at) {
        sift->opaque_at = cg_walk_pointer(walk, node, sift->pool);
    }
}

/* What stands before the base64 of a data: URL is words. */
static apr_status_t scan_head(cg_sift_t *sift, const cg_walk_t *walk,
                              uint32_t node, const cg_payload_t *payload,
                              text_t *to)
{
    text_t head = {.text = {to->text.ptr, payload->start}, .name = to->name};
    apr_status_t rv = APR_SUCCESS;
    if (payload->start > 0) {
        rv = cg_sift_words(sift, walk, node, &head);
        shift_into(to, &head, 0, sift);
    }
    return rv;
}

/* Looks into a string that is a file. False: it is none, or nothing that can be
 * read, and has to be looked at as words. */
static bool scan_file(cg_sift_t *sift, const cg_walk_t *walk, uint32_t node,
                      cg_content_t content, text_t *to, apr_status_t *rv)
{
    cg_payload_t payload;
    bool is_text = content == CG_CONTENT_TEXT;
    if (sift->is_resumed && sift->nesting == 0) {
        return false; /* it is the end of one */
    }
    if (!cg_payload_find(to->text, &payload)) {
        if (!is_text) {
            count_opaque(sift, walk, node, CG_OPAQUE_OTHER);
        }
        return !is_text;
    }
    bool is_said = !is_text || payload.start > 0;
    text_t file = {.name = CG_STR("")};
    payload.is_open = sift->is_cut && sift->nesting == 0;
    if (!read_content(sift, to->text, &payload, is_said, &file.text)) {
        if (is_said) {
            count_opaque(sift, walk, node,
                         content == CG_CONTENT_SEALED
                             ? CG_OPAQUE_SEALED
                             : cg_opaque_kind(file.text, payload.media_type));
        }
        return !is_text;
    }
    if (sift->pseudonyms) {
        cg_pseudonyms_note_typed(sift->pseudonyms, file.text);
    }
    uint32_t found = sift->found;
    *rv = scan_content(sift, walk, node, &file);
    if (*rv != APR_SUCCESS) {
        return true;
    }
    if (is_text && sift->found == found) {
        return false; /* what it spells may be a value as it stands */
    }
    *rv = scan_head(sift, walk, node, &payload, to);
    put_back(sift, &file, &payload, to);
    return true;
}

/* ---- files among words -------------------------------------------------- */

/* Words between two files, at their place in the text. */
static apr_status_t scan_between(cg_sift_t *sift, const cg_walk_t *walk,
                                 uint32_t node, size_t from, size_t end,
                                 text_t *to)
{
    text_t words = {.text = {to->text.ptr + from, end - from},
                    .name = to->name};
    apr_status_t rv = APR_SUCCESS;
    if (end > from) {
        rv = cg_sift_words(sift, walk, node, &words);
        shift_into(to, &words, (uint32_t)from, sift);
    }
    return rv;
}

/* What is to be changed in this file; false: nothing is, or it is no text. */
static bool scan_among(cg_sift_t *sift, const cg_walk_t *walk, uint32_t node,
                       cg_str_t text, cg_payload_t *payload, text_t *out_file,
                       apr_status_t *rv)
{
    bool is_said = payload->media_type.len > 0;
    uint32_t found = sift->found;
    *out_file = (text_t){.name = CG_STR("")};
    if (!read_content(sift, text, payload, is_said, &out_file->text)) {
        if (is_said) {
            count_opaque(sift, walk, node,
                         cg_opaque_kind(out_file->text, payload->media_type));
        }
        return false;
    }
    payload->is_open =
        sift->is_cut && sift->nesting == 0 && payload->end == text.len;
    *rv = scan_content(sift, walk, node, out_file);
    return *rv != APR_SUCCESS || sift->found > found;
}

/* Long base64 in a text, of which the scan sees but the beginning. */
static apr_status_t scan_files_among(cg_sift_t *sift, const cg_walk_t *walk,
                                     uint32_t node, text_t *to)
{
    cg_payload_t payload;
    text_t file;
    apr_status_t rv = APR_SUCCESS;
    size_t done = 0;
    size_t at = 0;
    bool is_resumed = sift->is_resumed && sift->nesting == 0 &&
                      cg_payload_resume(to->text, &payload);
    while (rv == APR_SUCCESS &&
           (is_resumed || cg_payload_among(to->text, at, &payload))) {
        is_resumed = false;
        at = payload.end;
        if (!scan_among(sift, walk, node, to->text, &payload, &file, &rv)) {
            continue;
        }
        if (rv == APR_SUCCESS) {
            rv = scan_between(sift, walk, node, done, payload.start, to);
        }
        put_back(sift, &file, &payload, to);
        done = payload.end;
    }
    return rv == APR_SUCCESS
               ? scan_between(sift, walk, node, done, to->text.len, to)
               : rv;
}

apr_status_t cg_sift_text(cg_sift_t *sift, const cg_walk_t *walk, uint32_t node,
                          cg_content_t content, text_t *to)
{
    apr_status_t rv = APR_SUCCESS;
    bool may_be_file = sift->opaque && sift->nesting < CG_SIFT_NESTING_MAX;
    if (may_be_file && scan_file(sift, walk, node, content, to, &rv)) {
        return rv;
    }
    if (scan_nested(sift, walk, node, to, &rv)) {
        return rv;
    }
    bool may_hold = to->text.len >= CG_PAYLOAD_LONG || sift->is_resumed;
    return may_be_file && may_hold ? scan_files_among(sift, walk, node, to)
                                   : cg_sift_words(sift, walk, node, to);
}
