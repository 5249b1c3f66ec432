/* The conversation reviewed as a whole: values spread over several messages.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/review.h"

#include <stdlib.h>
#include <string.h>

enum {
    SPEAKER_USER,
    SPEAKER_ASSISTANT,
    SPEAKER_SYSTEM,
    SPEAKER_TOOL,
    SPEAKER_LIST
};

static const struct role_t {
    const char *name;
    int speaker;
} ROLES[] = {{"user", SPEAKER_USER},     {"assistant", SPEAKER_ASSISTANT},
             {"system", SPEAKER_SYSTEM}, {"developer", SPEAKER_SYSTEM},
             {"tool", SPEAKER_TOOL},     {"function", SPEAKER_TOOL}};

static uint32_t above(const cg_walk_t *walk, uint32_t node, uint8_t depth)
{
    while (walk->nodes[node].depth > depth) {
        node = walk->nodes[node].parent;
    }
    return node;
}

static bool is_list_of_messages(const cg_walk_t *walk, uint32_t node)
{
    return walk->nodes[node].kind == CG_NODE_ARRAY &&
           (cg_walk_key_is(walk, node, "messages") ||
            cg_walk_key_is(walk, node, "input") ||
            cg_walk_key_is(walk, node, "prompt"));
}

static int speaker_of(const cg_walk_t *walk, uint32_t message)
{
    uint32_t role = cg_walk_member(walk, message, "role");
    if (role == CG_NODE_NONE || walk->nodes[role].kind != CG_NODE_STRING) {
        return SPEAKER_TOOL; /* an item of another kind: what a tool gave */
    }
    cg_str_t name = cg_walk_raw(walk, role);
    for (size_t i = 0; i < sizeof ROLES / sizeof ROLES[0]; i++) {
        if (cg_str_is(name, ROLES[i].name)) {
            return ROLES[i].speaker;
        }
    }
    return SPEAKER_USER;
}

/* What a message says; its name, its calls and the like are not of the flow. */
static bool is_said(const cg_walk_t *walk, uint32_t node)
{
    uint32_t member = above(walk, node, 3);
    return cg_walk_key_is(walk, member, "content") ||
           cg_walk_key_is(walk, member, "output");
}

static void say(cg_review_t *review, int speaker, uint32_t message,
                uint32_t node, cg_str_t text)
{
    bool goes_on = speaker != SPEAKER_LIST && review->speaker == speaker &&
                   review->message == message;
    for (int i = 0; i < CG_REVIEW_SPEAKERS; i++) {
        if (i != speaker && review->speakers[i]) {
            cg_spread_hear(review->speakers[i], text);
        }
    }
    if (!review->speakers[speaker]) {
        review->speakers[speaker] = cg_spread_open(
            review->rules, speaker == SPEAKER_LIST, review->pool);
    }
    apr_status_t rv =
        cg_spread_add(review->speakers[speaker], node, text, goes_on);
    if (review->status == APR_SUCCESS) {
        review->status = rv;
    }
    review->speaker = speaker;
    review->message = message;
}

static void on_plain(void *baton, const cg_walk_t *walk, uint32_t node,
                     cg_str_t text)
{
    cg_review_t *review = baton;
    if (walk->nodes[node].depth < 2 ||
        !is_list_of_messages(walk, above(walk, node, 1))) {
        return;
    }
    uint32_t message = above(walk, node, 2);
    if (walk->nodes[message].kind == CG_NODE_STRING) {
        say(review, SPEAKER_LIST, message, node, text);
    }
    else if (walk->nodes[message].kind == CG_NODE_OBJECT &&
             is_said(walk, node)) {
        say(review, speaker_of(walk, message), message, node, text);
    }
}

void cg_review_open(cg_review_t *review, cg_sift_t *sift)
{
    *review = (cg_review_t){.rules = sift->rules,
                            .pool = sift->pool,
                            .message = CG_NODE_NONE,
                            .speaker = -1};
    sift->on_plain = on_plain;
    sift->plain_baton = review;
}

static void add_covers(const cg_review_t *review,
                       const cg_spread_found_t *found, bool is_masked,
                       apr_array_header_t *covers)
{
    cg_finding_t finding = {
        .type = found->type, .score = found->score, .rule = found->rule};
    cg_buf_t with;
    cg_buf_init(&with, 32, review->pool);
    if (is_masked) {
        cg_mask_replace(review->rules, NULL, CG_ACTION_MASK, &finding,
                        CG_STR(""), &with);
    }
    for (int i = 0; i < found->count; i++) {
        finding.start = found->parts[i].start;
        finding.end = found->parts[i].end;
        APR_ARRAY_PUSH(covers, cg_cover_t) =
            (cg_cover_t){.node = found->parts[i].text,
                         .finding = finding,
                         .with = {is_masked ? with.ptr : NULL, with.len}};
    }
}

static void treat(const cg_review_t *review, cg_sift_t *sift,
                  const cg_walk_t *walk, const cg_spread_found_t *found,
                  apr_array_header_t *covers)
{
    cg_action_t action =
        cg_rules_action(sift->rules, sift->actions, found->type, found->rule);
    if (action == CG_ACTION_ALLOW) {
        return;
    }
    if (sift->tally) {
        sift->tally->by_type[found->type]++;
    }
    if (action == CG_ACTION_BLOCK) {
        cg_sift_block(sift, walk, found->parts[0].text, found->type);
    }
    add_covers(review, found,
               action != CG_ACTION_LOG && action != CG_ACTION_BLOCK, covers);
}

apr_status_t cg_review_finish(cg_review_t *review, cg_sift_t *sift,
                              const cg_walk_t *walk)
{
    if (review->status != APR_SUCCESS) {
        return review->status;
    }
    apr_array_header_t *covers =
        apr_array_make(review->pool, 4, sizeof(cg_cover_t));
    for (int i = 0; i < CG_REVIEW_SPEAKERS; i++) {
        size_t count = 0;
        const cg_spread_found_t *found =
            review->speakers[i] ? cg_spread_found(review->speakers[i], &count)
                                : NULL;
        for (size_t k = 0; k < count; k++) {
            treat(review, sift, walk, &found[k], covers);
        }
    }
    if (covers->nelts > 0) {
        cg_sift_cover(sift, walk, (const cg_cover_t *)covers->elts,
                      (size_t)covers->nelts);
    }
    return APR_SUCCESS;
}
