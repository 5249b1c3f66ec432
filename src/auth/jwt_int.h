/* What the files of jwt.h share: the rules of the claims.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For auth/jwt*.c only.
 */
#ifndef CG_AUTH_JWT_INT_H
#define CG_AUTH_JWT_INT_H

#include "auth/jws.h"
#include "auth/jwt.h"

/* NULL: it is not there, or no string. */
const char *cg_jwt_string(const cg_claims_t *claims, const char *name,
                          apr_pool_t *pool);
/* The first rule that parsed claims break for row, whose iss they have. Fills all
 * that cg_claims_parse does not. */
cg_jwt_rule_t cg_jwt_check(cg_claims_t *claims, const cg_issuer_t *row,
                           apr_time_t now, apr_pool_t *pool);

#endif
