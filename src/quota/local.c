/* Counting without the store: the same conservative ring as ring.lua, in shared
 * memory.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A counter is found by 128 bits of its key's hash, within 64 slots from where
 * the hash points. A slot is free again when its window has passed. When all 64
 * are in use the counter is unknown and the request refused: to push another's
 * count out would give that other a fresh window.
 *
 * A budget's slot remembers the remainder that the store told last (known) and
 * what was spent here since (sum).
 */
#include "quota/local.h"

#include <sched.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/share.h"

#define SLOTS 8192
#define PROBES 64
#define PARTS 60
#define LOST_MAX 256
#define STUCK_FOR APR_TIME_C(50000) /* a holder that long is dead */
#define LOCK_WITHIN APR_TIME_C(120000)

typedef struct slot_t {
    uint64_t tag[2];
    int64_t expires_at; /* wall clock; free from then on */
    int64_t head;       /* number of the newest sub-bucket */
    int64_t sum;
    int64_t known; /* a budget's remainder */
    int64_t counts[PARTS];
} slot_t;

/* lives in: shared memory, zeroed at first · written by: all children */
struct cg_local_t {
    volatile int64_t lock; /* atomic: when it was taken, monotonic; 0: free */
    int64_t lost_next;
    int64_t lost_count;
    char lost[LOST_MAX][CG_QUOTA_ID_MAX + 1];
    slot_t slots[SLOTS];
};

size_t cg_local_bytes(void)
{
    return sizeof(cg_local_t);
}

/* ---- the lock ---------------------------------------------------------- */

/* False only if the machine is so busy that nobody leaves it in time. */
static bool lock(cg_local_t *local, apr_time_t *out_ticket)
{
    apr_time_t start = cg_clock_monotonic();
    for (;;) {
        apr_time_t now = cg_clock_monotonic();
        int64_t held_at = cg_atomic_get(&local->lock);
        if ((held_at == 0 || now - held_at > STUCK_FOR) &&
            cg_atomic_swap_if(&local->lock, held_at, now)) {
            *out_ticket = now;
            return true;
        }
        if (now - start > LOCK_WITHIN) {
            return false;
        }
        sched_yield();
    }
}

/* Leaves it unless somebody took it over meanwhile. */
static void unlock(cg_local_t *local, apr_time_t ticket)
{
    cg_atomic_swap_if(&local->lock, ticket, 0);
}

/* ---- slots ------------------------------------------------------------- */

static void tag_of(cg_str_t key, uint64_t out[2])
{
    out[0] = cg_hash64(0x9e3779b97f4a7c15, key.ptr, key.len);
    out[1] = cg_hash64(0xc2b2ae3d27d4eb4f, key.ptr, key.len);
}

static bool has_tag(const slot_t *slot, const uint64_t tag[2])
{
    return slot->tag[0] == tag[0] && slot->tag[1] == tag[1];
}

/* The key's slot if it is in use. */
static slot_t *find(cg_local_t *local, const uint64_t tag[2], apr_time_t now)
{
    for (size_t i = 0; i < PROBES; i++) {
        slot_t *slot = &local->slots[(tag[0] + i) % SLOTS];
        if (has_tag(slot, tag)) {
            return slot->expires_at > now ? slot : NULL;
        }
    }
    return NULL;
}

/* The key's slot, or a free one made its own; NULL if there is none. */
static slot_t *claim(cg_local_t *local, const uint64_t tag[2], apr_time_t now)
{
    slot_t *unused = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        slot_t *slot = &local->slots[(tag[0] + i) % SLOTS];
        if (has_tag(slot, tag)) {
            unused = slot;
            break;
        }
        if (!unused && slot->expires_at <= now) {
            unused = slot;
        }
    }
    if (!unused || (has_tag(unused, tag) && unused->expires_at > now)) {
        return unused;
    }
    memset(unused, 0, sizeof *unused);
    unused->tag[0] = tag[0];
    unused->tag[1] = tag[1];
    return unused;
}

/* ---- rings ------------------------------------------------------------- */

/* Moves the ring on to sub-bucket index. If the clock was set back, all that is
 * counted counts as of now. */
static void turn(slot_t *slot, int64_t index)
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
static apr_time_t wait_for(const slot_t *slot, int64_t need, int64_t span,
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

/* ---- one counter ------------------------------------------------------- */

static int64_t share_of(int64_t amount, int shares)
{
    int64_t share = amount / (shares > 0 ? shares : 1);
    return share > 0 || amount == 0 ? share : 1;
}

static void ask_window(const cg_counter_t *counter, slot_t *slot, int shares,
                       apr_time_t now, cg_local_left_t *out)
{
    int64_t amount = share_of(counter->amount, shares);
    turn(slot, now / counter->from);
    slot->expires_at = now + counter->from * (PARTS + 1);
    out->has_room = counter->cost == 0 || slot->sum + counter->cost <= amount;
    out->left.limit = amount;
    out->left.remaining = amount > slot->sum ? amount - slot->sum : 0;
    out->left.reset_for =
        slot->sum > 0 ? (slot->head + PARTS) * counter->from - now : 0;
    if (!out->has_room && counter->cost <= amount) {
        out->wait_for = wait_for(slot, slot->sum + counter->cost - amount,
                                 counter->from, now);
    }
}

static void ask_budget(const cg_counter_t *counter, const slot_t *slot,
                       int shares, apr_time_t now, cg_local_left_t *out)
{
    int64_t share = slot->known / (shares > 0 ? shares : 1);
    out->left.limit = counter->amount;
    out->left.remaining = share > slot->sum ? share - slot->sum : 0;
    out->left.reset_for = counter->stop - now;
    out->has_room = counter->cost == 0 || counter->cost <= out->left.remaining;
    out->wait_for = out->has_room ? 0 : counter->stop - now;
}

static slot_t *ask(cg_local_t *local, const cg_counter_t *counter, int shares,
                   apr_time_t now, cg_local_left_t *out)
{
    uint64_t tag[2];
    tag_of(counter->key, tag);
    slot_t *slot =
        counter->is_month ? find(local, tag, now) : claim(local, tag, now);
    *out = (cg_local_left_t){.is_counted = true, .is_unknown = slot == NULL};
    if (!slot) {
        return NULL;
    }
    if (counter->is_month) {
        ask_budget(counter, slot, shares, now, out);
    }
    else {
        ask_window(counter, slot, shares, now, out);
    }
    return slot;
}

static void charge(const cg_counter_t *counter, slot_t *slot,
                   cg_local_left_t *out, apr_time_t now)
{
    slot->sum += counter->cost;
    out->left.remaining -= counter->cost;
    if (!counter->is_month && counter->cost > 0) {
        slot->counts[slot->head % PARTS] += counter->cost;
        out->left.reset_for = (slot->head + PARTS) * counter->from - now;
    }
}

static bool is_local(const cg_counter_t *counter)
{
    return counter->store_down == CG_STORE_DOWN_LOCAL;
}

bool cg_local_take(cg_local_t *local, const cg_plan_t *plan, int shares,
                   apr_time_t now, cg_local_left_t *out)
{
    apr_time_t ticket;
    slot_t *slots[CG_ASKS_MAX];
    bool has_room = true;
    bool is_locked = lock(local, &ticket);
    for (size_t i = 0; i < plan->count; i++) {
        out[i] = (cg_local_left_t){.is_unknown = !is_locked,
                                   .is_counted = is_local(&plan->counters[i])};
        if (is_locked && out[i].is_counted) {
            slots[i] = ask(local, &plan->counters[i], shares, now, &out[i]);
        }
        has_room = has_room && (!out[i].is_counted || out[i].has_room);
    }
    for (size_t i = 0; i < plan->count && has_room; i++) {
        if (out[i].is_counted) {
            charge(&plan->counters[i], slots[i], &out[i], now);
        }
    }
    if (is_locked) {
        unlock(local, ticket);
    }
    return has_room;
}

void cg_local_remember(cg_local_t *local, const cg_counter_t *counter,
                       int64_t remaining, apr_time_t now)
{
    uint64_t tag[2];
    apr_time_t ticket;
    tag_of(counter->key, tag);
    if (!lock(local, &ticket)) {
        return;
    }
    slot_t *slot = claim(local, tag, now);
    if (slot) {
        slot->expires_at = counter->stop;
        slot->known = remaining;
        slot->sum = 0;
    }
    unlock(local, ticket);
}

/* ---- lost admissions --------------------------------------------------- */

void cg_local_lose(cg_local_t *local, const char *id)
{
    apr_time_t ticket;
    if (strlen(id) > CG_QUOTA_ID_MAX || !lock(local, &ticket)) {
        return;
    }
    char *place = local->lost[local->lost_next % LOST_MAX];
    memcpy(place, id, strlen(id) + 1);
    local->lost_next = (local->lost_next + 1) % LOST_MAX;
    if (local->lost_count < LOST_MAX) {
        local->lost_count++;
    }
    unlock(local, ticket);
}

size_t cg_local_find_lost(cg_local_t *local, char (*out)[CG_QUOTA_ID_MAX + 1],
                          size_t most)
{
    apr_time_t ticket;
    size_t count = 0;
    if (!lock(local, &ticket)) {
        return 0;
    }
    while (count < most && local->lost_count > 0) {
        local->lost_next = (local->lost_next + LOST_MAX - 1) % LOST_MAX;
        memcpy(out[count++], local->lost[local->lost_next],
               CG_QUOTA_ID_MAX + 1);
        local->lost_count--;
    }
    unlock(local, ticket);
    return count;
}
