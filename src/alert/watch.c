/* The watch: which limits are used, as requests see it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A cell carries a sequence word: 0 free, odd while its names are written, else
 * even. Who takes a cell swaps the word; a reader copies and looks at it again. The
 * numbers are words of their own that requests only set.
 */
#include "alert/watch.h"

#include <string.h>

#include "base/digest.h"
#include "base/share.h"

#define WAYS 8
#define STUCK_AFTER apr_time_from_sec(10)

typedef struct cell_t {
    int64_t sequence; /* atomic, as all words up to refused_at */
    int64_t hash[2];
    int64_t amount;
    int64_t used;
    int64_t held;
    int64_t at;
    int64_t refused_at;
    cg_limit_t limit; /* written while sequence is odd */
    char subject[CG_WATCH_TEXT_MAX + 1];
    char organization[CG_WATCH_TEXT_MAX + 1];
} cell_t;

/* The key makes sure that callers, who choose names, cannot choose cells. */
typedef struct table_t {
    int64_t is_keyed;
    uint64_t key[2];
    int64_t unused[5];
    cell_t cells[CG_WATCH_CELLS];
} table_t;

struct cg_watch_t {
    table_t *table;
};

size_t cg_watch_bytes(void)
{
    return sizeof(table_t);
}

cg_watch_t *cg_watch_attach(void *memory, apr_pool_t *pool)
{
    cg_watch_t *watch = apr_palloc(pool, sizeof *watch);
    watch->table = memory;
    if (cg_atomic_swap_if(&watch->table->is_keyed, 0, 1)) {
        cg_random(watch->table->key, sizeof watch->table->key);
    }
    return watch;
}

static size_t put(unsigned char *to, size_t at, const void *bytes, size_t len)
{
    memcpy(to + at, bytes, len);
    return at + len;
}

/* All that is said of a limit: a soft and a hard one of one counter, and one whose
 * amount was changed, are watched apart. */
static void hash_of(const cg_watch_t *watch, cg_str_t organization,
                    cg_str_t subject, const cg_limit_t *limit, uint64_t out[2])
{
    unsigned char text[2 * CG_WATCH_TEXT_MAX + CG_LIMIT_ZONE_MAX + 40];
    const uint8_t names[] = {limit->dimension,   limit->with,
                             limit->quantity,    limit->algorithm,
                             limit->start_month, limit->start_day,
                             limit->is_soft,     (uint8_t)subject.len};
    size_t len = put(text, 0, names, sizeof names);
    len = put(text, len, &limit->amount, sizeof limit->amount);
    len = put(text, len, &limit->window_for, sizeof limit->window_for);
    len = put(text, len, limit->zone, strlen(limit->zone) + 1);
    len = put(text, len, subject.ptr, subject.len);
    len = put(text, len, organization.ptr, organization.len);
    cg_siphash(watch->table->key, text, len, out);
}

static bool is_cell(const cell_t *cell, const uint64_t hash[2])
{
    return cg_atomic_get(&cell->hash[0]) == (int64_t)hash[0] &&
           cg_atomic_get(&cell->hash[1]) == (int64_t)hash[1];
}

/* The cell of this counter, else the one given up most gladly: free, or not used for
 * long. NULL: all are in use. */
static cell_t *choose(cell_t *set, const uint64_t hash[2], apr_time_t now)
{
    cell_t *chosen = NULL;
    int64_t oldest = now - CG_WATCH_IDLE_AFTER;
    for (int i = 0; i < WAYS; i++) {
        cell_t *cell = &set[i];
        int64_t sequence = cg_atomic_get(&cell->sequence);
        int64_t at = cg_atomic_get(&cell->at);
        if (is_cell(cell, hash)) {
            return cell;
        }
        bool is_stuck = sequence & 1;
        if (is_stuck ? at < now - STUCK_AFTER : at < oldest) {
            chosen = cell;
            oldest = is_stuck ? oldest : at;
        }
    }
    return chosen;
}

static bool begin(cell_t *cell, const uint64_t hash[2], cg_str_t organization,
                  cg_str_t subject, const cg_limit_t *limit, apr_time_t now)
{
    int64_t sequence = cg_atomic_get(&cell->sequence);
    int64_t writing = sequence | 1;
    writing = sequence & 1 ? sequence + 2 : writing;
    if (!cg_atomic_swap_if(&cell->sequence, sequence, writing)) {
        return false; /* the other's note is worth as much */
    }
    cg_atomic_set(&cell->at, now);
    cg_atomic_set(&cell->refused_at, 0);
    cg_atomic_set(&cell->hash[0], (int64_t)hash[0]);
    cg_atomic_set(&cell->hash[1], (int64_t)hash[1]);
    cell->limit = *limit;
    memcpy(cell->subject, subject.ptr, subject.len);
    cell->subject[subject.len] = '\0';
    memcpy(cell->organization, organization.ptr, organization.len);
    cell->organization[organization.len] = '\0';
    return cg_atomic_swap_if(&cell->sequence, writing, writing + 1);
}

void cg_watch_note(cg_watch_t *watch, cg_str_t organization, cg_str_t subject,
                   const cg_limit_t *limit, int64_t amount, int64_t remaining,
                   int64_t held, bool is_refused, apr_time_t now)
{
    uint64_t hash[2];
    if (subject.len > CG_WATCH_TEXT_MAX ||
        organization.len > CG_WATCH_TEXT_MAX) {
        return;
    }
    hash_of(watch, organization, subject, limit, hash);
    size_t set = hash[0] % (CG_WATCH_CELLS / WAYS) * WAYS;
    cell_t *cell = choose(&watch->table->cells[set], hash, now);
    if (!cell || (!is_cell(cell, hash) &&
                  !begin(cell, hash, organization, subject, limit, now))) {
        return;
    }
    cg_atomic_set(&cell->amount, amount);
    cg_atomic_set(&cell->used, amount - remaining);
    cg_atomic_set(&cell->held, held);
    cg_atomic_set(&cell->at, now);
    if (is_refused) {
        cg_atomic_set(&cell->refused_at, now);
    }
}

bool cg_watch_read(cg_watch_t *watch, size_t index, cg_watched_t *out)
{
    const cell_t *cell = &watch->table->cells[index];
    int64_t sequence = cg_atomic_get(&cell->sequence);
    if (sequence == 0 || sequence & 1) {
        return false;
    }
    out->hash[0] = (uint64_t)cg_atomic_get(&cell->hash[0]);
    out->hash[1] = (uint64_t)cg_atomic_get(&cell->hash[1]);
    out->limit = cell->limit;
    memcpy(out->subject, cell->subject, sizeof out->subject);
    memcpy(out->organization, cell->organization, sizeof out->organization);
    out->amount = cg_atomic_get(&cell->amount);
    out->used = cg_atomic_get(&cell->used);
    out->held = cg_atomic_get(&cell->held);
    out->at = cg_atomic_get(&cell->at);
    out->refused_at = cg_atomic_get(&cell->refused_at);
    return cg_atomic_get(&cell->sequence) == sequence && out->at != 0;
}
