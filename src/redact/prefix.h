/* Could a match of some regex still begin, or grow, at the end of this text?
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_REDACT_PREFIX_H
#define CG_REDACT_PREFIX_H

#include "redact/rules.h"

typedef struct cg_prefix_t cg_prefix_t;

/* NULL when one of the regexes has something this file does not read, or is too
 * large: then nobody knows, and the caller holds back as much as a match may be
 * long. Never wrong otherwise: it may say "yes" too often, not "no". */
cg_prefix_t *cg_prefix_create(const cg_regex_t *regexes, size_t count,
                              apr_pool_t *pool);

/* The first start in [from, n) from which all bytes up to n can be the beginning
 * of a match; n if there is none. */
uint32_t cg_prefix_open(const cg_prefix_t *prefix, const unsigned char *text,
                        uint32_t from, uint32_t n);

#endif
