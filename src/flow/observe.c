/* Step 6, observe: what came back? Answers that are whole.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A whole answer is held until its end, walked once, its texts masked in place,
 * its usage read. Lists of models are cut down to what the caller may use.
 */
#include <string.h>

#include "flow/delivered.h"
#include "flow/observe_int.h"

#define MODEL_MAX 256 /* bytes of a model's name, as in requests */

void cg_observe_facts(cg_txn_t *txn, const cg_walk_t *walk, apr_pool_t *pool)
{
    cg_usage_t usage;
    if (cg_chat_answer_usage(walk, &usage)) {
        txn->answer.usage = usage;
    }
    if (txn->answer.model.len > 0) {
        return;
    }
    cg_str_t model = cg_chat_answer_model(walk, pool);
    if (model.len > 0 && model.len <= MODEL_MAX) {
        txn->answer.model = (cg_str_t){cg_str_dup(model, txn->pool), model.len};
    }
}

void cg_observe_keep(cg_txn_t *txn, cg_str_t text)
{
    if (!txn->policy->audit_text || text.len == 0 || txn->answer.text_cut) {
        return;
    }
    cg_buf_t *kept = &txn->answer.text;
    size_t most = (size_t)txn->policy->audit_text_max;
    if (!kept->pool) {
        cg_buf_init(kept, 512, txn->pool);
    }
    size_t room = most > kept->len ? most - kept->len : 0;
    size_t take = text.len;
    if (take > room) {
        take = cg_utf8_whole(text.ptr, room);
        txn->answer.text_cut = true;
    }
    cg_buf_add(kept, text.ptr, take);
}

static bool is_said(const cg_walk_t *walk, uint32_t node)
{
    static const char *const members[] = {
        "content",   "text",       "refusal",  "reasoning_content",
        "reasoning", "transcript", "arguments"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (cg_walk_key_is(walk, node, members[i])) {
            return true;
        }
    }
    return false;
}

static void keep_text(void *baton, const cg_walk_t *walk, uint32_t node,
                      cg_str_t masked)
{
    cg_txn_t *txn = baton;
    if (is_said(walk, node)) {
        cg_delivered_add(txn, cg_walk_string(walk, node, txn->pool));
        if (txn->answer.text.len) {
            cg_observe_keep(txn, CG_STR("\n"));
        }
        cg_observe_keep(txn, masked);
    }
}

void cg_observe_begin(cg_txn_t *txn)
{
    if (txn->out.pseudonyms) {
        cg_pseudonyms_end_request(txn->out.pseudonyms);
    }
}

void cg_observe_sift_open(cg_txn_t *txn, cg_sift_t *sift, apr_pool_t *scratch)
{
    *sift = (cg_sift_t){.rules = txn->rules,
                        .actions = &txn->out.answer_actions,
                        .pseudonyms = txn->out.pseudonyms,
                        .depth = CG_SCAN_PLAIN,
                        .tally = &txn->answer.tally,
                        .pool = scratch};
    cg_sift_open(sift);
    cg_observe_hide_tokens(txn, sift);
}

void cg_observe_drop_logprobs(cg_sift_t *sift, const cg_walk_t *walk)
{
    uint32_t skip_to = 0;
    for (uint32_t node = 1; node < walk->count; node++) {
        const cg_node_t *at = &walk->nodes[node];
        bool is_tree = at->kind == CG_NODE_OBJECT || at->kind == CG_NODE_ARRAY;
        if (at->start < skip_to || !is_tree ||
            !cg_walk_key_is(walk, node, "logprobs")) {
            continue;
        }
        skip_to = at->end;
        bool is_array = at->kind == CG_NODE_ARRAY;
        if (is_array && at->length == 0) {
            continue; /* what responses send when nobody asked for any */
        }
        /* Splices inside give way to the one around them. */
        cg_splice_t *all = (cg_splice_t *)sift->splices->elts;
        int kept = 0;
        for (int i = 0; i < sift->splices->nelts; i++) {
            bool is_inside = all[i].start >= at->start && all[i].end <= at->end;
            if (!is_inside) {
                all[kept++] = all[i];
            }
        }
        sift->splices->nelts = kept;
        cg_sift_add(sift, (cg_splice_t){.start = at->start,
                                        .end = at->end,
                                        .with = is_array ? CG_STR("[]")
                                                         : CG_STR("null")});
    }
}

/* Writes the elements of "data" that the caller may use, byte for byte. */
static void list_models(cg_txn_t *txn, const cg_walk_t *walk, cg_buf_t *out)
{
    uint32_t data = cg_walk_member(walk, 0, "data");
    cg_str_t whole = {walk->text, walk->len};
    if (data == CG_NODE_NONE || walk->nodes[data].kind != CG_NODE_ARRAY) {
        cg_buf_add(out, whole.ptr, whole.len);
        return;
    }
    cg_buf_t kept;
    cg_buf_init(&kept, walk->len, txn->pool);
    cg_buf_char(&kept, '[');
    for (uint32_t at = walk->nodes[data].child; at != CG_NODE_NONE;
         at = walk->nodes[at].next) {
        uint32_t id = walk->nodes[at].kind == CG_NODE_OBJECT
                          ? cg_walk_member(walk, at, "id")
                          : CG_NODE_NONE;
        if (id == CG_NODE_NONE ||
            !cg_flow_may_list(txn, cg_walk_string(walk, id, txn->pool))) {
            continue;
        }
        cg_str_t raw = cg_walk_raw(walk, at);
        if (kept.len > 1) {
            cg_buf_char(&kept, ',');
        }
        cg_buf_add(&kept, raw.ptr, raw.len);
    }
    cg_buf_char(&kept, ']');
    cg_splice_t splice = {.start = walk->nodes[data].start,
                          .end = walk->nodes[data].end,
                          .with = {kept.ptr, kept.len}};
    cg_walk_splice(whole, &splice, 1, out);
}

cg_verdict_t cg_flow_observe_whole(cg_txn_t *txn, cg_str_t body, cg_buf_t *out)
{
    cg_walk_t walk;
    cg_observe_begin(txn);
    if (cg_walk(body.ptr, body.len, &walk, NULL, txn->pool) != CG_WALK_OK ||
        walk.nodes[0].kind != CG_NODE_OBJECT) {
        return cg_txn_refuse(txn, CG_UPSTREAM_BROKEN, NULL, NULL);
    }
    txn->answer.is_whole = true;
    cg_observe_facts(txn, &walk, txn->pool);
    bool is_error = txn->answer.status >= 400;
    if (txn->in.endpoint == CG_ENDPOINT_MODELS && !is_error) {
        list_models(txn, &walk, out);
        return CG_PASS;
    }
    if (txn->in.endpoint == CG_ENDPOINT_EMBEDDINGS && !is_error) {
        cg_buf_add(out, body.ptr, body.len); /* numbers, no text */
        return CG_PASS;
    }
    cg_sift_t sift;
    cg_observe_sift_open(txn, &sift, txn->pool);
    sift.on_text = keep_text;
    sift.baton = txn;
    if (cg_sift_document(&sift, &walk) != APR_SUCCESS) {
        return cg_txn_refuse(txn, CG_UPSTREAM_BROKEN, NULL, NULL);
    }
    if (sift.is_blocked) {
        txn->blocked_type = cg_detector_name(sift.blocked_by);
        return cg_txn_refuse(txn, CG_ANSWER_BLOCKED, NULL, NULL);
    }
    if (cg_observe_files(txn, &walk, txn->pool) != CG_PASS) {
        return txn->verdict;
    }
    cg_observe_restore(txn, &sift, &walk);
    if (sift.splices->nelts > 0) {
        cg_observe_drop_logprobs(&sift, &walk);
    }
    if (txn->in.endpoint == CG_ENDPOINT_TRANSCRIPTIONS ||
        txn->in.endpoint == CG_ENDPOINT_TRANSLATIONS) {
        cg_observe_drop_pieces(&sift, &walk);
    }
    cg_walk_splice(body, (const cg_splice_t *)sift.splices->elts,
                   (size_t)sift.splices->nelts, out);
    return CG_PASS;
}
