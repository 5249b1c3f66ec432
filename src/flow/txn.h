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
#include "flow/opaque.h"
#include "flow/refuse.h"
#include "flow/region.h"
#include "redact/mask.h"

typedef struct cg_observer_t cg_observer_t;
typedef struct cg_file_observer_t cg_file_observer_t;
typedef struct cg_labeller_t cg_labeller_t;

typedef struct cg_txn_t {
    apr_pool_t *pool;
    const cg_gateway_t *gateway;
    const cg_policy_t *policy;
    const cg_published_t *published; /* as it was at the gate; NULL: nothing */
    const cg_rules_t *rules; /* what to look for; as they were at the gate. From
                                route on those of answers */

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
        cg_request_t request;  /* endpoints with a body */
        cg_str_t id_in_path;   /* of /files/{id}; empty: there is none */
        const char *query;     /* what goes on of it, "?limit=20"; or empty */
        int64_t upload_tokens; /* of a multipart body, about */
        apr_time_t upload_for; /* how long a multipart body took to come */
    } in;

    /* Who asks · written by: authenticate; httpd/identity.c lays what
     * ChatGPTIdentity says over it, before anything is asked of it */
    struct {
        bool is_known;
        const char *source; /* "key", "jwt", "httpd"; NULL: nobody is known */
        const char *user;   /* httpd's r->user */
        const char *team;
        const char *organization; /* NULL or empty: the default tenant */
        const char *const *roles; /* as they were spelled; never an empty one */
        size_t roles_count;
        const char *const *scopes;
        size_t scopes_count;
        const struct cg_claims_t *claims; /* of a verified token; NULL: none */
        cg_key_t key; /* of who has no key: id is empty; models and limits are
                         what ChatGPTIdentity says, so that later steps read one
                         place */
    } who;

    /* What it is signed with · written by: signature; read by: admit, record */
    struct {
        const char *key_id; /* of the signing key; NULL: it is not signed */
        cg_str_t nonce;
        bool is_used; /* the nonce; written by: admit */
        apr_time_t created_at;
        cg_signed_body_t *body; /* what the body must be */
    } signature;

    /* May they · written by: admit */
    struct {
        const cg_price_t *price; /* NULL: model not listed */
        int64_t input_tokens;    /* as chat/tokens.h counts them */
        bool is_exact;           /* ... and as the provider should */
        int64_t output_tokens;   /* worst case */
        int64_t cap_tokens;      /* output cap to be put in; 0 none */
        bool is_clamped;         /* cap_tokens stands in the caller's place */
        /* Of the hold, with its tenant (cg_quota_id). Never the caller's: an id
         * that came again would be admitted without being counted. */
        char hold_id[CG_QUOTA_ID_MAX + 1];
        uint32_t place;  /* in the live table (lives.h); 0: none */
        bool has_hold;   /* the store has it, or had: it is to be settled */
        bool is_bounded; /* some limit counts tokens or money */
        const cg_overrides_t *overrides; /* as they were when it was asked */
        size_t count;
        cg_limit_t limits[CG_ASKS_MAX];
        cg_quota_ask_t asks[CG_ASKS_MAX];
        cg_quota_grant_t quota;
    } grant;

    /* What may leave · written by: inspect */
    struct {
        cg_str_t body; /* edited; the request's own bytes if nothing was */
        cg_pseudonyms_t *pseudonyms; /* NULL: nothing is pseudonymised */
        cg_tally_t tally;
        cg_opaque_t opaque;  /* what could not be read */
        const char *trouble; /* of the detector, for the log; NULL: none */
        cg_str_t prompt;     /* masked text for the record */
        bool prompt_cut;
        cg_actions_t actions;           /* of requests */
        cg_actions_t answer_actions;    /* of answers */
        const cg_rules_t *answer_rules; /* what txn.rules is from route on */
        bool masks_answers; /* some type of answers is not allowed */
        bool is_usage_ours; /* we asked for the usage chunk */
    } out;

    /* Whose rules hold · written by: actions, label; read by: route, observe */
    struct {
        cg_region_t rules;  /* all zero: no region's */
        bool is_labelled;   /* the answer says that a machine wrote it */
        const char *words;  /* what is added to its text; NULL: nothing */
        bool was_shown;     /* they stand in the answer */
        const char *spoken; /* Accept-Language · written by: httpd/gate.c */
        cg_labeller_t *labeller; /* of a stream */
    } region;

    /* Who answers · written by: route, and httpd/upstream.c per attempt */
    struct {
        const cg_account_t *account;
        const cg_secret_t *credential; /* of account; NULL: it has none */
        uint32_t barred; /* bit per account: the region does not allow it, or
                            its stored credential cannot be had */
        uint32_t tried;  /* bit per account */
        int attempts;
        apr_time_t sent_at; /* monotonic, of the last attempt */
        bool was_left; /* the caller left while an upstream was at work */
    } route;

    /* What came back · written by: observe, httpd/answer.c */
    struct {
        int status; /* as the caller gets it; 0: none yet */
        bool has_begun;
        bool is_stream;
        bool is_whole;            /* its end was seen */
        bool is_aborted;          /* the caller left */
        apr_time_t first_byte_at; /* monotonic; 0: none */
        apr_time_t heard_next; /* monotonic: when it is counted again */
        cg_usage_t usage;
        cg_str_t model;
        cg_tally_t tally;
        cg_buf_t text; /* masked, for the record */
        bool text_cut;
        int64_t text_tokens; /* of whole texts, by our own count */
        apr_array_header_t *counts; /* of running texts; delivered.h; NULL none */
        int64_t text_bytes; /* of text that is not counted, but estimated */
        const char *upstream_id;
        uint32_t opaque_kinds; /* bit per kind of file that stood in it */
        cg_observer_t *observer;
        cg_file_observer_t *file; /* of an answer that is a file */
    } answer;

    /* What it cost · written by: settle */
    struct {
        int64_t input_tokens;
        int64_t output_tokens;
        int64_t micros;
        const char *tokens_from; /* provider, counted, estimate, none */
        bool is_released;
    } bill;

    /* The end of the walk, if a step said no · written through cg_txn_refuse */
    cg_verdict_t verdict;
    const char *words; /* NULL: the reason's */
    const char *param;
    const char *blocked_type; /* for x-chatgpt-policy */
    apr_time_t wait_for;      /* of too many attempts: for Retry-After */
    bool is_recorded;
} cg_txn_t;

/* Refuses: keeps the first verdict, its words and member, and returns it. */
cg_verdict_t cg_txn_refuse(cg_txn_t *txn, cg_verdict_t verdict,
                           const char *words, const char *param);
/* Opens out.pseudonyms if something is to be pseudonymised, in the request or in
 * its answer, and notes what source, the request as it came, has that looks like a
 * token. After cg_flow_actions, before anything is scanned; may be called again
 * for further sources. */
void cg_txn_pseudonyms(cg_txn_t *txn, cg_str_t source);
/* Parses a body of the endpoint and fills in.request, in.model. */
cg_verdict_t cg_txn_body(cg_txn_t *txn, cg_str_t body);

#endif
