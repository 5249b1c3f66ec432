/* Fuzz target: a stream of an upstream, whatever its bytes and however cut, goes
 * out the same.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte of an input says which endpoint, what is done with findings,
 * whether the usage chunk is ours, whether the end is a cut and whether tokens were
 * issued, for which then the bytes 1 and 2 stand; the next two how long the pieces
 * are; the rest is the stream. What is put out, kept and counted must not depend on
 * the pieces, and must be bounded by what came in.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "flow/observe_int.h"

#include "replay.h"

/* Each of at most 1024 texts that run may repeat one event; a byte may become
 * six, and a mask is longer than what it hides. */
#define GROWTH 1100
#define EVENT_MAX 4096

typedef struct result_t {
    cg_verdict_t verdict;
    cg_buf_t out;
    cg_buf_t kept;
    uint32_t findings;
} result_t;

static void set_up(cg_txn_t *txn, const cg_gateway_t *gateway,
                   const cg_policy_t *policy, uint8_t how, apr_pool_t *pool)
{
    static const cg_endpoint_t endpoints[] = {
        CG_ENDPOINT_CHAT, CG_ENDPOINT_CHAT, CG_ENDPOINT_RESPONSES,
        CG_ENDPOINT_COMPLETIONS};
    *txn = (cg_txn_t){.pool = pool,
                      .gateway = gateway,
                      .policy = policy,
                      .rules = gateway->rules};
    txn->in.endpoint = endpoints[how & 3];
    txn->answer.status = 200;
    cg_actions_all(&txn->out.answer_actions,
                   how & 4 ? CG_ACTION_BLOCK : CG_ACTION_MASK);
    txn->out.masks_answers = true;
    txn->out.is_usage_ours = (how & 8) != 0;
}

#define TOKENS 2

static cg_pseudonyms_t *issue(cg_buf_t tokens[TOKENS], apr_pool_t *pool)
{
    static const cg_str_t values[TOKENS] = {{"ann@example.com", 15},
                                            {"a\"\\\n[b]\xf4\x80\x80\x81", 12}};
    static const int types[TOKENS] = {CG_TYPE_EMAIL_ADDRESS, CG_TYPE_CUSTOM};
    cg_pseudonym_keys_t *keys = cg_pseudonym_keys_make(
        (cg_str_t){"0123456789abcdef0123456789abcdef", 32}, NULL, pool);
    cg_pseudonyms_t *all = cg_pseudonyms_open(keys, pool);
    for (int i = 0; i < TOKENS; i++) {
        cg_buf_init(&tokens[i], 32, pool);
        MUST(cg_pseudonyms_issue(all, types[i], values[i], &tokens[i]));
    }
    return all;
}

/* The stream with the tokens that its bytes stand for. */
static cg_str_t fill_in(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    cg_buf_t tokens[TOKENS];
    cg_buf_t out;
    issue(tokens, pool);
    cg_buf_init(&out, size + 64, pool);
    for (size_t i = 0; i < size; i++) {
        if (data[i] >= 1 && data[i] <= TOKENS) {
            const cg_buf_t *token = &tokens[data[i] - 1];
            cg_buf_add(&out, token->ptr, token->len);
        }
        else {
            cg_buf_char(&out, (char)data[i]);
        }
    }
    return (cg_str_t){out.ptr, out.len};
}

static cg_verdict_t feed(cg_txn_t *txn, const uint8_t *data, size_t len,
                         cg_buf_t *out)
{
    char *copy = malloc(len);
    MUST(copy);
    memcpy(copy, data, len);
    cg_verdict_t verdict =
        cg_flow_observe_feed(txn, (cg_str_t){copy, len}, out);
    free(copy);
    return verdict;
}

static void run(const cg_gateway_t *gateway, const cg_policy_t *policy,
                uint8_t how, const uint8_t *data, size_t size, size_t a,
                size_t b, result_t *result, apr_pool_t *pool)
{
    cg_txn_t *txn = apr_palloc(pool, sizeof *txn);
    set_up(txn, gateway, policy, how, pool);
    if (how & 32) {
        cg_buf_t tokens[TOKENS];
        txn->out.pseudonyms = issue(tokens, pool);
        txn->out.answer_actions.by_type[CG_TYPE_EMAIL_ADDRESS] =
            CG_ACTION_PSEUDONYM;
        txn->out.answer_actions.by_type[CG_TYPE_CREDIT_CARD] =
            CG_ACTION_PARTIAL;
    }
    cg_buf_init(&result->out, size + 64, pool);
    cg_flow_observe_open(txn);
    cg_verdict_t verdict = CG_PASS;
    for (size_t at = 0, i = 0; at < size && verdict == CG_PASS; i++) {
        size_t piece = i % 2 ? b : a;
        piece = piece < size - at ? piece : size - at;
        verdict = feed(txn, data + at, piece, &result->out);
        at += piece;
    }
    if (verdict == CG_PASS) {
        cg_flow_observe_finish(txn, (how & 16) != 0, &result->out);
    }
    cg_observe_close(txn);
    result->verdict = txn->verdict;
    result->kept = txn->answer.text;
    result->findings = cg_tally_total(&txn->answer.tally);
    MUST(result->out.len <= GROWTH * (size + EVENT_MAX));
    MUST(result->kept.len <= (size_t)policy->audit_text_max);
}

/* An LF cut off from its CR opens the next event, where it means nothing and may be
 * left out (chat/events.c), with that event or alone. So a run of line ends counts
 * as one here; where events end is test_events' to say. */
static void drop_late_lf(cg_buf_t *out)
{
    size_t kept = 0;
    bool was_end = true;
    for (size_t i = 0; i < out->len; i++) {
        bool is_end = out->ptr[i] == '\n' || out->ptr[i] == '\r';
        if (!is_end || !was_end) {
            out->ptr[kept++] = is_end ? '\n' : out->ptr[i];
        }
        was_end = is_end;
    }
    out->len = kept;
}

static bool is_same(const cg_buf_t *a, const cg_buf_t *b)
{
    return cg_str_equal((cg_str_t){a->ptr, a->len}, (cg_str_t){b->ptr, b->len});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cg_gateway_t gateway;
    apr_pool_t *pool = NULL;
    result_t whole, pieces;
    if (size < 3) {
        return 0;
    }
    if (!gateway.rules) {
        apr_initialize();
        atexit(apr_terminate);
        gateway.rules = cg_rules_builtin();
    }
    apr_pool_create(&pool, NULL);
    cg_policy_t *policy = cg_policy_create(pool);
    policy->answer_max = EVENT_MAX;
    policy->audit_text_max = 512;
    cg_str_t stream = {(const char *)data + 3, size - 3};
    if (data[0] & 32) {
        stream = fill_in(data + 3, size - 3, pool);
    }
    const uint8_t *bytes = (const uint8_t *)stream.ptr;
    run(&gateway, policy, data[0], bytes, stream.len, stream.len + 1, 1,
        &whole, pool);
    run(&gateway, policy, data[0], bytes, stream.len, data[1] % 64 + 1,
        data[2] % 64 + 1, &pieces, pool);
    drop_late_lf(&whole.out);
    drop_late_lf(&pieces.out);
    MUST(whole.verdict == pieces.verdict);
    MUST(is_same(&whole.out, &pieces.out));
    MUST(is_same(&whole.kept, &pieces.kept));
    MUST(whole.findings == pieces.findings);
    apr_pool_destroy(pool);
    return 0;
}
