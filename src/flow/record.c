/* Step 8, record: what do we keep of it?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Written before the last byte of an answer goes to the caller (httpd/answer.c),
 * so that no answer is without its record even if the process is killed the next
 * moment; for what ends otherwise, in log_transaction. One append to the journal,
 * one sample for the metrics, once.
 */
#include <apr_strings.h>

#include "audit/record.h"
#include "base/clock.h"
#include "flow/lives.h"
#include "flow/noted.h"
#include "flow/observe_int.h"

#define FINDINGS_MAX (2 * CG_TYPE_COUNT)

static size_t add_findings(const cg_tally_t *tally, const cg_actions_t *actions,
                           const char *direction, cg_meter_finding_t *out,
                           size_t count)
{
    for (int t = 0; t < CG_TYPE_COUNT && count < FINDINGS_MAX; t++) {
        if (tally->by_type[t]) {
            out[count++] = (cg_meter_finding_t){
                .type = cg_detector_name(t),
                .direction = direction,
                .action = cg_action_name((cg_action_t)actions->by_type[t]),
                .count = tally->by_type[t]};
        }
    }
    return count;
}

static const char *decision_of(const cg_txn_t *txn, int status)
{
    if (txn->answer.is_aborted) {
        return "aborted";
    }
    if (txn->verdict != CG_PASS) {
        bool is_ours = txn->verdict < 5000 || txn->verdict == CG_ANSWER_BLOCKED;
        return is_ours ? "refused" : "failed";
    }
    if (!txn->answer.has_begun) {
        return status < 500 ? "refused" : "failed";
    }
    return status >= 500 || !txn->answer.is_whole ? "failed" : "served";
}

/* The soft limits that would have kept it out, had they been hard. */
static const char *soft_limits_of(const cg_txn_t *txn)
{
    const cg_quota_grant_t *quota = &txn->grant.quota;
    const char *words = "";
    for (size_t i = 0; quota->is_admitted && i < txn->grant.count; i++) {
        const cg_limit_t *limit = &txn->grant.limits[i];
        if (quota->passed >> i & 1) {
            words = apr_pstrcat(txn->pool, words, words[0] ? ", " : "",
                                cg_limit_scope(limit, txn->pool), " ",
                                cg_limit_brief(limit, txn->pool), NULL);
        }
    }
    return words;
}

static void fill(cg_record_t *record, const cg_txn_t *txn, int status)
{
    const cg_key_t *key = &txn->who.key;
    apr_time_t first = txn->answer.first_byte_at;
    *record = (cg_record_t){
        .id = txn->in.id,
        .at = txn->in.at,
        .key_id = key->id,
        .key_name = key->name,
        .team = txn->who.team,
        .user = txn->who.user,
        .address = txn->in.address,
        .vhost = txn->in.vhost,
        .endpoint = txn->in.endpoint < CG_ENDPOINT_COUNT
                        ? cg_endpoints[txn->in.endpoint].name
                        : "",
        .model_asked = txn->in.model,
        .model_served = txn->answer.model,
        .decision = decision_of(txn, status),
        .reason = txn->verdict ? cg_reason_find(txn->verdict)->code : "",
        .status = status,
        .prompt = txn->out.prompt,
        .prompt_cut = txn->out.prompt_cut,
        .answer = {txn->answer.text.ptr, txn->answer.text.len},
        .answer_cut = txn->answer.text_cut,
        .input_tokens = txn->bill.input_tokens,
        .output_tokens = txn->bill.output_tokens,
        .tokens_from = txn->bill.tokens_from,
        .clamped_output = txn->grant.is_clamped ? txn->grant.cap_tokens : 0,
        .soft_limits = soft_limits_of(txn),
        .cost_micros = txn->bill.micros,
        .took = cg_clock_monotonic() - txn->in.started_at,
        .first_byte_took = first ? first - txn->in.started_at : 0,
        .attempts = txn->route.attempts,
        .upstream = txn->route.account ? txn->route.account->name : "",
        .upstream_request_id = txn->answer.upstream_id,
        .is_stream = txn->answer.is_stream,
        .policy_version = txn->published ? txn->published->version : 0,
        .signing_key = txn->signature.key_id,
        .region = txn->region.rules.name,
        .upstream_region = txn->route.account ? txn->route.account->region : "",
        .is_labelled = txn->region.is_labelled && txn->answer.has_begun,
        .keep_for = txn->region.rules.keep_for,
        .has_hold = txn->grant.has_hold,
        .is_released = txn->bill.is_released,
        .hold_id = txn->grant.has_hold ? txn->grant.hold_id : NULL,
    };
}

static void leave_out_texts(cg_record_t *record)
{
    record->prompt_cut = record->prompt_cut || record->prompt.len > 0;
    record->answer_cut = record->answer_cut || record->answer.len > 0;
    record->prompt.len = 0;
    record->answer.len = 0;
}

static void measure(const cg_txn_t *txn, const cg_record_t *record)
{
    cg_meter_sample_t sample = {
        .endpoint = record->endpoint,
        .model =
            txn->grant.price ? cg_str(txn->grant.price->id) : (cg_str_t){"", 0},
        .status = record->status,
        .reason = record->reason,
        .input_tokens = record->input_tokens,
        .output_tokens = record->output_tokens,
        .cost_micros = record->cost_micros,
        .findings = record->findings,
        .findings_count = record->findings_count,
        .took = record->took,
        .first_byte_took = record->first_byte_took,
    };
    if (txn->route.attempts > 0) {
        sample.upstream_took = cg_clock_monotonic() - txn->route.sent_at;
    }
    cg_meter_request(txn->gateway->meter, &sample);
}

/* The journal settles it too, and counts once; this way the caller's next request
 * finds it settled. */
static void post_bill(const cg_txn_t *txn, const cg_quota_bill_t *bill)
{
    if (txn->grant.quota.is_admitted && bill->id[0]) {
        cg_quota_post(txn->gateway->quota, bill, txn->grant.has_hold);
    }
}

static cg_quota_bill_t bill_of(const cg_txn_t *txn)
{
    return (cg_quota_bill_t){.id = txn->grant.hold_id,
                             .input_tokens = txn->bill.input_tokens,
                             .output_tokens = txn->bill.output_tokens,
                             .micros = txn->bill.micros,
                             .is_released = txn->bill.is_released};
}

apr_status_t cg_flow_record(cg_txn_t *txn, int status, cg_error_t *err)
{
    if (txn->is_recorded) {
        return APR_SUCCESS;
    }
    txn->is_recorded = true;
    cg_observe_close(txn);
    cg_flow_settle(txn);
    cg_quota_bill_t bill = bill_of(txn);
    cg_lives_billed(txn, &bill);
    cg_record_t record;
    cg_meter_finding_t findings[FINDINGS_MAX];
    fill(&record, txn, status);
    record.findings = findings;
    record.findings_count = add_findings(&txn->out.tally, &txn->out.actions,
                                         "request", findings, 0);
    record.findings_count =
        add_findings(&txn->answer.tally, &txn->out.answer_actions, "answer",
                     findings, record.findings_count);
    cg_buf_t opaque;
    cg_buf_init(&opaque, 64, txn->pool);
    cg_opaque_write(&txn->out.opaque, &opaque);
    record.opaque = cg_buf_cstr(&opaque);
    measure(txn, &record);
    cg_flow_note_use(txn, &record);

    cg_buf_t json;
    cg_journal_entry_t entry;
    cg_buf_init(&json, 1024 + record.prompt.len + record.answer.len, txn->pool);
    cg_record_write(&record, &json);
    if (json.len > CG_JOURNAL_JSON_MAX) {
        leave_out_texts(&record); /* of control characters, each six bytes */
        json.len = 0;
        cg_record_write(&record, &json);
    }
    cg_journal_entry_make(&record, (cg_str_t){json.ptr, json.len}, &entry);
    apr_status_t rv = APR_ENOENT;
    if (txn->gateway->journal) {
        rv = cg_journal_append(txn->gateway->journal, &entry, err);
    }
    else {
        cg_error_set(err, "the journal is not open");
    }
    if (rv != APR_SUCCESS) {
        cg_meter_journal_error(txn->gateway->meter);
    }
    cg_lives_recorded(txn, rv == APR_SUCCESS);
    post_bill(txn, &bill);
    return rv;
}
