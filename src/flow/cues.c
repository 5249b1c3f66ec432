/* Subtitles: what is said, over the times that stand between.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/cues.h"

#include <string.h>

#include <apr_tables.h>

#include "base/walk.h"

#define TAG_MAX 64
#define APART UINT32_MAX

static cg_str_t next_line(cg_str_t *rest)
{
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
    cg_str_t line = {rest->ptr, len};
    size_t used = end ? len + 1 : len;
    *rest = (cg_str_t){rest->ptr + used, rest->len - used};
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    return line;
}

/* "00:00:02,000 --> 00:00:04,000" */
static bool is_times(cg_str_t line)
{
    return line.len >= 5 && line.ptr[0] >= '0' && line.ptr[0] <= '9' &&
           memmem(line.ptr, line.len, "-->", 3) != NULL;
}

static bool is_number(cg_str_t line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] < '0' || line.ptr[i] > '9') {
            return false;
        }
    }
    return line.len > 0;
}

bool cg_cues_is(cg_str_t head)
{
    static const char mark[] = "\xEF\xBB\xBF";
    if (cg_str_has_prefix(head, mark)) {
        head = (cg_str_t){head.ptr + 3, head.len - 3};
    }
    if (cg_str_has_prefix(head, "WEBVTT")) {
        return true;
    }
    cg_str_t first = next_line(&head);
    while (first.len == 0 && head.len > 0) {
        first = next_line(&head);
    }
    return is_times(first) || (is_number(first) && is_times(next_line(&head)));
}

/* "<v Roger>", "</c>", "<00:00:01.500>": its length; 0: it is none. */
static size_t tag_at(cg_str_t line, size_t at)
{
    size_t most = line.len - at < TAG_MAX ? line.len - at : TAG_MAX;
    const char *end =
        line.ptr[at] == '<' ? memchr(line.ptr + at, '>', most) : NULL;
    return end ? (size_t)(end - line.ptr) - at + 1 : 0;
}

typedef struct joining_t {
    cg_str_t text;
    char *words;
    uint32_t *from;
    size_t len;
} joining_t;

static void push(joining_t *joining, char c, uint32_t from)
{
    joining->words[joining->len] = c;
    joining->from[joining->len++] = from;
}

static void add_line(joining_t *joining, cg_str_t line)
{
    uint32_t start = (uint32_t)(line.ptr - joining->text.ptr);
    for (size_t i = 0; i < line.len;) {
        size_t tag = tag_at(line, i);
        if (tag == 0) {
            push(joining, line.ptr[i], start + (uint32_t)i);
        }
        i += tag ? tag : 1;
    }
    push(joining, ' ', APART);
}

/* A number, or a name behind an empty line, before times names the cue. */
static joining_t join(cg_str_t text, apr_pool_t *pool)
{
    joining_t joining = {
        .text = text,
        .words = apr_palloc(pool, text.len + 2),
        .from = apr_palloc(pool, (text.len + 2) * sizeof(uint32_t))};
    cg_str_t rest = text;
    bool is_behind_empty = true;
    while (rest.len > 0) {
        cg_str_t line = next_line(&rest);
        cg_str_t behind = rest;
        bool may_name = is_behind_empty || is_number(line);
        if (line.len > 0 && !is_times(line) &&
            !(may_name && is_times(next_line(&behind)))) {
            add_line(&joining, line);
        }
        is_behind_empty = line.len == 0;
    }
    return joining;
}

/* The stretches of the text that these words come from. One: they were said
 * within a line. */
static apr_array_header_t *stretches_of(const joining_t *joining,
                                        const cg_finding_t *finding,
                                        apr_pool_t *pool)
{
    apr_array_header_t *all = apr_array_make(pool, 2, sizeof(cg_splice_t));
    for (uint32_t i = finding->start; i < finding->end; i++) {
        uint32_t from = joining->from[i];
        cg_splice_t *last =
            all->nelts ? &APR_ARRAY_IDX(all, all->nelts - 1, cg_splice_t)
                       : NULL;
        if (from != APART && last && last->end == from) {
            last->end++;
        }
        else if (from != APART) {
            APR_ARRAY_PUSH(all, cg_splice_t) =
                (cg_splice_t){.start = from, .end = from + 1, .with = {"", 0}};
        }
    }
    return all;
}

/* What stands for a value stands where it began; its other parts go. */
typedef struct masking_t {
    const cg_rules_t *rules;
    const cg_actions_t *actions;
    cg_pseudonyms_t *pseudonyms;
    cg_tally_t *tally;
    cg_mask_result_t *result;
    apr_array_header_t *splices;
} masking_t;

static void mask_one(const masking_t *to, const joining_t *joining,
                     const cg_finding_t *finding, apr_pool_t *pool)
{
    cg_action_t action =
        cg_rules_action(to->rules, to->actions, finding->type, finding->rule);
    apr_array_header_t *stretches = stretches_of(joining, finding, pool);
    if (stretches->nelts < 2 || action == CG_ACTION_ALLOW) {
        return;
    }
    to->tally->by_type[finding->type]++;
    if (action == CG_ACTION_BLOCK) {
        to->result->is_blocked = true;
        to->result->blocked_by = finding->type;
    }
    if (action == CG_ACTION_LOG || action == CG_ACTION_BLOCK) {
        return;
    }
    cg_buf_t with;
    cg_str_t value = {joining->words + finding->start,
                      finding->end - finding->start};
    cg_buf_init(&with, 32, pool);
    cg_mask_replace(to->rules, to->pseudonyms, action, finding, value, &with);
    APR_ARRAY_IDX(stretches, 0, cg_splice_t).with =
        (cg_str_t){with.ptr, with.len};
    apr_array_cat(to->splices, stretches);
    to->result->is_changed = true;
}

apr_status_t cg_cues_mask(const cg_rules_t *rules, const cg_actions_t *actions,
                          cg_pseudonyms_t *pseudonyms, cg_tally_t *tally,
                          cg_str_t text, cg_str_t *out,
                          cg_mask_result_t *out_result, apr_pool_t *pool)
{
    joining_t joining = join(text, pool);
    cg_str_t words = {joining.words, joining.len};
    masking_t to = {rules,      actions,
                    pseudonyms, tally,
                    out_result, apr_array_make(pool, 4, sizeof(cg_splice_t))};
    cg_findings_t findings;
    cg_findings_init(&findings, pool);
    *out = text;
    *out_result = (cg_mask_result_t){.is_changed = false};
    apr_status_t rv = cg_redact_scan(rules, words, CG_SCAN_PLAIN, &findings);
    for (size_t i = 0; rv == APR_SUCCESS && i < findings.count; i++) {
        mask_one(&to, &joining, &findings.items[i], pool);
    }
    if (out_result->is_changed) {
        cg_buf_t masked;
        cg_buf_init(&masked, text.len + 64, pool);
        cg_walk_splice(text, (const cg_splice_t *)to.splices->elts,
                       (size_t)to.splices->nelts, &masked);
        *out = (cg_str_t){masked.ptr, masked.len};
    }
    return rv;
}
