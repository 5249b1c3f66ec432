/* Putting [TYPE] in the place of what was found.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/mask.h"

#include <stdio.h>

size_t cg_mask_placeholder(const cg_rules_t *rules, const cg_finding_t *finding,
                           char out[CG_PLACEHOLDER_MAX])
{
    bool is_custom = finding->type == CG_TYPE_CUSTOM;
    int len = snprintf(
        out, CG_PLACEHOLDER_MAX, "[%s%s%s]", cg_detector_name(finding->type),
        is_custom ? ":" : "",
        is_custom ? cg_rules_name(rules, finding->type, finding->rule) : "");
    return (size_t)len;
}

/* Counts; the first finding that blocks. */
static bool weigh(const cg_findings_t *findings, const cg_actions_t *actions,
                  cg_tally_t *tally, cg_mask_result_t *result)
{
    bool has_mask = false;
    for (size_t i = 0; i < findings->count; i++) {
        uint8_t type = findings->items[i].type;
        uint8_t action = actions->by_type[type];
        if (action == CG_ACTION_ALLOW) {
            continue;
        }
        if (tally) {
            tally->by_type[type]++;
        }
        has_mask = has_mask || action >= CG_ACTION_MASK;
        if (action == CG_ACTION_BLOCK && !result->is_blocked) {
            result->is_blocked = true;
            result->blocked_by = type;
        }
    }
    return has_mask;
}

cg_mask_result_t cg_redact_mask(const cg_rules_t *rules, cg_str_t text,
                                const cg_findings_t *findings,
                                const cg_actions_t *actions, cg_tally_t *tally,
                                cg_buf_t *out_buf)
{
    cg_mask_result_t result = {0};
    size_t at = 0;
    char placeholder[CG_PLACEHOLDER_MAX];
    bool has_mask = weigh(findings, actions, tally, &result);
    if (!has_mask || result.is_blocked) {
        return result;
    }
    for (size_t i = 0; i < findings->count; i++) {
        const cg_finding_t *finding = &findings->items[i];
        if (actions->by_type[finding->type] < CG_ACTION_MASK) {
            continue;
        }
        cg_buf_add(out_buf, text.ptr + at, finding->start - at);
        size_t len = cg_mask_placeholder(rules, finding, placeholder);
        cg_buf_add(out_buf, placeholder, len);
        at = finding->end;
    }
    cg_buf_add(out_buf, text.ptr + at, text.len - at);
    result.is_changed = true;
    return result;
}

void cg_tally_write(const cg_tally_t *tally, cg_buf_t *out)
{
    const char *comma = "";
    for (int type = 0; type < CG_TYPE_COUNT; type++) {
        if (tally->by_type[type] > 0) {
            cg_buf_fmt(out, "%s%s=%u", comma, cg_detector_name(type),
                       tally->by_type[type]);
            comma = ",";
        }
    }
}

uint32_t cg_tally_total(const cg_tally_t *tally)
{
    uint32_t total = 0;
    for (int type = 0; type < CG_TYPE_COUNT; type++) {
        total += tally->by_type[type];
    }
    return total;
}
