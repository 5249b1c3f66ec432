/* Step 6, observe: answers that are files, not JSON: sound, transcripts, content.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/observe_file.h"

#include <string.h>

#include "flow/observe_int.h"
#include "flow/passage.h"

struct cg_file_observer_t {
    cg_passage_t passage;
    cg_passage_spec_t spec;
    cg_buf_t *out; /* of the call under way */
};

static bool write_out(void *baton, cg_str_t bytes)
{
    cg_file_observer_t *file = baton;
    cg_buf_add(file->out, bytes.ptr, bytes.len);
    return true;
}

cg_verdict_t cg_flow_observe_file_open(cg_txn_t *txn, const char *media_type)
{
    cg_file_observer_t *file = apr_pcalloc(txn->pool, sizeof *file);
    const char *type = media_type ? media_type : "";
    cg_observe_begin(txn);
    file->spec =
        (cg_passage_spec_t){.txn = txn,
                            .is_answer = true,
                            .media_type = {type, strcspn(type, "; \t")},
                            .most = (size_t)txn->policy->answer_max,
                            .write = write_out,
                            .baton = file};
    cg_passage_init(&file->passage, txn->pool);
    cg_passage_open(&file->passage, &file->spec);
    txn->answer.file = file;
    return CG_PASS;
}

cg_verdict_t cg_flow_observe_file_feed(cg_txn_t *txn, cg_str_t piece,
                                       cg_buf_t *out)
{
    cg_file_observer_t *file = txn->answer.file;
    file->out = out;
    cg_passage_feed(&file->passage, piece);
    return txn->verdict;
}

cg_verdict_t cg_flow_observe_file_finish(cg_txn_t *txn, bool is_cut,
                                         cg_buf_t *out)
{
    cg_file_observer_t *file = txn->answer.file;
    file->out = out;
    if (is_cut) {
        return cg_txn_refuse(txn, CG_UPSTREAM_BROKEN,
                             "The upstream broke off its answer.", NULL);
    }
    if (!cg_passage_finish(&file->passage)) {
        return txn->verdict;
    }
    txn->answer.is_whole = true;
    return CG_PASS;
}
