/* The claims of a token, once it has been verified: what mappings ask of them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A path names a claim: "sub", "realm_access.roles", "groups[0]". A name with dots
 * or brackets of its own stands in quotes within brackets, as in
 * ["https://idp.example/roles"][0]; and a path that is, as a whole, the name of a
 * claim at the top names that one, so such a claim needs no quotes. What a path
 * leads past is simply not there: no path is an error.
 */
#ifndef CG_AUTH_CLAIMS_H
#define CG_AUTH_CLAIMS_H

#include <stdbool.h>

#include <apr_tables.h>
#include <apr_time.h>

#include "base/text.h"
#include "base/walk.h"

#define CG_CLAIMS_PATH_MAX 256
#define CG_CLAIMS_LIST_MAX 256 /* elements of a claim that are looked at */

/* lives in: the pool given to cg_jwt_verify · const once verified */
typedef struct cg_claims_t {
    const char *issuer; /* name of the ChatGPTIssuer */
    const char *iss;
    const char *sub; /* 1 to 255 bytes, no control characters */
    apr_time_t expires_at;
    cg_str_t payload; /* the JSON, sound and without duplicate members */
    cg_walk_t walk;   /* of payload */
} cg_claims_t;

/* Reads a payload: one JSON object, sound, no member twice at any level. Fills
 * payload and walk only; keeps json. */
bool cg_claims_parse(cg_str_t json, cg_claims_t *out, apr_pool_t *pool);

/* A string as it is, a number as it is written, "true" or "false"; NULL for all
 * else and for what is not there. */
const char *cg_claims_text(const cg_claims_t *claims, const char *path,
                           apr_pool_t *pool);
/* The strings of an array; of what has a text one element, but "scope" and "scp"
 * are cut at blanks (RFC 8693 section 4.2). Never NULL; of const char *, none of
 * them empty. */
apr_array_header_t *cg_claims_list(const cg_claims_t *claims, const char *path,
                                   apr_pool_t *pool);
/* Is value one of cg_claims_list? */
bool cg_claims_has(const cg_claims_t *claims, const char *path,
                   const char *value, apr_pool_t *pool);

#endif
