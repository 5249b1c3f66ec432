/* Sifting: every text of a JSON document is scanned and masked in place.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where text is says chat (cg_chat_is_text); what must not pass says redact; this
 * file joins the two. A text that is itself JSON (the arguments of a tool call, a
 * tool's result) is walked in turn, so that what is put there stays valid JSON and
 * an escape inside an escape hides nothing. Where what looks like JSON is none, or
 * is nested too often, the escapes are taken off level by level instead. A file in
 * a data: URL, or in base64, that decodes to text is inspected as that text and
 * put back in the same coding. Numbers and member names are looked at as well.
 * Bytes that are not masked are not touched.
 */
#ifndef CG_FLOW_SIFT_H
#define CG_FLOW_SIFT_H

#include <apr_tables.h>

#include "base/walk.h"
#include "flow/opaque.h"
#include "redact/mask.h"
#include "redact/scan.h"

#define CG_SIFT_NESTING_MAX 4 /* JSON in JSON in JSON ... */
#define CG_SIFT_ESCAPES_MAX 5 /* levels of escapes that are taken off a text */

/* Finds in a text as cg_redact_scan_named does. Anything but success means that
 * the text could not be inspected. */
typedef apr_status_t (*cg_find_t)(void *finder, cg_str_t name, cg_str_t text,
                                  cg_findings_t *out);

/* lives in: the caller, for one document or many of one request */
typedef struct cg_sift_t {
    const cg_rules_t *rules;
    const cg_actions_t *actions;
    cg_pseudonyms_t *pseudonyms; /* NULL: PSEUDONYM acts as MASK */
    cg_scan_depth_t depth;
    cg_tally_t *tally;
    apr_pool_t *pool;
    /* Told of every text in turn, as it will leave; may be NULL. */
    void (*on_text)(void *baton, const cg_walk_t *walk, uint32_t node,
                    cg_str_t masked);
    void *baton;
    cg_find_t find; /* who finds; NULL: the scan, every time */
    void *finder;
    /* Told of every text of the document itself (of none that is nested in
     * another) as it is, before it is masked; may be NULL. */
    void (*on_plain)(void *baton, const cg_walk_t *walk, uint32_t node,
                     cg_str_t text);
    void *plain_baton;
    /* Counts files that are no text. NULL: files are not looked into. */
    cg_opaque_t *opaque;
    bool is_cut; /* the one text of the document ends inside of base64 ... */
    bool is_resumed; /* ... and begins where some was cut */
    /* Nodes left alone because they are masked elsewhere (running text of a
     * stream); ascending; may be NULL. */
    const uint32_t *apart;
    size_t apart_count;
    /* Made by a caller who wants to know each finding that is not allowed: an
     * array of cg_finding_t, whose places are in bytes of the document as it
     * stands; added to in order. Else NULL. */
    apr_array_header_t *spots;
    /* results */
    bool is_blocked;
    uint8_t blocked_by;
    const char *blocked_at; /* JSON pointer of the text, in pool */
    const char *opaque_at;  /* of the first file that is no text */
    /* private */
    cg_findings_t findings;
    uint32_t found;              /* findings that are not allowed, so far */
    apr_array_header_t *splices; /* of cg_splice_t */
    int nesting;
} cg_sift_t;

void cg_sift_open(cg_sift_t *sift);
/* Adds the splices that mask the document to sift->splices, ascending. Failure
 * means that it could not be inspected: it must not pass. */
apr_status_t cg_sift_document(cg_sift_t *sift, const cg_walk_t *walk);
/* What is found over several texts: this stretch of one of them, in bytes of the
 * decoded text of a string node. with replaces it, and what was to be masked in
 * it before; empty (ptr NULL): it is only told as a spot. */
typedef struct cg_cover_t {
    uint32_t node;
    cg_finding_t finding;
    cg_str_t with;
} cg_cover_t;

/* After cg_sift_document: covers more of it. */
void cg_sift_cover(cg_sift_t *sift, const cg_walk_t *walk,
                   const cg_cover_t *covers, size_t count);
/* Notes that a finding's action refuses the document. */
void cg_sift_block(cg_sift_t *sift, const cg_walk_t *walk, uint32_t node,
                   uint8_t type);
/* The decoded text of a string node as it will leave. */
cg_str_t cg_sift_masked(const cg_sift_t *sift, const cg_walk_t *walk,
                        uint32_t node, apr_pool_t *pool);
/* Adds one more splice, kept in order. */
void cg_sift_add(cg_sift_t *sift, cg_splice_t splice);
/* The edited document: source itself when there is no splice. */
cg_str_t cg_sift_apply(const cg_sift_t *sift, cg_str_t source);

#endif
