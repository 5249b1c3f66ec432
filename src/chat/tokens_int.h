/* What the files share that count a request. Only tokens*.c include it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_CHAT_TOKENS_INT_H
#define CG_CHAT_TOKENS_INT_H

#include "chat/tokens.h"
#include "chat/vocabulary.h"

/* A request that is counted. lives in: the stack */
typedef struct cg_chat_counter_t {
    const cg_request_t *request;
    const cg_walk_t *walk;
    const cg_vocabulary_t *vocabulary; /* NULL: there is none */
    const cg_chat_model_t *model;
    bool is_exact;
    apr_pool_t *pool;
} cg_chat_counter_t;

static inline bool cg_chat_counter_is_kind(const cg_chat_counter_t *counter,
                                           uint32_t node, cg_node_kind_t kind)
{
    return node != CG_NODE_NONE && counter->walk->nodes[node].kind == kind;
}

static inline uint32_t cg_chat_counter_member(const cg_chat_counter_t *counter,
                                              uint32_t node, const char *name)
{
    return cg_chat_counter_is_kind(counter, node, CG_NODE_OBJECT)
               ? cg_walk_member(counter->walk, node, name)
               : CG_NODE_NONE;
}

static inline uint32_t
cg_chat_counter_first_of(const cg_chat_counter_t *counter, uint32_t node)
{
    return node == CG_NODE_NONE ? CG_NODE_NONE
                                : counter->walk->nodes[node].child;
}

static inline uint32_t cg_chat_counter_next_of(const cg_chat_counter_t *counter,
                                               uint32_t node)
{
    return counter->walk->nodes[node].next;
}

static inline bool cg_chat_counter_says(const cg_chat_counter_t *counter,
                                        uint32_t node, const char *word)
{
    return cg_chat_counter_is_kind(counter, node, CG_NODE_STRING) &&
           cg_str_is(cg_walk_raw(counter->walk, node), word);
}

/* Tokens of a string; 0 of anything else. */
int64_t cg_chat_counter_text(const cg_chat_counter_t *counter, uint32_t node);
/* Of a value as it stands in the document: schemas, of whose form nothing is
 * known. */
int64_t cg_chat_counter_raw(cg_chat_counter_t *counter, uint32_t node);

/* Of tools, and of what changes in the messages where there are any (messages:
 * CG_NODE_NONE if there is no list of them). is_flat: see tools_text.h. */
int64_t cg_chat_counter_tools(cg_chat_counter_t *counter, uint32_t list,
                              bool is_flat);
int64_t cg_chat_counter_beside_tools(cg_chat_counter_t *counter,
                                     uint32_t messages);
/* "none", or the one function that is to be called. */
int64_t cg_chat_counter_choice(const cg_chat_counter_t *counter,
                               uint32_t choice);

#endif
