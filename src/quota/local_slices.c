/* Slices: parts of leased limits that were taken from the store in advance.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A slice is open until it is used up, until another of the same counter is
 * taken, or until its time is over; then it is closed, and reported when the last
 * request that used it is settled. In the store it counts in full until then, and
 * for ever if nobody reports it.
 */
#include "quota/local_int.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/share.h"

#define AWAITED_FOR apr_time_from_sec(2)
#define REPORT_BEFORE apr_time_from_sec(10) /* its end in the store */

static cg_slice_t *find(cg_local_t *local, const cg_tag_t *tag,
                        cg_slice_state_t state)
{
    for (size_t i = 0; i < CG_SLICE_PROBES; i++) {
        cg_slice_t *slice = &local->slices[(tag->word[0] + i) % CG_SLICES];
        if (slice->state == state && cg_local_is_tag(&slice->tag, tag)) {
            return slice;
        }
    }
    return NULL;
}

/* Who asked and did not come back is dead. */
static bool is_free(const cg_slice_t *slice, apr_time_t now)
{
    return slice->state == CG_SLICE_FREE ||
           (slice->state == CG_SLICE_AWAITED && now >= slice->usable_until);
}

static cg_slice_t *find_free(cg_local_t *local, const cg_tag_t *tag,
                             apr_time_t now)
{
    for (size_t i = 0; i < CG_SLICE_PROBES; i++) {
        cg_slice_t *slice = &local->slices[(tag->word[0] + i) % CG_SLICES];
        if (is_free(slice, now)) {
            return slice;
        }
    }
    return NULL;
}

/* Keeps a place for a slice that is asked for; false: there is none, or another
 * request asks already. */
static bool await(cg_local_t *local, const cg_tag_t *tag, apr_time_t now)
{
    cg_slice_t *other = find(local, tag, CG_SLICE_AWAITED);
    cg_slice_t *place = find_free(local, tag, now);
    if (!place || (other && !is_free(other, now))) {
        return false;
    }
    place->tag = *tag;
    place->state = CG_SLICE_AWAITED;
    place->usable_until = now + AWAITED_FOR;
    return true;
}

static void take(cg_local_t *local, cg_hold_t *hold, cg_slice_t *slice,
                 const cg_counter_t *counter)
{
    cg_part_t part = {.where = CG_PART_SLICE,
                      .quantity = (uint8_t)counter->quantity,
                      .place = (uint32_t)(slice - local->slices),
                      .serial = slice->serial,
                      .debt = -1,
                      .cost = counter->cost,
                      .floor = counter->floor};
    if (cg_local_hold_add(hold, &part)) {
        slice->users++;
        slice->spent += counter->cost;
        slice->left -= counter->cost;
    }
}

static void tell_left(const cg_slice_t *slice, apr_time_t now,
                      cg_quota_left_t *out)
{
    out->limit = slice->amount;
    out->remaining = slice->known + slice->left;
    out->reset_for = slice->resets_at - now;
}

static bool has_leased(const cg_plan_t *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->counters[i].slice > 0) {
            return true;
        }
    }
    return false;
}

/* Takes the counter's cost out of its slice; else sees to it that none is asked
 * for that there would be no place for. */
static bool draw(cg_local_t *local, cg_hold_t *hold, cg_counter_t *counter,
                 apr_time_t now, cg_quota_left_t *left)
{
    cg_tag_t tag = cg_local_tag(counter->key);
    cg_slice_t *slice = find(local, &tag, CG_SLICE_OPEN);
    if (hold && slice && slice->left >= counter->cost &&
        now < slice->usable_until && slice->amount == counter->amount) {
        take(local, hold, slice, counter);
        tell_left(slice, now, left);
        return true;
    }
    if (!hold || !await(local, &tag, now)) {
        counter->slice = 0;
    }
    return false;
}

uint32_t cg_local_draw(cg_local_t *local, const char *id, cg_plan_t *plan,
                       apr_time_t hold_for, apr_time_t now,
                       cg_quota_left_t *left)
{
    int64_t ticket;
    uint32_t drawn = 0;
    if (!has_leased(plan) || !cg_latch_take(&local->latch, &ticket)) {
        return 0;
    }
    cg_hold_t *hold = cg_local_hold(local, id, true, now + hold_for);
    bool is_new = hold && hold->count == 0;
    for (size_t i = 0; i < plan->count; i++) {
        cg_counter_t *counter = &plan->counters[i];
        if (counter->slice > 0 && counter->cost > 0 &&
            draw(local, hold, counter, now, &left[i])) {
            drawn |= UINT32_C(1) << i;
        }
    }
    if (is_new && hold->count) {
        cg_atomic_add(&local->holds_count, 1);
    }
    cg_latch_give(&local->latch, ticket);
    return drawn;
}

/* ---- new ones ------------------------------------------------------------- */

static void fill(cg_slice_t *slice, const cg_tag_t *tag, const char *lease,
                 const cg_counter_t *counter, const cg_quota_left_t *left)
{
    uint32_t serial = slice->serial + 1;
    memset(slice, 0, sizeof *slice);
    slice->tag = *tag;
    slice->serial = serial;
    slice->state = CG_SLICE_OPEN;
    slice->size = counter->slice;
    slice->left = counter->slice;
    slice->amount = counter->amount;
    slice->known = left->remaining;
    apr_cpystrn(slice->lease, lease, sizeof slice->lease);
}

void cg_local_no_slice(cg_local_t *local, const cg_counter_t *counter)
{
    int64_t ticket;
    cg_tag_t tag = cg_local_tag(counter->key);
    if (!cg_latch_take(&local->latch, &ticket)) {
        return; /* its place is free in a moment */
    }
    cg_slice_t *slice = find(local, &tag, CG_SLICE_AWAITED);
    if (slice) {
        slice->state = CG_SLICE_FREE;
    }
    cg_latch_give(&local->latch, ticket);
}

void cg_local_add_slice(cg_local_t *local, const char *id, const char *lease,
                        const cg_counter_t *counter,
                        const cg_quota_left_t *left, apr_time_t usable_until,
                        apr_time_t ends_at, apr_time_t hold_until)
{
    int64_t ticket;
    cg_tag_t tag = cg_local_tag(counter->key);
    if (!cg_latch_take(&local->latch, &ticket)) {
        return; /* it is charged in full: the machine is beyond busy */
    }
    cg_slice_t *before = find(local, &tag, CG_SLICE_OPEN);
    cg_slice_t *slice = find(local, &tag, CG_SLICE_AWAITED);
    if (before) {
        before->state = CG_SLICE_CLOSED;
        cg_atomic_add(&local->closed_count, 1);
    }
    if (slice) {
        fill(slice, &tag, lease, counter, left);
        slice->usable_until = usable_until;
        slice->resets_at = cg_clock_monotonic() + left->reset_for;
        slice->ends_at = ends_at;
        cg_atomic_add(&local->slices_count, 1);
        cg_hold_t *hold = cg_local_hold(local, id, true, hold_until);
        if (hold) {
            cg_atomic_add(&local->holds_count, hold->count == 0);
            take(local, hold, slice, counter);
        }
        else { /* nothing can be given back: the worst case stands */
            slice->spent += counter->cost;
            slice->left -= counter->cost;
        }
    }
    cg_latch_give(&local->latch, ticket);
}

bool cg_local_has_slice(cg_local_t *local, const char *id)
{
    int64_t ticket;
    bool has = false;
    size_t len = strlen(id);
    if (cg_atomic_get(&local->slices_count) == 0 ||
        !cg_latch_take(&local->latch, &ticket)) {
        return false;
    }
    for (size_t i = 0; i < CG_SLICES && !has; i++) {
        const cg_slice_t *slice = &local->slices[i];
        has = slice->state != CG_SLICE_FREE &&
              strncmp(slice->lease, id, len) == 0 && slice->lease[len] == '~';
    }
    cg_latch_give(&local->latch, ticket);
    return has;
}

void cg_local_stop_slices(cg_local_t *local)
{
    int64_t ticket;
    if (cg_atomic_get(&local->slices_count) == 0 ||
        !cg_latch_take(&local->latch, &ticket)) {
        return;
    }
    for (size_t i = 0; i < CG_SLICES; i++) {
        if (local->slices[i].state == CG_SLICE_OPEN) {
            local->slices[i].usable_until = 0;
        }
    }
    cg_latch_give(&local->latch, ticket);
}

/* ---- reports --------------------------------------------------------------- */

static bool is_due(cg_local_t *local, cg_slice_t *slice, bool is_closing,
                   apr_time_t now)
{
    if (slice->state == CG_SLICE_OPEN &&
        ((is_closing && slice->users <= 0) || now >= slice->usable_until)) {
        slice->state = CG_SLICE_CLOSED;
        cg_atomic_add(&local->closed_count, 1);
    }
    return slice->state == CG_SLICE_CLOSED &&
           (slice->users <= 0 || now >= slice->ends_at - REPORT_BEFORE);
}

bool cg_local_has_closed(const cg_local_t *local)
{
    return cg_atomic_get(&local->closed_count) > 0;
}

size_t cg_local_reports(cg_local_t *local, bool is_closing, apr_time_t now,
                        cg_local_report_t *out, size_t most)
{
    int64_t ticket;
    size_t count = 0;
    if (cg_atomic_get(&local->slices_count) == 0 ||
        !cg_latch_take(&local->latch, &ticket)) {
        return 0;
    }
    for (uint32_t i = 0; i < CG_SLICES && count < most; i++) {
        cg_slice_t *slice = &local->slices[i];
        if (is_due(local, slice, is_closing, now)) {
            cg_local_report_t *report = &out[count++];
            apr_cpystrn(report->lease, slice->lease, sizeof report->lease);
            report->spent = slice->spent > 0 ? slice->spent : 0;
            report->place = i;
            report->serial = slice->serial;
        }
    }
    cg_latch_give(&local->latch, ticket);
    return count;
}

void cg_local_reported(cg_local_t *local, const cg_local_report_t *reports,
                       size_t count)
{
    int64_t ticket;
    if (count == 0 || !cg_latch_take(&local->latch, &ticket)) {
        return; /* told again: the store knows it is over */
    }
    for (size_t i = 0; i < count; i++) {
        cg_slice_t *slice = &local->slices[reports[i].place];
        if (slice->serial == reports[i].serial &&
            slice->state == CG_SLICE_CLOSED) {
            slice->state = CG_SLICE_FREE;
            cg_atomic_add(&local->slices_count, -1);
            cg_atomic_add(&local->closed_count, -1);
        }
    }
    cg_latch_give(&local->latch, ticket);
}
