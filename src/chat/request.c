/* A request of the OpenAI API: what the gateway must know of it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A member that several readers could take for different things is refused
 * here, because admission, routing and inspection act on what they read. The
 * rest (is this temperature legal?) is left to the provider, which knows better
 * and changes more often.
 */
#include "chat/request.h"

#include <apr_strings.h>

#define MODEL_MAX 256
#define CHOICES_MAX 128
#define COMPLETION_TOKENS                                                      \
    16 /* what the API takes when max_tokens is absent                         \
        */

/* ---- is a member sound? ----------------------------------------------- */

static bool is_kind(const cg_walk_t *walk, uint32_t node, cg_node_kind_t kind)
{
    return walk->nodes[node].kind == kind;
}

static bool is_null(const cg_walk_t *walk, uint32_t node)
{
    return is_kind(walk, node, CG_NODE_NULL);
}

static bool is_given(const cg_walk_t *walk, uint32_t node)
{
    return node != CG_NODE_NONE && !is_null(walk, node);
}

static bool is_flag(const cg_walk_t *walk, uint32_t node)
{
    return is_null(walk, node) || is_kind(walk, node, CG_NODE_TRUE) ||
           is_kind(walk, node, CG_NODE_FALSE);
}

static bool is_count(const cg_walk_t *walk, uint32_t node)
{
    int64_t count = 0;
    return is_null(walk, node) ||
           (cg_walk_int(walk, node, &count) && count >= 1);
}

static bool is_choices(const cg_walk_t *walk, uint32_t node)
{
    int64_t count = 0;
    return is_null(walk, node) || (cg_walk_int(walk, node, &count) &&
                                   count >= 1 && count <= CHOICES_MAX);
}

static bool is_options(const cg_walk_t *walk, uint32_t node)
{
    if (!is_kind(walk, node, CG_NODE_OBJECT)) {
        return is_null(walk, node);
    }
    uint32_t flag = cg_walk_member(walk, node, "include_usage");
    return flag == CG_NODE_NONE || is_flag(walk, flag);
}

static bool is_conversation(const cg_walk_t *walk, uint32_t node)
{
    return is_kind(walk, node, CG_NODE_ARRAY) && cg_walk_length(walk, node) > 0;
}

static bool is_texts(const cg_walk_t *walk, uint32_t node)
{
    return is_kind(walk, node, CG_NODE_STRING) ||
           is_kind(walk, node, CG_NODE_ARRAY);
}

static bool is_text(const cg_walk_t *walk, uint32_t node)
{
    return is_kind(walk, node, CG_NODE_STRING);
}

/* A batch costs what its lines cost: only of what a line may be checked for. */
static bool is_of_batch(const cg_walk_t *walk, uint32_t node)
{
    return is_text(walk, node) &&
           cg_chat_endpoint_of_batch(cg_walk_raw(walk, node)) !=
               CG_ENDPOINT_NONE;
}

static bool is_texts_or_null(const cg_walk_t *walk, uint32_t node)
{
    return is_texts(walk, node) || is_null(walk, node);
}

/* ---- the members that are read ---------------------------------------- */

#define CHAT (1u << CG_ENDPOINT_CHAT)
#define COMPLETIONS (1u << CG_ENDPOINT_COMPLETIONS)
#define RESPONSES (1u << CG_ENDPOINT_RESPONSES)
#define EMBEDDINGS (1u << CG_ENDPOINT_EMBEDDINGS)
#define MODERATIONS (1u << CG_ENDPOINT_MODERATIONS)
#define SPEECH (1u << CG_ENDPOINT_SPEECH)
#define IMAGES (1u << CG_ENDPOINT_IMAGES)
#define BATCH (1u << CG_ENDPOINT_BATCH_CREATE)
#define ANY (~0u)

_Static_assert(CG_ENDPOINT_COUNT <= 32, "an endpoint is a bit of unsigned");

typedef struct rule_t {
    const char *name;
    unsigned endpoints; /* where the member means something */
    unsigned needed_by;
    bool (*is_sound)(const cg_walk_t *walk, uint32_t node);
    const char *must_be;
} rule_t;

// clang-format off
static const rule_t RULES[] = {
    { "messages", CHAT, CHAT, is_conversation,
      "an array with at least one message" },
    { "prompt", COMPLETIONS, COMPLETIONS, is_texts_or_null,
      "a string or an array" },
    { "input", EMBEDDINGS, EMBEDDINGS, is_texts, "a string or an array" },
    { "input", RESPONSES, 0, is_texts_or_null, "a string or an array" },
    { "input", MODERATIONS, MODERATIONS, is_texts, "a string or an array" },
    { "input", SPEECH, SPEECH, is_text, "a string" },
    { "prompt", IMAGES, IMAGES, is_text, "a string" },
    { "input_file_id", BATCH, BATCH, is_text, "a string" },
    { "endpoint", BATCH, BATCH, is_of_batch,
      "an endpoint that a batch may ask for, as /v1/chat/completions" },
    { "stream", ANY, 0, is_flag, "true or false" },
    { "stream_options", ANY, 0, is_options,
      "an object whose include_usage is true or false" },
    { "n", CHAT | COMPLETIONS | IMAGES, 0, is_choices, "a whole number from 1 to 128" },
    { "best_of", COMPLETIONS, 0, is_choices, "a whole number from 1 to 128" },
    { "max_tokens", CHAT | COMPLETIONS, 0, is_count,
      "a whole number of at least 1" },
    { "max_completion_tokens", CHAT, 0, is_count,
      "a whole number of at least 1" },
    { "max_output_tokens", RESPONSES, 0, is_count,
      "a whole number of at least 1" },
    { NULL, 0, 0, NULL, NULL }
};

/* A response may go on from these instead of an input. */
static const char *const INPUTS[] = {
    "input", "prompt", "previous_response_id", "conversation", NULL
};
// clang-format on

static cg_request_status_t refuse(const char *param, const char *must_be,
                                  const char **out_param, cg_error_t *err)
{
    *out_param = param;
    cg_error_set(err, "'%s' must be %s", param, must_be);
    return CG_REQUEST_BAD_MEMBER;
}

static cg_request_status_t check_rules(const cg_request_t *request,
                                       const char **out_param, cg_error_t *err)
{
    unsigned endpoint = 1u << request->endpoint;
    for (const rule_t *rule = RULES; rule->name != NULL; rule++) {
        if ((rule->endpoints & endpoint) == 0) {
            continue;
        }
        uint32_t node = cg_walk_member(&request->walk, 0, rule->name);
        bool is_bad = node == CG_NODE_NONE
                          ? (rule->needed_by & endpoint) != 0
                          : !rule->is_sound(&request->walk, node);
        if (is_bad) {
            return refuse(rule->name, rule->must_be, out_param, err);
        }
    }
    return CG_REQUEST_OK;
}

/* ---- messages --------------------------------------------------------- */

/* Elements that are neither objects, arrays nor strings have no node; they
 * show as a gap in the numbers of the others. */
static cg_request_status_t check_messages(const cg_request_t *request,
                                          const char **out_param,
                                          cg_error_t *err, apr_pool_t *pool)
{
    const cg_walk_t *walk = &request->walk;
    uint32_t list = cg_walk_member(walk, 0, "messages");
    uint32_t at = walk->nodes[list].child;
    size_t length = cg_walk_length(walk, list);
    for (size_t i = 0; i < length; i++, at = walk->nodes[at].next) {
        if (at == CG_NODE_NONE || walk->nodes[at].key_start != i ||
            !is_kind(walk, at, CG_NODE_OBJECT)) {
            return refuse(
                apr_psprintf(pool, "messages[%" APR_SIZE_T_FMT "]", i),
                "an object", out_param, err);
        }
        uint32_t role = cg_walk_member(walk, at, "role");
        if (role == CG_NODE_NONE || !is_kind(walk, role, CG_NODE_STRING)) {
            return refuse(
                apr_psprintf(pool, "messages[%" APR_SIZE_T_FMT "].role", i),
                "a string", out_param, err);
        }
    }
    return CG_REQUEST_OK;
}

static cg_request_status_t check_response_input(const cg_request_t *request,
                                                const char **out_param,
                                                cg_error_t *err)
{
    for (const char *const *name = INPUTS; *name != NULL; name++) {
        uint32_t node = cg_walk_member(&request->walk, 0, *name);
        if (is_given(&request->walk, node)) {
            return CG_REQUEST_OK;
        }
    }
    return refuse("input",
                  "given, or prompt, previous_response_id or "
                  "conversation in its place",
                  out_param, err);
}

/* ---- model ------------------------------------------------------------ */

/* C0, DEL, and C1, which UTF-8 writes C2 80 to C2 9F: a model's name goes into
 * headers, records and metrics. */
static bool has_control(cg_str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool is_c1 = c == 0xC2 && i + 1 < text.len &&
                     (unsigned char)text.ptr[i + 1] < 0xA0;
        if (c < 0x20 || c == 0x7F || is_c1) {
            return true;
        }
    }
    return false;
}

bool cg_chat_model_is_sound(cg_str_t model)
{
    return model.len > 0 && model.len <= MODEL_MAX && !has_control(model);
}

static cg_request_status_t read_model(cg_request_t *request,
                                      const char **out_param, cg_error_t *err,
                                      apr_pool_t *pool)
{
    const cg_endpoint_row_t *row = &cg_endpoints[request->endpoint];
    if (!row->has_model) {
        return CG_REQUEST_OK;
    }
    request->model_node = cg_walk_member(&request->walk, 0, "model");
    if (row->model && !is_given(&request->walk, request->model_node)) {
        request->model = cg_str(row->model);
        return CG_REQUEST_OK;
    }
    request->model = cg_walk_string(&request->walk, request->model_node, pool);
    if (!cg_chat_model_is_sound(request->model)) {
        return refuse("model",
                      "a string of 1 to 256 bytes without control "
                      "characters",
                      out_param, err);
    }
    return CG_REQUEST_OK;
}

/* ---- what was asked --------------------------------------------------- */

static int64_t number_of(const cg_walk_t *walk, const char *name,
                         int64_t fallback)
{
    int64_t value = fallback;
    uint32_t node = cg_walk_member(walk, 0, name);
    return cg_walk_int(walk, node, &value) ? value : fallback;
}

/* Both members are legal at once; a provider may follow either, so the hold is for
 * the larger: what is charged never passes what was held. */
static int64_t chat_cap(const cg_walk_t *walk)
{
    int64_t newer = number_of(walk, "max_completion_tokens", -1);
    int64_t older = number_of(walk, "max_tokens", -1);
    if (newer < 0 || older < 0) {
        return newer < 0 ? older : newer;
    }
    return newer > older ? newer : older;
}

static int64_t output_cap(const cg_request_t *request)
{
    const cg_walk_t *walk = &request->walk;
    switch (request->endpoint) {
    case CG_ENDPOINT_CHAT:
        return chat_cap(walk);
    case CG_ENDPOINT_COMPLETIONS:
        return number_of(walk, "max_tokens", -1);
    case CG_ENDPOINT_RESPONSES:
        return number_of(walk, "max_output_tokens", -1);
    default:
        return -1;
    }
}

/* A list of prompts is answered prompt by prompt; a list of numbers is one
 * prompt in tokens. */
static int64_t prompts_of(const cg_walk_t *walk)
{
    uint32_t prompt = cg_walk_member(walk, 0, "prompt");
    bool is_list = prompt != CG_NODE_NONE &&
                   is_kind(walk, prompt, CG_NODE_ARRAY) &&
                   walk->nodes[prompt].child != CG_NODE_NONE;
    return is_list ? (int64_t)cg_walk_length(walk, prompt) : 1;
}

/* How many texts the provider will write, and bill. */
static int64_t choices_of(const cg_request_t *request)
{
    const cg_walk_t *walk = &request->walk;
    if (request->endpoint == CG_ENDPOINT_CHAT ||
        request->endpoint == CG_ENDPOINT_IMAGES) {
        return number_of(walk, "n", 1);
    }
    if (request->endpoint != CG_ENDPOINT_COMPLETIONS) {
        return 1;
    }
    int64_t n = number_of(walk, "n", 1);
    int64_t tried = number_of(walk, "best_of", 1);
    return (tried > n ? tried : n) * prompts_of(walk);
}

static void read_wishes(cg_request_t *request)
{
    const cg_walk_t *walk = &request->walk;
    uint32_t options = cg_walk_member(walk, 0, "stream_options");
    request->is_stream =
        cg_endpoints[request->endpoint].can_stream &&
        cg_walk_is_true(walk, cg_walk_member(walk, 0, "stream"));
    request->asks_usage =
        cg_walk_is_true(walk, cg_walk_member(walk, options, "include_usage"));
    request->max_output_tokens = output_cap(request);
    request->choices = choices_of(request);
}

/* ---- reading ---------------------------------------------------------- */

static cg_request_status_t walk_body(cg_request_t *request, cg_str_t body,
                                     cg_error_t *err, apr_pool_t *pool)
{
    if (cg_walk(body.ptr, body.len, &request->walk, err, pool) != CG_WALK_OK) {
        return CG_REQUEST_NOT_JSON;
    }
    if (!is_kind(&request->walk, 0, CG_NODE_OBJECT)) {
        cg_error_set(err, "the body must be a JSON object");
        return CG_REQUEST_NOT_JSON;
    }
    return CG_REQUEST_OK;
}

static cg_request_status_t check_members(cg_request_t *request,
                                         const char **out_param,
                                         cg_error_t *err, apr_pool_t *pool)
{
    cg_request_status_t status = read_model(request, out_param, err, pool);
    if (status == CG_REQUEST_OK) {
        status = check_rules(request, out_param, err);
    }
    if (status == CG_REQUEST_OK && request->endpoint == CG_ENDPOINT_CHAT) {
        status = check_messages(request, out_param, err, pool);
    }
    if (status == CG_REQUEST_OK && request->endpoint == CG_ENDPOINT_RESPONSES) {
        status = check_response_input(request, out_param, err);
    }
    return status;
}

cg_request_status_t cg_chat_request_read(cg_endpoint_t endpoint, cg_str_t body,
                                         cg_request_t *out,
                                         const char **out_param,
                                         cg_error_t *err, apr_pool_t *pool)
{
    *out = (cg_request_t){.endpoint = endpoint,
                          .model_node = CG_NODE_NONE,
                          .max_output_tokens = -1,
                          .choices = 1};
    *out_param = NULL;
    if (endpoint >= CG_ENDPOINT_COUNT || !cg_endpoints[endpoint].has_body) {
        cg_error_set(err, "this endpoint takes no body");
        return CG_REQUEST_NOT_JSON;
    }
    cg_request_status_t status = walk_body(out, body, err, pool);
    if (status == CG_REQUEST_OK) {
        status = check_members(out, out_param, err, pool);
    }
    if (status == CG_REQUEST_OK) {
        read_wishes(out);
    }
    return status;
}

/* ---- edits ------------------------------------------------------------ */

/* A new first member. Insertions at the same place stand one after the other,
 * each with its comma, so several are sound together; only an object without
 * members must not end in one. */
static cg_splice_t insert_first(const cg_walk_t *walk, uint32_t object,
                                const char *member, apr_pool_t *pool)
{
    const cg_node_t *node = &walk->nodes[object];
    bool is_empty = node->child == CG_NODE_NONE;
    const char *with = apr_pstrcat(pool, member, is_empty ? "" : ",", NULL);
    return (cg_splice_t){node->start + 1, node->start + 1, cg_str(with)};
}

static cg_splice_t replace(const cg_walk_t *walk, uint32_t node,
                           const char *value)
{
    return (cg_splice_t){walk->nodes[node].start, walk->nodes[node].end,
                         cg_str(value)};
}

bool cg_chat_request_ask_usage(const cg_request_t *request, cg_splice_t *out,
                               apr_pool_t *pool)
{
    const cg_walk_t *walk = &request->walk;
    bool has_chunk = request->endpoint == CG_ENDPOINT_CHAT ||
                     request->endpoint == CG_ENDPOINT_COMPLETIONS;
    if (!request->is_stream || request->asks_usage || !has_chunk) {
        return false;
    }
    uint32_t options = cg_walk_member(walk, 0, "stream_options");
    uint32_t flag = cg_walk_member(walk, options, "include_usage");
    if (options == CG_NODE_NONE) {
        *out = insert_first(
            walk, 0, "\"stream_options\":{\"include_usage\":true}", pool);
    }
    else if (is_null(walk, options)) {
        *out = replace(walk, options, "{\"include_usage\":true}");
    }
    else if (flag == CG_NODE_NONE) {
        *out = insert_first(walk, options, "\"include_usage\":true", pool);
    }
    else {
        *out = replace(walk, flag, "true");
    }
    return true;
}

bool cg_chat_request_cap_output(const cg_request_t *request, int64_t tokens,
                                cg_splice_t *out, apr_pool_t *pool)
{
    static const char *const caps[CG_ENDPOINT_COUNT] = {
        [CG_ENDPOINT_CHAT] = "max_completion_tokens",
        [CG_ENDPOINT_COMPLETIONS] = "max_tokens",
        [CG_ENDPOINT_RESPONSES] = "max_output_tokens",
    };
    const char *cap = caps[request->endpoint];
    if (cap == NULL || request->max_output_tokens >= 0) {
        return false;
    }
    /* A cap must not make an answer longer than it would have been. */
    if (request->endpoint == CG_ENDPOINT_COMPLETIONS &&
        tokens > COMPLETION_TOKENS) {
        tokens = COMPLETION_TOKENS;
    }
    uint32_t member = cg_walk_member(&request->walk, 0, cap);
    const char *value = apr_psprintf(pool, "%" APR_INT64_T_FMT, tokens);
    if (member != CG_NODE_NONE) {
        *out = replace(&request->walk, member, value);
        return true;
    }
    *out = insert_first(&request->walk, 0,
                        apr_pstrcat(pool, "\"", cap, "\":", value, NULL), pool);
    return true;
}

size_t cg_chat_request_clamp_output(const cg_request_t *request, int64_t tokens,
                                    cg_splice_t out[CG_CAPS_MAX],
                                    apr_pool_t *pool)
{
    static const char *const caps[CG_ENDPOINT_COUNT][CG_CAPS_MAX] = {
        [CG_ENDPOINT_CHAT] = {"max_completion_tokens", "max_tokens"},
        [CG_ENDPOINT_COMPLETIONS] = {"max_tokens", NULL},
        [CG_ENDPOINT_RESPONSES] = {"max_output_tokens", NULL},
    };
    size_t count = 0;
    for (size_t i = 0; i < CG_CAPS_MAX; i++) {
        const char *cap = caps[request->endpoint][i];
        if (cap && number_of(&request->walk, cap, -1) > tokens) {
            out[count++] =
                replace(&request->walk, cg_walk_member(&request->walk, 0, cap),
                        apr_psprintf(pool, "%" APR_INT64_T_FMT, tokens));
        }
    }
    return count;
}
