/* Webhooks: an alert as a signed POST, in the manner of Standard Webhooks.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   webhook-id: id of the alert, the same at each try
 *   webhook-timestamp: seconds since 1970 of this try
 *   webhook-signature: v1,BASE64(HMAC-SHA256(secret, "id.timestamp.body"))
 *
 * A secret that begins with "whsec_" is the base64 behind it; any other is its bytes.
 */
#ifndef CG_ALERT_WEBHOOK_H
#define CG_ALERT_WEBHOOK_H

#include "alert/rules.h"

/* {"type": "gateway.threshold", "timestamp": ..., "data": alert} */
const char *cg_webhook_body(const cg_alert_t *alert, cg_str_t json,
                            apr_pool_t *pool);
/* "v1,..." */
const char *cg_webhook_sign(const cg_secret_t *secret, const char *id,
                            int64_t timestamp, cg_str_t body, apr_pool_t *pool);
/* Sends. APR_SUCCESS: the receiver said 2xx. *out_is_final: it said 410, and will
 * never take it. stop: see cg_fetch_t. */
apr_status_t cg_webhook_send(const cg_alert_way_t *way, const cg_alert_t *alert,
                             cg_str_t json, apr_time_t now,
                             const volatile int *stop, bool *out_is_final,
                             cg_error_t *err, apr_pool_t *pool);

#endif
