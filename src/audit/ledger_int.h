/* What the ledger's own files share. For ledger.c, ledger_read.c and
 * ledger_stats.c only.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_AUDIT_LEDGER_INT_H
#define CG_AUDIT_LEDGER_INT_H

#include "audit/ledger.h"

/* The sums kept per minute and per hour; the order of the columns of a chart. */
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
};

/* Key of the hash that holds the sums of the bucket with this moment in it. */
cg_str_t cg_ledger_stats_key(int step, int64_t at_seconds, apr_pool_t *pool);
cg_str_t cg_ledger_stream_key(cg_str_t node, apr_pool_t *pool);
/* "<segment>-<offset>" and back; false for anything else. */
cg_str_t cg_ledger_id(cg_journal_position_t position, apr_pool_t *pool);
bool cg_ledger_id_parse(cg_str_t text, cg_journal_position_t *out);
/* A call whose refusal by the store is an error too. */
apr_status_t cg_ledger_call(cg_ledger_t *ledger, const cg_str_t *argv,
                            size_t argc, cg_reply_t *out, cg_error_t *err,
                            apr_pool_t *pool);

#endif
