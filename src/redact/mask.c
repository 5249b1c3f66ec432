/* Putting [TYPE] in the place of what was found.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/mask.h"

#include <stdio.h>
#include <string.h>

#include "redact/redact_int.h"

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

/* Blanks and separators tell nothing; quotes and backslashes would undo the
 * JSON around a value. */
static bool is_separator(char c)
{
    return c != '\0' && strchr(" -./:()+@_,;", c) != NULL;
}

static bool is_alnum(char c)
{
    return cg_is((unsigned char)c, CG_C_ALNUM);
}

/* Stars for all but separators and what stands from byte shown on. */
static void put_starred(cg_str_t value, size_t shown, cg_buf_t *out)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (((unsigned char)c & 0xC0) == 0x80) {
            continue; /* a character of several bytes is one star */
        }
        bool is_shown = is_separator(c) || (i >= shown && is_alnum(c));
        cg_buf_char(out, is_shown ? c : '*');
    }
}

/* Where the last four letters or digits begin; fewer where four would be more
 * than half. */
static size_t last_four(cg_str_t value)
{
    size_t count = 0;
    for (size_t i = 0; i < value.len; i++) {
        count += is_alnum(value.ptr[i]);
    }
    size_t left = count / 2 < 4 ? count / 2 : 4;
    size_t at = value.len;
    while (left > 0) {
        at--;
        left -= is_alnum(value.ptr[at]);
    }
    return at;
}

/* 4111 1111 1111 1111 is **** **** **** 1111, ann@example.com a**@example.com. */
static void put_partial(const cg_finding_t *finding, cg_str_t value,
                        cg_buf_t *out)
{
    const char *at = finding->type == CG_TYPE_EMAIL_ADDRESS
                         ? memchr(value.ptr, '@', value.len)
                         : NULL;
    size_t local = at ? (size_t)(at - value.ptr) : 0;
    size_t tail = last_four(value);
    if (local < 2 || !is_alnum(value.ptr[0])) {
        put_starred(value, at ? value.len : tail, out);
        return;
    }
    cg_buf_char(out, value.ptr[0]);
    put_starred((cg_str_t){value.ptr + 1, local - 1}, local, out);
    put_starred((cg_str_t){at, value.len - local}, 0, out);
}

size_t cg_mask_replace(const cg_rules_t *rules, cg_pseudonyms_t *pseudonyms,
                       cg_action_t action, const cg_finding_t *finding,
                       cg_str_t value, cg_buf_t *out)
{
    char placeholder[CG_PLACEHOLDER_MAX];
    size_t before = out->len;
    if (action == CG_ACTION_PSEUDONYM && pseudonyms && value.len > 0 &&
        cg_pseudonyms_issue(pseudonyms, finding->type, value, out)) {
        return out->len - before;
    }
    if (action == CG_ACTION_PARTIAL && value.len > 0 &&
        !cg_detector_is_secret(finding->type)) {
        put_partial(finding, value, out);
        return out->len - before;
    }
    size_t len = cg_mask_placeholder(rules, finding, placeholder);
    cg_buf_add(out, placeholder, len);
    return len;
}

/* Counts; the first finding that blocks. */
static bool weigh(const cg_rules_t *rules, const cg_findings_t *findings,
                  const cg_actions_t *actions, cg_tally_t *tally,
                  cg_mask_result_t *result)
{
    bool has_mask = false;
    for (size_t i = 0; i < findings->count; i++) {
        uint8_t type = findings->items[i].type;
        cg_action_t action =
            cg_rules_action(rules, actions, type, findings->items[i].rule);
        if (action == CG_ACTION_ALLOW) {
            continue;
        }
        if (tally) {
            tally->by_type[type]++;
        }
        has_mask = has_mask || action > CG_ACTION_LOG;
        if (action == CG_ACTION_BLOCK && !result->is_blocked) {
            result->is_blocked = true;
            result->blocked_by = type;
        }
    }
    return has_mask;
}

cg_mask_result_t cg_redact_mask(const cg_rules_t *rules, cg_str_t text,
                                const cg_findings_t *findings,
                                const cg_actions_t *actions,
                                cg_pseudonyms_t *pseudonyms, cg_tally_t *tally,
                                cg_buf_t *out_buf)
{
    cg_mask_result_t result = {0};
    size_t at = 0;
    bool has_mask = weigh(rules, findings, actions, tally, &result);
    if (!has_mask || result.is_blocked) {
        return result;
    }
    for (size_t i = 0; i < findings->count; i++) {
        const cg_finding_t *finding = &findings->items[i];
        cg_action_t action =
            cg_rules_action(rules, actions, finding->type, finding->rule);
        cg_str_t value = {text.ptr + finding->start,
                          finding->end - finding->start};
        if (action <= CG_ACTION_LOG) {
            continue;
        }
        cg_buf_add(out_buf, text.ptr + at, finding->start - at);
        cg_mask_replace(rules, pseudonyms, action, finding, value, out_buf);
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
