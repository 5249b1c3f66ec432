/* The shape of one audit record: who asked what, and what became of it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A record is written once, at the end of a request, and never changed. Its
 * JSON is what the journal keeps, the ledger stores, the console shows and the
 * export carries: one spelling all the way.
 *
 *   {"id":"0198…","at":"2026-11-24T22:48:31.042Z","key_id":…,"key_name":…,
 *    "team":…,"user":…,"address":…,"vhost":…,"endpoint":…,"model_asked":…,
 *    "model_served":…,"decision":"served","reason":"","status":200,
 *    "findings":[{"type":…,"direction":…,"count":2,"action":…}],"opaque":"image=1",
 *    "prompt":…,"prompt_cut":false,"answer":…,"answer_cut":false,
 *    "input_tokens":12,"output_tokens":40,"tokens_from":"provider",
 *    "cost_micros":310,"took_micros":…,"first_byte_micros":…,"attempts":1,
 *    "upstream":…,"upstream_request_id":…,"stream":false,"hold":true,
 *    "released":true,"policy_version":7,"region":"cn","upstream_region":"cn","label":true,
 *    "keep_until":"2027-05-23T22:48:31.052Z"}
 *
 * What is not known is "" for words, 0 for numbers; prompt and answer are null
 * when they are not kept, keep_until when the record has no end of its own.
 */
#ifndef CG_AUDIT_RECORD_H
#define CG_AUDIT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_time.h>

#include "base/text.h"
#include "meter/metrics.h"

typedef enum cg_decision_t {
    CG_DECISION_SERVED,  /* the caller got a whole answer */
    CG_DECISION_REFUSED, /* by us; nothing was forwarded, or withheld */
    CG_DECISION_FAILED,  /* the upstream or we could not */
    CG_DECISION_ABORTED, /* the caller left */
    /* what operators do in the console; counts in no statistics of requests */
    CG_DECISION_CHANGED,
    CG_DECISION_READ,   /* an export, a text tried */
    CG_DECISION_DENIED, /* their role does not allow it */
    CG_DECISION_COUNT
} cg_decision_t;

/* lives in: the caller · everything borrowed, read during the call only */
typedef struct cg_record_t {
    const char *id; /* request id, at most 128 bytes */
    apr_time_t at;  /* when the request came in */
    const char *key_id;
    const char *key_name;
    const char *team;
    const char *user;
    const char *address;
    const char *vhost;
    const char *endpoint;
    cg_str_t model_asked;
    cg_str_t model_served;
    const char *decision; /* a word of cg_record_decision_name */
    const char *reason;   /* code, or "" */
    int status;
    const cg_meter_finding_t *findings;
    size_t findings_count;
    const char
        *opaque;     /* files that could not be read, "image=2,audio=1"; "" */
    cg_str_t prompt; /* masked already; ptr NULL when not kept */
    cg_str_t answer; /* the same */
    bool prompt_cut; /* longer than is kept */
    bool answer_cut;
    int64_t input_tokens;
    int64_t output_tokens;
    const char *tokens_from; /* provider, counted, estimate, none */
    int64_t clamped_output;  /* what limits left of the output; 0: all */
    const char *soft_limits; /* that it passed, "key 5/1h, team 2USD/day"; "" */
    int64_t cost_micros;
    apr_time_t took;
    apr_time_t first_byte_took; /* 0: no answer began */
    int attempts;
    const char *upstream;
    const char *upstream_request_id;
    bool is_stream;
    int64_t policy_version;      /* of the published policy it met; 0: none */
    const char *signing_key;     /* that signed the request; "": it was not */
    const char *region;          /* whose rules held; "": none */
    const char *upstream_region; /* where the answerer stands; "": not said */
    bool is_labelled;            /* the answer said that a machine wrote it */
    apr_time_t keep_for; /* from its recording on; 0: no end of its own */
    bool has_hold;       /* budget was held for this request */
    bool is_released;    /* nothing was used of it: all is to be given back */
    const char *hold_id; /* NULL: id. A caller may use a request id again, a
                            hold is one request's */
} cg_record_t;

/* Appends the record as one compact JSON object, times in RFC 3339. NULL words
 * count as "". */
void cg_record_write(const cg_record_t *record, cg_buf_t *out);

/* "served", ... and back; an unknown word is FAILED. */
const char *cg_record_decision_name(cg_decision_t decision);
cg_decision_t cg_record_decision(const char *word);
/* Is it an operator's act, no request to a model? */
bool cg_record_is_operators(cg_decision_t decision);

#endif
