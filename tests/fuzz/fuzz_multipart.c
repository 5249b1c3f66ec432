/* Fuzz target: a form, however it is cut, leaves the same, and what leaves is a form.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte of an input says which endpoint and what is done with findings and
 * with what cannot be read; the next two how long the pieces are; the rest is the
 * body, whose boundary is X-b.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "flow/upload.h"

#include "replay.h"

#define TYPE "multipart/form-data; boundary=X-b"

typedef struct result_t {
    cg_verdict_t verdict;
    cg_str_t sent;
    uint32_t findings;
    uint32_t opaque;
} result_t;

static cg_policy_t *policy_of(uint8_t how, apr_pool_t *pool)
{
    cg_policy_t *policy = cg_policy_create(pool);
    policy->unknown_model = 0;
    policy->body_max = 4096; /* of a line */
    policy->opaque = how >> 2 & 1 ? CG_OPAQUE_DENY : CG_OPAQUE_LOG;
    memset(policy->actions.request,
           1 + (how >> 3 & 1 ? CG_ACTION_BLOCK : CG_ACTION_MASK),
           sizeof policy->actions.request);
    return policy;
}

static cg_verdict_t feed(cg_upload_t *upload, const char *ptr, size_t len)
{
    char *copy = malloc(len ? len : 1);
    MUST(copy);
    memcpy(copy, ptr, len);
    cg_verdict_t verdict = cg_flow_upload_feed(upload, (cg_str_t){copy, len});
    free(copy);
    return verdict;
}

static result_t run(cg_str_t body, size_t a, size_t b, uint8_t how,
                    apr_pool_t *pool)
{
    static const cg_endpoint_t endpoints[] = {
        CG_ENDPOINT_FILE_UPLOAD, CG_ENDPOINT_TRANSCRIPTIONS,
        CG_ENDPOINT_IMAGE_EDITS, CG_ENDPOINT_FILE_UPLOAD};
    cg_gateway_t *gateway = apr_pcalloc(pool, sizeof *gateway);
    cg_txn_t *txn = apr_pcalloc(pool, sizeof *txn);
    gateway->rules = cg_rules_builtin();
    txn->pool = pool;
    txn->gateway = gateway;
    txn->rules = gateway->rules;
    txn->policy = policy_of(how, pool);
    txn->in.endpoint = endpoints[how & 3];
    cg_upload_t *upload = cg_flow_upload_open(txn, TYPE, NULL);
    MUST(upload);
    cg_verdict_t verdict = CG_PASS;
    for (size_t at = 0, i = 0; at < body.len && verdict == CG_PASS; i++) {
        size_t piece = i % 2 ? b : a;
        piece = piece < body.len - at ? piece : body.len - at;
        verdict = feed(upload, body.ptr + at, piece);
        at += piece;
    }
    if (verdict == CG_PASS) {
        verdict = cg_flow_upload_finish(upload);
    }
    const cg_spill_t *spill = cg_flow_upload_body(upload);
    MUST(verdict == txn->verdict && !spill->file);
    return (result_t){verdict, verdict ? (cg_str_t){"", 0} : spill->memory,
                      cg_tally_total(&txn->out.tally),
                      cg_opaque_total(&txn->out.opaque)};
}

static void check(cg_str_t body, size_t a, size_t b, uint8_t how,
                  apr_pool_t *pool)
{
    result_t whole = run(body, body.len ? body.len : 1, 1, how, pool);
    result_t pieces = run(body, a, b, how, pool);
    MUST(whole.verdict == pieces.verdict);
    if (whole.verdict != CG_PASS) {
        return;
    }
    MUST(cg_str_equal(whole.sent, pieces.sent));
    MUST(whole.findings == pieces.findings && whole.opaque == pieces.opaque);
    result_t again = run(whole.sent, a, b, how, pool);
    MUST(again.verdict != CG_INVALID_MULTIPART);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > CG_SPILL_MEMORY_BYTES / 8) {
        return 0;
    }
    apr_pool_t *pool = NULL;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    check((cg_str_t){(const char *)data + 3, size - 3}, data[1] % 64 + 1,
          data[2] + 1, data[0], pool);
    apr_pool_destroy(pool);
    return 0;
}
