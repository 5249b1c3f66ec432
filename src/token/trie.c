/* All tokens as a double-array trie of four bytes a node.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The children of a node stand at its base plus their byte; bases are found by
 * trying the free places in turn. Every base is used once, which is what lets a
 * node do without a note of its parent (see token_int.h). The place of a node
 * without children is the end of the array, where nothing stands.
 */
#include "token/compile_int.h"

#include <stdlib.h>

#include "token/token_int.h"

#define BYTES 256
#define HEAD 0 /* of the list of free places: the root is none */
#define TRIES 1000

/* What is still to be done: the tokens first to last-1 share depth bytes, and
 * those lead to a node. */
typedef struct task_t {
    uint32_t node;
    uint32_t first;
    uint32_t last;
    uint32_t depth;
} task_t;

typedef struct builder_t {
    cg_str_t *sorted;
    uint32_t *ids; /* of sorted */
    uint32_t count;
    uint32_t *nodes;
    uint32_t *node_ids;
    uint8_t *is_base; /* a node has this base */
    uint32_t *next;   /* free place behind a free place, ... */
    uint32_t *before; /* ... and before it */
    uint32_t room;
    uint32_t end; /* behind the last node */
} builder_t;

typedef struct entry_t {
    cg_str_t text;
    uint32_t id;
} entry_t;

static int by_bytes(const void *a, const void *b)
{
    const entry_t *left = a;
    const entry_t *right = b;
    size_t len =
        left->text.len < right->text.len ? left->text.len : right->text.len;
    int order = memcmp(left->text.ptr, right->text.ptr, len);
    if (order != 0) {
        return order;
    }
    return (left->text.len > right->text.len) -
           (left->text.len < right->text.len);
}

static void sort(builder_t *builder, const cg_ranks_t *ranks, apr_pool_t *pool)
{
    entry_t *entries = apr_palloc(pool, ranks->count * sizeof *entries);
    for (uint32_t i = 0; i < ranks->count; i++) {
        entries[i] = (entry_t){ranks->tokens[i], i};
    }
    qsort(entries, ranks->count, sizeof *entries, by_bytes);
    builder->count = ranks->count;
    builder->sorted = apr_palloc(pool, ranks->count * sizeof(cg_str_t));
    builder->ids = apr_palloc(pool, ranks->count * sizeof(uint32_t));
    for (uint32_t i = 0; i < ranks->count; i++) {
        builder->sorted[i] = entries[i].text;
        builder->ids[i] = entries[i].id;
    }
}

static bool is_free(const builder_t *builder, uint32_t at)
{
    return (builder->nodes[at] & CG_NODE_LABEL) == CG_NODE_FREE;
}

static bool fits(const builder_t *builder, uint32_t base, const uint8_t *labels,
                 int count)
{
    if (builder->is_base[base]) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (!is_free(builder, base + labels[i])) {
            return false;
        }
    }
    return true;
}

/* The first free place that will do; behind all nodes every place does. A family
 * of many does not look long among the places that others have left over. */
static uint32_t find_base(const builder_t *builder, const uint8_t *labels,
                          int count)
{
    int left = TRIES;
    uint32_t at = builder->next[HEAD];
    while (at < builder->end && left > 0) {
        if (at >= labels[0] && fits(builder, at - labels[0], labels, count)) {
            return at - labels[0];
        }
        at = builder->next[at];
        left--;
    }
    at = builder->end > BYTES ? builder->end : BYTES;
    while (builder->is_base[at - labels[0]]) {
        at++;
    }
    return at - labels[0];
}

/* The different bytes at depth of the tokens of a task, in order. */
static int labels_of(const builder_t *builder, const task_t *task,
                     uint8_t labels[BYTES])
{
    int count = 0;
    for (uint32_t i = task->first; i < task->last; i++) {
        uint8_t byte = (uint8_t)builder->sorted[i].ptr[task->depth];
        if (count == 0 || labels[count - 1] != byte) {
            labels[count++] = byte;
        }
    }
    return count;
}

static void set_node(builder_t *builder, uint32_t at, uint32_t label)
{
    builder->nodes[at] = (builder->nodes[at] & ~CG_NODE_LABEL) | label;
    builder->next[builder->before[at]] = builder->next[at];
    builder->before[builder->next[at]] = builder->before[at];
    if (at >= builder->end) {
        builder->end = at + 1;
    }
}

/* Gives the node of a task its children, and appends their tasks. */
static void expand(builder_t *builder, task_t task, task_t *tasks,
                   uint32_t *count)
{
    uint8_t labels[BYTES];
    if (builder->sorted[task.first].len == task.depth) {
        builder->nodes[task.node] |= CG_NODE_END;
        builder->node_ids[task.node] = builder->ids[task.first];
        task.first++;
    }
    int children = labels_of(builder, &task, labels);
    if (children == 0) {
        return; /* its base is set at the end */
    }
    uint32_t base = find_base(builder, labels, children);
    builder->is_base[base] = 1;
    builder->nodes[task.node] |= base << CG_NODE_BASE_SHIFT;
    uint32_t first = task.first;
    for (int i = 0; i < children; i++) {
        uint32_t last = first;
        while (last < task.last &&
               (uint8_t)builder->sorted[last].ptr[task.depth] == labels[i]) {
            last++;
        }
        set_node(builder, base + labels[i], labels[i]);
        tasks[(*count)++] =
            (task_t){base + labels[i], first, last, task.depth + 1};
        first = last;
    }
}

/* A node without children leads to where no node is. */
static void end_leaves(builder_t *builder)
{
    for (uint32_t i = 0; i < builder->end; i++) {
        uint32_t base = builder->nodes[i] >> CG_NODE_BASE_SHIFT;
        if (base == 0) {
            builder->nodes[i] |= builder->end << CG_NODE_BASE_SHIFT;
        }
    }
}

static void open_builder(builder_t *builder, apr_pool_t *pool)
{
    size_t room = builder->room;
    builder->nodes = apr_palloc(pool, room * sizeof(uint32_t));
    builder->node_ids = apr_pcalloc(pool, room * sizeof(uint32_t));
    builder->is_base = apr_pcalloc(pool, room);
    builder->next = apr_palloc(pool, room * sizeof(uint32_t));
    builder->before = apr_palloc(pool, room * sizeof(uint32_t));
    for (uint32_t i = 0; i < room; i++) {
        builder->nodes[i] = CG_NODE_FREE;
        builder->next[i] = i + 1 < room ? i + 1 : HEAD;
        builder->before[i] = i > 0 ? i - 1 : (uint32_t)room - 1;
    }
    builder->nodes[CG_NODE_ROOT] = 0;
    builder->is_base[0] = 1; /* means: no children yet */
    builder->end = 1;
}

void cg_trie_build(const cg_ranks_t *ranks, cg_trie_t *out, apr_pool_t *pool)
{
    builder_t builder = {.room = 4 * BYTES};
    for (uint32_t i = 0; i < ranks->count; i++) {
        builder.room += 2 * (uint32_t)ranks->tokens[i].len;
    }
    sort(&builder, ranks, pool);
    open_builder(&builder, pool);
    task_t *tasks = apr_palloc(pool, builder.room * sizeof *tasks);
    uint32_t count = 0;
    tasks[count++] = (task_t){CG_NODE_ROOT, 0, ranks->count, 0};
    for (uint32_t i = 0; i < count; i++) {
        expand(&builder, tasks[i], tasks, &count);
    }
    end_leaves(&builder);
    *out = (cg_trie_t){builder.nodes, builder.node_ids, builder.end + BYTES};
}
