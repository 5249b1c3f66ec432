/* Try a text: what would be found in it, and what would a provider see?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The text is kept nowhere and stands in no record: only the fact that somebody
 * tried one, with how much was found, is recorded. Offsets are in code points,
 * so that a console in JavaScript and a tool in Python mean the same place.
 */
#include <apr_strings.h>

#include "admin/admin_int.h"
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

static cg_json_t *entity_json(cg_ask_t *ask, ruler_t *ruler,
                              const cg_finding_t *found)
{
    const cg_admin_t *admin = ask->admin;
    cg_action_t action = admin->request_actions->by_type[found->type];
    cg_json_t *entity = cg_json_object(ask->pool);
    cg_json_set_str(entity, "type", type_name(admin->rules, found, ask->pool));
    cg_json_set_int(entity, "start", chars_to(ruler, found->start));
    cg_json_set_int(entity, "end", chars_to(ruler, found->end));
    cg_json_set_real(entity, "score", found->score / 100.0);
    cg_json_set_str(entity, "rule",
                    found->rule < 0 ? "built-in"
                                    : cg_rules_name(admin->rules, found->type,
                                                    found->rule));
    cg_json_set_str(entity, "action", cg_action_name(action));
    return entity;
}

/* What the provider would be sent. When the text would be refused as a whole,
 * shows what masking would have left of it: blocked_by says that it is not. */
static cg_str_t masked_text(const cg_ask_t *ask, cg_str_t text,
                            const cg_findings_t *findings,
                            cg_mask_result_t *out_result)
{
    cg_actions_t softened = *ask->admin->request_actions;
    for (size_t i = 0; i < CG_DETECTORS_MAX; i++) {
        if (softened.by_type[i] == CG_ACTION_BLOCK) {
            softened.by_type[i] = CG_ACTION_MASK;
        }
    }
    cg_buf_t buf;
    cg_buf_init(&buf, text.len + 64, ask->pool);
    *out_result = cg_redact_mask(ask->admin->rules, text, findings,
                                 ask->admin->request_actions, NULL, &buf);
    if (out_result->is_blocked) {
        buf.len = 0;
        cg_mask_result_t shown = cg_redact_mask(
            ask->admin->rules, text, findings, &softened, NULL, &buf);
        return shown.is_changed ? (cg_str_t){buf.ptr, buf.len} : text;
    }
    return out_result->is_changed ? (cg_str_t){buf.ptr, buf.len} : text;
}

static void reply_found(cg_ask_t *ask, cg_str_t text,
                        const cg_findings_t *findings)
{
    ruler_t ruler = {.text = text};
    cg_json_t *entities = cg_json_array(ask->pool);
    for (size_t i = 0; i < findings->count; i++) {
        cg_json_add(entities, entity_json(ask, &ruler, &findings->items[i]));
    }
    cg_json_t *change = cg_json_object(ask->pool);
    cg_json_set_int(change, "findings", (apr_int64_t)findings->count);
    const char *audit_id = cg_admin_record(ask, "read", 200, "scan", change);
    if (!audit_id) {
        return;
    }
    cg_mask_result_t result = {0};
    cg_str_t masked = masked_text(ask, text, findings, &result);
    cg_json_t *answer = cg_json_object(ask->pool);
    cg_json_set(answer, "entities", entities);
    cg_json_set_strn(answer, "masked", masked);
    cg_json_set_str(answer, "blocked_by",
                    result.is_blocked ? cg_detector_name(result.blocked_by)
                                      : NULL);
    cg_json_set_str(answer, "audit_id", audit_id);
    cg_admin_json(ask, 200, answer);
}

void cg_admin_scan_text(cg_ask_t *ask)
{
    if (!ask->admin->rules || !ask->admin->request_actions) {
        cg_admin_problem(ask, CG_PROBLEM_SERVICE,
                         "redaction is not configured");
        return;
    }
    cg_str_t text = cg_str(cg_json_get_str(ask->body, "text", ""));
    cg_findings_t findings;
    cg_findings_init(&findings, ask->pool);
    apr_status_t rv =
        cg_redact_scan(ask->admin->rules, text, CG_SCAN_DEEP, &findings);
    if (rv != APR_SUCCESS) {
        cg_admin_problem(ask, CG_PROBLEM_INTERNAL,
                         "the text could not be scanned; the gateway would "
                         "refuse it");
        return;
    }
    reply_found(ask, text, &findings);
}
