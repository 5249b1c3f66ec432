/* How large does a regular expression become when it is written out?
 * SPDX-License-Identifier: Apache-2.0
 *
 * A compiler of expressions writes every repeat out: ((a{30}){30}){30} is
 * 27,000 characters. So an expression of twenty bytes can keep it busy for
 * minutes. This asks before, without writing anything.
 */
#ifndef CG_REDACT_EXPRESSION_H
#define CG_REDACT_EXPRESSION_H

#include <stdbool.h>
#include <stdint.h>

#define CG_EXPRESSION_BYTES_MAX 2048
#define CG_EXPRESSION_DEPTH_MAX 12       /* groups within groups */
#define CG_EXPRESSION_POSITIONS_MAX 3000 /* characters, written out */
#define CG_EXPRESSION_LINKS_MAX 60000    /* which may follow which */

typedef struct cg_expression_size_t {
    uint64_t positions;
    uint64_t links;
    int depth;
    bool has_foreign; /* \p{L} and other categories, or (*UCP) */
} cg_expression_size_t;

/* False: it is larger than it may be in one of these respects. What this does
 * not understand counts as a character: the compiler says what is wrong. */
bool cg_expression_measure(const char *regex, cg_expression_size_t *out);

#endif
