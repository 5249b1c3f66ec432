/* The label: an answer says that a machine wrote it. Whole answers.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/label.h"

#include <stdlib.h>

#include <apr_strings.h>

#define OFF 0 /* of ChatGPTLabel */

/* Answers that a model has made up: texts, speech, pictures. */
static bool is_generated(cg_endpoint_t endpoint)
{
    static const cg_endpoint_t endpoints[] = {CG_ENDPOINT_CHAT,
                                              CG_ENDPOINT_COMPLETIONS,
                                              CG_ENDPOINT_RESPONSES,
                                              CG_ENDPOINT_SPEECH,
                                              CG_ENDPOINT_IMAGES,
                                              CG_ENDPOINT_IMAGE_EDITS,
                                              CG_ENDPOINT_IMAGE_VARIATIONS};
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        if (endpoint == endpoints[i]) {
            return true;
        }
    }
    return false;
}

void cg_label_begin(cg_txn_t *txn, int status)
{
    txn->region.is_labelled = txn->region.rules.label &&
                              txn->policy->label != OFF && status < 300 &&
                              is_generated(txn->in.endpoint);
    if (txn->region.is_labelled && !cg_label_is_hidden(txn)) {
        txn->region.words = cg_label_words(txn);
    }
}

const char *cg_label_header(const cg_txn_t *txn)
{
    return txn->region.is_labelled
               ? apr_pstrcat(txn->pool, "?1;region=\"", txn->region.rules.name,
                             "\"", NULL)
               : NULL;
}

/* -- edits -------------------------------------------------------------------- */

void cg_label_edit_open(cg_label_edit_t *edit, cg_txn_t *txn,
                        const cg_walk_t *walk, apr_pool_t *pool)
{
    *edit = (cg_label_edit_t){.txn = txn, .walk = walk, .pool = pool};
    edit->splices = apr_array_make(pool, 8, sizeof(cg_splice_t));
    if (txn->region.words) {
        cg_buf_t words;
        cg_buf_init(&words, 128, pool);
        cg_buf_str(&words, "\\n\\n");
        cg_str_t text = cg_str(txn->region.words);
        cg_buf_json_escape(&words, text.ptr, text.len);
        edit->words = (cg_str_t){words.ptr, words.len};
    }
}

void cg_label_put(cg_label_edit_t *edit, uint32_t start, uint32_t end,
                  cg_str_t with)
{
    APR_ARRAY_PUSH(edit->splices, cg_splice_t) =
        (cg_splice_t){.start = start, .end = end, .with = with};
}

bool cg_label_is_text(const cg_walk_t *walk, uint32_t node)
{
    return node != CG_NODE_NONE && walk->nodes[node].kind == CG_NODE_STRING &&
           walk->nodes[node].end > walk->nodes[node].start;
}

void cg_label_add_words(cg_label_edit_t *edit, uint32_t string)
{
    if (edit->words.len && cg_label_is_text(edit->walk, string)) {
        uint32_t end = edit->walk->nodes[string].end;
        cg_label_put(edit, end, end, edit->words);
        edit->txn->region.was_shown = true;
    }
}

void cg_label_add_member(cg_label_edit_t *edit, uint32_t object)
{
    const cg_node_t *node = &edit->walk->nodes[object];
    cg_buf_t member;
    cg_buf_init(&member, 128, edit->pool);
    cg_buf_str(&member, "\"ai_generated\":{\"label\":true,\"region\":");
    cg_str_t region = cg_str(edit->txn->region.rules.name);
    cg_buf_json_string(&member, region.ptr, region.len);
    cg_buf_str(&member, ",\"id\":");
    cg_str_t id = cg_str(edit->txn->in.id);
    cg_buf_json_string(&member, id.ptr, id.len);
    cg_buf_char(&member, '}');
    if (node->length) {
        cg_buf_char(&member, ',');
    }
    cg_label_put(edit, node->start + 1, node->start + 1,
                 (cg_str_t){member.ptr, member.len});
}

static int by_place(const void *a, const void *b)
{
    const cg_splice_t *left = a;
    const cg_splice_t *right = b;
    return (left->start > right->start) - (left->start < right->start);
}

cg_str_t cg_label_apply(cg_label_edit_t *edit)
{
    cg_str_t source = {edit->walk->text, edit->walk->len};
    cg_splice_t *all = (cg_splice_t *)edit->splices->elts;
    size_t count = (size_t)edit->splices->nelts;
    cg_buf_t out;
    cg_buf_init(&out, source.len + 256, edit->pool);
    qsort(all, count, sizeof *all, by_place);
    cg_walk_splice(source, all, count, &out);
    return (cg_str_t){out.ptr, out.len};
}

/* -- whole answers ------------------------------------------------------------ */

bool cg_label_is_end(const cg_walk_t *walk, uint32_t reason)
{
    if (!cg_label_is_text(walk, reason)) {
        return false;
    }
    cg_str_t word = cg_walk_raw(walk, reason);
    return !cg_str_is(word, "tool_calls") && !cg_str_is(word, "function_call");
}

static bool calls_tools(const cg_walk_t *walk, uint32_t message)
{
    uint32_t calls = cg_walk_member(walk, message, "tool_calls");
    return calls != CG_NODE_NONE && walk->nodes[calls].kind == CG_NODE_ARRAY &&
           walk->nodes[calls].length > 0;
}

/* choices[].message.content, or choices[].text */
static void label_choices(cg_label_edit_t *edit)
{
    const cg_walk_t *walk = edit->walk;
    uint32_t choices = cg_walk_member(walk, 0, "choices");
    if (choices == CG_NODE_NONE || walk->nodes[choices].kind != CG_NODE_ARRAY) {
        return;
    }
    for (uint32_t at = walk->nodes[choices].child; at != CG_NODE_NONE;
         at = walk->nodes[at].next) {
        if (walk->nodes[at].kind != CG_NODE_OBJECT ||
            !cg_label_is_end(walk, cg_walk_member(walk, at, "finish_reason"))) {
            continue;
        }
        uint32_t message = cg_walk_member(walk, at, "message");
        if (message == CG_NODE_NONE) {
            cg_label_add_words(edit, cg_walk_member(walk, at, "text"));
        }
        else if (walk->nodes[message].kind == CG_NODE_OBJECT &&
                 !calls_tools(walk, message)) {
            cg_label_add_words(edit, cg_walk_member(walk, message, "content"));
        }
    }
}

void cg_label_parts(cg_label_edit_t *edit)
{
    const cg_walk_t *walk = edit->walk;
    for (uint32_t node = 1; node < walk->count; node++) {
        uint32_t object = walk->nodes[node].parent;
        if (!cg_walk_key_is(walk, node, "text") ||
            !cg_label_is_text(walk, node)) {
            continue;
        }
        uint32_t type = cg_walk_member(walk, object, "type");
        if (type != CG_NODE_NONE &&
            cg_str_is(cg_walk_raw(walk, type), "output_text")) {
            cg_label_add_words(edit, node);
        }
    }
}

void cg_label_whole(cg_txn_t *txn, cg_buf_t *answer)
{
    cg_walk_t walk;
    if (!txn->region.is_labelled ||
        cg_walk(answer->ptr, answer->len, &walk, NULL, txn->pool) !=
            CG_WALK_OK ||
        walk.nodes[0].kind != CG_NODE_OBJECT) {
        return;
    }
    cg_label_edit_t edit;
    cg_label_edit_open(&edit, txn, &walk, txn->pool);
    cg_label_add_member(&edit, 0);
    if (txn->in.endpoint == CG_ENDPOINT_RESPONSES) {
        cg_label_parts(&edit);
    }
    else {
        label_choices(&edit);
    }
    cg_str_t labelled = cg_label_apply(&edit);
    answer->len = 0;
    cg_buf_add(answer, labelled.ptr, labelled.len);
}
