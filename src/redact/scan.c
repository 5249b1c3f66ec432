/* Finding secrets and personal data in a whole text.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/scan.h"

#include <string.h>

#include "redact/redact_int.h"

#define WINDOW_BYTES 8192 /* normalised text and source stay in the L1 cache */
#define CANDIDATES 2048

typedef struct cg_work_t {
    unsigned char text[CG_LEFT_BYTES + WINDOW_BYTES];
    cg_break_t breaks[WINDOW_BYTES + 2];
    cg_candidate_t found[CANDIDATES];
} cg_work_t;

typedef struct job_t {
    cg_findings_t *out;
    uint32_t offset; /* of the window in the text */
} job_t;

void cg_findings_init(cg_findings_t *findings, apr_pool_t *pool)
{
    memset(findings, 0, sizeof *findings);
    findings->pool = pool;
}

static void push(cg_findings_t *out, const cg_finding_t *finding)
{
    if (out->count == out->cap) {
        size_t cap = out->cap ? out->cap * 2 : 16;
        cg_finding_t *items = apr_palloc(out->pool, cap * sizeof *items);
        if (out->count) {
            memcpy(items, out->items, out->count * sizeof *items);
        }
        out->items = items;
        out->cap = cap;
    }
    out->items[out->count++] = *finding;
}

static void on_finding(void *ctx, uint32_t start, uint32_t end,
                       const cg_candidate_t *what, bool continues)
{
    job_t *job = ctx;
    if (continues) {
        job->out->items[job->out->count - 1].end = job->offset + end;
        return;
    }
    cg_finding_t finding = {.start = job->offset + start,
                            .end = job->offset + end,
                            .type = what->type,
                            .score = what->score,
                            .rule = what->rule};
    push(job->out, &finding);
}

apr_status_t cg_redact_scan(const cg_rules_t *rules, cg_str_t text,
                            cg_scan_depth_t depth, cg_findings_t *out)
{
    return cg_redact_scan_named(rules, CG_STR(""), text, depth, out);
}

apr_status_t cg_redact_scan_named(const cg_rules_t *rules, cg_str_t name,
                                  cg_str_t text, cg_scan_depth_t depth,
                                  cg_findings_t *out)
{
    cg_engine_t engine;
    job_t job = {.out = out};
    out->count = 0;
    if (text.len > CG_SCAN_TEXT_MAX) {
        return APR_EINVAL;
    }
    if (!out->work) {
        out->work = apr_palloc(out->pool, sizeof *out->work);
    }
    cg_room_t room = {.text = out->work->text,
                      .breaks = out->work->breaks,
                      .break_cap = WINDOW_BYTES + 2,
                      .found = out->work->found,
                      .found_cap = CANDIDATES};
    cg_engine_init(&engine, rules, depth == CG_SCAN_DEEP);
    cg_engine_name(&engine, name);
    uint32_t at = 0;
    while (at < text.len) {
        uint32_t left = (uint32_t)text.len - at;
        uint32_t len = left < WINDOW_BYTES ? left : WINDOW_BYTES;
        job.offset = at;
        uint32_t decided = cg_engine_run(&engine, text.ptr + at, len,
                                         len == left, &room, on_finding, &job);
        if (decided == 0 || engine.has_failed) {
            return APR_EGENERAL;
        }
        at += decided;
    }
    return APR_SUCCESS;
}
