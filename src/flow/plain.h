/* Is what arrives in pieces text?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Its bytes decide, whatever its name says: text has no NUL and none of the
 * control characters that no text has, or few. UTF-8 is what can be read to the
 * end; a text of another coding in which ASCII stays ASCII is searched as far as
 * that goes.
 */
#ifndef CG_FLOW_PLAIN_H
#define CG_FLOW_PLAIN_H

#include "flow/opaque.h"

/* lives in: the caller; zero at first */
typedef struct cg_plain_t {
    bool is_binary; /* has bytes that no text has */
    bool is_odd;    /* ... or is not UTF-8 */
    char cut[4];    /* a sequence that is not whole yet */
    size_t cut_len;
} cg_plain_t;

void cg_plain_feed(cg_plain_t *plain, cg_str_t piece);
void cg_plain_finish(cg_plain_t *plain);
/* Does it begin as what nobody reads as text? Some bytes that no text has are not
 * enough: one NUL must not open a file. */
bool cg_plain_is_binary(cg_str_t head);

#endif
