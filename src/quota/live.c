/* The live table: who has a place, and what stands in it.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   63          32 31        10 9      3 2     0
 *   | began      | process id  | serial | state |     the word of a place
 *
 * Began is the start of the process in clock ticks since the machine began, as
 * /proc says it. Where there is no /proc it is 0, and the id alone is asked.
 */
#include "quota/live.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/share.h"
#include "quota/owner.h"

#define STATE_BITS 3
#define SERIAL_BITS 7
#define OWNER_SHIFT (STATE_BITS + SERIAL_BITS)
#define STATE_MASK ((UINT64_C(1) << STATE_BITS) - 1)
#define SERIAL_MASK (((UINT64_C(1) << SERIAL_BITS) - 1) << STATE_BITS)
#define ID_LEN_BITS 16
#define DONE_TRIES 8 /* places seen before one that is only done is taken */
#define SEEN_MAX 64
#define LINE 64

/* lives in: shared memory · written by: the owner of the place. What stands in it
 * counts for the use whose serial number is in id_len; an owner killed before he
 * wrote that has asked nobody. */
typedef struct slot_t {
    volatile int64_t id_len; /* and above it the serial number of the word */
    volatile int64_t plan_len;
    volatile int64_t billed_at;
    volatile int64_t input, output, micros;
    apr_time_t at, hold_for;
    bool has_hold, is_brief, is_cancelled;
    cg_quota_bill_t bill;
    size_t note_len;
    char id[CG_QUOTA_ID_MAX + 1];
    unsigned char note[CG_LIVE_NOTE_MAX];
    unsigned char plan[CG_LIVE_PLAN_MAX];
} slot_t;

/* lives in: shared memory; the words follow, then the slots */
typedef struct table_t {
    volatile int64_t next;
    unsigned char unused[LINE - sizeof(int64_t)];
    volatile int64_t words[];
} table_t;

/* A process that was looked at in this round. */
typedef struct seen_t {
    uint64_t owner;
    bool is_gone;
} seen_t;

struct cg_live_t {
    table_t *table;
    slot_t *places;
    size_t count;
    uint64_t owner; /* of this process */
    seen_t seen[SEEN_MAX];
    size_t seen_count;
};

/* ---- words ------------------------------------------------------------------------ */

static uint64_t word_at(const cg_live_t *live, uint32_t place)
{
    return (uint64_t)cg_atomic_get(&live->table->words[place - 1]);
}

static cg_live_state_t state_of(uint64_t word)
{
    return (cg_live_state_t)(word & STATE_MASK);
}

static uint64_t owner_of(uint64_t word)
{
    return word >> OWNER_SHIFT;
}

static bool swap(cg_live_t *live, uint32_t place, uint64_t from, uint64_t to)
{
    return cg_atomic_swap_if(&live->table->words[place - 1], (int64_t)from,
                             (int64_t)to);
}

static bool is_mine(const cg_live_t *live, uint32_t place)
{
    if (!live || place == 0) {
        return false;
    }
    uint64_t word = word_at(live, place);
    return owner_of(word) == live->owner && state_of(word) != CG_LIVE_FREE;
}

static slot_t *slot_of(const cg_live_t *live, uint32_t place)
{
    return &live->places[place - 1];
}

void cg_live_move(cg_live_t *live, uint32_t place, cg_live_state_t state)
{
    if (is_mine(live, place)) {
        uint64_t word = word_at(live, place);
        swap(live, place, word, (word & ~STATE_MASK) | (uint64_t)state);
    }
}

static int64_t id_word(uint64_t word, size_t len)
{
    return (int64_t)((word & SERIAL_MASK) << ID_LEN_BITS | len);
}

/* Bytes of the id; 0: none was written in this use of the place. */
static size_t id_len_of(const slot_t *slot, uint64_t word)
{
    int64_t is = cg_atomic_get(&slot->id_len);
    size_t len = (size_t)is & ((1u << ID_LEN_BITS) - 1);
    return is == id_word(word, len) && len <= CG_QUOTA_ID_MAX ? len : 0;
}

/* ---- the table ---------------------------------------------------------------------- */

static size_t words_bytes(size_t slots)
{
    size_t bytes = sizeof(table_t) + slots * sizeof(int64_t);
    return (bytes + LINE - 1) / LINE * LINE;
}

size_t cg_live_bytes(size_t slots)
{
    return words_bytes(slots) + slots * sizeof(slot_t);
}

cg_live_t *cg_live_attach(void *memory, size_t slots, apr_pool_t *pool)
{
    cg_live_t *live = apr_pcalloc(pool, sizeof *live);
    live->table = memory;
    live->places = (slot_t *)((unsigned char *)memory + words_bytes(slots));
    live->count = slots;
    live->owner = cg_owner_of((int)getpid());
    return live;
}

size_t cg_live_slots(const cg_live_t *live)
{
    return live ? live->count : 0;
}

/* ---- a request's own place ------------------------------------------------------------ */

static bool take(cg_live_t *live, uint32_t place, uint64_t word)
{
    uint64_t serial = (word + (UINT64_C(1) << STATE_BITS)) & SERIAL_MASK;
    return swap(live, place, word,
                live->owner << OWNER_SHIFT | serial | CG_LIVE_ASKING);
}

static bool is_over(const cg_live_t *live, uint32_t place, apr_time_t now)
{
    return now - cg_atomic_get(&slot_of(live, place)->billed_at) >
           CG_LIVE_AGAIN_FOR;
}

/* A free place; else one that is done, the older the better: they come about in the
 * order of their age. */
static uint32_t find(cg_live_t *live, apr_time_t now)
{
    uint64_t start = (uint64_t)cg_atomic_get(&live->table->next);
    uint32_t done = 0;
    for (size_t i = 0; i < live->count; i++) {
        uint32_t place = (uint32_t)((start + i) % live->count) + 1;
        uint64_t word = word_at(live, place);
        bool is_done = state_of(word) == CG_LIVE_DONE;
        bool is_free = state_of(word) == CG_LIVE_FREE ||
                       (is_done && is_over(live, place, now));
        if (is_free && take(live, place, word)) {
            return place;
        }
        done = is_done && !done ? place : done;
        if (done && i >= DONE_TRIES) {
            word = word_at(live, done);
            if (state_of(word) == CG_LIVE_DONE && take(live, done, word)) {
                return done;
            }
            done = 0;
        }
    }
    return 0;
}

uint32_t cg_live_claim(cg_live_t *live, const char *id, const void *note,
                       size_t note_len, apr_time_t now)
{
    size_t len = strlen(id);
    if (!live || len > CG_QUOTA_ID_MAX || note_len > CG_LIVE_NOTE_MAX) {
        return 0;
    }
    uint32_t place = find(live, now);
    if (place == 0) {
        return 0;
    }
    slot_t *slot = slot_of(live, place);
    cg_atomic_set(&slot->plan_len, 0);
    cg_atomic_set(&slot->billed_at, 0);
    cg_atomic_set(&slot->input, 0);
    cg_atomic_set(&slot->output, 0);
    cg_atomic_set(&slot->micros, 0);
    slot->at = now;
    slot->hold_for = 0;
    slot->has_hold = slot->is_brief = slot->is_cancelled = false;
    slot->note_len = note_len;
    memcpy(slot->note, note, note_len);
    memcpy(slot->id, id, len + 1);
    cg_atomic_set(&slot->id_len, id_word(word_at(live, place), len));
    cg_atomic_set(&live->table->next, (int64_t)place);
    return place;
}

void cg_live_plan(cg_live_t *live, uint32_t place, const void *plan, size_t len,
                  apr_time_t hold_for, bool is_brief)
{
    if (!is_mine(live, place)) {
        return;
    }
    slot_t *slot = slot_of(live, place);
    cg_atomic_set(&slot->plan_len, 0);
    slot->has_hold = plan != NULL && !is_brief;
    slot->is_brief = is_brief;
    slot->hold_for = hold_for;
    if (plan && len <= CG_LIVE_PLAN_MAX) {
        memcpy(slot->plan, plan, len);
        cg_atomic_set(&slot->plan_len, (int64_t)len);
    }
}

static void lift(volatile int64_t *word, int64_t value)
{
    if (value > cg_atomic_get(word)) {
        cg_atomic_set(word, value);
    }
}

void cg_live_progress(cg_live_t *live, uint32_t place, int64_t input,
                      int64_t output, int64_t micros)
{
    if (is_mine(live, place)) {
        slot_t *slot = slot_of(live, place);
        lift(&slot->micros, micros);
        lift(&slot->input, input);
        lift(&slot->output, output);
    }
}

void cg_live_bill(cg_live_t *live, uint32_t place, const cg_quota_bill_t *bill,
                  bool has_hold)
{
    if (!is_mine(live, place)) {
        return;
    }
    slot_t *slot = slot_of(live, place);
    slot->bill = *bill;
    slot->bill.id = NULL; /* of this process */
    slot->has_hold = has_hold;
    cg_atomic_set(&slot->billed_at, cg_clock_monotonic());
    cg_live_move(live, place, CG_LIVE_BILLED);
}

/* What the store never heard of need not be told to it again. */
void cg_live_end(cg_live_t *live, uint32_t place, bool is_journaled)
{
    if (!is_mine(live, place)) {
        return;
    }
    const slot_t *slot = slot_of(live, place);
    bool is_kept = cg_atomic_get(&slot->plan_len) > 0;
    cg_live_state_t after = is_kept ? CG_LIVE_DONE : CG_LIVE_FREE;
    cg_live_move(live, place,
                 !is_journaled && slot->has_hold ? CG_LIVE_OWED : after);
}

void cg_live_free(cg_live_t *live, uint32_t place)
{
    if (is_mine(live, place) && cg_live_state(live, place) < CG_LIVE_OWED) {
        cg_live_move(live, place, CG_LIVE_FREE);
    }
}

/* ---- keeping house -------------------------------------------------------------------- */

cg_live_state_t cg_live_state(const cg_live_t *live, uint32_t place)
{
    return state_of(word_at(live, place));
}

bool cg_live_read(const cg_live_t *live, uint32_t place, cg_live_copy_t *out)
{
    const slot_t *slot = slot_of(live, place);
    uint64_t word = word_at(live, place);
    if (state_of(word) == CG_LIVE_FREE) {
        return false;
    }
    size_t id_len = id_len_of(slot, word);
    size_t plan_len = (size_t)cg_atomic_get(&slot->plan_len);
    *out = (cg_live_copy_t){
        .place = place,
        .word = (int64_t)word,
        .state = state_of(word),
        .at = slot->at,
        .billed_at = cg_atomic_get(&slot->billed_at),
        .hold_for = slot->hold_for,
        .has_hold = slot->has_hold,
        .is_brief = slot->is_brief,
        .is_cancelled = slot->is_cancelled,
        .input = cg_atomic_get(&slot->input),
        .output = cg_atomic_get(&slot->output),
        .micros = cg_atomic_get(&slot->micros),
        .bill = slot->bill,
        .note_len = slot->note_len <= CG_LIVE_NOTE_MAX ? slot->note_len : 0,
        .plan_len = plan_len <= CG_LIVE_PLAN_MAX ? plan_len : 0};
    memcpy(out->id, slot->id, id_len);
    memcpy(out->note, slot->note, out->note_len);
    memcpy(out->plan, slot->plan, out->plan_len);
    out->bill.id = out->id;
    return word_at(live, place) == word;
}

void cg_live_look(cg_live_t *live)
{
    live->seen_count = 0;
}

bool cg_live_is_orphan(cg_live_t *live, uint32_t place)
{
    uint64_t word = word_at(live, place);
    uint64_t owner = owner_of(word);
    if (state_of(word) == CG_LIVE_FREE || state_of(word) >= CG_LIVE_OWED ||
        owner == live->owner) {
        return false;
    }
    for (size_t i = 0; i < live->seen_count; i++) {
        if (live->seen[i].owner == owner) {
            return live->seen[i].is_gone;
        }
    }
    seen_t now = {owner, cg_owner_is_gone(owner)};
    if (live->seen_count < SEEN_MAX) {
        live->seen[live->seen_count++] = now;
    }
    return now.is_gone;
}

bool cg_live_adopt(cg_live_t *live, cg_live_copy_t *copy)
{
    uint64_t word = (uint64_t)copy->word;
    uint64_t mine =
        live->owner << OWNER_SHIFT | (word & (SERIAL_MASK | STATE_MASK));
    if (!swap(live, copy->place, word, mine)) {
        return false;
    }
    copy->word = (int64_t)mine;
    return true;
}

bool cg_live_cancel(cg_live_t *live, uint32_t place)
{
    if (!is_mine(live, place)) {
        return false;
    }
    slot_of(live, place)->is_cancelled = true;
    slot_of(live, place)->has_hold = true;
    cg_live_move(live, place, CG_LIVE_OWED);
    return true;
}

void cg_live_paid(cg_live_t *live, const cg_live_copy_t *copy)
{
    uint64_t word = (uint64_t)copy->word;
    uint64_t after =
        copy->plan_len && !copy->is_cancelled ? CG_LIVE_DONE : CG_LIVE_FREE;
    swap(live, copy->place, word, (word & ~STATE_MASK) | after);
}
