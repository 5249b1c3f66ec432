/* What commands read: lines of files or of standard input, and rule files.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ctl/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_lines(FILE *in, const char *file,
                       bool (*on_line)(void *baton, const cg_line_t *line),
                       void *baton)
{
    char *bytes = NULL;
    size_t room = 0;
    bool is_good = true;
    cg_line_t line = {.file = file};
    ssize_t len = getline(&bytes, &room, in);
    while (len >= 0) {
        line.number++;
        while (len > 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r')) {
            len--;
        }
        if (len > 0) {
            line.text = (cg_str_t){bytes, (size_t)len};
            is_good = on_line(baton, &line) && is_good;
        }
        len = getline(&bytes, &room, in);
    }
    free(bytes);
    return is_good && !ferror(in);
}

bool cg_ctl_lines(const char *command, int count, char **files,
                  bool (*on_line)(void *baton, const cg_line_t *line),
                  void *baton)
{
    bool is_good = true;
    if (count == 0) {
        return read_lines(stdin, "-", on_line, baton);
    }
    for (int i = 0; i < count; i++) {
        FILE *in = fopen(files[i], "rb");
        if (!in) {
            fprintf(stderr, "chatgptctl %s: %s cannot be opened\n", command,
                    files[i]);
            return false;
        }
        is_good = read_lines(in, files[i], on_line, baton) && is_good;
        fclose(in);
    }
    return is_good;
}

bool cg_ctl_add_rules(const char *command, const char *path,
                      cg_rules_spec_t *spec, apr_pool_t *pool)
{
    cg_rules_spec_t one;
    cg_error_t err;
    if (cg_rules_read(path, &one, &err, pool) == APR_SUCCESS &&
        cg_rules_spec_add(spec, &one, &err, pool) == APR_SUCCESS) {
        return true;
    }
    fprintf(stderr, "chatgptctl %s: %s\n", command, err.text);
    return false;
}

const cg_rules_t *cg_ctl_compile(const char *command,
                                 const cg_rules_spec_t *spec, apr_pool_t *pool)
{
    cg_rules_t *rules;
    cg_error_t err;
    if (cg_rules_create(spec, &rules, &err, pool) == APR_SUCCESS) {
        return rules;
    }
    fprintf(stderr, "chatgptctl %s: %s\n", command, err.text);
    return NULL;
}
