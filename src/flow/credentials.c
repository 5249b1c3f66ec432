/* The stored credentials on this server's disk, from where every child takes them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/credentials.h"

#include <errno.h>
#include <string.h>

#include <apr_strings.h>

#include "base/file.h"
#include "base/json.h"
#include "base/share.h"

#define FILE_NAME "credentials.sealed"
#define FILE_BYTES_MAX (CG_ACCOUNTS_MAX * 2 * CG_SEAL_PLAIN_MAX)

/* What stands in the file. lives in: the pool of who reads it */
typedef struct shelf_t {
    size_t count;
    cg_credential_t rows[CG_ACCOUNTS_MAX];
} shelf_t;

static const char *path_of(const cg_gateway_t *gateway, apr_pool_t *pool)
{
    return apr_pstrcat(pool, cg_journal_folder(gateway->journal), "/" FILE_NAME,
                       NULL);
}

size_t cg_credentials_names(const cg_gateway_t *gateway, const char **out)
{
    size_t count = 0;
    for (size_t i = 0; i < gateway->accounts->count; i++) {
        const char *name = gateway->accounts->rows[i].stored;
        size_t at = 0;
        while (name && at < count && strcmp(out[at], name) != 0) {
            at++;
        }
        if (name && at == count) {
            out[count++] = name;
        }
    }
    return count;
}

/* ---- the file ------------------------------------------------------------ */

static const cg_credential_t *find(const shelf_t *shelf, const char *name)
{
    for (size_t i = 0; i < shelf->count; i++) {
        if (strcmp(shelf->rows[i].name, name) == 0) {
            return &shelf->rows[i];
        }
    }
    return NULL;
}

static void read_row(shelf_t *shelf, const cg_json_t *json)
{
    cg_credential_t row = {.name = cg_json_get_str(json, "name", ""),
                           .version = cg_json_get_int(json, "version", 0),
                           .sealed = cg_json_get_str(json, "sealed", "")};
    if (shelf->count < CG_ACCOUNTS_MAX && cg_credential_is_name(row.name) &&
        row.version > 0 && row.sealed[0]) {
        shelf->rows[shelf->count++] = row;
    }
}

/* A file that is missing holds nothing, and so does one that is damaged: the store
 * is asked for all of it within seconds. */
static apr_status_t read_shelf(const cg_gateway_t *gateway, shelf_t *out,
                               cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t text;
    out->count = 0;
    apr_status_t rv =
        cg_file_read(path_of(gateway, pool), FILE_BYTES_MAX, &text, err, pool);
    if (APR_STATUS_IS_ENOENT(rv) || rv == EFBIG) {
        return APR_SUCCESS;
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    const cg_json_t *rows = cg_json_parse(text.ptr, text.len, NULL, pool);
    for (size_t i = 0; rows && i < cg_json_size(rows); i++) {
        read_row(out, cg_json_at(rows, i));
    }
    return APR_SUCCESS;
}

static apr_status_t write_shelf(const cg_gateway_t *gateway,
                                const shelf_t *shelf, cg_error_t *err,
                                apr_pool_t *pool)
{
    size_t len;
    cg_json_t *rows = cg_json_array(pool);
    for (size_t i = 0; i < shelf->count; i++) {
        cg_json_t *row = cg_json_object(pool);
        cg_json_set_str(row, "name", shelf->rows[i].name);
        cg_json_set_int(row, "version", shelf->rows[i].version);
        cg_json_set_str(row, "sealed", shelf->rows[i].sealed);
        cg_json_add(rows, row);
    }
    const char *text = cg_json_dump(rows, &len, pool);
    return cg_file_replace(path_of(gateway, pool), (cg_str_t){text, len}, err,
                           pool);
}

static bool is_same(const cg_credential_t *a, const cg_credential_t *b)
{
    return a && a->version == b->version && strcmp(a->sealed, b->sealed) == 0;
}

/* It is closed again at once. */
static bool does_open(const cg_gateway_t *gateway, const cg_credential_t *row,
                      apr_pool_t *pool)
{
    cg_error_t unused;
    cg_secret_t *secret;
    apr_pool_t *own;
    apr_pool_create(&own, pool);
    bool is_open = cg_credential_unseal(gateway->sealer, row, &secret, &unused,
                                        own) == APR_SUCCESS;
    apr_pool_destroy(own);
    return is_open;
}

/* What shall stand in the folder after the store said this: what the store lost, or
 * what does not open, does not take the place of what does. */
static const cg_credential_t *choose(const cg_gateway_t *gateway,
                                     const cg_credential_t *said,
                                     const cg_credential_t *old,
                                     apr_pool_t *pool)
{
    if (said->version == 0) {
        return old;
    }
    if (!old || !said->sealed[0] || is_same(old, said) ||
        does_open(gateway, said, pool)) {
        return said;
    }
    return does_open(gateway, old, pool) ? old : said;
}

apr_status_t cg_credentials_install(const cg_gateway_t *gateway,
                                    const cg_credential_t *said, size_t count,
                                    bool *out_changed, cg_error_t *err,
                                    apr_pool_t *pool)
{
    shelf_t *now = apr_palloc(pool, sizeof *now);
    shelf_t *next = apr_pcalloc(pool, sizeof *next);
    *out_changed = false;
    apr_status_t rv = read_shelf(gateway, now, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (size_t i = 0; i < count; i++) {
        const cg_credential_t *old = find(now, said[i].name);
        const cg_credential_t *row = choose(gateway, &said[i], old, pool);
        if (row && row->sealed[0]) {
            next->rows[next->count++] = *row;
            *out_changed = *out_changed || !is_same(old, row);
        }
    }
    *out_changed = *out_changed || next->count != now->count;
    if (*out_changed) {
        rv = write_shelf(gateway, next, err, pool);
    }
    if (*out_changed && rv == APR_SUCCESS) {
        cg_atomic_add(gateway->credentials_serial, 1);
    }
    return rv;
}

/* ---- in force ------------------------------------------------------------ */

static const cg_secret_t *secret_of(const cg_credentials_t *set,
                                    const char *name, int64_t *out_version)
{
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->rows[i].name, name) == 0) {
            *out_version = set->rows[i].version;
            return set->rows[i].secret;
        }
    }
    return NULL;
}

static void add(cg_credentials_t *to, const cg_credential_t *row,
                const cg_gateway_t *gateway, const cg_credentials_t *before,
                apr_pool_t *own)
{
    cg_error_t unused;
    cg_secret_t *secret = NULL;
    int64_t version = row->version;
    if (cg_credential_unseal(gateway->sealer, row, &secret, &unused, own) !=
        APR_SUCCESS) {
        const cg_secret_t *old = secret_of(before, row->name, &version);
        secret = old ? cg_secret_copy(old, own) : NULL;
    }
    if (secret) {
        to->rows[to->count].name = apr_pstrdup(own, row->name);
        to->rows[to->count].version = version;
        to->rows[to->count].secret = secret;
        to->count++;
    }
}

static void put_in_force(const cg_gateway_t *gateway, const shelf_t *shelf,
                         int64_t shelf_serial, apr_pool_t *pool)
{
    apr_pool_t *own;
    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    const cg_credentials_t *before = cg_gateway_take_credentials(gateway, pool);
    cg_credentials_t *next = apr_pcalloc(own, sizeof *next);
    next->serial = shelf_serial;
    for (size_t i = 0; i < shelf->count; i++) {
        add(next, &shelf->rows[i], gateway, before, own);
    }
    cg_gateway_swap_credentials(gateway, next, own);
}

apr_status_t cg_credentials_refresh(const cg_gateway_t *gateway,
                                    cg_error_t *err)
{
    apr_pool_t *temp;
    apr_pool_create(&temp, NULL);
    /* Read before the file: what is written meanwhile is read once more. */
    int64_t serial = cg_atomic_get(gateway->credentials_serial);
    shelf_t *shelf = apr_palloc(temp, sizeof *shelf);
    apr_status_t rv = read_shelf(gateway, shelf, err, temp);
    if (rv == APR_SUCCESS) {
        put_in_force(gateway, shelf, serial, temp);
    }
    apr_pool_destroy(temp);
    return rv;
}

/* Only into this child: the file is written by the process that leads. */
static void ask_store(const cg_gateway_t *gateway, int64_t serial,
                      apr_pool_t *pool)
{
    const char *names[CG_ACCOUNTS_MAX];
    shelf_t *said = apr_pcalloc(pool, sizeof *said);
    cg_error_t unused;
    size_t count = cg_credentials_names(gateway, names);
    if (cg_credential_fetch(gateway->store, names, count, said->rows, &unused,
                            pool) == APR_SUCCESS) {
        said->count = count;
        put_in_force(gateway, said, serial, pool);
    }
}

apr_status_t cg_credentials_begin(const cg_gateway_t *gateway, cg_error_t *err)
{
    apr_pool_t *temp;
    apr_pool_create(&temp, NULL);
    apr_status_t rv = cg_credentials_refresh(gateway, err);
    const cg_credentials_t *now = cg_gateway_take_credentials(gateway, temp);
    if (rv == APR_SUCCESS && cg_accounts_unready(gateway->accounts, now)) {
        ask_store(gateway, now->serial, temp);
    }
    apr_pool_destroy(temp);
    return rv;
}
