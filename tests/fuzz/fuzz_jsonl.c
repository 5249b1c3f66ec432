/* Fuzz target: a file of lines, or of anything, passes the same however it is cut.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte of an input says whether it is an answer or an upload, what is done
 * with findings and how long a line may be; the next two how long the pieces are;
 * the rest is the file. Lines that were objects leave as objects.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "flow/passage.h"

#include "replay.h"

typedef struct result_t {
    cg_verdict_t verdict;
    cg_buf_t out;
    cg_buf_t records; /* "{" or "-" for each that was told */
    bool is_records;
    bool is_opaque;
    bool is_coded; /* not UTF-8: it is written as it came */
    uint32_t findings;
} result_t;

static bool write_out(void *baton, cg_str_t bytes)
{
    result_t *result = baton;
    MUST(bytes.len > 0);
    cg_buf_add(&result->out, bytes.ptr, bytes.len);
    return true;
}

static bool on_record(void *baton, uint64_t number, const cg_walk_t *walk,
                      apr_pool_t *scratch)
{
    result_t *result = baton;
    cg_str_t model;
    cg_endpoint_t endpoint;
    MUST(number > 0);
    cg_buf_char(&result->records, walk ? '{' : '-');
    if (walk && !cg_jsonl_batch_line(walk, &model, &endpoint, scratch)) {
        MUST(model.len > 0 && cg_endpoints[endpoint].can_batch);
    }
    return true;
}

static bool feed(cg_passage_t *passage, const char *ptr, size_t len)
{
    char *copy = malloc(len ? len : 1);
    MUST(copy);
    memcpy(copy, ptr, len);
    bool is_well = cg_passage_feed(passage, (cg_str_t){copy, len});
    free(copy);
    return is_well;
}

static void run(cg_str_t file, size_t a, size_t b, uint8_t how,
                result_t *result, apr_pool_t *pool)
{
    cg_txn_t *txn = apr_pcalloc(pool, sizeof *txn);
    cg_policy_t *policy = cg_policy_create(pool);
    cg_passage_t passage;
    bool is_well = true;
    txn->pool = pool;
    txn->policy = policy;
    txn->rules = cg_rules_builtin();
    txn->in.endpoint = CG_ENDPOINT_FILE_UPLOAD;
    cg_actions_all(&txn->out.actions,
                   how & 2 ? CG_ACTION_BLOCK : CG_ACTION_MASK);
    txn->out.answer_actions = txn->out.actions;
    cg_passage_spec_t spec = {.txn = txn,
                              .is_answer = (how & 1) != 0,
                              .is_field = (how & 13) == 8,
                              .name = "file",
                              .media_type = {"", 0},
                              .most = how & 4 ? 256 : 65536,
                              .write = write_out,
                              .on_record = on_record,
                              .baton = result};
    memset(result, 0, sizeof *result);
    cg_buf_init(&result->out, 256, pool);
    cg_buf_init(&result->records, 16, pool);
    cg_passage_init(&passage, pool);
    cg_passage_open(&passage, &spec);
    for (size_t at = 0, i = 0; at < file.len && is_well; i++) {
        size_t piece = i % 2 ? b : a;
        piece = piece < file.len - at ? piece : file.len - at;
        is_well = feed(&passage, file.ptr + at, piece);
        at += piece;
    }
    is_well = is_well && cg_passage_finish(&passage);
    MUST(is_well == (txn->verdict == CG_PASS));
    result->verdict = txn->verdict;
    result->is_records = passage.is_records;
    result->is_opaque = passage.is_opaque;
    result->is_coded = passage.coding.kind != CG_CODING_NONE;
    result->findings = cg_tally_total(&txn->out.tally) +
                       cg_tally_total(&txn->answer.tally);
}

static bool is_same(const cg_buf_t *a, const cg_buf_t *b)
{
    return a->len == b->len &&
           (a->len == 0 || memcmp(a->ptr, b->ptr, a->len) == 0);
}

/* A mask may make two names the same: that alone may be wrong with a line. */
static bool check_line(void *baton, uint64_t number, cg_str_t line,
                       cg_str_t end)
{
    cg_walk_t walk;
    (void)number;
    (void)end;
    if (!cg_jsonl_is_blank(line)) {
        cg_walk_status_t status =
            cg_walk(line.ptr, line.len, &walk, NULL, baton);
        MUST(status == CG_WALK_OK || status == CG_WALK_DUPLICATE);
    }
    return true;
}

static void check_records(const result_t *result, apr_pool_t *pool)
{
    static const char mark[] = "\xEF\xBB\xBF";
    cg_jsonl_t jsonl;
    cg_str_t out = {result->out.ptr, result->out.len};
    if (cg_str_has_prefix(out, mark)) {
        out = (cg_str_t){out.ptr + 3, out.len - 3};
    }
    cg_jsonl_open(&jsonl, (size_t)1 << 30, pool);
    jsonl.on_line = check_line;
    jsonl.baton = pool;
    MUST(cg_jsonl_feed(&jsonl, out) && cg_jsonl_finish(&jsonl));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    apr_pool_t *pool = NULL;
    result_t whole;
    result_t pieces;
    cg_str_t file = {(const char *)data + 3, size - 3};
    apr_initialize();
    apr_pool_create(&pool, NULL);
    run(file, file.len ? file.len : 1, 1, data[0], &whole, pool);
    run(file, data[1] % 64 + 1, data[2] + 1, data[0], &pieces, pool);
    MUST(whole.verdict == pieces.verdict);
    if (whole.verdict == CG_PASS) {
        MUST(is_same(&whole.out, &pieces.out));
        MUST(is_same(&whole.records, &pieces.records));
        MUST(whole.is_records == pieces.is_records);
        MUST(whole.is_opaque == pieces.is_opaque);
        MUST(whole.findings == pieces.findings);
        if (whole.is_records && !whole.is_coded) {
            check_records(&whole, pool);
        }
    }
    apr_pool_destroy(pool);
    return 0;
}
