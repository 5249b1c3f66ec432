/* Sifting documents: tests. Cases: tests/data/flow/sift.jsonl, and of requests,
 * whose files are looked into, sift_request.jsonl.
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

/* ---- requests ----------------------------------------------------------- */

static void check_opaque(const cg_walk_t *row, const cg_sift_t *sift,
                         apr_pool_t *pool)
{
    cg_buf_t kinds;
    cg_str_t at = text_in(row, "opaque_at", pool);
    cg_buf_init(&kinds, 64, pool);
    cg_opaque_write(sift->opaque, &kinds);
    if (cg_walk_member(row, 0, "opaque") != CG_NODE_NONE) {
        check(cg_str_is(text_in(row, "opaque", pool), cg_buf_cstr(&kinds)), row,
              cg_buf_cstr(&kinds));
    }
    check(at.len == 0 || (sift->opaque_at && cg_str_is(at, sift->opaque_at)),
          row, "where the file is");
}

static void sift_request(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t in = document_in(row, "in", pool);
    cg_str_t at = text_in(row, "at", pool);
    cg_str_t part = text_in(row, "contains", pool);
    cg_actions_t actions;
    cg_tally_t tally = {{0}};
    cg_opaque_t opaque = {{0}};
    cg_walk_t walk;
    cg_actions_all(&actions, at.len ? CG_ACTION_BLOCK : CG_ACTION_MASK);
    cg_sift_t sift = {.rules = cg_rules_builtin(), .actions = &actions,
                      .depth = CG_SCAN_DEEP, .tally = &tally, .pool = pool,
                      .opaque = &opaque};
    CU_ASSERT_EQUAL_FATAL(cg_walk(in.ptr, in.len, &walk, NULL, pool),
                          CG_WALK_OK);
    cg_sift_open(&sift);
    apr_status_t rv = cg_sift_document(&sift, &walk);
    check((rv != APR_SUCCESS) == flag_in(row, "fails"), row, "fails or not");
    check(sift.is_blocked == (at.len > 0), row, "blocked or not");
    if (rv != APR_SUCCESS || sift.is_blocked) {
        check(!sift.is_blocked || cg_str_is(at, sift.blocked_at), row,
              sift.blocked_at);
        return;
    }
    cg_str_t out = cg_sift_apply(&sift, in);
    check_opaque(row, &sift, pool);
    if (part.len) {
        check(!memmem(out.ptr, out.len, part.ptr, part.len), row,
              cg_str_dup(out, pool));
        return;
    }
    check(cg_str_equal(out, document_in(row, "out", pool)), row,
          cg_str_dup(out, pool));
}

static void files_and_numbers_of_requests_are_looked_into(void)
{
    each_case("flow/sift_request.jsonl", sift_request);
}

static apr_status_t find_nothing(void *finder, cg_str_t name, cg_str_t text,
                                 cg_findings_t *out)
{
    (void)name;
    (void)text;
    out->count = 0;
    int *left = finder;
    return (*left)-- > 0 ? APR_SUCCESS : APR_EGENERAL;
}

/* Wherever the search fails, the document is not taken for clean. */
static void a_text_that_cannot_be_searched_fails_the_document(void)
{
    static const char document[] =
        "{\"bob@example.com1\":\"a\",\"b\":\"{\\\"c\\\":\\\"d\\\",\\\"e\\\":123456789}\","
        "\"f\":\"data:text/plain;base64,bm90aGluZyB0byBiZSBmb3VuZCBoZXJl\","
        "\"g\":\"x \\\\\\\\u0034 y\"}";
    apr_pool_t *pool = open_pool();
    cg_actions_t actions;
    cg_opaque_t opaque = {{0}};
    cg_walk_t walk;
    int calls = 0;
    cg_actions_default(&actions);
    CU_ASSERT_EQUAL_FATAL(
        cg_walk(document, sizeof document - 1, &walk, NULL, pool), CG_WALK_OK);
    for (bool has_failed = true; has_failed && calls < 100; calls++) {
        int left = calls;
        cg_sift_t sift = {.rules = cg_rules_builtin(), .actions = &actions,
                          .depth = CG_SCAN_DEEP, .pool = pool,
                          .find = find_nothing, .finder = &left,
                          .opaque = &opaque};
        cg_sift_open(&sift);
        has_failed = cg_sift_document(&sift, &walk) != APR_SUCCESS;
        CU_ASSERT_EQUAL(has_failed, left < 0);
    }
    CU_ASSERT_EQUAL(calls, 1 + 8); /* a name, a, d, the number, f twice, g twice */
    apr_pool_destroy(pool);
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
    {"files_and_numbers_of_requests_are_looked_into",
     files_and_numbers_of_requests_are_looked_into},
    {"a_text_that_cannot_be_searched_fails_the_document",
     a_text_that_cannot_be_searched_fails_the_document},
    {"sift_keeps_splices_in_order", sift_keeps_splices_in_order},
    CU_TEST_INFO_NULL,
};
