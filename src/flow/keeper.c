/* The keeper: what one thread of one process does for the whole server.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/keeper.h"

#include <apr_strings.h>

#include "audit/ledger.h"
#include "auth/keyexpiry.h"
#include "auth/keyuse.h"
#include "base/clock.h"
#include "base/fetch.h"
#include "base/share.h"
#include "flow/keeper_quota.h"
#include "route/providers.h"
#include "store/keys.h"

#define BATCH 256
#define BACKLOG_BYTES (64 * CG_KIB)
#define WAIT_BUSY (5 * CG_MS)
#define WAIT_IDLE (20 * CG_MS)
#define WAIT_AWAY (100 * CG_MS)
#define STEADY_AFTER (1 * CG_SECOND)
#define BEAT_EACH (1 * CG_SECOND)
#define USES_MOST 2048          /* moments of use written in one beat */
#define EXPIRY_FOR (20 * CG_MS) /* of a beat, for keys that end soon */
#define INDEX_FOR (100 * CG_MS) /* the same while their index is made, once */
#define SERVER_LOST_AFTER (10 * CG_SECOND)
#define KEEP_SEGMENTS_FOR (10 * 60 * CG_SECOND)
#define SYNC_EACH (1 * CG_SECOND)        /* what a loss of power may cost */
#define EXPIRE_ALL_EACH (60 * CG_SECOND) /* the records of other servers too */
#define PROBE_EACH (10 * CG_SECOND)
#define PROBE_FOR (5 * CG_SECOND)

typedef struct keeper_t {
    const cg_gateway_t *gateway;
    const cg_keeper_watch_t *watch;
    apr_pool_t *pool;    /* while this process leads */
    apr_pool_t *scratch; /* cleared for each round */
    apr_pool_t *listening;
    cg_listener_t *listener;
    cg_ledger_t *ledger;
    cg_journal_reader_t *reader;
    apr_time_t beat_at;
    apr_time_t expired_all_at;
    apr_time_t away_at; /* when the store was away last */
    bool is_up;         /* as was said last */
    cg_keyexpiry_t expiry;
    cg_keeper_quota_t quota;
    uint64_t skipped;
    bool is_troubled; /* said already */
    cg_quota_bill_t bills[BATCH];
    size_t bills_count;
} keeper_t;

/* -- keys that have changed -------------------------------------------------- */

static void on_message(void *baton, cg_str_t message)
{
    keeper_t *keeper = baton;
    const char *id = cg_str_dup(message, keeper->scratch);
    cg_keyring_forget(keeper->gateway->keyring, id);
    cg_signring_forget(keeper->gateway->signring, id);
}

static void unlisten(keeper_t *keeper)
{
    keeper->listener = NULL;
    apr_pool_clear(keeper->listening);
}

/* A change that was published while nobody listened was not heard: after every
 * new subscription all that is remembered is asked again. */
static void listen_for(keeper_t *keeper, apr_time_t wait_for)
{
    cg_error_t err;
    if (!keeper->listener) {
        unlisten(keeper);
        if (cg_store_subscribe(keeper->gateway->store, CG_KEY_CHANNEL,
                               &keeper->listener, &err,
                               keeper->listening) != APR_SUCCESS) {
            keeper->listener = NULL;
            apr_sleep(WAIT_AWAY);
            return;
        }
        cg_keyring_doubt_all(keeper->gateway->keyring);
        cg_signring_doubt_all(keeper->gateway->signring);
    }
    if (cg_store_listen(keeper->listener, wait_for, on_message, keeper) !=
        APR_SUCCESS) {
        unlisten(keeper);
    }
}

/* -- records ---------------------------------------------------------------- */

static apr_status_t settle_batch(keeper_t *keeper)
{
    cg_error_t err;
    size_t count = keeper->bills_count;
    keeper->bills_count = 0;
    return cg_quota_settle(keeper->gateway->quota, keeper->bills, count, &err,
                           keeper->scratch);
}

/* Settling bears repeating: the hold is gone after the first time. */
static apr_status_t on_entry(void *baton, const cg_journal_entry_t *entry)
{
    keeper_t *keeper = baton;
    if (!entry) {
        return settle_batch(keeper);
    }
    if (entry->has_hold && keeper->bills_count < BATCH) {
        keeper->bills[keeper->bills_count++] = (cg_quota_bill_t){
            .id = apr_pstrdup(keeper->scratch, entry->id),
            .input_tokens = entry->input_tokens,
            .output_tokens = entry->output_tokens,
            .micros = entry->cost_micros,
            .is_released = entry->is_released};
    }
    return APR_SUCCESS;
}

/* A store that is away is told by tell_store; anything else needs a person. */
static void tell_trouble(keeper_t *keeper, apr_status_t rv, const char *words)
{
    cg_meter_store_error(keeper->gateway->meter, "ship");
    if (rv == APR_EGENERAL && !keeper->is_troubled) {
        keeper->is_troubled = true;
        keeper->watch->on_trouble(keeper->watch->baton, words);
    }
}

/* Returns how many moved; 0 when there are none or the store is away. */
static size_t ship(keeper_t *keeper)
{
    cg_error_t err;
    size_t shipped = 0;
    keeper->bills_count = 0;
    if (cg_store_is_away(keeper->gateway->store)) {
        return 0;
    }
    apr_status_t rv =
        cg_ledger_ship(keeper->ledger, keeper->reader, BATCH, &shipped,
                       on_entry, keeper, &err, keeper->scratch);
    if (rv != APR_SUCCESS) {
        tell_trouble(keeper, rv, err.text);
        return 0;
    }
    keeper->is_troubled = false;
    return shipped;
}

/* -- once a second ----------------------------------------------------------- */

static void count_servers(keeper_t *keeper, apr_time_t now)
{
    apr_pool_t *pool = keeper->scratch;
    cg_str_t key = cg_keys_make(CG_KEYS_SERVERS, NULL, 0, pool);
    cg_str_t at = cg_str(apr_psprintf(pool, "%" APR_INT64_T_FMT, now));
    cg_str_t lost = cg_str(
        apr_psprintf(pool, "(%" APR_INT64_T_FMT, now - SERVER_LOST_AFTER));
    cg_str_t add[] = {CG_STR("ZADD"), key, at, cg_str(keeper->gateway->node)};
    cg_str_t drop[] = {CG_STR("ZREMRANGEBYSCORE"), key, CG_STR("-inf"), lost};
    cg_str_t size[] = {CG_STR("ZCARD"), key};
    cg_store_command_t commands[] = {{add, 4}, {drop, 4}, {size, 2}};
    cg_reply_t replies[3];
    cg_error_t err;
    if (cg_store_pipeline(keeper->gateway->store, commands, 3, replies, &err,
                          pool) == APR_SUCCESS &&
        replies[2].kind == CG_REPLY_INT && replies[2].number > 0) {
        cg_atomic_set(keeper->gateway->servers, replies[2].number);
    }
}

static void tell_store(keeper_t *keeper)
{
    apr_time_t now = cg_clock_monotonic();
    bool is_up = !cg_store_is_away(keeper->gateway->store);
    cg_meter_store_up(keeper->gateway->meter, is_up);
    keeper->away_at = is_up ? keeper->away_at : now;
    /* A store that comes and goes is one trouble, not many. */
    bool is_steady = !is_up || now - keeper->away_at > STEADY_AFTER;
    if (is_up != keeper->is_up && is_steady) {
        keeper->is_up = is_up;
        keeper->watch->on_store(keeper->watch->baton, is_up,
                                cg_store_where(keeper->gateway->store));
    }
}

static void measure_journal(keeper_t *keeper)
{
    int64_t bytes, records;
    cg_journal_reader_backlog(keeper->reader, &bytes, &records);
    cg_meter_journal_backlog(keeper->gateway->meter, bytes, records);
    uint64_t skipped = cg_journal_reader_skipped(keeper->reader);
    if (skipped > keeper->skipped) {
        cg_meter_journal_skipped(keeper->gateway->meter,
                                 (int64_t)(skipped - keeper->skipped));
        keeper->skipped = skipped;
    }
}

static void expire(keeper_t *keeper, apr_time_t now)
{
    cg_error_t err;
    size_t removed;
    bool is_of_all = now - keeper->expired_all_at >= EXPIRE_ALL_EACH;
    if (is_of_all) {
        keeper->expired_all_at = now;
    }
    if (!cg_store_is_away(keeper->gateway->store) &&
        cg_ledger_expire(keeper->ledger, cg_clock_now(), is_of_all, &removed,
                         &err, keeper->scratch) == APR_EGENERAL) {
        tell_trouble(keeper, APR_EGENERAL, err.text);
    }
}

static void on_key(void *baton, const cg_key_t *key)
{
    keeper_t *keeper = baton;
    if (keeper->watch->on_key) {
        keeper->watch->on_key(keeper->watch->baton, key);
    }
}

/* When keys were used, and which of them end soon. */
static void mind_keys(keeper_t *keeper)
{
    const cg_gateway_t *gateway = keeper->gateway;
    cg_error_t err;
    size_t flushed;
    int64_t soon = -1;
    if (!gateway->keyring || cg_store_is_away(gateway->store)) {
        return;
    }
    apr_time_t began = cg_clock_monotonic();
    apr_status_t rv =
        cg_keyring_flush_uses(gateway->keyring, cg_clock_now(), USES_MOST,
                              &flushed, &err, keeper->scratch);
    do {
        if (rv == APR_SUCCESS) {
            rv = cg_keyexpiry_step(&keeper->expiry, gateway->keyring,
                                   cg_clock_now(), on_key, keeper, &soon, &err,
                                   keeper->scratch);
        }
    } while (rv == APR_SUCCESS && keeper->expiry.is_going &&
             cg_clock_monotonic() - began <
                 (keeper->expiry.is_index_made ? EXPIRY_FOR : INDEX_FOR));
    if (rv != APR_SUCCESS) {
        cg_meter_store_error(gateway->meter, "key");
    }
    if (soon >= 0) {
        cg_meter_keys_expiring(gateway->meter, soon);
    }
}

static void beat(keeper_t *keeper)
{
    apr_time_t now = cg_clock_monotonic();
    tell_store(keeper);
    if (now - keeper->beat_at < BEAT_EACH) {
        return;
    }
    keeper->beat_at = now;
    cg_error_t err;
    count_servers(keeper, cg_clock_now());
    cg_quota_settle(keeper->gateway->quota, NULL, 0, &err, keeper->scratch);
    cg_journal_reader_drop(keeper->reader, cg_clock_now(), KEEP_SEGMENTS_FOR);
    measure_journal(keeper);
    expire(keeper, now);
    mind_keys(keeper);
}

/* -- the loop ---------------------------------------------------------------- */

static void clear(keeper_t *keeper)
{
    unlisten(keeper);
    apr_pool_clear(keeper->pool);
    apr_pool_create(&keeper->listening, keeper->pool);
}

static bool begin(keeper_t *keeper)
{
    const cg_gateway_t *gateway = keeper->gateway;
    cg_error_t err;
    if (keeper->reader) {
        return true;
    }
    if (cg_ledger_open(&keeper->ledger, gateway->store, gateway->node,
                       gateway->audit_keep, keeper->pool) != APR_SUCCESS ||
        cg_journal_reader_open(&keeper->reader,
                               cg_journal_folder(gateway->journal), &err,
                               keeper->pool) != APR_SUCCESS) {
        keeper->reader = NULL;
        clear(keeper); /* tried again several times a second */
        return false;
    }
    keeper->skipped = 0;
    keeper->expiry = (cg_keyexpiry_t){.is_going = false};
    cg_keeper_quota_begin(&keeper->quota);
    return true;
}

static void step_down(keeper_t *keeper)
{
    cg_error_t err;
    if (keeper->reader) {
        cg_quota_return_slices(keeper->gateway->quota, &err, keeper->scratch);
    }
    if (keeper->gateway->journal) {
        cg_journal_resign(keeper->gateway->journal);
    }
    keeper->reader = NULL;
    clear(keeper);
}

/* More is waiting than a round should leave: go on at once. */
static bool has_more(keeper_t *keeper)
{
    int64_t bytes, records;
    cg_journal_reader_backlog(keeper->reader, &bytes, &records);
    return bytes > BACKLOG_BYTES;
}

static void work(keeper_t *keeper)
{
    apr_pool_clear(keeper->scratch);
    cg_error_t err;
    cg_quota_flush(keeper->gateway->quota, &err, keeper->scratch);
    cg_keeper_quota_step(&keeper->quota, keeper->gateway, keeper->scratch);
    size_t moved = ship(keeper);
    beat(keeper);
    apr_time_t wait = WAIT_IDLE;
    if (moved) {
        wait = has_more(keeper) ? 0 : WAIT_BUSY;
    }
    listen_for(keeper, wait);
}

void cg_keeper_run(const cg_gateway_t *gateway, const cg_keeper_watch_t *watch,
                   const volatile int *stop)
{
    apr_pool_t *own;
    apr_pool_create(&own, NULL);
    keeper_t *keeper = apr_pcalloc(own, sizeof *keeper);
    keeper->gateway = gateway;
    keeper->watch = watch;
    keeper->is_up = true;
    apr_pool_create(&keeper->pool, own);
    apr_pool_create(&keeper->scratch, own);
    apr_pool_create(&keeper->listening, keeper->pool);
    bool leads = false;
    while (!*stop) {
        bool may_lead = gateway->journal && watch->may_work(watch->baton);
        bool was_leading = leads;
        leads = may_lead && cg_journal_lead(gateway->journal) && begin(keeper);
        cg_quota_nodes(gateway->quota, (int)cg_atomic_get(gateway->servers));
        if (was_leading && !leads) {
            step_down(keeper);
        }
        if (leads) {
            work(keeper);
        }
        else {
            if (gateway->journal) {
                cg_journal_refresh(gateway->journal);
            }
            apr_sleep(CG_KEEPER_STANDBY_FOR);
        }
    }
    step_down(keeper);
    apr_pool_destroy(own);
}

/* -- probes ------------------------------------------------------------------ */

static void probe(const cg_gateway_t *gateway, const cg_account_t *account,
                  apr_pool_t *pool)
{
    apr_table_t *table = apr_table_make(pool, 4);
    cg_account_headers(account,
                       cg_account_credential(
                           account, cg_gateway_take_credentials(gateway, pool)),
                       table, pool);
    apr_array_header_t *headers = apr_array_make(pool, 4, sizeof(char *));
    const apr_array_header_t *pairs = apr_table_elts(table);
    for (int i = 0; i < pairs->nelts; i++) {
        const apr_table_entry_t *pair =
            &((const apr_table_entry_t *)pairs->elts)[i];
        APR_ARRAY_PUSH(headers, const char *) =
            apr_pstrcat(pool, pair->key, ": ", pair->val, NULL);
    }
    cg_fetch_t call = {.url = apr_pstrcat(pool, account->base, "/models", NULL),
                       .headers = headers,
                       .total_for = PROBE_FOR};
    cg_fetched_t answer;
    cg_error_t err;
    apr_status_t rv = cg_fetch(&call, &answer, &err, pool);
    bool is_up = rv == APR_SUCCESS && answer.status > 0 && answer.status < 500;
    cg_health_probed(gateway->health, account->index, is_up,
                     rv == APR_SUCCESS ? answer.first_byte_took : 0,
                     cg_clock_now());
}

void cg_keeper_probe(const cg_gateway_t *gateway,
                     const cg_keeper_watch_t *watch, const volatile int *stop)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    apr_time_t next = 0;
    apr_time_t synced_at = 0;
    while (!*stop) {
        bool is_mine = gateway->journal && watch->may_work(watch->baton) &&
                       cg_journal_leads(gateway->journal);
        if (is_mine && cg_clock_monotonic() - synced_at > SYNC_EACH) {
            cg_error_t err;
            cg_journal_sync(gateway->journal, &err);
            synced_at = cg_clock_monotonic();
        }
        if (is_mine && cg_clock_monotonic() >= next) {
            for (size_t i = 0; i < gateway->accounts->count && !*stop; i++) {
                apr_pool_clear(pool);
                probe(gateway, &gateway->accounts->rows[i], pool);
            }
            next = cg_clock_monotonic() + PROBE_EACH;
        }
        apr_sleep(CG_KEEPER_STANDBY_FOR);
    }
    apr_pool_destroy(pool);
}
