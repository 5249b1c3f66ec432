/* What commands read: lines of files or of standard input, and rule files.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_CTL_INPUT_H
#define CG_CTL_INPUT_H

#include "base/text.h"
#include "redact/rules.h"

typedef struct cg_line_t {
    const char *file; /* "-": standard input */
    int number;       /* from 1 */
    cg_str_t text;    /* without its end; never empty */
} cg_line_t;

/* Hands on every line that is not empty, of the files or, when there are none, of
 * standard input. False when a file cannot be opened (said on standard error in
 * the command's name) or on_line has returned false. */
bool cg_ctl_lines(const char *command, int count, char **files,
                  bool (*on_line)(void *baton, const cg_line_t *line),
                  void *baton);

/* Adds a rule file to spec. False, and said on standard error, on a fault. */
bool cg_ctl_add_rules(const char *command, const char *path,
                      cg_rules_spec_t *spec, apr_pool_t *pool);
/* NULL, and said on standard error, on a fault. */
const cg_rules_t *cg_ctl_compile(const char *command,
                                 const cg_rules_spec_t *spec, apr_pool_t *pool);

#endif
