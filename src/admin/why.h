/* Why was this found? For POST /scan only.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_ADMIN_WHY_H
#define CG_ADMIN_WHY_H

#include "redact/scan.h"

/* check_digit, shape, context, keyword, pattern, prefix, entropy, detector. */
const char *cg_admin_why(int type);
/* The word of the text that says what the finding is, as it is spelled there;
 * NULL: none stands near. Never a part of the value. */
const char *cg_admin_why_label(cg_str_t text, const cg_finding_t *found,
                               apr_pool_t *pool);

#endif
