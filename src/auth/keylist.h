/* The lists of a key: texts with commas between, and patterns with stars.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For auth's own files.
 */
#ifndef CG_AUTH_KEYLIST_H
#define CG_AUTH_KEYLIST_H

#include <stdbool.h>

#include "base/text.h"

/* The next entry, without the blanks around it; rest moves on behind it. False
 * at the end. An entry may be empty. */
bool cg_keylist_next(cg_str_t *rest, cg_str_t *out);
/* Nothing but blanks? */
bool cg_keylist_is_empty(const char *list);
/* Does text fit pattern, in which * stands for any run of characters? */
bool cg_keylist_fits(cg_str_t pattern, cg_str_t text, bool is_case_kept);
/* Does text fit an entry? False for an empty list. */
bool cg_keylist_has(const char *list, cg_str_t text, bool is_case_kept);

#endif
