/* The published policy on this server's disk, from where every child takes it.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   policy.published     a line of JSON (version, digest, time), the document
 *   policy-<hash>.rules  the compiled rules, mapped by every child; the hash is
 *                        of the document and of the configuration's rules
 *   policy.lock          held by who compiles, so that one does it and the others
 *                        map the result
 *
 * They stand in the journal's folder, so what was published last is in force
 * after a restart before Redis is asked, and also when it cannot be asked. An
 * image that is missing or damaged is compiled again from the document.
 */
#ifndef CG_FLOW_PUBLISHED_H
#define CG_FLOW_PUBLISHED_H

#include "flow/gateway.h"

/* Compiles a document and puts it and its image into the folder, then moves
 * gateway->policy_serial. APR_EINVAL: it cannot be used here, err says why;
 * what was there stays. For the process that leads. */
apr_status_t cg_published_install(const cg_gateway_t *gateway, int64_t version,
                                  apr_time_t published_at, cg_str_t document,
                                  cg_error_t *err, apr_pool_t *pool);
/* Nothing is published any more. */
void cg_published_remove(const cg_gateway_t *gateway, apr_pool_t *pool);

/* Puts what stands in the folder in force in this child. APR_SUCCESS also when
 * nothing was ever published. On failure what is in force stays; when that is
 * only the configuration, nothing may pass from then on (is_unloaded). One
 * thread at a time. */
apr_status_t cg_published_refresh(const cg_gateway_t *gateway, cg_error_t *err);

#endif
