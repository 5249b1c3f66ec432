/* Administrators' regular expressions; the only file that knows Hyperscan.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The database is read-only and shared by all threads, and by all processes that
 * map the file it stands in. Scratch is not: a row of slots, each taken and given
 * back with one atomic exchange, serves the threads of a child; when all are taken
 * a scan makes one of its own.
 *
 * UTF-8 mode: a character is a character, also in a class or before a quantifier.
 * The library wants valid UTF-8 then, so what is not is hidden from it. No UCP
 * (slow, and \b would then see no edge between 码 and 1).
 */
#include "redact/pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <hs.h>

#include "redact/expression.h"
#include "redact/prefix.h"
#include "redact/rules_int.h"

#define SLOTS 64
#define REGEXES_MAX 4096
#define POSITIONS_MAX 100000 /* of all regexes together */
#define WINDOW_MAX 16384     /* bytes of a window */
#define RECENT 64

struct cg_patterns_t {
    hs_database_t *database;
    bool is_mapped;             /* the database is a part of a file */
    hs_scratch_t *scratch;      /* the prototype */
    hs_scratch_t *slots[SLOTS]; /* atomic; NULL: taken or never made */
    cg_prefix_t *prefix;        /* what is half matched */
};

/* What stands before the database in a file. */
typedef struct block_t {
    uint64_t prefix_at;
    uint64_t prefix_len;
    uint64_t database_at;
    uint64_t database_len;
    char platform[160];
} block_t;

typedef struct job_t {
    cg_window_t *w;
    uint32_t skipped; /* bytes of the window before those that are scanned */
    struct {
        uint32_t at; /* 1 + place of its last candidate; 0 none */
        unsigned id;
    } recent[RECENT];
} job_t;

static apr_status_t destroy(void *data)
{
    cg_patterns_t *patterns = data;
    for (int i = 0; i < SLOTS; i++) {
        hs_free_scratch(patterns->slots[i]);
    }
    hs_free_scratch(patterns->scratch);
    if (!patterns->is_mapped) {
        hs_free_database(patterns->database);
    }
    return APR_SUCCESS;
}

static unsigned flags_of(const cg_regex_t *regex)
{
    return HS_FLAG_SOM_LEFTMOST |
           (regex->fit == CG_REGEX_BYTES ? 0 : HS_FLAG_UTF8) |
           (regex->is_caseless ? HS_FLAG_CASELESS : 0);
}

/* ---- judging one regex ---- */

static apr_status_t refuse(const cg_regex_t *regex, const char *what,
                           cg_error_t *err)
{
    cg_error_set(err, "regex %s: %s", regex->name, what);
    return APR_EINVAL;
}

/* Says no to what could not be compiled in a moment. */
static apr_status_t measure(const cg_regex_t *regex, cg_error_t *err,
                            uint64_t *out_positions)
{
    cg_expression_size_t size;
    if (!cg_utf8_valid(regex->regex, strlen(regex->regex))) {
        return refuse(regex, "it is not UTF-8", err);
    }
    if (cg_expression_measure(regex->regex, &size)) {
        *out_positions = size.positions;
        return APR_SUCCESS;
    }
    if (size.has_foreign) {
        return refuse(regex,
                      "of \\p{...} only scripts can be used, such as \\p{Han}, "
                      "and no (*...)",
                      err);
    }
    return refuse(
        regex,
        "it is too large: long, nested too deep, or with repeats that "
        "multiply",
        err);
}

/* Looks at one regex alone, so that a fault has a name. */
static apr_status_t inspect(const cg_regex_t *regex, uint32_t *width,
                            uint64_t *positions, cg_error_t *err)
{
    hs_compile_error_t *fault = NULL;
    hs_expr_info_t *info = NULL;
    if (measure(regex, err, positions) != APR_SUCCESS) {
        return APR_EINVAL;
    }
    if (hs_expression_info(regex->regex, flags_of(regex), &info, &fault) !=
        HS_SUCCESS) {
        refuse(regex, fault ? fault->message : "it cannot be compiled", err);
        hs_free_compile_error(fault);
        return APR_EINVAL;
    }
    uint32_t least = info->min_width;
    *width = info->max_width > CG_PATTERN_MATCH_MAX ? CG_PATTERN_MATCH_MAX
                                                    : info->max_width;
    free(info);
    if (least == 0) {
        return refuse(regex, "it matches the empty text", err);
    }
    if (least > CG_PATTERN_MATCH_MAX) {
        return refuse(regex,
                      "its shortest match has more than 192 bytes, and "
                      "so long a one is never found",
                      err);
    }
    return APR_SUCCESS;
}

/* What people write every day, and hides nothing. */
static const char *const ordinary[] = {
    "The meeting is on Thursday at three; please bring the figures of the last "
    "quarter and a short list of open questions, so that we can end in time. "
    "Thank you all, and have a good weekend!",
    "会议定在星期四下午三点，请各位带上上个季度的数字和一份简短的问题清单，"
    "这样我们可以按时结束。谢谢大家，祝周末愉快！"};

static int on_probe(unsigned id, unsigned long long from, unsigned long long to,
                    unsigned flags, void *data)
{
    bool *is_covered = data;
    (void)id;
    (void)flags;
    for (unsigned long long i = from;
         i < to && to - from <= CG_PATTERN_MATCH_MAX; i++) {
        is_covered[i] = true;
    }
    return 0;
}

/* Would half of what it says be found in this text? */
static bool covers(const hs_database_t *database, hs_scratch_t *scratch,
                   const char *text)
{
    bool is_covered[512] = {false};
    unsigned len = (unsigned)strlen(text);
    unsigned covered = 0;
    len = len < sizeof is_covered ? len : sizeof is_covered;
    hs_scan(database, text, len, 0, scratch, on_probe, is_covered);
    for (unsigned i = 0; i < len; i++) {
        covered += is_covered[i];
    }
    return covered > len / 2;
}

/* Does it find nearly everything? */
static bool is_greedy(const hs_database_t *database)
{
    hs_scratch_t *scratch = NULL;
    bool is_all = false;
    if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS) {
        return false; /* what follows wants scratch too, and fails */
    }
    for (size_t i = 0; i < sizeof ordinary / sizeof ordinary[0]; i++) {
        is_all = is_all || covers(database, scratch, ordinary[i]);
    }
    hs_free_scratch(scratch);
    return is_all;
}

/* Does it name no character beyond ASCII? */
static bool is_ascii(const char *regex)
{
    for (const char *p = regex; *p; p++) {
        if ((*p & 0x80) || (*p == '\\' && p[1] && strchr("xpP", p[1]))) {
            return false;
        }
    }
    return true;
}

/* Alone: as characters, else as bytes. NULL, and words, when neither goes. */
static hs_database_t *compile_one(cg_regex_t *regex, cg_error_t *err)
{
    hs_database_t *database = NULL;
    hs_compile_error_t *fault = NULL;
    for (unsigned fit = CG_REGEX_CHARACTERS; fit <= CG_REGEX_BYTES; fit++) {
        regex->fit = (uint8_t)fit;
        hs_free_compile_error(fault);
        fault = NULL;
        bool is_done = hs_compile(regex->regex, flags_of(regex), HS_MODE_BLOCK,
                                  NULL, &database, &fault) == HS_SUCCESS;
        if (is_done || !is_ascii(regex->regex)) {
            break;
        }
    }
    if (!database) {
        refuse(regex, fault ? fault->message : "it cannot be compiled", err);
    }
    hs_free_compile_error(fault);
    return database;
}

static apr_status_t check(cg_regex_t *regex, uint32_t *width,
                          uint64_t *positions, cg_error_t *err)
{
    bool is_known = regex->fit != CG_REGEX_UNKNOWN;
    if (inspect(regex, width, positions, err) != APR_SUCCESS) {
        return APR_EINVAL;
    }
    if (is_known) {
        return APR_SUCCESS;
    }
    hs_database_t *database = compile_one(regex, err);
    if (!database) {
        return APR_EINVAL;
    }
    bool is_all = is_greedy(database);
    hs_free_database(database);
    return is_all ? refuse(regex, "it matches nearly any text", err)
                  : APR_SUCCESS;
}

apr_status_t cg_regex_check(cg_regex_t *regex, cg_error_t *err)
{
    uint32_t width;
    uint64_t positions;
    return check(regex, &width, &positions, err);
}

/* ---- compiling all of them ---- */

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

static apr_status_t check_all(cg_regex_t *regexes, size_t count,
                              uint32_t *widths, cg_error_t *err)
{
    uint64_t all = 0;
    if (count > REGEXES_MAX) {
        cg_error_set(err, "more than %d regexes", REGEXES_MAX);
        return APR_EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t positions = 0;
        if (check(&regexes[i], &widths[i], &positions, err) != APR_SUCCESS) {
            return APR_EINVAL;
        }
        all += positions;
        if (all > POSITIONS_MAX) {
            return refuse(&regexes[i],
                          "with it, all regexes together are too "
                          "large",
                          err);
        }
    }
    return APR_SUCCESS;
}

/* Scratch, and its end with pool. */
static apr_status_t make_ready(cg_patterns_t *patterns, cg_error_t *err,
                               apr_pool_t *pool)
{
    apr_pool_cleanup_register(pool, patterns, destroy, apr_pool_cleanup_null);
    if (hs_alloc_scratch(patterns->database, &patterns->scratch) !=
        HS_SUCCESS) {
        cg_error_set(err, "regexes: no memory for the engine");
        return APR_ENOMEM;
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
    uint32_t *widths = apr_palloc(pool, count * sizeof *widths);
    cg_regex_t *checked = apr_pmemdup(pool, regexes, count * sizeof *checked);
    cg_patterns_t *patterns = apr_pcalloc(pool, sizeof *patterns);
    if (check_all(checked, count, widths, err) != APR_SUCCESS ||
        compile(checked, count, patterns, err, pool) != APR_SUCCESS) {
        return APR_EINVAL;
    }
    apr_status_t status = make_ready(patterns, err, pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    patterns->prefix = cg_prefix_create(checked, widths, count, pool);
    *out = patterns;
    return patterns->prefix ? APR_SUCCESS : APR_ENOMEM;
}

/* ---- as a part of a file ---- */

const char *cg_patterns_platform(apr_pool_t *pool)
{
    hs_platform_info_t here = {0};
    hs_populate_platform(&here);
    return apr_psprintf(pool, "hyperscan %s, processor %x:%llx", hs_version(),
                        here.tune, (unsigned long long)here.cpu_features);
}

static size_t rounded(size_t bytes)
{
    return (bytes + CG_PATTERNS_ALIGN - 1) & ~(size_t)(CG_PATTERNS_ALIGN - 1);
}

/* A database that is put where the address is a multiple of 64 can be used at any
 * other such address: the library keeps offsets, and aligns what it keeps by where
 * it lands within 64 bytes. */
static bool put_database(const cg_patterns_t *patterns, char *data, size_t len)
{
    char *bytes = NULL;
    size_t bytes_len = 0;
    if (hs_serialize_database(patterns->database, &bytes, &bytes_len) !=
        HS_SUCCESS) {
        return false;
    }
    size_t need = 0;
    bool is_put =
        hs_serialized_database_size(bytes, bytes_len, &need) == HS_SUCCESS &&
        need <= len &&
        hs_deserialize_database_at(bytes, bytes_len,
                                   (hs_database_t *)(void *)data) == HS_SUCCESS;
    free(bytes);
    return is_put;
}

void *cg_patterns_image(const cg_patterns_t *patterns, size_t *out_len,
                        apr_pool_t *pool)
{
    size_t database_len = 0;
    const void *prefix;
    size_t prefix_len = cg_prefix_bytes(patterns->prefix, &prefix);
    if (hs_database_size(patterns->database, &database_len) != HS_SUCCESS) {
        return NULL;
    }
    block_t block = {.prefix_at = rounded(sizeof block),
                     .prefix_len = prefix_len,
                     .database_len = rounded(database_len)};
    block.database_at = block.prefix_at + rounded(prefix_len);
    apr_cpystrn(block.platform, cg_patterns_platform(pool),
                sizeof block.platform);
    *out_len = block.database_at + block.database_len;
    char *data = apr_pcalloc(pool, *out_len + CG_PATTERNS_ALIGN);
    data += rounded((uintptr_t)data) - (uintptr_t)data;
    memcpy(data, &block, sizeof block);
    memcpy(data + block.prefix_at, prefix, prefix_len);
    return put_database(patterns, data + block.database_at, block.database_len)
               ? data
               : NULL;
}

static bool is_inside(uint64_t at, uint64_t part, size_t len)
{
    return at % 8 == 0 && at <= len && part <= len - at;
}

cg_patterns_t *cg_patterns_open(const void *data, size_t len, apr_pool_t *pool)
{
    const block_t *block = data;
    size_t need = 0;
    if (len < sizeof *block || (uintptr_t)data % CG_PATTERNS_ALIGN != 0 ||
        !is_inside(block->prefix_at, block->prefix_len, len) ||
        !is_inside(block->database_at, block->database_len, len) ||
        block->database_at % CG_PATTERNS_ALIGN != 0 ||
        block->database_len < 64 ||
        strncmp(block->platform, cg_patterns_platform(pool),
                sizeof block->platform) != 0) {
        return NULL;
    }
    cg_patterns_t *patterns = apr_pcalloc(pool, sizeof *patterns);
    const char *bytes = data;
    /* The library takes what it only reads without const. */
    patterns->database =
        (hs_database_t *)((uintptr_t)bytes + block->database_at);
    patterns->is_mapped = true;
    if (hs_database_size(patterns->database, &need) != HS_SUCCESS ||
        need > block->database_len) {
        return NULL;
    }
    patterns->prefix =
        cg_prefix_map(bytes + block->prefix_at, block->prefix_len, pool);
    return patterns->prefix && make_ready(patterns, NULL, pool) == APR_SUCCESS
               ? patterns
               : NULL;
}

/* ---- looking ---- */

/* A finding begins and ends with a character. */
static uint32_t whole_start(const cg_window_t *w, uint32_t at, uint32_t least)
{
    for (int i = 0;
         i < 3 && at > least && at < w->n && (w->text[at] & 0xC0) == 0x80;
         i++) {
        at--;
    }
    return at;
}

/* How far a match that begins at from may go. */
static uint32_t cap_of(cg_window_t *w, uint32_t from)
{
    uint32_t cap = from + CG_PATTERN_MATCH_MAX;
    cg_begin(w, from);
    cap = cap < w->limit ? cap : w->limit;
    return whole_start(w, cap, from);
}

/* The known candidate of this regex and start; NULL: none. */
static cg_candidate_t *known_of(const job_t *job, unsigned id, uint32_t from)
{
    uint32_t at = job->recent[id % RECENT].at;
    if (at == 0 || job->recent[id % RECENT].id != id ||
        at > job->w->found_count) {
        return NULL;
    }
    cg_candidate_t *known = &job->w->found[at - 1];
    return known->type == CG_TYPE_CUSTOM && known->start == from &&
                   known->rule == (int16_t)id
               ? known
               : NULL;
}

/* A match that is longer than may be: where it goes on with letters and digits,
 * they are a part of it. */
static void go_on(const cg_window_t *w, cg_candidate_t *known, uint32_t cap)
{
    if (known->end == cap && cap < w->n &&
        cg_is(w->text[cap - 1], CG_C_B64URL) &&
        cg_is(w->text[cap], CG_C_B64URL)) {
        known->swallow = CG_SWALLOW_TOKEN;
    }
}

/* Every end of a match is told; the longest of a start is kept. */
static int on_match(unsigned id, unsigned long long match_from,
                    unsigned long long match_to, unsigned flags, void *data)
{
    job_t *job = data;
    cg_window_t *w = job->w;
    uint32_t from = (uint32_t)match_from + job->skipped;
    uint32_t to = (uint32_t)match_to + job->skipped;
    (void)flags;
    if (from < w->base ||
        !(w->rules->set->regexes[id].packs & w->rules->packs)) {
        return 0;
    }
    cg_candidate_t *known = known_of(job, id, from);
    uint32_t cap = cap_of(w, from);
    if (to > cap) {
        if (known) {
            go_on(w, known, cap);
        }
        return 0;
    }
    if (known) {
        known->end = (uint16_t)(to > known->end ? to : known->end);
        known->reach = known->reach > known->end ? known->reach : known->end;
        return 0;
    }
    w->reach = 0;
    cg_candidate_plain(w, from, to, CG_TYPE_CUSTOM, 100, (int)id,
                       CG_SWALLOW_NONE);
    job->recent[id % RECENT].at = w->found_count;
    job->recent[id % RECENT].id = id;
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

/* Bytes that are no UTF-8 become ones that stand for nothing. */
static void hide_invalid(const unsigned char *text, uint32_t n,
                         unsigned char *out)
{
    const char *end = (const char *)text + n;
    uint32_t i = 0;
    while (i < n) {
        uint32_t cp;
        int len = cg_utf8_decode((const char *)text + i, end, &cp);
        if (len == 0) {
            out[i++] = 0x1A;
            continue;
        }
        memcpy(out + i, text + i, (size_t)len);
        i += (uint32_t)len;
    }
}

static bool scan(const cg_patterns_t *patterns, cg_window_t *w,
                 hs_scratch_t *scratch)
{
    unsigned char clean[WINDOW_MAX];
    job_t job = {.w = w};
    const unsigned char *text = w->text;
    uint32_t n = w->n;
    /* A window's left context may begin within a character. */
    while (n > 0 && job.skipped < 3 && (*text & 0xC0) == 0x80) {
        job.skipped++;
        text++;
        n--;
    }
    if (!cg_utf8_valid((const char *)text, n)) {
        if (n > sizeof clean) {
            return false;
        }
        hide_invalid(text, n, clean);
        text = clean;
    }
    return hs_scan(patterns->database, (const char *)text, n, 0, scratch,
                   on_match, &job) == HS_SUCCESS;
}

/* The first start of which a match may still begin in, or grow into, what is
 * here. */
static uint32_t open_from(const cg_patterns_t *patterns, const cg_window_t *w)
{
    uint64_t packs = w->rules->packs;
    uint32_t back = cg_prefix_unread(patterns->prefix, packs);
    back += back > 0 ? 2 : 0; /* what $ and \b look at */
    uint32_t most = CG_PATTERN_MATCH_MAX + 2;
    uint32_t open = w->n > w->base + back ? w->n - back : w->base;
    uint32_t from = w->n > w->base + most ? w->n - most : w->base;
    uint32_t begun = from < open ? cg_prefix_open(patterns->prefix, packs,
                                                  w->text, from, w->n)
                                 : open;
    return whole_start(w, begun < open ? begun : open, w->base);
}

bool cg_patterns_scan(const cg_patterns_t *patterns, cg_window_t *w)
{
    int slot;
    hs_scratch_t *scratch = take_scratch(patterns, &slot);
    if (!scratch) {
        return false;
    }
    bool is_sound = scan(patterns, w, scratch);
    give_scratch(patterns, scratch);
    if (!w->is_final) {
        uint32_t open = open_from(patterns, w);
        w->open = open < w->open ? open : w->open;
    }
    return is_sound;
}
