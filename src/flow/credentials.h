/* The stored credentials on this server's disk, from where every child takes them.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   credentials.sealed   JSON: name, version and sealed text of each
 *
 * It stands in the journal's folder, so what the store said last is in force after
 * a restart before Redis is asked, and also when it cannot be asked. The texts are
 * as sealed there as in Redis; each child opens them in memory of its own.
 */
#ifndef CG_FLOW_CREDENTIALS_H
#define CG_FLOW_CREDENTIALS_H

#include "auth/credential.h"
#include "flow/gateway.h"

/* The names that accounts ask for, each once; out has CG_ACCOUNTS_MAX. */
size_t cg_credentials_names(const cg_gateway_t *gateway, const char **out);

/* Puts what the store said into the folder and moves gateway->credentials_serial.
 * Of a name that the store does not know (version 0) what was there stays: it is
 * the store that lost something; a deleted one goes. Of one that does not open what
 * was there stays as well, if it opens: whoever may write to the store can delete a
 * credential, but not exchange it, and a restart changes nothing. *out_changed:
 * something is new. For the process that leads. */
apr_status_t cg_credentials_install(const cg_gateway_t *gateway,
                                    const cg_credential_t *said, size_t count,
                                    bool *out_changed, cg_error_t *err,
                                    apr_pool_t *pool);

/* Puts what stands in the folder in force in this child. One that does not open
 * leaves what was in force of its name. APR_SUCCESS also when there is nothing
 * there. One thread at a time. */
apr_status_t cg_credentials_refresh(const cg_gateway_t *gateway,
                                    cg_error_t *err);
/* The same before a child's first request. What is missing then, or does not open
 * because the master key was changed a moment ago, is asked of the store itself. */
apr_status_t cg_credentials_begin(const cg_gateway_t *gateway, cg_error_t *err);

#endif
