/* The ledger that keeps the audit records: shipping into it.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   journal  --read--> batch --on_entry--> settle --script--> stream and sums
 *               ^                                      |
 *               +------------ top of the stream -------+
 *
 * After any failure the reader is set behind the top anew: whether a script
 * that gave no answer was carried out or not, the top tells.
 */
#include "audit/ledger.h"
#include "audit/ledger_int.h"

#include <inttypes.h>
#include <string.h>

#include <apr_strings.h>

#include "expire_lua.h"
#include "ship_lua.h"
#include "store/keys.h"

/* A larger script keeps admissions waiting: 2.4 ms at 1 MiB. */
#define BATCH_BYTES ((size_t)128 << 10)
#define BATCH_MAX 1000
#define ARGS_FIRST 5      /* arguments before the records */
#define ARGS_PER_RECORD 6 /* id, at, end, list, until, json */
#define BUCKETS_MAX 16    /* hashes of sums a batch may touch */
#define ARGS_PER_BUCKET (2 + 2 * CG_LEDGER_SUM_COUNT)
#define KEEPS_MAX 8 /* lists of records that are kept equally long */
#define ROUNDS 2

const char *const cg_ledger_sums[CG_LEDGER_SUM_COUNT] = {
#define SUM_NAME(id, name) name,
    CG_LEDGER_SUMS(SUM_NAME)
#undef SUM_NAME
};

const cg_ledger_step_t cg_ledger_steps[CG_LEDGER_STEP_COUNT] = {
    [CG_LEDGER_MINUTE] = {"minute", 60, 3 * 86400},
    [CG_LEDGER_HOUR] = {"hour", 3600, 100 * 86400},
};

static const cg_ledger_sum_t SUM_OF[CG_DECISION_COUNT] = {
    [CG_DECISION_SERVED] = CG_LEDGER_SUM_SERVED,
    [CG_DECISION_REFUSED] = CG_LEDGER_SUM_REFUSED,
    [CG_DECISION_FAILED] = CG_LEDGER_SUM_FAILED,
    [CG_DECISION_ABORTED] = CG_LEDGER_SUM_ABORTED,
};

typedef struct bucket_t {
    int step;
    int64_t start; /* seconds */
    int64_t sums[CG_LEDGER_SUM_COUNT];
} bucket_t;

/* lives in: the pool of one step */
typedef struct batch_t {
    cg_str_t *args; /* ARGS_FIRST left free, then the records */
    size_t count;
    size_t bytes;
    cg_journal_position_t last;
    bucket_t buckets[BUCKETS_MAX];
    size_t buckets_count;
    int64_t keeps[KEEPS_MAX]; /* seconds */
    size_t keeps_count;
    apr_pool_t *pool;
} batch_t;

/* ---- spellings, shared with the other files ---------------------------- */

static cg_str_t number_text(int64_t number, apr_pool_t *pool)
{
    return cg_str(apr_psprintf(pool, "%" PRId64, number));
}

cg_str_t cg_ledger_stats_key(int step, int64_t at_seconds, apr_pool_t *pool)
{
    const cg_ledger_step_t *row = &cg_ledger_steps[step];
    int64_t start = at_seconds - at_seconds % row->seconds;
    cg_str_t parts[] = {cg_str(row->name), number_text(start, pool)};
    return cg_keys_make(CG_KEYS_AUDIT_STATS, parts, 2, pool);
}

cg_str_t cg_ledger_stream_key(cg_str_t node, apr_pool_t *pool)
{
    return cg_keys_make(CG_KEYS_AUDIT_STREAM, &node, 1, pool);
}

cg_str_t cg_ledger_id(cg_journal_position_t position, apr_pool_t *pool)
{
    return cg_str(apr_psprintf(pool, "%" PRId64 "-%" PRId64, position.segment,
                               position.offset));
}

bool cg_ledger_id_parse(cg_str_t text, cg_journal_position_t *out)
{
    const char *dash = text.len ? memchr(text.ptr, '-', text.len) : NULL;
    if (!dash) {
        return false;
    }
    size_t head = (size_t)(dash - text.ptr);
    cg_str_t segment = {text.ptr, head};
    cg_str_t offset = {dash + 1, text.len - head - 1};
    return cg_parse_count(segment, &out->segment) &&
           cg_parse_count(offset, &out->offset);
}

/* The store answered, but with "no". */
static apr_status_t refuse_error(const cg_reply_t *reply, cg_error_t *err)
{
    if (reply->kind != CG_REPLY_ERROR) {
        return APR_SUCCESS;
    }
    cg_error_set(err, "audit ledger: the store refused: %.*s",
                 (int)(reply->text.len < 200 ? reply->text.len : 200),
                 reply->text.ptr);
    return APR_EGENERAL;
}

apr_status_t cg_ledger_call(cg_ledger_t *ledger, const cg_str_t *argv,
                            size_t argc, cg_reply_t *out, cg_error_t *err,
                            apr_pool_t *pool)
{
    apr_status_t status =
        cg_store_call(ledger->store, argv, argc, out, err, pool);
    return status == APR_SUCCESS ? refuse_error(out, err) : status;
}

/* ---- the top of the stream --------------------------------------------- */

/* The last id ever given, which trimming and deleting leave as it is. */
static bool last_id(const cg_reply_t *info, cg_journal_position_t *out)
{
    for (size_t i = 0; i + 1 < info->count; i += 2) {
        if (cg_str_is(info->items[i].text, "last-generated-id")) {
            return cg_ledger_id_parse(info->items[i + 1].text, out);
        }
    }
    return false;
}

static apr_status_t learn_top(cg_ledger_t *ledger, cg_error_t *err,
                              apr_pool_t *pool)
{
    cg_str_t key = cg_ledger_stream_key(cg_str(ledger->node), pool);
    cg_str_t argv[] = {CG_STR("XINFO"), CG_STR("STREAM"), key};
    cg_reply_t reply;
    apr_status_t status =
        cg_store_call(ledger->store, argv, 3, &reply, err, pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    ledger->top = (cg_journal_position_t){0, 0};
    if (reply.kind == CG_REPLY_ERROR &&
        cg_str_has_prefix(reply.text, "ERR no such key")) {
        return APR_SUCCESS;
    }
    status = refuse_error(&reply, err);
    if (status == APR_SUCCESS && !last_id(&reply, &ledger->top)) {
        cg_error_set(err, "audit ledger: the store does not tell the last id "
                          "of the stream");
        return APR_EGENERAL;
    }
    return status;
}

static apr_status_t sync_reader(cg_ledger_t *ledger,
                                cg_journal_reader_t *reader, cg_error_t *err,
                                apr_pool_t *pool)
{
    apr_status_t status = learn_top(ledger, err, pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    int64_t newest = cg_journal_reader_newest(reader);
    if (newest && ledger->top.segment > newest) {
        /* New records would sort below the top and be taken for old ones. */
        cg_error_set(err,
                     "audit ledger: the stream of node %s is newer than this "
                     "server's journal; stop the server and remove the file "
                     "node in the journal's folder to begin a new stream",
                     ledger->node);
        return APR_EGENERAL;
    }
    cg_journal_reader_seek(reader, ledger->top);
    ledger->is_synced = true;
    return APR_SUCCESS;
}

/* ---- a batch ------------------------------------------------------------ */

static bucket_t *bucket_for(batch_t *batch, int step, int64_t at_seconds)
{
    int64_t start = at_seconds - at_seconds % cg_ledger_steps[step].seconds;
    for (size_t i = 0; i < batch->buckets_count; i++) {
        bucket_t *bucket = &batch->buckets[i];
        if (bucket->step == step && bucket->start == start) {
            return bucket;
        }
    }
    bucket_t *bucket = &batch->buckets[batch->buckets_count++];
    *bucket = (bucket_t){.step = step, .start = start};
    return bucket;
}

static void count(bucket_t *bucket, const cg_journal_entry_t *entry)
{
    bucket->sums[CG_LEDGER_SUM_REQUESTS]++;
    bucket->sums[SUM_OF[entry->decision]]++;
    bucket->sums[CG_LEDGER_SUM_INPUT_TOKENS] += entry->input_tokens;
    bucket->sums[CG_LEDGER_SUM_OUTPUT_TOKENS] += entry->output_tokens;
    bucket->sums[CG_LEDGER_SUM_COST_MICROS] += entry->cost_micros;
    bucket->sums[CG_LEDGER_SUM_FINDINGS] += entry->findings;
}

/* Number of the list of records kept this long, from 1; 0: no end to it. */
static size_t keep_of(batch_t *batch, const cg_journal_entry_t *entry)
{
    int64_t seconds = apr_time_sec(entry->keep_for);
    if (entry->keep_for <= 0) {
        return 0;
    }
    size_t i = 0;
    while (i < batch->keeps_count && batch->keeps[i] != seconds) {
        i++;
    }
    if (i == batch->keeps_count) {
        batch->keeps[batch->keeps_count++] = seconds;
    }
    return i + 1;
}

static void add(batch_t *batch, const cg_journal_entry_t *entry,
                cg_journal_position_t position)
{
    apr_pool_t *pool = batch->pool;
    int64_t ended = entry->at + entry->took;
    cg_str_t *args = batch->args + ARGS_FIRST + batch->count * ARGS_PER_RECORD;
    args[0] = cg_ledger_id(position, pool);
    args[1] = number_text(entry->at, pool);
    args[2] = number_text(ended, pool);
    args[3] = number_text((int64_t)keep_of(batch, entry), pool);
    args[4] = number_text(ended + entry->keep_for, pool);
    args[5].ptr = apr_pmemdup(pool, entry->json.ptr, entry->json.len);
    args[5].len = entry->json.len;
    batch->count++;
    batch->bytes += entry->json.len;
    batch->last = position;
    if (cg_record_is_operators(entry->decision)) {
        return; /* no request to a model */
    }
    for (int step = 0; step < CG_LEDGER_STEP_COUNT; step++) {
        count(bucket_for(batch, step, apr_time_sec(ended)), entry);
    }
}

static bool is_full(const batch_t *batch, size_t most)
{
    return batch->count >= most || batch->bytes >= BATCH_BYTES ||
           batch->keeps_count == KEEPS_MAX ||
           batch->buckets_count + CG_LEDGER_STEP_COUNT > BUCKETS_MAX;
}

static apr_status_t gather(cg_journal_reader_t *reader, size_t most,
                           cg_ledger_on_entry on_entry, void *baton,
                           batch_t *batch, cg_error_t *err)
{
    while (!is_full(batch, most)) {
        cg_journal_entry_t entry;
        cg_journal_position_t position;
        apr_status_t status =
            cg_journal_read_next(reader, &entry, &position, err);
        if (status == APR_EOF) {
            break;
        }
        if (status == APR_SUCCESS) {
            add(batch, &entry, position);
            status = on_entry ? on_entry(baton, &entry) : APR_SUCCESS;
        }
        if (status != APR_SUCCESS) {
            return status;
        }
    }
    bool is_told = batch->count > 0 && on_entry;
    return is_told ? on_entry(baton, NULL) : APR_SUCCESS;
}

static cg_str_t *put_bucket(const bucket_t *bucket, cg_str_t *to,
                            apr_pool_t *pool)
{
    *to++ = number_text(cg_ledger_steps[bucket->step].kept_for_seconds, pool);
    cg_str_t *pairs_count = to++;
    int64_t pairs = 0;
    for (int i = 0; i < CG_LEDGER_SUM_COUNT; i++) {
        if (bucket->sums[i]) {
            *to++ = cg_str(cg_ledger_sums[i]);
            *to++ = number_text(bucket->sums[i], pool);
            pairs++;
        }
    }
    *pairs_count = number_text(pairs, pool);
    return to;
}

static apr_status_t send_batch(cg_ledger_t *ledger, batch_t *batch,
                               cg_reply_t *reply, cg_error_t *err)
{
    apr_pool_t *pool = batch->pool;
    cg_str_t keys[3 + BUCKETS_MAX + KEEPS_MAX];
    keys[0] = cg_ledger_stream_key(cg_str(ledger->node), pool);
    keys[1] = cg_keys_make(CG_KEYS_AUDIT_NODES, NULL, 0, pool);
    keys[2] = cg_keys_make(CG_KEYS_AUDIT_KEEPS, NULL, 0, pool);
    size_t keys_count = 3;
    batch->args[0] = cg_ledger_id(ledger->top, pool);
    batch->args[1] = cg_str(ledger->node);
    batch->args[2] = number_text(ledger->records_max, pool);
    batch->args[3] = number_text((int64_t)batch->buckets_count, pool);
    batch->args[4] = number_text((int64_t)batch->count, pool);
    cg_str_t *end = batch->args + ARGS_FIRST + batch->count * ARGS_PER_RECORD;
    for (size_t i = 0; i < batch->buckets_count; i++) {
        const bucket_t *bucket = &batch->buckets[i];
        keys[keys_count++] =
            cg_ledger_stats_key(bucket->step, bucket->start, pool);
        end = put_bucket(bucket, end, pool);
    }
    for (size_t i = 0; i < batch->keeps_count; i++) {
        cg_str_t node = cg_str(ledger->node);
        cg_str_t seconds = number_text(batch->keeps[i], pool);
        keys[keys_count++] = cg_ledger_keep_key(node, seconds, pool);
        *end++ = cg_ledger_keep_name(node, seconds, pool);
    }
    apr_status_t status = cg_store_script(
        ledger->store, &ledger->script, keys, keys_count, batch->args,
        (size_t)(end - batch->args), reply, err, pool);
    return status == APR_SUCCESS ? refuse_error(reply, err) : status;
}

/* Reads the script's answer. False: the stream has another top. */
static bool is_added(const cg_reply_t *reply, const batch_t *batch)
{
    if (reply->kind != CG_REPLY_ARRAY || reply->count != 2) {
        return false;
    }
    if (reply->items[0].number == 1) {
        return true;
    }
    /* Sent twice underneath us, the first time with success. */
    cg_journal_position_t top = {0, 0};
    return cg_ledger_id_parse(reply->items[1].text, &top) &&
           top.segment == batch->last.segment &&
           top.offset == batch->last.offset;
}

static batch_t *new_batch(size_t most, apr_pool_t *pool)
{
    batch_t *batch = apr_pcalloc(pool, sizeof *batch);
    batch->args =
        apr_pcalloc(pool, sizeof *batch->args *
                              (ARGS_FIRST + most * ARGS_PER_RECORD +
                               BUCKETS_MAX * ARGS_PER_BUCKET + KEEPS_MAX));
    batch->pool = pool;
    return batch;
}

/* ---- public -------------------------------------------------------------- */

apr_status_t cg_ledger_open(cg_ledger_t **out, cg_store_t *store,
                            const char *node, int64_t records_max,
                            apr_pool_t *pool)
{
    cg_ledger_t *ledger = apr_pcalloc(pool, sizeof *ledger);
    ledger->store = store;
    ledger->node = node ? apr_pstrdup(pool, node) : NULL;
    ledger->records_max = records_max > 0 ? records_max : 0;
    cg_script_init(&ledger->script, "ship", cg_lua_ship);
    cg_script_init(&ledger->expire, "expire", cg_lua_expire);
    *out = ledger;
    return APR_SUCCESS;
}

apr_status_t cg_ledger_ship(cg_ledger_t *ledger, cg_journal_reader_t *reader,
                            size_t batch_most, size_t *out_shipped,
                            cg_ledger_on_entry on_entry, void *baton,
                            cg_error_t *err, apr_pool_t *pool)
{
    *out_shipped = 0;
    size_t most = batch_most < BATCH_MAX ? batch_most : BATCH_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        batch_t *batch = new_batch(most, pool);
        apr_status_t status = APR_SUCCESS;
        if (!ledger->is_synced) {
            status = sync_reader(ledger, reader, err, pool);
        }
        if (status != APR_SUCCESS) {
            return status;
        }
        status = gather(reader, most, on_entry, baton, batch, err);
        if (status == APR_SUCCESS && batch->count == 0) {
            return APR_SUCCESS;
        }
        cg_reply_t reply;
        if (status == APR_SUCCESS) {
            status = send_batch(ledger, batch, &reply, err);
        }
        if (status == APR_SUCCESS && is_added(&reply, batch)) {
            ledger->top = batch->last;
            *out_shipped = batch->count;
            return APR_SUCCESS;
        }
        ledger->is_synced = false;
        if (status != APR_SUCCESS) {
            return status;
        }
    }
    return APR_SUCCESS;
}
