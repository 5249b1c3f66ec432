/* Finding in the texts of one request: remembered, scanned, or asked of others.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/finder.h"

#include <string.h>

#include <apr_tables.h>

void cg_finder_open(cg_finder_t *finder, const cg_rules_t *rules,
                    cg_scan_depth_t depth, cg_memo_t *memo, apr_time_t now)
{
    *finder = (cg_finder_t){.rules = rules,
                            .depth = depth,
                            .memo = memo,
                            .how = (uint64_t)depth,
                            .now = now};
    if (memo) {
        finder->version = cg_rules_version(rules);
    }
}

void cg_finder_ask(cg_finder_t *finder, cg_external_t *external)
{
    finder->external = external;
    finder->version = cg_rules_version(finder->rules);
    finder->how = (uint64_t)finder->depth + (cg_external_id(external) << 1);
}

/* Is it worth a look into the memory? Whom else we ask is far away: then always. */
static bool is_remembered(const cg_finder_t *finder, cg_str_t text)
{
    return finder->memo && (text.len >= CG_MEMO_TEXT_MIN || finder->external);
}

static cg_memo_key_t key_of(const cg_finder_t *finder, cg_str_t name,
                            cg_str_t text)
{
    return cg_memo_key(finder->memo, finder->version, finder->how, name, text);
}

apr_status_t cg_finder_collect(void *baton, cg_str_t name, cg_str_t text,
                               cg_findings_t *out)
{
    cg_finder_t *finder = baton;
    out->count = 0;
    if (is_remembered(finder, text)) {
        cg_memo_key_t key = key_of(finder, name, text);
        if (cg_memo_get(finder->memo, &key, text, finder->now, out)) {
            cg_external_know(finder->external, name, text, out);
            out->count = 0;
            return APR_SUCCESS;
        }
    }
    cg_external_want(finder->external, name, text);
    return APR_SUCCESS;
}

static void push(apr_array_header_t *to, cg_finding_t finding, uint32_t start,
                 uint32_t end)
{
    if (start < end) {
        finding.start = start;
        finding.end = end;
        APR_ARRAY_PUSH(to, cg_finding_t) = finding;
    }
}

/* Puts what others found around what we found. Both ascend. */
static void merge(const cg_findings_t *others, cg_findings_t *ours)
{
    size_t k = 0;
    apr_array_header_t *all =
        apr_array_make(ours->pool, (int)(ours->count + others->count) + 1,
                       sizeof(cg_finding_t));
    for (size_t i = 0; i < others->count; i++) {
        cg_finding_t other = others->items[i];
        uint32_t from = other.start;
        while (k < ours->count && ours->items[k].start < other.end) {
            if (ours->items[k].end > from) {
                push(all, other, from, ours->items[k].start);
                from = ours->items[k].end;
            }
            if (ours->items[k].end > other.end) {
                break; /* it goes on into the next one's place */
            }
            APR_ARRAY_PUSH(all, cg_finding_t) = ours->items[k++];
        }
        push(all, other, from, other.end);
    }
    for (; k < ours->count; k++) {
        APR_ARRAY_PUSH(all, cg_finding_t) = ours->items[k];
    }
    ours->items = (cg_finding_t *)all->elts;
    ours->count = (size_t)all->nelts;
    ours->cap = (size_t)all->nalloc;
}

static apr_status_t look_closely(cg_finder_t *finder, cg_str_t name,
                                 cg_str_t text, cg_findings_t *out)
{
    apr_status_t rv =
        cg_redact_scan_named(finder->rules, name, text, finder->depth, out);
    if (rv != APR_SUCCESS || !finder->external) {
        return rv;
    }
    const cg_findings_t *others =
        cg_external_found(finder->external, name, text);
    if (!others) {
        return APR_EGENERAL; /* nobody looked at it */
    }
    if (others->count > 0) {
        merge(others, out);
    }
    return APR_SUCCESS;
}

static void copy(const cg_findings_t *from, cg_findings_t *out)
{
    if (out->cap < from->count) {
        out->items = apr_palloc(out->pool, from->count * sizeof *out->items);
        out->cap = from->count;
    }
    if (from->count > 0) {
        memcpy(out->items, from->items, from->count * sizeof *out->items);
    }
    out->count = from->count;
}

apr_status_t cg_finder_find(void *baton, cg_str_t name, cg_str_t text,
                            cg_findings_t *out)
{
    cg_finder_t *finder = baton;
    const cg_findings_t *known =
        finder->external ? cg_external_known(finder->external, name, text)
                         : NULL;
    if (known) { /* looked up when texts were collected */
        finder->hits++;
        copy(known, out);
        return APR_SUCCESS;
    }
    if (!is_remembered(finder, text)) {
        return look_closely(finder, name, text, out);
    }
    cg_memo_key_t key = key_of(finder, name, text);
    if (cg_memo_get(finder->memo, &key, text, finder->now, out)) {
        finder->hits++;
        return APR_SUCCESS;
    }
    finder->misses++;
    apr_status_t rv = look_closely(finder, name, text, out);
    if (rv == APR_SUCCESS) {
        cg_memo_put(finder->memo, &key, text, out, finder->now);
    }
    return rv;
}
