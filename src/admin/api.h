/* The admin API: what an operator asks, and the answer. No httpd in here.
 * SPDX-License-Identifier: Apache-2.0
 *
 * httpd's part (src/httpd/console.c) says who asks (httpd's own authentication
 * and groups), what (method, path below <console>/api/v1, query, headers, body)
 * and hands the reply on as it is. Everything else happens below this header:
 * roles, the defence against forged writes, checking, doing, the audit record.
 *
 * The body must be read, bounded by cg_admin_body_max, before the call;
 * answer a longer one with cg_admin_refuse_size. The reply lives in the pool.
 */
#ifndef CG_ADMIN_API_H
#define CG_ADMIN_API_H

#include <stdbool.h>
#include <stddef.h>

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "base/text.h"
#include "policy/limit.h"

#define CG_ADMIN_BODY_BYTES_MAX (1024 * 1024)
#define CG_ADMIN_DOCUMENT_BYTES_MAX (5 * 1024 * 1024) /* with a policy */

/* Roles: bit, name (of the httpd group and in JSON), what it may. An operator
 * may hold several. admin may everything, whatever an endpoint's row says. */
// clang-format off
#define CG_ROLES(X)                                                            \
    X(VIEWER,     1u,  "viewer",     "numbers, keys, requests without texts")  \
    X(COMPLIANCE, 2u,  "compliance", "also masked texts, exports, scan, policies") \
    X(APPROVER,   4u,  "approver",   "as compliance, but approves policies")   \
    X(OPERATOR,   8u,  "operator",   "also writes keys, limits, policies")     \
    X(ADMIN,      16u, "admin",      "everything")
// clang-format on

enum {
#define CG_ROLE_ENUM(id, bit, name, words) CG_ROLE_##id = (bit),
    CG_ROLES(CG_ROLE_ENUM)
#undef CG_ROLE_ENUM
        CG_ROLE_NOBODY = 0
};

/* The bit of a role's name, 0 for a name that is none. */
unsigned cg_admin_role_find(cg_str_t name);

struct cg_actions_t;
struct cg_alert_feed_t;
struct cg_alert_rules_t;
struct cg_document_t;
struct cg_rules_t;

typedef struct cg_operator_t {
    const char *name; /* r->user; NULL or "": nobody, answered with 401 */
    unsigned roles;   /* CG_ROLE_… bits; none: answered with 403 */
    const char *address;
} cg_operator_t;

/* One account of the provider, as shown; never its credential. */
typedef struct cg_account_view_t {
    const char *name;
    const char *url; /* without user information */
    const char *provider;
    const char *state;        /* "up", "down", "unknown" */
    apr_time_t since;         /* of state; 0: not known, written as null */
    apr_time_t last_probe_at; /* 0: never */
    apr_time_t latency_for;   /* smoothed; negative: not known */
    apr_int64_t requests;
    apr_int64_t failures;
    const char *credential; /* where from: "file", "env", "stored", "none" */
    const char *stored;     /* its name in the store; NULL: not stored */
    apr_int64_t stored_version; /* of it, in force in this child; 0: none */
    const char *region;         /* as rules call it; NULL: not said */
} cg_account_view_t;

struct cg_issuer_t;
struct cg_issuers_t;

/* How the keys of an issuer do that are fetched; zeroed for a file's. */
typedef struct cg_issuer_view_t {
    apr_time_t fetched_at; /* of the keys that are here; 0: there are none */
    apr_time_t tried_at;   /* 0: never */
    const char *error;     /* of the last try; "": it went well */
} cg_issuer_view_t;

typedef struct cg_admin_policy_t {
    const char *directive;
    const char *value; /* as written; secrets already replaced by the caller */
    const char *where; /* "vhost api.example, <Location /v1>" */
} cg_admin_policy_t;

typedef struct cg_admin_limit_t {
    cg_limit_t limit;
    const char *where; /* the configuration line it comes from */
} cg_admin_limit_t;

/* A request that is only thought of: would it pass? NULL, "" and -1: not said. */
typedef struct cg_trial_ask_t {
    const struct cg_key_t *key; /* who asks; or: */
    const char *user;
    const char *team;
    const char *organization;
    const char *model;
    const char *endpoint; /* "chat" */
    const char *vhost;    /* the console's, if not said */
    const char *address;
    const char *path; /* of the API's root; "/v1" */
    const char *text;
    apr_int64_t input_tokens; /* in the place of text */
    apr_int64_t output_tokens;
} cg_trial_ask_t;

typedef struct cg_trial_limit_t {
    cg_limit_t limit;
    const char *subject;
    const char *set_by; /* "directive", "key", "console" */
    apr_int64_t cost;
    apr_int64_t amount;
    apr_int64_t remaining;
    apr_int64_t held;
    bool fits;
    apr_time_t reset_for;
    apr_time_t wait_for; /* until it would fit; -1: never */
} cg_trial_limit_t;

typedef struct cg_trial_view_t {
    const char *fault;  /* the member that cannot be; NULL: it was tried */
    const char *detail; /* of fault, or why the store does not answer */
    bool is_store_away;
    bool passes;
    int status;         /* that a refused one gets */
    const char *reason; /* its code; "": it passes */
    const char *words;
    int decided_by;      /* index of the limit; -1: none */
    apr_time_t wait_for; /* until it would pass; -1: never */
    apr_int64_t input_tokens;
    bool is_exact;
    apr_int64_t output_tokens;
    apr_int64_t clamped_tokens; /* -1: it is not */
    apr_int64_t micros;         /* worst case; -1: the model has no price */
    const char *place;          /* virtual host and path */
    size_t count;
    cg_trial_limit_t *limits;
} cg_trial_view_t;

/* What the gateway lends to the admin API. (The ledger is for one thread at a
 * time, so a call opens its own over store.) lives in: child pool · written by:
 * httpd/life.c once per child · read by: many threads at once. A service that is
 * NULL makes the endpoints that need it answer 503. */
typedef struct cg_admin_t {
    struct cg_store_t *store;
    struct cg_store_t *documents; /* the same, more patient; NULL: store */
    struct cg_keyring_t *keyring;
    const struct cg_sealer_t *sealer; /* NULL: secrets cannot be stored */
    struct cg_signring_t *signring;
    struct cg_quota_t *quota;
    const struct cg_breaker_t *breaker; /* of store; may be NULL */
    struct cg_journal_t *journal;
    struct cg_meter_t *meter;
    struct cg_alert_feed_t *alerts;
    const struct cg_alert_rules_t *alert_rules;
    const struct cg_rules_t *rules; /* in force now */
    const struct cg_actions_t *request_actions;
    /* Of the configuration alone: rules (packs), and what they are made from. */
    const struct cg_rules_t *configured_rules;
    const struct cg_rules_spec_t *configured;
    int policy_approval;         /* 0 never, 1 loosening, 2 always */
    apr_int64_t policy_in_force; /* version; 0: none */
    /* The rules and actions of requests as they would be with a document, whose
     * compiled rules *rules are. May be NULL. */
    void (*try_draft)(void *baton, const struct cg_document_t *document,
                      const struct cg_rules_t **rules, struct cg_actions_t *out,
                      apr_pool_t *pool);
    void *draft_baton;
    /* Fills *out with views that live in pool; returns how many. May be NULL. */
    size_t (*read_accounts)(void *baton, cg_account_view_t **out,
                            apr_pool_t *pool);
    void *accounts_baton;
    const struct cg_issuers_t *issuers; /* in force now; NULL: there are none */
    /* Fills *out with what lives in pool. May be NULL. */
    void (*read_issuer)(void *baton, const struct cg_issuer_t *issuer,
                        cg_issuer_view_t *out, apr_pool_t *pool);
    void *issuers_baton;
    const cg_admin_policy_t *policies;
    size_t policies_count;
    const cg_admin_limit_t *default_limits;
    size_t default_limits_count;
    const char *const *models; /* names that limits by model count, for lists */
    size_t models_count;
    const char *const *vhosts; /* the same of limits by vhost */
    size_t vhosts_count;
    /* The console's limits of single objects, in force in this child; may be NULL. */
    const struct cg_overrides_t *overrides;
    /* Tries a request that is only thought of; charges nothing. out lives in pool.
     * May be NULL. */
    void (*try_request)(void *baton, const cg_trial_ask_t *ask,
                        cg_trial_view_t *out, apr_pool_t *pool);
    void *try_baton;
    const char *node;    /* this server's name */
    const char *version; /* of mod_chatgpt */
} cg_admin_t;

typedef struct cg_admin_call_t {
    const char *method;
    const char *path;  /* below /api/v1, still percent-encoded: "/keys/ab" */
    const char *query; /* raw, without "?"; may be NULL */
    /* A request header's value, or NULL. */
    const char *(*header)(void *baton, const char *name);
    void *header_baton;
    cg_str_t body;
    cg_operator_t operator;
    const char *base;       /* path of the API: "/console/api/v1" */
    const char *request_id; /* also "instance" of problems */
    apr_time_t now;
    /* Where a long answer goes piece by piece (exports); a piece lives only for
     * the call. At the first piece reply holds status, content type and headers:
     * send them then. An error returned here stops the export. NULL: the whole
     * answer is gathered in reply->body. */
    apr_status_t (*on_piece)(void *baton, cg_str_t piece);
    void *piece_baton;
} cg_admin_call_t;

typedef struct cg_admin_reply_t {
    int status;
    const char *content_type; /* NULL: no body */
    apr_table_t *headers;     /* all but Content-Type and Content-Length */
    cg_buf_t body;            /* empty when pieces were sent */
    bool was_streamed; /* at least one piece went out; add nothing to it */
    bool is_cut;       /* the stream broke: abort the connection, so that nobody
                          takes the part for the whole */
} cg_admin_reply_t;

/* Answers one call; fills reply from scratch. Never fails: what goes wrong is a
 * problem document in the reply. Threads may call it at the same time. */
void cg_admin_answer(const cg_admin_t *admin, const cg_admin_call_t *call,
                     cg_admin_reply_t *reply, apr_pool_t *pool);

/* Most bytes of a body of this call, by its path. */
size_t cg_admin_body_max(const cg_admin_call_t *call);
/* 413 for a body over cg_admin_body_max, which was not read. */
void cg_admin_refuse_size(const cg_admin_call_t *call, cg_admin_reply_t *reply,
                          apr_pool_t *pool);

#endif
