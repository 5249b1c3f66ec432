/* Failed authentications: counted by address and by key id, on this server alone.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A counter is one moment: when everything that was done wrong so far will be
 * forgotten. A failure moves it a part of the window ahead, and there is room while
 * it is no further away than the window less one part. So a counter runs empty by
 * itself, and adding to it is one compare-and-swap.
 *
 * Many may be looked at in the same moment, so the question before it is put once
 * more behind it: a failure that finds no room is none that was allowed, and who
 * was right there for the first time is told the same. Taking room beforehand, and
 * giving it back to who was right, would refuse the first calls of a program that
 * starts with more of them at once than there may be failures.
 *
 * Counters and marks live in sets of eight. A new one takes the place of the one
 * that would be forgotten first: whoever floods the table with addresses pushes out
 * those that were wrong once, not those that are over the limit.
 */
#include "auth/attempts.h"

#include <arpa/inet.h>
#include <string.h>

#include "auth/apikey.h"
#include "base/digest.h"
#include "base/share.h"

#define WAYS 8
#define COUNTER_SETS 4096
#define MARK_SETS 8192
#define KNOWN_HOURS 24
#define HOUR apr_time_from_sec(3600)
#define HOUR_BITS 24
#define HOUR_MASK ((1 << HOUR_BITS) - 1)
#define SWAP_TRIES 64
#define SLACK apr_time_from_sec(60) /* between the clocks of two calls */
#define KEY_ID_AT 3                 /* behind "vk_" */
#define KEY_ID_LEN 8

/* Shared · atomic */
typedef struct counter_t {
    int64_t tag; /* 0: free */
    int64_t empty_at;
} counter_t;

/* Shared · secret is written once, before anybody forks; the rest is atomic */
typedef struct table_t {
    uint64_t secret[2];
    uint64_t unused[6];
    counter_t counters[COUNTER_SETS][WAYS];
    int64_t marks[MARK_SETS][WAYS]; /* tag and hour in one word */
} table_t;

/* lives in: the pool given to open */
struct cg_attempts_t {
    table_t *table;
};

typedef enum subject_t { SUBJECT_ADDRESS, SUBJECT_ID, SUBJECT_PAIR } subject_t;

size_t cg_attempts_shared_bytes(void)
{
    return sizeof(table_t);
}

void cg_attempts_prepare(void *memory)
{
    table_t *table = memory;
    if (table->secret[0] == 0) {
        cg_random(table->secret, sizeof table->secret);
    }
}

cg_attempts_t *cg_attempts_open(void *memory, apr_pool_t *pool)
{
    cg_attempts_t *attempts = apr_palloc(pool, sizeof *attempts);
    attempts->table = memory;
    return attempts;
}

cg_try_t cg_try_make(const char *address, cg_str_t credential)
{
    cg_try_t attempt = {.address = address, .credential = credential};
    if (cg_apikey_is_spelled(credential)) {
        attempt.id = (cg_str_t){credential.ptr + KEY_ID_AT, KEY_ID_LEN};
    }
    return attempt;
}

/* -- who ---------------------------------------------------------------------- */

/* The part of an address that one party has: a home or a host has 2^64 of IPv6. */
static size_t network_of(const char *text, unsigned char out[16])
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0,    0,
                                             0, 0, 0, 0, 0xFF, 0xFF};
    if (inet_pton(AF_INET, text, out) == 1) {
        return 4;
    }
    if (inet_pton(AF_INET6, text, out) != 1) {
        return 0;
    }
    if (memcmp(out, mapped, sizeof mapped) == 0) {
        memmove(out, out + sizeof mapped, 4);
        return 4;
    }
    return 8;
}

static void hash_text(const cg_attempts_t *attempts, const void *text,
                      size_t len, uint64_t out[2])
{
    cg_siphash(attempts->table->secret, text, len, out);
}

static void hash_address(const cg_attempts_t *attempts, const cg_try_t *attempt,
                         uint64_t out[2])
{
    unsigned char bytes[16];
    size_t len = network_of(attempt->address, bytes);
    if (len > 0) {
        hash_text(attempts, bytes, len, out);
        return;
    }
    hash_text(attempts, attempt->address, strlen(attempt->address), out);
}

/* Another rule counts by itself: its parts of a window are others. */
static void hash_counter(const cg_attempts_t *attempts,
                         const cg_kind_ATTEMPTS_t *rule,
                         const cg_try_t *attempt, subject_t subject,
                         uint64_t out[2])
{
    uint64_t words[5] = {(uint64_t)rule->amount, (uint64_t)rule->window_for,
                         (uint64_t)subject};
    if (subject == SUBJECT_ADDRESS) {
        hash_address(attempts, attempt, words + 3);
    }
    else {
        hash_text(attempts, attempt->id.ptr, attempt->id.len, words + 3);
    }
    cg_siphash(attempts->table->secret, words, sizeof words, out);
}

static void hash_pair(const cg_attempts_t *attempts, const cg_try_t *attempt,
                      uint64_t out[2])
{
    uint64_t words[5] = {SUBJECT_PAIR};
    hash_address(attempts, attempt, words + 1);
    hash_text(attempts, attempt->credential.ptr, attempt->credential.len,
              words + 3);
    cg_siphash(attempts->table->secret, words, sizeof words, out);
}

/* -- counters ----------------------------------------------------------------- */

static int64_t part_of(const cg_kind_ATTEMPTS_t *rule)
{
    int64_t part = rule->window_for / rule->amount;
    return part > 0 ? part : 1;
}

static counter_t *find(const cg_attempts_t *attempts, const uint64_t hash[2])
{
    counter_t *set = attempts->table->counters[hash[1] % COUNTER_SETS];
    int64_t tag = (int64_t)(hash[0] | 1);
    for (int i = 0; i < WAYS; i++) {
        if (cg_atomic_get(&set[i].tag) == tag) {
            return &set[i];
        }
    }
    return NULL;
}

static counter_t *find_or_take(const cg_attempts_t *attempts,
                               const uint64_t hash[2], apr_time_t now)
{
    counter_t *set = attempts->table->counters[hash[1] % COUNTER_SETS];
    int64_t tag = (int64_t)(hash[0] | 1);
    for (int tries = 0; tries <= WAYS; tries++) {
        counter_t *found = find(attempts, hash);
        if (found) {
            return found;
        }
        counter_t *least = &set[0];
        for (int i = 1; i < WAYS; i++) {
            if (cg_atomic_get(&set[i].empty_at) <
                cg_atomic_get(&least->empty_at)) {
                least = &set[i];
            }
        }
        int64_t before = cg_atomic_get(&least->tag);
        int64_t old = cg_atomic_get(&least->empty_at);
        bool is_taken = before == tag; /* by another, meanwhile */
        if (!is_taken && cg_atomic_swap_if(&least->tag, before, tag)) {
            /* Whoever has counted in it by now is not wiped out. Then the first
             * of the set is looked for again: two may have taken one each. */
            cg_atomic_swap_if(&least->empty_at, old, now);
        }
    }
    return NULL; /* all eight are fought over: one failure is not counted */
}

/* A little beyond the window lies what another has counted since now was read; far
 * beyond it, what comes from a clock that was set back. */
static int64_t ahead(int64_t empty_at, const cg_kind_ATTEMPTS_t *rule,
                     apr_time_t now)
{
    int64_t by = empty_at - now;
    if (by > rule->window_for && by <= rule->window_for + SLACK) {
        return rule->window_for;
    }
    return by > 0 && by <= rule->window_for ? by : 0;
}

/* How long until one more part fits in. */
static apr_time_t wait_for_room(const cg_kind_ATTEMPTS_t *rule, int64_t by)
{
    int64_t room = rule->window_for - part_of(rule);
    return by > room ? by - room : 0;
}

/* How long it should have waited; 0: there was room for it. */
static apr_time_t count(const cg_attempts_t *attempts,
                        const cg_kind_ATTEMPTS_t *rule, const uint64_t hash[2],
                        apr_time_t now)
{
    counter_t *counter = find_or_take(attempts, hash, now);
    for (int i = 0; counter && i < SWAP_TRIES; i++) {
        int64_t seen = cg_atomic_get(&counter->empty_at);
        int64_t by = ahead(seen, rule, now);
        apr_time_t wait = wait_for_room(rule, by);
        int64_t next = wait > 0 ? rule->window_for : by + part_of(rule);
        if (cg_atomic_swap_if(&counter->empty_at, seen, now + next)) {
            return wait;
        }
    }
    return 0;
}

/* How long until there is room for one more; 0: there is. */
static apr_time_t wait_of(const cg_attempts_t *attempts,
                          const cg_kind_ATTEMPTS_t *rule,
                          const uint64_t hash[2], apr_time_t now)
{
    const counter_t *counter = find(attempts, hash);
    if (!counter) {
        return 0;
    }
    return wait_for_room(rule,
                         ahead(cg_atomic_get(&counter->empty_at), rule, now));
}

/* -- marks of who was right ---------------------------------------------------- */

static int64_t hour_of(apr_time_t now)
{
    return now / HOUR & HOUR_MASK;
}

static bool is_mark(int64_t word, uint64_t tag)
{
    return (uint64_t)word >> HOUR_BITS == tag >> HOUR_BITS && word != 0;
}

/* The word that says so; NULL: it is not known. */
static int64_t *find_mark(const cg_attempts_t *attempts,
                          const cg_try_t *attempt, apr_time_t now)
{
    if (attempt->credential.len == 0) {
        return NULL;
    }
    uint64_t hash[2];
    hash_pair(attempts, attempt, hash);
    int64_t *set = attempts->table->marks[hash[1] % MARK_SETS];
    for (int i = 0; i < WAYS; i++) {
        int64_t word = cg_atomic_get(&set[i]);
        int64_t age = hour_of(now) - (word & HOUR_MASK);
        if (is_mark(word, hash[0]) && age >= 0 && age < KNOWN_HOURS) {
            return &set[i];
        }
    }
    return NULL;
}

static void set_mark(const cg_attempts_t *attempts, const cg_try_t *attempt,
                     apr_time_t now)
{
    uint64_t hash[2];
    hash_pair(attempts, attempt, hash);
    int64_t *set = attempts->table->marks[hash[1] % MARK_SETS];
    uint64_t tag = hash[0] >> HOUR_BITS << HOUR_BITS;
    int64_t mark = (int64_t)(tag | (uint64_t)hour_of(now));
    int64_t *place = &set[0];
    for (int i = 0; i < WAYS; i++) {
        int64_t word = cg_atomic_get(&set[i]);
        if (word == mark) {
            return; /* nothing is written more than once an hour */
        }
        if (is_mark(word, tag)) {
            place = &set[i];
            break;
        }
        if ((word & HOUR_MASK) < (cg_atomic_get(place) & HOUR_MASK)) {
            place = &set[i];
        }
    }
    cg_atomic_set(place, mark);
}

/* -- the question ------------------------------------------------------------- */

static apr_time_t longest_wait(const cg_attempts_t *attempts,
                               const cg_kind_ATTEMPTS_t *rule,
                               const cg_try_t *attempt, apr_time_t now)
{
    uint64_t hash[2];
    hash_counter(attempts, rule, attempt, SUBJECT_ADDRESS, hash);
    apr_time_t longest = wait_of(attempts, rule, hash, now);
    if (attempt->id.len > 0) {
        hash_counter(attempts, rule, attempt, SUBJECT_ID, hash);
        apr_time_t by_id = wait_of(attempts, rule, hash, now);
        longest = by_id > longest ? by_id : longest;
    }
    return longest;
}

bool cg_attempts_may(cg_attempts_t *attempts, const cg_kind_ATTEMPTS_t *rule,
                     const cg_try_t *attempt, apr_time_t now,
                     apr_time_t *out_wait_for)
{
    *out_wait_for = 0;
    if (!attempts || rule->amount <= 0) {
        return true;
    }
    apr_time_t longest = longest_wait(attempts, rule, attempt, now);
    if (longest == 0 || find_mark(attempts, attempt, now)) {
        return true;
    }
    *out_wait_for = longest;
    return false;
}

bool cg_attempts_failed(cg_attempts_t *attempts, const cg_kind_ATTEMPTS_t *rule,
                        const cg_try_t *attempt, apr_time_t now,
                        apr_time_t *out_wait_for)
{
    uint64_t hash[2];
    *out_wait_for = 0;
    if (!attempts || rule->amount <= 0) {
        return true;
    }
    hash_counter(attempts, rule, attempt, SUBJECT_ADDRESS, hash);
    apr_time_t longest = count(attempts, rule, hash, now);
    if (attempt->id.len > 0) {
        hash_counter(attempts, rule, attempt, SUBJECT_ID, hash);
        apr_time_t by_id = count(attempts, rule, hash, now);
        longest = by_id > longest ? by_id : longest;
    }
    int64_t *mark = find_mark(attempts, attempt, now);
    if (mark) {
        cg_atomic_set(mark, 0);
    }
    *out_wait_for = longest;
    return longest == 0;
}

bool cg_attempts_succeeded(cg_attempts_t *attempts,
                           const cg_kind_ATTEMPTS_t *rule,
                           const cg_try_t *attempt, apr_time_t now,
                           apr_time_t *out_wait_for)
{
    bool may = cg_attempts_may(attempts, rule, attempt, now, out_wait_for);
    if (may && attempts && attempt->credential.len > 0) {
        set_mark(attempts, attempt, now);
    }
    return may;
}
