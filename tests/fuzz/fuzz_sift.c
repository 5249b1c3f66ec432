/* Fuzz target: a document that is sifted stays a document.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte of an input says how deep the scan is, what is done, and whether
 * the document is a request: then files are looked into, pieces of values joined,
 * and verdicts remembered, which must change nothing. The rest is the document.
 * Splices must be in order and inside it.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "flow/finder.h"
#include "flow/review.h"

#include "replay.h"

static void check_splices(const cg_sift_t *sift, size_t len)
{
    const cg_splice_t *all = (const cg_splice_t *)sift->splices->elts;
    uint32_t end = 0;
    for (int i = 0; i < sift->splices->nelts; i++) {
        MUST(all[i].start >= end && all[i].end >= all[i].start);
        MUST(all[i].end <= len);
        end = all[i].end;
    }
}

#define ENTRIES 64

static bool review_once(cg_str_t text, const cg_actions_t *actions,
                        cg_memo_t *memo, cg_str_t *out, apr_pool_t *pool)
{
    cg_tally_t tally = {{0}};
    cg_opaque_t opaque = {{0}};
    cg_finder_t finder;
    cg_review_t review;
    cg_walk_t walk;
    cg_finder_open(&finder, cg_rules_builtin(), CG_SCAN_DEEP, memo, 1);
    cg_sift_t sift = {.rules = cg_rules_builtin(), .actions = actions,
                      .depth = CG_SCAN_DEEP, .tally = &tally, .pool = pool,
                      .find = cg_finder_find, .finder = &finder,
                      .opaque = &opaque};
    sift.spots = apr_array_make(pool, 4, sizeof(cg_finding_t));
    MUST(cg_walk(text.ptr, text.len, &walk, NULL, pool) == CG_WALK_OK);
    cg_sift_open(&sift);
    cg_review_open(&review, &sift);
    if (cg_sift_document(&sift, &walk) != APR_SUCCESS ||
        cg_review_finish(&review, &sift, &walk) != APR_SUCCESS) {
        return false;
    }
    check_splices(&sift, text.len);
    MUST((cg_opaque_total(&opaque) > 0) == (sift.opaque_at != NULL));
    MUST(sift.splices->nelts == 0 || cg_tally_total(&tally) > 0);
    for (uint32_t node = 0; node < walk.count; node++) {
        if (walk.nodes[node].kind == CG_NODE_STRING) {
            cg_sift_masked(&sift, &walk, node, pool);
        }
    }
    *out = cg_sift_apply(&sift, text);
    return !sift.is_blocked;
}

/* With nothing remembered, and with all of it. */
static bool review_twice(cg_str_t text, const cg_actions_t *actions,
                         cg_str_t *out, apr_pool_t *pool)
{
    static const uint64_t secret[2] = {1, 2};
    size_t bytes = (cg_memo_bytes(ENTRIES) + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    cg_str_t again = {"", 0};
    memset(memory, 0, bytes);
    cg_memo_t *memo = cg_memo_open(memory, ENTRIES, secret, pool);
    bool is_good = review_once(text, actions, memo, out, pool);
    MUST(review_once(text, actions, memo, &again, pool) == is_good);
    MUST(!is_good || cg_str_equal(*out, again));
    free(memory);
    return is_good;
}

/* False: it was blocked, or could not be looked through. */
static bool sift_once(cg_str_t text, const cg_actions_t *actions,
                      cg_scan_depth_t depth, cg_str_t *out, apr_pool_t *pool)
{
    cg_tally_t tally = {{0}};
    cg_walk_t walk;
    cg_sift_t sift = {.rules = cg_rules_builtin(), .actions = actions,
                      .depth = depth, .tally = &tally, .pool = pool};
    MUST(cg_walk(text.ptr, text.len, &walk, NULL, pool) == CG_WALK_OK);
    cg_sift_open(&sift);
    if (cg_sift_document(&sift, &walk) != APR_SUCCESS) {
        return false;
    }
    check_splices(&sift, text.len);
    MUST(!sift.is_blocked || sift.blocked_at != NULL);
    MUST(sift.splices->nelts == 0 || cg_tally_total(&tally) > 0);
    *out = cg_sift_apply(&sift, text);
    return !sift.is_blocked;
}

/* Masks may make two names the same: that alone may be wrong with the result. */
static void check_document(cg_str_t text, apr_pool_t *pool)
{
    cg_walk_t walk;
    cg_walk_status_t status = cg_walk(text.ptr, text.len, &walk, NULL, pool);
    MUST(status == CG_WALK_OK || status == CG_WALK_DUPLICATE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = NULL;
    cg_actions_t actions;
    cg_walk_t walk;
    cg_str_t out;
    if (size < 1) {
        return 0;
    }
    apr_initialize();
    apr_pool_create(&pool, NULL);
    cg_actions_all(&actions, data[0] & 2 ? CG_ACTION_BLOCK : CG_ACTION_MASK);
    cg_scan_depth_t depth = data[0] & 1 ? CG_SCAN_DEEP : CG_SCAN_PLAIN;
    cg_str_t text = {(const char *)data + 1, size - 1};
    bool is_request = (data[0] & 4) != 0;
    if (cg_walk(text.ptr, text.len, &walk, NULL, pool) == CG_WALK_OK &&
        (is_request ? review_twice(text, &actions, &out, pool)
                    : sift_once(text, &actions, depth, &out, pool))) {
        check_document(out, pool);
    }
    apr_pool_destroy(pool);
    return 0;
}
