/* The numbers we publish: one row per metric family, and where they are
 * counted. SPDX-License-Identifier: Apache-2.0
 *
 * All numbers are 64-bit words in memory shared by every child, moved by atomic
 * adds; nobody takes a lock and a child that dies mid-way harms nothing. Each
 * label takes its values from a closed set: either fixed below, or names given
 * at attach time. A value that is in no set counts as "other", so a caller can
 * never make the memory or the page grow.
 *
 * The names stand in the shared memory too, beside the numbers, and are only
 * ever added. So a graceful restart with another list of models keeps every
 * number, and children of the old generation go on counting in the right place.
 */
#ifndef CG_METER_METRICS_H
#define CG_METER_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "base/text.h"

/* Label sets: id, label as published, most values besides "other" (0: as many
 * as the models given to cg_meter_bytes). */
// clang-format off
#define CG_METER_LABELS(X)              \
    X(NONE,      "",          0)        \
    X(ENDPOINT,  "endpoint",  16)       \
    X(MODEL,     "model",     0)        \
    X(STATUS,    "status",    32)       \
    X(REASON,    "reason",    96)       \
    X(FINDING,   "type",      96)       \
    X(DIRECTION, "direction", 4)        \
    X(ACTION,    "action",    8)        \
    X(UPSTREAM,  "upstream",  64)       \
    X(OUTCOME,   "outcome",   16)       \
    X(OPERATION, "operation", 32)       \
    X(MODE,      "mode",      8)        \
    X(RESULT,    "result",    4)        \
    X(ALERT,     "kind",      8)

/* Families: id, name, kind, up to three labels, scale (a published number is
 * the word divided by 10 to the scale), help. To add a metric: a row here and
 * whoever counts it. */
#define CG_METRICS(X)                                                          \
    X(REQUESTS,          "chatgpt_requests_total",             COUNTER,        \
      ENDPOINT, MODEL, STATUS,        0, "Requests answered.")                 \
    X(TOKENS,            "chatgpt_tokens_total",               COUNTER,        \
      MODEL, DIRECTION, NONE,         0, "Tokens charged.")                    \
    X(COST,              "chatgpt_cost_dollars_total",         COUNTER,        \
      MODEL, NONE, NONE,              6, "Cost charged, in US dollars.")       \
    X(REFUSED,           "chatgpt_refused_total",              COUNTER,        \
      REASON, NONE, NONE,             0, "Requests refused by the gateway.")   \
    X(FINDINGS,          "chatgpt_findings_total",             COUNTER,        \
      FINDING, DIRECTION, ACTION,     0, "Secrets and personal data found.")   \
    X(REQUEST_DURATION,  "chatgpt_request_duration_seconds",   HISTOGRAM,      \
      ENDPOINT, NONE, NONE,           6, "First byte in to last byte out.")    \
    X(UPSTREAM_DURATION, "chatgpt_upstream_duration_seconds",  HISTOGRAM,      \
      MODEL, NONE, NONE,              6, "Time the upstream took to answer.")  \
    X(FIRST_TOKEN,       "chatgpt_time_to_first_token_seconds", HISTOGRAM,     \
      MODEL, NONE, NONE,              6, "Wait for the first byte of an answer.") \
    X(UPSTREAM_ATTEMPTS, "chatgpt_upstream_attempts_total",    COUNTER,        \
      UPSTREAM, OUTCOME, NONE,        0, "Attempts at an upstream account.")   \
    X(LIMITS_LOCAL,      "chatgpt_limits_local_total",         COUNTER,        \
      MODE, NONE, NONE,               0, "Limits decided without the store.")  \
    X(STORE_ERRORS,      "chatgpt_store_errors_total",         COUNTER,        \
      OPERATION, NONE, NONE,          0, "Failed operations of the store.")    \
    X(STORE_UP,          "chatgpt_store_up",                   GAUGE,          \
      NONE, NONE, NONE,               0, "1 while the store answers.")         \
    X(JOURNAL_ERRORS,    "chatgpt_journal_errors_total",       COUNTER,        \
      NONE, NONE, NONE,               0, "Audit records the journal failed to take.") \
    X(JOURNAL_SKIPPED,   "chatgpt_journal_skipped_total",      COUNTER,        \
      NONE, NONE, NONE,               0, "Damaged places the shipper passed over.") \
    X(JOURNAL_BYTES,     "chatgpt_journal_backlog_bytes",      GAUGE,          \
      NONE, NONE, NONE,               0, "Journal not yet shipped.")           \
    X(JOURNAL_RECORDS,   "chatgpt_journal_backlog_records",    GAUGE,          \
      NONE, NONE, NONE,               0, "Records not yet shipped, estimated.") \
    X(REDACT_CACHE,      "chatgpt_redact_cache_total",         COUNTER,        \
      RESULT, NONE, NONE,             0, "Texts looked up in the memory of scanned texts.") \
    X(DETECTOR,          "chatgpt_detector_requests_total",    COUNTER,        \
      OUTCOME, NONE, NONE,            0, "Requests to the external detector.") \
    X(KEYS_EXPIRING,     "chatgpt_keys_expiring",              GAUGE,          \
      NONE, NONE, NONE,               0, "API keys that end within 14 days.")  \
    X(CREDENTIALS_TROUBLED, "chatgpt_credentials_troubled",    GAUGE,          \
      NONE, NONE, NONE,               0, "Stored credentials of upstreams that the store does not have or that do not open.") \
    X(STREAMS_OPEN,      "chatgpt_streams_open",               GAUGE,          \
      NONE, NONE, NONE,               0, "Streamed answers in progress.")      \
    X(ALERTS,            "chatgpt_alerts_total",               COUNTER,        \
      ALERT, NONE, NONE,              0, "Alerts raised by this server.")      \
    X(ALERTS_SENT,       "chatgpt_alert_deliveries_total",     COUNTER,        \
      OUTCOME, NONE, NONE,            0, "Tries to send an alert by webhook or mail.") \
    X(ALERTS_WAITING,    "chatgpt_alerts_waiting",             GAUGE,          \
      NONE, NONE, NONE,               0, "Alerts that wait to be sent.")       \
    X(ALERTS_DEAD,       "chatgpt_alerts_dead",                GAUGE,          \
      NONE, NONE, NONE,               0, "Alerts that were given up.")         \
    X(POLICY_VERSION,    "chatgpt_policy_version",             GAUGE,          \
      NONE, NONE, NONE,               0, "Version of the published policy in force here; 0: none.") \
    X(POLICY_AT,         "chatgpt_policy_published_timestamp_seconds", GAUGE,  \
      NONE, NONE, NONE,               6, "When that version was published.")
// clang-format on

typedef enum cg_meter_label_t {
#define CG_METER_LABEL_ENUM(id, name, most) CG_METER_##id,
    CG_METER_LABELS(CG_METER_LABEL_ENUM)
#undef CG_METER_LABEL_ENUM
        CG_METER_LABEL_COUNT
} cg_meter_label_t;

typedef enum cg_metric_t {
#define CG_METRIC_ENUM(id, name, kind, a, b, c, scale, help) CG_METRIC_##id,
    CG_METRICS(CG_METRIC_ENUM)
#undef CG_METRIC_ENUM
        CG_METRIC_COUNT
} cg_metric_t;

/* The names an administrator or another room decides on; each array of count
 * strings is only read during the attach. Names are cut at 95 bytes. */
typedef struct cg_meter_names_t {
    const char *const *endpoints;
    size_t endpoints_count;
    const char *const *models;
    size_t models_count;
    const char *const *reasons;
    size_t reasons_count;
    const char *const *findings; /* types of finding, own rules included */
    size_t findings_count;
    const char *const *upstreams;
    size_t upstreams_count;
    const char *const *operations; /* of the store */
    size_t operations_count;
} cg_meter_names_t;

/* How often one thing was found in one direction, and what was done about it.
 * direction: request, answer · action: mask, block, log. Borrowed strings. */
typedef struct cg_meter_finding_t {
    const char *type;
    const char *direction;
    const char *action;
    uint32_t count;
} cg_meter_finding_t;

/* lives in: the caller; everything borrowed and read during the call only */
typedef struct cg_meter_sample_t {
    const char *endpoint; /* NULL or unknown: other */
    cg_str_t model;       /* asked; empty or unknown: other */
    int status;           /* the caller saw it */
    const char *reason;   /* code of the refusal; "" or NULL: not refused */
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cost_micros;
    const cg_meter_finding_t *findings;
    size_t findings_count;
    apr_time_t took;            /* whole request */
    apr_time_t upstream_took;   /* 0: no upstream was asked */
    apr_time_t first_byte_took; /* 0: no answer began */
} cg_meter_sample_t;

/* Totals for the lines in mod_status and the overview of the console. */
typedef struct cg_meter_summary_t {
    int64_t requests;
    int64_t refused;
    int64_t failed; /* status 500 and above */
    int64_t findings;
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cost_micros;
    int64_t streams_open;
    int64_t store_errors;
    int64_t journal_errors;
    int64_t journal_backlog_bytes;
    int64_t journal_backlog_records;
    bool is_store_up;
} cg_meter_summary_t;

/* lives in: the pool given to attach; usable by any thread and, inherited, by
 * every child */
typedef struct cg_meter_t cg_meter_t;

/* Shared memory that cg_meter_attach will need. Leave room in models_max for
 * models that a later configuration adds. */
size_t cg_meter_bytes(size_t models_max);
/* Lays the meter over zeroed memory, or takes up what an earlier attach left
 * (memory laid out for another models_max or version is cleared first). Names
 * beyond a set's room count as "other". Keeps memory; copies names. */
cg_meter_t *cg_meter_attach(void *memory, size_t models_max,
                            const cg_meter_names_t *names, apr_pool_t *pool);
/* Says which process this is, so that its open streams vanish with it. Once per
 * child, before its first stream; without it they are counted all the same but
 * stay counted when the process dies. */
void cg_meter_join(cg_meter_t *meter);
/* Gives the place back at an orderly end. */
void cg_meter_leave(cg_meter_t *meter);

/* Everything about one finished request, in one call. */
void cg_meter_request(cg_meter_t *meter, const cg_meter_sample_t *sample);

void cg_meter_stream_open(cg_meter_t *meter);
void cg_meter_stream_close(cg_meter_t *meter);
/* outcome: ok, error, timeout, refused, aborted, retried, skipped */
void cg_meter_attempt(cg_meter_t *meter, const char *upstream,
                      const char *outcome);
/* mode: closed, local, open */
void cg_meter_limit_local(cg_meter_t *meter, const char *mode);
void cg_meter_redact_cache(cg_meter_t *meter, int64_t hits, int64_t misses);
/* outcome: ok, error, timeout, skipped */
void cg_meter_detector(cg_meter_t *meter, const char *outcome);
void cg_meter_store_error(cg_meter_t *meter, const char *operation);
void cg_meter_store_up(cg_meter_t *meter, bool is_up);
void cg_meter_keys_expiring(cg_meter_t *meter, int64_t keys);
void cg_meter_credentials(cg_meter_t *meter, int64_t troubled);
/* kind: a name of cg_alert_kind_name; outcome: ok, retried, error (given up) */
void cg_meter_alert(cg_meter_t *meter, const char *kind);
void cg_meter_alert_sent(cg_meter_t *meter, const char *outcome);
void cg_meter_alerts(cg_meter_t *meter, int64_t waiting, int64_t dead);
/* The published policy that is in force on this server. */
void cg_meter_policy(cg_meter_t *meter, int64_t version, int64_t published_at);
void cg_meter_journal_error(cg_meter_t *meter);
void cg_meter_journal_skipped(cg_meter_t *meter, int64_t places);
void cg_meter_journal_backlog(cg_meter_t *meter, int64_t bytes,
                              int64_t records);

void cg_meter_summary(const cg_meter_t *meter, cg_meter_summary_t *out);

/* One published number, for expose.c and tests. labels are in the order of the
 * row, NULL for NONE; 0 for a series that was never counted. */
int64_t cg_meter_value(const cg_meter_t *meter, cg_metric_t metric,
                       const char *a, const char *b, const char *c);

#endif
