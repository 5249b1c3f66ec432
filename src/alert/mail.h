/* Mail: an alert as a message for people.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The subject is an encoded word (RFC 2047) of UTF-8 and the body base64, so that
 * no name of a key, user or team can end a line of the message or add one.
 */
#ifndef CG_ALERT_MAIL_H
#define CG_ALERT_MAIL_H

#include "alert/rules.h"

/* The whole message, CRLF at each end. The Message-ID is made of the alert's id: a
 * second copy can be known for one. */
const char *cg_mail_text(const cg_alert_way_t *way, const cg_alert_t *alert,
                         apr_time_t now, apr_pool_t *pool);
apr_status_t cg_mail_send(const cg_alert_way_t *way, const cg_alert_t *alert,
                          apr_time_t now, const volatile int *stop,
                          cg_error_t *err, apr_pool_t *pool);

#endif
