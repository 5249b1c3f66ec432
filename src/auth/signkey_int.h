/* What the files of signing keys share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For signkey*.c and signopen.c only.
 */
#ifndef CG_AUTH_SIGNKEY_INT_H
#define CG_AUTH_SIGNKEY_INT_H

#include "auth/signkey.h"

#define CG_SIGNKEY_FIELDS 10
#define CG_SIGNKEY_SECRET_VERSION 1 /* a secret is never changed in place */

/* lives in: child pool · written by: cg_signring_open · read by: all threads */
struct cg_signring_t {
    cg_store_t *store;
    const cg_sealer_t *sealer; /* NULL: none */
    cg_cache_t *cache;         /* NULL: none */
    apr_time_t stale_for;
    struct cg_signopen_t *open; /* keys of each thread */
    cg_script_t save;
};

/* Whose a sealed secret is: bound into it. */
const char *cg_signkey_owner(const char *id, apr_pool_t *pool);
bool cg_signkey_is_id(cg_str_t text);
/* Names and values in turn, as HSET takes them; the material only of a new one: a
 * sealed secret may be wrapped anew at any moment, and must not be written back as
 * it was. Returns how many. */
size_t cg_signkey_write(const cg_signkey_t *key, bool is_new,
                        cg_str_t out[2 * CG_SIGNKEY_FIELDS], apr_pool_t *pool);
/* Reads an answer of HGETALL. APR_NOTFOUND for none; APR_EGENERAL for a hash that
 * is no signing key: it must not let anybody in. */
apr_status_t cg_signkey_read(const cg_reply_t *reply, const char *id,
                             cg_signkey_t *out, cg_error_t *err);
/* Asks the store. */
apr_status_t cg_signring_fetch(cg_signring_t *ring, const char *id,
                               cg_signkey_t *out, cg_error_t *err,
                               apr_pool_t *pool);

#endif
