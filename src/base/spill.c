/* Bytes put aside: in memory while they are few, then in a file without a name.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/spill.h"

#include <apr_strings.h>

void cg_spill_open(cg_spill_t *spill, const char *folder, apr_pool_t *pool)
{
    *spill = (cg_spill_t){.memory = {"", 0}, .folder = folder, .pool = pool};
    cg_buf_init(&spill->waiting, 0, pool);
}

static apr_status_t fail(const cg_spill_t *spill, apr_status_t rv,
                         cg_error_t *err)
{
    char words[120];
    cg_error_set(err, "cannot keep an upload in %s: %s",
                 spill->folder ? spill->folder
                               : "the folder for temporary files",
                 apr_strerror(rv, words, sizeof words));
    return rv;
}

static apr_status_t open_file(cg_spill_t *spill)
{
    const char *folder = spill->folder;
    apr_status_t rv =
        folder ? APR_SUCCESS : apr_temp_dir_get(&folder, spill->pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    char *name = apr_pstrcat(spill->pool, folder, "/chatgpt-XXXXXX", NULL);
    rv = apr_file_mktemp(&spill->file, name,
                         APR_FOPEN_CREATE | APR_FOPEN_EXCL | APR_FOPEN_READ |
                             APR_FOPEN_WRITE | APR_FOPEN_BINARY,
                         spill->pool);
    if (rv != APR_SUCCESS) {
        spill->file = NULL;
        return rv;
    }
    return apr_file_remove(name, spill->pool);
}

static apr_status_t write_waiting(cg_spill_t *spill)
{
    apr_status_t rv = spill->file ? APR_SUCCESS : open_file(spill);
    if (rv == APR_SUCCESS) {
        rv = apr_file_write_full(spill->file, spill->waiting.ptr,
                                 spill->waiting.len, NULL);
    }
    spill->waiting.len = 0;
    return rv;
}

apr_status_t cg_spill_add(cg_spill_t *spill, cg_str_t bytes, cg_error_t *err)
{
    while (bytes.len > 0) {
        size_t room = CG_SPILL_MEMORY_BYTES - spill->waiting.len;
        size_t take = bytes.len < room ? bytes.len : room;
        cg_buf_add(&spill->waiting, bytes.ptr, take);
        spill->len += (apr_off_t)take;
        bytes = (cg_str_t){bytes.ptr + take, bytes.len - take};
        if (bytes.len == 0) {
            break;
        }
        apr_status_t rv = write_waiting(spill);
        if (rv != APR_SUCCESS) {
            return fail(spill, rv, err);
        }
    }
    return APR_SUCCESS;
}

apr_status_t cg_spill_close(cg_spill_t *spill, cg_error_t *err)
{
    if (!spill->file) {
        spill->memory = (cg_str_t){spill->waiting.ptr ? spill->waiting.ptr : "",
                                   spill->waiting.len};
        return APR_SUCCESS;
    }
    apr_status_t rv = write_waiting(spill);
    return rv == APR_SUCCESS ? rv : fail(spill, rv, err);
}
