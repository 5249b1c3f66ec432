/* Use: sums of what keys and teams use, in memory that all children share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A place carries a sequence word as the watch's cells do: odd while its name is
 * written. A sum is taken by subtracting what was read, so that what requests add
 * meanwhile stays.
 */
#include "alert/use.h"

#include <string.h>

#include "base/digest.h"
#include "base/share.h"
#include "store/keys.h"

#include <inttypes.h>

#include <apr_strings.h>

#define WAYS 8
#define IDLE_AFTER apr_time_from_sec(3600)
#define STUCK_AFTER apr_time_from_sec(10)
#define LIFE_SECONDS "259200" /* of an hour's sums: three days */
#define BATCH 32              /* subjects handed on in one round trip */

typedef struct place_t {
    int64_t sequence; /* atomic, as all words up to sums */
    int64_t hash[2];
    int64_t at;
    int64_t sums[CG_USE_COUNT];
    int64_t kind; /* written while sequence is odd */
    char name[CG_USE_NAME_MAX + 1];
} place_t;

typedef struct table_t {
    int64_t is_keyed;
    uint64_t key[2];
    int64_t unused[5];
    place_t places[CG_USE_SUBJECTS];
} table_t;

struct cg_use_table_t {
    table_t *table;
};

size_t cg_use_bytes(void)
{
    return sizeof(table_t);
}

cg_use_table_t *cg_use_attach(void *memory, apr_pool_t *pool)
{
    cg_use_table_t *table = apr_palloc(pool, sizeof *table);
    table->table = memory;
    if (cg_atomic_swap_if(&table->table->is_keyed, 0, 1)) {
        cg_random(table->table->key, sizeof table->table->key);
    }
    return table;
}

/* ---- noting ------------------------------------------------------------------ */

static bool is_place(const place_t *place, const uint64_t hash[2])
{
    return cg_atomic_get(&place->hash[0]) == (int64_t)hash[0] &&
           cg_atomic_get(&place->hash[1]) == (int64_t)hash[1];
}

static bool is_empty(const place_t *place)
{
    int64_t any = 0;
    for (int i = 0; i < CG_USE_COUNT; i++) {
        any |= cg_atomic_get(&place->sums[i]);
    }
    return any == 0;
}

/* Its place, else a free one, else the one not used for longest; NULL: none. */
static place_t *choose(place_t *set, const uint64_t hash[2], apr_time_t now)
{
    place_t *chosen = NULL;
    int64_t oldest = now - IDLE_AFTER;
    for (int i = 0; i < WAYS; i++) {
        place_t *place = &set[i];
        int64_t at = cg_atomic_get(&place->at);
        bool is_stuck = cg_atomic_get(&place->sequence) & 1;
        if (is_place(place, hash)) {
            return place;
        }
        if (is_stuck ? at < now - STUCK_AFTER
                     : at < oldest && is_empty(place)) {
            chosen = place;
            oldest = is_stuck ? oldest : at;
        }
    }
    return chosen;
}

static bool begin(place_t *place, const uint64_t hash[2], cg_use_kind_t kind,
                  cg_str_t name, apr_time_t now)
{
    int64_t sequence = cg_atomic_get(&place->sequence);
    int64_t writing = sequence & 1 ? sequence + 2 : sequence + 1;
    if (!cg_atomic_swap_if(&place->sequence, sequence, writing)) {
        return false;
    }
    cg_atomic_set(&place->at, now);
    cg_atomic_set(&place->hash[0], (int64_t)hash[0]);
    cg_atomic_set(&place->hash[1], (int64_t)hash[1]);
    place->kind = kind;
    memcpy(place->name, name.ptr, name.len);
    place->name[name.len] = '\0';
    return cg_atomic_swap_if(&place->sequence, writing, writing + 1);
}

void cg_use_note(cg_use_table_t *table, cg_use_kind_t kind, cg_str_t name,
                 const cg_use_sums_t *sums, apr_time_t now)
{
    unsigned char text[CG_USE_NAME_MAX + 1];
    uint64_t hash[2];
    if (name.len > CG_USE_NAME_MAX ||
        (name.len == 0 && kind != CG_USE_OF_ALL)) {
        return;
    }
    text[0] = (unsigned char)kind;
    if (name.len) {
        memcpy(text + 1, name.ptr, name.len);
    }
    cg_siphash(table->table->key, text, name.len + 1, hash);
    size_t set = hash[0] % (CG_USE_SUBJECTS / WAYS) * WAYS;
    place_t *place = choose(&table->table->places[set], hash, now);
    if (!place ||
        (!is_place(place, hash) && !begin(place, hash, kind, name, now))) {
        return;
    }
    for (int i = 0; i < CG_USE_COUNT; i++) {
        if (sums->of[i] > 0) {
            cg_atomic_add(&place->sums[i], sums->of[i]);
        }
    }
    cg_atomic_set(&place->at, now);
}

/* ---- handing on --------------------------------------------------------------- */

char cg_use_kind_letter(cg_use_kind_t kind)
{
    return "kta"[kind];
}

static bool read_place(const place_t *place, cg_used_t *out,
                       cg_use_sums_t *more)
{
    int64_t sequence = cg_atomic_get(&place->sequence);
    if (sequence == 0 || sequence & 1 || is_empty(place)) {
        return false;
    }
    out->kind = (cg_use_kind_t)place->kind;
    memcpy(out->name, place->name, sizeof out->name);
    for (int i = 0; i < CG_USE_COUNT; i++) {
        more->of[i] = cg_atomic_get(&place->sums[i]);
    }
    return cg_atomic_get(&place->sequence) == sequence;
}

static cg_str_t hour_key(int64_t hour, apr_pool_t *pool)
{
    cg_str_t part = cg_str(apr_psprintf(pool, "%" PRId64, hour));
    return cg_keys_make(CG_KEYS_ALERT_USE, &part, 1, pool);
}

/* "k:<id>:2": the third sum of a key. */
static cg_str_t field_of(const cg_used_t *used, int use, apr_pool_t *pool)
{
    return cg_str(apr_psprintf(pool, "%c:%s:%d", cg_use_kind_letter(used->kind),
                               used->name, use));
}

typedef struct batch_t {
    size_t count;
    cg_used_t *used; /* where in out they stand */
    cg_use_sums_t more[BATCH];
} batch_t;

static void take_back(table_t *table, const batch_t *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        place_t *place = &table->places[batch->used[i].index];
        for (int use = 0; use < CG_USE_COUNT; use++) {
            cg_atomic_add(&place->sums[use], batch->more[i].of[use]);
        }
    }
}

static apr_status_t hand_on(table_t *table, cg_store_t *store, int64_t hour,
                            batch_t *batch, cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t argv[BATCH * CG_USE_COUNT + 1][4];
    cg_store_command_t commands[BATCH * CG_USE_COUNT + 1] = {{NULL, 0}};
    cg_reply_t replies[BATCH * CG_USE_COUNT + 1];
    cg_str_t key = hour_key(hour, pool);
    size_t n = 0;
    for (size_t i = 0; i < batch->count; i++) {
        for (int use = 0; use < CG_USE_COUNT; use++, n++) {
            argv[n][0] = CG_STR("HINCRBY");
            argv[n][1] = key;
            argv[n][2] = field_of(&batch->used[i], use, pool);
            argv[n][3] =
                cg_str(apr_psprintf(pool, "%" PRId64, batch->more[i].of[use]));
            commands[n] = (cg_store_command_t){argv[n], 4};
        }
    }
    argv[n][0] = CG_STR("EXPIRE");
    argv[n][1] = key;
    argv[n][2] = CG_STR(LIFE_SECONDS);
    commands[n] = (cg_store_command_t){argv[n], 3};
    apr_status_t rv =
        cg_store_pipeline(store, commands, n + 1, replies, err, pool);
    if (rv != APR_SUCCESS) {
        take_back(table, batch);
        return rv;
    }
    for (size_t i = 0; i < n; i++) {
        batch->used[i / CG_USE_COUNT].hour_sums.of[i % CG_USE_COUNT] =
            replies[i].kind == CG_REPLY_INT ? replies[i].number : 0;
    }
    return APR_SUCCESS;
}

apr_status_t cg_use_flush(cg_use_table_t *table, cg_store_t *store,
                          int64_t hour, size_t *from, cg_used_t *out,
                          size_t most, size_t *out_count, cg_error_t *err,
                          apr_pool_t *pool)
{
    *out_count = 0;
    while (*from < CG_USE_SUBJECTS && *out_count < most) {
        batch_t batch = {.used = out + *out_count};
        for (; *from < CG_USE_SUBJECTS && batch.count < BATCH &&
               *out_count + batch.count < most;
             (*from)++) {
            place_t *place = &table->table->places[*from];
            cg_used_t *used = &batch.used[batch.count];
            cg_use_sums_t *more = &batch.more[batch.count];
            if (!read_place(place, used, more)) {
                continue;
            }
            used->index = *from;
            for (int use = 0; use < CG_USE_COUNT; use++) {
                cg_atomic_add(&place->sums[use], -more->of[use]);
            }
            batch.count++;
        }
        apr_status_t rv = APR_SUCCESS;
        if (batch.count > 0) {
            rv = hand_on(table->table, store, hour, &batch, err, pool);
        }
        if (rv != APR_SUCCESS) {
            return rv;
        }
        *out_count += batch.count;
    }
    return APR_SUCCESS;
}
