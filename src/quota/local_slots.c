/* Counters while the store is away: the same conservative ring as ring.lua.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A counter is found by 128 bits of its key's hash, within 64 slots from where
 * the hash points. A slot is free again when its window has passed. When all 64
 * are in use the counter is unknown and the request refused: to push another's
 * count out would give that other a fresh window.
 *
 * All windows are rings here, whatever they are in the store. A calendar period's
 * slot remembers the remainder that the store told last (known) and what was used
 * here since (sum). Of requests at once a slot has the sum alone.
 */
#include "quota/local_int.h"

#include <string.h>

#include "base/clock.h"
#include "base/share.h"

#define PARTS CG_SLOT_PARTS

/* ---- slots ------------------------------------------------------------- */

/* The key's slot if it is in use. */
static cg_slot_t *find(cg_local_t *local, const cg_tag_t *tag, apr_time_t now)
{
    for (size_t i = 0; i < CG_SLOT_PROBES; i++) {
        cg_slot_t *slot = &local->slots[(tag->word[0] + i) % CG_SLOTS];
        if (cg_local_is_tag(&slot->tag, tag)) {
            return slot->expires_at > now ? slot : NULL;
        }
    }
    return NULL;
}

/* The key's slot, or a free one made its own; NULL if there is none. */
static cg_slot_t *claim(cg_local_t *local, const cg_tag_t *tag, apr_time_t now)
{
    cg_slot_t *unused = NULL;
    for (size_t i = 0; i < CG_SLOT_PROBES; i++) {
        cg_slot_t *slot = &local->slots[(tag->word[0] + i) % CG_SLOTS];
        if (cg_local_is_tag(&slot->tag, tag)) {
            unused = slot;
            break;
        }
        if (!unused && slot->expires_at <= now) {
            unused = slot;
        }
    }
    if (!unused ||
        (cg_local_is_tag(&unused->tag, tag) && unused->expires_at > now)) {
        return unused;
    }
    memset(unused, 0, sizeof *unused);
    unused->tag = *tag;
    return unused;
}

/* ---- rings ------------------------------------------------------------- */

/* Moves the ring on to sub-bucket index. If the clock was set back, all that is
 * counted counts as of now. */
static void turn(cg_slot_t *slot, int64_t index)
{
    int64_t steps = index - slot->head;
    if (steps < 0 || steps >= PARTS) {
        memset(slot->counts, 0, sizeof slot->counts);
        slot->sum = steps < 0 ? slot->sum : 0;
        slot->counts[index % PARTS] = slot->sum;
    }
    else {
        for (int64_t i = slot->head + 1; i <= index; i++) {
            slot->sum -= slot->counts[i % PARTS];
            slot->counts[i % PARTS] = 0;
        }
    }
    slot->head = index;
}

/* How long until need of the sum has left. */
static apr_time_t wait_for(const cg_slot_t *slot, int64_t need, int64_t span,
                           apr_time_t now)
{
    int64_t oldest = slot->head - PARTS + 1;
    int64_t i = oldest;
    while (i < slot->head) {
        need -= slot->counts[i % PARTS];
        if (need <= 0) {
            break;
        }
        i++;
    }
    return (i + PARTS) * span - now;
}

void cg_local_slot_less(cg_slot_t *slot, int64_t stamp, int64_t less)
{
    if (stamp >= 0) {
        int64_t *count = &slot->counts[stamp % PARTS];
        if (slot->head - stamp >= PARTS || stamp > slot->head) {
            return; /* it has left meanwhile, or the clock was set back */
        }
        less = less > *count ? *count : less;
        *count -= less;
    }
    slot->sum -= less > slot->sum ? slot->sum : less;
}

/* ---- one counter ------------------------------------------------------- */

static int64_t share_of(int64_t amount, int shares)
{
    int64_t share = amount / (shares > 0 ? shares : 1);
    return share > 0 || amount == 0 ? share : 1;
}

static bool is_window(const cg_counter_t *counter)
{
    return counter->counting == CG_COUNTING_WINDOW ||
           counter->counting == CG_COUNTING_SMOOTH ||
           counter->counting == CG_COUNTING_EXACT;
}

static int64_t span_of(const cg_counter_t *counter)
{
    return counter->counting == CG_COUNTING_WINDOW
               ? counter->from
               : (counter->from + PARTS - 2) / (PARTS - 1);
}

static void ask_window(const cg_counter_t *counter, cg_slot_t *slot, int shares,
                       apr_time_t now, cg_local_left_t *out)
{
    int64_t amount = share_of(counter->amount, shares);
    int64_t span = span_of(counter);
    turn(slot, now / span);
    slot->expires_at = now + span * (PARTS + 1);
    out->has_room = slot->sum + counter->cost <= amount;
    out->left.limit = amount;
    out->left.remaining = amount > slot->sum ? amount - slot->sum : 0;
    out->left.reset_for = slot->sum > 0 ? (slot->head + PARTS) * span - now : 0;
    if (!out->has_room && counter->cost <= amount) {
        out->wait_for =
            wait_for(slot, slot->sum + counter->cost - amount, span, now);
    }
}

static void ask_period(const cg_counter_t *counter, const cg_slot_t *slot,
                       int shares, apr_time_t now, cg_local_left_t *out)
{
    int64_t share = slot->known / (shares > 0 ? shares : 1);
    out->left.limit = counter->amount;
    out->left.remaining = share > slot->sum ? share - slot->sum : 0;
    out->left.reset_for = counter->stop - now;
    out->has_room = counter->cost <= out->left.remaining;
    out->wait_for = out->has_room ? 0 : counter->stop - now;
}

static void ask_at_once(const cg_counter_t *counter, cg_slot_t *slot,
                        int shares, apr_time_t hold_for, apr_time_t now,
                        cg_local_left_t *out)
{
    int64_t amount = share_of(counter->amount, shares);
    slot->expires_at = now + hold_for;
    out->has_room = slot->sum + counter->cost <= amount;
    out->left.limit = amount;
    out->left.remaining = amount > slot->sum ? amount - slot->sum : 0;
    out->wait_for = out->has_room ? 0 : APR_USEC_PER_SEC;
}

static cg_slot_t *ask(cg_local_t *local, const cg_counter_t *counter,
                      int shares, apr_time_t hold_for, apr_time_t now,
                      cg_local_left_t *out)
{
    cg_tag_t tag = cg_local_tag(counter->key);
    bool is_period = counter->counting == CG_COUNTING_CALENDAR;
    cg_slot_t *slot =
        is_period ? find(local, &tag, now) : claim(local, &tag, now);
    *out = (cg_local_left_t){.is_counted = true, .is_unknown = slot == NULL};
    if (!slot) {
        return NULL;
    }
    if (is_period) {
        ask_period(counter, slot, shares, now, out);
    }
    else if (is_window(counter)) {
        ask_window(counter, slot, shares, now, out);
    }
    else {
        ask_at_once(counter, slot, shares, hold_for, now, out);
    }
    out->has_room = out->has_room || counter->cost == 0 || counter->is_soft;
    return slot;
}

/* ---- a request ------------------------------------------------------------ */

static bool is_local(const cg_counter_t *counter)
{
    return counter->store_down == CG_STORE_DOWN_LOCAL;
}

static void charge(const cg_counter_t *counter, cg_slot_t *slot,
                   cg_local_left_t *out, apr_time_t now)
{
    slot->sum += counter->cost;
    out->left.remaining = out->left.remaining > counter->cost
                              ? out->left.remaining - counter->cost
                              : 0;
    if (is_window(counter) && counter->cost > 0) {
        slot->counts[slot->head % PARTS] += counter->cost;
        out->left.reset_for = (slot->head + PARTS) * span_of(counter) - now;
    }
}

/* What is settled later is kept as a hold; where there is no room for it the
 * worst case stands. */
static void keep(cg_local_t *local, const cg_counter_t *counter,
                 const cg_slot_t *slot, int32_t debt, cg_hold_t *hold)
{
    if (!hold || counter->cost == 0) {
        return;
    }
    cg_part_t part = {.where = slot ? CG_PART_SLOT : CG_PART_DEBT,
                      .quantity = (uint8_t)counter->quantity,
                      .place = slot ? (uint32_t)(slot - local->slots) : 0,
                      .debt = debt,
                      .stamp = slot && is_window(counter) ? slot->head : -1,
                      .cost = counter->cost,
                      .floor = counter->floor};
    cg_local_hold_add(hold, &part);
}

static bool needs_settling(const cg_plan_t *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->counters[i].quantity != CG_QUANTITY_REQUESTS &&
            plan->counters[i].cost > 0) {
            return true;
        }
    }
    return false;
}

static void charge_all(cg_local_t *local, const char *id, const cg_plan_t *plan,
                       uint32_t drawn, cg_slot_t **slots, apr_time_t hold_for,
                       apr_time_t now, cg_local_left_t *out)
{
    cg_hold_t *hold =
        needs_settling(plan)
            ? cg_local_hold(local, id, true, cg_clock_monotonic() + hold_for)
            : NULL;
    bool is_new = hold && hold->count == 0;
    for (size_t i = 0; i < plan->count; i++) {
        const cg_counter_t *counter = &plan->counters[i];
        if (drawn >> i & 1) {
            continue;
        }
        int32_t debt = counter->counting == CG_COUNTING_CONCURRENT
                           ? -1
                           : cg_local_owe(local, counter, counter->cost);
        if (out[i].is_counted) {
            charge(counter, slots[i], &out[i], now);
        }
        keep(local, counter, out[i].is_counted ? slots[i] : NULL, debt, hold);
    }
    if (is_new && hold->count) {
        cg_atomic_add(&local->holds_count, 1);
    }
}

bool cg_local_take(cg_local_t *local, const char *id, const cg_plan_t *plan,
                   uint32_t drawn, int shares, apr_time_t hold_for,
                   apr_time_t now, cg_local_left_t *out)
{
    int64_t ticket;
    cg_slot_t *slots[CG_ASKS_MAX];
    bool has_room = true;
    bool is_locked = cg_latch_take(&local->latch, &ticket);
    for (size_t i = 0; i < plan->count; i++) {
        bool is_counted = is_local(&plan->counters[i]) && !(drawn >> i & 1);
        slots[i] = NULL;
        out[i] = (cg_local_left_t){.is_unknown = !is_locked,
                                   .is_counted = is_counted};
        if (is_locked && is_counted) {
            slots[i] =
                ask(local, &plan->counters[i], shares, hold_for, now, &out[i]);
        }
        has_room = has_room && (!is_counted || out[i].has_room);
    }
    if (has_room && is_locked) {
        charge_all(local, id, plan, drawn, slots, hold_for, now, out);
    }
    if (is_locked) {
        cg_latch_give(&local->latch, ticket);
    }
    return has_room;
}

void cg_local_remember(cg_local_t *local, const cg_counter_t *counter,
                       int64_t remaining, apr_time_t now)
{
    int64_t ticket;
    cg_tag_t tag = cg_local_tag(counter->key);
    if (!cg_latch_take(&local->latch, &ticket)) {
        return;
    }
    cg_slot_t *slot = claim(local, &tag, now);
    if (slot) {
        slot->expires_at = counter->stop;
        slot->known = remaining;
        slot->sum = 0;
    }
    cg_latch_give(&local->latch, ticket);
}
