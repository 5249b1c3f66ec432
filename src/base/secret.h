/* A value that must not be shown: a type that no format string takes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Opened only where it is used (auth, route, fetch, the upstream's headers). Its
 * memory is left out of core dumps and kept from the swap where the system can do
 * that, and wiped when the pool goes.
 */
#ifndef CG_BASE_SECRET_H
#define CG_BASE_SECRET_H

#include <stdbool.h>

#include <apr_errno.h>
#include <apr_file_io.h>
#include <apr_pools.h>

#include "base/error.h"
#include "base/text.h"

typedef struct cg_secret_t cg_secret_t;

cg_secret_t *cg_secret_make(cg_str_t value, apr_pool_t *pool);
/* The same, to be filled by who has the value: *out_room has len bytes of zero,
 * which live as long as the secret. */
cg_secret_t *cg_secret_room(size_t len, char **out_room, apr_pool_t *pool);
/* The same value with a life of its own. */
cg_secret_t *cg_secret_copy(const cg_secret_t *secret, apr_pool_t *pool);
/* Whole content of a file of at most 64 KiB; a single newline at its end does
 * not count. */
apr_status_t cg_secret_load(const char *path, cg_secret_t **out,
                            cg_error_t *err, apr_pool_t *pool);
/* The same of a file that is open; path is for words. */
apr_status_t cg_secret_read(apr_file_t *file, const char *path,
                            cg_secret_t **out, cg_error_t *err,
                            apr_pool_t *pool);
/* Value of an environment variable; APR_ENOENT when it is unset or empty. */
apr_status_t cg_secret_from_env(const char *name, cg_secret_t **out,
                                cg_error_t *err, apr_pool_t *pool);
/* The value; valid as long as the secret. Never print it. */
cg_str_t cg_secret_open(const cg_secret_t *secret);
/* Locks all secrets of this pool (not those of pools below it) in memory anew: a
 * process that was forked does not inherit its parent's locks. False: some could
 * not be locked, RLIMIT_MEMLOCK is too low. */
bool cg_secrets_lock(apr_pool_t *pool);

#endif
