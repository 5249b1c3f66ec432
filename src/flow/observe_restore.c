/* Step 6, observe: tokens of this request, put back in a document.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whole texts are scanned with their tokens hidden, so that nothing is found in
 * them; then the tokens become splices of the document. A text that is itself
 * JSON is walked in turn, so that a value is escaped once for each level it
 * stands below. A token inside of what was masked is masked with it.
 */
#include <stdlib.h>
#include <string.h>

#include "chat/request.h"
#include "flow/observe_int.h"
#include "redact/restore.h"

/* ---- scanning with tokens hidden ---- */

typedef struct finder_t {
    const cg_rules_t *rules;
    cg_pseudonyms_t *pseudonyms;
    cg_scan_depth_t depth;
    apr_pool_t *pool;
} finder_t;

static apr_status_t find(void *baton, cg_str_t name, cg_str_t text,
                         cg_findings_t *out)
{
    finder_t *finder = baton;
    apr_array_header_t *tokens;
    cg_str_t hidden =
        cg_restore_hide_all(finder->pseudonyms, text, &tokens, finder->pool);
    apr_status_t rv =
        cg_redact_scan_named(finder->rules, name, hidden, finder->depth, out);
    for (size_t i = 0; tokens && rv == APR_SUCCESS && i < out->count; i++) {
        cg_finding_t *finding = &out->items[i];
        finding->start = cg_restore_source(tokens, finding->start);
        finding->end = cg_restore_source(tokens, finding->end);
    }
    return rv;
}

void cg_observe_hide_tokens(cg_txn_t *txn, cg_sift_t *sift)
{
    if (!cg_pseudonyms_has_any(txn->out.pseudonyms)) {
        return;
    }
    finder_t *finder = apr_palloc(sift->pool, sizeof *finder);
    *finder =
        (finder_t){sift->rules, txn->out.pseudonyms, sift->depth, sift->pool};
    sift->find = find;
    sift->finder = finder;
}

/* ---- putting back ---- */

typedef struct job_t {
    cg_pseudonyms_t *pseudonyms;
    const cg_sift_t *sift; /* which nodes are left alone */
    apr_pool_t *pool;
    int nesting;
} job_t;

static void restore_document(job_t *job, const cg_walk_t *walk,
                             apr_array_header_t *out);

static int by_number(const void *a, const void *b)
{
    const uint32_t *left = a;
    const uint32_t *right = b;
    return (*left > *right) - (*left < *right);
}

static bool is_apart(const job_t *job, uint32_t node)
{
    const cg_sift_t *sift = job->sift;
    return job->nesting == 0 && sift->apart_count > 0 &&
           bsearch(&node, sift->apart, sift->apart_count, sizeof node,
                   by_number);
}

/* Adds the edits of a decoded text as splices of the string it stands in. */
static void put_out(const job_t *job, const apr_array_header_t *edits,
                    cg_str_t raw, uint32_t start, bool is_escaped,
                    apr_array_header_t *out)
{
    uint32_t *map = NULL;
    if (is_escaped && edits->nelts > 0) {
        char *decoded = apr_palloc(job->pool, raw.len + 1);
        map = apr_palloc(job->pool, (raw.len + 1) * sizeof *map);
        cg_walk_unescape(raw, decoded, map);
    }
    for (int i = 0; i < edits->nelts; i++) {
        const cg_splice_t *edit = &APR_ARRAY_IDX(edits, i, cg_splice_t);
        cg_buf_t with;
        cg_buf_init(&with, edit->with.len + 8, job->pool);
        cg_buf_json_escape(&with, edit->with.ptr, edit->with.len);
        APR_ARRAY_PUSH(out, cg_splice_t) = (cg_splice_t){
            .start = start + (map ? map[edit->start] : edit->start),
            .end = start + (map ? map[edit->end] : edit->end),
            .with = {with.ptr, with.len}};
    }
}

/* The tokens of words. */
static void restore_words(const job_t *job, cg_str_t text,
                          apr_array_header_t *out)
{
    apr_array_header_t *tokens;
    cg_restore_hide_all(job->pseudonyms, text, &tokens, job->pool);
    for (int i = 0; tokens && i < tokens->nelts; i++) {
        const cg_hidden_t *token = &APR_ARRAY_IDX(tokens, i, cg_hidden_t);
        if (token->what && token->what->is_restored) {
            APR_ARRAY_PUSH(out, cg_splice_t) =
                (cg_splice_t){.start = token->start,
                              .end = token->end,
                              .with = token->what->value};
        }
    }
}

static bool looks_nested(cg_str_t text)
{
    size_t i = 0;
    while (i < text.len && (text.ptr[i] == ' ' || text.ptr[i] == '\t' ||
                            text.ptr[i] == '\r' || text.ptr[i] == '\n')) {
        i++;
    }
    return i < text.len && (text.ptr[i] == '{' || text.ptr[i] == '[');
}

static bool walk_nested(const job_t *job, cg_str_t text, cg_walk_t *inner)
{
    return job->nesting < CG_SIFT_NESTING_MAX && looks_nested(text) &&
           cg_walk(text.ptr, text.len, inner, NULL, job->pool) == CG_WALK_OK;
}

static void restore_string(job_t *job, const cg_walk_t *walk, uint32_t node,
                           apr_array_header_t *out)
{
    const cg_node_t *at = &walk->nodes[node];
    cg_str_t text = cg_walk_string(walk, node, job->pool);
    cg_walk_t inner;
    apr_array_header_t *edits =
        apr_array_make(job->pool, 2, sizeof(cg_splice_t));
    if (walk_nested(job, text, &inner)) {
        job->nesting++;
        restore_document(job, &inner, edits);
        job->nesting--;
    }
    else {
        restore_words(job, text, edits);
    }
    put_out(job, edits, cg_walk_raw(walk, node), at->start, at->is_escaped,
            out);
}

static void restore_name(const job_t *job, const cg_walk_t *walk, uint32_t node,
                         apr_array_header_t *out)
{
    const cg_node_t *at = &walk->nodes[node];
    cg_str_t raw = {walk->text + at->key_start, at->key_len};
    cg_str_t text = raw;
    apr_array_header_t *edits =
        apr_array_make(job->pool, 2, sizeof(cg_splice_t));
    if (at->key_is_escaped) {
        char *decoded = apr_palloc(job->pool, raw.len + 1);
        text = (cg_str_t){decoded, cg_walk_unescape(raw, decoded, NULL)};
    }
    restore_words(job, text, edits);
    put_out(job, edits, raw, at->key_start, at->key_is_escaped, out);
}

/* A token has brackets and a '_'; no name of the API has. */
static bool may_be_token(cg_str_t name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c == '[' || c == '\\' || c == '&' || c == '%' || c >= 0x80) {
            return true;
        }
    }
    return false;
}

static bool has_name(const cg_walk_t *walk, uint32_t node)
{
    uint32_t parent = walk->nodes[node].parent;
    return parent != CG_NODE_NONE && walk->nodes[parent].kind == CG_NODE_OBJECT;
}

static void restore_document(job_t *job, const cg_walk_t *walk,
                             apr_array_header_t *out)
{
    for (uint32_t node = 0; node < walk->count; node++) {
        const cg_node_t *at = &walk->nodes[node];
        cg_str_t name = {walk->text + at->key_start, at->key_len};
        if (has_name(walk, node) && may_be_token(name)) {
            restore_name(job, walk, node, out);
        }
        if (at->kind == CG_NODE_STRING && at->end > at->start &&
            !is_apart(job, node) &&
            (job->nesting > 0 || cg_chat_is_text(walk, node))) {
            restore_string(job, walk, node, out);
        }
    }
}

/* Does one of the sift's splices, which ascend, overlap? */
static bool is_covered(const apr_array_header_t *splices,
                       const cg_splice_t *with, int *from)
{
    while (*from < splices->nelts &&
           APR_ARRAY_IDX(splices, *from, cg_splice_t).end <= with->start) {
        (*from)++;
    }
    return *from < splices->nelts &&
           APR_ARRAY_IDX(splices, *from, cg_splice_t).start < with->end;
}

static int by_start(const void *a, const void *b)
{
    const cg_splice_t *left = a;
    const cg_splice_t *right = b;
    return (left->start > right->start) - (left->start < right->start);
}

void cg_observe_restore(cg_txn_t *txn, cg_sift_t *sift, const cg_walk_t *walk)
{
    job_t job = {
        .pseudonyms = txn->out.pseudonyms, .sift = sift, .pool = sift->pool};
    if (!cg_pseudonyms_has_any(job.pseudonyms)) {
        return;
    }
    apr_array_header_t *found =
        apr_array_make(sift->pool, 8, sizeof(cg_splice_t));
    restore_document(&job, walk, found);
    int kept = 0;
    int from = 0;
    cg_splice_t *all = (cg_splice_t *)found->elts;
    for (int i = 0; i < found->nelts; i++) {
        if (!is_covered(sift->splices, &all[i], &from)) {
            all[kept++] = all[i];
        }
    }
    found->nelts = kept;
    if (kept > 0) {
        apr_array_cat(sift->splices, found);
        qsort(sift->splices->elts, (size_t)sift->splices->nelts,
              sizeof(cg_splice_t), by_start);
    }
}
