/* What the two files of sifting share; nobody else includes it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_FLOW_SIFT_INT_H
#define CG_FLOW_SIFT_INT_H

#include "chat/request.h"
#include "flow/sift.h"

/* A text of the document, decoded, and the edits that mask it, in its bytes. */
typedef struct cg_sift_text_t {
    cg_str_t text;
    cg_str_t name;             /* its member's, as a label for the scan */
    apr_array_header_t *edits; /* of cg_splice_t; NULL: none */
    apr_array_header_t *spots; /* of cg_finding_t; NULL: none, or unwanted */
} cg_sift_text_t;

/* Scans words and does with each finding what its action says. node: where the
 * text stands, for the pointer of what is refused. */
apr_status_t cg_sift_words(cg_sift_t *sift, const cg_walk_t *walk,
                           uint32_t node, cg_sift_text_t *to);
/* The same for the whole text of a string node, be it words, JSON or a file. */
apr_status_t cg_sift_text(cg_sift_t *sift, const cg_walk_t *walk, uint32_t node,
                          cg_content_t content, cg_sift_text_t *to);

#endif
