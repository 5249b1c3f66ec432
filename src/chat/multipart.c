/* A multipart/form-data body, read as it arrives: the frame.
 * SPDX-License-Identifier: Apache-2.0
 *
 * In a part's data only the beginning of a line can begin a boundary. From there
 * on the bytes are compared with it and held, as so many bytes of the mark; a
 * byte that differs gives them back as data. A line may also begin behind a bare
 * CR or LF, or where the data begins: some readers would see a boundary there,
 * so one that stands there is a fault.
 *
 *   … text CR LF - - b o u n d a r y    the mark, hold_from 0: a boundary
 *   … text    LF - - b o u n d a r y    hold_from 1: a fault
 *                - - b o u n d a r y    hold_from 2: a fault, save at the start
 */
#include "chat/multipart.h"

#include <string.h>

#include "chat/multipart_int.h"

enum {
    AT_START,    /* the first boundary */
    AT_BOUNDARY, /* behind one: CRLF or two dashes must follow */
    AT_LINE_END, /* its CR was seen */
    AT_DASH,     /* the first of two */
    IN_HEAD,
    IN_DATA,  /* not at the beginning of a line */
    AT_CR,    /* behind a CR of the data */
    AT_LINE,  /* at the beginning of a line, matched bytes of the mark seen */
    AT_CLOSE, /* behind the last boundary */
    AT_LAST,  /* a CR was seen there */
    AT_END
};

#define LINE 2 /* bytes of the mark before its dashes */

void cg_multipart_open(cg_multipart_t *multipart, cg_str_t boundary,
                       const cg_multipart_on_t *on, void *baton)
{
    multipart->on = on;
    multipart->baton = baton;
    multipart->fault = NULL;
    multipart->is_stopped = false;
    multipart->state = AT_START;
    memcpy(multipart->mark, "\r\n--", 4);
    memcpy(multipart->mark + 4, boundary.ptr, boundary.len);
    multipart->mark_len = 4 + boundary.len;
    multipart->hold_from = LINE;
    multipart->matched = LINE;
    multipart->parts = 0;
    multipart->head_len = 0;
    multipart->names_len = 0;
    multipart->has_tail = false;
}

static bool fail(cg_multipart_t *multipart, const char *fault)
{
    multipart->fault = fault;
    return false;
}

static bool tell(cg_multipart_t *multipart, const char *ptr, size_t len)
{
    if (len > 0 &&
        !multipart->on->on_data(multipart->baton, (cg_str_t){ptr, len})) {
        multipart->is_stopped = true;
    }
    return !multipart->is_stopped;
}

/* A line of data begins behind hold_from bytes of the mark. */
static void begin_line(cg_multipart_t *multipart, size_t hold_from)
{
    multipart->state = AT_LINE;
    multipart->hold_from = hold_from;
    multipart->matched = LINE;
}

/* ---- heads -------------------------------------------------------------- */

static bool begin_part(cg_multipart_t *multipart)
{
    cg_part_t part;
    const char *fault = cg_multipart_read_head(multipart, &part);
    if (fault) {
        return fail(multipart, fault);
    }
    begin_line(multipart, LINE);
    multipart->is_stopped = !multipart->on->on_part(multipart->baton, &part);
    return !multipart->is_stopped;
}

static bool is_head_byte(const cg_multipart_t *multipart, char c)
{
    size_t len = multipart->head_len;
    char before = len > 0 ? multipart->head[len - 1] : '\n';
    bool is_line_end = before == '\r';
    if (is_line_end || c == '\n') {
        return is_line_end && c == '\n';
    }
    if (before == '\n' && (c == ' ' || c == '\t')) {
        return false; /* a folded line */
    }
    return c == '\r' || c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7F);
}

static bool step_head(cg_multipart_t *multipart, char c)
{
    if (!is_head_byte(multipart, c)) {
        return fail(multipart, "the headers of a part cannot be read");
    }
    if (multipart->head_len == CG_MULTIPART_HEAD_MAX) {
        return fail(multipart, "the headers of a part are too long");
    }
    multipart->head[multipart->head_len++] = c;
    size_t len = multipart->head_len;
    bool is_empty_line =
        c == '\n' &&
        (len == 2 || (len > 3 && multipart->head[len - 3] == '\n'));
    if (!is_empty_line) {
        return true;
    }
    multipart->head_len = len - 2;
    return begin_part(multipart);
}

/* ---- boundaries --------------------------------------------------------- */

static bool begin_head(cg_multipart_t *multipart)
{
    if (multipart->parts == CG_MULTIPART_PARTS_MAX) {
        return fail(multipart, "there are too many parts");
    }
    multipart->parts++;
    multipart->head_len = 0;
    multipart->state = IN_HEAD;
    return true;
}

static bool step_boundary(cg_multipart_t *multipart, char c)
{
    static const struct {
        int state;
        char c;
        int next;
    } steps[] = {
        {AT_BOUNDARY, '\r', AT_LINE_END}, {AT_BOUNDARY, '-', AT_DASH},
        {AT_LINE_END, '\n', IN_HEAD},     {AT_DASH, '-', AT_CLOSE},
        {AT_CLOSE, '\r', AT_LAST},        {AT_LAST, '\n', AT_END},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i].state == multipart->state && steps[i].c == c) {
            multipart->state = steps[i].next;
            multipart->has_tail = steps[i].next == AT_END;
            return steps[i].next == IN_HEAD ? begin_head(multipart) : true;
        }
    }
    return fail(multipart, multipart->state >= AT_CLOSE
                               ? "something follows the last boundary"
                               : "a boundary goes on with something else");
}

static bool step_start(cg_multipart_t *multipart, char c)
{
    if (c != multipart->mark[multipart->matched]) {
        return fail(multipart, "the body does not begin with its boundary");
    }
    if (++multipart->matched == multipart->mark_len) {
        multipart->state = AT_BOUNDARY;
    }
    return true;
}

static bool end_part(cg_multipart_t *multipart)
{
    if (multipart->hold_from != 0) {
        return fail(multipart, "a boundary stands where no line has ended");
    }
    multipart->state = AT_BOUNDARY;
    multipart->is_stopped = !multipart->on->on_end(multipart->baton);
    return !multipart->is_stopped;
}

/* ---- data --------------------------------------------------------------- */

/* What is told of a piece's data, and from where on it has not been told. */
typedef struct piece_t {
    const char *at;
    const char *end;
    const char *from; /* not told of yet; data up to here was */
    bool is_held;     /* what is held began in an earlier piece */
} piece_t;

/* What was held is data. */
static bool give_back(cg_multipart_t *multipart, piece_t *piece)
{
    bool is_told = true;
    if (piece->is_held) {
        is_told = tell(multipart, multipart->mark + multipart->hold_from,
                       multipart->matched - multipart->hold_from);
        piece->from = piece->at;
    }
    piece->is_held = false;
    multipart->hold_from = multipart->matched = 0;
    return is_told;
}

static void skip_plain(piece_t *piece)
{
    const char *at = piece->at;
    while (at < piece->end && *at != '\r' && *at != '\n') {
        at++;
    }
    piece->at = at;
}

/* Holds a CR or LF from here on. */
static void hold_line_end(cg_multipart_t *multipart, piece_t *piece)
{
    if (*piece->at == '\r') {
        multipart->state = AT_CR;
        multipart->hold_from = 0;
        multipart->matched = 1;
    }
    else {
        begin_line(multipart, 1);
    }
    piece->at++;
}

/* Behind a CR: its LF, or another beginning. The CR alone is data, but a line
 * begins behind it for some. */
static bool step_cr(cg_multipart_t *multipart, piece_t *piece)
{
    if (*piece->at == '\n') {
        begin_line(multipart, 0);
        piece->at++;
        return true;
    }
    if (!give_back(multipart, piece)) {
        return false;
    }
    begin_line(multipart, LINE);
    return true;
}

static bool tell_until(cg_multipart_t *multipart, piece_t *piece,
                       const char *end)
{
    return end <= piece->from ||
           tell(multipart, piece->from, (size_t)(end - piece->from));
}

static bool step_line(cg_multipart_t *multipart, piece_t *piece)
{
    if (*piece->at != multipart->mark[multipart->matched]) {
        multipart->state = IN_DATA;
        return give_back(multipart, piece);
    }
    multipart->matched++;
    piece->at++;
    if (multipart->matched < multipart->mark_len) {
        return true;
    }
    size_t held = multipart->matched - multipart->hold_from;
    bool is_told =
        piece->is_held || tell_until(multipart, piece, piece->at - held);
    piece->is_held = false;
    piece->from = piece->at;
    return is_told && end_part(multipart);
}

static bool step_data(cg_multipart_t *multipart, piece_t *piece)
{
    if (multipart->state == AT_CR) {
        return step_cr(multipart, piece);
    }
    if (multipart->state == AT_LINE) {
        return step_line(multipart, piece);
    }
    skip_plain(piece);
    if (piece->at < piece->end) {
        hold_line_end(multipart, piece);
    }
    return true;
}

/* The piece is over: tells of its data, all but what is held. */
static bool end_piece(cg_multipart_t *multipart, piece_t *piece)
{
    size_t held = multipart->state == IN_DATA
                      ? 0
                      : multipart->matched - multipart->hold_from;
    return piece->is_held || tell_until(multipart, piece, piece->end - held);
}

static bool is_data(const cg_multipart_t *multipart)
{
    return multipart->state >= IN_DATA && multipart->state <= AT_LINE;
}

/* As far as the data of one part goes. */
static bool feed_data(cg_multipart_t *multipart, piece_t *piece)
{
    piece->from = piece->at;
    piece->is_held = multipart->state != IN_DATA &&
                     multipart->matched > multipart->hold_from;
    while (piece->at < piece->end && is_data(multipart)) {
        if (!step_data(multipart, piece)) {
            return false;
        }
    }
    return !is_data(multipart) || end_piece(multipart, piece);
}

static bool step(cg_multipart_t *multipart, char c)
{
    switch (multipart->state) {
    case AT_START:
        return step_start(multipart, c);
    case IN_HEAD:
        return step_head(multipart, c);
    default:
        return step_boundary(multipart, c);
    }
}

static cg_multipart_status_t status_of(const cg_multipart_t *multipart)
{
    if (multipart->is_stopped) {
        return CG_MULTIPART_STOPPED;
    }
    return multipart->fault ? CG_MULTIPART_FAULT : CG_MULTIPART_OK;
}

cg_multipart_status_t cg_multipart_feed(cg_multipart_t *multipart,
                                        cg_str_t piece)
{
    piece_t rest = {.at = piece.ptr, .end = piece.ptr + piece.len};
    bool is_well = status_of(multipart) == CG_MULTIPART_OK;
    while (is_well && rest.at < rest.end) {
        if (is_data(multipart)) {
            is_well = feed_data(multipart, &rest);
        }
        else {
            is_well = step(multipart, *rest.at);
            rest.at++;
        }
    }
    return status_of(multipart);
}

cg_multipart_status_t cg_multipart_finish(cg_multipart_t *multipart)
{
    if (status_of(multipart) == CG_MULTIPART_OK &&
        multipart->state != AT_CLOSE && multipart->state != AT_END) {
        fail(multipart, "the body ends before its last boundary");
    }
    return status_of(multipart);
}
