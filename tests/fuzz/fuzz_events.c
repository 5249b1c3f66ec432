/* Fuzz target: server-sent events cut anywhere are the same events.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first two bytes of an input say how long its pieces are; the rest is the
 * stream. What is told of it in pieces must be what is told of it whole, and
 * the raw bytes of all events must be the stream.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "chat/events.h"

#include "replay.h"

#define EVENT_MAX 4096

typedef struct notes_t {
    cg_buf_t text;
    cg_buf_t raw;
} notes_t;

static apr_status_t note(void *baton, const cg_event_t *event)
{
    notes_t *notes = baton;
    MUST(event->raw.len > 0 && event->raw.len <= EVENT_MAX);
    MUST(event->has_data || event->data.len == 0);
    MUST(event->is_done ==
         (event->has_data && cg_str_is(event->data, "[DONE]")));
    cg_buf_char(&notes->text, event->has_data ? 'd' : '-');
    cg_buf_add(&notes->text, event->type.ptr, event->type.len);
    cg_buf_char(&notes->text, '\0');
    cg_buf_add(&notes->text, event->data.ptr, event->data.len);
    cg_buf_char(&notes->text, '\0');
    cg_buf_add(&notes->raw, event->raw.ptr, event->raw.len);
    return APR_SUCCESS;
}

static apr_status_t feed(cg_events_t *events, const uint8_t *data, size_t size,
                         notes_t *notes)
{
    char *copy = malloc(size ? size : 1);
    MUST(copy);
    memcpy(copy, data, size);
    apr_status_t rv = cg_chat_events_feed(events, copy, size, note, notes);
    free(copy);
    return rv;
}

/* Pieces of a and b bytes in turn. */
static apr_status_t run(const uint8_t *data, size_t size, size_t a, size_t b,
                        notes_t *notes, apr_pool_t *pool)
{
    cg_events_t *events = cg_chat_events_open(EVENT_MAX, pool);
    apr_status_t rv = APR_SUCCESS;
    cg_buf_init(&notes->text, 0, pool);
    cg_buf_init(&notes->raw, 0, pool);
    for (size_t at = 0, i = 0; at < size && rv == APR_SUCCESS; i++) {
        size_t piece = i % 2 ? b : a;
        piece = piece < size - at ? piece : size - at;
        rv = feed(events, data + at, piece, notes);
        at += piece;
    }
    MUST(notes->raw.len <= size);
    MUST(notes->raw.len == 0 ||
         memcmp(notes->raw.ptr, data, notes->raw.len) == 0);
    size_t rest = cg_chat_events_rest(events);
    MUST(rv != APR_SUCCESS || notes->raw.len + rest == size ||
         (rest == 0 && notes->raw.len + 1 == size && data[size - 1] == '\n'));
    return rv;
}

static bool is_same(const cg_buf_t *a, const cg_buf_t *b)
{
    return cg_str_equal((cg_str_t){a->ptr, a->len}, (cg_str_t){b->ptr, b->len});
}

static void check(const uint8_t *data, size_t size, size_t a, size_t b,
                  apr_pool_t *pool)
{
    notes_t whole;
    notes_t pieces;
    apr_status_t rv = run(data, size, size ? size : 1, 1, &whole, pool);
    MUST(run(data, size, a, b, &pieces, pool) == rv);
    MUST(is_same(&whole.text, &pieces.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    apr_pool_t *pool = NULL;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    check(data + 2, size - 2, data[0] % 64 + 1, data[1] % 64 + 1, pool);
    apr_pool_destroy(pool);
    return 0;
}
