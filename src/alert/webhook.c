/* Webhooks: an alert as a signed POST.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/webhook.h"

#include <inttypes.h>
#include <string.h>

#include <apr_base64.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/fetch.h"

#define SECRET_PREFIX "whsec_"
#define ANSWER_MAX 65536
#define STATUS_GONE 410

const char *cg_webhook_body(const cg_alert_t *alert, cg_str_t json,
                            apr_pool_t *pool)
{
    char at[25];
    cg_buf_t body;
    cg_clock_rfc3339(alert->at, at);
    cg_buf_init(&body, json.len + 128, pool);
    cg_buf_fmt(&body, "{\"type\":\"gateway.%s\",\"timestamp\":\"%s\",\"data\":",
               cg_alert_kind_name(alert->kind), at);
    cg_buf_add(&body, json.ptr, json.len);
    cg_buf_char(&body, '}');
    return cg_buf_cstr(&body);
}

/* The key itself; *out_copy is to be wiped when it is not NULL. */
static cg_str_t key_of(const cg_secret_t *secret, char **out_copy,
                       apr_pool_t *pool)
{
    cg_str_t value = cg_secret_open(secret);
    size_t prefix = sizeof SECRET_PREFIX - 1;
    *out_copy = NULL;
    if (!cg_str_has_prefix(value, SECRET_PREFIX)) {
        return value;
    }
    char *text =
        cg_str_dup((cg_str_t){value.ptr + prefix, value.len - prefix}, pool);
    *out_copy = apr_pcalloc(pool, value.len + 1);
    int len = apr_base64_decode(*out_copy, text);
    cg_wipe(text, strlen(text));
    return (cg_str_t){*out_copy, len > 0 ? (size_t)len : 0};
}

const char *cg_webhook_sign(const cg_secret_t *secret, const char *id,
                            int64_t timestamp, cg_str_t body, apr_pool_t *pool)
{
    unsigned char mac[CG_SHA256_BYTES];
    char spelled[64];
    char *copy;
    cg_buf_t text;
    cg_buf_init(&text, body.len + 80, pool);
    cg_buf_fmt(&text, "%s.%" PRId64 ".", id, timestamp);
    cg_buf_add(&text, body.ptr, body.len);
    cg_str_t key = key_of(secret, &copy, pool);
    cg_hmac_sha256(key.ptr, key.len, text.ptr, text.len, mac);
    if (copy) {
        cg_wipe(copy, key.len);
    }
    apr_base64_encode_binary(spelled, mac, sizeof mac);
    return apr_pstrcat(pool, "v1,", spelled, NULL);
}

static void add(apr_array_header_t *headers, const char *name,
                const char *value)
{
    APR_ARRAY_PUSH(headers, const char *) =
        apr_pstrcat(headers->pool, name, ": ", value, NULL);
}

apr_status_t cg_webhook_send(const cg_alert_way_t *way, const cg_alert_t *alert,
                             cg_str_t json, apr_time_t now,
                             const volatile int *stop, bool *out_is_final,
                             cg_error_t *err, apr_pool_t *pool)
{
    const char *body = cg_webhook_body(alert, json, pool);
    int64_t timestamp = apr_time_sec(now);
    apr_array_header_t *headers = apr_array_make(pool, 6, sizeof(char *));
    add(headers, "Content-Type", "application/json");
    add(headers, "User-Agent", "mod_chatgpt");
    add(headers, "webhook-id", alert->id);
    add(headers, "webhook-timestamp",
        apr_psprintf(pool, "%" PRId64, timestamp));
    if (way->secret) {
        add(headers, "webhook-signature",
            cg_webhook_sign(way->secret, alert->id, timestamp, cg_str(body),
                            pool));
    }
    cg_fetch_t call = {.method = "POST",
                       .url = way->url,
                       .headers = headers,
                       .body = cg_str(body),
                       .total_for = way->total_for,
                       .answer_max = ANSWER_MAX,
                       .authority = way->authority,
                       .stop = stop};
    cg_fetched_t answer;
    *out_is_final = false;
    apr_status_t rv = cg_fetch(&call, &answer, err, pool);
    /* A receiver that took it may say as much about it as it likes. */
    if (rv != APR_SUCCESS && rv != APR_ENOSPC) {
        return rv;
    }
    if (answer.status >= 200 && answer.status < 300) {
        return APR_SUCCESS;
    }
    *out_is_final = answer.status == STATUS_GONE;
    cg_error_set(err, "the receiver said %d%s", answer.status,
                 answer.status >= 300 && answer.status < 400
                     ? "; redirects are not followed"
                     : "");
    return APR_EGENERAL;
}
