/* The label: an answer says that a machine wrote it. Answers that come in events.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   data {"choices":[{"delta":{"content":"… end."}}]}
 *   data {"choices":[{"index":0,"delta":{"content":"\n\n(AI-generated)"}, …}]}  ours
 *   data {"choices":[{"delta":{},"finish_reason":"stop"}],"ai_generated":{…}}
 *
 * Responses repeat a text when it is whole, up to four times: there the words
 * stand behind it each time. Their events are numbered, and numbers only rise:
 * those behind an event that was put in move on.
 */
#include <inttypes.h>
#include <string.h>

#include "chat/events.h"
#include "flow/label.h"

#define CHOICES_MAX 128 /* n of a request is at most this */

/* What is known of a choice. */
enum { HAS_TEXT = 1, HAS_CALL = 2, IS_OVER = 4 };

/* lives in: the request's pool */
struct cg_labeller_t {
    cg_txn_t *txn;
    uint8_t choices[CHOICES_MAX];
    cg_buf_t head; /* a chunk up to its choices, to make one of our own */
    int64_t last;  /* sequence number that went out last; -1: none */
    apr_pool_t *scratch;
    cg_buf_t *out;
};

static cg_labeller_t *labeller_of(cg_txn_t *txn)
{
    if (!txn->region.labeller) {
        cg_labeller_t *labeller = apr_pcalloc(txn->pool, sizeof *labeller);
        labeller->txn = txn;
        labeller->last = -1;
        apr_pool_create(&labeller->scratch, txn->pool);
        cg_buf_init(&labeller->head, 256, txn->pool);
        txn->region.labeller = labeller;
    }
    return txn->region.labeller;
}

static bool is_object(const cg_walk_t *walk, uint32_t node)
{
    return node != CG_NODE_NONE && walk->nodes[node].kind == CG_NODE_OBJECT;
}

/* -- chat and completions ------------------------------------------------------ */

/* Everything of a chunk but what it says: {"id":…,"object":…,…," */
static void keep_head(cg_labeller_t *labeller, const cg_walk_t *walk)
{
    cg_buf_t *head = &labeller->head;
    if (head->len) {
        return;
    }
    cg_buf_char(head, '{');
    for (uint32_t at = walk->nodes[0].child; at != CG_NODE_NONE;
         at = walk->nodes[at].next) {
        const cg_node_t *node = &walk->nodes[at];
        if (cg_walk_key_is(walk, at, "choices") ||
            cg_walk_key_is(walk, at, "usage")) {
            continue;
        }
        uint32_t end = node->end + (node->kind == CG_NODE_STRING ? 1 : 0);
        cg_buf_add(head, walk->text + node->key_start - 1,
                   end - node->key_start + 1);
        cg_buf_char(head, ',');
    }
}

/* The string in which a choice of a chunk goes on; NONE: it does not. */
static uint32_t text_of(const cg_walk_t *walk, uint32_t choice)
{
    uint32_t delta = cg_walk_member(walk, choice, "delta");
    return is_object(walk, delta) ? cg_walk_member(walk, delta, "content")
                                  : cg_walk_member(walk, choice, "text");
}

/* Some providers say "tool_calls":null each time. */
static bool is_full(const cg_walk_t *walk, uint32_t node)
{
    return node != CG_NODE_NONE && walk->nodes[node].length > 0 &&
           walk->nodes[node].kind <= CG_NODE_ARRAY;
}

static bool has_call(const cg_walk_t *walk, uint32_t choice)
{
    uint32_t delta = cg_walk_member(walk, choice, "delta");
    return is_object(walk, delta) &&
           (is_full(walk, cg_walk_member(walk, delta, "tool_calls")) ||
            is_full(walk, cg_walk_member(walk, delta, "function_call")));
}

static int64_t index_of(const cg_walk_t *walk, uint32_t choice)
{
    int64_t index = 0;
    uint32_t node = cg_walk_member(walk, choice, "index");
    bool is_number = node != CG_NODE_NONE && cg_walk_int(walk, node, &index);
    return is_number && index >= 0 && index < CHOICES_MAX ? index : 0;
}

/* Adds a choice that says the words, and nothing else, to a chunk of ours. */
static void add_choice(const cg_labeller_t *labeller, cg_str_t words,
                       int64_t index, cg_buf_t *chunk)
{
    bool is_chat = labeller->txn->in.endpoint == CG_ENDPOINT_CHAT;
    if (chunk->len == 0) {
        cg_buf_add(chunk, labeller->head.ptr, labeller->head.len);
        cg_buf_str(chunk, "\"choices\":[");
    }
    else {
        cg_buf_char(chunk, ',');
    }
    cg_buf_fmt(chunk, "{\"index\":%" PRId64 ",%s", index,
               is_chat ? "\"delta\":{\"content\":\"" : "\"text\":\"");
    cg_buf_add(chunk, words.ptr, words.len);
    cg_buf_str(chunk, is_chat ? "\"},\"finish_reason\":null}"
                              : "\",\"logprobs\":null,\"finish_reason\":null}");
}

static void send_chunk(cg_labeller_t *labeller, cg_buf_t *chunk)
{
    if (chunk->len) {
        cg_buf_str(chunk, "]}");
        cg_chat_events_write(labeller->out, (cg_str_t){"", 0},
                             (cg_str_t){chunk->ptr, chunk->len});
        labeller->txn->region.was_shown = true;
    }
}

/* True when a choice ends with this chunk. */
static bool take_choice(cg_labeller_t *labeller, cg_label_edit_t *edit,
                        uint32_t choice, cg_buf_t *chunk)
{
    const cg_walk_t *walk = edit->walk;
    int64_t index = index_of(walk, choice);
    uint8_t *known = &labeller->choices[index];
    uint32_t text = text_of(walk, choice);
    uint32_t reason = cg_walk_member(walk, choice, "finish_reason");
    *known |= cg_label_is_text(walk, text) ? HAS_TEXT : 0;
    *known |= has_call(walk, choice) ? HAS_CALL : 0;
    if (!cg_label_is_text(walk, reason) || (*known & IS_OVER)) {
        return false;
    }
    bool is_shown = cg_label_is_end(walk, reason) && (*known & HAS_TEXT) &&
                    !(*known & HAS_CALL) && edit->words.len;
    *known |= IS_OVER;
    if (is_shown && cg_label_is_text(walk, text)) {
        cg_label_add_words(edit, text);
    }
    else if (is_shown) {
        add_choice(labeller, edit->words, index, chunk);
    }
    return true;
}

static void take_chunk(cg_labeller_t *labeller, cg_label_edit_t *edit)
{
    const cg_walk_t *walk = edit->walk;
    uint32_t choices = cg_walk_member(walk, 0, "choices");
    bool is_end = false;
    cg_buf_t chunk;
    if (choices == CG_NODE_NONE || walk->nodes[choices].kind != CG_NODE_ARRAY) {
        return;
    }
    keep_head(labeller, walk);
    cg_buf_init(&chunk, 256, labeller->scratch);
    for (uint32_t at = walk->nodes[choices].child; at != CG_NODE_NONE;
         at = walk->nodes[at].next) {
        bool ends =
            is_object(walk, at) && take_choice(labeller, edit, at, &chunk);
        is_end = is_end || ends;
    }
    send_chunk(labeller, &chunk);
    if (is_end) {
        cg_label_add_member(edit, 0);
    }
}

/* A provider that gives no reason for the end: what has not been said is. */
static void take_done(cg_labeller_t *labeller)
{
    cg_label_edit_t edit;
    cg_buf_t chunk;
    cg_label_edit_open(&edit, labeller->txn, NULL, labeller->scratch);
    cg_buf_init(&chunk, 256, labeller->scratch);
    for (int i = 0; edit.words.len && i < CHOICES_MAX; i++) {
        if (labeller->choices[i] == HAS_TEXT) {
            labeller->choices[i] |= IS_OVER;
            add_choice(labeller, edit.words, i, &chunk);
        }
    }
    send_chunk(labeller, &chunk);
}

/* -- responses ------------------------------------------------------------------ */

static void copy_number(const cg_walk_t *walk, const char *name, cg_buf_t *out)
{
    int64_t number = 0;
    uint32_t node = cg_walk_member(walk, 0, name);
    if (node != CG_NODE_NONE) {
        cg_walk_int(walk, node, &number);
    }
    cg_buf_fmt(out, ",\"%s\":%" PRId64, name, number);
}

/* The number of the next event, which the provider has given this one. */
static int64_t number_next(cg_labeller_t *labeller, int64_t number)
{
    labeller->last = number > labeller->last ? number : labeller->last + 1;
    return labeller->last;
}

/* One more delta, made of the event that ends its text. */
static void send_delta(cg_labeller_t *labeller, const cg_label_edit_t *edit)
{
    const cg_walk_t *walk = edit->walk;
    cg_str_t type = CG_STR("response.output_text.delta");
    uint32_t item = cg_walk_member(walk, 0, "item_id");
    int64_t number = 0;
    uint32_t sequence = cg_walk_member(walk, 0, "sequence_number");
    cg_buf_t data;
    cg_buf_init(&data, 256, labeller->scratch);
    cg_buf_fmt(&data, "{\"type\":\"%s\"", type.ptr);
    if (item != CG_NODE_NONE && walk->nodes[item].kind == CG_NODE_STRING) {
        cg_str_t id = cg_walk_raw(walk, item);
        cg_buf_str(&data, ",\"item_id\":\"");
        cg_buf_add(&data, id.ptr, id.len);
        cg_buf_char(&data, '"');
    }
    copy_number(walk, "output_index", &data);
    copy_number(walk, "content_index", &data);
    cg_buf_str(&data, ",\"delta\":\"");
    cg_buf_add(&data, edit->words.ptr, edit->words.len);
    cg_buf_str(&data, "\",\"logprobs\":[]");
    if (sequence != CG_NODE_NONE && cg_walk_int(walk, sequence, &number)) {
        cg_buf_fmt(&data, ",\"sequence_number\":%" PRId64,
                   number_next(labeller, number));
    }
    cg_buf_char(&data, '}');
    cg_chat_events_write(labeller->out, type, (cg_str_t){data.ptr, data.len});
}

static void renumber(cg_labeller_t *labeller, cg_label_edit_t *edit)
{
    const cg_walk_t *walk = edit->walk;
    int64_t number;
    uint32_t node = cg_walk_member(walk, 0, "sequence_number");
    if (node == CG_NODE_NONE || !cg_walk_int(walk, node, &number)) {
        return;
    }
    int64_t next = number_next(labeller, number);
    if (next == number) {
        return;
    }
    cg_buf_t text;
    cg_buf_init(&text, 24, labeller->scratch);
    cg_buf_int(&text, next);
    cg_label_put(edit, walk->nodes[node].start, walk->nodes[node].end,
                 (cg_str_t){text.ptr, text.len});
}

static void take_response(cg_labeller_t *labeller, cg_label_edit_t *edit)
{
    const cg_walk_t *walk = edit->walk;
    uint32_t type = cg_walk_member(walk, 0, "type");
    cg_str_t name =
        type == CG_NODE_NONE ? (cg_str_t){"", 0} : cg_walk_raw(walk, type);
    uint32_t text = cg_walk_member(walk, 0, "text");
    uint32_t response = cg_walk_member(walk, 0, "response");
    bool is_done = cg_str_is(name, "response.output_text.done");
    if (is_done && edit->words.len && cg_label_is_text(walk, text)) {
        send_delta(labeller, edit);
        cg_label_add_words(edit, text);
    }
    if (is_object(walk, response) && (cg_str_is(name, "response.completed") ||
                                      cg_str_is(name, "response.incomplete"))) {
        cg_label_add_member(edit, response);
    }
    cg_label_parts(edit);
    renumber(labeller, edit);
}

/* -- events --------------------------------------------------------------------- */

static void copy_event(cg_labeller_t *labeller, const cg_event_t *event)
{
    cg_buf_add(labeller->out, event->raw.ptr, event->raw.len);
}

static apr_status_t on_event(void *baton, const cg_event_t *event)
{
    cg_labeller_t *labeller = baton;
    cg_txn_t *txn = labeller->txn;
    bool is_response = txn->in.endpoint == CG_ENDPOINT_RESPONSES;
    cg_walk_t walk;
    cg_label_edit_t edit;
    apr_pool_clear(labeller->scratch);
    if (event->is_done && !is_response) {
        take_done(labeller);
    }
    if (event->is_done || event->data.len == 0 ||
        cg_walk(event->data.ptr, event->data.len, &walk, NULL,
                labeller->scratch) != CG_WALK_OK ||
        walk.nodes[0].kind != CG_NODE_OBJECT) {
        copy_event(labeller, event);
        return APR_SUCCESS;
    }
    cg_label_edit_open(&edit, txn, &walk, labeller->scratch);
    if (is_response) {
        take_response(labeller, &edit);
    }
    else {
        take_chunk(labeller, &edit);
    }
    if (edit.splices->nelts == 0) {
        copy_event(labeller, event);
        return APR_SUCCESS;
    }
    cg_chat_events_write(labeller->out, event->type, cg_label_apply(&edit));
    return APR_SUCCESS;
}

void cg_label_events(cg_txn_t *txn, cg_buf_t *answer, size_t from)
{
    if (!txn->region.is_labelled || answer->len == from) {
        return;
    }
    cg_labeller_t *labeller = labeller_of(txn);
    size_t len = answer->len - from;
    cg_buf_t out;
    cg_buf_init(&out, len + 512, answer->pool);
    labeller->out = &out;
    cg_events_t *events = cg_chat_events_open(len + 1, answer->pool);
    cg_chat_events_feed(events, answer->ptr + from, len, on_event, labeller);
    labeller->out = NULL;
    answer->len = from;
    cg_buf_add(answer, out.ptr, out.len);
}
