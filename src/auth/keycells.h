/* Cells of CSV: read line by line, whatever a spreadsheet made of them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * After RFC 4180; line ends of any kind, a byte order mark, semicolons where the
 * first line has no comma.
 */
#ifndef CG_AUTH_KEYCELLS_H
#define CG_AUTH_KEYCELLS_H

#include "base/text.h"

/* lives in: whoever reads; borrows the text */
typedef struct cg_cells_t {
    cg_str_t rest;
    int64_t line; /* where rest begins, from 1 */
    char comma;
} cg_cells_t;

void cg_cells_open(cg_cells_t *cells, cg_str_t text);
/* Is there a further line that is not empty? Passes over the empty ones. */
bool cg_cells_more(cg_cells_t *cells);
/* How many cells the line has, of which the first most are given; -1: one of them
 * is broken. The whole line is passed over in any case. */
int cg_cells_next(cg_cells_t *cells, const char **out, int most,
                  apr_pool_t *pool);
/* Would a spreadsheet compute this cell? It is written with a mark (') before it,
 * which reading takes away. */
bool cg_cells_needs_mark(const char *cell);

#endif
