/* Keys as lines of CSV: what export writes and import reads.
 * SPDX-License-Identifier: Apache-2.0
 *
 * After RFC 4180, in UTF-8, with column names in the first line. Reading also
 * takes what spreadsheets write: a byte order mark, semicolons between columns,
 * line ends of any kind. Columns that only tell (prefix, last use) are passed
 * over; a column of another name is a fault, since it may be a misspelt limit.
 * A cell that a spreadsheet would take for a formula is written with ' before it,
 * which reading takes away again.
 */
#ifndef CG_AUTH_KEYCSV_H
#define CG_AUTH_KEYCSV_H

#include "auth/apikey.h"

typedef struct cg_keycsv_t cg_keycsv_t;

/* One line of keys. lives in: the pool given to next */
typedef struct cg_keycsv_row_t {
    int64_t line;       /* where it begins, from 1 */
    const char *id;     /* "": of a key that is to be made */
    const char *state;  /* as written; NULL: not said */
    const char *fault;  /* NULL: it can be applied */
    const char **cells; /* in the order of the header; "" for none */
} cg_keycsv_row_t;

/* Reads the first line. Keeps text. NULL and words on a fault. */
cg_keycsv_t *cg_keycsv_open(cg_str_t text, cg_error_t *err, apr_pool_t *pool);
/* The next line that is not empty; false at the end. */
bool cg_keycsv_next(cg_keycsv_t *csv, cg_keycsv_row_t *out, apr_pool_t *pool);
/* Writes what the line says over key: columns that the file does not have stay as
 * they are. False and words on a fault. The state is left to the caller. */
bool cg_keycsv_apply(const cg_keycsv_t *csv, const cg_keycsv_row_t *row,
                     cg_key_t *key, cg_error_t *err, apr_pool_t *pool);

/* The line of names, and the line of a key. */
void cg_keycsv_head(cg_buf_t *out);
void cg_keycsv_write(const cg_key_t *key, apr_time_t now, cg_buf_t *out,
                     apr_pool_t *pool);

#endif
