/* Could a match of some regex still begin, or grow, at the end of this text?
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_REDACT_PREFIX_H
#define CG_REDACT_PREFIX_H

#include "redact/rules.h"

typedef struct cg_prefix_t cg_prefix_t;

/* widths: bytes of the longest match of each regex. Of a regex that has something
 * this file does not read, or is too large, nobody knows: as much as its match may
 * be long is held back. Never wrong otherwise: it may say "yes" too often, not
 * "no". NULL when count is 0. */
cg_prefix_t *cg_prefix_create(const cg_regex_t *regexes, const uint32_t *widths,
                              size_t count, apr_pool_t *pool);

/* The first start in [from, n) from which all bytes up to n can be the beginning
 * of a match of a regex of these packs; n if there is none. */
uint32_t cg_prefix_open(const cg_prefix_t *prefix, uint64_t packs,
                        const unsigned char *text, uint32_t from, uint32_t n);
/* Bytes that may have to be held back, whatever the text, for regexes of these
 * packs that it cannot read; 0: none. */
uint32_t cg_prefix_unread(const cg_prefix_t *prefix, uint64_t packs);

/* As a part of a file: the bytes, to be put where an address is a multiple of 8,
 * and back; not copied. NULL: damaged. */
size_t cg_prefix_bytes(const cg_prefix_t *prefix, const void **out_block);
cg_prefix_t *cg_prefix_map(const void *data, size_t len, apr_pool_t *pool);

#endif
