/* Step 3, inspect: what must not leave?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The whole conversation every time, every text of it. What the gateway itself
 * needs is put in in the same edit: the usage chunk of a stream, and a cap of the
 * output where tokens or money are limited and the caller named none.
 *
 * A text that was inspected before under the same rules is looked up, not scanned
 * (finder.h). Values spread over messages are looked for behind it all (review.h).
 */
#include <string.h>

#include <apr_strings.h>

#include "flow/finder.h"
#include "flow/inspect_int.h"
#include "flow/recount.h"
#include "flow/review.h"

/* Gathers the masked texts for the record: the roles of messages before them.
 * The end of a conversation tells more than its beginning, and a long one is not
 * copied for the sake of its end. */
typedef struct gather_t {
    cg_buf_t buf;
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

static void add_role(gather_t *to, const cg_walk_t *walk, uint32_t node)
{
    uint32_t message = message_of(walk, node);
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
}

static bool is_gathered(const cg_walk_t *walk, uint32_t node)
{
    const cg_node_t *at = &walk->nodes[node];
    return at->kind == CG_NODE_STRING && at->depth > 0 && at->end > at->start &&
           is_conversation(walk, node) && cg_chat_is_text(walk, node);
}

typedef struct said_t {
    uint32_t node;
    cg_str_t text;
} said_t;

static void gather(const cg_sift_t *sift, const cg_walk_t *walk, size_t most,
                   gather_t *to)
{
    size_t room = most + GATHER_MORE;
    size_t bytes = 0;
    apr_array_header_t *said = apr_array_make(sift->pool, 8, sizeof(said_t));
    for (uint32_t node = walk->count; node > 0 && bytes < room;) {
        node--;
        if (is_gathered(walk, node)) {
            cg_str_t text = cg_sift_masked(sift, walk, node, sift->pool);
            text = end_of(text, room);
            APR_ARRAY_PUSH(said, said_t) = (said_t){node, text};
            bytes += text.len;
        }
    }
    cg_buf_init(&to->buf, bytes + 256, sift->pool);
    for (int i = said->nelts - 1; i >= 0; i--) {
        const said_t *at = &APR_ARRAY_IDX(said, i, said_t);
        if (to->buf.len) {
            cg_buf_char(&to->buf, '\n');
        }
        add_role(to, walk, at->node);
        cg_buf_add(&to->buf, at->text.ptr, at->text.len);
    }
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
    if (!txn->grant.is_bounded || txn->grant.cap_tokens <= 0) {
        return;
    }
    if (cg_chat_request_cap_output(request, txn->grant.cap_tokens, &splice,
                                   txn->pool)) {
        cg_sift_add(sift, splice);
    }
    else if (txn->grant.is_clamped) {
        cg_splice_t shorter[CG_CAPS_MAX];
        size_t count = cg_chat_request_clamp_output(
            request, txn->grant.cap_tokens, shorter, txn->pool);
        for (size_t i = 0; i < count; i++) {
            cg_sift_add(sift, shorter[i]);
        }
    }
}

/* First pass over the texts when an external detector is set: asks it about those
 * that nothing is known of. */
static cg_verdict_t ask_detector(cg_txn_t *txn, const cg_walk_t *walk,
                                 int nesting, cg_finder_t *finder,
                                 const cg_external_spec_t *spec,
                                 apr_pool_t *pool)
{
    static const char *const outcomes[] = {"ok", "error", "timeout", "skipped"};
    cg_actions_t none;
    cg_opaque_t opaque = {{0}};
    cg_error_t err;
    int asked = 0;
    cg_external_t *external =
        cg_external_open(spec, txn->gateway->detectors, txn->in.id, pool);
    cg_finder_t before = *finder;
    cg_actions_all(&none, CG_ACTION_ALLOW);
    cg_finder_ask(finder, external);
    cg_sift_t sift = {.rules = txn->rules,
                      .actions = &none,
                      .depth = CG_SCAN_DEEP,
                      .pool = pool,
                      .find = cg_finder_collect,
                      .finder = finder,
                      .opaque = &opaque};
    cg_sift_open(&sift);
    sift.nesting = nesting;
    if (cg_sift_document(&sift, walk) != APR_SUCCESS) {
        return cg_txn_refuse(txn, CG_INSPECTION_FAILED, NULL, NULL);
    }
    cg_external_status_t status = cg_external_ask(external, &asked, &err);
    if (asked > 0 || status != CG_EXTERNAL_OK) {
        cg_meter_detector(txn->gateway->meter, outcomes[status]);
    }
    if (status == CG_EXTERNAL_OK) {
        return CG_PASS;
    }
    if (status != CG_EXTERNAL_SKIPPED) {
        txn->out.trouble = apr_pstrdup(txn->pool, err.text);
    }
    *finder = before;
    return spec->is_open ? CG_PASS
                         : cg_txn_refuse(txn, CG_DETECTOR_AWAY, NULL, NULL);
}

cg_verdict_t cg_inspect_open_finder(cg_txn_t *txn, const cg_walk_t *walk,
                                    int nesting, cg_memo_t *memo,
                                    cg_finder_t *out, apr_pool_t *pool)
{
    cg_external_spec_t spec;
    cg_error_t err;
    cg_finder_open(out, txn->rules, CG_SCAN_DEEP, memo, txn->in.at);
    if (!cg_external_read(txn->policy->detector, &spec, &err, pool)) {
        return cg_txn_refuse(txn, CG_DETECTOR_AWAY, NULL, NULL);
    }
    return spec.url ? ask_detector(txn, walk, nesting, out, &spec, pool)
                    : CG_PASS;
}

static bool sift_all(cg_txn_t *txn, cg_sift_t *sift, cg_finder_t *finder)
{
    cg_review_t review;
    const cg_walk_t *walk = &txn->in.request.walk;
    cg_sift_open(sift);
    cg_review_open(&review, sift);
    bool is_good = cg_sift_document(sift, walk) == APR_SUCCESS &&
                   cg_review_finish(&review, sift, walk) == APR_SUCCESS;
    cg_meter_redact_cache(txn->gateway->meter, finder->hits, finder->misses);
    return is_good;
}

static cg_verdict_t judge(cg_txn_t *txn, const cg_sift_t *sift)
{
    if (sift->is_blocked) {
        txn->blocked_type = cg_detector_name(sift->blocked_by);
        return cg_txn_refuse(txn, CG_CONTENT_BLOCKED, NULL, sift->blocked_at);
    }
    if (sift->opaque_at && txn->policy->opaque == CG_OPAQUE_DENY) {
        return cg_txn_refuse(txn, CG_OPAQUE, NULL, sift->opaque_at);
    }
    return CG_PASS;
}

/* What leaves may cost more than what came. */
static cg_verdict_t recount(cg_txn_t *txn, const cg_sift_t *sift)
{
    return sift->splices->nelts > 0
               ? cg_flow_recount(txn, cg_sift_apply(sift, txn->in.body))
               : CG_PASS;
}

/* An id or the value of a query is the provider's own word; what is not would leave
 * with the URL. There is no masking it. */
static cg_verdict_t inspect_url(cg_txn_t *txn)
{
    cg_str_t parts[] = {txn->in.id_in_path, cg_str(txn->in.query)};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        cg_findings_t findings;
        cg_findings_init(&findings, txn->pool);
        if (cg_redact_scan(txn->rules, parts[i], CG_SCAN_DEEP, &findings) !=
            APR_SUCCESS) {
            return cg_txn_refuse(txn, CG_INSPECTION_FAILED, NULL, NULL);
        }
        for (size_t f = 0; f < findings.count; f++) {
            const cg_finding_t *at = &findings.items[f];
            if (cg_rules_action(txn->rules, &txn->out.actions, at->type,
                                at->rule) > CG_ACTION_LOG) {
                txn->blocked_type = cg_detector_name(at->type);
                return cg_txn_refuse(txn, CG_CONTENT_BLOCKED, NULL, "url");
            }
        }
    }
    return CG_PASS;
}

cg_verdict_t cg_flow_inspect(cg_txn_t *txn)
{
    if (cg_endpoints[txn->in.endpoint].is_upload) {
        return CG_PASS; /* it was, as it came (upload.c) */
    }
    if (cg_flow_actions(txn) != CG_PASS) {
        return txn->verdict;
    }
    if (!cg_endpoints[txn->in.endpoint].has_body) {
        return inspect_url(txn);
    }
    cg_finder_t finder;
    cg_txn_pseudonyms(txn, txn->in.body);
    if (cg_inspect_open_finder(txn, &txn->in.request.walk, 0,
                               txn->gateway->memo, &finder,
                               txn->pool) != CG_PASS) {
        return txn->verdict;
    }
    cg_sift_t sift = {.rules = txn->rules,
                      .actions = &txn->out.actions,
                      .pseudonyms = txn->out.pseudonyms,
                      .depth = CG_SCAN_DEEP,
                      .tally = &txn->out.tally,
                      .pool = txn->pool,
                      .find = cg_finder_find,
                      .finder = &finder,
                      .opaque = &txn->out.opaque};
    if (!sift_all(txn, &sift, &finder)) {
        return cg_txn_refuse(txn, CG_INSPECTION_FAILED, NULL, NULL);
    }
    if (judge(txn, &sift) != CG_PASS || recount(txn, &sift) != CG_PASS) {
        return txn->verdict;
    }
    if (txn->policy->audit_text) {
        gather_t gathered = {.message = CG_NODE_NONE};
        gather(&sift, &txn->in.request.walk,
               (size_t)txn->policy->audit_text_max, &gathered);
        keep_prompt(txn, &gathered.buf);
    }
    add_own(txn, &sift);
    txn->out.body = cg_sift_apply(&sift, txn->in.body);
    return CG_PASS;
}
