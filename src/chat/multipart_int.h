/* The head of a part; only the files of the multipart reader include it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_CHAT_MULTIPART_INT_H
#define CG_CHAT_MULTIPART_INT_H

#include "chat/multipart.h"

/* Reads the head lines of multipart->head, each with its CRLF. The words of what
 * is wrong; NULL: all is well. */
const char *cg_multipart_read_head(cg_multipart_t *multipart, cg_part_t *out);

#endif
