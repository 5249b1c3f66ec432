/* Credentials of upstreams, kept in the store, sealed.
 * SPDX-License-Identifier: Apache-2.0
 *
 * "ChatGPTUpstream NAME URL stored:WHICH" asks for one by name. A record is a hash:
 * sealed, version, created_at (of the name), changed_at. Each change is a new
 * version, which the sealed text is bound to; a deleted one stays as a record with
 * an empty text, so that a store which lost its data (no record: keep what you
 * have) can be told from an operator who took the credential back. A change is
 * published on the channel cg:credentials as the name.
 */
#ifndef CG_AUTH_CREDENTIAL_H
#define CG_AUTH_CREDENTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "auth/seal.h"
#include "store/store.h"

#define CG_CREDENTIAL_NAME_MAX 64

typedef struct cg_credential_t {
    const char *name;
    int64_t version; /* 0: the store knows nothing of it */
    apr_time_t created_at;
    apr_time_t changed_at;
    const char *sealed; /* "": deleted */
    const char *key_id; /* of the master key it needs; NULL: deleted */
} cg_credential_t;

/* Letters, digits, - _ . and at most CG_CREDENTIAL_NAME_MAX of them. */
bool cg_credential_is_name(const char *name);
/* Fit for a header: one line of printable ASCII without blanks. */
bool cg_credential_is_value(cg_str_t value);

/* Seals and writes; out tells the new version. APR_EINVAL: name or value is not
 * legal. APR_ENOTIMPL: no master key. */
apr_status_t cg_credential_set(cg_store_t *store, const cg_sealer_t *sealer,
                               const char *name, cg_str_t value, apr_time_t now,
                               cg_credential_t *out, cg_error_t *err,
                               apr_pool_t *pool);
/* APR_NOTFOUND if there is none. */
apr_status_t cg_credential_delete(cg_store_t *store, const char *name,
                                  apr_time_t now, cg_credential_t *out,
                                  cg_error_t *err, apr_pool_t *pool);
/* Those that are there, by name. *out: array of cg_credential_t. */
apr_status_t cg_credential_list(cg_store_t *store, apr_array_header_t **out,
                                cg_error_t *err, apr_pool_t *pool);
/* The records of these names, in their order, deleted and unknown ones too. */
apr_status_t cg_credential_fetch(cg_store_t *store, const char *const *names,
                                 size_t count, cg_credential_t *out,
                                 cg_error_t *err, apr_pool_t *pool);
/* The secret of a record; statuses are cg_unseal's. */
apr_status_t cg_credential_unseal(const cg_sealer_t *sealer,
                                  const cg_credential_t *of, cg_secret_t **out,
                                  cg_error_t *err, apr_pool_t *pool);

#endif
