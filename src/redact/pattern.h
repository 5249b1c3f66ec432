/* Administrators' regular expressions; the only file that knows Hyperscan.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_REDACT_PATTERN_H
#define CG_REDACT_PATTERN_H

#include "redact/redact_int.h"

typedef struct cg_patterns_t cg_patterns_t;

/* No match is longer; longer ones are cut, in streams and whole texts alike. */
#define CG_PATTERN_MATCH_MAX 192

/* Compiles; the database is freed with pool. *out is NULL when there are none.
 * APR_EINVAL: err names the regex and what the library says. */
apr_status_t cg_patterns_create(const cg_regex_t *regexes, size_t count,
                                cg_patterns_t **out, cg_error_t *err,
                                apr_pool_t *pool);

/* Notes candidates of every match in the window. False when the engine failed:
 * the text must not pass then. */
bool cg_patterns_scan(const cg_patterns_t *patterns, cg_window_t *w);

#endif
