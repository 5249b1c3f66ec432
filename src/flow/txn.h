/* One request on its walk: what each step has found out, in the order of steps.
 * SPDX-License-Identifier: Apache-2.0
 *
 * lives in: the request's pool · one section, one writer; later steps only read.
 * Holds no httpd type, so that a test can walk a request without a server.
 */
#ifndef CG_FLOW_TXN_H
#define CG_FLOW_TXN_H

#include "chat/answer.h"
#include "chat/request.h"
#include "flow/gateway.h"
#include "flow/refuse.h"
#include "redact/mask.h"

typedef struct cg_observer_t cg_observer_t;

typedef struct cg_txn_t {
    apr_pool_t *pool;
    const cg_gateway_t *gateway;
    const cg_policy_t *policy;
    const cg_rules_t *rules; /* what to look for; as they were at the gate */

    /* Facts of the request · written by: httpd/gate.c, cg_txn_body */
    struct {
        char id[CG_QUOTA_ID_MAX + 1];
        apr_time_t at;         /* wall clock */
        apr_time_t started_at; /* monotonic */
        const char *address;
        const char *vhost;
        cg_endpoint_t endpoint;
        cg_str_t model; /* decoded: of the body, or of /models/{id} */
        cg_str_t body;
        cg_request_t request; /* endpoints with a body */
    } in;

    /* Who asks · written by: authenticate */
    struct {
        bool is_known;
        const char *user; /* httpd's r->user */
        const char *team;
        cg_key_t key; /* zeroed when another provider of httpd knew the user */
    } who;

    /* May they · written by: admit */
    struct {
        const cg_price_t *price; /* NULL: model not listed */
        int64_t input_tokens;    /* estimate */
        int64_t output_tokens;   /* worst case */
        int64_t cap_tokens;      /* output cap to be put in; 0 none */
        char hold_id[37]; /* never the caller's: an id that came again would
                             be admitted without being counted */
        bool has_hold;
        size_t count;
        cg_limit_t limits[CG_ASKS_MAX];
        cg_quota_ask_t asks[CG_ASKS_MAX];
        cg_quota_grant_t quota;
    } grant;

    /* What may leave · written by: inspect */
    struct {
        cg_str_t body; /* edited; the request's own bytes if nothing was */
        cg_tally_t tally;
        cg_str_t prompt; /* masked text for the record */
        bool prompt_cut;
        cg_actions_t actions;        /* of requests */
        cg_actions_t answer_actions; /* of answers */
        bool masks_answers;          /* some type of answers is not allowed */
        bool is_usage_ours;          /* we asked for the usage chunk */
    } out;

    /* Who answers · written by: route, and httpd/upstream.c per attempt */
    struct {
        const cg_account_t *account;
        uint32_t tried; /* bit per account */
        int attempts;
        apr_time_t sent_at; /* monotonic, of the last attempt */
    } route;

    /* What came back · written by: observe, httpd/answer.c */
    struct {
        int status; /* as the caller gets it; 0: none yet */
        bool has_begun;
        bool is_stream;
        bool is_whole;            /* its end was seen */
        bool is_aborted;          /* the caller left */
        apr_time_t first_byte_at; /* monotonic; 0: none */
        cg_usage_t usage;
        cg_str_t model;
        cg_tally_t tally;
        cg_buf_t text; /* masked, for the record */
        bool text_cut;
        int64_t text_bytes; /* of all running text, for the estimate */
        const char *upstream_id;
        cg_observer_t *observer;
    } answer;

    /* What it cost · written by: settle */
    struct {
        int64_t input_tokens;
        int64_t output_tokens;
        int64_t micros;
        const char *tokens_from; /* provider, estimate, none */
        bool is_released;
    } bill;

    /* The end of the walk, if a step said no · written through cg_txn_refuse */
    cg_verdict_t verdict;
    const char *words; /* NULL: the reason's */
    const char *param;
    const char *blocked_type; /* for x-chatgpt-policy */
    bool is_recorded;
} cg_txn_t;

/* Refuses: keeps the first verdict, its words and member, and returns it. */
cg_verdict_t cg_txn_refuse(cg_txn_t *txn, cg_verdict_t verdict,
                           const char *words, const char *param);
/* Parses a body of the endpoint and fills in.request, in.model. */
cg_verdict_t cg_txn_body(cg_txn_t *txn, cg_str_t body);

#endif
