/* One running text of a streamed answer on its way to the caller.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   delta -> tokens hidden -> masked -> tokens shown as values -> out
 *                                    \> shown as tokens        -> the record
 *
 * A text may be pieces of JSON: the arguments of a tool call are; a choice's
 * content is if it begins as JSON does and has not yet ceased to be. There a value
 * is escaped as its string is, and what stands in the place of a number, which was
 * no string, gets quotes.
 * Only files of this room include it.
 */
#ifndef CG_FLOW_OBSERVE_TEXT_H
#define CG_FLOW_OBSERVE_TEXT_H

#include "flow/txn.h"
#include "redact/restore.h"
#include "redact/stream.h"

typedef enum cg_prose_t {
    CG_PROSE_UNKNOWN, /* nothing but blanks so far */
    CG_PROSE,
    CG_PROSE_JSON,
    CG_PROSE_ARGUMENTS /* JSON, whatever it looks like */
} cg_prose_t;

/* lives in: the observer, one for each running text */
typedef struct cg_running_t {
    cg_stream_t *stream;
    cg_restore_t restore;
    apr_array_header_t *masks; /* of cg_masked_t, of the call under way */
    uint8_t prose;             /* cg_prose_t */
    bool is_string;            /* JSON: inside a string ... */
    bool is_escaped;           /* ... behind a backslash */
    bool is_word;              /* in a word or number outside strings */
    uint16_t depth;            /* of brackets */
} cg_running_t;

void cg_running_open(cg_running_t *running, cg_txn_t *txn, bool is_arguments);
/* Appends what may go to out, and the same for the record to kept. */
void cg_running_feed(cg_running_t *running, cg_str_t delta, apr_pool_t *scratch,
                     cg_buf_t *out, cg_buf_t *kept);
/* The text has ended; what was held goes out. */
void cg_running_finish(cg_running_t *running, apr_pool_t *scratch,
                       cg_buf_t *out, cg_buf_t *kept);
size_t cg_running_held_bytes(const cg_running_t *running);

#endif
