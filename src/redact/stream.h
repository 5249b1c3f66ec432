/* Masking a text that arrives in pieces.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A delta goes in, what may be sent comes out. The end of the text that could
 * still become part of a value is held back, at most CG_STREAM_HELD_MAX bytes:
 * the last word, a row of digits, the beginning of a key. When a private key,
 * a JWT or another key has begun, its mask goes out at once and its body is
 * swallowed as it comes, however long.
 *
 * Promise: the pieces put out, joined, are the same for every way of cutting
 * the text, and equal to cg_redact_scan(…, CG_SCAN_PLAIN) + cg_redact_mask of
 * the whole. One stream per choice and per tool call. A stream uses no memory
 * but its own struct.
 */
#ifndef CG_REDACT_STREAM_H
#define CG_REDACT_STREAM_H

#include <apr_tables.h>

#include "base/text.h"
#include "redact/mask.h"
#include "redact/rules.h"

#define CG_STREAM_HELD_MAX 256 /* bytes */

typedef struct cg_stream_t cg_stream_t;

/* Keeps what it is given; it must live as long as the stream. pseudonyms may be
 * NULL. */
cg_stream_t *cg_stream_open(const cg_rules_t *rules,
                            const cg_actions_t *actions,
                            cg_pseudonyms_t *pseudonyms, apr_pool_t *pool);

#define CG_MASKED_STOOD_MAX 40

/* Where in the output something was put in the place of a finding. */
typedef struct cg_masked_t {
    size_t start, end; /* bytes of the buffer that was given */
    /* How what was found began, as much as tells a number from words. */
    uint8_t stood_len;
    char stood[CG_MASKED_STOOD_MAX];
} cg_masked_t;

/* From now on each mask is added to masks, an array of cg_masked_t that the
 * caller empties; a mask is put out in one piece. */
void cg_stream_note_masks(cg_stream_t *stream, apr_array_header_t *masks);

/* Appends to out what may go. Deltas may be cut anywhere, within a UTF-8
 * sequence too. After a finding whose action is BLOCK nothing is put out any
 * more. */
void cg_stream_feed(cg_stream_t *stream, cg_str_t delta, cg_buf_t *out);

/* The text has ended (finish_reason, [DONE], an error, another tool call):
 * decides on what is held and puts it out. Afterwards the stream begins a new
 * text; its tally goes on. */
void cg_stream_finish(cg_stream_t *stream, cg_buf_t *out);

/* Has a finding with action BLOCK been seen? blocked_by gets its type. The
 * caller ends the answer with an error. May be asked after each feed. */
bool cg_stream_is_blocked(const cg_stream_t *stream, uint8_t *blocked_by);
const cg_tally_t *cg_stream_tally(const cg_stream_t *stream);
size_t cg_stream_held_bytes(const cg_stream_t *stream);
/* Bytes of an open stream, what it may hold back included. */
size_t cg_stream_size(void);

#endif
