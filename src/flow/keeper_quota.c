/* The keeper's part in quota: holds of processes that are gone, and of a store that
 * forgets.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A request whose process was killed is ended as its process would have ended it:
 * a bill of what was used up to then, a record in the journal, and from there the
 * settling. What stands in the journal already, because its process was killed
 * between the two steps, is found there.
 */
#include "flow/keeper_quota.h"

#include <string.h>

#include "audit/journal.h"
#include "base/clock.h"
#include "chat/endpoint.h"
#include "flow/lives.h"
#include "flow/refuse.h"

/* Another primary is asked again a little later: an admission that was on its way
 * while it took over was not sent the first time. */
#define RESENDS 3
#define RESEND_EACH (2 * CG_SECOND)

/* ---- the journal ------------------------------------------------------------------ */

/* From where the record of a request that began at `at` must stand, if at all. */
static void seek(cg_journal_reader_t *reader, apr_time_t at)
{
    int64_t newest = cg_journal_reader_newest(reader);
    if (newest > 0 && newest <= apr_time_as_msec(at)) {
        cg_journal_reader_seek(reader, (cg_journal_position_t){newest, 0});
    }
}

/* Does a record with this hold stand in the journal? */
static bool is_journaled(const cg_gateway_t *gateway, const char *hold_id,
                         apr_time_t at, apr_pool_t *scratch)
{
    cg_error_t err;
    cg_journal_reader_t *reader;
    cg_journal_entry_t entry;
    cg_journal_position_t position;
    apr_pool_t *pool;
    bool is_found = false;
    apr_pool_create(&pool, scratch);
    if (cg_journal_reader_open(&reader, cg_journal_folder(gateway->journal),
                               &err, pool) == APR_SUCCESS) {
        seek(reader, at);
        while (!is_found && cg_journal_read_next(reader, &entry, &position,
                                                 &err) == APR_SUCCESS) {
            is_found = strcmp(entry.id, hold_id) == 0;
        }
    }
    apr_pool_destroy(pool);
    return is_found;
}

/* ---- what a lost request came to ----------------------------------------------------- */

static cg_quota_bill_t bill_of(const cg_live_copy_t *copy)
{
    if (copy->state == CG_LIVE_BILLED) {
        return copy->bill;
    }
    return (cg_quota_bill_t){.id = copy->id,
                             .input_tokens = copy->input,
                             .output_tokens = copy->output,
                             .micros = copy->micros,
                             .is_released = copy->state != CG_LIVE_SENT};
}

static void fill(cg_record_t *record, const cg_live_copy_t *copy,
                 const cg_lives_note_t *note, const cg_quota_bill_t *bill)
{
    const cg_reason_t *reason = cg_reason_find(CG_PROCESS_LOST);
    *record = (cg_record_t){
        .id = note->id,
        .at = note->at,
        .key_id = note->key_id,
        .key_name = note->key_name,
        .team = note->team,
        .user = note->user,
        .address = note->address,
        .vhost = note->vhost,
        .endpoint = note->endpoint < CG_ENDPOINT_COUNT
                        ? cg_endpoints[note->endpoint].name
                        : "",
        .model_asked = cg_str(note->model),
        .decision = cg_record_decision_name(CG_DECISION_FAILED),
        .reason = reason->code,
        .status = reason->status,
        .input_tokens = bill->is_released ? 0 : bill->input_tokens,
        .output_tokens = bill->is_released ? 0 : bill->output_tokens,
        .tokens_from = bill->is_released ? "none" : "counted",
        .cost_micros = bill->is_released ? 0 : bill->micros,
        .took = cg_clock_monotonic() - note->started_at,
        .is_stream = note->is_stream,
        .has_hold = copy->has_hold,
        .is_released = bill->is_released,
        .hold_id = copy->id,
    };
}

static bool append(const cg_gateway_t *gateway, const cg_live_copy_t *copy,
                   const cg_lives_note_t *note, const cg_quota_bill_t *bill,
                   apr_pool_t *pool)
{
    cg_error_t err;
    cg_buf_t json;
    cg_record_t record;
    cg_journal_entry_t entry;
    fill(&record, copy, note, bill);
    cg_buf_init(&json, 1024, pool);
    cg_record_write(&record, &json);
    cg_journal_entry_make(&record, (cg_str_t){json.ptr, json.len}, &entry);
    if (cg_journal_append(gateway->journal, &entry, &err) != APR_SUCCESS) {
        cg_meter_journal_error(gateway->meter);
        return false;
    }
    cg_meter_sample_t sample = {.endpoint = record.endpoint,
                                .status = record.status,
                                .reason = record.reason,
                                .input_tokens = record.input_tokens,
                                .output_tokens = record.output_tokens,
                                .cost_micros = record.cost_micros,
                                .took = record.took};
    cg_meter_request(gateway->meter, &sample);
    return true;
}

/* Of an admission that was under way nobody knows how it ended: it is undone. */
static void end_asking(const cg_gateway_t *gateway, const cg_live_copy_t *copy)
{
    if (!copy->id[0]) {
        cg_live_free(gateway->live, copy->place);
        return;
    }
    cg_quota_undo_here(gateway->quota, copy->id);
    cg_live_cancel(gateway->live, copy->place);
}

/* The place is marked as billed before the record is written: if this process is
 * killed as well, whoever comes next looks for the record. */
static void end_lost(const cg_gateway_t *gateway, const cg_live_copy_t *copy,
                     apr_pool_t *pool)
{
    cg_lives_note_t note;
    cg_quota_bill_t bill = bill_of(copy);
    memset(&note, 0, sizeof note);
    if (copy->note_len == sizeof note) {
        memcpy(&note, copy->note, sizeof note);
    }
    bool is_there = copy->state == CG_LIVE_BILLED &&
                    is_journaled(gateway, copy->id, note.at, pool);
    cg_live_bill(gateway->live, copy->place, &bill, copy->has_hold);
    if (!is_there) {
        is_there = append(gateway, copy, &note, &bill, pool);
    }
    cg_live_end(gateway->live, copy->place, is_there);
    bill.id = copy->id;
    cg_quota_post(gateway->quota, &bill, false);
}

static void end_orphans(const cg_gateway_t *gateway, apr_pool_t *pool)
{
    cg_live_t *live = gateway->live;
    cg_live_copy_t *copy = NULL;
    cg_live_look(live);
    for (uint32_t place = 1; place <= cg_live_slots(live); place++) {
        if (!cg_live_is_orphan(live, place)) {
            continue;
        }
        copy = copy ? copy : apr_palloc(pool, sizeof *copy);
        if (!cg_live_read(live, place, copy) || !cg_live_adopt(live, copy)) {
            continue;
        }
        if (copy->state == CG_LIVE_ASKING) {
            end_asking(gateway, copy);
        }
        else {
            end_lost(gateway, copy, pool);
        }
    }
}

/* ---- when what is due ------------------------------------------------------------------ */

static void resend(cg_keeper_quota_t *keeper, const cg_gateway_t *gateway,
                   apr_time_t now, apr_pool_t *scratch)
{
    cg_error_t err;
    size_t count;
    int64_t generation = cg_store_generation(gateway->store);
    if (generation != keeper->generation) {
        if (keeper->generation > 0) {
            cg_quota_new_store(gateway->quota);
        }
        keeper->generation = generation;
        keeper->resends_left = RESENDS;
        keeper->resend_at = now;
    }
    if (keeper->resends_left == 0 || now < keeper->resend_at ||
        cg_store_is_away(gateway->store)) {
        return;
    }
    if (cg_quota_resend(gateway->quota, &count, &err, scratch) == APR_SUCCESS) {
        keeper->resends_left--;
        keeper->resend_at = now + RESEND_EACH;
    }
}

void cg_keeper_quota_begin(cg_keeper_quota_t *keeper)
{
    /* Who led before may have died while the store changed hands. */
    *keeper = (cg_keeper_quota_t){.generation = -1};
}

void cg_keeper_quota_step(cg_keeper_quota_t *keeper,
                          const cg_gateway_t *gateway, apr_pool_t *scratch)
{
    cg_error_t err;
    apr_time_t now = cg_clock_monotonic();
    if (!gateway->live) {
        return;
    }
    if (now - keeper->orphans_at >= CG_KEEPER_ORPHANS_EACH) {
        keeper->orphans_at = now;
        end_orphans(gateway, scratch);
        if (!cg_store_is_away(gateway->store)) {
            cg_quota_pay_owed(gateway->quota, &err, scratch);
        }
    }
    if (now - keeper->raised_at >= CG_KEEPER_RAISE_EACH &&
        !cg_store_is_away(gateway->store)) {
        keeper->raised_at = now;
        cg_quota_raise_live(gateway->quota, &err, scratch);
    }
    resend(keeper, gateway, now, scratch);
}
