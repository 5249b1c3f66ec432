/* One running text of a streamed answer on its way to the caller.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/observe_text.h"

#include <string.h>

/* What a text of the call under way becomes. */
typedef struct shown_t {
    cg_running_t *running;
    cg_buf_t *out;
    cg_buf_t *kept;
} shown_t;

void cg_running_open(cg_running_t *running, cg_txn_t *txn, bool is_arguments)
{
    cg_pseudonyms_t *pseudonyms = txn->out.pseudonyms;
    *running = (cg_running_t){
        .stream = cg_stream_open(txn->rules, &txn->out.answer_actions,
                                 pseudonyms, txn->pool),
        .masks = apr_array_make(txn->pool, 1, sizeof(cg_masked_t)),
        .prose = is_arguments ? CG_PROSE_ARGUMENTS : CG_PROSE_UNKNOWN};
    if (cg_pseudonyms_has_any(pseudonyms)) {
        running->restore.pseudonyms = pseudonyms;
    }
    cg_stream_note_masks(running->stream, running->masks);
}

/* ---- is it JSON, and where in it are we? ---- */

static bool is_json(const cg_running_t *running)
{
    return running->prose >= CG_PROSE_JSON;
}

static void step_string(cg_running_t *running, char c)
{
    if (running->is_escaped) {
        running->is_escaped = false;
    }
    else if (c == '"') {
        running->is_string = false;
    }
    else {
        running->is_escaped = c == '\\';
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Could c begin a number, true, false or null, or go on with one? */
static bool is_of_word(const cg_running_t *running, char c)
{
    if (!running->is_word) {
        return c == '-' || (c >= '0' && c <= '9') || c == 't' || c == 'f' ||
               c == 'n';
    }
    return c != '\0' && strchr("0123456789+-.eEtrufalsn", c) != NULL;
}

/* Outside of strings. What no JSON text has there makes it prose. */
static void step_outside(cg_running_t *running, char c)
{
    bool is_open = c == '{' || c == '[';
    bool is_close = c == '}' || c == ']';
    bool is_word = !is_open && is_of_word(running, c);
    bool is_over = running->depth == 0 && !is_blank(c) && !is_open;
    bool is_sign = is_open || is_close || is_blank(c) || c == ',' || c == ':' ||
                   c == '"' || is_word;
    running->is_word = is_word;
    running->is_string = c == '"';
    running->depth =
        (uint16_t)(running->depth + is_open - (is_close && running->depth > 0));
    if (running->prose == CG_PROSE_JSON && (is_over || !is_sign)) {
        running->prose = CG_PROSE;
    }
}

static void step(cg_running_t *running, char c)
{
    if (running->prose == CG_PROSE_UNKNOWN && !is_blank(c)) {
        running->prose = c == '{' || c == '[' ? CG_PROSE_JSON : CG_PROSE;
    }
    if (!is_json(running)) {
        return;
    }
    if (running->is_string) {
        step_string(running, c);
    }
    else {
        step_outside(running, c);
    }
}

/* ---- showing ---- */

/* Appends a value or a mask, as the place asks. */
static void put(const cg_running_t *running, cg_str_t text, cg_buf_t *out)
{
    if (!is_json(running)) {
        cg_buf_add(out, text.ptr, text.len);
    }
    else if (running->is_string) {
        cg_buf_json_escape(out, text.ptr, text.len);
    }
    else {
        cg_buf_json_string(out, text.ptr, text.len);
    }
}

static void show(const shown_t *to, cg_str_t value, cg_str_t token)
{
    cg_running_t *running = to->running;
    if (running->prose == CG_PROSE_UNKNOWN) {
        running->prose = CG_PROSE;
    }
    running->is_escaped = false;
    put(running, value, to->out);
    put(running, token, to->kept);
}

static void pass(const shown_t *to, const char *ptr, size_t len)
{
    for (size_t i = 0; i < len && to->running->prose != CG_PROSE; i++) {
        step(to->running, ptr[i]);
    }
    cg_buf_add(to->out, ptr, len);
    cg_buf_add(to->kept, ptr, len);
}

/* Text between two masks. */
static void show_between(const shown_t *to, cg_str_t text)
{
    const cg_pseudonyms_t *pseudonyms = to->running->restore.pseudonyms;
    while (text.len > 0) {
        const char *mark =
            pseudonyms ? memchr(text.ptr, CG_STAND_IN_MARK, text.len) : NULL;
        size_t plain = mark ? (size_t)(mark - text.ptr) : text.len;
        pass(to, text.ptr, plain);
        text = (cg_str_t){text.ptr + plain, text.len - plain};
        if (text.len == 0) {
            return;
        }
        const cg_pseudonym_t *what = cg_restore_at(pseudonyms, text);
        size_t used = what ? CG_STAND_IN_BYTES : 1;
        if (what && what->is_restored) {
            show(to, what->value, what->token);
        }
        else if (what) { /* the model's own character */
            pass(to, what->value.ptr, what->value.len);
        }
        else {
            pass(to, text.ptr, 1);
        }
        text = (cg_str_t){text.ptr + used, text.len - used};
    }
}

static void show_all(cg_running_t *running, cg_str_t masked, cg_buf_t *out,
                     cg_buf_t *kept)
{
    shown_t to = {running, out, kept};
    size_t at = 0;
    for (int i = 0; i < running->masks->nelts; i++) {
        const cg_masked_t *mask =
            &APR_ARRAY_IDX(running->masks, i, cg_masked_t);
        cg_str_t with = {masked.ptr + mask->start, mask->end - mask->start};
        show_between(&to, (cg_str_t){masked.ptr + at, mask->start - at});
        show(&to, with, with);
        at = mask->end;
    }
    show_between(&to, (cg_str_t){masked.ptr + at, masked.len - at});
    apr_array_clear(running->masks);
}

void cg_running_feed(cg_running_t *running, cg_str_t delta, apr_pool_t *scratch,
                     cg_buf_t *out, cg_buf_t *kept)
{
    cg_buf_t hidden;
    cg_buf_t masked;
    cg_buf_init(&masked, delta.len + 64, scratch);
    if (running->restore.pseudonyms) {
        cg_buf_init(&hidden, delta.len + 64, scratch);
        cg_restore_hide(&running->restore, delta, &hidden);
        delta = (cg_str_t){hidden.ptr, hidden.len};
    }
    cg_stream_feed(running->stream, delta, &masked);
    show_all(running, (cg_str_t){masked.ptr, masked.len}, out, kept);
}

void cg_running_finish(cg_running_t *running, apr_pool_t *scratch,
                       cg_buf_t *out, cg_buf_t *kept)
{
    cg_buf_t hidden;
    cg_buf_t masked;
    cg_buf_init(&masked, 64, scratch);
    if (running->restore.pseudonyms) {
        cg_buf_init(&hidden, 64, scratch);
        cg_restore_end(&running->restore, &hidden);
        cg_stream_feed(running->stream, (cg_str_t){hidden.ptr, hidden.len},
                       &masked);
    }
    cg_stream_finish(running->stream, &masked);
    show_all(running, (cg_str_t){masked.ptr, masked.len}, out, kept);
}

size_t cg_running_held_bytes(const cg_running_t *running)
{
    return cg_stream_held_bytes(running->stream) + running->restore.held_len;
}
