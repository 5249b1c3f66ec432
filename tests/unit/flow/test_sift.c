/* Sifting documents: tests. Cases: tests/data/flow/sift.jsonl.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <CUnit/CUnit.h>

#include "../chat/cases.h"
#include "flow/sift.h"

typedef struct notes_t {
    apr_pool_t *pool;
    cg_buf_t heard;
} notes_t;

static void hear(void *baton, const cg_walk_t *walk, uint32_t node,
                 cg_str_t masked)
{
    notes_t *notes = baton;
    (void)walk;
    (void)node;
    cg_buf_add(&notes->heard, masked.ptr, masked.len);
}

static void sift_one(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t in = document_in(row, "in", pool);
    cg_str_t word = text_in(row, "action", pool);
    cg_action_t action = CG_ACTION_MASK;
    cg_actions_t actions;
    cg_tally_t tally = {{0}};
    cg_walk_t walk;
    notes_t notes = {.pool = pool};
    if (word.len) {
        CU_ASSERT_FATAL(cg_action_parse(cg_str_dup(word, pool), &action));
    }
    cg_actions_all(&actions, action);
    cg_buf_init(&notes.heard, 64, pool);
    cg_sift_t sift = {.rules = cg_rules_builtin(), .actions = &actions,
                      .depth = CG_SCAN_DEEP, .tally = &tally, .pool = pool,
                      .on_text = hear, .baton = &notes};
    CU_ASSERT_EQUAL_FATAL(cg_walk(in.ptr, in.len, &walk, NULL, pool),
                          CG_WALK_OK);
    cg_sift_open(&sift);
    CU_ASSERT_EQUAL_FATAL(cg_sift_document(&sift, &walk), APR_SUCCESS);
    cg_str_t at = text_in(row, "at", pool);
    check(sift.is_blocked == (at.len > 0), row, "blocked or not");
    if (sift.is_blocked) {
        check(cg_str_is(at, sift.blocked_at), row, sift.blocked_at);
        check(!memmem(notes.heard.ptr, notes.heard.len, "4111", 4), row,
              "what blocks was told in the clear");
        return;
    }
    cg_str_t out = cg_sift_apply(&sift, in);
    check(cg_str_equal(out, document_in(row, "out", pool)), row,
          cg_str_dup(out, pool));
    int64_t count = number_in(row, "count", -1);
    check(count < 0 || cg_tally_total(&tally) == count, row, "counted");
    check(sift.splices->nelts > 0 || out.ptr == in.ptr, row, "copied in vain");
}

static void sift_masks_texts_and_touches_nothing_else(void)
{
    each_case("flow/sift.jsonl", sift_one);
}

static void sift_keeps_splices_in_order(void)
{
    apr_pool_t *pool = open_pool();
    cg_sift_t sift = {.pool = pool};
    cg_sift_open(&sift);
    CU_ASSERT(cg_sift_apply(&sift, CG_STR("abc")).len == 3);
    cg_sift_add(&sift, (cg_splice_t){2, 3, CG_STR("Z")});
    cg_sift_add(&sift, (cg_splice_t){0, 1, CG_STR("X")});
    cg_sift_add(&sift, (cg_splice_t){1, 2, CG_STR("Y")});
    CU_ASSERT(cg_str_is(cg_sift_apply(&sift, CG_STR("abc")), "XYZ"));
    apr_pool_destroy(pool);
}

CU_TestInfo test_flow_sift[] = {
    {"sift_masks_texts_and_touches_nothing_else",
     sift_masks_texts_and_touches_nothing_else},
    {"sift_keeps_splices_in_order", sift_keeps_splices_in_order},
    CU_TEST_INFO_NULL,
};
