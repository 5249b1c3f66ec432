/* An answer of the API, whole or as an event of a stream: usage, model, texts.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A stream interleaves several running texts: the choices of a chat, in each of
 * them content, refusal, reasoning and the arguments of every tool call; in a
 * response the parts of every output item. A channel names one of them. It is
 * packed, not hashed, so that "all of choice 2" can be asked:
 *
 *   chat        choice (24 bits) | tool call (24)           | kind (16)
 *   responses   output item (24) | content or summary (24)  | kind (16)
 */
#include "chat/answer.h"

#include <string.h>

#include "chat/request.h"

#define USAGE_MAX (INT64_C(1) << 40)

/* ---- looking ---------------------------------------------------------- */

static bool is_kind(const cg_walk_t *walk, uint32_t node, cg_node_kind_t kind)
{
    return node < walk->count && walk->nodes[node].kind == kind;
}

static bool is_string(const cg_walk_t *walk, uint32_t node)
{
    return is_kind(walk, node, CG_NODE_STRING);
}

static cg_str_t type_of(const cg_walk_t *walk)
{
    uint32_t type = cg_walk_member(walk, 0, "type");
    return is_string(walk, type) ? cg_walk_raw(walk, type) : CG_STR("");
}

/* A member of the document, or of the response that an event carries. */
static uint32_t member_of_answer(const cg_walk_t *walk, const char *name,
                                 cg_node_kind_t kind)
{
    uint32_t node = cg_walk_member(walk, 0, name);
    if (is_kind(walk, node, kind)) {
        return node;
    }
    uint32_t response = cg_walk_member(walk, 0, "response");
    node = cg_walk_member(walk, response, name);
    return is_kind(walk, node, kind) ? node : CG_NODE_NONE;
}

/* ---- usage ------------------------------------------------------------ */

/* Absent and null read as fallback; false when the number is absurd. */
static bool read_count(const cg_walk_t *walk, uint32_t object, const char *name,
                       int64_t fallback, int64_t *out)
{
    uint32_t node = cg_walk_member(walk, object, name);
    *out = fallback;
    if (node == CG_NODE_NONE || is_kind(walk, node, CG_NODE_NULL)) {
        return true;
    }
    return cg_walk_int(walk, node, out) && *out >= 0 && *out <= USAGE_MAX;
}

/* The two spellings of the API. */
typedef struct spelling_t {
    const char *input;
    const char *output;
    const char *input_details;
    const char *output_details;
} spelling_t;

static const spelling_t SPELLINGS[] = {
    {"prompt_tokens", "completion_tokens", "prompt_tokens_details",
     "completion_tokens_details"},
    {"input_tokens", "output_tokens", "input_tokens_details",
     "output_tokens_details"},
};

/* Embeddings have no output member: their total is their input. */
static bool read_output(const cg_walk_t *walk, uint32_t usage, const char *name,
                        int64_t input, int64_t *out)
{
    int64_t total = 0;
    if (!read_count(walk, usage, name, -1, out) ||
        !read_count(walk, usage, "total_tokens", input, &total)) {
        return false;
    }
    if (*out < 0) {
        *out = total > input ? total - input : 0;
    }
    return true;
}

static int64_t at_most(int64_t part, int64_t whole)
{
    return part < whole ? part : whole;
}

static bool read_usage(const cg_walk_t *walk, uint32_t usage,
                       const spelling_t *spelling, cg_usage_t *out)
{
    uint32_t in = cg_walk_member(walk, usage, spelling->input_details);
    uint32_t of = cg_walk_member(walk, usage, spelling->output_details);
    if (!read_count(walk, usage, spelling->input, -1, &out->input_tokens) ||
        out->input_tokens < 0 ||
        !read_output(walk, usage, spelling->output, out->input_tokens,
                     &out->output_tokens) ||
        !read_count(walk, in, "cached_tokens", 0, &out->cached_tokens) ||
        !read_count(walk, of, "reasoning_tokens", 0, &out->reasoning_tokens)) {
        return false;
    }
    out->cached_tokens = at_most(out->cached_tokens, out->input_tokens);
    out->reasoning_tokens = at_most(out->reasoning_tokens, out->output_tokens);
    out->is_known = true;
    return true;
}

bool cg_chat_answer_usage(const cg_walk_t *walk, cg_usage_t *out)
{
    uint32_t usage = member_of_answer(walk, "usage", CG_NODE_OBJECT);
    for (size_t i = 0; i < sizeof SPELLINGS / sizeof *SPELLINGS; i++) {
        *out = (cg_usage_t){0};
        if (read_usage(walk, usage, &SPELLINGS[i], out)) {
            return true;
        }
    }
    *out = (cg_usage_t){0};
    return false;
}

bool cg_chat_answer_is_usage_chunk(const cg_walk_t *walk)
{
    uint32_t choices = cg_walk_member(walk, 0, "choices");
    return is_kind(walk, choices, CG_NODE_ARRAY) &&
           cg_walk_length(walk, choices) == 0 &&
           is_kind(walk, cg_walk_member(walk, 0, "usage"), CG_NODE_OBJECT);
}

/* ---- model, error ----------------------------------------------------- */

cg_str_t cg_chat_answer_model(const cg_walk_t *walk, apr_pool_t *pool)
{
    uint32_t model = member_of_answer(walk, "model", CG_NODE_STRING);
    return cg_walk_string(walk, model, pool);
}

bool cg_chat_answer_is_error(const cg_walk_t *walk)
{
    uint32_t error = cg_walk_member(walk, 0, "error");
    if (is_kind(walk, error, CG_NODE_OBJECT) || is_string(walk, error)) {
        return true;
    }
    cg_str_t type = type_of(walk);
    uint32_t object = cg_walk_member(walk, 0, "object");
    return cg_str_is(type, "error") || cg_str_is(type, "response.failed") ||
           (is_string(walk, object) &&
            cg_str_is(cg_walk_raw(walk, object), "error"));
}

/* ---- channels --------------------------------------------------------- */

#define INDEX_BITS 24
#define KIND_BITS 16
#define INDEX_MASK ((UINT64_C(1) << INDEX_BITS) - 1)
#define KIND_MASK ((UINT64_C(1) << KIND_BITS) - 1)
#define DEEP_KIND 0x8000u /* no chat_kind_t has this bit */

typedef enum chat_kind_t {
    CHAT_CONTENT,
    CHAT_REFUSAL,
    CHAT_REASONING_CONTENT,
    CHAT_REASONING,
    CHAT_TOOL_ARGUMENTS,
    CHAT_TOOL_INPUT,
    CHAT_FUNCTION_ARGUMENTS,
    CHAT_TRANSCRIPT,
    CHAT_TEXT
} chat_kind_t;

/* Indices of more bits than there is room for are folded. */
static uint64_t fold(uint64_t index)
{
    return (index ^ index >> INDEX_BITS ^ index >> (2 * INDEX_BITS)) &
           INDEX_MASK;
}

static uint64_t channel_of(uint64_t outer, uint64_t inner, unsigned kind)
{
    return fold(outer) << (INDEX_BITS + KIND_BITS) | fold(inner) << KIND_BITS |
           (kind & KIND_MASK);
}

static uint64_t outer_of(uint64_t channel)
{
    return channel >> (INDEX_BITS + KIND_BITS);
}

static uint64_t inner_of(uint64_t channel)
{
    return channel >> KIND_BITS & INDEX_MASK;
}

/* The index member of an object; its position in the array if it has none. */
static uint64_t index_of(const cg_walk_t *walk, uint32_t object)
{
    int64_t index = 0;
    uint32_t node = cg_walk_member(walk, object, "index");
    bool is_number = cg_walk_int(walk, node, &index);
    return is_number ? (uint64_t)index : walk->nodes[object].key_start;
}

/* ---- deltas of chat and completions ----------------------------------- */

typedef struct deltas_t {
    const cg_walk_t *walk;
    cg_delta_t *out;
    size_t count;
    size_t cap;
    apr_pool_t *pool;
} deltas_t;

static void add(deltas_t *deltas, uint32_t node, uint64_t channel, bool is_json)
{
    if (!is_string(deltas->walk, node)) {
        return;
    }
    if (deltas->count == deltas->cap) {
        size_t cap = deltas->cap ? deltas->cap * 2 : 8;
        cg_delta_t *out = apr_palloc(deltas->pool, cap * sizeof *out);
        if (deltas->count > 0) {
            memcpy(out, deltas->out, deltas->count * sizeof *out);
        }
        deltas->out = out;
        deltas->cap = cap;
    }
    deltas->out[deltas->count++] = (cg_delta_t){node, channel, is_json};
}

static uint32_t first_child(const cg_walk_t *walk, uint32_t node)
{
    return node < walk->count ? walk->nodes[node].child : CG_NODE_NONE;
}

static void add_tool_call(deltas_t *deltas, uint32_t call, uint64_t choice)
{
    const cg_walk_t *walk = deltas->walk;
    uint64_t index = index_of(walk, call);
    uint32_t function = cg_walk_member(walk, call, "function");
    add(deltas, cg_walk_member(walk, function, "arguments"),
        channel_of(choice, index, CHAT_TOOL_ARGUMENTS), true);
    uint32_t custom = cg_walk_member(walk, call, "custom");
    add(deltas, cg_walk_member(walk, custom, "input"),
        channel_of(choice, index, CHAT_TOOL_INPUT), false);
}

/* FNV-1a, folded. */
static uint32_t hash(uint32_t from, cg_str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        from = (from ^ (unsigned char)text.ptr[i]) * UINT32_C(16777619);
    }
    return from;
}

#define HASH_FROM UINT32_C(2166136261)

static unsigned folded_kind(uint32_t hashed)
{
    return (hashed ^ hashed >> KIND_BITS) & KIND_MASK;
}

/* ---- texts deeper in a delta ---- */

/* Members whose text comes in pieces, wherever they stand. Names, titles and
 * addresses come whole. */
static const char *const TEXTUAL[] = {
    "content",   "text",     "refusal", "reasoning_content",
    "reasoning", "thinking", "summary", "transcript",
    "arguments", "input",    "code",    "partial_json"};

static bool is_textual(cg_str_t name)
{
    for (size_t i = 0; i < sizeof TEXTUAL / sizeof *TEXTUAL; i++) {
        if (cg_str_is(name, TEXTUAL[i])) {
            return true;
        }
    }
    return false;
}

static cg_str_t name_of(const cg_walk_t *walk, uint32_t node)
{
    const cg_node_t *at = &walk->nodes[node];
    return (cg_str_t){walk->text + at->key_start, at->key_len};
}

static bool is_element(const cg_walk_t *walk, uint32_t node)
{
    uint32_t parent = walk->nodes[node].parent;
    return parent < walk->count && walk->nodes[parent].kind == CG_NODE_ARRAY;
}

/* The channel of a text below top: all that leads to it, and the place in the
 * outermost array by itself. */
static uint64_t deep_channel(const cg_walk_t *walk, uint32_t top, uint32_t node,
                             uint64_t outer, uint64_t inner)
{
    uint32_t hashed = HASH_FROM;
    for (uint32_t at = node; at != top; at = walk->nodes[at].parent) {
        if (is_element(walk, at)) {
            uint64_t index = walk->nodes[at].kind == CG_NODE_OBJECT
                                 ? index_of(walk, at)
                                 : walk->nodes[at].key_start;
            cg_str_t bytes = {(const char *)&inner, sizeof inner};
            hashed = hash(hashed, bytes);
            inner = index;
        }
        else {
            hashed = hash(hashed, name_of(walk, at));
        }
    }
    return channel_of(outer, inner, folded_kind(hashed) | DEEP_KIND);
}

/* All running texts below top, an array or object. */
static void add_below(deltas_t *deltas, uint32_t top, uint64_t outer,
                      uint64_t inner)
{
    const cg_walk_t *walk = deltas->walk;
    for (uint32_t node = top + 1;
         node < walk->count && walk->nodes[node].start < walk->nodes[top].end;
         node++) {
        uint32_t named = node;
        while (named != top && is_element(walk, named)) {
            named = walk->nodes[named].parent;
        }
        if (is_string(walk, node) && is_textual(name_of(walk, named)) &&
            cg_chat_is_text(walk, node)) {
            add(deltas, node, deep_channel(walk, top, node, outer, inner),
                false);
        }
    }
}

/* A member of a chat's delta whose text runs: itself, or a member of it. */
typedef struct running_t {
    const char *name;
    const char *inner; /* NULL: the member itself is the text */
    chat_kind_t kind;
    bool is_json;
} running_t;

// clang-format off
static const running_t RUNNING[] = {
    { "content",           NULL,         CHAT_CONTENT,            false },
    { "refusal",           NULL,         CHAT_REFUSAL,            false },
    { "reasoning_content", NULL,         CHAT_REASONING_CONTENT,  false },
    { "reasoning",         NULL,         CHAT_REASONING,          false },
    { "function_call",     "arguments",  CHAT_FUNCTION_ARGUMENTS, true },
    { "audio",             "transcript", CHAT_TRANSCRIPT,         false },
    { NULL, NULL, CHAT_CONTENT, false }
};
// clang-format on

static void add_running(deltas_t *deltas, uint32_t member, uint64_t choice)
{
    const cg_walk_t *walk = deltas->walk;
    for (const running_t *row = RUNNING; row->name != NULL; row++) {
        if (!cg_walk_key_is(walk, member, row->name) ||
            (row->inner == NULL && !is_string(walk, member))) {
            continue;
        }
        uint32_t text = row->inner == NULL
                            ? member
                            : cg_walk_member(walk, member, row->inner);
        add(deltas, text, channel_of(choice, 0, row->kind), row->is_json);
        return;
    }
    if (is_kind(walk, member, CG_NODE_ARRAY) ||
        is_kind(walk, member, CG_NODE_OBJECT)) {
        add_below(deltas, member, choice,
                  hash(HASH_FROM, name_of(walk, member)));
    }
}

static void add_chat_delta(deltas_t *deltas, uint32_t delta, uint64_t choice)
{
    const cg_walk_t *walk = deltas->walk;
    uint32_t at = first_child(walk, delta);
    for (; at != CG_NODE_NONE; at = walk->nodes[at].next) {
        if (!cg_walk_key_is(walk, at, "tool_calls")) {
            add_running(deltas, at, choice);
            continue;
        }
        uint32_t call = first_child(walk, at);
        for (; call != CG_NODE_NONE; call = walk->nodes[call].next) {
            add_tool_call(deltas, call, choice);
        }
    }
}

static void add_choices(deltas_t *deltas, cg_endpoint_t endpoint)
{
    const cg_walk_t *walk = deltas->walk;
    uint32_t at = first_child(walk, cg_walk_member(walk, 0, "choices"));
    for (; at != CG_NODE_NONE; at = walk->nodes[at].next) {
        uint64_t choice = index_of(walk, at);
        if (endpoint == CG_ENDPOINT_CHAT) {
            add_chat_delta(deltas, cg_walk_member(walk, at, "delta"), choice);
        }
        else {
            add(deltas, cg_walk_member(walk, at, "text"),
                channel_of(choice, 0, CHAT_TEXT), false);
        }
    }
}

/* ---- deltas of responses ---------------------------------------------- */

static bool cut_suffix(cg_str_t *text, const char *suffix)
{
    size_t len = strlen(suffix);
    if (text->len < len ||
        memcmp(text->ptr + text->len - len, suffix, len) != 0) {
        return false;
    }
    text->len -= len;
    return true;
}

static bool has_suffix(cg_str_t text, const char *suffix)
{
    return cut_suffix(&text, suffix);
}

/* The kind of a text is the type of its events without the last word, so that a
 * kind the API adds tomorrow has a channel of its own. */
static unsigned kind_of(cg_str_t prefix)
{
    return folded_kind(hash(HASH_FROM, prefix));
}

static int64_t event_index(const cg_walk_t *walk, const char *name)
{
    int64_t index = -1;
    return cg_walk_int(walk, cg_walk_member(walk, 0, name), &index) ? index
                                                                    : -1;
}

/* content_index or summary_index; a text with neither is the item's only. */
static uint64_t part_index(const cg_walk_t *walk)
{
    int64_t index = event_index(walk, "content_index");
    if (index < 0) {
        index = event_index(walk, "summary_index");
    }
    return index < 0 ? 0 : (uint64_t)index;
}

static uint64_t item_index(const cg_walk_t *walk)
{
    int64_t index = event_index(walk, "output_index");
    return index < 0 ? 0 : (uint64_t)index;
}

static uint64_t response_channel(const cg_walk_t *walk, cg_str_t prefix)
{
    return channel_of(item_index(walk), part_index(walk), kind_of(prefix));
}

static void add_response_delta(deltas_t *deltas)
{
    const cg_walk_t *walk = deltas->walk;
    cg_str_t prefix = type_of(walk);
    if (!cut_suffix(&prefix, ".delta") || cg_str_is(prefix, "response.audio") ||
        cg_str_is(prefix, "response.output_audio")) {
        return;
    }
    uint32_t delta = cg_walk_member(walk, 0, "delta");
    if (is_kind(walk, delta, CG_NODE_OBJECT) ||
        is_kind(walk, delta, CG_NODE_ARRAY)) {
        add_below(deltas, delta, item_index(walk), part_index(walk));
        return;
    }
    add(deltas, delta, response_channel(walk, prefix),
        has_suffix(prefix, "arguments"));
}

size_t cg_chat_answer_deltas(const cg_walk_t *walk, cg_endpoint_t endpoint,
                             cg_delta_t **out, apr_pool_t *pool)
{
    deltas_t deltas = {.walk = walk, .pool = pool};
    if (endpoint == CG_ENDPOINT_TRANSCRIPTIONS &&
        cg_str_is(type_of(walk), "transcript.text.segment")) {
        /* One text goes on from segment to segment. */
        add(&deltas, cg_walk_member(walk, 0, "text"),
            channel_of(0, 0, CHAT_TEXT), false);
    }
    else if (endpoint == CG_ENDPOINT_RESPONSES ||
             endpoint == CG_ENDPOINT_TRANSCRIPTIONS) {
        add_response_delta(&deltas);
    }
    else if (cg_endpoints[endpoint].can_stream) {
        add_choices(&deltas, endpoint);
    }
    *out = deltas.out;
    return deltas.count > CG_DELTAS_MAX ? SIZE_MAX : deltas.count;
}

/* ---- ends ------------------------------------------------------------- */

static bool is_choice_finished(const cg_walk_t *walk, uint64_t choice)
{
    uint32_t at = first_child(walk, cg_walk_member(walk, 0, "choices"));
    for (; at != CG_NODE_NONE; at = walk->nodes[at].next) {
        uint32_t reason = cg_walk_member(walk, at, "finish_reason");
        if (reason != CG_NODE_NONE && !is_kind(walk, reason, CG_NODE_NULL) &&
            fold(index_of(walk, at)) == choice) {
            return true;
        }
    }
    return false;
}

/* Events after which nothing of the response runs any more. */
static const char *const LAST_EVENTS[] = {"response.completed",
                                          "response.incomplete",
                                          "response.failed",
                                          "response.cancelled",
                                          "response.done",
                                          "error",
                                          NULL};

static bool is_last_event(cg_str_t type)
{
    for (const char *const *name = LAST_EVENTS; *name != NULL; name++) {
        if (cg_str_is(type, *name)) {
            return true;
        }
    }
    return false;
}

static bool is_response_text_done(const cg_walk_t *walk, uint64_t channel)
{
    cg_str_t type = type_of(walk);
    if (is_last_event(type)) {
        return true;
    }
    if (!cut_suffix(&type, ".done") ||
        outer_of(channel) != fold(item_index(walk))) {
        return false;
    }
    if (cg_str_is(type, "response.output_item")) {
        return true;
    }
    if (cg_str_is(type, "response.content_part") ||
        cg_str_is(type, "response.reasoning_summary_part")) {
        return inner_of(channel) == fold(part_index(walk));
    }
    return channel == response_channel(walk, type);
}

bool cg_chat_answer_ends(const cg_walk_t *walk, cg_endpoint_t endpoint,
                         uint64_t channel)
{
    if (endpoint == CG_ENDPOINT_TRANSCRIPTIONS) {
        return cg_str_is(type_of(walk), "transcript.text.done");
    }
    return endpoint == CG_ENDPOINT_RESPONSES
               ? is_response_text_done(walk, channel)
               : is_choice_finished(walk, outer_of(channel));
}
