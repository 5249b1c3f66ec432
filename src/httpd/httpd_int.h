/* What the files of this room share; nobody else may include it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_HTTPD_INT_H
#define CG_HTTPD_INT_H

#include <httpd.h> /* before the others, which lean on it */

#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "flow/flow.h"
#include "flow/upload.h"
#include "policy/policy.h"

/* The only symbol that the shared object shows. */
extern module AP_MODULE_DECLARE_DATA chatgpt_module
    __attribute__((visibility("default")));
#ifndef CG_IS_MODULE_FILE /* AP_DECLARE_MODULE says it there */
APLOG_USE_MODULE(chatgpt);
#endif

/* -- config.c --------------------------------------------------------------- */

/* One virtual host. lives in: configuration pool */
typedef struct cg_server_t {
    cg_policy_t *policy; /* the SERVER rows; only the main server's count */
    bool serves;         /* ChatGPTEngine on stands somewhere in it */
} cg_server_t;

/* Where a limit was written, for the console. */
typedef struct cg_written_t {
    const cg_policy_row_t *row;
    const char *words;
    const char *where;
} cg_written_t;

extern const command_rec cg_config_commands[];
void *cg_config_create_dir(apr_pool_t *pool, char *dir);
void *cg_config_merge_dir(apr_pool_t *pool, void *outer, void *inner);
void *cg_config_create_server(apr_pool_t *pool, server_rec *s);
void *cg_config_merge_server(apr_pool_t *pool, void *outer, void *inner);
cg_server_t *cg_config_server(const server_rec *s);
const cg_policy_t *cg_config_policy(const request_rec *r);
/* Every directive as it was read, in order: of cg_written_t. */
const apr_array_header_t *cg_config_written(void);
/* Reads a line once more, into another policy: for the pages that show it. */
bool cg_config_reread(const cg_written_t *line, cg_policy_t *policy,
                      apr_pool_t *pool);
/* The roles of whoever is known, by ChatGPTRole: bits of admin/api.h. Found once;
 * the first call must come while httpd authorizes, or nobody has been authenticated:
 * mod_authnz_ldap lets go of what it needs behind that. */
unsigned cg_config_roles(request_rec *r);
bool cg_config_roles_check(const cg_policy_t *policy, cg_error_t *err,
                           apr_pool_t *pool, apr_pool_t *temp);
void cg_config_forget(apr_pool_t *pool);

/* -- rulebook.c ------------------------------------------------------------- */

/* Compiles the lists, regexes and packs of the configuration; in *out the packs of
 * the rules folder are chosen. Words of error name directive, value and file:line.
 * Uses what has been written (cg_config_written). */
bool cg_rulebook_read(const cg_policy_t *policy, cg_rules_spec_t *out_spec,
                      const cg_rules_t **out, cg_error_t *err,
                      apr_pool_t *pool);
/* May a .htaccess name this pack? While the configuration is read, any. */
bool cg_rulebook_has(const char *word, cg_error_t *err);

/* -- places.c --------------------------------------------------------------- */

/* Every place that the configuration files make of s and its virtual hosts: does
 * it loosen a lock, is its region known, may one of its upstreams answer? */
bool cg_places_check(server_rec *s, const cg_rules_t *rules,
                     const cg_accounts_t *accounts, cg_error_t *err,
                     apr_pool_t *pool);
/* What only a request brings together (.htaccess, <If>, patterns): refuses it. */
cg_verdict_t cg_places_judge(request_rec *r, cg_txn_t *txn);

/* -- life.c ----------------------------------------------------------------- */

/* The gateway of this child; NULL before child_init or when none is served. */
const cg_gateway_t *cg_life_gateway(void);
void cg_life_hooks(apr_pool_t *pool);

/* -- upstream.c ------------------------------------------------------------- */

/* One attempt at an upstream. lives in: cg_walk_in_t, made anew each time */
typedef struct cg_attempt_t {
    bool has_bytes;      /* the upstream has answered something */
    bool is_timed_out;   /* watch.c gave up waiting */
    bool is_withheld;    /* its answer is kept from the caller: try again */
    bool is_decided;     /* withheld, refused or passed on: answer.c knows */
    int status;          /* of the answer; 0 none */
    apr_time_t rest_for; /* Retry-After of the answer, micros */
} cg_attempt_t;

/* -- gate.c ----------------------------------------------------------------- */

/* httpd's side of a transaction. lives in: r->pool, r->request_config */
typedef struct cg_walk_in_t {
    cg_txn_t txn;
    const char *path;   /* below the API's root; NULL: not under one */
    bool is_gathered;   /* the body was read */
    bool is_passed;     /* the answer filter has let something out */
    bool was_authn_run; /* step 1 has been done, whatever it said */
    bool is_mapped;     /* ChatGPTIdentity has been laid over who is known */
    bool is_tried;      /* attempts.c is running httpd's authentication */
    bool is_judged;     /* require.c is running httpd's authorization */
    bool has_roles;
    unsigned roles;      /* of the console, once has_roles is set */
    cg_upload_t *upload; /* a multipart body; NULL: the body is none */
    cg_attempt_t attempt;
} cg_walk_in_t;

void cg_gate_hooks(apr_pool_t *pool);
/* The request's transaction; NULL when the gateway has none here. */
cg_walk_in_t *cg_gate_find(const request_rec *r);
cg_walk_in_t *cg_gate_find_or_make(request_rec *r);
bool cg_gate_is_our_type(request_rec *r); /* AuthType ChatGPT */
/* x-ratelimit-* and RateLimit, Retry-After, x-should-retry of the grant. */
void cg_gate_headers(request_rec *r, cg_txn_t *txn); /* headers.c */
/* Log line and headers of a refusal; returns the status to die with. */
int cg_gate_refuse(request_rec *r, cg_txn_t *txn);
/* Records, with the log line for a journal that fails. */
apr_status_t cg_gate_record(request_rec *r, cg_txn_t *txn, int status);

/* -- authn.c ----------------------------------------------------------------- */

#define CG_AUTH_TYPE "ChatGPT"

void cg_authn_hooks(apr_pool_t *pool);
/* Is it known who asks, and may they? Asks whom httpd had no need to ask. */
cg_verdict_t cg_authn_check(request_rec *r, cg_walk_in_t *in);

/* -- confsecrets.c ----------------------------------------------------------- */

/* Does an API key, all of it, stand anywhere in text? */
bool cg_confsecrets_has_key(const char *text);
/* Looks at every directive of the files; words that repeat no secret. */
bool cg_confsecrets_check(server_rec *s, cg_error_t *err);

/* -- expression.c, identity.c, require.c, attempts.c ---------------------------------------- */

/* Reads an expression of ChatGPTIdentity; baton is the cmd_parms. */
const void *cg_expression_parse(void *baton, const char *text,
                                bool is_condition, cg_error_t *err);
void cg_expression_hooks(apr_pool_t *pool);
/* UTF-8 of one line, no longer than an identity may be. */
bool cg_identity_is_plain(cg_str_t text);
/* Lays ChatGPTIdentity over txn.who, which is known; refuses what is unclear. */
cg_verdict_t cg_identity_map(request_rec *r, cg_walk_in_t *in);
/* Is somebody known, through whatever httpd has done so far? Fills txn.who once. */
bool cg_identity_find(request_rec *r, cg_walk_in_t *in);
void cg_identity_hooks(apr_pool_t *pool);
void cg_require_hooks(apr_pool_t *pool);
void cg_attempts_hooks(apr_pool_t *pool);

/* -- body.c ----------------------------------------------------------------- */

/* Reads the whole body within the policy's bounds. */
cg_verdict_t cg_body_gather(request_rec *r, cg_txn_t *txn, cg_str_t *out);
/* The same with plain bounds, for the console. APR_ENOSPC: too large. */
apr_status_t cg_body_read(request_rec *r, apr_off_t most, apr_time_t most_for,
                          cg_str_t *out);
/* Reads a multipart body, inspected as it comes; what may leave is in *out. */
cg_verdict_t cg_body_spool(request_rec *r, cg_txn_t *txn, cg_upload_t **out);
/* Puts what may leave in the place of the body, for the next attempt. */
void cg_body_replay(request_rec *r, const cg_walk_in_t *in);
void cg_body_hooks(void);

/* -- upstream.c ------------------------------------------------------------- */

void cg_upstream_hooks(apr_pool_t *pool);
void cg_upstream_open(apr_pool_t *child, server_rec *s,
                      const cg_accounts_t *accounts, apr_time_t connect_for);

/* -- environ.c -------------------------------------------------------------- */

/* Secrets that env: names, out of the environment; lent back while the
 * configuration is read. */
void cg_environ_take(const cg_policy_t *policy);
void cg_environ_lend(apr_pool_t *temp);

/* -- hush.c ----------------------------------------------------------------- */

void cg_hush_hooks(void);
void cg_hush_quiet(apr_pool_t *pool, server_rec *main);

/* -- watch.c ---------------------------------------------------------------- */

void cg_watch_hooks(void);
/* Watches the caller and the clock while the upstream is silent. */
void cg_watch_arm(request_rec *r, conn_rec *origin, cg_walk_in_t *in);

/* -- trial.c ---------------------------------------------------------------- */

struct cg_trial_ask_t;
struct cg_trial_view_t;

/* For admin/api.h; baton is the request_rec. */
void cg_trial_try(void *baton, const struct cg_trial_ask_t *ask,
                  struct cg_trial_view_t *out, apr_pool_t *pool);

/* -- answer.c, errors.c, farewell.c, console.c, status.c ------------------- */

void cg_answer_hooks(apr_pool_t *pool);
/* Stands in the way of every answer from now on; again before each attempt. */
void cg_answer_await(request_rec *r, cg_walk_in_t *in);
void cg_errors_hooks(apr_pool_t *pool);
void cg_farewell_hooks(apr_pool_t *pool);
void cg_console_hooks(apr_pool_t *pool);

#define CG_VERSION "0.1.0"
#define CG_HANDLER "chatgpt-gateway"
#define CG_CONSOLE_HANDLER "chatgpt-console"

#endif
