/* Step 6, observe: files in answers that are JSON: pictures and sound in base64.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the gateway cannot read is counted on its way back as on its way out, and
 * refused where ChatGPTOpaque says deny. A file is known by its member's name, by
 * the media type of a data: URL, or by its first bytes; an id of the API may be
 * base64 as well, and is none.
 */
#include "flow/observe_int.h"
#include "flow/payload.h"

// clang-format off
/* Members that hold a file, or pieces of one; over: the member or the type that
 * must stand over it, NULL any. */
static const struct member_t {
    const char *name;
    const char *over;
    cg_opaque_kind_t kind;
} MEMBERS[] = {
    {"b64_json",          NULL,                          CG_OPAQUE_IMAGE},
    {"partial_image_b64", NULL,                          CG_OPAQUE_IMAGE},
    {"result",            "image_generation_call",       CG_OPAQUE_IMAGE},
    {"data",              "audio",                       CG_OPAQUE_AUDIO},
    {"audio",             "speech.audio.delta",          CG_OPAQUE_AUDIO},
    {"delta",             "response.audio.delta",        CG_OPAQUE_AUDIO},
    {"delta",             "response.output_audio.delta", CG_OPAQUE_AUDIO},
};
// clang-format on

static bool stands_below(const cg_walk_t *walk, uint32_t node, const char *over)
{
    uint32_t parent = walk->nodes[node].parent;
    if (!over || parent == CG_NODE_NONE) {
        return !over;
    }
    uint32_t type = cg_walk_member(walk, parent, "type");
    bool is_typed = type != CG_NODE_NONE &&
                    walk->nodes[type].kind == CG_NODE_STRING &&
                    cg_str_is(cg_walk_raw(walk, type), over);
    return is_typed || cg_walk_key_is(walk, parent, over);
}

static const struct member_t *member_of(const cg_walk_t *walk, uint32_t node)
{
    for (size_t i = 0; i < sizeof MEMBERS / sizeof MEMBERS[0]; i++) {
        if (cg_walk_key_is(walk, node, MEMBERS[i].name) &&
            stands_below(walk, node, MEMBERS[i].over)) {
            return &MEMBERS[i];
        }
    }
    return NULL;
}

/* False: it is no file, or it is text. */
static bool kind_of(cg_str_t string, const cg_payload_t *payload,
                    const struct member_t *member, apr_pool_t *pool,
                    cg_opaque_kind_t *out)
{
    cg_str_t head = cg_payload_head(string, payload, pool);
    bool is_known = cg_opaque_is_known(head);
    bool is_said = member || payload->media_type.len > 0;
    if (cg_opaque_is_text(head) ? !cg_opaque_is_document(head)
                                : !is_said && !is_known) {
        return false;
    }
    *out = cg_opaque_kind(head, payload->media_type);
    if (*out == CG_OPAQUE_OTHER && member) {
        *out = member->kind;
    }
    return true;
}

/* Of a stream each kind is counted once: a picture comes in stages, sound in many
 * pieces. */
static void count(cg_txn_t *txn, cg_opaque_kind_t kind)
{
    uint32_t bit = UINT32_C(1) << kind;
    if (!txn->answer.is_stream || !(txn->answer.opaque_kinds & bit)) {
        txn->out.opaque.by_kind[kind]++;
    }
    txn->answer.opaque_kinds |= bit;
}

static void count_in(cg_txn_t *txn, const cg_walk_t *walk, uint32_t node,
                     apr_pool_t *pool)
{
    cg_payload_t payload;
    cg_opaque_kind_t kind;
    cg_str_t string = cg_walk_string(walk, node, pool);
    if (cg_payload_find(string, &payload)) {
        if (kind_of(string, &payload, member_of(walk, node), pool, &kind)) {
            count(txn, kind);
        }
        return;
    }
    size_t at = 0;
    while (string.len >= CG_PAYLOAD_LONG &&
           cg_payload_among(string, at, &payload)) {
        at = payload.end;
        if (kind_of(string, &payload, NULL, pool, &kind)) {
            count(txn, kind);
        }
    }
}

cg_verdict_t cg_observe_files(cg_txn_t *txn, const cg_walk_t *walk,
                              apr_pool_t *pool)
{
    for (uint32_t node = 0; node < walk->count; node++) {
        const cg_node_t *at = &walk->nodes[node];
        if (at->kind == CG_NODE_STRING &&
            at->end - at->start >= CG_PAYLOAD_MIN) {
            count_in(txn, walk, node, pool);
        }
    }
    bool is_refused =
        txn->answer.opaque_kinds != 0 && txn->policy->opaque == CG_OPAQUE_DENY;
    return is_refused ? cg_txn_refuse(txn, CG_ANSWER_OPAQUE, NULL, NULL)
                      : CG_PASS;
}
