/* Sealed secrets: what the store may hold of a credential or a signing secret.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   cgs1.9f3c21a07b5de844.q1W…80 characters….t0Zk…16….x7Yb…
 *     |         |                |               |      |
 *     |  id of the master key    |             nonce   ciphertext and tag
 *   form               data key, wrapped
 *
 * An envelope: the secret is encrypted under a data key of its own (AES-256-GCM),
 * the data key under a master key. Whose secret it is and of which version is
 * bound in as associated data: a sealed text that is copied to another record, or
 * back over a later version, does not open. A change of the master key wraps the
 * data keys anew and touches nothing else, so it needs to know neither owner nor
 * version and can be broken off at any time.
 *
 * All of it is printable ASCII; parts of bytes are base64url without padding. The
 * master keys stand in locked memory that core dumps leave out, and so does what
 * cg_unseal gives.
 */
#ifndef CG_AUTH_SEAL_H
#define CG_AUTH_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_tables.h>

#include "base/error.h"
#include "base/secret.h"
#include "base/text.h"

#define CG_SEAL_PLAIN_MAX 16384 /* bytes of a secret */
#define CG_SEAL_KEYS_MAX 16     /* master keys that can be read at a time */
#define CG_SEAL_KEY_ID_LEN 16   /* hexadecimal; told by the key itself */

/* The master keys, the current one first: it seals, all of them unseal.
 * NULL stands for a server without: each call below then says no, in words.
 * lives in: configuration pool, or a tool's · const once opened */
typedef struct cg_sealer_t cg_sealer_t;

/* Is a word of ChatGPTSealKey legal? file:/path, env:NAME or exec:/path [ARG]...
 * Reads nothing. */
bool cg_sealer_check(const char *word, cg_error_t *err);
/* Reads the master keys of all words (of const char *), in order: each source
 * gives one or more lines of 32 bytes, as 64 hexadecimal digits or 43 characters
 * of base64url; empty lines and lines that begin with # do not count. A file must
 * be closed to group and others. No words: *out is NULL. */
apr_status_t cg_sealer_open(cg_sealer_t **out, const apr_array_header_t *words,
                            cg_error_t *err, apr_pool_t *pool);
/* The same from text that was read already. */
apr_status_t cg_sealer_make(cg_sealer_t **out, cg_str_t lines, cg_error_t *err,
                            apr_pool_t *pool);
/* A new random line for such a file; out has CG_SEAL_LINE_LEN + 1 bytes. */
#define CG_SEAL_LINE_LEN 43
void cg_sealer_new_key(char *out);

size_t cg_sealer_count(const cg_sealer_t *sealer); /* 0 for NULL */
/* Id of the key at index; 0 is the current one. NULL beyond the last. */
const char *cg_sealer_key_id(const cg_sealer_t *sealer, size_t index);

/* owner names the record, as "credential:main" or "signkey:k3n7w2px"; version is
 * that of the secret, not of what else the record says.
 * APR_ENOTIMPL: there is no master key. APR_EINVAL: too long, or no owner. */
apr_status_t cg_seal(const cg_sealer_t *sealer, const char *owner,
                     int64_t version, cg_str_t plain, const char **out_text,
                     cg_error_t *err, apr_pool_t *pool);
/* The secret lives in pool. APR_ENOTIMPL: no master key at all. APR_NOTFOUND:
 * none with this id. APR_EINVAL: no sealed text. APR_EMISMATCH: it was changed, or
 * is another's, or another version's. err never holds any of it. */
apr_status_t cg_unseal(const cg_sealer_t *sealer, const char *owner,
                       int64_t version, cg_str_t text, cg_secret_t **out,
                       cg_error_t *err, apr_pool_t *pool);
/* Under the current master key: *out_text is text itself, copied, when it is
 * there already. Opens the data key only. Statuses as cg_unseal's. */
apr_status_t cg_seal_rewrap(const cg_sealer_t *sealer, cg_str_t text,
                            const char **out_text, cg_error_t *err,
                            apr_pool_t *pool);
/* Id of the master key that a sealed text needs; NULL when it is none. */
const char *cg_seal_key_id(cg_str_t text, apr_pool_t *pool);

#endif
