/* One running text of a streamed answer on its way to the caller.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/observe_text.h"

#include <string.h>

/* What a text of the call under way becomes. */
typedef struct shown_t {
    cg_running_t *running;
    apr_pool_t *scratch;
    cg_buf_t *out;
    cg_buf_t *kept;
} shown_t;

void cg_running_open(cg_running_t *running, cg_txn_t *txn, bool is_arguments)
{
    cg_pseudonyms_t *pseudonyms = txn->out.pseudonyms;
    *running = (cg_running_t){
        .stream = cg_stream_open(txn->rules, &txn->out.answer_actions,
                                 pseudonyms, txn->pool),
        .masks = apr_array_make(txn->pool, 1, sizeof(cg_masked_t))};
    cg_place_open(&running->read, is_arguments);
    cg_place_open(&running->place, is_arguments);
    if (cg_pseudonyms_has_any(pseudonyms)) {
        running->restore.pseudonyms = pseudonyms;
    }
    cg_stream_note_masks(running->stream, running->masks);
}

static void show(const shown_t *to, cg_str_t value, cg_str_t token,
                 cg_stood_t stood)
{
    cg_written_t how = cg_place_put(&to->running->place, stood);
    cg_place_write(how, value, to->scratch, to->out);
    cg_place_write(how, token, to->scratch, to->kept);
}

static void pass(const shown_t *to, const char *ptr, size_t len)
{
    size_t before = to->out->len;
    cg_place_pass(&to->running->place, (cg_str_t){ptr, len}, to->out);
    cg_buf_add(to->kept, to->out->ptr + before, to->out->len - before);
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
        size_t used =
            text.len < CG_STAND_IN_BYTES ? text.len : CG_STAND_IN_BYTES;
        if (what && what->is_restored) {
            show(to, what->value, what->token, CG_STOOD_WORDS);
        }
        else if (what) { /* the model's own character */
            cg_place_put(&to->running->place, CG_STOOD_WORDS);
            cg_buf_add(to->out, what->value.ptr, what->value.len);
            cg_buf_add(to->kept, what->value.ptr, what->value.len);
        }
        else {
            pass(to, text.ptr, used);
        }
        text = (cg_str_t){text.ptr + used, text.len - used};
    }
}

static void show_all(cg_running_t *running, cg_str_t masked,
                     apr_pool_t *scratch, cg_buf_t *out, cg_buf_t *kept)
{
    shown_t to = {running, scratch, out, kept};
    size_t at = 0;
    for (int i = 0; i < running->masks->nelts; i++) {
        const cg_masked_t *mask =
            &APR_ARRAY_IDX(running->masks, i, cg_masked_t);
        cg_str_t with = {masked.ptr + mask->start, mask->end - mask->start};
        show_between(&to, (cg_str_t){masked.ptr + at, mask->start - at});
        show(&to, with, with,
             cg_place_stood((cg_str_t){mask->stood, mask->stood_len}));
        at = mask->end;
    }
    show_between(&to, (cg_str_t){masked.ptr + at, masked.len - at});
    apr_array_clear(running->masks);
}

/* What has its tokens hidden goes through the scanner, its breaks read. */
static void scan(cg_running_t *running, cg_str_t hidden, apr_pool_t *scratch,
                 cg_buf_t *masked)
{
    cg_buf_t read;
    cg_buf_init(&read, hidden.len + 64, scratch);
    cg_place_read(&running->read, hidden, &read);
    cg_stream_feed(running->stream, (cg_str_t){read.ptr, read.len}, masked);
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
    scan(running, delta, scratch, &masked);
    show_all(running, (cg_str_t){masked.ptr, masked.len}, scratch, out, kept);
}

void cg_running_finish(cg_running_t *running, apr_pool_t *scratch,
                       cg_buf_t *out, cg_buf_t *kept)
{
    cg_buf_t hidden;
    cg_buf_t rest;
    cg_buf_t masked;
    cg_buf_init(&masked, 64, scratch);
    cg_buf_init(&rest, 64, scratch);
    if (running->restore.pseudonyms) {
        cg_buf_init(&hidden, 64, scratch);
        cg_restore_end(&running->restore, &hidden);
        scan(running, (cg_str_t){hidden.ptr, hidden.len}, scratch, &masked);
    }
    cg_place_read_end(&running->read, &rest);
    cg_stream_feed(running->stream, (cg_str_t){rest.ptr, rest.len}, &masked);
    cg_stream_finish(running->stream, &masked);
    show_all(running, (cg_str_t){masked.ptr, masked.len}, scratch, out, kept);
}

size_t cg_running_held_bytes(const cg_running_t *running)
{
    return cg_stream_held_bytes(running->stream) + running->restore.held_len +
           running->read.pending_len;
}
