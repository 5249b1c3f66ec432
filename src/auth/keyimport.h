/* Keys issued and changed by lines of CSV.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_AUTH_KEYIMPORT_H
#define CG_AUTH_KEYIMPORT_H

#include "auth/keycsv.h"

typedef enum cg_key_result_t {
    CG_KEY_CREATED,
    CG_KEY_UPDATED,
    CG_KEY_ENDED, /* revoked */
    CG_KEY_UNCHANGED,
    CG_KEY_FAILED,
    CG_KEY_RESULT_COUNT
} cg_key_result_t;

/* "created", "updated", "revoked", "unchanged", "failed". */
const char *cg_key_result_name(cg_key_result_t result);

/* What a line did, or would do. */
typedef struct cg_key_import_t {
    cg_key_result_t result;
    bool has_before;
    cg_key_t before;
    cg_key_t after;                       /* as asked, when nothing was done */
    char spelled[CG_KEY_SPELLED_LEN + 1]; /* of CREATED; wipe it */
    cg_error_t err;                       /* of FAILED */
} cg_key_import_t;

/* What the line asks for, without doing it: result is what it would be. A key
 * that is named by its id is read from the store. */
void cg_keyimport_plan(cg_keyring_t *ring, const cg_keycsv_t *csv,
                       const cg_keycsv_row_t *row, apr_time_t now,
                       cg_key_import_t *out, apr_pool_t *pool);
/* Does what was planned. */
void cg_keyimport_do(cg_keyring_t *ring, apr_time_t now, cg_key_import_t *plan,
                     apr_pool_t *pool);

/* Makes many keys with two round trips: wanted, out and out_spelled have count
 * members. All or nothing does not hold: on an error some may have been made. At
 * most CG_KEY_BULK_MAX at once; each wanted was checked. */
#define CG_KEY_BULK_MAX 256
apr_status_t cg_apikey_create_many(cg_keyring_t *ring, const cg_key_t *wanted,
                                   size_t count, apr_time_t now, cg_key_t *out,
                                   char (*out_spelled)[CG_KEY_SPELLED_LEN + 1],
                                   cg_error_t *err, apr_pool_t *pool);

#endif
