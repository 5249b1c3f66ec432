/* The issuers' keys on this server's disk, from where every child takes them.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   issuer-<name>.jwks    a line of JSON (URL, time), then the set as it came
 *   issuer-<name>.state   JSON: when it was last tried, and what went wrong
 *
 * They stand in the journal's folder, so what an issuer said last is in force after
 * a restart, also while the issuer is away. A set of another URL than the
 * configuration's does not count. Nothing here runs in a request.
 */
#ifndef CG_FLOW_KEYSETS_H
#define CG_FLOW_KEYSETS_H

#include "flow/gateway.h"

#define CG_KEYSETS_FETCH_FOR (10 * CG_SECOND)

/* What is known of one issuer. lives in: the pool given */
typedef struct cg_keyset_state_t {
    apr_time_t fetched_at; /* of the set on the disk; 0: there is none */
    apr_time_t tried_at;   /* 0: never */
    const char *error;     /* of the last try; "": it went well */
} cg_keyset_state_t;

/* Asks the issuer, and when it answers with a sound set puts that into the folder
 * and moves the issuer's serial. A set without a key that can be used is put there
 * too, and is an error. stop (may be NULL) gives it up. For the process that leads,
 * and different issuers at the same time. */
apr_status_t cg_keysets_fetch(const cg_gateway_t *gateway,
                              const cg_issuer_t *issuer,
                              const volatile int *stop, cg_error_t *err,
                              apr_pool_t *pool);

/* Has another set come into the folder than is in force in this child? */
bool cg_keysets_are_old(const cg_gateway_t *gateway, apr_pool_t *pool);
/* Puts what stands in the folder in force in this child. One thread at a time. */
void cg_keysets_refresh(const cg_gateway_t *gateway);

void cg_keysets_state(const cg_gateway_t *gateway, const cg_issuer_t *issuer,
                      cg_keyset_state_t *out, apr_pool_t *pool);

#endif
