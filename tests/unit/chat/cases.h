/* Cases of the chat room: one JSON object a line, in tests/data.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only the tests of this room and of flow include this.
 */
#ifndef CG_TESTS_CHAT_CASES_H
#define CG_TESTS_CHAT_CASES_H

#include "rows.h"

static inline int lines_of(FILE *file)
{
    int count = 0;
    for (int c = getc(file); c != EOF; c = getc(file)) {
        count += c == '\n';
    }
    rewind(file);
    return count;
}

/* Runs the cases of tests/data/<name>, all of its lines. */
static inline void each_case(const char *name, on_case_t *on_case)
{
    apr_pool_t *pool = open_pool();
    const char *path = data_path(name, pool);
    FILE *file = fopen(path, "r");
    if (!file) {
        printf("\n    cannot open %s\n", path);
    }
    apr_pool_destroy(pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    int lines = lines_of(file);
    CU_ASSERT_TRUE(lines > 0);
    CU_ASSERT_EQUAL(each_row(file, on_case), lines);
    fclose(file);
}

/* A file of the public corpora, or NULL when CG_CORPORA names none. */
static inline FILE *open_corpus(const char *name)
{
    const char *folder = getenv("CG_CORPORA");
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "", name);
    FILE *file = folder ? fopen(path, "r") : NULL;
    if (!file) {
        printf(" (left out: CG_CORPORA names no corpus) ");
    }
    return file;
}

static inline cg_str_t text_in(const cg_walk_t *row, const char *name,
                               apr_pool_t *pool)
{
    return cg_walk_string(row, cg_walk_member(row, 0, name), pool);
}

static inline int64_t number_in(const cg_walk_t *row, const char *name,
                                int64_t fallback)
{
    int64_t value = fallback;
    uint32_t node = cg_walk_member(row, 0, name);
    return cg_walk_int(row, node, &value) ? value : fallback;
}

static inline bool flag_in(const cg_walk_t *row, const char *name)
{
    return cg_walk_is_true(row, cg_walk_member(row, 0, name));
}

static inline apr_status_t free_copy(void *copy)
{
    free(copy);
    return APR_SUCCESS;
}

/* A document inside a case: as it stands, or given as a string. The copy ends
 * where its memory does, so that ASan sees a read beyond. */
static inline cg_str_t document_in(const cg_walk_t *row, const char *name,
                                   apr_pool_t *pool)
{
    uint32_t node = cg_walk_member(row, 0, name);
    bool is_string =
        node != CG_NODE_NONE && row->nodes[node].kind == CG_NODE_STRING;
    cg_str_t text =
        is_string ? cg_walk_string(row, node, pool) : cg_walk_raw(row, node);
    char *copy = malloc(text.len ? text.len : 1);
    memcpy(copy, text.ptr, text.len);
    apr_pool_cleanup_register(pool, copy, free_copy, apr_pool_cleanup_null);
    return (cg_str_t){copy, text.len};
}

/* Says which case failed; CUnit only knows the line of the assertion. */
static inline void check(bool is_right, const cg_walk_t *row, const char *what)
{
    CU_ASSERT_TRUE(is_right);
    if (!is_right) {
        cg_str_t name = cg_walk_raw(row, cg_walk_member(row, 0, "name"));
        if (name.len == 0) {
            name = cg_walk_raw(row, cg_walk_member(row, 0, "id"));
        }
        printf("\n    %.*s: %s\n", (int)name.len, name.ptr, what);
    }
}

#endif
