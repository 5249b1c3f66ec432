/* A file inside a string: a data: URL, or base64 alone.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Read leniently, as the laxest of the providers' decoders might: both alphabets,
 * white space anywhere, padding or none. What is changed is written anew in the
 * alphabet it came in.
 */
#ifndef CG_FLOW_PAYLOAD_H
#define CG_FLOW_PAYLOAD_H

#include "base/coding.h"

typedef struct cg_payload_t {
    cg_str_t media_type; /* of a data: URL, parameters left out; else empty */
    size_t start;        /* the base64 in the string */
    size_t end;
    bool is_url_safe; /* alphabet of RFC 4648 section 5 */
    bool is_padded;
    bool is_open; /* goes on behind: no padding may stand at its end */
    size_t line;  /* letters of a line; 0: there is but one */
    bool has_cr;  /* lines end with CRLF */
    cg_coding_kind_t coding; /* of the text it is; set by who reads it */
} cg_payload_t;

/* Shorter ones the scan of the string decodes by itself. */
#define CG_PAYLOAD_MIN 24
#define CG_PAYLOAD_LONG 1024 /* letters; the scan looks into shorter ones */

/* Is this string a data: URL with base64, or nothing but base64? */
bool cg_payload_find(cg_str_t string, cg_payload_t *out);
/* The next base64 that is long, from here on, among the words of a text: a file that
 * was put there. Lines of it may follow each other. */
bool cg_payload_among(cg_str_t text, size_t from, cg_payload_t *out);
/* Where a text that goes on may be cut: at the end of a line, or else of a word; no
 * base64 is cut that may still end, and a longer one between two of its lines, or
 * at least characters, as they are when decoded: out_is_inside. */
size_t cg_payload_cut(cg_str_t text, bool *out_is_inside);
/* The base64 that goes on at the beginning of a text that was cut inside of it. */
bool cg_payload_resume(cg_str_t text, cg_payload_t *out);
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
