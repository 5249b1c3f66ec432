/* Debts: what was counted here alone while the store was away.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each is told under an id of its own, which the store remembers for a day: when
 * the answer to a report is lost, or the process that sent it dies, the same
 * report is sent again, and counts once.
 */
#include "quota/local_int.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/share.h"

#define FORGOTTEN_AFTER                                                        \
    apr_time_from_sec(25 * 3600)         /* no request takes as long */
#define TOLD_WITHIN apr_time_from_sec(5) /* after that the teller is dead */

static cg_debt_slot_t *find(cg_local_t *local, const cg_tag_t *tag)
{
    cg_debt_slot_t *unused = NULL;
    for (size_t i = 0; i < CG_DEBT_PROBES; i++) {
        cg_debt_slot_t *slot = &local->debts[(tag->word[0] + i) % CG_DEBTS];
        if (slot->is_used && cg_local_is_tag(&slot->tag, tag)) {
            return slot;
        }
        if (!slot->is_used && !unused) {
            unused = slot;
        }
    }
    return unused;
}

static void fill(cg_debt_slot_t *slot, const cg_tag_t *tag,
                 const cg_counter_t *counter)
{
    memset(slot, 0, sizeof *slot);
    slot->tag = *tag;
    slot->is_used = true;
    memcpy(slot->debt.key, counter->key.ptr, counter->key.len);
    slot->debt.counting = counter->counting;
    slot->debt.from = counter->from;
    slot->debt.stop = counter->stop;
}

int32_t cg_local_owe(cg_local_t *local, const cg_counter_t *counter,
                     int64_t more)
{
    cg_tag_t tag = cg_local_tag(counter->key);
    cg_debt_slot_t *slot = find(local, &tag);
    if (more == 0 || !slot || counter->key.len >= CG_DEBT_KEY_MAX) {
        return -1;
    }
    if (!slot->is_used) {
        fill(slot, &tag, counter);
        cg_atomic_add(&local->debts_count, 1);
    }
    slot->used_at = cg_clock_monotonic();
    slot->debt.amount = counter->amount;
    slot->debt.more += more;
    return (int32_t)(slot - local->debts);
}

/* The tenant's part of a key: what stands in its braces. */
static cg_str_t tag_part(const char *key)
{
    const char *open = strchr(key, '{');
    const char *end = open ? strchr(open, '}') : NULL;
    return end ? (cg_str_t){open, (size_t)(end - open)} : (cg_str_t){"", 0};
}

static bool is_due(cg_debt_slot_t *slot, apr_time_t now)
{
    bool has_something = slot->debt.more > 0 || slot->debt.less > 0 ||
                         slot->told_more > 0 || slot->told_less > 0;
    if (!slot->is_used || !has_something) {
        bool is_over = now - slot->used_at > FORGOTTEN_AFTER;
        slot->is_used = slot->is_used && !is_over;
        return false;
    }
    return (slot->taken_at == 0 || now - slot->taken_at > TOLD_WITHIN);
}

static void take(cg_debt_slot_t *slot, uint32_t place, apr_time_t now,
                 cg_debt_t *out)
{
    cg_debt_t *debt = &slot->debt;
    if (slot->told_more == 0 && slot->told_less == 0) {
        cg_clock_uuid7(cg_clock_now(), debt->report);
        slot->told_more = debt->more;
        slot->told_less = debt->less;
        debt->more = 0;
        debt->less = 0;
    }
    slot->taken_at = now;
    *out = *debt;
    out->more = slot->told_more;
    out->less = slot->told_less;
    out->place = place;
}

size_t cg_local_debts(cg_local_t *local, apr_time_t now, cg_debt_t *out,
                      size_t most)
{
    int64_t ticket;
    size_t count = 0;
    if (cg_atomic_get(&local->debts_count) == 0 ||
        !cg_latch_take(&local->latch, &ticket)) {
        return 0;
    }
    for (uint32_t i = 0; i < CG_DEBTS && count < most; i++) {
        cg_debt_slot_t *slot = &local->debts[i];
        if (is_due(slot, now) &&
            (count == 0 ||
             cg_str_equal(tag_part(out[0].key), tag_part(slot->debt.key)))) {
            take(slot, i, now, &out[count++]);
        }
    }
    cg_latch_give(&local->latch, ticket);
    return count;
}

void cg_local_debts_told(cg_local_t *local, const cg_debt_t *debts,
                         size_t count, bool is_told)
{
    int64_t ticket;
    if (count == 0 || !cg_latch_take(&local->latch, &ticket)) {
        return; /* told again under the same id */
    }
    for (size_t i = 0; i < count; i++) {
        cg_debt_slot_t *slot = &local->debts[debts[i].place];
        if (strcmp(slot->debt.report, debts[i].report) == 0) {
            slot->told_more = is_told ? 0 : slot->told_more;
            slot->told_less = is_told ? 0 : slot->told_less;
            slot->taken_at = 0;
        }
    }
    cg_latch_give(&local->latch, ticket);
}
