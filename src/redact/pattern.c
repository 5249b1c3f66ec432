/* Administrators' regular expressions; the only file that knows Hyperscan.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The database is read-only and shared by all threads. Scratch is not: a row
 * of slots, each taken and given back with one atomic exchange, serves the
 * threads of a child; when all are taken a scan makes one of its own.
 *
 * Raw byte mode: no UTF8 flag (a window may begin within a sequence), no UCP
 * (slow, and \b would then see no edge between 码 and 1).
 */
#include "redact/pattern.h"

#include <stdlib.h>
#include <string.h>

#include <hs.h>

#include "redact/prefix.h"

#define SLOTS 64

struct cg_patterns_t {
    hs_database_t *database;
    hs_scratch_t *scratch;      /* the prototype */
    hs_scratch_t *slots[SLOTS]; /* atomic; NULL: taken or never made */
    uint32_t width;      /* bytes of the longest match, at most MATCH_MAX */
    cg_prefix_t *prefix; /* what is half matched; NULL: not known */
};

typedef struct job_t {
    cg_window_t *w;
    uint32_t first; /* first candidate of this scan */
} job_t;

static apr_status_t destroy(void *data)
{
    cg_patterns_t *patterns = data;
    for (int i = 0; i < SLOTS; i++) {
        hs_free_scratch(patterns->slots[i]);
    }
    hs_free_scratch(patterns->scratch);
    hs_free_database(patterns->database);
    return APR_SUCCESS;
}

static unsigned flags_of(const cg_regex_t *regex)
{
    return HS_FLAG_SOM_LEFTMOST | (regex->is_caseless ? HS_FLAG_CASELESS : 0);
}

/* Looks at one regex alone, so that a fault has a name. */
static apr_status_t inspect(const cg_regex_t *regex, uint32_t *width,
                            cg_error_t *err)
{
    hs_compile_error_t *fault = NULL;
    hs_expr_info_t *info = NULL;
    if (hs_expression_info(regex->regex, flags_of(regex), &info, &fault) !=
        HS_SUCCESS) {
        cg_error_set(err, "regex %s: %s", regex->name,
                     fault ? fault->message : "cannot be compiled");
        hs_free_compile_error(fault);
        return APR_EINVAL;
    }
    bool is_empty = info->min_width == 0;
    *width = info->max_width;
    free(info);
    if (is_empty) {
        cg_error_set(err, "regex %s: it matches the empty text", regex->name);
        return APR_EINVAL;
    }
    return APR_SUCCESS;
}

static apr_status_t compile(const cg_regex_t *regexes, size_t count,
                            cg_patterns_t *patterns, cg_error_t *err,
                            apr_pool_t *pool)
{
    const char **texts = apr_palloc(pool, count * sizeof *texts);
    unsigned *flags = apr_palloc(pool, count * sizeof *flags);
    unsigned *ids = apr_palloc(pool, count * sizeof *ids);
    hs_compile_error_t *fault = NULL;
    for (size_t i = 0; i < count; i++) {
        texts[i] = regexes[i].regex;
        flags[i] = flags_of(&regexes[i]);
        ids[i] = (unsigned)i;
    }
    if (hs_compile_multi(texts, flags, ids, (unsigned)count, HS_MODE_BLOCK,
                         NULL, &patterns->database, &fault) != HS_SUCCESS) {
        int at = fault ? fault->expression : -1;
        cg_error_set(err, "regex %s: %s",
                     at >= 0 && (size_t)at < count ? regexes[at].name : "list",
                     fault ? fault->message : "cannot be compiled");
        hs_free_compile_error(fault);
        return APR_EINVAL;
    }
    return APR_SUCCESS;
}

apr_status_t cg_patterns_create(const cg_regex_t *regexes, size_t count,
                                cg_patterns_t **out, cg_error_t *err,
                                apr_pool_t *pool)
{
    *out = NULL;
    if (count == 0) {
        return APR_SUCCESS;
    }
    cg_patterns_t *patterns = apr_pcalloc(pool, sizeof *patterns);
    for (size_t i = 0; i < count; i++) {
        uint32_t width = 0;
        if (inspect(&regexes[i], &width, err) != APR_SUCCESS) {
            return APR_EINVAL;
        }
        width = width > CG_PATTERN_MATCH_MAX ? CG_PATTERN_MATCH_MAX : width;
        patterns->width = width > patterns->width ? width : patterns->width;
    }
    if (compile(regexes, count, patterns, err, pool) != APR_SUCCESS) {
        return APR_EINVAL;
    }
    apr_pool_cleanup_register(pool, patterns, destroy, apr_pool_cleanup_null);
    if (hs_alloc_scratch(patterns->database, &patterns->scratch) !=
        HS_SUCCESS) {
        cg_error_set(err, "regexes: no memory for the engine");
        return APR_ENOMEM;
    }
    patterns->prefix = cg_prefix_create(regexes, count, pool);
    *out = patterns;
    return APR_SUCCESS;
}

/* A byte regex may begin or end within a character; a finding does not. */
static uint32_t whole_start(const cg_window_t *w, uint32_t at, uint32_t least)
{
    for (int i = 0;
         i < 3 && at > least && at < w->n && (w->text[at] & 0xC0) == 0x80;
         i++) {
        at--;
    }
    return at;
}

static uint32_t whole_end(const cg_window_t *w, uint32_t at)
{
    for (int i = 0; i < 3 && at < w->n && (w->text[at] & 0xC0) == 0x80; i++) {
        at++;
    }
    return at;
}

/* Every end of a match is told; the longest of a start is kept. */
static int on_match(unsigned id, unsigned long long match_from,
                    unsigned long long match_to, unsigned flags, void *data)
{
    job_t *job = data;
    cg_window_t *w = job->w;
    (void)flags;
    if (match_from < w->base || match_to > match_from + CG_PATTERN_MATCH_MAX) {
        return 0;
    }
    uint32_t from = whole_start(w, (uint32_t)match_from, w->base);
    uint32_t to = whole_end(w, (uint32_t)match_to);
    for (uint32_t i = w->found_count; i > job->first; i--) {
        cg_candidate_t *known = &w->found[i - 1];
        if (known->type == CG_TYPE_CUSTOM && known->start == from &&
            known->rule == (int16_t)id) {
            known->end = (uint16_t)(to > known->end ? to : known->end);
            known->reach =
                known->reach > known->end ? known->reach : known->end;
            return 0;
        }
    }
    w->reach = 0;
    cg_candidate_plain(w, from, to, CG_TYPE_CUSTOM, 100, (int)id,
                       CG_SWALLOW_NONE);
    return 0;
}

static hs_scratch_t *take_scratch(const cg_patterns_t *patterns, int *slot)
{
    cg_patterns_t *shared = (cg_patterns_t *)(uintptr_t)patterns;
    hs_scratch_t *scratch = NULL;
    for (*slot = 0; *slot < SLOTS; ++*slot) {
        scratch =
            __atomic_exchange_n(&shared->slots[*slot], NULL, __ATOMIC_ACQUIRE);
        if (scratch) {
            return scratch;
        }
    }
    return hs_clone_scratch(patterns->scratch, &scratch) == HS_SUCCESS ? scratch
                                                                       : NULL;
}

static void give_scratch(const cg_patterns_t *patterns, hs_scratch_t *scratch)
{
    cg_patterns_t *shared = (cg_patterns_t *)(uintptr_t)patterns;
    for (int slot = 0; slot < SLOTS; slot++) {
        hs_scratch_t *none = NULL;
        if (__atomic_compare_exchange_n(&shared->slots[slot], &none, scratch,
                                        false, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED)) {
            return;
        }
    }
    hs_free_scratch(scratch);
}

bool cg_patterns_scan(const cg_patterns_t *patterns, cg_window_t *w)
{
    job_t job = {.w = w, .first = w->found_count};
    int slot;
    hs_scratch_t *scratch = take_scratch(patterns, &slot);
    if (!scratch) {
        return false;
    }
    hs_error_t result = hs_scan(patterns->database, (const char *)w->text, w->n,
                                0, scratch, on_match, &job);
    give_scratch(patterns, scratch);
    if (!w->is_final) {
        /* A match may still begin in, or grow into, what is here. */
        uint32_t back = patterns->width;
        uint32_t open = w->n > w->base + back ? w->n - back : w->base;
        if (patterns->prefix) {
            open = cg_prefix_open(patterns->prefix, w->text, open, w->n);
        }
        open = whole_start(w, open, w->base);
        w->open = open < w->open ? open : w->open;
    }
    return result == HS_SUCCESS;
}
