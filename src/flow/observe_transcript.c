/* Step 6, observe: a transcript says its text up to three times.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   {"text":"my card is 4111 1111 1111 1111",
 *    "segments":[{"text":"my card is 4111 1111"},{"text":"1111 1111"}],
 *    "words":[{"word":"my"},…,{"word":"4111"},{"word":"1111"},…]}
 *
 * A value that is masked in the whole must not stand in the pieces: then the words
 * go, and the segments where fewer were found in them than in the whole.
 */
#include "flow/observe_int.h"

static int splices_in(const cg_sift_t *sift, const cg_node_t *node)
{
    const cg_splice_t *all = (const cg_splice_t *)sift->splices->elts;
    int count = 0;
    for (int i = 0; i < sift->splices->nelts; i++) {
        count += all[i].start >= node->start && all[i].end <= node->end;
    }
    return count;
}

/* Puts an empty list in the place of a list and of all edits in it. */
static void empty(cg_sift_t *sift, const cg_node_t *list)
{
    cg_splice_t *all = (cg_splice_t *)sift->splices->elts;
    int kept = 0;
    for (int i = 0; i < sift->splices->nelts; i++) {
        if (all[i].start < list->start || all[i].end > list->end) {
            all[kept++] = all[i];
        }
    }
    sift->splices->nelts = kept;
    cg_sift_add(sift, (cg_splice_t){.start = list->start,
                                    .end = list->end,
                                    .with = CG_STR("[]")});
}

void cg_observe_drop_pieces(cg_sift_t *sift, const cg_walk_t *walk)
{
    uint32_t text = cg_walk_member(walk, 0, "text");
    int whole = text == CG_NODE_NONE ? 0 : splices_in(sift, &walk->nodes[text]);
    uint32_t skip_to = 0;
    for (uint32_t node = 1; whole > 0 && node < walk->count; node++) {
        const cg_node_t *at = &walk->nodes[node];
        bool is_words = cg_walk_key_is(walk, node, "words");
        bool is_segments = cg_walk_key_is(walk, node, "segments");
        if (at->start < skip_to || at->kind != CG_NODE_ARRAY ||
            (!is_words && !is_segments) ||
            (is_segments && splices_in(sift, at) >= whole)) {
            continue;
        }
        empty(sift, at);
        skip_to = at->end;
    }
}
