/* The shape of one audit record, as JSON.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "audit/record.h"

#include <string.h>

#include "base/clock.h"

static const char *const DECISIONS[CG_DECISION_COUNT] = {
    [CG_DECISION_SERVED] = "served",   [CG_DECISION_REFUSED] = "refused",
    [CG_DECISION_FAILED] = "failed",   [CG_DECISION_ABORTED] = "aborted",
    [CG_DECISION_CHANGED] = "changed", [CG_DECISION_READ] = "read",
    [CG_DECISION_DENIED] = "denied",
};

/* Begins a member: every one but the first has a comma before it. */
static void name(cg_buf_t *out, const char *member)
{
    if (out->ptr[out->len - 1] != '{') {
        cg_buf_char(out, ',');
    }
    cg_buf_char(out, '"');
    cg_buf_str(out, member);
    cg_buf_add(out, "\":", 2);
}

static void put_words(cg_buf_t *out, const char *member, const char *words)
{
    name(out, member);
    cg_buf_json_string(out, words ? words : "", words ? strlen(words) : 0);
}

static void put_text(cg_buf_t *out, const char *member, cg_str_t text)
{
    name(out, member);
    if (!text.ptr) {
        cg_buf_add(out, "null", 4);
        return;
    }
    cg_buf_char(out, '"');
    const char *nul = memchr(text.ptr, '\0', text.len);
    while (nul) {
        /* A NUL makes JSON that strict readers refuse, ours too. */
        size_t before = (size_t)(nul - text.ptr);
        cg_buf_json_escape(out, text.ptr, before);
        cg_buf_str(out, "\xEF\xBF\xBD");
        text = (cg_str_t){nul + 1, text.len - before - 1};
        nul = memchr(text.ptr, '\0', text.len);
    }
    cg_buf_json_escape(out, text.ptr, text.len);
    cg_buf_char(out, '"');
}

static void put_number(cg_buf_t *out, const char *member, int64_t number)
{
    name(out, member);
    cg_buf_int(out, number);
}

static void put_flag(cg_buf_t *out, const char *member, bool flag)
{
    name(out, member);
    cg_buf_str(out, flag ? "true" : "false");
}

static void put_time(cg_buf_t *out, const char *member, apr_time_t at)
{
    char text[25];
    cg_clock_rfc3339(at, text);
    put_words(out, member, text);
}

static void put_findings(cg_buf_t *out, const cg_record_t *record)
{
    name(out, "findings");
    cg_buf_char(out, '[');
    for (size_t i = 0; i < record->findings_count; i++) {
        const cg_meter_finding_t *finding = &record->findings[i];
        if (i) {
            cg_buf_char(out, ',');
        }
        cg_buf_char(out, '{');
        put_words(out, "type", finding->type);
        put_words(out, "direction", finding->direction);
        put_number(out, "count", finding->count);
        put_words(out, "action", finding->action);
        cg_buf_char(out, '}');
    }
    cg_buf_char(out, ']');
}

static void put_caller(cg_buf_t *out, const cg_record_t *record)
{
    put_words(out, "id", record->id);
    put_time(out, "at", record->at);
    put_words(out, "key_id", record->key_id);
    put_words(out, "key_name", record->key_name);
    put_words(out, "team", record->team);
    put_words(out, "user", record->user);
    put_words(out, "address", record->address);
    put_words(out, "vhost", record->vhost);
    put_words(out, "endpoint", record->endpoint);
}

static void put_outcome(cg_buf_t *out, const cg_record_t *record)
{
    cg_str_t none = CG_STR("");
    cg_str_t asked = record->model_asked;
    cg_str_t served = record->model_served;
    put_text(out, "model_asked", asked.ptr ? asked : none);
    put_text(out, "model_served", served.ptr ? served : none);
    put_words(out, "decision", record->decision);
    put_words(out, "reason", record->reason);
    put_number(out, "status", record->status);
    put_findings(out, record);
    put_words(out, "opaque", record->opaque ? record->opaque : "");
    put_text(out, "prompt", record->prompt);
    put_flag(out, "prompt_cut", record->prompt_cut);
    put_text(out, "answer", record->answer);
    put_flag(out, "answer_cut", record->answer_cut);
}

static void put_bill(cg_buf_t *out, const cg_record_t *record)
{
    put_number(out, "input_tokens", record->input_tokens);
    put_number(out, "output_tokens", record->output_tokens);
    put_words(out, "tokens_from", record->tokens_from);
    if (record->clamped_output > 0) {
        put_number(out, "clamped_output_tokens", record->clamped_output);
    }
    if (record->soft_limits && record->soft_limits[0]) {
        put_words(out, "soft_limits_passed", record->soft_limits);
    }
    put_number(out, "cost_micros", record->cost_micros);
    put_number(out, "took_micros", record->took);
    put_number(out, "first_byte_micros", record->first_byte_took);
    put_number(out, "attempts", record->attempts);
    put_words(out, "upstream", record->upstream);
    put_words(out, "upstream_request_id", record->upstream_request_id);
    put_flag(out, "stream", record->is_stream);
    put_flag(out, "hold", record->has_hold);
    put_flag(out, "released", record->is_released);
    put_number(out, "policy_version", record->policy_version);
    put_words(out, "signing_key", record->signing_key);
}

static void put_region(cg_buf_t *out, const cg_record_t *record)
{
    put_words(out, "region", record->region);
    put_words(out, "upstream_region", record->upstream_region);
    put_flag(out, "label", record->is_labelled);
    if (record->keep_for > 0) {
        put_time(out, "keep_until",
                 record->at + record->took + record->keep_for);
        return;
    }
    name(out, "keep_until");
    cg_buf_add(out, "null", 4);
}

void cg_record_write(const cg_record_t *record, cg_buf_t *out)
{
    cg_buf_char(out, '{');
    put_caller(out, record);
    put_outcome(out, record);
    put_bill(out, record);
    put_region(out, record);
    cg_buf_char(out, '}');
}

const char *cg_record_decision_name(cg_decision_t decision)
{
    return DECISIONS[decision < CG_DECISION_COUNT ? decision
                                                  : CG_DECISION_FAILED];
}

cg_decision_t cg_record_decision(const char *word)
{
    for (int i = 0; word && i < CG_DECISION_COUNT; i++) {
        if (strcmp(word, DECISIONS[i]) == 0) {
            return (cg_decision_t)i;
        }
    }
    return CG_DECISION_FAILED;
}

bool cg_record_is_operators(cg_decision_t decision)
{
    return decision >= CG_DECISION_CHANGED && decision < CG_DECISION_COUNT;
}
