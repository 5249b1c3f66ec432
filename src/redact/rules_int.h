/* The body of compiled rules, for the files of this room.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_REDACT_RULES_INT_H
#define CG_REDACT_RULES_INT_H

#include "redact/pattern.h"
#include "redact/words.h"

struct cg_rules_t {
    cg_words_t *words;       /* NULL: none */
    cg_patterns_t *patterns; /* NULL: none */
    const char *const *list_names;
    size_t list_count;
    const char *const *regex_names;
    size_t regex_count;
    const cg_str_t *allowed;
    size_t allowed_count;
};

/* Is the value one that is never found? */
bool cg_rules_allow(const cg_rules_t *rules, int type, cg_str_t value);

#endif
