/* The reader of server-sent events, under every way of cutting its bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "chat/events.h"

#include "cases.h"

/* ---- what was told, written down -------------------------------------- */

typedef struct notes_t {
    cg_buf_t text; /* type, data and flags of each event */
    cg_buf_t raw;  /* their bytes */
    int count;
    int stop_at; /* refuse this event; 0: none */
} notes_t;

static apr_status_t note(void *baton, const cg_event_t *event)
{
    notes_t *notes = baton;
    cg_buf_char(&notes->text, '<');
    cg_buf_add(&notes->text, event->type.ptr, event->type.len);
    cg_buf_str(&notes->text, event->has_data ? "|" : "-");
    cg_buf_add(&notes->text, event->data.ptr, event->data.len);
    cg_buf_str(&notes->text, event->is_done ? ">!" : ">");
    cg_buf_add(&notes->raw, event->raw.ptr, event->raw.len);
    notes->count++;
    return notes->count == notes->stop_at ? APR_EGENERAL : APR_SUCCESS;
}

static notes_t open_notes(apr_pool_t *pool)
{
    notes_t notes = {.count = 0};
    cg_buf_init(&notes.text, 64, pool);
    cg_buf_init(&notes.raw, 64, pool);
    return notes;
}

static cg_str_t str_of(const cg_buf_t *buf)
{
    return (cg_str_t){buf->ptr, buf->len};
}

/* Feeds a copy that ends where its memory does and is gone afterwards. */
static apr_status_t feed(cg_events_t *events, const char *bytes, size_t len,
                         notes_t *notes)
{
    char *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    apr_status_t rv = cg_chat_events_feed(events, copy, len, note, notes);
    free(copy);
    return rv;
}

/* ---- cases ------------------------------------------------------------ */

static cg_str_t expected_notes(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, 64, pool);
    uint32_t event = row->nodes[cg_walk_member(row, 0, "events")].child;
    for (; event != CG_NODE_NONE; event = row->nodes[event].next) {
        uint32_t node = cg_walk_member(row, event, "data");
        cg_str_t type =
            cg_walk_string(row, cg_walk_member(row, event, "type"), pool);
        cg_str_t data = cg_walk_string(row, node, pool);
        bool has_data = row->nodes[node].kind == CG_NODE_STRING;
        cg_buf_char(&out, '<');
        cg_buf_add(&out, type.ptr, type.len);
        cg_buf_str(&out, has_data ? "|" : "-");
        cg_buf_add(&out, data.ptr, data.len);
        cg_buf_str(&out, cg_str_is(data, "[DONE]") ? ">!" : ">");
    }
    return str_of(&out);
}

/* The bytes of all events, and of the rest, are the stream. */
static bool is_whole(const notes_t *notes, cg_str_t stream, size_t rest)
{
    size_t told = notes->raw.len;
    bool is_lf_late = told + 1 == stream.len && rest == 0 &&
                      stream.ptr[told] == '\n' && told > 0 &&
                      stream.ptr[told - 1] == '\r';
    return (told + rest == stream.len || is_lf_late) &&
           (told == 0 || memcmp(notes->raw.ptr, stream.ptr, told) == 0);
}

static void check_pieces(const cg_walk_t *row, cg_str_t stream, size_t first,
                         size_t each, apr_pool_t *pool)
{
    notes_t notes = open_notes(pool);
    cg_events_t *events = cg_chat_events_open(1000, pool);
    for (size_t at = 0, size = first; at < stream.len; at += size) {
        size = at == 0 ? first : each;
        size = size < stream.len - at ? size : stream.len - at;
        CU_ASSERT_EQUAL(feed(events, stream.ptr + at, size, &notes),
                        APR_SUCCESS);
    }
    size_t rest = cg_chat_events_rest(events);
    check(cg_str_equal(str_of(&notes.text), expected_notes(row, pool)), row,
          cg_buf_cstr(&notes.text));
    check((int64_t)rest == number_in(row, "rest", 0), row, "rest");
    check(is_whole(&notes, stream, rest), row, "raw bytes");
}

static void check_cuts(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t stream = text_in(row, "stream", pool);
    check_pieces(row, stream, stream.len, 1, pool);
    for (size_t each = 1; each <= 5; each++) {
        for (size_t first = 1; first < stream.len; first++) {
            check_pieces(row, stream, first, each, pool);
            check_pieces(row, stream, first, stream.len, pool);
        }
    }
}

static void events_are_the_same_however_the_bytes_are_cut(void)
{
    each_case("sse/events.jsonl", check_cuts);
}

/* ---- bounds ----------------------------------------------------------- */

static void an_event_goes_out_with_its_last_byte(void)
{
    static const char *const streams[] = {"data: a\n\n", "data: a\r\r",
                                          "data: a\r\n\r", NULL};
    for (int i = 0; streams[i]; i++) {
        apr_pool_t *pool = open_pool();
        notes_t notes = open_notes(pool);
        cg_events_t *events = cg_chat_events_open(100, pool);
        for (const char *p = streams[i]; *p; p++) {
            CU_ASSERT_EQUAL(notes.count, 0);
            feed(events, p, 1, &notes);
        }
        CU_ASSERT_EQUAL(notes.count, 1);
        apr_pool_destroy(pool);
    }
}

static apr_status_t feed_whole(size_t event_max, const char *text, size_t piece)
{
    apr_pool_t *pool = open_pool();
    notes_t notes = open_notes(pool);
    cg_events_t *events = cg_chat_events_open(event_max, pool);
    apr_status_t rv = APR_SUCCESS;
    size_t len = strlen(text);
    for (size_t at = 0; at < len && rv == APR_SUCCESS; at += piece) {
        size_t size = piece < len - at ? piece : len - at;
        rv = feed(events, text + at, size, &notes);
    }
    apr_pool_destroy(pool);
    return rv;
}

static void an_event_beyond_the_bound_is_refused_whole_or_cut(void)
{
    const char *text = "data: 1\n\ndata: 2\n\n";
    for (size_t piece = 1; piece <= 18; piece++) {
        CU_ASSERT_EQUAL(feed_whole(9, text, piece), APR_SUCCESS);
        CU_ASSERT_EQUAL(feed_whole(8, text, piece), APR_ENOSPC);
        CU_ASSERT_EQUAL(feed_whole(0, text, piece), APR_ENOSPC);
    }
    CU_ASSERT_EQUAL(feed_whole(9, "data: without an end", 1), APR_ENOSPC);
}

static void a_listener_can_stop(void)
{
    apr_pool_t *pool = open_pool();
    notes_t notes = open_notes(pool);
    notes.stop_at = 2;
    cg_events_t *events = cg_chat_events_open(100, pool);
    const char *text = "data: 1\n\ndata: 2\n\ndata: 3\n\n";
    CU_ASSERT_EQUAL(feed(events, text, strlen(text), &notes), APR_EGENERAL);
    CU_ASSERT_EQUAL(notes.count, 2);
    apr_pool_destroy(pool);
}

static void nothing_fed_tells_nothing(void)
{
    apr_pool_t *pool = open_pool();
    notes_t notes = open_notes(pool);
    cg_events_t *events = cg_chat_events_open(100, pool);
    CU_ASSERT_EQUAL(cg_chat_events_feed(events, NULL, 0, note, &notes),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(notes.count, 0);
    CU_ASSERT_EQUAL(cg_chat_events_rest(events), 0);
    apr_pool_destroy(pool);
}

/* ---- writing ---------------------------------------------------------- */

static void check_written(const char *type, const char *data, const char *want,
                          const char *notes_want)
{
    apr_pool_t *pool = open_pool();
    cg_buf_t out;
    cg_buf_init(&out, 0, pool);
    cg_chat_events_write(&out, cg_str(type), cg_str(data));
    CU_ASSERT_STRING_EQUAL(cg_buf_cstr(&out), want);
    notes_t notes = open_notes(pool);
    cg_events_t *events = cg_chat_events_open(1000, pool);
    feed(events, out.ptr, out.len, &notes);
    CU_ASSERT_STRING_EQUAL(cg_buf_cstr(&notes.text), notes_want);
    apr_pool_destroy(pool);
}

static void what_is_written_reads_back(void)
{
    check_written("", "{}", "data: {}\n\n", "<|{}>");
    check_written("error", "{}", "event: error\ndata: {}\n\n", "<error|{}>");
    check_written("", "", "data: \n\n", "<|>");
    check_written(NULL, NULL, "data: \n\n", "<|>");
    check_written("", " a", "data:  a\n\n", "<| a>");
    check_written("", "[DONE]", "data: [DONE]\n\n", "<|[DONE]>!");
}

static void line_ends_in_data_cannot_make_an_event(void)
{
    check_written("", "a\nb", "data: a\ndata: b\n\n", "<|a\nb>");
    check_written("", "a\r\nb\rc\n", "data: a\ndata: b\ndata: c\ndata: \n\n",
                  "<|a\nb\nc\n>");
    check_written("", "\n\ndata: x", "data: \ndata: \ndata: data: x\n\n",
                  "<|\n\ndata: x>");
    check_written("a\ndata: x", "{}", "event: a\ndata: {}\n\n", "<a|{}>");
}

CU_TestInfo test_chat_events[] = {
    {"events_are_the_same_however_the_bytes_are_cut",
     events_are_the_same_however_the_bytes_are_cut},
    {"an_event_goes_out_with_its_last_byte",
     an_event_goes_out_with_its_last_byte},
    {"an_event_beyond_the_bound_is_refused_whole_or_cut",
     an_event_beyond_the_bound_is_refused_whole_or_cut},
    {"a_listener_can_stop", a_listener_can_stop},
    {"nothing_fed_tells_nothing", nothing_fed_tells_nothing},
    {"what_is_written_reads_back", what_is_written_reads_back},
    {"line_ends_in_data_cannot_make_an_event",
     line_ends_in_data_cannot_make_an_event},
    CU_TEST_INFO_NULL,
};
