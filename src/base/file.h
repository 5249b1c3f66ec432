/* Small files of the server's own folders: read whole, replaced whole.
 * SPDX-License-Identifier: Apache-2.0
 *
 * No link is followed. On failure err says which file and why.
 */
#ifndef CG_BASE_FILE_H
#define CG_BASE_FILE_H

#include <stddef.h>

#include <apr_errno.h>
#include <apr_pools.h>

#include "base/error.h"
#include "base/text.h"

/* Puts bytes in the place of the file, mode 0600: whole or not at all, also when the
 * power fails. */
apr_status_t cg_file_replace(const char *path, cg_str_t bytes, cg_error_t *err,
                             apr_pool_t *pool);
/* APR_ENOENT: there is no such file (err is not set). EFBIG: it has more than most
 * bytes, or is no regular file. */
apr_status_t cg_file_read(const char *path, size_t most, cg_str_t *out,
                          cg_error_t *err, apr_pool_t *pool);

#endif
