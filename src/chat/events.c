/* Server-sent events: cutting a byte stream into events, and writing one.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Finding ends and reading fields are two passes. The first looks only for line
 * ends and remembers across calls what a cut may separate: whether the line so
 * far is empty, whether the last byte was a CR. The second reads the fields of
 * one complete event.
 *
 *   feed:  ...a: 1\n\n | data: 2\n\n | data: 3\nda
 *            carry ^     in place       kept in carry
 *
 * An event that came whole is read where it stands; only one that was cut is
 * gathered in the carry.
 *
 * A CR ends a line at once, so an event that ends in CR is not held back until
 * somebody knows whether LF follows. If it does, that LF opens the next event's
 * raw bytes, where it means nothing: the raw bytes of all events, put together,
 * are the stream.
 */
#include "chat/events.h"

#include <string.h>

struct cg_events_t {
    size_t event_max;
    cg_buf_t carry;       /* the unfinished event, when it was cut */
    cg_buf_t joined;      /* data of more than one line */
    bool is_line_empty;   /* no byte of the present line has come */
    bool is_after_cr;     /* an LF now belongs to the CR before it */
    bool is_stream_start; /* a BOM may stand here */
};

static const char bom[] = "\xEF\xBB\xBF";
#define BOM_LEN (sizeof(bom) - 1)

cg_events_t *cg_chat_events_open(size_t event_max, apr_pool_t *pool)
{
    cg_events_t *events = apr_pcalloc(pool, sizeof(*events));
    events->event_max = event_max;
    cg_buf_init(&events->carry, 0, pool);
    cg_buf_init(&events->joined, 0, pool);
    events->is_line_empty = true;
    events->is_stream_start = true;
    return events;
}

/* Where CR and LF stand next; each is looked up again only when passed, so a
 * stream without CR, or without LF, is still read once. */
typedef struct line_ends_t {
    const char *end;
    const char *lf;
    const char *cr;
} line_ends_t;

static const char *find(const char *from, const char *end, char c)
{
    const char *at = from < end ? memchr(from, c, (size_t)(end - from)) : NULL;
    return at == NULL ? end : at;
}

static line_ends_t line_ends_of(const char *from, const char *end)
{
    return (line_ends_t){end, find(from, end, '\n'), find(from, end, '\r')};
}

/* The first line end at or after from; end if there is none. */
static const char *next_line_end(line_ends_t *ends, const char *from)
{
    if (ends->lf < from) {
        ends->lf = find(from, ends->end, '\n');
    }
    if (ends->cr < from) {
        ends->cr = find(from, ends->end, '\r');
    }
    return ends->lf < ends->cr ? ends->lf : ends->cr;
}

/* The byte after the event that begins before or at from, or NULL when it goes
 * on behind the bytes at hand. */
static const char *event_end(cg_events_t *events, line_ends_t *ends,
                             const char *from)
{
    const char *at = from;
    while (at < ends->end) {
        if (events->is_after_cr && *at == '\n') {
            events->is_after_cr = false;
            at++;
            continue;
        }
        events->is_after_cr = false;
        const char *line_end = next_line_end(ends, at);
        bool is_blank = line_end == at && events->is_line_empty;
        events->is_line_empty = line_end < ends->end;
        if (line_end == ends->end) {
            return NULL;
        }
        events->is_after_cr = *line_end == '\r';
        at = line_end + 1;
        if (events->is_after_cr && at < ends->end && *at == '\n') {
            events->is_after_cr = false;
            at++;
        }
        if (is_blank) {
            return at;
        }
    }
    return NULL;
}

static cg_str_t value_of(cg_str_t line, size_t name_len)
{
    if (line.len == name_len) {
        return (cg_str_t){"", 0};
    }
    size_t skip = name_len + 1;
    if (line.len > skip && line.ptr[skip] == ' ') {
        skip++;
    }
    return (cg_str_t){line.ptr + skip, line.len - skip};
}

static bool is_field(cg_str_t line, const char *name, size_t len)
{
    return line.len >= len && memcmp(line.ptr, name, len) == 0 &&
           (line.len == len || line.ptr[len] == ':');
}

/* One data line is borrowed; more are joined by LF in a buffer of the reader.
 */
static void take_data(cg_buf_t *joined, cg_event_t *event, cg_str_t value)
{
    if (!event->has_data) {
        event->has_data = true;
        event->data = value;
        return;
    }
    if (event->data.ptr != joined->ptr || joined->len == 0) {
        joined->len = 0;
        cg_buf_add(joined, event->data.ptr, event->data.len);
    }
    cg_buf_char(joined, '\n');
    cg_buf_add(joined, value.ptr, value.len);
    event->data = (cg_str_t){joined->ptr, joined->len};
}

static void take_line(cg_buf_t *joined, cg_event_t *event, cg_str_t line)
{
    if (is_field(line, "data", 4)) {
        take_data(joined, event, value_of(line, 4));
    }
    else if (is_field(line, "event", 5)) {
        event->type = value_of(line, 5);
    }
}

static void read_fields(cg_buf_t *joined, cg_event_t *event, cg_str_t lines)
{
    joined->len = 0;
    const char *at = lines.ptr;
    line_ends_t ends = line_ends_of(at, lines.ptr + lines.len);
    while (at < ends.end) {
        const char *line_end = next_line_end(&ends, at);
        take_line(joined, event, (cg_str_t){at, (size_t)(line_end - at)});
        at = line_end + 1;
    }
    event->is_done = event->has_data && cg_str_is(event->data, "[DONE]");
}

typedef struct listener_t {
    apr_status_t (*on_event)(void *baton, const cg_event_t *event);
    void *baton;
} listener_t;

static apr_status_t tell(cg_events_t *events, const listener_t *listener,
                         cg_str_t raw)
{
    cg_event_t event = {.raw = raw, .type = {"", 0}, .data = {"", 0}};
    cg_str_t lines = raw;
    if (events->is_stream_start && cg_str_has_prefix(raw, bom)) {
        lines = (cg_str_t){raw.ptr + BOM_LEN, raw.len - BOM_LEN};
    }
    events->is_stream_start = false;
    read_fields(&events->joined, &event, lines);
    return listener->on_event(listener->baton, &event);
}

/* Tells of the event that ends at end and began in the carry or at start. */
static apr_status_t finish(cg_events_t *events, const listener_t *listener,
                           const char *start, const char *end)
{
    size_t len = (size_t)(end - start);
    if (len > events->event_max - events->carry.len) {
        return APR_ENOSPC;
    }
    if (events->carry.len == 0) {
        return tell(events, listener, (cg_str_t){start, len});
    }
    cg_buf_add(&events->carry, start, len);
    cg_str_t raw = {events->carry.ptr, events->carry.len};
    events->carry.len = 0; /* the bytes stay until the next feed */
    return tell(events, listener, raw);
}

apr_status_t
cg_chat_events_feed(cg_events_t *events, const char *bytes, size_t len,
                    apr_status_t (*on_event)(void *baton, const cg_event_t *),
                    void *baton)
{
    if (len == 0) {
        return APR_SUCCESS;
    }
    listener_t listener = {on_event, baton};
    line_ends_t ends = line_ends_of(bytes, bytes + len);
    const char *start = bytes;
    while (start < ends.end) {
        const char *end = event_end(events, &ends, start);
        if (end == NULL) {
            break;
        }
        events->is_line_empty = true;
        apr_status_t rv = finish(events, &listener, start, end);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        start = end;
    }
    size_t rest = (size_t)(ends.end - start);
    if (rest > events->event_max - events->carry.len) {
        return APR_ENOSPC;
    }
    if (rest > 0) {
        cg_buf_add(&events->carry, start, rest);
    }
    return APR_SUCCESS;
}

size_t cg_chat_events_rest(const cg_events_t *events)
{
    const cg_buf_t *carry = &events->carry;
    bool is_late_lf = carry->len == 1 && carry->ptr[0] == '\n';
    return is_late_lf ? 0 : carry->len;
}

void cg_chat_events_frame(const cg_event_t *event, cg_buf_t *out)
{
    const char *at = event->raw.ptr;
    line_ends_t ends = line_ends_of(at, at + event->raw.len);
    while (at < ends.end) {
        const char *line_end = next_line_end(&ends, at);
        cg_str_t line = {at, (size_t)(line_end - at)};
        if (line.len > 0 && !is_field(line, "data", 4)) {
            cg_buf_add(out, line.ptr, line.len);
            cg_buf_char(out, '\n');
        }
        at = line_end + 1;
    }
}

static void write_line(cg_buf_t *out, const char *name, cg_str_t value)
{
    cg_buf_str(out, name);
    cg_buf_add(out, value.ptr, value.len);
    cg_buf_char(out, '\n');
}

void cg_chat_events_write(cg_buf_t *out, cg_str_t type, cg_str_t data)
{
    if (type.len > 0) {
        line_ends_t first = line_ends_of(type.ptr, type.ptr + type.len);
        size_t len = (size_t)(next_line_end(&first, type.ptr) - type.ptr);
        write_line(out, "event: ", (cg_str_t){type.ptr, len});
    }
    line_ends_t ends = line_ends_of(data.ptr, data.ptr + data.len);
    const char *at = data.ptr;
    for (;;) {
        const char *stop = next_line_end(&ends, at);
        write_line(out, "data: ", (cg_str_t){at, (size_t)(stop - at)});
        if (stop == ends.end) {
            break;
        }
        bool is_pair =
            ends.end - stop > 1 && stop[0] == '\r' && stop[1] == '\n';
        at = stop + (is_pair ? 2 : 1);
    }
    cg_buf_char(out, '\n');
}
