/* Where a secret comes from: a file, the environment, or a program.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   file:/etc/mod_chatgpt/seal.key     read whole; closed to all but its owner
 *   env:SEAL_KEY                       a variable of the environment
 *   exec:/usr/bin/vault-read seal      what a program writes to standard output
 *
 * A program is started without a shell, with the words after its path; quotes hold
 * a word together. Its standard error is the caller's. It has ten seconds.
 */
#ifndef CG_BASE_SOURCE_H
#define CG_BASE_SOURCE_H

#include <stdbool.h>

#include <apr_errno.h>
#include <apr_pools.h>

#include "base/error.h"
#include "base/secret.h"

/* Has it one of the three forms? Reads nothing. err repeats none of it: who
 * mistakes the form may have written the secret itself. */
bool cg_source_check(const char *word, cg_error_t *err);
/* Reads it; the whole of it, less one newline at its end. */
apr_status_t cg_source_read(const char *word, cg_secret_t **out,
                            cg_error_t *err, apr_pool_t *pool);

#endif
