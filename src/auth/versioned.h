/* A record of the store that is changed only by who has seen its last version.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A change is one script: it compares the version, writes the fields and publishes
 * the id. Each carries a random mark, so that one that was sent twice (an answer was
 * lost) is done once.
 */
#ifndef CG_AUTH_VERSIONED_H
#define CG_AUTH_VERSIONED_H

#include <stdint.h>

#include "base/error.h"
#include "store/store.h"

/* KEYS: the hash. ARGV: CG_VERSIONED_ARGS, then fields and values. */
extern const char cg_versioned_source[];
#define CG_VERSIONED_ARGS 4

/* Their first arguments: id, the version before (0: it must not exist yet), a mark,
 * and the channel of keys. In pool; id is kept. */
void cg_versioned_begin(cg_str_t args[CG_VERSIONED_ARGS], const char *id,
                        int64_t before, apr_pool_t *pool);
/* Runs it. what names the record in words ("signing key"). APR_NOTFOUND: there is
 * none; APR_EMISMATCH: it was changed meanwhile; APR_EEXIST: the id is taken. */
apr_status_t cg_versioned_save(cg_store_t *store, const cg_script_t *script,
                               cg_str_t hash, const cg_str_t *args,
                               size_t count, const char *what, cg_error_t *err,
                               apr_pool_t *pool);
/* A moment as a field holds it: RFC 3339, empty for 0. */
cg_str_t cg_versioned_time(apr_time_t at, apr_pool_t *pool);
/* A field and its value at out[at]; returns the place behind them. */
size_t cg_versioned_put(cg_str_t *out, size_t at, const char *name,
                        cg_str_t value);
/* APR_EMISMATCH with the same words, for who has seen by himself that it was. */
apr_status_t cg_versioned_stale(const char *what, const char *id,
                                cg_error_t *err);

#endif
