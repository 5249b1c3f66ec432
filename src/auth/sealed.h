/* The records that hold a sealed text: which they are, and how they are wrapped
 * anew when the master key changes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Such a record is a hash with the text in its field "sealed". Whoever writes one
 * notes its name here first, in the set cg:sealed; a name is never taken out, so
 * that no order of writing, deleting and wrapping loses one. A name without a
 * record, or without the field, is passed over.
 *
 * A text is exchanged only for what it was when it was read, so wrapping may be
 * broken off, repeated, and run beside servers and tools that write. Owner and
 * version of the secret stay as they are.
 */
#ifndef CG_AUTH_SEALED_H
#define CG_AUTH_SEALED_H

#include <stdbool.h>

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_tables.h>

#include "auth/seal.h"
#include "store/store.h"

#define CG_SEALED_FIELD "sealed"

typedef struct cg_sealed_t {
    const char *key; /* of the hash */
    cg_str_t text;
} cg_sealed_t;

/* Notes that the hash with this name holds, or is about to hold, a sealed text. */
apr_status_t cg_sealed_note(cg_store_t *store, cg_str_t key, cg_error_t *err,
                            apr_pool_t *pool);
/* Some of them: cursor "0" begins, *out_next "0" is the end. *out: array of
 * cg_sealed_t; one may come twice. */
apr_status_t cg_sealed_page(cg_store_t *store, const char *cursor,
                            apr_array_header_t **out, const char **out_next,
                            cg_error_t *err, apr_pool_t *pool);
/* Under the current master key. *out_changed false: it was already, or somebody
 * wrote another text meanwhile. Other statuses are cg_unseal's and the store's. */
apr_status_t cg_sealed_rewrap(cg_store_t *store, const cg_sealer_t *sealer,
                              const cg_sealed_t *one, bool *out_changed,
                              cg_error_t *err, apr_pool_t *pool);

#endif
