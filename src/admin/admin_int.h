/* What the files of this room share; nobody else includes it but their tests.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A call becomes a cg_ask_t: its endpoint found, the operator's right to it
 * checked, parameters and body checked against the endpoint's tables. A handler
 * therefore starts with sound values and only does its one thing.
 */
#ifndef CG_ADMIN_INT_H
#define CG_ADMIN_INT_H

#include "admin/api.h"
#include "base/json.h"

#define CG_ADMIN_LIST_DEFAULT 50
#define CG_ADMIN_LIST_MAX 500
#define CG_ADMIN_NAME_CHARS_MAX 128
#define CG_ADMIN_ENDPOINT_NAME "admin" /* of an operator's records */
#define CG_ADMIN_SECRET_MEMBER "key"   /* of an answer, shown once */

/* ---- fields: what a body, a query or an answer consists of ------------- */

typedef enum cg_field_kind_t {
    CG_FIELD_TEXT,   /* any string; lengths in code points */
    CG_FIELD_NAME,   /* one line without control characters, not empty */
    CG_FIELD_TIME,   /* RFC 3339; kept in UTC */
    CG_FIELD_COUNT,  /* whole number */
    CG_FIELD_REAL,   /* number; answers only */
    CG_FIELD_BOOL,   /* true or false */
    CG_FIELD_NAMES,  /* array of names */
    CG_FIELD_LIMITS, /* array of limits of requests or tokens */
    CG_FIELD_BUDGET, /* a limit of USD a month */
    CG_FIELD_CURSOR, /* as an earlier answer gave it */
    CG_FIELD_OBJECT, /* of names the schema, NULL is any; the handler checks */
    CG_FIELD_ITEMS,  /* answers only: array of the schema named in of */
    CG_FIELD_COUNTS, /* answers only: array of whole numbers */
    CG_FIELD_TIMES,  /* answers only: array of times */
    CG_FIELD_ANY     /* answers only: any value */
} cg_field_kind_t;

/* One row; a table of them ends with a row without a name. */
typedef struct cg_field_t {
    const char *name;
    const char *words; /* for the OpenAPI document */
    cg_field_kind_t kind;
    bool is_required; /* answers: always there */
    bool is_nullable; /* null is a value: "none" */
    apr_int64_t max;  /* code points, elements, or the largest number */
    const char *const *choices; /* legal values, NULL at the end; or NULL */
    const char *of;
} cg_field_t;

typedef struct cg_schema_t {
    const char *name; /* in the OpenAPI document: "Key" */
    const char *words;
    const cg_field_t *fields;
} cg_schema_t;

/* ---- problems: why not ------------------------------------------------- */

/* Number, name for programs (end of the type's URI), status, title. */
// clang-format off
#define CG_PROBLEMS(X)                                                         \
    X(INVALID,       "invalid-request",    400, "The request is not valid")    \
    X(NOBODY,        "not-signed-in",      401, "Nobody is signed in")         \
    X(ROLE,          "role-required",      403, "The operator's roles do not allow this") \
    X(SECOND,        "second-person-required", 403, "Another person must decide this") \
    X(FORGED,        "cross-site",         403, "The request may come from another site's page") \
    X(PATH,          "unknown-path",       404, "There is no such endpoint")   \
    X(ABSENT,        "not-found",          404, "There is no such thing")      \
    X(METHOD,        "method-not-allowed", 405, "The endpoint has other methods") \
    X(BUSY,          "in-progress",        409, "A request with this Idempotency-Key is running") \
    X(CONFLICT,      "conflict",           409, "The thing's state does not allow this") \
    X(STALE,         "changed-meanwhile",  412, "Somebody changed it meanwhile") \
    X(SIZE,          "too-large",          413, "The body is too large")       \
    X(MEDIA,         "not-json",           415, "The body must be application/json") \
    X(REUSED,        "key-reused",         422, "The Idempotency-Key stood for another request") \
    X(UNCONDITIONAL, "if-match-required",  428, "A change must name the version it starts from") \
    X(UNRECORDED,    "not-recorded",       500, "The change could not be recorded") \
    X(INTERNAL,      "internal",           500, "Something failed in the server") \
    X(STORE,         "store-unavailable",  503, "The store does not answer")   \
    X(SERVICE,       "not-configured",     503, "The gateway runs without this part")
// clang-format on

typedef enum cg_problem_t {
#define CG_PROBLEM_ENUM(id, slug, status, title) CG_PROBLEM_##id,
    CG_PROBLEMS(CG_PROBLEM_ENUM)
#undef CG_PROBLEM_ENUM
        CG_PROBLEM_KINDS
} cg_problem_t;

typedef struct cg_problem_row_t {
    const char *slug;
    int status;
    const char *title;
} cg_problem_row_t;

extern const cg_problem_row_t cg_admin_problems[CG_PROBLEM_KINDS];

/* ---- endpoints --------------------------------------------------------- */

typedef struct cg_ask_t cg_ask_t;
typedef void (*cg_admin_handler_t)(cg_ask_t *ask);

typedef enum cg_admin_flag_t {
    CG_ADMIN_NEEDS_IF_MATCH = 1, /* 428 without it */
    CG_ADMIN_ONCE = 2,           /* takes Idempotency-Key */
    CG_ADMIN_IS_LIST = 4,        /* answers items and next_cursor */
    CG_ADMIN_IS_STREAM = 8,      /* answers JSON lines, piece by piece */
    CG_ADMIN_HAS_DOCUMENT = 16   /* its body may be larger */
} cg_admin_flag_t;

typedef struct cg_admin_endpoint_t {
    const char *method;
    const char *path;      /* "/keys/{id}" */
    const char *operation; /* "keys.update": id in OpenAPI, reason in records */
    unsigned roles;        /* any of these; admin always */
    cg_admin_handler_t handler;
    const char *summary;
    const cg_field_t *params; /* of the query; NULL: none */
    const cg_field_t *body;   /* NULL: none is read */
    const char *answer;       /* schema of the answer, or of an item */
    int status;               /* of success */
    unsigned flags;
} cg_admin_endpoint_t;

extern const cg_admin_endpoint_t cg_admin_endpoints[];
extern const size_t cg_admin_endpoints_count;
extern const cg_schema_t cg_admin_schemas[];
extern const size_t cg_admin_schemas_count;
/* Words of members that a parameter may ask for too; NULL at the end. */
extern const char *const cg_admin_key_states[];
extern const char *const cg_admin_steps[];
extern const char *const cg_admin_alert_kinds[];
extern const char *const cg_admin_deliveries[];

/* lives in: the call's pool · written by: api.c, before the handler runs */
struct cg_ask_t {
    const cg_admin_t *admin;
    const cg_admin_call_t *call;
    const cg_admin_endpoint_t *endpoint;
    const char *id;      /* {id} or {subject} of the path, decoded; NULL */
    const char *dimension; /* {dimension} of it; NULL */
    apr_table_t *params; /* decoded and checked */
    cg_json_t *body;     /* checked; NULL when the endpoint takes none */
    cg_json_t *errors;   /* array of {pointer, in, code, detail} */
    cg_str_t once; /* once.c: where the answer will be kept; empty: nowhere */
    cg_admin_reply_t *reply;
    apr_pool_t *pool;
};

/* ---- fields.c ---------------------------------------------------------- */

/* Adds one fault to ask->errors. in: "body", "query" or "header"; name becomes
 * the RFC 6901 pointer "/name" ("" is the whole). */
void cg_admin_fault(cg_ask_t *ask, const char *in, const char *pointer,
                    const char *code, const char *detail);
bool cg_admin_has_faults(const cg_ask_t *ask);
/* Fills ask->params and ask->body; faults tell what was wrong. */
void cg_admin_read_params(cg_ask_t *ask);
void cg_admin_read_body(cg_ask_t *ask);

const char *cg_admin_param(const cg_ask_t *ask, const char *name); /* or NULL */
/* The moment a time parameter names, else fallback. */
apr_time_t cg_admin_param_time(const cg_ask_t *ask, const char *name,
                               apr_time_t fallback);
size_t cg_admin_param_limit(const cg_ask_t *ask);
/* Decodes %XX (and + when is_query). NULL: bad escape, NUL, invalid UTF-8. */
const char *cg_admin_decode(cg_str_t raw, bool is_query, apr_pool_t *pool);

/* ---- reply.c ----------------------------------------------------------- */

void cg_admin_reply_init(cg_admin_reply_t *reply, apr_pool_t *pool);
void cg_admin_json(cg_ask_t *ask, int status, const cg_json_t *value);
/* {"items": items, "next_cursor": cursor or null}, 200. */
void cg_admin_list(cg_ask_t *ask, cg_json_t *items, const char *next_cursor);
/* The same from all items there are: takes the page that limit and cursor ask.
 * For lists that come from the configuration, which does not change meanwhile. */
void cg_admin_list_whole(cg_ask_t *ask, const cg_json_t *all);
/* RFC 9457; errors come from ask->errors. */
void cg_admin_problem(cg_ask_t *ask, cg_problem_t problem, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The store did not answer: 503 with Retry-After. */
void cg_admin_store_away(cg_ask_t *ask, const char *words);
/* 400 with the faults gathered so far. */
void cg_admin_refuse_faults(cg_ask_t *ask);
/* The same with the one fault that the cursor is none of ours. */
void cg_admin_refuse_cursor(cg_ask_t *ask);
void cg_admin_etag(cg_ask_t *ask, apr_int64_t version);
/* Sets a time member, or null for 0. */
void cg_admin_set_time(cg_json_t *object, const char *name, apr_time_t at);

/* What stands in the reply's buffer goes out, to a caller who takes pieces; else all
 * of it is kept. Worth a write from CG_ADMIN_PIECE_BYTES on. */
apr_status_t cg_admin_send_piece(cg_ask_t *ask);
#define CG_ADMIN_PIECE_BYTES ((size_t)32 * 1024)

const char *cg_admin_header(const cg_ask_t *ask,
                            const char *name); /* or NULL */

/* ---- guard.c: may this operator, and did they mean it? ------------------ */

/* Each answers the problem itself and returns false when the call must stop. */
bool cg_admin_is_known(cg_ask_t *ask);
bool cg_admin_is_allowed(cg_ask_t *ask);
bool cg_admin_is_meant(cg_ask_t *ask); /* not forged by another site's page */
bool cg_admin_has_if_match(cg_ask_t *ask);
/* If-Match against the version a thing has now; "*" matches any. */
bool cg_admin_is_current(cg_ask_t *ask, apr_int64_t version);

/* ---- once.c: Idempotency-Key ------------------------------------------- */

/* False when the call was answered from an earlier one (or refused). */
bool cg_admin_once_begin(cg_ask_t *ask);
/* Keeps the answer for 24 h without the member secret, or forgets a failure. */
void cg_admin_once_end(cg_ask_t *ask);

/* ---- change.c: what an operator did, for the ledger --------------------- */

/* Appends one record to the journal and gives its id; on failure the reply is a
 * problem already and the result NULL. change may be NULL. */
const char *cg_admin_record(cg_ask_t *ask, const char *decision, int status,
                            const char *subject, const cg_json_t *change);
/* {"field":{"before":…,"after":…}} of the members that differ. */
cg_json_t *cg_admin_difference(const cg_json_t *before, const cg_json_t *after,
                               apr_pool_t *pool);
/* Records a change of subject from before (NULL: there was nothing) to after, with
 * the reason that the body gives. As cg_admin_record. */
const char *cg_admin_record_change(cg_ask_t *ask, int status,
                                   const char *subject, const cg_json_t *before,
                                   const cg_json_t *after);

/* ---- handlers, one file per thing --------------------------------------- */

void cg_admin_session_get(cg_ask_t *ask);
void cg_admin_keys_list(cg_ask_t *ask);
void cg_admin_keys_create(cg_ask_t *ask);
void cg_admin_keys_get(cg_ask_t *ask);
void cg_admin_keys_update(cg_ask_t *ask);
void cg_admin_keys_rotate(cg_ask_t *ask);
void cg_admin_keys_revoke(cg_ask_t *ask);
void cg_admin_keys_end_grace(cg_ask_t *ask);
void cg_admin_keys_export(cg_ask_t *ask);
void cg_admin_keys_import(cg_ask_t *ask);
void cg_admin_signing_keys_list(cg_ask_t *ask);
void cg_admin_signing_keys_create(cg_ask_t *ask);
void cg_admin_signing_keys_get(cg_ask_t *ask);
void cg_admin_signing_keys_update(cg_ask_t *ask);
void cg_admin_signing_keys_revoke(cg_ask_t *ask);
void cg_admin_people_list(cg_ask_t *ask);
void cg_admin_teams_list(cg_ask_t *ask);
void cg_admin_limits_list(cg_ask_t *ask);
void cg_admin_limits_get(cg_ask_t *ask);
void cg_admin_limits_put(cg_ask_t *ask);
void cg_admin_limits_delete(cg_ask_t *ask);
void cg_admin_limits_try(cg_ask_t *ask);
void cg_admin_limits_export(cg_ask_t *ask);
void cg_admin_limits_import(cg_ask_t *ask);
void cg_admin_budgets_list(cg_ask_t *ask);
void cg_admin_alerts_list(cg_ask_t *ask);
void cg_admin_alerts_get(cg_ask_t *ask);
void cg_admin_alerts_acknowledge(cg_ask_t *ask);
void cg_admin_alerts_resend(cg_ask_t *ask);
void cg_admin_alert_ways_list(cg_ask_t *ask);
void cg_admin_alert_tests_create(cg_ask_t *ask);
void cg_admin_requests_list(cg_ask_t *ask);
void cg_admin_requests_get(cg_ask_t *ask);
void cg_admin_exports_get(cg_ask_t *ask);
void cg_admin_events_list(cg_ask_t *ask);
void cg_admin_events_get(cg_ask_t *ask);
void cg_admin_stats_get(cg_ask_t *ask);
void cg_admin_scan_text(cg_ask_t *ask);
void cg_admin_accounts_list(cg_ask_t *ask);
void cg_admin_issuers_list(cg_ask_t *ask);
void cg_admin_issuers_refresh(cg_ask_t *ask);
void cg_admin_token_checks_create(cg_ask_t *ask);
void cg_admin_credentials_list(cg_ask_t *ask);
void cg_admin_policies_list(cg_ask_t *ask);
void cg_admin_store_get(cg_ask_t *ask);
void cg_admin_policy_catalogue_get(cg_ask_t *ask);
void cg_admin_policy_checks_create(cg_ask_t *ask);
void cg_admin_policy_versions_list(cg_ask_t *ask);
void cg_admin_policy_versions_get(cg_ask_t *ask);
void cg_admin_policy_versions_current(cg_ask_t *ask);
void cg_admin_policy_versions_create(cg_ask_t *ask);
void cg_admin_policy_versions_approve(cg_ask_t *ask);
void cg_admin_policy_versions_reject(cg_ask_t *ask);
void cg_admin_policy_versions_withdraw(cg_ask_t *ask);
void cg_admin_policy_versions_restore(cg_ask_t *ask);
void cg_admin_openapi_get(cg_ask_t *ask);

#endif
