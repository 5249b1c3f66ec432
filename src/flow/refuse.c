/* Every reason for a no: one row each, and the face it shows the caller.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/refuse.h"

#include <string.h>

static const cg_reason_t reasons[] = {
#define CG_REASON_ROW(id_, number_, status_, type_, code_, level_, words_)     \
    {CG_##id_, status_, type_, code_, level_, words_},
    CG_REASONS(CG_REASON_ROW)
#undef CG_REASON_ROW
};

/* What httpd's core and mod_proxy say by themselves. */
static const cg_reason_t by_status[] = {
    {0, 400, "invalid_request_error", "bad_request", 'd',
     "The request could not be understood."},
    {0, 401, "invalid_request_error", "invalid_api_key", 'd',
     "Authentication is required."},
    {0, 403, "permission_error", "forbidden", 'd',
     "You are not allowed to do this."},
    {0, 404, "invalid_request_error", "unknown_url", 'd',
     "Unknown request URL."},
    {0, 405, "invalid_request_error", "method_not_allowed", 'd',
     "This method is not allowed for this URL."},
    {0, 408, "invalid_request_error", "request_timeout", 'd',
     "The request did not arrive in time."},
    {0, 411, "invalid_request_error", "length_required", 'd',
     "The request needs a Content-Length."},
    {0, 413, "invalid_request_error", "request_too_large", 'd',
     "The request body is too large."},
    {0, 414, "invalid_request_error", "uri_too_long", 'd',
     "The request URL is too long."},
    {0, 417, "invalid_request_error", "expectation_failed", 'd',
     "The Expect header cannot be met."},
    {0, 421, "invalid_request_error", "misdirected_request", 'd',
     "This host is not served here."},
    {0, 426, "invalid_request_error", "upgrade_required", 'd',
     "Another protocol is needed."},
    {0, 431, "invalid_request_error", "headers_too_large", 'd',
     "A request header is too large."},
    {0, 500, "server_error", "internal_error", 'e',
     "The gateway had an error while processing your request."},
    {0, 501, "invalid_request_error", "not_implemented", 'd',
     "The request uses something that is not implemented."},
    {0, 502, "server_error", "upstream_error", 'w',
     "The upstream's answer could not be used."},
    {0, 503, "server_error", "upstream_unavailable", 'w',
     "The service is not available at the moment. Try again later."},
    {0, 504, "server_error", "upstream_timeout", 'w',
     "The upstream did not answer in time."},
};

enum {
    REASONS = sizeof reasons / sizeof reasons[0],
    STATUSES = sizeof by_status / sizeof by_status[0]
};

const cg_reason_t *cg_reason_find(cg_verdict_t verdict)
{
    for (int i = 0; i < REASONS; i++) {
        if (reasons[i].number == verdict) {
            return &reasons[i];
        }
    }
    return cg_reason_find(CG_NOT_CONFIGURED);
}

size_t cg_reasons_count(void)
{
    return REASONS;
}

const cg_reason_t *cg_reason_at(size_t index)
{
    return &reasons[index];
}

void cg_refuse_write(const cg_reason_t *reason, const char *words,
                     const char *param, cg_buf_t *out)
{
    words = words ? words : reason->words;
    cg_buf_str(out, "{\"error\":{\"message\":");
    cg_buf_json_string(out, words, strlen(words));
    cg_buf_str(out, ",\"type\":");
    cg_buf_json_string(out, reason->type, strlen(reason->type));
    cg_buf_str(out, ",\"param\":");
    if (param) {
        cg_buf_json_string(out, param, strlen(param));
    }
    else {
        cg_buf_str(out, "null");
    }
    cg_buf_str(out, ",\"code\":");
    cg_buf_json_string(out, reason->code, strlen(reason->code));
    cg_buf_str(out, "}}");
}

void cg_refuse_write_status(int status, cg_buf_t *out)
{
    const cg_reason_t *row = &by_status[status >= 500 ? STATUSES - 5 : 0];
    for (int i = 0; i < STATUSES; i++) {
        if (by_status[i].status == status) {
            row = &by_status[i];
        }
    }
    cg_refuse_write(row, NULL, NULL, out);
}
