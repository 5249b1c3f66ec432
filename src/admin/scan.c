/* Try a text: what would be found in it, and what would a provider see?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The text is kept nowhere and stands in no record: only the fact that somebody
 * tried one, with how much was found, is recorded. Offsets are in code points,
 * so that a console in JavaScript and a tool in Python mean the same place.
 */
#include <apr_strings.h>

#include "admin/policy.h"
#include "admin/why.h"
#include "base/digest.h"
#include "redact/mask.h"
#include "redact/scan.h"

/* Goes on from an earlier place; findings come in ascending order, so a text is
 * walked once. */
typedef struct ruler_t {
    cg_str_t text;
    size_t byte;
    apr_int64_t chars;
} ruler_t;

static apr_int64_t chars_to(ruler_t *ruler, size_t byte)
{
    while (ruler->byte < byte && ruler->byte < ruler->text.len) {
        uint32_t cp = 0;
        const char *p = ruler->text.ptr + ruler->byte;
        int step = cg_utf8_decode(p, ruler->text.ptr + ruler->text.len, &cp);
        ruler->byte += step ? (size_t)step : 1;
        ruler->chars++;
    }
    return ruler->chars;
}

static const char *type_name(const cg_rules_t *rules, const cg_finding_t *found,
                             apr_pool_t *pool)
{
    const char *name = cg_detector_name(found->type);
    if (found->type != CG_TYPE_CUSTOM) {
        return name;
    }
    return apr_pstrcat(pool, name, ":",
                       cg_rules_name(rules, found->type, found->rule), NULL);
}

/* What a text is tried with: the policy in force, or a draft. */
typedef struct trial_t {
    const cg_rules_t *rules;
    cg_actions_t actions; /* of requests */
} trial_t;

static cg_action_t action_of(const trial_t *trial, const cg_finding_t *found)
{
    return cg_rules_action(trial->rules, &trial->actions, found->type,
                           found->rule);
}

static cg_json_t *why_json(cg_ask_t *ask, cg_str_t text,
                           const cg_finding_t *found)
{
    cg_json_t *why = cg_json_object(ask->pool);
    cg_json_set_str(why, "reason", cg_admin_why(found->type));
    cg_json_set_str(why, "label", cg_admin_why_label(text, found, ask->pool));
    return why;
}

static cg_json_t *entity_json(cg_ask_t *ask, const trial_t *trial,
                              ruler_t *ruler, const cg_finding_t *found)
{
    cg_json_t *entity = cg_json_object(ask->pool);
    cg_json_set_str(entity, "type", type_name(trial->rules, found, ask->pool));
    cg_json_set_int(entity, "start", chars_to(ruler, found->start));
    cg_json_set_int(entity, "end", chars_to(ruler, found->end));
    cg_json_set_real(entity, "score", found->score / 100.0);
    cg_json_set_str(entity, "rule",
                    found->rule < 0 ? "built-in"
                                    : cg_rules_name(trial->rules, found->type,
                                                    found->rule));
    cg_json_set_str(entity, "action", cg_action_name(action_of(trial, found)));
    cg_json_set(entity, "why", why_json(ask, ruler->text, found));
    return entity;
}

/* Tokens as a request would get, but of a key that is made for this call and
 * forgotten: who may try texts must not be able to ask whose value a token in a
 * record stands for. */
static cg_pseudonyms_t *new_pseudonyms(cg_ask_t *ask, cg_str_t text)
{
    char key[32];
    cg_error_t err;
    cg_random(key, sizeof key);
    cg_pseudonym_keys_t *keys =
        cg_pseudonym_keys_make((cg_str_t){key, sizeof key}, &err, ask->pool);
    cg_wipe(key, sizeof key);
    cg_pseudonyms_t *pseudonyms =
        keys ? cg_pseudonyms_open(keys, ask->pool) : NULL;
    if (pseudonyms) {
        cg_pseudonyms_note_typed(pseudonyms, text);
    }
    return pseudonyms;
}

/* What the provider would be sent. When the text would be refused as a whole,
 * shows what masking would have left of it: blocked_by says that it is not. */
static cg_str_t masked_text(cg_ask_t *ask, const trial_t *trial, cg_str_t text,
                            const cg_findings_t *findings,
                            const char **out_blocked_by)
{
    cg_buf_t buf;
    size_t at = 0;
    cg_pseudonyms_t *pseudonyms = new_pseudonyms(ask, text);
    cg_buf_init(&buf, text.len + 64, ask->pool);
    for (size_t i = 0; i < findings->count; i++) {
        const cg_finding_t *found = &findings->items[i];
        cg_action_t action = action_of(trial, found);
        if (action == CG_ACTION_BLOCK) {
            *out_blocked_by = *out_blocked_by ? *out_blocked_by
                                              : cg_detector_name(found->type);
            action = CG_ACTION_MASK;
        }
        if (action < CG_ACTION_PARTIAL) {
            continue;
        }
        cg_str_t value = {text.ptr + found->start, found->end - found->start};
        cg_buf_add(&buf, text.ptr + at, found->start - at);
        cg_mask_replace(trial->rules, pseudonyms, action, found, value, &buf);
        at = found->end;
    }
    cg_buf_add(&buf, text.ptr + at, text.len - at);
    return (cg_str_t){buf.ptr, buf.len};
}

static void reply_found(cg_ask_t *ask, const trial_t *trial, cg_str_t text,
                        const cg_findings_t *findings)
{
    ruler_t ruler = {.text = text};
    cg_json_t *entities = cg_json_array(ask->pool);
    for (size_t i = 0; i < findings->count; i++) {
        cg_json_add(entities,
                    entity_json(ask, trial, &ruler, &findings->items[i]));
    }
    cg_json_t *change = cg_json_object(ask->pool);
    cg_json_set_int(change, "findings", (apr_int64_t)findings->count);
    const char *audit_id = cg_admin_record(ask, "read", 200, "scan", change);
    if (!audit_id) {
        return;
    }
    const char *blocked_by = NULL;
    cg_str_t masked = masked_text(ask, trial, text, findings, &blocked_by);
    cg_json_t *answer = cg_json_object(ask->pool);
    cg_json_set(answer, "entities", entities);
    cg_json_set_strn(answer, "masked", masked);
    cg_json_set_str(answer, "blocked_by", blocked_by);
    cg_json_set_str(answer, "audit_id", audit_id);
    cg_admin_json(ask, 200, answer);
}

/* With the document of the body, if there is one. */
static bool prepare(cg_ask_t *ask, trial_t *out)
{
    const cg_json_t *json = cg_json_get(ask->body, "document");
    out->rules = ask->admin->rules;
    out->actions = *ask->admin->request_actions;
    if (!json) {
        return true;
    }
    apr_array_header_t *faults =
        apr_array_make(ask->pool, 4, sizeof(cg_document_fault_t));
    cg_document_t document;
    cg_rules_t *rules = NULL;
    if (!cg_admin_policy_read(ask, json, &document, faults) ||
        !cg_admin_policy_compile(ask, &document, &rules, faults)) {
        cg_admin_policy_refuse(ask, faults);
        return false;
    }
    out->rules = rules;
    if (ask->admin->try_draft) {
        ask->admin->try_draft(ask->admin->draft_baton, &document, &out->rules,
                              &out->actions, ask->pool);
    }
    return true;
}

void cg_admin_scan_text(cg_ask_t *ask)
{
    trial_t trial;
    if (!ask->admin->rules || !ask->admin->request_actions) {
        cg_admin_problem(ask, CG_PROBLEM_SERVICE,
                         "redaction is not configured");
        return;
    }
    if (!prepare(ask, &trial)) {
        return;
    }
    cg_str_t text = cg_str(cg_json_get_str(ask->body, "text", ""));
    cg_findings_t findings;
    cg_findings_init(&findings, ask->pool);
    apr_status_t rv =
        cg_redact_scan(trial.rules, text, CG_SCAN_DEEP, &findings);
    if (rv != APR_SUCCESS) {
        cg_admin_problem(ask, CG_PROBLEM_INTERNAL,
                         "the text could not be scanned; the gateway would "
                         "refuse it");
        return;
    }
    reply_found(ask, &trial, text, &findings);
}
