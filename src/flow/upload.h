/* An upload: a multipart body, inspected and written anew as it arrives.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One pass: each piece is parsed (chat/multipart.h), each part looked through
 * (passage.h), and what may leave goes into a spill (base/spill.h), from which
 * every attempt at an upstream is fed. So nothing has left before all has been
 * seen. What is not masked leaves byte for byte.
 */
#ifndef CG_FLOW_UPLOAD_H
#define CG_FLOW_UPLOAD_H

#include "base/spill.h"
#include "flow/txn.h"

/* lives in: the request's pool */
typedef struct cg_upload_t cg_upload_t;

/* NULL: refused. folder: of the spill. Runs cg_flow_actions. */
cg_upload_t *cg_flow_upload_open(cg_txn_t *txn, const char *content_type,
                                 const char *folder);
cg_verdict_t cg_flow_upload_feed(cg_upload_t *upload, cg_str_t piece);
/* The body has ended: fills txn->in of what the form says. */
cg_verdict_t cg_flow_upload_finish(cg_upload_t *upload);
/* What may leave, once finished, and its Content-Type. */
const cg_spill_t *cg_flow_upload_body(const cg_upload_t *upload);
const char *cg_flow_upload_type(const cg_upload_t *upload);
/* Why it could not be kept, for the log; empty: it could. */
const char *cg_flow_upload_trouble(const cg_upload_t *upload);

#endif
