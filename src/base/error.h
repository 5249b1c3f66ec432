/* Words for a person when something outside went wrong.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An error says what was wrong, where, and what to do about it, in one line
 * that may be shown to an administrator. It never holds body text, a key or a
 * found value. The caller owns the struct; it needs no pool.
 */
#ifndef CG_BASE_ERROR_H
#define CG_BASE_ERROR_H

typedef struct cg_error_t {
    char text[400];
} cg_error_t;

/* Writes the words; a NULL error is allowed and ignored. */
void cg_error_set(cg_error_t *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
