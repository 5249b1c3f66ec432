/* Signed requests: HTTP Message Signatures (RFC 9421) with Content-Digest (RFC 9530).
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is signed is the signature base, made anew from the message:
 *
 *   "@method": POST
 *   "@target-uri": https://gw.example/v1/chat/completions
 *   "content-digest": sha-256=:5lnwzKt2E+WX…:
 *   "authorization": Bearer vk_…
 *   "@signature-params": ("@method" …);created=1700000000;keyid="…";nonce="…"
 *
 * Our profile is narrower than the RFC: one signature, which covers method, target,
 * body and credential, is fresh and bears a nonce. What this file does not know it
 * refuses: a parameter that was passed over would be one that protects nothing.
 *
 * Knows no keys (signkey.h) and keeps no nonces (quota/quota.h).
 */
#ifndef CG_AUTH_SIGNATURE_H
#define CG_AUTH_SIGNATURE_H

#include <stdbool.h>
#include <stdint.h>

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "base/text.h"

#define CG_SIGNATURE_WINDOW_SECONDS 300 /* between created and now, both ways */
/* From created until the body has come. A nonce is remembered for longer than that
 * and the window together, by what the clocks of servers may differ: else somebody
 * who sends a body slowly would be let in when it is forgotten. */
#define CG_SIGNATURE_BODY_SECONDS 450
#define CG_SIGNATURE_KEY_ID_MAX 64
#define CG_SIGNATURE_NONCE_MAX 128
#define CG_SIGNATURE_BYTES_MAX 1024

/* A message as it came. lives in: the caller, for the calls below */
typedef struct cg_message_t {
    cg_str_t method;
    cg_str_t scheme;    /* "https" */
    cg_str_t authority; /* as Host has it */
    cg_str_t target;    /* as the request line has it: "/v1/models?limit=2" */
    int status;         /* of an answer; 0: it is a request */
    const apr_table_t *headers; /* lines of one name in their order */
} cg_message_t;

typedef struct cg_signature_t {
    const struct cg_sfv_member_t *input; /* its member of Signature-Input */
    cg_str_t bytes;
    cg_str_t key_id; /* all three empty when not said */
    cg_str_t nonce;
    cg_str_t alg;
    int64_t created; /* seconds since 1970; -1: not said */
    int64_t expires;
} cg_signature_t;

/* Is anything there that wants to be a signature? */
bool cg_signature_is_there(const cg_message_t *message);

/* The four below return NULL for yes, else what is wrong: a constant text that may
 * be shown to anybody. */

/* Signature-Input and Signature: one member each, of one label, well formed. */
const char *cg_signature_read(const cg_message_t *message, cg_signature_t *out,
                              apr_pool_t *pool);
/* The bytes that must have been signed. */
const char *cg_signature_base(const cg_message_t *message,
                              const cg_signature_t *signature, cg_buf_t *out);
/* Does it cover and say what the profile asks for, and is it fresh? A message
 * without credential (its sender is known by a client certificate) need not cover
 * one when has_credential is false. */
const char *cg_signature_judge(const cg_message_t *message,
                               const cg_signature_t *signature,
                               bool has_credential, apr_time_t now);

/* What Content-Digest says of a body that is still to come. */
typedef struct cg_signed_body_t cg_signed_body_t;

const char *cg_signed_body_open(const cg_message_t *message,
                                cg_signed_body_t **out, apr_pool_t *pool);
/* The raw bytes, piece by piece, as they came. */
void cg_signed_body_feed(cg_signed_body_t *content, const void *data,
                         size_t len);
/* Was that all of it? Once. */
bool cg_signed_body_matches(cg_signed_body_t *content);

#endif
