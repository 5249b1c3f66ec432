/* Every reason for a no: one row each, and the face it shows the caller.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Numbers are the step's thousand and never used again; they stand in the error
 * log as CG<number>. Status, type and code follow OpenAI's errors, as the SDKs
 * read them (docs/manual/errors.md). The words may be shown to anybody: they
 * hold nothing of the request but the name of a member or a model.
 *
 * Level: d debug, i info, w warning, e error (someone must act).
 */
#ifndef CG_FLOW_REFUSE_H
#define CG_FLOW_REFUSE_H

#include <stdbool.h>

#include <apr_tables.h>

#include "base/text.h"

// clang-format off
#define CG_REASONS(X)                                                                                              \
/* id                 number status type                     code                           level words */           \
X(NO_KEY,              1001, 401, "invalid_request_error", "invalid_api_key",               'd', "You didn't provide an API key. Send it as: Authorization: Bearer YOUR_KEY.")      \
X(BAD_KEY,             1002, 401, "invalid_request_error", "invalid_api_key",               'd', "Incorrect API key provided.")                                                    \
X(KEY_REVOKED_REFUSED,         1003, 401, "invalid_request_error", "key_revoked",                   'd', "This API key has been revoked.")                                                 \
X(KEY_EXPIRED_REFUSED,         1004, 401, "invalid_request_error", "key_expired",                   'd', "This API key has expired.")                                                      \
X(KEY_SUSPENDED_REFUSED,       1005, 401, "invalid_request_error", "key_suspended",                 'd', "This API key is suspended.")                                                     \
X(KEY_UNCHECKED,      1006, 503, "server_error",          "policy_store_unavailable",      'd', "API keys cannot be checked at the moment. Try again later.")                     \
X(NOT_AUTHENTICATED,   1007, 401, "invalid_request_error", "invalid_api_key",               'e', "This request was not authenticated.")                                            \
X(KEY_POLICY_UNKNOWN,  1008, 503, "server_error",          "key_policy_unknown",            'e', "The redaction policy of this API key names what this server does not know.")           \
X(MODEL_NOT_ALLOWED,   1010, 403, "permission_error",      "model_not_allowed",             'd', "This API key may not use this model.")                                           \
X(SIGNATURE_INVALID,   1012, 401, "invalid_request_error", "invalid_signature",             'd', "The signature of this request is not valid.")                                     \
X(SIGNATURE_MISSING,   1013, 401, "invalid_request_error", "signature_required",            'd', "Requests must be signed here (RFC 9421).")                                        \
X(SIGNATURE_REPLAYED,  1014, 401, "invalid_request_error", "signature_replayed",            'i', "This signed request has been received before. Sign each request anew.")           \
X(SIGNATURE_UNCHECKED, 1019, 503, "server_error",          "policy_store_unavailable",      'd', "Signatures cannot be checked at the moment. Try again later.")                    \
X(SIGNATURE_SEALED,    1021, 503, "server_error",          "signing_key_sealed",            'e', "Signatures of this key cannot be checked at the moment.") \
X(KEY_PLACE,           1015, 403, "permission_error",      "key_not_allowed_here",          'd', "This API key may not be used here.")                                              \
X(TOO_MANY_ATTEMPTS,   1016, 429, "requests",              "too_many_attempts",             'i', "Too many failed authentications. Try again later.")                              \
X(NOT_ALLOWED,         1017, 403, "permission_error",      "permission_denied",             'd', "You are known, but not allowed to do this here.")                                \
X(IDENTITY_UNCLEAR,    1018, 403, "permission_error",      "identity_unclear",              'w', "What is known of you cannot be used here.")                                      \
X(TOKEN_INVALID,       1011, 401, "invalid_request_error", "invalid_token",                 'd', "The token is not accepted.")                                                      \
X(TOKEN_STALE,         1020, 401, "invalid_request_error", "invalid_token",                 'd', "The token is not accepted.")                                                      \
X(TOKEN_UNCHECKED,     1022, 503, "server_error",          "issuer_unavailable",            'w', "Tokens cannot be checked at the moment. Try again later.")                        \
X(RATE_LIMIT,          2001, 429, "requests",              "rate_limit_exceeded",           'd', "Rate limit reached for requests.")                                               \
X(TOKEN_LIMIT,         2002, 429, "tokens",                "rate_limit_exceeded",           'd', "Rate limit reached for tokens.")                                                 \
X(BUDGET,              2003, 429, "insufficient_quota",    "insufficient_quota",            'd', "You exceeded your current budget.")                                              \
X(QUOTA_STORE_AWAY,    2004, 503, "server_error",          "policy_store_unavailable",      'd', "Limits cannot be checked at the moment. Try again later.")                       \
X(MODEL_UNPRICED,      2005, 403, "permission_error",      "model_not_priced",              'w', "This model has no price and cannot be used under a budget.")                     \
X(INVALID_JSON,        3001, 400, "invalid_request_error", "invalid_json",                  'd', "We could not parse the JSON body of your request.")                              \
X(BAD_MEMBER,          3002, 400, "invalid_request_error", "invalid_value",                 'd', "A member of the request is not valid.")                                          \
X(TOO_LARGE,           3003, 413, "invalid_request_error", "request_too_large",             'd', "The request body is too large.")                                                 \
X(BODY_BROKEN,         3004, 400, "invalid_request_error", "incomplete_body",               'd', "The request body could not be read to its end.")                                 \
X(BODY_SLOW,           3005, 408, "invalid_request_error", "request_timeout",               'd', "The request body did not arrive in time.")                                       \
X(CONTENT_TYPE,        3006, 415, "invalid_request_error", "unsupported_content_type",      'd', "Send the body as application/json.")                                             \
X(CONTENT_ENCODING,    3007, 415, "invalid_request_error", "unsupported_content_encoding",  'd', "Compressed request bodies are not accepted. Send the body as it is.")            \
X(CONTENT_BLOCKED,     3008, 400, "invalid_request_error", "content_policy_violation",      'd', "The request holds content that must not be sent.")                               \
X(INSPECTION_FAILED,   3009, 400, "invalid_request_error", "content_not_inspectable",       'w', "The request holds text that cannot be inspected.")                                         \
X(OPAQUE,              3010, 400, "invalid_request_error", "content_not_readable",          'd', "The request holds a file that cannot be read, and such files may not be sent.")    \
X(INVALID_MULTIPART,   3011, 400, "invalid_request_error", "invalid_multipart",             'd', "We could not parse the multipart body of your request.")                          \
X(INVALID_JSONL,       3012, 400, "invalid_request_error", "invalid_jsonl",                 'd', "A line of the file is not a JSON object of the kind it must be.")                 \
X(UPLOAD_STORAGE,      3013, 503, "server_error",          "upload_storage_unavailable",    'e', "Uploads cannot be taken at the moment. Try again later.")                         \
X(DETECTOR_AWAY,       3015, 503, "server_error",          "policy_detector_unavailable",   'w', "The request cannot be inspected at the moment. Try again later.")                          \
X(UNKNOWN_URL,         4001, 404, "invalid_request_error", "unknown_url",                   'd', "Unknown request URL.")                                                           \
X(METHOD,              4002, 405, "invalid_request_error", "method_not_allowed",            'd', "This method is not allowed for this URL.")                                       \
X(MODEL_NOT_FOUND,     4003, 404, "invalid_request_error", "model_not_found",               'd', "The model does not exist or you do not have access to it.")                      \
X(REGION_UNSERVED,     4013, 403, "permission_error",      "region_not_served",             'w', "No upstream may answer here: none is in a region that the rules of this place allow.") \
X(PACK_UNKNOWN,        4012, 503, "server_error",          "pack_unknown",                  'e', "A pack of rules of this place is not loaded.")                                         \
X(REGION_UNKNOWN,      4011, 503, "server_error",          "region_unknown",                'e', "The rules of this place's region are not loaded.")                                    \
X(NO_UPSTREAM,         5001, 503, "server_error",          "upstream_unavailable",          'e', "No upstream can answer at the moment. Try again later.")                         \
X(UPSTREAM_BROKEN,     5002, 502, "server_error",          "upstream_error",                'w', "The upstream's answer could not be used.")                                       \
X(UPSTREAM_SLOW,       5003, 504, "server_error",          "upstream_timeout",              'w', "The upstream did not answer in time.")                                           \
X(UPSTREAM_CREDENTIALS,5004, 502, "server_error",          "upstream_credentials_exhausted",'e', "The gateway's own credentials were refused by the upstream.")                    \
X(PROCESS_LOST,        5005, 502, "server_error",          "process_lost",                  'w', "The process of the gateway that served the request has ended.")                       \
X(ANSWER_BLOCKED,      6001, 502, "server_error",          "content_policy_violation",      'd', "The answer held content that must not be passed on.")                            \
X(ANSWER_TOO_LARGE,    6002, 502, "server_error",          "answer_too_large",              'w', "The upstream's answer is larger than the gateway accepts.")                      \
X(ANSWER_OPAQUE,       6003, 502, "server_error",          "content_not_readable",          'd', "The answer is a file that cannot be read, and such files may not be passed on.")     \
X(AUDIT_FAILED,        8001, 503, "server_error",          "audit_unavailable",             'e', "The request cannot be recorded at the moment. Try again later.")                 \
X(NOT_CONFIGURED,      9001, 500, "server_error",          "not_configured",                'e', "The gateway is not fully configured.") \
X(LOCK_LOOSENED,       9003, 500, "server_error",          "policy_locked",                 'e', "A directive of this place would loosen what is locked further out.") \
X(POLICY_UNLOADED,     9002, 503, "server_error",          "policy_unavailable",            'e', "The published policy cannot be loaded at the moment. Try again later.")
// clang-format on

typedef enum cg_verdict_t {
    CG_PASS = 0,
#define CG_REASON_ENUM(id, number, ...) CG_##id = (number),
    CG_REASONS(CG_REASON_ENUM)
#undef CG_REASON_ENUM
} cg_verdict_t;

typedef struct cg_reason_t {
    cg_verdict_t number;
    int status;
    const char *type;
    const char *code;
    char level;
    const char *words;
} cg_reason_t;

/* The row of a verdict that is not CG_PASS. */
const cg_reason_t *cg_reason_find(cg_verdict_t verdict);
size_t cg_reasons_count(void);
const cg_reason_t *cg_reason_at(size_t index);

/* OpenAI's error object, {"error":{"message","type","param","code"}}. words NULL
 * is the row's; param NULL is JSON null. */
void cg_refuse_write(const cg_reason_t *reason, const char *words,
                     const char *param, cg_buf_t *out);
/* The same for a status that httpd itself gave (400, 404, 405, 408, 411 ...). */
void cg_refuse_write_status(int status, cg_buf_t *out);

#endif
