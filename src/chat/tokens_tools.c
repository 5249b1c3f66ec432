/* How many tokens are the tools of a request?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "chat/tokens_int.h"
#include "chat/tools_text.h"

#define PER_TOOLS 9
#define WITH_SYSTEM (-4) /* of tools, beside a system message */
#define NO_TOOL 1
#define NAMED_TOOL 4

/* With tools a line break stands behind the first system message. */
static int64_t break_tokens(cg_chat_counter_t *counter, uint32_t content)
{
    if (cg_chat_counter_is_kind(counter, content, CG_NODE_ARRAY)) {
        uint32_t part = cg_chat_counter_first_of(counter, content);
        uint32_t last = CG_NODE_NONE;
        for (; part != CG_NODE_NONE;
             part = cg_chat_counter_next_of(counter, part)) {
            last = part;
        }
        content = cg_chat_counter_member(counter, last, "text");
    }
    cg_buf_t with;
    cg_str_t text = {"", 0};
    if (cg_chat_counter_is_kind(counter, content, CG_NODE_STRING)) {
        text = cg_walk_string(counter->walk, content, counter->pool);
    }
    cg_buf_init(&with, text.len + 1, counter->pool);
    cg_buf_add(&with, text.ptr, text.len);
    cg_buf_char(&with, '\n');
    return cg_chat_tokens(counter->vocabulary, (cg_str_t){with.ptr, with.len}) -
           cg_chat_tokens(counter->vocabulary, text);
}

int64_t cg_chat_counter_beside_tools(cg_chat_counter_t *counter,
                                     uint32_t messages)
{
    uint32_t message = cg_chat_counter_first_of(counter, messages);
    for (; message != CG_NODE_NONE;
         message = cg_chat_counter_next_of(counter, message)) {
        if (cg_chat_counter_says(
                counter, cg_chat_counter_member(counter, message, "role"),
                "system")) {
            return WITH_SYSTEM +
                   break_tokens(counter, cg_chat_counter_member(
                                             counter, message, "content"));
        }
    }
    return 0;
}

/* Tools that are no functions, as the schemas they are. */
static int64_t other_tools(cg_chat_counter_t *counter, uint32_t list)
{
    int64_t sum = 0;
    uint32_t tool = cg_chat_counter_first_of(counter, list);
    for (; tool != CG_NODE_NONE;
         tool = cg_chat_counter_next_of(counter, tool)) {
        uint32_t type = cg_chat_counter_member(counter, tool, "type");
        if (!cg_chat_counter_says(counter, type, "function")) {
            sum += cg_chat_counter_raw(counter, tool);
        }
    }
    return sum;
}

int64_t cg_chat_counter_tools(cg_chat_counter_t *counter, uint32_t list,
                              bool is_flat)
{
    if (!cg_chat_counter_is_kind(counter, list, CG_NODE_ARRAY) ||
        counter->walk->nodes[list].length == 0) {
        return 0;
    }
    cg_buf_t text;
    cg_buf_init(&text, 1024, counter->pool);
    size_t left_out =
        cg_chat_tools_text(counter->walk, list, is_flat, &text, counter->pool);
    int64_t sum = PER_TOOLS + cg_chat_tokens(counter->vocabulary,
                                             (cg_str_t){text.ptr, text.len});
    return left_out == 0 ? sum : sum + other_tools(counter, list);
}

int64_t cg_chat_counter_choice(const cg_chat_counter_t *counter,
                               uint32_t choice)
{
    if (cg_chat_counter_says(counter, choice, "none")) {
        return NO_TOOL;
    }
    uint32_t function = cg_chat_counter_member(counter, choice, "function");
    uint32_t name = cg_chat_counter_member(
        counter, function == CG_NODE_NONE ? choice : function, "name");
    return name == CG_NODE_NONE
               ? 0
               : NAMED_TOOL + cg_chat_counter_text(counter, name);
}
