/* A request's place in the live table, on its walk.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/lives.h"

#include <string.h>

#include "base/clock.h"
#include "flow/flow.h"

_Static_assert(sizeof(cg_lives_note_t) <= CG_LIVE_NOTE_MAX,
               "a note has room in its place");

#define HEARD_EACH (50 * CG_MS)
#define HEARD_PART 20 /* of the time at most one part goes into counting */
#define HEARD_LEAST (500 * CG_MS) /* however long that takes */

static void copy(char *to, size_t size, cg_str_t text)
{
    size_t len = text.len;
    if (len >= size) {
        len = cg_utf8_whole(text.ptr, size - 1);
    }
    if (len) {
        memcpy(to, text.ptr, len);
    }
}

static void write_note(const cg_txn_t *txn, cg_lives_note_t *note)
{
    memset(note, 0, sizeof *note);
    note->at = txn->in.at;
    note->started_at = txn->in.started_at;
    note->endpoint = (uint8_t)txn->in.endpoint;
    note->is_stream = txn->in.request.is_stream;
    copy(note->id, sizeof note->id, cg_str(txn->in.id));
    copy(note->key_id, sizeof note->key_id, cg_str(txn->who.key.id));
    copy(note->key_name, sizeof note->key_name, cg_str(txn->who.key.name));
    copy(note->team, sizeof note->team, cg_str(txn->who.team));
    copy(note->user, sizeof note->user, cg_str(txn->who.user));
    copy(note->address, sizeof note->address, cg_str(txn->in.address));
    copy(note->vhost, sizeof note->vhost, cg_str(txn->in.vhost));
    copy(note->model, sizeof note->model, txn->in.model);
}

void cg_lives_begin(cg_txn_t *txn)
{
    cg_lives_note_t note;
    cg_lives_leave(txn);
    if (!txn->gateway->live || txn->grant.count == 0) {
        return;
    }
    write_note(txn, &note);
    txn->grant.place = cg_live_claim(txn->gateway->live, txn->grant.hold_id,
                                     &note, sizeof note, cg_clock_monotonic());
}

void cg_lives_leave(cg_txn_t *txn)
{
    cg_live_free(txn->gateway->live, txn->grant.place);
    txn->grant.place = 0;
}

static void tell(const cg_txn_t *txn, int64_t output)
{
    int64_t input = txn->grant.input_tokens;
    int64_t micros = txn->grant.price
                         ? cg_price_micros(txn->grant.price, input, 0, output)
                         : 0;
    cg_live_progress(txn->gateway->live, txn->grant.place, input, output,
                     micros);
}

void cg_lives_sent(cg_txn_t *txn)
{
    if (txn->grant.place) {
        tell(txn, 0);
        cg_live_move(txn->gateway->live, txn->grant.place, CG_LIVE_SENT);
    }
}

/* To count a text that never ends a word takes time: the longer it takes, the more
 * seldom it is done. */
void cg_lives_heard(cg_txn_t *txn)
{
    bool is_exact;
    if (!txn->grant.place) {
        return;
    }
    apr_time_t began = cg_clock_monotonic();
    if (began < txn->answer.heard_next) {
        return;
    }
    tell(txn, cg_flow_delivered(txn, &is_exact));
    apr_time_t now = cg_clock_monotonic();
    apr_time_t pause = (now - began) * HEARD_PART;
    pause = pause > HEARD_EACH ? pause : HEARD_EACH;
    txn->answer.heard_next = now + (pause < HEARD_LEAST ? pause : HEARD_LEAST);
}

void cg_lives_billed(cg_txn_t *txn, const cg_quota_bill_t *bill)
{
    cg_live_bill(txn->gateway->live, txn->grant.place, bill,
                 txn->grant.has_hold);
}

void cg_lives_recorded(cg_txn_t *txn, bool is_journaled)
{
    cg_live_end(txn->gateway->live, txn->grant.place, is_journaled);
    txn->grant.place = 0;
}
