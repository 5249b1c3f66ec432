/* One character of a token, in whatever spelling it stands.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two readers. What models do to a token on its way back is little: a bracket as
 * an HTML entity, an underscore with a backslash, full-width brackets. What a
 * caller may do to a token that he types is anything: the second reader decodes
 * all that, at any depth, so that no spelling of it is overlooked.
 * Only files of this room include it.
 */
#ifndef CG_REDACT_SPELLING_H
#define CG_REDACT_SPELLING_H

#include "base/text.h"

#define CG_SPELLING_OTHER 0x80   /* a character that no token has */
#define CG_SPELLING_NOTHING (-1) /* an invisible one, or a lone backslash */
#define CG_SPELLING_BYTES_MAX 9  /* of one character, as models spell it */

/* Could a bracket's spelling begin with this byte? */
bool cg_spelling_may_bracket(char byte);
/* a-z 2-7 */
bool cg_spelling_is_code(char c);

/* The character that text begins with, ASCII or OTHER. Returns its bytes; 0: the
 * text ends within it. text must not be empty. */
size_t cg_spelling_read(cg_str_t text, int *out);
/* The same through any layers of JSON, HTML and percent escapes; NOTHING is to be
 * passed over. Never 0. */
size_t cg_spelling_read_deep(cg_str_t text, int *out);

#endif
