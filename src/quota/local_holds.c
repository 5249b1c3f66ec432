/* Holds in this server's memory: what one request took, until it is settled.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A hold that nobody settles (its process was killed) is ended when its time is
 * over, at the least charge of each part; progress raises that.
 */
#include "quota/local_int.h"

#include <string.h>

#include "base/share.h"

#define SWEPT_AT_ONCE 512

cg_hold_t *cg_local_hold(cg_local_t *local, const char *id, bool is_new,
                         apr_time_t ends_at)
{
    cg_tag_t tag = cg_local_tag(cg_str(id));
    cg_hold_t *unused = NULL;
    for (size_t i = 0; i < CG_HOLD_PROBES; i++) {
        cg_hold_t *hold = &local->holds[(tag.word[0] + i) % CG_HOLDS];
        if (hold->count && cg_local_is_tag(&hold->tag, &tag)) {
            return hold;
        }
        if (!hold->count && !unused) {
            unused = hold;
        }
    }
    if (!is_new || !unused) {
        return NULL;
    }
    unused->tag = tag;
    unused->ends_at = ends_at;
    return unused;
}

bool cg_local_hold_add(cg_hold_t *hold, const cg_part_t *part)
{
    if (hold->count == CG_ASKS_MAX) {
        return false;
    }
    hold->parts[hold->count++] = *part;
    return true;
}

/* ---- ending one ------------------------------------------------------------ */

static int64_t least_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t positive(int64_t value)
{
    return value > 0 ? value : 0;
}

static int64_t used_of(cg_quantity_t quantity, int64_t input, int64_t output,
                       int64_t micros)
{
    int64_t total;
    switch (quantity) {
    case CG_QUANTITY_INPUT_TOKENS:
        return positive(input);
    case CG_QUANTITY_OUTPUT_TOKENS:
        return positive(output);
    case CG_QUANTITY_TOKENS:
        return __builtin_add_overflow(positive(input), positive(output), &total)
                   ? INT64_MAX
                   : total;
    case CG_QUANTITY_MICROS:
        return positive(micros);
    default:
        return 0;
    }
}

/* What is to stand in the books for a part. */
static int64_t wanted(const cg_part_t *part, const cg_quota_bill_t *bill)
{
    cg_quantity_t quantity = (cg_quantity_t)part->quantity;
    if (quantity == CG_QUANTITY_CONCURRENT) {
        return 0;
    }
    if (!bill) {
        return part->floor;
    }
    if (quantity == CG_QUANTITY_REQUESTS) {
        return part->cost;
    }
    return bill->is_released
               ? 0
               : least_of(part->cost,
                          used_of(quantity, bill->input_tokens,
                                  bill->output_tokens, bill->micros));
}

static void end_part(cg_local_t *local, const cg_part_t *part, int64_t want)
{
    int64_t less = part->cost - want;
    if (part->where == CG_PART_SLICE) {
        cg_slice_t *slice = &local->slices[part->place];
        if (slice->serial == part->serial && slice->state != CG_SLICE_FREE) {
            slice->users--;
            slice->spent -= less;
            slice->left += slice->state == CG_SLICE_OPEN ? less : 0;
        }
        return;
    }
    if (part->where == CG_PART_SLOT) {
        cg_local_slot_less(&local->slots[part->place], part->stamp, less);
    }
    if (part->debt >= 0 && less > 0) {
        local->debts[part->debt].debt.less += less;
    }
}

/* bill NULL: at its floor. */
static void end(cg_local_t *local, cg_hold_t *hold, const cg_quota_bill_t *bill)
{
    for (uint32_t i = 0; i < hold->count; i++) {
        end_part(local, &hold->parts[i], wanted(&hold->parts[i], bill));
    }
    hold->count = 0;
}

bool cg_local_settle(cg_local_t *local, const cg_quota_bill_t *bill)
{
    int64_t ticket;
    if (cg_atomic_get(&local->holds_count) == 0 ||
        !cg_latch_take(&local->latch, &ticket)) {
        return false;
    }
    cg_hold_t *hold = cg_local_hold(local, bill->id, false, 0);
    if (hold) {
        end(local, hold, bill);
        cg_atomic_add(&local->holds_count, -1);
    }
    cg_latch_give(&local->latch, ticket);
    return hold != NULL;
}

void cg_local_undo(cg_local_t *local, const char *id)
{
    int64_t ticket;
    if (!cg_latch_take(&local->latch, &ticket)) {
        return; /* it is charged its floor when its time is over */
    }
    cg_hold_t *hold = cg_local_hold(local, id, false, 0);
    if (hold) {
        for (uint32_t i = 0; i < hold->count; i++) {
            end_part(local, &hold->parts[i], 0);
        }
        hold->count = 0;
        cg_atomic_add(&local->holds_count, -1);
    }
    cg_latch_give(&local->latch, ticket);
}

/* ---- while it is under way --------------------------------------------------- */

void cg_local_progress(cg_local_t *local, const cg_quota_progress_t *progress)
{
    int64_t ticket;
    if (cg_atomic_get(&local->holds_count) == 0 ||
        !cg_latch_take(&local->latch, &ticket)) {
        return;
    }
    cg_hold_t *hold = cg_local_hold(local, progress->id, false, 0);
    for (uint32_t i = 0; hold && i < hold->count; i++) {
        cg_part_t *part = &hold->parts[i];
        int64_t used = least_of(
            part->cost,
            used_of((cg_quantity_t)part->quantity, progress->input_tokens,
                    progress->output_tokens, progress->micros));
        part->floor = used > part->floor ? used : part->floor;
    }
    cg_latch_give(&local->latch, ticket);
}

void cg_local_sweep(cg_local_t *local, apr_time_t now)
{
    int64_t ticket;
    if (cg_atomic_get(&local->holds_count) == 0 ||
        !cg_latch_take(&local->latch, &ticket)) {
        return;
    }
    for (int i = 0; i < SWEPT_AT_ONCE; i++) {
        cg_hold_t *hold = &local->holds[local->sweep_at++ % CG_HOLDS];
        if (hold->count && hold->ends_at <= now) {
            end(local, hold, NULL);
            cg_atomic_add(&local->holds_count, -1);
        }
    }
    cg_latch_give(&local->latch, ticket);
}
