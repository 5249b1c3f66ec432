/* A file inside a string: a data: URL, or base64 alone.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Read leniently, as the laxest of the providers' decoders might: both alphabets,
 * white space anywhere, padding or none. What is changed is written anew in the
 * alphabet it came in.
 */
#ifndef CG_FLOW_PAYLOAD_H
#define CG_FLOW_PAYLOAD_H

#include "base/text.h"

typedef struct cg_payload_t {
    cg_str_t media_type; /* of a data: URL, parameters left out; else empty */
    size_t start;        /* the base64 in the string */
    size_t end;
    bool is_url_safe; /* alphabet of RFC 4648 section 5 */
    bool is_padded;
} cg_payload_t;

/* Shorter ones the scan of the string decodes by itself. */
#define CG_PAYLOAD_MIN 24

/* Is this string a data: URL with base64, or nothing but base64? */
bool cg_payload_find(cg_str_t string, cg_payload_t *out);
/* The decoded bytes, in pool. */
cg_str_t cg_payload_decode(cg_str_t string, const cg_payload_t *payload,
                           apr_pool_t *pool);
/* The bytes as base64 that may stand in the payload's place. */
cg_str_t cg_payload_encode(cg_str_t bytes, const cg_payload_t *payload,
                           apr_pool_t *pool);
/* Decodes about the first 512 bytes only: is it worth decoding as text? */
cg_str_t cg_payload_head(cg_str_t string, const cg_payload_t *payload,
                         apr_pool_t *pool);

#endif
