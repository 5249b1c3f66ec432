/* Cases of the redact room: files of lines, in tests/data and the corpora.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only the tests of this room include this.
 */
#ifndef CG_TESTS_REDACT_CASES_H
#define CG_TESTS_REDACT_CASES_H

#include "redact/mask.h"
#include "redact/scan.h"
#include "rows.h"

/* Each line of a file of JSON lines; how many, or -1 without the file. */
static inline int each_line(const char *path, on_case_t *on_case)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return -1;
    }
    int count = each_row(file, on_case);
    fclose(file);
    return count;
}

/* The same of a file of the corpora, where they are present. */
static inline void each_of_corpus(const char *name, on_case_t *on_case)
{
    const char *corpora = getenv("CG_CORPORA");
    if (!corpora || !*corpora) {
        return;
    }
    apr_pool_t *pool = open_pool();
    const char *path = apr_pstrcat(pool, corpora, "/pii/", name, NULL);
    CU_ASSERT_TRUE(each_line(path, on_case) > 0);
    apr_pool_destroy(pool);
}

static inline cg_str_t member_str(const cg_walk_t *row, const char *name,
                                  apr_pool_t *pool)
{
    uint32_t node = cg_walk_member(row, 0, name);
    return node == CG_NODE_NONE ? CG_STR("") : cg_walk_string(row, node, pool);
}

static inline cg_str_t masked(const cg_rules_t *rules,
                              const cg_actions_t *actions, cg_str_t text,
                              cg_scan_depth_t depth, apr_pool_t *pool)
{
    cg_findings_t findings;
    cg_buf_t out;
    cg_findings_init(&findings, pool);
    cg_buf_init(&out, text.len + 64, pool);
    CU_ASSERT_EQUAL(cg_redact_scan(rules, text, depth, &findings), APR_SUCCESS);
    cg_mask_result_t result =
        cg_redact_mask(rules, text, &findings, actions, NULL, NULL, &out);
    return result.is_changed ? (cg_str_t){out.ptr, out.len} : text;
}

/* Masks with the built-in types and the usual actions. */
static inline const char *mask(const char *text, apr_pool_t *pool)
{
    cg_actions_t actions;
    cg_actions_default(&actions);
    return cg_str_dup(
        masked(cg_rules_builtin(), &actions, cg_str(text), CG_SCAN_DEEP, pool),
        pool);
}

#endif
