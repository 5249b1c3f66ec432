/* Server-sent events: cutting a byte stream into events, and writing one.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Follows the WHATWG HTML standard, section "Server-sent events": lines end with
 * CRLF, CR or LF, a blank line ends an event, "data:" lines are joined by LF,
 * lines that begin with ":" are comments, one leading BOM is ignored. Bytes may
 * be cut anywhere by the network, in a UTF-8 sequence or between CR and LF too.
 */
#ifndef CG_CHAT_EVENTS_H
#define CG_CHAT_EVENTS_H

#include <apr_errno.h>

#include "base/text.h"

typedef struct cg_event_t {
    cg_str_t raw;  /* all its bytes with the blank line, as they came */
    cg_str_t type; /* value of "event:", or empty */
    cg_str_t data; /* joined data; empty for comments */
    bool has_data;
    bool is_done; /* data is exactly [DONE] */
} cg_event_t;

typedef struct cg_events_t cg_events_t;

/* An event of more than event_max bytes is refused (APR_ENOSPC). */
cg_events_t *cg_chat_events_open(size_t event_max, apr_pool_t *pool);
/* Gives on_event every event that is complete with these bytes, at once and in
 * order; the event is valid during the call only. A non-success of on_event
 * stops and is returned. Memory is reused: a long stream does not grow. */
apr_status_t
cg_chat_events_feed(cg_events_t *events, const char *bytes, size_t len,
                    apr_status_t (*on_event)(void *baton, const cg_event_t *),
                    void *baton);
/* Bytes of an unfinished event at the end of the stream, if any. */
size_t cg_chat_events_rest(const cg_events_t *events);

/* Appends the lines of an event that hold no data: comments, ids, its type. */
void cg_chat_events_frame(const cg_event_t *event, cg_buf_t *out);
/* Writes an event with this type (may be empty) and data. */
void cg_chat_events_write(cg_buf_t *out, cg_str_t type, cg_str_t data);

#endif
