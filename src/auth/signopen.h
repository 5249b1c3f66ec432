/* Signing keys that a thread has open: read once, used for many signatures.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A PEM takes OpenSSL some hundred microseconds, and locked memory for one secret
 * takes the system 50: ten times what a signature takes. So each thread keeps the
 * keys that it used last, at most 48. A row is found by the digest of id, algorithm
 * and material: a record that changed finds another, and a sealed text that was
 * copied to another record finds none. Shared secrets stand in one locked page that
 * no core dump has; a row is wiped when another key needs it, and all of them when
 * the thread ends or the ring goes.
 *
 * Whether a key may be used at all is never asked here. For signkey.c only.
 */
#ifndef CG_AUTH_SIGNOPEN_H
#define CG_AUTH_SIGNOPEN_H

#include <apr_pools.h>

#include "auth/signkey.h"

typedef struct cg_signopen_t cg_signopen_t;

/* NULL: the system has no room for another value of a thread; nothing verifies
 * then. */
cg_signopen_t *cg_signopen_make(apr_pool_t *pool);
/* Is bytes the signature of base by key? CG_SIGNKEY_SEALED: its secret does not
 * open, err says why. */
cg_signkey_verdict_t cg_signopen_verify(cg_signopen_t *open,
                                        const cg_sealer_t *sealer,
                                        const cg_signkey_t *key, cg_str_t base,
                                        cg_str_t bytes, cg_error_t *err,
                                        apr_pool_t *pool);

#endif
