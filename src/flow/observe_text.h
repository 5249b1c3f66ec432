/* One running text of a streamed answer on its way to the caller.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   delta -> tokens hidden -> breaks read -> masked -> shown as values -> out
 *                                                   \> as tokens -> the record
 *
 * What is put into a text is escaped as its place asks (place.h).
 * Only files of this room include it.
 */
#ifndef CG_FLOW_OBSERVE_TEXT_H
#define CG_FLOW_OBSERVE_TEXT_H

#include "flow/place.h"
#include "flow/txn.h"
#include "redact/restore.h"
#include "redact/stream.h"

/* lives in: the observer, one for each running text */
typedef struct cg_running_t {
    cg_stream_t *stream;
    cg_restore_t restore;
    apr_array_header_t *masks; /* of cg_masked_t, of the call under way */
    cg_place_t read;           /* of what comes */
    cg_place_t place;          /* of what goes out */
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
