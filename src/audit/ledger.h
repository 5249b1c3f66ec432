/* The ledger that keeps the audit records: a stream per server in the store.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   cg:{audit}:nodes                 set of nodes (random names of servers)
 *   cg:{audit}:stream:<node>         entries  at, end, record, until or none
 *   cg:{audit}:keep:<node>:<seconds> list of entries that are kept so long
 *   cg:{audit}:keeps                 set of these lists
 *   cg:{audit}:stats:minute:<epoch>  hash of sums, 3 days
 *   cg:{audit}:stats:hour:<epoch>    hash of sums, 100 days
 *
 * The id of a stream entry is the record's place in the journal,
 * "<segment>-<offset>". So the top of the stream is the shipper's cursor, and
 * there is no other: a batch is added only if the top is what the shipper
 * believes, in one script, together with its statistics. Whatever dies between
 * two steps, a record is neither lost nor there twice; a store that lost its
 * newest writes is given them again as long as the journal has them.
 *
 * Lists are merged over all nodes in the order of recording (the moment a
 * request ended), which differs from the order of "at" by the length of the
 * requests.
 */
#ifndef CG_AUDIT_LEDGER_H
#define CG_AUDIT_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_time.h>

#include "audit/journal.h"
#include "base/error.h"
#include "base/text.h"
#include "store/store.h"

/* lives in: the pool given to open · one thread at a time */
typedef struct cg_ledger_t cg_ledger_t;

/* node is this server's (cg_journal_node), or NULL for one who only reads.
 * records_max bounds each stream, approximately; the oldest go first; 0: no
 * bound. Makes no call. Keeps store. */
apr_status_t cg_ledger_open(cg_ledger_t **out, cg_store_t *store,
                            const char *node, int64_t records_max,
                            apr_pool_t *pool);

/* Called for each entry before its batch is marked as shipped, then once with
 * NULL for the batch, so that its work can be done in one go; and again should
 * the batch have to be sent again: what it does must bear repeating. A failure
 * stops the step with that status; nothing of the batch is marked. */
typedef apr_status_t (*cg_ledger_on_entry)(void *baton,
                                           const cg_journal_entry_t *entry);

/* One bounded step: at most batch records and about 128 KiB move from the reader
 * into this node's stream. out_shipped 0 and success: nothing was waiting.
 * Only the process that leads may call it. pool is scratch. */
apr_status_t cg_ledger_ship(cg_ledger_t *ledger, cg_journal_reader_t *reader,
                            size_t batch, size_t *out_shipped,
                            cg_ledger_on_entry on_entry, void *baton,
                            cg_error_t *err, apr_pool_t *pool);

/* Removes records that have outlived their keep, of this node or of all, in
 * batches of some thousands at most; what is left goes the next time. Until it is
 * gone it is not shown. Every leader may do it for all nodes: it bears repeating,
 * and a server that is gone for good has nobody else. */
apr_status_t cg_ledger_expire(cg_ledger_t *ledger, apr_time_t now,
                              bool is_of_all, size_t *out_removed,
                              cg_error_t *err, apr_pool_t *pool);

#define CG_LEDGER_LIMIT_MAX 500
#define CG_LEDGER_SCAN_MAX 20000 /* records looked at in one call */

/* NULL, "" or 0: any. Words must match whole, ASCII case apart. */
typedef struct cg_ledger_filter_t {
    apr_time_t from; /* at >= from */
    apr_time_t to;   /* at < to */
    const char *key; /* id or name */
    const char *team;
    const char *user;
    const char *model; /* asked or served */
    const char *decision;
    const char *reason;
    const char *endpoint;
    const char *finding; /* type of a finding */
    const char *q;       /* substring of any text in the record, no case */
    size_t limit;        /* 1 to CG_LEDGER_LIMIT_MAX; 0: 50 */
    const char *cursor;  /* from the call before; opaque */
} cg_ledger_filter_t;

/* Appends a JSON array of records, newest first, each with one more member
 * "position" that names it for good. *out_cursor is NULL at the end; else call
 * again with it, even if this page was short or empty: the scan is bounded.
 * Records that arrive meanwhile never move what a cursor points to. APR_EINVAL:
 * a cursor that is none. out and *out_cursor live in pool. */
apr_status_t cg_ledger_list(cg_ledger_t *ledger,
                            const cg_ledger_filter_t *filter, cg_buf_t *out,
                            const char **out_cursor, cg_error_t *err,
                            apr_pool_t *pool);

/* One record, by its position or by the id of its request (the newest, should a
 * caller have used an id twice). APR_NOTFOUND: not there (any more). An id that
 * is no UUIDv7 tells no time, so only the newest 200,000 records are searched.
 */
apr_status_t cg_ledger_get(cg_ledger_t *ledger, const char *id,
                           cg_str_t *out_json, cg_error_t *err,
                           apr_pool_t *pool);

/* Every record that matches, oldest first, one JSON line (without line end) a
 * call; memory stays small whatever the number. filter->limit 0 is no limit;
 * cursor is ignored. A failure of on_line ends it with that status. */
apr_status_t
cg_ledger_export(cg_ledger_t *ledger, const cg_ledger_filter_t *filter,
                 apr_status_t (*on_line)(void *baton, cg_str_t json),
                 void *baton, cg_error_t *err, apr_pool_t *pool);

#define CG_LEDGER_POINTS_MAX 2500

/* Sums for charts, as columns of equal length:
 *   {"step":60,"at":[epoch seconds, …],"requests":[…],"served":[…],
 *    "refused":[…],"failed":[…],"aborted":[…],"input_tokens":[…],
 *    "output_tokens":[…],"cost_micros":[…],"findings":[…]}
 * step is in seconds: a multiple of 60 up to 1800 (kept 3 days), or of 3600
 * (kept 100 days). At most CG_LEDGER_POINTS_MAX stored buckets are read;
 * APR_EINVAL says what is wrong. Buckets are of the moment of recording. */
apr_status_t cg_ledger_stats(cg_ledger_t *ledger, apr_time_t from,
                             apr_time_t to, int64_t step, cg_buf_t *out,
                             cg_error_t *err, apr_pool_t *pool);

#endif
