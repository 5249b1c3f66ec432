/* What walk.c and walk_read.c share; nobody else may include it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_BASE_WALK_INT_H
#define CG_BASE_WALK_INT_H

#include "base/walk.h"

/* What stands for c after a backslash; 0 if nothing does. */
char cg_walk_simple_escape(char c);
/* The number of \uXXXX at p, or -1 if that does not stand there. */
int32_t cg_walk_unicode_escape(const char *p, const char *end);

static inline bool cg_is_high_surrogate(int32_t unit)
{
    return (unit & ~0x3FF) == 0xD800;
}

static inline bool cg_is_low_surrogate(int32_t unit)
{
    return (unit & ~0x3FF) == 0xDC00;
}

/* The member name of a node, as it stands in the source. */
cg_str_t cg_walk_key(const char *text, const cg_node_t *node);
/* Does its name, decoded, equal name? */
bool cg_walk_is_named(const char *text, const cg_node_t *node, cg_str_t name);

#endif
