/* A cluster: commands go to who has the slots of their keys.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   commands -> slots -> owners -> one batch for each owner: all sent, then all
 *      ^                           read -> answers at their places
 *      |                             |
 *      +-- MOVED, ASK, TRYAGAIN, ----+
 *          or nobody reached: a round more, of these commands alone
 *
 * The map of owners is asked of any node that answers (CLUSTER SLOTS). A node that
 * fails has a breaker of its own, private to this child: the other nodes serve on.
 * The breaker of the store is for the whole: nobody answers, or all say that the
 * cluster is down.
 */
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/share.h"
#include "store/cluster_int.h"
#include "store/slots.h"
#include "store/store_int.h"

#define ROUNDS_MAX 16
#define PATIENCE 3                  /* of all rounds, in operations */
#define WAIT_FIRST APR_TIME_C(1000) /* before a round that waits for keys */
#define WAIT_MOST APR_TIME_C(16000)

/* One command, until it has its answer. */
typedef struct job_t {
    const cg_store_command_t *command;
    cg_reply_t *out;
    int slot;        /* -1: anybody will do */
    cg_node_t *node; /* whom to ask in this round */
    bool is_asking;  /* node has the slot not yet, but takes it over */
    bool is_done;
    bool was_sent; /* to a connection that broke: it may have been done */
} job_t;

/* The commands of one node in one round. */
typedef struct batch_t {
    cg_node_t *node;
    cg_node_slot_t *slot;
    apr_status_t status;
    bool is_used;
    bool is_sent;
} batch_t;

/* lives in: the stack of a call */
typedef struct call_t {
    cg_store_t *store;
    job_t *jobs;
    size_t count;
    batch_t *batches;
    int batches_count;
    apr_time_t began;
    apr_time_t until;
    apr_status_t status; /* of what failed for good */
    bool must_wait;      /* keys are on their way from one node to another */
    bool must_ask;       /* the map is wrong, or a node is gone */
    bool is_down;        /* the cluster itself says that it cannot serve */
    int losses;          /* rounds in which a node was not reached */
    cg_error_t *err;
    apr_pool_t *pool;
} call_t;

/* ---- a round ----------------------------------------------------------- */

static void fail(call_t *call, job_t *job, apr_status_t status)
{
    job->is_done = true;
    if (call->status == APR_SUCCESS || status == APR_TIMEUP ||
        (status == APR_ECONNRESET && call->status != APR_TIMEUP)) {
        call->status = status;
    }
}

/* Who is asked: for an ASK who was named, else who has the slot. */
static void choose(call_t *call, job_t *job)
{
    if (job->is_asking) {
        return;
    }
    job->node = job->slot < 0 ? cg_cluster_any(call->store, call->err)
                              : cg_cluster_owner(call->store, job->slot);
}

static batch_t *batch_of(call_t *call, cg_node_t *node)
{
    for (int i = 0; i < call->batches_count; i++) {
        if (call->batches[i].node == node) {
            return &call->batches[i];
        }
    }
    batch_t *batch = &call->batches[call->batches_count++];
    *batch = (batch_t){.node = node};
    return batch;
}

static void open_batch(call_t *call, batch_t *batch)
{
    apr_time_t now = cg_clock_monotonic();
    if (!cg_breaker_may_try(&batch->node->breaker, now)) {
        cg_error_set(call->err, "the store at %s is away; not asked again yet",
                     batch->node->where);
        batch->status = APR_EAGAIN;
        return;
    }
    batch->status =
        cg_node_take(batch->node, &batch->slot, &batch->is_used, call->err);
    if (batch->status != APR_SUCCESS && batch->status != APR_EBUSY) {
        cg_breaker_failed(&batch->node->breaker, now);
    }
}

static void send_batch(call_t *call, batch_t *batch)
{
    static const cg_str_t asking = {"ASKING", 6};
    static const cg_store_command_t ask = {&asking, 1};
    for (size_t i = 0; i < call->count; i++) {
        job_t *job = &call->jobs[i];
        if (job->is_done || job->node != batch->node) {
            continue;
        }
        if (job->is_asking) {
            cg_connection_add(&batch->slot->connection, &ask, call->pool);
        }
        cg_connection_add(&batch->slot->connection, job->command, call->pool);
    }
    batch->is_sent = true;
    batch->status = cg_connection_flush(&batch->slot->connection);
    if (batch->status != APR_SUCCESS) {
        cg_error_set(call->err, "the store at %s: cut under a command",
                     batch->node->where);
    }
}

/* Opens and sends all before the first is read: the nodes work side by side. */
static void send_all(call_t *call)
{
    call->batches_count = 0;
    for (size_t i = 0; i < call->count; i++) {
        if (!call->jobs[i].is_done) {
            choose(call, &call->jobs[i]);
        }
        if (!call->jobs[i].is_done && call->jobs[i].node) {
            batch_of(call, call->jobs[i].node);
        }
        else if (!call->jobs[i].is_done) {
            cg_error_set(call->err, "the store at %s: nobody has slot %d",
                         cg_store_where(call->store), call->jobs[i].slot);
        }
    }
    for (int i = 0; i < call->batches_count; i++) {
        batch_t *batch = &call->batches[i];
        open_batch(call, batch);
        if (batch->status == APR_SUCCESS) {
            send_batch(call, batch);
        }
    }
}

/* ---- answers ----------------------------------------------------------- */

/* "MOVED 3999 10.0.0.7:6381", "ASK 3999 10.0.0.7:6381"; no host: the same. */
static cg_node_t *node_named(const call_t *call, const job_t *job)
{
    const char *words = job->out->text.ptr;
    const char *colon = strrchr(words, ':');
    const char *blank = strrchr(words, ' ');
    int64_t port;
    if (!colon || !blank || colon < blank ||
        !cg_parse_count(cg_str(colon + 1), &port) || port < 1 || port > 65535) {
        return NULL;
    }
    cg_store_address_t address = {
        .host = apr_pstrmemdup(call->pool, blank + 1,
                               (apr_size_t)(colon - blank - 1)),
        .port = (int)port};
    if (!address.host[0]) {
        address.host = job->node->host;
    }
    apr_thread_mutex_lock(call->store->lock);
    cg_node_t *node = cg_store_node(call->store, &address);
    apr_thread_mutex_unlock(call->store->lock);
    return node;
}

static void redirect(call_t *call, job_t *job, bool is_ask)
{
    cg_node_t *node = node_named(call, job);
    if (!node) {
        cg_error_set(call->err, "the store at %s: %.120s leads nowhere",
                     job->node->where, job->out->text.ptr);
        fail(call, job, APR_EGENERAL);
        return;
    }
    job->node = node;
    job->is_asking = is_ask;
    if (!is_ask) {
        cg_cluster_moved(call->store, job->slot, node);
    }
}

/* The slot is on its way, and this cannot be done before it has arrived. A script
 * may touch keys that it does not name, such as the counters of a hold. Sent on to
 * the node that will have the slot (ASK) it would not see those that are still
 * behind, and make them anew: two counters, of which one is lost. Where the slot
 * comes from, the store itself ends a script that misses a key. */
static bool is_half_moved(const job_t *job)
{
    const cg_reply_t *reply = job->out;
    bool is_script = cg_str_has_prefix(job->command->argv[0], "EVAL");
    return cg_store_has_code(reply, "TRYAGAIN") ||
           (is_script && (cg_store_has_code(reply, "ASK") ||
                          (reply->kind == CG_REPLY_ERROR &&
                           strstr(reply->text.ptr, "non local key"))));
}

/* An answer that is none: somewhere else, later, or not at all. */
static void judge(call_t *call, job_t *job)
{
    const cg_reply_t *reply = job->out;
    job->is_asking = false;
    if (is_half_moved(job)) {
        cg_error_set(call->err,
                     "the store at %s: keys are being moved to "
                     "another node",
                     job->node->where);
        call->must_wait = true;
        return;
    }
    if (cg_store_has_code(reply, "MOVED") || cg_store_has_code(reply, "ASK")) {
        redirect(call, job, cg_store_has_code(reply, "ASK"));
        return;
    }
    if (!cg_store_is_away_reply(reply)) {
        job->is_done = true;
        return;
    }
    cg_error_set(call->err, "the store at %s cannot serve: %.120s",
                 job->node->where, reply->text.ptr);
    call->is_down = call->is_down || cg_store_has_code(reply, "CLUSTERDOWN");
    call->must_ask = true;
    fail(call, job, APR_EGENERAL);
}

static apr_status_t read_job(call_t *call, const batch_t *batch, job_t *job)
{
    cg_connection_t *connection = &batch->slot->connection;
    cg_reply_t ignored;
    apr_status_t rv = APR_SUCCESS;
    if (job->is_asking) {
        rv = cg_connection_read(connection, &ignored, batch->node->where,
                                call->err, call->pool);
    }
    return rv == APR_SUCCESS
               ? cg_connection_read(connection, job->out, batch->node->where,
                                    call->err, call->pool)
               : rv;
}

/* A batch without answers: from the first command that has none. */
static void lose(call_t *call, batch_t *batch, job_t *job)
{
    bool may_again = batch->status != APR_TIMEUP && call->losses < 2 &&
                     (!batch->is_sent ||
                      (batch->is_used && cg_store_are_safe(job->command, 1)));
    *job->out = (cg_reply_t){.kind = CG_REPLY_NIL};
    job->was_sent = job->was_sent || batch->is_sent;
    job->is_asking = false;
    if (!may_again) {
        fail(call, job,
             job->was_sent && batch->status != APR_TIMEUP ? APR_ECONNRESET
                                                          : batch->status);
    }
}

static void read_batch(call_t *call, batch_t *batch)
{
    bool was_open = batch->is_sent;
    for (size_t i = 0; i < call->count; i++) {
        job_t *job = &call->jobs[i];
        if (job->is_done || job->node != batch->node) {
            continue;
        }
        if (batch->status == APR_SUCCESS) {
            batch->status = read_job(call, batch, job);
        }
        if (batch->status != APR_SUCCESS) {
            lose(call, batch, job);
        }
    }
    if (!was_open) {
        call->must_ask = true;
        return;
    }
    bool is_good = batch->status == APR_SUCCESS;
    cg_node_give_back(batch->node, batch->slot, is_good);
    call->must_ask = call->must_ask || !is_good;
    if (is_good) {
        cg_breaker_succeeded(&batch->node->breaker);
    }
    else {
        cg_breaker_failed(&batch->node->breaker, cg_clock_monotonic());
    }
}

/* Jobs change their node when they are judged; so all are read before any is. */
static void read_all(call_t *call)
{
    bool is_lost = false;
    for (int i = 0; i < call->batches_count; i++) {
        read_batch(call, &call->batches[i]);
        is_lost = is_lost || call->batches[i].status != APR_SUCCESS;
    }
    for (size_t i = 0; i < call->count; i++) {
        job_t *job = &call->jobs[i];
        const batch_t *batch =
            job->is_done || !job->node ? NULL : batch_of(call, job->node);
        if (batch && batch->status == APR_SUCCESS) {
            judge(call, job);
        }
    }
    call->losses += is_lost;
}

/* ---- rounds ------------------------------------------------------------ */

static bool has_work(const call_t *call)
{
    for (size_t i = 0; i < call->count; i++) {
        if (!call->jobs[i].is_done) {
            return true;
        }
    }
    return false;
}

static void give_up(call_t *call)
{
    for (size_t i = 0; i < call->count; i++) {
        job_t *job = &call->jobs[i];
        if (!job->is_done) {
            fail(call, job, job->was_sent ? APR_ECONNRESET : APR_EGENERAL);
        }
    }
}

/* Waits for keys on their way; longer each time, and not all in step. */
static void pause_for(call_t *call, int round)
{
    apr_time_t now = cg_clock_monotonic();
    apr_time_t span = WAIT_FIRST << (round < 4 ? round : 4);
    span = span < WAIT_MOST ? span : WAIT_MOST;
    span += now % (span / 2 + 1);
    if (now + span > call->until) {
        span = call->until > now ? call->until - now : 0;
    }
    apr_sleep(span);
}

static void prepare(call_t *call, int round)
{
    if (call->must_wait) {
        pause_for(call, round);
    }
    bool knows_all = true;
    for (size_t i = 0; i < call->count && knows_all; i++) {
        const job_t *job = &call->jobs[i];
        knows_all = job->is_done || job->is_asking || job->slot < 0 ||
                    cg_cluster_owner(call->store, job->slot);
    }
    if (call->must_ask || !knows_all) {
        apr_time_t since = round ? cg_clock_monotonic() : call->began;
        cg_cluster_ask(call->store, since, call->err);
    }
    call->must_wait = false;
    call->must_ask = false;
}

static void run(call_t *call)
{
    for (int round = 0; round < ROUNDS_MAX && has_work(call); round++) {
        if (round && cg_clock_monotonic() >= call->until) {
            break;
        }
        prepare(call, round);
        send_all(call);
        read_all(call);
        if (call->batches_count == 0) {
            break; /* nobody is known */
        }
    }
    give_up(call);
}

/* ---- a pipeline -------------------------------------------------------- */

static void begin_job(call_t *call, job_t *job)
{
    static const char refused[] =
        "ERR a cluster cannot be asked this; ask its nodes";
    int slot;
    switch (cg_slots_target(job->command, &slot)) {
    case CG_SLOTS_KEY:
        job->slot = slot;
        break;
    case CG_SLOTS_ANY:
        job->slot = -1;
        break;
    case CG_SLOTS_NONE:
        *job->out = (cg_reply_t){.kind = CG_REPLY_ERROR,
                                 .text = {refused, sizeof refused - 1}};
        job->is_done = true;
        break;
    case CG_SLOTS_EVERY: {
        apr_status_t rv = cg_cluster_every(call->store, job->command, job->out,
                                           call->err, call->pool);
        job->is_done = true;
        if (rv != APR_SUCCESS) {
            fail(call, job, rv);
        }
    }
    }
}

apr_status_t cg_cluster_pipeline(cg_store_t *store,
                                 const cg_store_command_t *commands,
                                 size_t count, cg_reply_t *out, cg_error_t *err,
                                 apr_pool_t *pool)
{
    call_t call = {.store = store,
                   .count = count,
                   .began = cg_clock_monotonic(),
                   .err = err,
                   .pool = pool};
    call.until = call.began + PATIENCE * store->operation_for;
    cg_error_set(err, "the store at %s does not answer", cg_store_where(store));
    call.jobs = apr_pcalloc(pool, count * sizeof *call.jobs);
    call.batches = apr_palloc(pool, count * sizeof *call.batches);
    for (size_t i = 0; i < count; i++) {
        out[i] = (cg_reply_t){.kind = CG_REPLY_NIL};
        call.jobs[i].command = &commands[i];
        call.jobs[i].out = &out[i];
        begin_job(&call, &call.jobs[i]);
    }
    run(&call);
    if (call.status == APR_SUCCESS) {
        cg_breaker_succeeded(store->breaker);
    }
    else if (call.is_down || !cg_cluster_is_reached(store)) {
        cg_breaker_failed(store->breaker, cg_clock_monotonic());
    }
    return call.status;
}
