/* The console's limits of single objects on this server's disk, from where every
 * child takes them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/overrides.h"

#include <errno.h>
#include <string.h>

#include <apr_strings.h>

#include "base/file.h"
#include "base/share.h"

#define FILE_NAME "limits.jsonl"
#define FILE_BYTES_MAX (256 * CG_MIB)

static const char *path_of(const cg_gateway_t *gateway, apr_pool_t *pool)
{
    return apr_pstrcat(pool, cg_journal_folder(gateway->journal), "/" FILE_NAME,
                       NULL);
}

/* ---- the file ------------------------------------------------------------------ */

static void add_line(cg_buf_t *out, const cg_override_t *row, apr_pool_t *temp)
{
    const char *field = cg_override_field(row, temp);
    cg_buf_str(out, "{\"field\":");
    cg_buf_json_string(out, field, strlen(field));
    cg_buf_str(out, ",\"value\":");
    const char *value = cg_override_write(row, temp);
    cg_buf_json_string(out, value, strlen(value));
    cg_buf_str(out, "}\n");
}

static cg_str_t write_all(const cg_overrides_t *set, apr_pool_t *pool)
{
    apr_pool_t *temp;
    cg_buf_t out;
    cg_buf_init(&out, 64 * 1024, pool);
    apr_pool_create(&temp, pool);
    for (size_t i = 0; i < cg_overrides_count(set); i++) {
        add_line(&out, cg_overrides_at(set, i), temp);
        apr_pool_clear(temp);
    }
    apr_pool_destroy(temp);
    return (cg_str_t){cg_buf_cstr(&out), out.len};
}

/* A file that is missing, or too large to be one of ours, holds nothing. */
static apr_status_t read_file(const char *path, cg_str_t *out, cg_error_t *err,
                              apr_pool_t *pool)
{
    *out = (cg_str_t){"", 0};
    apr_status_t rv = cg_file_read(path, FILE_BYTES_MAX, out, err, pool);
    return APR_STATUS_IS_ENOENT(rv) || rv == EFBIG ? APR_SUCCESS : rv;
}

/* A line that is damaged is left out: the store is asked within seconds. */
static void read_line(cg_overrides_t *set, cg_str_t line, apr_pool_t *temp)
{
    cg_error_t unused;
    const cg_json_t *json = cg_json_parse(line.ptr, line.len, &unused, temp);
    if (json) {
        cg_overrides_add(set, cg_str(cg_json_get_str(json, "field", "")),
                         cg_str(cg_json_get_str(json, "value", "")), &unused);
    }
}

static void read_all(cg_overrides_t *set, cg_str_t text, apr_pool_t *pool)
{
    apr_pool_t *temp;
    apr_pool_create(&temp, pool);
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        read_line(set, (cg_str_t){text.ptr, len}, temp);
        apr_pool_clear(temp);
        text.ptr += len + (end != NULL);
        text.len -= len + (end != NULL);
    }
    apr_pool_destroy(temp);
}

/* ---- what is in force ------------------------------------------------------------ */

apr_status_t cg_flow_overrides_install(const cg_gateway_t *gateway,
                                       const cg_overrides_t *said,
                                       cg_error_t *err, apr_pool_t *pool)
{
    const char *path = path_of(gateway, pool);
    cg_str_t next = write_all(said, pool);
    cg_str_t now;
    apr_status_t rv = read_file(path, &now, err, pool);
    if (rv == APR_SUCCESS && cg_str_equal(now, next)) {
        return APR_SUCCESS;
    }
    rv = cg_file_replace(path, next, err, pool);
    if (rv == APR_SUCCESS) {
        cg_atomic_add(gateway->overrides_serial, 1);
    }
    return rv;
}

apr_status_t cg_flow_overrides_refresh(const cg_gateway_t *gateway,
                                       cg_error_t *err)
{
    apr_pool_t *own, *temp;
    cg_str_t text;
    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    apr_pool_create(&temp, own);
    cg_overrides_t *set = cg_overrides_create(own);
    /* Read before the file: what is written meanwhile is read once more. */
    cg_overrides_set_serial(set, cg_atomic_get(gateway->overrides_serial));
    apr_status_t rv = read_file(path_of(gateway, temp), &text, err, temp);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(own);
        return rv;
    }
    read_all(set, text, temp);
    apr_pool_destroy(temp);
    cg_gateway_swap_overrides(gateway, set, own);
    return APR_SUCCESS;
}
