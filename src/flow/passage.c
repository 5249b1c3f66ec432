/* What one file holds, on its way through: looked at as it arrives.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/passage.h"

#include <string.h>

#include "flow/cues.h"
#include "flow/inspect_int.h"
#include "flow/observe_int.h"
#include "flow/payload.h"

enum {
    UNKNOWN, /* held until it is known to be text or not */
    HELD,    /* text, so far short */
    LINES,
    TEXT, /* long text */
    BINARY
};

#define BLOCK_BYTES ((size_t)1 << 20)

void cg_passage_init(cg_passage_t *passage, apr_pool_t *pool)
{
    memset(passage, 0, sizeof *passage);
    apr_pool_create(&passage->pool, pool);
    apr_pool_create(&passage->scratch, pool);
}

static bool on_line(void *baton, uint64_t number, cg_str_t line, cg_str_t end);

void cg_passage_open(cg_passage_t *passage, const cg_passage_spec_t *spec)
{
    apr_pool_t *pool = passage->pool;
    apr_pool_t *scratch = passage->scratch;
    apr_pool_clear(pool);
    apr_pool_clear(scratch);
    *passage = (cg_passage_t){.spec = spec, .pool = pool, .scratch = scratch};
    cg_buf_init(&passage->held, 256, pool);
    cg_buf_init(&passage->read, 0, pool);
    cg_buf_init(&passage->written, 0, pool);
    cg_jsonl_open(&passage->jsonl, spec->most, pool);
    passage->jsonl.on_line = on_line;
    passage->jsonl.baton = passage;
}

/* ---- what is said no to ------------------------------------------------- */

static bool refuse(cg_passage_t *passage, cg_verdict_t request,
                   cg_verdict_t answer)
{
    const cg_passage_spec_t *spec = passage->spec;
    cg_txn_refuse(spec->txn, spec->is_answer ? answer : request, NULL,
                  spec->name);
    return false;
}

static bool refuse_block(cg_passage_t *passage, uint8_t type)
{
    passage->spec->txn->blocked_type = cg_detector_name(type);
    return refuse(passage, CG_CONTENT_BLOCKED, CG_ANSWER_BLOCKED);
}

static bool fail(cg_passage_t *passage)
{
    return refuse(passage, CG_INSPECTION_FAILED, CG_UPSTREAM_BROKEN);
}

static const cg_actions_t *actions_of(const cg_passage_t *passage)
{
    const cg_txn_t *txn = passage->spec->txn;
    return passage->spec->is_answer ? &txn->out.answer_actions
                                    : &txn->out.actions;
}

static cg_tally_t *tally_of(const cg_passage_t *passage)
{
    cg_txn_t *txn = passage->spec->txn;
    return passage->spec->is_answer ? &txn->answer.tally : &txn->out.tally;
}

static bool put(cg_passage_t *passage, cg_str_t bytes)
{
    const cg_passage_spec_t *spec = passage->spec;
    if (passage->coding.kind != CG_CODING_NONE) {
        passage->written.len = 0;
        cg_coding_write(&passage->coding, bytes, &passage->written);
        bytes = (cg_str_t){passage->written.ptr, passage->written.len};
    }
    return bytes.len == 0 || spec->write(spec->baton, bytes);
}

/* ---- binary ------------------------------------------------------------- */

static bool count_opaque(cg_passage_t *passage, cg_opaque_kind_t kind)
{
    cg_txn_t *txn = passage->spec->txn;
    if (passage->is_opaque) {
        return true;
    }
    passage->is_opaque = true;
    txn->out.opaque.by_kind[kind]++;
    return txn->policy->opaque != CG_OPAQUE_DENY ||
           refuse(passage, CG_OPAQUE, CG_ANSWER_OPAQUE);
}

/* ---- short text --------------------------------------------------------- */

static void open_sift(cg_passage_t *passage, int nesting, cg_tally_t *tally,
                      cg_sift_t *sift)
{
    cg_txn_t *txn = passage->spec->txn;
    if (passage->spec->is_answer) {
        cg_observe_sift_open(txn, sift, passage->scratch);
    }
    else {
        *sift = (cg_sift_t){.rules = txn->rules,
                            .actions = &txn->out.actions,
                            .pseudonyms = txn->out.pseudonyms,
                            .depth = CG_SCAN_DEEP,
                            .opaque = &txn->out.opaque,
                            .pool = passage->scratch};
        cg_sift_open(sift);
    }
    sift->tally = tally;
    sift->nesting = nesting;
    sift->is_cut = passage->is_cut;
    sift->is_resumed = passage->is_resumed;
}

/* Texts of an upload are not remembered: few come twice, and there may be many. */
static bool run_sift(cg_passage_t *passage, cg_sift_t *sift,
                     const cg_walk_t *walk)
{
    cg_txn_t *txn = passage->spec->txn;
    if (!passage->spec->is_answer) {
        cg_finder_t *finder = apr_palloc(passage->scratch, sizeof *finder);
        if (cg_inspect_open_finder(txn, walk, sift->nesting, NULL, finder,
                                   passage->scratch) != CG_PASS) {
            return false;
        }
        sift->find = cg_finder_find;
        sift->finder = finder;
    }
    if (cg_sift_document(sift, walk) != APR_SUCCESS) {
        return fail(passage);
    }
    if (sift->is_blocked) {
        return refuse_block(passage, sift->blocked_by);
    }
    if (passage->spec->is_answer) {
        cg_observe_restore(txn, sift, walk);
        return true;
    }
    return !sift->opaque_at || txn->policy->opaque != CG_OPAQUE_DENY ||
           refuse(passage, CG_OPAQUE, CG_ANSWER_OPAQUE);
}

/* A text of another coding than UTF-8, or with a NUL, which no JSON string can hold. */
static bool mask_odd(cg_passage_t *passage, cg_str_t text, cg_tally_t *tally,
                     cg_str_t *out)
{
    const cg_txn_t *txn = passage->spec->txn;
    cg_findings_t findings;
    cg_buf_t masked;
    cg_findings_init(&findings, passage->scratch);
    cg_buf_init(&masked, 0, passage->scratch);
    if (cg_redact_scan(txn->rules, text, CG_SCAN_DEEP, &findings) !=
        APR_SUCCESS) {
        return fail(passage);
    }
    cg_mask_result_t result =
        cg_redact_mask(txn->rules, text, &findings, actions_of(passage),
                       txn->out.pseudonyms, tally, &masked);
    if (result.is_blocked) {
        return refuse_block(passage, result.blocked_by);
    }
    *out = result.is_changed ? (cg_str_t){masked.ptr, masked.len} : text;
    return true;
}

/* As the one string of a document, so that it is looked at as every text of a
 * request is: JSON in it, files in base64, escapes. */
static bool mask_utf8(cg_passage_t *passage, cg_str_t text, cg_tally_t *tally,
                      cg_str_t *out)
{
    const cg_passage_spec_t *spec = passage->spec;
    cg_buf_t json;
    cg_walk_t walk;
    cg_sift_t sift;
    cg_buf_init(&json, text.len + text.len / 8 + 128, passage->scratch);
    cg_buf_str(&json, "{\"");
    cg_buf_str(&json, spec->is_field ? spec->name : "text");
    cg_buf_str(&json, "\":");
    cg_buf_json_string(&json, text.ptr, text.len);
    cg_buf_str(&json, "}");
    if (cg_walk(json.ptr, json.len, &walk, NULL, passage->scratch) !=
        CG_WALK_OK) {
        return fail(passage);
    }
    open_sift(passage, 0, tally, &sift);
    if (!run_sift(passage, &sift, &walk)) {
        return false;
    }
    *out = sift.splices->nelts > 0
               ? cg_sift_masked(&sift, &walk, 1, passage->scratch)
               : text;
    return true;
}

static bool mask_text(cg_passage_t *passage, cg_str_t text, cg_tally_t *tally,
                      cg_str_t *out)
{
    bool is_string = cg_utf8_valid(text.ptr, text.len) &&
                     memchr(text.ptr, '\0', text.len) == NULL;
    return is_string ? mask_utf8(passage, text, tally, out)
                     : mask_odd(passage, text, tally, out);
}

/* What was said across the cues of subtitles. */
static bool mask_cues(cg_passage_t *passage, cg_tally_t *tally, cg_str_t *text)
{
    const cg_txn_t *txn = passage->spec->txn;
    cg_mask_result_t result;
    if (!passage->is_cues) {
        return true;
    }
    if (cg_cues_mask(txn->rules, actions_of(passage), txn->out.pseudonyms,
                     tally, *text, text, &result,
                     passage->scratch) != APR_SUCCESS) {
        return fail(passage);
    }
    return !result.is_blocked || refuse_block(passage, result.blocked_by);
}

static void note_tokens(cg_passage_t *passage, cg_str_t text)
{
    if (!passage->spec->is_answer) {
        cg_txn_pseudonyms(passage->spec->txn, text);
    }
}

static bool end_held(cg_passage_t *passage)
{
    cg_str_t text = {passage->held.ptr, passage->held.len};
    apr_pool_clear(passage->scratch);
    note_tokens(passage, text);
    return mask_text(passage, text, tally_of(passage), &passage->value) &&
           mask_cues(passage, tally_of(passage), &passage->value) &&
           put(passage, passage->value);
}

/* ---- long text ---------------------------------------------------------- */

/* What the stream has put out is looked at once more, as far as it is whole lines:
 * it finds what is hidden in base64, and asks others. What passes was counted by the
 * stream. */
static bool put_block(cg_passage_t *passage, size_t len)
{
    cg_tally_t tally = {{0}};
    cg_str_t out = {passage->held.ptr, len};
    bool is_answer = passage->spec->is_answer;
    apr_pool_clear(passage->scratch);
    if ((!is_answer && !mask_text(passage, out, &tally, &out)) ||
        !mask_cues(passage, &tally, &out)) {
        return false;
    }
    if (is_answer) {
        cg_observe_keep(passage->spec->txn, out);
    }
    if (!put(passage, out)) {
        return false;
    }
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        bool is_new = actions_of(passage)->by_type[t] > CG_ACTION_LOG;
        tally_of(passage)->by_type[t] += is_new ? tally.by_type[t] : 0;
    }
    memmove(passage->held.ptr, passage->held.ptr + len,
            passage->held.len - len);
    passage->held.len -= len;
    return true;
}

static bool put_blocks(cg_passage_t *passage, bool is_end)
{
    while (passage->held.len >= BLOCK_BYTES) {
        size_t len = cg_payload_cut((cg_str_t){passage->held.ptr, BLOCK_BYTES},
                                    &passage->is_cut);
        if (!put_block(passage, len > 0 ? len : BLOCK_BYTES)) {
            return false;
        }
        passage->is_resumed = passage->is_cut;
    }
    passage->is_cut = false;
    return !is_end || passage->held.len == 0 ||
           put_block(passage, passage->held.len);
}

static bool check_stream(cg_passage_t *passage)
{
    uint8_t by;
    return !cg_stream_is_blocked(passage->running.stream, &by) ||
           refuse_block(passage, by);
}

/* What came out of the running text: of an answer it goes on at once, but for
 * subtitles. */
static bool take_running(cg_passage_t *passage, const cg_buf_t *out,
                         const cg_buf_t *kept, bool is_end)
{
    cg_str_t text = {out->ptr, out->len};
    if (!check_stream(passage)) {
        return false;
    }
    if (passage->spec->is_answer) {
        passage->spec->txn->answer.text_bytes += (int64_t)kept->len;
    }
    if (passage->spec->is_answer && !passage->is_cues) {
        cg_observe_keep(passage->spec->txn, (cg_str_t){kept->ptr, kept->len});
        return put(passage, text);
    }
    cg_buf_add(&passage->held, text.ptr, text.len);
    return put_blocks(passage, is_end);
}

static bool feed_text(cg_passage_t *passage, cg_str_t piece)
{
    cg_buf_t out;
    cg_buf_t kept;
    apr_pool_clear(passage->scratch);
    note_tokens(passage, piece);
    cg_buf_init(&out, piece.len + 512, passage->scratch);
    cg_buf_init(&kept, piece.len + 512, passage->scratch);
    cg_running_feed(&passage->running, piece, passage->scratch, &out, &kept);
    return take_running(passage, &out, &kept, false);
}

static bool end_text(cg_passage_t *passage)
{
    cg_buf_t out;
    cg_buf_t kept;
    apr_pool_clear(passage->scratch);
    cg_buf_init(&out, 512, passage->scratch);
    cg_buf_init(&kept, 512, passage->scratch);
    cg_running_finish(&passage->running, passage->scratch, &out, &kept);
    const cg_tally_t *tally = cg_stream_tally(passage->running.stream);
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        tally_of(passage)->by_type[t] += tally->by_type[t];
    }
    return take_running(passage, &out, &kept, true);
}

/* From the text's beginning, which is held, or from a line on. */
static bool begin_text(cg_passage_t *passage, cg_str_t text)
{
    cg_txn_t *txn = passage->spec->txn;
    cg_running_open(&passage->running, txn, false);
    if (!passage->spec->is_answer) {
        passage->running.restore.pseudonyms = NULL;
        passage->running.stream = cg_stream_open(
            txn->rules, &txn->out.actions, txn->out.pseudonyms, passage->pool);
        cg_stream_note_masks(passage->running.stream, passage->running.masks);
    }
    passage->state = TEXT;
    cg_buf_init(&passage->held, 0, passage->pool); /* text may stand in it */
    return feed_text(passage, text);
}

/* ---- lines of JSON ------------------------------------------------------ */

static bool is_object(const cg_walk_t *walk)
{
    return walk->nodes[0].kind == CG_NODE_OBJECT;
}

/* A line is a document of its own. Its members are the caller's: none of them is
 * one of the API's words, as if it stood in a text. */
static bool sift_line(cg_passage_t *passage, const cg_walk_t *walk,
                      cg_str_t line, cg_str_t *out)
{
    cg_sift_t sift;
    open_sift(passage, 1, tally_of(passage), &sift);
    if (!run_sift(passage, &sift, walk)) {
        return false;
    }
    *out = cg_sift_apply(&sift, line);
    return true;
}

static bool tell_record(cg_passage_t *passage, uint64_t number,
                        const cg_walk_t *walk)
{
    const cg_passage_spec_t *spec = passage->spec;
    return !spec->on_record ||
           spec->on_record(spec->baton, number, walk, passage->scratch);
}

static bool on_line(void *baton, uint64_t number, cg_str_t line, cg_str_t end)
{
    cg_passage_t *passage = baton;
    cg_walk_t walk;
    if (passage->state == TEXT) { /* an earlier line was none */
        return feed_text(passage, (cg_str_t){line.ptr, line.len + end.len});
    }
    if (cg_jsonl_is_blank(line)) {
        return put(passage, line) && put(passage, end);
    }
    apr_pool_clear(passage->scratch);
    if (cg_walk(line.ptr, line.len, &walk, NULL, passage->scratch) !=
            CG_WALK_OK ||
        !is_object(&walk)) {
        passage->is_records = false;
        return tell_record(passage, number, NULL) &&
               begin_text(passage, (cg_str_t){line.ptr, line.len + end.len});
    }
    note_tokens(passage, line);
    cg_str_t out;
    return tell_record(passage, number, &walk) &&
           sift_line(passage, &walk, line, &out) && put(passage, out) &&
           put(passage, end);
}

static bool feed_lines(cg_passage_t *passage, cg_str_t piece)
{
    if (cg_jsonl_feed(&passage->jsonl, piece)) {
        return true;
    }
    if (passage->jsonl.is_too_long) {
        refuse(passage, CG_TOO_LARGE, CG_ANSWER_TOO_LARGE);
    }
    return false;
}

static bool end_lines(cg_passage_t *passage)
{
    return cg_jsonl_finish(&passage->jsonl) &&
           (passage->state != TEXT || end_text(passage));
}

/* ---- what is it? -------------------------------------------------------- */

/* Where the first line that is not blank has its first letter. */
static size_t first_letter(const cg_buf_t *held)
{
    size_t at = 0;
    while (at < held->len && cg_jsonl_is_blank((cg_str_t){held->ptr + at, 1})) {
        at++;
    }
    return at;
}

static bool may_be_lines(const cg_passage_t *passage)
{
    const cg_buf_t *held = &passage->held;
    if (passage->spec->is_field || passage->is_no_records) {
        return false;
    }
    size_t at = first_letter(held);
    return at < held->len && held->ptr[at] == '{';
}

/* Is the first line that is not blank, once it is whole, a JSON object? */
static bool begins_with_record(cg_passage_t *passage, bool is_end)
{
    cg_walk_t walk;
    const cg_buf_t *held = &passage->held;
    size_t at = first_letter(held);
    const char *end = memchr(held->ptr + at, '\n', held->len - at);
    size_t len = (end ? (size_t)(end - held->ptr) : held->len) - at;
    if (!end && !is_end) {
        return false;
    }
    apr_pool_clear(passage->scratch);
    bool is_record = cg_walk(held->ptr + at, len, &walk, NULL,
                             passage->scratch) == CG_WALK_OK &&
                     is_object(&walk);
    passage->is_no_records = !is_record;
    return is_record;
}

static bool begin_lines(cg_passage_t *passage)
{
    cg_buf_t begun = passage->held;
    passage->state = LINES;
    passage->is_records = true;
    cg_buf_init(&passage->held, 0, passage->pool);
    return feed_lines(passage, (cg_str_t){begun.ptr, begun.len});
}

/* The mark of UTF-8 stands before the text, and before its first line. */
static bool put_mark(cg_passage_t *passage)
{
    static const char mark[] = "\xEF\xBB\xBF";
    cg_buf_t *held = &passage->held;
    if (passage->spec->is_field || held->len < 3 ||
        memcmp(held->ptr, mark, 3) != 0) {
        return true;
    }
    if (!put(passage, (cg_str_t){mark, 3})) {
        return false;
    }
    memmove(held->ptr, held->ptr + 3, held->len - 3);
    held->len -= 3;
    return true;
}

/* From here on the text is UTF-8 for all that look at it. */
static void open_coding(cg_passage_t *passage, cg_coding_kind_t kind)
{
    cg_str_t head = {passage->held.ptr, passage->held.len};
    cg_coding_t coding;
    if (kind == CG_CODING_NONE ||
        !cg_coding_open(&coding, kind, passage->pool)) {
        return;
    }
    cg_coding_read(&coding, head, &passage->read);
    cg_str_t text = {passage->read.ptr, passage->read.len};
    cg_buf_init(&passage->held, text.len + 64, passage->pool);
    cg_buf_add(&passage->held, text.ptr, text.len);
    passage->coding = coding;
    passage->plain = (cg_plain_t){0};
    cg_plain_feed(&passage->plain, text);
}

static bool begin_binary(cg_passage_t *passage, cg_str_t head)
{
    passage->state = BINARY;
    passage->held.len = 0;
    return count_opaque(passage,
                        cg_opaque_kind(head, passage->spec->media_type)) &&
           put(passage, head);
}

static bool tell_text_from_binary(cg_passage_t *passage)
{
    cg_str_t head = {passage->held.ptr, passage->held.len};
    bool is_known = cg_opaque_is_known(head) && passage->plain.is_binary;
    cg_coding_kind_t kind = is_known ? CG_CODING_NONE : cg_coding_guess(head);
    if (kind == CG_CODING_NONE && cg_plain_is_binary(head)) {
        return begin_binary(passage, head);
    }
    open_coding(passage, kind);
    passage->state = HELD;
    passage->is_cues =
        !passage->spec->is_field &&
        cg_cues_is((cg_str_t){passage->held.ptr, passage->held.len});
    bool is_unread = passage->plain.is_odd || cg_opaque_is_document(head);
    return (!is_unread || count_opaque(passage, cg_opaque_is_document(head)
                                                    ? CG_OPAQUE_DOCUMENT
                                                    : CG_OPAQUE_OTHER)) &&
           put_mark(passage);
}

/* How much of a text is held before it is masked as it comes. */
static size_t held_most(const cg_passage_t *passage)
{
    if (may_be_lines(passage) && passage->spec->most > CG_PASSAGE_HELD_BYTES) {
        return passage->spec->most;
    }
    return passage->spec->is_answer && !may_be_lines(passage)
               ? 0
               : CG_PASSAGE_HELD_BYTES;
}

static bool consider_held(cg_passage_t *passage)
{
    if (may_be_lines(passage) && begins_with_record(passage, false)) {
        return begin_lines(passage);
    }
    if (passage->held.len <= held_most(passage)) {
        return true;
    }
    if (passage->spec->is_field) {
        return refuse(passage, CG_TOO_LARGE, CG_ANSWER_TOO_LARGE);
    }
    return begin_text(passage,
                      (cg_str_t){passage->held.ptr, passage->held.len});
}

static bool hold(cg_passage_t *passage, cg_str_t piece)
{
    cg_buf_add(&passage->held, piece.ptr, piece.len);
    if (passage->state == UNKNOWN) {
        if (passage->held.len < CG_PASSAGE_SNIFF_BYTES) {
            return true;
        }
        if (!tell_text_from_binary(passage)) {
            return false;
        }
    }
    return passage->state != HELD || consider_held(passage);
}

/* It was told to be text, and is not, or not in UTF-8. */
static bool note_odd(cg_passage_t *passage)
{
    bool is_late = passage->plain.is_odd && passage->state != UNKNOWN &&
                   passage->state != BINARY;
    return !is_late || count_opaque(passage, CG_OPAQUE_OTHER);
}

static bool route(cg_passage_t *passage, cg_str_t piece)
{
    switch (passage->state) {
    case BINARY:
        return put(passage, piece);
    case TEXT:
        return passage->jsonl.lines > 0 ? feed_lines(passage, piece)
                                        : feed_text(passage, piece);
    case LINES:
        return feed_lines(passage, piece);
    default:
        return hold(passage, piece);
    }
}

static bool take_text(cg_passage_t *passage, cg_str_t text)
{
    cg_plain_feed(&passage->plain, text);
    return note_odd(passage) && route(passage, text);
}

static bool take_step(cg_passage_t *passage, cg_str_t step)
{
    if (passage->state == BINARY) {
        return put(passage, step);
    }
    if (passage->coding.kind == CG_CODING_NONE) {
        return take_text(passage, step);
    }
    passage->read.len = 0;
    cg_coding_read(&passage->coding, step, &passage->read);
    return take_text(passage, (cg_str_t){passage->read.ptr, passage->read.len});
}

/* In steps no larger than what is sniffed at first, so that it makes no
 * difference where the file is cut: what is decided, is decided at the same byte. */
bool cg_passage_feed(cg_passage_t *passage, cg_str_t piece)
{
    while (piece.len > 0) {
        size_t room = passage->state == UNKNOWN
                          ? CG_PASSAGE_SNIFF_BYTES - passage->held.len
                          : piece.len;
        size_t take = piece.len < room ? piece.len : room;
        passage->bytes += take;
        if (!take_step(passage, (cg_str_t){piece.ptr, take})) {
            return false;
        }
        piece = (cg_str_t){piece.ptr + take, piece.len - take};
    }
    return true;
}

/* A text that ends while it is held. */
static bool end_short(cg_passage_t *passage)
{
    if (may_be_lines(passage) && begins_with_record(passage, true)) {
        return begin_lines(passage) && end_lines(passage);
    }
    if (!passage->spec->is_answer) {
        return end_held(passage);
    }
    return begin_text(passage,
                      (cg_str_t){passage->held.ptr, passage->held.len}) &&
           end_text(passage);
}

static bool end_state(cg_passage_t *passage)
{
    switch (passage->state) {
    case BINARY:
        return true;
    case TEXT:
        return passage->jsonl.lines > 0 ? end_lines(passage)
                                        : end_text(passage);
    case LINES:
        return end_lines(passage);
    default:
        return end_short(passage);
    }
}

/* What a coding still holds of the text. */
static bool read_rest(cg_passage_t *passage)
{
    passage->read.len = 0;
    cg_coding_read_end(&passage->coding, &passage->read);
    return passage->read.len == 0 ||
           take_text(passage, (cg_str_t){passage->read.ptr, passage->read.len});
}

static bool write_rest(cg_passage_t *passage)
{
    const cg_passage_spec_t *spec = passage->spec;
    passage->written.len = 0;
    cg_coding_write_end(&passage->coding, &passage->written);
    return passage->written.len == 0 ||
           spec->write(spec->baton,
                       (cg_str_t){passage->written.ptr, passage->written.len});
}

bool cg_passage_finish(cg_passage_t *passage)
{
    if (passage->state == UNKNOWN && !tell_text_from_binary(passage)) {
        return false;
    }
    bool is_coded = passage->coding.kind != CG_CODING_NONE;
    if (is_coded && !read_rest(passage)) {
        return false;
    }
    if (passage->state != BINARY) {
        cg_plain_finish(&passage->plain);
    }
    return note_odd(passage) && end_state(passage) &&
           (!is_coded || write_rest(passage));
}

bool cg_passage_words(cg_txn_t *txn, const char *label, cg_str_t text,
                      const char *param, cg_str_t *out, apr_pool_t *pool)
{
    cg_findings_t findings;
    cg_buf_t masked;
    cg_findings_init(&findings, pool);
    cg_buf_init(&masked, 0, pool);
    *out = text;
    if (cg_redact_scan_named(txn->rules, cg_str(label), text, CG_SCAN_DEEP,
                             &findings) != APR_SUCCESS) {
        cg_txn_refuse(txn, CG_INSPECTION_FAILED, NULL, param);
        return false;
    }
    cg_mask_result_t result =
        cg_redact_mask(txn->rules, text, &findings, &txn->out.actions,
                       txn->out.pseudonyms, &txn->out.tally, &masked);
    if (result.is_blocked) {
        txn->blocked_type = cg_detector_name(result.blocked_by);
        cg_txn_refuse(txn, CG_CONTENT_BLOCKED, NULL, param);
        return false;
    }
    if (result.is_changed) {
        *out = (cg_str_t){masked.ptr, masked.len};
    }
    return true;
}
