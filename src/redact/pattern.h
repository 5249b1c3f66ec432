/* Administrators' regular expressions; the only file that knows Hyperscan.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_REDACT_PATTERN_H
#define CG_REDACT_PATTERN_H

#include "redact/redact_int.h"

typedef struct cg_patterns_t cg_patterns_t;

/* No match is longer. Where a longer one goes on with letters and digits, what
 * follows is taken with it; else it is cut, in streams and whole texts alike. */
#define CG_PATTERN_MATCH_MAX 192

/* Compiles; the database is freed with pool. *out is NULL when there are none.
 * APR_EINVAL: err names the regex and what the library says. */
apr_status_t cg_patterns_create(const cg_regex_t *regexes, size_t count,
                                cg_patterns_t **out, cg_error_t *err,
                                apr_pool_t *pool);

/* Notes candidates of every match in the window, of regexes that the window's
 * rules have chosen. False when the engine failed: the text must not pass then. */
bool cg_patterns_scan(const cg_patterns_t *patterns, cg_window_t *w);

/* Compiled regexes as a part of a file, without a pointer. It must be put where
 * an address is a multiple of CG_PATTERNS_ALIGN; so it is in *out. NULL when
 * there is no memory. */
#define CG_PATTERNS_ALIGN 64
void *cg_patterns_image(const cg_patterns_t *patterns, size_t *out_len,
                        apr_pool_t *pool);
/* The way back: keeps data, which must live as long as pool. NULL: damaged, or
 * compiled by another version of the library, or for another processor. */
cg_patterns_t *cg_patterns_open(const void *data, size_t len, apr_pool_t *pool);
/* What data of cg_patterns_image depends on, in words. */
const char *cg_patterns_platform(apr_pool_t *pool);

#endif
