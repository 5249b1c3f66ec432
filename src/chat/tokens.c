/* How many tokens is a request?
 * SPDX-License-Identifier: Apache-2.0
 *
 *   chat   3 for the answer, and for each message 3, its role, its content, its
 *          name and 1; tools as text (tools_text.h) and 9
 *
 * The numbers are those of OpenAI's cookbook and of hmarr/openai-chat-tokens, both
 * checked against the API. The Responses API is counted in the same way, without
 * anything published to check it by; so are the members that other providers add.
 */
#include "chat/tokens_int.h"

#include "chat/picture.h"
#include "token/count.h"

const cg_vocabulary_t *cg_chat_vocabulary(const cg_vocabularies_t *vocabularies,
                                          cg_str_t model, bool *out_is_known)
{
    const cg_chat_model_t *row = cg_chat_model_find(model);
    *out_is_known = row->prefix[0] != '\0';
    return vocabularies ? vocabularies->of[row->encoding] : NULL;
}

int64_t cg_chat_tokens(const cg_vocabulary_t *vocabulary, cg_str_t text)
{
    return vocabulary ? cg_token_count(vocabulary, text) : cg_token_bound(text);
}

/* ---- texts ------------------------------------------------------------ */

int64_t cg_chat_counter_text(const cg_chat_counter_t *counter, uint32_t node)
{
    if (!cg_chat_counter_is_kind(counter, node, CG_NODE_STRING)) {
        return 0;
    }
    return cg_chat_tokens(counter->vocabulary,
                          cg_walk_string(counter->walk, node, counter->pool));
}

int64_t cg_chat_counter_raw(cg_chat_counter_t *counter, uint32_t node)
{
    if (node == CG_NODE_NONE) {
        return 0;
    }
    counter->is_exact = false;
    return cg_chat_tokens(counter->vocabulary,
                          cg_walk_raw(counter->walk, node));
}

/* ---- what is no text -------------------------------------------------- */

/* How many bytes of base64 make a token at least. Sound is ten tokens a second; a
 * page of a file is text and a picture. */
typedef struct payload_t {
    const char *name;
    int64_t bytes_per_token;
} payload_t;

static const payload_t PAYLOADS[] = {
    {"data", 512}, {"file_data", 32}, {"encrypted_content", 6}, {NULL, 0}};

static int64_t payload_tokens(const cg_walk_t *walk, uint32_t node)
{
    for (const payload_t *row = PAYLOADS; row->name != NULL; row++) {
        if (cg_walk_key_is(walk, node, row->name)) {
            int64_t len = (int64_t)cg_walk_raw(walk, node).len;
            return len / row->bytes_per_token + 1;
        }
    }
    return 0;
}

/* {"type":"image_url","image_url":{"url":…,"detail":…}}, or flat. */
static int64_t picture_tokens(cg_chat_counter_t *counter, uint32_t part)
{
    uint32_t inner = cg_chat_counter_member(counter, part, "image_url");
    bool is_flat = !cg_chat_counter_is_kind(counter, inner, CG_NODE_OBJECT);
    uint32_t url =
        is_flat ? inner : cg_chat_counter_member(counter, inner, "url");
    uint32_t holder = is_flat ? part : inner;
    bool is_low = cg_chat_counter_says(
        counter, cg_chat_counter_member(counter, holder, "detail"), "low");
    uint32_t width = 0;
    uint32_t height = 0;
    if (cg_chat_counter_is_kind(counter, url, CG_NODE_STRING)) {
        cg_chat_picture_size(cg_walk_string(counter->walk, url, counter->pool),
                             &width, &height);
    }
    counter->is_exact = counter->is_exact && (width > 0 || is_low);
    return cg_chat_picture_tokens(counter->request->model, width, height,
                                  is_low);
}

/* All texts and payloads below a node of which nothing else is known. */
static int64_t other_tokens(cg_chat_counter_t *counter, uint32_t node)
{
    const cg_walk_t *walk = counter->walk;
    int64_t sum = 0;
    uint32_t stop = walk->nodes[node].end;
    for (uint32_t at = node; at < walk->count && walk->nodes[at].start < stop;
         at++) {
        if (walk->nodes[at].kind != CG_NODE_STRING) {
            continue;
        }
        sum += cg_chat_is_text(walk, at) ? cg_chat_counter_text(counter, at)
                                         : payload_tokens(walk, at);
    }
    counter->is_exact = counter->is_exact && sum == 0;
    return sum;
}

/* ---- content ---------------------------------------------------------- */

static int64_t part_tokens(cg_chat_counter_t *counter, uint32_t part)
{
    if (cg_chat_counter_is_kind(counter, part, CG_NODE_STRING)) {
        return cg_chat_counter_text(counter, part);
    }
    uint32_t type = cg_chat_counter_member(counter, part, "type");
    if (cg_chat_counter_says(counter, type, "image_url") ||
        cg_chat_counter_says(counter, type, "input_image")) {
        return picture_tokens(counter, part);
    }
    static const char *const texts[] = {"text", "input_text", "output_text"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (cg_chat_counter_says(counter, type, texts[i])) {
            return cg_chat_counter_text(
                counter, cg_chat_counter_member(counter, part, "text"));
        }
    }
    if (cg_chat_counter_says(counter, type, "refusal")) {
        return cg_chat_counter_text(
            counter, cg_chat_counter_member(counter, part, "refusal"));
    }
    return other_tokens(counter, part);
}

/* A text, or a list of parts, each counted by itself. */
static int64_t content_tokens(cg_chat_counter_t *counter, uint32_t content)
{
    if (!cg_chat_counter_is_kind(counter, content, CG_NODE_ARRAY)) {
        return cg_chat_counter_text(counter, content);
    }
    int64_t sum = 0;
    uint32_t part = cg_chat_counter_first_of(counter, content);
    for (; part != CG_NODE_NONE;
         part = cg_chat_counter_next_of(counter, part)) {
        sum += part_tokens(counter, part);
    }
    return sum;
}

/* ---- messages --------------------------------------------------------- */

#define PER_CALL 3
#define OF_RESULT (-2) /* of a message that says what a tool did */

static int64_t call_tokens(const cg_chat_counter_t *counter, uint32_t call)
{
    return PER_CALL +
           cg_chat_counter_text(counter,
                                cg_chat_counter_member(counter, call, "name")) +
           cg_chat_counter_text(
               counter, cg_chat_counter_member(counter, call, "arguments"));
}

static int64_t calls_tokens(cg_chat_counter_t *counter, uint32_t list)
{
    int64_t sum = 0;
    uint32_t call = cg_chat_counter_first_of(counter, list);
    for (; call != CG_NODE_NONE;
         call = cg_chat_counter_next_of(counter, call)) {
        uint32_t function = cg_chat_counter_member(counter, call, "function");
        sum += cg_chat_counter_is_kind(counter, function, CG_NODE_OBJECT)
                   ? call_tokens(counter, function)
                   : PER_CALL + other_tokens(counter, call);
    }
    return sum;
}

static int64_t role_tokens(const cg_chat_counter_t *counter, uint32_t role)
{
    bool is_result = cg_chat_counter_says(counter, role, "tool") ||
                     cg_chat_counter_says(counter, role, "function");
    return cg_chat_counter_text(counter, role) + (is_result ? OF_RESULT : 0);
}

static int64_t member_tokens(cg_chat_counter_t *counter, uint32_t node)
{
    const cg_walk_t *walk = counter->walk;
    if (cg_walk_key_is(walk, node, "role")) {
        return role_tokens(counter, node);
    }
    if (cg_walk_key_is(walk, node, "content")) {
        return content_tokens(counter, node);
    }
    if (cg_walk_key_is(walk, node, "name")) {
        return cg_chat_counter_is_kind(counter, node, CG_NODE_STRING)
                   ? cg_chat_counter_text(counter, node) +
                         counter->model->per_name
                   : 0;
    }
    if (cg_walk_key_is(walk, node, "tool_calls")) {
        return calls_tokens(counter, node);
    }
    if (cg_walk_key_is(walk, node, "function_call")) {
        return cg_chat_counter_is_kind(counter, node, CG_NODE_OBJECT)
                   ? call_tokens(counter, node)
                   : 0;
    }
    bool is_id = cg_walk_key_is(walk, node, "tool_call_id") ||
                 cg_walk_key_is(walk, node, "id") ||
                 cg_walk_key_is(walk, node, "type") ||
                 cg_walk_key_is(walk, node, "status");
    return is_id ? 0 : other_tokens(counter, node);
}

static int64_t message_tokens(cg_chat_counter_t *counter, uint32_t message)
{
    int64_t sum = counter->model->per_message;
    uint32_t node = cg_chat_counter_first_of(counter, message);
    for (; node != CG_NODE_NONE;
         node = cg_chat_counter_next_of(counter, node)) {
        sum += member_tokens(counter, node);
    }
    return sum;
}

/* ---- requests --------------------------------------------------------- */

/* Members that are no part of the prompt. What is in neither this list nor counted
 * by name may be a provider's own: its texts are added. */
static const char *const NO_PROMPT[] = {"model",
                                        "messages",
                                        "tools",
                                        "functions",
                                        "tool_choice",
                                        "function_call",
                                        "user",
                                        "metadata",
                                        "stop",
                                        "voice",
                                        "include",
                                        "modalities",
                                        "audio",
                                        "service_tier",
                                        "prompt_cache_key",
                                        "safety_identifier",
                                        "input",
                                        "instructions",
                                        "reasoning_effort",
                                        "response_format",
                                        "stream",
                                        "stream_options",
                                        "verbosity",
                                        "logit_bias",
                                        "text",
                                        "reasoning",
                                        "truncation",
                                        "previous_response_id",
                                        "prediction",
                                        "web_search_options",
                                        "conversation",
                                        "prompt_cache_retention",
                                        NULL};

static bool is_no_prompt(const cg_walk_t *walk, uint32_t node)
{
    for (const char *const *name = NO_PROMPT; *name != NULL; name++) {
        if (cg_walk_key_is(walk, node, *name)) {
            return true;
        }
    }
    return false;
}

static int64_t added_tokens(cg_chat_counter_t *counter)
{
    int64_t sum = 0;
    uint32_t node = cg_chat_counter_first_of(counter, 0);
    for (; node != CG_NODE_NONE;
         node = cg_chat_counter_next_of(counter, node)) {
        sum +=
            is_no_prompt(counter->walk, node) ? 0 : other_tokens(counter, node);
    }
    return sum;
}

static int64_t chat_tokens(cg_chat_counter_t *counter)
{
    uint32_t messages = cg_chat_counter_member(counter, 0, "messages");
    uint32_t tools = cg_chat_counter_member(counter, 0, "tools");
    uint32_t functions = cg_chat_counter_member(counter, 0, "functions");
    int64_t sum = counter->model->per_answer;
    uint32_t message = cg_chat_counter_first_of(counter, messages);
    for (; message != CG_NODE_NONE;
         message = cg_chat_counter_next_of(counter, message)) {
        sum += message_tokens(counter, message);
    }
    int64_t of_tools = cg_chat_counter_tools(counter, tools, false) +
                       cg_chat_counter_tools(counter, functions, true);
    sum += of_tools > 0
               ? of_tools + cg_chat_counter_beside_tools(counter, messages)
               : 0;
    sum += cg_chat_counter_choice(
        counter, cg_chat_counter_member(counter, 0, "tool_choice"));
    sum += cg_chat_counter_choice(
        counter, cg_chat_counter_member(counter, 0, "function_call"));
    uint32_t format = cg_chat_counter_member(counter, 0, "response_format");
    sum += cg_chat_counter_raw(
        counter, cg_chat_counter_member(counter, format, "json_schema"));
    uint32_t prediction = cg_chat_counter_member(counter, 0, "prediction");
    sum += content_tokens(
        counter, cg_chat_counter_member(counter, prediction, "content"));
    return sum + added_tokens(counter);
}

/* A message, a call, what a call has given, or another of its many kinds. */
static int64_t item_tokens(cg_chat_counter_t *counter, uint32_t item)
{
    uint32_t type = cg_chat_counter_member(counter, item, "type");
    if (cg_chat_counter_says(counter, type, "function_call")) {
        return counter->model->per_message + call_tokens(counter, item);
    }
    if (cg_chat_counter_says(counter, type, "function_call_output")) {
        return counter->model->per_message +
               content_tokens(counter,
                              cg_chat_counter_member(counter, item, "output"));
    }
    return message_tokens(counter, item);
}

static int64_t response_tokens(cg_chat_counter_t *counter)
{
    uint32_t input = cg_chat_counter_member(counter, 0, "input");
    uint32_t said = cg_chat_counter_member(counter, 0, "instructions");
    bool is_list = cg_chat_counter_is_kind(counter, input, CG_NODE_ARRAY);
    int64_t frame = counter->model->per_message + 1; /* and the role */
    int64_t sum = counter->model->per_answer;
    counter->is_exact = false;
    if (cg_chat_counter_is_kind(counter, said, CG_NODE_STRING)) {
        sum += frame + cg_chat_counter_text(counter, said);
    }
    if (cg_chat_counter_is_kind(counter, input, CG_NODE_STRING)) {
        sum += frame + cg_chat_counter_text(counter, input);
    }
    uint32_t item =
        is_list ? cg_chat_counter_first_of(counter, input) : CG_NODE_NONE;
    for (; item != CG_NODE_NONE;
         item = cg_chat_counter_next_of(counter, item)) {
        sum += item_tokens(counter, item);
    }
    int64_t of_tools = cg_chat_counter_tools(
        counter, cg_chat_counter_member(counter, 0, "tools"), true);
    sum += of_tools > 0
               ? of_tools + cg_chat_counter_beside_tools(
                                counter, is_list ? input : CG_NODE_NONE)
               : 0;
    sum += cg_chat_counter_choice(
        counter, cg_chat_counter_member(counter, 0, "tool_choice"));
    uint32_t format = cg_chat_counter_member(
        counter, cg_chat_counter_member(counter, 0, "text"), "format");
    sum += cg_chat_counter_raw(
        counter, cg_chat_counter_member(counter, format, "schema"));
    return sum + added_tokens(counter);
}

/* Elements without a node are the numbers of a prompt given in tokens. */
static int64_t numbers_in(const cg_walk_t *walk, uint32_t array)
{
    int64_t numbers = (int64_t)cg_walk_length(walk, array);
    uint32_t at = walk->nodes[array].child;
    for (; at != CG_NODE_NONE; at = walk->nodes[at].next) {
        numbers--;
    }
    return numbers;
}

/* A text, tokens, or lists of either; parts of a moderation. */
static int64_t plain_tokens(cg_chat_counter_t *counter, uint32_t node)
{
    if (!cg_chat_counter_is_kind(counter, node, CG_NODE_ARRAY)) {
        return cg_chat_counter_text(counter, node);
    }
    int64_t sum = numbers_in(counter->walk, node);
    uint32_t at = cg_chat_counter_first_of(counter, node);
    for (; at != CG_NODE_NONE; at = cg_chat_counter_next_of(counter, at)) {
        sum += cg_chat_counter_is_kind(counter, at, CG_NODE_ARRAY)
                   ? numbers_in(counter->walk, at)
                   : part_tokens(counter, at);
    }
    return sum;
}

static int64_t all_plain(cg_chat_counter_t *counter)
{
    static const char *const names[] = {"prompt", "suffix", "input",
                                        "instructions"};
    int64_t sum = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        sum +=
            plain_tokens(counter, cg_chat_counter_member(counter, 0, names[i]));
    }
    return sum;
}

int64_t cg_chat_tokens_of_request(const cg_request_t *request,
                                  const cg_vocabularies_t *vocabularies,
                                  bool *out_is_exact, apr_pool_t *pool)
{
    bool is_known;
    cg_chat_counter_t counter = {.request = request,
                                 .walk = &request->walk,
                                 .model = cg_chat_model_find(request->model)};
    counter.vocabulary =
        cg_chat_vocabulary(vocabularies, request->model, &is_known);
    counter.is_exact = counter.vocabulary != NULL && is_known;
    apr_pool_create(&counter.pool, pool);
    int64_t sum;
    switch (request->endpoint) {
    case CG_ENDPOINT_CHAT:
        counter.is_exact = counter.is_exact && counter.model->is_known;
        sum = chat_tokens(&counter);
        break;
    case CG_ENDPOINT_RESPONSES:
        sum = response_tokens(&counter);
        break;
    default:
        sum = all_plain(&counter);
    }
    apr_pool_destroy(counter.pool);
    *out_is_exact = counter.is_exact;
    return sum;
}
