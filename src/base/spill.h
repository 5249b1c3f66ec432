/* Bytes put aside: in memory while they are few, then in a file without a name.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The file's name is removed as soon as it is open, so that nothing stays behind
 * whatever happens to the process. It is readable by nobody else.
 */
#ifndef CG_BASE_SPILL_H
#define CG_BASE_SPILL_H

#include <apr_file_io.h>

#include "base/error.h"
#include "base/text.h"

/* More goes into the file, in pieces of that size. */
#define CG_SPILL_MEMORY_BYTES 262144

/* lives in: the pool given to open · read-only once closed */
typedef struct cg_spill_t {
    apr_off_t len;
    cg_str_t memory;  /* all of it, when there is no file */
    apr_file_t *file; /* NULL: all is in memory */
    /* private */
    const char *folder; /* NULL: the system's for temporary files */
    cg_buf_t waiting;
    apr_pool_t *pool;
} cg_spill_t;

/* Keeps folder. */
void cg_spill_open(cg_spill_t *spill, const char *folder, apr_pool_t *pool);
/* err names the folder; what was added before is then lost as well. */
apr_status_t cg_spill_add(cg_spill_t *spill, cg_str_t bytes, cg_error_t *err);
/* Nothing more is added; memory or file now holds all. */
apr_status_t cg_spill_close(cg_spill_t *spill, cg_error_t *err);

#endif
