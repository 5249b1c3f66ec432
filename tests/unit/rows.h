/* Test cases as data: files of JSON lines, in tests/data and the corpora.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The folder is tests/data below the working folder, or what CG_TEST_DATA
 * names; the public corpora are used where CG_CORPORA names their folder. What
 * a room's cases have beside this stands in its own cases.h.
 */
#ifndef CG_TESTS_ROWS_H
#define CG_TESTS_ROWS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "base/walk.h"

typedef void on_case_t(const cg_walk_t *row, apr_pool_t *pool);

static inline apr_pool_t *open_pool(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    return pool;
}

static inline const char *data_path(const char *name, apr_pool_t *pool)
{
    const char *folder = getenv("CG_TEST_DATA");
    return apr_pstrcat(pool, folder ? folder : "tests/data", "/", name, NULL);
}

/* Each line of an open file that the walker takes; how many there were. Lines
 * of the public corpora may hold what it refuses on purpose. */
static inline int each_row(FILE *file, on_case_t *on_case)
{
    apr_pool_t *pool = open_pool();
    char *line = NULL;
    size_t cap = 0;
    int count = 0;
    for (ssize_t len = getline(&line, &cap, file); len > 0;
         len = getline(&line, &cap, file)) {
        cg_walk_t row;
        if (cg_walk(line, (size_t)len, &row, NULL, pool) == CG_WALK_OK) {
            on_case(&row, pool);
            count++;
        }
        apr_pool_clear(pool);
    }
    free(line);
    apr_pool_destroy(pool);
    return count;
}

#endif
