/* Values that are never found: own domains, test cards, the office's network.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A value is written as
 *   @example.com       every e-mail address of the domain
 *   @*.example.com     ... of the domains below it
 *   10.0.0.0/8         every IP address in the range; 2001:db8::/32 too
 *   anything else      that value alone
 * Numbers and identifiers are compared without what stands between their
 * groups ("4111 1111 1111 1111"), IP addresses as addresses, secrets by every
 * byte, the rest without regard to case.
 */
#ifndef CG_REDACT_ALLOW_H
#define CG_REDACT_ALLOW_H

#include "redact/rules.h"

typedef struct cg_allow_t cg_allow_t;

/* False, and words, when a value cannot be meant: empty, or a range of addresses
 * that is none. */
bool cg_allow_check(cg_str_t value, cg_error_t *err);

/* packs of each value, or NULL: all for every place. Copies. NULL when count is
 * 0. Values that cg_allow_check refuses allow nothing. */
cg_allow_t *cg_allow_create(const cg_str_t *values, const uint64_t *packs,
                            size_t count, apr_pool_t *pool);

/* Is a value, in its normalised form, allowed by a pack of the mask? */
bool cg_allow_has(const cg_allow_t *allow, uint64_t packs, int type,
                  cg_str_t value);

#endif
