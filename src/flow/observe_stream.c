/* Step 6, observe: what came back? Answers that come as a stream of events.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each event is walked when it is complete and passed on at once. Running text
 * (a choice's content, a tool call's arguments) flows through a redact stream of
 * its own, a channel, which holds back at most the end that could still become a
 * value. When a channel ends, what it held goes out in a copy of its last event,
 * so nothing of the API's shape need be known to make one. Every other string of
 * an event is a whole text and is masked as such.
 *
 *   in   data {"delta":{"content":"my card is 4111"}}   held: "4111"
 *   out  data {"delta":{"content":"my card is "}}
 *
 * Memory: a scratch pool cleared for each event; a channel keeps 256 bytes of
 * text and one event.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "chat/events.h"
#include "flow/delivered.h"
#include "flow/lives.h"
#include "flow/observe_int.h"
#include "flow/observe_text.h"

#define CHANNELS_MAX 1024 /* choices, tool calls, parts of one answer */

typedef struct channel_t {
    uint64_t id;
    cg_running_t running;
    cg_token_stream_t *count; /* of its tokens */
    /* The last event that held text back, and where its string stands. */
    cg_buf_t event;
    uint32_t start, end;
    cg_buf_t type;
    int64_t choice; /* of a chat */
    bool is_ended;  /* its finish_reason was seen, and nothing behind it */
} channel_t;

struct cg_observer_t {
    cg_txn_t *txn;
    cg_events_t *events;
    apr_pool_t *scratch;          /* cleared for each event */
    apr_array_header_t *channels; /* of channel_t * */
    cg_buf_t *out;                /* of the call under way */
    cg_buf_t text;                /* what goes out of the delta under way */
    cg_buf_t kept;                /* ... and into the record */
    uint64_t last_channel;        /* whose text was kept last */
    cg_tally_t repeated; /* responses: most that one event's whole texts held */
    bool is_done;        /* [DONE] was seen */
    bool is_failed;      /* the error event was written */
    bool is_counted;
};

cg_verdict_t cg_flow_observe_open(cg_txn_t *txn)
{
    cg_observer_t *observer = apr_pcalloc(txn->pool, sizeof *observer);
    observer->txn = txn;
    cg_observe_begin(txn);
    observer->events =
        cg_chat_events_open((size_t)txn->policy->answer_max, txn->pool);
    apr_pool_create(&observer->scratch, txn->pool);
    observer->channels = apr_array_make(txn->pool, 4, sizeof(channel_t *));
    cg_buf_init(&observer->text, 256, txn->pool);
    cg_buf_init(&observer->kept, 256, txn->pool);
    txn->answer.observer = observer;
    txn->answer.is_stream = true;
    return CG_PASS;
}

static channel_t *channel_at(const cg_observer_t *observer, int i)
{
    return APR_ARRAY_IDX(observer->channels, i, channel_t *);
}

static channel_t *find_channel(const cg_observer_t *observer, uint64_t id)
{
    for (int i = 0; i < observer->channels->nelts; i++) {
        if (channel_at(observer, i)->id == id) {
            return channel_at(observer, i);
        }
    }
    return NULL;
}

static channel_t *channel_of(cg_observer_t *observer, const cg_delta_t *delta)
{
    cg_txn_t *txn = observer->txn;
    channel_t *known = find_channel(observer, delta->channel);
    if (known) {
        return known;
    }
    if (observer->channels->nelts == CHANNELS_MAX) {
        return NULL;
    }
    channel_t *channel = apr_pcalloc(txn->pool, sizeof *channel);
    channel->id = delta->channel;
    cg_running_open(&channel->running, txn, delta->is_json);
    channel->count = cg_delivered_open(txn);
    cg_buf_init(&channel->event, 512, txn->pool);
    cg_buf_init(&channel->type, 64, txn->pool);
    APR_ARRAY_PUSH(observer->channels, channel_t *) = channel;
    return channel;
}

/* Empties what the next delta is written to. */
static void clear_text(cg_observer_t *observer)
{
    observer->text.len = 0;
    observer->kept.len = 0;
}

static void keep(cg_observer_t *observer, const channel_t *channel)
{
    cg_str_t text = {observer->kept.ptr, observer->kept.len};
    if (text.len && channel->id != observer->last_channel &&
        observer->txn->answer.text.len) {
        cg_observe_keep(observer->txn, CG_STR("\n"));
    }
    if (text.len) {
        observer->last_channel = channel->id;
    }
    cg_observe_keep(observer->txn, text);
}

static cg_str_t escape(const cg_buf_t *text, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, text->len + 16, pool);
    cg_buf_json_escape(&out, text->ptr, text->len);
    return (cg_str_t){out.ptr, out.len};
}

/* Writes the channel's last event once more, with text in its string's place. */
static void repeat_event(cg_observer_t *observer, const channel_t *channel)
{
    cg_splice_t splice = {.start = channel->start,
                          .end = channel->end,
                          .with = escape(&observer->text, observer->scratch)};
    cg_buf_t data;
    cg_buf_init(&data, channel->event.len + observer->text.len,
                observer->scratch);
    cg_walk_splice((cg_str_t){channel->event.ptr, channel->event.len}, &splice,
                   1, &data);
    cg_chat_events_write(observer->out,
                         (cg_str_t){channel->type.ptr, channel->type.len},
                         (cg_str_t){data.ptr, data.len});
}

static cg_verdict_t check_block(cg_txn_t *txn, const channel_t *channel)
{
    uint8_t by;
    if (cg_stream_is_blocked(channel->running.stream, &by) &&
        cg_txn_refuse(txn, CG_ANSWER_BLOCKED, NULL, NULL) ==
            CG_ANSWER_BLOCKED) {
        txn->blocked_type = cg_detector_name(by);
    }
    return txn->verdict;
}

/* Ends a channel's text; what was held goes out through the scanner, which may
 * only now find what must not pass: the verdict says so. */
static void flush(cg_observer_t *observer, channel_t *channel)
{
    clear_text(observer);
    cg_running_finish(&channel->running, observer->scratch, &observer->text,
                      &observer->kept);
    if (observer->text.len && channel->event.len) {
        repeat_event(observer, channel);
        keep(observer, channel);
    }
    channel->event.len = 0;
    check_block(observer->txn, channel);
}

static void flush_all(cg_observer_t *observer)
{
    for (int i = 0; i < observer->channels->nelts; i++) {
        flush(observer, channel_at(observer, i));
    }
}

static bool is_among(const cg_delta_t *deltas, size_t count, uint64_t channel)
{
    for (size_t i = 0; i < count; i++) {
        if (deltas[i].channel == channel) {
            return true;
        }
    }
    return false;
}

/* Ends the channels that end with this event, save those it adds to itself. */
static void flush_ended(cg_observer_t *observer, const cg_walk_t *walk,
                        const cg_delta_t *deltas, size_t count)
{
    cg_endpoint_t endpoint = observer->txn->in.endpoint;
    for (int i = 0; i < observer->channels->nelts; i++) {
        channel_t *channel = channel_at(observer, i);
        bool may_end = channel->event.len || !channel->is_ended;
        if (may_end && !is_among(deltas, count, channel->id) &&
            cg_chat_answer_ends(walk, endpoint, channel->id)) {
            flush(observer, channel);
            channel->is_ended = true;
        }
    }
}

/* The choice of a chat that a node belongs to: its index, else 0. */
static int64_t choice_of(const cg_walk_t *walk, uint32_t node)
{
    int64_t index = 0;
    while (walk->nodes[node].depth > 2) {
        node = walk->nodes[node].parent;
    }
    if (walk->nodes[node].kind != CG_NODE_OBJECT) {
        return 0;
    }
    return cg_walk_int(walk, cg_walk_member(walk, node, "index"), &index)
               ? index
               : 0;
}

/* A tool call that begins ends the texts before it in its choice: clients take
 * them for whole then. */
static void flush_before_call(cg_observer_t *observer, const cg_walk_t *walk,
                              const cg_delta_t *deltas, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool begins = observer->txn->in.endpoint == CG_ENDPOINT_CHAT &&
                      deltas[i].is_json &&
                      !find_channel(observer, deltas[i].channel);
        int64_t choice = begins ? choice_of(walk, deltas[i].node) : 0;
        for (int c = 0; begins && c < observer->channels->nelts; c++) {
            channel_t *channel = channel_at(observer, c);
            if (channel->event.len && channel->choice == choice &&
                !is_among(deltas, count, channel->id)) {
                flush(observer, channel);
            }
        }
    }
}

#define DATA_LINE 8 /* bytes of "data: " and the blank line */

/* Nobody reads what stands beside the data of an event, but it goes to the caller:
 * where something must not, all of it stays behind. */
static bool is_frame_clean(const cg_observer_t *observer,
                           const cg_event_t *event)
{
    const cg_txn_t *txn = observer->txn;
    if (!txn->out.masks_answers ||
        event->raw.len <= event->data.len + DATA_LINE) {
        return true;
    }
    cg_buf_t frame;
    cg_findings_t found;
    cg_buf_init(&frame, 64, observer->scratch);
    cg_chat_events_frame(event, &frame);
    cg_findings_init(&found, observer->scratch);
    bool is_clean = frame.len == 0 ||
                    cg_redact_scan(txn->rules, (cg_str_t){frame.ptr, frame.len},
                                   CG_SCAN_PLAIN, &found) == APR_SUCCESS;
    for (size_t i = 0; is_clean && i < found.count; i++) {
        is_clean = cg_rules_action(txn->rules, &txn->out.answer_actions,
                                   found.items[i].type,
                                   found.items[i].rule) <= CG_ACTION_LOG;
    }
    return is_clean;
}

/* An event under way: where its running texts are, and its other edits. */
typedef struct piece_t {
    const cg_event_t *event;
    const cg_walk_t *walk;
    cg_sift_t *sift;
    cg_delta_t *deltas;
    size_t count;
    int others; /* splices of the sift that are no running text */
} piece_t;

static int by_place(const void *a, const void *b)
{
    const cg_splice_t *left = a;
    const cg_splice_t *right = b;
    if (left->start != right->start) {
        return left->start < right->start ? -1 : 1;
    }
    return (left->end < right->end) - (left->end > right->end);
}

/* Drops each splice that stands inside the one before it. */
static void drop_inner(apr_array_header_t *splices)
{
    cg_splice_t *all = (cg_splice_t *)splices->elts;
    int kept = 0;
    qsort(all, (size_t)splices->nelts, sizeof *all, by_place);
    for (int i = 0; i < splices->nelts; i++) {
        if (kept == 0 || all[i].start >= all[kept - 1].end) {
            all[kept++] = all[i];
        }
    }
    splices->nelts = kept;
}

static bool is_running(const piece_t *piece, uint32_t node)
{
    for (size_t i = 0; i < piece->count; i++) {
        if (piece->deltas[i].node == node) {
            return true;
        }
    }
    return false;
}

/* Clients add up what a choice says: a name or an id that came twice would be
 * there twice. So every string of the choices that is no running text is null
 * in the copy; "type" alone is set, not added, by all of them. */
static void null_strings(const piece_t *piece, apr_array_header_t *splices)
{
    const cg_walk_t *walk = piece->walk;
    uint32_t choices = cg_walk_member(walk, 0, "choices");
    if (choices == CG_NODE_NONE) {
        return;
    }
    for (uint32_t i = choices + 1;
         i < walk->count && walk->nodes[i].start < walk->nodes[choices].end;
         i++) {
        const cg_node_t *node = &walk->nodes[i];
        if (node->kind == CG_NODE_STRING && !is_running(piece, i) &&
            !cg_walk_key_is(walk, i, "type")) {
            APR_ARRAY_PUSH(splices, cg_splice_t) =
                (cg_splice_t){.start = node->start - 1,
                              .end = node->end + 1,
                              .with = CG_STR("null")};
        }
    }
}

static apr_array_header_t *
edits_of_copy(const piece_t *piece, const cg_splice_t *others, apr_pool_t *pool)
{
    apr_array_header_t *splices = apr_array_make(pool, 8, sizeof(cg_splice_t));
    for (int i = 0; i < piece->others; i++) {
        APR_ARRAY_PUSH(splices, cg_splice_t) = others[i];
    }
    for (size_t i = 0; i < piece->count; i++) {
        const cg_node_t *node = &piece->walk->nodes[piece->deltas[i].node];
        APR_ARRAY_PUSH(splices, cg_splice_t) = (cg_splice_t){
            .start = node->start, .end = node->end, .with = {"", 0}};
    }
    null_strings(piece, splices);
    drop_inner(splices);
    return splices;
}

/* Keeps the event for the text it held back: its other edits made, its running
 * texts empty, nothing in it that must not be said twice. */
static void remember(cg_observer_t *observer, channel_t *channel,
                     const piece_t *piece, const cg_delta_t *own,
                     const cg_splice_t *others)
{
    channel->event.len = 0;
    channel->type.len = 0;
    if (cg_running_held_bytes(&channel->running) == 0) {
        return;
    }
    const apr_array_header_t *splices =
        edits_of_copy(piece, others, observer->scratch);
    const cg_splice_t *all = (const cg_splice_t *)splices->elts;
    uint32_t at = piece->walk->nodes[own->node].start;
    int64_t shift = 0;
    for (int i = 0; i < splices->nelts && all[i].start < at; i++) {
        shift += (int64_t)all[i].with.len - (all[i].end - all[i].start);
    }
    channel->start = (uint32_t)((int64_t)at + shift);
    channel->end = channel->start;
    cg_walk_splice(piece->event->data, all, (size_t)splices->nelts,
                   &channel->event);
    if (is_frame_clean(observer, piece->event)) {
        cg_buf_add(&channel->type, piece->event->type.ptr,
                   piece->event->type.len);
    }
}

static cg_verdict_t feed_delta(cg_observer_t *observer, const piece_t *piece,
                               const cg_delta_t *delta,
                               const cg_splice_t *others)
{
    cg_txn_t *txn = observer->txn;
    channel_t *channel = channel_of(observer, delta);
    if (!channel) {
        return cg_txn_refuse(txn, CG_ANSWER_TOO_LARGE, NULL, NULL);
    }
    cg_str_t text = cg_walk_string(piece->walk, delta->node, observer->scratch);
    cg_token_stream_feed(channel->count, text); /* held back or not */
    channel->choice = choice_of(piece->walk, delta->node);
    clear_text(observer);
    cg_running_feed(&channel->running, text, observer->scratch, &observer->text,
                    &observer->kept);
    channel->is_ended =
        cg_chat_answer_ends(piece->walk, txn->in.endpoint, delta->channel);
    if (channel->is_ended) {
        cg_running_finish(&channel->running, observer->scratch, &observer->text,
                          &observer->kept);
    }
    keep(observer, channel);
    remember(observer, channel, piece, delta, others);
    if (check_block(txn, channel) != CG_PASS) {
        return txn->verdict;
    }
    bool is_same =
        observer->text.len == text.len &&
        (text.len == 0 || memcmp(observer->text.ptr, text.ptr, text.len) == 0);
    if (!is_same) {
        const cg_node_t *node = &piece->walk->nodes[delta->node];
        cg_sift_add(
            piece->sift,
            (cg_splice_t){.start = node->start,
                          .end = node->end,
                          .with = escape(&observer->text, observer->scratch)});
    }
    return CG_PASS;
}

/* With the usage chunk that we asked for, every other chunk says "usage":null. The
 * caller did not ask: the member goes, with the comma before it. */
static void drop_null_usage(cg_sift_t *sift, const cg_walk_t *walk)
{
    uint32_t usage = cg_walk_member(walk, 0, "usage");
    if (usage == CG_NODE_NONE || walk->nodes[usage].kind != CG_NODE_NULL) {
        return;
    }
    uint32_t at = walk->nodes[usage].key_start - 1; /* the quote */
    uint32_t quote = at;
    uint32_t end = walk->nodes[usage].end;
    while (at > 0 && walk->text[at] != ',') {
        at--;
    }
    if (walk->nodes[0].child == usage) { /* first: the comma behind it goes */
        at = quote;
        while (end < walk->len && walk->text[end] != ',') {
            end++;
        }
        end += end < walk->len ? 1 : 0;
    }
    if (end < walk->len && at > 0) {
        cg_sift_add(sift,
                    (cg_splice_t){.start = at, .end = end, .with = {"", 0}});
    }
}

/* Responses repeat what has run in whole texts, up to four times; the last event
 * holds all of them. */
static void take_most(cg_tally_t *most, const cg_tally_t *tally)
{
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        if (tally->by_type[t] > most->by_type[t]) {
            most->by_type[t] = tally->by_type[t];
        }
    }
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *left = a;
    const uint32_t *right = b;
    return (*left > *right) - (*left < *right);
}

/* Running text inside what goes as a whole (logprobs) goes with it. */
static void drop_hidden(piece_t *piece)
{
    const cg_splice_t *all = (const cg_splice_t *)piece->sift->splices->elts;
    size_t kept = 0;
    for (size_t i = 0; i < piece->count; i++) {
        const cg_node_t *node = &piece->walk->nodes[piece->deltas[i].node];
        bool is_gone = false;
        for (int s = 0; s < piece->others && !is_gone; s++) {
            is_gone = all[s].start <= node->start && node->end <= all[s].end;
        }
        if (!is_gone) {
            piece->deltas[kept++] = piece->deltas[i];
        }
    }
    piece->count = kept;
}

/* All strings of the event but its running texts are whole texts. */
static cg_verdict_t sift_others(cg_observer_t *observer, piece_t *piece)
{
    cg_txn_t *txn = observer->txn;
    uint32_t *apart =
        apr_palloc(observer->scratch, (piece->count + 1) * sizeof *apart);
    for (size_t i = 0; i < piece->count; i++) {
        apart[i] = piece->deltas[i].node;
    }
    qsort(apart, piece->count, sizeof *apart, by_number);
    cg_tally_t own = {{0}};
    cg_observe_sift_open(txn, piece->sift, observer->scratch);
    if (txn->in.endpoint == CG_ENDPOINT_RESPONSES) {
        piece->sift->tally = &own;
    }
    piece->sift->apart = apart;
    piece->sift->apart_count = piece->count;
    apr_status_t rv = cg_sift_document(piece->sift, piece->walk);
    if (rv == APR_SUCCESS) {
        cg_observe_restore(txn, piece->sift, piece->walk);
    }
    piece->sift->apart = NULL;
    piece->sift->apart_count = 0;
    piece->sift->tally = NULL;
    take_most(&observer->repeated, &own);
    if (rv != APR_SUCCESS) {
        return cg_txn_refuse(txn, CG_UPSTREAM_BROKEN, NULL, NULL);
    }
    if (piece->sift->is_blocked) {
        txn->blocked_type = cg_detector_name(piece->sift->blocked_by);
        return cg_txn_refuse(txn, CG_ANSWER_BLOCKED, NULL, NULL);
    }
    if (cg_observe_files(txn, piece->walk, observer->scratch) != CG_PASS) {
        return txn->verdict;
    }
    if (txn->out.masks_answers) {
        cg_observe_drop_logprobs(piece->sift, piece->walk);
    }
    if (txn->out.is_usage_ours) {
        drop_null_usage(piece->sift, piece->walk);
    }
    piece->others = piece->sift->splices->nelts;
    drop_hidden(piece);
    return CG_PASS;
}

static cg_verdict_t feed_deltas(cg_observer_t *observer, const piece_t *piece)
{
    const cg_splice_t *others =
        apr_pmemdup(observer->scratch, piece->sift->splices->elts,
                    (apr_size_t)piece->others * sizeof(cg_splice_t));
    for (size_t i = 0; i < piece->count; i++) {
        if (feed_delta(observer, piece, &piece->deltas[i], others) != CG_PASS) {
            return observer->txn->verdict;
        }
    }
    return CG_PASS;
}

static bool is_hidden(const cg_txn_t *txn, const cg_walk_t *walk)
{
    return txn->out.is_usage_ours && cg_chat_answer_is_usage_chunk(walk);
}

/* The Responses API has no [DONE]: its last event says that it was the last. */
static bool is_last(const cg_txn_t *txn, const cg_walk_t *walk)
{
    static const char *const types[] = {
        "response.completed", "response.incomplete", "response.failed"};
    uint32_t type = txn->in.endpoint == CG_ENDPOINT_RESPONSES
                        ? cg_walk_member(walk, 0, "type")
                        : CG_NODE_NONE;
    if (type == CG_NODE_NONE) {
        return false;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (cg_str_is(cg_walk_raw(walk, type), types[i])) {
            return true;
        }
    }
    return false;
}

/* As it came, or without what stands beside its data. */
static void write_raw(cg_observer_t *observer, const cg_event_t *event)
{
    if (is_frame_clean(observer, event)) {
        cg_buf_add(observer->out, event->raw.ptr, event->raw.len);
    }
    else if (event->has_data) {
        cg_chat_events_write(observer->out, (cg_str_t){"", 0}, event->data);
    }
}

static void write_event(cg_observer_t *observer, const piece_t *piece)
{
    const cg_event_t *event = piece->event;
    if (piece->sift->splices->nelts == 0) {
        write_raw(observer, event);
        return;
    }
    cg_chat_events_write(observer->out,
                         is_frame_clean(observer, event) ? event->type
                                                         : (cg_str_t){"", 0},
                         cg_sift_apply(piece->sift, event->data));
}

static cg_verdict_t take_json(cg_observer_t *observer, const cg_event_t *event)
{
    cg_txn_t *txn = observer->txn;
    cg_walk_t walk;
    cg_sift_t sift;
    piece_t piece = {.event = event, .walk = &walk, .sift = &sift};
    if (cg_walk(event->data.ptr, event->data.len, &walk, NULL,
                observer->scratch) != CG_WALK_OK ||
        walk.nodes[0].kind != CG_NODE_OBJECT) {
        return cg_txn_refuse(txn, CG_UPSTREAM_BROKEN, NULL, NULL);
    }
    cg_observe_facts(txn, &walk, observer->scratch);
    if (is_hidden(txn, &walk)) {
        return CG_PASS;
    }
    cg_delta_t *deltas;
    piece.count = cg_chat_answer_deltas(&walk, txn->in.endpoint, &deltas,
                                        observer->scratch);
    piece.deltas = deltas;
    if (piece.count > CG_DELTAS_MAX) {
        return cg_txn_refuse(txn, CG_ANSWER_TOO_LARGE, NULL, NULL);
    }
    bool is_end = is_last(txn, &walk);
    bool is_error = !is_end && cg_chat_answer_is_error(&walk);
    if (is_end || is_error) {
        flush_all(observer);
    }
    flush_ended(observer, &walk, piece.deltas, piece.count);
    flush_before_call(observer, &walk, piece.deltas, piece.count);
    if (txn->verdict != CG_PASS || sift_others(observer, &piece) != CG_PASS ||
        feed_deltas(observer, &piece) != CG_PASS) {
        return txn->verdict;
    }
    write_event(observer, &piece);
    txn->answer.is_whole = txn->answer.is_whole || is_end;
    if (is_error) { /* the upstream has said it; nothing follows */
        observer->is_failed = true;
        observer->is_done = true;
    }
    return CG_PASS;
}

static apr_status_t on_event(void *baton, const cg_event_t *event)
{
    cg_observer_t *observer = baton;
    cg_txn_t *txn = observer->txn;
    apr_pool_clear(observer->scratch);
    if (observer->is_done) {
        return APR_SUCCESS; /* nothing follows [DONE] */
    }
    if (event->is_done) {
        flush_all(observer);
        if (txn->verdict != CG_PASS) {
            return APR_EGENERAL;
        }
        txn->answer.is_whole = true;
        observer->is_done = true;
    }
    if (event->data.len == 0 || event->is_done) {
        write_raw(observer, event);
        return APR_SUCCESS;
    }
    return take_json(observer, event) == CG_PASS ? APR_SUCCESS : APR_EGENERAL;
}

/* An error that SDKs understand, after which no [DONE] comes. */
static void write_error(cg_observer_t *observer)
{
    cg_txn_t *txn = observer->txn;
    const cg_reason_t *reason = cg_reason_find(txn->verdict);
    cg_buf_t data;
    cg_buf_init(&data, 256, observer->scratch);
    cg_refuse_write(reason, txn->words, NULL, &data);
    cg_str_t type = txn->in.endpoint == CG_ENDPOINT_RESPONSES
                        ? CG_STR("error")
                        : (cg_str_t){"", 0};
    cg_chat_events_write(observer->out, type, (cg_str_t){data.ptr, data.len});
}

static void add_tally(cg_tally_t *to, const cg_tally_t *tally)
{
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        to->by_type[t] += tally->by_type[t];
    }
}

void cg_observe_close(cg_txn_t *txn)
{
    cg_observer_t *observer = txn->answer.observer;
    if (!observer || observer->is_counted) {
        return;
    }
    cg_tally_t sum = {{0}};
    observer->is_counted = true;
    for (int i = 0; i < observer->channels->nelts; i++) {
        add_tally(&sum,
                  cg_stream_tally(channel_at(observer, i)->running.stream));
    }
    take_most(&sum, &observer->repeated);
    add_tally(&txn->answer.tally, &sum);
}

static cg_verdict_t fail(cg_observer_t *observer)
{
    if (!observer->is_failed) {
        flush_all(observer);
        write_error(observer);
        cg_observe_close(observer->txn);
        observer->is_done = true;
        observer->is_failed = true;
    }
    return observer->txn->verdict;
}

cg_verdict_t cg_flow_observe_feed(cg_txn_t *txn, cg_str_t piece, cg_buf_t *out)
{
    cg_observer_t *observer = txn->answer.observer;
    observer->out = out;
    if (observer->is_done) {
        return txn->verdict; /* nothing follows [DONE], or an error */
    }
    apr_status_t rv = cg_chat_events_feed(observer->events, piece.ptr,
                                          piece.len, on_event, observer);
    cg_lives_heard(txn);
    if (rv == APR_SUCCESS || observer->is_done) {
        return txn
            ->verdict; /* what is wrong behind [DONE] is wrong with nothing */
    }
    cg_txn_refuse(txn,
                  rv == APR_ENOSPC ? CG_ANSWER_TOO_LARGE : CG_UPSTREAM_BROKEN,
                  NULL, NULL);
    return fail(observer);
}

/* Has every text of a chat said why it ended? */
static bool is_all_ended(const cg_observer_t *observer)
{
    bool is = observer->channels->nelts > 0 &&
              observer->txn->in.endpoint != CG_ENDPOINT_RESPONSES;
    for (int i = 0; i < observer->channels->nelts; i++) {
        is = is && channel_at(observer, i)->is_ended;
    }
    return is;
}

/* Without [DONE], or the last event of a response, the end is only believed when
 * the usage, which comes last, was seen, or each text's finish_reason: a
 * connection that is closed ends an answer the same way, whole or not. */
cg_verdict_t cg_flow_observe_finish(cg_txn_t *txn, bool is_cut, cg_buf_t *out)
{
    cg_observer_t *observer = txn->answer.observer;
    observer->out = out;
    if (txn->verdict != CG_PASS) {
        return fail(observer);
    }
    if (!is_cut && !observer->is_done &&
        cg_chat_events_rest(observer->events) > 0) {
        /* Some end with the last event's line and leave out the blank one. */
        cg_flow_observe_feed(txn, CG_STR("\n\n"), out);
        if (txn->verdict != CG_PASS) {
            return txn->verdict;
        }
    }
    is_cut = is_cut || observer->is_failed ||
             (!txn->answer.usage.is_known && !is_all_ended(observer));
    if (is_cut && !txn->answer.is_whole) {
        cg_txn_refuse(txn, CG_UPSTREAM_BROKEN,
                      "The upstream broke off its answer.", NULL);
        return fail(observer);
    }
    flush_all(observer);
    if (txn->verdict != CG_PASS) {
        return fail(observer);
    }
    cg_observe_close(observer->txn);
    txn->answer.is_whole = true;
    return CG_PASS;
}
