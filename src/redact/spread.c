/* Values that somebody hands over in pieces, one message each.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <apr_tables.h>

#include "redact/spread_int.h"

#define JOINED_MAX 4096 /* of all */
#define QUIET_PARTS 4   /* joined at most where no word says so */
#define QUIET_DIGITS 3  /* of each part of such a card */
#define GAPS_MAX 2      /* texts without a piece between two pieces */

struct cg_spread_t {
    const cg_rules_t *rules;
    apr_pool_t *pool;
    cg_findings_t findings;
    cg_slot_t slots[CG_SPREAD_PARTS_MAX]; /* the last ones, as a ring */
    uint32_t count;                       /* slots ever filled */
    uint32_t gaps;                        /* texts since the last one */
    bool was_asked;
    bool needs_words;
    apr_array_header_t *found; /* of cg_spread_found_t */
    char joined[JOINED_MAX + 1];
};

cg_spread_t *cg_spread_open(const cg_rules_t *rules, bool needs_words,
                            apr_pool_t *pool)
{
    cg_spread_t *spread = apr_pcalloc(pool, sizeof *spread);
    spread->rules = rules;
    spread->pool = pool;
    spread->needs_words = needs_words;
    cg_findings_init(&spread->findings, pool);
    spread->found = apr_array_make(pool, 2, sizeof(cg_spread_found_t));
    for (int i = 0; i < CG_SPREAD_PARTS_MAX; i++) {
        spread->slots[i].bytes = apr_palloc(pool, 1);
    }
    return spread;
}

/* ---- joining ----------------------------------------------------------- */

static cg_slot_t *slot_at(cg_spread_t *spread, uint32_t index)
{
    return &spread->slots[index % CG_SPREAD_PARTS_MAX];
}

/* What of the slot takes part when it is first, last or between. */
static cg_piece_t piece_of(const cg_slot_t *slot, const cg_slot_t *next,
                           bool is_first, bool is_last)
{
    if (is_last && !is_first && slot->goes_on) {
        return slot->head;
    }
    if (is_first && next && next->goes_on) {
        return slot->tail;
    }
    return slot->whole;
}

/* Parts of a text are kept in its bytes one after the other. */
static const char *bytes_of(const cg_slot_t *slot, cg_piece_t piece)
{
    if (piece.start == slot->whole.start && piece.end == slot->whole.end) {
        return slot->bytes;
    }
    bool is_head =
        piece.start == slot->head.start && piece.end == slot->head.end;
    return slot->bytes + slot->whole_len + (is_head ? 0 : slot->head_len);
}

/* lives in: the stack, for one attempt to join */
typedef struct join_t {
    uint32_t count;                      /* of parts */
    uint32_t index[CG_SPREAD_PARTS_MAX]; /* of their slots */
    size_t len;
    size_t cuts[CG_SPREAD_PARTS_MAX]; /* where the parts end */
    int words;                        /* that say there are pieces */
    bool is_labelled;                 /* one says what the first is */
    bool is_touching;                 /* all parts are of one message */
    bool is_bare;
    cg_piece_t pieces[CG_SPREAD_PARTS_MAX];
} join_t;

/* May the slot be a part at all, between others of the join? */
static bool may_join(const cg_slot_t *slot, bool is_first)
{
    return slot->is_bare || slot->has_word || slot->is_most ||
           (is_first && slot->has_label);
}

static cg_slot_t *part_of(cg_spread_t *spread, const join_t *join,
                          uint32_t part)
{
    return slot_at(spread, join->index[part]);
}

static cg_slot_t *last_of(cg_spread_t *spread, const join_t *join)
{
    return part_of(spread, join, join->count - 1);
}

/* "ok", "wait": a word alone is hardly a part of a value. */
static bool is_weak(const cg_slot_t *slot)
{
    if (!slot->is_bare || slot->goes_on) {
        return false;
    }
    for (size_t i = 0; i < slot->whole_len; i++) {
        if (!cg_is_letter(slot->bytes[i])) {
            return false;
        }
    }
    return true;
}

/* Chooses the slots from first to last, weak ones between them only if wanted.
 * False: there is nothing to choose. */
static bool choose(cg_spread_t *spread, uint32_t first, uint32_t last,
                   bool with_weak, join_t *join)
{
    uint32_t weak = 0;
    join->count = 0;
    for (uint32_t i = first; i <= last; i++) {
        bool is_between = i > first && i < last;
        if (is_between && is_weak(slot_at(spread, i))) {
            weak++;
            if (!with_weak) {
                continue;
            }
        }
        join->index[join->count++] = i;
    }
    return with_weak || (weak > 0 && weak <= GAPS_MAX);
}

static bool gather(cg_spread_t *spread, join_t *join)
{
    join->len = 0;
    join->words = 0;
    join->is_labelled = part_of(spread, join, 0)->has_label;
    join->is_touching = true;
    join->is_bare = true;
    for (uint32_t i = 0; i < join->count; i++) {
        const cg_slot_t *slot = part_of(spread, join, i);
        bool is_first = i == 0;
        bool is_last = i + 1 == join->count;
        const cg_slot_t *next = is_last ? NULL : part_of(spread, join, i + 1);
        cg_piece_t piece = piece_of(slot, next, is_first, is_last);
        size_t len = piece.end - piece.start;
        if (len == 0 || join->len + len > JOINED_MAX) {
            return false;
        }
        bool is_linked = is_first || slot->goes_on;
        join->is_touching = join->is_touching && is_linked;
        join->is_bare = join->is_bare && slot->is_bare;
        join->words += slot->has_word + (!is_first && slot->was_asked);
        memcpy(spread->joined + join->len, bytes_of(slot, piece), len);
        join->len += len;
        join->cuts[i] = join->len;
        join->pieces[i] = piece;
    }
    for (uint32_t i = 0; i < join->count && !join->is_touching; i++) {
        if (!may_join(part_of(spread, join, i), i == 0)) {
            return false;
        }
    }
    return true;
}

/* Types that chance hardly makes of two harmless pieces. */
static bool is_strong(int type)
{
    static const uint8_t strong[] = {
        CG_TYPE_CREDIT_CARD, CG_TYPE_IBAN_CODE, CG_TYPE_EMAIL_ADDRESS,
        CG_TYPE_CRYPTO,      CG_TYPE_CN_USCC,   CG_TYPE_CN_RESIDENT_ID,
        CG_TYPE_US_SSN,      CG_TYPE_FR_NIR,    CG_TYPE_IT_FISCAL_CODE,
        CG_TYPE_IN_GSTIN};
    for (size_t i = 0; i < sizeof strong; i++) {
        if (strong[i] == type) {
            return true;
        }
    }
    return cg_detector_is_secret(type) && type != CG_TYPE_SECRET_PASSWORD;
}

/* Scans the text; the finding that is all of it. */
static apr_status_t scan_whole(cg_spread_t *spread, cg_str_t name,
                               cg_str_t text, bool *out_is_found,
                               cg_finding_t *out)
{
    *out_is_found = false;
    apr_status_t rv = cg_redact_scan_named(spread->rules, name, text,
                                           CG_SCAN_PLAIN, &spread->findings);
    if (rv == APR_SUCCESS && spread->findings.count == 1 &&
        spread->findings.items[0].start == 0 &&
        spread->findings.items[0].end == text.len) {
        *out = spread->findings.items[0];
        *out_is_found = true;
    }
    return rv;
}

typedef struct shape_t {
    int digits;
    int blanks;
    int dashes;
    int others;
    bool has_at;
} shape_t;

static shape_t shape_of(const char *bytes, size_t len)
{
    shape_t shape = {0};
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        bool is_wide = (unsigned char)c == 0xEF; /* a full-width form */
        shape.digits += cg_is_digit(c) || is_wide;
        shape.blanks += c == ' ';
        shape.dashes += c == '-';
        shape.others +=
            !cg_is_digit(c) && c != ' ' && c != '-' && (unsigned char)c < 0x80;
        shape.has_at = shape.has_at || c == '@';
    }
    return shape;
}

/* Not worth a scan: nothing of that length is a value. */
static bool is_hopeless(const shape_t *shape, size_t len)
{
    if (shape->others == 0) {
        return shape->digits < 8 || shape->digits > 24;
    }
    return len < 8;
}

/* How the pieces may be put together, from the plainest on. */
enum {
    AS_THEY_ARE,
    WITHOUT_STOPS, /* that end a sentence */
    WITHOUT_BLANKS,
    DIGITS_ONLY,
    WITH_DASHES,
    SPELLINGS
};

static bool has_stop(const cg_spread_t *spread, const join_t *join)
{
    for (uint32_t i = 0; i < join->count; i++) {
        if (spread->joined[join->cuts[i] - 1] == '.') {
            return true;
        }
    }
    return false;
}

static bool is_wanted(const cg_spread_t *spread, const join_t *join,
                      int spelling, const shape_t *shape)
{
    bool is_number = shape->others == 0;
    switch (spelling) {
    case WITHOUT_STOPS:
        return has_stop(spread, join);
    case WITHOUT_BLANKS:
        return shape->blanks > 0;
    case DIGITS_ONLY:
        return is_number && shape->dashes > 0;
    case WITH_DASHES:
        return is_number && shape->digits == 9 && shape->dashes == 1;
    default:
        return true;
    }
}

static cg_str_t spell(cg_spread_t *spread, const join_t *join, int spelling,
                      const shape_t *shape)
{
    if (!is_wanted(spread, join, spelling, shape)) {
        return CG_STR("");
    }
    if (spelling == AS_THEY_ARE) {
        return (cg_str_t){spread->joined, join->len};
    }
    cg_buf_t out;
    size_t part = 0;
    cg_buf_init(&out, join->len + CG_SPREAD_PARTS_MAX, spread->pool);
    for (size_t i = 0; i < join->len; i++) {
        char c = spread->joined[i];
        bool is_cut = i + 1 == join->cuts[part];
        bool is_dropped = c == ' ' || (spelling == DIGITS_ONLY && c == '-') ||
                          (is_cut && c == '.');
        if (!is_dropped) {
            cg_buf_char(&out, c);
        }
        if (spelling == WITH_DASHES && is_cut && i + 1 < join->len) {
            cg_buf_char(&out, '-');
        }
        part += is_cut;
    }
    return (cg_str_t){out.ptr, out.len};
}

/* An address ends in a domain that there is, where nothing else speaks for it. */
static bool has_known_end(cg_str_t address)
{
    static const char *const ends[] = {"com",  "org", "net", "edu", "gov",
                                       "info", "biz", "dev", "app", "test"};
    size_t dot = address.len;
    while (dot > 0 && address.ptr[dot - 1] != '.') {
        dot--;
    }
    cg_str_t end = {address.ptr + dot, address.len - dot};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (cg_str_is_nocase(end, ends[i])) {
            return true;
        }
    }
    return end.len == 2;
}

/* Is one of the parts a value of this kind by itself? Then the others are no part
 * of it, unless a word says so and its kind is one of any length. */
static apr_status_t is_whole_alone(cg_spread_t *spread, const join_t *join,
                                   int type, bool *out)
{
    size_t from = 0;
    *out = false;
    for (uint32_t i = 0; i < join->count && !*out; i++) {
        cg_str_t part = {spread->joined + from, join->cuts[i] - from};
        apr_status_t rv = cg_redact_scan_named(
            spread->rules, CG_STR(""), part, CG_SCAN_PLAIN, &spread->findings);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        for (size_t k = 0; k < spread->findings.count; k++) {
            *out = *out || spread->findings.items[k].type == type;
        }
        from = join->cuts[i];
    }
    return APR_SUCCESS;
}

/* No word of a language: letters and digits mixed. */
static bool looks_random(const char *bytes, size_t len)
{
    int digits = 0;
    int letters = 0;
    for (size_t i = 0; i < len; i++) {
        digits += cg_is_digit(bytes[i]);
        letters += cg_is_letter(bytes[i]);
    }
    return len >= 6 && digits > 0 && letters > 0;
}

static bool may_grow(int type)
{
    return type == CG_TYPE_EMAIL_ADDRESS || cg_detector_is_secret(type);
}

static size_t shortest(const join_t *join)
{
    size_t least = join->cuts[0];
    for (uint32_t i = 1; i < join->count; i++) {
        size_t len = join->cuts[i] - join->cuts[i - 1];
        least = len < least ? len : least;
    }
    return least;
}

/* Does a word say that these are pieces, or what the first is a piece of? */
static bool is_said(const join_t *join)
{
    return join->words > 0 || join->is_labelled;
}

/* Is what was found believed, given what stands around the parts? */
static apr_status_t judge(cg_spread_t *spread, const join_t *join,
                          cg_str_t text, const cg_finding_t *finding, bool *out)
{
    bool is_alone;
    int type = finding->type;
    apr_status_t rv = is_whole_alone(spread, join, type, &is_alone);
    *out = is_alone ? join->words > 0 && may_grow(type) : is_said(join);
    if (rv != APR_SUCCESS || *out) {
        return rv;
    }
    if (is_alone || spread->needs_words || !is_strong(type) ||
        (type == CG_TYPE_EMAIL_ADDRESS && !has_known_end(text))) {
        return rv;
    }
    /* A row of numbers longer than the value, or of small ones, is a row of
     * numbers. */
    uint32_t parts = join->count;
    bool is_row = type == CG_TYPE_CREDIT_CARD &&
                  (last_of(spread, join)->silent != parts ||
                   shortest(join) < QUIET_DIGITS);
    *out =
        join->is_touching || (join->is_bare && parts <= QUIET_PARTS && !is_row);
    return rv;
}

static bool reaches_into(const cg_spread_found_t *found, const cg_slot_t *slot)
{
    for (int i = 0; i < found->count; i++) {
        if (found->parts[i].text == slot->number) {
            return true;
        }
    }
    return false;
}

/* Notes the value. A longer one replaces the one that was its beginning. */
static void note(cg_spread_t *spread, const join_t *join,
                 const cg_finding_t *finding)
{
    cg_spread_found_t found = {.type = finding->type,
                               .score = finding->score,
                               .rule = finding->rule,
                               .is_quiet =
                                   !is_said(join) && !join->is_touching};
    for (uint32_t i = 0; i < join->count; i++) {
        cg_piece_t piece = join->pieces[i];
        found.parts[found.count++] = (cg_spread_part_t){
            part_of(spread, join, i)->number, piece.start, piece.end};
    }
    int count = spread->found->nelts;
    cg_spread_found_t *before_it =
        count ? &APR_ARRAY_IDX(spread->found, count - 1, cg_spread_found_t)
              : NULL;
    if (before_it && before_it->parts[0].text == found.parts[0].text &&
        before_it->count < found.count) {
        *before_it = found;
        return;
    }
    APR_ARRAY_PUSH(spread->found, cg_spread_found_t) = found;
}

/* Is it what a value that seemed complete may go on with? */
static bool is_end_of_value(const char *bytes, size_t len, bool was_asked)
{
    bool is_odd =
        looks_random(bytes, len) || bytes[0] == '.' || bytes[0] == '@';
    for (size_t i = 0; i < len && was_asked; i++) {
        is_odd = is_odd || bytes[i] == '.' || cg_is_digit(bytes[i]);
    }
    return is_odd;
}

/* What was found already may only grow: from its own first part on. */
static bool is_taken(cg_spread_t *spread, const join_t *join)
{
    int count = spread->found->nelts;
    if (count == 0) {
        return false;
    }
    const cg_spread_found_t *last =
        &APR_ARRAY_IDX(spread->found, count - 1, cg_spread_found_t);
    bool is_same_start =
        last->parts[0].text == part_of(spread, join, 0)->number;
    if (is_same_start) {
        const cg_slot_t *slot = last_of(spread, join);
        cg_piece_t piece = join->pieces[join->count - 1];
        return !slot->has_word &&
               !is_end_of_value(bytes_of(slot, piece), piece.end - piece.start,
                                slot->was_asked);
    }
    for (uint32_t i = 0; i < join->count; i++) {
        if (reaches_into(last, part_of(spread, join, i))) {
            return true;
        }
    }
    return false;
}

static apr_status_t try_spelling(cg_spread_t *spread, const join_t *join,
                                 cg_str_t text, cg_finding_t *finding,
                                 bool *out)
{
    bool is_found;
    *out = false;
    apr_status_t rv = scan_whole(spread, CG_STR(""), text, &is_found, finding);
    if (rv == APR_SUCCESS && is_found) {
        rv = judge(spread, join, text, finding, out);
    }
    return rv;
}

static apr_status_t try_join(cg_spread_t *spread, join_t *join,
                             cg_finding_t *finding, bool *out)
{
    *out = false;
    if (!gather(spread, join) || is_taken(spread, join)) {
        return APR_SUCCESS;
    }
    shape_t shape = shape_of(spread->joined, join->len);
    bool is_quiet = !is_said(join) && !join->is_touching && !join->is_bare;
    if (is_quiet || is_hopeless(&shape, join->len)) {
        return APR_SUCCESS;
    }
    apr_status_t rv = APR_SUCCESS;
    for (int i = 0; i < SPELLINGS && rv == APR_SUCCESS && !*out; i++) {
        cg_str_t text = spell(spread, join, i, &shape);
        if (text.len > 0) {
            rv = try_spelling(spread, join, text, finding, out);
        }
    }
    return rv;
}

/* ---- the texts of a speaker -------------------------------------------- */

static void keep_bytes(cg_spread_t *spread, cg_slot_t *slot, cg_str_t text)
{
    slot->whole_len = slot->whole.end - slot->whole.start;
    slot->head_len = slot->head.end - slot->head.start;
    slot->tail_len = slot->tail.end - slot->tail.start;
    size_t len = slot->whole_len + slot->head_len + slot->tail_len;
    slot->bytes = apr_palloc(spread->pool, len + 1);
    memcpy(slot->bytes, text.ptr + slot->whole.start, slot->whole_len);
    memcpy(slot->bytes + slot->whole_len, text.ptr + slot->head.start,
           slot->head_len);
    memcpy(slot->bytes + slot->whole_len + slot->head_len,
           text.ptr + slot->tail.start, slot->tail_len);
}

/* May the text before the slot belong with it? */
static bool is_near(const cg_slot_t *slot)
{
    return slot->goes_on || slot->gaps == 0 ||
           (slot->gaps <= GAPS_MAX && (slot->has_word || slot->was_asked));
}

/* Keeps the surer finding; of two as sure the longer. */
static apr_status_t try_best(cg_spread_t *spread, join_t *join, join_t *best,
                             cg_finding_t *best_finding)
{
    bool is_found;
    cg_finding_t finding;
    apr_status_t rv = try_join(spread, join, &finding, &is_found);
    if (rv == APR_SUCCESS && is_found && finding.score >= best_finding->score) {
        *best = *join;
        *best_finding = finding;
    }
    return rv;
}

/* Tries all rows of texts that end with the last one. */
static apr_status_t join_back(cg_spread_t *spread)
{
    uint32_t last = spread->count - 1;
    uint32_t most =
        last + 1 < CG_SPREAD_PARTS_MAX ? last + 1 : CG_SPREAD_PARTS_MAX;
    join_t best = {0};
    cg_finding_t finding = {.score = 0};
    apr_status_t rv = APR_SUCCESS;
    for (uint32_t parts = 2; parts <= most && rv == APR_SUCCESS; parts++) {
        join_t join = {.count = 0};
        uint32_t first = last + 1 - parts;
        if (!is_near(slot_at(spread, first + 1))) {
            break;
        }
        choose(spread, first, last, true, &join);
        rv = try_best(spread, &join, &best, &finding);
        if (rv == APR_SUCCESS && choose(spread, first, last, false, &join)) {
            rv = try_best(spread, &join, &best, &finding);
        }
    }
    if (rv == APR_SUCCESS && finding.score > 0) {
        note(spread, &best, &finding);
    }
    return rv;
}

/* A card of which nothing but its digits spoke, and a further number follows: it
 * was a row of numbers. */
static void forget_row(cg_spread_t *spread, const cg_slot_t *slot)
{
    int count = spread->found->nelts;
    const cg_spread_found_t *last =
        count ? &APR_ARRAY_IDX(spread->found, count - 1, cg_spread_found_t)
              : NULL;
    bool is_row = last && last->is_quiet && last->type == CG_TYPE_CREDIT_CARD &&
                  slot->silent == (uint32_t)last->count + 1;
    if (is_row) {
        spread->found->nelts--;
    }
}

/* A text without a piece is kept only for what may follow in the same message. */
static void forget_pieceless(cg_spread_t *spread)
{
    if (spread->count > 0 &&
        cg_piece_is_empty(slot_at(spread, spread->count - 1)->whole)) {
        spread->count--;
        spread->gaps += slot_at(spread, spread->count)->gaps + 1;
    }
}

apr_status_t cg_spread_add(cg_spread_t *spread, uint32_t number, cg_str_t text,
                           bool goes_on)
{
    if (!goes_on) {
        forget_pieceless(spread);
    }
    cg_slot_t slot = {.number = number,
                      .goes_on = goes_on && spread->count > 0};
    bool has_piece = text.len > 0 && cg_spread_read(text, &slot);
    if (!has_piece && cg_piece_is_empty(slot.tail) &&
        cg_piece_is_empty(slot.head)) {
        spread->gaps++;
        return APR_SUCCESS;
    }
    if (!has_piece) {
        slot.whole = (cg_piece_t){0, 0};
    }
    const cg_slot_t *before_it =
        spread->count ? slot_at(spread, spread->count - 1) : NULL;
    bool is_silent =
        slot.is_bare && cg_spread_looks_like_value(text, slot.whole);
    slot.gaps = spread->gaps;
    slot.was_asked = spread->was_asked;
    slot.silent = is_silent ? 1 : 0;
    if (is_silent && before_it && slot.gaps == 0) {
        slot.silent += before_it->silent;
    }
    if (is_silent) {
        forget_row(spread, &slot);
    }
    keep_bytes(spread, &slot, text);
    *slot_at(spread, spread->count++) = slot;
    spread->gaps = 0;
    spread->was_asked = false;
    return has_piece || slot.goes_on ? join_back(spread) : APR_SUCCESS;
}

void cg_spread_hear(cg_spread_t *spread, cg_str_t text)
{
    size_t end;
    const cg_slot_t *last =
        spread->count ? slot_at(spread, spread->count - 1) : NULL;
    if (!last || cg_piece_is_empty(last->whole) || spread->was_asked) {
        return; /* nothing that could go on */
    }
    if (text.len > 0 && text.len <= CG_SPREAD_SHORT &&
        (cg_spread_words(text, 0, text.len, CG_WORD_GO_ON, &end) &
         CG_WORD_GO_ON)) {
        spread->was_asked = true;
    }
}

const cg_spread_found_t *cg_spread_found(const cg_spread_t *spread,
                                         size_t *out_count)
{
    *out_count = (size_t)spread->found->nelts;
    return (const cg_spread_found_t *)spread->found->elts;
}
