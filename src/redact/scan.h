/* Finding secrets and personal data in decoded text.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The text is UTF-8 (invalid bytes do no harm). It is read once, in windows:
 * normalised with a map of offsets, looked through for the marks of a value (a
 * digit, an @, a key's prefix), what stands there is measured by the scanner
 * of its kind, and overlaps are decided from left to right. What a value is
 * depends only on a bounded stretch around it, so a stream that holds that
 * stretch back finds the same as a scan of the whole.
 */
#ifndef CG_REDACT_SCAN_H
#define CG_REDACT_SCAN_H

#include <apr_pools.h>

#include "base/text.h"
#include "redact/rules.h"

typedef struct cg_finding_t {
    uint32_t start; /* bytes of the text, on code point boundaries */
    uint32_t end;   /* after the last byte */
    uint8_t type;   /* cg_type_t */
    uint8_t score;  /* CG_SCORE_FOUND .. 100 */
    int16_t rule;   /* list or regex (cg_rules_name); -1 for built-in types */
} cg_finding_t;

/* Made once, used for many texts: it keeps its memory. Not shared between
 * threads. */
typedef struct cg_findings_t {
    cg_finding_t *items; /* ascending, not overlapping */
    size_t count;
    size_t cap;
    apr_pool_t *pool;
    struct cg_work_t *work; /* the scan's own working memory */
} cg_findings_t;

typedef enum cg_scan_depth_t {
    CG_SCAN_PLAIN, /* what a stream finds too: for answers */
    CG_SCAN_DEEP   /* also looks inside base64 and hex, and through any number
                      of invisible characters: for requests */
} cg_scan_depth_t;

/* Texts longer than this are refused (APR_EINVAL) by the scan. */
#define CG_SCAN_TEXT_MAX ((size_t)1 << 30)

void cg_findings_init(cg_findings_t *findings, apr_pool_t *pool);

/* Replaces the content of out; memory comes from its pool. Success, or
 * APR_EINVAL / APR_EGENERAL when the text could not be scanned: the caller must
 * then treat it as if it were full of secrets. */
apr_status_t cg_redact_scan(const cg_rules_t *rules, cg_str_t text,
                            cg_scan_depth_t depth, cg_findings_t *out);

/* The same for a text that has a name, as {"tax_file_number":"865414088"} has:
 * the name is read as a label before it. Nothing is found in the name. */
apr_status_t cg_redact_scan_named(const cg_rules_t *rules, cg_str_t name,
                                  cg_str_t text, cg_scan_depth_t depth,
                                  cg_findings_t *out);

#endif
