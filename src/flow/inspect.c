/* Step 3, inspect: what must not leave?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The whole conversation every time, every text of it. What the gateway itself
 * needs is put in in the same edit: the usage chunk of a stream, and a cap of the
 * output where tokens or money are limited and the caller named none.
 */
#include <string.h>

#include "flow/flow.h"
#include "flow/sift.h"

_Static_assert(CG_POLICY_TYPES_MAX == CG_DETECTORS_MAX,
               "policy and redact count the same types");
_Static_assert(CG_ACTIONS_UNSAID == 1 + CG_ACTION_MASK,
               "what no directive says is masked");

void cg_flow_actions(const uint8_t said[CG_POLICY_TYPES_MAX], cg_actions_t *out)
{
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        out->by_type[t] =
            (uint8_t)((said[t] ? said[t] : CG_ACTIONS_UNSAID) - 1);
    }
}

static bool masks_any(const cg_actions_t *actions)
{
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        if (actions->by_type[t] >= CG_ACTION_MASK) {
            return true;
        }
    }
    return false;
}

/* Gathers the masked texts for the record: the roles of messages before them.
 * The end of a conversation tells more than its beginning, and a long one is not
 * copied for the sake of its end. */
typedef struct gather_t {
    cg_buf_t buf;
    size_t most;      /* bytes of the end that are wanted */
    uint32_t message; /* the message the last text belonged to */
} gather_t;

/* Keeps a little more than is wanted: so keep_prompt sees that something went
 * before, and where a character begins. */
#define GATHER_MORE 8

static cg_str_t end_of(cg_str_t text, size_t most)
{
    size_t from = text.len > most ? text.len - most : 0;
    return (cg_str_t){text.ptr + from, text.len - from};
}

static void add_end(gather_t *to, cg_str_t text)
{
    size_t room = to->most + GATHER_MORE;
    text = end_of(text, room);
    if (to->buf.len + text.len > 2 * room) {
        cg_str_t kept = end_of((cg_str_t){to->buf.ptr, to->buf.len}, room);
        memmove(to->buf.ptr, kept.ptr, kept.len);
        to->buf.len = kept.len;
    }
    cg_buf_add(&to->buf, text.ptr, text.len);
}

static uint32_t message_of(const cg_walk_t *walk, uint32_t node)
{
    uint32_t at = node;
    while (at != CG_NODE_NONE && walk->nodes[at].depth > 2) {
        at = walk->nodes[at].parent;
    }
    return at;
}

static bool is_conversation(const cg_walk_t *walk, uint32_t node)
{
    uint32_t at = node;
    while (walk->nodes[at].depth > 1) {
        at = walk->nodes[at].parent;
    }
    static const char *const members[] = {"messages", "input", "prompt",
                                          "instructions", "suffix"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (cg_walk_key_is(walk, at, members[i])) {
            return true;
        }
    }
    return false;
}

static void gather(void *baton, const cg_walk_t *walk, uint32_t node,
                   cg_str_t masked)
{
    gather_t *to = baton;
    if (walk->nodes[node].depth == 0 || !is_conversation(walk, node)) {
        return;
    }
    uint32_t message = message_of(walk, node);
    if (to->buf.len) {
        cg_buf_char(&to->buf, '\n');
    }
    if (message != to->message && walk->nodes[message].kind == CG_NODE_OBJECT) {
        uint32_t role = cg_walk_member(walk, message, "role");
        /* A role that is none of the API's is text, which only leaves masked. */
        if (role != CG_NODE_NONE && walk->nodes[role].kind == CG_NODE_STRING &&
            !cg_chat_is_text(walk, role)) {
            cg_str_t word = cg_walk_raw(walk, role);
            cg_buf_add(&to->buf, word.ptr, word.len);
            cg_buf_str(&to->buf, ": ");
        }
    }
    to->message = message;
    add_end(to, masked);
}

static void keep_prompt(cg_txn_t *txn, const cg_buf_t *text)
{
    size_t most = (size_t)txn->policy->audit_text_max;
    size_t from = text->len > most ? text->len - most : 0;
    while (from > 0 && from < text->len &&
           ((unsigned char)text->ptr[from] & 0xC0) == 0x80) {
        from++;
    }
    txn->out.prompt = (cg_str_t){text->ptr + from, text->len - from};
    txn->out.prompt_cut = from > 0;
}

static void add_own(cg_txn_t *txn, cg_sift_t *sift)
{
    cg_splice_t splice;
    const cg_request_t *request = &txn->in.request;
    if (request->is_stream &&
        cg_chat_request_ask_usage(request, &splice, txn->pool)) {
        cg_sift_add(sift, splice);
        txn->out.is_usage_ours = true;
    }
    if (txn->grant.has_hold && txn->grant.cap_tokens > 0 &&
        cg_chat_request_cap_output(request, txn->grant.cap_tokens, &splice,
                                   txn->pool)) {
        cg_sift_add(sift, splice);
    }
}

cg_verdict_t cg_flow_inspect(cg_txn_t *txn)
{
    cg_flow_actions(txn->policy->actions.request, &txn->out.actions);
    cg_flow_actions(txn->policy->actions.answer, &txn->out.answer_actions);
    txn->out.masks_answers = masks_any(&txn->out.answer_actions);
    if (!cg_endpoints[txn->in.endpoint].has_body) {
        return CG_PASS;
    }
    gather_t gathered = {.most = (size_t)txn->policy->audit_text_max,
                         .message = CG_NODE_NONE};
    cg_sift_t sift = {.rules = txn->rules,
                      .actions = &txn->out.actions,
                      .depth = CG_SCAN_DEEP,
                      .tally = &txn->out.tally,
                      .pool = txn->pool};
    if (txn->policy->audit_text) {
        cg_buf_init(&gathered.buf, 512, txn->pool);
        sift.on_text = gather;
        sift.baton = &gathered;
    }
    cg_sift_open(&sift);
    if (cg_sift_document(&sift, &txn->in.request.walk) != APR_SUCCESS) {
        return cg_txn_refuse(txn, CG_INSPECTION_FAILED, NULL, NULL);
    }
    if (sift.is_blocked) {
        txn->blocked_type = cg_detector_name(sift.blocked_by);
        return cg_txn_refuse(txn, CG_CONTENT_BLOCKED, NULL, sift.blocked_at);
    }
    if (txn->policy->audit_text) {
        keep_prompt(txn, &gathered.buf);
    }
    add_own(txn, &sift);
    txn->out.body = cg_sift_apply(&sift, txn->in.body);
    return CG_PASS;
}
