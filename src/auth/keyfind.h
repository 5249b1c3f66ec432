/* Finding keys: pages of all, or of those that a filter lets through.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_AUTH_KEYFIND_H
#define CG_AUTH_KEYFIND_H

#include <apr_tables.h>

#include "auth/apikey.h"

/* NULL or 0: any. Borrowed strings. */
typedef struct cg_key_filter_t {
    const char *state; /* as cg_key_state_at names it */
    const char *team;  /* "": keys of no team */
    const char *user;
    const char *tag;
    const char *q; /* in id, name, owner, user, team, prefix; ASCII case
                                  does not count */
    apr_time_t expires_before; /* keys not over yet, the soonest first */
} cg_key_filter_t;

/* Newest first, or with expires_before soonest first. cursor NULL: from the
 * start; *out_next NULL: no more. A page may be short or empty and yet not the
 * last: one call looks through some thousands of keys. out: array of cg_key_t.
 * Stable under inserts. APR_EINVAL: limit or cursor is none. */
apr_status_t cg_apikey_find(cg_keyring_t *ring, const cg_key_filter_t *filter,
                            apr_time_t now, const char *cursor, int limit,
                            apr_array_header_t **out, const char **out_next,
                            cg_error_t *err, apr_pool_t *pool);

#endif
