/* What the ledger's own files share. For the files
 * ledger*.c only.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_AUDIT_LEDGER_INT_H
#define CG_AUDIT_LEDGER_INT_H

#include "audit/ledger.h"

/* The sums kept per minute and per hour; the order of the columns of a chart.
 */
// clang-format off
#define CG_LEDGER_SUMS(X)   \
    X(REQUESTS,      "requests")      \
    X(SERVED,        "served")        \
    X(REFUSED,       "refused")       \
    X(FAILED,        "failed")        \
    X(ABORTED,       "aborted")       \
    X(INPUT_TOKENS,  "input_tokens")  \
    X(OUTPUT_TOKENS, "output_tokens") \
    X(COST_MICROS,   "cost_micros")   \
    X(FINDINGS,      "findings")
// clang-format on

typedef enum cg_ledger_sum_t {
#define CG_LEDGER_SUM_ENUM(id, name) CG_LEDGER_SUM_##id,
    CG_LEDGER_SUMS(CG_LEDGER_SUM_ENUM)
#undef CG_LEDGER_SUM_ENUM
        CG_LEDGER_SUM_COUNT
} cg_ledger_sum_t;

extern const char *const cg_ledger_sums[CG_LEDGER_SUM_COUNT];

typedef struct cg_ledger_step_t {
    const char *name; /* in the key */
    int64_t seconds;
    int64_t kept_for_seconds;
} cg_ledger_step_t;

enum { CG_LEDGER_MINUTE, CG_LEDGER_HOUR, CG_LEDGER_STEP_COUNT };
extern const cg_ledger_step_t cg_ledger_steps[CG_LEDGER_STEP_COUNT];

struct cg_ledger_t {
    cg_store_t *store;
    const char *node; /* NULL for one who only reads */
    int64_t records_max;
    bool is_synced;            /* the reader stands right behind top */
    cg_journal_position_t top; /* of this node's stream */
    cg_script_t script;
    cg_script_t expire;
};

/* Key of the hash that holds the sums of the bucket with this moment in it. */
cg_str_t cg_ledger_stats_key(int step, int64_t at_seconds, apr_pool_t *pool);
cg_str_t cg_ledger_stream_key(cg_str_t node, apr_pool_t *pool);
/* The list of a node's records that are kept this long, and its name. */
cg_str_t cg_ledger_keep_key(cg_str_t node, cg_str_t seconds, apr_pool_t *pool);
cg_str_t cg_ledger_keep_name(cg_str_t node, cg_str_t seconds, apr_pool_t *pool);
/* "<segment>-<offset>" and back; false for anything else. */
cg_str_t cg_ledger_id(cg_journal_position_t position, apr_pool_t *pool);
bool cg_ledger_id_parse(cg_str_t text, cg_journal_position_t *out);
int cg_ledger_id_compare(cg_journal_position_t a, cg_journal_position_t b);
bool cg_ledger_is_node(cg_str_t node);
/* A call whose refusal by the store is an error too. */
apr_status_t cg_ledger_call(cg_ledger_t *ledger, const cg_str_t *argv,
                            size_t argc, cg_reply_t *out, cg_error_t *err,
                            apr_pool_t *pool);

/* ---- reading several streams as one (ledger_scan.c) ------------------------
 */

typedef struct cg_line_t {
    cg_journal_position_t position;
    apr_time_t at;
    apr_time_t ended; /* the moment of recording */
    apr_time_t until; /* when it expires; 0: not by time */
    cg_str_t json;
} cg_line_t;

/* lives in: the pool of one call · one node's stream */
typedef struct cg_lane_t {
    cg_str_t node;
    cg_str_t key;
    cg_journal_position_t next; /* first id not yet fetched, inclusive */
    cg_journal_position_t seen; /* last id taken */
    bool is_done;
    size_t piece; /* entries to ask for at once */
    cg_line_t *lines;
    size_t at;
    size_t count;
    apr_pool_t *pool; /* of the piece */
} cg_lane_t;

/* lives in: the pool of one call */
typedef struct cg_scan_t {
    cg_ledger_t *ledger;
    bool is_forward; /* oldest first */
    cg_lane_t *lanes;
    size_t lanes_count;
    apr_time_t stop_at; /* forward: ends after; else: ends before; 0: never */
    apr_time_t now;     /* what has expired by then is not there */
    size_t seen;        /* records and bytes taken */
    size_t seen_bytes;
    apr_pool_t *scratch; /* for one record, cleared by whoever uses it */
    apr_pool_t *pool;
} cg_scan_t;

cg_scan_t *cg_scan_new(cg_ledger_t *ledger, bool is_forward, apr_pool_t *pool);
/* A lane that begins at next (inclusive). */
void cg_scan_add(cg_scan_t *scan, cg_str_t node, cg_journal_position_t next);
/* A lane for every node, from its first or last record on. */
apr_status_t cg_scan_add_all(cg_scan_t *scan, cg_error_t *err);
/* Sets all lanes to what was recorded at or after (backward: before) ended. */
apr_status_t cg_scan_seek(cg_scan_t *scan, apr_time_t ended, cg_error_t *err);
/* The lane whose head comes next; NULL at the end. */
apr_status_t cg_scan_pick(cg_scan_t *scan, cg_lane_t **out, cg_error_t *err);
/* Takes the head of a lane that was picked; valid until the next pick. */
const cg_line_t *cg_scan_take(cg_scan_t *scan, cg_lane_t *lane);
/* Entries of one lane from an id on, and reading one of them. */
apr_status_t cg_scan_ask(cg_scan_t *scan, const cg_lane_t *lane,
                         cg_journal_position_t from, size_t most,
                         cg_reply_t *out, cg_error_t *err, apr_pool_t *pool);
bool cg_scan_read(const cg_reply_t *reply, cg_line_t *out);
bool cg_scan_is_over(const cg_scan_t *scan, const cg_line_t *line);
/* The place of a backward scan after a pick, as text; and back, false for a
 * text that is none. */
const char *cg_scan_cursor(const cg_scan_t *scan);
bool cg_scan_resume(cg_scan_t *scan, const char *cursor);

/* ---- ledger_filter.c -------------------------------------------------------
 */

/* Is it a sound record that the filter wants? pool is scratch. */
bool cg_filter_matches(const cg_line_t *line, const cg_ledger_filter_t *filter,
                       apr_pool_t *pool);

#endif
