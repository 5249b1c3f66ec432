/* A multipart/form-data body, read as it arrives (RFC 7578, RFC 2046).
 * SPDX-License-Identifier: Apache-2.0
 *
 *   --b CRLF head CRLF CRLF data CRLF --b CRLF … CRLF --b-- [CRLF]
 *
 * Two readers of such a body must see the same parts, else something passes that
 * nobody has looked at. So whatever readers are known to differ on is a fault: a
 * preamble or an epilogue, blanks behind a boundary, a bare CR or LF where a line
 * of the frame ends, a boundary at a line that ends otherwise than it must, folded
 * or unknown headers, a part without a name, the same name twice, a transfer
 * encoding, multipart in multipart, a charset that is not read.
 *
 * Every byte of the body is told of, as frame or as data, so it can be written
 * again as it came. Nothing is allocated; what is held back is at most a boundary,
 * or the head of one part.
 */
#ifndef CG_CHAT_MULTIPART_H
#define CG_CHAT_MULTIPART_H

#include <stdbool.h>

#include "base/text.h"

#define CG_MULTIPART_BOUNDARY_MAX 70 /* RFC 2046 section 5.1.1 */
#define CG_MULTIPART_HEAD_MAX 4096   /* bytes of one part's headers */
#define CG_MULTIPART_PARTS_MAX 128
#define CG_MULTIPART_NAME_MAX 64 /* letters, digits, _ - . [ ] */

/* The head of a part. Borrowed from the parser until the call returns. */
typedef struct cg_part_t {
    cg_str_t disposition; /* the lines as they came, without their CRLF ... */
    cg_str_t type;        /* ... empty: there is none */
    cg_str_t name;
    bool has_filename;
    cg_str_t filename;      /* as it came */
    cg_str_t filename_star; /* of filename*, decoded; empty: there is none */
    cg_str_t media_type;    /* without parameters; empty: none was said */
} cg_part_t;

/* What a part is told to; false stops the parser. */
typedef struct cg_multipart_on_t {
    bool (*on_part)(void *baton, const cg_part_t *part);
    bool (*on_data)(void *baton, cg_str_t data);
    bool (*on_end)(void *baton);
} cg_multipart_on_t;

typedef enum cg_multipart_status_t {
    CG_MULTIPART_OK,
    CG_MULTIPART_STOPPED, /* a callback said false */
    CG_MULTIPART_FAULT    /* cg_multipart_t.fault says what is wrong */
} cg_multipart_status_t;

/* lives in: the caller; plain */
typedef struct cg_multipart_t {
    const cg_multipart_on_t *on;
    void *baton;
    const char *fault;
    int state;
    bool is_stopped;
    char mark[4 + CG_MULTIPART_BOUNDARY_MAX]; /* CRLF, two dashes, boundary */
    size_t mark_len;
    /* Bytes of a part's data that may begin a boundary: mark[hold_from ...
     * matched), told of only when they turn out to be data. */
    size_t hold_from;
    size_t matched;
    size_t parts;
    size_t head_len;
    size_t names_len;
    bool has_tail; /* a CRLF stood behind the last boundary */
    char head[CG_MULTIPART_HEAD_MAX];
    char star[CG_MULTIPART_HEAD_MAX];
    char names[CG_MULTIPART_PARTS_MAX * (CG_MULTIPART_NAME_MAX + 1)];
} cg_multipart_t;

/* The boundary that a Content-Type of multipart/form-data names; false and words
 * when it is another type or names none that is sound. */
bool cg_multipart_boundary(cg_str_t content_type, cg_str_t *out,
                           const char **out_fault);
/* Keeps on and baton; copies the boundary. */
void cg_multipart_open(cg_multipart_t *multipart, cg_str_t boundary,
                       const cg_multipart_on_t *on, void *baton);
/* Pieces may be cut anywhere. */
cg_multipart_status_t cg_multipart_feed(cg_multipart_t *multipart,
                                        cg_str_t piece);
/* The body has ended: was that its end? */
cg_multipart_status_t cg_multipart_finish(cg_multipart_t *multipart);

#endif
