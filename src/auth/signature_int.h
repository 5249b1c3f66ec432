/* What signature.c and signature_base.c share: the value of a field.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For these two files only.
 */
#ifndef CG_AUTH_SIGNATURE_INT_H
#define CG_AUTH_SIGNATURE_INT_H

#include "auth/signature.h"

/* Appends all lines of a name, without blanks around them, ", " between two (RFC
 * 9421 section 2.1). False: there is none. */
bool cg_signature_field(const cg_message_t *message, cg_str_t name,
                        cg_buf_t *out);

#endif
